//! What can be read and is still unlikely: one id with most of the orders, one order with most of the money, a change of
//! unit, a file that ends long before the day it is read for.

use super::dates::Day;
use super::frame::{collect, guard, texts};
use super::read::{MONEY_SCALE, Tables, percent};
use super::source::{ROW, Source};
use crate::error::{Result, Warning};
use polars::prelude::*;
use std::collections::BTreeMap;

/// Share of the lines from which one id is no customer's.
const ONE_ID: f64 = 0.1;

/// Share of the revenue from which one line is doubtful.
const ONE_LINE: f64 = 0.1;

/// Lines below which shares say little.
const FEW: usize = 100;

/// Days between the last order and `as_of` from which a file is stale.
const STALE: i32 = 31;

/// Days missing at the end of a quarter from which it is not over.
const MISSING_DAYS: i32 = 3;

/// Warns of what is unlikely about the order lines that count.
pub(crate) fn orders(used: &DataFrame, has_money: bool, tables: &mut Tables) -> Result<()> {
    period(tables);
    if used.height() < FEW {
        return Ok(());
    }
    one_id(used, tables)?;
    if has_money {
        unit(used, tables)?;
    }
    Ok(())
}

/// W0318, W0319.
fn period(tables: &mut Tables) {
    let (Some(as_of), Some((_, last))) = (tables.as_of, tables.sales.days) else { return };
    let age = as_of.0 - last.0;
    if age > STALE {
        tables.warnings.push(
            Warning::new("W0319", format!("the last order, of {}, is {age} days before as_of", last.iso()))
                .why("everybody looks lost")
                .help(format!("export the orders up to {}, or: [features] as_of = \"{}\"", as_of.iso(), last.iso())),
        );
        return;
    }
    let missing = as_of.quarter_end().0 - as_of.0;
    if missing > MISSING_DAYS {
        tables.warnings.push(
            Warning::new(
                "W0318",
                format!("{} is not over on {}: {missing} of its days are missing", as_of.quarter(), as_of.iso()),
            )
            .why("a quarter that is cut short has fewer orders than the one before")
            .help(format!("to speak of a whole quarter: [features] as_of = \"{}\"", as_of.quarter_before().iso())),
        );
    }
}

/// W0333.
fn one_id(used: &DataFrame, tables: &mut Tables) -> Result<()> {
    let counted = collect(
        used.clone()
            .lazy()
            .group_by([col("customer").cast(DataType::String)])
            .agg([len().cast(DataType::Int64).alias("rows")])
            .sort(["rows", "customer"], SortMultipleOptions::default().with_order_descending_multi([true, false])),
        "orders",
    )?;
    let most = guard("orders", || Ok(counted.column("rows")?.i64()?.get(0).unwrap_or(0)))?;
    let share = most as f64 / used.height() as f64;
    // Among few customers a tenth is nothing unusual.
    if share < ONE_ID || counted.height() < FEW / 2 {
        return Ok(());
    }
    let id = texts(&counted.head(Some(1)), "customer", "orders")?.into_iter().flatten().next().unwrap_or_default();
    tables.warnings.push(
        Warning::new(
            "W0333",
            format!("customer `{id}` has {most} of {} order lines ({})", used.height(), percent(share)),
        )
        .why("a till, a guest or a test account would be a segment of its own and shift all others")
        .help(format!("if it is nobody, at the end of ilk.toml\n[input]\nexclude_ids = [\"{id}\"]")),
    );
    Ok(())
}

