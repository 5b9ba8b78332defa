//! K-means: as many round groups as you ask for, each around its mean customer.
//!
//! # How it works
//!
//! Every customer goes to the nearest of `n_clusters` centroids, every centroid moves to the mean of its customers, and
//! again until nobody moves (Lloyd 1982). This makes the sum of squared distances (the *inertia*) smaller at every step
//! but may end in a local optimum, so it starts `n_starts` times from greedy k-means++ seeds (Arthur & Vassilvitskii
//! 2007) and keeps the smallest inertia.
//!
//! The iterations are linfa's. linfa counts the old centroid as one more member and stops by a tolerance, so its
//! centroids are close to means but not means; an exact Lloyd polish of our own then goes on to the fixed point. Model
//! space is a grid of 2^-16, where sums of `f64` are exact: centroids are the same bits in any order of rows.
//!
//! Beyond 5,000 customers the starts run on a random sample of 5,000, and the three best go on with everyone.
//!
//! # What does it mean to belong?
//!
//! A customer belongs to the nearest centroid; everyone belongs somewhere, however far away. The distance tells how
//! typical a customer is, the margin to the second nearest how clear the choice was.
//!
//! # Choosing its parameters
//!
//! `n_clusters`: leave it to the sweep (`auto`) or take what your team can act on, usually three to eight. `n_starts`:
//! 20 is plenty for ten segments; raise it if two seeds give different inertias. `max_iterations`: 300 is rarely
//! reached. Features must be comparable: scaled, and skewed money and counts on a log scale.

use super::lloyd::{Solution, greedy_seeds, polish};
use super::{Clusterer, Implementation, Points, Prototypes, distinct_rows, out_of_bounds, sorted_rows, stream};
use crate::error::{Error, Result};
use linfa::{DatasetBase, traits::Fit};
use linfa_clustering::KMeansInit;
use linfa_nn::distance::L2Dist;
use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The starts run on at most so many rows.
const START_ROWS: usize = 5000;

/// So many of the best different starts go on with every row.
const FINALISTS: usize = 3;

/// Hyperparameters of k-means; see the [module](self).
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Debug)]
#[serde(default, deny_unknown_fields)]
pub struct KMeans {
    /// Number of clusters, from 1 to the number of distinct customers.
    pub n_clusters: usize,
    /// Number of starts of which the best is kept, 1 to 10,000.
    pub n_starts: usize,
    /// Upper bound on the iterations of one start, 1 to 1,000,000.
    pub max_iterations: usize,
    /// Who computes it.
    pub implementation: Implementation,
}

impl Default for KMeans {
    fn default() -> Self {
        Self { n_clusters: 5, n_starts: 20, max_iterations: 300, implementation: Implementation::default() }
    }
}

impl KMeans {
    /// Lloyd iterations by linfa from `seeds`, then our polish.
    fn descend(&self, x: ArrayView2<f64>, seeds: Array2<f64>) -> Result<Solution> {
        // With seeds given nothing is drawn from the generator, and a second run would repeat the first.
        let fitted = linfa_clustering::KMeans::params_with(seeds.nrows(), stream(0, 0), L2Dist)
            .init_method(KMeansInit::Precomputed(seeds))
            .n_runs(1)
            .max_n_iterations(self.max_iterations as u64)
            .fit(&DatasetBase::from(x));
        match fitted {
            Ok(model) => Ok(polish(x, model.centroids().clone(), self.max_iterations)),
            Err(error) => Err(Error::new("E0499", format!("linfa's k-means gave up: {error}"))),
        }
    }
}

impl Clusterer for KMeans {
    fn check(&self) -> Result<()> {
        let Self { n_clusters, n_starts, max_iterations, implementation: _ } = *self;
        if n_clusters == 0 {
            return Err(out_of_bounds("n_clusters", 0, "from 1 to the number of customers", "n_clusters = \"auto\""));
        }
        if !(1..=10_000).contains(&n_starts) {
            return Err(out_of_bounds("n_starts", n_starts, "from 1 to 10000", "n_starts = 20"));
        }
        if !(1..=1_000_000).contains(&max_iterations) {
            return Err(out_of_bounds("max_iterations", max_iterations, "from 1 to 1000000", "max_iterations = 300"));
        }
        Ok(())
    }

