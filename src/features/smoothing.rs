//! What features learn from the population, so that few observations say little.
//!
//! Rates of few trials are pulled towards the population: one open of one e-mail is not 100 %.
//!
//! Beta-binomial empirical Bayes: a customer's rate is `(hits + m k) / (trials + k)` with the population's mean `m` and a
//! strength `k` of maximum likelihood, learned once at fit and stored in the model.

use super::matrix::{Column, FeatureMatrix, Observed, ObservedColumn};
use super::population::{Numbers, Sorted, quantiles};
use super::{Feature, Measure, rules};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Strength where the data are too few to tell it.
const DEFAULT_STRENGTH: f64 = 20.0;

/// The strengths that are searched.
const STRENGTHS: (f64, f64) = (1.0, 1e4);

/// Customers with trials below which the default strength is taken.
const ENOUGH: u64 = 30;

/// How many customers have so many hits among so many trials.
pub type Counts = BTreeMap<(u64, u64), u64>;

/// What a feature learns from, of a population wherever it is.
pub enum Told<'a> {
    /// Hits and trials.
    Rates(Counts),
    /// Days between distinct days of all customers together, and how many gaps.
    Gaps {
        /// Days.
        days: u64,
        /// Gaps.
        gaps: u64,
    },
    /// Numbers that are compared with a quantile.
    Compared(Box<dyn Numbers + 'a>),
    /// It learns nothing.
    Nothing,
}

/// A population before anything was learned from it.
pub trait Observations {
    /// What the feature at this place learns from.
    ///
    /// # Errors
    /// Where a database does not answer.
    fn told(&self, feature: usize) -> Result<Told<'_>>;
}

impl Observations for Observed {
    fn told(&self, feature: usize) -> Result<Told<'_>> {
        let whole = |value: &f64| value.max(0.0) as u64;
        Ok(match &self.columns[feature] {
            ObservedColumn::Counts { hits, trials } => {
                // Where trials are not known there are none, and no hits either.
                let pair = |(h, t): (&f64, &f64)| (whole(h).min(whole(t)), whole(t));
                let mut pairs: Vec<(u64, u64)> = hits.iter().zip(trials).map(pair).collect();
                pairs.sort_unstable();
                Told::Rates(pairs.chunk_by(|a, b| a == b).map(|same| (same[0], same.len() as u64)).collect())
            }
            ObservedColumn::Gaps { sum, count, .. } => {
                // Missing ones count as 0.
                let known = |values: &[f64]| values.iter().map(whole).sum();
                Told::Gaps { days: known(sum), gaps: known(count) }
            }
            ObservedColumn::Compared(values) => Told::Compared(Box::new(Sorted::of(values))),
            ObservedColumn::Number(_) | ObservedColumn::Level(_) | ObservedColumn::Derived => Told::Nothing,
        })
    }
}

/// What a rate is pulled towards, and how strongly.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Smoothing {
    /// Share of hits among all trials of the population.
    pub mean: f64,
    /// Trials that the mean is worth.
    pub strength: f64,
}

