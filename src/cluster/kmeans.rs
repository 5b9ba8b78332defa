//! K-means: as many round groups as you ask for, each around its mean customer.
//!
//! # How it works
//!
//! Every customer goes to the nearest of `n_clusters` centroids, every centroid moves to the mean of its customers, and
//! again until nobody moves (Lloyd 1982). This makes the sum of squared distances (the *inertia*) smaller at every step
//! but may end in a local optimum, so it starts `n_starts` times from greedy k-means++ seeds (Arthur & Vassilvitskii
//! 2007) and keeps the smallest inertia.
//!
//! The starts run on a sample of 8,192 distinct customers, each with the weight of all that equal it. The best, and up to
//! seven that the sample cannot tell from it, go on with 65,536; there the best moves single centroids to where they are
//! missed while that helps (local search, [`super::swaps`]). The best then, by what its means explain of everyone where the
//! sample cannot tell, goes on with everyone until no customer changes cluster. Up to 65,536 distinct customers the sample is everyone. The sample depends on the
//! values alone ([`super::sketch`]), and labels and sums are exact ([`super::lloyd`], [`super::kernel`]), so neither the
//! order of rows nor the number of threads can change a bit. A cluster that loses everyone moves to the customer
//! farthest from its centroid.
//!
//! More rows than memory holds come in parts: [`KMeans::fit_parts`] ends the search on the sample by exact passes over all.
//!
//! A row of weight 2 is the same as two rows. With `implementation = "linfa"` every start is first descended by
//! linfa-clustering, which knows no weights and stops by a tolerance; the exact descent follows in either case.
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

mod parts;

pub use parts::{Everywhere, Parts, Passes, Totals};

use super::lloyd::Lloyd;
use super::packed::{Blocks, Packed, Sample};
use super::seeds::{Candidates, greedy};
use super::swaps::improve;
use super::{Clusterer, Implementation, Points, Prototypes, out_of_bounds, stream};
use crate::error::{Error, Result, Warning};
use linfa::{DatasetBase, traits::Fit};
use linfa_clustering::KMeansInit;
use linfa_nn::distance::L2Dist;
use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Labels are kept in 16 bits.
const MOST_CLUSTERS: usize = 65_535;

/// The small sample serves while it has so many rows per cluster.
const ROWS_PER_CLUSTER: usize = 100;

/// At most so many of the best different starts go on with more rows.
const FINALISTS: usize = 8;

/// Where the small sample is all there is, at most so many of the best different starts look for swaps, one of five; else only the
/// best.
const IMPROVED: usize = 4;

/// Standard errors of the difference of two inertias beyond which a sample tells them apart.
const APART: f64 = 2.0;

/// A contender that can be better by no more than this share of the inertia is not looked at again.
const WORTH: f64 = 1e-4;

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
    /// Once the starts are done single centroids are moved to where they are missed, as long as one of so many trials helps, 0 to
    /// 10,000; every trial takes some ten passes.
    pub swaps: usize,
    /// Who computes it.
    pub implementation: Implementation,
}

impl Default for KMeans {
    fn default() -> Self {
        Self { n_clusters: 5, n_starts: 20, max_iterations: 300, swaps: 16, implementation: Implementation::default() }
    }
}

/// What a fit of k-means found.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted {
    /// The centroids, largest cluster first.
    pub prototypes: Prototypes,
    /// Weighted sum of squared distances of all rows to their centroids.
    pub inertia: f64,
    /// Weight of each cluster.
    pub sizes: Vec<f64>,
    /// Iterations with every row, of the start that was kept.
    pub iterations: usize,
    /// The result is a fixed point; false if `max_iterations` ran out first.
    pub converged: bool,
    /// Number of starts that `max_iterations` ended.
    pub stopped_starts: usize,
}

/// What a given number of Lloyd iterations found.
#[derive(Debug, Clone, PartialEq)]
pub struct Iterated {
    /// Clusters × features, in the order of the start.
    pub centroids: Array2<f64>,
    /// The cluster of every packed row by these centroids.
    pub labels: Vec<u16>,
    /// Weighted sum of squared distances of all rows to these centroids.
    pub inertia: f64,
    /// Iterations done; fewer than asked for if nothing changed any more.
    pub iterations: usize,
    /// How often a row was looked at, divided by the number of rows.
    pub passes: f64,
}

