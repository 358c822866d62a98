//! Problems of any length, drawn from a seed.

use std::collections::{BTreeSet, HashSet};

use super::super::draw::Draw;
use super::super::sets::{Countdown, Route};
use super::countdown::Search;
use super::route::{asked, hop, way};
use crate::text::{TokenCount, TokenCounter};

const SYLLABLES: [&str; 24] = [
    "ba", "bel", "cor", "da", "den", "fal", "ga", "gor", "hul", "ka", "kin", "la", "lun", "ma", "mor", "na",
    "nor", "pa", "ran", "sel", "ta", "tor", "va", "zen",
];

const TRANSITS: [&str; 4] = ["bus", "ferry", "plane", "train"];

/// Every so many cities there is one that is not on the route.
const ASIDE: usize = 8;

/// How many numbers a game has.
const NUMBERS: usize = 5;

/// The largest of them.
const LARGEST: usize = 50;

/// The largest target. Larger ones would be products of all numbers.
const LARGEST_TARGET: u64 = 9_999;

/// How many games are drawn before it is said that there is none so long.
const TRIES: usize = 100;

/// Draws a route whose lines have at least so many tokens.
pub(super) fn route(seed: u64, least: TokenCount, counter: &dyn TokenCounter) -> Route {
    let mut draw = Draw::new(seed);
    let mut known = HashSet::new();
    let mut city = city(&mut draw, &mut known);
    let start = city.clone();
    let (mut ways, mut lines, mut tokens) = (Vec::new(), Vec::new(), TokenCount(0));
    while tokens < least || lines.is_empty() {
        let (next, transit) = (self::city(&mut draw, &mut known), draw.one(&TRANSITS));
        ways.push(way(&city, &next, transit));
        if lines.len() % ASIDE == 0 {
            let aside = self::city(&mut draw, &mut known);
            ways.push(way(&aside, &next, draw.one(&TRANSITS)));
        }
        let line = hop(&city, &next, transit);
        tokens = tokens + counter.count(&line);
        lines.push(line);
        city = next;
    }
    draw.shuffle(&mut ways);
    ways.push(asked(&start, &city));
    (ways.join("\n"), lines)
}

/// A name that no city had before.
fn city(draw: &mut Draw, known: &mut HashSet<String>) -> String {
    loop {
        let name: String = (0..4).map(|_| draw.one(&SYLLABLES)).collect();
        let name = format!(
            "{}{}",
            name.get(..1).unwrap_or_default().to_uppercase(),
            name.get(1..).unwrap_or_default()
        );
        if known.insert(name.clone()) {
            return name;
        }
    }
}

/// Draws a game that is not won before at least so many tokens were written of the search; none where no game is so long.
pub(super) fn countdown(seed: u64, least: TokenCount, counter: &dyn TokenCounter) -> Option<Countdown> {
    let mut draw = Draw::new(seed);
    (0..TRIES).find_map(|_| {
        let mut numbers = Vec::new();
        while numbers.len() < NUMBERS {
            let number = draw.below(LARGEST) as u64 + 1;
            if !numbers.contains(&number) {
                numbers.push(number);
            }
        }
        let target = target(&numbers, least, counter)?;
        Some((numbers, target))
    })
}

/// A number that the search comes upon late, and not before.
fn target(numbers: &[u64], least: TokenCount, counter: &dyn TokenCounter) -> Option<u64> {
    // No search comes upon the largest number there is.
    let mut search = Search::new(numbers.to_vec(), u64::MAX);
    let (mut early, mut tokens) = (BTreeSet::new(), TokenCount(0));
    while let Some(line) = search.step() {
        let value = search.value();
        if tokens < least {
            // Behind the comma stands a target that is not the one to come.
            let equation = line.split_once(',').map_or(line.as_str(), |(equation, _)| equation);
            tokens = tokens + counter.count(equation);
            early.extend(value);
        } else if let Some(target) = value.filter(|value| (1..=LARGEST_TARGET).contains(value))
            && !early.contains(&target)
        {
            return Some(target);
        }
    }
    None
}
