//! DBSCAN: groups of any shape where customers stand close together; the rest belong nowhere.
//!
//! # How it works
//!
//! A customer with at least `min_samples` customers within `eps` (itself included, the border too) is a *core* customer.
//! Core customers within `eps` of each other are in one cluster, and so on along the chain (Ester, Kriegel, Sander & Xu
//! 1996; Schubert et al. 2017).
//!
//! Customers with equal features become one point of more weight, and points go into a k-d tree. Counting stops at
//! `min_samples`, a subtree wholly within `eps` is counted at once, and two subtrees known to hang together are not looked
//! at again (the dual-tree idea of Gray & Moore 2000; Wang, Gu & Shun 2020 for exact parallel DBSCAN). Neighbours are
//! never listed: memory grows with the number of customers, not with the number of pairs. Chains are a property of the
//! points, so neither the order of rows nor the number of threads can matter.
//!
//! # What does it mean to belong?
//!
//! The prototypes are the distinct core customers and their reach is `eps`: a customer belongs to the cluster of the
//! nearest core customer if that is within `eps` (the border included), and to none otherwise. So a new customer is
//! scored by the same rule. Core labels and noise are those of scikit-learn; a *border* customer within reach of two
//! clusters goes to the nearest core customer here, where other libraries let the order of rows decide.
//!
//! Weights count: a customer is core if the customers within `eps` weigh `min_samples` or more.
//!
//! # Choosing its parameters
//!
//! `min_samples`: twice the number of features or `ln n`, whichever is more ([`auto_min_samples`]); more if many
//! customers share the same values. `eps`: the knee of the distance curve to the `min_samples - 1`-th neighbour
//! ([`super::kdistance`]); between 1 % and 30 % outside all clusters is sane. On log-scaled purchase data customers are
//! often one dense cloud: "one cluster and some outliers" is then the honest answer, and k-means the tool for segments.
//! The time is least where `eps` is small or large beside the clusters, and most where many customers have hardly enough
//! neighbours.

mod chains;
mod dense;
mod peer;

use super::kdistance::{k_distances, knee, three_digits};
use super::tree::{Distances, Distinct, LEAF, Search, Tree};
use super::{Clusterer, Implementation, Points, Prototypes, out_of_bounds};
use crate::error::{Error, Result};
use dense::bits;
use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Beyond so many distances (some hours on two cores) the work is refused before it starts.
const MOST_DISTANCES: f64 = 2e13;

/// Hyperparameters of DBSCAN; see the [module](self).
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Debug)]
#[serde(default, deny_unknown_fields)]
pub struct Dbscan {
    /// Customers at most so far apart (Euclidean, model space) are neighbours; positive.
    pub eps: f64,
    /// A core customer has so many neighbours, itself included; 2 or more.
    pub min_samples: usize,
    /// Who computes it.
    pub implementation: Implementation,
}

impl Default for Dbscan {
    fn default() -> Self {
        Self { eps: 0.5, min_samples: 5, implementation: Implementation::default() }
    }
}

/// `max(2 d, ceil(ln n))` for `n` customers with `d` features, at least 2 (Sander, Ester, Kriegel & Xu 1998: twice the
/// dimension).
pub fn auto_min_samples(n: usize, d: usize) -> usize {
    (2 * d).max((n.max(1) as f64).ln().ceil() as usize).max(2)
}

/// The nearest core point within `eps`; between clusters at one distance, the lowest number.
struct Border<'a> {
    core: &'a [u32],
    /// Cluster of every position that is core.
    numbers: &'a [u32],
    squared: f64,
    cluster: Option<u32>,
}

impl Search for Border<'_> {
    fn bound(&self) -> f64 {
        self.squared
    }

    fn leaf(&mut self, leaf: usize, distances: &Distances) {
        for slot in bits(self.core[leaf]) {
            let (distance, number) = (distances[slot], self.numbers[leaf * LEAF + slot]);
            let sooner = distance < self.squared || self.cluster.is_none_or(|cluster| number < cluster);
            if distance <= self.squared && sooner {
                (self.squared, self.cluster) = (distance, Some(number));
            }
        }
    }
}

