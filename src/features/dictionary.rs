//! The data dictionary: what each feature is, over which time, from which table, and what a missing value means. Written from
//! the same values that the features are computed from, so it cannot say anything else.

use super::occasion::Occasion;
use super::{Feature, Key, Lines, Measure, Rows, Table};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One line of the dictionary.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Entry {
    /// Column name.
    pub name: String,
    /// Name for people.
    pub label: String,
    /// Its family.
    pub family: String,
    /// What its values are measured in.
    pub unit: String,
    /// How it is computed, in one sentence.
    pub definition: String,
    /// The time it looks at.
    pub window: String,
    /// The table it comes from.
    pub source: String,
    /// What a missing value means, and what becomes of it.
    pub missing: String,
}

/// The dictionary's line of a feature. `window` is that of the project, in words: `the last 365 days`.
pub fn entry(feature: &Feature, window: &str) -> Entry {
    let measure = &feature.measure;
    Entry {
        name: feature.name.clone(),
        label: feature.label.clone(),
        family: feature.family.word().into(),
        unit: unit(feature).into(),
        definition: definition(measure),
        window: time(measure, window),
        source: source(measure).into(),
        missing: missing(measure).into(),
    }
}

fn unit(feature: &Feature) -> &'static str {
    use super::Unit;
    match feature.unit {
        Unit::Days => "days",
        Unit::Years => "years",
        Unit::Count => "count",
        Unit::Money => "money",
        Unit::Share => "share, 0 to 1",
        Unit::Change => "change, -1 to 1",
        Unit::Kilometres => "km",
        Unit::Nps => "0 to 10",
        Unit::Number => "number",
        Unit::Level => match feature.scale {
            super::Scale::Ordinal(_) => "levels in order",
            super::Scale::Binary => "yes or no",
            _ => "levels",
        },
    }
}

fn key(of: Key) -> &'static str {
    match of {
        Key::Product => "products",
        Key::Category => "categories",
        Key::Channel => "channels",
        Key::Kind => "kinds of events",
    }
}

/// `order lines that are no returns, of wine, on weekends`.
fn rows_words(rows: &Rows) -> String {
    let mut words = match (rows.table, rows.lines) {
        (Table::Orders, Lines::Sales) => "order lines".to_string(),
        (Table::Orders, Lines::Returns) => "returned lines".into(),
        (Table::Orders, Lines::Net) => "order lines, returns counted against them".into(),
        (Table::Orders, Lines::All) => "order lines and returns".into(),
        (Table::Events, _) if rows.kinds.is_empty() => "events of any kind".into(),
        (Table::Events, _) => format!("events {}", listed(&rows.kinds)),
        (Table::Customers, _) => "rows of customers".into(),
        (Table::Surveys, _) => "answers".into(),
    };
    for (name, values) in [("product", &rows.products), ("category", &rows.categories), ("channel", &rows.channels)] {
        if !values.is_empty() {
            words.push_str(&format!(", {name} {}", listed(values)));
        }
    }
    if !rows.weekdays.is_empty() {
        const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
        let days: Vec<&str> =
            rows.weekdays.iter().filter_map(|d| DAYS.get(usize::from(*d).wrapping_sub(1)).copied()).collect();
        words.push_str(&format!(", on {}", days.join(", ")));
    }
    if let Some([from, to]) = rows.hours {
        words.push_str(&format!(", from {from} to before {to} o'clock"));
    }
    match &rows.occasion {
        Some(Occasion::Dates { from, to }) => words.push_str(&format!(", from {from} to {to} of a year")),
        Some(Occasion::Easter { easter: [a, b] }) => words.push_str(&format!(", days {a} to {b} around Easter Sunday")),
        Some(Occasion::BlackFriday { black_friday: [a, b] }) => {
            words.push_str(&format!(", days {a} to {b} around Black Friday"));
        }
        None => {}
    }
    if rows.gifts {
        words.push_str(", gifts only");
    }
    if rows.repeat {
        words.push_str(", after the customer's first day");
    }
    words
}

fn listed(values: &[String]) -> String {
    values.iter().map(|v| format!("`{v}`")).collect::<Vec<_>>().join(", ")
}

