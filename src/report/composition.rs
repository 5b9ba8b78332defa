//! What segments are made of, as tables: stages on the way from new to lapsed, rungs of the engagement ladder, answers. Small
//! groups of people are not shown.

use super::{FeatureFacts, Report, SMALL_CELL};
use crate::features::{Measure, Scale, Unit};
use crate::segment::profile::Profile;

/// Features whose levels are told for every segment.
const TOLD: [&str; 2] = ["lifecycle_stage", "engagement_ladder"];

/// One table.
pub struct Composition {
    /// What it is of.
    pub title: String,
    /// Head; all but the first column are numbers.
    pub header: Vec<String>,
    /// Rows.
    pub rows: Vec<Vec<String>>,
}

/// Levels down, segments across: the share of each segment at each level.
pub fn levels(report: &Report) -> Vec<Composition> {
    TOLD.iter()
        .filter_map(|name| report.features.iter().find(|f| f.feature.name == *name))
        .map(|facts| {
            let mut header = vec![facts.feature.label.clone()];
            header.extend(report.segments.iter().map(|s| s.id.clone()));
            header.extend(report.unclustered.iter().map(|_| "Unclustered".to_string()));
            header.push("All".into());
            let groups = || {
                report
                    .segments
                    .iter()
                    .map(|s| &s.profile)
                    .chain(&report.unclustered)
                    .chain(std::iter::once(&report.everyone))
            };
            let rows = in_order(report, facts)
                .into_iter()
                .map(|level| {
                    let cells = groups().map(|profile| share(profile, &facts.feature.name, &level));
                    std::iter::once(level.clone()).chain(cells).collect()
                })
                .collect();
            Composition { title: facts.feature.label.clone(), header, rows }
        })
        .filter(|table: &Composition| !table.rows.is_empty())
        .collect()
}

/// The levels that occur, in the order that the feature gives them.
pub(super) fn in_order(report: &Report, facts: &FeatureFacts) -> Vec<String> {
    let stated: Vec<&str> = match (&facts.feature.scale, &facts.feature.measure) {
        (Scale::Ordinal(levels), _) => levels.iter().map(String::as_str).collect(),
        (_, Measure::Rules { rules, otherwise }) => {
            rules.iter().map(|r| r.level.as_str()).chain(std::iter::once(otherwise.as_str())).collect()
        }
        _ => Vec::new(),
    };
    let mut occurring: Vec<String> = report
        .everyone
        .levels
        .iter()
        .filter(|l| l.feature == facts.feature.name && l.customers > 0)
        .map(|l| l.level.clone())
        .collect();
    // What is not stated, such as `unknown`, comes last.
    occurring.sort_by_key(|level| stated.iter().position(|s| s == level).unwrap_or(stated.len()));
    occurring
}

pub(super) fn share(profile: &Profile, feature: &str, level: &str) -> String {
    match profile.levels.iter().find(|l| l.feature == feature && l.level == level) {
        Some(l) if l.customers >= SMALL_CELL => format!("{:.0} %", l.share * 100.0),
        Some(l) if l.customers > 0 => format!("<{SMALL_CELL}"),
        _ => "0 %".into(),
    }
}

/// Segments down: who answered and what, one table per question.
pub fn satisfaction(report: &Report) -> Vec<Composition> {
    let asked = report.everyone.nps.iter().filter(|n| n.answers > 0);
    asked
        .map(|question| {
            let label = report
                .features
                .iter()
                .find(|f| f.feature.name == question.feature)
                .map_or(question.feature.as_str(), |f| f.feature.label.as_str());
            let row = |id: &str, name: &str, profile: &Profile| {
                let mut row = vec![format!("{id} {name}").trim().to_string()];
                row.extend(answers(profile, &question.feature));
                row
            };
            let mut rows: Vec<Vec<String>> =
                report.segments.iter().map(|s| row(&s.id, &s.persona.name, &s.profile)).collect();
            rows.extend(report.unclustered.iter().map(|p| row("", "Unclustered", p)));
            rows.push(row("", "All", &report.everyone));
            let header = [
                "Segment",
                "Answers",
                "Share who answered",
                "Promoters",
                "Passives",
                "Detractors",
                "NPS",
                "Standard error",
            ];
            Composition { title: label.into(), header: header.map(String::from).to_vec(), rows }
        })
        .collect()
}

fn answers(profile: &Profile, feature: &str) -> Vec<String> {
    let Some(facts) = profile.nps.iter().find(|n| n.feature == feature) else { return vec!["–".into(); 7] };
    let percent = |share: f64| format!("{:.0} %", share * 100.0);
    let mut cells = if facts.answers > 0 && facts.answers < SMALL_CELL {
        vec![format!("<{SMALL_CELL}"), "–".into()]
    } else {
        vec![Unit::Count.format(facts.answers as f64, ""), percent(facts.share_answered)]
    };
    match &facts.score {
        Some(s) => cells.extend([
            percent(s.promoters),
            percent((1.0 - s.promoters - s.detractors).max(0.0)),
            percent(s.detractors),
            signed(s.nps),
            format!("±{:.1}", s.error),
        ]),
        None => cells.extend(std::iter::repeat_n("–".to_string(), 5)),
    }
    cells
}

/// `NPS +32 ± 4 (120 answers, 18 % of them all)` for the card; `None` with too few answers.
pub fn nps_words(profile: &Profile) -> Vec<String> {
    profile
        .nps
        .iter()
        .filter_map(|n| n.score.map(|s| (n, s)))
        .map(|(n, s)| {
            format!(
                "NPS {} ± {:.0} ({} answers, {:.0} % of the group)",
                signed(s.nps),
                s.error,
                Unit::Count.format(n.answers as f64, ""),
                n.share_answered * 100.0
            )
        })
        .collect()
}

pub(super) fn signed(nps: f64) -> String {
    match nps.round() {
        n if n > 0.0 => format!("+{n}"),
        n if n < 0.0 => format!("−{}", -n),
        _ => "0".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{report, with_people};
    use super::*;

    #[test]
    fn stages_stand_in_their_order_and_small_groups_are_hidden() {
        let tables = levels(&with_people());
        assert_eq!(tables.len(), 1);
        assert_eq!(tables[0].header, ["Stage", "S01", "S02", "All"]);
        assert_eq!(
            tables[0].rows,
            [["lapsed", "0 %", "<10", "<10"], ["loyal", "60 %", "97 %", "78 %"], ["new", "40 %", "2 %", "22 %"]]
        );
        assert!(levels(&report(3)).is_empty());
    }

    #[test]
    fn satisfaction_is_told_where_enough_answered() {
        let tables = satisfaction(&with_people());
        assert_eq!(tables.len(), 1);
        assert_eq!(tables[0].title, "Latest answer: NPS");
        assert_eq!(tables[0].rows[0], ["S01 Persona number 1", "50", "5 %", "50 %", "30 %", "20 %", "+30", "±11.0"]);
        assert_eq!(tables[0].rows[1], ["S02 Persona number 2", "<10", "–", "–", "–", "–", "–", "–"]);
        assert_eq!(nps_words(&with_people().segments[0].profile), ["NPS +30 ± 11 (50 answers, 5 % of the group)"]);
        assert!(nps_words(&with_people().segments[1].profile).is_empty());
        assert!(satisfaction(&report(3)).is_empty());
    }

    #[test]
    fn scores_carry_their_sign() {
        assert_eq!([signed(12.4), signed(-0.6), signed(0.3), signed(-0.3)], ["+12", "−1", "0", "0"]);
    }
}
