//! Reading dates and times from texts: `strptime`. It must not know clocks or zones beyond names.

use crate::eval::context::Context;
use crate::value::exception::{Raised, value_error};
use crate::value::{Outcome, Value, text};

/// The days of the week, Sunday first as the C library counts.
pub const DAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

/// The months.
pub const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// The three letters that stand for a day or month.
pub fn short(name: &str) -> &str {
    &name[..3]
}

/// What a text says about a time. What it does not say is as in 1900-01-01 00:00:00.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Parsed {
    pub year: i64,
    pub month: i64,
    pub day: i64,
    pub hour: i64,
    pub minute: i64,
    pub second: i64,
    /// Monday is 0.
    pub weekday: i64,
    /// From 1.
    pub year_day: i64,
    /// Whether daylight saving is in force: -1 for unknown.
    pub saving: i64,
    pub microsecond: i64,
    pub zone: Option<String>,
    /// East of Greenwich, in seconds.
    pub offset: Option<i64>,
}

/// Fields that only make sense together, gathered while reading.
#[derive(Default)]
struct Fields {
    year: Option<i64>,
    century: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    hour: i64,
    afternoon: Option<bool>,
    minute: i64,
    second: i64,
    microsecond: i64,
    weekday: Option<i64>,
    year_day: Option<i64>,
    /// Week of the year, and whether it begins on Monday.
    week: Option<(i64, bool)>,
    iso_year: Option<i64>,
    iso_week: Option<i64>,
    zone: Option<String>,
    saving: i64,
    offset: Option<i64>,
}

/// Why a text does not fit a format.
enum Misfit {
    Mismatch,
    BadDirective(String),
    StrayPercent,
}

/// Reads a text by a format.
///
/// # Errors
/// `ValueError` with CPython's messages.
pub fn parse(cx: &mut Context, given: &str, format: &str) -> Outcome<Parsed> {
    let mut fields = Fields {
        saving: -1,
        ..Fields::default()
    };
    let mut reader = Reader { rest: given };
    match read(&mut reader, format, &mut fields) {
        Ok(()) => {}
        Err(misfit) => {
            let shown_format = text::repr(cx, &Value::str(format))?;
            return Err(match misfit {
                Misfit::Mismatch => {
                    let shown = text::repr(cx, &Value::str(given))?;
                    value_error(format!(
                        "time data {shown} does not match format {shown_format}"
                    ))
                }
                Misfit::BadDirective(directive) => value_error(format!(
                    "'{directive}' is a bad directive in format {shown_format}"
                )),
                Misfit::StrayPercent => value_error(format!("stray % in format {shown_format}")),
            });
        }
    }
    if !reader.rest.is_empty() {
        return Err(value_error(format!(
            "unconverted data remains: {}",
            reader.rest
        )));
    }
    complete(fields)
}

/// What is left of the text.
struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    /// A number of at most so many digits.
    fn number(&mut self, digits: usize) -> Result<i64, Misfit> {
        let length = self
            .rest
            .bytes()
            .take(digits)
            .take_while(u8::is_ascii_digit)
            .count();
        let number = self.rest[..length].parse().map_err(|_| Misfit::Mismatch)?;
        self.rest = &self.rest[length..];
        Ok(number)
    }

    /// A number within bounds; a digit that would leave them belongs to what follows.
    fn bounded(&mut self, digits: usize, least: i64, most: i64) -> Result<i64, Misfit> {
        let start = self.rest;
        for digits in (1..=digits).rev() {
            self.rest = start;
            if let Ok(number) = self.number(digits)
                && (least..=most).contains(&number)
            {
                return Ok(number);
            }
        }
        Err(Misfit::Mismatch)
    }

    /// The place of the longest of these words that the text begins with, in any case.
    fn word<'a>(&mut self, words: impl Iterator<Item = &'a str>) -> Result<i64, Misfit> {
        let mut best: Option<(usize, usize)> = None;
        for (place, word) in words.enumerate() {
            let fits = self
                .rest
                .get(..word.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(word));
            if fits && best.is_none_or(|(_, length)| word.len() > length) {
                best = Some((place, word.len()));
            }
        }
        let (place, length) = best.ok_or(Misfit::Mismatch)?;
        self.rest = &self.rest[length..];
        Ok(place as i64)
    }

    fn literal(&mut self, character: char) -> Result<(), Misfit> {
        let mut characters = self.rest.chars();
        match characters.next() {
            Some(found)
                if found == character || found.to_lowercase().eq(character.to_lowercase()) =>
            {
                self.rest = characters.as_str();
                Ok(())
            }
            _ => Err(Misfit::Mismatch),
        }
    }

    /// Any white space in the format stands for any amount of it, at least some.
    fn space(&mut self) -> Result<(), Misfit> {
        let trimmed = self.rest.trim_start();
        if trimmed.len() == self.rest.len() {
            return Err(Misfit::Mismatch);
        }
        self.rest = trimmed;
        Ok(())
    }
}

