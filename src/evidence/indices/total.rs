//! Sums that do not depend on the order of their terms.

/// The sum of `values`: each is cut off at `2^-60` of a power of two above the largest, and whole numbers add up
/// exactly. So the order of rows cannot change a bit, and the sum is wrong by at most their number times `2^-60` of twice the
/// largest. Not a number, or infinite, if a value is.
pub(super) fn total(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let mut largest = 0.0_f64;
    for value in values.clone() {
        if !value.is_finite() {
            // Not a number whichever came first.
            return f64::NAN;
        }
        largest = largest.max(value.abs());
    }
    // Below 2^-900 nothing is left of a value.
    let exponent = (((largest.to_bits() >> 52) & 0x7ff) as i32 - 1022).max(-900);
    let (up, down) = (2.0_f64.powi(60 - exponent), 2.0_f64.powi(exponent - 60));
    let sum: i128 = values.map(|value| i128::from((value * up) as i64)).sum();
    sum as f64 * down
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_order_gives_the_same_bits(
            mut values in proptest::collection::vec(-1e9_f64..1e9, 1..200), by in 0_usize..200
        ) {
            let whole = total(values.iter().copied());
            let by = by % values.len();
            values.rotate_left(by);
            prop_assert_eq!(whole.to_bits(), total(values.iter().copied()).to_bits());
        }

        /// Of numbers whose plain sum is not rounded.
        #[test]
        fn nothing_is_lost(values in proptest::collection::vec(proptest::num::i32::ANY, 0..200)) {
            let values: Vec<f64> = values.into_iter().map(|v| f64::from(v) / 1024.0).collect();
            prop_assert_eq!(total(values.iter().copied()), values.iter().sum::<f64>());
        }
    }

    #[test]
    fn extremes() {
        assert_eq!(total([].into_iter()), 0.0);
        assert_eq!(total([1e300, -1e300, 2e300].into_iter()), 2e300);
        assert_eq!(total([3e-200, 4e-200].into_iter()), 3e-200 + 4e-200);
        assert!(total([1.0, f64::INFINITY].into_iter()).is_nan());
    }
}
