//! Okapi BM25 over texts held in memory. Knows nothing of where the texts come from.

use super::terms::{TermIndex, Vocabulary, count, score, terms};

/// How soon repeating a term stops helping.
const K1: f64 = 1.2;

/// How much a text longer than the average pays for its length.
const B: f64 = 0.75;

/// An index that scores every text of a collection against a query.
///
/// The weight of a term is that of Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond"
/// (2009), section 3.4, with `k1 = 1.2` and `b = 0.75`; the inverse document frequency is `ln(1 + (N - n + 0.5) / (n + 0.5))`,
/// which, unlike the original, is never negative.
///
/// ```
/// use longhand::retrieve::Bm25;
/// let scores = Bm25::new(["The cat sat.", "Dogs bark."]).scores("barking dog");
/// assert!(scores[1] > scores[0]);
/// ```
#[derive(Debug)]
pub struct Bm25 {
    vocabulary: Vocabulary,
    /// For each term the texts that hold it, with its frequency there.
    postings: Vec<Vec<(usize, f64)>>,
    /// The length of each text in terms.
    lengths: Vec<f64>,
}

impl Bm25 {
    /// Indexes `texts`; their order is that of the scores.
    #[must_use]
    pub fn new<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut index = Self { vocabulary: Vocabulary::default(), postings: Vec::new(), lengths: Vec::new() };
        for text in texts {
            let tally = index.vocabulary.learn(text);
            index.postings.resize_with(index.vocabulary.len(), Vec::new);
            let position = index.lengths.len();
            index.lengths.push(tally.iter().map(|(_, frequency)| frequency).sum());
            for (term, frequency) in tally {
                if let Some(postings) = index.postings.get_mut(term) {
                    postings.push((position, frequency));
                }
            }
        }
        index
    }

    /// Returns a score for every text, in their order; a text that shares no term with `query` has 0.
    ///
    /// A term that stands in the query twice counts twice.
    #[must_use]
    pub fn scores(&self, query: &str) -> Vec<f32> {
        let mut scores = vec![0.0; self.lengths.len()];
        let total = count(self.lengths.len());
        let average = self.lengths.iter().sum::<f64>() / total.max(1.0);
        for (term, repeats) in self.vocabulary.look_up(query) {
            let postings = self.postings(term);
            let idf = self.idf(postings.len());
            for (position, frequency) in postings {
                if let (Some(sum), Some(length)) = (scores.get_mut(*position), self.lengths.get(*position)) {
                    let saturation = frequency + K1 * (1.0 - B + B * length / average);
                    *sum += repeats * idf * frequency * (K1 + 1.0) / saturation;
                }
            }
        }
        scores.into_iter().map(score).collect()
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
            let postings = self.vocabulary.number(&term).map(|term| self.postings(term)).unwrap_or_default();
            let idf = self.idf(postings.len());
            all += idf;
            for (position, _) in postings {
                if let Some(sum) = held.get_mut(*position) {
                    *sum += idf;
                }
            }
        }
        held.into_iter().map(|sum| if all > 0.0 { score(sum / all) } else { 0.0 }).collect()
    }

    fn idf(&self, holders: usize) -> f64 {
        let (total, holders) = (count(self.lengths.len()), count(holders));
        (1.0 + (total - holders + 0.5) / (holders + 0.5)).ln()
    }

    fn postings(&self, term: TermIndex) -> &[(usize, f64)] {
        self.postings.get(term).map(Vec::as_slice).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_those_computed_by_hand() {
        let scores = Bm25::new(["cat dog", "cat cat mouse bird", "fish fish fish"]).scores("cats and fish");
        // Average length 3. idf(cat) = ln(1 + 1.5 / 2.5) = 0.470004, idf(fish) = ln(1 + 2.5 / 1.5) = 0.980829.
        // Text 0: 0.470004 * 2.2 / (1 + 1.2 * 0.75); text 1: 0.470004 * 4.4 / (2 + 1.2 * 1.25); text 2: 0.980829 * 6.6 / 4.2.
        for (score, expected) in scores.iter().zip([0.544_215, 0.590_862, 1.541_303]) {
            assert!((score - expected).abs() < 1e-5, "{scores:?}");
        }
        assert_eq!(scores.len(), 3);
    }

    #[test]
    fn coverage_is_the_share_of_the_question_that_a_text_holds() {
        let index = Bm25::new(["cat dog", "cat", "fish"]);
        assert_eq!(index.coverage("the dog and the cat"), [1.0, index.coverage("dog cat")[1], 0.0]);
        // idf(cat) = ln(1 + 1.5 / 2.5) = 0.470004, idf(dog) = ln(1 + 2.5 / 1.5) = 0.980829, idf(unicorn) = ln(1 + 3.5 / 0.5) = 2.079442.
        let coverage = index.coverage("cat dog unicorn");
        assert!((coverage[0] - 0.410_969).abs() < 1e-5, "{coverage:?}");
        assert_eq!(index.coverage("the"), [0.0; 3]);
    }

    #[test]
    fn nothing_in_common_is_zero() {
        assert_eq!(Bm25::new(["cat", ""]).scores("dog the"), [0.0, 0.0]);
        assert!(Bm25::new([]).scores("dog").is_empty());
    }
}
