//! Are there clusters at all? Silhouettes beside those of a reference without clusters.
//!
//! The silhouette has no scale of its own: k-means cuts any skewed cloud into groups with a silhouette of .3 or .4. So the
//! customers are held against a [`Null`], and the same is done to both: as many rows, k-means with the same starts, the exact
//! silhouette of the same rows. Without clusters the customers are one more sample of the reference, so the p-values are those
//! of a permutation test (Davison & Hinkley 1997, section 4.2): they hold for any number of rows and any statistic.

use super::indices::{Silhouette, silhouette_samples};
use super::null::Null;
use super::sample;
use crate::cluster::{Distinct, KMeans, Packed, Points, out_of_bounds, stream};
use crate::error::Result;
use ndarray::ArrayView2;
use rand::RngCore;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How structure is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// The largest number of clusters tried, from 2.
    pub most_clusters: usize,
    /// Samples of the reference, at least 19.
    pub references: usize,
    /// Customers compared, at most; a sample of the reference has as many.
    pub most_rows: usize,
    /// Starts of k-means, on customers and references alike.
    pub n_starts: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { most_clusters: 8, references: 199, most_rows: 2000, n_starts: 3 }
    }
}

/// One number of clusters beside the reference.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Beside {
    /// Number of clusters.
    pub k: usize,
    /// Mean silhouette of the customers compared.
    pub silhouette: f64,
    /// Mean of the same over the samples of the reference.
    pub null_mean: f64,
    /// Standard deviation over the samples.
    pub null_deviation: f64,
    /// How many of these deviations the customers are above that mean.
    pub z: f64,
    /// Probability of such a `z` or a larger one at *any* number of clusters without structure, so no other number can lend
    /// its evidence.
    pub p: f64,
}

/// What was found at all numbers of clusters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Structure {
    /// Every number of clusters that the customers and all samples can have, ascending.
    pub tried: Vec<Beside>,
    /// Probability of the largest `z` or a larger one without structure; 1 if nothing could be tried.
    pub p: f64,
    /// Customers compared.
    pub rows: usize,
    /// Samples of the reference.
    pub references: usize,
}

impl Structure {
    /// One number of clusters.
    pub fn at(&self, k: usize) -> Option<&Beside> {
        self.tried.iter().find(|beside| beside.k == k)
    }
}

/// Holds the silhouettes of 2, 3, … clusters of `points` against those of samples of `null`. Above `most_rows` customers a
/// sample of them takes part. `z(k)` is taken with the mean and the deviation over the references; the largest `z` of every
/// reference, taken in the same way, is what p-values count.
///
/// # Errors
/// `E0205` for an option out of bounds, those of [`Points`] that are no numbers, and those of k-means.
pub fn structure(points: Points, null: &dyn Null, options: Options, seed: u64) -> Result<Structure> {
    let Options { most_clusters, references, most_rows, n_starts } = options;
    if references < 19 {
        return Err(out_of_bounds(
            "references",
            references,
            "19 or more: p-values are multiples of 1 / (references + 1)",
            "references = 199",
        ));
    }
    if most_rows < 2 {
        return Err(out_of_bounds("most_rows", most_rows, "2 or more", "most_rows = 2000"));
    }
    points.check()?;
    points.refuse_codes("a test of structure")?;
    let measure = |x: ArrayView2<f64>, seed: u64| silhouettes(x, most_clusters, n_starts, seed);
    let customers = Distinct::of(points);
    let chosen = sample::customers(&customers.weights, most_rows, &mut stream(seed, 0));
    let seen = measure(customers.select(&chosen).x.view(), stream(seed, 1).next_u64())?;
    let samples: Vec<Vec<Option<f64>>> = (0..references as u64)
        .into_par_iter()
        .map(|number| {
            let seed = stream(seed, 2 + number).next_u64();
            measure(null.draw(chosen.len(), seed).view(), seed)
        })
        .collect::<Result<_>>()?;
    let mut tried = Vec::new();
    let mut largest = vec![f64::NEG_INFINITY; references];
    for (at, seen) in seen.iter().enumerate() {
        let drawn: Option<Vec<f64>> = samples.iter().map(|sample| sample[at]).collect();
        let (Some(seen), Some(drawn)) = (*seen, drawn) else { continue };
        let mean = drawn.iter().sum::<f64>() / references as f64;
        let deviation = (drawn.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / (references as f64 - 1.0)).sqrt();
        if deviation <= 0.0 {
            continue;
        }
        let z = |silhouette: f64| (silhouette - mean) / deviation;
        largest.iter_mut().zip(&drawn).for_each(|(largest, drawn)| *largest = largest.max(z(*drawn)));
        tried.push(Beside {
            k: at + 2,
            silhouette: seen,
            null_mean: mean,
            null_deviation: deviation,
            z: z(seen),
            p: 1.0,
        });
    }
    let p = |z: f64| (1 + largest.iter().filter(|&&largest| largest >= z).count()) as f64 / (1 + references) as f64;
    tried.iter_mut().for_each(|beside| beside.p = p(beside.z));
    let least = tried.iter().map(|beside| beside.p).fold(1.0, f64::min);
    Ok(Structure { tried, p: least, rows: chosen.len(), references })
}

