//! Exact fractions of bounded size. An operation whose result would be larger gives nothing, and the caller goes on with
//! floating point.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{Signed, ToPrimitive, Zero};

/// The most bits of a numerator or denominator: 2²⁰⁰⁰ and 400! are exact, and no operation takes long.
const MOST_BITS: u64 = 4096;

/// A fraction in lowest terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ratio(BigRational);

impl Ratio {
    pub(super) fn whole(number: i64) -> Self {
        Self(BigRational::from_integer(BigInt::from(number)))
    }

    /// Reads digits with at most one point among them. Digits after the point may repeat for ever: `repeated` of them.
    pub(super) fn read(digits: &str, repeated: usize) -> Option<Self> {
        let (before, after) = digits.split_once('.').unwrap_or((digits, ""));
        let all = format!("0{before}{after}");
        let repeated = u32::try_from(repeated).ok()?;
        let places = u32::try_from(after.len()).ok()?.checked_sub(repeated)?;
        let ten = |power: u32| BigInt::from(10_u8).pow(power);
        if all.len() > 1000 {
            return None;
        }
        let number: BigInt = all.parse().ok()?;
        if repeated == 0 {
            return bounded(BigRational::new(number, ten(places)));
        }
        // 0.1666… = (16 - 1) / 90: what stands before the repeated digits is taken away, and the tens shift it out.
        let before_repeat = number.clone() / ten(repeated);
        bounded(BigRational::new(number - before_repeat, (ten(repeated) - 1) * ten(places)))
    }

    pub(super) fn add(&self, other: &Self) -> Option<Self> {
        bounded(&self.0 + &other.0)
    }

    pub(super) fn multiply(&self, other: &Self) -> Option<Self> {
        bounded(&self.0 * &other.0)
    }

    pub(super) fn inverse(&self) -> Option<Self> {
        (!self.0.is_zero()).then(|| Self(self.0.recip()))
    }

    /// Returns the product of so many whole numbers from `first` down: all of them make a factorial.
    pub(super) fn falling(first: i64, count: i64) -> Option<Self> {
        let mut product = BigInt::from(1_u8);
        for number in (0..count).map_while(|at| first.checked_sub(at)) {
            product *= number;
            if product.bits() > MOST_BITS {
                return None;
            }
        }
        Some(Self(BigRational::from_integer(product)))
    }

    pub(super) fn divided_by(&self, other: &Self) -> Option<Self> {
        self.multiply(&other.inverse()?)
    }

    pub(super) fn negated(&self) -> Self {
        Self(-self.0.clone())
    }

    /// Returns a whole power, where the result is small enough.
    pub(super) fn power(&self, exponent: i64) -> Option<Self> {
        if self.0.is_zero() && exponent <= 0 {
            return (exponent == 0).then(|| Self::whole(1));
        }
        let exact = u32::try_from(exponent.unsigned_abs()).ok();
        if self.is_whole_one() {
            let odd = exponent % 2 != 0;
            return Some(Self::whole(if self.0.is_negative() && odd { -1 } else { 1 }));
        }
        let bits = self.bits().checked_mul(exponent.unsigned_abs())?;
        if bits > MOST_BITS {
            return None;
        }
        let (above, below) = (self.0.numer().pow(exact?), self.0.denom().pow(exact?));
        let power = BigRational::new(above, below);
        bounded(if exponent < 0 { power.recip() } else { power })
    }

    /// Returns the root where it is a fraction too: 2/3 of 4/9, nothing of 2.
    pub(super) fn root(&self, degree: u32) -> Option<Self> {
        if degree == 0 || self.0.is_negative() {
            return None;
        }
        let (above, below) = (self.0.numer().nth_root(degree), self.0.denom().nth_root(degree));
        let exact = above.pow(degree) == *self.0.numer() && below.pow(degree) == *self.0.denom();
        exact.then(|| Self(BigRational::new(above, below)))
    }

    pub(super) fn floor(&self) -> Self {
        Self(self.0.floor())
    }

    pub(super) fn is_negative(&self) -> bool {
        self.0.is_negative()
    }

    pub(super) fn to_f64(&self) -> f64 {
        self.0.to_f64().unwrap_or(f64::NAN)
    }

    /// Returns the number where it is whole and small.
    pub(super) fn to_whole(&self) -> Option<i64> {
        if self.0.is_integer() { self.0.numer().to_i64() } else { None }
    }

    pub(super) fn is_whole(&self) -> bool {
        self.0.is_integer()
    }

    /// The numerator and the denominator.
    pub(super) fn parts(&self) -> (Self, Self) {
        let whole = |number: &BigInt| Self(BigRational::from_integer(number.clone()));
        (whole(self.0.numer()), whole(self.0.denom()))
    }

    /// How large the fraction is; what an operation on it costs grows with the square.
    pub(super) fn bits(&self) -> u64 {
        self.0.numer().bits().max(self.0.denom().bits())
    }

    /// Returns the fraction in millionths, rounded to the nearest.
    pub(super) fn in_millionths(&self) -> BigInt {
        (&self.0 * BigInt::from(1_000_000)).round().to_integer()
    }

    fn is_whole_one(&self) -> bool {
        self.bits() <= 1 && !self.0.is_zero()
    }
}

impl std::fmt::Display for Ratio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

fn bounded(ratio: BigRational) -> Option<Ratio> {
    let found = Ratio(ratio);
    (found.bits() <= MOST_BITS).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(digits: &str) -> Ratio {
        Ratio::read(digits, 0).unwrap()
    }

    #[test]
    fn digits_are_read_exactly_and_repeated_ones_for_ever() {
        assert_eq!(read("0.50"), Ratio::whole(2).inverse().unwrap());
        assert_eq!(read(".0000672").to_string(), "21/312500");
        assert_eq!(Ratio::read("0.3", 1).unwrap().to_string(), "1/3");
        assert_eq!(Ratio::read("0.16", 1).unwrap().to_string(), "1/6");
        assert_eq!(Ratio::read("2.142857", 6).unwrap().to_string(), "15/7");
        assert!(Ratio::read("1.5", 2).is_none(), "there are not so many digits to repeat");
        assert!(Ratio::read(&"9".repeat(100_000), 0).is_none());
    }

    #[test]
    fn powers_and_roots_are_exact_or_nothing() {
        assert_eq!(read("1.5").power(-2).unwrap().to_string(), "4/9");
        assert_eq!(Ratio::whole(-1).power(i64::MAX).unwrap(), Ratio::whole(-1));
        assert_eq!(Ratio::whole(0).power(-1), None);
        assert_eq!(Ratio::whole(2).power(i64::MIN), None);
        assert_eq!(Ratio::whole(10).power(100_000), None);
        assert_eq!(read("2.25").root(2).unwrap(), read("1.5"));
        assert_eq!(Ratio::whole(2).root(2), None);
        assert_eq!(Ratio::whole(-8).root(3), None);
    }
}
