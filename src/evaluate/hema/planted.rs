//! The long chats one after the other as one, with invented facts told in between.

use std::collections::{BTreeMap, BTreeSet};

use super::super::sets::{At, Chat};
use super::facts::{Fact, invented};
use crate::memory::{Episode, Said, Turn};

/// What the assistant says to a fact. It repeats nothing of it.
const NOTED: &str = "Thank you, I have taken note of it.";

/// A chat to be replayed.
#[derive(Debug)]
pub(super) struct Plan {
    /// The turns, numbered from 1.
    pub(super) episodes: Vec<Episode>,
    /// The facts, and the turns in which they are told.
    pub(super) facts: Vec<(Fact, Turn)>,
    /// The questions of the chats: when each chat has ended, and the messages that answer.
    pub(super) asked: BTreeMap<Turn, Vec<Asked>>,
}

/// A question that a set of chats comes with.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) text: String,
    pub(super) kind: String,
    pub(super) gold: BTreeSet<At>,
    pub(super) at_ms: u64,
}

impl Plan {
    /// Tells `count` facts, or fewer where they would stand closer together than every fourth turn, evenly over the first `within`
    /// turns of the chats. Half of them have a distractor, told one place before or after.
    pub(super) fn new(chats: &[&Chat], count: usize, within: usize, seed: u64) -> Self {
        let texts: String = chats
            .iter()
            .flat_map(|chat| &chat.episodes)
            .flat_map(|episode| &episode.said)
            .flat_map(|said| [said.text.as_str(), "\n"])
            .collect();
        // Three places for two facts.
        let count = count.min(within / 6);
        let facts = invented(count, seed, |answer| texts.contains(answer));
        let mut places: Vec<(Option<usize>, &str)> = Vec::new();
        for (number, fact) in facts.iter().enumerate() {
            let own = (Some(number), fact.told.as_str());
            let other = fact.distractor.as_deref().map(|told| (None, told));
            let before = number % 4 == 1;
            places.extend(other.filter(|_| before));
            places.push(own);
            places.extend(other.filter(|_| !before));
        }
        let mut plan = Self { episodes: Vec::new(), facts: Vec::new(), asked: BTreeMap::new() };
        let mut told: Vec<(usize, Turn)> = Vec::new();
        let mut open = places.iter().enumerate().peekable();
        let mut so_far = 0;
        for chat in chats {
            let mut turns: BTreeMap<u32, Turn> = BTreeMap::new();
            for episode in &chat.episodes {
                while let Some((_, (fact, text))) =
                    open.next_if(|(at, _)| at * within / places.len().max(1) <= so_far)
                {
                    let said = vec![Said::user(*text), Said::assistant(NOTED)];
                    let turn = plan.push(episode.at_ms, said);
                    told.extend(fact.map(|fact| (fact, turn)));
                }
                turns.insert(episode.turn.0, plan.push(episode.at_ms, episode.said.clone()));
                so_far += 1;
            }
            plan.ask(chat, &turns);
        }
        let telling: BTreeMap<usize, Turn> = told.into_iter().collect();
        let facts = facts.into_iter().enumerate();
        plan.facts = facts.filter_map(|(at, fact)| Some((fact, *telling.get(&at)?))).collect();
        plan
    }

    fn push(&mut self, at_ms: Option<u64>, said: Vec<Said>) -> Turn {
        let turn = Turn(u32::try_from(self.episodes.len()).unwrap_or(u32::MAX)).next();
        self.episodes.push(Episode { turn, at_ms, said });
        turn
    }

    /// Notes the questions of a chat that has just ended, with the turns that its turns have become.
    fn ask(&mut self, chat: &Chat, turns: &BTreeMap<u32, Turn>) {
        let Some(end) = self.episodes.last().map(|episode| episode.turn) else { return };
        let asked = chat.questions.iter().map(|question| Asked {
            text: question.text.clone(),
            kind: question.kind.clone(),
            gold: question.gold.iter().filter_map(|(turn, said)| Some((turns.get(turn)?.0, *said))).collect(),
            at_ms: question.at_ms,
        });
        self.asked.entry(end).or_default().extend(asked.filter(|asked| !asked.gold.is_empty()));
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::sets::Question;
    use super::*;

    fn chat(turns: u32) -> Chat {
        let said = |turn| vec![Said::user(format!("Question {turn}.")), Said::assistant("Answer.")];
        let episodes =
            (1..=turns).map(|turn| Episode { turn: Turn(turn), at_ms: None, said: said(turn) }).collect();
        let gold = [(2, 0), (turns, 1)].into();
        let question = Question { text: "What?".into(), kind: "two".into(), gold, at_ms: 0 };
        Chat { name: "own".into(), episodes, questions: vec![question] }
    }

    #[test]
    fn facts_stand_between_the_turns_and_questions_follow_their_messages() {
        let plan = Plan::new(&[&chat(40), &chat(30)], 8, 36, 3);
        assert_eq!(plan.facts.len(), 6);
        assert_eq!(plan.episodes.len(), 70 + 9);
        for (at, episode) in (1..).zip(&plan.episodes) {
            assert_eq!(episode.turn, Turn(at));
        }
        let text = |turn: u32, said: usize| {
            plan.episodes[usize::try_from(turn).unwrap() - 1].said[said].text.clone()
        };
        for (fact, turn) in &plan.facts {
            assert_eq!(text(turn.0, 0), fact.told);
            assert!(turn.0 <= 36 + 9);
        }
        let asked: Vec<(&Turn, &Vec<Asked>)> = plan.asked.iter().collect();
        assert_eq!(asked.len(), 2);
        for ((end, asked), last) in asked.into_iter().zip(["Question 40.", "Question 30."]) {
            assert_eq!(text(end.0, 0), last);
            let texts: Vec<String> = asked[0]
                .gold
                .iter()
                .map(|(turn, said)| text(*turn, usize::try_from(*said).unwrap()))
                .collect();
            assert_eq!(texts, ["Question 2.", "Answer."]);
        }
    }
}
