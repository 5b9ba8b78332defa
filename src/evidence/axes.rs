//! Principal axes: eigenvectors of symmetric matrices and of the covariance of customers.

use crate::cluster::Distinct;
use crate::error::{Error, Result};
use linfa_linalg::eigh::{EigSort, EighInto};
use ndarray::{Array2, Axis};
use rayon::prelude::*;

/// Eigenvalues in descending order, and their eigenvectors of length 1, one per row. Of the two directions of a vector
/// it is the one whose largest component (the first of equals) is positive.
pub(super) fn eigen(symmetric: Array2<f64>) -> Result<(Vec<f64>, Array2<f64>)> {
    let gave_up = |error| Error::new("E0499", format!("linfa found no eigenvectors of these data: {error}"));
    let (values, vectors) = symmetric.eigh_into().map_err(gave_up)?.sort_eig_desc();
    let mut vectors = vectors.t().as_standard_layout().into_owned();
    for mut vector in vectors.rows_mut() {
        let largest = vector.iter().fold(0.0_f64, |a, &b| if b.abs() > a.abs() { b } else { a });
        if largest < 0.0 {
            vector.mapv_inplace(|v| -v);
        }
    }
    Ok((values.to_vec(), vectors))
}

/// The principal axes of some customers.
#[derive(Debug)]
pub(super) struct Axes {
    /// Weighted mean per feature.
    pub(super) mean: Vec<f64>,
    /// Axes × features, by descending variance.
    pub(super) vectors: Array2<f64>,
    /// Variance along each axis.
    pub(super) variances: Vec<f64>,
}

impl Axes {
    /// Of the weighted covariance. Every sum runs over the distinct rows in their order.
    pub(super) fn of(customers: &Distinct) -> Result<Self> {
        let total: f64 = customers.weights.iter().sum();
        let columns: Vec<Vec<f64>> = centred(customers.x.axis_iter(Axis(1)).map(|c| c.to_vec()), &customers.weights);
        let mean = customers
            .x
            .axis_iter(Axis(1))
            .zip(&columns)
            .map(|(x, centred)| x.first().unwrap_or(&0.0) - centred.first().unwrap_or(&0.0));
        let mean = mean.collect();
        let covariance = products(&columns, &customers.weights) / total;
        let (variances, vectors) = eigen(covariance)?;
        Ok(Self { mean, vectors, variances })
    }

    /// Where a row lies on axis `number`.
    pub(super) fn project<'a>(&self, row: impl IntoIterator<Item = &'a f64>, number: usize) -> f64 {
        let products = row.into_iter().zip(&self.mean).zip(self.vectors.row(number));
        products.fold(0.0, |sum, ((value, mean), axis)| sum + (value - mean) * axis)
    }
}

/// Columns less their weighted means.
pub(super) fn centred(columns: impl Iterator<Item = Vec<f64>>, weights: &[f64]) -> Vec<Vec<f64>> {
    let total: f64 = weights.iter().sum();
    let centre = |column: Vec<f64>| {
        // From the first value on, so that a constant column is exactly 0 and large offsets cost no digits.
        let first = column.first().copied().unwrap_or(0.0);
        let mean = column.iter().zip(weights).map(|(v, w)| (v - first) * w).sum::<f64>() / total;
        column.into_iter().map(|v| v - first - mean).collect()
    };
    columns.map(centre).collect()
}

