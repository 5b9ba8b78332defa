//! From rows to segments: every measure, what is learned, model space and passes are the same in a database as in memory.

use super::super::observed::observed;
use super::super::passes::{self, assigned};
use super::super::population::{self, Everyone};
use super::super::space::space;
use super::super::values::{Writer, is_level};
use super::*;
use crate::cluster::kmeans::{Parts, Passes};
use crate::cluster::{KMeans, Prototypes};
use crate::engine::Engine;
use crate::error::Result;
use crate::features::matrix::Column;
use crate::features::preparation::{GRID, Preparation, PreparationOptions};
use crate::features::rules::{Conditions, Rule};
use crate::features::smoothing::Learned;
use crate::features::{Family, Feature, Measure, Named, Scale, Unit, Weighted};
use ndarray::Array2;
use std::collections::BTreeSet;

/// Every measure has a number here: one that is added is missed by the compiler.
fn number_of(measure: &Measure) -> usize {
    match measure {
        Measure::Count(_) => 0,
        Measure::Orders(_) => 1,
        Measure::Distinct { .. } => 2,
        Measure::ActiveDays(_) => 3,
        Measure::DaysWithout { .. } => 4,
        Measure::Amount(_) => 5,
        Measure::Units(_) => 6,
        Measure::Discount(_) => 7,
        Measure::DaysSinceLast(_) => 8,
        Measure::DaysSinceFirst(_) => 9,
        Measure::DaysSpanned(_) => 10,
        Measure::MeanGap(_) => 11,
        Measure::GapVariation(_) => 12,
        Measure::Overdue(_) => 13,
        Measure::Evenness { .. } => 14,
        Measure::TopShare { .. } => 15,
        Measure::Top { .. } => 16,
        Measure::MostOf(_) => 17,
        Measure::Decayed { .. } => 18,
        Measure::Sum(_) => 19,
        Measure::Ratio { .. } => 20,
        Measure::Change { .. } => 21,
        Measure::Rate { .. } => 22,
        Measure::Beyond { .. } => 23,
        Measure::Value { .. } => 24,
        Measure::Level { .. } => 25,
        Measure::Age { .. } => 26,
        Measure::DaysSince { .. } => 27,
        Measure::Answer { .. } => 28,
        Measure::AnswerLevel { .. } => 29,
        Measure::Chose { .. } => 30,
        Measure::Response { .. } => 31,
        Measure::Rules { .. } => 32,
        Measure::Distance { .. } => 33,
    }
}

/// How many measures there are.
const MEASURES: usize = 34;

fn measure(rng: &mut Xoshiro256PlusPlus, number: usize) -> Measure {
    let table = pick(rng, &[Table::Orders, Table::Orders, Table::Events]);
    let r = |rng: &mut Xoshiro256PlusPlus| rows(rng, table);
    let of = pick(rng, &[Key::Product, Key::Category, Key::Channel, Key::Kind]);
    let column = |name: &str| name.to_string();
    let (survey, question) = (column("yearly"), column(pick(rng, &["how", "what"])));
    let simple = |rng: &mut Xoshiro256PlusPlus| {
        let number = rng.gen_range(0..9);
        Box::new(measure(rng, number))
    };
    match number {
        0 => Measure::Count(r(rng)),
        1 => Measure::Orders(r(rng)),
        2 => Measure::Distinct { rows: r(rng), of },
        3 => Measure::ActiveDays(r(rng)),
        4 => Measure::DaysWithout { rows: r(rng), unless: vec![rows(rng, Table::Orders)] },
        5 => Measure::Amount(r(rng)),
        6 => Measure::Units(r(rng)),
        7 => Measure::Discount(r(rng)),
        8 => Measure::DaysSinceLast(r(rng)),
        9 => Measure::DaysSinceFirst(r(rng)),
        10 => Measure::DaysSpanned(r(rng)),
        11 => Measure::MeanGap(r(rng)),
        12 => Measure::GapVariation(r(rng)),
        13 => Measure::Overdue(r(rng)),
        14 => Measure::Evenness { rows: r(rng), over: of },
        15 => Measure::TopShare { rows: r(rng), of },
        16 => Measure::Top { rows: r(rng), of },
        17 => Measure::MostOf(
            ["early", "late", "o'clock"].map(|level| Named { level: level.into(), rows: rows(rng, table) }).to_vec(),
        ),
        18 => Measure::Decayed {
            rows: [0.3, 7.0].map(|weight| Weighted { rows: rows(rng, table), weight }).to_vec(),
            half_life: pick(rng, &[7, 30]),
        },
        19 => Measure::Sum(vec![*simple(rng), *simple(rng), *simple(rng)]),
        20 => Measure::Ratio { of: simple(rng), by: simple(rng) },
        21 => Measure::Change { now: simple(rng), before: simple(rng) },
        22 => Measure::Rate { hits: Box::new(Measure::Count(r(rng))), trials: Box::new(Measure::Count(r(rng))) },
        23 => Measure::Beyond { of: simple(rng), quantile: pick(rng, &[0.5, 0.9, 0.995]) },
        24 => Measure::Value { column: column(pick(rng, &["income", "north", "likes", "gone", "halves", "halves"])) },
        25 => Measure::Level { column: column(pick(rng, &["likes", "income", "gone"])) },
        26 => Measure::Age { column: column("born") },
        27 => Measure::DaysSince { column: column("income") },
        28 => Measure::Answer { survey, question },
        29 => Measure::AnswerLevel { survey, question },
        30 => Measure::Chose {
            survey,
            question,
            separated_by: pick(rng, &[";", "; ", "|"]).into(),
            option: pick(rng, &["a", "b", "c"]).into(),
        },
        31 => Measure::Response { survey },
        32 => {
            let rule = |level: &str, when: &str| Rule { level: level.into(), when: Conditions::parse(when).unwrap() };
            Measure::Rules {
                rules: vec![
                    rule("many", "f0 >= 6 and f5 > 10.5"),
                    rule("likes", "f25 = tea and f20 != 1"),
                    rule("never", "f25 > 2"),
                    rule("away", "f16 != food and f9 < 100"),
                ],
                otherwise: "rest".into(),
            }
        }
        _ => Measure::Distance {
            latitude: column("north"),
            longitude: column("east"),
            places: vec![[52.5, 13.4], [-33.9, 151.2]],
        },
    }
}

