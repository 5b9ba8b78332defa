//! The Gaussian copula: the margins and the rank correlations of the customers, and nothing else of them.

use super::{Null, by_blocks, learn_from};
use crate::cluster::Points;
use crate::error::Result;
use crate::evidence::axes::{centred, eigen, products};
use ndarray::{Array2, Axis};
use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;
use rayon::prelude::*;

/// One cloud with the skew, the ties and the spikes of every feature and with their rank correlations: a multivariate
/// normal distribution of which every coordinate is mapped through the empirical quantiles of a feature (the NORTA method,
/// Cario & Nelson 1997). A feature alone may have lumps here, so lumps that show in one feature only are no evidence.
///
/// Correlations are `2 sin(pi r / 6)` of Spearman's `r` (Pearson 1907; average ranks for ties). Where these are no
/// correlation matrix, negative eigenvalues become 0 and every feature is scaled to variance 1 again (Rebonato & Jäckel
/// 1999). Higham's (2002) nearest matrix iterates for a difference that is far below the error of a rank correlation,
/// as only the sine and ties make eigenvalues negative, and slightly.
///
/// Ties weaken a rank correlation, and once more in what is drawn: of a feature with 60 % zeros, one of 0.9 comes back as
/// 0.8. Without heavy ties it comes back as it was.
#[derive(Debug)]
pub struct Copula {
    margins: Vec<Margin>,
    /// Features × normal variates: a square root of the correlation matrix, rows of length 1.
    root: Array2<f64>,
}

/// The distribution of one feature.
#[derive(Debug)]
struct Margin {
    /// Distinct values, ascending.
    values: Vec<f64>,
    /// The weight up to and with each value.
    cumulative: Vec<f64>,
}

impl Margin {
    /// And the average rank of every row, up to a constant.
    fn new(column: &[f64], weights: &[f64]) -> (Self, Vec<f64>) {
        let mut order: Vec<usize> = (0..column.len()).collect();
        order.sort_by(|&a, &b| column[a].total_cmp(&column[b]));
        let (mut values, mut cumulative) = (Vec::new(), Vec::new());
        let (mut ranks, mut below) = (vec![0.0; column.len()], 0.0);
        for tied in order.chunk_by(|&a, &b| column[a] == column[b]) {
            let weight: f64 = tied.iter().map(|&row| weights[row]).sum();
            tied.iter().for_each(|&row| ranks[row] = below + weight / 2.0);
            below += weight;
            values.push(column[tied[0]]);
            cumulative.push(below);
        }
        (Self { values, cumulative }, ranks)
    }

    /// The smallest value with at least this share of the weight up to it.
    fn quantile(&self, share: f64) -> f64 {
        let last = self.values.len() - 1;
        let target = share * self.cumulative[last];
        self.values[self.cumulative.partition_point(|&sum| sum < target).min(last)]
    }
}

impl Copula {
    /// Learns the margins and correlations of `points`; a row of weight 2 is the same as two rows.
    ///
    /// # Errors
    /// `E0346` for values that are not finite, `E0347` for weights or codes, `E0401` without customers, `E0403` without
    /// features, `E0499` if no eigenvectors are found.
    pub fn new(points: Points) -> Result<Self> {
        let customers = learn_from(points)?;
        let columns: Vec<Vec<f64>> = customers.x.axis_iter(Axis(1)).map(|column| column.to_vec()).collect();
        let (margins, ranks): (Vec<Margin>, Vec<Vec<f64>>) =
            columns.par_iter().map(|column| Margin::new(column, &customers.weights)).unzip();
        let covariance = products(&centred(ranks.into_iter(), &customers.weights), &customers.weights);
        let correlation = Array2::from_shape_fn(covariance.dim(), |(a, b)| {
            let variances = covariance[(a, a)] * covariance[(b, b)];
            match (a == b, variances > 0.0) {
                (true, _) => 1.0,
                (_, false) => 0.0,
                _ => normal_correlation((covariance[(a, b)] / variances.sqrt()).clamp(-1.0, 1.0)),
            }
        });
        Ok(Self { margins, root: square_root(correlation)? })
    }

    /// The correlations of the normal distribution below (features × features).
    pub fn correlation(&self) -> Array2<f64> {
        let rows = |a, b| self.root.row(a).iter().zip(self.root.row(b)).map(|(x, y)| x * y).sum();
        Array2::from_shape_fn(self.root.dim(), |(a, b)| rows(a, b))
    }
}

impl Copula {
    /// One draw of the normal distribution below.
    pub(super) fn normal(&self, rng: &mut Xoshiro256PlusPlus) -> Vec<f64> {
        let mut normal = vec![0.0; self.margins.len()];
        normal.fill_with(|| StandardNormal.sample(rng));
        self.root.rows().into_iter().map(|root| root.iter().zip(&normal).map(|(r, n)| r * n).sum()).collect()
    }

    /// The value of a feature that a normal score stands for.
    pub(super) fn quantile(&self, feature: usize, score: f64) -> f64 {
        self.margins[feature].quantile(0.5 * libm::erfc(-score * std::f64::consts::FRAC_1_SQRT_2))
    }
}

impl Null for Copula {
    fn draw(&self, rows: usize, seed: u64) -> Array2<f64> {
        by_blocks(rows, self.margins.len(), seed, |rng, row| {
            let scores = self.normal(rng);
            for (feature, (value, score)) in row.iter_mut().zip(scores).enumerate() {
                *value = self.quantile(feature, score);
            }
        })
    }
}

