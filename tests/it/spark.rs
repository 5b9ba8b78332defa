//! The same project on a real Spark: `ILK_SPARK` names a Connect server (`scripts/spark test` starts one); without it these are left out, and
//! fail under `ILK_REQUIRE_SPARK=1`.

use super::project::{Outcome, Project};
use super::{projects, real_data};
use polars::prelude::*;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The server of the tests.
fn server() -> Option<String> {
    match std::env::var("ILK_SPARK") {
        Ok(url) => Some(url),
        Err(_) => {
            assert!(
                std::env::var("ILK_REQUIRE_SPARK").as_deref() != Ok("1"),
                "a Spark is required: scripts/spark test"
            );
            eprintln!("left out: no Spark (ILK_SPARK names one, `scripts/spark test` starts one)");
            None
        }
    }
}

/// The same files and config with a Spark, in a folder of its own.
fn on_spark(project: &Project, url: &str, more: &str) -> Project {
    let other = Project::new();
    for entry in std::fs::read_dir(project.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            std::fs::copy(&path, other.file(path.file_name().unwrap().to_str().unwrap())).unwrap();
        }
    }
    let config = other.text("ilk.toml");
    other.write("ilk.toml", format!("{config}\n[engine]\nkind = \"spark\"\nurl = \"{url}\"\n{more}"));
    other
}

/// What the engine wrote of everyone, by customer.
fn written(project: &Project, model: &str) -> DataFrame {
    in_folder(&project.file(".ilk/staging/assignments").join(model.replacen('/', "-", 1)))
}

fn in_folder(folder: &Path) -> DataFrame {
    let mut parts = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "parquet") {
            parts.push(table(&path).lazy());
        }
    }
    by_customer(concat(parts, UnionArgs::default()).unwrap())
}

fn table(path: &Path) -> DataFrame {
    ParquetReader::new(std::fs::File::open(path).unwrap()).finish().unwrap()
}

fn by_customer(rows: LazyFrame) -> DataFrame {
    rows.sort(["customer_id"], SortMultipleOptions::default()).collect().unwrap()
}

/// Every value of a column, to the last digit; what is missing as nothing.
fn cells(frame: &DataFrame, column: &str) -> Vec<String> {
    let series = frame.column(column).unwrap().as_materialized_series().clone();
    if let Ok(numbers) = series.f64() {
        return numbers
            .iter()
            .map(|v| v.filter(|v| !v.is_nan()).map_or_else(String::new, |v| format!("{v:?}")))
            .collect();
    }
    series.str().unwrap().iter().map(|v| v.unwrap_or_default().to_string()).collect()
}

/// Holds what the engine wrote against the file of a project, column by column.
fn same_assignments(engine: &DataFrame, file: &DataFrame) {
    let columns = [
        "customer_id",
        "segment_id",
        "segment_name",
        "distance",
        "fit",
        "second_segment_id",
        "rfm_r",
        "rfm_f",
        "rfm_m",
        "rfm_segment",
        "as_of",
        "model_version",
        "previous_segment_id",
        "segment_changed_at",
    ];
    for column in columns.into_iter().filter(|column| file.column(column).is_ok()) {
        let (theirs, ours) = (cells(engine, column), cells(file, column));
        let first = (0..ours.len().max(theirs.len())).find(|row| theirs.get(*row) != ours.get(*row));
        assert_eq!(first.map(|row| (&theirs[row], &ours[row])), None, "{column}, row {first:?}");
    }
}

/// Runs the project on Spark and holds model and assignments against those of the embedded engine, byte by byte.
fn same_on_spark(project: &Project, url: &str, model: &str) {
    let other = on_spark(project, url, "");
    other.ok(&["run"]);
    for file in ["model.json", "assignments.csv", "assignments.parquet", "features.parquet"] {
        let file = format!("models/{model}/{file}");
        assert!(other.read(&file) == project.read(&file), "{file} is another on Spark");
    }
    let ours = table(&project.file(&format!("models/{model}/assignments.parquet")));
    same_assignments(&written(&other, model), &by_customer(ours.lazy()));
}

