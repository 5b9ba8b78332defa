//! The nearest prototype where some features are numbers and others levels.

use super::{Assignment, Points, Rule, squared_distance};
use crate::error::{Error, Result};
use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// The file form of [`Rule::Mixed`].
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    codes: Vec<Vec<u32>>,
    gamma: f64,
}

impl File {
    pub(super) fn new(codes: ArrayView2<u32>, gamma: f64) -> Self {
        Self { codes: codes.rows().into_iter().map(|row| row.to_vec()).collect(), gamma }
    }

    pub(super) fn rule(self) -> Result<Rule> {
        let shape = (self.codes.len(), self.codes.first().map_or(0, Vec::len));
        let equal = self.codes.iter().all(|row| row.len() == shape.1);
        match Array2::from_shape_vec(shape, self.codes.into_iter().flatten().collect()) {
            Ok(codes) if equal => Ok(Rule::Mixed { codes, gamma: self.gamma }),
            _ => Err(Error::new("E0603", "prototypes with unequal numbers of levels")
                .help("restore the model file, or fit the model again")),
        }
    }
}

/// What makes codes and gamma unfit for `rows` prototypes.
pub(super) fn damage(codes: ArrayView2<u32>, gamma: f64, rows: usize) -> Option<String> {
    if codes.nrows() != rows {
        return Some(format!("levels of {} prototypes for {rows}", codes.nrows()));
    }
    (!(gamma >= 0.0 && gamma.is_finite())).then(|| format!("gamma = {gamma} is negative or not finite"))
}

/// Squared Euclidean distance plus `gamma` for every level that differs (Huang 1998, equation 8).
pub(in crate::cluster) fn dissimilarity(a: &[f64], a_codes: &[u32], b: &[f64], b_codes: &[u32], gamma: f64) -> f64 {
    let mismatches = a_codes.iter().zip(b_codes).filter(|(a, b)| a != b).count();
    squared_distance(a, b) + gamma * mismatches as f64
}

/// Where every one of `points` belongs by [`Rule::Mixed`].
pub(super) fn assign(
    prototypes: ArrayView2<f64>,
    codes: ArrayView2<u32>,
    cluster: &[usize],
    gamma: f64,
    points: Points,
) -> Vec<Assignment> {
    let none = Array2::zeros((points.x.nrows(), 0));
    let levels = points.codes.map_or(none.view(), |codes| codes.reborrow());
    assert_eq!(levels.ncols(), codes.ncols(), "customers and prototypes need the same nominal features");
    let rows = points.x.as_standard_layout();
    let levels = levels.as_standard_layout();
    let (prototypes, codes) = (prototypes.as_standard_layout(), codes.as_standard_layout());
    (0..rows.nrows())
        .into_par_iter()
        .with_min_len(128)
        .map(|i| {
            let (row, levels) = (rows.row(i), levels.row(i));
            let (row, levels) = (row.as_slice().unwrap_or_default(), levels.as_slice().unwrap_or_default());
            let (mut first, mut second) = ((None, f64::INFINITY), (None, f64::INFINITY));
            if row.iter().all(|v| v.is_finite()) {
                for (at, &cluster) in cluster.iter().enumerate() {
                    let (point, own) = (prototypes.row(at), codes.row(at));
                    let (point, own) = (point.as_slice().unwrap_or_default(), own.as_slice().unwrap_or_default());
                    let distance = dissimilarity(row, levels, point, own, gamma);
                    if first.0 == Some(cluster) {
                        first.1 = distance.min(first.1);
                    } else if distance < first.1 {
                        (first, second) = ((Some(cluster), distance), first);
                    } else if distance < second.1 {
                        second = (Some(cluster), distance);
                    }
                }
            }
            Assignment {
                cluster: first.0,
                distance: first.1.sqrt(),
                second: second.0,
                second_distance: second.1.sqrt(),
                strength: None,
                outlier: None,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::Prototypes;
    use super::*;
    use ndarray::array;

    fn prototypes() -> Prototypes {
        let rule = Rule::Mixed { codes: array![[1, 2], [1, 3], [4, 2]], gamma: 0.5 };
        Prototypes::with_rule(array![[0.0], [2.0], [2.0]], vec![0, 1, 1], rule).unwrap()
    }

    #[test]
    fn levels_and_numbers_add_up() {
        let (x, codes) =
            (array![[0.0], [1.0], [1.0], [1.0], [f64::NAN]], array![[9, 9], [1, 2], [1, 3], [4, 3], [1, 2]]);
        let points = Points { codes: Some(codes.view()), ..x.view().into() };
        let found = prototypes().assign_points(points);
        let labels: Vec<_> = found.iter().map(|a| a.cluster).collect();
        assert_eq!(labels, [Some(0), Some(0), Some(1), Some(1), None]);
        // One level of both prototypes of cluster 1 differs, both levels of cluster 0 do.
        assert_eq!((found[3].distance, found[3].second_distance), (1.5_f64.sqrt(), 2.0_f64.sqrt()));
        assert_eq!(found[0].distance, 1.0);
    }

    #[test]
    fn ties_go_to_the_lowest_cluster() {
        let rule = Rule::Mixed { codes: Array2::zeros((2, 0)), gamma: 1.0 };
        let prototypes = Prototypes::with_rule(array![[2.0], [0.0]], vec![1, 0], rule).unwrap();
        assert_eq!(prototypes.assign(array![[1.0]].view())[0].cluster, Some(0));
    }

    #[test]
    fn a_file_comes_back_to_the_bit_or_is_refused() {
        let text = serde_json::to_string(&prototypes()).unwrap();
        assert_eq!(serde_json::from_str::<Prototypes>(&text).unwrap(), prototypes());
        let rule = Rule::Mixed { codes: array![[7], [8]], gamma: 1.0 };
        let only_levels = Prototypes::with_rule(Array2::zeros((2, 0)), vec![0, 1], rule).unwrap();
        let text_of_levels = serde_json::to_string(&only_levels).unwrap();
        assert_eq!(serde_json::from_str::<Prototypes>(&text_of_levels).unwrap(), only_levels);
        for (from, to) in [("[1,2]", "[1]"), ("[1,2],", ""), (r#""gamma":0.5"#, r#""gamma":-0.5"#)] {
            let damaged = text.replace(from, to);
            assert_ne!(damaged, text);
            assert!(serde_json::from_str::<Prototypes>(&damaged).is_err(), "{damaged}");
        }
    }
}