fn read(reader: &mut Reader<'_>, format: &str, fields: &mut Fields) -> Result<(), Misfit> {
    let mut characters = format.chars().peekable();
    while let Some(character) = characters.next() {
        if character.is_whitespace() {
            while characters.next_if(|next| next.is_whitespace()).is_some() {}
            reader.space()?;
        } else if character == '%' {
            let directive = characters.next().ok_or(Misfit::StrayPercent)?;
            read_directive(reader, directive, fields)?;
        } else {
            reader.literal(character)?;
        }
    }
    Ok(())
}

fn read_directive(
    reader: &mut Reader<'_>,
    directive: char,
    fields: &mut Fields,
) -> Result<(), Misfit> {
    match directive {
        'Y' => fields.year = Some(reader.exactly(4)?),
        'y' => {
            let year = reader.exactly(2)?;
            // As POSIX has it.
            fields.year = Some(year + if year < 69 { 2000 } else { 1900 });
        }
        'C' => fields.century = Some(reader.exactly(2)?),
        'm' => fields.month = Some(reader.bounded(2, 1, 12)?),
        'd' => {
            reader.rest = reader.rest.strip_prefix(' ').unwrap_or(reader.rest);
            fields.day = Some(reader.bounded(2, 1, 31)?);
        }
        'H' => fields.hour = reader.bounded(2, 0, 23)?,
        'I' => fields.hour = reader.bounded(2, 1, 12)?,
        'M' => fields.minute = reader.bounded(2, 0, 59)?,
        'S' => fields.second = reader.bounded(2, 0, 61)?,
        'f' => {
            let before = reader.rest.len();
            let number = reader.number(6)?;
            let digits = before - reader.rest.len();
            fields.microsecond = number * 10i64.pow(6 - digits as u32);
        }
        'j' => fields.year_day = Some(reader.bounded(3, 1, 366)?),
        'p' => fields.afternoon = Some(reader.word(["am", "pm"].into_iter())? == 1),
        'a' => fields.weekday = Some((reader.word(DAYS.into_iter().map(short))? + 6) % 7),
        'A' => fields.weekday = Some((reader.word(DAYS.into_iter())? + 6) % 7),
        'b' | 'h' => fields.month = Some(reader.word(MONTHS.into_iter().map(short))? + 1),
        'B' => fields.month = Some(reader.word(MONTHS.into_iter())? + 1),
        'w' => fields.weekday = Some((reader.bounded(1, 0, 6)? + 6) % 7),
        'u' => fields.weekday = Some(reader.bounded(1, 1, 7)? - 1),
        'U' | 'W' => fields.week = Some((reader.bounded(2, 0, 53)?, directive == 'W')),
        'G' => fields.iso_year = Some(reader.exactly(4)?),
        'V' => fields.iso_week = Some(reader.bounded(2, 1, 53)?),
        'z' => read_offset(reader, fields)?,
        'Z' => {
            let names = ["utc", "gmt"];
            let zone = reader.word(names.into_iter())?;
            fields.zone = Some(names[zone as usize].to_uppercase());
            fields.saving = 0;
        }
        '%' => reader.literal('%')?,
        'c' => read(reader, "%a %b %d %H:%M:%S %Y", fields)?,
        'x' | 'D' => read(reader, "%m/%d/%y", fields)?,
        'X' | 'T' => read(reader, "%H:%M:%S", fields)?,
        'R' => read(reader, "%H:%M", fields)?,
        'F' => read(reader, "%Y-%m-%d", fields)?,
        'n' | 't' => reader.space()?,
        other => return Err(Misfit::BadDirective(other.to_string())),
    }
    Ok(())
}

impl Reader<'_> {
    /// A number of exactly so many digits.
    fn exactly(&mut self, digits: usize) -> Result<i64, Misfit> {
        let before = self.rest.len();
        let number = self.number(digits)?;
        if before - self.rest.len() == digits {
            Ok(number)
        } else {
            Err(Misfit::Mismatch)
        }
    }
}

/// `+HHMM`, `+HH:MM`, with seconds if need be, or `Z`.
fn read_offset(reader: &mut Reader<'_>, fields: &mut Fields) -> Result<(), Misfit> {
    if let Some(rest) = reader.rest.strip_prefix('Z') {
        reader.rest = rest;
        fields.offset = Some(0);
        return Ok(());
    }
    let sign = match reader.rest.chars().next() {
        Some('+') => 1,
        Some('-') => -1,
        _ => return Err(Misfit::Mismatch),
    };
    reader.rest = &reader.rest[1..];
    let hours = reader.exactly(2)?;
    let colon = reader.rest.starts_with(':');
    if colon {
        reader.rest = &reader.rest[1..];
    }
    let minutes = reader.exactly(2)?;
    let mut seconds = 0;
    let more = match (colon, reader.rest.strip_prefix(':')) {
        (true, Some(rest)) => rest,
        (false, _) => reader.rest,
        _ => "",
    };
    if more.len() >= 2 && more.as_bytes()[..2].iter().all(u8::is_ascii_digit) {
        reader.rest = more;
        seconds = reader.exactly(2)?;
    }
    fields.offset = Some(sign * (hours * 3600 + minutes * 60 + seconds));
    Ok(())
}

