//! `ilk why`: which segment, how clearly, how the customer compares, what would move it.

use super::{Voice, config, table};
use crate::error::{Error, Result};
use crate::export::parquet::read_features;
use crate::features::Role;
use crate::features::matrix::{Column, FeatureMatrix};
use crate::pipeline::Model;
use crate::segment::model::Fit;
use crate::segment::{UNCLUSTERED, profile};
use crate::store::Store;
use clap::Args;
use serde_json::json;

/// Arguments of `ilk why`.
#[derive(Debug, Args)]
pub struct Why {
    /// The customer
    #[arg(value_name = "CUSTOMER_ID")]
    customer: String,
    /// NAME, NAME/VERSION or NAME/@alias; the newest run without it
    #[arg(long)]
    model: Option<String>,
}

/// Steps tried between a customer's value and the edge of what customers do.
const STEPS: usize = 400;

/// A single change that would move a customer.
struct Move {
    text: String,
    /// In standard deviations of the feature.
    size: f64,
}

impl Why {
    pub(crate) fn run(&self, store: &Store, voice: &Voice) -> Result<i32> {
        let reference = match &self.model {
            Some(model) => store.find(model)?,
            None => store.latest(&config(store)?.project.name)?,
        };
        let model = store.model(&reference)?;
        let matrix = read_features(&store.read(&reference, "features.parquet")?, &model.features)?;
        let Some(row) = matrix.ids.iter().position(|id| id == &self.customer) else {
            let refs: Vec<&str> = matrix.ids.iter().map(String::as_str).collect();
            let near = refs
                .iter()
                .find(|id| id.trim_start_matches('0').eq_ignore_ascii_case(self.customer.trim_start_matches('0')));
            let error = Error::new(
                "E0504",
                format!(
                    "no customer `{}` among the {} of {}/{}",
                    self.customer,
                    matrix.len(),
                    model.name,
                    model.version
                ),
            );
            return Err(match near {
                Some(near) => error.help(format!("did you mean {near}?")),
                None => error.help("ids are text as in the file; customers without an order have no segment"),
            });
        };
        let assignments = model.assign(&matrix)?;
        let labels: Vec<Option<usize>> = assignments.iter().map(|a| a.cluster).collect();
        let described = profile::profiles(&matrix, &model.preparation, &labels, model.segments.len());
        let own = assignments[row];
        let name = |segment: Option<usize>| {
            segment.map_or_else(
                || "no segment".to_string(),
                |s| format!("{} {}", model.segments[s].id, model.segments[s].name),
            )
        };
        let fit = Fit::of(&own, model.far);
        let clearly = match (own.cluster, own.second) {
            (Some(_), Some(second)) if own.distance > 0.0 => {
                format!(
                    " ({:.1}× closer than the next segment, {})",
                    own.second_distance / own.distance,
                    model.segments[second].id
                )
            }
            _ => String::new(),
        };
        voice.say(format!("Customer {} → {}   fit: {}{clearly}", self.customer, name(own.cluster), fit.word()));
        let group = own
            .cluster
            .map(|s| &described.segments[s])
            .or(described.unclustered.as_ref())
            .unwrap_or(&described.everyone);
        let mut rows = Vec::new();
        for (feature, column) in matrix.features.iter().zip(&matrix.columns) {
            let median = |p: &profile::Profile| {
                let found = p.numbers.iter().find(|n| n.feature == feature.name).and_then(|n| n.median);
                found.map_or("–".into(), |m| feature.unit.format(m, &model.currency))
            };
            let commonest = |p: &profile::Profile| {
                let levels = p.levels.iter().filter(|l| l.feature == feature.name);
                levels
                    .max_by_key(|l| l.customers)
                    .map_or("–".into(), |l| format!("{} ({:.0}%)", l.level, l.share * 100.0))
            };
            let (value, of_group, of_all) = match column {
                Column::Number(v) => {
                    (feature.unit.format(v[row], &model.currency), median(group), median(&described.everyone))
                }
                Column::Level(v) => {
                    (v[row].clone().unwrap_or("–".into()), commonest(group), commonest(&described.everyone))
                }
            };
            let forms = if feature.role == Role::Form { "" } else { "describes only" };
            rows.push(vec![feature.label.clone(), value, of_group, of_all, forms.to_string()]);
        }
        let heading = own.cluster.map_or(UNCLUSTERED.to_uppercase(), |s| model.segments[s].id.clone());
        voice.say(table(&["", "THIS CUSTOMER", &heading, "ALL", ""], &rows, &[1, 2, 3]));
        let moves = moves(&model, &matrix, row)?;
        match (own.second, moves.first()) {
            (Some(second), Some(_)) => {
                voice.say(format!("\nWhat would move it to {}:", name(Some(second))));
                for m in moves.iter().take(2) {
                    voice.say(format!("  {}", m.text));
                }
            }
            (Some(second), None) => voice.say(format!(
                "\nNo single change would move it to {}: several would have to come together",
                name(Some(second))
            )),
            (None, _) => {}
        }
        voice.document(&json!({
            "customer": self.customer,
            "segment": own.cluster.map(|s| model.segments[s].id.clone()),
            "second_segment": own.second.map(|s| model.segments[s].id.clone()),
            "fit": fit.word(),
            "distance": own.distance,
            "second_distance": if own.second_distance.is_finite() { Some(own.second_distance) } else { None },
            "features": rows.iter().map(|r| json!({ "feature": r[0], "value": r[1], "segment": r[2], "all": r[3] })).collect::<Vec<_>>(),
            "moves": moves.iter().map(|m| m.text.clone()).collect::<Vec<_>>(),
        }))?;
        Ok(0)
    }
}

