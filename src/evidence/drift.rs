//! Whether customers are still those that a model was made of: each feature beside itself.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Quantile bins of the baseline.
const BINS: usize = 10;

/// Share that stands for an empty bin, whose logarithm would be infinite.
const FLOOR: f64 = 1e-4;

/// One feature on two days.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Drift {
    /// The feature.
    pub feature: String,
    /// Population stability index over ten quantile bins of the baseline (fewer where values are tied).
    pub psi: f64,
    /// The index that one sample in a hundred exceeds although nothing changed (Yurdakul 2018: `psi / (1/n + 1/m)` is chi-squared).
    pub psi_by_chance: f64,
    /// Largest difference of the distribution functions (Kolmogorov-Smirnov), from 0 to 1.
    pub ks: f64,
    /// Share outside the range of the baseline.
    pub outside: f64,
}

impl Drift {
    /// More than chance, and more than the index that practice calls small.
    pub fn notable(&self) -> bool {
        self.psi > 0.1 && self.psi > self.psi_by_chance
    }

    /// More than chance, and what practice calls large.
    pub fn large(&self) -> bool {
        self.psi > 0.25 && self.psi > self.psi_by_chance
    }
}

/// The 99 % quantile of chi-squared with `k` degrees of freedom, within half a percent (Wilson & Hilferty 1931).
fn chi_squared_99(k: f64) -> f64 {
    const Z: f64 = 2.326_347_874_040_841;
    let spread = 2.0 / (9.0 * k);
    k * (1.0 - spread + Z * spread.sqrt()).powi(3)
}

/// Holds the values `now` against those of the `baseline`; missing values (`NaN`) are a bin of their own in the index and take no part in
/// the rest. `None` where one side has no value.
pub fn drift(feature: &str, baseline: &[f64], now: &[f64]) -> Option<Drift> {
    let known = |values: &[f64]| {
        let mut known: Vec<f64> = values.iter().copied().filter(|v| !v.is_nan()).collect();
        known.sort_by(f64::total_cmp);
        known
    };
    let (before, after) = (known(baseline), known(now));
    let (Some(low), Some(high)) = (before.first(), before.last()) else { return None };
    if after.is_empty() {
        return None;
    }
    // Upper ends of the bins but the last; tied quantiles make one bin.
    let mut cuts: Vec<f64> = (1..BINS).map(|i| before[(i * before.len()).div_ceil(BINS) - 1]).collect();
    cuts.dedup();
    cuts.retain(|cut| cut < high);
    let shares = |known: &[f64], all: usize| {
        let mut ends: Vec<usize> = cuts.iter().map(|cut| known.partition_point(|v| v <= cut)).collect();
        ends.push(known.len());
        let starts = std::iter::once(0).chain(ends.iter().copied());
        let mut counts: Vec<usize> = starts.zip(&ends).map(|(start, end)| end - start).collect();
        counts.push(all - known.len());
        counts.into_iter().map(|count| count as f64 / all as f64).collect::<Vec<f64>>()
    };
    let (p, q) = (shares(&before, baseline.len()), shares(&after, now.len()));
    let bins: Vec<(f64, f64)> = p.into_iter().zip(q).filter(|(p, q)| *p > 0.0 || *q > 0.0).collect();
    let part = |(p, q): &(f64, f64)| {
        let (p, q) = (p.max(FLOOR), q.max(FLOOR));
        (q - p) * (q / p).ln()
    };
    let by_chance = if bins.len() > 1 {
        chi_squared_99((bins.len() - 1) as f64) * (1.0 / baseline.len() as f64 + 1.0 / now.len() as f64)
    } else {
        0.0
    };
    let outside = after.iter().filter(|v| *v < low || *v > high).count() as f64 / after.len() as f64;
    Some(Drift {
        feature: feature.into(),
        psi: bins.iter().map(part).sum(),
        psi_by_chance: by_chance,
        ks: kolmogorov_smirnov(&before, &after),
        outside,
    })
}

