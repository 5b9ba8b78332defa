//! Neighbours of one point.

use super::{Distances, LEAF, Node, Tree, least_squared_to};

/// What a walk through the tree looks for.
pub(in crate::cluster) trait Search {
    /// Squared distances above this are of no interest any more.
    fn bound(&self) -> f64;

    /// Whether nothing below `node` is of interest.
    fn skips(&self, _node: Node) -> bool {
        false
    }

    /// Looks at the points of a leaf.
    fn leaf(&mut self, leaf: usize, distances: &Distances);
}

impl Tree {
    /// Walks from near to far and stops where `search` no longer cares.
    pub(in crate::cluster) fn walk(&self, point: &[f64], search: &mut impl Search) {
        let root = self.root();
        self.walk_below(root, least_squared_to(point, self.bounds(root)), point, search);
    }

    fn walk_below(&self, node: Node, least: f64, point: &[f64], search: &mut impl Search) {
        if least > search.bound() || search.skips(node) {
            return;
        }
        if node.is_leaf() {
            search.leaf(node.first, &self.distances(point, node.first));
            return;
        }
        let (left, right) = node.children();
        let to_left = least_squared_to(point, self.bounds(left));
        let to_right = least_squared_to(point, self.bounds(right));
        if to_left <= to_right {
            self.walk_below(left, to_left, point, search);
            self.walk_below(right, to_right, point, search);
        } else {
            self.walk_below(right, to_right, point, search);
            self.walk_below(left, to_left, point, search);
        }
    }
}

/// One of the nearest points.
#[derive(Debug, Clone, Copy)]
pub(in crate::cluster) struct Neighbour {
    /// Squared distance.
    pub(in crate::cluster) squared: f64,
    /// Position in the tree.
    pub(in crate::cluster) at: u32,
    weight: f64,
}

/// The nearest points that together weigh `needed`. Weights are whole numbers, so their sums are exact.
#[derive(Debug, Clone)]
pub(in crate::cluster) struct Nearby {
    needed: f64,
    total: f64,
    bound: f64,
    found: Vec<Neighbour>,
}

impl Nearby {
    pub(in crate::cluster) fn new(needed: f64) -> Self {
        Self { needed, total: 0.0, bound: f64::INFINITY, found: Vec::new() }
    }

    pub(in crate::cluster) fn clear(&mut self) {
        self.found.clear();
        self.total = 0.0;
        self.bound = f64::INFINITY;
    }

    /// The squared distance at which the needed weight is reached; infinite if it is not.
    pub(in crate::cluster) fn squared(&self) -> f64 {
        self.bound
    }

    /// From near to far.
    pub(in crate::cluster) fn found(&self) -> &[Neighbour] {
        &self.found
    }

    /// Takes in the points of a leaf that are among the nearest.
    pub(in crate::cluster) fn offer(
        &mut self,
        tree: &Tree,
        leaf: usize,
        distances: &Distances,
        weights: Option<&[f64]>,
    ) {
        let last = (tree.len() - leaf * LEAF).min(LEAF);
        for (slot, &squared) in distances[..last].iter().enumerate() {
            if squared >= self.bound {
                continue;
            }
            let at = leaf * LEAF + slot;
            let neighbour = Neighbour { squared, at: at as u32, weight: weights.map_or(1.0, |weights| weights[at]) };
            let place = self.found.iter().rposition(|found| found.squared <= squared).map_or(0, |place| place + 1);
            self.found.insert(place, neighbour);
            self.total += neighbour.weight;
            while let Some(last) = self.found.last()
                && self.total - last.weight >= self.needed
            {
                self.total -= last.weight;
                self.found.pop();
            }
            if self.total >= self.needed {
                self.bound = self.found.last().map_or(f64::INFINITY, |last| last.squared);
            }
        }
    }
}

struct Kth<'a> {
    tree: &'a Tree,
    weights: Option<&'a [f64]>,
    nearby: &'a mut Nearby,
}

impl Search for Kth<'_> {
    fn bound(&self) -> f64 {
        self.nearby.bound
    }

    fn leaf(&mut self, leaf: usize, distances: &Distances) {
        self.nearby.offer(self.tree, leaf, distances, self.weights);
    }
}

/// The smallest squared radius around `point` within which points weigh as much as `nearby` needs; infinite if all do
/// not. `weights` are whole numbers by position, 1 each if absent.
pub(in crate::cluster) fn kth_squared(tree: &Tree, point: &[f64], weights: Option<&[f64]>, nearby: &mut Nearby) -> f64 {
    nearby.clear();
    tree.walk(point, &mut Kth { tree, weights, nearby });
    nearby.bound
}
