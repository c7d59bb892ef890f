//! The three servers beside each other: the same heads byte for byte, and the same answers to requests nobody should send.

use std::sync::Arc;

use conformance::agreement;
use conformance::mutate::Mutator;
use conformance::setup::Setup;
use conformance::{Needs, Subject, binaries};

const SERVERS: [&str; 3] = ["server-blocking", "server-actix", "server-axum"];

/// How many changed requests each run sends; `WAITLAB_MUTATIONS` for more, `WAITLAB_SEED` for others.
const MUTATIONS: u64 = 200;

/// The servers, running for as long as their setups are kept.
fn servers() -> (Vec<Arc<Setup>>, Vec<(&'static str, Subject)>) {
    let setups: Vec<_> = SERVERS
        .iter()
        .map(|name| Arc::new(Setup::new(&binaries::find(name).expect("the servers build"))))
        .collect();
    let subjects =
        setups.iter().map(|setup| setup.subject(Needs::Stub).expect("the servers start"));
    let named = SERVERS.into_iter().zip(subjects).collect();
    (setups, named)
}

fn from_environment(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} is a number, not {text:?}")),
        Err(_) => default,
    }
}

#[test]
fn the_same_request_has_the_same_reply_head_and_body() {
    let (_running, servers) = servers();
    let differences = agreement::heads(&servers, &agreement::requests());
    assert!(differences.is_empty(), "{} differ\n{}", differences.len(), differences.join("\n"));
}

#[test]
fn a_request_that_no_handler_sees_is_refused_by_the_same_bytes() {
    let (_running, servers) = servers();
    let differences = agreement::refusals(&servers);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn every_wire_case_has_as_many_answers_of_the_same_class() {
    let (_running, servers) = servers();
    // The authority is part of some cases; any will do, as none of the servers knows its name.
    let found = agreement::agree(&servers, &agreement::scripts("127.0.0.1:8080"));
    assert!(found.violations.is_empty(), "{}", found.violations.join("\n"));
    assert!(found.disagreements.is_empty(), "{}", found.disagreements.join("\n"));
}

#[test]
fn changed_requests_have_as_many_answers_of_the_same_class() {
    let (_running, servers) = servers();
    let seed = from_environment("WAITLAB_SEED", 1);
    let count = from_environment("WAITLAB_MUTATIONS", MUTATIONS);
    let mutator = Mutator::new(seed, "127.0.0.1:8080");
    let scripts: Vec<_> = (0..count).map(|n| mutator.script(n)).collect();
    let found = agreement::agree(&servers, &scripts);
    let (all, excepted, differ) = (found.scripts, found.excepted, found.disagreements.len());
    eprintln!(
        "of {all} changed requests (seed {seed}) {differ} were answered differently, {excepted} by an exception"
    );
    eprintln!("{}", found.disagreements.join("\n"));
    assert!(found.violations.is_empty(), "{}", found.violations.join("\n"));
    // One in a hundred: what is left is where two frameworks draw a line within what RFC 9112 leaves open.
    assert!(differ * 100 <= all, "{differ} of {all} are more than one in a hundred");
}
