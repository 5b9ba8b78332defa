//! Dates: which format a column is written in. Never guessed where two readings fit.

use crate::error::{Error, Result};
use chrono::{NaiveDate, NaiveDateTime};

/// A calendar day, counted from 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i32);

impl Day {
    /// Reads `2011-12-10`.
    pub fn parse(text: &str) -> Option<Self> {
        NaiveDate::parse_from_str(text.trim(), "%Y-%m-%d").ok().map(Self::from_date)
    }

    /// `2011-12-10`.
    pub fn iso(self) -> String {
        self.date().format("%Y-%m-%d").to_string()
    }

    /// Calendar quarter: `2011-Q4`.
    pub fn quarter(self) -> String {
        use chrono::Datelike;
        let date = self.date();
        format!("{}-Q{}", date.year(), (date.month0() / 3) + 1)
    }

    /// Calendar year.
    pub fn year(self) -> i32 {
        chrono::Datelike::year(&self.date())
    }

    /// Calendar months since the year 0: `12 * year + month - 1`.
    pub fn month(self) -> i32 {
        use chrono::Datelike;
        let date = self.date();
        date.year() * 12 + date.month0() as i32
    }

    /// Day of the week from 0, Monday, to 6.
    pub fn weekday(self) -> usize {
        // 1970-01-01 was a Thursday.
        (self.0 + 3).rem_euclid(7) as usize
    }

    /// So many months before: the same day, or the last one where the month is shorter; the last day of a month stays one.
    #[must_use]
    pub fn months_before(self, months: u32) -> Self {
        use chrono::{Datelike, Months};
        let next = Self(self.0 + 1).date();
        // The last day of a month is the day before the first of the next.
        let (date, back) = if next.day() == 1 { (next, 1) } else { (self.date(), 0) };
        date.checked_sub_months(Months::new(months)).map_or(self, |date| Self(date.to_epoch_days() - back))
    }

    /// The last day of its quarter.
    pub(crate) fn quarter_end(self) -> Self {
        use chrono::Datelike;
        let date = self.date();
        let (year, month) =
            if date.month() > 9 { (date.year() + 1, 1) } else { (date.year(), date.month0() / 3 * 3 + 4) };
        NaiveDate::from_ymd_opt(year, month, 1).map_or(self, |next| Self(next.to_epoch_days() - 1))
    }

    /// The last day of the quarter before.
    pub(crate) fn quarter_before(self) -> Self {
        use chrono::Datelike;
        let date = self.date();
        NaiveDate::from_ymd_opt(date.year(), date.month0() / 3 * 3 + 1, 1)
            .map_or(self, |first| Self(first.to_epoch_days() - 1))
    }

    fn date(self) -> NaiveDate {
        NaiveDate::from_epoch_days(self.0).unwrap_or(NaiveDate::MIN)
    }

    fn from_date(date: NaiveDate) -> Self {
        Self(date.to_epoch_days())
    }
}

/// A date format as chrono and polars read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    YearFirst,
    DayFirst,
    MonthFirst,
    Named,
}

const DAYS: [(&str, Order); 16] = [
    ("%Y-%m-%d", Order::YearFirst),
    ("%Y/%m/%d", Order::YearFirst),
    ("%Y.%m.%d", Order::YearFirst),
    ("%Y%m%d", Order::YearFirst),
    ("%d/%m/%Y", Order::DayFirst),
    ("%m/%d/%Y", Order::MonthFirst),
    ("%d.%m.%Y", Order::DayFirst),
    ("%d-%m-%Y", Order::DayFirst),
    ("%m-%d-%Y", Order::MonthFirst),
    ("%d/%m/%y", Order::DayFirst),
    ("%m/%d/%y", Order::MonthFirst),
    ("%d.%m.%y", Order::DayFirst),
    ("%d %b %Y", Order::Named),
    ("%d-%b-%Y", Order::Named),
    ("%b %d, %Y", Order::Named),
    ("%d %B %Y", Order::Named),
];

const TIMES: [&str; 11] = [
    "",
    " %H:%M:%S",
    " %H:%M",
    "T%H:%M:%S",
    "T%H:%M",
    " %H:%M:%S%.f",
    "T%H:%M:%S%.f",
    "T%H:%M:%SZ",
    "T%H:%M:%S%.fZ",
    "T%H:%M:%S%:z",
    " %H:%M:%S%:z",
];

/// Excel's name for a format, as the config spells it: days since 1899-12-30.
const EXCEL: &str = "excel";

/// Whether times in this format are moments: they carry a zone, or count from one.
pub(crate) fn is_utc(format: &str) -> bool {
    format.contains("%:z") || format.ends_with('Z') || matches!(format, "unix" | "unix_ms")
}

