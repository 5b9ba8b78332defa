//! The silhouette of Rousseeuw (1987) by exact distances.

use super::Groups;
use super::total::total;
use crate::cluster::distances::{Frame, Tiles};
use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

/// A mean silhouette and how far it can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Silhouette {
    /// Mean over the rows measured, -1 to 1.
    pub mean: f64,
    /// Standard error of the mean if the rows are customers drawn from a larger population: the standard deviation of the
    /// rows' values divided by the square root of their number, with what a sample of the rows to compare with adds.
    pub standard_error: f64,
    /// Half of the 95 % confidence interval for the mean over all rows with a cluster; 0 where all were measured.
    pub half_width: f64,
    /// Number of rows measured.
    pub n: usize,
}

impl Silhouette {
    /// The mean of the values of a whole clustering, as the functions of this module return them per row; `None` if there
    /// is none. With `weights` a row counts as so many.
    ///
    /// # Panics
    /// If `samples` and `weights` differ in length.
    pub fn of(samples: &[Option<f64>], weights: Option<&[f64]>) -> Option<Self> {
        assert!(weights.is_none_or(|weights| weights.len() == samples.len()), "one weight per row");
        let weight = |row: usize| weights.map_or(1.0, |weights| weights[row]);
        let measured = || samples.iter().enumerate().filter_map(|(row, width)| Some((weight(row), (*width)?)));
        let n = measured().count();
        if n == 0 {
            return None;
        }
        let mass = total(measured().map(|(weight, _)| weight));
        let mean = total(measured().map(|(weight, width)| weight * width)) / mass;
        let squares = total(measured().map(|(weight, width)| weight * (width - mean) * (width - mean)));
        let variance = if mass > 1.0 { squares / (mass - 1.0) } else { 0.0 };
        Some(Self { mean, standard_error: (variance / mass).sqrt(), half_width: 0.0, n })
    }
}

/// The mean over the rows of every cluster, by its number; `None` for one without a measured row.
///
/// # Panics
/// If `samples` and `labels` differ in length.
pub fn silhouette_by_cluster(samples: &[Option<f64>], labels: &[Option<usize>]) -> Vec<Option<Silhouette>> {
    assert_eq!(samples.len(), labels.len(), "one label per row");
    let mut of_clusters: Vec<Vec<Option<f64>>> = Vec::new();
    for (sample, label) in samples.iter().zip(labels) {
        if let Some(cluster) = *label {
            if of_clusters.len() <= cluster {
                of_clusters.resize(cluster + 1, Vec::new());
            }
            of_clusters[cluster].push(*sample);
        }
    }
    of_clusters.iter().map(|samples| Silhouette::of(samples, None)).collect()
}

/// The silhouette of every row with a cluster, by exact Euclidean distances to all others (Rousseeuw 1987):
/// `(b - a) / max(a, b)`, where `a` is the mean distance to the other rows of the own cluster and `b` the least mean
/// distance to another cluster. A row alone in its cluster has 0 (Rousseeuw 1987, section 2), and so has one with
/// `a = b = 0`. `None` for rows without a cluster; `None` altogether with fewer than two clusters or where a value of a
/// row with a cluster is not finite. Time grows with the square of the rows; memory is eight bytes per row and cluster.
///
/// Every distance is wrong by at most the factor `1 ± (d / 2 + 3) 2^-24`, `d` features, and by `2^-29` of the diagonal `D` of
/// the box that holds all rows. The silhouette changes by at most as much as `ln a` and `ln b` together, so it is wrong by
/// less than `(d + 6) 2^-24 + 2^-28 D / max(a, b)`, the rest being of second order: for eight features `8.4e-7`, and `3.8e-8` more where the diagonal
/// is ten times the mean distance. The same bits at any number of threads, on any processor and in any order of rows.
///
/// # Panics
/// If `x` (rows × features) and `labels` differ in length.
pub fn silhouette_samples(x: ArrayView2<f64>, labels: &[Option<usize>]) -> Option<Vec<Option<f64>>> {
    let groups = Groups::new(x, labels)?;
    let frame = Frame::new(x, groups.rows.iter().flatten().copied())?;
    let sizes: Vec<f64> = groups.rows.iter().map(|rows| rows.len() as f64).collect();
    let sums = Tiles::new(x, &groups.rows, &frame).within();
    let of = |own: usize, rows: &[usize]| rows.iter().map(move |&row| (row, own)).collect::<Vec<_>>();
    let rows: Vec<(usize, usize)> = groups.rows.iter().enumerate().flat_map(|(own, rows)| of(own, rows)).collect();
    let widths = sums.map(|place, sums| {
        let own = rows[place].1;
        width(own, sums, |cluster| sizes[cluster] - f64::from(u8::from(cluster == own)))
    });
    let mut samples = vec![None; x.nrows()];
    rows.iter().zip(widths).for_each(|((row, _), width)| samples[*row] = Some(width));
    Some(samples)
}

