//! A workflow as a picture: Mermaid, DOT or SVG, with the state and the numbers of a run where one is given.
//!
//! Pictures are texts that depend on nothing but the workflow and the events: the same input gives the same bytes.

mod diagram;
mod dot;
mod layout;
mod mermaid;
mod svg;

pub use diagram::Diagram;
pub use dot::dot;
pub use mermaid::mermaid;
pub use svg::svg;
