//! Distances by the definition, several customers at once: subtraction, multiplication and addition of one `f64` lane
//! are those of one number, in the same order, so every lane holds the definition's bits.

use super::Instructions;

/// Customers side by side.
pub(in crate::cluster) const WIDE: usize = 16;

/// A value of a customer, as scoring reads it.
pub(in crate::cluster) trait Value: Copy + Send + Sync {
    /// The same number in `f64`.
    fn wide(self) -> f64;
}

impl Value for f64 {
    #[inline(always)]
    fn wide(self) -> f64 {
        self
    }
}

impl Value for f32 {
    #[inline(always)]
    fn wide(self) -> f64 {
        f64::from(self)
    }
}

/// The nearest and second nearest of some points for [`WIDE`] customers.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(in crate::cluster) struct Nearest {
    /// Squared distance to the nearest point; infinite for a customer that is not finite.
    pub(in crate::cluster) first: [f64; WIDE],
    /// Squared distance to the second nearest.
    pub(in crate::cluster) second: [f64; WIDE],
    /// Number of the nearest point, the lowest on a tie.
    pub(in crate::cluster) first_at: [u64; WIDE],
    /// Number of the second nearest, the lowest on a tie.
    pub(in crate::cluster) second_at: [u64; WIDE],
}

/// Hands the nearest two of `points` to `take` for every [`WIDE`] of the rows (C order, `width` values each); the last
/// lanes may have no customer.
pub(in crate::cluster) fn nearest_two<V: Value>(
    points: &[f64],
    rows: &[V],
    width: usize,
    take: impl FnMut(usize, &Nearest),
) {
    macro_rules! by_width {
        ($run:ident, $($width:literal)*) => {
            match width {
                $($width => $run::<V, $width>(points, rows, width, take),)*
                _ => $run::<V, 0>(points, rows, width, take),
            }
        };
    }
    #[cfg(target_arch = "x86_64")]
    if Instructions::best() == Instructions::Avx2 {
        // SAFETY: the processor was just asked for these instructions.
        return unsafe { by_width!(nearest_two_avx2, 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16) };
    }
    nearest_two_here::<V, 0>(points, rows, width, take);
}

/// The same code, compiled for AVX2. Rust never fuses a multiplication with an addition.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn nearest_two_avx2<V: Value, const WIDTH: usize>(
    points: &[f64],
    rows: &[V],
    width: usize,
    take: impl FnMut(usize, &Nearest),
) {
    nearest_two_here::<V, WIDTH>(points, rows, width, take);
}

#[inline(always)]
fn nearest_two_here<V: Value, const WIDTH: usize>(
    points: &[f64],
    rows: &[V],
    width: usize,
    mut take: impl FnMut(usize, &Nearest),
) {
    let width = if WIDTH == 0 { width } else { WIDTH };
    let mut columns = vec![[0.0; WIDE]; width];
    for (number, customers) in rows.chunks(WIDE * width).enumerate() {
        if customers.len() == WIDE * width {
            for (feature, column) in columns.iter_mut().enumerate() {
                for lane in 0..WIDE {
                    column[lane] = customers[lane * width + feature].wide();
                }
            }
        } else {
            for (lane, row) in customers.chunks_exact(width).enumerate() {
                row.iter().zip(&mut columns).for_each(|(v, column)| column[lane] = v.wide());
            }
        }
        let mut nearest = Nearest {
            first: [f64::INFINITY; WIDE],
            second: [f64::INFINITY; WIDE],
            first_at: [0; WIDE],
            second_at: [0; WIDE],
        };
        for (at, point) in points.chunks_exact(width).enumerate() {
            let mut squares = [0.0; WIDE];
            for (column, &p) in columns.iter().zip(point) {
                for lane in 0..WIDE {
                    let difference = column[lane] - p;
                    squares[lane] += difference * difference;
                }
            }
            let at = at as u64;
            for lane in 0..WIDE {
                let square = squares[lane];
                let (is_first, is_second) = (square < nearest.first[lane], square < nearest.second[lane]);
                nearest.second_at[lane] = if is_first {
                    nearest.first_at[lane]
                } else if is_second {
                    at
                } else {
                    nearest.second_at[lane]
                };
                nearest.second[lane] = if is_first {
                    nearest.first[lane]
                } else if is_second {
                    square
                } else {
                    nearest.second[lane]
                };
                nearest.first_at[lane] = if is_first { at } else { nearest.first_at[lane] };
                nearest.first[lane] = if is_first { square } else { nearest.first[lane] };
            }
        }
        take(number * WIDE, &nearest);
    }
}
