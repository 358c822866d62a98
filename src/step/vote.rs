//! `vote`: the text that was given most often, or the answer that most texts end in. No model is asked.

use super::StepError;
use super::context::RunContext;
use super::items::texts;
use crate::answer::{Answer, AnswerKind};
use crate::name::NodeName;
use crate::run::{TaskId, Value};
use crate::spec::{Tie, VoteBy, VoteSpec};

pub(super) fn run(context: &RunContext, task: &TaskId, spec: &VoteSpec) -> Result<Value, StepError> {
    let texts = texts(context, task, &spec.over)?;
    Ok(Value::Text(winner(&texts, &spec.tie, kind(spec.by)).to_owned()))
}

fn kind(by: VoteBy) -> AnswerKind {
    match by {
        VoteBy::Words => AnswerKind::Words,
        VoteBy::Math => AnswerKind::Math,
        VoteBy::Number => AnswerKind::Number,
        VoteBy::Choice => AnswerKind::Choice,
    }
}

/// Returns the answer with most votes as it was given first; nothing where no text has an answer.
fn winner<'a>(texts: &'a [(NodeName, String)], tie: &Tie, kind: AnswerKind) -> &'a str {
    // Answers that say the same are one candidate, which stands as it was given first.
    let mut candidates: Vec<(Answer<'a>, usize)> = Vec::new();
    let mut votes: Vec<(&NodeName, usize)> = Vec::new();
    for (node, text) in texts {
        let Some(answer) = Answer::of(text, kind) else { continue };
        let known = candidates.iter().position(|(candidate, _)| candidate.is_same(&answer));
        let at = known.unwrap_or(candidates.len());
        match candidates.get_mut(at) {
            Some((_, count)) => *count += 1,
            None => candidates.push((answer, 1)),
        }
        votes.push((node, at));
    }
    let most = candidates.iter().map(|(_, count)| *count).max().unwrap_or(0);
    let count = |at: usize| candidates.get(at).map(|(_, count)| *count);
    let mut winners = votes.iter().filter(|(_, at)| count(*at) == Some(most));
    let preferred = match tie {
        Tie::First => None,
        Tie::Node(node) => winners.clone().find(|(from, _)| *from == node),
    };
    let winner = preferred.or_else(|| winners.next()).and_then(|(_, at)| candidates.get(*at));
    winner.map_or("", |(answer, _)| answer.text())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(texts: &[(&str, &str)]) -> Vec<(NodeName, String)> {
        texts.iter().map(|(node, text)| (node.parse().unwrap(), (*text).to_owned())).collect()
    }

    #[test]
    fn texts_with_the_same_words_are_one_vote_each_for_the_first_of_them() {
        let texts =
            given(&[("a", "Ada"), ("b", "in 1912."), ("c", " In  1912!"), ("d", "ADA?"), ("e", "In 1912")]);
        assert_eq!(winner(&texts, &Tie::First, AnswerKind::Words), "in 1912.");
    }

    #[test]
    fn a_tie_goes_to_the_first_or_to_the_named_node_where_it_is_one_of_them() {
        let texts = given(&[("a", "one"), ("b", "two"), ("c", "Two."), ("d", "One."), ("e", "three")]);
        let tie = |node: &str| Tie::Node(node.parse().unwrap());
        let winner = |tie| winner(&texts, &tie, AnswerKind::Words);
        assert_eq!(winner(Tie::First), "one");
        assert_eq!(winner(tie("c")), "two");
        assert_eq!(winner(tie("e")), "one", "three is not among the tied");
    }

    #[test]
    fn where_nobody_votes_nothing_wins_and_a_text_without_words_is_a_vote_for_nothing() {
        let nothing = given(&[("a", " "), ("b", "Ada"), ("c", "…")]);
        assert_eq!(winner(&[], &Tie::First, AnswerKind::Words), "");
        assert_eq!(winner(&nothing, &Tie::First, AnswerKind::Words), "");
        for kind in [AnswerKind::Math, AnswerKind::Number, AnswerKind::Choice] {
            assert_eq!(winner(&given(&[("a", "I cannot say."), ("b", "")]), &Tie::First, kind), "");
        }
    }

    #[test]
    fn equal_answers_are_one_vote_however_they_are_written_and_the_text_around_them_is_left_out() {
        let texts = given(&[
            ("a", "So there are 3 left. The answer is 3."),
            ("b", r"Half of it: $\boxed{\frac{1}{2}}$"),
            ("c", "I cannot say."),
            ("d", "We divide 4 by 8.\n#### 0.5"),
            ("e", "The answer is 50%."),
        ]);
        assert_eq!(winner(&texts, &Tie::First, AnswerKind::Math), r"\frac{1}{2}");
        assert_eq!(winner(&texts, &Tie::First, AnswerKind::Number), r"\frac{1}{2}");
    }

    #[test]
    fn choices_are_their_letters_and_a_tie_goes_to_the_named_node() {
        let texts =
            given(&[("a", "A ferry sank, hence (B)."), ("b", "The answer is c."), ("c", "It may be so.")]);
        let tie = |node: &str| Tie::Node(node.parse().unwrap());
        assert_eq!(winner(&texts, &Tie::First, AnswerKind::Choice), "B");
        assert_eq!(winner(&texts, &tie("b"), AnswerKind::Choice), "c");
        assert_eq!(winner(&texts, &tie("c"), AnswerKind::Choice), "B", "who has no answer has no vote");
    }
}
