//! How a person tells a segment without a computer: at most three conditions in business units, and how well they do.
//!
//! A rule is a path of a decision tree grown for one segment against all others: conditions are added as long as the F1 score
//! on the training customers grows, from the few best paths so far (a beam), so that a first split which pays only with
//! the second is not lost. Every third customer in the order of ids is held out, and what a rule is worth is counted on those alone.

use crate::features::matrix::{Column, FeatureMatrix};
use crate::features::rules::{Comparison, Condition, Conditions};
use crate::features::{Family, Feature, Role, Scale, Unit};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Conditions of a rule, at most.
const CONDITIONS: usize = 3;

/// Paths that are gone on from.
const BEAM: usize = 6;

/// Values of a feature that are tried as limits: so many quantiles.
const QUANTILES: usize = 24;

/// Levels of a feature that are tried, at most; a feature with more is left out.
const LEVELS: usize = 12;

/// A condition must add so much to the F1 score to be worth reading.
const WORTH: f64 = 0.01;

/// Customers that rules are made from, at most.
const TRAINING: usize = 20_000;

/// One customer of so many is held out.
const HELD_OUT: usize = 3;

/// A rule of thumb for one segment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SegmentRule {
    /// What must hold.
    pub when: Conditions,
    /// Of the held-out customers for whom it holds, the share in the segment.
    pub precision: f64,
    /// Of the held-out customers in the segment, the share for whom it holds.
    pub recall: f64,
    /// Share of the held-out customers for whom it holds.
    pub coverage: f64,
    /// Number of customers held out.
    pub held_out: usize,
}

/// Whether the customer in row `row` (in the order of ids) is held out from the making of rules.
pub fn held_out(row: usize) -> bool {
    row % HELD_OUT == HELD_OUT - 1
}

/// A rule per segment; `None` where no condition tells it from the rest, or where nobody of it is held out. Features that people must not be
/// sorted by take part only where they form segments.
pub fn rules(matrix: &FeatureMatrix, labels: &[Option<usize>], n: usize) -> Vec<Option<SegmentRule>> {
    if n < 2 {
        return vec![None; n];
    }
    let all: Vec<usize> = (0..matrix.len()).filter(|&row| !held_out(row)).collect();
    let step = all.len().div_ceil(TRAINING).max(1);
    let training: Vec<usize> = all.into_iter().step_by(step).collect();
    let usable = |feature: &Feature| {
        feature.role == Role::Form
            || (feature.family == Family::Rfm && !feature.protected && feature.scale == Scale::Numeric)
    };
    let columns = matrix.features.iter().zip(&matrix.columns).filter(|(feature, _)| usable(feature));
    let splits: Vec<Split> = columns.flat_map(|(feature, column)| Split::of(feature, column, &training)).collect();
    (0..n).into_par_iter().map(|segment| rule(matrix, labels, segment, &training, &splits)).collect()
}

/// A condition, and for which training customers it holds.
struct Split {
    condition: Condition,
    holds: Vec<bool>,
}

impl Split {
    fn of(feature: &Feature, column: &Column, training: &[usize]) -> Vec<Self> {
        let split = |comparison, value: String| {
            let condition = Condition { feature: feature.name.clone(), comparison, value };
            let holds = training.iter().map(|&row| condition.holds(column, row)).collect();
            Self { condition, holds }
        };
        match column {
            Column::Number(values) => {
                let mut known: Vec<f64> = training.iter().map(|&row| values[row]).filter(|v| !v.is_nan()).collect();
                known.sort_by(f64::total_cmp);
                let quantile = |i: usize| known.get(i * known.len() / QUANTILES).map(|v| readable(*v, &feature.unit));
                let mut limits: Vec<f64> = (1..QUANTILES).filter_map(quantile).collect();
                limits.sort_by(f64::total_cmp);
                limits.dedup();
                let both = |limit: f64| [Comparison::AtLeast, Comparison::Below].map(|c| split(c, limit.to_string()));
                limits.into_iter().flat_map(both).collect()
            }
            Column::Level(values) => {
                let mut levels: Vec<&str> = training.iter().filter_map(|&row| values[row].as_deref()).collect();
                levels.sort_unstable();
                levels.dedup();
                // Text that would read as two conditions, or as none.
                let plain = |level: &str| {
                    !level.contains(" and ") && !level.contains(['<', '>', '=', '!']) && level.trim() == level
                };
                if levels.len() > LEVELS || levels.iter().any(|level| !plain(level)) {
                    return Vec::new();
                }
                let both = |level: &str| [Comparison::Is, Comparison::IsNot].map(|c| split(c, level.to_string()));
                levels.into_iter().flat_map(both).collect()
            }
        }
    }
}

