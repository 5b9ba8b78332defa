//! What features are made of, one row per customer: the counts, and beside them what is looked up.

use super::{Dialect, Shape, View, counts, double, key, text};
use crate::engine::primitive::wanted;
use crate::features::{Feature, Key, Measure, Rows, Table};

/// One row per customer of the population, in no order: `customer`, the counts `p0`, `p1`, … of [`wanted`], and for the feature at place
/// `j` that is looked up `n<j>` (a number) or `t<j>` (a level).
pub fn observed(features: &[Feature], shape: &Shape, dialect: Dialect) -> String {
    let counted = counts(&wanted(features), shape, dialect);
    let mut columns = String::new();
    let mut joins = String::new();
    for (j, feature) in features.iter().enumerate() {
        let Some(found) = look_up(&feature.measure, shape, dialect) else { continue };
        match found {
            Found::Number(expression) => columns.push_str(&format!(", {expression} AS n{j}")),
            Found::Level(expression) => columns.push_str(&format!(", {expression} AS t{j}")),
            Found::Joined { query, number } => {
                let name = if number { format!("n{j}") } else { format!("t{j}") };
                columns.push_str(&format!(", look_{j}.value AS {name}"));
                joins.push_str(&format!("\nLEFT JOIN ({query}) AS look_{j} ON look_{j}.customer = counted.customer"));
            }
        }
    }
    let people = match &shape.people {
        Some(people) if columns.contains("people.") => {
            format!("\nLEFT JOIN {} AS people ON people.customer = counted.customer", people.name)
        }
        _ => String::new(),
    };
    format!("SELECT counted.*{columns}\nFROM (\n{counted}\n) AS counted{people}{joins}")
}

/// Where a value is found.
enum Found {
    /// Among the attributes.
    Number(String),
    /// Among the attributes.
    Level(String),
    /// In a query of its own: `customer`, `value`.
    Joined { query: String, number: bool },
}

const NO_NUMBER: &str = "CAST(NULL AS DOUBLE)";

fn look_up(measure: &Measure, shape: &Shape, dialect: Dialect) -> Option<Found> {
    let none = format!("CAST(NULL AS {})", dialect.text_type());
    let attribute = |column: &str, number: bool| {
        let attributes = &shape.people.as_ref()?.attributes;
        let at = attributes.iter().position(|(name, of_number)| name == column && *of_number == number)?;
        Some(format!("people.a{at}"))
    };
    let number = |column: &str| attribute(column, true).unwrap_or_else(|| NO_NUMBER.into());
    let level = |query: Option<String>| match query {
        Some(query) => Found::Joined { query, number: false },
        None => Found::Level(none.clone()),
    };
    let as_of = double(shape.as_of.map_or(f64::NAN, |day| f64::from(day.0)));
    Some(match measure {
        Measure::Value { column } => Found::Number(number(column)),
        Measure::Age { column } => {
            let year = double(shape.as_of.map_or(f64::NAN, |day| f64::from(day.year())));
            Found::Number(format!("({year} - {})", number(column)))
        }
        Measure::DaysSince { column } => Found::Number(format!("({as_of} - {})", number(column))),
        Measure::Level { column } => Found::Level(attribute(column, false).unwrap_or_else(|| none.clone())),
        Measure::Distance { latitude, longitude, places } => {
            let each: Vec<String> =
                places.iter().map(|place| great_circle(&number(latitude), &number(longitude), *place)).collect();
            Found::Number(match &each[..] {
                [] => NO_NUMBER.into(),
                [one] => one.clone(),
                several => format!("least({})", several.join(", ")),
            })
        }
        Measure::Top { rows, of } => level(top(rows, *of, shape, dialect)),
        Measure::Answer { survey, question } => match newest(survey, question, "score", shape, dialect) {
            Some(query) => Found::Joined { query, number: true },
            None => Found::Number(NO_NUMBER.into()),
        },
        Measure::AnswerLevel { survey, question } => level(newest(survey, question, "answer", shape, dialect)),
        Measure::Chose { survey, question, separated_by, option } => {
            let answers = newest(survey, question, "answer", shape, dialect);
            level(answers.map(|answers| {
                let names = names(separated_by, option, dialect);
                format!(
                    "SELECT customer, CASE WHEN value IS NULL THEN NULL WHEN {names} THEN 'yes' ELSE 'no' END AS value FROM ({answers}) AS answers"
                )
            }))
        }
        Measure::Response { survey } => level(responses(survey, shape, dialect)),
        _ => return None,
    })
}

