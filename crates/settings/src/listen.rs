//! The listening socket, alike in all three: the backlog is part of what is measured.

use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

/// Connections the kernel completes before the server accepts them.
///
/// std's own listeners ask for 128: at 1,000 clients at once the kernel then drops SYNs, and a client tries again
/// after a second. The kernel caps it at `net.core.somaxconn`.
const BACKLOG: i32 = 4_096;

/// Bytes of a reply that the kernel takes before the client's window has room for them.
///
/// It would take megabytes, and a client that reads nothing would be seen to stall only when they are full. What is on
/// its way is not bounded by this, so a fast client far away is as fast as before.
const UNSENT: u32 = 128 << 10;

/// Listens on `addr`; the error says which address and why.
pub fn listen(addr: SocketAddr) -> io::Result<TcpListener> {
    let bound = || {
        let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        socket.bind(&addr.into())?;
        // Every socket that is accepted inherits it.
        socket.set_tcp_notsent_lowat(UNSENT)?;
        socket.listen(BACKLOG)?;
        Ok(socket.into())
    };
    bound().map_err(|error: io::Error| {
        let hint = match error.kind() {
            io::ErrorKind::AddrInUse => "; give another --addr, or port 0 for a free one",
            _ => "",
        };
        io::Error::new(error.kind(), format!("cannot listen on {addr}: {error}{hint}"))
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_client_that_reads_nothing_stalls_its_writer_long_before_a_megabyte() {
        let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let client = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        client.set_recv_buffer_size(4 << 10).unwrap();
        client.connect(&listener.local_addr().unwrap().into()).unwrap();
        let (mut accepted, _) = listener.accept().unwrap();
        accepted.set_nonblocking(true).unwrap();
        let mut taken = 0;
        while let Ok(count) = accepted.write(&[b'x'; 4 << 10]) {
            taken += count;
        }
        assert!((32 << 10..1 << 20).contains(&taken), "{taken}");
    }

    #[test]
    fn a_port_in_use_is_named() {
        let first = listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let addr = first.local_addr().unwrap();
        let error = listen(addr).unwrap_err().to_string();
        assert!(error.contains(&addr.to_string()) && error.contains("--addr"), "{error}");
    }
}
