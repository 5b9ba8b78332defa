//! What an algorithm reads.

use crate::error::{Error, Result};
use ndarray::{Array2, ArrayView2, Axis};

/// Customers as points in model space, and what travels beside them.
#[derive(Debug, Clone, Copy)]
pub struct Points<'a> {
    /// Customers × features, in model space.
    pub x: ArrayView2<'a, f64>,
    /// How many customers each row stands for; 1 each if absent.
    pub weights: Option<&'a [f64]>,
    /// Level numbers of nominal features, customers × nominal features, for algorithms that compare levels
    /// (k-prototypes). The others refuse them, lest a feature be ignored unseen.
    pub codes: Option<ArrayView2<'a, u32>>,
}

impl<'a> From<ArrayView2<'a, f64>> for Points<'a> {
    fn from(x: ArrayView2<'a, f64>) -> Self {
        Self { x, weights: None, codes: None }
    }
}

/// Some rows of [`Points`], owned.
#[derive(Debug, Clone, PartialEq)]
pub struct Selected {
    x: Array2<f64>,
    weights: Option<Vec<f64>>,
    codes: Option<Array2<u32>>,
}

impl Selected {
    /// As points.
    pub fn points(&self) -> Points<'_> {
        Points {
            x: self.x.view(),
            weights: self.weights.as_deref(),
            codes: self.codes.as_ref().map(|codes| codes.view()),
        }
    }
}

impl Points<'_> {
    /// The given rows, in the given order.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn select(&self, rows: &[usize]) -> Selected {
        Selected {
            x: self.x.select(Axis(0), rows),
            weights: self.weights.map(|weights| rows.iter().map(|&row| weights[row]).collect()),
            codes: self.codes.map(|codes| codes.select(Axis(0), rows)),
        }
    }

    /// How many customers a row stands for.
    pub(super) fn weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |weights| weights[row])
    }

    /// Refuses what would put everyone into one cluster: values that are not finite or whose squares overflow (`E0346`),
    /// no features (`E0403`); and weights or codes that do not fit the rows (`E0347`).
    pub(crate) fn check(&self) -> Result<()> {
        const LARGEST: f64 = 1e100;
        let x = self.x;
        if x.ncols() == 0 && self.codes.is_none_or(|codes| codes.ncols() == 0) {
            return Err(Error::new("E0403", "0 features: nothing to compare customers by")
                .help("let at least one feature form segments"));
        }
        let is_bad = |v: &f64| v.is_nan() || v.abs() > LARGEST;
        let bad = x.iter().filter(|v| is_bad(v)).count();
        if bad > 0 {
            let row = x.rows().into_iter().position(|r| r.iter().any(is_bad)).unwrap_or(0);
            return Err(Error::new(
                "E0346",
                format!("{bad} of {} values are missing, infinite or above 1e100 (first in row {row})", x.len()),
            )
            .why("one such value makes every distance to its customer meaningless")
            .help("prepare the features first: fill missing values and clip"));
        }
        let misfit = |title: String| {
            Err(Error::new("E0347", title).help("give every row one weight above 0, and one code per nominal feature"))
        };
        if let Some(weights) = self.weights {
            if weights.len() != x.nrows() {
                return misfit(format!("{} weights for {} rows", weights.len(), x.nrows()));
            }
            if let Some(row) = weights.iter().position(|&w| !(w > 0.0 && w.is_finite())) {
                return misfit(format!("weight {} of row {row} is not above 0 and finite", weights[row]));
            }
        }
        match self.codes {
            Some(codes) if codes.nrows() != x.nrows() => {
                misfit(format!("codes of {} rows for {} rows", codes.nrows(), x.nrows()))
            }
            _ => Ok(()),
        }
    }

    /// For algorithms that know distances between numbers only.
    pub(crate) fn refuse_codes(&self, algorithm: &str) -> Result<()> {
        match self.codes {
            Some(codes) if codes.ncols() > 0 => {
                Err(Error::new("E0347", format!("{algorithm} cannot compare levels of {} features", codes.ncols()))
                    .help("algorithm = \"kprototypes\", or scale these features to numbers"))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};

    #[test]
    fn bad_values_are_counted() {
        let error = Points::from(array![[0.0, 1.0], [f64::NAN, f64::INFINITY]].view()).check().unwrap_err();
        assert_eq!(error.code(), "E0346");
        assert!(error.0.title.contains("2 of 4") && error.0.title.contains("row 1"), "{error}");
        assert_eq!(Points::from(array![[1e200]].view()).check().unwrap_err().code(), "E0346");
        assert_eq!(Points::from(Array2::zeros((3, 0)).view()).check().unwrap_err().code(), "E0403");
    }

    #[test]
    fn rows_are_selected_with_what_travels_beside_them() {
        let (x, codes) = (array![[0.0], [1.0], [2.0]], array![[7_u32], [8], [9]]);
        let points = Points { weights: Some(&[1.0, 2.0, 3.0]), codes: Some(codes.view()), ..x.view().into() };
        let selected = points.select(&[2, 0]);
        let chosen = selected.points();
        assert_eq!(chosen.x, array![[2.0], [0.0]]);
        assert_eq!((chosen.weights, chosen.codes), (Some(&[3.0, 1.0][..]), Some(array![[9_u32], [7]].view())));
    }

    #[test]
    fn weights_and_codes_fit_the_rows() {
        let x = array![[0.0], [1.0]];
        let with = |weights: &[f64]| Points { weights: Some(weights), ..x.view().into() }.check();
        assert!(with(&[1.0, 2.5]).is_ok());
        for bad in [&[1.0][..], &[1.0, 0.0], &[1.0, f64::NAN], &[f64::INFINITY, 1.0]] {
            assert_eq!(with(bad).unwrap_err().code(), "E0347");
        }
        let codes = array![[3_u32], [1], [0]];
        let points = Points { codes: Some(codes.view()), ..x.view().into() };
        assert_eq!(points.check().unwrap_err().code(), "E0347");
        assert_eq!(points.refuse_codes("k-means").unwrap_err().code(), "E0347");
    }
}
