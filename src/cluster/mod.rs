//! Which customers are alike: from points in model space to [`Prototypes`].
//!
//! A [`Clusterer`] holds hyperparameters and returns labelled points; only those points assign customers, so the labels
//! of the training data and of a customer scored next year follow one rule.
//!
//! # Adding an algorithm
//!
//! 1. Write `src/cluster/<name>.rs`: a struct of public hyperparameters (`Serialize`, `Deserialize`, `JsonSchema`,
//!    `Default`) with scikit-learn's names, `impl Clusterer`, and the doc sections *How it works*, *What does it mean to
//!    belong?* and *Choosing its parameters*.
//! 2. Here: one `mod` line, one variant of [`Algorithm`], one arm in `Algorithm::inner` and one in [`Algorithm::name`].
//! 3. In `tests/it/clusterers.rs`: one line in the list; the whole contract runs on it.
//!
//! # With linfa
//!
//! [`Clusterer::with_seed`] makes parameters that implement linfa's `ParamGuard` and `Fit`, and [`Prototypes`]
//! implements linfa's `PredictInplace`, so both fit into any linfa pipeline.

mod canonical;
pub mod dbscan;
pub(crate) mod distances;
pub mod floor;
pub mod hdbscan;
pub mod kdistance;
mod kernel;
pub mod kmeans;
pub mod kprototypes;
mod lloyd;
pub mod mixture;
pub mod optics;
pub mod packed;
pub mod points;
pub mod prototypes;
mod seeds;
mod sketch;
mod swaps;
mod tree;
pub mod ward;

pub(crate) use canonical::Distinct;
pub use dbscan::Dbscan;
pub use floor::Floor;
pub use hdbscan::Hdbscan;
pub use kmeans::KMeans;
pub use kprototypes::KPrototypes;
pub use mixture::GaussianMixture;
pub use optics::Optics;
pub use packed::Packed;
pub use points::Points;
pub use prototypes::{Assignment, Prototypes, squared_distance};
pub use ward::Ward;

use crate::error::{Error, Result, Warning};
use linfa::{DatasetBase, ParamGuard, traits::Fit};
use ndarray::{Array2, ArrayBase, ArrayView2, Axis, Data, Ix2};
use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An algorithm with its hyperparameters.
pub trait Clusterer: Sync {
    /// Checks the hyperparameters alone. `E0205` names the field and its bounds.
    fn check(&self) -> Result<()>;

    /// Finds the clusters of `points`. The result depends on the customers, not on the order of their rows, and on
    /// `seed`; never on the number of threads. A row of weight 2 is the same as two such rows. Every cluster holds at
    /// least one row.
    ///
    /// # Errors
    /// `E0205` for a hyperparameter out of bounds, `E0346` for values that are not finite, `E0347` for weights, `E04…`
    /// for data that cannot be clustered this way.
    fn fit_points(&self, points: Points, seed: u64) -> Result<Prototypes>;

    /// The same, with what is worrying about the fit: `W0421` where iterations ran out.
    ///
    /// # Errors
    /// Of [`Clusterer::fit_points`].
    fn fit_with_warnings(&self, points: Points, seed: u64) -> Result<(Prototypes, Vec<Warning>)> {
        Ok((self.fit_points(points, seed)?, Vec::new()))
    }

    /// Finds the clusters of `x` (customers × features), one customer per row; see [`Clusterer::fit_points`].
    ///
    /// # Errors
    /// Of [`Clusterer::fit_points`].
    fn fit(&self, x: ArrayView2<f64>, seed: u64) -> Result<Prototypes> {
        self.fit_points(x.into(), seed)
    }

    /// The same as parameters for linfa: `KMeans::default().with_seed(42).fit(&dataset)`.
    fn with_seed(self, seed: u64) -> Params<Self>
    where
        Self: Sized,
    {
        Params(ValidParams { clusterer: self, seed })
    }
}

/// Every algorithm, as the `[cluster]` section of a config names it.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Debug)]
#[serde(tag = "algorithm")]
pub enum Algorithm {
    /// See [`kmeans`].
    #[serde(rename = "kmeans")]
    KMeans(KMeans),
    /// See [`dbscan`].
    #[serde(rename = "dbscan")]
    Dbscan(Dbscan),
    /// See [`mixture`].
    #[serde(rename = "gaussian_mixture")]
    GaussianMixture(GaussianMixture),
    /// See [`kprototypes`].
    #[serde(rename = "kprototypes")]
    KPrototypes(KPrototypes),
    /// See [`ward`].
    #[serde(rename = "ward")]
    Ward(Ward),
    /// See [`hdbscan`].
    #[serde(rename = "hdbscan")]
    Hdbscan(Hdbscan),
    /// See [`optics`].
    #[serde(rename = "optics")]
    Optics(Optics),
}

