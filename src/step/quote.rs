//! `quote`: sentences of the source are scored, and the most useful ones are handed on verbatim.
//!
//! The quoting form of a chain. A small model that writes freely invents; one that may only point cannot. The words that
//! a sentence shares propose it, which costs nothing; the agent decides, which costs a call for each part that it reads.
//! Two forms of deciding are known: it names the number of one of the sentences that it is shown, or the step measures
//! how much likelier it finds the question after reading a sentence. What is handed on are quotes with their spans,
//! bounded in tokens, the least useful dropped first.

use super::StepError;
use super::context::RunContext;
use super::selection::{Scored, most_useful, varied};
use super::statement::statements;
use super::usefulness::{Usefulness, beside, chosen, fused, likelier};
use crate::agent::Ask;
use crate::graph::Node;
use crate::model::OutputForm;
use crate::run::{CallSite, Quote, TaskId, Value};
use crate::spec::{AgentSpec, QuoteScore, QuoteSpec};
use crate::text::{Chunk, TokenCount, TokenCounter, one_line};

pub(super) async fn run(
    context: &RunContext,
    task: &TaskId,
    node: &Node,
    spec: &QuoteSpec,
) -> Result<Value, StepError> {
    let agent = RunContext::agent(node)?;
    let inputs = context.inputs_of(task)?;
    let question = spec.question.as_ref().and_then(|input| inputs.get(input.as_str()));
    let question = question.map_or("", |text| text.trim());
    let chunks = context.chunks(&spec.over, task.slot)?;
    let mut candidates = Vec::new();
    for (position, chunk) in chunks.iter().enumerate() {
        candidates.extend(statements(position, chunk, &context.chunk_text(chunk)?, question.is_empty()));
    }
    let usefulness = Usefulness::new(candidates, question);
    if usefulness.most_covered() < spec.at_least {
        return Ok(Value::Quotes(Vec::new()));
    }
    let reading = Reading {
        context,
        task,
        agent,
        question,
        chunks: &chunks,
        usefulness: &usefulness,
        counter: context.models.of(agent)?.counter(),
        room: TokenCount(spec.keep_tokens),
    };
    let proposed = usefulness.proposed(spec.propose);
    let scored = match spec.score {
        QuoteScore::Choice => reading.choices(&proposed).await?,
        QuoteScore::Likelihood | QuoteScore::Fused if !question.is_empty() => {
            reading.likelihoods(&proposed, spec.score).await?
        }
        QuoteScore::Words | QuoteScore::Likelihood | QuoteScore::Fused => reading.words(&proposed),
    };
    let mut quotes = quotes(&reading.keep(scored));
    quotes.sort_by_key(|quote| (quote.document, quote.span));
    Ok(Value::Quotes(quotes))
}

/// One source as one agent reads it.
struct Reading<'a> {
    context: &'a RunContext,
    task: &'a TaskId,
    agent: &'a AgentSpec,
    /// Empty where the sentences are to stand for the document.
    question: &'a str,
    chunks: &'a [Chunk],
    usefulness: &'a Usefulness,
    counter: &'a dyn TokenCounter,
    room: TokenCount,
}

