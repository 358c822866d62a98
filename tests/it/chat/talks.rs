//! What is said is remembered, found again and shown to the model within its bounds.

use crate::longhand::Longhand;

/// The parts of a kind that were in the prompt of an answer.
fn shown(answer: &serde_json::Value, part: &str) -> Vec<String> {
    let memory = answer["memory"].as_array().unwrap();
    let of_kind = memory.iter().filter(|one| one["part"] == part);
    of_kind.map(|one| one["text"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_first_day_is_known_after_many_turns_and_another_process() {
    let longhand = Longhand::new();
    let first = longhand.say("mia", "My dog Balthasar was born in Kaunas.");
    assert_eq!(first.code, Some(0), "{}", first.shown());
    assert_eq!(first.json()["memory"], serde_json::json!([]));
    for number in 0..6 {
        longhand.say("mia", &format!("Today I walked {number} miles along the canal."));
    }
    let asked = longhand.say("mia", "Where was Balthasar born?").json();
    assert_eq!(shown(&asked, "passage")[0], "My dog Balthasar was born in Kaunas.");
    assert_eq!(shown(&asked, "tail").len(), 4);
    assert!(asked["turn"] == 8 && asked["answer"].as_str().unwrap().starts_with("Where was"));
    let other = longhand.say("other", "Where was Balthasar born?").json();
    assert_eq!(other["memory"], serde_json::json!([]), "another session knows nothing of it");
    let listed = longhand.run(&["chat", "--list"]);
    assert_eq!(listed.stdout, "mia\nother\n");
}

#[test]
fn what_holds_for_every_answer_is_in_every_prompt() {
    let longhand = Longhand::new();
    longhand.say("s", "Hello there. From now on, answer in rhymes. What a day.");
    for number in 0..4 {
        longhand.say("s", &format!("Number {number} comes by train."));
    }
    let asked = longhand.say("s", "Who painted the ceiling?").json();
    assert_eq!(shown(&asked, "standing"), ["From now on, answer in rhymes."]);
}

#[test]
fn the_prompt_stays_within_a_small_window_however_long_the_messages() {
    let longhand = Longhand::new();
    longhand.file("small.yaml", "context: 2048\nmax_output: 256\n");
    let long =
        "The committee met in the old town hall and talked about the bridge for a long time. ".repeat(60);
    for number in 0..5 {
        let text = format!("{long} Motion {number} was carried.");
        let said = longhand.run(&[
            "chat",
            "-s",
            "w",
            "-m",
            &text,
            "--json",
            "--model",
            "scripted:small.yaml",
            "--embedder",
            "none",
        ]);
        assert_eq!(said.code, Some(0), "{}", said.shown());
        let memory = said.json()["memory"].as_array().unwrap().clone();
        let tokens: u64 = memory.iter().map(|part| part["tokens"].as_u64().unwrap()).sum();
        assert!(tokens <= 2048, "{tokens}");
    }
}

#[test]
fn commands_look_at_the_memory_and_put_it_right() {
    let longhand = Longhand::new();
    let told = longhand.typed(
        "c",
        "My sister Ilse lives in Graz.\nIt is raining.\n/recall sister\n/pin 2\n/edit 1 My sister Ilse lives in Linz.\n\
         Where does Ilse live?\n/memory\n/undo\n/turn 1\n/nonsense\n/summary\n/quit\nnever said\n",
    );
    assert_eq!(told.code, Some(0), "{}", told.shown());
    assert!(told.stdout.contains("[1, 20"), "{}", told.stdout);
    assert!(told.stdout.contains("because of: words (no. 1)"), "{}", told.stdout);
    assert!(told.stdout.contains("user: My sister Ilse lives in Linz."), "{}", told.stdout);
    assert!(told.stdout.contains("turn 3 is taken back"), "{}", told.stdout);
    assert!(told.stderr.contains("there is no command `/nonsense`"), "{}", told.stderr);
    let kept = longhand.session("c");
    assert_eq!(kept.len(), 2);
    assert_eq!(kept[0]["said"][0]["text"], "My sister Ilse lives in Linz.");
}

#[test]
fn what_was_put_right_is_shown_where_it_was_said_and_nowhere_else() {
    let longhand = Longhand::new();
    let told = longhand.typed(
        "p",
        "My sister Ilse lives in Graz.\nIt is raining.\n/edit 1 My sister Ilse lives in Linz.\n/memory\n/turn 1\n\
         Where does Ilse live?\n/memory\n/recall Graz\n/summary\n/quit\n",
    );
    let (before, after) =
        told.stdout.split_once("before it was put right: My sister Ilse lives in Graz.").unwrap();
    assert!(before.contains("the last prompt is not shown any more"), "{}", told.shown());
    assert!(
        after.contains("lives in Linz") && !after.contains("user: My sister Ilse lives in Graz"),
        "{}",
        told.shown()
    );
    let kept = &longhand.session("p")[0];
    assert_eq!(kept["earlier"], serde_json::json!([{"said": 0, "text": "My sister Ilse lives in Graz."}]));
    let markdown = longhand.run(&["chat", "-s", "p", "--export"]).stdout;
    assert!(
        markdown.contains("**user**, before it was put right:\n\nMy sister Ilse lives in Graz.\n"),
        "{markdown}"
    );
    longhand.file("p.md", markdown);
    longhand.run(&["chat", "-s", "q", "--import", "p.md", "--model", "scripted", "--embedder", "none"]);
    let again = longhand.session("q");
    assert_eq!(again[0]["said"], kept["said"]);
    assert_eq!(again[0]["earlier"], serde_json::Value::Null);
}

#[test]
fn a_chat_of_another_program_is_taken_in_with_its_holes_named() {
    let longhand = Longhand::new();
    longhand.file(
        "old.jsonl",
        "{\"role\":\"user\",\"content\":\"My boat is called Heron.\",\"time\":\"2023-05-07\"}\n{broken\n\
         {\"role\":\"assistant\",\"content\":\"A fine name.\"}\n",
    );
    let taken = longhand.run(&[
        "chat",
        "-s",
        "i",
        "--import",
        "old.jsonl",
        "--model",
        "scripted",
        "--embedder",
        "none",
    ]);
    assert_eq!(taken.code, Some(0), "{}", taken.shown());
    assert!(taken.stderr.contains("old.jsonl:2: left out"), "{}", taken.stderr);
    for text in ["One.", "Two."] {
        longhand.say("i", text);
    }
    let asked = longhand.say("i", "What was my boat called in May 2023?").json();
    let line = asked["memory"].as_array().unwrap().iter().find(|part| part["part"] == "passage").unwrap();
    assert_eq!(line["line"], "[1, 2023-05-07] user: My boat is called Heron.");
    assert!(line["why"].as_str().unwrap().contains("of the time asked about"));
    let markdown = longhand.run(&["chat", "-s", "i", "--export"]).stdout;
    longhand.file("again.md", markdown);
    longhand.run(&["chat", "-s", "j", "--import", "again.md", "--model", "scripted", "--embedder", "none"]);
    assert_eq!(longhand.session("j").len(), longhand.session("i").len());
}

#[test]
fn an_attached_file_is_recalled_with_its_name() {
    let longhand = Longhand::new();
    longhand.file("papers/lease.md", "# Lease\n\nThe rent of the mill is 340 crowns a year.\n");
    let attached =
        longhand.run(&["chat", "-s", "a", "--attach", "papers", "--model", "scripted", "--embedder", "none"]);
    assert_eq!(attached.code, Some(0), "{}", attached.shown());
    let asked = longhand.say("a", "What is the rent of the mill?").json();
    let found = shown(&asked, "passage");
    assert!(found.iter().any(|text| text.contains("340 crowns")), "{asked}");
    assert!(asked["memory"].to_string().contains("lease.md:0-51"), "{asked}");
}

#[test]
fn an_answer_that_is_known_from_before_is_shown_and_a_workflow_that_is_no_turn_is_refused() {
    let longhand = Longhand::new();
    let told = longhand.typed("u", "The lamp is broken.\n/undo\nThe lamp is broken.\n/quit\n");
    assert_eq!(told.stdout.matches("The lamp is").count(), 2, "{}", told.shown());
    let refused = longhand.run(&["chat", "-m", "Hello.", "--workflow", "tree", "--model", "scripted"]);
    assert_eq!(refused.code, Some(2), "{}", refused.shown());
    assert!(refused.stderr.contains("is no turn of a chat: it has no input `message`"), "{}", refused.stderr);
}

#[test]
fn names_with_paths_and_sessions_in_use_are_refused() {
    let longhand = Longhand::new();
    for name in [
        "../escape",
        "a/b",
        "/tmp/x",
        "",
        ".",
        "..",
        ".hidden",
        "a b",
        "a\nb",
        "\u{1b}[2J",
        &"x".repeat(65),
        &"x".repeat(5_000),
    ] {
        let refused = longhand.say(name, "Hello.");
        assert_eq!(refused.code, Some(2), "{name}: {}", refused.shown());
        assert!(!refused.stderr.contains('\u{1b}'), "{name:?}: {}", refused.shown());
    }
    assert!(!longhand.home().join("store/sessions").exists(), "nothing was made");
    let missing = longhand.run(&["chat", "-s", "nobody", "--export"]);
    assert_eq!(missing.code, Some(1), "{}", missing.shown());
    assert!(missing.stderr.contains("there is no session `nobody`"), "{}", missing.stderr);
}

#[test]
fn a_summary_may_be_written_at_every_third_turn_only() {
    let longhand = Longhand::new();
    let rules = "rules: [{when: 'Write one sentence', say: 'They talk about boats.'}]\n";
    longhand.file("script.yaml", rules);
    let summaries: Vec<Vec<String>> = (1..=4)
        .map(|number| {
            let message = format!("Boat number {number} is called Heron.");
            let way = ["--workflow", "chat-summarized", "--every", "3", "--embedder", "none"];
            let said = ["chat", "-s", "e", "-m", &message, "--json", "--model", "scripted:script.yaml"];
            let said = longhand.run(&[&said[..], &way[..]].concat());
            assert_eq!(said.code, Some(0), "{}", said.shown());
            shown(&said.json(), "summary")
        })
        .collect();
    assert!(summaries[2][0].starts_with("Boat number 1"), "chosen until one is written: {summaries:?}");
    assert_eq!(summaries[3], ["They talk about boats."]);
}
