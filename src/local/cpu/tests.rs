//! The pass as a whole: against the one over tensors, and to the bit against itself in other steps.

use std::path::Path;

use candle_core::Device;
use tempfile::TempDir;

use super::CpuPass;
use crate::local::gguf::ModelFile;
use crate::local::llama::Llama;
use crate::local::pass::{PageId, Pass, Rows, Span};
use crate::local::tests::{FAMILIES, MODELS, model};
use crate::local::weights::Storage;

/// The tokens of the tiny model, the smaller of the two vocabularies.
const VOCABULARY: u32 = 272;

fn tokens(count: u32, seed: u32) -> Vec<u32> {
    (0..count).map(|at| 3 + (at * 37 + at * at + seed * 11) % (VOCABULARY - 4)).collect()
}

fn vocabulary(file: &ModelFile) -> usize {
    file.texts("tokenizer.ggml.tokens").unwrap().len()
}

fn load(path: &Path) -> CpuPass {
    let mut file = ModelFile::open(path).unwrap();
    let vocabulary = vocabulary(&file);
    let mut pass = CpuPass::load(&mut file, vocabulary, 2048).unwrap();
    pass.reserve(20).unwrap();
    pass
}

fn pages(ids: impl IntoIterator<Item = u32>) -> Vec<PageId> {
    ids.into_iter().map(PageId).collect()
}

fn span<'a>(tokens: &'a [u32], start: usize, pages: &'a [PageId], rows: Rows) -> Span<'a> {
    Span { tokens, start, pages, rows }
}

fn forward(pass: &mut dyn Pass, spans: &[Span<'_>]) -> Vec<f32> {
    // What was there before is gone.
    let mut logits = vec![f32::NAN; 3];
    pass.forward(spans, &mut logits).unwrap();
    logits
}

fn bits(logits: &[f32]) -> Vec<u32> {
    logits.iter().map(|logit| logit.to_bits()).collect()
}

/// The tiny model and one with tensors of all kinds, with their folders.
fn models() -> Vec<(TempDir, std::path::PathBuf)> {
    let mut models = vec![model()];
    for recipe in &MODELS[..1] {
        let dir = TempDir::new().unwrap();
        let path = recipe.write(dir.path());
        models.push((dir, path));
    }
    // Those that take other ways through the pass than the ones above.
    let others = ["qwen3-rounded", "gemma3", "phi3"];
    for family in FAMILIES.into_iter().filter(|family| others.contains(&family.name)) {
        let dir = TempDir::new().unwrap();
        let path = family.write(dir.path());
        models.push((dir, path));
    }
    models
}

#[test]
fn logits_are_nearly_those_over_tensors() {
    for (_dir, path) in models() {
        let mut file = ModelFile::open(&path).unwrap();
        let vocabulary = vocabulary(&file);
        let mut tensors = Llama::load(&mut file, vocabulary, 2048, Storage::Dense, &Device::Cpu).unwrap();
        tensors.reserve(20).unwrap();
        let (mut pass, tokens, pages) = (load(&path), tokens(150, 1), pages([4, 0, 2]));
        let step = [span(&tokens, 0, &pages, Rows::All)];
        let (ours, theirs) = (forward(&mut pass, &step), forward(&mut tensors, &step));
        assert_eq!(ours.len(), 150 * vocabulary);
        let spread = theirs.iter().copied().fold(0.0, f32::max);
        let apart = ours.iter().zip(&theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(apart < 0.04 * spread, "{}: {apart} of {spread}", path.display());
    }
}

#[test]
fn however_a_prompt_is_cut_its_logits_are_the_same_bits() {
    for (_dir, path) in models() {
        let (mut pass, tokens, pages) = (load(&path), tokens(100, 2), pages([4, 0]));
        let whole = bits(&forward(&mut pass, &[span(&tokens, 0, &pages, Rows::All)]));
        for step in [1, 23, 64, 99] {
            let mut found = Vec::new();
            for (index, part) in tokens.chunks(step).enumerate() {
                found.extend(forward(&mut pass, &[span(part, index * step, &pages, Rows::All)]));
            }
            assert!(bits(&found) == whole, "{}: steps of {step}", path.display());
        }
        let last = bits(&forward(&mut pass, &[span(&tokens[80..], 80, &pages, Rows::Last)]));
        assert!(last == whole[whole.len() - last.len()..], "{}: the last alone", path.display());
        assert!(forward(&mut pass, &[span(&tokens[90..], 90, &pages, Rows::None)]).is_empty());
    }
}

#[test]
fn sequences_computed_together_have_the_logits_of_each_alone() {
    for (_dir, path) in models() {
        let mut pass = load(&path);
        let (first, second, third) = (tokens(70, 3), tokens(129, 4), tokens(1, 5));
        let (ones, twos, threes) = (pages([1, 3]), pages([0, 5, 6]), pages([7]));
        let spans = [
            span(&first, 0, &ones, Rows::Last),
            span(&second, 0, &twos, Rows::All),
            span(&third, 0, &threes, Rows::Last),
        ];
        let together = bits(&forward(&mut pass, &spans));
        let mut apart = Vec::new();
        for span in spans {
            apart.extend(forward(&mut pass, &[span]));
        }
        assert!(together == bits(&apart), "{}: whole prompts", path.display());
        // One token of each after that, as answers are written.
        let spans = [
            span(&third, 70, &ones, Rows::Last),
            span(&first[..1], 129, &twos, Rows::None),
            span(&second[..1], 1, &threes, Rows::Last),
        ];
        let together = bits(&forward(&mut pass, &spans));
        let apart: Vec<f32> = spans.iter().flat_map(|span| forward(&mut pass, &[*span])).collect();
        assert!(together == bits(&apart), "{}: single tokens", path.display());
    }
}

#[test]
fn threads_do_not_change_logits() {
    for (_dir, path) in models() {
        let (mut pass, tokens, pages) = (load(&path), tokens(100, 6), pages([4, 0]));
        let mut with = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| bits(&forward(&mut pass, &[span(&tokens, 0, &pages, Rows::All)])))
        };
        assert!(with(1) == with(3), "{}", path.display());
    }
}

