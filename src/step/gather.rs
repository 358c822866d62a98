//! `gather`: gathers the quotes or the records of several sources into one list, bounded where it is wanted.

use std::collections::BTreeMap;

use super::StepError;
use super::context::{RunContext, bug};
use crate::run::{Quote, TaskId, Value};
use crate::spec::GatherSpec;
use crate::text::{TokenCount, TokenCounter};

pub(super) fn run(context: &RunContext, task: &TaskId, spec: &GatherSpec) -> Result<Value, StepError> {
    let counter = context.models.default_model().counter();
    let room = spec.keep_tokens.map(TokenCount);
    Ok(match context.value(task, &spec.over)? {
        Value::Quotes(quotes) => Value::Quotes(gather_quotes(quotes, room, counter)),
        Value::Records(records) => {
            let source = |record: &serde_json::Value| record.get("document").map(ToString::to_string);
            let size = |record: &serde_json::Value| counter.count(&record.to_string());
            Value::Records(fair(records, source, size, room))
        }
        _ => return Err(bug(&spec.over, "quotes or records")),
    })
}

/// The best quote of every document, then the second best of each; the value stands in the order of the documents.
fn gather_quotes(mut quotes: Vec<Quote>, room: Option<TokenCount>, counter: &dyn TokenCounter) -> Vec<Quote> {
    let by_use = |a: &Quote, b: &Quote| b.score.total_cmp(&a.score).then(a.span.cmp(&b.span));
    quotes.sort_by(|a, b| a.document.cmp(&b.document).then_with(|| by_use(a, b)));
    let mut kept = fair(quotes, |quote| quote.document, |quote| counter.count(&quote.text), room);
    kept.sort_by_key(|quote| (quote.document, quote.span));
    kept
}

/// Takes the first thing of every source, then the second of each, while they fit; what is kept stands as it stood.
fn fair<T, S: Ord>(
    things: Vec<T>,
    source: impl Fn(&T) -> S,
    size: impl Fn(&T) -> TokenCount,
    room: Option<TokenCount>,
) -> Vec<T> {
    let Some(mut left) = room else { return things };
    let mut counts: BTreeMap<S, usize> = BTreeMap::new();
    let mut ranked: Vec<(usize, usize, T)> = Vec::new();
    for (at, thing) in things.into_iter().enumerate() {
        let count = counts.entry(source(&thing)).or_default();
        ranked.push((*count, at, thing));
        *count += 1;
    }
    // Sorting by rank keeps the order of the sources within one rank.
    ranked.sort_by_key(|(rank, at, _)| (*rank, *at));
    ranked.retain(|(_, _, thing)| {
        let tokens = size(thing);
        let fits = tokens <= left;
        if fits {
            left = left.saturating_sub(tokens);
        }
        fits
    });
    ranked.sort_by_key(|(_, at, _)| *at);
    ranked.into_iter().map(|(_, _, thing)| thing).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_source_comes_first_before_any_comes_twice() {
        let things = vec![("a", 1), ("a", 2), ("a", 3), ("b", 9), ("c", 1), ("c", 1)];
        let kept = |room| fair(things.clone(), |one| one.0, |one| TokenCount(one.1), room);
        assert_eq!(kept(None), things);
        assert_eq!(kept(Some(TokenCount(2))), [("a", 1), ("c", 1)]);
        assert_eq!(kept(Some(TokenCount(14))), [("a", 1), ("a", 2), ("b", 9), ("c", 1), ("c", 1)]);
        assert!(kept(Some(TokenCount(0))).is_empty());
    }
}
