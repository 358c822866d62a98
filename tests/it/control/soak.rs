//! `kill -9` at two hundred moments over a workflow with every kind of step that asks or steers: nothing that is journaled
//! is asked again, and the end is the same to the byte, in the report and in every file that was written.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::PathBuf;
use std::process::{Child, Output};

use longhand::name::RunId;
use longhand::run::{Event, Outcome, RunState};

use super::mixed::{
    End, assert_everything_ran, command, decide_all, decisions, folder, journal, resume, sites, strings,
};
use crate::longhand::{Ended, Longhand};

/// Kills over the whole test.
const KILLS: u64 = 200;

/// Until what is seen from outside a process lives. Only the first kind waits for what the process says.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// So many calls were logged.
    Called(usize),
    /// The journal grew by so many bytes.
    Journaled(u64),
    /// It was looked at so often: before it has done anything, while it reads what is there, anywhere.
    Looked(u64),
    /// The names in the output folder changed so often: those of files that are being written are among them.
    Wrote(usize),
}

impl Moment {
    fn drawn(number: u64) -> Self {
        let (kind, number) = (number % 4, number / 4);
        let small = |below: u64| usize::try_from(number % below + 1).unwrap();
        match kind {
            0 => Self::Called(small(7)),
            1 => Self::Journaled(number % 9_000 + 1),
            // Most of what a process does it does soon.
            2 => Self::Looked((number >> 8) % (2 << (number % 16))),
            _ => Self::Wrote(small(3)),
        }
    }
}

/// Numbers that look random and are the same in every run of the test.
fn number(draw: u64) -> u64 {
    let mixed = (draw + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed ^ (mixed >> 29)).wrapping_mul(0xD1B5_4A32_D192_ED03) >> 24
}

/// A process as it is seen from outside.
struct Seen<'a> {
    longhand: &'a Longhand,
    log: File,
    said: String,
    /// How far the journal reached when the process began.
    journaled: u64,
    names: Vec<PathBuf>,
    changes: usize,
    looks: u64,
}

impl<'a> Seen<'a> {
    fn new(longhand: &'a Longhand) -> Self {
        let log = File::open(longhand.home().join("stderr")).unwrap();
        let mut seen = Self {
            longhand,
            log,
            said: String::new(),
            journaled: 0,
            names: Vec::new(),
            changes: 0,
            looks: 0,
        };
        (seen.journaled, seen.names) = (seen.length(), seen.listed());
        seen
    }

    /// How far the journals of all runs reach: a process may be killed before it has begun the run that it made.
    fn length(&self) -> u64 {
        let runs = fs::read_dir(self.longhand.home().join("store/runs")).into_iter().flatten();
        runs.filter_map(|run| fs::metadata(run.ok()?.path().join("records")).ok())
            .map(|file| file.len())
            .sum()
    }

    fn listed(&self) -> Vec<PathBuf> {
        let files = fs::read_dir(self.longhand.work().join("out")).into_iter().flatten();
        files.filter_map(|file| Some(file.ok()?.path())).collect()
    }

    fn has_come(&mut self, moment: Moment) -> bool {
        self.looks += 1;
        match moment {
            Moment::Called(calls) => {
                self.log.read_to_string(&mut self.said).unwrap();
                self.said.matches("called ").count() >= calls
            }
            Moment::Journaled(bytes) => self.length() >= self.journaled + bytes,
            Moment::Looked(looks) => self.looks > looks,
            Moment::Wrote(changes) => {
                let names = self.listed();
                self.changes += usize::from(names != self.names);
                self.names = names;
                self.changes >= changes
            }
        }
    }

    /// Kills the process when the moment has come; says whether it did, for the process may have ended before.
    fn kill_at(&mut self, child: &mut Child, moment: Moment) -> bool {
        while child.try_wait().unwrap().is_none() {
            if self.has_come(moment) {
                child.kill().unwrap();
                return true;
            }
            std::thread::yield_now();
        }
        false
    }
}

/// Runs a command until the moment, and returns how it ended where that came first. What it says goes into files, which
/// take in as much as there is while nobody reads.
fn live(longhand: &Longhand, args: &[String], moment: Option<Moment>) -> (Option<Ended>, String) {
    let [stdout, stderr] = ["stdout", "stderr"].map(|name| longhand.home().join(name));
    let mut command = longhand.command(&strings(args));
    command.env("LONGHAND_LOG", "longhand=debug");
    command.stdout(File::create(&stdout).unwrap()).stderr(File::create(&stderr).unwrap());
    let mut seen = Seen::new(longhand);
    let mut child = longhand.spawn(&mut command);
    let killed = moment.is_some_and(|moment| seen.kill_at(&mut child, moment));
    let status = child.wait().unwrap();
    let [stdout, stderr] = [stdout, stderr].map(|file| fs::read(file).unwrap());
    let ended = longhand.ended(Output { status, stdout, stderr });
    let log = ended.stderr.clone();
    (Some(ended).filter(|_| !killed), log)
}

