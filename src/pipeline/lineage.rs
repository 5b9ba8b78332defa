//! A model beside an older one: what each says of the customers of both days.

use super::{Model, Prepared};
use crate::cluster::Assignment;
use crate::error::Result;
use crate::evidence::drift::{Drift, drift};
use crate::evidence::indices;
use crate::evidence::select::Standing;
use crate::features::Role;
use crate::features::matrix::FeatureMatrix;
use crate::features::preparation::ModelMatrix;
use crate::segment::UNCLUSTERED;
use crate::segment::decomposition::{Decomposition, FourViews, decompose};
use crate::segment::lineage::{Lineage, Rulers, trace};
use crate::segment::model::{Fit, assign};
use ndarray::{Array2, ArrayView2};
use serde::Serialize;
use std::collections::BTreeMap;

/// An older model, the customers it was made of, and what was published of them.
pub struct Elder {
    /// The model.
    pub model: Model,
    /// Its customers as they were on its day.
    pub matrix: FeatureMatrix,
    /// The number of the first id that no model of the project has used.
    pub next_id: usize,
    /// What its assignments say of each customer.
    pub published: BTreeMap<String, Earlier>,
}

/// What was published of a customer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Earlier {
    /// The segment.
    pub segment: String,
    /// The one before.
    pub previous: Option<String>,
    /// Since when, ISO.
    pub changed_at: Option<String>,
}

/// Means of the rows of each label; zeros for labels without rows.
pub(super) fn centres(x: ArrayView2<f64>, labels: &[Option<usize>], n: usize) -> Array2<f64> {
    let (mut sums, mut sizes) = (Array2::zeros((n, x.ncols())), vec![0.0_f64; n]);
    for (row, label) in x.rows().into_iter().zip(labels) {
        if let Some(label) = *label {
            sizes[label] += 1.0;
            sums.row_mut(label).iter_mut().zip(row).for_each(|(sum, value): (&mut f64, &f64)| *sum += value);
        }
    }
    for (mut row, size) in sums.rows_mut().into_iter().zip(sizes) {
        row.mapv_inplace(|sum| sum / size.max(1.0));
    }
    sums
}

/// The clusters of assignments.
fn labels_of(assignments: &[Assignment]) -> Vec<Option<usize>> {
    assignments.iter().map(|a| a.cluster).collect()
}

/// What an older model says of its own day and of today.
pub(super) struct LookBack {
    then: Vec<Assignment>,
    now: Vec<Assignment>,
    spaces: [ModelMatrix; 2],
}

impl LookBack {
    /// `None` where `matrix` lacks a feature of the older model.
    ///
    /// # Errors
    /// E0502 where the matrix does not fit it.
    pub(super) fn at(elder: &Elder, matrix: &FeatureMatrix) -> Result<Option<Self>> {
        matrix.select(&elder.model.features).map(|today| Self::of(elder, &today)).transpose()
    }

    /// Its segments as a new choice in `space` finds them.
    pub(super) fn standing(&self, elder: &Elder, space: &ModelMatrix) -> Standing {
        let clusters = elder.model.segments.len();
        Standing {
            of: elder.model.version.clone(),
            clusters,
            centroids: Some(centres(space.values.view(), &labels_of(&self.now), clusters)),
        }
    }

    /// `today` has the features of the older model.
    fn of(elder: &Elder, today: &FeatureMatrix) -> Result<Self> {
        let Elder { model, matrix, .. } = elder;
        let spaces = [model.preparation.transform(matrix)?, model.preparation.transform(today)?];
        let [then, now] = spaces.each_ref().map(|space| assign(&model.prototypes, space));
        Ok(Self { then, now, spaces })
    }

    /// Who lies beyond all that the older model knew.
    fn beyond(&self, elder: &Elder) -> Vec<bool> {
        self.now.iter().map(|assignment| Fit::of(assignment, elder.model.far) == Fit::Far).collect()
    }

    /// What became of its segments in a model that puts the customers of today, with these `ids`, into `labels`, of which there are `n`.
    fn lineage(&self, elder: &Elder, ids: &[String], labels: &[Option<usize>], n: usize) -> Lineage {
        let (then, now, known) = (labels_of(&self.then), labels_of(&self.now), elder.known());
        let at = |id: &String| elder.matrix.ids.binary_search(id).ok().and_then(|row| then[row]);
        let people: Vec<Option<usize>> = ids.iter().map(at).collect();
        let mut shares = vec![0.0; known.len()];
        then.iter().flatten().for_each(|label| shares[*label] += 1.0 / then.len() as f64);
        let [old_space, space] = self.spaces.each_ref().map(|space| space.values.view());
        let (old_centres, new_centres) = (centres(old_space, &then, known.len()), centres(space, labels, n));
        let rulers = Rulers {
            old: &now,
            new: labels,
            then: &people,
            beyond: &self.beyond(elder),
            old_centres: old_centres.view(),
            new_centres: new_centres.view(),
            reach: elder.model.far,
            old_shares: &shares,
        };
        trace(rulers, &known, &elder.model.version, elder.next_id)
    }
}

