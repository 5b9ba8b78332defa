//! The algorithm of the config, and what it finds in model space.

use super::Watch;
use super::algorithm::choose_algorithm;
use super::pictures::spaced;
use crate::cluster::mixture::CovarianceType;
use crate::cluster::{
    Algorithm, Clusterer, Dbscan, Floor, GaussianMixture, Hdbscan, Implementation, KMeans, KPrototypes, Optics, Points,
    Prototypes, Ward, dbscan,
};
use crate::config::{AlgorithmName, Auto, ClusterConfig};
use crate::error::{Error, Result, Warning};
use crate::evidence::indices::adjusted_rand;
use crate::evidence::select::{Candidate, Space, Standing, Template, choose_eps, choose_k, sweep_eps, sweep_k};
use crate::evidence::size::{size_of, sweep_sizes};
use crate::evidence::stability::{self, Stability, stability_rows};
use crate::evidence::verdict::{self, Evidence, Verdict};
use crate::features::levels::Mixed;
use crate::features::preparation::ModelMatrix;
use ndarray::ArrayView2;
use serde::Serialize;

/// What was chosen, before segments have names.
pub(super) struct Chosen {
    pub(super) algorithm: Algorithm,
    pub(super) prototypes: Prototypes,
    pub(super) candidates: Vec<Candidate>,
    pub(super) reasons: Vec<String>,
    pub(super) stability: Stability,
    pub(super) evidence: Option<Evidence>,
    pub(super) verdict: Verdict,
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
        AlgorithmName::Dbscan | AlgorithmName::Hdbscan | AlgorithmName::Optics | AlgorithmName::Auto => None,
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

/// `standing` are the segments that the new ones will be held against.
pub(super) fn choose(
    config: &ClusterConfig,
    matrix: &ModelMatrix,
    standing: Option<&Standing>,
    watch: &dyn Watch,
) -> Result<Chosen> {
    if config.algorithm == AlgorithmName::Auto {
        return choose_algorithm(config, matrix, standing, watch);
    }
    let mixed = mixed(config, matrix);
    let space = space(config, matrix, &mixed)?;
    let mut chosen = match (counted(config), config.algorithm) {
        (Some(template), _) => by_count(config, &template, space, standing, watch)?,
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
        if let Some(evidence) = &chosen.evidence {
            let clusters = chosen.prototypes.n_clusters();
            chosen.verdict = evidence.verdict(clusters, &chosen.stability, None, true).min(chosen.verdict);
        }
    }
    Ok(chosen)
}

/// With a number of clusters, given or chosen.
fn by_count(
    config: &ClusterConfig,
    template: &Template,
    space: Space,
    standing: Option<&Standing>,
    watch: &dyn Watch,
) -> Result<Chosen> {
    let tick = |done: usize, of: usize| watch.tick(done, of);
    let given = if let Auto::Given(k) = config.n_clusters { Some(k) } else { None };
    let choice = choose_k(space, template, &config.select, given, standing, config.seed, &tick)?;
    let warning = Warning::new("W0410", "no number of segments met every condition, so the best of the rest was taken")
        .why("the segments are a convenience here, not a discovery")
        .help("look at the quality table, and at the stability on each card");
    let nobody = Warning::new("W0413", "no segments: by these features the customers are one crowd")
        .why("any cut would be arbitrary, and another sample would be cut elsewhere")
        .help("n_clusters = 3 to cut anyway; or other features, or more customers");
    let said =
        choice.fallback.then_some(warning).into_iter().chain((choice.verdict == Verdict::None).then_some(nobody));
    Ok(Chosen {
        algorithm: template(choice.k),
        prototypes: choice.prototypes,
        candidates: choice.candidates,
        reasons: choice.reasons,
        stability: choice.stability,
        evidence: choice.evidence,
        verdict: choice.verdict,
        warnings: said.chain(choice.warnings).collect(),
    })
}

/// How well each cluster comes back in resamples; nothing for a single one, and where density decides above so many customers that a
/// sample of them would be less dense.
fn stable(config: &ClusterConfig, algorithm: &Algorithm, prototypes: &Prototypes, space: Space) -> Stability {
    let by_density = matches!(algorithm, Algorithm::Dbscan(_) | Algorithm::Hdbscan(_) | Algorithm::Optics(_));
    if prototypes.n_clusters() < 2 || (by_density && space.x.nrows() > stability_rows(space.x.nrows())) {
        return Stability::default();
    }
    let labels = prototypes.clusters_of(space.points);
    let (resampled, bootstraps) = (algorithm.for_resamples(), config.select.bootstraps);
    stability::bootstrap(space.points, &labels, &resampled, bootstraps, stability_rows(space.x.nrows()), config.seed)
}

/// What clusters found by density are. Several found by it are not asked for, so one crowd is for the evidence to say.
fn weigh(config: &ClusterConfig, chosen: Chosen, space: Space) -> Result<Chosen> {
    let clusters = chosen.prototypes.n_clusters();
    let most_clusters = config.select.k_max.max(clusters);
    let options = verdict::Options { most_clusters, references: config.select.references };
    let evidence = Evidence::of(space.x, options, config.seed)?;
    let stability = stable(config, &chosen.algorithm, &chosen.prototypes, space);
    let verdict = evidence.as_ref().map_or(Verdict::None, |e| e.verdict(clusters, &stability, None, true));
    Ok(Chosen { stability, evidence, verdict, ..chosen })
}

/// How sure what was chosen is.
#[derive(Default)]
pub(super) struct Certainty {
    /// Of every customer's segment: the share of resamples that agree. Empty where none were made.
    pub(super) confidence: Vec<Option<f64>>,
    /// What pairs of resamples disagree about, see [`stability::Refits`]. Empty where none were made.
    pub(super) moves: Vec<Vec<u64>>,
    /// Other algorithms with as many clusters, and how far they agree (adjusted Rand index).
    pub(super) algorithms: Vec<(String, f64)>,
}

pub(super) fn certainty(config: &ClusterConfig, chosen: &Chosen, matrix: &ModelMatrix) -> Result<Certainty> {
    let mixed = mixed(config, matrix);
    let space = space(config, matrix, &mixed)?;
    let clusters = chosen.prototypes.n_clusters();
    if chosen.stability.clusters.is_empty() {
        return Ok(Certainty::default());
    }
    let labels = chosen.prototypes.clusters_of(space.points);
    let algorithm = chosen.algorithm.for_resamples();
    let bootstraps = config.select.bootstraps;
    let refits =
        stability::refits(space.points, &labels, &algorithm, bootstraps, stability_rows(space.x.nrows()), config.seed);
    let others = [
        Algorithm::KMeans(KMeans { n_clusters: clusters, ..KMeans::default() }),
        Algorithm::GaussianMixture(GaussianMixture {
            n_components: clusters,
            // Features with ties would leave full covariances singular.
            covariance_type: CovarianceType::Diag,
            ..GaussianMixture::default()
        }),
        Algorithm::Ward(Ward { n_clusters: clusters, ..Ward::default() }),
    ];
    let rows = spaced(labels.len(), stability_rows(labels.len()));
    let x = space.x.select(ndarray::Axis(0), &rows);
    let ours: Vec<Option<usize>> = rows.iter().map(|&row| labels[row]).collect();
    let agreeing = others.iter().filter(|other| other.name() != chosen.algorithm.name()).filter_map(|other| {
        // One that cannot be fitted here has no say.
        let theirs = other.fit(x.view(), config.seed).ok()?.clusters_of(x.view().into());
        Some((other.name().to_string(), adjusted_rand(&ours, &theirs)))
    });
    let stability::Refits { confidence, moves } = refits;
    Ok(Certainty { confidence, moves, algorithms: agreeing.collect() })
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
    weigh(config, by_density(template(eps), prototypes, candidates, reasons, warnings), space)
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
    weigh(config, by_density(algorithm, prototypes, Vec::new(), reasons, warnings), space)
}

/// Before it is weighed.
fn by_density(
    algorithm: Algorithm,
    prototypes: Prototypes,
    candidates: Vec<Candidate>,
    reasons: Vec<String>,
    warnings: Vec<Warning>,
) -> Chosen {
    let (stability, evidence, verdict) = (Stability::default(), None, Verdict::Constructive);
    Chosen { algorithm, prototypes, candidates, reasons, stability, evidence, verdict, warnings }
}

fn one_blob(prototypes: &Prototypes, help: &str) -> Vec<Warning> {
    let warning = Warning::new("W0412", "one dense segment and its outliers: that can be the honest answer").help(help);
    (prototypes.n_clusters() == 1).then_some(warning).into_iter().collect()
}

/// What `ilk run` would choose, and all that decides it.
#[derive(Debug, Serialize)]
pub struct Weighed {
    /// What the segments would be.
    pub verdict: Verdict,
    /// The chosen number, the runner-up, what was not offered, in words.
    pub reasons: Vec<String>,
    /// Every candidate.
    pub candidates: Vec<Candidate>,
    /// What speaks for and against segments.
    pub evidence: Option<Evidence>,
    /// How the chosen segments come back.
    pub stability: Stability,
    /// Other algorithms with as many segments, and the adjusted Rand index of theirs and these.
    pub algorithms: Vec<(String, f64)>,
    /// What is worrying.
    pub warnings: Vec<Warning>,
}

/// Chooses as a run would, and returns all that was seen.
///
/// # Errors
/// Of the algorithm.
pub fn weighed(
    config: &ClusterConfig,
    matrix: &ModelMatrix,
    standing: Option<&Standing>,
    watch: &dyn Watch,
) -> Result<Weighed> {
    let chosen = choose(config, matrix, standing, watch)?;
    let algorithms = certainty(config, &chosen, matrix)?.algorithms;
    let Chosen { candidates, reasons, stability, evidence, verdict, warnings, .. } = chosen;
    Ok(Weighed { verdict, reasons, candidates, evidence, stability, algorithms, warnings })
}

/// The quality table over what the algorithm asks: the number of clusters, eps, or the least size of a cluster. For `auto`, that of
/// k-means.
///
/// # Errors
/// Of the algorithm.
pub fn sweep(config: &ClusterConfig, matrix: &ModelMatrix, watch: &dyn Watch) -> Result<Vec<Candidate>> {
    if config.algorithm == AlgorithmName::Auto {
        let algorithm = AlgorithmName::Kmeans;
        return sweep(&ClusterConfig { algorithm, ..config.clone() }, matrix, watch);
    }
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
