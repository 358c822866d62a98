//! One layer: attention and feed.

use rayon::prelude::*;

use super::Benches;
use super::attend::{Asked, Group, Norms, Place, Step, attend, keep};
use super::cell::{BLOCK, Exact, WIDTH};
use super::linear::{Inputs, Linear, padded, spread};
use super::product::Way;
use super::rows::{add_norm, gated, norm, pick, take};
use super::turn::Angles;
use crate::local::architecture::{Blueprint, Gate};
use crate::local::gguf::ModelFile;
use crate::local::pass::{Rows, Span};
use crate::local::shape::Sizes;
use crate::model::ModelError;

/// The weights of a layer.
pub(super) struct Layer {
    attention_norm: Vec<Exact>,
    queries: Linear,
    keys: Linear,
    values: Linear,
    /// The norms of the heads of queries and of keys; nothing where they are not normalized.
    query_norm: Vec<Exact>,
    key_norm: Vec<Exact>,
    output: Linear,
    /// The norms of what attention and the feed give; nothing where they are not normalized.
    post_attention_norm: Vec<Exact>,
    post_feed_norm: Vec<Exact>,
    feed_norm: Vec<Exact>,
    gate: Linear,
    up: Linear,
    down: Linear,
    through: Gate,
    /// How many positions are seen; all where it is none.
    window: Option<usize>,
}

/// What all layers of a step have in common.
pub(super) struct Work<'a> {
    pub(super) sizes: Sizes,
    pub(super) group: Group,
    pub(super) spans: &'a [Span<'a>],
    pub(super) way: Way,
    pub(super) benches: &'a Benches,
}

/// What a step is computed in, used again by the next.
#[derive(Debug, Default)]
pub(super) struct Room {
    pub(super) tokens: Vec<usize>,
    pub(super) numbers: Vec<f32>,
    pub(super) angles: Angles,
    /// Those of layers that see a window, where they are others.
    pub(super) near: Angles,
    /// The rows between layers.
    pub(super) x: Vec<Exact>,
    /// What goes into products of `hidden` numbers.
    pub(super) hidden: Inputs,
    /// Queries, keys and values; logits.
    pub(super) wide: Vec<Exact>,
    /// What attention mixes, for one head with keys after the other.
    mixed: Vec<Exact>,
    heads: Inputs,
    feed: Inputs,
    picked: Vec<usize>,
    left: Vec<Exact>,
}

impl Layer {
    /// Loads the layer of that index.
    pub(super) fn load(
        file: &mut ModelFile,
        index: usize,
        (sizes, blueprint): (&Sizes, &Blueprint),
    ) -> Result<Self, ModelError> {
        let &Sizes { hidden, feed, heads, kv_heads, head, .. } = sizes;
        let name = |part: &str, kind: &str| format!("blk.{index}.{part}.{kind}");
        let mut projection = |part: &str, outputs| {
            let linear = Linear::load(file, &name(part, "weight"), outputs, hidden)?;
            if blueprint.biased { linear.with_bias(file, &name(part, "bias"), outputs) } else { Ok(linear) }
        };
        let queries = projection("attn_q", heads * head)?;
        let keys = projection("attn_k", kv_heads * head)?;
        let values = projection("attn_v", kv_heads * head)?;
        let name = |part: &str| format!("blk.{index}.{part}.weight");
        let mut head_norm =
            |part| if blueprint.head_norms { padded(file, &name(part), head) } else { Ok(Vec::new()) };
        let (query_norm, key_norm) = (head_norm("attn_q_norm")?, head_norm("attn_k_norm")?);
        let mut post_norm =
            |part| if blueprint.post_norms { padded(file, &name(part), hidden) } else { Ok(Vec::new()) };
        let (post_attention_norm, post_feed_norm) =
            (post_norm("post_attention_norm")?, post_norm("post_ffw_norm")?);
        Ok(Self {
            attention_norm: padded(file, &name("attn_norm"), hidden)?,
            queries,
            keys,
            values,
            query_norm,
            key_norm,
            output: Linear::load(file, &name("attn_output"), hidden, heads * head)?,
            post_attention_norm,
            post_feed_norm,
            feed_norm: padded(file, &name("ffn_norm"), hidden)?,
            gate: Linear::load(file, &name("ffn_gate"), feed, hidden)?,
            up: Linear::load(file, &name("ffn_up"), feed, hidden)?,
            down: Linear::load(file, &name("ffn_down"), hidden, feed)?,
            through: blueprint.gate,
            window: blueprint.window(index),
        })
    }

