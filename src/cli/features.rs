//! `ilk features`: the data dictionary of a project, without fitting anything.

use super::{Voice, config};
use crate::error::Result;
use crate::features::dictionary::Entry;
use crate::features::{Family, Role};
use crate::pipeline;
use crate::store::Store;
use clap::Args;
use serde::Serialize;

/// Arguments of `ilk features`.
#[derive(Debug, Args)]
pub struct Features {
    /// Only the features of one family
    #[arg(long, value_parser = Family::ALL.map(Family::word))]
    family: Option<String>,
}

/// One feature as `ilk features --json` prints it.
#[derive(Serialize)]
struct Line {
    #[serde(flatten)]
    entry: Entry,
    role: Role,
    protected: bool,
}

impl Features {
    pub(crate) fn run(&self, store: &Store, voice: &Voice) -> Result<i32> {
        let config = config(store)?;
        let tables = pipeline::tables(&config, store.root())?;
        let features = pipeline::features(&config, &tables)?;
        voice.warn(&pipeline::protected_in_use(features.iter()));
        let lines: Vec<Line> = pipeline::dictionary(&features, &tables)
            .into_iter()
            .zip(&features)
            .map(|(entry, feature)| Line { entry, role: feature.role, protected: feature.protected })
            .filter(|line| self.family.as_ref().is_none_or(|family| line.entry.family == *family))
            .collect();
        let width = lines.iter().map(|l| l.entry.name.chars().count()).max().unwrap_or(0);
        for family in Family::ALL.map(Family::word) {
            let of: Vec<&Line> = lines.iter().filter(|l| l.entry.family == family).collect();
            if of.is_empty() {
                continue;
            }
            voice.say(family);
            for Line { entry, role, protected } in of {
                let role = if *role == Role::Form { "forms" } else { "describes" };
                let protected = if *protected { ", protected" } else { "" };
                voice.say(format!("  {:width$}  {} ({}); {role}{protected}", entry.name, entry.label, entry.unit));
                voice.say(format!("  {:width$}  {}", "", entry.definition));
                voice.say(format!("  {:width$}  {}; from {}; {}", "", entry.window, entry.source, entry.missing));
            }
            voice.say("");
        }
        let forming = lines.iter().filter(|l| l.role == Role::Form).count();
        let features = if lines.len() == 1 { "feature" } else { "features" };
        voice.say(format!("{} {features}; forming segments: {forming}", lines.len()));
        voice.document(&lines)?;
        Ok(0)
    }
}
