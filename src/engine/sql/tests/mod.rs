//! Random tables and random aggregates: the embedded engine and the database say the same numbers.

use super::*;
use crate::data::log::{Attributes, Codes, NONE};
use crate::data::read::ReadOptions;
use crate::engine::database::{Answer, Database};
use crate::engine::embedded::Embedded;
use crate::engine::primitive::{Aggregate, Primitive};
use crate::features::occasion::Occasion;
use crate::features::{Lines, Rows};
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

const AS_OF: i32 = 20_100;

const PRODUCTS: [&str; 4] = ["tea", "O'Neill", "back\\slash", "50% \"off\""];
const KINDS: [&str; 3] = ["visit", "click", "cart"];

fn pick<T: Clone>(rng: &mut Xoshiro256PlusPlus, all: &[T]) -> T {
    all[rng.gen_range(0..all.len())].clone()
}

/// Rows of some customers, many of them alike; some columns are not there.
fn log(rng: &mut Xoshiro256PlusPlus, table: Table) -> Log {
    let mut log = Log { starts: vec![0], ..Log::default() };
    let orders = table == Table::Orders;
    let has: Vec<bool> = (0..8).map(|_| rng.gen_bool(0.85)).collect();
    let levels = |all: &[&str]| {
        let mut levels: Vec<String> = all.iter().map(|level| (*level).to_string()).collect();
        levels.sort();
        Codes { codes: Vec::new(), levels }
    };
    let mut coded = vec![(Field::Channel, levels(&["web", "shop"]))];
    if orders {
        coded.extend([(Field::Product, levels(&PRODUCTS)), (Field::Category, levels(&["food", "home"]))]);
    } else {
        coded.push((Field::Kind, levels(&KINDS)));
    }
    coded.retain(|_| rng.gen_bool(0.9));
    for customer in 0..rng.gen_range(1..12) {
        if rng.gen_bool(0.2) {
            continue;
        }
        let n = rng.gen_range(1..14);
        // Events may have no day; those come first.
        let day = |rng: &mut Xoshiro256PlusPlus| {
            if !orders && rng.gen_bool(0.1) { UNDATED } else { AS_OF - rng.gen_range(0..400) / rng.gen_range(1..9) }
        };
        let mut days: Vec<i32> = (0..n).map(|_| day(rng)).collect();
        days.sort_unstable();
        log.ids.push(format!("c{customer:02}"));
        for day in days {
            log.day.push(day);
            let number =
                |rng: &mut Xoshiro256PlusPlus| if rng.gen_bool(0.1) { 0 } else { rng.gen_range(-90_000_i64..900_000) };
            if orders {
                log.order.extend(has[0].then(|| rng.gen_range(0..6)));
                log.amount.extend(has[1].then(|| number(rng)));
                log.units.extend(has[2].then(|| number(rng)));
                log.discount.extend(has[3].then(|| number(rng).abs()));
                log.gift.extend(has[4].then(|| rng.gen_bool(0.3)));
                log.returned.push(rng.gen_bool(0.2));
            }
            log.hour.extend(has[5].then(|| rng.gen_range(0..24)));
            for (_, codes) in &mut coded {
                let code = if rng.gen_bool(0.15) { NONE } else { rng.gen_range(0..codes.levels.len()) as u32 };
                codes.codes.push(code);
            }
        }
        log.starts.push(log.day.len());
    }
    log.coded = coded;
    log
}

fn rows(rng: &mut Xoshiro256PlusPlus, table: Table) -> Rows {
    let mut rows = Rows::of(table);
    let some = |rng: &mut Xoshiro256PlusPlus, all: &[&str]| -> Vec<String> {
        if rng.gen_bool(0.8) { Vec::new() } else { vec![pick(rng, all).into(), "never seen".into()] }
    };
    if table == Table::Orders {
        rows.lines = pick(rng, &[Lines::Sales, Lines::Sales, Lines::Returns, Lines::Net, Lines::All]);
        rows.products = some(rng, &PRODUCTS);
        rows.categories = some(rng, &["food", "home"]);
        rows.gifts = rng.gen_bool(0.1);
    } else {
        rows.kinds = some(rng, &KINDS);
    }
    rows.channels = some(rng, &["web", "shop"]);
    if rng.gen_bool(0.4) {
        (rows.days, rows.skip) = (Some(rng.gen_range(1..300)), pick(rng, &[0, 0, 30]));
    }
    if rng.gen_bool(0.15) {
        rows.weekdays = vec![rng.gen_range(1..8), rng.gen_range(1..8)];
    }
    if rng.gen_bool(0.15) {
        rows.hours = Some(pick(rng, &[[8, 18], [22, 6], [5, 5]]));
    }
    if rng.gen_bool(0.15) {
        rows.occasion = Some(pick(
            rng,
            &[
                Occasion::BlackFriday { black_friday: [-4, 30] },
                Occasion::Dates { from: "12-20".into(), to: "01-20".into() },
            ],
        ));
    }
    rows.repeat = rng.gen_bool(0.2);
    rows
}

