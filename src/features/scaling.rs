//! One numeric feature: transform, impute, winsorise, standardise. Learned once, the same for every later customer.

use super::Unit;
use super::population::{Numbers, Ruler, STEPS, quantiles};
use crate::error::Result;
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

/// `ln(1 + x)` for `x` from 0 on, of nothing but IEEE operations that round correctly, so that every machine and every database that has
/// them gets the same bits; within 2^-50 of the true value. The power of two is taken off, and what is left is
/// `2 artanh((m - 1) / (m + 1))` by its series (Abramowitz & Stegun 1964, 4.1.27).
pub fn ln_1p(x: f64) -> f64 {
    // Beyond this no feature reaches, and a database counts binary digits of whole numbers.
    let y = (1.0 + x).min(LARGEST);
    let bits = y.to_bits() >> 52;
    let m = y / f64::from_bits(bits << 52);
    let exponent = bits as f64 - 1023.0;
    let (m, exponent) = if m > std::f64::consts::SQRT_2 { (m * 0.5, exponent + 1.0) } else { (m, exponent) };
    let s = (m - 1.0) / (m + 1.0);
    let series = SERIES.iter().fold(0.0, |sum, odd| sum * (s * s) + 1.0 / odd);
    exponent * std::f64::consts::LN_2 + 2.0 * s * series
}

/// The largest argument of the logarithm.
pub(crate) const LARGEST: f64 = 4_611_686_018_427_387_904.0;

/// Divisors of the series, the last term first: the next would be below 2^-58.
pub(crate) const SERIES: [f64; 11] = [21.0, 19.0, 17.0, 15.0, 13.0, 11.0, 9.0, 7.0, 5.0, 3.0, 1.0];

impl Transform {
    /// The transform of a unit; plain numbers take the logarithm when they are positive and skewed (skewness above 1).
    fn choose(unit: &Unit, numbers: &dyn Numbers) -> Result<Self> {
        let scaled = || -> Result<Self> {
            let not_positive = numbers.not_positive();
            if not_positive == numbers.known() {
                return Ok(Transform::Identity);
            }
            let scale = quantiles(numbers, not_positive, &[0.5], |value| value)?[0];
            Ok(Transform::LogScaled { scale })
        };
        let skewed = || -> Result<bool> { Ok(numbers.at(&[0])?[0] >= 0.0 && numbers.skewness()? > 1.0) };
        Ok(match unit {
            Unit::Money => scaled()?,
            Unit::Count | Unit::Days | Unit::Kilometres => Transform::Log1p,
            Unit::Share | Unit::Change | Unit::Nps | Unit::Years | Unit::Level => Transform::Identity,
            Unit::Number if numbers.known() > 0 && skewed()? => scaled()?,
            Unit::Number => Transform::Identity,
        })
    }

    /// The transformed value; `NaN` stays.
    pub fn apply(self, value: f64) -> f64 {
        // `max` would turn a missing value into 0.
        let positive = if value < 0.0 { 0.0 } else { value };
        match self {
            Transform::Identity => value,
            Transform::Log1p => ln_1p(positive),
            Transform::LogScaled { scale } => ln_1p(positive / scale),
        }
    }
}

impl Scaling {
    /// Learns the chain from the `numbers` that are known of so many customers. `winsorize` is the share clipped at each end; a column that
    /// only clipping would make constant is not clipped. Mean and deviation are those of the nearest steps of a [`Ruler`], so that no
    /// order of sums can change them.
    ///
    /// # Errors
    /// Where a database does not answer.
    pub fn fit(numbers: &dyn Numbers, customers: u64, unit: &Unit, winsorize: f64) -> Result<Self> {
        let transform = Transform::choose(unit, numbers)?;
        let unknown = Self { transform, fill: 0.0, clip: None, mean: 0.0, sd: 0.0, known: false };
        let known = numbers.known();
        if known == 0 {
            return Ok(unknown);
        }
        // Every transform is monotone, so the order is kept.
        let cuts = quantiles(numbers, 0, &[0.5, winsorize, 1.0 - winsorize, 0.0, 1.0], |v| transform.apply(v))?;
        let [fill, low, high, least, greatest] = cuts[..] else { return Ok(unknown) };
        let clip = (low < high).then_some((low, high));
        let this = Self { fill, clip, known: true, ..unknown };
        let (from, to) = clip.unwrap_or((least, greatest));
        if from >= to {
            return Ok(Self { mean: from, ..this });
        }
        let ruler = Ruler { scaling: this.clone(), from, range: to - from };
        let (sum, squares) = numbers.sums(&ruler)?;
        let (n, missing, steps) = (customers as f64, i128::from(customers - known), i128::from(ruler.steps(f64::NAN)));
        let (sum, squares) = (sum + missing * steps, squares + missing * steps * steps);
        let mean = sum as f64 / n;
        // n times the variance is whole, so nothing is lost before the last division.
        let variance = (squares * i128::from(customers) - sum * sum) as f64 / (n * n);
        let step = ruler.range / STEPS;
        Ok(Self { mean: from + mean * step, sd: variance.sqrt() * step, ..this })
    }

