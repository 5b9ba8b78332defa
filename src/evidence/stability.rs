//! Would other customers from the same population have shown the same clusters?

use super::indices::sample_rows;
use crate::cluster::points::Selected;
use crate::cluster::{Algorithm, Points, Prototypes, fit_each};
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rayon::prelude::*;

/// Clusterwise stability by the bootstrap (Hennig 2007; `clusterboot` of the R package fpc): per cluster of `labels`, in
/// their order, the mean over `bootstraps` resamples of the largest Jaccard similarity to a cluster found anew.
///
/// A resample draws as many rows as there are, with replacement, and keeps each drawn row once; both clusterings are
/// compared on those rows. A resample that cannot be clustered counts 0; one that has no row of a cluster does not count
/// for it. Above `max_rows` rows everything happens on one random sample of that many. Hennig's reading: 0.75 and above
/// is stable, below 0.6 is not to be trusted, 0.5 and below is dissolved.
///
/// # Panics
/// If `points` and `labels` differ in length.
pub fn clusterwise_jaccard(
    points: Points,
    labels: &[Option<usize>],
    algorithm: &Algorithm,
    bootstraps: usize,
    max_rows: usize,
    seed: u64,
) -> Vec<f64> {
    let sample = Sample::new(points, max_rows, seed);
    let found = Found { labels: sample.labels_of(labels), algorithm: algorithm.clone() };
    sample.clusterwise_jaccard(&[found], bootstraps, seed).swap_remove(0)
}

/// The customers among whom stability is measured.
pub(super) struct Sample {
    points: Selected,
    /// Their rows among all.
    rows: Vec<usize>,
    /// Number of all rows.
    of: usize,
}

/// Clusters of a sample, and the algorithm that found them.
pub(super) struct Found {
    pub(super) labels: Labels,
    pub(super) algorithm: Algorithm,
}

/// The clusters of a sample, and how many there are among all customers.
pub(super) struct Labels {
    of_sample: Vec<Option<usize>>,
    n_clusters: usize,
}

impl Sample {
    /// At most `max_rows` of the points, drawn from the seed.
    pub(super) fn new(points: Points, max_rows: usize, seed: u64) -> Self {
        let of = points.x.nrows();
        let everyone: Vec<usize> = (0..of).collect();
        let rows = sample_rows(&everyone, max_rows, seed);
        Self { points: points.select(&rows), rows, of }
    }

    /// What the labels of all customers say of the sample.
    pub(super) fn labels_of(&self, labels: &[Option<usize>]) -> Labels {
        assert_eq!(self.of, labels.len(), "one label per row");
        Labels {
            of_sample: self.rows.iter().map(|&row| labels[row]).collect(),
            n_clusters: labels.iter().flatten().max().map_or(0, |last| last + 1),
        }
    }

    /// [`clusterwise_jaccard`] of several labellings on the same resamples, by algorithms of one kind.
    pub(super) fn clusterwise_jaccard(&self, found: &[Found], bootstraps: usize, seed: u64) -> Vec<Vec<f64>> {
        if self.rows.is_empty() {
            return found.iter().map(|found| vec![0.0; found.labels.n_clusters]).collect();
        }
        let algorithms: Vec<Algorithm> = found.iter().map(|found| found.algorithm.clone()).collect();
        let of_resamples: Vec<Vec<Vec<Option<f64>>>> = (0..bootstraps as u64)
            .into_par_iter()
            .map(|number| {
                // Unlike numbers for every resample, and unlike those that chose the sample.
                let seed = seed.wrapping_add(number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
                let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
                let mut drawn: Vec<usize> = self.rows.iter().map(|_| rng.gen_range(0..self.rows.len())).collect();
                drawn.sort_unstable();
                drawn.dedup();
                let resample = self.points.points().select(&drawn);
                let mut refits = fit_each(&algorithms, resample.points(), seed).into_iter().flatten();
                let compare = |found: &Found| {
                    let Labels { of_sample, n_clusters } = &found.labels;
                    let old: Vec<Option<usize>> = drawn.iter().map(|&row| of_sample[row]).collect();
                    let refit = refits.next().and_then(Result::ok).map(|(prototypes, _)| prototypes);
                    best_jaccard(&old, *n_clusters, refit, resample.points())
                };
                found.iter().map(compare).collect()
            })
            .collect();
        let mean = |of_labels: usize, cluster: usize| {
            let values: Vec<f64> =
                of_resamples.iter().filter_map(|of_resample| of_resample[of_labels][cluster]).collect();
            if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / values.len() as f64 }
        };
        let every = |(at, found): (usize, &Found)| (0..found.labels.n_clusters).map(|c| mean(at, c)).collect();
        found.iter().enumerate().map(every).collect()
    }
}

