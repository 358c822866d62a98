//! What a question says of time: "last spring", "in May 2023", "the first time".

use crate::date::Day;
use crate::text::words;

/// A stretch of days that a question speaks of, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// Its first day.
    pub from: Day,
    /// Its last day.
    pub to: Day,
}

/// What a question says of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct When {
    /// The days that it speaks of.
    pub period: Option<Period>,
    /// Which end of the chat it asks for, where it asks for one.
    pub end: Option<End>,
}

/// One end of a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The beginning: "the first time", "originally".
    First,
    /// The present: "now", "the latest".
    Last,
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const FIRST: [&str; 6] = ["first", "originally", "initially", "earliest", "beginning", "began"];
const LAST: [&str; 7] = ["latest", "currently", "now", "nowadays", "recently", "newest", "current"];

/// Reads what `question`, asked on `today`, says of time. Names of months and seasons are English; a month without a year is
/// the last one before today, and "spring" and its like are those of the northern half of the earth.
///
/// ```
/// use longhand::date::Day;
/// use longhand::memory::when;
/// let period = when("What did we plan last spring?", Day::new(2024, 11, 2)).period.unwrap();
/// assert_eq!((period.from.to_string(), period.to.to_string()), ("2024-03-01".into(), "2024-05-31".into()));
/// ```
#[must_use]
pub fn when(question: &str, today: Option<Day>) -> When {
    let lower = question.to_lowercase();
    let said: Vec<&str> = words(&lower).collect();
    let end = said.iter().find_map(|word| {
        let first = FIRST.contains(word).then_some(End::First);
        first.or_else(|| LAST.contains(word).then_some(End::Last))
    });
    When { period: written_day(&said).or_else(|| named(&said, today)), end }
}

/// A day that is written out: `2024-05-01`, in whatever parts the words come.
fn written_day(said: &[&str]) -> Option<Period> {
    said.windows(3).find_map(|parts| {
        let [year, month, day] = parts else { return None };
        let day = Day::new(year_of(year)?, month.parse().ok()?, day.parse().ok()?)?;
        Some(Period { from: day, to: day })
    })
}

/// A period that is named: a day of a month, a month, a season, a year, or one seen from today.
fn named(said: &[&str], today: Option<Day>) -> Option<Period> {
    for (at, word) in said.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| said.get(at)).copied().unwrap_or_default();
        let after = |more: usize| said.get(at + more).copied().unwrap_or_default();
        if let Some(month) = month_of(word, before, after(1)) {
            let near = |number: &str| ordinal(number).filter(|day| (1..=31).contains(day));
            let day = near(before).or_else(|| near(after(1)));
            let year = [1, 2].into_iter().find_map(|more| year_of(after(more)));
            let year = year.or_else(|| Some(last_year_with(month, today?)))?;
            let first = Day::new(year, month, 1)?;
            let whole = Period { from: first, to: first.plus_months(1).plus(-1) };
            let exact = day.and_then(|day| Day::new(year, month, day));
            return Some(exact.map_or(whole, |day| Period { from: day, to: day }));
        }
        if let Some(first_month) = season(word) {
            let year = year_of(after(1)).or_else(|| Some(last_year_with(first_month, today?)))?;
            let from = Day::new(year, first_month, 1)?;
            return Some(Period { from, to: from.plus_months(3).plus(-1) });
        }
        if matches!(before, "in" | "of" | "during" | "since")
            && let Some(year) = year_of(word)
        {
            return Some(Period { from: Day::new(year, 1, 1)?, to: Day::new(year, 12, 31)? });
        }
        if let Some(period) = today.and_then(|today| relative(word, before, today)) {
            return Some(period);
        }
    }
    None
}

/// A period seen from today: "yesterday", "last week".
fn relative(word: &str, before: &str, today: Day) -> Option<Period> {
    let of = |from: Day, to: Day| Some(Period { from, to });
    match (before, word) {
        (_, "yesterday") => of(today.plus(-1), today.plus(-1)),
        (_, "today") => of(today, today),
        ("last", "week") => {
            let monday = today.plus(-i32::from(today.weekday()) - 7);
            of(monday, monday.plus(6))
        }
        ("last", "month") => {
            let first = Day::new(today.year(), today.month(), 1)?;
            of(first.plus_months(-1), first.plus(-1))
        }
        ("last", "year") => of(Day::new(today.year() - 1, 1, 1)?, Day::new(today.year() - 1, 12, 31)?),
        _ => None,
    }
}

/// The month that a word names. `may` and `march` are also verbs, so they need a number or a preposition beside them.
fn month_of(word: &str, before: &str, after: &str) -> Option<i8> {
    let at = MONTHS.iter().position(|month| *month == word)?;
    let doubtful = matches!(word, "may" | "march");
    let dated = ordinal(before).is_some()
        || ordinal(after).is_some()
        || year_of(after).is_some()
        || matches!(before, "in" | "last" | "of" | "during" | "since" | "until");
    (!doubtful || dated).then(|| i8::try_from(at + 1).ok()).flatten()
}

/// The first month of a season.
fn season(word: &str) -> Option<i8> {
    match word {
        "spring" => Some(3),
        "summer" => Some(6),
        "autumn" => Some(9),
        "winter" => Some(12),
        _ => None,
    }
}

/// The year of the last time that a month began before today.
fn last_year_with(month: i8, today: Day) -> i16 {
    if month <= today.month() { today.year() } else { today.year() - 1 }
}

fn year_of(word: &str) -> Option<i16> {
    word.parse().ok().filter(|year| (1900..2200).contains(year))
}

fn ordinal(word: &str) -> Option<i8> {
    let digits = word.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let ending = word.get(digits.len()..).unwrap_or_default();
    matches!(ending, "" | "st" | "nd" | "rd" | "th").then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn period(question: &str) -> Option<String> {
        let found = when(question, Day::new(2024, 11, 13)).period?;
        Some(format!("{} {}", found.from, found.to))
    }

    #[test]
    fn periods_are_read_as_people_say_them() {
        for (question, expected) in [
            ("What happened on 7 May 2023?", "2023-05-07 2023-05-07"),
            ("What happened on May 7th, 2023?", "2023-05-07 2023-05-07"),
            ("Where was I in July?", "2024-07-01 2024-07-31"),
            ("And in December?", "2023-12-01 2023-12-31"),
            ("the winter 2022", "2022-12-01 2023-02-28"),
            ("what did I buy in 2021?", "2021-01-01 2021-12-31"),
            ("who called yesterday?", "2024-11-12 2024-11-12"),
            ("what did I say last week?", "2024-11-04 2024-11-10"),
            ("the notes of 2024-02-29 please", "2024-02-29 2024-02-29"),
        ] {
            assert_eq!(period(question).as_deref(), Some(expected), "{question}");
        }
        for question in ["May I ask something?", "They march on.", "I have 3 cats.", "in 99999 words", ""] {
            assert_eq!(period(question), None, "{question}");
        }
    }

    #[test]
    fn an_end_of_the_chat_is_asked_for() {
        assert_eq!(when("When did we first meet?", None).end, Some(End::First));
        assert_eq!(when("Where do I live now?", None).end, Some(End::Last));
        assert_eq!(when("Where is Rome?", None), When::default());
    }
}
