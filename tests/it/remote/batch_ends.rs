//! Batches that end otherwise than they should: what was done is kept and paid once, and the rest is told of and can be
//! handed in again.

use serde_json::Value;

use super::batch::{RUN, batched, command, expected, is_whole, left, resume, run};
use super::{project, reader, results};
use crate::longhand::{Ended, Longhand};
use crate::support::provider::{Batches, End, Provider};

const NOT_FOR_BATCHES: End =
    End::Failed { code: "model_not_supported", message: "The model is not for batches." };
const NO_MEANS: End =
    End::Failed { code: "billing_hard_limit_reached", message: "The billing hard limit is reached." };
const CROWDED: End =
    End::Failed { code: "token_limit_exceeded", message: "Enqueued token limit reached for some-model." };

/// A provider whose batches end so, and documents to ask it about.
fn asking(ends: &'static [End], documents: usize) -> (Provider, Longhand) {
    let provider = Provider::start(batched(Batches { polls: 2, ends, ..Batches::default() }));
    let longhand = project(&provider, ", price: {input: 1, output: 2}", documents);
    (provider, longhand)
}

/// Has what failed of a run asked for again.
fn retry(longhand: &Longhand, ended: &Ended) -> Ended {
    let report = ended.json();
    run(longhand, &["runs", "resume", report["run"].as_str().unwrap(), "--retry-failed", "--json"])
}

fn sizes(provider: &Provider) -> Vec<usize> {
    provider.ledger().batches.iter().map(Vec::len).collect()
}

/// What is told of the documents that failed.
fn causes(ended: &Ended) -> Vec<String> {
    let report = ended.json();
    let failed = report["failed"].as_array().unwrap();
    failed.iter().map(|one| one["error"].as_str().unwrap().to_owned()).collect()
}

/// The right answers that the report has: as many as were given, and each that of its document.
fn are_right(ended: &Ended, count: usize, documents: usize) {
    let all = expected(documents);
    let right = results(&ended.json());
    assert_eq!(right.iter().filter(|one| all.contains(one)).count(), count, "{}", ended.shown());
}

#[test]
fn of_a_batch_that_fails_whole_the_reason_is_told_and_nothing_is_paid() {
    for (end, reason) in [
        (
            &[NOT_FOR_BATCHES, End::Completed],
            "the batch failed: model_not_supported: The model is not for batches.",
        ),
        // A person may wait longer than the agent does.
        (&[CROWDED, End::Completed], "the batch failed: token_limit_exceeded: Enqueued token limit reached"),
    ] {
        let (provider, longhand) = asking(end, 6);
        let ended = run(&longhand, &RUN);
        assert_eq!(ended.code, Some(1), "{}", ended.shown());
        let told = causes(&ended);
        assert!(told.len() == 6 && told.iter().all(|cause| cause.contains(reason)), "{told:?}");
        assert!(ended.stderr.contains(reason), "{}", ended.shown());
        assert_eq!((ended.json()["lost"].clone(), provider.ledger().charged().total()), (Value::Null, 0));
        assert_eq!(left(&longhand), Vec::<String>::new());
        is_whole(&longhand, &provider, &retry(&longhand, &ended), 6);
        assert_eq!(sizes(&provider), [6, 6]);
    }
}

#[test]
fn a_batch_that_fails_for_want_of_means_stops_the_run_until_there_are_some() {
    let (provider, longhand) = asking(&[NO_MEANS, End::Completed], 6);
    let ended = run(&longhand, &RUN);
    assert_eq!(ended.code, Some(6), "{}", ended.shown());
    let report = ended.json();
    assert_eq!((&report["outcome"], &report["lost"]), (&"no_model".into(), &Value::Null));
    assert!(
        ended.stderr.contains("billing_hard_limit_reached") && ended.stderr.contains("runs resume"),
        "{}",
        ended.shown()
    );
    is_whole(&longhand, &provider, &resume(&longhand), 6);
    assert_eq!(sizes(&provider), [6, 6]);
}

#[test]
fn of_a_batch_that_somebody_cancels_the_answers_count_and_the_rest_can_be_asked_for() {
    let (provider, longhand) = asking(&[End::Cancelled, End::Completed], 8);
    let ended = run(&longhand, &RUN);
    assert_eq!(ended.code, Some(5), "{}", ended.shown());
    let told = causes(&ended);
    assert!(
        told.len() == 4 && told.iter().all(|cause| cause.contains("somebody cancelled the batch")),
        "{told:?}"
    );
    are_right(&ended, 4, 8);
    assert_eq!((provider.ledger().answered.len(), ended.json()["lost"].clone()), (4, Value::Null));
    is_whole(&longhand, &provider, &retry(&longhand, &ended), 8);
    assert_eq!(sizes(&provider), [8, 4]);
}

#[test]
fn a_batch_that_is_cancelled_before_anything_was_done_has_cost_nothing() {
    let (provider, longhand) = asking(&[End::Cancelled, End::Completed], 1);
    let ended = run(&longhand, &RUN);
    assert_eq!(ended.code, Some(1), "{}", ended.shown());
    assert_eq!(ended.json()["usage"]["calls"].as_u64().unwrap_or_default(), 0);
    assert_eq!((provider.ledger().answered.len(), ended.json()["lost"].clone()), (0, Value::Null));
    is_whole(&longhand, &provider, &retry(&longhand, &ended), 1);
}

#[test]
fn of_a_batch_that_expires_only_the_rest_is_handed_in_again() {
    let (provider, longhand) = asking(&[End::Expired, End::Completed], 8);
    let ended = run(&longhand, &RUN);
    is_whole(&longhand, &provider, &ended, 8);
    assert_eq!(sizes(&provider), [8, 4]);
    let (provider, longhand) = asking(&[End::Expired, End::Completed], 8);
    longhand.file("agents/reader.yaml", reader("tries: 1, "));
    let ended = run(&longhand, &RUN);
    assert_eq!(ended.code, Some(5), "{}", ended.shown());
    let told = causes(&ended);
    assert!(told.len() == 4 && told.iter().all(|cause| cause.contains("batch_expired")), "{told:?}");
    are_right(&ended, 4, 8);
    is_whole(&longhand, &provider, &retry(&longhand, &ended), 8);
    assert_eq!(sizes(&provider), [8, 4]);
}

#[test]
fn a_run_that_was_killed_keeps_what_was_done_of_a_batch_that_ended_meanwhile() {
    for (ends, code) in [(&[End::Expired, End::Completed], 0), (&[End::Cancelled, End::Completed], 5)] {
        let (provider, longhand) = asking(ends, 8);
        let mut working = longhand.begin_as(&mut command(&longhand, &RUN, 60_000));
        working.until("looked at a batch");
        working.kill();
        longhand.wait(working);
        let mut ended = resume(&longhand);
        assert_eq!(ended.code, Some(code), "{}", ended.shown());
        if code != 0 {
            are_right(&ended, 4, 8);
            ended = retry(&longhand, &ended);
        }
        is_whole(&longhand, &provider, &ended, 8);
        assert_eq!(sizes(&provider), [8, 4]);
    }
}
