//! The sawtooth in a terminal, without colours: it may be read from a file.

use std::fmt::Write as _;

use super::{Sawtooth, Tooth};

/// How many lines the teeth take.
const ROWS: u64 = 12;
/// The fewest and the most columns of teeth, and the widest tooth.
const COLUMNS: (usize, usize) = (16, 400);
const WIDEST: usize = 12;

const PROMPT: char = '█';
const GENERATED: char = '▒';
/// What is too low to be seen in its line.
const LOW: char = '▁';
const WINDOW: char = '─';

/// Draws a sawtooth in at most so many columns, or in a few more where those would not do.
#[must_use]
pub fn sawtooth_lines(sawtooth: &Sawtooth, width: usize) -> String {
    let top = sawtooth.top();
    let label = top.to_string().len();
    // Behind the label come a blank and the axis.
    let room = width.saturating_sub(label + 2).clamp(COLUMNS.0, COLUMNS.1);
    let columns = sawtooth.columns(room);
    let wide = (room / columns.len().max(1)).clamp(1, WIDEST);
    let mut text = format!("{}\n", sawtooth.title);
    for row in (0..ROWS).rev() {
        let window = sawtooth.ceilings().find(|(window, near)| *near && row_of(window.tokens, top) == row);
        let named = match window {
            Some((window, _)) => window.tokens.to_string(),
            None if row == ROWS - 1 => top.to_string(),
            None => String::new(),
        };
        let mut line = format!("{named:>label$} ┤");
        for tooth in &columns {
            for part in 1..=wide {
                let empty = if window.is_some() { WINDOW } else { ' ' };
                line.push(cell(*tooth, (part, wide), (row, top)).unwrap_or(empty));
            }
        }
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}", line.trim_end());
    }
    let _ = writeln!(text, "{:>label$} ┼{}", 0, "─".repeat(columns.len() * wide));
    let indent = " ".repeat(label + 2);
    let _ = writeln!(text, "{indent}{}", sawtooth.told_columns(columns.len()));
    let _ = writeln!(text, "{indent}{PROMPT} prompt  {GENERATED} generated  {WINDOW} window, in tokens");
    for (window, near) in sawtooth.ceilings() {
        let above = if near { "" } else { ", above the picture" };
        let _ = writeln!(text, "{indent}window of {}: {}{above}", window.label, window.tokens);
    }
    for caption in &sawtooth.captions {
        let _ = writeln!(text, "{caption}");
    }
    text
}

/// What a tooth shows in one place of it, where it shows anything. A line stands for the tokens in its middle.
fn cell(tooth: Tooth, (part, wide): (usize, usize), (row, top): (u64, u64)) -> Option<char> {
    let middle = u128::from(top) * u128::from(2 * row + 1);
    let reaches = |tokens: u64| u128::from(tokens) * u128::from(2 * ROWS) >= middle;
    if reaches(tooth.prompt) {
        Some(PROMPT)
    } else if reaches(tooth.height_at(part, wide)) {
        Some(GENERATED)
    } else {
        (row == 0 && tooth.height() > 0).then_some(LOW)
    }
}

/// The line that so many tokens reach into.
fn row_of(tokens: u64, top: u64) -> u64 {
    let row = u128::from(tokens) * u128::from(ROWS) / u128::from(top.max(1));
    u64::try_from(row).unwrap_or(ROWS).min(ROWS - 1)
}
