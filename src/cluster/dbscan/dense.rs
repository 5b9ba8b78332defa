//! Which customers are core.

use super::super::tree::{LEAF, Node, Tree, least_squared, least_squared_to, most_squared, most_squared_to};
use rayon::prelude::*;

/// Counts neighbours until there are enough.
#[derive(Debug)]
pub(super) struct Density<'a> {
    tree: &'a Tree,
    /// Weight of every position; 1 each if absent.
    weights: Option<Vec<f64>>,
    /// Weight of every node, if positions have weights.
    node_weights: Vec<f64>,
    eps_squared: f64,
    needed: f64,
}

/// The points of one leaf that are still being counted.
#[derive(Debug, Default)]
struct Count {
    /// Row by row.
    points: Vec<f64>,
    within: [f64; LEAF],
    /// Bits of the points that lack neighbours.
    open: u32,
    /// How often a point met a leaf.
    scans: u64,
}

impl<'a> Density<'a> {
    /// `weight` gives the weight of a position, if they differ.
    pub(super) fn new(tree: &'a Tree, weights: Option<Vec<f64>>, eps: f64, needed: f64) -> Self {
        let mut node_weights = Vec::new();
        if let Some(weights) = &weights {
            node_weights = vec![0.0; tree.nodes()];
            tree.bottom_up(|node| {
                node_weights[node.index] = if node.is_leaf() {
                    weights[tree.positions(node)].iter().sum()
                } else {
                    let (left, right) = node.children();
                    node_weights[left.index] + node_weights[right.index]
                };
            });
        }
        Self { tree, weights, node_weights, eps_squared: eps * eps, needed }
    }

    /// For every leaf the bits of its core points.
    pub(super) fn core(&self) -> Vec<u32> {
        let count = |leaf| (leaf, Count::default(), Vec::new());
        (0..self.tree.leaves())
            .into_par_iter()
            .with_min_len(16)
            .map_init(|| count(0), |(_, count, relatives), leaf| self.core_of(leaf, count, relatives))
            .collect()
    }

    /// How many times a point will meet a leaf in [`Density::core`], estimated from `sample` leaves.
    pub(super) fn scans(&self, sample: usize) -> f64 {
        let leaves = self.tree.leaves();
        let sample = sample.clamp(1, leaves);
        let scans: u64 = (0..sample)
            .into_par_iter()
            .map(|i| {
                let mut count = Count::default();
                self.core_of(i * leaves / sample, &mut count, &mut Vec::new());
                count.scans
            })
            .sum();
        scans as f64 * (leaves as f64 / sample as f64)
    }

    fn core_of(&self, leaf: usize, count: &mut Count, relatives: &mut Vec<Node>) -> u32 {
        let node = self.tree.leaf(leaf);
        let all = u32::MAX >> (LEAF - self.tree.positions(node).len());
        self.tree.read_leaf(leaf, &mut count.points);
        count.within = [0.0; LEAF];
        count.open = all;
        self.add(node, node, count);
        if count.open != 0 {
            self.tree.relatives(leaf, relatives);
            for &relative in relatives.iter() {
                self.add(node, relative, count);
                if count.open == 0 {
                    break;
                }
            }
        }
        all & !count.open
    }

    /// Counts the points of `node` for the open points of the leaf `own`.
    fn add(&self, own: Node, node: Node, count: &mut Count) {
        let (mine, bounds) = (self.tree.bounds(own), self.tree.bounds(node));
        if least_squared(mine, bounds) > self.eps_squared {
            return;
        }
        if most_squared(mine, bounds) <= self.eps_squared {
            let weight = self.weight(node);
            for slot in bits(count.open) {
                count.within[slot] += weight;
                if count.within[slot] >= self.needed {
                    count.open &= !(1 << slot);
                }
            }
            return;
        }
        if !node.is_leaf() {
            let (left, right) = node.children();
            let left_first =
                least_squared(mine, self.tree.bounds(left)) <= least_squared(mine, self.tree.bounds(right));
            for half in if left_first { [left, right] } else { [right, left] } {
                if count.open != 0 {
                    self.add(own, half, count);
                }
            }
            return;
        }
        let width = self.tree.width();
        for slot in bits(count.open) {
            let point = &count.points[slot * width..][..width];
            if least_squared_to(point, bounds) > self.eps_squared {
                continue;
            }
            count.within[slot] += if most_squared_to(point, bounds) <= self.eps_squared {
                self.weight(node)
            } else {
                count.scans += 1;
                self.weight_within(point, node.first)
            };
            if count.within[slot] >= self.needed {
                count.open &= !(1 << slot);
            }
        }
    }

    fn weight(&self, node: Node) -> f64 {
        match self.weights {
            Some(_) => self.node_weights[node.index],
            None => self.tree.positions(node).len() as f64,
        }
    }

    fn weight_within(&self, point: &[f64], leaf: usize) -> f64 {
        let distances = self.tree.distances(point, leaf);
        match &self.weights {
            None => f64::from(distances.iter().map(|&d| u32::from(d <= self.eps_squared)).sum::<u32>()),
            Some(weights) => {
                let weights = &weights[leaf * LEAF..];
                distances.iter().zip(weights).filter(|&(&d, _)| d <= self.eps_squared).map(|(_, &w)| w).sum()
            }
        }
    }
}

/// The places of the bits that are set, from the lowest.
pub(super) fn bits(mut set: u32) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        if set == 0 {
            return None;
        }
        let lowest = set.trailing_zeros() as usize;
        set &= set - 1;
        Some(lowest)
    })
}

/// The set of slots for which `is` holds.
pub(super) fn set_where(is: impl Fn(usize) -> bool) -> u32 {
    (0..LEAF).fold(0, |set, slot| set | (u32::from(is(slot)) << slot))
}
