//! Sums of Euclidean distances from each of many customers to groups of customers, in whole units, hence exact sums.
//!
//! The unit is a power of two of at most `2^-28` of the diagonal of the box that holds all customers. Distances are
//! wrong by at most the factor `1 + (d / 2 + 3) 2^-24` and half a unit ([`super::kernel::distance`]).

use super::kernel::Instructions;
use super::kernel::distance::{LANES, LIMIT, TILE, Tile, add_distances};
use ndarray::ArrayView2;
use rayon::prelude::*;
use std::sync::{Mutex, PoisonError};

/// How values become `f32` in units: shifted, scaled by a power of two, and in the wide form split in two.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    shift: Vec<f64>,
    scale: f64,
    wide: bool,
}

impl Frame {
    /// For the given `rows` of `x` (rows × features); `None` if a value is not finite. Values that are `f32` already, as
    /// all on the grid of model space are, stay what they are; others take twice the room.
    pub(crate) fn new(x: ArrayView2<f64>, rows: impl Iterator<Item = usize>) -> Option<Self> {
        let mut bounds = vec![(f64::INFINITY, f64::NEG_INFINITY); x.ncols()];
        let (mut narrow, mut finite) = (true, true);
        for row in rows {
            for ((low, high), &value) in bounds.iter_mut().zip(x.row(row)) {
                (*low, *high) = (low.min(value), high.max(value));
                narrow &= f64::from(value as f32) == value;
                finite &= value.is_finite();
            }
        }
        if !finite {
            return None;
        }
        let halves: Vec<f64> =
            bounds.iter().map(|(low, high)| if low < high { high / 2.0 - low / 2.0 } else { 0.0 }).collect();
        let largest = halves.iter().copied().fold(0.0, f64::max);
        // What is below 2^-900 counts as nothing.
        let outer = exponent(largest).max(-900);
        let diagonal = 2.0 * halves.iter().map(|half| (half * power(-outer)).powi(2)).sum::<f64>().sqrt();
        let slack = 1.0 + (x.ncols() as f64 + 8.0) * 2.0_f64.powi(-24);
        let scale = power(exponent(LIMIT) - 1 - outer - exponent(diagonal * slack).max(0));
        // Scaled values must be normal in f32.
        let wide = !(narrow && (f64::from(2.0_f32.powi(-60))..f64::from(2.0_f32.powi(60))).contains(&scale));
        let shift =
            bounds.iter().map(|(low, high)| if wide && low <= high { low / 2.0 + high / 2.0 } else { 0.0 }).collect();
        Some(Self { shift, scale, wide })
    }

    /// Values per customer.
    fn height(&self) -> usize {
        self.shift.len() * if self.wide { 2 } else { 1 }
    }
}

/// `e` such that `2^e <= value < 2^(e + 1)`, for a normal number.
fn exponent(value: f64) -> i32 {
    ((value.to_bits() >> 52) & 0x7ff) as i32 - 1023
}

/// `2^e`, for a normal number.
fn power(e: i32) -> f64 {
    f64::from_bits(((e + 1023) as u64) << 52)
}

/// Groups of customers in tiles; a tile holds customers of one group.
#[derive(Debug)]
pub(crate) struct Tiles<'a> {
    frame: &'a Frame,
    values: Vec<f32>,
    places: Vec<Place>,
    groups: usize,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    /// Where its values begin.
    start: usize,
    customers: usize,
    group: usize,
}

impl<'a> Tiles<'a> {
    /// From the rows of `x` in every group.
    pub(crate) fn new<G: AsRef<[usize]>>(x: ArrayView2<f64>, groups: &[G], frame: &'a Frame) -> Self {
        let size = frame.height() * LANES;
        let (mut places, mut members, mut len) = (Vec::new(), Vec::new(), 0);
        for (group, rows) in groups.iter().enumerate() {
            for rows in rows.as_ref().chunks(TILE) {
                places.push(Place { start: len, customers: rows.len(), group });
                members.push(rows);
                len += rows.len().div_ceil(LANES) * size;
            }
        }
        let mut values = vec![0.0; len];
        let step = if frame.wide { 2 * LANES } else { LANES };
        for (place, rows) in places.iter().zip(members) {
            let blocks = values[place.start..].chunks_exact_mut(size);
            for (block, rows) in blocks.zip(rows.chunks(LANES)) {
                // Lanes without a customer repeat the first, so that they stay within the limit.
                for (lane, &row) in rows.iter().chain(std::iter::repeat(&rows[0])).take(LANES).enumerate() {
                    for (feature, (value, shift)) in x.row(row).iter().zip(&frame.shift).enumerate() {
                        let value = (value - shift) * frame.scale;
                        block[feature * step + lane] = value as f32;
                        if frame.wide {
                            block[feature * step + LANES + lane] = (value - f64::from(value as f32)) as f32;
                        }
                    }
                }
            }
        }
        Self { frame, values, places, groups: groups.len() }
    }

