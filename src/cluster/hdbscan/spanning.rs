//! Core distances and the minimum spanning tree of mutual reachability.

use super::super::tree::{Forest, LEAF, Nearby, Node, Tree, least_squared, least_squared_to};
use rayon::prelude::*;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// So many of the nearest neighbours are remembered: they settle most edges without a search.
const REMEMBERED: usize = 12;

/// No point, no component.
const NOBODY: u32 = u32::MAX;

/// An edge between two rows with its squared mutual reachability distance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Edge {
    pub(super) squared: f64,
    pub(super) a: u32,
    pub(super) b: u32,
}

/// Points with their squared core distances, in tree order.
#[derive(Debug)]
pub(super) struct Reachability<'a> {
    tree: &'a Tree,
    /// Squared core distance by position.
    pub(super) core: Vec<f64>,
    /// [`REMEMBERED`] positions for each position, from near to far, [`NOBODY`] at the end.
    near: Vec<u32>,
    /// Least core distance below every node.
    node_core: Vec<f64>,
}

/// What a point knows about its nearest point of another component.
#[derive(Debug, Clone, Copy)]
struct Link {
    /// Squared mutual reachability distance to `to`.
    squared: f64,
    to: u32,
    /// No point of another component is closer than this.
    at_least: f64,
}

/// One round of Borůvka.
struct Round<'a> {
    component: &'a [u32],
    /// The component of every node, [`NOBODY`] if there are several.
    node_component: Vec<u32>,
    /// The bits of the shortest known way out of every component. Bits of positive numbers sort as the numbers do.
    shortest: &'a [AtomicU64],
}

impl Round<'_> {
    fn shortest(&self, at: usize) -> f64 {
        f64::from_bits(self.shortest[self.component[at] as usize].load(Relaxed))
    }

    fn offer(&self, at: usize, squared: f64) {
        self.shortest[self.component[at] as usize].fetch_min(squared.to_bits(), Relaxed);
    }
}

impl<'a> Reachability<'a> {
    /// Core distances: to the nearest points that together weigh `min_samples`, the point itself included.
    pub(super) fn new(tree: &'a Tree, weights: Option<&[f64]>, min_samples: f64) -> Self {
        let leaves: Vec<(Vec<f64>, Vec<u32>)> = (0..tree.leaves())
            .into_par_iter()
            .with_min_len(16)
            .map_init(
                || (vec![Nearby::new(min_samples); LEAF], Vec::new(), Vec::new()),
                |(nearby, points, relatives), leaf| neighbours_of(tree, weights, leaf, nearby, points, relatives),
            )
            .collect();
        let mut core = Vec::with_capacity(tree.len());
        let mut near = Vec::with_capacity(tree.len() * REMEMBERED);
        for (leaf_core, leaf_near) in leaves {
            core.extend(leaf_core);
            near.extend(leaf_near);
        }
        let mut node_core = vec![0.0; tree.nodes()];
        tree.bottom_up(|node| {
            node_core[node.index] = if node.is_leaf() {
                core[tree.positions(node)].iter().copied().fold(f64::INFINITY, f64::min)
            } else {
                let (left, right) = node.children();
                node_core[left.index].min(node_core[right.index])
            };
        });
        Self { tree, core, near, node_core }
    }

