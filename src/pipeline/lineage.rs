//! A model beside an older one: what each says of the customers of both days.

use super::{Model, Prepared};
use crate::cluster::Assignment;
use crate::error::Result;
use crate::evidence::drift::drift;
use crate::evidence::indices;
use crate::evidence::select::Standing;
use crate::features::Role;
use crate::features::matrix::FeatureMatrix;
use crate::features::preparation::ModelMatrix;
use crate::segment::UNCLUSTERED;
use crate::segment::decomposition::{FourViews, decompose};
use crate::segment::lineage::{Lineage, Rulers, trace};
use crate::segment::model::{Fit, assign};
use crate::segment::monitoring::Monitoring;
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
    /// The folder where an engine wrote the assignments of everyone.
    pub written: Option<String>,
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
pub(super) fn labels_of(assignments: &[Assignment]) -> Vec<Option<usize>> {
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

/// What today's customers say of the older model. `labels` are those that the newer `model` gives the customers of `matrix`, `back` is
/// [`LookBack::at`] it, `lineage` what became of the segments.
///
/// # Errors
/// E0502 where a matrix does not fit its model.
pub(super) fn monitoring(
    older: &Elder,
    back: Option<&LookBack>,
    lineage: &Lineage,
    model: &Model,
    matrix: &FeatureMatrix,
    labels: &[Option<usize>],
) -> Result<Monitoring> {
    let Some(back) = back else { return Ok(Monitoring::refused(lineage.refused.iter().cloned().collect())) };
    let decomposition = match older.matrix.select(&model.features) {
        None => None,
        Some(before) => {
            let names = |model: &Model, labels: &[Option<usize>]| -> Vec<String> {
                let name =
                    |label: &Option<usize>| label.map_or(UNCLUSTERED, |at| model.segments[at].id.as_str()).to_string();
                labels.iter().map(name).collect()
            };
            let [old_then, old_now] = [&back.then, &back.now].map(|all| names(&older.model, &labels_of(all)));
            let new_then = names(model, &labels_of(&model.assign(&before)?));
            let new_now = names(model, labels);
            let both = matrix.ids.iter().enumerate().filter_map(|(now, id)| {
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
    let drifts = (older.model.features.iter()).filter(|feature| feature.role == Role::Form).filter_map(|feature| {
        drift(&feature.name, older.matrix.numbers(&feature.name)?, matrix.numbers(&feature.name)?)
    });
    let beyond = back.beyond(older);
    let beyond = beyond.iter().filter(|beyond| **beyond).count() as f64 / beyond.len().max(1) as f64;
    let inertia = |all: &[Assignment]| indices::inertia(all) / all.len().max(1) as f64;
    let inertia_ratio = Some(inertia(&back.then)).filter(|then| *then > 0.0).map(|then| inertia(&back.now) / then);
    Ok(Monitoring::of(lineage, decomposition, drifts.collect(), beyond, inertia_ratio))
}

/// What holding a model beside an older one says.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// What became of the older segments.
    pub lineage: Lineage,
    /// Whether the older model still fits.
    #[serde(flatten)]
    pub monitoring: Monitoring,
}

/// Holds `newer` beside `older`, with the customers of both days as they were stored.
///
/// # Errors
/// E0502 where a stored matrix does not fit its model.
pub fn compare(older: &Elder, newer: &Elder) -> Result<Comparison> {
    let Elder { model, matrix, .. } = newer;
    let labels = labels_of(&model.assign(matrix)?);
    let ids: Vec<String> = model.segments.iter().map(|s| s.id.clone()).collect();
    let back = LookBack::at(older, matrix)?;
    let lineage = lineage(older, back.as_ref(), matrix, &labels, ids.len()).under(&ids);
    let monitoring = monitoring(older, back.as_ref(), &lineage, model, matrix, &labels)?;
    Ok(Comparison { lineage, monitoring })
}