fn aggregate(rng: &mut Xoshiro256PlusPlus) -> Aggregate {
    let of = pick(rng, &[Key::Product, Key::Category, Key::Channel, Key::Kind]);
    match rng.gen_range(0..16) {
        0 => Aggregate::Count,
        1 => Aggregate::Orders,
        2 => Aggregate::Days,
        3 => Aggregate::Amount,
        4 => Aggregate::Units,
        5 => Aggregate::Discount,
        6 => Aggregate::First,
        7 => Aggregate::Last,
        8 => Aggregate::GapSquares,
        9 => Aggregate::Distinct(of),
        10 => Aggregate::Squares(of),
        11 => Aggregate::Most(of),
        12 => Aggregate::Having(of),
        13 => Aggregate::Decayed(pick(rng, &[7, 30])),
        _ => Aggregate::DaysWithout(
            (0..rng.gen_range(1..3))
                .map(|_| {
                    let table = pick(rng, &[Table::Orders, Table::Events]);
                    rows(rng, table)
                })
                .collect(),
        ),
    }
}

/// The rows of a log as a query, in an order that no engine may depend on.
fn rows_of(log: &Log, view: &View, dialect: Dialect) -> String {
    let of_text = |value: Option<&str>| value.map(|value| text(value, dialect));
    let cell = |column: &str, row: usize| match column {
        "amount" => Some(log.amount[row].to_string()),
        "units" => Some(log.units[row].to_string()),
        "discount" => Some(log.discount[row].to_string()),
        "hour" => Some(log.hour[row].to_string()),
        "ord" => Some(log.order[row].to_string()),
        "returned" => Some(log.returned[row].to_string()),
        "gift" => Some(log.gift[row].to_string()),
        "score" => (!log.score[row].is_nan()).then(|| double(log.score[row])),
        "product" => of_text(log.codes(&Field::Product).and_then(|codes| codes.text(row))),
        "category" => of_text(log.codes(&Field::Category).and_then(|codes| codes.text(row))),
        "channel" => of_text(log.codes(&Field::Channel).and_then(|codes| codes.text(row))),
        "survey" => of_text(log.codes(&Field::Survey).and_then(|codes| codes.text(row))),
        "question" => of_text(log.codes(&Field::Question).and_then(|codes| codes.text(row))),
        "answer" => of_text(log.codes(&Field::Answer).and_then(|codes| codes.text(row))),
        _ => of_text(log.codes(&Field::Kind).and_then(|codes| codes.text(row))),
    };
    let kind = |column: &str| match column {
        "amount" | "units" | "discount" => "BIGINT",
        "day" | "hour" | "ord" => "INT",
        "returned" | "gift" => "BOOLEAN",
        "score" => "DOUBLE",
        _ => "text",
    };
    let mut columns = vec![("customer", "text"), ("day", "INT")];
    columns.extend(view.columns.iter().map(|column| (column.as_str(), kind(column))));
    let mut all: Vec<Vec<Option<String>>> = Vec::new();
    for (i, id) in log.ids.iter().enumerate() {
        for row in log.rows(i) {
            let day = (log.day[row] != UNDATED).then(|| log.day[row].to_string());
            let mut cells = vec![of_text(Some(id)), day];
            cells.extend(view.columns.iter().map(|column| cell(column, row)));
            all.push(cells);
        }
    }
    all.reverse();
    listed(&columns, &all, dialect)
}

/// What is known of customers as a query.
fn people_of(known: &Attributes, dialect: Dialect) -> String {
    let names: Vec<String> = (0..known.columns.len()).map(|at| format!("a{at}")).collect();
    let mut columns = vec![("customer", "text")];
    columns.extend(
        known.columns.iter().zip(&names).map(|((_, known), name)| {
            (name.as_str(), if matches!(known, Known::Number(_)) { "DOUBLE" } else { "text" })
        }),
    );
    let cell = |known: &Known, row: usize| match known {
        Known::Number(values) => (!values[row].is_nan()).then(|| double(values[row])),
        Known::Level(codes) => codes.text(row).map(|value| text(value, dialect)),
    };
    let row = |(i, id): (usize, &String)| {
        let cells = known.columns.iter().map(|(_, known)| cell(known, i));
        [Some(text(id, dialect))].into_iter().chain(cells).collect::<Vec<_>>()
    };
    listed(&columns, &known.ids.iter().enumerate().map(row).collect::<Vec<_>>(), dialect)
}

