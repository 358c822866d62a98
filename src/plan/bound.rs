//! What a task can ask at most: one function for every kind of step whose longest answers are not its dearest.
//!
//! Two things hold of every prompt: it is no longer than the window without its answer, and joining texts adds no more
//! than the tokens that `split` sets aside for it. Prompts are taken to grow with the texts that they show.

use super::filler::filler;
use super::stand_in::{Asked, Tally, room};
use crate::graph::Node;
use crate::prompt::Variables;
use crate::run::{Quote, TaskId, Value};
use crate::spec::{AgentSpec, CallSpec, QuoteScore, QuoteSpec, ReduceSpec, StepSpec};
use crate::step::{RunContext, SEAMS, StepError};
use crate::text::{DocumentIndex, Span, TokenCount};

/// What a task can ask and yield at most.
#[derive(Debug)]
pub(super) struct Most {
    pub(super) tally: Tally,
    /// No value that the task can yield is rendered longer.
    pub(super) value: Value,
}

/// A task that was rehearsed with the longest answers.
#[derive(Debug)]
pub(super) struct Task<'a> {
    pub(super) context: &'a RunContext,
    pub(super) id: &'a TaskId,
    pub(super) node: &'a Node,
    pub(super) asked: Asked,
}

impl Task<'_> {
    /// Returns what the task can ask and yield at most, given how its rehearsal ended.
    pub(super) fn most(self, ended: Result<Value, StepError>) -> Result<Most, StepError> {
        let Self { context, id, node, asked } = self;
        // Nothing is left to be bounded.
        if asked.is_known() {
            return Ok(Most { tally: Tally::default(), value: ended? });
        }
        // Each question of an `extract` stands alone, and one that was answered well before is not sent back. All other
        // bounds are of all questions together, of which those that were answered before are a known part.
        let (asked, known) = match &node.step {
            StepSpec::Extract(_) => (asked.all - asked.known, Tally::default()),
            _ => (asked.all, asked.known),
        };
        let most = Open { context, id, node, asked }.most(ended)?;
        Ok(Most { tally: most.tally - known, ..most })
    }
}

/// A task of which not all is known.
#[derive(Debug)]
pub(super) struct Open<'a> {
    pub(super) context: &'a RunContext,
    pub(super) id: &'a TaskId,
    pub(super) node: &'a Node,
    /// What it asked in its rehearsal.
    pub(super) asked: Tally,
}

impl Open<'_> {
    fn most(&self, ended: Result<Value, StepError>) -> Result<Most, StepError> {
        match &self.node.step {
            // They ask nothing, or the same number of times whatever is answered.
            StepSpec::Split(_)
            | StepSpec::Gather(_)
            | StepSpec::Map(_)
            | StepSpec::Write(_)
            | StepSpec::Recall(_)
            | StepSpec::Remember(_)
            | StepSpec::Workflow(_)
            | StepSpec::Gate(_) => Ok(Most { tally: self.asked, value: ended? }),
            StepSpec::Fold(spec) => self.fold(spec, ended?),
            StepSpec::Call(spec) => self.call(spec, ended?),
            StepSpec::Quote(spec) => self.quote(spec, ended?),
            StepSpec::Reduce(spec) => self.reduce(spec, ended),
            StepSpec::Retrieve(spec) => self.retrieve(spec, ended?),
            StepSpec::Rank(spec) => self.rank(spec, ended?),
            StepSpec::Filter(spec) => ended.and_then(|_| self.filter(spec)),
            StepSpec::Vote(spec) => ended.and_then(|_| self.one_of(&spec.over)),
            StepSpec::Judge(spec) => ended.and_then(|_| self.one_of(&spec.over)),
            StepSpec::Iterate(spec) => ended.and_then(|_| self.iterate(spec)),
            StepSpec::Route(spec) => ended.and_then(|_| self.route(spec)),
            StepSpec::Extract(spec) => self.extract(spec, ended?),
        }
    }

    /// An answer that its quotes do not support gives way to one of them, which may be longer than an answer.
    fn call(&self, spec: &CallSpec, value: Value) -> Result<Most, StepError> {
        let agent = RunContext::agent(self.node)?;
        let counter = self.context.models.of(agent)?.counter();
        let quoted =
            match spec.grounded_in.as_ref().map(|node| self.context.value(self.id, node)).transpose()? {
                Some(Value::Quotes(quotes)) => quotes.iter().map(|quote| counter.count(&quote.text)).sum(),
                _ => TokenCount(0),
            };
        let answer = self.answer(agent)?;
        let value =
            if self.asked.calls == 0 { value } else { Value::Text(filler(answer.max(quoted), counter)) };
        Ok(Most { tally: self.asked, value })
    }

    /// Which sentences are kept is not known, only how many tokens of them: as many as can be, so each of one token, and
    /// all of them shown in every prompt.
    fn quote(&self, spec: &QuoteSpec, value: Value) -> Result<Most, StepError> {
        if self.asked.calls == 0 {
            return Ok(Most { tally: self.asked, value });
        }
        let agent = RunContext::agent(self.node)?;
        let model = self.context.models.of(agent)?;
        let document = self.longest_name();
        let shortest = filler(TokenCount(1), model.counter());
        let quote = Quote { document, span: Span { start: 0, end: 0 }, text: shortest, score: 0.0 };
        let quotes = vec![quote; usize::try_from(spec.keep_tokens).unwrap_or(usize::MAX)];
        let mut tally = self.asked;
        if spec.score == QuoteScore::Choice {
            let mut variables = self.context.variables(self.id, &std::collections::BTreeMap::new())?;
            variables.set("document", self.context.document_name(document));
            variables.set("sentences", Vec::<serde_json::Value>::new());
            variables.set("index", 1);
            variables.set("count", 1);
            let mut tokens = |shown: &[Quote]| {
                variables.set("unit", self.context.quote_values(shown));
                self.context.caller().prompt_tokens(agent, &variables)
            };
            let added = tokens(&quotes)?.saturating_sub(tokens(&[])?) + SEAMS;
            let room = room(&model.limits(), self.answer(agent)?);
            let all = TokenCount(self.asked.calls.saturating_mul(added.0));
            let held = TokenCount(self.asked.calls.saturating_mul(room.0));
            tally.prompt = (tally.prompt + all).min(held);
        }
        Ok(Most { tally, value: Value::Quotes(quotes) })
    }

    /// Shorter texts go into fewer prompts, but two that each stand alone where they are long may share one where they are
    /// short. So the number of calls is bounded level by level by the number of texts that always fit together.
    fn reduce(&self, spec: &ReduceSpec, ended: Result<Value, StepError>) -> Result<Most, StepError> {
        match ended {
            Ok(_) | Err(StepError::CannotMerge { .. }) => {}
            Err(error) => return Err(error),
        }
        let agent = RunContext::agent(self.node)?;
        let model = self.context.models.of(agent)?;
        let counter = model.counter();
        let answer = self.answer(agent)?;
        let texts = match self.context.value(self.id, &spec.over)? {
            Value::Texts(texts) => texts,
            Value::Text(text) => vec![text],
            Value::Chunks(_) | Value::Quotes(_) | Value::Records(_) => Vec::new(),
        };
        let longest = texts.iter().map(|text| counter.count(text)).max().unwrap_or_default().max(answer);
        let longest_text = filler(longest, counter);
        let count = texts.len() as u64;
        if count < 2 {
            return Ok(Most { tally: Tally::default(), value: Value::Text(longest_text) });
        }
        let prompts = Prompts {
            task: self,
            agent,
            shared: self.context.variables(self.id, &spec.with)?,
            text: longest_text,
            room: room(&model.limits(), answer),
        };
        let tally = prompts.merged(count, answer)?;
        Ok(Most { tally, value: Value::Text(prompts.text) })
    }

    pub(super) fn answer(&self, agent: &AgentSpec) -> Result<TokenCount, StepError> {
        Ok(TokenCount(agent.max_output).min(self.context.models.of(agent)?.limits().max_output))
    }

    /// The document of the task with the longest name: prompts may show it.
    fn longest_name(&self) -> DocumentIndex {
        let all = self.context.documents.iter().map(|document| document.index);
        all.max_by_key(|index| self.context.document_name(*index).len()).unwrap_or(DocumentIndex(0))
    }
}

