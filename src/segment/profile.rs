//! The numbers of one segment against everyone.

use super::nps::NpsFacts;
use crate::features::matrix::{Column, FeatureMatrix};
use crate::features::preparation::{Preparation, UNKNOWN};
use crate::features::scaling::quantile;
use crate::features::{Feature, Scale, Unit};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One group of customers in numbers. Medians and means are in natural units.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Profile {
    /// Number of customers.
    pub customers: usize,
    /// Share of all segmented customers, unclustered ones included in the base.
    pub share_customers: f64,
    /// Sum of the `revenue` feature; `None` without revenue.
    pub revenue: Option<f64>,
    /// Share of the revenue of everyone in the base.
    pub share_revenue: Option<f64>,
    /// One entry per numeric feature, in feature order.
    pub numbers: Vec<NumberFacts>,
    /// Per level of each ordinal and nominal feature, in feature order, then level order.
    pub levels: Vec<LevelFacts>,
    /// One entry per question "would you recommend us?", in feature order.
    #[serde(default)]
    pub nps: Vec<NpsFacts>,
}

/// A numeric feature within a group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NumberFacts {
    /// Feature name.
    pub feature: String,
    /// Mean over customers with a value; `None` when nobody has one.
    pub mean: Option<f64>,
    /// Lower quartile (type 7).
    pub p25: Option<f64>,
    /// Median (type 7).
    pub median: Option<f64>,
    /// Upper quartile (type 7).
    pub p75: Option<f64>,
    /// How far the group's mean lies from everyone's, in standard deviations of the transformed feature (the scale on
    /// which customers are compared, so that one whale does not hide a whole segment).
    pub z: f64,
    /// Share of the group without a value.
    pub missing: f64,
}

/// A level within a group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LevelFacts {
    /// Feature name.
    pub feature: String,
    /// The level; `unknown` stands for no value.
    pub level: String,
    /// Customers of the group at this level.
    pub customers: usize,
    /// Share of the group at this level.
    pub share: f64,
    /// Share of everyone at this level.
    pub share_all: f64,
    /// The 95 % interval of `share`, the group seen as a sample of customers like them ([`wilson`]).
    #[serde(default)]
    pub interval: [f64; 2],
}

impl LevelFacts {
    /// Every level of a feature within a group of so many of `everyone`: each with how many of the group and how many of all have it.
    pub fn of<'a>(
        feature: &'a Feature,
        counts: impl Iterator<Item = (Option<&'a str>, usize, usize)>,
        group: usize,
        everyone: usize,
    ) -> Vec<Self> {
        let mut of_levels: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for (level, own, all) in counts {
            let counted = of_levels.entry(level.unwrap_or(UNKNOWN)).or_default();
            *counted = (counted.0 + own, counted.1 + all);
        }
        let mut of_levels: Vec<(&str, (usize, usize))> = of_levels.into_iter().collect();
        if let Scale::Ordinal(order) = &feature.scale {
            // Levels that the order does not name, and no answer, come last.
            of_levels.sort_by_key(|(level, _)| order.iter().position(|o| o == level).unwrap_or(order.len()));
        }
        let facts = |(level, (own, all)): (&str, (usize, usize))| Self {
            feature: feature.name.clone(),
            level: level.into(),
            customers: own,
            share: own as f64 / group.max(1) as f64,
            share_all: all as f64 / everyone.max(1) as f64,
            interval: wilson(own, group),
        };
        of_levels.into_iter().map(facts).collect()
    }
}

/// The 95 % score interval of a share of `events` among `of` (Wilson 1927): it stays within 0 and 1 and does not shrink to
/// nothing where there are none or all. The whole range without anybody.
pub fn wilson(events: usize, of: usize) -> [f64; 2] {
    const Z: f64 = 1.959_963_984_540_054;
    if of == 0 {
        return [0.0, 1.0];
    }
    let (n, share) = (of as f64, events as f64 / of as f64);
    let middle = share + Z * Z / (2.0 * n);
    let half = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + Z * Z / n;
    // With none or all the end is the share itself, but for rounding.
    [((middle - half) / scale).clamp(0.0, share), ((middle + half) / scale).clamp(share, 1.0)]
}

