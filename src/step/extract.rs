//! `extract`: an agent answers with JSON that keeps a schema, and the answers are the records.
//!
//! A model that can be held to a schema is; every answer is read and held against the schema all the same. An answer that
//! breaks it goes back to the agent with what is wrong, as often as the step allows.

use std::fmt::Write as _;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use serde_json::Value as Json;

use super::StepError;
use super::context::{RunContext, bug};
use crate::agent::{AgentError, Ask};
use crate::graph::Node;
use crate::model::{ChatResponse, Message, ModelError, OutputForm, StopReason};
use crate::prompt::Variables;
use crate::run::{CallSite, TaskId, Value};
use crate::spec::{AgentSpec, ExtractSpec, RecordSchema};
use crate::text::{Chunk, DocumentIndex};

/// How many of the things that are wrong with an answer are told.
const MOST_TOLD: usize = 3;

/// How long the telling of one of them may be, in characters.
const LONGEST_TOLD: usize = 140;

/// How much of a bad answer a failure shows, in characters.
const LONGEST_SHOWN: usize = 300;

/// The most tokens of the message with which an answer is sent back: what `MOST_TOLD` and `LONGEST_TOLD` allow, were
/// every two characters a token, and the words around it.
pub const SENT_BACK: u64 = 300;

pub(super) async fn run(
    context: &RunContext,
    task: &TaskId,
    node: &Node,
    spec: &ExtractSpec,
) -> Result<Value, StepError> {
    let agent = RunContext::agent(node)?;
    let mut shared = context.variables(task, &spec.with)?;
    shared.set("schema", schema_text(&spec.schema));
    let reading = Reading { context, task, agent, spec };
    let Some(over) = &spec.over else {
        return Ok(Value::Records(reading.records(0, shared, None, None).await?));
    };
    let chunks = context.chunks(over, task.slot)?;
    let at_once = context.models.at_once(agent)?;
    let (chunks, shared, reading) = (chunks.as_slice(), &shared, &reading);
    // A prompt is made when its turn comes: all of them together would be the document once more in memory.
    let read = |index: u32| async move {
        let chunk = chunks.get(index as usize).ok_or_else(|| bug(over, "chunk"))?;
        let variables = chunk_variables(context, shared.clone(), chunk, (index, chunks.len()))?;
        reading.records(index, variables, Some(chunk.document), Some(index)).await
    };
    let indexes = 0..u32::try_from(chunks.len()).unwrap_or(u32::MAX);
    let records: Vec<Vec<Json>> = stream::iter(indexes).map(read).buffered(at_once).try_collect().await?;
    Ok(Value::Records(records.concat()))
}

/// Returns the schema as a prompt shows it.
#[must_use]
pub fn schema_text(schema: &RecordSchema) -> String {
    // The alternate form of a JSON value is indented.
    format!("{:#}", schema.0)
}

fn chunk_variables(
    context: &RunContext,
    mut variables: Variables,
    chunk: &Chunk,
    (index, count): (u32, usize),
) -> Result<Variables, StepError> {
    variables.set("document", context.document_name(chunk.document));
    variables.set("chunk", context.chunk_text(chunk)?);
    variables.set("index", u64::from(index) + 1);
    variables.set("count", count as u64);
    Ok(variables)
}

struct Reading<'a> {
    context: &'a RunContext,
    task: &'a TaskId,
    agent: &'a AgentSpec,
    spec: &'a ExtractSpec,
}

impl Reading<'_> {
    /// Asks until an answer keeps the schema, and returns its records.
    async fn records(
        &self,
        index: u32,
        variables: Variables,
        document: Option<DocumentIndex>,
        chunk: Option<u32>,
    ) -> Result<Vec<Json>, StepError> {
        let attempts = self.spec.repairs.saturating_add(1);
        let mut output = OutputForm::Json(self.spec.schema.0.clone());
        let mut further: Vec<Message> = Vec::new();
        let mut attempt = 0;
        loop {
            let step = index.saturating_mul(attempts).saturating_add(attempt);
            let ask = |output: OutputForm| Ask {
                site: CallSite { task: self.task.clone(), step },
                agent: self.agent,
                variables: variables.clone(),
                output,
                document,
                chunk,
                earlier: Vec::new(),
                further: further.clone(),
            };
            // An answer that is refused here is never served to another run.
            let usable = |answer: &ChatResponse| read(&answer.text, &self.spec.schema).is_ok();
            let caller = self.context.caller();
            let answer = match caller.call_for(ask(output.clone()), &usable).await {
                // A schema that the model cannot be held to is still one that the answer can be held against.
                Err(AgentError::Model { source: ModelError::Form { .. }, .. })
                    if output != OutputForm::Text =>
                {
                    output = OutputForm::Text;
                    caller.call_for(ask(OutputForm::Text), &usable).await?
                }
                answer => answer?,
            };
            let problem = match read(&answer.text, &self.spec.schema) {
                Ok(records) => return Ok(records),
                Err(problem) if answer.stop == StopReason::Length => {
                    format!("the answer was cut off at {} tokens; {problem}", self.agent.max_output)
                }
                Err(problem) => problem,
            };
            attempt += 1;
            if attempt >= attempts {
                let (agent, answer) = (self.agent.name.to_string(), shortened(&answer.text, LONGEST_SHOWN));
                return Err(StepError::NotValid { agent, attempts, problem, answer });
            }
            further = vec![Message::assistant(answer.text), Message::user(sent_back(&problem))];
        }
    }
}

