//! The classic RFM grid against published tables, through the command line.

use crate::project::{Project, column};
use crate::shared;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Read;

/// A named segment as published: name, customers, orders, revenue, average order value.
type Row = (&'static str, u64, f64, f64, f64);

fn document(project: &Project, arguments: &[&str]) -> Value {
    let mut all = vec!["rfm", "--json"];
    all.extend(arguments);
    serde_json::from_str(&project.ok(&all).out).unwrap()
}

fn segment<'a>(document: &'a Value, name: &str) -> &'a Value {
    let segments = document["rfm"]["segments"].as_array().unwrap();
    segments.iter().find(|s| s["name"] == name).unwrap_or_else(|| panic!("no segment {name}"))
}

fn cuts(document: &Value, axis: usize) -> Vec<f64> {
    let cuts = document["rfm"]["cuts"][axis]["cuts"].as_array().unwrap();
    cuts.iter().map(|c| c.as_f64().unwrap()).collect()
}

fn close(ours: &[f64], published: &[f64]) {
    assert_eq!(ours.len(), published.len());
    assert!(ours.iter().zip(published).all(|(a, b)| (a - b).abs() < 1e-9), "{ours:?} and {published:?}");
}

/// One line of a scored file, by customer.
fn scored(text: &str, names: &[&str]) -> BTreeMap<String, Vec<String>> {
    let columns: Vec<Vec<String>> = names.iter().map(|name| column(text, name)).collect();
    let ids = column(text, "customer_id").into_iter().enumerate();
    ids.map(|(i, id)| (id, columns.iter().map(|c| c[i].clone()).collect())).collect()
}

fn r_rfm() -> Option<Project> {
    let path = shared::path("r_rfm/orders.csv")?;
    let project = Project::new();
    project.write(
        "ilk.toml",
        format!(
            "[input.orders]\npath = \"{}\"\ncustomer_id = \"customer_id\"\ndate = \"order_date\"\namount = \"revenue\"\n\
             [features]\nas_of = \"2006-12-31\"\n[rfm]\nmethod = \"r_rfm\"\n",
            path.display()
        ),
    );
    Some(project)
}

/// Vignette of the R package rfm 0.3.0 (analysis date 2006-12-31).
#[test]
fn the_r_package_rfm_0_3() {
    const PUBLISHED: [Row; 10] = [
        ("About To Sleep", 102, 283.0, 23_449.0, 82.86),
        ("At Risk", 28, 216.0, 22_227.0, 102.90),
        ("Can't Lose Them", 47, 274.0, 32_446.0, 118.42),
        ("Champions", 35, 316.0, 31_646.0, 100.15),
        ("Lost", 148, 393.0, 35_324.0, 89.88),
        ("Loyal Customers", 170, 799.0, 76_562.0, 95.82),
        ("Need Attention", 10, 57.0, 4_562.0, 80.04),
        ("New Customers", 104, 329.0, 28_837.0, 87.65),
        ("Potential Loyalist", 342, 2_211.0, 204_856.0, 92.65),
        ("Promising", 9, 28.0, 4_249.0, 151.75),
    ];
    let Some(project) = r_rfm() else { return };
    let document = document(&project, &["--out", "scored.csv"]);
    assert_eq!(document["rfm"]["customers"], 995);
    assert_eq!(document["rfm"]["segments"].as_array().unwrap().len(), 10, "nobody is among the Others");
    for (name, customers, orders, revenue, value) in PUBLISHED {
        let found = segment(&document, name);
        assert_eq!(found["customers"], customers, "{name}");
        assert_eq!((&found["orders"], &found["revenue"]), (&Value::from(orders), &Value::from(revenue)), "{name}");
        assert!((found["avg_order_value"].as_f64().unwrap() - value).abs() <= 0.005 + 1e-9, "{name}");
    }
    close(&cuts(&document, 0), &[115.0, 181.0, 297.4, 482.0]);
    close(&cuts(&document, 1), &[4.0, 5.0, 6.0, 8.0]);
    close(&cuts(&document, 2), &[255.8, 382.0, 506.4, 666.0]);
    let open = ["215", "241", "251", "252", "341", "351", "441", "451", "541", "551"];
    assert_eq!(document["rfm"]["check"]["uncovered"], serde_json::json!(open));

    let scored = scored(&project.text("scored.csv"), &["recency_days", "orders", "revenue", "rfm_score"]);
    for (customer, row) in [
        ("Abbey O'Reilly", ["205", "6", "472", "343"]),
        ("Add Senger", ["140", "3", "340", "412"]),
        ("Agness O'Keefe", ["90", "9", "843", "555"]),
        ("Ailene Hermann", ["281", "8", "699", "355"]),
        ("Aiyanna Bruen", ["246", "4", "157", "321"]),
    ] {
        assert_eq!(scored[customer], row, "{customer}");
    }
}

