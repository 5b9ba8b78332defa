//! The kernels in plain Rust, for any processor.

use super::{Filter, GROUP, Kernel, LANES, PAIR, Verdict};

pub(super) struct Portable;

impl Kernel for Portable {
    #[inline(always)]
    unsafe fn evaluate<const WIDTH: usize, const MARGINS: bool>(
        filter: &Filter,
        blocks: &[f32],
        verdict: &mut Verdict,
    ) {
        let width = if WIDTH == 0 { filter.width } else { WIDTH };
        assert_eq!(blocks.len(), PAIR * width);
        verdict.doubtful = 0;
        for (half, block) in blocks.chunks_exact(LANES * width).enumerate() {
            let (mut best, mut second, mut label) = ([f32::INFINITY; LANES], [f32::INFINITY; LANES], [0_u16; LANES]);
            let mut number = 0;
            for (coefficients, norms) in filter.tiles() {
                for (at, &norm) in norms.iter().enumerate() {
                    let mut score = [norm; LANES];
                    for (x, c) in block.chunks_exact(LANES).zip(coefficients.chunks_exact(norms.len())) {
                        score.iter_mut().zip(x).for_each(|(score, x)| *score += x * c[at]);
                    }
                    for lane in 0..LANES {
                        if score[lane] < best[lane] {
                            (second[lane], best[lane], label[lane]) = (best[lane], score[lane], number);
                        } else if score[lane] < second[lane] {
                            second[lane] = score[lane];
                        }
                    }
                    number += 1;
                }
            }
            for lane in 0..LANES {
                let square: f32 = block.chunks_exact(LANES).map(|x| x[lane] * x[lane]).sum();
                let error = filter.slope * square + filter.base;
                let gap = second[lane] - best[lane];
                let apart = 2.0 * (best[lane] + second[lane]) + (4.0 * square + 8.0 * error);
                let at = half * LANES + lane;
                verdict.margin[at] = if !MARGINS {
                    0.0
                } else if gap == f32::INFINITY {
                    // One cluster only.
                    f32::INFINITY
                } else {
                    (gap - error) / apart.sqrt() * (1.0 - 1.0 / 1024.0)
                };
                verdict.label[at] = label[lane];
                let proven = gap > error;
                verdict.doubtful |= u32::from(!proven) << at;
            }
        }
    }

    #[inline(always)]
    unsafe fn settle(verdict: &Verdict, labels: &[u16], expiry: &mut [f32], moved: &[f32]) -> (u32, f32) {
        let (mut changed, mut least) = (0, f32::INFINITY);
        for (lane, (&label, &margin)) in verdict.label.iter().zip(&verdict.margin).enumerate() {
            expiry[lane] = moved[usize::from(label)] + margin;
            changed |= u32::from(labels[lane] != label) << lane;
            least = if margin < least { margin } else { least };
        }
        (changed, least)
    }

    #[inline(always)]
    unsafe fn expired(labels: &[u16], expiry: &[f32], now: &[f32]) -> (u64, f32) {
        let (mut mask, mut least) = (0, f32::INFINITY);
        for (lane, (&label, &expiry)) in labels.iter().zip(expiry).enumerate().take(GROUP) {
            let left = expiry - now[usize::from(label)];
            if left > 0.0 {
                least = least.min(left);
            } else {
                mask |= 1 << lane;
            }
        }
        (mask, least)
    }
}
