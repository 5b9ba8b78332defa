//! Customers seen from the side that shows most: the first two principal axes (Pearson 1901), a picture that is the same every time.

use super::axes::Axes;
use crate::cluster::{Distinct, Points};
use crate::error::Result;
use ndarray::ArrayView2;

/// The plane of the two axes along which customers differ most.
#[derive(Debug, Clone, PartialEq)]
pub struct Projection {
    /// Share of the variance along each axis.
    pub explained: [f64; 2],
    /// Per column of model space its part in each axis: the components of the axes, which have length 1.
    pub loadings: Vec<[f64; 2]>,
    mean: Vec<f64>,
}

impl Projection {
    /// Learns the axes of `x` (customers × columns). `None` where customers differ along fewer than two of them.
    ///
    /// # Errors
    /// `E0346` for values that are not finite, `E0499` if no axes are found.
    pub fn of(x: ArrayView2<f64>) -> Result<Option<Self>> {
        let points = Points::from(x);
        points.check()?;
        if x.ncols() < 2 || x.nrows() < 2 {
            return Ok(None);
        }
        let axes = Axes::of(&Distinct::of(points))?;
        let total: f64 = axes.variances.iter().sum();
        // What is left of axes without variance is rounding.
        if axes.variances[1] <= 1e-12 * total {
            return Ok(None);
        }
        Ok(Some(Self {
            explained: [axes.variances[0] / total, axes.variances[1] / total],
            loadings: (0..x.ncols()).map(|column| [axes.vectors[(0, column)], axes.vectors[(1, column)]]).collect(),
            mean: axes.mean,
        }))
    }

    /// Where a row lies on both axes.
    pub fn project<'a>(&self, row: impl IntoIterator<Item = &'a f64>) -> [f64; 2] {
        let parts = row.into_iter().zip(&self.mean).zip(&self.loadings);
        parts.fold([0.0; 2], |[a, b], ((value, mean), loading)| {
            [a + (value - mean) * loading[0], b + (value - mean) * loading[1]]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};

    #[test]
    fn the_plane_of_a_tilted_disc_is_found() {
        // Long along (0.6, 0.8, 0), short along the third column, nothing across.
        let x = Array2::from_shape_fn((40, 3), |(row, column)| {
            let angle = row as f64 / 40.0 * std::f64::consts::TAU;
            match column {
                0 => 5.0 + 0.6 * 3.0 * angle.cos(),
                1 => 0.8 * 3.0 * angle.cos(),
                _ => angle.sin(),
            }
        });
        let found = Projection::of(x.view()).unwrap().unwrap();
        assert!((found.explained[0] - 0.9).abs() < 1e-12 && (found.explained[1] - 0.1).abs() < 1e-12, "{found:?}");
        assert!((found.loadings[0][0] - 0.6).abs() < 1e-12 && (found.loadings[2][1] - 1.0).abs() < 1e-12, "{found:?}");
        let [along, across] = found.project(x.row(0));
        assert!((along - 3.0).abs() < 1e-12 && across.abs() < 1e-12);
    }

    #[test]
    fn a_line_has_no_plane() {
        assert_eq!(Projection::of(array![[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]].view()).unwrap(), None);
        assert_eq!(Projection::of(array![[1.0], [2.0]].view()).unwrap(), None);
        assert_eq!(Projection::of(array![[f64::NAN, 1.0], [1.0, 1.0]].view()).unwrap_err().code(), "E0346");
    }
}
