//! The kernels with AVX-512: sixteen customers per register, eight centroids at once.

use super::{Filter, GROUP, Kernel, LANES, PAIR, TILE, Verdict};
use std::arch::x86_64::*;

pub(super) struct Avx512;

/// The nearest two centroids so far of sixteen customers.
struct Nearest {
    best: __m512,
    second: __m512,
    label: __m512i,
}

/// The same feature of two neighbouring blocks.
///
/// # Safety
/// The processor must have AVX-512; `x` points to two blocks of `width` features, and `feature < width`.
#[inline(always)]
unsafe fn load(width: usize, x: *const f32, feature: usize) -> __m512 {
    // SAFETY: the caller's promise.
    unsafe {
        let first = _mm512_castps256_ps512(_mm256_loadu_ps(x.add(feature * LANES)));
        _mm512_insertf32x8::<1>(first, _mm256_loadu_ps(x.add((width + feature) * LANES)))
    }
}

/// Scores of sixteen customers against `TILES` tiles of `T` centroids, and what they change in the nearest two.
///
/// # Safety
/// The processor must have AVX-512; `x` points to `16 * width` values, `coefficients` to `TILES * T * width`, `norms` to
/// `TILES * T`.
#[inline(always)]
unsafe fn tiles<const TILES: usize, const T: usize>(
    width: usize,
    x: *const f32,
    coefficients: *const f32,
    norms: *const f32,
    number: usize,
    nearest: &mut Nearest,
) {
    // SAFETY: the caller's promise; every offset below stays within the lengths it names.
    unsafe {
        let mut scores = [[_mm512_setzero_ps(); T]; TILES];
        for (tile, scores) in scores.iter_mut().enumerate() {
            for (at, score) in scores.iter_mut().enumerate() {
                *score = _mm512_set1_ps(*norms.add(tile * T + at));
            }
        }
        for feature in 0..width {
            let x = load(width, x, feature);
            for (tile, scores) in scores.iter_mut().enumerate() {
                for (at, score) in scores.iter_mut().enumerate() {
                    let coefficient = *coefficients.add((tile * width + feature) * T + at);
                    *score = _mm512_fmadd_ps(x, _mm512_set1_ps(coefficient), *score);
                }
            }
        }
        for (at, &score) in scores.as_flattened().iter().enumerate() {
            let label = _mm512_set1_epi32((number + at) as i32);
            let nearer = _mm512_cmp_ps_mask::<_CMP_LT_OQ>(score, nearest.best);
            nearest.second = _mm512_min_ps(nearest.second, _mm512_max_ps(nearest.best, score));
            nearest.best = _mm512_min_ps(score, nearest.best);
            nearest.label = _mm512_mask_mov_epi32(nearest.label, nearer, label);
        }
    }
}

/// `table[label]` of sixteen customers; a label beyond the table reads some entry of it.
///
/// # Safety
/// The processor must have AVX-512; the table must have at least eight entries.
#[inline(always)]
unsafe fn look_up(table: &[f32], label: __m512i) -> __m512 {
    // SAFETY: the caller's promise; the mask and the minimum keep the reads within the table.
    unsafe {
        if table.len() <= PAIR {
            let entries = _mm512_maskz_loadu_ps(((1_u32 << table.len()) - 1) as u16, table.as_ptr());
            _mm512_permutexvar_ps(label, entries)
        } else {
            let last = _mm512_set1_epi32(table.len() as i32 - 1);
            _mm512_i32gather_ps::<4>(_mm512_min_epi32(label, last), table.as_ptr())
        }
    }
}

