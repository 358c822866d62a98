//! What a run did, for people and for programs: built from the journal alone.

mod build;
mod chain;
mod contexts;
mod diff;
mod markdown;
mod model;
mod naming;
mod rounds;
mod stream;

pub use build::build;
pub use contexts::{Attended, ContextLine, Contexts, ModelLine};
pub use diff::{Diff, Differing, Parting, Place, Side, diff};
pub use markdown::{archive_page, document_pages, index_page};
pub use model::{
    CallLine, ChunkLine, DocumentLine, Failure, Lost, QuoteLine, Report, Status, Summary, Totals, Waiting,
};
pub use naming::Naming;
pub use rounds::{RoundInstance, RoundSeen, RoundsLine, RoundsReader};
pub use stream::Line;
