//! Files to tables in canonical form: one name per meaning, text ids, whole days, money in minor units. The only reader of
//! input files; every row ends in one bucket of the ledger.

use super::columns::commonest;
use super::dates::Day;
use super::duplicates::CopyRules;
use super::frame::guard;
use super::ledger::{LedgerRow, Reject};
use super::log::{Attributes, Log, merged, places};
use super::schema::Inputs;
use super::source::{InputFile, ROW, Source};
use crate::error::{Error, Place, Result, Warning};
use polars::prelude::*;
use std::collections::BTreeSet;
use std::path::Path;

/// Minor units per currency unit. Ten-thousandths: prices with three decimals exist, and a sum of integers does not depend
/// on its order.
pub const MONEY_SCALE: f64 = 10_000.0;

/// Parts per piece: some things are sold by weight.
pub const UNIT_SCALE: f64 = 1_000.0;

/// The reason why a placeholder date is kept out.
pub(crate) const PLACEHOLDER: &str = "a placeholder, not a date";

/// What decides which rows count.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReadOptions {
    /// The day the features speak of; `None` is the day of the newest order (or event).
    pub as_of: Option<Day>,
    /// Only so many days up to `as_of`; `None` is everything.
    pub window_days: Option<u32>,
    /// Share of unreadable rows of a table above which reading stops.
    pub max_rejected: f64,
    /// Which copies of a row count.
    pub copies: CopyRules,
}

/// Everything that was read: the rows that count, by customer.
pub struct Tables {
    /// Order lines.
    pub orders: Option<Log>,
    /// One value per customer and attribute.
    pub customers: Option<Attributes>,
    /// Events of all tables.
    pub events: Option<Log>,
    /// Answers, one row per customer and question asked.
    pub surveys: Option<Log>,
    /// The day the features speak of; `None` without dates.
    pub as_of: Option<Day>,
    /// Days up to `as_of` that count; `None` is all.
    pub window_days: Option<u32>,
    /// Kinds of events that occur, ascending.
    pub kinds: Vec<String>,
    /// Known customers who never ordered, ascending.
    pub leads: Vec<String>,
    /// Customers who ordered, but have no sale in the window, ascending.
    pub lapsed: Vec<String>,
    /// Facts about the orders.
    pub sales: Sales,
    /// What became of every row.
    pub ledger: Vec<LedgerRow>,
    /// The rows that were refused.
    pub rejects: Vec<Reject>,
    /// What was detected, in words.
    pub stated: Vec<String>,
    /// What was fixed or is worrying.
    pub warnings: Vec<Warning>,
    /// The files.
    pub inputs: Vec<InputFile>,
    /// Ids whose rows are left out of every table.
    pub(crate) excluded: Vec<String>,
    /// How many days the events of everyone go back, where the rows here are those of some.
    pub(crate) events_reach: Option<f64>,
}

impl Tables {
    /// What of these rows counted on an earlier day: those up to it and, with a window, not before that. These tables go back far enough,
    /// which is what reading without a window makes sure of. Attributes are those of today.
    pub fn on(&self, day: Day, window_days: Option<u32>) -> Self {
        let after = window_days.map_or(i32::MIN, |days| day.0.saturating_sub(i32::try_from(days).unwrap_or(i32::MAX)));
        let cut = |log: &Option<Log>| log.as_ref().map(|log| log.between(after, day.0));
        let options = ReadOptions { as_of: Some(day), window_days, max_rejected: 1.0, copies: CopyRules::default() };
        Self {
            orders: cut(&self.orders),
            customers: self.customers.clone(),
            events: cut(&self.events),
            surveys: cut(&self.surveys),
            kinds: self.kinds.clone(),
            ..Self::empty(options, self.excluded.clone())
        }
    }

    /// Nothing has been read.
    pub(crate) fn empty(options: ReadOptions, excluded: Vec<String>) -> Self {
        Self {
            orders: None,
            customers: None,
            events: None,
            surveys: None,
            as_of: options.as_of,
            window_days: options.window_days,
            kinds: Vec::new(),
            leads: Vec::new(),
            lapsed: Vec::new(),
            sales: Sales::default(),
            ledger: Vec::new(),
            rejects: Vec::new(),
            stated: Vec::new(),
            warnings: Vec::new(),
            inputs: Vec::new(),
            excluded,
            events_reach: None,
        }
    }

