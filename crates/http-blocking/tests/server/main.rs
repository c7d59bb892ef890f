//! The server as a client on a bare socket sees it, one file for each thing that can go wrong.

mod bodies;
mod clocks;
mod drain;
mod streams;
mod support;
mod threads;
mod wire;