    /// Keeps the keys and values of a step and adds what attention gives to its rows. In the last layer, for which `last` says
    /// whether anything is wanted of it, only the rows whose logits are wanted are left.
    pub(super) fn attention(
        &self,
        work: &Work<'_>,
        pages: &mut [Vec<u16>],
        room: &mut Room,
        last: Option<bool>,
    ) {
        let Sizes { hidden, heads, head, epsilon, .. } = work.sizes;
        let rows = room.tokens.len();
        room.hidden.resize(rows, hidden, &[&self.queries, &self.keys, &self.values]);
        norm(&room.x, &self.attention_norm, (hidden, epsilon), &mut room.hidden);
        let (keys_at, values_at) = (self.queries.panels(), self.queries.panels() + self.keys.panels());
        let panels = values_at + self.values.panels();
        room.wide.resize(rows * panels, [0.0; WIDTH]);
        spread(&room.hidden, hidden, &mut room.wide, panels, |panel, stack, out| {
            if panel < keys_at {
                self.queries.write(work.way, panel, stack, out);
            } else if panel < values_at {
                self.keys.write(work.way, panel - keys_at, stack, out);
            } else {
                self.values.write(work.way, panel - values_at, stack, out);
            }
        });
        let group = Group { window: self.window, ..work.group };
        let step = Step {
            cells: &room.wide,
            panels,
            angles: if self.window.is_some() && room.near.any() { &room.near } else { &room.angles },
            norms: Norms { queries: &self.query_norm, keys: &self.key_norm, epsilon },
            way: work.way,
        };
        let each = rows * work.group.queries * work.group.blocks();
        room.mixed.resize(each * pages.len(), [0.0; WIDTH]);
        let mixed = room.mixed.par_chunks_mut(each.max(1));
        pages.par_iter_mut().zip(mixed).enumerate().for_each(|(kv_head, (pages, out))| {
            let number = kv_head * head;
            let query = Place { panel: 0, number: number * work.group.queries };
            let (key, value) = (Place { panel: keys_at, number }, Place { panel: values_at, number });
            let mut row = 0;
            for span in work.spans {
                work.benches.lend(|bench| keep(&step, group, (span, row), (key, value), pages, bench));
                row += span.tokens.len();
            }
            if last != Some(false) {
                mix((work, group), &step, (query, last.is_some()), pages, (work.spans, 0), out);
            }
        });
        if last == Some(false) {
            return;
        }
        room.picked.clear();
        pick_rows(work.spans, last.is_some(), &mut room.picked);
        if last.is_some() {
            pick(&room.x, self.attention_norm.len(), &room.picked, &mut room.left);
            std::mem::swap(&mut room.x, &mut room.left);
        }
        room.heads.resize(room.picked.len(), heads * head, &[&self.output]);
        let gather = Gather { work, mixed: &room.mixed, each, picked: &room.picked };
        take(
            room.picked.len(),
            heads * head,
            |row, block, out| gather.block(row, block, out),
            &mut room.heads,
        );
        let given = (&self.output, self.post_attention_norm.as_slice());
        give(work, given, (&room.heads, heads * head), &mut room.x, &mut room.wide);
    }

    /// Adds what the feed gives to the rows.
    pub(super) fn feed(&self, work: &Work<'_>, room: &mut Room) {
        let Sizes { hidden, feed, epsilon, .. } = work.sizes;
        let rows = room.x.len() / self.feed_norm.len().max(1);
        room.hidden.resize(rows, hidden, &[&self.gate, &self.up]);
        norm(&room.x, &self.feed_norm, (hidden, epsilon), &mut room.hidden);
        room.feed.resize(rows, feed, &[&self.down]);
        let gates = (self.through, &self.gate, &self.up);
        gated(work.way, gates, &room.hidden, (hidden, feed), &mut room.feed);
        let given = (&self.down, self.post_feed_norm.as_slice());
        give(work, given, (&room.feed, feed), &mut room.x, &mut room.wide);
    }
}

