//! K-prototypes: as many groups as you ask for, where some features are numbers and others levels.
//!
//! # How it works
//!
//! As k-means, but a prototype has a mean for every number and the most frequent level (the mode) for every nominal
//! feature, and a customer's distance to it is the squared Euclidean distance of the numbers plus `gamma` for every
//! level that differs (Huang 1998). Customers go to the nearest prototype, prototypes move to the means and modes of
//! their customers, and again until nobody moves; the sum of distances (the *cost*) shrinks at every step. Then single
//! customers are moved where that makes the cost smaller, the change of both prototypes included (Hartigan 1975), which
//! gets out of many local optima. There are `n_starts` starts from greedy k-means++ seeds by the same distance, and the smallest cost is kept. Beyond 5,000
//! different customers the starts run on a random sample of 5,000, and the three best go on with everyone.
//!
//! Equal customers are one row with a weight, rows are in an order of their own, and of equally frequent levels the
//! one with the lowest number is the mode; so the order of the input cannot matter. Without levels it is k-means.
//!
//! # What does it mean to belong?
//!
//! A customer belongs to the nearest prototype by the same distance; everyone belongs somewhere. A level nobody had
//! when the model was fitted differs from every prototype's, so the other features decide.
//!
//! # Choosing its parameters
//!
//! `n_clusters` and `n_starts` as for k-means; levels make more local optima, hence 50 starts. `gamma` says what a
//! level is worth against numbers: by default half the mean standard deviation of the numbers, the middle of what Huang
//! recommends; 1 if there are no numbers. For scaled numbers that is about 0.5: two customers who differ in two levels are as far
//! apart as two who differ by one standard deviation in one number. Raise it if clusters should be pure in levels,
//! lower it if levels alone make the clusters.

mod descent;
mod transfer;

use super::canonical::Distinct;
use super::prototypes::Rule;
use super::{Clusterer, Points, Prototypes, out_of_bounds, stream};
use crate::error::{Error, Result};
use descent::{Centres, Solution, Table};
use ndarray::Array2;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The starts run on at most so many rows.
const START_ROWS: usize = 5000;

/// So many of the best different starts go on with every row.
const FINALISTS: usize = 3;

/// Hyperparameters of k-prototypes; see the [module](self).
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Debug)]
#[serde(default, deny_unknown_fields)]
pub struct KPrototypes {
    /// Number of clusters, from 1 to the number of distinct customers.
    pub n_clusters: usize,
    /// What one differing level costs, in squared units of model space, 0 or more; if absent, half the mean standard
    /// deviation of the numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gamma: Option<f64>,
    /// Number of starts of which the best is kept, 1 to 10,000.
    pub n_starts: usize,
    /// Upper bound on the iterations of one start, 1 to 1,000,000.
    pub max_iterations: usize,
}

impl Default for KPrototypes {
    fn default() -> Self {
        Self { n_clusters: 5, gamma: None, n_starts: 50, max_iterations: 300 }
    }
}

/// Half the mean standard deviation of the numbers (Huang 1998, section 4.2, recommends a third to two thirds); 1 if
/// there are none or none varies.
fn half_deviation(rows: &Distinct) -> f64 {
    let total: f64 = rows.weights.iter().sum();
    let deviation = |column: ndarray::ArrayView1<f64>| {
        let weighted = |of: &dyn Fn(f64) -> f64| {
            column.iter().zip(&rows.weights).fold(0.0, |sum, (v, weight)| sum + weight / total * of(*v))
        };
        let mean = weighted(&|v| v);
        weighted(&|v| (v - mean) * (v - mean)).sqrt()
    };
    let sum = rows.x.columns().into_iter().map(deviation).fold(0.0, |sum, v| sum + v);
    let half = 0.5 * sum / rows.x.ncols().max(1) as f64;
    if half > 0.0 { half } else { 1.0 }
}

