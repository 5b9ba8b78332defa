//! The rows of some customers brought here: a small project, which the embedded engine computes like any other.

use super::rows::Remote;
use super::{Shape, View, people};
use crate::data::log::{Attributes, Codes, Columns, Field, Known, Log};
use crate::data::read::Tables;
use crate::engine::database::{Answer, Cells, Database};
use crate::error::{Error, Result};
use crate::features::Table;
use polars::prelude::*;

/// The population of a shape, kept under [`POPULATION`]; returns how many they are.
///
/// # Errors
/// Of the database, and E0401 for nobody.
pub fn population(database: &dyn Database, shape: &Shape) -> Result<u64> {
    database.keep(POPULATION, &people::population(shape))?;
    let customers = database.query(&format!("SELECT CAST(count(*) AS BIGINT) FROM {POPULATION}"))?.one(0)?;
    if customers == 0 {
        return Err(Error::new("E0401", "no customer has an order in the window")
            .why("there is nobody to put into segments")
            .help("check as_of and window under [features]"));
    }
    Ok(customers as u64)
}

/// What the population is kept under.
pub const POPULATION: &str = "population";

/// With so many rows, or fewer, everyone may come.
const WHOLE: u64 = 5_000_000;

/// A sample has about so many rows at most: it needs no more, and a few hundred megabytes hold them.
const PART: u64 = 2_000_000;

/// How many of so many customers with so many rows are brought here where `asked` are asked for.
pub fn wanted(customers: u64, rows: u64, asked: u64) -> u64 {
    if customers <= asked && rows <= WHOLE {
        return customers;
    }
    let fit = u128::from(customers) * u128::from(PART) / u128::from(rows.max(1));
    asked.min(u64::try_from(fit).unwrap_or(u64::MAX).max(1))
}

/// The condition on `customer` that holds for about `wanted` of so many customers: those whose hash is small, which are the same ones next
/// time. `None` where everyone may come.
pub fn condition(customers: u64, wanted: u64) -> Option<String> {
    if customers <= wanted {
        return None;
    }
    let limit = (u128::from(wanted) << 32) / u128::from(customers);
    Some(format!("substr(md5(customer), 1, 8) < '{limit:08x}'"))
}

/// The rows of the customers for whom the condition holds, or of everyone.
///
/// # Errors
/// Of the database.
pub fn rows(database: &dyn Database, remote: &Remote, condition: Option<&str>) -> Result<Tables> {
    let Remote { tables, shape, .. } = remote;
    let mut here = tables.beside_the_rows();
    // The events of everyone begin earlier than those of some.
    here.events_reach = Some(shape.reach);
    for view in &shape.views {
        let log = log(database, view, condition)?;
        match view.table {
            Table::Orders => here.orders = Some(log),
            Table::Events => here.events = Some(log),
            _ => here.surveys = Some(log),
        }
    }
    if let Some(people) = &shape.people {
        let columns: Vec<String> = (0..people.attributes.len()).map(|at| format!("a{at}")).collect();
        let listed: String = columns.iter().map(|column| format!(", {column}")).collect();
        let found = database.query(&format!("SELECT customer{listed} FROM {}{}", people.name, of(condition)))?;
        here.customers = Some(attributes(found, &people.attributes)?);
    }
    if condition.is_none() {
        let ids = |lead: bool| -> Result<Vec<String>> {
            let not = if lead { "" } else { "NOT " };
            let found = database
                .query(&format!("SELECT customer FROM customers_without_orders WHERE {not}lead ORDER BY customer"))?;
            Ok(found.texts(0)?.iter().flatten().cloned().collect())
        };
        if remote.leads > 0 {
            here.leads = ids(true)?;
        }
        if remote.lapsed > 0 {
            here.lapsed = ids(false)?;
        }
    }
    Ok(here)
}

fn of(condition: Option<&str>) -> String {
    condition.map_or_else(String::new, |condition| format!(" WHERE {condition}"))
}

