//! The parts of k-means that are ours: seeds, the exact Lloyd polish, and the canonical order of clusters.

use super::{lexicographic, squared_distance};
use ndarray::{Array2, ArrayView2, Axis};
use rand::Rng;
use rand_xoshiro::Xoshiro256PlusPlus;
use rayon::prelude::*;

/// Rows per partial sum. Fixed, so that sums of values off the grid are the same at any number of threads.
const CHUNK: usize = 8192;

/// Centroids at rest.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Solution {
    /// Clusters × features, in canonical order: largest cluster first, then by centroid.
    pub(super) centroids: Array2<f64>,
    /// Sum of squared distances of every row to its centroid.
    pub(super) inertia: f64,
}

/// Every row's nearest centroid (lowest index on a tie) and the squared distance to it.
fn labels(x: &[f64], centroids: &[f64], width: usize) -> Vec<(usize, f64)> {
    x.par_chunks_exact(width)
        .with_min_len(1024)
        .map(|row| {
            let mut best = (0, f64::INFINITY);
            for (cluster, centroid) in centroids.chunks_exact(width).enumerate() {
                let distance = squared_distance(row, centroid);
                if distance < best.1 {
                    best = (cluster, distance);
                }
            }
            best
        })
        .collect()
}

fn sizes(labels: &[(usize, f64)], k: usize) -> Vec<usize> {
    let mut sizes = vec![0; k];
    labels.iter().for_each(|l| sizes[l.0] += 1);
    sizes
}

/// The mean of every cluster. On the grid of model space (multiples of 2^-16 below 2^8) every sum is exact, so neither
/// the order of rows nor the chunks can change a bit; off the grid the fixed chunks keep it reproducible.
fn means(x: &[f64], labels: &[(usize, f64)], k: usize, width: usize) -> Vec<f64> {
    let partial: Vec<Vec<f64>> = x
        .par_chunks(CHUNK * width)
        .zip(labels.par_chunks(CHUNK))
        .map(|(rows, labels)| {
            let mut sums = vec![0.0; k * width];
            for (row, &(cluster, _)) in rows.chunks_exact(width).zip(labels) {
                sums[cluster * width..][..width].iter_mut().zip(row).for_each(|(sum, v)| *sum += v);
            }
            sums
        })
        .collect();
    let mut total = vec![0.0; k * width];
    for sums in &partial {
        total.iter_mut().zip(sums).for_each(|(total, sum)| *total += sum);
    }
    for (mean, size) in total.chunks_exact_mut(width).zip(sizes(labels, k)) {
        mean.iter_mut().for_each(|v| *v /= size as f64);
    }
    total
}

/// Moves the first empty cluster onto the row that lies farthest from its centroid, among clusters of two rows or more.
/// Returns whether it could; it always can while there are more distinct rows than clusters in use, and each move puts
/// one more cluster in use.
fn fill_one(x: &[f64], centroids: &mut [f64], labels: &[(usize, f64)], width: usize) -> bool {
    let sizes = sizes(labels, centroids.len() / width);
    let Some(empty) = sizes.iter().position(|&size| size == 0) else { return false };
    let mut farthest = (None, 0.0);
    for (row, &(cluster, distance)) in labels.iter().enumerate() {
        if sizes[cluster] > 1 && distance > farthest.1 {
            farthest = (Some(row), distance);
        }
    }
    let Some(row) = farthest.0 else { return false };
    centroids[empty * width..][..width].copy_from_slice(&x[row * width..][..width]);
    true
}

/// Lloyd's algorithm with exact means until labels repeat, from the given centroids. `x` and `centroids` are in C order.
/// The result is a fixed point: every centroid is the mean of the rows it attracts, unless `max_iterations` ran out
/// first. No cluster is empty if `x` has at least as many distinct rows as there are centroids.
pub(super) fn polish(x: ArrayView2<f64>, centroids: Array2<f64>, max_iterations: usize) -> Solution {
    let (k, width) = centroids.dim();
    let rows = x.as_slice().unwrap_or_default();
    let mut centroids: Vec<f64> = centroids.into_iter().collect();
    let mut iterations = 0;
    // Renumbering can move rows that lie exactly between two centroids, so polish and order in turns; in practice once.
    for _ in 0..10 {
        let mut now = labels(rows, &centroids, width);
        loop {
            while fill_one(rows, &mut centroids, &now, width) {
                now = labels(rows, &centroids, width);
            }
            if iterations >= max_iterations {
                break;
            }
            iterations += 1;
            let sizes = sizes(&now, k);
            let mut next_centroids = means(rows, &now, k, width);
            for (cluster, _) in sizes.iter().enumerate().filter(|(_, size)| **size == 0) {
                let range = cluster * width..(cluster + 1) * width;
                next_centroids[range.clone()].copy_from_slice(&centroids[range]);
            }
            let next = labels(rows, &next_centroids, width);
            let same = next.iter().zip(&now).all(|(a, b)| a.0 == b.0);
            (centroids, now) = (next_centroids, next);
            if same {
                break;
            }
        }
        let sizes = sizes(&now, k);
        let mut order: Vec<usize> = (0..k).collect();
        order.sort_by(|&a, &b| {
            let (at_a, at_b) = (&centroids[a * width..][..width], &centroids[b * width..][..width]);
            sizes[b].cmp(&sizes[a]).then_with(|| lexicographic(at_a.iter(), at_b.iter()))
        });
        if order.is_sorted() {
            break;
        }
        centroids = order.iter().flat_map(|&c| centroids[c * width..][..width].to_vec()).collect();
    }
    let inertia = labels(rows, &centroids, width).iter().map(|l| l.1).sum();
    let centroids =
        ArrayView2::from_shape((k, width), &centroids).map_or_else(|_| Array2::zeros((k, width)), |c| c.to_owned());
    Solution { centroids, inertia }
}