impl Clusterer for KPrototypes {
    fn check(&self) -> Result<()> {
        let Self { n_clusters, gamma, n_starts, max_iterations } = *self;
        if n_clusters == 0 {
            return Err(out_of_bounds("n_clusters", 0, "from 1 to the number of customers", "n_clusters = 5"));
        }
        if let Some(gamma) = gamma
            && !(gamma >= 0.0 && gamma.is_finite())
        {
            return Err(out_of_bounds("gamma", gamma, "0 or more and finite", "gamma = 0.5"));
        }
        if !(1..=10_000).contains(&n_starts) {
            return Err(out_of_bounds("n_starts", n_starts, "from 1 to 10000", "n_starts = 50"));
        }
        if !(1..=1_000_000).contains(&max_iterations) {
            return Err(out_of_bounds("max_iterations", max_iterations, "from 1 to 1000000", "max_iterations = 300"));
        }
        Ok(())
    }

    fn fit_points(&self, points: Points, seed: u64) -> Result<Prototypes> {
        self.check()?;
        points.check()?;
        let (n, k) = (points.x.nrows(), self.n_clusters);
        if n < k {
            let customers = if n == 1 { "1 customer".into() } else { format!("{n} customers") };
            return Err(Error::new("E0401", format!("{customers}, n_clusters = {k}"))
                .why("a segment that people act on needs some 30 customers or more")
                .help(format!("n_clusters = {}, or more customers", (n / 30).clamp(1, k))));
        }
        let rows = Distinct::of(points);
        let distinct = rows.len();
        if distinct < k {
            return Err(Error::new("E0404", format!("only {distinct} distinct customers by these features, k = {k}"))
                .why("customers with equal features cannot be told apart, so some segments would be empty")
                .help(format!("n_clusters = {distinct} or fewer, or more features")));
        }
        let gamma = self.gamma.unwrap_or_else(|| half_deviation(&rows));
        let all = Table::new(&rows, gamma);
        let sample = (distinct > START_ROWS).then(|| {
            let mut chosen = rand::seq::index::sample(&mut stream(seed, 0), distinct, START_ROWS).into_vec();
            chosen.sort_unstable();
            rows.select(&chosen)
        });
        let start_table = sample.as_ref().map(|sample| Table::new(sample, gamma));
        let table = start_table.as_ref().unwrap_or(&all);
        let mut starts: Vec<Solution> = (1..=self.n_starts as u64)
            .into_par_iter()
            .map(|number| {
                let rest = table.descend(table.seeds(k, &mut stream(seed, number)), self.max_iterations);
                table.transfer(rest, self.max_iterations)
            })
            .collect();
        // Stable, so that equal costs keep the order of starts.
        starts.sort_by(|a, b| a.cost.total_cmp(&b.cost));
        if sample.is_some() {
            starts.dedup_by(|a, b| a.centres == b.centres);
            starts.truncate(FINALISTS);
            starts = starts.into_iter().map(|start| all.descend(start.centres, self.max_iterations)).collect();
            starts.sort_by(|a, b| a.cost.total_cmp(&b.cost));
        }
        let Centres { means, modes, .. } = starts.swap_remove(0).centres;
        let means = Array2::from_shape_fn((k, all.width), |(i, j)| means[i * all.width + j]);
        let codes = Array2::from_shape_fn((k, all.nominal), |(i, j)| modes[i * all.nominal + j]);
        Prototypes::with_rule(means, (0..k).collect(), Rule::Mixed { codes, gamma })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::KMeans;
    use ndarray::{Axis, array};
    use rand::Rng;

    /// Numbers and levels around `centres` groups; levels are right four times out of five.
    fn mixed(rows: usize, centres: usize) -> (Array2<f64>, Array2<u32>) {
        let mut rng = stream(3, 0);
        let x = Array2::from_shape_fn((rows, 2), |(row, column)| {
            let v = ((row % centres) * (column + 2) % 5) as f64 * 2.0 + rng.gen_range(-1.0..1.0);
            (v * 65536.0_f64).floor() / 65536.0
        });
        let codes = Array2::from_shape_fn((rows, 3), |(row, column)| {
            if rng.gen_bool(0.8) { (row % centres * (column + 1) % 4) as u32 } else { rng.gen_range(0..4) }
        });
        (x, codes)
    }

    fn points<'a>(x: &'a Array2<f64>, codes: &'a Array2<u32>) -> Points<'a> {
        Points { codes: Some(codes.view()), ..x.view().into() }
    }

    fn model(n_clusters: usize) -> KPrototypes {
        KPrototypes { n_clusters, ..KPrototypes::default() }
    }

    fn cost(prototypes: &Prototypes, points: Points) -> f64 {
        prototypes.assign_points(points).iter().map(|a| a.distance * a.distance).sum()
    }

    #[test]
    fn prototypes_are_the_means_and_modes_of_their_customers() {
        let (x, codes) = mixed(400, 4);
        let prototypes = model(4).fit_points(points(&x, &codes), 1).unwrap();
        let labels = prototypes.assign_points(points(&x, &codes));
        let Rule::Mixed { codes: modes, gamma } = prototypes.rule() else { panic!("another rule") };
        let deviation = (x.std_axis(Axis(0), 0.0).sum() / 2.0) / 2.0;
        assert!((gamma - deviation).abs() < 1e-12, "{gamma} {deviation}");
        for cluster in 0..4 {
            let own: Vec<usize> = (0..400).filter(|&row| labels[row].cluster == Some(cluster)).collect();
            let mean = x.select(Axis(0), &own).sum_axis(Axis(0)) / own.len() as f64;
            assert_eq!(mean, prototypes.points().row(cluster));
            for feature in 0..3 {
                let count = |level: u32| own.iter().filter(|&&row| codes[[row, feature]] == level).count();
                // The last of the largest in reverse order is the lowest level.
                let mode = (0..4).rev().max_by_key(|&level| count(level)).unwrap();
                assert_eq!(modes[[cluster, feature]], mode, "cluster {cluster}, feature {feature}");
            }
        }
    }

    #[test]
    fn of_equally_frequent_levels_the_lowest_is_the_mode() {
        let (x, codes) = (Array2::zeros((4, 1)), array![[9], [3], [9], [3]]);
        let prototypes = model(1).fit_points(points(&x, &codes), 1).unwrap();
        let Rule::Mixed { codes, gamma } = prototypes.rule() else { panic!("another rule") };
        assert_eq!((codes, *gamma), (&array![[3]], 1.0));
    }

    #[test]
    fn levels_alone_are_enough() {
        let codes = Array2::from_shape_fn((90, 3), |(row, column)| if row % 9 == column { 7 } else { row as u32 % 3 });
        let none = Array2::zeros((90, 0));
        let prototypes = model(3).fit_points(points(&none, &codes), 1).unwrap();
        let labels = prototypes.assign_points(points(&none, &codes));
        assert!((0..90).all(|row| labels[row].cluster == labels[row % 3 + 3].cluster));
        assert_eq!(prototypes.n_clusters(), 3);
    }

    #[test]
    fn without_levels_it_finds_what_k_means_finds() {
        let (x, _) = mixed(300, 5);
        let ours = model(5).fit(x.view(), 1).unwrap();
        let k_means = KMeans { n_clusters: 5, ..KMeans::default() }.fit(x.view(), 1).unwrap();
        assert_eq!(ours.points(), k_means.points());
    }

    #[test]
    fn gamma_weighs_levels_against_numbers() {
        // Numbers split the rows one way, levels another.
        let x = Array2::from_shape_fn((80, 1), |(row, _)| (row % 2) as f64);
        let codes = Array2::from_shape_fn((80, 1), |(row, _)| u32::from(row < 40));
        let fit = |gamma| KPrototypes { gamma: Some(gamma), ..model(2) }.fit_points(points(&x, &codes), 1).unwrap();
        let split = |gamma, other: usize| {
            let labels = fit(gamma).assign_points(points(&x, &codes));
            labels[0].cluster != labels[other].cluster
        };
        assert!(split(0.1, 1) && !split(0.1, 40));
        assert!(!split(10.0, 1) && split(10.0, 40));
    }

    #[test]
    fn a_weight_counts_as_that_many_customers() {
        let (x, codes) = mixed(90, 3);
        let weights: Vec<f64> = (0..90).map(|row| (row % 4 + 1) as f64).collect();
        let rows: Vec<usize> = (0..90).flat_map(|row| vec![row; row % 4 + 1]).collect();
        let (many_x, many_codes) = (x.select(Axis(0), &rows), codes.select(Axis(0), &rows));
        let weighted = Points { weights: Some(&weights), ..points(&x, &codes) };
        let weighted = model(3).fit_points(weighted, 2).unwrap();
        assert_eq!(weighted, model(3).fit_points(points(&many_x, &many_codes), 2).unwrap());
        assert_ne!(weighted, model(3).fit_points(points(&x, &codes), 2).unwrap());
    }

    #[test]
    fn neither_threads_nor_the_order_of_rows_matter_even_with_a_sample() {
        use rand::seq::SliceRandom;
        for n in [400, START_ROWS + 4000] {
            let (x, codes) = mixed(n, 5);
            let mut order: Vec<usize> = (0..n).collect();
            order.shuffle(&mut stream(1, 1));
            let shuffled = (x.select(Axis(0), &order), codes.select(Axis(0), &order));
            let with = |threads: usize, x: &Array2<f64>, codes: &Array2<u32>| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                let model = KPrototypes { n_starts: 4, ..model(5) };
                pool.install(|| model.fit_points(points(x, codes), 3).unwrap())
            };
            assert_eq!(with(1, &x, &codes), with(3, &shuffled.0, &shuffled.1));
        }
    }

