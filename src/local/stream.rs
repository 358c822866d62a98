//! Turns the bytes of tokens into text: never half a character, never a part of a stop text.

/// An answer while it is written.
#[derive(Debug)]
pub(super) struct AnswerText {
    text: String,
    /// How much of `text` has been handed out.
    told: usize,
    /// Bytes of a character that is not whole yet.
    rest: Vec<u8>,
    stops: Vec<String>,
    stopped: bool,
}

impl AnswerText {
    /// Begins an answer that ends at any of `stops`.
    pub(super) fn new(stops: &[String]) -> Self {
        let stops = stops.iter().filter(|stop| !stop.is_empty()).cloned().collect();
        Self { text: String::new(), told: 0, rest: Vec::new(), stops, stopped: false }
    }

    /// Takes the bytes of one token and returns the text that is now certain.
    pub(super) fn push(&mut self, bytes: &[u8]) -> &str {
        self.rest.extend_from_slice(bytes);
        let searched = self.text.len();
        self.decode();
        self.find_stop(searched);
        let certain = if self.stopped { self.text.len() } else { self.text.len() - self.held_back() };
        self.tell(certain)
    }

    /// Tells whether a stop text has appeared.
    pub(super) fn stopped(&self) -> bool {
        self.stopped
    }

    /// Ends the answer: returns what has not been handed out yet.
    pub(super) fn finish(&mut self) -> &str {
        if !self.stopped && !self.rest.is_empty() {
            let rest = std::mem::take(&mut self.rest);
            self.text.push_str(&String::from_utf8_lossy(&rest));
        }
        self.tell(self.text.len())
    }

    /// Returns the whole answer.
    pub(super) fn into_text(self) -> String {
        self.text
    }

    fn tell(&mut self, certain: usize) -> &str {
        let from = self.told.min(certain);
        self.told = self.told.max(certain);
        self.text.get(from..certain).unwrap_or("")
    }

    /// Moves whole characters into the text; bytes that can never become one turn into replacement characters.
    fn decode(&mut self) {
        loop {
            match std::str::from_utf8(&self.rest) {
                Ok(text) => {
                    self.text.push_str(text);
                    self.rest.clear();
                    return;
                }
                Err(error) => {
                    let (whole, rest) = self.rest.split_at(error.valid_up_to());
                    self.text.push_str(&String::from_utf8_lossy(whole));
                    let Some(broken) = error.error_len() else {
                        self.rest = rest.to_vec();
                        return;
                    };
                    self.text.push(char::REPLACEMENT_CHARACTER);
                    self.rest = rest.get(broken..).unwrap_or(&[]).to_vec();
                }
            }
        }
    }

    fn find_stop(&mut self, searched: usize) {
        let longest = self.stops.iter().map(String::len).max().unwrap_or(0);
        let from = self.text.floor_char_boundary(searched.saturating_sub(longest));
        let tail = self.text.get(from..).unwrap_or("");
        if let Some(at) = self.stops.iter().filter_map(|stop| tail.find(stop.as_str())).min() {
            self.text.truncate(from + at);
            self.stopped = true;
        }
    }

    /// Returns how many bytes at the end could still become a stop text.
    fn held_back(&self) -> usize {
        let begins = |stop: &String| {
            let lengths = stop.char_indices().map(|(at, _)| at).filter(|&at| at > 0);
            lengths.rev().find(|&at| self.text.ends_with(stop.get(..at).unwrap_or("\0"))).unwrap_or(0)
        };
        self.stops.iter().map(begins).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(stops: &[&str], tokens: &[&[u8]]) -> (Vec<String>, String, bool) {
        let stops: Vec<String> = stops.iter().map(|&stop| stop.to_owned()).collect();
        let mut answer = AnswerText::new(&stops);
        let mut told: Vec<String> = tokens.iter().map(|token| answer.push(token).to_owned()).collect();
        told.push(answer.finish().to_owned());
        let stopped = answer.stopped();
        (told, answer.into_text(), stopped)
    }

    #[test]
    fn a_character_cut_by_tokens_is_told_whole() {
        let (told, text, _) = run(&[], &[b"a", &[0xE4, 0xBB], &[0x8A], b"b"]);
        assert_eq!(told, ["a", "", "今", "b", ""]);
        assert_eq!(text, "a今b");
    }

    #[test]
    fn bytes_that_are_no_character_are_replaced() {
        let (told, text, _) = run(&[], &[&[0xFF, b'x'], &[0xE4]]);
        assert_eq!(told, ["\u{FFFD}x", "", "\u{FFFD}"]);
        assert_eq!(text, "\u{FFFD}x\u{FFFD}");
    }

    #[test]
    fn a_stop_text_cut_by_tokens_is_found_and_never_told() {
        let (told, text, stopped) = run(&["END."], &[b"go E", b"N", b"D. more"]);
        assert_eq!(told, ["go ", "", "", ""]);
        assert_eq!((text.as_str(), stopped), ("go ", true));
    }

    #[test]
    fn what_only_begins_like_a_stop_text_is_told_in_the_end() {
        let (told, text, stopped) = run(&["END."], &[b"E", b"N", b"O", b" EN"]);
        assert_eq!(told, ["", "", "ENO", " ", "EN"]);
        assert_eq!((text.as_str(), stopped), ("ENO EN", false));
    }

    #[test]
    fn the_first_of_several_stop_texts_counts() {
        let (_, text, stopped) = run(&["b", "ab"], &[b"xxabb"]);
        assert_eq!((text.as_str(), stopped), ("xx", true));
    }
}
