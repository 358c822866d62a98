//! The symbolic model alone, and through the shipped workflow.

use std::sync::Arc;

use proptest::prelude::*;

use super::solve::Solved;
use super::symbolic::{Manner, SymbolicModel};
use super::work::Work;
use super::{ONE_CHAIN, Problem, ThinkBench, generate};
use crate::graph::{Workflow, compile};
use crate::model::{ChatModel as _, ChatRequest, ChatResponse, Message, StopReason};
use crate::run::{RoundAnswer, RoundsEnd};
use crate::spec::Catalog;
use crate::text::{ApproximateCounter, TokenCount, TokenCounter as _};

fn workflow() -> Workflow {
    compile(&Catalog::load(None).unwrap(), "inftythink").unwrap()
}

fn drawn(routes: bool, seed: u64, tokens: u64) -> Problem {
    let least = TokenCount(tokens);
    if routes {
        Problem::route(generate::route(seed, least, &ApproximateCounter))
    } else {
        Problem::countdown(generate::countdown(seed, least, &ApproximateCounter).unwrap())
    }
}

fn ran<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn solved(problem: &Problem, segment: u64, manner: Manner) -> Solved {
    let spool = tempfile::tempdir().unwrap();
    let workflow = workflow();
    let bench = ThinkBench {
        workflow: &workflow,
        spool: spool.path(),
        counter: Arc::new(ApproximateCounter),
        segments: &[],
        progress: &|_| {},
    };
    ran(bench.solve(&problem.question, segment, manner)).unwrap()
}

fn answered(manner: Manner, messages: Vec<Message>, most: u64) -> ChatResponse {
    let model = SymbolicModel::new(manner, Arc::new(ApproximateCounter));
    let stop = vec!["</summary>".to_owned()];
    let request = ChatRequest { stop, ..ChatRequest::new(messages, TokenCount(most)) };
    ran(model.chat(&request, None)).unwrap()
}

#[test]
fn generated_problems_are_the_same_for_a_seed_and_as_long_as_asked() {
    for routes in [true, false] {
        let problem = drawn(routes, 7, 2_000);
        assert_eq!(problem.question, drawn(routes, 7, 2_000).question);
        assert_ne!(problem.question, drawn(routes, 8, 2_000).question);
        let mut work = Work::read(&problem.question).unwrap();
        let tokens: TokenCount =
            std::iter::from_fn(|| work.step()).map(|line| ApproximateCounter.count(&line)).sum();
        assert!(tokens >= TokenCount(2_000), "{tokens}");
    }
}

#[test]
fn a_round_ends_with_the_state_and_the_next_goes_on_from_it() {
    let problem = drawn(true, 1, 1_000);
    let first = answered(Manner::Trained, vec![Message::user(&problem.question)], 100);
    assert_eq!(first.stop, StopReason::StopText);
    let RoundAnswer::Summary { thought, summary } = RoundAnswer::read(&first.text, first.stop) else {
        panic!("{}", first.text)
    };
    let mut work = Work::read(&problem.question).unwrap();
    let steps: Vec<String> = thought.lines().map(|_| work.step().unwrap()).collect();
    assert_eq!((thought, &summary), (steps.join("\n"), &work.state()));
    let begun = Message::assistant(format!("<history>{summary}</history>"));
    let second = answered(Manner::Trained, vec![Message::user(&problem.question), begun], 100);
    let next = work.step().unwrap();
    assert!(second.text.starts_with(&format!("<think>\n{next}\n")), "{}", second.text);
}

#[test]
fn what_cannot_be_read_is_said() {
    let said = |messages| answered(Manner::Trained, messages, 100).text;
    assert_eq!(said(vec![Message::user("What is seven and one?")]), "I cannot read this problem.");
    let begun = Message::assistant("<history>nothing of use</history>");
    let question = drawn(true, 1, 100).question;
    assert_eq!(said(vec![Message::user(question), begun]), "I cannot go on from this summary.");
}

#[test]
fn rounds_that_are_cut_are_mended_and_nothing_is_lost() {
    for routes in [true, false] {
        let problem = drawn(routes, 3, 1_000);
        let mended = solved(&problem, 100, Manner::Careless);
        let whole = solved(&problem, ONE_CHAIN, Manner::Trained);
        assert_eq!((mended.answer, mended.end), (whole.answer.clone(), Some(RoundsEnd::Concluded)));
        assert!(mended.recovered > 5 && whole.recovered == 0, "{}", mended.recovered);
        assert!(problem.is_solved(&whole));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn an_answer_is_never_longer_than_the_request_lets_it_be(
        routes: bool,
        seed in 0_u64..1_000,
        most in 1_u64..300,
        steps in 0_usize..40,
        careless: bool,
        cut: bool,
    ) {
        let problem = drawn(routes, seed, 300);
        let mut work = Work::read(&problem.question).unwrap();
        let lines: Vec<String> = std::iter::from_fn(|| work.step()).take(steps).collect();
        let mut messages = vec![Message::user(&problem.question)];
        if cut {
            let begun = format!("<think>\n{}\n</think>\n<summary>\n", lines.join("\n"));
            messages.push(Message::assistant(begun));
        } else if steps > 0 {
            messages.push(Message::assistant(format!("<history>{}</history>", work.state())));
        }
        let manner = if careless { Manner::Careless } else { Manner::Trained };
        let answer = answered(manner, messages, most);
        prop_assert!(answer.usage.completion_tokens <= TokenCount(most));
        prop_assert!(ApproximateCounter.count(&answer.text) <= answer.usage.completion_tokens);
        prop_assert!(!answer.text.contains("</summary>"));
    }

    #[test]
    fn the_answer_does_not_depend_on_the_length_of_rounds(
        routes: bool,
        seed in 0_u64..1_000,
        segment in 64_u64..600,
        careless: bool,
    ) {
        let problem = drawn(routes, seed, 600);
        let manner = if careless { Manner::Careless } else { Manner::Trained };
        let (some, one) = (solved(&problem, segment, manner), solved(&problem, ONE_CHAIN, Manner::Trained));
        prop_assert_eq!(some.answer, one.answer);
        prop_assert_eq!(some.strangers, 0);
        prop_assert!(careless || some.thoughts == one.thoughts);
    }
}
