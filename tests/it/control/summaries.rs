//! Reasoning in rounds: `carry: summary`, the shipped methods over it, and `think`.

use serde_json::Value;

use super::only_run;
use crate::longhand::{Ended, Longhand};

const SCRIPT: &str = "
context: 4000
max_output: 400
prefill: PREFILL
echo_words: 3
rules:
  - {when: '<history>two</history>', say: \"<think>\\nthird\\n</think>\\nIt is \\\\boxed{8}.\"}
  - {when: '<history>one</history>', say: \"<think>\\nsecond\\n</think>\\n<summary>\\ntwo\\n</summary> and more\"}
  - {when: 'What is seven', say: \"<think>\\nfirst\\n</think>\\n<summary>\\none\\n</summary>\"}
";

fn prepared(script: &str) -> Longhand {
    let longhand = Longhand::new();
    longhand.file("script.yaml", script);
    longhand
}

fn think(longhand: &Longhand, more: &[&str]) -> Ended {
    longhand.run(&[&["think", "What is seven and one?", "--model", "scripted:script.yaml"], more].concat())
}

/// Every request of the only run: its messages as `role: content`.
fn asked(longhand: &Longhand) -> Vec<Vec<String>> {
    let run = only_run(longhand);
    let report = longhand.run(&["runs", "show", &run, "--json"]).json();
    let message = |message: &Value| {
        format!("{}: {}", message["role"].as_str().unwrap(), message["content"].as_str().unwrap())
    };
    let call = |number: usize| {
        let call = longhand.run(&["runs", "show", &run, "--call", &number.to_string(), "--json"]).json();
        call["request"]["messages"].as_array().unwrap().iter().map(message).collect()
    };
    (0..report["calls"].as_array().unwrap().len()).map(call).collect()
}

#[test]
fn a_round_sees_the_question_and_the_last_summary_and_an_answer_without_one_concludes() {
    let longhand = prepared(&SCRIPT.replace("PREFILL", "true"));
    let ended = think(&longhand, &["--trained", "--json", "--export-rounds", "rounds.jsonl"]);
    assert_eq!(ended.code, Some(0), "{}", ended.shown());
    let report = ended.json();
    assert_eq!(report["answer"], "It is \\boxed{8}.");
    let told = &report["rounds"][0];
    let told = (&told["node"], &told["rounds"], &told["recovered"], &told["end"]);
    assert_eq!(told, (&"answer".into(), &3.into(), &0.into(), &"concluded".into()), "{report}");
    let question = "user: What is seven and one?";
    assert_eq!(
        asked(&longhand),
        [
            vec![question],
            vec![question, "assistant: <history>one</history>"],
            vec![question, "assistant: <history>two</history>"],
        ]
    );
    let lines = std::fs::read_to_string(longhand.work().join("rounds.jsonl")).unwrap();
    let told: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let instance =
        |history: Option<&str>, reasoning: &str, summary: Option<&str>, conclusion: Option<&str>| {
            serde_json::json!({
                "question": "What is seven and one?", "history": history, "reasoning": reasoning,
                "summary": summary, "conclusion": conclusion,
            })
        };
    let expected = [
        instance(None, "first", Some("one"), None),
        instance(Some("one"), "second", Some("two"), None),
        instance(Some("two"), "third", None, Some("It is \\boxed{8}.")),
    ];
    assert_eq!(told, expected);
    let run = only_run(&longhand);
    let again = longhand.run(&["runs", "show", &run, "--export-rounds", "rounds.jsonl"]);
    assert_eq!(again.code, Some(2), "{}", again.shown());
    let again = longhand.run(&["runs", "show", &run, "--export-rounds", "again.jsonl"]);
    assert_eq!(again.code, Some(0), "{}", again.shown());
    assert_eq!(std::fs::read_to_string(longhand.work().join("again.jsonl")).unwrap(), lines);
}

#[test]
fn a_model_that_cannot_go_on_with_an_answer_is_told_to_go_on() {
    let script = SCRIPT.replace("PREFILL", "false").replace("'What is seven'", "'What is seven and one?'");
    let script = format!("{script}  - {{when: Go on from there., say: '8'}}\n");
    let longhand = prepared(&script);
    let ended = think(&longhand, &["--trained", "--json"]);
    assert_eq!(ended.json()["answer"], "8", "{}", ended.shown());
    let question = "user: What is seven and one?";
    let calls = asked(&longhand);
    assert_eq!(calls[1], [question, "assistant: <history>one</history>", "user: Go on from there."]);
}

#[test]
fn a_single_round_is_the_plain_calls_answer() {
    for said in ["It is 8.", "<think>one</think>It is 8."] {
        let longhand = prepared(&format!("rules: [{{when: '', say: '{said}'}}]\n"));
        let ended = think(&longhand, &["--json"]);
        assert_eq!(ended.json()["answer"], "It is 8.", "{}", ended.shown());
        assert_eq!(ended.json()["calls"].as_array().unwrap().len(), 1);
    }
}

#[test]
fn a_round_that_is_cut_is_asked_for_its_summary_and_the_cap_is_an_end_of_its_own() {
    let thought = "and so it goes on without an end ".repeat(20);
    let script = format!(
        "context: 4000\nmax_output: 60\nprefill: true\nrules:\n  - {{when: '<summary>', say: found NUMBER things}}\n  - {{when: '', say: '<think>{thought}'}}\n"
    );
    let longhand = prepared(&script.replace("NUMBER", "some"));
    let ended =
        think(&longhand, &["--trained", "--rounds", "4", "--segment", "50", "--summary", "20", "--json"]);
    assert_eq!(ended.code, Some(0), "{}", ended.shown());
    let report = ended.json();
    // The second summary is the first one, word for word.
    assert_eq!(report["rounds"][0]["end"], "repeated", "{report}");
    assert_eq!((&report["rounds"][0]["rounds"], &report["rounds"][0]["recovered"]), (&2.into(), &2.into()));
    assert_eq!(report["answer"], "found some things");
    let calls = asked(&longhand);
    assert!(calls[1][1].starts_with("assistant: <think>\nand so it goes on"), "{calls:?}");
    assert!(calls[1][1].ends_with("\n</think>\n<summary>\n"), "{calls:?}");
    assert_eq!(calls[2][1], "assistant: <history>found some things</history>");
    for call in report["calls"].as_array().unwrap() {
        assert!(call["completion_tokens"].as_u64().unwrap() <= 50);
    }

    let longhand = prepared(&SCRIPT.replace("PREFILL", "true"));
    let ended = think(&longhand, &["--trained", "--rounds", "2", "--json"]);
    let report = ended.json();
    assert_eq!(
        (&report["rounds"][0]["end"], &report["answer"]),
        (&"at_most".into(), &"two".into()),
        "{report}"
    );
    let told = longhand.run(&["runs", "show", &only_run(&longhand)]);
    assert!(told.stdout.contains("two"), "{}", told.shown());
}

#[test]
fn numbers_that_are_no_numbers_are_refused_before_anything_is_asked() {
    let longhand = prepared(&SCRIPT.replace("PREFILL", "true"));
    for wrong in [["--rounds", "0"], ["--rounds", "1001"], ["--segment", "0"], ["--summary", "99999999999"]] {
        let ended = think(&longhand, &wrong);
        assert_eq!(ended.code, Some(2), "{}", ended.shown());
        assert!(ended.stderr.contains("is not in 1..="), "{}", ended.shown());
    }
    let input = ["run", "inftythink", "script.yaml", "-p", "question=What?", "-p", "most_rounds=0"];
    let ended = longhand.run(&[&input[..], &["--model", "scripted:script.yaml"]].concat());
    assert_eq!(ended.code, Some(1), "{}", ended.shown());
    let expected = "`most_rounds` is `0`: expected a whole number from 1 to 1000";
    assert!(ended.stderr.contains(expected), "{}", ended.shown());
    let ended = think(&longhand, &["--export-rounds", "nowhere/rounds.jsonl"]);
    assert_eq!(ended.code, Some(2), "{}", ended.shown());
    assert!(ended.stderr.contains("there is no folder `nowhere`"), "{}", ended.shown());
    let ended = think(&longhand, &["--method", "chain-of-agents", "--segment", "9"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("has no input `segment`"), "{}", ended.shown());
}

#[test]
fn a_plan_of_rounds_is_no_less_than_what_they_take() {
    let longhand = prepared(&SCRIPT.replace("PREFILL", "true"));
    let planned = longhand.run(&[
        "plan",
        "think",
        "What is seven and one?",
        "--model",
        "scripted:script.yaml",
        "--json",
    ]);
    assert_eq!(planned.code, Some(0), "{}", planned.shown());
    let worst = planned.json()["worst"].clone();
    assert_eq!(worst["calls"], 20, "ten rounds, and a question for the summary of each");
    let report = think(&longhand, &["--json"]).json();
    assert!(worst["prompt_tokens"].as_u64() >= report["usage"]["prompt_tokens"].as_u64());
}

#[test]
fn a_part_is_read_again_where_an_answer_asks_for_it_and_never_too_often() {
    let longhand = prepared(
        "context: 700\nmax_output: 40\nrules:\n  - {when: 'Part 2 of', say: 'two <reread>1</reread>'}\n  - {when: 'two', say: three}\n  - {when: 'Part 1 of', say: one}\n  - {when: '', say: 'more <reread>9</reread>'}\n",
    );
    longhand.file("a.md", crate::longhand::document(160));
    let ended =
        longhand.run(&["run", "iterative-summary", "a.md", "--model", "scripted:script.yaml", "--json"]);
    assert_eq!(ended.code, Some(0), "{}", ended.shown());
    let calls = asked(&longhand);
    let part = |call: &Vec<String>| call[0]["user: Part ".len()..].split(' ').next().unwrap().to_owned();
    let parts: Vec<String> = calls.iter().map(part).collect();
    assert_eq!(parts[..4], ["1", "2", "1", "3"], "{parts:?}");
    let count: usize = calls[0][0].split(" of ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    assert_eq!(parts.len(), count + 1);
    assert!(!calls[2][0].contains("<reread>1</reread>"), "{}", calls[2][0]);
}

#[test]
fn long_chains_become_rounds_to_train_on_and_a_bad_line_costs_only_itself() {
    let longhand = prepared(
        "context: 4000\nmax_output: 100\nrules:\n  - {when: 'two is', say: '* two'}\n  - {when: 'one is', say: '* one'}\n  - {when: '', say: '* more'}\n",
    );
    let paragraph =
        |word: &str| format!("So {word} is found here after some thought. Then we go on with it.");
    let reasoning = [paragraph("one"), paragraph("two"), paragraph("three")].join("\n\n");
    let chain = serde_json::json!({"question": "How many?", "reasoning": reasoning, "conclusion": "Three."});
    longhand.file("chains.jsonl", format!("{chain}\n{{\"no\": 1}}\n{chain}\n"));
    let args = ["think", "--convert", "chains.jsonl", "--export-rounds", "out.jsonl", "--segment", "20"];
    let ended = longhand.run(&[&args[..], &["--model", "scripted:script.yaml"]].concat());
    assert_eq!(ended.code, Some(5), "{}", ended.shown());
    assert!(ended.stderr.contains("chains.jsonl:2: expected `question`"), "{}", ended.shown());
    assert_eq!(ended.stdout, "");
    let lines = std::fs::read_to_string(longhand.work().join("out.jsonl")).unwrap();
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 6);
    assert_eq!(lines[0]["reasoning"], paragraph("one"));
    assert_eq!((&lines[0]["history"], &lines[0]["summary"]), (&Value::Null, &"* one".into()));
    assert_eq!((&lines[1]["history"], &lines[1]["summary"]), (&"* one".into(), &"* two".into()));
    assert_eq!((&lines[2]["history"], &lines[2]["summary"]), (&"* two".into(), &Value::Null));
    assert_eq!(
        (&lines[2]["reasoning"], &lines[2]["conclusion"]),
        (&paragraph("three").into(), &"Three.".into())
    );
    assert_eq!(lines[..3], lines[3..]);
    let onto = ["think", "--convert", "out.jsonl", "--export-rounds", "out.jsonl", "--force"];
    let refused = longhand.run(&[&onto[..], &["--model", "scripted:script.yaml"]].concat());
    assert_eq!(refused.code, Some(2), "{}", refused.shown());
    let left = std::fs::read_to_string(longhand.work().join("out.jsonl")).unwrap();
    assert_eq!(left.lines().count(), 6, "what is to be converted is not overwritten");
}

#[test]
fn samples_vote_by_what_they_conclude_however_they_write_it() {
    let longhand = prepared("rules: [{when: '', say: '<think>so</think>It is \\boxed{\\frac{1}{2}}.'}]\n");
    let ended = think(&longhand, &["--method", "inftythink-vote", "--json", "--no-cache"]);
    assert_eq!(ended.code, Some(0), "{}", ended.shown());
    let report = ended.json();
    assert_eq!(report["answer"], "\\frac{1}{2}");
    assert_eq!(report["rounds"].as_array().unwrap().len(), 5);
}

#[test]
fn rounds_that_were_interrupted_go_on_from_the_last_summary() {
    let longhand = prepared(&format!("latency_ms: 700\n{}", SCRIPT.replace("PREFILL", "true")));
    let args = ["think", "What is seven and one?", "--trained", "--model", "scripted:script.yaml"];
    let mut working = longhand.begin(&args);
    working.until("round 1: ");
    working.interrupt();
    let ended = longhand.wait(working);
    assert_eq!(ended.code, Some(130), "{}", ended.shown());
    let run = only_run(&longhand);
    let before = asked(&longhand).len();
    assert!((1..3).contains(&before), "{}", ended.shown());
    let resumed = longhand.run(&["runs", "resume", &run]);
    assert_eq!(resumed.code, Some(0), "{}", resumed.shown());
    assert!(resumed.stdout.contains("It is \\boxed{8}."), "{}", resumed.shown());
    assert!(resumed.stderr.contains(&format!("round {}: ", before + 1)), "{}", resumed.shown());
    assert!(resumed.stderr.contains("`answer`: 3 rounds; concluded"), "{}", resumed.shown());
    assert_eq!(asked(&longhand).len(), 3);
}
