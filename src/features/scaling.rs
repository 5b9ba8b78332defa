//! One numeric feature: transform, impute, winsorise, standardise. Learned once, the same for every later customer.

use super::Unit;
use serde::{Deserialize, Serialize};

/// How a value is bent before customers are compared.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transform {
    /// As it is.
    Identity,
    /// `ln(1 + max(x, 0))`: counts and days.
    Log1p,
    /// `ln(1 + max(x, 0) / scale)`: money, so that pence and pounds give the same segments.
    LogScaled {
        /// Median of the positive values.
        scale: f64,
    },
}

/// A fitted chain for one numeric feature.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scaling {
    /// First step.
    pub transform: Transform,
    /// What a missing value becomes, on the transformed scale: the median.
    pub fill: f64,
    /// Transformed values are clipped to this range; infinite ends are written as none.
    pub clip: Option<(f64, f64)>,
    /// Mean after clipping.
    pub mean: f64,
    /// Standard deviation (population) after clipping; 0 for a constant.
    pub sd: f64,
    /// Whether any value was there.
    pub known: bool,
}

/// Quantile of ascending values by linear interpolation (type 7 of Hyndman & Fan 1996). `NaN` for none.
pub fn quantile(sorted: &[f64], p: f64) -> f64 {
    if sorted.is_empty() {
        return f64::NAN;
    }
    let position = (sorted.len() - 1) as f64 * p;
    let low = position.floor() as usize;
    let high = (low + 1).min(sorted.len() - 1);
    sorted[low] + (position - low as f64) * (sorted[high] - sorted[low])
}

/// Mean and population standard deviation, summed in the order given.
fn moments(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let n = values.clone().count() as f64;
    if n == 0.0 {
        return (0.0, 0.0);
    }
    let mean = values.clone().sum::<f64>() / n;
    let variance = values.map(|v| (v - mean) * (v - mean)).sum::<f64>() / n;
    (mean, variance.sqrt())
}

/// Skewness as the third standardised moment.
fn skewness(values: &[f64]) -> f64 {
    let (mean, sd) = moments(values.iter().copied());
    if sd == 0.0 {
        return 0.0;
    }
    values.iter().map(|v| ((v - mean) / sd).powi(3)).sum::<f64>() / values.len() as f64
}

impl Transform {
    /// The transform of a unit; plain numbers take the logarithm when they are positive and skewed (skewness above 1).
    fn choose(unit: &Unit, sorted: &[f64]) -> Self {
        let scaled = || {
            let positive = &sorted[sorted.partition_point(|v| *v <= 0.0)..];
            if positive.is_empty() {
                Transform::Identity
            } else {
                Transform::LogScaled { scale: quantile(positive, 0.5) }
            }
        };
        match unit {
            Unit::Money => scaled(),
            Unit::Count | Unit::Days | Unit::Kilometres => Transform::Log1p,
            Unit::Share | Unit::Change | Unit::Nps | Unit::Years | Unit::Level => Transform::Identity,
            Unit::Number if sorted.first().is_some_and(|v| *v >= 0.0) && skewness(sorted) > 1.0 => scaled(),
            Unit::Number => Transform::Identity,
        }
    }

    /// The transformed value; `NaN` stays.
    pub fn apply(self, value: f64) -> f64 {
        // `max` would turn a missing value into 0.
        let positive = if value < 0.0 { 0.0 } else { value };
        match self {
            Transform::Identity => value,
            Transform::Log1p => positive.ln_1p(),
            Transform::LogScaled { scale } => (positive / scale).ln_1p(),
        }
    }
}

