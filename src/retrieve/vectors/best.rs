//! Picks the best of many scores. Knows nothing of what is scored.

/// The best of what was offered, without sorting more than needed.
pub(super) struct Best {
    kept: Vec<(f32, usize)>,
    count: usize,
    /// A score that is no higher is not among the best.
    pub(super) least: f32,
}

impl Best {
    pub(super) fn new(count: usize) -> Self {
        let least = if count == 0 { f32::INFINITY } else { f32::NEG_INFINITY };
        Self { kept: Vec::new(), count, least }
    }

    /// Takes in a score that is above the least; positions come in rising order, so that of equal scores the first stay.
    pub(super) fn offer(&mut self, score: f32, position: usize) {
        self.kept.push((score, position));
        if self.kept.len() >= self.count.saturating_mul(2).max(64) {
            self.prune();
        }
    }

    fn prune(&mut self) {
        if self.kept.len() > self.count && self.count > 0 {
            self.kept.select_nth_unstable_by(self.count - 1, first);
            self.kept.truncate(self.count);
            self.least = self.kept.last().map_or(self.least, |(score, _)| *score);
        }
    }

    pub(super) fn finish(mut self) -> Vec<(f32, usize)> {
        self.prune();
        self.kept.sort_unstable_by(first);
        self.kept
    }
}

fn first(a: &(f32, usize), b: &(f32, usize)) -> std::cmp::Ordering {
    b.0.total_cmp(&a.0).then(a.1.cmp(&b.1))
}
