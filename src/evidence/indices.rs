//! How good a clustering is, in numbers. `None` where a number is undefined.
//!
//! Labels are `Option<usize>` per row; rows without a cluster take part in nothing but [`adjusted_rand`].

use crate::cluster::{Assignment, squared_distance};
use ndarray::{Array2, ArrayView2, Axis};
use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// A mean silhouette and how far it can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Silhouette {
    /// Mean over the rows measured, -1 to 1.
    pub mean: f64,
    /// Standard deviation of the rows' values divided by the square root of their number.
    pub standard_error: f64,
    /// Number of rows measured.
    pub n: usize,
}

/// The rows of every cluster.
struct Groups {
    /// In their order within a cluster.
    rows: Vec<Vec<usize>>,
}

impl Groups {
    /// Every cluster with a row, in the order of their numbers; `None` if there are fewer than two.
    fn new(labels: &[Option<usize>]) -> Option<Self> {
        let mut rows: Vec<Vec<usize>> = Vec::new();
        for (row, label) in labels.iter().enumerate() {
            if let Some(cluster) = *label {
                if rows.len() <= cluster {
                    rows.resize(cluster + 1, Vec::new());
                }
                rows[cluster].push(row);
            }
        }
        rows.retain(|rows| !rows.is_empty());
        (rows.len() >= 2).then_some(Self { rows })
    }

    fn len(&self) -> usize {
        self.rows.iter().map(Vec::len).sum()
    }

    /// Clusters × features, summed in row order.
    fn means(&self, x: ArrayView2<f64>) -> Array2<f64> {
        let mut means = Array2::zeros((self.rows.len(), x.ncols()));
        for (mut mean, rows) in means.rows_mut().into_iter().zip(&self.rows) {
            rows.iter().for_each(|&row| mean += &x.row(row));
            mean /= rows.len() as f64;
        }
        means
    }
}

/// The silhouette of every row with a cluster, by exact Euclidean distances (Rousseeuw 1987): `(b - a) / max(a, b)`,
/// where `a` is the mean distance to the other rows of the own cluster and `b` the least mean distance to another
/// cluster. A row alone in its cluster has 0 (Rousseeuw 1987, section 2), and so has one with `a = b = 0`. `None` for
/// rows without a cluster; `None` altogether with fewer than two clusters. Time grows with the square of the rows.
///
/// # Panics
/// If `x` (rows × features) and `labels` differ in length.
pub fn silhouette_samples(x: ArrayView2<f64>, labels: &[Option<usize>]) -> Option<Vec<Option<f64>>> {
    assert_eq!(x.nrows(), labels.len(), "one label per row");
    let groups = Groups::new(labels)?;
    // Feature by feature, rows in cluster order: the inner loop runs over neighbouring rows and vectorises, while the
    // sum of every single pair still adds features left to right.
    let order: Vec<usize> = groups.rows.iter().flatten().copied().collect();
    let columns: Vec<Vec<f64>> =
        x.columns().into_iter().map(|column| order.iter().map(|&row| column[row]).collect()).collect();
    let mut ends = Vec::with_capacity(groups.rows.len());
    let mut own = Vec::with_capacity(order.len());
    for (cluster, rows) in groups.rows.iter().enumerate() {
        own.extend(std::iter::repeat_n(cluster, rows.len()));
        ends.push(own.len());
    }
    let widths: Vec<f64> = (0..order.len())
        .into_par_iter()
        .with_min_len(16)
        .map(|i| {
            let (mut a, mut b, mut start) = (0.0, f64::INFINITY, 0);
            for (cluster, &end) in ends.iter().enumerate() {
                let sum = sum_of_distances(&columns, i, start..end);
                let size = (end - start) as f64;
                if cluster != own[i] {
                    b = f64::min(b, sum / size);
                } else if size > 1.0 {
                    a = sum / (size - 1.0);
                } else {
                    return 0.0;
                }
                start = end;
            }
            if a.max(b) > 0.0 { (b - a) / a.max(b) } else { 0.0 }
        })
        .collect();
    let mut samples = vec![None; x.nrows()];
    order.iter().zip(widths).for_each(|(&row, width)| samples[row] = Some(width));
    Some(samples)
}