/// The largest difference of two empirical distribution functions; both ascending, neither empty.
fn kolmogorov_smirnov(a: &[f64], b: &[f64]) -> f64 {
    let (mut i, mut j, mut largest) = (0, 0, 0.0_f64);
    while i < a.len() && j < b.len() {
        let value = a[i].min(b[j]);
        while i < a.len() && a[i] <= value {
            i += 1;
        }
        while j < b.len() && b[j] <= value {
            j += 1;
        }
        largest = largest.max((i as f64 / a.len() as f64 - j as f64 / b.len() as f64).abs());
    }
    largest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::stream;
    use rand_distr::{Distribution, StandardNormal};

    fn normal(n: usize, mean: f64, seed: u64) -> Vec<f64> {
        StandardNormal.sample_iter(stream(seed, 0)).take(n).map(|v: f64| v + mean).collect()
    }

    #[test]
    fn the_same_values_do_not_drift() {
        let x = normal(1000, 0.0, 1);
        let found = drift("x", &x, &x).expect("drift");
        assert_eq!((found.psi, found.ks, found.outside), (0.0, 0.0, 0.0));
        assert!(!found.notable());
    }

    /// Two bins at .5 and .5 against .25 and .75: the index is (.25 ln 1.5 / ... ) by hand.
    #[test]
    fn the_index_is_that_of_its_definition() {
        let (before, after) = ([0.0, 0.0, 1.0, 1.0], [0.0, 1.0, 1.0, 1.0]);
        let found = drift("x", &before, &after).expect("drift");
        let by_hand = (0.25 - 0.5) * (0.25_f64 / 0.5).ln() + (0.75 - 0.5) * (0.75_f64 / 0.5).ln();
        assert!((found.psi - by_hand).abs() < 1e-12, "{found:?}");
        assert!((found.ks - 0.25).abs() < 1e-12);
        // A missing value is a bin of its own; an empty bin counts as a ten-thousandth.
        let found = drift("x", &[0.0, 1.0], &[0.0, f64::NAN]).expect("drift");
        let by_hand = (1e-4 - 0.5) * (1e-4_f64 / 0.5).ln() + (0.5 - 1e-4) * (0.5_f64 / 1e-4).ln();
        assert!((found.psi - by_hand).abs() < 1e-12, "{found:?}");
        assert_eq!(drift("x", &[f64::NAN], &[1.0]), None);
    }

    /// R: ks.test(c(1, 2, 2, 3), c(2, 3, 4)) has D = 5/12.
    #[test]
    fn distribution_functions_differ_by_the_published_statistic() {
        assert!((kolmogorov_smirnov(&[1.0, 2.0, 2.0, 3.0], &[2.0, 3.0, 4.0]) - 5.0 / 12.0).abs() < 1e-12);
        assert_eq!(kolmogorov_smirnov(&[1.0, 2.0], &[3.0, 4.0]), 1.0);
    }

    #[test]
    fn chance_is_exceeded_about_as_often_as_said_and_a_shift_is_seen() {
        // qchisq(.99, 9) = 21.666, qchisq(.99, 1) = 6.635 in R.
        assert!((chi_squared_99(9.0) / 21.666 - 1.0).abs() < 0.005 && (chi_squared_99(1.0) / 6.635 - 1.0).abs() < 0.02);
        let mut exceeded = 0;
        for seed in 0..400 {
            let found = drift("x", &normal(500, 0.0, seed), &normal(700, 0.0, 1000 + seed)).expect("drift");
            exceeded += usize::from(found.psi > found.psi_by_chance);
        }
        assert!((0..=14).contains(&exceeded), "{exceeded} of 400");
        let found = drift("x", &normal(5000, 0.0, 1), &normal(5000, 0.6, 2)).expect("drift");
        assert!(found.large() && found.ks > 0.2, "{found:?}");
    }
}
