//! A size floor: clusters too small to act on are given to their neighbours, for any algorithm.
//!
//! The smallest cluster below the floor is dissolved (of equal ones the one with the highest number), and again until
//! none is left or all are one. Its prototypes get the number of the cluster that comes second for most of its
//! customers; so labels stay a function of prototypes, whatever the rule: a small centroid goes on to attract
//! customers, but for the other cluster, and the densities of a mixture's components add up. Customers whom nobody
//! reaches stay outside.

use super::{Points, Prototypes, out_of_bounds};
use crate::error::Result;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The least size of a cluster: the larger of the two where both are given.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, PartialEq, Debug, Default)]
#[serde(default, deny_unknown_fields)]
pub struct Floor {
    /// Least share of all customers, those outside all clusters included; 0 to 0.5.
    pub share: f64,
    /// Least number of customers (sum of weights); 0 or more.
    pub count: f64,
}

/// A cluster that was dissolved.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Debug)]
pub struct Merged {
    /// Its number as the algorithm gave it.
    pub cluster: usize,
    /// Its customers (sum of weights) when it was dissolved, those of clusters dissolved into it before included.
    pub customers: f64,
    /// The number, as the algorithm gave it, of the cluster that got them.
    pub into: usize,
}

impl std::fmt::Display for Merged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { cluster, customers, into } = self;
        let noun = if *customers == 1.0 { "customer" } else { "customers" };
        write!(f, "cluster {cluster} with {customers} {noun} into cluster {into}")
    }
}

impl Floor {
    /// Any customer is enough.
    pub(super) const NOT_EMPTY: Self = Self { share: 0.0, count: f64::MIN_POSITIVE };

    /// Checks the bounds.
    ///
    /// # Errors
    /// `E0205` names the field and its bounds.
    pub fn check(&self) -> Result<()> {
        if !(0.0..=0.5).contains(&self.share) {
            return Err(out_of_bounds("share", self.share, "from 0 to 0.5", "share = 0.02"));
        }
        if !(self.count >= 0.0 && self.count.is_finite()) {
            return Err(out_of_bounds("count", self.count, "0 or more and finite", "count = 30"));
        }
        Ok(())
    }

    /// Merges clusters of `prototypes` until each attracts enough of the `points` they were fitted to, and puts the
    /// largest first. What was merged comes in the order it happened.
    ///
    /// # Panics
    /// If the points do not fit the prototypes.
    pub fn apply(&self, prototypes: &Prototypes, points: Points) -> (Prototypes, Vec<Merged>) {
        let total: f64 = (0..points.x.nrows()).map(|row| points.weight(row)).sum();
        let least = self.count.max(self.share * total);
        let mut prototypes = prototypes.clone();
        let mut original: Vec<usize> = (0..prototypes.n_clusters()).collect();
        let mut merged = Vec::new();
        while prototypes.n_clusters() > 1 {
            let sizes = prototypes.sizes(points);
            let below = (0..sizes.len()).filter(|&cluster| sizes[cluster] < least);
            let Some(smallest) = below.min_by(|&a, &b| sizes[a].total_cmp(&sizes[b]).then(b.cmp(&a))) else { break };
            let into = neighbour(&prototypes, points, smallest);
            merged.push(Merged { cluster: original[smallest], customers: sizes[smallest], into: original[into] });
            prototypes = prototypes.merge(smallest, into);
            original.remove(smallest);
        }
        (prototypes.largest_first(points), merged)
    }
}

