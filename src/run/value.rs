//! The values that steps hand on.

use serde::{Deserialize, Serialize};

use crate::text::{Chunk, DocumentIndex, Span};

/// A sentence of a document, word for word.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Quote {
    /// The document it stands in.
    pub document: DocumentIndex,
    /// Where it stands there.
    pub span: Span,
    /// Its text: exactly the bytes of `span`.
    pub text: String,
    /// How useful it was found, from 0 to 1; the least useful is dropped first.
    pub score: f32,
}

impl Quote {
    /// Returns the text in one line, as it is read: the line breaks of a wrapped file are none of the sentence's.
    #[must_use]
    pub fn line(&self) -> String {
        self.text.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// What a step yields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// The chunks of a source, in reading order.
    Chunks(Vec<Chunk>),
    /// Several texts, in the order of what they were made from.
    Texts(Vec<String>),
    /// One text.
    Text(String),
    /// Sentences word for word, in the order of the source.
    Quotes(Vec<Quote>),
    /// What an agent extracted, each record a JSON value that kept its schema.
    Records(Vec<serde_json::Value>),
}

impl Value {
    /// Returns the kind of the value, for messages.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Chunks(_) => "chunks",
            Self::Texts(_) => "texts",
            Self::Text(_) => "text",
            Self::Quotes(_) => "quotes",
            Self::Records(_) => "records",
        }
    }
}
