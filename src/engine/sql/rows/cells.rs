//! What stands in a column of a file, in Spark SQL: ids, levels, numbers and days as the embedded reader reads them.
//!
//! How they are written is detected by the embedded reader itself, from the first rows.

use crate::data::columns::{PLACEHOLDERS, Sample, YES, float_ids, stray};
use crate::data::dates::{self, Day};
use crate::data::numbers::{NULL_WORDS, NumberFormat};
use crate::data::schema::{DateSpec, Flag, IdRules};
use crate::engine::sql::{Dialect, double, text};
use crate::error::{Error, Result, Warning};

/// The type a database gives a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Whole,
    Real,
    Decimal,
    Flag,
    Day,
    /// A moment, told in UTC.
    Moment,
    /// A day and a time of a clock on the wall.
    Clock,
}

impl Kind {
    /// By the name Spark gives it; `None` for what no table of rows should hold.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "tinyint" | "smallint" | "int" | "bigint" => Kind::Whole,
            "float" | "double" => Kind::Real,
            "boolean" => Kind::Flag,
            "date" => Kind::Day,
            "timestamp" => Kind::Moment,
            "timestamp_ntz" => Kind::Clock,
            name if name == "string" || name.starts_with("varchar") || name.starts_with("char") => Kind::Text,
            name if name.starts_with("decimal") => Kind::Decimal,
            _ => return None,
        })
    }
}

/// A name as SQL quotes it.
pub(super) fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

pub(super) fn quote(value: &str) -> String {
    text(value, Dialect::Spark)
}

fn listed<'a>(values: impl IntoIterator<Item = &'a str>) -> String {
    values.into_iter().map(quote).collect::<Vec<_>>().join(", ")
}

/// A value and whether something stands there that cannot be used.
pub(super) struct Cell {
    /// NULL where missing or bad.
    pub(super) value: String,
    pub(super) bad: String,
}

/// A day.
pub(super) struct DayCell {
    pub(super) day: Cell,
    /// The hour, where there is a time of day.
    pub(super) hour: Option<String>,
    pub(super) stated: Option<String>,
}

/// The columns of a table, and what their first rows look like.
pub(super) struct Columns<'a> {
    pub(super) table: &'a str,
    pub(super) section: &'a str,
    pub(super) kinds: Vec<(String, Kind)>,
    pub(super) sample: Sample<'a>,
}

