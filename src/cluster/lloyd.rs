//! Lloyd's algorithm, exact to the last bit, looking again only at customers whose label can have changed.
//!
//! Every pass labels by the definition of [`super::kernel`]. A customer whose margin is larger than what the centroids
//! have moved since it was measured is skipped (Hamerly 2010); the result is that of the plain algorithm. On the grid
//! of model space sums are exact, so that they are kept up to date with the customers that changed cluster; off the grid they
//! are added up anew, in chunks of fixed size.

use super::kernel::pack::from_steps;
use super::kernel::{Chunk, Delta, Filter, GROUP, Instructions, LANES, Pass, storage};
use super::packed::{Blocks, CHUNK};
use super::{lexicographic, squared_distance};
use rayon::prelude::*;

/// Where Lloyd's algorithm stands.
#[derive(Debug, Clone)]
pub(super) struct Lloyd<'a> {
    rows: &'a Blocks<'a>,
    k: usize,
    /// Clusters × features, C order.
    centroids: Vec<f64>,
    labels: Vec<u16>,
    expiry: Vec<f32>,
    groups: Vec<f32>,
    /// Clusters × features: the weighted sum of each cluster's rows.
    sums: Vec<f64>,
    /// The weight of each cluster.
    sizes: Vec<f64>,
    /// Per cluster: how far it and the farthest-moving other one moved together, pass by pass.
    moved: Vec<f64>,
    /// The same for the two that moved farthest.
    most_moved: f64,
    first: bool,
    instructions: Instructions,
    /// Iterations so far.
    pub(super) iterations: usize,
    /// Rows evaluated so far.
    pub(super) evaluated: usize,
    /// The last descent ended at a fixed point.
    pub(super) converged: bool,
}

impl<'a> Lloyd<'a> {
    /// Labels all rows by `centroids` (C order).
    pub(super) fn new(rows: &'a Blocks<'a>, centroids: Vec<f64>) -> Self {
        Self::with(Instructions::best(), rows, centroids)
    }

    fn with(instructions: Instructions, rows: &'a Blocks<'a>, centroids: Vec<f64>) -> Self {
        let k = centroids.len() / rows.width;
        let padded = rows.rows.next_multiple_of(GROUP);
        let mut lloyd = Self {
            rows,
            k,
            centroids,
            labels: storage::zeros(padded),
            expiry: storage::zeros(padded),
            groups: storage::zeros(padded / GROUP),
            sums: Vec::new(),
            sizes: vec![0.0; k],
            moved: vec![0.0; k],
            most_moved: 0.0,
            first: true,
            instructions,
            iterations: 0,
            evaluated: 0,
            converged: false,
        };
        lloyd.label();
        lloyd
    }

    pub(super) fn rows(&self) -> &'a Blocks<'a> {
        self.rows
    }

    /// Clusters × features, C order.
    pub(super) fn centroids(&self) -> &[f64] {
        &self.centroids
    }

    /// The weight of each cluster.
    pub(super) fn sizes(&self) -> &[f64] {
        &self.sizes
    }

    /// The cluster of every row.
    pub(super) fn labels(&self) -> &[u16] {
        &self.labels[..self.rows.rows]
    }

