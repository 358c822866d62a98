//! Reasoning in rounds: what an answer says of how to go on, and how a line of answers ends.
//!
//! The form is that of `InftyThink` (Yan et al. 2025, arXiv 2503.06692, section 3): a round answers
//! `<think>…</think><summary>…</summary>`, the next one sees the question and that summary only, and an answer without a
//! summary is the conclusion. Pure: whoever asks and whoever reads the journal afterwards come to the same end.

use std::collections::BTreeSet;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::StopReason;
use crate::text::one_line;

const SUMMARY: [&str; 2] = ["<summary>", "</summary>"];
const THINK: [&str; 2] = ["<think>", "</think>"];

/// What one answer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoundAnswer {
    /// It holds no summary: what it says after its thought is the conclusion.
    Conclusion(String),
    /// It ends with a summary to go on from.
    Summary {
        /// What was thought before.
        thought: String,
        /// The summary, without white space around it; never empty.
        summary: String,
    },
    /// Its summary is missing, cut or empty, or it says nothing at all.
    Malformed {
        /// What was thought all the same; empty where nothing was said.
        thought: String,
    },
}

impl RoundAnswer {
    /// Reads an answer. One that was cut is never a conclusion.
    ///
    /// ```
    /// use longhand::model::StopReason;
    /// use longhand::run::RoundAnswer;
    /// let said = RoundAnswer::read("<think>7 is odd.</think>\n<summary>7 is odd.</summary>", StopReason::End);
    /// assert!(matches!(said, RoundAnswer::Summary { summary, .. } if summary == "7 is odd."));
    /// let said = RoundAnswer::read("<think>So it is.</think>\nIt is 8.", StopReason::End);
    /// assert_eq!(said, RoundAnswer::Conclusion("It is 8.".to_owned()));
    /// ```
    #[must_use]
    pub fn read(answer: &str, stop: StopReason) -> Self {
        let [open, close] = SUMMARY;
        // The words may stand in the thought as well: the last summary is the one that was meant.
        if let Some((before, after)) = answer.rsplit_once(open) {
            let thought = thought(before);
            let summary = match after.split_once(close) {
                Some((summary, _)) => summary,
                // The tag that closes it may be the text at which the answer ends.
                None if stop == StopReason::StopText => after,
                None => "",
            };
            return match summary.trim() {
                "" => Self::Malformed { thought },
                summary => Self::Summary { thought, summary: summary.to_owned() },
            };
        }
        let conclusion = conclusion(answer);
        if stop == StopReason::Length || conclusion.trim().is_empty() {
            return Self::Malformed { thought: thought(answer) };
        }
        Self::Conclusion(conclusion.to_owned())
    }
}

/// What stands after the thought; all of an answer without one, as it is.
fn conclusion(answer: &str) -> &str {
    let [open, close] = THINK;
    match answer.rsplit_once(close) {
        Some((_, after)) => after.trim(),
        // A thought that was never ended has come to nothing.
        None if answer.trim_start().starts_with(open) => "",
        None => answer,
    }
}

fn thought(before: &str) -> String {
    let [open, close] = THINK;
    let text = before.trim();
    let text = text.strip_prefix(open).unwrap_or(text);
    text.strip_suffix(close).unwrap_or(text).trim().to_owned()
}

/// How a line of rounds ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RoundsEnd {
    /// An answer without a summary: the conclusion.
    Concluded,
    /// As many rounds as may be were made, and none concluded.
    AtMost,
    /// A summary came again word for word: from there the rounds would go in a circle.
    Repeated,
    /// Twice in a row nothing was said.
    Empty,
    /// An answer had no whole summary, and asking again would bring the same one.
    Malformed,
}

impl fmt::Display for RoundsEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Concluded => "concluded",
            Self::AtMost => "stopped at the most rounds without a conclusion",
            Self::Repeated => "stopped where a summary came again word for word",
            Self::Empty => "stopped because nothing was said any more",
            Self::Malformed => "stopped at an answer without a whole summary",
        })
    }
}

/// What is to be done after an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Make the next round.
    Round,
    /// Ask for a summary of this thought, which has none.
    Summarize(String),
    /// Nothing: the rounds have ended.
    End(RoundsEnd),
}

/// How the rounds of a step are to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoundsRule {
    /// The number of rounds at most.
    pub at_most: u32,
    /// Whether somebody is asked for the summary of a round that ended without a whole one.
    pub summarizes: bool,
    /// Whether the same question may be answered otherwise when it is asked again.
    pub varies: bool,
}

