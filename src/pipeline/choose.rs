//! The algorithm of the config, and what it finds in model space.

use super::Watch;
use crate::cluster::{Algorithm, Clusterer, Dbscan, KMeans, Prototypes, dbscan};
use crate::config::{AlgorithmName, Auto, ClusterConfig};
use crate::error::{Result, Warning};
use crate::evidence::select::{Candidate, choose_k, sweep_k};
use crate::evidence::{eps, stability};
use crate::features::preparation::ModelMatrix;

/// What was chosen, before segments have names.
pub(super) struct Chosen {
    pub(super) algorithm: Algorithm,
    pub(super) prototypes: Prototypes,
    pub(super) candidates: Vec<Candidate>,
    pub(super) reasons: Vec<String>,
    pub(super) stability: Vec<f64>,
    pub(super) warnings: Vec<Warning>,
}

fn kmeans(config: &ClusterConfig) -> KMeans {
    KMeans { n_starts: config.n_starts, implementation: config.implementation, ..KMeans::default() }
}

fn min_samples(config: &ClusterConfig, matrix: &ModelMatrix) -> usize {
    match config.min_samples {
        Auto::Auto => dbscan::auto_min_samples(matrix.values.nrows(), matrix.values.ncols()),
        Auto::Given(n) => n,
    }
}

pub(super) fn choose(config: &ClusterConfig, matrix: &ModelMatrix, watch: &dyn Watch) -> Result<Chosen> {
    let x = matrix.values.view();
    let tick = |done: usize, of: usize| watch.tick(done, of);
    match (config.algorithm, config.n_clusters, config.eps) {
        (AlgorithmName::Kmeans, Auto::Auto, _) => {
            let template = kmeans(config);
            let choice = choose_k(x, &template, &config.select, config.seed, &tick)?;
            let mut warnings = Vec::new();
            if choice.fallback {
                warnings.push(
                    Warning::new(
                        "W0410",
                        "no number of segments met every condition, so the best of the rest was taken",
                    )
                    .why("the segments are a convenience here, not a discovery")
                    .help("look at the quality table, and at the stability on each card"),
                );
            }
            Ok(Chosen {
                algorithm: Algorithm::KMeans(KMeans { n_clusters: choice.k, ..template }),
                prototypes: choice.prototypes,
                candidates: choice.candidates,
                reasons: choice.reasons,
                stability: choice.stability,
                warnings,
            })
        }
        (AlgorithmName::Kmeans, Auto::Given(k), _) => {
            let algorithm = KMeans { n_clusters: k, ..kmeans(config) };
            let prototypes = algorithm.fit(x, config.seed)?;
            let labels: Vec<Option<usize>> = prototypes.assign(x).iter().map(|a| a.cluster).collect();
            let stability = if k > 1 {
                stability::clusterwise_jaccard(x, &labels, &algorithm, config.select.bootstraps, 4_000, config.seed)
            } else {
                Vec::new()
            };
            Ok(Chosen {
                algorithm: Algorithm::KMeans(algorithm),
                prototypes,
                candidates: Vec::new(),
                reasons: vec![format!("{k} segments, as the config says.")],
                stability,
                warnings: Vec::new(),
            })
        }
        (AlgorithmName::Dbscan, _, eps) => {
            let min_samples = min_samples(config, matrix);
            let (eps, prototypes, candidates, reasons) = match eps {
                Auto::Auto => {
                    let choice = eps::choose_eps(x, min_samples, config.seed)?;
                    (choice.eps, choice.prototypes, choice.candidates, choice.reasons)
                }
                Auto::Given(eps) => {
                    let algorithm = Dbscan { eps, min_samples, implementation: config.implementation };
                    let reason = format!("eps = {eps} and min_samples = {min_samples}, as the config says.");
                    (eps, algorithm.fit(x, config.seed)?, Vec::new(), vec![reason])
                }
            };
            let mut warnings = Vec::new();
            if prototypes.n_clusters() == 1 {
                warnings.push(
                    Warning::new("W0412", "one dense segment and its outliers: that can be the honest answer")
                        .help("a smaller eps splits it if it has parts; k-means cuts it into slices"),
                );
            }
            let algorithm = Algorithm::Dbscan(Dbscan { eps, min_samples, implementation: config.implementation });
            Ok(Chosen { algorithm, prototypes, candidates, reasons, stability: Vec::new(), warnings })
        }
    }
}

/// The quality table over k, or over eps.
///
/// # Errors
/// Of the algorithm.
pub fn sweep(config: &ClusterConfig, matrix: &ModelMatrix, watch: &dyn Watch) -> Result<Vec<Candidate>> {
    let x = matrix.values.view();
    match config.algorithm {
        AlgorithmName::Kmeans => {
            sweep_k(x, &kmeans(config), &config.select, config.seed, &|done, of| watch.tick(done, of))
        }
        AlgorithmName::Dbscan => eps::sweep_eps(x, min_samples(config, matrix), config.seed),
    }
}
