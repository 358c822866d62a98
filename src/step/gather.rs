//! `gather`: gathers quotes of several sources into one bounded list.

use std::collections::BTreeMap;

use super::StepError;
use super::context::{RunContext, bug};
use crate::run::{Quote, TaskId, Value};
use crate::spec::GatherSpec;
use crate::text::{DocumentIndex, TokenCount};

/// Takes the best quote of every document, then the second best of each, while they fit; the value stands in the order
/// of the documents.
pub(super) fn run(context: &RunContext, task: &TaskId, spec: &GatherSpec) -> Result<Value, StepError> {
    let quotes = match context.value(task, &spec.over)? {
        Value::Quotes(quotes) => quotes,
        // Sources without any quote leave nothing to gather.
        Value::Texts(texts) if texts.is_empty() => Vec::new(),
        _ => return Err(bug(&spec.over, "quotes")),
    };
    let mut by_document: BTreeMap<DocumentIndex, Vec<Quote>> = BTreeMap::new();
    for quote in quotes {
        by_document.entry(quote.document).or_default().push(quote);
    }
    for quotes in by_document.values_mut() {
        quotes.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.span.cmp(&b.span)));
    }
    let longest = by_document.values().map(Vec::len).max().unwrap_or(0);
    let counter = context.models.default_model().counter();
    let mut left = TokenCount(spec.keep_tokens);
    let mut kept = Vec::new();
    for rank in 0..longest {
        for quote in by_document.values().filter_map(|quotes| quotes.get(rank)) {
            let tokens = counter.count(&quote.text);
            if tokens <= left {
                left = left.saturating_sub(tokens);
                kept.push(quote.clone());
            }
        }
    }
    kept.sort_by_key(|quote| (quote.document, quote.span));
    Ok(Value::Quotes(kept))
}
