//! HDBSCAN by its definition, in cubic time: every pair, every distance, from large to small.

use crate::cluster::squared_distance;
use ndarray::ArrayView2;

/// Labels (any numbers), strengths and outlier scores of the rows of `x`; no rows are merged.
pub(super) struct Reference {
    pub(super) labels: Vec<Option<usize>>,
    pub(super) strength: Vec<f64>,
    pub(super) outlier: Vec<f64>,
    pub(super) tree_weight: f64,
}

struct Group {
    members: Vec<usize>,
    birth: f64,
    /// At this squared distance it parts or falls apart.
    end: f64,
    children: Vec<Group>,
    /// Rows that fall out of it, and at which squared distance.
    fallen: Vec<(usize, f64)>,
}

struct World {
    n: usize,
    reach: Vec<f64>,
    min_cluster_size: usize,
}

impl World {
    /// Sets of `members` that hang together by distances below `limit`, or also at it.
    fn parts(&self, members: &[usize], limit: f64, at_limit: bool) -> Vec<Vec<usize>> {
        let mut left: Vec<usize> = members.to_vec();
        let mut parts = Vec::new();
        while let Some(start) = left.pop() {
            let mut part = vec![start];
            let mut next = 0;
            while next < part.len() {
                let row = part[next];
                next += 1;
                left.retain(|&other| {
                    let reach = self.reach[row * self.n + other];
                    let joined = reach < limit || at_limit && reach == limit;
                    if joined {
                        part.push(other);
                    }
                    !joined
                });
            }
            parts.push(part);
        }
        parts
    }

    fn grow(&self, members: Vec<usize>, birth: f64) -> Group {
        let mut group = Group { members: members.clone(), birth, end: 0.0, children: Vec::new(), fallen: Vec::new() };
        let mut now = members;
        loop {
            let mut levels: Vec<f64> = now
                .iter()
                .flat_map(|&i| now.iter().map(move |&j| (i, j)))
                .filter(|(i, j)| i != j)
                .map(|(i, j)| self.reach[i * self.n + j])
                .collect();
            levels.sort_by(|a, b| b.total_cmp(a));
            levels.dedup();
            // The largest distance without which it does not hang together.
            let level = levels.into_iter().find(|&level| self.parts(&now, level, false).len() > 1).unwrap();
            let (large, small): (Vec<_>, Vec<_>) =
                self.parts(&now, level, false).into_iter().partition(|part| part.len() >= self.min_cluster_size);
            group.fallen.extend(small.into_iter().flatten().map(|row| (row, level)));
            group.end = level;
            match large.len() {
                0 => return group,
                1 => now = large.into_iter().next().unwrap(),
                _ => {
                    group.children = large.into_iter().map(|part| self.grow(part, level)).collect();
                    return group;
                }
            }
        }
    }
}

impl Group {
    fn stability(&self) -> f64 {
        let density = |squared: f64| 1.0 / squared.sqrt();
        let gone = self.fallen.iter().map(|&(_, level)| density(level) - density(self.birth)).sum::<f64>();
        let parted: usize = self.children.iter().map(|child| child.members.len()).sum();
        if parted == 0 {
            return gone;
        }
        gone + parted as f64 * (density(self.end) - density(self.birth))
    }

    fn floor(&self) -> f64 {
        self.children.iter().map(Group::floor).fold(self.end, f64::min)
    }

    /// The best choice at and below this group.
    fn choose(&self, is_root: bool) -> (f64, Vec<&Group>) {
        let below: Vec<_> = self.children.iter().map(|child| child.choose(false)).collect();
        let sum: f64 = below.iter().map(|(stability, _)| stability).sum();
        if is_root || sum > self.stability() {
            (sum, below.into_iter().flat_map(|(_, chosen)| chosen).collect())
        } else {
            (self.stability(), vec![self])
        }
    }

    fn all_fallen(&self, found: &mut Vec<(usize, f64, f64)>) {
        found.extend(self.fallen.iter().map(|&(row, level)| (row, level, self.floor())));
        self.children.iter().for_each(|child| child.all_fallen(found));
    }
}

pub(super) fn fit(x: ArrayView2<f64>, min_cluster_size: usize, min_samples: usize) -> Reference {
    let n = x.nrows();
    let row = |i: usize| x.row(i).to_vec();
    let squared: Vec<f64> = (0..n * n).map(|at| squared_distance(&row(at / n), &row(at % n))).collect();
    let core: Vec<f64> = (0..n)
        .map(|i| {
            let mut from = squared[i * n..][..n].to_vec();
            from.sort_by(f64::total_cmp);
            from[min_samples - 1]
        })
        .collect();
    let reach: Vec<f64> = (0..n * n).map(|at| squared[at].max(core[at / n]).max(core[at % n])).collect();
    // Prim's tree, for its weight.
    let (mut left, mut nearest): (Vec<usize>, Vec<f64>) = ((1..n).collect(), reach[..n].to_vec());
    let mut tree_weight = 0.0;
    while !left.is_empty() {
        let at = (0..left.len()).min_by(|&a, &b| nearest[left[a]].total_cmp(&nearest[left[b]])).unwrap();
        let taken = left.swap_remove(at);
        tree_weight += nearest[taken].sqrt();
        left.iter().for_each(|&other| nearest[other] = nearest[other].min(reach[taken * n + other]));
    }
    let world = World { n, reach, min_cluster_size };
    let root = world.grow((0..n).collect(), f64::INFINITY);
    let ratio = |least: f64, level: f64| if level <= least { 1.0 } else { (least / level).sqrt() };
    let (mut labels, mut strength, mut outlier) = (vec![None; n], vec![0.0; n], vec![0.0; n]);
    let mut fallen = Vec::new();
    root.all_fallen(&mut fallen);
    fallen.iter().for_each(|&(row, level, floor)| outlier[row] = 1.0 - ratio(floor, level));
    for (number, group) in root.choose(true).1.into_iter().enumerate() {
        let mut fallen = Vec::new();
        group.all_fallen(&mut fallen);
        for (row, level, _) in fallen {
            (labels[row], strength[row]) = (Some(number), ratio(group.end, level));
        }
    }
    Reference { labels, strength, outlier, tree_weight }
}
