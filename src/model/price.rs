//! What asking a model costs, how fast it is, and on which terms it is asked.

use std::fmt;
use std::iter::Sum;
use std::ops::Add;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::chat::{ChatModel, Usage};
use crate::text::TokenCount;

/// How many units of [`Money`] make a US dollar.
const PER_USD: f64 = 1e12;

/// An amount of money in millionths of a millionth of a US dollar. The price of a token is a whole number of them, so
/// sums are exact in any order. Sums stop at the largest amount, 18 million dollars.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct Money(pub u64);

impl Money {
    /// Returns the nearest amount; nothing for what is negative or not a number.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the conversion stops at 0 and at the largest amount, as it should"
    )]
    pub fn from_usd(usd: f64) -> Self {
        Self((usd * PER_USD).round() as u64)
    }

    /// Returns the amount in US dollars.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "shown to people and never added up")]
    pub fn usd(self) -> f64 {
        self.0 as f64 / PER_USD
    }

    /// Returns the amount in US dollars as a figure among others, without a sign for the currency: with four decimals, and
    /// with more where these would hide it.
    #[must_use]
    pub fn figure(self) -> String {
        let usd = self.usd();
        let shows = |decimals: &u8| usd * 10_f64.powi(i32::from(*decimals)) >= 10.0;
        match self {
            Self(0) => "0".to_owned(),
            _ => format!("{usd:.*}", usize::from((4..12).find(shows).unwrap_or(12))),
        }
    }

    /// Returns the difference, or nothing where `other` is more.
    #[must_use]
    pub fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Add for Money {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self(0), Add::add)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} USD", self.usd())
    }
}

/// What a model costs, in US dollars per million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// A million tokens of prompts.
    pub input: f64,
    /// A million tokens of prompts that the provider had computed before; as `input` where it is not given.
    #[serde(default)]
    pub cached_input: Option<f64>,
    /// A million tokens of answers.
    pub output: f64,
}

impl Price {
    /// Returns what a call cost.
    #[must_use]
    pub fn cost(&self, usage: &Usage) -> Money {
        let cached = usage.cached_prompt_tokens.min(usage.prompt_tokens);
        let fresh = usage.prompt_tokens.saturating_sub(cached);
        times(self.input, fresh)
            + times(self.cached_input.unwrap_or(self.input), cached)
            + times(self.output, usage.completion_tokens)
    }

    /// Returns so many times this price.
    #[must_use]
    pub fn times(&self, factor: f64) -> Self {
        let cached_input = self.cached_input.map(|cached| cached * factor);
        Self { input: self.input * factor, cached_input, output: self.output * factor }
    }

    /// Returns the most that a call can cost that has this many tokens of prompt and may answer with this many.
    #[must_use]
    pub fn most(&self, prompt: TokenCount, answer: TokenCount) -> Money {
        let dearest = self.cached_input.map_or(self.input, |cached| cached.max(self.input));
        times(dearest, prompt) + times(self.output, answer)
    }
}

/// Returns what `tokens` cost at a price per million.
fn times(price: f64, tokens: TokenCount) -> Money {
    let one = Money::from_usd(price / 1e6);
    Money(one.0.saturating_mul(tokens.0))
}

/// How fast a model is, in tokens per second of one call.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Speed {
    /// Tokens of a prompt read in a second.
    pub prompt: f64,
    /// Tokens of an answer written in a second.
    pub completion: f64,
}

/// A model, and the terms on which it is asked.
pub type Termed = (Arc<dyn ChatModel>, Terms);

/// On which terms a model is asked. A model without terms costs nothing and takes as much at once as it can.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Terms {
    /// What it costs; nothing where it is not given.
    pub price: Option<Price>,
    /// How fast it is, where that is known.
    pub speed: Option<Speed>,
    /// The most calls in flight at once, where that is fewer than the model can take.
    pub concurrency: Option<usize>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_costs_its_tokens_and_cached_ones_their_own_price() {
        let price = Price { input: 0.15, cached_input: Some(0.075), output: 0.6 };
        let usage = Usage {
            prompt_tokens: TokenCount(1_000_000),
            cached_prompt_tokens: TokenCount(400_000),
            completion_tokens: TokenCount(1_000_000),
        };
        assert_eq!(price.cost(&usage), Money::from_usd(0.09 + 0.03 + 0.6));
        assert_eq!(price.most(usage.prompt_tokens, usage.completion_tokens), Money::from_usd(0.75));
        let plain = Price { cached_input: None, ..price };
        assert_eq!(plain.cost(&usage), Money::from_usd(0.75));
    }

    #[test]
    fn sums_are_exact_and_stop_at_the_largest_amount() {
        let cent = Money::from_usd(0.01);
        assert_eq!((0..100).map(|_| cent).sum::<Money>(), Money::from_usd(1.0));
        assert_eq!(Money(u64::MAX) + cent, Money(u64::MAX));
        assert_eq!(Money::from_usd(-1.0), Money(0));
        assert_eq!(Money::from_usd(0.0125).to_string(), "0.0125 USD");
    }

    #[test]
    fn a_figure_hides_no_amount() {
        let figures = [0.0, 1.588, 0.0125, 0.001_234, 0.000_02, 0.000_000_123].map(Money::from_usd);
        let shown = figures.map(Money::figure);
        assert_eq!(shown, ["0", "1.5880", "0.0125", "0.0012", "0.000020", "0.00000012"]);
        assert_eq!(Money(1).figure(), "0.000000000001");
    }
}
