//! Features that a project defines in its config, with the same vocabulary as those that are built in and no Rust.

use super::{Family, Feature, Measure, Role, Scale, Unit, capitalised};
use crate::error::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One feature of `[[features.custom]]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Custom {
    /// Column name: letters, digits, `_`.
    pub name: String,
    /// Name for people; made from the name without it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub label: String,
    /// The family whose weight it shares.
    #[serde(default = "custom", skip_serializing_if = "is_custom")]
    pub family: Family,
    /// What it is measured in; `level` for names.
    #[serde(default = "number")]
    pub unit: Unit,
    /// Whether it forms segments.
    #[serde(default = "form")]
    pub role: Role,
    /// How it is computed: `{ count = { table = "events", kinds = ["webinar"], days = 90 } }`.
    pub measure: Measure,
    /// Adjective for a segment far below the average.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub low: String,
    /// Adjective for a segment far above the average.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub high: String,
}

fn custom() -> Family {
    Family::Custom
}

fn is_custom(family: &Family) -> bool {
    *family == Family::Custom
}

fn number() -> Unit {
    Unit::Number
}

fn form() -> Role {
    Role::Form
}

/// The project's own features. `known` are those before them.
///
/// # Errors
/// E0211 for a name that is taken or cannot be a column, or an occasion that is no day.
pub fn features(own: &[Custom], known: &[Feature]) -> Result<Vec<Feature>> {
    let mut made: Vec<Feature> = Vec::new();
    for custom in own {
        let name = &custom.name;
        let fail = |what: String| {
            Err(Error::new("E0211", what).help("[[features.custom]] name = \"webinars\", measure = { count = { table = \"events\", kinds = [\"webinar\"] } }"))
        };
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_') {
            return fail(format!("the feature `{name}` cannot be a column: use small letters, digits and _"));
        }
        if known.iter().chain(&made).any(|f| f.name == *name) {
            return fail(format!("there are two features called `{name}`"));
        }
        if let Some(rows) =
            custom.measure.rows().into_iter().find(|r| r.occasion.as_ref().is_some_and(|o| !o.is_valid()))
        {
            return fail(format!("the occasion of `{name}` is no day of the year: {:?}", rows.occasion));
        }
        if matches!(custom.measure, Measure::Beyond { quantile, .. } if !(0.0..1.0).contains(&quantile)) {
            return fail(format!("the quantile of `{name}` must be from 0 to below 1"));
        }
        let label = if custom.label.is_empty() { capitalised(&name.replace('_', " ")) } else { custom.label.clone() };
        let mut feature = Feature::new(name.clone(), label, custom.family, custom.unit.clone(), custom.measure.clone())
            .words(custom.low.clone(), custom.high.clone());
        feature.role = custom.role;
        feature.protected = tells_protected(&custom.measure, &known.iter().chain(&made).collect::<Vec<_>>());
        feature.scale = scale_of(&custom.measure);
        if feature.scale != Scale::Numeric {
            feature.unit = Unit::Level;
        }
        made.push(feature);
    }
    Ok(made)
}

/// Whether a measure is made of a protected attribute: its column, or rules on it.
fn tells_protected(measure: &Measure, known: &[&Feature]) -> bool {
    match measure {
        Measure::Value { .. } | Measure::Level { .. } | Measure::Age { .. } | Measure::DaysSince { .. } => {
            let own = column(measure);
            known.iter().any(|f| f.protected && column(&f.measure) == own)
        }
        Measure::Rules { rules, .. } => {
            let mut compared = rules.iter().flat_map(|r| &r.when.0);
            compared.any(|c| known.iter().any(|f| f.protected && f.name == c.feature))
        }
        Measure::Ratio { of: a, by: b }
        | Measure::Change { now: a, before: b }
        | Measure::Rate { hits: a, trials: b } => tells_protected(a, known) || tells_protected(b, known),
        Measure::Beyond { of, .. } => tells_protected(of, known),
        Measure::Sum(parts) => parts.iter().any(|part| tells_protected(part, known)),
        _ => false,
    }
}

/// The attribute that a measure looks up.
fn column(measure: &Measure) -> Option<&str> {
    match measure {
        Measure::Value { column }
        | Measure::Level { column }
        | Measure::Age { column }
        | Measure::DaysSince { column } => Some(column),
        _ => None,
    }
}

/// What the values of a measure are.
fn scale_of(measure: &Measure) -> Scale {
    match measure {
        Measure::Beyond { .. } | Measure::Chose { .. } => Scale::Binary,
        Measure::Level { .. }
        | Measure::AnswerLevel { .. }
        | Measure::Response { .. }
        | Measure::Top { .. }
        | Measure::MostOf(_)
        | Measure::Rules { .. } => Scale::Nominal,
        _ => Scale::Numeric,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Rows;
    use super::*;

    fn read(text: &str) -> Vec<Custom> {
        #[derive(Deserialize)]
        struct File {
            custom: Vec<Custom>,
        }
        toml::from_str::<File>(text).expect("features").custom
    }

    #[test]
    fn features_need_no_rust() {
        let own = read(
            "[[custom]]\nname = \"wine_share\"\nunit = \"share\"\nlow = \"no wine\"\nhigh = \"wine\"\n\
             measure = { ratio = { of = { amount = { table = \"orders\", categories = [\"wine\"] } }, by = { amount = { table = \"orders\" } } } }\n\
             [[custom]]\nname = \"tier\"\nmeasure = { rules = { rules = [{ level = \"gold\", when = \"wine_share >= 0.5\" }], otherwise = \"none\" } }\n",
        );
        let made = features(&own, &[]).expect("features");
        assert_eq!((made[0].label.as_str(), made[0].role), ("Wine share", Role::Form));
        assert_eq!((&made[1].scale, &made[1].unit), (&Scale::Nominal, &Unit::Level));
    }

    #[test]
    fn names_must_be_new_and_fit_a_column() {
        let taken = Feature::new("orders", "Orders", Family::Rfm, Unit::Count, Measure::Orders(Rows::sales()));
        for name in ["orders", "Big", ""] {
            let own =
                read(&format!("[[custom]]\nname = \"{name}\"\nmeasure = {{ orders = {{ table = \"orders\" }} }}"));
            assert_eq!(features(&own, std::slice::from_ref(&taken)).expect_err("an error").code(), "E0211");
        }
    }

    #[test]
    fn what_is_made_of_a_protected_attribute_is_protected() {
        let value = |column: &str| Measure::Value { column: column.into() };
        let known: Vec<Feature> = ["age", "income"]
            .map(|name| Feature::new(name, name, Family::Demographic, Unit::Number, value(name)))
            .into_iter()
            .map(|f| Feature { protected: f.name == "age", ..f })
            .collect();
        let own = read(
            "[[custom]]\nname = \"senior\"\n\
             measure = { rules = { rules = [{ level = \"yes\", when = \"age >= 60\" }], otherwise = \"no\" } }\n\
             [[custom]]\nname = \"rich\"\n\
             measure = { rules = { rules = [{ level = \"yes\", when = \"income >= 60\" }], otherwise = \"no\" } }\n\
             [[custom]]\nname = \"income_by_age\"\n\
             measure = { ratio = { of = { value = { column = \"income\" } }, by = { value = { column = \"age\" } } } }\n",
        );
        let made = features(&own, &known).expect("features");
        assert_eq!(made.iter().map(|f| f.protected).collect::<Vec<_>>(), [true, false, true]);
    }
}
