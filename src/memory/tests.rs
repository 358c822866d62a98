//! What a memory holds and shows, over whole chats.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::text::{ApproximateCounter, TokenCount, TokenCounter as _};

fn memory(forgetting: Option<Salience>) -> Memory {
    Memory::new(MemoryOptions { counter: Arc::new(ApproximateCounter), forgetting })
}

fn turned(turn: u32, user: &str, assistant: &str) -> MemoryEvent {
    let said = vec![Said::user(user), Said::assistant(assistant)];
    let episode = Episode { turn: Turn(turn), at_ms: Some(u64::from(turn) * 86_400_000), said };
    MemoryEvent::Turned { episode, recalled: Vec::new(), summary: None, run: None }
}

fn cue(text: &str) -> Cue<'_> {
    Cue { text, vector: None, at_ms: 1_000_000_000_000 }
}

fn shown(memory: &Memory, text: &str, kind: PartKind) -> Vec<String> {
    let found = memory.compose(&cue(text), Room::of(TokenCount(2_000)), &ApproximateCounter);
    found.parts.iter().filter(|part| part.kind == kind).map(Part::line).collect()
}

#[test]
fn an_answer_that_repeats_what_was_recalled_is_kept_and_not_indexed() {
    let mut memory = memory(None);
    memory.apply(&turned(1, "My grandmother kept the lighthouse at Skagen.", "How fine."));
    let place =
        memory.compose(&cue("lighthouse"), Room::alone(TokenCount(500)), &ApproximateCounter).recalled()[0];
    let before = memory.indexed();
    let said = vec![
        Said::user("Who kept the lighthouse?"),
        Said::assistant("Your grandmother kept the lighthouse at Skagen."),
    ];
    let episode = Episode { turn: Turn(2), at_ms: None, said };
    memory.apply(&MemoryEvent::Turned { episode, recalled: vec![place], summary: None, run: None });
    assert_eq!(memory.indexed(), before + 1, "the question alone");
    assert_eq!(memory.episode(Turn(2)).unwrap().said.len(), 2, "what was said is kept");
}

#[test]
fn a_correction_is_shown_beside_what_it_corrects() {
    let mut memory = memory(None);
    memory.apply(&turned(1, "The deadline of the harbour project is in May.", "Noted."));
    for turn in 2..6 {
        memory.apply(&turned(turn, &format!("Number {turn} is about the weather."), "I see."));
    }
    memory.apply(&turned(6, "Actually, the deadline of the harbour project is in June.", "Noted."));
    for turn in 7..10 {
        memory.apply(&turned(turn, &format!("Number {turn} is about the garden."), "I see."));
    }
    let lines = shown(&memory, "When is the deadline?", PartKind::Passage);
    assert!(lines.iter().any(|line| line.starts_with("[1, 1970-01-02, put right in 6]")), "{lines:?}");
    assert!(lines.iter().any(|line| line.contains("in June")), "{lines:?}");
}

#[test]
fn an_edit_an_undo_and_a_pin_change_what_is_found() {
    let mut memory = memory(None);
    memory.apply(&turned(1, "My sister lives in Graz.", "A fine town."));
    memory.apply(&turned(2, "My brother lives in Ulm.", "A fine town."));
    for turn in 3..6 {
        memory.apply(&turned(turn, "It rains.", "It does."));
    }
    memory.apply(&MemoryEvent::Edited { turn: Turn(1), said: 0, text: "My sister lives in Linz.".into() });
    memory.apply(&MemoryEvent::Pinned { turn: Turn(2) });
    let found = shown(&memory, "Where does my sister live?", PartKind::Passage).join("\n");
    assert!(found.contains("Linz") && !found.contains("Graz"), "{found}");
    assert_eq!(shown(&memory, "Anything", PartKind::Pin).len(), 2);
    assert!(!memory.compact().summary().contains("Graz"), "{}", memory.compact().summary());
    memory.apply(&turned(6, "My cat Moritz eats only herring.", "I see."));
    assert!(memory.compact().summary().contains("Moritz"));
    memory.apply(&MemoryEvent::Undone { turn: Turn(6) });
    assert!(!memory.compact().summary().contains("Moritz"), "what was taken back is summed up no more");
    assert!(memory.episode(Turn(6)).is_none());
    assert_eq!(memory.next_turn(), Turn(7), "no number is given twice");
}

/// A memory that forgets, one turn before it first does.
fn ninety_nine_turns() -> Memory {
    let mut memory = memory(Some(Salience::default()));
    for turn in 1..=99 {
        memory.apply(&turned(
            turn,
            &format!("Fact number {turn} about the old mill."),
            "Thank you for that.",
        ));
    }
    memory
}

#[test]
fn every_hundred_turns_half_a_percent_leaves_the_index_and_nothing_else() {
    let mut memory = ninety_nine_turns();
    assert_eq!(memory.indexed(), 198);
    memory.apply(&turned(100, "Fact number 100 about the old mill.", "Thank you for that."));
    assert_eq!(memory.indexed(), 199, "one of 200");
    assert_eq!(memory.episodes().count(), 100);
    assert!(memory.episode(Turn(1)).is_some(), "the oldest left the index, not the chat");
}

