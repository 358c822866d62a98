//! Reasoning in rounds as it is shown: the round under way in a few lines, and every round that is over folded into one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::chat::visible;
use super::heard::{Heard, Listener};
use super::printer::{Printer, width};
use crate::graph::Workflow;
use crate::model::ChatModel;
use crate::report::{RoundSeen, RoundsReader};
use crate::run::{Event, Plan};
use crate::text::one_line;

/// Lines of the round under way.
const LINES: usize = 6;

/// Characters of a summary that are shown once its round is folded.
const SHOWN: usize = 90;

/// Shows a run that reasons in rounds.
pub(super) struct Unfolding {
    bar: ProgressBar,
    /// Characters of a line.
    width: usize,
    printer: Printer,
    state: Mutex<State>,
}

struct State {
    reader: RoundsReader,
    /// The end of what was generated of the round under way.
    text: String,
}

impl Unfolding {
    /// Begins to show a run; none where no step of it reasons in rounds.
    pub(super) fn of(workflow: &Workflow, plan: &Plan, printer: &Printer) -> Option<Arc<Self>> {
        let reader = RoundsReader::new(workflow, plan);
        if !reader.has_rounds() || !printer.tells() {
            return None;
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if printer.draws() {
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(200));
        } else {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        let state = Mutex::new(State { reader, text: String::new() });
        Some(Arc::new(Self { bar, width: width().max(20) - 3, printer: printer.clone(), state }))
    }

    /// Puts a model around `model` whose answers are shown while they are written.
    pub(super) fn around(self: &Arc<Self>, model: Arc<dyn ChatModel>) -> Arc<dyn ChatModel> {
        if self.bar.is_hidden() { model } else { Heard::always(model, Arc::<Self>::clone(self)) }
    }

    /// Takes in a call that an earlier process made.
    pub(super) fn catch_up(&self, event: &Event) {
        if let Event::Called(call) = event {
            self.locked().reader.see(call);
        }
    }

    /// Takes in what happened: folds the round that is over.
    pub(super) fn see(&self, event: &Event) {
        match event {
            Event::Called(call) => {
                let mut state = self.locked();
                state.text.clear();
                if let Some(seen) = state.reader.see(call) {
                    let line = folded(&seen);
                    drop(state);
                    self.bar.set_message(String::new());
                    self.bar.suspend(|| self.printer.say(&line));
                }
            }
            Event::Ended { .. } => self.bar.finish_and_clear(),
            _ => {}
        }
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listener for Unfolding {
    fn piece(&self, text: &str) {
        let mut state = self.locked();
        state.text.push_str(&visible(text));
        let shown = last_lines(&state.text, self.width);
        state.text = shown.join("\n");
        self.bar.set_message(state.text.clone());
    }

    fn broken(&self) {
        self.locked().text.clear();
    }
}

/// One line on a round that is over.
fn folded(seen: &RoundSeen) -> String {
    let RoundSeen { round, tokens, for_summary, lacks_summary, summary, end } = seen;
    let what = if *for_summary { ", asked for its summary" } else { "" };
    let rest = if let Some(end) = end {
        end.to_string()
    } else if *lacks_summary {
        "cut before its summary".to_owned()
    } else {
        let line = visible(&one_line(summary));
        let short: String = line.chars().take(SHOWN).collect();
        if short.len() < line.len() { format!("{short}…") } else { short }
    };
    format!("round {round}{what}: {tokens} tokens; {rest}")
}

/// The last lines of a text, none longer than `width` characters.
fn last_lines(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in text.split('\n') {
        let signs: Vec<char> = line.chars().collect();
        if signs.is_empty() {
            lines.push(String::new());
        }
        lines.extend(signs.chunks(width.max(1)).map(|part| part.iter().collect()));
    }
    lines.split_off(lines.len().saturating_sub(LINES))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::RoundsEnd;
    use crate::text::TokenCount;

    #[test]
    fn a_round_is_folded_into_one_line() {
        let mut seen = RoundSeen {
            round: 2,
            tokens: TokenCount(812),
            for_summary: false,
            lacks_summary: false,
            summary: format!("7 is odd,\nand {}", "so on ".repeat(30)),
            end: None,
        };
        let line = folded(&seen);
        assert!(line.starts_with("round 2: 812 tokens; 7 is odd, and so on"), "{line}");
        assert!(line.ends_with('…') && line.chars().count() < 120, "{line}");
        seen.end = Some(RoundsEnd::Concluded);
        assert_eq!(folded(&seen), "round 2: 812 tokens; concluded");
    }

    #[test]
    fn only_the_last_lines_of_a_round_stand_there() {
        let text = (0..9).map(|line| format!("line {line}")).collect::<Vec<_>>().join("\n");
        assert_eq!(last_lines(&text, 80).len(), LINES);
        assert_eq!(last_lines(&text, 80).last().unwrap(), "line 8");
        assert_eq!(last_lines("abcdefg", 3), ["abc", "def", "g"]);
        assert_eq!(last_lines("a\n", 3), ["a", ""]);
    }
}