/// The correlation of two normal variables with this rank correlation.
fn normal_correlation(spearman: f64) -> f64 {
    2.0 * (std::f64::consts::PI / 6.0 * spearman).sin()
}

/// A root of the nearby correlation matrix without negative eigenvalues, rows of length 1.
fn square_root(correlation: Array2<f64>) -> Result<Array2<f64>> {
    let (values, vectors) = eigen(correlation)?;
    let mut root = vectors.t().as_standard_layout().into_owned();
    for mut row in root.rows_mut() {
        row.iter_mut().zip(&values).for_each(|(component, value)| *component *= value.max(0.0).sqrt());
        let length = row.iter().map(|v| v * v).sum::<f64>().sqrt();
        row.mapv_inplace(|v| v / length);
    }
    Ok(root)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::stream;
    use ndarray::array;
    use rand::Rng;

    #[test]
    fn ranks_are_averages_and_quantiles_those_of_the_step_function() {
        let (margin, ranks) = Margin::new(&[3.0, 1.0, 3.0, 0.0], &[1.0, 2.0, 2.0, 1.0]);
        // As rows 3 1 1 3 3 0: ranks 5, 2.5, 5, 1; here half a rank lower.
        assert_eq!(ranks, [4.5, 2.0, 4.5, 0.5]);
        assert_eq!((margin.values.clone(), margin.cumulative.clone()), (vec![0.0, 1.0, 3.0], vec![1.0, 3.0, 6.0]));
        let quantiles = [0.0, 1.0 / 6.0, 0.17, 0.5, 0.51, 1.0].map(|share| margin.quantile(share));
        assert_eq!(quantiles, [0.0, 0.0, 1.0, 1.0, 3.0, 3.0]);
    }

    #[test]
    fn rank_correlations_become_normal_ones() {
        // R: cor(c(1,2,3,4,5), c(2,1,4,3,5), method = "spearman") = 0.8.
        let x = array![[1.0, 2.0], [2.0, 1.0], [3.0, 4.0], [4.0, 3.0], [5.0, 5.0]];
        let found = Copula::new(x.view().into()).unwrap().correlation();
        assert!((found[(0, 1)] - 2.0 * (0.8 * std::f64::consts::PI / 6.0).sin()).abs() < 1e-12, "{found}");
        // With ties: x = 1 1 2, y = 1 2 3 has Spearman's 1.5 / sqrt(1.5 * 2).
        let x = array![[1.0, 1.0], [1.0, 2.0], [2.0, 3.0]];
        let found = Copula::new(x.view().into()).unwrap().correlation();
        assert!((found[(0, 1)] - normal_correlation(1.5 / 3.0_f64.sqrt())).abs() < 1e-12, "{found}");
        assert!((normal_correlation(1.0) - 1.0).abs() < 1e-15);
    }

    #[test]
    fn an_impossible_matrix_becomes_a_possible_one_nearby() {
        // Higham (2002), section 4: nearest is 0.7607 beside the diagonal, 0.1573 in the corner.
        let root = square_root(array![[1.0, 1.0, 0.0], [1.0, 1.0, 1.0], [0.0, 1.0, 1.0]]).unwrap();
        let found = root.dot(&root.t());
        assert!(found.diag().iter().all(|v| (v - 1.0).abs() < 1e-14));
        assert!((found[(0, 1)] - 0.7607).abs() < 0.08 && (found[(0, 2)] - 0.1573).abs() < 0.08, "{found}");
        let possible = array![[1.0, 0.3], [0.3, 1.0]];
        let root = square_root(possible.clone()).unwrap();
        assert!((root.dot(&root.t()) - possible).iter().all(|v: &f64| v.abs() < 1e-14));
    }

    #[test]
    fn margins_and_rank_correlations_come_back() {
        let mut rng = stream(3, 0);
        // A spike of zeros, a skewed amount that goes along with a count, and a feature for itself.
        let x = Array2::from_shape_fn((2000, 1), |_| rng.gen_range(0.0_f64..1.0));
        let x = Array2::from_shape_fn((2000, 4), |(row, feature)| match feature {
            0 => {
                if x[(row, 0)] < 0.6 {
                    0.0
                } else {
                    (x[(row, 0)] * 3.0).exp().round()
                }
            }
            1 => (x[(row, 0)] * 7.0 + rng.gen_range(0.0..4.0)).floor(),
            2 => -x[(row, 0)],
            _ => rng.gen_range(0.0_f64..1.0).powi(3),
        });
        let null = Copula::new(x.view().into()).unwrap();
        let drawn = null.draw(40_000, 5);
        let share = |x: &Array2<f64>, feature: usize, up_to: f64| {
            x.column(feature).iter().filter(|&&v| v <= up_to).count() as f64 / x.nrows() as f64
        };
        for feature in 0..4 {
            assert!(drawn.column(feature).iter().all(|v| x.column(feature).iter().any(|seen| seen == v)));
            for row in 0..40 {
                let up_to = x[(row, feature)];
                assert!((share(&drawn, feature, up_to) - share(&x, feature, up_to)).abs() < 0.012, "{feature} {up_to}");
            }
        }
        let again = Copula::new(drawn.view().into()).unwrap().correlation();
        let difference = again - null.correlation();
        for ((a, b), v) in difference.indexed_iter() {
            // Six customers of ten are tied at 0 in the first feature.
            assert!(v.abs() < if a == 0 || b == 0 { 0.12 } else { 0.02 }, "{difference}");
        }
        // A value and its mirror: perfectly against each other wherever they are not tied.
        assert!(null.correlation()[(1, 2)] < -0.8);
    }
}
