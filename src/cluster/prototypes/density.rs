//! Assignment by density: how a customer would have taken part in the tree of an HDBSCAN fit.

use super::super::tree::{Distances, LEAF, Nearby, Node, Search, Tree, kth_squared};
use super::closest::{Clusters, NOWHERE};
use super::{Assignment, damaged};
use crate::error::Result;
use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// What [`super::Rule::Density`] knows beside the prototypes, which are the training customers that belong somewhere.
/// Distances are squared, so that comparisons are exact.
#[derive(Debug, Clone, PartialEq)]
pub struct Density {
    /// A customer's core distance reaches training customers of this weight.
    pub min_samples: usize,
    /// Customers who attach beyond this squared distance belong nowhere.
    pub limit: Option<f64>,
    /// The condensed tree, parents before children; the first is everyone.
    pub branches: Vec<Branch>,
    /// What is known of each prototype.
    pub members: Members,
    /// Training customers that belong nowhere.
    pub background: Background,
}

/// A group of customers over a range of distances.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Branch {
    /// The group this one parted from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<usize>,
    /// Squared distance below which it exists; infinite for everyone.
    #[serde(default = "infinite", skip_serializing_if = "is_infinite")]
    pub birth: f64,
    /// Squared distance at which it parts or falls apart.
    pub end: f64,
    /// The least `end` in it and in all that came out of it.
    pub floor: f64,
    /// The cluster it lies in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<usize>,
}

fn infinite() -> f64 {
    f64::INFINITY
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_infinite(value: &f64) -> bool {
    *value == f64::INFINITY
}

/// What is known of training customers, one entry each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Members {
    /// The branch it falls out of.
    pub branch: Vec<usize>,
    /// The squared distance at which it does.
    pub level: Vec<f64>,
    /// The number of equal customers it stands for.
    pub weight: Vec<f64>,
}

/// Training customers that belong nowhere but count as neighbours.
#[derive(Debug, Clone, PartialEq)]
pub struct Background {
    /// Customers × features.
    pub points: Array2<f64>,
    /// What is known of them.
    pub members: Members,
}

/// The file form of [`Density`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DensityFile {
    min_samples: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    limit: Option<f64>,
    branches: Vec<Branch>,
    members: Members,
    background: Vec<Vec<f64>>,
    background_members: Members,
}

impl From<Density> for DensityFile {
    fn from(density: Density) -> Self {
        Self {
            min_samples: density.min_samples,
            limit: density.limit,
            branches: density.branches,
            members: density.members,
            background: density.background.points.rows().into_iter().map(|row| row.to_vec()).collect(),
            background_members: density.background.members,
        }
    }
}

impl DensityFile {
    /// # Errors
    /// `E0603` for a background row that has not `width` values.
    pub(super) fn read(self, width: usize) -> Result<Density> {
        let rows = self.background.len();
        let unequal = || damaged(format!("{rows} background customers of which not all have {width} features"));
        if self.background.iter().any(|row| row.len() != width) {
            return Err(unequal());
        }
        let flat: Vec<f64> = self.background.into_iter().flatten().collect();
        let points = Array2::from_shape_vec((rows, width), flat).map_err(|_| unequal())?;
        Ok(Density {
            min_samples: self.min_samples,
            limit: self.limit,
            branches: self.branches,
            members: self.members,
            background: Background { points, members: self.background_members },
        })
    }
}

impl Members {
    fn select(&self, rows: &[usize]) -> Self {
        Self {
            branch: rows.iter().map(|&row| self.branch[row]).collect(),
            level: rows.iter().map(|&row| self.level[row]).collect(),
            weight: rows.iter().map(|&row| self.weight[row]).collect(),
        }
    }

