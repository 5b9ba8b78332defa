//! The sentences and tables that several renderings share. Nothing is computed: numbers are picked from the report and put
//! into words.

use super::Report;
use crate::features::{Scale, Unit};
use crate::segment::profile::Profile;

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

/// Three to five sentences for somebody who reads nothing else.
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
        report.segments.iter().filter_map(|s| z(s, "recency_days").filter(|z| *z > 0.3).map(|z| (s, z))).max_by(
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
