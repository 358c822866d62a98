//! A long chat with a process that is killed again and again: no turn is half, none is lost but the one under way, nothing is
//! forgotten, and no prompt grows past its ceiling.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;

use longhand::run::Event;
use longhand::store::{Store, StoreError};

use crate::longhand::Longhand;

/// The ceiling that the shipped workflow promises.
const CEILING: u64 = 3_500;

/// What is told early, and a question for it that uses other words, too.
const FACTS: [(&str, &str); 6] = [
    ("My dog Balthasar was born in Kaunas.", "Where was Balthasar born?"),
    ("The lighthouse of Skagen burned in 1880.", "When did the lighthouse of Skagen burn?"),
    ("The key of the boathouse hangs behind the icon.", "Where does the boathouse key hang?"),
    ("Aunt Philippa is allergic to walnuts.", "What is aunt Philippa allergic to?"),
    ("We agreed on 340 crowns for the millstone.", "How many crowns for the millstone?"),
    ("My locksmith is called Ottokar.", "What is my locksmith called?"),
];

/// Numbers that look random and are the same in every run of the test.
fn drawn(number: u64) -> u64 {
    let mixed = (number + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed ^ (mixed >> 29)).wrapping_mul(0xD1B5_4A32_D192_ED03) >> 24
}

/// The turn of the first fact.
const FIRST: u64 = 2;

/// What is said in a turn: the facts in every third of the early turns, and things of every day.
fn said(turn: u64) -> String {
    let at = turn
        .checked_sub(FIRST)
        .filter(|after| after % 3 == 0)
        .and_then(|after| usize::try_from(after / 3).ok());
    let fact = at.and_then(|at| FACTS.get(at));
    if let Some((fact, _)) = fact {
        return (*fact).to_owned();
    }
    let pick = |of: [&'static str; 5], salt| of[usize::try_from(drawn(turn * 7 + salt) % 5).unwrap()];
    let who = pick(["the carpenter", "our neighbour", "the postman", "a sailor", "the miller"], 1);
    let what = pick(["brought rope", "asked for bread", "spoke of the rain", "mended a net", "sold eels"], 2);
    let place = pick(["at the pier", "by the canal", "near the church", "in the yard", "on the dyke"], 3);
    format!("Entry {turn}: today {who} {what} {place}.")
}

/// Lets a process live until it has answered so often, and some looks longer; says how often it answered.
fn live(
    longhand: &Longhand,
    turns: std::ops::RangeInclusive<u64>,
    kill_after: Option<(usize, u64)>,
) -> usize {
    let args = ["chat", "-s", "long", "--model", "scripted:said.yaml", "--embedder", "none", "--quiet"];
    let mut child = longhand.spawn(longhand.command(&args).stdin(Stdio::piped()).stderr(Stdio::null()));
    let mut stdin = child.stdin.take().unwrap();
    let lines: String = turns.flat_map(|turn| [said(turn), "\n".to_owned()]).collect();
    // The pipe takes less than a long chat, so somebody else writes; who is killed reads no more, which is no failure.
    let writing = std::thread::spawn(move || drop(stdin.write_all(lines.as_bytes())));
    let mut answers = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut heard = 0;
    let answered = |line: &str| line.contains("Noted.");
    while let Some(Ok(line)) = answers.next() {
        heard += usize::from(answered(&line));
        if let Some((_, looks)) = kill_after.filter(|(after, _)| heard >= *after) {
            (0..looks).for_each(|_| std::thread::yield_now());
            child.kill().unwrap();
            break;
        }
    }
    heard += answers.map_while(Result::ok).filter(|line| answered(line)).count();
    child.wait().unwrap();
    writing.join().unwrap();
    heard
}

/// The tokens of every prompt of the session, by run.
fn prompts(longhand: &Longhand) -> BTreeMap<String, u64> {
    let store = Store::open(&longhand.home().join("store/sessions/long")).unwrap();
    let mut found = BTreeMap::new();
    for run in store.runs().unwrap() {
        for entry in store.read_run(&run).unwrap().entries() {
            let entry: Result<(u64, Event), StoreError> = entry;
            if let (_, Event::Called(call)) = entry.unwrap() {
                found.insert(run.to_string(), call.response.usage.prompt_tokens.0);
            }
        }
    }
    found
}

fn chat(turns: u64, kills: u64) {
    let longhand = Longhand::new();
    longhand.file("said.yaml", "rules:\n  - {when: '', say: Noted.}\n");
    let mut kept = 0;
    for kill in 0..kills {
        let most = (turns / kills).max(1) * 3 / 2;
        let moment = (usize::try_from(drawn(kill) % most + 1).unwrap(), drawn(kill + 1_000) % 3_000);
        let heard = live(&longhand, kept + 1..=turns, Some(moment));
        let now = longhand.session("long").len() as u64;
        let heard = u64::try_from(heard).unwrap();
        assert!(
            now + 1 >= kept + heard,
            "kill {kill}: {heard} answers were heard after {kept}, and {now} turns are kept"
        );
        kept = now;
    }
    live(&longhand, kept + 1..=turns, None);
    let session = longhand.session("long");
    assert_eq!(session.len() as u64, turns);
    for (turn, episode) in (1..).zip(&session) {
        assert_eq!(episode["turn"], turn, "numbers have no gap");
        let words: Vec<&str> =
            episode["said"].as_array().unwrap().iter().map(|said| said["text"].as_str().unwrap()).collect();
        assert_eq!(words, [said(turn).as_str(), "Noted."], "turn {turn} is whole");
    }
    let prompts = prompts(&longhand);
    assert!(prompts.len() as u64 >= turns);
    let most = prompts.values().copied().max().unwrap();
    assert!(most <= CEILING, "{most}");
    let asked: Vec<String> = FACTS.iter().map(|(_, question)| format!("/recall {question}\n")).collect();
    let told = longhand.typed("long", &format!("{}/quit\n", asked.concat()));
    for (fact, _) in FACTS {
        assert!(told.stdout.contains(fact), "{fact} {}", told.shown());
    }
    println!("{turns} turns, {kills} kills, at most {most} tokens in a prompt");
}

#[test]
fn a_long_chat_outlives_its_kills() {
    chat(300, 8);
}

#[test]
#[ignore = "takes minutes without optimization"]
fn a_chat_of_a_thousand_turns_outlives_twenty_kills() {
    chat(1_000, 20);
}
