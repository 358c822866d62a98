//! A defect in one document's task: the document fails and says so, the others go on.

use std::fs;
use std::sync::Arc;

use longhand::model::{
    BoxFuture, ChatModel, ChatRequest, ChatResponse, Message, ModelError, ModelLimits, Script, ScriptedModel,
    TokenSink,
};
use longhand::run::Outcome;
use longhand::text::{TokenCount, TokenCounter};

use crate::driven::Driven;

/// A model that breaks down over one word.
#[derive(Debug)]
struct Fragile(ScriptedModel);

impl ChatModel for Fragile {
    fn identity(&self) -> &str {
        self.0.identity()
    }

    fn limits(&self) -> ModelLimits {
        self.0.limits()
    }

    fn counter(&self) -> &dyn TokenCounter {
        self.0.counter()
    }

    fn prompt_tokens(&self, messages: &[Message]) -> Result<TokenCount, ModelError> {
        self.0.prompt_tokens(messages)
    }

    fn chat<'a>(
        &'a self,
        request: &'a ChatRequest,
        sink: Option<&'a dyn TokenSink>,
    ) -> BoxFuture<'a, Result<ChatResponse, ModelError>> {
        let broken = request.messages.iter().any(|message| message.content.contains("crowbar"));
        assert!(!broken, "a crowbar got in");
        self.0.chat(request, sink)
    }
}

#[tokio::test]
async fn a_panic_fails_its_document_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let texts = folder.path().join("texts");
    fs::create_dir(&texts).unwrap();
    for (name, text) in
        [("a.md", "All is calm."), ("b.md", "Here lies a crowbar."), ("c.md", "All is calm here too.")]
    {
        fs::write(texts.join(name), text).unwrap();
    }
    let model = Fragile(ScriptedModel::new(Script { context: 4000, max_output: 200, ..Script::default() }));
    let driven = Driven::new(folder.path(), None, "truncate", &texts, Arc::new(model));

    assert_eq!(driven.drive().await, Outcome::Partial);

    let report = driven.report();
    let failed: Vec<_> =
        report.failed.iter().map(|failure| (failure.path.as_str(), failure.error.as_str())).collect();
    let told = "node `answer` broke down: a crowbar got in: this is a defect of longhand, please report it";
    assert_eq!(failed, [("b.md", told)]);
    let done: Vec<String> = report.summaries.unwrap().into_iter().map(|summary| summary.path).collect();
    assert_eq!(done, ["a.md", "c.md", "."]);
}