#[test]
fn the_demo_shop_has_the_same_segments_on_spark() {
    let Some(url) = server() else { return };
    let project = Project::new();
    project.ok(&["demo", "--out", ".", "-q"]);
    same_on_spark(&project, &url, "demo-shop/2026-Q1.1");
}

#[test]
fn online_retail_has_the_same_segments_on_spark() {
    let Some(url) = server() else { return };
    let Some(project) = real_data::online_retail() else { return };
    same_on_spark(&project, &url, "retail/2011-Q4.1");
}

#[test]
fn complete_journey_has_the_same_segments_on_spark() {
    let Some(url) = server() else { return };
    let Some((project, ..)) = projects::complete_journey() else { return };
    same_on_spark(&project, &url, "journey/2018-Q1.1");
}

#[test]
fn a_sample_decides_and_everyone_is_counted_and_assigned() {
    let Some(url) = server() else { return };
    let project = Project::new();
    project.ok(&["demo", "--out", ".", "--customers", "4000", "-q"]);
    let other = on_spark(&project, &url, "sample = 1000\n");
    let run = other.ok(&["run"]);
    let model = "demo-shop/2026-Q1.1";
    assert!(run.out.contains(&format!("ilk assign --model {model} --out FOLDER")), "{}", run.out);
    let json =
        |project: &Project, file: &str| -> serde_json::Value { serde_json::from_str(&project.text(file)).unwrap() };
    let [ours, theirs] = [&project, &other].map(|project| json(project, &format!("models/{model}/model.json")));
    // What is learned of everyone is the same to the last digit, whoever counts.
    for part in ["features", "learned", "preparation"] {
        assert_eq!(theirs[part], ours[part], "{part}");
    }
    let report = json(&other, "reports/2026-Q1/report.json");
    let coverage = &report["coverage"];
    assert_eq!((coverage["customers"].as_u64(), coverage["leads"].as_u64()), (Some(4_000), Some(0)));
    let sample = coverage["sample"].as_u64().unwrap();
    assert!((900..1_100).contains(&sample), "{sample}");
    assert!(
        run.out.contains("passes until nothing moved") || run.err.contains("passes until nothing moved"),
        "{}",
        run.err
    );
    let embedded = json(&project, "reports/2026-Q1/report.json");
    for part in ["orders", "revenue", "repeat_rate", "first_day", "last_day"] {
        assert_eq!(coverage[part], embedded["coverage"][part], "{part}");
    }
    let whales =
        [coverage, &embedded["coverage"]].map(|coverage| coverage["whales"]["share_revenue"].as_f64().unwrap());
    assert!((whales[0] - whales[1]).abs() < 1e-12, "{whales:?}");
    // Everyone's means and shares of levels are those of the embedded engine.
    let everyone = |report: &serde_json::Value| report["everyone"].clone();
    let (theirs, ours) = (everyone(&report), everyone(&embedded));
    assert_eq!(theirs["levels"], ours["levels"]);
    for (theirs, ours) in theirs["numbers"].as_array().unwrap().iter().zip(ours["numbers"].as_array().unwrap()) {
        let (a, b) = (theirs["mean"].as_f64(), ours["mean"].as_f64());
        let near = a.zip(b).is_none_or(|(a, b)| (a - b).abs() <= 1e-6 * b.abs().max(1.0));
        assert!(near && theirs["missing"] == ours["missing"], "{theirs} {ours}");
    }
    // Every customer is where the embedded engine puts them by the same model, at the same distance.
    let assigned = written(&other, model);
    assert_eq!(assigned.height(), 4_000);
    let mut files = vec!["assign"];
    files.extend(["orders.csv", "events.csv", "customers.csv", "surveys.csv"]);
    files.extend(["--model", model, "--out", "scored.parquet"]);
    other.ok(&files);
    same_assignments(&assigned, &by_customer(table(&other.file("scored.parquet")).lazy()));
    // The same by the command of every night, where the rows are.
    let nightly = other.ok(&["assign", "--model", model, "--out", "nightly"]);
    assert!(nightly.out.contains("Scored 4,000 customers"), "{}", nightly.out);
    same_assignments(&in_folder(&other.file("nightly")), &assigned);
    let mut sizes: Vec<(String, u64)> = Vec::new();
    for segment in report["segments"].as_array().unwrap() {
        sizes.push((segment["id"].as_str().unwrap().into(), segment["profile"]["customers"].as_u64().unwrap()));
    }
    let ids = cells(&assigned, "segment_id");
    for (id, size) in &sizes {
        assert_eq!(ids.iter().filter(|own| *own == id).count() as u64, *size, "{id}");
    }
    // The centroids are a fixed point of everyone: each is the mean of those it attracts.
    assert_eq!(sizes.iter().map(|size| size.1).sum::<u64>(), 4_000);
}