fn definition(measure: &Measure) -> String {
    match measure {
        Measure::Count(rows) => format!("number of {}", rows_words(rows)),
        Measure::Orders(rows) => format!("distinct orders among {}", rows_words(rows)),
        Measure::Distinct { rows, of } => format!("distinct {} among {}", key(*of), rows_words(rows)),
        Measure::ActiveDays(rows) => format!("distinct days with {}", rows_words(rows)),
        Measure::DaysWithout { rows, unless } => {
            let without: Vec<String> = unless.iter().map(rows_words).collect();
            format!("distinct days with {} and without {}", rows_words(rows), without.join(" or "))
        }
        Measure::Amount(rows) => format!("money of {}", rows_words(rows)),
        Measure::Units(rows) => format!("pieces of {}", rows_words(rows)),
        Measure::Discount(rows) => format!("money taken off {}", rows_words(rows)),
        Measure::DaysSinceLast(rows) => format!("calendar days from the last of {} to as_of", rows_words(rows)),
        Measure::DaysSinceFirst(rows) => format!("calendar days from the first of {} to as_of", rows_words(rows)),
        Measure::DaysSpanned(rows) => format!("calendar days from the first to the last of {}", rows_words(rows)),
        Measure::MeanGap(rows) => format!("mean days between the distinct days with {}", rows_words(rows)),
        Measure::GapVariation(rows) => {
            format!("standard deviation by mean of the days between the distinct days with {}", rows_words(rows))
        }
        Measure::Overdue(rows) => format!(
            "days since the last of {} by the customer's own mean gap, pulled towards everybody's",
            rows_words(rows)
        ),
        Measure::Evenness { rows, over } => {
            format!("inverse Simpson index by the number of distinct {} among {}", key(*over), rows_words(rows))
        }
        Measure::TopShare { rows, of } => {
            format!("share of the most frequent of {} among {}", key(*of), rows_words(rows))
        }
        Measure::Top { rows, of } => {
            format!("the most frequent of {} among {}, then the alphabetically first", key(*of), rows_words(rows))
        }
        Measure::MostOf(named) => {
            let names: Vec<&str> = named.iter().map(|n| n.level.as_str()).collect();
            format!("which has most rows: {}", names.join(", "))
        }
        Measure::Decayed { rows, half_life } => {
            let parts: Vec<String> = rows.iter().map(|w| format!("{} × {}", w.weight, rows_words(&w.rows))).collect();
            format!("sum of {}, each counting half every {half_life} days", parts.join(" + "))
        }
        Measure::Sum(parts) => parts.iter().map(definition).collect::<Vec<_>>().join(" plus "),
        Measure::Ratio { of, by } => format!("{}, by {}", definition(of), definition(by)),
        Measure::Change { now, before } => {
            format!("(now - before) / (now + before): now is {}, before is {}", definition(now), definition(before))
        }
        Measure::Rate { hits, trials } => format!(
            "{} among {}, pulled towards everybody's share as far as the customer's own are few",
            definition(hits),
            definition(trials)
        ),
        Measure::Beyond { of, quantile } => {
            format!("yes where {} lies beyond the {:.1} % quantile of all customers", definition(of), quantile * 100.0)
        }
        Measure::Value { column } | Measure::Level { column } => format!("`{column}` as it stands"),
        Measure::Age { column } => format!("year of as_of less `{column}`"),
        Measure::DaysSince { column } => format!("calendar days from `{column}` to as_of"),
        Measure::Distance { latitude, longitude, places } => format!(
            "great-circle distance from `{latitude}`, `{longitude}` to the nearest of {} {}",
            places.len(),
            if places.len() == 1 { "place" } else { "places" }
        ),
        Measure::Answer { question, .. } | Measure::AnswerLevel { question, .. } => {
            format!("newest answer to `{question}`")
        }
        Measure::Chose { question, option, .. } => {
            format!("yes where the newest answer to `{question}` names `{option}`")
        }
        Measure::Response { survey } => format!("whether the customer answered {survey}"),
        Measure::Rules { rules, otherwise } => {
            let parts: Vec<String> = rules.iter().map(|r| format!("{} if {}", r.level, r.when)).collect();
            format!("the first of: {}; else {otherwise}", parts.join("; "))
        }
    }
}

