//! Whether a model still fits its customers, and what to do about it.

use super::decomposition::Decomposition;
use super::lineage::Lineage;
use crate::evidence::drift::Drift;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What today's customers say of an older model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Monitoring {
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
    /// What speaks for the advice, with the thresholds that decided.
    pub reasons: Vec<String>,
}

/// What to do with a model, given today's customers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
pub const MOST_BEYOND: f64 = 0.05;

/// Growth of the squared distance from which it is.
const MOST_INERTIA: f64 = 1.15;

/// Agreement of the frozen model with a new one below which it is.
const LEAST_AGREEMENT: f64 = 0.8;

/// Share of customers who changed segments from which they are scored again.
const MOST_CHANGED: f64 = 0.05;

impl Monitoring {
    /// Of a model that cannot be held against today's customers.
    pub fn refused(why: Vec<String>) -> Self {
        Self {
            decomposition: None,
            drift: Vec::new(),
            beyond: 0.0,
            inertia_ratio: None,
            advice: Advice::Retrain,
            reasons: why,
        }
    }

    /// Decides what to do. `drift` in any order.
    pub fn of(
        lineage: &Lineage,
        decomposition: Option<Decomposition>,
        mut drift: Vec<Drift>,
        beyond: f64,
        inertia_ratio: Option<f64>,
    ) -> Self {
        drift.sort_by(|a, b| b.psi.total_cmp(&a.psi));
        let (advice, reasons) = advise(lineage, decomposition, &drift, beyond, inertia_ratio);
        Self { decomposition, drift, beyond, inertia_ratio, advice, reasons }
    }
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
