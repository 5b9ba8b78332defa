//! Would other customers from the same population have shown the same clusters?

use super::indices::{adjusted_rand, sample_rows};
use super::matching::match_by_overlap;
use crate::cluster::points::Selected;
use crate::cluster::{Algorithm, Points, Prototypes, fit_each, stream};
use rand::Rng;
use rand_distr::{Distribution, Poisson};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Mean Jaccard similarity from which a cluster is stable (Hennig 2007; `clusterboot` of the R package fpc).
pub const STABLE: f64 = 0.75;

/// And up to which it is dissolved.
pub const DISSOLVED: f64 = 0.5;

/// On how many of `customers` stability is measured: all up to 5,000; then `n^0.7` (Kleiner, Talwalkar, Sarkar & Jordan 2014, section 3), from
/// 5,000 to 20,000.
pub fn stability_rows(customers: usize) -> usize {
    customers.min(libm::pow(customers as f64, 0.7).clamp(5000.0, 20_000.0) as usize)
}

/// How one cluster came back in resamples.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Recurrence {
    /// Mean over the resamples of the largest Jaccard similarity to a cluster found anew.
    pub jaccard: f64,
    /// Resamples in which that was 0.5 or less: nothing like it was there.
    pub dissolved: usize,
    /// Resamples in which that was 0.75 or more: it was there again.
    pub recovered: usize,
    /// Resamples that had a row of the cluster.
    pub resamples: usize,
}

/// How the clusters of one labelling came back.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Stability {
    /// Per cluster, in the order of the labels.
    pub clusters: Vec<Recurrence>,
    /// Mean adjusted Rand index of the partitions that two resamples make of all rows (Dolnicar & Leisch 2010), over disjoint pairs of
    /// resamples; `None` with fewer than two.
    pub agreement: Option<f64>,
}

impl Stability {
    /// The mean Jaccard similarity of the cluster that comes back worst.
    pub fn weakest(&self) -> Option<f64> {
        self.clusters.iter().map(|cluster| cluster.jaccard).min_by(f64::total_cmp)
    }
}

/// Stability by the bootstrap: per cluster of `labels` the largest Jaccard similarity to a cluster found anew (Hennig 2007;
/// `clusterboot` of the R package fpc), and how far the resamples agree among each other (Dolnicar & Leisch 2010, Marketing Letters 21:83-101).
///
/// A resample draws as many rows as there are, with replacement, and keeps each drawn row once; clusters are compared on
/// those rows. A resample that cannot be clustered counts 0; one that has no row of a cluster does not count for it. Above `max_rows`
/// rows the rows drawn are those of one random sample of that many, as often as they come among as many draws as there are rows
/// (the bag of little bootstraps, Kleiner, Talwalkar, Sarkar & Jordan 2014, Journal of the Royal Statistical Society B 76:795-816): a resample
/// then weighs what one of all rows does. Not for clusters by density, whose density would be that of the sample. Hennig's
/// reading: 0.75 and above is stable, below 0.6 is not to be trusted, 0.5 and below is dissolved.
///
/// # Panics
/// If `points` and `labels` differ in length.
pub fn bootstrap(
    points: Points,
    labels: &[Option<usize>],
    algorithm: &Algorithm,
    bootstraps: usize,
    max_rows: usize,
    seed: u64,
) -> Stability {
    let sample = Sample::new(points, max_rows, seed);
    let found = Found { labels: sample.labels_of(labels), algorithm: algorithm.clone() };
    sample.bootstrap(&[found], bootstraps, seed).swap_remove(0)
}

/// What refits of resamples make of a labelling.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Refits {
    /// How sure the cluster of every row is: the share of resamples that put it where the labelling does. `None` for rows without one.
    pub confidence: Vec<Option<f64>>,
    /// Per cluster that one resample has a row in, and per cluster that another has it in, the rows of all, summed over disjoint pairs of
    /// resamples; the last of each is none. What two refits of the same customers disagree about is the noise floor of any move between clusters.
    pub moves: Vec<Vec<u64>>,
}