    /// The same without any rows.
    pub(crate) fn beside_the_rows(&self) -> Self {
        Self {
            orders: None,
            customers: None,
            events: None,
            surveys: None,
            as_of: self.as_of,
            window_days: self.window_days,
            kinds: self.kinds.clone(),
            leads: Vec::new(),
            lapsed: Vec::new(),
            sales: self.sales.clone(),
            ledger: self.ledger.clone(),
            rejects: self.rejects.clone(),
            stated: self.stated.clone(),
            warnings: self.warnings.clone(),
            inputs: self.inputs.clone(),
            excluded: self.excluded.clone(),
            events_reach: self.events_reach,
        }
    }
}

/// Facts about the orders that count, guests included where said.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sales {
    /// Distinct orders of known customers.
    pub orders: u64,
    /// Money of known customers in currency units, returns counted against it unless they are dropped.
    pub revenue: Option<f64>,
    /// Money of lines without a customer.
    pub guest_revenue: Option<f64>,
    /// First and last day.
    pub days: Option<(Day, Day)>,
    /// Whether any line that counts is a return.
    pub has_returns: bool,
}

/// Reads every table of a project. Relative paths start at `base`.
///
/// # Errors
/// E01 for files, E0201 for columns, E03 for values; see `ilk explain CODE`.
pub fn read(inputs: &Inputs, base: &Path, options: ReadOptions) -> Result<Tables> {
    let mut tables = Tables::empty(options, inputs.exclude_ids.clone());
    if inputs.orders.is_none() && inputs.customers.is_none() && inputs.events.is_empty() {
        return Err(Error::new("E0201", "no table says who the customers are")
            .help("add [input.orders] or [input.customers] to ilk.toml; `ilk init FILE` writes them"));
    }
    // Whoever ordered at some time up to `as_of`, in the window or not.
    let mut ordered = Vec::new();
    if let Some(spec) = &inputs.orders {
        ordered = super::orders::orders(spec, base, options, &mut tables)?;
    }
    super::beside::events(&inputs.events, base, options, &mut tables)?;
    super::beside::surveys(&inputs.surveys, base, options, &mut tables)?;
    if let Some(spec) = &inputs.customers {
        super::beside::customers(spec, base, options, &mut tables)?;
    }
    if tables.as_of.is_none() {
        tables.warnings.push(undated());
    }
    match_keys(&ordered, &mut tables)?;
    Ok(tables)
}

/// That there is no day to speak of.
pub(crate) fn undated() -> Warning {
    Warning::new("W0353", "there are no dates, so the period is `undated`")
        .why("recency and trends cannot be told")
        .help("name the date column: date = \"…\"")
}

/// What is said of known customers who never ordered, and of those who did not in the window.
pub(crate) fn without_orders(leads: u64, lapsed: u64) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if leads > 0 {
        warnings.push(
            Warning::new("W0356", format!("{leads} known customers never ordered: leads, a segment of their own"))
                .help("nothing to do; they are in assignments.csv as `leads`"),
        );
    }
    if lapsed > 0 {
        warnings.push(
            Warning::new(
                "W0355",
                format!("{lapsed} known customers have no order in the window: counted and exported, not segmented"),
            )
            .help("nothing to do; they are in assignments.csv without a segment"),
        );
    }
    warnings
}

/// Bad values of one column, for a message.
pub(crate) struct Bad<'a> {
    /// The column; empty where the whole row is meant.
    pub(crate) column: &'a str,
    pub(crate) reason: &'a str,
    /// All of them, or some.
    pub(crate) values: &'a [String],
    /// Where to paste a fix.
    pub(crate) section: &'a str,
    /// How many there are.
    pub(crate) n: usize,
}

impl Bad<'_> {
    fn title(&self) -> (&'static str, String) {
        let Self { column, reason, values, n, .. } = self;
        if column.is_empty() {
            return ("E0105", format!("{n} rows have another number of fields than the header"));
        }
        let (code, what) = judged(values, reason);
        let (noun, verb) = if *n == 1 { ("value", "is") } else { ("values", "are") };
        (code, format!("{n} {noun} of `{column}` {verb} {what}"))
    }

    /// Where they are too many: `share` of the rows, above `limit`.
    pub(crate) fn error(&self, share: f64, limit: f64) -> Error {
        let (code, title) = self.title();
        let error = Error::new(code, format!("{title} ({}, limit {})", percent(share), percent(limit)));
        if self.column.is_empty() {
            return error
                .why("their values stand in the wrong columns")
                .help("look for an unescaped quote or delimiter; or raise the limit: [quality] max_rejected = \"5%\"");
        }
        error.note("seen", commonest(self.values)).why("these rows would be missing from their customers").help(fix(
            code,
            self.reason,
            self.column,
            self.section,
        ))
    }

    /// Where they are few: `share` of the rows.
    pub(crate) fn warning(&self, share: f64) -> Warning {
        let (code, title) = self.title();
        let code = if self.reason == PLACEHOLDER { "W0317" } else { code };
        let warning = Warning::new(code, format!("{title} ({}): kept out", percent(share)));
        let warning = if self.column.is_empty() { warning } else { warning.note("seen", commonest(self.values)) };
        warning.why("these rows are missing from their customers")
    }
}

