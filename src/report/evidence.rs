//! What was found out about the segments themselves, as tables and sentences. Nothing is computed.

use super::Report;
use crate::evidence::dip::Sample;
use crate::evidence::select::Candidate;
use crate::evidence::verdict::{Evidence, Verdict};

/// The verdict in words: its name, what it means, and the numbers behind it for whoever asks.
pub struct Said {
    /// `Natural segments`.
    pub heading: String,
    /// One sentence for whoever acts on it.
    pub sentence: String,
    /// One sentence with the numbers.
    pub because: String,
}

/// `None` for reports that have no verdict.
pub fn said(report: &Report) -> Option<Said> {
    let verdict = report.method.verdict?;
    let heading = match verdict {
        Verdict::None => "No segments".into(),
        other => format!("{} segments", other.name()),
    };
    Some(Said { heading, sentence: verdict.sentence().into(), because: because(report, verdict) })
}

fn because(report: &Report, verdict: Verdict) -> String {
    let Some(evidence) = &report.method.evidence else { return String::new() };
    let k = report.segments.len();
    let least = report.segments.iter().filter_map(|s| s.stability).min_by(f64::total_cmp);
    let back = match least {
        Some(least) if least >= 0.75 => {
            format!("All of them come back when the analysis is repeated (at least {least:.2} of 1).")
        }
        Some(least) => {
            format!("Not all of them come back when the analysis is repeated (the weakest with {least:.2} of 1).")
        }
        None => String::new(),
    };
    let apart = evidence.structure.at(k).map(|beside| {
        let than = match beside.p {
            ..=0.01 => "further apart than",
            ..=0.1 => "hardly further apart than",
            _ => "no further apart than",
        };
        format!(
            "They are {than} slices of customers who have the same habits but no groups (silhouette {:.2}, without groups {:.2}, \
             p = {:.3}).",
            beside.silhouette, beside.null_mean, beside.p
        )
    });
    match verdict {
        Verdict::None => evidence.against(report.method.sweep.get(1).map_or(2, |candidate| candidate.clusters)),
        _ => [apart.unwrap_or_default(), back].into_iter().filter(|s| !s.is_empty()).collect::<Vec<_>>().join(" "),
    }
}

/// The table over the numbers of segments.
pub const HEADER: [&str; 9] = [
    "Segments",
    "Verdict",
    "Silhouette",
    "Without groups",
    "Deviations above",
    "p",
    "Prediction strength",
    "Weakest stability",
    "Resamples agree",
];

/// Its rows: of the candidates that were weighed.
pub fn rows(candidates: &[Candidate]) -> Vec<Vec<String>> {
    let show = |value: Option<f64>, digits: usize| value.map_or("–".to_string(), |v| format!("{v:.digits$}"));
    let row = |c: &Candidate| {
        vec![
            c.clusters.to_string(),
            c.verdict.map_or("–".into(), |verdict| verdict.name().into()),
            show(c.beside.map(|b| b.silhouette), 3),
            show(c.beside.map(|b| b.null_mean), 3),
            show(c.beside.map(|b| b.z), 1),
            show(c.beside.map(|b| b.p), 3),
            show(c.prediction_strength, 2),
            show(c.stability, 2),
            show(c.agreement, 2),
        ]
    };
    candidates.iter().filter(|c| c.verdict.is_some()).map(row).collect()
}

/// What else was looked at: name, value, what it says. `algorithms` are others and how far they agree.
pub fn tests(evidence: Option<&Evidence>, algorithms: &[(String, f64)]) -> Vec<[String; 3]> {
    let Some(evidence) = evidence else { return Vec::new() };
    let p = |p: f64| if p < 0.001 { "p < 0.001".to_string() } else { format!("p = {p:.3}") };
    let mut all = vec![
        [
            "Gap statistic".to_string(),
            format!("{}", evidence.gap_clusters),
            format!("groups by the rule of its paper; {} by firstSEmax", evidence.gap_clusters_first),
        ],
        [
            "Silhouettes at any number".into(),
            p(evidence.structure.p),
            format!(
                "of {} customers against {} samples without groups",
                evidence.structure.rows, evidence.structure.references
            ),
        ],
    ];
    for dip in &evidence.dips {
        let on = match dip.sample {
            Sample::FirstComponent => "on the first principal axis",
            Sample::PairwiseDistances => "of the distances between customers",
        };
        let modes = if dip.p_holm <= 0.05 { "more than one mode" } else { "no second mode" };
        all.push([format!("Dip test {on}"), p(dip.p_holm), format!("{modes} (dip {:.4})", dip.dip)]);
    }
    if let Some(hopkins) = evidence.hopkins {
        let says = "for information: one round cloud has .9 as well";
        all.push(["Hopkins' statistic".into(), format!("{:.2}", hopkins.statistic), says.into()]);
    }
    for (name, agreement) in algorithms {
        all.push([
            format!("Agreement with {name}"),
            format!("{agreement:.2}"),
            "adjusted Rand index, 1 is the same".into(),
        ]);
    }
    all
}

/// Segment by segment how it came back: id, mean Jaccard, recovered, dissolved.
pub fn recurrences(report: &Report) -> Vec<[String; 4]> {
    let of = |segment: &super::SegmentFacts| {
        let r = segment.recurrence?;
        let out_of = |n: usize| format!("{n} of {}", r.resamples);
        Some([segment.id.clone(), format!("{:.2}", r.jaccard), out_of(r.recovered), out_of(r.dissolved)])
    };
    report.segments.iter().filter_map(of).collect()
}
