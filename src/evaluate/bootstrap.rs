//! How sure a mean is: an interval by the bootstrap (Efron, 1979).

use serde::Serialize;

use super::draw::Draw;
use super::metrics::{mean, percentile};

/// How often values are drawn anew where nobody says otherwise.
pub const RESAMPLES: usize = 10_000;

/// What a mean lies between.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// The lower end.
    pub from: f64,
    /// The upper end.
    pub to: f64,
}

/// Returns the interval that holds 95 % of the means of as many values, drawn with replacement (the percentile bootstrap). The
/// same seed draws the same values. Of nothing it is 0 to 0.
///
/// Of pairs, it takes their differences: then both of a pair are always drawn together.
///
/// ```
/// use longhand::evaluate::{RESAMPLES, bootstrap};
/// let solved = [[1.0; 10], [0.0; 10]].concat();
/// let interval = bootstrap(&solved, RESAMPLES, 1);
/// assert!((interval.from - 0.3).abs() < 1e-9 && (interval.to - 0.7).abs() < 1e-9);
/// ```
#[must_use]
pub fn bootstrap(values: &[f64], resamples: usize, seed: u64) -> Interval {
    let mut draw = Draw::new(seed);
    let mut drawn = Vec::with_capacity(values.len());
    let means = (0..resamples).map(|_| {
        drawn.clear();
        drawn.extend(values.iter().filter_map(|_| values.get(draw.below(values.len()))));
        mean(&drawn)
    });
    let means: Vec<f64> = means.collect();
    Interval { from: percentile(&means, 0.025), to: percentile(&means, 0.975) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// So many ones among so many values.
    fn ones(ones: usize, of: usize) -> Vec<f64> {
        (0..of).map(|at| if at < ones { 1.0 } else { 0.0 }).collect()
    }

    #[test]
    fn intervals_of_shares_are_those_of_the_binomial_distribution() {
        // Each: ones, of how many, and the 2.5 % and 97.5 % quantiles of Binomial(of, ones / of), worked out exactly.
        for (count, of, from, to) in
            [(10, 20, 6.0, 14.0), (13, 100, 7.0, 20.0), (25, 50, 18.0, 32.0), (2, 4, 0.0, 4.0)]
        {
            for seed in [0, 1, 2] {
                let interval = bootstrap(&ones(count, of), RESAMPLES, seed);
                let of = f64::from(u32::try_from(of).unwrap());
                let ends = (interval.from * of, interval.to * of);
                assert!(
                    (ends.0 - from).abs() < 1e-6 && (ends.1 - to).abs() < 1e-6,
                    "{count} of {of}: {ends:?}"
                );
            }
        }
    }

    #[test]
    fn what_never_varies_is_sure_and_nothing_is_nothing() {
        assert_eq!(bootstrap(&[0.25; 7], 100, 3), Interval { from: 0.25, to: 0.25 });
        assert_eq!(bootstrap(&[], 100, 3), Interval { from: 0.0, to: 0.0 });
        assert_eq!(bootstrap(&[1.0, 2.0], 0, 3), Interval { from: 0.0, to: 0.0 });
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn an_interval_lies_among_the_values_and_a_seed_is_one_interval(
            values in prop::collection::vec(-100.0..100.0_f64, 1..40),
            seed: u64,
        ) {
            let interval = bootstrap(&values, 200, seed);
            let least = values.iter().copied().fold(f64::INFINITY, f64::min);
            let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            prop_assert!(least - 1e-9 <= interval.from && interval.from <= interval.to && interval.to <= most + 1e-9);
            prop_assert_eq!(interval, bootstrap(&values, 200, seed));
        }

        #[test]
        fn an_interval_moves_and_grows_with_the_values(
            values in prop::collection::vec(-100.0..100.0_f64, 1..40),
            seed: u64,
            by in -10.0..10.0_f64,
        ) {
            let interval = bootstrap(&values, 200, seed);
            let moved = bootstrap(&values.iter().map(|value| value + by).collect::<Vec<_>>(), 200, seed);
            prop_assert!((moved.from - interval.from - by).abs() < 1e-6 && (moved.to - interval.to - by).abs() < 1e-6);
            let twice = bootstrap(&values.iter().map(|value| value * 2.0).collect::<Vec<_>>(), 200, seed);
            prop_assert!((twice.from - interval.from * 2.0).abs() < 1e-6 && (twice.to - interval.to * 2.0).abs() < 1e-6);
        }

        #[test]
        fn more_of_the_same_is_surer(count in 1_usize..19, seed: u64) {
            let width = |interval: Interval| interval.to - interval.from;
            let few = width(bootstrap(&ones(count, 20), 2000, seed));
            let many = width(bootstrap(&ones(count * 25, 500), 2000, seed));
            prop_assert!(many < few, "{} and {}", many, few);
        }
    }
}
