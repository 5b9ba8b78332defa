//! Real data sets from a raw file to published numbers.

use crate::project::{Project, column};
use crate::shared;
use polars::prelude::*;
use std::collections::BTreeMap;
use std::io::Read;

pub(crate) fn gz(path: &std::path::Path) -> String {
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    text
}

/// `features.parquet` as id → value.
pub(crate) fn feature(project: &Project, folder: &str, name: &str) -> BTreeMap<String, f64> {
    let bytes = project.read(&format!("{folder}/features.parquet"));
    let frame = ParquetReader::new(std::io::Cursor::new(bytes)).finish().unwrap();
    let ids = frame.column("customer_id").unwrap().str().unwrap().clone();
    let values = frame.column(name).unwrap().f64().unwrap().clone();
    ids.iter().zip(values.iter()).map(|(id, v)| (id.unwrap().to_string(), v.unwrap())).collect()
}

pub(crate) fn numbers(text: &str, id: &str, name: &str) -> BTreeMap<String, f64> {
    column(text, id).into_iter().zip(column(text, name)).map(|(id, v)| (id, v.parse().unwrap())).collect()
}

#[test]
fn online_retail_needs_no_edit_and_equals_the_published_rfm() {
    let Some(path) = shared::path("online_retail_ii/year_2010_2011.csv.gz") else { return };
    let Some(expected) = shared::path("online_retail_ii/expected_rfm_2010_2011.csv.gz") else { return };
    let project = Project::new();
    project.ok(&["init", path.to_str().unwrap(), "--yes", "--name", "retail"]);
    assert!(project.text("ilk.toml").contains("starts_with = \"C\", treat = \"net\""));
    let run = project.ok(&["run"]);
    assert!(run.err.contains("135080 of 541910 order lines (25%"), "{}", run.err);
    assert!(run.err.contains("9288 are returns (counted against revenue)"), "{}", run.err);
    assert!(project.text("reports/2011-Q4/report.html").contains("S01"));

    project.edit("as_of  = \"auto\"", "as_of  = \"2011-12-10\"");
    project.edit("treat = \"net\"", "treat = \"drop\"");
    project.ok(&["run"]);
    let folder = "models/retail/2011-Q4.2";
    let expected = gz(&expected);
    let revenue = feature(&project, folder, "revenue");
    let want = numbers(&expected, "Customer ID", "monetary");
    let paid: BTreeMap<&String, &f64> = revenue.iter().filter(|(_, v)| **v > 0.0).collect();
    assert_eq!(paid.len(), 4_338);
    assert!(paid.keys().all(|id| want.contains_key(*id)));
    for (id, value) in &want {
        assert!((revenue[id] - value).abs() < 0.005 + 1e-9, "{id}: {} and {value}", revenue[id]);
    }
    // The published recency counts whole days to 2011-12-11 00:00 from a time of day: one calendar day to 2011-12-10.
    let days = feature(&project, folder, "recency_days");
    for (id, value) in numbers(&expected, "Customer ID", "recency") {
        assert_eq!(days[&id], value, "{id}");
    }
    let orders = feature(&project, folder, "orders");
    for (id, value) in numbers(&expected, "Customer ID", "frequency") {
        assert_eq!(orders[&id], value, "{id}");
    }
    assert!(project.file("reports/2011-Q4/history/2011-Q4.1/report.html").is_file());
}

#[test]
fn cdnow_and_a_ready_made_table_run_as_init_wrote_them() {
    let Some(cdnow) = shared::path("cdnow/cdnow_master.csv.gz") else { return };
    let Some(wholesale) = shared::path("wholesale_customers/wholesale_customers.csv") else { return };
    let project = Project::new();
    project.ok(&["init", cdnow.to_str().unwrap(), "--yes", "--name", "cdnow"]);
    let run = project.ok(&["run"]);
    assert!(run.err.contains("23,570 customers"), "{}", run.err);
    let project = Project::new();
    project.ok(&["init", wholesale.to_str().unwrap(), "--yes", "--name", "wholesale"]);
    let run = project.ok(&["run"]);
    assert!(run.err.contains("440 customers"), "{}", run.err);
    assert!(project.file("reports/undated/report.html").is_file());
}