impl Algorithm {
    fn inner(&self) -> &dyn Clusterer {
        match self {
            Algorithm::KMeans(a) => a,
            Algorithm::Dbscan(a) => a,
            Algorithm::GaussianMixture(a) => a,
            Algorithm::KPrototypes(a) => a,
            Algorithm::Ward(a) => a,
            Algorithm::Hdbscan(a) => a,
            Algorithm::Optics(a) => a,
        }
    }

    /// The same for a resample of the customers: with few starts where there are any, for greedy seeds need few.
    #[must_use]
    pub fn for_resamples(&self) -> Self {
        const STARTS: usize = 3;
        const SWAPS: usize = 6;
        match self {
            Algorithm::KMeans(a) => {
                Algorithm::KMeans(KMeans { n_starts: a.n_starts.min(STARTS), swaps: a.swaps.min(SWAPS), ..a.clone() })
            }
            Algorithm::GaussianMixture(a) => {
                Algorithm::GaussianMixture(GaussianMixture { n_init: a.n_init.min(STARTS), ..a.clone() })
            }
            Algorithm::KPrototypes(a) => {
                Algorithm::KPrototypes(KPrototypes { n_starts: a.n_starts.min(STARTS), ..a.clone() })
            }
            Algorithm::Dbscan(_) | Algorithm::Hdbscan(_) | Algorithm::Optics(_) | Algorithm::Ward(_) => self.clone(),
        }
    }

    /// Every hyperparameter that is set, by name, as text.
    pub fn parameters(&self) -> Vec<(String, String)> {
        let Ok(serde_json::Value::Object(all)) = serde_json::to_value(self) else { return Vec::new() };
        let known = |(name, value): &(String, serde_json::Value)| {
            !value.is_null() && !matches!(name.as_str(), "algorithm" | "implementation")
        };
        all.into_iter()
            .filter(known)
            .map(|(name, value)| (name, value.as_str().map_or_else(|| value.to_string(), String::from)))
            .collect()
    }

    /// The name in the config.
    pub fn name(&self) -> &'static str {
        match self {
            Algorithm::KMeans(_) => "kmeans",
            Algorithm::Dbscan(_) => "dbscan",
            Algorithm::GaussianMixture(_) => "gaussian_mixture",
            Algorithm::KPrototypes(_) => "kprototypes",
            Algorithm::Ward(_) => "ward",
            Algorithm::Hdbscan(_) => "hdbscan",
            Algorithm::Optics(_) => "optics",
        }
    }
}

/// A fit and what is worrying about it.
pub type WithWarnings = Result<(Prototypes, Vec<Warning>)>;

/// Fits the same points with several hyperparameters of one algorithm, as [`Clusterer::fit_with_warnings`] would one after
/// the other, but does once what they share: k-means packs the points once, Ward builds its hierarchy once and cuts
/// it.
///
/// Fits are made as they are asked for.
///
/// # Errors
/// What is wrong with the points where that is looked at for all; every fit has its own errors.
pub fn fit_each<'a, 'p: 'a>(
    algorithms: &'a [Algorithm],
    points: Points<'p>,
    seed: u64,
) -> Result<Box<dyn Iterator<Item = WithWarnings> + 'a>> {
    let alone = move |algorithm: &Algorithm| algorithm.fit_with_warnings(points, seed);
    Ok(match algorithms {
        [Algorithm::KMeans(_), ..] => {
            let packed = Packed::new(points)?;
            Box::new(algorithms.iter().map(move |algorithm| match algorithm {
                Algorithm::KMeans(a) => a.fit_packed_with_warnings(&packed, seed),
                other => alone(other),
            }))
        }
        [Algorithm::Ward(first), ..] => {
            let hierarchy = first.hierarchy(points, seed)?;
            Box::new(algorithms.iter().map(move |algorithm| match algorithm {
                Algorithm::Ward(a) if a.micro_clusters == first.micro_clusters => {
                    Ok((a.cut(&hierarchy)?.into(), Vec::new()))
                }
                other => alone(other),
            }))
        }
        _ => Box::new(algorithms.iter().map(alone)),
    })
}

impl Clusterer for Algorithm {
    fn check(&self) -> Result<()> {
        self.inner().check()
    }