impl Dbscan {
    /// The clusters, found by the algorithm of the [module](self).
    fn fit_by_trees(&self, points: &Points) -> Result<Prototypes> {
        let distinct = Distinct::of(points)?;
        let tree = Tree::new(&distinct.points, distinct.width);
        let density = dense::Density::new(&tree, distinct.weights_in(&tree), self.eps, self.min_samples as f64);
        self.check_effort(&density, tree.len(), MOST_DISTANCES)?;
        let core = density.core();
        drop(density);
        if core.iter().all(|&members| members == 0) {
            return Err(self.all_noise(points.x));
        }
        let chains = chains::Chains::new(&tree, &core, self.eps).join();

        // Clusters are numbered by their first core row.
        let mut places = vec![0_u32; tree.len()];
        (0..tree.len()).for_each(|at| places[tree.row(at)] = at as u32);
        let is_core = |at: usize| core[at / LEAF] >> (at % LEAF) & 1 == 1;
        let mut numbers = chains.clone();
        let mut number_of_chain = vec![u32::MAX; tree.len()];
        let mut clusters = 0;
        for &at in places.iter().filter(|&&at| is_core(at as usize)) {
            let number = &mut number_of_chain[chains[at as usize] as usize];
            if *number == u32::MAX {
                *number = clusters;
                clusters += 1;
            }
            numbers[at as usize] = *number;
        }

        // The largest first: border customers count where they belong.
        let width = tree.width();
        let find = |point: &mut Vec<f64>, at: usize| {
            if is_core(at) {
                return Some(numbers[at]);
            }
            tree.read(at, point);
            let mut border = Border { core: &core, numbers: &numbers, squared: self.eps * self.eps, cluster: None };
            tree.walk(point, &mut border);
            border.cluster
        };
        let found: Vec<Option<u32>> = (0..tree.len())
            .into_par_iter()
            .with_min_len(256)
            .map_init(|| vec![0.0; width], |point, at| find(point, at))
            .collect();
        let mut sizes = vec![0.0; clusters as usize];
        for (row, &at) in places.iter().enumerate() {
            if let Some(cluster) = found[at as usize] {
                sizes[cluster as usize] += distinct.weight(row);
            }
        }
        let mut largest_first: Vec<usize> = (0..sizes.len()).collect();
        largest_first.sort_by(|&a, &b| f64::total_cmp(&sizes[b], &sizes[a]));
        let mut new_number = vec![0; sizes.len()];
        largest_first.iter().enumerate().for_each(|(new, &old)| new_number[old] = new);

        let core_rows = || places.iter().enumerate().filter(|&(_, &at)| is_core(at as usize));
        let cluster: Vec<usize> = core_rows().map(|(_, &at)| new_number[numbers[at as usize] as usize]).collect();
        let flat: Vec<f64> = core_rows().flat_map(|(row, _)| distinct.row(row)).copied().collect();
        let points = Array2::from_shape_vec((cluster.len(), width), flat)
            .map_err(|error| Error::new("E0499", format!("core customers do not form rows: {error}")))?;
        Prototypes::new(points, cluster, Some(self.eps))
    }

    /// Refuses fewer customers than make one dense region.
    pub(crate) fn check_rows(&self, n: usize) -> Result<()> {
        if n >= self.min_samples {
            return Ok(());
        }
        let customers = if n == 1 { "1 customer".into() } else { format!("{n} customers") };
        Err(Error::new("E0401", format!("{customers}, min_samples = {}", self.min_samples))
            .why("a dense region needs at least min_samples customers")
            .help(if n < 2 { "more customers".into() } else { format!("min_samples = {n} or fewer") }))
    }

    /// Refuses what would take hours: distances are counted for a few leaves of the tree before all are computed.
    fn check_effort(&self, density: &dense::Density, customers: usize, most: f64) -> Result<()> {
        const SAMPLE: usize = 64;
        if customers as f64 * customers as f64 <= most {
            return Ok(());
        }
        let distances = density.scans(SAMPLE) * LEAF as f64;
        if distances <= most {
            return Ok(());
        }
        let mean = distances / customers as f64;
        Err(Error::new(
            "E0413",
            format!(
                "{customers} customers to compare with about {mean:.0} others each, eps = {}, min_samples = {}",
                self.eps, self.min_samples
            ),
        )
        .why("so many distances would take hours")
        .help("a sample of customers, fewer features, or algorithm = \"kmeans\""))
    }

