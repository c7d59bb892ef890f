//! What a client on a bare socket sees: each case once on hyper, once on actix-http.

#![expect(clippy::unwrap_used, reason = "these are tests: they fail where they unwrap")]
#![expect(clippy::disallowed_methods, reason = "the client is a plain thread, beside the runtimes")]

mod servers;

use std::io;
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use servers::client::{Client, GET};
use servers::{CLOCKS, PACE, Server, Start};

macro_rules! on_both {
    ($($case:ident)*) => {
        mod on_hyper {
            $(#[test] fn $case() { super::$case(super::servers::hyper::start); })*
        }
        mod on_actix {
            $(#[test] fn $case() { super::$case(super::servers::actix::start); })*
        }
    };
}

on_both! {
    an_idle_connection_is_closed_without_a_word
    an_idle_connection_is_closed_after_its_last_reply
    a_slow_head_gets_408
    a_slow_head_gets_408_as_the_second_request
    a_head_in_time_is_answered_however_it_is_cut
    a_long_wait_is_not_idle
    a_line_that_is_too_long_gets_414
    a_head_that_is_too_long_gets_431
    a_malformed_head_gets_a_refusal_that_closes
    nonsense_in_pieces_gets_400_before_its_end
    a_fragment_gets_400
    a_chunk_extension_without_end_gets_400
    a_malformed_chunk_gets_400_however_long_the_answer_takes
    what_stands_behind_a_chunked_body_is_held_to_the_same_rules
    a_body_ends_with_its_length_whatever_it_asks_to_become
    a_refusal_arrives_although_the_client_goes_on_sending
    a_reply_that_is_not_read_is_cut
    a_silent_body_gets_408
    a_dripping_body_gets_408
    a_body_in_pieces_is_read
    a_large_unread_body_closes_the_connection
    a_small_unread_body_does_not
    a_body_held_back_for_100_is_not_waited_for
    pipelined_requests_are_answered_one_by_one
    a_pipelined_head_takes_nothing_from_the_reply_before_it
    a_client_that_leaves_in_mid_request_is_gone
    a_client_that_closes_its_side_after_an_answered_request_has_its_answer
    a_client_that_closes_its_side_behind_its_body_has_its_answer
    nothing_is_answered_after_connection_close
    one_connection_too_many_gets_503
    a_nearly_full_server_closes_after_each_reply
    a_drain_ends_idle_connections_and_half_heads_at_once
    a_drain_waits_for_the_request_in_flight
    a_drain_ends_a_connection_after_the_reply_that_had_begun
    a_drain_does_not_wait_for_a_client_that_lingers
    a_drain_cuts_what_does_not_end
    a_drain_refuses_new_connections
}

/// Between a clock and twice the clock, and some more for a busy machine.
fn assert_after(after: Duration, clock: Duration) {
    let grace = Duration::from_millis(600);
    assert!(after >= clock.mul_f64(0.9), "closed after {after:?}, before {clock:?}");
    assert!(after <= clock + grace, "closed after {after:?}, long after {clock:?}");
}

fn assert_refusal(text: &str, status: &str) {
    assert!(text.starts_with(&format!("HTTP/1.1 {status} ")), "{text:?}");
    assert!(text.contains("\r\nconnection: close\r\n"), "{text:?}");
    assert!(text.contains("\r\ncontent-length: 0\r\n"), "{text:?}");
    assert!(text.ends_with("\r\n\r\n"), "{text:?}");
    assert_eq!(text.matches("HTTP/1.1").count(), 1, "{text:?}");
}

fn an_idle_connection_is_closed_without_a_word(start: Start) {
    let server = Server::start(start, 10);
    let heard = Client::connect(server.addr).until_closed();
    assert_eq!(heard.text, "");
    assert!(!heard.reset);
    assert_after(heard.after, CLOCKS.idle);
}

fn an_idle_connection_is_closed_after_its_last_reply(start: Start) {
    let server = Server::start(start, 10);
    let mut client = Client::connect(server.addr);
    for _ in 0..3 {
        assert!(client.send(GET).reply().ends_with("hello"));
        thread::sleep(CLOCKS.idle / 2);
    }
    assert!(client.send(GET).reply().ends_with("hello"));
    let heard = client.until_closed();
    assert_eq!(heard.text, "");
    assert_after(heard.after, CLOCKS.idle);
}

fn a_slow_head_gets_408(start: Start) {
    let server = Server::start(start, 10);
    let mut client = Client::connect(server.addr);
    let heard = client.send("GET / HTTP/1.1\r\nX: ").drip_until_closed(b'x', CLOCKS.head / 10);
    assert_refusal(&heard.text, "408");
    assert_after(heard.after, CLOCKS.head);
}

fn a_slow_head_gets_408_as_the_second_request(start: Start) {
    let server = Server::start(start, 10);
    let mut client = Client::connect(server.addr);
    assert!(client.send(GET).reply().ends_with("hello"));
    thread::sleep(CLOCKS.head / 2);
    let heard = client.send("GET / HTTP/1.1\r\nX: ").drip_until_closed(b'x', CLOCKS.head / 10);
    assert_refusal(&heard.text, "408");
    assert_after(heard.after, CLOCKS.head);
}

fn a_head_in_time_is_answered_however_it_is_cut(start: Start) {
    let server = Server::start(start, 10);
    let mut client = Client::connect(server.addr);
    for _ in 0..3 {
        for (at, byte) in GET.bytes().enumerate() {
            client.send([byte]);
            if at % 5 == 0 {
                thread::sleep(Duration::from_millis(2));
            }
        }
        assert!(client.reply().ends_with("hello"));
    }
}

fn a_long_wait_is_not_idle(start: Start) {
    let server = Server::start(start, 10);
    let mut client = Client::connect(server.addr);
    client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n".repeat(5));
    for _ in 0..5 {
        assert!(client.reply().ends_with("slow"));
    }
    assert_after(client.until_closed().after, CLOCKS.idle + Duration::from_millis(1_500));
}

fn a_line_that_is_too_long_gets_414(start: Start) {
    let server = Server::start(start, 10);
    let mut client = Client::connect(server.addr);
    let line = format!("GET /{} HTTP/1.1\r\n", "q".repeat(100 << 10));
    let heard = client.send(line).until_closed();
    assert_refusal(&heard.text, "414");
    assert!(!heard.reset);
}

fn a_head_that_is_too_long_gets_431(start: Start) {
    let server = Server::start(start, 10);
    for bytes in [70 << 10, 300 << 10] {
        let mut client = Client::connect(server.addr);
        let head = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}", "x".repeat(bytes));
        let heard = client.send(head).until_closed();
        assert_refusal(&heard.text, "431");
        assert!(!heard.reset);
    }
}

fn a_malformed_head_gets_a_refusal_that_closes(start: Start) {
    let server = Server::start(start, 10);
    for head in
        ["GE(T / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nX : 1\r\n\r\n", "\u{16}\u{3}\u{1}\r\n\r\n"]
    {
        let heard = Client::connect(server.addr).send(head).until_closed();
        assert_refusal(&heard.text, "400");
        assert!(!heard.reset);
    }
}

fn nonsense_in_pieces_gets_400_before_its_end(start: Start) {
    let server = Server::start(start, 10);
    for nonsense in ["GE(T / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nX : 1\r\n", "GET / HTTP/1.1\n\r\r\n"]
    {
        let mut client = Client::connect(server.addr);
        client.send(format!("{GET}{}", &nonsense[..2]));
        assert!(client.reply().ends_with("hello"));
        thread::sleep(Duration::from_millis(20));
        let heard = client.send(&nonsense[2..]).until_closed();
        assert_refusal(&heard.text, "400");
        // At once, and not when the clock looks.
        assert!(heard.after < CLOCKS.head / 2, "{:?}", heard.after);
    }
}

fn a_fragment_gets_400(start: Start) {
    let server = Server::start(start, 10);
    let mut client = Client::connect(server.addr);
    assert!(
        client.send("GET /?a=b HTTP/1.1\r\nHost: a\r\nX: #\r\n\r\n").reply().ends_with("hello")
    );
    let heard = client.send("GET /#top HTTP/1.1\r\nHost: a\r\n\r\n").until_closed();
    assert_refusal(&heard.text, "400");
}

fn a_chunk_extension_without_end_gets_400(start: Start) {
    let server = Server::start(start, 10);
    let mut client = Client::connect(server.addr);
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;");
    assert!(client.try_send(&vec![b'x'; 4 << 20]), "the server did not take what followed");
    let heard = client.until_closed();
    assert!(heard.text.starts_with("HTTP/1.1 400 "), "{}", heard.text);
    assert!(!heard.reset);
}

fn a_malformed_chunk_gets_400_however_long_the_answer_takes(start: Start) {
    let server = Server::start(start, 10);
    let head = "POST /echo-slowly HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    for body in ["x\r\n", "5\r\nhello\r\nx\r\n", "5;\0\r\n", "0\r\nno trailer\r\n\r\n"] {
        // In one piece with its head, and behind it.
        for pause in [Duration::ZERO, Duration::from_millis(50)] {
            let mut client = Client::connect(server.addr);
            if pause.is_zero() {
                client.send(format!("{head}{body}"));
            } else {
                client.send(head);
                thread::sleep(pause);
                client.send(body);
            }
            let heard = client.until_closed();
            assert!(heard.text.starts_with("HTTP/1.1 400 "), "{body:?}: {:?}", heard.text);
            assert!(heard.text.contains("\r\nconnection: close\r\n"), "{}", heard.text);
            assert!(!heard.reset);
        }
    }
}

