//! Where every input row ended: each in exactly one bucket, and the counts add up.

use super::read::MONEY_SCALE;
use crate::error::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What became of the rows of one table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
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

/// Where a row can end. The order is that of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bucket {
    Used,
    ReturnCounted,
    ReturnLeftOut,
    Guest,
    Excluded,
    Duplicate,
    Total,
    OutsideWindow,
    AfterAsOf,
    NoCustomer,
    Machine,
    Placeholder,
    Refused,
}

impl Bucket {
    pub(crate) const ALL: [Bucket; 13] = [
        Bucket::Used,
        Bucket::ReturnCounted,
        Bucket::ReturnLeftOut,
        Bucket::Guest,
        Bucket::Excluded,
        Bucket::Duplicate,
        Bucket::Total,
        Bucket::OutsideWindow,
        Bucket::AfterAsOf,
        Bucket::NoCustomer,
        Bucket::Machine,
        Bucket::Placeholder,
        Bucket::Refused,
    ];

    /// As in the report.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Bucket::Used => "used",
            Bucket::ReturnCounted => "returned, counted against revenue",
            Bucket::ReturnLeftOut => "returned, left out",
            Bucket::Guest => "guest",
            Bucket::Excluded => "excluded id",
            Bucket::Duplicate => "duplicate",
            Bucket::Total => "total row",
            Bucket::OutsideWindow => "outside the window",
            Bucket::AfterAsOf => "after as_of",
            Bucket::NoCustomer => "no customer id",
            Bucket::Machine => "made by a machine",
            Bucket::Placeholder => "placeholder date",
            Bucket::Refused => "refused",
        }
    }
}

/// The buckets of one table while they are counted; money in minor units.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Buckets([(u64, i64); Bucket::ALL.len()]);

impl Buckets {
    /// Adds rows to a bucket.
    pub(crate) fn add(&mut self, bucket: Bucket, rows: u64, money: i64) {
        let count = &mut self.0[bucket as usize];
        count.0 += rows;
        count.1 += money;
    }

    /// Adds the rows of other buckets.
    pub(crate) fn extend(&mut self, other: &Self) {
        for (own, (rows, money)) in self.0.iter_mut().zip(other.0) {
            own.0 += rows;
            own.1 += money;
        }
    }

    /// Rows of a bucket.
    pub(crate) fn rows(&self, bucket: Bucket) -> u64 {
        self.0[bucket as usize].0
    }

    /// Money of a bucket in minor units.
    pub(crate) fn money(&self, bucket: Bucket) -> i64 {
        self.0[bucket as usize].1
    }

    /// Fails with E0070 unless rows and money add up to those of the table.
    pub(crate) fn check(&self, table: &str, rows: u64, money: i64) -> Result<()> {
        let counted = self.0.iter().fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1));
        if counted == (rows, money) {
            return Ok(());
        }
        Err(Error::new(
            "E0070",
            format!(
                "the ledger of {table} does not add up: {} of {rows} rows, {} of {money} in money",
                counted.0, counted.1
            ),
        )
        .help("please report it with the command you ran"))
    }

    /// The rows for the report, the total first; buckets without rows are left out.
    pub(crate) fn rows_of(&self, table: &str, has_money: bool) -> Vec<LedgerRow> {
        let row = |bucket: &str, (rows, money): (u64, i64)| LedgerRow {
            table: table.into(),
            bucket: bucket.into(),
            rows,
            amount: has_money.then_some(money as f64 / MONEY_SCALE),
        };
        let total = self.0.iter().fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1));
        let filled = Bucket::ALL.into_iter().filter(|b| self.rows(*b) > 0);
        std::iter::once(row("read", total)).chain(filled.map(|b| row(b.word(), self.0[b as usize]))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_add_up_to_what_was_read() {
        let mut buckets = Buckets::default();
        buckets.add(Bucket::Used, 5, 10_000);
        buckets.add(Bucket::Guest, 2, 30_000);
        buckets.add(Bucket::Used, 1, 0);
        let rows = buckets.rows_of("orders", true);
        assert_eq!(rows[0], LedgerRow { table: "orders".into(), bucket: "read".into(), rows: 8, amount: Some(4.0) });
        assert_eq!(rows[1..].iter().map(|r| r.rows).sum::<u64>(), rows[0].rows);
        assert_eq!(rows.len(), 3);
        assert!(buckets.check("orders", 8, 40_000).is_ok());
        assert_eq!(buckets.check("orders", 9, 40_000).expect_err("a row is lost").code(), "E0070");
        assert_eq!(buckets.check("orders", 8, 40_001).expect_err("money is lost").code(), "E0070");
    }

    #[test]
    fn every_bucket_has_a_place_and_a_word_of_its_own() {
        let mut words: Vec<&str> = Bucket::ALL.iter().map(|b| b.word()).collect();
        assert!(Bucket::ALL.iter().enumerate().all(|(i, b)| *b as usize == i));
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), Bucket::ALL.len());
    }
}