/// Per old cluster the largest Jaccard similarity to a new one; `None` for one without rows.
fn best_jaccard(
    old: &[Option<usize>],
    n_clusters: usize,
    refit: Option<Prototypes>,
    points: Points,
) -> Vec<Option<f64>> {
    let (new, n_new): (Vec<Option<usize>>, usize) = match refit {
        Some(prototypes) => (prototypes.clusters_of(points), prototypes.n_clusters()),
        None => (vec![None; old.len()], 1),
    };
    let mut both = vec![vec![0_usize; n_new]; n_clusters];
    let (mut size_old, mut size_new) = (vec![0_usize; n_clusters], vec![0_usize; n_new]);
    for (old, new) in old.iter().zip(&new) {
        old.iter().for_each(|&o| size_old[o] += 1);
        new.iter().for_each(|&n| size_new[n] += 1);
        if let (Some(o), Some(n)) = (*old, *new) {
            both[o][n] += 1;
        }
    }
    (0..n_clusters)
        .map(|o| {
            let jaccard = |n: usize| both[o][n] as f64 / (size_old[o] + size_new[n] - both[o][n]) as f64;
            (size_old[o] > 0).then(|| (0..n_new).map(jaccard).fold(0.0, f64::max))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::{Clusterer, KMeans};
    use ndarray::{Array2, array};

    /// `groups` groups of 60 rows each, 100 apart, uniform within 1.
    fn groups(groups: usize) -> Array2<f64> {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(4);
        Array2::from_shape_fn((60 * groups, 2), |(row, _)| (row / 60) as f64 * 100.0 + rng.gen_range(0.0..1.0))
    }

    fn stability(x: &Array2<f64>, k: usize) -> Vec<f64> {
        let model = KMeans { n_clusters: k, n_starts: 3, ..KMeans::default() };
        let labels: Vec<_> = model.fit(x.view(), 1).unwrap().assign(x.view()).iter().map(|a| a.cluster).collect();
        clusterwise_jaccard(x.view().into(), &labels, &Algorithm::KMeans(model.clone()), 20, 4000, 7)
    }

    #[test]
    fn clear_groups_are_stable_and_slices_of_noise_are_not() {
        assert_eq!(stability(&groups(3), 3), [1.0, 1.0, 1.0]);
        // An even disc (a sunflower's): three slices of it can lie in any direction.
        let disc = Array2::from_shape_fn((300, 2), |(i, axis)| {
            let (radius, angle) = ((i as f64).sqrt(), i as f64 * 2.399_963);
            radius * if axis == 0 { angle.cos() } else { angle.sin() }
        });
        let sliced = stability(&disc, 3);
        assert!(sliced.iter().all(|&j| j < 0.75), "{sliced:?}");
    }

    #[test]
    fn the_order_is_that_of_the_given_labels() {
        // Three clear groups, of which the second label joins two: those two stay together in no refit with k = 3.
        let x = groups(3);
        let labels: Vec<_> = (0..180).map(|row| Some(usize::from(row < 120))).collect();
        let model = KMeans { n_clusters: 3, n_starts: 3, ..KMeans::default() };
        let found = clusterwise_jaccard(x.view().into(), &labels, &Algorithm::KMeans(model.clone()), 20, 4000, 7);
        assert_eq!(found[0], 1.0);
        assert!((0.45..0.65).contains(&found[1]), "{found:?}");
    }

    #[test]
    fn a_resample_that_cannot_be_clustered_counts_nothing() {
        let x = array![[0.0], [1.0], [2.0]];
        let model = KMeans { n_clusters: 3, ..KMeans::default() };
        let labels = [Some(0), Some(1), Some(2)];
        let found = clusterwise_jaccard(x.view().into(), &labels, &Algorithm::KMeans(model.clone()), 40, 4000, 1);
        assert!(found.iter().all(|&j| j < 0.7), "{found:?}");
    }

    #[test]
    fn the_same_seed_gives_the_same_numbers_and_the_sample_is_used() {
        let x = groups(3);
        let model = KMeans { n_clusters: 4, n_starts: 2, ..KMeans::default() };
        let labels: Vec<_> = model.fit(x.view(), 1).unwrap().assign(x.view()).iter().map(|a| a.cluster).collect();
        let run = |max_rows, seed| {
            clusterwise_jaccard(x.view().into(), &labels, &Algorithm::KMeans(model.clone()), 10, max_rows, seed)
        };
        assert_eq!(run(100, 3), run(100, 3));
        assert_ne!(run(100, 3), run(180, 3));
    }
}
