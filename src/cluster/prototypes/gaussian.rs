//! Shares of density in a mixture of Gaussians.

use super::{Assignment, Rule};
use crate::cluster::kernel::gauss::{Components, Scores, score, triangle_len};
use crate::error::{Error, Result};
use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

/// The file form of [`Rule::Gaussian`].
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    weights: Vec<f64>,
    factors: Vec<Vec<f64>>,
}

impl File {
    pub(super) fn new(weights: Vec<f64>, factors: ArrayView2<f64>) -> Self {
        Self { weights, factors: factors.rows().into_iter().map(|row| row.to_vec()).collect() }
    }

    pub(super) fn rule(self) -> Result<Rule> {
        let shape = (self.factors.len(), self.factors.first().map_or(0, Vec::len));
        let equal = self.factors.iter().all(|row| row.len() == shape.1);
        match Array2::from_shape_vec(shape, self.factors.into_iter().flatten().collect()) {
            Ok(factors) if equal => Ok(Rule::Gaussian { weights: self.weights, factors }),
            _ => Err(Error::new("E0603", "Gaussians with unequal numbers of factors")
                .help("restore the model file, or fit the model again")),
        }
    }
}

/// What makes weights and factors unfit for `rows` prototypes of `columns` features.
pub(super) fn damage(weights: &[f64], factors: ArrayView2<f64>, rows: usize, columns: usize) -> Option<String> {
    if weights.len() != rows || factors.dim() != (rows, triangle_len(columns)) {
        let (k, values) = factors.dim();
        return Some(format!("{} weights and {k} factors of {values} values for {rows} Gaussians", weights.len()));
    }
    let total: f64 = weights.iter().sum();
    if !(weights.iter().all(|&w| w > 0.0) && (total - 1.0).abs() < 1e-6) {
        return Some(format!("weights of Gaussians are not positive or add up to {total}, not 1"));
    }
    let diagonal_is_positive = |row: ndarray::ArrayView1<f64>| (0..columns).all(|i| row[triangle_len(i) + i] > 0.0);
    let bad = |row: ndarray::ArrayView1<f64>| row.iter().any(|v| !v.is_finite()) || !diagonal_is_positive(row);
    factors.rows().into_iter().position(bad).map(|at| format!("Gaussian {at} has no valid covariance"))
}

/// A mixture ready to score.
struct Mixture {
    components: Components,
    centre: Vec<f64>,
    /// Number of components of every cluster.
    sizes: Vec<usize>,
}

impl Mixture {
    fn new(means: ArrayView2<f64>, cluster: &[usize], weights: &[f64], factors: ArrayView2<f64>) -> Self {
        // Densities are computed from differences to a centre, so that features far from zero lose no digits.
        let centre: Vec<f64> = means.columns().into_iter().map(|column| column.sum() / weights.len() as f64).collect();
        let mut centred = means.to_owned();
        centred.rows_mut().into_iter().for_each(|mut row| row.iter_mut().zip(&centre).for_each(|(v, c)| *v -= c));
        let (centred, factors): (Vec<f64>, Vec<f64>) =
            (centred.into_iter().collect(), factors.iter().copied().collect());
        let components = Components::new(&centred, weights, &factors, means.ncols());
        Self { components, centre, sizes: cluster.chunk_by(|a, b| a == b).map(<[usize]>::len).collect() }
    }

    fn score<T: Send>(&self, x: ArrayView2<f64>, each: impl Fn(&[f64], usize, &Scores) -> T + Sync) -> Vec<T> {
        let x = x.as_standard_layout();
        score(x.as_slice().unwrap_or_default(), &self.centre, &self.components, &self.sizes, each)
    }
}

/// Where every row of `x` belongs by [`Rule::Gaussian`].
pub(super) fn assign(
    means: ArrayView2<f64>,
    cluster: &[usize],
    weights: &[f64],
    factors: ArrayView2<f64>,
    x: ArrayView2<f64>,
) -> Vec<Assignment> {
    let mixture = Mixture::new(means, cluster, weights, factors);
    let highest_peak = mixture.components.peaks().iter().fold(f64::NEG_INFINITY, |a, &b| a.max(b));
    let distance = |log: f64| (2.0 * (highest_peak - log)).max(0.0).sqrt();
    mixture.score(x, |row, number, scores| {
        let (mut first, mut second) = ((None, f64::NEG_INFINITY), (None, f64::NEG_INFINITY));
        // A row that is not finite has no density anywhere, or one that is not a number.
        if row.iter().all(|v| v.is_finite()) {
            for (cluster, log) in scores.logs(number).enumerate() {
                if log > first.1 {
                    (first, second) = ((Some(cluster), log), first);
                } else if log > second.1 {
                    second = (Some(cluster), log);
                }
            }
        }
        Assignment {
            cluster: first.0,
            distance: distance(first.1),
            second: second.0,
            second_distance: distance(second.1),
            strength: first.0.and_then(|cluster| scores.shares(number).nth(cluster)),
            outlier: None,
        }
    })
}

