//! Measuring: the metrics beside the packages that define them, and `longhand eval memory`, `eval think` and `eval math` over sets of
//! our own.

mod answers;
mod golden;
mod own;
mod paper;
mod quality;
mod think;