/// One kind of bad value in a table.
struct Refused<'a> {
    column: &'a str,
    reason: &'a str,
    places: Vec<Place>,
}

/// Lists the rows with bad values, and stops above the limit. `flags` is (flag column, input column, reason).
pub(crate) fn refuse(
    source: &Source,
    lines: &DataFrame,
    flags: &[(String, &str, &str)],
    options: ReadOptions,
    tables: &mut Tables,
) -> Result<()> {
    let max_rejected = options.max_rejected;
    let mut kinds: Vec<Refused<'_>> = Vec::new();
    let before = tables.rejects.len();
    for (place, value, reason) in source.ragged()? {
        tables.rejects.push(reject(source, &place, "", value, &reason));
    }
    let ragged = tables.rejects.len() - before;
    let mut bad_rows: BTreeSet<u64> = BTreeSet::new();
    for (flag, column, reason) in flags {
        let mut rows: Vec<u64> = guard(&source.table, || {
            let hits = lines.column(ROW)?.filter(lines.column(flag)?.bool()?)?.cast(&DataType::UInt64)?;
            Ok(hits.u64()?.iter().flatten().collect())
        })?;
        rows.sort_unstable();
        let wanted: Vec<(u64, &str)> = rows.iter().filter(|r| !bad_rows.contains(r)).map(|r| (*r, *column)).collect();
        if wanted.is_empty() {
            continue;
        }
        let places = source.places(&wanted, reason)?;
        for place in &places {
            let value = place.text.get(place.span.clone()).unwrap_or_default().to_string();
            let reason = if value.is_empty() { "missing" } else { reason };
            tables.rejects.push(reject(source, place, column, value, reason));
        }
        bad_rows.extend(&rows);
        kinds.push(Refused { column, reason, places });
    }
    let refused = bad_rows.len() + ragged;
    if refused == 0 {
        return Ok(());
    }
    let total = source.rows() + ragged as u64 - later_rows(lines, options.as_of, &source.table)?;
    let share = refused as f64 / total.max(1) as f64;
    let limit = format!(" ({}, limit {})", percent(share), percent(max_rejected));
    kinds.sort_by_key(|k| std::cmp::Reverse(k.places.len()));
    if share > max_rejected && ragged > kinds.first().map_or(0, |k| k.places.len()) {
        return Err(Error::new(
            "E0105",
            format!("{ragged} lines of {} have another number of fields than the header{limit}", source.table),
        )
        .why("their values stand in the wrong columns")
        .help("look for an unescaped quote or delimiter; or raise the limit: [quality] max_rejected = \"5%\"")
        .note("all", "rejects.csv (line, column, value, reason), by `ilk check`"));
    }
    for kind in kinds {
        let n = kind.places.len();
        let values: Vec<String> = kind
            .places
            .iter()
            .map(|p| p.text.get(p.span.clone()).unwrap_or_default().trim_matches('"').to_string())
            .collect();
        let bad = Bad { column: kind.column, reason: kind.reason, values: &values, section: &source.section, n };
        let first = kind.places.into_iter().next().unwrap_or_default();
        if share > max_rejected {
            return Err(bad
                .error(share, max_rejected)
                .at(first)
                .note("all", "rejects.csv (line, column, value, reason), by `ilk check`"));
        }
        tables.warnings.push(
            bad.warning(n as f64 / total.max(1) as f64)
                .at(first)
                .help("correct them in the export; all are in rejects.csv (line, column, value, reason)"),
        );
    }
    Ok(())
}

/// Code and words for one kind of bad values.
fn judged(values: &[String], reason: &str) -> (&'static str, &'static str) {
    let is_infinite = |v: &&String| v.trim().to_lowercase().trim_start_matches(['-', '+']).starts_with("inf");
    let infinite = values.iter().filter(is_infinite).count();
    let (code, what) = if infinite * 2 > values.len() {
        ("E0346", "infinite or not a number")
    } else if reason == PLACEHOLDER {
        ("E0315", "a placeholder, not a date")
    } else if reason.contains("date") {
        ("E0315", "no date in the format of the column")
    } else {
        ("E0341", "not numbers")
    };
    if values.iter().all(String::is_empty) { (code, "missing") } else { (code, what) }
}

