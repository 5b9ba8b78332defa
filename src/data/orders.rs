//! The order lines: parsed, put into one bucket each, and sorted by customer.

mod sorted;

use super::cells::Cells;
use super::columns::{Parsed, Sample, is_placeholder};
use super::dates::Day;
use super::duplicates;
use super::frame::{collect, guard};
use super::ledger::{Bucket, Buckets};
use super::log::{Attributes, Codes, Columns, Field, Known, Log, NONE, UNDATED, mode};
use super::read::{MONEY_SCALE, PLACEHOLDER, ReadOptions, Sales, Tables, UNIT_SCALE, percent, refuse};
use super::schema::{AttributeKind, OrdersSpec, Returns, Treat};
use super::source::{ROW, Source};
use super::texts::Texts;
use crate::error::{Error, Result, Warning};
use polars::prelude::*;
use rayon::prelude::*;
pub(crate) use sorted::newest_of;
use sorted::{Lines, Sorted, newest, sort_out};
use std::path::Path;

/// Reads the order lines into `tables`; returns every customer who ordered up to `as_of`, ascending.
pub(crate) fn orders(spec: &OrdersSpec, base: &Path, options: ReadOptions, tables: &mut Tables) -> Result<Vec<String>> {
    let columns: Vec<&str> = spec.columns().into_iter().map(|(_, c)| c).collect();
    lines(spec, base, options, Source::open_and_take(spec.opening(), base, &columns, dates(spec))?, tables)
}

/// The column of dates, if it is nothing else besides.
pub(crate) fn dates(spec: &OrdersSpec) -> Option<&str> {
    let column = spec.date.as_ref()?.column();
    (spec.columns().iter().filter(|(_, c)| *c == column).count() == 1).then_some(column)
}

/// Reads them from a source.
pub(crate) fn lines(
    spec: &OrdersSpec,
    base: &Path,
    options: ReadOptions,
    mut source: Source,
    tables: &mut Tables,
) -> Result<Vec<String>> {
    let columns: Vec<&str> = spec.columns().into_iter().map(|(_, c)| c).collect();
    source.require(&spec.columns())?;
    source.say_missing(&columns);
    let mut sample = Sample::of(&source, &columns)?;
    if let Some(date) = &spec.date {
        sample.until(&columns, date, options.as_of)?;
    }
    let plan = Plan::of(spec, &sample, &tables.excluded)?;
    let categories = Categories::of(spec, base)?;
    let (lines, texts) = plan.lines(&mut source, &columns, categories.as_ref())?;
    tables.inputs.extend(source.inputs());
    if let Some(categories) = categories {
        tables.inputs.extend(categories.source.inputs());
        tables.warnings.extend(categories.source.warnings.iter().cloned());
    }
    tables.warnings.extend(source.warnings.iter().cloned());
    tables.warnings.extend(plan.warnings);
    tables.stated.extend(plan.stated);
    let flags: Vec<&str> = plan.bad.iter().map(|(flag, ..)| flag.as_str()).collect();
    let lines = duplicates::settle(&mut source, lines, options, &flags, tables)?;
    let lines = super::totals::mark(&source, lines, spec, &flags, tables)?;
    refuse(&source, &lines, &plan.bad, options, tables)?;

    let rows = Lines::of(&lines, &plan.bad)?;
    if tables.as_of.is_none() && spec.date.is_some() {
        tables.as_of = newest(&rows, &mut tables.warnings);
    }
    let mut sorted = sort_out(&rows, spec.treat(), tables.as_of, options.window_days);
    sorted.buckets.add(Bucket::Refused, source.ragged_rows(), 0);
    let money = (0..rows.day.len()).into_par_iter().map(|i| rows.written(i)).sum();
    sorted.buckets.check("orders", source.rows() + source.ragged_rows(), money)?;
    tables.ledger.extend(sorted.buckets.rows_of("orders", spec.has_money()));
    guests(&sorted.buckets, tables)?;
    if spec.has_money() {
        let Sorted { zero, negative, returns, turned, .. } = sorted;
        money_warnings(MoneyFacts { zero, negative, returns, turned }, spec.treat(), tables);
    }
    drop(rows);
    // Whoever ordered before the window began is no lead.
    let before = texts.distinct(&lines, "customer", &sorted.before, "orders")?;
    let largest = match sorted.largest {
        Some((amount, at)) => guard("orders", || Ok(lines.column(ROW)?.u32()?.get(at).map(|row| (amount, row))))?,
        None => None,
    };
    let log = Log::coded(lines, texts, &sorted.keep, &plan.columns, "orders")?;
    if let Some(join) = &spec.join
        && log.codes(&Field::Category).is_some_and(|c| c.levels.is_empty())
    {
        return Err(Error::new("E0206", format!("no order line finds a category by `{}`", join.on))
            .why("the categories of everybody would be missing")
            .help("check join.path and join.on under [input.orders]; the keys must be written the same way"));
    }
    let ordered = super::log::merged(&[&before, &log.ids]);
    tables.sales = sales(&log, &sorted, spec.has_money());
    if spec.treat() == Treat::Net {
        tables.warnings.extend(super::returns::Covered::of(&log).warning());
    }
    super::doubts::orders(&source, &log, largest, spec.has_money(), tables)?;
    if !spec.attributes.is_empty() {
        tables.customers = Some(attributes(&log, spec, &mut tables.warnings)?);
    }
    let mut log = log;
    log.coded.retain(|(field, _)| !matches!(field, Field::Attribute(_)));
    tables.orders = Some(log);
    Ok(ordered)
}

