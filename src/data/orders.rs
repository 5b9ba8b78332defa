//! The order lines: parsed, put into one bucket each, and sorted by customer.

use super::columns::{Parsed, Sample};
use super::dates::Day;
use super::frame::collect;
use super::ledger::{Bucket, Buckets};
use super::log::{Attributes, Codes, Columns, Field, Known, Log, NONE, UNDATED, mode};
use super::read::{MONEY_SCALE, ReadOptions, Sales, Tables, UNIT_SCALE, percent, refuse};
use super::schema::{AttributeKind, OrdersSpec, Returns, Treat};
use super::source::{ROW, Source};
use crate::error::{Error, Result, Warning};
use polars::prelude::*;
use std::collections::BTreeMap;
use std::path::Path;

/// Reads the order lines into `tables`; returns every customer who ordered up to `as_of`, ascending.
pub(crate) fn orders(spec: &OrdersSpec, base: &Path, options: ReadOptions, tables: &mut Tables) -> Result<Vec<String>> {
    let mut source = Source::open(spec.opening(), base)?;
    source.require(&spec.columns())?;
    let columns: Vec<&str> = spec.columns().into_iter().map(|(_, c)| c).collect();
    let sample = Sample::of(&source, &columns)?;
    let plan = Plan::of(spec, &sample)?;
    let categories = Categories::of(spec, base)?;
    let query = |source: &Source| -> Result<LazyFrame> {
        let lines = source.frame(&columns)?.select(&plan.select);
        Ok(match &categories {
            Some(categories) => categories.beside(lines),
            None => lines,
        })
    };
    let mut lines = collect(query(&source)?, "orders")?;
    if lines.height() as u64 != source.rows() {
        source.force_copies()?;
        lines = collect(query(&source)?, "orders")?;
    }
    tables.inputs.extend(source.inputs());
    if let Some(categories) = categories {
        tables.inputs.extend(categories.source.inputs());
        tables.warnings.extend(categories.source.warnings.iter().cloned());
    }
    tables.warnings.extend(source.warnings.iter().cloned());
    tables.warnings.extend(plan.warnings);
    tables.stated.extend(plan.stated);
    refuse(&source, &lines, &plan.bad, options.max_rejected, tables)?;

    let rows = Lines::of(&lines, plan.bad.len())?;
    if tables.as_of.is_none() && spec.date.is_some() {
        tables.as_of = newest(&rows, &mut tables.warnings);
    }
    let (keep, ordered_before, buckets) = sort_out(&rows, spec.treat(), tables.as_of, options.window_days);
    let mut buckets = buckets;
    buckets.add(Bucket::Refused, source.ragged_rows(), 0);
    tables.ledger.extend(buckets.rows_of("orders", spec.has_money()));
    guests(&buckets, tables)?;
    if spec.has_money() {
        money_warnings(&rows, &keep, spec.treat(), tables);
    }
    drop(rows);
    // Whoever ordered before the window began is no lead.
    let before = distinct(&lines, &ordered_before)?;
    let log = Log::of(lines, &keep, &plan.columns, "orders")?;
    if let Some(join) = &spec.join
        && log.codes(&Field::Category).is_some_and(|c| c.levels.is_empty())
    {
        return Err(Error::new("E0206", format!("no order line finds a category by `{}`", join.on))
            .why("the categories of everybody would be missing")
            .help("check join.path and join.on under [input.orders]; the keys must be written the same way"));
    }
    let ordered = super::log::merged(&[&before, &log.ids]);
    tables.sales = sales(&log, &buckets, spec.has_money());
    if !spec.attributes.is_empty() {
        tables.customers = Some(attributes(&log, spec, &mut tables.warnings)?);
    }
    let mut log = log;
    log.coded.retain(|(field, _)| !matches!(field, Field::Attribute(_)));
    tables.orders = Some(log);
    Ok(ordered)
}

/// The name of the key that categories are looked up by.
const KEY: &str = "join";

/// The table that knows the category of a product.
struct Categories {
    frame: LazyFrame,
    /// Its files may be temporary copies, which go with it.
    source: Source,
}

