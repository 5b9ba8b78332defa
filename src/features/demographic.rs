//! Demographics: what is known of the customer, one value each.

use super::{Family, Feature, Measure, Role, Scale, Unit};

/// What an attribute is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttributeKind {
    /// A quantity.
    Number,
    /// Levels with an order, lowest first.
    Ordinal(Vec<String>),
    /// Names without an order.
    Nominal,
}

/// Attributes, and their usual proxies, that people must not be sorted by unless somebody decides so: they describe
/// segments and form them only when the config names them.
const PROTECTED: [&str; 17] = [
    "age",
    "birth",
    "gender",
    "sex",
    "ethnic",
    "race",
    "relig",
    "politic",
    "health",
    "disab",
    "nationality",
    "orientation",
    "postcode",
    "postal",
    "zip",
    "pregnan",
    "union",
];

/// One feature per attribute, in the order given; names in snake case and unique.
pub fn features(attributes: &[(String, AttributeKind)]) -> Vec<Feature> {
    let mut all: Vec<Feature> = Vec::new();
    for (column, kind) in attributes {
        let words: Vec<String> = words(column);
        let base = if words.is_empty() { "attribute".to_string() } else { words.join("_") };
        let mut name = base.clone();
        let mut n = 2;
        while all.iter().any(|f| f.name == name) {
            name = format!("{base}_{n}");
            n += 1;
        }
        let plain = words.join(" ");
        let mut letters = plain.chars();
        let label = letters.next().map_or_else(String::new, |c| c.to_uppercase().chain(letters).collect());
        let (scale, unit, measure) = match kind {
            AttributeKind::Number => (Scale::Numeric, Unit::Number, Measure::Value { column: column.clone() }),
            AttributeKind::Ordinal(levels) => {
                (Scale::Ordinal(levels.clone()), Unit::Level, Measure::Level { column: column.clone() })
            }
            AttributeKind::Nominal => (Scale::Nominal, Unit::Level, Measure::Level { column: column.clone() }),
        };
        all.push(Feature {
            name,
            label,
            family: Family::Demographic,
            unit,
            measure,
            scale,
            role: if is_protected(&words) { Role::Describe } else { Role::Form },
            low: format!("low {plain}"),
            high: format!("high {plain}"),
        });
    }
    all
}

fn is_protected(words: &[String]) -> bool {
    words.iter().any(|word| PROTECTED.iter().any(|p| if p.len() <= 4 { word == p } else { word.starts_with(p) }))
}

/// `Detergents_Paper` and `detergentsPaper` to `detergents`, `paper`.
fn words(column: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut before_lower = false;
    let mut open = false;
    for c in column.chars() {
        if !c.is_alphanumeric() {
            open = false;
            before_lower = false;
            continue;
        }
        if !open || (c.is_uppercase() && before_lower) {
            words.push(String::new());
            open = true;
        }
        if let Some(word) = words.last_mut() {
            word.extend(c.to_lowercase());
        }
        before_lower = c.is_lowercase() || c.is_numeric();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_labels_read_well() {
        let made = features(&[
            ("Detergents_Paper".into(), AttributeKind::Number),
            ("householdSize".into(), AttributeKind::Number),
            ("household size".into(), AttributeKind::Nominal),
        ]);
        let names: Vec<&str> = made.iter().map(|f| f.name.as_str()).collect();
        assert_eq!(names, ["detergents_paper", "household_size", "household_size_2"]);
        assert_eq!(made[0].label, "Detergents paper");
        assert_eq!(made[0].high, "high detergents paper");
    }

    #[test]
    fn protected_attributes_describe_only() {
        let role = |column: &str| features(&[(column.into(), AttributeKind::Nominal)])[0].role;
        for column in ["age", "Age_Group", "gender", "Sex", "zip_code", "Year_Birth", "religion", "ethnicity"] {
            assert_eq!(role(column), Role::Describe, "{column}");
        }
        for column in ["region", "package", "average_wage", "sextant", "income_band"] {
            assert_eq!(role(column), Role::Form, "{column}");
        }
    }
}
