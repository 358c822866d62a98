//! What a run did, for people and for programs: built from the journal alone.

mod build;
mod markdown;
mod model;

pub use build::build;
pub use markdown::{archive_page, document_page, index_page};
pub use model::{
    CallLine, ChunkLine, DocumentLine, Failure, QuoteLine, Report, Status, Summary, Totals, Waiting,
};
