//! Rows after a pinned `as_of` change nothing, whatever stands in them.

use crate::project::Project;
use std::fmt::Write as _;

const RESULTS: [&str; 5] = ["model.json", "metrics.json", "features.parquet", "assignments.parquet", "assignments.csv"];

/// A demo shop read up to a day inside its data, its formats left to be detected.
fn shop() -> Project {
    let project = Project::new();
    project.ok(&["demo", "--out", ".", "--customers", "1500", "--data-only", "-q"]);
    project.edit("as_of  = \"auto\"", "as_of  = \"2026-03-31\"");
    project.edit(
        "date        = { column = \"order_date\", format = \"%Y-%m-%d %H:%M:%S\" }",
        "date        = \"order_date\"",
    );
    project
}

/// A year of later rows, above and below those that are there.
fn extend(project: &Project, table: &str, later: impl Fn(usize, &str) -> String) {
    let text = project.text(table);
    let (header, rows) = text.split_once('\n').unwrap();
    let (mut above, mut below) = (String::new(), String::new());
    for i in 0..3_000 {
        let day = format!("202{}-{:02}-{:02}", 6 + usize::from(i % 12 < 3), 1 + (i + 3) % 12, 1 + i % 28);
        // January to March are of the next year, so every day is after 2026-03-31.
        let day = if i % 12 > 8 { day.replacen("2026", "2027", 1) } else { day };
        let row = later(i, &day);
        let _ = writeln!(if i % 2 == 0 { &mut above } else { &mut below }, "{row}");
    }
    project.write(table, format!("{header}\n{above}{rows}{below}"));
}

#[test]
fn a_year_of_later_rows_leaves_every_result_file_as_it_was() {
    let before = shop();
    before.ok(&["run", "-q"]);
    let after = shop();
    // order_id,order_date,customer_id,product_id,category,quantity,unit_price
    extend(&after, "orders.csv", |i, day| {
        let customer = match i % 7 {
            0 => format!("C{:06}", 1 + i % 1_500),
            1 => format!("new{}", i % 400),
            2 => String::new(),
            3 => format!("c{:06} ", 1 + i % 1_500),
            4 => "0".to_string(),
            5 => format!("{}.0", 17_000 + i),
            _ => "1.23E+15".to_string(),
        };
        let quantity = ["1", "-2", "many", "", "inf", "1.234,5", "(3)"][i % 7];
        let price = ["9.99", "€9.99", "$1,234.50", "-", "1e9", "9,99", "0"][i % 7];
        let order = if i % 5 == 0 { format!("C9{i:06}") } else { format!("9{:06}", i / 3) };
        format!("{order},{day} 10:00:00,{customer},PX{},new,\"{quantity}\",\"{price}\"", i % 50)
    });
    let rows = |project: &Project, table: &str| project.text(table).lines().count();
    assert_eq!(rows(&after, "orders.csv"), rows(&before, "orders.csv") + 3_000);
    // customer_id,event_time,event_type,campaign
    extend(&after, "events.csv", |i, day| {
        format!("{},{day} 11:00:00,{},", if i % 2 == 0 { "C000001" } else { "nobody" }, ["visit", "fax", ""][i % 3])
    });
    // customer_id,answered_on,nps
    extend(&after, "surveys.csv", |i, day| format!("C{:06},{day},{}", 1 + i % 1_500, ["0", "ten", "\"7,5\""][i % 3]));
    after.ok(&["run", "-q"]);
    for name in RESULTS {
        let path = format!("models/demo-shop/2026-Q1.1/{name}");
        assert!(before.read(&path) == after.read(&path), "{name} differs");
    }
    // What was read is said in the ledger, and there alone.
    let report = |project: &Project| -> serde_json::Value {
        let mut report: serde_json::Value = serde_json::from_str(&project.text("reports/2026-Q1/report.json")).unwrap();
        for part in ["ledger", "warnings"] {
            report[part] = serde_json::Value::Null;
        }
        report
    };
    assert_eq!(report(&before), report(&after));
    assert_eq!(
        before.text("models/demo-shop/2026-Q1.1/rejects.csv").lines().count(),
        after.text("models/demo-shop/2026-Q1.1/rejects.csv").lines().count()
    );
}
