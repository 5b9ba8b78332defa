//! Names and layout under a project's folder, atomic writes, and the lock. Besides `data` the only code that touches the
//! disk.

mod aliases;
mod files;
mod lock;
mod project;

pub use aliases::{Aliases, CHAMPION, LATEST, Moved};
pub use files::{Draft, refuse_existing, write_atomic, write_new};
pub use lock::{Held, Lock};

use crate::data::schema::Inputs;
use crate::data::source::closest;
use crate::error::{Error, Result};
use crate::segment::lineage::{Record, id_number};
use crate::segment::model::SegmentModel;
use files::{STAGING, cannot_write, link, swap, sync_folder, write_synced};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A project's folder.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
}

/// A model's folder and identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelRef {
    /// Name of the project.
    pub name: String,
    /// `2011-Q4.1`.
    pub version: String,
    /// Its folder.
    pub folder: PathBuf,
}

/// A file to be written: its name and bytes.
pub type Artifact = (&'static str, Vec<u8>);

/// What `manifest.json` says. Clock, paths, hashes and threads live here and nowhere else.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Manifest {
    /// When, where and by what.
    pub metadata: BTreeMap<String, serde_json::Value>,
    /// The input files.
    pub inputs: serde_json::Value,
    /// The resolved config.
    pub config: serde_json::Value,
    /// Decides every random draw.
    pub seed: u64,
    /// Codes and counts of the warnings.
    pub warnings: Vec<String>,
    /// The other files of the folder.
    pub outputs: Vec<Output>,
}

/// One written file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// Its name.
    pub path: String,
    /// Its size.
    pub bytes: usize,
    /// Its hash.
    pub blake3: String,
}

/// Where a run was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The model.
    pub model: ModelRef,
    /// The report's folder.
    pub report: PathBuf,
}

const MANIFEST: &str = "manifest.json";

/// Name of the file with what became of the segments of the model before.
pub const LINEAGE: &str = "lineage.json";

impl Store {
    /// The project in this folder.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The next version of a period: `2011-Q4.1`, then `2011-Q4.2`.
    pub fn next_version(&self, name: &str, period: &str) -> String {
        let last = self
            .versions(name)
            .iter()
            .filter_map(|v| v.strip_prefix(period)?.strip_prefix('.')?.parse::<u32>().ok())
            .max();
        format!("{period}.{}", last.unwrap_or(0) + 1)
    }

    /// Complete versions of a model, oldest first.
    pub fn versions(&self, name: &str) -> Vec<String> {
        let mut found: Vec<(String, u32, String)> = subfolders(&self.root.join("models").join(name))
            .into_iter()
            .filter(|f| f.join(MANIFEST).is_file())
            .filter_map(|f| {
                let version = file_name(&f);
                let (period, number) = version.rsplit_once('.')?;
                Some((period.to_string(), number.parse().ok()?, version))
            })
            .collect();
        found.sort();
        found.into_iter().map(|(.., v)| v).collect()
    }

    /// Writes a whole run: the model's folder first, then the report; each appears complete or not at all. An older report
    /// of the period moves to `history/<its version>/`.
    ///
    /// # Errors
    /// E0611 when the disk is full, E0612 when a folder cannot be written.
    pub fn publish(
        &self,
        name: &str,
        version: &str,
        period: &str,
        files: &[Artifact],
        mut manifest: Manifest,
        report: &[Artifact],
    ) -> Result<Published> {
        let home = self.root.join("models").join(name);
        let staging = home.join(format!("{STAGING}{}", std::process::id()));
        let folder = home.join(version);
        let report_staging = self.root.join("reports").join(format!("{STAGING}{}", std::process::id()));
        let report_folder = self.root.join("reports").join(period);
        fs::create_dir_all(&staging).map_err(|e| cannot_write(&staging, &e))?;
        let written = (|| {
            for (file, bytes) in files {
                write_synced(&staging.join(file), bytes)?;
                manifest.outputs.push(Output {
                    path: (*file).into(),
                    bytes: bytes.len(),
                    blake3: blake3::hash(bytes).to_hex().to_string(),
                });
            }
            fs::create_dir_all(&report_staging).map_err(|e| cannot_write(&report_staging, &e))?;
            for (file, bytes) in report {
                write_synced(&report_staging.join(file), bytes)?;
            }
            write_synced(&staging.join(MANIFEST), &json(&manifest)?)?;
            // What is in a folder must be on the disk before its name is, and the name before anything that points at it.
            sync_folder(&staging)?;
            fs::rename(&staging, &folder).map_err(|e| cannot_write(&folder, &e))?;
            sync_folder(&home)?;
            self.point(name, LATEST, version)?;
            replace_report(&report_staging, &report_folder)
        })();
        if let Err(error) = written {
            // The error that stopped the writing is the one to tell; what is left behind the next run removes.
            let _ = fs::remove_dir_all(&staging);
            let _ = fs::remove_dir_all(&report_staging);
            return Err(error);
        }
        Ok(Published { model: ModelRef { name: name.into(), version: version.into(), folder }, report: report_folder })
    }

