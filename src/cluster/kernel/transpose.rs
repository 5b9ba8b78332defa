//! From rows to blocks: sixteen customers at a time, shifted, scaled and rounded to `f32`, feature by feature.

use super::{LANES, PAIR};
use crate::cluster::packed::frame;

/// Bytes between what is read and what is asked for.
const AHEAD: usize = 4096;

/// A value of a customer, as kernels read it.
pub(in crate::cluster) trait Value: Copy + Send + Sync + 'static {
    /// The same number in `f64`.
    fn wide(self) -> f64;

    /// The value in a frame, with a relative error of at most 2^-24.
    fn framed(self, shift: f64, scale: f64) -> f32;

    /// Up to eight values of a row, framed; zeros beyond.
    ///
    /// # Safety
    /// The processor must have AVX2; `row` points to `features` values, and `feature` is a multiple of 8 within the frame.
    #[cfg(target_arch = "x86_64")]
    unsafe fn eight(row: *const Self, features: usize, frame: &Frame, feature: usize) -> std::arch::x86_64::__m256;
}

/// What is taken from every feature and what the rest is multiplied by. A shift is a number that `f32` holds, the scale a power of two
/// that it holds.
#[derive(Debug)]
pub(in crate::cluster) struct Frame {
    /// Padded to whole eights.
    shift: Vec<f64>,
    narrow_shift: Vec<f32>,
    pub(super) scale: f64,
    width: usize,
    /// Nothing is taken and nothing multiplied.
    identity: bool,
}

impl Frame {
    /// The nearest frame to this one that kernels can compute.
    pub(in crate::cluster) fn new(shift: &[f64], scale: f64) -> Self {
        let width = shift.len();
        let rounded = |v: &f64| if (*v as f32).is_finite() { *v as f32 } else { 0.0 };
        let mut narrow_shift: Vec<f32> = shift.iter().map(rounded).collect();
        narrow_shift.resize(width.next_multiple_of(8), 0.0);
        let shift = narrow_shift.iter().map(|&v| f64::from(v)).collect();
        // Beyond this the products of single numbers would leave their range; then the definition labels everyone.
        let scale = scale.clamp(2.0_f64.powi(-60), 2.0_f64.powi(60));
        let identity = scale == 1.0 && narrow_shift.iter().all(|&v| v == 0.0);
        Self { shift, narrow_shift, scale, width, identity }
    }

    /// A frame that changes nothing.
    #[inline(always)]
    pub(super) fn none(width: usize) -> Self {
        Self::new(&vec![0.0; width], 1.0)
    }

    /// Number of features.
    #[inline(always)]
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// A frame for points (C order) and customers about them: none where the points lie about zero already, so that a shift
    /// would spare few doubts.
    pub(super) fn around(points: &[f64], width: usize) -> Self {
        let (shift, scale) = frame(points, width);
        let near_zero = shift.iter().all(|v| v.abs() * scale <= 4.0);
        if near_zero && (2.0_f64.powi(-20)..=2.0_f64.powi(20)).contains(&scale) {
            return Self::none(width);
        }
        Self::new(&shift, scale)
    }

    /// Points (C order) in this frame.
    pub(super) fn points(&self, points: &[f64]) -> Vec<f64> {
        let shift = self.shift[..self.width].iter().cycle();
        points.iter().zip(shift).map(|(v, shift)| (v - shift) * self.scale).collect()
    }

    /// Writes up to [`PAIR`] rows (C order) to two blocks; lanes without a row are left as they are.
    #[inline(always)]
    pub(super) fn transpose_some<V: Value>(&self, rows: &[V], blocks: &mut [f32]) {
        for (lane, row) in rows.chunks_exact(self.width).enumerate() {
            let block = lane / LANES * LANES * self.width + lane % LANES;
            for (feature, value) in row.iter().enumerate() {
                blocks[block + feature * LANES] = value.framed(self.shift[feature], self.scale);
            }
        }
    }

    /// Writes [`PAIR`] rows (C order, `width` values each) to two blocks.
    ///
    /// # Safety
    /// The processor must have AVX2.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    pub(super) unsafe fn transpose<V: Value>(&self, width: usize, rows: &[V], blocks: &mut [f32]) {
        use std::arch::x86_64::*;
        assert!(width == self.width && rows.len() == PAIR * width && blocks.len() == PAIR * width);
        for (rows, block) in rows.chunks_exact(LANES * width).zip(blocks.chunks_exact_mut(LANES * width)) {
            for feature in (0..width).step_by(LANES) {
                let features = LANES.min(width - feature);
                // SAFETY: the caller has the instructions; row `r` has `features` values from `r * width + feature` on, and column `c`
                // of them is eight values of the block from `(feature + c) * 8` on, `c < features`.
                unsafe {
                    for line in (0..LANES * features * size_of::<V>()).step_by(64) {
                        let ahead = rows.as_ptr().cast::<i8>().wrapping_add(AHEAD + line);
                        _mm_prefetch::<_MM_HINT_T0>(ahead);
                    }
                    let row = |r: usize| V::eight(rows.as_ptr().add(r * width + feature), features, self, feature);
                    let r = [row(0), row(1), row(2), row(3), row(4), row(5), row(6), row(7)];
                    let low = |at: usize| _mm256_unpacklo_ps(r[at], r[at + 1]);
                    let high = |at: usize| _mm256_unpackhi_ps(r[at], r[at + 1]);
                    let pairs = [low(0), high(0), low(2), high(2), low(4), high(4), low(6), high(6)];
                    let first = |a: usize, b: usize| _mm256_shuffle_ps::<0x44>(pairs[a], pairs[b]);
                    let last = |a: usize, b: usize| _mm256_shuffle_ps::<0xee>(pairs[a], pairs[b]);
                    let fours = [
                        [first(0, 2), last(0, 2), first(1, 3), last(1, 3)],
                        [first(4, 6), last(4, 6), first(5, 7), last(5, 7)],
                    ];
                    for column in 0..features {
                        let (top, bottom) = (fours[0][column % 4], fours[1][column % 4]);
                        let whole = if column < 4 {
                            _mm256_permute2f128_ps::<0x20>(top, bottom)
                        } else {
                            _mm256_permute2f128_ps::<0x31>(top, bottom)
                        };
                        _mm256_storeu_ps(block.as_mut_ptr().add((feature + column) * LANES), whole);
                    }
                }
            }
        }
    }
}