impl<'a> Reading<'a> {
    fn scored(&self, position: usize, score: f32) -> Option<Scored<'a>> {
        self.usefulness.candidate(position).map(|candidate| Scored { candidate, score })
    }

    fn words(&self, proposed: &[usize]) -> Vec<Scored<'a>> {
        proposed.iter().filter_map(|at| self.scored(*at, self.usefulness.words(*at))).collect()
    }

    fn keep(&self, scored: Vec<Scored<'a>>) -> Vec<Scored<'a>> {
        if self.question.is_empty() {
            varied(scored, self.room, self.counter)
        } else {
            most_useful(scored, self.room, self.counter)
        }
    }

    /// Shows the agent the proposed sentences of each chunk and what was chosen before; chunks without any are not shown.
    async fn choices(&self, proposed: &[usize]) -> Result<Vec<Scored<'a>>, StepError> {
        let mut kept: Vec<Scored<'a>> = Vec::new();
        for chunk in 0..self.chunks.len() {
            let of_chunk = self.usefulness.of_chunk(chunk);
            let start = proposed.partition_point(|at| *at < of_chunk.start);
            let end = proposed.partition_point(|at| *at < of_chunk.end);
            let shown = proposed.get(start..end).unwrap_or(&[]);
            let mut scores: Vec<f32> = shown.iter().map(|at| self.usefulness.words(*at)).collect();
            if shown.len() > 1 {
                let numbers = (1..=shown.len()).map(|number| number.to_string()).collect();
                let ask = self.ask(chunk, chunk, shown, &kept, OutputForm::Choice(numbers))?;
                let answer = self.context.caller().call(ask).await?.scores;
                if answer.len() == shown.len() {
                    scores =
                        scores.iter().zip(chosen(&answer)).map(|(words, it)| beside(*words, it)).collect();
                }
            }
            kept.extend(shown.iter().zip(scores).filter_map(|(at, score)| self.scored(*at, score)));
            kept = self.keep(kept);
        }
        Ok(kept)
    }

    /// Asks how likely the agent finds the question after reading nothing, and after reading each proposed sentence with
    /// the one before it.
    async fn likelihoods(&self, proposed: &[usize], score: QuoteScore) -> Result<Vec<Scored<'a>>, StepError> {
        if proposed.is_empty() {
            return Ok(Vec::new());
        }
        let before = self.likelihood(0, 0, &[]).await?;
        let mut scored = Vec::new();
        for (step, at) in (1..).zip(proposed) {
            let Some(candidate) = self.usefulness.candidate(*at) else { continue };
            let of_chunk = self.usefulness.of_chunk(candidate.chunk);
            let first = at.saturating_sub(1).max(of_chunk.start);
            let shown: Vec<usize> = (first..=*at).collect();
            let after = self.likelihood(step, candidate.chunk, &shown).await?;
            let words = self.usefulness.words(*at);
            let value = match (before, after) {
                (Some(before), Some(after)) if score == QuoteScore::Likelihood => likelier(after - before),
                (Some(before), Some(after)) => fused(words, likelier(after - before)),
                _ => words,
            };
            scored.extend(self.scored(*at, value));
        }
        Ok(scored)
    }

    /// Returns the mean log-probability of a token of the question; nothing where the model cannot tell.
    async fn likelihood(&self, step: usize, chunk: usize, shown: &[usize]) -> Result<Option<f32>, StepError> {
        let ask = self.ask(step, chunk, shown, &[], OutputForm::Score(self.question.to_owned()))?;
        let scores = self.context.caller().call(ask).await?.scores;
        #[expect(clippy::cast_precision_loss, reason = "a question has far fewer than 2^24 tokens")]
        let tokens = self.counter.count(self.question).0.max(1) as f32;
        Ok(scores.first().map(|sum| sum / tokens))
    }

    fn ask(
        &self,
        step: usize,
        chunk: usize,
        shown: &[usize],
        unit: &[Scored<'a>],
        output: OutputForm,
    ) -> Result<Ask<'a>, StepError> {
        let document = self.chunks.get(chunk).map(|chunk| chunk.document);
        let mut variables = self.context.variables(self.task, &std::collections::BTreeMap::new())?;
        if let Some(document) = document {
            variables.set("document", self.context.document_name(document));
        }
        let texts =
            shown.iter().filter_map(|at| self.usefulness.candidate(*at)).map(|one| one_line(&one.text));
        let sentence =
            |(number, text): (usize, String)| serde_json::json!({ "number": number, "text": text });
        variables.set("sentences", (1..).zip(texts).map(sentence).collect::<Vec<_>>());
        variables.set("unit", self.context.quote_values(&quotes(unit)));
        variables.set("index", chunk as u64 + 1);
        variables.set("count", self.chunks.len() as u64);
        let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        Ok(Ask {
            site: CallSite { task: self.task.clone(), step: number(step) },
            agent: self.agent,
            variables,
            output,
            document,
            chunk: Some(number(chunk)),
            earlier: Vec::new(),
            further: Vec::new(),
        })
    }
}

fn quotes(scored: &[Scored<'_>]) -> Vec<Quote> {
    let quote = |one: &Scored<'_>| Quote {
        document: one.candidate.document,
        span: one.candidate.span,
        text: one.candidate.text.clone(),
        score: one.score,
    };
    scored.iter().map(quote).collect()
}
