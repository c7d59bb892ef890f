//! The closed loop against servers whose behaviour is known.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

mod scripted;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use load::gates::{self, Kind};
use load::{Ask, Asks, Body, Cancel, Expect, Outcome, Pace, Plan, Stop, Target, run};
use scripted::{Answer, ok, serve, serve_by_pool};

fn measured(plan: &Plan) -> Outcome {
    run(plan, &Cancel::new(), |_| {}).unwrap()
}

fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn kinds(outcome: &Outcome) -> Vec<Kind> {
    gates::of(outcome).iter().filter(|gate| gate.void).map(|gate| gate.kind).collect()
}

#[test]
fn latencies_are_the_delays_the_server_made() {
    // Nine of ten answers take 20 ms, one 100 ms.
    let addr = serve(|number, _| Answer::after(millis(if number % 10 == 9 { 100 } else { 20 })));
    let plan = Plan::closed(Target::new(addr), Ask::get("/"), 10, Stop::Requests(500));
    let outcome = measured(&plan);
    assert_eq!((outcome.ok, outcome.errors.total(), outcome.requests()), (500, 0, 500));
    let at = |quantile| Duration::from_nanos(outcome.latency.value_at_quantile(quantile));
    assert!((millis(20)..millis(100)).contains(&at(0.5)), "{:?}", at(0.5));
    assert!((millis(100)..millis(500)).contains(&at(0.95)), "{:?}", at(0.95));
    assert!(outcome.percentile(50.0).is_some() && outcome.percentile(99.0).is_none());
    assert_eq!(outcome.connects, 10);
    // Little's law: everybody waited for an answer that came.
    assert_eq!(outcome.in_flight, outcome.waiting);
    assert!(outcome.in_flight > 5.0 && outcome.in_flight <= 10.0, "{}", outcome.in_flight);
}

#[test]
fn the_warm_up_is_not_counted_and_the_window_has_its_length() {
    let addr = serve(|_, _| Answer::after(millis(5)));
    let stop = Stop::After(millis(400));
    let plan = Plan {
        warmup: millis(200),
        threads: 2,
        series: true,
        ..Plan::closed(Target::new(addr), Ask::get("/"), 4, stop)
    };
    let outcome = measured(&plan);
    assert_eq!(outcome.window, millis(400));
    // Four clients, at most one answer each 5 ms.
    assert!((20..=320).contains(&outcome.ok), "{}", outcome.ok);
    assert!(outcome.series.iter().all(|sample| sample.at < millis(400)));
    assert_eq!(outcome.series.len() as u64, outcome.ok);
    assert_eq!(outcome.rate(), outcome.answered_in_window as f64 / 0.4);
    assert!(outcome.answered_in_window.abs_diff(outcome.ok) <= 4, "{outcome:?}");
}

#[test]
fn timeouts_stay_in_the_histogram_with_the_time_they_waited() {
    let addr = serve(|number, _| {
        if number % 5 == 4 { Answer::after(Duration::from_secs(60)) } else { Answer::now(ok("ok")) }
    });
    let plan = Plan {
        timeout: millis(200),
        ..Plan::closed(Target::new(addr), Ask::get("/"), 2, Stop::Requests(50))
    };
    let outcome = measured(&plan);
    assert_eq!(outcome.requests(), 50);
    assert_eq!(outcome.ok + outcome.errors.timeout, 50);
    assert!((10..=15).contains(&outcome.errors.timeout), "{:?}", outcome.errors);
    assert!((millis(200)..millis(2000)).contains(&outcome.slowest()), "{:?}", outcome.slowest());
    assert!(kinds(&outcome).contains(&Kind::Errors), "{:?}", gates::of(&outcome));
}

#[test]
fn what_never_answers_ends_with_the_drain_and_counts_as_unanswered() {
    let addr = serve(|_, _| Answer::after(Duration::from_secs(60)));
    let plan = Plan {
        drain: millis(100),
        ..Plan::closed(Target::new(addr), Ask::get("/"), 3, Stop::After(millis(200)))
    };
    let start = Instant::now();
    let outcome = measured(&plan);
    assert!(start.elapsed() < millis(5000), "{:?}", start.elapsed());
    assert_eq!((outcome.errors.unanswered, outcome.never_served), (3, 3));
    assert!(outcome.slowest() >= millis(300), "{:?}", outcome.slowest());
    assert_eq!(kinds(&outcome), [Kind::Nothing], "{:?}", gates::of(&outcome));
}

