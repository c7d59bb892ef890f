//! A server as a process: started, asked for its address, stopped; never left behind.
//!
//! It relies on the two promises that every server here keeps, and nothing else, so it can drive a stranger's too:
//! the first line on stdout is `listening on http://ADDR`, and SIGTERM drains.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::process::{Pid, kill_process};
use tempfile::TempDir;

pub use rustix::process::Signal;

/// How long a server may take to say where it listens. Debug builds on a busy machine take seconds.
const STARTING: Duration = Duration::from_secs(30);

/// How much of what a server writes is kept.
const KEPT: usize = 64 << 10;

/// A running server. Dropping it kills it, and so does the end of this process, however it ends.
#[derive(Debug)]
pub struct Server {
    child: Child,
    guard: Option<Child>,
    addr: SocketAddr,
    said: Said,
    exit: Option<ExitStatus>,
    /// What it keeps, unless it was told where; gone with it.
    data: Option<TempDir>,
}

/// What a process wrote to stdout and stderr, the last of it.
#[derive(Clone, Debug, Default)]
struct Said(Arc<Mutex<Vec<u8>>>);

impl Server {
    /// Starts `binary --addr 127.0.0.1:0` with these flags and waits until it listens.
    ///
    /// Its environment is ours, without the variables that set its flags. What it keeps on disk it keeps in a directory of
    /// its own, which goes with it, unless `args` say where.
    ///
    /// # Errors
    ///
    /// When it cannot be started, ends, or does not say where it listens; with what it wrote.
    pub fn start<A: AsRef<OsStr>>(
        binary: &Path,
        args: impl IntoIterator<Item = A>,
        envs: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        let mut command = Command::new(binary);
        command.args(["--addr", "127.0.0.1:0"]).args(args);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("WAITLAB_") {
                command.env_remove(name);
            }
        }
        let data = tempfile::tempdir().context("cannot make a directory for its data")?;
        command.env("WAITLAB_DATA", data.path()).envs(envs.iter().copied());
        let mut server = Self::spawn(command)?;
        server.data = Some(data);
        Ok(server)
    }

    /// Starts a command that keeps the two promises.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn spawn(mut command: Command) -> anyhow::Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        // A group of its own: Ctrl-C reaches us alone, and we decide what becomes of the servers.
        command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        let guard = guard(child.id(), "KILL");
        let said = Said::default();
        said.listen(child.stderr.take().expect("stderr is piped"));
        let first_line = first_line(child.stdout.take().expect("stdout is piped"), said.clone());
        // From here on `server` kills the process should anything go wrong.
        let unknown = SocketAddr::from(([0, 0, 0, 0], 0));
        let mut server = Self { child, guard, addr: unknown, said, exit: None, data: None };
        let line = match first_line.recv_timeout(STARTING) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => {
                bail!("{name} did not say where it listens in {STARTING:?}; {}", server.output())
            }
            Err(RecvTimeoutError::Disconnected) => {
                let exit = server.wait(Duration::from_secs(1)).map(|exit| exit.to_string());
                let exit = exit.unwrap_or_else(|_| "closed its stdout".to_owned());
                bail!("{name} said nothing on stdout ({exit}); {}", server.output())
            }
        };
        let Some(addr) = line.strip_prefix("listening on http://") else {
            bail!("the first line of {name} is {line:?}, not `listening on http://ADDR`");
        };
        server.addr =
            addr.parse().with_context(|| format!("{name} listens on {addr:?}, no address"))?;
        Ok(server)
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// `http://ADDR`
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The directory it keeps its data in, if that is its own.
    pub fn data(&self) -> Option<&Path> {
        self.data.as_ref().map(TempDir::path)
    }

    /// The last of what it wrote to stderr, and to stdout after the first line.
    pub fn output(&self) -> String {
        self.said.text()
    }

    /// Sends a signal, unless it has ended already.
    pub fn signal(&mut self, signal: Signal) {
        if self.ended().is_none() {
            // It is our child and not yet waited for, so its id is still its own.
            let _ = kill_process(pid(self.child.id()), signal);
        }
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        if self.exit.is_none() {
            self.exit = self.child.try_wait().ok().flatten();
        }
        self.exit
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    ///
    /// When it still runs at the deadline.
    pub fn wait(&mut self, patience: Duration) -> anyhow::Result<ExitStatus> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(exit) = self.ended() {
                return Ok(exit);
            }
            if Instant::now() >= deadline {
                bail!("process {} still runs after {patience:?}; {}", self.pid(), self.output());
            }
            // There is no portable wait with a deadline.
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// SIGTERM, then waits: the way out that every server promises.
    ///
    /// # Errors
    ///
    /// When it still runs at the deadline; it is killed then.
    pub fn stop(mut self, patience: Duration) -> anyhow::Result<ExitStatus> {
        self.signal(Signal::TERM);
        self.wait(patience)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.ended().is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        if let Some(guard) = &mut self.guard {
            let _ = guard.kill();
            let _ = guard.wait();
        }
    }
}

