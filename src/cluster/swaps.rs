//! Out of a local optimum of k-means: one centroid goes where it is missed.
//!
//! Local search by swaps (Lattanzi & Sohler 2019, section 2), judged after some of Lloyd's iterations (*foresight*,
//! Conrads, Drexler, Könen, Schmidt & Schmidt 2024): a row drawn in proportion to its squared distance becomes a
//! centroid in place of the one that is missed least, and the swap stays if the inertia at the new fixed point is smaller.

use super::KMeans;
use super::kernel::lanes::{WIDE, nearest_two};
use super::lloyd::Lloyd;
use super::packed::Blocks;
use super::seeds::{Candidates, draw};
use super::stream;
use rayon::prelude::*;

/// Iterations after which the trials are compared.
const FORESIGHT: usize = 10;

/// Of so many trials the one with the least inertia by then goes on to a fixed point with all rows.
const OF_TRIALS: usize = 8;

/// At most so many swaps are made.
const ROUNDS: usize = 20;

/// An improvement below this share of the inertia is rounding.
const WORTH: f64 = 1e-9;

/// The first number of the streams of random numbers: those below belong to the starts.
const STREAMS: u64 = 1 << 20;

/// The best solution that swaps lead to from `start`, a fixed point on some rows with its inertia. Swaps are drawn from `sample`, the
/// first of these rows, whose values (C order) are `values`; `model` says how many are tried from one solution. Ends when none of
/// these improves it.
pub(super) fn improve<'a>(
    start: (f64, Lloyd<'a>),
    sample: &Blocks,
    values: &[f64],
    model: &KMeans,
    seed: u64,
) -> (f64, Lloyd<'a>) {
    let KMeans { swaps, max_iterations, .. } = *model;
    let width = sample.width;
    let candidates = Candidates::new(sample);
    let mut best = start;
    for round in 0..ROUNDS {
        let nearest = Nearest::new(best.1.centroids(), values, width);
        let cumulative = candidates.cumulative(nearest.first.iter().copied());
        let begin = |number: usize| {
            let row = draw(&cumulative, &mut stream(seed, STREAMS + (round * swaps + number) as u64))?;
            let mut centroids = best.1.centroids().to_vec();
            let out = nearest.missed_least(&candidates, row, centroids.len() / width);
            centroids[out * width..][..width].copy_from_slice(&values[row * width..][..width]);
            let mut lloyd = Lloyd::new(sample, centroids);
            while lloyd.iterations < FORESIGHT.min(max_iterations) && lloyd.step() > 0 {}
            Some((lloyd.inertia(), lloyd.centroids().to_vec()))
        };
        let mut trials: Vec<(f64, Vec<f64>)> = (0..swaps).into_par_iter().filter_map(begin).collect();
        trials.sort_by(|a, b| a.0.total_cmp(&b.0));
        trials.dedup_by(|a, b| a.1 == b.1);
        trials.truncate(swaps.div_ceil(OF_TRIALS));
        let settle = |(_, centroids): (f64, Vec<f64>)| {
            let mut lloyd = Lloyd::new(best.1.rows(), centroids);
            lloyd.descend(max_iterations);
            (lloyd.inertia(), lloyd)
        };
        let settled: Vec<(f64, Lloyd)> = trials.into_par_iter().map(settle).collect();
        let Some(found) = settled.into_iter().min_by(|a, b| a.0.total_cmp(&b.0)) else { break };
        if found.0 >= best.0 * (1.0 - WORTH) {
            break;
        }
        best = found;
    }
    best
}

/// The nearest two centroids of every row.
struct Nearest {
    label: Vec<usize>,
    /// Squared distances.
    first: Vec<f64>,
    second: Vec<f64>,
}

