//! How fast a model is computed: reading prompts of several lengths, and writing for one sequence and for several at once.
//!
//! What is measured is the pass, as llama.cpp's own benchmarks do: the products, attention, keys and values, logits, and which
//! token is the likeliest; no text, no sampling, no queue.

use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::device;
use super::engine::LocalOptions;
use super::load::{Loaded, of_shape};
use super::pass::{PAGE, PageId, Pass, Rows, Span};
use super::tokenizer::TokenId;
use crate::model::ModelError;

/// Tokens that a sequence holds before writing is measured.
const BEFORE: usize = 512;

/// Tokens that are written before the clock starts: the first steps of a form take longer.
const WARM: usize = 4;

/// What is measured of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpeedPlan {
    /// Lengths of prompts, in tokens.
    pub prompts: Vec<usize>,
    /// How many sequences write at once.
    pub sequences: Vec<usize>,
    /// Tokens that each of them writes.
    pub written: usize,
    /// How often each measurement is made; the median counts.
    pub repeats: usize,
}

impl Default for SpeedPlan {
    fn default() -> Self {
        Self { prompts: vec![512, 2048, 6000], sequences: vec![1, 4, 8, 32], written: 64, repeats: 3 }
    }
}

/// A rate that was measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rate {
    /// Tokens of the prompt, or sequences that wrote at once.
    pub of: usize,
    /// Tokens a second, of all sequences together: the median.
    pub median: f64,
    /// The slowest.
    pub least: f64,
    /// The fastest.
    pub most: f64,
}

/// How fast a model is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Speed {
    /// The model's name.
    pub model: String,
    /// What computed it: the name of the graphics processor, or `cpu`.
    pub device: String,
    /// Seconds until it could compute.
    pub load_seconds: f64,
    /// Bytes of keys and values for a position.
    pub position_bytes: u64,
    /// Reading prompts; those that do not fit into the window are left out.
    pub reading: Vec<Rate>,
    /// Writing after prompts of 512 tokens.
    pub writing: Vec<Rate>,
    /// The most memory that the process has had, in bytes, where the system tells.
    pub peak_bytes: Option<u64>,
}

/// A model under the clock.
struct Bench {
    pass: Box<dyn Pass>,
    /// Tokens that are computed at once.
    step: usize,
    pages: usize,
    logits: Vec<f32>,
    tokens: Vec<Option<TokenId>>,
}

/// Measures the model file at `path`.
///
/// # Errors
/// As [`LocalModel::load`](super::LocalModel::load), and [`ModelError::Compute`] where a step fails.
pub fn speed(path: &Path, options: &LocalOptions, plan: &SpeedPlan) -> Result<Speed, ModelError> {
    let began = Instant::now();
    let Loaded { pass, info, window, threads, .. } = Loaded::new(path, options)?;
    let load = began.elapsed();
    threads.install(|| measured(pass, (info.name, window), load, plan))
}

/// Measures a model of random weights with the sizes of a `config.json` of Hugging Face's: for shapes whose weights are not at
/// hand. Only a graphics processor computes one.
///
/// # Errors
/// [`ModelError::Load`] where the file is not such a configuration, or where no graphics processor can be used;
/// [`ModelError::Compute`] where there is no memory for it.
pub fn speed_of_shape(config: &Path, plan: &SpeedPlan) -> Result<Speed, ModelError> {
    let began = Instant::now();
    let (pass, window) = of_shape(config)?;
    measured(pass, (config.display().to_string(), window), began.elapsed(), plan)
}

fn measured(
    pass: Box<dyn Pass>,
    (model, window): (String, usize),
    load: Duration,
    plan: &SpeedPlan,
) -> Result<Speed, ModelError> {
    let gpu = device::device_info().gpu;
    let step = if gpu.is_some() { 2048 } else { 256 };
    let position_bytes = pass.position_bytes();
    let mut bench = Bench { pass, step, pages: 0, logits: Vec::new(), tokens: Vec::new() };
    let mut reading = Vec::new();
    for &tokens in plan.prompts.iter().filter(|&&tokens| tokens <= window) {
        reading.push(repeated(plan.repeats, tokens, |_| bench.read(tokens))?);
    }
    let mut writing = Vec::new();
    let fits = |_: &&usize| each(plan) * PAGE <= window.next_multiple_of(PAGE);
    for &sequences in plan.sequences.iter().filter(fits) {
        let each = each(plan);
        bench.begin(sequences, each)?;
        writing.push(repeated(plan.repeats, sequences, |round| {
            bench.write((sequences, each), plan.written, round)
        })?);
    }
    Ok(Speed {
        model,
        device: gpu.unwrap_or_else(|| "cpu".into()),
        load_seconds: load.as_secs_f64(),
        position_bytes,
        reading,
        writing,
        peak_bytes: peak_bytes(),
    })
}

impl Bench {
    /// Reads a prompt and returns tokens a second.
    fn read(&mut self, tokens: usize) -> Result<f64, ModelError> {
        self.room(tokens.div_ceil(PAGE))?;
        let pages = pages(0, tokens);
        let ids = ids(0, tokens, self.pass.vocabulary());
        let began = Instant::now();
        self.fill(&ids, &pages)?;
        Ok(per_second(tokens, began.elapsed()))
    }

