//! [`LocalModel`]: the door to a model on this machine. One thread owns weights, keys and values, and works on the requests.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tokio::sync::{mpsc, oneshot};

use super::constraint::Grammars;
use super::device::DeviceInfo;
use super::gguf::ModelFile;
use super::info::ModelInfo;
use super::load::Loaded;
use super::pass::PAGE;
use super::positions;
use super::sampling::likeliest;
use super::serving::{Capacity, Job, Outcome, STEP, Scheduler, Task};
use super::template::ChatTemplate;
use super::tokenizer::{TokenId, Vocabulary};
use crate::hash::ContentHash;
use crate::model::{
    BoxFuture, ChatModel, ChatRequest, ChatResponse, Message, ModelError, ModelLimits, OutputForm,
    StopReason, TokenSink, Usage,
};
use crate::text::{TokenCount, TokenCounter};

/// Which way of computing gives the answers. It stands in the identity, because a journal holds what the same weights gave in
/// another way, and would mix both; a change that gives other answers raises it. The first computed with weights unpacked.
const COMPUTATION: u32 = 2;

/// Requests that are worked on at once where nothing is said: with more, processors compute each of them as much slower.
const SEQUENCES: usize = 8;

/// The same on a graphics processor, for which a few rows are as much work as one.
const SEQUENCES_OF_GPU: usize = 64;

/// Positions that a graphics processor computes at once.
const STEP_OF_GPU: usize = 2048;

/// Full windows that keys and values have room for where nothing is said, if that is not too much memory.
const WINDOWS: u64 = 4;

/// The most bytes of keys and values where nothing is said: in the machine's memory, and in that of a graphics processor.
const KV_BYTES: [u64; 2] = [1 << 30, 4 << 30];

/// How a model is loaded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LocalOptions {
    /// The longest context in tokens; the model's own where none is given or it is shorter.
    pub window: Option<u64>,
    /// How many threads compute; as many as the machine has processors where none is given.
    pub threads: Option<usize>,
    /// Whether an answer goes on past the token that ends it, until it is as long as it may be: for measurements.
    pub ignore_end: bool,
    /// The most bytes of keys and values, those that are kept for prompts to come among them; memory is taken as it is needed.
    /// Never less than one window takes. Where none is given, four windows, of at most 1 GiB, or 4 GiB on a graphics processor.
    ///
    /// A request waits until there is room for its prompt and its longest answer.
    pub kv_bytes: Option<u64>,
    /// How many requests are worked on at once; 8 where none is given, or 64 on a graphics processor.
    pub sequences: Option<usize>,
    /// Whether what follows in a greedy answer is guessed by looking it up in its prompt; it is where none is given.
    ///
    /// Guesses are held against the model's own choice, so they make an answer faster and not another: on the processors not by
    /// a bit, and on a graphics processor within the rounding that other requests cause as well.
    pub lookup: Option<bool>,
    /// Another base of the angles by which positions are turned than the file names: for models that were trained further with one.
    pub rope_base: Option<u32>,
    /// Whether `window` may be longer than the context that the model was trained with. Its positions are stretched then, as by
    /// the way that is called NTK-aware: answers are worse than within the context, and others than those without.
    pub stretch: bool,
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
    sequences: usize,
    jobs: mpsc::UnboundedSender<Job>,
}

