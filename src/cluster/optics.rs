//! OPTICS: the groups that DBSCAN finds, from an order of customers in which dense ones stand together.
//!
//! # How it works
//!
//! Starting anywhere, the next customer is always the one that the customers so far reach most easily: at the larger of
//! a customer's core distance (`min_samples` customers stand within it, the customer included) and the distance between
//! the two, up to `max_eps` (Ankerst, Breunig, Kriegel & Sander 1999). The order and the distances are linfa's. A cut at
//! `eps` is ours (section 4.1 of the paper): a customer not reached within `eps` opens a cluster if its core distance is
//! within `eps`, everyone reached within `eps` continues the cluster that is open.
//!
//! linfa puts a start among its own neighbours, so the first customers of a new walk look as if they had been reached; the
//! cut finds where walks begin and sets that right.
//!
//! # What does it mean to belong?
//!
//! The prototypes are the distinct core customers of the cut, the reach is `eps`, and so clusters, labels and noise are
//! those of [`super::dbscan`] with the same `eps`. A new customer is scored by the same rule.
//!
//! # Choosing its parameters
//!
//! `min_samples`: as for DBSCAN. `max_eps`: how far to look, as little as the largest `eps` that is of interest; absent, it
//! is `eps`. `eps`: where the reachability curve has its walls; the knee of the distance curve ([`super::kdistance`]) is a
//! start. linfa sorts the customers it may visit next again and again, so this is for some ten thousand customers; DBSCAN
//! gives the same clusters for millions, HDBSCAN clusters of different densities.

use super::tree::{Distinct, Nearby, Tree, kth_squared};
use super::{Clusterer, Dbscan, Points, Prototypes, out_of_bounds, sorted_rows, squared_distance, stream};
use crate::error::{Error, Result};
use linfa::{ParamGuard, traits::Transformer};
use linfa_clustering::{Optics as LinfaOptics, Sample};
use linfa_nn::{CommonNearestNeighbour, distance::L2Dist};
use ndarray::{Array2, ArrayView2, Axis};
use rand::seq::SliceRandom;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// linfa would sort for hours beyond.
const MOST_ROWS: usize = 50_000;

/// Hyperparameters of OPTICS; see the [module](self).
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Debug)]
#[serde(default, deny_unknown_fields)]
pub struct Optics {
    /// A core customer has so many neighbours, itself included; 2 or more.
    pub min_samples: usize,
    /// Customers farther apart (Euclidean, model space) do not see each other; `eps` or more, `eps` if absent.
    pub max_eps: Option<f64>,
    /// Where the order is cut into clusters; positive.
    pub eps: f64,
}

impl Default for Optics {
    fn default() -> Self {
        Self { min_samples: 5, max_eps: None, eps: 0.5 }
    }
}

impl Optics {
    fn dbscan(&self) -> Dbscan {
        Dbscan { eps: self.eps, min_samples: self.min_samples, ..Dbscan::default() }
    }

    fn max_eps(&self) -> f64 {
        self.max_eps.unwrap_or(self.eps)
    }

    /// The cluster of every row that is core at `eps`, numbered as they are met.
    fn cut(&self, x: ArrayView2<f64>, order: &[Sample<f64>], is_core: &[bool]) -> Vec<Option<usize>> {
        let far = self.max_eps() * self.max_eps();
        let distance =
            |a: usize, b: usize| x.row(a).to_slice().zip(x.row(b).to_slice()).map(|(a, b)| squared_distance(a, b));
        let mut core_distance = vec![None; x.nrows()];
        order.iter().for_each(|sample| core_distance[sample.index()] = *sample.core_distance());
        let mut visited = vec![false; x.nrows()];
        let (mut start, mut begun) = (0, None);
        let (mut clusters, mut open) = (0, None);
        let mut cluster = vec![None; x.nrows()];
        for (at, sample) in order.iter().enumerate() {
            let row = sample.index();
            // A walk begins at the first row not visited, whose core distance is all that its first step can show.
            while visited[start] {
                start += 1;
            }
            let reached = *sample.reachability_distance();
            let seen_before = || {
                let sees = |earlier: &Sample<f64>| {
                    earlier.core_distance().is_some() && distance(earlier.index(), row).is_some_and(|d| d <= far)
                };
                order[..at].iter().any(sees)
            };
            let begins =
                reached.is_none() || (begun != Some(start) && reached == core_distance[start] && !seen_before());
            if begins {
                begun = Some(start);
            }
            if begins || reached.is_none_or(|reached| reached > self.eps) {
                open = None;
            }
            if is_core[row] {
                cluster[row] = Some(*open.get_or_insert_with(|| {
                    clusters += 1;
                    clusters - 1
                }));
            }
            visited[row] = true;
        }
        cluster
    }
}