fn features(rng: &mut Xoshiro256PlusPlus) -> Vec<Feature> {
    (0..MEASURES)
        .map(|number| {
            let measure = measure(rng, number);
            let unit = if is_level(&measure) {
                Unit::Level
            } else if number == 24 {
                Unit::Share
            } else {
                pick(rng, &[Unit::Money, Unit::Count, Unit::Days, Unit::Number, Unit::Share])
            };
            let scale = match pick(rng, &[0, 1, 2]) {
                _ if !is_level(&measure) => Scale::Numeric,
                0 => Scale::Nominal,
                1 => Scale::Binary,
                _ => Scale::Ordinal(["a", "tea", "yes", "b", "no", "early"].map(String::from).to_vec()),
            };
            let family = pick(rng, &[Family::Rfm, Family::Basket, Family::Engagement]);
            let name = format!("f{number}");
            Feature { scale, ..Feature::new(&name, &name, family, unit, measure) }.forms()
        })
        .collect()
}

/// What differs between the database and memory in a case.
fn difference(database: &dyn Database, number: u64) -> Result<Option<String>> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1_000 + number);
    let tables = tables(&mut rng);
    let features = features(&mut rng);
    let measures: BTreeSet<usize> = features.iter().map(|f| number_of(&f.measure)).collect();
    assert_eq!(measures, (0..MEASURES).collect());
    let shape = Shape::of(&tables);
    let dialect = database.dialect();
    let Ok(ours) = Embedded.observe(&tables, &features) else { return Ok(None) };
    keep(database, &tables, &shape);
    database.keep("made", &observed(&features, &shape, dialect))?;
    let writer = Writer::new(&features, &shape, dialect);
    let told = population::Observed { database, table: "made", writer: &writer };
    let (learned, theirs) = (Learned::fit(&ours, &features)?, Learned::fit(&told, &features)?);
    if learned != theirs {
        return Ok(Some(format!("learned {theirs:?}, not {learned:?}")));
    }
    let matrix = learned.resolve(ours, features.clone())?;
    database.keep("features", &writer.values(&learned, "made"))?;
    let answer = database.query(&format!(
        "SELECT customer, {} FROM features ORDER BY customer",
        (0..MEASURES).map(|j| format!("x{j}")).collect::<Vec<_>>().join(", ")
    ))?;
    for (j, column) in matrix.columns.iter().enumerate() {
        let bits =
            |value: f64| if value.is_nan() || value == 0.0 { value.abs().to_string() } else { format!("{value:?}") };
        let differs = |row: usize| match column {
            Column::Number(values) => {
                let (a, b) = (answer.numbers(j + 1).unwrap()[row], values[row]);
                let exact = number_of(&features[j].measure) != 33;
                let same = if exact {
                    bits(a) == bits(b)
                } else {
                    (a - b).abs() <= 1e-9 * b.abs() || (a.is_nan() && b.is_nan())
                };
                (!same).then(|| format!("{} of {}: {a:?}, not {b:?}", matrix.ids[row], features[j].name))
            }
            Column::Level(values) => {
                let (a, b) = (&answer.texts(j + 1).unwrap()[row], &values[row]);
                (a != b).then(|| format!("{} of {}: {a:?}, not {b:?}", matrix.ids[row], features[j].name))
            }
        };
        if answer.rows() != matrix.len() {
            return Ok(Some(format!("{} customers, not {}", answer.rows(), matrix.len())));
        }
        if let Some(difference) = (0..matrix.len()).find_map(differs) {
            return Ok(Some(format!("{difference}: {:?}", features[j].measure)));
        }
    }
    // Sines differ in the last bits, so what comes of them is not held to any.
    let features = &features[..MEASURES - 1];
    let matrix = matrix.select(features).unwrap();
    let winsorize = pick(&mut rng, &[0.0, 0.1]);
    let options = PreparationOptions { rare_level: 0.1, winsorize, ..PreparationOptions::default() };
    let everyone = Everyone::of(database, "features", features)?;
    let (preparation, _) =
        match (Preparation::learn(&matrix, features, &options), Preparation::learn(&everyone, features, &options)) {
            (Ok(ours), Ok(theirs)) if ours == theirs => ours,
            (Err(ours), Err(theirs)) if ours == theirs => return Ok(None),
            (ours, theirs) => return Ok(Some(format!("{theirs:?}\nnot\n{ours:?}"))),
        };
    let model_space = preparation.transform(&matrix)?.values;
    let width = model_space.ncols();
    database.keep("points", &space(&preparation, features, "features", dialect))?;
    let columns: Vec<String> = (0..width).map(|at| format!("q{at}")).collect();
    let answer = database.query(&format!("SELECT {} FROM points ORDER BY customer", columns.join(", ")))?;
    for at in 0..width {
        for (row, steps) in answer.whole(at)?.into_iter().enumerate() {
            let ours = (model_space[[row, at]] * GRID) as i64;
            if steps != ours {
                return Ok(Some(format!("{}, column {at}: {steps} steps, not {ours}", matrix.ids[row])));
            }
        }
    }
    // Some of the customers as a start.
    for clusters in [1, 2, 5] {
        let start: Vec<f64> = (0..clusters).flat_map(|c| model_space.row(c % matrix.len()).to_vec()).collect();
        let model = KMeans { n_clusters: clusters, ..KMeans::default() };
        let watch = |_: usize| Ok(());
        let mut rows = passes::Everyone { database, space: "points", width, watch: &watch };
        let read = || Ok(std::iter::once(Ok(model_space.clone())));
        let mut parts = Parts { read, width };
        if rows.add_up(std::slice::from_ref(&start))? != parts.add_up(std::slice::from_ref(&start))? {
            return Ok(Some(format!("a pass with {clusters} clusters adds up otherwise")));
        }
        let (theirs, ours) =
            (model.iterate(vec![start.clone()], &mut rows, 50)?, model.iterate(vec![start], &mut parts, 50)?);
        if theirs != ours {
            return Ok(Some(format!("{theirs:?}\nnot\n{ours:?}")));
        }
        let reach = pick(&mut rng, &[None, Some(1.0)]);
        let centroids: Array2<f64> = ours.centroids;
        let prototypes = Prototypes::new(centroids, (0..clusters).collect(), reach)?;
        let query = assigned("points", prototypes.points(), reach);
        if let Some(said) = misplaced(database, &query, &prototypes, &model_space)? {
            return Ok(Some(said));
        }
    }
    // Several prototypes for each cluster, some of them on each other.
    let rows: Vec<usize> = (0..matrix.len().min(9)).chain([0]).collect();
    let points = model_space.select(ndarray::Axis(0), &rows);
    let clusters: Vec<usize> = (0..rows.len()).map(|row| row % 3.min(rows.len())).collect();
    let prototypes = Prototypes::new(points, clusters, pick(&mut rng, &[None, Some(0.8)]))?;
    let many =
        passes::assigned_to_many("points", prototypes.points(), prototypes.cluster(), prototypes.reach(), dialect);
    Ok(misplaced(database, &many, &prototypes, &model_space)?.map(|said| format!("by many prototypes {said}")))
}