    /// No customer is core: names an `eps` at which some are.
    pub(super) fn all_noise(&self, x: ArrayView2<f64>) -> Error {
        let error = Error::new(
            "E0411",
            format!(
                "eps = {}, min_samples = {}: all {} customers are unclustered",
                self.eps,
                self.min_samples,
                x.nrows()
            ),
        )
        .why("no customer has enough neighbours within eps");
        let curve = k_distances(x, self.min_samples - 1).unwrap_or_default();
        match knee(&curve).map(three_digits) {
            Some(knee) if knee > self.eps => {
                error.note("note", format!("the knee of the distance curve is {knee}")).help(format!("eps = {knee}"))
            }
            _ => error.help("eps = \"auto\", or a smaller min_samples"),
        }
    }
}

impl Clusterer for Dbscan {
    fn check(&self) -> Result<()> {
        if !(self.eps > 0.0 && self.eps.is_finite()) {
            return Err(out_of_bounds("eps", self.eps, "above 0 and finite", "eps = \"auto\""));
        }
        if self.min_samples < 2 {
            let bounds = "from 2 to the number of customers";
            return Err(out_of_bounds("min_samples", self.min_samples, bounds, "min_samples = \"auto\""));
        }
        Ok(())
    }

    /// Draws nothing: `seed` has no effect.
    fn fit_points(&self, points: Points, _seed: u64) -> Result<Prototypes> {
        self.check()?;
        points.check()?;
        points.refuse_codes("DBSCAN")?;
        self.check_rows(points.weights.map_or(points.x.nrows(), |weights| weights.iter().sum::<f64>() as usize))?;
        match self.implementation {
            Implementation::Ilk => self.fit_by_trees(&points),
            Implementation::Linfa => self.fit_by_linfa(points),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::{squared_distance, stream};
    use ndarray::array;
    use rand::Rng;

    fn fit(eps: f64, min_samples: usize, x: &Array2<f64>) -> Result<Prototypes> {
        Dbscan { eps, min_samples, ..Dbscan::default() }.fit(x.view(), 0)
    }

    fn labels(prototypes: &Prototypes, x: &Array2<f64>) -> Vec<Option<usize>> {
        prototypes.assign(x.view()).iter().map(|a| a.cluster).collect()
    }

    #[test]
    fn a_distance_of_exactly_eps_counts() {
        let x = array![[0.0], [1.0], [2.0], [10.0], [11.0], [12.5]];
        let prototypes = fit(1.0, 2, &x).unwrap();
        assert_eq!(labels(&prototypes, &x), [Some(0), Some(0), Some(0), Some(1), Some(1), None]);
        assert_eq!(prototypes.reach(), Some(1.0));
    }

    #[test]
    fn only_core_customers_are_prototypes_and_border_ones_go_to_the_nearest() {
        // 3.375 has four neighbours within 2 and is no core customer; both groups reach it, the right one sooner.
        let left = (0..7).map(|i| f64::from(i) / 4.0);
        let right = (0..7).map(|i| 5.0 + f64::from(i) / 4.0);
        let groups: Vec<f64> = left.chain(right).collect();
        let x = Array2::from_shape_fn((15, 1), |(i, _)| groups.get(i).copied().unwrap_or(3.375));
        let prototypes = fit(2.0, 6, &x).unwrap();
        let mut core: Vec<f64> = prototypes.points().iter().copied().collect();
        core.sort_by(f64::total_cmp);
        assert_eq!(core, groups);
        let found = labels(&prototypes, &array![[1.5], [3.375], [5.0]]);
        assert_eq!(found[1], found[2]);
        assert_ne!(found[0], found[1]);
    }

    #[test]
    fn clusters_come_largest_first_then_by_smallest_core_customer() {
        let x = array![[20.0], [20.5], [0.0], [0.5], [9.0], [9.5], [10.0], [9.0]];
        let prototypes = fit(0.5, 2, &x).unwrap();
        assert_eq!(prototypes.points(), array![[9.0], [9.5], [10.0], [0.0], [0.5], [20.0], [20.5]]);
        assert_eq!(prototypes.cluster(), [0, 0, 0, 1, 1, 2, 2], "equal core customers are one prototype");
    }

    #[test]
    fn all_noise_names_an_eps_that_works() {
        let x = Array2::from_shape_fn((40, 1), |(i, _)| i as f64 * 0.5);
        let error = fit(0.1, 3, &x).unwrap_err();
        assert_eq!(error.code(), "E0411");
        let help = &error.0.notes.last().unwrap().text;
        let eps: f64 = help.strip_prefix("eps = ").unwrap().parse().unwrap();
        assert!(fit(eps, 3, &x).is_ok(), "{error}");
    }

    #[test]
    fn bounds_and_bad_data_are_named() {
        let x = array![[0.0], [1.0]];
        assert_eq!(fit(0.0, 2, &x).unwrap_err().code(), "E0205");
        assert_eq!(fit(f64::NAN, 2, &x).unwrap_err().code(), "E0205");
        assert!(fit(1.0, 1, &x).unwrap_err().0.title.contains("`min_samples = 1`"));
        assert_eq!(fit(1.0, 3, &x).unwrap_err().code(), "E0401");
        assert_eq!(fit(1.0, 2, &array![[0.0], [f64::INFINITY]]).unwrap_err().code(), "E0346");
    }

    #[test]
    fn what_would_take_hours_is_refused_before_it_starts() {
        let zeros = Array2::zeros((150_000, 1));
        let linfa = Dbscan { eps: 9.0, implementation: Implementation::Linfa, ..Dbscan::default() };
        let error = linfa.fit(zeros.view(), 0).unwrap_err();
        assert_eq!(error.code(), "E0413");
        assert!(error.0.title.contains("about 150000 neighbours"), "{error}");
        assert_eq!(labels(&fit(9.0, 5, &zeros).unwrap(), &zeros), [Some(0); 150_000]);

        let mut rng = stream(3, 0);
        let flat: Vec<f64> = (0..40_000).map(|_| rng.gen_range(0.0..1.0)).collect();
        let tree = Tree::new(&flat, 8);
        let density = dense::Density::new(&tree, None, 0.1, 5.0);
        let model = Dbscan { eps: 0.1, ..Dbscan::default() };
        assert!(model.check_effort(&density, 5000, 1e9).is_ok(), "25 million pairs are no effort");
        let error = model.check_effort(&density, 5000, 1e5).unwrap_err();
        assert_eq!(error.code(), "E0413");
        assert!(error.0.title.starts_with("5000 customers to compare with about"), "{error}");
    }

    #[test]
    fn the_effort_is_estimated_within_a_factor_of_two() {
        let mut rng = stream(4, 0);
        let flat: Vec<f64> = (0..60_000).map(|_| rng.gen_range(0.0..1.0_f64).powi(2)).collect();
        let tree = Tree::new(&flat, 3);
        let density = dense::Density::new(&tree, None, 0.02, 10.0);
        let (all, estimate) = (density.scans(usize::MAX), density.scans(64));
        assert!((0.5..2.0).contains(&(estimate / all)), "{estimate} of {all}");
    }

    /// Labels by the definition: every pair of rows, chains by repeated sweeps.
    fn by_definition(eps: f64, min_samples: usize, x: &Array2<f64>, weights: &[f64]) -> Vec<(bool, Option<usize>)> {
        let n = x.nrows();
        let distance =
            |i: usize, j: usize| squared_distance(x.row(i).as_slice().unwrap(), x.row(j).as_slice().unwrap());
        let near = |i: usize, j: usize| distance(i, j) <= eps * eps;
        let is_core = |i: usize| (0..n).filter(|&j| near(i, j)).map(|j| weights[j]).sum::<f64>() >= min_samples as f64;
        let core: Vec<bool> = (0..n).map(is_core).collect();
        let mut chain: Vec<usize> = (0..n).collect();
        loop {
            let before = chain.clone();
            for (i, j) in (0..n).flat_map(|i| (0..n).map(move |j| (i, j))) {
                if core[i] && core[j] && near(i, j) {
                    chain[i] = chain[i].min(chain[j]);
                }
            }
            if chain == before {
                break;
            }
        }
        let label = |i: usize| {
            let nearest =
                (0..n).filter(|&j| core[j] && near(i, j)).min_by(|&a, &b| distance(i, a).total_cmp(&distance(i, b)));
            nearest.map(|j| chain[j])
        };
        (0..n).map(|i| (core[i], label(i))).collect()
    }

    #[test]
    fn core_labels_and_noise_are_those_of_the_definition() {
        let mut noise = 0;
        for seed in 0..40 {
            let mut rng = stream(seed, 1);
            let (n, d) = (rng.gen_range(20..400), rng.gen_range(1..6));
            // Coarse values collide and stand at exactly eps; fine ones do not.
            let steps = [2.0, 4.0, 1024.0][seed as usize % 3];
            let x =
                Array2::from_shape_fn((n, d), |_| (rng.gen_range(-1.0..1.0_f64).powi(3) * 4.0 * steps).round() / steps);
            let weights: Vec<f64> = (0..n).map(|_| f64::from(rng.gen_range(1..4_u8)) / 2.0).collect();
            let weights = if seed % 2 == 0 { vec![1.0; n] } else { weights };
            let eps = rng.gen_range(1..6) as f64 / 4.0;
            let model = Dbscan { eps, min_samples: rng.gen_range(2..7), ..Dbscan::default() };
            let points = Points { weights: Some(&weights), ..x.view().into() };
            let expected = by_definition(eps, model.min_samples, &x, &weights);
            let Ok(prototypes) = model.fit_points(points, 0) else {
                assert!(expected.iter().all(|(core, _)| !core), "seed {seed}");
                continue;
            };
            let found = labels(&prototypes, &x);
            let mut number = std::collections::BTreeMap::new();
            for (i, (core, chain)) in expected.iter().enumerate() {
                assert_eq!(found[i].is_none(), chain.is_none(), "seed {seed}, row {i}");
                noise += usize::from(chain.is_none());
                if let (true, Some(chain), Some(label)) = (core, chain, found[i]) {
                    assert_eq!(*number.entry(*chain).or_insert(label), label, "seed {seed}, row {i}");
                }
            }
            assert_eq!(number.len(), prototypes.n_clusters(), "seed {seed}");
            if seed % 2 == 0 {
                let linfa = Dbscan { implementation: Implementation::Linfa, ..model };
                assert_eq!(linfa.fit(x.view(), 0).unwrap(), prototypes, "seed {seed}");
            }
        }
        assert!(noise > 500, "only {noise} customers were noise");
    }

    #[test]
    fn threads_and_the_order_of_rows_change_nothing() {
        let mut rng = stream(5, 0);
        let x =
            Array2::from_shape_fn((20_000, 3), |_| (rng.gen_range(-1.0..1.0_f64).powi(3) * 65536.0).floor() / 65536.0);
        let model = Dbscan { eps: 0.02, min_samples: 6, ..Dbscan::default() };
        let with = |threads: usize, x: &Array2<f64>| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| model.fit(x.view(), 0).unwrap())
        };
        let one = with(1, &x);
        assert!(one.n_clusters() > 3);
        assert_eq!(with(3, &x), one);
        let reversed = x.slice(ndarray::s![..;-1, ..]).to_owned();
        assert_eq!(with(2, &reversed), one);
    }

