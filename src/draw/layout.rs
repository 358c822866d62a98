//! Where boxes and arrows go: a small layered layout (Sugiyama, Tagawa and Toda, 1981) from top to bottom.
//!
//! Every node stands one layer below the lowest that it reads; those of the archive stand below all others. An arrow over
//! several layers is given a place in each of them, so that it passes between the boxes. The order within a layer follows
//! the mean place of the neighbours. Ties keep the order of the workflow, so the same diagram always looks the same.

use std::collections::BTreeMap;

use super::diagram::Diagram;
use crate::graph::Scope;

/// Between two neighbours of a layer.
const GAP: f64 = 28.0;
/// The width that an arrow takes where it passes a layer.
const PASSAGE: f64 = 12.0;
/// How often the order is improved, down and up again; small graphs settle in fewer.
const SWEEPS: usize = 8;

/// A point in the picture.
pub(super) type Point = (f64, f64);

/// The layers, and where everything stands in them.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// The layer of every node.
    pub(super) layers: Vec<usize>,
    /// The middle of every node, across.
    pub(super) across: Vec<f64>,
    /// For every arrow, in order, the place where it passes each layer between its ends, from top to bottom.
    pub(super) passages: Vec<Vec<f64>>,
}

/// One thing that takes place in a layer: a node, or an arrow that passes.
#[derive(Debug, Clone)]
struct Item {
    width: f64,
    above: Vec<usize>,
    below: Vec<usize>,
    place: f64,
}

impl Layout {
    /// Lays a diagram out whose boxes are as wide as `widths` says.
    pub(super) fn of(diagram: &Diagram, widths: &[f64]) -> Self {
        let layers = layers(diagram);
        let mut items: Vec<Item> = widths
            .iter()
            .map(|width| Item { width: *width, above: Vec::new(), below: Vec::new(), place: 0.0 })
            .collect();
        let mut rows: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (at, layer) in layers.iter().enumerate() {
            rows.entry(*layer).or_default().push(at);
        }
        let mut passing = Vec::new();
        for (from, to) in &diagram.arrows {
            let (top, bottom) = (layer(&layers, *from), layer(&layers, *to));
            let mut before = *from;
            let mut passed = Vec::new();
            for row in top + 1..bottom {
                let item = items.len();
                items.push(Item { width: PASSAGE, above: Vec::new(), below: Vec::new(), place: 0.0 });
                rows.entry(row).or_default().push(item);
                join(&mut items, before, item);
                passed.push(item);
                before = item;
            }
            join(&mut items, before, *to);
            passing.push(passed);
        }
        let mut rows: Vec<Vec<usize>> = rows.into_values().collect();
        for row in &rows {
            pack(&mut items, row, |_, order| f64::from(u32::try_from(order).unwrap_or(u32::MAX)));
        }
        for _ in 0..SWEEPS {
            for row in &mut rows {
                settle(&mut items, row, |item| &item.above);
            }
            for row in rows.iter_mut().rev() {
                settle(&mut items, row, |item| &item.below);
            }
        }
        let place = |at: usize| items.get(at).map_or(0.0, |item| item.place);
        Self {
            across: (0..widths.len()).map(place).collect(),
            passages: passing.into_iter().map(|one| one.into_iter().map(place).collect()).collect(),
            layers,
        }
    }
}

fn layer(layers: &[usize], at: usize) -> usize {
    layers.get(at).copied().unwrap_or(0)
}

fn join(items: &mut [Item], from: usize, to: usize) {
    if let Some(item) = items.get_mut(from) {
        item.below.push(to);
    }
    if let Some(item) = items.get_mut(to) {
        item.above.push(from);
    }
}

/// Nodes come after all that they read, so one pass is enough.
fn layers(diagram: &Diagram) -> Vec<usize> {
    let mut layers: Vec<usize> = Vec::new();
    let mut lowest_source = None;
    for (at, node) in diagram.nodes.iter().enumerate() {
        let read =
            diagram.arrows.iter().filter(|(_, to)| *to == at).map(|(from, _)| layer(&layers, *from) + 1);
        let least = if node.scope == Scope::Archive {
            lowest_source.map_or(0, |lowest: usize| lowest + 1)
        } else {
            0
        };
        let own = read.max().unwrap_or(0).max(least);
        if node.scope == Scope::Source {
            lowest_source = lowest_source.max(Some(own));
        }
        layers.push(own);
    }
    layers
}

/// Orders a row by where its neighbours on one side stand, and moves it there as far as there is room.
fn settle(items: &mut [Item], row: &mut [usize], side: impl Fn(&Item) -> &Vec<usize>) {
    let mean = |items: &[Item], at: usize| {
        let item = items.get(at)?;
        let places: Vec<f64> =
            side(item).iter().filter_map(|other| items.get(*other)).map(|it| it.place).collect();
        let count = f64::from(u32::try_from(places.len()).unwrap_or(u32::MAX));
        Some(if places.is_empty() { item.place } else { places.iter().sum::<f64>() / count })
    };
    let wished: BTreeMap<usize, f64> = row.iter().filter_map(|at| Some((*at, mean(items, *at)?))).collect();
    let wish = |at: usize| wished.get(&at).copied().unwrap_or(0.0);
    row.sort_by(|a, b| wish(*a).total_cmp(&wish(*b)));
    pack(items, row, |at, _| wish(at));
}

/// Puts a row's items where they wish to be, no two nearer than the gap: the mean of pushing all to the right and all to the
/// left, which keeps the distances of both.
fn pack(items: &mut [Item], row: &[usize], wish: impl Fn(usize, usize) -> f64) {
    let width = |at: usize| items.get(at).map_or(0.0, |item| item.width);
    let apart = |one: usize, two: usize| f64::midpoint(width(one), width(two)) + GAP;
    let mut right: Vec<f64> = Vec::new();
    for (order, at) in row.iter().enumerate() {
        let least =
            order.checked_sub(1).and_then(|before| Some(right.get(before)? + apart(*row.get(before)?, *at)));
        right.push(least.map_or(wish(*at, order), |least| least.max(wish(*at, order))));
    }
    let mut left = vec![0.0; row.len()];
    let mut next: Option<(usize, f64)> = None;
    for (order, at) in row.iter().enumerate().rev() {
        let most = next.map(|(after, place)| place - apart(*at, after));
        let place = most.map_or(wish(*at, order), |most| most.min(wish(*at, order)));
        if let Some(slot) = left.get_mut(order) {
            *slot = place;
        }
        next = Some((*at, place));
    }
    for ((at, right), left) in row.iter().zip(right).zip(left) {
        if let Some(item) = items.get_mut(*at) {
            item.place = f64::midpoint(left, right);
        }
    }
}
