//! One column of a file as polars expressions: ids as text, dates as days, numbers as f64. What is detected is stated.

use super::dates::{self, Day, Reading};
use super::frame::{collect, texts};
use super::numbers::{CURRENCY_SIGNS, NULL_WORDS, NumberFormat, Seen};
use super::schema::{DateSpec, Flag, IdRules};
use super::source::{ROW, Source};
use crate::error::{Error, Result, Warning};
use polars::prelude::*;
use std::collections::BTreeMap;

/// Rows that are looked at before a whole column is.
const SAMPLE: u32 = 10_000;

/// Days that exports use for "no date".
pub(crate) const PLACEHOLDERS: [&str; 4] = ["1900-01-01", "1970-01-01", "1899-12-30", "9999-12-31"];

/// How exports write yes.
pub(crate) const YES: [&str; 5] = ["1", "1.0", "true", "yes", "y"];

/// A column as it will be read.
pub(crate) struct Parsed {
    /// The value; null where missing or bad.
    pub(crate) value: Expr,
    /// Whether a value stands there that cannot be used.
    pub(crate) bad: Expr,
    /// The hour of a date with a time of day.
    pub(crate) hour: Option<Expr>,
    /// What the other expressions refer to: computed once, before them.
    pub(crate) once: Vec<Expr>,
    /// Whether texts of dates have the same values that differ in minutes and seconds only.
    pub(crate) by_hour: bool,
    /// What was detected, in words: `InvoiceDate as %Y-%m-%d (year first)`.
    pub(crate) stated: Option<String>,
    /// What was fixed.
    pub(crate) warnings: Vec<Warning>,
}

/// The first rows of the columns a table needs.
pub(crate) struct Sample<'a> {
    source: &'a Source,
    frame: DataFrame,
}

impl<'a> Sample<'a> {
    /// Reads the sample.
    pub(crate) fn of(source: &'a Source, columns: &[&str]) -> Result<Self> {
        Ok(Self { source, frame: source.sample(columns, SAMPLE)? })
    }

    /// The first rows that are not after `as_of`: what comes later decides nothing.
    pub(crate) fn until(&mut self, columns: &[&str], date: &DateSpec, as_of: Option<Day>) -> Result<()> {
        if let Some(last) = as_of {
            let parsed = self.day(date)?;
            let early = parsed.value.cast(DataType::Int32).gt(lit(last.0)).fill_null(false).not();
            let rows = self.source.frame(columns)?.with_columns(parsed.once).filter(early).limit(SAMPLE);
            let own: Vec<Expr> = self.frame.get_column_names().into_iter().map(|name| col(name.clone())).collect();
            self.frame = collect(rows.select(own), &self.source.table)?;
        }
        Ok(())
    }

    /// The type polars gives the column.
    pub(crate) fn dtype(&self, column: &str) -> DataType {
        self.frame.column(column).map_or(DataType::Null, |c| c.dtype().clone())
    }

    /// Trimmed values that are not missing.
    pub(crate) fn texts(&self, column: &str) -> Result<Vec<String>> {
        Ok(texts(&self.frame, column, &self.source.table)?
            .into_iter()
            .flatten()
            .map(|t| t.trim().to_string())
            .filter(|t| !NULL_WORDS.contains(&t.as_str()))
            .collect())
    }

    /// The first row of the sample whose value in a column is such.
    fn first(&self, column: &str, such: impl Fn(&str) -> bool) -> Option<u64> {
        let rows = self.frame.column(ROW).ok()?.cast(&DataType::UInt64).ok()?;
        let cells = self.frame.column(column).ok()?.str().ok()?;
        let at = cells.iter().position(|cell| cell.is_some_and(|c| such(c.trim())))?;
        rows.u64().ok()?.get(at)
    }

