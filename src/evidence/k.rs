//! Choosing k: fit every one of them, measure, and let the rule of [`super::select`] decide.

use super::prediction::prediction_strength;
use super::select::{Candidate, Judgement, Measures, SelectK, judge, judge_given};
use super::stability::{Found, Sample, Stability, stability_rows};
use super::verdict::{self, Evidence, Verdict};
use crate::cluster::{Algorithm, Clusterer, Points, Prototypes, fit_each};
use crate::error::{Result, Warning};
use ndarray::{Array2, ArrayView2};

/// Times that customers are split into halves which predict each other.
const SPLITS: usize = 25;

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

/// Segments that people work with already, which a new choice stands beside.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// The version they are of.
    pub of: String,
    /// How many they are.
    pub clusters: usize,
    /// The means of today's customers by them, clusters × columns: one more start for k-means with as many.
    pub centroids: Option<Array2<f64>>,
}

impl Standing {
    /// What k-means finds from the old means; `None` for another number or algorithm.
    fn fit(&self, algorithm: &Algorithm, points: Points) -> Result<Option<Prototypes>> {
        match (algorithm, &self.centroids) {
            (Algorithm::KMeans(kmeans), Some(centroids)) if kmeans.n_clusters == centroids.nrows() => {
                kmeans.fit_from(points, centroids.view()).map(|fitted| Some(fitted.prototypes))
            }
            _ => Ok(None),
        }
    }
}

/// The chosen k and all that was seen on the way.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// Number of clusters; 1 where nothing speaks for more.
    pub k: usize,
    /// Every k tried, ascending.
    pub candidates: Vec<Candidate>,
    /// One sentence each: the chosen, the runner-up, what stood out more and was not offered.
    pub reasons: Vec<String>,
    /// No k met the conditions; this one merely stands out most.
    pub fallback: bool,
    /// How the chosen clusters come back, in their order; empty if not computed.
    pub stability: Stability,
    /// What speaks for and against clusters; `None` where all customers are equal.
    pub evidence: Option<Evidence>,
    /// What the chosen clusters are.
    pub verdict: Verdict,
    /// The chosen clusters.
    pub prototypes: Prototypes,
    /// What is worrying about their fit.
    pub warnings: Vec<Warning>,
}

/// A candidate with its clusters.
struct Swept {
    algorithm: Algorithm,
    candidate: Candidate,
    stability: Stability,
    prototypes: Prototypes,
    warnings: Vec<Warning>,
}

/// Fits and measures every number of clusters in `numbers` (ascending); those tried, and the customers of stability.
fn sweep(
    space: Space,
    template: &Template,
    numbers: &[usize],
    select: &SelectK,
    standing: Option<&Standing>,
    seed: u64,
    on_progress: &dyn Fn(usize, usize),
) -> Result<(Vec<Swept>, Sample)> {
    select.check()?;
    let algorithms: Vec<Algorithm> = numbers.iter().map(|k| template(*k)).collect();
    let total = algorithms.len();
    let sample = Sample::new(space.points, stability_rows(space.x.nrows()), seed);
    let measures = Measures::new(space, select.silhouette_sample, seed);
    let (mut swept, mut found) = (Vec::with_capacity(total), Vec::with_capacity(total));
    let fits = fit_each(&algorithms, space.points, seed)?;
    for ((k, algorithm), fit) in numbers.iter().zip(&algorithms).zip(fits) {
        let (mut prototypes, warnings) = match fit {
            Ok(fitted) => fitted,
            // More clusters than (distinct) customers: the sweep ends here.
            Err(error) if matches!(error.code(), "E0401" | "E0404") && !swept.is_empty() => break,
            Err(error) => return Err(error),
        };
        let (mut candidate, mut labels) = measures.candidate(&prototypes, *k as f64);
        if let Some(warm) = standing.map(|standing| standing.fit(algorithm, space.points)).transpose()?.flatten() {
            let (other, of_other) = measures.candidate(&warm, *k as f64);
            if other.inertia < candidate.inertia {
                (prototypes, candidate, labels) = (warm, other, of_other);
            }
        }
        let algorithm = algorithm.for_resamples();
        found.push(Found { labels: sample.labels_of(&labels), algorithm: algorithm.clone() });
        swept.push(Swept { algorithm, candidate, stability: Stability::default(), prototypes, warnings });
        // The last is done when stability is.
        on_progress(swept.len().min(total - 1), total);
    }
    for (swept, stability) in swept.iter_mut().zip(sample.bootstrap(&found, select.bootstraps, seed)) {
        swept.candidate.weigh(&stability, None, &None);
        swept.candidate.excluded = select.objections(&swept.candidate, space.x.nrows());
        swept.stability = stability;
    }
    on_progress(total, total);
    Ok((swept, sample))
}

/// The numbers of clusters that `select` allows, from 2.
fn numbers(select: &SelectK) -> Vec<usize> {
    (select.k_min.max(2)..=select.k_max).collect()
}

