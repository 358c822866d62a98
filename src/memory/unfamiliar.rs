//! Notices what is said in a language that the embedder does not know: its meaning is then found badly, and nobody would see why.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::model::Embedder;
use crate::text::{Language, language};

/// The first language that was met and that an embedder does not know.
#[derive(Debug, Default)]
pub(super) struct Unfamiliar {
    met: OnceLock<Language>,
    told: AtomicBool,
}

impl Unfamiliar {
    /// Looks at texts until one is in a language that `embedder` does not know. Nothing is said of an embedder whose languages nobody
    /// knows.
    pub(super) fn hear<'a>(&self, embedder: &dyn Embedder, texts: impl IntoIterator<Item = &'a str>) {
        let Some(known) = embedder.languages().filter(|_| self.met.get().is_none()) else { return };
        let mut met = texts.into_iter().filter_map(language);
        if let Some(language) = met.find(|language| !known.contains(&language.code)) {
            let _ = self.met.set(language);
        }
    }

    /// Returns the language, the first time.
    pub(super) fn take(&self) -> Option<Language> {
        let met = *self.met.get()?;
        (!self.told.swap(true, Ordering::AcqRel)).then_some(met)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{BoxFuture, ModelError};

    #[derive(Debug)]
    struct Knows(Option<&'static [&'static str]>);

    impl Embedder for Knows {
        fn identity(&self) -> &'static str {
            "knows"
        }

        fn languages(&self) -> Option<&[&str]> {
            self.0
        }

        fn embed<'a>(&'a self, _: &'a [String]) -> BoxFuture<'a, Result<Vec<Vec<f32>>, ModelError>> {
            Box::pin(async { Ok(Vec::new()) })
        }
    }

    const ENGLISH: &str = "My grandmother kept the lighthouse at the harbour until the storm of that winter.";
    const GERMAN: &str = "Meine Großmutter hat den Leuchtturm am Hafen bis zum Sturm jenes Winters gehütet.";

    #[test]
    fn a_language_that_the_embedder_does_not_know_is_told_once() {
        let english = Knows(Some(&["eng"]));
        let heard = Unfamiliar::default();
        heard.hear(&english, [ENGLISH, "OK.", "let x = 3;"]);
        assert_eq!(heard.take(), None);
        heard.hear(&english, [ENGLISH, GERMAN]);
        assert_eq!(heard.take().map(|language| language.name), Some("German"));
        heard.hear(&english, [GERMAN]);
        assert_eq!(heard.take(), None);
        let unknown = Unfamiliar::default();
        unknown.hear(&Knows(None), [GERMAN]);
        assert_eq!(unknown.take(), None, "nobody knows what it knows");
    }
}
