//! Has a distribution more than one mode?

use super::axes::Axes;
use super::holm::holm;
use super::sample;
use crate::cluster::{Distinct, Points, squared_distance, stream};
use crate::error::Result;
use rand_distr::{Distribution, Exp1};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Samples of the uniform distribution behind a p-value, which therefore is a multiple of 1 / 10,000.
const SIMULATIONS: u64 = 9_999;

/// Above so many values the distribution of `dip * sqrt(n)` is that of so many: it converges (Hartigan & Hartigan 1985,
/// theorem 3); its 95 % point is 0.538 for 2,000 values and 0.545 for 72,000 (qDiptab of R's diptest).
const LARGEST_SAMPLE: usize = 2000;

/// Pairwise distances are those of so many customers.
const CUSTOMERS: usize = 500;

/// What a dip was measured on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sample {
    /// Customers on the first principal axis.
    FirstComponent,
    /// Euclidean distances between pairs of customers.
    PairwiseDistances,
}

/// A dip and how it compares with that of the uniform distribution.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DipTest {
    /// What it was measured on.
    pub sample: Sample,
    /// The dip, 0 to 0.25.
    pub dip: f64,
    /// Number of values.
    pub n: usize,
    /// Probability of such a dip or a larger one in as many uniform values.
    pub p: f64,
    /// The same, adjusted for both tests by [`holm`].
    pub p_holm: f64,
}

/// The dip test (Hartigan & Hartigan 1985) of customers on their first principal axis, and of the distances between pairs
/// of customers (*dip-dist*; Kalogeratos & Likas 2012 in the form of Adolfsson, Ackerman & Brownstein 2019), of 500
/// customers chosen by `seed`. Distances depend on each other, so the second is a heuristic; customers with the same
/// features are at distance 0, and many of those are a mode.
///
/// # Errors
/// `E0346` for values that are not finite, `E0347` for weights or codes, `E0403` without features, `E0499` if no axes are
/// found. No test for one customer's distances, and none at all for no customers.
pub fn dip_tests(points: Points, seed: u64) -> Result<Vec<DipTest>> {
    points.check()?;
    points.refuse_codes("the dip test")?;
    if points.x.nrows() == 0 {
        return Ok(Vec::new());
    }
    let customers = Distinct::of(points);
    let axes = Axes::of(&customers)?;
    let component: Vec<f64> = customers.x.rows().into_iter().map(|row| axes.project(row, 0)).collect();
    let rows: Vec<&[f64]> = customers.x.as_slice().unwrap_or_default().chunks_exact(customers.x.ncols()).collect();
    let chosen = sample::customers(&customers.weights, CUSTOMERS, &mut stream(seed, 0));
    let distances: Vec<f64> = (1..chosen.len())
        .into_par_iter()
        .flat_map_iter(|a| (0..a).map(|b| (rows[chosen[a]], rows[chosen[b]])).collect::<Vec<_>>())
        .map(|(a, b)| squared_distance(a, b).sqrt())
        .collect();
    let ones = vec![1.0; distances.len()];
    let measured = [
        (Sample::FirstComponent, Steps::new(&component, &customers.weights)),
        (Sample::PairwiseDistances, Steps::new(&distances, &ones)),
    ];
    let mut uniform: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    let mut tests: Vec<DipTest> = (measured.into_iter().filter(|(_, steps)| steps.total() >= 1.0))
        .map(|(sample, steps)| {
            let (dip, n) = (steps.dip(), steps.total() as usize);
            let size = n.min(LARGEST_SAMPLE);
            let uniform = uniform.entry(size).or_insert_with(|| uniform_dips(size));
            DipTest { sample, dip, n, p: share_as_large(uniform, dip, n), p_holm: 1.0 }
        })
        .collect();
    let adjusted = holm(&tests.iter().map(|test| test.p).collect::<Vec<_>>());
    tests.iter_mut().zip(adjusted).for_each(|(test, p)| test.p_holm = p);
    Ok(tests)
}

