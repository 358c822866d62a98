//! Okapi BM25 over texts that come and go. Knows nothing of where the texts come from.

mod kept;
mod postings;
mod record;
#[cfg(test)]
mod tests;

pub use kept::KeptBm25;

use serde::{Deserialize, Serialize};

use postings::{Posting, Postings};

use super::error::IndexError;
use super::hit::Hit;
use super::terms::{TermIndex, Vocabulary, count, score, tally, terms};

/// How soon repeating a term stops helping.
const K1: f64 = 1.2;

/// How much a text longer than the average pays for its length.
const B: f64 = 0.75;

/// The largest number of positions, so that one fits into four bytes.
const MOST_POSITIONS: usize = u32::MAX as usize;

/// An index that scores the texts of a collection against a query.
///
/// The weight of a term is that of Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond"
/// (2009), section 3.4, with `k1 = 1.2` and `b = 0.75`; the inverse document frequency is `ln(1 + (N - n + 0.5) / (n + 0.5))`,
/// which, unlike the original, is never negative. A text that is forgotten counts as if it had never been there.
///
/// ```
/// use longhand::retrieve::Bm25;
/// let mut index = Bm25::new(["The cat sat.", "Dogs bark."]);
/// let scores = index.scores("barking dog");
/// assert!(scores[1] > scores[0]);
/// index.push("A dog sleeps.")?;
/// index.forget(1);
/// assert_eq!(index.top("dog", 5)[0].position, 2);
/// # Ok::<(), longhand::retrieve::IndexError>(())
/// ```
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Bm25 {
    vocabulary: Vocabulary,
    postings: Postings,
    /// The length of each text in terms; none where the text is forgotten.
    lengths: Vec<Option<u32>>,
    /// How many texts are not forgotten.
    living: usize,
    /// Their length together.
    total: u64,
}

/// A text as an index sees it: new terms, and the number of each of its terms with how often it stands there.
#[derive(Debug, Default, PartialEq)]
struct Entry {
    /// The terms that are new to the collection; they get the next numbers.
    new: Vec<String>,
    /// In the order of their numbers.
    tally: Vec<(TermIndex, u32)>,
}