/// Tests and documentation of the R package rfm 0.2: the same scores, other names. Three of its rules never match.
#[test]
fn the_r_package_rfm_0_2() {
    let Some(project) = r_rfm() else { return };
    let document = document(&project, &["--rules", "r_rfm_0_2"]);
    let champions = segment(&document, "Champions");
    assert_eq!((&champions["orders"], &champions["revenue"]), (&Value::from(1_234.0), &Value::from(120_178.0)));
    for (name, customers) in [
        ("Champions", 158),
        ("Loyal Customers", 278),
        ("Potential Loyalist", 229),
        ("New Customers", 0),
        ("Promising", 0),
        ("Need Attention", 35),
        ("About To Sleep", 50),
        ("At Risk", 86),
        ("Can't Lose Them", 0),
        ("Lost", 111),
        ("Others", 48),
    ] {
        assert_eq!(segment(&document, name)["customers"], customers, "{name}");
    }
    let check = &document["rfm"]["check"];
    assert_eq!(check["unreachable"], serde_json::json!(["New Customers", "Promising", "Can't Lose Them"]));
    assert_eq!(check["uncovered"].as_array().unwrap().len(), 36);
}

/// The six customers of the tests of lifetimes and pymc-marketing. That package counts days, so the day is the order.
#[test]
fn pymc_marketing() {
    let project = Project::new();
    let lines = [
        (1, "01-01", 1),
        (1, "02-06", 2),
        (2, "01-01", 2),
        (3, "01-01", 3),
        (3, "01-02", 1),
        (3, "01-05", 5),
        (4, "01-16", 6),
        (4, "02-02", 3),
        (4, "02-05", 3),
        (4, "02-05", 6),
        (5, "01-16", 3),
        (5, "01-17", 1),
        (5, "01-18", 8),
        (6, "02-02", 5),
    ];
    let lines: String = lines.iter().map(|(id, day, money)| format!("{id},2015-{day},{money}\n")).collect();
    project.write("orders.csv", format!("id,date,monetary_value\n{lines}"));
    project.write(
        "ilk.toml",
        "[input.orders]\npath = \"orders.csv\"\ncustomer_id = \"id\"\norder_id = \"date\"\ndate = \"date\"\namount = \"monetary_value\"\n[rfm]\nmethod = \"pymc\"\n",
    );
    let names = ["rfm_score", "segment"];
    let document = document(&project, &["--out", "scored.csv"]);
    let found: Vec<Vec<String>> = scored(&project.text("scored.csv"), &names).into_values().collect();
    let published = [
        ["421", "Other"],
        ["111", "Inactive Customer"],
        ["132", "At Risk Customer"],
        ["434", "Premium Customer"],
        ["233", "Repeat Customer"],
        ["314", "Top Spender"],
    ];
    assert_eq!(found, published);
    // Three bins of orders are left, and that is said.
    let codes: Vec<&str> = document["warnings"].as_array().unwrap().iter().filter_map(|w| w["code"].as_str()).collect();
    assert!(codes.contains(&"W0423") && codes.contains(&"W0208"), "{codes:?}");

    project.ok(&["rfm", "--as-of", "2015-02-07", "--out", "summary.csv"]);
    let text = project.text("summary.csv");
    let numbers = |name: &str| column(&text, name).iter().map(|v| v.parse().unwrap()).collect::<Vec<f64>>();
    let (orders, revenue) = (numbers("orders"), numbers("revenue"));
    assert_eq!(orders, [2.0, 1.0, 3.0, 3.0, 3.0, 1.0]);
    assert_eq!(numbers("recency_days"), [1.0, 37.0, 33.0, 2.0, 20.0, 5.0]);
    let means: Vec<f64> = revenue.iter().zip(&orders).map(|(money, orders)| money / orders).collect();
    assert_eq!(means, [1.5, 2.0, 3.0, 6.0, 4.0, 5.0]);

    // The summary of the same package for lifetime models: (x, t_x, T) and the mean of a repeat day, which it puts at 0
    // where there is none.
    assert_eq!(numbers("repeat_days"), [1.0, 0.0, 2.0, 2.0, 2.0, 0.0]);
    assert_eq!(numbers("first_to_last_days"), [36.0, 0.0, 4.0, 20.0, 2.0, 0.0]);
    assert_eq!(numbers("tenure_days"), [37.0, 37.0, 37.0, 22.0, 22.0, 5.0]);
    let money: Vec<f64> = column(&text, "repeat_day_value").iter().map(|v| v.parse().unwrap_or(0.0)).collect();
    assert_eq!(money, [2.0, 0.0, 3.0, 6.0, 4.5, 0.0]);
}

