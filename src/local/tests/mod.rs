//! Tests of the engine as a whole: on a tiny model of our own making, and on a real one where it is present.

mod answers;
mod cancelling;
mod files;
mod mixed;
mod oracle;
mod pulling;
mod qwen2;
mod recorded;
mod reference;
mod tiny;

pub(super) use tiny::weights;