#[test]
fn density_of_a_sample_assigns_everyone_by_prototypes() {
    let Some(url) = server() else { return };
    let project = Project::new();
    project.ok(&["demo", "--out", ".", "--data-only", "--customers", "1500", "-q"]);
    let other = on_spark(&project, &url, "sample = 700\n");
    other.edit("algorithm  = \"kmeans\"", "algorithm  = \"hdbscan\"");
    let run = other.ok(&["run"]);
    let report: serde_json::Value = serde_json::from_str(&other.text("reports/2026-Q1/report.json")).unwrap();
    let reasons = report["method"]["reasons"].to_string();
    assert!(reasons.contains("of the sample where hdbscan had put them"), "{reasons}{}", run.err);
    // Everyone is where this process puts them by the same prototypes, in no segment too.
    let model = "demo-shop/2026-Q1.1";
    let assigned = written(&other, model);
    assert_eq!(assigned.height(), 1500);
    let mut files = vec!["assign"];
    files.extend(["orders.csv", "events.csv", "customers.csv", "surveys.csv"]);
    files.extend(["--model", model, "--out", "scored.parquet"]);
    other.ok(&files);
    same_assignments(&assigned, &by_customer(table(&other.file("scored.parquet")).lazy()));
    // The next version, of a larger sample, says who was where before.
    other.edit("sample = 700", "sample = 900");
    other.ok(&["run"]);
    let next = written(&other, "demo-shop/2026-Q1.2");
    let column = |frame: &DataFrame, name: &str| cells(frame, name);
    assert_eq!(column(&next, "customer_id"), column(&assigned, "customer_id"));
    let (before, now) = (column(&assigned, "segment_id"), column(&next, "segment_id"));
    let (previous, since) = (column(&next, "previous_segment_id"), column(&next, "segment_changed_at"));
    let moved = |row: usize| before[row] != now[row];
    assert!((0..1500).any(moved) && !(0..1500).all(moved));
    let today = column(&next, "as_of");
    for row in 0..1500 {
        let expected = if moved(row) { (before[row].as_str(), today[row].as_str()) } else { ("", "") };
        assert_eq!((previous[row].as_str(), since[row].as_str()), expected, "row {row}");
    }
}

/// A server of its own, which may be killed.
struct Server {
    port: u16,
    state: tempfile::TempDir,
}

impl Server {
    fn start(port: u16) -> Self {
        let server = Self { port, state: tempfile::tempdir().unwrap() };
        server.spark("test");
        server
    }

