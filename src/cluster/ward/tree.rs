//! Who was merged with whom, and how far apart they were.

use crate::cluster::canonical::Distinct;
use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

/// Two nodes that become one. Nodes are numbered as in SciPy: the leaves first, then merge after merge.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Debug)]
pub struct Merge {
    /// The node of the lower number.
    pub left: usize,
    /// The node of the higher number.
    pub right: usize,
    /// The Ward distance between the two: the root of twice what merging adds to the sum of squared distances to
    /// centroids. Between two single customers the Euclidean distance. R's `hclust` calls it `ward.D2`.
    pub height: f64,
    /// Customers (sum of weights) of both.
    pub size: f64,
}

/// A hierarchy: one merge less than leaves, by height.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
pub struct Tree {
    /// Customers (sum of weights) of every leaf.
    pub sizes: Vec<f64>,
    /// The merges, none lower than the one before.
    pub merges: Vec<Merge>,
}

impl Tree {
    /// Number of leaves.
    pub fn n_leaves(&self) -> usize {
        self.sizes.len()
    }

    /// Number of clusters that are left when everything closer than `height` is merged.
    pub fn n_clusters_at(&self, height: f64) -> usize {
        self.n_leaves() - self.merges.partition_point(|merge| merge.height < height)
    }

    /// The cluster of every leaf when `n_clusters` are left, numbered by their first leaf; as many as there are leaves
    /// if more are asked for, one if none is.
    pub fn cut(&self, n_clusters: usize) -> Vec<usize> {
        let mut number = vec![usize::MAX; self.n_leaves() + self.merges.len()];
        let roots = self.roots(n_clusters);
        for &root in &roots {
            number[root] = root;
        }
        // From the top down every node below a root gets the root's number.
        for (at, merge) in self.merges.iter().enumerate().rev() {
            let own = number[self.n_leaves() + at];
            if own != usize::MAX {
                (number[merge.left], number[merge.right]) = (own, own);
            }
        }
        let mut seen: Vec<usize> = Vec::new();
        let mut new_number = vec![usize::MAX; number.len()];
        for &root in &number[..self.n_leaves()] {
            if new_number[root] == usize::MAX {
                new_number[root] = seen.len();
                seen.push(root);
            }
        }
        number[..self.n_leaves()].iter().map(|&root| new_number[root]).collect()
    }

    /// The hierarchy of the clusters of a cut: `cluster` names one for every leaf, as [`Tree::cut`] does or under other
    /// numbers from 0 on. Leaf `i` of the result is cluster `i`.
    pub fn above(&self, cluster: &[usize]) -> Tree {
        let n_clusters = cluster.iter().max().map_or(0, |last| last + 1);
        let mut sizes = vec![0.0; n_clusters];
        cluster.iter().zip(&self.sizes).for_each(|(&cluster, size)| sizes[cluster] += size);
        // What every node is in the new tree: first clusters, then merges above the cut.
        let mut node: Vec<usize> = cluster.to_vec();
        let mut merges: Vec<Merge> = Vec::new();
        for merge in &self.merges {
            let (a, b) = (node[merge.left], node[merge.right]);
            if a == b {
                node.push(a);
            } else {
                node.push(n_clusters + merges.len());
                merges.push(Merge { left: a.min(b), right: a.max(b), ..*merge });
            }
        }
        Tree { sizes, merges }
    }

    /// The same tree with leaf `order[i]` under number `i`.
    pub(super) fn reorder(&self, order: &[usize]) -> Tree {
        let mut number: Vec<usize> = vec![0; self.n_leaves()];
        order.iter().enumerate().for_each(|(new, &old)| number[old] = new);
        let number = |node: usize| number.get(node).copied().unwrap_or(node);
        let renumber = |merge: &Merge| {
            let (a, b) = (number(merge.left), number(merge.right));
            Merge { left: a.min(b), right: a.max(b), ..*merge }
        };
        Tree {
            sizes: order.iter().map(|&leaf| self.sizes[leaf]).collect(),
            merges: self.merges.iter().map(renumber).collect(),
        }
    }

