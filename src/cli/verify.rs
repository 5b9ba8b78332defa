//! `ilk verify`: a version made again from its recorded config and the inputs as they are, beside what was stored.

use super::{Voice, config, elder, engine};
use crate::config::Config;
use crate::data::source::InputFile;
use crate::error::{Error, Result};
use crate::export::Format;
use crate::features::matrix::{Column, FeatureMatrix};
use crate::pipeline::{self, Unwatched};
use crate::store::{ModelRef, Store};
use clap::Args;
use serde_json::json;

/// Arguments of `ilk verify`.
#[derive(Debug, Args)]
pub struct Verify {
    /// The version, such as 2011-Q4.1 or @champion; the newest without it
    #[arg(value_name = "VERSION")]
    version: Option<String>,
}

/// Exit status where something differs.
const DIFFERS: i32 = 1;

impl Verify {
    pub(crate) fn run(&self, store: &Store, voice: &Voice) -> Result<i32> {
        let name = config(store)?.project.name;
        let reference = store.version(&name, self.version.as_deref().unwrap_or("@latest"))?;
        let (difference, files) = verify(store, &reference)?;
        let whole = format!("{}/{}", reference.name, reference.version);
        match &difference {
            None => voice.say(format!("identical: {whole} made again is what was stored")),
            Some(difference) => voice.say(format!("differs: {difference}")),
        }
        for file in &files {
            let same = if difference.is_none() { ", with the same content" } else { "" };
            voice.say(format!("note: {file} is not the file of then{same}"));
        }
        voice.document(&json!({ "model": whole, "identical": difference.is_none(), "difference": difference, "other_files": files }))?;
        Ok(if difference.is_some() { DIFFERS } else { 0 })
    }
}

/// The first thing that differs, and the input files whose bytes do.
fn verify(store: &Store, reference: &ModelRef) -> Result<(Option<String>, Vec<String>)> {
    let manifest = store.manifest(reference)?;
    for output in &manifest.outputs {
        if let Err(error) = store.read(reference, &output.path) {
            return Ok((Some(error.0.title.clone()), Vec::new()));
        }
    }
    let text = |file: &str| -> Result<String> {
        String::from_utf8(store.read(reference, file)?).map_err(|e| {
            Error::new("E0603", format!("{file} of {} is damaged: {e}", reference.version))
                .help("restore it from a copy")
        })
    };
    let config = Config::parse(&text("config.toml")?, "config.toml")?;
    let stored = store.model(reference)?;
    let session = engine::open(&config, store)?;
    let (prepared, everyone) = engine::prepare(&config, store, session.as_ref(), &Unwatched)?;
    let then: Vec<InputFile> = serde_json::from_value(manifest.inputs.clone()).unwrap_or_default();
    let known = |file: &InputFile| then.iter().any(|other| other.table == file.table && other.blake3 == file.blake3);
    let files: Vec<String> =
        prepared.tables.inputs.iter().filter(|file| !known(file)).map(|file| file.path.clone()).collect();
    // What differs first is the input where its rows do, whatever comes of them.
    let blame = |what: String| {
        if files.is_empty() { what } else { format!("input: {}, from which: {what}", files.join(", ")) }
    };
    let matrix = elder::matrix(store, reference, &stored)?;
    if let Some(difference) = of_matrices(&matrix, &prepared.matrix) {
        return Ok((Some(blame(difference)), files));
    }
    if prepared.preparation != stored.preparation {
        return Ok((Some(blame("preparation: the features become model space in another way".into())), files));
    }
    let elder = match manifest.metadata.get("parent").and_then(|parent| parent.as_str()) {
        None => None,
        Some(parent) => {
            let parent = store.version(&reference.name, parent)?;
            Some(elder::load(store, &parent, store.record(reference)?.first_id())?)
        }
    };
    let run = pipeline::segment(&config, prepared, &reference.version, elder.as_ref(), everyone.as_ref(), &Unwatched)?;
    if run.model.algorithm != stored.algorithm {
        let (now, then) = (run.model.algorithm.parameters(), stored.algorithm.parameters());
        let changed = now
            .iter()
            .find(|now| !then.contains(now))
            .map_or_else(String::new, |(key, value)| format!(" ({key} = {value})"));
        return Ok((Some(blame(format!("algorithm: {}{changed}", run.model.algorithm.name()))), files));
    }
    if run.model.prototypes != stored.prototypes {
        return Ok((Some(blame("prototypes: the segments have other middles".into())), files));
    }
    for (now, then) in run.model.segments.iter().zip(&stored.segments) {
        if now != then {
            return Ok((Some(blame(format!("segment {}: it would be {} {}", then.id, now.id, now.name))), files));
        }
    }
    let same =
        Format::Parquet.write(&run.assignments(elder.as_ref()))? == store.read(reference, "assignments.parquet")?;
    Ok(((!same).then(|| blame("assignments: customers would be assigned otherwise".into())), files))
}

/// The first feature that differs, or the customers.
fn of_matrices(then: &FeatureMatrix, now: &FeatureMatrix) -> Option<String> {
    if then.ids != now.ids {
        let gone = then.ids.iter().find(|id| now.ids.binary_search(id).is_err());
        let new = now.ids.iter().find(|id| then.ids.binary_search(id).is_err());
        let example = gone.or(new).map_or_else(String::new, |id| format!(", such as {id}"));
        return Some(format!("customers: {} now, {} then{example}", now.ids.len(), then.ids.len()));
    }
    for (feature, before) in then.features.iter().zip(&then.columns) {
        let Some(at) = now.position(&feature.name) else {
            return Some(format!("feature {}: it is not computed any more", feature.name));
        };
        if now.features[at] != *feature {
            return Some(format!("feature {}: it is defined in another way", feature.name));
        }
        let differing: Vec<usize> = match (before, &now.columns[at]) {
            (Column::Number(a), Column::Number(b)) => {
                (0..a.len()).filter(|row| a[*row] != b[*row] && !(a[*row].is_nan() && b[*row].is_nan())).collect()
            }
            (Column::Level(a), Column::Level(b)) => (0..a.len()).filter(|row| a[*row] != b[*row]).collect(),
            _ => (0..then.ids.len()).collect(),
        };
        if let Some(first) = differing.first() {
            let (name, n) = (&feature.name, differing.len());
            return Some(format!("feature {name}: {n} customers have another value, {} the first", then.ids[*first]));
        }
    }
    None
}
