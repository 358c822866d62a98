//! Input that cannot be used: what is said, where it goes, and how the command ends.

mod documents;
mod models;
mod requests;
mod stores;
mod workflows;
