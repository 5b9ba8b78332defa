//! The kernels with AVX2 and FMA: eight customers per register.

use super::{Filter, GROUP, Kernel, LANES, PAIR, TILE, Verdict};
use std::arch::x86_64::*;

pub(super) struct Avx2;

/// The nearest two centroids so far of eight customers.
#[derive(Clone, Copy)]
struct Nearest {
    best: __m256,
    second: __m256,
    label: __m256i,
}

/// Scores of sixteen customers against `T` centroids, and what they change in the nearest two.
///
/// # Safety
/// The processor must have AVX2 and FMA; `x` points to `16 * width` values, `coefficients` to `T * width`, `norms` to `T`.
#[inline(always)]
unsafe fn tile<const T: usize>(
    width: usize,
    x: *const f32,
    coefficients: *const f32,
    norms: *const f32,
    number: usize,
    nearest: &mut [Nearest; 2],
) {
    let mut x = x;
    // SAFETY: the instruction list is empty. It keeps the compiler from loading all features ahead of the loop over tiles,
    // far more than registers hold, and from reading each of them back from the stack for every product.
    unsafe { std::arch::asm!("/* {0} */", inout(reg) x, options(readonly, nostack, preserves_flags)) };
    // SAFETY: the caller's promise; every offset below stays within the lengths it names.
    unsafe {
        let mut scores = [[_mm256_setzero_ps(); T]; 2];
        for score in &mut scores {
            for (at, score) in score.iter_mut().enumerate() {
                *score = _mm256_broadcast_ss(&*norms.add(at));
            }
        }
        let [scores, more_scores] = &mut scores;
        for feature in 0..width {
            let first = _mm256_loadu_ps(x.add(feature * LANES));
            let second = _mm256_loadu_ps(x.add((width + feature) * LANES));
            for (at, (score, more)) in scores.iter_mut().zip(&mut *more_scores).enumerate() {
                let coefficient = _mm256_broadcast_ss(&*coefficients.add(feature * T + at));
                *score = _mm256_fmadd_ps(first, coefficient, *score);
                *more = _mm256_fmadd_ps(second, coefficient, *more);
            }
        }
        for (at, (score, more)) in scores.iter().zip(&*more_scores).enumerate() {
            let label = _mm256_set1_epi32((number + at) as i32);
            for (&score, nearest) in [score, more].into_iter().zip(&mut *nearest) {
                let nearer = _mm256_cmp_ps::<_CMP_LT_OQ>(score, nearest.best);
                nearest.second = _mm256_min_ps(nearest.second, _mm256_max_ps(nearest.best, score));
                nearest.best = _mm256_min_ps(score, nearest.best);
                nearest.label = _mm256_blendv_epi8(nearest.label, label, _mm256_castps_si256(nearer));
            }
        }
    }
}

/// `table[label]` of eight customers; a label beyond the table reads some entry of it.
///
/// # Safety
/// The processor must have AVX2; the table must have at least eight entries.
#[inline(always)]
unsafe fn look_up(table: &[f32], label: __m256i) -> __m256 {
    // SAFETY: the caller's promise; the minimum keeps the gather within the table.
    unsafe {
        if table.len() == LANES {
            _mm256_permutevar8x32_ps(_mm256_loadu_ps(table.as_ptr()), label)
        } else {
            let last = _mm256_set1_epi32(table.len() as i32 - 1);
            _mm256_i32gather_ps::<4>(table.as_ptr(), _mm256_min_epi32(label, last))
        }
    }
}

/// The least of eight numbers.
///
/// # Safety
/// The processor must have AVX2.
#[inline(always)]
unsafe fn least_of(lanes: __m256) -> f32 {
    // SAFETY: the caller's promise.
    unsafe {
        let four = _mm_min_ps(_mm256_castps256_ps128(lanes), _mm256_extractf128_ps::<1>(lanes));
        let two = _mm_min_ps(four, _mm_movehl_ps(four, four));
        _mm_cvtss_f32(_mm_min_ss(two, _mm_movehdup_ps(two)))
    }
}