fn what_stands_behind_a_chunked_body_is_held_to_the_same_rules(start: Start) {
    let server = Server::start(start, 10);
    let chunked = "Host: a\r\nTransfer-Encoding: chunked\r\n";
    let good = format!("POST /echo HTTP/1.1\r\n{chunked}\r\n5\r\nhello\r\n0\r\nX: y\r\n\r\n");
    for bad in [
        "GET /#a HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
        format!("POST / HTTP/1.1\r\nContent-Length: 5\r\n{chunked}\r\n0\r\n\r\n"),
    ] {
        let mut client = Client::connect(server.addr);
        let heard = client.send(format!("{good}{good}{bad}")).until_closed();
        let statuses: Vec<_> = heard.text.split("HTTP/1.1 ").map(|reply| reply.get(..3)).collect();
        assert_eq!(statuses[1..], [Some("200"), Some("200"), Some("400")], "{}", heard.text);
    }
}

fn a_body_ends_with_its_length_whatever_it_asks_to_become(start: Start) {
    let server = Server::start(start, 10);
    let mut client = Client::connect(server.addr);
    let fields = "Host: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 5\r\n";
    client.send(format!("POST /echo HTTP/1.1\r\n{fields}\r\nhello"));
    assert!(client.reply().ends_with("len=5"));
}

