//! The tables beside the orders: customers, events, surveys.

use super::columns::{Parsed, Sample, is_placeholder};
use super::dates::Day;
use super::duplicates::{self, COPY};
use super::frame::{collect, dense, guard, numbers, truth};
use super::ledger::{Bucket, Buckets};
use super::log::{Attributes, Codes, Columns, Field, Known, Log, UNDATED};
use super::read::{PLACEHOLDER, ReadOptions, Tables, refuse};
use super::schema::{AttributeKind, CustomersSpec, DateSpec, EventsSpec, KindSpec, Question, QuestionKind, SurveySpec};
use super::source::{ROW, Source};
use crate::error::{Error, Result, Warning};
use polars::prelude::*;
use std::path::Path;

/// The one-row-per-customer table, joined to what the order lines told.
pub(crate) fn customers(spec: &CustomersSpec, base: &Path, options: ReadOptions, tables: &mut Tables) -> Result<()> {
    let mut source = Source::open(spec.opening(), base)?;
    source.require(&spec.columns())?;
    let columns: Vec<&str> = spec.columns().into_iter().map(|(_, c)| c).collect();
    source.say_missing(&columns);
    let sample = Sample::of(&source, &columns)?;
    let mut once = Vec::new();
    let newest = spec.duplicates.as_deref().map(|rule| newest(rule, spec.last_by(), &sample, &mut once)).transpose()?;
    let id = match &spec.customer_id {
        Some(column) => {
            let parsed = sample.customer(column, spec.id_rules())?;
            tables.warnings.extend(parsed.warnings);
            parsed.value
        }
        None => {
            tables.warnings.push(
                Warning::new("W0352", "customers have no id: the row number is the id")
                    .why("the order of rows now matters: sort the file differently and ids change")
                    .help("name the column: customer_id = \"…\""),
            );
            // Padded, so that text order is row order.
            let digits = u32::try_from(source.rows().to_string().len()).unwrap_or(19);
            (col(ROW).cast(DataType::Int64) + lit(10i64.pow(digits) + 1))
                .cast(DataType::String)
                .str()
                .slice(lit(1), lit(NULL))
        }
    };
    let mut select = vec![col(ROW), id.alias("customer")];
    select.extend(newest.into_iter().flatten());
    let mut flags: Vec<(String, &str, &str)> = Vec::new();
    for (i, (column, kind)) in spec.attributes.iter().enumerate() {
        let parsed: Parsed = match kind.kind() {
            AttributeKind::Number | AttributeKind::BirthYear => sample.number(column, spec.number.as_ref())?,
            AttributeKind::Date => {
                let mut parsed = sample.day(&DateSpec::Column(column.clone()))?;
                // A placeholder says that no day is known.
                let placeholder = is_placeholder(parsed.value.clone());
                parsed.value = when(placeholder).then(lit(NULL)).otherwise(parsed.value.cast(DataType::Int32));
                parsed
            }
            AttributeKind::Nominal | AttributeKind::Binary => sample.level(column),
        };
        tables.warnings.extend(parsed.warnings);
        tables.stated.extend(parsed.stated.map(|s| format!("customers: {s}")));
        // The column by which the newest row is told may be an attribute too.
        once.retain(|o| !parsed.once.contains(o));
        once.extend(parsed.once);
        select.push(parsed.value.alias(column.as_str()));
        select.push(parsed.bad.fill_null(false).alias(format!("bad{i}")));
        let reason = match kind.kind() {
            AttributeKind::Date => "not a date in the format of the column",
            _ => "not a number",
        };
        flags.push((format!("bad{i}"), column, reason));
    }
    let mut rows = collect(source.frame(&columns)?.with_columns(&once).select(&select), "customers")?;
    if rows.height() as u64 != source.rows() {
        source.force_copies()?;
        rows = collect(source.frame(&columns)?.with_columns(&once).select(&select), "customers")?;
    }
    tables.inputs.extend(source.inputs());
    tables.warnings.extend(source.warnings.iter().cloned());
    refuse(&source, &rows, &flags, options, tables)?;
    let mut bad = lit(false);
    for (flag, ..) in &flags {
        bad = bad.or(col(flag.as_str()));
    }
    let mut rows = collect(rows.lazy().with_columns([bad.alias("bad"), lit(false).alias("older")]), "customers")?;
    let excluded = excluded(&tables.excluded);
    if spec.duplicates.is_some() {
        rows = only_newest(rows, excluded.clone())?;
    }
    let mut buckets = Buckets::default();
    let (refused, nobody) = (yes(&rows, "bad", "customers")?, missing(&rows, "customer", "customers")?);
    let older = yes(&rows, "older", "customers")?;
    let left_out = left_out(&rows, &tables.excluded, "customers")?;
    for i in 0..rows.height() {
        let bucket = if refused[i] {
            Bucket::Refused
        } else if nobody[i] {
            Bucket::NoCustomer
        } else if left_out[i] {
            Bucket::Excluded
        } else if older[i] {
            Bucket::Duplicate
        } else {
            Bucket::Used
        };
        buckets.add(bucket, 1, 0);
    }
    buckets.add(Bucket::Refused, source.ragged_rows(), 0);
    buckets.check("customers", source.rows() + source.ragged_rows(), 0)?;
    tables.ledger.extend(buckets.rows_of("customers", false));
    let mut keep = vec![col("customer")];
    keep.extend(spec.attributes.keys().map(|c| col(c.as_str())));
    let counts = col("bad").or(col("older")).or(excluded).not().and(col("customer").is_not_null());
    let used = rows.clone().lazy().filter(counts);
    let distinct = used.clone().select(keep).unique(None, UniqueKeepStrategy::Any);
    let distinct = collect(distinct.sort(["customer"], SortMultipleOptions::default()), "customers")?;
    let people = guard("customers", || distinct.column("customer")?.n_unique())?;
    if people < distinct.height() {
        let differing = collect(
            distinct
                .clone()
                .lazy()
                .group_by([col("customer")])
                .agg([len().alias("n")])
                .filter(col("n").gt(lit(1)))
                .select([col("customer")]),
            "customers",
        )?;
        let used = used.join(differing.lazy(), [col("customer")], [col("customer")], JoinArgs::new(JoinType::Semi));
        let row = |nth: i64, name: &str| {
            col(ROW).sort(SortOptions::default()).get(lit(nth), true).cast(DataType::UInt64).alias(name)
        };
        let repeated = collect(
            used.group_by([col("customer")])
                .agg([row(0, "first"), row(1, "again")])
                .filter(col("again").is_not_null())
                .sort(["again"], SortMultipleOptions::default()),
            "customers",
        )?;
        let (first, again) = guard("customers", || {
            let of = |name: &str| PolarsResult::Ok(repeated.column(name)?.u64()?.get(0).unwrap_or(0));
            Ok((of("first")?, of("again")?))
        })?;
        let column = spec.customer_id.as_deref().unwrap_or_default();
        let mut error = Error::new(
            "E0323",
            match repeated.height() {
                1 => "1 customer stands in the customers table twice with different values".to_string(),
                n => format!("{n} customers stand in the customers table twice with different values"),
            },
        );
        if let [first, again] = source.places(&[(first, column), (again, column)], "again")?.as_slice() {
            error = error
                .note("note", format!("the first of them stands in line {} already", first.line))
                .at(again.clone());
        }
        let told =
            |c: &&String| ["updat", "modif", "chang", "date", "time"].iter().any(|w| c.to_lowercase().contains(w));
        let by = source.columns.iter().find(told).map_or("COLUMN", String::as_str);
        return Err(error.why("it cannot be told which of the values is true").help(format!(
            "export one row per customer, or say which counts under [input.customers]: duplicates = \"last by {by}\""
        )));
    }
    let mut columns = Vec::new();
    for (column, attribute) in &spec.attributes {
        let known = match attribute.kind() {
            AttributeKind::Nominal | AttributeKind::Binary => Known::Level(Codes::of(&distinct, column, "customers")?),
            _ => Known::Number(numbers(&distinct, column, "customers")?),
        };
        columns.push((column.clone(), known));
    }
    let ids = super::frame::texts(&distinct, "customer", "customers")?.into_iter().flatten().collect();
    let told = Attributes { ids, columns };
    tables.customers = Some(match tables.customers.take() {
        // What the customers table says wins over what order lines tell.
        Some(lines) => told.beside(lines),
        None => told,
    });
    Ok(())
}

