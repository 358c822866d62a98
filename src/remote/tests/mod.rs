//! What is tested over many texts: counters, and the gauge. And what models of one endpoint share.

mod counting;
mod gauging;
mod servers;
mod sharing;
mod texts;
