//! `ilk run`: check, features, choose k, fit, profile, report.

use super::progress::Progress;
use super::{Voice, config, elder, engine, look, table};
use crate::config::{Config, EngineKind};
use crate::error::{Result, Warning};
use crate::export::Format;
use crate::features::Unit;
use crate::pipeline::{self, Watch, changed_rows, feature_table};
use crate::report::words::leads;
use crate::report::{Report, SMALL_CELL, evidence, html, markdown};
use crate::segment::lineage::Record;
use crate::segment::migration::{Migration, Movements};
use crate::store::{Held, LINEAGE, Manifest, Published, Store, now};
use clap::Args;
use serde::Serialize;
use serde_json::json;
use std::collections::BTreeMap;

/// Arguments of `ilk run`.
#[derive(Debug, Args)]
pub struct Run {
    /// Wait where another run holds the project
    #[arg(long)]
    wait: bool,
}

/// What `ilk run --json` prints.
#[derive(Debug, Serialize)]
struct Outcome<'a> {
    model: String,
    model_folder: String,
    report: String,
    segments: &'a [crate::report::SegmentFacts],
    method: &'a crate::report::Method,
    warnings: &'a [crate::error::Warning],
}

impl Run {
    pub(crate) fn run(&self, store: &Store, voice: &Voice) -> Result<i32> {
        let config = config(store)?;
        let (report, published) = execute(&config, store, if self.wait { Held::Wait } else { Held::Refuse }, voice)?;
        say(&report, &published, voice)?;
        let model = format!("{}/{}", published.model.name, published.model.version);
        let assign = match config.engine.kind {
            EngineKind::Polars => {
                (format!("ilk assign FILE --model {model} --out scored.csv"), "score customers with this model")
            }
            EngineKind::Spark => {
                (format!("ilk assign --model {model} --out FOLDER"), "score everyone there, each night")
            }
        };
        voice.next(&[
            ("ilk report --open".into(), "read it in the browser"),
            ("ilk sweep".into(), "see the other numbers of segments"),
            assign,
        ]);
        Ok(0)
    }
}