fn log(database: &dyn Database, view: &View, condition: Option<&str>) -> Result<Log> {
    let listed: String = view.columns.iter().map(|column| format!(", {column}")).collect();
    let names: Vec<&str> = ["customer", "day"].into_iter().chain(view.columns.iter().map(String::as_str)).collect();
    let named = |cells: Vec<Cells>| frame(names.iter().map(|name| (*name).to_string()).zip(cells).collect());
    // Parts become frames, which are a fraction of their size, before the next one comes.
    let mut parts: Vec<DataFrame> = Vec::new();
    database.parts(&format!("SELECT customer, day{listed} FROM {}{}", view.name, of(condition)), &mut |part| {
        parts.push(named(part.columns)?);
        Ok(())
    })?;
    let frame = match parts.split_first() {
        Some((first, rest)) => crate::data::frame::guard("the sample", || {
            let mut all = first.clone();
            for part in rest {
                all.vstack_mut(part)?;
            }
            Ok(all)
        })?,
        None => named(names.iter().map(|_| Cells::Text(Vec::new())).collect())?,
    };
    let coded = [
        (Field::Product, "product"),
        (Field::Category, "category"),
        (Field::Kind, "kind"),
        (Field::Channel, "channel"),
        (Field::Survey, "survey"),
        (Field::Question, "question"),
        (Field::Answer, "answer"),
    ];
    let coded = coded.into_iter().filter(|(_, name)| view.has(name)).map(|(field, name)| (field, name.to_string()));
    let columns = Columns { customer: "customer", order: view.has("ord").then_some("ord"), coded: coded.collect() };
    let keep = vec![true; frame.height()];
    Log::of(frame, &keep, &columns, &view.name)
}

/// Cells as a frame, each column of the type that a log takes.
fn frame(columns: Vec<(String, Cells)>) -> Result<DataFrame> {
    let height = columns.first().map_or(0, |(_, cells)| cells.len());
    let column = |(name, cells): (String, Cells)| -> PolarsResult<Column> {
        let series = match cells {
            Cells::Whole(values) => Series::new(name.as_str().into(), values),
            Cells::Number(values) => Series::new(name.as_str().into(), values),
            Cells::Text(values) => Series::new(name.as_str().into(), values),
        };
        let kind = match name.as_str() {
            "day" => DataType::Int32,
            "hour" => DataType::UInt8,
            "returned" | "gift" => DataType::Boolean,
            "score" => DataType::Float64,
            "amount" | "units" | "discount" => DataType::Int64,
            _ => DataType::String,
        };
        Ok(series.cast(&kind)?.into_column())
    };
    crate::data::frame::guard("the sample", || {
        DataFrame::new(height, columns.into_iter().map(column).collect::<PolarsResult<Vec<_>>>()?)
    })
}

fn attributes(found: Answer, attributes: &[(String, bool)]) -> Result<Attributes> {
    let ids = found.texts(0)?;
    let mut order: Vec<usize> = (0..ids.len()).filter(|row| ids[*row].is_some()).collect();
    order.sort_by(|a, b| ids[*a].cmp(&ids[*b]));
    let mut columns = Vec::new();
    for (at, (name, number)) in attributes.iter().enumerate() {
        let known = if *number {
            let values = found.numbers(at + 1)?;
            Known::Number(order.iter().map(|row| values[*row]).collect())
        } else {
            let values = found.texts(at + 1)?;
            let texts: Vec<Option<String>> = order.iter().map(|row| values[*row].clone()).collect();
            let level = frame(vec![("level".into(), Cells::Text(texts))])?;
            Known::Level(Codes::of(&level, "level", name)?)
        };
        columns.push((name.clone(), known));
    }
    Ok(Attributes { ids: order.iter().filter_map(|row| ids[*row].clone()).collect(), columns })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_come_as_fit_and_nobody_is_left_out_where_all_do() {
        assert_eq!(wanted(4_000_000, 100_000_000, 50_000), 50_000);
        assert_eq!(wanted(1_000_000, 100_000_000, 50_000), 20_000);
        // All rows of few customers.
        assert_eq!(wanted(2_469, 2_595_732, 50_000), 2_469);
        assert_eq!(wanted(2_469, 25_957_320, 50_000), 190);
        assert_eq!((wanted(10, 0, 5), wanted(1, u64::MAX, 5)), (5, 1));
        assert_eq!(condition(10, 10), None);
        assert_eq!(condition(4_000_000, 1_000_000).unwrap(), "substr(md5(customer), 1, 8) < '40000000'");
    }
}
