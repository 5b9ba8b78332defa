//! What a run hands on, as tables.

use super::{Elder, Grid, Model, Prepared, Run};
use crate::cluster::Assignment;
use crate::data::read::Tables;
use crate::export::{Table, Values};
use crate::features::matrix::{Column, FeatureMatrix};
use crate::segment::rfm_grid::Score;
use crate::segment::{LEADS, LEADS_NAME, UNCLUSTERED};

impl Run {
    /// The assignment of every customer as a table, beside what was published of the `elder` it was held against.
    pub fn assignments(&self, elder: Option<&Elder>) -> Table {
        let Prepared { matrix, tables, .. } = &self.prepared;
        assignment_table(&self.model, matrix, &self.assignments, &self.confidence, &self.rfm, tables, elder)
    }
}

/// The assignment of every customer as a table; those without an order come last. `confidence` has a number per customer of the
/// matrix, or nothing where there were no resamples. `rfm` has a score per customer of the
/// matrix, or nothing where the model has no grid.
#[allow(clippy::too_many_arguments)] // A row has all that is known of where a customer belongs.
pub fn assignment_table(
    model: &Model,
    matrix: &FeatureMatrix,
    assignments: &[Assignment],
    confidence: &[Option<f64>],
    rfm: &[Option<Score>],
    tables: &Tables,
    elder: Option<&Elder>,
) -> Table {
    // Those without an order in the window come last: leads first, then those who ordered before it.
    type Rest<'a> = (&'a String, &'a str, &'a str);
    let rest: Vec<Rest> = (tables.leads.iter().map(|id| (id, LEADS, LEADS_NAME)))
        .chain(tables.lapsed.iter().map(|id| (id, UNCLUSTERED, "No order in the window")))
        .collect();
    let with_rest = |mut values: Vec<Option<String>>, more: &dyn Fn(&Rest) -> Option<String>| {
        values.extend(rest.iter().map(more));
        Values::Text(values)
    };
    let id = |cluster: Option<usize>| cluster.map(|c| model.segments[c].id.clone());
    let ids: Vec<Option<String>> = matrix.ids.iter().cloned().map(Some).collect();
    let mut distances: Vec<f64> = assignments.iter().map(|a| a.distance).collect();
    distances.extend(rest.iter().map(|_| f64::NAN));
    let as_of = tables.as_of.map(crate::data::dates::Day::iso);
    let all = matrix.len() + rest.len();
    let segments = assignments.iter().map(|a| id(a.cluster).or_else(|| Some(UNCLUSTERED.into()))).collect();
    let names = assignments
        .iter()
        .map(|a| Some(a.cluster.map_or_else(|| "Unclustered".into(), |c| model.segments[c].name.clone())))
        .collect();
    let fits = model.fits(matrix, assignments).into_iter().map(|fit| Some(fit.word().into())).collect();
    let seconds = assignments.iter().map(|a| id(a.second)).collect();
    let mut table = Table {
        columns: vec![
            ("customer_id".into(), with_rest(ids, &|r| Some(r.0.clone()))),
            ("segment_id".into(), with_rest(segments, &|r| Some(r.1.into()))),
            ("segment_name".into(), with_rest(names, &|r| Some(r.2.into()))),
            ("distance".into(), Values::Number(distances)),
            ("fit".into(), with_rest(fits, &|_| None)),
            ("second_segment_id".into(), with_rest(seconds, &|_| None)),
        ],
    };
    if let Some(grid) = &model.rfm {
        let score = |of: fn(Score) -> u8| {
            let known = rfm.iter().map(|s| s.map_or(f64::NAN, |s| f64::from(of(s))));
            Values::Number(known.chain(std::iter::repeat_n(f64::NAN, rest.len())).collect())
        };
        let names = rfm.iter().map(|s| s.map(|s| grid.segment(s).to_string())).collect();
        table.columns.extend([
            ("rfm_r".to_string(), score(|s| s.r)),
            ("rfm_f".into(), score(|s| s.f)),
            ("rfm_m".into(), score(|s| s.m)),
            ("rfm_segment".into(), with_rest(names, &|_| None)),
        ]);
    }
    if let Some(elder) = elder {
        let (previous, since) = changes(elder, &table, as_of.as_deref());
        table.columns.push(("previous_segment_id".into(), Values::Text(previous)));
        table.columns.push(("segment_changed_at".into(), Values::Text(since)));
    }
    table.columns.extend([
        ("as_of".to_string(), Values::Text(vec![as_of; all])),
        ("model_version".into(), Values::Text(vec![Some(format!("{}/{}", model.name, model.version)); all])),
    ]);
    if !confidence.is_empty() {
        let known = confidence.iter().map(|share| share.unwrap_or(f64::NAN));
        let shares = known.chain(std::iter::repeat_n(f64::NAN, rest.len())).collect();
        table.columns.push(("confidence".into(), Values::Number(shares)));
    }
    table
}

