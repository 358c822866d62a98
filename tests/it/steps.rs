//! Steps that choose, compare, extract and write, asserted on the prompts that a model was really sent.

use std::fs;

use serde_json::{Value, json};

use crate::longhand::{Ended, Longhand, document};

/// A project with one workflow `w`, made of these steps over the chunks of one document.
fn project(nodes: &str, script: &str, text: &str) -> Longhand {
    let longhand = Longhand::new();
    longhand.file("longhand.yaml", "");
    longhand.file(
        "workflows/w.yaml",
        format!("version: 1\nname: w\ninputs: {{question: {{default: \"\"}}}}\nnodes:\n{nodes}"),
    );
    for (name, prompt) in [
        (
            "lister",
            "List: {% for item in items %}<{{ item.number }}:{{ item.text }}> {% endfor %}{{ count }}",
        ),
        ("decider", "Item {{ index }} of {{ count }}: {{ item }}"),
        ("shower", "Show: {% for part in parts %}<{{ part.index }}:{{ part.text }}> {% endfor %}"),
        ("teller", "Tell: {{ chunk }}"),
        ("taker", "Take {{ index }}/{{ count }}: {{ chunk }} {{ schema }}"),
    ] {
        let agent = format!("version: 1\nname: {name}\nprompt: {name}\nmax_output: 60\n");
        longhand.file(&format!("agents/{name}.yaml"), agent);
        longhand.file(&format!("prompts/{name}.tera"), prompt);
    }
    longhand.file("script.yaml", script);
    longhand.file("text.md", text);
    longhand
}

fn run(longhand: &Longhand, more: &[&str]) -> Ended {
    let args = ["run", "w", "text.md", "--model", "scripted:script.yaml", "--json"];
    longhand.run(&[args.as_slice(), more].concat())
}

fn done(longhand: &Longhand, more: &[&str]) -> Value {
    let ended = run(longhand, more);
    assert_eq!(ended.code, Some(0), "{}", ended.shown());
    ended.json()
}

fn last_message(call: &Value) -> &str {
    call["request"]["messages"].as_array().unwrap().last().unwrap()["content"].as_str().unwrap()
}

fn text(report: &Value) -> &str {
    report["summaries"][0]["text"].as_str().unwrap()
}

const FIVE: &str = "One is red.\n\nTwo is blue.\n\nThree is green.\n\nFour is blue.\n\nFive is grey.\n";

/// One sentence a chunk.
const SPLIT: &str = "  parts:\n    split: {for: NEXT, max_tokens: 5}\n";

#[test]
fn retrieval_shows_the_best_passages_in_reading_order_and_nothing_else() {
    let longhand = Longhand::new();
    let needle = "The lamp of the ferry was lit by Ottilie Quern. ";
    let text = format!("{}{needle}{}", document(200), document(200));
    longhand.file("text.md", &text);
    let args = ["ask", "text.md", "-q", "Who lit the lamp?", "-m", "rag", "--model", "scripted", "--json"];
    let report = longhand.run(&args).json();
    let calls = longhand.calls();
    assert_eq!(calls.len(), 1, "retrieval asks no model");
    assert!(last_message(&calls[0]).contains(needle.trim()));
    let offset = |value: &Value| usize::try_from(value.as_u64().unwrap()).unwrap();
    let chunks = report["documents"][0]["chunks"].as_array().unwrap();
    let tokens: u64 = chunks.iter().map(|chunk| chunk["tokens"].as_u64().unwrap()).sum();
    assert!((7..=8).contains(&chunks.len()) && tokens <= 3000, "the report shows what was read: {tokens}");
    assert!(chunks.iter().map(|chunk| offset(&chunk["start"])).is_sorted());
    let mut at = 0;
    for chunk in chunks {
        let passage = &text[offset(&chunk["start"])..offset(&chunk["end"])];
        at += last_message(&calls[0])[at..].find(passage).expect("in reading order");
    }
    let read: u64 =
        chunks.iter().map(|chunk| chunk["end"].as_u64().unwrap() - chunk["start"].as_u64().unwrap()).sum();
    assert!(read < text.len() as u64, "the rest is left unread");
}

