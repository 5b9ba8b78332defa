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
