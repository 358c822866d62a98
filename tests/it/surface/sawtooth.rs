//! `runs show --plot`: the numbers are those of the journal, and every run has a picture or a reason for none.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use longhand::ContentHash;
use longhand::model::{ChatModel, Script, ScriptedModel};
use longhand::report::Contexts;
use longhand::run::{Event, ModelRecord};
use longhand::text::TokenCount;
use serde_json::Value;

use crate::driven::Driven;
use crate::longhand::{Ended, Longhand, document};

/// Asks a question about a document of several chunks.
fn chained() -> (Longhand, Value) {
    let longhand = Longhand::new();
    longhand
        .file("in/a.md", document(120))
        .file("script.yaml", "context: 1000\nmax_output: 90\necho_words: 40\n");
    let args = ["ask", "in/a.md", "-q", "What?", "-m", "chain-of-agents", "--model", "scripted:script.yaml"];
    let report = longhand.run(&[&args[..], &["--json"]].concat()).json();
    (longhand, report)
}

fn plotted(longhand: &Longhand, report: &Value, more: &[&str]) -> Ended {
    longhand.run(&[&["runs", "show", report["run"].as_str().unwrap(), "--plot"], more].concat())
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no number"))
}

fn pairs(tokens: u64) -> u64 {
    tokens * (tokens + 1) / 2
}

/// The lengths of the contexts at the end of each call of a report.
fn lengths(report: &Value) -> Vec<u64> {
    let calls = report["calls"].as_array().unwrap();
    calls.iter().map(|call| number(&call["prompt_tokens"]) + number(&call["completion_tokens"])).collect()
}

#[test]
fn the_sums_of_a_document_read_in_chunks_are_those_of_its_journal() {
    let (longhand, report) = chained();
    let plot = plotted(&longhand, &report, &["a.svg", "--json"]).json();
    let schema = longhand.run(&["schema", "contexts"]).json();
    assert!(jsonschema::validator_for(&schema).unwrap().is_valid(&plot), "{plot}");
    let (calls, lengths) = (report["calls"].as_array().unwrap(), lengths(&report));
    let drawn = plot["calls"].as_array().unwrap();
    assert_eq!(drawn.len(), calls.len());
    for (drawn, call) in drawn.iter().zip(calls) {
        for tokens in ["prompt_tokens", "completion_tokens"] {
            assert_eq!(drawn[tokens], call[tokens]);
        }
    }
    assert_eq!(plot["models"][0]["window"], 1000);
    assert_eq!(plot["calls_took"]["pairs"], lengths.iter().copied().map(pairs).sum::<u64>());
    assert_eq!(plot["calls_took"]["peak_tokens"], *lengths.iter().max().unwrap());
    assert_eq!(plot["calls_took"]["kv_peak_bytes"], Value::Null, "nobody knows the shape of a script");
    // One chain reads the first prompt, then every other chunk, and keeps all that was generated.
    let chunks = report["documents"][0]["chunks"].as_array().unwrap();
    assert!(chunks.len() > 2, "{report}");
    let read: u64 = chunks[1..].iter().map(|chunk| number(&chunk["tokens"])).sum();
    let generated: u64 = calls.iter().map(|call| number(&call["completion_tokens"])).sum();
    let chain = number(&calls[0]["prompt_tokens"]) + read + generated;
    assert_eq!(plot["chain_took"]["peak_tokens"], chain);
    assert_eq!(plot["chain_took"]["pairs"], pairs(chain));
    let svg = fs::read_to_string(longhand.work().join("a.svg")).unwrap();
    assert!(svg.contains("window of scripted") && svg.ends_with("</svg>\n"), "{svg}");
}

#[test]
fn every_source_has_a_chain_of_its_own() {
    let longhand = Longhand::new();
    longhand.file("in/a.md", document(60)).file("in/b.md", document(60));
    longhand.file("script.yaml", "context: 1000\nmax_output: 90\necho_words: 40\n");
    let args = ["run", "refine", "in", "--model", "scripted:script.yaml", "--no-cache", "--json"];
    let report = longhand.run(&args).json();
    let ended = plotted(&longhand, &report, &[]);
    assert!(ended.stdout.contains("long chains, one a source, the longest of "), "{}", ended.shown());
    let took = plotted(&longhand, &report, &["--json"]).json();
    // Both documents say the same, so their chains do.
    let longest = number(&took["chain_took"]["peak_tokens"]);
    assert!(number(&took["chain_took"]["pairs"]) >= 2 * pairs(longest), "{took}");
    assert!(number(&took["chain_took"]["pairs"]) < 3 * pairs(longest), "{took}");
}

