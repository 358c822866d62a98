//! The vectors of a memory: which passages have none yet, and where they are kept.

use std::collections::HashMap;

use super::episode::Place;
use super::state::{AnyStorage, Memory};
use crate::retrieve::{IndexError, VectorIndex};

impl Memory {
    /// Returns the text of the passages that have no vector yet, in the order in which [`Self::supply`] wants them.
    #[must_use]
    pub fn pending(&self) -> Vec<String> {
        let from = self.vectors.as_ref().map_or(0, VectorIndex::len);
        let texts = self.kept.get(from..).unwrap_or_default().iter();
        texts.map(|kept| self.indexed_text(&kept.passage)).collect()
    }

    /// Keeps vectors in this index from now on. It holds those of the first passages, or none.
    ///
    /// # Errors
    /// [`IndexError`] where it cannot be written.
    pub fn keep_vectors(&mut self, mut index: VectorIndex<AnyStorage>) -> Result<(), IndexError> {
        for (at, kept) in self.kept.iter().enumerate().take(index.len()) {
            if !kept.indexed {
                index.forget(at)?;
            }
        }
        self.vectors = Some(index);
        Ok(())
    }

    /// Takes the vectors of pending passages, in their order. All vectors of a memory are of one length.
    ///
    /// # Errors
    /// [`IndexError`] where a vector is of another length, or cannot be written.
    pub fn supply(&mut self, vectors: &[Vec<f32>]) -> Result<(), IndexError> {
        let Some(first) = vectors.first() else { return Ok(()) };
        let index = match &mut self.vectors {
            Some(index) => index,
            none => {
                let empty = || -> AnyStorage { Box::new(Vec::new()) };
                none.insert(VectorIndex::open(empty(), empty(), first.len(), "in memory")?)
            }
        };
        let at = index.len();
        index.push_all(vectors.iter().map(Vec::as_slice))?;
        for (at, _) in (at..).zip(vectors) {
            if self.kept.get(at).is_some_and(|kept| !kept.indexed) {
                index.forget(at)?;
            }
        }
        Ok(())
    }

    /// Takes over the vectors that another memory had for the same places, as far as they go without a gap.
    pub(super) fn take_over(&mut self, vectors: &HashMap<Place, Vec<f32>>) -> Result<(), IndexError> {
        let known = self.kept.iter().map_while(|kept| vectors.get(&kept.passage.place).cloned());
        let known: Vec<Vec<f32>> = known.collect();
        self.supply(&known)
    }
}