impl Elder {
    /// Ids and names of its segments.
    fn known(&self) -> Vec<(String, String)> {
        self.model.segments.iter().map(|s| (s.id.clone(), s.name.clone())).collect()
    }

    /// A new model with features that lack some of this one's.
    fn refused(&self, matrix: &FeatureMatrix, n: usize) -> Lineage {
        let missing = self.model.features.iter().find(|f| matrix.select(std::slice::from_ref(f)).is_none());
        let what = missing.map_or_else(String::new, |f| format!("`{}` is gone, or is computed in another way", f.name));
        Lineage::refused(what, &self.known(), &self.model.version, n, self.next_id)
    }
}

/// What became of the segments of `elder` in a model that puts the customers of `matrix` into `labels`, of which there are `n`; `back` is
/// [`LookBack::at`] the same matrix.
pub(super) fn lineage(
    elder: &Elder,
    back: Option<&LookBack>,
    matrix: &FeatureMatrix,
    labels: &[Option<usize>],
    n: usize,
) -> Lineage {
    match back {
        Some(back) => back.lineage(elder, &matrix.ids, labels, n),
        None => elder.refused(matrix, n),
    }
}

/// The segments of `elder` as a new choice among the prepared customers finds them; `None` where they cannot be compared.
///
/// # Errors
/// E0502 where the matrix does not fit the older model.
pub fn standing(elder: &Elder, prepared: &Prepared) -> Result<Option<Standing>> {
    let back = LookBack::at(elder, &prepared.matrix)?;
    Ok(back.map(|back| back.standing(elder, &prepared.model_matrix)))
}

/// What holding a model beside an older one says.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// What became of the older segments.
    pub lineage: Lineage,
    /// Of those whose segment changed, why; `None` where the models cannot be compared.
    pub decomposition: Option<Decomposition>,
    /// The features that form segments in the older model, those that moved most first.
    pub drift: Vec<Drift>,
    /// Share of the customers beyond the older model's training range; one in a hundred is expected.
    pub beyond: f64,
    /// Squared distance per customer to the older model's segments, now by then; `None` where then it was 0.
    pub inertia_ratio: Option<f64>,
    /// What to do with the older model.
    pub advice: Advice,
    /// What speaks for the advice.
    pub reasons: Vec<String>,
}

/// What to do with a model, given today's customers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Advice {
    /// It fits: go on.
    KeepScoring,
    /// It fits, but customers have moved: score them again.
    Rescore,
    /// It no longer fits.
    Retrain,
}

impl Advice {
    /// As people say it.
    pub fn words(self) -> &'static str {
        match self {
            Advice::KeepScoring => "keep scoring with it",
            Advice::Rescore => "score customers again",
            Advice::Retrain => "retrain",
        }
    }
}

/// Features that moved far from which a model is retrained.
const MOVED_FEATURES: usize = 2;

/// Share of customers beyond the training range from which it is.
const MOST_BEYOND: f64 = 0.05;

/// Growth of the squared distance from which it is.
const MOST_INERTIA: f64 = 1.15;

/// Agreement of the frozen model with a new one below which it is.
const LEAST_AGREEMENT: f64 = 0.8;

/// Share of customers who changed segments from which they are scored again.
const MOST_CHANGED: f64 = 0.05;