/// For a format that counts instead of writing a date: units per day, and the days from its first to 1970-01-01.
pub(crate) fn counted(format: &str) -> Option<(f64, f64)> {
    match format {
        EXCEL => Some((1.0, 25_569.0)),
        "unix" => Some((86_400.0, 0.0)),
        "unix_ms" => Some((86_400_000.0, 0.0)),
        _ => None,
    }
}

/// How a column counts days, if it does.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Counting {
    /// Seconds or milliseconds since 1970.
    Epoch { format: String, proof: String },
    /// Excel's day numbers.
    Excel { first: f64, last: f64 },
}

/// Judges the distinct values of a column that no written date fits: all of them (but a hundredth) between 2000 and 2062
/// as Excel's days, or between 1985 and 2100 as seconds or milliseconds.
pub(crate) fn judge_numbers(values: &[&str]) -> Option<Counting> {
    let mut numbers: Vec<f64> = values.iter().filter_map(|v| v.parse().ok()).filter(|n: &f64| n.is_finite()).collect();
    numbers.sort_by(f64::total_cmp);
    let within = |low: f64, high: f64| {
        let from = numbers.partition_point(|n| *n < low);
        let to = numbers.partition_point(|n| *n <= high);
        let inside = &numbers[from..to];
        (!inside.is_empty() && inside.len() * 100 >= values.len() * 99).then_some(inside)
    };
    if let Some(inside) = within(36_526.0, 59_500.0) {
        return Some(Counting::Excel { first: inside[0], last: inside[inside.len() - 1] });
    }
    let epoch = |format: &str, proof: &str| Some(Counting::Epoch { format: format.into(), proof: proof.into() });
    if within(4.75e8, 4.1e9).is_some() {
        return epoch("unix", "seconds since 1970");
    }
    within(4.75e11, 4.1e12).and_then(|_| epoch("unix_ms", "milliseconds since 1970"))
}

/// The error for a column of Excel's day numbers, which may as well be amounts.
pub(crate) fn excel(column: &str, first: f64, last: f64, key: &str) -> Error {
    let day = |number: f64| Day(number as i32 - 25_569).iso();
    Error::new(
        "E0314",
        format!(
            "the values {first:.0} to {last:.0} of `{column}` look like Excel day numbers ({} to {})",
            day(first),
            day(last)
        ),
    )
    .why("read as anything else, \"days since last order\" would mean nothing")
    .help(format!("if they are, in ilk.toml under {key}\ndate = {{ column = \"{column}\", format = \"{EXCEL}\" }}"))
}

/// Whether a text reads as a date in any known format.
pub(crate) fn looks_like_date(text: &str) -> bool {
    text.len() >= 8 && text.bytes().next().is_some_and(|b| b.is_ascii_digit()) && !formats(&[text.trim()]).is_empty()
}

/// Whether `format` reads the whole of `text`, and as which day.
pub(crate) fn read(text: &str, format: &str) -> Option<Day> {
    if format.contains("%H") {
        NaiveDateTime::parse_from_str(text, format).ok().map(|t| Day::from_date(t.date()))
    } else {
        // chrono takes a year of any length for %Y; an export never means the year 11.
        NaiveDate::parse_from_str(text, format).ok().map(Day::from_date)
    }
    .filter(|day| (-36_525..2_932_897).contains(&day.0))
}

/// The known formats that read every one of `values`.
fn formats(values: &[&str]) -> Vec<(String, Order)> {
    let mut found = Vec::new();
    let Some(first) = values.first() else { return found };
    for (day, order) in DAYS {
        for time in TIMES {
            let format = format!("{day}{time}");
            if read(first, &format).is_some() && values.iter().all(|v| read(v, &format).is_some()) {
                found.push((format, order));
            }
        }
    }
    found
}

/// What the values of a column say about its format.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Reading {
    /// One format reads all (or all but a few) of them.
    One {
        /// The format.
        format: String,
        /// What proves the order of day and month, in words.
        proof: String,
    },
    /// Day first and month first both read all of them.
    Ambiguous { day_first: String, month_first: String },
    /// Two formats are needed.
    Mixed {
        /// Each with the number of values it reads.
        formats: Vec<(String, usize)>,
        /// The other reading of those that the second format reads, if day and month can be told apart in none of them.
        either: Option<String>,
    },
    /// No known format reads most of them.
    Unknown,
}

