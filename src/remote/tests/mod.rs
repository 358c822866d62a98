//! What is tested over many texts: counters, and the gauge.

mod counting;
mod gauging;
mod servers;
mod texts;