/// Sum of the distances from row `i` to the rows of `range`, in their order.
fn sum_of_distances(columns: &[Vec<f64>], i: usize, range: std::ops::Range<usize>) -> f64 {
    const BLOCK: usize = 128;
    let mut total = 0.0;
    let mut start = range.start;
    while start < range.end {
        let end = (start + BLOCK).min(range.end);
        let mut squares = [0.0_f64; BLOCK];
        for column in columns {
            let here = column[i];
            for (square, there) in squares.iter_mut().zip(&column[start..end]) {
                let difference = here - there;
                *square += difference * difference;
            }
        }
        squares.iter_mut().for_each(|square| *square = square.sqrt());
        total += squares[..end - start].iter().sum::<f64>();
        start = end;
    }
    total
}

/// The mean silhouette: exact for up to `sample` rows with a cluster, else of a random sample of that many rows measured
/// against that same sample. The sample depends on `seed` and the labels' pattern of noise only, so clusterings of the
/// same rows are compared on the same customers. `None` with fewer than two clusters (in the sample).
///
/// # Panics
/// If `x` (rows × features) and `labels` differ in length.
pub fn silhouette(x: ArrayView2<f64>, labels: &[Option<usize>], sample: usize, seed: u64) -> Option<Silhouette> {
    assert_eq!(x.nrows(), labels.len(), "one label per row");
    let clustered: Vec<usize> = (0..labels.len()).filter(|&row| labels[row].is_some()).collect();
    let samples = if clustered.len() <= sample {
        silhouette_samples(x, labels)?
    } else {
        let rows = sample_rows(&clustered, sample, seed);
        let labels: Vec<Option<usize>> = rows.iter().map(|&row| labels[row]).collect();
        silhouette_samples(x.select(Axis(0), &rows).view(), &labels)?
    };
    let widths: Vec<f64> = samples.into_iter().flatten().collect();
    let n = widths.len();
    let mean = widths.iter().sum::<f64>() / n as f64;
    let variance = widths.iter().map(|w| (w - mean) * (w - mean)).sum::<f64>() / (n.max(2) - 1) as f64;
    Some(Silhouette { mean, standard_error: (variance / n as f64).sqrt(), n })
}

/// `size` of the `rows`, drawn without replacement, in their order.
pub(super) fn sample_rows(rows: &[usize], size: usize, seed: u64) -> Vec<usize> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut drawn = rand::seq::index::sample(&mut rng, rows.len(), size.min(rows.len())).into_vec();
    drawn.sort_unstable();
    drawn.into_iter().map(|i| rows[i]).collect()
}

/// Sum of squared distances of the customers with a cluster to their nearest prototype. For k-means this is the quantity
/// that the algorithm makes small.
pub fn inertia(assignments: &[Assignment]) -> f64 {
    assignments.iter().filter(|a| a.cluster.is_some()).map(|a| a.distance * a.distance).sum()
}

/// The index of Davies & Bouldin (1979) with Euclidean distances: the mean over clusters of the worst
/// `(s_i + s_j) / d_ij`, `s` the mean distance to the cluster's mean and `d` the distance between means. Lower is better.
/// `None` with fewer than two clusters or when two means coincide.
///
/// # Panics
/// If `x` (rows × features) and `labels` differ in length.
pub fn davies_bouldin(x: ArrayView2<f64>, labels: &[Option<usize>]) -> Option<f64> {
    assert_eq!(x.nrows(), labels.len(), "one label per row");
    let groups = Groups::new(labels)?;
    let means = groups.means(x);
    let distance = |a: ndarray::ArrayView1<f64>, b: ndarray::ArrayView1<f64>| (&a - &b).mapv(|d| d * d).sum().sqrt();
    let k = groups.rows.len();
    let spread: Vec<f64> = (0..k)
        .map(|c| {
            let rows = &groups.rows[c];
            rows.iter().map(|&row| distance(x.row(row), means.row(c))).sum::<f64>() / rows.len() as f64
        })
        .collect();
    let mut total = 0.0;
    for i in 0..k {
        let mut worst: f64 = 0.0;
        for j in (0..k).filter(|&j| j != i) {
            let apart = distance(means.row(i), means.row(j));
            if apart == 0.0 {
                return None;
            }
            worst = worst.max((spread[i] + spread[j]) / apart);
        }
        total += worst;
    }
    Some(total / k as f64)
}

