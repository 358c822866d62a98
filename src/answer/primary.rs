//! Reads the smallest parts of an answer: numbers, names, brackets, fractions, functions, matrices.

use super::lexicon::Named;
use super::parse::Parser;
use super::ratio::Ratio;
use super::token::Token;
use super::tree::{Constant, Function, Tree};

impl Parser {
    /// Tells whether a factor begins here, so that it is multiplied with what stands before it.
    pub(super) fn starts_factor(&self) -> bool {
        match self.peek() {
            Some(Token::Digits { .. } | Token::Letter(_) | Token::Words(_)) => true,
            Some(Token::Named(named)) => !matches!(named, Named::End | Named::FloorEnd | Named::CeilingEnd),
            Some(Token::Sign(sign)) => {
                matches!(sign, '(' | '[' | '{' | '⟨' | '∞') || (*sign == '|' && self.bars == 0)
            }
            None => false,
        }
    }

    pub(super) fn primary(&mut self) -> Option<Tree> {
        match self.next()? {
            Token::Digits { text, repeated } => self.digits(text, repeated),
            Token::Letter(name) => self.letter(name),
            Token::Words(words) => Some(Tree::Words(self.more_words(words))),
            Token::Named(named) => self.deeper(|parser| parser.named(named)),
            Token::Sign('∞') => Some(Tree::Constant(Constant::Infinity)),
            Token::Sign(open @ ('(' | '[')) => self.brackets(open),
            Token::Sign('{') => {
                let inside = self.list()?;
                self.eat('}').then_some(inside)
            }
            Token::Sign('⟨') => self.set(),
            Token::Sign('|') if self.bars == 0 => {
                self.bars += 1;
                let inside = self.deeper(Self::sum);
                self.bars -= 1;
                let inside = inside?;
                self.eat('|').then(|| Tree::function(Function::Absolute, inside))
            }
            Token::Sign(_) => None,
        }
    }

    fn digits(&mut self, text: String, repeated: usize) -> Option<Tree> {
        if self.is_sign('_') {
            let base = self.index()?;
            return Some(Tree::Based { digits: text, base });
        }
        let decimal = text.contains('.') && repeated == 0;
        Some(Tree::Number { value: Ratio::read(&text, repeated)?, decimal })
    }

    fn letter(&mut self, mut name: String) -> Option<Tree> {
        if self.is_sign('_') {
            let index = self.index()?;
            name = format!("{name}_{index}");
        }
        Some(match name.as_str() {
            "e" => Tree::Constant(Constant::Euler),
            "i" => Tree::Constant(Constant::Imaginary),
            _ => Tree::Variable(name),
        })
    }

    fn more_words(&mut self, mut words: String) -> String {
        while let Some(Token::Words(more)) = self.peek() {
            words = format!("{words} {more}");
            self.skip(1);
        }
        words
    }

    /// Reads what stands below: `_8`, `_{10}`, `_{n1}`.
    fn index(&mut self) -> Option<String> {
        self.skip(1);
        let mut name = String::new();
        let braces = self.eat('{');
        loop {
            match self.next()? {
                Token::Digits { text, .. } => name.push_str(&text),
                Token::Letter(letter) => name.push_str(&letter),
                Token::Words(words) => name.push_str(&words),
                Token::Sign('}') if braces => return (!name.is_empty()).then_some(name),
                Token::Sign(sign @ ('+' | '-' | ',')) if braces => name.push(sign),
                _ => return None,
            }
            if !braces {
                return Some(name);
            }
        }
    }

    fn named(&mut self, named: Named) -> Option<Tree> {
        match named {
            Named::Pi => Some(Tree::Constant(Constant::Pi)),
            Named::Reals => Some(Tree::Constant(Constant::Reals)),
            Named::Empty => Some(Tree::Set(Vec::new())),
            Named::Fraction => {
                let above = self.argument()?;
                Some(Tree::divided(above, self.argument()?))
            }
            Named::Binomial => {
                let above = self.argument()?;
                Some(Tree::Function(Function::Binomial, vec![above, self.argument()?]))
            }
            Named::Overline => Some(Tree::function(Function::Overline, self.argument()?)),
            Named::Root => {
                let degree = if self.eat('[') {
                    let degree = self.sum()?;
                    self.eat(']').then_some(degree)?
                } else {
                    Tree::whole(2)
                };
                Some(Tree::Function(Function::Root, vec![self.deeper(Self::primary)?, degree]))
            }
            Named::Floor | Named::Ceiling => {
                let inside = self.sum()?;
                let (end, function) = if named == Named::Floor {
                    (Named::FloorEnd, Function::Floor)
                } else {
                    (Named::CeilingEnd, Function::Ceiling)
                };
                (self.next()? == Token::Named(end)).then(|| Tree::function(function, inside))
            }
            Named::NaturalLog => self.applied(Function::Logarithm, Some(Tree::Constant(Constant::Euler))),
            Named::Log => {
                let base = if self.eat('_') { self.argument()? } else { Tree::whole(10) };
                self.applied(Function::Logarithm, Some(base))
            }
            Named::Function(function) => self.applied(function, None),
            Named::Begin => self.matrix(),
            Named::End | Named::FloorEnd | Named::CeilingEnd => None,
        }
    }