    /// A customer, order or product id: text as it stands, missing words to null, `17850.0` to `17850`.
    pub(crate) fn id(&self, column: &str) -> Result<Parsed> {
        let mut warnings = Vec::new();
        let value = match self.dtype(column) {
            DataType::Float32 | DataType::Float64 => {
                warnings.push(float_ids(column));
                col(column).cast(DataType::Int64).cast(DataType::String)
            }
            DataType::String => {
                let text = not_null_word(col(column));
                if self.has_float_ids(column)? {
                    warnings.push(float_ids(column));
                    // Only where digits stand before it: `v1.0` is a name.
                    text.str().replace(lit(r"^(\d+)\.0$"), lit("$1"), false)
                } else {
                    text
                }
            }
            _ => col(column).cast(DataType::String),
        };
        Ok(Parsed { value, bad: lit(false), hour: None, once: Vec::new(), by_hour: true, stated: None, warnings })
    }

    /// Whether ids of a text column are written as `17850.0`.
    ///
    /// # Errors
    /// E0302 for ids that have lost digits.
    pub(crate) fn has_float_ids(&self, column: &str) -> Result<bool> {
        let values = self.texts(column)?;
        let scientific = values.iter().filter(|v| is_scientific(v)).count();
        if scientific > 0 {
            return Err(Error::new(
                "E0302",
                format!("{scientific} of the first {} values of `{column}` look like 1.23457E+15", values.len()),
            )
            .at(self
                .first(column, is_scientific)
                .map(|row| self.source.places(&[(row, column)], "digits are gone"))
                .transpose()?
                .and_then(|mut p| p.pop())
                .unwrap_or_default())
            .why("digits are lost, so different customers would be merged; this is never repaired")
            .help("export the file again with this column as text"));
        }
        Ok(values.iter().any(|v| is_float(v)))
    }

    /// A customer id: an id, evened out as the table's rules say.
    pub(crate) fn customer(&self, column: &str, rules: IdRules<'_>) -> Result<Parsed> {
        let mut parsed = self.id(column)?;
        let mut value = parsed.value;
        for word in rules.normalize.iter().flat_map(|w| w.split(',')) {
            value = match word.trim() {
                "trim" => value.str().strip_chars(lit(NULL)),
                "upper" => value.str().to_uppercase(),
                "lower" => value.str().to_lowercase(),
                other => {
                    return Err(Error::new(
                        "E0204",
                        format!("`normalize = \"{other}\"`: expected trim, upper or lower"),
                    )
                    .help(format!("under {}: normalize = \"trim,upper\"", self.source.section)));
                }
            };
        }
        if let Some(prefix) = rules.strip_prefix {
            value = value.str().strip_prefix(lit(prefix));
        }
        if let Some(length) = rules.pad {
            let zeros = lit("0".repeat(length as usize));
            let padded = (zeros + value.clone()).str().slice(lit(-i64::from(length)), lit(u64::from(length)));
            let short = value.clone().str().len_bytes().lt(lit(length));
            let digits = value.clone().str().contains(lit(r"^\d+$"), true);
            value = when(short.and(digits)).then(padded).otherwise(value);
        }
        parsed.value = value;
        Ok(parsed)
    }

    /// A level of an attribute or a kind of event: trimmed text, missing words to null.
    pub(crate) fn level(&self, column: &str) -> Parsed {
        let value = match self.dtype(column) {
            DataType::String => not_null_word(col(column).str().strip_chars(lit(NULL))),
            DataType::Float32 | DataType::Float64 => {
                when(col(column).eq(col(column).round(0, RoundMode::HalfAwayFromZero)))
                    .then(col(column).cast(DataType::Int64).cast(DataType::String))
                    .otherwise(col(column).cast(DataType::String))
            }
            _ => col(column).cast(DataType::String),
        };
        Parsed {
            value,
            bad: lit(false),
            hour: None,
            once: Vec::new(),
            by_hour: true,
            stated: None,
            warnings: Vec::new(),
        }
    }

    /// Whether the column has one of the values that the flag means.
    pub(crate) fn flag(&self, flag: &Flag) -> Expr {
        let text = col(flag.column.as_str()).cast(DataType::String).str().strip_chars(lit(NULL));
        let hit = if flag.equals.is_empty() {
            text.str().to_lowercase().is_in(lit(Series::new("yes".into(), YES.to_vec())).implode(false), false)
        } else {
            let values: Vec<&str> = flag.equals.iter().map(String::as_str).collect();
            text.is_in(lit(Series::new("values".into(), values)).implode(false), false)
        };
        hit.fill_null(false)
    }