impl Scaling {
    /// Learns the chain. `winsorize` is the share clipped at each end; a column that only clipping would make constant is
    /// not clipped.
    pub fn fit(values: &[f64], unit: &Unit, winsorize: f64) -> Self {
        let mut sorted: Vec<f64> = values.iter().copied().filter(|v| !v.is_nan()).collect();
        sorted.sort_by(f64::total_cmp);
        let transform = Transform::choose(unit, &sorted);
        // Every transform is monotone, so the order is kept.
        for value in &mut sorted {
            *value = transform.apply(*value);
        }
        if sorted.is_empty() {
            return Self { transform, fill: 0.0, clip: None, mean: 0.0, sd: 0.0, known: false };
        }
        let fill = quantile(&sorted, 0.5);
        let (low, high) = (quantile(&sorted, winsorize), quantile(&sorted, 1.0 - winsorize));
        let clip = (low < high).then_some((low, high));
        let mut this = Self { transform, fill, clip, mean: 0.0, sd: 0.0, known: true };
        let (mean, sd) = moments(values.iter().map(|v| this.clipped(*v)));
        // Sums of equal values may leave a trace of rounding that is no spread.
        let constant = sorted[0] == sorted[sorted.len() - 1];
        this.mean = mean;
        this.sd = if constant { 0.0 } else { sd };
        this
    }

    fn clipped(&self, value: f64) -> f64 {
        let value = if value.is_nan() { self.fill } else { self.transform.apply(value) };
        match self.clip {
            Some((low, high)) => value.clamp(low, high),
            None => value,
        }
    }

    /// The standardised value: mean 0 and standard deviation 1 over the training customers.
    pub fn score(&self, value: f64) -> f64 {
        if self.sd == 0.0 { 0.0 } else { (self.clipped(value) - self.mean) / self.sd }
    }

    /// The chain in words.
    pub fn words(&self) -> String {
        let transform = match self.transform {
            Transform::Identity => "as it is".to_string(),
            Transform::Log1p => "log(1 + x)".into(),
            Transform::LogScaled { scale } => format!("log(1 + x / {scale:.2})"),
        };
        match self.clip {
            Some((low, high)) => format!("{transform}, clipped to {low:.2} … {high:.2}, standardised"),
            None => format!("{transform}, standardised"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_type_7() {
        // R: quantile(c(1, 2, 3, 4), c(.25, .5, .9))
        let values = [1.0, 2.0, 3.0, 4.0];
        assert_eq!(quantile(&values, 0.25), 1.75);
        assert_eq!(quantile(&values, 0.5), 2.5);
        assert!((quantile(&values, 0.9) - 3.7).abs() < 1e-12);
    }

    #[test]
    fn money_does_not_depend_on_its_unit() {
        let pounds: Vec<f64> = (1..200).map(|i| f64::from(i) * 1.37).collect();
        let pence: Vec<f64> = pounds.iter().map(|v| v * 100.0).collect();
        let a = Scaling::fit(&pounds, &Unit::Money, 0.005);
        let b = Scaling::fit(&pence, &Unit::Money, 0.005);
        assert!(pounds.iter().zip(&pence).all(|(x, y)| (a.score(*x) - b.score(*y)).abs() < 1e-9));
    }

    #[test]
    fn scores_have_mean_0_and_sd_1_and_missing_takes_the_median() {
        let mut values: Vec<f64> = (0..999).map(|i| f64::from(i % 37)).collect();
        let scaling = Scaling::fit(&values, &Unit::Count, 0.005);
        let (mean, sd) = moments(values.iter().map(|v| scaling.score(*v)).collect::<Vec<_>>().into_iter());
        assert!(mean.abs() < 1e-12 && (sd - 1.0).abs() < 1e-12);
        values.push(f64::NAN);
        let scaling = Scaling::fit(&values, &Unit::Count, 0.005);
        assert_eq!(scaling.score(f64::NAN), scaling.score(18.0));
    }

    #[test]
    fn what_only_clipping_would_make_constant_is_not_clipped() {
        let mut values = vec![0.0; 1000];
        values[0] = 1.0;
        let scaling = Scaling::fit(&values, &Unit::Count, 0.005);
        assert_eq!(scaling.clip, None);
        assert!(scaling.sd > 0.0);
        assert_eq!(Scaling::fit(&[0.1; 30], &Unit::Number, 0.005).sd, 0.0);
    }
}