/// The weighted sums of products of every two columns.
pub(super) fn products(columns: &[Vec<f64>], weights: &[f64]) -> Array2<f64> {
    let d = columns.len();
    let pairs: Vec<(usize, usize)> = (0..d).flat_map(|a| (a..d).map(move |b| (a, b))).collect();
    let sum = |&(a, b): &(usize, usize)| {
        columns[a].iter().zip(&columns[b]).zip(weights).map(|((a, b), w)| a * b * w).sum::<f64>()
    };
    let sums: Vec<f64> = pairs.par_iter().map(sum).collect();
    let mut matrix = Array2::zeros((d, d));
    for (&(a, b), sum) in pairs.iter().zip(sums) {
        matrix[(a, b)] = sum;
        matrix[(b, a)] = sum;
    }
    matrix
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::{Points, stream};
    use ndarray::{array, s};
    use rand::Rng;

    #[test]
    fn eigenvectors_are_those_of_the_matrix() {
        let (values, vectors) = eigen(array![[2.0, 1.0], [1.0, 2.0]]).unwrap();
        assert!((values[0] - 3.0).abs() < 1e-14 && (values[1] - 1.0).abs() < 1e-14, "{values:?}");
        assert!((vectors[(0, 0)] - 0.5_f64.sqrt()).abs() < 1e-14 && (vectors[(0, 1)] - 0.5_f64.sqrt()).abs() < 1e-14);
        let mut rng = stream(3, 0);
        for (d, rank) in [(1, 1), (2, 1), (7, 7), (30, 4), (100, 100), (100, 2)] {
            let factor = Array2::from_shape_fn((d, rank), |_| rng.gen_range(-1.0..1.0));
            let matrix: Array2<f64> = factor.dot(&factor.t());
            let (values, vectors) = eigen(matrix.clone()).unwrap();
            assert!(values.windows(2).all(|w| w[0] >= w[1]));
            let rebuilt = vectors.t().dot(&(&vectors * &ndarray::Array1::from(values).insert_axis(Axis(1))));
            let scale = matrix.iter().fold(0.0_f64, |a, v| a.max(v.abs()));
            assert!((&rebuilt - &matrix).iter().all(|v| v.abs() < 1e-12 * scale * d as f64), "{d} {rank}");
            let identity = vectors.dot(&vectors.t()) - Array2::<f64>::eye(d);
            assert!(identity.iter().all(|v| v.abs() < 1e-12), "{d} {rank}");
        }
    }

    #[test]
    fn equal_eigenvalues_and_nothing_at_all_are_fine() {
        for matrix in
            [Array2::eye(6), Array2::zeros((5, 5)), Array2::ones((4, 4)), Array2::from_diag(&array![0.0, 4.0, 0.0])]
        {
            let (values, vectors) = eigen(matrix.clone()).unwrap();
            let trace: f64 = matrix.diag().sum();
            assert!((values.iter().sum::<f64>() - trace).abs() < 1e-12);
            let identity = vectors.dot(&vectors.t()) - Array2::<f64>::eye(matrix.nrows());
            assert!(identity.iter().all(|v: &f64| v.abs() < 1e-12));
        }
    }

    #[test]
    fn the_first_axis_is_the_direction_of_the_spread_and_weights_are_rows() {
        let x = Array2::from_shape_fn((50, 2), |(i, j)| if j == 0 { 3.0 * i as f64 } else { 100.0 - 4.0 * i as f64 });
        let axes = Axes::of(&Distinct::of(x.view().into())).unwrap();
        assert!((axes.vectors[(0, 0)] + 0.6).abs() < 1e-12 && (axes.vectors[(0, 1)] - 0.8).abs() < 1e-12);
        assert!((axes.mean[0] - 73.5).abs() < 1e-12 && (axes.mean[1] - 2.0).abs() < 1e-12, "{:?}", axes.mean);
        assert!((axes.project(&[73.5 + 3.0, 2.0 - 4.0], 0) + 5.0).abs() < 1e-12);
        let mut rng = stream(5, 1);
        let x = Array2::from_shape_fn((40, 3), |_| f64::from(rng.gen_range(0..50)));
        let twice = ndarray::concatenate![Axis(0), x, x.slice(s![..7, ..])];
        let weights: Vec<f64> = (0..40).map(|row| if row < 7 { 2.0 } else { 1.0 }).collect();
        let weighted = Axes::of(&Distinct::of(Points { weights: Some(&weights), ..x.view().into() })).unwrap();
        assert_eq!(weighted.vectors, Axes::of(&Distinct::of(twice.view().into())).unwrap().vectors);
    }
}
