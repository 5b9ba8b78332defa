//! From edges to the condensed tree: how clusters of at least `min_cluster_size` part as the distance shrinks.

use super::super::tree::{Distinct, Forest};
use super::spanning::Edge;
use rayon::prelude::*;

/// No branch.
const NONE: u32 = u32::MAX;

/// A cluster over a range of distances. Distances are squared.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Branch {
    /// The branch this one parted from, before it in the list.
    pub(super) parent: Option<usize>,
    /// It exists below this distance, where it parted from its parent; infinite for the first.
    pub(super) birth: f64,
    /// At this distance it parts or falls apart.
    pub(super) end: f64,
    /// The least `end` of it and of all that came out of it.
    pub(super) floor: f64,
    /// Excess of mass: over its customers, the sum of `1 / distance` at leaving minus that at birth.
    pub(super) stability: f64,
    /// The first row in it when it parts or falls apart.
    first: usize,
}

/// The condensed tree.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Condensed {
    /// Parents before children; the first is everyone.
    pub(super) branches: Vec<Branch>,
    /// For every row the branch it falls out of.
    pub(super) branch: Vec<usize>,
    /// For every row the squared distance at which it does.
    pub(super) level: Vec<f64>,
}

/// Branches while they grow from small distances to large.
struct Growth {
    forest: Forest,
    /// Next row of the same set, in a circle.
    next: Vec<u32>,
    /// Weight of the set of a root.
    weight: Vec<f64>,
    /// Open branch of the set of a root.
    open: Vec<u32>,
    branch: Vec<u32>,
    level: Vec<f64>,
    branches: Vec<Branch>,
    /// Per branch the weight of its customers and the sum of their `1 / distance`.
    sums: Vec<(f64, f64)>,
    min_cluster_size: f64,
}

impl Condensed {
    /// `core` has the squared core distance of every row. Edges of one length count at once (Campello, Moulavi & Sander
    /// 2013, algorithm 1, step 4.2), so any minimum spanning tree gives the same. A row of weight 2 is two customers, who
    /// part at their core distance. Empty if all together weigh less than `min_cluster_size`.
    pub(super) fn new(mut edges: Vec<Edge>, core: &[f64], distinct: &Distinct, min_cluster_size: usize) -> Self {
        let n = distinct.len();
        let min_cluster_size = min_cluster_size as f64;
        let heavy = (0..n).filter(|&row| distinct.weight(row) >= min_cluster_size);
        edges.extend(heavy.map(|row| Edge { squared: core[row], a: row as u32, b: row as u32 }));
        edges.par_sort_unstable_by(|x, y| x.squared.total_cmp(&y.squared).then((x.a, x.b).cmp(&(y.a, y.b))));
        let mut growth = Growth {
            forest: Forest::new(n),
            next: (0..n as u32).collect(),
            weight: (0..n).map(|row| distinct.weight(row)).collect(),
            open: vec![NONE; n],
            branch: vec![NONE; n],
            level: vec![0.0; n],
            branches: Vec::new(),
            sums: Vec::new(),
            min_cluster_size,
        };
        let mut parts = Vec::new();
        for equal in edges.chunk_by(|x, y| x.squared == y.squared) {
            growth.merge(equal, &mut parts);
        }
        growth.finish()
    }
}

impl Growth {
    /// Merges along edges of one length. `parts` is a buffer: sets before and after.
    fn merge(&mut self, edges: &[Edge], parts: &mut Vec<(u32, u32)>) {
        let root = |forest: &Forest, row: u32| forest.root(row as usize) as u32;
        parts.clear();
        parts.extend(edges.iter().flat_map(|e| [(0, root(&self.forest, e.a)), (0, root(&self.forest, e.b))]));
        edges.iter().for_each(|e| {
            self.forest.join(e.a as usize, e.b as usize);
        });
        parts.iter_mut().for_each(|part| part.0 = root(&self.forest, part.1));
        parts.sort_unstable();
        parts.dedup();
        for merged in parts.chunk_by(|x, y| x.0 == y.0) {
            self.merge_parts(merged, edges[0].squared);
        }
    }

