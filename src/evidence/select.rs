//! The rule by which a number of segments is offered, and the candidates it looks at.
//!
//! The best silhouette alone often means two groups, one of them nearly everyone. So a k is *offered* only if its
//! smallest segment is large enough to act on, its largest small enough to say something, and all of them come back in
//! resamples; among those the silhouette decides, and within one standard error the smaller k.

pub use super::eps::{EpsChoice, EpsTemplate, choose_eps, sweep_eps};
use super::indices::{Dispersions, silhouette};
pub use super::k::{Choice, Space, Template, choose_k, sweep_k};
use crate::cluster::Prototypes;
use crate::error::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One candidate of a sweep.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// k, or eps.
    pub value: f64,
    /// Number of clusters it gave.
    pub clusters: usize,
    /// Sum of squared distances of the customers with a cluster to its mean.
    pub inertia: f64,
    /// Mean silhouette and its standard error; `None` where undefined.
    pub silhouette: Option<f64>,
    /// See `silhouette`.
    pub silhouette_error: Option<f64>,
    /// Davies-Bouldin index.
    pub davies_bouldin: Option<f64>,
    /// Calinski-Harabasz index.
    pub calinski_harabasz: Option<f64>,
    /// Smallest clusterwise bootstrap Jaccard; `None` if not computed.
    pub stability: Option<f64>,
    /// Share of the smallest cluster among all customers.
    pub smallest: f64,
    /// Share of the largest cluster among all customers.
    pub largest: f64,
    /// Share of customers in no cluster.
    pub unclustered: f64,
    /// Whether it was chosen.
    pub chosen: bool,
    /// Why it was not offered, in words; empty if it was.
    pub excluded: String,
}

/// What candidates are measured on.
pub(super) struct Measures<'a> {
    space: Space<'a>,
    dispersions: Option<Dispersions<'a>>,
    silhouette_sample: usize,
    seed: u64,
}

impl<'a> Measures<'a> {
    pub(super) fn new(space: Space<'a>, silhouette_sample: usize, seed: u64) -> Self {
        Self { space, dispersions: Dispersions::new(space.x), silhouette_sample, seed }
    }

    /// The clusters that `prototypes` make; stability is left open.
    pub(super) fn candidate(&self, prototypes: &Prototypes, value: f64) -> (Candidate, Vec<Option<usize>>) {
        let labels = prototypes.clusters_of(self.space.points);
        let mut sizes = vec![0_usize; prototypes.n_clusters()];
        labels.iter().flatten().for_each(|&cluster| sizes[cluster] += 1);
        let share = |size: usize| size as f64 / labels.len().max(1) as f64;
        let width = silhouette(self.space.x, &labels, self.silhouette_sample, self.seed);
        let dispersion = self.dispersions.as_ref().map(|dispersions| dispersions.of(&labels));
        let candidate = Candidate {
            value,
            clusters: sizes.len(),
            inertia: dispersion.as_ref().map_or(f64::NAN, |dispersion| dispersion.within),
            silhouette: width.map(|s| s.mean),
            silhouette_error: width.map(|s| s.standard_error),
            davies_bouldin: dispersion.as_ref().and_then(|dispersion| dispersion.davies_bouldin()),
            calinski_harabasz: dispersion.as_ref().and_then(|dispersion| dispersion.calinski_harabasz()),
            stability: None,
            smallest: share(sizes.iter().copied().min().unwrap_or(0)),
            largest: share(sizes.iter().copied().max().unwrap_or(0)),
            unclustered: share(labels.iter().filter(|label| label.is_none()).count()),
            chosen: false,
            excluded: String::new(),
        };
        (candidate, labels)
    }
}

impl Candidate {
    /// A value at which there are no clusters.
    pub(super) fn nothing(value: f64) -> Self {
        Self {
            value,
            clusters: 0,
            inertia: 0.0,
            silhouette: None,
            silhouette_error: None,
            davies_bouldin: None,
            calinski_harabasz: None,
            stability: None,
            smallest: 0.0,
            largest: 0.0,
            unclustered: 1.0,
            chosen: false,
            excluded: "leaves all customers unclustered".into(),
        }
    }

    /// `silhouette 0.31, stability 0.91, smallest segment 14 % of customers`.
    fn words(&self, select: &SelectK) -> String {
        let mut words = vec![match self.silhouette {
            Some(silhouette) => format!("silhouette {silhouette:.2}"),
            None => "silhouette undefined".into(),
        }];
        words.extend(self.stability.map(|s| format!("stability {}", decimals(s, select.min_stability))));
        words.push(format!("smallest segment {} of customers", percent(self.smallest, select.smallest_share)));
        words.join(", ")
    }

    fn score(&self) -> f64 {
        self.silhouette.unwrap_or(f64::NEG_INFINITY)
    }
}

