//! Reads tokens as an answer: lists, relations, unions, sums and products. What they are made of is read in `primary`.

use super::token::{Lexeme, Token, tokens};
use super::tree::{Function, Sign, Tree};

/// How deep an answer may nest; the call stack is bounded by it.
const DEEPEST: usize = 64;

/// The longest answer that is read; what is longer is compared as text.
pub(super) const LONGEST: usize = 2048;

/// Reads a short answer in LaTeX or plain text; nothing where it is neither a formula nor words.
pub(super) fn parse(text: &str) -> Option<Tree> {
    if text.len() > LONGEST {
        return None;
    }
    let lexemes = tokens(text)?;
    if let Some(words) = only_words(&lexemes) {
        return Some(Tree::Words(words));
    }
    let mut parser = Parser { lexemes, at: 0, depth: 0, bars: 0 };
    let tree = parser.list()?;
    (parser.at == parser.lexemes.len()).then_some(tree)
}

/// The words of a text that has no formula in it.
fn only_words(lexemes: &[Lexeme]) -> Option<String> {
    let mut words = String::new();
    let mut any = false;
    for (at, Lexeme { token, spaced }) in lexemes.iter().enumerate() {
        let (Token::Letter(word) | Token::Words(word)) = token else { return None };
        any |= matches!(token, Token::Words(_));
        if at > 0 && *spaced {
            words.push(' ');
        }
        words.push_str(word);
    }
    any.then_some(words)
}

pub(super) struct Parser {
    lexemes: Vec<Lexeme>,
    pub(super) at: usize,
    depth: usize,
    /// How many bars of `|x|` are open: the next one closes.
    pub(super) bars: usize,
}

impl Parser {
    pub(super) fn peek(&self) -> Option<&Token> {
        self.ahead(0)
    }

    pub(super) fn ahead(&self, by: usize) -> Option<&Token> {
        self.lexemes.get(self.at.checked_add(by)?).map(|lexeme| &lexeme.token)
    }

    pub(super) fn next(&mut self) -> Option<Token> {
        let token = self.peek().cloned();
        self.at += usize::from(token.is_some());
        token
    }

    /// Whether space stands before the next token.
    pub(super) fn is_spaced(&self) -> bool {
        self.lexemes.get(self.at).is_some_and(|lexeme| lexeme.spaced)
    }

    pub(super) fn skip(&mut self, by: usize) {
        self.at = self.at.saturating_add(by).min(self.lexemes.len());
    }

    /// Puts another token in the place of the next one.
    pub(super) fn replace(&mut self, token: Token) {
        if let Some(lexeme) = self.lexemes.get_mut(self.at) {
            lexeme.token = token;
        }
    }

    pub(super) fn is_sign(&self, sign: char) -> bool {
        self.peek() == Some(&Token::Sign(sign))
    }

    /// Takes a sign where it comes next.
    pub(super) fn eat(&mut self, sign: char) -> bool {
        let here = self.is_sign(sign);
        self.at += usize::from(here);
        here
    }

