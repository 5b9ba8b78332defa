//! Ward's hierarchy: nested groups, from every customer alone to all together.
//!
//! # How it works
//!
//! Every customer begins as a group of its own; again and again the two groups are merged whose union adds least to
//! the sum of squared distances to centroids (Ward 1963), until one is left. Cutting this [`Tree`] where `n_clusters`
//! groups are left gives the clusters. It is the criterion of R's `ward.D2` and of scikit-learn's and SciPy's `ward`;
//! R's `ward.D` on distances that are not squared is another one (Murtagh & Legendre 2014).
//!
//! Equal customers are one row with a weight. Up to 20,000 different rows the hierarchy is exact, in memory that grows
//! with the rows and time that grows with their square. Beyond, k-means first makes `micro_clusters` small groups, and
//! the hierarchy is that of their weighted centroids.
//!
//! # What does it mean to belong?
//!
//! The prototypes are the different customers themselves (or the centroids of the micro-clusters), each labelled by
//! the cut. A new customer belongs where the nearest of them does; a customer of the fit is its own nearest, so its
//! label is exactly the tree's. Centroids of clusters would be fewer but would move customers at the borders. Everyone
//! belongs somewhere. The price is a large model: 20,000 different customers are 20,000 prototypes.
//!
//! # Choosing its parameters
//!
//! `n_clusters`: where the tree's heights jump ([`WardFit::tree`]), or what your team can act on; a cut at 12 is nested
//! in a cut at 4, so both levels can be used at once. `distance_threshold` cuts by height instead: nothing at least so
//! far apart is merged. `micro_clusters`: 2,000 keep borders fine for up to some 50 clusters.

mod tree;

pub use tree::{Merge, Tree};

use super::canonical::Distinct;
use super::{Clusterer, KMeans, Points, Prototypes, lexicographic, out_of_bounds};
use crate::error::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Up to so many different rows the hierarchy is exact.
const MOST_ROWS: usize = 20_000;

/// Micro-clusters need to be small, not at rest.
const MICRO_ITERATIONS: usize = 20;

/// Hyperparameters of Ward's hierarchy; see the [module](self).
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Debug)]
#[serde(default, deny_unknown_fields)]
pub struct Ward {
    /// Number of clusters, from 1 to the number of distinct customers (or of micro-clusters).
    pub n_clusters: usize,
    /// If given, decides instead of `n_clusters`: clusters at least so far apart (Ward distance) are not merged;
    /// positive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distance_threshold: Option<f64>,
    /// Number of micro-clusters for more than 20,000 distinct customers, from `n_clusters` to 20,000.
    pub micro_clusters: usize,
}

impl Default for Ward {
    fn default() -> Self {
        Self { n_clusters: 5, distance_threshold: None, micro_clusters: 2000 }
    }
}

/// A hierarchy and the clusters cut from it.
#[derive(Debug, Clone, PartialEq)]
pub struct WardFit {
    prototypes: Prototypes,
    tree: Tree,
}

impl From<WardFit> for Prototypes {
    fn from(fit: WardFit) -> Self {
        fit.prototypes
    }
}

/// A hierarchy that is not cut yet.
#[derive(Debug)]
pub(super) struct Hierarchy {
    customers: usize,
    rows: Distinct,
    /// Micro-clusters, where the rows are too many.
    leaves: Option<Distinct>,
    tree: Tree,
}

impl WardFit {
    /// The leaves as prototypes, labelled by the cut.
    pub fn prototypes(&self) -> &Prototypes {
        &self.prototypes
    }

    /// The whole hierarchy. Leaf `i` is prototype `i`.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// The hierarchy of the clusters, as a dendrogram shows it. Leaf `i` is cluster `i`.
    pub fn tree_of_clusters(&self) -> Tree {
        self.tree.above(self.prototypes.cluster())
    }
}

impl Ward {
    /// Builds the hierarchy and cuts it; [`Clusterer::fit_points`] keeps only the prototypes.
    ///
    /// # Errors
    /// Of [`Clusterer::fit_points`]: `E0401` for fewer customers than clusters, `E0404` for fewer distinct ones.
    pub fn fit_tree(&self, points: Points, seed: u64) -> Result<WardFit> {
        self.cut(&self.hierarchy(points, seed)?)
    }

    /// Builds the hierarchy, which does not depend on where it is cut.
    pub(super) fn hierarchy(&self, points: Points, seed: u64) -> Result<Hierarchy> {
        self.check()?;
        points.check()?;
        points.refuse_codes("Ward's hierarchy")?;
        let rows = Distinct::of(points);
        let leaves = (rows.len() > MOST_ROWS).then(|| self.micro(&rows, seed)).transpose()?;
        let tree = Tree::of(leaves.as_ref().unwrap_or(&rows));
        Ok(Hierarchy { customers: points.x.nrows(), rows, leaves, tree })
    }

