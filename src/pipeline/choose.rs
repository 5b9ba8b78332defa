//! The algorithm of the config, and what it finds in model space.

use super::Watch;
use crate::cluster::{Algorithm, Clusterer, Dbscan, KMeans, Prototypes, dbscan};
use crate::config::{AlgorithmName, Auto, ClusterConfig};
use crate::error::{Result, Warning};
use crate::evidence::select::{Candidate, Space, Template, choose_k, sweep_k};
use crate::evidence::{eps, stability};
use crate::features::preparation::ModelMatrix;
use ndarray::ArrayView2;

/// Stability is measured on at most so many customers.
const ROWS: usize = 4_000;

/// What was chosen, before segments have names.
pub(super) struct Chosen {
    pub(super) algorithm: Algorithm,
    pub(super) prototypes: Prototypes,
    pub(super) candidates: Vec<Candidate>,
    pub(super) reasons: Vec<String>,
    pub(super) stability: Vec<f64>,
    pub(super) warnings: Vec<Warning>,
}

/// The algorithm of the config as a function of the number of clusters; `None` where it finds their number itself.
fn template(config: &ClusterConfig) -> Option<Box<Template<'_>>> {
    let implementation = config.implementation;
    match config.algorithm {
        AlgorithmName::Kmeans => Some(Box::new(move |n_clusters| {
            Algorithm::KMeans(KMeans { n_clusters, n_starts: config.n_starts, implementation, ..KMeans::default() })
        })),
        AlgorithmName::Dbscan => None,
    }
}

fn min_samples(config: &ClusterConfig, x: ArrayView2<f64>) -> usize {
    match config.min_samples {
        Auto::Auto => dbscan::auto_min_samples(x.nrows(), x.ncols()),
        Auto::Given(n) => n,
    }
}

pub(super) fn choose(config: &ClusterConfig, matrix: &ModelMatrix, watch: &dyn Watch) -> Result<Chosen> {
    let space = Space::from(matrix.values.view());
    match template(config) {
        Some(template) => by_count(config, &template, space, watch),
        None => by_density(config, space),
    }
}

/// With a number of clusters, given or chosen.
fn by_count(config: &ClusterConfig, template: &Template, space: Space, watch: &dyn Watch) -> Result<Chosen> {
    let select = &config.select;
    let Auto::Given(k) = config.n_clusters else {
        let tick = |done: usize, of: usize| watch.tick(done, of);
        let choice = choose_k(space, template, select, config.seed, &tick)?;
        let warning =
            Warning::new("W0410", "no number of segments met every condition, so the best of the rest was taken")
                .why("the segments are a convenience here, not a discovery")
                .help("look at the quality table, and at the stability on each card");
        return Ok(Chosen {
            algorithm: template(choice.k),
            prototypes: choice.prototypes,
            candidates: choice.candidates,
            reasons: choice.reasons,
            stability: choice.stability,
            warnings: choice.fallback.then_some(warning).into_iter().collect(),
        });
    };
    let algorithm = template(k);
    let prototypes = algorithm.fit_points(space.points, config.seed)?;
    Ok(Chosen {
        stability: stable(config, &algorithm, &prototypes, space),
        algorithm,
        prototypes,
        candidates: Vec::new(),
        reasons: vec![format!("{k} segments, as the config says.")],
        warnings: Vec::new(),
    })
}

/// How well each cluster comes back in resamples; empty for a single one.
fn stable(config: &ClusterConfig, algorithm: &Algorithm, prototypes: &Prototypes, space: Space) -> Vec<f64> {
    if prototypes.n_clusters() < 2 {
        return Vec::new();
    }
    let labels: Vec<Option<usize>> = prototypes.assign_points(space.points).iter().map(|a| a.cluster).collect();
    let resampled = algorithm.for_resamples();
    stability::clusterwise_jaccard(space.points, &labels, &resampled, config.select.bootstraps, ROWS, config.seed)
}

/// Where density decides how many clusters there are.
fn by_density(config: &ClusterConfig, space: Space) -> Result<Chosen> {
    let x = space.x;
    let min_samples = min_samples(config, x);
    let (eps, prototypes, candidates, reasons) = match config.eps {
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
    let warning = Warning::new("W0412", "one dense segment and its outliers: that can be the honest answer")
        .help("a smaller eps splits it if it has parts; k-means cuts it into slices");
    let warnings = (prototypes.n_clusters() == 1).then_some(warning).into_iter().collect();
    let algorithm = Algorithm::Dbscan(Dbscan { eps, min_samples, implementation: config.implementation });
    Ok(Chosen { algorithm, prototypes, candidates, reasons, stability: Vec::new(), warnings })
}

/// The quality table over k, or over eps.
///
/// # Errors
/// Of the algorithm.
pub fn sweep(config: &ClusterConfig, matrix: &ModelMatrix, watch: &dyn Watch) -> Result<Vec<Candidate>> {
    let space = Space::from(matrix.values.view());
    match template(config) {
        Some(template) => sweep_k(space, &template, &config.select, config.seed, &|done, of| watch.tick(done, of)),
        None => eps::sweep_eps(space.x, min_samples(config, space.x), config.seed),
    }
}