    #[test]
    fn more_starts_never_make_it_worse_and_no_cluster_is_empty() {
        let (x, codes) = mixed(250, 9);
        let fit = |n_starts| KPrototypes { n_starts, ..model(12) }.fit_points(points(&x, &codes), 2).unwrap();
        let (one, many) = (fit(1), fit(30));
        assert!(cost(&many, points(&x, &codes)) <= cost(&one, points(&x, &codes)) + 1e-9);
        for prototypes in [one, many] {
            let sizes = prototypes.sizes(points(&x, &codes));
            assert!(sizes.iter().all(|&size| size > 0.0) && sizes.is_sorted_by(|a, b| a >= b), "{sizes:?}");
        }
    }

    #[test]
    fn a_level_never_seen_leaves_the_choice_to_the_rest() {
        let (x, codes) = (array![[0.0], [0.5], [9.0], [9.5]], array![[1], [1], [2], [2]]);
        let prototypes = model(2).fit_points(points(&x, &codes), 1).unwrap();
        let (new_x, new_codes) = (array![[0.2], [9.3]], array![[77], [77]]);
        let new = prototypes.assign_points(points(&new_x, &new_codes));
        let fitted = prototypes.assign_points(points(&x, &codes));
        assert_eq!((new[0].cluster, new[1].cluster), (fitted[0].cluster, fitted[2].cluster));
    }

    #[test]
    fn bounds_and_bad_data_are_named() {
        for (bad, field) in [
            (model(0), "n_clusters = 0"),
            (KPrototypes { gamma: Some(-1.0), ..model(2) }, "gamma = -1"),
            (KPrototypes { n_starts: 0, ..model(2) }, "n_starts = 0"),
            (KPrototypes { max_iterations: 0, ..model(2) }, "max_iterations = 0"),
        ] {
            let error = bad.check().unwrap_err();
            assert!(error.code() == "E0205" && error.0.title.contains(field), "{error}");
        }
        let (x, codes) = (array![[1.0], [1.0], [2.0]], array![[5], [5], [5]]);
        assert_eq!(model(3).fit_points(points(&x, &codes), 0).unwrap_err().code(), "E0404");
        assert_eq!(model(4).fit_points(points(&x, &codes), 0).unwrap_err().code(), "E0401");
        // A different level is a different customer.
        assert!(model(3).fit_points(points(&x, &array![[5], [6], [5]]), 0).is_ok());
    }
}
