//! Attention: keys and values are kept in pages of half precision, and queries go over the pages of their sequence in order.
//!
//! Every row keeps the largest score so far, the sum of its weights and what they mix, so that no row of scores is longer than
//! a page. A row sees its pages alone, one after the other, so what it comes to does not depend on what else is computed.

#![expect(unsafe_code, reason = "calling code compiled for instructions that were checked for a line above")]

use super::cell::{Exact, Rows, WIDTH};
use super::half::narrow;
use super::page::{PANELS, open};
use super::product::{Floats, Way};
use super::rows::norm_head;
use super::turn::Angles;
use crate::local::architecture::Pairing;
use crate::local::kernel::{dispatch, exp};
use crate::local::pass::{PAGE, Span};

/// Rows of queries that go over the pages together, about: enough for unpacking a page not to matter.
const ROWS: usize = 192;

/// What the heads that share keys and values have in common.
#[derive(Debug, Clone, Copy)]
pub(super) struct Group {
    /// Numbers of a head.
    pub(super) head: usize,
    /// Heads with queries.
    pub(super) queries: usize,
    /// Which numbers are turned together.
    pub(super) pairing: Pairing,
    /// What scores are multiplied with.
    pub(super) scale: f32,
    /// How many positions are seen, the own among them; all where it is none.
    pub(super) window: Option<usize>,
}

/// Queries, keys and values of a step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step<'a> {
    /// Everything of every row, in stacks.
    pub(super) cells: &'a [Exact],
    /// Panels of a row.
    pub(super) panels: usize,
    /// The angles of its positions.
    pub(super) angles: &'a Angles,
    /// What its heads are normalized with.
    pub(super) norms: Norms<'a>,
    /// The instructions to compute with.
    pub(super) way: Way,
}

/// What the heads of queries and keys are normalized with before they are turned; nothing where they are not.
#[derive(Debug, Clone, Copy)]
pub(super) struct Norms<'a> {
    /// The weights of queries.
    pub(super) queries: &'a [Exact],
    /// The weights of keys.
    pub(super) keys: &'a [Exact],
    /// What is added to the mean of squares.
    pub(super) epsilon: f32,
}

/// Where in a row of a step a head is: the panel that its part begins with, and its first number from there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// The panel.
    pub(super) panel: usize,
    /// The number.
    pub(super) number: usize,
}

/// Which positions attend, as many as there is room for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    /// Whose they are.
    pub(super) span: &'a Span<'a>,
    /// The first row of the span in the step.
    pub(super) row: usize,
    /// The first position of those, counted from the first of the span.
    pub(super) first: usize,
    /// Where in their rows the queries are.
    pub(super) place: Place,
}

/// What one task works with, used again and again.
#[derive(Debug, Default)]
pub(super) struct Bench {
    queries: Vec<Exact>,
    scores: Vec<Exact>,
    page: Vec<Floats>,
    /// The largest score of each row so far.
    tops: Vec<f32>,
    /// What its weights add up to, in as many parts as a panel has columns.
    sums: Vec<Exact>,
    numbers: Vec<f32>,
    halves: Vec<u16>,
}

/// Which positions of a page rows of queries see.
#[derive(Debug, Clone, Copy)]
struct Seen {
    /// Rows before those that see something of it, and before those that no longer do.
    rows: (usize, usize),
    /// Rows of a position.
    queries: usize,
    /// The position of the first row.
    start: usize,
    /// The first position of the page.
    page: usize,
    /// How many positions each sees; all where it is none.
    window: Option<usize>,
}

impl Group {
    /// Returns how many blocks a head has.
    pub(super) fn blocks(self) -> usize {
        self.head.div_ceil(WIDTH)
    }

    /// Returns how many numbers a page has: keys first, number by number in panels of positions, then values, position by
    /// position in panels of numbers.
    pub(super) fn page(self) -> usize {
        2 * PAGE * self.blocks() * WIDTH
    }

    /// Returns how many positions are queried together.
    pub(super) fn together(self) -> usize {
        (ROWS / self.queries.max(1)).max(1)
    }
}

impl Step<'_> {
    /// Copies a head of a row.
    fn head(&self, row: usize, place: Place, out: &mut [f32]) {
        let tall = super::linear::TALL;
        let cells = super::linear::piece(self.cells, row / tall, self.panels);
        let count = cells.len() / self.panels.max(1);
        let mut at = place.number;
        let mut rest = out;
        while !rest.is_empty() {
            let (block, lane) = (place.panel + at / WIDTH, at % WIDTH);
            let (part, after) = rest.split_at_mut((WIDTH - lane).min(rest.len()));
            let cell =
                cells.get(block * count + row % tall).and_then(|cell| cell.get(lane..lane + part.len()));
            part.copy_from_slice(cell.unwrap_or(&[0.0; WIDTH]).get(..part.len()).unwrap_or(&[]));
            at += part.len();
            rest = after;
        }
    }
}

