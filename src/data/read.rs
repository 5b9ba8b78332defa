//! Files to tables in canonical form: one name per meaning, text ids, whole days, money in minor units. The only reader of
//! input files; every row ends in one bucket of the ledger.

use super::columns::{Sample, commonest};
use super::dates::Day;
use super::duplicates::{self, COPY, CopyRules};
use super::frame::{collect, guard, texts};
use super::ledger::{Buckets, LedgerRow, Reject};
use super::schema::{Inputs, OrdersSpec, Treat};
use super::source::{InputFile, ROW, Source};
use crate::error::{Error, Place, Result, Warning};
use polars::prelude::*;
use std::collections::BTreeSet;
use std::path::Path;

/// Minor units per currency unit. Ten-thousandths: prices with three decimals exist, and a sum of integers does not depend
/// on its order.
pub const MONEY_SCALE: f64 = 10_000.0;

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
    let sample = Sample::of(&source, &columns)?;

    let customer = sample.id(&spec.customer_id)?;
    let mut warnings = customer.warnings;
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
    let mut bad: Vec<(&str, &str, Expr)> = Vec::new();
    let day = match &spec.date {
        Some(date) => {
            let parsed = sample.day(date)?;
            tables.stated.extend(parsed.stated.map(|s| format!("orders: {s}")));
            bad.push((
                date.column(),
                "not a date in the format of the column",
                parsed.bad.or(parsed.value.clone().is_null()),
            ));
            parsed.value.cast(DataType::Int32)
        }
        None => lit(NULL).cast(DataType::Int32),
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
    lines = duplicates::settle(&mut source, lines, options.copies, &flags, tables)?;
    refuse(&source, &lines, &names, options.max_rejected, tables)?;

    let mut refused = lit(false);
    for (flag, ..) in &names {
        refused = refused.or(col(flag.as_str()));
    }
    if tables.as_of.is_none() && spec.date.is_some() {
        let sold = lines.clone().lazy().filter(refused.clone().or(col(COPY)).not().and(col("returned").not()));
        tables.as_of = newest(sold, &mut tables.warnings)?;
    }
    let treat = spec.treat();
    let returned = if treat == Treat::Keep { lit(false) } else { col("returned") };
    let mut bucket = when(refused).then(lit("refused"));
    let mut rest = vec![(col(COPY), duplicates::BUCKET)];
    rest.extend(outside(tables.as_of, options.window_days));
    if treat == Treat::Drop {
        rest.push((col("returned"), "returned, left out"));
    }
    rest.push((col("customer").is_null(), "guest"));
    rest.push((returned.clone(), "returned, counted against revenue"));
    let mut chain = lit("used");
    for (hit, name) in rest.into_iter().rev() {
        chain = when(hit.fill_null(false)).then(lit(name)).otherwise(chain);
    }
    let bucket = {
        let b = std::mem::replace(&mut bucket, when(lit(false)).then(lit("")));
        b.otherwise(chain)
    };
    // A return written with a positive amount still takes money away.
    let amount = when(returned.clone().and(col("amount").gt(lit(0i64))))
        .then(lit(0i64) - col("amount"))
        .otherwise(col("amount"))
        .fill_null(0i64);
    let lines = lines.lazy().with_columns([bucket.alias("bucket"), amount.alias("amount"), returned.alias("returned")]);
    let lines = collect(lines, "orders")?;
    let buckets = count(&lines, Some(source.ragged_rows()))?;
    tables.ledger.extend(buckets.rows_of("orders", spec.has_money()));
    guests(&buckets, tables)?;
    money_warnings(&lines, spec, tables)?;

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
        ]),
        "orders",
    )?;
    let fact = |name: &str| -> Option<i64> { facts.column(name).ok()?.i64().ok()?.get(0) };
    let units = |minor: i64| minor as f64 / MONEY_SCALE;
    tables.sales = Sales {
        orders: fact("orders").unwrap_or(0).unsigned_abs(),
        revenue: spec
            .has_money()
            .then(|| units(buckets.money("used") + buckets.money("returned, counted against revenue"))),
        guest_revenue: spec.has_money().then(|| units(buckets.money("guest"))),
        days: fact("first").zip(fact("last")).map(|(a, b)| (Day(a as i32), Day(b as i32))),
        has_returns: fact("has_returns") == Some(1),
    };
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

