//! The counts that features are made of, as one query.

use super::{Dialect, Shape, View, key, people, text};
use crate::engine::primitive::{Aggregate, DECAY_UNIT, Primitive};
use crate::features::{Lines, Rows, Table};
use std::collections::BTreeMap;
use std::fmt::Write;

/// The condition that a row of the view fulfils; `repeat` is left to the caller.
fn condition(rows: &Rows, view: &View, shape: &Shape, dialect: Dialect) -> String {
    let mut all: Vec<String> = Vec::new();
    let never = || "FALSE".to_string();
    match (rows.table, rows.lines) {
        (Table::Orders, Lines::Sales) => all.push("NOT returned".into()),
        (Table::Orders, Lines::Returns) => all.push("returned".into()),
        _ => {}
    }
    for (column, values) in [
        ("kind", &rows.kinds),
        ("product", &rows.products),
        ("category", &rows.categories),
        ("channel", &rows.channels),
    ] {
        if !values.is_empty() {
            let listed: Vec<String> = values.iter().map(|value| text(value, dialect)).collect();
            let listed = listed.join(", ");
            all.push(if view.has(column) { format!("coalesce({column} IN ({listed}), FALSE)") } else { never() });
        }
    }
    if let Some((days, as_of)) = rows.days.zip(shape.as_of) {
        let reach = |days: u32| i32::try_from(days).unwrap_or(i32::MAX / 4);
        let end = as_of.0 - reach(rows.skip);
        all.push(format!("coalesce(day > {} AND day <= {end}, FALSE)", end.saturating_sub(reach(days))));
    }
    if !rows.weekdays.is_empty() {
        // 1970-01-01 was a Thursday; pmod is not everywhere, and days before 1970 are no trouble after adding many weeks.
        let on: Vec<String> = rows.weekdays.iter().map(|day| (i32::from(*day) - 1).to_string()).collect();
        all.push(format!("coalesce((day + 3 + 7000000) % 7 IN ({}), FALSE)", on.join(", ")));
    }
    if let Some([from, to]) = rows.hours {
        all.push(match (view.has("hour"), from <= to) {
            (false, _) => never(),
            (true, true) => format!("coalesce(hour >= {from} AND hour < {to}, FALSE)"),
            (true, false) => format!("coalesce(hour >= {from} OR hour < {to}, FALSE)"),
        });
    }
    if let Some(occasion) = &rows.occasion {
        let (first, last) = shape.days;
        let spans = (first.year() - 1..=last.year()).filter_map(|year| occasion.days(year));
        let spans: Vec<String> = spans.map(|(from, to)| format!("day BETWEEN {from} AND {to}")).collect();
        all.push(if spans.is_empty() { never() } else { format!("coalesce({}, FALSE)", spans.join(" OR ")) });
    }
    if rows.gifts {
        all.push(if view.has("gift") { "coalesce(gift, FALSE)".into() } else { never() });
    }
    if all.is_empty() { "TRUE".into() } else { all.join(" AND ") }
}

/// The rows that fulfil a condition.
pub(super) fn selected(rows: &Rows, view: &View, shape: &Shape, dialect: Dialect) -> String {
    let (name, condition) = (&view.name, condition(rows, view, shape, dialect));
    if !rows.repeat {
        return format!("SELECT * FROM {name} WHERE {condition}");
    }
    format!(
        "SELECT * FROM (SELECT {name}.*, min(CASE WHEN {condition} THEN day END) OVER (PARTITION BY customer) AS first_day FROM {name}) AS dated \
         WHERE {condition} AND coalesce(day > first_day, FALSE)"
    )
}

/// How the rows of a primitive are grouped before they are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    /// Not at all.
    Rows,
    /// By order.
    Order,
    /// By day.
    Day,
    /// By what a key tells apart.
    Key(&'static str),
}

fn level(aggregate: &Aggregate, view: &View) -> Level {
    match aggregate {
        Aggregate::Orders if view.has("ord") => Level::Order,
        Aggregate::Days => Level::Day,
        Aggregate::Distinct(of) | Aggregate::Squares(of) | Aggregate::Most(of) => Level::Key(key(*of)),
        _ => Level::Rows,
    }
}

/// What stands where a customer has no row.
fn nothing(aggregate: &Aggregate) -> &'static str {
    if matches!(aggregate, Aggregate::First | Aggregate::Last) { "NULL" } else { "0" }
}

/// Writes the query.
struct Writer<'a> {
    shape: &'a Shape,
    dialect: Dialect,
    /// Half lives, and first days that later rows are held against: columns of the base of each table.
    decays: Vec<u32>,
    firsts: Vec<(Table, String)>,
}

