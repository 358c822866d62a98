//! The sawtooth as a picture that a browser shows. However many calls there are, it has two paths of at most [`COLUMNS`] parts.

use std::fmt::Write as _;

use super::super::svg::{LETTER, MARGIN, TITLE_LETTER, escaped, letters};
use super::Sawtooth;

/// The area of the teeth.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 260.0;
/// The most columns: each is at least two points wide.
pub(super) const COLUMNS: usize = 360;
const LEFT: f64 = 84.0;
const TOP: f64 = 52.0;
/// Between two lines below the picture.
const LINE: f64 = 18.0;
/// About how many lines with numbers there are.
const TICKS: u64 = 5;

const PROMPT: &str = "#8fa6c4";
const GENERATED: &str = "#e0a458";
const WINDOWS: [&str; 4] = ["#b3261e", "#6a3fa0", "#2e7d4f", "#44546a"];

/// Writes a sawtooth as SVG.
#[must_use]
pub fn sawtooth_svg(sawtooth: &Sawtooth) -> String {
    let columns = sawtooth.columns(COLUMNS);
    let windows: Vec<String> = sawtooth
        .ceilings()
        .map(|(window, near)| {
            let above = if near { "" } else { ", above the picture" };
            format!("window of {}: {} tokens{above}", window.label, window.tokens)
        })
        .collect();
    let told = format!("{}, in the order in which answers came", sawtooth.told_columns(columns.len()));
    let below = 3 + windows.len() + sawtooth.captions.len();
    let widest = windows.iter().chain(&sawtooth.captions).map(|line| letters(line) * LETTER);
    let title = letters(&sawtooth.title) * TITLE_LETTER;
    let width = widest.fold(title, f64::max).max(WIDTH) + LEFT + MARGIN;
    let height = TOP + HEIGHT + LINE * count(below) + MARGIN;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 {width:.0} \
         {height:.0}\" font-family=\"Helvetica, Arial, sans-serif\" font-size=\"13\">\n<title>{0}</title>\n<rect \
         width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n<text x=\"{MARGIN:.0}\" y=\"{1:.0}\" font-size=\"15\" \
         font-weight=\"bold\">{0}</text>\n",
        escaped(&sawtooth.title),
        MARGIN + 4.0,
    );
    let scale = Scale { top: sawtooth.top(), columns: columns.len() };
    scale.ticks(&mut text);
    // Writing to a string cannot fail.
    let (mut prompts, mut answers) = (String::new(), String::new());
    for (at, tooth) in columns.iter().enumerate() {
        let (left, right) = (scale.across(at), scale.across(at + 1));
        let (base, tip) = (scale.up(tooth.prompt), scale.up(tooth.height()));
        let _ = write!(prompts, "M{left:.1} {:.1}V{base:.1}H{right:.1}V{:.1}z", scale.up(0), scale.up(0));
        // While an answer grows, so does the context.
        let _ = write!(answers, "M{left:.1} {base:.1}L{right:.1} {tip:.1}V{base:.1}z");
    }
    let _ = writeln!(
        text,
        "<path d=\"{prompts}\" fill=\"{PROMPT}\"/>\n<path d=\"{answers}\" fill=\"{GENERATED}\"/>"
    );
    for (number, (window, near)) in sawtooth.ceilings().enumerate() {
        if near {
            scale.line(&mut text, window.tokens, color(number));
        }
    }
    let mut legend = Legend { text, y: TOP + HEIGHT + LINE };
    legend.line(&told, "#3b4350");
    legend.keys();
    for (number, window) in windows.iter().enumerate() {
        legend.line(window, color(number));
    }
    for caption in &sawtooth.captions {
        legend.line(caption, "#3b4350");
    }
    legend.text.push_str("</svg>\n");
    legend.text
}

/// The color of a model's window.
fn color(number: usize) -> &'static str {
    WINDOWS.get(number % WINDOWS.len()).copied().unwrap_or_default()
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

/// Where numbers lie in the picture.
struct Scale {
    top: u64,
    columns: usize,
}

impl Scale {
    fn across(&self, column: usize) -> f64 {
        LEFT + WIDTH * count(column) / count(self.columns.max(1))
    }

    /// The height of so many tokens, exact to a 10,000th of the picture.
    fn up(&self, tokens: u64) -> f64 {
        let share = u128::from(tokens.min(self.top)) * 10_000 / u128::from(self.top.max(1));
        TOP + HEIGHT * (1.0 - f64::from(u32::try_from(share).unwrap_or(10_000)) / 10_000.0)
    }

    /// Lines at round numbers of tokens, and below them the axis.
    fn ticks(&self, text: &mut String) {
        let step = round_up(self.top.div_ceil(TICKS));
        let mut tokens = 0_u64;
        while tokens <= self.top {
            let y = self.up(tokens);
            let color = if tokens == 0 { "#444444" } else { "#e3e6ea" };
            let _ = writeln!(
                text,
                "<path d=\"M{LEFT:.1} {y:.1}H{:.1}\" stroke=\"{color}\"/>\n<text x=\"{:.1}\" y=\"{:.1}\" \
                 text-anchor=\"end\" fill=\"#5a6472\" font-size=\"12\">{tokens}</text>",
                LEFT + WIDTH,
                LEFT - 8.0,
                y + 4.0,
            );
            let Some(next) = tokens.checked_add(step) else { return };
            tokens = next;
        }
    }

    fn line(&self, text: &mut String, tokens: u64, color: &str) {
        let _ = writeln!(
            text,
            "<path d=\"M{LEFT:.1} {y:.1}H{:.1}\" stroke=\"{color}\" stroke-width=\"1.5\" stroke-dasharray=\"6 4\"/>",
            LEFT + WIDTH,
            y = self.up(tokens),
        );
    }
}

/// The next number that is 1, 2 or 5 with zeros behind it.
fn round_up(number: u64) -> u64 {
    let mut power = 1_u64;
    loop {
        for digit in [1, 2, 5] {
            match power.checked_mul(digit) {
                Some(round) if round < number => {}
                Some(round) => return round,
                None => return u64::MAX,
            }
        }
        power = power.saturating_mul(10);
    }
}

/// The lines below the picture.
struct Legend {
    text: String,
    y: f64,
}

impl Legend {
    fn line(&mut self, words: &str, color: &str) {
        let _ = writeln!(
            self.text,
            "<text x=\"{LEFT:.1}\" y=\"{:.1}\" fill=\"{color}\">{}</text>",
            self.y,
            escaped(words)
        );
        self.y += LINE;
    }

    /// What the colors of the teeth mean.
    fn keys(&mut self) {
        let mut x = LEFT;
        for (color, words) in [(PROMPT, "tokens of the prompt"), (GENERATED, "generated on top of it")] {
            let _ = writeln!(
                self.text,
                "<rect x=\"{x:.1}\" y=\"{:.1}\" width=\"11\" height=\"11\" fill=\"{color}\"/>\n<text x=\"{:.1}\" \
                 y=\"{:.1}\" fill=\"#3b4350\">{words}</text>",
                self.y - 10.0,
                x + 17.0,
                self.y,
            );
            x += 17.0 + letters(words) * LETTER + 18.0;
        }
        self.y += LINE;
    }
}
