//! Counting tokens as a model does that is computed elsewhere.

use std::path::Path;
use std::sync::Arc;

use tokenizers::Tokenizer;

use super::gguf::ModelFile;
use super::tokenizer::Vocabulary;
use crate::model::ModelError;
use crate::text::{TokenCount, TokenCounter};

/// Reads the tokenizer of a `tokenizer.json` or of a GGUF file, whose weights need not be there.
///
/// # Errors
/// [`ModelError::Load`] where the file is neither, or damaged.
pub fn counter_of(path: &Path) -> Result<Arc<dyn TokenCounter>, ModelError> {
    if path.extension().is_some_and(|extension| extension == "gguf") {
        return Ok(Arc::new(Vocabulary::load(&ModelFile::open(path)?)?));
    }
    let wrong = |reason: String| ModelError::Load { path: path.to_owned(), reason };
    let mut tokenizer = Tokenizer::from_file(path)
        .map_err(|error| wrong(format!("it is no `tokenizer.json`, and no GGUF file: {error}")))?;
    // Texts are counted whole.
    tokenizer.with_truncation(None).map_err(|error| wrong(error.to_string()))?;
    tokenizer.with_padding(None);
    Ok(Arc::new(Counter(tokenizer)))
}

#[derive(Debug)]
struct Counter(Tokenizer);

impl TokenCounter for Counter {
    fn count(&self, text: &str) -> TokenCount {
        // A tokenizer fails on no text in practice; a token a byte is never too few if one does.
        let counted = self.0.encode_fast(text, false).map_or(text.len(), |encoding| encoding.len());
        TokenCount(counted as u64)
    }
}
