//! Facts that nobody could guess: invented people, codes, days, places and tastes, each with the sentence that tells it, the
//! question that asks for it, and the few words that answer.
//!
//! Half of the questions name the thing as the sentence did, half of them in other words: those share with it whose thing it is, and
//! nothing else. A distractor tells the same of somebody else.

use std::collections::BTreeSet;

use super::super::draw::Draw;

/// What kinds of facts there are, in the order in which they take turns.
pub(super) const KINDS: [Kind; 5] = [Kind::Name, Kind::Number, Kind::Date, Kind::Place, Kind::Taste];

/// Of what kind a fact is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Name,
    Number,
    Date,
    Place,
    Taste,
}

/// One invented fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fact {
    /// What the user says.
    pub(super) told: String,
    /// What is asked later.
    pub(super) question: String,
    /// Whether it is asked in other words than it was told.
    pub(super) reworded: bool,
    /// The words that answer.
    pub(super) answer: String,
    /// The same of somebody else, where one is said.
    pub(super) distractor: Option<String>,
}

const WHO: [&str; 14] = [
    "sister",
    "brother",
    "cousin",
    "neighbour",
    "aunt",
    "uncle",
    "landlord",
    "flatmate",
    "grandmother",
    "colleague",
    "nephew",
    "niece",
    "godfather",
    "teacher",
];

const LEADS: [&str; 5] = ["By the way, ", "Before I forget: ", "Something else: ", "Unrelated, but ", ""];

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

impl Kind {
    /// What somebody may have, told of them.
    fn things(self) -> [&'static str; 6] {
        match self {
            Self::Name => ["dentist", "piano tuner", "fencing coach", "tax adviser", "vet", "tailor"],
            Self::Number => ["bicycle lock", "locker", "garden gate", "safe", "suitcase", "key box"],
            Self::Date => {
                ["wedding", "driving test", "first concert", "operation", "farewell party", "christening"]
            }
            Self::Place => ["summer house", "stable", "pottery", "orchard", "beehives", "boat"],
            Self::Taste => ["soup", "tea", "ice cream", "pie", "jam", "salad"],
        }
    }

    fn told(self, who: &str, thing: &str, answer: &str) -> String {
        match self {
            Self::Name => format!("my {who}'s {thing} is called {answer}."),
            Self::Number => format!("the code of my {who}'s {thing} is {answer}."),
            Self::Date => format!("my {who}'s {thing} was on {answer}."),
            Self::Place if thing == "beehives" => format!("my {who}'s {thing} stand in {answer}."),
            Self::Place => format!("my {who}'s {thing} is in {answer}."),
            Self::Taste => format!("my {who}'s favourite {thing} is {answer}."),
        }
    }

    fn question(self, who: &str, thing: &str) -> String {
        match self {
            Self::Name => format!("Who is my {who}'s {thing}?"),
            Self::Number => format!("With which number does my {who}'s {thing} open?"),
            Self::Date => format!("On what day was my {who}'s {thing}?"),
            Self::Place if thing == "beehives" => format!("Where are my {who}'s {thing}?"),
            Self::Place => format!("Where is my {who}'s {thing}?"),
            Self::Taste => format!("Which {thing} does my {who} like best?"),
        }
    }

    /// The question without the name of the thing.
    fn reworded(self, who: &str, thing: &str) -> String {
        let asked = match thing {
            "dentist" => "Who looks after the teeth of my WHO?",
            "piano tuner" => "Who puts the instrument of my WHO in order?",
            "fencing coach" => "Who trains my WHO with the foil?",
            "tax adviser" => "Who does the returns of my WHO for the revenue?",
            "vet" => "Who treats the animals of my WHO when they are ill?",
            "tailor" => "Who makes the suits of my WHO?",
            "bicycle lock" => "Which digits free the bike of my WHO?",
            "locker" => "Which digits open the cabinet of my WHO at the pool?",
            "garden gate" => "Which digits let me in behind the house of my WHO?",
            "safe" => "Which digits open the strongbox of my WHO?",
            "suitcase" => "Which digits open the luggage of my WHO?",
            "key box" => "How do I get at the spare latchkeys of my WHO?",
            "wedding" => "When did my WHO get married?",
            "driving test" => "When did my WHO try for a licence at the wheel?",
            "first concert" => "When did my WHO begin to play on a stage?",
            "operation" => "When was my WHO under the knife?",
            "farewell party" => "When did my WHO celebrate leaving?",
            "christening" => "When was my WHO baptised?",
            "summer house" => "Where does my WHO spend the holidays?",
            "stable" => "Where does my WHO keep horses?",
            "pottery" => "Where does my WHO throw and fire clay?",
            "orchard" => "Where do the apple trees of my WHO grow?",
            "beehives" => "Where does my WHO get honey from?",
            "boat" => "Where does my WHO have a sloop at anchor?",
            "soup" => "What does my WHO like most for a starter?",
            "tea" => "What hot drink does my WHO like most?",
            "ice cream" => "What frozen dessert does my WHO like most?",
            "pie" => "What does my WHO like most from the oven?",
            "jam" => "What does my WHO like most on bread?",
            "salad" => "What greens does my WHO like most?",
            _ => return self.question(who, thing),
        };
        asked.replace("WHO", who)
    }

