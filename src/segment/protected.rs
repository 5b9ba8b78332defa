//! How well segments tell what people must not be sorted by. An attribute that forms nothing can still be guessed from the
//! segments, because behaviour goes along with it; this says how far.

use crate::features::matrix::{Column, FeatureMatrix};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One protected attribute.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProtectedFacts {
    /// Feature name.
    pub feature: String,
    /// Whether it formed segments, which only the config can decide.
    pub forms: bool,
    /// Customers of a segment who have a value: those that the rest speaks of.
    pub customers: usize,
    /// How well the segments tell it; `None` where it is the same for all or there is one segment.
    pub told: Option<Told>,
}

/// How well the segments tell an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// An attribute with levels.
    Levels {
        /// Association with the segments, 0 to 1, corrected for chance (see [`cramers_v`]).
        cramers_v: f64,
        /// Share of customers guessed right by the commonest level of their segment.
        right: f64,
        /// Share of customers guessed right by the commonest level of all.
        commonest: f64,
        /// Share of the wrong guesses that knowing the segment sets right (Goodman & Kruskal 1954, lambda).
        lambda: f64,
    },
    /// A number.
    Number {
        /// Share of its variance that lies between segments (Pearson's correlation ratio): the share of the squared error
        /// that knowing the segment takes away.
        eta_squared: f64,
    },
}

impl Told {
    /// By what share guesses get better when the segment is known: of wrong guesses, or of squared error.
    pub fn better(self) -> f64 {
        match self {
            Told::Levels { lambda, .. } => lambda,
            Told::Number { eta_squared } => eta_squared,
        }
    }
}

/// The protected attributes of the matrix, in feature order. `labels` holds the segment of each customer; `forming` are the
/// features that model space is made of. Customers without a value or a segment do not count.
pub fn protected(matrix: &FeatureMatrix, labels: &[Option<usize>], forming: &[&str]) -> Vec<ProtectedFacts> {
    matrix
        .features
        .iter()
        .zip(&matrix.columns)
        .filter(|(feature, _)| feature.protected)
        .map(|(feature, column)| {
            let (customers, told) = match column {
                Column::Level(values) => levels(values, labels),
                Column::Number(values) => number(values, labels),
            };
            let forms = forming.contains(&feature.name.as_str());
            ProtectedFacts { feature: feature.name.clone(), forms, customers, told }
        })
        .collect()
}

fn levels(values: &[Option<String>], labels: &[Option<usize>]) -> (usize, Option<Told>) {
    let segments = labels.iter().flatten().max().map_or(0, |s| s + 1);
    let mut counts: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (value, label) in values.iter().zip(labels) {
        if let (Some(value), Some(label)) = (value, label) {
            counts.entry(value).or_insert_with(|| vec![0; segments])[*label] += 1;
        }
    }
    let table: Vec<Vec<usize>> = counts.into_values().collect();
    let customers = table.iter().flatten().sum::<usize>();
    let told = cramers_v(&table).map(|cramers_v| {
        let n = customers as f64;
        let commonest = table.iter().map(|row| row.iter().sum::<usize>()).max().unwrap_or(0);
        let right: usize = (0..segments).map(|s| table.iter().map(|row| row[s]).max().unwrap_or(0)).sum();
        Told::Levels {
            cramers_v,
            right: right as f64 / n,
            commonest: commonest as f64 / n,
            // With two levels or more somebody is always guessed wrong.
            lambda: (right - commonest) as f64 / (customers - commonest) as f64,
        }
    });
    (customers, told)
}

fn number(values: &[f64], labels: &[Option<usize>]) -> (usize, Option<Told>) {
    let known: Vec<(usize, f64)> =
        labels.iter().zip(values).filter(|(_, v)| !v.is_nan()).filter_map(|(l, v)| l.map(|l| (l, *v))).collect();
    let n = known.len() as f64;
    let mean = known.iter().map(|(_, v)| v).sum::<f64>() / n;
    let total: f64 = known.iter().map(|(_, v)| (v - mean) * (v - mean)).sum();
    let mut sums: BTreeMap<usize, (f64, f64)> = BTreeMap::new();
    for (label, value) in &known {
        let sum = sums.entry(*label).or_default();
        sum.0 += 1.0;
        sum.1 += value;
    }
    let between: f64 = sums.values().map(|(n, sum)| n * (sum / n - mean) * (sum / n - mean)).sum();
    let told = (sums.len() > 1 && total > 0.0).then(|| Told::Number { eta_squared: between / total });
    (known.len(), told)
}

