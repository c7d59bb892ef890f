//! A thread per connection and nothing else: it reads until a head ends and writes a reply, without parsing it.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::thread;

use contract::headers;
use controls::{Burn, Control, PLAINTEXT, reply, seconds, wait, waited};

/// The stack of each thread, in bytes: address space, not memory.
const STACK: usize = 1 << 20;

fn main() -> anyhow::Result<()> {
    let (control, listener) = Control::listen()?;
    let burns = control.burns();
    for client in listener.incoming() {
        let client = client?;
        // A connection that fails is that client's matter.
        thread::Builder::new().stack_size(STACK).spawn(move || serve(client, burns))?;
    }
    Ok(())
}

fn serve(mut client: TcpStream, burns: Burn) -> io::Result<()> {
    client.set_nodelay(true)?;
    let plaintext = reply(headers::TEXT, PLAINTEXT);
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
        match seconds(&head[..filled]) {
            None => {
                burns.spend();
                client.write_all(plaintext.as_bytes())?;
            }
            Some(seconds) => {
                thread::sleep(wait(seconds));
                client.write_all(reply(headers::JSON, &waited(seconds)).as_bytes())?;
            }
        }
        filled = 0;
    }
}
