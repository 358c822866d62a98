//! Standing instructions and preferences: what the user wants to hold for every answer, kept apart from what is recalled
//! by likeness, because a question seldom sounds like the instruction that it falls under.

use serde::{Deserialize, Serialize};

use super::episode::{Episode, Place, Role, Said};
use crate::text::{Span, sentences, words};

/// Phrases that make any sentence an instruction for the future, as words in lower case.
const INSTRUCTIONS: [&str; 24] = [
    "from now on",
    "from here on",
    "going forward",
    "in the future please",
    "in future please",
    "in all answers",
    "in all your answers",
    "in all replies",
    "in all your replies",
    "in every answer",
    "in every reply",
    "when i ask",
    "when i mention",
    "when i talk",
    "whenever i",
    "each time i",
    "every time i",
    "any time i",
    "anytime i",
    "if i ask",
    "keep in mind that i",
    "remember that i",
    "call me",
    "no longer use",
];

/// Words after which `always` or `never` instructs.
const ASKING: [&str; 8] = ["please", "should", "must", "can", "to", "remember", "sure", "you"];

/// Words that begin an instruction, when the sentence also says for how long.
const IMPERATIVES: [&str; 12] = [
    "use", "avoid", "keep", "include", "format", "provide", "give", "answer", "reply", "write", "explain",
    "show",
];

/// Words that say for how long.
const LASTING: [&str; 7] =
    ["always", "whenever", "every time", "each time", "from now on", "in all", "by default"];

/// Phrases of a lasting preference.
const PREFERENCES: [&str; 40] = [
    "i prefer",
    "i'd prefer",
    "i would prefer",
    "i much prefer",
    "i also prefer",
    "i still prefer",
    "i usually prefer",
    "i generally prefer",
    "i really prefer",
    "i preferred",
    "my preference",
    "my preferred",
    "preference for",
    "as i prefer",
    "i'd rather",
    "i would rather",
    "i always",
    "i never",
    "i usually",
    "i generally",
    "i typically",
    "i tend to",
    "i love",
    "i hate",
    "i dislike",
    "i can't stand",
    "i really love",
    "i really like",
    "i'm a fan of",
    "i'm not a fan of",
    "i'm a big fan of",
    "allergic to",
    "i'm vegetarian",
    "i'm vegan",
    "i don't like",
    "i do not like",
    "i don't eat",
    "my favorite",
    "my favourite",
    "i'm more comfortable",
];

/// Verbs of liking: with a comparison behind them they tell a preference.
const LIKING: [&str; 9] = ["like", "love", "enjoy", "hate", "favor", "favour", "want", "value", "use"];

/// Words of comparison.
const COMPARING: [&str; 7] =
    ["over", "rather than", "instead of", "more than", "better than", "as opposed to", "works best for me"];

/// A statement that holds for every answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Where it was said.
    pub place: Place,
    /// Whether it instructs, or tells what the user likes.
    pub kind: StandingKind,
}

/// What kind of statement it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum StandingKind {
    /// How answers are to be made.
    Instruction,
    /// What the user likes, and does not.
    Preference,
}

impl Standing {
    /// Finds the standing statements of a turn: sentences of the user that say one of some plain phrases.
    pub(super) fn found_in(episode: &Episode) -> Vec<Self> {
        let mut found = Vec::new();
        // Who has a name talks with other people, and instructs nobody.
        let instructs = |said: &Said| said.role == Role::User && said.name.is_none();
        for (said, message) in (0..).zip(&episode.said).filter(|(_, said)| instructs(said)) {
            for range in sentences(&message.text) {
                let text = message.text.get(range.clone()).unwrap_or_default();
                let Some(kind) = kind(text) else { continue };
                let trimmed = range.start..range.start + text.trim_end().len();
                let span = Span { start: trimmed.start as u64, end: trimmed.end as u64 };
                found.push(Self { place: Place { turn: episode.turn, said, span }, kind });
            }
        }
        found
    }
}

