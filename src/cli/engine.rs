//! The engine that a project asks for.

use super::progress::Progress;
use crate::config::Config;
#[cfg(feature = "spark")]
use crate::config::EngineKind;
use crate::data::read::Tables;
#[cfg(feature = "spark")]
use crate::engine::spark::Spark;
use crate::error::{Error, Result};
use crate::pipeline::{self, Distributed, Elder, Prepared, Watch};
use crate::store::Store;

/// An engine beside this process.
#[cfg(feature = "spark")]
pub(super) struct Session {
    spark: Spark,
    /// The folder where assignments are written.
    assignments: String,
}

/// There is none: this ilk was built without any.
#[cfg(not(feature = "spark"))]
pub(super) enum Session {}

/// Opens what the config asks for; `None` is polars and this process.
///
/// # Errors
/// E0620 where nobody answers, E0221 for a url or folder that cannot be, E0224 where ilk was built without it.
#[cfg(feature = "spark")]
pub(super) fn open(config: &Config, store: &Store) -> Result<Option<Session>> {
    let engine = &config.engine;
    if engine.kind == EngineKind::Polars {
        return Ok(None);
    }
    let url = engine.url.clone().or_else(|| std::env::var("SPARK_REMOTE").ok()).ok_or_else(|| {
        Error::new("E0221", "[engine] has no url, and SPARK_REMOTE is not set")
            .help("url = \"sc://127.0.0.1:15002\"  (`just spark-up` starts one on this machine)")
    })?;
    let root = store.root().canonicalize().unwrap_or_else(|_| store.root().to_path_buf());
    let own = root.join(".ilk").join("staging");
    let of_this_machine = ["sc://127.", "sc://localhost", "sc://[::1]"].iter().any(|start| url.starts_with(start));
    let staging = match &engine.staging {
        Some(staging) => staging.clone(),
        None if of_this_machine => own.to_string_lossy().into_owned(),
        None => {
            return Err(Error::new("E0221", "[engine] has no staging folder, and the Spark is not on this machine")
                .why("what is computed on the way is kept where every worker sees it")
                .help("under [engine]: staging = \"s3a://bucket/folder\""));
        }
    };
    // Beside the lock, which is there by now.
    let ledger = root.join(".ilk").join("engine.json");
    let spark = Spark::connect(&url, &staging, Some(ledger))?;
    let assignments = engine.assignments.clone().unwrap_or_else(|| format!("{staging}/assignments"));
    Ok(Some(Session { spark, assignments }))
}

/// Refuses what this ilk cannot do.
///
/// # Errors
/// E0224 for a config that asks for a Spark.
#[cfg(not(feature = "spark"))]
pub(super) fn open(config: &Config, _: &Store) -> Result<Option<Session>> {
    match config.engine.kind {
        crate::config::EngineKind::Polars => Ok(None),
        crate::config::EngineKind::Spark => Err(Error::new("E0224", "this ilk was built without Spark").help(
            "cargo install --path . --features spark  (building it needs protoc: apt-get install protobuf-compiler)",
        )),
    }
}

/// Data to model space, where the engine is.
///
/// # Errors
/// Of reading and of the engine.
pub(super) fn prepare<'a>(
    config: &Config,
    store: &Store,
    session: Option<&'a Session>,
    watch: &dyn Watch,
) -> Result<(Prepared, Option<Distributed<'a>>)> {
    match session {
        None => Ok((pipeline::prepare(config, store.root(), watch)?, None)),
        Some(session) => {
            let (prepared, everyone) = pipeline::prepare_distributed(config, store.root(), session.database(), watch)?;
            Ok((prepared, Some(everyone)))
        }
    }
}

#[cfg(feature = "spark")]
impl Session {
    pub(super) fn database(&self) -> &dyn crate::engine::database::Database {
        &self.spark
    }

    /// Shows on a bar how many tasks are done.
    pub(super) fn shown(&self, progress: &Progress) {
        let bar = progress.shared();
        self.spark.watch(move |done, of| bar.tasks(done, of));
    }

    /// Writes the assignments of everyone, beside those of an `elder`, to a folder; without one to that of the version. Returns where.
    pub(super) fn write(
        &self,
        everyone: &Distributed,
        model: &pipeline::Model,
        tables: &Tables,
        elder: Option<&Elder>,
        folder: Option<String>,
    ) -> Result<String> {
        let usual = || format!("{}/{}-{}", self.assignments.trim_end_matches('/'), model.name, model.version);
        let folder = folder.unwrap_or_else(usual);
        self.spark.write(&everyone.assignments(model, tables, elder)?, &folder)?;
        Ok(folder)
    }

    /// Forgets what was kept on the way.
    pub(super) fn finish(&self) {
        self.spark.finish();
    }
}

#[cfg(not(feature = "spark"))]
impl Session {
    pub(super) fn database(&self) -> &dyn crate::engine::database::Database {
        match *self {}
    }

    pub(super) fn shown(&self, _: &Progress) {
        match *self {}
    }

    pub(super) fn write(
        &self,
        _: &Distributed,
        _: &pipeline::Model,
        _: &Tables,
        _: Option<&Elder>,
        _: Option<String>,
    ) -> Result<String> {
        match *self {}
    }

    pub(super) fn finish(&self) {
        match *self {}
    }
}
