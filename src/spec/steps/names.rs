//! What changes in a step that is put into another workflow: the names that it mentions, and its seeds.

use super::super::workflow::StepSpec;
use super::reading::Order;
use super::subworkflow::Binding;
use super::vote::Tie;
use crate::name::NodeName;

impl StepSpec {
    /// Returns every mention of a node in the step.
    pub fn nodes_mut(&mut self) -> Vec<&mut NodeName> {
        match self {
            Self::Split(step) => vec![&mut step.reader],
            Self::Fold(step) => std::iter::once(&mut step.over).chain(step.with.values_mut()).collect(),
            Self::Map(step) => std::iter::once(&mut step.over).chain(step.with.values_mut()).collect(),
            Self::Reduce(step) => std::iter::once(&mut step.over).chain(step.with.values_mut()).collect(),
            Self::Call(step) => {
                step.grounded_in.iter_mut().chain(&mut step.memory).chain(step.with.values_mut()).collect()
            }
            Self::Quote(step) => vec![&mut step.over],
            Self::Gather(step) => vec![&mut step.over],
            Self::Retrieve(step) => std::iter::once(&mut step.over).chain(&mut step.from).collect(),
            Self::Rank(step) => std::iter::once(&mut step.over).chain(step.with.values_mut()).collect(),
            Self::Filter(step) => std::iter::once(&mut step.over).chain(step.with.values_mut()).collect(),
            Self::Vote(step) => {
                let tie = if let Tie::Node(node) = &mut step.tie { Some(node) } else { None };
                step.over.nodes_mut().iter_mut().chain(tie).collect()
            }
            Self::Judge(step) => step.over.nodes_mut().iter_mut().chain(step.with.values_mut()).collect(),
            Self::Extract(step) => step.over.iter_mut().chain(step.with.values_mut()).collect(),
            Self::Write(step) => vec![&mut step.from],
            Self::Recall(step) => vec![&mut step.reader],
            Self::Remember(step) => {
                std::iter::once(&mut step.answer).chain(&mut step.recalled).chain(&mut step.summary).collect()
            }
            Self::Iterate(step) => step.with.values_mut().collect(),
            Self::Gate(step) => vec![&mut step.show],
            Self::Route(step) => {
                let cases = step.cases.iter_mut().map(|case| &mut case.take);
                [&mut step.on, &mut step.otherwise].into_iter().chain(cases).collect()
            }
            Self::Workflow(step) => step.inputs.values_mut().filter_map(Binding::node_mut).collect(),
        }
    }

    /// Raises the seeds of the step itself; that of its agent is the agent's.
    pub fn reseed(&mut self, by: u64) {
        if let Self::Fold(fold) = self
            && let Order::Shuffled(seed) = &mut fold.order
        {
            *seed = seed.wrapping_add(by);
        }
    }
}
