//! From rows of `f64` to blocks of `f32`, and what one look at the rows tells.

use super::{Instructions, LANES};
use crate::cluster::sketch::{Candidate, gather, keys};

/// Steps of the grid of model space per unit, and the value where it ends.
pub(in crate::cluster) const STEPS: f64 = 65536.0;
const GRID_END: f64 = 256.0;

/// Values whose squares are added before the sum leaves `f64`: squares of steps are below 2^48, and each of the eight
/// lanes takes 16.
const PIECE: usize = 16 * LANES;

/// What one look at some rows tells.
#[derive(Debug, Default)]
pub(in crate::cluster) struct Look {
    /// Every value is on the grid; if not, nothing else here is complete.
    pub(in crate::cluster) on_grid: bool,
    /// Sum of the weighted squares, in squared steps of the grid.
    pub(in crate::cluster) squares: u128,
    /// Rows for the sketch.
    pub(in crate::cluster) candidates: Vec<Candidate>,
}

/// Packs rows (C order) that should be on the grid; the first has the number `first`. Whole `weights`, if any, are those
/// of these rows.
pub(in crate::cluster) fn pack(
    blocks: &mut [f32],
    values: &[f64],
    weights: Option<&[f64]>,
    width: usize,
    first: usize,
    threshold: u64,
) -> Look {
    #[cfg(target_arch = "x86_64")]
    if Instructions::Avx2.supported() {
        // SAFETY: the processor was just asked for these instructions.
        return unsafe { pack_avx2(blocks, values, weights, width, first, threshold) };
    }
    pack_here(blocks, values, weights, width, first, threshold)
}

/// The same code, compiled for AVX2.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn pack_avx2(
    blocks: &mut [f32],
    values: &[f64],
    weights: Option<&[f64]>,
    width: usize,
    first: usize,
    threshold: u64,
) -> Look {
    pack_here(blocks, values, weights, width, first, threshold)
}

#[inline(always)]
fn pack_here(
    blocks: &mut [f32],
    values: &[f64],
    weights: Option<&[f64]>,
    width: usize,
    first: usize,
    threshold: u64,
) -> Look {
    let mut look = Look { on_grid: true, ..Look::default() };
    let keys = keys(width);
    for (at, (block, values)) in blocks.chunks_exact_mut(LANES * width).zip(values.chunks(LANES * width)).enumerate() {
        let squares = match weights {
            None => squares_on_grid(values),
            Some(weights) => values
                .chunks_exact(width)
                .zip(&weights[at * LANES..])
                .try_fold(0, |sum, (row, weight)| squares_on_grid(row).map(|squares| sum + squares * *weight as u128)),
        };
        let Some(squares) = squares else {
            look.on_grid = false;
            break;
        };
        look.squares += squares;
        for (lane, row) in values.chunks_exact(width).enumerate() {
            for (feature, value) in row.iter().enumerate() {
                block[feature * LANES + lane] = *value as f32;
            }
        }
        gather(values, &keys, first + at * LANES, threshold, &mut look.candidates);
    }
    look
}

/// The sum of the squares in squared steps, or `None` if a value is off the grid (or not finite).
#[inline(always)]
fn squares_on_grid(values: &[f64]) -> Option<u128> {
    let mut sum = 0;
    for piece in values.chunks(PIECE) {
        let mut squares = [0.0; LANES];
        let mut bad = [false; LANES];
        let mut look = |lane: usize, value: f64| {
            let steps = value * STEPS;
            let inside = value.abs() < GRID_END;
            // Without a branch, so that the loop below vectorises; what is not a number differs from itself.
            bad[lane] |= (steps.trunc() != steps) | !inside;
            squares[lane] += steps * steps;
        };
        let eights = piece.chunks_exact(LANES);
        eights.remainder().iter().enumerate().for_each(|(lane, value)| look(lane, *value));
        for eight in eights {
            for (lane, value) in eight.iter().enumerate() {
                look(lane, *value);
            }
        }
        if bad.contains(&true) {
            return None;
        }
        sum += squares.iter().map(|&square| square as u64).sum::<u64>() as u128;
    }
    Some(sum)
}