    /// A number. The way it is written is detected from the sample unless given.
    pub(crate) fn number(&self, column: &str, given: Option<&NumberFormat>) -> Result<Parsed> {
        let mut warnings = Vec::new();
        if self.dtype(column) != DataType::String {
            let value = col(column).cast(DataType::Float64);
            let bad = value.clone().is_finite().not().fill_null(false);
            return Ok(Parsed {
                value: when(value.clone().is_finite()).then(value).otherwise(lit(NULL)),
                bad,
                hour: None,
                once: Vec::new(),
                by_hour: true,
                stated: None,
                warnings,
            });
        }
        let (format, brackets) = self.number_format(column, given, &mut warnings)?;
        let mut text = col(column).str().strip_chars(lit(NULL));
        let trimmed = text.clone();
        for mark in format.strip.iter().flat_map(|s| s.chars()) {
            text = text.str().replace_all(lit(mark.to_string()), lit(""), true);
        }
        if brackets {
            text = text.str().replace_all(lit("("), lit("-"), true).str().replace_all(lit(")"), lit(""), true);
        }
        if let Some(mark) = &format.thousands {
            text = text.str().replace_all(lit(mark.as_str()), lit(""), true);
        }
        if let Some(mark) = &format.decimal
            && mark != "."
        {
            text = text.str().replace_all(lit(mark.as_str()), lit("."), true);
        }
        if format.strip.is_some() || format.thousands.is_some() {
            text = text.str().strip_chars(lit(NULL));
        }
        let name = format!("number:{column}");
        let once = vec![text.cast(DataType::Float64).alias(&name)];
        let number = col(&name);
        let value = when(number.clone().is_finite()).then(number.clone()).otherwise(lit(NULL));
        let words: Vec<&str> = NULL_WORDS.iter().copied().chain(format.null.iter().map(String::as_str)).collect();
        let missing =
            trimmed.clone().is_in(lit(Series::new("words".into(), words)).implode(false), false).fill_null(true);
        let mut bad = number.is_finite().fill_null(false).not().and(missing.not());
        let mut value = value;
        if let Some(pattern) = stray(&format) {
            let hit = trimmed.str().contains(lit(pattern), true).fill_null(false);
            value = when(hit.clone()).then(lit(NULL)).otherwise(value);
            bad = bad.or(hit);
        }
        Ok(Parsed { value, bad, hour: None, once, by_hour: true, stated: None, warnings })
    }

    /// How the numbers of a text column are written, and whether brackets mean negative ones.
    ///
    /// # Errors
    /// E0341 and E0343 for columns that are written in several ways.
    pub(crate) fn number_format(
        &self,
        column: &str,
        given: Option<&NumberFormat>,
        warnings: &mut Vec<Warning>,
    ) -> Result<(NumberFormat, bool)> {
        let values = self.texts(column)?;
        let seen = Seen::of(values.iter().map(String::as_str));
        let signs: Vec<(char, usize)> =
            CURRENCY_SIGNS.iter().copied().zip(seen.signs).filter(|(c, n)| *n > 0 && *c != '\u{a0}').collect();
        if signs.len() > 1 && given.is_none_or(|g| g.strip.is_none()) {
            let listed: Vec<String> = signs.iter().map(|(c, n)| format!("{n} × {c}")).collect();
            return Err(Error::new("E0343", format!("`{column}` holds {} currencies", signs.len()))
                .note("seen", listed.join("    "))
                .why("adding them up would rank customers by the currency they pay in")
                .help("export one currency, or convert before the export"));
        }
        let detected = seen.format();
        let Some(format) = given.cloned().or(detected) else {
            return Err(Error::new("E0341", format!("`{column}` mixes decimal commas and decimal points"))
                .note("seen", format!("{} × 1.234,50    {} × 1234.50", seen.comma, seen.point + seen.thousands))
                .why("read the wrong way, an order counts a thousand times too much")
                .help(format!(
                    "export again, or state it under {}: number = {{ decimal = \",\", thousands = \".\" }}",
                    self.source.section
                )));
        };
        if given.is_none() && format.decimal.is_some() {
            warnings.push(
                Warning::new("W0341", format!("`{column}`: comma is the decimal mark in every value that has one"))
                    .help(format!(
                        "to state it: {} number = {{ decimal = \",\", thousands = \".\" }}",
                        self.source.section
                    )),
            );
        }
        if given.is_none() && (!signs.is_empty() || seen.brackets > 0) {
            let n: usize = signs.iter().map(|(_, n)| n).sum();
            let mut said = Vec::new();
            if let Some((sign, _)) = signs.first() {
                said.push(format!("{sign} is stripped from {n}"));
            }
            if seen.brackets > 0 {
                said.push(format!("{} in brackets are read as negative", seen.brackets));
            }
            warnings.push(
                Warning::new("W0342", format!("`{column}`: of the first {} values {}", values.len(), said.join(", ")))
                    .help(format!("to state the sign: {} number = {{ strip = \"£\" }}", self.source.section)),
            );
        }
        Ok((format, seen.brackets > 0))
    }