/// The ten segments of a published notebook on Online Retail (2010-12-01 to 2011-12-09): count, mean recency, frequency and
/// monetary value.
#[test]
fn online_retail_by_the_recipe_of_notebooks() {
    const PUBLISHED: [(&str, usize, [f64; 3]); 10] = [
        ("About to sleep", 352, [53.312, 1.162, 471.994]),
        ("At risk", 593, [153.786, 2.879, 1084.535]),
        ("Can't lose", 63, [132.968, 8.381, 2796.156]),
        ("Champions", 633, [6.362, 12.417, 6857.964]),
        ("Hibernating", 1071, [217.605, 1.102, 488.643]),
        ("Loyal", 819, [33.608, 6.480, 2864.248]),
        ("Need attention", 187, [52.428, 2.326, 897.628]),
        ("New", 42, [7.429, 1.000, 388.213]),
        ("Potential loyalists", 484, [17.399, 2.010, 1041.222]),
        ("Promising", 94, [23.511, 1.000, 294.008]),
    ];
    let Some(path) = shared::path("online_retail_ii/year_2010_2011.csv.gz") else { return };
    let Some(expected) = shared::path("online_retail_ii/expected_rfm_2010_2011.csv.gz") else { return };
    let project = Project::new();
    project.ok(&["init", path.to_str().unwrap(), "--yes", "--name", "retail"]);
    project.edit("treat = \"net\"", "treat = \"drop\"");
    // The recipe floors the time to 2011-12-11 00:00: calendar days to the day before.
    let arguments = ["--method", "notebook", "--as-of", "2011-12-10", "--out", "scored.csv"];
    let document = document(&project, &arguments);
    assert_eq!((&document["rfm"]["customers"], &document["rfm"]["left_out"]), (&Value::from(4_338), &Value::from(1)));

    let names = ["recency_days", "orders", "revenue", "r", "f", "m", "segment"];
    let mut found = scored(&project.text("scored.csv"), &names);
    found.retain(|_, row| !row[6].is_empty());
    for (name, count, means) in PUBLISHED {
        let rows: Vec<&Vec<String>> = found.values().filter(|row| row[6] == name).collect();
        assert_eq!(rows.len(), count, "{name}");
        assert_eq!(segment(&document, name)["customers"], count, "{name}");
        for (i, published) in means.into_iter().enumerate() {
            let mean = rows.iter().map(|row| row[i].parse::<f64>().unwrap()).sum::<f64>() / count as f64;
            assert!((mean - published).abs() <= 0.0005 + 1e-9, "{name}: {mean} and {published}");
        }
    }

    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(std::fs::File::open(expected).unwrap()).read_to_string(&mut text).unwrap();
    let mut compared = 0;
    let scores = ["R", "F", "M"].map(|name| column(&text, name));
    for (i, id) in column(&text, "Customer ID").iter().enumerate() {
        assert_eq!(found[id][3..6], scores.each_ref().map(|s| s[i].clone()), "{id}");
        compared += 1;
    }
    assert_eq!(compared, 4_338);
}

