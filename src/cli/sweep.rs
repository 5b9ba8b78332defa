//! `ilk sweep`: the quality table over the number of segments, over eps, or over the least size of a segment.

use super::progress::Progress;
use super::run::pretty;
use super::{Voice, config, elder, engine, table};
use crate::config::AlgorithmName;
use crate::error::Result;
use crate::pipeline::{self, Watch, Weighed};
use crate::report::evidence;
use crate::store::{Store, write_atomic};
use clap::Args;

/// Arguments of `ilk sweep`.
#[derive(Debug, Args)]
pub struct Sweep {
    /// The algorithm; the config's without it
    #[arg(long, value_parser = AlgorithmName::ALL.map(|(name, _)| name))]
    algorithm: Option<String>,
    /// Largest k
    #[arg(long, value_name = "K")]
    k_max: Option<usize>,
    /// Everything that decides: segments beside customers without groups, halves that predict each other, other algorithms.
    /// Saved as reports/sweep.json
    #[arg(long)]
    full: bool,
}

impl Sweep {
    pub(crate) fn run(&self, store: &Store, voice: &Voice) -> Result<i32> {
        let mut config = config(store)?;
        if let Some((_, algorithm)) =
            AlgorithmName::ALL.iter().find(|(name, _)| Some(*name) == self.algorithm.as_deref())
        {
            config.cluster.algorithm = *algorithm;
        }
        if let Some(k) = self.k_max {
            config.cluster.select.k_max = k;
        }
        let progress = Progress::new(voice, 3);
        let session = engine::open(&config, store)?;
        let (prepared, _) = engine::prepare(&config, store, session.as_ref(), &progress)?;
        progress.begin("sweep");
        if self.full {
            let elder = elder::reference(store, &config.project.name)?;
            let standing = elder.map(|elder| pipeline::standing(&elder, &prepared)).transpose()?.flatten();
            let weighed = pipeline::weighed(&config.cluster, &prepared.model_matrix, standing.as_ref(), &progress)?;
            progress.end(&[]);
            return full(&weighed, store, voice);
        }
        let candidates = pipeline::sweep(&config.cluster, &prepared.model_matrix, &progress)?;
        progress.end(&[]);
        let number = |value: Option<f64>, digits: usize| value.map_or("–".into(), |v| format!("{v:.digits$}"));
        let rows: Vec<Vec<String>> = candidates
            .iter()
            .map(|c| {
                vec![
                    c.value.to_string(),
                    c.clusters.to_string(),
                    number(c.silhouette, 3),
                    number(c.davies_bouldin, 2),
                    number(c.calinski_harabasz, 0),
                    number(c.stability, 2),
                    format!("{:.1}%", c.smallest * 100.0),
                    format!("{:.1}%", c.largest * 100.0),
                    format!("{:.1}%", c.unclustered * 100.0),
                    c.excluded.clone(),
                ]
            })
            .collect();
        let header = [
            match config.cluster.algorithm {
                AlgorithmName::Dbscan | AlgorithmName::Optics => "EPS",
                AlgorithmName::Hdbscan => "SMALLEST SIZE",
                _ => "K",
            },
            "SEGMENTS",
            "SILHOUETTE",
            "DAVIES-BOULDIN",
            "CALINSKI-HARABASZ",
            "STABILITY",
            "SMALLEST",
            "LARGEST",
            "UNCLUSTERED",
            "NOT OFFERED BECAUSE",
        ];
        voice.say(table(&header, &rows, &[0, 1, 2, 3, 4, 5, 6, 7, 8]));
        voice.document(&candidates)?;
        Ok(0)
    }
}

/// Prints and saves all that decides.
fn full(weighed: &Weighed, store: &Store, voice: &Voice) -> Result<i32> {
    voice.warn(&weighed.warnings);
    voice.say(format!("{}: {}", weighed.verdict.name(), weighed.verdict.sentence()));
    for reason in &weighed.reasons {
        voice.say(format!("  {reason}"));
    }
    let header = evidence::HEADER.map(str::to_uppercase);
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    voice.say("");
    voice.say(table(&header, &evidence::rows(&weighed.candidates), &[0, 2, 3, 4, 5, 6, 7, 8]));
    voice.say("");
    for [name, value, says] in evidence::tests(weighed.evidence.as_ref(), &weighed.algorithms) {
        voice.say(format!("  {name}: {value}, {says}"));
    }
    let path = store.root().join("reports").join("sweep.json");
    write_atomic(&path, &pretty(weighed))?;
    voice.say(format!("\nSaved    {}", path.display()));
    voice.document(weighed)?;
    Ok(0)
}