/// Runs everything and publishes it.
pub(crate) fn execute(config: &Config, store: &Store, held: Held, voice: &Voice) -> Result<(Report, Published)> {
    let lock = store.lock_unless(held)?;
    if lock.unfinished() > 0 {
        voice.warn(&[Warning::new("W0617", "an unfinished run was found and removed: nothing of it counts")
            .why("it was killed, or the power went; the versions before are as they were")]);
    }
    let started = now();
    let look = look(config, store)?;
    let session = engine::open(config, store)?;
    // Beside this process there are a sample to bring here, everyone to go over, and everyone to write.
    let progress = Progress::new(voice, if session.is_some() { 10 } else { 7 });
    if let Some(session) = &session {
        session.shown(&progress);
    }
    let (prepared, everyone) = engine::prepare(config, store, session.as_ref(), &progress)?;
    let period = pipeline::period(&prepared.tables);
    let name = &config.project.name;
    let version = store.next_version(name, &period);
    let elder = elder::reference(store, name)?;
    let mut run = pipeline::segment(config, prepared, &version, elder.as_ref(), everyone.as_ref(), &progress)?;
    run.report.look = look;
    progress.begin("look back");
    // Rows before the window are not here where an engine has them.
    let movements = if everyone.is_some() && run.model.window_days.is_some() {
        None
    } else {
        pipeline::movements(&run, &config.input, store.root(), config.max_rejected()?)?
    };
    progress.end(&movements.iter().map(looked_back).collect::<Vec<_>>());
    run.report.migration = movements.map(|movements| movements.without_few(SMALL_CELL));
    voice.warn(&run.report.warnings);

    let mut written = None;
    if let (Some(session), Some(everyone)) = (&session, &everyone) {
        progress.begin("assign");
        // Where the sample is everyone, the files of the model have everyone, whatever the algorithm.
        if everyone.can_assign(&run.model.prototypes) {
            let folder = session.write(everyone, &run.model, &run.prepared.tables, elder.as_ref(), None)?;
            progress.end(&[format!("everyone is in {folder}")]);
            written = Some(folder);
        } else {
            progress.end(&["everyone is in the files of the model".into()]);
        }
    }
    progress.begin("write");
    let assignments = run.assignments(elder.as_ref());
    let metrics = json!({
        "algorithm": run.report.method.algorithm,
        "verdict": run.report.method.verdict,
        "reasons": run.report.method.reasons,
        "evidence": run.report.method.evidence,
        "agreement": run.report.method.agreement,
        "algorithms": run.report.method.algorithms.iter().cloned().collect::<BTreeMap<_, _>>(),
        "recurrence": run.report.segments.iter().map(|s| (s.id.clone(), s.recurrence)).collect::<BTreeMap<_, _>>(),
        "segments": run.report.segments.len(),
        "silhouette": run.report.method.silhouette,
        "davies_bouldin": run.report.method.davies_bouldin,
        "calinski_harabasz": run.report.method.calinski_harabasz,
        "inertia": run.report.method.inertia,
        "unclustered_share": run.report.method.unclustered_share,
        "weights": run.report.method.weights.iter().cloned().collect::<BTreeMap<_, _>>(),
        "between": run.report.method.between.iter().cloned().collect::<BTreeMap<_, _>>(),
        "sizes": run.report.segments.iter().map(|s| (s.id.clone(), s.profile.customers)).collect::<BTreeMap<_, _>>(),
        "stability": run.report.segments.iter().map(|s| (s.id.clone(), s.stability)).collect::<BTreeMap<_, _>>(),
        "sweep": run.report.method.sweep,
        "chance": run.chance,
    });
    let mut files = vec![
        ("model.json", run.model.to_json()?.into_bytes()),
        ("config.toml", config.to_toml()?.into_bytes()),
        ("metrics.json", pretty(&metrics)),
        (elder::FEATURES, Format::Parquet.write(&feature_table(&run.prepared.matrix))?),
        ("assignments.parquet", Format::Parquet.write(&assignments)?),
        ("rejects.csv", super::check::rejects_csv(&run.prepared.tables.rejects)?),
        (LINEAGE, pretty(&Record::new(run.model.segments.len(), run.report.lineage.clone()))),
    ];
    // The assignments of a sample are for the next run; people would take them for everyone's.
    let whole = everyone.as_ref().is_none_or(|everyone| everyone.is_whole());
    if whole {
        files.push(("assignments.csv", Format::Csv.write(&assignments)?));
    }
    if let Some(elder) = elder.as_ref().filter(|_| whole) {
        files.push(("changes.csv", Format::Csv.write(&changed_rows(&assignments, elder))?));
    }
    let report_files = vec![
        ("report.json", pretty(&run.report)),
        ("report.html", html::render(&run.report)?.into_bytes()),
        ("summary.md", markdown::render(&run.report).into_bytes()),
    ];
    let manifest = Manifest {
        metadata: metadata(started, written.as_deref(), elder.as_ref().map(|elder| elder.model.version.as_str())),
        inputs: json!(run.prepared.tables.inputs),
        config: json!(config),
        seed: config.cluster.seed,
        warnings: run.report.warnings.iter().map(|w| w.code.clone()).collect(),
        outputs: Vec::new(),
    };
    let published = store.publish(name, &version, &period, &files, manifest, &report_files)?;
    progress.end(&[]);
    if let Some(session) = &session {
        session.finish();
    }
    Ok((run.report, published))
}

/// `2011-09-09: 22 % of customers were in another segment`.
fn looked_back(movements: &Movements) -> String {
    let Movements { last, year_before, .. } = movements;
    let share = |migration: &Migration| format!("{:.0} %", migration.changed_share() * 100.0);
    let before = year_before.as_ref().map_or_else(String::new, |before| format!("; a year before {}", share(before)));
    format!("since {} {} went to another segment{before}", last.from, share(last))
}