/// A line of rounds, as far as it has come.
#[derive(Debug, Clone)]
pub struct Rounds {
    rule: RoundsRule,
    made: u32,
    recovered: u32,
    silent: bool,
    summary: String,
    seen: BTreeSet<String>,
    conclusion: Option<String>,
    end: Option<RoundsEnd>,
}

impl Rounds {
    /// Begins a line of rounds.
    #[must_use]
    pub fn new(rule: RoundsRule) -> Self {
        Self {
            rule,
            made: 0,
            recovered: 0,
            silent: false,
            summary: String::new(),
            seen: BTreeSet::new(),
            conclusion: None,
            end: None,
        }
    }

    /// Takes the answer of a round.
    pub fn answered(&mut self, said: RoundAnswer) -> Next {
        self.made += 1;
        let silent = std::mem::take(&mut self.silent);
        match said {
            RoundAnswer::Conclusion(text) => {
                self.conclusion = Some(text);
                self.ends(RoundsEnd::Concluded)
            }
            RoundAnswer::Summary { summary, .. } => self.go_on(summary),
            RoundAnswer::Malformed { thought } if thought.is_empty() => {
                self.silent = true;
                if silent || !self.rule.varies {
                    return self.ends(RoundsEnd::Empty);
                }
                self.again()
            }
            RoundAnswer::Malformed { thought } if self.rule.summarizes => Next::Summarize(thought),
            RoundAnswer::Malformed { .. } if self.rule.varies => self.again(),
            RoundAnswer::Malformed { .. } => self.ends(RoundsEnd::Malformed),
        }
    }

    /// Takes the answer to a question for a summary.
    pub fn summarized(&mut self, answer: &str) -> Next {
        let [open, close] = SUMMARY;
        let summary = answer.rsplit_once(open).map_or(answer, |(_, after)| after);
        let summary = summary.split_once(close).map_or(summary, |(summary, _)| summary).trim();
        if summary.is_empty() {
            return if self.rule.varies { self.again() } else { self.ends(RoundsEnd::Malformed) };
        }
        self.recovered += 1;
        self.go_on(summary.to_owned())
    }

    /// The last good summary stays, and the round is made again from it.
    fn again(&mut self) -> Next {
        self.recovered += 1;
        self.next()
    }

    fn go_on(&mut self, summary: String) -> Next {
        let again = !self.seen.insert(one_line(&summary));
        self.summary = summary;
        if again { self.ends(RoundsEnd::Repeated) } else { self.next() }
    }

    fn next(&mut self) -> Next {
        if self.made >= self.rule.at_most { self.ends(RoundsEnd::AtMost) } else { Next::Round }
    }

    fn ends(&mut self, end: RoundsEnd) -> Next {
        self.end = Some(end);
        Next::End(end)
    }

    /// Returns the number of rounds that were made.
    #[must_use]
    pub fn made(&self) -> u32 {
        self.made
    }

    /// Returns how many rounds had no whole summary and were mended: summarized by somebody else, or made again.
    #[must_use]
    pub fn recovered(&self) -> u32 {
        self.recovered
    }

    /// Returns the last good summary; empty before the first.
    #[must_use]
    pub fn summary(&self) -> &str {
        &self.summary
    }

    /// Returns how the rounds ended; none while they go on.
    #[must_use]
    pub fn end(&self) -> Option<RoundsEnd> {
        self.end
    }

