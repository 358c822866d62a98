//! Reads chats that other programs kept: JSON lines, a Markdown transcript, or a JSON export with a list of messages.

use serde_json::Value as Json;

use crate::date;
use crate::memory::{NewTurn, Role, Said};

/// A message and when it was.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Message {
    said: Said,
    at_ms: Option<u64>,
}

/// What came of a file.
#[derive(Debug, Default)]
pub(in super::super) struct Imported {
    /// Its turns, in order.
    pub(in super::super) turns: Vec<NewTurn>,
    /// What could not be read: the line, and why.
    pub(in super::super) left_out: Vec<(usize, String)>,
}

/// Reads a chat. What cannot be read of it is left out and said.
///
/// Each JSON message is an object with `role` (or `from`, `speaker`, `author`) and `content` (or `text`, `value`, `message`), and
/// perhaps a time (`time`, `timestamp`, `created_at`, `create_time`, `date`); a message of `system` is left out. A list of messages may
/// stand alone or under `messages`, `conversation`, `conversations` or `chat`. A Markdown transcript has the speaker in bold or as a
/// heading before each message.
pub(in super::super) fn read(text: &str) -> Imported {
    let trimmed = text.trim_start_matches('\u{feff}').trim_start();
    let mut left_out = Vec::new();
    let messages = match serde_json::from_str::<Json>(trimmed) {
        Ok(json) => of_json(&json, &mut left_out),
        Err(_) if trimmed.starts_with('{') => of_lines(trimmed, &mut left_out),
        Err(_) => of_markdown(trimmed, &mut left_out),
    };
    Imported { turns: turns(messages), left_out }
}

/// Makes turns of messages: each begins with what the user says.
fn turns(messages: Vec<Message>) -> Vec<NewTurn> {
    let mut turns: Vec<NewTurn> = Vec::new();
    for Message { said, at_ms } in messages {
        let follows = turns.last().is_some_and(|turn: &NewTurn| {
            let answered = turn.said.iter().any(|said| said.role == Role::Assistant);
            said.role == Role::Assistant || (!answered && turn.said.len() > 1)
        });
        match turns.last_mut().filter(|_| follows) {
            Some(turn) => turn.said.push(said),
            None => turns.push(NewTurn {
                said: vec![said],
                recalled: Vec::new(),
                summary: None,
                run: None,
                at_ms,
            }),
        }
    }
    turns
}

fn of_lines(text: &str, left_out: &mut Vec<(usize, String)>) -> Vec<Message> {
    let mut messages = Vec::new();
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        match serde_json::from_str::<Json>(line)
            .map_err(|error| error.to_string())
            .and_then(|json| one(&json))
        {
            Ok(message) => messages.extend(message),
            Err(reason) => left_out.push((number, reason)),
        }
    }
    messages
}

fn of_json(json: &Json, left_out: &mut Vec<(usize, String)>) -> Vec<Message> {
    let Some(list) = list(json) else {
        left_out.push((1, "there is no list of messages".to_owned()));
        return Vec::new();
    };
    let mut messages = Vec::new();
    for (number, entry) in (1..).zip(list) {
        // An export of several chats is a list of lists.
        if list_within(entry) {
            messages.extend(of_json(entry, left_out));
            continue;
        }
        match one(entry) {
            Ok(message) => messages.extend(message),
            Err(reason) => left_out.push((number, reason)),
        }
    }
    messages
}

fn list(json: &Json) -> Option<&Vec<Json>> {
    let named = ["messages", "conversation", "conversations", "chat", "chat_messages"];
    json.as_array().or_else(|| named.iter().find_map(|key| json.get(key)?.as_array()))
}

fn list_within(entry: &Json) -> bool {
    list(entry).is_some()
}

/// Reads one message; none where it is not part of what is said.
fn one(json: &Json) -> Result<Option<Message>, String> {
    let first = |keys: &[&str]| keys.iter().find_map(|key| json.get(key));
    let author = first(&["role", "from", "speaker", "author", "sender"]);
    let author = author.and_then(|author| author.as_str().or_else(|| author.get("role")?.as_str()));
    let author = author.ok_or_else(|| "it does not say who speaks: expected `role`".to_owned())?;
    let text = first(&["content", "text", "value", "message"]).and_then(words);
    let text = text.ok_or_else(|| "it has no text: expected `content`".to_owned())?;
    if matches!(author, "system" | "tool" | "developer") || text.trim().is_empty() {
        return Ok(None);
    }
    let time = first(&["time", "timestamp", "created_at", "create_time", "date"]);
    Ok(Some(Message { said: said(author, text), at_ms: time.and_then(moment) }))
}

