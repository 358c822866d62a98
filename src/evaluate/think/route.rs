//! Routes between cities from each of which one way leads on: the problems, their solver, and what an answer to one must be.

use std::collections::HashMap;
use std::sync::Arc;

use crate::hash::ContentHash;

const WAY: &str = "You can travel from ";
const ASKED: &str = "give a route from ";

/// What is asked for beside the route. Any route has an answer of the same few words, so that what a round has to know of those
/// before it does not grow with their number.
pub(super) const FORM: &str =
    "Write one hop a line as you go. Conclude with the last city, the number of hops and their check value.";

/// What a way is told as in a problem.
pub(super) fn way(from: &str, to: &str, transit: &str) -> String {
    format!("{WAY}{from} to {to} by {transit}.")
}

/// What is asked in a problem.
pub(super) fn asked(from: &str, to: &str) -> String {
    format!("Please {ASKED}{from} to {to}.")
}

/// A hop of a route, as `LongProc` writes it.
pub(super) fn hop(from: &str, to: &str, transit: &str) -> String {
    format!("From {from}, take a {transit} to {to}.")
}

/// Hops that were made: how many, and eight digits that no other hops are likely to have.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Hops {
    number: u64,
    check: String,
}

impl Hops {
    fn none() -> Self {
        Self { number: 0, check: "0".repeat(8) }
    }

    fn and(&self, line: &str) -> Self {
        let check = ContentHash::of(format!("{}\n{line}", self.check).as_bytes()).short();
        Self { number: self.number + 1, check }
    }

    fn answer(&self, city: &str) -> String {
        format!("{city} after {} hops, check {}.", self.number, self.check)
    }
}

/// The answer that tells of this route and no other.
pub(super) fn answer(goal: &str, route: &[String]) -> String {
    route.iter().fold(Hops::none(), |hops, line| hops.and(line)).answer(goal)
}

/// The city that a hop leads to.
pub(super) fn end_of(hop: &str) -> &str {
    hop.rsplit_once(" to ").map_or("", |(_, city)| city.trim_end_matches('.'))
}

/// A route under way.
#[derive(Debug, Clone)]
pub(super) struct Walk<'a> {
    /// Where the way from each city leads, and what goes there.
    ways: Arc<HashMap<&'a str, (&'a str, &'a str)>>,
    goal: &'a str,
    city: &'a str,
    hops: Hops,
}

impl<'a> Walk<'a> {
    /// Reads a problem.
    pub(super) fn read(question: &'a str) -> Option<Self> {
        let way = |line: &'a str| {
            let (way, transit) = line.split_once(WAY)?.1.trim_end().strip_suffix('.')?.rsplit_once(" by ")?;
            let (from, to) = way.split_once(" to ")?;
            Some((from, (to, transit)))
        };
        let asked = question.lines().find_map(|line| line.split_once(ASKED))?.1;
        let (city, goal) = asked.trim_end().strip_suffix('.')?.split_once(" to ")?;
        let ways = Arc::new(question.lines().filter_map(way).collect());
        Some(Self { ways, goal, city, hops: Hops::none() })
    }

    /// Makes a hop and returns its line; none at the goal, and where no way leads on.
    pub(super) fn step(&mut self) -> Option<String> {
        let (to, transit) = *self.ways.get(self.city).filter(|_| self.city != self.goal)?;
        let line = hop(self.city, to, transit);
        self.hops = self.hops.and(&line);
        self.city = to;
        Some(line)
    }

    /// What must be known to go on.
    pub(super) fn state(&self) -> String {
        format!("{} hops, check {}, now in {}", self.hops.number, self.hops.check, self.city)
    }

    /// Goes on from a state.
    pub(super) fn go_on(mut self, state: &'a str) -> Option<Self> {
        let (hops, city) = state.split_once(", now in ")?;
        let (number, check) = hops.split_once(" hops, check ")?;
        self.hops = Hops { number: number.parse().ok()?, check: check.to_owned() };
        self.city = city;
        Some(self)
    }

    /// The conclusion.
    pub(super) fn answer(&self) -> String {
        if self.city == self.goal {
            self.hops.answer(self.city)
        } else {
            "There is no such route.".to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_is_walked_to_its_goal_and_goes_on_from_any_city_of_it() {
        let question = format!(
            "There are cities.\nB is a lively city. {}\nSt. A is a town. {}\n{}\n{}\n{FORM}",
            way("B", "Big C", "ferry"),
            way("St. A", "B", "bus"),
            way("Big C", "St. A", "train"),
            asked("St. A", "Big C")
        );
        let route = ["From St. A, take a bus to B.", "From B, take a ferry to Big C."].map(str::to_owned);
        let mut walk = Walk::read(&question).unwrap();
        assert_eq!(walk.step().as_ref(), Some(&route[0]));
        let state = walk.state();
        let mut later = Walk::read(&question).unwrap().go_on(&state).unwrap();
        assert_eq!([walk.step(), walk.step()], [Some(route[1].clone()), None]);
        assert_eq!([later.step(), later.step()], [Some(route[1].clone()), None]);
        assert_eq!((walk.answer(), later.answer()), (answer("Big C", &route), answer("Big C", &route)));
        assert_ne!(answer("Big C", &route[1..]), walk.answer());
        assert_eq!(end_of(&route[1]), "Big C");
    }

    #[test]
    fn a_route_that_leads_nowhere_is_said_to() {
        let question = format!("{}\n{}", way("A", "B", "bus"), asked("A", "C"));
        let mut walk = Walk::read(&question).unwrap();
        assert!(walk.step().is_some() && walk.step().is_none());
        assert_eq!(walk.answer(), "There is no such route.");
        assert!(Walk::read("What is seven and one?").is_none());
    }
}
