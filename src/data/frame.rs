//! The border to polars: every query is collected here, streaming, and a panic inside polars becomes an error.

use crate::error::{Error, Result};
use polars::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Collects a query with the streaming engine. `what` names the data for the message.
pub(crate) fn collect(frame: LazyFrame, what: &str) -> Result<DataFrame> {
    guard(what, move || frame.collect_with_engine(Engine::Streaming).map(|result| result.unwrap_single()))
}

/// Computes on a frame that is in memory already; columns that are only handed on are not copied. For expressions that look
/// at single rows.
pub(crate) fn computed(frame: LazyFrame, what: &str) -> Result<DataFrame> {
    guard(what, move || frame.collect())
}

/// Runs a polars call; its errors and panics name the data they happened on.
pub(crate) fn guard<T>(what: &str, call: impl FnOnce() -> PolarsResult<T>) -> Result<T> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => {
            Err(Error::new("E0131", format!("{what} cannot be read: {}", first_line(&error.to_string())))
                .help("if the file is a Parquet or Arrow file, write it again; if it is CSV, run `ilk check`"))
        }
        Err(panic) => {
            let said = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("no message");
            Err(Error::new("E0131", format!("{what} cannot be read: {}", first_line(said)))
                .note("note", "the reader stopped in a way it should not; the file may be damaged")
                .help("write the file again, or convert it to CSV"))
        }
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or(text)
}

/// The numbers of a column, missing ones as `missing`. Columns of millions are mostly without gaps, and then copied whole.
pub(crate) fn dense<T: PolarsNumericType>(column: &ChunkedArray<T>, missing: T::Native) -> Vec<T::Native> {
    let mut values = Vec::with_capacity(column.len());
    if column.null_count() == 0 {
        column.downcast_iter().for_each(|chunk| values.extend_from_slice(chunk.values()));
    } else {
        column.downcast_iter().for_each(|chunk| values.extend(chunk.iter().map(|v| v.copied().unwrap_or(missing))));
    }
    values
}

/// Where a column of truth values holds; nothing is no.
pub(crate) fn truth(column: &BooleanChunked) -> Vec<bool> {
    let mut values = Vec::with_capacity(column.len());
    if column.null_count() == 0 {
        column.downcast_iter().for_each(|chunk| values.extend(chunk.values().iter()));
    } else {
        column.downcast_iter().for_each(|chunk| values.extend(chunk.iter().map(|v| v == Some(true))));
    }
    values
}

/// A numeric column as f64, missing as NaN.
pub(crate) fn numbers(frame: &DataFrame, name: &str, what: &str) -> Result<Vec<f64>> {
    guard(what, || {
        let column = frame.column(name)?.cast(&DataType::Float64)?;
        Ok(column.f64()?.iter().map(|v| v.unwrap_or(f64::NAN)).collect())
    })
}

/// A text column.
pub(crate) fn texts(frame: &DataFrame, name: &str, what: &str) -> Result<Vec<Option<String>>> {
    guard(what, || {
        let column = frame.column(name)?.cast(&DataType::String)?;
        Ok(column.str()?.iter().map(|v| v.map(str::to_owned)).collect())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error() {
        let error = guard::<()>("orders", || panic!("activate 'x' feature")).expect_err("an error");
        assert_eq!(error.code(), "E0131");
        assert!(error.to_string().contains("activate 'x' feature"));
    }
}