/// The columns that tell which of several rows of a customer is the newest: the day, and the text itself.
fn newest(rule: &str, by: Option<&str>, sample: &Sample<'_>, once: &mut Vec<Expr>) -> Result<[Expr; 2]> {
    let Some(column) = by.filter(|c| !c.is_empty()) else {
        return Err(Error::new("E0204", format!("`duplicates = \"{rule}\"`: expected `last by` and a column"))
            .help("duplicates = \"last by updated_at\""));
    };
    // What holds no dates, a version number for instance, is compared as it stands.
    let day = match sample.day(&DateSpec::Column(column.into())) {
        Ok(parsed) => {
            once.extend(parsed.once);
            parsed.value.cast(DataType::Int32)
        }
        Err(_) => lit(NULL).cast(DataType::Int32),
    };
    Ok([day.alias("newest_day"), col(column).cast(DataType::String).alias("newest_text")])
}

/// Of several rows of a customer only the newest is used; of equally new ones the last. The others are marked `older`.
fn only_newest(rows: DataFrame, excluded: Expr) -> Result<DataFrame> {
    let usable = col("bad").or(excluded).not().and(col("customer").is_not_null());
    let newest = rows
        .clone()
        .lazy()
        .filter(usable.clone())
        .sort(
            ["customer", "newest_day", "newest_text", ROW],
            SortMultipleOptions::default().with_order_descending_multi([false, true, true, true]).with_nulls_last(true),
        )
        .unique_stable(Some(cols(["customer"])), UniqueKeepStrategy::First)
        .select([col(ROW), lit(true).alias("newest")]);
    let older = usable.and(col("newest").is_null()).alias("older");
    collect(
        rows.lazy().join(newest, [col(ROW)], [col(ROW)], JoinArgs::new(JoinType::Left)).with_columns([older]),
        "customers",
    )
}

