//! Forgetting turns for good: a session whose journal is written anew without them.

use std::collections::BTreeSet;

use super::episode::Turn;
use super::event::MemoryEvent;
use super::keeping::{keep_vectors, kept_vectors, remove_vectors};
use super::session::{MemoryError, Session, events, folded};
use super::snapshot;
use crate::store::Store;

/// What forgetting took away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forgotten {
    /// The turns that are gone.
    pub turns: BTreeSet<Turn>,
    /// Later turns that were answered with passages of them in view, and may repeat what they said.
    pub heard_by: BTreeSet<Turn>,
}

impl Session {
    /// Really deletes turns: what was said, their vectors, the summaries that were made from them, and the runs of these and of all
    /// later turns, whose prompts may have held them. The session's journal is written anew without them.
    ///
    /// # Errors
    /// [`MemoryError::NoTurn`], [`MemoryError::Store`].
    pub fn forget(&self, turns: &BTreeSet<Turn>, store: &Store) -> Result<Forgotten, MemoryError> {
        let name = self.folder(|folder| folder.name().clone());
        let (all, _) = events(store, &name)?;
        // A turn that was taken back is not in the memory, and still in the journal.
        let there: BTreeSet<Turn> = all.iter().flat_map(MemoryEvent::begun).collect();
        if let Some(turn) = turns.difference(&there).next() {
            let last = there.last().copied().unwrap_or(Turn(0));
            return Err(MemoryError::NoTurn { turn: *turn, last });
        }
        let first = turns.first().copied().unwrap_or(Turn(u32::MAX));
        let mut heard_by = BTreeSet::new();
        let mut runs: BTreeSet<String> = BTreeSet::new();
        for event in &all {
            let MemoryEvent::Turned { episode, recalled, run, .. } = event else { continue };
            if !turns.contains(&episode.turn) && recalled.iter().any(|place| turns.contains(&place.turn)) {
                heard_by.insert(episode.turn);
            }
            if episode.turn < first {
                runs.extend(run.clone());
            }
        }
        let left: Vec<MemoryEvent> =
            all.into_iter().filter_map(|event| without(event, turns, first)).collect();
        let mut folder = self.locked_folder();
        let mut memory = self.locked();
        let vectors = kept_vectors(&memory);
        // The vectors go first: positions in a journal that is written anew are others.
        memory.vectors = None;
        remove_vectors(&folder)?;
        snapshot::remove(&folder)?;
        folder.rewrite(&left)?;
        for run in folder.store().runs()? {
            if !runs.contains(run.as_str()) {
                folder.store().remove(&run)?;
            }
        }
        *memory = folded(&left, &self.options);
        if let Some((embedder, length)) = self.embedder.as_ref().zip(self.opened.get().copied().flatten()) {
            keep_vectors(&folder, &mut memory, embedder.as_ref(), length)?;
        }
        memory.take_over(&vectors)?;
        Ok(Forgotten { turns: turns.clone(), heard_by })
    }
}

/// An event without anything of the forgotten turns; none where nothing is left of it.
fn without(event: MemoryEvent, turns: &BTreeSet<Turn>, first: Turn) -> Option<MemoryEvent> {
    match event {
        MemoryEvent::Turned { episode, mut recalled, summary, run } => {
            if turns.contains(&episode.turn) {
                return None;
            }
            recalled.retain(|place| !turns.contains(&place.turn));
            // A summary that was written after them may hold what they said, and their run is gone.
            let before = episode.turn < first;
            let (summary, run) = (summary.filter(|_| before), run.filter(|_| before));
            Some(MemoryEvent::Turned { episode, recalled, summary, run })
        }
        MemoryEvent::Imported { at_ms, content, turns: mut left } => {
            left.retain(|episode| !turns.contains(&episode.turn));
            (!left.is_empty()).then_some(MemoryEvent::Imported { at_ms, content, turns: left })
        }
        MemoryEvent::Attached { turn, .. }
        | MemoryEvent::Pinned { turn }
        | MemoryEvent::Unpinned { turn }
        | MemoryEvent::Edited { turn, .. }
        | MemoryEvent::Undone { turn }
            if turns.contains(&turn) =>
        {
            None
        }
        other => Some(other),
    }
}
