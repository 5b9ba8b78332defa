//! What can be read and is still unlikely: one id with most of the orders, one order with most of the money, a change of
//! unit, a file that ends long before the day it is read for.

use super::dates::Day;
use super::log::{Log, UNDATED};
use super::read::{MONEY_SCALE, Tables, percent};
use super::source::Source;
use crate::error::{Result, Warning};
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

/// Warns of what is unlikely about the orders that count. `largest` is the largest amount of a line and the line's row.
pub(crate) fn orders(
    source: &Source,
    log: &Log,
    largest: Option<(i64, u32)>,
    has_money: bool,
    tables: &mut Tables,
) -> Result<()> {
    period(tables);
    if log.len() < FEW {
        return Ok(());
    }
    one_id(log, tables);
    if has_money {
        if let Some((amount, row)) = largest {
            one_line(source, log, amount, row, tables)?;
        }
        unit(log, tables);
    }
    Ok(())
}

/// W0318, W0319.
pub(crate) fn period(tables: &mut Tables) {
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

fn one_id(log: &Log, tables: &mut Tables) {
    let rows = |i: usize| log.rows(i).len();
    // Of equal ones the first.
    let Some(most) = (0..log.ids.len()).max_by_key(|i| (rows(*i), std::cmp::Reverse(*i))) else { return };
    tables.warnings.extend(nobody(&log.ids[most], rows(most), log.len(), log.ids.len()));
}

/// W0333 for the id with most lines, of so many lines of so many ids.
pub(crate) fn nobody(id: &str, rows: usize, of: usize, ids: usize) -> Option<Warning> {
    let share = rows as f64 / of as f64;
    // Among few customers a tenth is nothing unusual.
    if of < FEW || share < ONE_ID || ids < FEW / 2 {
        return None;
    }
    let title = format!("customer `{id}` has {rows} of {of} order lines ({})", percent(share));
    Some(
        Warning::new("W0333", title)
            .why("a till, a guest or a test account would be a segment of its own and shift all others")
            .help(format!("if it is nobody, at the end of ilk.toml\n[input]\nexclude_ids = [\"{id}\"]")),
    )
}

fn one_line(source: &Source, log: &Log, most: i64, row: u32, tables: &mut Tables) -> Result<()> {
    let all: i64 = log.amount.iter().filter(|a| **a > 0).sum();
    let Some(mut warning) = slip(most, all, log.len()) else { return Ok(()) };
    if let Some(place) = source.places(&[(u64::from(row), "")], "this line")?.pop() {
        warning = warning.at(place);
    }
    tables.warnings.push(warning);
    Ok(())
}

/// W0345 for the largest amount of a line, of so much in so many lines.
pub(crate) fn slip(most: i64, all: i64, lines: usize) -> Option<Warning> {
    let share = most as f64 / all.max(1) as f64;
    let title = format!("one order line is {} of revenue ({:.2})", percent(share), most as f64 / MONEY_SCALE);
    (lines >= FEW && share >= ONE_LINE).then(|| {
        Warning::new("W0345", title)
            .why("it is cut for the comparison of customers and kept in every total")
            .help("if it is a slip, correct it in the export")
    })
}

/// Places of [`quarter_octave`].
const PLACES: usize = 256;

/// A number's place on a scale of quarters of a doubling, exact on every machine.
fn quarter_octave(amount: i64) -> usize {
    let bits = amount.ilog2();
    let next = if bits >= 2 { (amount >> (bits - 2)) & 3 } else { 0 };
    (bits * 4) as usize + next as usize
}

/// W0347: from one month to the next the middle amount changes about a hundredfold.
fn unit(log: &Log, tables: &mut Tables) {
    let span = log.day.iter().copied().filter(|d| *d != UNDATED);
    let (Some(first), Some(last)) = (span.clone().min(), span.max()) else { return };
    // One slip of the keyboard must not make a table of thousands of years.
    let days = usize::try_from(i64::from(last) - i64::from(first) + 1).unwrap_or(0).min(100_000);
    let mut counts = vec![[0u32; PLACES]; days];
    for (day, amount) in log.day.iter().zip(&log.amount) {
        if *amount > 0
            && *day != UNDATED
            && let Some(own) = counts.get_mut((day - first) as usize)
        {
            own[quarter_octave(*amount)] += 1;
        }
    }
    let mut months: BTreeMap<String, BTreeMap<usize, u64>> = BTreeMap::new();
    for (day, counts) in (first..).zip(&counts) {
        for (place, n) in counts.iter().enumerate().filter(|(_, n)| **n > 0) {
            let month = months.entry(Day(day).iso().chars().take(7).collect()).or_default();
            *month.entry(place).or_default() += u64::from(*n);
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
