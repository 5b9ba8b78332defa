//! The rule by which a number of segments is offered, and the candidates it looks at.
//!
//! A number is *offered* only if its smallest segment is large enough to act on, its largest small enough to say something,
//! and all of them come back in resamples. Among those the better [`Verdict`] decides, then the silhouette above that of customers
//! without segments, in standard deviations of the reference; within one of them, the smaller number. The silhouette itself
//! decides nothing: it falls or rises with the number of segments for any cloud of customers. Where nothing speaks for segments, the
//! answer is one: everybody.
//!
//! Beside segments that people work with already ([`Standing`]) their number stays while it is offered with as good a verdict. Natural
//! segments are found, so of those it must stand out as much, too; others are a convention, and one that changes every quarter serves
//! nobody.

pub use super::eps::{EpsChoice, EpsTemplate, choose_eps, sweep_eps};
use super::indices::{Dispersions, silhouette};
pub use super::k::{Choice, Space, Standing, Template, choose_k, sweep_k};
use super::stability::Stability;
use super::structure::Beside;
use super::verdict::{Evidence, Verdict};
use crate::cluster::Prototypes;
use crate::error::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One candidate of a sweep.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// Mean adjusted Rand index between the partitions of resamples; `None` if not computed.
    #[serde(default)]
    pub agreement: Option<f64>,
    /// Prediction strength; `None` if not computed.
    #[serde(default)]
    pub prediction_strength: Option<f64>,
    /// The silhouette by k-means beside that of customers without segments; `None` if not computed.
    #[serde(default)]
    pub beside: Option<Beside>,
    /// What these segments would be; `None` if not computed.
    #[serde(default)]
    pub verdict: Option<Verdict>,
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
            agreement: None,
            prediction_strength: None,
            beside: None,
            verdict: None,
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
            agreement: None,
            prediction_strength: None,
            beside: None,
            verdict: None,
            smallest: 0.0,
            largest: 0.0,
            unclustered: 1.0,
            chosen: false,
            excluded: "leaves all customers unclustered".into(),
        }
    }

    /// Takes in what was found out after the fit.
    pub(super) fn weigh(
        &mut self,
        stability: &Stability,
        prediction_strength: Option<f64>,
        evidence: &Option<Evidence>,
    ) {
        self.stability = stability.weakest();
        self.agreement = stability.agreement;
        self.prediction_strength = prediction_strength;
        if let Some(evidence) = evidence {
            self.beside = evidence.structure.at(self.clusters).copied();
            self.verdict = Some(evidence.verdict(self.clusters, stability, prediction_strength, true));
        }
    }

    /// `natural; silhouette 0.31 where customers without segments have 0.24 (p = 0.005), …`.
    fn words(&self, select: &SelectK) -> String {
        let silhouette = match self.beside {
            Some(beside) => format!(
                "silhouette {:.2} where customers without segments have {:.2} (p = {:.3})",
                beside.silhouette, beside.null_mean, beside.p
            ),
            None => self
                .silhouette
                .map_or("silhouette undefined".into(), |silhouette| format!("silhouette {silhouette:.2}")),
        };
        let mut words = vec![match self.verdict {
            Some(verdict) => format!("{}; {silhouette}", verdict.name().to_lowercase()),
            None => silhouette,
        }];
        words.extend(self.stability.map(|s| format!("stability {}", decimals(s, select.min_stability))));
        words.push(format!("smallest segment {} of customers", percent(self.smallest, select.smallest_share)));
        words.join(", ")
    }

    /// What decides among candidates of one verdict.
    fn score(&self) -> f64 {
        self.beside.map_or(f64::NEG_INFINITY, |beside| beside.z)
    }
}

/// The conditions that a number of segments must meet to be offered, and how it is looked for.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Debug)]
#[serde(default, deny_unknown_fields)]
pub struct SelectK {
    /// Smallest k allowed, at least 1: whether there are segments at all is then part of the question.
    pub k_min: usize,
    /// Largest k tried, at most 100.
    pub k_max: usize,
    /// The smallest segment holds at least this share of customers.
    pub smallest_share: f64,
    /// And at least so many customers.
    pub smallest_count: usize,
    /// The largest segment holds at most this share of customers.
    pub largest_share: f64,
    /// Every segment comes back in resamples with at least this mean Jaccard similarity.
    pub min_stability: f64,
    /// Number of resamples, at most 10,000; 0 leaves stability out.
    pub bootstraps: usize,
    /// Samples of customers without segments that silhouettes are held against, 19 to 9,999.
    pub references: usize,
    /// The silhouette is measured on at most so many customers, at least 100.
    pub silhouette_sample: usize,
}

