//! Tests of the engine as a whole: on a tiny model of our own making, and on a real one where it is present.

mod alone;
mod answers;
mod cancelling;
mod files;
mod mixed;
mod oracle;
mod pulling;
mod qwen2;
mod recorded;
mod reference;
mod scheduling;
mod serving;
mod sharing;
mod tiny;
mod toy;

pub(super) use tiny::weights;
