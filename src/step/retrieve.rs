//! `retrieve`: the chunks that share most words with a question (BM25), in reading order. No model is asked.

use super::StepError;
use super::context::{RunContext, bug};
use crate::retrieve::Bm25;
use crate::run::{TaskId, Value};
use crate::spec::RetrieveSpec;
use crate::text::{Chunk, TokenCount};

pub(super) fn run(context: &RunContext, task: &TaskId, spec: &RetrieveSpec) -> Result<Value, StepError> {
    let question = match (&spec.from, &spec.question) {
        (Some(node), _) => match context.value(task, node)? {
            Value::Text(text) => text,
            _ => return Err(bug(node, "text")),
        },
        (None, input) => {
            input.as_ref().and_then(|input| context.plan.inputs.get(input)).cloned().unwrap_or_default()
        }
    };
    let chunks = context.chunks(&spec.over, task.slot)?;
    let texts: Vec<String> =
        chunks.iter().map(|chunk| context.chunk_text(chunk)).collect::<Result<_, _>>()?;
    let scores = Bm25::new(texts.iter().map(String::as_str)).scores(&question);
    let top = usize::try_from(spec.top).unwrap_or(usize::MAX);
    let kept = best(&chunks, &scores, top, spec.keep_tokens.map(TokenCount));
    Ok(Value::Chunks(kept.into_iter().filter_map(|at| chunks.get(at)).cloned().collect()))
}

/// Returns the positions of the `top` best chunks that fit into `room` together, in reading order. Of equal scores the
/// earlier chunk counts as the better one.
fn best(chunks: &[Chunk], scores: &[f32], top: usize, room: Option<TokenCount>) -> Vec<usize> {
    let mut ranked: Vec<(usize, f32)> = scores.iter().copied().enumerate().collect();
    // The sort is stable.
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
    let mut left = room;
    let mut kept: Vec<usize> = Vec::new();
    for (at, tokens) in ranked.iter().filter_map(|(at, _)| Some((*at, chunks.get(*at)?.tokens))) {
        if kept.len() == top {
            break;
        }
        match left {
            Some(room) if tokens > room => continue,
            Some(room) => left = Some(room.saturating_sub(tokens)),
            None => {}
        }
        kept.push(at);
    }
    kept.sort_unstable();
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ContentHash;
    use crate::text::{DocumentIndex, Span};

    fn chunk(tokens: u64) -> Chunk {
        let span = Span { start: 0, end: 1 };
        Chunk { document: DocumentIndex(0), span, tokens: TokenCount(tokens), hash: ContentHash::of(b"") }
    }

    #[test]
    fn the_best_are_kept_in_reading_order_and_within_their_room() {
        let chunks = [chunk(10), chunk(50), chunk(10), chunk(10)];
        let scores = [1.0, 9.0, 5.0, 1.0];
        assert_eq!(best(&chunks, &scores, 2, None), [1, 2]);
        assert_eq!(best(&chunks, &scores, 3, None), [0, 1, 2], "the earlier of two equals");
        assert_eq!(best(&chunks, &scores, 3, Some(TokenCount(30))), [0, 2, 3], "a large one gives way");
        assert!(best(&chunks, &scores, 3, Some(TokenCount(9))).is_empty());
    }
}
