//! Who moved between segments, in words.

use crate::features::Unit;
use crate::segment::UNCLUSTERED;
use crate::segment::migration::{Flow, Migration, Movements, Season};

/// Moves that are told one by one.
const MOST_TOLD: usize = 5;

/// How a segment is called, by its id.
pub type Names<'a> = &'a dyn Fn(&str) -> String;

/// Customers who were none.
pub const NEW: &str = "New";

/// Customers who are none any more.
pub const GONE: &str = "Not seen";

/// What a place is called; `nowhere` for those who are no customers.
pub fn called(place: Option<&str>, nowhere: &str, names: Names) -> String {
    match place {
        None => nowhere.into(),
        Some(UNCLUSTERED) => "Unclustered".into(),
        Some(id) => names(id),
    }
}

/// Where a flow comes from.
pub fn origin(flow: &Flow, names: Names) -> String {
    called(flow.from.as_deref(), NEW, names)
}

/// Where a flow leads.
pub fn destination(flow: &Flow, names: Names) -> String {
    called(flow.to.as_deref(), GONE, names)
}

fn count(n: usize) -> String {
    Unit::Count.format(n as f64, "")
}

fn percent(share: f64) -> String {
    if share > 0.0 && share < 0.01 { format!("{:.1} %", share * 100.0) } else { format!("{:.0} %", share * 100.0) }
}

/// `812 of 3,650 customers (22 %) are in another segment`.
fn changed(migration: &Migration) -> String {
    let Migration { both, changed, .. } = migration;
    format!("{} of {} customers ({})", count(*changed), count(*both), percent(migration.changed_share()))
}

/// What the page says of the last quarter.
pub fn sentences(movements: &Movements, names: Names) -> Vec<String> {
    let Movements { last, year_before, cumulative } = movements;
    let mut said = vec![format!(
        "From {} to {}, both days seen by the model of today, {} went to another segment.",
        last.from,
        last.to,
        changed(last)
    )];
    said.extend(last.chance.map(|chance| {
        let beyond = last.changed_share() > chance;
        format!(
            "By the luck of the ruler alone it would be {}: so many are in another segment where the same day is fitted twice.{}",
            percent(chance),
            if beyond { "" } else { " What moved is within it." }
        )
    }));
    said.extend(year_before.as_ref().map(|before| {
        format!("In the same quarter of the year before ({} to {}) it was {}.", before.from, before.to, changed(before))
    }));
    let (new, gone) = (last.arrived(), last.left());
    if new + gone > 0 {
        let gone =
            if gone > 0 { format!("{} are no customers of the window any more", count(gone)) } else { String::new() };
        let new = if new > 0 { format!("{} are new", count(new)) } else { String::new() };
        said.push(format!("{}.", [new, gone].iter().filter(|s| !s.is_empty()).cloned().collect::<Vec<_>>().join("; ")));
    }
    let mut by_growth: Vec<_> = last.sizes.iter().collect();
    by_growth.sort_by_key(|size| (size.then as i64 - size.now as i64, size.id.clone()));
    let told = |verb: &str, size: &crate::segment::migration::Size| {
        let by = size.now.abs_diff(size.then);
        format!("{} {verb} by {} to {}.", called(Some(&size.id), "", names), count(by), count(size.now))
    };
    said.extend(by_growth.first().filter(|size| size.now > size.then).map(|size| told("grew most,", size)));
    said.extend(by_growth.last().filter(|size| size.now < size.then).map(|size| told("shrank most,", size)));
    for size in &last.sizes {
        if let Some([now, quarter, year]) = movements.returns(&size.id) {
            said.push(format!(
                "{} comes with the season: {} of customers now, {} a quarter before, {} a year before.",
                called(Some(&size.id), "", names),
                percent(now),
                percent(quarter),
                percent(year)
            ));
        }
    }
    if *cumulative {
        said.push(
            "All history counts, so orders and money of a customer only add up, and part of this is time passing; \
             a window of 365 days (under [features]) compares equal stretches."
                .into(),
        );
    }
    said
}

/// Head of the table of flows.
pub const HEADER: [&str; 9] =
    ["From", "To", "Customers", "Of those there", "95 % interval", "By luck", "Spent then", "Spent now", "Year before"];

/// The moves with the most customers, those beyond luck first; `None` of `most` is all, customers who stay included.
pub fn flows(movements: &Movements, names: Names, currency: &str, all: bool) -> Vec<Vec<String>> {
    let mut flows: Vec<&Flow> = movements.last.flows.iter().filter(|flow| all || flow.moved()).collect();
    if !all {
        let told = |flow: &&Flow| flow.from.is_some() && flow.to.is_some();
        flows.retain(told);
        flows.sort_by_key(|flow| (!flow.beyond_chance(), std::cmp::Reverse(flow.customers)));
        flows.truncate(MOST_TOLD);
    }
    let money = |sum: Option<f64>| sum.map_or("–".into(), |sum| Unit::Money.format(sum, currency));
    let line = |flow: &Flow| {
        let before = movements.year_before.as_ref().map(|before| before.flow(flow.from.as_deref(), flow.to.as_deref()));
        let year = match (before, movements.season(flow)) {
            (Some(before), Some(season)) => {
                let share = before.map_or("none or few".into(), |before| percent(before.share));
                if season == Season::AsBefore { format!("{share}, alike") } else { share }
            }
            _ => "–".into(),
        };
        vec![
            origin(flow, names),
            destination(flow, names),
            count(flow.customers),
            percent(flow.share),
            format!("{:.0} to {:.0} %", flow.interval[0] * 100.0, flow.interval[1] * 100.0),
            flow.chance.map_or("–".into(), percent),
            money(flow.revenue_then),
            money(flow.revenue_now),
            year,
        ]
    };
    flows.into_iter().map(line).collect()
}

/// The matrix: a row per place then, a column per place now, with customers and their share of the row.
pub fn matrix(migration: &Migration, names: Names) -> (Vec<String>, Vec<Vec<String>>) {
    let places: Vec<Option<&str>> = migration.sizes.iter().map(|size| Some(size.id.as_str())).collect();
    let there =
        |place: &Option<&str>, side: fn(&Flow) -> Option<&str>| migration.flows.iter().any(|flow| side(flow) == *place);
    let with = |nowhere: bool| places.iter().copied().chain(nowhere.then_some(None));
    let to: Vec<Option<&str>> = with(there(&None, |flow| flow.to.as_deref())).collect();
    let from = with(there(&None, |flow| flow.from.as_deref()));
    let short = |place: &Option<&str>, nowhere: &str| place.map_or(nowhere.to_string(), String::from);
    let header = ["From".to_string()].into_iter().chain(to.iter().map(|place| short(place, GONE))).collect();
    let rows = from.map(|from| {
        let cell = |to: &Option<&str>| {
            migration
                .flow(from, *to)
                .map_or("–".to_string(), |f| format!("{} ({})", count(f.customers), percent(f.share)))
        };
        [called(from, NEW, names)].into_iter().chain(to.iter().map(cell)).collect()
    });
    (header, rows.collect())
}