    fn tile(&self, place: &Place) -> Tile<'_> {
        let len = place.customers.div_ceil(LANES) * LANES * self.frame.height();
        Tile { values: &self.values[place.start..][..len], customers: place.customers }
    }

    /// Sums from every customer to every group of the same tiles. Memory: eight bytes per customer and group.
    pub(crate) fn within(&self) -> Sums {
        self.within_on(Instructions::best())
    }

    fn within_on(&self, instructions: Instructions) -> Sums {
        let (height, wide) = (self.frame.height(), self.frame.wide);
        let sums: Vec<Mutex<Vec<u64>>> =
            self.places.iter().map(|place| Mutex::new(vec![0; self.groups * place.customers])).collect();
        let add = |at: usize, group: usize, found: &[u64; TILE]| {
            let customers = self.places[at].customers;
            // Whole numbers: it does not matter who adds first.
            let mut sums = sums[at].lock().unwrap_or_else(PoisonError::into_inner);
            sums[group * customers..][..customers].iter_mut().zip(found).for_each(|(sum, found)| *sum += found);
        };
        (0..self.places.len()).into_par_iter().with_max_len(1).for_each(|own| {
            let place = &self.places[own];
            let tile = self.tile(place);
            let mut sum = [0; TILE];
            for (at, other) in self.places.iter().enumerate().skip(own) {
                let mut others = [0; TILE];
                add_distances(instructions, [tile, self.tile(other)], height, wide, &mut sum, &mut others);
                // Within one tile every pair was met twice.
                if at != own {
                    add(at, place.group, &others);
                }
                if self.places.get(at + 1).is_none_or(|next| next.group != other.group) {
                    add(own, other.group, &sum);
                    sum = [0; TILE];
                }
            }
        });
        self.sums(sums.into_iter().map(|sums| sums.into_inner().unwrap_or_else(PoisonError::into_inner)).collect())
    }

    /// Sums from every customer of these tiles to every group of `others`, made in the same frame.
    pub(crate) fn to(&self, others: &Tiles) -> Sums {
        let (height, wide, instructions) = (self.frame.height(), self.frame.wide, Instructions::best());
        let one = |place: &Place| {
            let mut sums = vec![0; others.groups * place.customers];
            for tiles in others.places.chunk_by(|a, b| a.group == b.group) {
                let mut sum = [0; TILE];
                for other in tiles {
                    let pair = [self.tile(place), others.tile(other)];
                    add_distances(instructions, pair, height, wide, &mut sum, &mut [0; TILE]);
                }
                sums[tiles[0].group * place.customers..][..place.customers].copy_from_slice(&sum[..place.customers]);
            }
            sums
        };
        self.sums(self.places.par_iter().with_max_len(1).map(one).collect())
    }

    fn sums(&self, of_tiles: Vec<Vec<u64>>) -> Sums {
        Sums {
            of_tiles: self.places.iter().map(|place| place.customers).zip(of_tiles).collect(),
            unit: 1.0 / self.frame.scale,
        }
    }
}

/// Sums of distances per customer and group.
#[derive(Debug, PartialEq)]
pub(crate) struct Sums {
    /// Per tile its customers, and group by group their sums.
    of_tiles: Vec<(usize, Vec<u64>)>,
    unit: f64,
}

