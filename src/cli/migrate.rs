//! `ilk migrate`: who moved between segments from one day to another, both seen by one model.

use super::{Voice, config, table};
use crate::data::dates::Day;
use crate::error::{Error, Result};
use crate::export::Format;
use crate::pipeline::{Model, QUARTER, View, beside_the_year_before, history, migration_table};
use crate::report::migration::{HEADER, flows, matrix, sentences};
use crate::segment::migration::{Chance, Movements};
use crate::store::{Store, refuse_existing, write_new};
use clap::Args;
use serde_json::json;
use std::path::PathBuf;

/// Arguments of `ilk migrate`.
#[derive(Debug, Args)]
pub struct Migrate {
    /// The earlier day; three months before TO without it
    #[arg(value_name = "FROM")]
    from: Option<String>,
    /// The later day; that of the model without it
    #[arg(value_name = "TO")]
    to: Option<String>,
    /// The version that looks at both days: 2011-Q4.1, @champion; the promoted one, else the newest, without it
    #[arg(long, value_name = "VERSION")]
    model: Option<String>,
    /// Where to write every customer with the segment on both days: .csv or .parquet
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Overwrite the file
    #[arg(long)]
    replace: bool,
}

impl Migrate {
    pub(crate) fn run(&self, store: &Store, voice: &Voice) -> Result<i32> {
        let format = self.out.as_deref().map(Format::of).transpose()?;
        if let Some(out) = &self.out {
            refuse_existing(out, self.replace)?;
        }
        let config = config(store)?;
        let name = &config.project.name;
        let reference = match &self.model {
            Some(version) => store.version(name, version)?,
            None => store.reference(name)?.ok_or_else(|| {
                Error::new("E0605", format!("{name} has no run yet")).help("`ilk run` makes the first one")
            })?,
        };
        let model = store.model(&reference)?;
        let undated = || {
            Error::new("E0204", "which day to look at is not known: the model is undated")
                .help("ilk migrate 2011-09-09 2011-12-09")
        };
        let of_model = model.as_of.as_deref().and_then(Day::parse);
        let to = day(self.to.as_deref())?.or(of_model).ok_or_else(undated)?;
        let from = day(self.from.as_deref())?.unwrap_or_else(|| to.months_before(QUARTER));
        if from >= to {
            return Err(Error::new("E0204", format!("{} is not before {}", from.iso(), to.iso())).help(format!(
                "ilk migrate {} {}",
                to.iso(),
                from.iso()
            )));
        }
        let chance: Option<Chance> =
            serde_json::from_value(store.metrics(&reference)?["chance"].take()).unwrap_or_default();
        let max_rejected = config.max_rejected()?;
        let tables = history(&model, &config.input, store.root(), to, max_rejected)?;
        let view = |day: Day| {
            View::of(&model, &tables, day)?
                .ok_or_else(|| Error::new("E0401", format!("nobody had ordered by {}", day.iso())).help("a later day"))
        };
        let (then, now) = (view(from)?, view(to)?);
        let movements = beside_the_year_before(&model, &tables, &then, &now, chance.as_ref())?;
        if let (Some(out), Some(format)) = (&self.out, format) {
            write_new(out, &format.write(&migration_table(&model, &then, &now))?, self.replace)?;
        }
        say(&movements, &model, voice);
        if let Some(out) = &self.out {
            voice.say(format!("\nWrote {}", out.display()));
        }
        voice.document(&json!({ "model": format!("{}/{}", model.name, model.version), "migration": movements }))?;
        Ok(0)
    }
}

fn day(text: Option<&str>) -> Result<Option<Day>> {
    let parse = |text: &str| {
        Day::parse(text).ok_or_else(|| {
            Error::new("E0204", format!("`{text}`: expected a day")).help("ilk migrate 2011-09-09 2011-12-09")
        })
    };
    text.map(parse).transpose()
}

fn say(movements: &Movements, model: &Model, voice: &Voice) {
    let name = |id: &str| {
        let segment = model.segments.iter().find(|segment| segment.id == id);
        segment.map_or_else(|| id.to_string(), |segment| format!("{id} {}", segment.name))
    };
    for sentence in sentences(movements, &name) {
        voice.say(sentence);
    }
    let (header, rows) = matrix(&movements.last, &name);
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    voice.say(format!("\n{}", table(&header, &rows, &(1..header.len()).collect::<Vec<_>>())));
    let rows = flows(movements, &name, &model.currency, false);
    if !rows.is_empty() {
        voice.say(format!("\n{}", table(&HEADER, &rows, &(2..HEADER.len()).collect::<Vec<_>>())));
    }
}
