//! What an engine that speaks SQL must do: answer with few rows, and keep many.

use super::sql::Dialect;
use crate::error::{Error, Result};

/// A connection to a database. Everything that is asked of it returns few rows: numbers of everyone, a sample, a row per segment.
pub trait Database: Sync {
    /// The language it speaks.
    fn dialect(&self) -> Dialect;

    /// The answer to a query.
    ///
    /// # Errors
    /// E0620 where the connection is lost, E0621 where the database cannot compute it.
    fn query(&self, sql: &str) -> Result<Answer>;

    /// The answer in parts, as they come: of many rows, which are to be made something smaller.
    ///
    /// # Errors
    /// As [`Database::query`], and what `each` refuses.
    fn parts(&self, sql: &str, each: &mut dyn FnMut(Answer) -> Result<()>) -> Result<()> {
        each(self.query(sql)?)
    }

    /// Runs what has no answer.
    ///
    /// # Errors
    /// As [`Database::query`].
    fn command(&self, sql: &str) -> Result<()>;

    /// Gives a query a name; it is computed whenever the name is used.
    ///
    /// # Errors
    /// As [`Database::query`].
    fn view(&self, name: &str, sql: &str) -> Result<()> {
        self.command(&format!("CREATE OR REPLACE TEMPORARY VIEW {name} AS {sql}"))
    }

    /// What the queries to come read: what is kept of anything else is computed again.
    fn reads(&self, _input: &str) {}

    /// Computes a query once, and gives its rows a name. What a run before this one kept under that name, of the same query, is used again.
    ///
    /// # Errors
    /// As [`Database::query`].
    fn keep(&self, name: &str, sql: &str) -> Result<()>;
}

/// The rows of an answer, by column.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Answer {
    /// Equally long columns, in the order of the query.
    pub columns: Vec<Cells>,
}

/// A column of an answer; `None` is NULL.
#[derive(Debug, Clone, PartialEq)]
pub enum Cells {
    /// Whole numbers, days and flags.
    Whole(Vec<Option<i64>>),
    /// Other numbers.
    Number(Vec<Option<f64>>),
    /// Text.
    Text(Vec<Option<String>>),
}

impl Cells {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        match self {
            Cells::Whole(v) => v.len(),
            Cells::Number(v) => v.len(),
            Cells::Text(v) => v.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn unexpected(column: usize) -> Error {
    Error::new("E0070", format!("a database answered with another type in column {column}"))
        .help("please report it with the command you ran")
}

impl Answer {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.columns.first().map_or(0, Cells::len)
    }

    /// A column of whole numbers, NULL as 0.
    ///
    /// # Errors
    /// E0070 if it is none.
    pub fn whole(&self, column: usize) -> Result<Vec<i64>> {
        match self.columns.get(column) {
            Some(Cells::Whole(values)) => Ok(values.iter().map(|v| v.unwrap_or(0)).collect()),
            _ => Err(unexpected(column)),
        }
    }

    /// The whole number of an answer of one row, NULL as 0.
    ///
    /// # Errors
    /// E0070 if it is none.
    pub fn one(&self, column: usize) -> Result<i64> {
        Ok(self.whole(column)?.first().copied().unwrap_or(0))
    }

    /// The number of an answer of one row, NULL as `NaN`.
    ///
    /// # Errors
    /// E0070 if it is none.
    pub fn one_number(&self, column: usize) -> Result<f64> {
        Ok(self.numbers(column)?.first().copied().unwrap_or(f64::NAN))
    }

    /// A column of numbers, NULL as `NaN`.
    ///
    /// # Errors
    /// E0070 if it is none.
    pub fn numbers(&self, column: usize) -> Result<Vec<f64>> {
        match self.columns.get(column) {
            Some(Cells::Number(values)) => Ok(values.iter().map(|v| v.unwrap_or(f64::NAN)).collect()),
            Some(Cells::Whole(values)) => Ok(values.iter().map(|v| v.map_or(f64::NAN, |v| v as f64)).collect()),
            _ => Err(unexpected(column)),
        }
    }

    /// A column of text.
    ///
    /// # Errors
    /// E0070 if it is none.
    pub fn texts(&self, column: usize) -> Result<&[Option<String>]> {
        match self.columns.get(column) {
            Some(Cells::Text(values)) => Ok(values),
            _ => Err(unexpected(column)),
        }
    }

    /// A column of whole numbers too large for 64 bits, written as text.
    ///
    /// # Errors
    /// E0070 if it is none.
    pub fn wide(&self, column: usize) -> Result<Vec<i128>> {
        let parsed = |text: &Option<String>| match text {
            Some(text) => text.parse().map_err(|_| unexpected(column)),
            None => Ok(0),
        };
        self.texts(column)?.iter().map(parsed).collect()
    }
}
