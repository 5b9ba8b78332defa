//! Who gets a row.

use super::{Shape, View};
use crate::features::Table;

/// The tables of rows that say so: that of orders, or of events where there are none.
pub(super) fn told_by(shape: &Shape) -> impl Iterator<Item = Table> {
    let has = |table: Table| shape.views.iter().any(|view| view.table == table);
    [Table::Orders, Table::Events].into_iter().find(|table| has(*table)).into_iter()
}

/// Whoever has a sale; without orders, whoever has an event or is known.
pub(super) fn population(shape: &Shape) -> String {
    let table = told_by(shape).next();
    match shape.views.iter().find(|view| Some(view.table) == table) {
        Some(View { table: Table::Orders, name, .. }) => {
            format!("SELECT DISTINCT customer FROM {name} WHERE NOT returned")
        }
        view => {
            let events = view.map(|view| format!("SELECT DISTINCT customer FROM {}", view.name));
            let known = shape.people.as_ref().map(|people| format!("SELECT customer FROM {}", people.name));
            match (events, known) {
                (Some(events), Some(known)) => format!("{events} UNION {known}"),
                (Some(one), None) | (None, Some(one)) => one,
                (None, None) => "SELECT NULL AS customer WHERE FALSE".into(),
            }
        }
    }
}