/// Gaps that the population's mean gap is worth beside a customer's own.
pub(crate) const GAP_STRENGTH: f64 = 2.0;

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
    /// Learns mean and strength from how many customers have so many hits among so many trials, hits at most trials.
    pub fn fit(counts: &Counts) -> Self {
        let hits: u64 = counts.iter().map(|((hits, _), n)| hits * n).sum();
        let total: u64 = counts.iter().map(|((_, trials), n)| trials * n).sum();
        let mean = if total > 0 { hits as f64 / total as f64 } else { 0.0 };
        let with_trials: u64 = counts.iter().filter(|((_, trials), _)| *trials > 0).map(|(_, n)| n).sum();
        if with_trials < ENOUGH || mean <= 0.0 || mean >= 1.0 {
            return Self { mean, strength: DEFAULT_STRENGTH };
        }
        let tails = Tails::of(counts);
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
    fn of(counts: &Counts) -> Self {
        let tail = |of: fn(&(u64, u64)) -> u64| {
            let mut tail: Vec<f64> = Vec::new();
            for (pair, n) in counts {
                let value = of(pair) as usize;
                if tail.len() < value {
                    tail.resize(value, 0.0);
                }
                if value > 0 {
                    tail[value - 1] += *n as f64;
                }
            }
            let mut more = 0.0;
            for count in tail.iter_mut().rev() {
                more += *count;
                *count = more;
            }
            tail
        };
        Self {
            hits: tail(|(hits, _)| *hits),
            misses: tail(|(hits, trials)| trials - hits),
            trials: tail(|(_, trials)| *trials),
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
    /// Learns from what an engine observed of `features`.
    ///
    /// # Errors
    /// Where a database does not answer.
    pub fn fit(observed: &dyn Observations, features: &[Feature]) -> Result<Self> {
        let mut learned = Self::default();
        for (at, feature) in features.iter().enumerate() {
            let name = feature.name.clone();
            match observed.told(at)? {
                Told::Rates(counts) => {
                    learned.rates.insert(name, Smoothing::fit(&counts));
                }
                Told::Gaps { days, gaps } if gaps > 0 => {
                    learned.gaps.insert(name, days as f64 / gaps as f64);
                }
                Told::Compared(numbers) if numbers.known() > 0 => {
                    if let Measure::Beyond { quantile, .. } = &feature.measure {
                        learned.cuts.insert(name, quantiles(numbers.as_ref(), 0, &[*quantile], |value| value)?[0]);
                    }
                }
                Told::Gaps { .. } | Told::Compared(_) | Told::Nothing => {}
            }
        }
        Ok(learned)
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
        let smoothing = Smoothing::fit(&Counts::from([((0, 10), 67), ((1, 10), 67), ((2, 10), 66)]));
        assert!((smoothing.mean - 0.0995).abs() < 1e-9);
        assert!(smoothing.rate(1.0, 1.0) < 0.2);
        assert_eq!(smoothing.rate(0.0, 0.0), smoothing.mean);
    }

    #[test]
    fn the_strength_follows_how_much_customers_differ() {
        // Everybody near the mean: the population is worth a lot. Two opposite camps: it is worth little.
        let same = Smoothing::fit(&Counts::from([((5, 10), 400)]));
        let apart = Smoothing::fit(&Counts::from([((0, 10), 200), ((10, 10), 200)]));
        assert!(same.strength > 1e3, "{}", same.strength);
        assert!(apart.strength < 2.0, "{}", apart.strength);
    }

    #[test]
    fn a_known_beta_binomial_is_recovered() {
        // Expected counts of the beta-binomial (n = 4, a = 2, b = 3), times 7,000: P(h) = C(4,h) B(h+2, 7-h) / B(2,3).
        let counts = [1500, 2000, 1800, 1200, 500];
        let smoothing = Smoothing::fit(&(0..).zip(counts).map(|(hits, n)| ((hits, 4), n)).collect());
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
        let learned = Learned::fit(&observed, &features).expect("what is learned");
        assert_eq!((learned.gaps["overdue"], learned.cuts["big"]), (10.0, 3.0));
        let matrix = learned.resolve(observed, features).expect("features");
        // One order: 30 days against a mean of 10. Four gaps of 10 and two more of everybody's: the same.
        assert_eq!(matrix.columns[0], Column::Number(vec![3.0, 3.0]));
        assert_eq!(matrix.columns[1], Column::Level(vec![Some("no".into()), Some("yes".into())]));
    }

    #[test]
    fn there_are_no_hits_of_unknown_trials() {
        let mut hits = vec![1.0; 40];
        let mut trials = vec![4.0; 40];
        hits.push(3.0);
        trials.push(f64::NAN);
        let observed = Observed { ids: Vec::new(), columns: vec![ObservedColumn::Counts { hits, trials }] };
        let Told::Rates(counts) = observed.told(0).expect("rates") else { panic!("rates") };
        assert_eq!(counts, Counts::from([((0, 0), 1), ((1, 4), 40)]));
        assert_eq!(Smoothing::fit(&counts).mean, 0.25);
    }

    #[test]
    fn few_customers_take_the_default() {
        assert_eq!(Smoothing::fit(&Counts::from([((1, 1), 1)])).strength, DEFAULT_STRENGTH);
        assert_eq!(Smoothing::fit(&Counts::new()), Smoothing { mean: 0.0, strength: DEFAULT_STRENGTH });
    }
}
