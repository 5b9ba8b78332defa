//! Seeds, and iterations from them to rest.

use crate::cluster::canonical::Distinct;
use crate::cluster::lexicographic;
use crate::cluster::prototypes::dissimilarity;
use rand::Rng;
use rand_xoshiro::Xoshiro256PlusPlus;
use rayon::prelude::*;

/// Rows per partial sum. Fixed, so that sums are the same at any number of threads.
const CHUNK: usize = 8192;

/// Rows as the iterations read them.
pub(super) struct Table<'a> {
    pub(super) x: &'a [f64],
    pub(super) codes: &'a [u32],
    pub(super) weights: &'a [f64],
    pub(super) width: usize,
    pub(super) nominal: usize,
    pub(super) gamma: f64,
}

/// Prototypes while they move.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Centres {
    pub(super) means: Vec<f64>,
    pub(super) modes: Vec<u32>,
    pub(super) k: usize,
}

/// Prototypes at rest, the largest cluster first.
pub(super) struct Solution {
    pub(super) centres: Centres,
    pub(super) cost: f64,
}

/// A row's nearest prototype and the distance to it.
pub(super) type Label = (usize, f64);

impl<'a> Table<'a> {
    pub(super) fn new(rows: &'a Distinct, gamma: f64) -> Self {
        Self {
            x: rows.x.as_slice().unwrap_or_default(),
            codes: rows.codes.as_slice().unwrap_or_default(),
            weights: &rows.weights,
            width: rows.x.ncols(),
            nominal: rows.codes.ncols(),
            gamma,
        }
    }

    pub(super) fn row(&self, row: usize) -> (&[f64], &[u32]) {
        (&self.x[row * self.width..][..self.width], &self.codes[row * self.nominal..][..self.nominal])
    }