    /// Gives every sequence its prompt.
    fn begin(&mut self, sequences: usize, each: usize) -> Result<(), ModelError> {
        self.room(sequences * each)?;
        for sequence in 0..sequences {
            let pages = pages(sequence * each, BEFORE);
            let ids = ids(sequence, BEFORE, self.pass.vocabulary());
            self.fill(&ids, &pages)?;
        }
        Ok(())
    }

    fn fill(&mut self, ids: &[TokenId], pages: &[PageId]) -> Result<(), ModelError> {
        let mut start = 0;
        for tokens in ids.chunks(self.step) {
            let rows = if start + tokens.len() == ids.len() { Rows::Last } else { Rows::None };
            self.pass.forward(&[Span { tokens, start, pages, rows }], &mut self.logits)?;
            start += tokens.len();
        }
        Ok(())
    }

    /// Writes `written` tokens for every sequence and returns the tokens a second of all; the first few are not counted.
    fn write(
        &mut self,
        (sequences, each): (usize, usize),
        written: usize,
        round: usize,
    ) -> Result<f64, ModelError> {
        let tables: Vec<Vec<PageId>> = (0..sequences).map(|at| pages(at * each, each * PAGE)).collect();
        let first = BEFORE + round * written;
        let mut began = Instant::now();
        for at in 0..written {
            if at == WARM {
                began = Instant::now();
            }
            let token = ids(at, 1, self.pass.vocabulary());
            let spans: Vec<Span<'_>> = tables
                .iter()
                .map(|pages| Span { tokens: &token, start: first + at, pages, rows: Rows::Last })
                .collect();
            self.pass.likeliest(&spans, &mut self.tokens, &mut self.logits)?;
        }
        Ok(per_second(sequences * written.saturating_sub(WARM), began.elapsed()))
    }

    fn room(&mut self, pages: usize) -> Result<(), ModelError> {
        if pages > self.pages {
            self.pass.reserve(pages)?;
            self.pages = pages;
        }
        Ok(())
    }
}

/// Returns how many pages a sequence needs for what it holds and writes in all rounds.
fn each(plan: &SpeedPlan) -> usize {
    BEFORE.saturating_add(plan.written.saturating_mul(plan.repeats.max(1))).div_ceil(PAGE)
}

/// The pages of a sequence of so many positions, from the page `first` on.
fn pages(first: usize, positions: usize) -> Vec<PageId> {
    let first = u32::try_from(first).unwrap_or(0);
    (first..).map(PageId).take(positions.div_ceil(PAGE)).collect()
}

/// Tokens that look random, others for each sequence.
fn ids(sequence: usize, count: usize, vocabulary: usize) -> Vec<TokenId> {
    let token = |at: usize| (at * 7919 + sequence * 104_729 + at * at % 31) % vocabulary.max(1);
    (0..count).map(|at| u32::try_from(token(at)).unwrap_or(0)).collect()
}

fn repeated(
    repeats: usize,
    of: usize,
    mut once: impl FnMut(usize) -> Result<f64, ModelError>,
) -> Result<Rate, ModelError> {
    let mut rates = (0..repeats.max(1)).map(&mut once).collect::<Result<Vec<f64>, _>>()?;
    rates.sort_by(f64::total_cmp);
    let at = |index: usize| rates.get(index).copied().unwrap_or(0.0);
    Ok(Rate { of, median: at(rates.len() / 2), least: at(0), most: at(rates.len() - 1) })
}

#[expect(clippy::cast_precision_loss, reason = "a measurement has far fewer tokens than 2^52")]
fn per_second(tokens: usize, took: Duration) -> f64 {
    tokens as f64 / took.as_secs_f64().max(1e-9)
}

/// Returns the most memory that this process has had.
fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::tests::model;

    #[test]
    fn a_sequence_has_pages_for_all_that_it_writes() {
        let plan = SpeedPlan { written: 1000, repeats: 3, ..SpeedPlan::default() };
        assert_eq!(each(&plan), (512usize + 3000).div_ceil(PAGE));
    }

    #[test]
    fn a_model_is_measured_as_far_as_its_window_reaches() {
        let (_dir, path) = model();
        let plan = SpeedPlan { prompts: vec![100, 5000], sequences: vec![1, 3], written: 700, repeats: 2 };
        let measured = speed(&path, &LocalOptions::default(), &plan).unwrap();
        let of = |rates: &[Rate]| rates.iter().map(|rate| rate.of).collect::<Vec<_>>();
        assert_eq!((of(&measured.reading), of(&measured.writing)), (vec![100], vec![1, 3]));
        assert!(measured.reading.iter().chain(&measured.writing).all(|rate| rate.least > 0.0));
        let longer = SpeedPlan { written: 1000, ..plan };
        assert!(speed(&path, &LocalOptions::default(), &longer).unwrap().writing.is_empty());
    }
}
