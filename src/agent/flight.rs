//! One question at a time: whoever asks what is being asked already waits for the answer. Knows nothing of answers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Mutex as Gate, OwnedMutexGuard};

use crate::hash::ContentHash;

type Gates = HashMap<ContentHash, Arc<Gate<()>>>;

/// The questions in flight.
#[derive(Debug, Default)]
pub(super) struct Flights(Mutex<Gates>);

/// The right to ask a question, given back when dropped: then the next who waits for it has it.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    flights: &'a Flights,
    question: ContentHash,
    gate: Option<Arc<Gate<()>>>,
    guard: Option<OwnedMutexGuard<()>>,
}

impl Flights {
    /// Waits until nobody asks this question. Dropping the future gives the place in the queue up.
    ///
    /// What was asked meanwhile may have failed, so whoever has the turn looks for an answer first, and asks if there is none.
    pub(super) async fn turn(&self, question: ContentHash) -> Turn<'_> {
        let gate = Arc::clone(self.gates().entry(question).or_default());
        // Made before anything is waited for, so that a place that is given up is tidied away, too.
        let mut turn = Turn { flights: self, question, gate: Some(Arc::clone(&gate)), guard: None };
        turn.guard = Some(gate.lock_owned().await);
        turn
    }

    fn gates(&self) -> MutexGuard<'_, Gates> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.guard = None;
        let mut gates = self.flights.gates();
        self.gate = None;
        // Gates are only taken out of the map while it is locked, so nobody else can be about to wait.
        if gates.get(&self.question).is_some_and(|gate| Arc::strong_count(gate) == 1) {
            gates.remove(&self.question);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    fn question(text: &str) -> ContentHash {
        ContentHash::of(text.as_bytes())
    }

    #[tokio::test]
    async fn the_same_question_waits_and_another_does_not() {
        let flights = Flights::default();
        let first = flights.turn(question("a")).await;
        let other = flights.turn(question("b")).now_or_never().unwrap();
        let mut second = Box::pin(flights.turn(question("a")));
        let mut third = Box::pin(flights.turn(question("a")));
        assert!(second.as_mut().now_or_never().is_none() && third.as_mut().now_or_never().is_none());
        drop(second);
        assert!(third.as_mut().now_or_never().is_none(), "the first still asks");
        drop(first);
        let third = third.now_or_never().unwrap();
        assert_eq!(flights.gates().len(), 2);
        drop((third, other));
        assert_eq!(flights.gates().len(), 0, "nothing is left behind");
    }
}
