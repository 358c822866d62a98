//! The desk over its folder, without a provider.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::desk::{Desk, Errand, PATIENCE};
use super::line::again;
use super::log::Log;

const GATHER: Duration = Duration::from_secs(2);

fn answer(line: &str) -> String {
    format!(r#"{{"custom_id":"{line}"}}"#)
}

/// Hands the basket in, and returns the number of its record.
async fn handed_in(desk: &Desk) -> usize {
    let Errand::Submit(basket) = desk.errand(GATHER).await else { panic!("a basket is due") };
    desk.enter(desk.log().begin("file", basket.lines).unwrap())
}

/// A batch is over, and only these lines have answers.
fn ended(desk: &Desk, number: usize, lines: &[&str]) {
    let answers: Vec<_> = lines.iter().map(|line| ((*line).to_owned(), answer(line))).collect();
    let mut record = desk.record(number).unwrap();
    let places = record.end(&answers).unwrap();
    desk.update(number, record);
    desk.close(number, answers, places, HashMap::new(), &again("missing"));
}

#[tokio::test(start_paused = true)]
async fn a_line_is_handed_in_once_however_many_ask() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::open(folder.path(), "m").unwrap();
    let began = Instant::now();
    let (first, second) = (desk.ask("a", String::new), desk.ask("a", String::new));
    let other = desk.ask("b", String::new);
    let number = handed_in(&desk).await;
    assert_eq!(began.elapsed(), GATHER);
    assert_eq!(desk.record(number).unwrap().lines, ["a", "b"]);
    let third = desk.ask("a", || panic!("it is handed in already"));
    ended(&desk, number, &["a"]);
    let mut shared = Vec::new();
    for asked in [first, second, third] {
        let said = asked.await.unwrap();
        assert_eq!(said.result.unwrap(), answer("a"));
        shared.push(said.shared);
    }
    assert_eq!(shared, [false, true, true], "one pays");
    assert!(other.await.unwrap().result.is_err());
    desk.taken("a");
    assert!(Log::open(folder.path(), "m").unwrap().1.is_empty());
    drop((desk.ask("a", String::new), desk.ask("b", String::new)));
    assert_eq!(desk.record(handed_in(&desk).await).unwrap().lines, ["a", "b"], "each is asked anew");
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_kept_until_it_is_journaled() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::open(folder.path(), "m").unwrap();
    drop((desk.ask("a", String::new), desk.ask("b", String::new)));
    let number = handed_in(&desk).await;
    ended(&desk, number, &["a", "b"]);
    for _ in 0..2 {
        let desk = Desk::open(folder.path(), "m").unwrap();
        let said = desk.ask("a", || panic!("it is kept")).await.unwrap();
        assert_eq!((said.result.unwrap(), said.shared), (answer("a"), false));
    }
    desk.taken("a");
    assert!(desk.ask("a", || panic!("nobody was given it")).await.is_ok());
    desk.taken("a");
    let desk = Desk::open(folder.path(), "m").unwrap();
    assert!(desk.ask("b", || panic!("it is kept")).await.is_ok());
    drop(desk.ask("a", String::new));
    assert_eq!(desk.record(handed_in(&desk).await).unwrap().lines, ["a"]);
}

#[tokio::test(start_paused = true)]
async fn an_open_batch_is_waited_for_when_it_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::open(folder.path(), "m").unwrap();
    drop(desk.ask("a", String::new));
    handed_in(&desk).await;
    let desk = Desk::open(folder.path(), "m").unwrap();
    let asked = desk.ask("a", || panic!("it is handed in"));
    let Errand::Follow(number) = desk.errand(GATHER).await else { panic!("a batch is due") };
    desk.put_off(number, &again("not now"));
    assert!(asked.await.unwrap().result.is_err());
    let asked = desk.ask("a", || panic!("it is handed in"));
    assert!(matches!(desk.errand(GATHER).await, Errand::Follow(_)));
    ended(&desk, number, &["a"]);
    assert!(asked.await.unwrap().result.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_basket_that_is_added_to_all_the_time_is_handed_in_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::open(folder.path(), "m").unwrap();
    let began = Instant::now();
    let trickle = async {
        for number in 0..u32::MAX {
            drop(desk.ask(&number.to_string(), String::new));
            tokio::time::sleep(GATHER / 2).await;
        }
    };
    tokio::select! {
        () = trickle => {}
        errand = desk.errand(GATHER) => assert!(matches!(errand, Errand::Submit(_))),
    }
    assert_eq!(began.elapsed(), GATHER * PATIENCE);
}