#[test]
fn a_ranking_orders_what_comes_after_it_and_goes_from_the_back() {
    let nodes = format!(
        "{}{}",
        SPLIT.replace("NEXT", "best"),
        "  best:\n    rank: {over: parts, agent: lister, window: 3, step: 2, top: 2}\n  \
         show:\n    call: {agent: shower, with: {parts: best}}\noutput: show\n"
    );
    let longhand = project(&nodes, "rules:\n  - {when: 'List:', say: 'I think [3] > [1].'}\n", FIVE);
    done(&longhand, &[]);
    let calls = longhand.calls();
    let lists: Vec<&str> = calls.iter().map(last_message).collect();
    assert!(lists[0].contains("<1:Three is green.") && lists[0].contains("<3:Five is grey."), "{lists:?}");
    assert!(lists[1].contains("<1:One is red.") && lists[1].contains("<3:Five is grey."), "{lists:?}");
    assert!(
        lists[2].starts_with("Show: <1:Five is grey.") && lists[2].contains("<2:One is red."),
        "{lists:?}"
    );
    assert_eq!(calls.len(), 3);
}

#[test]
fn a_filter_asks_about_each_thing_and_keeps_the_order() {
    let nodes = format!(
        "{}{}",
        SPLIT.replace("NEXT", "kept"),
        "  kept:\n    filter: {over: parts, agent: decider}\n  \
         show:\n    call: {agent: shower, with: {parts: kept}}\noutput: show\n"
    );
    let script = "rules:\n  - {when: blue, say: 'yes'}\n  - {when: Item, say: 'no'}\n";
    let longhand = project(&nodes, script, FIVE);
    done(&longhand, &[]);
    let calls = longhand.calls();
    assert_eq!(calls.len(), 6);
    assert!(calls[..5].iter().all(|call| call["request"]["output"]["choice"] == json!(["yes", "no"])));
    let shown = last_message(&calls[5]);
    assert!(shown.starts_with("Show: <1:Two is blue.") && shown.contains("<2:Four is blue."), "{shown}");
    assert!(!shown.contains("green") && !shown.contains("red"), "{shown}");
}

#[test]
fn a_condition_filters_without_asking() {
    let nodes = format!(
        "{}{}",
        SPLIT.replace("NEXT", "kept"),
        "  kept:\n    filter: {over: parts, keep_if: {not: {matches: '(?i)BLUE'}}}\n  \
         show:\n    call: {agent: shower, with: {parts: kept}}\noutput: show\n"
    );
    let longhand = project(&nodes, "{}", FIVE);
    done(&longhand, &[]);
    let calls = longhand.calls();
    assert_eq!(calls.len(), 1);
    let shown = last_message(&calls[0]);
    assert!(shown.contains("<1:One") && shown.contains("<2:Three") && shown.contains("<3:Five"), "{shown}");
    assert!(!shown.contains("blue"), "{shown}");
}

#[test]
fn merge_takes_the_answer_that_most_parts_give() {
    let longhand = Longhand::new();
    let script = "context: 400\nrules:\n  - {when: red, say: '1912'}\n  - {when: green, say: 'In 1913!'}\n  \
                  - {when: grey, say: 'in 1913'}\n  - {when: '', say: 'none'}\n";
    longhand.file("script.yaml", script);
    let long = |word: &str, count| format!("The door was {word} on that day. ").repeat(count);
    longhand.file("text.md", [long("red", 8), long("green", 40), long("grey", 40)].join("\n\n"));
    let args = ["ask", "text.md", "-q", "When?", "-m", "merge", "--model", "scripted:script.yaml", "--json"];
    let report = longhand.run(&args).json();
    let calls = longhand.calls();
    let answers: Vec<&str> = calls.iter().map(|call| call["response"]["text"].as_str().unwrap()).collect();
    assert!(
        answers.contains(&"1912") && answers.contains(&"In 1913!") && answers.contains(&"in 1913"),
        "{answers:?}"
    );
    assert_eq!(report["answer"], "In 1913!");
    assert!(calls.iter().all(|call| last_message(call).contains("Question: When?")));
}

#[test]
fn a_vote_by_numbers_hands_on_the_answer_that_most_texts_end_in() {
    let nodes = |by: &str| {
        let parts = SPLIT.replace("NEXT", "tell");
        format!(
            "{parts}  tell:\n    map: {{over: parts, agent: teller}}\n  \
             best:\n    vote: {{over: tell, by: {by}}}\noutput: best\n"
        )
    };
    let script = "rules:\n  - {when: One, say: 'I counted 3 boats. The answer is 7.'}\n  \
                  - {when: Two, say: 'I cannot say.'}\n  - {when: Three, say: 'It is $\\boxed{\\frac{1}{2}}$'}\n  \
                  - {when: Four, say: 'Half of it, so 50%.'}\n  - {when: Five, say: 'Nobody knows.'}\n";
    for (by, expected) in [("number", "\\frac{1}{2}"), ("math", "\\frac{1}{2}"), ("choice", "")] {
        let longhand = project(&nodes(by), script, FIVE);
        assert_eq!(text(&done(&longhand, &[])), expected, "by {by}");
        assert_eq!(longhand.calls().len(), 5, "a vote asks nobody");
    }
}

