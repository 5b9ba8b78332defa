//! A k-d tree over distinct points: what the density algorithms ask for neighbours.
//!
//! The tree is implicit (Bentley 1975; built by medians): every leaf holds [`LEAF`] points, nodes are numbered parent
//! before left before right, and so the children of a node follow from its number and its leaves. In a leaf the points
//! lie feature by feature, so that the compiler turns a scan into vector instructions.
//!
//! # Why pruning is exact
//!
//! A distance is the `f64` sum of squared differences, features left to right, as
//! [`squared_distance`](super::squared_distance) defines it. The least and the most distance to a box are sums of the
//! same form. Rounding is monotone: if `p >= lo > q` then `round(p - q) >= round(lo - q)`, and so on through squares and
//! sums. So the computed bounds hold for the computed distances, and no margin of error is needed.

mod build;
mod distinct;
mod forest;
mod search;

pub(in crate::cluster) use distinct::Distinct;
pub(in crate::cluster) use forest::Forest;
pub(in crate::cluster) use search::{Nearby, Search, kth_squared};

/// Points in one leaf; a set of them fits the bits of a `u32`.
pub(in crate::cluster) const LEAF: usize = 32;

/// Squared distances to the points of one leaf, infinite where the last leaf has none.
pub(in crate::cluster) type Distances = [f64; LEAF];

/// Points in tree order. The position of a point is its leaf times [`LEAF`] plus its slot.
#[derive(Debug)]
pub(in crate::cluster) struct Tree {
    width: usize,
    len: usize,
    /// Leaves × features × [`LEAF`].
    blocks: Vec<f64>,
    /// Nodes × (lowest values, highest values).
    boxes: Vec<f64>,
    /// The row each position came from.
    rows: Vec<u32>,
}

/// A node of a [`Tree`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cluster) struct Node {
    /// Number in preorder.
    pub(in crate::cluster) index: usize,
    /// First leaf.
    pub(in crate::cluster) first: usize,
    /// Number of leaves, at least 1.
    pub(in crate::cluster) leaves: usize,
}

impl Node {
    pub(in crate::cluster) fn is_leaf(self) -> bool {
        self.leaves == 1
    }

    /// The two halves of a node that is no leaf.
    pub(in crate::cluster) fn children(self) -> (Node, Node) {
        let left = self.leaves.div_ceil(2);
        let Node { index, first, leaves } = self;
        (
            Node { index: index + 1, first, leaves: left },
            Node { index: index + 2 * left, first: first + left, leaves: leaves - left },
        )
    }
}

impl Tree {
    pub(in crate::cluster) fn len(&self) -> usize {
        self.len
    }

    pub(in crate::cluster) fn width(&self) -> usize {
        self.width
    }

    pub(in crate::cluster) fn leaves(&self) -> usize {
        self.len.div_ceil(LEAF)
    }

    pub(in crate::cluster) fn nodes(&self) -> usize {
        2 * self.leaves() - 1
    }

    pub(in crate::cluster) fn root(&self) -> Node {
        Node { index: 0, first: 0, leaves: self.leaves() }
    }

    /// The row that the point at `position` came from.
    pub(in crate::cluster) fn row(&self, position: usize) -> usize {
        self.rows[position] as usize
    }

    /// Positions of the points of `node`.
    pub(in crate::cluster) fn positions(&self, node: Node) -> std::ops::Range<usize> {
        node.first * LEAF..((node.first + node.leaves) * LEAF).min(self.len)
    }

    /// The tight box around `node`: lowest values, then highest values.
    pub(in crate::cluster) fn bounds(&self, node: Node) -> &[f64] {
        &self.boxes[node.index * 2 * self.width..][..2 * self.width]
    }

    pub(in crate::cluster) fn block(&self, leaf: usize) -> &[f64] {
        &self.blocks[leaf * self.width * LEAF..][..self.width * LEAF]
    }

    /// Copies the point at `position` into `point`.
    pub(in crate::cluster) fn read(&self, position: usize, point: &mut [f64]) {
        let block = self.block(position / LEAF);
        for (value, column) in point.iter_mut().zip(block.chunks_exact(LEAF)) {
            *value = column[position % LEAF];
        }
    }

    /// The points of a leaf row by row.
    pub(in crate::cluster) fn read_leaf(&self, leaf: usize, points: &mut Vec<f64>) {
        let block = self.block(leaf);
        points.clear();
        points.extend((0..LEAF).flat_map(|slot| block[slot..].iter().step_by(LEAF)));
    }

    /// Squared distances from `point` to every point of a leaf.
    pub(in crate::cluster) fn distances(&self, point: &[f64], leaf: usize) -> Distances {
        squared_distances(point, self.block(leaf))
    }

    /// Calls `visit` for every node, children before their parent.
    pub(in crate::cluster) fn bottom_up(&self, mut visit: impl FnMut(Node)) {
        fn go(node: Node, visit: &mut impl FnMut(Node)) {
            if !node.is_leaf() {
                let (left, right) = node.children();
                go(left, visit);
                go(right, visit);
            }
            visit(node);
        }
        go(self.root(), &mut visit);
    }

    /// From a leaf to the root, the halves that the leaf is not in, nearest relatives first.
    pub(in crate::cluster) fn relatives(&self, leaf: usize, found: &mut Vec<Node>) {
        found.clear();
        let mut node = self.root();
        while !node.is_leaf() {
            let (left, right) = node.children();
            let (inside, outside) = if leaf < right.first { (left, right) } else { (right, left) };
            found.push(outside);
            node = inside;
        }
        found.reverse();
    }