impl Columns<'_> {
    pub(super) fn has(&self, column: &str) -> bool {
        self.kinds.iter().any(|(name, _)| name == column)
    }

    fn kind(&self, column: &str) -> Kind {
        self.kinds.iter().find(|(name, _)| name == column).map_or(Kind::Text, |(_, kind)| *kind)
    }

    /// Text without white space at both ends.
    fn trimmed(column: &str) -> String {
        format!("regexp_replace({}, '(?U)^\\\\s+|\\\\s+$', '')", quoted(column))
    }

    fn not_null_word(text: &str) -> String {
        format!("CASE WHEN {text} IN ({}) THEN NULL ELSE {text} END", listed(NULL_WORDS))
    }

    /// An id, as text.
    pub(super) fn id(&self, column: &str, warnings: &mut Vec<Warning>) -> Result<String> {
        let name = quoted(column);
        Ok(match self.kind(column) {
            Kind::Real => {
                warnings.push(float_ids(column));
                format!("CAST(CAST({name} AS BIGINT) AS STRING)")
            }
            Kind::Text => {
                let text = Self::not_null_word(&name);
                if self.sample.has_float_ids(column)? {
                    warnings.push(float_ids(column));
                    format!("regexp_replace({text}, '^(\\\\d+)\\\\.0$', '$1')")
                } else {
                    text
                }
            }
            _ => format!("CAST({name} AS STRING)"),
        })
    }

    /// A customer's id, evened out.
    pub(super) fn customer(&self, column: &str, rules: IdRules<'_>, warnings: &mut Vec<Warning>) -> Result<String> {
        let mut value = self.id(column, warnings)?;
        for word in rules.normalize.iter().flat_map(|words| words.split(',')) {
            value = match word.trim() {
                "trim" => format!("regexp_replace({value}, '(?U)^\\\\s+|\\\\s+$', '')"),
                "upper" => format!("upper({value})"),
                "lower" => format!("lower({value})"),
                other => {
                    return Err(Error::new(
                        "E0204",
                        format!("`normalize = \"{other}\"`: expected trim, upper or lower"),
                    )
                    .help(format!("under {}: normalize = \"trim,upper\"", self.section)));
                }
            };
        }
        if let Some(prefix) = rules.strip_prefix {
            let (quoted, length) = (quote(prefix), prefix.chars().count());
            value = format!(
                "CASE WHEN startswith({value}, {quoted}) THEN substr({value}, {}) ELSE {value} END",
                length + 1
            );
        }
        if let Some(length) = rules.pad {
            value = format!(
                "CASE WHEN length({value}) < {length} AND {value} RLIKE '^\\\\d+$' THEN lpad({value}, {length}, '0') ELSE {value} END"
            );
        }
        Ok(value)
    }

    /// A level of an attribute or a kind of event.
    pub(super) fn level(&self, column: &str) -> String {
        let name = quoted(column);
        match self.kind(column) {
            Kind::Text => Self::not_null_word(&Self::trimmed(column)),
            Kind::Real => format!(
                "CASE WHEN {name} = floor({name}) THEN CAST(CAST({name} AS BIGINT) AS STRING) ELSE CAST({name} AS STRING) END"
            ),
            _ => format!("CAST({name} AS STRING)"),
        }
    }

    /// Whether a column has one of the values that a flag means.
    pub(super) fn flag(&self, flag: &Flag) -> String {
        let text = match self.kind(&flag.column) {
            Kind::Text => Self::trimmed(&flag.column),
            _ => format!("CAST({} AS STRING)", quoted(&flag.column)),
        };
        if flag.equals.is_empty() {
            format!("coalesce(lower({text}) IN ({}), FALSE)", listed(YES))
        } else {
            format!("coalesce({text} IN ({}), FALSE)", listed(flag.equals.iter().map(String::as_str)))
        }
    }

    /// A number.
    pub(super) fn number(
        &self,
        column: &str,
        given: Option<&NumberFormat>,
        warnings: &mut Vec<Warning>,
    ) -> Result<Cell> {
        if self.kind(column) != Kind::Text {
            let value = format!("CAST({} AS DOUBLE)", quoted(column));
            let usable =
                format!("({value} IS NOT NULL AND NOT isnan({value}) AND abs({value}) <> CAST('Infinity' AS DOUBLE))");
            return Ok(Cell {
                bad: format!("({value} IS NOT NULL AND NOT {usable})"),
                value: format!("CASE WHEN {usable} THEN {value} END"),
            });
        }
        let (format, brackets) = self.sample.number_format(column, given, warnings)?;
        let trimmed = Self::trimmed(column);
        let mut text = trimmed.clone();
        let replaced = |text: &str, mark: &str, by: &str| format!("replace({text}, {}, {})", quote(mark), quote(by));
        for mark in format.strip.iter().flat_map(|s| s.chars()) {
            text = replaced(&text, &mark.to_string(), "");
        }
        if brackets {
            text = replaced(&replaced(&text, "(", "-"), ")", "");
        }
        if let Some(mark) = &format.thousands {
            text = replaced(&text, mark, "");
        }
        if let Some(mark) = format.decimal.as_ref().filter(|mark| *mark != ".") {
            text = replaced(&text, mark, ".");
        }
        if format.strip.is_some() || format.thousands.is_some() {
            text = format!("regexp_replace({text}, '(?U)^\\\\s+|\\\\s+$', '')");
        }
        // Java takes `1d` for a number too.
        let written = format!("{text} RLIKE '^[+-]?(\\\\d+\\\\.?\\\\d*|\\\\.\\\\d+)([eE][+-]?\\\\d+)?$'");
        let read = format!("try_cast({text} AS DOUBLE)");
        let usable = format!("({written} AND abs({read}) <> CAST('Infinity' AS DOUBLE))");
        let words = NULL_WORDS.iter().copied().chain(format.null.iter().map(String::as_str));
        let missing = format!("coalesce({trimmed} IN ({}), TRUE)", listed(words));
        let stray = match stray(&format) {
            Some(pattern) => format!("coalesce({trimmed} RLIKE {}, FALSE)", quote(pattern)),
            None => "FALSE".into(),
        };
        Ok(Cell {
            value: format!("CASE WHEN {usable} AND NOT {stray} THEN {read} END"),
            bad: format!("(NOT coalesce({usable}, FALSE) AND NOT {missing} OR {stray})"),
        })
    }

    /// Whether whole numbers are nanoseconds since 1970, which Spark has no type for: those after 1973.
    fn is_nanoseconds(&self, column: &str) -> Result<bool> {
        let values = self.sample.texts(column)?;
        let after = |text: &String| text.parse::<i64>().is_ok_and(|n| n >= 100_000_000_000_000_000);
        Ok(!values.is_empty() && values.iter().all(after))
    }

    /// A calendar day as a number of days since 1970-01-01.
    pub(super) fn day(
        &self,
        spec: &DateSpec,
        detect: &dyn Fn(&str) -> Result<(String, String)>,
        warnings: &mut Vec<Warning>,
    ) -> Result<DayCell> {
        let (column, name) = (spec.column(), quoted(spec.column()));
        let kind = self.kind(column);
        let zone = spec.timezone();
        let there = |moment: String| match zone {
            Some(zone) => format!("from_utc_timestamp({moment}, {})", quote(zone)),
            None => moment,
        };
        let of = |time: &str| format!("datediff(CAST({time} AS DATE), DATE'1970-01-01')");
        let typed = |time: String, hour: bool| DayCell {
            day: Cell { value: of(&time), bad: "FALSE".into() },
            hour: hour.then(|| format!("hour({time})")),
            stated: None,
        };
        let zoneless = || {
            Error::new("E0204", format!("the times of `{column}` carry no zone, so they cannot be moved to another"))
                .why("a time without a zone is taken as the shop's own")
                .help(format!("leave out `timezone` under {}", self.section))
        };
        match kind {
            Kind::Day | Kind::Clock if zone.is_some() => return Err(zoneless()),
            Kind::Day | Kind::Clock => return Ok(typed(name, kind == Kind::Clock)),
            Kind::Moment => return Ok(typed(there(name), true)),
            Kind::Whole if self.is_nanoseconds(column)? => {
                return Ok(typed(there(format!("timestamp_micros({name} DIV 1000)")), true));
            }
            _ => {}
        }
        let (formats, stated) = match spec.formats() {
            Some(formats) => {
                formats.iter().try_for_each(|format| dates::check_format(format))?;
                (formats, None)
            }
            None => {
                let (format, proof) = detect(column)?;
                let stated = format!("{column} read as {format} ({proof})");
                (vec![format], Some(stated))
            }
        };
        if zone.is_some() && !formats.iter().any(|format| dates::is_utc(format)) {
            return Err(zoneless());
        }
        if zone.is_none() && spec.formats().is_none() && formats.iter().any(|format| dates::is_utc(format)) {
            warnings.push(
                Warning::new("W0315", format!("{}: the times of `{column}` are read as UTC", self.table))
                    .why("an order late in the evening may count on the day before or after")
                    .help(format!(
                        "name the shop's zone under {}: date = {{ column = \"{column}\", timezone = \"Europe/Paris\" }}, or \"UTC\"",
                        self.section
                    )),
            );
        }
        let trimmed = match kind {
            Kind::Text => Self::trimmed(column),
            _ => format!("CAST({name} AS STRING)"),
        };
        let mut times = Vec::new();
        let mut timed = false;
        for format in &formats {
            let one = if let Some((per_day, shift)) = dates::counted(format) {
                let days = format!("(try_cast({trimmed} AS DOUBLE) / {} - {})", double(per_day), double(shift));
                let inside = format!("{days} > {} AND {days} < {}", double(-36_525.0), double(2_932_897.0));
                let moment = if zone.is_some() {
                    format!("timestamp_micros(CAST(floor({days} * {} + {}) AS BIGINT))", double(86_400e6), double(0.5))
                } else {
                    format!("CAST(date_add(DATE'1970-01-01', CAST(floor({days}) AS INT)) AS TIMESTAMP)")
                };
                format!("CASE WHEN {inside} THEN {moment} END")
            } else {
                timed |= format.contains("%H") || format.contains("%T");
                let read = format!("try_to_timestamp({trimmed}, {})", quote(&pattern(format, column, self.section)?));
                if format.contains("%y") {
                    // Two digits from 70 on are of the last century.
                    format!("CASE WHEN year({read}) >= 2070 THEN {read} - INTERVAL '100' YEAR ELSE {read} END")
                } else {
                    read
                }
            };
            times.push(if dates::is_utc(format) { there(one) } else { one });
        }
        let time = if let [one] = &times[..] { one.clone() } else { format!("coalesce({})", times.join(", ")) };
        let missing = format!("coalesce({trimmed} IN ({}), TRUE)", listed(NULL_WORDS));
        Ok(DayCell {
            day: Cell { value: of(&time), bad: format!("({time} IS NULL AND NOT {missing})") },
            hour: timed.then(|| format!("hour({time})")),
            stated,
        })
    }
}