impl Kernel for Avx512 {
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
            let infinite = _mm512_set1_ps(f32::INFINITY);
            let mut nearest = Nearest { best: infinite, second: infinite, label: _mm512_setzero_si512() };
            let mut number = 0;
            while number < k {
                let coefficients = filter.coefficients.as_ptr().add(number * width);
                let norms = filter.norms.as_ptr().add(number);
                match k - number {
                    1 => tiles::<1, 1>(width, x, coefficients, norms, number, &mut nearest),
                    2 => tiles::<1, 2>(width, x, coefficients, norms, number, &mut nearest),
                    3 => tiles::<1, 3>(width, x, coefficients, norms, number, &mut nearest),
                    4..8 => tiles::<1, TILE>(width, x, coefficients, norms, number, &mut nearest),
                    _ => tiles::<2, TILE>(width, x, coefficients, norms, number, &mut nearest),
                }
                number += if k - number >= 2 * TILE { 2 * TILE } else { TILE };
            }
            let Nearest { best, second, label } = nearest;
            let mut square = _mm512_setzero_ps();
            for feature in 0..width {
                let x = load(width, x, feature);
                square = _mm512_fmadd_ps(x, x, square);
            }
            let error = _mm512_fmadd_ps(_mm512_set1_ps(filter.slope), square, _mm512_set1_ps(filter.base));
            let gap = _mm512_sub_ps(second, best);
            verdict.doubtful = u32::from(_mm512_cmp_ps_mask::<_CMP_NGT_UQ>(gap, error));
            if MARGINS {
                let rest = _mm512_fmadd_ps(_mm512_set1_ps(4.0), square, _mm512_mul_ps(_mm512_set1_ps(8.0), error));
                let apart = _mm512_fmadd_ps(_mm512_set1_ps(2.0), _mm512_add_ps(best, second), rest);
                let certain = _mm512_mul_ps(_mm512_sub_ps(gap, error), _mm512_set1_ps(1.0 - 1.0 / 1024.0));
                let margin = _mm512_mul_ps(certain, _mm512_rsqrt14_ps(apart));
                // With one cluster there is no second: the label holds for ever.
                let alone = _mm512_cmp_ps_mask::<_CMP_EQ_OQ>(gap, infinite);
                _mm512_storeu_ps(verdict.margin.as_mut_ptr(), _mm512_mask_mov_ps(margin, alone, infinite));
            }
            _mm256_storeu_si256(verdict.label.as_mut_ptr().cast(), _mm512_cvtepi32_epi16(label));
        }
    }

    #[inline(always)]
    unsafe fn settle(verdict: &Verdict, labels: &[u16], expiry: &mut [f32], moved: &[f32]) -> (u32, f32) {
        assert!(labels.len() == PAIR && expiry.len() == PAIR && moved.len() >= LANES);
        // SAFETY: the caller has the instructions; the assertion gives the lengths read and written.
        unsafe {
            let label = _mm256_loadu_si256(verdict.label.as_ptr().cast());
            let changed = _mm256_cmpneq_epi16_mask(_mm256_loadu_si256(labels.as_ptr().cast()), label);
            let margin = _mm512_loadu_ps(verdict.margin.as_ptr());
            let until = _mm512_add_ps(look_up(moved, _mm512_cvtepu16_epi32(label)), margin);
            _mm512_storeu_ps(expiry.as_mut_ptr(), until);
            (u32::from(changed), _mm512_reduce_min_ps(margin))
        }
    }

    #[inline(always)]
    unsafe fn expired(labels: &[u16], expiry: &[f32], now: &[f32]) -> (u64, f32) {
        assert!(labels.len() == GROUP && expiry.len() == GROUP && now.len() >= LANES);
        // SAFETY: the caller has the instructions; the assertion gives the lengths read.
        unsafe {
            let (mut mask, mut least) = (0_u64, _mm512_set1_ps(f32::INFINITY));
            for pair in 0..GROUP / PAIR {
                let label = _mm256_loadu_si256(labels.as_ptr().add(pair * PAIR).cast());
                let used = look_up(now, _mm512_cvtepu16_epi32(label));
                let left = _mm512_sub_ps(_mm512_loadu_ps(expiry.as_ptr().add(pair * PAIR)), used);
                let holds = _mm512_cmp_ps_mask::<_CMP_GT_OQ>(left, _mm512_setzero_ps());
                mask |= u64::from(!holds) << (pair * PAIR);
                least = _mm512_mask_min_ps(least, holds, least, left);
            }
            (mask, _mm512_reduce_min_ps(least))
        }
    }

    #[inline(always)]
    fn fetch(block: &[f32]) {
        super::avx2::Avx2::fetch(block);
    }
}
