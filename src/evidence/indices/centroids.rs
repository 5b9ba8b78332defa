//! Silhouettes from centroids, in time proportional to rows × clusters. Neither is the Euclidean silhouette, nor
//! comparable with it: iris at k = 3 has .553 by distances, .666 by centroids.

use super::Groups;
use super::silhouette::ratio;
use crate::cluster::squared_distance;
use ndarray::ArrayView2;
use rayon::prelude::*;

/// The silhouette of every row with a cluster by *squared* Euclidean distances, exactly, since the sum of squared distances to
/// the members of a cluster is `n |x - centroid|² + Σ |member - centroid|²` (Spark's `ClusteringEvaluator`). With `weights` a
/// row counts as so many equal ones. 0 for a row alone in its cluster and where `a = b = 0`; `None` for rows without a
/// cluster, and altogether with fewer than two.
///
/// # Panics
/// If `x` (rows × features), `labels` and `weights` differ in length.
pub fn squared_silhouette_samples(
    x: ArrayView2<f64>,
    labels: &[Option<usize>],
    weights: Option<&[f64]>,
) -> Option<Vec<Option<f64>>> {
    per_row(x, labels, weights, |own, squares, clusters| {
        let sum = |c: usize| clusters[c].mass * squares[c] + clusters[c].scatter;
        let b = others(own, squares.len()).map(|c| sum(c) / clusters[c].mass).fold(f64::INFINITY, f64::min);
        if clusters[own].mass <= 1.0 { 0.0 } else { ratio(sum(own) / (clusters[own].mass - 1.0), b) }
    })
}

/// The simplified silhouette of every row with a cluster (Hruschka, Campello & de Castro 2004): `a` is the distance to the own
/// centroid, `b` that to the nearest other. With `weights` centroids are weighted means. 0 for a row alone in its cluster
/// and where `a = b = 0`; `None` for rows without a cluster, and altogether with fewer than two.
///
/// # Panics
/// If `x` (rows × features), `labels` and `weights` differ in length.
pub fn simplified_silhouette_samples(
    x: ArrayView2<f64>,
    labels: &[Option<usize>],
    weights: Option<&[f64]>,
) -> Option<Vec<Option<f64>>> {
    per_row(x, labels, weights, |own, squares, clusters| {
        let b = others(own, squares.len()).map(|c| squares[c]).fold(f64::INFINITY, f64::min).sqrt();
        if clusters[own].mass <= 1.0 { 0.0 } else { ratio(squares[own].sqrt(), b) }
    })
}

struct Cluster {
    /// Sum of weights.
    mass: f64,
    /// Weighted sum of squared distances to the centroid.
    scatter: f64,
}

fn others(own: usize, clusters: usize) -> impl Iterator<Item = usize> {
    (0..clusters).filter(move |&cluster| cluster != own)
}