    /// Cuts the hierarchy into the clusters asked for.
    pub(super) fn cut(&self, hierarchy: &Hierarchy) -> Result<WardFit> {
        self.check()?;
        let Hierarchy { customers: n, ref rows, ref leaves, ref tree } = *hierarchy;
        let k = if self.distance_threshold.is_some() { 1 } else { self.n_clusters };
        if n < k {
            let customers = if n == 1 { "1 customer".into() } else { format!("{n} customers") };
            return Err(Error::new("E0401", format!("{customers}, n_clusters = {k}"))
                .why("a segment that people act on needs some 30 customers or more")
                .help(format!("n_clusters = {}, or more customers", (n / 30).clamp(1, k))));
        }
        if rows.len() < k {
            let distinct = rows.len();
            return Err(Error::new("E0404", format!("only {distinct} distinct customers by these features, k = {k}"))
                .why("customers with equal features cannot be told apart, so some segments would be empty")
                .help(format!("n_clusters = {distinct} or fewer, or more features")));
        }
        let leaves = leaves.as_ref().unwrap_or(rows);
        let k = self.distance_threshold.map_or(k, |height| tree.n_clusters_at(height));
        let prototypes = Prototypes::new(leaves.x.clone(), tree.cut(k), None)?.largest_first(rows.points());
        // Leaves are in lexicographic order and differ, so sorting the prototypes tells which is which.
        let x = prototypes.points();
        let mut sorted: Vec<usize> = (0..x.nrows()).collect();
        sorted.sort_by(|&a, &b| lexicographic(x.row(a).iter(), x.row(b).iter()));
        let mut leaf = vec![0; sorted.len()];
        sorted.iter().enumerate().for_each(|(rank, &prototype)| leaf[prototype] = rank);
        let tree = tree.reorder(&leaf);
        Ok(WardFit { prototypes, tree })
    }

    /// Centroids of k-means with the weight each attracts.
    fn micro(&self, rows: &Distinct, seed: u64) -> Result<Distinct> {
        let k_means = KMeans {
            n_clusters: self.micro_clusters,
            n_starts: 1,
            max_iterations: MICRO_ITERATIONS,
            ..KMeans::default()
        };
        let centroids = k_means.fit_points(rows.points(), seed)?;
        let weights = centroids.sizes(rows.points());
        Ok(Distinct::of(Points { weights: Some(&weights), ..centroids.points().into() }))
    }
}

impl Clusterer for Ward {
    fn check(&self) -> Result<()> {
        let Self { n_clusters, distance_threshold, micro_clusters } = *self;
        if n_clusters == 0 {
            return Err(out_of_bounds("n_clusters", 0, "from 1 to the number of customers", "n_clusters = 5"));
        }
        if let Some(height) = distance_threshold
            && !(height > 0.0 && height.is_finite())
        {
            let help = "distance_threshold = 10.0, or leave it out and give n_clusters";
            return Err(out_of_bounds("distance_threshold", height, "positive and finite", help));
        }
        if !(n_clusters..=MOST_ROWS).contains(&micro_clusters) {
            let bounds = "from n_clusters to 20000";
            return Err(out_of_bounds("micro_clusters", micro_clusters, bounds, "micro_clusters = 2000"));
        }
        Ok(())
    }

