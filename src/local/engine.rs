//! [`LocalModel`]: the door to a model on this machine. One thread owns weights and cache; requests queue for it.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tokio::sync::{mpsc, oneshot};

use super::constraint::{Constraint, Grammars};
use super::cpu::CpuPass;
use super::device::{self, DeviceInfo};
use super::generate::{Generator, Halt, Outcome, Writing};
use super::gguf::ModelFile;
use super::info::ModelInfo;
use super::llama::Llama;
use super::pass::Pass;
use super::sampling::likeliest;
use super::template::ChatTemplate;
use super::tokenizer::{TokenId, Vocabulary};
use super::weights::{DENSE_BYTES, Storage};
use crate::hash::ContentHash;
use crate::model::{
    BoxFuture, ChatModel, ChatRequest, ChatResponse, Message, ModelError, ModelLimits, OutputForm,
    StopReason, TokenSink, Usage,
};
use crate::text::{TokenCount, TokenCounter};

/// Which way of computing gives the answers. It stands in the identity, because a journal holds what the same weights gave in
/// another way, and would mix both; a change that gives other answers raises it. The first computed with weights unpacked.
const COMPUTATION: u32 = 2;

/// Requests that wait for the engine; more of them wait for a place.
const QUEUE: usize = 16;

/// Pieces of an answer on their way to whoever reads along.
const PIECES: usize = 64;

/// How a model is loaded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LocalOptions {
    /// The longest context in tokens; the model's own where none is given or it is shorter.
    pub window: Option<u64>,
    /// How many threads compute; as many as the machine has processors where none is given.
    pub threads: Option<usize>,
    /// Whether an answer goes on past the token that ends it, until it is as long as it may be: for measurements.
    pub ignore_end: bool,
}

/// A model that is computed on this machine.
///
/// Answers are the same bytes for the same request on the same machine, whatever was asked before.
pub struct LocalModel {
    identity: String,
    info: ModelInfo,
    device: DeviceInfo,
    context: TokenCount,
    kv_bytes: u64,
    vocabulary: Arc<Vocabulary>,
    template: ChatTemplate,
    grammars: Grammars,
    jobs: mpsc::Sender<Job>,
}

impl std::fmt::Debug for LocalModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalModel")
            .field("identity", &self.identity)
            .field("info", &self.info)
            .finish_non_exhaustive()
    }
}

/// One request on its way to the engine's thread.
struct Job {
    prompt: Vec<TokenId>,
    task: Task,
    cancel: Arc<AtomicBool>,
    pieces: mpsc::Sender<String>,
    reply: oneshot::Sender<Result<Outcome, ModelError>>,
}

enum Task {
    Write { request: Box<ChatRequest>, constraint: Option<Box<Constraint>> },
    Choose(Vec<Vec<TokenId>>),
    Score(Vec<TokenId>),
}

