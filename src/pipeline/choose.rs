//! The algorithm of the config, and what it finds in model space.

use super::Watch;
use crate::cluster::{
    Algorithm, Clusterer, Dbscan, Floor, GaussianMixture, Hdbscan, Implementation, KMeans, KPrototypes, Optics, Points,
    Prototypes, Ward, dbscan,
};
use crate::config::{AlgorithmName, Auto, ClusterConfig};
use crate::error::{Error, Result, Warning};
use crate::evidence::select::{Candidate, Space, Template, choose_eps, choose_k, sweep_eps, sweep_k};
use crate::evidence::size::{size_of, sweep_sizes};
use crate::evidence::stability;
use crate::features::levels::Mixed;
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
fn counted(config: &ClusterConfig) -> Option<Box<Template<'_>>> {
    let starts = |usual: usize| if let Auto::Given(n) = config.n_starts { n } else { usual };
    let implementation = config.implementation;
    match config.algorithm {
        AlgorithmName::Kmeans => {
            let usual = KMeans { implementation, ..KMeans::default() };
            let template = KMeans { n_starts: starts(usual.n_starts), ..usual };
            Some(Box::new(move |n_clusters| Algorithm::KMeans(KMeans { n_clusters, ..template.clone() })))
        }
        AlgorithmName::GaussianMixture => {
            let usual = GaussianMixture { covariance_type: config.covariance_type, ..GaussianMixture::default() };
            let template = GaussianMixture { n_init: starts(usual.n_init), ..usual };
            Some(Box::new(move |n_components| {
                Algorithm::GaussianMixture(GaussianMixture { n_components, ..template.clone() })
            }))
        }
        AlgorithmName::Ward => Some(Box::new(|n_clusters| Algorithm::Ward(Ward { n_clusters, ..Ward::default() }))),
        AlgorithmName::Kprototypes => {
            let gamma = if let Auto::Given(gamma) = config.gamma { Some(gamma) } else { None };
            let usual = KPrototypes { gamma, ..KPrototypes::default() };
            let template = KPrototypes { n_starts: starts(usual.n_starts), ..usual };
            Some(Box::new(move |n_clusters| Algorithm::KPrototypes(KPrototypes { n_clusters, ..template.clone() })))
        }
        AlgorithmName::Dbscan | AlgorithmName::Hdbscan | AlgorithmName::Optics => None,
    }
}

fn min_samples(config: &ClusterConfig, x: ArrayView2<f64>) -> usize {
    match config.min_samples {
        Auto::Auto => dbscan::auto_min_samples(x.nrows(), x.ncols()),
        Auto::Given(n) => n,
    }
}

/// DBSCAN, or OPTICS cut as DBSCAN is, as a function of eps.
fn reaching(config: &ClusterConfig, min_samples: usize) -> impl Fn(f64) -> Algorithm {
    let (optics, implementation) = (config.algorithm == AlgorithmName::Optics, config.implementation);
    move |eps| {
        if optics {
            Algorithm::Optics(Optics { eps, min_samples, max_eps: None })
        } else {
            Algorithm::Dbscan(Dbscan { eps, min_samples, implementation })
        }
    }
}

/// HDBSCAN as a function of the least size of a cluster. By `auto` a core customer is not harder to be than in DBSCAN.
fn sized<'a>(config: &'a ClusterConfig, x: ArrayView2<f64>) -> impl Fn(usize) -> Algorithm + use<'a> {
    let core = min_samples(config, x);
    let given = matches!(config.min_samples, Auto::Given(_));
    move |min_cluster_size| {
        let min_samples = Some(if given { core } else { core.min(min_cluster_size) });
        let allow_single_cluster = config.allow_single_cluster;
        Algorithm::Hdbscan(Hdbscan { min_cluster_size, min_samples, allow_single_cluster, ..Hdbscan::default() })
    }
}

/// Where the algorithm of the config looks for groups; `mixed` is the same space with levels apart.
fn space<'a>(config: &ClusterConfig, matrix: &'a ModelMatrix, mixed: &'a Option<Mixed>) -> Result<Space<'a>> {
    let of_linfa = [AlgorithmName::Kmeans, AlgorithmName::Dbscan];
    if config.implementation == Implementation::Linfa && !of_linfa.contains(&config.algorithm) {
        return Err(Error::new("E0204", "`implementation = \"linfa\"` computes k-means and DBSCAN only")
            .help("leave out `implementation` under [cluster]"));
    }
    config.floor.check()?;
    let x = matrix.values.view();
    Ok(match mixed {
        Some(mixed) => Space { points: Points { codes: Some(mixed.codes.view()), ..mixed.x.view().into() }, x },
        None => x.into(),
    })
}

fn mixed(config: &ClusterConfig, matrix: &ModelMatrix) -> Option<Mixed> {
    (config.algorithm == AlgorithmName::Kprototypes).then(|| matrix.mixed())
}

