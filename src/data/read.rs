//! Files to tables in canonical form: one name per meaning, text ids, whole days, money in minor units. The only reader of
//! input files; every row ends in one bucket of the ledger.

use super::columns::{Sample, commonest, is_placeholder};
use super::dates::Day;
use super::duplicates::{self, COPY, CopyRules};
use super::frame::{collect, guard, texts};
use super::ledger::{Buckets, LedgerRow, Reject};
use super::schema::{Inputs, OrdersSpec, Treat};
use super::source::{InputFile, ROW, Source};
use super::totals::TOTAL;
use crate::error::{Error, Place, Result, Warning};
use polars::prelude::*;
use std::collections::BTreeSet;
use std::path::Path;

/// Minor units per currency unit. Ten-thousandths: prices with three decimals exist, and a sum of integers does not depend
/// on its order.
pub const MONEY_SCALE: f64 = 10_000.0;

/// The reason why a placeholder date is kept out.
pub(crate) const PLACEHOLDER: &str = "a placeholder, not a date";

/// The column that says whether the amount of a row was turned below zero.
const TURNED: &str = "turned";

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

/// Everything that was read. Frames hold the rows that count, in canonical columns.
pub struct Tables {
    /// `customer, order, day, amount, product, returned`; `amount` in minor units, `day` since 1970-01-01.
    pub(crate) orders: Option<DataFrame>,
    /// `customer` and the attributes under their own names.
    pub(crate) customers: Option<DataFrame>,
    /// `customer, day, kind`.
    pub(crate) events: Option<DataFrame>,
    /// `customer, day, survey, score`.
    pub(crate) surveys: Option<DataFrame>,
    /// The day the features speak of; `None` without dates.
    pub as_of: Option<Day>,
    /// Days up to `as_of` that count; `None` is all.
    pub window_days: Option<u32>,
    /// Kinds of events that occur, ascending.
    pub kinds: Vec<String>,
    /// Known customers without a sale in the window, ascending.
    pub without_orders: Vec<String>,
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
    let mut tables = Tables {
        orders: None,
        customers: None,
        events: None,
        surveys: None,
        as_of: options.as_of,
        window_days: options.window_days,
        kinds: Vec::new(),
        without_orders: Vec::new(),
        sales: Sales::default(),
        ledger: Vec::new(),
        rejects: Vec::new(),
        stated: Vec::new(),
        warnings: Vec::new(),
        inputs: Vec::new(),
        excluded: inputs.exclude_ids.clone(),
    };
    if inputs.orders.is_none() && inputs.customers.is_none() && inputs.events.is_empty() {
        return Err(Error::new("E0201", "no table says who the customers are")
            .help("add [input.orders] or [input.customers] to ilk.toml; `ilk init FILE` writes them"));
    }
    if let Some(spec) = &inputs.orders {
        orders(spec, base, options, &mut tables)?;
    }
    super::beside::events(&inputs.events, base, options, &mut tables)?;
    super::beside::surveys(&inputs.surveys, base, options, &mut tables)?;
    if let Some(spec) = &inputs.customers {
        super::beside::customers(spec, base, options, &mut tables)?;
    }
    if tables.as_of.is_none() {
        tables.warnings.push(
            Warning::new("W0353", "there are no dates, so the period is `undated`")
                .why("recency and trends cannot be told")
                .help("name the date column: date = \"…\""),
        );
    }
    match_keys(&mut tables)?;
    Ok(tables)
}