impl Said {
    fn listen(&self, mut from: impl Read + Send + 'static) {
        let said = self.clone();
        thread::spawn(move || {
            let mut bytes = [0; 4 << 10];
            while let Ok(count @ 1..) = from.read(&mut bytes) {
                said.push(&bytes[..count]);
            }
        });
    }

    fn push(&self, bytes: &[u8]) {
        let mut kept = self.0.lock().expect("no holder panics");
        kept.extend_from_slice(bytes);
        let over = kept.len().saturating_sub(KEPT);
        kept.drain(..over);
    }

    fn text(&self) -> String {
        let kept = self.0.lock().expect("no holder panics");
        if kept.is_empty() {
            return "it wrote nothing".to_owned();
        }
        format!("it wrote: {}", String::from_utf8_lossy(&kept).trim_end())
    }
}

/// Reads the first line and sends it; then keeps reading, or the pipe would fill and the server stop.
fn first_line(stdout: impl Read + Send + 'static, said: Said) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut stdout = BufReader::new(stdout);
        let mut line = String::new();
        if matches!(stdout.read_line(&mut line), Ok(1..)) {
            // Nobody waits any more when the deadline has passed.
            let _ = sender.send(line.trim_end().to_owned());
        }
        drop(sender);
        let mut bytes = [0; 4 << 10];
        while let Ok(count @ 1..) = stdout.read(&mut bytes) {
            said.push(&bytes[..count]);
        }
    });
    receiver
}

/// A shell that waits for the end of its input, which is the end of this process even by SIGKILL, and then sends the
/// server its signal. Drop covers every other way out. (Linux could send a signal at a parent's death, but only through a hook
/// between fork and exec, which is unsafe, and it would fire when the thread that started the server ends.)
pub(crate) fn guard(server: u32, signal: &str) -> Option<Child> {
    Command::new("/bin/sh")
        .args(["-c", r#"read -r _; kill -s "$2" "$1""#, "guard", &server.to_string(), signal])
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .ok()
}

pub(crate) fn pid(id: u32) -> Pid {
    let id = i32::try_from(id).expect("a process id fits an i32");
    Pid::from_raw(id).expect("no child has process id 0")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(text: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", text]);
        command
    }

    #[test]
    fn a_server_is_known_by_its_first_line_and_ends_by_sigterm() {
        let server = Server::spawn(script(
            "trap 'exit 7' TERM; echo listening on http://127.0.0.1:81; while :; do sleep 0.01; done",
        ))
        .unwrap();
        assert_eq!(server.url(), "http://127.0.0.1:81");
        assert_eq!(server.stop(Duration::from_secs(5)).unwrap().code(), Some(7));
    }

    #[test]
    fn a_server_that_does_not_start_is_told_with_what_it_wrote() {
        let error = Server::spawn(script("echo no port >&2; exit 2")).unwrap_err().to_string();
        assert!(error.contains("exit status: 2"), "{error}");
        let error = Server::spawn(script("echo ready; exec sleep 60")).unwrap_err().to_string();
        assert!(error.contains("first line") && error.contains("\"ready\""), "{error}");
    }

    #[test]
    fn a_dropped_server_is_gone() {
        let server =
            Server::spawn(script("echo listening on http://127.0.0.1:81; exec sleep 60")).unwrap();
        let id = pid(server.pid());
        rustix::process::test_kill_process(id).unwrap();
        drop(server);
        assert!(rustix::process::test_kill_process(id).is_err());
    }

    #[test]
    fn a_server_dies_with_its_guards_input() {
        let mut server =
            Server::spawn(script("echo listening on http://127.0.0.1:81; exec sleep 60")).unwrap();
        drop(server.guard.as_mut().unwrap().stdin.take());
        let exit = server.wait(Duration::from_secs(5)).unwrap();
        assert_eq!(exit.code(), None, "{exit}");
    }
}
