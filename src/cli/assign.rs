//! `ilk assign`: score customers with a saved model.

use super::elder::{FEATURES, matrix};
use super::{Voice, config, engine};
use crate::config::{Config, EngineKind};
use crate::data::dates::Day;
use crate::data::duplicates::Overlap;
use crate::data::schema::{Inputs, Opening, Paths};
use crate::data::source::{Source, closest, missing};
use crate::error::{Error, Result, Warning};
use crate::export::Format;
use crate::features::Unit;
use crate::pipeline::{Model, STRICT, assignment_table, score, score_distributed, unlike};
use crate::segment::model::Fit;
use crate::store::{Store, refuse_existing, write_new};
use clap::Args;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Arguments of `ilk assign`.
#[derive(Debug, Args)]
pub struct Assign {
    /// The files to score, as many as the model has tables; TABLE=FILE where a file could be either. Without any, the tables of ilk.toml,
    /// where its engine has them
    #[arg(value_name = "FILE")]
    files: Vec<String>,
    /// NAME, NAME/VERSION or NAME/@alias
    #[arg(long)]
    model: String,
    /// Where to write: .csv or .parquet; with a Spark the folder that it writes to
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// The day the features speak of; the day of the newest order without it
    #[arg(long, value_name = "DAY")]
    as_of: Option<String>,
    /// A column of the model and what it is called in the files: CustomerID=customer_id
    #[arg(long, value_name = "MODEL=FILE")]
    map: Vec<String>,
    /// What to do about files of one table that overlap; as in training without it
    #[arg(long, value_name = "RULE", value_parser = ["first", "keep"])]
    overlap: Option<String>,
    /// Write nothing and end with 1 where the customers are not those that the model knows: W0501, W0504, W0505
    #[arg(long)]
    strict: bool,
    /// Overwrite the file
    #[arg(long)]
    replace: bool,
}

/// Exit status of a strict scoring of other customers.
const UNLIKE: i32 = 1;

/// What became of the customers who were scored.
struct Said {
    as_of: Option<Day>,
    customers: usize,
    /// Of each segment.
    sizes: Vec<(String, usize)>,
    unclustered: usize,
    /// How well they fit, where that was looked at.
    fit: Option<String>,
}

impl Said {
    fn say(self, model: &Model, out: &str, voice: &Voice) -> Result<i32> {
        let Self { customers, sizes, unclustered, fit, .. } = self;
        let as_of = self.as_of.map(Day::iso);
        voice.say(format!(
            "Scored {} customers with {}/{}{}",
            Unit::Count.format(customers as f64, ""),
            model.name,
            model.version,
            as_of.as_ref().map(|d| format!(" as of {d}")).unwrap_or_default()
        ));
        for (name, n) in &sizes {
            voice.say(format!("  {:>9}  {name}", Unit::Count.format(*n as f64, "")));
        }
        if unclustered > 0 {
            voice.say(format!("  {:>9}  in no segment", Unit::Count.format(unclustered as f64, "")));
        }
        fit.iter().for_each(|fit| voice.say(fit));
        voice.say(format!("Wrote {out}"));
        voice.document(&json!({
            "model": format!("{}/{}", model.name, model.version),
            "as_of": as_of,
            "customers": customers,
            "segments": sizes.iter().map(|(name, n)| json!({ "segment": name, "customers": n })).collect::<Vec<_>>(),
            "unclustered": unclustered,
            "out": out,
        }))?;
        Ok(0)
    }
}

/// One table of the model: its name, the columns it needs, and where its path goes.
struct Slot {
    table: String,
    columns: Vec<String>,
    files: Vec<String>,
}

