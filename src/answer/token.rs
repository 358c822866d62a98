//! Cuts an answer in LaTeX or plain text into tokens. What only changes how it looks is gone after this: spaces, sizes, fonts,
//! separators of thousands, signs of currency.

use super::lexicon::{self, Named};

/// One token, and whether space stands before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lexeme {
    pub(super) token: Token,
    pub(super) spaced: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// Digits with at most one point; the last `repeated` of them go on for ever.
    Digits { text: String, repeated: usize },
    /// A small letter, or the name of a Greek one.
    Letter(String),
    /// Words in small letters.
    Words(String),
    /// What the lexicon knows: a function, a constant, a construction.
    Named(Named),
    /// A sign. Commands that are signs stand as the sign: `≤`, `∪`, `±`, `*`, `/`; `⟨` and `⟩` are the braces of a set, and
    /// a line feed the end of a matrix's row.
    Sign(char),
}

/// Cuts a text into tokens; nothing where it has a command that is not known.
pub(super) fn tokens(text: &str) -> Option<Vec<Lexeme>> {
    let mut lexer = Lexer { rest: text, all: Vec::new(), spaced: false, brackets: 0 };
    while !lexer.rest.is_empty() {
        lexer.step()?;
    }
    Some(lexer.all)
}

struct Lexer<'a> {
    rest: &'a str,
    all: Vec<Lexeme>,
    spaced: bool,
    /// How many brackets are open: a comma inside them separates.
    brackets: usize,
}

impl<'a> Lexer<'a> {
    fn push(&mut self, token: Token) {
        self.all.push(Lexeme { token, spaced: std::mem::take(&mut self.spaced) });
    }

    fn sign(&mut self, sign: char) {
        match sign {
            '(' | '[' | '⟨' => self.brackets += 1,
            ')' | ']' | '⟩' => self.brackets = self.brackets.saturating_sub(1),
            _ => {}
        }
        self.push(Token::Sign(sign));
    }

