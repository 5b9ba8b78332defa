//! HDBSCAN: dense groups of any shape and of different densities; the rest belong nowhere.
//!
//! # How it works
//!
//! The *core distance* of a customer is the distance within which `min_samples` customers stand, itself included. Two
//! customers reach each other at the larger of their core distances and the distance between them. Join whoever reach
//! each other, from small distances to large, and groups grow out of dense places and merge; groups of fewer than
//! `min_cluster_size` customers count as customers falling out, and what remains is a small tree of groups that part
//! (Campello, Moulavi & Sander 2013). From it come the clusters that hold most customers over the widest range of
//! densities (*excess of mass*).
//!
//! Core distances and a minimum spanning tree are exact, found on a k-d tree by Borůvka's algorithm (March, Ram & Gray
//! 2010; McInnes & Healy 2017). Where several distances are equal everyone joins at once, as the paper has it; so neither
//! the order of rows nor the number of threads can matter. scikit-learn joins them one after the other: the few customers
//! who stand exactly where two clusters part go to one of them there and to none here.
//!
//! # What does it mean to belong?
//!
//! Every training customer remembers at which distance it falls out of the tree. A customer, old or new, attaches where
//! the largest of three is least: its own core distance among the training customers, the distance to a training
//! customer, and the distance at which that one falls out. The cluster is the one that holds that spot. For training
//! customers this gives the label of the fit exactly. Beside it stand the *strength* of belonging (1 in the dense middle,
//! towards 0 at the rim; scikit-learn's `probabilities_`) and an *outlier* score (GLOSH, Campello, Moulavi, Zimek &
//! Sander 2015: 0 for the densest of the surroundings, towards 1 for the lonely).
//!
//! A weight is a number of equal customers, so it must be whole.
//!
//! # Choosing its parameters
//!
//! `min_cluster_size`: the smallest group worth a segment; the one that matters. `min_samples`: as many by default; fewer
//! leave fewer customers outside and let finer groups appear. Where many customers share the same values, both must exceed
//! the largest such stack: a stack is infinitely dense, and as large as asked for it is a cluster. `cluster_selection_epsilon`: clusters closer than this are
//! not parted; 0 for none. `cluster_selection_method`: `eom`, or `leaf` for many small even groups.
//! `allow_single_cluster`: whether everyone may be one cluster; off, so that one dense cloud is no answer.

mod condense;
mod select;
mod spanning;

use super::prototypes::Rule;
use super::prototypes::density::{Background, Branch, Density, Members};
use super::tree::{Distinct, Tree};
use super::{Clusterer, Points, Prototypes, out_of_bounds};
use crate::error::{Error, Result};
use ndarray::Array2;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Hyperparameters of HDBSCAN; see the [module](self).
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Debug)]
#[serde(default, deny_unknown_fields)]
pub struct Hdbscan {
    /// A cluster holds at least so many customers; 2 or more.
    pub min_cluster_size: usize,
    /// So many customers, itself included, stand within the core distance of a customer; 1 or more, `min_cluster_size` if
    /// absent.
    pub min_samples: Option<usize>,
    /// How clusters are chosen from the tree.
    pub cluster_selection_method: Selection,
    /// Clusters closer than this are not parted; 0 or more.
    pub cluster_selection_epsilon: f64,
    /// Whether everyone may be one cluster.
    pub allow_single_cluster: bool,
}

/// How clusters are chosen from the tree of groups that part.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, PartialEq, Eq, Debug, Default)]
#[serde(rename_all = "lowercase")]
pub enum Selection {
    /// Excess of mass: the clusters that hold most customers over the widest range of densities.
    #[default]
    Eom,
    /// The groups that do not part any further.
    Leaf,
}

impl Default for Hdbscan {
    fn default() -> Self {
        Self {
            min_cluster_size: 5,
            min_samples: None,
            cluster_selection_method: Selection::default(),
            cluster_selection_epsilon: 0.0,
            allow_single_cluster: false,
        }
    }
}

impl Hdbscan {
    fn core_size(&self) -> usize {
        self.min_samples.unwrap_or(self.min_cluster_size)
    }

