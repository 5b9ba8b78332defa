//! One model, several days: where customers were, told from the same files.

use super::lineage::labels_of;
use super::{Model, Run};
use crate::data::dates::Day;
use crate::data::read::{ReadOptions, Tables, read};
use crate::data::schema::Inputs;
use crate::engine::Engine;
use crate::engine::embedded::Embedded;
use crate::error::Result;
use crate::export::{Table, Values};
use crate::features::matrix::FeatureMatrix;
use crate::features::{Feature, Measure, Role};
use crate::segment::UNCLUSTERED;
use crate::segment::migration::{Chance, Migration, Movements, Snapshot, migrate};
use std::collections::BTreeSet;
use std::path::Path;

/// Customers below which shares of an earlier day say nothing.
const FEWEST: usize = 30;

/// Months of a quarter.
pub const QUARTER: u32 = 3;

/// Months of a year.
const YEAR: u32 = 12;

/// A model's view of a day.
pub struct View {
    day: Day,
    matrix: FeatureMatrix,
    labels: Vec<Option<usize>>,
}

/// All rows up to a day, with or without a window on it, for the model to look at earlier days.
///
/// # Errors
/// See [`read`].
pub fn history(model: &Model, inputs: &Inputs, base: &Path, until: Day, max_rejected: f64) -> Result<Tables> {
    read(inputs, base, ReadOptions { as_of: Some(until), window_days: None, max_rejected, copies: model.copies })
}

/// The features that assign customers, and what they have spent.
fn needed(model: &Model) -> Vec<Feature> {
    let needed = |feature: &&Feature| feature.role == Role::Form || feature.name == "revenue";
    let few: Vec<Feature> = model.features.iter().filter(needed).cloned().collect();
    // A rule may ask for any feature before it.
    let by_rules = few.iter().any(|feature| matches!(feature.measure, Measure::Rules { .. }));
    if by_rules { model.features.clone() } else { few }
}

impl View {
    /// What `model` says of the customers of the `history` on a day. `None` where nobody had ordered yet.
    ///
    /// # Errors
    /// E0131 when the engine fails on the data, E0502 where they do not fit the model.
    pub fn of(model: &Model, history: &Tables, day: Day) -> Result<Option<Self>> {
        let features = needed(model);
        let observed = match Embedded.observe(&history.on(day, model.window_days), &features) {
            Err(error) if error.code() == "E0401" => return Ok(None),
            observed => observed?,
        };
        let matrix = model.learned.resolve(observed, features)?;
        Ok(Some(Self { day, labels: labels_of(&model.assign(&matrix)?), matrix }))
    }

    /// Whether there were customers enough for shares.
    fn tells(&self) -> bool {
        self.labels.len() >= FEWEST
    }
}

/// Who moved between two views of one model.
fn migration(model: &Model, then: &View, now: &View, chance: Option<&Chance>) -> Migration {
    fn snapshot<'a>(view: &'a View, day: &'a str) -> Snapshot<'a> {
        Snapshot { day, ids: &view.matrix.ids, labels: &view.labels, revenue: view.matrix.numbers("revenue") }
    }
    let (from, to) = (then.day.iso(), now.day.iso());
    let ids: Vec<String> = model.segments.iter().map(|segment| segment.id.clone()).collect();
    migrate(snapshot(then, &from), snapshot(now, &to), &ids, chance)
}

/// The quarter up to the day of a run, and the same one of the year before, as the new model sees them. `None` without dates, and where too
/// few had ordered a quarter before.
///
/// # Errors
/// See [`read`] and [`View::of`].
pub fn movements(run: &Run, inputs: &Inputs, base: &Path, max_rejected: f64) -> Result<Option<Movements>> {
    let (model, tables) = (&run.model, &run.prepared.tables);
    let (Some(today), Some((first, _))) = (tables.as_of, tables.sales.days) else { return Ok(None) };
    let longer = model.window_days.map(|_| history(model, inputs, base, today, max_rejected)).transpose()?;
    let history = longer.as_ref().unwrap_or(tables);
    let from = today.months_before(QUARTER);
    if from < history.sales.days.map_or(first, |days| days.0) {
        return Ok(None);
    }
    let Some(then) = View::of(model, history, from)?.filter(View::tells) else { return Ok(None) };
    let Some(matrix) = run.prepared.matrix.select(&needed(model)) else { return Ok(None) };
    let now = View { day: today, matrix, labels: labels_of(&run.assignments) };
    beside_the_year_before(model, history, &then, &now, run.chance.as_ref()).map(Some)
}

/// Who moved between two views, and between the same days of the year before, where enough had ordered by then.
///
/// # Errors
/// See [`View::of`].
pub fn beside_the_year_before(
    model: &Model,
    history: &Tables,
    then: &View,
    now: &View,
    chance: Option<&Chance>,
) -> Result<Movements> {
    // The earlier of the two first: where it is missing, the other need not be counted.
    let earlier = |view: &View| -> Result<Option<View>> {
        Ok(View::of(model, history, view.day.months_before(YEAR))?.filter(View::tells))
    };
    let year_before = match earlier(then)? {
        None => None,
        Some(then) => earlier(now)?.map(|now| migration(model, &then, &now, chance)),
    };
    let last = migration(model, then, now, chance);
    Ok(Movements { cumulative: model.window_days.is_none(), last, year_before })
}

/// Every customer of either day with the segment on both; none where they were no customers.
pub fn migration_table(model: &Model, then: &View, now: &View) -> Table {
    let all: BTreeSet<&String> = then.matrix.ids.iter().chain(&now.matrix.ids).collect();
    let segment = |view: &View, id: &String| {
        let row = view.matrix.ids.binary_search(id).ok()?;
        Some(view.labels[row].map_or(UNCLUSTERED, |label| model.segments[label].id.as_str()).to_string())
    };
    let of = |view: &View| Values::Text(all.iter().map(|id| segment(view, id)).collect());
    Table {
        columns: vec![
            ("customer_id".into(), Values::Text(all.iter().map(|id| Some((*id).clone())).collect())),
            ("segment_then".into(), of(then)),
            ("segment_now".into(), of(now)),
        ],
    }
}
