//! Chooses the next token from a row of logits.

use candle_core::{Device, Tensor};
use candle_transformers::generation::{LogitsProcessor, Sampling as Method};

use super::tokenizer::TokenId;
use crate::model::{ModelError, Sampling};

/// Chooses tokens for one answer.
pub(super) struct Sampler {
    random: Option<Random>,
    penalty: f32,
    seen: Vec<bool>,
}

/// Chooses by chance, among the likeliest tokens only where that is asked for.
struct Random {
    chance: LogitsProcessor,
    temperature: f32,
    top_k: usize,
    top_p: f32,
    /// Tokens, the likeliest first as far as they have been looked at.
    order: Vec<TokenId>,
}

impl Random {
    fn new(sampling: &Sampling) -> Self {
        let method = Method::All { temperature: sampling.temperature };
        #[expect(clippy::cast_possible_truncation, reason = "logits are of single precision")]
        let (temperature, top_p) = (sampling.temperature as f32, sampling.top_p as f32);
        let chance = LogitsProcessor::from_sampling(sampling.seed, method);
        Self { chance, temperature, top_k: sampling.top_k, top_p, order: Vec::new() }
    }

    fn choose(&mut self, logits: &[f32]) -> candle_core::Result<TokenId> {
        if self.top_k == 0 && self.top_p >= 1.0 {
            return self.chance.sample(&Tensor::new(logits, &Device::Cpu)?);
        }
        let kept = self.keep(logits);
        let kept = self.order.get(..kept).unwrap_or(&[]);
        let few: Vec<f32> = kept.iter().filter_map(|&id| logits.get(id as usize)).copied().collect();
        let index = self.chance.sample(&Tensor::new(few, &Device::Cpu)?)?;
        Ok(kept.get(index as usize).copied().unwrap_or_default())
    }

    /// Puts the tokens that can be chosen first and returns how many they are.
    ///
    /// Only the first few of all are sorted, and more of them where those do not suffice: sorting a whole vocabulary would take as
    /// long as computing a small model.
    fn keep(&mut self, logits: &[f32]) -> usize {
        let most = if self.top_k == 0 { logits.len() } else { self.top_k.min(logits.len()) };
        let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let weight = |logit: f32| match (logit - top) / self.temperature {
            // All that is less likely than this adds up to nothing.
            apart if apart < -30.0 => 0.0,
            apart => apart.exp(),
        };
        let logit = |id: TokenId| logits.get(id as usize).copied().unwrap_or(f32::NEG_INFINITY);
        let enough = if self.top_p < 1.0 {
            logits.iter().map(|&logit| weight(logit)).sum::<f32>() * self.top_p
        } else {
            f32::INFINITY
        };
        self.order.clear();
        self.order.extend((0..).take(logits.len()));
        let by_logit = |a: &TokenId, b: &TokenId| logit(*b).total_cmp(&logit(*a)).then(a.cmp(b));
        let mut sorted = 64;
        loop {
            sorted = sorted.min(most);
            if sorted > 0 && sorted < self.order.len() {
                self.order.select_nth_unstable_by(sorted - 1, by_logit);
            }
            let Some(first) = self.order.get_mut(..sorted) else { return 0 };
            first.sort_unstable_by(by_logit);
            let mut sum = 0.0;
            for (index, &id) in first.iter().enumerate() {
                sum += weight(logit(id));
                if sum >= enough {
                    return index + 1;
                }
            }
            if sorted == most {
                return most;
            }
            sorted *= 8;
        }
    }
}

impl Sampler {
    /// Makes a sampler that has seen the tokens of `prompt`.
    pub(super) fn new(sampling: &Sampling, prompt: &[TokenId]) -> Self {
        // Below this, dividing by the temperature overflows, and the likeliest token takes all.
        let random = (sampling.temperature > 1e-4).then(|| Random::new(sampling));
        let mut sampler = Self { random, penalty: sampling.repetition_penalty, seen: Vec::new() };
        for &id in prompt {
            sampler.saw(id);
        }
        sampler
    }

