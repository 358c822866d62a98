//! The numbers game: all of some numbers are to be combined to a target with the four operations. The problems, their solver, and
//! a check of answers that knows nothing of it.

const ASKED: &str = "Combine the numbers ";
const TARGET: &str = " with + - * / to reach ";

/// The operations, in the order in which they are tried.
const OPERATIONS: [char; 4] = ['+', '-', '*', '/'];

/// What is asked in a problem.
pub(super) fn asked(numbers: &[u64], target: u64) -> String {
    let numbers: Vec<String> = numbers.iter().map(u64::to_string).collect();
    format!(
        "{ASKED}{}{TARGET}{target}. Use each of them once, and whole numbers only.\n\
         Conclude with one equation a line, each with two numbers that are given or were reached before.",
        numbers.join(", ")
    )
}

/// Tells whether an answer uses each number once, in equations that hold, and ends with the target.
pub(super) fn solves(numbers: &[u64], target: u64, answer: &str) -> bool {
    let mut left = numbers.to_vec();
    let mut take = |number: u64| {
        let at = left.iter().position(|one| *one == number)?;
        Some(left.swap_remove(at))
    };
    let mut results = Vec::new();
    for line in answer.trim().lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [one, sign, other, "=", result] = words.as_slice() else { return false };
        let (Ok(one), Ok(other), Ok(result)) =
            (one.parse::<u64>(), other.parse::<u64>(), result.parse::<u64>())
        else {
            return false;
        };
        let holds = match *sign {
            "+" => one.checked_add(other) == Some(result),
            "-" => one.checked_sub(other) == Some(result),
            "*" => one.checked_mul(other) == Some(result),
            "/" => other != 0 && result.checked_mul(other) == Some(one),
            _ => false,
        };
        let mut used = |number: u64| {
            let reached = results.iter().position(|one| *one == number);
            reached.map(|at| results.swap_remove(at)).or_else(|| take(number))
        };
        if !holds || used(one).is_none() || used(other).is_none() {
            return false;
        }
        results.push(result);
    }
    left.is_empty() && results == [target]
}

/// A search under way, depth first. Where it stands is a number for each choice on the way there.
#[derive(Debug, Clone)]
pub(super) struct Search {
    numbers: Vec<u64>,
    target: u64,
    at: Vec<usize>,
    over: bool,
}

/// What some choices lead to.
struct Reached {
    equations: Vec<String>,
    left: Vec<u64>,
}

impl Search {
    pub(super) fn new(numbers: Vec<u64>, target: u64) -> Self {
        Self { numbers, target, at: Vec::new(), over: false }
    }

    /// Reads a problem.
    pub(super) fn read(question: &str) -> Option<Self> {
        let (numbers, target) = question.split_once(ASKED)?.1.split_once(TARGET)?;
        let numbers = numbers.split(", ").map(|number| number.parse().ok()).collect::<Option<_>>()?;
        Some(Self::new(numbers, target.split_once('.')?.0.parse().ok()?))
    }

    /// Tries the next combination that there is and returns its line; none where one is found or none is left.
    pub(super) fn step(&mut self) -> Option<String> {
        if self.over || self.is_found() {
            return None;
        }
        loop {
            let goes_deeper = self.reached().is_some_and(|reached| reached.left.len() > 1);
            if goes_deeper {
                self.at.push(0);
            } else if !self.turn() {
                self.over = true;
                return None;
            }
            if let Some(reached) = self.reached() {
                return Some(self.line(&reached));
            }
        }
    }

    /// Turns to the next choice, on the level above where there is none on this one.
    fn turn(&mut self) -> bool {
        while let Some(choice) = self.at.pop() {
            let numbers = self.numbers.len().saturating_sub(self.at.len());
            let choices = numbers * numbers.saturating_sub(1) / 2 * OPERATIONS.len();
            if choice + 1 < choices {
                self.at.push(choice + 1);
                return true;
            }
        }
        false
    }

    fn line(&self, reached: &Reached) -> String {
        let equation = reached.equations.last().map_or("", String::as_str);
        match reached.left.as_slice() {
            [number] if *number == self.target => format!("{equation}, found."),
            [_] => format!("{equation}, not {}.", self.target),
            several => {
                let left: Vec<String> = several.iter().map(u64::to_string).collect();
                format!("{equation}, which leaves {}.", left.join(" "))
            }
        }
    }

