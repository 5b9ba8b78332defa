//! Labelled points: what every algorithm returns, and the one thing that assigns customers.

mod closest;
pub mod density;
pub mod few;
mod gaussian;
mod mixed;
mod nearest;

pub(super) use mixed::dissimilarity;

use super::Points;
use super::kernel::score::NOWHERE;
use super::kernel::storage;
use super::kernel::transpose::Value;
use crate::error::{Error, Result};
use linfa::traits::PredictInplace;
use ndarray::{Array1, Array2, ArrayBase, ArrayView2, Axis, Data, Ix2};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// From so many prototypes on, one tree over all of them finds the nearest sooner than a scan.
const TREE_FROM: usize = 256;

/// Labelled points in model space, and the rule by which they assign customers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Rows", into = "Rows")]
pub struct Prototypes {
    /// Prototypes × features, C order, rows grouped by cluster.
    points: Array2<f64>,
    /// Cluster of each prototype, ascending.
    cluster: Vec<usize>,
    rule: Rule,
}

/// How prototypes assign a customer. A label is a function of the customer and the prototypes alone.
#[derive(Debug, Clone, PartialEq)]
pub enum Rule {
    /// The cluster of the prototype with the smallest squared distance, computed in `f64`, features added left to right
    /// without fused multiply-add; on a tie the lowest cluster index; none if the distance exceeds `reach`. K-means has
    /// its centroids and no reach; DBSCAN its core points and `reach = eps`.
    Nearest {
        /// Beyond this Euclidean distance nobody belongs.
        reach: Option<f64>,
    },
    /// The cluster with the largest share of the customer's density in a mixture of one Gaussian around every
    /// prototype, the densities of a cluster's prototypes added; on a tie the lowest cluster index.
    Gaussian {
        /// The share of every prototype in the mixture; they add up to 1.
        weights: Vec<f64>,
        /// Prototypes × `d (d + 1) / 2` for `d` features: by rows the lower triangle of the inverse of the Cholesky
        /// factor of every prototype's covariance.
        factors: Array2<f64>,
    },
    /// The cluster of the prototype with the smallest squared distance plus `gamma` for every level that differs; on a
    /// tie the lowest cluster index.
    Mixed {
        /// Prototypes × nominal features: the levels of every prototype.
        codes: Array2<u32>,
        /// What one differing level costs, in squared units of model space.
        gamma: f64,
    },
    /// The cluster of the spot in the condensed tree of an HDBSCAN fit where the customer would attach; see
    /// [`density`].
    Density(Box<density::Density>),
}

impl Rule {
    /// The rule of the prototypes `rows`, in that order, under new cluster numbers.
    fn select(&self, rows: &[usize], new_number: &[usize]) -> Self {
        match self {
            Rule::Nearest { reach } => Rule::Nearest { reach: *reach },
            Rule::Gaussian { weights, factors } => Rule::Gaussian {
                weights: rows.iter().map(|&row| weights[row]).collect(),
                factors: factors.select(Axis(0), rows),
            },
            Rule::Mixed { codes, gamma } => Rule::Mixed { codes: codes.select(Axis(0), rows), gamma: *gamma },
            Rule::Density(density) => Rule::Density(Box::new(density.reorder(new_number, rows))),
        }
    }

    /// Refuses what does not fit so many clusters of `points`.
    fn check(&self, points: ArrayView2<f64>, clusters: usize) -> Result<()> {
        let (rows, columns) = points.dim();
        let damage = match self {
            Rule::Nearest { reach } => reach
                .filter(|reach| !(*reach > 0.0 && reach.is_finite()))
                .map(|reach| format!("reach = {reach} is neither positive nor finite")),
            Rule::Gaussian { weights, factors } => gaussian::damage(weights, factors.view(), rows, columns),
            Rule::Mixed { codes, gamma } => mixed::damage(codes.view(), *gamma, rows),
            Rule::Density(density) => return density.check(points, clusters),
        };
        damage.map_or(Ok(()), |damage| Err(damaged(damage)))
    }
}

