//! What groups of customers have in common, counted where the customers are: whole numbers and sums of whole numbers, one row per group.

use super::values::is_level;
use super::{double, space};
use crate::engine::database::Database;
use crate::error::Result;
use crate::features::Feature;
use crate::features::preparation::Preparation;
use crate::features::scaling::Scaling;
use std::collections::BTreeMap;

/// Parts of one in which values are added up, so that sums are whole.
const PARTS: f64 = 1_048_576.0;

/// Features of one query: an engine compiles no more well.
const AT_ONCE: usize = 12;

/// One group; `None` is those in no cluster.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Group {
    /// How many.
    pub customers: u64,
    /// Of each feature that is a number, by its place.
    pub numbers: BTreeMap<usize, Sums>,
    /// Of each feature that holds levels, by its place: how many have each; `None` is no level.
    pub levels: BTreeMap<usize, BTreeMap<Option<String>, u64>>,
}

/// A feature within a group.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Sums {
    /// How many have a value.
    pub known: u64,
    /// Sum of the values.
    pub sum: f64,
    /// Sum of the standardised values, missing ones filled in.
    pub scores: f64,
}

/// The groups of `labels` (a table of `customer` and `c`), by cluster, of the features in the table `values`.
///
/// # Errors
/// Where the database does not answer.
pub fn groups(
    database: &dyn Database,
    values: &str,
    labels: &str,
    features: &[Feature],
    preparation: &Preparation,
) -> Result<BTreeMap<Option<usize>, Group>> {
    let text = database.dialect().text_type();
    let mut groups: BTreeMap<Option<usize>, Group> = BTreeMap::new();
    let cluster = |c: i64| usize::try_from(c).ok();
    let numbers: Vec<(usize, &Scaling)> = (features.iter().enumerate())
        .filter_map(|(j, feature)| Some((j, preparation.scaling(&feature.name)?)))
        .collect();
    let join = |columns: &str| {
        format!(
            "(SELECT {columns}, labels.c AS c FROM {values} AS told JOIN {labels} AS labels ON labels.customer = told.customer) AS labelled"
        )
    };
    let answer = database.query(&format!(
        "SELECT CAST(coalesce(c, -1) AS BIGINT), CAST(count(*) AS BIGINT) FROM {labels} GROUP BY coalesce(c, -1)"
    ))?;
    for (c, n) in answer.whole(0)?.into_iter().zip(answer.whole(1)?) {
        groups.entry(cluster(c)).or_default().customers = n as u64;
    }
    for some in numbers.chunks(AT_ONCE) {
        let columns: Vec<String> = some.iter().map(|(j, _)| format!("x{j}")).collect();
        let clipped = space::clipped(some, &join(&columns.join(", ")), database.dialect());
        let whole = |value: &str| {
            format!(
                "CAST(coalesce(sum(CAST(floor({value} * {} + {}) AS DECIMAL(38, 0))), 0) AS {text})",
                double(PARTS),
                double(0.5)
            )
        };
        let mut sums = Vec::new();
        for (j, scaling) in some {
            sums.push(format!("CAST(count(x{j}) AS BIGINT)"));
            sums.push(whole(&format!("x{j}")));
            sums.push(if scaling.sd == 0.0 {
                format!("CAST(0 AS {text})")
            } else {
                whole(&format!("((c{j} - {}) / {})", double(scaling.mean), double(scaling.sd)))
            });
        }
        let answer = database.query(&format!(
            "SELECT CAST(coalesce(c, -1) AS BIGINT), {} FROM ({clipped}) AS standardised GROUP BY coalesce(c, -1)",
            sums.join(", ")
        ))?;
        for (row, c) in answer.whole(0)?.into_iter().enumerate() {
            let group = groups.entry(cluster(c)).or_default();
            for (at, (j, _)) in some.iter().enumerate() {
                let whole = |column: usize| Ok::<f64, crate::error::Error>(answer.wide(column)?[row] as f64 / PARTS);
                let sums = Sums {
                    known: answer.whole(3 * at + 1)?[row] as u64,
                    sum: whole(3 * at + 2)?,
                    scores: whole(3 * at + 3)?,
                };
                group.numbers.insert(*j, sums);
            }
        }
    }
    for (j, _) in features.iter().enumerate().filter(|(_, f)| is_level(&f.measure)) {
        let answer = database.query(&format!(
            "SELECT CAST(coalesce(c, -1) AS BIGINT), x{j}, CAST(count(*) AS BIGINT) FROM {} GROUP BY coalesce(c, -1), x{j}",
            join(&format!("x{j}"))
        ))?;
        for ((c, level), n) in answer.whole(0)?.into_iter().zip(answer.texts(1)?).zip(answer.whole(2)?) {
            let levels = groups.entry(cluster(c)).or_default().levels.entry(j).or_default();
            levels.insert(level.clone(), n as u64);
        }
    }
    Ok(groups)
}
