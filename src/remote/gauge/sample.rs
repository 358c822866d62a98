//! A short conversation with the same makeup as a long one.
//!
//! Pieces are taken from everywhere, because a text may begin in another language than it goes on in. In each stretch of
//! the text that piece is taken that brings the sample nearest to the makeup of all text so far.

use super::makeup::Makeup;
use crate::model::Message;

/// How many places of a stretch are looked at.
const PLACES: usize = 12;

/// How far, in bytes, a piece may move to begin or end between words.
const SLACK: usize = 48;

/// Texts up to this many bytes are taken whole.
const SHORT: usize = 48;

/// Returns a sample with about that `share` of the conversation, of at least `pieces` pieces. It has the same messages,
/// each of them shorter.
pub(super) fn draw(messages: &[Message], share: f64, pieces: usize) -> Vec<Message> {
    let bytes: usize = messages.iter().map(|message| message.content.len()).sum();
    let mut sampler = Sampler { share, whole: Makeup::default(), sample: Makeup::default() };
    let draw = |message: &Message| {
        let own = (pieces * message.content.len()).div_ceil(bytes.max(1)).max(1);
        Message { role: message.role, content: sampler.text(&message.content, own) }
    };
    messages.iter().map(draw).collect()
}

struct Sampler {
    share: f64,
    /// The makeup of the text that has been passed.
    whole: Makeup,
    /// The makeup of what was taken of it.
    sample: Makeup,
}

impl Sampler {
    /// Returns a sample of `text` in that many pieces.
    fn text(&mut self, text: &str, pieces: usize) -> String {
        if text.len() <= SHORT {
            return text.to_owned();
        }
        let size = portion(text.len() / pieces, self.share).max(8);
        let mut sample = String::with_capacity(size * pieces + SLACK);
        for piece in 0..pieces {
            let from = text.floor_char_boundary(text.len() * piece / pieces);
            let to = text.floor_char_boundary(text.len() * (piece + 1) / pieces);
            let Some(stretch) = text.get(from..to) else { continue };
            self.whole = self.whole.plus(&Makeup::of(stretch));
            let (taken, makeup) = self.best(text, from, to, size);
            self.sample = makeup;
            sample.push_str(taken);
        }
        sample
    }

    /// Returns the piece between `from` and `to` that suits the sample best, and the makeup of the sample with it.
    fn best<'t>(&self, text: &'t str, from: usize, to: usize, size: usize) -> (&'t str, Makeup) {
        let room = (to - from).saturating_sub(size);
        let candidates = (0..PLACES).map(|place| {
            let piece = cut(text, from + room * place / (PLACES - 1), size);
            let makeup = self.sample.plus(&Makeup::of(piece));
            (piece, makeup, makeup.distance(&self.whole))
        });
        let best = candidates.min_by(|a, b| a.2.total_cmp(&b.2));
        best.map_or(("", self.sample), |(piece, makeup, _)| (piece, makeup))
    }
}

/// Returns some `size` bytes from about `from` on, of whole words where there are words.
fn cut(text: &str, from: usize, size: usize) -> &str {
    let begin = if from == 0 { 0 } else { between_words(text, from) };
    let end = between_words(text, begin + size);
    text.get(begin..end).unwrap_or("")
}

/// Returns the first place from `at` on where a word begins, or `at` itself where none begins soon.
fn between_words(text: &str, at: usize) -> usize {
    let at = text.floor_char_boundary(at);
    let near = text.ceil_char_boundary(at.saturating_add(SLACK));
    let Some(rest) = text.get(at..near) else { return at };
    let Some(white) = rest.find(char::is_whitespace) else {
        return if near == text.len() && rest.len() < SLACK { text.len() } else { at };
    };
    let after = rest.get(white..).unwrap_or("");
    at + white + (after.len() - after.trim_start().len())
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share of a length is a length"
)]
fn portion(bytes: usize, share: f64) -> usize {
    (bytes as f64 * share) as usize
}