/// Everyone, each segment, and those in none.
#[derive(Debug, Clone, PartialEq)]
pub struct Profiles {
    /// All customers together.
    pub everyone: Profile,
    /// By segment index.
    pub segments: Vec<Profile>,
    /// Customers in no segment; `None` if there are none.
    pub unclustered: Option<Profile>,
}

/// Profiles of all groups. `labels` holds the segment index of each customer of the matrix.
pub fn profiles(
    matrix: &FeatureMatrix,
    preparation: &Preparation,
    labels: &[Option<usize>],
    n_segments: usize,
) -> Profiles {
    let scores = scores(matrix, preparation);
    let mut members: Vec<Vec<usize>> = vec![Vec::new(); n_segments + 1];
    for (row, label) in labels.iter().enumerate() {
        members[label.unwrap_or(n_segments)].push(row);
    }
    let all: Vec<usize> = (0..matrix.len()).collect();
    let everyone = profile(matrix, &scores, &all);
    let unclustered = (!members[n_segments].is_empty()).then(|| profile(matrix, &scores, &members[n_segments]));
    let segments = members[..n_segments].par_iter().map(|rows| profile(matrix, &scores, rows)).collect();
    Profiles { everyone, segments, unclustered }
}

/// Share of the customers who came back: two or more orders in the window. `None` without orders.
pub fn repeat_rate(matrix: &FeatureMatrix) -> Option<f64> {
    let orders = matrix.numbers("orders")?;
    Some(orders.iter().filter(|n| **n >= 2.0).count() as f64 / orders.len().max(1) as f64)
}

/// The few customers who hold much of the revenue.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WhaleFacts {
    /// How many they are.
    pub customers: usize,
    /// Their share of all customers.
    pub share_customers: f64,
    /// Their share of the customers' revenue.
    pub share_revenue: f64,
}

/// The customers whose feature `whale` says yes; `None` without such a feature, without revenue or without whales.
pub fn whales(matrix: &FeatureMatrix) -> Option<WhaleFacts> {
    let Column::Level(whale) = &matrix.columns[matrix.position("whale")?] else { return None };
    let revenue = matrix.numbers("revenue")?;
    let (mut customers, mut own, mut all) = (0usize, 0.0, 0.0);
    for (whale, revenue) in whale.iter().zip(revenue) {
        let revenue = if revenue.is_nan() { 0.0 } else { *revenue };
        all += revenue;
        if whale.as_deref() == Some("yes") {
            customers += 1;
            own += revenue;
        }
    }
    (customers > 0 && all > 0.0).then(|| WhaleFacts {
        customers,
        share_customers: customers as f64 / matrix.len() as f64,
        share_revenue: own / all,
    })
}

/// Share of each feature's variance (standardised, transformed) that lies between segments: eta squared. Customers in no
/// segment do not count. `None` for levels and constants.
pub fn between(
    matrix: &FeatureMatrix,
    preparation: &Preparation,
    labels: &[Option<usize>],
    n_segments: usize,
) -> Vec<Option<f64>> {
    scores(matrix, preparation)
        .into_iter()
        .map(|scores| {
            let scores = scores?;
            let mut sums = vec![(0.0, 0.0); n_segments];
            let (mut n, mut sum) = (0.0, 0.0);
            for (score, label) in scores.iter().zip(labels) {
                if let Some(segment) = label {
                    sums[*segment].0 += 1.0;
                    sums[*segment].1 += score;
                    n += 1.0;
                    sum += score;
                }
            }
            let mean = sum / n;
            let total: f64 =
                scores.iter().zip(labels).filter(|(_, l)| l.is_some()).map(|(s, _)| (s - mean) * (s - mean)).sum();
            let explained: f64 =
                sums.iter().filter(|(n, _)| *n > 0.0).map(|(n, s)| n * (s / n - mean) * (s / n - mean)).sum();
            (total > 0.0).then(|| explained / total)
        })
        .collect()
}

/// Standardised values per feature; `None` for levels.
fn scores(matrix: &FeatureMatrix, preparation: &Preparation) -> Vec<Option<Vec<f64>>> {
    matrix.features.par_iter().map(|feature| preparation.scores(matrix, &feature.name)).collect()
}