/// Holds `newer` beside `older`, with the customers of both days as they were stored.
///
/// # Errors
/// E0502 where a stored matrix does not fit its model.
pub fn compare(older: &Elder, newer: &Elder) -> Result<Comparison> {
    let labels = labels_of(&newer.model.assign(&newer.matrix)?);
    let ids: Vec<String> = newer.model.segments.iter().map(|s| s.id.clone()).collect();
    let Some(today) = newer.matrix.select(&older.model.features) else {
        let lineage = older.refused(&newer.matrix, ids.len()).under(&ids);
        let reasons = lineage.refused.iter().cloned().collect();
        return Ok(Comparison {
            lineage,
            decomposition: None,
            drift: Vec::new(),
            beyond: 0.0,
            inertia_ratio: None,
            advice: Advice::Retrain,
            reasons,
        });
    };
    let back = LookBack::of(older, &today)?;
    let lineage = back.lineage(older, &newer.matrix.ids, &labels, ids.len()).under(&ids);
    let decomposition = match older.matrix.select(&newer.model.features) {
        None => None,
        Some(before) => {
            let names = |model: &Model, labels: &[Option<usize>]| -> Vec<String> {
                let name =
                    |label: &Option<usize>| label.map_or(UNCLUSTERED, |at| model.segments[at].id.as_str()).to_string();
                labels.iter().map(name).collect()
            };
            let [old_then, old_now] = [&back.then, &back.now].map(|all| names(&older.model, &labels_of(all)));
            let new_then = names(&newer.model, &labels_of(&newer.model.assign(&before)?));
            let new_now = names(&newer.model, &labels);
            let both = newer.matrix.ids.iter().enumerate().filter_map(|(now, id)| {
                let then = older.matrix.ids.binary_search(id).ok()?;
                Some(FourViews {
                    old_then: &old_then[then],
                    old_now: &old_now[now],
                    new_then: &new_then[then],
                    new_now: &new_now[now],
                })
            });
            Some(decompose(both))
        }
    };
    let mut drifts: Vec<Drift> = (older.model.features.iter())
        .filter(|feature| feature.role == Role::Form)
        .filter_map(|feature| drift(&feature.name, older.matrix.numbers(&feature.name)?, today.numbers(&feature.name)?))
        .collect();
    drifts.sort_by(|a, b| b.psi.total_cmp(&a.psi));
    let beyond = back.beyond(older);
    let beyond = beyond.iter().filter(|beyond| **beyond).count() as f64 / beyond.len().max(1) as f64;
    let inertia = |all: &[Assignment]| indices::inertia(all) / all.len().max(1) as f64;
    let inertia_ratio = Some(inertia(&back.then)).filter(|then| *then > 0.0).map(|then| inertia(&back.now) / then);
    let (advice, reasons) = advise(&lineage, decomposition, &drifts, beyond, inertia_ratio);
    Ok(Comparison { lineage, decomposition, drift: drifts, beyond, inertia_ratio, advice, reasons })
}

/// What to do with the older model, and why, with the thresholds that decided.
fn advise(
    lineage: &Lineage,
    decomposition: Option<Decomposition>,
    drifts: &[Drift],
    beyond: f64,
    inertia_ratio: Option<f64>,
) -> (Advice, Vec<String>) {
    let mut retrain = Vec::new();
    let large: Vec<&Drift> = drifts.iter().filter(|drift| drift.large()).collect();
    if large.len() >= MOVED_FEATURES {
        let names: Vec<String> = large.iter().map(|d| format!("{} (PSI {:.2})", d.feature, d.psi)).collect();
        retrain.push(format!("{} features moved far, from {MOVED_FEATURES}: {}", large.len(), names.join(", ")));
    }
    if beyond > MOST_BEYOND {
        let (beyond, most) = (beyond * 100.0, MOST_BEYOND * 100.0);
        retrain.push(format!("{beyond:.0} % of customers lie beyond the training range, above {most:.0} %"));
    }
    if let Some(ratio) = inertia_ratio.filter(|ratio| *ratio > MOST_INERTIA) {
        retrain
            .push(format!("customers lie {ratio:.2} times as far from their segments (squared), above {MOST_INERTIA}"));
    }
    if lineage.agreement < LEAST_AGREEMENT {
        let agreement = lineage.agreement;
        retrain.push(format!("the model frozen and the new one agree by {agreement:.2}, below {LEAST_AGREEMENT}"));
    }
    if !retrain.is_empty() {
        return (Advice::Retrain, retrain);
    }
    let mut rescore: Vec<String> = Vec::new();
    if let Some(drift) = drifts.first().filter(|drift| drift.notable()) {
        rescore.push(format!("{} moved (PSI {:.2}, above 0.1 and chance)", drift.feature, drift.psi));
    }
    if let Some(parts) = decomposition.filter(|d| d.changed as f64 > MOST_CHANGED * d.customers as f64) {
        let share = parts.changed as f64 / parts.customers as f64 * 100.0;
        rescore.push(format!("{share:.0} % of customers are in another segment, above {:.0} %", MOST_CHANGED * 100.0));
    }
    if !rescore.is_empty() {
        return (Advice::Rescore, rescore);
    }
    (Advice::KeepScoring, vec!["nothing moved by more than chance and convention allow".into()])
}
