//! Which algorithm: several find segments of their own, and the one whose segments are worth most is taken.
//!
//! An algorithm is *offered* if its segments can be acted on: the conditions that its number of segments must meet, more than one
//! segment, and no more than 30 % of customers in none. Among those the better [`Verdict`] decides; among equals, the one named first
//! in [`TRIED`], which is the easier to explain. How far they agree is in the report whatever is chosen.

use super::Watch;
use super::choose::{Chosen, choose};
use crate::cluster::Algorithm;
use crate::config::{AlgorithmName, Auto, ClusterConfig};
use crate::error::{Error, Result};
use crate::evidence::select::Standing;
use crate::evidence::verdict::Verdict;
use crate::features::preparation::ModelMatrix;

/// What `algorithm = "auto"` tries, the easiest to explain first. k-prototypes stands beside k-means (levels are columns there), DBSCAN and
/// OPTICS beside HDBSCAN.
const TRIED: [AlgorithmName; 4] =
    [AlgorithmName::Kmeans, AlgorithmName::GaussianMixture, AlgorithmName::Ward, AlgorithmName::Hdbscan];

/// The share of customers in no segment up to which segments are offered.
const MOST_UNCLUSTERED: f64 = 0.30;

/// What one algorithm found.
struct Tried {
    chosen: Chosen,
    /// Why it is not offered, in words.
    objection: Option<String>,
}

impl Tried {
    /// `ward: 5 segments, reproducible`.
    fn words(&self) -> String {
        let segments = match self.chosen.prototypes.n_clusters() {
            1 => "1 segment".to_string(),
            n => format!("{n} segments"),
        };
        let verdict = self.chosen.verdict.name().to_lowercase();
        let objection = self.objection.as_ref().map_or(String::new(), |objection| format!(", but it {objection}"));
        format!("{}: {segments}, {verdict}{objection}", self.chosen.algorithm.name())
    }

    fn rank(&self) -> (bool, Verdict) {
        (self.objection.is_none(), self.chosen.verdict)
    }
}

/// Tries them all.
///
/// # Errors
/// Those of k-means; another algorithm that cannot be fitted has no say. E0204 for an implementation that knows one of them only.
pub(super) fn choose_algorithm(
    config: &ClusterConfig,
    matrix: &ModelMatrix,
    standing: Option<&Standing>,
    watch: &dyn Watch,
) -> Result<Chosen> {
    if config.implementation != Default::default() {
        return Err(Error::new("E0204", "`algorithm = \"auto\"` compares algorithms that only ilk computes")
            .help("leave out `implementation` under [cluster], or name one algorithm"));
    }
    let (mut tried, mut failed): (Vec<Tried>, Vec<String>) = (Vec::new(), Vec::new());
    for algorithm in TRIED {
        if algorithm == AlgorithmName::Hdbscan && matches!(config.n_clusters, Auto::Given(_)) {
            failed.push("hdbscan was not asked: it takes no number of segments".into());
            continue;
        }
        match choose(&ClusterConfig { algorithm, ..config.clone() }, matrix, standing, watch) {
            Ok(chosen) if chosen.verdict == Verdict::None && tried.is_empty() => return Ok(chosen),
            Ok(chosen) => tried.push(Tried { objection: objection(&chosen, matrix), chosen }),
            Err(error) if tried.is_empty() => return Err(error),
            Err(error) => failed.push(format!("an algorithm could not be fitted: {}", error.0.title)),
        }
    }
    let mut best = 0;
    for at in 1..tried.len() {
        if tried[at].rank() > tried[best].rank() {
            best = at;
        }
    }
    let others: Vec<String> = (0..tried.len()).filter(|&at| at != best).map(|at| tried[at].words()).collect();
    let Tried { mut chosen, .. } = tried.swap_remove(best);
    let why = if others.is_empty() { String::new() } else { format!(" The others: {}.", others.join("; ")) };
    let name = chosen.algorithm.name();
    chosen.reasons.push(format!("Algorithm: {name}, the first of those with the best verdict.{why}"));
    chosen.reasons.extend(failed.into_iter().map(|reason| format!("Algorithm: {reason}.")));
    Ok(chosen)
}

/// Why nobody could act on these segments.
fn objection(chosen: &Chosen, matrix: &ModelMatrix) -> Option<String> {
    if let Some(candidate) = chosen.candidates.iter().find(|candidate| candidate.chosen)
        && !candidate.excluded.is_empty()
    {
        return Some(candidate.excluded.clone());
    }
    if chosen.prototypes.n_clusters() < 2 {
        return Some("does not part the customers".into());
    }
    let by_density = matches!(chosen.algorithm, Algorithm::Hdbscan(_));
    let labels = if by_density { chosen.prototypes.assign_points(matrix.values.view().into()) } else { Vec::new() };
    let outside =
        labels.iter().filter(|assignment| assignment.cluster.is_none()).count() as f64 / labels.len().max(1) as f64;
    (outside > MOST_UNCLUSTERED).then(|| format!("leaves {:.0} % of customers in none", outside * 100.0))
}