    /// Finds `NAME`, `NAME/VERSION`, `NAME/@alias`, `NAME@alias`, or a path to a model's folder.
    ///
    /// # Errors
    /// E0604 if there is no such model, with the nearest; E0605 if there is none at all.
    pub fn find(&self, wanted: &str) -> Result<ModelRef> {
        let models = self.root.join("models");
        let as_path = Path::new(wanted);
        if as_path.join("model.json").is_file() {
            let version = file_name(as_path);
            let name = as_path.parent().map(file_name).unwrap_or_default();
            return Ok(ModelRef { name, version, folder: as_path.to_path_buf() });
        }
        let (name, version) = match wanted.split_once('/').or_else(|| wanted.find('@').map(|i| wanted.split_at(i))) {
            Some((name, version)) => (name, version),
            None => (wanted, "@latest"),
        };
        let names: Vec<String> = subfolders(&models).iter().map(|f| file_name(f)).collect();
        if !names.iter().any(|n| n == name) {
            let error = Error::new("E0604", format!("there is no model called `{name}`"));
            let refs: Vec<&str> = names.iter().map(String::as_str).collect();
            return Err(match closest(name, &refs) {
                Some(near) => error.help(format!("did you mean {near}?")),
                None if refs.is_empty() => error.help("`ilk run` makes the first one"),
                None => error.help(format!("models here: {}", refs.join(", "))),
            });
        }
        let versions = self.versions(name);
        let found = match version.strip_prefix('@') {
            Some(alias) => {
                let aliases = self.aliases(name).current;
                match aliases.get(alias) {
                    Some(version) => version.clone(),
                    None => {
                        let known: Vec<&str> = aliases.keys().map(String::as_str).collect();
                        let error = Error::new("E0604", format!("there is no alias @{alias} of {name}"));
                        return Err(match closest(alias, &known) {
                            Some(near) => error.help(format!("did you mean @{near} → {}?", aliases[near])),
                            None => error.help(format!(
                                "aliases: {}",
                                known.iter().map(|k| format!("@{k}")).collect::<Vec<_>>().join(", ")
                            )),
                        });
                    }
                }
            }
            None => version.to_string(),
        };
        if !versions.contains(&found) {
            return Err(Error::new("E0604", format!("there is no version {found} of {name}"))
                .help(format!("versions: {}", versions.join(", "))));
        }
        let folder = models.join(name).join(&found);
        Ok(ModelRef { name: name.into(), version: found, folder })
    }

    /// The version of the project called `name` that is meant by `2011-Q4.1` or `@champion`; `NAME/VERSION` is that of another.
    ///
    /// # Errors
    /// E0604 if there is none.
    pub fn version(&self, name: &str, wanted: &str) -> Result<ModelRef> {
        let whole = wanted.contains('/') || wanted.find('@').is_some_and(|at| at > 0);
        if whole { self.find(wanted) } else { self.find(&format!("{name}/{wanted}")) }
    }

    /// The newest run of the project called `name`.
    ///
    /// # Errors
    /// E0605 if there is none yet.
    pub fn latest(&self, name: &str) -> Result<ModelRef> {
        if self.versions(name).is_empty() {
            return Err(Error::new("E0605", format!("{name} has no run yet")).help("`ilk run` makes the first one"));
        }
        self.find(name)
    }

