//! Group commit: appenders that wait at the same time share one flush. Knows nothing of what is flushed.

use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// The flushes of one journal, in rounds.
#[derive(Debug, Default)]
pub(super) struct GroupCommit {
    rounds: Mutex<Rounds>,
    turned: Condvar,
}

#[derive(Debug, Default)]
struct Rounds {
    /// How many flushes have begun.
    begun: u64,
    /// How many have ended.
    ended: u64,
    /// Once a flush has failed nobody knows what is on disk, so every later wait fails the same way.
    failed: Option<(io::ErrorKind, String)>,
}

impl GroupCommit {
    /// Returns once a flush has ended that began after this call.
    ///
    /// One of the waiting threads runs `flush`; the others wait for it. Blocks the thread.
    ///
    /// # Errors
    /// What the flush said, on this and every later call.
    pub(super) fn wait(&self, flush: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let mut rounds = self.lock();
        // A flush under way may have begun before the caller's record was there: the next one counts.
        let mine = rounds.begun + 1;
        while rounds.ended < mine && rounds.begun > rounds.ended {
            rounds = self.turned.wait(rounds).unwrap_or_else(PoisonError::into_inner);
        }
        if rounds.ended < mine && rounds.failed.is_none() {
            rounds.begun += 1;
            drop(rounds);
            let result = flush();
            rounds = self.lock();
            rounds.ended = rounds.begun;
            if let Err(source) = result {
                rounds.failed = Some((source.kind(), source.to_string()));
            }
            self.turned.notify_all();
        }
        match &rounds.failed {
            None => Ok(()),
            Some((kind, said)) => Err(io::Error::new(*kind, said.clone())),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Rounds> {
        self.rounds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
