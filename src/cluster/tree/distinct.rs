//! Equal customers as one point of more weight.

use super::super::Points;
use super::Tree;
use crate::error::{Error, Result};
use rayon::prelude::*;

/// The distinct rows in lexicographic order, without negative zeros, and how much each weighs. What follows cannot
/// depend on the order in which rows came.
#[derive(Debug)]
pub(in crate::cluster) struct Distinct {
    /// Rows × features.
    pub(in crate::cluster) points: Vec<f64>,
    pub(in crate::cluster) width: usize,
    /// Sum of the weights of the equal rows; 1 each if absent.
    pub(in crate::cluster) weights: Option<Vec<f64>>,
}

/// A value as a number that sorts like it, and its row.
type Key = (u64, u32);

impl Distinct {
    /// # Errors
    /// `E0413` for more rows than a `u32` counts.
    pub(in crate::cluster) fn of(points: &Points) -> Result<Self> {
        let (n, width) = points.x.dim();
        if u32::try_from(n).is_err() {
            return Err(Error::new("E0413", format!("{n} customers, at most {} can be compared", u32::MAX))
                .help("a sample of customers, or algorithm = \"kmeans\""));
        }
        let x = points.x.as_standard_layout();
        let x = x.as_slice().unwrap_or_default();
        let mut keys: Vec<Key> = (0..n as u32).map(|row| (0, row)).collect();
        sort_by_column(&mut keys, 0, width, x, points.weights);
        let mut flat = vec![0.0; n * width];
        flat.par_chunks_mut(width).zip(&keys).with_min_len(1 << 12).for_each(|(place, &(_, row))| {
            let row = &x[row as usize * width..][..width];
            place.iter_mut().zip(row).for_each(|(place, v)| *place = v + 0.0);
        });
        let repeats = |i: usize| flat[(i - 1) * width..i * width] == flat[i * width..][..width];
        let starts: Vec<bool> = (0..n).into_par_iter().with_min_len(1 << 12).map(|i| i == 0 || !repeats(i)).collect();
        if points.weights.is_none() && starts.iter().all(|&start| start) {
            return Ok(Self { points: flat, width, weights: None });
        }
        let mut weights: Vec<f64> = Vec::new();
        for (i, &(_, row)) in keys.iter().enumerate() {
            if starts[i] {
                flat.copy_within(i * width..(i + 1) * width, weights.len() * width);
                weights.push(0.0);
            }
            if let Some(sum) = weights.last_mut() {
                *sum += points.weights.map_or(1.0, |weights| weights[row as usize]);
            }
        }
        flat.truncate(weights.len() * width);
        flat.shrink_to_fit();
        Ok(Self { points: flat, width, weights: Some(weights) })
    }

    /// Number of distinct rows.
    pub(in crate::cluster) fn len(&self) -> usize {
        self.points.len() / self.width
    }

    pub(in crate::cluster) fn row(&self, row: usize) -> &[f64] {
        &self.points[row * self.width..][..self.width]
    }

    /// The weights by position in `tree`.
    pub(in crate::cluster) fn weights_in(&self, tree: &Tree) -> Option<Vec<f64>> {
        self.weights.as_ref().map(|weights| (0..tree.len()).map(|at| weights[tree.row(at)]).collect())
    }

    pub(in crate::cluster) fn weight(&self, row: usize) -> f64 {
        self.weights.as_ref().map_or(1.0, |weights| weights[row])
    }
}

/// Sorts rows that are equal in the columns before `column`; rows equal in all of them by weight, so that sums of weights
/// do not depend on the order of rows.
fn sort_by_column(keys: &mut [Key], column: usize, width: usize, x: &[f64], weights: Option<&[f64]>) {
    const PARALLEL_FROM: usize = 1 << 14;
    let value = |row: u32| match (column < width, weights) {
        (true, _) => x[row as usize * width + column] + 0.0,
        (false, Some(weights)) => weights[row as usize],
        (false, None) => 0.0,
    };
    if column > width || (column == width && weights.is_none()) || keys.len() < 2 {
        return;
    }
    if keys.len() < PARALLEL_FROM {
        keys.iter_mut().for_each(|key| key.0 = sortable(value(key.1)));
        keys.sort_unstable();
    } else {
        keys.par_iter_mut().for_each(|key| key.0 = sortable(value(key.1)));
        keys.par_sort_unstable();
    }
    for equal in keys.chunk_by_mut(|a, b| a.0 == b.0) {
        sort_by_column(equal, column + 1, width, x, weights);
    }
}

/// Sorts as [`f64::total_cmp`] does.
fn sortable(value: f64) -> u64 {
    let bits = value.to_bits();
    bits ^ (((bits as i64) >> 63) as u64 | 1 << 63)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn equal_rows_become_one_whatever_the_sign_of_zero() {
        let x = array![[0.0, 1.0], [-0.0, 1.0], [-0.0, -2.0], [-3.0, 7.0], [0.0, 1.0]];
        let distinct = Distinct::of(&x.view().into()).unwrap();
        assert_eq!(distinct.points, [-3.0, 7.0, 0.0, -2.0, 0.0, 1.0]);
        assert_eq!(distinct.weights, Some(vec![1.0, 1.0, 3.0]));
        assert_eq!(distinct.len(), 3);
    }

    #[test]
    fn weights_add_up_in_an_order_of_their_own() {
        let x = array![[1.0], [2.0], [1.0], [1.0]];
        let sum = |weights: &[f64]| {
            let points = Points { weights: Some(weights), ..x.view().into() };
            Distinct::of(&points).unwrap().weights.unwrap()
        };
        assert_eq!(sum(&[0.1, 5.0, 0.2, 0.3]), sum(&[0.3, 5.0, 0.1, 0.2]));
        assert_eq!(sum(&[0.25, 5.0, 0.5, 1.0]), [1.75, 5.0]);
    }

    #[test]
    fn rows_without_equals_need_no_weights() {
        let distinct = Distinct::of(&array![[2.0], [1.0]].view().into()).unwrap();
        assert_eq!((distinct.points, distinct.weights), (vec![1.0, 2.0], None));
    }
}
