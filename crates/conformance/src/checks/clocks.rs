//! Slow clients, on a server whose clocks are short: heads, bodies and readers that take their time are cut off.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use super::{Check, Needs, Verdict, each_at_once};
use crate::Subject;
use crate::client::{Connection, Trouble};

pub(super) const CHECKS: &[Check] = &[
    Check::new(
        "limits: a head slower than --head-deadline ends the connection, whatever drips",
        Needs::Narrow,
        slow_head,
    ),
    Check::new(
        "limits: the second head of a connection has the same deadline",
        Needs::Narrow,
        slow_second_head,
    ),
    Check::new(
        "limits: a connection without a request is closed after --idle",
        Needs::Narrow,
        idle,
    ),
    Check::new("limits: a body that stops for --body-idle is a 408", Needs::Narrow, stopped_body),
    Check::new("limits: a body slower than --body-rate is a 408", Needs::Narrow, slow_body),
    Check::new(
        "limits: a client that does not read is cut off after --write-stall",
        Needs::Narrow,
        unread,
    )
    .alone(),
];

/// Drips bytes until the server has closed; tells how long that took and the status it sent, if any.
fn drip(
    mut connection: Connection,
    bytes: &[u8],
    every: Duration,
) -> Result<(Duration, Option<u16>), String> {
    let start = Instant::now();
    let mut writer: TcpStream = connection.writer().map_err(|error| error.to_string())?;
    let bytes = bytes.to_vec();
    let dripping = thread::spawn(move || {
        for byte in bytes {
            if writer.write_all(&[byte]).is_err() {
                break;
            }
            thread::sleep(every);
        }
    });
    let reply = connection.reply(false, Duration::from_secs(4));
    let closed = connection.closed_within(Duration::from_secs(3));
    let took = start.elapsed();
    connection.close();
    dripping.join().map_err(|_| "the drip panicked".to_owned())?;
    ensure!(closed, "the connection is still open after {took:?}");
    match reply {
        Ok(reply) => Ok((took, Some(reply.status))),
        Err(Trouble::Closed | Trouble::Failed(_)) => Ok((took, None)),
        Err(error) => Err(error.to_string()),
    }
}

/// Well within its deadline on an idle machine; a busy one gets a second.
fn in_time(took: Duration, deadline: Duration) -> Verdict {
    let range = deadline - Duration::from_millis(50)..=deadline + Duration::from_secs(1);
    ensure!(range.contains(&took), "ended after {took:?}, not about {deadline:?}");
    Ok(())
}

const HEAD: &[u8] =
    b"GET /wait/0 HTTP/1.1\r\nHost: a\r\nX-Slow: 0123456789012345678901234567890123456789\r\n";

fn slow_head(subject: &Subject) -> Verdict {
    each_at_once([50_u64, 150, 2_000], |every| {
        let connection = subject.connect()?.connection;
        let (took, status) = drip(connection, HEAD, Duration::from_millis(every))?;
        ensure!(matches!(status, None | Some(408)), "a slow head got {status:?}");
        in_time(took, subject.limits.head_deadline)
    })
}

fn slow_second_head(subject: &Subject) -> Verdict {
    let mut connection = subject.connect()?;
    connection.get("/wait/0")?.expect(200)?;
    let (took, status) = drip(connection.connection, HEAD, Duration::from_millis(100))?;
    ensure!(matches!(status, None | Some(408)), "a slow head got {status:?}");
    in_time(took, subject.limits.head_deadline)
}

fn idle(subject: &Subject) -> Verdict {
    each_at_once([0, 1, 3], |requests| {
        let mut connection = subject.connect()?;
        // The server's clock starts with its reply, which a busy machine may deliver late.
        let start = Instant::now();
        for _ in 0..requests {
            connection.get("/wait/0")?.expect(200)?;
        }
        ensure!(
            connection.connection.closed_within(Duration::from_secs(4)),
            "after {requests} requests it stays open"
        );
        let said = connection.connection.unread();
        ensure!(
            said.is_empty() || said.starts_with(b"HTTP/1.1 408"),
            "an idle connection was told {said:?}"
        );
        in_time(start.elapsed(), subject.limits.idle)
            .map_err(|error| format!("after {requests} requests: {error}"))
    })
}

fn stopped_body(subject: &Subject) -> Verdict {
    let bodies = [
        "Content-Length: 900\r\n\r\nhello",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhe",
    ];
    each_at_once(bodies, |body| {
        let mut connection = subject.connect()?.connection;
        let start = Instant::now();
        connection
            .send(format!("POST /echo HTTP/1.1\r\nHost: a\r\n{body}").as_bytes())
            .map_err(|error| error.to_string())?;
        let reply = connection
            .reply(false, Duration::from_secs(4))
            .map_err(|error| format!("{body:?}: {error}"))?;
        let took = start.elapsed();
        let reply = reply.expect(408).map_err(|error| format!("{body:?}: {error}"))?;
        ensure!(reply.says_close(), "the 408 does not say that the connection ends");
        reply.problem("/echo")?;
        ensure!(
            connection.closed_within(Duration::from_secs(3)),
            "after the 408 the connection stays open"
        );
        in_time(took, subject.limits.body_idle)
    })
}

fn slow_body(subject: &Subject) -> Verdict {
    let mut connection = subject.connect()?.connection;
    connection
        .send(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n")
        .map_err(|error| error.to_string())?;
    // 20 bytes a second, never silent for long.
    let (took, status) = drip(connection, &[b'x'; 100], Duration::from_millis(50))?;
    ensure!(status == Some(408), "a slow body got {status:?}");
    ensure!(took <= Duration::from_secs(4), "a slow body was read for {took:?}");
    Ok(())
}

fn unread(subject: &Subject) -> Verdict {
    let bundle = "GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut connection = subject.connect()?.connection;
    // More than the buffers of two sockets hold: the server has to wait for a reader who does not come.
    connection.send_what_is_taken(bundle.repeat(20).as_bytes());
    let mut stream = connection.writer().map_err(|error| error.to_string())?;
    // And one who asked for nothing more: no request lies unread, for which the kernel would reset by itself.
    let mut other = subject.connect()?.connection;
    other.send_what_is_taken(b"GET /stream/10000000?interval=0 HTTP/1.1\r\nHost: a\r\n\r\n");
    let other = other.writer().map_err(|error| error.to_string())?;
    subject.metric_until("http_connections", Duration::from_secs(3), |open| open >= 3.0)?;
    let deadline = Instant::now() + subject.limits.write_stall + Duration::from_secs(4);
    // But for the question's own. Those that others have left open are idle, and end as well.
    while subject.metric("http_connections")? > 1.0 {
        ensure!(Instant::now() < deadline, "a client that reads nothing is still served");
        thread::sleep(Duration::from_millis(50));
    }
    let reset = Instant::now() + Duration::from_secs(1);
    while !matches!(other.take_error(), Ok(Some(error)) if error.kind() == ErrorKind::ConnectionReset)
    {
        ensure!(
            Instant::now() < reset,
            "the kernel goes on holding what a stalled client was sent"
        );
        thread::sleep(Duration::from_millis(20));
    }
    // What is left in the buffers ends in the middle.
    let mut read = 0;
    let mut bytes = vec![0; 64 << 10];
    stream.set_read_timeout(Some(Duration::from_secs(3))).map_err(|error| error.to_string())?;
    while let Ok(count @ 1..) = stream.read(&mut bytes) {
        read += count;
    }
    ensure!(read < 20 * 1_000_000, "all {read} bytes came");
    Ok(())
}
