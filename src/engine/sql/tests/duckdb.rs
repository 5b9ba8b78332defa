//! DuckDB in a Python beside the tests: a database that is nearly everywhere and agrees with the standard.

use super::super::Dialect;
use crate::engine::database::{Answer, Cells, Database};
use crate::error::{Error, Result};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;

/// Answers one line of JSON to each.
const SERVER: &str = r#"
import duckdb, json, sys
con = duckdb.connect()
for line in sys.stdin:
    try:
        cursor = con.execute(json.loads(line))
        columns = [str(column[1]) for column in cursor.description or []]
        rows = cursor.fetchall() if columns else []
        print(json.dumps({"columns": columns, "rows": rows}), flush=True)
    except Exception as error:
        print(json.dumps({"error": str(error)}), flush=True)
"#;

pub(super) struct DuckDb {
    process: Child,
    pipes: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
}

impl DuckDb {
    pub(super) fn start() -> Option<Self> {
        let program = std::env::var("ILK_PYTHON").unwrap_or_else(|_| "python3".into());
        let ready = Command::new(&program).args(["-c", "import duckdb"]).output();
        if !ready.is_ok_and(|output| output.status.success()) {
            assert!(std::env::var("ILK_PYTHON").is_err(), "{program} has no duckdb");
            return None;
        }
        let mut process =
            Command::new(program).args(["-c", SERVER]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let pipes = (process.stdin.take().unwrap(), BufReader::new(process.stdout.take().unwrap()));
        Some(Self { process, pipes: Mutex::new(pipes) })
    }
}

impl Drop for DuckDb {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Database for DuckDb {
    fn dialect(&self) -> Dialect {
        Dialect::DuckDb
    }

    fn query(&self, sql: &str) -> Result<Answer> {
        let mut pipes = self.pipes.lock().unwrap();
        writeln!(pipes.0, "{}", json!(sql)).unwrap();
        let mut line = String::new();
        pipes.1.read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).unwrap();
        if let Some(error) = said["error"].as_str() {
            return Err(Error::new("E0621", format!("{error}\n{sql}")));
        }
        let rows = said["rows"].as_array().unwrap();
        let of = |at: usize| rows.iter().map(move |row| &row[at]);
        let column = |(at, kind): (usize, &Value)| match kind.as_str().unwrap() {
            "VARCHAR" => Cells::Text(of(at).map(|v| v.as_str().map(String::from)).collect()),
            "DOUBLE" => Cells::Number(of(at).map(Value::as_f64).collect()),
            "BOOLEAN" => Cells::Whole(of(at).map(|v| v.as_bool().map(i64::from)).collect()),
            _ => Cells::Whole(of(at).map(Value::as_i64).collect()),
        };
        Ok(Answer { columns: said["columns"].as_array().unwrap().iter().enumerate().map(column).collect() })
    }

    fn command(&self, sql: &str) -> Result<()> {
        self.query(sql).map(|_| ())
    }

    fn keep(&self, name: &str, sql: &str) -> Result<()> {
        self.query(&format!("CREATE OR REPLACE TABLE {name} AS {sql}")).map(|_| ())
    }
}
