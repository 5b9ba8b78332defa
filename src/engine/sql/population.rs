//! What is learned of everyone, asked of a database: it answers with counts, sums of whole numbers and a few values, and what is learned from
//! them is the same to the bit as from all values in memory.
//!
//! Values at places of the order are found by narrowing down: evenly spaced cut points tell how many lie below each, and only what lies
//! between two of them is looked at again.

use super::double;
use super::space;
use super::values::{Writer, is_level};
use crate::engine::database::Database;
use crate::error::{Error, Result};
use crate::features::Feature;
use crate::features::population::{Numbers, Population, Ruler, Values};
use crate::features::smoothing::{Counts, Observations, Told};
use std::collections::BTreeMap;

/// So many distinct values are asked for at once.
const FETCH: usize = if cfg!(test) { 3 } else { 1 << 18 };

/// Features with about so many distinct values, or fewer, are asked for all of them at once.
const FEW: i64 = if cfg!(test) { 4 } else { 20_000 };

/// Cut points of one step.
const CUTS: usize = 48;

/// A table of a database with the features of everyone: columns as [`Writer::values`] names them.
pub struct Everyone<'a> {
    database: &'a dyn Database,
    values: &'a str,
    features: &'a [Feature],
    customers: u64,
    /// Of each feature that is a number.
    facts: Vec<Facts>,
    /// Of each feature with few distinct values: all of them ascending, and how many have each.
    few: BTreeMap<usize, Vec<(f64, u64)>>,
}

/// What is known of a column of numbers.
#[derive(Debug, Clone, Copy, Default)]
struct Facts {
    known: u64,
    not_positive: u64,
}

/// Numbers of a database, as an expression over a table.
struct Column<'a> {
    database: &'a dyn Database,
    table: &'a str,
    expression: String,
    facts: Facts,
    /// The place of the feature, where the expression is its column.
    feature: usize,
    /// All its distinct values, where they are few.
    few: Option<&'a [(f64, u64)]>,
}