impl Categories {
    fn of(spec: &OrdersSpec, base: &Path) -> Result<Option<Self>> {
        let (Some(opening), Some(join)) = (spec.join_opening(), &spec.join) else { return Ok(None) };
        let Some(category) = &spec.category else {
            return Err(Error::new("E0204", "the orders have a join and no category to find by it")
                .help("under [input.orders]: category = \"…\", a column of the joined table"));
        };
        let source = Source::open(opening, base)?;
        source.require(&spec.joined_columns())?;
        let columns = [join.on.as_str(), category.as_str()];
        let sample = Sample::of(&source, &columns)?;
        let value = sample.level(category).value.cast(DataType::String);
        let frame = source
            .frame(&columns)?
            .select([sample.id(&join.on)?.value.alias(KEY), value.alias(format!("{:?}", Field::Category))])
            .unique_stable(Some(cols([KEY])), UniqueKeepStrategy::First);
        Ok(Some(Self { frame, source }))
    }

    /// The lines, in their order, with their categories.
    fn beside(&self, lines: LazyFrame) -> LazyFrame {
        let how = JoinArgs { maintain_order: MaintainOrderJoin::Left, ..JoinArgs::new(JoinType::Left) };
        lines.join(self.frame.clone(), [col(KEY)], [col(KEY)], how).drop(cols([KEY]))
    }
}

/// The query over the file, and what it needs afterwards.
struct Plan<'a> {
    select: Vec<Expr>,
    columns: Columns<'static>,
    /// Flag column, input column, reason.
    bad: Vec<(String, &'a str, &'a str)>,
    warnings: Vec<Warning>,
    stated: Vec<String>,
}