/// Rows and money per bucket; `ragged` rows never reached the frame and are refused too.
pub(crate) fn count(lines: &DataFrame, ragged: Option<u64>) -> Result<Buckets> {
    let has_money = lines.column("amount").is_ok();
    let money = if has_money { col("amount").sum() } else { lit(0i64) }.cast(DataType::Int64);
    let counted = collect(
        lines
            .clone()
            .lazy()
            .group_by([col("bucket")])
            .agg([len().cast(DataType::Int64).alias("rows"), money.alias("money")]),
        "ledger",
    )?;
    let names = texts(&counted, "bucket", "ledger")?;
    let mut buckets = Buckets::default();
    const ORDER: [&str; 9] = [
        "used",
        "returned, counted against revenue",
        "returned, left out",
        "guest",
        duplicates::BUCKET,
        "outside the window",
        "after as_of",
        "no customer id",
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
    buckets.add("refused", ragged.unwrap_or(0), 0);
    Ok(buckets)
}

/// Lists the rows with bad values, and stops above the limit. `flags` is (flag column, input column, reason).
pub(crate) fn refuse(
    source: &Source,
    lines: &DataFrame,
    flags: &[(String, &str, &str)],
    max_rejected: f64,
    tables: &mut Tables,
) -> Result<()> {
    let mut worst: Option<(usize, &str, &str, Vec<Place>)> = None;
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
        if worst.as_ref().is_none_or(|w| w.0 < places.len()) {
            worst = Some((places.len(), column, reason, places));
        }
    }
    let total = source.rows() + ragged as u64;
    let refused = bad_rows.len() + ragged;
    if refused == 0 {
        return Ok(());
    }
    let share = refused as f64 / total as f64;
    let limit = format!("{}, limit {}", percent(share), percent(max_rejected));
    if ragged > worst.as_ref().map_or(0, |w| w.0) {
        if share > max_rejected {
            return Err(Error::new(
                "E0105",
                format!("{ragged} lines of {} have another number of fields than the header ({limit})", source.table),
            )
            .why("their values stand in the wrong columns")
            .help("look for an unescaped quote or delimiter; or raise the limit: [quality] max_rejected = \"5%\"")
            .note("all", "rejects.csv (line, column, value, reason), by `ilk check`"));
        }
        return Ok(());
    }
    let Some((n, column, reason, places)) = worst else { return Ok(()) };
    let values: Vec<String> =
        places.iter().map(|p| p.text.get(p.span.clone()).unwrap_or_default().trim_matches('"').to_string()).collect();
    let infinite =
        values.iter().filter(|v| v.trim().to_lowercase().trim_start_matches(['-', '+']).starts_with("inf")).count();
    let (code, what) = if infinite * 2 > n {
        ("E0346", "infinite or not a number")
    } else if reason.contains("date") {
        ("E0315", "no date in the format of the column")
    } else {
        ("E0341", "not numbers")
    };
    let what = if values.iter().all(String::is_empty) { "missing" } else { what };
    let title = format!(
        "{n} {} of `{column}` {} {what} ({limit})",
        if n == 1 { "value" } else { "values" },
        if n == 1 { "is" } else { "are" }
    );
    let first = places.into_iter().next().unwrap_or_default();
    if share > max_rejected {
        return Err(Error::new(code, title)
            .at(first)
            .note("seen", commonest(&values))
            .why("these rows would be missing from their customers")
            .help(fix(code, column, &source.section))
            .note("all", "rejects.csv (line, column, value, reason), by `ilk check`"));
    }
    tables.warnings.push(
        Warning::new(code, format!("{title}: kept out"))
            .at(first)
            .note("seen", commonest(&values))
            .note("all", "rejects.csv (line, column, value, reason)"),
    );
    Ok(())
}

fn fix(code: &str, column: &str, section: &str) -> String {
    match code {
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
                        "{tail} orders are dated after {} (latest {}): not taken for today",
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
            .why("a guest has no history, so there is nobody to put into a segment"),
    );
    Ok(())
}

fn money_warnings(lines: &DataFrame, spec: &OrdersSpec, tables: &mut Tables) -> Result<()> {
    if !spec.has_money() {
        return Ok(());
    }
    let counted = collect(
        lines.clone().lazy().filter(col("bucket").neq(lit("refused")).and(col(COPY).not())).select([
            (col("amount").eq(lit(0i64)).and(col("bucket").eq(lit("used")))).sum().cast(DataType::Int64).alias("zero"),
            col("below_zero").sum().cast(DataType::Int64).alias("negative"),
            (col("below_zero").and(col("returned"))).sum().cast(DataType::Int64).alias("returns"),
        ]),
        "orders",
    )?;
    let value = |name: &str| counted.column(name).ok().and_then(|c| c.i64().ok().and_then(|c| c.get(0))).unwrap_or(0);
    let (zero, negative, returns) = (value("zero"), value("negative"), value("returns"));
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
        tables
            .warnings
            .push(Warning::new("W0344", format!("{zero} order lines cost 0.00: they count as orders, not as money")));
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
            .help("check customer_id of both tables; the ids must be written the same way"));
        }
        if hits * 2 < ids.len() {
            tables.warnings.push(Warning::new(
                "W0206",
                format!(
                    "only {hits} of {} customers of {table} appear in orders ({})",
                    ids.len(),
                    percent(hits as f64 / ids.len() as f64)
                ),
            ));
        }
        known.extend(ids);
    }
    tables.without_orders = known.difference(&buyers).cloned().collect();
    if !tables.without_orders.is_empty() {
        tables.warnings.push(Warning::new(
            "W0355",
            format!(
                "{} known customers have no order in the window: counted and exported, not segmented",
                tables.without_orders.len()
            ),
        ));
    }
    Ok(())
}
