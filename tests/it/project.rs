//! A project in a temporary folder, and the built `ilk` run in it.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A folder that goes with the test.
pub(crate) struct Project {
    dir: tempfile::TempDir,
}

/// What a command did.
pub(crate) struct Outcome {
    pub(crate) status: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Project {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.file(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.file(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    pub(crate) fn text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).unwrap()
    }

    /// The assignments of a model but for the last column, `confidence`: what resamples say of a customer is known of those in the
    /// training files alone.
    pub(crate) fn trained(&self, model: &str) -> String {
        let all = self.text(&format!("models/{model}/assignments.csv"));
        let rest = |line: &str| match line.rsplit_once(',') {
            Some((rest, _)) => format!("{rest}\n"),
            None => panic!("{line}"),
        };
        assert!(all.lines().next().unwrap().ends_with(",confidence"));
        all.lines().map(rest).collect()
    }

    /// Runs `ilk` in the folder.
    pub(crate) fn ilk(&self, arguments: &[&str]) -> Outcome {
        let output = Command::new(env!("CARGO_BIN_EXE_ilk"))
            .args(arguments)
            .current_dir(self.path())
            .env_remove("POLARS_MAX_THREADS")
            .env_remove("RAYON_NUM_THREADS")
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        Outcome {
            status: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs `ilk` and expects success.
    pub(crate) fn ok(&self, arguments: &[&str]) -> Outcome {
        let outcome = self.ilk(arguments);
        assert_eq!(outcome.status, 0, "{arguments:?}\n{}\n{}", outcome.out, outcome.err);
        outcome
    }

    /// Replaces a part of ilk.toml that must be there.
    pub(crate) fn edit(&self, from: &str, to: &str) {
        let text = self.text("ilk.toml");
        assert!(text.contains(from), "`{from}` is not in\n{text}");
        self.write("ilk.toml", text.replace(from, to));
    }
}

/// The whole messages of a code in what a command said with `-v`, or the error it ended with.
pub(crate) fn messages(said: &str, code: &str) -> String {
    let mut found = Vec::new();
    let mut inside = false;
    for line in said.lines() {
        let is_head = line.starts_with("warning[") || line.starts_with("error[");
        // A stage: ` 2/7  features`.
        let is_stage = line.as_bytes().get(2) == Some(&b'/');
        if is_head {
            inside = line.contains(&format!("[{code}]"));
        }
        inside &= is_head || (!is_stage && line.starts_with(|c: char| c == ' ' || c.is_ascii_digit()));
        if inside {
            found.push(line.trim_end());
        }
    }
    found.join("\n")
}

/// The column of a CSV text, by name.
pub(crate) fn column(text: &str, name: &str) -> Vec<String> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let at = reader.headers().unwrap().iter().position(|h| h == name).unwrap_or_else(|| panic!("no column {name}"));
    reader.records().map(|r| r.unwrap()[at].to_string()).collect()
}