/// W0345. `lines` are all rows with their bucket.
pub(crate) fn one_line(source: &Source, lines: &DataFrame, tables: &mut Tables) -> Result<()> {
    let sold = lines.clone().lazy().filter(col("bucket").eq(lit("used")));
    let facts = collect(
        sold.clone().select([
            col("amount").max().alias("most"),
            col("amount").filter(col("amount").gt(lit(0i64))).sum().alias("all"),
            len().cast(DataType::Int64).alias("rows"),
        ]),
        "orders",
    )?;
    let fact = |name: &str| facts.column(name).ok().and_then(|c| c.i64().ok().and_then(|c| c.get(0))).unwrap_or(0);
    let most = fact("most");
    let share = most as f64 / fact("all").max(1) as f64;
    if share < ONE_LINE || fact("rows") < FEW as i64 {
        return Ok(());
    }
    let found =
        collect(sold.filter(col("amount").eq(lit(most))).select([col(ROW).cast(DataType::UInt64).min()]), "orders")?;
    let row = guard("orders", || Ok(found.columns()[0].u64()?.get(0).unwrap_or(0)))?;
    let mut warning = Warning::new(
        "W0345",
        format!("one order line is {} of revenue ({:.2})", percent(share), most as f64 / MONEY_SCALE),
    )
    .why("it is cut for the comparison of customers and kept in every total")
    .help("if it is a slip, correct it in the export");
    if let Some(place) = source.places(&[(row, "")], "this line")?.pop() {
        warning = warning.at(place);
    }
    tables.warnings.push(warning);
    Ok(())
}

/// A number's place on a scale of quarters of a doubling, exact on every machine.
fn quarter_octave(amount: i64) -> usize {
    let bits = amount.ilog2();
    let next = if bits >= 2 { (amount >> (bits - 2)) & 3 } else { 0 };
    (bits * 4) as usize + next as usize
}

/// W0347: from one month to the next the middle amount changes about a hundredfold.
fn unit(used: &DataFrame, tables: &mut Tables) -> Result<()> {
    let mut days: BTreeMap<i32, BTreeMap<usize, u64>> = BTreeMap::new();
    guard("orders", || {
        let day = used.column("day")?.cast(&DataType::Int32)?;
        for (day, amount) in day.i32()?.iter().zip(used.column("amount")?.i64()?.iter()) {
            if let (Some(day), Some(amount)) = (day, amount)
                && amount > 0
            {
                *days.entry(day).or_default().entry(quarter_octave(amount)).or_default() += 1;
            }
        }
        Ok(())
    })?;
    let mut months: BTreeMap<String, BTreeMap<usize, u64>> = BTreeMap::new();
    for (day, counts) in days {
        let month = months.entry(Day(day).iso().chars().take(7).collect()).or_default();
        for (place, n) in counts {
            *month.entry(place).or_default() += n;
        }
    }
    let middle = |counts: &BTreeMap<usize, u64>| -> Option<usize> {
        let all: u64 = counts.values().sum();
        let mut seen = 0;
        counts
            .iter()
            .find(|(_, n)| {
                seen += **n;
                seen * 2 >= all
            })
            .map(|(place, _)| *place)
            .filter(|_| all >= 20)
    };
    let middles: Vec<(&String, usize)> =
        months.iter().filter_map(|(m, counts)| middle(counts).map(|p| (m, p))).collect();
    // A hundredfold is 6.6 doublings; 64 to 150 fold are taken for it.
    let jump = middles.windows(2).find(|w| (24..=29).contains(&w[0].1.abs_diff(w[1].1)));
    if let Some([before, after]) = jump {
        let way = if after.1 > before.1 { "larger" } else { "smaller" };
        tables.warnings.push(
            Warning::new(
                "W0347",
                format!("from {} on, amounts are about 100 times {way} than in {}", after.0, before.0),
            )
            .why("cents beside whole units would make some customers look a hundred times richer")
            .help("if the unit changed, export all rows in one unit"),
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundredfold_is_between_26_and_27_quarters_of_a_doubling() {
        for amount in [10_000, 123_456, 99, 70_000] {
            let steps = quarter_octave(amount * 100) - quarter_octave(amount);
            assert!((25..=28).contains(&steps), "{amount}: {steps}");
        }
        assert_eq!(quarter_octave(1), 0);
    }
}