    /// Reads a file of a model and checks it against the manifest.
    ///
    /// # Errors
    /// E0603 if it was edited or damaged.
    pub fn read(&self, model: &ModelRef, file: &str) -> Result<Vec<u8>> {
        let path = model.folder.join(file);
        let bytes = fs::read(&path).map_err(|e| damaged(model, file, &e.to_string()))?;
        let manifest = self.manifest(model)?;
        let expected = manifest.outputs.iter().find(|o| o.path == file);
        if expected.is_some_and(|o| o.blake3 != blake3::hash(&bytes).to_hex().as_str()) {
            return Err(Error::new(
                "E0603",
                format!("{file} of {}/{} does not match its hash", model.name, model.version),
            )
            .why("an edited model scores customers by rules nobody trained")
            .help("restore it from a copy, or run `ilk run` again"));
        }
        Ok(bytes)
    }

    /// Every complete version of every model.
    pub fn every_version(&self) -> Vec<ModelRef> {
        let models = subfolders(&self.root.join("models"));
        let of = |home: PathBuf| {
            let name = file_name(&home);
            let versions = self.versions(&name).into_iter();
            versions.map(move |version| ModelRef { name: name.clone(), folder: home.join(&version), version })
        };
        models.into_iter().flat_map(of).collect()
    }

    /// What was measured of a model; null where an older ilk wrote something else.
    ///
    /// # Errors
    /// E0603 if the file was edited or damaged.
    pub fn metrics(&self, model: &ModelRef) -> Result<serde_json::Value> {
        Ok(serde_json::from_slice(&self.read(model, "metrics.json")?).unwrap_or_default())
    }

    /// The files of a version as they are, matching their hashes or not.
    ///
    /// # Errors
    /// E0603 if one cannot be read.
    pub fn artifacts(&self, model: &ModelRef) -> Result<Vec<(String, Vec<u8>)>> {
        let read = |output: Output| {
            let bytes =
                fs::read(model.folder.join(&output.path)).map_err(|e| damaged(model, &output.path, &e.to_string()))?;
            Ok((output.path, bytes))
        };
        self.manifest(model)?.outputs.into_iter().map(read).collect()
    }

    /// Replaces files of a version, the one exception to their never changing, and their hashes. What is interrupted here is to be done
    /// again.
    ///
    /// # Errors
    /// E0603 for a damaged manifest, E0611 when the disk is full, E0612 when a folder cannot be written.
    pub fn rewrite(&self, model: &ModelRef, files: Vec<(String, Vec<u8>)>) -> Result<()> {
        if files.is_empty() {
            return Ok(());
        }
        let mut manifest = self.manifest(model)?;
        for (file, bytes) in files {
            write_atomic(&model.folder.join(&file), &bytes)?;
            if let Some(output) = manifest.outputs.iter_mut().find(|output| output.path == file) {
                (output.bytes, output.blake3) = (bytes.len(), blake3::hash(&bytes).to_hex().to_string());
            }
        }
        write_atomic(&model.folder.join(MANIFEST), &json(&manifest)?)
    }

    /// Every file under `models` and `reports`, in the order of their names.
    pub fn every_file(&self) -> Vec<PathBuf> {
        let mut open = vec![self.root.join("models"), self.root.join("reports")];
        let mut found = Vec::new();
        while let Some(folder) = open.pop() {
            let (folders, files): (Vec<PathBuf>, Vec<PathBuf>) =
                entries(&folder).into_iter().partition(|path| path.is_dir());
            open.extend(folders);
            found.extend(files);
        }
        found.sort();
        found
    }

    /// The bytes of one of them.
    ///
    /// # Errors
    /// E0603 if it cannot be read.
    pub fn bytes(&self, path: &Path) -> Result<Vec<u8>> {
        fs::read(path).map_err(|e| {
            Error::new("E0603", format!("{} cannot be read: {e}", path.display()))
                .help("check the folder's permissions")
        })
    }

    /// What a version was made of and with.
    ///
    /// # Errors
    /// E0603 if it is damaged.
    pub fn manifest(&self, model: &ModelRef) -> Result<Manifest> {
        fs::read(model.folder.join(MANIFEST))
            .map_err(|e| damaged(model, MANIFEST, &e.to_string()))
            .and_then(|b| serde_json::from_slice(&b).map_err(|e| damaged(model, MANIFEST, &e.to_string())))
    }