    /// Reads something one level deeper.
    pub(super) fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        if self.depth >= DEEPEST {
            return None;
        }
        self.depth += 1;
        let found = read(self);
        self.depth -= 1;
        found
    }

    /// One answer, or several with commas between them.
    pub(super) fn list(&mut self) -> Option<Tree> {
        let mut items = self.items()?;
        if items.len() == 1 { items.pop() } else { Some(Tree::List(items)) }
    }

    pub(super) fn items(&mut self) -> Option<Vec<Tree>> {
        self.deeper(|parser| {
            let mut items = vec![parser.relation()?];
            while parser.eat(',') {
                // `1, 2, and 3` has two separators in a row; a comma at the end separates nothing.
                while parser.eat(',') {}
                if parser.peek().is_none() {
                    break;
                }
                items.push(parser.relation()?);
            }
            Some(items)
        })
    }

    fn relation(&mut self) -> Option<Tree> {
        // `\approx 3.14` and `= 5` say what something is that is not written down again.
        if self.is_sign('≈') || self.is_sign('=') {
            self.skip(1);
        }
        let mut sides = vec![self.union()?];
        let mut signs = Vec::new();
        while let Some(Token::Sign(sign)) = self.peek() {
            let sign = match sign {
                '=' => Sign::Equal,
                '≠' => Sign::Unequal,
                '<' => Sign::Less,
                '≤' => Sign::AtMost,
                '>' => Sign::Greater,
                '≥' => Sign::AtLeast,
                '∈' => Sign::ElementOf,
                _ => break,
            };
            self.skip(1);
            // `<=` and `>=` in plain text.
            let sign = match sign {
                Sign::Less if self.eat('=') => Sign::AtMost,
                Sign::Greater if self.eat('=') => Sign::AtLeast,
                other => other,
            };
            signs.push(sign);
            sides.push(self.union()?);
        }
        // The value itself stands before what is near it.
        while self.eat('≈') {
            self.union()?;
        }
        if signs.is_empty() { sides.pop() } else { Some(Tree::Relation { sides, signs }) }
    }

    fn union(&mut self) -> Option<Tree> {
        let mut left = vec![self.sum()?];
        let mut joins = None;
        while let Some(Token::Sign(sign @ ('∪' | '∩' | '∖'))) = self.peek() {
            let join = *sign;
            // One kind at a time: what is between two kinds would need brackets.
            if joins.is_some_and(|before| before != join) {
                return None;
            }
            joins = Some(join);
            self.skip(1);
            left.push(self.sum()?);
        }
        match joins {
            None => left.pop(),
            Some('∪') => Some(Tree::Union(left)),
            Some('∖') => Some(Tree::Difference(left)),
            Some(_) => Some(Tree::Intersection(left)),
        }
    }

    pub(super) fn sum(&mut self) -> Option<Tree> {
        let mut terms = Vec::new();
        loop {
            let sign = match self.peek() {
                Some(Token::Sign(sign @ ('+' | '-' | '±' | '∓'))) => Some(*sign),
                _ => None,
            };
            if sign.is_none() && !terms.is_empty() {
                break;
            }
            self.skip(usize::from(sign.is_some()));
            let term = self.term()?;
            terms.push(match sign {
                Some('-') => Tree::Negative(Box::new(term)),
                Some('±') => Tree::BothSigns(Box::new(term)),
                Some('∓') => Tree::BothSigns(Box::new(Tree::Negative(Box::new(term)))),
                _ => term,
            });
        }
        if terms.len() == 1 { terms.pop() } else { Some(Tree::Sum(terms)) }
    }

    /// Factors with signs between them. What stands side by side binds more tightly: `1/2x` is one over `2x`.
    fn term(&mut self) -> Option<Tree> {
        let mut factors = vec![self.side_by_side()?];
        while let Some(Token::Sign(sign @ ('*' | '/' | ':'))) = self.peek() {
            let divides = *sign != '*';
            self.skip(1);
            // `**` is a power in plain text.
            if !divides && self.eat('*') {
                let exponent = self.exponent()?;
                let base = factors.pop()?;
                factors.push(Tree::Power(Box::new(base), Box::new(exponent)));
                continue;
            }
            let negative = self.eat('-');
            let factor = self.side_by_side()?;
            let factor = if negative { Tree::Negative(Box::new(factor)) } else { factor };
            factors.push(if divides { Tree::Inverse(Box::new(factor)) } else { factor });
        }
        if factors.len() == 1 { factors.pop() } else { Some(Tree::Product(factors)) }
    }

    fn side_by_side(&mut self) -> Option<Tree> {
        if let Some(mixed) = self.mixed_number() {
            if self.eat('^') {
                self.degrees();
            }
            self.units();
            return Some(mixed);
        }
        let mut factors = vec![self.power()?];
        // Words before a number introduce it: `about 5`.
        if matches!(factors.as_slice(), [Tree::Words(_)]) && matches!(self.peek(), Some(Token::Digits { .. }))
        {
            factors.clear();
            factors.push(self.power()?);
        }
        let mut has_variable = false;
        loop {
            has_variable |=
                factors.last().is_some_and(|factor| factor.any(&|part| matches!(part, Tree::Variable(_))));
            if (!has_variable || self.unit_ahead()) && self.units() {
                break;
            }
            if !self.starts_factor() {
                break;
            }
            // Two numbers side by side are neither a product nor one number.
            let before =
                self.at.checked_sub(1).and_then(|at| self.lexemes.get(at)).map(|lexeme| &lexeme.token);
            if matches!((before, self.peek()), (Some(Token::Digits { .. }), Some(Token::Digits { .. }))) {
                return None;
            }
            factors.push(self.power()?);
        }
        if factors.len() == 1 { factors.pop() } else { Some(Tree::Product(factors)) }
    }

    pub(super) fn power(&mut self) -> Option<Tree> {
        self.deeper(|parser| {
            let base = parser.marked()?;
            if !parser.is_sign('^') {
                return Some(base);
            }
            parser.skip(1);
            if parser.degrees() {
                return Some(Tree::Degrees(Box::new(base)));
            }
            let exponent = parser.exponent()?;
            let power = Tree::Power(Box::new(base), Box::new(exponent));
            // `2^n!` and `10^2\%`.
            Some(if parser.eat('%') { Tree::Percent(Box::new(power)) } else { power })
        })
    }

    fn degrees(&mut self) -> bool {
        if self.eat('°') {
            return true;
        }
        let in_braces = [Some(&Token::Sign('{')), Some(&Token::Sign('°')), Some(&Token::Sign('}'))];
        let here = [self.peek(), self.ahead(1), self.ahead(2)] == in_braces;
        self.skip(if here { 3 } else { 0 });
        here
    }

    /// What stands above a base: a group, a number, a letter, with its sign in front.
    pub(super) fn exponent(&mut self) -> Option<Tree> {
        self.deeper(|parser| {
            if parser.eat('-') {
                return Some(Tree::Negative(Box::new(parser.exponent()?)));
            }
            parser.eat('+');
            let exponent = parser.primary()?;
            if parser.eat('^') {
                return Some(Tree::Power(Box::new(exponent), Box::new(parser.exponent()?)));
            }
            Some(exponent)
        })
    }

    /// Something with what may stand behind it: `5!`, `50\%`, `90°`, `f'`.
    fn marked(&mut self) -> Option<Tree> {
        let mut found = self.primary()?;
        for _ in 0..DEEPEST {
            found = match self.peek() {
                Some(Token::Sign('!')) => Tree::function(Function::Factorial, found),
                Some(Token::Sign('%')) => Tree::Percent(Box::new(found)),
                Some(Token::Sign('°')) => Tree::Degrees(Box::new(found)),
                Some(Token::Sign('\'')) => match found {
                    Tree::Variable(name) => Tree::Variable(name + "'"),
                    _ => return None,
                },
                _ => return Some(found),
            };
            self.skip(1);
        }
        None
    }
}
