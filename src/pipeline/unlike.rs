//! Whether customers to be scored are those that a model was made of.

use super::{Model, Scored};
use crate::error::Warning;
use crate::evidence::drift::{Drift, drift};
use crate::features::Role;
use crate::features::matrix::FeatureMatrix;
use crate::segment::model::Fit;
use crate::segment::monitoring::MOST_BEYOND;
use crate::segment::profile::wilson;

/// What a strict scoring stops at.
pub const STRICT: [&str; 3] = ["W0501", "W0504", "W0505"];

/// Share of the history that a model was made of below which a file tells too little.
const ENOUGH: f64 = 0.5;

/// W0501 for every level that training never saw.
pub(super) fn levels(model: &Model, matrix: &FeatureMatrix) -> Vec<Warning> {
    let warning = |(feature, level, customers): (String, String, usize)| {
        let people = if customers == 1 { "1 customer".to_string() } else { format!("{customers} customers") };
        Warning::new(
            "W0501",
            format!("`{feature} = {level}` ({people}) was not seen in training: neither here nor there"),
        )
        .why("they are placed by their other features, and marked `far`")
        .help("retrain when such customers matter: `ilk run`")
    };
    model.preparation.unseen_levels(matrix).into_iter().map(warning).collect()
}

/// How scored customers differ from those in `trained`, the matrix that the model was made of: W0504 where features moved far or many lie
/// beyond all that it knew, W0505 where the files cover much less time.
pub fn unlike(model: &Model, trained: &FeatureMatrix, scored: &Scored) -> Vec<Warning> {
    let forming = model.features.iter().filter(|feature| feature.role == Role::Form);
    let moved = forming.filter_map(|feature| {
        drift(&feature.name, trained.numbers(&feature.name)?, scored.matrix.numbers(&feature.name)?)
    });
    let mut moved: Vec<Drift> = moved.filter(Drift::large).collect();
    moved.sort_by(|a, b| b.psi.total_cmp(&a.psi));
    let (n, far) = (scored.assignments.len(), |a: &&_| Fit::of(a, model.far) == Fit::Far);
    let beyond = scored.assignments.iter().filter(far).count();
    let mut said: Vec<String> =
        moved.iter().take(3).map(|drift| format!("{} moved far (PSI {:.2})", drift.feature, drift.psi)).collect();
    // Of few customers some lie beyond by chance.
    if wilson(beyond, n)[0] > MOST_BEYOND {
        let share = beyond as f64 / n as f64 * 100.0;
        said.push(format!("{share:.0} % of customers lie beyond the training range (1 % is expected)"));
    }
    let mut warnings = Vec::new();
    if !said.is_empty() {
        warnings.push(
            Warning::new("W0504", said.join("; "))
                .why("the segments were made of other customers than these")
                .help("`ilk run` on the new data, then `ilk compare` both models"),
        );
    }
    warnings.extend(shorter(model, trained, scored));
    warnings
}

/// W0505.
fn shorter(model: &Model, trained: &FeatureMatrix, scored: &Scored) -> Option<Warning> {
    let (first, _) = scored.tables.sales.days?;
    let covers = (scored.tables.as_of?.0 - first.0 + 1).max(0);
    let longest =
        || trained.numbers("tenure_days").map(|days| days.iter().copied().filter(|d| !d.is_nan()).fold(0.0, f64::max));
    let wanted = model.window_days.map(f64::from).or_else(longest)?;
    (f64::from(covers) < ENOUGH * wanted).then(|| {
        Warning::new("W0505", format!("the model was made of {wanted:.0} days of orders, the files cover {covers}"))
            .why("customers will look new, and their orders few")
            .help("score the whole history; rows after --as-of are left out")
    })
}
