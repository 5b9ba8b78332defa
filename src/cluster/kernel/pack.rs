//! From rows of `f64` to blocks of `f32`, and what one look at the rows tells.

use super::transpose::Frame;
use super::{Instructions, LANES, PAIR};
use crate::cluster::sketch::{Candidate, gather, keys};

/// Steps of the grid of model space per unit, and the value where it ends.
pub(in crate::cluster) const STEPS: f64 = 65536.0;
const GRID_END: f64 = 256.0;

/// Values whose squares are added before the sum leaves `f64`: squares of steps are below 2^48, and each of the eight
/// lanes takes 16.
const PIECE: usize = 16 * LANES;

/// A sum of squared steps of the grid in units of model space.
pub(in crate::cluster) fn from_steps(squares: u128) -> f64 {
    squares as f64 / (STEPS * STEPS)
}

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

/// Rows to pack.
#[derive(Debug, Clone, Copy)]
pub(in crate::cluster) struct Rows<'a> {
    /// In C order.
    pub(in crate::cluster) values: &'a [f64],
    /// Whole weights of the rows, if any.
    pub(in crate::cluster) weights: Option<&'a [f64]>,
    pub(in crate::cluster) width: usize,
    /// The number of the first row.
    pub(in crate::cluster) first: usize,
}

/// Packs rows that should be on the grid into as many `blocks` as they need, and gathers those whose hash is at most `threshold`.
pub(in crate::cluster) fn pack(blocks: &mut [f32], rows: Rows, threshold: u64) -> Look {
    pack_with(Instructions::best(), blocks, rows, threshold)
}

fn pack_with(instructions: Instructions, blocks: &mut [f32], rows: Rows, threshold: u64) -> Look {
    match instructions {
        #[cfg(target_arch = "x86_64")]
        Instructions::Avx512 if instructions.supported() => {
            // SAFETY: the processor was asked for these instructions in the guard.
            unsafe { pack_avx512(blocks, rows, threshold) }
        }
        #[cfg(target_arch = "x86_64")]
        Instructions::Avx2 if instructions.supported() => {
            // SAFETY: the processor was asked for these instructions in the guard.
            unsafe { pack_avx2(blocks, rows, threshold) }
        }
        _ => pack_here(blocks, rows, threshold, |frame, rows, blocks| frame.transpose_some(rows, blocks)),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2")]
fn pack_avx512(blocks: &mut [f32], rows: Rows, threshold: u64) -> Look {
    // SAFETY: this function has the instructions, so its caller's processor does.
    pack_here(blocks, rows, threshold, |frame, rows, blocks| unsafe { frame.transpose(frame.width(), rows, blocks) })
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn pack_avx2(blocks: &mut [f32], rows: Rows, threshold: u64) -> Look {
    // SAFETY: this function has the instructions, so its caller's processor does.
    pack_here(blocks, rows, threshold, |frame, rows, blocks| unsafe { frame.transpose(frame.width(), rows, blocks) })
}

#[inline(always)]
fn pack_here(blocks: &mut [f32], rows: Rows, threshold: u64, transpose: impl Fn(&Frame, &[f64], &mut [f32])) -> Look {
    let Rows { values, weights, width, first } = rows;
    let mut look = Look { on_grid: true, ..Look::default() };
    let keys = keys(width);
    let frame = Frame::none(width);
    for (at, (blocks, values)) in blocks.chunks_mut(PAIR * width).zip(values.chunks(PAIR * width)).enumerate() {
        let squares = match weights {
            None => squares_on_grid(values),
            Some(weights) => values
                .chunks_exact(width)
                .zip(&weights[at * PAIR..])
                .try_fold(0, |sum, (row, weight)| squares_on_grid(row).map(|squares| sum + squares * *weight as u128)),
        };
        let Some(squares) = squares else {
            look.on_grid = false;
            break;
        };
        look.squares += squares;
        if values.len() == PAIR * width {
            transpose(&frame, values, blocks);
        } else {
            frame.transpose_some(values, blocks);
        }
        gather(values, &keys, first + at * PAIR, threshold, &mut look.candidates);
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_instructions_pack_the_same(
            width in 1_usize..20, count in 1_usize..70, steps in proptest::collection::vec(-9_000_000_i32..9_000_000, 20 * 70),
            bad in 0_usize..2000, weighted in any::<bool>()
        ) {
            let mut values: Vec<f64> = steps[..count * width].iter().map(|&v| f64::from(v) / STEPS).collect();
            if let Some(value) = values.get_mut(bad) {
                *value = [0.3, f64::NAN, f64::INFINITY, 300.0, 1e-320][bad % 5];
            }
            let weights: Vec<f64> = (0..count).map(|row| (row % 4) as f64).collect();
            let rows = Rows { values: &values, weights: weighted.then_some(&weights), width, first: 5 };
            let pack_by = |instructions| {
                let mut blocks = vec![0.0; count.next_multiple_of(super::super::GROUP) * width];
                let look = pack_with(instructions, &mut blocks, rows, u64::MAX / 2);
                (look.on_grid, look.on_grid.then_some((blocks, look.squares, format!("{:?}", look.candidates))))
            };
            let plain = pack_by(Instructions::Portable);
            prop_assert_eq!(plain.0, bad >= values.len());
            prop_assert_eq!(&pack_by(Instructions::Avx2), &plain);
            prop_assert_eq!(&pack_by(Instructions::Avx512), &plain);
        }
    }
}
