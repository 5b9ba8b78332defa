//! Expectation and maximisation: from shares to parameters and back.

use super::CovarianceType;
use crate::cluster::canonical::Distinct;
use crate::cluster::kernel::gauss::{Blocks, Components, Moments, Sums, expectation, triangle_len};

/// Rows ready for passes, and what they add up to.
pub(super) struct Data {
    blocks: Blocks,
    /// Weighted mean of the rows; the parameters' means are differences to it.
    pub(super) centre: Vec<f64>,
    /// Sum of weights.
    pub(super) total: f64,
}

impl Data {
    pub(super) fn new(rows: &Distinct) -> Self {
        let width = rows.x.ncols();
        let total: f64 = rows.weights.iter().sum();
        let mut centre = vec![0.0; width];
        for (row, weight) in rows.x.rows().into_iter().zip(&rows.weights) {
            centre.iter_mut().zip(row).for_each(|(sum, v)| *sum += weight / total * v);
        }
        let x = rows.x.as_slice().unwrap_or_default();
        Self { blocks: Blocks::new(x, width, &centre, &rows.weights), centre, total }
    }
}

/// The parameters of a mixture.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Parameters {
    /// Per component, its share of the customers.
    pub(super) weights: Vec<f64>,
    /// Per component × feature, the mean less the centre of the data.
    pub(super) means: Vec<f64>,
    /// Per component, the inverse of the Cholesky factor of the covariance: lower triangle by rows.
    pub(super) factors: Vec<f64>,
}

/// How one start ended.
pub(super) struct Descent {
    pub(super) parameters: Parameters,
    /// Mean log-likelihood of a customer before the last maximisation.
    pub(super) lower_bound: f64,
    pub(super) iterations: usize,
    pub(super) converged: bool,
}

/// What stays the same over all iterations.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settings {
    pub(super) covariance_type: CovarianceType,
    pub(super) reg_covar: f64,
    pub(super) tol: f64,
    pub(super) max_iter: usize,
}

impl Settings {
    /// Parameters where every row belongs wholly to the component `labels` names; none if a covariance is not positive
    /// definite.
    pub(super) fn start(&self, rows: &Distinct, data: &Data, labels: &[usize], k: usize) -> Option<Parameters> {
        let width = rows.x.ncols();
        let mut sums = Sums {
            log_likelihood: 0.0,
            entropy: 0.0,
            shares: vec![0.0; k],
            first: vec![0.0; k * width],
            second: vec![0.0; k * self.second_len(width)],
        };
        let customers = || rows.x.rows().into_iter().zip(&rows.weights).zip(labels);
        for ((row, weight), &label) in customers() {
            sums.shares[label] += weight;
            let sum = &mut sums.first[label * width..][..width];
            sum.iter_mut().zip(row).zip(&data.centre).for_each(|((sum, v), centre)| *sum += weight * (v - centre));
        }
        let mut means = sums.first.clone();
        for (mean, share) in means.chunks_exact_mut(width).zip(&sums.shares) {
            mean.iter_mut().for_each(|v| *v /= share.max(f64::MIN_POSITIVE));
        }
        let mut deviation = vec![0.0; width];
        for ((row, weight), &label) in customers() {
            let mean = &means[label * width..][..width];
            for (i, deviation) in deviation.iter_mut().enumerate() {
                *deviation = row[i] - data.centre[i] - mean[i];
            }
            let mut second = sums.second[label * self.second_len(width)..].iter_mut();
            for i in 0..width {
                for j in if self.moments() == Moments::Full { 0..=i } else { i..=i } {
                    if let Some(sum) = second.next() {
                        *sum += weight * (deviation[i] * deviation[j]);
                    }
                }
            }
        }
        sums.first.fill(0.0);
        let before = Parameters { weights: vec![0.0; k], means, factors: vec![] };
        self.maximise(&before, &sums, data.total)
    }

    /// Iterations from `parameters` until the mean log-likelihood of a customer changes by less than `tol`; none if a
    /// covariance stops being positive definite.
    pub(super) fn descend(&self, data: &Data, mut parameters: Parameters) -> Option<Descent> {
        let mut lower_bound = f64::NEG_INFINITY;
        for iteration in 1..=self.max_iter {
            let sums = expectation(&data.blocks, &parameters.components(), self.moments());
            let now = sums.log_likelihood / data.total;
            parameters = self.maximise(&parameters, &sums, data.total)?;
            let converged = (now - lower_bound).abs() < self.tol;
            lower_bound = now;
            if converged {
                return Some(Descent { parameters, lower_bound, iterations: iteration, converged });
            }
        }
        Some(Descent { parameters, lower_bound, iterations: self.max_iter, converged: false })
    }

    fn moments(&self) -> Moments {
        match self.covariance_type {
            CovarianceType::Full | CovarianceType::Tied => Moments::Full,
            CovarianceType::Diag | CovarianceType::Spherical => Moments::Diagonal,
        }
    }

    fn second_len(&self, width: usize) -> usize {
        if self.moments() == Moments::Full { triangle_len(width) } else { width }
    }

