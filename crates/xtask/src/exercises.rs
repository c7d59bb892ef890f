//! The exercises: each is cut from its own tested solution, fails as given, and passes when solved.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};

use crate::root::{files, read, root};

const OPEN: &str = "// cut: ";
const CLOSE: &str = "// end cut";

/// Tests every exercise as it is given, and as it is solved.
///
/// # Errors
/// When one passes as given, fails when solved, or is no cut of its solution.
pub(crate) fn check() -> anyhow::Result<()> {
    let wrong = [out_of_step(), astray()].concat();
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    for solution in solutions() {
        let folder = solution.parent().expect("a file lies in a folder");
        let name = folder.file_name().expect("a folder has a name").to_string_lossy().into_owned();
        ensure!(passes(folder, &["--no-run"])?, "{name} does not compile as given");
        ensure!(!passes(folder, &[])?, "{name} passes as given: nothing is left to do");
        // The solution stands in a folder of its own, so that an interrupted run leaves nothing solved.
        let solved = root().join("target/solved").join(&name);
        fs::create_dir_all(solved.join("src"))?;
        let manifest = read(&folder.join("Cargo.toml")) + "\n[workspace]\n";
        fs::write(solved.join("Cargo.toml"), manifest)?;
        fs::copy(&solution, solved.join("src/lib.rs"))?;
        ensure!(passes(&solved, &[])?, "{name} fails when solved");
        println!("{name}: fails as given, passes when solved");
    }
    Ok(())
}

/// Writes each exercise from its solution.
pub(crate) fn write() -> anyhow::Result<()> {
    for solution in solutions() {
        let given = solution.with_file_name("src").join("lib.rs");
        fs::write(&given, cut(&read(&solution)))
            .with_context(|| format!("cannot write {}", given.display()))?;
    }
    Ok(())
}

/// Exercises that are no longer the cut of their solution.
pub(crate) fn out_of_step() -> Vec<String> {
    let given = |solution: &Path| {
        fs::read_to_string(solution.with_file_name("src").join("lib.rs")).unwrap_or_default()
    };
    let solutions = solutions().into_iter();
    let changed = solutions.filter(|solution| given(solution) != cut(&read(solution)));
    changed.map(|solution| format!("{}: its exercise is not its cut", solution.display())).collect()
}

/// Exercises that their chapter does not lead to, and chapters that their exercise does not name.
fn astray() -> Vec<String> {
    let mut wrong = Vec::new();
    for solution in solutions() {
        let folder = solution.parent().expect("a file lies in a folder");
        let name = folder.file_name().expect("a folder has a name").to_string_lossy();
        let chapter = format!("docs/src/{name}.md");
        let page = fs::read_to_string(root().join(&chapter)).unwrap_or_default();
        if !page.contains(&format!("exercises/{name}/Cargo.toml")) {
            wrong.push(format!("{chapter} does not say how to do exercises/{name}"));
        }
        if !read(&solution).contains(&format!("Chapter: `{chapter}`.")) {
            wrong.push(format!("exercises/{name} does not name {chapter}"));
        }
    }
    wrong
}

fn solutions() -> Vec<std::path::PathBuf> {
    files(&root().join("exercises"), "/solution.rs")
}

/// A solution without what is to be found: the hint and a `todo!` stand in its place.
fn cut(solution: &str) -> String {
    let (mut text, mut inside) = (String::new(), false);
    for line in solution.lines() {
        let indent = &line[..line.len() - line.trim_start().len()];
        if let Some(hint) = line.trim_start().strip_prefix(OPEN) {
            text += &format!("{indent}// Hint: {hint}.\n{indent}todo!()\n");
            inside = true;
        } else if line.trim_start() == CLOSE {
            inside = false;
        } else if !inside {
            text += &format!("{line}\n");
        }
    }
    text
}

fn passes(folder: &Path, how: &[&str]) -> anyhow::Result<bool> {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["test", "--quiet", "--offline", "--target-dir"])
        .arg(root().join("target/exercises"))
        .args(how)
        .current_dir(folder)
        .output()
        .context("cannot run cargo")?;
    Ok(output.status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exercise_is_the_cut_of_its_solution() {
        assert!(!solutions().is_empty());
        assert_eq!(out_of_step(), [""; 0], "cargo xtask generate writes them");
        assert_eq!(astray(), [""; 0]);
    }

    #[test]
    fn a_cut_leaves_the_hint_and_not_the_answer() {
        let text = cut("fn a() {\n    // cut: think\n    1\n    // end cut\n}\n");
        assert_eq!(text, "fn a() {\n    // Hint: think.\n    todo!()\n}\n");
    }
}