fn a_refusal_arrives_although_the_client_goes_on_sending(start: Start) {
    let server = Server::start(start, 10);
    let mut client = Client::connect(server.addr);
    client.send("GE(T / HTTP/1.1\r\n\r\n");
    assert!(client.try_send(&vec![b'x'; 4 << 20]), "the server did not take what followed");
    let heard = client.until_closed();
    assert_refusal(&heard.text, "400");
    assert!(!heard.reset);
}

fn a_reply_that_is_not_read_is_cut(start: Start) {
    let server = Server::start(start, 10);
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4 << 10).unwrap();
    socket.connect(&server.addr.into()).unwrap();
    let mut client = TcpStream::from(socket);
    io::Write::write_all(&mut client, b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let since = Instant::now();
    until("the request is in flight", || server.drain.in_flight() == 1);
    until("the connection has ended", || server.drain.open() == 0);
    assert_after(since.elapsed(), CLOCKS.write_stall);
}

fn a_silent_body_gets_408(start: Start) {
    let server = Server::start(start, 10);
    let mut client = Client::connect(server.addr);
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhello");
    let heard = client.until_closed();
    assert!(heard.text.starts_with("HTTP/1.1 408 "), "{}", heard.text);
    assert!(heard.text.contains("\r\nconnection: close\r\n"), "{}", heard.text);
    assert!(heard.text.ends_with("the body fell silent"), "{}", heard.text);
    // Nobody is waited for who may send the rest.
    assert!(heard.after >= PACE.idle, "{:?}", heard.after);
}