    /// The parameters that make the expected likelihood largest (McLachlan & Peel 2000, section 3.2), given sums over
    /// deviations from the means of `before`.
    fn maximise(&self, before: &Parameters, sums: &Sums, total: f64) -> Option<Parameters> {
        let k = sums.shares.len();
        let width = before.means.len() / k;
        let second_len = self.second_len(width);
        let mut after = Parameters { weights: vec![], means: before.means.clone(), factors: vec![] };
        let mut covariances: Vec<Vec<f64>> = Vec::with_capacity(k);
        let shares: Vec<f64> = sums.shares.iter().map(|share| share.max(f64::MIN_POSITIVE)).collect();
        let all: f64 = shares.iter().sum();
        for (component, &share) in shares.iter().enumerate() {
            after.weights.push(share / all);
            let shift: Vec<f64> = sums.first[component * width..][..width].iter().map(|sum| sum / share).collect();
            let mean = &mut after.means[component * width..][..width];
            mean.iter_mut().zip(&shift).for_each(|(mean, shift)| *mean += shift);
            let mut second = sums.second[component * second_len..].iter();
            let mut covariance = vec![0.0; triangle_len(width)];
            for i in 0..width {
                for j in if self.moments() == Moments::Full { 0..=i } else { i..=i } {
                    let sum = second.next().copied().unwrap_or_default();
                    covariance[triangle_len(i) + j] = sum / share - shift[i] * shift[j];
                }
            }
            covariances.push(covariance);
        }
        match self.covariance_type {
            CovarianceType::Full | CovarianceType::Diag => {}
            CovarianceType::Spherical => {
                for covariance in &mut covariances {
                    let variance = (0..width).map(|i| covariance[triangle_len(i) + i]).sum::<f64>() / width as f64;
                    (0..width).for_each(|i| covariance[triangle_len(i) + i] = variance);
                }
            }
            CovarianceType::Tied => {
                let mut pooled = vec![0.0; triangle_len(width)];
                for (covariance, share) in covariances.iter().zip(&shares) {
                    pooled.iter_mut().zip(covariance).for_each(|(pooled, v)| *pooled += share / total * v);
                }
                covariances.iter_mut().for_each(|covariance| covariance.clone_from(&pooled));
            }
        }
        for mut covariance in covariances {
            (0..width).for_each(|i| covariance[triangle_len(i) + i] += self.reg_covar);
            after.factors.extend(inverse_cholesky(&covariance, width)?);
        }
        Some(after)
    }
}

impl Parameters {
    fn components(&self) -> Components {
        Components::new(&self.means, &self.weights, &self.factors, self.means.len() / self.weights.len())
    }

    /// Log-likelihood of all customers, and the entropy of their shares.
    pub(super) fn likelihood_and_entropy(&self, data: &Data) -> (f64, f64) {
        let sums = expectation(&data.blocks, &self.components(), Moments::None);
        (sums.log_likelihood, sums.entropy)
    }
}

/// The inverse of the Cholesky factor of a symmetric matrix, both as lower triangles by rows; none unless the matrix is
/// positive definite.
fn inverse_cholesky(matrix: &[f64], width: usize) -> Option<Vec<f64>> {
    let at = |i: usize, j: usize| triangle_len(i) + j;
    let mut factor = matrix.to_vec();
    for i in 0..width {
        for j in 0..=i {
            let sum = (0..j).fold(factor[at(i, j)], |sum, m| sum - factor[at(i, m)] * factor[at(j, m)]);
            factor[at(i, j)] = if i > j {
                sum / factor[at(j, j)]
            } else if sum > 0.0 && sum.is_finite() {
                sum.sqrt()
            } else {
                return None;
            };
        }
    }
    let mut inverse = vec![0.0; factor.len()];
    for j in 0..width {
        for i in j..width {
            let own = if i == j { 1.0 } else { 0.0 };
            let sum = (j..i).fold(own, |sum, m| sum - factor[at(i, m)] * inverse[at(m, j)]);
            inverse[at(i, j)] = sum / factor[at(i, i)];
        }
    }
    inverse.iter().all(|v| v.is_finite()).then_some(inverse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inverse_of_a_cholesky_factor_whitens() {
        let matrix = [4.0, 2.0, 5.0, -1.0, 0.5, 3.0];
        let p = inverse_cholesky(&matrix, 3).unwrap();
        let full = |t: &[f64], i: usize, j: usize| t[triangle_len(i.max(j)) + i.min(j)];
        for a in 0..3 {
            for b in 0..3 {
                // P M P' is the identity.
                let mut sum = 0.0;
                for i in 0..=a {
                    for j in 0..=b {
                        sum += p[triangle_len(a) + i] * full(&matrix, i, j) * p[triangle_len(b) + j];
                    }
                }
                assert!((sum - f64::from(u8::from(a == b))).abs() < 1e-12, "{a} {b}: {sum}");
            }
        }
        assert_eq!(inverse_cholesky(&[1.0, 2.0, 1.0], 2), None);
    }
}
