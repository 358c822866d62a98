//! Sets of real numbers made of intervals and single points: what a union, an interval and an inequality all say.

use std::collections::BTreeSet;

use super::formula::number;
use super::tree::{Constant, Sign, Tree};

/// How far apart two ends may be and still be one, relatively: what floating point takes away.
const NEAR: f64 = 1e-11;

/// One piece, and whether its ends belong to it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Piece {
    from: f64,
    from_closed: bool,
    to: f64,
    to_closed: bool,
}

/// Pieces in order that do not touch, and the variable that they were written for, where they were.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reals {
    pieces: Vec<Piece>,
    variable: Option<String>,
}

impl Reals {
    /// Reads an interval, a union of some, the real numbers, or an inequality in one variable.
    pub(super) fn of(tree: &Tree) -> Option<Self> {
        let (pieces, variable) = match tree {
            Tree::Relation { sides, signs } => {
                let (pieces, variable) = solved(sides, signs)?;
                (pieces, Some(variable))
            }
            other => (pieces(other)?, None),
        };
        Some(Self { pieces: joined(pieces), variable })
    }

    pub(super) fn is_same(&self, other: &Self) -> bool {
        let variables = match (&self.variable, &other.variable) {
            (Some(one), Some(two)) => one == two,
            _ => true,
        };
        let same = |(one, two): (&Piece, &Piece)| {
            is_near(one.from, two.from)
                && is_near(one.to, two.to)
                && (one.from_closed, one.to_closed) == (two.from_closed, two.to_closed)
        };
        variables
            && self.pieces.len() == other.pieces.len()
            && self.pieces.iter().zip(&other.pieces).all(same)
    }
}

fn is_near(one: f64, two: f64) -> bool {
    // Beyond all numbers nothing is near anything else.
    let finite = one.is_finite() && two.is_finite();
    one.total_cmp(&two).is_eq() || (finite && (one - two).abs() <= NEAR * one.abs().max(two.abs()))
}

fn real(tree: &Tree) -> Option<f64> {
    number(tree)?.to_f64()
}

fn pieces(tree: &Tree) -> Option<Vec<Piece>> {
    match tree {
        Tree::Constant(Constant::Reals) => Some(everything()),
        Tree::Tuple { items, from_closed, to_closed } => match items.as_slice() {
            [from, to] => Some(vec![between((real(from)?, *from_closed), (real(to)?, *to_closed))?]),
            _ => None,
        },
        Tree::Set(items) => {
            let point = |item| real(item).and_then(|at| between((at, true), (at, true)));
            items.iter().map(point).collect()
        }
        Tree::Union(all) => {
            let mut joined = Vec::new();
            for tree in all {
                joined.extend(pieces(tree)?);
            }
            Some(joined)
        }
        Tree::Intersection(all) => {
            let mut left = everything();
            for tree in all {
                left = shared(&left, &joined(pieces(tree)?));
            }
            Some(left)
        }
        Tree::Difference(all) => {
            let (first, others) = all.split_first()?;
            let mut left = joined(pieces(first)?);
            for tree in others {
                left = shared(&left, &outside(&joined(pieces(tree)?)));
            }
            Some(left)
        }
        _ => None,
    }
}

fn everything() -> Vec<Piece> {
    between((f64::NEG_INFINITY, false), (f64::INFINITY, false)).into_iter().collect()
}

fn shared(one: &[Piece], two: &[Piece]) -> Vec<Piece> {
    one.iter().flat_map(|one| two.iter().filter_map(|two| common(*one, *two))).collect()
}

/// What lies between pieces that are in order.
fn outside(pieces: &[Piece]) -> Vec<Piece> {
    let mut from = (f64::NEG_INFINITY, false);
    let mut gaps = Vec::new();
    for piece in pieces {
        gaps.extend(between(from, (piece.from, !piece.from_closed)));
        from = (piece.to, !piece.to_closed);
    }
    gaps.extend(between(from, (f64::INFINITY, false)));
    gaps
}

/// A piece, where there is something between its ends. No end at infinity belongs to it.
fn between(from: (f64, bool), to: (f64, bool)) -> Option<Piece> {
    let piece = Piece {
        from: from.0,
        from_closed: from.1 && from.0.is_finite(),
        to: to.0,
        to_closed: to.1 && to.0.is_finite(),
    };
    let point = piece.from_closed && piece.to_closed && is_near(from.0, to.0);
    (from.0 < to.0 || point).then_some(piece)
}