fn a_dripping_body_gets_408(start: Start) {
    let server = Server::start(start, 10);
    let mut client = Client::connect(server.addr);
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nhello");
    let heard = client.drip_until_closed(b'x', PACE.idle / 8);
    assert!(heard.text.starts_with("HTTP/1.1 408 "), "{}", heard.text);
    assert!(heard.text.ends_with("the body comes too slowly"), "{}", heard.text);
    assert!(heard.after >= PACE.idle.mul_f64(0.9), "{:?}", heard.after);
}

fn a_body_in_pieces_is_read(start: Start) {
    let server = Server::start(start, 10);
    let mut client = Client::connect(server.addr);
    for _ in 0..2 {
        client.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
        for _ in 0..5 {
            thread::sleep(PACE.idle / 4);
            client.send(format!("100\r\n{}\r\n", "x".repeat(256)));
        }
        assert!(client.send("0\r\n\r\n").reply().ends_with("len=1280"));
    }
}

fn a_large_unread_body_closes_the_connection(start: Start) {
    let server = Server::start(start, 10);
    let mut client = Client::connect(server.addr);
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n");
    assert!(client.try_send(&vec![b'x'; 4 << 20]), "the server did not take what followed");
    let heard = client.until_closed();
    assert!(heard.text.contains("\r\nconnection: close\r\n"), "{}", heard.text);
    assert!(heard.text.ends_with("hello"), "{}", heard.text);
    assert!(!heard.reset);
}

fn a_small_unread_body_does_not(start: Start) {
    let server = Server::start(start, 10);
    let mut client = Client::connect(server.addr);
    let length = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n";
    let chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n";
    for (head, end) in [(length, ""), (chunked, "\r\n0\r\n\r\n")] {
        // In one piece, and in several.
        let body = "x".repeat(1_000);
        client.send(format!("{head}{body}{end}{GET}"));
        assert!(client.reply().ends_with("hello"));
        assert!(client.reply().ends_with("hello"));
        client.send(head);
        for part in body.as_bytes().chunks(300) {
            thread::sleep(Duration::from_millis(20));
            client.send(part);
        }
        assert!(client.send(end).reply().ends_with("hello"));
        assert!(client.send(GET).reply().ends_with("hello"));
    }
}

fn a_body_held_back_for_100_is_not_waited_for(start: Start) {
    let server = Server::start(start, 10);
    let mut client = Client::connect(server.addr);
    let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n";
    let heard = client.send(head).until_closed();
    assert!(heard.text.contains("\r\nconnection: close\r\n"), "{}", heard.text);
    assert!(heard.text.ends_with("hello"), "{}", heard.text);
    assert!(heard.after < Duration::from_millis(500), "{:?}", heard.after);
}

fn pipelined_requests_are_answered_one_by_one(start: Start) {
    let server = Server::start(start, 10);
    let mut client = Client::connect(server.addr);
    let ask = |method, path| format!("{method} {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    let post = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
    let last = "GET /slow HTTP/1.0\r\n\r\n";
    client.send(
        [ask("HEAD", "/slow"), ask("GET", "/slow"), post.to_owned(), last.to_owned()].concat(),
    );
    let heard = client.until_closed();
    let replies: Vec<_> = heard.text.split("HTTP/1.").skip(1).collect();
    assert_eq!(replies.len(), 4, "{}", heard.text);
    assert!(
        replies[0].ends_with("\r\n\r\n") && replies[0].contains("content-length: 4"),
        "{}",
        heard.text
    );
    assert!(replies[1].ends_with("slow"), "{}", heard.text);
    assert!(replies[2].ends_with("len=5"), "{}", heard.text);
    assert!(replies[3].starts_with("0 200 ") && replies[3].ends_with("slow"), "{}", heard.text);
    assert!(replies[..3].iter().all(|reply| reply.starts_with("1 200 ")), "{}", heard.text);
}

fn a_pipelined_head_takes_nothing_from_the_reply_before_it(start: Start) {
    let server = Server::start(start, 10);
    for bad in ["GE(T / HTTP/1.1\r\n\r\n", "GET /#a HTTP/1.1\r\n\r\n", "\0\u{1}\r\n\r\n"] {
        let mut client = Client::connect(server.addr);
        let heard =
            client.send(format!("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n{bad}")).until_closed();
        let (answer, refusal) = heard.text.split_at(heard.text.rfind("HTTP/1.1").unwrap());
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("slow"), "{}", heard.text);
        assert_refusal(refusal, "400");
    }
}

