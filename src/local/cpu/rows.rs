//! What is done to rows between two products: norms, the gate, and putting them in the forms that products read.

#![expect(unsafe_code, reason = "calling code compiled for instructions that were checked for a line above")]

use rayon::prelude::*;

use super::attend::folded;
use super::cell::{BLOCK, Exact, Rounded, WIDTH, round_body};
use super::linear::{Inputs, Linear, Stack, TALL, piece, spread};
use super::product::Way;
use crate::local::architecture::Gate;
use crate::local::kernel::{dispatch, exp};

/// Normalizes the rows `x` of `weights.len()` blocks by the root of their mean square, and gives them the forms that `out` has
/// room for.
pub(super) fn norm(x: &[Exact], weights: &[Exact], (hidden, epsilon): (usize, f32), out: &mut Inputs) {
    let blocks = weights.len().max(1);
    let stacks = x.par_chunks(TALL * blocks);
    if !out.rounded.is_empty() {
        let outs = out.rounded.par_chunks_mut((TALL * (hidden / BLOCK)).max(1));
        stacks.clone().zip(outs).for_each(|(x, out)| norm_rounded(x, weights, (hidden, epsilon), out));
    }
    if !out.exact.is_empty() {
        let outs = out.exact.par_chunks_mut(TALL * blocks);
        stacks.zip(outs).for_each(|(x, out)| norm_exact(x, weights, (hidden, epsilon), out));
    }
}

dispatch!(
    norm_rounded, norm_rounded_body,
    (x: &[Exact], weights: &[Exact], sizes: (usize, f32), out: &mut [Rounded])
);
dispatch!(
    norm_exact, norm_exact_body,
    (x: &[Exact], weights: &[Exact], sizes: (usize, f32), out: &mut [Exact])
);
dispatch!(gate, gate_body, (through: Gate, gates: &mut [Exact], ups: &[Exact]));
dispatch!(
    add_normed, add_normed_body,
    (given: &[Exact], weights: &[Exact], sizes: (usize, f32), x: &mut [Exact])
);
dispatch!(round_pair, round_pair_body, (pair: &[Exact], out: &mut [Rounded]));

/// Returns the number that a row of a stack is multiplied with.
#[inline(always)]
#[expect(clippy::inline_always, reason = "the body must be compiled inside each instruction set's function")]
#[expect(clippy::cast_precision_loss, reason = "a row has some thousand numbers")]
fn factor(x: &[Exact], count: usize, row: usize, (hidden, epsilon): (usize, f32)) -> f32 {
    let mut squares = [0f32; WIDTH];
    for block in x.chunks_exact(count) {
        let numbers = block.get(row).copied().unwrap_or_default();
        squares.iter_mut().zip(numbers).for_each(|(sum, number)| *sum += number * number);
    }
    1.0 / (folded(squares, |a, b| a + b) / hidden as f32 + epsilon).sqrt()
}

/// Normalizes a head by the root of its mean square; leaves it as it is where there are no `weights`.
#[expect(clippy::cast_precision_loss, reason = "a head has some hundred numbers")]
pub(super) fn norm_head(head: &mut [f32], weights: &[Exact], epsilon: f32) {
    if weights.is_empty() {
        return;
    }
    let mut squares = [0f32; WIDTH];
    for block in head.chunks(WIDTH) {
        squares.iter_mut().zip(block).for_each(|(sum, number)| *sum += number * number);
    }
    let factor = 1.0 / (folded(squares, |a, b| a + b) / head.len() as f32 + epsilon).sqrt();
    head.iter_mut().zip(weights.as_flattened()).for_each(|(number, weight)| *number *= factor * weight);
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "the body must be compiled inside each instruction set's function")]
fn norm_rounded_body<const FMA: bool>(
    x: &[Exact],
    weights: &[Exact],
    sizes: (usize, f32),
    out: &mut [Rounded],
) {
    let count = (x.len() / weights.len().max(1)).max(1);
    for row in 0..count {
        let factor = factor(x, count, row, sizes);
        let mut blocks = x.chunks_exact(count).zip(weights);
        for cells in out.chunks_exact_mut(count) {
            let mut numbers = [0f32; BLOCK];
            for (numbers, (block, weights)) in numbers.as_chunks_mut::<WIDTH>().0.iter_mut().zip(&mut blocks)
            {
                let block = block.get(row).copied().unwrap_or_default();
                for ((there, number), weight) in numbers.iter_mut().zip(block).zip(weights) {
                    *there = number * factor * weight;
                }
            }
            if let Some(cell) = cells.get_mut(row) {
                round_body::<FMA>(&numbers, cell);
            }
        }
    }
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "the body must be compiled inside each instruction set's function")]
fn norm_exact_body<const FMA: bool>(x: &[Exact], weights: &[Exact], sizes: (usize, f32), out: &mut [Exact]) {
    let count = (x.len() / weights.len().max(1)).max(1);
    for row in 0..count {
        let factor = factor(x, count, row, sizes);
        let blocks = x.chunks_exact(count).zip(out.chunks_exact_mut(count));
        for ((block, out), weights) in blocks.zip(weights) {
            let block = block.get(row).copied().unwrap_or_default();
            let Some(out) = out.get_mut(row) else { continue };
            for ((there, number), weight) in out.iter_mut().zip(block).zip(weights) {
                *there = number * factor * weight;
            }
        }
    }
}

