//! Labels of new customers: packed sixteen at a time, filtered, and taken by the definition in doubt.

use super::portable::Portable;
use super::{Filter, Instructions, Kernel, LANES, PAIR, Verdict};
#[cfg(target_arch = "x86_64")]
use super::{avx2::Avx2, avx512::Avx512};
use crate::cluster::packed::frame;
use crate::cluster::squared_distance;
use rayon::prelude::*;

/// Customers per step of a task.
const STEP: usize = 4 * PAIR;

/// Steps per task at least.
const STEPS: usize = 64;

/// No cluster.
const NOWHERE: u32 = u32::MAX;

/// A value of a customer, as scoring reads it.
pub(in crate::cluster) trait Value: Copy + Send + Sync + 'static {
    /// The same number in `f64`.
    fn wide(self) -> f64;

    /// `(self - shift) * scale` with a relative error of at most 2^-24, for a shift that `f32` holds and a power of two.
    fn framed(self, shift: f64, scale: f64) -> f32;
}

impl Value for f64 {
    #[inline(always)]
    fn wide(self) -> f64 {
        self
    }

    #[inline(always)]
    fn framed(self, shift: f64, scale: f64) -> f32 {
        ((self - shift) * scale) as f32
    }
}

impl Value for f32 {
    #[inline(always)]
    fn wide(self) -> f64 {
        f64::from(self)
    }

    #[inline(always)]
    fn framed(self, shift: f64, scale: f64) -> f32 {
        (self - shift as f32) * scale as f32
    }
}

/// What all parts of a scoring share.
struct Score<'a> {
    points: &'a [f64],
    width: usize,
    filter: Filter,
    shift: Vec<f64>,
    scale: f64,
    /// The square of the reach.
    reach: f64,
}

/// The nearest of `points` (C order) for every row (C order, `width` values each), the lowest number on a tie; none beyond
/// `reach` or for a row that is not finite.
pub(in crate::cluster) fn labels<V: Value>(
    points: &[f64],
    rows: &[V],
    width: usize,
    reach: Option<f64>,
) -> Vec<Option<u32>> {
    labels_with(Instructions::best(), points, rows, width, reach)
}

fn labels_with<V: Value>(
    instructions: Instructions,
    points: &[f64],
    rows: &[V],
    width: usize,
    reach: Option<f64>,
) -> Vec<Option<u32>> {
    let (shift, scale) = frame(points, width);
    let shift: Vec<f64> =
        shift.iter().map(|&v| f64::from(v as f32)).map(|v| if v.is_finite() { v } else { 0.0 }).collect();
    // Beyond this the products of single numbers would leave their range; then the definition labels everyone.
    let scale = scale.clamp(2.0_f64.powi(-60), 2.0_f64.powi(60));
    let framed: Vec<f64> = points.iter().zip(shift.iter().cycle()).map(|(v, shift)| (v - shift) * scale).collect();
    let filter = Filter::new(&framed, width, scale);
    let reach = reach.map_or(f64::INFINITY, |reach| reach * reach);
    let score = Score { points, width, filter, shift, scale, reach };
    let count = rows.len() / width;
    let steps = rows.par_chunks(STEP * width).with_min_len(STEPS);
    let mut labels = steps.map(|rows| score.step(instructions, rows)).collect::<Vec<_>>().into_flattened();
    labels.truncate(count);
    labels
}

