//! The control: this harness started again as `serve NAME`, sending one route's bytes to whatever it is asked.

use std::io::Write;

use anyhow::Context;
use load::{Cancel, floor};

use crate::routes;

/// Answers every request with the reply of the route of this name, until killed.
///
/// # Errors
///
/// When there is no such route, or it cannot listen.
pub fn serve(route: &str) -> anyhow::Result<()> {
    let route = routes::named(route).with_context(|| format!("{route:?} is no route"))?;
    let body = route.known().context("nobody knows its answer before")?;
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    let listener = floor::listen(([127, 0, 0, 1], 0).into())?;
    println!("listening on http://{}", listener.local_addr()?);
    std::io::stdout().flush()?;
    floor::serve(&listener, &[head.as_bytes(), &body].concat(), &Cancel::new())?;
    Ok(())
}
