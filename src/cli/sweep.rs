//! `ilk sweep`: the quality table over the number of segments, over eps, or over the least size of a segment.

use super::progress::Progress;
use super::{Voice, config, table};
use crate::config::AlgorithmName;
use crate::error::Result;
use crate::pipeline::{self, Watch};
use crate::store::Store;
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
        let prepared = pipeline::prepare(&config, store.root(), &progress)?;
        progress.begin("sweep");
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
