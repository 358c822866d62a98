//! What a step tells the kernels: rows, their places, and who computes which, packed into one list of numbers.

use super::kernels::{SINGLE, TILE};
use crate::local::pass::{PAGE, Span};
use crate::model::ModelError;

/// The most blocks that share what a single row reads; with fewer pages there are two for each.
const MOST_BLOCKS: usize = 32;

/// The numbers that fix which kernels a step runs, over how many blocks, and where they find what they read: two steps with the
/// same ones differ only in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Form {
    /// Rows of all spans.
    pub(super) rows: usize,
    /// Rows that are attended to one by one.
    pub(super) singles: usize,
    /// Blocks that share what one of them reads.
    pub(super) blocks: usize,
    /// Tiles of rows.
    pub(super) tiles: usize,
    /// Rows that logits are wanted of.
    pub(super) wanted: usize,
    /// Sequences.
    pub(super) sequences: usize,
    /// Pages that the table of a sequence has room for.
    pub(super) table_width: usize,
}

/// A step to compute.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) form: Form,
    /// Tokens, positions and sequences of the rows; wanted rows; single rows; tiles; tables.
    pub(super) words: Vec<i32>,
}

impl Form {
    /// Returns where in the list the parts begin: positions, sequences, wanted rows, single rows, tiles, tables, and its end. The
    /// tokens stand first.
    pub(super) fn offsets(&self) -> [usize; 7] {
        let wanted = 3 * self.rows;
        // A single row, as a tile, is read as one piece of 16 bytes.
        let singles = (wanted + self.wanted).next_multiple_of(4);
        let tiles = singles + 4 * self.singles;
        let tables = tiles + 4 * self.tiles;
        [self.rows, 2 * self.rows, wanted, singles, tiles, tables, tables + self.sequences * self.table_width]
    }
}

impl Step {
    /// Packs the spans of a step.
    pub(super) fn of(spans: &[Span<'_>]) -> Result<Self, ModelError> {
        let far = spans.iter().map(Span::end).max().unwrap_or(0);
        let single = |span: &&Span<'_>| span.tokens.len() <= SINGLE;
        let read = spans.iter().filter(single).map(|span| span.end().div_ceil(PAGE)).max();
        // In powers of two, so that steps of growing contexts have few forms.
        let table_width = far.div_ceil(PAGE).next_power_of_two();
        let tiles = |span: &Span<'_>| span.tokens.len().div_ceil(TILE);
        let form = Form {
            rows: spans.iter().map(|span| span.tokens.len()).sum(),
            singles: spans.iter().filter(single).map(|span| span.tokens.len()).sum(),
            blocks: read.map_or(0, |pages| pages.div_ceil(2).next_power_of_two().min(MOST_BLOCKS)),
            tiles: spans.iter().filter(|span| !single(span)).map(tiles).sum(),
            wanted: spans.iter().map(Span::wanted).sum(),
            sequences: spans.len(),
            table_width,
        };
        let mut step = Self { form, words: Vec::new() };
        step.write(spans)?;
        Ok(step)
    }

    fn write(&mut self, spans: &[Span<'_>]) -> Result<(), ModelError> {
        let int = |number: usize| {
            let said = i32::try_from(number);
            said.map_err(|_| ModelError::Compute { reason: format!("a step cannot name {number}") })
        };
        let words = &mut self.words;
        for span in spans {
            words.extend(span.tokens.iter().map(|token| token.cast_signed()));
        }
        for span in spans {
            for position in span.start..span.end() {
                words.push(int(position)?);
            }
        }
        for (sequence, span) in spans.iter().enumerate() {
            words.extend(std::iter::repeat_n(int(sequence)?, span.tokens.len()));
        }
        let firsts: Vec<usize> = spans
            .iter()
            .scan(0, |row, span| Some(std::mem::replace(row, *row + span.tokens.len())))
            .collect();
        for (span, first) in spans.iter().zip(&firsts) {
            let end = first + span.tokens.len();
            for row in end - span.wanted()..end {
                words.push(int(row)?);
            }
        }
        words.resize(words.len().next_multiple_of(4), 0);
        let short = |(_, (span, _)): &(usize, (&Span<'_>, &usize))| span.tokens.len() <= SINGLE;
        for (sequence, (span, first)) in spans.iter().zip(&firsts).enumerate().filter(short) {
            for at in 0..span.tokens.len() {
                words.extend([int(first + at)?, int(span.start + at)?, int(sequence)?, 0]);
            }
        }
        let long = spans.iter().zip(&firsts).enumerate().filter(|item| !short(item));
        for (sequence, (span, first)) in long {
            for at in (0..span.tokens.len()).step_by(TILE) {
                let rows = (span.tokens.len() - at).min(TILE);
                words.extend([int(first + at)?, int(rows)?, int(sequence)?, int(span.start + at)?]);
            }
        }
        for span in spans {
            let end = words.len() + self.form.table_width;
            let needed = span.pages.iter().take(span.end().div_ceil(PAGE));
            words.extend(needed.map(|page| page.0.cast_signed()));
            words.resize(end, 0);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::pass::{PageId, Rows};

    #[test]
    fn the_parts_of_a_step_lie_where_its_form_says() {
        let pages: Vec<PageId> = (5..12).map(PageId).collect();
        let long: Vec<u32> = (100..170).collect();
        let spans = [
            Span { tokens: &[7], start: 300, pages: &pages, rows: Rows::Last },
            Span { tokens: &long, start: 10, pages: &pages[2..], rows: Rows::None },
            Span { tokens: &[8, 9], start: 0, pages: &pages[4..], rows: Rows::All },
        ];
        let step = Step::of(&spans).unwrap();
        let form = step.form;
        let expected =
            Form { rows: 73, singles: 3, blocks: 4, tiles: 1, wanted: 3, sequences: 3, table_width: 8 };
        assert_eq!(form, expected);
        let [positions, sequences, wanted, singles, tiles, tables, end] = form.offsets();
        let words = &step.words;
        assert_eq!((words[0], words[1], words[71], words[72]), (7, 100, 8, 9));
        assert_eq!((words[positions], words[positions + 1], words[positions + 72]), (300, 10, 1));
        assert_eq!((words[sequences], words[sequences + 70], words[sequences + 71]), (0, 1, 2));
        assert_eq!(words[singles..tiles], [0, 300, 0, 0, 71, 0, 2, 0, 72, 1, 2, 0]);
        assert_eq!(words[wanted..wanted + 3], [0, 71, 72]);
        assert_eq!(words[tiles..tables], [1, 70, 1, 10]);
        assert_eq!(words[tables..tables + 6], [5, 6, 7, 8, 9, 0]);
        assert_eq!(words[tables + 8..tables + 11], [7, 8, 0]);
        assert_eq!(end, words.len());
    }
}