/// The file form of [`Prototypes`].
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rows {
    points: Vec<Vec<f64>>,
    cluster: Vec<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reach: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gaussian: Option<gaussian::File>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mixed: Option<mixed::File>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    density: Option<density::DensityFile>,
}

/// A number that [`Prototypes::labels`] reads: `f64` or `f32`.
#[allow(private_bounds, reason = "the two implementations are all there are")]
pub trait Coordinate: Value {}

impl Coordinate for f64 {}
impl Coordinate for f32 {}

/// Where one customer belongs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Assignment {
    /// The label as [`Prototypes`] defines it.
    pub cluster: Option<usize>,
    /// How far the customer is from the nearest prototype, in or out of reach; infinite for a row that is not finite.
    /// By [`Rule::Nearest`] the Euclidean distance; by [`Rule::Mixed`] the root of squared distance and cost of levels;
    /// by [`Rule::Gaussian`] the root of twice the difference between the highest peak of log density and the log
    /// density of the cluster here: for the cluster with the highest peak, the Mahalanobis distance to its mean.
    pub distance: f64,
    /// The nearest other cluster: other than that of the nearest prototype. None if there is one cluster only.
    pub second: Option<usize>,
    /// The same distance to the nearest prototype of `second`; infinite if there is none.
    pub second_distance: f64,
    /// How firmly the customer belongs, 0 to 1 and 0 without a cluster: by [`Rule::Gaussian`] the posterior probability of
    /// `cluster`, by [`Rule::Density`] the membership strength; none if the rule does not tell.
    pub strength: Option<f64>,
    /// How lonely the customer is beside its surroundings, 0 to 1; none if the rule does not tell.
    pub outlier: Option<f64>,
}

/// A cluster and the squared distance to its nearest prototype; none and infinite if there is none.
type Found = (Option<usize>, f64);

impl Assignment {
    /// By the nearest prototype and the nearest of another cluster: nobody belongs beyond `reach`.
    fn nearest(first: Found, second: Found, reach: Option<f64>) -> Self {
        let in_reach = reach.is_none_or(|reach| first.1 <= reach * reach);
        Self {
            cluster: first.0.filter(|_| in_reach),
            distance: first.1.sqrt(),
            second: second.0,
            second_distance: second.1.sqrt(),
            strength: None,
            outlier: None,
        }
    }

    /// How clear the choice is, `(d2 - d1) / d2`: 0 on the border between two clusters, 1 on a prototype or when there
    /// is one cluster only (the simplified silhouette of Hruschka, de Castro & Campello 2004).
    pub fn margin(&self) -> f64 {
        if self.second_distance == f64::INFINITY {
            1.0
        } else if self.second_distance > 0.0 {
            (self.second_distance - self.distance) / self.second_distance
        } else {
            0.0
        }
    }
}

/// Squared Euclidean distance, features added left to right. Rust never fuses the multiplication with the addition.
pub fn squared_distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).fold(0.0, |sum, (a, b)| {
        let difference = a - b;
        sum + difference * difference
    })
}

fn damaged(what: String) -> Error {
    Error::new("E0603", what).help("restore the model file, or fit the model again")
}

impl Prototypes {
    /// Prototypes of [`Rule::Nearest`]; see [`Prototypes::with_rule`].
    ///
    /// # Errors
    /// Of [`Prototypes::with_rule`].
    pub fn new(points: Array2<f64>, cluster: Vec<usize>, reach: Option<f64>) -> Result<Self> {
        Self::with_rule(points, cluster, Rule::Nearest { reach })
    }

