//! A message that is too long for a prompt is read part by part, and kept whole.

use crate::longhand::Longhand;

/// Whoever reads of the pot notes it, and whoever reads of the note says it again: the answer has it where the note got through.
const SCRIPT: &str = "context: 2048
max_output: 256
rules:
  - {when: 'lies under the blue pot', say: 'NOTED: the blue pot.'}
  - {when: 'NOTED: the blue pot.', say: 'NOTED: the blue pot.'}
";

fn told(longhand: &Longhand, text: &str) -> crate::longhand::Ended {
    longhand.file("said.txt", text);
    let stdin = std::fs::File::open(longhand.work().join("said.txt")).unwrap();
    let model = ["--model", "scripted:script.yaml", "--embedder", "none"];
    let mut command = longhand.command(&[&["chat", "-s", "l", "-m", "-", "--json"], &model[..]].concat());
    longhand.ended(command.stdin(stdin).output().unwrap())
}

#[test]
fn what_stands_in_the_middle_of_a_long_message_reaches_the_answer() {
    let longhand = Longhand::new();
    longhand.file("script.yaml", SCRIPT);
    let filler = "The ferry was late again and nobody on the pier minded. ".repeat(600);
    let text =
        format!("Read this for me. {filler}The key lies under the blue pot. {filler}Where is the key?");
    let first = told(&longhand, &text);
    assert_eq!(first.code, Some(0), "{}", first.shown());
    assert!(first.stderr.contains("read part by part"), "{}", first.stderr);
    assert_eq!(first.json()["answer"], "NOTED: the blue pot.");
    let kept = longhand.session("l");
    assert_eq!(kept[0]["said"][0]["text"], text.as_str(), "word for word");
    for text in ["One.", "Two."] {
        told(&longhand, text);
    }
    let asked = told(&longhand, "Tell me about the key and the pot.").json();
    assert!(asked["memory"].to_string().contains("The key lies under the blue pot."), "{asked}");
}

#[test]
fn a_window_too_small_to_read_part_by_part_is_used_as_it_is() {
    let longhand = Longhand::new();
    longhand.file("script.yaml", SCRIPT.replace("2048", "1024"));
    let half = "The ferry was late again and nobody on the pier minded. ".repeat(30);
    let said = told(&longhand, &half);
    assert!(said.code == Some(0) && !said.stderr.contains("part by part"), "{}", said.shown());
    longhand.file("script.yaml", SCRIPT.replace("2048", "200"));
    let said = told(&longhand, "Hello there.");
    assert_eq!(said.code, Some(1), "{}", said.shown());
    assert!(
        said.stderr.contains("`companion` leaves no room") && !said.stderr.contains("part by part"),
        "{}",
        said.shown()
    );
}

#[test]
fn a_message_of_more_than_a_megabyte_is_no_reason_to_fail() {
    let longhand = Longhand::new();
    longhand.file("script.yaml", SCRIPT.replace("2048", "200000"));
    let text = "not a word of it matters, 語語語語語語語語 \u{1b}[31m ".repeat(20_000);
    let first = told(&longhand, &format!("{text}\nWhat was that?"));
    assert_eq!(first.code, Some(0), "{}", first.shown());
    let next = told(&longhand, "And now?");
    assert_eq!(next.code, Some(0), "{}", next.shown());
}