/// The dip of a sample (Hartigan & Hartigan 1985): the largest distance of its distribution function to the nearest
/// unimodal one, from `1 / (2 n)` to 0.25. The values and conventions of R's package diptest since 0.75. `None` without
/// values or if one is not finite.
pub fn dip(values: &[f64]) -> Option<f64> {
    let usable = !values.is_empty() && values.iter().all(|v| v.is_finite());
    usable.then(|| Steps::new(values, &vec![1.0; values.len()]).dip())
}

/// The probability that `n` uniform values have this dip or a larger one, the uniform distribution being the hardest
/// unimodal one to tell from several modes (Hartigan & Hartigan 1985, section 4): one more than the samples with such a dip, of 9,999
/// with a fixed seed, divided by 10,000. Standard error at most 0.005, near 0.01 it is 0.001.
pub fn p_value(dip: f64, n: usize) -> f64 {
    share_as_large(&uniform_dips(n.min(LARGEST_SAMPLE)), dip, n)
}

/// `dip * sqrt(size)` of samples of `size` uniform values.
fn uniform_dips(size: usize) -> Vec<f64> {
    let simulate = |number: u64| {
        let mut rng = stream(size as u64, number);
        // Uniform order statistics, up to place and scale: partial sums of exponential variates.
        let mut sum = 0.0;
        let sorted = std::iter::repeat_with(|| {
            let step: f64 = Exp1.sample(&mut rng);
            sum += step;
            sum
        });
        Steps::one_by_one(sorted.take(size).collect()).dip() * (size as f64).sqrt()
    };
    (1..=SIMULATIONS).into_par_iter().map(simulate).collect()
}

fn share_as_large(uniform: &[f64], dip: f64, n: usize) -> f64 {
    // The same dip can round differently here and there.
    let scaled = dip * (n as f64).sqrt() * (1.0 - 1e-9);
    let as_large = uniform.iter().filter(|&&dip| dip >= scaled).count();
    (1 + as_large) as f64 / (1 + uniform.len()) as f64
}

/// A distribution function that rises in steps, in units of weight.
#[derive(Debug)]
struct Steps {
    /// Distinct values, ascending.
    at: Vec<f64>,
    /// The weight below each value.
    below: Vec<f64>,
    /// The weight up to each value.
    up_to: Vec<f64>,
}

impl Steps {
    fn new(values: &[f64], weights: &[f64]) -> Self {
        let mut order: Vec<usize> = (0..values.len()).collect();
        if !values.is_sorted() {
            order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
        }
        let (mut at, mut below, mut up_to) = (Vec::new(), Vec::new(), Vec::new());
        let mut sum = 0.0;
        for tied in order.chunk_by(|&a, &b| values[a] == values[b]) {
            at.push(values[tied[0]]);
            below.push(sum);
            sum += tied.iter().map(|&row| weights[row]).sum::<f64>();
            up_to.push(sum);
        }
        Self { at, below, up_to }
    }

    /// Of distinct values in ascending order, once each.
    fn one_by_one(at: Vec<f64>) -> Self {
        let counts = |first: usize| (first..first + at.len()).map(|count| count as f64).collect();
        Self { below: counts(0), up_to: counts(1), at }
    }

    fn total(&self) -> f64 {
        self.up_to.last().copied().unwrap_or(0.0)
    }

