//! Tests of the pace: against endpoints that are simulated in paused time, and of what holds whatever happens.

mod always;
mod endpoint;
mod learning;
mod limits;
mod load;
mod tokens;
