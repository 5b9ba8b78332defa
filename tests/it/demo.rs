//! The generated shop: the planted personas are found, scoring returns the training assignment, and the bytes do not depend
//! on threads or row order.

use crate::project::{Project, column};
use crate::real_data::recount_rules;
use ilk::evidence::indices::adjusted_rand;
use std::collections::BTreeMap;

const FILES: [&str; 7] = [
    "models/demo-shop/2026-Q1.1/model.json",
    "models/demo-shop/2026-Q1.1/metrics.json",
    "models/demo-shop/2026-Q1.1/features.parquet",
    "models/demo-shop/2026-Q1.1/assignments.parquet",
    "models/demo-shop/2026-Q1.1/assignments.csv",
    "reports/2026-Q1/report.json",
    "reports/2026-Q1/report.html",
];

const TABLES: [&str; 4] = ["orders.csv", "customers.csv", "events.csv", "surveys.csv"];

#[test]
fn planted_personas_are_found_almost_as_well_as_can_be() {
    let mut good = 0;
    let mut told = String::new();
    for seed in 0..20 {
        let project = Project::new();
        project.ok(&["demo", "--out", ".", "--seed", &seed.to_string(), "-q"]);
        let truth = project.text("truth.csv");
        let planted: BTreeMap<String, String> =
            column(&truth, "customer_id").into_iter().zip(column(&truth, "persona")).collect();
        let bayes: BTreeMap<String, String> =
            column(&truth, "customer_id").into_iter().zip(column(&truth, "bayes_persona")).collect();
        let right = planted.iter().filter(|(id, p)| bayes[*id] == **p).count() as f64 / planted.len() as f64;
        assert!((0.92..=0.98).contains(&right), "seed {seed}: Bayes accuracy {right}");
        let scored = project.text("models/demo-shop/2026-Q1.1/assignments.csv");
        let (mut a, mut b, mut c) = (Vec::new(), Vec::new(), Vec::new());
        let segments = column(&scored, "segment_id");
        for (id, segment) in column(&scored, "customer_id").into_iter().zip(&segments) {
            a.push(segment.as_str());
            b.push(planted[&id].as_str());
            c.push(bayes[&id].as_str());
        }
        let (ours, best) = (adjusted_rand(&a, &b), adjusted_rand(&c, &b));
        told.push_str(&format!("seed {seed}: {ours:.3} of {best:.3}\n"));
        good += usize::from(ours >= 0.9 * best);
        let metrics = project.text("models/demo-shop/2026-Q1.1/metrics.json");
        assert!(metrics.contains("\"verdict\": \"natural\""), "seed {seed}: {metrics}");
    }
    println!("{told}");
    assert!(good >= 18, "{told}");
}

#[test]
fn bytes_depend_on_neither_threads_nor_row_order() {
    let one = Project::new();
    one.ok(&["demo", "--out", ".", "--customers", "3000", "--threads", "1", "-q"]);
    let two = Project::new();
    two.ok(&["demo", "--out", ".", "--customers", "3000", "--data-only", "-q"]);
    for table in TABLES {
        let text = two.text(table);
        let (header, rows) = text.split_once('\n').unwrap();
        let mut rows: Vec<&str> = rows.lines().collect();
        let n = rows.len();
        // A fixed shuffle: neither sorted nor as it was.
        rows = (0..n).map(|i| rows[(i * 7919 + 13) % n]).collect();
        let kept: std::collections::BTreeSet<usize> = (0..n).map(|i| (i * 7919 + 13) % n).collect();
        assert_eq!(kept.len(), n, "{table}: the shuffle lost rows");
        two.write(table, format!("{header}\n{}\n", rows.join("\n")));
    }
    two.ok(&["run", "--threads", "2", "-q"]);
    for file in FILES {
        assert!(one.read(file) == two.read(file), "{file} differs");
    }
}

#[test]
fn scoring_the_training_files_returns_the_training_assignment() {
    let project = Project::new();
    project.ok(&["demo", "--out", ".", "--customers", "3000", "-q"]);
    let score = |model: &str, out: &str| {
        let mut arguments = vec!["assign"];
        arguments.extend(TABLES);
        arguments.extend(["--model", model, "--out", out]);
        project.ok(&arguments);
    };
    recount_rules(&project, "reports/2026-Q1/report.json", "models/demo-shop/2026-Q1.1");
    score("demo-shop", "scored.csv");
    assert_eq!(project.text("scored.csv"), project.trained("demo-shop/2026-Q1.1"));
    project.edit("algorithm  = \"kmeans\"", "algorithm  = \"dbscan\"");
    let run = project.ok(&["run"]);
    assert!(run.out.contains("Unclustered"), "{}", run.out);
    score("demo-shop/@latest", "dbscan.csv");
    // What changed since the first run is known of the run alone.
    let trained = project.text("models/demo-shop/2026-Q1.2/assignments.csv");
    for name in ["customer_id", "segment_id", "segment_name", "distance", "fit", "rfm_segment", "model_version"] {
        assert_eq!(column(&project.text("dbscan.csv"), name), column(&trained, name), "{name}");
    }
    let segments = column(&project.text("dbscan.csv"), "segment_id");
    let unclustered = segments.iter().filter(|s| *s == "unclustered").count();
    assert!(unclustered > 0 && unclustered < segments.len() / 2);
}