fn sent_back(problem: &str) -> String {
    format!(
        "Your answer cannot be used: {problem}.\nAnswer again, with JSON that keeps the schema and nothing else."
    )
}

/// Reads an answer and holds it against the schema; an answer that is a list is one record an element.
fn read(answer: &str, schema: &RecordSchema) -> Result<Vec<Json>, String> {
    let value = json_in(answer)?;
    let broken = schema.broken_by(&value);
    if broken.is_empty() {
        return Ok(match value {
            Json::Array(records) => records,
            record => vec![record],
        });
    }
    let mut told = String::new();
    for problem in broken.iter().take(MOST_TOLD) {
        let place = if problem.path.is_empty() {
            "the answer".to_owned()
        } else {
            format!("`{}`", problem.path.join("."))
        };
        let separator = if told.is_empty() { "" } else { "; " };
        // Writing to a string cannot fail.
        let _ =
            write!(told, "{separator}{}", shortened(&format!("{place}: {}", problem.reason), LONGEST_TOLD));
    }
    let left = broken.len().saturating_sub(MOST_TOLD);
    if left > 0 {
        let _ = write!(told, "; and {left} more");
    }
    Err(told)
}

/// Finds the JSON in an answer: the whole, or what stands between the first bracket and the last one that can end it.
fn json_in(answer: &str) -> Result<Json, String> {
    let whole = answer.trim();
    let error = match serde_json::from_str(whole) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    let start = whole.find(['{', '[']);
    let inner = start.and_then(|start| whole.get(start..)).and_then(|rest| {
        let end = if rest.starts_with('{') { '}' } else { ']' };
        rest.rfind(end).and_then(|at| rest.get(..=at))
    });
    let found = inner.and_then(|text| serde_json::from_str(text).ok());
    found.ok_or_else(|| shortened(&format!("it is not JSON ({error})"), LONGEST_TOLD))
}

fn shortened(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or(text)),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn schema() -> RecordSchema {
        RecordSchema(json!({"type": "array", "items": {
            "type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]
        }}))
    }

    #[test]
    fn json_is_found_bare_fenced_and_in_a_sentence() {
        for answer in ["[{\"n\": 1}]", "```json\n[{\"n\": 1}]\n```", "Here it is: [{\"n\": 1}]. Done."] {
            assert_eq!(read(answer, &schema()).unwrap(), [json!({"n": 1})], "{answer}");
        }
        let one = RecordSchema(json!({"type": "object"}));
        assert_eq!(read("{\"n\": [1]}", &one).unwrap(), [json!({"n": [1]})], "a map is one record");
        assert_eq!(read("[]", &schema()).unwrap(), Vec::<Json>::new());
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place_and_within_bounds() {
        assert!(read("I found none", &schema()).unwrap_err().starts_with("it is not JSON ("));
        let told = read("[{\"n\": 1}, {\"n\": \"two\"}]", &schema()).unwrap_err();
        assert!(told.starts_with("`1.n`: ") && told.contains("integer"), "{told}");
        let many = format!("[{}]", ["{}"; 9].join(","));
        let told = read(&many, &schema()).unwrap_err();
        assert!(told.ends_with("; and 6 more") && told.matches("; ").count() == 3, "{told}");
        let long = read(&format!("[{{\"n\": \"{}\"}}]", "x".repeat(5000)), &schema()).unwrap_err();
        assert!(sent_back(&long).chars().count() < 2 * usize::try_from(SENT_BACK).unwrap(), "{long}");
    }

    proptest! {
        #[test]
        fn no_answer_passes_that_breaks_the_schema(answer in any::<String>()) {
            if let Ok(records) = read(&answer, &schema()) {
                prop_assert!(schema().broken_by(&Json::Array(records)).is_empty());
            }
        }
    }
}
