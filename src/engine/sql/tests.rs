//! Random tables and random aggregates: the embedded engine and the database say the same numbers.

use super::*;
use crate::data::log::{Codes, NONE};
use crate::data::read::ReadOptions;
use crate::engine::embedded::Embedded;
use crate::features::occasion::Occasion;
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use serde_json::{Value, json};
use std::process::Command;

const CASES: u64 = 60;
const AS_OF: i32 = 20_100;

/// Runs every case in DuckDB; a line of JSON each.
const DUCKDB: &str = r#"
import duckdb, json, sys
for case in json.load(open(sys.argv[1])):
    con = duckdb.connect()
    for name, table in case["tables"].items():
        con.execute(f"CREATE TABLE {name} ({', '.join(f'{column} {kind}' for column, kind in table['columns'])})")
        if table["rows"]:
            con.executemany(f"INSERT INTO {name} VALUES ({', '.join('?' for _ in table['columns'])})", table["rows"])
    print(json.dumps(con.execute(case["duckdb"]).fetchall()))
"#;

/// The same in Spark.
const SPARK: &str = r#"
import json, sys
from pyspark.sql import SparkSession
spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").config("spark.sql.shuffle.partitions", "2").getOrCreate()
spark.sparkContext.setLogLevel("ERROR")
for case in json.load(open(sys.argv[1])):
    for name, table in case["tables"].items():
        schema = ", ".join(f"{column} {'STRING' if kind == 'VARCHAR' else kind}" for column, kind in table["columns"])
        spark.createDataFrame([tuple(row) for row in table["rows"]], schema).createOrReplaceTempView(name)
    print(json.dumps([list(row) for row in spark.sql(case["spark"]).collect()]), flush=True)
    for name in case["tables"]:
        spark.catalog.dropTempView(name)
"#;

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

/// A log as a table of the database.
fn table(log: &Log, view: &View) -> Value {
    let kind = |column: &str| match column {
        "amount" | "units" | "discount" => "BIGINT",
        "hour" | "ord" => "INT",
        "returned" | "gift" => "BOOLEAN",
        _ => "VARCHAR",
    };
    let mut columns = vec![json!(["customer", "VARCHAR"]), json!(["day", "INT"])];
    columns.extend(view.columns.iter().map(|column| json!([column, kind(column)])));
    let cell = |column: &str, row: usize| match column {
        "amount" => json!(log.amount[row]),
        "units" => json!(log.units[row]),
        "discount" => json!(log.discount[row]),
        "hour" => json!(log.hour[row]),
        "ord" => json!(log.order[row]),
        "returned" => json!(log.returned[row]),
        "gift" => json!(log.gift[row]),
        "product" => json!(log.codes(&Field::Product).and_then(|codes| codes.text(row))),
        "category" => json!(log.codes(&Field::Category).and_then(|codes| codes.text(row))),
        "channel" => json!(log.codes(&Field::Channel).and_then(|codes| codes.text(row))),
        _ => json!(log.codes(&Field::Kind).and_then(|codes| codes.text(row))),
    };
    let mut all: Vec<Value> = Vec::new();
    for (i, id) in log.ids.iter().enumerate() {
        for row in log.rows(i) {
            let day = (log.day[row] != UNDATED).then_some(log.day[row]);
            let mut cells = vec![json!(id), json!(day)];
            cells.extend(view.columns.iter().map(|column| cell(column, row)));
            all.push(json!(cells));
        }
    }
    // An order that no engine may depend on.
    all.reverse();
    json!({ "columns": columns, "rows": all })
}

/// What the program prints for the cases, a line each; `None` where it is not there.
fn asked(variable: &str, needs: &str, script: &str, cases: &Value) -> Option<Vec<Value>> {
    let program = std::env::var(variable).unwrap_or_else(|_| "python3".into());
    let ready = Command::new(&program).args(["-c", needs]).output().is_ok_and(|output| output.status.success());
    if !ready {
        assert!(std::env::var(variable).is_err(), "{program}: {needs} fails");
        eprintln!("left out: no Python with `{needs}`");
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cases.json");
    std::fs::write(&file, serde_json::to_vec(cases).unwrap()).unwrap();
    let output = Command::new(&program).args(["-c", script]).arg(&file).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(said.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

#[test]
fn databases_count_what_the_embedded_engine_counts() {
    let (mut cases, mut expected) = (Vec::new(), Vec::new());
    let mut aggregates = std::collections::BTreeSet::new();
    for number in 0..CASES {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(number);
        let options =
            ReadOptions { as_of: Some(Day(AS_OF)), window_days: None, max_rejected: 1.0, copies: Default::default() };
        let mut tables = Tables::empty(options, Vec::new());
        let (with_orders, with_events) = pick(&mut rng, &[(true, true), (true, true), (true, false), (false, true)]);
        tables.orders = with_orders.then(|| log(&mut rng, Table::Orders));
        tables.events = with_events.then(|| log(&mut rng, Table::Events));
        let of = |rng: &mut Xoshiro256PlusPlus| {
            let table = pick(rng, &[Table::Orders, Table::Orders, Table::Events]);
            Primitive { rows: rows(rng, table), aggregate: aggregate(rng) }
        };
        let wanted: Vec<Primitive> = (0..25).map(|_| of(&mut rng)).collect();
        aggregates
            .extend(wanted.iter().map(|p| format!("{:?}", p.aggregate).split(['(', '[']).next().map(str::to_owned)));
        let shape = Shape::of(&tables);
        let logs = [("orders", &tables.orders), ("events", &tables.events)];
        let of_views: serde_json::Map<String, Value> = logs
            .into_iter()
            .filter_map(|(name, log)| {
                let view = shape.views.iter().find(|view| view.name == name)?;
                Some((name.to_string(), table(log.as_ref()?, view)))
            })
            .collect();
        cases.push(json!({
            "tables": of_views,
            "duckdb": counts(&wanted, &shape, Dialect::DuckDb),
            "spark": counts(&wanted, &shape, Dialect::Spark),
        }));
        expected.push((wanted.clone(), Embedded.counts(&tables, &wanted)));
    }
    assert_eq!(aggregates.len(), 15, "{aggregates:?}");
    let cases = Value::Array(cases);
    let engines = [
        ("DuckDB", asked("ILK_PYTHON", "import polars, duckdb", DUCKDB, &cases)),
        ("Spark", asked("ILK_SPARK_PYTHON", "import pyspark", SPARK, &cases)),
    ];
    for (engine, answers) in engines.into_iter().filter_map(|(engine, answers)| Some((engine, answers?))) {
        assert_eq!(answers.len(), expected.len());
        for ((case, answer), (wanted, (ids, counted))) in answers.iter().enumerate().zip(&expected) {
            let mut rows: Vec<(String, Vec<Option<i64>>)> = (answer.as_array().unwrap().iter())
                .map(|row| {
                    let row = row.as_array().unwrap();
                    (row[0].as_str().unwrap().to_string(), row[1..].iter().map(Value::as_i64).collect())
                })
                .collect();
            rows.sort();
            assert_eq!(rows.iter().map(|row| &row.0).collect::<Vec<_>>(), ids.iter().collect::<Vec<_>>(), "{engine}");
            for (i, (id, values)) in rows.iter().enumerate() {
                for (at, primitive) in wanted.iter().enumerate() {
                    let ours = counted[i * wanted.len() + at];
                    let ours = (!ours.is_nan()).then_some(ours as i64);
                    assert_eq!(values[at], ours, "{engine}, case {case}, {id}, {primitive:?}");
                }
            }
        }
    }
}