    fn check(&self, rows: usize, branches: usize) -> Result<()> {
        if [self.branch.len(), self.level.len(), self.weight.len()] != [rows; 3] {
            return Err(damaged(format!("{rows} training customers and other numbers of branches, levels or weights")));
        }
        let is_good = |row: &usize| {
            let (branch, level, weight) = (self.branch[*row], self.level[*row], self.weight[*row]);
            branch < branches && level >= 0.0 && level.is_finite() && weight >= 1.0 && weight.fract() == 0.0
        };
        match (0..rows).find(|row| !is_good(row)) {
            Some(row) => Err(damaged(format!("training customer {row} has a damaged branch, level or weight"))),
            None => Ok(()),
        }
    }
}

impl Density {
    /// Refuses what would make [`assign`] meaningless (`E0603`).
    pub(super) fn check(&self, points: ArrayView2<f64>, clusters: usize) -> Result<()> {
        if self.min_samples == 0 || self.limit.is_some_and(|limit| !(limit >= 0.0 && limit.is_finite())) {
            return Err(damaged("min_samples or limit of the density rule are out of bounds".into()));
        }
        for (number, branch) in self.branches.iter().enumerate() {
            let fits = match branch.parent {
                None => number == 0 && branch.birth == f64::INFINITY,
                Some(parent) => parent < number && branch.birth <= self.branches[parent].birth,
            };
            let numbers = branch.floor >= 0.0 && branch.floor <= branch.end && branch.end <= branch.birth;
            if !(fits && numbers && branch.cluster.is_none_or(|cluster| cluster < clusters)) {
                return Err(damaged(format!("branch {number} of the density rule does not fit the others")));
            }
        }
        if self.background.points.ncols() != points.ncols() && self.background.points.nrows() > 0 {
            return Err(damaged("background customers and prototypes have other numbers of features".into()));
        }
        if self.background.points.iter().any(|v| !v.is_finite()) {
            return Err(damaged("a background customer has a value that is not finite".into()));
        }
        self.members.check(points.nrows(), self.branches.len())?;
        self.background.members.check(self.background.points.nrows(), self.branches.len())
    }

    /// The same under new cluster numbers and with prototypes in the order `rows`.
    pub(super) fn reorder(&self, new_number: &[usize], rows: &[usize]) -> Self {
        let mut new = self.clone();
        new.members = self.members.select(rows);
        for branch in &mut new.branches {
            branch.cluster = branch.cluster.map(|old| new_number[old]);
        }
        new
    }
}

/// All training customers in a tree.
struct Scene<'a> {
    density: &'a Density,
    tree: Tree,
    weights: Vec<f64>,
    level: Vec<f64>,
    branch: Vec<usize>,
    clusters: Clusters,
    /// Least level below every node.
    node_level: Vec<f64>,
    /// Where each cluster parts or falls apart.
    ends: Vec<f64>,
}

/// Where a customer attaches: the largest of core distance, distance and level is least, then the distance, then the row.
struct Attach<'a> {
    scene: &'a Scene<'a>,
    core: f64,
    best: (f64, f64, usize),
    at: Option<usize>,
}

impl Search for Attach<'_> {
    fn bound(&self) -> f64 {
        // Nobody attaches below the core distance; there the nearest counts.
        if self.best.0 <= self.core { self.best.1 } else { self.best.0 }
    }

    fn skips(&self, node: Node) -> bool {
        self.scene.node_level[node.index] > self.best.0
    }

    fn leaf(&mut self, leaf: usize, distances: &Distances) {
        let tree = &self.scene.tree;
        let last = (tree.len() - leaf * LEAF).min(LEAF);
        for (slot, &distance) in distances[..last].iter().enumerate() {
            let at = leaf * LEAF + slot;
            let level = self.core.max(distance).max(self.scene.level[at]);
            let (squared, second, row) = self.best;
            let is_better =
                level < squared || level == squared && (distance < second || distance == second && tree.row(at) < row);
            if is_better {
                self.best = (level, distance, tree.row(at));
                self.at = Some(at);
            }
        }
    }
}

