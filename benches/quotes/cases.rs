//! Questions with the evidence for them, read from evaluation data and from the facts of the example archive.

use std::ops::Range;
use std::path::Path;
use std::process::Command;

use longhand::text::sentences;
use serde_json::Value;

use crate::command::Quoted;
use crate::scores::holds;

/// A question over one document.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) text: String,
    pub(crate) question: String,
    /// What is to be answered, where it is known.
    pub(crate) answer: String,
    evidence: Evidence,
}

#[derive(Debug)]
enum Evidence {
    /// Sentences of the document, as annotators wrote them down.
    Sentences(Vec<String>),
    /// Parts of the document, in bytes.
    Parts(Vec<Range<usize>>),
}

impl Case {
    /// The share of the evidence sentences that the quotes hold; for parts, the share of the quotes that lie in them.
    pub(crate) fn found_by(&self, quotes: &[Quoted]) -> f64 {
        let count = |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
        match &self.evidence {
            Evidence::Sentences(all) => {
                let found =
                    all.iter().filter(|one| quotes.iter().any(|quote| holds(&quote.text, one))).count();
                count(found) / count(all.len().max(1))
            }
            Evidence::Parts(parts) => {
                let inside = |quote: &&Quoted| parts.iter().any(|part| part.contains(&quote.start));
                let length: usize = quotes.iter().map(Quoted::length).sum();
                count(quotes.iter().filter(inside).map(Quoted::length).sum()) / count(length.max(1))
            }
        }
    }
}

impl Case {
    /// The document without the sentences that hold evidence: nearly always, one that answers the question no more.
    pub(crate) fn without_evidence(&self) -> String {
        let mut rest = String::new();
        for range in sentences(&self.text) {
            let sentence = self.text.get(range.clone()).unwrap_or("");
            let evidence = match &self.evidence {
                Evidence::Sentences(all) => all.iter().any(|one| holds(sentence, one)),
                Evidence::Parts(parts) => parts.iter().any(|part| part.contains(&range.start)),
            };
            if !evidence {
                rest += sentence;
            }
        }
        rest
    }
}

/// A question about the example archive; one without an answer is not answered there.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct Fact {
    pub(crate) question: String,
    #[serde(default)]
    pub(crate) answer: Option<String>,
    #[serde(default, deserialize_with = "one_or_more")]
    pub(crate) gold: Vec<String>,
}

fn one_or_more<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let value: Value = serde::Deserialize::deserialize(deserializer)?;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    Ok(value
        .as_array()
        .map_or_else(|| text(&value).into_iter().collect(), |all| all.iter().filter_map(text).collect()))
}

pub(crate) fn facts() -> Vec<Fact> {
    serde_yaml::from_str(include_str!("../../tests/fixtures/archive_facts.yaml")).expect("the facts are YAML")
}

/// The text of the example archive.
pub(crate) fn archive() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/archive");
    let files = walkdir::WalkDir::new(folder).sort_by_file_name().into_iter().filter_map(Result::ok);
    let files = files.filter(|entry| entry.file_type().is_file());
    let text =
        |entry: walkdir::DirEntry| std::fs::read_to_string(entry.path()).expect("a file of the archive");
    files.map(text).collect::<Vec<_>>().join("\n\n")
}

/// Every set of questions, under the name of its table row.
pub(crate) fn sets(data: &Path) -> Vec<(&'static str, Vec<Case>)> {
    vec![
        ("QMSum val, specific", meetings(&data.join("qmsum/val.jsonl.gz"))),
        ("LooGLE short dependency", articles(&data.join("loogle/shortdep_qa.jsonl.gz"))),
        ("LooGLE long dependency", articles(&data.join("loogle/longdep_qa.jsonl.gz"))),
    ]
}

/// Reads a file compressed with gzip.
pub(crate) fn read(path: &Path) -> String {
    let output = Command::new("gzip").arg("-dc").arg(path).output().expect("gzip runs");
    assert!(output.status.success(), "cannot read {}", path.display());
    String::from_utf8(output.stdout).expect("the file is text")
}

/// Puts a sentence between two sentences of a text.
pub(crate) fn hide(text: &str, needle: &str, depth: usize, depths: usize) -> String {
    let wanted = text.len() * depth / depths + text.len() / depths / 2;
    let at = sentences(text).map(|range| range.end).find(|end| *end >= wanted).unwrap_or(text.len());
    let (before, after) = text.split_at(at);
    format!("{before}{needle} {after}")
}