/// Whether a day is one that exports use for "no date".
pub(super) fn is_placeholder(day: &str) -> String {
    let days: Vec<String> = PLACEHOLDERS.iter().filter_map(|t| Day::parse(t)).map(|d| d.0.to_string()).collect();
    format!("coalesce({day} IN ({}), FALSE)", days.join(", "))
}

/// Rounds half away from zero to a whole number: `floor` of what is exact, so that no library's rounding is asked.
pub(super) fn rounded(value: &str) -> String {
    let (zero, half) = (double(0.0), double(0.5));
    let of =
        |value: String| format!("(floor({value}) + CASE WHEN {value} - floor({value}) >= {half} THEN 1 ELSE 0 END)");
    format!(
        "CAST(CASE WHEN {value} < {zero} THEN -{} ELSE {} END AS BIGINT)",
        of(format!("(-{value})")),
        of(format!("({value})"))
    )
}

/// A format of chrono as a pattern of Spark; numbers may have fewer digits than usual.
fn pattern(format: &str, column: &str, section: &str) -> Result<String> {
    let mut pattern = String::new();
    let mut letters = format.chars();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            // Letters stand for themselves only within quotes.
            if letter.is_ascii_alphabetic() {
                pattern.extend(['\'', letter, '\''])
            } else {
                pattern.push(letter)
            }
            continue;
        }
        let mut code = String::from(letters.next().unwrap_or_default());
        if code == ":" || code == "." {
            code.extend(letters.next());
        }
        // Numbers that touch have all their digits.
        let touches = letters.as_str().starts_with('%') || pattern.ends_with(|sign: char| sign.is_ascii_alphabetic());
        let digits = |letter: &'static str, two: &'static str| if touches { two } else { letter };
        pattern.push_str(match code.as_str() {
            "Y" => "yyyy",
            "y" => "yy",
            "m" => digits("M", "MM"),
            "d" | "e" => digits("d", "dd"),
            "H" => digits("H", "HH"),
            "M" => digits("m", "mm"),
            "S" => digits("s", "ss"),
            "b" => "MMM",
            "B" => "MMMM",
            "F" => "yyyy-M-d",
            "T" => "H:m:s",
            ".f" => "[.SSSSSSSSS][.SSSSSSSS][.SSSSSSS][.SSSSSS][.SSSSS][.SSSS][.SSS][.SS][.S]",
            ":z" => "XXX",
            "z" => "XX",
            "%" => "%",
            other => {
                return Err(Error::new(
                    "E0222",
                    format!("Spark does not read `%{other}` of the date format `{format}`"),
                )
                .why("dates that are read wrong move \"days since last order\"")
                .help(format!(
                    "write the dates another way, or export `{column}` as a date column of a Parquet file ({section})"
                )));
            }
        });
    }
    Ok(pattern)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_become_patterns() {
        let of = |format: &str| pattern(format, "d", "[input.orders]").map_err(|error| error.code().to_string());
        assert_eq!(of("%d/%m/%Y %H:%M").as_deref(), Ok("d/M/yyyy H:m"));
        assert_eq!(of("%Y-%m-%dT%H:%M:%S%:z").as_deref(), Ok("yyyy-M-d'T'H:m:ssXXX"));
        assert_eq!(of("%b %d, %Y").as_deref(), Ok("MMM d, yyyy"));
        assert_eq!(of("%Y%m%d").as_deref(), Ok("yyyyMMdd"));
        assert_eq!(of("%j %Y"), Err("E0222".to_string()));
    }
}