impl Column<'_> {
    /// How many there are, of several expressions over one table; and the number of rows.
    fn facts(database: &dyn Database, table: &str, expressions: &[String]) -> Result<(u64, Vec<Facts>)> {
        let mut columns = vec!["count(*)".to_string()];
        for expression in expressions {
            columns.push(format!("count({expression})"));
            columns.push(format!("coalesce(sum(CASE WHEN {expression} <= {} THEN 1 ELSE 0 END), 0)", double(0.0)));
        }
        let columns: Vec<String> = columns.iter().map(|column| format!("CAST({column} AS BIGINT)")).collect();
        let answer = database.query(&format!("SELECT {} FROM {table}", columns.join(", ")))?;
        let fact = |at: usize| -> Result<Facts> {
            Ok(Facts { known: answer.one(2 * at + 1)? as u64, not_positive: answer.one(2 * at + 2)? as u64 })
        };
        Ok((answer.one(0)? as u64, (0..expressions.len()).map(fact).collect::<Result<_>>()?))
    }

    /// Distinct values and how many have each, ascending, of those from `from` and below `below`; `None` where there are too many.
    fn between(&self, from: Option<f64>, below: Option<f64>) -> Result<Option<Vec<(f64, u64)>>> {
        let Self { table, expression, .. } = self;
        let mut within = vec![format!("{expression} IS NOT NULL")];
        within.extend(from.map(|from| format!("{expression} >= {}", double(from))));
        within.extend(below.map(|below| format!("{expression} < {}", double(below))));
        let answer = self.database.query(&format!(
            "SELECT x, CAST(count(*) AS BIGINT) AS n FROM (SELECT {expression} AS x FROM {table} WHERE {}) AS within GROUP BY x LIMIT {}",
            within.join(" AND "),
            FETCH + 1
        ))?;
        if answer.rows() > FETCH {
            return Ok(None);
        }
        let mut values: Vec<(f64, u64)> =
            answer.numbers(0)?.into_iter().zip(answer.whole(1)?).map(|(x, n)| (x, n as u64)).collect();
        values.sort_by(|a, b| a.0.total_cmp(&b.0));
        Ok(Some(values))
    }

    /// How many lie in each of the cells between ascending cut points: below the first, from the first to below the second, and so on.
    fn cells(&self, cuts: &[f64]) -> Result<Vec<u64>> {
        let Self { table, expression, .. } = self;
        let mut cases = String::new();
        for (cell, cut) in cuts.iter().enumerate() {
            cases.push_str(&format!(" WHEN x < {} THEN {cell}", double(*cut)));
        }
        let cell = if cuts.is_empty() { "0".into() } else { format!("CASE{cases} ELSE {} END", cuts.len()) };
        let answer = self.database.query(&format!(
            "SELECT CAST(cell AS BIGINT), CAST(count(*) AS BIGINT) FROM (SELECT {cell} AS cell FROM (SELECT {expression} AS x FROM {table} WHERE \
             {expression} IS NOT NULL) AS known) AS cells GROUP BY cell"
        ))?;
        let mut counts = vec![0; cuts.len() + 1];
        for (cell, n) in answer.whole(0)?.into_iter().zip(answer.whole(1)?) {
            counts[cell as usize] = n as u64;
        }
        Ok(counts)
    }

    /// Cut points between two values, evenly spaced.
    fn evenly(from: f64, to: f64) -> Vec<f64> {
        let mut cuts: Vec<f64> = (1..CUTS).map(|i| from + (to - from) * (i as f64 / CUTS as f64)).collect();
        cuts.dedup();
        cuts
    }

    /// A range that holds some of the places: its ends, how many lie before it, and the places.
    fn narrow(&self, found: &mut BTreeMap<u64, f64>, range: Range) -> Result<()> {
        let Range { from, below, before, places } = range;
        if let Some(values) = self.between(from, below)? {
            let mut upto = before;
            for (value, n) in values {
                for place in places.iter().filter(|place| (upto..upto + n).contains(*place)) {
                    found.insert(*place, value);
                }
                upto += n;
            }
            return Ok(());
        }
        let (from, below) = self.ends(from, below)?;
        let cuts: Vec<f64> = [from].into_iter().chain(Self::evenly(from, below)).chain([below]).collect();
        let counts = self.cells(&cuts)?;
        // What lies before the range lies in the first cell.
        let mut upto = counts[0];
        for (cell, n) in counts.iter().enumerate().skip(1) {
            let inside: Vec<u64> = places.iter().copied().filter(|p| (upto..upto + n).contains(p)).collect();
            if !inside.is_empty() {
                let range =
                    Range { from: Some(cuts[cell - 1]), below: cuts.get(cell).copied(), before: upto, places: inside };
                self.narrow(found, range)?;
            }
            upto += n;
        }
        Ok(())
    }

    /// The ends of a range, where they are open those of all values.
    fn ends(&self, from: Option<f64>, below: Option<f64>) -> Result<(f64, f64)> {
        if let (Some(from), Some(below)) = (from, below) {
            return Ok((from, below));
        }
        let Self { table, expression, .. } = self;
        let answer = self.database.query(&format!("SELECT min({expression}), max({expression}) FROM {table}"))?;
        Ok((from.map_or_else(|| answer.one_number(0), Ok)?, below.map_or_else(|| answer.one_number(1), Ok)?))
    }
}

/// Values from one on and below another.
struct Range {
    from: Option<f64>,
    below: Option<f64>,
    /// How many of all lie below it.
    before: u64,
    places: Vec<u64>,
}

