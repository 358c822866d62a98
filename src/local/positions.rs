//! How far positions are turned, as the metadata of a model says: bases, factors and ways to stretch, all in single precision
//! as llama.cpp computes them.

use candle_core::Device;

use super::architecture::Blueprint;
use super::gguf::{ModelFile, first_line};
use super::shape::Sizes;
use crate::model::ModelError;

/// How heads are turned.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Turns {
    /// The angle by which each pair of a head is turned from one position to the next.
    pub(super) angles: Vec<f32>,
    /// What cosines and sines are multiplied with.
    pub(super) magnitude: f32,
}

/// How the heads of all layers are turned.
#[derive(Debug)]
pub(super) struct Positions {
    /// Those of layers that see everything, and of all where there are no others.
    pub(super) wide: Turns,
    /// Those of layers that see a window, where they are turned otherwise.
    pub(super) near: Option<Turns>,
}

/// What stretching is computed from.
#[derive(Debug, Clone, Copy)]
struct Scale {
    base: f32,
    /// Numbers of a head that are turned.
    turned: f32,
    /// How many times as long a context becomes.
    factor: f32,
    /// The context before.
    original: f32,
}

impl Positions {
    /// Reads those of a model that is to compute contexts of up to `window` tokens.
    pub(super) fn read(
        file: &mut ModelFile,
        sizes: &Sizes,
        blueprint: &Blueprint,
        window: usize,
    ) -> Result<Self, ModelError> {
        let near = blueprint.near_base.map(|base| Turns::plain(base, sizes.turned));
        Ok(Self { wide: Turns::read(file, sizes.turned, window)?, near })
    }

    /// Returns those of a layer that sees a window, or of one that sees everything.
    pub(super) fn of(&self, near: bool) -> &Turns {
        self.near.as_ref().filter(|_| near).unwrap_or(&self.wide)
    }
}

impl Turns {
    /// Turns `turned` numbers, each pair slower than the one before.
    #[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^24")]
    fn plain(base: f32, turned: usize) -> Self {
        let angles = (0..turned / 2).map(|i| base.powf(-2.0 * i as f32 / turned as f32)).collect();
        Self { angles, magnitude: 1.0 }
    }

    #[expect(clippy::cast_precision_loss, reason = "contexts and sizes are far below 2^24")]
    fn read(file: &mut ModelFile, turned: usize, window: usize) -> Result<Self, ModelError> {
        let number =
            |file: &ModelFile, name: &str| file.fraction(&file.key(name)).filter(|&value| value > 0.0);
        let trained = file.info().context as f32;
        let original = file.number(&file.key("rope.scaling.original_context_length"));
        let scale = Scale {
            base: number(file, "rope.freq_base").unwrap_or(10_000.0),
            turned: turned as f32,
            factor: number(file, "rope.scaling.factor").unwrap_or(1.0),
            original: original.filter(|&length| length > 0).map_or(trained, |length| length as f32),
        };
        let said = number(file, "rope.scaling.attn_factor");
        let kind = file.text(&file.key("rope.scaling.type")).unwrap_or("none").to_owned();
        // Some writers give the factors of this way and not its name.
        let long = file.has("rope_factors_long.weight");
        let beyond = window as f32 / trained;
        let base = if beyond > 1.0 { scale.stretched(beyond) } else { scale.base };
        let scale = Scale { base, ..scale };
        let base = if kind == "ntk" { scale.stretched(scale.factor) } else { base };
        let mut turns = Self::plain(base, turned);
        if file.has("rope_freqs.weight") {
            turns.divide(&factors(file, "rope_freqs.weight", turned / 2)?);
        }
        match kind.as_str() {
            _ if long => {
                let name = if window as f32 > scale.original { "long" } else { "short" };
                turns.divide(&factors(file, &format!("rope_factors_{name}.weight"), turned / 2)?);
                turns.magnitude = said.unwrap_or_else(|| scale.long_magnitude(trained));
            }
            "none" | "ntk" => {}
            "linear" => turns.divide(&vec![scale.factor; turned / 2]),
            "llama3" => {
                let (low, high) = (
                    number(file, "rope.scaling.low_freq_factor"),
                    number(file, "rope.scaling.high_freq_factor"),
                );
                turns.part(&scale, (low.unwrap_or(1.0), high.unwrap_or(4.0)));
            }
            "yarn" => {
                let (fast, slow) = (
                    number(file, "rope.scaling.yarn_beta_fast"),
                    number(file, "rope.scaling.yarn_beta_slow"),
                );
                turns.blend(&scale, (fast.unwrap_or(32.0), slow.unwrap_or(1.0)));
                turns.magnitude = (1.0 + 0.1 * scale.factor.max(1.0).ln()) * said.unwrap_or(1.0);
            }
            _ => {
                return Err(file.fail(format!(
                    "its positions are stretched by `{kind}`: expected `linear`, `yarn`, `llama3`, `longrope` with its factors, `ntk` or none"
                )));
            }
        }
        Ok(turns)
    }

