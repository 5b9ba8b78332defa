//! Choosing k: fit every one of them, measure, and let the rule of [`super::select`] decide.

use super::select::{Candidate, Measures, SelectK, Verdict, judge};
use super::stability::{Found, Sample};
use crate::cluster::{Algorithm, Points, Prototypes, fit_each};
use crate::error::{Result, Warning};
use ndarray::ArrayView2;

/// Stability is measured on at most so many customers.
const STABILITY_ROWS: usize = 4000;

/// Where groups are looked for, and where they are measured.
#[derive(Debug, Clone, Copy)]
pub struct Space<'a> {
    /// What the algorithm reads.
    pub points: Points<'a>,
    /// Customers × columns of model space: distances between customers are taken here, also where the algorithm compares
    /// levels beside the numbers.
    pub x: ArrayView2<'a, f64>,
}

impl<'a> From<ArrayView2<'a, f64>> for Space<'a> {
    fn from(x: ArrayView2<'a, f64>) -> Self {
        Self { points: x.into(), x }
    }
}

/// An algorithm with a given number of clusters.
pub type Template<'a> = dyn Fn(usize) -> Algorithm + 'a;

/// The chosen k and all that was seen on the way.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// Number of clusters.
    pub k: usize,
    /// Every k tried, ascending.
    pub candidates: Vec<Candidate>,
    /// One sentence each: the chosen, the runner-up, what scored higher and was not offered.
    pub reasons: Vec<String>,
    /// No k met the conditions; this one merely has the best silhouette.
    pub fallback: bool,
    /// Clusterwise Jaccard of the chosen, in the order of its clusters; empty if not computed.
    pub stability: Vec<f64>,
    /// The chosen clusters.
    pub prototypes: Prototypes,
    /// What is worrying about their fit.
    pub warnings: Vec<Warning>,
}

/// A candidate with its clusters.
struct Swept {
    candidate: Candidate,
    stability: Vec<f64>,
    prototypes: Prototypes,
    warnings: Vec<Warning>,
}

fn sweep(
    space: Space,
    template: &Template,
    select: &SelectK,
    seed: u64,
    on_progress: &dyn Fn(usize, usize),
) -> Result<Vec<Swept>> {
    select.check()?;
    let algorithms: Vec<Algorithm> = (select.k_min..=select.k_max).map(template).collect();
    let total = algorithms.len();
    let sample = Sample::new(space.points, STABILITY_ROWS, seed);
    let measures = Measures::new(space, select.silhouette_sample, seed);
    let (mut swept, mut found) = (Vec::with_capacity(total), Vec::with_capacity(total));
    let fits = fit_each(&algorithms, space.points, seed)?;
    for ((k, algorithm), fit) in (select.k_min..).zip(&algorithms).zip(fits) {
        let (prototypes, warnings) = match fit {
            Ok(fitted) => fitted,
            // More clusters than (distinct) customers: the sweep ends here.
            Err(error) if matches!(error.code(), "E0401" | "E0404") && !swept.is_empty() => break,
            Err(error) => return Err(error),
        };
        let (candidate, labels) = measures.candidate(&prototypes, k as f64);
        found.push(Found { labels: sample.labels_of(&labels), algorithm: algorithm.for_resamples() });
        swept.push(Swept { candidate, stability: Vec::new(), prototypes, warnings });
        // The last is done when stability is.
        on_progress(swept.len().min(total - 1), total);
    }
    if select.bootstraps > 0 {
        let stability = sample.clusterwise_jaccard(&found, select.bootstraps, seed);
        for (swept, stability) in swept.iter_mut().zip(stability) {
            swept.candidate.stability = stability.iter().copied().min_by(f64::total_cmp);
            swept.stability = stability;
        }
    }
    for swept in &mut swept {
        swept.candidate.excluded = select.objections(&swept.candidate);
    }
    on_progress(total, total);
    Ok(swept)
}

