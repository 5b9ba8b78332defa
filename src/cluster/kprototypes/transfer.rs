//! Moves of single rows that make the cost smaller, the change of both prototypes included.

use super::descent::{Centres, Solution, Table};

/// What the rows of every cluster add up to.
struct Totals {
    sizes: Vec<f64>,
    /// Number of rows.
    rows: Vec<usize>,
    /// Clusters × features.
    sums: Vec<f64>,
    /// Per nominal feature, clusters × levels: weight.
    counts: Vec<Vec<f64>>,
}

/// Levels of every nominal feature, numbered from 0 without gaps, in the order of their codes.
struct Levels {
    /// Rows × nominal features.
    level: Vec<usize>,
    /// Per nominal feature, how many there are.
    n: Vec<usize>,
}

impl Levels {
    fn of(table: &Table) -> Self {
        let rows = table.weights.len();
        let mut level = vec![0; rows * table.nominal];
        let mut n = Vec::with_capacity(table.nominal);
        for feature in 0..table.nominal {
            let column = || table.codes.iter().skip(feature).step_by(table.nominal);
            let mut codes: Vec<u32> = column().copied().collect();
            codes.sort_unstable();
            codes.dedup();
            for (row, code) in column().enumerate() {
                level[row * table.nominal + feature] = codes.partition_point(|other| other < code);
            }
            n.push(codes.len());
        }
        Self { level, n }
    }

    fn row(&self, row: usize) -> &[usize] {
        let nominal = self.n.len();
        &self.level[row * nominal..][..nominal]
    }
}

impl Totals {
    fn new(levels: &Levels, width: usize, k: usize) -> Self {
        Self {
            sizes: vec![0.0; k],
            rows: vec![0; k],
            sums: vec![0.0; k * width],
            counts: levels.n.iter().map(|n| vec![0.0; k * n]).collect(),
        }
    }

    /// Adds a row to a cluster, or with a negative weight takes it out.
    fn add(&mut self, cluster: usize, x: &[f64], levels: &[usize], weight: f64) {
        self.sizes[cluster] += weight;
        self.rows[cluster] = if weight > 0.0 { self.rows[cluster] + 1 } else { self.rows[cluster] - 1 };
        let sums = &mut self.sums[cluster * x.len()..][..x.len()];
        sums.iter_mut().zip(x).for_each(|(sum, v)| *sum += weight * v);
        let k = self.sizes.len();
        for (counts, level) in self.counts.iter_mut().zip(levels) {
            let n = counts.len() / k;
            counts[cluster * n + level] += weight;
        }
    }

    /// Squared distance of a row to the mean of a cluster.
    fn squared(&self, cluster: usize, x: &[f64]) -> f64 {
        let size = self.sizes[cluster];
        x.iter().zip(&self.sums[cluster * x.len()..]).fold(0.0, |sum, (v, total)| {
            let difference = v - total / size;
            sum + difference * difference
        })
    }

    /// How much smaller the cost of a cluster gets without a row.
    fn gain(&self, cluster: usize, x: &[f64], levels: &[usize], weight: f64, gamma: f64) -> f64 {
        let size = self.sizes[cluster];
        let numbers = size * weight / (size - weight) * self.squared(cluster, x);
        let mismatches = self.of_cluster(cluster).zip(levels).fold(0.0, |sum, (counts, &own)| {
            let without = |level: usize| if level == own { counts[level] - weight } else { counts[level] };
            let most = (0..counts.len()).fold(0.0, |most: f64, level| most.max(without(level)));
            sum + weight - (largest(counts) - most)
        });
        numbers + gamma * mismatches
    }

    /// How much larger the cost of a cluster gets with a row.
    fn price(&self, cluster: usize, x: &[f64], levels: &[usize], weight: f64, gamma: f64) -> f64 {
        let size = self.sizes[cluster];
        let numbers = size * weight / (size + weight) * self.squared(cluster, x);
        let mismatches = self.of_cluster(cluster).zip(levels).fold(0.0, |sum, (counts, &own)| {
            let most = largest(counts);
            sum + weight - (most.max(counts[own] + weight) - most)
        });
        numbers + gamma * mismatches
    }

    /// The weights of all levels in a cluster, feature by feature.
    fn of_cluster(&self, cluster: usize) -> impl Iterator<Item = &[f64]> {
        let k = self.sizes.len();
        self.counts.iter().map(move |counts| {
            let n = counts.len() / k;
            &counts[cluster * n..][..n]
        })
    }
}

fn largest(counts: &[f64]) -> f64 {
    counts.iter().fold(0.0, |most, &v| if v > most { v } else { most })
}