/// For each forming number, the nearest value that puts the customer into its second segment, smallest change first. Every
/// value is tried on the model itself, so what is promised is what scoring would do.
fn moves(model: &Model, matrix: &FeatureMatrix, row: usize) -> Result<Vec<Move>> {
    let Some(second) = model.assign(&rows_of(matrix, &[row], None))?[0].second else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for (index, feature) in matrix.features.iter().enumerate().filter(|(_, f)| f.role == Role::Form) {
        let Column::Number(values) = &matrix.columns[index] else { continue };
        let now = values[row];
        if now.is_nan() {
            continue;
        }
        let mut known: Vec<f64> = values.iter().copied().filter(|v| !v.is_nan()).collect();
        known.sort_by(f64::total_cmp);
        let whole = known.iter().all(|v| v.fract() == 0.0);
        let (low, high) =
            (crate::features::scaling::quantile(&known, 0.005), crate::features::scaling::quantile(&known, 0.995));
        let mut tries: Vec<f64> = (0..=STEPS)
            .map(|i| low + (high - low) * i as f64 / STEPS as f64)
            .map(|v| if whole { v.round() } else { v })
            .collect();
        tries.dedup();
        let trial = rows_of(matrix, &vec![row; tries.len()], Some((index, &tries)));
        let scores = model.preparation.scores(&trial, &feature.name).unwrap_or_default();
        let start = model.preparation.scores(matrix, &feature.name).map_or(0.0, |s| s[row]);
        let best = model
            .assign(&trial)?
            .iter()
            .zip(tries.iter().zip(&scores))
            .filter(|(a, _)| a.cluster == Some(second))
            .map(|(_, (value, score))| ((score - start).abs(), *value))
            .min_by(|a, b| a.0.total_cmp(&b.0));
        if let Some((size, value)) = best {
            let side = if value > now { "or more" } else { "or less" };
            let text = format!(
                "{}: {} instead of {} ({side})",
                feature.label,
                feature.unit.format(value, &model.currency),
                feature.unit.format(now, &model.currency)
            );
            found.push(Move { text, size });
        }
    }
    found.sort_by(|a, b| a.size.total_cmp(&b.size));
    Ok(found)
}

/// Copies of rows, one number column replaced.
fn rows_of(matrix: &FeatureMatrix, rows: &[usize], with: Option<(usize, &[f64])>) -> FeatureMatrix {
    let columns = matrix
        .columns
        .iter()
        .enumerate()
        .map(|(i, column)| match (column, with) {
            (Column::Number(_), Some((at, values))) if at == i => Column::Number(values.to_vec()),
            (Column::Number(v), _) => Column::Number(rows.iter().map(|r| v[*r]).collect()),
            (Column::Level(v), _) => Column::Level(rows.iter().map(|r| v[*r].clone()).collect()),
        })
        .collect();
    FeatureMatrix {
        ids: rows.iter().map(|r| matrix.ids[*r].clone()).collect(),
        features: matrix.features.clone(),
        columns,
    }
}
