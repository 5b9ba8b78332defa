//! Indices of how far clusters spread and how far they lie apart.

use crate::cluster::squared_distance;
use ndarray::{ArrayView2, CowArray, Ix2};
use rayon::prelude::*;

/// Rows worked on together: the sums of so many whole numbers fit 64 bits.
const CHUNK: usize = 1 << 12;

/// Whole numbers that stand for values: these, times a power of two that makes the largest about `2^50`, rounded. Whole
/// numbers add up exactly, in any order.
#[derive(Debug, Clone, Copy)]
struct Unit {
    up: f64,
    down: f64,
}

impl Unit {
    /// For values up to `largest` in size, which is finite.
    fn up_to(largest: f64) -> Self {
        // Below 2^-900 nothing is left of a value.
        let exponent = (((largest.to_bits() >> 52) & 0x7ff) as i32 - 1022).max(-900);
        Self { up: 2.0_f64.powi(50 - exponent), down: 2.0_f64.powi(exponent - 50) }
    }

    #[inline]
    fn whole(self, value: f64) -> i64 {
        // Beside this number an f64 has no digits after the point, and its lowest bits are the whole number.
        const MIDDLE: f64 = 1.5 * (1_u64 << 52) as f64;
        (value * self.up + MIDDLE).to_bits().wrapping_sub(MIDDLE.to_bits()) as i64
    }

    fn value(self, whole: i128) -> f64 {
        whole as f64 * self.down
    }
}

/// The index of Davies & Bouldin (1979) with Euclidean distances: the mean over clusters of the worst
/// `(s_i + s_j) / d_ij`, `s` the mean distance to the cluster's mean and `d` the distance between means. Lower is better.
/// `None` with fewer than two clusters, when two means coincide, or where a value is not finite.
///
/// # Panics
/// If `x` (rows × features) and `labels` differ in length.
pub fn davies_bouldin(x: ArrayView2<f64>, labels: &[Option<usize>]) -> Option<f64> {
    Dispersions::new(x)?.of(labels).davies_bouldin()
}

/// The index of Calinski & Harabasz (1974): `[B / (k - 1)] / [W / (n - k)]`, between- over within-cluster squares. Higher
/// is better. `None` with fewer than two clusters, with one row per cluster, when no row differs from its mean, or where a
/// value is not finite.
///
/// # Panics
/// If `x` (rows × features) and `labels` differ in length.
pub fn calinski_harabasz(x: ArrayView2<f64>, labels: &[Option<usize>]) -> Option<f64> {
    Dispersions::new(x)?.of(labels).calinski_harabasz()
}

/// Rows whose clusters can be measured for many labellings.
#[derive(Debug)]
pub(in crate::evidence) struct Dispersions<'a> {
    x: CowArray<'a, f64, Ix2>,
    /// Of every feature.
    values: Vec<Unit>,
    distances: Unit,
    squares: Unit,
}

impl<'a> Dispersions<'a> {
    /// Of `x` (rows × features); `None` where a value is not finite.
    pub(in crate::evidence) fn new(x: ArrayView2<'a, f64>) -> Option<Self> {
        let x = CowArray::from(x);
        let x = if x.is_standard_layout() { x } else { CowArray::from(x.as_standard_layout().into_owned()) };
        let width = x.ncols();
        let none = || vec![(f64::INFINITY, f64::NEG_INFINITY); width];
        let rows = x.as_slice().unwrap_or_default();
        let bounds = rows
            .par_chunks(CHUNK * width.max(1))
            .map(|rows| {
                let mut bounds = none();
                let mut finite = true;
                for row in rows.chunks_exact(width) {
                    for ((low, high), &value) in bounds.iter_mut().zip(row) {
                        (*low, *high) = (low.min(value), high.max(value));
                        finite &= value.is_finite();
                    }
                }
                finite.then_some(bounds)
            })
            .try_reduce(none, |a, b| Some(a.iter().zip(&b).map(|(a, b)| (a.0.min(b.0), a.1.max(b.1))).collect()))?;
        let values = bounds.iter().map(|(low, high)| Unit::up_to(low.abs().max(high.abs()))).collect();
        let ranges = bounds.iter().map(|(low, high)| if low < high { high - low } else { 0.0 });
        let diagonal = ranges.map(|range| range * range).sum::<f64>();
        Some(Self { values, distances: Unit::up_to(diagonal.sqrt()), squares: Unit::up_to(diagonal), x })
            .filter(|_| diagonal.is_finite())
    }

