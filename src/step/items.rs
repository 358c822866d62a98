//! Values as lists of things that an agent can compare: each a text, and some of them kept.

use super::StepError;
use super::context::{RunContext, bug};
use crate::name::NodeName;
use crate::run::{TaskId, Value};
use crate::spec::Several;
use crate::text::DocumentIndex;

/// One thing of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) text: String,
    /// The document that it stands in, where it stands in one.
    pub(super) document: Option<DocumentIndex>,
}

/// Counts the things that a value consists of.
pub(super) fn count(value: &Value) -> usize {
    match value {
        Value::Text(_) => 1,
        Value::Texts(texts) => texts.len(),
        Value::Quotes(quotes) => quotes.len(),
        Value::Records(records) => records.len(),
        Value::Chunks(chunks) => chunks.len(),
    }
}

/// Returns one of the things that a value consists of. Chunks are read when they are asked for: all of them together would
/// be the document in memory.
pub(super) fn item(context: &RunContext, value: &Value, at: usize) -> Result<Option<Item>, StepError> {
    let without = |text: String| Item { text, document: None };
    Ok(match value {
        Value::Text(text) => (at == 0).then(|| without(text.clone())),
        Value::Texts(texts) => texts.get(at).cloned().map(without),
        Value::Quotes(quotes) => {
            quotes.get(at).map(|quote| Item { text: quote.line(), document: Some(quote.document) })
        }
        Value::Records(records) => records.get(at).map(|record| without(record.to_string())),
        Value::Chunks(chunks) => {
            let read = |chunk| Ok::<_, StepError>((context.chunk_text(chunk)?, chunk.document));
            let read = chunks.get(at).map(read).transpose()?;
            read.map(|(text, document)| Item { text, document: Some(document) })
        }
    })
}

/// Returns the things at these positions, in their order, as a value of the same kind.
pub(super) fn pick(value: &Value, positions: &[usize]) -> Value {
    fn of<T: Clone>(all: &[T], positions: &[usize]) -> Vec<T> {
        positions.iter().filter_map(|at| all.get(*at)).cloned().collect()
    }
    match value {
        Value::Text(text) => Value::Texts(of(std::slice::from_ref(text), positions)),
        Value::Texts(texts) => Value::Texts(of(texts, positions)),
        Value::Quotes(quotes) => Value::Quotes(of(quotes, positions)),
        Value::Records(records) => Value::Records(of(records, positions)),
        Value::Chunks(chunks) => Value::Chunks(of(chunks, positions)),
    }
}

/// Things as a prompt sees them: `number`, from 1, and `text`.
pub(super) fn numbered<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<serde_json::Value> {
    (1..)
        .zip(texts)
        .map(|(number, text): (u64, _)| serde_json::json!({ "number": number, "text": text }))
        .collect()
}

/// Reads an answer as a ranking of the numbers 1 to `count`, and returns positions from 0: those that it names, in the
/// order of first mention, then the others as they stood. Whatever the answer is, each position comes once.
pub(super) fn ranking(answer: &str, count: usize) -> Vec<usize> {
    let numbers = answer.split(|sign: char| !sign.is_ascii_digit());
    let named = numbers.filter_map(|digits| digits.parse::<usize>().ok()?.checked_sub(1));
    let mut seen = vec![false; count];
    let mut first = |at: &usize| seen.get_mut(*at).is_some_and(|seen| !std::mem::replace(seen, true));
    named.chain(0..count).filter(|at| first(at)).collect()
}

/// Returns what several nodes gave, each text with its node.
pub(super) fn texts(
    context: &RunContext,
    task: &TaskId,
    over: &Several,
) -> Result<Vec<(NodeName, String)>, StepError> {
    let mut all = Vec::new();
    for node in over.nodes() {
        match context.value(task, node)? {
            Value::Text(text) => all.push((node.clone(), text)),
            Value::Texts(texts) => all.extend(texts.into_iter().map(|text| (node.clone(), text))),
            Value::Chunks(_) | Value::Quotes(_) | Value::Records(_) => return Err(bug(node, "texts")),
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_count_in_the_order_of_first_mention() {
        assert_eq!(ranking("[3] > [1] > [3] > [9] > [0]", 4), [2, 0, 1, 3]);
        assert_eq!(ranking("the best is 2, of course", 2), [1, 0]);
        assert_eq!(ranking("I cannot say", 3), [0, 1, 2]);
        assert_eq!(ranking("99999999999999999999999 2", 2), [1, 0]);
        assert!(ranking("1 2 3", 0).is_empty());
    }

    proptest! {
        #[test]
        fn any_answer_becomes_a_permutation(answer in any::<String>(), count in 0_usize..40) {
            let mut ranked = ranking(&answer, count);
            ranked.sort_unstable();
            prop_assert_eq!(ranked, (0..count).collect::<Vec<_>>());
        }

        #[test]
        fn an_answer_of_numbers_is_followed(
            order in Just((1..=12_usize).collect::<Vec<_>>()).prop_shuffle(),
            taken in 0_usize..=12,
            between in "[^0-9]{1,5}",
        ) {
            let named: Vec<String> = order[..taken].iter().map(ToString::to_string).collect();
            let ranked = ranking(&named.join(&between), 12);
            let expected: Vec<usize> = order[..taken].iter().map(|number| number - 1).collect();
            prop_assert_eq!(&ranked[..taken], expected.as_slice());
            prop_assert!(ranked[taken..].is_sorted(), "what is not named stays in its order");
        }
    }
}