pub(super) fn choose(config: &ClusterConfig, matrix: &ModelMatrix, watch: &dyn Watch) -> Result<Chosen> {
    let mixed = mixed(config, matrix);
    let space = space(config, matrix, &mixed)?;
    let mut chosen = match (counted(config), config.algorithm) {
        (Some(template), _) => by_count(config, &template, space, watch)?,
        (None, AlgorithmName::Hdbscan) => by_size(config, space)?,
        (None, _) => by_reach(config, space)?,
    };
    if config.floor == Floor::default() {
        return Ok(chosen);
    }
    let (prototypes, merged) = config.floor.apply(&chosen.prototypes, space.points);
    if !merged.is_empty() {
        chosen.reasons.extend(merged.iter().map(|m| format!("Below the floor: {m}.")));
        chosen.stability = stable(config, &chosen.algorithm, &prototypes, space);
        chosen.prototypes = prototypes;
    }
    Ok(chosen)
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
            warnings: choice.fallback.then_some(warning).into_iter().chain(choice.warnings).collect(),
        });
    };
    let algorithm = template(k);
    let (prototypes, warnings) = algorithm.fit_with_warnings(space.points, config.seed)?;
    Ok(Chosen {
        stability: stable(config, &algorithm, &prototypes, space),
        algorithm,
        prototypes,
        candidates: Vec::new(),
        reasons: vec![format!("{k} segments, as the config says.")],
        warnings,
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

/// Where a radius decides how many clusters there are.
fn by_reach(config: &ClusterConfig, space: Space) -> Result<Chosen> {
    let x = space.x;
    let min_samples = min_samples(config, x);
    let template = reaching(config, min_samples);
    let (eps, prototypes, candidates, reasons) = match config.eps {
        Auto::Auto => {
            let choice = choose_eps(x, min_samples, &template, config.seed)?;
            (choice.eps, choice.prototypes, choice.candidates, choice.reasons)
        }
        Auto::Given(eps) => {
            let reason = format!("eps = {eps} and min_samples = {min_samples}, as the config says.");
            (eps, template(eps).fit(x, config.seed)?, Vec::new(), vec![reason])
        }
    };
    let warnings = one_blob(&prototypes, "a smaller eps splits it if it has parts; k-means cuts it into slices");
    Ok(Chosen { algorithm: template(eps), prototypes, candidates, reasons, stability: Vec::new(), warnings })
}

/// Where density at every scale decides.
fn by_size(config: &ClusterConfig, space: Space) -> Result<Chosen> {
    let n = space.x.nrows();
    let sizes = match config.min_cluster_size {
        Auto::Auto => [1.0, 0.5, 0.25].map(|part| size_of(config.select.smallest_share * part, n)).to_vec(),
        Auto::Given(size) => vec![size],
    };
    let fit = |config: &ClusterConfig, size: usize| {
        let algorithm = sized(config, space.x)(size);
        algorithm.fit_points(space.points, config.seed).map(|prototypes| (size, algorithm, prototypes))
    };
    let mut found = fit(config, sizes[0]);
    for size in &sizes[1..] {
        if found.as_ref().is_err_and(|error| error.code() == "E0411") {
            found = fit(config, *size);
        }
    }
    if config.min_cluster_size == Auto::Auto && found.as_ref().is_err_and(|error| error.code() == "E0411") {
        // Customers who never part into groups are one group, with those who stand outside it.
        found = fit(&ClusterConfig { allow_single_cluster: true, ..config.clone() }, sizes[0]);
    }
    let (size, algorithm, prototypes) = found?;
    let groups = match prototypes.n_clusters() {
        1 => "1 dense group".to_string(),
        n => format!("{n} dense groups"),
    };
    let outside = prototypes.assign_points(space.points).iter().filter(|a| a.cluster.is_none()).count();
    let outside = outside as f64 / n as f64 * 100.0;
    let reasons = vec![format!("{groups} of at least {size} customers; {outside:.0} % of customers stand in none.")];
    let warnings =
        one_blob(&prototypes, "k-means cuts it into slices; a smaller min_cluster_size finds its dense parts");
    Ok(Chosen { algorithm, prototypes, candidates: Vec::new(), reasons, stability: Vec::new(), warnings })
}

fn one_blob(prototypes: &Prototypes, help: &str) -> Vec<Warning> {
    let warning = Warning::new("W0412", "one dense segment and its outliers: that can be the honest answer").help(help);
    (prototypes.n_clusters() == 1).then_some(warning).into_iter().collect()
}

/// The quality table over what the algorithm asks: the number of clusters, eps, or the least size of a cluster.
///
/// # Errors
/// Of the algorithm.
pub fn sweep(config: &ClusterConfig, matrix: &ModelMatrix, watch: &dyn Watch) -> Result<Vec<Candidate>> {
    let mixed = mixed(config, matrix);
    let space = space(config, matrix, &mixed)?;
    match (counted(config), config.algorithm) {
        (Some(template), _) => sweep_k(space, &template, &config.select, config.seed, &|done, of| watch.tick(done, of)),
        (None, AlgorithmName::Hdbscan) => sweep_sizes(space, &sized(config, space.x), config.seed),
        (None, _) => {
            let min_samples = min_samples(config, space.x);
            sweep_eps(space.x, min_samples, &reaching(config, min_samples), config.seed)
        }
    }
}
