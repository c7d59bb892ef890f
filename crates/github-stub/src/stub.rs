//! The running stub: its two listeners, the thread they live on, and how it stops.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;
use std::{io, thread};

use anyhow::Context;
use socket2::{Domain, Socket, Type};
use tokio::sync::oneshot;

use crate::stats::{Seen, Stats, Tally};
use crate::{Dials, connection};

/// As in the servers under test, so that a burst of connections is never what the stub refuses.
const BACKLOG: i32 = 4096;

/// A stub at work on a thread of its own; dropping it closes every connection and frees the port.
#[derive(Debug)]
pub struct Stub {
    addr: SocketAddr,
    world: Arc<World>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What all connections of one stub share.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) dials: Dials,
    /// Where `redirect-away` leads. Whoever comes there was led off the configured host.
    pub(crate) decoy: SocketAddr,
    tally: Mutex<Tally>,
}

impl Stub {
    /// Binds, starts to answer, and returns at once.
    ///
    /// # Errors
    ///
    /// When the address cannot be bound, or no thread or runtime can be made.
    pub fn start(dials: Dials) -> anyhow::Result<Stub> {
        let door =
            listen(dials.addr).with_context(|| format!("cannot listen on {}", dials.addr))?;
        let addr = door.local_addr().context("cannot tell the address")?;
        // All of 127/8 is this machine on Linux; elsewhere another port has to do for another host.
        let decoy_door = listen((Ipv4Addr::new(127, 0, 0, 2), 0).into())
            .or_else(|_| listen((Ipv4Addr::LOCALHOST, 0).into()))
            .context("cannot listen for the decoy")?;
        let decoy = decoy_door.local_addr().context("cannot tell the decoy's address")?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot make a runtime")?;

        let world = Arc::new(World { dials, decoy, tally: Mutex::default() });
        let (stop, stopped) = oneshot::channel::<()>();
        let theirs = Arc::clone(&world);
        let thread = thread::Builder::new()
            .name("github-stub".to_owned())
            .spawn(move || {
                // When this returns the runtime is dropped, and every connection with it.
                runtime.block_on(async move {
                    tokio::select! {
                        () = accept(door, Arc::clone(&theirs), Role::Stub) => {}
                        () = accept(decoy_door, theirs, Role::Decoy) => {}
                        _ = stopped => {}
                    }
                });
            })
            .context("cannot start the stub's thread")?;
        Ok(Stub { addr, world, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// `http://ADDR`, as `--github-url` takes it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Where `redirect-away` leads: a host that no client has any business with.
    #[must_use]
    pub fn decoy(&self) -> SocketAddr {
        self.world.decoy
    }

    /// What was counted since the start or the last [`reset`](Stub::reset).
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.world.tally().stats()
    }

    /// How often and when `name` was asked.
    #[must_use]
    pub fn seen(&self, name: &str) -> Seen {
        self.world.tally().seen(name)
    }

    /// The head of the last request, byte for byte as it came.
    #[must_use]
    pub fn last_head(&self) -> String {
        self.world.tally().last_head()
    }

    /// Starts all counts again, the rate limit's and the `flaky` names' too; open connections stay counted as open.
    pub fn reset(&self) {
        self.world.tally().reset();
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // Its panic, if any, was printed when it happened.
            let _ = thread.join();
        }
    }
}

impl World {
    pub(crate) fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().expect("no holder of the tally panics")
    }
}

#[derive(Clone, Copy)]
enum Role {
    Stub,
    Decoy,
}

async fn accept(door: TcpListener, world: Arc<World>, role: Role) {
    let door = tokio::net::TcpListener::from_std(door)
        .expect("a fresh listener is accepted by a runtime with I/O");
    loop {
        match door.accept().await {
            Ok((stream, _)) => {
                let world = Arc::clone(&world);
                match role {
                    Role::Stub => tokio::spawn(connection::serve(stream, world)),
                    Role::Decoy => tokio::spawn(connection::serve_decoy(stream, world)),
                };
            }
            // Out of descriptors, or a client that left already: neither may end the loop, nor spin it.
            Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}

fn listen(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}