    /// A calendar day. The format is detected unless given; two possible readings are an error.
    pub(crate) fn day(&self, spec: &DateSpec) -> Result<Parsed> {
        let column = spec.column();
        let dtype = self.dtype(column);
        let zone = spec.timezone().map(|zone| self.zone(column, zone)).transpose()?;
        if matches!(dtype, DataType::Date | DataType::Datetime(..)) {
            let time = match (&zone, &dtype) {
                (None, _) => col(column),
                (Some(zone), DataType::Datetime(_, Some(_))) => col(column)
                    .dt()
                    .convert_time_zone(zone.clone())
                    .dt()
                    .replace_time_zone(None, lit("raise"), NonExistent::Raise),
                (Some(zone), _) => return Err(self.zoneless(column, zone)),
            };
            let value = time.clone().cast(DataType::Date);
            let hour = matches!(dtype, DataType::Datetime(..)).then(|| time.dt().hour());
            return Ok(Parsed {
                value,
                bad: lit(false),
                hour,
                once: Vec::new(),
                by_hour: true,
                stated: None,
                warnings: Vec::new(),
            });
        }
        let mut warnings = Vec::new();
        let (formats, stated) = match spec.formats() {
            Some(formats) => {
                for format in &formats {
                    dates::check_format(format)?;
                }
                (formats, None)
            }
            None => {
                let (format, proof) = self.date_format(column)?;
                let stated = format!("{column} read as {format} ({proof})");
                (vec![format], Some(stated))
            }
        };
        if let Some(zone) = &zone
            && !formats.iter().any(|f| dates::is_utc(f))
        {
            return Err(self.zoneless(column, zone));
        }
        if zone.is_none() && spec.formats().is_none() && formats.iter().any(|f| dates::is_utc(f)) {
            warnings.push(
                Warning::new("W0315", format!("{}: the times of `{column}` are read as UTC", self.source.table))
                    .why("an order late in the evening may count on the day before or after")
                    .help(format!(
                        "name the shop's zone under {}: date = {{ column = \"{column}\", timezone = \"Europe/Paris\" }}, or \"UTC\"",
                        self.source.section
                    )),
            );
        }
        let text = col(column).cast(DataType::String).str().strip_chars(lit(NULL));
        let moment = DataType::Datetime(TimeUnit::Microseconds, None);
        let mut time: Option<Expr> = None;
        let mut timed = false;
        for format in &formats {
            let options =
                StrptimeOptions { format: Some(format.as_str().into()), strict: false, exact: true, cache: true };
            let one = if let Some((per_day, shift)) = dates::counted(format) {
                let days = text.clone().cast(DataType::Float64) / lit(per_day) - lit(shift);
                // What lies outside the calendar is no date.
                let days = when(days.clone().gt(lit(-36_525.0)).and(days.clone().lt(lit(2_932_897.0))))
                    .then(days)
                    .otherwise(lit(NULL));
                if zone.is_some() {
                    (days * lit(86_400e6))
                        .round(0, RoundMode::HalfAwayFromZero)
                        .cast(DataType::Int64)
                        .cast(moment.clone())
                } else {
                    days.floor().cast(DataType::Int32).cast(DataType::Date).cast(moment.clone())
                }
            } else if format.contains("%H") || format.contains("%T") {
                timed = true;
                let zone = format.contains("%:z").then_some(TimeZone::UTC);
                let zoned = zone.is_some();
                let read = text.clone().str().to_datetime(Some(TimeUnit::Microseconds), zone, options, lit("raise"));
                if zoned { read.dt().replace_time_zone(None, lit("raise"), NonExistent::Raise) } else { read }
            } else {
                text.clone().str().to_date(options).cast(moment.clone())
            };
            let one = match &zone {
                Some(zone) if dates::is_utc(format) => local(one, zone.clone()),
                _ => one,
            };
            time = Some(match time {
                Some(before) => when(before.clone().is_null()).then(one).otherwise(before),
                None => one,
            });
        }
        let name = format!("time:{column}");
        let once = vec![time.unwrap_or_else(|| lit(NULL).cast(moment)).alias(&name)];
        let missing =
            text.is_in(lit(Series::new("words".into(), NULL_WORDS.to_vec())).implode(false), false).fill_null(true);
        let bad = col(&name).is_null().and(missing.not());
        let hour = timed.then(|| col(&name).dt().hour());
        // A zone may lie half an hour aside.
        let by_hour = zone.is_none() && formats.iter().all(|format| tells_hours(format));
        Ok(Parsed { value: col(&name).cast(DataType::Date), bad, hour, once, by_hour, stated, warnings })
    }