impl Table<'_> {
    /// Moves single rows, in passes over all, as long as that makes the cost smaller; then iterates to rest again. At
    /// most `max_passes` passes.
    pub(super) fn transfer(&self, rest: Solution, max_passes: usize) -> Solution {
        let k = rest.centres.k;
        let levels = Levels::of(self);
        let mut cluster: Vec<usize> = self.labels(&rest.centres).into_iter().map(|label| label.0).collect();
        let mut totals = Totals::new(&levels, self.width, k);
        for (row, &cluster) in cluster.iter().enumerate() {
            totals.add(cluster, self.row(row).0, levels.row(row), self.weights[row]);
        }
        // A gain within rounding could be undone by the next move, and so on for ever.
        let least = 1e-12 * rest.cost;
        let mut moved_any = false;
        for _ in 0..max_passes {
            let mut moved = false;
            for (row, cluster) in cluster.iter_mut().enumerate() {
                let from = *cluster;
                if totals.rows[from] < 2 {
                    continue;
                }
                let (x, own, weight) = (self.row(row).0, levels.row(row), self.weights[row]);
                let gain = totals.gain(from, x, own, weight, self.gamma);
                let mut best = (from, gain - least);
                for to in (0..k).filter(|&to| to != from && totals.rows[to] > 0) {
                    let price = totals.price(to, x, own, weight, self.gamma);
                    if price < best.1 {
                        best = (to, price);
                    }
                }
                if best.0 != from {
                    totals.add(from, x, own, -weight);
                    totals.add(best.0, x, own, weight);
                    *cluster = best.0;
                    moved = true;
                }
            }
            if !moved {
                break;
            }
            moved_any = true;
        }
        if !moved_any {
            return rest;
        }
        let labels: Vec<(usize, f64)> = cluster.into_iter().map(|cluster| (cluster, 0.0)).collect();
        let centres: Centres = self.centres(&labels, &rest.centres);
        let better = self.descend(centres, max_passes);
        if better.cost < rest.cost { better } else { rest }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Points;
    use crate::cluster::canonical::Distinct;
    use ndarray::array;

    #[test]
    fn a_row_moves_although_its_prototype_is_the_nearest() {
        // Lloyd rests with {-6, 0} and {5.5}: 0 is nearer to -3 than to 5.5, but moving it costs less.
        let (x, codes) = (array![[-6.0], [0.0], [5.5]], array![[1], [1], [1]]);
        let rows = Distinct::of(Points { codes: Some(codes.view()), ..x.view().into() });
        let table = Table::new(&rows, 1.0);
        let rest = table.descend(Centres { means: vec![-3.0, 5.5], modes: vec![1, 1], k: 2 }, 100);
        assert_eq!((rest.centres.means.as_slice(), rest.cost), (&[-3.0, 5.5][..], 18.0));
        let better = table.transfer(rest, 100);
        assert_eq!((better.centres.means.as_slice(), better.cost), (&[2.75, -6.0][..], 15.125));
    }

    #[test]
    fn gains_and_prices_are_differences_of_costs() {
        let x = array![[0.0], [1.0], [4.0], [5.0], [9.0]];
        let codes = array![[1, 7], [2, 7], [2, 8], [1, 8], [1, 7]];
        let weights = [1.0, 2.0, 1.5, 1.0, 3.0];
        let rows = Distinct::of(Points { weights: Some(&weights), codes: Some(codes.view()), ..x.view().into() });
        let table = Table::new(&rows, 0.7);
        let levels = Levels::of(&table);
        // The cost of one cluster of the given rows.
        let cost = |members: &[usize]| -> f64 {
            let labels: Vec<(usize, f64)> = (0..5).map(|row| (usize::from(!members.contains(&row)), 0.0)).collect();
            let centres = table.centres(&labels, &Centres { means: vec![0.0; 2], modes: vec![0; 4], k: 2 });
            let to = (&centres.means[..1], &centres.modes[..2]);
            members.iter().map(|&row| table.weights[row] * table.distance(row, to)).sum()
        };
        let mut totals = Totals::new(&levels, 1, 1);
        for row in [0, 1, 3] {
            totals.add(0, table.row(row).0, levels.row(row), table.weights[row]);
        }
        for (row, without) in [(0, [1, 3]), (1, [0, 3]), (3, [0, 1])] {
            let gain = totals.gain(0, table.row(row).0, levels.row(row), table.weights[row], 0.7);
            assert!((gain - (cost(&[0, 1, 3]) - cost(&without))).abs() < 1e-12);
        }
        for row in [2, 4] {
            let price = totals.price(0, table.row(row).0, levels.row(row), table.weights[row], 0.7);
            let with = [0, 1, row.min(3), row.max(3)];
            assert!((price - (cost(&with) - cost(&[0, 1, 3]))).abs() < 1e-12);
        }
    }
}
