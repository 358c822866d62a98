//! Tells whether two answers say the same: the same number, the same formula, the same set, the same equation.

use std::cell::Cell;

use super::formula::{number, same_value, same_zeros};
use super::reals::Reals;
use super::tree::{Sign, Tree};

/// The most things whose order may differ; longer lists have to be in the same order.
const MOST_UNORDERED: usize = 64;

/// How many parts are compared with each other before two answers are taken for different. Sets of sets could otherwise take
/// for ever.
const MOST_COMPARISONS: u32 = 10_000;

/// How many comparisons are left.
struct Effort(Cell<u32>);

impl Effort {
    fn is_left(&self) -> bool {
        let left = self.0.get().checked_sub(1);
        self.0.set(left.unwrap_or(0));
        left.is_some()
    }
}

/// Tells whether two answers say the same.
pub(super) fn same(one: &Tree, two: &Tree) -> bool {
    let effort = Effort(Cell::new(MOST_COMPARISONS));
    one == two || same_spread(&spread(one.clone()), &spread(two.clone()), &effort)
}

fn same_spread(one: &Tree, two: &Tree, effort: &Effort) -> bool {
    if !effort.is_left() {
        return false;
    }
    match (solution(one), solution(two)) {
        (Some((one_name, one)), Some((two_name, two))) if same_name(one_name, two_name) => {
            return same_spread(one, two, effort);
        }
        // What `x = 5` says is compared with `5`; `x = 5` and `y = 5` are two answers.
        (Some((_, value)), None) if !is_equation(two) => return same_spread(value, two, effort),
        (None, Some((_, value))) if !is_equation(one) => return same_spread(one, value, effort),
        _ => {}
    }
    match (one, two) {
        (Tree::Relation { sides: a, signs: s }, Tree::Relation { sides: b, signs: t }) => {
            same_relation((a, s), (b, t), effort) || same_reals(one, two)
        }
        (Tree::Matrix(a), Tree::Matrix(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_in_order(a, b, effort))
        }
        (
            Tree::Tuple { items: a, from_closed, to_closed },
            Tree::Tuple { items: b, from_closed: other_from, to_closed: other_to },
        ) => {
            let brackets = (from_closed, to_closed) == (other_from, other_to);
            (a.len() != 2 || brackets) && same_in_order(a, b, effort)
        }
        (Tree::List(a) | Tree::Set(a), Tree::List(b) | Tree::Set(b)) => same_things(a, b, effort),
        (Tree::Tuple { items: a, from_closed, to_closed }, Tree::List(b) | Tree::Set(b))
        | (Tree::List(b) | Tree::Set(b), Tree::Tuple { items: a, from_closed, to_closed }) => {
            !from_closed && !to_closed && same_in_order(a, b, effort)
        }
        (Tree::Union(a), Tree::Union(b)) => same_reals(one, two) || same_things(a, b, effort),
        _ if one.is_single() && two.is_single() => same_single(one, two),
        _ => same_reals(one, two),
    }
}

fn same_reals(one: &Tree, two: &Tree) -> bool {
    Reals::of(one).zip(Reals::of(two)).is_some_and(|(one, two)| one.is_same(&two))
}

fn same_in_order(one: &[Tree], two: &[Tree], effort: &Effort) -> bool {
    one.len() == two.len() && one.iter().zip(two).all(|(one, two)| same_spread(one, two, effort))
}

/// Tells whether two lists have the same things, in whatever order and however often.
fn same_things(one: &[Tree], two: &[Tree], effort: &Effort) -> bool {
    if one.len().max(two.len()) > MOST_UNORDERED {
        return same_in_order(one, two, effort);
    }
    let within = |some: &[Tree], others: &[Tree]| {
        some.iter().all(|tree| others.iter().any(|other| same_spread(tree, other, effort)))
    };
    within(one, two) && within(two, one)
}

/// Splits an equation that says what something is: a name and, at its end, a value.
fn solution(tree: &Tree) -> Option<(&Tree, &Tree)> {
    let Tree::Relation { sides, signs } = tree else { return None };
    let (first, last) = (sides.first()?, sides.last()?);
    let all_equal = signs.iter().all(|sign| *sign == Sign::Equal);
    (all_equal && (is_name(first) || number(first).is_some())).then_some((first, last))
}

