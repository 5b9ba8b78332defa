//! `ilk rfm`: the classic grid of recency, frequency and money, without clusters.

use super::progress::Progress;
use super::{Voice, config, table};
use crate::data::dates::Day;
use crate::error::{Error, Result};
use crate::export::Format;
use crate::features::Unit;
use crate::pipeline;
use crate::report::rfm::{CUT_HEADER, cut_rows, finding, method_words, segment_rows};
use crate::segment::rfm_grid::rules::{Rules, TableName};
use crate::segment::rfm_grid::{Method, RfmConfig};
use crate::store::{Store, refuse_existing, write_new};
use clap::Args;
use serde_json::json;
use std::path::PathBuf;

/// Arguments of `ilk rfm`.
#[derive(Debug, Args)]
pub struct Rfm {
    /// How values become scores; the config's without it
    #[arg(long, value_parser = Method::ALL.map(|(name, _)| name))]
    method: Option<String>,
    /// The table of segment names; the config's without it, or that of the method
    #[arg(long, value_name = "TABLE", value_parser = TableName::ALL.map(|(name, _)| name))]
    rules: Option<String>,
    /// The day recency is counted to; the config's without it
    #[arg(long, value_name = "DAY")]
    as_of: Option<String>,
    /// Where to write the scores of every customer: .csv or .parquet
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Overwrite the file
    #[arg(long, requires = "out")]
    replace: bool,
}

impl Rfm {
    pub(crate) fn run(&self, store: &Store, voice: &Voice) -> Result<i32> {
        let format = self.out.as_deref().map(Format::of).transpose()?;
        if let Some(out) = &self.out {
            refuse_existing(out, self.replace)?;
        }
        let mut config = config(store)?;
        if let Some(day) = &self.as_of {
            Day::parse(day).ok_or_else(|| {
                Error::new("E0204", format!("`--as-of {day}`: expected a day")).help("--as-of 2011-12-10")
            })?;
            config.features.as_of.clone_from(day);
        }
        // Bins, breaks and rules of another method do not fit this one.
        if let Some(method) = self.method.as_deref().and_then(Method::parse).filter(|m| *m != config.rfm.method) {
            config.rfm = RfmConfig { method, ..RfmConfig::default() };
        }
        if let Some(name) = self.rules.as_deref().and_then(TableName::parse) {
            config.rfm.partition = false;
            config.rfm.rules = Some(Rules::Named(name));
        }
        config.rfm.check()?;

        let grid = pipeline::rfm(&config, store.root(), &Progress::new(voice, 2))?;
        voice.warn(&grid.tables.warnings);
        voice.warn(&grid.fitted.warnings);
        if let (Some(out), Some(format)) = (&self.out, format) {
            write_new(out, &format.write(&pipeline::rfm_table(&grid))?, self.replace)?;
        }
        let facts = &grid.facts;
        let currency = &config.project.currency;
        let as_of = grid.tables.as_of.map(Day::iso);
        voice.say(format!(
            "{} customers as of {}. {}\n",
            Unit::Count.format(facts.customers as f64, ""),
            as_of.as_deref().unwrap_or("–"),
            method_words(facts)
        ));
        let header =
            ["SEGMENT", "CUSTOMERS", "", "ORDERS", "", "REVENUE", "", "AVERAGE ORDER", "HIGH / MID / LOW VALUE"];
        voice.say(table(&header, &segment_rows(facts, currency, 0), &[1, 2, 3, 4, 5, 6, 7, 8]));
        let header = CUT_HEADER.map(str::to_uppercase);
        let header: Vec<&str> = header.iter().map(String::as_str).collect();
        voice.say(format!("\n{}", table(&header, &cut_rows(facts), &[])));
        voice.say(format!("\n{}\n{}.", facts.check.words(), finding(facts)));
        if let Some(out) = &self.out {
            voice.say(format!("Wrote {}", out.display()));
        }
        let warnings: Vec<_> = grid.tables.warnings.iter().chain(&grid.fitted.warnings).collect();
        voice.document(&json!({
            "as_of": as_of,
            "currency": currency,
            "rfm": facts,
            "warnings": warnings,
            "out": self.out.as_ref().map(|out| out.display().to_string()),
        }))?;
        Ok(0)
    }
}
