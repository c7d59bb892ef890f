//! The faults as data: what happens, what is expected, and the figure that must be reached.

use serde::Deserialize;

/// One fault, as `cases/fault_cases.json` tells it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Case {
    /// `F01`
    pub(crate) id: String,
    /// What it is about.
    pub(crate) area: String,
    /// What goes wrong.
    pub(crate) fault: String,
    /// How it is made to.
    pub(crate) setup: String,
    /// The figure that must be reached.
    pub(crate) target: String,
}

/// All of them, in their order.
pub(crate) fn cases() -> Vec<Case> {
    #[derive(Deserialize)]
    struct Cases {
        cases: Vec<Case>,
    }
    let text = include_str!("../cases/fault_cases.json");
    serde_json::from_str::<Cases>(text).expect("a test reads the file too").cases
}
