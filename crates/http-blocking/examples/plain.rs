//! A few routes on `http-blocking` alone, to try it by hand: `cargo run -p http-blocking --example plain -- pool:4`.

use std::io::{self, Write};
use std::thread;
use std::time::Duration;

use http_blocking::{
    Body, BodyError, ChunkWriter, IntoResponse, Payload, Request, Response, Router, Server,
    Shutdown, StatusCode, Threads, get, listen, post,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let threads = arguments.next().map_or(Ok(Threads::default()), |threads| threads.parse())?;
    let listener = listen(arguments.next().as_deref().unwrap_or("127.0.0.1:0"))?;
    println!("listening on http://{}", listener.local_addr()?);
    let router = Router::new()
        .route("/plaintext", get(|| "Hello, World!"))
        .route("/wait/{seconds}", get(wait))
        .route("/echo", post(echo))
        .route("/stream/{count}", get(stream))
        .route("/flood", get(|| Payload::stream(flood)))
        .route("/panic", get(fail));
    Server::new(listener).threads(threads).serve(router, &Shutdown::new()?)?;
    Ok(())
}

/// Waits on this connection's own thread, which does nothing else meanwhile.
fn wait(request: Request) -> Result<String, StatusCode> {
    let seconds = number(&request).filter(|seconds| (0.0..=60.0).contains(seconds));
    let seconds = seconds.ok_or(StatusCode::UNPROCESSABLE_ENTITY)?;
    thread::sleep(Duration::from_secs_f64(seconds));
    Ok(format!("Waited for {seconds} seconds!"))
}

fn echo(mut body: Body) -> Result<String, Response> {
    let refuse = |error: BodyError| error.status().into_response();
    Ok(format!("len={}", body.read_whole(1024 * 1024).map_err(refuse)?.len()))
}

/// A line each 50 ms, until the client leaves or the server drains.
fn stream(request: Request) -> Result<Payload, StatusCode> {
    let count = number(&request).ok_or(StatusCode::UNPROCESSABLE_ENTITY)? as u64;
    Ok(Payload::stream(move |lines| {
        for n in 0..count {
            writeln!(lines, "{{\"n\":{n}}}")?;
            if lines.pause(Duration::from_millis(50))? {
                break;
            }
        }
        Ok(())
    }))
}

/// As fast as the client reads, for ever: stopped by a client that leaves or stalls.
fn flood(out: &mut ChunkWriter<'_>) -> io::Result<()> {
    while !out.draining() {
        out.write_all(&[b'x'; 64 * 1024])?;
    }
    Ok(())
}

fn fail() -> StatusCode {
    panic!("a handler panicked, as it was asked to")
}

/// The last segment of the path.
fn number(request: &Request) -> Option<f64> {
    request.uri().path().rsplit('/').next()?.parse().ok()
}