fn lines(path: &Path) -> Vec<Value> {
    read(path).lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

fn text_of(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn meetings(path: &Path) -> Vec<Case> {
    let mut cases = Vec::new();
    for meeting in lines(path) {
        let mut text = String::new();
        let mut turns = Vec::new();
        for turn in list(&meeting["meeting_transcripts"]) {
            let start = text.len();
            text += &format!("{}: {}\n\n", text_of(&turn["speaker"]), text_of(&turn["content"]));
            turns.push(start..text.len());
        }
        for query in list(&meeting["specific_query_list"]) {
            let turn = |span: &Value, side: usize| turns.get(text_of(&span[side]).parse::<usize>().ok()?);
            let part = |span: &Value| Some(turn(span, 0)?.start..turn(span, 1)?.end);
            let parts = list(&query["relevant_text_span"]).iter().filter_map(part).collect();
            let question = text_of(&query["query"]).to_owned();
            let answer = text_of(&query["answer"]).to_owned();
            cases.push(Case { text: text.clone(), question, answer, evidence: Evidence::Parts(parts) });
        }
    }
    cases
}

pub(crate) fn articles(path: &Path) -> Vec<Case> {
    let mut cases = Vec::new();
    for article in lines(path) {
        for pair in list(&from_python(text_of(&article["qa_pairs"]))) {
            let given = match &pair["S"] {
                Value::Array(all) => all.iter().map(text_of).collect::<Vec<_>>().join("\n\n"),
                one => text_of(one).to_owned(),
            };
            let all = sentences(&given).filter_map(|range| given.get(range)).map(str::trim);
            let evidence: Vec<String> =
                all.filter(|one| one.split_whitespace().count() >= 4).map(str::to_owned).collect();
            if !evidence.is_empty() {
                let question = text_of(&pair["Q"]).to_owned();
                let text = text_of(&article["input"]).to_owned();
                let answer = text_of(&pair["A"]).to_owned();
                cases.push(Case { text, question, answer, evidence: Evidence::Sentences(evidence) });
            }
        }
    }
    cases
}

/// Questions over articles of an encyclopedia; the evidence is the sentence that the answer stands in.
pub(crate) fn passages(path: &Path) -> Vec<Case> {
    let all: Value = serde_json::from_str(&read(path)).expect("the file is JSON");
    let mut cases = Vec::new();
    for article in list(&all["data"]) {
        let paragraphs = list(&article["paragraphs"]);
        let contexts: Vec<&str> = paragraphs.iter().map(|paragraph| text_of(&paragraph["context"])).collect();
        let text = contexts.join("\n\n");
        for (paragraph, context) in paragraphs.iter().zip(&contexts) {
            for pair in list(&paragraph["qas"]) {
                let answer = &pair["answers"][0];
                // Offsets of the set count characters.
                let before = usize::try_from(answer["answer_start"].as_u64().unwrap_or(0)).unwrap_or(0);
                let at: usize = context.chars().take(before).map(char::len_utf8).sum();
                let sentence = sentences(context).find(|range| range.contains(&at));
                let Some(evidence) = sentence.and_then(|range| context.get(range)) else { continue };
                cases.push(Case {
                    text: text.clone(),
                    question: text_of(&pair["question"]).to_owned(),
                    answer: text_of(&answer["text"]).to_owned(),
                    evidence: Evidence::Sentences(vec![evidence.trim().to_owned()]),
                });
            }
        }
    }
    cases
}

/// Documents with a summary of each, as people wrote it.
pub(crate) fn summarized(data: &Path) -> Vec<(&'static str, Vec<(String, String)>)> {
    let meeting = |meeting: Value| {
        let turn = |turn: &Value| format!("{}: {}\n\n", text_of(&turn["speaker"]), text_of(&turn["content"]));
        let text = list(&meeting["meeting_transcripts"]).iter().map(turn).collect();
        (text, text_of(&meeting["general_query_list"][0]["answer"]).to_owned())
    };
    let paper = |paper: Value| (text_of(&paper["input"]).to_owned(), text_of(&paper["output"]).to_owned());
    let report =
        |report: Value| (text_of(&report["input"]).to_owned(), text_of(&report["outputs"][0]).to_owned());
    let all = |name: &str| lines(&data.join(name)).into_iter();
    vec![
        ("QMSum val, whole meetings", all("qmsum/val.jsonl.gz").map(meeting).collect()),
        ("LooGLE papers", all("loogle/longdep_summarization.jsonl.gz").map(paper).collect()),
        ("L-Eval government reports", all("leval/gov_report_summ.jsonl.gz").map(report).collect()),
    ]
}

/// Reads what Python prints for lists and maps of texts: JSON with quotation marks of either kind.
fn from_python(text: &str) -> Value {
    let mut json = String::new();
    let mut open = None;
    let mut signs = text.chars();
    while let Some(sign) = signs.next() {
        match (open, sign) {
            (None, '\'' | '"') => {
                open = Some(sign);
                json.push('"');
            }
            (Some(mark), _) if mark == sign => {
                open = None;
                json.push('"');
            }
            (Some(_), '"') => json += "\\\"",
            (Some(_), '\\') => match signs.next() {
                Some('\'') => json.push('\''),
                Some('x') => json += "\\u00",
                Some(escaped) => json.extend(['\\', escaped]),
                None => {}
            },
            _ => json.push(sign),
        }
    }
    serde_json::from_str(&json)
        .unwrap_or_else(|error| panic!("{error} in {}", json.get(..200).unwrap_or(&json)))
}
