//! Sums of distances between two tiles of customers, every pair looked at once for both of its customers.
//!
//! Features arrive scaled so that no distance reaches `2^29` units. Squared differences are added feature by feature with one
//! rounding per multiply-add, the root is the correctly rounded one, and the distance is rounded to a whole number of
//! units; whole numbers add up exactly in any order. So the sums are the same bits on every instruction set, whoever is in
//! a tile with whom, and whichever thread comes first. The arithmetic is written once over [`Vector`], whose portable form
//! leaves multiply-add to the library where there is no instruction.
//!
//! # The error bound
//!
//! Let `u = 2^-24`. A difference of two `f32` is rounded once, `(1 + u)`, so its square is wrong by `2u`; the `d` steps of
//! the sum add `d u`, the root halves that and adds `u`: to first order a distance is wrong by the factor `1 + (d / 2 + 2) u`
//! and by half a unit.
//!
//! In the *wide* form a value is a pair `high + low` of `f32`, 48 bits. The difference of the highs is exact where they
//! are within a factor of two (Sterbenz 1974, theorem 4.3.1) and else far larger than the lows; so the sum of both differences
//! is wrong by the factor `1 + 2u` and by `2^-46` of the largest value: `1 + (d / 2 + 3) u` in all, the rest being far below
//! half a unit.

#[cfg(target_arch = "x86_64")]
mod vectors;

use super::Instructions;

/// Customers per block: the values of one feature lie side by side.
pub(in crate::cluster) const LANES: usize = 16;
/// Blocks per tile. Eight distances below [`LIMIT`] fit 32 bits.
const BLOCKS: usize = 8;
/// Customers per tile: two tiles stay in the first-level cache.
pub(in crate::cluster) const TILE: usize = LANES * BLOCKS;
/// Customers that meet a block at once, so that every load serves several.
const ROWS: usize = 4;
/// No distance has so many units.
pub(in crate::cluster) const LIMIT: f64 = (1_u32 << 29) as f64;

/// Up to [`TILE`] customers: block by block, within one feature by feature (wide: high and low), padded with any
/// customer of the frame.
#[derive(Debug, Clone, Copy)]
pub(in crate::cluster) struct Tile<'a> {
    pub(in crate::cluster) values: &'a [f32],
    pub(in crate::cluster) customers: usize,
}

