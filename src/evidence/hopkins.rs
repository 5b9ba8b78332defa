//! Are the customers spread evenly over the range of their features? For information: "no" does not mean clusters.

use super::{beta, sample};
use crate::cluster::{Distinct, Points, squared_distance, stream};
use crate::error::Result;
use rand::Rng;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Fewer sampled customers say nothing (Wright 2022).
const FEWEST: usize = 10;

/// More say nothing more.
const MOST: usize = 200;

/// Hopkins' statistic and how it compares with an even spread.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Hopkins {
    /// 0 to 1: 0.5 for an even spread, towards 1 for lumps, towards 0 for a lattice.
    pub statistic: f64,
    /// Probability of a value as far from 0.5 under an even spread.
    pub p: f64,
    /// Customers sampled.
    pub m: usize,
}

/// Hopkins' statistic (Hopkins & Skellam 1954) as Wright (2022, R Journal 14:3) corrects it: `sum u^d / (sum u^d + sum w^d)`
/// with `u` the Euclidean distances of `m` even points in the range of the data to their nearest customers, `w` those of
/// `m` customers to the nearest other one, and `d` the number of features that are not constant. Under an even spread
/// it is Beta(m, m) distributed. `m` is a tenth of the customers, 200 at most.
///
/// It rejects evenness only: a single round normal cloud in two dimensions has about 0.9. So it decides nothing here.
/// `None` for fewer than 100 customers (`m` below 10) and where all are equal. Customers with the same features are at
/// distance 0.
///
/// # Errors
/// `E0346` for values that are not finite, `E0347` for weights or codes, `E0403` without features.
pub fn hopkins(points: Points, seed: u64) -> Result<Option<Hopkins>> {
    points.check()?;
    points.refuse_codes("Hopkins' statistic")?;
    let customers = Distinct::of(points);
    let m = (customers.weights.iter().sum::<f64>() as usize / 10).min(MOST);
    if m < FEWEST || customers.len() < 2 {
        return Ok(None);
    }
    let mut rng = stream(seed, 0);
    let chosen = sample::customers(&customers.weights, m, &mut rng);
    let ranges: Vec<(f64, f64)> = (customers.x.columns().into_iter())
        .map(|column| column.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), &v| (a.min(v), b.max(v))))
        .collect();
    let even: Vec<Vec<f64>> =
        (0..m).map(|_| ranges.iter().map(|&(low, high)| low + (high - low) * rng.r#gen::<f64>()).collect()).collect();
    let rows: Vec<&[f64]> = customers.x.as_slice().unwrap_or_default().chunks_exact(customers.x.ncols()).collect();
    let nearest = |point: &[f64], but: Option<usize>| {
        let others = rows.iter().enumerate().filter(|&(row, _)| Some(row) != but);
        others.map(|(_, row)| squared_distance(row, point)).fold(f64::INFINITY, f64::min)
    };
    let u: Vec<f64> = even.par_iter().map(|point| nearest(point, None)).collect();
    let own = |&row: &usize| match customers.weights[row] > 1.0 {
        true => 0.0,
        false => nearest(rows[row], Some(row)),
    };
    let w: Vec<f64> = chosen.par_iter().map(own).collect();
    let d = ranges.iter().filter(|(low, high)| low < high).count() as f64;
    // Relative to the largest, lest a high power overflow.
    let largest = u.iter().chain(&w).copied().fold(0.0, f64::max);
    let sum = |squares: &[f64]| squares.iter().map(|square| (square / largest).powf(d / 2.0)).sum::<f64>();
    let statistic = sum(&u) / (sum(&u) + sum(&w));
    Ok(Some(Hopkins { statistic, p: p_value(statistic, m), m }))
}

/// Two-sided, under Beta(m, m).
fn p_value(statistic: f64, m: usize) -> f64 {
    2.0 * beta::cumulative(statistic.min(1.0 - statistic), m as f64, m as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, Axis, array, concatenate};
    use rand_distr::{Distribution, StandardNormal};

    fn mean(draw: impl Fn(u64) -> Array2<f64>) -> f64 {
        (0..20).map(|seed| hopkins(draw(seed).view().into(), seed).unwrap().unwrap().statistic).sum::<f64>() / 20.0
    }

    #[test]
    fn published_values() {
        // R hopkins 1.0: hopkins.pval(0.21, 10) = 0.00466205.
        assert!((p_value(0.21, 10) - 0.004_662_05).abs() < 5e-9, "{}", p_value(0.21, 10));
        assert!((p_value(0.79, 10) - 0.004_662_05).abs() < 5e-9);
        assert!((p_value(0.5, 30) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn even_is_a_half_and_one_normal_cloud_is_far_from_it() {
        let even = mean(|seed| {
            let mut rng = stream(seed, 9);
            Array2::from_shape_fn((1000, 2), |_| rng.r#gen::<f64>())
        });
        assert!((even - 0.52).abs() < 0.05, "{even}");
        let normal = mean(|seed| {
            let mut rng = stream(seed, 9);
            Array2::from_shape_fn((1000, 2), |_| StandardNormal.sample(&mut rng))
        });
        assert!((normal - 0.89).abs() < 0.06, "{normal}");
    }

    #[test]
    fn many_features_do_not_overflow_and_a_constant_one_changes_nothing() {
        let mut rng = stream(1, 9);
        let x = Array2::from_shape_fn((300, 100), |_| 1e90 * rng.r#gen::<f64>());
        let found = hopkins(x.view().into(), 1).unwrap().unwrap();
        assert!(found.statistic > 0.0 && found.statistic < 1.0, "{found:?}");
        let x = x.slice(ndarray::s![.., ..2]).to_owned();
        let wider = concatenate![Axis(1), x, Array2::from_elem((300, 1), 7.0)];
        let (a, b) = (hopkins(x.view().into(), 1).unwrap().unwrap(), hopkins(wider.view().into(), 1).unwrap().unwrap());
        assert_eq!((a.m, b.m), (30, 30));
        // Other draws, same distribution.
        assert!((a.statistic - b.statistic).abs() < 0.25, "{a:?} {b:?}");
    }

    #[test]
    fn order_of_rows_and_weights_change_nothing() {
        let mut rng = stream(2, 9);
        let x = Array2::from_shape_fn((200, 2), |(row, _)| if row < 20 { 3.0 } else { rng.gen_range(0.0..9.0) });
        let mirrored = x.select(Axis(0), &(0..200).rev().collect::<Vec<_>>());
        let weighted = x.slice(ndarray::s![19.., ..]).to_owned();
        let weights: Vec<f64> = (0..181).map(|row| if row == 0 { 20.0 } else { 1.0 }).collect();
        let expected = hopkins(x.view().into(), 4).unwrap();
        assert_eq!(hopkins(mirrored.view().into(), 4).unwrap(), expected);
        assert_eq!(hopkins(Points { weights: Some(&weights), ..weighted.view().into() }, 4).unwrap(), expected);
    }

    #[test]
    fn too_few_or_all_equal_is_undefined() {
        assert_eq!(hopkins(Array2::from_shape_fn((99, 2), |(i, _)| i as f64).view().into(), 1).unwrap(), None);
        assert_eq!(hopkins(Array2::ones((500, 2)).view().into(), 1).unwrap(), None);
        assert_eq!(hopkins(Array2::zeros((0, 2)).view().into(), 1).unwrap(), None);
        assert_eq!(hopkins(array![[f64::NAN]].view().into(), 1).unwrap_err().code(), "E0346");
        assert_eq!(hopkins(Array2::zeros((5, 0)).view().into(), 1).unwrap_err().code(), "E0403");
    }
}
