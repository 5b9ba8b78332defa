use super::*;
use crate::features::{Feature, Measure, Unit};

/// How many have each level.
fn counts(values: &[Option<String>]) -> BTreeMap<Option<String>, u64> {
    let mut counts = BTreeMap::new();
    for value in values {
        *counts.entry(value.clone()).or_default() += 1;
    }
    counts
}

fn feature(name: &str, family: Family, unit: Unit, scale: Scale) -> Feature {
    let made = Feature::new(name, name, family, unit, Measure::Value { column: name.into() });
    Feature { scale, ..made }.forms()
}

fn shop(n: usize) -> FeatureMatrix {
    let number = |f: &dyn Fn(usize) -> f64| Column::Number((0..n).map(f).collect());
    let level =
        |f: &dyn Fn(usize) -> Option<&'static str>| Column::Level((0..n).map(|i| f(i).map(str::to_owned)).collect());
    let bands = vec!["low".to_string(), "mid".into(), "high".into()];
    FeatureMatrix {
        ids: (0..n).map(|i| format!("C{i:05}")).collect(),
        features: vec![
            feature("recency_days", Family::Rfm, Unit::Days, Scale::Numeric),
            feature("avg_order_value", Family::Rfm, Unit::Money, Scale::Numeric),
            feature("sessions", Family::Engagement, Unit::Count, Scale::Numeric),
            feature("region", Family::Demographic, Unit::Level, Scale::Nominal),
            feature("income", Family::Demographic, Unit::Level, Scale::Ordinal(bands)),
        ],
        columns: vec![
            number(&|i| (i * 37 % 401) as f64),
            number(&|i| 5.0 + (i * 91 % 977) as f64 * 1.3),
            number(&|i| (i * 13 % 29) as f64),
            level(&|i| [Some("north"), Some("south"), None, Some("west"), Some("north")][i % 5]),
            level(&|i| [Some("low"), Some("mid"), Some("high"), Some("mid"), None, Some("low"), Some("low")][i % 7]),
        ],
    }
}

fn shares(values: &[Vec<f64>], families: &[Family]) -> BTreeMap<Family, f64> {
    let mut sums = BTreeMap::new();
    for (column, family) in values.iter().zip(families) {
        let n = column.len() as f64;
        let mean = column.iter().sum::<f64>() / n;
        *sums.entry(*family).or_insert(0.0) += column.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
    }
    let total: f64 = sums.values().sum();
    sums.into_iter().map(|(f, s)| (f, s / total)).collect()
}

/// The shop with a level of two values, with and without gaps, and features of the project's own.
fn rich_shop(n: usize) -> FeatureMatrix {
    let mut matrix = shop(n);
    let mut add = |feature: Feature, column: Column| {
        matrix.features.push(feature);
        matrix.columns.push(column);
    };
    let yes = |yes: bool| Some(if yes { "yes" } else { "no" }.to_string());
    add(
        feature("newsletter", Family::Engagement, Unit::Level, Scale::Binary),
        Column::Level((0..n).map(|i| yes(i % 3 == 0)).collect()),
    );
    add(
        feature("owner", Family::Geographic, Unit::Level, Scale::Binary),
        Column::Level((0..n).map(|i| if i % 11 == 0 { None } else { yes(i % 4 == 0) }).collect()),
    );
    add(
        feature("wine_share", Family::Custom, Unit::Share, Scale::Numeric),
        Column::Number((0..n).map(|i| if i % 9 == 0 { f64::NAN } else { (i * 53 % 101) as f64 / 100.0 }).collect()),
    );
    add(
        feature("tier", Family::Custom, Unit::Level, Scale::Nominal),
        Column::Level((0..n).map(|i| Some(["gold", "silver", "none", "none"][i * 7 % 4].to_string())).collect()),
    );
    matrix
}

#[test]
fn each_block_has_exactly_its_share_of_the_distance() {
    let matrix = rich_shop(2_000);
    let (preparation, warnings) = Preparation::fit(&matrix, &PreparationOptions::default()).expect("a preparation");
    assert_eq!(warnings, []);
    let families: Vec<Family> = preparation.columns.iter().map(|c| c.family).collect();
    let mut raw = preparation.raw(&matrix).expect("columns");
    for (column, encoder) in raw.iter_mut().zip(&preparation.columns) {
        column.iter_mut().for_each(|v| *v *= encoder.factor);
    }
    let rounded = preparation.transform(&matrix).expect("model space").values;
    let rounded: Vec<Vec<f64>> = rounded.columns().into_iter().map(|c| c.to_vec()).collect();
    // Of 0.5, 0.35, 0.15, 0.05 and 0.15.
    let weights = preparation.weights();
    let families_by_weight: Vec<(Family, f64)> =
        weights.iter().map(|(f, w)| (*f, (w * 1.2 * 100.0).round() / 100.0)).collect();
    assert_eq!(
        families_by_weight,
        [
            (Family::Rfm, 0.5),
            (Family::Engagement, 0.35),
            (Family::Demographic, 0.15),
            (Family::Geographic, 0.05),
            (Family::Custom, 0.15)
        ]
    );
    for (family, weight) in weights {
        assert!((shares(&raw, &families)[&family] - weight).abs() < 1e-9);
        assert!((shares(&rounded, &families)[&family] - weight).abs() < 1e-5);
    }
}