fn orders(spec: &OrdersSpec, base: &Path, options: ReadOptions, tables: &mut Tables) -> Result<()> {
    let mut source = Source::open(spec.opening(), base)?;
    source.require(&spec.columns())?;
    let columns: Vec<&str> = spec.columns().into_iter().map(|(_, c)| c).collect();
    source.say_missing(&columns);
    let mut sample = Sample::of(&source, &columns)?;

    let mut warnings = Vec::new();
    let mut bad: Vec<(&str, &str, Expr)> = Vec::new();
    let mut placeholder = lit(false);
    let day = match &spec.date {
        Some(date) => {
            let parsed = sample.day(date)?;
            sample.until(&columns, &parsed.value, options.as_of)?;
            tables.stated.extend(parsed.stated.map(|s| format!("orders: {s}")));
            warnings.extend(parsed.warnings);
            bad.push((
                date.column(),
                "not a date in the format of the column",
                parsed.bad.or(parsed.value.clone().is_null()),
            ));
            placeholder = is_placeholder(parsed.value.clone());
            parsed.value.cast(DataType::Int32)
        }
        None => lit(NULL).cast(DataType::Int32),
    };
    let customer = sample.customer(&spec.customer_id, spec.id_rules())?;
    warnings.extend(customer.warnings);
    let order = match &spec.order_id {
        Some(column) => sample.id(column)?.value,
        None => {
            warnings.push(
                Warning::new("W0351", "orders have no order id: each row is an order")
                    .help("if several rows belong to one order, name the column: order_id = \"…\""),
            );
            col(ROW).cast(DataType::String)
        }
    };
    // Beside an amount, the quantity only helps to tell returns, and the unit price nothing.
    let mut read_number = |name: &'_ Option<String>| -> Result<Option<super::columns::Parsed>> {
        let parsed = name.as_deref().map(|n| sample.number(n, spec.number.as_ref())).transpose()?;
        warnings.extend(parsed.iter().flat_map(|p| p.warnings.iter().cloned()));
        Ok(parsed)
    };
    let amount = read_number(&spec.amount)?;
    let quantity = read_number(&spec.quantity)?;
    let unit_price = if amount.is_none() { read_number(&spec.unit_price)? } else { None };
    let quantity_needed = if amount.is_none() { quantity.as_ref() } else { None };
    for (name, parsed) in
        [(&spec.amount, amount.as_ref()), (&spec.quantity, quantity_needed), (&spec.unit_price, unit_price.as_ref())]
    {
        if let (Some(name), Some(parsed)) = (name, parsed) {
            bad.push((name, "not a number", parsed.bad.clone().or(parsed.value.clone().is_null())));
        }
    }
    let (amount, quantity, unit_price) =
        (amount.map(|p| p.value), quantity.map(|p| p.value), unit_price.map(|p| p.value));
    let money = match (amount, &quantity, unit_price) {
        (Some(amount), ..) => Some(amount),
        (None, Some(quantity), Some(price)) => Some(quantity.clone() * price),
        (None, None, Some(price)) => Some(price),
        (None, _, None) => None,
    };
    if money.is_none() {
        warnings.push(
            Warning::new("W0354", "orders have no money: segments are ordered by size")
                .help("name the column: amount = \"…\", or quantity = \"…\" and unit_price = \"…\""),
        );
    }
    // A double holds a cent of a trillion exactly, so a decimal times the scale rounds to the integer it means.
    let minor = money
        .map(|m| (m * lit(MONEY_SCALE)).round(0, RoundMode::HalfAwayFromZero).cast(DataType::Int64))
        .unwrap_or_else(|| lit(0i64));
    let below_zero = match &quantity {
        Some(q) => minor.clone().lt(lit(0i64)).or(q.clone().lt(lit(0.0))),
        None => minor.clone().lt(lit(0i64)),
    }
    .fill_null(false);
    let rule =
        spec.returns.as_ref().filter(|r| r.column.is_some() && (r.starts_with.is_some() || !r.equals.is_empty()));
    let returned = match rule {
        Some(rule) => {
            let text = col(rule.column.as_deref().unwrap_or_default()).cast(DataType::String);
            let mut hit = match &rule.starts_with {
                Some(start) => text.clone().str().starts_with(lit(start.as_str())),
                None => lit(false),
            };
            if !rule.equals.is_empty() {
                let values: Vec<&str> = rule.equals.iter().map(String::as_str).collect();
                hit = hit.or(text.is_in(lit(Series::new("values".into(), values)).implode(false), false));
            }
            hit.fill_null(false)
        }
        None => below_zero.clone(),
    };
    if let Some(date) = &spec.date {
        bad.push((date.column(), PLACEHOLDER, placeholder));
    }
    let product = match &spec.product {
        Some(column) => sample.id(column)?.value,
        None => lit(NULL).cast(DataType::String),
    };
    let mut select = vec![
        col(ROW),
        customer.value.alias("customer"),
        order.alias("order"),
        day.alias("day"),
        minor.alias("amount"),
        product.alias("product"),
        returned.alias("returned"),
        below_zero.alias("below_zero"),
    ];
    for (i, (_, _, expr)) in bad.iter().enumerate() {
        select.push(expr.clone().fill_null(true).alias(format!("bad{i}")));
    }
    for column in spec.attributes.keys() {
        select.push(sample.level(column).value.alias(attribute_column(column)));
    }
    let mut lines = collect(source.frame(&columns)?.select(&select), "orders")?;
    if lines.height() as u64 != source.rows() {
        source.force_copies()?;
        lines = collect(source.frame(&columns)?.select(&select), "orders")?;
    }
    tables.inputs.extend(source.inputs());
    tables.warnings.extend(source.warnings.iter().cloned());
    tables.warnings.append(&mut warnings);

    let names: Vec<(String, &str, &str)> =
        bad.iter().enumerate().map(|(i, (column, reason, _))| (format!("bad{i}"), *column, *reason)).collect();
    let flags: Vec<&str> = names.iter().map(|(flag, ..)| flag.as_str()).collect();
    lines = duplicates::settle(&mut source, lines, options, &flags, tables)?;
    lines = super::totals::mark(&source, lines, spec, &flags, tables)?;
    refuse(&source, &lines, &names, options, tables)?;

    let (mut refused, mut placeholder) = (lit(false), lit(false));
    for (flag, _, reason) in &names {
        let hit = col(flag.as_str());
        if *reason == PLACEHOLDER { placeholder = hit } else { refused = refused.or(hit) }
    }
    if tables.as_of.is_none() && spec.date.is_some() {
        let not_sold = [placeholder.clone(), col(COPY), col(TOTAL), col("returned")];
        let not_sold = not_sold.into_iter().fold(refused.clone(), Expr::or);
        tables.as_of = newest(lines.clone().lazy().filter(not_sold.not()), &mut tables.warnings)?;
    }
    let treat = spec.treat();
    let returned = if treat == Treat::Keep { lit(false) } else { col("returned") };
    let mut rest = vec![(col(COPY), duplicates::BUCKET), (col(TOTAL), "total row")];
    // The flags of rows after a pinned day are cleared, so that what is wrong with them does not count.
    rest.extend([(refused, "refused"), (placeholder, "placeholder date")]);
    rest.extend(outside(tables.as_of, options.window_days));
    if treat == Treat::Drop {
        rest.push((col("returned"), "returned, left out"));
    }
    rest.push((is_excluded(&tables.excluded), "excluded id"));
    rest.push((col("customer").is_null(), "guest"));
    rest.push((returned.clone(), "returned, counted against revenue"));
    let mut bucket = lit("used");
    for (hit, name) in rest.into_iter().rev() {
        bucket = when(hit.fill_null(false)).then(lit(name)).otherwise(bucket);
    }
    // A return written with a positive amount still takes money away; the ledger keeps what the file says.
    let turned = returned.clone().and(col("amount").gt(lit(0i64))).fill_null(false);
    let amount = when(turned.clone()).then(lit(0i64) - col("amount")).otherwise(col("amount")).fill_null(0i64);
    let lines = lines.lazy().with_columns([
        bucket.alias("bucket"),
        turned.alias(TURNED),
        amount.alias("amount"),
        returned.alias("returned"),
    ]);
    let lines = collect(lines, "orders")?;
    let buckets = count(&lines, &source)?;
    tables.ledger.extend(buckets.rows_of("orders", spec.has_money()));
    guests(&buckets, tables)?;
    money_warnings(&lines, spec, tables)?;

    let guest_money = collect(
        lines.clone().lazy().filter(col("bucket").eq(lit("guest"))).select([col("amount").sum().cast(DataType::Int64)]),
        "orders",
    )?;
    let guest_money = guard("orders", || Ok(guest_money.columns()[0].i64()?.get(0).unwrap_or(0)))?;
    if spec.has_money() {
        super::doubts::one_line(&source, &lines, tables)?;
    }
    let mut keep: Vec<Expr> = ["customer", "order", "day", "amount", "product", "returned"].map(col).to_vec();
    keep.extend(spec.attributes.keys().map(|c| col(attribute_column(c))));
    let used = lines
        .lazy()
        .filter(col("bucket").eq(lit("used")).or(col("bucket").eq(lit("returned, counted against revenue"))))
        .select(keep);
    let used = collect(used, "orders")?;
    let facts = collect(
        used.clone().lazy().select([
            col("order").filter(col("returned").not()).n_unique().cast(DataType::Int64).alias("orders"),
            col("day").filter(col("returned").not()).min().cast(DataType::Int64).alias("first"),
            col("day").filter(col("returned").not()).max().cast(DataType::Int64).alias("last"),
            col("returned").any(true).cast(DataType::Int64).alias("has_returns"),
            col("amount").sum().cast(DataType::Int64).alias("money"),
        ]),
        "orders",
    )?;
    let fact = |name: &str| -> Option<i64> { facts.column(name).ok()?.i64().ok()?.get(0) };
    let units = |minor: i64| minor as f64 / MONEY_SCALE;
    tables.sales = Sales {
        orders: fact("orders").unwrap_or(0).unsigned_abs(),
        revenue: spec.has_money().then(|| units(fact("money").unwrap_or(0))),
        guest_revenue: spec.has_money().then(|| units(guest_money)),
        days: fact("first").zip(fact("last")).map(|(a, b)| (Day(a as i32), Day(b as i32))),
        has_returns: fact("has_returns") == Some(1),
    };
    super::doubts::orders(&used, spec.has_money(), tables)?;
    if !spec.attributes.is_empty() {
        tables.customers = Some(super::beside::order_attributes(&used, spec, &mut tables.warnings)?);
    }
    tables.orders = Some(used);
    Ok(())
}