impl Assign {
    pub(crate) fn run(&self, store: &Store, voice: &Voice) -> Result<i32> {
        let as_of = match &self.as_of {
            None => None,
            Some(text) => Some(Day::parse(text).ok_or_else(|| {
                Error::new("E0204", format!("`--as-of {text}`: expected a day")).help("--as-of 2011-12-10")
            })?),
        };
        let reference = store.find(&self.model)?;
        let mut model = store.model(&reference)?;
        let own = if self.files.is_empty() { Some(config(store)?) } else { None };
        if let Some(config) = own.as_ref().filter(|config| config.engine.kind == EngineKind::Spark) {
            return self.on_engine(config, &model, as_of, store, voice);
        }
        refuse_existing(&self.out, self.replace)?;
        let format = Format::of(&self.out)?;
        let base = if own.is_some() { store.root() } else { Path::new("") };
        let inputs = match own {
            Some(config) => {
                let mut inputs = config.input;
                rename(&mut inputs, &self.map)?;
                inputs
            }
            None => self.inputs(&model)?,
        };
        match self.overlap.as_deref() {
            Some("first") => model.copies.overlap = Overlap::First,
            Some("keep") => model.copies.overlap = Overlap::Keep,
            _ => {}
        }
        let scored = score(&model, &inputs, base, as_of, 0.01).map_err(|error| match error.code() {
            "E0325" => error.help("for this scoring alone: --overlap first, or --overlap keep"),
            // Above the limit only here: when the model was made, they were numbers.
            "E0341" => {
                let mut error = error;
                error.0.code = "E0503".into();
                error.0.title = format!("another type than in training: {}", error.0.title);
                error
            }
            _ => error,
        })?;
        let mut warnings = scored.warnings.clone();
        // A model that was copied alone scores as well.
        if reference.folder.join(FEATURES).exists() {
            warnings.extend(unlike(&model, &matrix(store, &reference, &model)?, &scored));
        }
        voice.warn(&warnings);
        let stopping: Vec<&Warning> = warnings.iter().filter(|w| STRICT.contains(&w.code.as_str())).collect();
        if self.strict && !stopping.is_empty() {
            voice.say("Nothing was written: these are not the customers that the model knows (--strict)");
            voice.document(&json!({ "model": format!("{}/{}", model.name, model.version), "stopped_by": stopping }))?;
            return Ok(UNLIKE);
        }
        let table =
            assignment_table(&model, &scored.matrix, &scored.assignments, &[], &scored.rfm, &scored.tables, None);
        write_new(&self.out, &format.write(&table)?, self.replace)?;
        let fits = model.fits(&scored.matrix, &scored.assignments);
        let count = |fit: Fit| fits.iter().filter(|of| **of == fit).count();
        let mut sizes: Vec<(String, usize)> =
            model.segments.iter().map(|s| (format!("{} {}", s.id, s.name), 0)).collect();
        for assignment in &scored.assignments {
            if let Some(segment) = assignment.cluster {
                sizes[segment].1 += 1;
            }
        }
        let unclustered = scored.assignments.iter().filter(|a| a.cluster.is_none()).count();
        let fit =
            format!("Fit: {} clear, {} borderline, {} far", count(Fit::Clear), count(Fit::Borderline), count(Fit::Far));
        let said =
            Said { as_of: scored.tables.as_of, customers: scored.matrix.len(), sizes, unclustered, fit: Some(fit) };
        said.say(&model, &self.out.display().to_string(), voice)
    }