/// Two significant digits, and no fractions of what is counted.
fn readable(value: f64, unit: &Unit) -> f64 {
    if value == 0.0 {
        return 0.0;
    }
    let digits = value.abs().log10().floor() as i32 - 1;
    let step = 10.0_f64.powi(digits);
    // Divided by whole powers of ten, a decimal is written as it is read.
    let rounded = if digits < 0 {
        (value * 10.0_f64.powi(-digits)).round() / 10.0_f64.powi(-digits)
    } else {
        (value / step).round() * step
    };
    match unit {
        Unit::Days | Unit::Years | Unit::Count => rounded.ceil(),
        _ => rounded,
    }
}

/// A path so far.
#[derive(Clone)]
struct Path {
    splits: Vec<usize>,
    holds: Vec<bool>,
    f1: f64,
}

fn rule(
    matrix: &FeatureMatrix,
    labels: &[Option<usize>],
    segment: usize,
    training: &[usize],
    splits: &[Split],
) -> Option<SegmentRule> {
    let inside: Vec<bool> = training.iter().map(|&row| labels[row] == Some(segment)).collect();
    let size = inside.iter().filter(|&&inside| inside).count();
    let start = Path { splits: Vec::new(), holds: vec![true; training.len()], f1: f1(size, training.len(), size) };
    let mut beam = vec![start.clone()];
    let mut best = start;
    for _ in 0..CONDITIONS {
        let mut longer: Vec<(f64, usize, usize)> = Vec::new();
        for (at, path) in beam.iter().enumerate() {
            for (number, split) in splits.iter().enumerate() {
                if path.splits.iter().any(|&own| same_side(&splits[own].condition, &split.condition)) {
                    continue;
                }
                let (mut hits, mut named) = (0, 0);
                for ((&before, &now), &inside) in path.holds.iter().zip(&split.holds).zip(&inside) {
                    named += usize::from(before & now);
                    hits += usize::from(before & now & inside);
                }
                longer.push((f1(hits, named, size), at, number));
            }
        }
        // Equal scores keep the order of the features.
        longer.sort_by(|a, b| b.0.total_cmp(&a.0));
        longer.dedup_by(|a, b| a.0 == b.0);
        beam = (longer.into_iter().take(BEAM))
            .map(|(f1, at, number)| {
                let holds = beam[at].holds.iter().zip(&splits[number].holds).map(|(a, b)| a & b).collect();
                Path { splits: beam[at].splits.iter().copied().chain([number]).collect(), holds, f1 }
            })
            .collect();
        match beam.first() {
            Some(found) if found.f1 >= best.f1 + WORTH => best = found.clone(),
            _ => break,
        }
    }
    if best.splits.is_empty() {
        return None;
    }
    let mut conditions: Vec<Condition> = best.splits.iter().map(|&number| splits[number].condition.clone()).collect();
    let place = |condition: &Condition| matrix.position(&condition.feature);
    conditions.sort_by_key(place);
    measured(matrix, labels, segment, Conditions(conditions))
}