    fn fit_points(&self, points: Points, seed: u64) -> Result<Prototypes> {
        self.inner().fit_points(points, seed)
    }

    fn fit_with_warnings(&self, points: Points, seed: u64) -> Result<(Prototypes, Vec<Warning>)> {
        self.inner().fit_with_warnings(points, seed)
    }
}

/// Who computes an algorithm.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, PartialEq, Eq, Debug, Default)]
#[serde(rename_all = "lowercase")]
pub enum Implementation {
    /// This crate.
    #[default]
    Ilk,
    /// The crate linfa-clustering: slower, the reference that ours is held against.
    Linfa,
}

impl Implementation {
    /// The name in the config.
    pub fn name(self) -> &'static str {
        match self {
            Implementation::Ilk => "ilk",
            Implementation::Linfa => "linfa",
        }
    }
}

/// Unchecked parameters for linfa; see [`Clusterer::with_seed`].
#[derive(Debug, Clone, PartialEq)]
pub struct Params<C>(ValidParams<C>);

/// Checked parameters for linfa.
#[derive(Debug, Clone, PartialEq)]
pub struct ValidParams<C> {
    clusterer: C,
    seed: u64,
}

impl<C: Clusterer> ParamGuard for Params<C> {
    type Checked = ValidParams<C>;
    type Error = Error;

    fn check_ref(&self) -> Result<&Self::Checked> {
        self.0.clusterer.check()?;
        Ok(&self.0)
    }

    fn check(self) -> Result<Self::Checked> {
        self.check_ref()?;
        Ok(self.0)
    }
}

impl<C: Clusterer, D: Data<Elem = f64>, T> Fit<ArrayBase<D, Ix2>, T, Error> for ValidParams<C> {
    type Object = Prototypes;

    fn fit(&self, dataset: &DatasetBase<ArrayBase<D, Ix2>, T>) -> Result<Prototypes> {
        // linfa keeps an empty array where no weights were given.
        let weights = dataset.weights().filter(|weights| !weights.is_empty());
        let weights: Option<Vec<f64>> = weights.map(|weights| weights.iter().map(|&w| f64::from(w)).collect());
        let points = Points { weights: weights.as_deref(), ..dataset.records.view().into() };
        self.clusterer.fit_points(points, self.seed)
    }
}

impl From<linfa::Error> for Error {
    fn from(error: linfa::Error) -> Self {
        Error::new("E0499", format!("linfa could not use these data: {error}"))
    }
}

/// The error of a hyperparameter out of bounds.
pub(crate) fn out_of_bounds(field: &str, value: impl std::fmt::Display, bounds: &str, help: &str) -> Error {
    Error::new("E0205", format!("`{field} = {value}` is out of bounds: it must be {bounds}")).help(help)
}

/// The warning of iterations that ran out: of `stopped` among `starts`, and whether of the best too.
fn not_converged(stopped: usize, starts: usize, converged: bool, bound: usize) -> Option<Warning> {
    if stopped == 0 && converged {
        return None;
    }
    let best = if converged { "the best start converged" } else { "the best did not converge either" };
    Some(
        Warning::new("W0421", format!("{stopped} of {starts} starts hit {bound} iterations; {best}"))
            .why("a start that was cut short may have ended in better segments")
            .help("features that set customers apart more clearly, or fewer segments"),
    )
}

/// One stream of random numbers per purpose: streams of one seed are independent of each other and of the order in
/// which they are used.
pub(crate) fn stream(seed: u64, number: u64) -> Xoshiro256PlusPlus {
    // The odd constant (2^64 / golden ratio) spreads consecutive numbers over all bits.
    Xoshiro256PlusPlus::seed_from_u64(seed.rotate_left(32) ^ number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15))
}

/// The rows in lexicographic order, duplicates kept, in C order and without negative zeros; what follows cannot depend
/// on the order in which rows came.
fn sorted_rows(x: ArrayView2<f64>) -> Array2<f64> {
    let x = x.mapv(|v| v + 0.0);
    let mut order: Vec<usize> = (0..x.nrows()).collect();
    // Rows that compare equal are equal in every bit, so an unstable sort is enough.
    order.sort_unstable_by(|&a, &b| lexicographic(x.row(a).iter(), x.row(b).iter()));
    x.select(Axis(0), &order)
}

