//! How a run begins: its documents go into the journal, and what every step can see is put together.

use std::sync::OnceLock;

use tokio_util::sync::CancellationToken;

use super::RunContext;
use crate::agent::Models;
use crate::budget::Account;
use crate::graph::Workflow;
use crate::intake::{Document, Gathered};
use crate::run::{DocumentRecord, Event, Plan, Purpose, RunState};
use crate::store::{Ledger, StoreError};
use crate::text::DocumentIndex;

/// The documents that one result is made of, in reading order.
pub type Source = Vec<DocumentIndex>;

/// The documents could not be taken in.
#[derive(Debug, thiserror::Error)]
pub enum TakeInError {
    /// The journal could not be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The run began with other documents.
    #[error("the documents have changed since the run began: put them back as they were, or start a new run")]
    Changed,
}

/// Journals the documents that a run reads and the files that it refuses, or holds them against those that it began with.
///
/// # Errors
/// [`TakeInError`]
pub fn take_in(ledger: &Ledger, gathered: &Gathered) -> Result<(), TakeInError> {
    let found = records(gathered);
    if ledger.read(RunState::is_gathered) {
        let same = ledger.read(|state| state.documents() == found.as_slice());
        return if same { Ok(()) } else { Err(TakeInError::Changed) };
    }
    let known = ledger.read(|state| state.documents().len());
    let refused = ledger.read(|state| state.refused().len());
    for document in found.into_iter().skip(known) {
        ledger.record(&Event::Document(document))?;
    }
    for failure in gathered.failed.iter().skip(refused) {
        ledger.record(&Event::Refused { name: failure.name.clone(), error: failure.error.to_string() })?;
    }
    ledger.record(&Event::Gathered)?;
    Ok(())
}

/// Returns the documents as a journal has them.
#[must_use]
pub fn records(gathered: &Gathered) -> Vec<DocumentRecord> {
    let record = |document: &Document| DocumentRecord {
        index: document.index,
        name: document.name.clone(),
        hash: document.hash,
        bytes: document.bytes,
    };
    gathered.documents.iter().map(record).collect()
}

impl RunContext {
    /// Puts a run together, over documents that were taken in. Its sources and inputs are those of the plan, and it may use
    /// what its journal allows.
    #[must_use]
    pub fn new(
        workflow: Workflow,
        plan: Plan,
        documents: Vec<Document>,
        models: Models,
        ledger: Ledger,
        drain: CancellationToken,
    ) -> Self {
        let sources = sources_of(&documents, plan.purpose);
        let account = ledger.read(|state| Account::new(state.budget().clone(), &state.spending()));
        Self {
            workflow,
            plan,
            documents,
            sources,
            models,
            ledger,
            account,
            session: None,
            only: None,
            drain,
            closed: OnceLock::new(),
        }
    }
}

/// Makes one source of each document, or one of all.
#[must_use]
pub fn sources_of(documents: &[Document], purpose: Purpose) -> Vec<Source> {
    let indexes = documents.iter().map(|document| document.index);
    match purpose {
        Purpose::Each => indexes.map(|index| vec![index]).collect(),
        Purpose::Together if documents.is_empty() => Vec::new(),
        Purpose::Together => vec![indexes.collect()],
    }
}