/// Tells the engine to stop when the future that waits for it is dropped.
pub(super) struct CancelOnDrop(pub(super) Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl LocalModel {
    /// Loads the model file at `path` and starts its engine.
    ///
    /// Reads the file twice, once for its hash: some hundred milliseconds for a small model. The engine's thread ends
    /// when the model is dropped.
    ///
    /// # Errors
    /// [`ModelError::Load`] where the file is missing, damaged, or of a kind that cannot be computed;
    /// [`ModelError::Template`] where its chat template cannot be compiled.
    pub fn load(path: &Path, options: &LocalOptions) -> Result<Self, ModelError> {
        let mut file = ModelFile::open(path)?;
        let info = file.info().clone();
        let context = options.window.unwrap_or(info.context).min(info.context);
        let window = usize::try_from(context).map_err(|error| file.fail(error.to_string()))?;
        let (on, device) = device::choose();
        let vocabulary = Arc::new(Vocabulary::load(&file)?);
        let template = template(&file)?;
        let grammars = Grammars::new(&vocabulary)?;
        let pass: Box<dyn Pass> = if on.is_cpu() {
            Box::new(CpuPass::load(&mut file, vocabulary.len(), window)?)
        } else {
            let storage = Storage::within(DENSE_BYTES, info.parameters);
            Box::new(Llama::load(&mut file, vocabulary.len(), window, storage, &on)?)
        };
        let kv_bytes = pass.position_bytes();
        let endless = if options.ignore_end { ":endless" } else { "" };
        let identity = format!("local:{}:{}:{COMPUTATION}{endless}", hash(path)?.short(), info.name);
        let generator = Generator::new(pass, options.ignore_end);
        let (jobs, queue) = mpsc::channel(QUEUE);
        let words = Arc::clone(&vocabulary);
        let not_started =
            |error: &dyn std::fmt::Display| file.fail(format!("its engine cannot be started: {error}"));
        let pool = rayon::ThreadPoolBuilder::new().num_threads(options.threads.unwrap_or(0)).build();
        let pool = pool.map_err(|error| not_started(&error))?;
        thread::Builder::new()
            .name("local-model".into())
            .spawn(move || pool.install(|| work(generator, &words, queue)))
            .map_err(|error| not_started(&error))?;
        let context = TokenCount(context);
        Ok(Self { identity, info, device, context, kv_bytes, vocabulary, template, grammars, jobs })
    }

    /// Returns what the model file says about itself.
    #[must_use]
    pub fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// Returns what the model is computed on.
    #[must_use]
    pub fn device(&self) -> &DeviceInfo {
        &self.device
    }

    fn prompt(&self, messages: &[Message]) -> Result<Vec<TokenId>, ModelError> {
        self.vocabulary.prompt(&self.template.render(messages)?.pieces())
    }

    /// Turns the request into what the engine does, and says how many tokens its answer needs.
    fn task(&self, request: &ChatRequest) -> Result<(Task, TokenCount), ModelError> {
        match &request.output {
            OutputForm::Text => {
                Ok((Task::Write { request: Box::new(request.clone()), constraint: None }, request.max_output))
            }
            OutputForm::Json(schema) => {
                let constraint = Some(Box::new(self.grammars.json(schema)?));
                Ok((Task::Write { request: Box::new(request.clone()), constraint }, request.max_output))
            }
            OutputForm::Choice(choices) if choices.is_empty() => Err(ModelError::Form {
                reason: "there is no choice to choose from: expected one or more".into(),
            }),
            OutputForm::Choice(choices) => {
                let whole = |choice: &String| {
                    // Without its end, `1` would always be likelier than `12`.
                    let mut ids = self.vocabulary.plain(choice)?;
                    ids.push(self.vocabulary.end_of_turn());
                    Ok::<_, ModelError>(ids)
                };
                let choices: Vec<Vec<TokenId>> = choices.iter().map(whole).collect::<Result<_, _>>()?;
                let longest = choices.iter().map(Vec::len).max().unwrap_or(0);
                Ok((Task::Choose(choices), TokenCount(longest as u64)))
            }
            OutputForm::Score(text) => {
                let ids = self.vocabulary.plain(text)?;
                let count = TokenCount(ids.len() as u64);
                Ok((Task::Score(ids), count))
            }
        }
    }

    async fn answer(
        &self,
        request: &ChatRequest,
        sink: Option<&dyn TokenSink>,
    ) -> Result<ChatResponse, ModelError> {
        let prompt = self.prompt(&request.messages)?;
        let prompt_tokens = TokenCount(prompt.len() as u64);
        let (task, reserved) = self.task(request)?;
        ModelError::check_fits(prompt_tokens, reserved, self.context)?;
        let cancel = Arc::new(AtomicBool::new(false));
        let _guard = CancelOnDrop(Arc::clone(&cancel));
        let (pieces, mut heard) = mpsc::channel(PIECES);
        let (reply, outcome) = oneshot::channel();
        let job = Job { prompt, task, cancel, pieces, reply };
        self.jobs.send(job).await.map_err(|_| gone())?;
        while let Some(piece) = heard.recv().await {
            if let Some(sink) = sink {
                sink.token(&piece);
            }
        }
        let outcome = outcome.await.map_err(|_| gone())??;
        Ok(response(request, outcome, prompt_tokens, sink))
    }
}

impl ChatModel for LocalModel {
    fn identity(&self) -> &str {
        &self.identity
    }

    fn limits(&self) -> ModelLimits {
        ModelLimits { context: self.context, max_output: self.context, concurrency: 1, prefill: true }
    }

    fn kv_bytes(&self) -> Option<u64> {
        Some(self.kv_bytes)
    }

    fn counter(&self) -> &dyn TokenCounter {
        &*self.vocabulary
    }

    fn prompt_tokens(&self, messages: &[Message]) -> Result<TokenCount, ModelError> {
        Ok(TokenCount(self.prompt(messages)?.len() as u64))
    }

    fn chat<'a>(
        &'a self,
        request: &'a ChatRequest,
        sink: Option<&'a dyn TokenSink>,
    ) -> BoxFuture<'a, Result<ChatResponse, ModelError>> {
        Box::pin(self.answer(request, sink))
    }
}

