//! What to measure: a workload and `KEY=VALUE`s; and how often.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::BufRead;

pub(crate) struct Arguments(BTreeMap<String, String>);

impl Arguments {
    /// The workload and its arguments; says how to name one if there is none, as in `cargo bench` over all benches.
    pub(crate) fn read(example: &str) -> Option<(String, Self)> {
        // `cargo bench` passes `--bench`.
        let mut words = std::env::args().skip(1).filter(|word| word != "--bench");
        let Some(workload) = words.next() else {
            println!("left out: say what to measure: cargo bench --bench {example}");
            return None;
        };
        let pairs = words.map(|w| w.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned())).expect("KEY=VALUE"));
        Some((workload, Self(pairs.collect())))
    }

    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    pub(crate) fn get<T: std::str::FromStr>(&self, key: &str, default: T) -> T {
        match self.text(key) {
            Some(text) => text.parse().unwrap_or_else(|_| panic!("{key}={text} is not of the right kind")),
            None => default,
        }
    }

    #[allow(dead_code, reason = "not every benchmark reads a file")]
    pub(crate) fn bytes(&self, key: &str) -> Vec<u8> {
        let path = self.text(key).unwrap_or_else(|| panic!("say {key}=PATH"));
        std::fs::read(path).unwrap_or_else(|e| panic!("{path}: {e}"))
    }

    /// Runs once, `repeats=N` times, or with `repeats=serve` once per line of standard input; prints a line of JSON per run, to which the
    /// peak memory is added.
    #[allow(dead_code, reason = "not every benchmark is served")]
    pub(crate) fn repeat(&self, mut run: impl FnMut() -> Value) {
        let mut report = || {
            let mut line = run();
            line["peak_megabytes"] = json!(peak_megabytes());
            println!("{line}");
        };
        match self.text("repeats") {
            Some("serve") => {
                println!("ready");
                std::io::stdin().lock().lines().for_each(|_| report());
            }
            _ => (0..self.get("repeats", 1)).for_each(|_| report()),
        }
    }
}

/// The most memory this process had, from the kernel; 0 where it does not say.
fn peak_megabytes() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|l| l.trim().trim_end_matches("kB").trim().parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
}