/// Rows written into a query.
fn listed(columns: &[(&str, &str)], rows: &[Vec<Option<String>>], dialect: Dialect) -> String {
    let kind = |kind: &str| match (kind, dialect) {
        ("text", Dialect::Spark) => "STRING".to_string(),
        ("text", Dialect::DuckDb) => "VARCHAR".to_string(),
        (kind, _) => kind.to_string(),
    };
    let names: Vec<String> = (0..columns.len()).map(|at| format!("v{at}")).collect();
    let selected: Vec<String> = (columns.iter().zip(&names))
        .map(|((name, of), value)| format!("CAST({value} AS {}) AS {name}", kind(of)))
        .collect();
    let none = [vec![None; columns.len()]];
    let (rows, limit) = if rows.is_empty() { (&none[..], " LIMIT 0") } else { (rows, "") };
    let tuples: Vec<String> = (rows.iter())
        .map(|row| {
            let cells: Vec<&str> = row.iter().map(|cell| cell.as_deref().unwrap_or("NULL")).collect();
            format!("({})", cells.join(", "))
        })
        .collect();
    format!(
        "SELECT {} FROM (VALUES {}) AS written({}){limit}",
        selected.join(", "),
        tuples.join(", "),
        names.join(", ")
    )
}

/// The tables of a case, kept under the names that their shape gives them.
fn keep(database: &dyn Database, tables: &Tables, shape: &Shape) {
    let dialect = database.dialect();
    for view in &shape.views {
        let log = match view.table {
            Table::Orders => &tables.orders,
            Table::Events => &tables.events,
            _ => &tables.surveys,
        };
        database.keep(&view.name, &rows_of(log.as_ref().unwrap(), view, dialect)).unwrap();
    }
    if let (Some(people), Some(known)) = (&shape.people, &tables.customers) {
        database.keep(&people.name, &people_of(known, dialect)).unwrap();
    }
}

