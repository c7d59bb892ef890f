//! The instrument: runs the servers side by side and says what each way of waiting costs.

pub mod results;
