//! Vectors in one byte a number, and the search over them. Knows neither storage nor the vectors themselves.

use super::best::Best;
use super::kernel;
use super::signs::{Planes, Signs};

/// So many codes are all gone through for a query; of more, those that their signs leave.
///
/// On one thread of a busy machine 100,000 codes take some 4 ms, less than it takes to make a query's vector, and nothing is missed
/// that the rounding of the codes does not hide.
const MOST_WHOLE: usize = 100_000;

/// The signs leave so many for each candidate that is wanted, one of so many of all, and at least so many.
const LEFT_FOR_EACH: usize = 8;
const ONE_LEFT_OF: usize = 32;
const FEWEST_LEFT: usize = 1_024;

/// The largest code; -128 is not used, so that codes are symmetric.
const LARGEST: f32 = 127.0;

/// Rows whose products are computed before they are looked at: few enough to stay in the nearest cache.
const BLOCK: usize = 128;

/// What rounding of 32-bit numbers can add to a bound.
const SLACK: f32 = 2e-6;

/// The code of one vector: its numbers as multiples of a scale of its own.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Code {
    /// What a step is worth.
    pub(super) scale: f32,
    /// The length of what the code leaves out of its vector.
    pub(super) error: f32,
    /// What tells whether the vector is what it was when it is read again.
    pub(super) row_check: u32,
    /// The numbers in steps, from -127 to 127.
    pub(super) steps: Vec<i8>,
}

impl Code {
    /// Encodes a vector of length 1.
    pub(super) fn of(vector: &[f32], row_check: u32) -> Self {
        let scale = (largest(vector) / LARGEST).max(f32::MIN_POSITIVE);
        let steps: Vec<i8> = vector.iter().map(|value| step(value / scale)).collect();
        let error = left_out(vector, scale, steps.iter().copied());
        Self { scale, error, row_check, steps }
    }
}

/// A query in two bytes a number: finer than the codes, so that its own rounding hardly counts.
#[derive(Debug)]
struct Query {
    steps: Vec<i16>,
    scale: f32,
    error: f32,
}

impl Query {
    fn of(vector: &[f32]) -> Self {
        // No sum of `dimensions` products of a step with a code may leave 32 bits.
        let dimensions = i32::try_from(vector.len()).unwrap_or(i32::MAX).max(1);
        let most = i16::try_from(i32::MAX / (128 * dimensions.min(1 << 20))).unwrap_or(i16::MAX);
        let scale = (largest(vector) / f32::from(most)).max(f32::MIN_POSITIVE);
        let steps: Vec<i16> = vector.iter().map(|value| fine_step(value / scale)).collect();
        let error = left_out(vector, scale, steps.iter().copied());
        Self { steps, scale, error }
    }
}

/// A position that may be among the best.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Candidate {
    /// The position.
    pub(super) position: usize,
    /// Its score by the codes.
    pub(super) score: f32,
    /// What its exact score is at most.
    pub(super) most: f32,
}

/// The codes of all vectors, by position.
#[derive(Debug)]
pub(super) struct Codes {
    dimensions: usize,
    steps: Vec<i8>,
    scales: Vec<f32>,
    errors: Vec<f32>,
    row_checks: Vec<u32>,
    gone: Vec<bool>,
    forgotten: usize,
    /// Made once there are more codes than are gone through.
    signs: Option<Signs>,
    most_whole: usize,
}

impl Codes {
    pub(super) fn new(dimensions: usize) -> Self {
        Self {
            dimensions,
            steps: Vec::new(),
            scales: Vec::new(),
            errors: Vec::new(),
            row_checks: Vec::new(),
            gone: Vec::new(),
            forgotten: 0,
            signs: None,
            most_whole: MOST_WHOLE,
        }
    }

    /// Returns how many positions there are, forgotten ones included.
    pub(super) fn len(&self) -> usize {
        self.scales.len()
    }

    /// Returns how many positions are forgotten.
    pub(super) fn forgotten(&self) -> usize {
        self.forgotten
    }

    /// Makes room for `more` codes without room to spare.
    pub(super) fn reserve(&mut self, more: usize) {
        self.steps.reserve_exact(more * self.dimensions);
        self.scales.reserve_exact(more);
        self.errors.reserve_exact(more);
        self.row_checks.reserve_exact(more);
        self.gone.reserve_exact(more);
    }

    pub(super) fn push(&mut self, code: &Code) {
        self.steps.extend_from_slice(&code.steps);
        self.scales.push(code.scale);
        self.errors.push(code.error);
        self.row_checks.push(code.row_check);
        self.gone.push(false);
        if let Some(signs) = &mut self.signs {
            signs.push(&code.steps);
        } else if self.len() > self.most_whole {
            let mut signs = Signs::new(self.dimensions);
            self.steps.chunks(self.dimensions).for_each(|steps| signs.push(steps));
            self.signs = Some(signs);
        }
    }

    /// Has the signs sieve from so many codes on.
    #[cfg(test)]
    pub(super) fn sieve_above(&mut self, most_whole: usize) {
        self.most_whole = most_whole;
    }