impl<'a> Scene<'a> {
    fn new(prototypes: ArrayView2<f64>, cluster: &[usize], density: &'a Density) -> Self {
        let width = prototypes.ncols();
        let mut flat: Vec<f64> = prototypes.iter().copied().collect();
        flat.extend(density.background.points.iter());
        let tree = Tree::new(&flat, width);
        let (near, far) = (&density.members, &density.background.members);
        let rows = near.level.len();
        let row = |at: usize| tree.row(at);
        let pick = |near: &[f64], far: &[f64]| -> Vec<f64> {
            (0..tree.len()).map(|at| if row(at) < rows { near[row(at)] } else { far[row(at) - rows] }).collect()
        };
        let level = pick(&near.level, &far.level);
        let weights = pick(&near.weight, &far.weight);
        let branch = (0..tree.len())
            .map(|at| if row(at) < rows { near.branch[row(at)] } else { far.branch[row(at) - rows] })
            .collect();
        let clusters = Clusters::new(&tree, cluster);
        let mut node_level = vec![0.0; tree.nodes()];
        tree.bottom_up(|node| {
            node_level[node.index] = if node.is_leaf() {
                level[tree.positions(node)].iter().copied().fold(f64::INFINITY, f64::min)
            } else {
                let (left, right) = node.children();
                node_level[left.index].min(node_level[right.index])
            };
        });
        let mut ends = Vec::new();
        for branch in density.branches.iter() {
            if let Some(cluster) = branch.cluster {
                // Parents come first, so the first branch of a cluster is the cluster itself.
                ends.resize(ends.len().max(cluster + 1), f64::NAN);
                if ends[cluster].is_nan() {
                    ends[cluster] = branch.end;
                }
            }
        }
        Self { density, tree, weights, level, branch, clusters, node_level, ends }
    }

    fn assign(&self, row: &[f64], nearby: &mut Nearby) -> Assignment {
        let nobody = Assignment {
            cluster: None,
            distance: f64::INFINITY,
            second: None,
            second_distance: f64::INFINITY,
            strength: Some(0.0),
            outlier: Some(1.0),
        };
        if row.iter().any(|v| !v.is_finite()) {
            return nobody;
        }
        let (first, distance) = self.clusters.closest(&self.tree, row, NOWHERE);
        let (second, second_distance) = self.clusters.closest(&self.tree, row, first.unwrap_or(NOWHERE));
        let (distance, second_distance) = (distance.sqrt(), second_distance.sqrt());
        let near = Assignment { distance, second, second_distance, ..nobody };

        let core = kth_squared(&self.tree, row, Some(&self.weights), nearby);
        let mut attach = Attach { scene: self, core, best: (f64::INFINITY, f64::INFINITY, 0), at: None };
        self.tree.walk(row, &mut attach);
        let Some(at) = attach.at else { return near };
        let squared = attach.best.0;
        let branches = &self.density.branches;
        let mut branch = self.branch[at];
        while branches[branch].birth <= squared
            && let Some(parent) = branches[branch].parent
        {
            branch = parent;
        }
        let in_limit = self.density.limit.is_none_or(|limit| squared <= limit);
        let cluster = branches[branch].cluster.filter(|_| in_limit);
        let ratio = |least: f64| if squared <= least { 1.0 } else { least.sqrt() / squared.sqrt() };
        Assignment {
            cluster,
            strength: Some(cluster.map_or(0.0, |cluster| ratio(self.ends[cluster]))),
            outlier: Some(1.0 - ratio(branches[branch].floor)),
            ..near
        }
    }
}

/// Where every row of `x` belongs by [`super::Rule::Density`].
pub(super) fn assign(
    prototypes: ArrayView2<f64>,
    cluster: &[usize],
    density: &Density,
    x: ArrayView2<f64>,
) -> Vec<Assignment> {
    let scene = Scene::new(prototypes, cluster, density);
    let width = prototypes.len_of(Axis(1));
    let x = x.as_standard_layout();
    let rows = x.as_slice().unwrap_or_default();
    rows.par_chunks_exact(width)
        .with_min_len(128)
        .map_init(|| Nearby::new(density.min_samples as f64), |nearby, row| scene.assign(row, nearby))
        .collect()
}
