//! What calls may use, and what happens when they fail.

mod budget;
mod fairness;
mod retries;