    fn answer(self, draw: &mut Draw) -> String {
        match self {
            Self::Name => format!("{} {}", name(draw), name(draw)),
            Self::Number => format!("{}", 10_000 + draw.below(90_000)),
            Self::Date => {
                format!("{} {} {}", 1 + draw.below(28), draw.one(&MONTHS), 1950 + draw.below(60))
            }
            Self::Place => format!("{}{}", name(draw), draw.one(&["wick", "holm", "stead", "mouth", "ford"])),
            Self::Taste => {
                let with =
                    ["fennel", "quince", "sorrel", "cardamom", "medlar", "juniper", "chervil", "sumac"];
                let first = draw.below(with.len());
                let second = (first + 1 + draw.below(with.len() - 1)) % with.len();
                let of = |at: usize| with.get(at).copied().unwrap_or_default();
                format!("{} with {} and {}", name(draw), of(first), of(second))
            }
        }
    }
}

/// An invented name.
fn name(draw: &mut Draw) -> String {
    let first =
        draw.one(&["Tav", "Mor", "Quel", "Bran", "Isk", "Ott", "Zel", "Hur", "Vey", "Dov", "Pell", "Ruk"]);
    let middle = draw.one(&["a", "e", "i", "o", "u", "el", "an", "or"]);
    format!("{first}{middle}{}", draw.one(&["ris", "lin", "mund", "dra", "vik", "neth", "sko", "bert"]))
}

/// Invents `count` facts, the kinds taking turns, every other fact with a distractor. No two are about the same thing of the same
/// person; no answer stands in the text that `stands` knows, nor in another fact.
pub(super) fn invented(count: usize, seed: u64, stands: impl Fn(&str) -> bool) -> Vec<Fact> {
    let mut draw = Draw::new(seed);
    let mut pairs: Vec<Vec<(&str, &str)>> = KINDS
        .iter()
        .map(|kind| {
            let things = kind.things();
            let mut pairs: Vec<(&str, &str)> =
                WHO.iter().flat_map(|who| things.map(|thing| (*who, thing))).collect();
            draw.shuffle(&mut pairs);
            pairs
        })
        .collect();
    let mut answers = BTreeSet::new();
    let mut facts = Vec::new();
    for (number, at) in (0..count).zip((0..KINDS.len()).cycle()) {
        let (Some(kind), Some(open)) = (KINDS.get(at).copied(), pairs.get_mut(at)) else { continue };
        let Some((who, thing)) = open.pop() else { break };
        let mut fresh = || loop {
            let answer = kind.answer(&mut draw);
            if !stands(&answer) && answers.insert(answer.clone()) {
                return answer;
            }
        };
        let (answer, other) = (fresh(), fresh());
        let lead = draw.one(&LEADS);
        let told = sentence(lead, &kind.told(who, thing, &answer));
        let somebody = open.iter().position(|(_, same)| *same == thing).filter(|_| number % 2 == 1);
        let distractor = somebody.map(|at| {
            let (who, thing) = open.remove(at);
            sentence(draw.one(&LEADS), &kind.told(who, thing, &other))
        });
        let reworded = number / KINDS.len() % 2 == 1;
        let question = if reworded { kind.reworded(who, thing) } else { kind.question(who, thing) };
        facts.push(Fact { told, question, reworded, answer, distractor });
    }
    facts
}

/// Puts a lead before a clause, or begins with a capital where there is none.
fn sentence(lead: &str, clause: &str) -> String {
    let mut rest = clause.chars();
    match rest.next().filter(|_| lead.is_empty()) {
        Some(first) => first.to_uppercase().chain(rest).collect(),
        None => format!("{lead}{clause}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_all_different_and_always_the_same() {
        let facts = invented(100, 7, |_| false);
        assert_eq!(facts, invented(100, 7, |_| false));
        assert_ne!(facts, invented(100, 8, |_| false));
        let questions: BTreeSet<&str> = facts.iter().map(|fact| fact.question.as_str()).collect();
        assert_eq!((facts.len(), questions.len()), (100, 100));
        assert_eq!(facts.iter().filter(|fact| fact.distractor.is_some()).count(), 50);
        assert_eq!(facts.iter().filter(|fact| fact.reworded).count(), 50);
        let told = |fact: &Fact| format!("{} {:?}", fact.told, fact.distractor);
        let all = facts.iter().map(told).collect::<Vec<String>>().join("\n");
        for fact in &facts {
            assert!(fact.told.contains(&fact.answer) && !fact.question.contains(&fact.answer), "{fact:?}");
            assert_eq!(all.matches(fact.answer.as_str()).count(), 1, "{fact:?}");
            assert!(!fact.told.starts_with(char::is_lowercase), "{fact:?}");
        }
    }

    #[test]
    fn other_words_are_other_words() {
        for (kind, thing) in KINDS.iter().flat_map(|kind| kind.things().map(|thing| (kind, thing))) {
            let asked = kind.reworded("niece", thing);
            assert!(asked.contains("my niece") && asked != kind.question("niece", thing), "{thing}");
            let words: Vec<&str> = asked.trim_end_matches('?').split(' ').collect();
            assert!(thing.split(' ').all(|part| !words.contains(&part)), "{asked} for {thing}");
        }
    }

    #[test]
    fn an_answer_that_stands_there_already_is_not_taken() {
        let first = invented(5, 7, |_| false).remove(1).answer;
        assert!(invented(5, 7, |answer| answer == first).iter().all(|fact| fact.answer != first));
        assert!(invented(100, 7, |answer| answer.starts_with('1')).len() == 100);
    }
}
