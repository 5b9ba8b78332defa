//! The files of a project as tables in canonical form, read by Spark: what the embedded reader does to a row, in SQL.
//!
//! How files are written (delimiter, dates, numbers, ids) is detected by the embedded reader from their first rows. Rows are computed once and
//! kept, each with its bucket; the ledger counts the buckets where they are. What needs a look at all rows of a file in their order is not
//! done here, and a warning says so: lines that stand more than once, and totals at the end.

mod beside;
mod cells;
mod files;
mod keys;
mod orders;

use super::{People, Shape, View};
use crate::data::dates::Day;
use crate::data::ledger::{Bucket, Buckets};
use crate::data::read::{ReadOptions, Tables};
use crate::data::schema::Inputs;
use crate::engine::database::Database;
use crate::error::{Error, Result, Warning};
use std::collections::BTreeMap;
use std::path::Path;

/// What was read, where the rows are not here: they are tables of the database under the names of [`Remote::shape`].
pub struct Remote {
    /// Everything that is known without the rows.
    pub tables: Tables,
    /// The tables of the database.
    pub shape: Shape,
    /// Known customers who never ordered.
    pub leads: u64,
    /// Customers who ordered, but have no sale in the window.
    pub lapsed: u64,
}

/// A table while it is read.
struct Reading<'a> {
    database: &'a dyn Database,
    base: &'a Path,
    options: ReadOptions,
    tables: Tables,
    views: Vec<View>,
    people: Option<People>,
    /// The files behind each path.
    listed: BTreeMap<String, Vec<String>>,
    /// Queries of the ids that other tables know of, by table.
    known: Vec<(String, String)>,
}

/// Reads every table of a project in a Spark. Relative paths start at `base`.
///
/// # Errors
/// E0620 and E0621 of the database, E02 and E03 as the embedded reader has them, E0222 for what Spark cannot read.
pub fn read(database: &dyn Database, inputs: &Inputs, base: &Path, options: ReadOptions) -> Result<Remote> {
    let read = read_all(database, inputs, base, options);
    read.map_err(|mut error| {
        // The first rows were looked at in a file of this machine that is gone.
        error.0.place = None;
        error
    })
}

fn read_all(database: &dyn Database, inputs: &Inputs, base: &Path, options: ReadOptions) -> Result<Remote> {
    let mut reading = Reading {
        database,
        base,
        options,
        tables: Tables::empty(options, inputs.exclude_ids.clone()),
        views: Vec::new(),
        people: None,
        listed: BTreeMap::new(),
        known: Vec::new(),
    };
    if inputs.orders.is_none() && inputs.customers.is_none() && inputs.events.is_empty() {
        return Err(Error::new("E0201", "no table says who the customers are")
            .help("add [input.orders] or [input.customers] to ilk.toml; `ilk init FILE` writes them"));
    }
    let copies = options.copies;
    if copies.drop_exact_duplicates {
        return Err(Error::new("E0222", "`drop_exact_duplicates` is not looked for in a Spark")
            .why("customers with copied rows would seem to buy more than they do")
            .help("leave out copies before the export, or: [engine] kind = \"polars\""));
    }
    reading.tables.warnings.push(
        Warning::new(
            "W0621",
            "lines that stand more than once, and totals at the end of a file, are not looked for in a Spark",
        )
        .why("copies would count twice")
        .help(
            "nothing to do if the tables come from a warehouse; else look at one file with: [engine] kind = \"polars\"",
        ),
    );
    reading.list(inputs)?;
    if let Some(spec) = &inputs.orders {
        reading.orders(spec)?;
    }
    reading.events(&inputs.events)?;
    reading.surveys(&inputs.surveys)?;
    if let Some(spec) = &inputs.customers {
        reading.customers(spec)?;
    }
    if reading.tables.as_of.is_none() {
        reading.tables.warnings.push(crate::data::read::undated());
    }
    let (leads, lapsed) = reading.match_keys()?;
    let Reading { database, tables, views, people, .. } = reading;
    let days = days(database, &views)?;
    let reach = match (tables.window_days, views.iter().find(|view| view.table == crate::features::Table::Events)) {
        (Some(days), _) => f64::from(days),
        (None, Some(events)) => {
            let answer = database.query(&format!("SELECT min(day) FROM {}", events.name))?;
            let first = answer.one_number(0)?;
            tables.as_of.map_or(0.0, |as_of| if first.is_nan() { 0.0 } else { f64::from(as_of.0) - first })
        }
        (None, None) => 0.0,
    };
    let shape = Shape { views, people, as_of: tables.as_of, days, reach };
    Ok(Remote { tables, shape, leads, lapsed })
}