/// The prompts of a merger over texts of the greatest length.
struct Prompts<'a> {
    task: &'a Open<'a>,
    agent: &'a AgentSpec,
    shared: Variables,
    text: String,
    room: TokenCount,
}

impl Prompts<'_> {
    fn tokens(&self, items: u64) -> Result<TokenCount, StepError> {
        let items = vec![self.text.as_str(); usize::try_from(items).unwrap_or(usize::MAX)];
        let mut variables = self.shared.clone();
        variables.set("items", items);
        Ok(self.task.context.caller().prompt_tokens(self.agent, &variables)? + SEAMS)
    }

    /// Returns how many of `count` texts always fit into one prompt.
    fn together(&self, count: u64) -> Result<u64, StepError> {
        let (mut fits, mut passes) = (1, 2);
        while passes <= count && self.tokens(passes)? <= self.room {
            fits = passes;
            passes = passes.saturating_mul(2);
        }
        passes = passes.min(count + 1);
        while passes - fits > 1 {
            let middle = fits.midpoint(passes);
            if self.tokens(middle)? <= self.room { fits = middle } else { passes = middle }
        }
        Ok(fits)
    }

    /// Returns what it takes at most to make one of `count` texts.
    fn merged(&self, count: u64, answer: TokenCount) -> Result<Tally, StepError> {
        let together = self.together(count)?;
        let (one, two) = (self.tokens(1)?, self.tokens(2)?);
        // The number of an item gains digits.
        let each = two.saturating_sub(one) + TokenCount(1);
        let fixed = one.saturating_sub(each) + TokenCount(1);
        let mut all = Tally::default();
        let mut left = count;
        while together > 1 && left > 1 {
            let groups = left.div_ceil(together);
            let texts = fixed.0.saturating_mul(groups).saturating_add(each.0.saturating_mul(left));
            let prompt = TokenCount(texts.min(self.room.0.saturating_mul(groups)));
            let completion = TokenCount(answer.0.saturating_mul(groups));
            all = all + Tally { calls: groups, prompt, completion };
            left = groups;
        }
        // Every call makes one text of at least two, and every text but the last goes into one prompt.
        let calls = count - 1;
        if together < 2 || all.calls > calls {
            let texts =
                fixed.0.saturating_mul(calls).saturating_add(each.0.saturating_mul(count + calls - 1));
            let prompt = TokenCount(texts.min(self.room.0.saturating_mul(calls)));
            return Ok(Tally { calls, prompt, completion: TokenCount(answer.0.saturating_mul(calls)) });
        }
        Ok(all)
    }
}
