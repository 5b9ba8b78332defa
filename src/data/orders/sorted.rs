//! Every order line in its bucket.

use crate::data::dates::Day;
use crate::data::duplicates;
use crate::data::frame::{dense, guard, truth};
use crate::data::ledger::{Bucket, Buckets};
use crate::data::log::UNDATED;
use crate::data::read::PLACEHOLDER;
use crate::data::schema::Treat;
use crate::error::{Result, Warning};
use polars::prelude::*;
use rayon::prelude::*;
use std::collections::BTreeMap;

/// What decides the bucket of each line.
pub(super) struct Lines {
    pub(super) day: Vec<i32>,
    pub(super) amount: Vec<i64>,
    pub(super) guest: Vec<bool>,
    pub(super) excluded: Vec<bool>,
    pub(super) copy: Vec<bool>,
    pub(super) total: Vec<bool>,
    pub(super) returned: Vec<bool>,
    pub(super) turned: Vec<bool>,
    pub(super) below_zero: Vec<bool>,
    pub(super) placeholder: Vec<bool>,
    pub(super) refused: Vec<bool>,
}

impl Lines {
    pub(super) fn of(frame: &DataFrame, bad: &[(String, &str, &str)]) -> Result<Self> {
        let n = frame.height();
        let flag = |name: &str| guard("orders", || Ok(truth(frame.column(name)?.bool()?)));
        let any = |placeholder: bool| -> Result<Vec<bool>> {
            let mut any = vec![false; n];
            for (name, ..) in bad.iter().filter(|(_, _, reason)| (*reason == PLACEHOLDER) == placeholder) {
                let column = guard("orders", || frame.column(name)?.bool())?;
                if column.any() {
                    any.iter_mut().zip(truth(column)).for_each(|(any, this)| *any |= this);
                }
            }
            Ok(any)
        };
        let day = || match frame.column("day") {
            Ok(column) => guard("orders", || Ok(dense(column.i32()?, UNDATED))),
            Err(_) => Ok(vec![UNDATED; n]),
        };
        let amount = || guard("orders", || Ok(dense(frame.column("amount")?.i64()?, 0)));
        let guest = || guard("orders", || Ok(truth(&frame.column("customer")?.is_null())));
        let (
            (day, amount),
            ((copy, total), (guest, excluded)),
            ((refused, placeholder), (returned, turned, below_zero)),
        ) = (
            rayon::join(day, amount),
            rayon::join(|| (flag(duplicates::COPY), flag(crate::data::totals::TOTAL)), || (guest(), flag("excluded"))),
            rayon::join(|| (any(false), any(true)), || (flag("returned"), flag("turned"), flag("below_zero"))),
        );
        Ok(Self {
            day: day?,
            amount: amount?,
            guest: guest?,
            excluded: excluded?,
            copy: copy?,
            total: total?,
            returned: returned?,
            turned: turned?,
            below_zero: below_zero?,
            placeholder: placeholder?,
            refused: refused?,
        })
    }

    /// How many sales of each day are among some rows.
    pub(super) fn days(&self, among: std::ops::Range<usize>) -> BTreeMap<i32, u64> {
        let mut days: BTreeMap<i32, u64> = BTreeMap::new();
        // Lines of one day mostly stand together.
        let mut run = (UNDATED, 0);
        for i in among {
            let counts = !(self.refused[i] || self.placeholder[i] || self.copy[i] || self.total[i] || self.returned[i]);
            if !counts || self.day[i] == UNDATED {
                continue;
            }
            if run.0 != self.day[i] {
                *days.entry(run.0).or_default() += run.1;
                run = (self.day[i], 0);
            }
            run.1 += 1;
        }
        *days.entry(run.0).or_default() += run.1;
        days.remove(&UNDATED);
        days
    }

    /// The amount as the file says it.
    pub(super) fn written(&self, row: usize) -> i64 {
        if self.turned[row] { -self.amount[row] } else { self.amount[row] }
    }
}

/// Lines that one thread sorts out at a time.
pub(super) const CHUNK: usize = 1 << 18;

/// Where every line went.
#[derive(Default)]
pub(super) struct Sorted {
    pub(super) keep: Vec<bool>,
    /// Lines of customers who ordered, but not in the window.
    pub(super) before: Vec<bool>,
    pub(super) buckets: Buckets,
    /// Money of guests, returns counted against it.
    pub(super) guest_money: i64,
    pub(super) zero: u64,
    pub(super) negative: u64,
    pub(super) returns: u64,
    pub(super) turned: u64,
    /// The largest amount of a line that counts, and the first such line.
    pub(super) largest: Option<(i64, usize)>,
}

impl Sorted {
    /// A line that counts: of equally large ones the first is kept.
    pub(super) fn has_largest(&mut self, amount: i64, row: usize) {
        if self.largest.is_none_or(|(largest, _)| amount > largest) {
            self.largest = Some((amount, row));
        }
    }