    fn fit_points(&self, points: Points, seed: u64) -> Result<Prototypes> {
        Ok(self.fit_tree(points, seed)?.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::stream;
    use ndarray::{Array2, Axis, array};
    use rand::Rng;

    fn model(n_clusters: usize) -> Ward {
        Ward { n_clusters, ..Ward::default() }
    }

    fn blobs(rows: usize, centres: usize) -> Array2<f64> {
        let mut rng = stream(11, 0);
        Array2::from_shape_fn((rows, 2), |(row, column)| {
            let centre = ((row % centres) * (column + 3) % 7) as f64 * 6.0;
            centre + rng.gen_range(-1.0..1.0) + rng.gen_range(-1.0..1.0)
        })
    }

    #[test]
    fn iris_is_cut_as_in_r_and_scikit_learn() {
        let text = include_str!("mixture/iris.csv");
        let values: Vec<f64> = text.lines().flat_map(|line| line.split(',')).map(|v| v.parse().unwrap()).collect();
        let x = Array2::from_shape_vec((150, 4), values).unwrap();
        let fit = model(3).fit_tree(x.view().into(), 0).unwrap();
        let labels = fit.prototypes().assign(x.view());
        let of_species = |species: usize, cluster: usize| {
            (0..50).filter(|row| labels[species * 50 + row].cluster == Some(cluster)).count()
        };
        // Largest first: 64, 50 (setosa) and 36.
        assert_eq!([of_species(0, 1), of_species(1, 0), of_species(2, 0), of_species(2, 2)], [50, 49, 15, 35]);
        assert_eq!(fit.tree_of_clusters().sizes, [64.0, 50.0, 36.0]);
        // The last heights of scipy.cluster.hierarchy.linkage(x, "ward").
        let heights: Vec<f64> = fit.tree().merges.iter().rev().take(4).map(|merge| merge.height).collect();
        let published = [32.44760699959244, 12.300396052792589, 6.399406819518539, 4.847708507921838];
        assert!(heights.iter().zip(published).all(|(a, b)| (a - b).abs() < 1e-9), "{heights:?}");
    }

    #[test]
    fn every_customer_of_the_fit_has_the_label_of_the_tree() {
        let x = blobs(500, 6);
        let fit = model(7).fit_tree(x.view().into(), 0).unwrap();
        let (prototypes, tree) = (fit.prototypes(), fit.tree());
        let cut = tree.cut(7);
        let labels = prototypes.assign(prototypes.points());
        for (a, b) in (0..500).zip((0..500).map(|i| (i * 7 + 3) % 500)) {
            assert_eq!(labels[a].cluster == labels[b].cluster, cut[a] == cut[b]);
            assert_eq!(labels[a].cluster, Some(prototypes.cluster()[a]));
        }
        assert_eq!(fit.tree_of_clusters().n_leaves(), 7);
    }

    #[test]
    fn a_threshold_cuts_by_height() {
        let x = array![[0.0], [1.0], [10.0], [11.5], [40.0]];
        let clusters = |height| {
            Ward { distance_threshold: Some(height), ..Ward::default() }.fit(x.view(), 0).unwrap().n_clusters()
        };
        assert_eq!([0.5, 1.2, 2.0, 20.0, 1000.0].map(clusters), [5, 4, 3, 2, 1]);
    }

    #[test]
    fn a_weight_counts_as_that_many_customers() {
        let x = blobs(60, 3);
        let weights: Vec<f64> = (0..60).map(|row| (row % 4 + 1) as f64).collect();
        let rows: Vec<usize> = (0..60).flat_map(|row| vec![row; row % 4 + 1]).collect();
        let repeated = x.select(Axis(0), &rows);
        let weighted = model(4).fit_tree(Points { weights: Some(&weights), ..x.view().into() }, 0).unwrap();
        assert_eq!(weighted, model(4).fit_tree(repeated.view().into(), 0).unwrap());
        assert_ne!(weighted.tree(), model(4).fit_tree(x.view().into(), 0).unwrap().tree());
    }

    #[test]
    fn beyond_so_many_rows_micro_clusters_stand_for_customers() {
        use rand::seq::SliceRandom;
        let x = blobs(MOST_ROWS + 500, 7);
        let model = Ward { micro_clusters: 60, ..model(7) };
        let fit = model.fit_tree(x.view().into(), 1).unwrap();
        assert_eq!(fit.prototypes().points().nrows(), 60);
        assert_eq!(fit.tree().sizes.iter().sum::<f64>(), (MOST_ROWS + 500) as f64);
        let labels = fit.prototypes().assign(x.view());
        // Planted groups stay whole.
        assert!((7..x.nrows()).all(|row| labels[row].cluster == labels[row % 7].cluster));
        let mut order: Vec<usize> = (0..x.nrows()).collect();
        order.shuffle(&mut stream(1, 1));
        let shuffled = x.select(Axis(0), &order);
        assert_eq!(model.fit_tree(shuffled.view().into(), 1).unwrap(), fit);
    }

    #[test]
    fn bounds_and_bad_data_are_named() {
        for (bad, field) in [
            (model(0), "n_clusters = 0"),
            (Ward { distance_threshold: Some(0.0), ..model(2) }, "distance_threshold = 0"),
            (Ward { micro_clusters: 4, ..model(5) }, "micro_clusters = 4"),
            (Ward { micro_clusters: 20_001, ..model(5) }, "micro_clusters = 20001"),
        ] {
            let error = bad.check().unwrap_err();
            assert!(error.code() == "E0205" && error.0.title.contains(field), "{error}");
        }
        let x = array![[1.0], [1.0], [2.0]];
        assert_eq!(model(3).fit(x.view(), 0).unwrap_err().code(), "E0404");
        assert_eq!(model(4).fit(x.view(), 0).unwrap_err().code(), "E0401");
        let anything = Ward { distance_threshold: Some(1.0), ..model(4) };
        assert_eq!(anything.fit(x.view(), 0).unwrap().n_clusters(), 2);
        assert_eq!(anything.fit(Array2::zeros((0, 1)).view(), 0).unwrap_err().code(), "E0401");
    }
}
