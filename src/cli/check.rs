//! `ilk check`: read everything, say what is wrong and what was assumed.

use super::progress::Progress;
use super::{Voice, config, table};
use crate::data::ledger::{LedgerRow, Reject};
use crate::error::{Error, Result, Warning};
use crate::features::Unit;
use crate::pipeline::{self, Watch};
use crate::store::{Store, write_atomic};
use clap::Args;
use serde::Serialize;

/// Arguments of `ilk check`.
#[derive(Debug, Args)]
pub struct Check {
    /// List every questionable row
    #[arg(long)]
    rejects: bool,
    /// Exit 1 if there is any warning
    #[arg(long)]
    strict: bool,
}

#[derive(Serialize)]
struct Outcome<'a> {
    ledger: &'a [LedgerRow],
    stated: &'a [String],
    warnings: &'a [Warning],
    rejects: usize,
}

impl Check {
    pub(crate) fn run(&self, store: &Store, voice: &Voice) -> Result<i32> {
        let config = config(store)?;
        let progress = Progress::new(voice, 1);
        progress.begin("read");
        // Everything is listed first, whatever the limit; then the limit is applied.
        let mut lenient = config.clone();
        lenient.quality.max_rejected = "100%".into();
        let tables = pipeline::tables(&lenient, store.root())?;
        progress.end(&tables.stated);
        let folder = store.root().join(".ilk");
        write_atomic(&folder.join("rejects.csv"), &rejects_csv(&tables.rejects)?)?;
        let ledger = serde_json::to_vec_pretty(&tables.ledger)
            .map_err(|e| Error::new("E0070", format!("the ledger cannot be written as JSON: {e}")))?;
        write_atomic(&folder.join("ledger.json"), &ledger)?;

        let rows: Vec<Vec<String>> = tables
            .ledger
            .iter()
            .map(|row| {
                let first = row.bucket == "read";
                vec![
                    if first { row.table.clone() } else { String::new() },
                    row.bucket.clone(),
                    Unit::Count.format(row.rows as f64, ""),
                    row.amount.map_or(String::new(), |a| Unit::Money.format(a, &config.project.currency)),
                ]
            })
            .collect();
        voice.say(table(&["TABLE", "ROWS", "", "MONEY"], &rows, &[2, 3]));
        voice.say("");
        // What the config asks for is judged after everything was listed.
        let features = pipeline::features(&config, &tables);
        let mut warnings = tables.warnings.clone();
        warnings.extend(pipeline::protected_in_use(features.iter().flatten()));
        voice.warn(&warnings);
        if self.rejects {
            for reject in &tables.rejects {
                let Reject { file, line, column, value, reason, .. } = reject;
                voice.say(format!("  {file}:{line}  {column}  \"{value}\"  {reason}"));
            }
        }
        voice.document(&Outcome {
            ledger: &tables.ledger,
            stated: &tables.stated,
            warnings: &warnings,
            rejects: tables.rejects.len(),
        })?;
        if !tables.rejects.is_empty() {
            voice.say(format!("{} rows refused, listed in .ilk/rejects.csv", tables.rejects.len()));
            pipeline::tables(&config, store.root())?;
        }
        features?;
        if self.strict && !warnings.is_empty() {
            return Ok(1);
        }
        voice.next(&[
            ("ilk features".into(), "see what is computed of a customer"),
            ("ilk run".into(), "build segments and the report"),
        ]);
        Ok(0)
    }
}

/// The refused rows as CSV.
pub(crate) fn rejects_csv(rejects: &[Reject]) -> Result<Vec<u8>> {
    use crate::export::{Format, Table, Values};
    let text = |of: &dyn Fn(&Reject) -> String| Values::Text(rejects.iter().map(|r| Some(of(r))).collect());
    Format::Csv.write(&Table {
        columns: vec![
            ("table".into(), text(&|r| r.table.clone())),
            ("file".into(), text(&|r| r.file.clone())),
            ("line".into(), text(&|r| r.line.to_string())),
            ("column".into(), text(&|r| r.column.clone())),
            ("value".into(), text(&|r| r.value.clone())),
            ("reason".into(), text(&|r| r.reason.clone())),
        ],
    })
}