    fn divide(&mut self, factors: &[f32]) {
        self.angles.iter_mut().zip(factors).for_each(|(angle, factor)| *angle /= factor);
    }

    /// Stretches pairs that turn fewer than `low` times over the context before, leaves those that turn more than `high` times.
    fn part(&mut self, scale: &Scale, (low, high): (f32, f32)) {
        for angle in &mut self.angles {
            let around = scale.original * *angle / std::f32::consts::TAU;
            let fastness = ((around - low) / (high - low)).clamp(0.0, 1.0);
            *angle = (1.0 - fastness) * *angle / scale.factor + fastness * *angle;
        }
    }

    /// Stretches pairs that turn slowly, leaves those that turn fast, and goes from one to the other in between.
    #[expect(clippy::cast_precision_loss, reason = "a head has some hundred numbers")]
    fn blend(&mut self, scale: &Scale, (fast, slow): (f32, f32)) {
        let low = scale.pair_turning(fast).floor().max(0.0);
        let high = scale.pair_turning(slow).ceil().min(scale.turned - 1.0);
        for (index, angle) in self.angles.iter_mut().enumerate() {
            let slowness = ((index as f32 - low) / (high - low).max(0.001)).clamp(0.0, 1.0);
            *angle = *angle / scale.factor * slowness + *angle * (1.0 - slowness);
        }
    }
}

impl Scale {
    /// Returns the base with which the slowest pair turns `factor` times as slowly, and the fastest as before.
    fn stretched(&self, factor: f32) -> f32 {
        self.base * factor.powf(self.turned / (self.turned - 2.0))
    }

    /// Returns which pair turns around `times` times over the context before.
    fn pair_turning(&self, times: f32) -> f32 {
        let around = self.original / (times * std::f32::consts::TAU);
        self.turned * around.ln() / (2.0 * self.base.ln())
    }

    /// Returns what cosines and sines are multiplied with in a context that is so much longer than the one before.
    fn long_magnitude(&self, trained: f32) -> f32 {
        let longer = trained / self.original;
        if longer > 1.0 { (1.0 + longer.ln() / self.original.ln()).sqrt() } else { 1.0 }
    }
}

/// Names the way in which a model computes contexts of up to `window` tokens, where other windows are computed otherwise.
pub(super) fn way(file: &ModelFile, window: usize) -> String {
    let (window, trained) = (window as u64, file.info().context);
    let original = file.number(&file.key("rope.scaling.original_context_length")).unwrap_or(trained);
    let long = file.has("rope_factors_long.weight") && window > original;
    let stretched = if window > trained { format!(":stretched-{window}") } else { String::new() };
    if long { format!(":long{stretched}") } else { stretched }
}

fn factors(file: &mut ModelFile, name: &str, count: usize) -> Result<Vec<f32>, ModelError> {
    let factors = file.tensor(name, &[count], &Device::Cpu)?;
    let read = factors.dequantize(&Device::Cpu).and_then(|factors| factors.to_vec1::<f32>());
    read.map_err(|error| file.fail(first_line(&error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCALE: Scale = Scale { base: 10_000.0, turned: 16.0, factor: 4.0, original: 4096.0 };

    #[test]
    fn a_stretched_base_slows_the_slowest_pair_by_the_factor_and_not_the_fastest() {
        let (before, after) = (Turns::plain(SCALE.base, 16), Turns::plain(SCALE.stretched(4.0), 16));
        let slower = |at: usize| before.angles[at] / after.angles[at];
        assert!((slower(0) - 1.0).abs() < 1e-6 && (slower(7) - 4.0).abs() < 1e-4, "{}", slower(7));
        assert!((1..8).all(|at| slower(at) > slower(at - 1)));
    }

    #[test]
    fn blending_leaves_fast_pairs_and_stretches_slow_ones() {
        let (before, mut after) = (Turns::plain(SCALE.base, 16), Turns::plain(SCALE.base, 16));
        after.blend(&SCALE, (32.0, 1.0));
        let slower = |at: usize| before.angles[at] / after.angles[at];
        assert!((slower(0) - 1.0).abs() < 1e-6 && (slower(7) - 4.0).abs() < 1e-4);
        assert!((1..8).all(|at| slower(at) >= slower(at - 1)));
    }
}
