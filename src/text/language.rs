//! The language of a text, where it can be told for certain. Most texts are too short for that, and code is in none.

use whatlang::{Script, detect};

/// A shorter text, in letters, is of no language for certain.
const LETTERS: usize = 60;

/// The same for scripts that need few signs for many words.
const SIGNS: usize = 12;

/// With a smaller share of letters and spaces, in hundredths, a text is code, a table or a list of numbers.
const WORDY: usize = 90;

/// A language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Language {
    /// Its code of ISO 639-3.
    pub code: &'static str,
    /// Its English name.
    pub name: &'static str,
}

/// Returns the language of a text; none where it is not certain.
///
/// ```
/// use longhand::text::language;
/// let text = "The harbour was repaired in spring, and the lighthouse has been lit again since then.";
/// assert_eq!(language(text).map(|language| language.code), Some("eng"));
/// assert_eq!(language("OK, danke."), None);
/// ```
#[must_use]
pub fn language(text: &str) -> Option<Language> {
    let all = text.chars().count();
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    let blank = text.chars().filter(|c| c.is_whitespace()).count();
    if (letters + blank) * 100 < all * WORDY {
        return None;
    }
    let found = detect(text).filter(whatlang::Info::is_reliable)?;
    let dense = matches!(
        found.script(),
        Script::Mandarin
            | Script::Hiragana
            | Script::Katakana
            | Script::Hangul
            | Script::Thai
            | Script::Khmer
    );
    let enough = letters >= if dense { SIGNS } else { LETTERS };
    enough.then(|| Language { code: found.lang().code(), name: found.lang().eng_name() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> Option<&'static str> {
        language(text).map(|language| language.code)
    }

    #[test]
    fn long_texts_are_told_apart() {
        for (text, expected) in [
            (
                "The committee met in the old town hall and talked about the bridge for a very long time.",
                "eng",
            ),
            (
                "Der Ausschuss traf sich im alten Rathaus und sprach sehr lange über die neue Brücke am Fluss.",
                "deu",
            ),
            (
                "Le comité s'est réuni dans la vieille mairie et a longuement parlé du nouveau pont sur la rivière.",
                "fra",
            ),
            ("我的祖母在海边的灯塔工作了三十年，直到那年冬天的暴风雨。", "cmn"),
            ("私の祖母は三十年間、海辺の灯台で働いていました。", "jpn"),
            ("Комитет собрался в старой ратуше и долго говорил о новом мосте через реку у мельницы.", "rus"),
        ] {
            assert_eq!(code(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn short_texts_code_and_numbers_are_of_no_language() {
        for text in [
            "",
            "Danke schön!",
            "Ilse, Graz, Linz",
            "fn main() { let x: Vec<u8> = Vec::new(); println!(\"{x:?}\"); for i in 0..10 { x.push(i); } }",
            "for (int i = 0; i < n; ++i) { sum += values[i] * weights[i]; } return sum / (double) n;",
            "SELECT name, age FROM people WHERE age > 30 AND name LIKE '%a%' ORDER BY age DESC;",
            "2024-05-01 13:37 4711 340.00 EUR 2024-05-02 13:38 4712 341.00 EUR",
        ] {
            assert_eq!(code(text), None, "{text}");
        }
    }
}