fn a_client_that_leaves_in_mid_request_is_gone(start: Start) {
    let server = Server::start(start, 10);
    for delay in [Duration::ZERO, Duration::from_millis(50)] {
        let mut client = Client::connect(server.addr);
        client.send("GET /never HTTP/1.1\r\nHost: a\r\n\r\n");
        thread::sleep(delay);
        client.close_write();
        assert_eq!(client.until_closed().text, "");
        until("the connection has ended", || server.drain.open() == 0);
    }
}

fn a_client_that_closes_its_side_after_an_answered_request_has_its_answer(start: Start) {
    let server = Server::start(start, 10);
    let mut client = Client::connect(server.addr);
    client.send(GET.repeat(3));
    client.close_write();
    let heard = client.until_closed();
    assert_eq!(heard.text.matches("HTTP/1.1 200").count(), 3, "{}", heard.text);
}

fn a_client_that_closes_its_side_behind_its_body_has_its_answer(start: Start) {
    let server = Server::start(start, 10);
    let length = "Content-Length: 5\r\n\r\nhello";
    let chunked = "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    for body in [length, chunked].repeat(50) {
        let mut client = Client::connect(server.addr);
        client.send("POST /echo HTTP/1.1\r\nHost: a\r\n");
        client.send(body).close_write();
        let heard = client.until_closed();
        assert!(heard.text.ends_with("len=5"), "{:?}", heard.text);
    }
}

fn nothing_is_answered_after_connection_close(start: Start) {
    let server = Server::start(start, 10);
    for (path, takes) in [("/", Duration::ZERO), ("/slow", Duration::from_millis(300))] {
        let mut client = Client::connect(server.addr);
        let last = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        let heard = client.send(format!("{GET}{last}{GET}")).until_closed();
        assert_eq!(heard.text.matches("HTTP/1.1 200").count(), 2, "{}", heard.text);
        assert_eq!(heard.text.matches("connection: close").count(), 1, "{}", heard.text);
        // At once, and not when the next clock looks.
        assert!(heard.after < takes + CLOCKS.head / 2, "{:?}", heard.after);
    }
}

fn one_connection_too_many_gets_503(start: Start) {
    let server = Server::start(start, 2);
    let mut kept = [Client::connect(server.addr), Client::connect(server.addr)];
    until("two are open", || server.drain.open() == 2);
    let heard = Client::connect(server.addr).send(GET).until_closed();
    assert_refusal(&heard.text, "503");
    assert!(heard.text.contains("\r\nretry-after: 1\r\n"), "{}", heard.text);
    assert!(heard.after < Duration::from_secs(1), "{:?}", heard.after);
    assert!(kept[0].send(GET).reply().ends_with("hello"));
    drop(kept);
    until("none is open", || server.drain.open() == 0);
    assert!(Client::connect(server.addr).send(GET).reply().ends_with("hello"));
}

fn a_nearly_full_server_closes_after_each_reply(start: Start) {
    let server = Server::start(start, 20);
    let kept: Vec<_> = (0..18).map(|_| Client::connect(server.addr)).collect();
    until("eighteen are open", || server.drain.open() == kept.len());
    let heard = Client::connect(server.addr).send(GET).until_closed();
    assert!(heard.text.contains("\r\nconnection: close\r\n"), "{}", heard.text);
    assert!(heard.after < CLOCKS.idle / 2, "{:?}", heard.after);
}

