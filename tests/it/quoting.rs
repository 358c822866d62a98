//! What quotes are worth: the evidence is among them, they stand in their source byte for byte, and where there is no
//! evidence nothing is said.

use std::fs;
use std::path::{Path, PathBuf};

use longhand::text::sentences;
use serde_json::Value;

use crate::longhand::{Longhand, document};

const NEEDLE: &str = "The quartermaster of Vellisport keeps the spare lantern under the third stair.";
const ASKED: &str = "Where does the quartermaster of Vellisport keep the spare lantern?";

fn archive() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/archive")
}

/// The questions about the archive; one that it does not answer has no sentences.
fn facts() -> Vec<(String, Vec<String>)> {
    let facts: Vec<Value> = serde_yaml::from_str(include_str!("../fixtures/archive_facts.yaml")).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let gold = |fact: &Value| match &fact["gold"] {
        Value::Array(all) => all.iter().map(text).collect(),
        Value::Null => Vec::new(),
        one => vec![text(one)],
    };
    facts.iter().map(|fact| (text(&fact["question"]), gold(fact))).collect()
}

/// A project with one workflow that quotes, scored in one way.
fn project(score: &str, agent: &str) -> Longhand {
    let longhand = Longhand::new();
    longhand
        .file("longhand.yaml", "{}\n")
        .file("agents/picker.yaml", include_str!("../fixtures/quoting/agents/picker.yaml"))
        .file("prompts/picker.tera", include_str!("../fixtures/quoting/prompts/picker.tera"))
        .file(
            "workflows/pick.yaml",
            format!(
                "version: 1\nname: pick\ninputs: {{question: {{default: \"\"}}}}\nnodes:\n  chunks: {{split: {{for: \
                 pick, max_tokens: 200}}}}\n  pick: {{quote: {{over: chunks, agent: {agent}, keep_tokens: 200, \
                 question: question, propose: 12, score: {score}}}}}\noutput: pick\n"
            ),
        );
    longhand
}

fn ask(longhand: &Longhand, path: &Path, question: &str, method: &str) -> Value {
    let path = path.display().to_string();
    let ended =
        longhand.run(&["ask", &path, "-q", question, "--method", method, "--model", "scripted", "--json"]);
    assert_eq!(ended.code, Some(0), "{}", ended.shown());
    let report = ended.json();
    check_verbatim(&report, Path::new(&path));
    report
}

#[test]
fn every_summary_names_its_own_quotes() {
    let longhand = Longhand::new();
    longhand.file("in/1.md", document(30)).file("in/2.md", document(20));
    let args = ["summarize", "in", "-m", "quote-chain", "--model", "scripted", "--json"];
    let report = longhand.run(&args).json();
    let summaries = report["summaries"].as_array().unwrap();
    assert_eq!(summaries.len(), 3);
    for summary in summaries {
        let quotes = summary["quotes"].as_array().unwrap();
        let texts: Vec<String> = quotes
            .iter()
            .map(|quote| quote["text"].as_str().unwrap().split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        assert_eq!(summary["text"].as_str().unwrap(), texts.join("\n"));
        let own = |quote: &Value| summary["path"] == "." || quote["document"] == summary["path"];
        assert!(!quotes.is_empty() && quotes.iter().all(own), "{summary}");
    }
    let of_documents = summaries[..2].iter().flat_map(|summary| summary["quotes"].as_array().unwrap());
    assert_eq!(
        report["quotes"].as_array().unwrap().iter().collect::<Vec<_>>(),
        of_documents.collect::<Vec<_>>()
    );
}

/// Holds every quote of a report against the bytes of its document.
fn check_verbatim(report: &Value, root: &Path) -> usize {
    let quotes = report["quotes"].as_array().unwrap();
    for quote in quotes {
        let name = quote["document"].as_str().unwrap();
        let file = if root.is_dir() { root.join(name) } else { root.to_owned() };
        let bytes = fs::read(&file).unwrap();
        let at = |side: &str| usize::try_from(quote[side].as_u64().unwrap()).unwrap();
        let text = quote["text"].as_str().unwrap();
        assert_eq!(std::str::from_utf8(&bytes[at("start")..at("end")]).unwrap(), text, "{name}");
    }
    quotes.len()
}

fn texts(report: &Value) -> Vec<String> {
    let one_line =
        |quote: &Value| quote["text"].as_str().unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
    report["quotes"].as_array().unwrap().iter().map(one_line).collect()
}

/// As many sentences as fill `room` bytes.
fn fill<'a>(sentences: impl IntoIterator<Item = &'a String>, mut room: usize) -> Vec<&'a String> {
    let mut taken = Vec::new();
    for sentence in sentences {
        let Some(left) = room.checked_sub(sentence.len()) else { break };
        room = left;
        taken.push(sentence);
    }
    taken
}

