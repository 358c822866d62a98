//! A page of keys and values in the form in which it is multiplied fastest.

use super::cell::{Exact, Rows, WIDTH};
use super::half::widen;
use super::product::{Floats, Halves, Way};
use crate::local::pass::PAGE;

/// Panels of the positions of a page.
pub(super) const PANELS: usize = PAGE / WIDTH;

/// Up to so many rows a page is multiplied as it is.
const FEW: usize = 8;

/// Half a page: as it is kept, or unpacked.
pub(super) enum Panels<'a> {
    Halves(&'a [Halves]),
    Floats(&'a [Floats]),
}

/// Returns the keys and the values of a page in the form that is fastest for so many rows.
pub(super) fn open<'a>(
    halves: &'a [u16],
    (blocks, rows, reached): (usize, usize, usize),
    room: &'a mut Vec<Floats>,
) -> (Panels<'a>, Panels<'a>) {
    if rows <= FEW {
        let (panels, _) = halves.as_chunks().0.as_chunks();
        let (keys, values) = panels.split_at((PANELS * blocks).min(panels.len()));
        return (Panels::Halves(keys), Panels::Halves(values));
    }
    room.resize(2 * PANELS * blocks, [[0.0; WIDTH]; WIDTH]);
    widen(halves, room.as_flattened_mut().as_flattened_mut());
    let (keys, values) = room.split_at_mut(PANELS * blocks);
    hide(values, reached);
    (Panels::Floats(keys), Panels::Floats(values))
}

impl Panels<'_> {
    /// Adds the products of rows and a panel of so many blocks, of whose inputs only the first `depth` are not nothing.
    pub(super) fn add(
        &self,
        way: Way,
        (panel, blocks, depth): (usize, usize, usize),
        rows: Rows<'_, Exact>,
        out: &mut [Exact],
    ) {
        match self {
            Self::Halves(panels) => {
                let panel = panels.chunks(blocks.max(1)).nth(panel).unwrap_or(&[]);
                way.halves(panel, rows, depth, out);
            }
            Self::Floats(panels) => {
                let panel = panels.chunks(blocks.max(1)).nth(panel).unwrap_or(&[]);
                way.floats(panel, rows, out);
            }
        }
    }
}

/// Clears the values of positions of a page that the sequence has not reached: whose they were, nothing of them is mixed in,
/// not even what is no number.
fn hide(values: &mut [Floats], reached: usize) {
    if reached < PAGE {
        for panel in values.chunks_exact_mut(PANELS) {
            for value in panel.as_flattened_mut().iter_mut().skip(reached) {
                *value = [0.0; WIDTH];
            }
        }
    }
}
