//! What a formula comes to: an exact fraction where it can be one, otherwise a complex number with a bound of its error.

use super::ratio::Ratio;

/// How far the results of one operation on floating point may be off, relatively.
const ROUNDING: f64 = 4.0 * f64::EPSILON;

/// The most that a number may be off, relatively, and still be compared.
const MOST_ERROR: f64 = 1e-6;

/// A number.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Exact(Ratio),
    Near(Complex),
    Infinite { negative: bool },
}

/// A complex number that is off by no more than about `error`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Complex {
    pub(super) re: f64,
    pub(super) im: f64,
    pub(super) error: f64,
}

impl Complex {
    pub(super) fn real(re: f64) -> Self {
        Self { re, im: 0.0, error: re.abs() * ROUNDING }
    }

    pub(super) fn size(self) -> f64 {
        self.re.hypot(self.im)
    }

    pub(super) fn is_real(self) -> bool {
        self.im.abs() <= self.error.max(1e-12 * self.re.abs())
    }

    fn is_finite(self) -> bool {
        self.re.is_finite() && self.im.is_finite() && self.error.is_finite()
    }

    fn with(re: f64, im: f64, error: f64) -> Self {
        let mut found = Self { re, im, error };
        found.error += found.size() * ROUNDING;
        found
    }

    pub(super) fn add(self, other: Self) -> Self {
        Self::with(self.re + other.re, self.im + other.im, self.error + other.error)
    }

    pub(super) fn multiply(self, other: Self) -> Self {
        let (re, im) = (self.re * other.re - self.im * other.im, self.re * other.im + self.im * other.re);
        Self::with(re, im, self.error * other.size() + other.error * self.size())
    }

    pub(super) fn negated(self) -> Self {
        Self { re: -self.re, im: -self.im, error: self.error }
    }

    pub(super) fn inverse(self) -> Option<Self> {
        let square = self.size() * self.size();
        // What may be zero has no inverse that says anything.
        if self.size() <= self.error || square == 0.0 {
            return None;
        }
        Some(Self::with(self.re / square, -self.im / square, self.error / square))
    }

    pub(super) fn logarithm(self) -> Option<Self> {
        let size = self.size();
        (size > self.error).then(|| Self::with(size.ln(), self.im.atan2(self.re), self.error / size))
    }

    pub(super) fn exponential(self) -> Self {
        let size = self.re.exp();
        Self::with(size * self.im.cos(), size * self.im.sin(), size * self.error)
    }

    /// The principal power.
    pub(super) fn power(self, exponent: Self) -> Option<Self> {
        if self.size() == 0.0 {
            return (exponent.im == 0.0 && exponent.re > 0.0).then(|| Self::real(0.0));
        }
        let found = self.logarithm()?.multiply(exponent).exponential();
        // A real power of a positive number is real, whatever rounding says.
        let real = self.im == 0.0 && self.re > 0.0 && exponent.im == 0.0;
        Some(if real { Self { im: 0.0, ..found } } else { found })
    }

    /// Tells whether the two may be the same number.
    pub(super) fn is_close(self, other: Self) -> bool {
        let apart = (self.re - other.re).hypot(self.im - other.im);
        let size = self.size().max(other.size());
        apart <= size * 1e-13 + (self.error + other.error) * 4.0
    }
}

impl Value {
    pub(super) fn whole(number: i64) -> Self {
        Self::Exact(Ratio::whole(number))
    }

    pub(super) fn real(number: f64) -> Option<Self> {
        Self::near(Complex::real(number))
    }

    /// A number of floating point, where it is one: what is not finite, or lost its digits, says nothing.
    pub(super) fn near(number: Complex) -> Option<Self> {
        let known = number.error <= MOST_ERROR * number.size().max(1.0);
        (number.is_finite() && known).then_some(Self::Near(number))
    }

    /// The number in floating point; nothing where it is beyond all.
    pub(super) fn complex(&self) -> Option<Complex> {
        match self {
            Self::Exact(ratio) => Some(Complex::real(ratio.to_f64())).filter(|found| found.is_finite()),
            Self::Near(found) => Some(*found),
            Self::Infinite { .. } => None,
        }
    }

    /// The number in floating point where it is real, the infinite ones too.
    pub(super) fn to_f64(&self) -> Option<f64> {
        match self {
            Self::Infinite { negative } => Some(if *negative { f64::NEG_INFINITY } else { f64::INFINITY }),
            _ => self.complex().filter(|found| found.is_real()).map(|found| found.re),
        }
    }

    pub(super) fn negated(&self) -> Self {
        match self {
            Self::Exact(ratio) => Self::Exact(ratio.negated()),
            Self::Near(found) => Self::Near(found.negated()),
            Self::Infinite { negative } => Self::Infinite { negative: !negative },
        }
    }

    /// Tells whether two numbers are the same one. Exact ones are compared exactly.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Exact(one), Self::Exact(two)) => one == two,
            (Self::Infinite { negative: one }, Self::Infinite { negative: two }) => one == two,
            _ => self.complex().zip(other.complex()).is_some_and(|(one, two)| one.is_close(two)),
        }
    }

    /// Tells whether two numbers are the same one after rounding, of which at least one is written with a point.
    ///
    /// As in math-verify six places count. Other than there, numbers that are small for these places have to agree in their
    /// first four digits too.
    pub(super) fn is_same_rounded(&self, other: &Self) -> bool {
        let rounded = match (self, other) {
            (Self::Exact(one), Self::Exact(two)) => one.in_millionths() == two.in_millionths(),
            _ => match self.complex().zip(other.complex()) {
                Some((one, two)) => millionths(one) == millionths(two),
                None => return self.is_same(other),
            },
        };
        let alike = self.complex().zip(other.complex()).is_none_or(|(one, two)| {
            let size = one.size().max(two.size());
            (one.re - two.re).hypot(one.im - two.im) <= size * 1e-4
        });
        rounded && alike
    }
}

fn millionths(number: Complex) -> (f64, f64) {
    ((number.re * 1e6).round() + 0.0, (number.im * 1e6).round() + 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_rounding_took_away_is_no_difference_and_anything_else_is() {
        let root = |number: f64| Complex::real(number.sqrt());
        let zero = root(8.0).add(root(2.0).add(root(2.0)).negated());
        assert!(zero.is_close(Complex::real(0.0)), "{zero:?}");
        assert!(!Complex::real(1e-12).is_close(Complex::real(0.0)));
        assert!(!Complex::real(1.0).is_close(Complex::real(1.0 + 1e-9)));
    }

    #[test]
    fn six_places_count_and_of_small_numbers_the_first_digits() {
        let read = |digits: &str| Value::Exact(Ratio::read(digits, 0).unwrap());
        let third = Value::Exact(Ratio::whole(3).inverse().unwrap());
        assert!(read("0.333333").is_same_rounded(&third));
        assert!(!read("0.33333").is_same_rounded(&third));
        assert!(Value::real(2.0_f64.sqrt()).unwrap().is_same_rounded(&read("1.414214")));
        assert!(!read("0.0000672").is_same_rounded(&read("0.0000673")));
    }
}
