//! What was found of prompts lately. A call wants it four or five times, and to go through a prompt takes many times as long as
//! to hash it. Knows no messages: it is given their hash.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::trial::Prompt;
use crate::hash::ContentHash;

/// So many prompts are remembered at least, which is more than are in flight, and twice as many at most.
const KEPT: usize = 512;

/// Prompts that were measured lately.
#[derive(Debug, Default)]
pub(super) struct Measured(Mutex<Generations>);

/// The older is forgotten when the younger is full.
#[derive(Debug, Default)]
struct Generations {
    young: HashMap<ContentHash, Prompt>,
    old: HashMap<ContentHash, Prompt>,
}

impl Measured {
    /// Returns what is remembered of a prompt, else what `measure` finds. Nobody waits for it.
    pub(super) fn of(&self, messages: ContentHash, measure: impl FnOnce() -> Prompt) -> Prompt {
        if let Some(known) = self.generations().find(messages) {
            return known;
        }
        let prompt = measure();
        self.generations().keep(messages, prompt);
        prompt
    }

    fn generations(&self) -> std::sync::MutexGuard<'_, Generations> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Generations {
    fn find(&self, messages: ContentHash) -> Option<Prompt> {
        self.young.get(&messages).or_else(|| self.old.get(&messages)).copied()
    }

    fn keep(&mut self, messages: ContentHash, prompt: Prompt) {
        if self.young.len() >= KEPT {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(messages, prompt);
    }
}

#[cfg(test)]
mod tests {
    use super::super::makeup::Makeup;
    use super::*;

    fn measured(measured: &Measured, number: usize) -> bool {
        let mut new = false;
        let prompt = measured.of(ContentHash::of(&number.to_le_bytes()), || {
            new = true;
            Prompt {
                makeup: Makeup::default(),
                text: f64::from(u32::try_from(number).unwrap()),
                messages: 1.0,
            }
        });
        assert_eq!(prompt.text.to_string(), number.to_string());
        new
    }

    #[test]
    fn a_prompt_is_measured_once_as_long_as_it_is_in_flight() {
        let all = Measured::default();
        assert!((0..KEPT).all(|number| measured(&all, number)));
        assert!(!(0..KEPT).any(|number| measured(&all, number)));
    }

    #[test]
    fn old_prompts_are_forgotten() {
        let all = Measured::default();
        assert!((0..10 * KEPT).all(|number| measured(&all, number)));
        let generations = all.generations();
        assert_eq!((generations.young.len(), generations.old.len()), (KEPT, KEPT));
        drop(generations);
        assert!(measured(&all, 0) && !measured(&all, 10 * KEPT - 1));
    }
}
