//! A total at the end of a file is no order.

use super::duplicates::{mask, without_flags};
use super::frame::guard;
use super::numbers::NULL_WORDS;
use super::read::Tables;
use super::schema::{DateSpec, OrdersSpec};
use super::source::{ROW, Source};
use crate::error::{Result, Warning};
use polars::prelude::*;

/// The column that says whether a row is a total.
pub(crate) const TOTAL: &str = "total";

/// What people call a total.
const WORDS: [&str; 8] = ["total", "totals", "grand total", "sum", "summe", "gesamt", "subtotal", "total general"];

/// Adds the column [`TOTAL`] and clears the flags of bad values in such rows: the last row of a text file that names no
/// customer and calls itself a total, or has no date either and holds the sum of all the others.
pub(crate) fn mark(
    source: &Source,
    mut lines: DataFrame,
    spec: &OrdersSpec,
    flags: &[&str],
    tables: &mut Tables,
) -> Result<DataFrame> {
    let mut totals: Vec<u64> = Vec::new();
    let mut ends: Vec<u64> = Vec::new();
    for (_, rows) in source.names_and_rows() {
        ends.push(ends.last().copied().unwrap_or(0) + rows);
    }
    for (row, cells) in source.last_rows() {
        let blank = |column: &str| cells.get(column).is_none_or(|cell| NULL_WORDS.contains(&cell.trim()));
        let named = |cell: &str| WORDS.contains(&cell.trim().trim_end_matches(':').to_lowercase().as_str());
        let nobody = blank(&spec.customer_id) || cells.get(spec.customer_id.as_str()).is_some_and(|c| named(c));
        let undated = spec.date.as_ref().map(DateSpec::column).is_some_and(blank);
        let file = ends.partition_point(|end| *end <= row);
        let start = if file == 0 { 0 } else { ends[file - 1] };
        if nobody && (cells.values().any(|c| named(c)) || (undated && is_sum(&lines, start, row, &source.table)?)) {
            totals.push(row);
        }
    }
    if totals.is_empty() {
        let none = BooleanChunked::full(TOTAL.into(), false, lines.height());
        return guard(&source.table, || lines.with_column(none.into_column()).cloned());
    }
    for row in &totals {
        let mut warning =
            Warning::new("W0114", format!("the last line of {} is a total, not an order: left out", source.table))
                .why("it would count as one huge order")
                .help("nothing to do; to be rid of this, export without the total");
        if let Some(place) = source.places(&[(*row, "")], "a total")?.pop() {
            warning = warning.at(place);
        }
        tables.warnings.push(warning);
    }
    let total = mask(&lines, &totals, &ends, &source.table)?.with_name(TOTAL.into());
    let mut lines = without_flags(lines, &total, flags, &source.table)?;
    guard(&source.table, || lines.with_column(total.into_column()).cloned())
}

/// Whether the money of `row` is the sum of the rows from `start` up to it.
fn is_sum(lines: &DataFrame, start: u64, row: u64, what: &str) -> Result<bool> {
    guard(what, || {
        let rows = lines.column(ROW)?.cast(&DataType::UInt64)?;
        let (mut others, mut own) = (0i64, 0i64);
        for (at, amount) in rows.u64()?.iter().zip(lines.column("amount")?.i64()?.iter()) {
            match (at, amount) {
                (Some(at), Some(amount)) if at == row => own = amount,
                (Some(at), Some(amount)) if (start..row).contains(&at) => others += amount,
                _ => {}
            }
        }
        Ok(own != 0 && own == others)
    })
}