#[test]
fn levels_weigh_as_hennig_and_liao_say() {
    let matrix = shop(2_000);
    let (preparation, _) = Preparation::fit(&matrix, &PreparationOptions::default()).expect("a preparation");
    let raw = preparation.raw(&matrix).expect("columns");
    let variance = |name: &str| -> f64 {
        let of = |c: &Vec<f64>| {
            let mean = c.iter().sum::<f64>() / c.len() as f64;
            c.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / c.len() as f64
        };
        raw.iter().zip(&preparation.columns).filter(|(_, e)| e.feature == name).map(|(c, _)| of(c)).sum()
    };
    assert!((variance("region") - 0.5).abs() < 1e-6);
    assert!((variance("income") - 1.0 / 1.5).abs() < 1e-9);
    assert!((variance("sessions") - 1.0).abs() < 1e-6);
}

#[test]
fn values_lie_on_the_grid_and_one_row_is_like_many() {
    let matrix = shop(500);
    let (preparation, _) = Preparation::fit(&matrix, &PreparationOptions::default()).expect("a preparation");
    let all = preparation.transform(&matrix).expect("model space");
    assert!(all.values.iter().all(|v| (v * GRID).fract() == 0.0 && v.abs() < BOUND));
    let row = FeatureMatrix {
        ids: vec![matrix.ids[7].clone()],
        features: matrix.features.clone(),
        columns: matrix
            .columns
            .iter()
            .map(|c| match c {
                Column::Number(v) => Column::Number(vec![v[7]]),
                Column::Level(v) => Column::Level(vec![v[7].clone()]),
            })
            .collect(),
    };
    assert_eq!(preparation.transform(&row).expect("model space").values.row(0), all.values.row(7));
    assert_eq!(to_grid(1.0 / 131_072.0), 1.0 / GRID);
    assert!(to_grid(1e12) < BOUND && to_grid(-1e12) > -BOUND);
}

#[test]
fn a_saved_preparation_is_the_same_preparation() {
    let matrix = shop(300);
    let (preparation, _) = Preparation::fit(&matrix, &PreparationOptions::default()).expect("a preparation");
    let text = serde_json::to_string(&preparation).expect("JSON");
    let read: Preparation = serde_json::from_str(&text).expect("a preparation");
    assert_eq!(read.transform(&matrix).expect("model space"), preparation.transform(&matrix).expect("model space"));
}

#[test]
fn an_unseen_level_is_neither_here_nor_there() {
    let mut matrix = shop(300);
    let (preparation, _) = Preparation::fit(&matrix, &PreparationOptions::default()).expect("a preparation");
    if let Column::Level(values) = &mut matrix.columns[3] {
        values[0] = Some("mars".into());
    }
    let moved = preparation.transform(&matrix).expect("model space");
    let region: Vec<usize> = (0..moved.columns.len()).filter(|i| moved.columns[*i].feature == "region").collect();
    assert!(region.iter().all(|i| moved.values[[0, *i]] == 0.0));
    assert_eq!(preparation.unseen_levels(&matrix), [("region".to_string(), "mars".to_string(), 1)]);
    assert_eq!(preparation.unseen_rows(&matrix).into_iter().collect::<Vec<_>>(), [0]);
}

#[test]
fn constant_and_missing_features_form_nothing() {
    let mut matrix = shop(300);
    matrix.columns[2] = Column::Number(vec![3.0; 300]);
    matrix.columns[1] = Column::Number((0..300).map(|i| if i % 2 == 0 { f64::NAN } else { f64::from(i) }).collect());
    let (preparation, warnings) = Preparation::fit(&matrix, &PreparationOptions::default()).expect("a preparation");
    let codes: Vec<&str> = warnings.iter().map(|w| w.code.as_str()).collect();
    assert_eq!(codes, ["W0404", "W0403"]);
    assert_eq!(preparation.describe("sessions"), "not used to form segments");
    assert_eq!(preparation.weights().len(), 2);
    for column in &mut matrix.columns {
        *column = match column {
            Column::Number(_) => Column::Number(vec![1.0; 300]),
            Column::Level(_) => Column::Level(vec![Some("north".into()); 300]),
        };
    }
    let error = Preparation::fit(&matrix, &PreparationOptions::default()).expect_err("nothing differs");
    assert_eq!((error.code(), error.exit_code()), ("E0403", 6));
}

#[test]
fn two_features_that_say_the_same_are_named() {
    let mut matrix = shop(300);
    if let Column::Number(values) = &matrix.columns[0] {
        matrix.columns[1] = Column::Number(values.iter().map(|v| v * 2.0 + 1.0).collect());
    }
    let (_, warnings) = Preparation::fit(&matrix, &PreparationOptions::default()).expect("a preparation");
    assert_eq!(warnings[0].code, "W0405");
}

#[test]
fn two_levels_are_one_column_and_weigh_as_much() {
    let values: Vec<Option<String>> = (0..100).map(|i| Some(if i < 30 { "no" } else { "yes" }.into())).collect();
    let kinds = binary(&counts(&values), 0.01);
    let [Kind::Level { level, share, scale, .. }] = kinds.as_slice() else { panic!("one column: {kinds:?}") };
    assert_eq!((level.as_str(), *share), ("yes", 0.7));
    assert!((scale * scale * share * (1.0 - share) - 0.5).abs() < 1e-12);
    let mut gaps = values;
    gaps[..10].fill(None);
    assert_eq!(binary(&counts(&gaps), 0.01).len(), 3);
}

#[test]
fn rare_levels_are_merged() {
    let mut values = vec![Some("a".to_string()); 1000];
    values[..400].fill(Some("b".into()));
    values[0] = Some("c".into());
    values[1] = Some("d".into());
    let kinds = nominal(&counts(&values), 0.01);
    let levels: Vec<&str> = kinds
        .iter()
        .filter_map(|k| match k {
            Kind::Level { level, .. } => Some(level.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(levels, ["a", "b", "other"]);
}
