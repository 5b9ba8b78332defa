//! The tables beside the orders: customers, events, surveys.

use super::columns::{Parsed, Sample};
use super::dates::Day;
use super::frame::{collect, guard, numbers};
use super::ledger::{Bucket, Buckets};
use super::log::{Attributes, Codes, Columns, Field, Known, Log, UNDATED};
use super::read::{ReadOptions, Tables, refuse};
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
    let sample = Sample::of(&source, &columns)?;
    let id = match &spec.customer_id {
        Some(column) => {
            let parsed = sample.id(column)?;
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
    let mut flags: Vec<(String, &str, &str)> = Vec::new();
    for (i, (column, kind)) in spec.attributes.iter().enumerate() {
        let parsed: Parsed = match kind.kind() {
            AttributeKind::Number | AttributeKind::BirthYear => sample.number(column, spec.number.as_ref())?,
            AttributeKind::Date => {
                let mut parsed = sample.day(&DateSpec::Column(column.clone()))?;
                parsed.value = parsed.value.cast(DataType::Int32);
                parsed
            }
            AttributeKind::Nominal | AttributeKind::Binary => sample.level(column),
        };
        tables.warnings.extend(parsed.warnings);
        tables.stated.extend(parsed.stated.map(|s| format!("customers: {s}")));
        select.push(parsed.value.alias(column.as_str()));
        select.push(parsed.bad.fill_null(false).alias(format!("bad{i}")));
        let reason = match kind.kind() {
            AttributeKind::Date => "not a date in the format of the column",
            _ => "not a number",
        };
        flags.push((format!("bad{i}"), column, reason));
    }
    let mut rows = collect(source.frame(&columns)?.select(&select), "customers")?;
    if rows.height() as u64 != source.rows() {
        source.force_copies()?;
        rows = collect(source.frame(&columns)?.select(&select), "customers")?;
    }
    tables.inputs.extend(source.inputs());
    tables.warnings.extend(source.warnings.iter().cloned());
    refuse(&source, &rows, &flags, options.max_rejected, tables)?;
    let mut bad = lit(false);
    for (flag, ..) in &flags {
        bad = bad.or(col(flag.as_str()));
    }
    let rows = collect(rows.lazy().with_columns([bad.alias("bad")]), "customers")?;
    let mut buckets = Buckets::default();
    let refused = yes(&rows, "bad", "customers")?;
    let nobody = missing(&rows, "customer", "customers")?;
    for (refused, nobody) in refused.iter().zip(&nobody) {
        let bucket = match (refused, nobody) {
            (true, _) => Bucket::Refused,
            (false, true) => Bucket::NoCustomer,
            (false, false) => Bucket::Used,
        };
        buckets.add(bucket, 1, 0);
    }
    buckets.add(Bucket::Refused, source.ragged_rows(), 0);
    tables.ledger.extend(buckets.rows_of("customers", false));
    let mut keep = vec![col("customer")];
    keep.extend(spec.attributes.keys().map(|c| col(c.as_str())));
    let used = rows.clone().lazy().filter(col("bad").not().and(col("customer").is_not_null()));
    let distinct = used.clone().select(keep).unique(None, UniqueKeepStrategy::Any);
    let distinct = collect(distinct.sort(["customer"], SortMultipleOptions::default()), "customers")?;
    let people = guard("customers", || distinct.column("customer")?.n_unique())?;
    if people < distinct.height() {
        let repeated = collect(
            used.group_by([col("customer")])
                .agg([col(ROW).sort(SortOptions::default()).get(lit(1), true).cast(DataType::UInt64).alias("again")])
                .filter(col("again").is_not_null())
                .sort(["again"], SortMultipleOptions::default())
                .limit(1),
            "customers",
        )?;
        let again = guard("customers", || Ok(repeated.column("again")?.u64()?.get(0).unwrap_or(0)))?;
        let column = spec.customer_id.as_deref().unwrap_or_default();
        let mut error = Error::new(
            "E0323",
            format!(
                "{} customers stand in the customers table twice with different values",
                distinct.height() - people
            ),
        );
        if let Some(place) = source.places(&[(again, column)], "again")?.pop() {
            error = error.at(place);
        }
        return Err(error
            .why("it cannot be told which of the values is true")
            .help("export one row per customer, the newest"));
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

/// Where a flag holds.
fn yes(frame: &DataFrame, name: &str, what: &str) -> Result<Vec<bool>> {
    guard(what, || Ok(frame.column(name)?.bool()?.iter().map(|v| v == Some(true)).collect()))
}

/// Where a value is missing.
fn missing(frame: &DataFrame, name: &str, what: &str) -> Result<Vec<bool>> {
    guard(what, || Ok(frame.column(name)?.is_null().iter().map(|v| v == Some(true)).collect()))
}

/// All event tables as one.
pub(crate) fn events(specs: &[EventsSpec], base: &Path, options: ReadOptions, tables: &mut Tables) -> Result<()> {
    let mut parts = Vec::new();
    for spec in specs {
        let source = Source::open(spec.opening(), base)?;
        let joined = spec.join_opening().map(|opening| Source::open(opening, base)).transpose()?;
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
        let sample = Sample::of(&source, &own)?;
        let other_sample = joined.as_ref().map(|other| Sample::of(other, &looked_up)).transpose()?;
        let of = |column: &str| match &other_sample {
            Some(other) if !source.has(column) => other,
            _ => &sample,
        };
        let mut own_select = vec![col(ROW)];
        let mut other_select = Vec::new();
        let mut put = |column: &str, expr: Expr| {
            if source.has(column) { own_select.push(expr) } else { other_select.push(expr) }
        };
        let customer = sample.id(&spec.customer_id)?;
        tables.warnings.extend(customer.warnings);
        put(&spec.customer_id, customer.value.alias("customer"));
        let dated = spec.date.is_some();
        if let Some(date) = &spec.date {
            let parsed = of(date.column()).day(date)?;
            tables.stated.extend(parsed.stated.map(|s| format!("{}: {s}", spec.name)));
            put(date.column(), parsed.value.cast(DataType::Int32).alias("day"));
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
        let mut frame = source.frame(&own)?;
        if let (Some(join), Some(other)) = (&spec.join, &joined) {
            own_select.push(sample.level(&join.on).value.alias("join"));
            if let Some(other_sample) = &other_sample {
                other_select.push(other_sample.level(&join.on).value.alias("join"));
            }
            let right = other
                .frame(&looked_up)?
                .select(&other_select)
                .unique_stable(Some(cols(["join"])), UniqueKeepStrategy::First);
            frame = frame.select(&own_select).join(right, [col("join")], [col("join")], JoinArgs::new(JoinType::Left));
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
        let rows = collect(frame.select(all), &spec.name)?;
        tables.inputs.extend(source.inputs());
        tables.warnings.extend(source.warnings.iter().cloned());
        let column = spec.date.as_ref().map_or("", DateSpec::column);
        refuse(
            &source,
            &rows,
            &[("bad0".into(), column, "not a date in the format of the column")],
            options.max_rejected,
            tables,
        )?;
        parts.push((spec.name.clone(), rows, Some(source.ragged_rows())));
    }
    if parts.is_empty() {
        return Ok(());
    }
    if tables.as_of.is_none() {
        let mut last = None;
        for (name, rows, _) in &parts {
            let day = collect(rows.clone().lazy().select([col("day").max().cast(DataType::Int32)]), name)?;
            let day = guard(name, || Ok(day.columns()[0].i32()?.get(0)))?;
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
        let source = Source::open(spec.opening(), base)?;
        source.require(&spec.columns())?;
        let columns: Vec<&str> = spec.columns().into_iter().map(|(_, c)| c).collect();
        let sample = Sample::of(&source, &columns)?;
        let customer = sample.id(&spec.customer_id)?;
        tables.warnings.extend(customer.warnings);
        let asked = spec.asked();
        if asked.is_empty() {
            return Err(Error::new("E0204", format!("the survey `{}` has no question", spec.name))
                .help("score = \"nps\", or under [input.surveys.questions]: column = \"nps\", \"number\", \"choice\" or a list of levels"));
        }
        let mut flags: Vec<(String, &str, &str)> = Vec::new();
        let mut select = vec![col(ROW), customer.value.alias("customer")];
        for (i, (column, question)) in asked.iter().enumerate() {
            if matches!(question, Question::Kind(QuestionKind::Nps | QuestionKind::Number)) {
                let parsed = sample.number(column, None)?;
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
                select.push(parsed.bad.or(parsed.value.clone().is_null()).fill_null(true).alias("undated"));
                select.push(parsed.value.cast(DataType::Int32).alias("day"));
                flags.push(("undated".into(), date.column(), "not a date in the format of the column"));
            }
            None => select.push(lit(NULL).cast(DataType::Int32).alias("day")),
        }
        let rows = collect(source.frame(&columns)?.select(&select), &spec.name)?;
        refuse(&source, &rows, &flags, options.max_rejected, tables)?;
        let mut bad = lit(false);
        for (flag, ..) in &flags {
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
            ]);
            // A row is one row of the ledger, however many questions it answers.
            let counted = (i == 0).then_some(source.ragged_rows());
            parts.push((spec.name.clone(), collect(long, &spec.name)?, counted));
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

/// Counts each part into the ledger (where it says how many ragged rows it had) and sorts the rows that count by customer.
fn gathered(
    parts: Vec<(String, DataFrame, Option<u64>)>,
    coded: Vec<(Field, String)>,
    options: ReadOptions,
    tables: &mut Tables,
) -> Result<Log> {
    let last = tables.as_of.map_or(i32::MAX, |d| d.0);
    let first = match (tables.as_of, options.window_days) {
        (Some(day), Some(days)) => day.0.saturating_sub(i32::try_from(days).unwrap_or(i32::MAX)),
        _ => i32::MIN,
    };
    let mut keep = Vec::new();
    let mut frames = Vec::new();
    for (name, rows, ragged) in parts {
        let refused = yes(&rows, "bad0", &name)?;
        let machine = yes(&rows, "machine", &name)?;
        let nobody = missing(&rows, "customer", &name)?;
        let days: Vec<i32> =
            guard(&name, || Ok(rows.column("day")?.i32()?.iter().map(|d| d.unwrap_or(UNDATED)).collect()))?;
        let mut buckets = Buckets::default();
        for i in 0..rows.height() {
            let bucket = if refused[i] {
                Bucket::Refused
            } else if days[i] > last {
                Bucket::AfterAsOf
            } else if days[i] != UNDATED && days[i] <= first {
                Bucket::OutsideWindow
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
        if let Some(ragged) = ragged {
            buckets.add(Bucket::Refused, ragged, 0);
            tables.ledger.extend(buckets.rows_of(&name, false));
        }
        frames.push(rows);
    }
    let what = "events";
    let mut frames = frames.into_iter();
    let mut all = frames.next().unwrap_or_default();
    for frame in frames {
        guard(what, || all.vstack_mut_owned(frame).map(|_| ()))?;
    }
    Log::of(all, &keep, &Columns { customer: "customer", order: None, coded }, what)
}