    fn check_rows(&self, distinct: &Distinct) -> Result<()> {
        let n: f64 = (0..distinct.len()).map(|row| distinct.weight(row)).sum();
        let needed = self.min_cluster_size.max(self.core_size());
        if n >= needed as f64 {
            return Ok(());
        }
        let customers = if n == 1.0 { "1 customer".into() } else { format!("{n} customers") };
        let (field, value) = match self.min_samples {
            Some(min_samples) if min_samples > self.min_cluster_size => ("min_samples", min_samples),
            _ => ("min_cluster_size", self.min_cluster_size),
        };
        Err(Error::new("E0401", format!("{customers}, {field} = {value}"))
            .why("a cluster needs at least so many customers")
            .help(if n < 2.0 { "more customers".into() } else { format!("{field} = {n} or fewer") }))
    }

    fn all_noise(&self, everyone: f64) -> Error {
        let help = if self.allow_single_cluster {
            "a smaller min_cluster_size"
        } else {
            "allow_single_cluster = true, or a smaller min_cluster_size"
        };
        Error::new(
            "E0411",
            format!(
                "min_cluster_size = {}, min_samples = {}: all {everyone} customers are unclustered",
                self.min_cluster_size,
                self.core_size()
            ),
        )
        .why("customers are one cloud that never parts into groups of that size")
        .help(help)
    }
}

impl Clusterer for Hdbscan {
    fn check(&self) -> Result<()> {
        if self.min_cluster_size < 2 {
            let bounds = "from 2 to the number of customers";
            return Err(out_of_bounds("min_cluster_size", self.min_cluster_size, bounds, "min_cluster_size = 5"));
        }
        if self.min_samples == Some(0) {
            return Err(out_of_bounds("min_samples", 0, "from 1 to the number of customers", "leave min_samples out"));
        }
        let epsilon = self.cluster_selection_epsilon;
        if !(epsilon >= 0.0 && epsilon.is_finite()) {
            let help = "cluster_selection_epsilon = 0";
            return Err(out_of_bounds("cluster_selection_epsilon", epsilon, "0 or more, and finite", help));
        }
        Ok(())
    }

    /// Draws nothing: `seed` has no effect.
    fn fit_points(&self, points: Points, _seed: u64) -> Result<Prototypes> {
        self.check()?;
        points.check()?;
        points.refuse_codes("HDBSCAN")?;
        self.check_weights(&points)?;
        let distinct = Distinct::of(&points)?;
        self.check_rows(&distinct)?;
        let (edges, core) = self.edges(&distinct);
        let condensed = condense::Condensed::new(edges, &core, &distinct, self.min_cluster_size);
        drop(core);
        self.prototypes(&distinct, &condensed)
    }
}

impl Hdbscan {
    /// The total length of the minimum spanning tree of mutual reachability, equal rows counted one by one: the same for
    /// every exact implementation.
    ///
    /// # Errors
    /// Of [`Clusterer::fit_points`].
    pub fn tree_weight(&self, points: Points) -> Result<f64> {
        self.check()?;
        points.check()?;
        self.check_weights(&points)?;
        let distinct = Distinct::of(&points)?;
        self.check_rows(&distinct)?;
        let (mut edges, core) = self.edges(&distinct);
        edges.sort_by(|x, y| x.squared.total_cmp(&y.squared));
        let between: f64 = edges.iter().map(|edge| edge.squared.sqrt()).sum();
        let among_equals = |row: usize| (distinct.weight(row) - 1.0) * core[row].sqrt();
        Ok(between + (0..distinct.len()).map(among_equals).sum::<f64>())
    }

    fn check_weights(&self, points: &Points) -> Result<()> {
        match points.weights.and_then(|weights| weights.iter().position(|w| w.fract() != 0.0)) {
            Some(row) => Err(Error::new("E0347", format!("the weight of row {row} is not a whole number"))
                .why("HDBSCAN counts customers, and a weight is a number of equal ones")
                .help("whole weights, or algorithm = \"dbscan\"")),
            None => Ok(()),
        }
    }

