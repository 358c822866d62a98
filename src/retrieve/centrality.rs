//! How much each text of a collection is like the rest. Knows nothing of what the texts are for.

use super::terms::{TermIndex, Vocabulary, count, score};

/// The chance that the walk follows a likeness instead of jumping anywhere, as in the paper.
const DAMPING: f64 = 0.85;

/// The largest number of steps: at this damping the error after them is below one part in a thousand.
const STEPS: usize = 50;

/// A change below this, over all texts, ends the walk early.
const SETTLED: f64 = 1e-7;

/// Returns for each text its share of a random walk from text to text along their likeness; the shares add up to 1.
///
/// This is continuous `LexRank` (Erkan and Radev, JAIR 22, 2004): likeness is the cosine of TF-IDF vectors, with
/// `idf = ln(N / n)`, and a text is not like itself. The matrix of likenesses is never built: each step multiplies by the vectors
/// twice, so its cost grows with the number of words, not with the square of the number of texts.
#[must_use]
pub fn centrality<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<f32> {
    let vectors = Vectors::new(texts);
    let total = count(vectors.rows.len());
    let degrees = vectors.likeness(&vec![1.0; vectors.rows.len()]);
    let mut shares = vec![1.0 / total.max(1.0); vectors.rows.len()];
    for _ in 0..STEPS {
        let flows: Vec<f64> = shares
            .iter()
            .zip(&degrees)
            .map(|(share, degree)| if alone(*degree) { 0.0 } else { share / degree })
            .collect();
        let stranded: f64 =
            shares.iter().zip(&degrees).filter(|(_, d)| alone(**d)).map(|(share, _)| share).sum();
        let anywhere = (1.0 - DAMPING + DAMPING * stranded) / total;
        let next: Vec<f64> =
            vectors.likeness(&flows).into_iter().map(|flow| DAMPING * flow + anywhere).collect();
        let change: f64 = next.iter().zip(&shares).map(|(a, b)| (a - b).abs()).sum();
        shares = next;
        if change < SETTLED {
            break;
        }
    }
    shares.into_iter().map(score).collect()
}

/// Tells whether a text is like no other; rounding leaves a little where nothing is.
fn alone(degree: f64) -> bool {
    degree < 1e-9
}

/// TF-IDF vectors of length 1, without their zeros.
struct Vectors {
    rows: Vec<Vec<(TermIndex, f64)>>,
    terms: usize,
}

impl Vectors {
    fn new<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut vocabulary = Vocabulary::default();
        let mut rows: Vec<_> = texts.into_iter().map(|text| vocabulary.learn(text)).collect();
        let terms = vocabulary.len();
        let mut holders = vec![0.0; terms];
        for (term, _) in rows.iter().flatten() {
            if let Some(holders) = holders.get_mut(*term) {
                *holders += 1.0;
            }
        }
        let total = count(rows.len());
        for row in &mut rows {
            for (term, weight) in row.iter_mut() {
                *weight *= (total / holders.get(*term).copied().unwrap_or(total)).ln();
            }
            let length = row.iter().map(|(_, weight)| weight * weight).sum::<f64>().sqrt();
            row.retain(|(_, weight)| *weight > 0.0);
            for (_, weight) in row.iter_mut() {
                *weight /= length;
            }
        }
        Self { rows, terms }
    }

    /// Returns the matrix of likenesses between different texts, times `weights`.
    fn likeness(&self, weights: &[f64]) -> Vec<f64> {
        let mut sums = vec![0.0; self.terms];
        for (row, weight) in self.rows.iter().zip(weights) {
            for (term, value) in row {
                if let Some(sum) = sums.get_mut(*term) {
                    *sum += value * weight;
                }
            }
        }
        let dot = |row: &[(TermIndex, f64)]| -> f64 {
            row.iter().filter_map(|(term, value)| Some(value * sums.get(*term)?)).sum()
        };
        let own = |row: &[(TermIndex, f64)], weight: f64| if row.is_empty() { 0.0 } else { weight };
        self.rows.iter().zip(weights).map(|(row, weight)| (dot(row) - own(row, *weight)).max(0.0)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_those_computed_by_hand() {
        // A chain a - b - c: with two neighbours for b and one for each end, b = 0.05 + 0.85 * (a + c) and a + b + c = 1.
        let shares = centrality(["red blue", "blue green", "green gold"]);
        let middle = (0.05 + 0.85) / 1.85;
        for (share, expected) in shares.iter().zip([(1.0 - middle) / 2.0, middle, (1.0 - middle) / 2.0]) {
            assert!((f64::from(*share) - expected).abs() < 1e-3, "{shares:?}");
        }
    }

    #[test]
    fn texts_that_share_nothing_are_equal() {
        assert_eq!(centrality(["red", "blue", "", "green"]), [0.25; 4]);
        assert!(centrality([]).is_empty());
    }
}