    /// What the choices lead to; none where one of them cannot be made.
    fn reached(&self) -> Option<Reached> {
        let mut reached = Reached { equations: Vec::new(), left: self.numbers.clone() };
        for choice in &self.at {
            let (one, other) = pair(reached.left.len(), choice / OPERATIONS.len())?;
            let (other, one) = (reached.left.remove(other), reached.left.remove(one));
            let (large, small) = (one.max(other), one.min(other));
            let sign = OPERATIONS.get(choice % OPERATIONS.len())?;
            let result = match sign {
                '+' => large.checked_add(small),
                '-' => large.checked_sub(small),
                '*' => large.checked_mul(small),
                _ => large.checked_div(small).filter(|_| large.is_multiple_of(small)),
            }?;
            reached.equations.push(format!("{large} {sign} {small} = {result}"));
            reached.left.push(result);
        }
        Some(reached)
    }

    /// The number that is left where all were combined.
    pub(super) fn value(&self) -> Option<u64> {
        match self.reached()?.left.as_slice() {
            [number] => Some(*number),
            _ => None,
        }
    }

    fn is_found(&self) -> bool {
        self.value() == Some(self.target)
    }

    /// What must be known to go on.
    pub(super) fn state(&self) -> String {
        let at: Vec<String> = self.at.iter().map(usize::to_string).collect();
        format!("searched as far as {}{}", at.join("."), if self.over { "the end" } else { "" })
    }

    /// Goes on from a state.
    pub(super) fn go_on(mut self, state: &str) -> Option<Self> {
        let at = state.strip_prefix("searched as far as ")?;
        if at == "the end" {
            self.over = true;
            return Some(self);
        }
        self.at = at.split('.').map(|choice| choice.parse().ok()).collect::<Option<_>>()?;
        Some(self)
    }

    /// The conclusion.
    pub(super) fn answer(&self) -> String {
        match self.reached() {
            Some(reached) if reached.left == [self.target] => reached.equations.join("\n"),
            _ => "They cannot be combined to it.".to_owned(),
        }
    }
}

/// The positions of a pair of so many things.
fn pair(things: usize, mut number: usize) -> Option<(usize, usize)> {
    for one in 0..things {
        let with = things - one - 1;
        if number < with {
            return Some((one, one + 1 + number));
        }
        number -= with;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_checked_to_the_number() {
        let numbers = [21, 16, 17, 26];
        for (answer, right) in [
            ("21 + 16 = 37\n26 - 17 = 9\n37 + 9 = 46", true),
            ("26 - 17 = 9\n21 + 16 = 37\n37 + 9 = 46\n", true),
            ("21 + 16 = 37\n26 - 17 = 9\n37 + 9 = 45", false),
            ("21 + 16 = 37\n37 + 9 = 46", false),
            ("21 + 21 = 42\n42 + 16 = 58", false),
            ("21 + 16 = 37\n26 - 17 = 9", false),
            ("17 - 26 = 9", false),
            ("46", false),
            ("", false),
        ] {
            assert_eq!(solves(&numbers, 46, answer), right, "{answer}");
        }
        assert!(solves(&[8, 2, 2], 2, "8 / 2 = 4\n4 - 2 = 2"));
        assert!(!solves(&[7, 2], 3, "7 / 2 = 3"));
    }

    #[test]
    fn a_search_finds_what_there_is_and_says_where_there_is_nothing() {
        let question = asked(&[21, 16, 17, 26], 46);
        let mut search = Search::read(&question).unwrap();
        let mut lines = Vec::new();
        while let Some(line) = search.step() {
            lines.push(line);
        }
        assert_eq!(lines[..2], ["21 + 16 = 37, which leaves 17 26 37.", "26 + 17 = 43, which leaves 37 43."]);
        assert!(solves(&[21, 16, 17, 26], 46, &search.answer()), "{}", search.answer());
        let mut none = Search::read(&asked(&[1, 1], 50)).unwrap();
        assert_eq!(std::iter::from_fn(|| none.step()).count(), 4);
        assert_eq!(none.answer(), "They cannot be combined to it.");
        let again = Search::read(&asked(&[1, 1], 50)).unwrap().go_on(&none.state()).unwrap();
        assert_eq!(again.clone().step(), None);
        assert!(Search::read("What is seven and one?").is_none());
    }

    #[test]
    fn a_search_goes_on_from_wherever_it_stands() {
        let question = asked(&[3, 5, 7, 50], 36);
        let mut whole = Search::read(&question).unwrap();
        let lines: Vec<String> = std::iter::from_fn(|| whole.step()).collect();
        let mut stopped = Search::read(&question).unwrap();
        for line in &lines {
            assert_eq!(stopped.step().as_ref(), Some(line));
            stopped = Search::read(&question).unwrap().go_on(&stopped.state()).unwrap();
        }
        assert_eq!((stopped.step(), stopped.answer()), (None, whole.answer()));
    }
}