    /// Labels every row by the centroids, and returns how many rows changed.
    fn label(&mut self) -> usize {
        let width = self.rows.width;
        let framed = self.rows.framed(&self.centroids);
        let filter = Filter::new(&framed, width, self.rows.scale);
        let rounded = |factor: f64| {
            let mut table: Vec<f32> = self.moved.iter().map(|moved| (moved * factor) as f32).collect();
            table.resize(table.len().max(LANES), 0.0);
            (table, (self.most_moved * factor) as f32)
        };
        // A rounding to f32 is a factor of at most 1 ± 2^-24.
        let (up, most_up) = rounded(1.0 + 2.0_f64.powi(-22));
        let (down, most_down) = rounded(1.0 - 2.0_f64.powi(-22));
        let pass = Pass {
            instructions: self.instructions,
            filter: &filter,
            centroids: &self.centroids,
            blocks: &self.rows.blocks,
            rows: self.rows.exact.as_deref(),
            weights: self.rows.weights.as_deref(),
            customers: self.rows.rows,
            first: self.first,
            with_sums: self.rows.exact.is_none(),
            moved_up: &up,
            moved_down: &down,
            most_up,
            most_down,
        };
        let slots = self.labels.par_chunks_mut(CHUNK).zip(self.expiry.par_chunks_mut(CHUNK));
        let slots = slots.zip(self.groups.par_chunks_mut(CHUNK / GROUP)).enumerate();
        let chunks = slots.map(|(at, ((labels, expiry), groups))| Chunk { start: at * CHUNK, labels, expiry, groups });
        let deltas: Vec<Delta> = chunks.map(|chunk| pass.run(chunk)).collect();
        if self.first {
            self.sums = vec![0.0; self.k * width];
            self.first = false;
        }
        let mut changed = 0;
        for delta in deltas {
            changed += delta.changed;
            self.evaluated += delta.evaluated;
            self.sizes.iter_mut().zip(&delta.sizes).for_each(|(size, change)| *size += change);
            self.sums.iter_mut().zip(&delta.sums).for_each(|(sum, change)| *sum += change);
        }
        if let Some(values) = &self.rows.exact
            && changed > 0
        {
            (self.sums, self.sizes) = self.add_up(values);
        }
        changed
    }

    /// Sums and sizes of all clusters, in chunks of fixed size added in order.
    fn add_up(&self, values: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let (k, width) = (self.k, self.rows.width);
        let partial: Vec<(Vec<f64>, Vec<f64>)> = values
            .par_chunks(CHUNK * width)
            .zip(self.labels.par_chunks(CHUNK))
            .enumerate()
            .map(|(at, (values, labels))| {
                let (mut sums, mut sizes) = (vec![0.0; k * width], vec![0.0; k]);
                for (number, (row, &label)) in values.chunks_exact(width).zip(labels).enumerate() {
                    let (label, weight) = (usize::from(label), self.rows.weight(at * CHUNK + number));
                    sizes[label] += weight;
                    let sums = &mut sums[label * width..][..width];
                    sums.iter_mut().zip(row).for_each(|(sum, v)| *sum += v * weight);
                }
                (sums, sizes)
            })
            .collect();
        let mut total = (vec![0.0; k * width], vec![0.0; k]);
        for (sums, sizes) in &partial {
            total.0.iter_mut().zip(sums).for_each(|(total, v)| *total += v);
            total.1.iter_mut().zip(sizes).for_each(|(total, v)| *total += v);
        }
        total
    }

    /// The mean of every cluster; an empty one stays where it is.
    pub(super) fn means(&self) -> Vec<f64> {
        means(&self.centroids, &self.sums, &self.sizes)
    }

    /// What the means of the clusters take off the sum of squares: the greater, the less the inertia after the next step.
    pub(super) fn explained(&self) -> f64 {
        explained(&self.sums, &self.sizes)
    }

    /// Clusters × features, C order: the weighted sum of each cluster's rows.
    pub(super) fn sums(&self) -> &[f64] {
        &self.sums
    }