/// Whether the customer is one of some who are nobody.
fn excluded(ids: &[String]) -> Expr {
    if ids.is_empty() {
        return lit(false);
    }
    col("customer").is_in(lit(Series::new("excluded".into(), ids.to_vec())).implode(false), false).fill_null(false)
}

/// Which rows are of ids that are nobody.
fn left_out(rows: &DataFrame, ids: &[String], what: &str) -> Result<Vec<bool>> {
    if ids.is_empty() {
        return Ok(vec![false; rows.height()]);
    }
    yes(&collect(rows.clone().lazy().select([excluded(ids).alias("left_out")]), what)?, "left_out", what)
}

/// Where a flag holds.
fn yes(frame: &DataFrame, name: &str, what: &str) -> Result<Vec<bool>> {
    guard(what, || Ok(truth(frame.column(name)?.bool()?)))
}

/// Where a value is missing.
fn missing(frame: &DataFrame, name: &str, what: &str) -> Result<Vec<bool>> {
    guard(what, || Ok(truth(&frame.column(name)?.is_null())))
}

/// All event tables as one.
pub(crate) fn events(specs: &[EventsSpec], base: &Path, options: ReadOptions, tables: &mut Tables) -> Result<()> {
    let mut parts = Vec::new();
    for spec in specs {
        let mut source = Source::open(spec.opening(), base)?;
        let mut joined = spec.join_opening().map(|opening| Source::open(opening, base)).transpose()?;
        let (mut own, mut looked_up) = (Vec::new(), Vec::new());
        for (key, column) in spec.columns() {
            match &joined {
                Some(other) if !source.has(column) => {
                    other.require(&[(key, column)])?;
                    looked_up.push(column);
                }
                _ => {
                    source.require(&[(key, column)])?;
                    own.push(column);
                }
            }
        }
        if let (Some(join), Some(other)) = (&spec.join, &joined) {
            source.require(&[("join.on", &join.on)])?;
            other.require(&[("join.on", &join.on)])?;
            own.push(&join.on);
            looked_up.push(&join.on);
        }
        source.say_missing(&own);
        if let Some(other) = &mut joined {
            other.say_missing(&looked_up);
            tables.warnings.append(&mut other.warnings);
        }
        let mut sample = Sample::of(&source, &own)?;
        if let Some(date) = spec.date.as_ref().filter(|d| source.has(d.column())) {
            sample.until(&own, date, options.as_of)?;
        }
        let other_sample = joined.as_ref().map(|other| Sample::of(other, &looked_up)).transpose()?;
        let of = |column: &str| match &other_sample {
            Some(other) if !source.has(column) => other,
            _ => &sample,
        };
        let mut own_select = vec![col(ROW)];
        let mut other_select = Vec::new();
        let (mut own_once, mut other_once) = (Vec::new(), Vec::new());
        let mut put = |column: &str, expr: Expr| {
            if source.has(column) { own_select.push(expr) } else { other_select.push(expr) }
        };
        let customer = sample.customer(&spec.customer_id, spec.id_rules())?;
        tables.warnings.extend(customer.warnings);
        put(&spec.customer_id, customer.value.alias("customer"));
        let dated = spec.date.is_some();
        if let Some(date) = &spec.date {
            let parsed = of(date.column()).day(date)?;
            tables.stated.extend(parsed.stated.map(|s| format!("{}: {s}", spec.name)));
            tables.warnings.extend(parsed.warnings);
            put(date.column(), parsed.value.cast(DataType::Int32).alias("day"));
            if source.has(date.column()) { own_once = parsed.once } else { other_once = parsed.once }
        }
        if let Some(column) = &spec.channel {
            put(column, of(column).level(column).value.alias("channel"));
        }
        if let Some(flag) = &spec.machine {
            put(&flag.column, of(&flag.column).flag(flag).alias("machine"));
        }
        if let KindSpec::Column { column } = &spec.kind {
            put(column, of(column).level(column).value.alias("kind"));
        }
        let mut frame = source.frame(&own)?.with_columns(&own_once);
        let mut right = None;
        if let (Some(join), Some(other)) = (&spec.join, &joined) {
            own_select.push(sample.level(&join.on).value.alias("join"));
            if let Some(other_sample) = &other_sample {
                other_select.push(other_sample.level(&join.on).value.alias("join"));
            }
            let found = other
                .frame(&looked_up)?
                .with_columns(&other_once)
                .select(&other_select)
                .unique_stable(Some(cols(["join"])), UniqueKeepStrategy::First);
            right = Some(found.clone());
            frame = frame.select(&own_select).join(found, [col("join")], [col("join")], JoinArgs::new(JoinType::Left));
            tables.inputs.extend(other.inputs());
        } else {
            frame = frame.select(&own_select);
        }
        let mut all = vec![
            col(ROW),
            col("customer"),
            if dated { col("day") } else { lit(NULL).cast(DataType::Int32).alias("day") },
            match &spec.kind {
                KindSpec::Constant(kind) => lit(kind.as_str()).alias("kind"),
                KindSpec::Column { .. } => col("kind"),
            },
        ];
        all.push(match &spec.channel {
            Some(_) => col("channel"),
            None => lit(NULL).cast(DataType::String).alias("channel"),
        });
        all.push(match &spec.machine {
            Some(_) => col("machine").fill_null(false),
            None => lit(false).alias("machine"),
        });
        // What is bad is told by the date alone: an event without a kind still says that somebody was there.
        all.push(if dated { col("day").is_null().alias("bad0") } else { lit(false).alias("bad0") });
        all.push(if dated { is_placeholder(col("day")).alias("bad1") } else { lit(false).alias("bad1") });
        let mut rows = collect(frame.select(&all), &spec.name)?;
        if rows.height() as u64 != source.rows() {
            source.force_copies()?;
            let again = source.frame(&own)?.with_columns(&own_once).select(&own_select);
            let again = match right {
                Some(right) => again.join(right, [col("join")], [col("join")], JoinArgs::new(JoinType::Left)),
                None => again,
            };
            rows = collect(again.select(&all), &spec.name)?;
        }
        let rows = duplicates::settle(&mut source, rows, options, &["bad0", "bad1"], tables)?;
        tables.inputs.extend(source.inputs());
        tables.warnings.extend(source.warnings.iter().cloned());
        let column = spec.date.as_ref().map_or("", DateSpec::column);
        refuse(
            &source,
            &rows,
            &[("bad0".into(), column, "not a date in the format of the column"), ("bad1".into(), column, PLACEHOLDER)],
            options,
            tables,
        )?;
        parts.push(Part { rows, counted: Some(Counted::of(&source)), name: spec.name.clone() });
    }
    if parts.is_empty() {
        return Ok(());
    }
    if tables.as_of.is_none() {
        let mut last = None;
        for part in &parts {
            let real = part.rows.clone().lazy().filter(col("bad1").not());
            let day = collect(real.select([col("day").max().cast(DataType::Int32)]), &part.name)?;
            let day = guard(&part.name, || Ok(day.columns()[0].i32()?.get(0)))?;
            last = last.max(day.map(Day));
        }
        tables.as_of = last;
    }
    let coded = vec![(Field::Kind, "kind".to_string()), (Field::Channel, "channel".to_string())];
    let mut log = gathered(parts, coded, options, tables)?;
    // A column that no table has says nothing.
    log.coded.retain(|(_, codes)| !codes.levels.is_empty());
    tables.kinds = log.codes(&Field::Kind).map(|c| c.levels.clone()).unwrap_or_default();
    tables.events = Some(log);
    Ok(())
}

