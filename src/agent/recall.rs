//! Answers of earlier calls, served in the place of the same call: what makes two calls the same, and which answers will do.
//!
//! Two calls are the same if the model's identity and every byte of the request are. An answer will do if it is whole, not
//! empty, and of use to the step that asks; what was refused once is never offered and never served.

use std::time::Instant;

use super::AgentError;
use super::caller::{Call, Caller};
use super::flight::Turn;
use super::models::Link;
use crate::hash::ContentHash;
use crate::model::{ChatResponse, Money, StopReason};
use crate::run::{CallRecord, Event};
use crate::store::{Recall, Recorded};

/// Says whether a step can use an answer.
pub type Usable<'a> = &'a (dyn Fn(&ChatResponse) -> bool + Sync);

/// Returns the key of a call that can be found again; none for any other event.
#[must_use]
pub fn key_of(event: &Event) -> Option<ContentHash> {
    match event {
        Event::Called(call) if is_whole(&call.response) => Some(key(&call.model, &identity_of(call))),
        _ => None,
    }
}

/// Finds the answer that the model with this identity gave to exactly this request, in whatever run.
#[must_use]
pub fn answered(recall: &Recall, model: &str, request: &ContentHash) -> Option<CallRecord> {
    let (run, event) = recall.find::<Event>(&key(model, request))?;
    let Event::Called(call) = event else { return None };
    let same = call.model == model && identity_of(&call) == *request && is_whole(&call.response);
    // Where the answer was taken over itself, the run is told that asked.
    same.then(|| CallRecord { cached_from: Some(call.cached_from.clone().unwrap_or(run)), ..*call })
}

fn key(model: &str, request: &ContentHash) -> ContentHash {
    ContentHash::of(format!("{model}\n{request}").as_bytes())
}

fn identity_of(call: &CallRecord) -> ContentHash {
    call.hash.unwrap_or_else(|| call.request.hash())
}

/// A cut answer is no result of anything but its bound, and an empty one is a failure that nobody noticed.
fn is_whole(answer: &ChatResponse) -> bool {
    answer.stop != StopReason::Length && !answer.text.trim().is_empty()
}

impl<'a> Caller<'a> {
    /// Returns the way to earlier answers; none where the run or the agent is to have none.
    fn recall(&self, call: &Call<'_>) -> Option<&'a Recall> {
        self.ledger.recall().filter(|_| call.agent.calls.cache)
    }

    /// Waits while the same is being asked; nobody waits where answers are not served again.
    pub(super) async fn turn(&self, call: &Call<'_>) -> Result<Option<Turn<'a>>, AgentError> {
        if self.recall(call).is_none() {
            return Ok(None);
        }
        tokio::select! {
            biased;
            () = self.drain.cancelled() => Err(AgentError::Stopped),
            turn = self.models.flights().turn(call.key()) => Ok(Some(turn)),
        }
    }

    /// Takes the answer over that the same call was given before, if there is one that will do, and journals it like any
    /// other.
    pub(super) fn taken_over(
        &self,
        call: &Call<'_>,
        usable: Usable<'_>,
    ) -> Result<Option<ChatResponse>, AgentError> {
        let Some(recall) = self.recall(call) else { return Ok(None) };
        let began = Instant::now();
        let links = call.connected.links().iter();
        let mut found = links.filter_map(|link| answered(recall, link.model.identity(), &call.hash));
        let Some(found) = found.find(|found| usable(&found.response)) else { return Ok(None) };
        let key = key(&found.model, &call.hash);
        let record = CallRecord {
            site: call.site.clone(),
            attempt: 1,
            model: found.model,
            document: call.document,
            chunk: call.chunk,
            hash: Some(call.hash),
            request: call.request.clone(),
            response: found.response.clone(),
            ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            cost: Money::default(),
            cached_from: found.cached_from,
        };
        let task = &call.site.task;
        tracing::debug!(node = %task.node, slot = %task.slot, step = call.site.step, "taken over");
        let recorded = self.ledger.record(&Event::Called(Box::new(record)))?;
        // This run has a copy now, which is found when the other run has been removed.
        self.ledger.offer(&key, recorded);
        Ok(Some(found.response))
    }

    /// Lets the same call be answered with this answer from now on, if it will do.
    pub(super) fn offer(
        &self,
        call: &Call<'_>,
        link: &Link,
        answer: &ChatResponse,
        usable: Usable<'_>,
        recorded: Recorded,
    ) {
        if self.recall(call).is_some() && is_whole(answer) && usable(answer) {
            self.ledger.offer(&key(link.model.identity(), &call.hash), recorded);
        }
    }
}

impl Call<'_> {
    /// What makes two calls the same, whoever of those that may answer does.
    fn key(&self) -> ContentHash {
        key(self.connected.model.identity(), &self.hash)
    }
}
