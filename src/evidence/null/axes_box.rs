//! The uniform distribution in the box along the principal axes.

use super::{Null, by_blocks, learn_from};
use crate::cluster::Points;
use crate::error::Result;
use crate::evidence::axes::Axes;
use ndarray::Array2;
use rand::Rng;

/// Steps of the grid of model space per unit.
const STEPS: f64 = 65_536.0;

/// Customers spread evenly over the smallest box along the principal axes that holds all customers: the reference of the
/// gap statistic (Tibshirani, Walther & Hastie 2001, section 3, version b). Where all customers are on the grid of model
/// space, multiples of 2^-16, so is what is drawn.
#[derive(Debug)]
pub struct AxesBox {
    axes: Axes,
    /// The range on every axis.
    ranges: Vec<(f64, f64)>,
    /// A feature with one value has that value.
    constant: Vec<Option<f64>>,
    on_grid: bool,
}

impl AxesBox {
    /// Learns the axes and ranges of `points`; weights take part in the covariance alone.
    ///
    /// # Errors
    /// `E0346` for values that are not finite, `E0347` for weights or codes, `E0401` without customers, `E0403` without
    /// features, `E0499` if no axes are found.
    pub fn new(points: Points) -> Result<Self> {
        let customers = learn_from(points)?;
        let axes = Axes::of(&customers)?;
        let mut ranges = vec![(f64::INFINITY, f64::NEG_INFINITY); customers.x.ncols()];
        for row in customers.x.rows() {
            for (axis, (low, high)) in ranges.iter_mut().enumerate() {
                let at = axes.project(row, axis);
                (*low, *high) = (low.min(at), high.max(at));
            }
        }
        let constant = customers
            .x
            .columns()
            .into_iter()
            .map(|column| column.first().copied().filter(|first| column.iter().all(|v| v == first)));
        let constant = constant.collect();
        // Above, steps are finer than an f64 can tell.
        let on_grid = customers.x.iter().all(|v| (v * STEPS).fract() == 0.0 && v.abs() < 2.0_f64.powi(36));
        Ok(Self { axes, ranges, constant, on_grid })
    }
}

impl Null for AxesBox {
    fn draw(&self, rows: usize, seed: u64) -> Array2<f64> {
        by_blocks(rows, self.ranges.len(), seed, |rng, row| {
            row.copy_from_slice(&self.axes.mean);
            for (&(low, high), axis) in self.ranges.iter().zip(self.axes.vectors.rows()) {
                let at = low + (high - low) * rng.r#gen::<f64>();
                row.iter_mut().zip(axis).for_each(|(value, component)| *value += at * component);
            }
            for (value, constant) in row.iter_mut().zip(&self.constant) {
                *value = constant.unwrap_or(if self.on_grid { (*value * STEPS).round() / STEPS } else { *value });
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::stream;
    use rand_distr::{Distribution, StandardNormal};

    /// A long thin cloud along (0.6, 0.8).
    fn thin() -> Array2<f64> {
        let mut rng = stream(2, 0);
        let mut normal = || -> f64 { StandardNormal.sample(&mut rng) };
        let rows: Vec<f64> = (0..500)
            .flat_map(|_| {
                let (along, across) = (10.0 * normal(), normal());
                [5.0 + 0.6 * along - 0.8 * across, 0.8 * along + 0.6 * across]
            })
            .collect();
        Array2::from_shape_vec((500, 2), rows).unwrap()
    }

    #[test]
    fn the_box_lies_along_the_cloud_and_is_full() {
        let x = thin();
        let null = AxesBox::new(x.view().into()).unwrap();
        let drawn = null.draw(20_000, 3);
        for axis in 0..2 {
            let on = |x: &Array2<f64>| -> Vec<f64> {
                x.rows().into_iter().map(|row| null.axes.project(row, axis)).collect()
            };
            let (low, high) = null.ranges[axis];
            let (seen, drawn) = (on(&x), on(&drawn));
            assert!(seen.contains(&low) && seen.contains(&high));
            assert!(drawn.iter().all(|v| (low - 1e-9..high + 1e-9).contains(v)));
            for tenth in 0..10 {
                let inside = |v: &&f64| ((*v - low) / (high - low) * 10.0) as usize == tenth;
                let share = drawn.iter().filter(inside).count() as f64 / 20_000.0;
                assert!((share - 0.1).abs() < 0.01, "{axis} {tenth} {share}");
            }
        }
        // Thin as the cloud: a box along the features would be as wide as it is long.
        let width = |(low, high): (f64, f64)| high - low;
        assert!(width(null.ranges[0]) > 5.0 * width(null.ranges[1]));
    }

    #[test]
    fn small_units_are_not_rounded_away() {
        let small = thin() * 1e-7;
        let drawn = AxesBox::new(small.view().into()).unwrap().draw(100, 1);
        let distinct: std::collections::BTreeSet<u64> = drawn.iter().map(|v| v.to_bits()).collect();
        assert_eq!(distinct.len(), 200);
    }
}