/// Refits resamples (as in [`bootstrap`]) and matches their clusters to `labels` by the rows they share.
///
/// # Panics
/// If `points` and `labels` differ in length.
pub fn refits(
    points: Points,
    labels: &[Option<usize>],
    algorithm: &Algorithm,
    bootstraps: usize,
    max_rows: usize,
    seed: u64,
) -> Refits {
    let sample = Sample::new(points, max_rows, seed);
    let Labels { of_sample, n_clusters } = sample.labels_of(labels);
    let algorithms = [algorithm.clone()];
    // Per row the old cluster that the new one of the resample is; `n_clusters` for none.
    let again = |number: u64| -> Option<Vec<u32>> {
        let resample = sample.draw(number, seed);
        let mut fits = fit_each(&algorithms, resample.points(), resample.seed).into_iter().flatten();
        let Some(Ok((refit, _))) = fits.next() else { return None };
        let matched = match_by_overlap(&of_sample, &refit.clusters_of(sample.points.points()));
        let old_of = |new: usize| matched.iter().position(|&of| of == Some(new)).unwrap_or(n_clusters) as u32;
        let to_old: Vec<u32> = (0..refit.n_clusters()).map(old_of).collect();
        let none = n_clusters as u32;
        Some(refit.clusters_of(points).into_iter().map(|new| new.map_or(none, |new| to_old[new])).collect())
    };
    let places = n_clusters + 1;
    let nothing = || (vec![0_u32; labels.len()], vec![0_u64; places * places]);
    let (counts, moves) = (0..bootstraps as u64)
        .step_by(2)
        .collect::<Vec<u64>>()
        .into_par_iter()
        .fold(nothing, |(mut counts, mut moves), first| {
            let pair: Vec<Option<Vec<u32>>> = (first..(bootstraps as u64).min(first + 2)).map(again).collect();
            for found in pair.iter().flatten() {
                let agrees = labels.iter().zip(found).map(|(old, new)| *old == Some(*new as usize));
                counts.iter_mut().zip(agrees).for_each(|(count, agrees)| *count += u32::from(agrees));
            }
            if let [Some(one), Some(other)] = &pair[..] {
                one.iter().zip(other).for_each(|(a, b)| moves[*a as usize * places + *b as usize] += 1);
            }
            (counts, moves)
        })
        .reduce(nothing, |(mut counts, mut moves), (more, more_moves)| {
            counts.iter_mut().zip(more).for_each(|(a, b)| *a += b);
            moves.iter_mut().zip(more_moves).for_each(|(a, b)| *a += b);
            (counts, moves)
        });
    let share = |(label, count): (&Option<usize>, u32)| label.map(|_| f64::from(count) / bootstraps.max(1) as f64);
    Refits {
        confidence: labels.iter().zip(counts).map(share).collect(),
        moves: moves.chunks(places).map(<[u64]>::to_vec).collect(),
    }
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

    /// The sample itself.
    pub(super) fn points(&self) -> Points<'_> {
        self.points.points()
    }

    /// What the labels of all customers say of the sample.
    pub(super) fn labels_of(&self, labels: &[Option<usize>]) -> Labels {
        assert_eq!(self.of, labels.len(), "one label per row");
        Labels {
            of_sample: self.rows.iter().map(|&row| labels[row]).collect(),
            n_clusters: labels.iter().flatten().max().map_or(0, |last| last + 1),
        }
    }

    fn draw(&self, number: u64, seed: u64) -> Resample {
        // Unlike numbers for every resample, and unlike those that chose the sample.
        let seed = seed.wrapping_add(number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let mut rng = stream(seed, 0);
        let rows = self.rows.len();
        let mut counts: Vec<f64> = vec![0.0; rows];
        let little = Poisson::new(self.of as f64 / rows as f64).ok().filter(|_| self.of > rows);
        match little {
            // How often each of a sample comes among so many draws, but for their exact number.
            Some(times) => counts.iter_mut().for_each(|count| *count = times.sample(&mut rng)),
            None => (0..rows).for_each(|_| counts[rng.gen_range(0..rows)] = 1.0),
        }
        let drawn: Vec<usize> = (0..rows).filter(|&row| counts[row] > 0.0).collect();
        let weight = |&row: &usize| counts[row] * self.points().weights.map_or(1.0, |own| own[row]);
        let weights = little.map(|_| drawn.iter().map(weight).collect());
        Resample { selected: self.points().select(&drawn), weights, drawn, seed }
    }

    /// [`bootstrap`] of several labellings on the same resamples, by algorithms of one kind.
    pub(super) fn bootstrap(&self, found: &[Found], bootstraps: usize, seed: u64) -> Vec<Stability> {
        if self.rows.is_empty() || bootstraps == 0 {
            return found.iter().map(|_| Stability::default()).collect();
        }
        let algorithms: Vec<Algorithm> = found.iter().map(|found| found.algorithm.clone()).collect();
        let of_resample = |number: u64| -> Vec<Again> {
            let resample = self.draw(number, seed);
            let mut refits = fit_each(&algorithms, resample.points(), resample.seed).into_iter().flatten();
            let compare = |found: &Found| {
                let refit = refits.next().and_then(Result::ok).map(|(prototypes, _)| prototypes);
                Again::new(&found.labels, refit, self.points(), &resample.drawn)
            };
            found.iter().map(compare).collect()
        };
        // Two resamples at a time, so that what they make of all rows need not be kept.
        let of_pair = |first: u64| -> Pair {
            let pair: Vec<Vec<Again>> = (first..(bootstraps as u64).min(first + 2)).map(of_resample).collect();
            let agreement = |at: usize| match &pair[..] {
                [a, b] => Some(adjusted_rand(&a[at].labels, &b[at].labels)),
                _ => None,
            };
            let agreements = (0..found.len()).map(agreement).collect();
            Pair { resamples: pair, agreements }
        };
        let pairs: Vec<u64> = (0..bootstraps as u64).step_by(2).collect();
        let of_pairs: Vec<Pair> = pairs.into_par_iter().map(of_pair).collect();
        let stability = |(at, found): (usize, &Found)| {
            let again = of_pairs.iter().flat_map(|pair| &pair.resamples).map(|of_resample| &of_resample[at].jaccards);
            let clusters = (0..found.labels.n_clusters).map(|cluster| {
                Recurrence::of(&again.clone().filter_map(|jaccards| jaccards[cluster]).collect::<Vec<f64>>())
            });
            let agreements: Vec<f64> = of_pairs.iter().filter_map(|pair| pair.agreements[at]).collect();
            let mean = agreements.iter().sum::<f64>() / agreements.len() as f64;
            Stability { clusters: clusters.collect(), agreement: (!agreements.is_empty()).then_some(mean) }
        };
        found.iter().enumerate().map(stability).collect()
    }
}

