//! Finds the final answer in what a model wrote.

use super::boxed::last_boxed;
use super::choice;
use super::formula::number;
use super::numbers::{first_number, last_number};
use super::parse::{LONGEST, parse};
use super::tree::Tree;

/// What models say before the answer, in small letters.
const PHRASES: [&str; 5] = ["answer is", "answer:", "answer =", "answers are", "answer**:"];

/// The mark before the answer in GSM8K's solutions.
const HASHES: &str = "####";

/// How many marks are looked at, from the last one on.
const MOST_HASHES: usize = 16;

/// Signs around an answer that do not belong to it.
const AROUND: [char; 9] = [' ', '\t', '\n', '\r', '*', '`', '"', ':', '_'];

pub(super) fn math(text: &str) -> Option<&str> {
    if let Some(found) = last_boxed(text).or_else(|| hashed(text)) {
        return Some(found);
    }
    let whole = bare(text);
    if let Some(stated) = last_statement(text) {
        return in_dollars(stated).or(Some(stated)).filter(|stated| !stated.is_empty());
    }
    if is_formula(whole) {
        return Some(whole);
    }
    in_dollars(text).or_else(|| last_number(text))
}

pub(super) fn a_number(text: &str) -> Option<&str> {
    let boxed =
        last_boxed(text).and_then(|found| if is_number(found) { Some(found) } else { last_number(found) });
    let hashed = || hashed(text).and_then(first_number);
    let stated = || {
        let stated = last_statement(text)?;
        // Of a calculation the result counts.
        first_number(stated.rsplit('=').next().unwrap_or(stated)).or_else(|| last_number(stated))
    };
    boxed.or_else(hashed).or_else(stated).or_else(|| last_number(text))
}

pub(super) fn a_choice(text: &str) -> Option<&str> {
    let boxed = last_boxed(text).and_then(choice::leading);
    let stated = || {
        let small = text.to_ascii_lowercase();
        choice::PHRASES
            .iter()
            .flat_map(|phrase| small.match_indices(phrase).map(|(at, _)| at + phrase.len()))
            .filter_map(|end| choice::leading(text.get(end..)?).map(|found| (end, found)))
            .max_by_key(|(end, _)| *end)
            .map(|(_, found)| found)
    };
    boxed.or_else(stated).or_else(|| choice::leading_alone(text)).or_else(|| choice::last(text))
}

/// What stands behind the last `####`. A heading with as many of them begins with a letter, or counts and goes on.
fn hashed(text: &str) -> Option<&str> {
    let lines =
        text.rmatch_indices(HASHES).filter_map(|(at, _)| text.get(at + HASHES.len()..)?.lines().next());
    let mut found = lines.take(MOST_HASHES).map(bare).filter(|line| !line.is_empty());
    found
        .find(|line| !line.starts_with(char::is_alphabetic) && !line.starts_with('#') && !line.contains(". "))
}

/// What stands behind the last phrase that announces an answer: the rest of the sentence, or the next line.
fn last_statement(text: &str) -> Option<&str> {
    let small = text.to_ascii_lowercase();
    let ends = PHRASES.iter().filter_map(|phrase| small.rfind(phrase).map(|at| at + phrase.len()));
    let rest = text.get(ends.max()?..)?.trim_start_matches(AROUND);
    let line = rest.lines().next()?;
    let end = line.find(". ").unwrap_or(line.len());
    Some(bare(line.get(..end)?)).filter(|stated| !stated.is_empty())
}

/// A text without what stands around an answer; a point at its end ends the sentence.
fn bare(text: &str) -> &str {
    let text = text.trim_matches(AROUND);
    text.strip_suffix('.').unwrap_or(text).trim_matches(AROUND)
}