    fn merge_parts(&mut self, parts: &[(u32, u32)], level: f64) {
        let root = parts[0].0 as usize;
        let weight: f64 = parts.iter().map(|&(_, part)| self.weight[part as usize]).sum();
        let large = parts.iter().filter(|&&(_, part)| self.open[part as usize] != NONE).count();
        if weight >= self.min_cluster_size {
            let into = if large == 1 {
                parts.iter().map(|&(_, part)| self.open[part as usize]).find(|&open| open != NONE).unwrap_or(NONE)
            } else {
                self.open_branch(root, level)
            };
            let mut leaving = 0.0;
            for &(_, part) in parts {
                let open = self.open[part as usize];
                if open == into {
                    continue;
                }
                leaving += self.weight[part as usize];
                if open == NONE {
                    self.put(part, into, level);
                } else {
                    self.close(open as usize, Some(into as usize), level);
                }
            }
            if leaving > 0.0 {
                let sums = &mut self.sums[into as usize];
                sums.0 += leaving;
                sums.1 += leaving * density(level);
            }
            self.open[root] = into;
        }
        self.weight[root] = weight;
        for &(_, part) in parts {
            // Two circles become one by exchanging what comes next.
            if part as usize != root {
                self.next.swap(part as usize, root);
            }
        }
    }

    fn open_branch(&mut self, first: usize, level: f64) -> u32 {
        let branch = Branch { parent: None, birth: f64::INFINITY, end: level, floor: level, stability: 0.0, first };
        self.branches.push(branch);
        self.sums.push((0.0, 0.0));
        self.branches.len() as u32 - 1
    }

    fn close(&mut self, branch: usize, parent: Option<usize>, birth: f64) {
        let (weight, densities) = self.sums[branch];
        let closed = &mut self.branches[branch];
        closed.parent = parent;
        closed.birth = birth;
        closed.stability = if weight == 0.0 { 0.0 } else { densities - weight * density(birth) };
        let floor = closed.floor;
        if let Some(parent) = parent {
            let parent = &mut self.branches[parent];
            parent.floor = parent.floor.min(floor);
        }
    }

    /// Everyone in the set of `part` falls out of `branch` at `level`.
    fn put(&mut self, part: u32, branch: u32, level: f64) {
        let mut row = part;
        loop {
            self.branch[row as usize] = branch;
            self.level[row as usize] = level;
            row = self.next[row as usize];
            if row == part {
                return;
            }
        }
    }

    /// Numbers the branches in an order that the points alone determine.
    fn finish(mut self) -> Condensed {
        if self.branches.is_empty() {
            return Condensed { branches: Vec::new(), branch: Vec::new(), level: Vec::new() };
        }
        let root = self.open[0] as usize;
        self.close(root, None, f64::INFINITY);
        let mut order: Vec<usize> = (0..self.branches.len()).collect();
        order.sort_by(|&x, &y| {
            let (x, y) = (&self.branches[x], &self.branches[y]);
            y.birth.total_cmp(&x.birth).then(x.first.cmp(&y.first))
        });
        let mut number = vec![0; order.len()];
        order.iter().enumerate().for_each(|(new, &old)| number[old] = new);
        let renumbered = |old: usize| {
            let branch = self.branches[old].clone();
            Branch { parent: branch.parent.map(|parent| number[parent]), ..branch }
        };
        Condensed {
            branches: order.iter().map(|&old| renumbered(old)).collect(),
            branch: self.branch.iter().map(|&old| number[old as usize]).collect(),
            level: self.level,
        }
    }
}

/// `1 / distance`, the estimate of density that the stability of a cluster adds up.
fn density(squared: f64) -> f64 {
    1.0 / squared.sqrt()
}