    /// What a version keeps of the segments before it and of ids; one that an older ilk wrote is as a first one.
    ///
    /// # Errors
    /// E0603 if it was edited or damaged.
    pub fn record(&self, model: &ModelRef) -> Result<Record> {
        if !model.folder.join(LINEAGE).is_file() {
            let used = self.model(model)?.segments.into_iter().filter_map(|segment| id_number(&segment.id)).max();
            return Ok(Record::new(used.unwrap_or(0), None));
        }
        serde_json::from_slice(&self.read(model, LINEAGE)?).map_err(|e| damaged(model, LINEAGE, &e.to_string()))
    }

    /// Reads a model.
    ///
    /// # Errors
    /// E0601 for a newer format, E0603 if it was edited or damaged.
    pub fn model(&self, model: &ModelRef) -> Result<SegmentModel<Inputs>> {
        let text = String::from_utf8(self.read(model, "model.json")?)
            .map_err(|e| damaged(model, "model.json", &e.to_string()))?;
        SegmentModel::from_json(&text)
    }

    /// The newest period that has a report.
    ///
    /// # Errors
    /// E0605 if there is none.
    pub fn newest_report(&self) -> Result<PathBuf> {
        subfolders(&self.root.join("reports"))
            .into_iter()
            .filter(|f| f.join("report.json").is_file())
            .max_by_key(|f| file_name(f))
            .ok_or_else(|| Error::new("E0605", "there is no report yet").help("`ilk run` makes the first one"))
    }
}

/// Seconds since 1970 for `manifest.json`, the one file that may know the time.
#[allow(clippy::disallowed_methods)]
pub fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_secs())
}

fn json<T: Serialize>(value: &T) -> Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(value)
        .map_err(|e| Error::new("E0070", format!("a file cannot be written as JSON: {e}")))?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Puts a new report into its place and the old one into its history. Both are complete in `staging` before the folders change places, so
/// that a process which dies loses neither.
fn replace_report(staging: &Path, folder: &Path) -> Result<()> {
    let failed = |e: std::io::Error| cannot_write(folder, &e);
    if !folder.is_dir() {
        return fs::rename(staging, folder).map_err(failed);
    }
    let version = fs::read(folder.join("report.json"))
        .ok()
        .and_then(|b| serde_json::from_slice::<serde_json::Value>(&b).ok())
        .and_then(|v| v["model"].as_str().and_then(|m| m.rsplit('/').next().map(str::to_owned)))
        .unwrap_or_else(|| "unknown".into());
    let (history, own) = (folder.join("history"), staging.join("history"));
    let names = std::iter::once(version.clone()).chain((2..).map(|n| format!("{version}-{n}")));
    let name = names.into_iter().find(|name| !history.join(name).exists()).unwrap_or(version);
    for entry in entries(folder).into_iter().filter(|entry| *entry != history) {
        link(&entry, &own.join(&name).join(file_name(&entry))).map_err(failed)?;
    }
    for entry in entries(&history) {
        link(&entry, &own.join(file_name(&entry))).map_err(failed)?;
    }
    swap(staging, folder).map_err(failed)?;
    fs::remove_dir_all(staging).map_err(failed)
}

/// What is in a folder, in the order of names.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().filter_map(|entry| entry.ok().map(|e| e.path())).collect();
    found.sort();
    found
}

fn subfolders(folder: &Path) -> Vec<PathBuf> {
    entries(folder).into_iter().filter(|path| path.is_dir()).collect()
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default()
}

