//! What the tokens of a remote model are counted with: its own vocabulary where that is published, else a careful guess.

pub(super) mod script;

use std::sync::Arc;

use tiktoken_rs::{CoreBPE, cl100k_base_singleton, o200k_base_singleton};

use self::script::Script;
use crate::text::{TokenCount, TokenCounter};

/// The longest stretch that is encoded at once, in bytes.
///
/// The pattern that cuts a text into pieces goes back over a run of one kind of character as often as the run is long, and
/// gives up, with a panic, after a million steps. In stretches, a text without any boundary takes time in proportion to its
/// length.
const STRETCH: usize = 4096;

/// A published vocabulary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vocabulary {
    /// `o200k_base`, from GPT-4o on. `gpt-oss` has the same pieces of text and other special tokens.
    O200k,
    /// `cl100k_base`, of GPT-4, GPT-3.5 and the embedding models.
    Cl100k,
}

impl Vocabulary {
    fn encoder(self) -> &'static CoreBPE {
        match self {
            Self::O200k => o200k_base_singleton(),
            Self::Cl100k => cl100k_base_singleton(),
        }
    }
}

/// Counts with a published vocabulary. Special tokens in a text are text. The vocabulary is read at the first count.
///
/// Exact where spaces part the text. A run of more than 4 KiB without a space is cut, which adds a token or two for each
/// cut.
impl TokenCounter for Vocabulary {
    fn count(&self, text: &str) -> TokenCount {
        let encoder = self.encoder();
        let mut rest = text;
        let mut count = 0;
        while !rest.is_empty() {
            let (stretch, after) = rest.split_at(stretch(rest));
            count += encoder.count_ordinary(stretch);
            rest = after;
        }
        TokenCount(count as u64)
    }
}

/// Returns how many bytes of `text` are encoded at once.
fn stretch(text: &str) -> usize {
    if text.len() <= STRETCH {
        return text.len();
    }
    let most = text.floor_char_boundary(STRETCH);
    let bytes = text.as_bytes();
    let parted = |at: &usize| {
        let before = at.checked_sub(1).and_then(|before| bytes.get(before));
        bytes.get(*at) == Some(&b' ')
            && before.is_some_and(|byte| byte.is_ascii() && !byte.is_ascii_whitespace())
    };
    // A space belongs to what follows it, so no piece of either pattern reaches over the place in front of one.
    (1..most).rev().find(parted).unwrap_or(most)
}

/// Families of models, and the vocabulary of each.
const FAMILIES: &[(&str, Vocabulary)] = &[
    ("gpt-4o", Vocabulary::O200k),
    ("chatgpt-4o", Vocabulary::O200k),
    ("gpt-4.1", Vocabulary::O200k),
    ("gpt-4.5", Vocabulary::O200k),
    ("gpt-5", Vocabulary::O200k),
    ("gpt-oss", Vocabulary::O200k),
    ("o1", Vocabulary::O200k),
    ("o3", Vocabulary::O200k),
    ("o4", Vocabulary::O200k),
    ("codex", Vocabulary::O200k),
    ("gpt-4", Vocabulary::Cl100k),
    ("gpt-3.5", Vocabulary::Cl100k),
    ("gpt-35", Vocabulary::Cl100k),
    ("text-embedding-3", Vocabulary::Cl100k),
    ("text-embedding-ada-002", Vocabulary::Cl100k),
];

/// Returns the name of a model without its vendor, in small letters.
pub(super) fn base_name(model: &str) -> String {
    model.rsplit('/').next().unwrap_or(model).to_ascii_lowercase()
}

/// Returns the vocabulary of the model with that name, where it is published.
#[must_use]
pub fn vocabulary(model: &str) -> Option<Vocabulary> {
    let name = base_name(model);
    let name = name.strip_prefix("ft:").unwrap_or(&name);
    let ends = |rest: &str, family: &str| match rest.bytes().next() {
        None | Some(b'-' | b':') => true,
        Some(b'.') => family == "gpt-5",
        Some(_) => false,
    };
    let fits = |family: &str| name.strip_prefix(family).is_some_and(|rest| ends(rest, family));
    FAMILIES.iter().find(|(family, _)| fits(family)).map(|(_, vocabulary)| *vocabulary)
}

