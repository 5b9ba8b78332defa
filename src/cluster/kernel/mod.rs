//! Which centroid is nearest, several customers at once: the only room of the crate with `unsafe`.
//!
//! # The label is defined, the kernel is a filter
//!
//! The label of a customer `x` is the argmin over `j` of the squared distance `D_j = Σ (x_f - c_jf)²`, computed in `f64`,
//! features added left to right without fused multiply-add, the lowest `j` on a tie. The kernels compute in `f32` the
//! score `s_j ≈ S_j = |c_j|² - 2 x·c_j = |x - c_j|² - |x|²`, which has the same argmin, and know how far they can be
//! wrong. Where best and second are nearer than that, the label is taken by the definition.
//!
//! # The error bound
//!
//! Let `u = 2^-24`. Off the grid of model space a customer is shifted by the columns' means and scaled by a power of two,
//! so that nothing overflows; then it is rounded to `f32`. On the grid nothing is rounded. In real numbers, for shifted
//! and scaled `x` and `c`, `S_j` keeps its order. What is rounded:
//!
//! * the norm `|c_j|²`, computed in `f64`, to `f32`: `u |c_j|²`;
//! * every `c_jf` and `x_f` to `f32`: `2u |x_f||c_jf|` each (doubling is exact);
//! * with fused multiply-add, `d` additions; without, `d` products and `d` additions. A partial sum is at most
//!   `A = |c_j|² + 2 Σ|x_f||c_jf|` but for factors `1 + u`, so additions are wrong by `d u A` and products by
//!   `2u Σ|x_f||c_jf|`.
//!
//! Together at most `(d + 3) u A` to first order, and `A <= |c_j|² + 2|x||c_j| <= (|x| + |c_j|)²` by Cauchy and Schwarz. With
//! `C = max |c_j|` every score is wrong by at most
//!
//! `E(x) = 1.05 (d + 4) u · 2 (|x|² + C²) + 10^-28`, since `(a + b)² <= 2a² + 2b²`.
//!
//! The factor 1.05 and the `4` hold what is left: terms of second order and the rounding of `|x|²`, `E` itself and the
//! gap (below `d u <= 2^-8`, which [`Filter::new`] demands), and the rounding of the definition's own `f64` sums, at most
//! `(d + 2) 2^-53 (|x| + C)²` each, a factor `2^29` smaller. The last term holds underflow: every product or rounding in
//! the subnormal range is wrong by at most `2^-149` times a factor of at most `2^31`. Squares of the definition that
//! underflow are added beside it, scaled. So `s_2 - s_1 > 2E` proves the label.
//! Where a centroid is not below `2^30`, `E` is infinite and every label is taken by the definition.
//!
//! # The margin
//!
//! As in Hamerly (2010, section 2), a customer whose distances to the nearest two centroids differ by `m` keeps its label
//! while its own centroid and the farthest-moving other centroid together have moved by less than `m`. From scores,
//! `m = d_2 - d_1 = (D_2 - D_1) / (d_2 + d_1) >= (s_2 - s_1 - 2E) / sqrt(2 (D_1 + D_2))`, and `2 (D_1 + D_2)` is at most
//! `2 (s_1 + s_2) + 4|x|² + 16E` (4E for the two scores, 4E for `|x|²`, the rest for rounding). The processor's approximate reciprocal
//! root is wrong by at most `1.5 · 2^-12`, so the quotient times `1 - 2^-10` is below the true margin. A margin is stored as
//! the sum of movements at which it is used up, so that a pass reads four bytes per customer, or per 64 customers, instead
//! of its features.
//!
//! Every kernel has a portable twin; which of them ran can change how many customers are looked at again, never a
//! label.
#![allow(unsafe_code, reason = "vector instructions and the advice on huge pages have no safe form")]

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
pub(super) mod distance;
pub(in crate::cluster) mod gauss;
pub(super) mod lanes;
pub(super) mod pack;
mod pass;
mod portable;
pub(super) mod score;
pub(super) mod seed;
pub(super) mod storage;
pub(super) mod transpose;

pub(super) use pass::{Chunk, Delta, Pass};

/// Customers per block: their first features lie side by side, then their second features, and so on.
pub(super) const LANES: usize = 8;

/// Customers per evaluation: two blocks, so that every broadcast of a centroid serves sixteen customers.
const PAIR: usize = 2 * LANES;

/// Customers that share one remembered margin.
pub(super) const GROUP: usize = 64;

/// Centroids per tile: with two blocks, eight sums that fit the registers.
const TILE: usize = 4;

/// Instructions to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Instructions {
    /// What every processor has.
    Portable,
    /// AVX2 and FMA, if the processor has them.
    Avx2,
    /// AVX-512 (F, BW, DQ, VL), if the processor has it.
    Avx512,
}