impl Numbers for Column<'_> {
    fn known(&self) -> u64 {
        self.facts.known
    }

    fn not_positive(&self) -> u64 {
        self.facts.not_positive
    }

    fn at(&self, places: &[u64]) -> Result<Vec<f64>> {
        if let Some(few) = self.few {
            return places.iter().map(|place| value_at(few, *place).ok_or_else(|| changed(self.table))).collect();
        }
        let mut found = BTreeMap::new();
        let mut distinct = places.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        self.narrow(&mut found, Range { from: None, below: None, before: 0, places: distinct })?;
        let value = |place: &u64| found.get(place).copied().ok_or_else(|| changed(self.table));
        places.iter().map(value).collect()
    }

    fn skewness(&self) -> Result<f64> {
        let Self { table, expression: x, .. } = self;
        let one = |sql: String| self.database.query(&sql)?.one_number(0);
        let mean = one(format!("SELECT avg({x}) FROM {table}"))?;
        let away = format!("({x} - {})", double(mean));
        let variance = one(format!("SELECT avg({away} * {away}) FROM {table}"))?;
        let third = one(format!("SELECT avg({away} * {away} * {away}) FROM {table}"))?;
        Ok(if variance > 0.0 { third / variance.powf(1.5) } else { 0.0 })
    }

    fn sums(&self, ruler: &Ruler) -> Result<(i128, i128)> {
        if let Some(few) = self.few {
            return Ok(few.iter().fold((0, 0), |(sum, squares), (value, n)| {
                let (steps, n) = (i128::from(ruler.steps(*value)), i128::from(*n));
                (sum + n * steps, squares + n * steps * steps)
            }));
        }
        let steps = space::steps(ruler, self.feature, self.table, self.database.dialect());
        let text = self.database.dialect().text_type();
        let answer = self.database.query(&format!(
            "SELECT CAST(sum(u) AS {text}), CAST(sum(CAST(u * u AS DECIMAL(38, 0))) AS {text}) FROM ({steps}) AS steps"
        ))?;
        let wide = |column: usize| answer.wide(column).map(|all| all.first().copied().unwrap_or(0));
        Ok((wide(0)?, wide(1)?))
    }
}

/// The value at a place of the order.
fn value_at(few: &[(f64, u64)], place: u64) -> Option<f64> {
    let mut upto = 0;
    few.iter().find_map(|(value, n)| {
        upto += n;
        (place < upto).then_some(*value)
    })
}

/// What was counted is not there any more.
fn changed(table: &str) -> Error {
    Error::new("E0621", format!("`{table}` changed while it was read")).help("run again: what is finished is kept")
}

impl<'a> Everyone<'a> {
    /// Of the `values` of `features`.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub fn of(database: &'a dyn Database, values: &'a str, features: &'a [Feature]) -> Result<Self> {
        let columns: Vec<String> = (features.iter().enumerate())
            .map(|(j, f)| if is_level(&f.measure) { double(f64::NAN) } else { format!("x{j}") })
            .collect();
        let (customers, facts) = Column::facts(database, values, &columns)?;
        let few = Self::few(database, values, features)?;
        Ok(Self { database, values, features, customers, facts, few })
    }

    /// The distinct values of the features that have few, in one query: each feature by itself costs a job of the database.
    fn few(database: &dyn Database, values: &str, features: &[Feature]) -> Result<BTreeMap<usize, Vec<(f64, u64)>>> {
        let numbers: Vec<usize> = (0..features.len()).filter(|j| !is_level(&features[*j].measure)).collect();
        let about: Vec<String> =
            numbers.iter().map(|j| format!("CAST(approx_count_distinct(x{j}) AS BIGINT)")).collect();
        if about.is_empty() {
            return Ok(BTreeMap::new());
        }
        let answer = database.query(&format!("SELECT {} FROM {values}", about.join(", ")))?;
        let mut small: Vec<usize> = Vec::new();
        for (at, j) in numbers.iter().enumerate() {
            if answer.one(at)? <= FEW {
                small.push(*j);
            }
        }
        let mut found: BTreeMap<usize, Vec<(f64, u64)>> = small.iter().map(|j| (*j, Vec::new())).collect();
        if small.is_empty() {
            return Ok(found);
        }
        let each: Vec<String> = small
            .iter()
            .map(|j| {
                format!("SELECT {j} AS j, x{j} AS x, count(*) AS n FROM {values} WHERE x{j} IS NOT NULL GROUP BY x{j}")
            })
            .collect();
        let answer = database.query(&format!(
            "SELECT CAST(j AS BIGINT), x, CAST(n AS BIGINT) FROM ({}) AS each",
            each.join(" UNION ALL ")
        ))?;
        for ((j, x), n) in answer.whole(0)?.into_iter().zip(answer.numbers(1)?).zip(answer.whole(2)?) {
            found.entry(j as usize).or_default().push((x, n as u64));
        }
        found.values_mut().for_each(|values| values.sort_by(|a, b| a.0.total_cmp(&b.0)));
        Ok(found)
    }
}

