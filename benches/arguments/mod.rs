//! What to measure: a workload and `KEY=VALUE`s.

use std::collections::BTreeMap;

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

    pub(crate) fn bytes(&self, key: &str) -> Vec<u8> {
        let path = self.text(key).unwrap_or_else(|| panic!("say {key}=PATH"));
        std::fs::read(path).unwrap_or_else(|e| panic!("{path}: {e}"))
    }
}