    /// A minimum spanning tree and the squared core distances, by row.
    fn edges(&self, distinct: &Distinct) -> (Vec<spanning::Edge>, Vec<f64>) {
        let tree = Tree::new(&distinct.points, distinct.width);
        let weights = distinct.weights_in(&tree);
        let reachability = spanning::Reachability::new(&tree, weights.as_deref(), self.core_size() as f64);
        let mut edges = reachability.spanning_tree();
        let mut core = vec![0.0; distinct.len()];
        (0..core.len()).for_each(|at| core[tree.row(at)] = reachability.core[at]);
        for edge in &mut edges {
            let (a, b) = (tree.row(edge.a as usize) as u32, tree.row(edge.b as usize) as u32);
            (edge.a, edge.b) = (a.min(b), a.max(b));
        }
        (edges, core)
    }

    /// Clusters by size, then by first customer, and everything that scoring needs.
    fn prototypes(&self, distinct: &Distinct, condensed: &condense::Condensed) -> Result<Prototypes> {
        let selected = select::select(condensed, self);
        let number_of = |branch| selected.iter().position(|&chosen| chosen == branch);
        let mut cluster: Vec<Option<usize>> = Vec::with_capacity(condensed.branches.len());
        for (number, branch) in condensed.branches.iter().enumerate() {
            cluster.push(number_of(number).or_else(|| branch.parent.and_then(|parent| cluster[parent])));
        }
        // Everyone as one cluster is not all customers: those of the densest end, or within the epsilon asked for.
        let limit = (selected == [0]).then(|| match self.cluster_selection_epsilon {
            0.0 => condensed.branches[0].end,
            epsilon => epsilon * epsilon,
        });
        let label = |row: usize| {
            cluster[condensed.branch[row]].filter(|_| limit.is_none_or(|limit| condensed.level[row] <= limit))
        };
        let mut sizes = vec![(0.0, usize::MAX); selected.len()];
        for row in 0..distinct.len() {
            if let Some(cluster) = label(row) {
                sizes[cluster].0 += distinct.weight(row);
                sizes[cluster].1 = sizes[cluster].1.min(row);
            }
        }
        if sizes.iter().all(|size| size.0 == 0.0) {
            return Err(self.all_noise((0..distinct.len()).map(|row| distinct.weight(row)).sum()));
        }
        let mut largest_first: Vec<usize> = (0..sizes.len()).collect();
        largest_first.sort_by(|&a, &b| sizes[b].0.total_cmp(&sizes[a].0).then(sizes[a].1.cmp(&sizes[b].1)));
        let mut number = vec![0; sizes.len()];
        largest_first.iter().enumerate().for_each(|(new, &old)| number[old] = new);

        let branches = condensed.branches.iter().zip(&cluster).map(|(branch, cluster)| Branch {
            parent: branch.parent,
            birth: branch.birth,
            end: branch.end,
            floor: branch.floor,
            cluster: cluster.map(|old| number[old]),
        });
        let labels: Vec<Option<usize>> = (0..distinct.len()).map(|row| label(row).map(|old| number[old])).collect();
        let mut rows: Vec<usize> = (0..labels.len()).filter(|&row| labels[row].is_some()).collect();
        rows.sort_by_key(|&row| labels[row]);
        let others: Vec<usize> = (0..labels.len()).filter(|&row| labels[row].is_none()).collect();
        let members = |rows: &[usize]| Members {
            branch: rows.iter().map(|&row| condensed.branch[row]).collect(),
            level: rows.iter().map(|&row| condensed.level[row]).collect(),
            weight: rows.iter().map(|&row| distinct.weight(row)).collect(),
        };
        let matrix = |rows: &[usize]| {
            let flat: Vec<f64> = rows.iter().flat_map(|&row| distinct.row(row)).copied().collect();
            Array2::from_shape_vec((rows.len(), distinct.width), flat)
                .map_err(|error| Error::new("E0499", format!("customers do not form rows: {error}")))
        };
        let density = Density {
            min_samples: self.core_size(),
            limit,
            branches: branches.collect(),
            members: members(&rows),
            background: Background { points: matrix(&others)?, members: members(&others) },
        };
        let cluster = rows.iter().filter_map(|&row| labels[row]).collect();
        Prototypes::with_rule(matrix(&rows)?, cluster, Rule::Density(Box::new(density)))
    }
}

