//! Lets somebody hear an answer while it is written: a model around the model that is asked.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::model::{
    Admission, BoxFuture, ChatModel, ChatRequest, ChatResponse, Down, Message, ModelError, ModelLimits,
    TokenSink, Usage,
};
use crate::text::{TokenCount, TokenCounter};

/// Is given an answer piece by piece.
pub(super) trait Listener: Send + Sync {
    /// Takes the next piece.
    fn piece(&self, text: &str);
    /// Is told that the pieces so far are no answer: it broke off, and comes again.
    fn broken(&self);
}

/// A model whose first answer of a turn somebody hears, or every answer.
pub(super) struct Heard {
    model: Arc<dyn ChatModel>,
    listener: Arc<dyn Listener>,
    /// Whether every answer is heard.
    always: bool,
    /// Whether the next answer is heard.
    open: AtomicBool,
    /// Whether anything of the last answer was.
    any: AtomicBool,
}

impl fmt::Debug for Heard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Heard").field("model", &self.model).finish_non_exhaustive()
    }
}

impl Heard {
    pub(super) fn new(model: Arc<dyn ChatModel>, listener: Arc<dyn Listener>) -> Arc<Self> {
        Arc::new(Self {
            model,
            listener,
            always: false,
            open: AtomicBool::new(false),
            any: AtomicBool::new(false),
        })
    }

    /// A model of which every answer is heard.
    pub(super) fn always(model: Arc<dyn ChatModel>, listener: Arc<dyn Listener>) -> Arc<Self> {
        let (open, any) = (AtomicBool::new(true), AtomicBool::new(false));
        Arc::new(Self { model, listener, always: true, open, any })
    }

    /// Begins a turn: its first answer is heard, where it is to be, and what is asked after it is not.
    pub(super) fn listen(&self, open: bool) {
        self.any.store(false, Ordering::Release);
        self.open.store(open, Ordering::Release);
    }

    /// Tells whether the answer was heard while it was written. One that is known from before is not, nor is one that comes as a
    /// whole.
    pub(super) fn was_heard(&self) -> bool {
        self.any.load(Ordering::Acquire)
    }

    async fn heard(
        &self,
        admission: Admission,
        request: &ChatRequest,
        sink: Option<&dyn TokenSink>,
    ) -> Result<ChatResponse, ModelError> {
        if !self.open.load(Ordering::Acquire) {
            return self.model.chat_within(admission, request, sink).await;
        }
        let both = Both { listener: self.listener.as_ref(), sink, began: AtomicBool::new(false) };
        let answer = self.model.chat_within(admission, request, Some(&both)).await;
        match &answer {
            Ok(_) => {
                self.any.store(both.began.load(Ordering::Acquire), Ordering::Release);
                self.open.store(self.always, Ordering::Release);
            }
            Err(_) if both.began.load(Ordering::Acquire) => self.listener.broken(),
            Err(_) => {}
        }
        answer
    }
}

/// Hands pieces to the listener and to whoever else wants them.
struct Both<'a> {
    listener: &'a dyn Listener,
    sink: Option<&'a dyn TokenSink>,
    began: AtomicBool,
}

impl TokenSink for Both<'_> {
    fn token(&self, text: &str) {
        self.began.store(true, Ordering::Release);
        self.listener.piece(text);
        if let Some(sink) = self.sink {
            sink.token(text);
        }
    }
}

impl ChatModel for Heard {
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

    fn outlives(&self) -> bool {
        self.model.outlives()
    }

    fn journaled(&self, request: &ChatRequest) {
        self.model.journaled(request);
    }

    fn admit<'a>(&'a self, request: &'a ChatRequest) -> BoxFuture<'a, Result<Admission, Down>> {
        self.model.admit(request)
    }

    fn chat<'a>(
        &'a self,
        request: &'a ChatRequest,
        sink: Option<&'a dyn TokenSink>,
    ) -> BoxFuture<'a, Result<ChatResponse, ModelError>> {
        // What a run asks, it asks under an admission.
        self.model.chat(request, sink)
    }

    fn chat_within<'a>(
        &'a self,
        admission: Admission,
        request: &'a ChatRequest,
        sink: Option<&'a dyn TokenSink>,
    ) -> BoxFuture<'a, Result<ChatResponse, ModelError>> {
        Box::pin(self.heard(admission, request, sink))
    }
}