    /// The edges of a minimum spanning tree (Borůvka 1926 on a k-d tree; March, Ram & Gray 2010). Which one it is, where
    /// edges are equally long, may differ; what hangs together below a distance does not.
    pub(super) fn spanning_tree(&self) -> Vec<Edge> {
        let n = self.tree.len();
        let forest = Forest::new(n);
        let mut edges = Vec::with_capacity(n.saturating_sub(1));
        let mut links: Vec<Link> =
            self.core.iter().map(|&at_least| Link { squared: f64::INFINITY, to: NOBODY, at_least }).collect();
        let shortest: Vec<AtomicU64> = (0..n).map(|_| AtomicU64::new(0)).collect();
        let mut first = true;
        while edges.len() + 1 < n {
            let component: Vec<u32> = (0..n).into_par_iter().map(|at| forest.root(at) as u32).collect();
            shortest.par_iter().for_each(|bits| bits.store(f64::INFINITY.to_bits(), Relaxed));
            let round =
                Round { component: &component, node_component: self.components(&component), shortest: &shortest };
            links.par_iter_mut().enumerate().with_min_len(1024).for_each(|(at, link)| self.recall(&round, at, link));
            if !first {
                links
                    .par_chunks_mut(LEAF)
                    .enumerate()
                    .with_min_len(16)
                    .for_each_init(Default::default, |buffers, (leaf, links)| self.ask(&round, leaf, links, buffers));
            }
            let mut chosen = vec![NOBODY; n];
            for (at, link) in links.iter().enumerate() {
                let of = &mut chosen[component[at] as usize];
                if link.to != NOBODY && *of == NOBODY && link.squared == round.shortest(at) {
                    *of = at as u32;
                }
            }
            let mut shortest_edges: Vec<Edge> = chosen
                .into_iter()
                .filter(|&at| at != NOBODY)
                .map(|at| Edge { squared: links[at as usize].squared, a: at, b: links[at as usize].to })
                // In the first round nobody searched, and only what cannot be beaten is an edge.
                .filter(|edge| !first || edge.squared == self.core[edge.a as usize])
                .collect();
            // Ascending, so that equally long ways out cannot close a circle that a shorter edge should have opened.
            shortest_edges.par_sort_unstable_by(|x, y| x.squared.total_cmp(&y.squared).then(x.a.cmp(&y.a)));
            edges.extend(shortest_edges.into_iter().filter(|edge| forest.join(edge.a as usize, edge.b as usize)));
            first = false;
        }
        edges
    }

    fn components(&self, component: &[u32]) -> Vec<u32> {
        let mut of_node = vec![NOBODY; self.tree.nodes()];
        self.tree.bottom_up(|node| {
            of_node[node.index] = if node.is_leaf() {
                let of = &component[self.tree.positions(node)];
                if of.iter().all(|&c| c == of[0]) { of[0] } else { NOBODY }
            } else {
                let (left, right) = node.children();
                let of = of_node[left.index];
                if of == of_node[right.index] { of } else { NOBODY }
            };
        });
        of_node
    }

    /// Settles without a search what the last round or the nearest neighbours tell.
    fn recall(&self, round: &Round, at: usize, link: &mut Link) {
        let own = round.component[at];
        if link.to != NOBODY && round.component[link.to as usize] != own {
            round.offer(at, link.squared);
            return;
        }
        (link.squared, link.to) = (f64::INFINITY, NOBODY);
        let core = self.core[at];
        for &to in self.near[at * REMEMBERED..][..REMEMBERED].iter().take_while(|&&to| to != NOBODY) {
            if round.component[to as usize] == own {
                continue;
            }
            // A remembered neighbour is no farther than the core distance.
            let squared = core.max(self.core[to as usize]);
            if squared < link.squared {
                (link.squared, link.to) = (squared, to);
            }
            if squared == core {
                break;
            }
        }
        if link.to != NOBODY {
            round.offer(at, link.squared);
        }
    }

    /// Searches ways out for those points of a leaf that may have the shortest of their component.
    fn ask(&self, round: &Round, leaf: usize, links: &mut [Link], buffers: &mut (Vec<f64>, Vec<Node>)) {
        let base = leaf * LEAF;
        let is_open =
            |slot: usize, link: &Link| link.at_least < link.squared && link.at_least < round.shortest(base + slot);
        let open: Vec<usize> = (0..links.len()).filter(|&slot| is_open(slot, &links[slot])).collect();
        if open.is_empty() {
            return;
        }
        let (points, relatives) = buffers;
        self.tree.read_leaf(leaf, points);
        self.tree.relatives(leaf, relatives);
        let own = self.tree.leaf(leaf);
        let mut search = Ways { reach: self, round, own, points, open: &open, links };
        search.visit(own);
        for &relative in relatives.iter() {
            search.visit(relative);
        }
        for &slot in &open {
            // Whatever was not looked at is no shorter than the bound in the end.
            links[slot].at_least = links[slot].squared.min(round.shortest(base + slot)).max(links[slot].at_least);
        }
    }
}

/// The search of [`Reachability::ask`].
struct Ways<'a> {
    reach: &'a Reachability<'a>,
    round: &'a Round<'a>,
    own: Node,
    points: &'a [f64],
    open: &'a [usize],
    links: &'a mut [Link],
}

