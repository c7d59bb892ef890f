//! Judges any binary that keeps the two promises of a server: `JUDGED=path/to/server cargo run -p conformance --example judge`.
//!
//! Arguments are those of `cargo test`: a part of a name, `--list`, `--test-threads 1`.

use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(binary) = std::env::var_os("JUDGED").map(PathBuf::from) else {
        eprintln!("JUDGED has to be the path of a server's binary");
        return ExitCode::from(2);
    };
    let name = binary.file_name().map(|name| name.to_string_lossy().into_owned());
    conformance::trials::run(&name.unwrap_or_default(), &binary)
}