/// The name of the money of a line as the file says it.
const MONEY: &str = "money";

/// The name of the key that categories are looked up by.
const KEY: &str = "join";

/// The table that knows the category of a product.
struct Categories {
    frame: LazyFrame,
    /// The column of the order lines by which they are found.
    on: String,
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
        Ok(Some(Self { frame, on: join.on.clone(), source }))
    }

    /// The lines, in their order, with their categories.
    fn beside(&self, lines: LazyFrame) -> LazyFrame {
        let how = JoinArgs { maintain_order: MaintainOrderJoin::Left, ..JoinArgs::new(JoinType::Left) };
        lines.join(self.frame.clone(), [col(KEY)], [col(KEY)], how).drop(cols([KEY]))
    }
}

/// The query over the file, and what it needs afterwards.
struct Plan<'a> {
    /// What is computed from single columns.
    cells: Cells,
    /// Whether that is the same for dates of one hour.
    by_hour: bool,
    /// The money of a line as the file says it.
    money: Expr,
    /// What is computed from those.
    select: Vec<Expr>,
    columns: Columns<'static>,
    /// Flag column, input column, reason.
    bad: Vec<(String, &'a str, &'a str)>,
    warnings: Vec<Warning>,
    stated: Vec<String>,
}

impl<'a> Plan<'a> {
    fn of(spec: &'a OrdersSpec, sample: &Sample, excluded: &[String]) -> Result<Self> {
        let customer = sample.customer(&spec.customer_id, spec.id_rules())?;
        let mut warnings = customer.warnings;
        let mut stated = Vec::new();
        let mut cells = Cells::default();
        cells.once(&spec.customer_id, customer.once);
        let nobody = is_in(customer.value.clone(), excluded);
        let mut select = vec![
            col(ROW),
            cells.value(&spec.customer_id, "customer", customer.value),
            cells.value(&spec.customer_id, "excluded", nobody),
        ];
        let mut bad: Vec<(&str, &str, Expr)> = Vec::new();
        let (mut placeholder, mut by_hour) = (None, true);
        match &spec.order_id {
            Some(column) => select.push(cells.value(column, "order", sample.id(column)?.value)),
            None => warnings.push(no_order_id()),
        }
        if let Some(date) = &spec.date {
            let parsed = sample.day(date)?;
            let column = date.column();
            stated.extend(parsed.stated.map(|s| format!("orders: {s}")));
            warnings.extend(parsed.warnings);
            cells.once(column, parsed.once);
            by_hour = parsed.by_hour;
            let reason = "not a date in the format of the column";
            bad.push((column, reason, parsed.bad.or(parsed.value.clone().is_null())));
            placeholder = Some((column, PLACEHOLDER, is_placeholder(parsed.value.clone())));
            select.push(cells.value(column, "day", parsed.value.cast(DataType::Int32)));
            select.extend(parsed.hour.map(|h| cells.value(column, "hour", h.cast(DataType::UInt8))));
        }
        // Beside an amount, the quantity only helps to tell returns, and the unit price nothing.
        let mut read_number = |name: &str| -> Result<Parsed> {
            let parsed = sample.number(name, spec.number.as_ref())?;
            warnings.extend(parsed.warnings.iter().cloned());
            cells.once(name, parsed.once.clone());
            let bad = parsed.bad.or(parsed.value.clone().is_null());
            Ok(Parsed { bad, value: cells.value(name, &format!("value:{name}"), parsed.value), ..parsed })
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
                bad.push((name, "not a number", parsed.bad.clone()));
            }
        }
        let (amount, quantity, unit_price) =
            (amount.map(|p| p.value), quantity.map(|p| p.value), unit_price.map(|p| p.value));
        let money = money_of(amount, quantity.clone(), unit_price, |quantity, price| quantity * price, &mut warnings);
        let money = money.map_or_else(|| lit(0i64), minor);
        let amount = col(MONEY);
        let below_zero = match &quantity {
            Some(q) => amount.clone().lt(lit(0i64)).or(q.clone().lt(lit(0.0))),
            None => amount.clone().lt(lit(0i64)),
        }
        .fill_null(false);
        let returned = match spec.treat() {
            Treat::Keep => lit(false),
            _ => match spec.returns.as_ref().and_then(rule) {
                Some((column, rule)) => cells.value(column, "rule", rule),
                None => below_zero.clone(),
            },
        };
        // A return written with a positive amount still takes money away; the ledger keeps what the file says.
        let turned = returned.clone().and(amount.clone().gt(lit(0i64))).fill_null(false);
        let signed = when(turned.clone()).then(lit(0i64) - amount.clone()).otherwise(amount).fill_null(0i64);
        // Without money all of it is a constant, which polars may fold into a narrower type.
        select.push(signed.cast(DataType::Int64).alias("amount"));
        select.push(turned.alias("turned"));
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
            select.push(cells.value(&flag.column, "gift", sample.flag(flag)));
        }
        let mut coded = Vec::new();
        for (field, column) in
            [(Field::Product, &spec.product), (Field::Category, &spec.category), (Field::Channel, &spec.channel)]
        {
            if let Some(column) = column {
                let name = format!("{field:?}");
                if let (Field::Category, Some(join)) = (&field, &spec.join) {
                    // Found beside this once it is there.
                    cells.add(&join.on, KEY, sample.id(&join.on)?.value);
                    select.push(col(&name));
                    coded.push((field, name));
                    continue;
                }
                let value = if field == Field::Product { sample.id(column)?.value } else { sample.level(column).value };
                select.push(cells.value(column, &name, value));
                coded.push((field, name));
            }
        }
        for column in spec.attributes.keys() {
            let name = format!("attribute:{column}");
            select.push(cells.value(column, &name, sample.level(column).value.cast(DataType::String)));
            coded.push((Field::Attribute(column.clone()), name));
        }
        let mut flags = Vec::new();
        for (i, (column, reason, expr)) in bad.into_iter().chain(placeholder).enumerate() {
            let flag = format!("bad{i}");
            select.push(cells.value(column, &flag, expr.fill_null(true)));
            flags.push((flag, column, reason));
        }
        let order = spec.order_id.as_ref().map(|_| "order");
        Ok(Self {
            cells,
            by_hour,
            money,
            select,
            columns: Columns { customer: "customer", order, coded },
            bad: flags,
            warnings,
            stated,
        })
    }

    /// What is computed from the cells of each row.
    fn rows(&self, cells: LazyFrame) -> LazyFrame {
        cells.with_columns([self.money.clone().alias(MONEY)]).select(&self.select)
    }

    /// The lines of the file, and what the numbers stand for that are their texts.
    fn lines(
        &self,
        source: &mut Source,
        columns: &[&str],
        categories: Option<&Categories>,
    ) -> Result<(DataFrame, Texts)> {
        let order = self.columns.order;
        if let Some(taken) = source.taken()
            && self.by_hour
        {
            let beside = |column: &str, frame: LazyFrame| match categories {
                Some(categories) if categories.on == column => categories.beside(frame),
                _ => frame,
            };
            return self.cells.on_levels(taken, order, beside, |cells| self.rows(cells), "orders");
        }
        let query = |source: &Source| -> Result<LazyFrame> {
            let cells = self.cells.on_rows(source.frame(columns)?);
            Ok(self.rows(categories.map_or_else(|| cells.clone(), |c| c.beside(cells.clone()))))
        };
        let mut lines = collect(query(source)?, "orders")?;
        if lines.height() as u64 != source.rows() {
            source.force_copies()?;
            lines = collect(query(source)?, "orders")?;
        }
        Texts::of(lines, order, "orders")
    }
}

