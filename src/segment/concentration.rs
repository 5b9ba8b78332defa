//! How few customers bring most of the revenue, and which segments they are in.

use crate::features::matrix::FeatureMatrix;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Steps of the curve.
const STEPS: usize = 100;

/// Revenue over customers, those who bring most first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Concentration {
    /// The share of all revenue that the first 0 %, 1 %, … 100 % of customers bring.
    pub curve: Vec<f64>,
    /// The least share of customers who bring 80 % of it.
    pub bring_80: f64,
    /// Ten groups of as many customers each, those who bring most first.
    pub tenths: Vec<Tenth>,
}

/// A tenth of the customers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Tenth {
    /// Share of all revenue.
    pub share_revenue: f64,
    /// The share of each segment among these customers, in the order of segments; what is missing to 1 is in none.
    pub segments: Vec<f64>,
}

/// Of the customers of the matrix; `labels` holds the segment index of each. `None` without revenue or with fewer than ten customers.
pub fn concentration(matrix: &FeatureMatrix, labels: &[Option<usize>], n_segments: usize) -> Option<Concentration> {
    let revenue = matrix.numbers("revenue")?;
    let n = revenue.len();
    let worth = |row: usize| if revenue[row].is_nan() { 0.0 } else { revenue[row] };
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&a, &b| worth(b).total_cmp(&worth(a)));
    let mut up_to = Vec::with_capacity(n + 1);
    up_to.push(0.0);
    for &row in &order {
        up_to.push(up_to[up_to.len() - 1] + worth(row));
    }
    let total = up_to[n];
    if n < 10 || total <= 0.0 {
        return None;
    }
    let curve = (0..=STEPS).map(|step| up_to[n * step / STEPS] / total).collect();
    let enough = up_to.iter().position(|sum| *sum >= 0.8 * total).unwrap_or(n);
    let tenths = (0..10).map(|tenth| {
        let rows = n * tenth / 10..n * (tenth + 1) / 10;
        let mut counts = vec![0_usize; n_segments];
        order[rows.clone()].iter().filter_map(|row| labels[*row]).for_each(|segment| counts[segment] += 1);
        Tenth {
            share_revenue: (up_to[rows.end] - up_to[rows.start]) / total,
            segments: counts.into_iter().map(|count| count as f64 / rows.len() as f64).collect(),
        }
    });
    Some(Concentration { curve, bring_80: enough as f64 / n as f64, tenths: tenths.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::matrix::Column;
    use crate::features::{Family, Feature, Measure, Rows, Unit};

    fn matrix(revenue: Vec<f64>) -> FeatureMatrix {
        FeatureMatrix {
            ids: (0..revenue.len()).map(|i| format!("{i:03}")).collect(),
            features: vec![Feature::new("revenue", "Revenue", Family::Rfm, Unit::Money, Measure::Count(Rows::sales()))],
            columns: vec![Column::Number(revenue)],
        }
    }

    #[test]
    fn the_best_customers_come_first() {
        // Two of twenty bring 45 each, the others 10 in all; one of them took back more than he bought.
        let revenue: Vec<f64> = (0..20)
            .map(|i| {
                if i % 10 == 3 {
                    45.0
                } else if i == 0 {
                    -7.0
                } else {
                    1.0
                }
            })
            .collect();
        let labels: Vec<Option<usize>> =
            (0..20).map(|i| if i == 1 { None } else { Some(usize::from(i % 10 == 3)) }).collect();
        let found = concentration(&matrix(revenue), &labels, 2).unwrap();
        assert_eq!(
            (found.curve.len(), found.curve[0], found.curve[5], found.curve[10], found.curve[100]),
            (101, 0.0, 0.45, 0.9, 1.0)
        );
        assert_eq!(found.bring_80, 0.1);
        assert_eq!((found.tenths[0].share_revenue, found.tenths[0].segments.clone()), (0.9, vec![0.0, 1.0]));
        assert_eq!(found.tenths[1].segments, [0.5, 0.0], "one of these two is in no segment");
        assert!((found.tenths[9].share_revenue + 0.06).abs() < 1e-12);
        assert!((found.tenths.iter().map(|tenth| tenth.share_revenue).sum::<f64>() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn nothing_is_told_of_few_customers_or_of_none_who_pay() {
        assert_eq!(concentration(&matrix(vec![1.0; 9]), &[Some(0); 9], 1), None);
        assert_eq!(concentration(&matrix(vec![0.0; 12]), &[Some(0); 12], 1), None);
    }
}
