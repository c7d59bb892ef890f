//! What the page is set to: a scene, how many clients or what rate, and whether the mistake is on.

use anyhow::{bail, ensure};
use serde::{Deserialize, Serialize};

use super::scene::{self, Scene};

/// As many clients as the slider goes to, for each server.
pub const MOST_CLIENTS: usize = 1_000;
/// As many requests a second, for each server.
pub const MOST_RATE: usize = 1_000;

/// The state of the page. It stands in the page's address, in the command that *copy* gives, and in `lab live`'s flags.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dial {
    /// A scene's name.
    pub scene: String,
    /// Clients at once, each of which asks again when it has its answer; none ask when this is 0.
    pub clients: usize,
    /// Requests a second, on a schedule that does not wait for answers; if 0, the clients ask.
    #[serde(default)]
    pub rate: usize,
    /// Whether the scene's mistake is on.
    #[serde(default)]
    pub pitfall: bool,
}

impl Default for Dial {
    fn default() -> Self {
        Self { scene: "wait".to_owned(), clients: 10, rate: 0, pitfall: false }
    }
}

impl Dial {
    /// The scene, if all of this can be set.
    ///
    /// # Errors
    /// When a name or a number is out of bounds; the message says what would do.
    pub fn scene(&self) -> anyhow::Result<&'static Scene> {
        let Some(scene) = scene::find(&self.scene) else {
            let names: Vec<_> = scene::ALL.iter().map(|scene| scene.name).collect();
            bail!("{:?} is no scene; there are {}", self.scene, names.join(", "));
        };
        ensure!(self.clients <= MOST_CLIENTS, "give at most {MOST_CLIENTS} clients");
        ensure!(self.rate <= MOST_RATE, "give at most {MOST_RATE} requests a second");
        ensure!(
            !self.pitfall || scene.mistake.is_some(),
            "{:?} has no mistake to make",
            scene.name
        );
        Ok(scene)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_set_is_refused_with_what_can() {
        let refused = |dial: Dial| dial.scene().expect_err("out of bounds").to_string();
        let dial = Dial::default();
        assert!(dial.scene().is_ok());
        assert!(refused(Dial { scene: "sleep".into(), ..dial.clone() }).contains("wait, "));
        assert!(refused(Dial { clients: 1_001, ..dial.clone() }).contains("1000 clients"));
        assert!(refused(Dial { rate: 1_001, ..dial.clone() }).contains("1000 requests"));
        let spotless = scene::ALL.iter().find(|scene| scene.mistake.is_none()).unwrap();
        let dial = Dial { scene: spotless.name.into(), pitfall: true, ..dial };
        assert!(refused(dial).contains("no mistake"));
    }
}
