//! Whether returns give back what was bought before: those that do not make the revenue of their customers too low.

use super::log::{Field, Log, NONE};
use crate::error::Warning;
use rayon::prelude::*;
use std::collections::BTreeMap;

/// So many customers are named in a message.
const NAMED: usize = 3;

/// Returned lines for which the same customer bought as much of the product up to that day, less what was returned before;
/// pieces are compared where the lines have them, else money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Covered {
    /// All returned lines.
    returns: usize,
    /// Those that give back more than was bought.
    beyond: usize,
    /// The first customers with such a line.
    customers: Vec<String>,
}

impl Covered {
    pub(super) fn of(log: &Log) -> Self {
        let size = |row: usize| match log.units.get(row) {
            Some(units) => units.abs(),
            None => log.amount.get(row).map_or(0, |amount| amount.abs()),
        };
        let products = log.codes(&Field::Product);
        let counts: Vec<(usize, usize)> = (0..log.ids.len())
            .into_par_iter()
            .map(|customer| {
                let rows = log.rows(customer);
                if !log.returned[rows.clone()].contains(&true) {
                    return (0, 0);
                }
                // The lines of a day have no order: what is sold on it can be returned on it.
                let mut by_day: Vec<usize> = rows.collect();
                by_day.sort_by_key(|row| (log.day.get(*row).copied(), log.returned[*row]));
                let mut kept: BTreeMap<u32, i64> = BTreeMap::new();
                let (mut returns, mut beyond) = (0, 0);
                for row in by_day {
                    let left = kept.entry(products.map_or(NONE, |p| p.codes[row])).or_default();
                    if !log.returned[row] {
                        *left += size(row);
                        continue;
                    }
                    returns += 1;
                    if *left < size(row) {
                        beyond += 1;
                    } else {
                        *left -= size(row);
                    }
                }
                (returns, beyond)
            })
            .collect();
        let customers = log.ids.iter().zip(&counts).filter(|(_, (_, beyond))| *beyond > 0);
        Self {
            returns: counts.iter().map(|c| c.0).sum(),
            beyond: counts.iter().map(|c| c.1).sum(),
            customers: customers.map(|(id, _)| id.clone()).take(NAMED).collect(),
        }
    }

    /// What is to be said, if anything.
    pub(super) fn warning(&self) -> Option<Warning> {
        let Self { returns, beyond, customers } = self;
        (*beyond > 0).then(|| {
            Warning::new(
                "W0344",
                format!(
                    "{beyond} of {returns} returns give back more than their customer bought of it before; the other {} match",
                    returns - beyond
                ),
            )
            .note("seen", format!("customers {}", customers.join(", ")))
            .why("what was bought before the data begin is missing (or lies before the window), so the revenue of these customers is too low")
            .help("an export that begins earlier, or under [input.orders.returns]: treat = \"drop\"")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::log::Codes;
    use super::*;

    /// Day, product, pieces (negative ones are returned), of customers `a` and `b`.
    fn log(lines: [&[(i32, u32, i64)]; 2]) -> Log {
        let all: Vec<_> = lines.concat();
        let codes = Codes { codes: all.iter().map(|l| l.1).collect(), levels: vec!["p".into(), "q".into()] };
        Log {
            ids: vec!["a".into(), "b".into()],
            starts: vec![0, lines[0].len(), all.len()],
            day: all.iter().map(|l| l.0).collect(),
            units: all.iter().map(|l| l.2 * 1000).collect(),
            returned: all.iter().map(|l| l.2 < 0).collect(),
            coded: vec![(Field::Product, codes)],
            ..Log::default()
        }
    }

    #[test]
    fn a_return_is_covered_by_what_was_bought_of_the_product_up_to_that_day() {
        let a: &[_] = &[(1, 0, 5), (2, 0, -3), (2, 0, -2), (3, 0, -1), (3, 1, 2)];
        let b: &[_] = &[(1, 0, -1), (2, 0, 1), (4, 1, -1), (4, 1, 1)];
        let covered = Covered::of(&log([a, b]));
        assert_eq!(covered, Covered { returns: 5, beyond: 2, customers: vec!["a".into(), "b".into()] });
        let said = covered.warning().expect("a warning");
        assert!(said.title.starts_with("2 of 5 returns") && said.title.ends_with("other 3 match"), "{}", said.title);
        assert_eq!(Covered::of(&log([&a[..2], &[]])).warning(), None);
    }

    #[test]
    fn money_is_compared_where_lines_have_no_pieces() {
        let mut log = log([&[(1, 0, 5), (2, 1, -5)], &[(2, 0, 5), (2, 0, -6)]]);
        log.amount = std::mem::take(&mut log.units);
        log.coded.clear();
        assert_eq!(Covered::of(&log), Covered { returns: 2, beyond: 1, customers: vec!["b".into()] });
    }
}
