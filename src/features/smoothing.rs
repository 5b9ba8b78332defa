//! What features learn from the population, so that few observations say little.
//!
//! Rates of few trials are pulled towards the population: one open of one e-mail is not 100 %.
//!
//! Beta-binomial empirical Bayes: a customer's rate is `(hits + m k) / (trials + k)` with the population's mean `m` and a
//! strength `k` of maximum likelihood, learned once at fit and stored in the model.

use super::matrix::{Column, FeatureMatrix, Observed, ObservedColumn};
use super::scaling::quantile;
use super::{Feature, Measure, rules};
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

/// Gaps that the population's mean gap is worth beside a customer's own.
const GAP_STRENGTH: f64 = 2.0;

/// Everything the features of a model learned from the population.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Learned {
    /// Per rate, by feature name.
    pub rates: BTreeMap<String, Smoothing>,
    /// Mean days between distinct days of all customers together, per feature that compares with a customer's own rhythm;
    /// absent where nobody came twice.
    #[serde(default)]
    pub gaps: BTreeMap<String, f64>,
    /// The value beyond which `yes` is said, per feature.
    #[serde(default)]
    pub cuts: BTreeMap<String, f64>,
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
        let mut learned = Self::default();
        for (feature, column) in features.iter().zip(&observed.columns) {
            let name = feature.name.clone();
            match column {
                ObservedColumn::Counts { hits, trials } => {
                    learned.rates.insert(name, Smoothing::fit(hits, trials));
                }
                ObservedColumn::Gaps { sum, count, .. } => {
                    let known = |values: &[f64]| values.iter().filter(|v| !v.is_nan()).sum::<f64>();
                    let (days, gaps) = (known(sum), known(count));
                    if gaps > 0.0 {
                        learned.gaps.insert(name, days / gaps);
                    }
                }
                ObservedColumn::Compared(values) => {
                    let mut sorted: Vec<f64> = values.iter().copied().filter(|v| !v.is_nan()).collect();
                    sorted.sort_by(f64::total_cmp);
                    if let (Measure::Beyond { quantile: at, .. }, false) = (&feature.measure, sorted.is_empty()) {
                        learned.cuts.insert(name, quantile(&sorted, *at));
                    }
                }
                ObservedColumn::Number(_) | ObservedColumn::Level(_) | ObservedColumn::Derived => {}
            }
        }
        learned
    }

    /// Turns observations into features, with what was learned.
    ///
    /// # Errors
    /// E0603 if a rate was never learned: the model does not belong to these features. E0203 if a rule compares a feature
    /// that is not before it.
    pub fn resolve(&self, observed: Observed, features: Vec<Feature>) -> Result<FeatureMatrix> {
        let mut matrix = FeatureMatrix { ids: observed.ids, features: Vec::new(), columns: Vec::new() };
        for (feature, column) in features.into_iter().zip(observed.columns) {
            let resolved = match column {
                ObservedColumn::Number(values) => Column::Number(values),
                ObservedColumn::Level(values) => Column::Level(values),
                ObservedColumn::Counts { hits, trials } => {
                    let smoothing = self.rates.get(&feature.name).ok_or_else(|| {
                        Error::new("E0603", format!("the model holds no smoothing for `{}`", feature.name))
                            .help("restore the model file, or run `ilk run` again")
                    })?;
                    Column::Number(hits.iter().zip(&trials).map(|(h, t)| smoothing.rate(*h, *t)).collect())
                }
                ObservedColumn::Gaps { since, sum, count } => {
                    let mean = self.gaps.get(&feature.name).copied().unwrap_or(f64::NAN);
                    let ratio = |i: usize| since[i] / ((sum[i] + GAP_STRENGTH * mean) / (count[i] + GAP_STRENGTH));
                    Column::Number((0..since.len()).map(ratio).collect())
                }
                ObservedColumn::Compared(values) => {
                    let cut = self.cuts.get(&feature.name).copied().unwrap_or(f64::INFINITY);
                    Column::Level(
                        values.iter().map(|v| Some(if *v > cut { "yes" } else { "no" }.to_string())).collect(),
                    )
                }
                ObservedColumn::Derived => match &feature.measure {
                    Measure::Rules { rules, otherwise } => Column::Level(rules::apply(rules, otherwise, &matrix)?),
                    _ => {
                        return Err(Error::new("E0070", format!("nothing was observed for `{}`", feature.name))
                            .help("please report it with the command you ran"));
                    }
                },
            };
            matrix.features.push(feature);
            matrix.columns.push(resolved);
        }
        Ok(matrix)
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
    fn a_rhythm_of_one_order_is_everybodys() {
        use super::super::{Family, Rows, Unit};
        let feature = |name: &str, measure| Feature::new(name, name, Family::Rfm, Unit::Number, measure);
        let features = vec![
            feature("overdue", Measure::Overdue(Rows::sales())),
            feature("big", Measure::Beyond { of: Box::new(Measure::Amount(Rows::sales())), quantile: 0.5 }),
        ];
        let observed = Observed {
            ids: ["a", "b"].map(String::from).to_vec(),
            columns: vec![
                ObservedColumn::Gaps { since: vec![30.0, 30.0], sum: vec![0.0, 40.0], count: vec![0.0, 4.0] },
                ObservedColumn::Compared(vec![1.0, 5.0]),
            ],
        };
        let learned = Learned::fit(&observed, &features);
        assert_eq!((learned.gaps["overdue"], learned.cuts["big"]), (10.0, 3.0));
        let matrix = learned.resolve(observed, features).expect("features");
        // One order: 30 days against a mean of 10. Four gaps of 10 and two more of everybody's: the same.
        assert_eq!(matrix.columns[0], Column::Number(vec![3.0, 3.0]));
        assert_eq!(matrix.columns[1], Column::Level(vec![Some("no".into()), Some("yes".into())]));
    }

    #[test]
    fn few_customers_take_the_default() {
        assert_eq!(Smoothing::fit(&[1.0], &[1.0]).strength, DEFAULT_STRENGTH);
        assert_eq!(Smoothing::fit(&[], &[]), Smoothing { mean: 0.0, strength: DEFAULT_STRENGTH });
    }
}
