//! `think --convert`: long chains of reasoning become examples to train a model on that reasons in rounds.
//!
//! The steps are those of `InftyThink` (arXiv 2503.06692, section 3.2): a chain is cut at paragraphs, each segment is summed up, and
//! every segment becomes an instance. Each chain is a run, so a conversion that broke off is served what was answered before, but for
//! answers that were cut.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use serde::Deserialize;

use super::super::error::{CommandError, ExitStatus};
use super::super::job::{self, Job};
use super::super::journals::all_events;
use super::super::printer::Printer;
use super::super::settings::Settings;
use super::rounds::{line, unwritten};
use crate::name::RunId;
use crate::report::RoundInstance;
use crate::run::{Event, Purpose, Value};
use crate::store::Store;
use crate::text::Chunk;

/// The workflow that cuts and sums up.
const METHODS: job::Methods = job::Methods { small: "inftythink-data", large: "inftythink-data" };

/// A chain of reasoning.
#[derive(Debug, PartialEq, Eq)]
struct Chain {
    question: String,
    reasoning: String,
    conclusion: String,
}

/// A line as files of chains have it: with the parts by name, or as a talk whose answer begins with `<think>`.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Line {
    Parts { question: String, reasoning: String, conclusion: String },
    Talk { messages: Vec<Message> },
}

#[derive(Debug, Deserialize)]
struct Message {
    content: String,
}

/// Converts every chain of a file, writing the instances of each as soon as they are there.
pub(super) async fn convert(
    from: &Path,
    to: &Path,
    segment: Option<u64>,
    settings: &Settings,
    printer: &Printer,
) -> Result<ExitStatus, CommandError> {
    let text = fs::read_to_string(from).map_err(|error| {
        CommandError::caused(ExitStatus::Usage, format!("cannot read `{}`", from.display()), error)
    })?;
    // With `--force` both may be one file, whose chains would be gone after the first kill.
    if from.canonicalize().ok().is_some_and(|from| to.canonicalize().ok() == Some(from)) {
        let message = format!("`{}` holds the chains that are to be converted", to.display());
        return Err(CommandError::new(ExitStatus::Usage, message).hinted("name another file for the rounds"));
    }
    let mut file = File::create(to).map_err(|error| unwritten(to, error))?;
    let (mut chains, mut made, mut failed) = (0, 0, 0);
    for (number, text) in (1..).zip(text.lines()).filter(|(_, text)| !text.trim().is_empty()) {
        let done = match Chain::read(text) {
            Ok(chain) => converted(chain, segment, settings, printer).await,
            Err(reason) => Err(CommandError::new(ExitStatus::Usage, reason)),
        };
        match done {
            Ok(instances) => {
                let lines: String = instances.iter().map(line).collect::<Result<_, _>>()?;
                file.write_all(lines.as_bytes()).map_err(|error| unwritten(to, error))?;
                (chains, made) = (chains + 1, made + instances.len());
            }
            Err(error) if error.status() == ExitStatus::Interrupted => return Err(error),
            Err(error) => {
                failed += 1;
                printer.failure(&format!("{}:{number}: {error}", from.display()));
            }
        }
    }
    printer.say(&format!("{chains} chains became {made} rounds in `{}`", to.display()));
    Ok(match (chains, failed) {
        (_, 0) => ExitStatus::Done,
        (0, _) => ExitStatus::Failed,
        _ => ExitStatus::SomeFailed,
    })
}

async fn converted(
    chain: Chain,
    segment: Option<u64>,
    settings: &Settings,
    printer: &Printer,
) -> Result<Vec<RoundInstance>, CommandError> {
    let mut inputs = BTreeMap::from([("question".to_owned(), chain.question.clone())]);
    inputs.extend(segment.map(|tokens| ("segment".to_owned(), tokens.to_string())));
    let job = Job {
        workflow: None,
        methods: METHODS,
        inputs,
        paths: Vec::new(),
        text: Some(chain.reasoning.clone()),
        purpose: Purpose::Together,
        output: None,
        force: false,
    };
    let silent = printer.silent();
    let opened = job::open(job, settings, &silent)?;
    let run = opened.run.clone();
    match opened.work(settings, &silent).await? {
        ExitStatus::Done => chain.instances(&run, settings),
        status => Err(CommandError::new(status, format!("the chain was not summed up in the run {run}"))),
    }
}

