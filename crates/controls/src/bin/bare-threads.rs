//! A thread per connection and nothing else: it reads until a head ends and writes a reply, without parsing it.

use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use controls::{Control, FIELDS};

/// The stack of each thread, in bytes: address space, not memory.
const STACK: usize = 1 << 20;

fn main() -> anyhow::Result<()> {
    let (_, listener) = Control::listen()?;
    for client in listener.incoming() {
        let client = client?;
        // A connection that fails is that client's matter.
        thread::Builder::new().stack_size(STACK).spawn(move || serve(client))?;
    }
    Ok(())
}

fn serve(mut client: TcpStream) -> io::Result<()> {
    client.set_nodelay(true)?;
    let plaintext = reply("Hello, World!");
    let mut head = [0; 4096];
    let mut filled = 0;
    loop {
        let read = client.read(&mut head[filled..])?;
        if read == 0 {
            return Ok(());
        }
        filled += read;
        if !head[..filled].ends_with(b"\r\n\r\n") {
            continue;
        }
        match waited(&head[..filled]) {
            None => client.write_all(plaintext.as_bytes())?,
            Some(seconds) => {
                thread::sleep(Duration::from_secs_f64(seconds.clamp(0.0, 60.0)));
                client.write_all(reply(&format!("Waited for {seconds} seconds!")).as_bytes())?;
            }
        }
        filled = 0;
    }
}

/// The seconds of `GET /wait/{seconds}`.
fn waited(head: &[u8]) -> Option<f64> {
    let rest = std::str::from_utf8(head.strip_prefix(b"GET /wait/")?).ok()?;
    rest.split(' ').next()?.parse().ok()
}

fn reply(text: &str) -> String {
    let mut reply = "HTTP/1.1 200 OK\r\n".to_owned();
    for (name, value) in FIELDS {
        // The date is of the usual length; nobody reads it.
        let _ = write!(reply, "{name}: {value}\r\n");
    }
    let date = "Thu, 01 Jan 1970 00:00:00 GMT";
    let _ = write!(reply, "content-length: {}\r\ndate: {date}\r\n\r\n{text}", text.len());
    reply
}