/// The text of a message: a string, or a list of parts, or an object that holds them.
fn words(content: &Json) -> Option<String> {
    match content {
        Json::String(text) => Some(text.clone()),
        Json::Array(parts) => Some(parts.iter().filter_map(words).collect::<Vec<_>>().join("\n"))
            .filter(|text| !text.is_empty()),
        Json::Object(map) => {
            ["text", "content", "parts"].iter().find_map(|key| map.get(*key)).and_then(words)
        }
        _ => None,
    }
}

/// A time as text, or as seconds or milliseconds since 1970.
fn moment(time: &Json) -> Option<u64> {
    if let Some(text) = time.as_str() {
        return date::moment(text);
    }
    let number = time.as_u64().or_else(|| {
        let seconds = time.as_f64().filter(|seconds| (0.0..1e15).contains(seconds))?;
        format!("{seconds:.0}").parse().ok()
    })?;
    // A number of seconds has twelve digits only in the year 33658.
    Some(if number < 100_000_000_000 { number * 1000 } else { number })
}

fn said(author: &str, text: String) -> Said {
    match author.to_lowercase().as_str() {
        "user" | "human" | "you" | "me" => Said::user(text),
        "assistant" | "gpt" | "bot" | "model" | "ai" | "chatgpt" | "claude" => Said::assistant(text),
        _ => Said { role: Role::User, name: Some(author.to_owned()), text },
    }
}

/// Who speaks in transcripts where nobody has a name.
const ROLES: [&str; 10] =
    ["user", "assistant", "human", "ai", "you", "me", "bot", "chatgpt", "claude", "model"];

/// What stands behind the speaker of words that were put right later.
pub(super) const EARLIER: &str = ", before it was put right:";

/// Reads a transcript: a line `**speaker**:`, `## user` or `user:` begins a message, unless a backslash stands before it. What a
/// message said before it was put right is passed over.
fn of_markdown(text: &str, left_out: &mut Vec<(usize, String)>) -> Vec<Message> {
    let mut messages: Vec<Message> = Vec::new();
    let mut passed_over = false;
    for (number, line) in (1..).zip(text.lines()) {
        if is_earlier(line) {
            passed_over = true;
        } else if let Some((author, at_ms, rest)) = heading(line) {
            passed_over = false;
            messages.push(Message { said: said(author, rest.to_owned()), at_ms });
        } else if passed_over {
        } else if let Some(message) = messages.last_mut() {
            let bare = line.strip_prefix('\\').filter(|rest| begins(rest.trim_start_matches('\\')));
            message.said.text.push('\n');
            message.said.text.push_str(bare.unwrap_or(line));
        } else if !line.trim().is_empty() {
            left_out.push((number, "nobody speaks yet: expected a line such as `**user**:`".to_owned()));
        }
    }
    for message in &mut messages {
        message.said.text = message.said.text.trim().to_owned();
    }
    messages.retain(|message| !message.said.text.is_empty());
    messages
}

/// Tells whether a line of a transcript begins a message.
pub(super) fn begins(line: &str) -> bool {
    is_earlier(line) || heading(line).is_some()
}

fn is_earlier(line: &str) -> bool {
    line.starts_with("**") && line.ends_with(EARLIER)
}

