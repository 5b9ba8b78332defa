//! Rates of few trials, pulled towards the population: one open of one e-mail is not 100 %.
//!
//! Beta-binomial empirical Bayes: a customer's rate is `(hits + m k) / (trials + k)` with the population's mean `m` and a
//! strength `k` of maximum likelihood, learned once at fit and stored in the model.

use super::matrix::{Column, FeatureMatrix, Observed, ObservedColumn};
use super::{Feature, Measure};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Strength where the data are too few to tell it.
const DEFAULT_STRENGTH: f64 = 20.0;

/// The strengths that are searched.
const STRENGTHS: (f64, f64) = (1.0, 1e4);

/// Customers with trials below which the default strength is taken.
const ENOUGH: usize = 30;

/// What a rate is pulled towards, and how strongly.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Smoothing {
    /// Share of hits among all trials of the population.
    pub mean: f64,
    /// Trials that the mean is worth.
    pub strength: f64,
}

/// Everything the features of a model learned from the population.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Learned {
    /// Per rate, by feature name.
    pub rates: BTreeMap<String, Smoothing>,
}

impl Smoothing {
    /// Learns mean and strength. `hits` and `trials` hold whole numbers, one per customer, hits at most trials.
    pub fn fit(hits: &[f64], trials: &[f64]) -> Self {
        let total: f64 = trials.iter().sum();
        let mean = if total > 0.0 { hits.iter().sum::<f64>() / total } else { 0.0 };
        let with_trials = trials.iter().filter(|t| **t > 0.0).count();
        if with_trials < ENOUGH || mean <= 0.0 || mean >= 1.0 {
            return Self { mean, strength: DEFAULT_STRENGTH };
        }
        let tails = Tails::of(hits, trials);
        // Golden section over the logarithm of the strength; the likelihood has one maximum in practice.
        let ratio = (5f64.sqrt() - 1.0) / 2.0;
        let (mut low, mut high) = (STRENGTHS.0.ln(), STRENGTHS.1.ln());
        for _ in 0..60 {
            let left = high - ratio * (high - low);
            let right = low + ratio * (high - low);
            if tails.likelihood(mean, left.exp()) >= tails.likelihood(mean, right.exp()) {
                high = right;
            } else {
                low = left;
            }
        }
        Self { mean, strength: f64::midpoint(low, high).exp() }
    }

    /// The smoothed rate of one customer; the mean without trials.
    pub fn rate(&self, hits: f64, trials: f64) -> f64 {
        (hits + self.mean * self.strength) / (trials + self.strength)
    }
}

/// How many customers have more than `i` hits, misses and trials. With whole numbers the beta functions of the likelihood
/// are sums of logarithms, `ln B(h + a, n - h + b) - ln B(a, b) = Σ_{i<h} ln(a+i) + Σ_{i<n-h} ln(b+i) - Σ_{i<n} ln(a+b+i)`,
/// so customers are counted once and no gamma function is needed.
struct Tails {
    hits: Vec<f64>,
    misses: Vec<f64>,
    trials: Vec<f64>,
}

impl Tails {
    fn of(hits: &[f64], trials: &[f64]) -> Self {
        let tail = |values: &mut dyn Iterator<Item = f64>| {
            let mut counts: Vec<f64> = Vec::new();
            for value in values {
                let value = value.max(0.0) as usize;
                if counts.len() < value {
                    counts.resize(value, 0.0);
                }
                if value > 0 {
                    counts[value - 1] += 1.0;
                }
            }
            let mut more = 0.0;
            for count in counts.iter_mut().rev() {
                more += *count;
                *count = more;
            }
            counts
        };
        Self {
            hits: tail(&mut hits.iter().copied()),
            misses: tail(&mut hits.iter().zip(trials).map(|(h, t)| t - h)),
            trials: tail(&mut trials.iter().copied()),
        }
    }

