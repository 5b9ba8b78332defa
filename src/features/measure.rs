//! How a feature is computed: which rows of which table, and what is taken of them.

use super::occasion::Occasion;
use super::rules::Rule;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A table of customer knowledge, in canonical form (see [`crate::data`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Table {
    /// One row per order line: customer, order, day, amount, product, whether it is a return.
    Orders,
    /// One row per event: customer, day, kind, channel.
    Events,
    /// One row per customer: attributes.
    Customers,
    /// One row per question asked: customer, day, survey, question, answer.
    Surveys,
}

/// Which rows of a table a measure looks at. Every condition must hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rows {
    /// The table.
    pub table: Table,
    /// Orders: which lines. Ignored elsewhere.
    #[serde(default, skip_serializing_if = "is_default")]
    pub lines: Lines,
    /// Events: the kinds that count; empty means every kind.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<String>,
    /// Only so many days; absent is the whole window of the project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<u32>,
    /// The days end so many days before `as_of`: `days = 90, skip = 90` are the 90 days before the last 90.
    #[serde(default, skip_serializing_if = "is_default")]
    pub skip: u32,
    /// Orders: only these products.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub products: Vec<String>,
    /// Orders: only these categories.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<String>,
    /// Only these channels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub channels: Vec<String>,
    /// Only on these days of the week, 1 is Monday and 7 Sunday.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub weekdays: Vec<u8>,
    /// Only from the first hour to before the second; `[22, 6]` is the night.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<[u8; 2]>,
    /// Only on these days of every year.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occasion: Option<Occasion>,
    /// Orders: only gifts.
    #[serde(default, skip_serializing_if = "is_default")]
    pub gifts: bool,
    /// Only after the customer's first day among these rows.
    #[serde(default, skip_serializing_if = "is_default")]
    pub repeat: bool,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Which order lines count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
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

/// What is told apart among the rows of a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Key {
    /// Products.
    Product,
    /// Categories of products.
    Category,
    /// Channels.
    Channel,
    /// Kinds of events.
    Kind,
}

/// Rows and what one of them is worth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Weighted {
    /// The rows.
    pub rows: Rows,
    /// What each counts for.
    pub weight: f64,
}

/// Rows and the name they go by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// The level.
    pub level: String,
    /// Its rows.
    pub rows: Rows,
}

/// How a feature is computed from a table. Closed: every engine has one arm per aggregate below it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Number of rows.
    Count(Rows),
    /// Number of distinct orders.
    Orders(Rows),
    /// Number of distinct products, categories, channels or kinds.
    Distinct {
        /// The rows.
        rows: Rows,
        /// Of what.
        of: Key,
    },
    /// Number of distinct days.
    ActiveDays(Rows),
    /// Number of distinct days with a row, on which no row of the others stands.
    DaysWithout {
        /// The rows whose days count.
        rows: Rows,
        /// What must not have happened on the day.
        unless: Vec<Rows>,
    },
    /// Sum of the line amounts.
    Amount(Rows),
    /// Sum of the pieces.
    Units(Rows),
    /// Sum of the money taken off.
    Discount(Rows),
    /// Whole calendar days from the last row to `as_of`.
    DaysSinceLast(Rows),
    /// Whole calendar days from the first row to `as_of`.
    DaysSinceFirst(Rows),
    /// Whole calendar days from the first row to the last.
    DaysSpanned(Rows),
    /// Mean days between distinct days with a row; missing for a single day.
    MeanGap(Rows),
    /// Standard deviation of the days between distinct days with a row by their mean; missing below three days. 0 is
    /// clockwork, 1 is chance.
    GapVariation(Rows),
    /// Days since the last row by the customer's own mean gap, pulled towards the population's (see [`smoothing`]).
    Overdue(Rows),
    /// How evenly the rows spread over what they hold: inverse Simpson by the number of distinct ones (Smith & Wilson 1996,
    /// E 1/D); missing below two.
    Evenness {
        /// The rows.
        rows: Rows,
        /// Over what.
        over: Key,
    },
    /// Share of the most frequent one among the rows.
    TopShare {
        /// The rows.
        rows: Rows,
        /// Of what.
        of: Key,
    },
    /// The most frequent one, then the alphabetically first.
    Top {
        /// The rows.
        rows: Rows,
        /// Of what.
        of: Key,
    },
    /// The name of the most frequent rows, then of the first listed; missing without any.
    MostOf(Vec<Named>),
    /// Sum of weights, each halved every `half_life` days: what happened lately counts most.
    Decayed {
        /// What counts, and how much.
        rows: Vec<Weighted>,
        /// Days after which a row counts half.
        half_life: u32,
    },
    /// The measures added up; missing where one is.
    Sum(Vec<Measure>),
    /// One measure by another; missing where the second is 0.
    Ratio {
        /// What is divided.
        of: Box<Measure>,
        /// By what.
        by: Box<Measure>,
    },
    /// `(now - before) / (now + before)`: from -1 to 1; missing where both are 0.
    Change {
        /// This time.
        now: Box<Measure>,
        /// The time before.
        before: Box<Measure>,
    },
    /// Successes among trials, smoothed over the population (see [`smoothing`]). Both are counts.
    Rate {
        /// What succeeded.
        hits: Box<Measure>,
        /// What was tried, successes included.
        trials: Box<Measure>,
    },
    /// Whether another measure lies beyond a quantile of the population: `yes` or `no`.
    Beyond {
        /// The measure.
        of: Box<Measure>,
        /// The quantile, 0.995 is one customer in two hundred.
        quantile: f64,
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
    /// Years from a year of birth to the year of `as_of`.
    Age {
        /// The attribute.
        column: String,
    },
    /// Days from a day of the customers table to `as_of`.
    DaysSince {
        /// The attribute.
        column: String,
    },
    /// Kilometres to the nearest of some places, along the great circle.
    Distance {
        /// Attribute with degrees north.
        latitude: String,
        /// Attribute with degrees east.
        longitude: String,
        /// Degrees north and east of each place.
        places: Vec<[f64; 2]>,
    },
    /// The newest answer to a question, as a number.
    Answer {
        /// The survey's name.
        survey: String,
        /// The question's column.
        question: String,
    },
    /// The newest answer to a question, as a level.
    AnswerLevel {
        /// The survey's name.
        survey: String,
        /// The question's column.
        question: String,
    },
    /// Whether the newest answer names an option: `yes` or `no`.
    Chose {
        /// The survey's name.
        survey: String,
        /// The question's column.
        question: String,
        /// What stands between options.
        separated_by: String,
        /// The option.
        option: String,
    },
    /// `answered` or `did not answer`; missing for whoever was not asked.
    Response {
        /// The survey's name.
        survey: String,
    },
    /// The level of the first rule that holds for the features before it.
    Rules {
        /// Rules in order.
        rules: Vec<Rule>,
        /// The level where none holds.
        otherwise: String,
    },
}

