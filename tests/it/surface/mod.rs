//! What a person or a script sees of the command: help, data on stdout, files, runs, and no network.

mod help;
mod network;
mod output;
mod paths;
mod project;
mod runs;