#[test]
fn words_find_the_sentence_that_answers_and_a_beginning_of_equal_length_does_not() {
    let longhand = project("words", "asker");
    let mut all = Vec::new();
    for entry in walkdir::WalkDir::new(archive()).sort_by_file_name() {
        let entry = entry.unwrap();
        if entry.file_type().is_file() {
            let text = fs::read_to_string(entry.path()).unwrap();
            all.extend(
                sentences(&text).map(|range| text[range].split_whitespace().collect::<Vec<_>>().join(" ")),
            );
        }
    }
    let mut drawn: Vec<String> = all.clone();
    drawn.sort_by_key(|sentence| longhand::ContentHash::of(sentence.as_bytes()));
    let (mut found, mut lead, mut random, mut asked) = (0, 0, 0, 0);
    for (question, gold) in facts().into_iter().filter(|(_, gold)| gold.len() == 1) {
        let quotes = texts(&ask(&longhand, &archive(), &question, "pick"));
        let room = quotes.iter().map(String::len).sum();
        let holds = |quote: &String| quote.contains(&gold[0]);
        asked += 1;
        found += usize::from(quotes.iter().any(holds));
        lead += usize::from(fill(&all, room).into_iter().any(holds));
        random += usize::from(fill(&drawn, room).into_iter().any(holds));
    }
    assert_eq!(asked, 24);
    assert!(found >= 22, "{found} of {asked}");
    assert!(lead <= 4 && random <= 6, "lead {lead}, random {random} of {asked}");
}

#[test]
fn a_needle_is_found_at_every_depth_and_the_agent_reads_no_more_than_was_proposed() {
    let hay: Vec<String> = document(300).split_inclusive(". ").map(str::to_owned).collect();
    for depth in 0..10 {
        let longhand = Longhand::new();
        let at = hay.len() * depth / 9;
        let text = format!("{}{NEEDLE} {}", hay[..at].concat(), hay[at..].concat());
        longhand.file("hay.txt", text);
        let report = ask(&longhand, &longhand.work().join("hay.txt"), ASKED, "quote-answer");
        assert!(texts(&report).iter().any(|quote| quote == NEEDLE), "depth {depth}: {report}");
        let calls = report["calls"].as_array().unwrap().len();
        assert!(
            (3..=22).contains(&calls),
            "one without a passage, one for each proposed, one for the answer: {calls}"
        );
    }
}

#[test]
fn what_the_source_does_not_speak_of_is_not_found_and_no_model_is_asked() {
    let longhand = Longhand::new();
    let report = ask(&longhand, &archive(), "What salary does the ferrymaster receive?", "quote-answer");
    assert_eq!(report["answer"], "not found");
    assert_eq!(report["calls"], serde_json::json!([]));
    assert_eq!(report["quotes"], serde_json::json!([]));
}

#[test]
fn a_model_that_finds_no_answer_in_the_quotes_is_believed_and_the_quotes_are_shown() {
    let longhand = Longhand::new();
    longhand.file("hay.txt", format!("{NEEDLE} {}", document(40)));
    longhand.file("script.yaml", "rules:\n  - {when: \"Answer the question\", say: \"Not found.\"}\n");
    let args = ["ask", "hay.txt", "-q", ASKED, "--method", "quote-answer", "--model", "scripted:script.yaml"];
    let report = longhand.run(&[&args[..], &["--json"]].concat()).json();
    assert_eq!(report["answer"], "not found");
    assert!(texts(&report).iter().any(|quote| quote == NEEDLE), "{report}");
}

#[test]
fn a_chosen_number_becomes_a_quote_of_the_source_in_every_way_of_scoring() {
    for (score, agent) in
        [("choice", "picker"), ("likelihood", "asker"), ("fused", "asker"), ("words", "asker")]
    {
        let longhand = project(score, agent);
        let report = ask(&longhand, &archive(), "How did the ferrymaster hurt his wrist?", "pick");
        assert!(!texts(&report).is_empty(), "{score}");
        assert_eq!(report["calls"].as_array().unwrap().is_empty(), score == "words", "{score}");
        assert!(texts(&report).len() <= 12, "{score}");
    }
}

#[test]
fn a_summary_of_quotes_is_made_of_whole_statements_of_its_source_in_reading_order() {
    let longhand = Longhand::new();
    let path = archive().display().to_string();
    let ended =
        longhand.run(&["summarize", &path, "--method", "quote-chain", "--model", "scripted", "--json"]);
    let report = ended.json();
    assert!(check_verbatim(&report, &archive()) > 40);
    let quotes = report["quotes"].as_array().unwrap();
    let place =
        |quote: &Value| (quote["document"].as_str().unwrap().to_owned(), quote["start"].as_u64().unwrap());
    assert!(quotes.iter().map(place).is_sorted(), "in reading order");
    for text in texts(&report) {
        assert!(text.ends_with(['.', '!', '"', '”', ')', '*']), "{text}");
        assert!(!text.starts_with(['#', '|', '-']) && !text.starts_with("Dear "), "{text}");
    }
    let summaries = report["summaries"].as_array().unwrap();
    for summary in summaries {
        for line in summary["text"].as_str().unwrap().lines() {
            assert!(texts(&report).iter().any(|quote| quote == line), "{line}");
        }
    }
}
