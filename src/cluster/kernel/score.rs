//! Labels of new customers: packed sixteen at a time, filtered, and taken by the definition in doubt.

use super::portable::Portable;
use super::transpose::{Frame, Value};
use super::{Filter, Instructions, Kernel, PAIR, Verdict};
#[cfg(target_arch = "x86_64")]
use super::{avx2::Avx2, avx512::Avx512};
use crate::cluster::squared_distance;
use rayon::prelude::*;

/// Customers per task.
const TASK: usize = 1 << 13;

/// Nobody's cluster.
pub(in crate::cluster) const NOWHERE: i32 = -1;

/// What all parts of a scoring share.
struct Score<'a> {
    points: &'a [f64],
    width: usize,
    filter: Filter,
    frame: Frame,
    /// The square of the reach.
    reach: f64,
}

/// Writes the nearest of up to 65,535 `points` (C order) for every row (C order, `width` values each) to `labels`, the lowest
/// number on a tie; [`NOWHERE`] beyond `reach` or for a row that is not finite.
pub(in crate::cluster) fn label<V: Value>(
    points: &[f64],
    rows: &[V],
    width: usize,
    reach: Option<f64>,
    labels: &mut [i32],
) {
    label_with(Instructions::best(), points, rows, width, reach, labels);
}

fn label_with<V: Value>(
    instructions: Instructions,
    points: &[f64],
    rows: &[V],
    width: usize,
    reach: Option<f64>,
    labels: &mut [i32],
) {
    let frame = Frame::around(points, width);
    let filter = Filter::new(&frame.points(points), width, frame.scale);
    let reach = reach.map_or(f64::INFINITY, |reach| reach * reach);
    let score = Score { points, width, filter, frame, reach };
    let tasks = labels.par_chunks_mut(TASK).zip(rows.par_chunks(TASK * width));
    tasks.for_each(|(labels, rows)| score.run(instructions, rows, labels));
}

