//! Arithmetic on several customers at once, the same bits on every CPU.

/// Customers handled side by side.
pub(super) const LANES: usize = 8;

/// A share of a customer below 2^-64 is less than half the rounding of one; it counts as nothing.
const LEAST_EXPONENT: f64 = -44.361_419_555_836_5;

/// One value for each customer of a group.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Lanes(pub(super) [f64; LANES]);

impl Lanes {
    pub(super) const ZERO: Self = Lanes([0.0; LANES]);

    #[inline(always)]
    pub(super) fn splat(v: f64) -> Self {
        Lanes([v; LANES])
    }

    #[inline(always)]
    pub(super) fn load(from: &[f64]) -> Self {
        let mut lanes = [0.0; LANES];
        lanes.copy_from_slice(&from[..LANES]);
        Lanes(lanes)
    }

    #[inline(always)]
    pub(super) fn store(self, to: &mut [f64]) {
        to[..LANES].copy_from_slice(&self.0);
    }

    #[inline(always)]
    pub(super) fn map2(mut self, other: Self, f: impl Fn(f64, f64) -> f64) -> Self {
        for lane in 0..LANES {
            self.0[lane] = f(self.0[lane], other.0[lane]);
        }
        self
    }

    /// `self * factor + term`, rounded once.
    #[inline(always)]
    pub(super) fn fma(self, factor: Self, mut term: Self) -> Self {
        for lane in 0..LANES {
            term.0[lane] = self.0[lane].mul_add(factor.0[lane], term.0[lane]);
        }
        term
    }

    #[inline(always)]
    pub(super) fn map(mut self, f: impl Fn(f64) -> f64) -> Self {
        for lane in 0..LANES {
            self.0[lane] = f(self.0[lane]);
        }
        self
    }

    #[inline(always)]
    pub(super) fn max(self, other: Self) -> Self {
        self.map2(other, |a, b| if b > a { b } else { a })
    }
}

/// 2^52 * 1.5: adding it leaves the nearest integer in the low bits.
const ROUND: f64 = 6_755_399_441_055_744.0;
const LN_2_HIGH: f64 = 6.931_471_803_691_238e-1;
const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;

/// `e^x` for `x <= 0`, and 0 below [`LEAST_EXPONENT`]. Taylor's polynomial of degree 13 on `|r| <= ln 2 / 2` after taking
/// out powers of two (Cody & Waite's two-part ln 2): relative error below 4e-16, measured in the tests.
#[inline(always)]
pub(super) fn exp(x: Lanes) -> Lanes {
    let clamped = x.map(|v| if v > LEAST_EXPONENT { v } else { LEAST_EXPONENT });
    let shifted = clamped.fma(Lanes::splat(std::f64::consts::LOG2_E), Lanes::splat(ROUND));
    let n = shifted.map(|v| v - ROUND);
    let r = n.fma(Lanes::splat(-LN_2_LOW), n.fma(Lanes::splat(-LN_2_HIGH), clamped));
    const INVERSE_FACTORIALS: [f64; 14] = {
        let mut inverse = [1.0; 14];
        let (mut i, mut factorial) = (1, 1.0);
        while i < 14 {
            factorial *= i as f64;
            inverse[i] = 1.0 / factorial;
            i += 1;
        }
        inverse
    };
    // Even and odd powers apart: two short chains of operations instead of a long one.
    let square = r.map2(r, |a, b| a * b);
    let (mut even, mut odd) = (Lanes::splat(INVERSE_FACTORIALS[12]), Lanes::splat(INVERSE_FACTORIALS[13]));
    for i in (0..6).rev() {
        even = even.fma(square, Lanes::splat(INVERSE_FACTORIALS[2 * i]));
        odd = odd.fma(square, Lanes::splat(INVERSE_FACTORIALS[2 * i + 1]));
    }
    let sum = odd.fma(r, even);
    let power = shifted.map(|v| f64::from_bits(v.to_bits().wrapping_add(1023) << 52));
    let value = sum.map2(power, |a, b| a * b);
    value.map2(x, |value, x| if x < LEAST_EXPONENT { 0.0 } else { value })
}

/// `ln x` for normal `x > 0`: `x = 2^e m` with `m` about 1, and `ln m = 2 atanh((m - 1) / (m + 1))` by its series up to
/// the 23rd power: error below 3e-16 of the larger of 1 and the result, measured in the tests.
#[inline(always)]
pub(super) fn ln_lanes(x: Lanes) -> Lanes {
    // The bits of sqrt(1/2): what is subtracted leaves the exponent for which m lies in [sqrt(1/2), sqrt(2)).
    const HALF_ROOT: u64 = 0x3FE6_A09E_667F_3BCD;
    const MANTISSA: u64 = 0x000F_FFFF_FFFF_FFFF;
    // The exponent in the low bits of 2^52 + 2^11: what is left after subtracting that is the exponent itself.
    const OFFSET: f64 = 4_503_599_627_372_544.0;
    let exponent = x.map(|v| {
        let exponent = (v.to_bits().wrapping_sub(HALF_ROOT) >> 52).wrapping_add(2048) & 0xFFF;
        f64::from_bits(exponent | 0x4330_0000_0000_0000) - OFFSET
    });
    let m = x.map(|v| f64::from_bits((v.to_bits().wrapping_sub(HALF_ROOT) & MANTISSA).wrapping_add(HALF_ROOT)));
    let f = m.map(|m| (m - 1.0) / (m + 1.0));
    let square = f.map2(f, |a, b| a * b);
    let mut sum = Lanes::splat(2.0 / 23.0);
    for power in (1..11).rev() {
        sum = square.fma(sum, Lanes::splat(2.0 / f64::from(2 * power + 1)));
    }
    let cube = square.map2(f, |a, b| a * b);
    let series = cube.fma(sum, f.map(|f| 2.0 * f));
    exponent.fma(Lanes::splat(LN_2_HIGH), exponent.fma(Lanes::splat(LN_2_LOW), series))
}

/// `ln x` for normal `x > 0`, the same bits on every CPU.
pub(super) fn ln(x: f64) -> f64 {
    ln_lanes(Lanes::splat(x)).0[0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    fn random(seed: u64, count: usize, range: std::ops::Range<f64>) -> Vec<f64> {
        let mut rng = crate::cluster::stream(seed, 0);
        (0..count).map(|_| rng.gen_range(range.clone())).collect()
    }

    #[test]
    fn exponentials_and_logarithms_are_right_to_the_stated_error() {
        let mut worst = 0.0_f64;
        for x in random(1, 200_000, -44.3..0.0).into_iter().chain([0.0, -1e-300, -1e-17, -LN_2_HIGH, -44.36]) {
            worst = worst.max((exp(Lanes::splat(x)).0[3] / x.exp() - 1.0).abs());
        }
        assert!(worst < 4e-16, "{worst:e}");
        for x in [-44.37, -700.0, -1e300, f64::NEG_INFINITY] {
            assert_eq!(exp(Lanes::splat(x)).0[0], 0.0);
        }
        let mut worst = 0.0_f64;
        let wide = random(2, 100_000, -300.0..300.0).into_iter().map(|e| 10.0_f64.powf(e));
        for x in random(3, 100_000, 0.3..20.0).into_iter().chain(wide).chain([1.0, f64::MIN_POSITIVE, f64::MAX]) {
            worst = worst.max((ln(x) - x.ln()).abs() / x.ln().abs().max(1.0));
        }
        assert!(worst < 3e-16, "{worst:e}");
        assert_eq!(ln(1.0), 0.0);
    }
}