/// The money of a line, by whoever computes it: the amount, else pieces times price, else the price. W0354 without any.
pub(crate) fn money_of<T>(
    amount: Option<T>,
    quantity: Option<T>,
    unit_price: Option<T>,
    times: impl Fn(T, T) -> T,
    warnings: &mut Vec<Warning>,
) -> Option<T> {
    let money = match (amount, quantity, unit_price) {
        (Some(amount), ..) => Some(amount),
        (None, Some(quantity), Some(price)) => Some(times(quantity, price)),
        (None, None, Some(price)) => Some(price),
        (None, _, None) => None,
    };
    if money.is_none() {
        warnings.push(
            Warning::new("W0354", "orders have no money: segments are ordered by size")
                .help("name the column: amount = \"…\", or quantity = \"…\" and unit_price = \"…\""),
        );
    }
    money
}

/// That each row is an order.
pub(crate) fn no_order_id() -> Warning {
    Warning::new("W0351", "orders have no order id: each row is an order")
        .help("if several rows belong to one order, name the column: order_id = \"…\"")
}

/// A double holds a cent of a trillion exactly, so a decimal times the scale rounds to the integer it means.
fn minor(money: Expr) -> Expr {
    (money * lit(MONEY_SCALE)).round(0, RoundMode::HalfAwayFromZero).cast(DataType::Int64)
}