/// The quality of every k that `select` allows, from 2, by fitting the `template` with that k. Ends
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
    let (swept, _) = sweep(space, template, &numbers(select), select, None, seed, on_progress)?;
    Ok(swept.into_iter().map(|swept| swept.candidate).collect())
}

/// The k to offer and what it is worth, by the rules of [`super::select`] and [`super::verdict`]; the k `given`, if one is, and
/// what that costs. The number of `standing` segments stays while it is as good. Where nothing speaks for clusters and neither `given` nor `select` asks for any, k is 1. If no k meets the conditions of
/// `select`, the one that stands out most, marked as `fallback`.
///
/// # Errors
/// Those of [`sweep_k`].
pub fn choose_k(
    space: Space,
    template: &Template,
    select: &SelectK,
    given: Option<usize>,
    standing: Option<&Standing>,
    seed: u64,
    on_progress: &dyn Fn(usize, usize),
) -> Result<Choice> {
    let mut tried = numbers(select);
    if let Some(k) = given
        && let Err(place) = tried.binary_search(&k)
    {
        tried.insert(place, k);
    }
    let (mut swept, sample) = sweep(space, template, &tried, select, standing, seed, on_progress)?;
    if let Some(k) = given
        && swept.iter().all(|swept| swept.candidate.value != k as f64)
    {
        // Too few customers for so many: the fit says so.
        template(k).fit_points(space.points, seed)?;
    }
    let most_clusters = swept.iter().map(|swept| swept.candidate.clusters).max().unwrap_or(2);
    let options = verdict::Options { most_clusters, references: select.references };
    let evidence = Evidence::of(space.x, options, seed)?;
    let algorithms: Vec<Algorithm> = swept.iter().map(|swept| swept.algorithm.clone()).collect();
    let strengths = prediction_strength(sample.points(), &algorithms, SPLITS, seed);
    for (swept, strength) in swept.iter_mut().zip(strengths) {
        swept.candidate.weigh(&swept.stability, Some(strength), &evidence);
    }
    let mut candidates: Vec<Candidate> = swept.iter().map(|swept| swept.candidate.clone()).collect();
    let one_crowd = evidence.as_ref().is_some_and(Evidence::one_crowd);
    if one_crowd && given.is_none() && select.k_min < 2 {
        return everybody(space, template, select, seed, candidates, evidence);
    }
    let of_given = given.and_then(|k| candidates.iter().position(|candidate| candidate.value == k as f64));
    let Judgement { chosen, reasons, fallback } = match of_given {
        Some(chosen) => {
            Judgement { chosen, reasons: judge_given(&candidates, chosen, one_crowd, select), fallback: false }
        }
        None => judge(&candidates, select, standing),
    };
    candidates[chosen].chosen = true;
    let Swept { candidate, stability, prototypes, warnings, .. } = swept.swap_remove(chosen);
    let k = candidate.value as usize;
    let verdict = candidate.verdict.unwrap_or(Verdict::Constructive);
    Ok(Choice { k, candidates, reasons, fallback, stability, evidence, verdict, prototypes, warnings })
}

