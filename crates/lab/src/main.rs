//! `lab`: blocking or async? Measured here.

fn main() -> std::process::ExitCode {
    lab::main()
}
