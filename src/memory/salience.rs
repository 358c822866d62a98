//! Semantic forgetting: how much a passage still matters, and which ones leave the index.
//!
//! HEMA (arXiv 2504.16754, section 3) gives passage `i` at turn `t` the weight `λ·exp(-γ(t - i)) + β(1 - δ)`, where `δ` is 1
//! if the passage was recalled in the last 100 turns, and removes the lowest 0.5 % every 100 turns. It calls `β` a reward for
//! having been recalled, but the formula rewards not having been; both readings are here.

use super::episode::Turn;

/// Turns between two prunings, and the turns for which a recall counts (`δ`).
pub const PERIOD: u32 = 100;

/// What is removed each time: one passage of so many.
const ONE_OF: usize = 200;

/// How salience is reckoned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reading {
    /// As the paper says in words: what was recalled lately weighs more, `λ·exp(-γ(t - i)) + β·δ`.
    #[default]
    Intended,
    /// As the paper's formula stands: what was not recalled lately weighs more, `λ·exp(-γ(t - i)) + β(1 - δ)`.
    Literal,
}

/// The constants of the formula.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Salience {
    /// Which of the two readings.
    pub reading: Reading,
    /// The weight of age, `λ`.
    pub lambda: f64,
    /// How fast age tells, `γ`, per turn.
    pub gamma: f64,
    /// The weight of having been recalled, or of not having been, `β`.
    pub beta: f64,
}

impl Default for Salience {
    /// The paper's constants with the intended sign.
    fn default() -> Self {
        Self { reading: Reading::Intended, lambda: 1.0, gamma: 0.002, beta: 0.5 }
    }
}

impl Salience {
    /// Returns the salience at turn `now` of a passage of turn `made` that was last recalled in turn `recalled`. From 0 to
    /// `λ + β`.
    ///
    /// ```
    /// use longhand::memory::{Salience, Turn};
    /// let fresh = Salience::default().of(Turn(300), Turn(300), None);
    /// let recalled = Salience::default().of(Turn(300), Turn(300), Some(Turn(250)));
    /// assert_eq!((fresh, recalled), (1.0, 1.5));
    /// ```
    #[must_use]
    pub fn of(&self, now: Turn, made: Turn, recalled: Option<Turn>) -> f64 {
        let lately = recalled.is_some_and(|turn| now.since(turn) <= PERIOD);
        let rewarded = match self.reading {
            Reading::Intended => lately,
            Reading::Literal => !lately,
        };
        let age = f64::from(now.since(made));
        self.lambda * (-self.gamma * age).exp() + if rewarded { self.beta } else { 0.0 }
    }
}

/// Returns which of `weights` are the lowest 0.5 %, rounded down; of equals the earlier ones.
pub(super) fn lowest(weights: &[(usize, f64)]) -> Vec<usize> {
    let mut ranked: Vec<&(usize, f64)> = weights.iter().collect();
    ranked.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
    ranked.into_iter().take(weights.len() / ONE_OF).map(|(at, _)| *at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(one: f64, other: f64) -> bool {
        (one - other).abs() < 1e-12
    }

    #[test]
    fn both_readings_are_those_of_the_formula() {
        let age = (-0.002_f64 * 250.0).exp();
        let intended = Salience::default();
        let literal = Salience { reading: Reading::Literal, ..intended };
        let (now, made) = (Turn(400), Turn(150));
        for (recalled, lately) in [(None, 0.0), (Some(Turn(299)), 0.0), (Some(Turn(300)), 1.0)] {
            assert!(close(intended.of(now, made, recalled), age + 0.5 * lately), "{recalled:?}");
            assert!(close(literal.of(now, made, recalled), age + 0.5 * (1.0 - lately)), "{recalled:?}");
        }
    }

    #[test]
    fn half_a_percent_is_pruned_rounded_down() {
        let weights = |count: usize| -> Vec<(usize, f64)> { (0..count).map(|at| (at, 1.0)).collect() };
        assert!(lowest(&weights(199)).is_empty());
        assert_eq!(lowest(&weights(401)), [0, 1]);
        let mut mixed = weights(200);
        mixed[77].1 = 0.5;
        assert_eq!(lowest(&mixed), [77]);
    }
}