    fn spark(&self, what: &str) {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/spark");
        let done = Command::new(script)
            .arg(what)
            .env("ILK_SPARK_PORT", self.port.to_string())
            .env("ILK_SPARK_STATE", self.state.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(done.status.success(), "scripts/spark {what}: {}", String::from_utf8_lossy(&done.stderr));
    }

    fn url(&self) -> String {
        format!("sc://127.0.0.1:{}", self.port)
    }

    /// The processes of the server: the driver first, then the executors.
    fn processes(&self) -> (String, Vec<String>) {
        let driver = std::fs::read_to_string(self.state.path().join("connect.pid")).unwrap().trim().to_string();
        let found = Command::new("pgrep").args(["-g", &driver, "-f", "CoarseGrainedExecutorBackend"]).output().unwrap();
        let executors = String::from_utf8(found.stdout).unwrap().lines().map(String::from).collect();
        (driver, executors)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/spark");
        let _ = Command::new(script).arg("down").env("ILK_SPARK_STATE", self.state.path()).output();
    }
}

fn kill(process: &str) {
    assert!(Command::new("kill").args(["-9", process]).status().unwrap().success());
}

/// Starts a run and waits until the project knows that a stage is kept.
fn run_until(project: &Project, kept: &str) -> std::process::Child {
    let child = Command::new(env!("CARGO_BIN_EXE_ilk"))
        .arg("run")
        .current_dir(project.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let began = Instant::now();
    let ledger = project.file(".ilk/engine.json");
    while !std::fs::read_to_string(&ledger).is_ok_and(|text| text.contains(&format!("\"{kept}\""))) {
        assert!(began.elapsed() < Duration::from_secs(300), "`{kept}` was never kept");
        std::thread::sleep(Duration::from_millis(20));
    }
    child
}

fn ended(child: std::process::Child) -> Outcome {
    let output = child.wait_with_output().unwrap();
    Outcome {
        status: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

#[test]
fn a_lost_worker_changes_nothing_and_a_lost_server_is_gone_on_from() {
    if server().is_none() {
        return;
    }
    // Orders alone: every step of a run in a fraction of the time that all tables take.
    let project = Project::new();
    project.ok(&["demo", "--out", ".", "--data-only", "--customers", "1500", "-q"]);
    for file in ["ilk.toml", "events.csv", "customers.csv", "surveys.csv"] {
        std::fs::remove_file(project.file(file)).unwrap();
    }
    project.ok(&["init", "orders.csv", "--yes", "-q"]);
    project.edit("name     = ", "name     = \"shop\" # ");
    project.ok(&["run", "-q"]);
    let version = std::fs::read_dir(project.file("models/shop")).unwrap().map(|entry| entry.unwrap().file_name());
    let version = version.map(|name| name.into_string().unwrap()).find(|name| name.ends_with(".1")).unwrap();
    let name = format!("shop/{version}");
    let undisturbed = |other: &Project| {
        for file in ["model.json", "assignments.csv", "features.parquet"] {
            let file = format!("models/{name}/{file}");
            assert!(other.read(&file) == project.read(&file), "{file} is another");
        }
        let ours = table(&project.file(&format!("models/{name}/assignments.parquet")));
        same_assignments(&written(other, &name), &by_customer(ours.lazy()));
    };
    let server = Server::start(15_102);
    let (driver, executors) = server.processes();
    assert!(executors.len() >= 2, "a server with {} executors", executors.len());

    // A worker is killed while features are counted.
    let lost_worker = on_spark(&project, &server.url(), "");
    let child = run_until(&lost_worker, "population");
    kill(&executors[0]);
    let kept = lost_worker.text(".ilk/engine.json");
    assert!(!kept.contains("\"observed\""), "the features were counted before the worker was killed");
    let outcome = ended(child);
    assert_eq!(outcome.status, 0, "{}", outcome.err);
    undisturbed(&lost_worker);

    // The server is killed there.
    let lost_server = on_spark(&project, &server.url(), "");
    let child = run_until(&lost_server, "population");
    kill(&driver);
    let outcome = ended(child);
    assert_eq!(outcome.status, 5, "{}{}", outcome.out, outcome.err);
    assert!(outcome.err.contains("E0620") && outcome.err.contains("goes on from"), "{}", outcome.err);
    assert!(!lost_server.file(&format!("models/{name}")).exists());
    server.spark("down");
    let absent = lost_server.ilk(&["run"]);
    assert_eq!(absent.status, 5, "{}", absent.err);
    assert!(absent.err.contains("no Spark answers"), "{}", absent.err);
    server.spark("test");
    let kept = lost_server.file(".ilk/staging/orders_read/_SUCCESS");
    let before = std::fs::metadata(&kept).unwrap().modified().unwrap();
    // Later stages are kept one by one; the orders are not written again on the way there.
    let child = run_until(&lost_server, "features");
    assert_eq!(std::fs::metadata(&kept).unwrap().modified().unwrap(), before, "the orders were read again");
    let outcome = ended(child);
    assert_eq!(outcome.status, 0, "{}", outcome.err);
    undisturbed(&lost_server);
    // What was kept on the way is gone, what was asked for is there.
    let staging = std::fs::read_dir(lost_server.file(".ilk/staging")).unwrap();
    let left: Vec<_> = staging.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["assignments"]);
}

#[test]
fn what_a_spark_cannot_do_is_said() {
    let Some(url) = server() else { return };
    let project = Project::new();
    let mut orders = String::from("customer,order,date,amount\n");
    for i in 0..400 {
        orders.push_str(&format!("C{:03},O{i},2026-0{}-1{},{}.50\n", i % 80, 1 + i % 6, i % 9, 5 + i % 37));
    }
    project.write("orders.csv", &orders);
    project.ok(&["init", "orders.csv", "--yes"]);
    let said = |project: &Project| {
        let outcome = project.ilk(&["run"]);
        (outcome.status, outcome.err)
    };
    let (status, err) = said(&on_spark(&project, "sc://127.0.0.1:1", ""));
    assert!(status == 5 && err.contains("E0620") && err.contains("no Spark answers"), "{err}");
    let (status, err) = said(&on_spark(&project, "sc://127.0.0.1:15002/;token=secret", ""));
    assert!(status == 2 && err.contains("E0221") && !err.contains("secret"), "{err}");
    let (status, err) = said(&on_spark(&project, "sc://spark.example:443", ""));
    assert!(status == 2 && err.contains("E0221") && err.contains("staging"), "{err}");
    let gone = on_spark(&project, &url, "");
    std::fs::remove_file(gone.file("orders.csv")).unwrap();
    let (status, err) = said(&gone);
    assert!(status == 2 && err.contains("E0101") && err.contains("workers"), "{err}");
    // Whoever has a tenth of the lines, a line with a tenth of the money and a quarter that is not over are doubtful there too.
    let till = on_spark(&project, &url, "");
    let more: String = (0..60).map(|i| format!("TILL,T{i},2026-05-1{},9.00\n", i % 9)).collect();
    till.write("orders.csv", format!("{orders}{more}C001,O900,2026-05-18,99000.00\n"));
    let (_, err) = said(&till);
    assert!(err.contains("W0333") && err.contains("`TILL` has 60 of 461"), "{err}");
    assert!(err.contains("W0345") && err.contains("W0318"), "{err}");
    // Dates that are none, beyond the limit.
    let broken = on_spark(&project, &url, "");
    broken.write("orders.csv", orders.replace(",2026-01-1", ",soon "));
    let (status, err) = said(&broken);
    assert!(status == 3 && err.contains("E0315") && err.contains("soon"), "{err}");
    // A mixture assigns by density, which a database does not.
    let mixture = on_spark(&project, &url, "sample = 20\n");
    mixture.edit("algorithm  = \"kmeans\"", "algorithm  = \"gaussian_mixture\"");
    let (status, err) = said(&mixture);
    assert!(status == 2 && err.contains("E0223"), "{err}");
}
