//! How far the rows are from a seed, for seeding: in `f32` without fused multiply-add, so that the same bits come from any
//! instructions.

use super::{Instructions, LANES};

/// Writes to `nearest` the squared distance of every row of `blocks` to `seed`, at most its `limits`, and returns their sum
/// weighted by `weights`. All are padded to whole blocks; `seed` has one value per feature.
pub(in crate::cluster) fn nearest(
    blocks: &[f32],
    seed: &[f32],
    weights: &[f64],
    limits: &[f32],
    nearest: &mut [f32],
) -> f64 {
    #[cfg(target_arch = "x86_64")]
    if Instructions::Avx2.supported() {
        // SAFETY: the processor was just asked for these instructions.
        return unsafe { nearest_avx2(blocks, seed, weights, limits, nearest) };
    }
    nearest_here(blocks, seed, weights, limits, nearest)
}

/// The same code, compiled for AVX2.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn nearest_avx2(blocks: &[f32], seed: &[f32], weights: &[f64], limits: &[f32], nearest: &mut [f32]) -> f64 {
    nearest_here(blocks, seed, weights, limits, nearest)
}

#[inline(always)]
fn nearest_here(blocks: &[f32], seed: &[f32], weights: &[f64], limits: &[f32], nearest: &mut [f32]) -> f64 {
    let mut sums = [0.0; LANES];
    let rows = nearest.chunks_exact_mut(LANES).zip(limits.chunks_exact(LANES)).zip(weights.chunks_exact(LANES));
    for (block, ((nearest, limits), weights)) in blocks.chunks_exact(LANES * seed.len()).zip(rows) {
        let mut squares = [0.0_f32; LANES];
        for (column, here) in block.chunks_exact(LANES).zip(seed) {
            for lane in 0..LANES {
                let difference = column[lane] - here;
                squares[lane] += difference * difference;
            }
        }
        for lane in 0..LANES {
            nearest[lane] = if squares[lane] < limits[lane] { squares[lane] } else { limits[lane] };
            sums[lane] += f64::from(nearest[lane]) * weights[lane];
        }
    }
    sums.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_instructions_give_the_same_bits(
            width in 1_usize..20, values in proptest::collection::vec(-3.0_f32..3.0, 20 * 4 * LANES),
            weights in proptest::collection::vec(0.0_f64..9.0, 4 * LANES)
        ) {
            let tiny = |(at, v): (usize, &f32)| if at % 7 == 0 { v * 1e-40 } else { *v };
            let blocks: Vec<f32> = values.iter().enumerate().map(tiny).take(4 * LANES * width).collect();
            let seed: Vec<f32> = blocks.iter().step_by(LANES).take(width).copied().collect();
            let limits: Vec<f32> = (0..4 * LANES).map(|at| if at % 3 == 0 { f32::INFINITY } else { at as f32 }).collect();
            let (mut one, mut other) = (vec![0.0; 4 * LANES], vec![0.0; 4 * LANES]);
            let fast = nearest(&blocks, &seed, &weights, &limits, &mut one);
            let slow = nearest_here(&blocks, &seed, &weights, &limits, &mut other);
            prop_assert_eq!((fast.to_bits(), &one), (slow.to_bits(), &other));
            prop_assert_eq!(one[0], 0.0);
        }
    }
}
