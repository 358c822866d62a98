//! What an answer is, once it is read: numbers and formulas, and what is made of several of them.

use super::ratio::Ratio;

/// An answer or a part of one.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Tree {
    /// A number as it stands; `decimal` where it has a point, and may therefore have been rounded.
    Number {
        value: Ratio,
        decimal: bool,
    },
    /// Digits with the base that they are in, `52_8`.
    Based {
        digits: String,
        base: String,
    },
    Constant(Constant),
    /// A variable, with its index where it has one. Letters are small: `X` and `x` are one variable.
    Variable(String),
    /// Words that are no formula, in small letters.
    Words(String),
    Sum(Vec<Self>),
    Product(Vec<Self>),
    Negative(Box<Self>),
    Inverse(Box<Self>),
    Power(Box<Self>, Box<Self>),
    Percent(Box<Self>),
    /// `90^\circ`: the number, except where a function of angles reads it.
    Degrees(Box<Self>),
    Function(Function, Vec<Self>),
    /// `\pm`: both signs.
    BothSigns(Box<Self>),
    /// Several answers with nothing around them: `1, -2`.
    List(Vec<Self>),
    /// `\{1, 2\}`.
    Set(Vec<Self>),
    /// Several things in brackets; an interval where there are two, and each bracket says whether its end belongs to it.
    Tuple {
        items: Vec<Self>,
        from_closed: bool,
        to_closed: bool,
    },
    Union(Vec<Self>),
    Intersection(Vec<Self>),
    /// The first without the others.
    Difference(Vec<Self>),
    Matrix(Vec<Vec<Self>>),
    /// `1 < x \le 3`: the sides, and what stands between each two of them.
    Relation {
        sides: Vec<Self>,
        signs: Vec<Sign>,
    },
}

/// A number with a name, or what is beyond all numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Constant {
    Pi,
    Euler,
    Imaginary,
    Infinity,
    /// All real numbers.
    Reals,
}

/// A function whose value can be computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Sine,
    Cosine,
    Tangent,
    Cotangent,
    Secant,
    Cosecant,
    ArcSine,
    ArcCosine,
    ArcTangent,
    HyperbolicSine,
    HyperbolicCosine,
    HyperbolicTangent,
    /// Of a number, to a base.
    Logarithm,
    Exponential,
    /// Of a number, the degree.
    Root,
    Absolute,
    Floor,
    Ceiling,
    Factorial,
    Binomial,
    Greatest,
    Least,
    CommonDivisor,
    CommonMultiple,
    /// A mark above, as of a segment: nothing is known of it but what it is of.
    Overline,
}

impl Function {
    pub(super) fn reads_angles(self) -> bool {
        use Function::{Cosecant, Cosine, Cotangent, Secant, Sine, Tangent};
        matches!(self, Sine | Cosine | Tangent | Cotangent | Secant | Cosecant)
    }

    /// The function that undoes this one, for `\sin^{-1}`.
    pub(super) fn inverse(self) -> Option<Self> {
        match self {
            Self::Sine => Some(Self::ArcSine),
            Self::Cosine => Some(Self::ArcCosine),
            Self::Tangent => Some(Self::ArcTangent),
            _ => None,
        }
    }
}

/// What stands between two sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    Equal,
    Unequal,
    Less,
    AtMost,
    Greater,
    AtLeast,
    ElementOf,
}

impl Sign {
    /// The sign of the same relation read from the right.
    pub(super) fn turned(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::AtMost => Self::AtLeast,
            Self::Greater => Self::Less,
            Self::AtLeast => Self::AtMost,
            other => other,
        }
    }
}

impl Tree {
    pub(super) fn whole(number: i64) -> Self {
        Self::Number { value: Ratio::whole(number), decimal: false }
    }

    pub(super) fn function(function: Function, of: Self) -> Self {
        Self::Function(function, vec![of])
    }

    pub(super) fn divided(above: Self, below: Self) -> Self {
        Self::Product(vec![above, Self::Inverse(Box::new(below))])
    }

    /// The parts that a part consists of.
    pub(super) fn parts(&self) -> Vec<&Self> {
        match self {
            Self::Number { .. }
            | Self::Based { .. }
            | Self::Constant(_)
            | Self::Variable(_)
            | Self::Words(_) => Vec::new(),
            Self::Negative(of)
            | Self::Inverse(of)
            | Self::Percent(of)
            | Self::Degrees(of)
            | Self::BothSigns(of) => vec![of],
            Self::Power(base, exponent) => vec![base, exponent],
            Self::Sum(of)
            | Self::Product(of)
            | Self::Function(_, of)
            | Self::List(of)
            | Self::Set(of)
            | Self::Tuple { items: of, .. }
            | Self::Union(of)
            | Self::Intersection(of)
            | Self::Difference(of)
            | Self::Relation { sides: of, .. } => of.iter().collect(),
            Self::Matrix(rows) => rows.iter().flatten().collect(),
        }
    }

    /// Tells whether a part, or a part of it, is so.
    pub(super) fn any(&self, is: &dyn Fn(&Self) -> bool) -> bool {
        is(self) || self.parts().into_iter().any(|part| part.any(is))
    }

    /// Whether it is a number, a formula or words: one thing, no list, set, matrix or relation.
    pub(super) fn is_single(&self) -> bool {
        !self.any(&|part| {
            matches!(
                part,
                Self::List(_)
                    | Self::Set(_)
                    | Self::Tuple { .. }
                    | Self::Union(_)
                    | Self::Intersection(_)
                    | Self::Difference(_)
                    | Self::Matrix(_)
                    | Self::Relation { .. }
            )
        })
    }

    /// Collects the names of variables.
    pub(super) fn variables<'a>(&'a self, into: &mut std::collections::BTreeSet<&'a str>) {
        if let Self::Variable(name) = self {
            into.insert(name);
        }
        for part in self.parts() {
            part.variables(into);
        }
    }
}