/// Rows after a pinned day: they count for nothing, not even for the limit.
fn later_rows(lines: &DataFrame, as_of: Option<Day>, what: &str) -> Result<u64> {
    let (Some(day), Ok(days)) = (as_of, lines.column("day")) else { return Ok(0) };
    guard(what, || Ok(days.cast(&DataType::Int32)?.i32()?.iter().flatten().filter(|d| *d > day.0).count() as u64))
}

fn fix(code: &str, reason: &str, column: &str, section: &str) -> String {
    match code {
        _ if reason == PLACEHOLDER => {
            "correct these dates in the export; or raise the limit: [quality] max_rejected = \"5%\"".into()
        }
        "E0315" => format!(
            "under {section}: date = {{ column = \"{column}\", format = [\"%Y-%m-%d\", \"%d/%m/%Y\"] }}; or raise [quality] max_rejected"
        ),
        _ => format!(
            "under {section}: number = {{ decimal = \",\", thousands = \".\", strip = \"€\", null = [\"n/a\"] }}; or raise [quality] max_rejected"
        ),
    }
}

fn reject(source: &Source, place: &Place, column: &str, value: String, reason: &str) -> Reject {
    let file =
        Path::new(&place.file).file_name().map_or_else(|| place.file.clone(), |n| n.to_string_lossy().into_owned());
    Reject { table: source.table.clone(), file, line: place.line, column: column.into(), value, reason: reason.into() }
}

/// `1.9%`, with as many digits as it needs to differ from nothing.
pub(crate) fn percent(share: f64) -> String {
    let value = share * 100.0;
    if value >= 10.0 || (value - value.round()).abs() < 1e-9 {
        format!("{value:.0}%")
    } else if value >= 0.1 {
        format!("{value:.1}%")
    } else {
        format!("{value:.3}%")
    }
}

/// Whether the tables speak of the same customers, and who never bought. `ordered` are all customers of order lines.
fn match_keys(ordered: &[String], tables: &mut Tables) -> Result<()> {
    let Some(orders) = &tables.orders else { return Ok(()) };
    let buyers: Vec<String> = (0..orders.ids.len())
        .filter(|i| orders.rows(*i).any(|row| !orders.returned[row]))
        .map(|i| orders.ids[i].clone())
        .collect();
    let others: [(&str, &[String]); 3] = [
        ("customers", tables.customers.as_ref().map_or(&[], |t| &t.ids)),
        ("events", tables.events.as_ref().map_or(&[], |t| &t.ids)),
        ("surveys", tables.surveys.as_ref().map_or(&[], |t| &t.ids)),
    ];
    let mut warnings: Vec<Warning> = super::ids::check("orders", ordered)?.into_iter().collect();
    for (table, ids) in others {
        if ids.is_empty() {
            continue;
        }
        warnings.extend(super::ids::check(table, ids)?);
        let hits = places(ids, ordered).into_iter().flatten().count();
        if hits == 0 {
            let example = |ids: &[String]| ids.first().cloned().unwrap_or_default();
            return Err(Error::new(
                "E0206",
                format!("none of the {} customers of {table} appear in orders", ids.len()),
            )
            .note("seen", format!("ids look like `{}` in {table} and `{}` in orders", example(ids), example(ordered)))
            .why("nothing in one table could be joined to the other")
            .help(
                super::ids::fix(table, ids, ordered)
                    .unwrap_or_else(|| "check customer_id of both tables; the ids must be written the same way".into()),
            ));
        }
        if let Some(warning) = super::ids::padding(table, ids, ordered, hits) {
            warnings.push(warning);
        } else if hits * 2 < ids.len() {
            warnings.push(
                Warning::new(
                    "W0206",
                    format!(
                        "only {hits} of {} customers of {table} appear in orders ({})",
                        ids.len(),
                        percent(hits as f64 / ids.len() as f64)
                    ),
                )
                .why("what the table says of the others is used for nobody")
                .help(
                    super::ids::fix(table, ids, ordered)
                        .unwrap_or_else(|| "if they should, compare how customer_id is written in both tables".into()),
                ),
            );
        }
    }
    let known = merged(&[&orders.ids, others[0].1, others[1].1, others[2].1, ordered]);
    let bought = places(&known, &buyers);
    let once = places(&known, ordered);
    let (mut leads, mut lapsed) = (Vec::new(), Vec::new());
    for (id, (bought, once)) in known.iter().zip(bought.iter().zip(&once)) {
        match (bought, once) {
            (Some(_), _) => {}
            (None, Some(_)) => lapsed.push(id.clone()),
            (None, None) => leads.push(id.clone()),
        }
    }
    warnings.extend(without_orders(leads.len() as u64, lapsed.len() as u64));
    tables.warnings.extend(warnings);
    tables.leads = leads;
    tables.lapsed = lapsed;
    Ok(())
}