/// Cramér's V of a table of counts (levels × segments), with the correction for bias of Bergsma (2013, "A bias-correction for
/// Cramér's V and Tschuprow's T", Journal of the Korean Statistical Society 42): independent attributes are at 0 however many
/// levels they have. Empty rows and columns do not count; `None` with fewer than two of either.
pub fn cramers_v(table: &[Vec<usize>]) -> Option<f64> {
    let rows: Vec<f64> = table.iter().map(|row| row.iter().sum::<usize>() as f64).collect();
    let width = table.iter().map(Vec::len).max().unwrap_or(0);
    let at = |row: &[usize], s: usize| row.get(s).copied().unwrap_or(0) as f64;
    let columns: Vec<f64> = (0..width).map(|s| table.iter().map(|row| at(row, s)).sum()).collect();
    let n: f64 = rows.iter().sum();
    let used = |sums: &[f64]| sums.iter().filter(|s| **s > 0.0).count() as f64;
    let (r, k) = (used(&rows), used(&columns));
    if r < 2.0 || k < 2.0 {
        return None;
    }
    let mut squares = 0.0;
    for (row, row_sum) in table.iter().zip(&rows).filter(|(_, sum)| **sum > 0.0) {
        for (s, column_sum) in columns.iter().enumerate().filter(|(_, sum)| **sum > 0.0) {
            squares += at(row, s) * at(row, s) / (row_sum * column_sum);
        }
    }
    // Pearson's chi-squared by n.
    let phi = squares - 1.0;
    let corrected = (phi - (r - 1.0) * (k - 1.0) / (n - 1.0)).max(0.0);
    let shrunk = |levels: f64| levels - (levels - 1.0) * (levels - 1.0) / (n - 1.0);
    let room = shrunk(r).min(shrunk(k)) - 1.0;
    Some(if room > 0.0 { (corrected / room).sqrt().min(1.0) } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::{Family, Feature, Measure, Scale, Unit};

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    #[test]
    fn cramers_v_is_corrected_for_chance() {
        // Chi-squared of [[30, 10], [10, 30]] is 20 (every cell is 10 away from 20: 4 × 100 / 20), so phi squared is 1/4;
        // less 1/79 it is 75/316, and both sides shrink to 2 - 1/79: V = sqrt((75/316) / (78/79)) = sqrt(75/312).
        let v = cramers_v(&[vec![30, 10], vec![10, 30]]).expect("two by two");
        assert!(near(v, (75.0_f64 / 312.0).sqrt()), "{v}");
        // Independent: below what chance alone gives.
        assert_eq!(cramers_v(&[vec![20, 20], vec![20, 20]]), Some(0.0));
        // Chi-squared is 4 × 1 / 20 = 0.2, less than its expectation of 1.
        assert_eq!(cramers_v(&[vec![21, 19], vec![19, 21]]), Some(0.0));
        // Told in full, empty rows and columns left out.
        let v = cramers_v(&[vec![50, 0, 0], vec![0, 0, 50], vec![0, 0, 0]]).expect("two by two");
        assert!(near(v, 1.0), "{v}");
        assert_eq!(cramers_v(&[vec![50, 10]]), None);
        assert_eq!(cramers_v(&[vec![50], vec![10]]), None);
        assert_eq!(cramers_v(&[]), None);
    }

    fn matrix(columns: Vec<(&str, bool, Column)>) -> FeatureMatrix {
        let n = match &columns[0].2 {
            Column::Level(v) => v.len(),
            Column::Number(v) => v.len(),
        };
        let feature = |name: &str, protected, column: &Column| {
            let made =
                Feature::new(name, name, Family::Demographic, Unit::Number, Measure::Value { column: name.into() });
            let made = if matches!(column, Column::Level(_)) { made.levels(Scale::Nominal) } else { made };
            Feature { protected, ..made }
        };
        FeatureMatrix {
            ids: (0..n).map(|i| format!("C{i}")).collect(),
            features: columns.iter().map(|(name, protected, column)| feature(name, *protected, column)).collect(),
            columns: columns.into_iter().map(|(_, _, column)| column).collect(),
        }
    }

    fn people(counts: &[(&str, usize, usize)]) -> (Vec<Option<String>>, Vec<Option<usize>>) {
        let each = |(level, segment, n): &(&str, usize, usize)| {
            std::iter::repeat_n(((!level.is_empty()).then(|| (*level).to_string()), Some(*segment)), *n)
        };
        counts.iter().flat_map(each).unzip()
    }

    #[test]
    fn lambda_is_the_share_of_wrong_guesses_set_right() {
        // Commonest of all: f with 50 of 90. By segment: 40 + 30 = 70 right; of 40 wrong ones 20 are set right.
        let (values, labels) = people(&[("f", 0, 40), ("m", 0, 10), ("f", 1, 10), ("m", 1, 30), ("", 1, 5)]);
        let matrix = matrix(vec![("gender", true, Column::Level(values))]);
        let facts = protected(&matrix, &labels, &["orders"]);
        assert_eq!((facts.len(), facts[0].customers, facts[0].forms), (1, 90, false));
        let Some(Told::Levels { right, commonest, lambda, cramers_v }) = facts[0].told else { panic!("levels") };
        assert!(near(right, 70.0 / 90.0) && near(commonest, 50.0 / 90.0) && near(lambda, 0.5));
        assert!(cramers_v > 0.5 && cramers_v < 0.6, "{cramers_v}");
        assert!(near(facts[0].told.expect("told").better(), 0.5));
        assert!(protected(&matrix, &labels, &["gender"])[0].forms);
    }

    #[test]
    fn eta_squared_is_the_share_between_segments() {
        // Means 30 and 50 around 40: 4 × 100 between; within 2 × (100 + 100): half of the variance.
        let ages = vec![20.0, 40.0, 40.0, 60.0, f64::NAN, 99.0];
        let labels = [Some(0), Some(0), Some(1), Some(1), Some(1), None];
        let matrix = matrix(vec![("age", true, Column::Number(ages.clone())), ("size", false, Column::Number(ages))]);
        let facts = protected(&matrix, &labels, &[]);
        assert_eq!((facts.len(), facts[0].customers), (1, 4));
        let Some(Told::Number { eta_squared }) = facts[0].told else { panic!("a number") };
        assert!(near(eta_squared, 0.5), "{eta_squared}");
    }

    #[test]
    fn what_is_the_same_for_all_tells_nothing() {
        let level = Column::Level(vec![Some("f".into()); 4]);
        let matrix = matrix(vec![("gender", true, level), ("age", true, Column::Number(vec![30.0; 4]))]);
        let two = [Some(0), Some(0), Some(1), Some(1)];
        assert!(protected(&matrix, &two, &[]).iter().all(|f| f.told.is_none() && f.customers == 4));
        assert!(protected(&matrix, &[None; 4], &[]).iter().all(|f| f.told.is_none() && f.customers == 0));
    }
}
