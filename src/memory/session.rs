//! A session: a memory whose events are journaled, whose vectors are kept, and that is asked while a turn is under way.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::compose::{Composition, Cue, Room};
use super::episode::{Episode, Place, Said, Turn};
use super::event::MemoryEvent;
use super::keeping::{KeptVectors, keep_vectors, remove_vectors};
use super::snapshot::{self, Opened};
use super::state::{Memory, MemoryOptions};
use super::unfamiliar::Unfamiliar;
use crate::hash::ContentHash;
use crate::model::{Embedder, ModelError};
use crate::name::{RunId, SessionName};
use crate::retrieve::IndexError;
use crate::store::{SessionFolder, Store, StoreError};
use crate::text::{Language, TokenCounter};

/// How many passages are embedded between two reports of progress.
const AT_ONCE: usize = 64;

/// A session could not remember, or not be asked.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// The session's folder could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The embedder failed.
    #[error("the memory cannot be searched by meaning")]
    Embedding(#[from] ModelError),
    /// The vectors could not be kept.
    #[error("the vectors of the session cannot be kept")]
    Vectors(#[from] IndexError),
    /// The same file was imported before.
    #[error("the session `{session}` has taken in this file before")]
    Imported {
        /// The session.
        session: SessionName,
    },
    /// There is no such turn.
    #[error("there is no turn {turn}: the last one is {last}")]
    NoTurn {
        /// The turn that was asked for.
        turn: Turn,
        /// The last one.
        last: Turn,
    },
}

/// A session, open for writing.
///
/// The lock on its folder is held until this is dropped. All methods may block on the disk for some milliseconds.
#[derive(Debug)]
pub struct Session {
    folder: Mutex<SessionFolder>,
    memory: Mutex<Memory>,
    pub(super) options: MemoryOptions,
    pub(super) embedder: Option<Arc<dyn Embedder>>,
    /// The time that recalls are asked at, in milliseconds since 1970: only the command line knows it.
    now_ms: AtomicU64,
    damaged: usize,
    /// How many numbers a vector has, once the kept ones are open; none where they are another embedder's.
    pub(super) opened: OnceLock<Option<usize>>,
    unfamiliar: Unfamiliar,
}

/// What a finished turn adds to a session.
#[derive(Debug, Clone, PartialEq)]
pub struct NewTurn {
    /// What was said.
    pub said: Vec<Said>,
    /// What was shown to the model for it.
    pub recalled: Vec<Place>,
    /// The running summary, where a model wrote one.
    pub summary: Option<String>,
    /// The run that made it.
    pub run: Option<RunId>,
    /// When, in milliseconds since 1970.
    pub at_ms: Option<u64>,
}

impl Session {
    /// Opens a session, beginning it if it is not there. Without an embedder passages are found by their words alone.
    ///
    /// # Errors
    /// [`MemoryError::Store`], with [`StoreError::SessionBusy`] while another process has it.
    pub fn open(
        store: &Store,
        name: &SessionName,
        options: MemoryOptions,
        embedder: Option<Arc<dyn Embedder>>,
        now_ms: u64,
    ) -> Result<Self, MemoryError> {
        let folder = store.open_session(name)?;
        let Opened { memory, damaged, is_new } =
            snapshot::open(&folder, &store.read_session(name)?, &options)?;
        if is_new {
            folder.journal()?.append(&MemoryEvent::Began { at_ms: now_ms })?;
        }
        Ok(Self {
            folder: Mutex::new(folder),
            memory: Mutex::new(memory),
            options,
            embedder,
            now_ms: AtomicU64::new(now_ms),
            damaged,
            opened: OnceLock::new(),
            unfamiliar: Unfamiliar::default(),
        })
    }

    /// Says how many records could not be read when the session was opened.
    #[must_use]
    pub fn damaged(&self) -> usize {
        self.damaged
    }

    /// Says what time it is.
    pub fn at(&self, now_ms: u64) {
        self.now_ms.store(now_ms, Ordering::Relaxed);
    }

    /// Gives the folder of the session to `look`.
    pub fn folder<T>(&self, look: impl FnOnce(&SessionFolder) -> T) -> T {
        look(&self.locked_folder())
    }

    /// Gives the memory to `look`.
    pub fn read<T>(&self, look: impl FnOnce(&Memory) -> T) -> T {
        look(&self.locked())
    }

    /// Puts together what goes into a prompt for `text`: see [`Memory::compose`].
    ///
    /// # Errors
    /// [`MemoryError::Embedding`] where the embedder fails.
    pub async fn recall(
        &self,
        text: &str,
        room: Room,
        counter: &dyn TokenCounter,
    ) -> Result<Composition, MemoryError> {
        let vector = self.vector(text).await?;
        let at_ms = self.now_ms.load(Ordering::Relaxed);
        Ok(self.locked().compose(&Cue { text, vector: vector.as_deref(), at_ms }, room, counter))
    }

    /// Takes a finished turn in. When this returns, it outlives a loss of power.
    ///
    /// # Errors
    /// [`MemoryError::Store`]; then the session is as before.
    pub fn remember(&self, new: NewTurn) -> Result<Turn, MemoryError> {
        let turn = self.locked().next_turn();
        let NewTurn { said, recalled, summary, run, at_ms } = new;
        let episode = Episode { turn, at_ms, said };
        let run = run.map(String::from);
        self.record(&MemoryEvent::Turned { episode, recalled, summary, run })?;
        Ok(turn)
    }

    /// Takes in the turns of a chat that another program kept, in one record: all of them or none, also where the process is killed.
    /// `content` names the bytes that they were read from.
    ///
    /// # Errors
    /// [`MemoryError::Imported`] where they were taken in before, [`MemoryError::Store`]; then the session is as before.
    pub fn import(&self, turns: Vec<NewTurn>, content: ContentHash) -> Result<(), MemoryError> {
        let (first, known) = {
            let memory = self.locked();
            (memory.next_turn(), memory.has_imported(&content))
        };
        if known {
            return Err(MemoryError::Imported { session: self.folder(|folder| folder.name().clone()) });
        }
        let numbers = std::iter::successors(Some(first), |turn| Some(turn.next()));
        let episode = |(turn, new): (Turn, NewTurn)| Episode { turn, at_ms: new.at_ms, said: new.said };
        let turns: Vec<Episode> = numbers.zip(turns).map(episode).collect();
        tracing::debug!(turns = turns.len(), "takes in a chat");
        let at_ms = self.now_ms.load(Ordering::Relaxed);
        self.record(&MemoryEvent::Imported { at_ms, content, turns })?;
        tracing::debug!("took in a chat");
        Ok(())
    }

    /// Makes a file recallable. It takes a number among the turns.
    ///
    /// # Errors
    /// [`MemoryError::Store`].
    pub fn attach(&self, document: Said) -> Result<Turn, MemoryError> {
        let turn = self.locked().next_turn();
        let at_ms = self.now_ms.load(Ordering::Relaxed);
        self.record(&MemoryEvent::Attached { turn, at_ms, document })?;
        Ok(turn)
    }

    /// Puts a turn into every prompt, or no longer.
    ///
    /// # Errors
    /// [`MemoryError::NoTurn`], [`MemoryError::Store`].
    pub fn pin(&self, turn: Turn, pinned: bool) -> Result<(), MemoryError> {
        self.known(turn)?;
        self.record(&if pinned { MemoryEvent::Pinned { turn } } else { MemoryEvent::Unpinned { turn } })
    }

    /// Puts a message right. What it said before stays in the session's journal.
    ///
    /// # Errors
    /// [`MemoryError::NoTurn`], [`MemoryError::Store`].
    pub fn edit(&self, turn: Turn, said: u32, text: String) -> Result<(), MemoryError> {
        self.known(turn)?;
        self.record(&MemoryEvent::Edited { turn, said, text })
    }

    /// Takes the last turn back; none where there is none.
    ///
    /// # Errors
    /// [`MemoryError::Store`].
    pub fn undo(&self) -> Result<Option<Turn>, MemoryError> {
        let last = self.locked().episodes().next_back().map(|episode| episode.turn);
        if let Some(turn) = last {
            self.record(&MemoryEvent::Undone { turn })?;
        }
        Ok(last)
    }

    /// Embeds what has no vector yet, telling `progress` how many of how many are done. Does nothing without an embedder.
    ///
    /// The first call of a session says what became of the vectors that were kept. While they are another embedder's nothing is
    /// embedded, and passages are found by their words, until [`Self::reembed`].
    ///
    /// # Errors
    /// [`MemoryError::Embedding`], [`MemoryError::Vectors`].
    pub async fn embed(&self, progress: &(dyn Fn(usize, usize) + Sync)) -> Result<KeptVectors, MemoryError> {
        let Some(embedder) = &self.embedder else { return Ok(KeptVectors::Used) };
        let became = self.open_vectors(embedder.as_ref()).await?;
        if !self.finds_by_meaning() {
            return Ok(became);
        }
        let pending = self.locked().pending();
        self.unfamiliar.hear(embedder.as_ref(), pending.iter().map(String::as_str));
        let mut done = 0;
        for texts in pending.chunks(AT_ONCE) {
            let vectors = embedder.embed(texts).await?;
            self.locked().supply(&vectors)?;
            done += texts.len();
            progress(done, pending.len());
        }
        Ok(became)
    }

    /// Throws the kept vectors away, whoever made them, so that [`Self::embed`] makes all anew. Does nothing without an embedder.
    ///
    /// # Errors
    /// [`MemoryError::Store`].
    pub fn reembed(&mut self) -> Result<(), MemoryError> {
        if self.embedder.is_some() {
            let folder = self.locked_folder();
            self.locked().vectors = None;
            remove_vectors(&folder)?;
            drop(folder);
            self.opened = OnceLock::new();
        }
        Ok(())
    }

    /// Takes note of the language of what is about to be asked: see [`Self::take_unfamiliar`].
    pub fn hear(&self, text: &str) {
        if let Some(embedder) = self.embedder.as_ref().filter(|_| self.finds_by_meaning()) {
            self.unfamiliar.hear(embedder.as_ref(), [text]);
        }
    }

    /// Returns the first language of what was heard or embedded that the embedder does not know, once.
    #[must_use]
    pub fn take_unfamiliar(&self) -> Option<Language> {
        self.unfamiliar.take()
    }

    /// Opens the kept vectors, once: how long they are is seen from the first one that the embedder makes.
    async fn open_vectors(&self, embedder: &dyn Embedder) -> Result<KeptVectors, MemoryError> {
        if self.opened.get().is_some() {
            return Ok(KeptVectors::Used);
        }
        let probe = embedder.embed(&["length".to_owned()]).await?.pop().unwrap_or_default();
        let became = keep_vectors(&self.locked_folder(), &mut self.locked(), embedder, probe.len())?;
        let own = !matches!(became, KeptVectors::OfAnother(_));
        let _ = self.opened.set(own.then_some(probe.len()));
        Ok(became)
    }

    /// Tells whether passages have vectors, or will have when they are embedded.
    fn finds_by_meaning(&self) -> bool {
        self.embedder.is_some() && self.opened.get() != Some(&None)
    }

    async fn vector(&self, text: &str) -> Result<Option<Vec<f32>>, MemoryError> {
        let Some(embedder) = self.embedder.as_ref().filter(|_| self.finds_by_meaning()) else {
            return Ok(None);
        };
        let texts = [text.to_owned()];
        Ok(embedder.embed(&texts).await?.pop())
    }

    fn known(&self, turn: Turn) -> Result<(), MemoryError> {
        let memory = self.locked();
        let last = memory.episodes().next_back().map_or(Turn(0), |episode| episode.turn);
        memory.episode(turn).map(|_| ()).ok_or(MemoryError::NoTurn { turn, last })
    }

    fn record(&self, event: &MemoryEvent) -> Result<(), MemoryError> {
        self.locked_folder().journal()?.append_forced(event)?;
        self.locked().apply(event);
        Ok(())
    }

    pub(super) fn locked(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn locked_folder(&self) -> MutexGuard<'_, SessionFolder> {
        self.folder.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads the events of a session, and counts the records that cannot be read.
pub(super) fn events(store: &Store, name: &SessionName) -> Result<(Vec<MemoryEvent>, usize), StoreError> {
    let mut damaged = 0;
    let mut found = Vec::new();
    for entry in store.read_session(name)?.entries::<MemoryEvent>() {
        match entry {
            Ok((_, event)) => found.push(event),
            Err(StoreError::DamagedRecord { .. }) => damaged += 1,
            Err(error) => return Err(error),
        }
    }
    Ok((found, damaged))
}

pub(super) fn folded(events: &[MemoryEvent], options: &MemoryOptions) -> Memory {
    let mut memory = Memory::new(options.clone());
    for event in events {
        memory.apply(event);
    }
    memory
}
