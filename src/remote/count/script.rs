//! Kinds of characters, as far as they cost tokenizers different amounts.
//!
//! Knows no model: it says what a text is made of, and what that costs is guessed in `count` and learned in `gauge`.

/// A kind of character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::remote) enum Script {
    /// A small letter without an accent.
    Lower,
    /// A capital letter without an accent.
    Upper,
    /// A digit of ASCII.
    Digit,
    /// A space or tab; every other white space that ends no line.
    Space,
    /// The end of a line.
    Line,
    /// A mark of ASCII.
    Mark,
    /// A mark of print: quotes, dashes, dots.
    Print,
    /// A Latin letter with an accent, or the accent alone.
    Accented,
    /// A letter of Greek.
    Greek,
    /// A letter of Cyrillic.
    Cyrillic,
    /// A letter of Hebrew or Arabic.
    Semitic,
    /// A letter of an alphabet of India or Thailand.
    Distant,
    /// A Chinese character.
    Han,
    /// Kana.
    Kana,
    /// A syllable of Korean.
    Hangul,
    /// Anything else: symbols, emoji, rare scripts.
    Rare,
}

impl Script {
    /// How many kinds there are.
    pub(in crate::remote) const COUNT: usize = 16;

    /// Returns the kind of a character.
    pub(in crate::remote) fn of(character: char) -> Self {
        match character {
            'a'..='z' => Self::Lower,
            'A'..='Z' => Self::Upper,
            '0'..='9' => Self::Digit,
            '\n' | '\r' => Self::Line,
            ' ' | '\t' => Self::Space,
            '\0'..='\u{7f}' => Self::Mark,
            _ => Self::beyond_ascii(character),
        }
    }

    fn beyond_ascii(character: char) -> Self {
        match u32::from(character) {
            0x00C0..=0x024F | 0x0300..=0x036F | 0x1E00..=0x1EFF => Self::Accented,
            0x0370..=0x03FF | 0x1F00..=0x1FFF => Self::Greek,
            0x0400..=0x052F => Self::Cyrillic,
            0x0590..=0x077F => Self::Semitic,
            0x0900..=0x0EFF => Self::Distant,
            0x2010..=0x2027 | 0x2030..=0x203A | 0x3000..=0x303F | 0xFF00..=0xFFEF => Self::Print,
            0x3040..=0x30FF => Self::Kana,
            0x3400..=0x9FFF => Self::Han,
            0xAC00..=0xD7AF | 0x1100..=0x11FF => Self::Hangul,
            _ if character.is_whitespace() => Self::Space,
            _ => Self::Rare,
        }
    }

    /// Tells whether words of a Latin alphabet are made of it.
    pub(in crate::remote) fn is_latin(self) -> bool {
        matches!(self, Self::Lower | Self::Upper | Self::Accented)
    }

    /// Tells whether it parts words.
    pub(in crate::remote) fn is_white(self) -> bool {
        matches!(self, Self::Space | Self::Line)
    }
}