/// The speaker of a line that begins a message, when it was, and what follows in the line. A heading and a name that is not bold
/// have to be a role: answers are full of others. Bold words with something behind them are no speaker either, unless
/// they are one.
fn heading(line: &str) -> Option<(&str, Option<u64>, &str)> {
    let is_role = |name: &str| ROLES.contains(&name.trim().to_lowercase().as_str());
    let (name, rest) = if let Some(bold) = line.strip_prefix("**") {
        let (name, rest) = bold.split_once("**")?;
        (name.trim_end_matches(':'), rest)
    } else if line.starts_with('#') {
        let name = line.trim_start_matches('#').trim().trim_end_matches(':');
        (is_role(name).then_some(name)?, "")
    } else {
        let (name, rest) = line.split_once(':')?;
        (is_role(name).then_some(name)?, rest)
    };
    let (day, rest) = match rest.trim_start().strip_prefix('(').and_then(|rest| rest.split_once(')')) {
        Some((day, rest)) if date::moment(day).is_some() => (date::moment(day), rest),
        _ => (None, rest),
    };
    let (name, said) = (name.trim(), rest.trim_start_matches(':').trim());
    let alone = rest.trim() == ":" && !name.is_empty() && name.len() <= 64;
    (is_role(name) || alone).then_some((name, day, said))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<Vec<(String, String)>> {
        let said = |turn: NewTurn| {
            turn.said.into_iter().map(|said| (said.speaker().to_owned(), said.text)).collect::<Vec<_>>()
        };
        read(text).turns.into_iter().map(said).collect()
    }

    #[test]
    fn the_same_chat_is_read_from_every_form() {
        let expected = vec![
            vec![("user".to_owned(), "Hi.".to_owned()), ("assistant".to_owned(), "Hello.".to_owned())],
            vec![("user".to_owned(), "Bye.".to_owned())],
        ];
        let lines = "{\"role\":\"user\",\"content\":\"Hi.\"}\n\n{\"role\":\"assistant\",\"content\":\"Hello.\"}\n\
                     {\"role\":\"user\",\"content\":\"Bye.\"}\n";
        let list = r#"{"messages": [{"role": "system", "content": "Be nice."}, {"from": "human", "value": "Hi."},
                      {"from": "gpt", "value": "Hello."}, {"author": {"role": "user"}, "content": {"parts": ["Bye."]}}]}"#;
        let markdown = "**user** (2024-05-01):\n\nHi.\n\n**assistant**:\n\nHello.\n\n**user**: Bye.\n";
        for text in [lines, list, markdown, "User: Hi.\nAssistant: Hello.\nUser: Bye."] {
            assert_eq!(told(text), expected, "{text}");
        }
        assert_eq!(read(markdown).turns[0].at_ms, date::moment("2024-05-01"));
    }

    #[test]
    fn an_answer_with_headings_stays_one_message() {
        let text = "**user**:\n\nHow?\n\n**assistant**:\n\n# Steps\n\n**Note**: stir.\n\nTime: two hours\n";
        let answer = "# Steps\n\n**Note**: stir.\n\nTime: two hours";
        assert_eq!(told(text)[0][1], ("assistant".to_owned(), answer.to_owned()));
    }

    proptest::proptest! {
        #[test]
        fn what_is_exported_is_read_back(
            edited in proptest::bool::ANY,
            texts in proptest::collection::vec("(\\\\{0,2}(\\*\\*[a-z]{1,5}\\*\\*(, before it was put right)?:|# user|user: x|[a-z ]{1,9}[.])\n?){1,6}", 1..6),
        ) {
            use crate::memory::{Memory, MemoryEvent, MemoryOptions, Turn};
            let counter = std::sync::Arc::new(crate::text::ApproximateCounter);
            let mut memory = Memory::new(MemoryOptions { counter, forgetting: None });
            for (turn, text) in (1..).zip(&texts) {
                let said = vec![Said::user(text.trim()), Said::assistant("Yes.")];
                let episode = crate::memory::Episode { turn: Turn(turn), at_ms: None, said };
                memory.apply(&MemoryEvent::Turned { episode, recalled: Vec::new(), summary: None, run: None });
                if edited {
                    let text = format!("Rather: {}", text.trim());
                    memory.apply(&MemoryEvent::Edited { turn: Turn(turn), said: 0, text });
                }
            }
            let expected: Vec<Vec<Said>> = memory.episodes().map(|episode| episode.said.clone()).collect();
            let back = read(&super::super::listing::markdown(&memory));
            let found: Vec<Vec<Said>> = back.turns.into_iter().map(|turn| turn.said).collect();
            proptest::prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn holes_are_left_out_and_said() {
        let text =
            "{\"role\":\"user\",\"content\":\"Hi.\"}\n{broken\n{\"role\":\"user\"}\n{\"content\":\"x\"}\n";
        let imported = read(text);
        assert_eq!(imported.turns.len(), 1);
        assert_eq!(imported.left_out.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2, 3, 4]);
        assert_eq!(read("just some words").left_out.len(), 1);
        assert!(read("").turns.is_empty());
    }
}
