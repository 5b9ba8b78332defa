//! The nearest prototype of every cluster.

use super::{Assignment, squared_distance};
use linfa_nn::{KdTreeIndex, NearestNeighbourIndex, distance::L2Dist};
use ndarray::{Array2, ArrayView2, Axis, aview1};
use rand::seq::SliceRandom;
use rayon::prelude::*;
use std::ops::Range;

/// From so many prototypes in one cluster on, a k-d tree finds the nearest sooner than a scan.
const TREE_FROM: usize = 256;

/// Where every row of `x` belongs by [`super::Rule::Nearest`].
pub(super) fn assign(
    prototypes: ArrayView2<f64>,
    cluster: &[usize],
    reach: Option<f64>,
    x: ArrayView2<f64>,
) -> Vec<Assignment> {
    assign_with(prototypes, cluster, reach, x, TREE_FROM)
}

/// How the nearest prototype of one cluster is found.
enum Search<'a> {
    /// The points of the cluster, one after the other.
    Scan(&'a [f64]),
    Tree(KdTreeIndex<'a, f64, L2Dist>),
}

impl Search<'_> {
    /// The smallest squared distance to a prototype of the cluster. The tree prunes by sums that are rounded in the same
    /// order as the definition's, so it cannot miss the smallest; the value itself is taken by the definition.
    fn nearest_squared(&self, row: &[f64]) -> f64 {
        match self {
            Search::Scan(points) => points
                .chunks_exact(row.len())
                .map(|point| squared_distance(row, point))
                .fold(f64::INFINITY, |least, d| if d < least { d } else { least }),
            Search::Tree(tree) => match tree.k_nearest(aview1(row), 1).as_deref() {
                Ok([(point, _), ..]) => point.to_slice().map_or(f64::INFINITY, |point| squared_distance(row, point)),
                _ => f64::INFINITY,
            },
        }
    }
}

fn assign_with(
    prototypes: ArrayView2<f64>,
    cluster: &[usize],
    reach: Option<f64>,
    x: ArrayView2<f64>,
    tree_from: usize,
) -> Vec<Assignment> {
    let width = prototypes.ncols();
    let x = x.as_standard_layout();
    // Both are in C order, so there is a slice.
    let (rows, points) = (x.as_slice().unwrap_or_default(), prototypes.to_slice().unwrap_or_default());
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for chunk in cluster.chunk_by(|a, b| a == b) {
        let start = ranges.last().map_or(0, |range| range.end);
        ranges.push(start..start + chunk.len());
    }
    // A tree grown from sorted points is a list, so they are shuffled first.
    let shuffled: Vec<Option<Array2<f64>>> = ranges
        .iter()
        .map(|range| {
            (range.len() >= tree_from).then(|| {
                let mut order: Vec<usize> = range.clone().collect();
                order.shuffle(&mut crate::cluster::stream(0, 0));
                prototypes.select(Axis(0), &order)
            })
        })
        .collect();
    let searches: Vec<Search> = ranges
        .iter()
        .zip(&shuffled)
        .map(|(range, shuffled)| match shuffled.as_ref().map(|points| KdTreeIndex::new(points, 16, L2Dist)) {
            Some(Ok(tree)) => Search::Tree(tree),
            _ => Search::Scan(&points[range.start * width..range.end * width]),
        })
        .collect();
    rows.par_chunks_exact(width).with_min_len(128).map(|row| assign_row(row, &searches, reach)).collect()
}

fn assign_row(row: &[f64], searches: &[Search], reach: Option<f64>) -> Assignment {
    let (mut first, mut second) = ((None, f64::INFINITY), (None, f64::INFINITY));
    if row.iter().all(|v| v.is_finite()) {
        for (cluster, search) in searches.iter().enumerate() {
            let nearest = search.nearest_squared(row);
            if nearest < first.1 {
                (first, second) = ((Some(cluster), nearest), first);
            } else if nearest < second.1 {
                second = (Some(cluster), nearest);
            }
        }
    }
    let in_reach = reach.is_none_or(|reach| first.1 <= reach * reach);
    Assignment {
        cluster: first.0.filter(|_| in_reach),
        distance: first.1.sqrt(),
        second: second.0,
        second_distance: second.1.sqrt(),
        strength: None,
        outlier: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    /// Points on the grid of model space, coarse enough for many ties.
    fn grid(rows: usize, columns: usize, seed: u64) -> Array2<f64> {
        let mut rng = crate::cluster::stream(seed, 0);
        Array2::from_shape_fn((rows, columns), |_| f64::from(rng.gen_range(-20..20)) / 4.0)
    }

    #[test]
    fn trees_and_scans_agree_to_the_bit() {
        for seed in 0..5 {
            let points = grid(400, 3, seed);
            let cluster: Vec<usize> = (0..400).map(|i| i / 100).collect();
            let x = grid(1000, 3, seed + 100);
            let scan = assign_with(points.view(), &cluster, Some(0.5), x.view(), usize::MAX);
            assert_eq!(scan, assign_with(points.view(), &cluster, Some(0.5), x.view(), 1));
            assert!(scan.iter().any(|a| a.cluster.is_none()) && scan.iter().any(|a| a.cluster.is_some()));
            assert!(scan.iter().any(|a| a.distance == a.second_distance), "no tie was tried");
        }
    }
}