impl<'a> Plan<'a> {
    fn of(spec: &'a OrdersSpec, sample: &Sample) -> Result<Self> {
        let customer = sample.id(&spec.customer_id)?;
        let mut warnings = customer.warnings;
        let mut stated = Vec::new();
        let mut select = vec![col(ROW), customer.value.alias("customer")];
        let mut bad: Vec<(&str, &str, Expr)> = Vec::new();
        match &spec.order_id {
            Some(column) => select.push(sample.id(column)?.value.alias("order")),
            None => warnings.push(
                Warning::new("W0351", "orders have no order id: each row is an order")
                    .help("if several rows belong to one order, name the column: order_id = \"…\""),
            ),
        }
        if let Some(date) = &spec.date {
            let parsed = sample.day(date)?;
            stated.extend(parsed.stated.map(|s| format!("orders: {s}")));
            let reason = "not a date in the format of the column";
            bad.push((date.column(), reason, parsed.bad.or(parsed.value.clone().is_null())));
            select.push(parsed.value.cast(DataType::Int32).alias("day"));
            select.extend(parsed.hour.map(|h| h.cast(DataType::UInt8).alias("hour")));
        }
        // Beside an amount, the quantity only helps to tell returns, and the unit price nothing.
        let mut read_number = |name: &str| -> Result<Parsed> {
            let parsed = sample.number(name, spec.number.as_ref())?;
            warnings.extend(parsed.warnings.iter().cloned());
            Ok(parsed)
        };
        let amount = spec.amount.as_deref().map(&mut read_number).transpose()?;
        let quantity = spec.quantity.as_deref().map(&mut read_number).transpose()?;
        let unit_price =
            if amount.is_none() { spec.unit_price.as_deref().map(&mut read_number).transpose()? } else { None };
        let mut discount = lit(0i64);
        for column in spec.discount.iter().flat_map(super::schema::ColumnNames::list) {
            discount = discount + minor(read_number(column)?.value).abs().fill_null(0i64);
        }
        let quantity_needed = if amount.is_none() { quantity.as_ref() } else { None };
        for (name, parsed) in [
            (&spec.amount, amount.as_ref()),
            (&spec.quantity, quantity_needed),
            (&spec.unit_price, unit_price.as_ref()),
        ] {
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
        let amount = money.map_or_else(|| lit(0i64), minor);
        let below_zero = match &quantity {
            Some(q) => amount.clone().lt(lit(0i64)).or(q.clone().lt(lit(0.0))),
            None => amount.clone().lt(lit(0i64)),
        }
        .fill_null(false);
        let returned = match spec.treat() {
            Treat::Keep => lit(false),
            _ => spec.returns.as_ref().and_then(rule).unwrap_or_else(|| below_zero.clone()),
        };
        // A return written with a positive amount still takes money away.
        let signed = when(returned.clone().and(amount.clone().gt(lit(0i64))))
            .then(lit(0i64) - amount.clone())
            .otherwise(amount)
            .fill_null(0i64);
        // Without money all of it is a constant, which polars may fold into a narrower type.
        select.push(signed.cast(DataType::Int64).alias("amount"));
        select.push(returned.alias("returned"));
        select.push(below_zero.alias("below_zero"));
        if let Some(quantity) = quantity {
            let thousandths = (quantity * lit(UNIT_SCALE)).round(0, RoundMode::HalfAwayFromZero);
            select.push(thousandths.cast(DataType::Int64).fill_null(0i64).alias("units"));
        }
        if spec.discount.is_some() {
            select.push(discount.alias("discount"));
        }
        if let Some(flag) = &spec.gift {
            select.push(sample.flag(flag).alias("gift"));
        }
        let mut coded = Vec::new();
        for (field, column) in
            [(Field::Product, &spec.product), (Field::Category, &spec.category), (Field::Channel, &spec.channel)]
        {
            if let Some(column) = column {
                let name = format!("{field:?}");
                if let (Field::Category, Some(join)) = (&field, &spec.join) {
                    select.push(sample.id(&join.on)?.value.alias(KEY));
                    coded.push((field, name));
                    continue;
                }
                let value = if field == Field::Product { sample.id(column)?.value } else { sample.level(column).value };
                select.push(value.alias(&name));
                coded.push((field, name));
            }
        }
        for column in spec.attributes.keys() {
            let name = format!("attribute:{column}");
            select.push(sample.level(column).value.cast(DataType::String).alias(&name));
            coded.push((Field::Attribute(column.clone()), name));
        }
        let mut flags = Vec::new();
        for (i, (column, reason, expr)) in bad.into_iter().enumerate() {
            select.push(expr.fill_null(true).alias(format!("bad{i}")));
            flags.push((format!("bad{i}"), column, reason));
        }
        let order = spec.order_id.as_ref().map(|_| "order");
        Ok(Self { select, columns: Columns { customer: "customer", order, coded }, bad: flags, warnings, stated })
    }
}

/// A double holds a cent of a trillion exactly, so a decimal times the scale rounds to the integer it means.
fn minor(money: Expr) -> Expr {
    (money * lit(MONEY_SCALE)).round(0, RoundMode::HalfAwayFromZero).cast(DataType::Int64)
}

/// Which lines the user's rule calls returns; `None` without a rule.
fn rule(rule: &Returns) -> Option<Expr> {
    let column = rule.column.as_deref()?;
    if rule.starts_with.is_none() && rule.equals.is_empty() {
        return None;
    }
    let text = col(column).cast(DataType::String);
    let mut hit = match &rule.starts_with {
        Some(start) => text.clone().str().starts_with(lit(start.as_str())),
        None => lit(false),
    };
    if !rule.equals.is_empty() {
        let values: Vec<&str> = rule.equals.iter().map(String::as_str).collect();
        hit = hit.or(text.is_in(lit(Series::new("values".into(), values)).implode(false), false));
    }
    Some(hit.fill_null(false))
}

/// What decides the bucket of each line.
struct Lines {
    day: Vec<i32>,
    amount: Vec<i64>,
    guest: Vec<bool>,
    returned: Vec<bool>,
    below_zero: Vec<bool>,
    refused: Vec<bool>,
}

impl Lines {
    fn of(frame: &DataFrame, flags: usize) -> Result<Self> {
        let guard = |call: &dyn Fn() -> PolarsResult<Vec<bool>>| super::frame::guard("orders", call);
        let flag = |name: &str| guard(&|| Ok(frame.column(name)?.bool()?.iter().map(|v| v == Some(true)).collect()));
        let mut refused = vec![false; frame.height()];
        for i in 0..flags {
            for (any, this) in refused.iter_mut().zip(flag(&format!("bad{i}"))?) {
                *any |= this;
            }
        }
        let day = if frame.column("day").is_ok() {
            super::frame::guard("orders", || {
                Ok(frame.column("day")?.i32()?.iter().map(|d| d.unwrap_or(UNDATED)).collect())
            })?
        } else {
            vec![UNDATED; frame.height()]
        };
        Ok(Self {
            day,
            amount: super::frame::guard("orders", || {
                Ok(frame.column("amount")?.i64()?.iter().map(|a| a.unwrap_or(0)).collect())
            })?,
            guest: guard(&|| Ok(frame.column("customer")?.is_null().iter().map(|v| v == Some(true)).collect()))?,
            returned: flag("returned")?,
            below_zero: flag("below_zero")?,
            refused,
        })
    }
}

/// Puts every line into its bucket: which lines are kept, which tell of an order before the window, and the counts.
fn sort_out(
    rows: &Lines,
    treat: Treat,
    as_of: Option<Day>,
    window_days: Option<u32>,
) -> (Vec<bool>, Vec<bool>, Buckets) {
    let last = as_of.map_or(i32::MAX, |d| d.0);
    let first = match (as_of, window_days) {
        (Some(day), Some(days)) => day.0.saturating_sub(i32::try_from(days).unwrap_or(i32::MAX)),
        _ => i32::MIN,
    };
    let n = rows.day.len();
    let (mut keep, mut before) = (vec![false; n], vec![false; n]);
    let mut buckets = Buckets::default();
    let mut counts = [(0u64, 0i64); Bucket::ALL.len()];
    for i in 0..n {
        let bucket = if rows.refused[i] {
            Bucket::Refused
        } else if rows.day[i] > last {
            Bucket::AfterAsOf
        } else if first > i32::MIN && rows.day[i] <= first {
            before[i] = !rows.guest[i];
            Bucket::OutsideWindow
        } else if rows.returned[i] && treat == Treat::Drop {
            before[i] = !rows.guest[i];
            Bucket::ReturnLeftOut
        } else if rows.guest[i] {
            Bucket::Guest
        } else if rows.returned[i] {
            Bucket::ReturnCounted
        } else {
            Bucket::Used
        };
        keep[i] = matches!(bucket, Bucket::Used | Bucket::ReturnCounted);
        let count = &mut counts[bucket as usize];
        count.0 += 1;
        count.1 += rows.amount[i];
    }
    for (bucket, (rows, money)) in Bucket::ALL.into_iter().zip(counts) {
        if rows > 0 {
            buckets.add(bucket, rows, money);
        }
    }
    (keep, before, buckets)
}

/// The customers of some lines, ascending.
fn distinct(lines: &DataFrame, rows: &[bool]) -> Result<Vec<String>> {
    if !rows.contains(&true) {
        return Ok(Vec::new());
    }
    let mask = BooleanChunked::from_slice("mask".into(), rows);
    let found = super::frame::guard("orders", || {
        lines.column("customer")?.filter(&mask)?.unique()?.sort(SortOptions::default())
    })?;
    super::frame::guard("orders", || Ok(found.str()?.iter().flatten().map(str::to_owned).collect()))
}

/// The newest day, not counting an isolated tail: under 0.1 % of rows, more than 90 days after the rest (a slip of the
/// keyboard such as 2062 must not make everybody look lost).
fn newest(rows: &Lines, warnings: &mut Vec<Warning>) -> Option<Day> {
    let mut days: BTreeMap<i32, u64> = BTreeMap::new();
    let mut run: Option<(i32, u64)> = None;
    for i in 0..rows.day.len() {
        if rows.refused[i] || rows.returned[i] || rows.day[i] == UNDATED {
            continue;
        }
        match &mut run {
            Some((day, n)) if *day == rows.day[i] => *n += 1,
            _ => {
                if let Some((day, n)) = run {
                    *days.entry(day).or_default() += n;
                }
                run = Some((rows.day[i], 1));
            }
        }
    }
    if let Some((day, n)) = run {
        *days.entry(day).or_default() += n;
    }
    let days: Vec<(i32, u64)> = days.into_iter().collect();
    let total: u64 = days.iter().map(|d| d.1).sum();
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
            return Some(rest);
        }
    }
    days.last().map(|d| Day(d.0))
}

