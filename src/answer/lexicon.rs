//! The commands, names and signs that answers are written with.

use super::token::Token;
use super::tree::Function;

/// A name that is more than a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    Function(Function),
    /// `\log`: to base 10, unless an index says another.
    Log,
    /// `\ln`.
    NaturalLog,
    Root,
    Fraction,
    Binomial,
    Overline,
    Floor,
    FloorEnd,
    Ceiling,
    CeilingEnd,
    Pi,
    Reals,
    /// The set without elements.
    Empty,
    Begin,
    End,
}

/// Letters that stand together without being a function are a product up to this length, and a word from it on.
pub(super) const SHORTEST_WORD: usize = 4;

/// Words and units that are shorter.
const SHORT_WORDS: [&str; 26] = [
    "cm", "mm", "km", "kg", "mg", "lb", "lbs", "oz", "ft", "min", "hr", "hrs", "sec", "mph", "kph", "deg",
    "yes", "no", "odd", "not", "all", "the", "is", "mi", "ml", "rad",
];

/// Units that stand behind formulas with variables, too.
const UNITS: [&str; 18] = [
    "unit", "units", "square", "cubic", "cm", "mm", "km", "kg", "meters", "feet", "inches", "miles",
    "dollars", "cents", "hours", "minutes", "seconds", "radians",
];

const GREEK: [(&str, char); 24] = [
    ("alpha", 'α'),
    ("beta", 'β'),
    ("gamma", 'γ'),
    ("delta", 'δ'),
    ("epsilon", 'ε'),
    ("zeta", 'ζ'),
    ("eta", 'η'),
    ("theta", 'θ'),
    ("iota", 'ι'),
    ("kappa", 'κ'),
    ("lambda", 'λ'),
    ("mu", 'μ'),
    ("nu", 'ν'),
    ("xi", 'ξ'),
    ("rho", 'ρ'),
    ("sigma", 'σ'),
    ("tau", 'τ'),
    ("upsilon", 'υ'),
    ("phi", 'φ'),
    ("chi", 'χ'),
    ("psi", 'ψ'),
    ("omega", 'ω'),
    ("varphi", 'ϕ'),
    ("ell", 'ℓ'),
];

pub(super) fn is_short_word(small: &str) -> bool {
    SHORT_WORDS.contains(&small)
}

/// Units of one letter, which in a formula would be variables.
pub(super) fn is_letter_unit(small: &str) -> bool {
    matches!(small, "m" | "g" | "s" | "h" | "l")
}

/// Whether words begin with a unit.
pub(super) fn is_unit(words: &str) -> bool {
    words.split(' ').next().is_some_and(|first| UNITS.contains(&first))
}

pub(super) fn is_currency(c: char) -> bool {
    matches!(c, '$' | '€' | '£' | '¥' | '₹')
}

/// Commands that say how something looks, and nothing else.
pub(super) fn is_silent(command: &str) -> bool {
    matches!(
        command,
        "left"
            | "right"
            | "big"
            | "Big"
            | "bigl"
            | "bigr"
            | "Bigl"
            | "Bigr"
            | "bigg"
            | "Bigg"
            | "quad"
            | "qquad"
            | "displaystyle"
            | "textstyle"
            | "limits"
            | "boxed"
            | "fbox"
            | "hline"
            | "thinspace"
            | "rm"
            | "bf"
            | "it"
    )
}

/// Commands that set the group behind them in a font.
pub(super) fn is_font(command: &str) -> bool {
    matches!(
        command,
        "text"
            | "textbf"
            | "textit"
            | "textrm"
            | "textsf"
            | "textnormal"
            | "mathrm"
            | "mathbf"
            | "mathit"
            | "mathsf"
            | "mathcal"
            | "mathbb"
            | "boldsymbol"
            | "bm"
            | "mbox"
            | "hbox"
            | "operatorname"
            | "vec"
            | "hat"
    )
}