/// All bits of the first `count` of eight lanes.
///
/// # Safety
/// The processor must have AVX2.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn first_lanes(count: usize) -> std::arch::x86_64::__m256i {
    use std::arch::x86_64::*;
    // SAFETY: the caller has the instructions.
    unsafe { _mm256_cmpgt_epi32(_mm256_set1_epi32(count as i32), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)) }
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

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    unsafe fn eight(row: *const f64, features: usize, frame: &Frame, feature: usize) -> std::arch::x86_64::__m256 {
        use std::arch::x86_64::*;
        let shift = frame.shift[feature..].as_ptr();
        // SAFETY: the caller's promise; masked loads touch the first `features` values alone, and the shift is padded.
        unsafe {
            let (first, last) = if features >= LANES {
                (_mm256_loadu_pd(row), _mm256_loadu_pd(row.add(4)))
            } else {
                let mask = first_lanes(features);
                let wide = |half| _mm256_cvtepi32_epi64(half);
                let (low, high) = (_mm256_castsi256_si128(mask), _mm256_extracti128_si256::<1>(mask));
                (_mm256_maskload_pd(row, wide(low)), _mm256_maskload_pd(row.wrapping_add(4), wide(high)))
            };
            if frame.identity {
                return _mm256_set_m128(_mm256_cvtpd_ps(last), _mm256_cvtpd_ps(first));
            }
            let scale = _mm256_set1_pd(frame.scale);
            let framed =
                |v, at| _mm256_cvtpd_ps(_mm256_mul_pd(_mm256_sub_pd(v, _mm256_loadu_pd(shift.add(at))), scale));
            _mm256_set_m128(framed(last, 4), framed(first, 0))
        }
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

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    unsafe fn eight(row: *const f32, features: usize, frame: &Frame, feature: usize) -> std::arch::x86_64::__m256 {
        use std::arch::x86_64::*;
        let shift = frame.narrow_shift[feature..].as_ptr();
        // SAFETY: the caller's promise; a masked load touches the first `features` values alone, and the shift is padded.
        unsafe {
            let row =
                if features >= LANES { _mm256_loadu_ps(row) } else { _mm256_maskload_ps(row, first_lanes(features)) };
            if frame.identity {
                return row;
            }
            _mm256_mul_ps(_mm256_sub_ps(row, _mm256_loadu_ps(shift)), _mm256_set1_ps(frame.scale as f32))
        }
    }
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;
    use crate::cluster::kernel::Instructions;
    use proptest::prelude::*;

    #[target_feature(enable = "avx2")]
    fn transpose<V: Value>(frame: &Frame, width: usize, rows: &[V], blocks: &mut [f32]) {
        // SAFETY: this function has the instructions, so its caller's processor does.
        unsafe { frame.transpose(width, rows, blocks) }
    }

    fn both<V: Value>(frame: &Frame, width: usize, rows: &[V]) -> [Vec<u32>; 2] {
        let mut blocks = [vec![0.0; PAIR * width], vec![0.0; PAIR * width]];
        frame.transpose_some(rows, &mut blocks[0]);
        // SAFETY: the test below asks for the instructions.
        unsafe { transpose(frame, width, rows, &mut blocks[1]) };
        blocks.map(|block| block.iter().map(|v| v.to_bits()).collect())
    }

    proptest! {
        #[test]
        fn eight_rows_at_once_and_value_by_value_agree_to_the_bit(
            width in 1_usize..40, values in proptest::collection::vec(any::<f64>(), 40 * PAIR), exponent in -70..70
        ) {
            if Instructions::Avx2.supported() {
                let frame = match exponent {
                    0..10 => Frame::none(width),
                    _ => Frame::new(&values[..width], 2.0_f64.powi(exponent)),
                };
                let rows = &values[..PAIR * width];
                // Numbers that are not have many bits.
                let rows: Vec<f64> = rows.iter().map(|v| if v.is_nan() { 0.25 } else { *v }).collect();
                let narrow: Vec<f32> = rows.iter().map(|&v| v as f32).collect();
                let [one, other] = both(&frame, width, &rows);
                prop_assert_eq!(one, other);
                let [one, other] = both(&frame, width, &narrow);
                prop_assert_eq!(one, other);
            }
        }
    }
}
