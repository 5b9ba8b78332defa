//! Model space in SQL: what a [`Preparation`] does to a customer, on whole steps of the grid.

use super::{Dialect, double, text};
use crate::features::Feature;
use crate::features::population::{Ruler, STEPS};
use crate::features::preparation::{BOUND, GRID, Preparation, Recipe};
use crate::features::scaling::{LARGEST, SERIES, Scaling, Transform};

/// `customer`, and `q0`, `q1`, … in whole steps of the grid for the columns of model space, of a table that
/// [`values`](super::values::Writer::values) made.
pub fn space(preparation: &Preparation, features: &[Feature], values: &str, dialect: Dialect) -> String {
    let recipes = preparation.recipes();
    let at = |name: &str| features.iter().position(|f| f.name == name).unwrap_or_default();
    // A feature that stands in several columns is transformed once.
    let mut numbers: Vec<(usize, &Scaling)> = Vec::new();
    for (name, recipe) in &recipes {
        if let Recipe::Number { scaling, .. } = recipe {
            numbers.push((at(name), scaling));
        }
    }
    let transformed = clipped(&numbers, values, dialect);
    let columns: Vec<String> = (recipes.iter().enumerate())
        .map(|(column, (name, recipe))| {
            let j = at(name);
            match recipe {
                Recipe::Number { scaling, factor } if scaling.sd != 0.0 => {
                    let score = format!("(c{j} - {}) / {}", double(scaling.mean), double(scaling.sd));
                    let z = format!("{score} * {}", double(*factor));
                    let bound = BOUND * GRID - 1.0;
                    format!(
                        "CAST(greatest(least(floor({z} * {} + {}), {}), {}) AS INT) AS q{column}",
                        double(GRID),
                        double(0.5),
                        double(bound),
                        double(-bound)
                    )
                }
                Recipe::Number { .. } => format!("0 AS q{column}"),
                Recipe::Levels { steps, missing } => {
                    let level = match missing {
                        Some(level) => format!("coalesce(x{j}, {})", text(level, dialect)),
                        None => format!("x{j}"),
                    };
                    let mut cases = String::new();
                    let mut distinct: Vec<i64> = steps.values().copied().collect();
                    distinct.sort_unstable();
                    distinct.dedup();
                    for value in distinct {
                        let levels = steps.iter().filter(|(_, own)| **own == value).map(|(l, _)| text(l, dialect));
                        let levels = levels.collect::<Vec<_>>().join(", ");
                        cases.push_str(&format!(" WHEN {level} IN ({levels}) THEN {value}"));
                    }
                    format!("CASE{cases} ELSE 0 END AS q{column}")
                }
            }
        })
        .collect();
    format!("SELECT customer, {} FROM ({transformed}) AS transformed", columns.join(", "))
}

/// The steps of a [`Ruler`] as `u`, of the known values of the feature at place `j`.
pub(super) fn steps(ruler: &Ruler, j: usize, values: &str, dialect: Dialect) -> String {
    let known = format!("(SELECT customer, x{j} FROM {values} WHERE x{j} IS NOT NULL) AS known");
    format!(
        "SELECT CAST(floor((c{j} - {}) / {} * {} + {}) AS BIGINT) AS u FROM ({}) AS transformed",
        double(ruler.from),
        double(ruler.range),
        double(STEPS),
        double(0.5),
        clipped(&[(j, &ruler.scaling)], &known, dialect)
    )
}

/// All columns of `values`, and `c<j>` for the features at these places: [`Scaling::clipped`]. What one step needs the step before has as a
/// column, so that nothing is computed twice.
pub(super) fn clipped(numbers: &[(usize, &Scaling)], values: &str, dialect: Dialect) -> String {
    let logarithms: Vec<(usize, &Scaling)> =
        numbers.iter().copied().filter(|(_, scaling)| scaling.transform != Transform::Identity).collect();
    let mut query = format!("SELECT * FROM {values}");
    let mut step = |name: &str, column: &dyn Fn(usize, &Scaling) -> String| {
        if !logarithms.is_empty() {
            let columns: Vec<String> =
                logarithms.iter().map(|(j, s)| format!("{} AS {name}{j}", column(*j, s))).collect();
            query = format!("SELECT *, {} FROM ({query}) AS before_{name}", columns.join(", "));
        }
    };
    let (half, one, two) = (double(0.5), double(1.0), double(2.0));
    step("y", &|j, scaling| {
        let positive = format!("CASE WHEN x{j} < {zero} THEN {zero} ELSE x{j} END", zero = double(0.0));
        let scaled = match scaling.transform {
            Transform::LogScaled { scale } => format!("({positive}) / {}", double(scale)),
            _ => positive,
        };
        // The least of something and nothing is something.
        format!("CASE WHEN x{j} IS NOT NULL THEN least({one} + {scaled}, {}) END", double(LARGEST))
    });
    step("k", &|j, _| format!("(length(bin(CAST(floor(y{j}) AS BIGINT))) - 1)"));
    step("m", &|j, _| {
        let power = match dialect {
            Dialect::Spark => format!("shiftleft(CAST(1 AS BIGINT), k{j})"),
            Dialect::DuckDb => format!("(CAST(1 AS BIGINT) << k{j})"),
        };
        format!("(y{j} / CAST({power} AS DOUBLE))")
    });
    let large = |j: usize| format!("m{j} > {}", double(std::f64::consts::SQRT_2));
    step("s", &|j, _| {
        let m = format!("(CASE WHEN {} THEN m{j} * {half} ELSE m{j} END)", large(j));
        format!("(({m} - {one}) / ({m} + {one}))")
    });
    step("t", &|j, _| {
        let exponent =
            format!("(CASE WHEN {} THEN CAST(k{j} AS DOUBLE) + {one} ELSE CAST(k{j} AS DOUBLE) END)", large(j));
        let series = SERIES[1..]
            .iter()
            .fold(double(1.0 / SERIES[0]), |sum, odd| format!("({sum} * (s{j} * s{j}) + {})", double(1.0 / odd)));
        format!("({exponent} * {} + {two} * s{j} * {series})", double(std::f64::consts::LN_2))
    });
    let columns: Vec<String> = (numbers.iter())
        .map(|(j, scaling)| {
            let value = if scaling.transform == Transform::Identity { format!("x{j}") } else { format!("t{j}") };
            let filled = format!("coalesce({value}, {})", double(scaling.fill));
            match scaling.clip {
                Some((low, high)) => {
                    format!("greatest(least({filled}, {}), {}) AS c{j}", double(high), double(low))
                }
                None => format!("{filled} AS c{j}"),
            }
        })
        .collect();
    if columns.is_empty() {
        return query;
    }
    format!("SELECT *, {} FROM ({query}) AS logarithms", columns.join(", "))
}
