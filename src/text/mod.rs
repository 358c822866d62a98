//! Text as longhand sees it: byte spans, token counts, sentences, and chunks that tile a document. Pure: no files, no models.

mod abbreviation;
mod ends;
mod fit;
mod language;
mod layout;
mod sentence;
mod span;
mod split;
mod tokens;
mod utf8;
mod word;

pub use ends::{LEFT_OUT, ends};
pub use language::{Language, language};
pub use layout::{line_marks, underlined};
pub use sentence::{Sentences, sentences};
pub use span::{Chunk, DocumentIndex, Span};
pub use split::{Piece, SplitError, Splitter};
pub use tokens::{ApproximateCounter, TokenCount, TokenCounter};
pub use utf8::{InvalidUtf8, Utf8Stream};
pub use word::{one_line, words};
