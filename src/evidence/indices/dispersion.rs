//! Indices of how far clusters spread and how far they lie apart.

use super::Groups;
use super::total::total;
use crate::cluster::squared_distance;
use ndarray::ArrayView2;

/// The index of Davies & Bouldin (1979) with Euclidean distances: the mean over clusters of the worst
/// `(s_i + s_j) / d_ij`, `s` the mean distance to the cluster's mean and `d` the distance between means. Lower is better.
/// `None` with fewer than two clusters or when two means coincide.
///
/// # Panics
/// If `x` (rows × features) and `labels` differ in length.
pub fn davies_bouldin(x: ArrayView2<f64>, labels: &[Option<usize>]) -> Option<f64> {
    let groups = Groups::new(x, labels)?;
    let (means, sizes) = groups.means(x, None);
    let sums = groups.totals(x, &means, |_, values, mean| squared_distance(values, mean).sqrt());
    let spread: Vec<f64> = sums.iter().zip(&sizes).map(|(sum, size)| sum / size).collect();
    let means: Vec<Vec<f64>> = means.rows().into_iter().map(|mean| mean.to_vec()).collect();
    let k = means.len();
    let mut worst = vec![0.0_f64; k];
    for i in 0..k {
        for j in (0..k).filter(|&j| j != i) {
            let apart = squared_distance(&means[i], &means[j]).sqrt();
            if apart == 0.0 {
                return None;
            }
            worst[i] = worst[i].max((spread[i] + spread[j]) / apart);
        }
    }
    Some(total(worst.iter().copied()) / k as f64).filter(|index| index.is_finite())
}

/// The index of Calinski & Harabasz (1974): `[B / (k - 1)] / [W / (n - k)]`, between- over within-cluster squares. Higher
/// is better. `None` with fewer than two clusters, with one row per cluster, or when no row differs from its mean.
///
/// # Panics
/// If `x` (rows × features) and `labels` differ in length.
pub fn calinski_harabasz(x: ArrayView2<f64>, labels: &[Option<usize>]) -> Option<f64> {
    let groups = Groups::new(x, labels)?;
    let (means, sizes) = groups.means(x, None);
    let (n, k) = (groups.len() as f64, groups.rows.len() as f64);
    let part = |feature: usize| means.column(feature).to_vec().into_iter().zip(sizes.clone());
    let centre: Vec<f64> =
        (0..x.ncols()).map(|feature| total(part(feature).map(|(mean, size)| mean * (size / n)))).collect();
    let apart = means.rows().into_iter().map(|mean| squared_distance(&mean.to_vec(), &centre));
    let between = total(apart.zip(&sizes).map(|(square, size)| square * size));
    let within = total(groups.scatter(x, &means, None).into_iter());
    Some((between / (k - 1.0)) / (within / (n - k))).filter(|index| index.is_finite() && n > k)
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
