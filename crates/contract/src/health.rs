//! Alive and ready are two questions: the first needs no I/O, the second asks what the server depends on.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `/healthz`: the process answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// Always `ok`.
    #[schema(example = "ok")]
    pub status: String,
}

/// `/readyz`: whether to send requests here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Ready {
    /// `ready`, or a 503 problem that says `draining`.
    #[schema(example = "ready")]
    pub status: String,
}

impl Default for Health {
    fn default() -> Self {
        Self { status: "ok".to_owned() }
    }
}

impl Default for Ready {
    fn default() -> Self {
        Self { status: "ready".to_owned() }
    }
}
