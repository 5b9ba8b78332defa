//! What is learned from everyone, asked without a look at each value: values at places of the order, sums of whole numbers, counts of
//! levels. So a database can answer as memory does, to the bit.

use super::matrix::{Column, FeatureMatrix};
use super::scaling::Scaling;
use crate::error::Result;
use std::collections::BTreeMap;

/// Steps into which the range of a feature is divided for sums that are exact in any order.
pub const STEPS: f64 = 16_777_216.0;

/// The customers of a project, feature by feature.
pub trait Population: Sync {
    /// How many there are.
    fn customers(&self) -> u64;

    /// What they have of the feature at this place.
    ///
    /// # Errors
    /// Where a database does not answer.
    fn values(&self, feature: usize) -> Result<Values<'_>>;
}

/// One feature of everyone.
pub enum Values<'a> {
    /// A number each.
    Numbers(Box<dyn Numbers + 'a>),
    /// A level each: how many have it, `None` is no level.
    Levels(BTreeMap<Option<String>, u64>),
}

/// The numbers of a feature; missing ones are not among them.
pub trait Numbers {
    /// How many there are.
    fn known(&self) -> u64;

    /// How many of them are 0 or less.
    fn not_positive(&self) -> u64;

    /// The values at places of the ascending order, from 0; all places are below [`Numbers::known`].
    ///
    /// # Errors
    /// Where a database does not answer.
    fn at(&self, places: &[u64]) -> Result<Vec<f64>>;

    /// The third standardised moment, or nearly: it only decides on which side of a limit a feature lies.
    ///
    /// # Errors
    /// Where a database does not answer.
    fn skewness(&self) -> Result<f64>;

    /// Sum and sum of squares of the [`Ruler::steps`] of the values.
    ///
    /// # Errors
    /// Where a database does not answer.
    fn sums(&self, ruler: &Ruler) -> Result<(i128, i128)>;
}

/// The range of a feature after transform and clipping, in whole steps.
#[derive(Debug, Clone, PartialEq)]
pub struct Ruler {
    /// Transform, what is missing, and clipping; mean and deviation are not known yet.
    pub scaling: Scaling,
    /// Where the steps begin.
    pub from: f64,
    /// How far they reach; above 0.
    pub range: f64,
}

impl Ruler {
    /// The nearest step of a value.
    pub fn steps(&self, value: f64) -> i64 {
        ((self.scaling.clipped(value) - self.from) / self.range * STEPS + 0.5).floor() as i64
    }
}

/// Numbers in memory, ascending.
pub struct Sorted(Vec<f64>);

impl Sorted {
    /// Those of some values that are not missing.
    pub fn of(values: &[f64]) -> Self {
        let mut sorted: Vec<f64> = values.iter().copied().filter(|v| !v.is_nan()).collect();
        sorted.sort_by(f64::total_cmp);
        Self(sorted)
    }
}

impl Numbers for Sorted {
    fn known(&self) -> u64 {
        self.0.len() as u64
    }

    fn not_positive(&self) -> u64 {
        self.0.partition_point(|v| *v <= 0.0) as u64
    }

    fn at(&self, places: &[u64]) -> Result<Vec<f64>> {
        Ok(places.iter().map(|place| self.0[*place as usize]).collect())
    }

    fn skewness(&self) -> Result<f64> {
        let n = self.0.len() as f64;
        let mean = self.0.iter().sum::<f64>() / n;
        let moment = |power: i32| self.0.iter().map(|v| (v - mean).powi(power)).sum::<f64>() / n;
        let variance = moment(2);
        Ok(if variance > 0.0 { moment(3) / variance.powf(1.5) } else { 0.0 })
    }

    fn sums(&self, ruler: &Ruler) -> Result<(i128, i128)> {
        Ok(self.0.iter().fold((0, 0), |(sum, squares), value| {
            let steps = i128::from(ruler.steps(*value));
            (sum + steps, squares + steps * steps)
        }))
    }
}

/// The value at a share of the order by linear interpolation (type 7 of Hyndman & Fan 1996), of numbers after `map`, which keeps the order;
/// `NaN` for none. `from` is how many of the lowest are left out.
pub(super) fn quantiles(
    numbers: &dyn Numbers,
    from: u64,
    shares: &[f64],
    map: impl Fn(f64) -> f64,
) -> Result<Vec<f64>> {
    let n = numbers.known() - from;
    if n == 0 {
        return Ok(vec![f64::NAN; shares.len()]);
    }
    let position = |share: f64| (n - 1) as f64 * share;
    let places = shares.iter().flat_map(|share| {
        let low = position(*share).floor() as u64;
        [from + low, from + (low + 1).min(n - 1)]
    });
    let found = numbers.at(&places.collect::<Vec<_>>())?;
    Ok((shares.iter().zip(found.chunks_exact(2)))
        .map(|(share, ends)| {
            let (position, low, high) = (position(*share), map(ends[0]), map(ends[1]));
            low + (position - position.floor()) * (high - low)
        })
        .collect())
}

impl Population for FeatureMatrix {
    fn customers(&self) -> u64 {
        self.len() as u64
    }

    fn values(&self, feature: usize) -> Result<Values<'_>> {
        Ok(match &self.columns[feature] {
            Column::Number(values) => Values::Numbers(Box::new(Sorted::of(values))),
            Column::Level(values) => {
                let mut counts: BTreeMap<Option<&str>, u64> = BTreeMap::new();
                for value in values {
                    *counts.entry(value.as_deref()).or_default() += 1;
                }
                Values::Levels(counts.into_iter().map(|(level, n)| (level.map(String::from), n)).collect())
            }
        })
    }
}