    /// Scores everyone where the project's engine has them.
    fn on_engine(
        &self,
        config: &Config,
        model: &Model,
        as_of: Option<Day>,
        store: &Store,
        voice: &Voice,
    ) -> Result<i32> {
        let out = self.out.to_string_lossy().into_owned();
        // A folder elsewhere cannot be looked at from here.
        if !out.contains("://") {
            refuse_existing(&self.out, self.replace)?;
        }
        let _lock = store.lock()?;
        let Some(session) = engine::open(config, store)? else { return Ok(0) };
        let limit = config.max_rejected()?;
        let (everyone, tables) =
            score_distributed(model, &config.input, store.root(), as_of, limit, session.database())?;
        voice.warn(&tables.warnings);
        // The server has a folder of its own.
        let there = if out.contains("://") { Ok(self.out.clone()) } else { std::path::absolute(&self.out) };
        let there = there.map_or(out, |path| path.to_string_lossy().into_owned());
        let folder = session.write(&everyone, model, &tables, None, Some(there))?;
        let (sizes, nowhere) = everyone.sizes(model)?;
        session.finish();
        let named = model.segments.iter().map(|s| format!("{} {}", s.id, s.name));
        let said = Said {
            as_of: tables.as_of,
            customers: everyone.customers() as usize,
            sizes: named.zip(sizes.into_iter().map(|n| n as usize)).collect(),
            unclustered: nowhere as usize,
            fit: None,
        };
        said.say(model, &folder, voice)
    }