/// The databases that are here, by name.
fn databases() -> Vec<(&'static str, Box<dyn Database>)> {
    let mut all: Vec<(&'static str, Box<dyn Database>)> = Vec::new();
    match duckdb::DuckDb::start() {
        Some(database) => all.push(("DuckDB", Box::new(database))),
        None => eprintln!("left out: no Python with duckdb"),
    }
    #[cfg(feature = "spark")]
    match std::env::var("ILK_SPARK") {
        Ok(url) => {
            let staging = tempfile::tempdir().unwrap().keep();
            let spark = crate::engine::spark::Spark::connect(&url, staging.to_str().unwrap(), None);
            all.push(("Spark", Box::new(spark.unwrap())));
        }
        Err(_) => eprintln!("left out: no Spark in ILK_SPARK"),
    }
    all
}

/// Fewer cases where each costs seconds.
fn cases(database: &str) -> u64 {
    if database == "Spark" { 2 } else { 60 }
}

/// Random tables of a day.
fn tables(rng: &mut Xoshiro256PlusPlus) -> Tables {
    let options =
        ReadOptions { as_of: Some(Day(AS_OF)), window_days: None, max_rejected: 1.0, copies: Default::default() };
    let mut tables = Tables::empty(options, Vec::new());
    let (with_orders, with_events) = pick(rng, &[(true, true), (true, true), (true, false), (false, true)]);
    tables.orders = with_orders.then(|| log(rng, Table::Orders));
    tables.events = with_events.then(|| log(rng, Table::Events));
    tables.customers = rng.gen_bool(0.8).then(|| known(rng));
    tables.surveys = rng.gen_bool(0.8).then(|| answers(rng));
    tables
}

/// What is known of some customers.
fn known(rng: &mut Xoshiro256PlusPlus) -> Attributes {
    let ids: Vec<String> = (0..12).filter(|_| rng.gen_bool(0.7)).map(|i| format!("c{i:02}")).collect();
    let mut number = |from: f64, to: f64| {
        let value = |_| if rng.gen_bool(0.2) { f64::NAN } else { rng.gen_range(from..to) };
        Known::Number(ids.iter().map(value).collect())
    };
    let (income, north, east) = (number(-5.0, 900.0), number(-89.0, 89.0), number(-179.0, 179.0));
    let whole = |known: &Known| match known {
        Known::Number(values) => Known::Number(values.iter().map(|v| (1900.0 + v / 10.0).floor()).collect()),
        known => known.clone(),
    };
    let born = whole(&income);
    let mut levels = PRODUCTS.map(String::from).to_vec();
    levels.sort();
    let codes = ids.iter().map(|_| if rng.gen_bool(0.2) { NONE } else { rng.gen_range(0..4) }).collect();
    // Steps of the range of these are halves.
    let half = |i: usize| {
        if i == 0 {
            0.0
        } else if i == 1 {
            67_108_864.0
        } else {
            4.0 * i as f64 + 2.0
        }
    };
    let halves = Known::Number((0..ids.len()).map(half).collect());
    let columns = [
        ("halves", halves),
        ("income", income),
        ("north", north),
        ("east", east),
        ("born", born),
        ("likes", Known::Level(Codes { codes, levels })),
    ];
    Attributes { ids, columns: columns.map(|(name, known)| (name.to_string(), known)).to_vec() }
}

/// Answers of some customers to two questions of one survey.
fn answers(rng: &mut Xoshiro256PlusPlus) -> Log {
    let mut log = Log { starts: vec![0], ..Log::default() };
    let levels = |all: &[&str]| Codes { codes: Vec::new(), levels: all.iter().map(|l| (*l).to_string()).collect() };
    let (mut survey, mut question) = (levels(&["other", "yearly"]), levels(&["how", "what"]));
    let mut answer = levels(&["a", "a; b", "b;c", "c"]);
    for customer in 0..12 {
        if rng.gen_bool(0.3) {
            continue;
        }
        let mut days: Vec<i32> = (0..rng.gen_range(1..6))
            .map(|_| if rng.gen_bool(0.1) { UNDATED } else { AS_OF - rng.gen_range(0..4) })
            .collect();
        days.sort_unstable();
        log.ids.push(format!("c{customer:02}"));
        for day in days {
            log.day.push(day);
            let score = if rng.gen_bool(0.4) { f64::NAN } else { f64::from(rng.gen_range(0..11)) };
            log.score.push(score);
            survey.codes.push(rng.gen_range(0..2));
            question.codes.push(rng.gen_range(0..2));
            answer.codes.push(if rng.gen_bool(0.3) { NONE } else { rng.gen_range(0..4) });
        }
        log.starts.push(log.day.len());
    }
    log.coded = vec![(Field::Survey, survey), (Field::Question, question), (Field::Answer, answer)];
    log
}

/// The rows of an answer, by customer.
fn by_customer(answer: &Answer) -> Vec<usize> {
    let ids = answer.texts(0).unwrap();
    let mut order: Vec<usize> = (0..ids.len()).collect();
    order.sort_by_key(|row| &ids[*row]);
    order
}

#[test]
fn databases_count_what_the_embedded_engine_counts() {
    let mut aggregates = std::collections::BTreeSet::new();
    for (name, database) in databases() {
        for number in 0..cases(name) {
            let mut rng = Xoshiro256PlusPlus::seed_from_u64(number);
            let tables = tables(&mut rng);
            let of = |rng: &mut Xoshiro256PlusPlus| {
                let table = pick(rng, &[Table::Orders, Table::Orders, Table::Events]);
                Primitive { rows: rows(rng, table), aggregate: aggregate(rng) }
            };
            let wanted: Vec<Primitive> = (0..25).map(|_| of(&mut rng)).collect();
            let word = |p: &Primitive| format!("{:?}", p.aggregate).split(['(', '[']).next().map(str::to_owned);
            aggregates.extend(wanted.iter().map(word));
            let shape = Shape::of(&tables);
            keep(database.as_ref(), &tables, &shape);
            let answer = database.query(&counts(&wanted, &shape, database.dialect())).unwrap();
            let (ids, counted) = Embedded.counts(&tables, &wanted);
            let order = by_customer(&answer);
            let theirs: Vec<&String> = order.iter().filter_map(|row| answer.texts(0).unwrap()[*row].as_ref()).collect();
            assert_eq!(theirs, ids.iter().collect::<Vec<_>>(), "{name}, case {number}");
            for (at, primitive) in wanted.iter().enumerate() {
                let values = answer.numbers(at + 1).unwrap();
                for (i, row) in order.iter().enumerate() {
                    let ours = counted[i * wanted.len() + at];
                    let same = values[*row] == ours || (values[*row].is_nan() && ours.is_nan());
                    assert!(same, "{name}, case {number}, {}: {} {ours} {primitive:?}", ids[i], values[*row]);
                }
            }
        }
    }
    assert!(aggregates.is_empty() || aggregates.len() == 15, "{aggregates:?}");
}

mod duckdb;
mod whole;