/// The first customer whom a query assigns otherwise than the prototypes do.
fn misplaced(
    database: &dyn Database,
    query: &str,
    prototypes: &Prototypes,
    model_space: &Array2<f64>,
) -> Result<Option<String>> {
    let answer = database.query(&format!(
        "SELECT CAST(coalesce(c, -1) AS BIGINT), d, CAST(coalesce(c2, -1) AS BIGINT), d2, customer FROM ({query}) AS assigned ORDER BY customer"
    ))?;
    let number = |cluster: Option<usize>| cluster.map_or(-1, |c| c as i64);
    for (row, ours) in prototypes.assign(model_space.view()).iter().enumerate() {
        let second = answer.numbers(3)?[row].sqrt();
        let second = if second.is_nan() { f64::INFINITY } else { second };
        let theirs = (answer.whole(0)?[row], answer.numbers(1)?[row].sqrt(), answer.whole(2)?[row], second);
        let ours = (number(ours.cluster), ours.distance, number(ours.second), ours.second_distance);
        if theirs != ours {
            return Ok(Some(format!("{:?} is assigned {theirs:?}, not {ours:?}", answer.texts(4)?[row])));
        }
    }
    Ok(None)
}

#[test]
fn databases_find_the_segments_that_memory_finds() {
    for (name, database) in databases() {
        for number in 0..cases(name) {
            let difference =
                difference(database.as_ref(), number).unwrap_or_else(|error| panic!("{name}, case {number}: {error}"));
            assert_eq!(difference, None, "{name}, case {number}");
        }
    }
}