    /// Sums over rows are exact, so no order of them changes a bit.
    ///
    /// # Panics
    /// If there is not one label per row.
    pub(in crate::evidence) fn of(&self, labels: &[Option<usize>]) -> Dispersion {
        assert_eq!(self.x.nrows(), labels.len(), "one label per row");
        let width = self.x.ncols();
        let most = labels.par_iter().with_min_len(CHUNK).map(|label| label.map_or(0, |label| label + 1)).max();
        let labelled = most.unwrap_or(0);
        let sums = self.add_up(labels, labelled, width + 1, |row, _, sums| {
            sums[0] += 1;
            sums[1..].iter_mut().zip(row).zip(&self.values).for_each(|((sum, v), unit)| *sum += unit.whole(*v));
        });
        // Numbers without a row stand for no cluster; they are left out once everything is counted.
        let counts: Vec<i128> = sums.chunks_exact(width + 1).map(|of_cluster| of_cluster[0]).collect();
        let everyone: i128 = counts.iter().sum();
        let mean = |sums: &[i128], count: i128| -> Vec<f64> {
            sums.iter().zip(&self.values).map(|(sum, unit)| unit.value(*sum) / count as f64).collect()
        };
        let means: Vec<Vec<f64>> = sums.chunks_exact(width + 1).map(|of_one| mean(&of_one[1..], of_one[0])).collect();
        let spreads = self.add_up(labels, labelled, 2, |row, cluster, sums| {
            let square = squared_distance(row, &means[cluster]);
            sums[0] += self.squares.whole(square);
            sums[1] += self.distances.whole(square.sqrt());
        });
        let mut of_all = vec![0; width];
        for of_cluster in sums.chunks_exact(width + 1) {
            of_all.iter_mut().zip(&of_cluster[1..]).for_each(|(all, sum)| *all += sum);
        }
        let inhabited: Vec<usize> = (0..labelled).filter(|&cluster| counts[cluster] > 0).collect();
        Dispersion {
            within: self.squares.value(spreads.chunks_exact(2).map(|of_cluster| of_cluster[0]).sum()),
            counts: inhabited.iter().map(|&cluster| counts[cluster] as f64).collect(),
            spreads: (inhabited.iter())
                .map(|&cluster| self.distances.value(spreads[2 * cluster + 1]) / counts[cluster] as f64)
                .collect(),
            means: inhabited.iter().map(|&cluster| means[cluster].clone()).collect(),
            centre: mean(&of_all, everyone),
        }
    }

    /// `size` whole numbers per cluster, to which `add` adds what is in a row.
    fn add_up(
        &self,
        labels: &[Option<usize>],
        clusters: usize,
        size: usize,
        add: impl Fn(&[f64], usize, &mut [i64]) + Sync,
    ) -> Vec<i128> {
        let width = self.x.ncols();
        let rows = self.x.as_slice().unwrap_or_default();
        let none = || vec![0; clusters * size];
        let chunks = rows.par_chunks(CHUNK * width.max(1)).zip(labels.par_chunks(CHUNK));
        let of_chunk = |(mut all, mut sums): (Vec<i128>, Vec<i64>), (rows, labels): (&[f64], &[Option<usize>])| {
            sums.fill(0);
            for (row, label) in rows.chunks_exact(width).zip(labels) {
                if let Some(cluster) = *label {
                    add(row, cluster, &mut sums[cluster * size..][..size]);
                }
            }
            all.iter_mut().zip(&sums).for_each(|(all, sum)| *all += i128::from(*sum));
            (all, sums)
        };
        let both = |mut a: Vec<i128>, b: Vec<i128>| {
            a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
            a
        };
        chunks.fold(|| (none(), vec![0; clusters * size]), of_chunk).map(|(all, _)| all).reduce(none, both)
    }
}

