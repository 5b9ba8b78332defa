//! [`Vector`] in the instructions of x86-64.

use super::{LANES, Vector};
use std::arch::x86_64::*;

#[derive(Clone, Copy)]
pub(super) struct Avx512(__m512);

impl Vector for Avx512 {
    type Units = __m512i;

    #[inline]
    #[target_feature(enable = "avx512f")]
    unsafe fn load(values: &[f32]) -> Self {
        let values = &values[..LANES];
        // SAFETY: sixteen values, as checked.
        Self(unsafe { _mm512_loadu_ps(values.as_ptr()) })
    }
    #[inline]
    #[target_feature(enable = "avx512f")]
    unsafe fn splat(value: f32) -> Self {
        Self(_mm512_set1_ps(value))
    }
    #[inline]
    #[target_feature(enable = "avx512f")]
    unsafe fn plus(self, other: Self) -> Self {
        Self(_mm512_add_ps(self.0, other.0))
    }
    #[inline]
    #[target_feature(enable = "avx512f")]
    unsafe fn minus(self, other: Self) -> Self {
        Self(_mm512_sub_ps(self.0, other.0))
    }
    #[inline]
    #[target_feature(enable = "avx512f")]
    unsafe fn add_square(self, sum: Self) -> Self {
        Self(_mm512_fmadd_ps(self.0, self.0, sum.0))
    }
    #[inline]
    #[target_feature(enable = "avx512f")]
    unsafe fn root(self) -> __m512i {
        _mm512_cvtps_epi32(_mm512_sqrt_ps(self.0))
    }
    #[inline]
    #[target_feature(enable = "avx512f")]
    unsafe fn nothing() -> __m512i {
        _mm512_setzero_si512()
    }
    #[inline]
    #[target_feature(enable = "avx512f")]
    unsafe fn sum(a: __m512i, b: __m512i) -> __m512i {
        _mm512_add_epi32(a, b)
    }
    #[inline]
    #[target_feature(enable = "avx512f")]
    unsafe fn first(units: __m512i, lanes: usize) -> __m512i {
        _mm512_maskz_mov_epi32((1_u16 << lanes) - 1, units)
    }
    #[inline]
    #[target_feature(enable = "avx512f")]
    unsafe fn add_to(units: __m512i, to: &mut [u64]) {
        let to = &mut to[..LANES];
        let halves = [_mm512_castsi512_si256(units), _mm512_extracti64x4_epi64::<1>(units)];
        for (half, to) in halves.into_iter().zip(to.chunks_exact_mut(LANES / 2)) {
            // SAFETY: a half of `to` is eight numbers.
            unsafe {
                let sum = _mm512_add_epi64(_mm512_loadu_epi64(to.as_ptr().cast()), _mm512_cvtepu32_epi64(half));
                _mm512_storeu_epi64(to.as_mut_ptr().cast(), sum);
            }
        }
    }
    #[inline]
    #[target_feature(enable = "avx512f")]
    unsafe fn total(units: __m512i) -> u64 {
        let even = _mm512_and_si512(units, _mm512_set1_epi64(0xffff_ffff));
        _mm512_reduce_add_epi64(_mm512_add_epi64(even, _mm512_srli_epi64::<32>(units))) as u64
    }
}

#[derive(Clone, Copy)]
pub(super) struct Avx2([__m256; 2]);

impl Vector for Avx2 {
    type Units = [__m256i; 2];

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn load(values: &[f32]) -> Self {
        let values = &values[..LANES];
        // SAFETY: sixteen values, as checked.
        Self(unsafe { [_mm256_loadu_ps(values.as_ptr()), _mm256_loadu_ps(values.as_ptr().add(LANES / 2))] })
    }
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn splat(value: f32) -> Self {
        Self([_mm256_set1_ps(value); 2])
    }
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn plus(self, other: Self) -> Self {
        Self([_mm256_add_ps(self.0[0], other.0[0]), _mm256_add_ps(self.0[1], other.0[1])])
    }
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn minus(self, other: Self) -> Self {
        Self([_mm256_sub_ps(self.0[0], other.0[0]), _mm256_sub_ps(self.0[1], other.0[1])])
    }
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn add_square(self, sum: Self) -> Self {
        let [low, high] = self.0;
        Self([_mm256_fmadd_ps(low, low, sum.0[0]), _mm256_fmadd_ps(high, high, sum.0[1])])
    }
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn root(self) -> [__m256i; 2] {
        [_mm256_cvtps_epi32(_mm256_sqrt_ps(self.0[0])), _mm256_cvtps_epi32(_mm256_sqrt_ps(self.0[1]))]
    }
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn nothing() -> [__m256i; 2] {
        [_mm256_setzero_si256(); 2]
    }
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn sum(a: [__m256i; 2], b: [__m256i; 2]) -> [__m256i; 2] {
        [_mm256_add_epi32(a[0], b[0]), _mm256_add_epi32(a[1], b[1])]
    }
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn first(units: [__m256i; 2], lanes: usize) -> [__m256i; 2] {
        let lanes = _mm256_set1_epi32(lanes as i32);
        let keep = |units, numbers| _mm256_and_si256(units, _mm256_cmpgt_epi32(lanes, numbers));
        let low = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        [keep(units[0], low), keep(units[1], _mm256_add_epi32(low, _mm256_set1_epi32(8)))]
    }
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn add_to(units: [__m256i; 2], to: &mut [u64]) {
        let to = &mut to[..LANES];
        let [low, high] = units;
        let quarters = [
            _mm256_castsi256_si128(low),
            _mm256_extracti128_si256::<1>(low),
            _mm256_castsi256_si128(high),
            _mm256_extracti128_si256::<1>(high),
        ];
        for (quarter, to) in quarters.into_iter().zip(to.chunks_exact_mut(LANES / 4)) {
            // SAFETY: a quarter of `to` is four numbers.
            unsafe {
                let before = _mm256_loadu_si256(to.as_ptr().cast());
                let sum = _mm256_add_epi64(before, _mm256_cvtepu32_epi64(quarter));
                _mm256_storeu_si256(to.as_mut_ptr().cast(), sum);
            }
        }
    }
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn total(units: [__m256i; 2]) -> u64 {
        let low = _mm256_set1_epi64x(0xffff_ffff);
        let both = |units| _mm256_add_epi64(_mm256_and_si256(units, low), _mm256_srli_epi64::<32>(units));
        let four = _mm256_add_epi64(both(units[0]), both(units[1]));
        let two = _mm_add_epi64(_mm256_castsi256_si128(four), _mm256_extracti128_si256::<1>(four));
        (_mm_extract_epi64::<0>(two) as u64).wrapping_add(_mm_extract_epi64::<1>(two) as u64)
    }
}
