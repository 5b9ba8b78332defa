//! `ilk features`: the data dictionary of a project, without fitting anything.

use super::{Voice, config};
use crate::engine::primitive::{primitives, wanted};
use crate::engine::sql::{Dialect, Shape, counts, read};
use crate::error::Result;
use crate::features::dictionary::Entry;
use crate::features::{Family, Feature, Role};
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
    /// Print the query that counts what they are made of, for a database that holds the tables: spark or duckdb
    #[arg(long, value_name = "DIALECT", value_parser = ["spark", "duckdb"], conflicts_with = "family")]
    sql: Option<String>,
}

/// The query, and in comments what it reads and which of its columns each feature is made of.
fn query(features: &[Feature], shape: &Shape, dialect: Dialect) -> String {
    let mut lines = vec![
        "-- What the features of this project are made of: whole numbers, one row per customer.".to_string(),
        "-- day is a number of days since 1970-01-01, money is in ten-thousandths, units in thousandths, ord an order within its customer.".into(),
    ];
    let wanted = wanted(features);
    for view in read(&wanted, shape) {
        let columns: Vec<&str> =
            ["customer", "day"].into_iter().chain(view.columns.iter().map(String::as_str)).collect();
        lines.push(format!("-- reads {}({})", view.name, columns.join(", ")));
    }
    for feature in features {
        let made = primitives(&feature.measure);
        let places: Vec<String> =
            made.iter().filter_map(|p| wanted.iter().position(|w| w == p)).map(|at| format!("p{at}")).collect();
        let of = if places.is_empty() { "looked up, not counted".into() } else { places.join(", ") };
        lines.push(format!("-- {}: {of}", feature.name));
    }
    lines.push(counts(&wanted, shape, dialect));
    lines.join("\n")
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
        if let Some(dialect) = &self.sql {
            let dialect = if dialect == "spark" { Dialect::Spark } else { Dialect::DuckDb };
            let query = query(&features, &Shape::of(&tables), dialect);
            voice.say(&query);
            voice.document(&query)?;
            return Ok(0);
        }
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
