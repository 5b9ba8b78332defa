//! How good a clustering is, in numbers. `None` where a number is undefined, never a good score.
//!
//! Labels are `Option<usize>` per row; rows without a cluster take part in nothing but [`agreement`]. No number here
//! depends on the number of threads or, but for samples, on the order of rows.

pub mod agreement;
mod centroids;
mod dispersion;
mod sampled;
mod silhouette;
mod total;

pub use agreement::{adjusted_mutual_information, adjusted_rand};
pub use centroids::{simplified_silhouette_samples, squared_silhouette_samples};
pub(super) use dispersion::Dispersions;
pub use dispersion::{calinski_harabasz, davies_bouldin};
pub(super) use sampled::sample_rows;
pub use sampled::silhouette;
pub use silhouette::{Silhouette, silhouette_by_cluster, silhouette_samples};

use crate::cluster::{Assignment, squared_distance};
use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;
use total::total;

/// Sum of squared distances of the customers with a cluster to their nearest prototype. For k-means this is the quantity
/// that the algorithm makes small.
pub fn inertia(assignments: &[Assignment]) -> f64 {
    assignments.iter().filter(|a| a.cluster.is_some()).map(|a| a.distance * a.distance).sum()
}

/// The rows of every cluster.
#[derive(Debug)]
struct Groups {
    /// In their order within a cluster.
    rows: Vec<Vec<usize>>,
    /// The label of every one.
    labels: Vec<usize>,
}

impl Groups {
    /// Every cluster with a row, in the order of their numbers; `None` if there are fewer than two.
    ///
    /// # Panics
    /// If `x` and `labels` differ in length.
    fn new(x: ArrayView2<f64>, labels: &[Option<usize>]) -> Option<Self> {
        assert_eq!(x.nrows(), labels.len(), "one label per row");
        let mut rows: Vec<Vec<usize>> = Vec::new();
        for (row, label) in labels.iter().enumerate() {
            if let Some(cluster) = *label {
                if rows.len() <= cluster {
                    rows.resize(cluster + 1, Vec::new());
                }
                rows[cluster].push(row);
            }
        }
        let labels = (0..rows.len()).filter(|&cluster| !rows[cluster].is_empty()).collect();
        rows.retain(|rows| !rows.is_empty());
        (rows.len() >= 2).then_some(Self { rows, labels })
    }

    /// Weighted clusters × features, and the weight of each.
    fn means(&self, x: ArrayView2<f64>, weights: Option<&[f64]>) -> (Array2<f64>, Vec<f64>) {
        let weight = |row: usize| weights.map_or(1.0, |weights| weights[row]);
        let mut means = Array2::zeros((self.rows.len(), x.ncols()));
        let mut masses = Vec::with_capacity(self.rows.len());
        for (mut mean, rows) in means.rows_mut().into_iter().zip(&self.rows) {
            let mass = total(rows.iter().map(|&row| weight(row)));
            for (feature, mean) in mean.iter_mut().enumerate() {
                *mean = total(rows.iter().map(|&row| weight(row) * x[[row, feature]])) / mass;
            }
            masses.push(mass);
        }
        (means, masses)
    }

    /// The weighted sum over every cluster of what `of` makes of a row and its cluster's mean.
    fn totals(
        &self,
        x: ArrayView2<f64>,
        means: &Array2<f64>,
        of: impl Fn(usize, &[f64], &[f64]) -> f64 + Sync,
    ) -> Vec<f64> {
        let one = |(rows, mean): (&Vec<usize>, ndarray::ArrayView1<f64>)| {
            let mean = mean.to_vec();
            let found: Vec<f64> = rows
                .par_iter()
                .with_min_len(1 << 10)
                .map_init(
                    || vec![0.0; x.ncols()],
                    |values, &row| {
                        values.iter_mut().zip(x.row(row)).for_each(|(value, v)| *value = *v);
                        of(row, values, &mean)
                    },
                )
                .collect();
            total(found.iter().copied())
        };
        self.rows.iter().zip(means.rows()).map(one).collect()
    }

    /// Sum of the weighted squared distances to the mean, per cluster.
    fn scatter(&self, x: ArrayView2<f64>, means: &Array2<f64>, weights: Option<&[f64]>) -> Vec<f64> {
        let weight = |row: usize| weights.map_or(1.0, |weights| weights[row]);
        self.totals(x, means, |row, values, mean| weight(row) * squared_distance(values, mean))
    }
}

#[cfg(test)]
pub(super) mod tests {
    pub(super) fn some(labels: &[usize]) -> Vec<Option<usize>> {
        labels.iter().map(|&l| Some(l)).collect()
    }

    #[track_caller]
    pub(super) fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-6, "{found} instead of {expected}");
    }
}