/// First and last day of any row.
fn days(database: &dyn Database, views: &[View]) -> Result<(Day, Day)> {
    let mut span: Option<(i32, i32)> = None;
    for view in views {
        let answer = database.query(&format!(
            "SELECT CAST(min(day) AS BIGINT), CAST(max(day) AS BIGINT) FROM {} WHERE day IS NOT NULL",
            view.name
        ))?;
        let (first, last) = (answer.one_number(0)?, answer.one_number(1)?);
        if !first.is_nan() {
            let (first, last) = (first as i32, last as i32);
            span = Some(span.map_or((first, last), |(a, b)| (a.min(first), b.max(last))));
        }
    }
    Ok(span.map_or((Day(0), Day(0)), |(first, last)| (Day(first), Day(last))))
}

impl Reading<'_> {
    /// The first and the last day that count, as conditions are written: days after the first, up to the last.
    fn window(&self) -> (Option<i32>, Option<i32>) {
        let last = self.tables.as_of.map(|day| day.0);
        let days = self.options.window_days.map(|days| i32::try_from(days).unwrap_or(i32::MAX));
        (last.zip(days).map(|(last, days)| last.saturating_sub(days)), last)
    }

    /// The bucket of every row as a number, from conditions in the order in which they decide.
    fn bucket(cases: &[(Bucket, String)]) -> String {
        let cases: String =
            cases.iter().map(|(bucket, when)| format!(" WHEN {when} THEN {}", *bucket as usize)).collect();
        format!("CASE{cases} ELSE {} END", Bucket::Used as usize)
    }

    /// Counts the buckets of a kept table.
    fn buckets(&self, table: &str, money: Option<&str>) -> Result<Buckets> {
        let money = money.unwrap_or("0");
        let answer = self.database.query(&format!(
            "SELECT CAST(bucket AS BIGINT), CAST(count(*) AS BIGINT), CAST(coalesce(sum({money}), 0) AS BIGINT) FROM {table} GROUP BY bucket"
        ))?;
        let mut buckets = Buckets::default();
        for ((bucket, rows), money) in answer.whole(0)?.into_iter().zip(answer.whole(1)?).zip(answer.whole(2)?) {
            if let Some(bucket) = Bucket::ALL.get(bucket as usize) {
                buckets.add(*bucket, rows as u64, money);
            }
        }
        Ok(buckets)
    }

    /// Stops where more rows than the limit are refused, and warns of fewer. `flags` are (column of the table that is kept, column of the file,
    /// reason); `told` has what is written there.
    fn refuse(&mut self, [kept, told]: [&str; 2], section: &str, flags: &[(String, String, &str)]) -> Result<()> {
        let last =
            self.options.as_of.map_or(String::new(), |day| format!(" WHERE NOT coalesce(day > {}, FALSE)", day.0));
        let counted: Vec<String> = flags.iter().map(|(flag, ..)| format!("CAST(count_if({flag}) AS BIGINT)")).collect();
        if counted.is_empty() {
            return Ok(());
        }
        let any: Vec<&str> = flags.iter().map(|(flag, ..)| flag.as_str()).collect();
        let answer = self.database.query(&format!(
            "SELECT CAST(count(*) AS BIGINT), CAST(count_if({}) AS BIGINT), {} FROM {kept}{last}",
            any.join(" OR "),
            counted.join(", ")
        ))?;
        let (rows, refused) = (answer.one(0)? as u64, answer.one(1)? as u64);
        let counts = (0..flags.len()).map(|at| Ok(answer.one(at + 2)? as u64)).collect::<Result<Vec<u64>>>()?;
        let Some((most, _)) =
            counts.iter().enumerate().filter(|(_, n)| **n > 0).max_by_key(|(at, n)| (**n, usize::MAX - at))
        else {
            return Ok(());
        };
        let limit = self.options.max_rejected;
        let share = refused as f64 / rows.max(1) as f64;
        for (at, (_, column, reason)) in flags.iter().enumerate() {
            if counts[at] == 0 || (share > limit && at != most) {
                continue;
            }
            let said = crate::data::read::Bad { column, reason, values: &[], section, n: counts[at] as usize };
            let seen = if column.is_empty() { Vec::new() } else { self.seen(told, column, &flags[at].0)? };
            let said = crate::data::read::Bad { values: &seen, ..said };
            if share > limit {
                return Err(said.error(share, limit));
            }
            let of = counts[at] as f64 / rows.max(1) as f64;
            self.tables.warnings.push(said.warning(of));
        }
        Ok(())
    }

    /// Some of the bad values of a column.
    fn seen(&self, told: &str, column: &str, flag: &str) -> Result<Vec<String>> {
        let written = cells::quoted(&format!("as written: {column}"));
        let answer = self.database.query(&format!(
            "SELECT CAST({written} AS STRING) AS v, CAST(count(*) AS BIGINT) AS n FROM {told} WHERE {flag} GROUP BY 1 ORDER BY n DESC, v LIMIT 3"
        ))?;
        let all = answer.texts(0)?.iter().zip(answer.whole(1)?);
        // As often as they stand there, for a message that counts them.
        let often = |n: i64| n.clamp(0, 100_000) as usize;
        Ok(all.flat_map(|(value, n)| std::iter::repeat_n(value.clone().unwrap_or_default(), often(n))).collect())
    }
}
