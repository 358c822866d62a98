//! The contexts of a run as a sawtooth: for each call the tokens of its prompt, what it generated on top of them, and the
//! windows of the models as lines. It knows no run, only numbers.

mod lines;
mod picture;
#[cfg(test)]
mod tests;

pub use lines::sawtooth_lines;
pub use picture::sawtooth_svg;

/// A window that is so many times as large as the largest context is told and not drawn: it would make a line of all calls.
const FAR: u64 = 4;

/// What is drawn.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sawtooth {
    /// What stands above the picture.
    pub title: String,
    /// The calls, in their order.
    pub teeth: Vec<Tooth>,
    /// The windows of the models, one for each.
    pub windows: Vec<Ceiling>,
    /// What stands below the picture, a line each.
    pub captions: Vec<String>,
}

/// What stood in the context of one call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tooth {
    /// Tokens that it was given.
    pub prompt: u64,
    /// Tokens that it generated.
    pub generated: u64,
}

/// A line that no tooth of a model should pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ceiling {
    /// The model.
    pub label: String,
    /// The tokens of its window.
    pub tokens: u64,
}

impl Tooth {
    fn height(self) -> u64 {
        self.prompt.saturating_add(self.generated)
    }

    /// The height when this share of the answer is there.
    fn height_at(self, part: usize, of: usize) -> u64 {
        let share = u128::from(self.generated) * part as u128 / of.max(1) as u128;
        self.prompt.saturating_add(u64::try_from(share).unwrap_or(u64::MAX))
    }
}

impl Sawtooth {
    /// The teeth in at most so many columns. Where there are more calls than that, each column shows the highest of its calls.
    fn columns(&self, most: usize) -> Vec<Tooth> {
        let (calls, columns) = (self.teeth.len(), self.teeth.len().min(most));
        let begin = |column: usize| column * calls / columns.max(1);
        let of = |column: usize| self.teeth.get(begin(column)..begin(column + 1)).unwrap_or_default();
        let highest = |teeth: &[Tooth]| teeth.iter().copied().max_by_key(|tooth| tooth.height());
        (0..columns).map(|column| highest(of(column)).unwrap_or_default()).collect()
    }

    /// What a picture of so many columns leaves out, in words.
    fn told_columns(&self, columns: usize) -> String {
        let calls = self.teeth.len();
        if columns < calls {
            format!("{calls} calls in {columns} columns, of each column the highest call")
        } else {
            format!("{calls} {}", if calls == 1 { "call" } else { "calls" })
        }
    }

    /// The tokens at the top of the picture: never 0.
    fn top(&self) -> u64 {
        let highest = self.teeth.iter().map(|tooth| tooth.height()).max().unwrap_or(0).max(1);
        let near = self.windows.iter().map(|window| window.tokens).filter(|tokens| is_near(*tokens, highest));
        near.fold(highest, u64::max)
    }

    /// The windows, each with whether it lies in the picture.
    fn ceilings(&self) -> impl Iterator<Item = (&Ceiling, bool)> {
        let top = self.top();
        self.windows.iter().map(move |window| (window, window.tokens <= top))
    }
}

fn is_near(window: u64, highest: u64) -> bool {
    window <= highest.saturating_mul(FAR)
}
