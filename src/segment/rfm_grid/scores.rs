//! From a value to a score of 1 to B, by cut points that are learned once and then kept.
//!
//! Every method ends as an [`Axis`]: cuts on the value and the score of each bin between them. What differs is where the
//! cuts come from and to which side a value on a cut belongs.

use super::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which end of a bin belongs to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Closed {
    /// `cut <= value < next cut`.
    Left,
    /// `cut < value <= next cut`.
    Right,
}

/// Which direction is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// Many orders, much money.
    Higher,
    /// Few days since the last order.
    Lower,
}

/// One of the three dimensions, frozen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Axis {
    /// What is cut: `recency_days`, `orders`, `revenue`, or `revenue_per_order`.
    pub value: String,
    /// The cut points, strictly ascending, in the unit of the value.
    pub cuts: Vec<f64>,
    /// The score of each bin, lowest values first: one more than there are cuts.
    pub scores: Vec<u8>,
    /// To which bin a value on a cut belongs.
    pub closed: Closed,
}

impl Axis {
    /// The score of a value. Values outside what was seen in training score as the nearest end.
    pub fn score(&self, value: f64) -> u8 {
        let passed = match self.closed {
            Closed::Left => self.cuts.partition_point(|cut| *cut <= value),
            Closed::Right => self.cuts.partition_point(|cut| *cut < value),
        };
        self.scores[passed]
    }

    /// From cuts that may repeat: a repeated cut is an empty bin, whose score nobody gets.
    fn from_cuts(value: &str, all: &[f64], closed: Closed, better: Better) -> Self {
        let bins = all.len() as u8 + 1;
        let mut cuts: Vec<f64> = Vec::new();
        let mut passed = vec![0u8];
        for (i, cut) in all.iter().enumerate() {
            if cuts.last() == Some(cut) {
                passed.pop();
            } else {
                cuts.push(*cut);
            }
            passed.push(i as u8 + 1);
        }
        let scores = passed
            .into_iter()
            .map(|passed| match better {
                Better::Higher => passed + 1,
                Better::Lower => bins - passed,
            })
            .collect();
        Self { value: value.into(), cuts, scores, closed }
    }

    /// From the score of every distinct value, ascending: a cut wherever the score changes, on the better customer's value.
    fn from_steps(value: &str, steps: &[(f64, u8)], better: Better) -> Self {
        let closed = on_cut(better);
        let mut cuts = Vec::new();
        let mut scores: Vec<u8> = steps.first().map(|s| s.1).into_iter().collect();
        for pair in steps.windows(2) {
            if pair[0].1 != pair[1].1 {
                cuts.push(if closed == Closed::Left { pair[1].0 } else { pair[0].0 });
                scores.push(pair[1].1);
            }
        }
        Self { value: value.into(), cuts, scores, closed }
    }

    /// From cut points of the config. Whoever stands on a cut gets the better score, so orders of `2, 3, 5, 10` read
    /// 1 | 2 | 3–4 | 5–9 | 10 and more, and days of `30, 90` read up to 30 | 31–90 | more.
    pub(super) fn fixed(value: &str, cuts: &[f64], better: Better) -> Self {
        Self::from_cuts(value, cuts, on_cut(better), better)
    }

    /// Learns the cut points of one dimension by `method` into `bins` scores. `sorted` ascends and holds no `NaN`. The
    /// second value is the number of bins that are left, where the method lets bins fall together (`pymc`).
    pub(super) fn learn(method: Method, value: &str, sorted: &[f64], bins: u8, better: Better) -> (Self, u8) {
        if sorted.is_empty() {
            return (Self { value: value.into(), cuts: Vec::new(), scores: vec![1], closed: on_cut(better) }, bins);
        }
        let quantiles = || (1..bins).map(|j| quantile(sorted, j, bins)).collect::<Vec<f64>>();
        match method {
            Method::Rank | Method::Fixed => (Self::from_steps(value, &ranks(sorted, bins, better), better), bins),
            Method::RRfm => {
                let cuts: Vec<f64> = quantiles().iter().map(|q| q + 1.0).collect();
                (Self::from_cuts(value, &cuts, Closed::Left, better), bins)
            }
            Method::Pymc => {
                // pandas drops repeated edges, the smallest and the largest value among them, and numbers what is left.
                let (low, high) = (sorted[0], sorted[sorted.len() - 1]);
                let mut cuts = quantiles();
                cuts.dedup();
                cuts.retain(|cut| *cut > low && *cut < high);
                let left = cuts.len() as u8 + 1;
                (Self::from_cuts(value, &cuts, Closed::Right, better), left)
            }
            Method::Notebook => (Self::from_cuts(value, &quantiles(), Closed::Right, better), bins),
        }
    }
}

/// The side that gives a value on a cut the better score.
fn on_cut(better: Better) -> Closed {
    match better {
        Better::Higher => Closed::Left,
        Better::Lower => Closed::Right,
    }
}