/// Lloyd's algorithm (Lloyd 1982): `iterations` times labels and means from `centroids` (clusters × features), then
/// labels. An empty cluster stays where it is.
///
/// # Errors
/// `E0205` unless there are 1 to 65,535 finite centroids with the features of the rows.
pub fn iterate(packed: &Packed, centroids: ArrayView2<f64>, iterations: usize) -> Result<Iterated> {
    let start = starting_centroids(packed, centroids)?;
    let mut lloyd = Lloyd::new(packed.all(), start);
    while lloyd.iterations < iterations && lloyd.step() > 0 {}
    Ok(Iterated {
        centroids: matrix(lloyd.centroids(), packed.width()),
        labels: lloyd.labels().to_vec(),
        inertia: lloyd.inertia(),
        iterations: lloyd.iterations,
        passes: lloyd.evaluated as f64 / packed.all().rows.max(1) as f64,
    })
}

/// Centroids of the right form in C order.
fn starting_centroids(packed: &Packed, centroids: ArrayView2<f64>) -> Result<Vec<f64>> {
    let (k, width) = centroids.dim();
    if width != packed.width() || !(1..=MOST_CLUSTERS).contains(&k) {
        let bounds = format!("from 1 to {MOST_CLUSTERS} points of {} features", packed.width());
        return Err(out_of_bounds(
            "centroids",
            format!("{k} points of {width} features"),
            &bounds,
            "fit without a start",
        ));
    }
    Points::from(centroids).check()?;
    Ok(centroids.iter().map(|v| v + 0.0).collect())
}

fn matrix(values: &[f64], width: usize) -> Array2<f64> {
    ArrayView2::from_shape((values.len() / width, width), values)
        .map_or_else(|_| Array2::zeros((0, width)), |c| c.to_owned())
}

impl KMeans {
    /// The same as [`Clusterer::fit_points`], on points packed before: for several fits on the same points, such as
    /// several `n_clusters`.
    ///
    /// # Errors
    /// `E0205` for a hyperparameter out of bounds, `E0401` for fewer customers than clusters, `E0404` for fewer distinct ones, `E0499` if linfa gives up.
    pub fn fit_packed(&self, packed: &Packed, seed: u64) -> Result<Fitted> {
        self.check()?;
        self.check_customers(packed.total(), packed.sample())?;
        let (found, stopped_starts) = self.search(packed.sample(), seed)?;
        if packed.sample().sketch.whole {
            return fitted(&found[0], packed.width(), stopped_starts);
        }
        // What their means would explain of all rows tells them apart. One at a time: each keeps six bytes per row.
        let on_all = |start: &Lloyd| Lloyd::new(packed.all(), start.centroids().to_vec());
        let mut best = on_all(&found[0]);
        for start in &found[1..] {
            let other = on_all(start);
            if other.explained() > best.explained() {
                best = other;
            }
        }
        best.descend(self.max_iterations);
        fitted(&best, packed.width(), stopped_starts)
    }

    pub(super) fn fit_packed_with_warnings(&self, packed: &Packed, seed: u64) -> Result<(Prototypes, Vec<Warning>)> {
        let Fitted { prototypes, converged, stopped_starts, .. } = self.fit_packed(packed, seed)?;
        let warning = super::not_converged(stopped_starts, self.n_starts, converged, self.max_iterations);
        Ok((prototypes, warning.into_iter().collect()))
    }