    /// Tells whether every token is the likeliest one, whatever was said before.
    pub(super) fn takes_the_likeliest(&self) -> bool {
        self.random.is_none() && !self.penalizes()
    }

    fn penalizes(&self) -> bool {
        (self.penalty - 1.0).abs() > f32::EPSILON
    }

    /// Chooses a token; `logits` may be changed.
    pub(super) fn choose(&mut self, logits: &mut [f32]) -> Result<TokenId, ModelError> {
        if self.penalizes() {
            for (logit, _) in logits.iter_mut().zip(&self.seen).filter(|(_, seen)| **seen) {
                // Dividing a negative logit would make its token likelier.
                *logit = if *logit > 0.0 { *logit / self.penalty } else { *logit * self.penalty };
            }
        }
        let id = match &mut self.random {
            None => likeliest(logits),
            Some(random) => random.choose(logits).map_err(|error| ModelError::Compute {
                reason: format!("no token can be sampled: {error}"),
            })?,
        };
        self.saw(id);
        Ok(id)
    }

    fn saw(&mut self, id: TokenId) {
        if self.penalizes() {
            let at = id as usize;
            if at >= self.seen.len() {
                self.seen.resize(at + 1, false);
            }
            if let Some(seen) = self.seen.get_mut(at) {
                *seen = true;
            }
        }
    }
}

/// What is wrong where the likeliest token is asked for and a logit is not a number.
pub(super) fn not_numbers() -> ModelError {
    ModelError::Compute { reason: "some logits are not numbers; the weights may be damaged".into() }
}

/// Refuses a row that holds something that is not a number: whatever came from it would be noise.
pub(super) fn check(logits: &[f32]) -> Result<(), ModelError> {
    match logits.iter().filter(|logit| logit.is_nan()).count() {
        0 => Ok(()),
        count => Err(ModelError::Compute {
            reason: format!("{count} of {} logits are not numbers; the weights may be damaged", logits.len()),
        }),
    }
}

/// Returns the token with the largest logit; the first of several.
pub(super) fn likeliest(logits: &[f32]) -> TokenId {
    let mut best = (0, f32::NEG_INFINITY);
    for (id, &logit) in (0..).zip(logits) {
        if logit > best.1 {
            best = (id, logit);
        }
    }
    best.0
}

/// The probabilities that a row of logits gives to tokens.
#[derive(Debug)]
pub(super) struct Distribution<'a> {
    logits: &'a [f32],
    top: f32,
    /// The logarithm of the sum of all weights, that of the likeliest token being one.
    sum: f64,
}

impl<'a> Distribution<'a> {
    /// Adds up the weights of all tokens.
    pub(super) fn of(logits: &'a [f32]) -> Self {
        let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum: f64 = logits.iter().map(|&other| f64::from(other - top).exp()).sum();
        Self { logits, top, sum: sum.ln() }
    }

    /// Returns the natural logarithm of the probability of a token.
    #[expect(clippy::cast_possible_truncation, reason = "single precision is what a score has")]
    pub(super) fn log_probability(&self, id: TokenId) -> f32 {
        let Some(&logit) = self.logits.get(id as usize) else { return f32::NEG_INFINITY };
        (f64::from(logit - self.top) - self.sum) as f32
    }
}

