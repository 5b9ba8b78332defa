//! Attributes: what is known of the customer, one value each. A person's go to the demographic family, a firm's to the
//! firmographic, places to the geographic; the name tells, and the config can say otherwise.

use super::{Family, Feature, Measure, Role, Scale, Unit, capitalised, words};
use std::collections::BTreeMap;

/// What an attribute is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttributeKind {
    /// A quantity.
    Number,
    /// Levels with an order, lowest first.
    Ordinal(Vec<String>),
    /// Names without an order.
    Nominal,
    /// Two names, or one and its absence.
    Binary,
    /// A year of birth.
    BirthYear,
    /// A day.
    Date,
}

/// One attribute as the config describes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Attribute {
    /// Its column.
    pub column: String,
    /// What it is.
    pub kind: AttributeKind,
    /// The family, where the name does not tell.
    pub family: Option<Family>,
    /// The unit, where it is not a plain number.
    pub unit: Option<Unit>,
}

/// Attributes, and their usual proxies, that people must not be sorted by unless somebody decides so: they describe
/// segments and form them only when the config names them.
const PROTECTED: [&str; 20] = [
    "age",
    "birth",
    "dob",
    "gender",
    "sex",
    "ethnic",
    "race",
    "relig",
    "politic",
    "party",
    "health",
    "disab",
    "nationality",
    "orientation",
    "postcode",
    "postal",
    "zip",
    "pregnan",
    "union",
    "caste",
];

/// Names of places.
const PLACES: [&str; 14] = [
    "country",
    "region",
    "state",
    "city",
    "town",
    "county",
    "province",
    "district",
    "territory",
    "timezone",
    "postcode",
    "postal",
    "zip",
    "density",
];

/// Names of what a firm is.
const FIRMS: [&str; 9] =
    ["company", "industry", "sector", "seats", "employees", "headcount", "firm", "naics", "licences"];

/// Names of what happened to a campaign or a test: outcomes describe and never form.
const OUTCOMES: [&str; 9] =
    ["response", "responded", "conversion", "converted", "churn", "churned", "complain", "outcome", "target"];

/// One feature per attribute, in the order given; names in snake case and unique. Latitude and longitude become the distance
/// to the nearest of `places` (name: degrees north and east) and nothing else: degrees are no scale for people.
pub fn features(attributes: &[Attribute], places: &BTreeMap<String, [f64; 2]>) -> Vec<Feature> {
    let mut all: Vec<Feature> = Vec::new();
    let coordinate = |names: &[&str]| {
        attributes
            .iter()
            .find(|a| a.kind == AttributeKind::Number && names.contains(&a.column.to_lowercase().as_str()))
            .map(|a| a.column.clone())
    };
    let north = coordinate(&["latitude", "lat"]);
    let east = coordinate(&["longitude", "lon", "lng", "long"]);
    for attribute in attributes {
        let column = &attribute.column;
        if north.as_ref() == Some(column) || east.as_ref() == Some(column) {
            continue;
        }
        let words: Vec<String> = words(column);
        let base = if words.is_empty() { "attribute".to_string() } else { words.join("_") };
        let mut base = if attribute.kind == AttributeKind::BirthYear { "age".to_string() } else { base };
        if attribute.kind == AttributeKind::Date {
            base = format!("days_since_{base}");
        }
        let mut name = base.clone();
        let mut n = 2;
        while all.iter().any(|f| f.name == name) {
            name = format!("{base}_{n}");
            n += 1;
        }
        let unit = attribute.unit.clone();
        let (plain, spent) = spoken(&words, unit.as_ref());
        let (label, plain) = match attribute.kind {
            _ if spent => (format!("Spent on {plain}"), plain),
            AttributeKind::BirthYear => ("Age".to_string(), "age".to_string()),
            AttributeKind::Date => (format!("Days since {plain}"), plain),
            _ => (capitalised(&plain), plain),
        };
        let column = column.clone();
        let (scale, unit, measure) = match &attribute.kind {
            AttributeKind::Number => (Scale::Numeric, unit.unwrap_or(Unit::Number), Measure::Value { column }),
            AttributeKind::BirthYear => (Scale::Numeric, Unit::Years, Measure::Age { column }),
            AttributeKind::Date => (Scale::Numeric, Unit::Days, Measure::DaysSince { column }),
            AttributeKind::Ordinal(levels) => (Scale::Ordinal(levels.clone()), Unit::Level, Measure::Level { column }),
            AttributeKind::Nominal => (Scale::Nominal, Unit::Level, Measure::Level { column }),
            AttributeKind::Binary => (Scale::Binary, Unit::Level, Measure::Level { column }),
        };
        let family = attribute.family.unwrap_or_else(|| family_of(&words));
        let protected = is_protected(&words);
        let (low, high) = match attribute.kind {
            AttributeKind::BirthYear => ("younger".to_string(), "older".to_string()),
            AttributeKind::Date => (format!("recent {plain}"), format!("long since {plain}")),
            AttributeKind::Number if family == Family::Rfm && (unit == Unit::Days || plain.contains("recency")) => {
                ("recent".into(), "lapsed".into())
            }
            AttributeKind::Number if spent => (format!("light on {plain}"), format!("big on {plain}")),
            AttributeKind::Number if unit == Unit::Count => (format!("few {plain}"), format!("many {plain}")),
            _ => (format!("low {plain}"), format!("high {plain}")),
        };
        let mut feature = Feature::new(name, label, family, unit, measure).words(low, high);
        feature.scale = scale;
        feature.protected = protected;
        feature.role = if protected || is_one_of(&words, &OUTCOMES) { Role::Describe } else { Role::Form };
        all.push(feature);
    }
    if let (Some(latitude), Some(longitude)) = (north, east)
        && !places.is_empty()
    {
        let measure = Measure::Distance { latitude, longitude, places: places.values().copied().collect() };
        let label = match places.keys().next() {
            Some(only) if places.len() == 1 => format!("Distance to {}", only.replace('_', " ")),
            _ => "Distance to the nearest place".to_string(),
        };
        all.push(
            Feature::new("distance_km", label, Family::Geographic, Unit::Kilometres, measure)
                .forms()
                .words("near", "far away"),
        );
    }
    all
}

