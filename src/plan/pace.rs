//! What models cost and how fast they are: as settings say, or as the journals of earlier runs tell.

use crate::model::{OutputForm, Price, Speed};
use crate::run::CallRecord;
use crate::text::{TokenCount, TokenCounter};

/// The terms on which one model is asked, as far as they are known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// What it costs; nothing where that is not given.
    pub price: Option<Price>,
    /// How fast it is.
    pub speed: Option<Speed>,
    /// How many of its calls can be in flight; at least 1.
    pub concurrency: usize,
}

/// What earlier calls tell of those to come.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Measured {
    /// How many calls were looked at.
    pub calls: u64,
    /// The middle of the shares that their answers had of the longest answers allowed; scored texts are left out.
    pub share: Option<f64>,
    /// How fast they were answered.
    pub speed: Option<Speed>,
}

impl Measured {
    /// Takes in the calls of one model, whose tokens `counter` counts.
    #[must_use]
    pub fn of<'a>(calls: impl IntoIterator<Item = &'a CallRecord>, counter: &dyn TokenCounter) -> Self {
        let mut shares = Vec::new();
        let mut times = Times::default();
        for call in calls {
            let usage = call.response.usage;
            times.add(
                usage.prompt_tokens.saturating_sub(usage.cached_prompt_tokens),
                usage.completion_tokens,
                call.ms,
            );
            let most = call.request.most(counter);
            if !matches!(call.request.output, OutputForm::Score(_)) && most > TokenCount(0) {
                shares.push((number(usage.completion_tokens.0) / number(most.0)).min(1.0));
            }
        }
        shares.sort_by(f64::total_cmp);
        Self { calls: times.calls, share: shares.get(shares.len() / 2).copied(), speed: times.speed() }
    }
}

/// The sums of a least-squares fit of milliseconds to the tokens of prompt and answer.
#[derive(Debug, Default)]
struct Times {
    calls: u64,
    prompt: f64,
    completion: f64,
    ms: f64,
    prompt_squared: f64,
    completion_squared: f64,
    both: f64,
    prompt_ms: f64,
    completion_ms: f64,
}

impl Times {
    fn add(&mut self, prompt: TokenCount, completion: TokenCount, ms: u64) {
        let (p, c, t) = (number(prompt.0), number(completion.0), number(ms));
        self.calls += 1;
        self.prompt += p;
        self.completion += c;
        self.ms += t;
        self.prompt_squared += p * p;
        self.completion_squared += c * c;
        self.both += p * c;
        self.prompt_ms += p * t;
        self.completion_ms += c * t;
    }

    /// Tells prompts and answers apart where the calls allow that, and gives both the same speed otherwise.
    fn speed(&self) -> Option<Speed> {
        let spread = self.prompt_squared * self.completion_squared - self.both * self.both;
        let prompt = (self.prompt_ms * self.completion_squared - self.completion_ms * self.both) / spread;
        let completion = (self.completion_ms * self.prompt_squared - self.prompt_ms * self.both) / spread;
        let tokens = self.prompt + self.completion;
        if spread > 0.0 && prompt > 0.0 && completion > 0.0 {
            return Some(Speed { prompt: 1000.0 / prompt, completion: 1000.0 / completion });
        }
        let both = 1000.0 * tokens / self.ms;
        (tokens > 0.0 && self.ms > 0.0).then_some(Speed { prompt: both, completion: both })
    }
}

#[expect(clippy::cast_precision_loss, reason = "tokens and milliseconds stay far below 2^53")]
pub(super) fn number(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speeds_of_prompt_and_answer_are_told_apart_where_calls_differ() {
        let mut times = Times::default();
        for (prompt, completion) in [(1000, 10), (100, 100), (4000, 50)] {
            times.add(TokenCount(prompt), TokenCount(completion), prompt + completion * 20);
        }
        let speed = times.speed().unwrap();
        assert!((speed.prompt - 1000.0).abs() < 1e-6 && (speed.completion - 50.0).abs() < 1e-6, "{speed:?}");
    }

    #[test]
    fn calls_that_are_all_alike_give_one_speed_and_none_gives_none() {
        assert_eq!(Times::default().speed(), None);
        let mut times = Times::default();
        times.add(TokenCount(900), TokenCount(100), 500);
        times.add(TokenCount(900), TokenCount(100), 500);
        let speed = times.speed().unwrap();
        assert!(
            (speed.prompt - 2000.0).abs() < 1e-6 && (speed.completion - 2000.0).abs() < 1e-6,
            "{speed:?}"
        );
        let mut instant = Times::default();
        instant.add(TokenCount(900), TokenCount(100), 0);
        assert_eq!(instant.speed(), None);
    }
}
