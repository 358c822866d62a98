//! A memory without a model: what was said is found again, within as many tokens as there are.
//!
//! `cargo run --example remember_a_chat`

#![expect(clippy::print_stdout, reason = "printing is what the example is for")]

use std::sync::Arc;

use longhand::memory::{Cue, Episode, Memory, MemoryEvent, MemoryOptions, Room, Said, Turn};
use longhand::text::{ApproximateCounter, TokenCount};

fn main() {
    let mut memory = Memory::new(MemoryOptions { counter: Arc::new(ApproximateCounter), forgetting: None });
    let chat = [
        ("My boat is called Heron. Always answer in one sentence.", "Understood."),
        ("She was built in Bristol in 1931.", "A good year."),
        ("The weather is bad today.", "Then stay at home."),
        ("I painted the kitchen.", "Which colour?"),
    ];
    for (turn, (user, assistant)) in (1..).zip(chat) {
        let said = vec![Said::user(user), Said::assistant(assistant)];
        let episode = Episode { turn: Turn(turn), at_ms: None, said };
        memory.apply(&MemoryEvent::Turned { episode, recalled: Vec::new(), summary: None, run: None });
    }
    let cue = Cue { text: "Where was the Heron built?", vector: None, at_ms: 0 };
    let found = memory.compose(&cue, Room::of(TokenCount(300)), &ApproximateCounter);
    for part in &found.parts {
        println!("{:?}: {}", part.kind, part.line());
    }
}
