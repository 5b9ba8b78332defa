//! Rows in an order of their own, equal ones together.

use super::Points;
use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;
use std::cmp::Ordering;

/// The distinct rows of some points in lexicographic order, with the weight of all their duplicates: what an algorithm
/// makes of them cannot depend on the order in which rows came, and a row of weight 2 is the same as two such rows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Distinct {
    /// Distinct rows × features, C order, without negative zeros.
    pub(crate) x: Array2<f64>,
    /// Distinct rows × nominal features, C order; no columns if the points have no codes.
    pub(crate) codes: Array2<u32>,
    /// How many customers each distinct row stands for.
    pub(crate) weights: Vec<f64>,
}

impl Distinct {
    /// Collapses checked points.
    pub(crate) fn of(points: Points) -> Self {
        let x = points.x.mapv(|v| v + 0.0);
        let none = Array2::zeros((x.nrows(), 0));
        let codes = points.codes.map_or(none.view(), |codes| codes.reborrow());
        let compare = |a: usize, b: usize| -> Ordering {
            let numbers = super::lexicographic(x.row(a).iter(), x.row(b).iter());
            numbers.then_with(|| codes.row(a).iter().cmp(codes.row(b).iter()))
        };
        // Most comparisons end at the first value, which therefore travels with the row number.
        let first = |row: usize| x.get([row, 0]).map_or(0, |&v| sortable(v));
        let mut order: Vec<(i64, usize)> = (0..x.nrows()).map(|row| (first(row), row)).collect();
        // Weights last, so that those of equal rows are added in one order.
        order.par_sort_unstable_by(|a, b| {
            let weights = || points.weight(a.1).total_cmp(&points.weight(b.1));
            a.0.cmp(&b.0).then_with(|| compare(a.1, b.1)).then_with(weights)
        });
        let (mut rows, mut weights): (Vec<usize>, Vec<f64>) = (Vec::new(), Vec::new());
        for &(_, row) in &order {
            match (rows.last(), weights.last_mut()) {
                (Some(&last), Some(weight)) if compare(last, row).is_eq() => *weight += points.weight(row),
                _ => {
                    rows.push(row);
                    weights.push(points.weight(row));
                }
            }
        }
        Self { x: x.select(Axis(0), &rows), codes: codes.select(Axis(0), &rows), weights }
    }

    /// Number of distinct rows.
    pub(crate) fn len(&self) -> usize {
        self.weights.len()
    }

    /// The same as points.
    pub(crate) fn points(&self) -> Points<'_> {
        let codes: Option<ArrayView2<u32>> = (self.codes.ncols() > 0).then(|| self.codes.view());
        Points { x: self.x.view(), weights: Some(&self.weights), codes }
    }

    /// The rows of the given numbers.
    pub(crate) fn select(&self, rows: &[usize]) -> Self {
        Self {
            x: self.x.select(Axis(0), rows),
            codes: self.codes.select(Axis(0), rows),
            weights: rows.iter().map(|&row| self.weights[row]).collect(),
        }
    }
}

/// An integer that orders as [`f64::total_cmp`] does.
fn sortable(v: f64) -> i64 {
    let bits = v.to_bits() as i64;
    bits ^ (((bits >> 63) as u64) >> 1) as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn equal_rows_become_one_with_the_weight_of_all() {
        let x = array![[2.0, 1.0], [0.0, 5.0], [-0.0, 5.0], [-3.0, 0.0], [2.0, 1.0], [2.0, 0.5]];
        let weights = [1.0, 2.0, 0.5, 1.0, 4.0, 1.0];
        let distinct = Distinct::of(Points { weights: Some(&weights), ..x.view().into() });
        assert_eq!(distinct.x, array![[-3.0, 0.0], [0.0, 5.0], [2.0, 0.5], [2.0, 1.0]]);
        assert_eq!(distinct.weights, [1.0, 2.5, 1.0, 5.0]);
        assert!(distinct.x.iter().all(|v| v.is_sign_positive() || *v != 0.0));
        assert!(distinct.points().codes.is_none());
    }

    #[test]
    fn levels_tell_rows_apart() {
        let (x, codes) = (array![[1.0], [1.0], [1.0]], array![[7, 1], [2, 9], [7, 1]]);
        let distinct = Distinct::of(Points { codes: Some(codes.view()), ..x.view().into() });
        assert_eq!(distinct.codes, array![[2, 9], [7, 1]]);
        assert_eq!(distinct.weights, [1.0, 2.0]);
    }

    #[test]
    fn points_without_numbers_or_rows_are_fine() {
        let (x, codes) = (Array2::zeros((3, 0)), array![[3], [1], [3]]);
        let distinct = Distinct::of(Points { codes: Some(codes.view()), ..x.view().into() });
        assert_eq!((distinct.codes.clone(), distinct.len()), (array![[1], [3]], 2));
        assert_eq!(Distinct::of(Array2::zeros((0, 2)).view().into()).len(), 0);
    }

    #[test]
    fn any_order_of_rows_gives_the_same() {
        use rand::{Rng, seq::SliceRandom};
        let mut rng = crate::cluster::stream(4, 0);
        let x = Array2::from_shape_fn((500, 2), |_| f64::from(rng.gen_range(-3..4)));
        let weights: Vec<f64> = (0..500).map(|_| rng.gen_range(0.1..2.0)).collect();
        let mut order: Vec<usize> = (0..500).collect();
        order.shuffle(&mut rng);
        let shuffled: Vec<f64> = order.iter().map(|&row| weights[row]).collect();
        let other = x.select(Axis(0), &order);
        assert_eq!(
            Distinct::of(Points { weights: Some(&weights), ..x.view().into() }),
            Distinct::of(Points { weights: Some(&shuffled), ..other.view().into() })
        );
    }
}
