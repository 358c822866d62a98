//! ROUGE (Lin, 2004), as the package `rouge-score` reckons it without a stemmer: words are runs of Latin letters and digits, and a
//! text of other scripts has none.

use std::collections::HashMap;

use super::metrics::count;

/// How far a text has what a reference has.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rouge {
    /// The share of the text that is in the reference.
    pub precision: f64,
    /// The share of the reference that is in the text.
    pub recall: f64,
    /// Their harmonic mean.
    pub f: f64,
}

impl Rouge {
    fn of(shared: usize, text: usize, reference: usize) -> Self {
        let precision = count(shared) / count(text.max(1));
        let recall = count(shared) / count(reference.max(1));
        let both = precision + recall;
        let f = if both > 0.0 { 2.0 * precision * recall / both } else { 0.0 };
        Self { precision, recall, f }
    }
}

/// Returns ROUGE-N: which runs of `n` words the two share, each as often as both have it.
///
/// ```
/// let shared = longhand::evaluate::rouge_n("the cat sat", "the cat slept", 2);
/// assert_eq!((shared.precision, shared.recall), (0.5, 0.5));
/// ```
#[must_use]
pub fn rouge_n(text: &str, reference: &str, n: usize) -> Rouge {
    let (text, reference) = (tokens(text), tokens(reference));
    let runs = |of: &[String]| of.len().saturating_sub(n.max(1) - 1);
    let mut open: HashMap<&[String], usize> = HashMap::new();
    for run in reference.windows(n.max(1)) {
        *open.entry(run).or_default() += 1;
    }
    let mut shared = 0;
    for run in text.windows(n.max(1)) {
        if let Some(left) = open.get_mut(run).filter(|left| **left > 0) {
            *left -= 1;
            shared += 1;
        }
    }
    Rouge::of(shared, runs(&text), runs(&reference))
}

/// Returns ROUGE-L: the longest sequence of words that stands in both in the same order, whatever stands between.
///
/// ```
/// let shared = longhand::evaluate::rouge_l("police kill the gunman", "police killed the gunman");
/// assert_eq!(shared.f, 0.75);
/// ```
#[must_use]
pub fn rouge_l(text: &str, reference: &str) -> Rouge {
    let (text, reference) = (tokens(text), tokens(reference));
    // The lengths for the words so far, beside those for one word less.
    let mut row = vec![0_usize; reference.len() + 1];
    for word in &text {
        let mut fresh = vec![0];
        let mut last = 0;
        for (other, pair) in reference.iter().zip(row.windows(2)) {
            let (before, above) = (pair.first().copied().unwrap_or(0), pair.last().copied().unwrap_or(0));
            last = if word == other { before + 1 } else { above.max(last) };
            fresh.push(last);
        }
        row = fresh;
    }
    Rouge::of(row.last().copied().unwrap_or(0), text.len(), reference.len())
}

/// The words of a text.
fn tokens(text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    let words = lower.split(|c: char| !c.is_ascii_lowercase() && !c.is_ascii_digit());
    words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_worked_out_by_hand() {
        // Each: the text, the reference, then F of ROUGE-1, 2 and L.
        let rows = [
            ("Heron is a boat.", "Heron is a boat", [1.0, 1.0, 1.0]),
            ("", "a boat", [0.0; 3]),
            ("a boat", "", [0.0; 3]),
            ("the the the", "the boat", [0.4, 0.0, 0.4]),
            ("b a", "a b", [1.0, 0.0, 0.5]),
            ("Café 12", "caf 12", [1.0, 1.0, 1.0]),
            ("a b c d", "a x b y c", [2.0 / 3.0, 0.0, 2.0 / 3.0]),
            ("船", "船", [0.0; 3]),
        ];
        for (text, reference, expected) in rows {
            let found = [rouge_n(text, reference, 1), rouge_n(text, reference, 2), rouge_l(text, reference)];
            for (found, expected) in found.iter().zip(expected) {
                assert!((found.f - expected).abs() < 1e-9, "{text:?} and {reference:?}: {found:?}");
            }
        }
    }
}