#[test]
fn rounds_are_held_against_the_first_prompt_and_all_that_was_generated() {
    let fixture = |name: &str| format!("{}/tests/fixtures/control/{name}", env!("CARGO_MANIFEST_DIR"));
    let longhand = Longhand::new();
    longhand.file("a.md", document(12));
    let model = format!("scripted:{}", fixture("scripted.yaml"));
    let report = longhand.run(&["run", &fixture("until.yaml"), "a.md", "--model", &model, "--json"]).json();
    let calls = report["calls"].as_array().unwrap();
    let generated: u64 = calls.iter().map(|call| number(&call["completion_tokens"])).sum();
    let plot = plotted(&longhand, &report, &["--json"]).json();
    assert_eq!(plot["chain_took"]["peak_tokens"], number(&calls[0]["prompt_tokens"]) + generated);
}

#[test]
fn a_run_is_drawn_in_the_terminal_and_no_other_file_is_overwritten() {
    let (longhand, report) = chained();
    let run = report["run"].as_str().unwrap();
    let drawn = plotted(&longhand, &report, &[]);
    assert_eq!(drawn.code, Some(0), "{}", drawn.shown());
    assert!(drawn.stdout.starts_with(&format!("run {run}: succeeded\n1000 ┤──")), "{}", drawn.shown());
    assert!(drawn.stdout.contains("█ prompt  ▒ generated"), "{}", drawn.shown());
    assert!(drawn.stdout.lines().all(|line| line.chars().count() <= 120), "{}", drawn.shown());
    assert!(drawn.stderr.contains(&format!("drawn in `[folder]/work/{run}.svg`")), "{}", drawn.shown());
    assert_eq!(plotted(&longhand, &report, &[]).stdout, drawn.stdout, "the same picture is no other");
    longhand.file("mine.svg", "mine");
    let refused = plotted(&longhand, &report, &["mine.svg"]);
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(2), ""), "{}", refused.shown());
    assert_eq!(fs::read_to_string(longhand.work().join("mine.svg")).unwrap(), "mine");
    assert_eq!(plotted(&longhand, &report, &["mine.svg", "--force"]).code, Some(0));
    let page = plotted(&longhand, &report, &["page.md"]);
    assert_eq!(page.code, Some(2), "{}", page.shown());
    assert!(page.stderr.contains("expected one that ends in `.svg`"), "{}", page.shown());
}

#[test]
fn a_run_without_calls_says_so_and_one_at_work_is_drawn_as_it_stands() {
    let longhand = Longhand::new();
    longhand.file("a.png", b"\x89PNG\0").file("in/b.md", document(300));
    longhand.run(&["ask", "a.png", "-q", "What?", "--model", "scripted"]);
    let run = longhand.run(&["runs", "list", "--json"]).json()[0].clone();
    let told = plotted(&longhand, &run, &[]);
    assert_eq!((told.code, told.stdout.as_str()), (Some(0), ""), "{}", told.shown());
    assert!(told.stderr.contains("failed; it has made no calls"), "{}", told.shown());
    assert!(!longhand.work().join(format!("{}.svg", run["run"].as_str().unwrap())).exists());
    longhand.run(&["runs", "rm", run["run"].as_str().unwrap()]);

    longhand.file("slow.yaml", "context: 1200\nmax_output: 64\nlatency_ms: 200\n");
    let mut working = longhand.begin(&[
        "ask",
        "in",
        "-q",
        "What?",
        "-m",
        "chain-of-agents",
        "--model",
        "scripted:slow.yaml",
    ]);
    working.until(" called ");
    let run = longhand.run(&["runs", "list", "--json"]).json()[0].clone();
    let drawn = plotted(&longhand, &run, &[]);
    assert!(drawn.stdout.contains(": running\n"), "{}", drawn.shown());
    working.kill();
    longhand.wait(working);
    let drawn = plotted(&longhand, &run, &["--force"]);
    assert!(drawn.stdout.contains(": interrupted\n") && drawn.stdout.contains('█'), "{}", drawn.shown());
}

