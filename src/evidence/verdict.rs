//! What the segments are: natural, merely reproducible, a convenience, or not there.
//!
//! The rules are checked in the order of [`Verdict`]: *none* if the gap statistic chooses one cluster, no dip test finds a
//! second mode and the silhouettes are those of the reference without clusters ([`Smoothed`]); *natural* if the silhouette of the chosen number exceeds
//! the reference's at any number (p at most 0.01), halves of the customers predict each other (prediction strength 0.8)
//! and every segment comes back in resamples (Jaccard 0.75); *reproducible* if it only comes back, and the partitions
//! of resamples agree (adjusted Rand index 0.8); else *constructive*. How often each is right on customers with and without clusters is measured
//! in docs/evidence.md.

use super::dip::{DipTest, dip_tests};
use super::gap::{self, Gap, Rule, gap};
use super::hopkins::{Hopkins, hopkins};
use super::indices::sample_rows;
use super::null::{AxesBox, Smoothed};
use super::stability::{STABLE, Stability};
use super::structure::{self, Beside, Structure, structure};
use crate::error::Result;
use ndarray::{ArrayView2, Axis};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Probability up to which silhouettes are no accident.
const ACCIDENT: f64 = 0.01;

/// Probability up to which they are not those of one crowd either.
const ONE_CROWD: f64 = 0.1;

/// Probability, adjusted for both tests, up to which a dip is a second mode.
const SECOND_MODE: f64 = 0.05;

/// Prediction strength from which halves predict each other (Tibshirani & Walther 2005, section 3).
const PREDICTED: f64 = 0.8;

/// Adjusted Rand index from which resamples agree.
const AGREEING: f64 = 0.8;

/// How far the reference is blurred, in standard deviations of a normal score. With more it forgets how features bend along one another, and
/// a bent crowd is taken for groups; with less it keeps the gaps. docs/evidence.md has what is found with this much.
const NOISE: f64 = 0.45;

/// Customers looked at, at most.
const ROWS: usize = 20_000;

/// What a set of segments is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// No segments: the customers are one crowd.
    None,
    /// A useful convention: another sample would be cut elsewhere.
    Constructive,
    /// Slices of a continuum that come back in other samples.
    Reproducible,
    /// Groups with fewer customers between them.
    Natural,
}

impl Verdict {
    /// `Natural`, for headings.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::None => "None",
            Verdict::Constructive => "Constructive",
            Verdict::Reproducible => "Reproducible",
            Verdict::Natural => "Natural",
        }
    }

    /// What it means, in one sentence for whoever acts on it.
    pub fn sentence(self) -> &'static str {
        match self {
            Verdict::None => "There are no segments here: by these features the customers are one crowd.",
            Verdict::Constructive => {
                "These segments are a convention: useful to act on, but customers shade into one another and another sample \
                 would be cut elsewhere."
            }
            Verdict::Reproducible => {
                "These segments are slices of a continuum: they come back when the analysis is repeated, but customers \
                 shade into one another, so the borders are ours and not theirs."
            }
            Verdict::Natural => {
                "These segments are there in the data: customers form groups with fewer of them in between, and the groups \
                 come back when the analysis is repeated."
            }
        }
    }
}

/// How much is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// The largest number of clusters tried.
    pub most_clusters: usize,
    /// Samples of the reference for silhouettes, at least 19.
    pub references: usize,
}

/// What speaks for clusters and against them, whatever the algorithm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// Silhouettes by k-means beside those of the customers blurred ([`Smoothed`]).
    pub structure: Structure,
    /// The gap statistic against the box along the principal axes.
    pub gap: Gap,
    /// The number of clusters it chooses by the rule of its paper (`Tibs2001SEmax`).
    pub gap_clusters: usize,
    /// And by the rule of the R package cluster (`firstSEmax`).
    pub gap_clusters_first: usize,
    /// The dip tests.
    pub dips: Vec<DipTest>,
    /// For information: it decides nothing.
    pub hopkins: Option<Hopkins>,
}

impl Evidence {
    /// Looks at `x` (customers × features in model space); above 20,000 customers at a sample of them. `None` where there is
    /// nothing to look at: fewer than two different customers.
    ///
    /// # Errors
    /// `E0346` for values that are not finite, `E0403` without features, `E0205` for an option out of bounds.
    pub fn of(x: ArrayView2<f64>, options: Options, seed: u64) -> Result<Option<Self>> {
        /// References of the gap statistic, and rows of each.
        const GAP: (usize, usize) = (50, 4000);
        let everyone: Vec<usize> = (0..x.nrows()).collect();
        let sampled = (x.nrows() > ROWS).then(|| x.select(Axis(0), &sample_rows(&everyone, ROWS, seed)));
        let x = sampled.as_ref().map_or(x.reborrow(), |sampled| sampled.view());
        if x.rows().into_iter().skip(1).all(|row| row == x.row(0)) {
            return Ok(None);
        }
        let most_clusters = options.most_clusters.max(2);
        let tried =
            structure::Options { most_clusters, references: options.references, ..structure::Options::default() };
        let (references, most_rows) = GAP;
        let gaps = gap::Options { most_clusters, references, most_rows, ..gap::Options::default() };
        let gap = gap(x.into(), &AxesBox::new(x.into())?, gaps, seed)?;
        Ok(Some(Self {
            structure: structure(x.into(), &Smoothed::new(x.into(), NOISE, seed)?, tried, seed)?,
            gap_clusters: gap.choose(Rule::Tibs2001SeMax, 1.0),
            gap_clusters_first: gap.choose(Rule::FirstSeMax, 1.0),
            gap,
            dips: dip_tests(x.into(), seed)?,
            hopkins: hopkins(x.into(), seed)?,
        }))
    }

