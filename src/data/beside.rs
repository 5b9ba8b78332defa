//! The tables beside the orders: customers, events, surveys.

use super::columns::{Parsed, Sample, is_placeholder};
use super::duplicates::{self, COPY};
use super::frame::{collect, guard};
use super::read::{PLACEHOLDER, ReadOptions, Tables, attribute_column, count, ids, is_excluded, outside, refuse};
use super::schema::{Attribute, AttributeKind, CustomersSpec, DateSpec, EventsSpec, KindSpec, OrdersSpec, SurveySpec};
use super::source::{ROW, Source};
use crate::error::{Error, Result, Warning};
use polars::prelude::*;
use std::path::Path;

/// Of several values of one attribute the most frequent counts, then the alphabetically first.
pub(crate) fn order_attributes(lines: &DataFrame, spec: &OrdersSpec, warnings: &mut Vec<Warning>) -> Result<DataFrame> {
    let mut all = lines.clone().lazy().select([col("customer")]).unique(None, UniqueKeepStrategy::Any);
    for (column, kind) in &spec.attributes {
        if *kind == Attribute::Kind(AttributeKind::Number) {
            return Err(Error::new(
                "E0204",
                format!("`{column}` cannot be a number among the attributes of order lines"),
            )
            .why("a customer has one row per order line, so a number would need a rule to combine them")
            .help(format!("{column} = \"nominal\", or move it to [input.customers.attributes]")));
        }
        let name = attribute_column(column);
        let counted = lines
            .clone()
            .lazy()
            .filter(col(&name).is_not_null())
            .group_by([col("customer"), col(&name)])
            .agg([len().alias("n")])
            .sort(
                ["customer", "n", &name],
                SortMultipleOptions::default().with_order_descending_multi([false, true, false]),
            );
        let counted = collect(counted, "orders")?;
        let first = collect(
            counted.clone().lazy().unique_stable(Some(cols(["customer"])), UniqueKeepStrategy::First),
            "orders",
        )?;
        let several = collect(
            counted
                .clone()
                .lazy()
                .group_by([col("customer")])
                .agg([len().alias("n")])
                .filter(col("n").gt(lit(1)))
                .select([len()]),
            "orders",
        )?;
        let several = guard("orders", || Ok(several.columns()[0].u32()?.get(0).unwrap_or(0)))?;
        if several > 0 {
            warnings.push(
                Warning::new(
                    "W0324",
                    format!("{several} customers have several values of `{column}`: the most frequent counts, then the alphabetically first"),
                )
                .help("if one value is right, give it in [input.customers], one row per customer"),
            );
        }
        all = all.join(
            first.lazy().select([col("customer"), col(&name).alias(column.as_str())]),
            [col("customer")],
            [col("customer")],
            JoinArgs::new(JoinType::Left),
        );
    }
    collect(all, "orders")
}

/// The one-row-per-customer table, joined to what the order lines told.
pub(crate) fn customers(spec: &CustomersSpec, base: &Path, options: ReadOptions, tables: &mut Tables) -> Result<()> {
    let mut source = Source::open(spec.opening(), base)?;
    source.require(&spec.columns())?;
    let columns: Vec<&str> = spec.columns().into_iter().map(|(_, c)| c).collect();
    source.say_missing(&columns);
    let sample = Sample::of(&source, &columns)?;
    let newest = spec.duplicates.as_deref().map(|rule| newest(rule, spec.last_by(), &sample)).transpose()?;
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
        let parsed: Parsed = match kind {
            Attribute::Kind(AttributeKind::Number) => sample.number(column, spec.number.as_ref())?,
            _ => sample.level(column),
        };
        tables.warnings.extend(parsed.warnings);
        select.push(parsed.value.alias(column.as_str()));
        select.push(parsed.bad.fill_null(false).alias(format!("bad{i}")));
        flags.push((format!("bad{i}"), column, "not a number"));
    }
    let mut rows = collect(source.frame(&columns)?.select(&select), "customers")?;
    if rows.height() as u64 != source.rows() {
        source.force_copies()?;
        rows = collect(source.frame(&columns)?.select(&select), "customers")?;
    }
    tables.inputs.extend(source.inputs());
    tables.warnings.extend(source.warnings.iter().cloned());
    refuse(&source, &rows, &flags, options, tables)?;
    let mut bad = lit(false);
    for (flag, ..) in &flags {
        bad = bad.or(col(flag.as_str()));
    }
    let bucket = when(bad).then(lit("refused")).otherwise(
        when(col("customer").is_null()).then(lit("no customer id")).otherwise(
            when(is_excluded(&tables.excluded).fill_null(false)).then(lit("excluded id")).otherwise(lit("used")),
        ),
    );
    let mut rows = collect(rows.lazy().with_columns([bucket.alias("bucket")]), "customers")?;
    if spec.duplicates.is_some() {
        rows = only_newest(rows)?;
    }
    tables.ledger.extend(count(&rows, &source)?.rows_of("customers", false));
    let mut keep = vec![col("customer")];
    keep.extend(spec.attributes.keys().map(|c| col(c.as_str())));
    let used = rows.clone().lazy().filter(col("bucket").eq(lit("used")));
    let distinct = collect(used.clone().select(keep).unique(None, UniqueKeepStrategy::Any), "customers")?;
    let people = ids(Some(&distinct), None)?.len();
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
    tables.customers = Some(match tables.customers.take() {
        None => distinct,
        Some(told) => collect(
            told.lazy().join(
                distinct.lazy(),
                [col("customer")],
                [col("customer")],
                JoinArgs { coalesce: JoinCoalesce::CoalesceColumns, ..JoinArgs::new(JoinType::Full) },
            ),
            "customers",
        )?,
    });
    Ok(())
}