#[cfg(test)]
mod reference;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::{Assignment, stream};
    use ndarray::{array, concatenate};
    use rand::Rng;
    use std::collections::BTreeMap;

    /// Clouds around points of a circle, of different sizes and densities, and a few customers between; `steps` to 1 sets how
    /// coarse the values are.
    fn clouds(n: usize, d: usize, steps: f64, seed: u64) -> Array2<f64> {
        let mut rng = stream(seed, 9);
        let mut x = Array2::zeros((n, d));
        for (i, mut row) in x.rows_mut().into_iter().enumerate() {
            let cloud = i * i % 7 % 4;
            let spread = if i % 9 == 0 { 6.0 } else { 0.5 + cloud as f64 / 4.0 };
            for (f, value) in row.iter_mut().enumerate() {
                let centre = 5.0 * (cloud as f64 * 1.6 + f as f64).sin();
                let noise: f64 = (0..3).map(|_| rng.gen_range(-1.0..1.0)).sum();
                *value = ((centre + spread * noise) * steps).round() / steps;
            }
        }
        x
    }

    fn model(min_cluster_size: usize, min_samples: usize) -> Hdbscan {
        Hdbscan { min_cluster_size, min_samples: Some(min_samples), ..Hdbscan::default() }
    }

    fn assert_same_parts(found: &[Assignment], expected: &[Option<usize>], what: &str) {
        let mut number = BTreeMap::new();
        for (row, (found, expected)) in found.iter().zip(expected).enumerate() {
            assert_eq!(found.cluster.is_some(), expected.is_some(), "{what}, row {row}");
            if let (Some(found), Some(expected)) = (found.cluster, expected) {
                assert_eq!(*number.entry(expected).or_insert(found), found, "{what}, row {row}");
            }
        }
        let distinct: std::collections::BTreeSet<_> = number.values().collect();
        assert_eq!(distinct.len(), number.len(), "{what}: clusters were merged");
    }

    #[test]
    fn training_customers_are_scored_as_the_definition_says() {
        let (mut fitted, mut noise) = (0, 0);
        for seed in 0..60 {
            let mut rng = stream(seed, 2);
            let (n, d) = (rng.gen_range(12..90), rng.gen_range(1..4));
            // Coarse values make equal customers and equal distances.
            let x = clouds(n, d, [1.0, 4.0, 1e6][seed as usize % 3], seed);
            let model = model(rng.gen_range(2..8), rng.gen_range(1..7));
            let what = format!("seed {seed}");
            let expected = reference::fit(x.view(), model.min_cluster_size, model.core_size());
            let weight = model.tree_weight(x.view().into()).unwrap();
            assert!((weight - expected.tree_weight).abs() <= 1e-12 * weight, "{what}: {weight}");
            let Ok(prototypes) = model.fit(x.view(), 0) else {
                assert!(expected.labels.iter().all(Option::is_none), "{what}");
                continue;
            };
            fitted += 1;
            let found = prototypes.assign(x.view());
            assert_same_parts(&found, &expected.labels, &what);
            for (row, found) in found.iter().enumerate() {
                noise += usize::from(found.cluster.is_none());
                let (strength, outlier) = (found.strength.unwrap(), found.outlier.unwrap());
                assert!((strength - expected.strength[row]).abs() < 1e-12, "{what}, row {row}: {strength}");
                assert!((outlier - expected.outlier[row]).abs() < 1e-12, "{what}, row {row}: {outlier}");
            }
        }
        assert!(fitted > 30 && noise > 200, "{fitted} fits, {noise} unclustered");
    }

    #[test]
    fn threads_and_the_order_of_rows_change_nothing() {
        for steps in [2.0, 1e6] {
            let x = clouds(6000, 3, steps, 1);
            let with = |threads: usize, x: &Array2<f64>| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| model(25, 6).fit(x.view(), 0).unwrap())
            };
            let one = with(1, &x);
            assert!(one.n_clusters() > 2);
            assert_eq!(with(3, &x), one);
            let reversed = x.slice(ndarray::s![..;-1, ..]).to_owned();
            assert_eq!(with(2, &reversed), one);
        }
    }

    #[test]
    fn a_weight_is_a_number_of_equal_customers() {
        let x = clouds(300, 2, 4.0, 3);
        let weights: Vec<f64> = (0..300).map(|i| f64::from(1 + i % 3)).collect();
        let repeated: Vec<usize> = (0..300).flat_map(|i| vec![i; weights[i] as usize]).collect();
        let points = Points { weights: Some(&weights), ..x.view().into() };
        let all = x.select(ndarray::Axis(0), &repeated);
        assert_eq!(model(12, 5).fit_points(points, 0).unwrap(), model(12, 5).fit(all.view(), 0).unwrap());
        let halves = vec![0.5; 300];
        let points = Points { weights: Some(&halves), ..x.view().into() };
        assert_eq!(model(12, 5).fit_points(points, 0).unwrap_err().code(), "E0347");
    }

    #[test]
    fn a_new_customer_joins_where_it_is_dense_and_is_an_outlier_far_away() {
        let x = clouds(2000, 2, 1e6, 4);
        let prototypes = model(40, 8).fit(x.view(), 0).unwrap();
        let found = prototypes.assign(x.view());
        let firm = (0..2000).find(|&row| found[row].strength == Some(1.0)).unwrap();
        let mut near = x.row(firm).to_owned();
        near[0] += 1e-3;
        let new = concatenate![ndarray::Axis(0), near.insert_axis(ndarray::Axis(0)), array![[500.0, 500.0]]];
        let scored = prototypes.assign(new.view());
        assert_eq!(scored[0].cluster, found[firm].cluster);
        assert!(scored[0].strength.unwrap() > 0.8 && scored[0].outlier.unwrap() < 0.3, "{:?}", scored[0]);
        assert_eq!((scored[1].cluster, scored[1].strength), (None, Some(0.0)));
        assert!(scored[1].outlier.unwrap() > 0.99 && scored[1].distance > 600.0, "{:?}", scored[1]);
        assert_eq!(prototypes.assign(array![[f64::NAN, 0.0]].view())[0].cluster, None);
    }

    #[test]
    fn files_come_back_to_the_bit_and_damaged_ones_are_refused() {
        let prototypes = model(12, 5).fit(clouds(300, 2, 1e6, 5).view(), 0).unwrap();
        let text = serde_json::to_string(&prototypes).unwrap();
        assert_eq!(serde_json::from_str::<Prototypes>(&text).unwrap(), prototypes);
        for (good, bad) in [
            ("\"min_samples\":5", "\"min_samples\":0"),
            ("\"branch\":[", "\"branch\":[99999,"),
            ("\"parent\":0", "\"parent\":77"),
            ("\"weight\":[1.0", "\"weight\":[0.5"),
            ("\"background\":[[", "\"background\":[[1.0,"),
        ] {
            assert!(text.contains(good), "{good}");
            assert!(serde_json::from_str::<Prototypes>(&text.replacen(good, bad, 1)).is_err(), "{bad}");
        }
    }

    #[test]
    fn bounds_and_bad_data_are_named() {
        let x = clouds(30, 2, 1e6, 6);
        assert!(model(1, 2).fit(x.view(), 0).unwrap_err().0.title.contains("`min_cluster_size = 1`"));
        assert!(model(5, 0).fit(x.view(), 0).unwrap_err().0.title.contains("`min_samples = 0`"));
        let negative = Hdbscan { cluster_selection_epsilon: -1.0, ..Hdbscan::default() };
        assert!(negative.check().unwrap_err().0.title.contains("`cluster_selection_epsilon = -1`"));
        assert_eq!(model(31, 2).fit(x.view(), 0).unwrap_err().code(), "E0401");
        assert!(model(5, 31).fit(x.view(), 0).unwrap_err().0.title.contains("min_samples = 31"));
        let error = model(16, 2).fit(x.view(), 0).unwrap_err();
        assert_eq!(error.code(), "E0411");
        assert!(error.0.notes.iter().any(|note| note.text.contains("allow_single_cluster = true")), "{error}");
        let same = Array2::from_elem((50, 2), 1.5);
        assert_eq!(model(5, 3).fit(same.view(), 0).unwrap_err().code(), "E0411");
    }
}