/// `(b - a) / max(a, b)` from the `sums` of distances to every cluster and the number of customers in each that were
/// compared with, of which oneself is none.
pub(super) fn width(own: usize, sums: &[f64], others: impl Fn(usize) -> f64) -> f64 {
    let alone = others(own) <= 0.0;
    let mean = |cluster: usize| sums[cluster] / others(cluster);
    let b = (0..sums.len()).filter(|&cluster| cluster != own).map(mean).fold(f64::INFINITY, f64::min);
    if alone { 0.0 } else { ratio(mean(own), b) }
}

/// `(b - a) / max(a, b)`, and 0 where both are 0.
pub(super) fn ratio(a: f64, b: f64) -> f64 {
    if a.max(b) > 0.0 { (b - a) / a.max(b) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{close, some};
    use super::*;
    use ndarray::{Array2, array};
    use proptest::prelude::*;

    /// The definition in `f64`.
    fn definition(x: &Array2<f64>, labels: &[Option<usize>]) -> Vec<Option<f64>> {
        let clusters = labels.iter().flatten().max().map_or(0, |last| last + 1);
        let one = |i: usize| {
            let own = labels[i]?;
            let mut sums = vec![(0.0, 0.0); clusters];
            for (j, label) in labels.iter().enumerate().filter(|&(j, _)| j != i) {
                let distance = (&x.row(i) - &x.row(j)).mapv(|d| d * d).sum().sqrt();
                label.iter().for_each(|&c| sums[c] = (sums[c].0 + distance, sums[c].1 + 1.0));
            }
            let mean = |c: usize| sums[c].0 / sums[c].1;
            let b = (0..clusters).filter(|&c| c != own && sums[c].1 > 0.0).map(mean).fold(f64::INFINITY, f64::min);
            Some(if sums[own].1 == 0.0 { 0.0 } else { ratio(mean(own), b) })
        };
        (0..x.nrows()).map(one).collect()
    }

    #[test]
    fn a_singleton_has_silhouette_zero() {
        let x = array![[0.0, 0.0], [0.1, 0.0], [10.0, 0.0]];
        let samples = silhouette_samples(x.view(), &some(&[0, 0, 1])).unwrap();
        close(Silhouette::of(&samples, None).unwrap().mean, 0.659_966_33);
        let samples = silhouette_samples(array![[0.0], [0.1], [1.0]].view(), &some(&[0, 0, 1])).unwrap();
        close(samples[0].unwrap(), 0.9);
        close(samples[1].unwrap(), 8.0 / 9.0);
        assert_eq!(samples[2], Some(0.0));
    }

    #[test]
    fn undefined_is_none_and_noise_is_left_out() {
        let x = array![[0.0], [1.0], [8.0], [9.0], [500.0]];
        assert_eq!(silhouette_samples(x.view(), &some(&[3, 3, 3, 3, 3])), None);
        assert_eq!(silhouette_samples(x.view(), &[None; 5]), None);
        let noisy = [Some(0), Some(0), Some(4), Some(4), None];
        let four = silhouette_samples(x.slice(ndarray::s![..4, ..]), &some(&[0, 0, 1, 1])).unwrap();
        let mut found = silhouette_samples(x.view(), &noisy).unwrap();
        let by_cluster = silhouette_by_cluster(&found, &noisy);
        assert_eq!(by_cluster.iter().map(|c| c.map(|c| c.n)).collect::<Vec<_>>(), [Some(2), None, None, None, Some(2)]);
        // a = 1, b = 8.5 and 7.5 on either side.
        close(by_cluster[4].unwrap().mean, (2.0 - 1.0 / 7.5 - 1.0 / 8.5) / 2.0);
        assert_eq!(found.pop(), Some(None));
        assert_eq!(found, four);
        let same = Array2::from_elem((4, 2), 7.3);
        assert_eq!(silhouette_samples(same.view(), &some(&[0, 0, 1, 1])).unwrap(), [Some(0.0); 4]);
        let broken = array![[0.0], [f64::NAN], [8.0], [9.0]];
        assert_eq!(silhouette_samples(broken.view(), &some(&[0, 0, 1, 1])), None);
        assert!(silhouette_samples(broken.view(), &[Some(0), None, Some(1), Some(1)]).is_some());
    }

    #[test]
    fn extreme_sizes_change_nothing() {
        let x = Array2::from_shape_fn((60, 3), |(i, j)| ((i * 37 + j * 11) % 101) as f64 / 7.0 + (i % 3) as f64 * 5.0);
        let labels: Vec<Option<usize>> = (0..60).map(|i| Some(i % 3)).collect();
        let expected = definition(&x, &labels);
        for (factor, shift, tolerance) in
            [(1e250, 0.0, 1e-6), (1e-200, 0.0, 1e-6), (1.0, 1e9, 1e-5), (1e-3, -4e4, 1e-6)]
        {
            let moved = x.mapv(|v| v * factor + shift);
            let found = silhouette_samples(moved.view(), &labels).unwrap();
            for (found, expected) in found.iter().zip(&expected) {
                assert!(
                    (found.unwrap() - expected.unwrap()).abs() < tolerance,
                    "{found:?} {expected:?} {factor} {shift}"
                );
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn the_error_bound_holds_and_no_order_changes_a_bit(
            rows in 3_usize..420, width in 1_usize..20, clusters in 2_usize..7, seed in 0_u64..1000, on_grid: bool
        ) {
            use rand::{Rng, SeedableRng, seq::SliceRandom};
            let mut rng = rand_xoshiro::Xoshiro256PlusPlus::seed_from_u64(seed);
            let mut labels: Vec<Option<usize>> =
                (0..rows).map(|_| Some(rng.gen_range(0..clusters)).filter(|_| rng.gen_range(0..9) > 0)).collect();
            (labels[0], labels[1]) = (Some(0), Some(1));
            let x = Array2::from_shape_fn((rows, width), |(row, feature)| {
                let centre = labels[row].map_or(0.0, |c| ((c * 7 + feature * 3) % 5) as f64);
                let value = 3.7 + centre * 0.6 + rng.gen_range(-1.0..1.0_f64).powi(3) * 4.0;
                if on_grid { (value * 65536.0).round() / 65536.0 } else { value }
            });
            let found = silhouette_samples(x.view(), &labels).unwrap();
            // The diagonal is far below a hundred times any mean distance here.
            let bound = (width as f64 + 6.0) * 2.0_f64.powi(-24) + 100.0 * 2.0_f64.powi(-28);
            for (found, expected) in found.iter().zip(definition(&x, &labels)) {
                prop_assert_eq!(found.is_some(), expected.is_some());
                if let (Some(found), Some(expected)) = (found, expected) {
                    prop_assert!((found - expected).abs() <= bound, "{} {}", found, expected);
                }
            }
            let threads = rayon::ThreadPoolBuilder::new().num_threads(5).build().unwrap();
            prop_assert_eq!(threads.install(|| silhouette_samples(x.view(), &labels)).unwrap(), found.clone());
            let mut order: Vec<usize> = (0..rows).collect();
            order.shuffle(&mut rng);
            let shuffled: Vec<Option<usize>> = order.iter().map(|&row| labels[row].map(|c| clusters - c)).collect();
            let again = silhouette_samples(x.select(ndarray::Axis(0), &order).view(), &shuffled).unwrap();
            for (at, &row) in order.iter().enumerate() {
                prop_assert_eq!(found[row].map(f64::to_bits), again[at].map(f64::to_bits));
            }
            prop_assert_eq!(Silhouette::of(&found, None), Silhouette::of(&again, None));
        }
    }
}
