//! Answers that can be compared: finds the final answer in what a model wrote, and tells whether two answers say the same.
//! Pure: no files, no models.
//!
//! Where an answer stands follows the conventions of the public sets: a box in MATH (Hendrycks et al., 2021), `####` in GSM8K
//! (Cobbe et al., 2021), a letter in questions with choices. When two answers are equivalent follows math-verify
//! (<https://github.com/huggingface/Math-Verify>, 0.9.0), with which `tests/fixtures/answers` is labelled; the README there
//! says where it differs.

mod boxed;
mod choice;
mod compare;
mod evaluate;
mod extract;
mod formula;
mod lexicon;
mod numbers;
mod parse;
mod primary;
mod quantity;
mod ratio;
mod reals;
mod token;
mod tree;
mod value;

use tree::Tree;

/// What kind of answer a text ends in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AnswerKind {
    /// The text itself, also where it is empty; two are the same that have the same words.
    Words,
    /// A formula, a number, a set, an equation: what stands in the last box, behind the last `####` (GSM8K's mark), behind the
    /// last "answer is", or is the whole text; otherwise the last formula, and the last number where there is none.
    Math,
    /// A number, from the same places.
    Number,
    /// A letter, A to E.
    Choice,
}

/// Finds the final answer in a text, as it stands there; nothing where there is none.
///
/// ```
/// use longhand::answer::{AnswerKind, extract};
///
/// assert_eq!(extract(r"so it is $\boxed{\frac{1}{2}}$.", AnswerKind::Math), Some(r"\frac{1}{2}"));
/// assert_eq!(extract("She sells 9 for $18.\n#### 18", AnswerKind::Number), Some("18"));
/// assert_eq!(extract("He pays 3 coins and has 1,204 left.", AnswerKind::Number), Some("1,204"));
/// assert_eq!(extract("A ferry sank, so the answer is (B).", AnswerKind::Choice), Some("B"));
/// assert_eq!(extract("I cannot say.", AnswerKind::Number), None);
/// ```
#[must_use]
pub fn extract(text: &str, kind: AnswerKind) -> Option<&str> {
    match kind {
        AnswerKind::Words => Some(text.trim()),
        AnswerKind::Math => extract::math(text),
        AnswerKind::Number => extract::a_number(text),
        AnswerKind::Choice => extract::a_choice(text),
    }
}

/// Tells whether two short answers, in LaTeX or plain text, are mathematically the same.
///
/// Fractions are compared exactly, other numbers as far as floating point goes; a number with a point may be rounded to six
/// places. Formulas with variables are compared at fixed points. Lists and sets have no order, tuples and intervals do.
/// Units, currencies and degrees are not compared. What cannot be read is the same where it is written the same.
///
/// ```
/// use longhand::answer::equivalent;
///
/// assert!(equivalent(r"\frac{\sqrt{2}}{2}", r"1/\sqrt 2"));
/// assert!(equivalent("(x+1)^2", "x^2 + 2x + 1"));
/// assert!(equivalent("x = 5", "5"));
/// assert!(equivalent("-2, 1", r"\{1, -2\}"));
/// assert!(equivalent(r"x > 2", r"(2, \infty)"));
/// assert!(!equivalent("[0, 1]", "(0, 1)"));
/// ```
#[must_use]
pub fn equivalent(one: &str, two: &str) -> bool {
    Formula::read(one).is_same(&Formula::read(two))
}

/// An answer that was found in a text and read, so that it can be compared with many.
#[derive(Debug, Clone)]
pub struct Answer<'a> {
    text: &'a str,
    meaning: Meaning,
}

#[derive(Debug, Clone)]
enum Meaning {
    Words(String),
    Formula(Formula),
    Letter(String),
}

impl<'a> Answer<'a> {
    /// Finds and reads the final answer of a text; nothing where there is none.
    #[must_use]
    pub fn of(text: &'a str, kind: AnswerKind) -> Option<Self> {
        let text = extract(text, kind)?;
        let meaning = match kind {
            AnswerKind::Words => Meaning::Words(words(text)),
            AnswerKind::Math | AnswerKind::Number => Meaning::Formula(Formula::read(text)),
            AnswerKind::Choice => Meaning::Letter(text.to_uppercase()),
        };
        Some(Self { text, meaning })
    }

    /// The answer as it stands in its text.
    #[must_use]
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// Tells whether two answers say the same. Answers of different kinds never do, except formulas and numbers.
    #[must_use]
    pub fn is_same(&self, other: &Answer<'_>) -> bool {
        match (&self.meaning, &other.meaning) {
            (Meaning::Words(one), Meaning::Words(two)) | (Meaning::Letter(one), Meaning::Letter(two)) => {
                one == two
            }
            (Meaning::Formula(one), Meaning::Formula(two)) => one.is_same(two),
            _ => false,
        }
    }
}

/// The words of a text: without case, punctuation and the spaces between them.
fn words(text: &str) -> String {
    let words = text.split(|sign: char| !sign.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join(" ")
}

/// A short answer as it is written, and what it says where it can be read.
#[derive(Debug, Clone)]
struct Formula {
    written: String,
    tree: Option<Tree>,
}

impl Formula {
    fn read(text: &str) -> Self {
        Self { written: written(text), tree: parse::parse(text.trim()) }
    }

    fn is_same(&self, other: &Self) -> bool {
        self.written == other.written
            || self.tree.as_ref().zip(other.tree.as_ref()).is_some_and(|(one, two)| compare::same(one, two))
    }
}

/// A text without space, and without the commands that only change how it looks. Space that keeps two numbers apart stays.
fn written(text: &str) -> String {
    let mut squeezed = String::new();
    for word in text.trim().trim_end_matches('.').split_whitespace() {
        let apart = squeezed.ends_with(|c: char| c.is_alphanumeric() || c == ',');
        if apart && word.starts_with(char::is_alphanumeric) {
            squeezed.push(' ');
        }
        squeezed.push_str(word);
    }
    ["\\left", "\\right", "\\!", "\\,", "\\;", "$"].iter().fold(squeezed, |text, look| text.replace(look, ""))
}

#[cfg(test)]
mod tests;
