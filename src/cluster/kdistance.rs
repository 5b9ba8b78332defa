//! The k-distance curve: where dense regions end, the natural scale for DBSCAN's `eps`.

use super::tree::{Distinct, Nearby, Tree, kth_squared};
use super::{Points, stream};
use crate::error::Result;
use ndarray::ArrayView2;
use rand::seq::SliceRandom;
use rayon::prelude::*;

/// Distances are measured from at most so many rows, drawn at random, to all rows.
const QUERIES: usize = 5000;

/// Distances from customers to their `k`-th nearest *other* customer, ascending (Ester, Kriegel, Sander & Xu 1996,
/// section 4.2). At most 5,000 customers are asked, drawn at random and independently of the order of rows. Empty if
/// `x` (rows × features) has no more than `k` rows.
///
/// # Errors
/// `E0346` for values that are not finite, `E0403` without features.
pub fn k_distances(x: ArrayView2<f64>, k: usize) -> Result<Vec<f64>> {
    let points = Points::from(x);
    points.check()?;
    let n = x.nrows();
    if n <= k {
        return Ok(Vec::new());
    }
    let distinct = Distinct::of(&points)?;
    let tree = Tree::new(&distinct.points, distinct.width);
    // Row `i` of the sorted rows is the distinct row whose running count first exceeds `i`.
    let counts: Option<Vec<f64>> = distinct.weights.as_ref().map(|weights| {
        let mut sum = 0.0;
        weights
            .iter()
            .map(|weight| {
                sum += weight;
                sum
            })
            .collect()
    });
    let row_of = |i: usize| counts.as_ref().map_or(i, |counts| counts.partition_point(|&count| count <= i as f64));
    let weights = distinct.weights_in(&tree);
    let mut order: Vec<usize> = (0..n).collect();
    order.shuffle(&mut stream(0, 0));
    let mut distances: Vec<f64> = order[..n.min(QUERIES)]
        .par_iter()
        // The row itself is among its neighbours, at distance 0.
        .map_init(
            || Nearby::new(k as f64 + 1.0),
            |nearby, &i| kth_squared(&tree, distinct.row(row_of(i)), weights.as_deref(), nearby).sqrt(),
        )
        .collect();
    distances.sort_by(f64::total_cmp);
    Ok(distances)
}

/// The knee of an ascending curve of distances: the point farthest below the straight line between its ends, both axes
/// scaled to 0…1 (Kneedle, Satopää, Albrecht, Irwin & Raghavan 2011), on the logarithm of the distances so that a few
/// far customers do not decide. Distances of 0 (customers with equal features) are left out. `None` if none is positive.
pub fn knee(ascending: &[f64]) -> Option<f64> {
    let positive = &ascending[ascending.partition_point(|&d| d <= 0.0)..];
    let (first, last) = (positive.first()?.ln(), positive.last()?.ln());
    if first == last {
        return positive.first().copied();
    }
    let steps = (positive.len() - 1) as f64;
    let below = |i: usize| i as f64 / steps - (positive[i].ln() - first) / (last - first);
    let mut best = 0;
    for i in 1..positive.len() {
        if below(i) > below(best) {
            best = i;
        }
    }
    Some(positive[best])
}

/// A positive `value` with three significant digits, as messages and configs show it; rounded up, so that a distance
/// counted as near stays near.
pub(crate) fn three_digits(value: f64) -> f64 {
    let rounded = |value: f64| format!("{value:.2e}").parse().unwrap_or(value);
    let near: f64 = rounded(value);
    if near >= value { near } else { rounded(near + 10_f64.powf(value.log10().floor() - 2.0)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};

    #[test]
    fn the_row_itself_does_not_count() {
        let x = array![[0.0], [1.0], [3.0], [7.0]];
        assert_eq!(k_distances(x.view(), 1).unwrap(), [1.0, 1.0, 2.0, 4.0]);
        assert_eq!(k_distances(x.view(), 3).unwrap(), [4.0, 6.0, 7.0, 7.0]);
        assert!(k_distances(x.view(), 4).unwrap().is_empty());
        assert_eq!(k_distances(array![[5.0], [5.0], [6.0]].view(), 1).unwrap(), [0.0, 0.0, 1.0]);
    }

    #[test]
    fn values_that_are_not_finite_are_refused() {
        assert_eq!(k_distances(array![[0.0], [f64::NAN]].view(), 1).unwrap_err().code(), "E0346");
    }

    #[test]
    fn the_knee_is_where_the_curve_turns_up() {
        let mut curve: Vec<f64> = (0..90).map(|i| 1.0 + i as f64 / 1000.0).collect();
        curve.extend((1..=10).map(|i| 1.1 * 1.5_f64.powi(i)));
        let found = knee(&curve).unwrap();
        assert!((1.08..1.7).contains(&found), "{found}");
        curve.splice(0..0, [0.0; 50]);
        assert_eq!(knee(&curve), Some(found), "zeros are left out");
        assert_eq!(knee(&[0.0, 2.0, 2.0]), Some(2.0));
        assert_eq!(knee(&[0.0, 0.0]), None);
        assert_eq!(knee(&[]), None);
    }

    #[test]
    fn sorted_input_is_no_trap() {
        let x = Array2::from_shape_fn((60_000, 1), |(i, _)| i as f64);
        assert!(k_distances(x.view(), 2).unwrap().iter().all(|&d| d == 1.0 || d == 2.0));
    }

    #[test]
    fn three_digits_are_kept_and_rounded_up() {
        assert_eq!([0.123_456, 98_765.0, 2.0, 9.999, 1.0 / 3.0].map(three_digits), [0.124, 98_800.0, 2.0, 10.0, 0.334]);
    }
}
