//! The judge on this server: each check of the contract, wire case and rule of its life is a test with its own line.

fn main() -> std::process::ExitCode {
    conformance::trials::run(env!("CARGO_PKG_NAME"), env!("CARGO_BIN_EXE_server-axum").as_ref())
}
