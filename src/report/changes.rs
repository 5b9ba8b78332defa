//! What became of the segments, in words.

use super::Report;
use crate::evidence::drift::Drift;
use crate::features::Unit;
use crate::segment::decomposition::Decomposition;
use crate::segment::lineage::{End, Event, Life};
use crate::segment::monitoring::Monitoring;

/// Head of the table of lives.
pub const HEADER: [&str; 6] = ["ID", "WHAT HAPPENED", "FROM", "SAME CUSTOMERS", "SAME PEOPLE", "SHIFT"];

/// A row of the table of lives.
pub fn life(life: &Life) -> Vec<String> {
    let kin = !life.from.is_empty();
    let share = |share: f64| if kin { format!("{:.0} %", share * 100.0) } else { "–".into() };
    vec![
        life.id.clone(),
        life.event.words().to_string(),
        life.from.join(", "),
        share(life.overlap),
        share(life.same_people),
        life.shift.map_or("–".into(), |shift| format!("{shift:.2}")),
    ]
}

/// One sentence for an id that ended.
fn ended(end: &End) -> String {
    let End { id, name, event, into, share_then, share_now } = end;
    let into = into.join(" and ");
    match event {
        Event::Merged => format!("{id} {name} went into {into}."),
        Event::Split => format!("{id} {name} came apart into {into}."),
        _ => format!(
            "{id} {name} is no more: it held {:.0} % of customers, and by its own measure holds {:.0} % now.",
            share_then * 100.0,
            share_now * 100.0
        ),
    }
}

/// What the page says of the segments before; nothing for a first model.
pub fn sentences(report: &Report) -> Vec<String> {
    let Some(lineage) = &report.lineage else { return Vec::new() };
    if !lineage.related {
        return vec![format!("{}.", lineage.words())];
    }
    let name = |id: &str| report.called(id);
    let mut said = vec![format!("{}.", lineage.words())];
    for life in &lineage.lives {
        match life.event {
            Event::Survived => {}
            Event::Drifted => said.push(format!(
                "{} is the same segment with other borders: {:.0} % of those in either are in both.",
                name(&life.id),
                life.overlap * 100.0
            )),
            Event::Split if life.from.first() == Some(&life.id) => {
                said.push(format!("{} lost a part, which is a segment of its own now.", name(&life.id)));
            }
            Event::Split => said.push(format!("{} came apart from {}.", name(&life.id), life.from.join(", "))),
            Event::Merged => said.push(format!("{} took in {}.", name(&life.id), life.from[1..].join(", "))),
            Event::Born | Event::Died => {
                said.push(format!("{} is new: no segment before held most of its customers.", name(&life.id)))
            }
        }
    }
    said.extend(lineage.ended.iter().map(ended));
    said
}

/// Of those whose segment changed, why.
pub fn causes(monitoring: &Monitoring) -> String {
    let Some(Decomposition { customers, changed, customers_moved, ruler_moved, interaction }) =
        monitoring.decomposition
    else {
        return "why they changed segments cannot be told: one model has features that the other lacks".into();
    };
    let count = |n: usize| Unit::Count.format(n as f64, "");
    format!(
        "{} of {} who are in both changed segments: {} moved themselves, of {} the ruler moved, {} by both",
        count(changed),
        count(customers),
        count(customers_moved),
        count(ruler_moved),
        count(interaction)
    )
}

/// How far a feature moved, in a word.
pub fn judged(drift: &Drift) -> &'static str {
    if drift.large() {
        "large"
    } else if drift.notable() {
        "small"
    } else {
        "none to speak of"
    }
}

/// The one advice, and what decided it.
pub fn advice(monitoring: &Monitoring) -> String {
    format!("{}: {}", monitoring.advice.words(), monitoring.reasons.join("; "))
}

/// Head of the table of drifts.
pub const DRIFT_HEADER: [&str; 6] = ["Feature", "Drift", "PSI", "By chance up to", "KS", "Outside what was known"];

/// A row of the table of drifts; `label` is how the feature is called.
pub fn drift(label: &str, drift: &Drift) -> Vec<String> {
    vec![
        label.to_string(),
        judged(drift).to_string(),
        format!("{:.3}", drift.psi),
        format!("{:.3}", drift.psi_by_chance),
        format!("{:.2}", drift.ks),
        format!("{:.1} %", drift.outside * 100.0),
    ]
}
