//! The grid in numbers, for reports: what is in each cell of R and F, and in each named segment.

use super::rules::RuleCheck;
use super::scores::Axis;
use super::{FEATURES, Method, RfmGrid, Score};
use crate::data::read::MONEY_SCALE;
use crate::features::matrix::FeatureMatrix;
use crate::features::scaling::quantile;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Everything a report says of the grid.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RfmFacts {
    /// How the cuts were found.
    pub method: Method,
    /// Number of scores per dimension.
    pub bins: u8,
    /// The cuts of recency, frequency and money.
    pub cuts: [Axis; 3],
    /// Customers with a place in the grid.
    pub customers: usize,
    /// Customers without: the method leaves them out.
    pub left_out: usize,
    /// The cells of R and F, worst first: R 1 F 1, R 1 F 2, …
    pub cells: Vec<CellFacts>,
    /// The named segments in the order of the table, those without a name last.
    pub segments: Vec<NamedFacts>,
    /// What the table of rules leaves open.
    pub check: RuleCheck,
}

/// One cell of R and F.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CellFacts {
    /// Recency score.
    pub r: u8,
    /// Frequency score.
    pub f: u8,
    /// Number of customers.
    pub customers: usize,
    /// Revenue of the customer in the middle, in currency units; `None` for nobody.
    pub median_revenue: Option<f64>,
    /// The segment of the cell; where M decides too, that of most of its customers, `None` for nobody.
    pub segment: Option<String>,
}

/// One named segment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NamedFacts {
    /// Its name.
    pub name: String,
    /// Number of customers.
    pub customers: usize,
    /// Share of all customers in the grid.
    pub share_customers: f64,
    /// Sum of orders.
    pub orders: f64,
    /// Share of all orders.
    pub share_orders: f64,
    /// Sum of revenue, in currency units.
    pub revenue: f64,
    /// Share of all revenue; 0 where there is none.
    pub share_revenue: f64,
    /// Revenue per order; `None` without orders.
    pub avg_order_value: Option<f64>,
    /// Days since the last order of the customer in the middle; `None` for nobody.
    pub median_recency: Option<f64>,
    /// Orders of the customer in the middle.
    pub median_orders: Option<f64>,
    /// Revenue of the customer in the middle.
    pub median_revenue: Option<f64>,
    /// Customers whose money is high, mid and low by its score.
    pub value_tiers: [usize; 3],
}

impl RfmFacts {
    /// Counts. `scores` has one entry per customer of the matrix; `None` where the matrix lacks one of [`FEATURES`].
    pub fn of(grid: &RfmGrid, scores: &[Option<Score>], matrix: &FeatureMatrix) -> Option<Self> {
        let [recency, orders, revenue] = FEATURES.map(|name| matrix.numbers(name));
        let (recency, orders, revenue) = (recency?, orders?, revenue?);
        let placed: Vec<(usize, Score)> =
            scores.iter().enumerate().filter_map(|(row, score)| score.map(|score| (row, score))).collect();
        let mut names = grid.rules.names();
        if !names.contains(&grid.rules.others.as_str()) {
            names.push(&grid.rules.others);
        }
        let mut members: Vec<Vec<(usize, Score)>> = vec![Vec::new(); names.len()];
        for (row, score) in &placed {
            let name = grid.segment(*score);
            if let Some(at) = names.iter().position(|n| *n == name) {
                members[at].push((*row, *score));
            }
        }
        let median = |values: &[f64], rows: &[(usize, Score)]| {
            let mut sorted: Vec<f64> = rows.iter().map(|(row, _)| values[*row]).collect();
            sorted.sort_by(f64::total_cmp);
            (!sorted.is_empty()).then(|| quantile(&sorted, 0.5))
        };
        // In minor units, so that the sum is exact and does not depend on its order.
        let total = |values: &[f64], rows: &[(usize, Score)]| {
            rows.iter().map(|(row, _)| (values[*row] * MONEY_SCALE).round() as i64).sum::<i64>() as f64 / MONEY_SCALE
        };
        let share = |part: f64, all: f64| if all > 0.0 { part / all } else { 0.0 };
        let (all_orders, all_revenue) = (total(orders, &placed), total(revenue, &placed));
        let segments = names
            .iter()
            .zip(&members)
            // Nobody is without a name where every cell has one.
            .filter(|(name, rows)| !rows.is_empty() || **name != grid.rules.others)
            .map(|(name, rows)| {
                let (own_orders, own_revenue) = (total(orders, rows), total(revenue, rows));
                let tier = |tier: &str| rows.iter().filter(|(_, score)| grid.value_tier(*score) == tier).count();
                NamedFacts {
                    name: (*name).to_string(),
                    customers: rows.len(),
                    share_customers: share(rows.len() as f64, placed.len() as f64),
                    orders: own_orders,
                    share_orders: share(own_orders, all_orders),
                    revenue: own_revenue,
                    share_revenue: share(own_revenue, all_revenue),
                    avg_order_value: (own_orders > 0.0).then(|| own_revenue / own_orders),
                    median_recency: median(recency, rows),
                    median_orders: median(orders, rows),
                    median_revenue: median(revenue, rows),
                    value_tiers: ["high", "mid", "low"].map(tier),
                }
            })
            .collect();
        let cell = |r: u8, f: u8| {
            let rows: Vec<(usize, Score)> = placed.iter().filter(|(_, s)| s.r == r && s.f == f).copied().collect();
            let segment = if grid.rules.uses_money() {
                let count = |name: &str| rows.iter().filter(|(_, score)| grid.segment(*score) == name).count();
                // Of equally many the first of the table, which `max_by_key` would pass over.
                let most = names.iter().rev().max_by_key(|name| count(name));
                most.filter(|_| !rows.is_empty()).map(|name| (*name).to_string())
            } else {
                Some(grid.segment(Score { r, f, m: 1 }).to_string())
            };
            CellFacts { r, f, customers: rows.len(), median_revenue: median(revenue, &rows), segment }
        };
        let cells =
            (1..=grid.bins).flat_map(|r| (1..=grid.bins).map(move |f| (r, f))).map(|(r, f)| cell(r, f)).collect();
        Some(Self {
            method: grid.method,
            bins: grid.bins,
            cuts: grid.axes.clone(),
            customers: placed.len(),
            left_out: scores.len() - placed.len(),
            cells,
            segments,
            check: grid.rules.check(grid.bins),
        })
    }
}

