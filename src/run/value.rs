//! The values that steps hand on.

use serde::{Deserialize, Serialize};

use crate::text::{Chunk, DocumentIndex, Span, one_line};

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
        one_line(&self.text)
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

    /// Returns about how many bytes of memory a list takes; a single text counts as nothing.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Text(_) => 0,
            Self::Texts(texts) => texts.iter().map(|text| size_of::<String>() + text.len()).sum(),
            Self::Chunks(chunks) => size_of_val(chunks.as_slice()),
            Self::Quotes(quotes) => quotes.iter().map(|quote| size_of::<Quote>() + quote.text.len()).sum(),
            Self::Records(records) => records.iter().map(weight).sum(),
        }
    }
}

fn weight(value: &serde_json::Value) -> usize {
    use serde_json::Value;
    let inner: usize = match value {
        Value::String(text) => text.len(),
        Value::Array(values) => values.iter().map(weight).sum(),
        Value::Object(map) => {
            map.iter().map(|(key, value)| size_of::<String>() + key.len() + weight(value)).sum()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    };
    size_of::<Value>() + inner
}