/// The cluster that is second for most of the weight of `cluster`, the lowest on a tie. Where it has no customers its
/// prototypes stand for them.
fn neighbour(prototypes: &Prototypes, points: Points, cluster: usize) -> usize {
    let mut votes = vec![0.0; prototypes.n_clusters()];
    for (row, assignment) in prototypes.assign_points(points).iter().enumerate() {
        if let (Some(own), Some(second)) = (assignment.cluster, assignment.second)
            && own == cluster
        {
            votes[second] += points.weight(row);
        }
    }
    if votes.iter().all(|&votes| votes == 0.0) {
        for (assignment, &own) in prototypes.assign_points(prototypes.as_points()).iter().zip(prototypes.cluster()) {
            // An empty cluster may not even attract its own prototypes.
            let other = assignment.cluster.filter(|&c| c != cluster).or(assignment.second.filter(|&c| c != cluster));
            if let Some(other) = other
                && own == cluster
            {
                votes[other] += 1.0;
            }
        }
    }
    votes[cluster] = -1.0;
    // The last of the largest in reverse order is the first.
    (0..votes.len()).rev().max_by(|&a, &b| votes[a].total_cmp(&votes[b])).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::prototypes::Rule;
    use ndarray::{Array2, array};

    /// Rows around 0 (6), 10 (1), 13 (2) and 100 (4), with the centroids in that order of size.
    fn four() -> (Array2<f64>, Prototypes) {
        let x = [0.0, 0.0, 0.25, 0.25, 0.5, 0.5, 10.0, 13.0, 13.0, 100.0, 100.0, 101.0, 101.0];
        let points = array![[0.25], [100.5], [13.0], [10.0]];
        (Array2::from_shape_vec((13, 1), x.to_vec()).unwrap(), Prototypes::new(points, vec![0, 1, 2, 3], None).unwrap())
    }

    fn labels(prototypes: &Prototypes, x: &Array2<f64>) -> Vec<Option<usize>> {
        prototypes.assign(x.view()).iter().map(|a| a.cluster).collect()
    }

    #[test]
    fn small_clusters_join_their_neighbour_until_all_are_large_enough() {
        let (x, prototypes) = four();
        let (floored, merged) = Floor { count: 4.0, share: 0.0 }.apply(&prototypes, x.view().into());
        let said: Vec<String> = merged.iter().map(Merged::to_string).collect();
        assert_eq!(said, ["cluster 3 with 1 customer into cluster 2", "cluster 2 with 3 customers into cluster 0"]);
        assert_eq!(floored.n_clusters(), 2);
        assert_eq!(floored.points().nrows(), 4, "prototypes stay, only their cluster changes");
        assert_eq!(labels(&floored, &x), [vec![Some(0); 9], vec![Some(1); 4]].concat());
        // The same labels for customers scored alone.
        assert_eq!(labels(&floored, &array![[11.0], [90.0]]), [Some(0), Some(1)]);
    }

    #[test]
    fn the_largest_comes_first_after_merging() {
        let x = array![[0.0], [0.0], [0.0], [50.0], [50.0], [53.0], [53.0]];
        let prototypes = Prototypes::new(array![[0.0], [50.0], [53.0]], vec![0, 1, 2], None).unwrap();
        let (floored, merged) = Floor { count: 3.0, share: 0.0 }.apply(&prototypes, x.view().into());
        assert_eq!(merged, [Merged { cluster: 2, customers: 2.0, into: 1 }], "of equal sizes the highest number goes");
        assert_eq!(labels(&floored, &x)[0], Some(1));
        assert_eq!(labels(&floored, &x)[6], Some(0));
    }

    #[test]
    fn a_share_counts_weights_and_nothing_is_merged_above_it() {
        let (x, prototypes) = four();
        let weights: Vec<f64> = (0..13).map(|row| if row == 6 { 20.0 } else { 1.0 }).collect();
        let points = || Points { weights: Some(&weights), ..x.view().into() };
        let (floored, merged) = Floor { share: 0.1, count: 0.0 }.apply(&prototypes, points());
        // 10 % of 32 customers is above the 2 of cluster 2 only.
        assert_eq!(merged, [Merged { cluster: 2, customers: 2.0, into: 3 }]);
        let (again, merged) = Floor { share: 0.1, count: 0.0 }.apply(&floored, points());
        assert_eq!((again, merged), (floored, vec![]));
    }

    #[test]
    fn one_cluster_is_left_when_nothing_is_large_enough() {
        let (x, prototypes) = four();
        let (floored, merged) = Floor { count: 1000.0, share: 0.0 }.apply(&prototypes, x.view().into());
        assert_eq!((floored.n_clusters(), merged.len()), (1, 3));
    }

    #[test]
    fn noise_stays_outside_and_empty_clusters_go() {
        let (x, _) = four();
        // Nothing lies within reach of the prototype at 50; the next one is at 100.5.
        let points = array![[0.25], [50.0], [100.5]];
        let prototypes = Prototypes::new(points, vec![0, 1, 2], Some(2.0)).unwrap();
        let (floored, merged) = Floor::NOT_EMPTY.apply(&prototypes, x.view().into());
        assert_eq!(merged, [Merged { cluster: 1, customers: 0.0, into: 0 }]);
        assert_eq!(labels(&floored, &x)[6], None);
    }

    #[test]
    fn it_works_for_every_rule() {
        let (x, prototypes) = four();
        let rules = [
            Rule::Gaussian { weights: vec![0.5, 0.3, 0.1, 0.1], factors: Array2::ones((4, 1)) },
            Rule::Mixed { codes: Array2::zeros((4, 0)), gamma: 1.0 },
        ];
        for rule in rules {
            let name = format!("{rule:?}");
            let prototypes = Prototypes::with_rule(prototypes.points().to_owned(), vec![0, 1, 2, 3], rule).unwrap();
            let (floored, merged) = Floor { count: 4.0, share: 0.0 }.apply(&prototypes, x.view().into());
            assert_eq!((floored.n_clusters(), merged.len()), (2, 2), "{name}");
            assert_eq!(labels(&floored, &x), [vec![Some(0); 9], vec![Some(1); 4]].concat(), "{name}");
            let text = serde_json::to_string(&floored).unwrap();
            assert_eq!(serde_json::from_str::<Prototypes>(&text).unwrap(), floored);
        }
    }

    #[test]
    fn bounds_are_named() {
        for (floor, field) in [
            (Floor { share: 0.6, count: 0.0 }, "`share = 0.6`"),
            (Floor { share: f64::NAN, count: 0.0 }, "`share = NaN`"),
            (Floor { share: 0.0, count: -1.0 }, "`count = -1`"),
        ] {
            let error = floor.check().unwrap_err();
            assert!(error.code() == "E0205" && error.0.title.contains(field), "{error}");
        }
        assert!(Floor::default().check().is_ok());
    }
}
