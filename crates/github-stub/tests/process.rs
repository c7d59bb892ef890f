//! The stub as a process: its first line, its flags, and how it ends.
#![expect(clippy::unwrap_used, reason = "a test ends where its process does")]

mod client;

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use client::{Client, DEADLINE};
use rustix::process::{Pid, Signal, kill_process};

struct Process {
    child: Child,
    addr: SocketAddr,
}

impl Process {
    fn start(command: &mut Command) -> Process {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let addr = line
            .strip_prefix("listening on http://")
            .unwrap_or_else(|| panic!("first line {line:?}"));
        Process { addr: addr.trim_end().parse().unwrap(), child }
    }

    /// Sends `signal`, and tells the exit code.
    fn end(&mut self, signal: Signal) -> Option<i32> {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(start.elapsed() < DEADLINE, "still running after {signal:?}");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn github_stub() -> Command {
    Command::new(env!("CARGO_BIN_EXE_github-stub"))
}

#[test]
fn the_process_says_where_it_listens_and_ends_with_0_on_term_and_int() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut process = Process::start(&mut github_stub());
        let mut client = Client::connect(process.addr);
        client.ask("octocat");
        assert_eq!(client.reply().status, 200);
        // What hangs is not waited for.
        client.ask("hang");
        let start = Instant::now();
        assert_eq!(process.end(signal), Some(0), "{signal:?}");
        assert!(start.elapsed().as_millis() < 1_000, "{signal:?} took {:?}", start.elapsed());
    }
}

#[test]
fn every_flag_has_an_environment_variable() {
    let mut command = github_stub();
    command.env("GITHUB_STUB_LATENCY", "150ms").env("GITHUB_STUB_FAULT_RATE", "1:418");
    let process = Process::start(&mut command);
    let mut client = Client::connect(process.addr);
    let start = Instant::now();
    client.ask("octocat");
    assert_eq!(client.reply().status, 418);
    assert!(start.elapsed().as_millis() >= 150, "{:?}", start.elapsed());
}

#[test]
fn help_names_every_fault() {
    let output = github_stub().arg("--help").output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    for (name, _) in github_stub::FAULTS {
        assert!(help.contains(name), "{name} is not in --help");
    }
    assert!(help.contains("GITHUB_STUB_ADDR"), "{help}");
}

#[test]
fn a_wrong_flag_is_told_in_words_with_code_2() {
    for flags in [["--latency", "fast"], ["--fault-rate", "2:500"], ["--rate-limit", "many"]] {
        let output = github_stub().args(flags).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains(flags[1]), "{error}");
    }
}