fn complete(fields: Fields) -> Outcome<Parsed> {
    let mut hour = fields.hour;
    match fields.afternoon {
        Some(true) if hour < 12 => hour += 12,
        Some(false) if hour == 12 => hour = 0,
        _ => {}
    }
    let mut year = match (fields.year, fields.century) {
        (Some(year), Some(century)) => century * 100 + year % 100,
        (Some(year), None) => year,
        (None, Some(century)) => century * 100,
        // The 29th of February needs a leap year.
        (None, None) if fields.month == Some(2) && fields.day == Some(29) => 1904,
        (None, None) => 1900,
    };
    let shown_year = if fields.year.is_none() && year == 1904 {
        1900
    } else {
        year
    };
    let (mut month, mut day) = (fields.month.unwrap_or(1), fields.day.unwrap_or(1));
    let mut year_day = fields.year_day;
    if year_day.is_none() {
        if let (Some((week, monday)), Some(weekday)) = (fields.week, fields.weekday) {
            year_day = Some(day_of_week(year, week, weekday, monday));
        } else if let (Some(iso_year), Some(week), Some(weekday)) =
            (fields.iso_year, fields.iso_week, fields.weekday)
        {
            let (of_year, found) = iso_day(iso_year, week, weekday);
            year = of_year;
            year_day = Some(found);
        }
    }
    if let Some(found) = year_day
        && fields.month.is_none()
        && fields.day.is_none()
    {
        let first = days_before(year);
        let (of_year, of_month, of_day) = date_of(first + found);
        (year, month, day) = (of_year, of_month, of_day);
        year_day = None;
    }
    if day > days_in(year, month) {
        return Err(bad_day());
    }
    let ordinal = days_before(year) + days_before_month(year, month) + day;
    let weekday = fields.weekday.unwrap_or((ordinal + 6).rem_euclid(7));
    Ok(Parsed {
        year: if year == 1904 { shown_year } else { year },
        month,
        day,
        hour,
        minute: fields.minute,
        second: fields.second,
        weekday,
        year_day: year_day.unwrap_or(ordinal - days_before(year)),
        saving: fields.saving,
        microsecond: fields.microsecond,
        zone: fields.zone,
        offset: fields.offset,
    })
}

#[cold]
fn bad_day() -> Raised {
    value_error("day is out of range for month")
}

// ---- the calendar ----

/// Whether a year has a 29th of February.
pub fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// How many days a month has.
pub fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// How many days are before a year, counted from the year 1.
pub fn days_before(year: i64) -> i64 {
    let past = year - 1;
    past * 365 + past.div_euclid(4) - past.div_euclid(100) + past.div_euclid(400)
}

/// How many days of the year are before a month.
pub fn days_before_month(year: i64, month: i64) -> i64 {
    (1..month).map(|month| days_in(year, month)).sum()
}

/// The year, month and day of a number of days, of which 0001-01-01 is the first.
pub fn date_of(ordinal: i64) -> (i64, i64, i64) {
    // Close by the mean length of a year, then exact.
    let mut year = (ordinal * 400).div_euclid(146_097) + 1;
    while days_before(year) >= ordinal {
        year -= 1;
    }
    while days_before(year + 1) < ordinal {
        year += 1;
    }
    let mut day = ordinal - days_before(year);
    let mut month = 1;
    while day > days_in(year, month) {
        day -= days_in(year, month);
        month += 1;
    }
    (year, month, day)
}

/// The day of the year of a weekday in a week; the first week begins on the first Monday, or
/// Sunday.
fn day_of_week(year: i64, week: i64, weekday: i64, monday: bool) -> i64 {
    let mut first = (days_before(year) + 7).rem_euclid(7);
    let mut weekday = weekday;
    if !monday {
        first = (first + 1) % 7;
        weekday = (weekday + 1) % 7;
    }
    let week_zero = (7 - first) % 7;
    if week == 0 {
        1 + weekday - first
    } else {
        1 + week_zero + 7 * (week - 1) + weekday
    }
}

/// The year and the day in it of an ISO week date.
fn iso_day(year: i64, week: i64, weekday: i64) -> (i64, i64) {
    // The 4th of January is in the first week.
    let fourth = days_before(year) + 4;
    let first_monday = fourth - (fourth + 6).rem_euclid(7);
    let ordinal = first_monday + (week - 1) * 7 + weekday;
    let (of_year, ..) = date_of(ordinal);
    (of_year, ordinal - days_before(of_year))
}

#[cfg(test)]
mod tests {
    use super::{date_of, days_before, days_before_month};

    #[test]
    fn dates_count_up() {
        let mut expected = (1, 1, 1);
        for ordinal in 1..800_000 {
            assert_eq!(date_of(ordinal), expected);
            let (year, month, day) = expected;
            assert_eq!(
                days_before(year) + days_before_month(year, month) + day,
                ordinal
            );
            expected = if day < super::days_in(year, month) {
                (year, month, day + 1)
            } else if month < 12 {
                (year, month + 1, 1)
            } else {
                (year + 1, 1, 1)
            };
        }
    }
}
