//! Chat templates: turns messages into the exact text that a model was trained on.
//!
//! Two rules are ours. First, the text of a message never becomes a special token, whatever it spells. Second, a
//! system message that nobody wrote is left out: where the conversation has none and the template puts in a text of
//! its own, the prompt is rendered with a marker as system message and that turn is then cut off. A template that
//! opens its system turn in any case, and leaves it empty where nobody wrote one, is left alone.

use minijinja::{Environment, ErrorKind, Value, context};

use super::tokenizer::Piece;
use crate::model::{Message, ModelError, Role};

/// Stands for a system message while the template is asked what it does with one. No text holds it.
const SYSTEM_MARK: &str = "\u{10FFFD}system\u{10FFFD}";

/// Ends what an answer thought. Templates of models that think leave it out of earlier answers, with all that is before it.
const THOUGHT_END: &str = "</think>";

/// A model's chat template.
#[derive(Debug)]
pub(super) struct ChatTemplate {
    environment: Environment<'static>,
    bos: String,
    eos: String,
}

/// A prompt that has been rendered.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Prompt {
    /// The whole text.
    pub(super) text: String,
    /// Where in it the texts of the messages stand.
    contents: Vec<(usize, usize)>,
}

impl Prompt {
    /// The prompt cut into what the template wrote and what the messages say.
    pub(super) fn pieces(&self) -> Vec<Piece<'_>> {
        let mut pieces = Vec::new();
        let mut done = 0;
        for &(start, end) in &self.contents {
            pieces.push(Piece::Template(self.text.get(done..start).unwrap_or("")));
            pieces.push(Piece::Content(self.text.get(start..end).unwrap_or("")));
            done = end;
        }
        pieces.push(Piece::Template(self.text.get(done..).unwrap_or("")));
        pieces
    }
}

impl ChatTemplate {
    /// Compiles `source`; `bos` and `eos` are the names of the model's first and last token.
    pub(super) fn new(source: &str, bos: &str, eos: &str) -> Result<Self, ModelError> {
        let mut environment = Environment::new();
        environment.set_trim_blocks(true);
        environment.set_lstrip_blocks(true);
        environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_function("raise_exception", |text: String| -> Result<Value, minijinja::Error> {
            Err(minijinja::Error::new(ErrorKind::InvalidOperation, text))
        });
        environment.add_template_owned("chat", source.to_owned()).map_err(|error| problem(&error))?;
        Ok(Self { environment, bos: bos.to_owned(), eos: eos.to_owned() })
    }

    /// Renders `messages` and the opening of the answer, with what was begun of it where the last message is the assistant's.
    pub(super) fn render(&self, messages: &[Message]) -> Result<Prompt, ModelError> {
        match messages.split_last() {
            Some((begun, before)) if begun.role == Role::Assistant => {
                let Prompt { mut text, mut contents } = self.render_asked(before)?;
                let start = text.len();
                text.push_str(&begun.content);
                contents.push((start, text.len()));
                Ok(Prompt { text, contents })
            }
            _ => self.render_asked(messages),
        }
    }

    fn render_asked(&self, messages: &[Message]) -> Result<Prompt, ModelError> {
        let text = self.render_text(messages)?;
        // A template that looks into a message, or trims it, may not bring every mark back.
        let cuts: [Cut; 3] = [whole, without_thought, without_thought_and_lines];
        let placed = cuts.into_iter().find_map(|cut| self.placed(messages, &text, cut));
        placed.map_or_else(|| search(text, messages), Ok)
    }

    /// Finds the messages in `text`, of each answer the second of the two parts that `cut` makes of it; none where that text would
    /// be another one.
    fn placed(&self, messages: &[Message], text: &str, cut: Cut) -> Option<Prompt> {
        let parts: Vec<(&str, &str)> = messages
            .iter()
            .map(|message| if message.role == Role::Assistant { cut } else { whole }(&message.content))
            .collect();
        let marked: Vec<Message> = messages
            .iter()
            .zip(parts.iter().enumerate())
            .map(|(message, (index, (before, _)))| Message {
                role: message.role,
                content: format!("{before}{}", mark(index)),
            })
            .collect();
        let prompt = fill(&self.render_text(&marked).ok()?, &parts)?;
        (prompt.text == text).then_some(prompt)
    }

