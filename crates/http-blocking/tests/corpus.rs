//! The corpora of the fuzz targets, replayed: what was once found stays found, on any compiler.

#[expect(unreachable_pub, reason = "there it is a library")]
#[path = "../../../fuzz/src/lib.rs"]
mod invariants;

use std::fs;
use std::path::Path;

fn replay(name: &str, target: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(name);
    let files = fs::read_dir(&folder).expect("each target has a corpus");
    let mut count = 0;
    for file in files {
        target(&fs::read(file.expect("the folder can be read").path()).expect("a file"));
        count += 1;
    }
    assert!(count >= 10, "{count} inputs in {}", folder.display());
}

#[test]
fn each_fuzz_target_has_a_corpus_that_is_replayed_here() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
    for target in fs::read_dir(fuzz.join("targets")).expect("there are targets") {
        let target = target.expect("the folder can be read").path();
        let name = target.file_stem().and_then(|name| name.to_str()).expect("a name");
        let replays = format!("replay(\"{name}\", invariants::{name})");
        assert!(include_str!("corpus.rs").contains(&replays), "nothing here says {replays}");
    }
}

#[test]
fn heads_of_the_corpus_keep_what_must_hold() {
    replay("head", invariants::head);
}

#[test]
fn chunked_bodies_of_the_corpus_keep_what_must_hold() {
    replay("chunk", invariants::chunk);
}

#[test]
fn hosts_and_targets_of_the_corpus_keep_what_must_hold() {
    replay("host", invariants::host);
}

#[test]
fn forms_of_the_corpus_keep_what_must_hold() {
    replay("form", invariants::form);
}

#[test]
fn usernames_of_the_corpus_keep_what_must_hold() {
    replay("username", invariants::username);
}