fn metadata(started: u64, written: Option<&str>, parent: Option<&str>) -> BTreeMap<String, serde_json::Value> {
    let mut all = BTreeMap::from([
        ("schema".to_string(), json!("ilk/manifest/1")),
        ("ilk_version".into(), json!(env!("CARGO_PKG_VERSION"))),
        ("started_at".into(), json!(started)),
        ("finished_at".into(), json!(now())),
        ("host".into(), json!(format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH))),
        // Segment ids and names come from this model.
        ("parent".into(), json!(parent)),
        ("threads".into(), json!(rayon::current_num_threads())),
        ("command".into(), json!(std::env::args().collect::<Vec<_>>().join(" "))),
    ]);
    if let Some(folder) = written {
        all.insert(elder::WRITTEN.into(), json!(folder));
    }
    all
}

pub(super) fn pretty<T: Serialize>(value: &T) -> Vec<u8> {
    // Plain structs of numbers and text always serialise; a gap would be caught by the tests that read these files.
    let mut bytes = serde_json::to_vec_pretty(value).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

/// The segment table and where everything is.
pub(crate) fn say(report: &Report, published: &Published, voice: &Voice) -> Result<()> {
    voice.say("");
    if let Some(said) = evidence::said(report) {
        voice.say(format!("{}. {}\n{}\n", said.heading, said.sentence, said.because));
    }
    voice.say(segments(report));
    let model = &published.model;
    let html = published.report.join("report.html");
    voice.say(format!("\nModel    {}   @latest", model.folder.display()));
    voice.say(format!("Report   {}", html.display()));
    voice.document(&Outcome {
        model: report.model.clone(),
        model_folder: model.folder.display().to_string(),
        report: html.display().to_string(),
        segments: &report.segments,
        method: &report.method,
        warnings: &report.warnings,
    })
}

/// The segments as a table, with the columns the data have.
fn segments(report: &Report) -> String {
    let has_revenue = report.everyone.share_revenue.is_some();
    let columns: Vec<(&str, &str)> = [("recency_days", "LAST ORDER"), ("orders", "ORDERS"), ("revenue", "SPEND")]
        .into_iter()
        .filter(|(feature, _)| report.everyone.numbers.iter().any(|n| n.feature == *feature))
        .collect();
    let mut header = vec!["ID", "PERSONA", "CUSTOMERS", ""];
    if has_revenue {
        header.push("REVENUE");
    }
    header.extend(columns.iter().map(|c| c.1));
    let unit =
        |feature: &str| report.features.iter().find(|f| f.feature.name == feature).map(|f| f.feature.unit.clone());
    let row = |id: &str, name: &str, profile: &crate::segment::profile::Profile| {
        let mut row = vec![
            id.to_string(),
            name.to_string(),
            Unit::Count.format(profile.customers as f64, ""),
            format!("{:.0}%", profile.share_customers * 100.0),
        ];
        if has_revenue {
            row.push(profile.share_revenue.map_or("–".into(), |s| format!("{:.0}%", s * 100.0)));
        }
        for (feature, _) in &columns {
            let median = profile.numbers.iter().find(|n| n.feature == *feature).and_then(|n| n.median);
            row.push(median.zip(unit(feature)).map_or("–".into(), |(m, u)| u.format(m, &report.currency)));
        }
        row
    };
    let mut rows: Vec<Vec<String>> = report.segments.iter().map(|s| row(&s.id, &s.persona.name, &s.profile)).collect();
    if let Some(profile) = &report.unclustered {
        rows.push(row("–", "Unclustered", profile));
    }
    if let Some((id, name, customers)) = leads(report) {
        let mut row = vec![id.to_string(), name.to_string(), customers];
        row.resize(header.len(), "–".into());
        rows.push(row);
    }
    let right: Vec<usize> = (2..header.len()).collect();
    let mut text = table(&header, &rows, &right);
    if let Some(share) = report.coverage.guest_revenue_share.filter(|s| *s > 0.0) {
        text.push_str(&format!(
            "\n  (guest lines: {:.1}% of revenue; without an order in the window: {})",
            share * 100.0,
            report.coverage.without_orders
        ));
    }
    text
}