impl Writer<'_> {
    fn view(&self, table: Table) -> Option<&View> {
        self.shape.views.iter().find(|view| view.table == table)
    }

    /// The condition on the rows of a table's base; rows after the first day are told by a column of it.
    fn condition(&self, rows: &Rows, view: &View) -> String {
        let condition = condition(rows, view, self.shape, self.dialect);
        if !rows.repeat {
            return condition;
        }
        let at = self.firsts.iter().position(|first| *first == (rows.table, condition.clone())).unwrap_or_default();
        format!("{condition} AND coalesce(day > first_{at}, FALSE)")
    }

    /// The table with what its conditions and sums need beside its own columns.
    fn base(&self, view: &View) -> String {
        let mut query = format!("SELECT {}.*", view.name);
        for (at, (table, condition)) in self.firsts.iter().enumerate() {
            if *table == view.table {
                // Writing to a String cannot fail.
                let _ = write!(
                    query,
                    ", min(CASE WHEN {condition} THEN day END) OVER (PARTITION BY customer) AS first_{at}"
                );
            }
        }
        for half_life in &self.decays {
            let _ = write!(query, ", coalesce(decay_{half_life}.worth, 0) AS worth_{half_life}");
        }
        let _ = write!(query, " FROM {}", view.name);
        if let Some(as_of) = self.shape.as_of {
            for half_life in &self.decays {
                let _ = write!(query, " LEFT JOIN decay_{half_life} ON decay_{half_life}.age = {} - day", as_of.0);
            }
        }
        query
    }

    /// The aggregate as a query of its own, where it is not one of many over the same groups.
    fn alone(&self, primitive: &Primitive, view: &View) -> Option<String> {
        let days = |rows: &Rows, view: &View, own: u8| {
            format!(
                "SELECT customer, day, {own} AS own, {} AS other FROM {}_base WHERE {} AND day IS NOT NULL",
                1 - own,
                view.name,
                self.condition(rows, view)
            )
        };
        match &primitive.aggregate {
            Aggregate::GapSquares => Some(format!(
                "SELECT customer, sum(gap * gap) AS value FROM (SELECT customer, CAST(day - lag(day) OVER (PARTITION BY customer ORDER BY day) \
                 AS BIGINT) AS gap FROM (SELECT DISTINCT customer, day FROM ({}) AS dated) AS days) AS gaps GROUP BY customer",
                days(&primitive.rows, view, 1)
            )),
            Aggregate::DaysWithout(others) => {
                let mut parts = vec![days(&primitive.rows, view, 1)];
                parts.extend(others.iter().filter_map(|rows| Some(days(rows, self.view(rows.table)?, 0))));
                Some(format!(
                    "SELECT customer, count(*) AS value FROM (SELECT customer, day FROM ({}) AS dated GROUP BY customer, day HAVING max(own) = 1 \
                     AND max(other) = 0) AS days GROUP BY customer",
                    parts.join(" UNION ALL ")
                ))
            }
            _ => None,
        }
    }

    /// What is summed of a row.
    fn of_row(&self, aggregate: &Aggregate, view: &View, condition: &str) -> String {
        let sum = |value: &str| format!("sum(CASE WHEN {condition} THEN {value} ELSE 0 END)");
        let money = |column: &str| if view.has(column) { sum(&format!("coalesce({column}, 0)")) } else { "0".into() };
        match aggregate {
            Aggregate::Amount => money("amount"),
            Aggregate::Units => money("units"),
            Aggregate::Discount => money("discount"),
            Aggregate::First => format!("min(CASE WHEN {condition} THEN day END)"),
            Aggregate::Last => format!("max(CASE WHEN {condition} THEN day END)"),
            Aggregate::Having(of) if view.has(key(*of)) => {
                sum(&format!("CASE WHEN {} IS NULL THEN 0 ELSE 1 END", key(*of)))
            }
            Aggregate::Having(_) => "0".into(),
            Aggregate::Decayed(half_life) => sum(&format!("worth_{half_life}")),
            _ => sum("1"),
        }
    }

    /// What is made of the numbers of rows of each group.
    fn of_group(aggregate: &Aggregate, at: usize) -> String {
        match aggregate {
            Aggregate::Squares(_) => format!("sum(n_{at} * n_{at})"),
            Aggregate::Most(_) => format!("max(n_{at})"),
            _ => format!("sum(CASE WHEN n_{at} > 0 THEN 1 ELSE 0 END)"),
        }
    }
}

/// What an aggregate looks at beside its own rows.
fn others(primitive: &Primitive) -> &[Rows] {
    if let Aggregate::DaysWithout(others) = &primitive.aggregate { others } else { &[] }
}

/// The tables that [`counts`] reads: those that are counted, and the one that says who gets a row.
pub fn read<'a>(wanted: &[Primitive], shape: &'a Shape) -> Vec<&'a View> {
    let counted =
        |table: Table| wanted.iter().any(|p| p.rows.table == table || others(p).iter().any(|rows| rows.table == table));
    let counts = |view: &&View| counted(view.table) || people::told_by(shape).any(|table| table == view.table);
    shape.views.iter().filter(counts).collect()
}