    fn centre<'b>(&self, centres: &'b Centres, cluster: usize) -> (&'b [f64], &'b [u32]) {
        (&centres.means[cluster * self.width..][..self.width], &centres.modes[cluster * self.nominal..][..self.nominal])
    }

    pub(super) fn distance(&self, row: usize, to: (&[f64], &[u32])) -> f64 {
        let (x, codes) = self.row(row);
        dissimilarity(x, codes, to.0, to.1, self.gamma)
    }

    /// Every row's nearest prototype, the lowest number on a tie.
    pub(super) fn labels(&self, centres: &Centres) -> Vec<Label> {
        let nearest = |row: usize| {
            let mut best = (0, f64::INFINITY);
            for cluster in 0..centres.k {
                let distance = self.distance(row, self.centre(centres, cluster));
                if distance < best.1 {
                    best = (cluster, distance);
                }
            }
            best
        };
        (0..self.weights.len()).into_par_iter().with_min_len(512).map(nearest).collect()
    }

    fn sizes(&self, labels: &[Label], k: usize) -> Vec<f64> {
        let mut sizes = vec![0.0; k];
        labels.iter().zip(self.weights).for_each(|(label, weight)| sizes[label.0] += weight);
        sizes
    }

    /// Means and modes of all clusters; those of an empty one stay.
    pub(super) fn centres(&self, labels: &[Label], before: &Centres) -> Centres {
        let (width, nominal) = (self.width, self.nominal);
        let sizes = self.sizes(labels, before.k);
        let chunks: Vec<Vec<f64>> = (0..self.weights.len().div_ceil(CHUNK))
            .into_par_iter()
            .map(|chunk| {
                let mut sums = vec![0.0; before.k * width];
                for row in chunk * CHUNK..self.weights.len().min((chunk + 1) * CHUNK) {
                    let sums = &mut sums[labels[row].0 * width..][..width];
                    sums.iter_mut().zip(self.row(row).0).for_each(|(sum, v)| *sum += self.weights[row] * v);
                }
                sums
            })
            .collect();
        let mut sums = vec![0.0; before.k * width];
        for chunk in &chunks {
            sums.iter_mut().zip(chunk).for_each(|(sum, v)| *sum += v);
        }
        let mut after = before.clone();
        for cluster in (0..before.k).filter(|&cluster| sizes[cluster] > 0.0) {
            let mean = after.means[cluster * width..][..width].iter_mut();
            mean.zip(&sums[cluster * width..]).for_each(|(mean, sum)| *mean = sum / sizes[cluster]);
        }
        let modes: Vec<Vec<Option<u32>>> =
            (0..nominal).into_par_iter().map(|feature| self.modes(labels, before.k, feature)).collect();
        for (feature, modes) in modes.iter().enumerate() {
            for (cluster, mode) in modes.iter().enumerate() {
                if let Some(mode) = mode {
                    after.modes[cluster * nominal + feature] = *mode;
                }
            }
        }
        after
    }

    /// The level with the most weight in every cluster, the lowest on a tie; none for an empty cluster.
    fn modes(&self, labels: &[Label], k: usize, feature: usize) -> Vec<Option<u32>> {
        let mut counts: Vec<std::collections::BTreeMap<u32, f64>> = vec![Default::default(); k];
        for (row, (label, weight)) in labels.iter().zip(self.weights).enumerate() {
            *counts[label.0].entry(self.codes[row * self.nominal + feature]).or_default() += weight;
        }
        let mode = |counts: &std::collections::BTreeMap<u32, f64>| {
            let most = counts.values().fold(0.0, |most, &weight| if weight > most { weight } else { most });
            counts.iter().find(|(_, weight)| **weight == most).map(|(level, _)| *level)
        };
        counts.iter().map(mode).collect()
    }

    /// Moves the first empty cluster onto the row that lies farthest from its prototype, among clusters of two different
    /// rows or more; whether it could.
    fn fill_one(&self, centres: &mut Centres, labels: &[Label]) -> bool {
        let mut rows = vec![0; centres.k];
        labels.iter().for_each(|label| rows[label.0] += 1);
        let Some(empty) = rows.iter().position(|&rows| rows == 0) else { return false };
        let mut farthest = (None, 0.0);
        for (row, &(cluster, distance)) in labels.iter().enumerate() {
            if rows[cluster] > 1 && distance > farthest.1 {
                farthest = (Some(row), distance);
            }
        }
        let Some(row) = farthest.0 else { return false };
        let (x, codes) = self.row(row);
        centres.means[empty * self.width..][..self.width].copy_from_slice(x);
        centres.modes[empty * self.nominal..][..self.nominal].copy_from_slice(codes);
        true
    }

    /// Iterates until labels repeat or `max_iterations` ran out.
    pub(super) fn descend(&self, mut centres: Centres, max_iterations: usize) -> Solution {
        let mut iterations = 0;
        let mut labels = self.labels(&centres);
        // New numbers can move rows that lie exactly between two prototypes, so iterate and order in turns.
        for _ in 0..10 {
            loop {
                while self.fill_one(&mut centres, &labels) {
                    labels = self.labels(&centres);
                }
                if iterations >= max_iterations {
                    break;
                }
                iterations += 1;
                let next_centres = self.centres(&labels, &centres);
                let next = self.labels(&next_centres);
                let same = next.iter().zip(&labels).all(|(a, b)| a.0 == b.0);
                (centres, labels) = (next_centres, next);
                if same {
                    break;
                }
            }
            let sizes = self.sizes(&labels, centres.k);
            let mut order: Vec<usize> = (0..centres.k).collect();
            order.sort_by(|&a, &b| {
                let (a_at, b_at) = (self.centre(&centres, a), self.centre(&centres, b));
                let places = || lexicographic(a_at.0.iter(), b_at.0.iter()).then_with(|| a_at.1.cmp(b_at.1));
                sizes[b].total_cmp(&sizes[a]).then_with(places)
            });
            if order.is_sorted() {
                break;
            }
            centres = Centres {
                means: order.iter().flat_map(|&cluster| self.centre(&centres, cluster).0.to_vec()).collect(),
                modes: order.iter().flat_map(|&cluster| self.centre(&centres, cluster).1.to_vec()).collect(),
                k: centres.k,
            };
            labels = self.labels(&centres);
        }
        let cost = labels.iter().zip(self.weights).fold(0.0, |sum, (label, weight)| sum + weight * label.1);
        Solution { centres, cost }
    }

    /// Greedy k-means++ (Arthur & Vassilvitskii 2007) by the mixed distance: every further seed is the best of
    /// `2 + ln k` rows drawn with probability proportional to weight times distance to the seeds so far.
    pub(super) fn seeds(&self, k: usize, rng: &mut Xoshiro256PlusPlus) -> Centres {
        let n = self.weights.len();
        let draw = |of: &mut dyn Iterator<Item = f64>, rng: &mut Xoshiro256PlusPlus| {
            let cumulative: Vec<f64> = of
                .scan(0.0, |sum, v| {
                    *sum += v;
                    Some(*sum)
                })
                .collect();
            let total = cumulative[n - 1];
            if total > 0.0 {
                let drawn = rng.gen_range(0.0..total);
                cumulative.partition_point(|&sum| sum <= drawn).min(n - 1)
            } else {
                // Fewer distinct rows here than seeds (all of no distance to one): any; what stays empty is moved later.
                rng.gen_range(0..n)
            }
        };
        let mut seeds = vec![draw(&mut self.weights.iter().copied(), rng)];
        let mut nearest: Vec<f64> = (0..n).map(|row| self.distance(row, self.row(seeds[0]))).collect();
        let candidates = 2 + (k as f64).ln().floor() as usize;
        while seeds.len() < k {
            let mut best: Option<(f64, usize, Vec<f64>)> = None;
            for _ in 0..candidates {
                let seed = draw(&mut nearest.iter().zip(self.weights).map(|(distance, weight)| distance * weight), rng);
                let with: Vec<f64> =
                    nearest.iter().enumerate().map(|(row, old)| old.min(self.distance(row, self.row(seed)))).collect();
                let potential = with.iter().zip(self.weights).fold(0.0, |sum, (distance, w)| sum + distance * w);
                if best.as_ref().is_none_or(|best| potential < best.0) {
                    best = Some((potential, seed, with));
                }
            }
            if let Some((_, seed, with)) = best {
                seeds.push(seed);
                nearest = with;
            }
        }
        Centres {
            means: seeds.iter().flat_map(|&seed| self.row(seed).0.to_vec()).collect(),
            modes: seeds.iter().flat_map(|&seed| self.row(seed).1.to_vec()).collect(),
            k,
        }
    }
}