/// The conditions that a number of segments must meet to be offered, and how it is looked for.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Debug)]
#[serde(default, deny_unknown_fields)]
pub struct SelectK {
    /// Smallest k tried, at least 2.
    pub k_min: usize,
    /// Largest k tried, at most 100.
    pub k_max: usize,
    /// The smallest segment holds at least this share of customers.
    pub smallest_share: f64,
    /// The largest segment holds at most this share of customers.
    pub largest_share: f64,
    /// Every segment comes back in resamples with at least this mean Jaccard similarity.
    pub min_stability: f64,
    /// Number of resamples, at most 10,000; 0 leaves stability out.
    pub bootstraps: usize,
    /// The silhouette is measured on at most so many customers, at least 100.
    pub silhouette_sample: usize,
}

impl Default for SelectK {
    fn default() -> Self {
        Self {
            k_min: 2,
            k_max: 8,
            smallest_share: 0.02,
            largest_share: 0.60,
            min_stability: 0.75,
            bootstraps: 30,
            silhouette_sample: 4000,
        }
    }
}

impl SelectK {
    /// Checks the bounds. `E0205` names the field.
    pub fn check(&self) -> Result<()> {
        let fail = |field: &str, value: String, bounds: &str, default: &str| {
            Err(Error::new("E0205", format!("`{field} = {value}` is out of bounds: it must be {bounds}"))
                .help(format!("{field} = {default}")))
        };
        if !(2..=100).contains(&self.k_min) {
            return fail("k_min", self.k_min.to_string(), "from 2 to 100", "2");
        }
        if !(self.k_min..=100).contains(&self.k_max) {
            return fail("k_max", self.k_max.to_string(), "from k_min to 100", "8");
        }
        for (field, value, default) in [
            ("smallest_share", self.smallest_share, "0.02"),
            ("largest_share", self.largest_share, "0.60"),
            ("min_stability", self.min_stability, "0.75"),
        ] {
            if !(0.0..=1.0).contains(&value) {
                return fail(field, value.to_string(), "from 0 to 1", default);
            }
        }
        if self.bootstraps > 10_000 {
            return fail("bootstraps", self.bootstraps.to_string(), "from 0 to 10000", "30");
        }
        if self.silhouette_sample < 100 {
            return fail("silhouette_sample", self.silhouette_sample.to_string(), "100 or more", "4000");
        }
        Ok(())
    }

    /// Why a candidate is not offered, in words; empty if it is.
    pub(super) fn objections(&self, candidate: &Candidate) -> String {
        let mut words = Vec::new();
        if candidate.largest > self.largest_share {
            words.push(format!("puts {} of customers in one segment", percent(candidate.largest, self.largest_share)));
        }
        if candidate.smallest < self.smallest_share {
            words.push(format!(
                "has a segment with only {} of customers",
                percent(candidate.smallest, self.smallest_share)
            ));
        }
        if let Some(stability) = candidate.stability.filter(|&s| s < self.min_stability) {
            words.push(format!(
                "has a segment that does not come back in resamples (stability {})",
                decimals(stability, self.min_stability)
            ));
        }
        words.join(" and ")
    }
}

/// What the rule says of the candidates.
pub(super) struct Verdict {
    /// Index of the chosen one.
    pub(super) chosen: usize,
    /// One sentence each.
    pub(super) reasons: Vec<String>,
    /// No candidate met the conditions.
    pub(super) fallback: bool,
}

/// The highest silhouette among `of`, the smallest k on a tie.
fn best(candidates: &[Candidate], of: impl Iterator<Item = usize>) -> Option<usize> {
    of.fold(None, |best: Option<usize>, i| match best {
        Some(b) if candidates[b].score() >= candidates[i].score() => Some(b),
        _ => Some(i),
    })
}

/// `candidates` holds at least one, in ascending order of k.
pub(super) fn judge(candidates: &[Candidate], select: &SelectK) -> Verdict {
    let offered: Vec<usize> = (0..candidates.len()).filter(|&i| candidates[i].excluded.is_empty()).collect();
    let Some(top) = best(candidates, offered.iter().copied()) else {
        let chosen = best(candidates, 0..candidates.len()).unwrap_or(0);
        let it = &candidates[chosen];
        let (first, last) = (candidates[0].value, candidates[candidates.len() - 1].value);
        return Verdict {
            chosen,
            fallback: true,
            reasons: vec![
                format!("No k from {first} to {last} meets every condition for segments to act on."),
                format!("k = {} has the best silhouette: {}.", it.value, it.words(select)),
                format!("But it {}: take these segments as a convention, not as a finding.", it.excluded),
            ],
        };
    };
    let floor = candidates[top].score() - candidates[top].silhouette_error.unwrap_or(0.0);
    let chosen = offered.iter().copied().find(|&i| candidates[i].score() >= floor).unwrap_or(top);
    let it = &candidates[chosen];
    let mut reasons = vec![format!("k = {}: {}.", it.value, it.words(select))];
    let runner_up =
        if chosen == top { best(candidates, offered.iter().copied().filter(|&i| i != chosen)) } else { Some(top) };
    reasons.extend(runner_up.map(|i| {
        let second = &candidates[i];
        let why = if chosen == top {
            ""
        } else {
            "; the difference is within one standard error, so the smaller k is preferred"
        };
        format!("Runner-up: k = {}, {}{why}.", second.value, second.words(select))
    }));
    for other in candidates.iter().filter(|c| !c.excluded.is_empty() && c.score() > it.score()) {
        reasons.push(format!(
            "k = {} scores {:.2} but {}, so it is not offered.",
            other.value,
            other.score(),
            other.excluded
        ));
    }
    Verdict { chosen, reasons, fallback: false }
}