fn a_drain_ends_idle_connections_and_half_heads_at_once(start: Start) {
    let server = Server::start(start, 10);
    let mut fresh = Client::connect(server.addr);
    let mut idle = Client::connect(server.addr);
    idle.send(GET).reply();
    let mut half = Client::connect(server.addr);
    half.send("GET / HTTP/1.1\r\nHost");
    let mut second = Client::connect(server.addr);
    second.send(GET).reply();
    second.send("GET / HTTP/1.1\r\nHost");
    until("four are open", || server.drain.open() == 4);
    let since = Instant::now();
    server.drain.start();
    for client in [&mut fresh, &mut idle, &mut half, &mut second] {
        assert_eq!(client.until_closed().text, "");
    }
    let drained = server.drained.recv_timeout(Duration::from_secs(5)).unwrap();
    assert_eq!(drained.cut, 0);
    assert!(since.elapsed() < CLOCKS.head, "{:?}", since.elapsed());
}

fn a_drain_waits_for_the_request_in_flight(start: Start) {
    let server = Server::start(start, 10);
    let mut client = Client::connect(server.addr);
    client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut pipelined = Client::connect(server.addr);
    pipelined.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n".repeat(3));
    until("two are in flight", || server.drain.in_flight() == 2);
    server.drain.start();
    for heard in [client.until_closed(), pipelined.until_closed()] {
        assert!(heard.text.contains("\r\nconnection: close\r\n"), "{}", heard.text);
        assert!(heard.text.ends_with("slow"), "{}", heard.text);
        assert_eq!(heard.text.matches("HTTP/1.1").count(), 1, "{}", heard.text);
    }
    assert_eq!(server.drained.recv_timeout(Duration::from_secs(5)).unwrap().cut, 0);
}

fn a_drain_ends_a_connection_after_the_reply_that_had_begun(start: Start) {
    let server = Server::start(start, 10);
    let mut client = Client::connect(server.addr);
    client.send("GET /halves HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(!client.reply().contains("connection: close"));
    server.drain.start();
    let heard = client.until_closed();
    assert!(heard.text.ends_with("two\r\n0\r\n\r\n"), "{}", heard.text);
    // At once, and not when the next clock looks.
    assert!(heard.after < Duration::from_millis(400) + CLOCKS.head / 2, "{:?}", heard.after);
    assert_eq!(server.drained.recv_timeout(Duration::from_secs(5)).unwrap().cut, 0);
}

fn a_drain_does_not_wait_for_a_client_that_lingers(start: Start) {
    let server = Server::start(start, 10);
    let mut client = Client::connect(server.addr);
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n");
    assert!(client.until_closed().text.ends_with("hello"));
    let since = Instant::now();
    server.drain.start();
    assert_eq!(server.drained.recv_timeout(Duration::from_secs(5)).unwrap().cut, 0);
    assert!(since.elapsed() < Duration::from_millis(800), "{:?}", since.elapsed());
}

fn a_drain_cuts_what_does_not_end(start: Start) {
    let server = Server::with_deadline(start, 10, Duration::from_millis(300));
    let mut clients: Vec<_> = (0..3).map(|_| Client::connect(server.addr)).collect();
    for client in &mut clients {
        client.send("GET /never HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    until("three are in flight", || server.drain.in_flight() == 3);
    let since = Instant::now();
    server.drain.start();
    assert_eq!(server.drained.recv_timeout(Duration::from_secs(5)).unwrap().cut, 3);
    assert_after(since.elapsed(), Duration::from_millis(300));
    for client in &mut clients {
        assert_eq!(client.until_closed().text, "");
    }
}

fn a_drain_refuses_new_connections(start: Start) {
    let server = Server::start(start, 10);
    let mut client = Client::connect(server.addr);
    client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    until("one is in flight", || server.drain.in_flight() == 1);
    server.drain.start();
    until("the listener is closed", || TcpStream::connect(server.addr).is_err());
    assert!(client.until_closed().text.ends_with("slow"));
}

fn until(what: &str, holds: impl Fn() -> bool) {
    let since = Instant::now();
    while !holds() {
        assert!(since.elapsed() < Duration::from_secs(8), "never: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}
