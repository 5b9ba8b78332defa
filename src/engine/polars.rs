//! Features on polars: the embedded default. One group-by per set of rows, streaming.

use super::Engine;
use super::primitive::{Aggregate, Primitive, assemble, primitives};
use crate::data::frame::{collect, guard, numbers, texts};
use crate::data::read::{MONEY_SCALE, Tables};
use crate::error::{Error, Result};
use crate::features::matrix::{Observed, ObservedColumn};
use crate::features::{Feature, Lines, Measure, Rows, Table};
use polars::prelude::*;

/// The embedded engine.
#[derive(Debug, Clone, Copy, Default)]
pub struct Polars;

impl Engine for Polars {
    fn observe(&self, tables: &Tables, features: &[Feature]) -> Result<Observed> {
        let population = population(tables)?;
        let ids: Vec<String> = texts(&population, "customer", "customers")?.into_iter().flatten().collect();
        if ids.is_empty() {
            return Err(Error::new("E0401", "no customer has an order in the window")
                .why("there is nobody to put into segments")
                .help("check as_of and window under [features]"));
        }
        let needed: Vec<Option<Vec<Primitive>>> = features.iter().map(|f| primitives(&f.measure)).collect();
        let mut wanted: Vec<Primitive> = Vec::new();
        for primitive in needed.iter().flatten().flatten() {
            if !wanted.contains(primitive) {
                wanted.push(primitive.clone());
            }
        }
        let values = aggregate(tables, &population, &wanted)?;
        let as_of = tables.as_of.map_or(f64::NAN, |d| f64::from(d.0));
        let reach = reach(tables, as_of)?;
        let mut columns = Vec::with_capacity(features.len());
        for (feature, needed) in features.iter().zip(&needed) {
            columns.push(match needed {
                Some(needed) => {
                    let parts: Vec<Vec<f64>> = needed
                        .iter()
                        .filter_map(|p| wanted.iter().position(|w| w == p).map(|i| values[i].clone()))
                        .collect();
                    assemble(feature, &parts, as_of, reach, MONEY_SCALE)
                }
                None => look_up(tables, &population, &feature.measure)?,
            });
        }
        Ok(Observed { ids, columns })
    }
}

/// Everyone who gets a row, ascending by id.
fn population(tables: &Tables) -> Result<DataFrame> {
    let customers = |frame: &DataFrame| frame.clone().lazy().select([col("customer")]);
    let all = match &tables.orders {
        Some(orders) => orders.clone().lazy().filter(col("returned").not()).select([col("customer")]),
        None => {
            let parts: Vec<LazyFrame> =
                [&tables.customers, &tables.events].into_iter().flatten().map(customers).collect();
            guard("customers", || concat(&parts, UnionArgs::default()))?
        }
    };
    collect(
        all.filter(col("customer").is_not_null())
            .unique(None, UniqueKeepStrategy::Any)
            .sort(["customer"], SortMultipleOptions::default()),
        "customers",
    )
}

/// One group-by for each distinct set of rows; one vector per primitive, in population order.
fn aggregate(tables: &Tables, population: &DataFrame, wanted: &[Primitive]) -> Result<Vec<Vec<f64>>> {
    let mut values = vec![Vec::new(); wanted.len()];
    let mut sets: Vec<&Rows> = Vec::new();
    for primitive in wanted {
        if !sets.contains(&&primitive.rows) {
            sets.push(&primitive.rows);
        }
    }
    for rows in sets {
        let members: Vec<usize> = (0..wanted.len()).filter(|i| &wanted[*i].rows == rows).collect();
        let Some(table) = select(tables, rows) else {
            for i in members {
                values[i] = vec![f64::NAN; population.height()];
            }
            continue;
        };
        let aggregates: Vec<Expr> = members
            .iter()
            .map(|i| expression(wanted[*i].aggregate).cast(DataType::Float64).alias(format!("p{i}")))
            .collect();
        let counted = collect(table.group_by([col("customer")]).agg(aggregates), "features")?;
        let joined = beside(population, counted.lazy())?;
        for i in members {
            values[i] = numbers(&joined, &format!("p{i}"), "features")?;
        }
    }
    Ok(values)
}