fn common(one: Piece, two: Piece) -> Option<Piece> {
    let from = match one.from.total_cmp(&two.from) {
        std::cmp::Ordering::Less => (two.from, two.from_closed),
        std::cmp::Ordering::Greater => (one.from, one.from_closed),
        std::cmp::Ordering::Equal => (one.from, one.from_closed && two.from_closed),
    };
    let to = match one.to.total_cmp(&two.to) {
        std::cmp::Ordering::Less => (one.to, one.to_closed),
        std::cmp::Ordering::Greater => (two.to, two.to_closed),
        std::cmp::Ordering::Equal => (one.to, one.to_closed && two.to_closed),
    };
    between(from, to)
}

/// Puts pieces in order and joins those that touch.
fn joined(mut pieces: Vec<Piece>) -> Vec<Piece> {
    pieces.sort_by(|one, two| one.from.total_cmp(&two.from).then(two.from_closed.cmp(&one.from_closed)));
    let mut all: Vec<Piece> = Vec::new();
    for piece in pieces {
        match all.last_mut() {
            Some(last)
                if piece.from < last.to
                    || (is_near(piece.from, last.to) && (piece.from_closed || last.to_closed)) =>
            {
                if is_near(piece.to, last.to) {
                    last.to_closed |= piece.to_closed;
                } else if piece.to > last.to {
                    (last.to, last.to_closed) = (piece.to, piece.to_closed);
                }
            }
            _ => all.push(piece),
        }
    }
    all
}

/// Solves an inequality whose variable stands alone: `x > 2`, `1 < x \le 3`, `x \ne 0`.
fn solved(sides: &[Tree], signs: &[Sign]) -> Option<(Vec<Piece>, String)> {
    let mut variables = BTreeSet::new();
    for side in sides {
        side.variables(&mut variables);
    }
    let [name] = variables.into_iter().collect::<Vec<_>>().try_into().ok()?;
    let at = sides.iter().position(|side| matches!(side, Tree::Variable(_)))?;
    let infinite = (f64::NEG_INFINITY, f64::INFINITY);
    if let ([Sign::Unequal], [one, two]) = (signs, sides) {
        let hole = real(if at == 0 { two } else { one })?;
        let left = between((infinite.0, false), (hole, false))?;
        return Some((vec![left, between((hole, false), (infinite.1, false))?], name.to_owned()));
    }
    let mut piece = between((infinite.0, false), (infinite.1, false))?;
    // What stands left of the variable is read from the right, so that the variable comes first.
    let left = at.checked_sub(1).and_then(|before| Some((sides.get(before)?, signs.get(before)?.turned())));
    let right = sides.get(at + 1).and_then(|side| Some((side, *signs.get(at)?)));
    if sides.len() != 1 + usize::from(left.is_some()) + usize::from(right.is_some()) {
        return None;
    }
    for (side, sign) in [left, right].into_iter().flatten() {
        let end = real(side)?;
        let half = match sign {
            Sign::Less | Sign::AtMost => between((infinite.0, false), (end, sign == Sign::AtMost))?,
            Sign::Greater | Sign::AtLeast => between((end, sign == Sign::AtLeast), (infinite.1, false))?,
            Sign::Equal | Sign::Unequal | Sign::ElementOf => return None,
        };
        piece = common(piece, half)?;
    }
    Some((vec![piece], name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::super::parse::parse;
    use super::*;

    fn same(one: &str, two: &str) -> bool {
        let reals = |text: &str| Reals::of(&parse(text).unwrap()).unwrap();
        reals(one).is_same(&reals(two))
    }

    #[test]
    fn pieces_that_touch_are_one() {
        assert!(same(r"[0,1]\cup(1,2]", "[0,2]"));
        assert!(same(r"(2,3)\cup\{3\}", "(2,3]"));
        assert!(!same(r"[0,1)\cup(1,2]", "[0,2]"));
        assert!(same(r"(0,2)\cap[1,3]", "[1,2)"));
        assert!(same(r"\mathbb{R} \setminus \{0\}", r"(-\infty,0)\cup(0,\infty)"));
        assert!(same(r"[0,5]\setminus(1,2)", r"[0,1]\cup[2,5]"));
    }

    #[test]
    fn inequalities_are_intervals() {
        assert!(same("x>2", r"(2,\infty)"));
        assert!(same(r"3 \ge x > 1", "(1,3]"));
        assert!(same(r"x \ne 0", r"(-\infty,0)\cup(0,\infty)"));
        assert!(!same("x>2", "y>2"));
        assert!(!same("x<2", r"(2,\infty)"));
        assert!(Reals::of(&parse("x+1>2").unwrap()).is_none());
    }
}
