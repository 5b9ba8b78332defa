//! The sentences and tables that several renderings share. Nothing is computed: numbers are picked from the report and put
//! into words.

use super::{FeatureFacts, Report, SMALL_CELL};
use crate::features::rfm::LIFETIME;
use crate::features::rules::{Comparison, Condition};
use crate::features::{Family, Role, Scale, Unit};
use crate::segment::LEADS_NAME;
use crate::segment::profile::Profile;
use crate::segment::protected::{ProtectedFacts, Told};
use crate::segment::rule::SegmentRule;
use std::collections::BTreeMap;

/// A column of the segment table beside id, name and size.
pub struct SegmentColumn {
    /// Its heading.
    pub label: String,
    what: What,
}

enum What {
    RevenueShare,
    Median { feature: String, unit: Unit },
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

/// A rule of thumb in words, and what it is worth; the second says so where it is a rough one.
pub fn rule(report: &Report, rule: &SegmentRule) -> (String, String) {
    let of = |condition: &Condition| {
        let facts = report.features.iter().find(|f| f.feature.name == condition.feature);
        let label = facts.map_or(condition.feature.as_str(), |f| f.feature.label.as_str());
        let value = match (facts, condition.value.parse::<f64>()) {
            (Some(f), Ok(number)) if f.feature.unit != Unit::Level => f.feature.unit.format(number, &report.currency),
            _ => condition.value.clone(),
        };
        match condition.comparison {
            Comparison::AtLeast => format!("{label}: {value} or more"),
            Comparison::AtMost => format!("{label}: {value} or less"),
            Comparison::Above => format!("{label}: more than {value}"),
            Comparison::Below => format!("{label}: less than {value}"),
            Comparison::Is => format!("{label}: {value}"),
            Comparison::IsNot => format!("{label}: not {value}"),
        }
    };
    let conditions: Vec<String> = rule.when.0.iter().map(of).collect();
    let rough = if rule.precision < 0.8 { "A rough rule: of" } else { "Of" };
    let worth = format!(
        "{rough} 100 customers it names {:.0} are of this group, and it finds {:.0} of the group's 100; counted on {} customers it was not \
         made from.",
        rule.precision * 100.0,
        rule.recall * 100.0,
        Unit::Count.format(rule.held_out as f64, "")
    );
    (conditions.join(" · "), worth)
}

/// Two significant digits, so that nobody takes the customer in the middle for somebody.
fn rounded(value: f64) -> f64 {
    if value == 0.0 {
        return 0.0;
    }
    let unit = 10_f64.powi(value.abs().log10().floor() as i32 - 1);
    (value / unit).round() * unit
}

/// Levels of a typical customer at most, each held by more than half of the group.
const TYPICAL_LEVELS: usize = 2;

/// The customer in the middle in a few words, rounded: `2 orders, £210 each, the last 120 days ago`. `None` where nothing is known.
pub fn typical(report: &Report, profile: &Profile) -> Option<String> {
    let show = |feature: &FeatureFacts, value: f64| feature.feature.unit.format(rounded(value), &report.currency);
    let known = |name: &str| {
        let facts = report.features.iter().find(|f| f.feature.name == name)?;
        median(profile, name).map(|value| (facts, value))
    };
    let mut parts = Vec::new();
    if let Some((facts, orders)) = known("orders") {
        let count = show(facts, orders);
        parts.push(if count == "1" { "1 order".into() } else { format!("{count} orders") });
        let each = |(facts, value): (&FeatureFacts, f64)| format!("{} each", show(facts, value));
        parts.extend(known("avg_order_value").map(each));
        parts.extend(
            known("recency_days")
                .map(|(_, days)| format!("the last {} days ago", Unit::Count.format(rounded(days), ""))),
        );
    } else {
        let picked = telling(report, 3, 3, |f| {
            profile.numbers.iter().find(|n| n.feature == f.feature.name && n.median.is_some()).map(|n| n.z.abs())
        });
        parts.extend(picked.into_iter().filter_map(|f| {
            let value = median(profile, &f.feature.name)?;
            Some(format!("{}: {}", f.feature.label.to_lowercase(), show(f, value)))
        }));
    }
    let mut levels: Vec<(&FeatureFacts, &crate::segment::profile::LevelFacts)> = profile
        .levels
        .iter()
        .filter(|l| {
            l.share > 0.5
                && l.share > l.share_all
                && l.customers >= SMALL_CELL
                && l.level != crate::features::preparation::UNKNOWN
        })
        .filter_map(|l| report.features.iter().find(|f| f.feature.name == l.feature).map(|f| (f, l)))
        .filter(|(f, _)| f.feature.scale == Scale::Nominal && !f.feature.protected)
        .collect();
    levels.sort_by(|(_, a), (_, b)| (b.share - b.share_all).total_cmp(&(a.share - a.share_all)));
    parts.extend(
        levels.iter().take(TYPICAL_LEVELS).map(|(f, l)| format!("{}: {}", f.feature.label.to_lowercase(), l.level)),
    );
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// The median of a feature in a group.
pub fn median(profile: &Profile, feature: &str) -> Option<f64> {
    profile.numbers.iter().find(|n| n.feature == feature).and_then(|n| n.median)
}

/// The numbers on top: label and value.
pub fn headline_numbers(report: &Report) -> Vec<(String, String)> {
    let coverage = &report.coverage;
    let money = |v: f64| Unit::Money.format(v, &report.currency);
    let mut numbers = vec![("Customers".to_string(), Unit::Count.format(coverage.customers as f64, ""))];
    if let Some(orders) = coverage.orders {
        numbers.push(("Orders".into(), Unit::Count.format(orders as f64, "")));
    }
    if let Some(revenue) = coverage.revenue {
        numbers.push(("Revenue".into(), money(revenue)));
    }
    let mean = |feature: &str| report.everyone.numbers.iter().find(|n| n.feature == feature).and_then(|n| n.mean);
    if let Some(orders) = mean("orders") {
        numbers.push(("Orders per customer".into(), format!("{orders:.1}")));
    }
    if let Some(share) = coverage.repeat_rate {
        numbers.push(("Buy again".into(), percent(share)));
    }
    if let Some(value) = median(&report.everyone, "avg_order_value") {
        numbers.push(("Typical order".into(), money(value)));
    }
    if let Some(share) = coverage.guest_revenue_share.filter(|s| *s > 0.0) {
        numbers.push(("Guest revenue".into(), percent(share)));
    }
    numbers
}

/// Standard deviations above everyone's days since the last order from which a segment has gone quiet.
pub const QUIET: f64 = 0.3;

/// Three to six sentences for somebody who reads nothing else.
pub fn findings(report: &Report) -> Vec<String> {
    let mut said = Vec::new();
    let named = |s: &super::SegmentFacts| format!("{} ({})", s.persona.name, s.id);
    let by_revenue = report.segments.iter().filter_map(|s| s.profile.share_revenue.map(|r| (s, r)));
    if let Some((top, share)) = by_revenue.max_by(|a, b| a.1.total_cmp(&b.1)) {
        said.push(format!(
            "{} are {} of customers and bring {} of their revenue.",
            named(top),
            percent(top.profile.share_customers),
            percent(share)
        ));
    }
    if let Some(whales) = &report.coverage.whales {
        let who = if whales.customers < SMALL_CELL {
            format!("Fewer than {SMALL_CELL} customers hold")
        } else {
            format!(
                "{} customers ({:.1} %) hold",
                Unit::Count.format(whales.customers as f64, ""),
                whales.share_customers * 100.0
            )
        };
        said.push(format!("{who} {} of all customers' revenue.", percent(whales.share_revenue)));
    }
    if let Some(largest) = report.segments.iter().max_by_key(|s| s.profile.customers) {
        said.push(format!(
            "The largest group is {}: {} customers, {} of all.",
            named(largest),
            Unit::Count.format(largest.profile.customers as f64, ""),
            percent(largest.profile.share_customers)
        ));
    }
    let z = |s: &super::SegmentFacts, f: &str| s.profile.numbers.iter().find(|n| n.feature == f).map(|n| n.z);
    // Whom to worry about: quiet for long, and worth something.
    let worry =
        report.segments.iter().filter_map(|s| z(s, "recency_days").filter(|z| *z > QUIET).map(|z| (s, z))).max_by(
            |a, b| {
                (a.1 * a.0.profile.share_revenue.unwrap_or(1.0))
                    .total_cmp(&(b.1 * b.0.profile.share_revenue.unwrap_or(1.0)))
            },
        );
    if let Some((s, _)) = worry {
        let days = median(&s.profile, "recency_days").unwrap_or(0.0);
        let revenue = s
            .profile
            .revenue
            .map(|r| format!(" and hold {} of past revenue", Unit::Money.format(r, &report.currency)))
            .unwrap_or_default();
        said.push(format!(
            "Worry about {}: {} customers have typically been quiet for {} days{revenue}.",
            named(s),
            Unit::Count.format(s.profile.customers as f64, ""),
            Unit::Count.format(days, "")
        ));
    }
    if let Some(rest) = &report.unclustered {
        said.push(format!(
            "{} customers ({}) are unlike any group and are left out of all of them.",
            Unit::Count.format(rest.customers as f64, ""),
            percent(rest.share_customers)
        ));
    }
    let weak: Vec<String> =
        report.segments.iter().filter(|s| s.stability.is_some_and(|j| j < 0.6)).map(named).collect();
    if weak.is_empty() && report.segments.iter().all(|s| s.stability.is_some()) && !report.segments.is_empty() {
        said.push("Every group comes back when the analysis is repeated on other samples of the customers.".into());
    } else if !weak.is_empty() {
        said.push(format!(
            "Treat with care: {} changes a lot when the analysis is repeated on other samples.",
            weak.join(", ")
        ));
    }
    said
}

/// The columns of the segment table: revenue and the classic three, or what separates the segments best.
pub fn segment_columns(report: &Report) -> Vec<SegmentColumn> {
    let mut columns = Vec::new();
    if report.everyone.share_revenue.is_some() {
        columns.push(SegmentColumn { label: "Revenue share".into(), what: What::RevenueShare });
    }
    let numeric = || report.features.iter().filter(|f| f.feature.scale == Scale::Numeric);
    let column = |f: &super::FeatureFacts| SegmentColumn {
        label: f.feature.label.clone(),
        what: What::Median { feature: f.feature.name.clone(), unit: f.feature.unit.clone() },
    };
    let classic: Vec<SegmentColumn> = ["recency_days", "orders", "revenue"]
        .iter()
        .filter_map(|name| numeric().find(|f| f.feature.name == *name).map(column))
        .collect();
    if classic.is_empty() {
        let mut best: Vec<&super::FeatureFacts> = numeric().collect();
        best.sort_by(|a, b| b.between.unwrap_or(0.0).total_cmp(&a.between.unwrap_or(0.0)));
        columns.extend(best.into_iter().take(3).map(column));
    }
    columns.extend(classic);
    columns
}

/// The cells of one group under [`segment_columns`].
pub fn profile_cells(report: &Report, columns: &[SegmentColumn], profile: &Profile) -> Vec<String> {
    columns
        .iter()
        .map(|column| match &column.what {
            What::RevenueShare => profile.share_revenue.map_or("–".into(), |s| format!("{:.1} %", s * 100.0)),
            What::Median { feature, unit } => {
                median(profile, feature).map_or("–".into(), |m| unit.format(m, &report.currency))
            }
        })
        .collect()
}

/// The row of the segment table for those who never ordered: id, name, number; `None` without any.
pub fn leads(report: &Report) -> Option<(&'static str, &'static str, String)> {
    let leads = report.coverage.leads;
    (leads > 0).then(|| (crate::segment::LEADS, LEADS_NAME, Unit::Count.format(leads as f64, "")))
}

/// Who was looked at one by one, where not everyone was.
pub fn looked_at(report: &Report) -> Option<String> {
    let [sample, customers] =
        [report.coverage.sample?, report.coverage.customers].map(|n| Unit::Count.format(n as f64, ""));
    Some(format!(
        "{sample} of the {customers} customers, chosen by the hash of their id, were looked at one by one: evidence, quartiles, rules, charts \
         and moves are theirs. Customers, money, means and shares are of everyone."
    ))
}

/// At most so many of a family beside those that form segments.
const OF_A_FAMILY: usize = 2;

/// The features worth a place among `total`, by `rank` (highest first; `None` is never shown): up to `forming` of those that form
/// segments, then others that say something else, at most two of each family, then the rest of those that form segments.
pub fn telling(
    report: &Report,
    forming: usize,
    total: usize,
    rank: impl Fn(&FeatureFacts) -> Option<f64>,
) -> Vec<&FeatureFacts> {
    let mut ranked: Vec<(&FeatureFacts, f64)> =
        report.features.iter().filter_map(|f| rank(f).map(|r| (f, r))).collect();
    // Ties keep the order of the features.
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
    let (forms, others): (Vec<_>, Vec<_>) =
        ranked.into_iter().map(|(f, _)| f).partition(|f| f.feature.role == Role::Form);
    let first = forms.len().min(forming).min(total);
    let mut picked = forms[..first].to_vec();
    let mut taken: BTreeMap<Family, usize> = BTreeMap::new();
    for facts in others {
        let n = taken.entry(facts.feature.family).or_default();
        let news = !over_again(report, facts) && !picked.iter().chain(&forms).any(|p| same(report, p, facts));
        if picked.len() < total && *n < OF_A_FAMILY && news {
            *n += 1;
            picked.push(facts);
        }
    }
    let room = total - picked.len();
    picked.extend(forms[first..].iter().take(room));
    picked
}

/// Whether a feature before it has the same definition, so that it is the same thing over another window; or it says what
/// recency, orders and values say, for lifetime models.
fn over_again(report: &Report, facts: &FeatureFacts) -> bool {
    let [of_models @ .., _tenure] = LIFETIME;
    if of_models.contains(&facts.feature.name.as_str()) {
        return true;
    }
    let definition = &facts.dictionary.definition;
    let mut before = report.features.iter().take_while(|f| f.feature.name != facts.feature.name);
    !definition.is_empty() && before.any(|f| f.dictionary.definition == *definition)
}

/// Whether two features are the same of everybody.
fn same(report: &Report, a: &FeatureFacts, b: &FeatureFacts) -> bool {
    let of = |f: &FeatureFacts| {
        let numbers = report.everyone.numbers.iter().find(|n| n.feature == f.feature.name);
        numbers.map(|n| (n.mean, n.p25, n.median, n.p75))
    };
    of(a).is_some() && of(a) == of(b)
}

/// How well the segments tell a protected attribute, in a sentence.
pub fn told(facts: &ProtectedFacts, label: &str) -> String {
    let label = label.to_lowercase();
    let fine = |share: f64| {
        let rounded = (share * 100.0).round();
        if rounded == 0.0 && share > 0.0 { "less than 1 %".to_string() } else { format!("{rounded} %") }
    };
    match facts.told {
        None => format!("The segments tell nothing of {label}."),
        Some(t) if t.better() == 0.0 => format!(
            "Knowing the segment, {label} is guessed no better{}.",
            match t {
                Told::Levels { right, .. } => format!(": right for {} of customers either way", percent(right)),
                Told::Number { .. } => String::new(),
            }
        ),
        Some(t @ Told::Levels { right, commonest, .. }) => format!(
            "Knowing the segment, {label} is guessed {} better: right for {} of customers, where always guessing the commonest \
             is right for {}.",
            fine(t.better()),
            percent(right),
            percent(commonest)
        ),
        Some(t @ Told::Number { .. }) => format!(
            "Knowing the segment, {label} is guessed {} better: by so much the squared error shrinks against always guessing \
             the mean.",
            fine(t.better())
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{report, with_people};
    use super::*;
    use crate::segment::profile::NumberFacts;

    #[test]
    fn whales_are_told_and_a_handful_is_not_counted_out() {
        let mut report = report(3);
        let said = |report: &Report| findings(report).into_iter().find(|s| s.contains("hold 18 %"));
        assert_eq!(said(&report).as_deref(), Some("22 customers (0.5 %) hold 18 % of all customers' revenue."));
        if let Some(whales) = &mut report.coverage.whales {
            whales.customers = 3;
        }
        assert_eq!(said(&report).as_deref(), Some("Fewer than 10 customers hold 18 % of all customers' revenue."));
    }

    #[test]
    fn the_same_over_many_windows_takes_two_places() {
        let mut report = report(3);
        let model = report.features[0].clone();
        let made = |name: &str, family, role| {
            let mut facts = model.clone();
            (facts.feature.name, facts.feature.family, facts.feature.role) = (name.into(), family, role);
            facts
        };
        let (rfm, basket, form, describe) = (Family::Rfm, Family::Basket, Role::Form, Role::Describe);
        report.features = vec![
            made("a1", rfm, describe),
            made("a2", rfm, describe),
            made("a3", rfm, describe),
            made("twin", basket, describe),
            made("b", basket, describe),
            made("never", basket, describe),
            made("f1", rfm, form),
            made("f2", rfm, form),
            made("f3", basket, form),
        ];
        // What a1 is over all days a2 is over a few, and the twin is f1 in other words.
        for facts in report.features.iter_mut().take(2) {
            facts.dictionary.definition = "money of order lines".into();
        }
        let known = report.everyone.numbers[0].clone();
        for (name, median) in [("f1", 7.0), ("twin", 7.0), ("a1", 8.0)] {
            report.everyone.numbers.push(NumberFacts { feature: name.into(), median: Some(median), ..known.clone() });
        }
        let rank = |f: &FeatureFacts| match f.feature.name.as_str() {
            "never" => None,
            "f3" => Some(0.1),
            name => Some(if name.starts_with('a') { 0.9 } else { 0.5 }),
        };
        let names = |forming, total| {
            telling(&report, forming, total, rank).iter().map(|f| f.feature.name.as_str()).collect::<Vec<_>>()
        };
        assert_eq!(names(2, 8), ["f1", "f2", "a1", "a3", "b", "f3"]);
        assert_eq!(names(2, 3), ["f1", "f2", "a1"]);
        assert_eq!(names(9, 4), ["f1", "f2", "f3", "a1"]);
    }

    #[test]
    fn protected_attributes_are_told_in_words() {
        let report = with_people();
        assert_eq!(
            told(&report.protected[0], "Age"),
            "Knowing the segment, age is guessed 3 % better: by so much the squared error shrinks against always guessing the \
             mean."
        );
        assert_eq!(
            told(&report.protected[1], "Gender"),
            "Knowing the segment, gender is guessed 13 % better: right for 58 % of customers, where always guessing the \
             commonest is right for 52 %."
        );
        let mut none = report.protected[1].clone();
        none.told = Some(Told::Levels { cramers_v: 0.05, right: 0.52, commonest: 0.52, lambda: 0.0 });
        assert_eq!(
            told(&none, "Gender"),
            "Knowing the segment, gender is guessed no better: right for 52 % of customers either way."
        );
        none.told = None;
        assert_eq!(told(&none, "Gender"), "The segments tell nothing of gender.");
    }
}