/// Counts on the customers who are held out.
fn measured(matrix: &FeatureMatrix, labels: &[Option<usize>], segment: usize, when: Conditions) -> Option<SegmentRule> {
    let columns: Vec<(&Condition, &Column)> =
        when.0.iter().filter_map(|c| Some((c, &matrix.columns[matrix.position(&c.feature)?]))).collect();
    let (mut all, mut size, mut named, mut hits) = (0, 0, 0, 0);
    for row in (0..matrix.len()).filter(|&row| held_out(row)) {
        let inside = labels[row] == Some(segment);
        let holds = columns.iter().all(|(condition, column)| condition.holds(column, row));
        all += 1;
        size += usize::from(inside);
        named += usize::from(holds);
        hits += usize::from(holds && inside);
    }
    (size > 0 && named > 0).then(|| SegmentRule {
        when,
        precision: hits as f64 / named as f64,
        recall: hits as f64 / size as f64,
        coverage: named as f64 / all as f64,
        held_out: all,
    })
}

/// The harmonic mean of precision and recall.
fn f1(hits: usize, named: usize, size: usize) -> f64 {
    if hits == 0 { 0.0 } else { 2.0 * hits as f64 / (named + size) as f64 }
}

/// Two conditions of which one makes the other needless, or impossible.
fn same_side(a: &Condition, b: &Condition) -> bool {
    a.feature == b.feature
        && (a.comparison == b.comparison || matches!(a.comparison, Comparison::Is | Comparison::IsNot))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::{Measure, Rows};

    fn feature(name: &str, unit: Unit) -> Feature {
        let mut feature = Feature::new(name, name, Family::Rfm, unit, Measure::Count(Rows::sales()));
        feature.role = Role::Form;
        feature
    }

    /// 900 customers; those with 5 orders or more in the last 60 days and no other are segment 0.
    fn shop() -> (FeatureMatrix, Vec<Option<usize>>) {
        let orders: Vec<f64> = (0..900).map(|i| f64::from(i * 7 % 11)).collect();
        let recency: Vec<f64> = (0..900).map(|i| f64::from(i * 13 % 365)).collect();
        let labels = orders.iter().zip(&recency).map(|(o, r)| Some(usize::from(*o < 5.0 || *r >= 60.0))).collect();
        let matrix = FeatureMatrix {
            ids: (0..900).map(|i| format!("C{i:03}")).collect(),
            features: vec![
                feature("recency_days", Unit::Days),
                feature("orders", Unit::Count),
                feature("kind", Unit::Level),
            ],
            columns: vec![
                Column::Number(recency),
                Column::Number(orders),
                Column::Level((0..900).map(|i| Some(["a", "b"][i % 2].to_string())).collect()),
            ],
        };
        (matrix, labels)
    }

    #[test]
    fn planted_rules_are_found_and_counted_on_those_held_out() {
        let (matrix, labels) = shop();
        let found = rules(&matrix, &labels, 2);
        let rule = found[0].as_ref().unwrap();
        assert_eq!(rule.held_out, 300);
        assert!(rule.precision > 0.9 && rule.recall > 0.9, "{rule:?}");
        assert!(
            rule.when.0.len() <= CONDITIONS && rule.when.to_string().starts_with("recency_days < "),
            "{}",
            rule.when
        );
        assert!(rule.when.to_string().contains("orders >= 5"), "{}", rule.when);
        // Nine of ten are the rest: no condition names them better than none does.
        assert_eq!(found[1], None);
    }

    #[test]
    fn what_nothing_tells_has_no_rule() {
        let (mut matrix, labels) = shop();
        matrix.columns = vec![
            Column::Number(vec![3.0; 900]),
            Column::Number(vec![f64::NAN; 900]),
            Column::Level(vec![Some("x and y".into()); 900]),
        ];
        assert_eq!(rules(&matrix, &labels, 2), [None, None]);
        assert_eq!(rules(&matrix, &vec![Some(0); 900], 1), [None]);
    }

    #[test]
    fn limits_read_well() {
        assert_eq!(
            [0.0, 1.234, 87.6, 123.4, 0.04567, 98_765.0].map(|v| readable(v, &Unit::Money)),
            [0.0, 1.2, 88.0, 120.0, 0.046, 99_000.0]
        );
        assert_eq!([1.2, 33.3].map(|v| readable(v, &Unit::Days)), [2.0, 33.0]);
    }
}