/// Adds the rows `given`, normalized as by [`norm`], to the rows `x`.
pub(super) fn add_norm(given: &[Exact], weights: &[Exact], sizes: (usize, f32), x: &mut [Exact]) {
    let stack = (TALL * weights.len()).max(1);
    let stacks = given.par_chunks(stack).zip(x.par_chunks_mut(stack));
    stacks.for_each(|(given, x)| add_normed(given, weights, sizes, x));
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "the body must be compiled inside each instruction set's function")]
fn add_normed_body<const FMA: bool>(
    given: &[Exact],
    weights: &[Exact],
    sizes: (usize, f32),
    x: &mut [Exact],
) {
    let count = (given.len() / weights.len().max(1)).max(1);
    for row in 0..count {
        let factor = factor(given, count, row, sizes);
        let blocks = given.chunks_exact(count).zip(x.chunks_exact_mut(count));
        for ((block, x), weights) in blocks.zip(weights) {
            let block = block.get(row).copied().unwrap_or_default();
            let Some(x) = x.get_mut(row) else { continue };
            for ((there, number), weight) in x.iter_mut().zip(block).zip(weights) {
                *there += number * factor * weight;
            }
        }
    }
}

/// What `through` makes of the gate, times `up`, in the place of the gates.
#[inline(always)]
#[expect(clippy::inline_always, reason = "the body must be compiled inside each instruction set's function")]
fn gate_body<const FMA: bool>(through: Gate, gates: &mut [Exact], ups: &[Exact]) {
    let pairs = gates.as_flattened_mut().iter_mut().zip(ups.as_flattened());
    match through {
        Gate::Silu => pairs.for_each(|(gate, up)| *gate = *gate / (1.0 + exp::<FMA>(-*gate)) * up),
        // With the hyperbolic tangent written as a logistic function, it is twice the root of two over pi that is in it.
        Gate::Gelu => pairs.for_each(|(gate, up)| {
            let inner = 1.595_769 * (*gate + 0.044_715 * *gate * *gate * *gate);
            *gate = *gate / (1.0 + exp::<FMA>(-inner)) * up;
        }),
    }
}

/// Rounds rows of two panels, one below the other.
#[inline(always)]
#[expect(clippy::inline_always, reason = "the body must be compiled inside each instruction set's function")]
fn round_pair_body<const FMA: bool>(pair: &[Exact], out: &mut [Rounded]) {
    let (lower, upper) = pair.split_at(out.len().min(pair.len()));
    for ((low, high), cell) in lower.iter().zip(upper).zip(out) {
        let mut numbers = [0f32; BLOCK];
        let halves = numbers.as_chunks_mut::<WIDTH>().0.iter_mut();
        halves.zip([low, high]).for_each(|(there, numbers)| *there = *numbers);
        round_body::<FMA>(&numbers, cell);
    }
}

