//! Every row of every table ends in one bucket, and rows and money add up to the file, whatever is wrong with it.

use crate::project::Project;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::cell::RefCell;
use std::collections::BTreeMap;

const CONFIG: &str = "[project]\nname = \"shop\"\n[input]\nexclude_ids = [\"0\"]\n[input.orders]\npath = \"orders.csv\"\ncustomer_id = \"customer_id\"\norder_id = \"order_id\"\ndate = { column = \"order_date\", format = \"%Y-%m-%d\" }\namount = \"amount\"\nreturns = { column = \"order_id\", starts_with = \"C\" }\n[quality]\nmax_rejected = \"100%\"\n";

/// One cell of a dirty column; the first ones are good and more likely.
fn cell(good: &'static [&'static str], bad: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    prop_oneof![6 => proptest::sample::select(good), 1 => proptest::sample::select(bad)]
}

fn row() -> impl Strategy<Value = String> {
    let order = cell(&["1", "2", "3", "4"], &["C5", "C6", ""]);
    let date = cell(
        &["2025-01-01", "2025-02-01", "2025-03-01"],
        &["", "2024-01-01", "2025-05-05", "1900-01-01", "soon", "2025-13-01"],
    );
    let customer = cell(&["a", "b", "c", "d"], &["", "N/A", "0"]);
    let amount = cell(&["10.00", "2.50", "7"], &["", "-3.00", "inf", "x", "0", "1e2", "12.345"]);
    let tail = prop_oneof![12 => Just(""), 1 => Just(",more")];
    (order, date, customer, amount, tail).prop_map(|(o, d, c, a, t)| format!("{o},{d},{c},{a}{t}"))
}

/// The money of a row in ten-thousandths; ragged rows and what is no number have none.
fn money(row: &str) -> i64 {
    let cells: Vec<&str> = row.split(',').collect();
    let amount = cells[3].parse::<f64>().ok().filter(|a| a.is_finite() && cells.len() == 4);
    amount.map_or(0, |a| (a * 10_000.0).round() as i64)
}

#[test]
fn rows_and_money_add_up_whatever_is_wrong_with_a_file() {
    let settings = (
        proptest::sample::select(&["auto", "2025-02-15"][..]),
        proptest::sample::select(&["all", "40d"][..]),
        proptest::sample::select(&["net", "drop", "keep"][..]),
        proptest::sample::select(&["false", "true"][..]),
    );
    let files = (proptest::collection::vec(row(), 3..40), settings);
    let mut runner = TestRunner::new_with_rng(
        Config { cases: 60, failure_persistence: None, ..Config::default() },
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let seen: RefCell<BTreeMap<String, u64>> = RefCell::default();
    let outcome = runner.run(&files, |(mut rows, (as_of, window, treat, drop))| {
        // Enough good rows that a check goes through: known customers, dates, numbers.
        rows.extend((0..60).map(|i| format!("{},2025-01-{:02},k{},5.00", 100 + i, 1 + i % 28, i % 9)));
        rows.extend((0..20).map(|i| format!("{},2025-05-05,k{},5.00", 200 + i, i % 9)));
        let project = Project::new();
        let config = CONFIG.replace("starts_with = \"C\"", &format!("starts_with = \"C\", treat = \"{treat}\""));
        project.write(
            "ilk.toml",
            format!("{config}drop_exact_duplicates = {drop}\n[features]\nas_of = \"{as_of}\"\nwindow = \"{window}\"\n"),
        );
        project.write("orders.csv", format!("order_id,order_date,customer_id,amount\n{}\n", rows.join("\n")));
        let outcome = project.ilk(&["check", "--json"]);
        prop_assert_eq!(outcome.status, 0, "{}", outcome.err);
        let check: serde_json::Value = serde_json::from_str(&outcome.out).unwrap();
        let ledger = check["ledger"].as_array().unwrap();
        let minor = |row: &serde_json::Value| (row["amount"].as_f64().unwrap() * 10_000.0).round() as i64;
        let (mut counted, mut held) = (0, 0);
        for bucket in ledger.iter().filter(|b| b["bucket"] != "read") {
            counted += bucket["rows"].as_u64().unwrap();
            held += minor(bucket);
            *seen.borrow_mut().entry(bucket["bucket"].as_str().unwrap().to_string()).or_default() += 1;
        }
        prop_assert_eq!(counted, rows.len() as u64);
        prop_assert_eq!(held, rows.iter().map(|r| money(r)).sum::<i64>());
        let read = ledger.iter().find(|b| b["bucket"] == "read").unwrap();
        prop_assert_eq!((read["rows"].as_u64().unwrap(), minor(read)), (counted, held));
        // What a person could mend is listed, row by row.
        let of = |name: &str| ledger.iter().find(|b| b["bucket"] == name).map_or(0, |b| b["rows"].as_u64().unwrap());
        prop_assert_eq!(check["rejects"].as_u64().unwrap(), of("refused") + of("placeholder date"));
        Ok(())
    });
    outcome.unwrap();
    let seen = seen.into_inner();
    for bucket in [
        "used",
        "guest",
        "excluded id",
        "duplicate",
        "returned, counted against revenue",
        "returned, left out",
        "outside the window",
        "after as_of",
        "placeholder date",
        "refused",
    ] {
        assert!(seen.contains_key(bucket), "no file had a row in `{bucket}`: {seen:?}");
    }
}
