//! The nearest prototypes among many, by one k-d tree over all clusters.

use super::super::tree::{Distances, LEAF, Node, Search, Tree};
use super::Assignment;
use ndarray::ArrayView2;
use rayon::prelude::*;

/// No cluster: a training customer that belongs nowhere.
pub(super) const NOWHERE: usize = usize::MAX;

/// Which clusters are where in a tree.
pub(super) struct Clusters {
    /// By position.
    cluster: Vec<usize>,
    /// The cluster of the first point below every node, and whether there are others.
    nodes: Vec<(usize, bool)>,
}

impl Clusters {
    /// Rows from the end of `cluster` on belong nowhere.
    pub(super) fn new(tree: &Tree, cluster: &[usize]) -> Self {
        let of = |at: usize| cluster.get(tree.row(at)).copied().unwrap_or(NOWHERE);
        let cluster: Vec<usize> = (0..tree.len()).map(of).collect();
        let mut nodes = vec![(NOWHERE, false); tree.nodes()];
        tree.bottom_up(|node| {
            nodes[node.index] = if node.is_leaf() {
                let of = &cluster[tree.positions(node)];
                (of[0], of.iter().any(|&c| c != of[0]))
            } else {
                let (left, right) = node.children();
                let (left, right) = (nodes[left.index], nodes[right.index]);
                (left.0, left.1 || right.1 || left.0 != right.0)
            };
        });
        Self { cluster, nodes }
    }

    /// The cluster of the nearest point that belongs somewhere but not to `but`, the lowest on a tie, and its squared
    /// distance; none and infinite if there is no such point.
    pub(super) fn closest(&self, tree: &Tree, row: &[f64], but: usize) -> (Option<usize>, f64) {
        let mut search = Closest { clusters: self, but, squared: f64::INFINITY, cluster: None };
        tree.walk(row, &mut search);
        (search.cluster, search.squared)
    }
}

struct Closest<'a> {
    clusters: &'a Clusters,
    but: usize,
    squared: f64,
    cluster: Option<usize>,
}

impl Search for Closest<'_> {
    fn bound(&self) -> f64 {
        self.squared
    }

    fn skips(&self, node: Node) -> bool {
        let (cluster, mixed) = self.clusters.nodes[node.index];
        !mixed && (cluster == NOWHERE || cluster == self.but)
    }

    fn leaf(&mut self, leaf: usize, distances: &Distances) {
        let clusters = &self.clusters.cluster[leaf * LEAF..];
        for (&distance, &cluster) in distances.iter().zip(clusters) {
            let is_sooner = || distance < self.squared || self.cluster.is_none_or(|best| cluster < best);
            if distance <= self.squared && cluster != NOWHERE && cluster != self.but && is_sooner() {
                (self.squared, self.cluster) = (distance, Some(cluster));
            }
        }
    }
}

/// Where every row of `x` belongs by [`super::Rule::Nearest`], as `nearest::assign` gives it to the bit.
pub(super) fn assign(
    prototypes: ArrayView2<f64>,
    cluster: &[usize],
    reach: Option<f64>,
    x: ArrayView2<f64>,
) -> Vec<Assignment> {
    let width = prototypes.ncols();
    let (points, x) = (prototypes.as_standard_layout(), x.as_standard_layout());
    let tree = Tree::new(points.as_slice().unwrap_or_default(), width);
    let clusters = Clusters::new(&tree, cluster);
    let assign_row = |row: &[f64]| {
        let (mut first, mut second) = ((None, f64::INFINITY), (None, f64::INFINITY));
        if row.iter().all(|v| v.is_finite()) {
            first = clusters.closest(&tree, row, NOWHERE);
            second = clusters.closest(&tree, row, first.0.unwrap_or(NOWHERE));
        }
        Assignment::nearest(first, second, reach)
    };
    x.as_slice().unwrap_or_default().par_chunks_exact(width).with_min_len(128).map(assign_row).collect()
}

#[cfg(test)]
mod tests {
    use super::super::nearest;
    use super::*;
    use crate::cluster::stream;
    use ndarray::Array2;
    use rand::Rng;

    #[test]
    fn one_tree_and_many_scans_agree_to_the_bit() {
        for (seed, clusters) in [(0, 1), (1, 3), (2, 40)] {
            let mut rng = stream(seed, 5);
            let mut grid = |rows| Array2::from_shape_fn((rows, 3), |_| f64::from(rng.gen_range(-20..20)) / 4.0);
            let (points, mut x) = (grid(500), grid(1000));
            x[[3, 1]] = f64::NAN;
            let cluster: Vec<usize> = (0..500).map(|i| i * clusters / 500).collect();
            for reach in [None, Some(0.5)] {
                let found = assign(points.view(), &cluster, reach, x.view());
                assert_eq!(found, nearest::assign(points.view(), &cluster, reach, x.view()));
                assert!(clusters == 1 || found.iter().any(|a| a.distance == a.second_distance), "no tie was tried");
            }
        }
    }
}
