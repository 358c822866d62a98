//! `iterate` and `route`.

use super::{nodes, only_run, prepared, prompts, run};

#[test]
fn rounds_end_with_the_first_that_is_enough_and_each_sees_the_one_before() {
    let longhand = prepared();
    let ended = run(&longhand, "until.yaml", &["a.md"]);
    assert_eq!(ended.code, Some(0), "{}", ended.shown());
    assert_eq!(ended.json()["summaries"][0]["text"], "three and DONE");
    let calls = prompts(&longhand);
    assert_eq!(nodes(&calls), ["kind", "draft", "draft", "draft"]);
    assert_eq!(calls[1].1, "Draft 1 of 5 from a letter.\nBefore: ");
    assert_eq!(calls[3].1, "Draft 3 of 5 from a letter.\nBefore: two");
}

#[test]
fn rounds_end_at_the_cap_and_can_see_all_that_was_said() {
    let longhand = prepared();
    let ended = run(&longhand, "capped.yaml", &["a.md"]);
    assert_eq!(ended.json()["summaries"][0]["text"], "two");
    let calls = prompts(&longhand);
    assert_eq!(calls[1].1, "Draft 2. [one]");
    assert_eq!(calls.len(), 2);
}

#[test]
fn what_only_branches_not_taken_need_never_runs() {
    let longhand = prepared();
    longhand.file("c.md", "Short.");
    let ended = run(&longhand, "mixed.yaml", &["a.md", "b.md", "c.md", "-o", "out"]);
    assert_eq!(ended.code, Some(7), "{}", ended.shown());
    let report = ended.json();
    let asked = |slot: &str| -> std::collections::BTreeSet<String> {
        let calls = report["calls"].as_array().unwrap().iter().filter(|call| call["slot"] == slot);
        calls.map(|call| call["node"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(asked("0"), ["draft", "kind", "read"].map(str::to_owned).into());
    assert_eq!(asked("1"), ["again.0.read", "again.1.read", "joined", "kind"].map(str::to_owned).into());
    assert_eq!(asked("2"), ["kind", "parts", "useful"].map(str::to_owned).into());
}

#[test]
fn a_route_of_the_archive_takes_the_sources_up_again() {
    let longhand = prepared();
    let ended = run(&longhand, "late.yaml", &["a.md", "b.md"]);
    assert_eq!(ended.code, Some(0), "{}", ended.shown());
    let calls = prompts(&longhand);
    assert_eq!(nodes(&calls), ["kind", "kind", "about", "extra", "extra", "more"]);
    assert_eq!(calls[5].1, "Join one one");
    let report = longhand.run(&["runs", "show", &only_run(&longhand), "--json"]).json();
    assert_eq!(report["outcome"], "succeeded");

    // With one source there is no archive, so nothing needs more than its output.
    let alone = prepared();
    run(&alone, "late.yaml", &["b.md"]);
    assert_eq!(nodes(&prompts(&alone)), ["kind"]);
}
