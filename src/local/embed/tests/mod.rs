//! Tests of models that embed: on a small one of our own making, and on the real one where it is present.

mod reference;
mod small;

mod golden;
mod right;
mod whole;
