//! Features in SQL, for engines that speak it, over tables in canonical form (`customer`, `day`, … as in [`crate::data::log`]).
//!
//! [`counts`](mod@counts) has every [`Aggregate`](super::primitive::Aggregate) as whole numbers only, so that no result depends on the order
//! of rows or on how they are spread over machines; [`observed`] puts what is looked up beside them, [`values`] makes features of both,
//! [`space`] model space of features, [`passes`] segments of model space.
//!
//! What differs between dialects is left out, not papered over: no rounding, no `count(distinct)` (it keeps a hash table per customer; two
//! levels of grouping do not), no sum of anything but whole numbers and none without its `coalesce`, no division that may be by 0, no
//! logarithm of a library's. Numbers that are not whole are written as typed literals, and what is computed of them is written as
//! Rust computes it, operation by operation, so that the bits are the same.

mod counts;
pub mod groups;
pub mod observed;
pub mod passes;
mod people;
pub mod population;
pub mod rows;
pub mod sample;
pub mod space;
pub mod values;

pub use counts::{counts, read};

use crate::data::dates::Day;
use crate::data::log::{Field, Known, Log, UNDATED};
use crate::data::read::Tables;
use crate::engine::embedded;
use crate::features::{Key, Table};

/// A query language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Spark SQL 4: backslashes in text are escapes.
    Spark,
    /// DuckDB, which is standard here.
    DuckDb,
}

/// What a dialect has to know of a table in canonical form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// The table.
    pub table: Table,
    /// What it is called in the engine.
    pub name: String,
    /// The columns it has, of `day`, `hour`, `amount`, `units`, `discount`, `ord`, `returned`, `gift`, `product`, `category`, `channel`,
    /// `kind`, `survey`, `question`, `answer`, `score`; `customer` and `day` (days since 1970-01-01) always.
    pub columns: Vec<String>,
}

/// Where features are computed from, and for which day.
#[derive(Debug, Clone, PartialEq)]
pub struct Shape {
    /// The tables of rows.
    pub views: Vec<View>,
    /// The table of one row per customer: `customer`, and `a0`, `a1`, … for the attributes.
    pub people: Option<People>,
    /// The day the features speak of.
    pub as_of: Option<Day>,
    /// First and last day of any row.
    pub days: (Day, Day),
    /// How many days the events go back from that day.
    pub reach: f64,
}

/// What a dialect has to know of the attributes of customers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct People {
    /// What the table is called in the engine.
    pub name: String,
    /// The attributes, and whether each is a number (`DOUBLE`) or a level (text).
    pub attributes: Vec<(String, bool)>,
}

impl Dialect {
    /// What text is called.
    pub(crate) fn text_type(self) -> &'static str {
        match self {
            Dialect::Spark => "STRING",
            Dialect::DuckDb => "VARCHAR",
        }
    }
}

impl Shape {
    /// That of tables that were read: what the queries read is theirs, under the names `orders`, `events` and `surveys`.
    pub fn of(tables: &Tables) -> Self {
        let named = [
            (Table::Orders, "orders", &tables.orders),
            (Table::Events, "events", &tables.events),
            (Table::Surveys, "surveys", &tables.surveys),
        ];
        let view = |(table, name, log): (Table, &str, &Option<Log>)| {
            let log = log.as_ref()?;
            let has = [
                ("hour", !log.hour.is_empty()),
                ("amount", !log.amount.is_empty()),
                ("units", !log.units.is_empty()),
                ("discount", !log.discount.is_empty()),
                ("ord", !log.order.is_empty()),
                ("returned", table == Table::Orders),
                ("gift", !log.gift.is_empty()),
                ("product", log.codes(&Field::Product).is_some()),
                ("category", log.codes(&Field::Category).is_some()),
                ("channel", log.codes(&Field::Channel).is_some()),
                ("kind", log.codes(&Field::Kind).is_some()),
                ("survey", log.codes(&Field::Survey).is_some()),
                ("question", log.codes(&Field::Question).is_some()),
                ("answer", log.codes(&Field::Answer).is_some()),
                ("score", !log.score.is_empty()),
            ];
            let own = has.into_iter().filter(|(_, has)| *has).map(|(column, _)| column.to_string());
            Some(View { table, name: name.into(), columns: own.collect() })
        };
        let days = || [&tables.orders, &tables.events, &tables.surveys].into_iter().flatten().flat_map(|log| &log.day);
        let dated = || days().copied().filter(|day| *day != UNDATED);
        let span = dated().min().zip(dated().max()).map_or((Day(0), Day(0)), |(first, last)| (Day(first), Day(last)));
        let people = tables.customers.as_ref().map(|known| People {
            name: "people".into(),
            attributes: (known.columns.iter())
                .map(|(column, known)| (column.clone(), matches!(known, Known::Number(_))))
                .collect(),
        });
        let views = named.into_iter().filter_map(view).collect();
        Self { views, people, as_of: tables.as_of, days: span, reach: embedded::reach(tables) }
    }
}

impl View {
    pub(crate) fn has(&self, column: &str) -> bool {
        self.columns.iter().any(|own| own == column)
    }
}

fn key(key: Key) -> &'static str {
    match key {
        Key::Product => "product",
        Key::Category => "category",
        Key::Channel => "channel",
        Key::Kind => "kind",
    }
}

/// A text literal.
pub(crate) fn text(value: &str, dialect: Dialect) -> String {
    let escaped = match dialect {
        Dialect::Spark => value.replace('\\', "\\\\").replace('\'', "\\'"),
        Dialect::DuckDb => value.replace('\'', "''"),
    };
    format!("'{escaped}'")
}

/// A number that is not whole, as a literal of its type: every digit that tells it from others.
pub(crate) fn double(value: f64) -> String {
    if value.is_finite() { format!("CAST('{value:?}' AS DOUBLE)") } else { "CAST(NULL AS DOUBLE)".into() }
}

/// A quotient; missing where it would be by 0.
fn divided(of: &str, by: &str) -> String {
    format!("({of} / nullif({by}, {}))", double(0.0))
}

#[cfg(test)]
mod tests;