    /// Groups the points by cluster, keeping their order within one; what the rule says of every point moves with it.
    ///
    /// # Errors
    /// `E0603` unless there is at least one point with a feature (or level), one cluster number per point, every cluster
    /// from 0 to the highest present, every value finite, and the rule fits the points.
    pub fn with_rule(points: Array2<f64>, cluster: Vec<usize>, rule: Rule) -> Result<Self> {
        let (rows, columns) = points.dim();
        let levels = if let Rule::Mixed { codes, .. } = &rule { codes.ncols() } else { 0 };
        if rows == 0 || columns + levels == 0 || rows != cluster.len() {
            let numbers = cluster.len();
            return Err(damaged(format!("{rows} prototypes with {columns} features and {numbers} cluster numbers")));
        }
        if let Some(at) = points.rows().into_iter().position(|row| row.iter().any(|v| !v.is_finite())) {
            return Err(damaged(format!("prototype {at} has a value that is not finite")));
        }
        rule.check(points.view(), cluster.iter().max().map_or(0, |last| last + 1))?;
        let mut order: Vec<usize> = (0..cluster.len()).collect();
        order.sort_by_key(|&i| cluster[i]);
        let mut starts: Vec<usize> = order.iter().map(|&i| cluster[i]).collect();
        starts.dedup();
        if starts.iter().enumerate().any(|(number, &start)| number != start) {
            return Err(damaged("cluster numbers have a gap: every number from 0 on needs a prototype".into()));
        }
        let points = if points.is_standard_layout() { points } else { points.as_standard_layout().into_owned() };
        let identity: Vec<usize> = (0..starts.len()).collect();
        Ok(Self { points, cluster, rule }.in_order(&order, &identity))
    }

    /// Prototypes in the order `rows` under new cluster numbers.
    fn in_order(self, rows: &[usize], new_number: &[usize]) -> Self {
        if rows.is_sorted() && new_number.iter().enumerate().all(|(old, &new)| old == new) {
            return self;
        }
        Self {
            points: self.points.select(Axis(0), rows),
            cluster: rows.iter().map(|&row| new_number[self.cluster[row]]).collect(),
            rule: self.rule.select(rows, new_number),
        }
    }

