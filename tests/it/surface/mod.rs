//! What a person or a script sees of the command: help, data on stdout, files, runs, and no network.

mod beside;
mod branches;
mod graph;
mod help;
mod inputs;
mod network;
mod output;
mod pages;
mod paths;
mod plan;
mod project;
#[cfg(feature = "local")]
mod pulling;
mod runs;
mod sawtooth;
mod store;
mod stream;