/// What `width` makes of a row's cluster, its squared distances to all centroids, and the clusters.
fn per_row(
    x: ArrayView2<f64>,
    labels: &[Option<usize>],
    weights: Option<&[f64]>,
    width: impl Fn(usize, &[f64], &[Cluster]) -> f64 + Sync,
) -> Option<Vec<Option<f64>>> {
    assert!(weights.is_none_or(|weights| weights.len() == x.nrows()), "one weight per row");
    let groups = Groups::new(x, labels)?;
    let (means, masses) = groups.means(x, weights);
    let scatter = groups.scatter(x, &means, weights);
    let clusters: Vec<Cluster> =
        masses.into_iter().zip(scatter).map(|(mass, scatter)| Cluster { mass, scatter }).collect();
    let centroids: Vec<Vec<f64>> = means.rows().into_iter().map(|mean| mean.to_vec()).collect();
    let mut place = vec![0; groups.labels.last().map_or(0, |last| last + 1)];
    groups.labels.iter().enumerate().for_each(|(at, &label)| place[label] = at);
    let scratch = || (vec![0.0; x.ncols()], vec![0.0; centroids.len()]);
    let one = |(values, squares): &mut (Vec<f64>, Vec<f64>), (row, label): (usize, &Option<usize>)| {
        let own = place[(*label)?];
        values.iter_mut().zip(x.row(row)).for_each(|(value, v)| *value = *v);
        squares.iter_mut().zip(&centroids).for_each(|(square, centroid)| *square = squared_distance(values, centroid));
        Some(width(own, squares, &clusters))
    };
    Some(labels.par_iter().enumerate().with_min_len(1 << 10).map_init(scratch, one).collect())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{close, some};
    use super::super::{Silhouette, silhouette_samples};
    use super::*;
    use ndarray::{Array2, array};

    #[test]
    fn by_hand() {
        // Centroids 1 and 12.
        let x = array![[0.0], [2.0], [10.0], [14.0], [99.0]];
        let labels = [Some(0), Some(0), Some(5), Some(5), None];
        let simplified = simplified_silhouette_samples(x.view(), &labels, None).unwrap();
        close(simplified[0].unwrap(), 11.0 / 12.0);
        close(simplified[3].unwrap(), 11.0 / 13.0);
        assert_eq!(simplified[4], None);
        let squared = squared_silhouette_samples(x.view(), &labels, None).unwrap();
        close(squared[0].unwrap(), 1.0 - 4.0 / ((100.0 + 196.0) / 2.0));
        close(squared[2].unwrap(), 1.0 - 16.0 / ((100.0 + 64.0) / 2.0));
        assert_eq!(squared[4], None);
        for samples in [simplified_silhouette_samples, squared_silhouette_samples] {
            assert_eq!(samples(x.view(), &[Some(0); 5], None), None);
            assert_eq!(samples(x.view(), &some(&[0, 0, 0, 0, 1]), None).unwrap()[4], Some(0.0));
            assert_eq!(samples(Array2::zeros((4, 1)).view(), &some(&[0, 0, 1, 1]), None).unwrap(), [Some(0.0); 4]);
        }
    }

    #[test]
    fn a_weight_is_so_many_rows() {
        let x = array![[0.0, 1.0], [2.0, 0.5], [10.0, 3.0], [14.0, 2.0], [11.0, 0.0]];
        let (labels, weights) = (some(&[0, 0, 1, 1, 2]), [1.0, 3.0, 2.0, 1.0, 2.0]);
        let rows = [0, 1, 1, 1, 2, 2, 3, 4, 4];
        let long: Vec<Option<usize>> = rows.iter().map(|&row: &usize| labels[row]).collect();
        let many = x.select(ndarray::Axis(0), &rows);
        for samples in [simplified_silhouette_samples, squared_silhouette_samples] {
            let weighted = samples(x.view(), &labels, Some(&weights)).unwrap();
            let repeated = samples(many.view(), &long, None).unwrap();
            rows.iter().zip(&repeated).for_each(|(&row, width)| close(weighted[row].unwrap(), width.unwrap()));
            let (a, b) = (Silhouette::of(&weighted, Some(&weights)).unwrap(), Silhouette::of(&repeated, None).unwrap());
            close(a.mean, b.mean);
            close(a.standard_error, b.standard_error);
        }
    }

    /// On a line with two values distances are squares up to a factor, so both exact silhouettes agree.
    #[test]
    fn squares_of_zeros_and_ones_are_distances() {
        let x = Array2::from_shape_fn((40, 1), |(i, _)| f64::from(u8::from(i % 3 == 0)));
        let labels: Vec<Option<usize>> = (0..40).map(|i| Some(usize::from(i % 4 == 0))).collect();
        let squared = squared_silhouette_samples(x.view(), &labels, None).unwrap();
        let exact = silhouette_samples(x.view(), &labels).unwrap();
        squared.iter().zip(&exact).for_each(|(a, b)| close(a.unwrap(), b.unwrap()));
    }
}