    /// Takes as many characters as are so.
    fn take(&mut self, is: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !is(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    fn skip(&mut self, prefix: &str) -> bool {
        let rest = self.rest.strip_prefix(prefix);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn step(&mut self) -> Option<()> {
        let first = self.rest.chars().next()?;
        let second = self.rest.chars().nth(1);
        let point = first == '.' && second.is_some_and(|c| c.is_ascii_digit());
        if first.is_ascii_digit() || point {
            self.number();
        } else if first == '\\' {
            return self.command();
        } else if first.is_ascii_alphabetic() {
            self.letters();
        } else if let Some(written) = lexicon::written_out(first) {
            // `½` and `²` are read as what they stand for.
            self.rest = self.rest.strip_prefix(first)?;
            for lexeme in tokens(written)? {
                self.all.push(lexeme);
            }
        } else {
            self.rest = self.rest.strip_prefix(first)?;
            self.character(first);
        }
        Some(())
    }

    fn character(&mut self, c: char) {
        if c.is_whitespace() || c == '~' {
            self.spaced = true;
        } else if lexicon::is_currency(c) || (c == '.' && self.rest.trim().is_empty()) || c == '\u{200b}' {
            // Neither a sign of currency nor the end of the sentence says anything.
        } else if let Some(name) = lexicon::greek_character(c) {
            self.push(Token::Letter(name.to_owned()));
        } else if c == 'π' {
            self.push(Token::Named(Named::Pi));
        } else if c == '√' {
            self.push(Token::Named(Named::Root));
        } else if c == '⟨' || c == '⟩' || c == '\n' {
            self.push(Token::Sign('?'));
        } else if c.is_alphabetic() {
            let rest = self.take(char::is_alphabetic);
            self.push(Token::Words(format!("{c}{rest}").to_lowercase()));
        } else {
            self.sign(lexicon::plain_sign(c));
        }
    }

    fn number(&mut self) {
        let digit = |c: char| c.is_ascii_digit();
        let mut text = self.take(digit).to_owned();
        if text.len() <= 3 && !text.starts_with('0') && !text.is_empty() {
            while let Some(after) = thousands(self.rest, self.brackets > 0) {
                self.rest = after;
                let end = self.rest.len().min(3);
                let (group, rest) = self.rest.split_at(end);
                text.push_str(group);
                self.rest = rest;
            }
        }
        let mut repeated = 0;
        let fraction = self.rest.strip_prefix('.').filter(|rest| rest.starts_with(digit) || repeats(rest));
        if let Some(rest) = fraction {
            self.rest = rest;
            text.push('.');
            text.push_str(self.take(digit));
            if repeats(self.rest) {
                self.rest = self.rest.split_once('{').map_or(self.rest, |(_, rest)| rest);
                let again = self.take(digit);
                text.push_str(again);
                repeated = again.len();
                self.skip("}");
            }
        } else if self.rest.starts_with('.') && !self.rest.starts_with("..") {
            // `5.` is a number with its point, or one at the end of a sentence.
            self.skip(".");
        }
        self.push(Token::Digits { text, repeated });
    }

    fn letters(&mut self) {
        let run = self.take(|c| c.is_ascii_alphabetic());
        let small = run.to_lowercase();
        if run.len() == 1 {
            self.push(Token::Letter(small));
        } else if self.is_unit(&small) {
            self.push(Token::Words(small));
        } else if let Some(named) = lexicon::plain_name(&small) {
            self.push(named);
        } else if run.len() >= lexicon::SHORTEST_WORD || lexicon::is_short_word(&small) {
            self.push(Token::Words(small));
        } else {
            for letter in small.chars() {
                self.push(Token::Letter(letter.to_string()));
            }
        }
    }

    /// `min` and `sec` at the end are minutes and seconds.
    fn is_unit(&self, small: &str) -> bool {
        matches!(small, "min" | "sec") && self.rest.trim_end_matches(['.', '$']).is_empty()
    }

    fn command(&mut self) -> Option<()> {
        self.rest = self.rest.strip_prefix('\\')?;
        let name = self.take(|c| c.is_ascii_alphabetic());
        if name.is_empty() {
            let sign = self.rest.chars().next()?;
            self.rest = self.rest.strip_prefix(sign)?;
            match sign {
                '{' => self.sign('⟨'),
                '}' => self.sign('⟩'),
                '\\' => self.push(Token::Sign('\n')),
                '%' | '&' | '|' => self.push(Token::Sign(sign)),
                ',' | ';' | ':' | '>' | ' ' => self.spaced = true,
                '!' | '$' | '(' | ')' | '[' | ']' => {}
                _ => return None,
            }
            return Some(());
        }
        if lexicon::is_silent(name) {
            if matches!(name, "left" | "right") {
                self.skip(".");
            }
            self.spaced = true;
            return Some(());
        }
        if lexicon::is_font(name) {
            let content = self.group()?;
            return self.text(name, content);
        }
        let token = lexicon::command(name)?;
        match token {
            Token::Sign(sign) => self.sign(sign),
            other => self.push(other),
        }
        Some(())
    }

    /// Takes a group in braces, or a single character without them.
    fn group(&mut self) -> Option<&'a str> {
        self.rest = self.rest.trim_start();
        let Some(inside) = self.rest.strip_prefix('{') else {
            let one = self.rest.chars().next()?.len_utf8();
            let (content, rest) = self.rest.split_at(one);
            self.rest = rest;
            return Some(content);
        };
        let end = super::boxed::closing(inside).unwrap_or(inside.len());
        let (content, rest) = inside.split_at(end);
        self.rest = rest.strip_prefix('}').unwrap_or(rest);
        Some(content)
    }

    /// Words in a font: a formula in plain letters, an `and` between two answers, or words.
    fn text(&mut self, font: &str, content: &str) -> Option<()> {
        let content = content.trim();
        let small = content.to_lowercase();
        if font == "mathbb" {
            let reals = matches!(content, "R");
            self.push(if reals { Token::Named(Named::Reals) } else { Token::Words(format!("set {small}")) });
            return Some(());
        }
        let words = small.trim_matches(|c: char| !c.is_alphanumeric());
        let number = content.starts_with(|c: char| c.is_ascii_digit());
        let counted = matches!(self.all.last(), Some(Lexeme { token: Token::Digits { .. }, .. }));
        if self.is_unit(words) || (counted && font != "mathbf" && lexicon::is_letter_unit(words)) {
            self.push(Token::Words(words.to_owned()));
        } else if let Some(named) = lexicon::plain_name(words) {
            self.push(named);
        } else if is_wordy(words) && !number {
            let words: Vec<&str> =
                words.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).collect();
            self.spaced = true;
            self.push(Token::Words(words.join(" ")));
        } else {
            for lexeme in tokens(content.trim_matches('\\'))? {
                self.all.push(lexeme);
            }
        }
        Some(())
    }
}

/// Tells whether two letters stand together, as they do not in a formula.
fn is_wordy(text: &str) -> bool {
    let mut before = false;
    text.chars().any(|c| std::mem::replace(&mut before, c.is_alphabetic()) && c.is_alphabetic())
}

fn repeats(rest: &str) -> bool {
    let inside = rest.strip_prefix("\\overline{").or_else(|| rest.strip_prefix("\\bar{"));
    inside.is_some_and(|inside| inside.starts_with(|c: char| c.is_ascii_digit()))
}

/// Returns what stands behind a separator of thousands, where one stands here: three digits follow and no fourth.
fn thousands(rest: &str, in_brackets: bool) -> Option<&str> {
    let separators = ["{,}\\!", "{,}", ",\\!", "\\!,", "\\,", ","];
    let known = if in_brackets { 5 } else { 6 };
    let after = separators.into_iter().take(known).find_map(|separator| rest.strip_prefix(separator))?;
    let digits = after.bytes().take_while(u8::is_ascii_digit).count();
    (digits == 3).then_some(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let Some(all) = tokens(text) else { return "nothing".to_owned() };
        let show = |lexeme: &Lexeme| match &lexeme.token {
            Token::Digits { text, repeated: 0 } => text.clone(),
            Token::Digits { text, repeated } => format!("{text}~{repeated}"),
            Token::Letter(name) => name.clone(),
            Token::Words(words) => format!("'{words}'"),
            Token::Named(named) => format!("{named:?}"),
            Token::Sign(sign) => sign.to_string(),
        };
        all.iter().map(show).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn thousands_are_one_number_and_a_list_is_several() {
        assert_eq!(shown("1,234,567.50"), "1234567.50");
        assert_eq!(shown(r"10,\!080 1{,}234 2\,000"), "10080 1234 2000");
        assert_eq!(shown("(1,234)"), "( 1 , 234 )");
        assert_eq!(shown("1, 234"), "1 , 234");
        assert_eq!(shown("0,123 12,34 1,2345"), "0 , 123 12 , 34 1 , 2345");
        assert_eq!(shown(r"0.\overline{3} 0.1\overline{6} .5 5."), "0.3~1 0.16~1 .5 5");
    }

    #[test]
    fn looks_are_gone_and_words_stay_together() {
        assert_eq!(shown(r"\left( \$3\!,\;\displaystyle x \right)"), "( 3 , x )");
        assert_eq!(shown(r"5\text{ square units}"), "5 'square units'");
        assert_eq!(shown(r"\text{(B)} \mathrm{(C)} \text{8}"), "( b ) ( c ) 8");
        assert_eq!(shown(r"1\text{ and }2 or 3"), "1 , 2 , 3");
        assert_eq!(shown("Evelyn xy"), "'evelyn' x y");
        assert_eq!(shown("x² ≤ ½ − π"), "x ^ 2 ≤ Fraction { 1 } { 2 } - Pi");
        assert_eq!(shown(r"\frobnicate{5}"), "nothing");
    }
}