impl Population for Everyone<'_> {
    fn customers(&self) -> u64 {
        self.customers
    }

    fn values(&self, feature: usize) -> Result<Values<'_>> {
        let Self { database, values: table, .. } = self;
        let name = format!("x{feature}");
        if !is_level(&self.features[feature].measure) {
            let (facts, few) = (self.facts[feature], self.few.get(&feature).map(Vec::as_slice));
            let column = Column { database: *database, table, expression: name, facts, feature, few };
            return Ok(Values::Numbers(Box::new(column)));
        }
        let answer =
            database.query(&format!("SELECT {name}, CAST(count(*) AS BIGINT) FROM {table} GROUP BY {name}"))?;
        let levels = answer.texts(0)?.iter().cloned().zip(answer.whole(1)?).map(|(level, n)| (level, n as u64));
        Ok(Values::Levels(levels.collect()))
    }
}

/// A table of a database with what was observed of everyone.
pub struct Observed<'a> {
    /// The database.
    pub database: &'a dyn Database,
    /// The table that [`observed`](super::observed::observed) made.
    pub table: &'a str,
    /// What writes features over it.
    pub writer: &'a Writer<'a>,
}

impl Observations for Observed<'_> {
    fn told(&self, feature: usize) -> Result<Told<'_>> {
        let Self { database, table, writer } = self;
        if let Some((hits, trials)) = writer.rate(feature) {
            let answer = database.query(&format!(
                "SELECT hits, trials, CAST(count(*) AS BIGINT) FROM (SELECT CAST({hits} AS BIGINT) AS hits, CAST({trials} AS BIGINT) AS trials \
                 FROM {table}) AS pairs GROUP BY hits, trials"
            ))?;
            let mut counts = Counts::new();
            for ((hits, trials), n) in answer.whole(0)?.into_iter().zip(answer.whole(1)?).zip(answer.whole(2)?) {
                let trials = trials.max(0);
                *counts.entry((hits.clamp(0, trials) as u64, trials as u64)).or_default() += n as u64;
            }
            return Ok(Told::Rates(counts));
        }
        if let Some((days, gaps)) = writer.gaps(feature) {
            let answer = database.query(&format!(
                "SELECT CAST(coalesce(sum(CAST({days} AS BIGINT)), 0) AS BIGINT), CAST(coalesce(sum(CAST({gaps} AS BIGINT)), 0) AS BIGINT) FROM {table}"
            ))?;
            return Ok(Told::Gaps { days: answer.one(0)? as u64, gaps: answer.one(1)? as u64 });
        }
        if let Some(expression) = writer.compared(feature) {
            let (_, facts) = Column::facts(*database, table, std::slice::from_ref(&expression))?;
            let facts = facts.first().copied().unwrap_or_default();
            return Ok(Told::Compared(Box::new(Column {
                database: *database,
                table,
                expression,
                facts,
                feature,
                few: None,
            })));
        }
        Ok(Told::Nothing)
    }
}
