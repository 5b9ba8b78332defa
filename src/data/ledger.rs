//! Where every input row ended: each in exactly one bucket, and the counts add up.

use super::read::MONEY_SCALE;
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// What became of the rows of one table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LedgerRow {
    /// `orders`, `customers`, or the name of an event table.
    pub table: String,
    /// `used`, `returned`, `guest`, `refused`, `outside the window`, …; `read` is the total.
    pub bucket: String,
    /// Number of rows.
    pub rows: u64,
    /// Their money in currency units, where the table has money.
    pub amount: Option<f64>,
}

/// One row that was refused, for `rejects.csv`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Reject {
    /// The table.
    pub table: String,
    /// The file's name.
    pub file: String,
    /// Line number, from 1; the row number in a Parquet or Arrow file.
    pub line: usize,
    /// The column; empty when the whole line is meant.
    pub column: String,
    /// What stands there.
    pub value: String,
    /// Why it cannot be used.
    pub reason: String,
}

/// The buckets of one table while they are counted; money in minor units.
#[derive(Debug, Default)]
pub(crate) struct Buckets(Vec<(&'static str, u64, i64)>);

impl Buckets {
    /// Adds rows to a bucket; buckets keep the order in which they first appear.
    pub(crate) fn add(&mut self, bucket: &'static str, rows: u64, money: i64) {
        match self.0.iter_mut().find(|(b, ..)| *b == bucket) {
            Some(found) => {
                found.1 += rows;
                found.2 += money;
            }
            None => self.0.push((bucket, rows, money)),
        }
    }

    /// Rows of a bucket.
    pub(crate) fn rows(&self, bucket: &str) -> u64 {
        self.0.iter().find(|(b, ..)| *b == bucket).map_or(0, |f| f.1)
    }

    /// Money of a bucket in minor units.
    pub(crate) fn money(&self, bucket: &str) -> i64 {
        self.0.iter().find(|(b, ..)| *b == bucket).map_or(0, |f| f.2)
    }

    /// Fails with E0070 unless rows and money add up to those of the table.
    pub(crate) fn check(&self, table: &str, rows: u64, money: i64) -> Result<()> {
        let (counted, held) = (self.0.iter().map(|b| b.1).sum::<u64>(), self.0.iter().map(|b| b.2).sum::<i64>());
        if (counted, held) == (rows, money) {
            return Ok(());
        }
        Err(Error::new(
            "E0070",
            format!("the ledger of {table} does not add up: {counted} of {rows} rows, {held} of {money} in money"),
        )
        .help("please report it with the command you ran"))
    }

    /// The rows for the report, the total first; buckets without rows are left out.
    pub(crate) fn rows_of(&self, table: &str, has_money: bool) -> Vec<LedgerRow> {
        let row = |bucket: &str, rows: u64, money: i64| LedgerRow {
            table: table.into(),
            bucket: bucket.into(),
            rows,
            amount: has_money.then_some(money as f64 / MONEY_SCALE),
        };
        let total = row("read", self.0.iter().map(|b| b.1).sum(), self.0.iter().map(|b| b.2).sum());
        std::iter::once(total).chain(self.0.iter().filter(|b| b.1 > 0).map(|(b, n, m)| row(b, *n, *m))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_add_up_to_what_was_read() {
        let mut buckets = Buckets::default();
        buckets.add("used", 5, 10_000);
        buckets.add("guest", 2, 30_000);
        buckets.add("used", 1, 0);
        buckets.add("refused", 0, 0);
        let rows = buckets.rows_of("orders", true);
        assert_eq!(rows[0], LedgerRow { table: "orders".into(), bucket: "read".into(), rows: 8, amount: Some(4.0) });
        assert_eq!(rows[1..].iter().map(|r| r.rows).sum::<u64>(), rows[0].rows);
        assert_eq!(rows.len(), 3);
        assert!(buckets.check("orders", 8, 40_000).is_ok());
        assert_eq!(buckets.check("orders", 9, 40_000).expect_err("a row is lost").code(), "E0070");
        assert_eq!(buckets.check("orders", 8, 40_001).expect_err("money is lost").code(), "E0070");
    }
}
