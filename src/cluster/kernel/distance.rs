//! Sums of distances between two tiles of customers, every pair looked at once for both of its customers.
//!
//! Features arrive scaled so that no distance reaches `2^29` units. Squared differences are added feature by feature with
//! [`f32::mul_add`], the root is the correctly rounded one, and the distance is rounded to a whole number of units; whole
//! numbers add up exactly in any order. So the sums are the same bits on every instruction set, whoever is in a tile with
//! whom, and whichever thread comes first. There is one source of the arithmetic, compiled three times; without FMA
//! instructions the library's multiply-add is slow.
//!
//! # The error bound
//!
//! Let `u = 2^-24`. A difference of two `f32` is rounded once, `(1 + u)`, so its square is wrong by `2u`; the `d` steps of
//! the sum add `d u`, the root halves that and adds `u`, and adding one half before cutting off adds `u`: to first order a
//! distance is wrong by the factor `1 + (d / 2 + 3) u` and by half a unit.
//!
//! In the *wide* form a value is a pair `high + low` of `f32`, 48 bits. The difference of the highs is exact where they
//! are within a factor of two (Sterbenz 1974, theorem 4.3.1) and else far larger than the lows; so the sum of both differences
//! is wrong by the factor `1 + 2u` and by `2^-46` of the largest value: `1 + (d / 2 + 4) u` in all, the rest being far below
//! half a unit.

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
        _ => all.add(wide),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
fn avx512(pair: Pair, wide: bool) {
    pair.add(wide);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn avx2(pair: Pair, wide: bool) {
    pair.add(wide);
}

struct Pair<'a> {
    tiles: [Tile<'a>; 2],
    height: usize,
    left: &'a mut [u64; TILE],
    right: &'a mut [u64; TILE],
}

impl Pair<'_> {
    #[inline(always)]
    fn add(self, wide: bool) {
        if wide { self.add_all::<true>() } else { self.add_all::<false>() }
    }

    #[inline(always)]
    fn add_all<const WIDE: bool>(mut self) {
        let rows = self.tiles[1].customers;
        let whole = rows / ROWS * ROWS;
        for first in (0..whole).step_by(ROWS) {
            self.meet::<ROWS, WIDE>(first);
        }
        for first in whole..rows {
            self.meet::<1, WIDE>(first);
        }
    }

    /// The customers from `first` on of the second tile meet those of the first, block by block.
    #[inline(always)]
    fn meet<const R: usize, const WIDE: bool>(&mut self, first: usize) {
        let [columns, rows] = self.tiles;
        let size = self.height * LANES;
        let rows = &rows.values[first / LANES * size..][..size];
        let lane = first % LANES;
        let mut totals = [[0_u32; LANES]; R];
        for (block, columns_here) in columns.values.chunks_exact(size).enumerate() {
            let squares = squares::<R, WIDE>(columns_here, rows, lane);
            let mut units = [[0_u32; LANES]; R];
            for (units, squares) in units.iter_mut().zip(&squares) {
                for (unit, square) in units.iter_mut().zip(squares) {
                    // SAFETY: finite and below 2^29, as the frame sees to.
                    *unit = unsafe { (square.sqrt() + 0.5).to_int_unchecked::<i32>() } as u32;
                }
            }
            let left = &mut self.left[block * LANES..][..LANES];
            for (lane, left) in left.iter_mut().enumerate() {
                *left += u64::from(units.iter().fold(0, |sum: u32, units| sum.wrapping_add(units[lane])));
            }
            let inhabited = columns.customers - block * LANES;
            if inhabited < LANES {
                units.iter_mut().for_each(|units| units[inhabited..].fill(0));
            }
            for (totals, units) in totals.iter_mut().zip(&units) {
                for (total, units) in totals.iter_mut().zip(units) {
                    *total = total.wrapping_add(*units);
                }
            }
        }
        for (right, totals) in self.right[first..first + R].iter_mut().zip(&totals) {
            *right += totals.iter().fold(0, |sum, &total| sum + u64::from(total));
        }
    }
}

/// Squared distances of `R` customers, from `lane` on in their block, to those of a block.
#[inline(always)]
fn squares<const R: usize, const WIDE: bool>(columns: &[f32], rows: &[f32], lane: usize) -> [[f32; LANES]; R] {
    let mut squares = [[0.0_f32; LANES]; R];
    let step = if WIDE { 2 * LANES } else { LANES };
    for (column, row) in columns.chunks_exact(step).zip(rows.chunks_exact(step)) {
        for (number, squares) in squares.iter_mut().enumerate() {
            let high = row[lane + number];
            for (at, square) in squares.iter_mut().enumerate() {
                let mut difference = column[at] - high;
                if WIDE {
                    difference += column[LANES + at] - row[LANES + lane + number];
                }
                *square = difference.mul_add(difference, *square);
            }
        }
    }
    squares
}
