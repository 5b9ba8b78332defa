//! Do the clusters of one half of the customers say which of the other half belong together?

use crate::cluster::{Algorithm, Points, Prototypes, fit_each, stream};
use rand::seq::SliceRandom;
use rayon::prelude::*;

/// Prediction strength (Tibshirani & Walther 2005, Journal of Computational and Graphical Statistics 14:511-528): customers
/// are split into halves at random and both are clustered; the half that is tested has, for each of its clusters, the share of pairs
/// that the clusters of the other half keep together, and the least of these shares counts. The mean over `splits` splits, each half tested by
/// the other; one number per algorithm (all of one kind). From 0.8 on the clusters are predicted well (section 3). A split with
/// a half that cannot be clustered counts 0. A customer whom the other half leaves without a cluster is apart from everyone.
pub(super) fn prediction_strength(points: Points, algorithms: &[Algorithm], splits: usize, seed: u64) -> Vec<f64> {
    let n = points.x.nrows();
    let of_split = |number: u64| -> Vec<f64> {
        let mut rng = stream(seed, number);
        let mut order: Vec<usize> = (0..n).collect();
        order.shuffle(&mut rng);
        let (a, b) = order.split_at_mut(n / 2);
        let halves = [a, b].map(|rows| {
            rows.sort_unstable();
            points.select(rows)
        });
        let fits = halves.each_ref().map(|half| fit_each(algorithms, half.points(), seed));
        let [Ok(mut first), Ok(mut second)] = fits else { return vec![0.0; algorithms.len()] };
        let one = |_: &Algorithm| {
            let (Some(Ok((a, _))), Some(Ok((b, _)))) = (first.next(), second.next()) else { return 0.0 };
            let strength = |half: Points, own: &Prototypes, other: &Prototypes| {
                kept_together(&own.clusters_of(half), &other.clusters_of(half))
            };
            (strength(halves[0].points(), &a, &b) + strength(halves[1].points(), &b, &a)) / 2.0
        };
        algorithms.iter().map(one).collect()
    };
    let of_splits: Vec<Vec<f64>> = (1..=splits as u64).into_par_iter().map(of_split).collect();
    let mean = |at: usize| of_splits.iter().map(|of_split| of_split[at]).sum::<f64>() / splits.max(1) as f64;
    (0..algorithms.len()).map(mean).collect()
}

/// The least share, over the clusters of `own` with a pair, of pairs that `other` has in one cluster too.
fn kept_together(own: &[Option<usize>], other: &[Option<usize>]) -> f64 {
    let count = |labels: &[Option<usize>]| labels.iter().flatten().max().map_or(0, |last| last + 1);
    let (n_own, n_other) = (count(own), count(other));
    let (mut both, mut sizes) = (vec![vec![0_u64; n_other]; n_own], vec![0_u64; n_own]);
    for (own, other) in own.iter().zip(other) {
        if let Some(own) = *own {
            sizes[own] += 1;
            other.iter().for_each(|&other| both[own][other] += 1);
        }
    }
    let pairs = |n: u64| (n * n.saturating_sub(1)) as f64;
    let share = |own: usize| both[own].iter().map(|&n| pairs(n)).sum::<f64>() / pairs(sizes[own]);
    (0..n_own).filter(|&own| sizes[own] > 1).map(share).fold(1.0, f64::min)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::KMeans;
    use ndarray::Array2;
    use rand::Rng;

    fn strengths(groups: usize) -> Vec<f64> {
        let mut rng = stream(4, 0);
        let x =
            Array2::from_shape_fn((100 * groups, 2), |(row, _)| (row / 100) as f64 * 50.0 + rng.gen_range(0.0..1.0));
        let kmeans = |n_clusters| Algorithm::KMeans(KMeans { n_clusters, n_starts: 3, ..KMeans::default() });
        prediction_strength(x.view().into(), &[1, 2, 3, 4, 500].map(kmeans), 5, 1)
    }

    #[test]
    fn the_right_number_is_predicted_and_slices_are_not() {
        let found = strengths(3);
        assert_eq!((found[0], found[2], found[4]), (1.0, 1.0, 0.0));
        assert!(found[3] < 0.7, "{found:?}");
        assert!(strengths(1)[3] < 0.8);
    }

    #[test]
    fn shares_of_pairs_by_hand() {
        let own = [0, 0, 0, 0, 1, 1, 2].map(Some);
        // Of six pairs of the first cluster three stay; the second stays whole; the third has no pair.
        let other = [Some(0), Some(0), Some(0), Some(1), Some(1), Some(1), Some(0)];
        assert_eq!(kept_together(&own, &other), 0.5);
        let nobody = [Some(0), Some(0), Some(0), Some(0), Some(1), None, Some(0)];
        assert_eq!(kept_together(&own, &nobody), 0.0);
        assert_eq!(kept_together(&[None, None], &[Some(0), Some(1)]), 1.0);
    }
}
