//! What each command prints.

use crate::project::Project;

/// Durations differ from run to run.
fn steady(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let line = match line.rsplit_once("  ") {
            Some((head, tail)) if tail.ends_with('s') && tail[..tail.len() - 1].parse::<f64>().is_ok() => {
                head.to_string()
            }
            _ => line.to_string(),
        };
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

#[test]
fn every_command_says_what_it_did() {
    let project = Project::new();
    let demo = project.ok(&["demo", "--out", ".", "--customers", "2000"]);
    insta::assert_snapshot!("demo", steady(&demo.out));
    insta::assert_snapshot!("demo_progress", steady(&demo.err));
    insta::assert_snapshot!("check", steady(&project.ok(&["check"]).out));
    let run = project.ok(&["run"]);
    insta::assert_snapshot!("run", steady(&run.out));
    assert!(project.file("reports/2026-Q1/history/2026-Q1.1/report.json").is_file());
    insta::assert_snapshot!("sweep", steady(&project.ok(&["sweep"]).out));
    insta::assert_snapshot!("sweep_full", steady(&project.ok(&["sweep", "--full"]).out));
    assert!(project.text("reports/sweep.json").contains("\"verdict\": \"natural\""));
    insta::assert_snapshot!("rfm", steady(&project.ok(&["rfm"]).out));
    insta::assert_snapshot!("why", steady(&project.ok(&["why", "C000001"]).out));
    insta::assert_snapshot!("report", steady(&project.ok(&["report"]).out));
    let scored = project.ok(&[
        "assign",
        "orders.csv",
        "customers.csv",
        "events.csv",
        "surveys.csv",
        "--model",
        "demo-shop/2026-Q1.1",
        "--out",
        "scored.csv",
    ]);
    insta::assert_snapshot!("assign", steady(&scored.out));
    insta::assert_snapshot!("explain", project.ok(&["explain", "e0312"]).out);
    let json = project.ok(&["run", "--json"]);
    let document: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(document["segments"][0]["id"], "S01");
    assert!(project.ok(&["run", "-q"]).out.is_empty());
}

#[test]
fn init_proposes_a_project_that_runs() {
    let project = Project::new();
    project.ok(&["demo", "--out", ".", "--customers", "2000", "--data-only", "-q"]);
    std::fs::remove_file(project.file("ilk.toml")).unwrap();
    let asked = project.ilk(&["init", "orders.csv"]);
    assert_eq!(asked.status, 2);
    insta::assert_snapshot!("init_without_a_terminal", asked.err);
    let init =
        project.ok(&["init", "orders.csv", "customers.csv", "events.csv", "surveys.csv", "--yes", "--name", "shop"]);
    insta::assert_snapshot!("init", init.out);
    insta::assert_snapshot!("init_config", project.text("ilk.toml"));
    assert!(project.text(".ilk/ilk.schema.json").contains("n_clusters"));
    project.ok(&["run"]);
    let again = project.ok(&["init", "orders.csv", "--yes", "--name", "shop"]);
    assert!(again.out.contains("ilk.toml.new"), "{}", again.out);
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_writes_nothing_and_can_be_run_again() {
    use std::io::{BufRead, BufReader, Read};
    use std::process::{Command, Stdio};
    let project = Project::new();
    project.ok(&["demo", "--out", ".", "--data-only", "-q"]);
    let mut run = Command::new(env!("CARGO_BIN_EXE_ilk"))
        .arg("run")
        .current_dir(project.path())
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(run.stderr.take().unwrap());
    // The longest stage comes after the features: it is running when the signal arrives.
    let mut line = String::new();
    while !line.contains("2/7") {
        line.clear();
        assert!(said.read_line(&mut line).unwrap() > 0, "the run ended before its second stage");
    }
    assert!(Command::new("kill").args(["-INT", &run.id().to_string()]).status().unwrap().success());
    assert_eq!(run.wait().unwrap().code(), Some(130));
    let mut rest = String::new();
    said.read_to_string(&mut rest).unwrap();
    insta::assert_snapshot!(rest.lines().last().unwrap());
    for folder in ["models", "reports"] {
        assert_eq!(std::fs::read_dir(project.file(folder)).unwrap().count(), 0, "{folder} holds something");
    }
    project.ok(&["run", "-q"]);
    assert!(project.file("models/demo-shop/2026-Q1.1/manifest.json").is_file());
}

#[test]
fn a_closed_project_says_how_to_open_one() {
    let project = Project::new();
    let outcome = project.ilk(&["run"]);
    assert_eq!(outcome.status, 2);
    insta::assert_snapshot!(outcome.err);
    assert_eq!(project.ilk(&["explain", "E312"]).status, 2);
}
