//! What is remembered of a long chat: HEMA's dual memory (arXiv 2504.16754), a Compact Memory of one short summary beside a
//! Vector Memory of every turn, word for word.
//!
//! A memory is what its events add up to ([`MemoryEvent`]); everything else is made from them. What was said is
//! kept whole and is never replaced by what was made of it.
//!
//! | part | what it is | where the paper says it |
//! |---|---|---|
//! | [`Compact`] | the running summary, and the second level every 100 turns | section 3 |
//! | passages | what was said, in parts that are found again by words and by likeness | section 3 |
//! | [`Standing`] | instructions and preferences, in every prompt before likeness is asked | not there |
//! | [`Salience`] | which passages leave the index | section 3, both readings of its formula |
//! | [`Memory::compose`] | what of it goes into a prompt, in the paper's order, within a number of tokens | section 3 |

mod amending;
mod compact;
mod compose;
mod correction;
mod diverse;
mod episode;
mod event;
mod forgetting;
mod keeping;
mod passage;
mod rank;
mod salience;
mod session;
mod snapshot;
mod standing;
mod state;
#[cfg(test)]
mod tests;
mod trim;
mod unfamiliar;
mod vectors;
mod when;

pub use amending::Earlier;
pub use compact::{Compact, OVERVIEW, SUMMARY};
pub use compose::{Composition, Cue, Part, PartKind, Room};
pub use episode::{Episode, Place, Role, Said, Turn};
pub use event::MemoryEvent;
pub use forgetting::Forgotten;
pub use keeping::KeptVectors;
pub use passage::Passage;
pub use rank::{Ranked, Why};
pub use salience::{PERIOD, Reading, Salience};
pub use session::{MemoryError, NewTurn, Session};
pub use standing::{Standing, StandingKind};
pub use state::{AnyStorage, Memory, MemoryOptions};
pub use when::{End, Period, When, when};
