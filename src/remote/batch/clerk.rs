//! Makes batches, waits for them, and fetches what came of them.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_openai::traits::RequestOptionsBuilder as _;
use async_openai::types::InputSource;
use async_openai::types::files::{CreateFileRequest, FileInput, FilePurpose};
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::super::failure::Failure;
use super::super::model::RemoteModel;
use super::desk::{Basket, Desk, Errand};
use super::line::{self, again};
use super::log::Record;
use super::{BatchOptions, is_refusal};

/// The longest wait before a batch is looked at again.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// So often in a row a batch may not be looked at before those who wait are told: it is an hour.
const PATIENCE: u32 = 60;

/// So often a batch is made, or its results are fetched, where that goes wrong for reasons that may pass.
const TRIES: u32 = 5;

/// So many pages of a provider's batches are looked through, with a hundred batches each.
const PAGES: u32 = 50;

/// Why a batch gave no results.
#[derive(Debug)]
enum Trouble {
    /// There is no such batch, or there will be nothing of it.
    Over(Failure),
    /// It may be there all the same.
    Later(Failure),
}

/// Who makes the batches of one model.
#[derive(Debug)]
pub(super) struct Clerk {
    model: RemoteModel,
    options: BatchOptions,
    desk: Desk,
}

impl Clerk {
    pub(super) fn new(model: RemoteModel, options: BatchOptions) -> io::Result<Self> {
        use crate::model::ChatModel as _;
        let desk = Desk::open(&options.folder, model.identity())?;
        Ok(Self { model, options, desk })
    }

    pub(super) fn model(&self) -> &RemoteModel {
        &self.model
    }

    pub(super) fn desk(&self) -> &Desk {
        &self.desk
    }

    /// Does what is to be done, for ever.
    pub(super) async fn work(self: Arc<Self>) {
        let mut at_work = FuturesUnordered::new();
        let mut errand = Box::pin(self.desk.errand(self.options.gather));
        loop {
            tokio::select! {
                next = &mut errand => {
                    at_work.push(self.run(next));
                    errand = Box::pin(self.desk.errand(self.options.gather));
                }
                Some(()) = at_work.next(), if !at_work.is_empty() => {}
            }
        }
    }

    async fn run(&self, errand: Errand) {
        match errand {
            Errand::Submit(basket) => self.submit(basket).await,
            Errand::Follow(number) => {
                let created = self.found(number).await;
                self.follow(number, created).await;
            }
        }
    }

    async fn submit(&self, Basket { lines, text, .. }: Basket) {
        let count = lines.len();
        let file = match self.upload(text).await {
            Ok(file) => file,
            Err(failure) => return self.desk.refuse(&lines, &failure),
        };
        let entered = async {
            let turn = self.desk.log().turn().await?;
            let record = self.desk.log().begin(&file, lines.clone())?;
            Ok::<_, io::Error>((turn, record))
        };
        let (turn, record) = match entered.await {
            Ok(entered) => entered,
            // What is not written down is not handed in.
            Err(error) => return self.desk.refuse(&lines, &unwritten(&error)),
        };
        let number = self.desk.enter(record);
        let created = self.create(number, true).await;
        drop(turn);
        tracing::info!(lines = count, file, "a batch is handed in");
        self.follow(number, created).await;
    }

    /// Hands the requests in as a file, which costs nothing.
    async fn upload(&self, text: String) -> Result<String, Failure> {
        let source =
            InputSource::Bytes { filename: "batch.jsonl".to_owned(), bytes: text.into_bytes().into() };
        let file = FileInput { source };
        let request = CreateFileRequest { file, purpose: FilePurpose::Batch, ..CreateFileRequest::default() };
        let client = self.model.line().client_of_files();
        let reply: Result<Value, _> = client.files().create_byot(request).await;
        let reply = reply.map_err(Failure::unboxed).map_err(|failure| match failure {
            Failure::Broken(reason) => again(format!("the file of a batch did not arrive: {reason}")),
            Failure::Silent => again("the file of a batch did not arrive in time"),
            failure => failure,
        })?;
        id(&reply).ok_or_else(|| again("the endpoint does not name the file that it was given"))
    }