    fn render_text(&self, messages: &[Message]) -> Result<String, ModelError> {
        let text = self.apply(messages, true)?;
        if messages.iter().any(|message| message.role == Role::System) {
            return Ok(text);
        }
        Ok(self.without_uninvited_system(messages, &text).unwrap_or(text))
    }

    /// The second rule of this file; none where the template has put in nothing of its own.
    fn without_uninvited_system(&self, messages: &[Message], text: &str) -> Option<String> {
        let system = Message::system(SYSTEM_MARK);
        let turn = self.apply(std::slice::from_ref(&system), false).ok()?;
        let (head, tail) = turn.split_once(SYSTEM_MARK)?;
        let with: Vec<Message> = std::iter::once(system).chain(messages.iter().cloned()).collect();
        let with = self.apply(&with, true).ok()?;
        let rest = with.strip_prefix(turn.as_str())?;
        let uninvited = text.strip_prefix(head)?.strip_suffix(rest)?.strip_suffix(tail)?;
        (!uninvited.trim().is_empty()).then(|| rest.to_owned())
    }

    fn apply(&self, messages: &[Message], open_answer: bool) -> Result<String, ModelError> {
        let template = self.environment.get_template("chat").map_err(|error| problem(&error))?;
        let values = context! {
            messages => messages,
            add_generation_prompt => open_answer,
            bos_token => self.bos,
            eos_token => self.eos,
        };
        template.render(values).map_err(|error| problem(&error))
    }
}

/// Finds the messages in the text one after the other, as they are or trimmed.
fn search(text: String, messages: &[Message]) -> Result<Prompt, ModelError> {
    let mut contents = Vec::new();
    let mut done = 0;
    for message in messages.iter().filter(|message| !message.content.trim().is_empty()) {
        let rest = text.get(done..).unwrap_or("");
        let found = [message.content.as_str(), message.content.trim()]
            .into_iter()
            .find_map(|content| rest.find(content).map(|at| (done + at, content.len())));
        let Some((start, length)) = found else {
            let reason =
                "it changes the text of a message, which could then turn into a special token".into();
            return Err(ModelError::Template { reason });
        };
        contents.push((start, start + length));
        done = start + length;
    }
    Ok(Prompt { text, contents })
}

fn mark(index: usize) -> String {
    format!("\u{10FFFC}{index}\u{10FFFC}")
}

/// A message in two parts: what a template leaves out, and what it brings.
type Cut = fn(&str) -> (&str, &str);

fn whole(content: &str) -> (&str, &str) {
    ("", content)
}

fn without_thought(content: &str) -> (&str, &str) {
    content.rfind(THOUGHT_END).map_or(("", content), |at| content.split_at(at + THOUGHT_END.len()))
}

fn without_thought_and_lines(content: &str) -> (&str, &str) {
    let (_, rest) = without_thought(content);
    content.split_at(content.len() - rest.trim_start_matches('\n').len())
}

/// Puts messages in the places of their marks, in whatever order the template brings them.
fn fill(frame: &str, parts: &[(&str, &str)]) -> Option<Prompt> {
    let places = parts.iter().enumerate().map(|(index, (_, content))| {
        let mark = mark(index);
        frame.find(&mark).map(|at| (at, mark.len(), *content))
    });
    let mut places: Vec<(usize, usize, &str)> = places.collect::<Option<_>>()?;
    places.sort_unstable();
    let mut text = String::new();
    let mut contents = Vec::new();
    let mut done = 0;
    for (at, length, content) in places {
        text.push_str(frame.get(done..at)?);
        let start = text.len();
        text.push_str(content);
        contents.push((start, text.len()));
        done = at + length;
    }
    text.push_str(frame.get(done..)?);
    Some(Prompt { text, contents })
}

