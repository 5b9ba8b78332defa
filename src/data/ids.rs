//! Customer ids that are written differently in different places: what would make them equal.

use super::columns::is_scientific;
use super::read::percent;
use crate::error::{Error, Result, Warning};
use rayon::prelude::*;
use std::collections::BTreeSet;

/// What an id looks like when case, spaces and a trailing `.0` are evened out.
fn plain(id: &str) -> String {
    let id = id.trim();
    id.strip_suffix(".0").unwrap_or(id).to_uppercase()
}

/// Fails with E0302 if ids have lost digits; warns of ids that differ only by case or spaces. Ids are ascending.
pub(crate) fn check(table: &str, ids: &[String]) -> Result<Option<Warning>> {
    let lost: Vec<&String> = ids.iter().filter(|id| is_scientific(id)).collect();
    if let Some(first) = lost.first() {
        return Err(Error::new("E0302", format!("{} customer ids of {table} look like {first}", lost.len()))
            .why("digits are lost, so different customers would be merged; this is never repaired")
            .help("export the file again with this column as text"));
    }
    if ids.par_iter().all(|id| plain(id) == **id) {
        return Ok(None);
    }
    let mut keyed: Vec<(String, &String)> = ids.iter().map(|id| (plain(id), id)).collect();
    keyed.sort();
    let groups: Vec<&[(String, &String)]> = keyed.chunk_by(|a, b| a.0 == b.0).filter(|g| g.len() > 1).collect();
    let Some(first) = groups.first() else { return Ok(None) };
    let n: usize = groups.iter().map(|g| g.len()).sum();
    Ok(Some(
        Warning::new(
            "W0304",
            format!(
                "{n} customer ids of {table} differ only by case or spaces (`{}`, `{}`): kept apart",
                first[0].1, first[1].1
            ),
        )
        .why("one customer may be several, each with a part of the orders")
        .help(format!("if they are the same, under [input.{table}]: normalize = \"trim,upper\"")),
    ))
}

/// The section of a table in the config.
fn section(table: &str) -> String {
    match table {
        "events" | "surveys" => format!("[[input.{table}]]"),
        _ => format!("[input.{table}]"),
    }
}

/// What all ids of a table start with, up to the first digit.
fn prefix(ids: &[String]) -> Option<&str> {
    let first = ids.first()?;
    let end = first.find(|c: char| c.is_ascii_digit()).filter(|end| *end > 0)?;
    let prefix = &first[..end];
    ids.iter().all(|id| id.starts_with(prefix)).then_some(prefix)
}

/// Whether an id is among ascending ones.
fn contains(ids: &[String], id: &str) -> bool {
    ids.binary_search_by(|known| known.as_str().cmp(id)).is_ok()
}

/// Ids without zeros in front.
fn unpadded(id: &str) -> &str {
    let id = id.trim_start_matches('0');
    if id.is_empty() { "0" } else { id }
}

/// The line to paste that makes most of `ids` be among `known`, if there is one.
pub(crate) fn fix(table: &str, ids: &[String], known: &[String]) -> Option<String> {
    let most = |hits: usize| hits * 2 >= ids.len().min(known.len()) && hits > 0;
    if let Some(prefix) = prefix(ids)
        && most(ids.iter().filter(|id| contains(known, &id[prefix.len()..])).count())
    {
        return Some(format!("in ilk.toml under {}: strip_prefix = \"{prefix}\"", section(table)));
    }
    if let Some(prefix) = prefix(known)
        && most(ids.iter().filter(|id| contains(known, &format!("{prefix}{id}"))).count())
    {
        return Some(format!("in ilk.toml under [input.orders]: strip_prefix = \"{prefix}\""));
    }
    if let Some((place, length, _)) = padded(table, ids, known).filter(|p| most(p.2)) {
        return Some(format!("in ilk.toml under {place}: pad = {length}"));
    }
    let evened: BTreeSet<String> = known.iter().map(|id| plain(id)).collect();
    most(ids.iter().filter(|id| evened.contains(&plain(id))).count())
        .then(|| format!("in ilk.toml under {} and under [input.orders]: normalize = \"trim,upper\"", section(table)))
}

/// Where to fill ids with zeros, to which length, and how many customers then match.
fn padded(table: &str, ids: &[String], known: &[String]) -> Option<(String, usize, usize)> {
    let zeros = |set: &[String]| set.iter().filter(|id| id.starts_with('0')).map(String::len).max();
    let (place, length) = match (zeros(ids), zeros(known)) {
        (None, Some(length)) => (section(table), length),
        (Some(length), None) => ("[input.orders]".to_string(), length),
        _ => return None,
    };
    let bare: BTreeSet<&str> = known.iter().map(|id| unpadded(id)).collect();
    let hits = ids.iter().filter(|id| bare.contains(unpadded(id))).count();
    Some((place, length, hits))
}

/// The warning for a table that lost the zeros in front of its ids, where `hits` of them are known all the same.
pub(crate) fn padding(table: &str, ids: &[String], known: &[String], hits: usize) -> Option<Warning> {
    let (place, length, after) = padded(table, ids, known)?;
    if after <= hits {
        return None;
    }
    let share = |n: usize| percent(n as f64 / ids.len() as f64);
    Some(
        Warning::new(
            "W0303",
            format!(
                "zeros in front of customer ids are missing in one of {table} and orders: {} of the {} ids match, {} would",
                share(hits),
                ids.len(),
                share(after)
            ),
        )
        .why("the others are taken for customers who never ordered")
        .help(format!("in ilk.toml under {place}: pad = {length}")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(ids: &[&str]) -> Vec<String> {
        ids.iter().map(|id| (*id).to_string()).collect()
    }

    #[test]
    fn the_line_to_paste_is_found() {
        let orders = set(&["00417", "00418", "17850"]);
        assert_eq!(
            fix("events", &set(&["C-00417", "C-17850"]), &orders).as_deref(),
            Some("in ilk.toml under [[input.events]]: strip_prefix = \"C-\"")
        );
        assert_eq!(
            fix("customers", &set(&["417", "418"]), &orders).as_deref(),
            Some("in ilk.toml under [input.customers]: pad = 5")
        );
        assert_eq!(fix("customers", &set(&["5", "6"]), &orders), None);
        let warning = padding("customers", &set(&["417", "17850"]), &orders, 1).expect("a warning");
        assert_eq!(warning.code, "W0303");
        assert!(padding("customers", &set(&["17850"]), &orders, 1).is_none());
        assert!(fix("customers", &set(&["ab1 "]), &set(&["AB1"])).is_some_and(|f| f.contains("trim,upper")));
    }
}