/// The columns that tell which of several rows of a customer is the newest: the day, and the text itself.
fn newest(rule: &str, by: Option<&str>, sample: &Sample<'_>) -> Result<[Expr; 2]> {
    let Some(column) = by.filter(|c| !c.is_empty()) else {
        return Err(Error::new("E0204", format!("`duplicates = \"{rule}\"`: expected `last by` and a column"))
            .help("duplicates = \"last by updated_at\""));
    };
    // What holds no dates, a version number for instance, is compared as it stands.
    let day = sample.day(&DateSpec::Column(column.into())).map(|parsed| parsed.value.cast(DataType::Int32));
    let day = day.unwrap_or_else(|_| lit(NULL).cast(DataType::Int32));
    Ok([day.alias("newest_day"), col(column).cast(DataType::String).alias("newest_text")])
}

/// Of several rows of a customer only the newest is used; of equally new ones the last.
fn only_newest(rows: DataFrame) -> Result<DataFrame> {
    let newest = rows
        .clone()
        .lazy()
        .filter(col("bucket").eq(lit("used")))
        .sort(
            ["customer", "newest_day", "newest_text", ROW],
            SortMultipleOptions::default().with_order_descending_multi([false, true, true, true]).with_nulls_last(true),
        )
        .unique_stable(Some(cols(["customer"])), UniqueKeepStrategy::First)
        .select([col(ROW), lit(true).alias("newest")]);
    let older = col("bucket").eq(lit("used")).and(col("newest").is_null());
    let bucket = when(older).then(lit(duplicates::BUCKET)).otherwise(col("bucket")).alias("bucket");
    collect(
        rows.lazy().join(newest, [col(ROW)], [col(ROW)], JoinArgs::new(JoinType::Left)).with_columns([bucket]),
        "customers",
    )
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
            let day = sample.day(date)?.value;
            sample.until(&own, &day, options.as_of)?;
        }
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
        let customer = sample.customer(&spec.customer_id, spec.id_rules())?;
        tables.warnings.extend(customer.warnings);
        put(&spec.customer_id, customer.value.alias("customer"));
        let dated = spec.date.is_some();
        if let Some(date) = &spec.date {
            let parsed = of(date.column()).day(date)?;
            tables.stated.extend(parsed.stated.map(|s| format!("{}: {s}", spec.name)));
            tables.warnings.extend(parsed.warnings);
            put(date.column(), parsed.value.cast(DataType::Int32).alias("day"));
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
        // What is bad is told by the date alone: an event without a kind still says that somebody was there.
        all.push(if dated { col("day").is_null().alias("bad0") } else { lit(false).alias("bad0") });
        all.push(if dated { is_placeholder(col("day")).alias("bad1") } else { lit(false).alias("bad1") });
        let rows = collect(frame.select(all), &spec.name)?;
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
        parts.push(Part { source, rows, refused: col("bad0"), placeholder: col("bad1") });
    }
    if parts.is_empty() {
        return Ok(());
    }
    if tables.as_of.is_none() {
        let mut last = None;
        for part in &parts {
            let name = part.source.table.as_str();
            let real = part.rows.clone().lazy().filter(part.placeholder.clone().not());
            let day = collect(real.select([col("day").max().cast(DataType::Int32)]), name)?;
            let day = guard(name, || Ok(day.columns()[0].i32()?.get(0)))?;
            last = last.max(day.map(super::dates::Day));
        }
        tables.as_of = last;
    }
    tables.events = Some(window(parts, &["customer", "day", "kind"], options, tables)?);
    let kinds = tables.events.as_ref().map(|e| {
        collect(e.clone().lazy().filter(col("kind").is_not_null()).select([col("kind").unique()]), "events")
            .and_then(|f| super::frame::texts(&f, "kind", "events"))
    });
    tables.kinds = kinds.transpose()?.unwrap_or_default().into_iter().flatten().collect();
    tables.kinds.sort_unstable();
    Ok(())
}

