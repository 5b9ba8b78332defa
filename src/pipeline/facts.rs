//! Where all of a run meets: the facts of its report.

use super::choose::Chosen;
use super::{Model, Prepared, dictionary, period, pictures};
use crate::cluster::Assignment;
use crate::config::Config;
use crate::error::{Result, Warning};
use crate::evidence::indices;
use crate::evidence::stability::Recurrence;
use crate::features::Family;
use crate::features::matrix::{Column, FeatureMatrix};
use crate::report::{Coverage, FeatureFacts, MapPoint, Method, Report, SegmentFacts};
use crate::segment::blocks;
use crate::segment::concentration::concentration;
use crate::segment::persona::Persona;
use crate::segment::profile::{Profiles, between, repeat_rate, whales};
use crate::segment::protected::protected;
use crate::segment::rule::rules;

/// Customers drawn on the recency-frequency map.
const MAP_POINTS: usize = 2_000;

#[allow(clippy::too_many_arguments)] // The report is where all of a run meets.
pub(super) fn report(
    config: &Config,
    prepared: &Prepared,
    chosen: Chosen,
    model: &Model,
    assignments: &[Assignment],
    labels: &[Option<usize>],
    described: Profiles,
    named: Vec<Persona>,
    stability: Vec<Option<Recurrence>>,
) -> Result<Report> {
    let Prepared { tables, matrix, preparation, model_matrix, .. } = prepared;
    let x = model_matrix.values.view();
    let mut warnings = prepared.warnings.clone();
    warnings.extend(chosen.warnings);
    for (i, profile) in described.segments.iter().enumerate() {
        if profile.share_customers < 0.005 || profile.customers < 10 {
            warnings.push(Warning::new(
                "W0422",
                format!(
                    "{} has {} customers ({:.1} %)",
                    model.segments[i].id,
                    profile.customers,
                    profile.share_customers * 100.0
                ),
            ));
        }
    }
    let parts = blocks::between(model_matrix, labels);
    let of_the_person = [Family::Demographic, Family::Geographic];
    let personal: f64 = parts.iter().filter(|(family, _)| of_the_person.contains(family)).map(|(_, part)| part).sum();
    if personal > 0.5 {
        let warning = Warning::new(
            "W0424",
            format!("{:.0} % of what lies between segments is demographic and geographic", personal * 100.0),
        )
        .why("the segments say who customers are and where, more than what they do");
        warnings.push(if personal < 1.0 {
            let forming = preparation.weights().into_iter().map(|(family, _)| family);
            let weights = forming.filter(|f| of_the_person.contains(f)).map(|f| format!("{} = 0.05", f.word()));
            warning.help(format!("under [features.weights]: {}", weights.collect::<Vec<_>>().join(", ")))
        } else {
            warning.help("where a column tells what customers do: spend = { kind = \"number\", family = \"rfm\" }")
        });
    }
    let forming: Vec<&str> = model_matrix.columns.iter().map(|c| c.feature.as_str()).collect();
    let by_word = |parts: Vec<(Family, f64)>| parts.into_iter().map(|(f, part)| (f.word().into(), part)).collect();
    let shares = between(matrix, preparation, labels, described.segments.len());
    let features = matrix
        .features
        .iter()
        .zip(&matrix.columns)
        .zip(shares)
        .zip(dictionary(&matrix.features, tables))
        .map(|(((feature, column), between), dictionary)| FeatureFacts {
            feature: feature.clone(),
            preparation: preparation.describe(&feature.name),
            missing: match column {
                Column::Number(v) => v.iter().filter(|x| x.is_nan()).count(),
                Column::Level(v) => v.iter().filter(|x| x.is_none()).count(),
            } as f64
                / matrix.len() as f64,
            between,
            dictionary,
        })
        .collect();
    let n_segments = described.segments.len();
    let guest = tables.sales.guest_revenue.unwrap_or(0.0);
    let total = tables.sales.revenue.map(|r| r + guest);
    let unclustered_share = labels.iter().filter(|l| l.is_none()).count() as f64 / labels.len() as f64;
    Ok(Report {
        schema: "ilk/report/1".into(),
        ilk_version: env!("CARGO_PKG_VERSION").into(),
        project: config.project.name.clone(),
        model: format!("{}/{}", model.name, model.version),
        period: period(tables),
        as_of: model.as_of.clone(),
        currency: config.project.currency.clone(),
        look: config.report.look(None),
        coverage: Coverage {
            customers: matrix.len(),
            leads: tables.leads.len(),
            without_orders: tables.lapsed.len(),
            orders: tables.orders.is_some().then_some(tables.sales.orders),
            revenue: total,
            repeat_rate: repeat_rate(matrix),
            whales: whales(matrix),
            guest_revenue_share: total.filter(|t| *t > 0.0).map(|t| guest / t),
            first_day: tables.sales.days.map(|d| d.0.iso()),
            last_day: tables.sales.days.map(|d| d.1.iso()),
            sample: None,
        },
        segments: described
            .segments
            .into_iter()
            .zip(named)
            .zip(stability)
            .zip(rules(matrix, labels, n_segments))
            .enumerate()
            .map(|(i, (((profile, persona), recurrence), rule))| SegmentFacts {
                id: model.segments[i].id.clone(),
                colour: model.segments[i].colour,
                persona,
                profile,
                stability: recurrence.map(|recurrence| recurrence.jaccard),
                recurrence,
                rule,
                play: None,
            })
            .collect(),
        everyone: described.everyone,
        leads_play: None,
        unclustered: described.unclustered,
        features,
        protected: protected(matrix, labels, &forming),
        method: Method {
            algorithm: chosen.algorithm.name().into(),
            implementation: config.cluster.implementation.name().into(),
            parameters: {
                let mut all = chosen.algorithm.parameters();
                all.push(("seed".into(), config.cluster.seed.to_string()));
                all
            },
            verdict: Some(chosen.verdict),
            reasons: chosen.reasons,
            sweep: chosen.candidates,
            agreement: chosen.stability.agreement,
            algorithms: Vec::new(),
            evidence: chosen.evidence,
            silhouette: indices::silhouette(x, labels, config.cluster.select.silhouette_sample, config.cluster.seed)
                .map(|s| s.mean),
            inertia: indices::inertia(assignments),
            davies_bouldin: indices::davies_bouldin(x, labels),
            calinski_harabasz: indices::calinski_harabasz(x, labels),
            weights: by_word(preparation.weights()),
            between: by_word(parts),
            unclustered_share,
        },
        rfm: None,
        map: map(matrix, labels),
        concentration: concentration(matrix, labels, n_segments),
        widths: pictures::widths(x, labels, n_segments),
        space: pictures::space(model_matrix, matrix, labels, n_segments)?,
        weeks: pictures::weeks(tables),
        season: pictures::season(tables, matrix, labels, n_segments),
        positions: Vec::new(),
        lineage: None,
        monitoring: None,
        migration: None,
        ledger: tables.ledger.clone(),
        warnings,
    })
}

/// Evenly spaced customers in id order: ids say nothing of behaviour, so this is a fair sample, and it needs no draw.
fn map(matrix: &FeatureMatrix, labels: &[Option<usize>]) -> Vec<MapPoint> {
    let (Some(recency), Some(orders)) = (matrix.numbers("recency_days"), matrix.numbers("orders")) else {
        return Vec::new();
    };
    pictures::spaced(matrix.len(), MAP_POINTS)
        .into_iter()
        .map(|i| MapPoint { recency: recency[i], orders: orders[i], segment: labels[i] })
        .collect()
}