    /// Returns the conclusion, or the last good summary where there is none.
    #[must_use]
    pub fn result(&self) -> &str {
        self.conclusion.as_deref().unwrap_or(&self.summary)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RULE: RoundsRule = RoundsRule { at_most: 4, summarizes: false, varies: true };

    fn told(rule: RoundsRule, answers: &[(&str, StopReason)]) -> (Rounds, Vec<Next>) {
        let mut rounds = Rounds::new(rule);
        let next =
            answers.iter().map(|(text, stop)| rounds.answered(RoundAnswer::read(text, *stop))).collect();
        (rounds, next)
    }

    #[test]
    fn answers_are_read_as_the_paper_writes_them() {
        let summary = |thought: &str, summary: &str| RoundAnswer::Summary {
            thought: thought.to_owned(),
            summary: summary.to_owned(),
        };
        let malformed = |thought: &str| RoundAnswer::Malformed { thought: thought.to_owned() };
        let conclusion = |text: &str| RoundAnswer::Conclusion(text.to_owned());
        for (answer, stop, expected) in [
            ("<think>\na\n</think>\n<summary>\ns\n</summary>", StopReason::End, summary("a", "s")),
            ("<think>a</think><summary>s", StopReason::StopText, summary("a", "s")),
            (
                "<think>a <summary>x</summary> b</think><summary>s</summary>",
                StopReason::End,
                summary("a <summary>x</summary> b", "s"),
            ),
            ("a<summary>s</summary>", StopReason::End, summary("a", "s")),
            ("<think>a</think><summary>s", StopReason::Length, malformed("a")),
            ("<think>a</think><summary> </summary>", StopReason::End, malformed("a")),
            ("<think>a and", StopReason::Length, malformed("a and")),
            ("<think>a</think>and so it", StopReason::Length, malformed("a</think>and so it")),
            ("<think>a and no end", StopReason::End, malformed("a and no end")),
            (" \n", StopReason::End, malformed("")),
            ("<think>a</think>\n\n8.", StopReason::End, conclusion("8.")),
            (" It is 8.\n", StopReason::End, conclusion(" It is 8.\n")),
        ] {
            assert_eq!(RoundAnswer::read(answer, stop), expected, "{answer:?}");
        }
    }

    #[test]
    fn every_end_is_told_from_the_others() {
        use StopReason::{End, Length};
        let (rounds, _) = told(RULE, &[("<summary>a</summary>", End), ("8", End)]);
        assert_eq!((rounds.end(), rounds.result(), rounds.made()), (Some(RoundsEnd::Concluded), "8", 2));
        let four = ["a", "b", "c", "d"].map(|text| format!("<summary>{text}</summary>"));
        let (rounds, next) = told(RULE, &four.each_ref().map(|text| (text.as_str(), End)));
        assert_eq!((rounds.end(), rounds.result()), (Some(RoundsEnd::AtMost), "d"));
        assert_eq!(next[..3], [Next::Round, Next::Round, Next::Round]);
        let (rounds, _) = told(RULE, &[("<summary>a b</summary>", End), ("<summary>a\n b</summary>", End)]);
        assert_eq!(rounds.end(), Some(RoundsEnd::Repeated));
        let (rounds, _) = told(RULE, &[("<summary>a</summary>", End), ("", End), ("", End)]);
        assert_eq!((rounds.end(), rounds.result()), (Some(RoundsEnd::Empty), "a"));
        let greedy = RoundsRule { varies: false, ..RULE };
        let (rounds, _) = told(greedy, &[("<summary>a</summary>", End), ("<think>b", Length)]);
        assert_eq!((rounds.end(), rounds.result()), (Some(RoundsEnd::Malformed), "a"));
    }

    #[test]
    fn a_round_without_a_whole_summary_is_made_again_or_summarized() {
        use StopReason::{End, Length};
        let cut = ("<think>b</think><summary>half of", Length);
        let (rounds, next) = told(RULE, &[("<summary>a</summary>", End), cut, ("8", End)]);
        assert_eq!(next[1], Next::Round);
        assert_eq!((rounds.recovered(), rounds.summary(), rounds.result()), (1, "a", "8"));
        let mut rounds = Rounds::new(RoundsRule { summarizes: true, varies: false, ..RULE });
        assert_eq!(rounds.answered(RoundAnswer::read(cut.0, cut.1)), Next::Summarize("b".to_owned()));
        assert_eq!(rounds.summarized("<summary>\nwhole</summary> and more"), Next::Round);
        assert_eq!((rounds.recovered(), rounds.summary()), (1, "whole"));
    }

    proptest! {
        #[test]
        fn no_answer_loses_the_last_good_summary_and_no_line_is_longer_than_it_may_be(
            answers in prop::collection::vec("(<think>|</think>|<summary>|</summary>|a|b| ){0,6}", 1..12),
            cut in prop::collection::vec(any::<bool>(), 12),
            summarizes: bool,
            varies: bool,
        ) {
            let mut rounds = Rounds::new(RoundsRule { at_most: 5, summarizes, varies });
            let mut last = String::new();
            for (answer, cut) in answers.iter().zip(cut) {
                let stop = if cut { StopReason::Length } else { StopReason::End };
                let said = RoundAnswer::read(answer, stop);
                if let RoundAnswer::Summary { summary, .. } = &said {
                    last = summary.clone();
                }
                let mut next = rounds.answered(said);
                if let Next::Summarize(thought) = next {
                    prop_assert!(!thought.is_empty());
                    next = rounds.summarized("");
                }
                prop_assert_eq!(rounds.summary(), &last);
                prop_assert!(rounds.made() <= 5);
                if matches!(next, Next::End(_)) {
                    prop_assert!(rounds.end().is_some());
                    break;
                }
            }
        }
    }
}
