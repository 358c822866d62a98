//! Several models of which one is asked, and the next where it cannot be.
//!
//! Here is only what they have in common: what fits all of them. Whom to ask is decided where calls are made, so that every
//! try is seen, set aside and journaled under the model that it was made with.

use std::sync::Arc;

use super::chat::{BoxFuture, ChatModel, ChatRequest, ChatResponse, Message, ModelLimits, TokenSink, Usage};
use super::error::ModelError;
use crate::text::{TokenCount, TokenCounter};

/// What stands between the identities of models that stand in for each other.
pub const BEHIND: &str = " | ";

/// Models that stand in for each other, seen as one: a prompt that fits it fits each of them.
///
/// Asked itself it asks the first.
#[derive(Debug)]
pub struct Fallback {
    identity: String,
    first: Arc<dyn ChatModel>,
    then: Vec<Arc<dyn ChatModel>>,
    counter: Largest,
}

impl Fallback {
    /// Puts `then` behind `first`, in this order.
    #[must_use]
    pub fn new(first: Arc<dyn ChatModel>, then: Vec<Arc<dyn ChatModel>>) -> Self {
        let all: Vec<_> = std::iter::once(&first).chain(&then).map(Arc::clone).collect();
        let identity = all.iter().map(|model| model.identity()).collect::<Vec<_>>().join(BEHIND);
        Self { identity, first, then, counter: Largest(all) }
    }

    fn all(&self) -> impl Iterator<Item = &Arc<dyn ChatModel>> {
        std::iter::once(&self.first).chain(&self.then)
    }
}

/// Counts with each and takes the largest count.
#[derive(Debug)]
struct Largest(Vec<Arc<dyn ChatModel>>);

impl TokenCounter for Largest {
    fn count(&self, text: &str) -> TokenCount {
        self.0.iter().map(|model| model.counter().count(text)).max().unwrap_or_default()
    }
}

impl ChatModel for Fallback {
    fn identity(&self) -> &str {
        &self.identity
    }

    fn limits(&self) -> ModelLimits {
        self.then.iter().map(|model| model.limits()).fold(self.first.limits(), |most, limits| ModelLimits {
            context: most.context.min(limits.context),
            max_output: most.max_output.min(limits.max_output),
            concurrency: most.concurrency,
            prefill: most.prefill && limits.prefill,
        })
    }

    fn counter(&self) -> &dyn TokenCounter {
        &self.counter
    }

    fn prompt_tokens(&self, messages: &[Message]) -> Result<TokenCount, ModelError> {
        self.all().try_fold(TokenCount(0), |most, model| Ok(most.max(model.prompt_tokens(messages)?)))
    }

    fn most(&self, request: &ChatRequest) -> Result<Usage, ModelError> {
        self.all().try_fold(Usage::default(), |most, model| {
            let one = model.most(request)?;
            Ok(Usage {
                prompt_tokens: most.prompt_tokens.max(one.prompt_tokens),
                completion_tokens: most.completion_tokens.max(one.completion_tokens),
                ..most
            })
        })
    }

    fn chat<'a>(
        &'a self,
        request: &'a ChatRequest,
        sink: Option<&'a dyn TokenSink>,
    ) -> BoxFuture<'a, Result<ChatResponse, ModelError>> {
        self.first.chat(request, sink)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Script, ScriptedModel};

    #[test]
    fn what_fits_it_fits_each_of_its_models() {
        let model = |context, max_output| -> Arc<dyn ChatModel> {
            Arc::new(ScriptedModel::new(Script { context, max_output, ..Script::default() }))
        };
        let both = Fallback::new(model(4096, 100), vec![model(1000, 900)]);
        assert_eq!(both.limits().context, TokenCount(1000));
        assert_eq!(both.limits().max_output, TokenCount(100));
        assert!(both.identity().contains(BEHIND));
        let messages = [Message::user("one two three")];
        assert_eq!(both.prompt_tokens(&messages).unwrap(), model(1, 1).prompt_tokens(&messages).unwrap());
    }
}