/// The name an attribute of the order lines has in the canonical frame.
pub(crate) fn attribute_column(column: &str) -> String {
    format!("attribute:{column}")
}

/// The conditions of rows that lie outside the time that counts.
pub(crate) fn outside(as_of: Option<Day>, window_days: Option<u32>) -> Vec<(Expr, &'static str)> {
    let mut conditions = Vec::new();
    if let Some(day) = as_of {
        conditions.push((col("day").gt(lit(day.0)), "after as_of"));
        if let Some(days) = window_days {
            let start = day.0 - i32::try_from(days).unwrap_or(i32::MAX / 2);
            conditions.push((col("day").lt_eq(lit(start)), "outside the window"));
        }
    }
    conditions
}

/// Whether the customer of a row is one of those to leave out.
pub(crate) fn is_excluded(excluded: &[String]) -> Expr {
    if excluded.is_empty() {
        return lit(false);
    }
    col("customer").is_in(lit(Series::new("excluded".into(), excluded.to_vec())).implode(false), false)
}

/// Rows and money per bucket; ragged rows never reached the frame and are refused too. Money is what the file says.
///
/// # Errors
/// E0070 if a row is in no bucket or in two, or if the money does not add up: a defect.
pub(crate) fn count(lines: &DataFrame, source: &Source) -> Result<Buckets> {
    let has = |name: &str| lines.column(name).is_ok();
    let written = if has(TURNED) {
        when(col(TURNED)).then(lit(0i64) - col("amount")).otherwise(col("amount"))
    } else if has("amount") {
        col("amount")
    } else {
        lit(0i64)
    };
    let money = written.sum().cast(DataType::Int64).alias("money");
    let counted = collect(
        lines.clone().lazy().group_by([col("bucket")]).agg([len().cast(DataType::Int64).alias("rows"), money.clone()]),
        "ledger",
    )?;
    let names = texts(&counted, "bucket", "ledger")?;
    let mut buckets = Buckets::default();
    const ORDER: [&str; 12] = [
        "used",
        "returned, counted against revenue",
        "returned, left out",
        "guest",
        "excluded id",
        duplicates::BUCKET,
        "total row",
        "outside the window",
        "after as_of",
        "no customer id",
        "placeholder date",
        "refused",
    ];
    guard("ledger", || {
        let rows = counted.column("rows")?.i64()?;
        let money = counted.column("money")?.i64()?;
        for bucket in ORDER {
            if let Some(i) = names.iter().position(|n| n.as_deref() == Some(bucket)) {
                buckets.add(bucket, rows.get(i).unwrap_or(0).unsigned_abs(), money.get(i).unwrap_or(0));
            }
        }
        Ok(())
    })?;
    buckets.add("refused", source.ragged_rows(), 0);
    let total = collect(lines.clone().lazy().select([money]), "ledger")?;
    let total = guard("ledger", || Ok(total.columns()[0].i64()?.get(0).unwrap_or(0)))?;
    buckets.check(&source.table, source.rows() + source.ragged_rows(), total)?;
    Ok(buckets)
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
        let hits = collect(
            lines.clone().lazy().filter(col(flag.as_str())).select([col(ROW).cast(DataType::UInt64)]),
            &source.table,
        )?;
        let mut rows: Vec<u64> = guard(&source.table, || Ok(hits.column(ROW)?.u64()?.iter().flatten().collect()))?;
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
        let (code, what) = judged(&values, kind.reason);
        let title = format!(
            "{n} {} of `{}` {} {what}",
            if n == 1 { "value" } else { "values" },
            kind.column,
            if n == 1 { "is" } else { "are" }
        );
        let first = kind.places.into_iter().next().unwrap_or_default();
        if share > max_rejected {
            return Err(Error::new(code, title + &limit)
                .at(first)
                .note("seen", commonest(&values))
                .why("these rows would be missing from their customers")
                .help(fix(code, kind.reason, kind.column, &source.section))
                .note("all", "rejects.csv (line, column, value, reason), by `ilk check`"));
        }
        let code = if kind.reason == PLACEHOLDER { "W0317" } else { code };
        tables.warnings.push(
            Warning::new(code, format!("{title} ({}): kept out", percent(n as f64 / total.max(1) as f64)))
                .at(first)
                .note("seen", commonest(&values))
                .why("these rows are missing from their customers")
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

/// The newest day, not counting an isolated tail: under 0.1 % of rows, more than 90 days after the rest (a slip of the
/// keyboard such as 2062 must not make everybody look lost).
fn newest(lines: LazyFrame, warnings: &mut Vec<Warning>) -> Result<Option<Day>> {
    let counted = collect(
        lines
            .filter(col("day").is_not_null())
            .group_by([col("day")])
            .agg([len().cast(DataType::Int64).alias("rows")])
            .sort(["day"], SortMultipleOptions::default()),
        "orders",
    )?;
    let days: Vec<(i32, i64)> = guard("orders", || {
        let day = counted.column("day")?.i32()?;
        let rows = counted.column("rows")?.i64()?;
        Ok(day.iter().zip(rows.iter()).filter_map(|(d, r)| d.zip(r)).collect())
    })?;
    let total: i64 = days.iter().map(|d| d.1).sum();
    let mut tail = 0;
    for i in (1..days.len()).rev() {
        tail += days[i].1;
        if tail * 1000 >= total {
            break;
        }
        if days[i].0 - days[i - 1].0 > 90 {
            let last = Day(days[days.len() - 1].0);
            let rest = Day(days[i - 1].0);
            warnings.push(
                Warning::new(
                    "W0316",
                    format!(
                        "{tail} {} dated after {} (latest {}): not taken for today",
                        if tail == 1 { "order is" } else { "orders are" },
                        rest.iso(),
                        last.iso()
                    ),
                )
                .why("taking the latest for today would make every customer look lost")
                .help(format!("if they are real: [features] as_of = \"{}\"", last.iso())),
            );
            return Ok(Some(rest));
        }
    }
    Ok(days.last().map(|d| Day(d.0)))
}

fn guests(buckets: &Buckets, tables: &mut Tables) -> Result<()> {
    let guests = buckets.rows("guest");
    if guests == 0 {
        return Ok(());
    }
    let lines: u64 = guests + buckets.rows("used") + buckets.rows("returned, counted against revenue");
    let all: u64 = lines + buckets.rows("returned, left out");
    let money = buckets.money("guest") as f64;
    let revenue = money + (buckets.money("used") + buckets.money("returned, counted against revenue")) as f64;
    let share = guests as f64 / lines as f64;
    let of_revenue = if revenue > 0.0 { format!(", {} of revenue", percent(money / revenue)) } else { String::new() };
    let title = format!(
        "{guests} of {all} order lines ({}{of_revenue}) have no customer id",
        percent(guests as f64 / all as f64)
    );
    if share > 0.5 {
        return Err(Error::new("E0331", title)
            .why("segments would describe a minority of the business")
            .help("check that customer_id names the right column"));
    }
    tables.warnings.push(
        Warning::new("W0331", format!("{title}: shown as guests, not segmented"))
            .why("a guest has no history, so there is nobody to put into a segment")
            .help("if the lines have an id elsewhere, name that column: [input.orders] customer_id = \"…\""),
    );
    Ok(())
}

fn money_warnings(lines: &DataFrame, spec: &OrdersSpec, tables: &mut Tables) -> Result<()> {
    if !spec.has_money() {
        return Ok(());
    }
    let counted_in = ["used", "guest", "returned, counted against revenue", "returned, left out"];
    let counts = col("bucket").is_in(lit(Series::new("buckets".into(), counted_in.to_vec())).implode(false), false);
    let counted = collect(
        lines.clone().lazy().filter(counts).select([
            (col("amount").eq(lit(0i64)).and(col("bucket").eq(lit("used")))).sum().cast(DataType::Int64).alias("zero"),
            col("below_zero").sum().cast(DataType::Int64).alias("negative"),
            (col("below_zero").and(col("returned"))).sum().cast(DataType::Int64).alias("returns"),
            col(TURNED).sum().cast(DataType::Int64).alias("turned"),
        ]),
        "orders",
    )?;
    let value = |name: &str| counted.column(name).ok().and_then(|c| c.i64().ok().and_then(|c| c.get(0))).unwrap_or(0);
    let (zero, negative, returns, turned) = (value("zero"), value("negative"), value("returns"), value("turned"));
    if turned > 0 {
        tables.warnings.push(
            Warning::new(
                "W0344",
                format!("{turned} returns are written above zero: they count against revenue all the same"),
            )
            .help("if they are none: [input.orders.returns] names how returns are told"),
        );
    }
    if negative > 0 {
        let treat = match spec.treat() {
            Treat::Net => "counted against revenue",
            Treat::Drop => "left out",
            Treat::Keep => "kept as they are",
        };
        tables.warnings.push(
            Warning::new(
                "W0344",
                format!(
                    "{negative} order lines are below zero: {returns} are returns ({treat}), {} are not",
                    negative - returns
                ),
            )
            .help("under [input.orders.returns]: treat = \"net\", \"drop\" or \"keep\""),
        );
    }
    if zero > 0 {
        tables.warnings.push(
            Warning::new("W0344", format!("{zero} order lines cost 0.00: they count as orders, not as money"))
                .help("if they are no orders, leave them out of the export"),
        );
    }
    Ok(())
}

/// Distinct ids of a canonical frame, ascending.
pub(crate) fn ids(frame: Option<&DataFrame>, only: Option<Expr>) -> Result<BTreeSet<String>> {
    let Some(frame) = frame else { return Ok(BTreeSet::new()) };
    let mut lazy = frame.clone().lazy();
    if let Some(only) = only {
        lazy = lazy.filter(only);
    }
    let found = collect(lazy.filter(col("customer").is_not_null()).select([col("customer").unique()]), "customers")?;
    Ok(texts(&found, "customer", "customers")?.into_iter().flatten().collect())
}

/// Whether the tables speak of the same customers, and who never bought.
fn match_keys(tables: &mut Tables) -> Result<()> {
    if tables.orders.is_none() {
        return Ok(());
    }
    let buyers = ids(tables.orders.as_ref(), Some(col("returned").not()))?;
    let mut known = ids(tables.orders.as_ref(), None)?;
    super::ids::check("orders", &known, tables)?;
    let others = [
        ("customers", ids(tables.customers.as_ref(), None)?),
        ("events", ids(tables.events.as_ref(), None)?),
        ("surveys", ids(tables.surveys.as_ref(), None)?),
    ];
    for (table, ids) in others {
        if ids.is_empty() {
            continue;
        }
        let hits = ids.iter().filter(|id| known.contains(*id) || buyers.contains(*id)).count();
        let example = |set: &BTreeSet<String>| set.iter().next().cloned().unwrap_or_default();
        if hits == 0 {
            return Err(Error::new(
                "E0206",
                format!("none of the {} customers of {table} appear in orders", ids.len()),
            )
            .note("seen", format!("ids look like `{}` in {table} and `{}` in orders", example(&ids), example(&buyers)))
            .why("nothing in one table could be joined to the other")
            .help(
                super::ids::fix(table, &ids, &known)
                    .unwrap_or_else(|| "check customer_id of both tables; the ids must be written the same way".into()),
            ));
        }
        if let Some(warning) = super::ids::padding(table, &ids, &known, hits) {
            tables.warnings.push(warning);
        } else if hits * 2 < ids.len() {
            tables.warnings.push(
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
                    super::ids::fix(table, &ids, &known)
                        .unwrap_or_else(|| "if they should, compare how customer_id is written in both tables".into()),
                ),
            );
        }
        known.extend(ids);
    }
    tables.without_orders = known.difference(&buyers).cloned().collect();
    if !tables.without_orders.is_empty() {
        tables.warnings.push(
            Warning::new(
                "W0355",
                format!(
                    "{} known customers have no order in the window: counted and exported, not segmented",
                    tables.without_orders.len()
                ),
            )
            .help("nothing to do; they are in assignments.csv without a segment"),
        );
    }
    Ok(())
}
