//! What is forgotten is gone from every file of the session.

use std::fs;
use std::path::Path;

use crate::longhand::Longhand;

/// The files below a folder that hold `needle`, as it is or packed in a record.
fn holding(folder: &Path, needle: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(holding(&path, needle));
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        let frames = bytes.windows(4).enumerate().filter(|(_, head)| *head == [0x28, 0xb5, 0x2f, 0xfd]);
        let packed = frames.filter_map(|(at, _)| {
            let mut text = Vec::new();
            let mut decoder = zstd::stream::read::Decoder::new(&bytes[at..]).ok()?.single_frame();
            std::io::Read::read_to_end(&mut decoder, &mut text).ok().map(|_| text)
        });
        let all: Vec<Vec<u8>> = packed.chain([bytes.clone()]).collect();
        let holds = |text: &Vec<u8>| text.windows(needle.len()).any(|part| part == needle.as_bytes());
        if all.iter().any(holds) {
            found.push(path.display().to_string());
        }
    }
    found
}

#[test]
fn forgetting_takes_a_turn_out_of_every_file() {
    let longhand = Longhand::new();
    let padding = "The weather was fair and we walked along the shore for hours. ".repeat(30);
    longhand.say("f", "I keep bees.");
    longhand.say("f", &format!("My secret word is Quetzalcoatlus. {padding}"));
    longhand.say("f", "What is my secret word?");
    longhand.say("f", "It is late.");
    let home = longhand.home();
    assert!(!holding(&home, "Quetzalcoatlus").is_empty(), "the search finds what is there");
    // The third turn only echoes the question; the scripted model does not repeat the word.
    let told = longhand.typed("f", "/forget 2\n/recall secret word\n/quit\n");
    assert!(told.stdout.contains("1 turn is deleted"), "{}", told.shown());
    assert_eq!(holding(&home, "Quetzalcoatlus"), Vec::<String>::new());
    longhand.say("f", "Tyrannosaurus was a mistake.");
    let undone = longhand.typed("f", "/undo\n/quit\n");
    assert!(undone.stdout.contains("turn 5 is taken back"), "{}", undone.shown());
    assert!(!holding(&home, "Tyrannosaurus").is_empty(), "taken back is not deleted");
    let told = longhand.typed("f", "/forget 5\n/quit\n");
    assert!(told.stdout.contains("1 turn is deleted"), "{}", told.shown());
    assert_eq!(holding(&home, "Tyrannosaurus"), Vec::<String>::new());
    longhand.say("f", "The Archaeopteryx is mine.");
    let edited = longhand.typed("f", "/edit 5 The parrot is mine.\n/turn 5\n/memory\n/quit\n");
    assert!(
        edited.stdout.contains("before it was put right: The Archaeopteryx is mine."),
        "{}",
        edited.shown()
    );
    assert!(!holding(&home, "Archaeopteryx").is_empty(), "put right is not deleted");
    longhand.typed("f", "/forget 5\n/quit\n");
    assert_eq!(holding(&home, "Archaeopteryx"), Vec::<String>::new());
    assert_eq!(holding(&home, "parrot"), Vec::<String>::new());
    let kept = longhand.session("f");
    assert_eq!(kept.iter().map(|turn| turn["turn"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 3, 4]);
    let next = longhand.say("f", "And the bees?");
    assert_eq!((next.code, &next.json()["turn"]), (Some(0), &serde_json::json!(5)), "{}", next.shown());
}