#[test]
fn two_sheets_that_overlap_are_found_said_and_fixed() {
    let Some(first) = shared::path("online_retail_ii/year_2009_2010.csv.gz") else { return };
    let Some(second) = shared::path("online_retail_ii/year_2010_2011.csv.gz") else { return };
    let project = Project::new();
    project.ok(&["init", first.to_str().unwrap(), second.to_str().unwrap(), "--yes", "--name", "retail"]);
    let stopped = project.ilk(&["check"]);
    assert_eq!(stopped.status, 3, "{}", stopped.err);
    for part in [
        "error[E0325]: year_2009_2010.csv.gz and year_2010_2011.csv.gz share 22523 rows of 2010-12-01 to 2010-12-09",
        "573 customers would seem to spend 311878.00 more than they did",
        "overlap = \"first\"",
    ] {
        assert!(stopped.err.contains(part), "{part} is not in\n{}", stopped.err);
    }
    project.edit("max_rejected = \"1%\"", "overlap = \"first\"\nmax_rejected = \"1%\"");
    let check: serde_json::Value = serde_json::from_str(&project.ok(&["check", "--json"]).out).unwrap();
    let bucket = |name: &str| {
        let row = check["ledger"].as_array().unwrap().iter().find(|r| r["bucket"] == name).unwrap().clone();
        (row["rows"].as_u64().unwrap(), row["amount"].as_f64().unwrap())
    };
    assert_eq!(bucket("read").0, 1_067_371);
    assert_eq!(bucket("duplicate").0, 22_523);
    assert_eq!(bucket("read").0 - bucket("duplicate").0, 1_044_848);
    let warning = |code: &str| {
        let all = check["warnings"].as_array().unwrap();
        all.iter().find(|w| w["code"] == code).unwrap()["title"].as_str().unwrap().to_string()
    };
    assert!(warning("W0321").contains("11812 identical lines kept"), "{}", warning("W0321"));

    // Net of cancellations, then without them.
    assert!((bucket("read").1 - 19_287_250.57).abs() < 0.01, "{}", bucket("read").1);
    let net = bucket("used").1 + bucket("returned, counted against revenue").1;
    assert!((net - 16_343_669.04).abs() < 0.01, "{net}");
    project.edit("as_of  = \"auto\"", "as_of  = \"2011-12-10\"");
    project.ok(&["run"]);
    let ids = column(&project.text("models/retail/2011-Q4.1/assignments.csv"), "customer_id");
    assert_eq!(ids.len(), 5_942);
    project.edit("treat = \"net\"", "treat = \"drop\"");
    project.ok(&["run"]);
    let sold = feature(&project, "models/retail/2011-Q4.2", "revenue");
    let total: f64 = sold.values().sum();
    assert!((total - 17_431_551.18).abs() < 0.5, "{total}");
    assert_eq!(sold.values().filter(|v| **v > 0.0).count(), 5_878);
    assert_eq!(sold.len(), 5_881);
    let check: serde_json::Value = serde_json::from_str(&project.ok(&["check", "--json"]).out).unwrap();
    let used = check["ledger"].as_array().unwrap().iter().find(|r| r["bucket"] == "used").unwrap().clone();
    // 791,045 of them have a price.
    assert_eq!(used["rows"], 791_115);
    assert!((used["amount"].as_f64().unwrap() - 17_431_551.18).abs() < 0.01);

    // A sheet alone: as many copies as pandas' duplicated() finds over all columns.
    for (sheet, copies) in [(&first, 6_865), (&second, 5_268)] {
        let project = Project::new();
        project.ok(&["init", sheet.to_str().unwrap(), "--yes", "--name", "retail"]);
        let said = project.ok(&["check"]).err;
        assert!(said.contains(&format!("{copies} identical lines kept")), "{said}");
        project.edit("max_rejected = \"1%\"", "drop_exact_duplicates = true\nmax_rejected = \"1%\"");
        let check: serde_json::Value = serde_json::from_str(&project.ok(&["check", "--json"]).out).unwrap();
        let row = check["ledger"].as_array().unwrap().iter().find(|r| r["bucket"] == "duplicate").unwrap().clone();
        assert_eq!(row["rows"], copies);
    }
}