    /// Prototypes × features, C order, rows grouped by cluster.
    pub fn points(&self) -> ArrayView2<'_, f64> {
        self.points.view()
    }

    /// The cluster of each prototype, ascending.
    pub fn cluster(&self) -> &[usize] {
        &self.cluster
    }

    /// How customers are assigned.
    pub fn rule(&self) -> &Rule {
        &self.rule
    }

    /// The Euclidean distance beyond which nobody belongs.
    pub fn reach(&self) -> Option<f64> {
        if let Rule::Nearest { reach } = self.rule { reach } else { None }
    }

    /// Number of clusters, at least 1.
    pub fn n_clusters(&self) -> usize {
        self.cluster.last().map_or(0, |last| last + 1)
    }

    /// Number of features of a point.
    pub fn n_features(&self) -> usize {
        self.points.ncols()
    }

    /// The same prototypes under new cluster numbers: old cluster `order[i]` becomes `i`. Ties between clusters go to
    /// the lowest *new* number, so labels are to be taken after the last renumbering.
    ///
    /// # Panics
    /// If `order` is not a permutation of the cluster numbers.
    #[must_use]
    pub fn reorder(&self, order: &[usize]) -> Self {
        let mut new_number = vec![usize::MAX; self.n_clusters()];
        assert_eq!(order.len(), new_number.len(), "one entry per cluster");
        for (new, &old) in order.iter().enumerate() {
            assert_eq!(new_number[old], usize::MAX, "cluster {old} named twice");
            new_number[old] = new;
        }
        self.renumber(&new_number)
    }

    /// The same prototypes with those of cluster `from` given to cluster `into`; higher numbers move down by one. By
    /// every rule a customer of another cluster keeps it, except on ties and where the densities of both together
    /// exceed its own.
    ///
    /// # Panics
    /// If `from` and `into` are not two different clusters.
    #[must_use]
    pub fn merge(&self, from: usize, into: usize) -> Self {
        assert!(from != into && from.max(into) < self.n_clusters(), "two different clusters");
        let number = |old: usize| if old == from { into } else { old };
        let new_number: Vec<usize> =
            (0..self.n_clusters()).map(number).map(|n| if n > from { n - 1 } else { n }).collect();
        self.renumber(&new_number)
    }

    fn renumber(&self, new_number: &[usize]) -> Self {
        let mut rows: Vec<usize> = (0..self.cluster.len()).collect();
        rows.sort_by_key(|&row| new_number[self.cluster[row]]);
        self.clone().in_order(&rows, new_number)
    }

    /// The same prototypes with the clusters that attract most of the weight first, equal ones in the order they have.
    pub(super) fn largest_first(mut self, points: Points) -> Self {
        // A new number can move customers that lie exactly between two clusters, so sort again until it does not.
        for _ in 0..10 {
            let sizes = self.sizes(points);
            let mut order: Vec<usize> = (0..sizes.len()).collect();
            order.sort_by(|&a, &b| sizes[b].total_cmp(&sizes[a]));
            if order.is_sorted() {
                break;
            }
            self = self.reorder(&order);
        }
        self
    }

    /// The prototypes themselves as points.
    pub(super) fn as_points(&self) -> Points<'_> {
        let codes = if let Rule::Mixed { codes, .. } = &self.rule { Some(codes.view()) } else { None };
        Points { codes, ..self.points().into() }
    }

    /// The weight that every cluster attracts. Weights are added in the order of rows.
    pub(super) fn sizes(&self, points: Points) -> Vec<f64> {
        let mut sizes = vec![0.0; self.n_clusters()];
        for (row, assignment) in self.assign_points(points).iter().enumerate() {
            if let Some(cluster) = assignment.cluster {
                sizes[cluster] += points.weight(row);
            }
        }
        sizes
    }

    /// The posterior probability of every cluster (columns) for every row of `x` (rows × features); 0 everywhere for a
    /// row that is not finite. None unless the rule is [`Rule::Gaussian`].
    ///
    /// # Panics
    /// If `x` has another number of features than the prototypes.
    pub fn memberships(&self, x: ArrayView2<f64>) -> Option<Array2<f64>> {
        assert_eq!(x.ncols(), self.n_features(), "rows and prototypes need the same features");
        match &self.rule {
            Rule::Gaussian { weights, factors } => {
                Some(gaussian::memberships(self.points(), &self.cluster, weights, factors.view(), x))
            }
            Rule::Nearest { .. } | Rule::Mixed { .. } | Rule::Density(_) => None,
        }
    }

    /// Where every row of `x` (rows × features) belongs. Parallel over rows; the result does not depend on it.
    ///
    /// # Panics
    /// If `x` has another number of features than the prototypes.
    pub fn assign(&self, x: ArrayView2<f64>) -> Vec<Assignment> {
        self.assign_points(x.into())
    }

    /// The cluster of every row of `x` (rows × features, `f64` or `f32`), as [`Assignment::cluster`] says it but without
    /// distances and many times faster; -1 for a row that belongs nowhere, as scikit-learn has it.
    ///
    /// # Panics
    /// If `x` has another number of features than the prototypes.
    pub fn labels<V: Coordinate>(&self, x: ArrayView2<V>) -> Vec<i32> {
        let mut labels = storage::zeros(x.nrows());
        self.labels_into(x, &mut labels);
        labels
    }

    /// [`Prototypes::labels`] in memory that is there: to score many batches, where first touches of new memory would cost as
    /// much as the scoring.
    ///
    /// # Panics
    /// If `x` has another number of features than the prototypes, or of rows than there are labels.
    pub fn labels_into<V: Coordinate>(&self, x: ArrayView2<V>, labels: &mut [i32]) {
        assert_eq!(x.ncols(), self.n_features(), "rows and prototypes need the same features");
        assert_eq!(x.nrows(), labels.len(), "every row needs a label");
        if let Rule::Nearest { reach } = self.rule
            && nearest::label(self.points(), &self.cluster, reach, x, labels)
        {
            return;
        }
        let assigned = self.assign(x.mapv(V::wide).view());
        let number = |a: &Assignment| a.cluster.map_or(NOWHERE, |cluster| cluster as i32);
        labels.iter_mut().zip(&assigned).for_each(|(label, a)| *label = number(a));
    }

    /// [`Prototypes::labels`] of `points`, which may have codes, as numbers or nothing.
    ///
    /// # Panics
    /// As [`Prototypes::assign_points`].
    pub fn clusters_of(&self, points: Points) -> Vec<Option<usize>> {
        if matches!(self.rule, Rule::Mixed { .. }) {
            return self.assign_points(points).iter().map(|a| a.cluster).collect();
        }
        self.labels(points.x).into_par_iter().map(|label| usize::try_from(label).ok()).collect()
    }

    /// Where every one of `points` belongs; weights have no effect, and codes none unless the rule is [`Rule::Mixed`].
    /// See [`Prototypes::assign`].
    ///
    /// # Panics
    /// If `points` have another number of features (or of nominal features, by that rule) than the prototypes.
    pub fn assign_points(&self, points: Points) -> Vec<Assignment> {
        assert_eq!(points.x.ncols(), self.n_features(), "rows and prototypes need the same features");
        match &self.rule {
            Rule::Nearest { reach } if self.cluster.len() >= TREE_FROM => {
                closest::assign(self.points(), &self.cluster, *reach, points.x)
            }
            Rule::Nearest { reach } => nearest::assign(self.points(), &self.cluster, *reach, points.x),
            Rule::Gaussian { weights, factors } => {
                gaussian::assign(self.points(), &self.cluster, weights, factors.view(), points.x)
            }
            Rule::Mixed { codes, gamma } => mixed::assign(self.points(), codes.view(), &self.cluster, *gamma, points),
            Rule::Density(density) => density::assign(self.points(), &self.cluster, density, points.x),
        }
    }
}