/// Customers drawn again.
struct Resample {
    selected: Selected,
    /// What each of them stands for, where that is not what it stands for in the sample.
    weights: Option<Vec<f64>>,
    /// Their places in the sample, ascending.
    drawn: Vec<usize>,
    /// For the fits.
    seed: u64,
}

impl Resample {
    fn points(&self) -> Points<'_> {
        let points = self.selected.points();
        Points { weights: self.weights.as_deref().or(points.weights), ..points }
    }
}

impl Recurrence {
    fn of(jaccards: &[f64]) -> Self {
        let n = jaccards.len();
        Self {
            jaccard: if n > 0 { jaccards.iter().sum::<f64>() / n as f64 } else { 0.0 },
            dissolved: jaccards.iter().filter(|&&jaccard| jaccard <= DISSOLVED).count(),
            recovered: jaccards.iter().filter(|&&jaccard| jaccard >= STABLE).count(),
            resamples: n,
        }
    }
}

/// Two resamples, or a last one.
struct Pair {
    /// What they say of every labelling.
    resamples: Vec<Vec<Again>>,
    /// How far they agree, per labelling.
    agreements: Vec<Option<f64>>,
}

/// What a resample says of a labelling.
struct Again {
    /// Per old cluster the largest Jaccard similarity to a new one on the drawn rows; `None` for one without such rows.
    jaccards: Vec<Option<f64>>,
    /// The new cluster of every row of the sample.
    labels: Vec<Option<u16>>,
}

