//! Chat templates that use what those of each family use, against how transformers renders them.
//!
//! `tests/fixtures/templates` holds the templates and what was recorded.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::local::template::ChatTemplate;
use crate::local::tokenizer::Piece;
use crate::model::Message;

#[derive(Deserialize)]
struct Rendered {
    template: String,
    messages: Vec<Message>,
    text: String,
}

fn source(name: &str) -> &'static str {
    match name {
        "gemma3" => include_str!("../../../tests/fixtures/templates/gemma3.jinja"),
        "llama3" => include_str!("../../../tests/fixtures/templates/llama3.jinja"),
        "mistral" => include_str!("../../../tests/fixtures/templates/mistral.jinja"),
        "phi3" => include_str!("../../../tests/fixtures/templates/phi3.jinja"),
        "qwen3" => include_str!("../../../tests/fixtures/templates/qwen3.jinja"),
        _ => panic!("there is no template `{name}`"),
    }
}

#[test]
fn conversations_are_rendered_as_transformers_renders_them() {
    let recorded = include_str!("../../../tests/fixtures/templates/rendered.jsonl").lines();
    let recorded: Vec<Rendered> = recorded.map(|line| serde_json::from_str(line).unwrap()).collect();
    let names: BTreeSet<&str> = recorded.iter().map(|row| row.template.as_str()).collect();
    assert_eq!(names.len(), 5);
    for Rendered { template, messages, text } in &recorded {
        let prompt = ChatTemplate::new(source(template), "<b>", "<e>").unwrap().render(messages);
        let prompt = prompt.unwrap_or_else(|error| panic!("{template} {messages:?}: {error}"));
        assert_eq!(prompt.text, *text, "{template}");
        // What somebody wrote is told from what the template did, whatever it trims.
        let contents: Vec<&str> = prompt
            .pieces()
            .into_iter()
            .filter_map(|piece| if let Piece::Content(text) = piece { Some(text.trim()) } else { None })
            .collect();
        let last = messages.last().unwrap().content.trim();
        assert!(contents.contains(&last), "{template}: {contents:?}");
    }
}