    /// Takes in what was counted of later lines.
    pub(super) fn add(&mut self, later: Self) {
        self.buckets.extend(&later.buckets);
        self.guest_money += later.guest_money;
        self.zero += later.zero;
        self.negative += later.negative;
        self.returns += later.returns;
        self.turned += later.turned;
        if let Some((amount, row)) = later.largest {
            self.has_largest(amount, row);
        }
    }
}

/// Puts every line into its bucket.
pub(super) fn sort_out(rows: &Lines, treat: Treat, as_of: Option<Day>, window_days: Option<u32>) -> Sorted {
    let last = as_of.map_or(i32::MAX, |d| d.0);
    let first = match (as_of, window_days) {
        (Some(day), Some(days)) => day.0.saturating_sub(i32::try_from(days).unwrap_or(i32::MAX)),
        _ => i32::MIN,
    };
    let bucket = |i: usize| {
        if rows.copy[i] {
            Bucket::Duplicate
        } else if rows.total[i] {
            Bucket::Total
        } else if rows.refused[i] {
            Bucket::Refused
        } else if rows.placeholder[i] {
            Bucket::Placeholder
        } else if rows.day[i] > last {
            Bucket::AfterAsOf
        } else if first > i32::MIN && rows.day[i] <= first {
            Bucket::OutsideWindow
        } else if rows.returned[i] && treat == Treat::Drop {
            Bucket::ReturnLeftOut
        } else if rows.excluded[i] {
            Bucket::Excluded
        } else if rows.guest[i] {
            Bucket::Guest
        } else if rows.returned[i] {
            Bucket::ReturnCounted
        } else {
            Bucket::Used
        }
    };
    let n = rows.day.len();
    let (mut keep, mut before) = (vec![false; n], vec![false; n]);
    let parts: Vec<Sorted> = keep
        .par_chunks_mut(CHUNK)
        .zip(before.par_chunks_mut(CHUNK))
        .enumerate()
        .map(|(chunk, (keep, before))| {
            let mut sorted = Sorted::default();
            for at in 0..keep.len() {
                let i = chunk * CHUNK + at;
                let bucket = bucket(i);
                sorted.buckets.add(bucket, 1, rows.written(i));
                match bucket {
                    Bucket::Used => {
                        keep[at] = true;
                        sorted.zero += u64::from(rows.amount[i] == 0);
                        sorted.has_largest(rows.amount[i], i);
                    }
                    Bucket::ReturnCounted => keep[at] = true,
                    Bucket::Guest => sorted.guest_money += rows.amount[i],
                    Bucket::OutsideWindow | Bucket::ReturnLeftOut => before[at] = !rows.guest[i] && !rows.excluded[i],
                    _ => {}
                }
                if matches!(bucket, Bucket::Used | Bucket::Guest | Bucket::ReturnCounted | Bucket::ReturnLeftOut) {
                    sorted.negative += u64::from(rows.below_zero[i]);
                    sorted.returns += u64::from(rows.below_zero[i] && rows.returned[i]);
                    sorted.turned += u64::from(rows.turned[i]);
                }
            }
            sorted
        })
        .collect();
    let mut sorted = Sorted { keep, before, ..Sorted::default() };
    parts.into_iter().for_each(|part| sorted.add(part));
    sorted
}

/// The newest day of the lines that count.
pub(super) fn newest(rows: &Lines, warnings: &mut Vec<Warning>) -> Option<Day> {
    let starts: Vec<usize> = (0..rows.day.len()).step_by(CHUNK).collect();
    let parts: Vec<BTreeMap<i32, u64>> =
        starts.into_par_iter().map(|from| rows.days(from..(from + CHUNK).min(rows.day.len()))).collect();
    let mut days: BTreeMap<i32, u64> = BTreeMap::new();
    for (day, n) in parts.into_iter().flatten() {
        *days.entry(day).or_default() += n;
    }
    newest_of(&days, warnings)
}

/// The newest day, not counting an isolated tail: under 0.1 % of rows, more than 90 days after the rest (a slip of the
/// keyboard such as 2062 must not make everybody look lost).
pub(crate) fn newest_of(days: &BTreeMap<i32, u64>, warnings: &mut Vec<Warning>) -> Option<Day> {
    let days: Vec<(i32, u64)> = days.iter().map(|(day, n)| (*day, *n)).collect();
    let total: u64 = days.iter().map(|d| d.1).sum();
    let mut tail = 0;
    for i in (1..days.len()).rev() {
        tail += days[i].1;
        if tail * 1000 >= total {
            break;
        }
        if days[i].0 - days[i - 1].0 > 90 {
            let last = Day(days[days.len() - 1].0);
            let rest = Day(days[i - 1].0);
            warnings.push(
                Warning::new(
                    "W0316",
                    format!(
                        "{tail} {} dated after {} (latest {}): not taken for today",
                        if tail == 1 { "order is" } else { "orders are" },
                        rest.iso(),
                        last.iso()
                    ),
                )
                .why("taking the latest for today would make every customer look lost")
                .help(format!("if they are real: [features] as_of = \"{}\"", last.iso())),
            );
            return Some(rest);
        }
    }
    days.last().map(|d| Day(d.0))
}