impl TryFrom<Rows> for Prototypes {
    type Error = Error;

    fn try_from(file: Rows) -> Result<Self> {
        let rows = file.points.len();
        let columns = file.points.first().map_or(0, Vec::len);
        let unequal = || {
            Error::new("E0603", format!("{rows} prototypes with unequal numbers of features"))
                .help("restore the model file, or fit the model again")
        };
        if file.points.iter().any(|point| point.len() != columns) {
            return Err(unequal());
        }
        let flat: Vec<f64> = file.points.into_iter().flatten().collect();
        let points = Array2::from_shape_vec((rows, columns), flat).map_err(|_| unequal())?;
        let rule = match (file.reach, file.gaussian, file.mixed, file.density) {
            (reach, None, None, None) => Rule::Nearest { reach },
            (None, Some(gaussian), None, None) => gaussian.rule()?,
            (None, None, Some(mixed), None) => mixed.rule()?,
            (None, None, None, Some(density)) => Rule::Density(Box::new(density.read(columns)?)),
            _ => return Err(damaged("prototypes with two rules at once".into())),
        };
        Self::with_rule(points, file.cluster, rule)
    }
}

impl From<Prototypes> for Rows {
    fn from(prototypes: Prototypes) -> Self {
        let (mut reach, mut gaussian, mut mixed, mut density) = (None, None, None, None);
        match prototypes.rule {
            Rule::Nearest { reach: of_rule } => reach = of_rule,
            Rule::Gaussian { weights, factors } => gaussian = Some(gaussian::File::new(weights, factors.view())),
            Rule::Mixed { codes, gamma } => mixed = Some(mixed::File::new(codes.view(), gamma)),
            Rule::Density(of_rule) => density = Some((*of_rule).into()),
        }
        Self {
            points: prototypes.points.rows().into_iter().map(|row| row.to_vec()).collect(),
            cluster: prototypes.cluster,
            reach,
            gaussian,
            mixed,
            density,
        }
    }
}

impl<D: Data<Elem = f64>> PredictInplace<ArrayBase<D, Ix2>, Array1<Option<usize>>> for Prototypes {
    fn predict_inplace(&self, x: &ArrayBase<D, Ix2>, y: &mut Array1<Option<usize>>) {
        assert_eq!(x.nrows(), y.len(), "one label per row");
        for (label, assignment) in y.iter_mut().zip(self.assign(x.view())) {
            *label = assignment.cluster;
        }
    }

