//! What was learned of an endpoint, and what follows from it for a prompt.
//!
//! Knows no messages and counts nothing: it is given makeups and numbers.

use std::collections::VecDeque;

use super::makeup::Makeup;
use crate::hash::ContentHash;

/// No window is smaller.
const SMALL: f64 = 1000.0;

/// The most tokens of a prompt that are none of its text: once, and for each message.
const PREAMBLE: f64 = 1024.0;
const FORM: f64 = 64.0;

/// How many prompts, and how many of their answers, are remembered.
const MEMORY: usize = 64;

/// Texts that are less unlike each other than this cost about as much.
const ALIKE: f64 = 0.25;

/// The share by which prompts of the same kind differ from what was learned of others.
const USUAL: f64 = 0.1;

/// How far two samples of one prompt can be apart.
const SCATTER: f64 = 0.1;

/// How many values are tried for what is unknown.
const STEPS: u32 = 256;

/// What is known of a prompt before it is sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Prompt {
    pub(super) makeup: Makeup,
    /// Its tokens as the own counter has it, without the form of a chat.
    pub(super) text: f64,
    pub(super) messages: f64,
}

/// What a server counted for a prompt.
#[derive(Debug, Clone, Copy)]
pub(super) struct Point {
    pub(super) prompt: Prompt,
    pub(super) read: f64,
}

/// What follows for a prompt.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Outcome {
    /// The count can be that of the whole prompt.
    Sound,
    /// A sample is needed, or a second.
    Open,
    /// The count is too low for the prompt, which has at least about so many tokens.
    Cut(f64),
}

/// Bounds of the tokens that an endpoint adds to the text of a prompt.
#[derive(Debug, Clone, Copy)]
pub(super) struct Added {
    least: f64,
    most: f64,
    messages: f64,
}

impl Added {
    /// Returns the bounds for a prompt of another number of messages: what is added may be for each of them or once.
    fn with(self, messages: f64) -> Self {
        let times = messages / self.messages.max(1.0);
        Self { least: self.least * times.min(1.0), most: self.most * times.max(1.0), messages }
    }

    /// Returns the upper bound.
    pub(super) fn most(self) -> f64 {
        self.most
    }

    fn values(self) -> impl Iterator<Item = f64> {
        (0..=STEPS)
            .map(move |step| self.least + (self.most - self.least) * f64::from(step) / f64::from(STEPS))
    }

    /// Returns the values between both bounds, or `other` where there are none.
    fn within(self, other: Self) -> Self {
        let (least, most) = (self.least.max(other.least), self.most.min(other.most));
        if least <= most { Self { least, most, ..other } } else { other }
    }
}

impl Point {
    /// Returns what can be of this sample and yet none of its text, for want of anything better known.
    fn added(&self) -> Added {
        let messages = self.prompt.messages;
        let most = (self.read - self.prompt.makeup.fewest()).clamp(0.0, PREAMBLE + FORM * messages);
        Added { least: 0.0, most, messages }
    }

    /// Returns the fewest tokens of the whole where so many of the sample are none of the text.
    fn fewest_of(&self, whole: &Prompt, added: f64) -> f64 {
        added + self.prompt.makeup.fewest_of(&whole.makeup, self.read - added)
    }

    /// Returns about how many tokens the whole has.
    fn expected(&self, whole: &Prompt, added: f64) -> f64 {
        added + (self.read - added) * whole.text / self.prompt.text.max(1.0)
    }

    /// Returns the share by which the count of a whole can fall below what this sample says. A small sample says less.
    fn tolerance(&self) -> f64 {
        0.02 + 0.6 / self.read.max(16.0).sqrt()
    }

    /// Returns what can be added to both samples so that one can have its count where the other has its own.
    fn added_with(&self, smaller: &Self) -> Option<Added> {
        let bounds = smaller.added();
        let agrees = |added: &f64| {
            let (own, other) = (self.read - added, smaller.read - added);
            let (from, to) = (&smaller.prompt.makeup, &self.prompt.makeup);
            own >= from.fewest_of(to, other) * (1.0 - SCATTER)
                && own <= from.most_of(to, other) * (1.0 + SCATTER)
        };
        let values: Vec<f64> = bounds.values().filter(agrees).collect();
        let (least, most) = (values.first()?, values.last()?);
        Some(Added { least: *least, most: *most, ..bounds })
    }
}

/// What was asked about one prompt.
#[derive(Debug)]
pub(super) struct Trial {
    prompt: ContentHash,
    samples: Vec<ContentHash>,
    points: Vec<Point>,
}

impl Trial {
    /// Judges a count by the samples of its own prompt, and by what is known to be `added`.
    fn judge(&self, prompt: &Prompt, read: f64, added: Option<Added>) -> Outcome {
        let Some(sample) = self.points.first() else { return Outcome::Open };
        let second = self.points.get(1).and_then(|second| sample.added_with(second));
        let known = second.or(added);
        let bounds = known.map_or(sample.added(), |known| sample.added().within(known));
        let share = 1.0 - sample.tolerance();
        let fewest = || bounds.values().map(|added| sample.fewest_of(prompt, added));
        let (least, most) = (fewest().fold(f64::INFINITY, f64::min), fewest().fold(0.0, f64::max));
        if read < share * least {
            Outcome::Cut(least)
        } else if read >= share * most || known.is_some() || self.points.len() > 1 {
            Outcome::Sound
        } else {
            Outcome::Open
        }
    }