/// The last formula between dollars, or between `\(` and `\)` or `\[` and `\]`.
fn in_dollars(text: &str) -> Option<&str> {
    let dollars = |text: &'_ str| -> Option<(usize, usize)> {
        let signs: Vec<usize> = text
            .match_indices('$')
            .map(|(at, _)| at)
            .filter(|at| !text.get(..*at).is_some_and(|before| before.ends_with('\\')))
            .collect();
        // They come in pairs; an odd one is money.
        let mut pairs = signs.chunks_exact(2).filter(|_| signs.len().is_multiple_of(2));
        pairs.next_back().and_then(|pair| Some((pair.first()? + 1, *pair.last()?)))
    };
    let brackets = |open: &str, close: &str| -> Option<(usize, usize)> {
        let end = text.rfind(close)?;
        let start = text.get(..end)?.rfind(open)? + open.len();
        Some((start, end))
    };
    let found = [brackets("\\(", "\\)"), brackets("\\[", "\\]"), dollars(text)];
    let (start, end) = found.into_iter().flatten().filter(|(start, end)| start < end).max()?;
    Some(bare(text.get(start..end)?)).filter(|found| !found.is_empty())
}

fn is_number(text: &str) -> bool {
    parse(text).and_then(|tree| number(&tree)).is_some()
}

/// Whether a text is a formula from its first to its last sign, and no prose.
fn is_formula(text: &str) -> bool {
    text.len() <= LONGEST
        && !text.is_empty()
        && parse(text).is_some_and(|tree| !tree.any(&|part| matches!(part, Tree::Words(_))))
        && prose(text) < 2
}

/// How many words of plain text stand in a text.
fn prose(text: &str) -> usize {
    let is_word = |word: &&str| word.len() > 3 && word.chars().all(char::is_alphabetic);
    text.split(char::is_whitespace).filter(is_word).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_goes_before_hashes_and_hashes_before_words() {
        assert_eq!(math("The answer is 3. #### 4\n so $\\boxed{5}$"), Some("5"));
        assert_eq!(math("The answer is 3.\n#### 4"), Some("4"));
        assert_eq!(math("#### Step 1\nwe add. The answer is $\\frac{1}{2}$."), Some(r"\frac{1}{2}"));
        assert_eq!(math("**Answer:** $x+1$"), Some("x+1"));
        assert_eq!(math("Final answer:\n\n 2.5 cm"), Some("2.5 cm"));
        assert_eq!(math("x^2 + 1"), Some("x^2 + 1"));
        assert_eq!(math("We get \\(x=1\\) and then \\[y = 2.\\]"), Some("y = 2"));
        assert_eq!(math("It costs $5 today."), Some("5"));
        assert_eq!(math("I cannot say."), None);
    }

    #[test]
    fn a_number_is_the_last_one_where_nothing_announces_it() {
        assert_eq!(a_number("He has 3 apples and 1,204.50 left."), Some("1,204.50"));
        assert_eq!(a_number("The answer is 3 + 4 = 7 apples."), Some("7"));
        assert_eq!(a_number("First 5. The answer is -$1,000."), Some("-$1,000"));
        assert_eq!(a_number("#### 72\nQuestion 2: what is 5?"), Some("72"));
        assert_eq!(a_number(r"so \boxed{12\text{ cm}}"), Some(r"12\text{ cm}"));
        assert_eq!(a_number("nothing"), None);
    }

    #[test]
    fn a_choice_is_a_letter_and_no_article() {
        assert_eq!(a_choice("A dog barks. Answer: B"), Some("B"));
        assert_eq!(a_choice("The answer is (c)."), Some("c"));
        assert_eq!(a_choice("The answer is a dog, option D."), Some("D"));
        assert_eq!(a_choice(r"$\boxed{\text{(E)}}$"), Some("E"));
        assert_eq!(a_choice("**B**"), Some("B"));
        assert_eq!(a_choice("B) Paris"), Some("B"));
        assert_eq!(a_choice("A. Rome"), Some("A"));
        assert_eq!(a_choice("A dog and a cat."), None);
        assert_eq!(a_choice("Between (A) and (B), I take (B)."), Some("B"));
        assert_eq!(a_choice("The correct answer is A because it rains."), Some("A"));
    }
}