    /// The best solution on a sample, and where the sample is not all there is those that may be better with every row; and
    /// how many starts `max_iterations` ended.
    fn search<'a>(&self, sample: &'a Sample, seed: u64) -> Result<(Vec<Lloyd<'a>>, usize)> {
        let k = self.n_clusters;
        let Sample { sketch, blocks: [small, large] } = sample;
        let start = if small.rows >= ROWS_PER_CLUSTER * k { small } else { large };
        let values = &sketch.rows[..start.rows * start.width];
        let candidates = Candidates::new(start);
        let starts: Vec<Lloyd> = (1..=self.n_starts as u64)
            .into_par_iter()
            .map(|number| {
                let mut seeds = vec![0.0; k * start.width];
                let drawn = greedy(&candidates, k, &mut stream(seed, number));
                drawn
                    .iter()
                    .zip(seeds.chunks_exact_mut(start.width))
                    .for_each(|(row, seed)| start.copy_row(*row, seed));
                self.descend(start, values, seeds)
            })
            .collect::<Result<_>>()?;
        let stopped_starts = starts.iter().filter(|start| !start.converged).count();
        let mut best = ranked(starts);
        if start.rows < large.rows {
            contenders(&mut best);
            let go_on = |(_, start): &(f64, Lloyd)| self.descend(large, &sketch.rows, start.centroids().to_vec());
            best = ranked(best.par_iter().map(go_on).collect::<Result<_>>()?);
        }
        if self.swaps > 0 && self.implementation == Implementation::Ilk {
            let improved = if start.rows < large.rows { 1 } else { self.n_starts.div_ceil(5).min(IMPROVED) };
            let more = best.split_off(best.len().min(improved));
            let swap = |begun| improve(begun, start, values, self, seed);
            let improved: Vec<(f64, Lloyd)> = best.into_par_iter().map(swap).collect();
            best = sorted(improved.into_iter().chain(more).collect());
        }
        if sketch.whole {
            best.truncate(1);
        } else {
            contenders(&mut best);
        }
        Ok((best.into_iter().map(|(_, lloyd)| lloyd).collect(), stopped_starts))
    }

    /// Starts from the centroids of a previous model (`n_clusters` × features) instead of seeds, so that segments stay
    /// what they were as far as the customers allow. Nothing is drawn.
    ///
    /// # Errors
    /// `E0205` for centroids of another number or form, else those of [`Clusterer::fit_points`].
    pub fn fit_from(&self, points: Points, centroids: ArrayView2<f64>) -> Result<Fitted> {
        self.check()?;
        let packed = Packed::new(points)?;
        self.check_customers(packed.total(), packed.sample())?;
        if centroids.nrows() != self.n_clusters {
            let bounds = format!("the number of centroids given, {}", centroids.nrows());
            return Err(out_of_bounds(
                "n_clusters",
                self.n_clusters,
                &bounds,
                &format!("n_clusters = {}", centroids.nrows()),
            ));
        }
        let start = starting_centroids(&packed, centroids)?;
        // Where the sample is all there is, its order is independent of the order of the rows.
        let rows = if packed.sample().sketch.whole { &packed.sample().blocks[1] } else { packed.all() };
        let mut lloyd = Lloyd::new(rows, start);
        lloyd.descend(self.max_iterations);
        fitted(&lloyd, packed.width(), 0)
    }

    /// Iterations from `seeds` (C order) to a fixed point.
    fn descend<'a>(&self, rows: &'a Blocks<'a>, values: &[f64], seeds: Vec<f64>) -> Result<Lloyd<'a>> {
        let seeds = match self.implementation {
            Implementation::Ilk => seeds,
            Implementation::Linfa => self.descend_by_linfa(values, rows.width, seeds)?,
        };
        let mut lloyd = Lloyd::new(rows, seeds);
        lloyd.descend(self.max_iterations);
        Ok(lloyd)
    }

    /// Iterations by linfa, which knows no weights.
    fn descend_by_linfa(&self, values: &[f64], width: usize, seeds: Vec<f64>) -> Result<Vec<f64>> {
        let seeds = matrix(&seeds, width);
        let x = matrix(values, width);
        // With seeds given nothing is drawn from the generator, and a second run would repeat the first.
        let fitted = linfa_clustering::KMeans::params_with(seeds.nrows(), stream(0, 0), L2Dist)
            .init_method(KMeansInit::Precomputed(seeds))
            .n_runs(1)
            .max_n_iterations(self.max_iterations as u64)
            .fit(&DatasetBase::from(x));
        match fitted {
            Ok(model) => Ok(model.centroids().iter().copied().collect()),
            Err(error) => Err(Error::new("E0499", format!("linfa's k-means gave up: {error}"))),
        }
    }

    /// Refuses what cannot be split into so many clusters.
    fn check_customers(&self, n: f64, sample: &Sample) -> Result<()> {
        let (k, distinct) = (self.n_clusters, sample.sketch.weights.len());
        if n < k as f64 && distinct < k {
            let customers = if n == 1.0 { "1 customer".into() } else { format!("{n} customers") };
            return Err(Error::new("E0401", format!("{customers}, n_clusters = {k}"))
                .why("a segment that people act on needs some 30 customers or more")
                .help(format!("n_clusters = {}, or more customers", ((n / 30.0) as usize).clamp(1, k))));
        }
        if distinct < k {
            return Err(Error::new("E0404", format!("only {distinct} distinct customers by these features, k = {k}"))
                .why("customers with equal features cannot be told apart, so some segments would be empty")
                .help(format!("n_clusters = {distinct} or fewer, or more features")));
        }
        Ok(())
    }
}

/// Different descents by inertia; equal ones keep their order.
fn ranked(found: Vec<Lloyd>) -> Vec<(f64, Lloyd)> {
    sorted(found.into_iter().map(|lloyd| (lloyd.inertia(), lloyd)).collect())
}

fn sorted(mut found: Vec<(f64, Lloyd)>) -> Vec<(f64, Lloyd)> {
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    found.dedup_by(|a, b| a.1.centroids() == b.1.centroids());
    found
}

