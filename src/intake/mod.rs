//! Bytes on disk become documents: UTF-8 text with a name and a hash. Knows files and encodings; knows no chunks and no models.

mod document;
mod error;
mod gather;
mod sniff;
mod spool;
mod survey;
mod weigh;

pub use document::Document;
pub use error::IntakeError;
pub use gather::{Failure, Gathered, Input, gather};
pub use weigh::weigh;