/// How far the clusters of one labelling spread; those without a row are left out.
#[derive(Debug, PartialEq)]
pub(in crate::evidence) struct Dispersion {
    /// Sum of squared distances of the rows with a cluster to its mean.
    pub(in crate::evidence) within: f64,
    /// Rows per cluster.
    counts: Vec<f64>,
    means: Vec<Vec<f64>>,
    /// Mean distance to the mean, per cluster.
    spreads: Vec<f64>,
    /// The mean of all rows with a cluster.
    centre: Vec<f64>,
}

impl Dispersion {
    /// See [`davies_bouldin`].
    pub(in crate::evidence) fn davies_bouldin(&self) -> Option<f64> {
        let k = self.means.len();
        let mut sum = 0.0;
        for i in 0..k {
            let mut worst = 0.0_f64;
            for j in (0..k).filter(|&j| j != i) {
                let apart = squared_distance(&self.means[i], &self.means[j]).sqrt();
                if apart == 0.0 {
                    return None;
                }
                worst = worst.max((self.spreads[i] + self.spreads[j]) / apart);
            }
            sum += worst;
        }
        (k >= 2).then_some(sum / k as f64).filter(|index| index.is_finite())
    }

    /// See [`calinski_harabasz`].
    pub(in crate::evidence) fn calinski_harabasz(&self) -> Option<f64> {
        let (n, k) = (self.counts.iter().sum::<f64>(), self.means.len() as f64);
        let apart = |(mean, count): (&Vec<f64>, &f64)| squared_distance(mean, &self.centre) * count;
        let between: f64 = self.means.iter().zip(&self.counts).map(apart).sum();
        let index = (between / (k - 1.0)) / (self.within / (n - k));
        (k >= 2.0 && n > k).then_some(index).filter(|index| index.is_finite())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{close, some};
    use super::*;
    use ndarray::{Array2, Axis, array};

    #[test]
    fn by_hand() {
        let x = array![[0.0], [2.0], [10.0], [14.0]];
        let labels = some(&[0, 0, 1, 1]);
        // Means 1 and 12, spreads 1 and 2, grand mean 6.5.
        close(davies_bouldin(x.view(), &labels).unwrap(), 3.0 / 11.0);
        close(calinski_harabasz(x.view(), &labels).unwrap(), 4.0 * 5.5 * 5.5 / (10.0 / 2.0));
    }

    #[test]
    fn undefined_is_none_and_noise_is_left_out() {
        let x = array![[0.0], [1.0], [8.0], [9.0], [500.0]];
        let one = some(&[3, 3, 3, 3, 3]);
        assert_eq!((davies_bouldin(x.view(), &one), calinski_harabasz(x.view(), &one)), (None, None));
        let noisy = [Some(0), Some(0), Some(4), Some(4), None];
        let (four, clean) = (x.slice(ndarray::s![..4, ..]), some(&[0, 0, 1, 1]));
        assert_eq!(davies_bouldin(x.view(), &noisy), davies_bouldin(four, &clean));
        assert_eq!(calinski_harabasz(x.view(), &noisy), calinski_harabasz(four, &clean));
        let same = array![[1.0], [1.0], [1.0], [1.0]];
        assert_eq!((davies_bouldin(same.view(), &clean), calinski_harabasz(same.view(), &clean)), (None, None));
        assert_eq!(calinski_harabasz(four, &some(&[0, 1, 2, 3])), None);
    }

    #[test]
    fn no_order_of_rows_changes_a_bit() {
        let x = Array2::from_shape_fn((300, 3), |(i, j)| ((i * 37 + j * 11) % 101) as f64 / 7.0 + 0.1);
        let labels: Vec<Option<usize>> = (0..300).map(|i| Some(i % 5)).collect();
        let order: Vec<usize> = (0..300).map(|i| i * 7 % 300).rev().collect();
        let (moved, others) = (x.select(Axis(0), &order), order.iter().map(|&row| labels[row]).collect::<Vec<_>>());
        assert_eq!(davies_bouldin(x.view(), &labels), davies_bouldin(moved.view(), &others));
        assert_eq!(calinski_harabasz(x.view(), &labels), calinski_harabasz(moved.view(), &others));
    }
}