/// Returns the natural logarithm of the probability that `logits` give to `id`.
#[cfg(test)]
pub(super) fn log_probability(logits: &[f32], id: TokenId) -> f32 {
    Distribution::of(logits).log_probability(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is kept of a row, the likeliest first.
    fn kept(logits: &[f32], top_k: usize, top_p: f64) -> Vec<TokenId> {
        let mut random = Random::new(&Sampling { temperature: 0.5, top_k, top_p, ..Sampling::default() });
        let kept = random.keep(logits);
        random.order[..kept].to_vec()
    }

    #[test]
    fn what_is_kept_of_a_row_is_what_sorting_all_of_it_would_keep() {
        for spread in [0.01f32, 1.0, 6.0] {
            let logits: Vec<f32> = (0..3000u32)
                .map(|id| f32::from(u16::try_from(id * 7919 % 3001).unwrap()) / 3001.0 * spread)
                .collect();
            let mut order: Vec<TokenId> = (0..3000).collect();
            order.sort_by(|a, b| logits[*b as usize].total_cmp(&logits[*a as usize]).then(a.cmp(b)));
            let weights: Vec<f64> =
                order.iter().map(|&id| f64::from(logits[id as usize] / 0.5).exp()).collect();
            let total: f64 = weights.iter().sum();
            for top_p in [0.05, 0.5, 0.95] {
                let mut sum = 0.0;
                let needed = weights.iter().position(|weight| {
                    sum += weight;
                    sum >= top_p * total
                });
                let kept = kept(&logits, 0, top_p);
                // The sums are of single precision: the last token may be one more or less.
                assert!(kept.len().abs_diff(needed.unwrap() + 1) <= 1, "{spread} {top_p}: {}", kept.len());
                assert_eq!(kept, order[..kept.len()]);
            }
            assert_eq!(kept(&logits, 100, 1.0), order[..100]);
            assert_eq!(kept(&logits, 3, 0.999_999), order[..3]);
        }
        assert_eq!(kept(&[1.0, 2.0, 2.0], 1, 0.9), [1], "the first of several");
    }

    fn draw(sampling: &Sampling, count: usize) -> Vec<TokenId> {
        let mut sampler = Sampler::new(sampling, &[]);
        (0..count).map(|_| sampler.choose(&mut [0.0, 1.0, 2.0, 0.5]).unwrap()).collect()
    }

    #[test]
    fn greedy_takes_the_likeliest_and_the_first_of_equals() {
        assert_eq!(draw(&Sampling::default(), 1), [2]);
        assert_eq!(likeliest(&[1.0, 3.0, 3.0]), 1);
    }

    #[test]
    fn a_seed_decides_what_is_drawn() {
        let at = |seed| Sampling { temperature: 1.0, seed, ..Sampling::default() };
        assert_eq!(draw(&at(1), 40), draw(&at(1), 40));
        assert_ne!(draw(&at(1), 40), draw(&at(2), 40));
        let distinct: std::collections::BTreeSet<_> = draw(&at(1), 200).into_iter().collect();
        assert_eq!(distinct.len(), 4);
    }

    #[test]
    fn top_k_and_top_p_leave_the_rest_out() {
        let top_k = Sampling { temperature: 1.0, top_k: 2, ..Sampling::default() };
        assert!(draw(&top_k, 200).iter().all(|id| [1, 2].contains(id)));
        let top_p = Sampling { temperature: 1.0, top_p: 0.1, ..Sampling::default() };
        assert!(draw(&top_p, 200).iter().all(|&id| id == 2));
    }

    #[test]
    fn a_penalty_turns_away_from_what_was_said() {
        let sampling = Sampling { repetition_penalty: 1.9, ..Sampling::default() };
        let mut sampler = Sampler::new(&sampling, &[2]);
        assert_eq!(sampler.choose(&mut [0.0, 1.5, 2.0, -1.0]).unwrap(), 1);
    }

    #[test]
    fn what_is_not_a_number_is_refused() {
        insta::assert_snapshot!(check(&[0.0, f32::NAN]).unwrap_err(), @"the model failed while computing: 1 of 2 logits are not numbers; the weights may be damaged");
    }

    #[test]
    fn log_probabilities_add_up_to_one() {
        let logits = [0.3, -2.0, 5.0];
        let sum: f32 = (0..3).map(|id| log_probability(&logits, id).exp()).sum();
        assert!((sum - 1.0).abs() < 1e-6);
    }
}
