//! A customer, in numbers: what a feature *is*. Nothing is computed here.
//!
//! A [`Feature`] is a value. A family is a function that returns features; an engine has one `match` from [`Measure`] to
//! its own language; the same value feeds the data dictionary, the axis labels and the words of a persona.

pub mod basket;
pub mod custom;
pub mod demographic;
pub mod dictionary;
pub mod engagement;
pub mod levels;
pub mod lifecycle;
pub mod matrix;
mod measure;
pub mod occasion;
pub mod population;
pub mod preparation;
pub mod rfm;
pub mod rules;
pub mod scaling;
pub mod smoothing;
pub mod survey;

pub use measure::{Key, Lines, Measure, Named, Rows, Table, Weighted};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One thing that is known of a customer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// Whether people must not be sorted by it unless somebody decides so by name.
    #[serde(default)]
    pub protected: bool,
    /// Adjective for a segment far below the average: `recent`.
    pub low: String,
    /// Adjective for a segment far above the average: `lapsed`.
    pub high: String,
}

impl Feature {
    /// A number that describes segments; the builders change what differs.
    pub fn new(
        name: impl Into<String>,
        label: impl Into<String>,
        family: Family,
        unit: Unit,
        measure: Measure,
    ) -> Self {
        Self {
            name: name.into(),
            label: label.into(),
            family,
            unit,
            measure,
            scale: Scale::Numeric,
            role: Role::Describe,
            protected: false,
            low: String::new(),
            high: String::new(),
        }
    }

    /// It forms segments.
    #[must_use]
    pub fn forms(self) -> Self {
        Self { role: Role::Form, ..self }
    }

    /// The adjectives for segments far below and far above the average.
    #[must_use]
    pub fn words(self, low: impl Into<String>, high: impl Into<String>) -> Self {
        Self { low: low.into(), high: high.into(), ..self }
    }

    /// Its values are levels.
    #[must_use]
    pub fn levels(self, scale: Scale) -> Self {
        Self { scale, unit: Unit::Level, ..self }
    }
}

/// A block of features; blocks are weighted against each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// Recency, frequency, money: what orders tell.
    Rfm,
    /// What lies in the basket.
    Basket,
    /// Visits, e-mail and other events.
    Engagement,
    /// What is known of the customer as a person, one row each.
    Demographic,
    /// Where the customer is.
    Geographic,
    /// What is known of the customer as a firm.
    Firmographic,
    /// What the customer answered when asked.
    Survey,
    /// When the customer buys.
    Occasion,
    /// Where the customer stands on the way from lead to lapsed.
    Lifecycle,
    /// What the project itself defines.
    Custom,
}

impl Family {
    /// All families, in the order of their columns.
    pub const ALL: [Family; 10] = [
        Family::Rfm,
        Family::Basket,
        Family::Engagement,
        Family::Demographic,
        Family::Geographic,
        Family::Firmographic,
        Family::Survey,
        Family::Occasion,
        Family::Lifecycle,
        Family::Custom,
    ];

    /// As in the config.
    pub fn word(self) -> &'static str {
        match self {
            Family::Rfm => "rfm",
            Family::Basket => "basket",
            Family::Engagement => "engagement",
            Family::Demographic => "demographic",
            Family::Geographic => "geographic",
            Family::Firmographic => "firmographic",
            Family::Survey => "survey",
            Family::Occasion => "occasion",
            Family::Lifecycle => "lifecycle",
            Family::Custom => "custom",
        }
    }
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// A quantity.
    Numeric,
    /// Levels with an order, lowest first.
    Ordinal(Vec<String>),
    /// Names without an order.
    Nominal,
    /// Two names, or one and its absence.
    Binary,
}

/// How a value reads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Whole days.
    Days,
    /// Years.
    Years,
    /// A number of things.
    Count,
    /// Currency units (not minor units).
    Money,
    /// A share between 0 and 1.
    Share,
    /// A change between -1 (only before) and 1 (only now).
    Change,
    /// Kilometres.
    Kilometres,
    /// An answer from 0 to 10 to "would you recommend us?".
    Nps,
    /// A plain number.
    Number,
    /// A level, not a number.
    Level,
}

/// `Detergents_Paper` and `detergentsPaper` to `detergents`, `paper`.
pub(crate) fn words(column: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut before_lower = false;
    let mut open = false;
    for c in column.chars() {
        if !c.is_alphanumeric() {
            open = false;
            before_lower = false;
            continue;
        }
        if !open || (c.is_uppercase() && before_lower) {
            words.push(String::new());
            open = true;
        }
        if let Some(word) = words.last_mut() {
            word.extend(c.to_lowercase());
        }
        before_lower = c.is_lowercase() || c.is_numeric();
    }
    words
}

/// The first letter in upper case.
pub(crate) fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |c| c.to_uppercase().chain(letters).collect())
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
            Unit::Years => format!("{} y", thousands(value, 0)),
            Unit::Kilometres => format!("{} km", thousands(value, if value.abs() < 10.0 { 1 } else { 0 })),
            Unit::Change => {
                // What rounds to nothing has no sign.
                let percent = (value * 100.0).round();
                let sign = if percent > 0.0 { "+" } else { "" };
                format!("{sign}{} %", thousands(percent, 0))
            }
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
            Unit::Number | Unit::Level | Unit::Nps => {
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