    /// The nodes that are left when all but the last merges are done.
    fn roots(&self, n_clusters: usize) -> Vec<usize> {
        let done = self.merges.len().saturating_sub(n_clusters.max(1) - 1);
        let mut is_root = vec![true; self.n_leaves() + done];
        for merge in &self.merges[..done] {
            is_root[merge.left] = false;
            is_root[merge.right] = false;
        }
        (0..is_root.len()).filter(|&node| is_root[node]).collect()
    }

    /// Ward's hierarchy of weighted rows (Ward 1963) by the nearest-neighbour chain (Murtagh 1983; Müllner 2013): from
    /// any cluster to its nearest, and on, until two are each other's nearest; these two are merged. As Ward distances
    /// never shrink by merging, this finds the merges of the greedy definition. A distance is computed from centroids
    /// and weights, so memory grows with the rows and time with their square.
    pub(super) fn of(rows: &Distinct) -> Tree {
        let n = rows.len();
        let mut forest = Forest::new(rows.x.view(), &rows.weights);
        let mut merges: Vec<Merge> = Vec::with_capacity(n.saturating_sub(1));
        let mut chain: Vec<usize> = Vec::new();
        while merges.len() + 1 < n {
            let Some(&top) = chain.last() else {
                chain.push(0);
                continue;
            };
            let before = chain.len().checked_sub(2).map(|at| chain[at]);
            let (nearest, cost) = forest.nearest(top, before);
            if before != Some(nearest) {
                chain.push(nearest);
                continue;
            }
            chain.truncate(chain.len() - 2);
            let (a, b) = (forest.nodes[top], forest.nodes[nearest]);
            let below = |node: usize| node.checked_sub(n).map_or(0.0, |at| merges[at].height);
            // A parent is no lower than its children; rounding could say so by a hair.
            let height = (2.0 * cost).sqrt().max(below(a)).max(below(b));
            let size = forest.weights[top] + forest.weights[nearest];
            let moved = forest.merge(top.min(nearest), top.max(nearest), n + merges.len());
            // The last place was moved into the one that became free.
            chain.iter_mut().filter(|place| **place == moved.0).for_each(|place| *place = moved.1);
            merges.push(Merge { left: a, right: b, height, size });
        }
        // The chain finds merges in its own order. The sort is stable, so parents stay behind their children.
        let mut order: Vec<usize> = (0..merges.len()).collect();
        order.sort_by(|&a, &b| merges[a].height.total_cmp(&merges[b].height));
        let mut number = vec![0; merges.len()];
        order.iter().enumerate().for_each(|(new, &old)| number[old] = n + new);
        let number = |node: usize| node.checked_sub(n).map_or(node, |at| number[at]);
        let sorted = order.iter().map(|&at| {
            let (a, b) = (number(merges[at].left), number(merges[at].right));
            Merge { left: a.min(b), right: a.max(b), ..merges[at] }
        });
        Tree { sizes: rows.weights.clone(), merges: sorted.collect() }
    }
}

/// Places whose costs are computed together, so that they stay in the first-level cache.
const PLACES: usize = 1024;

/// The clusters that are left, at places 0 to their number.
struct Forest {
    /// Per feature, the centroids' values side by side, so that several distances are computed at once.
    centroids: Vec<Vec<f64>>,
    weights: Vec<f64>,
    /// The number of the node at every place.
    nodes: Vec<usize>,
}

impl Forest {
    fn new(x: ArrayView2<f64>, weights: &[f64]) -> Self {
        let centroids = x.columns().into_iter().map(|column| column.to_vec()).collect();
        Self { centroids, weights: weights.to_vec(), nodes: (0..weights.len()).collect() }
    }

