//! Tells whether two formulas have the same value. Formulas with variables have it where they agree at every one of several
//! fixed points at which both have a value; what cannot be computed is the same where it is written the same.

use std::collections::{BTreeMap, BTreeSet};

use super::evaluate::Setting;
use super::ratio::Ratio;
use super::tree::Tree;
use super::value::Value;

/// Values for variables. They are small, and no two are in a simple relation to each other.
const PLACES: [(i64, i64); 13] = [
    (7, 5),
    (19, 8),
    (3, 7),
    (29, 11),
    (13, 9),
    (23, 12),
    (5, 13),
    (41, 15),
    (17, 6),
    (31, 18),
    (8, 17),
    (37, 14),
    (11, 10),
];

/// How many points are tried: real numbers of both signs, then whole ones, which a factorial wants.
const POINTS: usize = 11;
const FRACTIONS: usize = 8;

/// At how many of them both formulas have to have a value.
const ENOUGH: usize = 3;

/// The point of this number: a value for each variable.
fn point<'a>(variables: &BTreeSet<&'a str>, number: usize) -> Option<BTreeMap<&'a str, Value>> {
    let mut values = BTreeMap::new();
    for (at, variable) in (0_i64..).zip(variables) {
        let of = i64::try_from(number).ok()?;
        let value = if number < FRACTIONS {
            let place = usize::try_from((at + of * 5).rem_euclid(13)).ok()?;
            let (above, below) = PLACES.get(place)?;
            let negative = match number {
                1 | 7 => true,
                3 => at % 2 == 0,
                5 => at % 2 == 1,
                _ => false,
            };
            let value = Ratio::whole(*above).multiply(&Ratio::whole(*below).inverse()?)?;
            if negative { value.negated() } else { value }
        } else {
            Ratio::whole((of - 6) * (at + 1) + 1)
        };
        values.insert(*variable, Value::Exact(value));
    }
    Some(values)
}

/// Tells whether two formulas have the same value.
pub(super) fn same_value(one: &Tree, two: &Tree) -> bool {
    if one == two {
        return true;
    }
    let mut variables = BTreeSet::new();
    one.variables(&mut variables);
    two.variables(&mut variables);
    if variables.is_empty() {
        let setting = || Setting::new(BTreeMap::new());
        return match (setting().value(one), setting().value(two)) {
            (Some(a), Some(b)) if may_be_rounded(one, &b) || may_be_rounded(two, &a) => a.is_same_rounded(&b),
            (Some(a), Some(b)) => a.is_same(&b),
            (None, None) => canonical(one) == canonical(two),
            _ => false,
        };
    }
    let mut agreed = 0;
    for number in 0..POINTS {
        let value = |tree: &Tree| Setting::new(point(&variables, number)?).value(tree);
        let (a, b) = (value(one), value(two));
        if let (Some(a), Some(b)) = (a, b) {
            if !a.is_same(&b) {
                return false;
            }
            agreed += 1;
        }
    }
    agreed >= ENOUGH || canonical(one) == canonical(two)
}

/// Tells whether two formulas are zero together: one is the other by a number that is not zero, and above it if asked.
pub(super) fn same_zeros(one: &Tree, two: &Tree, positive: bool) -> bool {
    let mut variables = BTreeSet::new();
    one.variables(&mut variables);
    two.variables(&mut variables);
    let ratio = Tree::divided(one.clone(), two.clone());
    let ratios = (0..POINTS).filter_map(|number| Setting::new(point(&variables, number)?).value(&ratio));
    let ratios: Vec<Value> = ratios.collect();
    let Some(first) = ratios.first() else { return false };
    let sign = first.to_f64().unwrap_or(0.0);
    let right = if positive { sign > 0.0 } else { first.complex().is_some_and(|found| found.size() > 1e-12) };
    right && ratios.len() >= ENOUGH && ratios.iter().all(|ratio| ratio.is_same(first))
}

/// Returns the value of a formula without variables.
pub(super) fn number(tree: &Tree) -> Option<Value> {
    Setting::new(BTreeMap::new()).value(tree)
}

/// Whether a number was rounded from another one, perhaps: nobody rounds to six places what is whole.
fn may_be_rounded(tree: &Tree, from: &Value) -> bool {
    is_decimal(tree) && !matches!(from, Value::Exact(ratio) if ratio.is_whole())
}

/// Whether it is one number with a point in it, which may have been rounded.
fn is_decimal(tree: &Tree) -> bool {
    match tree {
        Tree::Number { decimal, .. } => *decimal,
        Tree::Negative(of) | Tree::Percent(of) | Tree::Degrees(of) => is_decimal(of),
        _ => false,
    }
}

/// A formula as text, with its sums and products in one order.
fn canonical(tree: &Tree) -> String {
    let sorted = |all: &[Tree]| {
        let mut all: Vec<String> = all.iter().map(canonical).collect();
        all.sort_unstable();
        all.join(",")
    };
    match tree {
        Tree::Number { value, .. } => value.to_string(),
        Tree::Sum(all) => format!("sum({})", sorted(all)),
        Tree::Product(all) => format!("product({})", sorted(all)),
        Tree::Function(function, all) => {
            format!("{function:?}({})", all.iter().map(canonical).collect::<Vec<_>>().join(","))
        }
        Tree::Power(base, exponent) => format!("power({},{})", canonical(base), canonical(exponent)),
        Tree::Negative(of) => format!("minus({})", canonical(of)),
        Tree::Inverse(of) => format!("inverse({})", canonical(of)),
        other => format!("{other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse::parse;
    use super::*;

    fn same(one: &str, two: &str) -> bool {
        same_value(&parse(one).unwrap(), &parse(two).unwrap())
    }

    #[test]
    fn formulas_are_compared_where_both_have_a_value() {
        assert!(same(r"\frac{x^2-1}{x-1}", "x+1"));
        assert!(same("n!", r"n \cdot (n-1)!"));
        assert!(same(r"\binom{n}{2}", r"\frac{n(n-1)}{2}"));
        assert!(!same(r"\sqrt{x^2}", "x"), "a variable may be negative");
        assert!(!same("x+y", "x-y"));
        assert!(!same("x^{100}", "x^{101}"));
    }

    #[test]
    fn what_cancels_is_zero_however_large_it_was_before() {
        assert!(same(r"146 \cdot 61 (\pi-\pi)(x+12x)", r"(x+12x) \cdot 146 \cdot (61\pi-61\pi)"));
        assert!(!same(r"1000000\pi", r"1000000\pi+\frac{1}{1000}"));
    }

    #[test]
    fn a_decimal_may_be_rounded_from_a_fraction_and_not_from_a_whole_number() {
        assert!(same("0.666667", r"\frac{2}{3}") && same("1.414214", r"\sqrt{2}"));
        assert!(!same("0.66667", r"\frac{2}{3}") && !same("1.0000001", "1"));
        assert!(same("3.0", "3"));
    }

    #[test]
    fn what_cannot_be_computed_is_compared_as_it_is_written() {
        assert!(same("(10^{100})!+1", "1+(10^{100})!"));
        assert!(!same("(10^{100})!", "(10^{99})!"));
        assert!(!same("10^{10^{10}}", "10^{10^{11}}"));
    }
}
