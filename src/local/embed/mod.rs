//! [`LocalEmbedder`]: the door to a model on this machine that turns texts into vectors. One thread owns the weights;
//! requests queue for it.
//!
//! `folder` reads the files of a model, `pieces` cuts texts, `bert` computes on the processors with the loops of `matrix` and
//! `rows`, and `tensors` computes the same with the tensor library on a graphics processor.

mod bert;
mod folder;
mod matrix;
mod pieces;
mod rows;
mod tensors;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use candle_core::Result as Computed;
use rayon::prelude::*;
use tokio::sync::{mpsc, oneshot};

pub(super) use folder::{Folder, WEIGHTS, is_folder};

use self::bert::Bert;
use self::pieces::Pieces;
use self::tensors::Tensors;
use super::device::{self, DeviceInfo};
use super::engine::{CancelOnDrop, LocalOptions, gone};
use super::gguf::first_line;
use crate::model::{BoxFuture, Embedder, ModelError};
use crate::text::{TokenCount, TokenCounter};

/// Requests that wait for the engine; more of them wait for a place.
const QUEUE: usize = 16;

/// Texts that are cut into pieces at once.
const CUT_AT_ONCE: usize = 1024;

/// Word pieces that the processors compute at once: four blocks, in some 20 MB for a model of 384 numbers.
const ROWS: usize = 1024;

/// Word pieces that a graphics processor computes at once, padding among them.
const ROWS_OF_GPU: usize = 16_384;

/// Why the engine gave up on a request.
#[derive(Debug)]
enum Halt {
    /// Nobody waits for the vectors any more.
    Cancelled,
    /// The computation failed.
    Failed(ModelError),
}

/// A model that is computed on this machine and turns texts into vectors.
///
/// A text's vector has length one, and on the processors is the same to the bit whatever it is computed beside. What is
/// longer than [`Embedder::window`] is cut there.
///
/// # Examples
/// ```no_run
/// # async fn example() -> Result<(), longhand::model::ModelError> {
/// use std::path::Path;
///
/// use longhand::local::{LocalEmbedder, LocalOptions};
/// use longhand::model::Embedder as _;
///
/// let embedder = LocalEmbedder::load(Path::new("models/minilm"), &LocalOptions::default())?;
/// let vectors = embedder.embed(&["a whale".to_owned(), "a large sea animal".to_owned()]).await?;
/// assert_eq!(vectors[0].len(), 384);
/// # Ok(())
/// # }
/// ```
pub struct LocalEmbedder {
    identity: String,
    languages: Option<&'static [&'static str]>,
    device: DeviceInfo,
    pieces: Arc<Pieces>,
    jobs: mpsc::Sender<Job>,
}

impl std::fmt::Debug for LocalEmbedder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalEmbedder")
            .field("identity", &self.identity)
            .field("device", &self.device)
            .finish_non_exhaustive()
    }
}

/// The beginning of what the files of the well-known `minilm` hash to, together.
const MINILM: &str = "bdf9c8d8";

/// The languages that it was made for.
const MINILM_KNOWS: &[&str] = &["eng"];

/// One request on its way to the engine's thread.
struct Job {
    texts: Vec<String>,
    cancel: Arc<AtomicBool>,
    reply: oneshot::Sender<Result<Vec<Vec<f32>>, ModelError>>,
}

/// What computes vectors of texts that were cut into pieces.
enum Engine {
    Processors(Box<Bert>),
    Gpu(Box<Tensors>),
}

impl Engine {
    /// Returns how many word pieces are computed at once.
    fn rows(&self) -> usize {
        match self {
            Self::Processors(_) => ROWS,
            Self::Gpu(_) => ROWS_OF_GPU,
        }
    }

    fn vectors(&self, texts: &[&[u32]]) -> Computed<Vec<Vec<f32>>> {
        match self {
            Self::Processors(bert) => Ok(bert.vectors(texts)),
            Self::Gpu(tensors) => tensors.vectors(texts),
        }
    }
}

impl LocalEmbedder {
    /// Loads the model in `folder` and starts its engine: `config.json`, `sentence_bert_config.json`, `tokenizer.json` and
    /// `model.safetensors` of a BERT. A window of the options is a longest text shorter than the model's own.
    ///
    /// The engine's thread ends when the model is dropped.
    ///
    /// # Errors
    /// [`ModelError::Load`] where a file is missing, damaged, or of a kind that cannot be computed.
    pub fn load(folder: &Path, options: &LocalOptions) -> Result<Self, ModelError> {
        let folder = Folder::open(folder)?;
        let longest = options.window.and_then(|window| usize::try_from(window).ok());
        let longest = longest.unwrap_or(folder.longest()).min(folder.longest());
        let pieces = Arc::new(folder.pieces(longest)?);
        let (on, device) = device::choose();
        let (weights, hash) = folder.weights()?;
        let engine = if on.is_cpu() {
            Engine::Processors(Box::new(Bert::load(&folder, &weights)?))
        } else {
            Engine::Gpu(Box::new(Tensors::load(&folder, &weights, &on)?))
        };
        drop(weights);
        let identity = format!("local:{}:bert-{}", hash.short(), folder.config().hidden_size);
        let (jobs, queue) = mpsc::channel(QUEUE);
        let not_started =
            |error: &dyn std::fmt::Display| folder.fail(format!("its engine cannot be started: {error}"));
        let pool = rayon::ThreadPoolBuilder::new().num_threads(options.threads.unwrap_or(0)).build();
        let pool = pool.map_err(|error| not_started(&error))?;
        let words = Arc::clone(&pieces);
        thread::Builder::new()
            .name("local-embedder".into())
            .spawn(move || pool.install(|| work(&engine, &words, queue)))
            .map_err(|error| not_started(&error))?;
        let languages = (hash.short() == MINILM).then_some(MINILM_KNOWS);
        Ok(Self { identity, languages, device, pieces, jobs })
    }