/// Computes what goes into the last product of the feed: the gate of `x` on its values.
pub(super) fn gated(
    way: Way,
    (through, gates, ups): (Gate, &Linear, &Linear),
    x: &Inputs,
    (hidden, feed): (usize, usize),
    out: &mut Inputs,
) {
    if !out.rounded.is_empty() {
        spread(x, hidden, &mut out.rounded, feed / BLOCK, |pair, stack, out| {
            // Room for few rows is made faster.
            if out.len() <= 4 {
                gated_pair::<8>(way, (through, gates, ups), (pair, stack), out);
            } else {
                gated_pair::<{ 2 * TALL }>(way, (through, gates, ups), (pair, stack), out);
            }
        });
    }
    if !out.exact.is_empty() {
        spread(x, hidden, &mut out.exact, feed.div_ceil(WIDTH), |panel, stack, out| {
            let mut room = [[0f32; WIDTH]; TALL];
            let Some(values) = room.get_mut(..out.len()) else { return };
            gates.write(way, panel, stack, out);
            ups.write(way, panel, stack, values);
            gate(through, out, values);
        });
    }
}

fn gated_pair<const ROOM: usize>(
    way: Way,
    (through, gates, ups): (Gate, &Linear, &Linear),
    (pair, stack): (usize, Stack<'_>),
    out: &mut [Rounded],
) {
    let (mut gate_room, mut up_room) = ([[0f32; WIDTH]; ROOM], [[0f32; WIDTH]; ROOM]);
    let rows = out.len();
    let (Some(open), Some(values)) = (gate_room.get_mut(..2 * rows), up_room.get_mut(..2 * rows)) else {
        return;
    };
    let both = open.chunks_exact_mut(rows.max(1)).zip(values.chunks_exact_mut(rows.max(1)));
    for (panel, (open, values)) in (2 * pair..).zip(both) {
        gates.write(way, panel, stack, open);
        ups.write(way, panel, stack, values);
    }
    gate(through, open, values);
    round_pair(open, out);
}

/// Gives rows the forms that `out` has room for; `numbers` writes block `b` of [`BLOCK`] numbers of row `r`.
pub(super) fn take(
    rows: usize,
    inputs: usize,
    numbers: impl Fn(usize, usize, &mut [f32; BLOCK]) + Sync,
    out: &mut Inputs,
) {
    let blocks = inputs.div_ceil(WIDTH);
    let each = |index: usize, count: usize, write: &mut dyn FnMut(usize, usize, &[f32; BLOCK])| {
        for row in 0..count {
            for block in 0..inputs.div_ceil(BLOCK) {
                let mut room = [0f32; BLOCK];
                numbers(index * TALL + row, block, &mut room);
                write(row, block, &room);
            }
        }
    };
    let count = |index: usize| TALL.min(rows - (index * TALL).min(rows));
    if !out.rounded.is_empty() {
        let outs = out.rounded.par_chunks_mut((TALL * (inputs / BLOCK)).max(1));
        outs.enumerate().for_each(|(index, out)| {
            let count = count(index);
            each(index, count, &mut |row, block, numbers| {
                if let Some(cell) = out.get_mut(block * count + row) {
                    super::cell::round(numbers, cell);
                }
            });
        });
    }
    if !out.exact.is_empty() {
        let outs = out.exact.par_chunks_mut(TALL * blocks);
        outs.enumerate().for_each(|(index, out)| {
            let count = count(index);
            each(index, count, &mut |row, block, numbers| {
                for (half, numbers) in numbers.as_chunks::<WIDTH>().0.iter().enumerate() {
                    if let Some(there) = out.get_mut((2 * block + half) * count + row) {
                        *there = *numbers;
                    }
                }
            });
        });
    }
}

/// Puts some rows of stacks of `blocks` blocks below each other in `out`.
pub(super) fn pick(x: &[Exact], blocks: usize, picked: &[usize], out: &mut Vec<Exact>) {
    out.clear();
    out.resize(picked.len() * blocks, [0.0; WIDTH]);
    for (picked, out) in picked.chunks(TALL).zip(out.chunks_mut((TALL * blocks).max(1))) {
        for (at, row) in picked.iter().enumerate() {
            let stack = piece(x, row / TALL, blocks);
            let rows = stack.chunks_exact((stack.len() / blocks.max(1)).max(1));
            for (out, block) in out.chunks_exact_mut(picked.len()).zip(rows) {
                if let (Some(there), Some(numbers)) = (out.get_mut(at), block.get(row % TALL)) {
                    *there = *numbers;
                }
            }
        }
    }
}
