//! The beta distribution.

/// The probability that a value of Beta(`a`, `b`) is at most `x`: the regularised incomplete beta function, for `a` and
/// `b` above 0 and `x` from 0 to 1. By the continued fraction of DiDonato & Morris (1992, ACM TOMS 18:360-373, eq. 9; NIST
/// DLMF 8.17.22) with the method of Lentz; relative error about 1e-13.
pub(super) fn cumulative(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    // Left of the mean the fraction converges fast.
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - cumulative(1.0 - x, b, a);
    }
    let front = a * x.ln() + b * (1.0 - x).ln() + libm::lgamma(a + b) - libm::lgamma(a) - libm::lgamma(b);
    front.exp() / a / fraction(x, a, b)
}

/// DLMF 8.17.22: 1 + d1/(1 + d2/(1 + ...)).
fn fraction(x: f64, a: f64, b: f64) -> f64 {
    const MOST_TERMS: usize = 10_000;
    let away_from_zero = |v: f64| if v.abs() < f64::MIN_POSITIVE { f64::MIN_POSITIVE } else { v };
    let (mut value, mut c, mut d) = (1.0, 1.0, 0.0);
    for term in 1..=MOST_TERMS {
        let m = (term / 2) as f64;
        let numerator = if term % 2 == 0 {
            m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m))
        } else {
            -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0))
        };
        d = 1.0 / away_from_zero(1.0 + numerator * d);
        c = away_from_zero(1.0 + numerator / c);
        value *= c * d;
        if (c * d - 1.0).abs() < 1e-15 {
            break;
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closed_forms_hold() {
        for x in [0.001, 0.1, 0.3, 0.5, 0.77, 0.999] {
            let close =
                |found: f64, expected: f64| assert!((found - expected).abs() < 1e-13, "{x}: {found} {expected}");
            close(cumulative(x, 1.0, 1.0), x);
            close(cumulative(x, 3.0, 1.0), x.powi(3));
            close(cumulative(x, 1.0, 4.0), 1.0 - (1.0 - x).powi(4));
            close(cumulative(x, 2.0, 2.0), x * x * (3.0 - 2.0 * x));
            close(cumulative(x, 0.5, 0.5), 2.0 / std::f64::consts::PI * x.sqrt().asin());
        }
        assert_eq!((cumulative(0.0, 2.0, 3.0), cumulative(1.0, 2.0, 3.0)), (0.0, 1.0));
        assert!((cumulative(0.5, 1000.0, 1000.0) - 0.5).abs() < 1e-11);
    }

    #[test]
    fn it_is_a_sum_of_binomials() {
        // P(Beta(10, 10) <= 0.21) = P(Binomial(19, 0.21) >= 10).
        let (p, mut choose, mut tail) = (0.21_f64, 1.0, 0.0);
        for successes in 0..=19 {
            if successes >= 10 {
                tail += choose * p.powi(successes) * (1.0 - p).powi(19 - successes);
            }
            choose *= f64::from(19 - successes) / f64::from(successes + 1);
        }
        assert!((cumulative(p, 10.0, 10.0) / tail - 1.0).abs() < 1e-12);
    }
}
