//! A question that takes two facts from two places: the chain answers it where the paper's baselines cannot, because a
//! worker knows what the one before it found (methods of arXiv 2406.02818: Chain-of-Agents, Merge, Hierarchical).

use std::sync::Arc;

use longhand::model::{
    BoxFuture, ChatModel, ChatRequest, ChatResponse, Message, ModelError, ModelLimits, OutputForm, Script,
    ScriptedModel, StopReason, TokenSink, Usage,
};
use longhand::run::Outcome;
use longhand::text::{TokenCount, TokenCounter};

use crate::driven::Driven;
use crate::longhand::document;

const FIRST: &str = "The schooner Petrel belongs to Anna Holt.";
const SECOND: &str = "Anna Holt lives in Bergen.";

/// A reader that takes a fact for useful only if it is about what it knows to be asked for: the Petrel, and whoever its
/// prompt says owns it. It answers with the facts that it finds so, and with the place once it has both.
#[derive(Debug)]
struct Reader(ScriptedModel);

impl Reader {
    fn new() -> Self {
        Self(ScriptedModel::new(Script { context: 600, max_output: 64, ..Script::default() }))
    }

    fn said(prompt: &str) -> String {
        match (prompt.contains(FIRST), prompt.contains(SECOND)) {
            (true, true) => format!("{FIRST} {SECOND}"),
            (true, false) => FIRST.to_owned(),
            // Of Anna Holt nobody has asked.
            (false, _) => "Nothing.".to_owned(),
        }
    }
}

impl ChatModel for Reader {
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
        _: Option<&'a dyn TokenSink>,
    ) -> BoxFuture<'a, Result<ChatResponse, ModelError>> {
        Box::pin(async move {
            let said = Self::said(&request.messages[0].content);
            let text = match &request.output {
                OutputForm::Choice(choices) if choices.iter().any(|choice| choice == "yes") => {
                    if said == "Nothing." { "no".to_owned() } else { "yes".to_owned() }
                }
                // A judge prefers the note that holds most.
                OutputForm::Choice(choices) => {
                    let prompt = &request.messages[0].content;
                    let both = prompt.find(SECOND).unwrap_or(0);
                    let number = |choice: &&String| prompt[..both].contains(&format!("Note {choice}:"));
                    choices.iter().rfind(number).unwrap_or(&choices[0]).clone()
                }
                _ => said,
            };
            let usage = Usage { prompt_tokens: self.prompt_tokens(&request.messages)?, ..Usage::default() };
            Ok(ChatResponse { text, stop: StopReason::End, usage, ..ChatResponse::default() })
        })
    }
}

/// A text of several chunks with one fact near its beginning and the other near its end.
fn text(early: &str, late: &str) -> String {
    format!("{} {early} {} {late} {}", document(10), document(250), document(10))
}

async fn answers(workflow: &str, text: &str) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("text.md");
    std::fs::write(&file, text).unwrap();
    let driven = Driven::new(folder.path(), None, workflow, &file, Arc::new(Reader::new()));
    assert_eq!(driven.drive().await, Outcome::Succeeded, "{workflow}");
    let report = driven.report();
    // A workflow that picks chunks reports those that it picked.
    let chunks = report.documents[0].chunks.len();
    assert!(chunks > 3 || workflow == "hierarchical", "{chunks} chunks: the facts stand in different ones");
    report.summaries.unwrap()[0].text.contains("lives in Bergen")
}

#[tokio::test]
async fn two_facts_in_reading_order_are_put_together_by_the_chain_alone() {
    let text = text(FIRST, SECOND);
    assert!(answers("chain-of-agents", &text).await);
    assert!(!answers("merge", &text).await, "a worker that answers alone sees one of the two");
    assert!(!answers("hierarchical", &text).await, "the second fact is useful only to who knows the first");
}

#[tokio::test]
async fn two_facts_in_the_other_order_need_a_chain_that_reads_backwards() {
    let text = text(SECOND, FIRST);
    assert!(!answers("chain-of-agents", &text).await, "the paper's right-to-left ablation is about this");
    assert!(!answers("merge", &text).await);
    assert!(!answers("hierarchical", &text).await);
    assert!(answers("coa-bidirectional", &text).await);
}
