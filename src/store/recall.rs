//! Finding records of any run by a key. Knows neither what a record means nor what a key is made of: whoever asks decides
//! whether what is found will do.

use std::collections::HashMap;
use std::fs::File;
use std::sync::{Mutex, OnceLock, PoisonError};

use serde::de::DeserializeOwned;

use super::catalogue::Store;
use super::error::StoreError;
use super::index::{self, Entry, Index, Key, Places};
use super::line;
use super::records;
use crate::hash::ContentHash;
use crate::name::RunId;

/// The records of a store's runs, by key.
///
/// What other runs have is read when it is first asked for, and not again. Any number of threads may share it, and any
/// number of processes the index beneath it. It is an aid and never the truth: where it is damaged or cannot be written,
/// records are not found, and nothing else happens.
#[derive(Debug)]
pub struct Recall {
    store: Store,
    index: Index,
    others: OnceLock<Places>,
    own: Own,
    file: OnceLock<Option<File>>,
}

/// What the run that is worked on has itself.
#[derive(Debug, Default)]
struct Own {
    run: Option<RunId>,
    places: Mutex<HashMap<Key, u64>>,
}

impl Recall {
    pub(super) fn new(store: Store) -> Self {
        let index = Index::new(&store.cache());
        Self { store, index, others: OnceLock::new(), own: Own::default(), file: OnceLock::new() }
    }

    /// Finds the newest record with this key, and the run that has it. One that is damaged, or does not have the form `T`, is
    /// not found.
    #[must_use]
    pub fn find<T: DeserializeOwned>(&self, key: &ContentHash) -> Option<(RunId, T)> {
        let key = key.half();
        let own = self.own.places.lock().unwrap_or_else(PoisonError::into_inner).get(&key).copied();
        let (run, at) = match (&self.own.run, own) {
            (Some(run), Some(at)) => (run, at),
            _ => self.others().get(&key)?,
        };
        match self.record(run, at) {
            Ok(found) => found.map(|record| (run.clone(), record)),
            Err(error) => {
                tracing::debug!(%run, %error, "an answer is not where it was noted");
                None
            }
        }
    }

    fn record<T: DeserializeOwned>(&self, run: &RunId, at: u64) -> Result<Option<T>, StoreError> {
        let body = records::at(&self.store.folder(run).records(), at)?;
        Ok(body.and_then(|body| line::unpack(&body)).and_then(|json| serde_json::from_slice(&json).ok()))
    }

    fn others(&self) -> &Places {
        self.others.get_or_init(|| {
            let read = self.store.runs().and_then(|runs| Places::read(&self.index, &runs));
            read.unwrap_or_else(|error| {
                tracing::warn!(%error, "the index of answers cannot be read");
                Places::default()
            })
        })
    }

    /// Says which run is worked on.
    pub(super) fn begin(&mut self, run: RunId) {
        self.own.run = Some(run);
    }

    /// Notes a record of the run that is worked on, for this process only.
    pub(super) fn remember(&self, key: &ContentHash, at: u64) {
        self.own.places.lock().unwrap_or_else(PoisonError::into_inner).insert(key.half(), at);
    }

    /// Notes a record of the run that is worked on, for every later run.
    pub(super) fn offer(&self, key: &ContentHash, at: u64) {
        self.remember(key, at);
        let file = self.file.get_or_init(|| match self.store.open_index() {
            Ok(file) => Some(file),
            Err(error) => {
                tracing::warn!(%error, "no later run will find what this one was answered");
                None
            }
        });
        if let (Some(file), Some(run)) = (file, &self.own.run) {
            let entry = Entry { key: key.half(), run: run.clone(), at };
            if let Err(error) = index::append(file, &entry) {
                tracing::warn!(%error, "a later run will not find an answer of this one");
            }
        }
    }
}