    /// Takes a position out of all searches; `false` if it is none or already out.
    pub(super) fn forget(&mut self, position: usize) -> bool {
        let Some(gone @ false) = self.gone.get_mut(position) else { return false };
        *gone = true;
        self.forgotten += 1;
        true
    }

    pub(super) fn is_forgotten(&self, position: usize) -> bool {
        self.gone.get(position).copied().unwrap_or(true)
    }

    /// Returns what tells whether the vector at a position is what it was.
    pub(super) fn row_check(&self, position: usize) -> Option<u32> {
        self.row_checks.get(position).copied()
    }

    /// Drops all positions from `length` on.
    pub(super) fn truncate(&mut self, length: usize) {
        self.steps.truncate(length * self.dimensions);
        self.scales.truncate(length);
        self.errors.truncate(length);
        self.row_checks.truncate(length);
        self.gone.truncate(length);
        if let Some(signs) = &mut self.signs {
            signs.truncate(length);
        }
        self.forgotten = self.gone.iter().filter(|gone| **gone).count();
    }

    /// Returns the `count` best positions by their codes, the best first and of equal ones the earlier first.
    pub(super) fn best(&self, query: &[f32], count: usize) -> Vec<Candidate> {
        let steps = Query::of(query);
        let best = match &self.signs {
            Some(signs) => self.sieved(signs, query, &steps, count),
            None => self.whole(&steps, count),
        };
        let bound = |(score, position): (f32, usize)| {
            // The product with what the code leaves out is at most the product of the lengths; likewise for the query.
            let error = self.errors.get(position).copied().unwrap_or(f32::INFINITY);
            Candidate { position, score, most: score + error + steps.error * (1.0 + error) + SLACK }
        };
        best.finish().into_iter().map(bound).collect()
    }

    /// Goes through all codes.
    fn whole(&self, query: &Query, count: usize) -> Best {
        let mut best = Best::new(count);
        let mut products = [0i32; BLOCK];
        let rows = self.steps.chunks(BLOCK * self.dimensions);
        for (block, (rows, scales)) in rows.zip(self.scales.chunks(BLOCK)).enumerate() {
            kernel::products(&query.steps, rows, &mut products);
            for (at, (product, scale)) in products.iter().zip(scales).enumerate() {
                self.offer(&mut best, float(*product) * (scale * query.scale), block * BLOCK + at);
            }
        }
        best
    }

    /// Goes through the codes that their signs leave.
    fn sieved(&self, signs: &Signs, query: &[f32], steps: &Query, count: usize) -> Best {
        let planes = Planes::of(query);
        let left = count.saturating_mul(LEFT_FOR_EACH).max(self.len() / ONE_LEFT_OF).max(FEWEST_LEFT);
        let mut sieve = Best::new(left);
        let mut products = [0i32; BLOCK];
        for (block, rows) in signs.blocks(BLOCK).enumerate() {
            planes.products(rows, &mut products);
            let here = BLOCK.min(self.len() - (block * BLOCK).min(self.len()));
            for (at, product) in products.iter().take(here).enumerate() {
                self.offer(&mut sieve, float(*product), block * BLOCK + at);
            }
        }
        // In the order of positions, as `Best` wants them, and as memory is read quickest.
        let mut left: Vec<usize> = sieve.finish().into_iter().map(|(_, position)| position).collect();
        left.sort_unstable();
        let mut best = Best::new(count);
        for position in left {
            let start = position * self.dimensions;
            let row = self.steps.get(start..start + self.dimensions).unwrap_or_default();
            let scale = self.scales.get(position).copied().unwrap_or_default();
            let mut product = [0];
            kernel::products(&steps.steps, row, &mut product);
            let [product] = product;
            self.offer(&mut best, float(product) * (scale * steps.scale), position);
        }
        best
    }

    /// Offers a position, unless it is forgotten.
    fn offer(&self, best: &mut Best, score: f32, position: usize) {
        if score > best.least && !self.is_forgotten(position) {
            best.offer(score, position);
        }
    }
}

fn largest(vector: &[f32]) -> f32 {
    vector.iter().fold(0.0, |most, value| value.abs().max(most))
}

/// Returns the length of what `steps` leave out of a vector, at least.
fn left_out<T: Into<f64>>(vector: &[f32], scale: f32, steps: impl Iterator<Item = T>) -> f32 {
    let rest = |(value, step): (&f32, T)| (f64::from(*value) - f64::from(scale) * step.into()).powi(2);
    narrow(vector.iter().zip(steps).map(rest).sum::<f64>().sqrt())
}

#[expect(clippy::cast_possible_truncation, reason = "the scale is such that no number exceeds 127 steps")]
fn step(value: f32) -> i8 {
    value.round() as i8
}

#[expect(clippy::cast_possible_truncation, reason = "the scale is such that no number exceeds the steps")]
fn fine_step(value: f32) -> i16 {
    value.round() as i16
}

#[expect(clippy::cast_precision_loss, reason = "scores by codes need fewer digits than the type has")]
fn float(value: i32) -> f32 {
    value as f32
}

/// Rounds a bound, upwards.
#[expect(clippy::cast_possible_truncation, reason = "the next number up is a bound as well")]
fn narrow(value: f64) -> f32 {
    (value as f32).next_up()
}