/// Holds that nothing was asked that the journal had an answer to.
fn assert_nothing_repeated(log: &str, before: &[Event]) {
    let site = |site: &longhand::run::CallSite| {
        format!("node={} slot={} step={}", site.task.node, site.task.slot, site.step)
    };
    let answered: Vec<String> = sites(before).into_iter().map(site).collect();
    let asked = log.lines().filter_map(|line| line.split_once("asks ")?.1.split_once(" attempt="));
    for (asked, _) in asked {
        assert!(!answered.iter().any(|site| site == asked), "asked again after it was journaled: {asked}");
    }
}

/// Where a kill met the run, for whoever reads the output of the test.
fn place(before: &[Event], after: &[Event]) -> &'static str {
    let called = |events: &[Event]| events.iter().any(|event| matches!(event, Event::Called(_)));
    match after.last() {
        None => "before the run began",
        Some(_) if after.len() == before.len() => "while the run was taken up",
        Some(Event::Ended { .. } | Event::Writes { .. }) => "while files were written",
        Some(Event::Told) => "after all was told",
        Some(_) if !called(after) => "before the first call",
        Some(Event::Called(_)) => "after a call, before its task ended",
        Some(Event::Done { .. } | Event::Waits { .. }) => "between tasks",
        Some(_) => "while the run was taken up",
    }
}

/// How to go on with a run after its process was killed: by name, or by the same command where that takes it up.
fn go_on(command: &[String], run: &RunId, events: &[Event], by_name: bool) -> Vec<String> {
    let mut state = RunState::default();
    for event in events {
        state.apply(event);
    }
    if by_name || state.outcome() == Some(Outcome::Waiting) || state.is_told() {
        return resume(run, Vec::new());
    }
    command.to_vec()
}

/// One run, killed again and again until it is whole or the kills are used up.
struct Round<'a> {
    longhand: Longhand,
    kills: &'a mut u64,
    draws: &'a mut u64,
    places: &'a mut BTreeMap<&'static str, u64>,
}

impl Round<'_> {
    fn run(&mut self) -> End {
        let longhand = &self.longhand;
        let (command, store) = (command(longhand, 1), longhand.home().join("store"));
        let (mut args, mut before) = (command.clone(), Vec::new());
        loop {
            *self.draws += 1;
            let number = number(*self.draws);
            let moment = (*self.kills < KILLS).then(|| Moment::drawn(number));
            let (ended, log) = live(longhand, &args, moment);
            assert_nothing_repeated(&log, &before);
            let (run, after) =
                journal(&store).map_or((None, Vec::new()), |(run, events)| (Some(run), events));
            assert!(after.starts_with(&before), "the journal only grows");
            sites(&after);
            let place = if ended.is_some() { "ended before the moment" } else { place(&before, &after) };
            if moment.is_some() {
                *self.places.entry(place).or_default() += 1;
            }
            *self.kills += u64::from(ended.is_none());
            args = match (run, ended) {
                (None, _) => command.clone(),
                (Some(run), None) => go_on(&command, &run, &after, number >> 20 & 1 == 0),
                (Some(run), Some(ended)) if ended.code == Some(7) => resume(&run, decisions(&ended.json())),
                (Some(run), Some(ended)) => return End::of(longhand, &run, &ended),
            };
            before = after;
        }
    }
}

#[test]
fn a_run_that_is_killed_at_any_moment_repeats_nothing_and_ends_with_the_same_bytes() {
    let calm = folder();
    let first = calm.run(&strings(&command(&calm, 1)));
    let store = calm.home().join("store");
    let (run, _) = journal(&store).unwrap();
    let expected = decide_all(&calm, &run, first);
    let (_, events) = journal(&store).unwrap();
    assert_everything_ran(&events);

    let (mut kills, mut draws, mut places, mut rounds) = (0, 0, BTreeMap::new(), 0);
    while kills < KILLS {
        let mut round =
            Round { longhand: folder(), kills: &mut kills, draws: &mut draws, places: &mut places };
        assert_eq!(round.run(), expected);
        let (_, events) = journal(&round.longhand.home().join("store")).unwrap();
        assert_eq!(sites(&events).len(), expected.calls());
        rounds += 1;
    }
    println!("{kills} kills in {rounds} runs and {draws} processes: {places:#?}");
}
