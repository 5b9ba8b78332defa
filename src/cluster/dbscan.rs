//! DBSCAN: groups of any shape where customers stand close together; the rest belong nowhere.
//!
//! # How it works
//!
//! A customer with at least `min_samples` customers within `eps` (itself included) is a *core* customer. Core customers
//! within `eps` of each other are in one cluster, and so on along the chain (Ester, Kriegel, Sander & Xu 1996; Schubert
//! et al. 2017). linfa finds the chains with a k-d tree; which customers are core is counted here, because linfa does
//! not tell. Rows are put into an order of our own first, so the order of the input cannot matter.
//!
//! # What does it mean to belong?
//!
//! The prototypes are the distinct core customers and their reach is `eps`: a customer belongs to the cluster of the
//! nearest core customer if that is within `eps` (the border included), and to none otherwise. So a new customer is
//! scored by the same rule. Core labels and noise are those of scikit-learn; a *border* customer within reach of two
//! clusters goes to the nearest core customer here, where other libraries let the order of rows decide.
//!
//! # Choosing its parameters
//!
//! `min_samples`: twice the number of features or `ln n`, whichever is more ([`auto_min_samples`]); more if many
//! customers share the same values. `eps`: the knee of the distance curve to the `min_samples - 1`-th neighbour
//! ([`super::kdistance`]); between 1 % and 30 % outside all clusters is sane. On log-scaled purchase data customers are
//! often one dense cloud: "one cluster and some outliers" is then the honest answer, and k-means the tool for segments.
//! Time and memory grow with the number of customers within `eps`.

use super::kdistance::{k_distances, knee, three_digits};
use super::{Clusterer, Implementation, Points, Prototypes, out_of_bounds, sorted_rows};
use super::{squared_distance, stream};
use crate::error::{Error, Result};
use linfa::{ParamGuard, traits::Transformer};
use linfa_nn::{CommonNearestNeighbour, KdTreeIndex, NearestNeighbourIndex, distance::L2Dist};
use ndarray::{Array1, Array2, ArrayView2, Axis};
use rand::seq::SliceRandom;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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

impl Dbscan {
    /// linfa's cluster of every row of `x` and, beside it, whether the row is core. Both count a distance of exactly
    /// `eps`: linfa's k-d tree does, its linear search and ball tree do not.
    fn labels_and_core(&self, x: &Array2<f64>) -> Result<(Array1<Option<usize>>, Vec<bool>)> {
        let params = linfa_clustering::Dbscan::params_with(self.min_samples, L2Dist, CommonNearestNeighbour::KdTree)
            .tolerance(self.eps)
            .check()
            .map_err(|error| Error::new("E0499", format!("linfa's DBSCAN refused: {error}")))?;
        let count_core = || -> Result<Vec<bool>> {
            let tree = KdTreeIndex::new(x, 16, L2Dist)
                .map_err(|error| Error::new("E0499", format!("linfa's k-d tree refused: {error}")))?;
            let is_core = |i| tree.within_range(x.row(i), self.eps).is_ok_and(|near| near.len() >= self.min_samples);
            Ok((0..x.nrows()).into_par_iter().map(is_core).collect())
        };
        let (core, labels) = rayon::join(count_core, || params.transform(x));
        Ok((labels, core?))
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

    /// Refuses what would take hours: neighbours are counted for a few rows (`x` is shuffled) before all are.
    fn check_effort(&self, x: &Array2<f64>) -> Result<()> {
        const ASKED: usize = 50;
        const MOST_PAIRS: f64 = 2e10;
        if (x.nrows() as f64) * (x.nrows() as f64) <= MOST_PAIRS {
            return Ok(());
        }
        let reach = self.eps * self.eps;
        let near = |asked: usize| {
            let asked = x.row(asked).to_vec();
            x.rows()
                .into_iter()
                .filter(|row| row.as_slice().is_some_and(|r| squared_distance(&asked, r) <= reach))
                .count()
        };
        let mean = (0..ASKED).into_par_iter().map(near).sum::<usize>() / ASKED;
        if mean as f64 * x.nrows() as f64 <= MOST_PAIRS {
            return Ok(());
        }
        let customers = x.nrows();
        Err(Error::new(
            "E0413",
            format!("{customers} customers with about {mean} neighbours each within eps = {}", self.eps),
        )
        .why("looking at every pair of neighbours would take hours")
        .help("a smaller eps, a sample of customers, or algorithm = \"kmeans\""))
    }

    fn all_noise(&self, x: ArrayView2<f64>) -> Error {
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
        let x = points.x;
        let n = x.nrows();
        self.check_rows(n)?;
        let x = sorted_rows(x);
        // linfa grows its tree row by row, and from sorted rows it would grow a list.
        let mut order: Vec<usize> = (0..n).collect();
        order.shuffle(&mut stream(0, 0));
        let shuffled = x.select(Axis(0), &order);
        self.check_effort(&shuffled)?;
        let (labels, core) = self.labels_and_core(&shuffled)?;

        // Back in sorted order: clusters are numbered by their first core row, and equal rows stand side by side.
        let mut place = vec![0; n];
        order.iter().enumerate().for_each(|(shuffled, &row)| place[row] = shuffled);
        let mut rows: Vec<usize> = Vec::new();
        let mut numbers: Vec<usize> = Vec::new();
        let mut cluster = Vec::new();
        for row in (0..n).filter(|&row| core[place[row]]) {
            let Some(label) = labels[place[row]] else { continue };
            if rows.last().is_some_and(|&last| x.row(last) == x.row(row)) {
                continue;
            }
            let number = numbers.iter().position(|&seen| seen == label).unwrap_or_else(|| {
                numbers.push(label);
                numbers.len() - 1
            });
            rows.push(row);
            cluster.push(number);
        }
        if rows.is_empty() {
            return Err(self.all_noise(x.view()));
        }
        let prototypes = Prototypes::new(x.select(Axis(0), &rows), cluster, Some(self.eps))?;
        let mut sizes = vec![0_usize; prototypes.n_clusters()];
        prototypes.assign(x.view()).iter().filter_map(|a| a.cluster).for_each(|c| sizes[c] += 1);
        let mut largest_first: Vec<usize> = (0..sizes.len()).collect();
        largest_first.sort_by_key(|&c| std::cmp::Reverse(sizes[c]));
        Ok(prototypes.reorder(&largest_first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

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
        let error = fit(9.0, 5, &Array2::zeros((150_000, 1))).unwrap_err();
        assert_eq!(error.code(), "E0413");
        assert!(error.0.title.contains("about 150000 neighbours"), "{error}");
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