    /// A zone that exists.
    fn zone(&self, column: &str, name: &str) -> Result<TimeZone> {
        match TimeZone::opt_try_new(Some(name)) {
            Ok(Some(zone)) => Ok(zone),
            _ => Err(Error::new("E0204", format!("`{name}` is no time zone")).help(format!(
                "an IANA name, under {}: date = {{ column = \"{column}\", timezone = \"Europe/Paris\" }}",
                self.source.section
            ))),
        }
    }

    /// A zone for times that are local already.
    fn zoneless(&self, column: &str, zone: &TimeZone) -> Error {
        Error::new("E0204", format!("the times of `{column}` carry no zone, so they cannot be moved to {zone}"))
            .why("a time without a zone is taken as the shop's own")
            .help(format!("leave out `timezone` under {}", self.source.section))
    }

    /// The format of a date column and what proves it: from the sample if that settles it, else from every value.
    pub(crate) fn date_format(&self, column: &str) -> Result<(String, String)> {
        let mut sampled = self.texts(column)?;
        sampled.sort_unstable();
        sampled.dedup();
        let refs: Vec<&str> = sampled.iter().map(String::as_str).collect();
        let mut reading = dates::judge(&refs);
        let mut distinct = refs.len();
        if !matches!(reading, Reading::One { .. }) {
            let all = self.distinct(column)?;
            let refs: Vec<&str> = all.iter().map(String::as_str).collect();
            distinct = refs.len();
            reading = dates::judge(&refs);
        }
        if let Reading::One { format, proof } = reading {
            return Ok((format, proof));
        }
        let all = self.distinct(column)?;
        match dates::judge_numbers(&all.iter().map(String::as_str).collect::<Vec<_>>()) {
            Some(dates::Counting::Epoch { format, proof }) => return Ok((format, proof)),
            Some(dates::Counting::Excel { first, last }) => {
                let mut error = dates::excel(column, first, last, &self.source.section);
                if let Some(place) = self.source.places(&[(0, column)], "a day number")?.pop() {
                    error = error.at(place);
                }
                return Err(error);
            }
            None => {}
        }
        let mut error = dates::unsettled(&reading, column, distinct, &self.source.section)
            .unwrap_or_else(|| Error::new("E0315", format!("`{column}` holds no dates")));
        let label = match reading {
            Reading::Ambiguous { .. } => "day or month first?",
            _ => "here",
        };
        if let Some(place) = self.source.places(&[(0, column)], label)?.pop() {
            error = error.at(place);
        }
        Err(error)
    }