    /// The place whose merging with `of` adds least to the sum of squares, and how much; on a tie `favourite`, or else
    /// the lowest place.
    fn nearest(&self, of: usize, favourite: Option<usize>) -> (usize, f64) {
        let own = self.weights[of];
        let mut costs = [0.0; PLACES];
        let mut best = (usize::MAX, f64::INFINITY);
        let mut of_favourite = f64::INFINITY;
        for start in (0..self.nodes.len()).step_by(PLACES) {
            let end = self.nodes.len().min(start + PLACES);
            let costs = &mut costs[..end - start];
            costs.fill(0.0);
            for feature in &self.centroids {
                let value = feature[of];
                for (cost, v) in costs.iter_mut().zip(&feature[start..end]) {
                    *cost += (v - value) * (v - value);
                }
            }
            for (cost, weight) in costs.iter_mut().zip(&self.weights[start..end]) {
                *cost *= own * weight / (own + weight);
            }
            if (start..end).contains(&of) {
                costs[of - start] = f64::INFINITY;
            }
            if let Some(place) = favourite.filter(|place| (start..end).contains(place)) {
                of_favourite = costs[place - start];
            }
            let least = costs.iter().fold(f64::INFINITY, |least, &cost| if cost < least { cost } else { least });
            if least < best.1
                && let Some(place) = costs.iter().position(|&cost| cost == least)
            {
                best = (start + place, least);
            }
        }
        favourite.filter(|_| of_favourite <= best.1).map_or(best, |place| (place, of_favourite))
    }

    /// Puts the union of two places `a < b` at `a` under a new node number, and the last place at `b`: returns from
    /// where to where that moved.
    fn merge(&mut self, a: usize, b: usize, node: usize) -> (usize, usize) {
        let last = self.nodes.len() - 1;
        let weight = self.weights[a] + self.weights[b];
        for feature in &mut self.centroids {
            feature[a] += self.weights[b] / weight * (feature[b] - feature[a]);
            feature.swap_remove(b);
        }
        self.weights[a] = weight;
        self.nodes[a] = node;
        self.weights.swap_remove(b);
        self.nodes.swap_remove(b);
        (last, b)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, Axis, array};
    use rand::Rng;

    fn tree(x: &Array2<f64>) -> Tree {
        Tree::of(&Distinct::of(x.view().into()))
    }

    fn random(rows: usize, columns: usize, seed: u64) -> Array2<f64> {
        let mut rng = crate::cluster::stream(seed, 0);
        Array2::from_shape_fn((rows, columns), |_| rng.gen_range(-5.0..5.0))
    }

    /// The definition: again and again merge the two clusters whose union adds least to the sum of squares.
    fn by_definition(x: &Array2<f64>, weights: &[f64]) -> Vec<(f64, Vec<usize>)> {
        let mut clusters: Vec<Vec<usize>> = (0..x.nrows()).map(|row| vec![row]).collect();
        let squares = |rows: &[usize]| -> f64 {
            let total: f64 = rows.iter().map(|&row| weights[row]).sum();
            let mut mean = ndarray::Array1::<f64>::zeros(x.ncols());
            rows.iter().for_each(|&row| mean.scaled_add(weights[row] / total, &x.row(row)));
            rows.iter().map(|&row| weights[row] * (&x.row(row) - &mean).mapv(|v| v * v).sum()).sum()
        };
        let mut merges = Vec::new();
        while clusters.len() > 1 {
            let mut best = (f64::INFINITY, 0, 0);
            for a in 0..clusters.len() {
                for b in a + 1..clusters.len() {
                    let union = [clusters[a].clone(), clusters[b].clone()].concat();
                    let cost = squares(&union) - squares(&clusters[a]) - squares(&clusters[b]);
                    if cost < best.0 {
                        best = (cost, a, b);
                    }
                }
            }
            let b = clusters.remove(best.2);
            clusters[best.1].extend(b);
            clusters[best.1].sort_unstable();
            merges.push(((2.0 * best.0).sqrt(), clusters[best.1].clone()));
        }
        merges
    }

    /// Leaves below every merge.
    fn members(tree: &Tree) -> Vec<Vec<usize>> {
        let mut nodes: Vec<Vec<usize>> = (0..tree.n_leaves()).map(|leaf| vec![leaf]).collect();
        for merge in &tree.merges {
            let mut union = [nodes[merge.left].clone(), nodes[merge.right].clone()].concat();
            union.sort_unstable();
            nodes.push(union);
        }
        nodes.split_off(tree.n_leaves())
    }