    fn fit_points(&self, points: Points, seed: u64) -> Result<Prototypes> {
        self.check()?;
        points.check()?;
        points.refuse_codes("k-means")?;
        let x = points.x;
        let (n, k) = (x.nrows(), self.n_clusters);
        if n < k {
            let customers = if n == 1 { "1 customer".into() } else { format!("{n} customers") };
            return Err(Error::new("E0401", format!("{customers}, n_clusters = {k}"))
                .why("a segment that people act on needs some 30 customers or more")
                .help(format!("n_clusters = {}, or more customers", (n / 30).clamp(1, k))));
        }
        let x = sorted_rows(x);
        let distinct = distinct_rows(x.view());
        if distinct < k {
            return Err(Error::new("E0404", format!("only {distinct} distinct customers by these features, k = {k}"))
                .why("customers with equal features cannot be told apart, so some segments would be empty")
                .help(format!("n_clusters = {distinct} or fewer, or more features")));
        }
        let sample = (n > START_ROWS).then(|| {
            let mut rows = rand::seq::index::sample(&mut stream(seed, 0), n, START_ROWS).into_vec();
            rows.sort_unstable();
            x.select(Axis(0), &rows)
        });
        let start_rows = sample.as_ref().unwrap_or(&x).view();
        let mut starts: Vec<Solution> = (1..=self.n_starts as u64)
            .into_par_iter()
            .map(|number| self.descend(start_rows, greedy_seeds(start_rows, k, &mut stream(seed, number))))
            .collect::<Result<_>>()?;
        // Stable, so that equal inertias keep the order of starts.
        starts.sort_by(|a, b| a.inertia.total_cmp(&b.inertia));
        if sample.is_some() {
            starts.dedup_by(|a, b| a.centroids == b.centroids);
            starts.truncate(FINALISTS);
            starts = starts.into_iter().map(|start| self.descend(x.view(), start.centroids)).collect::<Result<_>>()?;
            starts.sort_by(|a, b| a.inertia.total_cmp(&b.inertia));
        }
        Prototypes::new(starts.swap_remove(0).centroids, (0..k).collect(), None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;
    use rand::Rng;

    fn fit(n_clusters: usize, x: &Array2<f64>, seed: u64) -> Result<Prototypes> {
        KMeans { n_clusters, ..KMeans::default() }.fit(x.view(), seed)
    }

    /// Rows on the grid of model space around `centres` points.
    fn blobs(rows: usize, columns: usize, centres: usize) -> Array2<f64> {
        let mut rng = stream(11, 0);
        Array2::from_shape_fn((rows, columns), |(row, column)| {
            let centre = ((row % centres) * (column + 3) % 7) as f64;
            let noise = rng.gen_range(-1.0..1.0) + rng.gen_range(-1.0..1.0);
            ((centre + noise) * 65536.0_f64).floor() / 65536.0
        })
    }

    #[test]
    fn centroids_are_exact_means_of_the_rows_they_attract() {
        let x = blobs(700, 3, 4);
        let prototypes = fit(4, &x, 5).unwrap();
        let labels = prototypes.assign(x.view());
        for cluster in 0..4 {
            let rows: Vec<usize> = (0..700).filter(|&i| labels[i].cluster == Some(cluster)).collect();
            let mean = x.select(Axis(0), &rows).sum_axis(Axis(0)) / rows.len() as f64;
            assert_eq!(mean, prototypes.points().row(cluster), "cluster {cluster}");
        }
    }

    #[test]
    fn the_order_of_rows_cannot_matter_even_with_a_sample() {
        use rand::seq::SliceRandom;
        for n in [500, START_ROWS + 2000] {
            let x = blobs(n, 2, 5);
            let mut order: Vec<usize> = (0..n).collect();
            order.shuffle(&mut stream(1, 1));
            let model = KMeans { n_clusters: 5, n_starts: 4, ..KMeans::default() };
            let shuffled = x.select(Axis(0), &order);
            assert_eq!(model.fit(x.view(), 3).unwrap(), model.fit(shuffled.view(), 3).unwrap());
        }
    }

    #[test]
    fn one_thread_and_many_give_the_same_bits() {
        let x = blobs(3000, 3, 6);
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| fit(6, &x, 9).unwrap())
        };
        assert_eq!(with(1), with(4));
    }

    #[test]
    fn data_that_cannot_be_split_so_far_are_refused_with_a_count() {
        let x = array![[1.0, 0.0], [1.0, -0.0], [2.0, 0.0]];
        let error = fit(3, &x, 0).unwrap_err();
        assert_eq!(error.code(), "E0404");
        assert!(error.0.title.contains("only 2 distinct"), "{error}");
        let error = fit(5, &x, 0).unwrap_err();
        assert_eq!(error.code(), "E0401");
        assert!(error.0.title.starts_with("3 customers, n_clusters = 5"), "{error}");
        assert_eq!(fit(2, &array![[1.0], [f64::NAN]], 0).unwrap_err().code(), "E0346");
        assert_eq!(fit(2, &x, 0).unwrap().n_clusters(), 2);
    }

    #[test]
    fn a_bad_hyperparameter_is_named_with_its_bounds() {
        let good = KMeans::default();
        for (bad, field) in [
            (KMeans { n_clusters: 0, ..good.clone() }, "n_clusters = 0"),
            (KMeans { n_starts: 0, ..good.clone() }, "n_starts = 0"),
            (KMeans { max_iterations: 0, ..good.clone() }, "max_iterations = 0"),
        ] {
            let error = bad.check().unwrap_err();
            assert_eq!(error.code(), "E0205");
            assert!(error.0.title.contains(field) && error.0.title.contains("from 1 to"), "{error}");
        }
        assert!(good.check().is_ok());
    }

    #[test]
    fn more_starts_never_make_it_worse() {
        let x = blobs(400, 2, 9);
        let inertia = |n_starts| {
            let model = KMeans { n_clusters: 9, n_starts, ..KMeans::default() };
            let assigned = model.fit(x.view(), 2).unwrap().assign(x.view());
            assigned.iter().map(|a| a.distance * a.distance).sum::<f64>()
        };
        assert!(inertia(30) <= inertia(1) + 1e-9);
    }
}