/// A run scores with its own cuts, a later file with the same, and the report says what they are.
#[test]
fn cuts_are_frozen_in_the_model() {
    let project = Project::new();
    project.ok(&["demo", "--out", ".", "--customers", "2000", "-q"]);
    let trained = project.text("models/demo-shop/2026-Q1.1/assignments.csv");
    let names = ["rfm_r", "rfm_f", "rfm_m", "rfm_segment"];
    let report: Value = serde_json::from_str(&project.text("reports/2026-Q1/report.json")).unwrap();
    project.ok(&["rfm", "--out", "rfm.csv"]);
    let alone = project.text("rfm.csv");
    let trained_scores = scored(&trained, &names);
    assert_eq!(scored(&alone, &["r", "f", "m", "segment"]), trained_scores);
    for segment in report["rfm"]["segments"].as_array().unwrap() {
        let members = trained_scores.values().filter(|row| segment["name"] == row[3].as_str()).count();
        assert_eq!(segment["customers"], members);
    }

    // Half of the customers: cuts of their own would move most of them.
    let orders = project.text("orders.csv");
    let (header, lines) = orders.split_once('\n').unwrap();
    let half: Vec<&str> =
        lines.lines().filter(|line| trained_scores.keys().step_by(2).any(|id| line.contains(id))).collect();
    project.write("half.csv", format!("{header}\n{}\n", half.join("\n")));
    let as_of = report["as_of"].as_str().unwrap();
    project.ok(&[
        "assign",
        "half.csv",
        "customers.csv",
        "events.csv",
        "surveys.csv",
        "--model",
        "demo-shop",
        "--as-of",
        as_of,
        "--out",
        "half_scored.csv",
    ]);
    let mut later = scored(&project.text("half_scored.csv"), &names);
    later.retain(|_, row| !row[0].is_empty());
    assert!((990..=1_000).contains(&later.len()), "{}", later.len());
    for (id, row) in &later {
        assert_eq!(row, &trained_scores[id], "{id}");
    }
    let page = project.text("reports/2026-Q1/report.html");
    assert!(page.contains("id=\"rfm\"") && page.contains("What each score stands for"));
    assert!(project.text("reports/2026-Q1/summary.md").contains("Classic RFM grid (rank)"));
}

/// A project's own table and cut points.
#[test]
fn own_rules_and_fixed_breaks() {
    let project = Project::new();
    project.ok(&["demo", "--out", ".", "--customers", "2000", "--data-only", "-q"]);
    let config = project.text("ilk.toml");
    project.write(
        "ilk.toml",
        format!(
            "{config}\n[rfm]\nmethod = \"fixed\"\npartition = true\nrules = [\n  {{ name = \"Here\", r = \"2-3\" }},\n  {{ name = \"Gone\", r = 1 }},\n]\n\
             [rfm.breaks]\nrecency = [30, 180]\norders = [2, 5]\nrevenue = [100, 1000]\n"
        ),
    );
    let document = document(&project, &["--out", "scored.csv"]);
    let rows = scored(&project.text("scored.csv"), &["recency_days", "orders", "r", "f", "segment"]);
    let mut gone = 0;
    for row in rows.values() {
        let (days, orders): (f64, f64) = (row[0].parse().unwrap(), row[1].parse().unwrap());
        let r = if days <= 30.0 {
            "3"
        } else if days <= 180.0 {
            "2"
        } else {
            "1"
        };
        let f = if orders >= 5.0 {
            "3"
        } else if orders >= 2.0 {
            "2"
        } else {
            "1"
        };
        assert_eq!(row[2..], [r, f, if r == "1" { "Gone" } else { "Here" }]);
        gone += u64::from(r == "1");
    }
    assert!(gone > 0);
    assert_eq!(segment(&document, "Gone")["customers"], gone);
    // Another method brings its own bins and names.
    let other: Value = serde_json::from_str(&project.ok(&["rfm", "--json", "--method", "rank"]).out).unwrap();
    assert_eq!((&other["rfm"]["bins"], &other["rfm"]["check"]["table"]), (&Value::from(5), &Value::from("cells25")));
}