/// All surveys as one table: one row per customer and question asked.
pub(crate) fn surveys(specs: &[SurveySpec], base: &Path, options: ReadOptions, tables: &mut Tables) -> Result<()> {
    let mut parts = Vec::new();
    for spec in specs {
        let mut source = Source::open(spec.opening(), base)?;
        source.require(&spec.columns())?;
        let columns: Vec<&str> = spec.columns().into_iter().map(|(_, c)| c).collect();
        source.say_missing(&columns);
        let mut sample = Sample::of(&source, &columns)?;
        if let Some(date) = &spec.date {
            sample.until(&columns, date, options.as_of)?;
        }
        let customer = sample.customer(&spec.customer_id, spec.id_rules())?;
        tables.warnings.extend(customer.warnings);
        let asked = spec.asked();
        if asked.is_empty() {
            return Err(Error::new("E0204", format!("the survey `{}` has no question", spec.name))
                .help("score = \"nps\", or under [input.surveys.questions]: column = \"nps\", \"number\", \"choice\" or a list of levels"));
        }
        let mut flags: Vec<(String, &str, &str)> = Vec::new();
        let mut select = vec![col(ROW), customer.value.alias("customer")];
        let mut once = Vec::new();
        for (i, (column, question)) in asked.iter().enumerate() {
            if matches!(question, Question::Kind(QuestionKind::Nps | QuestionKind::Number)) {
                let parsed = sample.number(column, None)?;
                tables.warnings.extend(parsed.warnings);
                once.extend(parsed.once);
                // Off the scale is as wrong as a word.
                let bad = match question {
                    Question::Kind(QuestionKind::Nps) => {
                        parsed.bad.or(parsed.value.clone().lt(lit(0.0)).or(parsed.value.clone().gt(lit(10.0))))
                    }
                    _ => parsed.bad,
                };
                select.push(parsed.value.alias(format!("answer{i}")));
                select.push(bad.fill_null(false).alias(format!("flag{i}")));
                flags.push((format!("flag{i}"), column, "not a number of the scale"));
            } else {
                select.push(sample.level(column).value.cast(DataType::String).alias(format!("answer{i}")));
            }
        }
        match &spec.date {
            Some(date) => {
                let parsed = sample.day(date)?;
                tables.stated.extend(parsed.stated.map(|s| format!("{}: {s}", spec.name)));
                tables.warnings.extend(parsed.warnings);
                once.extend(parsed.once);
                // An answer without a date is an answer; what stands there and is no date is not.
                select.push(parsed.bad.fill_null(true).alias("undated"));
                select.push(is_placeholder(parsed.value.clone()).alias("bad1"));
                select.push(parsed.value.cast(DataType::Int32).alias("day"));
                flags.push(("undated".into(), date.column(), "not a date in the format of the column"));
                flags.push(("bad1".into(), date.column(), PLACEHOLDER));
            }
            None => select.extend([lit(NULL).cast(DataType::Int32).alias("day"), lit(false).alias("bad1")]),
        }
        let rows = collect(source.frame(&columns)?.with_columns(&once).select(&select), &spec.name)?;
        let names: Vec<&str> = flags.iter().map(|(flag, ..)| flag.as_str()).collect();
        let rows = duplicates::settle(&mut source, rows, options, &names, tables)?;
        refuse(&source, &rows, &flags, options, tables)?;
        let mut bad = lit(false);
        for (flag, ..) in flags.iter().filter(|(.., reason)| *reason != PLACEHOLDER) {
            bad = bad.or(col(flag.as_str()));
        }
        tables.inputs.extend(source.inputs());
        tables.warnings.extend(source.warnings.iter().cloned());
        for (i, (column, question)) in asked.iter().enumerate() {
            let answer = col(format!("answer{i}"));
            let numeric = matches!(question, Question::Kind(QuestionKind::Nps | QuestionKind::Number));
            let (score, text) = if numeric {
                (answer, lit(NULL).cast(DataType::String))
            } else {
                (lit(NULL).cast(DataType::Float64), answer)
            };
            let long = rows.clone().lazy().select([
                col("customer"),
                col("day"),
                lit(spec.name.as_str()).alias("survey"),
                lit(*column).alias("question"),
                score.alias("score"),
                text.alias("answer"),
                lit(false).alias("machine"),
                bad.clone().alias("bad0"),
                col("bad1"),
                col(COPY),
            ]);
            // A row is one row of the ledger, however many questions it answers.
            let counted = (i == 0).then(|| Counted::of(&source));
            parts.push(Part { rows: collect(long, &spec.name)?, counted, name: spec.name.clone() });
        }
    }
    if parts.is_empty() {
        return Ok(());
    }
    let coded = [(Field::Survey, "survey"), (Field::Question, "question"), (Field::Answer, "answer")];
    let coded = coded.map(|(field, name)| (field, name.to_string())).to_vec();
    tables.surveys = Some(gathered(parts, coded, options, tables)?);
    Ok(())
}