#[test]
fn a_judge_sees_numbered_answers_and_its_choice_is_handed_on_word_for_word() {
    let nodes = format!(
        "{}{}",
        SPLIT.replace("NEXT", "tell"),
        "  tell:\n    map: {over: parts, agent: teller}\n  best:\n    judge: {over: tell, agent: lister}\noutput: best\n"
    );
    let script = "rules:\n  - {when: 'List:', say: '4'}\n";
    let longhand = project(&nodes, script, FIVE);
    let report = done(&longhand, &[]);
    let calls = longhand.calls();
    let judge = calls.last().unwrap();
    assert_eq!(judge["request"]["output"]["choice"], json!(["1", "2", "3", "4", "5"]));
    let fourth = calls.iter().find(|call| last_message(call).contains("Four is")).unwrap();
    assert_eq!(text(&report), fourth["response"]["text"].as_str().unwrap().trim());
    assert!(last_message(judge).contains(&format!("<4:{}>", fourth["response"]["text"].as_str().unwrap())));
}

const EXTRACT: &str = "  parts:\n    split: {for: rows}\n  rows:\n    extract:\n      over: parts\n      agent: taker\n      \
    schema: {type: array, items: {type: object, properties: {n: {type: integer}}, required: [n]}}\noutput: rows\n";

#[test]
fn an_answer_that_breaks_the_schema_is_sent_back_with_what_is_wrong() {
    let script = "rules:\n  - {when: 'cannot be used', say: 'Sorry. [{\"n\": 2, \"note\": \"a|b\"}]'}\n  \
                  - {when: 'Take', say: '[{\"n\": \"two\"}]'}\n";
    let longhand = project(EXTRACT, script, FIVE);
    let report = done(&longhand, &[]);
    assert_eq!(report["summaries"][0]["records"], json!([{"n": 2, "note": "a|b"}]));
    assert_eq!(text(&report), "| n | note |\n|---|---|\n| 2 | a\\|b |");
    let calls = longhand.calls();
    assert_eq!(calls.len(), 2);
    assert!(last_message(&calls[0]).contains("\"required\""), "the prompt shows the schema");
    assert_eq!(calls[0]["request"]["output"]["json"]["type"], "array");
    let messages = calls[1]["request"]["messages"].as_array().unwrap();
    assert_eq!(messages.len(), 3);
    assert_eq!(messages[0], calls[0]["request"]["messages"][0]);
    assert_eq!(messages[1], json!({"role": "assistant", "content": "[{\"n\": \"two\"}]"}));
    let told = last_message(&calls[1]);
    assert!(told.contains("`0.n`") && told.contains("integer"), "{told}");
}

#[test]
fn an_answer_that_is_never_right_fails_after_the_last_repair_and_is_shown() {
    let longhand = project(EXTRACT, "rules:\n  - {when: '', say: 'There is nothing here.'}\n", FIVE);
    let ended = run(&longhand, &[]);
    assert_eq!(ended.code, Some(1), "{}", ended.shown());
    assert_eq!(longhand.calls().len(), 3, "asked once and sent back twice");
    let error = ended.json()["failed"][0]["error"].as_str().unwrap().to_owned();
    assert!(error.contains("asked 3 times") && error.contains("it is not JSON"), "{error}");
    assert!(error.ends_with("it was: There is nothing here."), "{error}");
}

