//! `longhand eval think`: problems of our own (`tests/fixtures/think`), generated ones, and those of `LongProc` where they are there.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::longhand::{Ended, Longhand};

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/think")
}

fn measured(longhand: &Longhand, args: &[&str], data: &Path) -> Ended {
    let data = data.display().to_string();
    longhand.run(&[&["eval", "think", "--quiet", "--data", &data], args].concat())
}

/// The values of the figures whose name ends so.
fn figures(table: &Value, name: &str) -> Vec<f64> {
    let figures = table["figures"].as_array().unwrap().iter();
    let named = figures.filter(|figure| figure["name"].as_str().unwrap().ends_with(name));
    named.map(|figure| figure["value"].as_f64().unwrap()).collect()
}

#[test]
fn our_own_problems_are_solved_in_rounds_of_every_length() {
    let longhand = Longhand::new();
    let ended = measured(&longhand, &["routes", "countdown"], &fixture());
    assert_eq!(ended.code, Some(0), "{}", ended.shown());
    insta::assert_snapshot!(ended.stdout);
    let tables = measured(&longhand, &["routes", "countdown", "--json"], &fixture()).json();
    for table in tables.as_array().unwrap() {
        assert_eq!(figures(table, ": solved"), [4.0; 6], "{table}");
        assert!(figures(table, ": least slack of the bound").iter().all(|slack| *slack >= 0.0), "{table}");
    }
}

#[test]
fn generated_problems_take_at_least_fifty_rounds_and_work_that_grows_with_them() {
    let longhand = Longhand::new();
    let args = ["long-routes", "long-countdown", "--segment", "64", "--segment", "128"];
    let ended = measured(&longhand, &args, &fixture());
    assert_eq!(ended.code, Some(0), "{}", ended.shown());
    insta::assert_snapshot!(ended.stdout);
    assert_eq!(measured(&longhand, &args, &fixture()).stdout, ended.stdout);
}

#[test]
fn a_problem_that_is_not_solved_misses_the_aim() {
    let longhand = Longhand::new();
    longhand.file("data/longproc/countdown_0.5k.dev100.json", "[{\"nums\": [1, 1], \"target\": 50}]");
    let data = longhand.work().join("data");
    let ended = measured(&longhand, &["countdown", "--segment", "64", "--json"], &data);
    assert_eq!(ended.code, Some(8), "{}", ended.shown());
    assert_eq!(figures(&ended.json()[0], ": solved"), [0.0]);
    // One of a route that has a hop less than the way there.
    let routes = fs::read(fixture().join("longproc/path_traversal_0.5k.dev100.json")).unwrap();
    let mut routes: Value = serde_json::from_slice(&routes).unwrap();
    let shorter = routes[0]["answer_nl"].as_str().unwrap().split_once('\n').unwrap().1.to_owned();
    routes[0]["answer_nl"] = shorter.into();
    longhand.file("data/longproc/path_traversal_0.5k.dev100.json", routes.to_string());
    let ended = measured(&longhand, &["routes", "--segment", "64", "--json"], &data);
    assert_eq!(ended.code, Some(8), "{}", ended.shown());
    assert_eq!(figures(&ended.json()[0], ": solved"), [3.0]);
}

#[test]
fn what_is_missing_is_named_with_a_remedy() {
    let longhand = Longhand::new();
    let asked = measured(&longhand, &["routes"], &longhand.home());
    assert_eq!(asked.code, Some(1), "{}", asked.shown());
    for told in
        ["cannot measure `routes`", "longproc/path_traversal_0.5k.dev100.json", "--data", "inftythink.md"]
    {
        assert!(asked.stderr.contains(told), "{told}: {}", asked.shown());
    }
    let nowhere = longhand.run(&["eval", "think", "countdown"]);
    assert!(nowhere.code == Some(2) && nowhere.stderr.contains("LONGHAND_DATA"), "{}", nowhere.shown());
    let any = longhand.run(&["eval", "think", "--segment", "64", "--json"]);
    assert_eq!((any.code, any.json().as_array().unwrap().len()), (Some(0), 4), "{}", any.shown());
    for set in ["routes", "countdown"] {
        assert!(any.stderr.contains(&format!("skipped {set}: ")), "{set}: {}", any.shown());
    }
    longhand.file("data/longproc/countdown_0.5k.dev100.json", "[{\"nums\": [1, 1]}]");
    let broken = measured(&longhand, &["countdown"], &longhand.work().join("data"));
    assert!(broken.stderr.contains("problem 1 is not whole"), "{}", broken.shown());
}

#[test]
fn the_problems_of_longproc_are_solved_in_rounds_of_every_length() {
    let data = std::env::var_os("LONGHAND_DATA").map(PathBuf::from);
    let Some(data) = data.filter(|data| data.join("longproc").is_dir()) else {
        eprintln!(
            "skipped: `LONGHAND_DATA` names no folder with longproc; set it to the folder of evaluation data"
        );
        return;
    };
    let ended = measured(&Longhand::new(), &["routes", "countdown", "--json"], &data);
    assert_eq!(ended.code, Some(0), "{}", ended.shown());
    let tables = ended.json();
    for table in tables.as_array().unwrap() {
        assert_eq!(figures(table, ": solved"), [100.0; 6], "{table}");
    }
}