/// The index of Calinski & Harabasz (1974): `[B / (k - 1)] / [W / (n - k)]`, between- over within-cluster squares. Higher
/// is better. `None` with fewer than two clusters, with one row per cluster, or when no row differs from its mean.
///
/// # Panics
/// If `x` (rows × features) and `labels` differ in length.
pub fn calinski_harabasz(x: ArrayView2<f64>, labels: &[Option<usize>]) -> Option<f64> {
    assert_eq!(x.nrows(), labels.len(), "one label per row");
    let groups = Groups::new(labels)?;
    let means = groups.means(x);
    let (n, k) = (groups.len() as f64, groups.rows.len() as f64);
    let mut centre = vec![0.0; x.ncols()];
    for (mean, rows) in means.rows().into_iter().zip(&groups.rows) {
        centre.iter_mut().zip(mean).for_each(|(c, m)| *c += m * (rows.len() as f64 / n));
    }
    let (mut between, mut within) = (0.0, 0.0);
    for (mean, rows) in means.rows().into_iter().zip(&groups.rows) {
        let mean = mean.to_vec();
        between += rows.len() as f64 * squared_distance(&mean, &centre);
        within += rows.iter().map(|&row| squared_distance(&x.row(row).to_vec(), &mean)).sum::<f64>();
    }
    Some((between / (k - 1.0)) / (within / (n - k))).filter(|index| index.is_finite() && n > k)
}