/// The words of a column as people say them, without a `Num` or `Mnt` that its unit says again; and whether they name what
/// money was spent on (`MntWines`).
fn spoken(words: &[String], unit: Option<&Unit>) -> (String, bool) {
    let said: &[&str] = match unit {
        Some(Unit::Count) => &["num", "number", "nbr", "of"],
        Some(Unit::Money) => &["mnt", "amt"],
        _ => &[],
    };
    let at = words.iter().position(|w| !said.contains(&w.as_str())).unwrap_or(0);
    (words[at..].join(" "), at > 0 && unit == Some(&Unit::Money))
}

/// Whether a column's words name what people must not be sorted by.
pub(super) fn is_protected(words: &[String]) -> bool {
    is_one_of(words, &PROTECTED)
}

fn is_one_of(words: &[String], list: &[&str]) -> bool {
    words.iter().any(|word| list.iter().any(|p| if p.len() <= 4 { word == p } else { word.starts_with(p) }))
}

fn family_of(words: &[String]) -> Family {
    let joined = words.concat();
    if is_one_of(words, &FIRMS) {
        Family::Firmographic
    } else if is_one_of(words, &PLACES) || joined == "timezone" {
        Family::Geographic
    } else {
        Family::Demographic
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(column: &str, kind: AttributeKind) -> Attribute {
        Attribute { column: column.into(), kind, family: None, unit: None }
    }

    fn made(attributes: &[Attribute]) -> Vec<Feature> {
        features(attributes, &BTreeMap::new())
    }

    #[test]
    fn names_and_labels_read_well() {
        let made = made(&[
            attribute("Detergents_Paper", AttributeKind::Number),
            attribute("householdSize", AttributeKind::Number),
            attribute("household size", AttributeKind::Nominal),
            attribute("Year_Birth", AttributeKind::BirthYear),
            attribute("Dt_Customer", AttributeKind::Date),
        ]);
        let names: Vec<&str> = made.iter().map(|f| f.name.as_str()).collect();
        assert_eq!(names, ["detergents_paper", "household_size", "household_size_2", "age", "days_since_dt_customer"]);
        assert_eq!(made[0].label, "Detergents paper");
        assert_eq!(made[0].high, "high detergents paper");
        assert_eq!(made[3].unit, Unit::Years);
    }

    #[test]
    fn units_speak_for_what_names_abbreviate() {
        let of = |column: &str, family, unit| {
            let number = Attribute { family, unit: Some(unit), ..attribute(column, AttributeKind::Number) };
            made(&[number]).remove(0)
        };
        let wines = of("MntWines", Some(Family::Rfm), Unit::Money);
        assert_eq!((wines.name.as_str(), wines.label.as_str()), ("mnt_wines", "Spent on wines"));
        assert_eq!((wines.low.as_str(), wines.high.as_str()), ("light on wines", "big on wines"));
        let web = of("NumWebPurchases", Some(Family::Rfm), Unit::Count);
        assert_eq!((web.label.as_str(), web.high.as_str()), ("Web purchases", "many web purchases"));
        assert_eq!(of("Recency", Some(Family::Rfm), Unit::Days).high, "lapsed");
        assert_eq!(of("income", None, Unit::Money).high, "high income");
    }

    #[test]
    fn protected_attributes_describe_only() {
        let of = |column: &str| made(&[attribute(column, AttributeKind::Nominal)]).remove(0);
        for column in
            ["age", "Age_Group", "gender", "Sex", "zip_code", "Year_Birth", "religion", "ethnicity", "postcode"]
        {
            let feature = of(column);
            assert!(feature.protected && feature.role == Role::Describe, "{column}");
        }
        for column in ["package", "average_wage", "sextant", "income_band", "partner_count"] {
            let feature = of(column);
            assert!(!feature.protected && feature.role == Role::Form, "{column}");
        }
        assert_eq!(of("conversion").role, Role::Describe);
    }

    #[test]
    fn families_follow_the_name_unless_the_config_says_otherwise() {
        let of = |column: &str| made(&[attribute(column, AttributeKind::Nominal)])[0].family;
        assert_eq!(of("Country"), Family::Geographic);
        assert_eq!(of("time_zone"), Family::Geographic);
        assert_eq!(of("company_size"), Family::Firmographic);
        assert_eq!(of("income"), Family::Demographic);
        let said = Attribute { family: Some(Family::Rfm), ..attribute("country", AttributeKind::Nominal) };
        assert_eq!(made(&[said])[0].family, Family::Rfm);
    }

    #[test]
    fn coordinates_become_a_distance_or_nothing() {
        let both = [attribute("lat", AttributeKind::Number), attribute("lon", AttributeKind::Number)];
        assert!(made(&both).is_empty());
        let places = BTreeMap::from([("london_store".to_string(), [51.5, -0.12])]);
        let with = features(&both, &places);
        assert_eq!((with[0].name.as_str(), with[0].label.as_str()), ("distance_km", "Distance to london store"));
    }
}
