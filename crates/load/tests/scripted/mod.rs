//! A server that does exactly what a test says: how many connections it serves, how late, with which bytes.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

/// What becomes of one request.
pub(crate) struct Answer {
    pub(crate) after: Duration,
    pub(crate) bytes: Vec<u8>,
    pub(crate) close: bool,
}

impl Answer {
    pub(crate) fn now(bytes: impl Into<Vec<u8>>) -> Self {
        Self { after: Duration::ZERO, bytes: bytes.into(), close: false }
    }

    pub(crate) fn after(delay: Duration) -> Self {
        Self { after: delay, ..Self::now(ok("ok")) }
    }
}

/// A whole reply of status 200.
pub(crate) fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

type Script = Arc<dyn Fn(u64, &str) -> Answer + Send + Sync>;

/// A thread for each connection. `script` gets the number of the request and its head.
pub(crate) fn serve(script: impl Fn(u64, &str) -> Answer + Send + Sync + 'static) -> SocketAddr {
    let (listener, addr) = listen();
    let (script, count): (Script, _) = (Arc::new(script), Arc::new(AtomicU64::new(0)));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (script, count) = (Arc::clone(&script), Arc::clone(&count));
            thread::spawn(move || converse(stream.unwrap(), &script, &count));
        }
    });
    addr
}

/// So many threads, each of which keeps the connection it took: the pool that starves everyone past its size.
pub(crate) fn serve_by_pool(
    threads: usize,
    script: impl Fn(u64, &str) -> Answer + Send + Sync + 'static,
) -> SocketAddr {
    let (listener, addr) = listen();
    let (script, count): (Script, _) = (Arc::new(script), Arc::new(AtomicU64::new(0)));
    let (tell, told) = mpsc::channel();
    let told = Arc::new(std::sync::Mutex::new(told));
    for _ in 0..threads {
        let (told, script, count) = (Arc::clone(&told), Arc::clone(&script), Arc::clone(&count));
        thread::spawn(move || {
            loop {
                let Ok(stream) = told.lock().unwrap().recv() else { return };
                converse(stream, &script, &count);
            }
        });
    }
    thread::spawn(move || {
        listener.incoming().for_each(|stream| tell.send(stream.unwrap()).unwrap())
    });
    addr
}

fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    (listener, addr)
}

/// Reads heads (and the bodies their lengths announce) and answers them, until the client goes.
fn converse(mut stream: TcpStream, script: &Script, count: &AtomicU64) {
    stream.set_nodelay(true).unwrap();
    let (mut read, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let end = loop {
            if let Some(at) = read.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            match stream.read(&mut buffer) {
                Ok(0) | Err(_) => return,
                Ok(count) => read.extend_from_slice(&buffer[..count]),
            }
        };
        let head = String::from_utf8(read.drain(..end).collect()).unwrap();
        let body = head
            .split_once("Content-Length: ")
            .map_or(0, |(_, rest)| rest.split_once("\r\n").unwrap().0.parse().unwrap());
        while read.len() < body {
            match stream.read(&mut buffer) {
                Ok(0) | Err(_) => return,
                Ok(count) => read.extend_from_slice(&buffer[..count]),
            }
        }
        read.drain(..body);
        let answer = script(count.fetch_add(1, Ordering::SeqCst), &head);
        thread::sleep(answer.after);
        if stream.write_all(&answer.bytes).is_err() || answer.close {
            return;
        }
    }
}