#[test]
fn what_lay_in_a_page_before_does_not_matter() {
    let (_dir, path) = model();
    let (mut pass, tokens) = (load(&path), tokens(100, 7));
    let (mine, other) = (pages([2, 3]), pages([4, 5]));
    let fresh = bits(&forward(&mut pass, &[span(&tokens, 0, &mine, Rows::Last)]));
    // Everything in the pages becomes what is no number.
    for head in pass.pages.iter_mut().flatten() {
        head.fill(0x7E00);
    }
    let again = bits(&forward(&mut pass, &[span(&tokens, 0, &other, Rows::Last)]));
    assert!(fresh == again);
    pass.reserve(40).unwrap();
    let more = bits(&forward(&mut pass, &[span(&tokens[99..], 99, &other, Rows::Last)]));
    assert!(fresh == more, "pages keep what they hold when there are more");
}

#[test]
fn what_is_not_there_is_refused() {
    let (_dir, path) = model();
    let (mut pass, tokens) = (load(&path), tokens(70, 8));
    let mut refuse = |span: Span<'_>| pass.forward(&[span], &mut Vec::new()).unwrap_err().to_string();
    let (one, far) = (pages([0]), pages([0, 20]));
    insta::assert_snapshot!(refuse(span(&tokens, 0, &one, Rows::Last)), @"the model failed while computing: no page holds position 69");
    insta::assert_snapshot!(refuse(span(&tokens, 0, &far, Rows::Last)), @"the model failed while computing: no page holds position 69");
    insta::assert_snapshot!(refuse(span(&[VOCABULARY], 0, &one, Rows::Last)), @"the model failed while computing: there is no token 272");
}