    fn distinct(&self, column: &str) -> Result<Vec<String>> {
        let frame = self.source.frame(&[column])?.select([col(column).cast(DataType::String).unique().alias("v")]);
        let mut values: Vec<String> = texts(&collect(frame, &self.source.table)?, "v", &self.source.table)?
            .into_iter()
            .flatten()
            .map(|t| t.trim().to_string())
            .filter(|t| !NULL_WORDS.contains(&t.as_str()))
            .collect();
        values.sort_unstable();
        values.dedup();
        Ok(values)
    }
}

/// A mark for thousands stands before three digits. Elsewhere it is the decimal mark of a value that is written otherwise than the rest, and
/// would be read a hundred times too large: the pattern of such values.
pub(crate) fn stray(format: &NumberFormat) -> Option<&'static str> {
    match format.thousands.as_deref() {
        Some(".") => Some(r"\.(\d{0,2}|\d{4,})(\D|$)"),
        Some(",") => Some(r",(\d{0,2}|\d{4,})(\D|$)"),
        _ => None,
    }
}

/// The wall clock's time in a zone, of a time in UTC.
fn local(utc: Expr, zone: TimeZone) -> Expr {
    utc.dt()
        .replace_time_zone(Some(TimeZone::UTC), lit("raise"), NonExistent::Raise)
        .dt()
        .convert_time_zone(zone)
        .dt()
        .replace_time_zone(None, lit("raise"), NonExistent::Raise)
}

/// Whether a format has a calendar day, and behind it no time of day or one that ends in minutes or seconds.
fn tells_hours(format: &str) -> bool {
    let times = [" %H:%M:%S", "T%H:%M:%S", " %H:%M", "T%H:%M"];
    let day = times.iter().find_map(|time| format.strip_suffix(time)).unwrap_or(format);
    day.split('%').skip(1).all(|part| part.starts_with(['Y', 'y', 'm', 'b', 'B', 'd', 'e', 'j', 'F', 'D']))
        || dates::counted(format).is_some()
}

/// Whether a day is one that exports use for "no date".
pub(crate) fn is_placeholder(day: Expr) -> Expr {
    let days: Vec<i32> = PLACEHOLDERS.iter().filter_map(|t| Day::parse(t)).map(|d| d.0).collect();
    day.cast(DataType::Int32).is_in(lit(Series::new("days".into(), days)).implode(false), false).fill_null(false)
}

fn not_null_word(text: Expr) -> Expr {
    let word = text.clone().is_in(lit(Series::new("words".into(), NULL_WORDS.to_vec())).implode(false), false);
    when(word.fill_null(true)).then(lit(NULL).cast(DataType::String)).otherwise(text)
}

/// `17850.0`.
fn is_float(text: &str) -> bool {
    text.strip_suffix(".0").is_some_and(|whole| !whole.is_empty() && whole.bytes().all(|b| b.is_ascii_digit()))
}

/// `1.23E+15`: what a spreadsheet makes of a long id.
pub(crate) fn is_scientific(text: &str) -> bool {
    text.contains(['E', 'e']) && text.contains('+') && text.parse::<f64>().is_ok()
}

pub(crate) fn float_ids(column: &str) -> Warning {
    Warning::new("W0301", format!("`{column}` is written as 17850.0; read as text 17850"))
        .help("nothing is lost; to be rid of this, export the column as text or as whole numbers")
}

/// The commonest of some bad values, for a message: `3,102 × "12,50 €"`.
pub(crate) fn commonest(values: &[String]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for value in values {
        *counts.entry(value).or_default() += 1;
    }
    let mut listed: Vec<(&str, usize)> = counts.into_iter().collect();
    listed.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    listed.iter().take(3).map(|(v, n)| format!("{n} × \"{v}\"")).collect::<Vec<_>>().join("    ")
}