#[test]
fn a_wrong_body_a_wrong_length_and_a_wrong_status_are_found() {
    let addr = serve(|number, _| {
        Answer::now(match number % 4 {
            0 => ok("right"),
            1 => ok("wrong"),
            2 => ok("too long"),
            _ => "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n".into(),
        })
    });
    let ask = Ask::get("/").expect(Expect::exactly("right"));
    let outcome = measured(&Plan::closed(Target::new(addr), ask, 1, Stop::Requests(40)));
    assert_eq!((outcome.ok, outcome.errors.wrong_body), (10, 20), "{:?}", outcome.errors);
    assert_eq!(outcome.errors.status[&503], 10);
    let words = outcome.errors.examples.join("\n");
    assert!(words.contains(r#""wrong" where "right" was expected"#), "{words}");
    // All on the one connection: a wrong answer is still an answer.
    assert_eq!(outcome.connects, 1);
}

#[test]
fn a_sampled_body_is_looked_at_in_one_of_n() {
    let addr = serve(|_, _| Answer::now(ok("wrong")));
    let ask = Ask::get("/").expect(Expect::exactly("right").sampled(10));
    let outcome = measured(&Plan::closed(Target::new(addr), ask, 1, Stop::Requests(100)));
    assert_eq!(outcome.errors.wrong_body, 10);
}

#[test]
fn each_request_asks_for_its_own_name_and_checks_that_it_got_it() {
    let seen = Arc::new(std::sync::Mutex::new(std::collections::BTreeSet::new()));
    let names = Arc::clone(&seen);
    let addr = serve(move |number, head| {
        let name = head.split(' ').nth(1).unwrap().to_owned();
        let body = if number == 7 { "somebody else".to_owned() } else { format!("I am {name}!") };
        names.lock().unwrap().insert(name);
        Answer::now(ok(&body))
    });
    let ask = Ask::get("/user-{n}").expect(Expect::containing("/user-{n}!"));
    let plan = Plan { threads: 2, ..Plan::closed(Target::new(addr), ask, 4, Stop::Requests(100)) };
    let outcome = measured(&plan);
    assert_eq!(seen.lock().unwrap().len(), 100);
    assert_eq!((outcome.ok, outcome.errors.wrong_body), (99, 1), "{:?}", outcome.errors);
}

#[test]
fn a_body_larger_than_any_buffer_arrives_whole_both_ways() {
    let large: Arc<[u8]> = vec![b'x'; 3_000_000].into();
    let reply = ok(&"y".repeat(1_000_000));
    let addr = serve(move |_, _| Answer::now(reply.clone()));
    let looked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&looked);
    let check = move |_, body: &[u8]| {
        count.fetch_add(1, Ordering::Relaxed);
        let right = body.len() == 1_000_000 && body.iter().all(|&byte| byte == b'y');
        right.then_some(()).ok_or_else(|| "not all y".to_owned())
    };
    let ask = Ask::post("/", large).expect(Expect::body(Body::Check(Arc::new(check))));
    let outcome = measured(&Plan::closed(Target::new(addr), ask, 2, Stop::Requests(8)));
    assert_eq!((outcome.ok, looked.load(Ordering::Relaxed)), (8, 8), "{:?}", outcome.errors);
}

#[test]
fn a_pool_that_owns_connections_is_found_to_starve_the_rest() {
    let addr = serve_by_pool(4, |_, _| Answer::after(millis(10)));
    let plan = Plan {
        drain: millis(100),
        ..Plan::closed(Target::new(addr), Ask::get("/"), 100, Stop::After(millis(500)))
    };
    let outcome = measured(&plan);
    assert_eq!((outcome.connections_offered, outcome.never_served), (100, 96));
    let gates = gates::of(&outcome);
    assert_eq!(
        gates[0].to_string(),
        "starved: 96 of 100 clients never got an answer; this latency is that of the other 4"
    );
    assert!(gates[0].void);
    assert!(outcome.in_flight < 5.0 && outcome.waiting > 95.0, "{outcome:?}");
}

#[test]
fn clients_that_were_served_only_in_the_warm_up_are_starved_too() {
    // Each of eight clients is answered once; then four of them never again.
    let addr = serve(|number, _| {
        let stuck = (8..16).contains(&number) && number % 2 == 0;
        Answer::after(if stuck { millis(60_000) } else { millis(20) })
    });
    let plan = Plan {
        warmup: millis(200),
        drain: millis(100),
        ..Plan::closed(Target::new(addr), Ask::get("/"), 8, Stop::After(millis(300)))
    };
    let outcome = measured(&plan);
    assert_eq!((outcome.connections_offered, outcome.never_served), (8, 4));
    assert!(kinds(&outcome).contains(&Kind::Starved), "{:?}", gates::of(&outcome));
}

#[test]
fn a_connection_for_each_request_closes_each() {
    let addr = serve(|_, head| {
        assert!(head.contains("\r\nConnection: close\r\n"), "{head}");
        Answer { close: true, ..Answer::now(ok("ok")) }
    });
    let plan = Plan {
        keep_alive: false,
        preconnect: false,
        ..Plan::closed(Target::new(addr), Ask::get("/"), 4, Stop::Requests(200))
    };
    let outcome = measured(&plan);
    assert_eq!((outcome.ok, outcome.connects), (200, 200), "{:?}", outcome.errors);
}

#[test]
fn a_server_that_closes_after_each_answer_is_connected_to_again() {
    let reply = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nto the end";
    let addr = serve(move |_, _| Answer { close: true, ..Answer::now(reply) });
    let ask = Ask::get("/").expect(Expect::exactly("to the end"));
    let outcome = measured(&Plan::closed(Target::new(addr), ask, 3, Stop::Requests(60)));
    assert_eq!((outcome.ok, outcome.connects), (60, 60), "{:?}", outcome.errors);
}

#[test]
fn an_answer_cut_short_is_an_error() {
    let reply = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort";
    let addr = serve(move |_, _| Answer { close: true, ..Answer::now(reply) });
    let outcome = measured(&Plan::closed(Target::new(addr), Ask::get("/"), 2, Stop::Requests(10)));
    assert_eq!((outcome.ok, outcome.errors.closed), (0, 10), "{:?}", outcome.errors);
}

#[test]
fn nobody_listening_is_a_connect_error_and_not_a_flood() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    drop(listener);
    let plan = Plan::closed(Target::new(addr), Ask::get("/"), 10, Stop::After(millis(300)));
    let outcome = measured(&plan);
    assert_eq!(outcome.errors.connect, outcome.requests(), "{:?}", outcome.errors);
    // Ten clients that back off 10 ms.
    assert!((10..=310).contains(&outcome.requests()), "{}", outcome.requests());
    assert_eq!(kinds(&outcome), [Kind::Nothing]);
}

