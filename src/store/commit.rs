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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::thread;

    use super::*;

    #[test]
    fn a_wait_ends_only_after_a_flush_that_began_after_it() {
        let commit = GroupCommit::default();
        let (written, flushed) = (AtomicU64::new(0), AtomicU64::new(0));
        let flush = || {
            let seen = written.load(Ordering::SeqCst);
            // Gives the others the chance to arrive while this flush is under way.
            thread::yield_now();
            flushed.store(seen, Ordering::SeqCst);
            Ok(())
        };
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let mine = written.fetch_add(1, Ordering::SeqCst) + 1;
                        commit.wait(flush).unwrap();
                        assert!(flushed.load(Ordering::SeqCst) >= mine);
                    }
                });
            }
        });
    }

    #[test]
    fn after_a_failed_flush_every_wait_fails_the_same_way() {
        let commit = GroupCommit::default();
        commit.wait(|| Ok(())).unwrap();
        let full = || Err(io::Error::new(io::ErrorKind::StorageFull, "full"));
        assert_eq!(commit.wait(full).unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(commit.wait(|| Ok(())).unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
}