/// A database that is asked something slightly else.
struct Mutated<'a> {
    database: &'a dyn Database,
    change: fn(&str, Dialect) -> String,
}

impl Mutated<'_> {
    fn changed(&self, sql: &str) -> String {
        (self.change)(sql, self.dialect())
    }
}

impl Database for Mutated<'_> {
    fn dialect(&self) -> Dialect {
        self.database.dialect()
    }

    fn query(&self, sql: &str) -> Result<Answer> {
        self.database.query(&self.changed(sql))
    }

    fn command(&self, sql: &str) -> Result<()> {
        self.database.command(&self.changed(sql))
    }

    fn keep(&self, name: &str, sql: &str) -> Result<()> {
        // The rows of a case are what they are.
        let sql = if sql.contains("AS written(") { sql.to_string() } else { self.changed(sql) };
        self.database.keep(name, &sql)
    }
}

/// `CAST('0.5' AS DOUBLE)` as `0.5`, which is a decimal, and counts as the whole numbers that they are.
fn untyped(sql: &str, _: Dialect) -> String {
    let mut text = String::new();
    let mut rest = sql;
    while let Some(at) = rest.find("CAST(") {
        let (before, from) = rest.split_at(at);
        text.push_str(before);
        let inside = &from["CAST(".len()..];
        let number = |cell: &&str| {
            let literal = cell.strip_prefix('\'').and_then(|cell| cell.strip_suffix('\''));
            let is_number = literal.is_some_and(|text| text.parse::<f64>().is_ok() && !text.contains('e'));
            is_number || cell.strip_prefix('p').is_some_and(|place| place.parse::<usize>().is_ok())
        };
        match inside.split_once(" AS DOUBLE)").filter(|(cell, _)| number(cell)) {
            Some((cell, after)) => {
                text.push_str(cell.trim_matches('\''));
                rest = after;
            }
            None => {
                text.push_str("CAST(");
                rest = inside;
            }
        }
    }
    text + rest
}

/// Halves to the even number instead of up.
fn halves_to_even(sql: &str, dialect: Dialect) -> String {
    let round = if dialect == Dialect::Spark { "bround((c" } else { "round_even((c" };
    sql.replace("floor((c", round).replace(" + CAST('0.5' AS DOUBLE))", ", 0)")
}

/// What `coalesce` would have replaced stays NULL.
fn without_coalesce(sql: &str, _: Dialect) -> String {
    let Some(at) = sql.find("coalesce(") else { return sql.to_string() };
    let (before, inside) = (&sql[..at], &sql[at + "coalesce(".len()..]);
    let (mut depth, mut comma) = (0, None);
    for (i, sign) in inside.char_indices() {
        match sign {
            '(' => depth += 1,
            ')' if depth == 0 => {
                let first = without_coalesce(&inside[..comma.unwrap_or(i)], Dialect::Spark);
                return format!("{before}({first}){}", without_coalesce(&inside[i + 1..], Dialect::Spark));
            }
            ')' => depth -= 1,
            ',' if depth == 0 && comma.is_none() => comma = Some(i),
            _ => {}
        }
    }
    sql.to_string()
}

#[test]
fn what_dialects_disagree_about_is_noticed() {
    type Change = fn(&str, Dialect) -> String;
    let changes: [(&str, Change); 3] =
        [("untyped literals", untyped), ("other rounding", halves_to_even), ("no coalesce", without_coalesce)];
    // The case in which one database notices a change is the first that the next one looks at: cases cost seconds there.
    let mut telling = [0; 3];
    for (name, database) in databases() {
        for ((what, change), telling) in changes.into_iter().zip(&mut telling) {
            let mutated = Mutated { database: database.as_ref(), change };
            // Another number, or a database that refuses; what is no SQL any more notices nothing.
            let noticed = std::iter::once(*telling).chain(0..60).find(|number| match difference(&mutated, *number) {
                Ok(difference) => difference.is_some(),
                Err(error) => !["PARSE_SYNTAX", "Parser Error"].iter().any(|word| error.0.title.contains(word)),
            });
            *telling = noticed.unwrap_or_else(|| panic!("{name}: nobody noticed {what}"));
        }
    }
}
