//! `iterate`: asks one agent again and again, each time with what it said before, until its answer meets a condition.
//!
//! Reasoning in rounds with a bounded memory (`InftyThink`, arXiv 2503.06692) is this step with `carry: summary`; refining a
//! draft until a critic is content is the same with `carry: last`.

use super::StepError;
use super::context::RunContext;
use crate::agent::Ask;
use crate::graph::Node;
use crate::model::{ChatResponse, OutputForm};
use crate::prompt::Variables;
use crate::run::{CallSite, Next, RoundAnswer, Rounds, RoundsRule, TaskId, Value};
use crate::spec::{AgentSpec, Amount, Carry, IterateSpec};

pub(super) async fn run(
    context: &RunContext,
    task: &TaskId,
    node: &Node,
    spec: &IterateSpec,
) -> Result<Value, StepError> {
    let mut agent = RunContext::agent(node)?.clone();
    let tokens = |amount: &Amount| context.amount(task, amount, Amount::MOST_TOKENS);
    agent.max_output = spec.round_tokens.as_ref().map(tokens).transpose()?.unwrap_or(agent.max_output);
    let rounds = context.amount(task, &spec.at_most, Amount::MOST_ROUNDS)?;
    let variables = context.variables(task, &spec.with)?;
    let mut asking = Asking { context, task, agent, variables, rounds, step: 0 };
    if spec.carry == Carry::Summary {
        let summary = spec.summary_tokens.as_ref().map(tokens).transpose()?;
        return asking.by_summaries(summary).await;
    }
    let mut said: Vec<String> = Vec::new();
    for round in 1..=rounds {
        match spec.carry {
            Carry::Last => asking.variables.set("previous", said.last().map_or("", String::as_str)),
            Carry::All => asking.variables.set("previous", said.as_slice()),
            Carry::Summary | Carry::None => {}
        }
        let answer = asking.ask(round).await?.text;
        let enough = spec.until.as_ref().is_some_and(|until| until.holds(&answer));
        said.push(answer);
        if enough {
            break;
        }
    }
    Ok(Value::Text(said.pop().unwrap_or_default()))
}

/// A step that asks its agent in rounds.
struct Asking<'a> {
    context: &'a RunContext,
    task: &'a TaskId,
    agent: AgentSpec,
    variables: Variables,
    rounds: u64,
    /// How many calls were made.
    step: u32,
}

impl Asking<'_> {
    /// Makes rounds that see the last summary only. `summary` is the most tokens of one that is asked for where a round has none.
    async fn by_summaries(&mut self, summary: Option<u64>) -> Result<Value, StepError> {
        let rule = RoundsRule {
            at_most: u32::try_from(self.rounds).unwrap_or(u32::MAX),
            summarizes: summary.is_some(),
            varies: self.agent.sampling.temperature > 0.0,
        };
        let (seed, round_tokens) = (self.agent.sampling.seed, self.agent.max_output);
        let mut rounds = Rounds::new(rule);
        loop {
            let round = u64::from(rounds.made()) + 1;
            self.variables.set("previous", rounds.summary());
            self.variables.set("thought", "");
            // A round that is made again would else be answered as it was before.
            self.agent.sampling.seed = seed.wrapping_add(u64::from(rounds.recovered()));
            let ChatResponse { text, stop, .. } = self.ask(round).await?;
            let mut next = rounds.answered(RoundAnswer::read(&text, stop));
            if let Next::Summarize(thought) = next {
                self.variables.set("thought", thought);
                self.agent.max_output = summary.unwrap_or(round_tokens);
                next = rounds.summarized(&self.ask(round).await?.text);
                self.agent.max_output = round_tokens;
            }
            if let Next::End(_) = next {
                return Ok(Value::Text(rounds.result().to_owned()));
            }
        }
    }

    async fn ask(&mut self, round: u64) -> Result<ChatResponse, StepError> {
        self.variables.set("round", round);
        self.variables.set("rounds", self.rounds);
        let ask = Ask {
            site: CallSite { task: self.task.clone(), step: self.step },
            agent: &self.agent,
            variables: self.variables.clone(),
            output: OutputForm::Text,
            document: None,
            chunk: None,
            earlier: Vec::new(),
            further: Vec::new(),
        };
        self.step += 1;
        Ok(self.context.caller().call(ask).await?)
    }
}