impl Nearest {
    fn new(centroids: &[f64], values: &[f64], width: usize) -> Self {
        let rows = values.len() / width;
        let mut found = Self { label: vec![0; rows], first: vec![0.0; rows], second: vec![0.0; rows] };
        nearest_two(centroids, values, width, |at, nearest| {
            for lane in 0..WIDE.min(rows - at) {
                found.label[at + lane] = nearest.first_at[lane] as usize;
                found.first[at + lane] = nearest.first[lane];
                found.second[at + lane] = nearest.second[lane];
            }
        });
        found
    }

    /// Which of `k` centroids costs least to remove once `row` is a centroid, the lowest on a tie.
    fn missed_least(&self, candidates: &Candidates, row: usize, k: usize) -> usize {
        let padded = candidates.weights().len();
        let mut to_row = vec![0.0; padded];
        candidates.nearest(row, &vec![f32::INFINITY; padded], &mut to_row);
        // The candidates are scaled by a power of two.
        let unscaled = (candidates.scale() * candidates.scale()).recip();
        let mut costs = vec![0.0; k];
        for (at, weight) in candidates.weights().iter().take(self.first.len()).enumerate() {
            let to_row = f64::from(to_row[at]) * unscaled;
            costs[self.label[at]] += weight * (self.second[at].min(to_row) - self.first[at]).max(0.0);
        }
        costs.iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1)).map_or(0, |(cluster, _)| cluster)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three far groups on a line.
    fn groups() -> Vec<f64> {
        (0..300).map(|row| f64::from(row / 100) * 1000.0 + f64::from(row % 100) / 100.0).collect()
    }

    fn settled<'a>(rows: &'a Blocks<'a>, centroids: &[f64]) -> (f64, Lloyd<'a>) {
        let mut lloyd = Lloyd::new(rows, centroids.to_vec());
        lloyd.descend(100);
        (lloyd.inertia(), lloyd)
    }

    #[test]
    fn two_centroids_in_one_group_part() {
        for scale in [1.0 / 65536.0, 1e-100, 1e100] {
            let values: Vec<f64> = groups().iter().map(|v| v * scale).collect();
            let rows = Blocks::new(&values, vec![1.0; 300], 1);
            // Both of the first stay in the first group: a local optimum.
            let stuck = settled(&rows, &[0.25 * scale, 0.75 * scale, 1500.0 * scale]);
            assert_eq!(stuck.1.sizes()[0], 200.0);
            let (inertia, better) = improve(stuck, &rows, &values, &KMeans::default(), 7);
            assert_eq!(better.sizes(), [100.0, 100.0, 100.0]);
            assert_eq!(inertia, better.inertia());
        }
    }

    #[test]
    fn the_best_stays() {
        let values = groups();
        let rows = Blocks::new(&values, vec![1.0; 300], 1);
        let best = settled(&rows, &[0.0, 1000.0, 2000.0]);
        let (inertia, lloyd) = improve(best.clone(), &rows, &values, &KMeans::default(), 7);
        assert_eq!((inertia, lloyd.centroids()), (best.0, best.1.centroids()));
    }

    #[test]
    fn the_centroid_beside_another_is_missed_least() {
        let values = groups();
        let rows = Blocks::new(&values, vec![1.0; 300], 1);
        let nearest = Nearest::new(&[0.5, 1000.25, 1000.9], &values, 1);
        let candidates = Candidates::new(&rows);
        // A row of the third group: the two of the second group can be joined, and the second of them has fewer rows.
        assert_eq!(nearest.missed_least(&candidates, 250, 3), 2);
        // A row of the first group: nothing is lost where it is the centroid already.
        assert_eq!(nearest.missed_least(&candidates, 50, 3), 0);
    }

    #[test]
    fn equal_rows_leave_nothing_to_draw() {
        let rows = Blocks::new(&[3.0, 3.0], vec![1.0; 2], 1);
        assert_eq!(improve(settled(&rows, &[3.0]), &rows, &[3.0, 3.0], &KMeans::default(), 7).0, 0.0);
    }
}