    /// Returns what the model is computed on.
    #[must_use]
    pub fn device(&self) -> &DeviceInfo {
        &self.device
    }

    /// Returns how many word pieces a text has, without the two that mark its ends.
    #[must_use]
    pub fn pieces(&self, text: &str) -> TokenCount {
        self.pieces.count(text)
    }

    async fn answer(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, ModelError> {
        let cancel = Arc::new(AtomicBool::new(false));
        let _guard = CancelOnDrop(Arc::clone(&cancel));
        let (reply, vectors) = oneshot::channel();
        let job = Job { texts: texts.to_vec(), cancel, reply };
        self.jobs.send(job).await.map_err(|_| gone())?;
        vectors.await.map_err(|_| gone())?
    }
}

impl Embedder for LocalEmbedder {
    fn identity(&self) -> &str {
        &self.identity
    }

    fn window(&self) -> Option<TokenCount> {
        Some(self.pieces.window())
    }

    fn counter(&self) -> Option<&dyn TokenCounter> {
        Some(&*self.pieces)
    }

    fn languages(&self) -> Option<&[&str]> {
        self.languages
    }

    fn embed<'a>(&'a self, texts: &'a [String]) -> BoxFuture<'a, Result<Vec<Vec<f32>>, ModelError>> {
        Box::pin(self.answer(texts))
    }
}

/// The engine's thread: answers one request after the other until the model is dropped.
fn work(engine: &Engine, pieces: &Pieces, mut queue: mpsc::Receiver<Job>) {
    while let Some(Job { texts, cancel, reply }) = queue.blocking_recv() {
        let answered = match vectors(engine, pieces, &texts, &cancel) {
            Ok(vectors) => reply.send(Ok(vectors)),
            Err(Halt::Failed(error)) => reply.send(Err(error)),
            Err(Halt::Cancelled) => continue,
        };
        if answered.is_err() {
            tracing::debug!("vectors were finished after their request had been dropped");
        }
    }
}

/// Computes texts of like length together, and gives their vectors back in the order of the texts.
fn vectors(
    engine: &Engine,
    pieces: &Pieces,
    texts: &[String],
    cancel: &AtomicBool,
) -> Result<Vec<Vec<f32>>, Halt> {
    let mut vectors = Vec::with_capacity(texts.len());
    for texts in texts.chunks(CUT_AT_ONCE) {
        going_on(cancel)?;
        let cut: Vec<Vec<u32>> = texts.par_iter().map(|text| pieces.cut(text)).collect();
        let mut waiting: Vec<(usize, &[u32])> = cut.iter().map(Vec::as_slice).enumerate().collect();
        waiting.sort_by_key(|(_, text)| text.len());
        let mut computed = Vec::with_capacity(texts.len());
        let mut rest = waiting.as_slice();
        while !rest.is_empty() {
            going_on(cancel)?;
            let (batch, later) = rest.split_at(together(rest, engine.rows()));
            let texts: Vec<&[u32]> = batch.iter().map(|(_, text)| *text).collect();
            let failed = |error| Halt::Failed(ModelError::Compute { reason: first_line(&error) });
            let found = engine.vectors(&texts).map_err(failed)?;
            computed.extend(batch.iter().map(|(place, _)| *place).zip(found));
            rest = later;
        }
        computed.sort_by_key(|(place, _)| *place);
        vectors.extend(computed.into_iter().map(|(_, vector)| vector));
    }
    Ok(vectors)
}

/// Fails where nobody waits for the answer any more.
fn going_on(cancel: &AtomicBool) -> Result<(), Halt> {
    if cancel.load(Ordering::Relaxed) { Err(Halt::Cancelled) } else { Ok(()) }
}

/// Returns how many of `texts`, which are sorted by length, have up to `rows` pieces where all are as long as the last; one
/// at least.
fn together(texts: &[(usize, &[u32])], rows: usize) -> usize {
    let fits = texts.iter().enumerate().take_while(|(before, (_, text))| (before + 1) * text.len() <= rows);
    fits.count().max(1)
}
