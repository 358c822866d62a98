//! Finds numbers in prose: signs, separators of thousands, decimals, fractions, percent.

/// The last number of a text, as it stands there.
pub(super) fn last_number(text: &str) -> Option<&str> {
    numbers(text).last()
}

/// The first number of a text, as it stands there.
pub(super) fn first_number(text: &str) -> Option<&str> {
    numbers(text).next()
}

/// All numbers of a text, in order. A number within a word is none, nor is an ordinal.
fn numbers(text: &str) -> impl Iterator<Item = &str> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let rest = text.get(at..).filter(|rest| !rest.is_empty())?;
            let before = text.get(..at).unwrap_or("");
            if let Some(length) = beginning(before, rest) {
                at += length;
                let found = signed(before, rest.get(..length)?, text);
                if !is_ordinal(text.get(at..).unwrap_or("")) {
                    return Some(found);
                }
            } else {
                at += rest.chars().next()?.len_utf8();
            }
        }
    })
}

/// Returns how long the number is that begins here, where one does.
fn beginning(before: &str, rest: &str) -> Option<usize> {
    if let Some(length) = fraction_command(rest) {
        return Some(length);
    }
    if before.ends_with(|c: char| c.is_alphanumeric() || c == '_') {
        return None;
    }
    let starts = |rest: &str| rest.starts_with(|c: char| c.is_ascii_digit());
    let point = !before.ends_with('.') && rest.strip_prefix('.').is_some_and(starts);
    if !point && !starts(rest) {
        return None;
    }
    let mut length = whole(rest);
    let decimals = |from: usize| rest.get(from..).and_then(|rest| rest.strip_prefix('.')).map_or(0, digits);
    length += match decimals(length) {
        0 => 0,
        decimals => decimals + 1,
    };
    // 3/4 is one number; 1/2/2024 is a day.
    let below = rest.get(length..).and_then(|rest| rest.strip_prefix('/')).map_or(0, digits);
    let another = rest.get(length + 1 + below..).is_some_and(|rest| rest.starts_with('/'));
    if below > 0 && !another && !before.ends_with('/') {
        length += 1 + below;
    }
    let percent = ["%", "\\%", " %"]
        .into_iter()
        .find(|sign| rest.get(length..).is_some_and(|rest| rest.starts_with(sign)));
    Some(length + percent.map_or(0, str::len))
}

fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

/// How long the digits before the point are, with their separators.
fn whole(text: &str) -> usize {
    let mut length = digits(text);
    if !(1..=3).contains(&length) || text.starts_with('0') {
        return length;
    }
    while let Some(rest) = text.get(length..) {
        let separator = ["{,}", ",\\!", ","].into_iter().find(|separator| rest.starts_with(separator));
        let Some(separator) = separator else { break };
        if rest.get(separator.len()..).map_or(0, digits) != 3 {
            break;
        }
        length += separator.len() + 3;
    }
    length
}

/// The length of `\frac{1}{2}` and of `\frac12`, where it begins here.
fn fraction_command(rest: &str) -> Option<usize> {
    let name = ["\\frac", "\\dfrac", "\\tfrac"].into_iter().find(|name| rest.starts_with(name))?;
    let mut length = name.len();
    for _ in 0..2 {
        let part = rest.get(length..)?;
        length += match part.strip_prefix('{') {
            Some(inside) => {
                let minus = usize::from(inside.starts_with('-'));
                let digits = digits(inside.get(minus..)?);
                let closed = inside.get(minus + digits..)?.starts_with('}');
                (digits > 0 && closed).then_some(minus + digits + 2)?
            }
            None => part.starts_with(|c: char| c.is_ascii_digit()).then_some(1)?,
        };
    }
    Some(length)
}

/// A number with the sign before it, where that is no minus between two things; a currency may stand between them.
fn signed<'a>(before: &'a str, found: &'a str, text: &'a str) -> &'a str {
    let money = before.trim_end_matches(['$', '€', '£', '\\']);
    let Some(sign) = money.chars().next_back().filter(|c| matches!(c, '-' | '−')) else { return found };
    let outside = money.get(..money.len() - sign.len_utf8()).unwrap_or("");
    if outside.ends_with(|c: char| c.is_alphanumeric() || matches!(c, ')' | '}' | ']' | '-')) {
        return found;
    }
    text.get(outside.len()..before.len() + found.len()).unwrap_or(found)
}

fn is_ordinal(rest: &str) -> bool {
    ["st", "nd", "rd", "th"].into_iter().any(|ending| {
        rest.strip_prefix(ending).is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric()))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_stand_as_they_are_written() {
        let all = |text| numbers(text).collect::<Vec<_>>();
        assert_eq!(all("1,234,567.89 and 12,34"), ["1,234,567.89", "12", "34"]);
        assert_eq!(all("from 3-5 to -7, −8 and -$9"), ["3", "5", "-7", "−8", "-$9"]);
        assert_eq!(
            all(r"3/4, \frac{1}{2}, -\frac12, 50%, 5\%"),
            ["3/4", r"\frac{1}{2}", r"-\frac12", "50%", r"5\%"]
        );
        assert_eq!(all("H2O on the 2nd and the 3 rd, v1"), ["3"]);
        assert_eq!(all("1/2/2024 .5 3. 0.5."), ["1", "2", "2024", ".5", "3", "0.5"]);
    }

    proptest! {
        #[test]
        fn every_number_stands_in_the_text(text in any::<String>()) {
            for found in numbers(&text) {
                prop_assert!(text.contains(found) && !found.is_empty());
            }
        }

        #[test]
        fn a_number_is_found_behind_any_prose(number in 0_u32..1_000_000, prose in "[a-z ,.]{0,40}") {
            let number = number.to_string();
            let text = format!("{prose} {number} {prose}");
            prop_assert_eq!(last_number(&text), Some(number.as_str()));
        }
    }
}