    fn likelihood(&self, mean: f64, strength: f64) -> f64 {
        let sum = |counts: &[f64], start: f64| {
            counts.iter().enumerate().map(|(i, n)| n * (start + i as f64).ln()).sum::<f64>()
        };
        sum(&self.hits, mean * strength) + sum(&self.misses, (1.0 - mean) * strength) - sum(&self.trials, strength)
    }
}

impl Learned {
    /// Learns from what an engine observed; `features` belong to its columns.
    pub fn fit(observed: &Observed, features: &[Feature]) -> Self {
        let rates = features
            .iter()
            .zip(&observed.columns)
            .filter_map(|(feature, column)| match column {
                ObservedColumn::Counts { hits, trials } => Some((feature.name.clone(), Smoothing::fit(hits, trials))),
                _ => None,
            })
            .collect();
        Self { rates }
    }

    /// Turns observations into features, with what was learned.
    ///
    /// # Errors
    /// E0603 if a rate was never learned: the model does not belong to these features.
    pub fn resolve(&self, observed: Observed, features: Vec<Feature>) -> Result<FeatureMatrix> {
        let mut columns = Vec::with_capacity(features.len());
        for (feature, column) in features.iter().zip(observed.columns) {
            columns.push(match column {
                ObservedColumn::Number(values) => Column::Number(values),
                ObservedColumn::Level(values) => Column::Level(values),
                ObservedColumn::Counts { hits, trials } => {
                    let smoothing = self.rates.get(&feature.name).ok_or_else(|| {
                        Error::new("E0603", format!("the model holds no smoothing for `{}`", feature.name))
                            .help("restore the model file, or run `ilk run` again")
                    })?;
                    Column::Number(hits.iter().zip(&trials).map(|(h, t)| smoothing.rate(*h, *t)).collect())
                }
            });
        }
        debug_assert!(
            features.iter().all(|f| !matches!(f.measure, Measure::Rate { .. }) || self.rates.contains_key(&f.name))
        );
        Ok(FeatureMatrix { ids: observed.ids, features, columns })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_one_is_never_all() {
        let hits: Vec<f64> = (0..200).map(|i| f64::from(i % 3)).collect();
        let trials = vec![10.0; 200];
        let smoothing = Smoothing::fit(&hits, &trials);
        assert!((smoothing.mean - 0.0995).abs() < 1e-9);
        assert!(smoothing.rate(1.0, 1.0) < 0.2);
        assert_eq!(smoothing.rate(0.0, 0.0), smoothing.mean);
    }

    #[test]
    fn the_strength_follows_how_much_customers_differ() {
        // Everybody near the mean: the population is worth a lot. Two opposite camps: it is worth little.
        let same = Smoothing::fit(&vec![5.0; 400], &vec![10.0; 400]);
        let camps: Vec<f64> = (0..400).map(|i| if i % 2 == 0 { 0.0 } else { 10.0 }).collect();
        let apart = Smoothing::fit(&camps, &vec![10.0; 400]);
        assert!(same.strength > 1e3, "{}", same.strength);
        assert!(apart.strength < 2.0, "{}", apart.strength);
    }

    #[test]
    fn a_known_beta_binomial_is_recovered() {
        // Expected counts of the beta-binomial (n = 4, a = 2, b = 3), times 7,000: P(h) = C(4,h) B(h+2, 7-h) / B(2,3).
        let counts = [1500, 2000, 1800, 1200, 500];
        let hits: Vec<f64> = counts.iter().enumerate().flat_map(|(h, n)| std::iter::repeat_n(h as f64, *n)).collect();
        let smoothing = Smoothing::fit(&hits, &vec![4.0; hits.len()]);
        assert!((smoothing.mean - 0.4).abs() < 1e-9, "{}", smoothing.mean);
        assert!((smoothing.strength - 5.0).abs() < 0.01, "{}", smoothing.strength);
    }

    #[test]
    fn few_customers_take_the_default() {
        assert_eq!(Smoothing::fit(&[1.0], &[1.0]).strength, DEFAULT_STRENGTH);
        assert_eq!(Smoothing::fit(&[], &[]), Smoothing { mean: 0.0, strength: DEFAULT_STRENGTH });
    }
}