    /// The leaf as a node.
    pub(in crate::cluster) fn leaf(&self, leaf: usize) -> Node {
        let mut node = self.root();
        while !node.is_leaf() {
            let (left, right) = node.children();
            node = if leaf < right.first { left } else { right };
        }
        node
    }
}

/// In lanes of eight, which fit the registers of any machine.
fn squared_distances(point: &[f64], block: &[f64]) -> Distances {
    const LANES: usize = 8;
    let mut distances = [0.0; LEAF];
    for (part, out) in distances.chunks_exact_mut(LANES).enumerate() {
        let mut sums = [0.0; LANES];
        for (value, column) in point.iter().zip(block.chunks_exact(LEAF)) {
            let column = &column[part * LANES..][..LANES];
            for lane in 0..LANES {
                let difference = column[lane] - value;
                sums[lane] += difference * difference;
            }
        }
        out.copy_from_slice(&sums);
    }
    distances
}

/// One instruction; [`f64::max`] is six, because it has an opinion on NaN.
fn larger(a: f64, b: f64) -> f64 {
    if a > b { a } else { b }
}

/// The least squared distance between two boxes.
pub(in crate::cluster) fn least_squared(a: &[f64], b: &[f64]) -> f64 {
    let width = a.len() / 2;
    (0..width).fold(0.0, |sum, f| {
        let gap = larger(larger(b[f] - a[width + f], a[f] - b[width + f]), 0.0);
        sum + gap * gap
    })
}

/// The most squared distance between points of two boxes.
pub(in crate::cluster) fn most_squared(a: &[f64], b: &[f64]) -> f64 {
    let width = a.len() / 2;
    (0..width).fold(0.0, |sum, f| {
        let span = larger(b[width + f] - a[f], a[width + f] - b[f]);
        sum + span * span
    })
}

/// The least squared distance from a point to a box.
pub(in crate::cluster) fn least_squared_to(point: &[f64], bounds: &[f64]) -> f64 {
    let (low, high) = bounds.split_at(point.len());
    point.iter().zip(low.iter().zip(high)).fold(0.0, |sum, (&p, (&low, &high))| {
        let gap = larger(larger(low - p, p - high), 0.0);
        sum + gap * gap
    })
}

/// The most squared distance from a point to points of a box.
pub(in crate::cluster) fn most_squared_to(point: &[f64], bounds: &[f64]) -> f64 {
    let (low, high) = bounds.split_at(point.len());
    point.iter().zip(low.iter().zip(high)).fold(0.0, |sum, (&p, (&low, &high))| {
        let span = larger(high - p, p - low);
        sum + span * span
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::{squared_distance, stream};
    use rand::Rng;

    fn points(rows: usize, width: usize) -> Vec<f64> {
        let mut rng = stream(rows as u64, 7);
        (0..rows * width).map(|_| rng.gen_range(-1e3..1e3) * rng.gen_range(0.0..1.0_f64).powi(4)).collect()
    }

    #[test]
    fn every_row_stands_in_one_leaf_within_every_box_above_it() {
        for (rows, width) in [(1, 1), (32, 2), (33, 2), (1000, 3), (4097, 1), (777, 9)] {
            let flat = points(rows, width);
            let tree = Tree::new(&flat, width);
            let mut seen = vec![false; rows];
            let mut point = vec![0.0; width];
            let mut nodes = 0;
            tree.bottom_up(|node| {
                nodes += 1;
                for position in tree.positions(node) {
                    tree.read(position, &mut point);
                    assert_eq!(point, flat[tree.row(position) * width..][..width]);
                    assert_eq!(least_squared_to(&point, tree.bounds(node)), 0.0);
                    seen[tree.row(position)] = true;
                }
            });
            assert_eq!(nodes, tree.nodes());
            assert!(seen.iter().all(|&s| s), "{rows} rows");
        }
    }

    #[test]
    fn bounds_hold_for_the_distances_as_computed() {
        let width = 3;
        let tree = Tree::new(&points(600, width), width);
        let (a, b) = tree.root().children();
        let (mut p, mut q) = (vec![0.0; width], vec![0.0; width]);
        for i in tree.positions(a) {
            tree.read(i, &mut p);
            for j in tree.positions(b) {
                tree.read(j, &mut q);
                let d = squared_distance(&p, &q);
                assert_eq!(tree.distances(&p, j / LEAF)[j % LEAF], d);
                assert!(least_squared(tree.bounds(a), tree.bounds(b)) <= d);
                assert!(most_squared(tree.bounds(a), tree.bounds(b)) >= d);
                assert!(least_squared_to(&p, tree.bounds(b)) <= d && d <= most_squared_to(&p, tree.bounds(b)));
            }
        }
    }

    #[test]
    fn relatives_and_the_leaf_itself_make_the_whole() {
        let tree = Tree::new(&points(500, 2), 2);
        let mut relatives = Vec::new();
        for leaf in 0..tree.leaves() {
            tree.relatives(leaf, &mut relatives);
            assert_eq!(relatives.iter().map(|node| node.leaves).sum::<usize>() + 1, tree.leaves());
            assert_eq!((tree.leaf(leaf).first, tree.leaf(leaf).leaves), (leaf, 1));
        }
    }
}
