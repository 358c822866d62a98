//! Reads what is more than one token and still one quantity: mixed numbers, and numbers with the unit that they count.

use super::lexicon::{self, Named};
use super::parse::Parser;
use super::token::Token;
use super::tree::Tree;

/// The number that a token is, where it has no point.
fn whole(token: Option<&Token>) -> Option<i64> {
    match token {
        Some(Token::Digits { text, .. }) => text.parse().ok(),
        _ => None,
    }
}

impl Parser {
    /// `1\frac{4}{5}` and `1 4/5` are sums; `2\frac{5}{3}`, whose fraction is none of a whole, is a product.
    pub(super) fn mixed_number(&mut self) -> Option<Tree> {
        let first = whole(self.peek())?;
        let back = self.at;
        self.skip(1);
        let spaced = self.is_spaced();
        let fraction = if self.peek() == Some(&Token::Named(Named::Fraction)) {
            self.skip(1);
            self.digits_of_fraction()
        } else if spaced && self.ahead(1) == Some(&Token::Sign('/')) {
            let (above, below) = (whole(self.peek()), whole(self.ahead(2)));
            self.skip(3);
            above.zip(below)
        } else {
            None
        };
        match fraction {
            Some((above, below)) if above < below && (!self.is_sign('^') || self.degrees_ahead()) => {
                let fraction = Tree::divided(Tree::whole(above), Tree::whole(below));
                Some(Tree::Sum(vec![Tree::whole(first), fraction]))
            }
            _ => {
                self.at = back;
                None
            }
        }
    }

    /// Passes over the two numbers of a fraction: `{4}{5}`, `45`.
    fn digits_of_fraction(&mut self) -> Option<(i64, i64)> {
        if let Some(Token::Digits { text, .. }) = self.peek()
            && let (2, Ok(both)) = (text.len(), text.parse::<i64>())
        {
            self.skip(1);
            return Some((both / 10, both % 10));
        }
        let mut part = || {
            let mut braces = 0;
            while self.eat('{') {
                braces += 1;
            }
            let found = whole(self.peek());
            self.skip(1);
            (0..braces).all(|_| self.eat('}')).then_some(found)?
        };
        let above = part()?;
        Some((above, part()?))
    }

    /// Whether words come that can only be a unit, so that they do not speak of a variable before them.
    pub(super) fn unit_ahead(&self) -> bool {
        matches!(self.peek(), Some(Token::Words(words)) if lexicon::is_unit(words))
    }

    /// Passes over words behind a number, which say what it counts: `cm^2`, `square units`, `km/h`.
    pub(super) fn units(&mut self) -> bool {
        let mut any = false;
        while matches!(self.peek(), Some(Token::Words(_))) {
            any = true;
            self.skip(1);
            if self.is_sign('^') {
                match (self.ahead(1), self.ahead(2), self.ahead(3)) {
                    (Some(Token::Digits { .. }), ..) => self.skip(2),
                    (Some(Token::Sign('{')), Some(Token::Digits { .. }), Some(Token::Sign('}'))) => {
                        self.skip(4);
                    }
                    _ => {}
                }
            }
            if matches!(
                (self.peek(), self.ahead(1)),
                (Some(Token::Sign('/' | '*')), Some(Token::Words(_) | Token::Letter(_)))
            ) {
                self.skip(2);
            }
        }
        any
    }

    /// `^\circ`, which is no power.
    fn degrees_ahead(&self) -> bool {
        let behind = if self.ahead(1) == Some(&Token::Sign('{')) { self.ahead(2) } else { self.ahead(1) };
        behind == Some(&Token::Sign('°'))
    }
}