impl Kernel for Avx2 {
    #[inline(always)]
    unsafe fn evaluate<const WIDTH: usize, const MARGINS: bool>(
        filter: &Filter,
        blocks: &[f32],
        verdict: &mut Verdict,
    ) {
        let width = if WIDTH == 0 { filter.width } else { WIDTH };
        assert!(width == filter.width && blocks.len() == PAIR * width);
        let (x, k) = (blocks.as_ptr(), filter.norms.len());
        // SAFETY: the caller has the instructions. `blocks` holds 16 * width values by the assertion; `Filter::new` makes
        // `width` coefficients and one norm per centroid, and tile `t` starts at centroid `4t`.
        unsafe {
            let infinite = _mm256_set1_ps(f32::INFINITY);
            let none = Nearest { best: infinite, second: infinite, label: _mm256_setzero_si256() };
            let mut nearest = [none; 2];
            let mut number = 0;
            while number + TILE <= k {
                let coefficients = filter.coefficients.as_ptr().add(number * width);
                tile::<TILE>(width, x, coefficients, filter.norms.as_ptr().add(number), number, &mut nearest);
                number += TILE;
            }
            if number < k {
                let coefficients = filter.coefficients.as_ptr().add(number * width);
                let norms = filter.norms.as_ptr().add(number);
                match k - number {
                    1 => tile::<1>(width, x, coefficients, norms, number, &mut nearest),
                    2 => tile::<2>(width, x, coefficients, norms, number, &mut nearest),
                    _ => tile::<3>(width, x, coefficients, norms, number, &mut nearest),
                }
            }
            let mut doubtful = 0;
            for (half, &Nearest { best, second, .. }) in nearest.iter().enumerate() {
                let mut square = _mm256_setzero_ps();
                for feature in 0..width {
                    let x = _mm256_loadu_ps(x.add((half * width + feature) * LANES));
                    square = _mm256_fmadd_ps(x, x, square);
                }
                let error = _mm256_fmadd_ps(_mm256_set1_ps(filter.slope), square, _mm256_set1_ps(filter.base));
                let gap = _mm256_sub_ps(second, best);
                let unproven = _mm256_cmp_ps::<_CMP_NGT_UQ>(gap, error);
                doubtful |= (_mm256_movemask_ps(unproven) as u32) << (half * LANES);
                if !MARGINS {
                    continue;
                }
                let twice = _mm256_add_ps(best, second);
                let rest = _mm256_fmadd_ps(_mm256_set1_ps(4.0), square, _mm256_mul_ps(_mm256_set1_ps(8.0), error));
                let apart = _mm256_fmadd_ps(_mm256_set1_ps(2.0), twice, rest);
                let certain = _mm256_mul_ps(_mm256_sub_ps(gap, error), _mm256_set1_ps(1.0 - 1.0 / 1024.0));
                let margin = _mm256_mul_ps(certain, _mm256_rsqrt_ps(apart));
                // With one cluster there is no second: the label holds for ever.
                let alone = _mm256_cmp_ps::<_CMP_EQ_OQ>(gap, infinite);
                let margin = _mm256_blendv_ps(margin, infinite, alone);
                _mm256_storeu_ps(verdict.margin.as_mut_ptr().add(half * LANES), margin);
            }
            verdict.doubtful = doubtful;
            let packed = _mm256_packus_epi32(nearest[0].label, nearest[1].label);
            let labels = _mm256_permute4x64_epi64::<0b11_01_10_00>(packed);
            _mm256_storeu_si256(verdict.label.as_mut_ptr().cast(), labels);
        }
    }

    #[inline(always)]
    unsafe fn settle(verdict: &Verdict, labels: &[u16], expiry: &mut [f32], moved: &[f32]) -> (u32, f32) {
        assert!(labels.len() == PAIR && expiry.len() == PAIR && moved.len() >= LANES);
        // SAFETY: the caller has the instructions; the assertion gives the lengths read and written.
        unsafe {
            let (labels, label) = (labels.as_ptr().cast(), verdict.label.as_ptr().cast());
            let equal = _mm256_cmpeq_epi16(_mm256_loadu_si256(labels), _mm256_loadu_si256(label));
            let equal = _mm_packs_epi16(_mm256_castsi256_si128(equal), _mm256_extracti128_si256::<1>(equal));
            let changed = !(_mm_movemask_epi8(equal) as u32) & 0xffff;
            let mut least = _mm256_set1_ps(f32::INFINITY);
            for half in 0..2 {
                let label = _mm256_cvtepu16_epi32(_mm_loadu_si128(label.cast::<__m128i>().add(half)));
                let margin = _mm256_loadu_ps(verdict.margin.as_ptr().add(half * LANES));
                let until = _mm256_add_ps(look_up(moved, label), margin);
                _mm256_storeu_ps(expiry.as_mut_ptr().add(half * LANES), until);
                least = _mm256_min_ps(margin, least);
            }
            (changed, least_of(least))
        }
    }

    #[inline(always)]
    unsafe fn expired(labels: &[u16], expiry: &[f32], now: &[f32]) -> (u64, f32) {
        assert!(labels.len() == GROUP && expiry.len() == GROUP && now.len() >= LANES);
        // SAFETY: the caller has the instructions; the assertion gives the lengths read.
        unsafe {
            let zero = _mm256_setzero_ps();
            let infinite = _mm256_set1_ps(f32::INFINITY);
            let (mut mask, mut least) = (0_u64, infinite);
            for block in 0..GROUP / LANES {
                let label = _mm_loadu_si128(labels.as_ptr().add(block * LANES).cast());
                let used = look_up(now, _mm256_cvtepu16_epi32(label));
                let left = _mm256_sub_ps(_mm256_loadu_ps(expiry.as_ptr().add(block * LANES)), used);
                let holds = _mm256_cmp_ps::<_CMP_GT_OQ>(left, zero);
                mask |= u64::from(!_mm256_movemask_ps(holds) as u8) << (block * LANES);
                least = _mm256_min_ps(least, _mm256_blendv_ps(infinite, left, holds));
            }
            (mask, least_of(least))
        }
    }

    #[inline(always)]
    fn fetch(block: &[f32]) {
        /// Values per cache line.
        const LINE: usize = 16;
        for line in block.chunks(LINE) {
            // SAFETY: every x86-64 processor has this instruction, and the address is that of a value.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast()) };
        }
    }
}