/// Judges the distinct, trimmed values of a column.
pub(crate) fn judge(values: &[&str]) -> Reading {
    if values.is_empty() {
        return Reading::Unknown;
    }
    let all = formats(values);
    if let Some(reading) = settle(&all, values) {
        return reading;
    }
    // A few values may be broken, or two formats mixed: count what each format reads.
    let mut counts: Vec<(String, Order, usize)> = Vec::new();
    for (day, order) in DAYS {
        for time in TIMES {
            let format = format!("{day}{time}");
            let n = values.iter().filter(|v| read(v, &format).is_some()).count();
            if n > 0 {
                counts.push((format, order, n));
            }
        }
    }
    counts.sort_by_key(|c| std::cmp::Reverse(c.2));
    let Some(best) = counts.first().map(|c| c.2) else { return Reading::Unknown };
    let leaders: Vec<(String, Order)> = counts.iter().filter(|c| c.2 == best).map(|c| (c.0.clone(), c.1)).collect();
    let rest: Vec<&str> = values.iter().copied().filter(|v| read(v, &leaders[0].0).is_none()).collect();
    let other = counts
        .iter()
        .find(|c| c.0 != leaders[0].0 && rest.iter().filter(|v| read(v, &c.0).is_some()).count() * 2 > rest.len());
    if let Some((format, ..)) = other
        && rest.len() * 100 >= values.len()
    {
        let reads = |f: &str| rest.iter().filter(|v| read(v, f).is_some()).count();
        let n = reads(format);
        let swapped = swap(format);
        let either = (swapped != *format && reads(&swapped) == n).then_some(swapped);
        return Reading::Mixed { formats: vec![(leaders[0].0.clone(), best), (format.clone(), n)], either };
    }
    if best * 100 >= values.len() * 90 {
        let read_by_best: Vec<&str> = values.iter().copied().filter(|v| read(v, &leaders[0].0).is_some()).collect();
        return settle(&leaders, &read_by_best).unwrap_or(Reading::Unknown);
    }
    Reading::Unknown
}

fn settle(formats: &[(String, Order)], values: &[&str]) -> Option<Reading> {
    let day_first = formats.iter().find(|(_, o)| *o == Order::DayFirst);
    let month_first = formats.iter().find(|(_, o)| *o == Order::MonthFirst);
    match (formats.first(), day_first, month_first) {
        (_, Some((d, _)), Some((m, _)))
            if formats.iter().all(|(_, o)| matches!(o, Order::DayFirst | Order::MonthFirst)) =>
        {
            // Every value may read the same both ways (01/01/2024): then the order does not matter.
            if values.iter().all(|v| read(v, d) == read(v, m)) {
                return Some(Reading::One { format: d.clone(), proof: "day and month are equal throughout".into() });
            }
            Some(Reading::Ambiguous { day_first: d.clone(), month_first: m.clone() })
        }
        (Some((format, order)), ..) => {
            let proof = match order {
                Order::YearFirst => "year first".to_string(),
                Order::Named => "the month is a word".to_string(),
                Order::DayFirst | Order::MonthFirst => {
                    let other = swap(format);
                    let witness = values.iter().find(|v| read(v, &other).is_none()).copied().unwrap_or_default();
                    let first = if *order == Order::DayFirst { "day" } else { "month" };
                    format!("\"{witness}\" exists, so the {first} comes first")
                }
            };
            Some(Reading::One { format: format.clone(), proof })
        }
        _ => None,
    }
}

fn swap(format: &str) -> String {
    format.replace("%d", "\u{0}").replace("%m", "%d").replace('\u{0}', "%m")
}

/// The sentence for a reading that cannot be used without the user's word. `key` is where to paste the help.
pub(crate) fn unsettled(reading: &Reading, column: &str, distinct: usize, key: &str) -> Option<Error> {
    match reading {
        Reading::One { .. } => None,
        Reading::Ambiguous { day_first, month_first } => Some(
            Error::new("E0312", format!("`{column}` can be read day-first or month-first"))
                .note("note", format!("all {distinct} distinct values fit both readings; no value has a part above 12"))
                .why("the wrong choice moves \"days since last order\" of almost every customer")
                .help(format!(
                    "put one of these in ilk.toml under {key}\ndate = {{ column = \"{column}\", format = \"{day_first}\" }}\ndate = {{ column = \"{column}\", format = \"{month_first}\" }}"
                )),
        ),
        Reading::Mixed { formats, either } => {
            let listed: Vec<String> = formats.iter().map(|(f, n)| format!("{n} × {f}")).collect();
            let first = formats.first().map_or("", |f| f.0.as_str());
            let paste = |second: &str| format!("date = {{ column = \"{column}\", format = [\"{first}\", \"{second}\"] }}");
            let mut lines = vec![match either {
                Some(_) => format!("list both in ilk.toml under {key}: the second is day-first or month-first"),
                None => format!("list both in ilk.toml under {key}"),
            }];
            lines.extend(formats.get(1).map(|(f, _)| f).into_iter().chain(either).map(|f| paste(f)));
            Some(
                Error::new("E0313", format!("`{column}` is written in two formats"))
                    .note("seen", format!("{} among the distinct values", listed.join("    ")))
                    .why("reading one of them wrong moves \"days since last order\"")
                    .help(lines.join("\n")),
            )
        }
        Reading::Unknown => Some(
            Error::new("E0315", format!("`{column}` holds no date format that is known"))
                .why("without dates there is no recency")
                .help(format!("state it in ilk.toml under {key}\ndate = {{ column = \"{column}\", format = \"%d.%m.%Y\" }}")),
        ),
    }
}