fn problem(error: &minijinja::Error) -> ModelError {
    let detail = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    let line = error.line().map(|line| format!(" (line {line} of the template)")).unwrap_or_default();
    ModelError::Template { reason: format!("{detail}{line}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Puts in a system turn of its own where the conversation has none.
    const PERSONA: &str = "{% for m in messages %}{% if loop.first and m['role'] != 'system' %}<s>system\nYou are Max.</s>\n{% endif %}\
        {{ '<s>' + m['role'] + '\n' + m['content'] + '</s>\n' }}{% endfor %}{% if add_generation_prompt %}<s>assistant\n{% endif %}";

    fn template(source: &str) -> ChatTemplate {
        ChatTemplate::new(source, "<b>", "<e>").unwrap()
    }

    #[test]
    fn a_system_message_that_nobody_wrote_is_left_out() {
        let prompt = template(PERSONA).render(&[Message::user("Hello")]).unwrap();
        assert_eq!(prompt.text, "<s>user\nHello</s>\n<s>assistant\n");
    }

    #[test]
    fn a_system_message_that_somebody_wrote_stays() {
        let messages = [Message::system("Be brief."), Message::user("Hello")];
        let prompt = template(PERSONA).render(&messages).unwrap();
        assert_eq!(prompt.text, "<s>system\nBe brief.</s>\n<s>user\nHello</s>\n<s>assistant\n");
    }

    /// The shape of Qwen2.5's: without tools, a system turn that says what somebody wrote, or what the maker did.
    const QWEN: &str = "{%- if tools %}{{- raise_exception('no tools') }}{%- else %}
    {%- if messages[0]['role'] == 'system' %}
        {{- '<s>system\n' + messages[0]['content'] + '</s>\n' }}
    {%- else %}
        {{- '<s>system\nYou are Max.</s>\n' }}
    {%- endif %}
{%- endif %}
{%- for message in messages %}
    {%- if (message.role == 'user') or (message.role == 'system' and not loop.first) or (message.role == 'assistant' and not message.tool_calls) %}
        {{- '<s>' + message.role + '\n' + message.content + '</s>' + '\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<s>assistant\n' }}
{%- endif %}
";

    #[test]
    fn the_system_message_of_qwens_maker_is_left_out() {
        let qwen = template(QWEN);
        let prompt = qwen.render(&[Message::user("Hello")]).unwrap();
        assert_eq!(prompt.text, "<s>user\nHello</s>\n<s>assistant\n");
        let messages = [Message::system("Be brief."), Message::user("Hello")];
        let prompt = qwen.render(&messages).unwrap();
        assert_eq!(prompt.text, "<s>system\nBe brief.</s>\n<s>user\nHello</s>\n<s>assistant\n");
        assert_eq!(prompt.pieces()[1], Piece::Content("Be brief."));
        let begun = [Message::user("Hello"), Message::assistant("<think>\nSo")];
        let prompt = qwen.render(&begun).unwrap();
        assert_eq!(prompt.text, "<s>user\nHello</s>\n<s>assistant\n<think>\nSo");
    }

    /// The shape of that of DeepSeek-R1's distills: no system turn, and an answer that is begun with a thought.
    const DISTILL: &str = "{% set ns = namespace(system='') %}\
        {%- for m in messages %}{%- if m['role'] == 'system' %}{% set ns.system = m['content'] %}{%- endif %}{%- endfor %}\
        {{bos_token}}{{ns.system}}{%- for m in messages %}{%- if m['role'] == 'user' %}{{'<u>' + m['content']}}{%- endif %}\
        {%- if m['role'] == 'assistant' %}{% set content = m['content'] %}{% if '</think>' in content %}\
        {% set content = content.split('</think>')[-1] %}{% endif %}{{'<a>' + content + eos_token}}{%- endif %}{%- endfor -%}\
        {% if add_generation_prompt %}{{'<a><think>\n'}}{% endif %}";

    #[test]
    fn a_template_without_a_system_turn_begins_with_what_somebody_wrote() {
        let distill = template(DISTILL);
        let prompt = distill.render(&[Message::user("Hello")]).unwrap();
        assert_eq!(prompt.text, "<b><u>Hello<a><think>\n");
        let talk = [
            Message::system("Be brief."),
            Message::user("Hi"),
            Message::assistant("Yes."),
            Message::user("a<e>b"),
        ];
        let prompt = distill.render(&talk).unwrap();
        assert_eq!(prompt.text, "<b>Be brief.<u>Hi<a>Yes.<e><u>a<e>b<a><think>\n");
        assert_eq!(prompt.pieces()[7], Piece::Content("a<e>b"));
    }

    #[test]
    fn a_template_that_leaves_out_what_an_answer_thought_keeps_the_rest_apart() {
        let talk =
            [Message::user("e"), Message::assistant("<think>A <e>?</think>\nYes<e>."), Message::user("Why?")];
        let prompt = template(DISTILL).render(&talk).unwrap();
        assert_eq!(prompt.text, "<b><u>e<a>\nYes<e>.<e><u>Why?<a><think>\n");
        let contents = prompt.pieces().into_iter().filter(|piece| matches!(piece, Piece::Content(_)));
        let expected = [Piece::Content("e"), Piece::Content("\nYes<e>."), Piece::Content("Why?")];
        assert_eq!(contents.collect::<Vec<_>>(), expected);
        // One that does not look into messages brings the thought.
        let prompt = template(PERSONA).render(&talk).unwrap();
        assert_eq!(prompt.pieces()[3], Piece::Content("<think>A <e>?</think>\nYes<e>."));
    }

    #[test]
    fn a_template_without_a_persona_is_left_alone() {
        let source =
            "{{ bos_token }}{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}[assistant]";
        let prompt = template(source).render(&[Message::user("Hello")]).unwrap();
        assert_eq!(prompt.text, "<b>[user]Hello[assistant]");
    }

    #[test]
    fn an_answer_that_was_begun_stands_behind_its_opening_and_is_never_a_special_token() {
        let messages = [Message::user("Hello"), Message::assistant("<history>a</s></history>")];
        let prompt = template(PERSONA).render(&messages).unwrap();
        assert_eq!(prompt.text, "<s>user\nHello</s>\n<s>assistant\n<history>a</s></history>");
        assert_eq!(prompt.pieces()[3], Piece::Content("<history>a</s></history>"));
        let talk = [Message::user("Hi"), Message::assistant("Yes."), Message::user("Hello")];
        let prompt = template(PERSONA).render(&talk).unwrap();
        assert!(prompt.text.ends_with("Yes.</s>\n<s>user\nHello</s>\n<s>assistant\n"), "{}", prompt.text);
    }

    #[test]
    fn pieces_tell_the_template_from_the_messages() {
        let prompt = template(PERSONA).render(&[Message::user("a</s>b"), Message::user("")]).unwrap();
        let pieces = prompt.pieces();
        assert_eq!(pieces[0], Piece::Template("<s>user\n"));
        assert_eq!(pieces[1], Piece::Content("a</s>b"));
        assert_eq!(pieces[3], Piece::Content(""));
    }

    #[test]
    fn a_template_that_trims_messages_still_keeps_them_apart() {
        let source = "{% for m in messages %}<{{ m.content.strip() }}>{% endfor %}";
        let prompt = template(source).render(&[Message::user("  a <x> b ")]).unwrap();
        assert_eq!(prompt.pieces(), [Piece::Template("<"), Piece::Content("a <x> b"), Piece::Template(">")]);
    }

    #[test]
    fn a_template_that_refuses_says_why() {
        let source =
            "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system message') }}{% endif %}";
        let error = template(source).render(&[Message::system("x")]).unwrap_err();
        insta::assert_snapshot!(error, @"the model's chat template cannot be rendered: no system message (line 1 of the template)");
    }
}