    /// Nothing speaks for more than one cluster.
    pub fn one_crowd(&self) -> bool {
        self.gap_clusters == 1 && self.structure.p > ONE_CROWD && self.dips.iter().all(|dip| dip.p_holm > SECOND_MODE)
    }

    /// What was seen of those who would be `clusters` segments, in words.
    pub fn against(&self, clusters: usize) -> String {
        let seen = |beside: &Beside| {
            format!(
                "{} segments would have a silhouette of {:.2}; as many slices of customers without segments have {:.2}. ",
                beside.k, beside.silhouette, beside.null_mean
            )
        };
        let groups =
            if self.gap_clusters == 1 { "one group".to_string() } else { format!("{} groups", self.gap_clusters) };
        let modes = if self.dips.iter().any(|dip| dip.p_holm <= SECOND_MODE) { "a second" } else { "no second" };
        let seen = self.structure.at(clusters).map_or_else(String::new, seen);
        format!("{seen}The gap statistic chooses {groups}, and the dip tests find {modes} mode.")
    }

    /// The verdict on `clusters` segments that were found, with their stability and prediction strength (`None` where it does
    /// not apply: half of the customers are half as dense). `given` says that a person asked for so many.
    pub fn verdict(&self, clusters: usize, stability: &Stability, prediction: Option<f64>, given: bool) -> Verdict {
        if clusters < 2 || (self.one_crowd() && !given) {
            return Verdict::None;
        }
        let come_back = stability.weakest().is_some_and(|weakest| weakest >= STABLE);
        let no_accident = self.structure.at(clusters).is_some_and(|beside| beside.p <= ACCIDENT);
        let predicted = prediction.is_none_or(|strength| strength >= PREDICTED);
        if come_back && no_accident && predicted {
            Verdict::Natural
        } else if come_back && stability.agreement.is_some_and(|agreement| agreement >= AGREEING) {
            Verdict::Reproducible
        } else {
            Verdict::Constructive
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::dip::Sample;
    use super::super::stability::Recurrence;
    use super::*;

    /// Evidence on three segments: the probability of their silhouette, what the gap statistic chooses, and the dip tests' probability.
    fn evidence(p: f64, gap_clusters: usize, dip: f64) -> Evidence {
        let beside = Beside { k: 3, silhouette: 0.3, null_mean: 0.2, null_deviation: 0.02, z: 5.0, p };
        Evidence {
            structure: Structure { tried: vec![beside], p, rows: 2000, references: 199 },
            gap: Gap { log_w: vec![], log_w_null: vec![], gap: vec![], standard_error: vec![] },
            gap_clusters,
            gap_clusters_first: gap_clusters,
            dips: vec![DipTest { sample: Sample::FirstComponent, dip: 0.02, n: 2000, p: dip, p_holm: dip }],
            hopkins: None,
        }
    }

    fn stability(weakest: f64, agreement: f64) -> Stability {
        let of = |jaccard| Recurrence { jaccard, dissolved: 0, recovered: 100, resamples: 100 };
        Stability { clusters: vec![of(0.99), of(weakest), of(0.95)], agreement: Some(agreement) }
    }

    #[test]
    fn each_rule_decides_at_its_threshold() {
        let seen = |p, weakest, agreement, prediction| {
            evidence(p, 3, 0.001).verdict(3, &stability(weakest, agreement), prediction, false)
        };
        assert_eq!(seen(0.01, 0.75, 0.0, Some(0.8)), Verdict::Natural);
        // One condition less each.
        assert_eq!(seen(0.011, 0.75, 0.8, Some(0.8)), Verdict::Reproducible);
        assert_eq!(seen(0.01, 0.75, 0.8, Some(0.79)), Verdict::Reproducible);
        assert_eq!(seen(0.01, 0.74, 0.8, Some(0.8)), Verdict::Constructive);
        assert_eq!(seen(0.5, 0.75, 0.79, Some(0.8)), Verdict::Constructive);
        // Where halves of the customers say nothing they are not asked.
        assert_eq!(seen(0.01, 0.75, 0.0, None), Verdict::Natural);
        // Of a number that was not tried nothing speaks for groups.
        assert_eq!(evidence(0.01, 3, 0.001).verdict(4, &stability(0.9, 0.9), None, false), Verdict::Reproducible);
        assert_eq!(evidence(0.01, 3, 0.001).verdict(3, &Stability::default(), None, false), Verdict::Constructive);
    }

    #[test]
    fn one_crowd_is_no_segments_unless_they_are_asked_for() {
        let crowd = evidence(0.2, 1, 0.5);
        assert!(crowd.one_crowd());
        assert_eq!(crowd.verdict(3, &stability(0.9, 0.9), Some(0.9), false), Verdict::None);
        assert_eq!(crowd.verdict(3, &stability(0.9, 0.9), Some(0.9), true), Verdict::Reproducible);
        assert_eq!(crowd.verdict(1, &stability(0.9, 0.9), Some(0.9), true), Verdict::None);
        // Anything that speaks for more than one is enough.
        assert!(!evidence(0.1, 1, 0.5).one_crowd());
        assert!(!evidence(0.2, 2, 0.5).one_crowd());
        assert!(!evidence(0.2, 1, 0.05).one_crowd());
        let said = crowd.against(3);
        assert!(
            said.contains("0.30") && said.contains("chooses one group") && said.contains("no second mode"),
            "{said}"
        );
    }
}