/// Order by the first value that differs.
fn lexicographic<'a>(a: impl Iterator<Item = &'a f64>, b: impl Iterator<Item = &'a f64>) -> std::cmp::Ordering {
    a.zip(b).map(|(a, b)| a.total_cmp(b)).find(|o| o.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn rows_are_sorted_whatever_the_sign_of_zero() {
        let sorted = sorted_rows(array![[0.0, 1.0], [-0.0, 1.0], [-0.0, 2.0], [0.0, 0.0], [-1.0, 5.0]].view());
        assert_eq!(sorted, array![[-1.0, 5.0], [0.0, 0.0], [0.0, 1.0], [0.0, 1.0], [0.0, 2.0]]);
    }

    #[test]
    fn an_algorithm_reads_and_writes_its_config() {
        let read: Algorithm = serde_json::from_str(r#"{"algorithm":"kmeans","n_clusters":3}"#).unwrap();
        let expected = Algorithm::KMeans(KMeans { n_clusters: 3, ..KMeans::default() });
        assert_eq!(read, expected);
        let text = serde_json::to_string(&read).unwrap();
        assert_eq!(serde_json::from_str::<Algorithm>(&text).unwrap(), expected);
        assert!(text.contains(r#""algorithm":"kmeans""#) && text.contains(r#""implementation":"ilk""#), "{text}");
        assert!(serde_json::from_str::<Algorithm>(r#"{"algorithm":"dbscan","epsilon":3}"#).is_err());
    }

    #[test]
    fn parameters_are_those_that_are_set() {
        let text = |name: &str, value: &str| (name.to_string(), value.to_string());
        let dbscan = Algorithm::Dbscan(Dbscan { eps: 0.25, min_samples: 7, ..Dbscan::default() });
        assert_eq!(dbscan.parameters(), [text("eps", "0.25"), text("min_samples", "7")]);
        let mixture = Algorithm::GaussianMixture(GaussianMixture::default()).parameters();
        assert!(mixture.contains(&text("covariance_type", "full")), "{mixture:?}");
        assert!(Algorithm::Ward(Ward::default()).parameters().iter().all(|(name, _)| name != "distance_threshold"));
    }

    #[test]
    fn linfa_checks_fits_and_predicts() {
        use linfa::traits::Predict;
        let x = array![[0.0], [0.5], [9.0], [9.5]];
        let params = KMeans { n_clusters: 2, ..KMeans::default() }.with_seed(1);
        let model = params.fit(&DatasetBase::from(x.view())).unwrap();
        assert_eq!(model.predict(&x).to_vec(), [Some(0), Some(0), Some(1), Some(1)]);
        let bad = KMeans { n_clusters: 0, ..KMeans::default() }.with_seed(1);
        assert_eq!(bad.fit(&DatasetBase::from(x.view())).unwrap_err().code(), "E0205");
    }

    #[test]
    fn fits_that_share_work_are_those_made_alone() {
        use rand::Rng;
        let mut rng = stream(2, 0);
        let x = Array2::from_shape_fn((300, 2), |(row, _)| (row % 4) as f64 * 5.0 + rng.gen_range(-1.0..1.0));
        let ward = |n_clusters, micro_clusters| Algorithm::Ward(Ward { n_clusters, micro_clusters, ..Ward::default() });
        let k_means = |n_clusters| Algorithm::KMeans(KMeans { n_clusters, n_starts: 3, ..KMeans::default() });
        let mixed = vec![k_means(3), ward(3, 2000), k_means(301), k_means(0), k_means(2)];
        for algorithms in [mixed, vec![ward(4, 2000), ward(2, 2000), ward(3, 50), ward(301, 2000), k_means(4)]] {
            let each: Vec<_> = fit_each(&algorithms, x.view().into(), 9).unwrap().collect();
            assert_eq!(each.len(), algorithms.len());
            for (shared, algorithm) in each.into_iter().zip(&algorithms) {
                match (shared, algorithm.fit_with_warnings(x.view().into(), 9)) {
                    (Ok(shared), Ok(alone)) => assert_eq!(shared, alone),
                    (Err(shared), Err(alone)) => assert_eq!(shared.to_string(), alone.to_string()),
                    (shared, alone) => panic!("{shared:?} {alone:?}"),
                }
            }
        }
    }

    #[test]
    fn streams_differ() {
        use rand::RngCore;
        let first: Vec<u64> = (0..100).map(|i| stream(7, i).next_u64()).collect();
        let distinct: std::collections::BTreeSet<_> = first.iter().collect();
        assert_eq!(distinct.len(), 100);
        assert_ne!(stream(8, 0).next_u64(), first[0]);
    }
}
