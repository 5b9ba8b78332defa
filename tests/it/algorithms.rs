//! Every algorithm from the command line: it runs, its model scores the training files as training did, and it is swept.

use crate::project::{Project, column};
use serde_json::Value;

const ALGORITHMS: [&str; 7] = ["kmeans", "gaussian_mixture", "ward", "kprototypes", "dbscan", "hdbscan", "optics"];

/// The demo shop with few customers, and a section for its config.
fn shop(cluster: &str) -> Project {
    let project = Project::new();
    project.ok(&["demo", "--out", ".", "--customers", "1500", "--data-only", "-q"]);
    let config = project.text("ilk.toml");
    let start = config.find("[cluster]").unwrap();
    let end = config[start + 1..].find("\n[").map_or(config.len(), |at| start + 1 + at);
    project.write("ilk.toml", format!("{}[cluster]\n{cluster}{}", &config[..start], &config[end..]));
    project
}

fn run(project: &Project) -> Value {
    project.ok(&["run", "-q"]);
    serde_json::from_str(&project.text("reports/2026-Q1/report.json")).unwrap()
}

#[test]
fn each_runs_and_scores_its_training_files_as_it_learned_them() {
    for algorithm in ALGORITHMS {
        let project = shop(&format!("algorithm = \"{algorithm}\"\n"));
        let report = run(&project);
        assert_eq!(report["method"]["algorithm"], algorithm);
        assert!(!report["segments"].as_array().unwrap().is_empty(), "{algorithm}");
        assert!(report["method"]["parameters"].as_array().unwrap().iter().any(|p| p[0] == "seed"), "{algorithm}");
        let as_of = report["as_of"].as_str().unwrap();
        let files = ["orders.csv", "customers.csv", "events.csv", "surveys.csv"];
        let mut arguments = vec!["assign"];
        arguments.extend(files);
        arguments.extend(["--model", "demo-shop", "--as-of", as_of, "--out", "again.csv", "-q"]);
        project.ok(&arguments);
        let trained = project.text("models/demo-shop/2026-Q1.1/assignments.csv");
        let again = project.text("again.csv");
        for name in ["customer_id", "segment_id"] {
            assert_eq!(column(&trained, name), column(&again, name), "{algorithm}: {name}");
        }
    }
}

#[test]
fn by_auto_the_best_verdict_is_taken_and_the_others_are_told() {
    let project = shop("algorithm = \"auto\"\n");
    let report = run(&project);
    assert_eq!(report["method"]["algorithm"], "kmeans", "among equals the easiest to explain");
    assert_eq!(report["method"]["verdict"], "natural");
    let reasons = report["method"]["reasons"].as_array().unwrap();
    let said = reasons.last().unwrap().as_str().unwrap();
    for other in ["gaussian_mixture: ", "ward: ", "hdbscan: "] {
        assert!(said.contains(other), "{said}");
    }
    // It leaves most of this shop's customers outside, whatever its verdict.
    assert!(said.contains("% of customers in none"), "{said}");
    let project = shop("algorithm = \"auto\"\nimplementation = \"linfa\"\n");
    let refused = project.ilk(&["run"]);
    assert_eq!(refused.status, 2, "{}", refused.err);
    assert!(refused.err.contains("E0204"));
}

#[test]
fn each_is_swept_over_what_it_asks() {
    let project = shop("seed = 42\n");
    for algorithm in ALGORITHMS {
        let swept = project.ok(&["sweep", "--algorithm", algorithm, "--k-max", "4", "--json", "-q"]).out;
        let swept: Value = serde_json::from_str(&swept).unwrap();
        let values: Vec<f64> = swept.as_array().unwrap().iter().map(|c| c["value"].as_f64().unwrap()).collect();
        assert!(values.len() >= 2 && values.is_sorted(), "{algorithm}: {values:?}");
        let asks_for_k = !matches!(algorithm, "dbscan" | "hdbscan" | "optics");
        assert_eq!(values == [2.0, 3.0, 4.0], asks_for_k, "{algorithm}: {values:?}");
    }
}

#[test]
fn segments_below_the_floor_are_given_to_their_neighbours_and_that_is_said() {
    let project = shop("n_clusters = 9\nfloor = { count = 120 }\n");
    let report = run(&project);
    let sizes: Vec<u64> =
        report["segments"].as_array().unwrap().iter().map(|s| s["profile"]["customers"].as_u64().unwrap()).collect();
    assert!(sizes.len() < 9 && sizes.iter().all(|size| *size >= 120), "{sizes:?}");
    let reasons = report["method"]["reasons"].to_string();
    assert!(reasons.contains("Below the floor: cluster "), "{reasons}");
    project.edit("floor = { count = 120 }", "floor = { share = 0.9 }");
    let refused = project.ilk(&["run"]);
    assert_eq!(refused.status, 2);
    assert!(refused.err.contains("E0205"), "{}", refused.err);
}

#[test]
fn linfa_stays_selectable_where_it_computes_and_is_refused_where_it_does_not() {
    let ours = run(&shop("n_clusters = 5\n"));
    let theirs = run(&shop("n_clusters = 5\nimplementation = \"linfa\"\n"));
    assert_eq!(
        (&ours["method"]["implementation"], &theirs["method"]["implementation"]),
        (&"ilk".into(), &"linfa".into())
    );
    let inertia = |report: &Value| report["method"]["inertia"].as_f64().unwrap();
    assert!(inertia(&ours) <= inertia(&theirs) * 1.0002, "{} and {}", inertia(&ours), inertia(&theirs));
    let refused = shop("algorithm = \"hdbscan\"\nimplementation = \"linfa\"\n").ilk(&["run"]);
    assert_eq!(refused.status, 2);
    assert!(refused.err.contains("E0204"), "{}", refused.err);
}