/// Keeps the best of different descents on one sample, and those that may be better by [`WORTH`] with every row: the
/// difference of two inertias is a sum over rows, with the standard error of such a sum.
fn contenders(ranked: &mut Vec<(f64, Lloyd)>) {
    ranked.truncate(FINALISTS);
    let Some(((inertia, best), others)) = ranked.split_first() else { return };
    let best = best.costs();
    let contends = |(_, other): &(f64, Lloyd)| {
        let differences: Vec<f64> = other.costs().iter().zip(&best).map(|(other, best)| other - best).collect();
        let sum: f64 = differences.iter().sum();
        let mean = sum / differences.len() as f64;
        let squares: f64 = differences.iter().map(|difference| (difference - mean).powi(2)).sum();
        APART * squares.sqrt() - sum > WORTH * inertia
    };
    let contend: Vec<bool> = std::iter::once(true).chain(others.par_iter().map(contends).collect::<Vec<_>>()).collect();
    let mut contend = contend.into_iter();
    ranked.retain(|_| contend.next() == Some(true));
}

fn fitted(lloyd: &Lloyd, width: usize, stopped_starts: usize) -> Result<Fitted> {
    let centroids = matrix(lloyd.centroids(), width);
    let k = centroids.nrows();
    Ok(Fitted {
        prototypes: Prototypes::new(centroids, (0..k).collect(), None)?,
        inertia: lloyd.inertia(),
        sizes: lloyd.sizes().to_vec(),
        iterations: lloyd.iterations,
        converged: lloyd.converged,
        stopped_starts,
    })
}

impl Clusterer for KMeans {
    fn check(&self) -> Result<()> {
        let Self { n_clusters, n_starts, max_iterations, swaps, implementation: _ } = *self;
        if !(1..=MOST_CLUSTERS).contains(&n_clusters) {
            let bounds = format!("from 1 to {MOST_CLUSTERS} and to the number of customers");
            return Err(out_of_bounds("n_clusters", n_clusters, &bounds, "n_clusters = \"auto\""));
        }
        if !(1..=10_000).contains(&n_starts) {
            return Err(out_of_bounds("n_starts", n_starts, "from 1 to 10000", "n_starts = 20"));
        }
        if !(1..=1_000_000).contains(&max_iterations) {
            return Err(out_of_bounds("max_iterations", max_iterations, "from 1 to 1000000", "max_iterations = 300"));
        }
        if swaps > 10_000 {
            return Err(out_of_bounds("swaps", swaps, "from 0 to 10000", "swaps = 16"));
        }
        Ok(())
    }

    fn fit_points(&self, points: Points, seed: u64) -> Result<Prototypes> {
        self.check()?;
        Ok(self.fit_packed(&Packed::new(points)?, seed)?.prototypes)
    }

    fn fit_with_warnings(&self, points: Points, seed: u64) -> Result<(Prototypes, Vec<Warning>)> {
        self.check()?;
        self.fit_packed_with_warnings(&Packed::new(points)?, seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Axis, array};
    use rand::Rng;

    #[test]
    fn starts_that_are_cut_short_are_counted() {
        let x = blobs(400, 2, 5);
        let cut = KMeans { n_clusters: 5, n_starts: 4, max_iterations: 1, ..KMeans::default() };
        let (_, warnings) = cut.fit_with_warnings(x.view().into(), 1).unwrap();
        assert_eq!(warnings.len(), 1);
        assert_eq!(warnings[0].code, "W0421");
        assert!(warnings[0].title.contains("of 4 starts hit 1 iterations"), "{}", warnings[0].title);
        assert_eq!(KMeans::default().fit_with_warnings(x.view().into(), 1).unwrap().1, []);
    }

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
        for n in [500, 12_000, 90_000] {
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
    fn a_previous_model_is_a_start_and_its_own_fixed_point() {
        let x = blobs(900, 3, 4);
        let model = KMeans { n_clusters: 4, ..KMeans::default() };
        let first = model.fit_packed(&Packed::new(x.view().into()).unwrap(), 5).unwrap();
        let again = model.fit_from(x.view().into(), first.prototypes.points()).unwrap();
        assert_eq!((again.prototypes, again.converged, again.iterations), (first.prototypes.clone(), true, 1));
        let three = first.prototypes.points().slice(ndarray::s![..3, ..]).to_owned();
        assert_eq!(model.fit_from(x.view().into(), three.view()).unwrap_err().code(), "E0205");
        let narrow = first.prototypes.points().slice(ndarray::s![.., ..2]).to_owned();
        assert_eq!(model.fit_from(x.view().into(), narrow.view()).unwrap_err().code(), "E0205");
    }

    #[test]
    fn more_starts_make_it_better() {
        let x = blobs(400, 2, 9);
        // On average: which swaps are tried is drawn.
        let inertia = |n_starts| {
            let model = KMeans { n_clusters: 9, n_starts, ..KMeans::default() };
            let packed = Packed::new(x.view().into()).unwrap();
            (0..20).map(|seed| model.fit_packed(&packed, seed).unwrap().inertia).sum::<f64>()
        };
        assert!(inertia(30) < inertia(1), "{} {}", inertia(30), inertia(1));
    }
}