    /// Moves the centroids, and remembers how far they moved.
    fn move_to(&mut self, next: Vec<f64>) {
        let width = self.rows.width;
        let scale = self.rows.scale;
        let moves: Vec<f64> = self
            .centroids
            .chunks_exact(width)
            .zip(next.chunks_exact(width))
            .map(|(old, new)| {
                let framed: f64 = old.iter().zip(new).map(|(old, new)| ((new - old) * scale).powi(2)).sum();
                framed.sqrt() * (1.0 + 1e-9)
            })
            .collect();
        let (mut most, mut second) = (0, f64::NEG_INFINITY);
        for (cluster, &moved) in moves.iter().enumerate().skip(1) {
            if moved > moves[most] {
                (most, second) = (cluster, moves[most]);
            } else if moved > second {
                second = moved;
            }
        }
        let second = second.max(0.0);
        // The definition's own rounding: two distances whose difference exceeds this are in the right order there. A
        // distance is at most the sum of both norms, its square wrong by (d + 2) 2^-53 of itself or by underflow.
        let norm = |point: &[f64]| point.iter().map(|v| v * v).sum::<f64>().sqrt();
        let farthest = self.rows.framed(&next).chunks_exact(width).map(norm).fold(0.0, f64::max);
        let features = width as f64;
        let rounding = 8.0 * (features + 2.0) * 2.0_f64.powi(-53) * (256.0 * features.sqrt() + farthest)
            + 4.0 * features.sqrt() * scale * 2.0_f64.powi(-537);
        for (cluster, moved) in self.moved.iter_mut().enumerate() {
            *moved += moves[cluster] + if cluster == most { second } else { moves[most] } + rounding;
        }
        self.most_moved += moves[most] + second + rounding;
        self.centroids = next;
    }

    /// Moves the first empty cluster onto the row that lies farthest from its centroid; of several, the one with the
    /// smallest values. Returns whether it could. Each move puts a centroid onto one more distinct row, where it stays until means
    /// are taken, so this ends; and no cluster is empty at the end if there are as many distinct rows as clusters.
    fn fill_one(&mut self) -> bool {
        let Some(empty) = self.sizes.iter().position(|&size| size == 0.0) else { return false };
        let width = self.rows.width;
        let farther = |a: (f64, Vec<f64>), b: (f64, Vec<f64>)| {
            let order = b.0.total_cmp(&a.0).then_with(|| lexicographic(a.1.iter(), b.1.iter()));
            if order.is_gt() { b } else { a }
        };
        let farthest = self
            .labels()
            .par_chunks(CHUNK)
            .enumerate()
            .map(|(at, labels)| {
                let mut row = vec![0.0; width];
                let mut farthest = (0.0, Vec::new());
                for (number, &label) in labels.iter().enumerate() {
                    self.rows.copy_row(at * CHUNK + number, &mut row);
                    let distance = squared_distance(&row, &self.centroids[usize::from(label) * width..][..width]);
                    if distance > 0.0 && distance >= farthest.0 {
                        farthest = farther(farthest, (distance, row.iter().map(|v| v + 0.0).collect()));
                    }
                }
                farthest
            })
            .reduce(|| (0.0, Vec::new()), farther);
        if farthest.1.is_empty() {
            return false;
        }
        let mut next = self.centroids.clone();
        next[empty * width..][..width].copy_from_slice(&farthest.1);
        self.move_to(next);
        true
    }

    /// One iteration: means, then labels. Returns how many rows changed cluster.
    pub(super) fn step(&mut self) -> usize {
        self.iterations += 1;
        self.move_to(self.means());
        self.label()
    }

    /// Iterates until labels repeat or `max_iterations` are reached. The result is a fixed point, unless iterations ran
    /// out: every centroid is the mean of the rows it attracts, in canonical order, largest cluster first, then by centroid. No cluster is
    /// empty if there are at least as many distinct rows as centroids.
    pub(super) fn descend(&mut self, max_iterations: usize) {
        // Renumbering can move rows that lie exactly between two centroids, so descend and order in turns; in practice
        // once.
        for _ in 0..10 {
            loop {
                while self.fill_one() {
                    self.label();
                }
                self.converged = false;
                if self.iterations >= max_iterations {
                    break;
                }
                if self.step() == 0 {
                    self.converged = true;
                    break;
                }
            }
            if !self.renumber() {
                break;
            }
            self.label();
        }
    }