    /// Looks for the batch of a record that an earlier process wrote, and makes it where it never came to that.
    async fn found(&self, number: usize) -> Result<String, Trouble> {
        let known = |record: Option<Record>| {
            let gone = || Trouble::Over(again("another process has taken the answers"));
            record.ok_or_else(gone)
        };
        let record = known(self.desk.record(number))?;
        if let Some(batch) = record.batch {
            return Ok(batch);
        }
        let turn = self.desk.log().turn().await;
        let _turn = turn.map_err(|error| Trouble::Later(unwritten(&error)))?;
        // Whoever had the turn before may have made it.
        let record = known(record.again())?;
        let batch = record.batch.clone();
        self.desk.update(number, record);
        match batch {
            Some(batch) => Ok(batch),
            None => self.create(number, false).await,
        }
    }

    /// Makes the batch of a file. Unless it is `new`, or where it is not known whether it was made, it is looked for before.
    async fn create(&self, number: usize, new: bool) -> Result<String, Trouble> {
        let gone = || Trouble::Over(again("the record of the batch is gone"));
        let mut record = self.desk.record(number).ok_or_else(gone)?;
        let request = json!({
            "input_file_id": record.file, "endpoint": line::ENDPOINT, "completion_window": "24h",
        });
        let mut last = again("no batch was made");
        for attempt in 0..TRIES {
            let made = if new && attempt == 0 { Ok(None) } else { self.look_for(&record.file).await };
            let made = match made {
                Ok(None) => self.make(&request).await,
                Ok(Some(batch)) => Ok(batch),
                Err(failure) => {
                    // As long as it is not known whether it is there, it is not made.
                    last = failure;
                    sleep(self.options.poll).await;
                    continue;
                }
            };
            match made {
                Ok(batch) => {
                    record.created(&batch).map_err(|error| Trouble::Later(unwritten(&error)))?;
                    self.desk.update(number, record);
                    return Ok(batch);
                }
                Err(failure) if is_refusal(&failure) && !failure.pushes_back() => {
                    return Err(Trouble::Over(failure));
                }
                Err(failure) => {
                    tracing::debug!(%failure, "a batch was not made");
                    sleep(failure.retry_after().unwrap_or_default().max(self.options.poll)).await;
                    last = failure;
                }
            }
        }
        Err(Trouble::Later(last))
    }

    async fn make(&self, request: &Value) -> Result<String, Failure> {
        let client = self.model.line().client_of_files();
        let reply: Result<Value, _> = client.batches().create_byot(request).await;
        let reply = reply.map_err(Failure::unboxed)?;
        id(&reply).ok_or_else(|| Failure::broken("the endpoint does not name the batch that it made"))
    }

    /// Looks for a batch of this file; none also where the endpoint does not tell which batches there are.
    async fn look_for(&self, file: &str) -> Result<Option<String>, Failure> {
        let mut after: Option<String> = None;
        for _ in 0..PAGES {
            let client = self.model.line().client_of_files();
            let mut query = vec![("limit", "100")];
            query.extend(after.as_deref().map(|after| ("after", after)));
            let page = client.batches().query(&query).map_err(Failure::unboxed)?;
            let page: Value = match page.list_byot().await.map_err(Failure::unboxed) {
                Err(Failure::Status { status: 404 | 405 | 501, .. }) => return Ok(None),
                page => page?,
            };
            let batches = page.get("data").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            let of_file = |batch: &&Value| batch.get("input_file_id").and_then(Value::as_str) == Some(file);
            if let Some(found) = batches.iter().find(of_file).and_then(id) {
                return Ok(Some(found));
            }
            after = batches.last().and_then(id);
            if after.is_none() || page.get("has_more") != Some(&Value::Bool(true)) {
                return Ok(None);
            }
        }
        Ok(None)
    }

    /// Waits for a batch, and tells those who wait for its lines what came of them.
    async fn follow(&self, number: usize, created: Result<String, Trouble>) {
        let ended = match created {
            Ok(batch) => self.ended(&batch).await,
            Err(trouble) => Err(trouble),
        };
        let results = match ended {
            Ok(batch) => self.collect(number, &batch).await,
            Err(trouble) => Err(trouble),
        };
        match results {
            Ok(()) => {}
            Err(Trouble::Later(failure)) => {
                tracing::warn!(%failure, "a batch cannot be looked after for now");
                // What was handed in may be computed all the same, and is not lost: nothing of it is to be paid yet.
                let failure = match failure {
                    Failure::Broken(reason) => again(reason),
                    Failure::Silent => again("the endpoint did not answer in time"),
                    failure => failure,
                };
                self.desk.put_off(number, &failure);
            }
            Err(Trouble::Over(failure)) => {
                tracing::warn!(%failure, "a batch gave no results");
                self.desk.close(number, Vec::new(), Vec::new(), HashMap::new(), &failure);
            }
        }
    }

