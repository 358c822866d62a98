//! The part of a model file that prompts are measured with: its vocabulary, its chat template and its window, without its
//! weights.

use std::path::Path;

use super::engine::template;
use super::gguf::ModelFile;
use super::template::ChatTemplate;
use super::tokenizer::Vocabulary;
use crate::model::{Measure, Message, ModelError, ModelLimits};
use crate::text::{TokenCount, TokenCounter};

/// Measures prompts as the model of a file would, in the memory of its vocabulary.
pub struct LocalMeasure {
    context: TokenCount,
    vocabulary: Vocabulary,
    template: ChatTemplate,
}

impl std::fmt::Debug for LocalMeasure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalMeasure").field("context", &self.context).finish_non_exhaustive()
    }
}

impl LocalMeasure {
    /// Reads the head of the model file at `path`; `window` is a context shorter than the model's own.
    ///
    /// # Errors
    /// [`ModelError::Load`] where the file is missing or damaged, or has no vocabulary that can be used;
    /// [`ModelError::Template`] where its chat template cannot be compiled.
    pub fn load(path: &Path, window: Option<u64>) -> Result<Self, ModelError> {
        let file = ModelFile::open(path)?;
        let context = file.info().context;
        let context = TokenCount(window.unwrap_or(context).min(context));
        Ok(Self { context, vocabulary: Vocabulary::load(&file)?, template: template(&file)? })
    }
}

impl Measure for LocalMeasure {
    fn limits(&self) -> ModelLimits {
        ModelLimits { context: self.context, max_output: self.context, concurrency: 1, prefill: true }
    }

    fn counter(&self) -> &dyn TokenCounter {
        &self.vocabulary
    }

    fn prompt_tokens(&self, messages: &[Message]) -> Result<TokenCount, ModelError> {
        let ids = self.vocabulary.prompt(&self.template.render(messages)?.pieces())?;
        Ok(TokenCount(ids.len() as u64))
    }
}