/// Which lines the user's rule calls returns, and by which column; `None` without a rule.
fn rule(rule: &Returns) -> Option<(&str, Expr)> {
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
    Some((column, hit.fill_null(false)))
}

/// Whether a text is one of some.
fn is_in(text: Expr, values: &[String]) -> Expr {
    if values.is_empty() {
        return lit(false);
    }
    text.is_in(lit(Series::new("values".into(), values.to_vec())).implode(false), false).fill_null(false)
}

fn sales(log: &Log, sorted: &Sorted, has_money: bool) -> Sales {
    let units = |minor: i64| minor as f64 / MONEY_SCALE;
    let (orders, first, last) = (0..log.ids.len())
        .into_par_iter()
        .with_min_len(4096)
        .map_init(Vec::new, |seen: &mut Vec<u32>, i| {
            let (mut first, mut last) = (i32::MAX, i32::MIN);
            seen.clear();
            for row in log.rows(i).filter(|row| !log.returned[*row]) {
                seen.push(log.order.get(row).copied().unwrap_or(row as u32));
                if log.day[row] != UNDATED {
                    first = first.min(log.day[row]);
                    last = last.max(log.day[row]);
                }
            }
            seen.sort_unstable();
            seen.dedup();
            (seen.len() as u64, first, last)
        })
        .reduce(|| (0, i32::MAX, i32::MIN), |a, b| (a.0 + b.0, a.1.min(b.1), a.2.max(b.2)));
    Sales {
        orders,
        revenue: has_money.then(|| units(log.amount.iter().sum())),
        guest_revenue: has_money.then(|| units(sorted.guest_money)),
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
            warnings.push(
                Warning::new(
                    "W0324",
                    format!("{several} customers have several values of `{column}`: the most frequent counts, then the alphabetically first"),
                )
                .help("if one value is right, give it in [input.customers], one row per customer"),
            );
        }
        columns.push((column.clone(), Known::Level(Codes { codes, levels: coded.levels.clone() })));
    }
    Ok(Attributes { ids: log.ids.clone(), columns })
}

/// What is said of lines that name no customer.
pub(crate) fn guests(buckets: &Buckets, tables: &mut Tables) -> Result<()> {
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
            .why("a guest has no history, so there is nobody to put into a segment")
            .help("if the lines have an id elsewhere, name that column: [input.orders] customer_id = \"…\""),
    );
    Ok(())
}

/// Lines whose money is unusual.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MoneyFacts {
    pub(crate) zero: u64,
    /// Below zero, and those of them that are returns.
    pub(crate) negative: u64,
    pub(crate) returns: u64,
    /// Returns that are written above zero.
    pub(crate) turned: u64,
}

/// What is said of them.
pub(crate) fn money_warnings(facts: MoneyFacts, treat: Treat, tables: &mut Tables) {
    let MoneyFacts { zero, negative, returns, turned } = facts;
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
        tables.warnings.push(
            Warning::new("W0344", format!("{zero} order lines cost 0.00: they count as orders, not as money"))
                .help("if they are no orders, leave them out of the export"),
        );
    }
}