    #[test]
    fn the_chain_finds_the_merges_of_the_definition() {
        for seed in 0..6 {
            let mut rows = Distinct::of(random(40, 1 + seed as usize % 3, seed).view().into());
            let mut rng = crate::cluster::stream(seed, 9);
            rows.weights.iter_mut().for_each(|w| *w = rng.gen_range(0.5..4.0));
            let tree = Tree::of(&rows);
            let expected = by_definition(&rows.x, &rows.weights);
            assert_eq!(tree.merges.len(), 39);
            for ((merge, members), (height, expected)) in tree.merges.iter().zip(members(&tree)).zip(&expected) {
                assert_eq!(&members, expected, "seed {seed}");
                assert!((merge.height - height).abs() < 1e-6, "{} {height}", merge.height);
                let size: f64 = members.iter().map(|&leaf| rows.weights[leaf]).sum();
                assert!((merge.size - size).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn a_cut_numbers_clusters_by_their_first_leaf() {
        let tree = tree(&array![[0.0], [1.0], [5.0], [6.5], [20.0]]);
        assert_eq!(tree.cut(3), [0, 0, 1, 1, 2]);
        assert_eq!(tree.cut(5), [0, 1, 2, 3, 4]);
        assert_eq!(tree.cut(99), tree.cut(5));
        assert_eq!((tree.cut(1), tree.cut(0)), (vec![0; 5], vec![0; 5]));
        assert_eq!((tree.merges[0].left, tree.merges[0].right, tree.merges[0].height), (0, 1, 1.0));
        // A height that is reached is not merged.
        assert_eq!([0.5, 1.0, 1.2, 1.5, 1.6].map(|height| tree.n_clusters_at(height)), [5, 5, 4, 4, 3]);
    }

    #[test]
    fn the_tree_above_a_cut_has_the_clusters_as_leaves() {
        let rows = random(60, 2, 3);
        let tree = tree(&rows);
        let above = tree.above(&tree.cut(6));
        assert_eq!((above.n_leaves(), above.merges.len()), (6, 5));
        assert_eq!(above.sizes.iter().sum::<f64>(), 60.0);
        for k in 1..6 {
            let expected = tree.cut(k);
            let of_clusters = above.cut(k);
            let found: Vec<usize> = tree.cut(6).iter().map(|&cluster| of_clusters[cluster]).collect();
            assert_eq!(found, expected);
        }
        let heights: Vec<f64> = above.merges.iter().map(|m| m.height).collect();
        assert_eq!(heights, tree.merges[54..].iter().map(|m| m.height).collect::<Vec<_>>());
    }

    #[test]
    fn reordered_leaves_keep_their_company() {
        let tree = tree(&random(20, 2, 8));
        let order: Vec<usize> = (0..20).map(|i| (i * 7 + 3) % 20).collect();
        let (old, new) = (tree.cut(5), tree.reorder(&order).cut(5));
        for i in 0..20 {
            for j in 0..20 {
                assert_eq!(new[i] == new[j], old[order[i]] == old[order[j]]);
            }
        }
    }

    #[test]
    fn ties_and_single_rows_are_fine() {
        let lattice =
            Array2::from_shape_fn((36, 2), |(row, column)| if column == 0 { row / 6 } else { row % 6 } as f64);
        let tree_of_lattice = tree(&lattice);
        assert!(tree_of_lattice.merges.windows(2).all(|w| w[0].height <= w[1].height));
        let reversed = lattice.select(Axis(0), &(0..36).rev().collect::<Vec<_>>());
        assert_eq!(tree(&reversed), tree_of_lattice);
        let one = tree(&array![[3.0], [3.0]]);
        assert_eq!((one.sizes.as_slice(), one.merges.len(), one.cut(1)), (&[2.0][..], 0, vec![0]));
    }
}