/// A share in whole percent; with a decimal where it is small or would read like the limit it misses.
pub(super) fn percent(share: f64, limit: f64) -> String {
    let close = (share - limit).abs() < 0.01 && share != limit;
    if close || (share > 0.0 && share < 0.0095) {
        format!("{:.1} %", share * 100.0)
    } else {
        format!("{:.0} %", share * 100.0)
    }
}

/// Two decimals; three where it would read like the limit it misses.
fn decimals(value: f64, limit: f64) -> String {
    if (value - limit).abs() < 0.005 && value != limit { format!("{value:.3}") } else { format!("{value:.2}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(k: usize, silhouette: f64, smallest: f64, largest: f64, stability: f64) -> Candidate {
        let mut candidate = Candidate {
            value: k as f64,
            clusters: k,
            inertia: 1.0,
            silhouette: Some(silhouette),
            silhouette_error: Some(0.01),
            davies_bouldin: None,
            calinski_harabasz: None,
            stability: Some(stability),
            smallest,
            largest,
            unclustered: 0.0,
            chosen: false,
            excluded: String::new(),
        };
        candidate.excluded = SelectK::default().objections(&candidate);
        candidate
    }

    fn verdict(candidates: &[Candidate]) -> (f64, Vec<String>, bool) {
        let Verdict { chosen, reasons, fallback } = judge(candidates, &SelectK::default());
        (candidates[chosen].value, reasons, fallback)
    }

    #[test]
    fn a_lopsided_k_is_not_offered_and_the_reason_says_so() {
        let (k, reasons, fallback) = verdict(&[
            candidate(2, 0.43, 0.12, 0.88, 0.95),
            candidate(3, 0.28, 0.20, 0.45, 0.90),
            candidate(4, 0.31, 0.14, 0.40, 0.91),
        ]);
        assert_eq!((k, fallback), (4.0, false));
        assert_eq!(
            reasons,
            [
                "k = 4: silhouette 0.31, stability 0.91, smallest segment 14 % of customers.",
                "Runner-up: k = 3, silhouette 0.28, stability 0.90, smallest segment 20 % of customers.",
                "k = 2 scores 0.43 but puts 88 % of customers in one segment, so it is not offered.",
            ]
        );
    }

    #[test]
    fn within_one_standard_error_the_smaller_k_wins() {
        let (k, reasons, _) = verdict(&[
            candidate(3, 0.290, 0.20, 0.45, 0.90),
            candidate(4, 0.305, 0.14, 0.40, 0.91),
            candidate(5, 0.310, 0.10, 0.30, 0.80),
        ]);
        assert_eq!(k, 4.0);
        assert!(reasons[1].starts_with("Runner-up: k = 5") && reasons[1].contains("smaller k"), "{reasons:?}");
        let (k, ..) = verdict(&[candidate(3, 0.2999, 0.2, 0.5, 0.9), candidate(4, 0.31, 0.2, 0.5, 0.9)]);
        assert_eq!(k, 4.0, "one standard error is 0.01");
    }

    #[test]
    fn every_condition_excludes_and_numbers_never_read_like_the_limit() {
        let all = candidate(2, 0.5, 0.0199, 0.604, 0.7499).excluded;
        assert_eq!(
            all,
            "puts 60.4 % of customers in one segment and has a segment with only 2.0 % of customers and has a segment \
             that does not come back in resamples (stability 0.750)"
        );
        assert_eq!(candidate(2, 0.5, 0.02, 0.60, 0.75).excluded, "", "the limits themselves are allowed");
    }

    #[test]
    fn when_nothing_passes_the_best_silhouette_is_taken_honestly() {
        let (k, reasons, fallback) = verdict(&[candidate(2, 0.40, 0.1, 0.9, 0.9), candidate(3, 0.45, 0.1, 0.5, 0.6)]);
        assert_eq!((k, fallback), (3.0, true));
        assert!(reasons[2].contains("stability 0.60") && reasons[2].contains("not as a finding"), "{reasons:?}");
    }

    #[test]
    fn bounds_are_checked() {
        let good = SelectK::default();
        assert!(good.check().is_ok());
        for (bad, field) in [
            (SelectK { k_min: 1, ..good.clone() }, "k_min"),
            (SelectK { k_min: 9, ..good.clone() }, "k_max"),
            (SelectK { smallest_share: f64::NAN, ..good.clone() }, "smallest_share"),
            (SelectK { min_stability: 1.5, ..good.clone() }, "min_stability"),
            (SelectK { silhouette_sample: 10, ..good.clone() }, "silhouette_sample"),
        ] {
            let error = bad.check().unwrap_err();
            assert!(error.code() == "E0205" && error.0.title.contains(field), "{error}");
        }
    }
}