/// How far two labellings of the same rows agree, corrected for chance (Hubert & Arabie 1985): 1 for the same partition,
/// about 0 for unrelated ones. Every distinct value is a class; `None` (noise) is one more.
///
/// # Panics
/// If `a` and `b` differ in length.
pub fn adjusted_rand<A: Ord + Copy, B: Ord + Copy>(a: &[A], b: &[B]) -> f64 {
    assert_eq!(a.len(), b.len(), "one label per row");
    /// Number of pairs within runs of equal values.
    fn pairs<T: Ord>(mut values: Vec<T>) -> f64 {
        values.sort_unstable();
        values.chunk_by(|a, b| a == b).map(|run| run.len() as f64 * (run.len() as f64 - 1.0) / 2.0).sum()
    }
    let both = pairs(a.iter().copied().zip(b.iter().copied()).collect());
    let (in_a, in_b) = (pairs(a.to_vec()), pairs(b.to_vec()));
    let all = a.len() as f64 * (a.len() as f64 - 1.0) / 2.0;
    let expected = if all > 0.0 { in_a * in_b / all } else { 0.0 };
    let most = (in_a + in_b) / 2.0;
    // Both put everyone together, or both put everyone apart: the same partition.
    if most == expected { 1.0 } else { (both - expected) / (most - expected) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn some(labels: &[usize]) -> Vec<Option<usize>> {
        labels.iter().map(|&l| Some(l)).collect()
    }

    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-6, "{found} instead of {expected}");
    }

    #[test]
    fn a_singleton_has_silhouette_zero() {
        let x = array![[0.0, 0.0], [0.1, 0.0], [10.0, 0.0]];
        close(silhouette(x.view(), &some(&[0, 0, 1]), 10, 0).unwrap().mean, 0.659_966_33);
        let samples = silhouette_samples(array![[0.0], [0.1], [1.0]].view(), &some(&[0, 0, 1])).unwrap();
        close(samples[0].unwrap(), 0.9);
        close(samples[1].unwrap(), 8.0 / 9.0);
        assert_eq!(samples[2], Some(0.0));
    }

    #[test]
    fn undefined_is_none_and_noise_is_left_out() {
        let x = array![[0.0], [1.0], [8.0], [9.0], [500.0]];
        let one = some(&[3, 3, 3, 3, 3]);
        assert_eq!(silhouette(x.view(), &one, 10, 0), None);
        assert_eq!((davies_bouldin(x.view(), &one), calinski_harabasz(x.view(), &one)), (None, None));
        let noisy = [Some(0), Some(0), Some(4), Some(4), None];
        let four = x.slice(ndarray::s![..4, ..]);
        let clean = some(&[0, 0, 1, 1]);
        assert_eq!(silhouette(x.view(), &noisy, 10, 0), silhouette(four, &clean, 10, 0));
        assert_eq!(davies_bouldin(x.view(), &noisy), davies_bouldin(four, &clean));
        assert_eq!(calinski_harabasz(x.view(), &noisy), calinski_harabasz(four, &clean));
        let same = array![[1.0], [1.0], [1.0], [1.0]];
        assert_eq!(silhouette(same.view(), &clean, 10, 0).unwrap().mean, 0.0);
        assert_eq!((davies_bouldin(same.view(), &clean), calinski_harabasz(same.view(), &clean)), (None, None));
        assert_eq!(calinski_harabasz(four, &some(&[0, 1, 2, 3])), None);
    }

    #[test]
    fn indices_by_hand() {
        let x = array![[0.0], [2.0], [10.0], [14.0]];
        let labels = some(&[0, 0, 1, 1]);
        // Means 1 and 12, spreads 1 and 2, grand mean 6.5.
        close(davies_bouldin(x.view(), &labels).unwrap(), 3.0 / 11.0);
        close(calinski_harabasz(x.view(), &labels).unwrap(), 4.0 * 5.5 * 5.5 / (10.0 / 2.0));
    }

    #[test]
    fn adjusted_rand_of_the_published_cases() {
        close(adjusted_rand(&[0, 0, 1, 2], &[0, 0, 1, 1]), 0.571_428_571);
        close(adjusted_rand(&[0, 0, 1, 1], &[0, 1, 0, 1]), -0.5);
        close(adjusted_rand(&[5, 5, 9], &['b', 'b', 'a']), 1.0);
        close(adjusted_rand(&[1, 1], &[2, 2]), 1.0);
        close(adjusted_rand(&[None, None, Some(0)], &[Some(7), Some(7), None]), 1.0);
        close(adjusted_rand::<usize, usize>(&[], &[]), 1.0);
    }

    #[test]
    fn blocks_add_up_to_the_plain_sum() {
        let x = Array2::from_shape_fn((300, 3), |(i, j)| ((i * 37 + j * 11) % 101) as f64 / 7.0);
        let labels: Vec<Option<usize>> = (0..300).map(|i| Some(usize::from(i % 3 == 0))).collect();
        let samples = silhouette_samples(x.view(), &labels).unwrap();
        for i in [0, 1, 150, 299] {
            let mean = |cluster: usize| {
                let rows: Vec<usize> = (0..300).filter(|&j| labels[j] == Some(cluster)).collect();
                let sum: f64 = rows.iter().map(|&j| (&x.row(i) - &x.row(j)).mapv(|d| d * d).sum().sqrt()).sum();
                let own = labels[i] == Some(cluster);
                sum / (rows.len() - usize::from(own)) as f64
            };
            let own = labels[i].unwrap();
            let (a, b) = (mean(own), mean(1 - own));
            close(samples[i].unwrap(), (b - a) / a.max(b));
        }
    }

    #[test]
    fn a_sample_estimates_the_whole() {
        let x = Array2::from_shape_fn((3000, 2), |(i, j)| {
            (i % 3) as f64 * 4.0 + ((i * 7919 + j * 104_729) % 1000) as f64 / 250.0
        });
        let labels: Vec<Option<usize>> = (0..3000).map(|i| Some(i % 3)).collect();
        let whole = silhouette(x.view(), &labels, 3000, 1).unwrap();
        let part = silhouette(x.view(), &labels, 1000, 1).unwrap();
        assert_eq!((whole.n, part.n), (3000, 1000));
        assert!((whole.mean - part.mean).abs() < 4.0 * part.standard_error, "{whole:?} {part:?}");
        assert_eq!(silhouette(x.view(), &labels, 1000, 1), Some(part));
        assert_ne!(silhouette(x.view(), &labels, 1000, 2), Some(part));
    }
}