/// One row per customer of the population, in no order: `customer`, and `p0`, `p1`, … as whole numbers, one for each of `wanted`; NULL for a
/// first or last day that there is not.
pub fn counts(wanted: &[Primitive], shape: &Shape, dialect: Dialect) -> String {
    let mut writer = Writer { shape, dialect, decays: Vec::new(), firsts: Vec::new() };
    for primitive in wanted {
        if let Aggregate::Decayed(half_life) = primitive.aggregate
            && !writer.decays.contains(&half_life)
        {
            writer.decays.push(half_life);
        }
        for rows in others(primitive).iter().chain([&primitive.rows]).filter(|rows| rows.repeat) {
            let Some(view) = writer.view(rows.table) else { continue };
            let first = (rows.table, condition(rows, view, shape, dialect));
            if !writer.firsts.contains(&first) {
                writer.firsts.push(first);
            }
        }
    }
    let mut parts: Vec<(String, String)> = Vec::new();
    for half_life in &writer.decays {
        parts.push((format!("decay_{half_life}"), decay(*half_life)));
    }
    for view in read(wanted, shape) {
        parts.push((format!("{}_base", view.name), writer.base(view)));
    }
    parts.push(("population".into(), people::population(shape)));
    let mut columns: Vec<String> = Vec::with_capacity(wanted.len());
    let mut joins: Vec<String> = Vec::new();
    let mut groups: BTreeMap<(Table, Level), Vec<usize>> = BTreeMap::new();
    for (at, primitive) in wanted.iter().enumerate() {
        let none = nothing(&primitive.aggregate);
        columns.push(format!("CAST({none} AS BIGINT) AS p{at}"));
        let Some(view) = writer.view(primitive.rows.table) else { continue };
        let level = level(&primitive.aggregate, view);
        if let Some(query) = writer.alone(primitive, view) {
            columns[at] = format!("CAST(coalesce(alone_{at}.value, {none}) AS BIGINT) AS p{at}");
            parts.push((format!("alone_{at}"), query));
            joins.push(format!("alone_{at}"));
        } else if let Level::Key(column) = level
            && !view.has(column)
        {
            // The table does not tell.
        } else {
            groups.entry((primitive.rows.table, level)).or_default().push(at);
        }
    }
    for ((table, level), members) in groups {
        let Some(view) = writer.view(table) else { continue };
        let name = format!("of_{}", joins.len());
        let base = format!("{}_base", view.name);
        let grouped = match level {
            Level::Rows => None,
            Level::Order => Some("ord"),
            Level::Day => Some("day"),
            Level::Key(column) => Some(column),
        };
        let of = |at: &usize| (*at, &wanted[*at].aggregate, writer.condition(&wanted[*at].rows, view));
        let query = match grouped {
            None => {
                let made: Vec<String> = (members.iter().map(of))
                    .map(|(at, aggregate, condition)| {
                        format!("{} AS v{at}", writer.of_row(aggregate, view, &condition))
                    })
                    .collect();
                format!("SELECT customer, {} FROM {base} GROUP BY customer", made.join(", "))
            }
            Some(column) => {
                let inner: Vec<String> = (members.iter().map(of))
                    .map(|(at, _, condition)| {
                        format!("CAST(sum(CASE WHEN {condition} THEN 1 ELSE 0 END) AS BIGINT) AS n_{at}")
                    })
                    .collect();
                let outer: Vec<String> = (members.iter())
                    .map(|at| format!("{} AS v{at}", Writer::of_group(&wanted[*at].aggregate, *at)))
                    .collect();
                format!(
                    "SELECT customer, {} FROM (SELECT customer, {column}, {} FROM {base} WHERE {column} IS NOT NULL GROUP BY customer, {column}) \
                     AS grouped GROUP BY customer",
                    outer.join(", "),
                    inner.join(", ")
                )
            }
        };
        for at in &members {
            let none = nothing(&wanted[*at].aggregate);
            columns[*at] = format!("CAST(coalesce({name}.v{at}, {none}) AS BIGINT) AS p{at}");
        }
        parts.push((name.clone(), query));
        joins.push(name);
    }
    let with: Vec<String> = parts.iter().map(|(name, query)| format!("{name} AS (\n  {query}\n)")).collect();
    let joined: String =
        joins.iter().map(|name| format!("\nLEFT JOIN {name} ON {name}.customer = population.customer")).collect();
    let listed: String = columns.iter().map(|column| format!(",\n  {column}")).collect();
    format!("WITH {}\nSELECT population.customer AS customer{listed}\nFROM population{joined}", with.join(",\n"))
}

/// What a row counts by its age in days, as the embedded engine has it: a table, as powers are not the same bits everywhere.
fn decay(half_life: u32) -> String {
    let worth = |age: u32| (DECAY_UNIT * (-f64::from(age) / f64::from(half_life.max(1))).exp2()).round() as i64;
    let rows: Vec<String> = (0..)
        .map(|age| (age, worth(age)))
        .take_while(|(_, worth)| *worth > 0)
        .map(|(age, worth)| format!("({age}, {worth})"))
        .collect();
    format!("SELECT * FROM (VALUES {}) AS decay(age, worth)", rows.join(", "))
}