    /// The value on the transformed scale, missing ones filled in, within the clip.
    pub fn clipped(&self, value: f64) -> f64 {
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
    use super::super::population::Sorted;
    use super::*;

    fn fit(values: &[f64], unit: &Unit) -> Scaling {
        Scaling::fit(&Sorted::of(values), values.len() as u64, unit, 0.005).expect("a scaling")
    }

    fn moments(values: &[f64]) -> (f64, f64) {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        (mean, (values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n).sqrt())
    }

    #[test]
    fn quantiles_are_type_7() {
        // R: quantile(c(1, 2, 3, 4), c(.25, .5, .9))
        let values = [1.0, 2.0, 3.0, 4.0];
        assert_eq!(quantile(&values, 0.25), 1.75);
        assert_eq!(quantile(&values, 0.5), 2.5);
        assert!((quantile(&values, 0.9) - 3.7).abs() < 1e-12);
        let found = quantiles(&Sorted::of(&values), 0, &[0.25, 0.5, 0.9], |v| v).expect("quantiles");
        assert_eq!(found, [0.25, 0.5, 0.9].map(|share| quantile(&values, share)));
        assert_eq!(quantiles(&Sorted::of(&values), 2, &[0.5], |v| v).expect("quantiles"), [3.5]);
    }

    #[test]
    fn the_logarithm_is_that_of_libm_within_the_last_bits() {
        let mut x = 1e-12;
        while x < 1e15 {
            let (ours, theirs) = (ln_1p(x), libm::log1p(x));
            assert!((ours - theirs).abs() <= theirs.max(1.0) * 2f64.powi(-50), "{x}: {ours} {theirs}");
            x *= 1.003;
        }
        assert_eq!((ln_1p(0.0), ln_1p(1.0)), (0.0, std::f64::consts::LN_2));
        assert!((1..100_000).all(|i| ln_1p(f64::from(i) / 100.0) > ln_1p(f64::from(i - 1) / 100.0)));
    }

    #[test]
    fn money_does_not_depend_on_its_unit() {
        let pounds: Vec<f64> = (1..200).map(|i| f64::from(i) * 1.37).collect();
        let pence: Vec<f64> = pounds.iter().map(|v| v * 100.0).collect();
        let (a, b) = (fit(&pounds, &Unit::Money), fit(&pence, &Unit::Money));
        assert!(pounds.iter().zip(&pence).all(|(x, y)| (a.score(*x) - b.score(*y)).abs() < 1e-6));
    }

    #[test]
    fn scores_have_mean_0_and_sd_1_and_missing_takes_the_median() {
        let mut values: Vec<f64> = (0..999).map(|i| f64::from(i % 37)).collect();
        let scaling = fit(&values, &Unit::Count);
        let (mean, sd) = moments(&values.iter().map(|v| scaling.score(*v)).collect::<Vec<_>>());
        assert!(mean.abs() < 1e-7 && (sd - 1.0).abs() < 1e-7, "{mean} {sd}");
        values.push(f64::NAN);
        let scaling = fit(&values, &Unit::Count);
        assert_eq!(scaling.score(f64::NAN), scaling.score(18.0));
        let (mean, sd) = moments(&values.iter().map(|v| scaling.score(*v)).collect::<Vec<_>>());
        assert!(mean.abs() < 1e-7 && (sd - 1.0).abs() < 1e-7, "{mean} {sd}");
    }

    #[test]
    fn tiny_and_huge_numbers_are_measured_alike() {
        let small: Vec<f64> = (0..500).map(|i| f64::from(i) * 1e-9).collect();
        let large: Vec<f64> = small.iter().map(|v| v * 1e15 + 1e9).collect();
        let (a, b) = (fit(&small, &Unit::Number), fit(&large, &Unit::Number));
        assert!(small.iter().zip(&large).all(|(x, y)| (a.score(*x) - b.score(*y)).abs() < 1e-6));
    }

    #[test]
    fn what_only_clipping_would_make_constant_is_not_clipped() {
        let mut values = vec![0.0; 1000];
        values[0] = 1.0;
        let scaling = fit(&values, &Unit::Count);
        assert_eq!(scaling.clip, None);
        assert!(scaling.sd > 0.0);
        assert_eq!(fit(&[0.1; 30], &Unit::Number).sd, 0.0);
        assert!(!fit(&[f64::NAN; 30], &Unit::Number).known);
    }
}