#[test]
fn a_table_of_an_archive_names_the_document_of_every_row() {
    let longhand = Longhand::new();
    longhand.file(
        "script.yaml",
        "rules:\n  - {when: 'JSON Schema', say: '[{\"date\": \"1 May\", \"who\": \"Ada\", \"what\": \"came\"}]'}\n",
    );
    longhand.file("in/a.md", FIVE).file("in/b.md", FIVE);
    let args = ["run", "map-extract", "in", "--model", "scripted:script.yaml"];
    let report = longhand.run(&[args.as_slice(), &["--json"]].concat()).json();
    let row = |document: &str| json!({"date": "1 May", "who": "Ada", "what": "came", "document": document});
    let archive = report["summaries"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(archive["records"], json!([row("a.md"), row("b.md")]));
    let page = longhand.run(&args).stdout;
    assert!(
        page.contains("| date | who | what | document |\n|---|---|---|---|\n| 1 May | Ada | came | a.md |"),
        "{page}"
    );
}

const WRITE: &str = "  parts:\n    split: {for: rows}\n  rows:\n    extract: {over: parts, agent: taker, schema: {type: array}}\n  \
    file:\n    write: {from: rows, path: \"{{ question }}/{{ document }}.csv\", format: csv}\noutput: rows\n";
const ROWS: &str = "rules:\n  - {when: Take, say: '[{\"a\": \"x, y\", \"b\": 1}, {\"b\": \"\"}]'}\n";

#[test]
fn a_file_is_written_below_the_output_folder_and_never_over_another() {
    let longhand = project(WRITE, ROWS, FIVE);
    let question = ["-p", "question=tables", "-o", "out"];
    done(&longhand, &question);
    let file = longhand.work().join("out/tables/text.md.csv");
    assert_eq!(fs::read_to_string(&file).unwrap(), "a,b\r\n\"x, y\",1\r\n,\r\n");
    fs::remove_file(longhand.work().join("out/index.md")).unwrap();
    fs::remove_file(longhand.work().join("out/archive.md")).unwrap();
    fs::remove_file(longhand.work().join("out/text.md.md")).unwrap();
    let again = run(&longhand, &question);
    assert_eq!(again.code, Some(2), "{}", again.shown());
    assert!(again.stderr.contains("text.md.csv` exists already"), "{}", again.stderr);
    done(&longhand, &[question.as_slice(), &["--force"]].concat());
}

#[test]
fn a_file_outside_of_the_output_folder_is_refused_before_any_call() {
    let longhand = project(WRITE, ROWS, FIVE);
    let nowhere = run(&longhand, &["-p", "question=t"]);
    assert_eq!(nowhere.code, Some(2));
    assert!(
        nowhere.stderr.contains("writes a file (node `file`)") && nowhere.stderr.contains("-o DIR"),
        "{}",
        nowhere.stderr
    );
    for outside in ["..", "/tmp", "a/../../b"] {
        let ended = run(&longhand, &["-o", "out", "-p", &format!("question={outside}")]);
        assert_eq!(ended.code, Some(2), "{outside}: {}", ended.shown());
        assert!(ended.stderr.contains("no file inside the output folder"), "{outside}: {}", ended.stderr);
    }
    fs::create_dir_all(longhand.work().join("out")).unwrap();
    std::os::unix::fs::symlink(longhand.home(), longhand.work().join("out/away")).unwrap();
    let linked = run(&longhand, &["-o", "out", "-p", "question=away"]);
    assert_eq!(linked.code, Some(2), "{}", linked.shown());
    assert!(linked.stderr.contains("is a link"), "{}", linked.stderr);
    let runs = longhand.run(&["runs", "list", "--json"]).json();
    for run in runs.as_array().unwrap() {
        let report = longhand.run(&["runs", "show", run["run"].as_str().unwrap(), "--json"]).json();
        assert_eq!(report["calls"], json!([]), "nothing was spent");
    }
}

#[test]
fn demonstrations_of_the_agent_and_then_of_the_step_come_before_the_prompt() {
    let nodes = format!(
        "{}{}",
        SPLIT.replace("NEXT", "tell"),
        "  tell:\n    fold:\n      over: parts\n      agent: teller\n      examples: [{user: u2, assistant: a2}]\noutput: tell\n"
    );
    let longhand = project(&nodes, "{}", FIVE);
    let agent = "version: 1\nname: teller\nprompt: teller\nsystem: decider\nmax_output: 60\nexamples: [{user: u1, assistant: a1}]\n";
    longhand.file("agents/teller.yaml", agent).file("prompts/decider.tera", "Be brief.");
    done(&longhand, &[]);
    let call = &longhand.calls()[0];
    let messages = call["request"]["messages"].as_array().unwrap();
    let roles: Vec<&str> = messages.iter().map(|message| message["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["system", "user", "assistant", "user", "assistant", "user"]);
    let contents: Vec<&str> =
        messages[..5].iter().map(|message| message["content"].as_str().unwrap()).collect();
    assert_eq!(contents, ["Be brief.", "u1", "a1", "u2", "a2"]);
    assert!(last_message(call).starts_with("Tell: One is red."));
}

#[test]
fn demonstrations_count_in_the_budget_of_a_chunk() {
    let chunks = |examples: &str| {
        let nodes = format!(
            "  parts:\n    split: {{for: tell}}\n  tell:\n    fold:\n      over: parts\n      agent: teller\n      examples: {examples}\noutput: tell\n"
        );
        let longhand = project(&nodes, "context: 500", &document(60));
        let report = done(&longhand, &[]);
        for call in longhand.calls() {
            let prompt = call["response"]["usage"]["prompt_tokens"].as_u64().unwrap();
            assert!(prompt + 60 <= 500, "{prompt}");
        }
        report["documents"][0]["chunks"].as_array().unwrap().len()
    };
    let shown = format!("[{{user: {}, assistant: b}}]", "word ".repeat(150));
    assert!(chunks(&shown) > chunks("[]"));
}
