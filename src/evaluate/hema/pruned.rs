//! What forgetting takes out of the index, beside what chance would take.

use std::collections::BTreeSet;

use super::super::draw::Draw;
use super::super::metrics::{count, mean, percentile};
use super::super::sets::At;
use super::planted::Plan;
use super::systems::at;
use crate::memory::{Place, Turn};

/// How often chance is tried.
const TRIES: usize = 1_000;

/// One pruning: how many passages there were, how many of them were gold, how many left, and how many of those were gold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Event {
    passages: usize,
    gold: usize,
    pruned: usize,
    lost: usize,
}

/// All prunings of a replay.
#[derive(Debug, Clone, Default)]
pub(super) struct Pruned {
    events: Vec<Event>,
}

/// What random prunings of the same sizes lose: the mean, and what 95 of 100 lie between.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ByChance {
    pub(super) mean: f64,
    pub(super) low: f64,
    pub(super) high: f64,
}

impl Pruned {
    /// Notes what a pruning has taken out. Gold is what a question asks for that is still to come.
    pub(super) fn note(&mut self, now: Turn, before: &BTreeSet<Place>, after: &BTreeSet<Place>, plan: &Plan) {
        let wanted: BTreeSet<At> = plan
            .asked
            .range(now..)
            .flat_map(|(_, asked)| asked)
            .flat_map(|asked| asked.gold.clone())
            .collect();
        let is_gold = |place: &&Place| wanted.contains(&at(**place));
        self.events.push(Event {
            passages: before.len(),
            gold: before.iter().filter(is_gold).count(),
            pruned: before.difference(after).count(),
            lost: before.difference(after).filter(is_gold).count(),
        });
    }

    /// Returns how many passages left.
    pub(super) fn pruned(&self) -> usize {
        self.events.iter().map(|event| event.pruned).sum()
    }

    /// Returns how many of them were gold.
    pub(super) fn lost(&self) -> usize {
        self.events.iter().map(|event| event.lost).sum()
    }

    /// Returns what chance would have lost: as many passages drawn from the same ones, without putting any back.
    pub(super) fn by_chance(&self, seed: u64) -> ByChance {
        let mut draw = Draw::new(seed);
        let mut once = || -> f64 {
            let mut lost = 0;
            for event in &self.events {
                let (mut passages, mut gold) = (event.passages, event.gold);
                for _ in 0..event.pruned {
                    let hit = draw.below(passages) < gold;
                    gold -= usize::from(hit);
                    lost += usize::from(hit);
                    passages = passages.saturating_sub(1);
                }
            }
            count(lost)
        };
        let tries: Vec<f64> = (0..TRIES).map(|_| once()).collect();
        ByChance { mean: mean(&tries), low: percentile(&tries, 0.025), high: percentile(&tries, 0.975) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_loses_its_share() {
        let event = Event { passages: 1_000, gold: 100, pruned: 50, lost: 9 };
        let pruned = Pruned { events: vec![event, event] };
        assert_eq!((pruned.pruned(), pruned.lost()), (100, 18));
        let chance = pruned.by_chance(5);
        assert!((chance.mean - 10.0).abs() < 0.5, "{chance:?}");
        assert!(
            chance.low >= 3.0 && chance.low < 8.0 && chance.high > 12.0 && chance.high <= 18.0,
            "{chance:?}"
        );
        let all = Pruned { events: vec![Event { passages: 5, gold: 5, pruned: 5, lost: 5 }] };
        assert_eq!(all.by_chance(1), ByChance { mean: 5.0, low: 5.0, high: 5.0 });
    }
}
