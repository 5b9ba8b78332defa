//! `ilk promote`: which version others score with and new ones are held against.

use super::{Voice, config};
use crate::error::Result;
use crate::store::{CHAMPION, Store};
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
        let model = store.version(&config(store)?.project.name, &self.version)?;
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