/// Whether a format of the user's reads dates at all.
pub(crate) fn check_format(format: &str) -> Result<()> {
    let usable = counted(format).is_some()
        || format.contains("%Y")
        || format.contains("%y")
        || format.contains("%F")
        || format.contains("%D");
    if usable {
        return Ok(());
    }
    Err(Error::new("E0204", format!("`{format}` is not a date format: it names no year"))
        .help("format = \"%d/%m/%Y\"  (%Y year, %m month, %d day, %H:%M:%S time), \"excel\", \"unix\" or \"unix_ms\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_go_back_to_the_same_day_or_the_last_one() {
        let before = |day: &str, months| Day::parse(day).unwrap().months_before(months).iso();
        assert_eq!(before("2011-12-09", 3), "2011-09-09");
        assert_eq!(before("2026-03-31", 3), "2025-12-31");
        assert_eq!(before("2026-06-30", 3), "2026-03-31");
        assert_eq!(before("2024-02-29", 12), "2023-02-28");
        assert_eq!(before("2023-02-28", 12), "2022-02-28");
        assert_eq!(before("2024-05-30", 3), "2024-02-29");
        assert_eq!(before("2026-01-15", 15), "2024-10-15");
    }

    #[test]
    fn a_day_reads_and_writes() {
        let day = Day::parse("2011-12-10").expect("a day");
        assert_eq!(day.iso(), "2011-12-10");
        assert_eq!(day.quarter(), "2011-Q4");
        assert_eq!((day.quarter_before().iso(), day.quarter_end().iso()), ("2011-09-30".into(), "2011-12-31".into()));
        assert_eq!(Day::parse("1970-01-02"), Some(Day(1)));
    }

    #[test]
    fn a_part_above_twelve_settles_the_order() {
        let reading = judge(&["01/12/2010 08:26", "13/12/2010 09:00"]);
        assert_eq!(
            reading,
            Reading::One {
                format: "%d/%m/%Y %H:%M".into(),
                proof: "\"13/12/2010 09:00\" exists, so the day comes first".into()
            }
        );
        assert!(matches!(judge(&["12/13/2010"]), Reading::One { format, .. } if format == "%m/%d/%Y"));
    }

    #[test]
    fn two_readings_are_never_chosen_between() {
        let reading = judge(&["03/04/2025", "05/06/2025"]);
        assert!(matches!(reading, Reading::Ambiguous { .. }));
        assert_eq!(unsettled(&reading, "d", 2, "[input.orders]").map(|e| e.code().to_string()), Some("E0312".into()));
        assert!(matches!(judge(&["03/03/2025", "04/04/2025"]), Reading::One { .. }));
    }

    #[test]
    fn mixed_and_broken_columns_are_told_apart() {
        assert!(matches!(judge(&["2025-03-01", "2025-03-02", "29/03/2025"]), Reading::Mixed { either: None, .. }));
        let reading = judge(&["2025-03-01", "2025-03-02", "04/03/2025"]);
        assert!(matches!(&reading, Reading::Mixed { either: Some(_), .. }), "{reading:?}");
        let help = unsettled(&reading, "d", 3, "[input.orders]").map(|e| e.0.notes[2].text.clone()).unwrap_or_default();
        assert!(help.contains("%d/%m/%Y") && help.contains("%m/%d/%Y"), "{help}");
        let mut values = vec!["2025-03-01"; 99];
        values.push("yesterday");
        assert!(matches!(judge(&values), Reading::One { .. }));
        assert_eq!(judge(&["yesterday", "tomorrow"]), Reading::Unknown);
    }

    #[test]
    fn counted_days_are_told_from_amounts() {
        assert_eq!(judge_numbers(&["45717", "45292.5"]), Some(Counting::Excel { first: 45_292.5, last: 45_717.0 }));
        assert!(matches!(judge_numbers(&["1735689600"]), Some(Counting::Epoch { format, .. }) if format == "unix"));
        assert!(
            matches!(judge_numbers(&["1735689600000"]), Some(Counting::Epoch { format, .. }) if format == "unix_ms")
        );
        assert_eq!(judge_numbers(&["12", "45717"]), None);
        assert_eq!(judge_numbers(&[]), None);
    }

    #[test]
    fn times_and_fractions_are_read() {
        for text in ["2017-01-01 11:53:26", "2017-01-01T11:53:26Z", "2017-01-01 11:53:26.125", "20170101", "1 Jan 2017"]
        {
            assert!(matches!(judge(&[text]), Reading::One { .. }), "{text}");
        }
        assert!(!looks_like_date("17850"));
    }
}