    /// Looks at a batch until it is over, and returns what is said of it then.
    async fn ended(&self, batch: &str) -> Result<Value, Trouble> {
        let (mut wait, mut failures) = (Duration::ZERO, 0);
        loop {
            sleep(wait).await;
            wait = (wait * 3 / 2).clamp(self.options.poll, LONGEST_WAIT.max(self.options.poll));
            let client = self.model.line().client_of_files();
            let reply: Result<Value, _> = client.batches().retrieve_byot(batch).await;
            match reply.map_err(Failure::unboxed) {
                Ok(reply) => {
                    failures = 0;
                    let status = reply.get("status").and_then(Value::as_str).unwrap_or("");
                    tracing::debug!(batch, status, "looked at a batch");
                    match status {
                        "completed" | "expired" | "cancelled" => return Ok(reply),
                        "failed" => {
                            let failure = line::whole(&reply, self.model.line().secrets());
                            return Err(Trouble::Over(failure));
                        }
                        _ => {}
                    }
                }
                Err(Failure::Status { status: 404, .. }) => {
                    return Err(Trouble::Over(again("the endpoint does not know the batch any more")));
                }
                Err(failure) => {
                    failures += 1;
                    wait = wait.max(failure.retry_after().unwrap_or_default());
                    // A person has to do something about what the endpoint refuses.
                    let refused = matches!(failure, Failure::Status { .. })
                        && is_refusal(&failure)
                        && !failure.pushes_back();
                    if failures > if refused { 2 } else { PATIENCE } {
                        return Err(Trouble::Later(failure));
                    }
                }
            }
        }
    }

    /// Fetches the results of a batch, keeps the answers, and hands them out.
    async fn collect(&self, number: usize, batch: &Value) -> Result<(), Trouble> {
        let gone = || Trouble::Over(again("the record of the batch is gone"));
        let secrets = self.model.line().secrets();
        let (mut answers, mut failed) = (Vec::new(), HashMap::new());
        for name in ["output_file_id", "error_file_id"] {
            let Some(file) = batch.get(name).and_then(Value::as_str) else { continue };
            for (id, text) in self.fetch(file).await? {
                match line::result(&text, secrets) {
                    Ok(_) => answers.push((id, text)),
                    Err(failure) => drop(failed.insert(id, failure)),
                }
            }
        }
        let missing = match batch.get("status").and_then(Value::as_str) {
            Some("expired") => again("the batch expired"),
            Some("cancelled") => Failure::Status {
                status: 400,
                reason: "somebody cancelled the batch".to_owned(),
                code: String::new(),
                parameter: String::new(),
                retry_after: None,
            },
            _ => Failure::broken("the results of the batch do not hold it"),
        };
        let mut record = self.desk.record(number).ok_or_else(gone)?;
        let places = record.end(&answers).map_err(|error| Trouble::Later(unwritten(&error)))?;
        self.desk.update(number, record);
        tracing::info!(answered = answers.len(), failed = failed.len(), "a batch is over");
        self.desk.close(number, answers, places, failed, &missing);
        Ok(())
    }

    /// Fetches a file of results: its lines by their custom ids.
    async fn fetch(&self, file: &str) -> Result<Vec<(String, String)>, Trouble> {
        let mut last = again("no results came");
        for attempt in 1..=TRIES {
            let client = self.model.line().client_of_files();
            match client.files().content(file).await.map_err(Failure::unboxed) {
                Ok(bytes) => {
                    let text = String::from_utf8_lossy(&bytes);
                    let lines = || text.lines().filter(|line| !line.trim().is_empty());
                    let read = |line: &str| Some((line::custom_id(line)?, line.to_owned()));
                    let found: Vec<_> = lines().filter_map(read).collect();
                    // A line that is none may have been damaged on the way.
                    if found.len() == lines().count() || attempt == TRIES {
                        return Ok(found);
                    }
                }
                Err(Failure::Status { status: 404 | 410, .. }) => {
                    return Err(Trouble::Over(again("the endpoint does not have the results any more")));
                }
                Err(failure) => last = failure,
            }
            sleep(last.retry_after().unwrap_or_default().max(self.options.poll)).await;
        }
        Err(Trouble::Later(last))
    }
}

fn id(told: &Value) -> Option<String> {
    told.get("id").and_then(Value::as_str).map(str::to_owned)
}

fn unwritten(error: &io::Error) -> Failure {
    again(format!("the record of batches cannot be written: {error}"))
}