/// Rows × clusters: posterior probabilities.
pub(super) fn memberships(
    means: ArrayView2<f64>,
    cluster: &[usize],
    weights: &[f64],
    factors: ArrayView2<f64>,
    x: ArrayView2<f64>,
) -> Array2<f64> {
    let mixture = Mixture::new(means, cluster, weights, factors);
    let rows: Vec<Vec<f64>> = mixture.score(x, |_, number, scores| {
        scores.shares(number).map(|share| if share.is_finite() { share } else { 0.0 }).collect()
    });
    let mut out = Array2::zeros((rows.len(), mixture.sizes.len()));
    for (mut out, row) in out.rows_mut().into_iter().zip(rows) {
        out.iter_mut().zip(row).for_each(|(out, v)| *out = v);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::Prototypes;
    use super::*;
    use ndarray::array;

    /// Two Gaussians on a line: mean 0 with deviation 1, mean 4 with deviation 2.
    fn two(weights: [f64; 2]) -> Prototypes {
        let rule = Rule::Gaussian { weights: weights.to_vec(), factors: array![[1.0], [0.5]] };
        Prototypes::with_rule(array![[0.0], [4.0]], vec![0, 1], rule).unwrap()
    }

    fn density(x: f64, mean: f64, deviation: f64) -> f64 {
        (-0.5 * ((x - mean) / deviation).powi(2)).exp() / (deviation * std::f64::consts::TAU.sqrt())
    }

    #[test]
    fn posteriors_follow_bayes() {
        let prototypes = two([0.3, 0.7]);
        let x = array![[-5.0], [0.0], [1.5], [2.0], [9.0]];
        let memberships = prototypes.memberships(x.view()).unwrap();
        for (row, assignment) in prototypes.assign(x.view()).iter().enumerate() {
            let (a, b) = (0.3 * density(x[[row, 0]], 0.0, 1.0), 0.7 * density(x[[row, 0]], 4.0, 2.0));
            assert!((memberships[[row, 0]] - a / (a + b)).abs() < 1e-14);
            assert!((memberships[[row, 1]] - b / (a + b)).abs() < 1e-14);
            let best = usize::from(b > a);
            assert_eq!((assignment.cluster, assignment.second), (Some(best), Some(1 - best)));
            assert_eq!(assignment.strength, Some(memberships[[row, best]]));
            assert!(assignment.distance <= assignment.second_distance);
        }
    }

    #[test]
    fn distance_is_mahalanobis_for_the_highest_peak() {
        let prototypes = two([0.5, 0.5]);
        let found = prototypes.assign(array![[-2.0], [0.0]].view());
        assert!((found[0].distance - 2.0).abs() < 1e-12 && found[1].distance < 1e-7);
    }

    #[test]
    fn the_densities_of_one_cluster_add_up() {
        // The third Gaussian alone beats either of the other two at 0, but not both together.
        let means = array![[-1.0], [1.0], [0.0]];
        let rule = |order: &[usize]| Rule::Gaussian {
            weights: order.iter().map(|&i| [0.36, 0.36, 0.28][i]).collect(),
            factors: Array2::ones((3, 1)),
        };
        let apart = Prototypes::with_rule(means.clone(), vec![0, 1, 2], rule(&[0, 1, 2])).unwrap();
        assert_eq!(apart.assign(array![[0.0]].view())[0].cluster, Some(2));
        let together = apart.merge(1, 0);
        assert_eq!(together.cluster(), [0, 0, 1]);
        assert_eq!(together.assign(array![[0.0]].view())[0].cluster, Some(0));
        assert_eq!(together.memberships(array![[0.0]].view()).unwrap().dim(), (1, 2));
    }

    #[test]
    fn rows_without_density_belong_nowhere() {
        let found = two([0.5, 0.5]).assign(array![[f64::NAN], [f64::INFINITY], [1e200], [1e100]].view());
        let labels: Vec<_> = found.iter().map(|a| a.cluster).collect();
        assert_eq!(labels, [None, None, None, Some(1)]);
    }

    #[test]
    fn a_file_comes_back_to_the_bit_or_is_refused() {
        let prototypes = two([0.3, 0.7]);
        let text = serde_json::to_string(&prototypes).unwrap();
        assert_eq!(serde_json::from_str::<Prototypes>(&text).unwrap(), prototypes);
        for (from, to) in [
            ("0.3", "-0.3"),
            ("0.3", "0.4"),
            ("[0.5]", "[-0.5]"),
            ("[0.5]", "[0.5,1.0]"),
            (r#""weights":[0.3,0.7]"#, r#""weights":[1.0]"#),
            (r#""gaussian""#, r#""reach":1.0,"gaussian""#),
        ] {
            let damaged = text.replace(from, to);
            assert_ne!(damaged, text);
            assert!(serde_json::from_str::<Prototypes>(&damaged).is_err(), "{damaged}");
        }
    }
}