fn response(
    request: &ChatRequest,
    outcome: Outcome,
    prompt_tokens: TokenCount,
    sink: Option<&dyn TokenSink>,
) -> ChatResponse {
    let text = match &request.output {
        OutputForm::Choice(choices) => {
            choices.get(likeliest(&outcome.scores) as usize).cloned().unwrap_or_default()
        }
        OutputForm::Score(text) => text.clone(),
        OutputForm::Text | OutputForm::Json(_) => outcome.text,
    };
    if let (OutputForm::Choice(_), Some(sink)) = (&request.output, sink) {
        sink.token(&text);
    }
    let usage = Usage {
        prompt_tokens,
        cached_prompt_tokens: TokenCount(outcome.cached as u64),
        completion_tokens: TokenCount(outcome.completion as u64),
    };
    ChatResponse {
        text,
        stop: outcome.stop.unwrap_or(StopReason::End),
        usage,
        scores: outcome.scores,
        ..ChatResponse::default()
    }
}

/// The engine's thread: answers one request after the other until the model is dropped.
fn work(mut generator: Generator, vocabulary: &Vocabulary, mut queue: mpsc::Receiver<Job>) {
    while let Some(job) = queue.blocking_recv() {
        if job.cancel.load(Ordering::Relaxed) {
            continue;
        }
        let Job { prompt, task, cancel, pieces, reply } = job;
        let outcome = match task {
            Task::Write { request, constraint } => {
                let writing = Writing {
                    sampling: &request.sampling,
                    max_output: request.max_output.0,
                    stops: &request.stop,
                    constraint,
                };
                // A piece that nobody takes belongs to a request that nobody waits for.
                let mut tell = |piece: &str| {
                    if pieces.blocking_send(piece.to_owned()).is_err() {
                        cancel.store(true, Ordering::Relaxed);
                    }
                };
                generator.write(vocabulary, &prompt, writing, &cancel, &mut tell)
            }
            Task::Choose(choices) => generator.choose(&prompt, &choices, &cancel),
            Task::Score(tokens) => generator.score(&prompt, &tokens, &cancel),
        };
        drop(pieces);
        let answered = match outcome {
            Ok(outcome) => reply.send(Ok(outcome)),
            Err(Halt::Failed(error)) => reply.send(Err(error)),
            Err(Halt::Cancelled) => continue,
        };
        if answered.is_err() {
            tracing::debug!("an answer was finished after its request had been dropped");
        }
    }
}

pub(super) fn gone() -> ModelError {
    ModelError::Compute { reason: "its engine has ended; load the model again".into() }
}

pub(super) fn template(file: &ModelFile) -> Result<ChatTemplate, ModelError> {
    let source = file
        .text("tokenizer.chat_template")
        .ok_or_else(|| file.fail("it has no chat template: expected a model made for conversations"))?;
    let tokens = file.texts("tokenizer.ggml.tokens")?;
    let name = |key: &str| {
        let id = file.number(key).and_then(|id| usize::try_from(id).ok());
        id.and_then(|id| tokens.get(id)).map_or("", String::as_str)
    };
    ChatTemplate::new(source, name("tokenizer.ggml.bos_token_id"), name("tokenizer.ggml.eos_token_id"))
}

fn hash(path: &Path) -> Result<ContentHash, ModelError> {
    let fail = |error: std::io::Error| ModelError::Load { path: path.to_owned(), reason: error.to_string() };
    let mut file = File::open(path).map_err(fail)?;
    let mut hasher = ContentHash::streaming();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut buffer).map_err(fail)?;
        if read == 0 {
            return Ok(hasher.finish());
        }
        hasher.update(buffer.get(..read).unwrap_or(&[]));
    }
}