fn time(measure: &Measure, window: &str) -> String {
    match measure {
        Measure::Value { .. } | Measure::Level { .. } | Measure::Distance { .. } => "as known".into(),
        Measure::Age { .. } | Measure::DaysSince { .. } => "up to as_of".into(),
        Measure::Rules { .. } => "that of the features it compares".into(),
        _ => {
            let mut spans: Vec<String> = Vec::new();
            for rows in measure.rows() {
                let span = match (rows.days, rows.skip) {
                    (None, _) => window.to_string(),
                    (Some(days), 0) => format!("the last {days} days"),
                    (Some(days), skip) => format!("{days} days up to {skip} days before as_of"),
                };
                if !spans.contains(&span) {
                    spans.push(span);
                }
            }
            if spans.is_empty() { window.to_string() } else { spans.join("; ") }
        }
    }
}

fn source(measure: &Measure) -> &'static str {
    match measure {
        Measure::Answer { .. } | Measure::AnswerLevel { .. } | Measure::Chose { .. } | Measure::Response { .. } => {
            "surveys"
        }
        Measure::Rules { .. } => "other features",
        _ => match measure.rows().first().map(|r| r.table) {
            Some(Table::Orders) => "orders",
            Some(Table::Events) if measure.rows().iter().any(|r| r.table == Table::Orders) => "events, orders",
            Some(Table::Events) => "events",
            Some(Table::Surveys) => "surveys",
            Some(Table::Customers) | None => "customers",
        },
    }
}

/// What a missing value means. When a feature forms segments, a missing number stands at the median and a missing level is a
/// level of its own.
fn missing(measure: &Measure) -> &'static str {
    match measure {
        Measure::Count(_)
        | Measure::Orders(_)
        | Measure::Distinct { .. }
        | Measure::ActiveDays(_)
        | Measure::DaysWithout { .. }
        | Measure::Amount(_)
        | Measure::Units(_)
        | Measure::Discount(_)
        | Measure::Decayed { .. }
        | Measure::Sum(_) => "never missing: nothing is 0",
        Measure::DaysSinceLast(rows) if rows.table == Table::Events => {
            "never missing: nobody lies one day beyond the first event"
        }
        Measure::DaysSinceLast(_) | Measure::DaysSinceFirst(_) | Measure::DaysSpanned(_) => "missing without a row",
        Measure::MeanGap(_) => "missing for a single day",
        Measure::GapVariation(_) => "missing below three days",
        Measure::Overdue(_) => "missing without a row; one day counts by everybody's gap",
        Measure::Evenness { .. } => "missing below two",
        Measure::TopShare { .. } | Measure::Top { .. } | Measure::MostOf(_) => "missing without a row",
        Measure::Ratio { .. } => "missing where the divisor is 0",
        Measure::Change { .. } => "missing without a row in both times",
        Measure::Rate { .. } => "never missing: without trials it is everybody's share",
        Measure::Beyond { .. } => "never missing",
        Measure::Value { .. } | Measure::Age { .. } | Measure::DaysSince { .. } | Measure::Distance { .. } => {
            "missing where the table has none; the median stands in"
        }
        Measure::Level { .. } => "missing where the table has none; a level of its own",
        Measure::Answer { .. } | Measure::AnswerLevel { .. } | Measure::Chose { .. } => "missing without an answer",
        Measure::Response { .. } => "missing for whoever was not asked",
        Measure::Rules { .. } => "never missing",
    }
}

#[cfg(test)]
mod tests {
    use super::super::{engagement, occasion, rfm};
    use super::*;

    #[test]
    fn every_built_in_feature_has_a_whole_line() {
        let kinds = ["session", "email_sent", "email_opened", "cart_add"].map(String::from);
        let mut all = rfm::features(rfm::Available { revenue: true, products: true, returns: true });
        all.extend(engagement::features(
            &engagement::recognise(&kinds),
            engagement::Available { orders: true, channels: false },
        ));
        all.extend(occasion::features(
            &occasion::defaults(),
            occasion::Available { revenue: true, hours: true, gifts: true },
        ));
        for feature in &all {
            let entry = entry(feature, "everything up to as_of");
            for text in [&entry.definition, &entry.window, &entry.source, &entry.missing, &entry.unit] {
                assert!(!text.is_empty(), "{entry:?}");
            }
        }
        let line = |name: &str| entry(all.iter().find(|f| f.name == name).expect("a feature"), "the last 365 days");
        assert_eq!(line("recency_days").definition, "calendar days from the last of order lines to as_of");
        assert_eq!(line("recency_days").window, "the last 365 days");
        assert_eq!(line("orders_90d").window, "the last 90 days");
        assert_eq!(line("orders_trend").window, "the last 90 days; 90 days up to 90 days before as_of");
        assert_eq!(line("cart_abandonment").source, "events, orders");
    }
}
