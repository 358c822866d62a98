//! Which texts hold which term. Knows nothing of what a text or a term is.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::retrieve::terms::TermIndex;

/// That a text holds a term.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Posting {
    /// The text.
    pub(super) position: u32,
    /// How often.
    pub(super) frequency: u32,
}

/// The postings of all terms, each in the order of positions.
///
/// Those that were there when an index was opened lie in one piece, because hundreds of thousands of lists that grow beside
/// each other take several times as long to read in; those that come later have a list for each term.
#[derive(Debug, Default)]
pub(super) struct Postings {
    packed: Vec<Posting>,
    /// Where the postings of each term end among the packed ones.
    ends: Vec<usize>,
    added: Vec<Vec<Posting>>,
}

impl Postings {
    /// Sorts postings by their terms, of which there are `terms`; those of one term must come in the order of positions.
    pub(super) fn pack(loose: &[(u32, Posting)], terms: usize) -> Self {
        let mut ends = vec![0usize; terms];
        for (term, _) in loose {
            if let Some(count) = ends.get_mut(*term as usize) {
                *count += 1;
            }
        }
        let mut sum = 0;
        for end in &mut ends {
            // Where the term begins; each posting put there moves it on, until it is where the term ends.
            (*end, sum) = (sum, sum + *end);
        }
        let mut packed = vec![Posting { position: 0, frequency: 0 }; sum];
        for (term, posting) in loose {
            if let Some(end) = ends.get_mut(*term as usize)
                && let Some(place) = packed.get_mut(*end)
            {
                *place = *posting;
                *end += 1;
            }
        }
        Self { packed, ends, added: Vec::new() }
    }

    /// Returns all of them as they would lie in one piece, and where those of each term end.
    fn in_one_piece(&self) -> (Vec<usize>, Vec<Posting>) {
        let terms = self.ends.len().max(self.added.len());
        let mut packed = Vec::new();
        let ends = (0..terms).map(|term| {
            packed.extend(self.of(term).copied());
            packed.len()
        });
        (ends.collect(), packed)
    }

    /// Adds a posting whose position is not below those that the term has.
    pub(super) fn push(&mut self, term: TermIndex, posting: Posting) {
        if self.added.len() <= term {
            self.added.resize_with(term + 1, Vec::new);
        }
        if let Some(postings) = self.added.get_mut(term) {
            postings.push(posting);
        }
    }

    /// Returns how many postings a term has.
    pub(super) fn count(&self, term: TermIndex) -> usize {
        let [packed, added] = self.parts(term);
        packed.len() + added.len()
    }

    /// Returns the postings of a term.
    pub(super) fn of(&self, term: TermIndex) -> impl Iterator<Item = &Posting> {
        self.parts(term).into_iter().flatten()
    }

    fn parts(&self, term: TermIndex) -> [&[Posting]; 2] {
        let end = self.ends.get(term).copied().unwrap_or(0);
        let start = term.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        let packed = self.packed.get(start..end).unwrap_or_default();
        [packed, self.added.get(term).map(Vec::as_slice).unwrap_or_default()]
    }
}

impl Serialize for Postings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.in_one_piece().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Postings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (ends, packed) = Deserialize::deserialize(deserializer)?;
        Ok(Self { packed, ends, added: Vec::new() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_and_added_postings_are_one_list() {
        let posting = |position: u32| Posting { position, frequency: 1 };
        let loose = [(1, posting(0)), (3, posting(0)), (1, posting(1)), (0, posting(2)), (1, posting(2))];
        let mut postings = Postings::pack(&loose, 4);
        postings.push(1, posting(3));
        postings.push(4, posting(3));
        let of = |term| postings.of(term).map(|posting| posting.position).collect::<Vec<_>>();
        assert_eq!(
            [of(0), of(1), of(2), of(3), of(4), of(9)],
            [vec![2], vec![0, 1, 2, 3], vec![], vec![0], vec![3], vec![]]
        );
        assert_eq!((postings.count(1), postings.count(2), postings.count(4)), (4, 0, 1));
        let (ends, packed) = postings.in_one_piece();
        let again = Postings { packed, ends, added: Vec::new() };
        for term in 0..10 {
            let both = [&postings, &again].map(|one| one.of(term).copied().collect::<Vec<_>>());
            assert_eq!(both[0], both[1], "{term}");
        }
    }
}