/// All surveys as one table.
pub(crate) fn surveys(specs: &[SurveySpec], base: &Path, options: ReadOptions, tables: &mut Tables) -> Result<()> {
    let mut parts = Vec::new();
    for spec in specs {
        let mut source = Source::open(spec.opening(), base)?;
        source.require(&spec.columns())?;
        let columns: Vec<&str> = spec.columns().into_iter().map(|(_, c)| c).collect();
        source.say_missing(&columns);
        let mut sample = Sample::of(&source, &columns)?;
        if let Some(date) = &spec.date {
            let day = sample.day(date)?.value;
            sample.until(&columns, &day, options.as_of)?;
        }
        let customer = sample.customer(&spec.customer_id, spec.id_rules())?;
        tables.warnings.extend(customer.warnings);
        let score = sample.number(&spec.score, None)?;
        tables.warnings.extend(score.warnings);
        let mut flags = vec![("bad0".to_string(), spec.score.as_str(), "not a number")];
        let mut select = vec![
            col(ROW),
            customer.value.alias("customer"),
            lit(spec.name.as_str()).alias("survey"),
            score.value.alias("score"),
            score.bad.fill_null(false).alias("bad0"),
        ];
        match &spec.date {
            Some(date) => {
                let parsed = sample.day(date)?;
                tables.stated.extend(parsed.stated.map(|s| format!("{}: {s}", spec.name)));
                tables.warnings.extend(parsed.warnings);
                // An answer without a date is an answer; what stands there and is no date is not.
                select.push(parsed.bad.fill_null(true).alias("bad1"));
                select.push(is_placeholder(parsed.value.clone()).alias("bad2"));
                select.push(parsed.value.cast(DataType::Int32).alias("day"));
                flags.push(("bad1".into(), date.column(), "not a date in the format of the column"));
                flags.push(("bad2".into(), date.column(), PLACEHOLDER));
            }
            None => {
                select.push(lit(NULL).cast(DataType::Int32).alias("day"));
                select.extend([lit(false).alias("bad1"), lit(false).alias("bad2")]);
            }
        }
        let rows = collect(source.frame(&columns)?.select(&select), &spec.name)?;
        let names: Vec<&str> = flags.iter().map(|(flag, ..)| flag.as_str()).collect();
        let rows = duplicates::settle(&mut source, rows, options, &names, tables)?;
        refuse(&source, &rows, &flags, options, tables)?;
        tables.inputs.extend(source.inputs());
        tables.warnings.extend(source.warnings.iter().cloned());
        parts.push(Part { source, rows, refused: col("bad0").or(col("bad1")), placeholder: col("bad2") });
    }
    if !parts.is_empty() {
        tables.surveys = Some(window(parts, &["customer", "day", "survey", "score"], options, tables)?);
    }
    Ok(())
}

/// One table of several of a kind, and which of its rows cannot be used.
struct Part {
    source: Source,
    rows: DataFrame,
    refused: Expr,
    placeholder: Expr,
}

/// Counts each part into the ledger and keeps the rows that count, as one frame.
fn window(parts: Vec<Part>, columns: &[&str], options: ReadOptions, tables: &mut Tables) -> Result<DataFrame> {
    let mut kept = Vec::new();
    for Part { source, rows, refused, placeholder } in parts {
        let name = source.table.as_str();
        let mut chain = vec![(col(COPY), duplicates::BUCKET), (refused, "refused"), (placeholder, "placeholder date")];
        chain.extend(outside(tables.as_of, options.window_days));
        chain.push((is_excluded(&tables.excluded), "excluded id"));
        chain.push((col("customer").is_null(), "no customer id"));
        let mut bucket = lit("used");
        for (hit, bucket_name) in chain.into_iter().rev() {
            bucket = when(hit.fill_null(false)).then(lit(bucket_name)).otherwise(bucket);
        }
        let rows = collect(rows.lazy().with_columns([bucket.alias("bucket")]), name)?;
        tables.ledger.extend(count(&rows, &source)?.rows_of(name, false));
        let select: Vec<Expr> = columns.iter().map(|c| col(*c)).collect();
        kept.push(rows.lazy().filter(col("bucket").eq(lit("used"))).select(select));
    }
    guard("events", || concat(&kept, UnionArgs::default())).and_then(|all| collect(all, "events"))
}
