//! Which core customers hang together.

use super::super::tree::{Forest, LEAF, Node, Tree, least_squared, least_squared_to, most_squared};
use super::dense::{bits, set_where};
use rayon::prelude::*;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// No core point.
const NOBODY: u32 = u32::MAX;

/// Below so many leaves a subtree is not worth a task of its own.
const LEAVES_PER_TASK: usize = 64;

/// Joins core points within `eps` of each other, two subtrees at a time. Near ones come first, so that most pairs are
/// known to hang together before anyone looks at their distance.
#[derive(Debug)]
pub(super) struct Chains<'a> {
    tree: &'a Tree,
    core: &'a [u32],
    eps_squared: f64,
    /// Boxes around the core points of every node; empty boxes run from infinity to minus infinity.
    boxes: Vec<f64>,
    /// One core point of every node.
    some: Vec<u32>,
    /// Whether the core points of a node are known to hang together.
    whole: Vec<AtomicBool>,
    forest: Forest,
}

impl<'a> Chains<'a> {
    pub(super) fn new(tree: &'a Tree, core: &'a [u32], eps: f64) -> Self {
        let width = tree.width();
        let mut boxes = vec![0.0; tree.nodes() * 2 * width];
        let mut some = vec![NOBODY; tree.nodes()];
        tree.bottom_up(|node| {
            let at = node.index * 2 * width;
            if node.is_leaf() {
                let members = core[node.first];
                if members != 0 {
                    some[node.index] = (node.first * LEAF) as u32 + members.trailing_zeros();
                }
                for (f, column) in tree.block(node.first).chunks_exact(LEAF).enumerate() {
                    boxes[at + f] = bits(members).map(|slot| column[slot]).fold(f64::INFINITY, f64::min);
                    boxes[at + width + f] = bits(members).map(|slot| column[slot]).fold(f64::NEG_INFINITY, f64::max);
                }
            } else {
                let (left, right) = node.children();
                some[node.index] = some[left.index].min(some[right.index]);
                let (left, right) = (left.index * 2 * width, right.index * 2 * width);
                for f in 0..width {
                    boxes[at + f] = boxes[left + f].min(boxes[right + f]);
                    boxes[at + width + f] = boxes[left + width + f].max(boxes[right + width + f]);
                }
            }
        });
        let whole = some.iter().map(|&point| AtomicBool::new(point == NOBODY)).collect();
        Self { tree, core, eps_squared: eps * eps, boxes, some, whole, forest: Forest::new(tree.len()) }
    }

    /// For every position the smallest position of its chain; of use for core points only.
    pub(super) fn join(self) -> Vec<u32> {
        self.within(self.tree.root());
        (0..self.tree.len()).into_par_iter().map(|at| self.forest.root(at) as u32).collect()
    }

    fn bounds(&self, node: Node) -> &[f64] {
        let width = self.tree.width();
        &self.boxes[node.index * 2 * width..][..2 * width]
    }

    fn is_whole(&self, node: Node) -> bool {
        self.whole[node.index].load(Relaxed)
    }

    /// Joins everyone in `node` who is to be joined.
    fn within(&self, node: Node) {
        if self.some[node.index] == NOBODY {
            return;
        }
        if most_squared(self.bounds(node), self.bounds(node)) <= self.eps_squared {
            self.join_all(node);
        } else if node.is_leaf() {
            self.between_leaves(node, node);
            self.note_leaf(node);
        } else {
            let (left, right) = node.children();
            if node.leaves > LEAVES_PER_TASK {
                rayon::join(|| self.within(left), || self.within(right));
            } else {
                self.within(left);
                self.within(right);
            }
            self.between(left, right);
            self.note(node);
        }
    }

    /// Joins points of `a` to points of `b`, which have no point in common.
    fn between(&self, a: Node, b: Node) {
        let (one, other) = (self.some[a.index], self.some[b.index]);
        if one == NOBODY || other == NOBODY || least_squared(self.bounds(a), self.bounds(b)) > self.eps_squared {
            return;
        }
        let both_whole = self.is_whole(a) && self.is_whole(b);
        if both_whole && self.forest.joined(one as usize, other as usize) {
            return;
        }
        if most_squared(self.bounds(a), self.bounds(b)) <= self.eps_squared {
            self.join_all(a);
            self.join_all(b);
            self.forest.join(one as usize, other as usize);
            return;
        }
        if a.is_leaf() && b.is_leaf() {
            self.between_leaves(a, b);
            self.note_leaf(a);
            self.note_leaf(b);
            return;
        }
        let (large, small) = if a.leaves >= b.leaves { (a, b) } else { (b, a) };
        let (left, right) = large.children();
        let to_left = least_squared(self.bounds(left), self.bounds(small));
        let to_right = least_squared(self.bounds(right), self.bounds(small));
        let (near, far) = if to_left <= to_right { (left, right) } else { (right, left) };
        if small.leaves > LEAVES_PER_TASK {
            rayon::join(|| self.between(near, small), || self.between(far, small));
        } else {
            self.between(near, small);
            self.between(far, small);
        }
        self.note(large);
    }