fn damaged(model: &ModelRef, file: &str, error: &str) -> Error {
    Error::new("E0603", format!("{file} of {}/{} cannot be read: {error}", model.name, model.version))
        .help("restore it from a copy, or run `ilk run` again")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        Manifest {
            metadata: BTreeMap::new(),
            inputs: serde_json::Value::Null,
            config: serde_json::Value::Null,
            seed: 1,
            warnings: Vec::new(),
            outputs: Vec::new(),
        }
    }

    fn publish(store: &Store, version: &str) -> Published {
        let report: Vec<Artifact> = vec![
            ("report.json", format!("{{\"model\": \"shop/{version}\"}}").into_bytes()),
            ("report.html", b"x".to_vec()),
        ];
        store
            .publish("shop", version, "2024-Q1", &[("model.json", b"{}".to_vec())], manifest(), &report)
            .expect("a published run")
    }

    #[test]
    fn versions_count_up_and_old_reports_move_to_history() {
        let dir = tempfile::tempdir().expect("a folder");
        let store = Store::new(dir.path());
        let _lock = store.lock().expect("the lock");
        for n in 1..=3 {
            let version = store.next_version("shop", "2024-Q1");
            assert_eq!(version, format!("2024-Q1.{n}"));
            publish(&store, &version);
        }
        let report = dir.path().join("reports/2024-Q1");
        for old in ["2024-Q1.1", "2024-Q1.2"] {
            let text =
                fs::read_to_string(report.join("history").join(old).join("report.json")).expect("the old report");
            assert!(text.contains(old));
        }
        assert!(!report.join("history/2024-Q1.2/history").exists());
        assert_eq!(store.latest("shop").expect("a model").version, "2024-Q1.3");
        assert_eq!(store.find("shop/2024-Q1.2").expect("a model").version, "2024-Q1.2");
        assert_eq!(store.find("shop@latest").expect("a model").version, "2024-Q1.3");
        // The promoted model is the reference, until then the newest; every move is kept.
        assert_eq!(store.reference("shop").expect("found").map(|m| m.version).as_deref(), Some("2024-Q1.3"));
        assert_eq!(store.reference("other").expect("none"), None);
        assert_eq!(store.point("shop", CHAMPION, "2024-Q1.2").expect("promoted"), None);
        assert_eq!(store.point("shop", CHAMPION, "2024-Q1.1").expect("promoted").as_deref(), Some("2024-Q1.2"));
        assert_eq!(store.reference("shop").expect("found").map(|m| m.version).as_deref(), Some("2024-Q1.1"));
        let moved: Vec<(Option<String>, String)> =
            store.aliases("shop").history.into_iter().map(|m| (m.from, m.to)).collect();
        assert_eq!(moved, [(None, "2024-Q1.2".into()), (Some("2024-Q1.2".into()), "2024-Q1.1".into())]);
        // What an older ilk wrote is read.
        fs::write(dir.path().join("models/shop").join(aliases::ALIASES), b"{\"latest\": \"2024-Q1.3\"}")
            .expect("a file");
        assert_eq!(store.find("shop@latest").expect("a model").version, "2024-Q1.3");
        let error = store.find("shop/@lates").expect_err("no such alias");
        assert_eq!((error.code(), error.exit_code()), ("E0604", 2));
        assert!(error.to_string().contains("did you mean @latest → 2024-Q1.3?"));
    }

    #[test]
    fn an_edited_file_is_not_trusted() {
        let dir = tempfile::tempdir().expect("a folder");
        let store = Store::new(dir.path());
        let published = publish(&store, "2024-Q1.1");
        assert_eq!(store.read(&published.model, "model.json").expect("bytes"), b"{}");
        fs::write(published.model.folder.join("model.json"), b"{ }").expect("an edit");
        assert_eq!(store.read(&published.model, "model.json").expect_err("an error").code(), "E0603");
    }

    #[test]
    fn a_second_writer_waits_and_leftovers_go() {
        let dir = tempfile::tempdir().expect("a folder");
        let store = Store::new(dir.path());
        fs::create_dir_all(dir.path().join("models/shop/.tmp-1")).expect("a leftover");
        let lock = store.lock().expect("the lock");
        assert!(!dir.path().join("models/shop/.tmp-1").exists());
        assert_eq!(store.lock().expect_err("held").code(), "E0613");
        drop(lock);
        store.lock().expect("free again");
    }

    #[test]
    fn a_folder_that_cannot_be_one_is_said_before_anything_is_read() {
        let dir = tempfile::tempdir().expect("a folder");
        fs::write(dir.path().join("models"), b"a file").expect("a file");
        assert_eq!(Store::new(dir.path()).lock().expect_err("an error").code(), "E0612");
    }
}
