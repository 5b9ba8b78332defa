//! The nearest prototype of every cluster, where they are few.

use super::{Assignment, squared_distance};
use crate::cluster::kernel::lanes::{WIDE, nearest_two};
use crate::cluster::kernel::score;
use crate::cluster::kernel::transpose::Value;
use ndarray::ArrayView2;
use rayon::prelude::*;

/// Where every row of `x` belongs by [`super::Rule::Nearest`].
pub(super) fn assign(
    prototypes: ArrayView2<f64>,
    cluster: &[usize],
    reach: Option<f64>,
    x: ArrayView2<f64>,
) -> Vec<Assignment> {
    let width = prototypes.ncols();
    let x = x.as_standard_layout();
    // Both are in C order, so there is a slice.
    let (rows, points) = (x.as_slice().unwrap_or_default(), prototypes.to_slice().unwrap_or_default());
    if one_each(cluster) {
        assign_one_each(points, width, reach, rows)
    } else {
        scan(points, cluster, width, reach, rows)
    }
}

/// With one prototype per cluster, its number is its cluster's.
fn one_each(cluster: &[usize]) -> bool {
    cluster.windows(2).all(|w| w[0] != w[1])
}

/// Customers per task.
const CHUNK: usize = 1 << 13;

/// Writes the cluster of every row of `x`, as [`assign`] finds it, to `labels`; false where the kernels cannot tell.
pub(super) fn label<V: Value>(
    prototypes: ArrayView2<f64>,
    cluster: &[usize],
    reach: Option<f64>,
    x: ArrayView2<V>,
    labels: &mut [i32],
) -> bool {
    let width = prototypes.ncols();
    // Labels of the kernels have 16 bits.
    if !one_each(cluster) || cluster.len() > usize::from(u16::MAX) {
        return false;
    }
    let x = x.as_standard_layout();
    let (points, rows) = (prototypes.to_slice().unwrap_or_default(), x.as_slice().unwrap_or_default());
    score::label(points, rows, width, reach, labels);
    true
}

/// [`assign`] with one prototype per cluster.
fn assign_one_each(points: &[f64], width: usize, reach: Option<f64>, rows: &[f64]) -> Vec<Assignment> {
    let nobody = (None, f64::INFINITY);
    let mut found = vec![Assignment::nearest(nobody, nobody, reach); rows.len() / width];
    found.par_chunks_mut(CHUNK).zip(rows.par_chunks(CHUNK * width)).for_each(|(found, rows)| {
        nearest_two(points, rows, width, |at, nearest| {
            let end = found.len().min(at + WIDE);
            for (lane, found) in found[at..end].iter_mut().enumerate() {
                let one = |cluster: f64, squared: f64| ((squared < f64::INFINITY).then_some(cluster as usize), squared);
                *found = Assignment::nearest(
                    one(nearest.first_at[lane], nearest.first[lane]),
                    one(nearest.second_at[lane], nearest.second[lane]),
                    reach,
                );
            }
        });
    });
    found
}

/// [`assign`] with any number of prototypes per cluster, one row after the other.
fn scan(points: &[f64], cluster: &[usize], width: usize, reach: Option<f64>, rows: &[f64]) -> Vec<Assignment> {
    let mut clusters: Vec<&[f64]> = Vec::new();
    let mut rest = points;
    for same in cluster.chunk_by(|a, b| a == b) {
        let (own, others) = rest.split_at(same.len() * width);
        clusters.push(own);
        rest = others;
    }
    rows.par_chunks_exact(width).with_min_len(128).map(|row| assign_row(row, &clusters, reach)).collect()
}

fn assign_row(row: &[f64], clusters: &[&[f64]], reach: Option<f64>) -> Assignment {
    let (mut first, mut second) = ((None, f64::INFINITY), (None, f64::INFINITY));
    if row.iter().all(|v| v.is_finite()) {
        for (cluster, points) in clusters.iter().enumerate() {
            let nearest = points
                .chunks_exact(row.len())
                .map(|point| squared_distance(row, point))
                .fold(f64::INFINITY, |least, d| if d < least { d } else { least });
            if nearest < first.1 {
                (first, second) = ((Some(cluster), nearest), first);
            } else if nearest < second.1 {
                second = (Some(cluster), nearest);
            }
        }
    }
    Assignment::nearest(first, second, reach)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;
    use rand::Rng;

    /// Points on the grid of model space, coarse enough for many ties.
    fn grid(rows: usize, columns: usize, seed: u64) -> Array2<f64> {
        let mut rng = crate::cluster::stream(seed, 0);
        Array2::from_shape_fn((rows, columns), |_| f64::from(rng.gen_range(-20..20)) / 4.0)
    }

    #[test]
    fn eight_at_a_time_and_one_by_one_agree_to_the_bit() {
        for width in 1..=20 {
            for k in [1, 2, 3, 8, 17] {
                let points = grid(k, width, width as u64);
                let cluster: Vec<usize> = (0..k).collect();
                let mut x = grid(101, width, 77) * 1.1;
                x[[40, width - 1]] = f64::NAN;
                x[[41, 0]] = f64::INFINITY;
                for reach in [None, Some(3.0)] {
                    let fast = assign(points.view(), &cluster, reach, x.view());
                    let (slow_points, slow_rows) = (points.as_slice().unwrap(), x.as_slice().unwrap());
                    assert_eq!(fast, scan(slow_points, &cluster, width, reach, slow_rows));
                    let clusters: Vec<i32> = fast.iter().map(|a| a.cluster.map_or(-1, |c| c as i32)).collect();
                    let mut labels = vec![7; 101];
                    assert!(label(points.view(), &cluster, reach, x.view(), &mut labels));
                    assert_eq!(labels, clusters);
                }
                let narrow = grid(101, width, 78).mapv(|v| v as f32);
                let wide = narrow.mapv(f64::from);
                let mut labels = [vec![7; 101], vec![8; 101]];
                label(points.view(), &cluster, None, narrow.view(), &mut labels[0]);
                label(points.view(), &cluster, None, wide.view(), &mut labels[1]);
                assert_eq!(labels[0], labels[1]);
            }
        }
    }
}
