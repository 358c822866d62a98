//! A turn that is killed leaves the session as before or as after it.

use std::process::Stdio;

use super::MODEL;
use crate::longhand::Longhand;

#[test]
fn a_turn_that_is_killed_is_not_begun_or_done() {
    let longhand = Longhand::new();
    longhand.say("k", "The lighthouse burned in 1880.");
    // Each kill comes at the first moment that the log tells of a stage of the turn.
    for stage in ["recalled", "asks", "called"] {
        let before = longhand.session("k").len();
        let args = ["chat", "--session", "k", "--message", "When did it burn?", "--json"];
        let mut command = longhand.command(&[&args[..], &MODEL[..]].concat());
        let mut working = longhand.begin_as(command.stdin(Stdio::null()));
        working.until(stage);
        working.kill();
        longhand.wait(working);
        let after = longhand.session("k");
        assert!(after.len() == before || after.len() == before + 1, "{stage}");
        for episode in &after {
            assert_eq!(episode["said"].as_array().unwrap().len(), 2, "{stage}: a turn is whole");
        }
        let next = longhand.say("k", "And who kept it?");
        assert_eq!(next.code, Some(0), "{stage}: {}", next.shown());
        assert_eq!(next.json()["turn"], after.len() + 1, "{stage}");
    }
}
