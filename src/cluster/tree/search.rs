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

/// The nearest points that together weigh `needed`: squared distances, ascending, with weights.
#[derive(Debug, Clone)]
pub(in crate::cluster) struct Nearby {
    needed: f64,
    total: f64,
    found: Vec<(f64, f64)>,
}

impl Nearby {
    pub(in crate::cluster) fn new(needed: f64) -> Self {
        Self { needed, total: 0.0, found: Vec::new() }
    }

    pub(in crate::cluster) fn clear(&mut self) {
        self.found.clear();
        self.total = 0.0;
    }

    /// The squared distance at which the needed weight is reached; infinite if it is not.
    pub(in crate::cluster) fn squared(&self) -> f64 {
        match self.found.last() {
            Some(&(distance, _)) if self.total >= self.needed => distance,
            _ => f64::INFINITY,
        }
    }

    /// Takes a point in if it is among the nearest. Weights are whole numbers, so that their sums are exact.
    pub(in crate::cluster) fn offer(&mut self, distance: f64, weight: f64) {
        if distance >= self.squared() {
            return;
        }
        let at = self.found.partition_point(|found| found.0 <= distance);
        self.found.insert(at, (distance, weight));
        self.total += weight;
        while let Some(&(_, last)) = self.found.last()
            && self.total - last >= self.needed
        {
            self.found.pop();
            self.total -= last;
        }
    }
}

struct Kth<'a, W: Fn(usize) -> f64> {
    tree: &'a Tree,
    weight: W,
    nearby: &'a mut Nearby,
}

impl<W: Fn(usize) -> f64> Search for Kth<'_, W> {
    fn bound(&self) -> f64 {
        self.nearby.squared()
    }

    fn leaf(&mut self, leaf: usize, distances: &Distances) {
        let last = (self.tree.len() - leaf * LEAF).min(LEAF);
        for (slot, &distance) in distances[..last].iter().enumerate() {
            if distance < self.nearby.squared() {
                self.nearby.offer(distance, (self.weight)(leaf * LEAF + slot));
            }
        }
    }
}

/// The smallest squared radius around `point` within which points weigh as much as `nearby` needs; infinite if all do
/// not. `weight` gives the whole number at a position.
pub(in crate::cluster) fn kth_squared(
    tree: &Tree,
    point: &[f64],
    weight: impl Fn(usize) -> f64,
    nearby: &mut Nearby,
) -> f64 {
    nearby.clear();
    tree.walk(point, &mut Kth { tree, weight, nearby });
    nearby.squared()
}