    /// The dip. The modal interval starts as everything and shrinks to the knots around the largest distance between the
    /// greatest convex minorant of the lower corners and the least concave majorant of the upper ones, both within the
    /// interval; what falls out of it is measured against the minorant on the left, the majorant on the right.
    fn dip(&self) -> f64 {
        if self.at.len() < 2 {
            return 1.0 / (2.0 * self.total());
        }
        let convex = left_neighbours(&self.at, &self.below);
        let concave = right_neighbours(&self.at, &self.up_to);
        let (mut low, mut high) = (0, self.at.len() - 1);
        // No unimodal function is nearer than half of one value.
        let mut dip = 1.0_f64;
        loop {
            // A corner of a hull of everything is one of the hull of any part that holds it, so both paths meet the ends but
            // for rounding.
            let mut minorant: Vec<usize> =
                std::iter::successors(Some(high), |&i| (i > low).then(|| convex[i].max(low))).collect();
            minorant.reverse();
            let majorant: Vec<usize> =
                std::iter::successors(Some(low), |&i| (i < high).then(|| concave[i].min(high))).collect();
            let (distance, new_low, new_high) = self.farthest(&minorant, &majorant);
            if distance <= dip {
                break;
            }
            let left = minorant.windows(2).take_while(|w| w[1] <= new_low);
            for (a, b) in left.map(|w| (w[0], w[1])) {
                dip = (a..b).map(|i| self.up_to[i] - self.line(&self.below, a, b, i)).fold(dip, f64::max);
            }
            let right = majorant.windows(2).skip_while(|w| w[0] < new_high);
            for (a, b) in right.map(|w| (w[0], w[1])) {
                dip = (a + 1..=b).map(|i| self.line(&self.up_to, a, b, i) - self.below[i]).fold(dip, f64::max);
            }
            if (new_low, new_high) == (low, high) {
                break;
            }
            (low, high) = (new_low, new_high);
        }
        dip / (2.0 * self.total())
    }

    /// The straight line through the corners `a` and `b`, at corner `i`.
    fn line(&self, heights: &[f64], a: usize, b: usize, i: usize) -> f64 {
        heights[a] + (heights[b] - heights[a]) * ((self.at[i] - self.at[a]) / (self.at[b] - self.at[a]))
    }

    /// The largest distance of two hulls given by their knots, which is at a knot; and the knots around it: of the
    /// minorant at it or left of it, of the majorant at it or right of it.
    fn farthest(&self, minorant: &[usize], majorant: &[usize]) -> (f64, usize, usize) {
        let mut found = (f64::NEG_INFINITY, minorant[0], majorant[majorant.len() - 1]);
        let (mut of_minorant, mut of_majorant) = (0, 0);
        while of_minorant < minorant.len() && of_majorant < majorant.len() {
            let (lower, upper) = (minorant[of_minorant], majorant[of_majorant]);
            let (distance, low, high) = if lower == upper {
                (self.up_to[upper] - self.below[lower], lower, upper)
            } else if lower < upper {
                let before = majorant[of_majorant - 1];
                (self.line(&self.up_to, before, upper, lower) - self.below[lower], lower, upper)
            } else {
                let before = minorant[of_minorant - 1];
                (self.up_to[upper] - self.line(&self.below, before, lower, upper), before, upper)
            };
            if distance > found.0 {
                found = (distance, low, high);
            }
            of_minorant += usize::from(lower <= upper);
            of_majorant += usize::from(upper <= lower);
        }
        found
    }
}

/// For every corner, the one before it on the convex hull from below of the corners up to it; its own number for the first.
fn left_neighbours(at: &[f64], heights: &[f64]) -> Vec<usize> {
    let mut before = vec![0; at.len()];
    for i in 1..at.len() {
        let mut j = i - 1;
        // The one before rises more steeply to `i` than it does to `j`: `j` is above the line and no corner.
        while j > 0 {
            let k = before[j];
            if (heights[i] - heights[j]) * (at[j] - at[k]) > (heights[j] - heights[k]) * (at[i] - at[j]) {
                break;
            }
            j = k;
        }
        before[i] = j;
    }
    before
}

/// The same from above and to the right.
fn right_neighbours(at: &[f64], heights: &[f64]) -> Vec<usize> {
    // Turned by half a circle the majorant is a minorant.
    let turned = |values: &[f64]| values.iter().rev().map(|v| -v).collect::<Vec<_>>();
    let last = at.len() - 1;
    let mut after: Vec<usize> = left_neighbours(&turned(at), &turned(heights)).into_iter().map(|i| last - i).collect();
    after.reverse();
    after
}

#[cfg(test)]
mod tests;
