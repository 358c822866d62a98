//! Holds an answer to a JSON Schema: says at every step which tokens may come next.

use std::fmt;
use std::sync::Arc;

use llguidance::api::TopLevelGrammar;
use llguidance::toktrie::{ApproximateTokEnv, TokEnv, TokRxInfo, TokTrie};
use llguidance::{JsonCompileOptions, Matcher, ParserFactory};
use serde_json::Value;

use super::tokenizer::{TokenId, Vocabulary};
use crate::model::ModelError;

/// Everything about a vocabulary that grammars share.
pub(super) struct Grammars {
    factory: ParserFactory,
}

/// A grammar at one place in one answer.
pub(super) struct Constraint {
    matcher: Matcher,
}

impl fmt::Debug for Grammars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grammars").finish_non_exhaustive()
    }
}

impl Grammars {
    /// Prepares the vocabulary.
    pub(super) fn new(vocabulary: &Vocabulary) -> Result<Self, ModelError> {
        let count = u32::try_from(vocabulary.len()).map_err(|error| form(&error))?;
        let mut words: Vec<Vec<u8>> = (0..count).map(|id| vocabulary.bytes(id).to_vec()).collect();
        for (name, id) in vocabulary.specials() {
            if let Some(word) = words.get_mut(*id as usize) {
                // The marker keeps a special token from being taken for the text that spells its name.
                *word = [&[TokTrie::SPECIAL_TOKEN_MARKER], name.as_bytes()].concat();
            }
        }
        let info = TokRxInfo::new(count, vocabulary.end_of_turn());
        let environment: TokEnv = Arc::new(ApproximateTokEnv::new(TokTrie::from(&info, &words)));
        let mut factory = ParserFactory::new_simple(&environment).map_err(|error| form(&error))?;
        factory.quiet();
        Ok(Self { factory })
    }

    /// Compiles a JSON Schema.
    pub(super) fn json(&self, schema: &Value) -> Result<Constraint, ModelError> {
        if !schema.is_object() {
            return Err(form(&"the JSON Schema is not an object"));
        }
        let mut schema = schema.clone();
        let options = JsonCompileOptions {
            // Free white space lets a small model write nothing else until its answer is cut.
            whitespace_flexible: false,
            item_separator: ", ".into(),
            key_separator: ": ".into(),
            ..JsonCompileOptions::default()
        };
        options.apply_to(&mut schema);
        let parser = self.factory.create_parser(TopLevelGrammar::from_json_schema(schema));
        let matcher = Matcher::new(parser);
        match matcher.get_error() {
            Some(error) => Err(form(&error)),
            None => Ok(Constraint { matcher }),
        }
    }
}

impl Constraint {
    /// Sets the logits of tokens that may not come next to minus infinity.
    pub(super) fn mask(&mut self, logits: &mut [f32]) -> Result<(), ModelError> {
        let allowed = self.matcher.compute_mask_or_eos().map_err(|error| form(&error))?;
        for (id, logit) in (0..).zip(logits) {
            if (id as usize) >= allowed.len() || !allowed.is_allowed(id) {
                *logit = f32::NEG_INFINITY;
            }
        }
        Ok(())
    }

    /// Takes a chosen token, and tells whether the form is now complete.
    pub(super) fn take(&mut self, id: TokenId) -> Result<bool, ModelError> {
        self.matcher.consume_token(id).map_err(|error| form(&error))?;
        Ok(self.matcher.is_stopped())
    }
}

fn form(error: &dyn fmt::Display) -> ModelError {
    let reason = error.to_string().lines().next().unwrap_or("no reason given").to_owned();
    ModelError::Form { reason }
}