/// One table of several of a kind. `bad0` says which rows are refused, `bad1` which have a placeholder for a date.
struct Part {
    name: String,
    rows: DataFrame,
    /// Of a table that is given in several parts only one is counted.
    counted: Option<Counted>,
}

/// What the ledger of a table must add up to.
struct Counted {
    rows: u64,
    ragged: u64,
}

impl Counted {
    fn of(source: &Source) -> Self {
        Self { rows: source.rows(), ragged: source.ragged_rows() }
    }
}

/// Counts each part into the ledger and sorts the rows that count by customer.
fn gathered(parts: Vec<Part>, coded: Vec<(Field, String)>, options: ReadOptions, tables: &mut Tables) -> Result<Log> {
    let last = tables.as_of.map_or(i32::MAX, |d| d.0);
    let first = match (tables.as_of, options.window_days) {
        (Some(day), Some(days)) => day.0.saturating_sub(i32::try_from(days).unwrap_or(i32::MAX)),
        _ => i32::MIN,
    };
    let mut keep = Vec::new();
    let mut frames = Vec::new();
    for Part { name, rows, counted } in parts {
        let (refused, placeholder) = (yes(&rows, "bad0", &name)?, yes(&rows, "bad1", &name)?);
        let (machine, copy) = (yes(&rows, "machine", &name)?, yes(&rows, COPY, &name)?);
        let nobody = missing(&rows, "customer", &name)?;
        let left_out = left_out(&rows, &tables.excluded, &name)?;
        let days = guard(&name, || Ok(dense(rows.column("day")?.i32()?, UNDATED)))?;
        let mut buckets = Buckets::default();
        for i in 0..rows.height() {
            let bucket = if copy[i] {
                Bucket::Duplicate
            } else if refused[i] {
                Bucket::Refused
            } else if placeholder[i] {
                Bucket::Placeholder
            } else if days[i] > last {
                Bucket::AfterAsOf
            } else if days[i] != UNDATED && days[i] <= first {
                Bucket::OutsideWindow
            } else if left_out[i] {
                Bucket::Excluded
            } else if nobody[i] {
                Bucket::NoCustomer
            } else if machine[i] {
                Bucket::Machine
            } else {
                Bucket::Used
            };
            keep.push(bucket == Bucket::Used);
            buckets.add(bucket, 1, 0);
        }
        if let Some(Counted { rows, ragged }) = counted {
            buckets.add(Bucket::Refused, ragged, 0);
            buckets.check(&name, rows + ragged, 0)?;
            tables.ledger.extend(buckets.rows_of(&name, false));
        }
        // What decided is not needed any more, and would be kept for all tables at once.
        frames.push(rows.drop_many(["bad0", "bad1", "machine", COPY, ROW]));
    }
    let what = "events";
    let mut frames = frames.into_iter();
    let mut all = frames.next().unwrap_or_default();
    for frame in frames {
        guard(what, || all.vstack_mut_owned(frame).map(|_| ()))?;
    }
    Log::of(all, &keep, &Columns { customer: "customer", order: None, coded }, what)
}