fn is_equation(tree: &Tree) -> bool {
    matches!(tree, Tree::Relation { signs, .. } if signs.iter().all(|sign| *sign == Sign::Equal))
}

/// `x`, `AB`, `f(x)`, `f(2)`, `(x, y)`, `area`.
fn is_name(tree: &Tree) -> bool {
    match tree {
        Tree::Variable(_) | Tree::Words(_) => true,
        Tree::Tuple { items, .. } => items.iter().all(|item| matches!(item, Tree::Variable(_))),
        Tree::Product(all) => {
            matches!(all.first(), Some(Tree::Variable(_)))
                && !all.iter().any(|tree| matches!(tree, Tree::Inverse(_)))
        }
        _ => false,
    }
}

/// Two calculations, as `3+4=7`, are compared by what they come to; two names have to be one.
fn same_name(one: &Tree, two: &Tree) -> bool {
    one == two || (number(one).is_some() && number(two).is_some())
}

fn same_relation(one: (&[Tree], &[Sign]), two: (&[Tree], &[Sign]), effort: &Effort) -> bool {
    let (one, two) = (upwards(one), upwards(two));
    if one.1 == two.1 && same_in_order(&one.0, &two.0, effort) {
        return true;
    }
    let ([a, b], [c, d], [sign], [other]) =
        (one.0.as_slice(), two.0.as_slice(), one.1.as_slice(), two.1.as_slice())
    else {
        return false;
    };
    if sign != other || ![a, b, c, d].iter().all(|side| side.is_single()) {
        return false;
    }
    let less =
        |from: &Tree, what: &Tree| Tree::Sum(vec![from.clone(), Tree::Negative(Box::new(what.clone()))]);
    let ordered = matches!(sign, Sign::Less | Sign::AtMost);
    same_zeros(&less(a, b), &less(c, d), ordered)
}

/// Turns a relation so that its signs are those of what is less, where they were those of what is greater.
fn upwards((sides, signs): (&[Tree], &[Sign])) -> (Vec<Tree>, Vec<Sign>) {
    let falls = signs.iter().all(|sign| matches!(sign, Sign::Greater | Sign::AtLeast));
    if falls {
        let turned = signs.iter().rev().map(|sign| sign.turned()).collect();
        return (sides.iter().rev().cloned().collect(), turned);
    }
    (sides.to_vec(), signs.to_vec())
}

fn same_single(one: &Tree, two: &Tree) -> bool {
    match (one, two) {
        (Tree::Words(a), Tree::Words(b)) => squeezed(a) == squeezed(b),
        (Tree::Words(words), letters) | (letters, Tree::Words(words)) => {
            joined_letters(letters).is_some_and(|letters| letters == squeezed(words))
        }
        (Tree::Based { digits: a, base: x }, Tree::Based { digits: b, base: y }) => (a, x) == (b, y),
        // Where one says no base, it left out what both mean.
        (Tree::Based { digits, .. }, Tree::Number { value, .. })
        | (Tree::Number { value, .. }, Tree::Based { digits, .. }) => *digits == value.to_string(),
        // `50\%` is one half, and 50 where somebody left the sign out.
        (Tree::Percent(percent), Tree::Number { value, decimal: false })
        | (Tree::Number { value, decimal: false }, Tree::Percent(percent)) => {
            let same = match percent.as_ref() {
                Tree::Number { value: of, decimal: false } => value.is_whole() && of == value,
                _ => false,
            };
            same || same_value(one, two)
        }
        _ => same_value(one, two),
    }
}

fn squeezed(words: &str) -> String {
    words.chars().filter(|c| c.is_alphanumeric()).collect()
}

/// Letters side by side, which may be a word: `AB`, `even`.
fn joined_letters(tree: &Tree) -> Option<String> {
    match tree {
        Tree::Variable(name) => Some(name.clone()),
        Tree::Constant(super::tree::Constant::Euler) => Some("e".to_owned()),
        Tree::Constant(super::tree::Constant::Imaginary) => Some("i".to_owned()),
        Tree::Product(all) => all.iter().map(joined_letters).collect(),
        _ => None,
    }
}

