//! The listening socket, alike in all three: the backlog is part of what is measured.

use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

/// Connections the kernel completes before the server accepts them.
///
/// std's own listeners ask for 128: at 1,000 clients at once the kernel then drops SYNs, and a client tries again
/// after a second. The kernel caps it at `net.core.somaxconn`.
const BACKLOG: i32 = 4_096;

/// Listens on `addr`; the error says which address and why.
pub fn listen(addr: SocketAddr) -> io::Result<TcpListener> {
    let bound = || {
        let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        socket.bind(&addr.into())?;
        socket.listen(BACKLOG)?;
        Ok(socket.into())
    };
    bound().map_err(|error: io::Error| {
        io::Error::new(error.kind(), format!("cannot listen on {addr}: {error}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_named() {
        let first = listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let addr = first.local_addr().unwrap();
        let error = listen(addr).unwrap_err().to_string();
        assert!(error.contains(&addr.to_string()), "{error}");
    }
}
