//! Text as longhand sees it: byte spans, token counts, sentences, and chunks that tile a document. Pure: no files, no models.

mod span;
mod tokens;

pub use span::{Chunk, DocumentIndex, Span};
pub use tokens::{ApproximateCounter, TokenCount, TokenCounter};