#[test]
fn an_answer_of_its_own_is_indexed_however_much_was_recalled() {
    let mut memory = memory(None);
    let facts = [
        "The ferry sank in 1913.",
        "The mill burned in spring.",
        "My aunt sells herring.",
        "Boats are blue.",
    ];
    for (turn, fact) in (1..).zip(facts) {
        memory.apply(&turned(turn, fact, "I see."));
    }
    let place = |turn| Place { turn: Turn(turn), said: 0, span: crate::text::Span { start: 0, end: 15 } };
    let before = memory.indexed();
    let said = vec![
        Said::user("Tell me a story."),
        Said::assistant("In spring the ferry burned, and my aunt sank blue boats."),
    ];
    let episode = Episode { turn: Turn(5), at_ms: None, said };
    let recalled = (1..=4).map(place).collect();
    memory.apply(&MemoryEvent::Turned { episode, recalled, summary: None, run: None });
    assert_eq!(memory.indexed(), before + 2, "no single passage says it");
}

#[test]
fn a_file_with_a_round_number_puts_off_neither_pruning_nor_the_second_level() {
    let mut memory = ninety_nine_turns();
    let document = Said { role: Role::Document, name: Some("a.md".into()), text: "A lease.".into() };
    memory.apply(&MemoryEvent::Attached { turn: Turn(100), at_ms: 0, document });
    assert!(memory.compact().overview().is_empty());
    memory.apply(&turned(101, "Fact number 101 about the old mill.", "Thank you for that."));
    assert!(!memory.compact().overview().is_empty());
    assert_eq!(memory.indexed(), 200, "one of 201");
}

#[test]
fn a_correction_that_was_taken_back_corrects_nothing() {
    let mut memory = memory(None);
    memory.apply(&turned(1, "The deadline of the harbour project is in May.", "Noted."));
    for turn in 2..5 {
        memory.apply(&turned(turn, "It rains.", "It does."));
    }
    memory.apply(&turned(5, "Actually, the deadline of the harbour project is in June.", "Noted."));
    memory.apply(&MemoryEvent::Undone { turn: Turn(5) });
    let lines = shown(&memory, "When is the deadline?", PartKind::Passage).join("\n");
    assert!(lines.contains("[1, 1970-01-02] user"), "{lines}");
}

proptest! {
    #[test]
    fn no_prompt_passes_its_room_and_every_part_was_said(
        texts in prop::collection::vec("([A-Z][a-z]{1,8}( [a-z]{1,8}){0,12}[.?!] ?){1,30}", 1..30),
        room in 20_u64..4_000,
        asked in "[a-z]{1,6}( [a-z]{1,6}){0,6}",
        pinned in 1_u32..30,
    ) {
        let mut memory = memory(Some(Salience::default()));
        for (turn, text) in (1..).zip(&texts) {
            memory.apply(&turned(turn, text, "From now on I shall remember it."));
        }
        memory.apply(&MemoryEvent::Pinned { turn: Turn(pinned) });
        let room = Room::of(TokenCount(room));
        let found = memory.compose(&cue(&asked), room, &ApproximateCounter);
        let lines: Vec<String> = found.parts.iter().map(Part::line).collect();
        prop_assert!(ApproximateCounter.count(&lines.join("\n")) <= room.total);
        let kinds: Vec<PartKind> = found.parts.iter().map(|part| part.kind).collect();
        prop_assert!(kinds.is_sorted(), "{kinds:?}");
        for part in &found.parts {
            let Some(place) = part.place else { continue };
            let whole = crate::text::one_line(memory.text(place).unwrap());
            for piece in part.text.split("[…]").flat_map(|piece| piece.split_inclusive(['.', '?', '!'])) {
                prop_assert!(whole.contains(piece.trim()), "{piece:?} was not said in {whole:?}");
            }
        }
        let mut fewer = found.clone();
        while fewer.drop_least() {}
        let rest = |found: &Composition| found.parts.iter().filter(|part| part.kind != PartKind::Passage).count();
        prop_assert_eq!(rest(&fewer), rest(&found));
        prop_assert_eq!(fewer.parts.len(), rest(&found));
    }
}

/// A memory of what two people say, with a vector for each passage.
fn talk(said: &[(&str, &str, [f32; 2])]) -> Memory {
    let mut memory = memory(None);
    for (turn, (name, text, _)) in (1..).zip(said) {
        let said = Said { role: Role::User, name: Some((*name).to_owned()), text: (*text).to_owned() };
        let episode = Episode { turn: Turn(turn), at_ms: None, said: vec![said] };
        memory.apply(&MemoryEvent::Turned { episode, recalled: Vec::new(), summary: None, run: None });
    }
    let vectors: Vec<Vec<f32>> = said.iter().map(|(.., vector)| vector.to_vec()).collect();
    memory.supply(&vectors).unwrap();
    memory
}

#[test]
fn between_people_what_says_the_same_comes_after_what_says_something_else() {
    let memory = talk(&[
        ("Ada", "We went sailing in May.", [1.0, 0.0]),
        ("Ada", "We went sailing in May again.", [0.999, 0.045]),
        ("Ada", "We sailed with Bo.", [0.6, 0.8]),
        ("Bo", "So we did.", [0.0, 1.0]),
        ("Ada", "Good night.", [-1.0, 0.0]),
    ]);
    let ranked = memory.rank("sailing with Ada", Some(&[0.95, 0.312]), When::default());
    let alike: Vec<Turn> = ranked.iter().map(|one| one.place.turn).collect();
    let diverse: Vec<Turn> =
        memory.diverse(ranked.iter().collect()).iter().map(|one| one.place.turn).collect();
    assert_eq!(alike.len(), diverse.len());
    assert_eq!(alike[..3], [Turn(2), Turn(1), Turn(3)], "{ranked:?}");
    assert_eq!(diverse[..3], [Turn(2), Turn(3), Turn(1)]);
}