impl Clusterer for Optics {
    fn check(&self) -> Result<()> {
        self.dbscan().check()?;
        match self.max_eps {
            Some(max_eps) if !(max_eps >= self.eps && max_eps.is_finite()) => {
                let bounds = format!("at least eps = {}, and finite", self.eps);
                Err(out_of_bounds("max_eps", max_eps, &bounds, &format!("max_eps = {}", self.eps)))
            }
            _ => Ok(()),
        }
    }

    /// Draws nothing: `seed` has no effect.
    fn fit_points(&self, points: Points, _seed: u64) -> Result<Prototypes> {
        self.check()?;
        points.check()?;
        points.refuse_codes("OPTICS")?;
        if points.weights.is_some_and(|weights| weights.iter().any(|&w| w != 1.0)) {
            return Err(Error::new("E0347", "linfa's OPTICS knows no weights").help("algorithm = \"dbscan\""));
        }
        let n = points.x.nrows();
        self.dbscan().check_rows(n)?;
        if n > MOST_ROWS {
            return Err(Error::new("E0413", format!("{n} customers, OPTICS orders at most {MOST_ROWS}"))
                .why("linfa would sort them again and again for hours")
                .help("algorithm = \"dbscan\", which gives the same clusters, or \"hdbscan\""));
        }
        // Sorted, so that the order of the input cannot matter; shuffled, because linfa grows its tree row by row.
        let mut order: Vec<usize> = (0..n).collect();
        order.shuffle(&mut stream(0, 0));
        let sorted = sorted_rows(points.x);
        let x = sorted.select(Axis(0), &order);
        let analysis = LinfaOptics::params_with(self.min_samples, L2Dist, CommonNearestNeighbour::KdTree)
            .tolerance(self.max_eps())
            .check()
            .map_err(|error| Error::new("E0499", format!("linfa's OPTICS refused: {error}")))?
            .transform(x.view());

        let distinct = Distinct::of(&points)?;
        let tree = Tree::new(&distinct.points, distinct.width);
        let weights = distinct.weights_in(&tree);
        let mut nearby = Nearby::new(self.min_samples as f64);
        // By squares as in DBSCAN: linfa's roots may round to eps what is a hair beyond.
        let mut is_core_row = |row: ndarray::ArrayView1<f64>| {
            let squared = kth_squared(&tree, &row.to_vec(), weights.as_deref(), &mut nearby);
            squared <= self.eps * self.eps
        };
        let is_core: Vec<bool> = x.rows().into_iter().map(&mut is_core_row).collect();
        let cluster = self.cut(x.view(), analysis.as_slice(), &is_core);
        self.prototypes(&sorted, &order, &cluster)
    }
}

