//! `worker`: takes background jobs and runs them.

fn main() -> anyhow::Result<std::process::ExitCode> {
    worker::main()
}