fn profile(matrix: &FeatureMatrix, scores: &[Option<Vec<f64>>], rows: &[usize]) -> Profile {
    let revenue = |rows: &mut dyn Iterator<Item = usize>| {
        matrix.numbers("revenue").map(|v| rows.map(|i| if v[i].is_nan() { 0.0 } else { v[i] }).sum::<f64>())
    };
    let own = revenue(&mut rows.iter().copied());
    let all = revenue(&mut (0..matrix.len()));
    let mut numbers = Vec::new();
    let mut levels = Vec::new();
    let mut nps = Vec::new();
    for ((feature, column), scores) in matrix.features.iter().zip(&matrix.columns).zip(scores) {
        match column {
            Column::Number(values) => {
                if feature.unit == Unit::Nps {
                    nps.push(NpsFacts::of(&feature.name, rows.iter().map(|i| values[*i])));
                }
                let mut known: Vec<f64> = rows.iter().map(|i| values[*i]).filter(|v| !v.is_nan()).collect();
                let n = known.len();
                let mean = (n > 0).then(|| known.iter().sum::<f64>() / n as f64);
                known.sort_by(f64::total_cmp);
                let at = |p| (n > 0).then(|| quantile(&known, p));
                let z =
                    scores.as_ref().map_or(0.0, |s| rows.iter().map(|i| s[*i]).sum::<f64>() / rows.len().max(1) as f64);
                numbers.push(NumberFacts {
                    feature: feature.name.clone(),
                    mean,
                    p25: at(0.25),
                    median: at(0.5),
                    p75: at(0.75),
                    z,
                    missing: (rows.len() - n) as f64 / rows.len().max(1) as f64,
                });
            }
            Column::Level(values) => {
                let mut counts: BTreeMap<Option<&str>, (usize, usize)> = BTreeMap::new();
                for value in values {
                    counts.entry(value.as_deref()).or_default().1 += 1;
                }
                for i in rows {
                    counts.entry(values[*i].as_deref()).or_default().0 += 1;
                }
                let counts = counts.into_iter().map(|(level, (own, all))| (level, own, all));
                levels.extend(LevelFacts::of(feature, counts, rows.len(), values.len()));
            }
        }
    }
    Profile {
        customers: rows.len(),
        share_customers: rows.len() as f64 / matrix.len().max(1) as f64,
        revenue: own,
        share_revenue: own.zip(all).filter(|(_, all)| *all != 0.0).map(|(own, all)| own / all),
        numbers,
        levels,
        nps,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::preparation::PreparationOptions;
    use crate::features::{Family, Feature, Lines, Measure, Rows};

    fn matrix() -> FeatureMatrix {
        let feature = |name: &str, unit, measure, scale| {
            Feature { scale, ..Feature::new(name, name, Family::Rfm, unit, measure) }.forms()
        };
        FeatureMatrix {
            ids: ["a", "b", "c", "d"].map(String::from).to_vec(),
            features: vec![
                feature("revenue", Unit::Money, Measure::Amount(Rows::lines(Lines::Net)), Scale::Numeric),
                feature("region", Unit::Level, Measure::Level { column: "region".into() }, Scale::Nominal),
            ],
            columns: vec![
                Column::Number(vec![10.0, 30.0, 100.0, f64::NAN]),
                Column::Level(vec![Some("north".into()), Some("south".into()), Some("north".into()), None]),
            ],
        }
    }

    #[test]
    fn intervals_are_those_of_wilson() {
        // Newcombe (1998, Statistics in Medicine 17:857-872), table I, method 3.
        for (events, of, low, high) in
            [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)]
        {
            let [a, b] = wilson(events, of);
            assert!((a - low).abs() < 5e-5 && (b - high).abs() < 5e-5, "{events}/{of}: {a} {b}");
        }
        assert_eq!((wilson(10, 10)[1], wilson(0, 0)), (1.0, [0.0, 1.0]));
    }

    #[test]
    fn shares_and_quantiles_are_of_the_group() {
        let matrix = matrix();
        let (preparation, _) = Preparation::fit(&matrix, &PreparationOptions::default()).expect("a preparation");
        let made = profiles(&matrix, &preparation, &[Some(0), Some(0), Some(1), None], 2);
        let first = &made.segments[0];
        assert_eq!((first.customers, first.share_customers), (2, 0.5));
        assert_eq!((first.revenue, first.share_revenue), (Some(40.0), Some(40.0 / 140.0)));
        assert_eq!((first.numbers[0].median, first.numbers[0].p25), (Some(20.0), Some(15.0)));
        assert_eq!(made.unclustered.as_ref().map(|p| p.numbers[0].missing), Some(1.0));
        assert_eq!(
            made.everyone.levels.iter().map(|l| l.level.as_str()).collect::<Vec<_>>(),
            ["north", "south", "unknown"]
        );
        let north = &first.levels[0];
        assert_eq!((north.customers, north.share, north.share_all), (1, 0.5, 0.5));
        assert!(made.everyone.numbers[0].z.abs() < 1e-6);
        assert!(first.numbers[0].z < 0.0 && made.segments[1].numbers[0].z > 0.0);
    }

    #[test]
    fn levels_with_an_order_stand_in_it() {
        let mut matrix = matrix();
        let order = ["small", "medium", "large"].map(String::from).to_vec();
        matrix.features[1].scale = Scale::Ordinal(order);
        let sizes = [Some("large"), Some("medium"), None, Some("small")];
        matrix.columns[1] = Column::Level(sizes.iter().map(|s| s.map(String::from)).collect());
        let (preparation, _) = Preparation::fit(&matrix, &PreparationOptions::default()).expect("a preparation");
        let made = profiles(&matrix, &preparation, &[Some(0); 4], 1);
        let levels: Vec<&str> = made.everyone.levels.iter().map(|l| l.level.as_str()).collect();
        assert_eq!(levels, ["small", "medium", "large", "unknown"]);
    }

    #[test]
    fn whoever_ordered_twice_came_back() {
        let mut matrix = matrix();
        assert_eq!(repeat_rate(&matrix), None);
        matrix.features[0].name = "orders".into();
        matrix.columns[0] = Column::Number(vec![1.0, 2.0, 7.0, 1.0]);
        assert_eq!(repeat_rate(&matrix), Some(0.5));
    }

    #[test]
    fn whales_are_counted_with_what_they_hold() {
        let mut matrix = matrix();
        assert_eq!(whales(&matrix), None);
        matrix.features[1].name = "whale".into();
        matrix.columns[1] = Column::Level(["no", "no", "yes", "no"].map(|v| Some(v.to_string())).to_vec());
        let facts = whales(&matrix).expect("a whale");
        assert_eq!((facts.customers, facts.share_customers, facts.share_revenue), (1, 0.25, 100.0 / 140.0));
        matrix.columns[1] = Column::Level(vec![Some("no".into()); 4]);
        assert_eq!(whales(&matrix), None);
    }

    #[test]
    fn answers_are_counted_per_group() {
        let mut matrix = matrix();
        matrix.features[0].unit = Unit::Nps;
        let (preparation, _) = Preparation::fit(&matrix, &PreparationOptions::default()).expect("a preparation");
        let made = profiles(&matrix, &preparation, &[Some(0), Some(0), Some(1), Some(1)], 2);
        let of = |p: &Profile| (p.nps[0].answers, p.nps[0].share_answered);
        assert_eq!((of(&made.segments[0]), of(&made.segments[1]), of(&made.everyone)), ((2, 1.0), (1, 0.5), (3, 0.75)));
    }

    #[test]
    fn eta_squared_is_one_when_segments_explain_everything() {
        let mut matrix = matrix();
        matrix.columns[0] = Column::Number(vec![10.0, 10.0, 90.0, 90.0]);
        let (preparation, _) = Preparation::fit(&matrix, &PreparationOptions::default()).expect("a preparation");
        let shares = between(&matrix, &preparation, &[Some(0), Some(0), Some(1), Some(1)], 2);
        assert!((shares[0].expect("a share") - 1.0).abs() < 1e-12);
        assert_eq!(shares[1], None);
        let none = between(&matrix, &preparation, &[Some(0), Some(1), Some(0), Some(1)], 2);
        assert!(none[0].expect("a share").abs() < 1e-12);
    }
}
