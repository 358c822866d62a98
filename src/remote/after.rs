//! How long an endpoint asks to be left alone, in the spellings that are met. Pure: the time of day is given, and what
//! cannot be read is none.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

/// The longest wait that is believed: whatever asks for more has asked for this.
pub const LONGEST: Duration = Duration::from_hours(24);

/// From here on a bare number is seconds since 1970, and no wait of 31 years.
const EPOCH_SECONDS: f64 = 1e9;

/// From here on it is milliseconds since 1970.
const EPOCH_MILLIS: f64 = 1e12;

/// Returns how long an answer asks to be left alone: by `retry-after-ms`, and without it by `Retry-After`.
///
/// Dates are held against `now`, and where it is none against the date of the answer itself.
///
/// ```
/// use longhand::remote::after::retry_after;
/// use reqwest::header::{HeaderMap, HeaderValue};
/// use std::time::Duration;
///
/// let mut headers = HeaderMap::new();
/// headers.insert("retry-after", HeaderValue::from_static("2.5"));
/// assert_eq!(retry_after(&headers, None), Some(Duration::from_millis(2_500)));
/// headers.insert("retry-after-ms", HeaderValue::from_static("40"));
/// assert_eq!(retry_after(&headers, None), Some(Duration::from_millis(40)));
/// ```
#[must_use]
pub fn retry_after(headers: &HeaderMap, now: Option<SystemTime>) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let exact = text("retry-after-ms").and_then(|text| number(text.trim()));
    exact.map(|millis| seconds(millis / 1e3)).or_else(|| {
        let now = now.or_else(|| said_at(headers));
        text(RETRY_AFTER.as_str()).and_then(|text| wait(text, now))
    })
}

/// Returns the time of day at which an answer was made, as its own head says it.
#[must_use]
pub fn said_at(headers: &HeaderMap) -> Option<SystemTime> {
    headers.get(DATE)?.to_str().ok().and_then(|text| httpdate::parse_http_date(text).ok())
}

/// Reads a wait: seconds, a duration such as `6m0s`, an HTTP date, or a moment in ISO 8601 or in seconds since 1970.
///
/// A moment that is over is no wait at all. Without `now` no moment can be read.
///
/// ```
/// use longhand::remote::after::wait;
/// use std::time::Duration;
///
/// assert_eq!(wait("1h2m3.5s", None), Some(Duration::from_millis(3_723_500)));
/// assert_eq!(wait("-1", None), None);
/// ```
#[must_use]
pub fn wait(text: &str, now: Option<SystemTime>) -> Option<Duration> {
    let text = text.trim();
    if let Some(number) = number(text) {
        return if number < EPOCH_SECONDS { Some(seconds(number)) } else { Some(until_epoch(number, now?)) };
    }
    duration(text).or_else(|| {
        let moment = httpdate::parse_http_date(text).ok().or_else(|| iso(text))?;
        Some(until(moment, now?))
    })
}

fn until(moment: SystemTime, now: SystemTime) -> Duration {
    moment.duration_since(now).unwrap_or_default().min(LONGEST)
}

fn until_epoch(number: f64, now: SystemTime) -> Duration {
    let since = if number < EPOCH_MILLIS { number } else { number / 1e3 };
    let moment = Duration::try_from_secs_f64(since).ok().and_then(|since| UNIX_EPOCH.checked_add(since));
    moment.map_or(LONGEST, |moment| until(moment, now))
}

fn seconds(number: f64) -> Duration {
    Duration::try_from_secs_f64(number).unwrap_or(LONGEST).min(LONGEST)
}

/// Reads digits with at most one point, and nothing of all the rest that a float can be: signs, exponents, `nan`, `inf`.
fn number(text: &str) -> Option<f64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    text.parse::<f64>().ok().filter(|number| plain && number.is_finite())
}

/// Reads a row of numbers, each with its unit.
fn duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (count, behind) = rest.split_at_checked(digits)?;
        let letters = behind.find(|c: char| c.is_ascii_digit()).unwrap_or(behind.len());
        let (unit, next) = behind.split_at_checked(letters)?;
        let each = match unit.trim() {
            "d" => 86_400.0,
            "h" => 3_600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" | "μs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        total += number(count)? * each;
        rest = next;
    }
    (!text.is_empty()).then(|| seconds(total))
}

