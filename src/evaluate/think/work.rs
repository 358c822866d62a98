//! Work on a problem of either kind, a step at a time.

use super::countdown::Search;
use super::route::Walk;

/// A problem, and how far it is worked on.
#[derive(Debug, Clone)]
pub(super) enum Work<'a> {
    /// A route between cities.
    Walk(Walk<'a>),
    /// The numbers game.
    Search(Search),
}

impl<'a> Work<'a> {
    /// Reads a problem; none where it is of neither kind.
    pub(super) fn read(question: &'a str) -> Option<Self> {
        Walk::read(question).map(Self::Walk).or_else(|| Search::read(question).map(Self::Search))
    }

    /// Makes a step and returns its line; none where nothing is left to do.
    pub(super) fn step(&mut self) -> Option<String> {
        match self {
            Self::Walk(walk) => walk.step(),
            Self::Search(search) => search.step(),
        }
    }

    /// What must be known to go on. It does not grow with the number of steps, but for the digits of a number.
    pub(super) fn state(&self) -> String {
        match self {
            Self::Walk(walk) => walk.state(),
            Self::Search(search) => search.state(),
        }
    }

    /// Goes on from a state; none where it is none.
    pub(super) fn go_on(self, state: &'a str) -> Option<Self> {
        match self {
            Self::Walk(walk) => walk.go_on(state).map(Self::Walk),
            Self::Search(search) => search.go_on(state).map(Self::Search),
        }
    }

    /// The conclusion.
    pub(super) fn answer(&self) -> String {
        match self {
            Self::Walk(walk) => walk.answer(),
            Self::Search(search) => search.answer(),
        }
    }
}