#[test]
fn a_burst_is_timed_from_its_first_connect_to_its_last_byte() {
    let addr = serve(|_, _| Answer::after(millis(200)));
    let plan = Plan::closed(Target::new(addr), Ask::get("/"), 100, Stop::Each(1));
    let outcome = measured(&plan);
    assert_eq!((outcome.ok, outcome.connects), (100, 100), "{:?}", outcome.errors);
    assert!((millis(200)..millis(2000)).contains(&outcome.span), "{:?}", outcome.span);
    assert!(outcome.slowest() <= outcome.span + millis(1), "{outcome:?}");
}

#[test]
fn connections_are_opened_before_the_clock_starts_only_when_the_plan_says_so() {
    let addr = serve(|_, _| Answer::now(ok("ok")));
    let preconnected = Plan::closed(Target::new(addr), Ask::get("/"), 10, Stop::Requests(1));
    assert_eq!(measured(&preconnected).connects, 10);
    assert_eq!(measured(&Plan { preconnect: false, ..preconnected }).connects, 1);
}

#[test]
fn clients_that_think_ask_less_often_and_are_not_starved() {
    let addr = serve(|_, _| Answer::now(ok("ok")));
    let stop = Stop::After(millis(500));
    let mut plan = Plan::closed(Target::new(addr), Ask::get("/"), 4, stop);
    let Pace::Closed { think, .. } = &mut plan.pace else { unreachable!() };
    *think = millis(50);
    let outcome = measured(&plan);
    // Four clients, a question each 50 ms in the mean: forty, and far fewer than without thinking.
    assert!((10..=120).contains(&outcome.ok), "{}", outcome.ok);
    assert!(!kinds(&outcome).contains(&Kind::Starved), "{:?}", gates::of(&outcome));
}

