//! Posterior probabilities of customers, for clusters of one or several components.

use super::lanes::{LANES, Lanes, exp, ln_lanes};
use super::{BLOCK, CHUNK, Components, GROUPS, Isa, densities, fill};
use rayon::prelude::*;

/// What one block of customers comes to under a mixture whose components are grouped into clusters.
pub(in crate::cluster) struct Scores {
    /// Cluster × customer of the block: the logarithm of the cluster's density.
    logs: Vec<f64>,
    /// Cluster × customer of the block: posterior probability.
    shares: Vec<f64>,
}

impl Scores {
    /// The logarithm of the density of every cluster for one customer of the block.
    pub(in crate::cluster) fn logs(&self, row: usize) -> impl Iterator<Item = f64> {
        self.logs.chunks_exact(BLOCK).map(move |cluster| cluster[row])
    }

    /// The posterior probability of every cluster for one customer of the block; not a number where no density reaches.
    pub(in crate::cluster) fn shares(&self, row: usize) -> impl Iterator<Item = f64> {
        self.shares.chunks_exact(BLOCK).map(move |cluster| cluster[row])
    }
}

/// Scores the rows of `x` (C order, less `centre`) block by block and collects what `each` makes of every row, its
/// number in the block and the block's scores; in the order of rows. `sizes` are the numbers of components of the
/// clusters, whose components stand together.
pub(in crate::cluster) fn score<T: Send>(
    x: &[f64],
    centre: &[f64],
    components: &Components,
    sizes: &[usize],
    each: impl Fn(&[f64], usize, &Scores) -> T + Sync,
) -> Vec<T> {
    score_on(Isa::best(), x, centre, components, sizes, each)
}

pub(super) fn score_on<T: Send>(
    isa: Isa,
    x: &[f64],
    centre: &[f64],
    components: &Components,
    sizes: &[usize],
    each: impl Fn(&[f64], usize, &Scores) -> T + Sync,
) -> Vec<T> {
    let (k, width, padded) = (components.peaks.len(), components.width, components.padded);
    let (each, parts) = (&each, x.par_chunks(CHUNK * BLOCK * width));
    let results: Vec<Vec<T>> = parts
        .map(|part| {
            let mut block = vec![0.0; BLOCK * padded];
            let mut densities = vec![0.0; k * BLOCK];
            let mut scores = Scores { logs: vec![0.0; sizes.len() * BLOCK], shares: vec![0.0; sizes.len() * BLOCK] };
            let mut results = Vec::with_capacity(part.len() / width);
            for x in part.chunks(BLOCK * width) {
                fill(&mut block, x, width, padded, centre);
                match isa {
                    Isa::Any => score_block(&block, components, sizes, &mut densities, &mut scores),
                    // SAFETY: this variant is made only where the CPU was asked and has both features.
                    #[cfg(target_arch = "x86_64")]
                    Isa::Avx2Fma => unsafe {
                        score_block_avx2_fma(&block, components, sizes, &mut densities, &mut scores)
                    },
                }
                results.extend(x.chunks_exact(width).enumerate().map(|(row, x)| each(x, row, &scores)));
            }
            results
        })
        .collect();
    results.into_iter().flatten().collect()
}

/// The same scores, compiled for AVX2 and FMA.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn score_block_avx2_fma(
    values: &[f64],
    components: &Components,
    sizes: &[usize],
    densities: &mut [f64],
    scores: &mut Scores,
) {
    score_block(values, components, sizes, densities, scores);
}

#[inline(always)]
fn score_block(values: &[f64], components: &Components, sizes: &[usize], out: &mut [f64], scores: &mut Scores) {
    densities(values, components, out);
    let mut of_clusters = &*out;
    for (&size, logs) in sizes.iter().zip(scores.logs.chunks_exact_mut(BLOCK)) {
        let (own, rest) = of_clusters.split_at(size * BLOCK);
        of_clusters = rest;
        if size == 1 {
            logs.copy_from_slice(own);
            continue;
        }
        for (group, logs) in logs.chunks_exact_mut(LANES).enumerate() {
            let (largest, sum) = log_sum(own, group * LANES);
            largest.map2(ln_lanes(sum), |a, b| a + b).store(logs);
        }
    }
    for group in 0..GROUPS {
        let at = group * LANES;
        let (largest, sum) = log_sum(&scores.logs, at);
        for (logs, shares) in scores.logs.chunks_exact(BLOCK).zip(scores.shares.chunks_exact_mut(BLOCK)) {
            let share = exp(Lanes::load(&logs[at..]).map2(largest, |v, largest| v - largest));
            share.map2(sum, |share, sum| share / sum).store(&mut shares[at..]);
        }
    }
}

/// The largest of the logarithms of one group (rows of [`BLOCK`] each), and the sum of exponentials relative to it.
#[inline(always)]
fn log_sum(logs: &[f64], at: usize) -> (Lanes, Lanes) {
    let mut largest = Lanes::splat(f64::NEG_INFINITY);
    for logs in logs.chunks_exact(BLOCK) {
        largest = largest.max(Lanes::load(&logs[at..]));
    }
    let mut sum = Lanes::ZERO;
    for logs in logs.chunks_exact(BLOCK) {
        let share = exp(Lanes::load(&logs[at..]).map2(largest, |v, largest| v - largest));
        sum = sum.map2(share, |a, b| a + b);
    }
    (largest, sum)
}