/// The segment before the present one and since when it is the present one, for every row of an assignment table: as they were published
/// where the segment is the same.
fn changes(elder: &Elder, table: &Table, as_of: Option<&str>) -> (Vec<Option<String>>, Vec<Option<String>>) {
    let [(_, Values::Text(ids)), (_, Values::Text(segments)), ..] = &table.columns[..] else {
        return (Vec::new(), Vec::new());
    };
    (ids.iter().zip(segments))
        .map(|(id, segment)| {
            let earlier = id.as_ref().and_then(|id| elder.published.get(id));
            match earlier {
                Some(earlier) if Some(&earlier.segment) == segment.as_ref() => {
                    (earlier.previous.clone(), earlier.changed_at.clone())
                }
                Some(earlier) => (Some(earlier.segment.clone()), as_of.map(String::from)),
                None => (None, as_of.map(String::from)),
            }
        })
        .unzip()
}

/// The rows of an assignment table whose segment is not the one that `elder` published, new customers among them.
pub fn changed_rows(table: &Table, elder: &Elder) -> Table {
    let [(_, Values::Text(ids)), (_, Values::Text(segments)), ..] = &table.columns[..] else {
        return Table::default();
    };
    let same = |row: &usize| {
        let earlier = ids[*row].as_ref().and_then(|id| elder.published.get(id));
        earlier.map(|earlier| &earlier.segment) == segments[*row].as_ref()
    };
    let rows: Vec<usize> = (0..ids.len()).filter(|row| !same(row)).collect();
    let kept = [
        "customer_id",
        "segment_id",
        "segment_name",
        "previous_segment_id",
        "segment_changed_at",
        "as_of",
        "model_version",
    ];
    let columns = table.columns.iter().filter(|(name, _)| kept.contains(&name.as_str()));
    let pick = |values: &Values| match values {
        Values::Text(v) => Values::Text(rows.iter().map(|row| v[*row].clone()).collect()),
        Values::Number(v) => Values::Number(rows.iter().map(|row| v[*row]).collect()),
    };
    Table { columns: columns.map(|(name, values)| (name.clone(), pick(values))).collect() }
}

/// Recency, orders, revenue, scores and segment of every customer of a grid as a table.
pub fn rfm_table(grid: &Grid) -> Table {
    let Grid { matrix, fitted, .. } = grid;
    let mut table = feature_table(matrix);
    let number = |of: fn(Score) -> u16| {
        Values::Number(fitted.scores.iter().map(|s| s.map_or(f64::NAN, |s| f64::from(of(s)))).collect())
    };
    let text = |of: &dyn Fn(Score) -> String| Values::Text(fitted.scores.iter().map(|s| s.map(of)).collect());
    table.columns.extend([
        ("r".to_string(), number(|s| s.r.into())),
        ("f".into(), number(|s| s.f.into())),
        ("m".into(), number(|s| s.m.into())),
        ("rfm_score".into(), number(Score::number)),
        ("segment".into(), text(&|s| fitted.grid.segment(s).to_string())),
        ("value_tier".into(), text(&|s| fitted.grid.value_tier(s).to_string())),
    ]);
    table
}

/// The features of every customer as a table, in natural units.
pub fn feature_table(matrix: &FeatureMatrix) -> Table {
    let mut columns = vec![("customer_id".to_string(), Values::Text(matrix.ids.iter().cloned().map(Some).collect()))];
    for (feature, column) in matrix.features.iter().zip(&matrix.columns) {
        let values = match column {
            Column::Number(v) => Values::Number(v.clone()),
            Column::Level(v) => Values::Text(v.clone()),
        };
        columns.push((feature.name.clone(), values));
    }
    Table { columns }
}