/// For every pair of customers from two tiles with vectors of `height` values each (of which a wide feature takes two),
/// adds the distance in units to `left` at the one customer and to `right` at the other.
pub(in crate::cluster) fn add_distances(
    instructions: Instructions,
    tiles: [Tile; 2],
    height: usize,
    wide: bool,
    left: &mut [u64; TILE],
    right: &mut [u64; TILE],
) {
    let all = Pair { tiles, height, left, right };
    match instructions {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: `Instructions` are made only where the processor was asked for them.
        Instructions::Avx512 if instructions.supported() => unsafe { avx512(all, wide) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Instructions::Avx2 if instructions.supported() => unsafe { avx2(all, wide) },
        // SAFETY: plain Rust.
        _ => unsafe { all.add::<Portable>(wide) },
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn avx512(pair: Pair, wide: bool) {
    // SAFETY: this function is compiled for the instructions.
    unsafe { pair.add::<vectors::Avx512>(wide) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn avx2(pair: Pair, wide: bool) {
    // SAFETY: as above.
    unsafe { pair.add::<vectors::Avx2>(wide) }
}

/// [`LANES`] numbers side by side. Every operation is that of one number in every lane.
trait Vector: Copy {
    /// As many whole numbers below 2^32.
    type Units: Copy;

    /// The first [`LANES`] values.
    ///
    /// # Safety
    /// The processor must have the instructions; so for all that follow.
    unsafe fn load(values: &[f32]) -> Self;
    unsafe fn splat(value: f32) -> Self;
    unsafe fn plus(self, other: Self) -> Self;
    unsafe fn minus(self, other: Self) -> Self;
    /// `self * self + sum`, rounded once.
    unsafe fn add_square(self, sum: Self) -> Self;
    /// The square root, rounded, and rounded to a whole number, to the even one on a tie. Below 2^31.
    unsafe fn root(self) -> Self::Units;
    unsafe fn nothing() -> Self::Units;
    unsafe fn sum(a: Self::Units, b: Self::Units) -> Self::Units;
    /// The first `lanes` numbers, and 0 for the others.
    unsafe fn first(units: Self::Units, lanes: usize) -> Self::Units;
    /// Adds each number to one of the first [`LANES`] of `to`.
    unsafe fn add_to(units: Self::Units, to: &mut [u64]);
    /// Of all lanes.
    unsafe fn total(units: Self::Units) -> u64;
}

/// The twin that every processor can run.
#[derive(Clone, Copy)]
struct Portable([f32; LANES]);

impl Portable {
    #[inline(always)]
    fn zip(self, other: Self, of: impl Fn(f32, f32) -> f32) -> Self {
        Self(std::array::from_fn(|lane| of(self.0[lane], other.0[lane])))
    }
}

impl Vector for Portable {
    type Units = [u32; LANES];

    #[inline(always)]
    unsafe fn load(values: &[f32]) -> Self {
        Self(std::array::from_fn(|lane| values[lane]))
    }
    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        Self([value; LANES])
    }
    #[inline(always)]
    unsafe fn plus(self, other: Self) -> Self {
        self.zip(other, |a, b| a + b)
    }
    #[inline(always)]
    unsafe fn minus(self, other: Self) -> Self {
        self.zip(other, |a, b| a - b)
    }
    #[inline(always)]
    unsafe fn add_square(self, sum: Self) -> Self {
        self.zip(sum, |a, sum| a.mul_add(a, sum))
    }
    #[inline(always)]
    unsafe fn root(self) -> [u32; LANES] {
        self.0.map(|square| square.sqrt().round_ties_even() as u32)
    }
    #[inline(always)]
    unsafe fn nothing() -> [u32; LANES] {
        [0; LANES]
    }
    #[inline(always)]
    unsafe fn sum(a: [u32; LANES], b: [u32; LANES]) -> [u32; LANES] {
        std::array::from_fn(|lane| a[lane] + b[lane])
    }
    #[inline(always)]
    unsafe fn first(mut units: [u32; LANES], lanes: usize) -> [u32; LANES] {
        units[lanes..].fill(0);
        units
    }
    #[inline(always)]
    unsafe fn add_to(units: [u32; LANES], to: &mut [u64]) {
        to.iter_mut().zip(units).for_each(|(to, units)| *to += u64::from(units));
    }
    #[inline(always)]
    unsafe fn total(units: [u32; LANES]) -> u64 {
        units.iter().map(|&units| u64::from(units)).sum()
    }
}

struct Pair<'a> {
    tiles: [Tile<'a>; 2],
    height: usize,
    left: &'a mut [u64; TILE],
    right: &'a mut [u64; TILE],
}

impl Pair<'_> {
    /// # Safety
    /// The processor must have the instructions of `V`.
    #[inline(always)]
    unsafe fn add<V: Vector>(mut self, wide: bool) {
        // SAFETY: as the caller grants.
        unsafe { if wide { self.add_all::<V, true>() } else { self.add_all::<V, false>() } }
    }

    /// # Safety
    /// As for [`Pair::add`].
    #[inline(always)]
    unsafe fn add_all<V: Vector, const WIDE: bool>(&mut self) {
        let rows = self.tiles[1].customers;
        let whole = rows / ROWS * ROWS;
        for first in (0..whole).step_by(ROWS) {
            // SAFETY: as the caller grants.
            unsafe { self.meet::<V, ROWS, WIDE>(first) }
        }
        for first in whole..rows {
            // SAFETY: as the caller grants.
            unsafe { self.meet::<V, 1, WIDE>(first) }
        }
    }

    /// The customers from `first` on of the second tile meet those of the first, block by block.
    ///
    /// # Safety
    /// As for [`Pair::add`].
    #[inline(always)]
    unsafe fn meet<V: Vector, const R: usize, const WIDE: bool>(&mut self, first: usize) {
        let [columns, rows] = self.tiles;
        let size = self.height * LANES;
        let rows = &rows.values[first / LANES * size..][..size];
        let blocks = columns.values.chunks_exact(size).zip(self.left.chunks_exact_mut(LANES));
        // SAFETY: as the caller grants.
        unsafe {
            let mut totals = [V::nothing(); R];
            for (block, (columns_here, left)) in blocks.enumerate() {
                let mut units = squares::<V, R, WIDE>(columns_here, rows, first % LANES).map(|square| square.root());
                // Four distances fit 32 bits.
                V::add_to(units[1..].iter().fold(units[0], |sum, units| V::sum(sum, *units)), left);
                let inhabited = columns.customers - block * LANES;
                if inhabited < LANES {
                    units = units.map(|units| V::first(units, inhabited));
                }
                for (total, units) in totals.iter_mut().zip(units) {
                    *total = V::sum(*total, units);
                }
            }
            for (right, total) in self.right[first..][..R].iter_mut().zip(totals) {
                *right += V::total(total);
            }
        }
    }
}

/// Squared distances of `R` customers, from `lane` on in their block, to those of a block.
///
/// # Safety
/// As for [`Pair::add`].
#[inline(always)]
unsafe fn squares<V: Vector, const R: usize, const WIDE: bool>(columns: &[f32], rows: &[f32], lane: usize) -> [V; R] {
    let step = if WIDE { 2 * LANES } else { LANES };
    // SAFETY: as the caller grants.
    unsafe {
        let mut squares = [V::splat(0.0); R];
        for (column, row) in columns.chunks_exact(step).zip(rows.chunks_exact(step)) {
            let high = V::load(column);
            let row_high = &row[lane..lane + R];
            for (number, square) in squares.iter_mut().enumerate() {
                let mut difference = high.minus(V::splat(row_high[number]));
                if WIDE {
                    let low = V::load(&column[LANES..]);
                    difference = difference.plus(low.minus(V::splat(row[LANES + lane + number])));
                }
                *square = difference.add_square(*square);
            }
        }
        squares
    }
}
