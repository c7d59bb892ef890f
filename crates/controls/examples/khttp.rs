//! What `server-blocking` costs beside khttp, the fastest of the published blocking servers that were probed: CPU for
//! each request of `/plaintext` at 64 connections, and requests a second at 1, 64 and 1,000.
//!
//! `cargo build --release && cargo run --release -p controls --example khttp -- [ROUNDS] [SECONDS]`
//!
//! Server on CPU 0, generator on CPU 1, rounds in turns, the same bytes of reply; a ratio over 1 means that ours costs
//! more. khttp keeps no clocks, takes what can be smuggled (see `http-blocking`), counts nothing and makes no ids.

use std::error::Error;
use std::io::Write;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use contract::headers;
use controls::{Median, Program, command};
use khttp::{ConnectionSetupAction, Headers, Method, Server};
use load::{Ask, Cancel, Expect, Plan, Stop, Target, run};

const LEVELS: [usize; 3] = [1, 64, 1_000];

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1).peekable();
    if arguments.next_if(|first| first == "serve").is_some() {
        return serve();
    }
    let mut arguments = arguments.map(|text| text.parse::<u64>());
    let rounds = arguments.next().transpose()?.unwrap_or(10) as usize;
    let seconds = arguments.next().transpose()?.unwrap_or(2);
    let this = std::env::current_exe()?.display().to_string();
    let ours = Program::start(&command("server-blocking", &["--log", "off"])?, Some(0))?;
    let theirs = Program::start(&[this, "serve".to_owned()], Some(0))?;
    for connections in LEVELS {
        // Seconds of CPU a request, and seconds a request; ours, then theirs.
        let (mut costs, mut times) = ([vec![], vec![]], [vec![], vec![]]);
        for round in 0..rounds {
            for turn in 0..2 {
                let which = (turn + round) % 2;
                let program = [&ours, &theirs][which];
                let ask = Ask::get("/plaintext").expect(Expect::exactly("Hello, World!"));
                let stop = Stop::After(Duration::from_secs(seconds));
                let plan = Plan {
                    warmup: Duration::from_millis(300),
                    cpus: vec![1],
                    watch: Some(program.pid()),
                    ..Plan::closed(Target::new(program.addr), ask, connections, stop)
                };
                let outcome = run(&plan, &Cancel::new(), |_| {})?;
                costs[which].push(outcome.cpu_per_request().unwrap_or_default().as_secs_f64());
                times[which].push(outcome.rate().recip());
            }
        }
        let [our, their] = [0, 1].map(|which| Median::of(costs[which].clone()).value * 1e6);
        println!("{connections:5} connections: {our:.2} µs of CPU a request, khttp {their:.2} µs");
        println!("      CPU a request, by khttp's: {}", Median::ratio(&costs[0], &costs[1]));
        println!("      khttp's rate, by ours:     {}", Median::ratio(&times[0], &times[1]));
    }
    Ok(())
}

/// khttp, answering what `server-blocking` does.
fn serve() -> Result<(), Box<dyn Error>> {
    // It binds by itself and does not tell the port; a moment may pass in which another takes this one.
    let addr = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let mut fields = Headers::new();
    for (name, value) in controls::fields(headers::TEXT) {
        fields.add(name, value.as_bytes());
    }
    let fields = Arc::new(fields);
    let mut server = Server::builder(addr)?;
    server.route(Method::Get, "/plaintext", move |_, reply| reply.ok(&fields, "Hello, World!"));
    server.connection_setup_hook(|accepted| match accepted {
        Ok((socket, _)) => {
            let _ = socket.set_nodelay(true);
            ConnectionSetupAction::Proceed(socket)
        }
        Err(_) => ConnectionSetupAction::Drop,
    });
    println!("listening on http://{addr}");
    std::io::stdout().flush()?;
    Ok(server.build().serve_threaded()?)
}
