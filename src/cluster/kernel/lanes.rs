//! Distances by the definition, several customers at once: subtraction, multiplication and addition of one `f64` lane
//! are those of one number, in the same order, so every lane holds the definition's bits.

use super::Instructions;

/// Customers side by side.
pub(in crate::cluster) const WIDE: usize = 8;

/// The nearest and second nearest of some points for [`WIDE`] customers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::cluster) struct Nearest {
    /// Squared distance to the nearest point; infinite for a customer that is not finite.
    pub(in crate::cluster) first: [f64; WIDE],
    /// Squared distance to the second nearest.
    pub(in crate::cluster) second: [f64; WIDE],
    /// Number of the nearest point, the lowest on a tie; in `f64`, so that it is chosen in step with the distance.
    pub(in crate::cluster) first_at: [f64; WIDE],
    /// Number of the second nearest, the lowest on a tie.
    pub(in crate::cluster) second_at: [f64; WIDE],
}

/// Hands the nearest two of `points` to `take` for every [`WIDE`] of the rows (C order, `width` values each); the last
/// lanes may have no customer.
pub(in crate::cluster) fn nearest_two(
    points: &[f64],
    rows: &[f64],
    width: usize,
    mut take: impl FnMut(usize, &Nearest),
) {
    let vectors = Instructions::Avx2.supported();
    let mut columns = vec![[0.0; WIDE]; width];
    for (number, customers) in rows.chunks(WIDE * width).enumerate() {
        for (lane, row) in customers.chunks_exact(width).enumerate() {
            row.iter().zip(&mut columns).for_each(|(v, column)| column[lane] = *v);
        }
        let nearest = match vectors {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the processor has these instructions, as was asked above.
            true => unsafe { avx2(points, &columns) },
            _ => portable(points, &columns),
        };
        take(number * WIDE, &nearest);
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn avx2(points: &[f64], columns: &[[f64; WIDE]]) -> Nearest {
    use std::arch::x86_64::*;
    let infinite = _mm256_set1_pd(f64::INFINITY);
    let zero = _mm256_setzero_pd();
    let (mut first, mut second, mut first_at, mut second_at) = ([infinite; 2], [infinite; 2], [zero; 2], [zero; 2]);
    let mut at = zero;
    for point in points.chunks_exact(columns.len()) {
        let mut squares = [zero; 2];
        for (column, p) in columns.iter().zip(point) {
            let p = _mm256_set1_pd(*p);
            for (half, square) in squares.iter_mut().enumerate() {
                // SAFETY: a column holds eight values.
                let x = unsafe { _mm256_loadu_pd(column.as_ptr().add(half * 4)) };
                let difference = _mm256_sub_pd(x, p);
                *square = _mm256_add_pd(*square, _mm256_mul_pd(difference, difference));
            }
        }
        for half in 0..2 {
            let square = squares[half];
            let is_first = _mm256_cmp_pd::<_CMP_LT_OQ>(square, first[half]);
            let is_second = _mm256_cmp_pd::<_CMP_LT_OQ>(square, second[half]);
            let other = _mm256_blendv_pd(second[half], square, is_second);
            let other_at = _mm256_blendv_pd(second_at[half], at, is_second);
            second[half] = _mm256_blendv_pd(other, first[half], is_first);
            second_at[half] = _mm256_blendv_pd(other_at, first_at[half], is_first);
            first[half] = _mm256_blendv_pd(first[half], square, is_first);
            first_at[half] = _mm256_blendv_pd(first_at[half], at, is_first);
        }
        at = _mm256_add_pd(at, _mm256_set1_pd(1.0));
    }
    let store = |halves: [__m256d; 2]| {
        let mut lanes = [0.0; WIDE];
        for (half, value) in halves.into_iter().enumerate() {
            // SAFETY: the lanes are eight values.
            unsafe { _mm256_storeu_pd(lanes.as_mut_ptr().add(half * 4), value) };
        }
        lanes
    };
    Nearest { first: store(first), second: store(second), first_at: store(first_at), second_at: store(second_at) }
}

fn portable(points: &[f64], columns: &[[f64; WIDE]]) -> Nearest {
    let (mut first, mut second) = ([f64::INFINITY; WIDE], [f64::INFINITY; WIDE]);
    let (mut first_at, mut second_at) = ([0.0; WIDE], [0.0; WIDE]);
    let mut at = 0.0;
    for point in points.chunks_exact(columns.len()) {
        for lane in 0..WIDE {
            let square = columns.iter().zip(point).fold(0.0, |sum, (column, p)| {
                let difference = column[lane] - p;
                sum + difference * difference
            });
            if square < first[lane] {
                (second[lane], second_at[lane]) = (first[lane], first_at[lane]);
                (first[lane], first_at[lane]) = (square, at);
            } else if square < second[lane] {
                (second[lane], second_at[lane]) = (square, at);
            }
        }
        at += 1.0;
    }
    Nearest { first, second, first_at, second_at }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn vector_and_scalar_lanes_agree_to_the_bit(
            width in 1_usize..20, k in 1_usize..40, values in proptest::collection::vec(-3.0_f64..3.0, 1200)
        ) {
            // Rounded values make ties; every ninth is not a number.
            let tie = |at: usize| match at % 9 { 0 => (values[at] * 2.0).round(), 8 => values[at] * 1e-170, _ => values[at] };
            let points: Vec<f64> = (0..k * width).map(tie).collect();
            let columns: Vec<[f64; WIDE]> = (0..width)
                .map(|feature| std::array::from_fn(|lane| tie(900 + lane * width + feature)))
                .collect();
            let mut found = Vec::new();
            let rows: Vec<f64> = (0..WIDE * width).map(|at| columns[at % width][at / width]).collect();
            nearest_two(&points, &rows, width, |_, nearest| found.push(*nearest));
            prop_assert_eq!(&found, &vec![portable(&points, &columns)]);
        }
    }
}
