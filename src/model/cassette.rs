//! Answers of a model in a file: written down once, given again to the same requests without the model.
//!
//! A line of JSON for each answer, with the whole request that it is an answer to. Nothing else of the model is written, so no
//! secret of its endpoint can be in it.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::chat::{
    Admission, BoxFuture, ChatModel, ChatRequest, ChatResponse, Down, Message, ModelLimits, TokenSink, Usage,
};
use super::error::ModelError;
use super::measure::Measure;
use crate::hash::ContentHash;
use crate::text::{TokenCount, TokenCounter};

/// A line of the file.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    request: ChatRequest,
    response: ChatResponse,
}

/// Writes down what a model answers.
#[derive(Debug)]
pub struct Recorder {
    model: Arc<dyn ChatModel>,
    path: PathBuf,
    file: Mutex<File>,
}

impl Recorder {
    /// Puts a file behind `model`; answers are added to what is there.
    ///
    /// # Errors
    /// What the system says where the file cannot be written.
    pub fn new(model: Arc<dyn ChatModel>, path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self { model, path: path.to_owned(), file: Mutex::new(file) })
    }

    fn write(&self, request: &ChatRequest, response: &ChatResponse) -> Result<(), ModelError> {
        let line = Line { request: request.clone(), response: response.clone() };
        let line = serde_json::to_string(&line).unwrap_or_default();
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        writeln!(file, "{line}").map_err(|error| ModelError::Compute {
            reason: format!("cannot write the answer into `{}`: {error}", self.path.display()),
        })
    }
}

impl ChatModel for Recorder {
    fn identity(&self) -> &str {
        self.model.identity()
    }

    fn limits(&self) -> ModelLimits {
        self.model.limits()
    }

    fn kv_bytes(&self) -> Option<u64> {
        self.model.kv_bytes()
    }

    fn counter(&self) -> &dyn TokenCounter {
        self.model.counter()
    }

    fn prompt_tokens(&self, messages: &[Message]) -> Result<TokenCount, ModelError> {
        self.model.prompt_tokens(messages)
    }

    fn most(&self, request: &ChatRequest) -> Result<Usage, ModelError> {
        self.model.most(request)
    }

    fn admit<'a>(&'a self, request: &'a ChatRequest) -> BoxFuture<'a, Result<Admission, Down>> {
        self.model.admit(request)
    }

    fn chat<'a>(
        &'a self,
        request: &'a ChatRequest,
        sink: Option<&'a dyn TokenSink>,
    ) -> BoxFuture<'a, Result<ChatResponse, ModelError>> {
        Box::pin(async move {
            let response = self.model.chat(request, sink).await?;
            self.write(request, &response)?;
            Ok(response)
        })
    }

    fn chat_within<'a>(
        &'a self,
        admission: Admission,
        request: &'a ChatRequest,
        sink: Option<&'a dyn TokenSink>,
    ) -> BoxFuture<'a, Result<ChatResponse, ModelError>> {
        Box::pin(async move {
            let response = self.model.chat_within(admission, request, sink).await?;
            self.write(request, &response)?;
            Ok(response)
        })
    }
}

/// Gives answers again that a [`Recorder`] has written down.
///
/// ```
/// # use std::sync::Arc;
/// use longhand::model::{Cassette, ChatModel, ChatRequest, Message, Recorder, Script, ScriptedModel};
/// use longhand::text::TokenCount;
///
/// let folder = tempfile::tempdir()?;
/// let file = folder.path().join("answers.jsonl");
/// let model: Arc<dyn ChatModel> = Arc::new(ScriptedModel::new(Script::default()));
/// let request = ChatRequest::new(vec![Message::user("The ferry sank.")], TokenCount(64));
/// let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
/// let said = runtime.block_on(Recorder::new(Arc::clone(&model), &file)?.chat(&request, None))?;
///
/// let cassette = Cassette::open(&file, model.identity(), Arc::new(model.clone()))?;
/// assert_eq!(runtime.block_on(cassette.chat(&request, None))?, said);
/// let other = ChatRequest::new(vec![Message::user("The mill burned.")], TokenCount(64));
/// assert!(runtime.block_on(cassette.chat(&other, None)).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Cassette {
    identity: String,
    path: PathBuf,
    measure: Arc<dyn Measure>,
    answers: HashMap<ContentHash, Answers>,
}

/// What was answered to one request, in order, and how much of it was given again.
#[derive(Debug, Default)]
struct Answers {
    all: Vec<ChatResponse>,
    given: Mutex<usize>,
}

impl Cassette {
    /// Opens a file of answers, in the place of the model with this identity, whose prompts are measured with `measure`.
    ///
    /// # Errors
    /// Where the file cannot be read, or a line of it is none.
    pub fn open(path: &Path, identity: &str, measure: Arc<dyn Measure>) -> io::Result<Self> {
        let mut answers: HashMap<ContentHash, Answers> = HashMap::new();
        for (line, number) in fs::read_to_string(path)?.lines().zip(1..) {
            let line: Line = serde_json::from_str(line).map_err(|error| {
                let number: u32 = number;
                io::Error::new(io::ErrorKind::InvalidData, format!("{}:{number}: {error}", path.display()))
            })?;
            answers.entry(line.request.hash()).or_default().all.push(line.response);
        }
        Ok(Self { identity: identity.to_owned(), path: path.to_owned(), measure, answers })
    }

    fn answer(&self, request: &ChatRequest) -> Option<ChatResponse> {
        let answers = self.answers.get(&request.hash())?;
        let mut given = answers.given.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = answers.all.get(*given).or_else(|| answers.all.last());
        *given += 1;
        answer.cloned()
    }
}

impl ChatModel for Cassette {
    fn identity(&self) -> &str {
        &self.identity
    }

    fn limits(&self) -> ModelLimits {
        self.measure.limits()
    }

    fn counter(&self) -> &dyn TokenCounter {
        self.measure.counter()
    }

    fn prompt_tokens(&self, messages: &[Message]) -> Result<TokenCount, ModelError> {
        self.measure.prompt_tokens(messages)
    }

    fn chat<'a>(
        &'a self,
        request: &'a ChatRequest,
        sink: Option<&'a dyn TokenSink>,
    ) -> BoxFuture<'a, Result<ChatResponse, ModelError>> {
        Box::pin(async move {
            let answer = self.answer(request).ok_or_else(|| ModelError::Compute {
                reason: format!("`{}` holds no answer to this request", self.path.display()),
            })?;
            if let Some(sink) = sink {
                sink.token(&answer.text);
            }
            Ok(answer)
        })
    }
}