/// One cluster, as nothing speaks for more.
fn everybody(
    space: Space,
    template: &Template,
    select: &SelectK,
    seed: u64,
    mut candidates: Vec<Candidate>,
    evidence: Option<Evidence>,
) -> Result<Choice> {
    let (prototypes, warnings) = template(1).fit_with_warnings(space.points, seed)?;
    let (mut candidate, _) = Measures::new(space, select.silhouette_sample, seed).candidate(&prototypes, 1.0);
    candidate.chosen = true;
    candidate.verdict = Some(Verdict::None);
    for other in &mut candidates {
        other.verdict = Some(Verdict::None);
    }
    let judged = judge(&candidates, select, None);
    let mut reasons = vec![format!("k = 1: {}", Verdict::None.sentence())];
    reasons.extend(evidence.as_ref().map(|evidence| evidence.against(candidates[judged.chosen].value as usize)));
    candidates.insert(0, candidate);
    Ok(Choice {
        k: 1,
        candidates,
        reasons,
        fallback: false,
        stability: Stability::default(),
        evidence,
        verdict: Verdict::None,
        prototypes,
        warnings,
    })
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

    /// Four round groups of unequal size on the grid of model space, at every other corner of a cube: no feature alone and no
    /// two tell of four.
    fn four_groups(n: usize) -> Array2<f64> {
        let mut rng = rand_xoshiro::Xoshiro256PlusPlus::seed_from_u64(3);
        Array2::from_shape_fn((n, 3), |(row, column)| {
            let group = [0, 0, 1, 2, 2, 3][row % 6];
            let centre = [[0.0, 0.0, 0.0], [6.0, 6.0, 0.0], [0.0, 6.0, 6.0], [6.0, 0.0, 6.0]][group][column];
            let noise: f64 = (0..4).map(|_| rng.gen_range(-1.0..1.0)).sum();
            ((centre + noise) * 65536.0_f64).floor() / 65536.0
        })
    }

    #[test]
    fn planted_groups_are_found_and_progress_is_told() {
        let x = four_groups(600);
        let heard = RefCell::new(Vec::new());
        let choose = |given| {
            let tell = |done, of| heard.borrow_mut().push((done, of));
            choose_k(x.view().into(), &kmeans, &SelectK::default(), given, None, 42, &tell).unwrap()
        };
        let choice = choose(None);
        assert_eq!((choice.k, choice.fallback, choice.verdict), (4, false, Verdict::Natural), "{:?}", choice.reasons);
        assert!(choice.stability.clusters.len() == 4 && choice.stability.weakest().unwrap() > 0.95);
        assert_eq!(choice.candidates.iter().filter(|c| c.chosen).map(|c| c.clusters).collect::<Vec<_>>(), [4]);
        assert_eq!(choice.prototypes.n_clusters(), 4);
        assert!(choice.candidates.windows(2).all(|w| w[1].inertia < w[0].inertia));
        assert_eq!(heard.borrow()[..2], [(1, 7), (2, 7)]);
        assert_eq!(heard.borrow().last(), Some(&(7, 7)));
        assert_eq!(choose(None), choice);
        let asked = choose(Some(9));
        assert_eq!((asked.k, asked.prototypes.n_clusters(), asked.candidates.len()), (9, 9, 8));
        assert_eq!(asked.verdict, Verdict::Constructive);
        assert!(
            asked.reasons.iter().any(|r| r.starts_with("By the evidence it would be k = 4")),
            "{:?}",
            asked.reasons
        );
    }

    #[test]
    fn the_means_of_standing_segments_are_one_of_the_starts() {
        // Twenty-five groups: one start without swaps often misses one.
        let centre = |group: usize, column: usize| 6.0 * [group % 5, group / 5][column] as f64;
        let mut rng = rand_xoshiro::Xoshiro256PlusPlus::seed_from_u64(3);
        let x = Array2::from_shape_fn((750, 2), |(row, column)| {
            let value: f64 = centre(row % 25, column) + rng.gen_range(-1.5..1.5);
            (value * 65536.0).floor() / 65536.0
        });
        let template =
            |n_clusters| Algorithm::KMeans(KMeans { n_clusters, n_starts: 1, swaps: 0, ..KMeans::default() });
        let select = SelectK { k_min: 25, k_max: 25, bootstraps: 0, ..SelectK::default() };
        let inertia = |standing: Option<&Standing>, seed| {
            let (swept, _) = sweep(x.view().into(), &template, &[25], &select, standing, seed, &|_, _| {}).unwrap();
            swept[0].candidate.inertia
        };
        let standing = |clusters: usize| Standing {
            of: "2011-Q1.1".into(),
            clusters,
            centroids: Some(Array2::from_shape_fn((clusters, 2), |(group, column)| centre(group, column))),
        };
        let best = inertia(Some(&standing(25)), 0);
        let seed = (1..200).find(|&seed| inertia(None, seed) > 1.1 * best).expect("a start that misses a group");
        assert_eq!(inertia(Some(&standing(25)), seed), best);
        assert_eq!(inertia(Some(&standing(24)), seed), inertia(None, seed), "of another number");
    }

    #[test]
    fn few_distinct_customers_end_the_sweep_quietly() {
        let x = Array2::from_shape_fn((90, 1), |(row, _)| (row % 3) as f64);
        let sweep = |x: &Array2<f64>| sweep_k(x.view().into(), &kmeans, &SelectK::default(), 1, &|_, _| {});
        assert_eq!(sweep(&x).unwrap().iter().map(|c| c.clusters).collect::<Vec<_>>(), [2, 3]);
        assert_eq!(sweep(&Array2::zeros((90, 1))).unwrap_err().code(), "E0404");
    }

    #[test]
    fn even_customers_are_one_crowd_unless_segments_are_asked_for() {
        let mut rng = rand_xoshiro::Xoshiro256PlusPlus::seed_from_u64(5);
        let x = Array2::from_shape_fn((500, 3), |_| f64::from(rng.gen_range(0..65_536)) / 65_536.0);
        let choose =
            |select: &SelectK, given| choose_k(x.view().into(), &kmeans, select, given, None, 1, &|_, _| {}).unwrap();
        let choice = choose(&SelectK::default(), None);
        assert_eq!((choice.k, choice.verdict, choice.prototypes.n_clusters()), (1, Verdict::None, 1), "{choice:?}");
        assert_eq!((choice.candidates.len(), choice.candidates[0].clusters), (8, 1));
        assert!(choice.candidates[0].chosen && choice.candidates[0].silhouette.is_none());
        for choice in
            [choose(&SelectK::default(), Some(3)), choose(&SelectK { k_min: 3, k_max: 3, ..SelectK::default() }, None)]
        {
            assert_eq!(choice.k, 3);
            assert!(matches!(choice.verdict, Verdict::Constructive | Verdict::Reproducible), "{:?}", choice.verdict);
        }
    }
}