/// Writes out what is said in short: both signs as two answers, a set of one thing as the thing, `x \in S` as the set, and a
/// matrix times a number as the matrix.
fn spread(tree: Tree) -> Tree {
    let both = |tree: &Tree| tree.any(&|part| matches!(part, Tree::BothSigns(_)));
    match tree {
        Tree::List(items) => one_or(several(items), Tree::List),
        Tree::Set(items) => one_or(several(items), Tree::Set),
        Tree::Tuple { items, from_closed, to_closed } => {
            Tree::Tuple { items: items.into_iter().map(spread).collect(), from_closed, to_closed }
        }
        Tree::Union(all) => Tree::Union(all.into_iter().map(|tree| unfolded(&tree)).collect()),
        Tree::Relation { mut sides, signs } if signs.as_slice() == [Sign::ElementOf] => {
            sides.pop().map_or(Tree::List(Vec::new()), spread)
        }
        Tree::Relation { sides, signs } if sides.iter().any(both) => {
            let one = |minus| Tree::Relation {
                sides: sides.iter().map(|side| signed(side, minus)).collect(),
                signs: signs.clone(),
            };
            Tree::List(vec![one(false), one(true)])
        }
        Tree::Negative(of) if matches!(*of, Tree::Matrix(_)) => {
            scaled(vec![Tree::whole(-1), *of.clone()]).unwrap_or(Tree::Negative(of))
        }
        Tree::Product(all) => match scaled(all.clone()) {
            Some(matrix) => matrix,
            None => signs_spread(Tree::Product(all)),
        },
        other => signs_spread(other),
    }
}

fn signs_spread(tree: Tree) -> Tree {
    let both = tree.is_single() && tree.any(&|part| matches!(part, Tree::BothSigns(_)));
    if both { Tree::List(vec![signed(&tree, false), signed(&tree, true)]) } else { tree }
}

fn several(items: Vec<Tree>) -> Vec<Tree> {
    let mut all = Vec::new();
    for item in items {
        let listed = item.is_single() || matches!(item, Tree::Relation { .. });
        match spread(item) {
            Tree::List(more) if listed => all.extend(more),
            other => all.push(other),
        }
    }
    all
}

fn one_or(mut items: Vec<Tree>, of: impl Fn(Vec<Tree>) -> Tree) -> Tree {
    match items.pop() {
        Some(only) if items.is_empty() => only,
        Some(last) => {
            items.push(last);
            of(items)
        }
        None => of(items),
    }
}

/// Unions keep sets of one thing as sets.
fn unfolded(tree: &Tree) -> Tree {
    match tree {
        Tree::Set(_) => tree.clone(),
        other => spread(other.clone()),
    }
}

/// A formula with one of its two signs.
fn signed(tree: &Tree, minus: bool) -> Tree {
    let again = |all: &[Tree]| all.iter().map(|tree| signed(tree, minus)).collect::<Vec<_>>();
    let boxed = |tree: &Tree| Box::new(signed(tree, minus));
    match tree {
        Tree::BothSigns(of) if minus => Tree::Negative(boxed(of)),
        Tree::BothSigns(of) => signed(of, minus),
        Tree::Sum(all) => Tree::Sum(again(all)),
        Tree::Product(all) => Tree::Product(again(all)),
        Tree::Function(function, all) => Tree::Function(*function, again(all)),
        Tree::Negative(of) => Tree::Negative(boxed(of)),
        Tree::Inverse(of) => Tree::Inverse(boxed(of)),
        Tree::Percent(of) => Tree::Percent(boxed(of)),
        Tree::Degrees(of) => Tree::Degrees(boxed(of)),
        Tree::Power(base, exponent) => Tree::Power(boxed(base), boxed(exponent)),
        other => other.clone(),
    }
}

/// A matrix times numbers, as one matrix.
fn scaled(all: Vec<Tree>) -> Option<Tree> {
    let (matrices, factors): (Vec<Tree>, Vec<Tree>) =
        all.into_iter().partition(|tree| matches!(tree, Tree::Matrix(_)));
    let [Tree::Matrix(rows)] = <[Tree; 1]>::try_from(matrices).ok()? else { return None };
    let cell = |cell: Tree| {
        let mut all = factors.clone();
        all.push(cell);
        Tree::Product(all)
    };
    Some(Tree::Matrix(rows.into_iter().map(|row| row.into_iter().map(cell).collect()).collect()))
}
