//! Cuts a passage to the sentences that matter: tokens of memory are scarce, and more passages beat longer ones.

use std::collections::BTreeSet;

use super::state::Memory;
use crate::retrieve::terms;
use crate::text::{LEFT_OUT, TokenCount, TokenCounter, sentences, words};

/// The most tokens of a passage that is not among the best. Shorter ones
/// let more messages in and lose the words of the answer.
pub(super) const SHORT: TokenCount = TokenCount(25);

/// The rarity that one term adds to what a sentence says, at most.
const RAREST: f64 = 6.0;

/// What a number adds.
const NUMBER: f64 = 2.0;

/// A sentence that says less is filler beside others.
const FILLER: f64 = 10.0;

/// A sentence that says so much says enough.
const ENOUGH: f64 = 30.0;

/// One sentence of a passage.
struct Sentence<'a> {
    text: &'a str,
    tokens: TokenCount,
    /// How much it says, whatever is asked.
    says: f64,
    /// The rarity of what it shares with the question.
    shares: f64,
}

impl Memory {
    /// Returns the sentences of `text` that answer `asked`, in their order, within `most` tokens where that is given; at least one.
    /// Sentences that say nothing are left out in any case.
    pub(super) fn trimmed(
        &self,
        text: &str,
        asked: &BTreeSet<String>,
        most: Option<TokenCount>,
        counter: &dyn TokenCounter,
    ) -> String {
        let parts = sentences(text).filter_map(|range| text.get(range)).map(str::trim);
        let mut parts: Vec<Sentence<'_>> = parts
            .filter(|part| words(part).next().is_some())
            .map(|part| self.sentence(part, asked, counter))
            .collect();
        if parts.len() < 2 {
            return text.trim().to_owned();
        }
        let saying = parts.iter().any(|part| part.says >= FILLER);
        let mut keep: Vec<bool> = parts.iter().map(|part| !saying || part.says >= FILLER).collect();
        let whole: TokenCount =
            parts.iter().zip(&keep).filter(|(_, keep)| **keep).map(|(part, _)| part.tokens).sum();
        if let Some(most) = most.filter(|most| whole > *most) {
            keep = best(&parts, &keep, most);
        }
        let mut text = String::new();
        let mut gap = false;
        for (part, keep) in parts.drain(..).zip(keep) {
            if keep {
                if !text.is_empty() {
                    text.push_str(if gap { LEFT_OUT } else { " " });
                }
                text.push_str(part.text);
            }
            gap = !keep;
        }
        text
    }

    fn sentence<'a>(
        &self,
        text: &'a str,
        asked: &BTreeSet<String>,
        counter: &dyn TokenCounter,
    ) -> Sentence<'a> {
        let terms: BTreeSet<String> = terms(text).into_iter().collect();
        let rarity = |term: &String| self.words.rarity(term).min(RAREST);
        let numbers = words(text).filter(|word| word.starts_with(|c: char| c.is_ascii_digit())).count();
        let numbers = f64::from(u16::try_from(numbers).unwrap_or(u16::MAX));
        Sentence {
            text,
            tokens: counter.count(text) + TokenCount(1),
            says: terms.iter().map(rarity).sum::<f64>() + NUMBER * numbers,
            shares: terms.intersection(asked).map(rarity).sum(),
        }
    }
}

/// Chooses the sentences that share most with the question, and among equals those that say most.
fn best(parts: &[Sentence<'_>], open: &[bool], most: TokenCount) -> Vec<bool> {
    let highest = parts.iter().map(|part| part.shares).fold(f64::EPSILON, f64::max);
    let worth = |part: &Sentence<'_>| part.shares / highest + 0.5 * (part.says / ENOUGH).min(1.0);
    let mut order: Vec<usize> = (0..parts.len()).filter(|at| open.get(*at) == Some(&true)).collect();
    let of = |at: &usize| parts.get(*at).map_or(0.0, worth);
    order.sort_by(|a, b| of(b).total_cmp(&of(a)).then(a.cmp(b)));
    let mut keep = vec![false; parts.len()];
    let mut left = most;
    let mut any = false;
    for at in order {
        let tokens = parts.get(at).map_or(TokenCount(0), |part| part.tokens);
        if !any || tokens <= left {
            left = left.saturating_sub(tokens);
            any = true;
            if let Some(kept) = keep.get_mut(at) {
                *kept = true;
            }
        }
    }
    keep
}