fn sales(log: &Log, buckets: &Buckets, has_money: bool) -> Sales {
    let units = |minor: i64| minor as f64 / MONEY_SCALE;
    let mut orders = 0u64;
    let (mut first, mut last) = (i32::MAX, i32::MIN);
    let mut seen: Vec<u32> = Vec::new();
    for i in 0..log.ids.len() {
        let rows = log.rows(i);
        seen.clear();
        for row in rows {
            if log.returned[row] {
                continue;
            }
            seen.push(log.order.get(row).copied().unwrap_or(row as u32));
            if log.day[row] != UNDATED {
                first = first.min(log.day[row]);
                last = last.max(log.day[row]);
            }
        }
        seen.sort_unstable();
        seen.dedup();
        orders += seen.len() as u64;
    }
    Sales {
        orders,
        revenue: has_money.then(|| units(buckets.money(Bucket::Used) + buckets.money(Bucket::ReturnCounted))),
        guest_revenue: has_money.then(|| units(buckets.money(Bucket::Guest))),
        days: (first <= last).then_some((Day(first), Day(last))),
        has_returns: log.returned.contains(&true),
    }
}

/// Of several values of one attribute the most frequent counts, then the alphabetically first.
fn attributes(log: &Log, spec: &OrdersSpec, warnings: &mut Vec<Warning>) -> Result<Attributes> {
    let mut columns = Vec::new();
    for (column, attribute) in &spec.attributes {
        if matches!(attribute.kind(), AttributeKind::Number | AttributeKind::BirthYear | AttributeKind::Date) {
            return Err(Error::new(
                "E0204",
                format!("`{column}` cannot be a number among the attributes of order lines"),
            )
            .why("a customer has one row per order line, so a number would need a rule to combine them")
            .help(format!("{column} = \"nominal\", or move it to [input.customers.attributes]")));
        }
        let Some(coded) = log.codes(&Field::Attribute(column.clone())) else { continue };
        let mut several = 0;
        let mut scratch = Vec::new();
        let codes = (0..log.ids.len())
            .map(|i| {
                let best = mode(log.rows(i).map(|row| coded.codes[row]), &mut scratch);
                several += usize::from(scratch.first() != scratch.last());
                best.unwrap_or(NONE)
            })
            .collect();
        if several > 0 {
            warnings.push(Warning::new(
                "W0324",
                format!("{several} customers have several values of `{column}`: the most frequent counts, then the alphabetically first"),
            ));
        }
        columns.push((column.clone(), Known::Level(Codes { codes, levels: coded.levels.clone() })));
    }
    Ok(Attributes { ids: log.ids.clone(), columns })
}