impl Bm25 {
    /// Indexes `texts`; their order is that of the scores.
    #[must_use]
    pub fn new<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut index = Self::default();
        for text in texts {
            let entry = index.entry(text);
            index.add(&entry);
        }
        index
    }

    /// Adds a text, and returns its position.
    ///
    /// # Errors
    ///
    /// Returns an error if the index is full.
    pub fn push(&mut self, text: &str) -> Result<usize, IndexError> {
        if self.len() >= MOST_POSITIONS {
            return Err(IndexError::Full { most: MOST_POSITIONS });
        }
        let entry = self.entry(text);
        self.add(&entry);
        Ok(self.len() - 1)
    }

    /// Takes a text out, for good; `false` if there is none or it is out already.
    pub fn forget(&mut self, position: usize) -> bool {
        let Some(length) = self.lengths.get_mut(position).and_then(Option::take) else { return false };
        self.living -= 1;
        self.total -= u64::from(length);
        true
    }

    /// Tells whether a text is there and not forgotten.
    fn holds(&self, position: usize) -> bool {
        self.lengths.get(position).is_some_and(Option::is_some)
    }

    /// Returns how many texts were pushed, forgotten ones included: the position of the next.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lengths.len()
    }

    /// Tells whether no text was ever pushed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lengths.is_empty()
    }

    /// Returns how many texts are not forgotten.
    #[must_use]
    pub fn living(&self) -> usize {
        self.living
    }

    /// Returns a score for every text, in their order; one that shares no term with `query`, or is forgotten, has 0.
    ///
    /// A term that stands in the query twice counts twice.
    #[must_use]
    pub fn scores(&self, query: &str) -> Vec<f32> {
        self.sums(query).0.into_iter().map(score).collect()
    }

    /// Returns the `k` texts with the highest scores, the highest first and of equal ones the earlier first. None is
    /// returned that shares no term with `query`.
    ///
    /// Only the texts that hold a term of the query are looked at.
    #[must_use]
    pub fn top(&self, query: &str, k: usize) -> Vec<Hit> {
        if k == 0 {
            return Vec::new();
        }
        let (sums, touched) = self.sums(query);
        let hit = |position: usize| Some(Hit { position, score: score(*sums.get(position)?) });
        let mut hits: Vec<Hit> = touched.into_iter().filter_map(hit).collect();
        if hits.len() > k {
            hits.select_nth_unstable_by(k - 1, Hit::order);
            hits.truncate(k);
        }
        hits.sort_unstable_by(Hit::order);
        hits
    }

    /// Returns for every text how much of what `query` asks about its words hold: the inverse document frequencies of
    /// the query's terms that stand in the text, over those of all its terms. From 0 to 1, whatever the collection;
    /// a term that no text holds counts like the rarest.
    #[must_use]
    pub fn coverage(&self, query: &str) -> Vec<f32> {
        let mut asked = terms(query);
        asked.sort();
        asked.dedup();
        let mut held = vec![0.0; self.lengths.len()];
        let mut all = 0.0;
        for term in asked {
            // A number that no term has stands for one that no text holds.
            let term = self.vocabulary.number(&term).unwrap_or(usize::MAX);
            let idf = self.idf(self.holders(term));
            all += idf;
            for (position, ..) in self.read(term) {
                if let Some(sum) = held.get_mut(position) {
                    *sum += idf;
                }
            }
        }
        held.into_iter().map(|sum| if all > 0.0 { score(sum / all) } else { 0.0 }).collect()
    }

    /// Returns the sum over shared terms for every text, and the positions of those that share any.
    fn sums(&self, query: &str) -> (Vec<f64>, Vec<usize>) {
        let mut sums = vec![0.0; self.lengths.len()];
        let mut touched = Vec::new();
        let average = float(self.total) / count(self.living).max(1.0);
        for (term, repeats) in self.vocabulary.look_up(query) {
            let weight = f64::from(repeats) * self.idf(self.holders(term));
            for (position, frequency, length) in self.read(term) {
                if let Some(sum) = sums.get_mut(position) {
                    if *sum <= 0.0 {
                        touched.push(position);
                    }
                    let frequency = f64::from(frequency);
                    let saturation = frequency + K1 * (1.0 - B + B * f64::from(length) / average);
                    *sum += weight * frequency * (K1 + 1.0) / saturation;
                }
            }
        }
        (sums, touched)
    }

    /// Returns what the collection would learn from a text.
    fn entry(&self, text: &str) -> Entry {
        let mut entry = Entry::default();
        let mut fresh = Vocabulary::default();
        let numbers = terms(text).into_iter().map(|term| {
            self.vocabulary.number(&term).unwrap_or_else(|| {
                let number = fresh.add(&term);
                if number == entry.new.len() {
                    entry.new.push(term);
                }
                self.vocabulary.len() + number
            })
        });
        let numbers = numbers.collect();
        entry.tally = tally(numbers);
        entry
    }

    /// Adds a text that [`Bm25::entry`] looked at, as the last thing that was done with the index.
    fn add(&mut self, entry: &Entry) {
        let position = self.add_text(entry);
        for (term, frequency) in &entry.tally {
            self.postings.push(*term, Posting { position, frequency: *frequency });
        }
    }

    /// Adds a text but for its postings, and returns its position.
    fn add_text(&mut self, entry: &Entry) -> u32 {
        for term in &entry.new {
            self.vocabulary.add(term);
        }
        let position = u32::try_from(self.lengths.len()).unwrap_or(u32::MAX);
        let length = entry.tally.iter().fold(0u32, |sum, (_, frequency)| sum.saturating_add(*frequency));
        self.lengths.push(Some(length));
        self.living += 1;
        self.total += u64::from(length);
        position
    }

    /// Returns the inverse document frequency of a term, as [`terms`](super::terms) gives them: how rare it is in the collection.
    #[must_use]
    pub fn rarity(&self, term: &str) -> f64 {
        self.idf(self.holders(self.vocabulary.number(term).unwrap_or(usize::MAX)))
    }

    fn idf(&self, holders: usize) -> f64 {
        let (total, holders) = (count(self.living), count(holders));
        (1.0 + (total - holders + 0.5) / (holders + 0.5)).ln()
    }

    /// Returns how many texts that are not forgotten hold a term.
    fn holders(&self, term: TermIndex) -> usize {
        if self.living == self.lengths.len() { self.postings.count(term) } else { self.read(term).count() }
    }

    /// Returns the position of each text that is not forgotten and holds a term, how often, and the text's length.
    fn read(&self, term: TermIndex) -> impl Iterator<Item = (usize, u32, u32)> {
        self.postings.of(term).filter_map(|posting| {
            let position = posting.position as usize;
            let length = self.lengths.get(position).copied().flatten()?;
            Some((position, posting.frequency, length))
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "a collection has fewer than 2^53 terms")]
fn float(number: u64) -> f64 {
    number as f64
}
