//! `vote`: the text that was given most often. No model is asked.

use std::collections::HashMap;

use super::StepError;
use super::context::RunContext;
use super::items::texts;
use crate::name::NodeName;
use crate::run::{TaskId, Value};
use crate::spec::{Tie, VoteSpec};

pub(super) fn run(context: &RunContext, task: &TaskId, spec: &VoteSpec) -> Result<Value, StepError> {
    let texts = texts(context, task, &spec.over)?;
    Ok(Value::Text(winner(&texts, &spec.tie).trim().to_owned()))
}

/// Returns the text with most votes as it was given first; nothing where no text was given.
fn winner<'a>(texts: &'a [(NodeName, String)], tie: &Tie) -> &'a str {
    let mut votes: HashMap<String, usize> = HashMap::new();
    for (_, text) in texts {
        *votes.entry(normalized(text)).or_default() += 1;
    }
    let most = votes.values().copied().max().unwrap_or(0);
    let mut winners = texts.iter().filter(|(_, text)| votes.get(&normalized(text)) == Some(&most));
    let preferred = match tie {
        Tie::First => None,
        Tie::Node(node) => winners.clone().find(|(from, _)| from == node),
    };
    let winner = preferred.or_else(|| winners.next());
    // The words that win are shown as they were written first, whoever breaks the tie.
    let as_first = winner.map(|(_, text)| normalized(text));
    texts.iter().find(|(_, text)| Some(normalized(text)) == as_first).map_or("", |(_, text)| text)
}

/// The words of a text: without case, punctuation and the spaces between them.
fn normalized(text: &str) -> String {
    let words = text.split(|sign: char| !sign.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join(" ")
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
        assert_eq!(winner(&texts, &Tie::First), "in 1912.");
        assert_eq!(normalized(" «Émile» — the 2nd… "), "émile the 2nd");
    }

    #[test]
    fn a_tie_goes_to_the_first_or_to_the_named_node_where_it_is_one_of_them() {
        let texts = given(&[("a", "one"), ("b", "two"), ("c", "Two."), ("d", "One."), ("e", "three")]);
        let tie = |node: &str| Tie::Node(node.parse().unwrap());
        assert_eq!(winner(&texts, &Tie::First), "one");
        assert_eq!(winner(&texts, &tie("c")), "two");
        assert_eq!(winner(&texts, &tie("e")), "one", "three is not among the tied");
        assert_eq!(winner(&[], &Tie::First), "");
    }
}
