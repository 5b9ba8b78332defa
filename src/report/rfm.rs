//! The RFM grid in words and tables, for the page, the summary and the terminal.

use super::Report;
use crate::features::Unit;
use crate::segment::rfm_grid::Method;
use crate::segment::rfm_grid::facts::{NamedFacts, RfmFacts};
use crate::segment::rfm_grid::scores::{Axis, Closed};

/// Head of [`segment_rows`]; all but the first are numbers.
pub const SEGMENT_HEADER: [&str; 9] = [
    "Segment",
    "Customers",
    "Share",
    "Orders",
    "Share of orders",
    "Revenue",
    "Share of revenue",
    "Average order",
    "High / mid / low value",
];

/// Head of [`cut_rows`].
pub const CUT_HEADER: [&str; 4] = ["Score", "Days since last order", "Orders", "Revenue"];

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// How a number of people below `least` is shown.
pub(super) fn few(least: usize) -> String {
    format!("< {least}")
}

/// One row per named segment; of those with fewer than `least` customers only that they are few.
pub fn segment_rows(facts: &RfmFacts, currency: &str, least: usize) -> Vec<Vec<String>> {
    let count = |n: f64| Unit::Count.format(n, "");
    facts
        .segments
        .iter()
        .map(|s| {
            if (1..least).contains(&s.customers) {
                let mut row = vec!["–".to_string(); SEGMENT_HEADER.len()];
                (row[0], row[1]) = (s.name.clone(), few(least));
                return row;
            }
            vec![
                s.name.clone(),
                count(s.customers as f64),
                percent(s.share_customers),
                count(s.orders),
                percent(s.share_orders),
                Unit::Money.format(s.revenue, currency),
                percent(s.share_revenue),
                s.avg_order_value.map_or("–".into(), |v| Unit::Money.format(v, currency)),
                s.value_tiers.map(|n| count(n as f64)).join(" / "),
            ]
        })
        .collect()
}

/// What each score stands for, best first.
pub fn cut_rows(facts: &RfmFacts) -> Vec<Vec<String>> {
    (1..=facts.bins)
        .rev()
        .map(|score| {
            let mut row = vec![score.to_string()];
            row.extend(facts.cuts.iter().map(|axis| range(axis, score)));
            row
        })
        .collect()
}

/// The values that get a score: `up to 17`, `over 17 to 60`; a dash where the method gives it to nobody.
fn range(axis: &Axis, score: u8) -> String {
    let Some(bin) = axis.scores.iter().position(|s| *s == score) else { return "–".into() };
    let number = |cut: &f64| Unit::Number.format(*cut, "");
    let from = bin.checked_sub(1).and_then(|i| axis.cuts.get(i)).map(number);
    let to = axis.cuts.get(bin).map(number);
    match (axis.closed, from, to) {
        (_, None, None) => "all".into(),
        (Closed::Left, None, Some(to)) => format!("below {to}"),
        (Closed::Left, Some(from), Some(to)) => format!("{from} to below {to}"),
        (Closed::Left, Some(from), None) => format!("{from} and more"),
        (Closed::Right, None, Some(to)) => format!("up to {to}"),
        (Closed::Right, Some(from), Some(to)) => format!("over {from} to {to}"),
        (Closed::Right, Some(from), None) => format!("over {from}"),
    }
}

/// How the scores were made, in a sentence.
pub fn method_words(facts: &RfmFacts) -> String {
    let bins = facts.bins;
    let made = match facts.method {
        Method::Rank => format!("{bins} scores by average rank: equal customers share a score"),
        Method::RRfm => format!("{bins} scores as the R package rfm 0.3.0 makes them (quantiles plus one)"),
        Method::Pymc => format!("{bins} scores as pymc-marketing makes them (quartiles; money is the mean per order)"),
        Method::Notebook => format!(
            "{bins} scores as public notebooks make them: for comparison only, because customers with equally many orders \
             can score differently; a later quarter is scored by value"
        ),
        Method::Fixed => format!("{bins} scores by the cut points of the config"),
    };
    match facts.left_out {
        0 => format!("{made}."),
        1 => format!("{made}. One customer is left out."),
        n => format!("{made}. {} customers are left out.", Unit::Count.format(n as f64, "")),
    }
}

/// The named segment with most revenue.
pub fn leading(facts: &RfmFacts) -> Option<&NamedFacts> {
    facts.segments.iter().filter(|s| s.customers > 0).reduce(|a, b| if b.revenue > a.revenue { b } else { a })
}

/// The finding: who brings most.
pub fn finding(facts: &RfmFacts) -> String {
    leading(facts).map_or_else(
        || "Nobody has a place in the grid".into(),
        |s| format!("{}: {} of customers, {} of revenue", s.name, percent(s.share_customers), percent(s.share_revenue)),
    )
}

/// A line for the summary; `None` without a grid.
pub fn line(report: &Report) -> Option<String> {
    let facts = report.rfm.as_ref()?;
    let largest = facts.segments.iter().rev().max_by_key(|s| s.customers)?;
    Some(format!(
        "Classic RFM grid ({}): {}; largest is {} with {} customers.",
        facts.method.word(),
        finding(facts),
        largest.name,
        Unit::Count.format(largest.customers as f64, "")
    ))
}

#[cfg(test)]
mod tests {
    use super::super::sample::report;
    use super::*;

    #[test]
    fn scores_are_said_as_ranges_of_values() {
        let axis = |cuts: &[f64], scores: &[u8], closed| Axis {
            value: "orders".into(),
            cuts: cuts.to_vec(),
            scores: scores.to_vec(),
            closed,
        };
        let orders = axis(&[2.0, 5.0], &[1, 3, 4], Closed::Left);
        let said: Vec<String> = (1..=4).map(|s| range(&orders, s)).collect();
        assert_eq!(said, ["below 2", "–", "2 to below 5", "5 and more"]);
        let days = axis(&[17.0, 60.5], &[3, 2, 1], Closed::Right);
        let said: Vec<String> = (1..=3).map(|s| range(&days, s)).collect();
        assert_eq!(said, ["over 60.50", "over 17 to 60.50", "up to 17"]);
        assert_eq!(range(&axis(&[], &[3], Closed::Left), 3), "all");
    }

    #[test]
    fn the_line_names_the_leading_and_the_largest() {
        let report = report(3);
        let line = line(&report).expect("a line");
        assert!(line.contains("Champions") && line.contains("Hibernating"), "{line}");
    }
}
