//! What a column of a table of customers is: its kind, and by its name family and unit.

use super::facts::Facts;
use super::levels::ordered;
use crate::data::schema::{Attribute, AttributeKind, AttributeSpec};
use std::collections::BTreeMap;

/// A column and what it seems to be; no attribute is a column that is left out.
pub(super) struct Told {
    pub(super) attribute: Option<Attribute>,
    pub(super) role: String,
    pub(super) why: String,
    pub(super) sure: &'static str,
}

/// Family, unit and reason, where the name tells.
type Hint = (Option<&'static str>, Option<&'static str>, &'static str);

impl Told {
    fn left_out(why: impl Into<String>) -> Self {
        Self { attribute: None, role: "-".into(), why: why.into(), sure: "-" }
    }

    fn of(kind: AttributeKind, hint: Hint, why: impl Into<String>, sure: &'static str) -> Self {
        let word = match kind {
            AttributeKind::Number => "number",
            AttributeKind::Nominal => "nominal",
            AttributeKind::Binary => "binary",
            AttributeKind::BirthYear => "birth year",
            AttributeKind::Date => "date",
        };
        let (family, unit, _) = hint;
        let more: Vec<&str> = [family, unit].into_iter().flatten().collect();
        let role = if more.is_empty() { word.to_string() } else { format!("{word}, {}", more.join(", ")) };
        let attribute = if more.is_empty() {
            Attribute::Kind(kind)
        } else {
            let (family, unit) = (family.map(String::from), unit.map(String::from));
            Attribute::Full(AttributeSpec { kind, levels: Vec::new(), family, unit })
        };
        Self { attribute: Some(attribute), role, why: why.into(), sure }
    }
}

/// What the column is. Its dates must have been looked at by who calls.
pub(super) fn attribute(f: &Facts, rows: usize) -> Told {
    let distinct = f.distinct.len();
    let nothing: Hint = (None, None, "");
    if distinct == 0 {
        return Told::left_out("empty");
    }
    if distinct == 1 && (f.missing == 0 || !f.is_flag()) {
        return Told::left_out("the same for all");
    }
    if f.is_date() {
        return Told::of(AttributeKind::Date, nothing, "a day: becomes the days since", "high");
    }
    if f.is_flag() && (f.missing == 0 || distinct == 2) {
        let hint = if f.named(&CAMPAIGNS) {
            (Some("engagement"), None, ": what became of a campaign, by its name")
        } else {
            nothing
        };
        let listed: Vec<&str> = f.distinct.iter().map(String::as_str).collect();
        return Told::of(AttributeKind::Binary, hint, format!("{}{}", listed.join(" or "), hint.2), "high");
    }
    if distinct == 1 {
        return Told::of(AttributeKind::Binary, nothing, "one value or none", "medium");
    }
    if f.is_whole() && f.within(1890.0, 2100.0) && f.named(&["birth", "yob", "born"]) {
        return Told::of(AttributeKind::BirthYear, nothing, "years, by its name: becomes an age", "high");
    }
    if let Some(found) = ordered(&f.distinct) {
        let attribute = Some(Attribute::Levels(found.levels));
        return Told { attribute, role: "ordered levels".into(), why: found.why, sure: found.sure };
    }
    if f.is_number() {
        return number(f, rows);
    }
    if distinct == 2 {
        return Told::of(AttributeKind::Binary, nothing, "two values", "medium");
    }
    if distinct <= 50 && distinct * 2 <= f.values.max(4) {
        return Told::of(AttributeKind::Nominal, nothing, format!("{distinct} levels"), "high");
    }
    Told::left_out(format!("{distinct} different texts: too many to compare"))
}

fn number(f: &Facts, rows: usize) -> Told {
    let distinct = f.distinct.len();
    let id = f.plain.ends_with("id") || f.named(&["zip", "phone", "postcode", "postal"]);
    if f.is_unique() && f.is_whole() && rows > 20 && id {
        return Told::left_out("an id, not a quantity");
    }
    let hint = hint(f);
    if hint.1.is_none() && f.is_whole() && distinct <= 3 && rows > 20 {
        let why = format!("only {distinct} whole numbers: a code");
        return Told::of(AttributeKind::Nominal, (None, None, ""), why, "medium");
    }
    match hint {
        (None, None, _) => Told::of(AttributeKind::Number, hint, "a quantity", "high"),
        (.., why) => Told::of(AttributeKind::Number, hint, why, "medium"),
    }
}

/// Names of what became of campaigns.
const CAMPAIGNS: [&str; 8] =
    ["acceptedcmp", "campaign", "opened", "clicked", "emailopen", "emailclick", "subscri", "newsletter"];
/// Names of things that are counted of an engaged customer.
const VISITS: [&str; 7] = ["visits", "sessions", "logins", "pageviews", "opens", "clicks", "downloads"];
/// Names of things that are counted of a buying customer.
const PURCHASES: [&str; 4] = ["purchases", "orders", "transactions", "invoices"];
/// Names of people and places of work that are counted.
const HEADS: [&str; 12] = [
    "kids",
    "kidhome",
    "teen",
    "child",
    "householdsize",
    "familysize",
    "dependents",
    "dependants",
    "employees",
    "seats",
    "headcount",
    "cars",
];
/// Names of money that was spent.
const SPENT: [&str; 9] =
    ["spend", "spent", "revenue", "sales", "expenditure", "monetary", "turnover", "lifetimevalue", "ordervalue"];
/// Names of money that is had.
const HAD: [&str; 4] = ["income", "salary", "wage", "earnings"];

fn hint(f: &Facts) -> Hint {
    let (low, high) = f.range;
    // A score on spending is no money, whatever its name holds.
    if f.named(&["score", "index", "rank", "band", "level", "growth"]) {
        return (None, None, "");
    }
    if f.called(&["age", "customerage", "ageyears"]) && low >= 0.0 && high <= 120.0 {
        return (None, Some("years"), "years, by its name");
    }
    if f.plain.starts_with("dayssince") || (f.named(&["recency"]) && high > 31.0) {
        return (Some("rfm"), Some("days"), "days since a purchase, by its name");
    }
    if f.named(&["recency"]) {
        return (Some("rfm"), None, "time since a purchase, by its name; at most 31, so perhaps not in days");
    }
    if f.is_whole() && low >= 0.0 {
        if f.named(&VISITS) {
            return (Some("engagement"), Some("count"), "a number of visits, by its name");
        }
        if f.named(&PURCHASES) || f.called(&["frequency"]) {
            return (Some("rfm"), Some("count"), "a number of purchases, by its name");
        }
        if f.named(&HEADS) {
            return (None, Some("count"), "a number of people or things, by its name");
        }
        if ["num", "numberof", "nbr"].iter().any(|w| f.plain.starts_with(w)) {
            return (None, Some("count"), "a number of something, by its name");
        }
    }
    if f.plain.starts_with("mnt") || f.named(&SPENT) || f.called(&["history", "amount", "totalamount", "clv", "ltv"]) {
        return (Some("rfm"), Some("money"), "money spent, by its name");
    }
    if f.named(&HAD) {
        return (None, Some("money"), "money, by its name");
    }
    if f.decimals > 0 && low >= 0.0 && high <= 1.0 && f.named(&["share", "rate", "ratio", "percent", "pct"]) {
        return (None, Some("share"), "from 0 to 1, by its name");
    }
    (None, None, "")
}

/// Names of a group that somebody was put into.
const GROUPS: [&str; 12] = [
    "segment",
    "treatment",
    "treatmentgroup",
    "testgroup",
    "group",
    "arm",
    "variant",
    "cell",
    "experiment",
    "campaign",
    "exposure",
    "testcontrol",
];
/// Levels that show that a test was made.
const CONTROLS: [&str; 9] =
    ["control", "no email", "no e-mail", "no mail", "no contact", "holdout", "hold-out", "untreated", "placebo"];
/// Names of what follows a test.
const FOLLOWS: [&str; 20] = [
    "visit",
    "visited",
    "visits",
    "conversion",
    "converted",
    "convert",
    "spend",
    "spent",
    "purchase",
    "purchased",
    "revenue",
    "sales",
    "click",
    "clicked",
    "open",
    "opened",
    "response",
    "responded",
    "order",
    "ordered",
];

/// Columns that must not form segments though nothing in their names says so to everybody: earlier segments, the group of a
/// test, what followed the test, and bands of a column that stands there itself. By position, with the reason.
pub(super) fn describing(facts: &[Facts]) -> BTreeMap<usize, String> {
    let mut found = BTreeMap::new();
    let mut test: Option<usize> = None;
    for (i, f) in facts.iter().enumerate() {
        if !f.called(&GROUPS) || f.distinct.len() < 2 {
            continue;
        }
        let control = f.distinct.iter().find(|v| CONTROLS.iter().any(|c| v.to_lowercase().contains(c)));
        if let Some(level) = control {
            found.insert(i, format!("who got what in a test: \"{level}\" is one of its values"));
            test = test.or(Some(i));
        } else if f.plain.starts_with("treatment") && f.is_flag() {
            found.insert(i, "who got what in a test, by its name".to_string());
            test = test.or(Some(i));
        } else if f.called(&["segment"]) {
            found.insert(i, "earlier segments, by its name".to_string());
        }
    }
    for (i, f) in facts.iter().enumerate() {
        if let Some(at) = test
            && i > at
            && f.called(&FOLLOWS)
        {
            found.insert(i, format!("an outcome: stands after the test group `{}`", facts[at].name));
        }
        if let Some(of) = facts.iter().find(|other| bands_of(f, other)) {
            found.entry(i).or_insert_with(|| format!("`{}` in bands: would count twice", of.name));
        }
    }
    found
}

/// Whether the levels of one column are bands of the numbers of another: ordered, and no two overlap.
fn bands_of(levels: &Facts, numbers: &Facts) -> bool {
    if !numbers.is_number() || numbers.distinct.len() <= levels.distinct.len() || levels.is_number() {
        return false;
    }
    let Some(order) = ordered(&levels.distinct) else { return false };
    let mut ranges = vec![(f64::INFINITY, f64::NEG_INFINITY); order.levels.len()];
    for (level, number) in levels.cells.iter().zip(&numbers.cells) {
        let (Some(level), Some(number)) = (level, number) else { continue };
        let (Some(at), Ok(value)) = (order.levels.iter().position(|l| l == level), number.parse::<f64>()) else {
            return false;
        };
        ranges[at] = (ranges[at].0.min(value), ranges[at].1.max(value));
    }
    ranges.windows(2).all(|w| w[0].1 <= w[1].0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(name: &str, cells: &[&str]) -> Facts {
        let cells = cells.iter().cycle().take(60).map(|c| Some((*c).to_string())).collect();
        Facts::of(name, cells, false)
    }

    fn told(name: &str, cells: &[&str]) -> String {
        attribute(&facts(name, cells), 60).role
    }

    #[test]
    fn kinds_follow_names_and_values() {
        let many: Vec<String> = (0..30).map(|i| (i * 37).to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        for (name, cells, role) in [
            ("Channel", vec!["1", "2"], "nominal"),
            ("Fresh", many.clone(), "number"),
            ("MntWines", many.clone(), "number, rfm, money"),
            ("Recency", many.clone(), "number, rfm, days"),
            ("recency", vec!["1", "6", "12", "10"], "number, rfm"),
            ("NumWebPurchases", many.clone(), "number, rfm, count"),
            ("NumWebVisitsMonth", many.clone(), "number, engagement, count"),
            ("Income", many.clone(), "number, money"),
            ("Kidhome", vec!["0", "1", "2"], "number, count"),
            ("Spending Score (1-100)", many.clone(), "number"),
            ("AcceptedCmp3", vec!["0", "1"], "binary, engagement"),
            ("newbie", vec!["0", "1"], "binary"),
            ("member", vec!["True", "False"], "binary"),
            ("marital_status", vec!["Married", "Unmarried"], "binary"),
            ("Year_Birth", vec!["1893", "1957", "1984"], "birth year"),
            ("age", vec!["19", "45", "70", "33"], "number, years"),
            ("Dt_Customer", vec!["2012-09-04", "2014-03-08"], "date"),
            ("Education", vec!["Basic", "PhD", "Master"], "ordered levels"),
            ("Z_Revenue", vec!["11"], "-"),
        ] {
            assert_eq!(told(name, &cells), role, "{name}");
        }
    }

    #[test]
    fn a_test_its_outcomes_and_copies_are_known() {
        let history: Vec<String> = (0..60).map(|i| format!("{i}.5")).collect();
        let bands: Vec<String> = (0..60).map(|i| format!("{}) band", i / 20 + 1)).collect();
        let refs = |texts: &'static [&'static str]| texts.to_vec();
        let all = [
            facts("visit", &refs(&["0", "1"])),
            facts("bands", &bands.iter().map(String::as_str).collect::<Vec<_>>()),
            facts("history", &history.iter().map(String::as_str).collect::<Vec<_>>()),
            facts("segment", &refs(&["Mens E-Mail", "No E-Mail"])),
            facts("spend", &refs(&["0", "9.5"])),
        ];
        let found = describing(&all);
        assert_eq!(found.keys().copied().collect::<Vec<_>>(), [1, 3, 4], "{found:?}");
        assert!(found[&1].contains("`history` in bands"));
        assert!(found[&3].contains("\"No E-Mail\""));
    }
}