/// The quality of every k from `k_min` to `k_max`, by fitting the `template` with that k. Ends
/// early when there are fewer distinct customers than clusters. `on_progress` hears the number done and the total.
///
/// # Errors
/// Those of the algorithm, and `E0205` for `select`.
pub fn sweep_k(
    space: Space,
    template: &Template,
    select: &SelectK,
    seed: u64,
    on_progress: &dyn Fn(usize, usize),
) -> Result<Vec<Candidate>> {
    Ok(sweep(space, template, select, seed, on_progress)?.into_iter().map(|swept| swept.candidate).collect())
}

/// The k to offer, by the rule of [`super::select`]: of those that meet the conditions of `select`, the smallest whose
/// silhouette is within one standard error of the best. If none meets them, the best silhouette, marked as `fallback`.
///
/// # Errors
/// Those of [`sweep_k`].
pub fn choose_k(
    space: Space,
    template: &Template,
    select: &SelectK,
    seed: u64,
    on_progress: &dyn Fn(usize, usize),
) -> Result<Choice> {
    let mut swept = sweep(space, template, select, seed, on_progress)?;
    let mut candidates: Vec<Candidate> = swept.iter().map(|swept| swept.candidate.clone()).collect();
    let Verdict { chosen, reasons, fallback } = judge(&candidates, select);
    candidates[chosen].chosen = true;
    let Swept { candidate, stability, prototypes, warnings } = swept.swap_remove(chosen);
    let k = candidate.value as usize;
    Ok(Choice { k, candidates, reasons, fallback, stability, prototypes, warnings })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::KMeans;
    use ndarray::Array2;
    use rand::{Rng, SeedableRng};
    use std::cell::RefCell;

    fn kmeans(n_clusters: usize) -> Algorithm {
        Algorithm::KMeans(KMeans { n_clusters, ..KMeans::default() })
    }

    /// Four round groups of unequal size on the grid of model space.
    fn four_groups(n: usize) -> Array2<f64> {
        let mut rng = rand_xoshiro::Xoshiro256PlusPlus::seed_from_u64(3);
        Array2::from_shape_fn((n, 2), |(row, column)| {
            let group = [0, 0, 1, 2, 2, 3][row % 6];
            let centre = [[0.0, 0.0], [6.0, 0.0], [0.0, 6.0], [6.0, 6.0]][group][column];
            let noise: f64 = (0..4).map(|_| rng.gen_range(-1.0..1.0)).sum();
            ((centre + noise) * 65536.0_f64).floor() / 65536.0
        })
    }

    #[test]
    fn planted_groups_are_found_and_progress_is_told() {
        let x = four_groups(600);
        let heard = RefCell::new(Vec::new());
        let choice = choose_k(x.view().into(), &kmeans, &SelectK::default(), 42, &|done, of| {
            heard.borrow_mut().push((done, of));
        })
        .unwrap();
        assert_eq!((choice.k, choice.fallback, choice.stability.len()), (4, false, 4));
        assert!(choice.stability.iter().all(|&s| s > 0.95), "{:?}", choice.stability);
        assert_eq!(choice.candidates.iter().filter(|c| c.chosen).map(|c| c.clusters).collect::<Vec<_>>(), [4]);
        assert_eq!(choice.prototypes.n_clusters(), 4);
        assert!(choice.candidates.windows(2).all(|w| w[1].inertia < w[0].inertia));
        assert_eq!(heard.borrow()[..2], [(1, 7), (2, 7)]);
        assert_eq!(heard.borrow().last(), Some(&(7, 7)));
        let again = choose_k(x.view().into(), &kmeans, &SelectK::default(), 42, &|_, _| {}).unwrap();
        assert_eq!(choice, again);
    }

    #[test]
    fn few_distinct_customers_end_the_sweep_quietly() {
        let x = Array2::from_shape_fn((90, 1), |(row, _)| (row % 3) as f64);
        let sweep = |x: &Array2<f64>| sweep_k(x.view().into(), &kmeans, &SelectK::default(), 1, &|_, _| {});
        assert_eq!(sweep(&x).unwrap().iter().map(|c| c.clusters).collect::<Vec<_>>(), [2, 3]);
        assert_eq!(sweep(&Array2::zeros((90, 1))).unwrap_err().code(), "E0404");
    }
}