/// The mean silhouette of 2, 3, … clusters by k-means; `None` where there are no more different rows than clusters.
fn silhouettes(x: ArrayView2<f64>, most_clusters: usize, n_starts: usize, seed: u64) -> Result<Vec<Option<f64>>> {
    let packed = Packed::new(x.into())?;
    (2..=most_clusters)
        .map(|n_clusters| {
            if packed.distinct() <= n_clusters {
                return Ok(None);
            }
            let fitted = KMeans { n_clusters, n_starts, swaps: 0, ..KMeans::default() }.fit_packed(&packed, seed)?;
            let labels = fitted.prototypes.clusters_of(x.into());
            let widths = silhouette_samples(x, &labels);
            Ok(widths.and_then(|widths| Silhouette::of(&widths, None)).map(|silhouette| silhouette.mean))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::null::Copula;
    use super::*;
    use ndarray::{Array2, Axis};
    use rand::seq::SliceRandom;
    use rand_distr::{Distribution, StandardNormal};

    /// One or three round groups at the corners of a triangle.
    fn groups(n: usize, apart: f64, seed: u64) -> Array2<f64> {
        let mut rng = stream(seed, 0);
        Array2::from_shape_fn((n, 3), |(row, feature)| {
            let normal: f64 = StandardNormal.sample(&mut rng);
            if row % 3 == feature { apart + normal } else { normal }
        })
    }

    fn of(x: &Array2<f64>, seed: u64) -> Structure {
        let options = Options { most_clusters: 4, references: 39, ..Options::default() };
        structure(x.view().into(), &Copula::new(x.view().into()).unwrap(), options, seed).unwrap()
    }

    #[test]
    fn three_groups_are_told_from_one() {
        let found = of(&groups(600, 4.0, 1), 5);
        let at = found.at(3).unwrap();
        assert!(at.z > 10.0 && at.p == 1.0 / 40.0, "{found:?}");
        assert!(found.tried.iter().all(|beside| beside.z <= at.z));
        assert_eq!((found.rows, found.references, found.tried.len(), found.p), (600, 39, 3, 1.0 / 40.0));
        let small = (0..20).filter(|&seed| of(&groups(300, 0.0, seed), seed).p <= 0.1).count();
        // A tenth of 20, with a standard deviation of 1.3.
        assert!(small <= 6, "{small}");
    }

    #[test]
    fn threads_and_order_of_rows_change_nothing() {
        let x = groups(2500, 3.0, 2);
        let mut order: Vec<usize> = (0..2500).collect();
        order.shuffle(&mut stream(1, 1));
        let expected = of(&x, 3);
        assert_eq!(expected.rows, 2000);
        assert_eq!(of(&x.select(Axis(0), &order), 3), expected);
        let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        assert_eq!(one_thread.install(|| of(&x, 3)), expected);
    }

    #[test]
    fn too_few_different_customers_are_no_evidence() {
        let x = Array2::from_shape_fn((60, 1), |(row, _)| (row % 2) as f64);
        let found = of(&x, 1);
        assert_eq!((found.tried.len(), found.p), (0, 1.0));
        let options = Options { references: 5, ..Options::default() };
        let null = Copula::new(x.view().into()).unwrap();
        assert_eq!(structure(x.view().into(), &null, options, 1).unwrap_err().code(), "E0205");
    }
}