    /// What a command takes: a group in braces, or one token. A number without braces gives one digit: `\frac12`.
    fn argument(&mut self) -> Option<Tree> {
        if let Some(Token::Digits { text, repeated: 0 }) = self.peek()
            && text.len() > 1
            && !text.contains('.')
            && let Some(digit) = text.chars().next()
        {
            let rest = text.strip_prefix(digit)?.to_owned();
            self.replace(Token::Digits { text: rest, repeated: 0 });
            return Some(Tree::Number { value: Ratio::read(&digit.to_string(), 0)?, decimal: false });
        }
        self.deeper(Self::primary)
    }

    /// A function with its power and what it is of: `\sin^2 2x`, `\max(1, 2)`.
    fn applied(&mut self, function: Function, base: Option<Tree>) -> Option<Tree> {
        let power = if self.eat('^') { Some(self.exponent()?) } else { None };
        let mut arguments = if self.is_sign('(') {
            self.skip(1);
            let items = self.items()?;
            if !self.eat(')') {
                return None;
            }
            items
        } else if self.is_sign('{') {
            vec![self.primary()?]
        } else {
            vec![self.simple_factors()?]
        };
        arguments.extend(base);
        let minus_one = Tree::Negative(Box::new(Tree::whole(1)));
        match power {
            None => Some(Tree::Function(function, arguments)),
            Some(power) if power == minus_one => Some(Tree::Function(function.inverse()?, arguments)),
            Some(power) => Some(Tree::Power(Box::new(Tree::Function(function, arguments)), Box::new(power))),
        }
    }

    /// What a function without brackets is of: it ends at the next function and at the next bracket.
    fn simple_factors(&mut self) -> Option<Tree> {
        let negative = self.eat('-');
        let mut factors = Vec::new();
        while self.starts_factor() {
            let stops = match self.peek() {
                Some(
                    Token::Named(Named::Function(_) | Named::Log | Named::NaturalLog)
                    | Token::Sign('(' | '['),
                ) => !factors.is_empty(),
                Some(Token::Words(_)) => true,
                _ => false,
            };
            if stops {
                break;
            }
            factors.push(self.power()?);
        }
        let found = if factors.len() > 1 { Tree::Product(factors) } else { factors.pop()? };
        Some(if negative { Tree::Negative(Box::new(found)) } else { found })
    }

    /// Brackets around one thing group it; around several they make a tuple or an interval.
    fn brackets(&mut self, open: char) -> Option<Tree> {
        let bars = std::mem::take(&mut self.bars);
        let items = self.items();
        self.bars = bars;
        let mut items = items?;
        let to_closed = match self.next()? {
            Token::Sign(')') => false,
            Token::Sign(']') => true,
            _ => return None,
        };
        if items.len() == 1 {
            return items.pop();
        }
        Some(Tree::Tuple { items, from_closed: open == '[', to_closed })
    }

    fn set(&mut self) -> Option<Tree> {
        if self.eat('⟩') {
            return Some(Tree::Set(Vec::new()));
        }
        // `\{x \mid x > 2\}` is what the condition says.
        let such_that =
            matches!((self.peek(), self.ahead(1)), (Some(Token::Letter(_)), Some(Token::Sign('|' | ':'))));
        if such_that {
            self.skip(2);
            let condition = self.list()?;
            return self.eat('⟩').then_some(condition);
        }
        let items = self.items()?;
        self.eat('⟩').then_some(Tree::Set(items))
    }

    fn matrix(&mut self) -> Option<Tree> {
        let Tree::Words(kind) = self.primary()? else { return None };
        match kind.as_str() {
            "pmatrix" | "bmatrix" | "matrix" | "smallmatrix" => {}
            "array" => {
                // The columns' places.
                self.eat('{').then_some(())?;
                while !self.eat('}') {
                    self.next()?;
                }
            }
            _ => return None,
        }
        let mut rows = vec![Vec::new()];
        while self.peek() != Some(&Token::Named(Named::End)) {
            let cell = self.deeper(Self::sum)?;
            rows.last_mut()?.push(cell);
            if self.eat('\n') {
                rows.push(Vec::new());
            } else if !self.eat('&') && self.peek() != Some(&Token::Named(Named::End)) {
                return None;
            }
        }
        self.skip(1);
        (self.primary()? == Tree::Words(kind)).then_some(())?;
        // A line end behind the last row begins none.
        if rows.last().is_some_and(Vec::is_empty) {
            rows.pop();
        }
        (!rows.is_empty()).then_some(Tree::Matrix(rows))
    }
}
