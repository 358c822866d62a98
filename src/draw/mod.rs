//! A workflow as a picture: Mermaid, DOT or SVG, with the state and the numbers of a run where one is given.
//!
//! The contexts of its calls are another picture, in SVG and in a terminal.
//!
//! Pictures are texts that depend on nothing but the workflow and the events: the same input gives the same bytes.

mod diagram;
mod dot;
mod layout;
mod mermaid;
mod sawtooth;
mod svg;

pub use diagram::Diagram;
pub use dot::dot;
pub use mermaid::mermaid;
pub use sawtooth::{Ceiling, Sawtooth, Tooth, sawtooth_lines, sawtooth_svg};
pub use svg::svg;
