//! How straight a line points lie on.

use super::super::metrics::{count, mean};

/// R squared of the line that fits values at 1, 2, 3 and so on best; 1 where they are all the same.
pub(super) fn r_squared(values: &[f64]) -> f64 {
    let at: Vec<f64> = (1..=values.len()).map(count).collect();
    let (x, y) = (mean(&at), mean(values));
    let sum = |one: &[f64], by: f64, other: &[f64], with: f64| -> f64 {
        one.iter().zip(other).map(|(a, b)| (a - by) * (b - with)).sum()
    };
    let (across, up, both) = (sum(&at, x, &at, x), sum(values, y, values, y), sum(&at, x, values, y));
    if across > 0.0 && up > 0.0 { both * both / (across * up) } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_fits_itself_and_a_parabola_does_not() {
        assert!((r_squared(&[5.0, 8.0, 11.0]) - 1.0).abs() < 1e-12);
        // Worked out by hand: means 2.5 and 7.5, sums 5, 129 and 25.
        assert!((r_squared(&[1.0, 4.0, 9.0, 16.0]) - 625.0 / 645.0).abs() < 1e-12);
        assert!((r_squared(&[]) - 1.0).abs() < 1e-12);
    }
}