/// Returns what a command means; nothing where it is not known.
pub(super) fn command(name: &str) -> Option<Token> {
    let sign = match name {
        "cdot" | "times" | "ast" => '*',
        "div" => '/',
        "le" | "leq" | "leqslant" => '≤',
        "ge" | "geq" | "geqslant" => '≥',
        "lt" => '<',
        "gt" => '>',
        "ne" | "neq" => '≠',
        "in" => '∈',
        "cup" | "bigcup" => '∪',
        "cap" | "bigcap" => '∩',
        "infty" => '∞',
        "pm" => '±',
        "mp" => '∓',
        "circ" | "degree" => '°',
        "lvert" | "rvert" | "vert" | "mid" => '|',
        "lbrace" => '⟨',
        "rbrace" => '⟩',
        "langle" | "lparen" => '(',
        "rangle" | "rparen" => ')',
        "lbrack" => '[',
        "rbrack" => ']',
        "cr" | "newline" => '\n',
        "colon" => ':',
        "equiv" => '=',
        "approx" => '≈',
        "setminus" | "backslash" => '∖',
        _ => '\0',
    };
    if sign != '\0' {
        return Some(Token::Sign(sign));
    }
    let named = match name {
        "frac" | "dfrac" | "tfrac" | "cfrac" => Named::Fraction,
        "binom" | "dbinom" | "tbinom" => Named::Binomial,
        "overline" | "bar" => Named::Overline,
        "lfloor" => Named::Floor,
        "rfloor" => Named::FloorEnd,
        "lceil" => Named::Ceiling,
        "rceil" => Named::CeilingEnd,
        "emptyset" | "varnothing" => Named::Empty,
        "begin" => Named::Begin,
        "end" => Named::End,
        _ => return function(name).map(Token::Named).or_else(|| greek(name)),
    };
    Some(Token::Named(named))
}

/// Returns what a name means in plain text.
pub(super) fn plain_name(small: &str) -> Option<Token> {
    match small {
        "inf" | "infinity" => Some(Token::Sign('∞')),
        "and" | "or" => Some(Token::Sign(',')),
        "cup" | "union" => Some(Token::Sign('∪')),
        "degree" | "degrees" => Some(Token::Sign('°')),
        "percent" => Some(Token::Sign('%')),
        _ => function(small).map(Token::Named).or_else(|| greek(small)),
    }
}

fn greek(name: &str) -> Option<Token> {
    let small = name.to_lowercase();
    GREEK.iter().find(|(greek, _)| *greek == small).map(|(greek, _)| Token::Letter((*greek).to_owned()))
}

pub(super) fn greek_character(c: char) -> Option<&'static str> {
    GREEK.iter().find(|(_, greek)| *greek == c).map(|(name, _)| *name)
}

fn function(name: &str) -> Option<Named> {
    use Function as F;
    Some(Named::Function(match name {
        "sin" => F::Sine,
        "cos" => F::Cosine,
        "tan" => F::Tangent,
        "cot" => F::Cotangent,
        "sec" => F::Secant,
        "csc" => F::Cosecant,
        "arcsin" => F::ArcSine,
        "arccos" => F::ArcCosine,
        "arctan" => F::ArcTangent,
        "sinh" => F::HyperbolicSine,
        "cosh" => F::HyperbolicCosine,
        "tanh" => F::HyperbolicTangent,
        "exp" => F::Exponential,
        "max" => F::Greatest,
        "min" => F::Least,
        "gcd" => F::CommonDivisor,
        "lcm" => F::CommonMultiple,
        "abs" => F::Absolute,
        "ln" => return Some(Named::NaturalLog),
        "log" => return Some(Named::Log),
        "sqrt" => return Some(Named::Root),
        "pi" => return Some(Named::Pi),
        _ => return None,
    }))
}

/// Returns how a character that is a small formula of its own is written out.
pub(super) fn written_out(c: char) -> Option<&'static str> {
    Some(match c {
        '½' => r"\frac{1}{2}",
        '⅓' => r"\frac{1}{3}",
        '⅔' => r"\frac{2}{3}",
        '¼' => r"\frac{1}{4}",
        '¾' => r"\frac{3}{4}",
        '⅕' => r"\frac{1}{5}",
        '⅛' => r"\frac{1}{8}",
        '²' => "^2",
        '³' => "^3",
        '⁴' => "^4",
        'ℝ' => r"\mathbb{R}",
        _ => return None,
    })
}

/// Returns the sign that a character stands for.
pub(super) fn plain_sign(c: char) -> char {
    match c {
        '−' | '–' | '—' => '-',
        '×' | '·' | '⋅' | '∙' => '*',
        '÷' | '⁄' | '∕' => '/',
        '⩽' => '≤',
        '⩾' => '≥',
        '∣' => '|',
        ';' => ',',
        other => other,
    }
}