    fn default_target(&self, x: &ArrayBase<D, Ix2>) -> Array1<Option<usize>> {
        Array1::from_elem(x.nrows(), None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;
    use rand::Rng;

    /// Points on the grid of model space, coarse enough for many ties.
    fn grid(rows: usize, columns: usize, seed: u64) -> Array2<f64> {
        let mut rng = crate::cluster::stream(seed, 0);
        Array2::from_shape_fn((rows, columns), |_| f64::from(rng.gen_range(-20..20)) / 4.0)
    }

    #[test]
    fn ties_go_to_the_lowest_cluster_and_reach_is_inclusive() {
        let prototypes = Prototypes::new(array![[2.0], [0.0]], vec![1, 0], Some(1.0)).unwrap();
        let labels = prototypes.assign(array![[1.0], [3.0], [3.5], [f64::NAN]].view());
        assert_eq!(
            labels[0],
            Assignment {
                cluster: Some(0),
                distance: 1.0,
                second: Some(1),
                second_distance: 1.0,
                strength: None,
                outlier: None,
            }
        );
        assert_eq!(labels[0].margin(), 0.0);
        assert_eq!(labels[1].cluster, Some(1));
        assert_eq!((labels[2].cluster, labels[2].distance, labels[2].second), (None, 1.5, Some(0)));
        assert_eq!((labels[3].cluster, labels[3].distance), (None, f64::INFINITY));
    }

    #[test]
    fn margin_runs_from_border_to_prototype() {
        let two = Prototypes::new(array![[0.0], [4.0]], vec![0, 1], None).unwrap();
        let margins: Vec<f64> = two.assign(array![[0.0], [1.0], [2.0]].view()).iter().map(Assignment::margin).collect();
        assert_eq!(margins, [1.0, 2.0 / 3.0, 0.0]);
        let one = Prototypes::new(array![[0.0]], vec![0], None).unwrap();
        assert_eq!(one.assign(array![[7.0]].view())[0].margin(), 1.0);
    }

    #[test]
    fn renumbering_moves_labels_and_points_together() {
        let old = Prototypes::new(array![[0.0], [5.0], [9.0], [6.0]], vec![0, 1, 2, 1], None).unwrap();
        let new = old.reorder(&[1, 2, 0]);
        assert_eq!(new.cluster(), [0, 0, 1, 2]);
        assert_eq!(new.points(), array![[5.0], [6.0], [9.0], [0.0]]);
        let x = array![[0.1], [5.9], [8.8]];
        let labels: Vec<_> = new.assign(x.view()).iter().map(|a| a.cluster).collect();
        assert_eq!(labels, [Some(2), Some(0), Some(1)]);
    }

    #[test]
    fn a_file_comes_back_to_the_bit_or_is_refused() {
        let prototypes = Prototypes::new(array![[0.1, -7.3e-9], [1.0 / 3.0, 2.0]], vec![0, 1], Some(0.7)).unwrap();
        let text = serde_json::to_string(&prototypes).unwrap();
        assert_eq!(serde_json::from_str::<Prototypes>(&text).unwrap(), prototypes);
        for damaged in [
            r#"{"points":[[1,2],[3]],"cluster":[0,1]}"#,
            r#"{"points":[[1,2],[3,4,5],[6]],"cluster":[0,1,1]}"#,
            r#"{"points":[[1],[2]],"cluster":[0]}"#,
            r#"{"points":[[1],[2]],"cluster":[0,2]}"#,
            r#"{"points":[[1],[2]],"cluster":[1,2]}"#,
            r#"{"points":[],"cluster":[]}"#,
            r#"{"points":[[1]],"cluster":[0],"reach":-1.0}"#,
        ] {
            assert!(serde_json::from_str::<Prototypes>(damaged).is_err(), "{damaged}");
        }
    }

    #[test]
    fn any_memory_layout_gives_the_same_labels() {
        let x = grid(50, 3, 9);
        let prototypes = Prototypes::new(grid(6, 3, 1), vec![0, 1, 2, 0, 1, 2], None).unwrap();
        let mut columns = Array2::zeros((3, 50));
        columns.assign(&x.t());
        assert_eq!(prototypes.assign(x.view()), prototypes.assign(columns.t()));
    }
}
