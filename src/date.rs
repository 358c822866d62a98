//! Days and moments of the civil calendar, in UTC. The only room that names the calendar's library.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

/// A day of the proleptic Gregorian calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(Date);

impl Day {
    /// Returns the day with this year, month (1 to 12) and day of the month (from 1); none where there is no such day.
    #[must_use]
    pub fn new(year: i16, month: i8, day: i8) -> Option<Self> {
        Date::new(year, month, day).ok().map(Self)
    }

    /// Returns the day of a moment, given in milliseconds since 1970; none beyond the year 9999.
    ///
    /// ```
    /// let day = longhand::date::Day::at(1_795_460_400_000).unwrap();
    /// assert_eq!(day.to_string(), "2026-11-23");
    /// ```
    #[must_use]
    pub fn at(ms: u64) -> Option<Self> {
        let moment = Timestamp::from_millisecond(i64::try_from(ms).ok()?).ok()?;
        Some(Self(moment.to_zoned(TimeZone::UTC).date()))
    }

    /// Returns the moment at which the day begins, in milliseconds since 1970; 0 for days before that.
    #[must_use]
    pub fn begins(self) -> u64 {
        let moment = self.0.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp().as_millisecond());
        moment.ok().and_then(|ms| u64::try_from(ms).ok()).unwrap_or_default()
    }

    /// Returns the day so many days later, or earlier for a negative number; the same day where the calendar ends.
    #[must_use]
    pub fn plus(self, days: i32) -> Self {
        Self(self.0.checked_add(days.days()).unwrap_or(self.0))
    }

    /// Returns the day of the same number so many months later; the last one of the month where it has fewer days.
    #[must_use]
    pub fn plus_months(self, months: i32) -> Self {
        Self(self.0.checked_add(months.months()).unwrap_or(self.0))
    }

    /// Returns the day as people write it.
    ///
    /// ```
    /// let day = longhand::date::Day::new(2026, 11, 3).unwrap();
    /// assert_eq!(day.in_words(), "3 November 2026");
    /// ```
    #[must_use]
    pub fn in_words(self) -> String {
        self.0.strftime("%-d %B %Y").to_string()
    }

    /// Returns the year.
    #[must_use]
    pub fn year(self) -> i16 {
        self.0.year()
    }

    /// Returns the month, from 1 to 12.
    #[must_use]
    pub fn month(self) -> i8 {
        self.0.month()
    }

    /// Returns how many days have passed since Monday, from 0 to 6.
    #[must_use]
    pub fn weekday(self) -> i8 {
        self.0.weekday().to_monday_zero_offset()
    }
}

impl std::fmt::Display for Day {
    /// As `yyyy-mm-dd`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Reads a moment as it stands in files, such as `2024-05-01`, `2024-05-01 17:30:00`, `2024-05-01T17:30:00Z` or with an
/// offset, in milliseconds since 1970. One without an offset is taken for UTC. None where it is no moment, or one before 1970.
///
/// ```
/// assert_eq!(longhand::date::moment("2026-11-23T19:00:00+00:00"), Some(1_795_460_400_000));
/// assert_eq!(longhand::date::moment("yesterday"), None);
/// ```
#[must_use]
pub fn moment(text: &str) -> Option<u64> {
    let text = text.trim();
    let at = text.parse::<Timestamp>().ok().or_else(|| {
        let civil: jiff::civil::DateTime = text.parse().ok()?;
        civil.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
    })?;
    u64::try_from(at.as_millisecond()).ok()
}

/// Writes a moment, in milliseconds since 1970, as `yyyymmdd-hhmmss` in UTC; as the number where it is beyond the year 9999.
///
/// ```
/// assert_eq!(longhand::date::stamp(951_827_696_000), "20000229-123456");
/// ```
#[must_use]
pub fn stamp(ms: u64) -> String {
    let moment = i64::try_from(ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    moment.map_or_else(|| ms.to_string(), |at| at.strftime("%Y%m%d-%H%M%S").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_the_civil_time() {
        assert_eq!(stamp(0), "19700101-000000");
        assert_eq!(stamp(1_795_460_400_999), "20261123-190000");
        assert_eq!(stamp(u64::MAX), u64::MAX.to_string());
    }

    #[test]
    fn days_are_counted_on_the_calendar() {
        let day = Day::new(2024, 1, 31).unwrap();
        assert_eq!(day.plus_months(1), Day::new(2024, 2, 29).unwrap());
        assert_eq!(day.plus(-31).to_string(), "2023-12-31");
        assert_eq!(Day::at(day.begins()), Some(day));
        assert_eq!(day.weekday(), 2, "a Wednesday");
        assert_eq!((Day::new(2023, 2, 29), Day::at(u64::MAX)), (None, None));
    }

    #[test]
    fn moments_are_read_as_files_write_them() {
        for text in ["2026-11-23T19:00:00Z", "2026-11-23 19:00:00", "2026-11-23T20:00:00+01:00"] {
            assert_eq!(moment(text), Some(1_795_460_400_000), "{text}");
        }
        assert_eq!(moment("2026-11-23"), Some(1_795_392_000_000));
    }
}
