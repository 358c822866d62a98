//! The seam to models that turn texts into vectors.

use std::fmt;

use super::chat::BoxFuture;
use super::error::ModelError;
use crate::text::{TokenCount, TokenCounter};

/// A model that turns texts into vectors, near each other where the texts mean the like.
///
/// Implementations are cancel-safe: dropping the future stops the work.
pub trait Embedder: fmt::Debug + Send + Sync {
    /// Returns a name that tells this model's vectors from every other's.
    fn identity(&self) -> &str;

    /// Returns how many tokens of a text are read, as [`Self::counter`] counts them; none where nobody knows. A longer text is
    /// cut or refused, so texts are split before they come here.
    fn window(&self) -> Option<TokenCount> {
        None
    }

    /// Returns what counts the tokens of a text; none where nobody knows.
    fn counter(&self) -> Option<&dyn TokenCounter> {
        None
    }

    /// Returns the languages whose texts the model was made for, by their codes of ISO 639-3; none where nobody knows.
    fn languages(&self) -> Option<&[&str]> {
        None
    }

    /// Returns one vector for each text, in their order. All vectors of a model are of one length.
    ///
    /// # Errors
    /// [`ModelError`], as [`ChatModel::chat`](super::ChatModel::chat).
    fn embed<'a>(&'a self, texts: &'a [String]) -> BoxFuture<'a, Result<Vec<Vec<f32>>, ModelError>>;
}