impl Chain {
    /// # Errors
    /// What was expected.
    fn read(line: &str) -> Result<Self, String> {
        let expected =
            "expected `question`, `reasoning` and `conclusion`, or `messages` of a question and an answer";
        let line: Line = serde_json::from_str(line).map_err(|_| expected.to_owned())?;
        let chain = match line {
            Line::Parts { question, reasoning, conclusion } => Self { question, reasoning, conclusion },
            Line::Talk { messages } => {
                let [question, answer] = messages.as_slice() else { return Err(expected.to_owned()) };
                let thought = answer.content.trim_start().strip_prefix("<think>");
                let (reasoning, conclusion) =
                    thought.and_then(|thought| thought.rsplit_once("</think>")).ok_or_else(|| {
                        "the answer does not begin with a thought between <think> and </think>".to_owned()
                    })?;
                let (reasoning, conclusion) = (reasoning.trim().to_owned(), conclusion.trim().to_owned());
                Self { question: question.content.clone(), reasoning, conclusion }
            }
        };
        // A byte order mark would be taken off where the chain is read as a document, and every segment lie beside its place.
        let reasoning = chain.reasoning.trim_start_matches('\u{feff}').to_owned();
        let chain = Self { reasoning, ..chain };
        if chain.reasoning.trim().is_empty() { Err("the chain is empty".to_owned()) } else { Ok(chain) }
    }

    /// Makes an instance of every segment: a first, middle or last round.
    fn instances(&self, run: &RunId, settings: &Settings) -> Result<Vec<RoundInstance>, CommandError> {
        let mut segments: Vec<Chunk> = Vec::new();
        let mut summaries: Vec<String> = Vec::new();
        for event in all_events(&Store::open(&settings.store)?, run)? {
            match event {
                Event::Done { value: Value::Chunks(chunks), .. } => segments = chunks,
                Event::Called(call) => summaries.push(call.response.text.trim().to_owned()),
                _ => {}
            }
        }
        let text = |chunk: &Chunk| {
            let range = usize::try_from(chunk.span.start).ok()?..usize::try_from(chunk.span.end).ok()?;
            self.reasoning.get(range)
        };
        let beside = || {
            let message = format!("the segments of the run {run} do not lie in the chain");
            CommandError::new(ExitStatus::Failed, message)
        };
        let last = segments.len().saturating_sub(1);
        let instance = |(at, chunk): (usize, &Chunk)| {
            Ok(RoundInstance {
                question: self.question.clone(),
                history: at.checked_sub(1).and_then(|before| summaries.get(before).cloned()),
                reasoning: text(chunk).ok_or_else(beside)?.trim().to_owned(),
                summary: summaries.get(at).filter(|_| at < last).cloned(),
                conclusion: (at == last).then(|| self.conclusion.clone()),
            })
        };
        segments.iter().enumerate().map(instance).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_are_read_in_both_forms_and_nothing_else_is() {
        let chain = Chain {
            question: "What is 7 + 1?".to_owned(),
            reasoning: "Seven.\n\nAnd one.".to_owned(),
            conclusion: "8".to_owned(),
        };
        let parts = r#"{"question": "What is 7 + 1?", "reasoning": "Seven.\n\nAnd one.", "conclusion": "8"}"#;
        assert_eq!(Chain::read(parts).as_ref(), Ok(&chain));
        let talk = r#"{"messages": [{"role": "user", "content": "What is 7 + 1?"},
            {"role": "assistant", "content": "<think>\nSeven.\n\nAnd one.\n</think>\n8"}]}"#;
        assert_eq!(Chain::read(talk).as_ref(), Ok(&chain));
        let marked = parts.replace("Seven.", "\u{feff}Seven.");
        assert_eq!(Chain::read(&marked).as_ref(), Ok(&chain));
        for wrong in [
            "{}",
            "no JSON",
            r#"{"messages": [{"content": "a"}]}"#,
            r#"{"messages": [{"content": "a"}, {"content": "without a thought"}]}"#,
            r#"{"question": "a", "reasoning": " ", "conclusion": "b"}"#,
        ] {
            assert!(Chain::read(wrong).is_err(), "{wrong}");
        }
    }
}
