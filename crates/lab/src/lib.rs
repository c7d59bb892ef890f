//! The instrument: runs the servers side by side and says what each way of waiting costs.

pub mod competitor;
pub mod plan;
pub mod question;
pub mod results;
pub mod scenarios;
