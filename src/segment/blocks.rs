//! Which family of features tells the segments apart. The weights decide how much each counts between two customers; how much
//! of it lies between segments is what the algorithm found.

use crate::features::Family;
use crate::features::preparation::ModelMatrix;
use std::collections::BTreeMap;

/// Part of each family in what lies between segments: `BSS_g / BSS`, the sums of squares between segments in model space over
/// the columns of the family and over all. The parts add up to 1. Customers in no segment do not count; empty where nothing
/// lies between segments.
pub fn between(matrix: &ModelMatrix, labels: &[Option<usize>]) -> Vec<(Family, f64)> {
    let segments = labels.iter().flatten().max().map_or(0, |s| s + 1);
    let mut sizes = vec![0.0; segments];
    for label in labels.iter().flatten() {
        sizes[*label] += 1.0;
    }
    let n: f64 = sizes.iter().sum();
    let mut parts: BTreeMap<Family, f64> = BTreeMap::new();
    for (column, values) in matrix.columns.iter().zip(matrix.values.columns()) {
        let mut sums = vec![0.0; segments];
        for (value, label) in values.iter().zip(labels) {
            if let Some(label) = label {
                sums[*label] += value;
            }
        }
        let mean = sums.iter().sum::<f64>() / n;
        let squares = sizes.iter().zip(&sums).filter(|(size, _)| **size > 0.0);
        *parts.entry(column.family).or_default() +=
            squares.map(|(size, sum)| size * (sum / size - mean) * (sum / size - mean)).sum::<f64>();
    }
    let total: f64 = parts.values().sum();
    if total > 0.0 { parts.into_iter().map(|(family, part)| (family, part / total)).collect() } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::preparation::ModelColumn;
    use ndarray::array;

    fn matrix() -> ModelMatrix {
        let column = |feature: &str, family| ModelColumn { feature: feature.into(), family, level: None };
        ModelMatrix {
            columns: vec![
                column("recency_days", Family::Rfm),
                column("orders", Family::Rfm),
                column("household_size", Family::Demographic),
            ],
            values: array![[1.0, 0.0, 2.0], [3.0, 0.0, 0.0], [-3.0, 1.0, 0.0], [-1.0, -1.0, -2.0], [9.0, 9.0, 9.0]],
        }
    }

    #[test]
    fn the_parts_of_two_blocks_by_hand() {
        // Means of recency 2 and -2 around 0: 2 × 4 + 2 × 4 = 16; of orders 0 and 0; of household size 1 and -1: 4.
        let parts = between(&matrix(), &[Some(0), Some(0), Some(1), Some(1), None]);
        assert_eq!(parts, [(Family::Rfm, 0.8), (Family::Demographic, 0.2)]);
    }

    #[test]
    fn the_parts_add_up_to_one_and_one_segment_has_none() {
        let parts = between(&matrix(), &[Some(0), Some(1), Some(2), Some(1), Some(0)]);
        assert!((parts.iter().map(|p| p.1).sum::<f64>() - 1.0).abs() < 1e-12);
        assert_eq!(between(&matrix(), &[Some(0); 5]), []);
        assert_eq!(between(&matrix(), &[None; 5]), []);
    }
}
