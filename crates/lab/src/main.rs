//! `lab`: blocking or async? Measured here.

fn main() {}