    /// The model's tables with the files that hold their columns.
    fn inputs(&self, model: &Model) -> Result<Inputs> {
        let mut inputs = model.input.clone();
        rename(&mut inputs, &self.map)?;
        let own = |c: Vec<(&'static str, &str)>| c.into_iter().map(|(_, c)| c.to_string()).collect::<Vec<_>>();
        let mut slots: Vec<Slot> = Vec::new();
        let mut slot = |table: &str, columns| slots.push(Slot { table: table.into(), columns, files: Vec::new() });
        if let Some(orders) = &inputs.orders {
            slot("orders", own(orders.columns()));
            if orders.join.is_some() {
                slot("orders (joined)", own(orders.joined_columns()));
            }
        }
        if let Some(customers) = &inputs.customers {
            slot("customers", own(customers.columns()));
        }
        for events in &inputs.events {
            match &events.join {
                // Date and kind may stand in the joined table, so only these two are sure.
                Some(join) => {
                    slot(&events.name, vec![events.customer_id.clone(), join.on.clone()]);
                    slot(&format!("{} (joined)", events.name), {
                        let mut columns = vec![join.on.clone()];
                        columns.extend(events.date.as_ref().map(|d| d.column().to_string()));
                        columns
                    });
                }
                None => slot(&events.name, own(events.columns())),
            }
        }
        for survey in &inputs.surveys {
            slot(&survey.name, own(survey.columns()));
        }
        for file in &self.files {
            place(file, &mut slots)?;
        }
        let mut paths = slots.iter().map(|slot| {
            if slot.files.is_empty() {
                Err(Error::new("E0502", format!("no file was given for the table {} of the model", slot.table))
                    .note("missing", slot.columns.join(", "))
                    .help(format!("add the file that has these columns, or name it: {}=FILE", slot.table)))
            } else {
                Ok(Paths::Many(slot.files.clone()))
            }
        });
        let mut next = || paths.next().unwrap_or_else(|| Ok(Paths::Many(Vec::new())));
        if let Some(orders) = &mut inputs.orders {
            orders.path = next()?;
            if let Some(join) = &mut orders.join {
                join.path = next()?;
            }
        }
        if let Some(customers) = &mut inputs.customers {
            customers.path = next()?;
        }
        for events in &mut inputs.events {
            events.path = next()?;
            if let Some(join) = &mut events.join {
                join.path = next()?;
            }
        }
        for survey in &mut inputs.surveys {
            survey.path = next()?;
        }
        Ok(inputs)
    }
}

/// Gives a file to the table whose columns it has; of several the one that needs most of them.
fn place(file: &str, slots: &mut [Slot]) -> Result<()> {
    if let Some((table, path)) = file.split_once('=')
        && let Some(slot) = slots.iter_mut().find(|s| s.table == table)
    {
        slot.files.push(path.to_string());
        return Ok(());
    }
    if !Path::new(file).exists() {
        return Err(missing(file, Path::new(file)));
    }
    let written = Paths::One(file.to_string());
    let opening = Opening {
        table: file,
        section: "the model",
        path: &written,
        delimiter: None,
        encoding: None,
        skip: 0,
        header: true,
        names: &[],
    };
    let source = Source::open(opening, Path::new(""))?;
    let fitting = slots
        .iter()
        .enumerate()
        .filter(|(_, s)| s.columns.iter().all(|c| source.has(c)))
        .max_by_key(|(i, s)| (s.files.is_empty(), s.columns.len(), usize::MAX - i))
        .map(|(i, _)| i);
    if let Some(i) = fitting {
        slots[i].files.push(file.to_string());
        return Ok(());
    }
    // The nearest table is the one that lacks the fewest columns.
    let Some(nearest) = slots.iter().min_by_key(|s| s.columns.iter().filter(|c| !source.has(c)).count()) else {
        return Err(Error::new("E0502", "the model reads no table"));
    };
    let lacking: Vec<&String> = nearest.columns.iter().filter(|c| !source.has(c)).collect();
    let names: Vec<&str> = source.columns.iter().map(String::as_str).collect();
    let near: Vec<String> =
        lacking.iter().filter_map(|c| closest(c, &names).map(|n| format!("--map {c}={n}"))).collect();
    let listed = lacking.iter().map(|c| c.as_str()).collect::<Vec<_>>().join(", ");
    let error = Error::new(
        "E0502",
        format!(
            "{file} lacks {} {} that the model was trained on ({})",
            lacking.len(),
            if lacking.len() == 1 { "column" } else { "columns" },
            nearest.table
        ),
    )
    .note("missing", listed);
    Err(if near.is_empty() { error.help("export the file as it was in training") } else { error.help(near.join(" ")) })
}

/// Renames columns of the model's tables to what the files call them.
fn rename(inputs: &mut Inputs, map: &[String]) -> Result<()> {
    use crate::data::schema::{DateSpec, KindSpec};
    for pair in map {
        let Some((old, new)) = pair.split_once('=') else {
            return Err(Error::new("E0204", format!("`--map {pair}`: expected MODEL=FILE"))
                .help("--map CustomerID=customer_id"));
        };
        let mut found = false;
        let mut swap = |column: &mut String| {
            if column == old {
                *column = new.to_string();
                found = true;
            }
        };
        let mut date = |d: &mut DateSpec| match d {
            DateSpec::Column(c) | DateSpec::Format { column: c, .. } => c.clone_from(&{
                let mut name = c.clone();
                swap(&mut name);
                name
            }),
        };
        if let Some(orders) = &mut inputs.orders {
            orders.date.iter_mut().for_each(&mut date);
        }
        inputs.events.iter_mut().filter_map(|e| e.date.as_mut()).for_each(&mut date);
        inputs.surveys.iter_mut().filter_map(|s| s.date.as_mut()).for_each(&mut date);
        if let Some(orders) = &mut inputs.orders {
            swap(&mut orders.customer_id);
            for column in [
                &mut orders.order_id,
                &mut orders.amount,
                &mut orders.quantity,
                &mut orders.unit_price,
                &mut orders.product,
                &mut orders.category,
                &mut orders.channel,
            ] {
                column.iter_mut().for_each(&mut swap);
            }
            orders.returns.iter_mut().filter_map(|r| r.column.as_mut()).for_each(&mut swap);
        }
        if let Some(customers) = &mut inputs.customers {
            customers.customer_id.iter_mut().for_each(&mut swap);
        }
        for events in &mut inputs.events {
            swap(&mut events.customer_id);
            if let KindSpec::Column { column } = &mut events.kind {
                swap(column);
            }
        }
        for survey in &mut inputs.surveys {
            swap(&mut survey.customer_id);
            survey.score.iter_mut().for_each(&mut swap);
        }
        if !found {
            return Err(Error::new(
                "E0502",
                format!("`--map {pair}`: the model reads no column `{old}` that can be renamed"),
            )
            .help("ids, dates, amounts, kinds and scores can be renamed; attributes keep their names"));
        }
    }
    Ok(())
}