impl RfmFacts {
    /// Without what would tell of a few people: the medians and the order value of cells and segments with fewer than `least` customers.
    #[must_use]
    pub fn without_few(mut self, least: usize) -> Self {
        self.cells.iter_mut().filter(|cell| cell.customers < least).for_each(|cell| cell.median_revenue = None);
        for segment in self.segments.iter_mut().filter(|segment| segment.customers < least) {
            (segment.median_recency, segment.median_orders, segment.median_revenue) = (None, None, None);
            segment.avg_order_value = None;
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::matrix::Column;
    use crate::features::rfm::{Available, features};
    use crate::segment::rfm_grid::RfmConfig;

    #[test]
    fn cells_and_segments_add_up() {
        let all = features(Available { revenue: true, products: false, returns: false });
        let n = 50;
        let numbers = |of: &dyn Fn(usize) -> f64| Column::Number((0..n).map(of).collect());
        let matrix = FeatureMatrix {
            ids: (0..n).map(|i| format!("C{i:02}")).collect(),
            features: all.into_iter().filter(|f| FEATURES.contains(&f.name.as_str())).collect(),
            columns: vec![
                numbers(&|i| (i * 7 % n) as f64),
                numbers(&|i| (1 + i % 6) as f64),
                numbers(&|i| 0.1 * (1 + i * 13 % n) as f64),
            ],
        };
        for method in [Method::Rank, Method::RRfm] {
            let fitted = RfmGrid::fit(&RfmConfig { method, ..RfmConfig::default() }, &matrix).expect("a grid");
            let facts = RfmFacts::of(&fitted.grid, &fitted.scores, &matrix).expect("facts");
            assert_eq!((facts.customers, facts.left_out, facts.cells.len()), (n, 0, 25));
            assert_eq!(facts.cells.iter().map(|c| c.customers).sum::<usize>(), n);
            assert_eq!(facts.segments.iter().map(|s| s.customers).sum::<usize>(), n);
            // 0.1 + 0.2 + … + 5.0, to the cent.
            assert_eq!((facts.segments.iter().map(|s| s.revenue * 10.0).sum::<f64>()).round(), 1275.0);
            assert!((facts.segments.iter().map(|s| s.share_revenue).sum::<f64>() - 1.0).abs() < 1e-12);
            for segment in &facts.segments {
                assert_eq!(segment.value_tiers.iter().sum::<usize>(), segment.customers);
                assert_eq!(segment.avg_order_value.is_none(), segment.customers == 0);
            }
            assert!(facts.cells.iter().all(|c| c.median_revenue.is_some() == (c.customers > 0)));
        }
    }
}