impl std::fmt::Debug for LocalModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalModel")
            .field("identity", &self.identity)
            .field("info", &self.info)
            .finish_non_exhaustive()
    }
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
        let Loaded { pass, file, info, vocabulary, window, device, threads } = Loaded::new(path, options)?;
        let vocabulary = Arc::new(vocabulary);
        let template = template(&file)?;
        let grammars = Grammars::new(&vocabulary)?;
        let kv_bytes = pass.position_bytes();
        let endless = if options.ignore_end { ":endless" } else { "" };
        let base = options.rope_base.map(|base| format!(":base-{base}")).unwrap_or_default();
        let way = format!("{}{base}{endless}", positions::way(&file, window));
        let identity = format!("local:{}:{}:{COMPUTATION}{way}", hash(&file)?.short(), info.name);
        let capacity = capacity(options, window, kv_bytes, device.gpu.is_some());
        let sequences = capacity.sequences;
        let scheduler = Scheduler::new(pass, Arc::clone(&vocabulary), capacity);
        let (jobs, queue) = mpsc::unbounded_channel();
        thread::Builder::new()
            .name("local-model".into())
            .spawn(move || threads.install(|| work(scheduler, queue)))
            .map_err(|error| file.fail(format!("its engine cannot be started: {error}")))?;
        let context = window as u64;
        let context = TokenCount(context);
        Ok(Self {
            identity,
            info,
            device,
            context,
            kv_bytes,
            vocabulary,
            template,
            grammars,
            sequences,
            jobs,
        })
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

    /// Turns the request into what the engine does.
    fn task(&self, request: &ChatRequest) -> Result<Task, ModelError> {
        match &request.output {
            OutputForm::Text => Ok(Task::Write { request: Box::new(request.clone()), constraint: None }),
            OutputForm::Json(schema) => {
                let constraint = Some(Box::new(self.grammars.json(schema)?));
                Ok(Task::Write { request: Box::new(request.clone()), constraint })
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
                Ok(Task::Choose(choices.iter().map(whole).collect::<Result<_, _>>()?))
            }
            OutputForm::Score(text) => Ok(Task::Score(self.vocabulary.plain(text)?)),
        }
    }

    async fn answer(
        &self,
        request: &ChatRequest,
        sink: Option<&dyn TokenSink>,
    ) -> Result<ChatResponse, ModelError> {
        let prompt = self.prompt(&request.messages)?;
        let prompt_tokens = TokenCount(prompt.len() as u64);
        let task = self.task(request)?;
        ModelError::check_fits(prompt_tokens, TokenCount(task.reserved()), self.context)?;
        let cancel = Arc::new(AtomicBool::new(false));
        let _guard = CancelOnDrop(Arc::clone(&cancel));
        let (pieces, mut heard) = mpsc::unbounded_channel();
        let (reply, outcome) = oneshot::channel();
        let job = Job { prompt, task, cancel, pieces, reply };
        self.jobs.send(job).map_err(|_| gone())?;
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
        let concurrency = self.sequences;
        ModelLimits { context: self.context, max_output: self.context, concurrency, prefill: true }
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
        completion_tokens: TokenCount(outcome.completion),
    };
    ChatResponse {
        text,
        stop: outcome.stop.unwrap_or(StopReason::End),
        usage,
        scores: outcome.scores,
        ..ChatResponse::default()
    }
}

/// Returns how much is worked on at once.
fn capacity(options: &LocalOptions, window: usize, position_bytes: u64, gpu: bool) -> Capacity {
    let one = window.div_ceil(PAGE);
    let [in_memory, in_gpu] = KV_BYTES;
    let most = if gpu { in_gpu } else { in_memory };
    let page = position_bytes.max(1) * PAGE as u64;
    let usual = (page * one as u64).saturating_mul(WINDOWS).min(most);
    let pages = usize::try_from(options.kv_bytes.unwrap_or(usual) / page).unwrap_or(usize::MAX);
    let sequences = options.sequences.unwrap_or(if gpu { SEQUENCES_OF_GPU } else { SEQUENCES });
    Capacity {
        sequences: sequences.max(1),
        tokens: if gpu { STEP_OF_GPU } else { STEP },
        pages: pages.clamp(one, u32::MAX as usize),
        lookup: options.lookup.unwrap_or(true),
        ignore_end: options.ignore_end,
    }
}

/// The engine's thread: one step after the other, until the model is dropped.
fn work(mut scheduler: Scheduler, mut queue: mpsc::UnboundedReceiver<Job>) {
    loop {
        if scheduler.is_idle() {
            let Some(job) = queue.blocking_recv() else { return };
            scheduler.submit(job);
        }
        while let Ok(job) = queue.try_recv() {
            scheduler.submit(job);
        }
        scheduler.step();
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

fn hash(file: &ModelFile) -> Result<ContentHash, ModelError> {
    let mut hasher = ContentHash::streaming();
    let mut buffer = vec![0; 1 << 20];
    for path in file.files() {
        let fail =
            |error: std::io::Error| ModelError::Load { path: path.to_owned(), reason: error.to_string() };
        let mut file = File::open(path).map_err(fail)?;
        loop {
            let read = file.read(&mut buffer).map_err(fail)?;
            if read == 0 {
                break;
            }
            hasher.update(buffer.get(..read).unwrap_or(&[]));
        }
    }
    Ok(hasher.finish())
}