    /// Brings the clusters into canonical order; returns whether that changed anything.
    fn renumber(&mut self) -> bool {
        let (k, width) = (self.k, self.rows.width);
        let order = canonical_order(&self.centroids, &self.sizes);
        if order.is_sorted() {
            return false;
        }
        let mut number = vec![0_u16; k];
        order.iter().enumerate().for_each(|(new, &old)| number[old] = new as u16);
        self.labels
            .par_chunks_mut(CHUNK)
            .for_each(|labels| labels.iter_mut().for_each(|l| *l = number[usize::from(*l)]));
        let clusterwise = |values: &[f64], width: usize| -> Vec<f64> {
            order.iter().flat_map(|&cluster| &values[cluster * width..][..width]).copied().collect()
        };
        self.centroids = clusterwise(&self.centroids, width);
        self.sums = clusterwise(&self.sums, width);
        self.sizes = clusterwise(&self.sizes, 1);
        self.moved = clusterwise(&self.moved, 1);
        true
    }

    /// The weighted squared distance of every row to its centroid.
    pub(super) fn costs(&self) -> Vec<f64> {
        let width = self.rows.width;
        let mut costs = vec![0.0; self.rows.rows];
        costs.par_chunks_mut(CHUNK).zip(self.labels().par_chunks(CHUNK)).enumerate().for_each(
            |(at, (costs, labels))| {
                let mut row = vec![0.0; width];
                for (number, (cost, &label)) in costs.iter_mut().zip(labels).enumerate() {
                    let number = at * CHUNK + number;
                    self.rows.copy_row(number, &mut row);
                    let centroid = &self.centroids[usize::from(label) * width..][..width];
                    *cost = self.rows.weight(number) * squared_distance(&row, centroid);
                }
            },
        );
        costs
    }

    /// The weighted sum of squared distances of all rows to their centroids. Where the order of rows can differ it is taken from the exact sums,
    /// `Σ w|x|² - Σ_j (2 c_j·S_j - n_j |c_j|²)`, else row by row.
    pub(super) fn inertia(&self) -> f64 {
        let width = self.rows.width;
        if self.rows.canonical {
            return self.costs().chunks(CHUNK).map(|costs| costs.iter().sum::<f64>()).sum();
        }
        let mut explained = 0.0;
        for ((centroid, sums), size) in
            self.centroids.chunks_exact(width).zip(self.sums.chunks_exact(width)).zip(&self.sizes)
        {
            let products: f64 = centroid.iter().zip(sums).map(|(c, sum)| c * (2.0 * sum - size * c)).sum();
            explained += products;
        }
        (from_steps(self.rows.squares) - explained).max(0.0)
    }
}

/// Clusters by descending size, then by centroid.
pub(super) fn canonical_order(centroids: &[f64], sizes: &[f64]) -> Vec<usize> {
    let width = centroids.len() / sizes.len();
    let centroid = |cluster: usize| centroids[cluster * width..][..width].iter();
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.sort_by(|&a, &b| sizes[b].total_cmp(&sizes[a]).then_with(|| lexicographic(centroid(a), centroid(b))));
    order
}

/// The mean of every cluster by its sum and weight; that of an empty one are its `centroids`.
pub(super) fn means(centroids: &[f64], sums: &[f64], sizes: &[f64]) -> Vec<f64> {
    let width = sums.len() / sizes.len();
    let mut means = centroids.to_vec();
    for ((mean, sums), &size) in means.chunks_exact_mut(width).zip(sums.chunks_exact(width)).zip(sizes) {
        if size > 0.0 {
            mean.iter_mut().zip(sums).for_each(|(mean, sum)| *mean = sum / size);
        }
    }
    means
}

