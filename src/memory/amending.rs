//! What a memory does with messages that are put right and turns that are taken back.

use serde::{Deserialize, Serialize};

use super::compact::Compact;
use super::episode::Turn;
use super::passage::{Passage, passages};
use super::standing::Standing;
use super::state::{Kept, Memory, searched, text_of};

/// What a message said before it was put right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Earlier {
    /// The message of the turn, from 0.
    pub said: u32,
    /// The words of then.
    pub text: String,
}

impl Memory {
    /// Returns what the messages of a turn said before they were put right, the oldest first. None of it is ever recalled.
    #[must_use]
    pub fn earlier(&self, turn: Turn) -> &[Earlier] {
        self.earlier.get(&turn).map_or(&[], Vec::as_slice)
    }

    /// Puts a message right: the new words take the place of the old ones everywhere but in [`Self::earlier`].
    pub(super) fn edited(&mut self, turn: Turn, said: u32, text: &str) {
        let Some(episode) = self.episodes.get_mut(&turn) else { return };
        let Some(message) = usize::try_from(said).ok().and_then(|at| episode.said.get_mut(at)) else {
            return;
        };
        let before = Earlier { said, text: std::mem::replace(&mut message.text, text.to_owned()) };
        self.earlier.entry(turn).or_default().push(before);
        let only = episode.clone();
        self.unindex(turn, |place| place.said == said);
        let fresh: Vec<Passage> =
            passages(&only).into_iter().filter(|passage| passage.place.said == said).collect();
        for passage in fresh {
            let at = self.kept.len();
            let text = text_of(&only, passage.place).to_owned();
            self.learn_words(&searched(&only, &passage, &text));
            self.by_turn.entry(turn).or_default().push(at);
            self.kept.push(Kept { passage, recalled: None, indexed: true, superseded: None });
        }
        self.standing.retain(|standing| standing.place.turn != turn);
        self.standing.extend(Standing::found_in(&only));
        self.standing.sort_by_key(|standing| standing.place);
        // What a model wrote after those words may hold them.
        self.written.retain(|written, _| *written < turn);
        self.summarize_anew();
    }

    pub(super) fn drop_turn(&mut self, turn: Turn) {
        self.unindex(turn, |_| true);
        self.episodes.remove(&turn);
        self.earlier.remove(&turn);
        self.pins.remove(&turn);
        self.standing.retain(|standing| standing.place.turn != turn);
        self.written.retain(|written, _| *written < turn);
        self.summarize_anew();
    }

    /// Makes the summaries of what is there now.
    fn summarize_anew(&mut self) {
        self.compact = Compact::default();
        for episode in self.episodes.values().filter(|episode| episode.is_chat()) {
            let written = self.written.get(&episode.turn).map(String::as_str);
            self.compact.learn(episode, written, self.options.counter.as_ref());
        }
    }
}
