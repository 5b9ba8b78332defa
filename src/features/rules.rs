//! Levels by rule: conditions on features, in plain text, the first that holds counts.

use super::matrix::{Column, FeatureMatrix};
use crate::error::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A level and when it holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The level.
    pub level: String,
    /// Conditions joined by `and`: `orders >= 2 and recency_days <= 90`; a level is compared with `=`:
    /// `top_category = wine`.
    pub when: Conditions,
}

/// Conditions that must all hold. Written as text.
#[derive(Debug, Clone, PartialEq, JsonSchema)]
#[schemars(with = "String")]
pub struct Conditions(pub Vec<Condition>);

/// One comparison of a feature.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// Feature name.
    pub feature: String,
    /// How.
    pub comparison: Comparison,
    /// With what: a number, or a level for `=` and `!=`.
    pub value: String,
}

/// How a feature is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `>=`
    AtLeast,
    /// `<=`
    AtMost,
    /// `>`
    Above,
    /// `<`
    Below,
    /// `=`
    Is,
    /// `!=`
    IsNot,
}

/// Longer signs first, so that `>=` is not read as `>`.
const SIGNS: [(&str, Comparison); 6] = [
    (">=", Comparison::AtLeast),
    ("<=", Comparison::AtMost),
    ("!=", Comparison::IsNot),
    (">", Comparison::Above),
    ("<", Comparison::Below),
    ("=", Comparison::Is),
];

impl Conditions {
    /// Reads `orders >= 2 and recency_days <= 90`; the message says what is wrong.
    ///
    /// # Errors
    /// In words, for the place where the text stands.
    pub fn parse(text: &str) -> std::result::Result<Self, String> {
        let mut all = Vec::new();
        for part in text.split(" and ") {
            let Some((sign, comparison)) = SIGNS.iter().find(|(sign, _)| part.contains(sign)) else {
                return Err(format!("`{}` compares nothing: write `orders >= 2`", part.trim()));
            };
            let (feature, value) = part.split_once(sign).unwrap_or((part, ""));
            let (feature, value) = (feature.trim(), value.trim());
            if feature.is_empty() || value.is_empty() {
                return Err(format!("`{}` lacks a feature or a value: write `orders >= 2`", part.trim()));
            }
            let exact = matches!(comparison, Comparison::Is | Comparison::IsNot);
            if !exact && value.parse::<f64>().is_err() {
                return Err(format!("`{value}` in `{}` is not a number", part.trim()));
            }
            all.push(Condition { feature: feature.into(), comparison: *comparison, value: value.into() });
        }
        Ok(Self(all))
    }
}

impl fmt::Display for Conditions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, condition) in self.0.iter().enumerate() {
            let sign = SIGNS.iter().find(|(_, c)| *c == condition.comparison).map_or("=", |(sign, _)| sign);
            let joint = if i > 0 { " and " } else { "" };
            write!(f, "{joint}{} {sign} {}", condition.feature, condition.value)?;
        }
        Ok(())
    }
}

impl Serialize for Conditions {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_string())
    }
}

impl<'de> Deserialize<'de> for Conditions {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl Condition {
    /// Whether it holds in a row of its feature's column.
    pub(crate) fn holds(&self, column: &Column, row: usize) -> bool {
        match column {
            Column::Number(values) => self.holds_for_number(values[row]),
            Column::Level(values) => self.holds_for_level(values[row].as_deref()),
        }
    }

    /// Whether it holds for a number; what is missing fulfils nothing.
    pub(crate) fn holds_for_number(&self, value: f64) -> bool {
        let Ok(limit) = self.value.parse::<f64>() else { return false };
        // A missing value fulfils nothing.
        match self.comparison {
            Comparison::AtLeast => value >= limit,
            Comparison::AtMost => value <= limit,
            Comparison::Above => value > limit,
            Comparison::Below => value < limit,
            Comparison::Is => value == limit,
            Comparison::IsNot => !value.is_nan() && value != limit,
        }
    }

    fn holds_for_level(&self, value: Option<&str>) -> bool {
        match self.comparison {
            Comparison::Is => value == Some(self.value.as_str()),
            Comparison::IsNot => value.is_some_and(|v| v != self.value),
            _ => false,
        }
    }
}

/// The level of every customer of the matrix.
///
/// # Errors
/// E0203 for a condition on a feature that is not there.
pub fn apply(rules: &[Rule], otherwise: &str, matrix: &FeatureMatrix) -> Result<Vec<Option<String>>> {
    for condition in rules.iter().flat_map(|r| &r.when.0) {
        if matrix.position(&condition.feature).is_none() {
            let names: Vec<&str> = matrix.features.iter().map(|f| f.name.as_str()).collect();
            return Err(Error::new(
                "E0203",
                format!("a rule compares `{}`, and there is no such feature before it", condition.feature),
            )
            .help(format!("features here: {}", names.join(", "))));
        }
    }
    let holds = |condition: &Condition, row: usize| {
        matrix.position(&condition.feature).is_some_and(|i| condition.holds(&matrix.columns[i], row))
    };
    Ok((0..matrix.len())
        .map(|row| {
            let hit = rules.iter().find(|rule| rule.when.0.iter().all(|condition| holds(condition, row)));
            Some(hit.map_or(otherwise, |rule| rule.level.as_str()).to_string())
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::super::{Family, Feature, Measure, Rows, Unit};
    use super::*;

    #[test]
    fn conditions_are_read_and_written_alike() {
        let text = "orders >= 2 and recency_days < 90.5 and top_category != wine";
        let read = Conditions::parse(text).expect("conditions");
        assert_eq!(read.to_string(), text);
        assert_eq!(read.0[1].comparison, Comparison::Below);
        for wrong in ["orders", "orders >= many", ">= 2", "orders >="] {
            assert!(Conditions::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_first_rule_that_holds_counts_and_missing_values_hold_nothing() {
        let feature = |name: &str| Feature::new(name, name, Family::Rfm, Unit::Count, Measure::Count(Rows::sales()));
        let matrix = FeatureMatrix {
            ids: ["a", "b", "c"].map(String::from).to_vec(),
            features: vec![feature("orders"), feature("kind")],
            columns: vec![
                Column::Number(vec![5.0, 1.0, f64::NAN]),
                Column::Level(vec![Some("x".into()), None, Some("x".into())]),
            ],
        };
        let rule =
            |level: &str, when: &str| Rule { level: level.into(), when: Conditions::parse(when).expect("conditions") };
        let rules = [rule("loyal", "orders >= 3"), rule("x", "kind = x"), rule("not x", "kind != x")];
        let made = apply(&rules, "rest", &matrix).expect("levels");
        assert_eq!(made, ["loyal", "rest", "x"].map(|l| Some(l.to_string())));
        let error = apply(&[rule("a", "nothing >= 1")], "rest", &matrix).expect_err("no such feature");
        assert_eq!(error.code(), "E0203");
    }
}