impl Score<'_> {
    fn step<V: Value>(&self, instructions: Instructions, rows: &[V]) -> [Option<u32>; STEP] {
        macro_rules! by_width {
            ($step:ident, $($width:literal)*) => {
                match self.width {
                    $($width => $step::<V, $width>(self, rows),)*
                    _ => $step::<V, 0>(self, rows),
                }
            };
        }
        match instructions {
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx512 if instructions.supported() => {
                // SAFETY: the processor was asked for these instructions in the guard.
                unsafe { by_width!(step_avx512, 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16) }
            }
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx2 if instructions.supported() => {
                // SAFETY: the processor was asked for these instructions in the guard.
                unsafe { by_width!(step_avx2, 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16) }
            }
            // SAFETY: the portable kernel needs no special instructions.
            _ => unsafe { step_here::<Portable, V, 0>(self, rows) },
        }
    }

    /// The label by the definition.
    #[cold]
    fn define<V: Value>(&self, row: &[V]) -> u32 {
        let row: Vec<f64> = row.iter().map(|v| v.wide()).collect();
        let mut best = (NOWHERE, f64::INFINITY);
        if row.iter().all(|v| v.is_finite()) {
            for (at, point) in self.points.chunks_exact(self.width).enumerate() {
                let distance = squared_distance(&row, point);
                if distance < best.1 {
                    best = (at as u32, distance);
                }
            }
        }
        best.0
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
fn step_avx512<V: Value, const WIDTH: usize>(score: &Score, rows: &[V]) -> [Option<u32>; STEP] {
    // SAFETY: this function has the instructions, so its caller's processor does.
    unsafe { step_here::<Avx512, V, WIDTH>(score, rows) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn step_avx2<V: Value, const WIDTH: usize>(score: &Score, rows: &[V]) -> [Option<u32>; STEP] {
    // SAFETY: this function has the instructions, so its caller's processor does.
    unsafe { step_here::<Avx2, V, WIDTH>(score, rows) }
}

/// # Safety
/// The processor must have the instructions of `K`.
#[inline(always)]
unsafe fn step_here<K: Kernel, V: Value, const WIDTH: usize>(score: &Score, rows: &[V]) -> [Option<u32>; STEP] {
    let width = if WIDTH == 0 { score.width } else { WIDTH };
    let mut labels = [None; STEP];
    let mut verdict = Verdict::EMPTY;
    let (mut few, mut many);
    let blocks: &mut [f32] = if WIDTH == 0 {
        many = vec![0.0; PAIR * width];
        &mut many
    } else {
        few = [0.0; 16 * PAIR];
        &mut few[..PAIR * width]
    };
    for (labels, rows) in labels.chunks_exact_mut(PAIR).zip(rows.chunks(PAIR * width)) {
        if rows.len() == PAIR * width {
            for lane in 0..PAIR {
                let block = lane / LANES * LANES * width + lane % LANES;
                for feature in 0..width {
                    blocks[block + feature * LANES] =
                        rows[lane * width + feature].framed(score.shift[feature], score.scale);
                }
            }
        } else {
            for (lane, row) in rows.chunks_exact(width).enumerate() {
                let block = lane / LANES * LANES * width + lane % LANES;
                for (feature, value) in row.iter().enumerate() {
                    blocks[block + feature * LANES] = value.framed(score.shift[feature], score.scale);
                }
            }
        }
        // SAFETY: the caller has the instructions.
        unsafe { K::evaluate::<WIDTH>(&score.filter, blocks, &mut verdict) };
        for (lane, (label, row)) in labels.iter_mut().zip(rows.chunks_exact(width)).enumerate() {
            let mut nearest = u32::from(verdict.label[lane]);
            if verdict.doubtful >> lane & 1 == 1 {
                nearest = score.define(row);
            }
            *label = (nearest != NOWHERE).then_some(nearest);
            if score.reach < f64::INFINITY && nearest != NOWHERE {
                let row: Vec<f64> = row.iter().map(|v| v.wide()).collect();
                let point = &score.points[nearest as usize * width..][..width];
                *label = label.filter(|_| squared_distance(&row, point) <= score.reach);
            }
        }
    }
    labels
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
                        (near && row.iter().all(|v| v.is_finite())).then_some(at as u32)
                    };
                    let narrow: Vec<f32> = rows.iter().map(|&v| v as f32).collect();
                    let wide: Vec<f64> = narrow.iter().map(|&v| f64::from(v)).collect();
                    let expected: Vec<Option<u32>> = rows.chunks_exact(width).map(label).collect();
                    let expected_narrow: Vec<Option<u32>> = wide.chunks_exact(width).map(label).collect();
                    for instructions in [Instructions::Portable, Instructions::Avx2, Instructions::Avx512] {
                        let found = labels_with(instructions, &points, &rows, width, reach);
                        assert_eq!(found, expected, "{width} features, {k} points, kind {kind}, {instructions:?}");
                        assert_eq!(labels_with(instructions, &points, &narrow, width, reach), expected_narrow);
                    }
                }
            }
        }
    }
}
