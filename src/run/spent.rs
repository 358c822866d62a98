//! What calls use, what may be used, and what a run has used so far.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::ops::Add;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CallSite, Slot};
use crate::model::Money;
use crate::name::NodeName;
use crate::text::TokenCount;

/// Tokens of prompts and answers, and what they cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    /// The tokens.
    pub tokens: TokenCount,
    /// The money.
    pub cost: Money,
}

impl Spent {
    /// Returns the difference, or nothing where `other` is more.
    #[must_use]
    pub fn saturating_sub(self, other: Self) -> Self {
        Self { tokens: self.tokens.saturating_sub(other.tokens), cost: self.cost.saturating_sub(other.cost) }
    }
}

impl Add for Spent {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { tokens: self.tokens + other.tokens, cost: self.cost + other.cost }
    }
}

impl fmt::Display for Spent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} tokens", self.tokens)?;
        if self.cost == Money::default() { Ok(()) } else { write!(f, " and {}", self.cost) }
    }
}

/// The most that may be used; what is not given is not limited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Limits {
    /// Tokens of prompts and answers together.
    pub tokens: Option<TokenCount>,
    /// Money.
    pub cost: Option<Money>,
}

impl Limits {
    /// Makes limits of a number of tokens and of US dollars.
    #[must_use]
    pub fn of(tokens: Option<u64>, usd: Option<f64>) -> Self {
        Self { tokens: tokens.map(TokenCount), cost: usd.map(Money::from_usd) }
    }

    /// Tells whether nothing is limited.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Tells whether as much as this may be used.
    #[must_use]
    pub fn allow(&self, spent: Spent) -> bool {
        self.tokens.is_none_or(|most| spent.tokens <= most) && self.cost.is_none_or(|most| spent.cost <= most)
    }

    /// Returns these limits with what `other` gives in the place of what they give.
    #[must_use]
    pub fn but(self, other: Self) -> Self {
        Self { tokens: other.tokens.or(self.tokens), cost: other.cost.or(self.cost) }
    }
}

impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.tokens, self.cost) {
            (Some(tokens), Some(cost)) => write!(f, "{tokens} tokens and {cost}"),
            (Some(tokens), None) => write!(f, "{tokens} tokens"),
            (None, Some(cost)) => cost.fmt(f),
            (None, None) => f.write_str("any amount"),
        }
    }
}

/// What a run may use.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// All its calls together.
    pub run: Limits,
    /// The calls of each source: of each document, or of all of them where they are read as one.
    pub document: Limits,
    /// The calls of single nodes, over all sources.
    pub nodes: BTreeMap<NodeName, Limits>,
}

impl Budget {
    /// Returns this budget with what `other` gives in the place of what it gives.
    #[must_use]
    pub fn but(self, other: Self) -> Self {
        let mut nodes = self.nodes;
        nodes.extend(other.nodes);
        Self { run: self.run.but(other.run), document: self.document.but(other.document), nodes }
    }
}

/// What was set aside for a call of which no end is known.
#[derive(Debug, Clone, Copy)]
struct Open {
    amount: Spent,
    /// Whether the answer can be fetched later: then nothing of it is used before it is.
    kept: bool,
}

/// What a run has used so far, as its journal tells it.
#[derive(Debug, Clone, Default)]
pub struct Spending {
    run: Spent,
    /// The part of it that no answer came of.
    lost: Spent,
    slots: HashMap<Slot, Spent>,
    nodes: HashMap<NodeName, Spent>,
    /// What was set aside for calls of which no end is known.
    open: HashMap<CallSite, Open>,
}

impl Spending {
    /// Returns what all calls used.
    #[must_use]
    pub fn run(&self) -> Spent {
        self.run
    }

    /// Returns the part of it that no answer came of.
    #[must_use]
    pub fn lost(&self) -> Spent {
        self.lost
    }

    /// Returns what the calls of each slot used.
    #[must_use]
    pub fn slots(&self) -> &HashMap<Slot, Spent> {
        &self.slots
    }

    /// Returns what the calls of each node used.
    #[must_use]
    pub fn nodes(&self) -> &HashMap<NodeName, Spent> {
        &self.nodes
    }

    /// Counts what was set aside and never settled as used: a process that was killed cannot know whether a provider
    /// has answered, and charged.
    pub(super) fn close(&mut self) {
        for (site, open) in std::mem::take(&mut self.open) {
            if !open.kept {
                self.lose(&site, open.amount);
            }
        }
    }

    pub(super) fn set_aside(&mut self, site: &CallSite, amount: Spent, kept: bool) {
        if let Some(lost) = self.open.insert(site.clone(), Open { amount, kept }).filter(|open| !open.kept) {
            self.lose(site, lost.amount);
        }
    }

    /// A try gave no answer, and cost this.
    pub(super) fn miss(&mut self, site: &CallSite, amount: Spent) {
        self.open.remove(site);
        self.lose(site, amount);
    }

    fn lose(&mut self, site: &CallSite, amount: Spent) {
        self.lost = self.lost + amount;
        self.add(site, amount);
    }

    pub(super) fn settle(&mut self, site: &CallSite, amount: Spent) {
        self.open.remove(site);
        self.add(site, amount);
    }

    fn add(&mut self, site: &CallSite, amount: Spent) {
        self.run = self.run + amount;
        let slot = self.slots.entry(site.task.slot).or_default();
        *slot = *slot + amount;
        match self.nodes.get_mut(&site.task.node) {
            Some(node) => *node = *node + amount,
            None => drop(self.nodes.insert(site.task.node.clone(), amount)),
        }
    }
}