/// Seeds by greedy k-means++ (Arthur & Vassilvitskii 2007, section 3 and its closing remark): every further seed is the
/// best of `2 + ln k` rows drawn with probability proportional to the squared distance to the seeds so far.
pub(super) fn greedy_seeds(x: ArrayView2<f64>, k: usize, rng: &mut Xoshiro256PlusPlus) -> Array2<f64> {
    let width = x.ncols();
    let rows = x.as_slice().unwrap_or_default();
    let n = x.nrows();
    let candidates = 2 + (k as f64).ln().floor() as usize;
    let to = |seed: usize| {
        let seed = &rows[seed * width..][..width];
        rows.chunks_exact(width).map(move |row| squared_distance(row, seed))
    };
    let mut seeds = vec![rng.gen_range(0..n)];
    let mut nearest: Vec<f64> = to(seeds[0]).collect();
    while seeds.len() < k {
        let cumulative: Vec<f64> = nearest
            .iter()
            .scan(0.0, |sum, d| {
                *sum += d;
                Some(*sum)
            })
            .collect();
        let total = cumulative[n - 1];
        if total <= 0.0 {
            // Fewer distinct rows here than seeds: any row; the polish moves what stays empty.
            seeds.push(rng.gen_range(0..n));
            continue;
        }
        let mut best: Option<(f64, usize, Vec<f64>)> = None;
        for _ in 0..candidates {
            let drawn = rng.gen_range(0.0..total);
            let seed = cumulative.partition_point(|&sum| sum <= drawn).min(n - 1);
            let distances: Vec<f64> = nearest.iter().zip(to(seed)).map(|(old, new)| old.min(new)).collect();
            let potential: f64 = distances.iter().sum();
            if best.as_ref().is_none_or(|best| potential < best.0) {
                best = Some((potential, seed, distances));
            }
        }
        if let Some((_, seed, distances)) = best {
            seeds.push(seed);
            nearest = distances;
        }
    }
    x.select(Axis(0), &seeds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn the_polish_ends_at_means() {
        let x = array![[0.0], [1.0], [2.0], [10.0], [11.0]];
        let solution = polish(x.view(), array![[0.0], [1.0]], 100);
        assert_eq!(solution, Solution { centroids: array![[1.0], [10.5]], inertia: 2.5 });
    }

    #[test]
    fn empty_clusters_move_to_the_farthest_row() {
        let x = array![[0.0], [0.0], [1.0], [9.0], [20.0]];
        let solution = polish(x.view(), array![[0.0], [500.0], [600.0], [700.0]], 100);
        assert_eq!(solution.centroids, array![[0.0], [1.0], [9.0], [20.0]]);
        assert_eq!(solution.inertia, 0.0);
    }

    #[test]
    fn no_cluster_is_empty_even_when_iterations_run_out() {
        let x = array![[0.0], [1.0], [2.0]];
        let solution = polish(x.view(), array![[7.0], [8.0], [9.0]], 0);
        let found = sizes(&labels(x.as_slice().unwrap(), solution.centroids.as_slice().unwrap(), 1), 3);
        assert_eq!(found, [1, 1, 1]);
    }

    #[test]
    fn fewer_distinct_rows_than_centroids_still_end() {
        let x = array![[3.0], [3.0], [3.0]];
        let seeds = greedy_seeds(x.view(), 2, &mut crate::cluster::stream(1, 0));
        assert_eq!(seeds, array![[3.0], [3.0]]);
        assert_eq!(polish(x.view(), seeds, 10).inertia, 0.0);
    }

    #[test]
    fn clusters_come_largest_first_then_by_centroid() {
        let x = array![[9.0], [9.5], [5.0], [5.5], [0.0], [0.25], [0.5]];
        let solution = polish(x.view(), array![[9.0], [5.0], [0.0]], 100);
        assert_eq!(solution.centroids, array![[0.25], [5.25], [9.25]]);
    }

    #[test]
    fn seeds_are_spread_over_far_groups() {
        let x = Array2::from_shape_fn((300, 1), |(i, _)| (i / 100) as f64 * 1000.0 + (i % 100) as f64 / 100.0);
        for number in 0..50 {
            let mut seeds: Vec<f64> =
                greedy_seeds(x.view(), 3, &mut crate::cluster::stream(3, number)).iter().map(|v| v / 1000.0).collect();
            seeds.sort_by(f64::total_cmp);
            assert_eq!(seeds.iter().map(|v| v.floor()).collect::<Vec<_>>(), [0.0, 1.0, 2.0]);
        }
    }
}
