//! Chores for contributors; its tests keep docs and code in step.
mod alignment;
mod exceptions;
mod items;
mod lines;
mod manifests;
mod root;

use root::root;

fn main() {}