fn guests(buckets: &Buckets, tables: &mut Tables) -> Result<()> {
    let guests = buckets.rows(Bucket::Guest);
    if guests == 0 {
        return Ok(());
    }
    let lines: u64 = guests + buckets.rows(Bucket::Used) + buckets.rows(Bucket::ReturnCounted);
    let all: u64 = lines + buckets.rows(Bucket::ReturnLeftOut);
    let money = buckets.money(Bucket::Guest) as f64;
    let revenue = money + (buckets.money(Bucket::Used) + buckets.money(Bucket::ReturnCounted)) as f64;
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

fn money_warnings(rows: &Lines, keep: &[bool], treat: Treat, tables: &mut Tables) {
    let (mut zero, mut negative, mut returns) = (0u64, 0u64, 0u64);
    for i in 0..rows.day.len() {
        if rows.refused[i] {
            continue;
        }
        zero += u64::from(rows.amount[i] == 0 && keep[i] && !rows.returned[i]);
        negative += u64::from(rows.below_zero[i]);
        returns += u64::from(rows.below_zero[i] && rows.returned[i]);
    }
    if negative > 0 {
        let treated = match treat {
            Treat::Net => "counted against revenue",
            Treat::Drop => "left out",
            Treat::Keep => "kept as they are",
        };
        tables.warnings.push(
            Warning::new(
                "W0344",
                format!(
                    "{negative} order lines are below zero: {returns} are returns ({treated}), {} are not",
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
}