impl Instructions {
    /// The best that this processor has and that are tested.
    pub(super) fn best() -> Self {
        let all = [Instructions::Avx512, Instructions::Avx2];
        all.into_iter().find(|instructions| instructions.supported()).unwrap_or(Instructions::Portable)
    }

    /// Whether this processor has them.
    fn supported(self) -> bool {
        #[cfg(target_arch = "x86_64")]
        {
            let has_avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            match self {
                Instructions::Portable => true,
                Instructions::Avx2 => has_avx2,
                Instructions::Avx512 => {
                    has_avx2
                        && is_x86_feature_detected!("avx512f")
                        && is_x86_feature_detected!("avx512bw")
                        && is_x86_feature_detected!("avx512dq")
                        && is_x86_feature_detected!("avx512vl")
                }
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        {
            self == Instructions::Portable
        }
    }
}

/// Centroids made ready for the kernels.
#[derive(Debug, Clone)]
pub(super) struct Filter {
    width: usize,
    /// `|c_j|²`.
    norms: Vec<f32>,
    /// `-2 c_j`, tile by tile of up to [`TILE`] centroids, within one feature by feature.
    coefficients: Vec<f32>,
    /// `2E = slope |x|² + base`.
    slope: f32,
    base: f32,
}

impl Filter {
    /// From centroids (C order, `width` values each) already shifted and scaled as the customers are. The definition's
    /// squares underflow by at most 2^-1074 each before `scale` is applied.
    pub(super) fn new(centroids: &[f64], width: usize, scale: f64) -> Self {
        let norm = |c: &[f64]| c.iter().map(|v| v * v).sum::<f64>();
        let largest = centroids.chunks_exact(width).map(norm).fold(0.0, |a, b| if b > a || b.is_nan() { b } else { a });
        let mut coefficients = Vec::with_capacity(centroids.len());
        for tile in centroids.chunks(TILE * width) {
            for feature in 0..width {
                coefficients.extend(tile.chunks_exact(width).map(|c| -2.0 * c[feature] as f32));
            }
        }
        let unit = 1.05 * (width as f64 + 4.0) * 2.0_f64.powi(-24);
        let underflow = width as f64 * (scale * 2.0_f64.powi(-537)).powi(2);
        let safe = largest < 2.0_f64.powi(60) && width <= 1 << 16;
        Self {
            width,
            norms: centroids.chunks_exact(width).map(|c| norm(c) as f32).collect(),
            coefficients,
            slope: (4.0 * unit) as f32,
            base: if safe { (4.0 * unit * largest + 2e-28 + 4.0 * underflow) as f32 } else { f32::INFINITY },
        }
    }

    fn clusters(&self) -> usize {
        self.norms.len()
    }

    /// The coefficients and norms of every tile.
    fn tiles(&self) -> impl Iterator<Item = (&[f32], &[f32])> {
        self.coefficients.chunks(TILE * self.width).zip(self.norms.chunks(TILE))
    }
}

/// What an evaluation finds about sixteen customers.
#[derive(Debug, Clone)]
#[repr(align(32))]
struct Verdict {
    margin: [f32; PAIR],
    label: [u16; PAIR],
    /// Bit set: the label is not proven.
    doubtful: u32,
}

impl Verdict {
    const EMPTY: Verdict = Verdict { margin: [0.0; PAIR], label: [0; PAIR], doubtful: 0 };
}

/// The part of a pass that is written once per instruction set.
trait Kernel {
    /// Labels, margins and doubts of the sixteen customers in two blocks (feature by feature, 8 customers each). `WIDTH` is the number of
    /// features, or 0 to read it from the filter; margins are left out where nobody reads them.
    ///
    /// # Safety
    /// The processor must have the instructions.
    unsafe fn evaluate<const WIDTH: usize, const MARGINS: bool>(filter: &Filter, blocks: &[f32], verdict: &mut Verdict);

    /// Stores `moved[label] + margin` of sixteen customers, and tells which of them have another label than in `labels` and
    /// the least margin.
    ///
    /// # Safety
    /// The processor must have the instructions.
    unsafe fn settle(verdict: &Verdict, labels: &[u16], expiry: &mut [f32], moved: &[f32]) -> (u32, f32);

    /// Which of the [`GROUP`] customers have used up their margin: `expiry <= now[label]` or not a number; and the least
    /// `expiry - now[label]` of the others.
    ///
    /// # Safety
    /// The processor must have the instructions.
    unsafe fn expired(labels: &[u16], expiry: &[f32], now: &[f32]) -> (u64, f32);

    /// Asks for a block that will be read soon.
    fn fetch(_block: &[f32]) {}
}