impl Default for SelectK {
    fn default() -> Self {
        Self {
            k_min: 1,
            k_max: 8,
            smallest_share: 0.02,
            smallest_count: 30,
            largest_share: 0.60,
            min_stability: 0.75,
            bootstraps: 100,
            references: 199,
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
        if !(1..=100).contains(&self.k_min) {
            return fail("k_min", self.k_min.to_string(), "from 1 to 100", "1");
        }
        if !(self.k_min.max(2)..=100).contains(&self.k_max) {
            return fail("k_max", self.k_max.to_string(), "from k_min, and 2, to 100", "8");
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
            return fail("bootstraps", self.bootstraps.to_string(), "from 0 to 10000", "100");
        }
        if !(19..=9999).contains(&self.references) {
            return fail("references", self.references.to_string(), "from 19 to 9999", "199");
        }
        if self.silhouette_sample < 100 {
            return fail("silhouette_sample", self.silhouette_sample.to_string(), "100 or more", "4000");
        }
        Ok(())
    }

    /// Why a candidate with that share of so many `customers` is not offered, in words; empty if it is.
    pub(super) fn objections(&self, candidate: &Candidate, customers: usize) -> String {
        let mut words = Vec::new();
        if candidate.largest > self.largest_share {
            words.push(format!("puts {} of customers in one segment", percent(candidate.largest, self.largest_share)));
        }
        if candidate.smallest < self.smallest_share {
            words.push(format!(
                "has a segment with only {} of customers",
                percent(candidate.smallest, self.smallest_share)
            ));
        } else {
            let smallest = (candidate.smallest * customers as f64).round() as usize;
            if smallest < self.smallest_count {
                let people = if smallest == 1 { "customer" } else { "customers" };
                words.push(format!("has a segment with only {smallest} {people}"));
            }
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
pub(super) struct Judgement {
    /// Index of the chosen one.
    pub(super) chosen: usize,
    /// One sentence each.
    pub(super) reasons: Vec<String>,
    /// No candidate met the conditions.
    pub(super) fallback: bool,
}

/// The best among `of`: by verdict, then by score, then the smaller number.
fn best(candidates: &[Candidate], of: impl Iterator<Item = usize>) -> Option<usize> {
    let better = |a: &Candidate, b: &Candidate| a.verdict.cmp(&b.verdict).then(a.score().total_cmp(&b.score())).is_gt();
    of.fold(None, |best: Option<usize>, i| match best {
        Some(b) if !better(&candidates[i], &candidates[b]) => Some(b),
        _ => Some(i),
    })
}

/// `candidates` holds at least one, in ascending order of k.
pub(super) fn judge(candidates: &[Candidate], select: &SelectK, standing: Option<&Standing>) -> Judgement {
    let offered: Vec<usize> = (0..candidates.len()).filter(|&i| candidates[i].excluded.is_empty()).collect();
    let Some(top) = best(candidates, offered.iter().copied()) else {
        let chosen = best(candidates, 0..candidates.len()).unwrap_or(0);
        let it = &candidates[chosen];
        let (first, last) = (candidates[0].value, candidates[candidates.len() - 1].value);
        return Judgement {
            chosen,
            fallback: true,
            reasons: vec![
                format!("No k from {first} to {last} meets every condition for segments to act on."),
                format!("k = {} stands out most: {}.", it.value, it.words(select)),
                format!("But it {}: take these segments as a convention, not as a finding.", it.excluded),
            ],
        };
    };
    let as_good = |i: usize| {
        candidates[i].verdict == candidates[top].verdict && candidates[i].score() >= candidates[top].score() - 1.0
    };
    let convention = |i: usize| candidates[i].verdict != Some(Verdict::Natural);
    let stays = |i: usize| candidates[i].verdict == candidates[top].verdict && (convention(i) || as_good(i));
    let kept = standing.and_then(|standing| {
        let place = offered.iter().copied().find(|&i| candidates[i].clusters == standing.clusters && stays(i));
        place.map(|i| (i, standing))
    });
    let free = offered.iter().copied().find(|&i| as_good(i)).unwrap_or(top);
    let chosen = kept.map_or(free, |(kept, _)| kept);
    let it = &candidates[chosen];
    let mut reasons = vec![format!("k = {}: {}.", it.value, it.words(select))];
    reasons.extend(kept.map(|(kept, Standing { of, .. })| {
        let why = if convention(kept) { "a convention is best kept while it holds" } else { "it stands out as much" };
        format!("It is the number of {of}: {why}.")
    }));
    let runner_up =
        if chosen == top { best(candidates, offered.iter().copied().filter(|&i| i != chosen)) } else { Some(top) };
    reasons.extend(runner_up.map(|i| {
        let second = &candidates[i];
        let why = if chosen == top {
            ""
        } else if kept.is_some() {
            "; it stands out more, but not so that segments which people know should change"
        } else {
            "; it stands out by less than one standard deviation more, so the smaller k is preferred"
        };
        format!("Runner-up: k = {}, {}{why}.", second.value, second.words(select))
    }));
    for other in
        candidates.iter().filter(|c| !c.excluded.is_empty() && (c.verdict, c.score()) > (it.verdict, it.score()))
    {
        reasons.push(format!(
            "k = {} stands out more (silhouette {:.2}) but {}, so it is not offered.",
            other.value,
            other.silhouette.unwrap_or(f64::NAN),
            other.excluded
        ));
    }
    Judgement { chosen, reasons, fallback: false }
}

/// What is said of a number that was asked for: what it is, and what the rule would have chosen.
pub(super) fn judge_given(candidates: &[Candidate], given: usize, one_crowd: bool, select: &SelectK) -> Vec<String> {
    let it = &candidates[given];
    let mut reasons = vec![format!("k = {}, as the config says: {}.", it.value, it.words(select))];
    if !it.excluded.is_empty() {
        reasons.push(format!("By itself it would not be offered: it {}.", it.excluded));
    }
    let free = judge(candidates, select, None);
    if one_crowd {
        reasons.push(
            "By the evidence there are no segments: `n_clusters = \"auto\"` would leave everybody together.".into(),
        );
    } else if free.chosen != given && !free.fallback {
        let other = &candidates[free.chosen];
        reasons.push(format!("By the evidence it would be k = {}: {}.", other.value, other.words(select)));
    }
    reasons
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
            agreement: None,
            prediction_strength: None,
            beside: Some(Beside {
                k,
                silhouette,
                null_mean: 0.2,
                null_deviation: 0.01,
                z: (silhouette - 0.2) / 0.01,
                p: 0.005,
            }),
            verdict: Some(if stability >= 0.85 { Verdict::Natural } else { Verdict::Constructive }),
            smallest,
            largest,
            unclustered: 0.0,
            chosen: false,
            excluded: String::new(),
        };
        candidate.excluded = SelectK::default().objections(&candidate, 10_000);
        candidate
    }

    fn judged(candidates: &[Candidate]) -> (f64, Vec<String>, bool) {
        let Judgement { chosen, reasons, fallback } = judge(candidates, &SelectK::default(), None);
        (candidates[chosen].value, reasons, fallback)
    }

    #[test]
    fn a_lopsided_k_is_not_offered_and_the_reason_says_so() {
        let (k, reasons, fallback) = judged(&[
            candidate(2, 0.43, 0.12, 0.88, 0.95),
            candidate(3, 0.28, 0.20, 0.45, 0.90),
            candidate(4, 0.31, 0.14, 0.40, 0.91),
        ]);
        assert_eq!((k, fallback), (4.0, false));
        assert_eq!(
            reasons,
            [
                "k = 4: natural; silhouette 0.31 where customers without segments have 0.20 (p = 0.005), stability 0.91, \
                 smallest segment 14 % of customers.",
                "Runner-up: k = 3, natural; silhouette 0.28 where customers without segments have 0.20 (p = 0.005), stability \
                 0.90, smallest segment 20 % of customers.",
                "k = 2 stands out more (silhouette 0.43) but puts 88 % of customers in one segment, so it is not offered.",
            ]
        );
    }

    #[test]
    fn within_one_standard_deviation_the_smaller_k_wins() {
        let (k, reasons, _) = judged(&[
            candidate(3, 0.290, 0.20, 0.45, 0.90),
            candidate(4, 0.305, 0.14, 0.40, 0.91),
            candidate(5, 0.310, 0.10, 0.30, 0.90),
        ]);
        assert_eq!(k, 4.0);
        assert!(reasons[1].starts_with("Runner-up: k = 5") && reasons[1].contains("smaller k"), "{reasons:?}");
        let (k, ..) = judged(&[candidate(3, 0.2999, 0.2, 0.5, 0.9), candidate(4, 0.31, 0.2, 0.5, 0.9)]);
        assert_eq!(k, 4.0, "one standard deviation is 0.01");
    }

    #[test]
    fn the_better_verdict_comes_first() {
        let (k, ..) = judged(&[candidate(3, 0.25, 0.2, 0.5, 0.9), candidate(4, 0.35, 0.2, 0.5, 0.8)]);
        assert_eq!(k, 3.0);
    }

    #[test]
    fn a_number_that_people_work_with_stays_while_it_is_as_good() {
        let beside = |clusters: usize, candidates: &[Candidate]| {
            let standing = Standing { of: "2011-Q1.1".into(), clusters, centroids: None };
            let Judgement { chosen, reasons, .. } = judge(candidates, &SelectK::default(), Some(&standing));
            (candidates[chosen].clusters, reasons)
        };
        // Merely reproducible: it stays, however much more another stands out.
        let convention = [candidate(3, 0.25, 0.2, 0.5, 0.8), candidate(8, 0.35, 0.05, 0.4, 0.8)];
        let (k, reasons) = beside(3, &convention);
        assert_eq!(k, 3);
        assert_eq!(reasons[1], "It is the number of 2011-Q1.1: a convention is best kept while it holds.");
        assert!(reasons[2].starts_with("Runner-up: k = 8") && reasons[2].contains("should change"), "{reasons:?}");
        assert_eq!(judged(&convention).0, 8.0, "without it the other is taken");
        assert_eq!(beside(5, &convention).0, 8, "a number that is not among them cannot stay");
        // Natural: only where it stands out as much.
        let natural = [candidate(3, 0.25, 0.2, 0.5, 0.9), candidate(4, 0.35, 0.2, 0.5, 0.9)];
        assert_eq!(beside(3, &natural).0, 4);
        let alike = [candidate(3, 0.345, 0.2, 0.5, 0.9), candidate(4, 0.35, 0.2, 0.5, 0.9)];
        let (k, reasons) = beside(4, &alike);
        assert_eq!((k, judged(&alike).0), (4, 3.0));
        assert_eq!(reasons[1], "It is the number of 2011-Q1.1: it stands out as much.");
        // A better verdict, and a number that is no longer offered, end it.
        assert_eq!(beside(4, &[candidate(3, 0.25, 0.2, 0.5, 0.9), candidate(4, 0.35, 0.2, 0.5, 0.8)]).0, 3);
        assert_eq!(beside(3, &[candidate(3, 0.25, 0.01, 0.5, 0.8), candidate(4, 0.35, 0.2, 0.5, 0.8)]).0, 4);
    }

    #[test]
    fn who_asks_for_a_number_hears_what_it_costs() {
        let candidates =
            [candidate(2, 0.40, 0.1, 0.9, 0.9), candidate(3, 0.25, 0.2, 0.5, 0.9), candidate(4, 0.21, 0.2, 0.5, 0.8)];
        let said = |given, crowd| judge_given(&candidates, given, crowd, &SelectK::default());
        assert!(said(2, false)[0].starts_with("k = 4, as the config says: constructive;"), "{:?}", said(2, false));
        assert!(said(2, false)[1].starts_with("By the evidence it would be k = 3: natural;"));
        assert!(said(0, false)[1].starts_with("By itself it would not be offered: it puts 90 % of customers"));
        assert_eq!(said(1, false).len(), 1);
        assert!(said(1, true)[1].contains("there are no segments"));
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
        let few = candidate(2, 0.5, 0.02, 0.6, 0.8);
        assert_eq!(SelectK::default().objections(&few, 1000), "has a segment with only 20 customers");
    }

    #[test]
    fn when_nothing_passes_what_stands_out_most_is_taken_honestly() {
        let (k, reasons, fallback) = judged(&[candidate(2, 0.40, 0.1, 0.9, 0.7), candidate(3, 0.45, 0.1, 0.5, 0.6)]);
        assert_eq!((k, fallback), (3.0, true));
        assert!(reasons[2].contains("stability 0.60") && reasons[2].contains("not as a finding"), "{reasons:?}");
    }

    #[test]
    fn bounds_are_checked() {
        let good = SelectK::default();
        assert!(good.check().is_ok());
        for (bad, field) in [
            (SelectK { k_min: 0, ..good.clone() }, "k_min"),
            (SelectK { k_max: 1, ..good.clone() }, "k_max"),
            (SelectK { references: 9, ..good.clone() }, "references"),
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