/// Kilometres between two points, as the embedded engine has it; sines are the engine's own.
fn great_circle(north: &str, east: &str, place: [f64; 2]) -> String {
    let [north_b, east_b] = place.map(f64::to_radians);
    let radians = |degrees: &str| format!("({degrees} * {})", double(std::f64::consts::PI / 180.0));
    let (north_a, east_a) = (radians(north), radians(east));
    let half = |x: String| format!("(sin({x} / {two}) * sin({x} / {two}))", two = double(2.0));
    let h = format!(
        "({} + cos({north_a}) * {} * {})",
        half(format!("({} - {north_a})", double(north_b))),
        double(north_b.cos()),
        half(format!("({} - {east_a})", double(east_b)))
    );
    format!("({} * asin(least(sqrt({h}), {})))", double(2.0 * crate::engine::embedded::EARTH_KM), double(1.0))
}

/// The most frequent one of each customer, then the first by bytes.
fn top(rows: &Rows, of: Key, shape: &Shape, dialect: Dialect) -> Option<String> {
    let view = shape.views.iter().find(|view| view.table == rows.table).filter(|view| view.has(key(of)))?;
    let key = key(of);
    let selected = counts::selected(rows, view, shape, dialect);
    Some(format!(
        "SELECT customer, value FROM (SELECT customer, value, row_number() OVER (PARTITION BY customer ORDER BY n DESC, value) AS place FROM \
         (SELECT customer, {key} AS value, count(*) AS n FROM ({selected}) AS selected WHERE {key} IS NOT NULL GROUP BY customer, {key}) AS counted) \
         AS ranked WHERE place = 1"
    ))
}

fn surveys<'a>(shape: &'a Shape, columns: &[&str]) -> Option<&'a View> {
    let view = shape.views.iter().find(|view| view.table == Table::Surveys)?;
    columns.iter().all(|column| view.has(column)).then_some(view)
}

/// Whether a question was answered.
fn answered(view: &View) -> String {
    let told: Vec<String> = (["score", "answer"].into_iter().filter(|column| view.has(column)))
        .map(|column| format!("{column} IS NOT NULL"))
        .collect();
    if told.is_empty() { "FALSE".into() } else { format!("({})", told.join(" OR ")) }
}

/// `column` of the newest answer of each customer; of two on one day the higher counts.
fn newest(survey: &str, question: &str, column: &str, shape: &Shape, dialect: Dialect) -> Option<String> {
    let view = surveys(shape, &["survey", "question", column])?;
    let mut order = vec!["day DESC NULLS LAST"];
    order.extend(view.has("score").then_some("score DESC NULLS LAST"));
    order.extend(view.has("answer").then_some("answer DESC NULLS LAST"));
    Some(format!(
        "SELECT customer, {column} AS value FROM (SELECT customer, {column}, row_number() OVER (PARTITION BY customer ORDER BY {}) AS place FROM {} \
         WHERE survey = {} AND question = {} AND {}) AS ranked WHERE place = 1",
        order.join(", "),
        view.name,
        text(survey, dialect),
        text(question, dialect),
        answered(view)
    ))
}

/// Whether an answer that holds several options names one.
fn names(separated_by: &str, option: &str, dialect: Dialect) -> String {
    let option = text(option, dialect);
    match dialect {
        Dialect::Spark => {
            let pattern = text(&format!("\\Q{}\\E", separated_by.replace("\\E", "\\E\\\\E\\Q")), dialect);
            format!("array_contains(transform(split(value, {pattern}), part -> trim(part)), {option})")
        }
        Dialect::DuckDb => {
            let mark = text(separated_by, dialect);
            format!("list_contains(list_transform(string_split(value, {mark}), lambda part: trim(part)), {option})")
        }
    }
}

/// `answered` or `did not answer` of whoever was asked.
fn responses(survey: &str, shape: &Shape, dialect: Dialect) -> Option<String> {
    let view = surveys(shape, &["survey"])?;
    Some(format!(
        "SELECT customer, CASE WHEN max(CASE WHEN {} THEN 1 ELSE 0 END) = 1 THEN 'answered' ELSE 'did not answer' END AS value FROM {} WHERE \
         survey = {} GROUP BY customer",
        answered(view),
        view.name,
        text(survey, dialect)
    ))
}