    /// Judges a count where the own counter should be exact. Only two samples can show that it is: with one, a better
    /// tokenizer and a preamble look the same.
    pub(super) fn judge_exact(&self, prompt: &Prompt, read: f64) -> Exact {
        let [first, second, ..] = self.points.as_slice() else {
            return Exact::Judged(Outcome::Open);
        };
        let (counted, own) = (first.read - second.read, first.prompt.text - second.prompt.text);
        if (counted - own).abs() > 0.03 * own.abs() + 2.0 {
            return Exact::Refuted;
        }
        let whole = prompt.text + (first.read - first.prompt.text).max(0.0);
        Exact::Judged(if read < 0.95 * whole { Outcome::Cut(whole) } else { Outcome::Sound })
    }
}

/// What two samples say of a counter that should be exact.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Exact {
    /// It may be, and this follows.
    Judged(Outcome),
    /// It is not.
    Refuted,
}

/// What was learned of an endpoint.
#[derive(Debug, Default)]
pub(super) struct Learned {
    trials: VecDeque<Trial>,
    /// Sound answers, samples among them.
    points: VecDeque<Point>,
    added: VecDeque<Added>,
    most_read: f64,
    /// Where the server was found to cut.
    window: Option<f64>,
    /// Whether the counter that was said to be exact is not.
    pub(super) refuted: bool,
}

impl Learned {
    /// Returns what was asked about a prompt and answered.
    pub(super) fn trial(&self, prompt: ContentHash) -> Option<&Trial> {
        self.trials.iter().find(|trial| trial.prompt == prompt && !trial.points.is_empty())
    }

    /// Remembers that a sample of a prompt is on its way.
    pub(super) fn expect(&mut self, prompt: ContentHash, sample: ContentHash) {
        if let Some(trial) = self.trials.iter_mut().find(|trial| trial.prompt == prompt) {
            trial.samples.push(sample);
        } else {
            remember(&mut self.trials, Trial { prompt, samples: vec![sample], points: Vec::new() });
        }
    }

    /// Remembers a sound count, of a sample or of a prompt.
    pub(super) fn learn(&mut self, messages: ContentHash, point: Point) {
        for trial in self.trials.iter_mut().filter(|trial| trial.samples.contains(&messages)) {
            trial.points.push(point);
            if let [first, second] = trial.points.as_slice()
                && let Some(added) = first.added_with(second)
            {
                remember(&mut self.added, added);
            }
        }
        self.most_read = self.most_read.max(point.read);
        remember(&mut self.points, point);
    }

    /// Remembers where the server cuts.
    pub(super) fn cuts_at(&mut self, window: f64) {
        self.window = Some(window);
    }

    /// Returns what the endpoint is known to add to the text of a prompt with so many messages.
    pub(super) fn added(&self, messages: f64) -> Option<Added> {
        let same = self.added.iter().rev().find(|added| (added.messages - messages).abs() < 0.5);
        same.or(self.added.back()).map(|added| added.with(messages))
    }

    /// Judges a count by samples where there are any of that prompt.
    pub(super) fn judge(&self, messages: ContentHash, prompt: &Prompt, read: f64) -> Outcome {
        match self.trial(messages) {
            Some(trial) => trial.judge(prompt, read, self.added(prompt.messages)),
            None => self.doubt(prompt, read),
        }
    }

    /// Judges a count of a prompt of which no sample was taken. It is never said to be cut, but by a server that was found
    /// to cut, and at the same place.
    fn doubt(&self, prompt: &Prompt, read: f64) -> Outcome {
        if let Some(window) = self.window
            && (read - window).abs() <= 8.0
            && let Some(expected) = self.expected(prompt)
            && expected > (1.0 + 2.0 * USUAL) * read
        {
            return Outcome::Cut(expected);
        }
        // Every window is as large as what was read of it once.
        let fits = read < SMALL && prompt.text < 2.0 * SMALL || read < 0.98 * self.most_read;
        let usual = || self.expected(prompt).is_some_and(|expected| read >= (1.0 - USUAL) * expected);
        if fits || usual() { Outcome::Sound } else { Outcome::Open }
    }

    /// Returns how many tokens a prompt should have by the answer to the one that is most like it.
    fn expected(&self, prompt: &Prompt) -> Option<f64> {
        let told = self.points.iter().filter(|point| point.prompt.text >= 200.0);
        let apart = told.map(|point| (point.prompt.makeup.distance(&prompt.makeup), point));
        let (_, nearest) = apart.filter(|(unlike, _)| *unlike < ALIKE).min_by(|a, b| a.0.total_cmp(&b.0))?;
        let added = self.added(prompt.messages).map_or(0.0, |added| added.least).min(nearest.read);
        Some(nearest.expected(prompt, added))
    }

    /// Returns the most that was ever counted for one token of the own counter, in texts that are alike where there are
    /// such, and whether there are.
    pub(super) fn dearest(&self, prompt: &Prompt) -> Option<(f64, bool)> {
        let ratio = |point: &Point| {
            let added = self.added(point.prompt.messages).map_or(0.0, |added| added.least).min(point.read);
            (point.read - added) / point.prompt.text
        };
        let told = || self.points.iter().filter(|point| point.prompt.text >= 100.0);
        let alike = told().filter(|point| point.prompt.makeup.distance(&prompt.makeup) < ALIKE);
        let near = alike.map(ratio).max_by(f64::total_cmp).map(|ratio| (ratio, true));
        near.or_else(|| told().map(ratio).max_by(f64::total_cmp).map(|ratio| (ratio.max(1.0), false)))
    }
}

/// Puts something behind the others, and forgets the oldest where there are too many.
fn remember<T>(memory: &mut VecDeque<T>, item: T) {
    if memory.len() >= MEMORY {
        memory.pop_front();
    }
    memory.push_back(item);
}