#[test]
fn a_chat_is_drawn_turn_by_turn_or_whole() {
    let longhand = Longhand::new();
    let said = ["My dog is called Balthasar.", "I saw a heron along the canal.", "Where is the dog?"];
    let turns: Vec<Value> = said.iter().map(|text| longhand.say("mia", text).json()).collect();
    let listed = longhand.run(&["runs", "list", "--session", "mia", "--json"]).json();
    assert_eq!(listed.as_array().unwrap().len(), 3);
    let whole = longhand.run(&["runs", "show", "--session", "mia", "--plot", "--json"]).json();
    let names = |values: &Value| values.as_array().unwrap().clone();
    assert_eq!(names(&whole["runs"]), turns.iter().map(|turn| turn["run"].clone()).collect::<Vec<_>>());
    let mut lengths = Vec::new();
    for turn in &turns {
        let run = turn["run"].as_str().unwrap();
        let one = longhand.run(&["runs", "show", "-s", "mia", run, "--plot", "--json"]).json();
        lengths.extend(names(&one["calls"]));
    }
    assert_eq!(names(&whole["calls"]), lengths);
    // The whole chat in one context has less in it than all prompts together, and no less than what was said.
    let all: u64 = lengths.iter().map(|call| number(&call["prompt_tokens"])).sum();
    let generated: u64 = lengths.iter().map(|call| number(&call["completion_tokens"])).sum();
    let chain = number(&whole["chain_took"]["peak_tokens"]);
    let first = number(&lengths[0]["prompt_tokens"]);
    assert!(first + generated < chain && chain < all + generated, "{whole}");
    assert!(longhand.work().join("mia.svg").is_file());
    let none = longhand.run(&["runs", "show", "--session", "mia"]);
    assert_eq!(none.code, Some(2), "{}", none.shown());
    let none = longhand.run(&["runs", "show", "--session", "nobody", "--plot"]);
    assert!(none.stderr.contains("there is no session `nobody` in this store"), "{}", none.shown());
}

/// The events of a chain whose model keeps 10 bytes a token.
fn driven(folder: &Path) -> Vec<Event> {
    let input = folder.join("a.md");
    fs::write(&input, document(60)).unwrap();
    let script = Script { context: 1_000, max_output: 90, echo_words: Some(40), ..Script::default() };
    let model: Arc<dyn ChatModel> = Arc::new(ScriptedModel::new(script));
    let driven = Driven::new(folder, None, "chain-of-agents", &input, Arc::clone(&model));
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(driven.drive());
    let record = ModelRecord { window: TokenCount(1_000), kv_bytes: Some(10) };
    let known = BTreeMap::from([(model.identity().to_owned(), record)]);
    let with = |mut event| {
        if let Event::Started { models, .. } = &mut event {
            **models = known.clone();
        }
        event
    };
    driven.events().into_iter().map(with).collect()
}

#[test]
fn keys_and_values_follow_the_shape_that_the_journal_tells() {
    let folder = tempfile::tempdir().unwrap();
    let events = driven(folder.path());
    let took = Contexts::of("r", None, &events).calls_took;
    let tokens = events.iter().filter_map(|event| match event {
        Event::Called(call) => {
            Some(call.response.usage.prompt_tokens + call.response.usage.completion_tokens)
        }
        _ => None,
    });
    let tokens: Vec<u64> = tokens.map(|tokens| tokens.0).collect();
    assert_eq!(took.kv_peak_bytes, tokens.iter().max().map(|tokens| 10 * tokens));
    assert_eq!(took.kv_sum_bytes, Some(10 * tokens.iter().sum::<u64>()));
    assert_eq!(took.peak_tokens.0, *tokens.iter().max().unwrap());
}

#[test]
fn a_journal_of_an_older_version_has_pairs_and_no_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let older = |event: &Event| -> Event {
        let mut value = serde_json::to_value(event).unwrap();
        if let Some(started) = value.get_mut("started") {
            assert!(started.as_object_mut().unwrap().shift_remove("models").is_some());
        }
        serde_json::from_value(value).unwrap()
    };
    let events: Vec<Event> = driven(folder.path()).iter().map(older).collect();
    let contexts = Contexts::of("r", None, &events);
    assert_eq!((contexts.models[0].window, contexts.models[0].kv_bytes_per_token), (None, None));
    assert_eq!((contexts.calls_took.kv_peak_bytes, contexts.chain_took), (None, None));
    assert!(contexts.calls_took.pairs > 0);
}

#[test]
fn a_store_of_an_older_program_is_drawn_without_windows() {
    let longhand = Longhand::new();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/store-2");
    let before = ContentHash::of(&fs::read(fixture.join("VERSION")).unwrap());
    for entry in walkdir::WalkDir::new(&fixture).into_iter().map(Result::unwrap) {
        let to = longhand.work().join("kept").join(entry.path().strip_prefix(&fixture).unwrap());
        if entry.file_type().is_dir() {
            fs::create_dir_all(to).unwrap();
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
    let listed = longhand.run(&["runs", "list", "--store", "kept", "--json"]).json();
    for run in listed.as_array().unwrap() {
        let drawn = plotted(&longhand, run, &["--store", "kept"]);
        assert_eq!(drawn.code, Some(0), "{}", drawn.shown());
        assert!(drawn.stdout.contains("the journal does not tell the window of"), "{}", drawn.shown());
    }
    assert_eq!(ContentHash::of(&fs::read(longhand.work().join("kept/VERSION")).unwrap()), before);
}
