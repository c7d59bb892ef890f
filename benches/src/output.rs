//! What criterion leaves behind, `GROUP/NAME/new/{benchmark,estimates}.json`, read for the tables.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use std::{env, fs};

use anyhow::Context;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// A median and how sure it is, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub(crate) struct Median {
    #[serde(rename = "point_estimate")]
    pub(crate) ns: f64,
    #[serde(rename = "standard_error")]
    pub(crate) error: f64,
}

/// Medians by group and name.
pub(crate) type Measured = HashMap<(String, String), Median>;

#[derive(Deserialize)]
struct Benchmark {
    group_id: String,
    function_id: Option<String>,
}

#[derive(Deserialize)]
struct Estimates {
    median: Median,
}

/// Where criterion writes: `$CRITERION_HOME`, or `criterion` in the target folder this program was built into.
pub(crate) fn home() -> anyhow::Result<PathBuf> {
    if let Some(home) = env::var_os("CRITERION_HOME") {
        return Ok(home.into());
    }
    let program = env::current_exe().context("cannot tell where this program is")?;
    // target/release/deps/cost-…
    let target = program.ancestors().nth(3).context("this program is in no target folder")?;
    Ok(target.join("criterion"))
}

/// What was measured since this moment; figures of earlier runs lie in the same folders.
pub(crate) fn read(home: &Path, since: SystemTime) -> anyhow::Result<Measured> {
    let mut measured = Measured::new();
    for group in folders(home)? {
        for name in folders(&group)? {
            let new = name.join("new");
            let estimates = new.join("estimates.json");
            let fresh = |path: &Path| Some(path.metadata().ok()?.modified().ok()? >= since);
            if fresh(&estimates) != Some(true) {
                continue;
            }
            let Benchmark { group_id, function_id } = parse(&new.join("benchmark.json"))?;
            let Estimates { median } = parse(&estimates)?;
            measured.insert((group_id, function_id.unwrap_or_default()), median);
        }
    }
    Ok(measured)
}

fn folders(inside: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(inside).with_context(|| format!("in {}", inside.display()))?;
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<Vec<_>>>()?;
    Ok(paths.into_iter().filter(|path| path.is_dir()).collect())
}

fn parse<T: DeserializeOwned>(path: &Path) -> anyhow::Result<T> {
    let text = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("{} is not as expected", path.display()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn figures_of_this_run_are_read_and_those_of_earlier_ones_are_not() {
        let home = tempfile::tempdir().unwrap();
        let new = home.path().join("plaintext_one/axum/new");
        fs::create_dir_all(&new).unwrap();
        let benchmark = r#"{"group_id":"plaintext/one","function_id":"axum","value_str":null}"#;
        fs::write(new.join("benchmark.json"), benchmark).unwrap();
        let estimate = r#"{"confidence_interval":{},"point_estimate":20.5,"standard_error":0.25}"#;
        let estimates = format!(r#"{{"mean":{estimate},"median":{estimate},"slope":null}}"#);
        fs::write(new.join("estimates.json"), estimates).unwrap();

        let now = SystemTime::now();
        let measured = read(home.path(), now - Duration::from_secs(60)).unwrap();
        let median = Median { ns: 20.5, error: 0.25 };
        assert_eq!(measured, Measured::from([(("plaintext/one".into(), "axum".into()), median)]));
        assert!(read(home.path(), now + Duration::from_secs(60)).unwrap().is_empty());
    }
}