    /// Joins points of two leaves, or of one.
    fn between_leaves(&self, a: Node, b: Node) {
        match (self.is_whole(a), self.is_whole(b)) {
            (_, true) => self.to_whole(a, b),
            (true, false) => self.to_whole(b, a),
            (false, false) => self.to_parts(a, b),
        }
    }

    /// Joins points of the leaf `a` to the leaf `b`, which hangs together: those that do not hang with it are looked at.
    fn to_whole(&self, a: Node, b: Node) {
        let some = self.some[b.index] as usize;
        let mut point = vec![0.0; self.tree.width()];
        for slot in bits(self.core[a.first]) {
            let at = a.first * LEAF + slot;
            if !self.forest.joined(at, some) && self.near(at, b, &mut point) != 0 {
                self.forest.join(at, some);
                if self.is_whole(a) {
                    return;
                }
            }
        }
    }

    /// Joins points of two leaves of which neither is known to hang together, or of one such leaf.
    fn to_parts(&self, a: Node, b: Node) {
        let first = b.first * LEAF;
        let members = self.core[b.first];
        let mut roots = [NOBODY; LEAF];
        bits(members).for_each(|slot| roots[slot] = self.forest.root(first + slot) as u32);
        let mut point = vec![0.0; self.tree.width()];
        for slot in bits(self.core[a.first]) {
            let at = a.first * LEAF + slot;
            let root = self.forest.root(at) as u32;
            let apart = |roots: &[u32; LEAF]| members & set_where(|slot| roots[slot] != root);
            if apart(&roots) == 0 {
                continue;
            }
            let near = self.near(at, b, &mut point);
            while near & apart(&roots) != 0 {
                let other = (near & apart(&roots)).trailing_zeros() as usize;
                self.forest.join(at, first + other);
                let joined = roots[other];
                roots.iter_mut().filter(|root| **root == joined).for_each(|other| *other = root);
            }
        }
    }

    /// The core points of a leaf within `eps` of the point at `at`.
    fn near(&self, at: usize, leaf: Node, point: &mut [f64]) -> u32 {
        self.tree.read(at, point);
        if least_squared_to(point, self.bounds(leaf)) > self.eps_squared {
            return 0;
        }
        let distances = self.tree.distances(point, leaf.first);
        // Mostly nobody is near, and that is found out in vector registers.
        if distances.iter().fold(true, |far, &d| far & (d > self.eps_squared)) {
            return 0;
        }
        self.core[leaf.first] & set_where(|slot| distances[slot] <= self.eps_squared)
    }

    /// Joins every core point of `node`.
    fn join_all(&self, node: Node) {
        if self.is_whole(node) {
            return;
        }
        if node.is_leaf() {
            let some = self.some[node.index] as usize;
            bits(self.core[node.first]).for_each(|slot| {
                self.forest.join(some, node.first * LEAF + slot);
            });
        } else {
            let (left, right) = node.children();
            self.join_all(left);
            self.join_all(right);
            let (one, other) = (self.some[left.index], self.some[right.index]);
            if one != NOBODY && other != NOBODY {
                self.forest.join(one as usize, other as usize);
            }
        }
        self.whole[node.index].store(true, Relaxed);
    }

    fn note_leaf(&self, leaf: Node) {
        let some = self.some[leaf.index] as usize;
        let is_whole = || bits(self.core[leaf.first]).all(|slot| self.forest.joined(some, leaf.first * LEAF + slot));
        if !self.is_whole(leaf) && is_whole() {
            self.whole[leaf.index].store(true, Relaxed);
        }
    }

    fn note(&self, node: Node) {
        let (left, right) = node.children();
        let (one, other) = (self.some[left.index], self.some[right.index]);
        let joined = one == NOBODY || other == NOBODY || self.forest.joined(one as usize, other as usize);
        if !self.is_whole(node) && joined && self.is_whole(left) && self.is_whole(right) {
            self.whole[node.index].store(true, Relaxed);
        }
    }
}
