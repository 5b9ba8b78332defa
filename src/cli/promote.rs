//! `ilk promote`: which version others score with and new ones are held against.

use super::{Voice, config};
use crate::error::Result;
use crate::store::{CHAMPION, ModelRef, Store};
use clap::Args;
use serde_json::json;

/// Arguments of `ilk promote`.
#[derive(Debug, Args)]
pub struct Promote {
    /// The version, such as 2011-Q4.1; NAME/VERSION for another model
    #[arg(value_name = "VERSION")]
    version: String,
}

impl Promote {
    pub(crate) fn run(&self, store: &Store, voice: &Voice) -> Result<i32> {
        let _lock = store.lock()?;
        let model = version(store, &config(store)?.project.name, &self.version)?;
        // What cannot be read is not promoted.
        store.model(&model)?;
        let before = store.point(&model.name, CHAMPION, &model.version)?;
        let from = before.as_deref().filter(|before| *before != model.version);
        match (before.as_deref(), from) {
            (None, _) => voice.say(format!("@{CHAMPION}: {}", model.version)),
            (Some(_), Some(from)) => voice.say(format!("@{CHAMPION}: {from} → {}", model.version)),
            (Some(_), None) => voice.say(format!("@{CHAMPION} is {} already", model.version)),
        }
        voice.say(format!("Score with it: ilk assign FILE --model {}/@{CHAMPION} --out scored.csv", model.name));
        if let Some(from) = from {
            voice.say(format!("Undo: ilk promote {from}"));
        }
        voice.document(&json!({ "model": model.name, "champion": model.version, "before": before }))?;
        Ok(0)
    }
}

/// The version that `wanted` means: `2011-Q4.1` and `@champion` are those of the project.
///
/// # Errors
/// E0604 if there is none.
pub(super) fn version(store: &Store, name: &str, wanted: &str) -> Result<ModelRef> {
    let whole = wanted.contains('/') || wanted.find('@').is_some_and(|at| at > 0);
    if whole { store.find(wanted) } else { store.find(&format!("{name}/{wanted}")) }
}
