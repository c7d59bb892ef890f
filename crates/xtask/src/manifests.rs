//! What every member's `Cargo.toml` must say, and what must not stand below the blocking server. Only tests.
#![cfg(test)]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use crate::root::{files, read, root};

/// The lines of each section, by its header; a repeated `[[bin]]` is numbered.
fn sections(manifest: &str) -> BTreeMap<String, Vec<String>> {
    let mut sections: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut header = String::new();
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            header = line.to_owned();
            while sections.contains_key(&header) {
                header.push('+');
            }
            sections.insert(header.clone(), Vec::new());
        } else if let Some(lines) = sections.get_mut(&header) {
            lines.push(line.to_owned());
        }
    }
    sections
}

/// What is wrong with one member, of which we know which targets it has.
fn wrongs(manifest: &str, has_lib: bool, has_bin: bool, is_benches: bool) -> Vec<String> {
    let sections = sections(manifest);
    let says = |header: &str, line: &str| {
        sections.get(header).is_some_and(|lines| lines.iter().any(|said| said == line))
    };
    let mut wrong = Vec::new();
    if !says("[lints]", "workspace = true") {
        wrong.push("no lint reaches it: `[lints] workspace = true` is missing".to_owned());
    }
    for inherited in ["edition", "rust-version", "license", "publish"] {
        if !says("[package]", &format!("{inherited}.workspace = true")) {
            wrong.push(format!("`{inherited}` is not the workspace's"));
        }
    }
    if is_benches {
        return wrong;
    }
    for (has, kind) in [(has_lib, "[lib]"), (has_bin, "[[bin]]")] {
        let targets: Vec<_> = sections.keys().filter(|header| header.starts_with(kind)).collect();
        if has && targets.is_empty() {
            wrong.push(format!(
                "{kind} is missing, so `cargo bench -- --save-baseline x` fails on it"
            ));
        }
        for target in targets {
            if !says(target, "bench = false") {
                wrong.push(format!("{target} lacks `bench = false`"));
            }
        }
    }
    wrong
}

/// What is wrong with how a library is searched for examples: without one, cargo would compile it once more to find none.
fn wrong_of_examples(manifest: &str, sources: &[String]) -> Option<&'static str> {
    let sections = sections(manifest);
    let mut lib = sections.get("[lib]").into_iter().flatten();
    let is_off = lib.any(|line| line == "doctest = false");
    match (sources.iter().any(|source| has_example(source)), is_off) {
        (true, true) => Some("its examples are not run: `doctest = false`"),
        (false, false) => Some("it has no example to run: [lib] lacks `doctest = false`"),
        _ => None,
    }
}

/// Whether its comments hold code that would be compiled.
fn has_example(source: &str) -> bool {
    let lines = source.lines().map(str::trim_start);
    let comments = lines.filter_map(|line| {
        let text = line.strip_prefix("///").or_else(|| line.strip_prefix("//!"))?;
        text.trim().strip_prefix("```")
    });
    comments.step_by(2).any(|kind| kind != "text")
}

/// The packages that a build of one package takes, by name.
fn tree(package: &str) -> String {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--package", package, "--edges", "normal,build", "--prefix", "none"])
        .args(["--locked", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo runs: it runs this test");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn runtimes(tree: &str) -> Vec<&str> {
    const RUNTIMES: [&str; 7] =
        ["tokio", "async-std", "smol", "hyper", "actix-rt", "mio", "futures-executor"];
    tree.lines()
        .filter_map(|line| line.split(' ').next())
        .filter(|name| RUNTIMES.contains(name))
        .collect()
}

#[test]
fn every_member_takes_the_workspaces_lints_and_keeps_out_of_cargo_bench() {
    let mut wrong = Vec::new();
    let mut seen = 0;
    let folders = ["crates", "benches"].map(|folder| root().join(folder));
    for manifest in folders.iter().flat_map(|folder| files(folder, "Cargo.toml")) {
        let folder = manifest.parent().expect("a file lies in a folder");
        let name = folder.strip_prefix(root()).expect("it was found below").display().to_string();
        seen += 1;
        let has = |file: &str| Path::new(folder).join("src").join(file).exists();
        let found = wrongs(&read(&manifest), has("lib.rs"), has("main.rs"), name == "benches");
        wrong.extend(found.into_iter().map(|what| format!("{name}: {what}")));
        if has("lib.rs") {
            let sources = files(&folder.join("src"), ".rs");
            let sources: Vec<_> = sources.iter().map(|source| read(source)).collect();
            let found = wrong_of_examples(&read(&manifest), &sources);
            wrong.extend(found.map(|what| format!("{name}: {what}")));
        }
    }
    assert!(seen > 10, "{seen} manifests");
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn examples_that_are_not_run_and_a_search_for_none_are_seen() {
    let (off, on) = ("[lib]\ndoctest = false\n", "[lib]\n");
    let with = |kind: &str| vec![format!("//! A.\n//!\n//! ```{kind}\n//! a();\n//! ```\n")];
    for (manifest, kind, is_right) in [
        (off, "text", true),
        (on, "text", false),
        (on, "no_run", true),
        (off, "", false),
        (on, "", true),
    ] {
        assert_eq!(
            wrong_of_examples(manifest, &with(kind)).is_none(),
            is_right,
            "{manifest}{kind}"
        );
    }
}

#[test]
fn no_async_runtime_stands_below_the_blocking_server() {
    for package in ["server-blocking", "http-blocking", "io-blocking"] {
        assert_eq!(runtimes(&tree(package)), [""; 0], "{package}");
    }
    assert!(runtimes(&tree("server-axum")).contains(&"tokio"), "the check sees tokio where it is");
}

#[test]
fn the_lock_file_is_part_of_the_repository() {
    assert!(root().join("Cargo.lock").exists());
    assert!(!read(&root().join(".gitignore")).contains("Cargo.lock"));
}

#[test]
fn a_member_without_lints_or_with_a_benched_target_is_seen() {
    let good = "[package]\nedition.workspace = true\nrust-version.workspace = true\n\
                license.workspace = true\npublish.workspace = true\n\
                [lints]\nworkspace = true\n[lib]\nbench = false\n[[bin]]\nname = \"a\"\nbench = false\n";
    assert_eq!(wrongs(good, true, true, false), [""; 0]);
    let broken = [
        good.replace("[lints]\nworkspace = true\n", ""),
        good.replace("[lib]\nbench = false\n", ""),
        good.replace("[lib]\nbench = false\n", "[lib]\nname = \"a\"\n"),
        good.replace("license.workspace = true", "license = \"MIT\""),
        format!("{good}[[bin]]\nname = \"b\"\n"),
    ];
    for manifest in broken {
        assert_eq!(wrongs(&manifest, true, true, false).len(), 1, "{manifest}");
    }
}