/// Returns the counter of the model with that name, where its vocabulary is published.
#[must_use]
pub fn of_name(model: &str) -> Option<Arc<dyn TokenCounter>> {
    vocabulary(model).map(|vocabulary| Arc::new(vocabulary) as Arc<dyn TokenCounter>)
}

/// A guess for models of which no vocabulary is known. It is rarely too low.
///
/// It knows what words, digits, marks and scripts cost the vocabularies of GPT-4 and GPT-4o, and takes the dearer of both. A
/// short Latin word is one token; a long one is many, because a language with long words is one that vocabularies know
/// less of. So is one whose words end in open vowels or are full of `k`, `j`, `z` and `w`, as English ones are not.
#[derive(Debug, Clone, Copy, Default)]
pub struct Conservative;

impl TokenCounter for Conservative {
    fn count(&self, text: &str) -> TokenCount {
        let mut guess = Guess::default();
        for character in text.chars() {
            guess.take(character);
        }
        TokenCount(guess.finish())
    }
}

/// A guess in the making, in hundredths of a token.
#[derive(Debug, Default)]
struct Guess {
    hundredths: u64,
    /// The run of one kind that is being read: letters of one word, digits, spaces.
    run: u64,
    /// How many letters of the word are rare in English.
    unusual: u64,
    last: Option<char>,
    kind: Option<Script>,
}

impl Guess {
    fn take(&mut self, character: char) {
        let script = Script::of(character);
        let goes_on = match self.kind {
            Some(kind) if kind.is_latin() => script.is_latin(),
            kind => kind == Some(script),
        };
        if !goes_on {
            self.end_run(Some(script));
        }
        self.run += 1;
        self.unusual += u64::from(matches!(character, 'j' | 'k' | 'w' | 'z' | 'J' | 'K' | 'W' | 'Z'));
        self.hundredths += self.cost(character, script);
        self.kind = Some(script);
        self.last = Some(character);
    }

    /// Returns what one character adds beside what its run costs.
    fn cost(&self, character: char, script: Script) -> u64 {
        match script {
            Script::Lower | Script::Space | Script::Digit => 0,
            Script::Upper if self.run == 1 => 0,
            Script::Upper => 45,
            Script::Line if self.run == 1 => 110,
            Script::Line => 20,
            Script::Mark | Script::Print if self.run == 1 => 100,
            Script::Mark | Script::Print if self.last == Some(character) => 15,
            Script::Mark => 65,
            Script::Accented => 95,
            Script::Cyrillic => 80,
            Script::Print | Script::Kana => 120,
            Script::Greek | Script::Semitic => 125,
            Script::Han | Script::Hangul => 165,
            Script::Distant => 200,
            Script::Rare => 300,
        }
    }

    /// Adds what the run costs that ends here, and begins another before a character of the kind `next`.
    fn end_run(&mut self, next: Option<Script>) {
        let run = self.run;
        self.hundredths += match self.kind {
            Some(kind) if kind.is_latin() => self.word(),
            Some(Script::Digit) => run.div_ceil(3) * 100,
            // A single space goes with the word behind it, but not with a number.
            Some(Script::Space) if run == 1 && next != Some(Script::Digit) => 0,
            Some(Script::Space) => 120 + run * 2,
            _ => 0,
        };
        self.run = 0;
        self.unusual = 0;
    }

    /// Returns what a Latin word costs by its length and its sound.
    fn word(&self) -> u64 {
        let letters = self.run;
        let length = match letters {
            0..=3 => return 105,
            4 => 135,
            5 => 155,
            6 => 185,
            7..=16 => letters * 41 - 76,
            // No language has such words; noise in letters has.
            _ => letters * 60 - 380,
        };
        let open = matches!(self.last, Some('a' | 'i' | 'o' | 'u' | 'ä' | 'A' | 'I' | 'O' | 'U'));
        length + self.unusual * 25 + if open { letters * 18 } else { 0 }
    }

    fn finish(mut self) -> u64 {
        self.end_run(None);
        self.hundredths.div_ceil(100)
    }
}