    #[test]
    fn two_equal_rows_are_a_row_of_weight_two() {
        let x = array![[0.0], [0.5], [9.0], [9.5], [9.5], [30.0], [0.0]];
        let merged = array![[0.0], [0.5], [9.0], [9.5], [30.0]];
        let model = Dbscan { eps: 0.5, min_samples: 3, ..Dbscan::default() };
        let weights = [2.0, 1.0, 1.0, 2.0, 1.0];
        let points = Points { weights: Some(&weights), ..merged.view().into() };
        let prototypes = model.fit_points(points, 0).unwrap();
        assert_eq!(prototypes, model.fit(x.view(), 0).unwrap());
        assert_eq!(prototypes.n_clusters(), 2);
        let linfa = Dbscan { implementation: Implementation::Linfa, ..model };
        assert_eq!(linfa.fit_points(points, 0).unwrap_err().code(), "E0347");
    }

    #[test]
    fn columns_in_memory_are_no_trap() {
        let x = array![[0.0, 0.0, 5.0, 5.0], [0.0, 1.0, 5.0, 6.0]];
        let prototypes = Dbscan { eps: 1.0, min_samples: 2, ..Dbscan::default() }.fit(x.t(), 0).unwrap();
        assert_eq!(prototypes.n_clusters(), 2);
    }

    #[test]
    fn min_samples_grows_with_features_and_customers() {
        assert_eq!([auto_min_samples(100, 9), auto_min_samples(100_000, 2), auto_min_samples(0, 0)], [18, 12, 2]);
    }
}
