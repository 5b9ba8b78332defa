//! What charts need and the segments did not: samples of customers, in the order of their ids, which say nothing of what they do.

use super::lineage::centres;
use crate::data::read::Tables;
use crate::data::volume::{orders_by_month, orders_by_week};
use crate::error::Result;
use crate::evidence::indices::silhouette_samples;
use crate::evidence::projection::Projection;
use crate::features::matrix::FeatureMatrix;
use crate::features::preparation::ModelMatrix;
use crate::features::scaling::quantile;
use crate::report::{SMALL_CELL, SeasonFacts, SpaceFacts, SpacePoint, WeekFacts, WidthFacts};
use crate::segment::rfm_grid::Score;
use ndarray::{ArrayView2, Axis};

/// Customers whose silhouettes are drawn, compared among each other.
const WIDTHS: usize = 4_000;

/// Customers from whom the axes are learned.
const AXES: usize = 20_000;

/// Customers drawn on the axes.
const POINTS: usize = 800;

/// Steps of a silhouette.
const STEPS: usize = 20;

/// Evenly spaced rows, at most so many.
pub(super) fn spaced(rows: usize, most: usize) -> Vec<usize> {
    (0..rows).step_by(rows.div_ceil(most).max(1)).collect()
}

/// The silhouettes of each segment.
pub(super) fn widths(x: ArrayView2<f64>, labels: &[Option<usize>], n_segments: usize) -> Vec<WidthFacts> {
    let rows = spaced(labels.len(), WIDTHS);
    let of_rows: Vec<Option<usize>> = rows.iter().map(|row| labels[*row]).collect();
    let Some(all) = silhouette_samples(x.select(Axis(0), &rows).view(), &of_rows) else { return Vec::new() };
    let mut of_segments = vec![Vec::new(); n_segments];
    for (label, width) in of_rows.iter().zip(all) {
        if let (Some(segment), Some(width)) = (label, width) {
            of_segments[*segment].push(width);
        }
    }
    if of_segments.iter().any(Vec::is_empty) {
        return Vec::new();
    }
    let facts = |mut widths: Vec<f64>| {
        widths.sort_by(f64::total_cmp);
        let n = widths.len() as f64;
        let at = |step: usize| thousandth(quantile(&widths, 1.0 - step as f64 / STEPS as f64));
        WidthFacts {
            mean: widths.iter().sum::<f64>() / n,
            nearer_to_another: widths.iter().filter(|width| **width < 0.0).count() as f64 / n,
            quantiles: (0..=STEPS).map(at).collect(),
        }
    };
    of_segments.into_iter().map(facts).collect()
}

fn thousandth(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// Customers on the principal axes.
pub(super) fn space(
    space: &ModelMatrix,
    matrix: &FeatureMatrix,
    labels: &[Option<usize>],
    n_segments: usize,
) -> Result<Option<SpaceFacts>> {
    let x = space.values.view();
    let learned_from = x.select(Axis(0), &spaced(x.nrows(), AXES));
    let Some(projection) = Projection::of(learned_from.view())? else { return Ok(None) };
    let point = |row: usize| {
        let [x, y] = projection.project(x.row(row)).map(thousandth);
        SpacePoint { x, y, segment: labels[row] }
    };
    let label = |column: &crate::features::preparation::ModelColumn| {
        let feature = matrix.features.iter().find(|f| f.name == column.feature);
        let label = feature.map_or_else(|| column.feature.clone(), |f| f.label.clone());
        column.level.as_ref().map_or(label.clone(), |level| format!("{label}: {level}"))
    };
    Ok(Some(SpaceFacts {
        explained: projection.explained,
        points: spaced(x.nrows(), POINTS).into_iter().map(point).collect(),
        centres: centres(x, labels, n_segments)
            .rows()
            .into_iter()
            .map(|c| projection.project(c).map(thousandth))
            .collect(),
        loadings: space.columns.iter().map(label).zip(projection.loadings.iter().copied()).collect(),
    }))
}

/// Orders by week.
pub(super) fn weeks(tables: &Tables) -> Vec<WeekFacts> {
    let of = |(day, orders): (crate::data::dates::Day, usize)| WeekFacts { from: day.iso(), orders };
    tables.orders.as_ref().map_or_else(Vec::new, |log| orders_by_week(log).into_iter().map(of).collect())
}

/// From so many months a season shows.
const SEASON: usize = 6;

/// Orders by month, of everyone and of each segment.
pub(super) fn season(
    tables: &Tables,
    matrix: &FeatureMatrix,
    labels: &[Option<usize>],
    n_segments: usize,
) -> Option<SeasonFacts> {
    // Customers in no segment are everyone's last group here.
    let group = |id: &str| {
        let row = matrix.ids.binary_search_by(|known| known.as_str().cmp(id)).ok()?;
        Some(labels[row].unwrap_or(n_segments))
    };
    let (months, mut segments) = orders_by_month(tables.orders.as_ref()?, n_segments + 1, group);
    if months.len() < SEASON {
        return None;
    }
    let everyone = (0..months.len()).map(|at| segments.iter().map(|counts| counts[at]).sum()).collect();
    segments.truncate(n_segments);
    let word = |month: i32| format!("{}-{:02}", month.div_euclid(12), month.rem_euclid(12) + 1);
    Some(SeasonFacts { months: months.into_iter().map(word).collect(), everyone, segments })
}

/// Customers of each segment in each cell of R and F, worst first as in the facts of the grid; small cells count as none.
pub(super) fn positions(
    scores: &[Option<Score>],
    bins: u8,
    labels: &[Option<usize>],
    n_segments: usize,
) -> Vec<Vec<usize>> {
    let mut counts = vec![vec![0; usize::from(bins) * usize::from(bins)]; n_segments];
    for (score, label) in scores.iter().zip(labels) {
        if let (Some(score), Some(segment)) = (score, label) {
            counts[*segment][(usize::from(score.r) - 1) * usize::from(bins) + usize::from(score.f) - 1] += 1;
        }
    }
    counts.iter_mut().flatten().filter(|count| **count < SMALL_CELL).for_each(|count| *count = 0);
    counts
}