impl Ways<'_> {
    /// Longer ways are of no interest to the point.
    fn bound(&self, slot: usize) -> f64 {
        self.links[slot].squared.min(self.round.shortest(self.own.first * LEAF + slot))
    }

    fn visit(&mut self, node: Node) {
        let of_node = self.round.node_component[node.index];
        if of_node != NOBODY && of_node == self.round.node_component[self.own.index] {
            return;
        }
        let tree = self.reach.tree;
        let bound = self.open.iter().map(|&slot| self.bound(slot)).fold(0.0, f64::max);
        let bounds = tree.bounds(node);
        if self.reach.node_core[node.index] >= bound || least_squared(tree.bounds(self.own), bounds) >= bound {
            return;
        }
        if !node.is_leaf() {
            let (left, right) = node.children();
            let own = tree.bounds(self.own);
            let left_first = least_squared(own, tree.bounds(left)) <= least_squared(own, tree.bounds(right));
            for half in if left_first { [left, right] } else { [right, left] } {
                self.visit(half);
            }
            return;
        }
        let width = tree.width();
        for i in 0..self.open.len() {
            let slot = self.open[i];
            let at = self.own.first * LEAF + slot;
            let own = self.round.component[at];
            let point = &self.points[slot * width..][..width];
            let bound = self.bound(slot);
            let core = self.reach.core[at];
            if of_node == own || core >= bound || least_squared_to(point, bounds) >= bound {
                continue;
            }
            let distances = tree.distances(point, node.first);
            if distances.iter().fold(true, |far, &d| far & (d >= bound)) {
                continue;
            }
            let mut best = (bound, NOBODY);
            for (other, &distance) in tree.positions(node).zip(&distances) {
                if distance < best.0 && self.round.component[other] != own {
                    let squared = distance.max(core).max(self.reach.core[other]);
                    if squared < best.0 {
                        best = (squared, other as u32);
                    }
                }
            }
            if best.1 != NOBODY {
                (self.links[slot].squared, self.links[slot].to) = best;
                self.round.offer(at, best.0);
            }
        }
    }
}

/// Squared core distances of a leaf's points, and their nearest neighbours.
fn neighbours_of(
    tree: &Tree,
    weights: Option<&[f64]>,
    leaf: usize,
    nearby: &mut [Nearby],
    points: &mut Vec<f64>,
    relatives: &mut Vec<Node>,
) -> (Vec<f64>, Vec<u32>) {
    let own = tree.leaf(leaf);
    let positions = tree.positions(own);
    let nearby = &mut nearby[..positions.len()];
    nearby.iter_mut().for_each(Nearby::clear);
    tree.read_leaf(leaf, points);
    tree.relatives(leaf, relatives);
    look(tree, weights, own, own, points, nearby);
    for &relative in relatives.iter() {
        look(tree, weights, own, relative, points, nearby);
    }
    let core = nearby.iter().map(Nearby::squared).collect();
    let mut near = Vec::with_capacity(positions.len() * REMEMBERED);
    for (at, nearby) in positions.zip(nearby) {
        let others = nearby.found().iter().map(|neighbour| neighbour.at).filter(|&other| other as usize != at);
        near.extend(others.chain(std::iter::repeat(NOBODY)).take(REMEMBERED));
    }
    (core, near)
}

/// Offers the points of `node` to those of the leaf `own`.
fn look(tree: &Tree, weights: Option<&[f64]>, own: Node, node: Node, points: &[f64], nearby: &mut [Nearby]) {
    let (mine, bounds) = (tree.bounds(own), tree.bounds(node));
    let bound = nearby.iter().map(Nearby::squared).fold(0.0, f64::max);
    if least_squared(mine, bounds) >= bound {
        return;
    }
    if node.is_leaf() {
        for (point, nearby) in points.chunks_exact(tree.width()).zip(nearby) {
            if least_squared_to(point, bounds) < nearby.squared() {
                nearby.offer(tree, node.first, &tree.distances(point, node.first), weights);
            }
        }
        return;
    }
    let (left, right) = node.children();
    let left_first = least_squared(mine, tree.bounds(left)) <= least_squared(mine, tree.bounds(right));
    for half in if left_first { [left, right] } else { [right, left] } {
        look(tree, weights, own, half, points, nearby);
    }
}