/// `Σ_j |S_j|² / n_j` of the sums and weights of clusters.
pub(super) fn explained(sums: &[f64], sizes: &[f64]) -> f64 {
    let clusters = sums.chunks_exact(sums.len() / sizes.len()).zip(sizes).filter(|(_, size)| **size > 0.0);
    clusters.map(|(sums, size)| sums.iter().map(|sum| sum * sum).sum::<f64>() / size).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::{Packed, Points, stream};
    use ndarray::{Array2, ArrayView2, array};
    use proptest::prelude::*;
    use rand::Rng;

    /// Centroids in canonical order, sizes and inertia.
    fn polish(x: ArrayView2<f64>, centroids: &[f64], max_iterations: usize) -> (Vec<f64>, Vec<f64>, f64) {
        let packed = Packed::new(x.into()).unwrap();
        let mut lloyd = Lloyd::new(packed.all(), centroids.to_vec());
        lloyd.descend(max_iterations);
        (lloyd.centroids().to_vec(), lloyd.sizes().to_vec(), lloyd.inertia())
    }

    fn by_definition(x: ArrayView2<f64>, centroids: &[f64]) -> Vec<u16> {
        let label = |row: Vec<f64>| {
            let distances = centroids.chunks_exact(row.len()).map(|c| squared_distance(&row, c));
            let least = |best: (u16, f64), (at, d): (usize, f64)| if d < best.1 { (at as u16, d) } else { best };
            distances.enumerate().fold((0, f64::INFINITY), least).0
        };
        x.rows().into_iter().map(|row| label(row.to_vec())).collect()
    }

    /// Lloyd's algorithm without any of the above.
    fn plainly(x: ArrayView2<f64>, centroids: &[f64], iterations: usize) -> (Vec<f64>, Vec<u16>) {
        let width = x.ncols();
        let mut centroids = centroids.to_vec();
        for _ in 0..iterations {
            let labels = by_definition(x, &centroids);
            let k = centroids.len() / width;
            let (mut sums, mut sizes) = (vec![0.0; k * width], vec![0.0; k]);
            for (row, &label) in x.rows().into_iter().zip(&labels) {
                sizes[usize::from(label)] += 1.0;
                let sums = &mut sums[usize::from(label) * width..][..width];
                sums.iter_mut().zip(row).for_each(|(sum, v)| *sum += v);
            }
            for cluster in (0..k).filter(|&cluster| sizes[cluster] > 0.0) {
                for feature in cluster * width..(cluster + 1) * width {
                    centroids[feature] = sums[feature] / sizes[cluster];
                }
            }
        }
        let labels = by_definition(x, &centroids);
        (centroids, labels)
    }

    const EVERY: [Instructions; 3] = [Instructions::Portable, Instructions::Avx2, Instructions::Avx512];

    #[test]
    fn the_descent_ends_at_means() {
        let x = array![[0.0], [1.0], [2.0], [10.0], [11.0]];
        assert_eq!(polish(x.view(), &[0.0, 1.0], 100), (vec![1.0, 10.5], vec![3.0, 2.0], 2.5));
    }

    #[test]
    fn empty_clusters_move_to_the_farthest_row() {
        let x = array![[0.0], [0.0], [1.0], [9.0], [20.0]];
        let (centroids, _, inertia) = polish(x.view(), &[0.0, 500.0, 600.0, 700.0], 100);
        assert_eq!((centroids, inertia), (vec![0.0, 1.0, 9.0, 20.0], 0.0));
    }

    #[test]
    fn no_cluster_is_empty_even_when_iterations_run_out() {
        let x = array![[0.0], [1.0], [2.0]];
        assert_eq!(polish(x.view(), &[7.0, 8.0, 9.0], 0).1, [1.0, 1.0, 1.0]);
    }

    #[test]
    fn fewer_distinct_rows_than_centroids_still_end() {
        let x = array![[3.0], [3.0], [3.0]];
        assert_eq!(polish(x.view(), &[3.0, 3.0], 10).2, 0.0);
    }

    #[test]
    fn clusters_come_largest_first_then_by_centroid() {
        let x = array![[9.0], [9.5], [5.0], [5.5], [0.0], [0.25], [0.5]];
        assert_eq!(polish(x.view(), &[9.0, 5.0, 0.0], 100).0, [0.25, 5.25, 9.25]);
    }

    /// Rows with many exact ties, near ties and values of very different sizes.
    fn hard_rows(n: usize, width: usize, kind: u8, seed: u64) -> Array2<f64> {
        let mut rng = stream(seed, 1);
        Array2::from_shape_fn((n, width), |_| match kind {
            // Ties on the grid.
            0 => f64::from(rng.gen_range(-3..=3)),
            // The finest steps of the grid, also at its end.
            1 => f64::from(rng.gen_range(-40..=40)) / 65536.0,
            2 => 250.0 + f64::from(rng.gen_range(0..=9)) / 65536.0,
            // Off the grid: subnormal numbers, squares that underflow, large offsets, all sizes at once.
            3 => f64::from(rng.gen_range(-9..=9)) * 5e-324,
            4 => f64::from(rng.gen_range(-99..=99)) * 1e-163,
            5 => 1e9 + rng.gen_range(-1.0..1.0),
            6 => rng.gen_range(-1.0..1.0) * 10.0_f64.powi(rng.gen_range(-45..45)),
            _ => rng.gen_range(-1.0..1.0) * 1e99,
        })
    }

    #[test]
    fn labels_are_those_of_the_definition_for_every_size() {
        let mut doubted = 0;
        for width in 1..=40 {
            for k in 1..=64 {
                let seed = (width * 100 + k) as u64;
                let kind = (seed * 7 + seed / 8) as u8 % 8;
                let n = 1 + (seed as usize * 31) % 150;
                let x = hard_rows(n, width, kind, seed);
                // Rows as centroids, and points between two rows: exact ties and near ties.
                let mut rng = stream(seed, 2);
                let mut pick = || rng.gen_range(0..n);
                let centroids: Vec<f64> = (0..k)
                    .flat_map(|at| {
                        let (a, b) = (x.row(pick()).to_vec(), x.row(pick()).to_vec());
                        let share = [0.0, 0.5, 0.3][at % 3];
                        a.into_iter().zip(b).map(move |(a, b)| a + (b - a) * share).collect::<Vec<_>>()
                    })
                    .collect();
                let packed = Packed::new(x.view().into()).unwrap();
                let rows = packed.all();
                let unpacked = Array2::from_shape_vec((rows.rows, width), {
                    let mut values = vec![0.0; rows.rows * width];
                    values.chunks_exact_mut(width).enumerate().for_each(|(at, row)| rows.copy_row(at, row));
                    values
                })
                .unwrap();
                let expected = by_definition(unpacked.view(), &centroids);
                for instructions in EVERY {
                    let lloyd = Lloyd::with(instructions, rows, centroids.clone());
                    assert_eq!(
                        lloyd.labels(),
                        expected,
                        "{width} features, {k} centroids, kind {kind}, {instructions:?}"
                    );
                }
                let mut sorted =
                    centroids.chunks_exact(width).map(|c| squared_distance(c, &x.row(0).to_vec())).collect::<Vec<_>>();
                sorted.sort_by(f64::total_cmp);
                doubted += usize::from(k > 1 && sorted[0] == sorted[1]);
            }
        }
        assert!(doubted > 100, "too few ties were tried: {doubted}");
    }

    #[test]
    fn centroids_far_beyond_the_rows_are_labelled_by_the_definition() {
        let x = hard_rows(100, 3, 1, 5);
        let packed = Packed::new(x.view().into()).unwrap();
        let centroids = [1e90, 0.0, 0.0, 1e90, 0.0, 1e-9, 3e12, 0.0, 0.0, -3e12, 0.0, 0.0];
        for instructions in EVERY {
            let lloyd = Lloyd::with(instructions, packed.all(), centroids.to_vec());
            assert_eq!(lloyd.labels(), by_definition(x.view(), &centroids));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(150))]

        #[test]
        fn skipping_changes_no_bit(
            n in 1_usize..3000, width in 1_usize..19, k in 1_usize..20, seed in 0_u64..1_000_000, steps in 1.0_f64..65536.0
        ) {
            let mut rng = stream(seed, 3);
            let steps = steps.round();
            let spread = rng.gen_range(0.05..3.0);
            // Overlapping groups on the grid, so that many passes change a few labels each.
            let x = Array2::from_shape_fn((n, width), |(row, feature)| {
                let centre = ((row % 5) * (feature + 2) % 7) as f64 * spread;
                let noise: f64 = (0..3).map(|_| rng.gen_range(-1.0..1.0)).sum();
                ((centre + noise) * steps).floor() / 65536.0_f64.min(steps.log2().floor().exp2())
            });
            prop_assume!(x.iter().all(|v| v.abs() < 256.0));
            let start: Vec<f64> = (0..k).flat_map(|_| x.row(rng.gen_range(0..n)).to_vec()).collect();
            let packed = Packed::new(x.view().into()).unwrap();
            prop_assert!(packed.all().exact.is_none());
            let iterations = 12;
            let (centroids, labels) = plainly(x.view(), &start, iterations);
            for instructions in EVERY {
                let mut lloyd = Lloyd::with(instructions, packed.all(), start.clone());
                for _ in 0..iterations {
                    lloyd.step();
                }
                prop_assert_eq!(lloyd.labels(), &labels);
                prop_assert_eq!(lloyd.centroids(), &centroids);
                let direct: f64 = x.rows().into_iter().zip(&labels).map(|(row, &label)| {
                    squared_distance(&row.to_vec(), &centroids[usize::from(label) * width..][..width])
                }).sum();
                let scale = from_steps(packed.all().squares);
                prop_assert!((lloyd.inertia() - direct).abs() <= 1e-12 * scale, "{} {direct}", lloyd.inertia());
            }
        }
    }

    #[test]
    fn late_passes_look_at_few_rows() {
        let mut rng = stream(8, 0);
        let x = Array2::from_shape_fn((20_000, 4), |(row, feature)| {
            let noise: f64 = (0..3).map(|_| rng.gen_range(-1.0..1.0)).sum();
            (((row % 4 * (feature + 1) % 5) as f64 + noise) * 65536.0_f64).floor() / 65536.0
        });
        let packed = Packed::new(x.view().into()).unwrap();
        let start: Vec<f64> = x.rows().into_iter().take(6).flat_map(|row| row.to_vec()).collect();
        let mut lloyd = Lloyd::new(packed.all(), start);
        for _ in 0..40 {
            lloyd.step();
        }
        assert!(lloyd.evaluated < 12 * 20_000, "{} rows were looked at in 41 passes over 20000", lloyd.evaluated);
    }

    #[test]
    fn off_the_grid_any_order_and_any_number_of_threads_give_the_same_bits() {
        let mut rng = stream(9, 0);
        let x = Array2::from_shape_fn((70_000, 2), |_| rng.gen_range(-1.0..1.0_f64) * 1e5 + 1e7);
        let mut reversed = x.clone();
        reversed.invert_axis(ndarray::Axis(0));
        let run = |x: &Array2<f64>, threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| polish(x.view(), &[1e7, 1e7, 1.01e7, 1e7, 1e7, 1.01e7], 50))
        };
        let one = run(&x, 1);
        assert_eq!(one, run(&x, 4));
        assert_eq!(one, run(&reversed, 2));
    }

    #[test]
    fn a_weight_is_so_many_rows_on_and_off_the_grid() {
        for scale in [1.0, 0.1] {
            let x = hard_rows(300, 2, 0, 4) * scale + hard_rows(300, 2, 1, 4);
            let weights: Vec<f64> = (0..300).map(|i| f64::from(i % 4 + 1)).collect();
            let each: Vec<usize> = (0..300).flat_map(|i| std::iter::repeat_n(i, i % 4 + 1)).collect();
            let repeated = x.select(ndarray::Axis(0), &each);
            let start = [0.0, 0.0, 1.0, 1.0, -1.0, 0.5];
            let packed = Packed::new(Points { weights: Some(&weights), ..x.view().into() }).unwrap();
            let mut lloyd = Lloyd::new(packed.all(), start.to_vec());
            lloyd.descend(100);
            let found = (lloyd.centroids().to_vec(), lloyd.sizes().to_vec(), lloyd.inertia());
            assert_eq!(found, polish(repeated.view(), &start, 100));
        }
    }
}