/// Joins to the population, keeping its order.
fn beside(population: &DataFrame, right: LazyFrame) -> Result<DataFrame> {
    let arguments = JoinArgs { maintain_order: MaintainOrderJoin::Left, ..JoinArgs::new(JoinType::Left) };
    collect(population.clone().lazy().join(right, [col("customer")], [col("customer")], arguments), "features")
}

fn select(tables: &Tables, rows: &Rows) -> Option<LazyFrame> {
    let frame = match rows.table {
        Table::Orders => tables.orders.as_ref()?,
        Table::Events => tables.events.as_ref()?,
        Table::Customers => tables.customers.as_ref()?,
        Table::Surveys => tables.surveys.as_ref()?,
    };
    let mut lazy = frame.clone().lazy();
    if rows.table == Table::Orders {
        lazy = match rows.lines {
            Lines::Sales => lazy.filter(col("returned").not()),
            Lines::Returns => lazy.filter(col("returned")),
            Lines::Net | Lines::All => lazy,
        };
    }
    if !rows.kinds.is_empty() {
        let kinds = Series::new("kinds".into(), rows.kinds.clone());
        lazy = lazy.filter(col("kind").is_in(lit(kinds).implode(false), false));
    }
    if let (Some(days), Some(as_of)) = (rows.days, tables.as_of) {
        lazy = lazy.filter(col("day").gt(lit(as_of.0 - i32::try_from(days).unwrap_or(i32::MAX / 2))));
    }
    Some(lazy)
}

fn expression(aggregate: Aggregate) -> Expr {
    match aggregate {
        Aggregate::Count => len(),
        Aggregate::Orders => col("order").n_unique(),
        Aggregate::Products => col("product").drop_nulls().n_unique(),
        Aggregate::Days => col("day").n_unique(),
        Aggregate::Amount => col("amount").sum(),
        Aggregate::First => col("day").min(),
        Aggregate::Last => col("day").max(),
    }
}

fn look_up(tables: &Tables, population: &DataFrame, measure: &Measure) -> Result<ObservedColumn> {
    let missing = || vec![f64::NAN; population.height()];
    match measure {
        Measure::Value { column } => match &tables.customers {
            Some(customers) if customers.column(column).is_ok() => {
                let joined = beside(
                    population,
                    customers.clone().lazy().select([col("customer"), col(column.as_str()).alias("value")]),
                )?;
                Ok(ObservedColumn::Number(numbers(&joined, "value", "customers")?))
            }
            _ => Ok(ObservedColumn::Number(missing())),
        },
        Measure::Level { column } => match &tables.customers {
            Some(customers) if customers.column(column).is_ok() => {
                let joined = beside(
                    population,
                    customers.clone().lazy().select([col("customer"), col(column.as_str()).alias("value")]),
                )?;
                Ok(ObservedColumn::Level(texts(&joined, "value", "customers")?))
            }
            _ => Ok(ObservedColumn::Level(vec![None; population.height()])),
        },
        Measure::LatestAnswer { survey } => match &tables.surveys {
            Some(surveys) => {
                // Two answers on one day: the higher counts, so that the order of rows does not.
                let newest = surveys
                    .clone()
                    .lazy()
                    .filter(col("survey").eq(lit(survey.as_str())))
                    .sort(["customer", "day", "score"], SortMultipleOptions::default())
                    .unique_stable(Some(cols(["customer"])), UniqueKeepStrategy::Last)
                    .select([col("customer"), col("score")]);
                Ok(ObservedColumn::Number(numbers(&beside(population, newest)?, "score", "surveys")?))
            }
            None => Ok(ObservedColumn::Number(missing())),
        },
        _ => Ok(ObservedColumn::Number(missing())),
    }
}

/// How many days the events go back from `as_of`: the window, or the first event.
fn reach(tables: &Tables, as_of: f64) -> Result<f64> {
    if let Some(days) = tables.window_days {
        return Ok(f64::from(days));
    }
    let Some(events) = &tables.events else { return Ok(0.0) };
    let first = collect(events.clone().lazy().select([col("day").min().cast(DataType::Float64)]), "events")?;
    let first = numbers(&first, "day", "events")?;
    Ok(first.first().map_or(0.0, |d| as_of - d))
}
