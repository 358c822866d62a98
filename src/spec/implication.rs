//! Which conditions follow from which: what is needed to tell a case of a route that no text can reach.
//!
//! Sound and not complete: what is said to follow does follow for every text, and not all that follows is found. Regular
//! expressions are compared as they are written.

use super::condition::Condition;

/// How many comparisons are made at most; conditions that a person wrote need a few.
const MOST: u32 = 10_000;

impl Condition {
    /// Tells whether it can be seen that every text that meets this condition meets `other`, too.
    #[must_use]
    pub fn implies(&self, other: &Self) -> bool {
        follows(self, other, &mut { MOST })
    }

    /// Tells whether it can be seen that no text meets the condition.
    #[must_use]
    pub fn holds_never(&self) -> bool {
        never(self, &mut { MOST })
    }

    /// Tells whether it can be seen that every text meets this condition or `other`.
    #[must_use]
    pub fn leaves_nothing_with(&self, other: &Self) -> bool {
        Self::Not(Box::new(self.clone())).implies(other)
    }
}

fn follows(a: &Condition, b: &Condition, left: &mut u32) -> bool {
    use Condition::{All, Any, Contains, Equals, Matches, Not};
    let Some(fewer) = left.checked_sub(1) else { return false };
    *left = fewer;
    if a == b {
        return true;
    }
    match (a, b) {
        (Any(parts), _) if !parts.is_empty() => parts.iter().all(|part| follows(part, b, left)),
        (_, All(parts)) if !parts.is_empty() => parts.iter().all(|part| follows(a, part, left)),
        (All(parts), _) if parts.iter().any(|part| follows(part, b, left)) => true,
        (_, Any(parts)) if parts.iter().any(|part| follows(a, part, left)) => true,
        (_, Any(parts)) => covers(parts, left),
        (All(_), _) => never(a, left),
        (_, Matches(pattern)) if pattern.is_met_by_every_text() => true,
        (Not(part), _) if never_fails(part, left) => true,
        (Not(inner), Not(outer)) => follows(outer, inner, left),
        (_, Not(part)) if never(part, left) => true,
        (Contains(long), Contains(short)) => long.contains(short.as_str()),
        (Equals(whole), Contains(part)) => whole.trim().contains(part.as_str()),
        (Equals(whole), Equals(other)) => whole.trim() == other.trim(),
        (Equals(whole), Not(part)) => match part.as_ref() {
            Equals(other) => whole.trim() != other.trim(),
            // Blanks around the text could hold the part where it begins or ends with one.
            Contains(part) => part.trim() == part && !part.is_empty() && !whole.contains(part.as_str()),
            _ => false,
        },
        _ => false,
    }
}

/// Tells whether one of the parts holds where another does not.
fn covers(parts: &[Condition], left: &mut u32) -> bool {
    parts.iter().any(|part| {
        // Each is held against all of them.
        *left = left.saturating_sub(u32::try_from(parts.len()).unwrap_or(u32::MAX));
        if *left == 0 {
            return false;
        }
        let negated = Condition::Not(Box::new(part.clone()));
        parts.contains(&negated) || never_fails(part, left)
    })
}

fn never(condition: &Condition, left: &mut u32) -> bool {
    let Some(fewer) = left.checked_sub(1) else { return false };
    *left = fewer;
    match condition {
        Condition::Not(part) => never_fails(part, left),
        Condition::Any(parts) => !parts.is_empty() && parts.iter().all(|part| never(part, left)),
        Condition::All(parts) => {
            let excludes = |part: &Condition, left: &mut u32| {
                let not = |other: &Condition| Condition::Not(Box::new(other.clone()));
                parts.iter().any(|other| follows(part, &not(other), left))
            };
            parts.iter().any(|part| never(part, left) || excludes(part, left))
        }
        Condition::Contains(_) | Condition::Matches(_) | Condition::Equals(_) => false,
    }
}

fn never_fails(condition: &Condition, left: &mut u32) -> bool {
    let Some(fewer) = left.checked_sub(1) else { return false };
    *left = fewer;
    match condition {
        Condition::Matches(pattern) => pattern.is_met_by_every_text(),
        Condition::Not(part) => never(part, left),
        Condition::Any(parts) => covers(parts, left),
        Condition::All(parts) => !parts.is_empty() && parts.iter().all(|part| never_fails(part, left)),
        Condition::Contains(_) | Condition::Equals(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::condition::tests::{condition, conditions};

    #[test]
    fn what_follows_is_seen_through_every_form() {
        let cases = [
            ("contains: abc", "contains: b"),
            ("equals: ' yes '", "contains: es"),
            ("equals: yes", "not: {equals: no}"),
            ("equals: yes", "not: {contains: no}"),
            ("not: {contains: b}", "not: {contains: abc}"),
            ("any: [{equals: a}, {contains: ab}]", "contains: a"),
            ("all: [{contains: ab}, {contains: c}]", "any: [{equals: z}, {contains: a}]"),
            ("contains: z", "matches: '.*'"),
            ("contains: z", "any: [{contains: a}, {not: {contains: a}}]"),
            ("all: [{equals: a}, {equals: b}]", "contains: z"),
        ];
        for (a, b) in cases {
            assert!(condition(a).implies(&condition(b)), "{a} => {b}");
            assert!(!condition(b).implies(&condition(a)) || a == b, "{b} => {a}");
        }
        assert!(condition("all: [{contains: a}, {not: {contains: a}}]").holds_never());
        assert!(condition("contains: ab").leaves_nothing_with(&condition("not: {contains: abc}")));
        assert!(!condition("contains: abc").leaves_nothing_with(&condition("not: {contains: ab}")));
    }

    proptest! {
        #[test]
        fn what_is_said_of_all_texts_holds_of_each(a in conditions(), b in conditions(), text in "[ab ]{0,5}") {
            if a.implies(&b) && a.holds(&text) {
                prop_assert!(b.holds(&text), "{a:?} => {b:?}: {text:?}");
            }
            prop_assert!(!(a.holds_never() && a.holds(&text)), "{a:?}: {text:?}");
            if a.leaves_nothing_with(&b) {
                prop_assert!(a.holds(&text) || b.holds(&text), "{a:?} or {b:?}: {text:?}");
            }
        }
    }
}
