//! Chooses the next token from a row of logits.

use candle_core::{Device, Tensor};
use candle_transformers::generation::{LogitsProcessor, Sampling as Method};

use super::tokenizer::TokenId;
use crate::model::{ModelError, Sampling};

/// Chooses tokens for one answer.
pub(super) struct Sampler {
    random: Option<LogitsProcessor>,
    penalty: f32,
    seen: Vec<bool>,
}

impl Sampler {
    /// Makes a sampler that has seen the tokens of `prompt`.
    pub(super) fn new(sampling: &Sampling, prompt: &[TokenId]) -> Self {
        let temperature = sampling.temperature;
        let (k, p) = (sampling.top_k, sampling.top_p);
        let method = match (k > 0, p < 1.0) {
            (false, false) => Method::All { temperature },
            (true, false) => Method::TopK { k, temperature },
            (false, true) => Method::TopP { p, temperature },
            (true, true) => Method::TopKThenTopP { k, p, temperature },
        };
        // Below this, dividing by the temperature overflows, and the likeliest token takes all.
        let random = (temperature > 1e-4).then(|| LogitsProcessor::from_sampling(sampling.seed, method));
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
            Some(random) => {
                let row = Tensor::new(&*logits, &Device::Cpu);
                row.and_then(|row| random.sample(&row)).map_err(|error| ModelError::Compute {
                    reason: format!("no token can be sampled: {error}"),
                })?
            }
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
