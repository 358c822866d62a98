//! The pass on a graphics processor, on the real model: what it gives for a sequence in a step with others, in parts, and again.
//!
//! Where there is no graphics processor or no model, the tests say so and check nothing.

use crate::local::cuda::{CudaPass, Sizes};
use crate::local::device;
use crate::local::gguf::ModelFile;
use crate::local::pass::{PAGE, PageId, Pass, Rows, Span};
use crate::local::sampling::likeliest;
use crate::local::tests::reference::real_model;
use crate::local::tokenizer::Vocabulary;

/// Tells whether there is a graphics processor.
pub(super) fn is_there() -> bool {
    let (device, info) = device::choose();
    if device.is_cpu() {
        eprintln!("skipped: {}", info.fallback.unwrap_or_default());
    }
    device.is_cuda()
}

/// Loads a model.
pub(super) fn load(file: &mut ModelFile, vocabulary: usize, window: usize) -> Box<dyn Pass> {
    let sizes = Sizes::read(file, vocabulary).unwrap();
    Box::new(CudaPass::load(file, sizes, window, &device::choose().0).unwrap())
}

fn real_pass() -> Option<Box<dyn Pass>> {
    let path = real_model().filter(|_| is_there());
    if path.is_none() {
        eprintln!("skipped: `LONGHAND_MODEL` names no model, or there is no graphics processor");
    }
    let mut file = ModelFile::open(&path?).unwrap();
    let vocabulary = Vocabulary::load(&file).unwrap();
    Some(load(&mut file, vocabulary.len(), 2048))
}

fn tokens(seed: u32, count: u32) -> Vec<u32> {
    (0..count).map(|at| (at * 7919 + seed * 104_729) % 40_000 + 100).collect()
}

fn pages(first: u32, positions: usize) -> Vec<PageId> {
    (first..).step_by(3).map(PageId).take(positions.div_ceil(PAGE)).collect()
}

/// The logits of the last of `tokens`, fed in parts of `step`.
fn alone(pass: &mut dyn Pass, tokens: &[u32], step: usize) -> Vec<f32> {
    let pages = pages(60, tokens.len());
    let mut logits = Vec::new();
    let mut start = 0;
    for tokens in tokens.chunks(step) {
        pass.forward(&[Span { tokens, start, pages: &pages, rows: Rows::Last }], &mut logits).unwrap();
        start += tokens.len();
    }
    logits
}

fn close(found: &[f32], expected: &[f32], what: &str) {
    let spread = expected.iter().copied().fold(0.0, f32::max);
    let apart = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    eprintln!("{what}: {apart} of {spread}, the likeliest {} and {}", likeliest(found), likeliest(expected));
    assert!(found.len() == expected.len() && apart < 0.04 * spread, "{what}: {apart} of {spread}");
}

#[test]
fn parts_of_any_length_and_recorded_steps_give_nearly_the_same() {
    let Some(mut pass) = real_pass() else { return };
    pass.reserve(200).unwrap();
    let ids = tokens(1, 200);
    let whole = alone(&mut *pass, &ids, 200);
    for step in [1, 3, 8, 9, 40, 129] {
        close(&alone(&mut *pass, &ids, step), &whole, &format!("steps of {step}"));
    }
    // All steps of one token have been recorded by now.
    close(&alone(&mut *pass, &ids, 1), &whole, "recorded");
}

#[test]
fn sequences_of_a_step_do_not_disturb_each_other() {
    let Some(mut pass) = real_pass() else { return };
    pass.reserve(200).unwrap();
    let texts: Vec<Vec<u32>> =
        [(1, 300), (2, 70), (3, 5), (4, 1), (5, 64)].map(|(seed, n)| tokens(seed, n)).into();
    let expected: Vec<Vec<f32>> = texts.iter().map(|text| alone(&mut *pass, text, 2048)).collect();
    let places = [0, 1, 2, 30, 31].map(|first| pages(first, 320));
    let mut logits = Vec::new();
    let spans = |from: usize| -> Vec<Span<'_>> {
        let mut spans = Vec::new();
        for (text, pages) in texts.iter().zip(&places) {
            let start = from.min(text.len() - 1);
            spans.push(Span { tokens: &text[start..], start, pages, rows: Rows::Last });
        }
        spans
    };
    // All at once; then the last token of each again, several times, so that the step is recorded.
    for (round, from) in [0, usize::MAX, usize::MAX, usize::MAX].into_iter().enumerate() {
        pass.forward(&spans(from), &mut logits).unwrap();
        for (row, expected) in logits.chunks(pass.vocabulary()).zip(&expected) {
            close(row, expected, &format!("round {round}"));
        }
    }
}
