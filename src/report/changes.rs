//! What became of the segments, in words.

use super::Report;
use crate::segment::lineage::{End, Event, Life};

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
    let name = |id: &str| {
        let segment = report.segments.iter().find(|s| s.id == id);
        segment.map_or_else(|| id.to_string(), |s| format!("{id} {}", s.persona.name))
    };
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
