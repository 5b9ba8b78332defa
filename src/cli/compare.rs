//! `ilk compare`: what changed between two models, because customers did or because the ruler did, and what to do.

use super::elder::load;
use super::{Voice, config, table};
use crate::error::Result;
use crate::evidence::verdict::Verdict;
use crate::pipeline::{Comparison, compare};
use crate::report::changes::{HEADER, advice, causes, judged, life};
use crate::store::{ModelRef, Store};
use clap::Args;
use serde_json::json;

/// Arguments of `ilk compare`.
#[derive(Debug, Args)]
pub struct Compare {
    /// The older version: 2011-Q4.1, @champion, NAME/VERSION
    #[arg(value_name = "OLDER")]
    older: String,
    /// The newer version
    #[arg(value_name = "NEWER")]
    newer: String,
}

/// Agreement of a promoted model and its challenger below which the gate stays shut.
const LEAST_AGREEMENT: f64 = 0.6;

/// By how much less the weakest segment may come back: that much is the luck of the resamples.
const WEAKER: f64 = 0.05;

/// Exit status of a gate that is shut.
const SHUT: i32 = 1;

/// What a gate looks at.
struct Worth {
    verdict: Option<Verdict>,
    weakest: Option<f64>,
}

impl Compare {
    pub(crate) fn run(&self, store: &Store, voice: &Voice) -> Result<i32> {
        let name = config(store)?.project.name;
        let (older, newer) = (store.version(&name, &self.older)?, store.version(&name, &self.newer)?);
        let found = compare(&load(store, &older, 1)?, &load(store, &newer, 1)?)?;
        voice.say(format!("Definition   {}", found.lineage.words()));
        let rows: Vec<Vec<String>> = found.lineage.lives.iter().map(life).collect();
        voice.say(table(&HEADER, &rows, &[3, 4, 5]));
        let monitoring = &found.monitoring;
        voice.say(format!("\nCustomers    {}", causes(monitoring)));
        for drift in monitoring.drift.iter().take(3) {
            voice.say(format!(
                "Drift        {}: {} (PSI {:.3}, by chance up to {:.3}; KS {:.2})",
                drift.feature,
                judged(drift),
                drift.psi,
                drift.psi_by_chance,
                drift.ks
            ));
        }
        voice.say(format!("Advice       {}", advice(monitoring)));
        let objections = objections(&worth(store, &older)?, &worth(store, &newer)?, &found);
        let gate = if objections.is_empty() { "open".to_string() } else { format!("shut: {}", objections.join("; ")) };
        voice.say(format!("Gate         {gate}"));
        voice.document(
            &json!({ "older": older.version, "newer": newer.version, "comparison": found, "objections": objections }),
        )?;
        Ok(if objections.is_empty() { 0 } else { SHUT })
    }
}

fn worth(store: &Store, model: &ModelRef) -> Result<Worth> {
    let metrics = store.metrics(model)?;
    let weakest = metrics["stability"]
        .as_object()
        .and_then(|segments| segments.values().filter_map(serde_json::Value::as_f64).min_by(f64::total_cmp));
    Ok(Worth { verdict: serde_json::from_value(metrics["verdict"].clone()).ok(), weakest })
}

/// Why the newer model should not take the older one's place without a person's decision.
fn objections(older: &Worth, newer: &Worth, found: &Comparison) -> Vec<String> {
    let mut objections = Vec::new();
    if let (Some(then), Some(now)) = (older.verdict, newer.verdict)
        && now < then
    {
        objections.push(format!(
            "its segments are {}, those before {}",
            now.name().to_lowercase(),
            then.name().to_lowercase()
        ));
    }
    if let (Some(then), Some(now)) = (older.weakest, newer.weakest)
        && now < then - WEAKER
    {
        objections.push(format!("its weakest segment comes back by {now:.2}, before {then:.2}"));
    }
    if found.lineage.refused.is_some() {
        objections.push("they cannot be compared".into());
    } else if found.lineage.agreement < LEAST_AGREEMENT {
        let agreement = found.lineage.agreement;
        objections.push(format!("both agree by {agreement:.2} about the same customers, below {LEAST_AGREEMENT}"));
    }
    objections
}