fn kind(sentence: &str) -> Option<StandingKind> {
    let line = Line::of(sentence);
    if line.says_any(&INSTRUCTIONS) || line.begins_lasting() || line.asks_for_always() || line.orders() {
        return Some(StandingKind::Instruction);
    }
    (line.says_any(&PREFERENCES) || line.compares()).then_some(StandingKind::Preference)
}

/// The words of a sentence in lower case.
struct Line {
    words: Vec<String>,
    /// The words with a space around each, to find phrases in.
    joined: String,
}

impl Line {
    fn of(sentence: &str) -> Self {
        let words: Vec<String> = words(sentence).map(|word| word.to_lowercase().replace('’', "'")).collect();
        let joined = format!(" {} ", words.join(" ")).replace(" i am ", " i'm ");
        Self { words, joined }
    }

    fn says(&self, phrase: &str) -> bool {
        self.joined.contains(&format!(" {phrase} "))
    }

    fn says_any(&self, phrases: &[&str]) -> bool {
        phrases.iter().any(|phrase| self.says(phrase))
    }

    /// The first word that is no courtesy.
    fn first(&self) -> Option<&str> {
        let courtesy = ["please", "and", "also", "so", "but", "ok", "okay"];
        self.words.iter().map(String::as_str).find(|word| !courtesy.contains(word))
    }

    /// "Always write short answers."
    fn begins_lasting(&self) -> bool {
        self.first().is_some_and(|word| matches!(word, "always" | "never")) && self.words.len() > 1
    }

    /// "You should always say where it stands."
    fn asks_for_always(&self) -> bool {
        let pairs = self.words.windows(2);
        let mut pairs =
            pairs.filter(|pair| matches!(pair.last().map(String::as_str), Some("always" | "never")));
        pairs.any(|pair| pair.first().is_some_and(|word| ASKING.contains(&word.as_str())))
    }

    /// "Use metric units by default."
    fn orders(&self) -> bool {
        self.first().is_some_and(|word| IMPERATIVES.contains(&word)) && self.says_any(&LASTING)
    }

    /// "I like trains better than planes."
    fn compares(&self) -> bool {
        let liking = LIKING.iter().any(|verb| {
            ["i", "i'd", "i really", "i usually", "i generally", "i don't", "i would"]
                .iter()
                .any(|subject| self.says(&format!("{subject} {verb}")))
        });
        liking && self.says_any(&COMPARING)
    }
}

#[cfg(test)]
mod tests {
    use super::super::episode::{Said, Turn};
    use super::*;

    #[test]
    fn instructions_and_preferences_are_told_from_what_is_merely_said() {
        for text in [
            "From now on, answer in French!",
            "Always show the units.",
            "Please never use tables.",
            "You should always say where it stands.",
            "Use metric units by default.",
            "When I ask about dates, give the weekday.",
        ] {
            assert_eq!(kind(text), Some(StandingKind::Instruction), "{text}");
        }
        for text in [
            "I prefer trains to planes.",
            "I’d rather walk.",
            "I am allergic to nuts.",
            "I like tea better than coffee.",
            "I usually get up at six.",
        ] {
            assert_eq!(kind(text), Some(StandingKind::Preference), "{text}");
        }
        for text in ["It always rains.", "Use the second one.", "I like your hat.", "What is over there?", ""]
        {
            assert_eq!(kind(text), None, "{text}");
        }
    }

    #[test]
    fn only_the_user_instructs_and_the_place_is_exact() {
        let said = vec![Said::user("Hello. Always be brief.  Thanks."), Said::assistant("I prefer tea.")];
        let episode = Episode { turn: Turn(3), at_ms: None, said };
        let found = Standing::found_in(&episode);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].place, Place { turn: Turn(3), said: 0, span: Span { start: 7, end: 23 } });
    }
}