impl Rows {
    /// All rows of a table in the window; of orders the sales.
    pub fn of(table: Table) -> Self {
        Self {
            table,
            lines: Lines::default(),
            kinds: Vec::new(),
            days: None,
            skip: 0,
            products: Vec::new(),
            categories: Vec::new(),
            channels: Vec::new(),
            weekdays: Vec::new(),
            hours: None,
            occasion: None,
            gifts: false,
            repeat: false,
        }
    }

    /// Sales lines of all orders in the window.
    pub fn sales() -> Self {
        Self::of(Table::Orders)
    }

    /// Order lines of the given kind in the window.
    pub fn lines(lines: Lines) -> Self {
        Self { lines, ..Self::of(Table::Orders) }
    }

    /// Events of the given kinds in the window.
    pub fn events<S: AsRef<str>>(kinds: &[S]) -> Self {
        Self { kinds: kinds.iter().map(|k| k.as_ref().to_string()).collect(), ..Self::of(Table::Events) }
    }

    /// Only the last so many days.
    #[must_use]
    pub fn last(self, days: u32) -> Self {
        Self { days: Some(days), ..self }
    }

    /// Only after the customer's first day among them.
    #[must_use]
    pub fn repeat(self) -> Self {
        Self { repeat: true, ..self }
    }

    /// As many days as [`Rows::last`], before those.
    #[must_use]
    pub fn before(self, days: u32) -> Self {
        Self { days: Some(days), skip: days, ..self }
    }
}

impl Measure {
    /// Whether days are needed to compute it.
    pub fn needs_days(&self) -> bool {
        match self {
            Measure::DaysSinceLast(_)
            | Measure::DaysSinceFirst(_)
            | Measure::MeanGap(_)
            | Measure::GapVariation(_)
            | Measure::Overdue(_)
            | Measure::ActiveDays(_)
            | Measure::DaysWithout { .. }
            | Measure::Decayed { .. }
            | Measure::Age { .. }
            | Measure::DaysSince { .. } => true,
            Measure::Ratio { of: a, by: b }
            | Measure::Change { now: a, before: b }
            | Measure::Rate { hits: a, trials: b } => a.needs_days() || b.needs_days(),
            Measure::Beyond { of, .. } => of.needs_days(),
            Measure::Sum(parts) => parts.iter().any(Measure::needs_days),
            _ => self.rows().iter().any(|r| r.days.is_some() || r.occasion.is_some() || !r.weekdays.is_empty()),
        }
    }

    /// The sets of rows it looks at.
    pub fn rows(&self) -> Vec<&Rows> {
        match self {
            Measure::Count(rows)
            | Measure::Orders(rows)
            | Measure::ActiveDays(rows)
            | Measure::Amount(rows)
            | Measure::Units(rows)
            | Measure::Discount(rows)
            | Measure::DaysSinceLast(rows)
            | Measure::DaysSinceFirst(rows)
            | Measure::DaysSpanned(rows)
            | Measure::MeanGap(rows)
            | Measure::GapVariation(rows)
            | Measure::Overdue(rows)
            | Measure::Distinct { rows, .. }
            | Measure::Evenness { rows, .. }
            | Measure::TopShare { rows, .. }
            | Measure::Top { rows, .. } => vec![rows],
            Measure::DaysWithout { rows, unless } => std::iter::once(rows).chain(unless).collect(),
            Measure::MostOf(named) => named.iter().map(|n| &n.rows).collect(),
            Measure::Decayed { rows, .. } => rows.iter().map(|w| &w.rows).collect(),
            Measure::Ratio { of: a, by: b }
            | Measure::Change { now: a, before: b }
            | Measure::Rate { hits: a, trials: b } => a.rows().into_iter().chain(b.rows()).collect(),
            Measure::Beyond { of, .. } => of.rows(),
            Measure::Sum(parts) => parts.iter().flat_map(Measure::rows).collect(),
            Measure::Value { .. }
            | Measure::Level { .. }
            | Measure::Age { .. }
            | Measure::DaysSince { .. }
            | Measure::Distance { .. }
            | Measure::Answer { .. }
            | Measure::AnswerLevel { .. }
            | Measure::Chose { .. }
            | Measure::Response { .. }
            | Measure::Rules { .. } => Vec::new(),
        }
    }
}