/// The `part / parts` quantile of ascending values (type 7 of Hyndman & Fan 1996). The position is divided last, so that it
/// is exact where it is whole: a value on a cut must not change sides by a rounding error.
fn quantile(sorted: &[f64], part: u8, parts: u8) -> f64 {
    let position = ((sorted.len() - 1) * usize::from(part)) as f64 / f64::from(parts);
    let low = position.floor() as usize;
    let high = (low + 1).min(sorted.len() - 1);
    sorted[low] + (position - low as f64) * (sorted[high] - sorted[low])
}

/// Every distinct value with its score by average rank: `p = (average rank - 1/2) / n`, `score = 1 + floor(bins · p)`,
/// ranked from the worst. In whole numbers, because a rounding error would move a customer.
fn ranks(sorted: &[f64], bins: u8, better: Better) -> Vec<(f64, u8)> {
    let n = sorted.len() as u64;
    let mut steps = Vec::new();
    let mut start = 0;
    for group in sorted.chunk_by(|a, b| a == b) {
        let (low, high) = (start + 1, start + group.len() as u64);
        start = high;
        let doubled = match better {
            Better::Higher => low + high,
            Better::Lower => 2 * (n + 1) - low - high,
        };
        let score = 1 + u64::from(bins) * (doubled - 1) / (2 * n);
        steps.push((group[0], score.min(u64::from(bins)) as u8));
    }
    steps
}

/// Scores by position: pandas' `qcut` of `rank(method="first")`. `order` lists rows from the lowest value, ties in the order
/// of ids; the result is by row. Equal values can score differently, which is why nothing but the notebook method asks.
pub(super) fn by_position(order: &[usize], rows: usize, bins: u8) -> Vec<Option<u8>> {
    let ranks: Vec<f64> = (1..=order.len()).map(|rank| rank as f64).collect();
    let mut scores = vec![None; rows];
    if ranks.is_empty() {
        return scores;
    }
    let cuts: Vec<f64> = (1..bins).map(|j| quantile(&ranks, j, bins)).collect();
    let axis = Axis::from_cuts("rank", &cuts, Closed::Right, Better::Higher);
    for (rank, row) in ranks.iter().zip(order) {
        scores[*row] = Some(axis.score(*rank));
    }
    scores
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scored(method: Method, values: &[f64], bins: u8, better: Better) -> Vec<u8> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let axis = Axis::learn(method, "x", &sorted, bins, better).0;
        values.iter().map(|v| axis.score(*v)).collect()
    }

    #[test]
    fn ranks_share_ties_and_skip_scores() {
        // 4 of 10 have one order: average rank 2.5, p = 0.2, score 2; nobody gets 1.
        let orders = [1.0, 1.0, 1.0, 1.0, 2.0, 2.0, 3.0, 4.0, 5.0, 9.0];
        assert_eq!(scored(Method::Rank, &orders, 5, Better::Higher), [2, 2, 2, 2, 3, 3, 4, 4, 5, 5]);
        assert_eq!(scored(Method::Rank, &[7.0; 4], 5, Better::Higher), [3; 4]);
        let days = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0];
        assert_eq!(scored(Method::Rank, &days, 5, Better::Lower), [5, 5, 4, 4, 3, 3, 2, 2, 1, 1]);
    }

    #[test]
    fn a_value_on_a_cut_belongs_where_the_method_says() {
        let values: Vec<f64> = (0..=10).map(f64::from).collect();
        // Quintiles at 2, 4, 6, 8; the R package adds one and closes bins on the left, pandas on the right.
        assert_eq!(scored(Method::RRfm, &values, 5, Better::Higher), [1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]);
        assert_eq!(scored(Method::Notebook, &values, 5, Better::Higher), [1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]);
        assert_eq!(scored(Method::Notebook, &values, 5, Better::Lower), [5, 5, 5, 4, 4, 3, 3, 2, 2, 1, 1]);
        let orders = Axis::fixed("orders", &[2.0, 3.0, 5.0, 10.0], Better::Higher);
        assert_eq!([1.0, 2.0, 4.0, 5.0, 9.0, 10.0].map(|v| orders.score(v)), [1, 2, 3, 4, 4, 5]);
        let days = Axis::fixed("recency_days", &[30.0, 90.0], Better::Lower);
        assert_eq!([0.0, 30.0, 31.0, 90.0, 91.0].map(|v| days.score(v)), [3, 3, 2, 2, 1]);
    }

    #[test]
    fn pymc_numbers_the_bins_that_are_left() {
        let sorted = [1.0, 1.0, 2.0, 3.0, 3.0, 3.0];
        let (axis, left) = Axis::learn(Method::Pymc, "orders", &sorted, 4, Better::Higher);
        assert_eq!(
            (left, axis.cuts.as_slice(), axis.scores.as_slice()),
            (3, [1.25, 2.5].as_slice(), [1, 2, 3].as_slice())
        );
        let (axis, left) = Axis::learn(Method::Pymc, "recency_days", &sorted, 4, Better::Lower);
        assert_eq!((left, axis.scores.as_slice()), (3, [3, 2, 1].as_slice()));
    }

    #[test]
    fn positions_break_ties() {
        assert_eq!(by_position(&[0, 1, 2, 3, 5], 6, 5), [Some(1), Some(2), Some(3), Some(4), None, Some(5)]);
    }
}