/// Keeps the keys and values of a span, whose first row in the step is `row`.
pub(super) fn keep(
    step: &Step<'_>,
    group: Group,
    (span, row): (&Span<'_>, usize),
    (key, value): (Place, Place),
    pages: &mut [u16],
    bench: &mut Bench,
) {
    let blocks = group.blocks();
    bench.numbers.resize(group.head, 0.0);
    bench.halves.resize(group.head, 0);
    for (index, position) in (span.start..span.end()).enumerate() {
        let Some(page) = page_of(span, position / PAGE, group, pages.len()) else { return };
        let Some(page) = pages.get_mut(page) else { return };
        let (keys, values) = page.split_at_mut(PAGE * blocks * WIDTH);
        let (panel, lane) = (position % PAGE / WIDTH, position % WIDTH);

        step.head(row + index, key, &mut bench.numbers);
        norm_head(&mut bench.numbers, step.norms.keys, step.norms.epsilon);
        step.angles.turn(group.pairing, row + index, &mut bench.numbers);
        narrow(&bench.numbers, &mut bench.halves);
        let places = keys.iter_mut().skip(panel * blocks * WIDTH * WIDTH + lane).step_by(WIDTH);
        places.zip(&bench.halves).for_each(|(there, half)| *there = *half);

        step.head(row + index, value, &mut bench.numbers);
        narrow(&bench.numbers, &mut bench.halves);
        for (panel, halves) in values.chunks_exact_mut(PAGE * WIDTH).zip(bench.halves.chunks(WIDTH)) {
            let there = panel.iter_mut().skip(position % PAGE * WIDTH);
            there.zip(halves).for_each(|(there, half)| *there = *half);
        }
    }
}

/// Attends from the positions that are asked for to everything up to themselves, and writes what they mix to
/// `out`: block by block, in each of them position by position, in each of them head by head.
pub(super) fn attend(
    step: &Step<'_>,
    group: Group,
    asked: Asked<'_>,
    pages: &[u16],
    bench: &mut Bench,
    out: &mut [Exact],
) {
    let Asked { span, row, first, place } = asked;
    let blocks = group.blocks();
    let rows = out.len() / blocks.max(1);
    bench.ask(step, group, row + first, place, rows);
    bench.scores.resize(PANELS * rows, [0.0; WIDTH]);
    bench.tops.clear();
    bench.tops.resize(rows, f32::NEG_INFINITY);
    bench.sums.clear();
    bench.sums.resize(rows, [0.0; WIDTH]);
    out.fill([0.0; WIDTH]);
    let start = span.start + first;
    let end = start + rows / group.queries.max(1);
    // Pages that are wholly outside of the window of the first row are outside of those of all.
    let from = group.window.map_or(0, |window| (start + 1).saturating_sub(window) / PAGE);
    for page in from..end.div_ceil(PAGE) {
        let Some(halves) = page_of(span, page, group, pages.len()).and_then(|at| pages.get(at)) else {
            return;
        };
        let reached = (span.end() - page * PAGE).min(PAGE);
        let (keys, values) = open(halves, (blocks, rows, reached), &mut bench.page);
        // Queries of earlier positions do not see this page.
        let skipped = (page * PAGE).saturating_sub(start) * group.queries;
        // Those of late positions no longer do.
        let past = group.window.map_or(rows, |window| {
            ((page + 1) * PAGE + window).saturating_sub(start + 1).saturating_mul(group.queries).min(rows)
        });
        let asked = Rows::all(&bench.queries, rows).from(skipped);
        for (panel, scores) in bench.scores.chunks_mut(rows.max(1)).enumerate() {
            let Some(scores) = scores.get_mut(skipped..past) else { continue };
            scores.fill([0.0; WIDTH]);
            keys.add(step.way, (panel, blocks, group.head), asked, scores);
        }
        let seen = Seen {
            rows: (skipped, past),
            queries: group.queries,
            start,
            page: page * PAGE,
            window: group.window,
        };
        weigh(&mut bench.tops, &mut bench.sums, &mut bench.scores, out, seen);
        let weights = Rows::all(&bench.scores, rows).from(skipped);
        for (panel, out) in out.chunks_mut(rows.max(1)).enumerate() {
            if let Some(out) = out.get_mut(skipped..past) {
                values.add(step.way, (panel, PANELS, reached), weights, out);
            }
        }
    }
    for out in out.chunks_mut(rows.max(1)) {
        for (out, sums) in out.iter_mut().zip(&bench.sums) {
            let share = 1.0 / folded(*sums, |a, b| a + b);
            for number in out {
                *number *= share;
            }
        }
    }
}

impl Bench {
    /// Takes the queries of as many rows as there are, turned and scaled.
    fn ask(&mut self, step: &Step<'_>, group: Group, row: usize, place: Place, rows: usize) {
        let scale = group.scale;
        self.queries.clear();
        self.queries.resize(group.blocks() * rows, [0.0; WIDTH]);
        self.numbers.resize(group.head, 0.0);
        for index in 0..rows {
            let (position, head) = (row + index / group.queries, index % group.queries);
            step.head(
                position,
                Place { number: place.number + head * group.head, ..place },
                &mut self.numbers,
            );
            norm_head(&mut self.numbers, step.norms.queries, step.norms.epsilon);
            step.angles.turn(group.pairing, position, &mut self.numbers);
            let blocks = self.queries.chunks_exact_mut(rows).filter_map(|block| block.get_mut(index));
            for (block, numbers) in blocks.zip(self.numbers.chunks(WIDTH)) {
                block.iter_mut().zip(numbers).for_each(|(there, number)| *there = number * scale);
            }
        }
    }
}

/// Returns where a page of a sequence lies.
fn page_of(span: &Span<'_>, index: usize, group: Group, len: usize) -> Option<std::ops::Range<usize>> {
    let first = span.pages.get(index)?.0 as usize * group.page();
    (first + group.page() <= len).then(|| first..first + group.page())
}

dispatch!(
    weigh, weigh_body,
    (tops: &mut [f32], sums: &mut [Exact], scores: &mut [Exact], out: &mut [Exact], seen: Seen)
);

/// Turns the scores of a page into weights, and brings what rows have come to so far to the same measure.
///
/// First the largest score of every row is found and then every weight: a row after the other would wait for its own largest.
#[inline(always)]
#[expect(clippy::inline_always, reason = "the body must be compiled inside each instruction set's function")]
fn weigh_body<const FMA: bool>(
    tops: &mut [f32],
    sums: &mut [Exact],
    scores: &mut [Exact],
    out: &mut [Exact],
    seen: Seen,
) {
    let count = tops.len().max(1);
    let (skipped, past) = seen.rows;
    for (index, (top, sums)) in tops.iter_mut().zip(sums.iter_mut()).enumerate().take(past).skip(skipped) {
        let position = seen.start + index / seen.queries.max(1);
        let reached = (position + 1).saturating_sub(seen.page);
        let left = seen.window.map_or(0, |window| (position + 1).saturating_sub(seen.page + window));
        if left > 0 {
            for (panel, scores) in scores.chunks_exact_mut(count).enumerate() {
                let hidden = scores.get_mut(index).map(|scores| scores.iter_mut());
                let hidden = hidden.into_iter().flatten().take(left.saturating_sub(panel * WIDTH));
                hidden.for_each(|score| *score = f32::NEG_INFINITY);
            }
        }
        if reached < PAGE {
            for (panel, scores) in scores.chunks_exact_mut(count).enumerate() {
                let hidden = scores.get_mut(index).map(|scores| scores.iter_mut());
                let seen = reached.saturating_sub(panel * WIDTH);
                hidden.into_iter().flatten().skip(seen).for_each(|score| *score = f32::NEG_INFINITY);
            }
        }
        let mut largest = [*top; WIDTH];
        for scores in scores.chunks_exact(count).filter_map(|panel| panel.get(index)) {
            for (largest, score) in largest.iter_mut().zip(scores) {
                *largest = if *score > *largest { *score } else { *largest };
            }
        }
        let largest = folded(largest, |a, b| if a > b { a } else { b });
        if largest > *top {
            let factor = exp::<FMA>(*top - largest);
            *top = largest;
            for sum in sums {
                *sum *= factor;
            }
            for out in out.chunks_exact_mut(count).filter_map(|panel| panel.get_mut(index)) {
                for number in out {
                    *number *= factor;
                }
            }
        }
    }
    for scores in scores.chunks_exact_mut(count) {
        for ((scores, sums), top) in
            scores.iter_mut().zip(sums.iter_mut()).zip(&*tops).take(past).skip(skipped)
        {
            for (score, sum) in scores.iter_mut().zip(sums) {
                let below = *score - top;
                let weight = exp::<FMA>(below);
                // Not merely small: what is hidden adds nothing.
                *score = if below < -87.0 { 0.0 } else { weight };
                *sum += *score;
            }
        }
    }
}

/// Brings sixteen numbers down to one, half of them onto the other half each time.
#[inline(always)]
#[expect(clippy::inline_always, reason = "the body must be compiled inside each instruction set's function")]
pub(super) fn folded(numbers: [f32; WIDTH], with: impl Fn(f32, f32) -> f32) -> f32 {
    let mut halved = numbers;
    for width in [8, 4, 2, 1] {
        let (lower, upper) = halved.split_at_mut(width);
        lower.iter_mut().zip(upper).for_each(|(low, high)| *low = with(*low, *high));
    }
    let [first, ..] = halved;
    first
}
