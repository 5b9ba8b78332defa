//! A customer, in numbers: what a feature *is*. Nothing is computed here.
//!
//! A [`Feature`] is a value. A family is a function that returns features; an engine has one `match` from [`Measure`] to
//! its own language; the same value feeds the data dictionary, the axis labels and the words of a persona.

pub mod demographic;
pub mod engagement;
pub mod matrix;
pub mod preparation;
pub mod rfm;
pub mod scaling;
pub mod smoothing;
pub mod survey;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One thing that is known of a customer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Feature {
    /// Column name, as in `features.parquet`: `recency_days`.
    pub name: String,
    /// Name for people: `Days since last order`.
    pub label: String,
    /// The block whose weight it shares.
    pub family: Family,
    /// How its values read.
    pub unit: Unit,
    /// How it is computed.
    pub measure: Measure,
    /// What its values are: a number, an order of levels, or names.
    pub scale: Scale,
    /// Whether it forms segments or only describes them.
    pub role: Role,
    /// Adjective for a segment far below the average: `recent`.
    pub low: String,
    /// Adjective for a segment far above the average: `lapsed`.
    pub high: String,
}

/// A block of features; blocks are weighted against each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// Recency, frequency, money: what orders tell.
    Rfm,
    /// Visits, e-mail and other events.
    Engagement,
    /// What is known of the customer as a person or firm, one row each.
    Demographic,
    /// What the customer answered when asked.
    Survey,
}

/// Whether a feature moves customers between segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// It is part of the distance between customers.
    Form,
    /// It profiles segments and never forms them.
    Describe,
}

/// What the values of a feature are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// A quantity.
    Numeric,
    /// Levels with an order, lowest first.
    Ordinal(Vec<String>),
    /// Names without an order.
    Nominal,
}

/// How a value reads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Whole days.
    Days,
    /// A number of things.
    Count,
    /// Currency units (not minor units).
    Money,
    /// A share between 0 and 1.
    Share,
    /// A plain number.
    Number,
    /// A level, not a number.
    Level,
}

/// A table of customer knowledge, in canonical form (see [`crate::data`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Table {
    /// One row per order line: customer, order, day, amount, product, whether it is a return.
    Orders,
    /// One row per event: customer, day, kind, source.
    Events,
    /// One row per customer: attributes.
    Customers,
    /// One row per answer: customer, day, survey, score.
    Surveys,
}

/// Which rows of a table a measure looks at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rows {
    /// The table.
    pub table: Table,
    /// Orders: which lines. Ignored elsewhere.
    #[serde(default)]
    pub lines: Lines,
    /// Events: the kinds that count; empty means every kind.
    #[serde(default)]
    pub kinds: Vec<String>,
    /// Only the last so many days up to `as_of`; `None` is the whole window of the project.
    #[serde(default)]
    pub days: Option<u32>,
}

/// Which order lines count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lines {
    /// Sales: every line that is not a return.
    #[default]
    Sales,
    /// Returns only.
    Returns,
    /// Sales, with returns counted against them (money only).
    Net,
    /// Sales and returns alike.
    All,
}

/// How a feature is computed from a table. Closed: every engine has one arm per variant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Number of rows.
    Count(Rows),
    /// Number of distinct orders.
    Orders(Rows),
    /// Number of distinct products.
    Products(Rows),
    /// Number of distinct days.
    ActiveDays(Rows),
    /// Sum of the line amounts.
    Amount(Rows),
    /// Sum of the line amounts per distinct order.
    AmountPerOrder(Rows),
    /// Whole calendar days from the last row to `as_of`.
    DaysSinceLast(Rows),
    /// Whole calendar days from the first row to `as_of`.
    DaysSinceFirst(Rows),
    /// Mean days between distinct days with a row; missing for a single day.
    MeanGap(Rows),
    /// Rows of the first among rows of the second, smoothed over the population (see [`smoothing`]).
    Rate {
        /// The rows that succeeded.
        hits: Rows,
        /// The rows that were tried, successes included.
        trials: Rows,
    },
    /// A number from the customers table.
    Value {
        /// The attribute.
        column: String,
    },
    /// A level from the customers table.
    Level {
        /// The attribute.
        column: String,
    },
    /// The newest answer to a survey.
    LatestAnswer {
        /// The survey's name.
        survey: String,
    },
}

impl Rows {
    /// Sales lines of all orders in the window.
    pub fn sales() -> Self {
        Self::lines(Lines::Sales)
    }

    /// Order lines of the given kind in the window.
    pub fn lines(lines: Lines) -> Self {
        Self { table: Table::Orders, lines, kinds: Vec::new(), days: None }
    }

    /// Events of the given kinds in the window.
    pub fn events<S: AsRef<str>>(kinds: &[S]) -> Self {
        Self {
            table: Table::Events,
            lines: Lines::default(),
            kinds: kinds.iter().map(|k| k.as_ref().to_string()).collect(),
            days: None,
        }
    }
}

impl Unit {
    /// The value as a person reads it: thousands separators, two decimals for small money, whole days.
    /// `currency` is an ISO code, a sign or empty.
    pub fn format(&self, value: f64, currency: &str) -> String {
        if value.is_nan() {
            return "–".into();
        }
        match self {
            Unit::Days => format!("{} d", thousands(value, 0)),
            Unit::Count => thousands(value, if value.fract() == 0.0 || value.abs() >= 100.0 { 0 } else { 1 }),
            Unit::Money => {
                let sign = match currency {
                    "GBP" => "£",
                    "EUR" => "€",
                    "USD" => "$",
                    other => other,
                };
                let digits = thousands(value.abs(), if value.abs() < 100.0 { 2 } else { 0 });
                let gap = if sign.chars().count() > 1 { " " } else { "" };
                format!("{}{sign}{gap}{digits}", if value < 0.0 { "−" } else { "" })
            }
            Unit::Share => format!("{:.1} %", value * 100.0),
            Unit::Number | Unit::Level => {
                thousands(value, if value.fract() == 0.0 || value.abs() >= 1000.0 { 0 } else { 2 })
            }
        }
    }
}

/// `1234567.5` with `decimals` digits and a comma every three.
fn thousands(value: f64, decimals: usize) -> String {
    let text = format!("{:.*}", decimals, value.abs());
    let (whole, rest) = text.split_once('.').map_or((text.as_str(), None), |(w, r)| (w, Some(r)));
    let mut out = String::new();
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    if let Some(rest) = rest {
        out.push('.');
        out.push_str(rest);
    }
    let negative = value < 0.0 && text.bytes().any(|b| (b'1'..=b'9').contains(&b));
    if negative { format!("−{out}") } else { out }
}
