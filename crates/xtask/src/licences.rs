//! What may enter the tree: the licences, bans and sources of `deny.toml`, held without cargo-deny. Only tests.
//!
//! cargo-deny reads more (the texts of licences, advisories of the day) and takes minutes to install;
//! `CONTRIBUTING.md` says when to run it.
#![cfg(test)]

use std::process::Command;

use serde_json::Value;

use crate::root::{read, root};

/// The quoted words of a list in `deny.toml`.
fn listed(name: &str) -> Vec<String> {
    let deny = read(&root().join("deny.toml"));
    let begin = deny.find(&format!("\n{name} = [\n")).expect("the list is there");
    let lines = deny[begin..].lines().skip(2).take_while(|line| !line.starts_with(']'));
    let words = lines.filter(|line| !line.trim_start().starts_with('#'));
    words.filter_map(|line| Some(line.split('"').nth(1)?.to_owned())).collect()
}

/// Every package that a build on Linux takes.
fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--locked", "--offline"])
        .arg("--filter-platform=x86_64-unknown-linux-gnu")
        .current_dir(root())
        .output()
        .expect("cargo runs: it runs this test");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    metadata["packages"].as_array().expect("there are packages").clone()
}

/// Whether this SPDX expression can be kept with these licences alone.
fn allows(expression: &str, allowed: &[String]) -> bool {
    // Older packages write a slash for OR.
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    let fits = any(&mut rest, allowed);
    fits && rest.is_empty()
}

fn any(rest: &mut &[&str], allowed: &[String]) -> bool {
    let mut fits = all(rest, allowed);
    while let ["OR", more @ ..] = *rest {
        *rest = more;
        fits |= all(rest, allowed);
    }
    fits
}

fn all(rest: &mut &[&str], allowed: &[String]) -> bool {
    let mut fits = one(rest, allowed);
    while let ["AND", more @ ..] = *rest {
        *rest = more;
        fits &= one(rest, allowed);
    }
    fits
}

fn one(rest: &mut &[&str], allowed: &[String]) -> bool {
    let is_allowed = |name: &str| allowed.iter().any(|one| one == name);
    match *rest {
        ["(", more @ ..] => {
            *rest = more;
            let fits = any(rest, allowed);
            *rest = rest.strip_prefix(&[")"]).unwrap_or_default();
            fits
        }
        // An exception is a licence of its own.
        [name, "WITH", exception, more @ ..] => {
            *rest = more;
            is_allowed(&format!("{name} WITH {exception}"))
        }
        [name, more @ ..] => {
            *rest = more;
            is_allowed(name)
        }
        [] => false,
    }
}

#[test]
fn every_package_is_under_a_licence_that_is_allowed_and_none_is_banned() {
    let (allowed, banned) = (listed("allow"), listed("deny"));
    assert!(allowed.len() > 5 && banned.contains(&"openssl-sys".to_owned()), "{banned:?}");
    let packages = packages();
    assert!(packages.len() > 300, "{} packages are not the tree", packages.len());
    let mut wrong = Vec::new();
    for package in &packages {
        let text = |field: &str| package[field].as_str().unwrap_or_default().to_owned();
        let (name, licence, source) = (text("name"), text("license"), text("source"));
        if !allows(&licence, &allowed) {
            wrong.push(format!("{name} is under {licence:?}"));
        }
        if banned.contains(&name) {
            wrong.push(format!("{name} is banned"));
        }
        let crates_io = "registry+https://github.com/rust-lang/crates.io-index";
        if !source.is_empty() && source != crates_io {
            wrong.push(format!("{name} comes from {source}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_expression_is_kept_when_some_choice_of_it_is_allowed_and_not_otherwise() {
    let allowed = ["MIT", "ISC"].map(str::to_owned);
    for kept in ["MIT", "GPL-3.0 OR MIT", "Apache-2.0/MIT", "MIT AND ISC", "(MIT OR X) AND ISC"] {
        assert!(allows(kept, &allowed), "{kept}");
    }
    for not in ["", "GPL-3.0", "MIT AND GPL-3.0", "(MIT OR X) AND Y", "MIT WITH Z", "MIT ISC"] {
        assert!(!allows(not, &allowed), "{not}");
    }
}
