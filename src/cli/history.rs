//! `ilk history`: the life of every segment through the versions of a model.

use super::{Voice, config, table};
use crate::error::{Error, Result};
use crate::features::Unit;
use crate::segment::lineage::{Event, id_number};
use crate::store::Store;
use clap::Args;
use serde_json::json;
use std::collections::BTreeMap;

/// Arguments of `ilk history`.
#[derive(Debug, Args)]
pub struct History {
    /// NAME of the model; that of the project without it
    #[arg(long)]
    model: Option<String>,
}

impl History {
    pub(crate) fn run(&self, store: &Store, voice: &Voice) -> Result<i32> {
        let name = self.model.clone().map_or_else(|| config(store).map(|c| c.project.name), Ok)?;
        let versions = store.versions(&name);
        if versions.is_empty() {
            return Err(Error::new("E0605", format!("{name} has no run yet")).help("`ilk run` makes the first one"));
        }
        // By number, as S100 comes after S99.
        let mut lives: BTreeMap<(Option<usize>, String), (String, Vec<String>)> = BTreeMap::new();
        let key = |id: &String| (id_number(id), id.clone());
        let mut told = Vec::new();
        for (at, version) in versions.iter().enumerate() {
            let reference = store.version(&name, version)?;
            let model = store.model(&reference)?;
            let metrics = store.metrics(&reference)?;
            let lineage = store.record(&reference)?.lineage;
            for segment in &model.segments {
                let event = lineage
                    .as_ref()
                    .and_then(|l| l.lives.iter().find(|life| life.id == segment.id))
                    .map(|life| life.event);
                let size = metrics["sizes"][&segment.id].as_f64().map_or("?".into(), |n| Unit::Count.format(n, ""));
                let mark = event.filter(|event| *event != Event::Survived).map_or("", mark);
                let (known, cells) = lives.entry(key(&segment.id)).or_default();
                known.clone_from(&segment.name);
                cells.resize(at, String::new());
                cells.push(format!("{size}{mark}"));
            }
            for end in lineage.iter().flat_map(|l| &l.ended) {
                if let Some((_, cells)) = lives.get_mut(&key(&end.id))
                    && cells.len() <= at
                {
                    cells.resize(at, String::new());
                    cells.push(format!("{} {}", end.event.words(), end.into.join(", ")).trim_end().to_string());
                }
            }
            told.push(json!({ "version": version, "as_of": model.as_of, "lineage": lineage }));
        }
        let mut header = vec!["ID", "PERSONA"];
        header.extend(versions.iter().map(String::as_str));
        let rows: Vec<Vec<String>> = lives
            .iter()
            .map(|((_, id), (name, cells))| {
                let mut row = vec![id.clone(), name.clone()];
                row.extend((0..versions.len()).map(|at| cells.get(at).cloned().unwrap_or_default()));
                row
            })
            .collect();
        let right: Vec<usize> = (2..header.len()).collect();
        voice.say(table(&header, &rows, &right));
        voice.say("\nCustomers per version; ~ drifted, / split, + took others in, * new");
        let aliases = store.aliases(&name);
        for (alias, version) in &aliases.current {
            voice.say(format!("@{alias}: {version}"));
        }
        for moved in &aliases.history {
            let from = moved.from.as_ref().map_or_else(String::new, |from| format!("{from} → "));
            let day = crate::data::dates::Day((moved.at / 86_400) as i32).iso();
            voice.say(format!("{day}  @{}: {from}{}", moved.alias, moved.to));
        }
        voice.document(&json!({ "model": name, "versions": told, "aliases": aliases }))?;
        Ok(0)
    }
}

fn mark(event: Event) -> &'static str {
    match event {
        Event::Survived | Event::Died => "",
        Event::Drifted => " ~",
        Event::Split => " /",
        Event::Merged => " +",
        Event::Born => " *",
    }
}
