//! The notebook runs as it stands, on a run of the sample shop, with the packages that it names.

use crate::project::Project;
use std::process::Command;

/// Runs every code cell in one namespace and prints what each ends with, as a notebook does.
const RUNNER: &str = "
import ast, json
scope = {}
for cell in json.load(open('read_a_run.ipynb'))['cells']:
    if cell['cell_type'] != 'code':
        continue
    body = ast.parse(''.join(cell['source'])).body
    last = body.pop() if isinstance(body[-1], ast.Expr) else None
    exec(compile(ast.Module(body, []), 'cell', 'exec'), scope)
    if last is not None:
        print(eval(compile(ast.Expression(last.value), 'cell', 'eval'), scope))
";

fn python() -> Option<String> {
    let program = std::env::var("ILK_PYTHON").unwrap_or_else(|_| "python3".into());
    let ready = Command::new(&program).args(["-c", "import polars, duckdb"]).output().is_ok_and(|o| o.status.success());
    if !ready {
        assert!(std::env::var("ILK_PYTHON").is_err(), "{program} lacks polars or duckdb");
        eprintln!("left out: Python with polars and duckdb is not there (scripts/test installs them)");
    }
    ready.then_some(program)
}

#[test]
fn the_notebook_reads_a_run() {
    let Some(python) = python() else { return };
    let project = Project::new();
    let sample = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/notebooks-data"));
    for file in ["orders.csv", "customers.csv", "events.csv", "surveys.csv", "truth.csv", "ilk.toml"] {
        project.write(&format!("shop/{file}"), std::fs::read(sample.join("shop").join(file)).unwrap());
    }
    project.write("read_a_run.ipynb", std::fs::read(sample.join("read_a_run.ipynb")).unwrap());
    project.ok(&["run", "--dir", "shop", "-q"]);
    let ran = Command::new(python)
        .args(["-c", RUNNER])
        .current_dir(project.path())
        .env("POLARS_FMT_STR_LEN", "60")
        .env("POLARS_FMT_MAX_COLS", "-1")
        .env("POLARS_TABLE_WIDTH", "300")
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{err}");
    let report: serde_json::Value = serde_json::from_str(&project.text("shop/reports/2026-Q1/report.json")).unwrap();
    for segment in report["segments"].as_array().unwrap() {
        let name = segment["persona"]["name"].as_str().unwrap();
        assert!(out.contains(name), "{name} is in no cell:\n{out}");
    }
}
