//! `longhand eval memory hema`: the tables of the paper over a long chat that the test makes up.

use std::fmt::Write as _;
use std::fs;

use serde_json::{Value, json};

use super::own::fixture;
use crate::longhand::{Ended, Longhand};

/// The turns of the made-up chat: some more than the longest distance that can be asked for in it.
const TURNS: usize = 240;

const THINGS: [&str; 7] =
    ["the harbour", "a loaf of rye", "the timetable", "our roof", "the choir", "a map", "the well"];
const WORDS: [&str; 8] =
    ["leaks", "sings", "waits", "costs little", "is late", "was mended", "smells of tar", "turns slowly"];

/// Talk that says little, with one thing in it that is asked for at the end.
fn chat() -> String {
    let mut lines = String::new();
    for turn in 0..TURNS {
        let (thing, word) = (THINGS[turn % THINGS.len()], WORDS[turn / 3 % WORDS.len()]);
        let asked = match turn {
            20 => "The ferryman of Ostrey wears a copper earring.".to_owned(),
            _ => format!("What do you make of it that {thing} {word} on walk {turn}?"),
        };
        let answer = format!("{thing} {word}, and nobody has minded so far. ").repeat(3);
        for (id, role, content) in [(2 * turn, "user", asked), (2 * turn + 1, "assistant", answer)] {
            let line = json!({"role": role, "id": id, "time_anchor": "May-02-2024", "content": content});
            writeln!(lines, "{line}").unwrap();
        }
    }
    lines
}

fn prepared() -> Longhand {
    let longhand = Longhand::new();
    let questions = json!({"probing_questions": {
        "information_extraction": [{"question": "What does the ferryman of Ostrey wear?", "source_chat_ids": [40]}],
        "abstention": [{"question": "Who painted the ferry?"}],
    }});
    longhand.file("data/beam/500K-01.chat.jsonl", chat());
    longhand.file("data/beam/500K-01.questions.json", questions.to_string());
    longhand
        .file("data/locomo/locomo_dev7.json", fs::read(fixture().join("locomo/locomo_dev7.json")).unwrap());
    longhand
}

fn measured(longhand: &Longhand, more: &[&str]) -> Ended {
    longhand.run(&[&["eval", "memory"], more, &["--embedder", "none", "--data", "data"]].concat())
}

/// A cell of a table, by the beginning of its title and the names of its line and column.
fn cell(tables: &Value, title: &str, row: &str, column: &str) -> Option<f64> {
    let of = |table: &&Value| table["title"].as_str().unwrap().starts_with(title);
    let table =
        tables.as_array().unwrap().iter().find(of).unwrap_or_else(|| panic!("no {title:?} in {tables}"));
    let at = table["columns"].as_array().unwrap().iter().position(|name| name == column);
    let row = table["rows"].as_array().unwrap().iter().find(|line| line["name"] == row);
    row.unwrap_or_else(|| panic!("no {row:?} in {table}"))["cells"][at.unwrap()].as_f64()
}

#[test]
fn the_tables_of_the_paper_are_made_of_a_chat_of_our_own() {
    let longhand = prepared();
    let ended = measured(&longhand, &["hema", "--json"]);
    assert_eq!(ended.code, Some(0), "{}", ended.shown());
    let tables = ended.json();
    let of = |title: &str, row: &str, column: &str| cell(&tables, title, row, column);
    assert_eq!(tables.as_array().unwrap().len(), 6);

    // 90 turns can hold 15 facts, of which five are asked for in other words. The last turns alone do not reach back 150 turns;
    // both memories do.
    let title = "HEMA (a)";
    for (row, figures) in [
        ("facts, asked in the same words: raw", [10.0, 0.0, 0.0, 0.0, 0.0]),
        ("facts, asked in other words: raw", [5.0, 0.0, 0.0, 0.0, 0.0]),
        ("gold of BEAM: raw", [1.0, 0.0, 0.0, 0.0, 0.0]),
        ("gold of BEAM: compact and vector", [1.0, 1.0, 0.2, 1.0, 1.0]),
    ] {
        for (column, figure) in ["n", "in the prompt", "P@5", "R@50", "AUPRC"].into_iter().zip(figures) {
            let found = of(title, row, column).unwrap();
            assert!((found - figure).abs() < 1e-9, "{row}, {column}, {found}: {}", ended.shown());
        }
    }
    let (same, other) = ("facts, asked in the same words", "facts, asked in other words");
    for column in ["in the prompt", "R@50", "AUPRC"] {
        assert!(of(title, &format!("{same}: compact and vector"), column) >= Some(0.9), "{}", ended.shown());
    }
    // Whose thing it is does name the few facts about that person.
    assert!(of(title, &format!("{other}: compact and vector"), "R@50") >= Some(0.6), "{}", ended.shown());
    let most = of(title, &format!("{same}: the most that P@5 can be"), "P@5").unwrap();
    assert!((most - 0.2).abs() < 1e-9, "{most}");
    assert_eq!(of(title, "the paper, not comparable, other data: raw", "P@5"), Some(0.29));

    // Nothing can be asked for 500 turns later.
    assert!(of("HEMA (b)", "compact and vector", "50") >= Some(0.7), "{}", ended.shown());
    assert_eq!((of("HEMA (b)", "raw", "500"), of("HEMA (b)", "n", "500")), (None, Some(0.0)));

    // Some 260 turns of two to four passages: two prunings of half a percent take a few of them.
    let forgotten = "HEMA (c): what forgetting prunes";
    for reading in ["forgetting, the sign as intended", "forgetting, the sign as printed"] {
        let pruned = of(forgotten, reading, "passages pruned").unwrap();
        assert!((1.0..20.0).contains(&pruned), "{pruned}: {}", ended.shown());
        assert!(of(forgotten, reading, "of them gold").unwrap() <= 1.0);
    }
    for row in ["A: neither", "D: both, the sign as intended"] {
        assert!(
            of("HEMA (c): forgetting and", row, "R@50, facts, at the end") >= Some(0.7),
            "{}",
            ended.shown()
        );
        assert!(of("HEMA (c): forgetting and", row, "search, median ms") > Some(0.0));
    }
    let coherence = "HEMA (d)";
    let ours = "running summary at the end of the session";
    assert_eq!(of(coherence, ours, "n"), Some(3.0));
    assert!(
        of(coherence, ours, "F") > Some(0.1) && of(coherence, ours, "precision") < Some(1.0),
        "{}",
        ended.shown()
    );
}

#[test]
fn prompts_keep_their_size_over_a_chat_of_our_own() {
    let longhand = prepared();
    let ended = measured(&longhand, &["prompts"]);
    // Whether they still grow cannot be told of so short a chat.
    for told in ["| 240 | at most 3500, met |", "| turns lost from storage | 0.000 | 240 | at most 0, met |"]
    {
        assert!(ended.stdout.contains(told), "{told}: {}", ended.shown());
    }
}