#[test]
fn first_requests_are_spread_as_the_plan_says() {
    let addr = serve(|_, _| Answer::now(ok("ok")));
    let plan = Plan {
        spread: millis(400),
        series: true,
        ..Plan::closed(Target::new(addr), Ask::get("/"), 4, Stop::Each(1))
    };
    let outcome = measured(&plan);
    let mut times: Vec<_> = outcome.series.iter().map(|sample| sample.at.as_millis()).collect();
    times.sort_unstable();
    for (client, at) in times.into_iter().enumerate() {
        assert!(at >= 100 * client as u128, "client {client} asked at {at} ms");
    }
}

#[test]
fn a_mix_asks_each_by_its_weight_and_expects_of_each_its_own() {
    let addr = serve(|_, head| Answer::now(ok(head.split(' ').nth(1).unwrap())));
    let mix = Asks::mix([
        Ask::get("/often").weight(9).expect(Expect::exactly("/often")),
        Ask::get("/seldom").expect(Expect::exactly("/seldom")),
    ]);
    let outcome = measured(&Plan::closed(Target::new(addr), mix, 4, Stop::Requests(400)));
    assert_eq!(outcome.ok, 400, "{:?}", outcome.errors);
}

#[test]
fn a_cancelled_run_ends_within_a_second_and_keeps_what_it_had() {
    let addr = serve(|number, _| {
        Answer::after(if number < 100 { Duration::ZERO } else { Duration::from_secs(60) })
    });
    let plan = Plan::closed(Target::new(addr), Ask::get("/"), 4, Stop::After(millis(60_000)));
    let cancel = Cancel::new();
    let (from_inside, mut cancelled) = (cancel.clone(), None);
    let outcome = run(&plan, &cancel, |progress| {
        if progress.answered >= 100 {
            cancelled.get_or_insert_with(Instant::now);
            from_inside.cancel();
        }
    });
    let (outcome, took) = (outcome.unwrap(), cancelled.unwrap().elapsed());
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert_eq!((outcome.ok, outcome.errors.unanswered), (100, 4));
    assert!(kinds(&outcome).contains(&Kind::Cancelled));
}

#[test]
fn a_run_that_is_told_to_finish_hears_the_answers_still_owed() {
    let addr = serve(|_, _| Answer::after(millis(300)));
    let plan = Plan::closed(Target::new(addr), Ask::get("/"), 4, Stop::After(millis(60_000)));
    let cancel = Cancel::new();
    let inside = cancel.clone();
    let outcome = run(&plan, &cancel, |_| inside.finish()).unwrap();
    assert_eq!((outcome.ok, outcome.errors.total(), outcome.cancelled), (4, 0, false));
}

#[test]
fn a_cpu_that_does_not_exist_is_refused_by_its_number() {
    let addr = serve(|_, _| Answer::now(ok("ok")));
    let plan = Plan {
        threads: 2,
        cpus: vec![0, 1000],
        ..Plan::closed(Target::new(addr), Ask::get("/"), 2, Stop::Requests(10))
    };
    let error = run(&plan, &Cancel::new(), |_| {}).unwrap_err().to_string();
    assert!(error.starts_with("CPU 1000: "), "{error}");
}

#[test]
fn more_clients_than_descriptors_are_refused_in_words() {
    let addr = "127.0.0.1:9".parse().unwrap();
    let plan = Plan::closed(Target::new(addr), Ask::get("/"), 100_000_000, Stop::Each(1));
    let error = run(&plan, &Cancel::new(), |_| {}).unwrap_err().to_string();
    assert!(error.contains("100000000 clients need more than the"), "{error}");
}