/// Adds what a linear layer gives to rows, normalized where there is a norm for it.
fn give(
    work: &Work<'_>,
    (layer, post_norm): (&Linear, &[Exact]),
    (inputs, width): (&Inputs, usize),
    x: &mut [Exact],
    room: &mut Vec<Exact>,
) {
    if post_norm.is_empty() {
        spread(inputs, width, x, layer.panels(), |panel, stack, out| layer.add(work.way, panel, stack, out));
        return;
    }
    room.resize(x.len(), [0.0; WIDTH]);
    spread(inputs, width, room, layer.panels(), |panel, stack, out| {
        layer.write(work.way, panel, stack, out);
    });
    add_norm(room, post_norm, (work.sizes.hidden, work.sizes.epsilon), x);
}

/// Attends for the heads that share keys: spans apart from each other, and of a long one some positions at a time.
fn mix(
    (work, group): (&Work<'_>, Group),
    step: &Step<'_>,
    (place, last): (Place, bool),
    pages: &[u16],
    (spans, row): (&[Span<'_>], usize),
    out: &mut [Exact],
) {
    let position = work.group.queries * work.group.blocks();
    let middle = spans.len() / 2;
    if let (Some((first, second)), true) = (spans.split_at_checked(middle), spans.len() > 1) {
        let count: usize = first.iter().map(|span| span.tokens.len()).sum();
        let (head, tail) = out.split_at_mut((count * position).min(out.len()));
        rayon::join(
            || mix((work, group), step, (place, last), pages, (first, row), head),
            || mix((work, group), step, (place, last), pages, (second, row + count), tail),
        );
        return;
    }
    let Some(span) = spans.first() else { return };
    let together = work.group.together();
    // Of the last layer nothing is read but the rows that are wanted.
    let from = if last { span.tokens.len() - span.wanted() } else { 0 };
    out.par_chunks_mut((together * position).max(1)).enumerate().for_each(|(index, out)| {
        if (index + 1) * together > from && !(last && span.rows == Rows::None) {
            let asked = Asked { span, row, first: index * together, place };
            work.benches.lend(|bench| attend(step, group, asked, pages, bench, out));
        }
    });
}

/// Lists the rows of a step that go on: all of them, or those whose logits are wanted.
fn pick_rows(spans: &[Span<'_>], wanted: bool, picked: &mut Vec<usize>) {
    let mut end = 0;
    for span in spans {
        end += span.tokens.len();
        picked.extend(end - if wanted { span.wanted() } else { span.tokens.len() }..end);
    }
}

/// Finds what attention has mixed for a row.
struct Gather<'a> {
    work: &'a Work<'a>,
    mixed: &'a [Exact],
    each: usize,
    picked: &'a [usize],
}

impl Gather<'_> {
    /// Copies block `block` of the heads of a picked row, one head after the other.
    fn block(&self, picked: usize, block: usize, out: &mut [f32; BLOCK]) {
        let group = self.work.group;
        let Some(&row) = self.picked.get(picked) else { return };
        let Some((first, index, count)) = self.stretch(row) else { return };
        let (queries, position) = (group.queries, group.queries * group.blocks());
        let mut number = block * BLOCK;
        let mut rest = out.as_mut_slice();
        while !rest.is_empty() {
            let (head, at) = (number / group.head, number % group.head);
            let (part, after) = rest.split_at_mut((WIDTH - at % WIDTH).min(group.head - at).min(rest.len()));
            let stretch = head / queries * self.each + first * position;
            let cell = stretch + at / WIDTH * count * queries + index * queries + head % queries;
            let numbers = self.mixed.get(cell).and_then(|cell| cell.get(at % WIDTH..));
            // Beyond the last head there is nothing.
            part.iter_mut().zip(numbers.unwrap_or(&[])).for_each(|(there, number)| *there = *number);
            number += part.len();
            rest = after;
        }
    }

    /// Returns the first row of the positions that were queried together with `row`, which of them it is, and how many.
    fn stretch(&self, row: usize) -> Option<(usize, usize, usize)> {
        let together = self.work.group.together();
        let mut start = 0;
        for span in self.work.spans {
            let count = span.tokens.len();
            if row < start + count {
                let first = (row - start) / together * together;
                return Some((start + first, row - start - first, together.min(count - first)));
            }
            start += count;
        }
        None
    }
}