impl Sums {
    /// What `look` makes of the place of every customer, in the order of the groups and of their rows, and of its sums.
    pub(crate) fn map<T: Send>(&self, look: impl Fn(usize, &[f64]) -> T + Sync) -> Vec<T> {
        let mut first = 0;
        let starts: Vec<usize> = (self.of_tiles.iter())
            .map(|(customers, _)| {
                first += customers;
                first - customers
            })
            .collect();
        let of_tile = |(start, (customers, sums)): (usize, &(usize, Vec<u64>))| {
            let mut here = vec![0.0; sums.len() / customers];
            let of_one = |customer: usize| {
                let group_by_group = sums.iter().skip(customer).step_by(*customers);
                here.iter_mut().zip(group_by_group).for_each(|(here, &sum)| *here = sum as f64 * self.unit);
                look(start + customer, &here)
            };
            (0..*customers).map(of_one).collect::<Vec<T>>()
        };
        starts.into_par_iter().zip(&self.of_tiles).flat_map_iter(of_tile).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::squared_distance;
    use ndarray::Array2;
    use proptest::prelude::*;
    use rand::{Rng, SeedableRng};

    /// Sums one pair after another, in the arithmetic that the kernel promises.
    fn twin(x: &Array2<f64>, groups: &[Vec<usize>], frame: &Frame) -> Vec<Vec<f64>> {
        let split = |row: usize| -> Vec<(f32, f32)> {
            let scaled = x.row(row).to_vec().into_iter().zip(&frame.shift).map(|(v, shift)| (v - shift) * frame.scale);
            let low = |v: f64| if frame.wide { (v - f64::from(v as f32)) as f32 } else { 0.0 };
            scaled.map(|v| (v as f32, low(v))).collect()
        };
        let units = |a: usize, b: usize| {
            let square = split(a).into_iter().zip(split(b)).fold(0.0_f32, |sum, (a, b)| {
                let difference = (a.0 - b.0) + (a.1 - b.1);
                difference.mul_add(difference, sum)
            });
            square.sqrt().round_ties_even() as u64
        };
        let sum = |a: usize, group: &Vec<usize>| group.iter().map(|&b| units(a, b)).sum::<u64>() as f64 / frame.scale;
        groups.iter().flatten().map(|&a| groups.iter().map(|group| sum(a, group)).collect()).collect()
    }

    fn listed(sums: &Sums) -> Vec<Vec<f64>> {
        sums.map(|_, sums| sums.to_vec())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]
        #[test]
        fn every_instruction_set_adds_the_same_units(
            sizes in proptest::collection::vec(1_usize..300, 1..5), width in 1_usize..12, seed in 0_u64..99, on_grid: bool
        ) {
            let mut rng = rand_xoshiro::Xoshiro256PlusPlus::seed_from_u64(seed);
            let x = Array2::from_shape_fn((sizes.iter().sum(), width), |_| {
                let value = rng.gen_range(-1.0..1.0_f64).powi(5) * 90.0 + 3.0;
                if on_grid { (value * 65536.0).round() / 65536.0 } else { value }
            });
            let mut next = 0;
            let groups: Vec<Vec<usize>> = sizes.iter().map(|&size| { next += size; (next - size..next).collect() }).collect();
            let frame = Frame::new(x.view(), 0..next).unwrap();
            // Rows that are all equal have no box to take the unit from.
            let one_place = x.rows().into_iter().all(|row| row == x.row(0));
            prop_assert_eq!(frame.wide, !on_grid || one_place);
            let tiles = Tiles::new(x.view(), &groups, &frame);
            let expected = twin(&x, &groups, &frame);
            for instructions in [Instructions::Portable, Instructions::Avx2, Instructions::Avx512] {
                prop_assert_eq!(&listed(&tiles.within_on(instructions)), &expected);
            }
            prop_assert_eq!(listed(&tiles.to(&tiles)), expected);
        }
    }

    /// The customers in opposite corners of the box, and as many of them as fill tiles: no sum overflows.
    #[test]
    fn the_largest_distances_fit() {
        for (low, high) in [(0.0, 1.0), (0.0, 255.0), (-3e300, 9e300), (0.1, 0.7), (1e-310, 3e-310), (5.0, 5.0)] {
            for width in [1, 3, 64, 700] {
                let x = Array2::from_shape_fn((512, width), |(row, _)| if row < 256 { low } else { high });
                let groups = [(0..256).collect::<Vec<_>>(), (256..512).collect()];
                let frame = Frame::new(x.view(), 0..512).unwrap();
                let sums = listed(&Tiles::new(x.view(), &groups, &frame).within());
                let apart = if high < 1e300 {
                    squared_distance(&vec![low; width], &vec![high; width]).sqrt()
                } else {
                    (high - low) * (width as f64).sqrt()
                };
                for sums in [&sums[0], &sums[300]] {
                    let (near, far) = (sums[0].min(sums[1]), sums[0].max(sums[1]));
                    assert_eq!(near, 0.0);
                    assert!((far / 256.0 - apart).abs() <= apart * width as f64 * 1e-7, "{far} {apart}");
                }
            }
        }
        assert!(Frame::new(Array2::from_elem((2, 2), f64::INFINITY).view(), 0..2).is_none());
    }
}