/// Reads a moment such as `2025-03-01T12:00:00.5Z` or `2025-03-01T12:00:00+01:00`.
fn iso(text: &str) -> Option<SystemTime> {
    let (date, time) = text.split_once(['T', 't', ' '])?;
    let mut parts = date.splitn(3, '-').map(whole);
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let (time, offset) = zone(time)?;
    let mut parts = time.splitn(3, ':');
    let (hour, minute) = (whole(parts.next()?)?, whole(parts.next()?)?);
    let second = number(parts.next()?)?;
    let plausible = (1970..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    if !plausible || hour > 23 || minute > 59 || second >= 61.0 || offset.abs() > 86_400 {
        return None;
    }
    let whole_seconds = days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 - offset;
    let since = Duration::from_secs(u64::try_from(whole_seconds).ok()?);
    UNIX_EPOCH.checked_add(since)?.checked_add(seconds(second))
}

/// Takes the time zone off a time of day: by how many seconds it is ahead.
fn zone(time: &str) -> Option<(&str, i64)> {
    if let Some(time) = time.strip_suffix(['Z', 'z']) {
        return Some((time, 0));
    }
    let (time, offset) = time.split_at_checked(time.rfind(['+', '-'])?)?;
    let (hours, minutes) = offset.get(1..)?.split_once(':')?;
    let ahead = (whole(hours)? * 60 + whole(minutes)?) * 60;
    Some((time, if offset.starts_with('-') { -ahead } else { ahead }))
}

/// Reads at most four digits.
fn whole(text: &str) -> Option<i64> {
    (text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

/// Counts the days from 1970 to a day of the Gregorian calendar, whose years are taken to begin with March.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month < 3 { (year - 1, month + 9) } else { (year, month - 3) };
    let leap_days = year / 4 - year / 100 + year / 400;
    // Months have 30 and 31 days in such an order that this line meets all their beginnings.
    let before_month = (153 * month + 2) / 5;
    year * 365 + leap_days + before_month + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use reqwest::header::HeaderValue;

    use super::*;

    /// 2025-03-01T12:00:00Z.
    fn noon() -> SystemTime {
        UNIX_EPOCH + Duration::from_hours(483_564)
    }

    fn millis(text: &str) -> Option<u128> {
        wait(text, Some(noon())).map(|wait| wait.as_millis())
    }

    #[test]
    fn every_spelling_is_read() {
        let cases: [(&str, u128); 20] = [
            ("0", 0),
            ("7", 7_000),
            (" 1.25 ", 1_250),
            ("1s", 1_000),
            ("6m0s", 360_000),
            ("120ms", 120),
            ("1h2m3.5s", 3_723_500),
            ("2m59.56s", 179_560),
            ("1d", 86_400_000),
            ("250000µs", 250),
            ("1740830410", 10_000),
            ("1740830410.5", 10_500),
            ("1740830410250", 10_250),
            ("2025-03-01T12:00:10Z", 10_000),
            ("2025-03-01T12:00:10.250Z", 10_250),
            ("2025-03-01T13:00:10+01:00", 10_000),
            ("2025-03-01T06:30:10-05:30", 10_000),
            ("2025-03-01T11:00:00Z", 0),
            ("Sat, 01 Mar 2025 12:01:00 GMT", 60_000),
            ("Sat, 01 Mar 2025 11:01:00 GMT", 0),
        ];
        for (text, expected) in cases {
            assert_eq!(millis(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_hostile_is_none_or_a_day() {
        let nonsense = [
            "",
            " ",
            ".",
            "-1",
            "+1",
            "nan",
            "NaN",
            "inf",
            "-inf",
            "1e9",
            "0x10",
            "1.2.3",
            "s",
            "5 parsecs",
            "1m-2s",
            "m5",
            "2025-13-01T12:00:00Z",
            "2025-03-01T12:00:00",
            "2025-03-01T99:00:00Z",
            "2025-03-01",
            "後で",
        ];
        for text in nonsense {
            assert_eq!(wait(text, Some(noon())), None, "{text}");
        }
        let days = ["999999999", "99999999999999999999999999", "9999999h", "9999-12-31T23:59:59Z", "172800"];
        for text in days {
            assert_eq!(wait(text, Some(noon())), Some(LONGEST), "{text}");
        }
        let long = "9".repeat(400);
        assert_eq!(wait(&long, Some(noon())), None, "no number is infinite");
        for moment in ["1740830410", "2025-03-01T12:00:10Z", "Sat, 01 Mar 2025 12:01:00 GMT"] {
            assert_eq!(wait(moment, None), None, "nobody said what time it is");
        }
    }

    #[test]
    fn days_are_counted_over_leap_years() {
        assert_eq!(days(1970, 1, 1), 0);
        assert_eq!(days(2000, 2, 29), 11_016);
        assert_eq!(days(2000, 3, 1), 11_017);
        assert_eq!(days(2100, 3, 1), 47_541, "1900 and 2100 have no leap day");
    }

    #[test]
    fn the_answers_own_date_stands_in_for_the_time_of_day() {
        let mut headers = HeaderMap::new();
        assert_eq!(retry_after(&headers, Some(noon())), None);
        headers.insert(RETRY_AFTER, HeaderValue::from_static("Sat, 01 Mar 2025 12:01:00 GMT"));
        assert_eq!(retry_after(&headers, None), None);
        assert_eq!(retry_after(&headers, Some(noon())), Some(Duration::from_mins(1)));
        headers.insert(DATE, HeaderValue::from_static("Sat, 01 Mar 2025 12:00:30 GMT"));
        assert_eq!(retry_after(&headers, None), Some(Duration::from_secs(30)));
        headers.insert("retry-after-ms", HeaderValue::from_static("nan"));
        assert_eq!(retry_after(&headers, None), Some(Duration::from_secs(30)), "nonsense is passed over");
        headers.insert("retry-after-ms", HeaderValue::from_static("1500"));
        assert_eq!(retry_after(&headers, None), Some(Duration::from_millis(1_500)));
        headers.insert("retry-after-ms", HeaderValue::from_static("99999999999999"));
        assert_eq!(retry_after(&headers, None), Some(LONGEST));
    }

    proptest! {
        #[test]
        fn no_text_breaks_it_or_makes_it_wait_for_more_than_a_day(text in "\\PC{0,40}|[0-9.:+TZdhmsuµn -]{0,30}") {
            for now in [None, Some(noon()), Some(UNIX_EPOCH)] {
                prop_assert!(wait(&text, now).is_none_or(|wait| wait <= LONGEST));
            }
        }

        #[test]
        fn whole_parts_add_up(hours in 0_u64..24, minutes in 0_u64..60, secs in 0_u64..60, ms in 0_u64..1_000) {
            let expected = Duration::from_millis(((hours * 60 + minutes) * 60 + secs) * 1_000 + ms);
            let read = wait(&format!("{hours}h{minutes}m{secs}s{ms}ms"), None).unwrap();
            prop_assert!(read.abs_diff(expected) < Duration::from_micros(1));
        }
    }
}