impl Score<'_> {
    fn run<V: Value>(&self, instructions: Instructions, rows: &[V], labels: &mut [i32]) {
        macro_rules! by_width {
            ($run:ident, $($width:literal)*) => {
                match self.width {
                    $($width => $run::<V, $width>(self, rows, labels),)*
                    _ => $run::<V, 0>(self, rows, labels),
                }
            };
        }
        match instructions {
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx512 if instructions.supported() => {
                // SAFETY: the processor was asked for these instructions in the guard.
                unsafe { by_width!(run_avx512, 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16) }
            }
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx2 if instructions.supported() => {
                // SAFETY: the processor was asked for these instructions in the guard.
                unsafe { by_width!(run_avx2, 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16) }
            }
            _ => {
                let transpose = |rows: &[V], blocks: &mut [f32]| self.frame.transpose_some(rows, blocks);
                // SAFETY: the portable kernel needs no special instructions.
                unsafe { run_here::<Portable, V, 0>(self, rows, labels, transpose) }
            }
        }
    }

    /// The label by the definition.
    #[cold]
    fn define<V: Value>(&self, row: &[V]) -> i32 {
        let row: Vec<f64> = row.iter().map(|v| v.wide()).collect();
        let mut best = (NOWHERE, f64::INFINITY);
        if row.iter().all(|v| v.is_finite()) {
            for (at, point) in self.points.chunks_exact(self.width).enumerate() {
                let distance = squared_distance(&row, point);
                if distance < best.1 {
                    best = (at as i32, distance);
                }
            }
        }
        best.0
    }

    /// Whether a row is within reach of a point.
    fn within_reach<V: Value>(&self, row: &[V], point: i32) -> bool {
        let row: Vec<f64> = row.iter().map(|v| v.wide()).collect();
        squared_distance(&row, &self.points[point as usize * self.width..][..self.width]) <= self.reach
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
fn run_avx512<V: Value, const WIDTH: usize>(score: &Score, rows: &[V], labels: &mut [i32]) {
    // SAFETY: this function has the instructions, so its caller's processor does.
    let transpose = |rows: &[V], blocks: &mut [f32]| unsafe { score.frame.transpose(score.width, rows, blocks) };
    // SAFETY: as above.
    unsafe { run_here::<Avx512, V, WIDTH>(score, rows, labels, transpose) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn run_avx2<V: Value, const WIDTH: usize>(score: &Score, rows: &[V], labels: &mut [i32]) {
    // SAFETY: this function has the instructions, so its caller's processor does.
    let transpose = |rows: &[V], blocks: &mut [f32]| unsafe { score.frame.transpose(score.width, rows, blocks) };
    // SAFETY: as above.
    unsafe { run_here::<Avx2, V, WIDTH>(score, rows, labels, transpose) }
}

/// # Safety
/// The processor must have the instructions of `K`.
#[inline(always)]
unsafe fn run_here<K: Kernel, V: Value, const WIDTH: usize>(
    score: &Score,
    rows: &[V],
    labels: &mut [i32],
    transpose: impl Fn(&[V], &mut [f32]),
) {
    let width = if WIDTH == 0 { score.width } else { WIDTH };
    let mut verdict = Verdict::EMPTY;
    let (mut few, mut many);
    let blocks: &mut [f32] = if WIDTH == 0 {
        many = vec![0.0; PAIR * width];
        &mut many
    } else {
        few = [0.0; 16 * PAIR];
        &mut few[..PAIR * width]
    };
    for (labels, rows) in labels.chunks_mut(PAIR).zip(rows.chunks(PAIR * width)) {
        if rows.len() == PAIR * width {
            transpose(rows, blocks);
        } else {
            score.frame.transpose_some(rows, blocks);
        }
        // SAFETY: the caller has the instructions.
        unsafe { K::evaluate::<WIDTH, false>(&score.filter, blocks, &mut verdict) };
        labels.iter_mut().zip(&verdict.label).for_each(|(label, found)| *label = i32::from(*found));
        let mut doubtful = verdict.doubtful & ((1 << labels.len()) - 1);
        while doubtful != 0 {
            let lane = doubtful.trailing_zeros() as usize;
            doubtful &= doubtful - 1;
            labels[lane] = score.define(&rows[lane * width..][..width]);
        }
        if score.reach < f64::INFINITY {
            for (label, row) in labels.iter_mut().zip(rows.chunks_exact(width)) {
                if *label != NOWHERE && !score.within_reach(row, *label) {
                    *label = NOWHERE;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::stream;
    use rand::Rng;

    /// Points and rows with ties, near ties and values of all sizes.
    fn hard(count: usize, kind: u64, seed: u64) -> Vec<f64> {
        let mut rng = stream(seed, 0);
        let mut value = || match kind {
            0 => f64::from(rng.gen_range(-3..=3)) / 2.0,
            1 => 1e6 + f64::from(rng.gen_range(-9..=9)) / 65536.0,
            2 => f64::from(rng.gen_range(-9..=9)) * 5e-324,
            3 => rng.gen_range(-1.0..1.0) * 10.0_f64.powi(rng.gen_range(-170..30)),
            4 => rng.gen_range(-1.0..1.0) * 1e99,
            _ => rng.gen_range(-3.0..3.0),
        };
        (0..count).map(|_| value()).collect()
    }

    #[test]
    fn labels_of_new_customers_are_those_of_the_definition() {
        for width in 1..=20 {
            for k in [1, 2, 3, 5, 8, 21] {
                let kind = (width as u64 * 5 + k as u64) % 6;
                let points = hard(k * width, kind, 1);
                let mut rows = hard(131 * width, kind, 2);
                rows[5 * width] = f64::NAN;
                rows[6 * width] = f64::NEG_INFINITY;
                rows[7 * width] = 1e300;
                for reach in [None, Some(2.0)] {
                    let label = |row: &[f64]| {
                        let distances: Vec<f64> =
                            points.chunks_exact(width).map(|p| squared_distance(row, p)).collect();
                        let least = distances.iter().copied().fold(f64::INFINITY, f64::min);
                        let at = distances.iter().position(|&d| d == least)?;
                        let near = least < f64::INFINITY && reach.is_none_or(|r| least <= r * r);
                        (near && row.iter().all(|v| v.is_finite())).then_some(at as i32)
                    };
                    let label = |row: &[f64]| label(row).unwrap_or(NOWHERE);
                    let narrow: Vec<f32> = rows.iter().map(|&v| v as f32).collect();
                    let wide: Vec<f64> = narrow.iter().map(|&v| f64::from(v)).collect();
                    let expected: Vec<i32> = rows.chunks_exact(width).map(label).collect();
                    let expected_narrow: Vec<i32> = wide.chunks_exact(width).map(label).collect();
                    for instructions in [Instructions::Portable, Instructions::Avx2, Instructions::Avx512] {
                        let mut found = vec![7; rows.len() / width];
                        label_with(instructions, &points, &rows, width, reach, &mut found);
                        assert_eq!(found, expected, "{width} features, {k} points, kind {kind}, {instructions:?}");
                        label_with(instructions, &points, &narrow, width, reach, &mut found);
                        assert_eq!(found, expected_narrow);
                    }
                }
            }
        }
    }
}
