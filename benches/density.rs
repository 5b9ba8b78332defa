//! One workload of the density benchmarks in one process; `benches/peers/density.py` sets it beside other libraries.
//!
//! `cargo bench --bench density -- WORKLOAD file=PATH width=D KEY=VALUE…` loads the rows (raw little-endian `f64`, C order),
//! runs the workload `repeats=N` times (1) and prints a line of JSON per run: wall and processor seconds, peak memory and
//! what was found. `labels=PATH` writes a line per row: label, strength, outlier score. Workloads:
//!
//! * `dbscan`, `optics` (`eps`, `min_samples`);
//! * `hdbscan` (`min_cluster_size`, `min_samples`, `method=eom|leaf`, `epsilon`, `single=true|false`; `weight=true` adds the
//!   length of the spanning tree);
//! * `kdistance` (`k`);
//! * `assign` (as `dbscan`): labels of all rows by a fitted model.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

mod arguments;

use arguments::Arguments;
use ilk::cluster::hdbscan::Selection;
use ilk::cluster::kdistance::k_distances;
use ilk::cluster::{Algorithm, Clusterer, Dbscan, Hdbscan, Optics};
use ndarray::Array2;
use serde_json::{Value, json};
use std::io::Write;
use std::time::Instant;

trait Workload {
    fn rows(&self) -> Array2<f64>;
    fn algorithm(&self, workload: &str) -> Algorithm;
}

impl Workload for Arguments {
    fn rows(&self) -> Array2<f64> {
        let width: usize = self.get("width", 2);
        let bytes = self.bytes("file");
        let mut values: Vec<f64> = bytes.chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect();
        values.truncate(self.get("rows", usize::MAX).saturating_mul(width).min(values.len()));
        Array2::from_shape_vec((values.len() / width, width), values).unwrap()
    }

    fn algorithm(&self, workload: &str) -> Algorithm {
        let (eps, min_samples) = (self.get("eps", 0.5), self.get("min_samples", 5));
        match workload {
            "hdbscan" => Algorithm::Hdbscan(Hdbscan {
                min_cluster_size: self.get("min_cluster_size", 5),
                min_samples: Some(min_samples),
                cluster_selection_method: match self.get("method", "eom".to_owned()).as_str() {
                    "leaf" => Selection::Leaf,
                    _ => Selection::Eom,
                },
                cluster_selection_epsilon: self.get("epsilon", 0.0),
                allow_single_cluster: self.get("single", false),
            }),
            "optics" => Algorithm::Optics(Optics { eps, min_samples, max_eps: None }),
            _ => Algorithm::Dbscan(Dbscan { eps, min_samples, ..Dbscan::default() }),
        }
    }
}

/// Processor seconds and peak memory in MB, as Linux tells them.
fn spent() -> (f64, u64) {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    (ticks as f64 / 100.0, peak.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024)
}

fn run(workload: &str, arguments: &Arguments, x: &Array2<f64>) -> Value {
    let (before, _) = spent();
    let start = Instant::now();
    let done = |start: Instant| {
        let (after, peak) = spent();
        json!({ "wall": start.elapsed().as_secs_f64(), "cpu": after - before, "peak_mb": peak })
    };
    if workload == "kdistance" {
        let curve = k_distances(x.view(), arguments.get("k", 4)).unwrap();
        let mut result = done(start);
        result["median"] = json!(curve[curve.len() / 2]);
        return result;
    }
    let algorithm = arguments.algorithm(workload);
    let prototypes = match algorithm.fit(x.view(), 0) {
        Ok(prototypes) => prototypes,
        Err(error) => return json!({ "error": error.code() }),
    };
    let start = if workload == "assign" { Instant::now() } else { start };
    let assigned = (workload == "assign").then(|| prototypes.assign(x.view()));
    let mut result = done(start);
    result["clusters"] = json!(prototypes.n_clusters());
    result["prototypes"] = json!(prototypes.points().nrows());
    if let Some(path) = arguments.text("labels") {
        let mut file = std::io::BufWriter::new(std::fs::File::create(path).unwrap());
        for row in assigned.unwrap_or_else(|| prototypes.assign(x.view())) {
            let label = row.cluster.map_or(-1, |cluster| cluster as i64);
            writeln!(file, "{label} {:e} {:e}", row.strength.unwrap_or(0.0), row.outlier.unwrap_or(0.0)).unwrap();
        }
    }
    if let (Algorithm::Hdbscan(model), true) = (&algorithm, arguments.get("weight", false)) {
        result["weight"] = json!(model.tree_weight(x.view().into()).unwrap());
    }
    result
}

fn main() {
    let example = "density -- dbscan file=ROWS width=4 eps=0.15 min_samples=10";
    let Some((workload, arguments)) = Arguments::read(example) else { return };
    let x = arguments.rows();
    for _ in 0..arguments.get("repeats", 1) {
        println!("{}", run(&workload, &arguments, &x));
    }
}