impl Optics {
    /// Distinct core rows, numbered as DBSCAN numbers them; `order` has the row of `sorted` of every entry of `cluster`.
    fn prototypes(&self, sorted: &Array2<f64>, order: &[usize], cluster: &[Option<usize>]) -> Result<Prototypes> {
        let mut found = vec![None; order.len()];
        order.iter().zip(cluster).for_each(|(&row, &cluster)| found[row] = cluster);
        let mut rows: Vec<usize> = Vec::new();
        let mut numbers: Vec<usize> = Vec::new();
        let mut labels = Vec::new();
        for (row, label) in found.iter().enumerate().filter_map(|(row, label)| label.map(|label| (row, label))) {
            if rows.last().is_some_and(|&last| sorted.row(last) == sorted.row(row)) {
                continue;
            }
            let number = numbers.iter().position(|&seen| seen == label).unwrap_or_else(|| {
                numbers.push(label);
                numbers.len() - 1
            });
            rows.push(row);
            labels.push(number);
        }
        if rows.is_empty() {
            return Err(self.dbscan().all_noise(sorted.view()));
        }
        let prototypes = Prototypes::new(sorted.select(Axis(0), &rows), labels, Some(self.eps))?;
        let mut sizes = vec![0_usize; prototypes.n_clusters()];
        prototypes.assign(sorted.view()).iter().filter_map(|a| a.cluster).for_each(|c| sizes[c] += 1);
        let mut largest_first: Vec<usize> = (0..sizes.len()).collect();
        largest_first.sort_by_key(|&c| std::cmp::Reverse(sizes[c]));
        Ok(prototypes.reorder(&largest_first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;
    use rand::Rng;

    #[test]
    fn a_cut_gives_the_prototypes_of_dbscan() {
        let mut clusters = 0;
        for seed in 0..60 {
            let mut rng = stream(seed, 4);
            let (n, d) = (rng.gen_range(20..300), rng.gen_range(1..5));
            let steps = [2.0, 4.0, 1e6][seed as usize % 3];
            let x =
                Array2::from_shape_fn((n, d), |_| (rng.gen_range(-1.0..1.0_f64).powi(3) * 4.0 * steps).round() / steps);
            let eps = rng.gen_range(1..6) as f64 / 4.0;
            let max_eps = [None, Some(eps), Some(eps * 2.0), Some(100.0)][seed as usize % 4];
            let model = Optics { min_samples: rng.gen_range(2..7), max_eps, eps };
            match (model.fit(x.view(), 0), model.dbscan().fit(x.view(), 0)) {
                (Ok(found), Ok(expected)) => {
                    assert_eq!(found, expected, "seed {seed}");
                    clusters += found.n_clusters();
                }
                (Err(found), Err(expected)) => assert_eq!(found.code(), expected.code(), "seed {seed}"),
                (found, expected) => panic!("seed {seed}: {found:?} {expected:?}"),
            }
        }
        assert!(clusters > 150, "{clusters} clusters are no test");
    }

    #[test]
    fn bounds_and_bad_data_are_named() {
        let x = array![[0.0], [1.0], [2.0]];
        let fit = |model: Optics| model.fit(x.view(), 0).unwrap_err();
        let error = fit(Optics { max_eps: Some(0.2), ..Optics::default() });
        assert_eq!(error.code(), "E0205");
        assert!(error.0.title.contains("`max_eps = 0.2`") && error.0.title.contains("must be"), "{error}");
        assert!(fit(Optics { eps: 0.0, ..Optics::default() }).0.title.contains("`eps = 0`"));
        assert!(fit(Optics { min_samples: 1, ..Optics::default() }).0.title.contains("`min_samples = 1`"));
        assert_eq!(fit(Optics::default()).code(), "E0401");
        assert_eq!(fit(Optics { min_samples: 2, ..Optics::default() }).code(), "E0411");
        let many = Array2::zeros((MOST_ROWS + 1, 1));
        assert_eq!(Optics::default().fit(many.view(), 0).unwrap_err().code(), "E0413");
        let points = Points { weights: Some(&[1.0, 2.0, 1.0]), ..x.view().into() };
        let error = Optics { min_samples: 2, eps: 1.0, max_eps: None }.fit_points(points, 0).unwrap_err();
        assert_eq!(error.code(), "E0347");
    }
}