impl Again {
    fn new(old: &Labels, refit: Option<Prototypes>, points: Points, drawn: &[usize]) -> Self {
        let (new, n_new): (Vec<Option<usize>>, usize) = match refit {
            Some(prototypes) => (prototypes.clusters_of(points), prototypes.n_clusters()),
            None => (vec![None; old.of_sample.len()], 1),
        };
        let n_old = old.n_clusters;
        let mut both = vec![vec![0_usize; n_new]; n_old];
        let (mut size_old, mut size_new) = (vec![0_usize; n_old], vec![0_usize; n_new]);
        for &row in drawn {
            let (old, new) = (old.of_sample[row], new[row]);
            old.iter().for_each(|&o| size_old[o] += 1);
            new.iter().for_each(|&n| size_new[n] += 1);
            if let (Some(o), Some(n)) = (old, new) {
                both[o][n] += 1;
            }
        }
        let best = |o: usize| {
            let jaccard = |n: usize| both[o][n] as f64 / (size_old[o] + size_new[n] - both[o][n]) as f64;
            (size_old[o] > 0).then(|| (0..n_new).map(jaccard).fold(0.0, f64::max))
        };
        Self {
            jaccards: (0..n_old).map(best).collect(),
            labels: new.into_iter().map(|label| label.map(|label| label as u16)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::{Clusterer, KMeans};
    use ndarray::{Array2, array};

    /// `groups` groups of 60 rows each, 100 apart, uniform within 1.
    fn groups(groups: usize) -> Array2<f64> {
        let mut rng = stream(4, 0);
        Array2::from_shape_fn((60 * groups, 2), |(row, _)| (row / 60) as f64 * 100.0 + rng.gen_range(0.0..1.0))
    }

    fn stability(x: &Array2<f64>, k: usize) -> Vec<f64> {
        let model = KMeans { n_clusters: k, n_starts: 3, ..KMeans::default() };
        let labels: Vec<_> = model.fit(x.view(), 1).unwrap().assign(x.view()).iter().map(|a| a.cluster).collect();
        jaccards(&bootstrap(x.view().into(), &labels, &Algorithm::KMeans(model.clone()), 20, 4000, 7))
    }

    fn jaccards(stability: &Stability) -> Vec<f64> {
        stability.clusters.iter().map(|cluster| cluster.jaccard).collect()
    }

    #[test]
    fn stability_of_many_is_measured_on_a_part() {
        let rows = [10, 5000, 12_000, 200_000, 1_000_000, 10_000_000].map(stability_rows);
        assert_eq!(rows, [10, 5000, 5000, 5137, 15_848, 20_000]);
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
        let found = bootstrap(x.view().into(), &labels, &Algorithm::KMeans(model.clone()), 20, 4000, 7);
        let found = jaccards(&found);
        assert_eq!(found[0], 1.0);
        assert!((0.45..0.65).contains(&found[1]), "{found:?}");
    }

    #[test]
    fn a_resample_that_cannot_be_clustered_counts_nothing() {
        let x = array![[0.0], [1.0], [2.0]];
        let model = KMeans { n_clusters: 3, ..KMeans::default() };
        let labels = [Some(0), Some(1), Some(2)];
        let found = bootstrap(x.view().into(), &labels, &Algorithm::KMeans(model.clone()), 40, 4000, 1);
        assert!(found.clusters.iter().all(|cluster| cluster.dissolved + cluster.recovered <= cluster.resamples));
        let found = jaccards(&found);
        assert!(found.iter().all(|&j| j < 0.7), "{found:?}");
    }

    #[test]
    fn the_same_seed_gives_the_same_numbers_and_the_sample_is_used() {
        let x = groups(3);
        let model = KMeans { n_clusters: 4, n_starts: 2, ..KMeans::default() };
        let labels: Vec<_> = model.fit(x.view(), 1).unwrap().assign(x.view()).iter().map(|a| a.cluster).collect();
        let run =
            |max_rows, seed| bootstrap(x.view().into(), &labels, &Algorithm::KMeans(model.clone()), 10, max_rows, seed);
        assert_eq!(run(100, 3), run(100, 3));
        assert_ne!(run(100, 3), run(180, 3));
    }

    #[test]
    fn clear_groups_are_recovered_agree_and_are_sure() {
        let x = groups(3);
        let model = KMeans { n_clusters: 3, n_starts: 3, ..KMeans::default() };
        let labels: Vec<_> = model.fit(x.view(), 1).unwrap().assign(x.view()).iter().map(|a| a.cluster).collect();
        let algorithm = Algorithm::KMeans(model);
        let found = bootstrap(x.view().into(), &labels, &algorithm, 21, 4000, 7);
        let always = Recurrence { jaccard: 1.0, dissolved: 0, recovered: 21, resamples: 21 };
        assert_eq!(found, Stability { clusters: vec![always; 3], agreement: Some(1.0) });
        let found = refits(x.view().into(), &labels, &algorithm, 9, 4000, 7);
        assert_eq!(found.confidence, vec![Some(1.0); 180]);
        // Four pairs of nine resamples, nobody changes sides.
        let still = |place: usize| labels.iter().filter(|label| **label == Some(place)).count() as u64 * 4;
        for (from, row) in found.moves.iter().enumerate() {
            let kept: Vec<u64> = (0..row.len()).map(|to| if from == to { still(from) } else { 0 }).collect();
            assert_eq!(*row, kept);
        }
        assert_eq!(bootstrap(x.view().into(), &labels, &algorithm, 0, 4000, 7), Stability::default());
        // One group cut in two anywhere: those in the middle are the least sure.
        let one = groups(1);
        let model = KMeans { n_clusters: 2, n_starts: 1, ..KMeans::default() };
        let mut labels: Vec<_> =
            model.fit(one.view(), 1).unwrap().assign(one.view()).iter().map(|a| a.cluster).collect();
        labels[0] = None;
        let algorithm = Algorithm::KMeans(model);
        let found = refits(one.view().into(), &labels, &algorithm, 40, 4000, 7);
        // Twenty pairs of the sixty; many change sides.
        let moves: Vec<u64> = found.moves.concat();
        let still: u64 = (0..3).map(|place| found.moves[place][place]).sum();
        assert_eq!(moves.iter().sum::<u64>(), 20 * 60);
        assert!((300..1100).contains(&still), "{moves:?}");
        let sure = found.confidence;
        assert_eq!(sure[0], None);
        let sure: Vec<f64> = sure.into_iter().flatten().collect();
        assert!(sure.len() == 59 && sure.iter().any(|&s| s < 0.7) && sure.iter().any(|&s| s > 0.7), "{sure:?}");
        assert!(bootstrap(one.view().into(), &labels, &algorithm, 40, 4000, 7).agreement.unwrap() < 0.7);
    }
}
