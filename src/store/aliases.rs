//! Names for versions, and how they moved.

use super::files::write_atomic;
use super::{ModelRef, Store, json, now};
use crate::error::Result;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;

/// The alias of the newest version.
pub const LATEST: &str = "latest";

/// The alias of the promoted version.
pub const CHAMPION: &str = "champion";

/// What `aliases.json` says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Aliases {
    /// Alias and version.
    pub current: BTreeMap<String, String>,
    /// How they moved, oldest first; `latest` apart.
    pub history: Vec<Moved>,
}

/// An alias that was moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// The alias.
    pub alias: String,
    /// The version before.
    pub from: Option<String>,
    /// The version after.
    pub to: String,
    /// Seconds since 1970.
    pub at: u64,
}

pub(super) const ALIASES: &str = "aliases.json";

impl Store {
    /// Points an alias at a version; the version it pointed at. A move of any alias but `latest` is kept in the history.
    ///
    /// # Errors
    /// E0611 when the disk is full, E0612 when the folder cannot be written.
    pub fn point(&self, name: &str, alias: &str, version: &str) -> Result<Option<String>> {
        let mut aliases = self.aliases(name);
        let before = aliases.current.insert(alias.into(), version.into());
        if alias != LATEST && before.as_deref() != Some(version) {
            let moved = Moved { alias: alias.into(), from: before.clone(), to: version.into(), at: now() };
            aliases.history.push(moved);
        }
        write_atomic(&self.root.join("models").join(name).join(ALIASES), &json(&aliases)?)?;
        Ok(before)
    }

    /// The aliases of a model and how they moved.
    pub fn aliases(&self, name: &str) -> Aliases {
        let text = fs::read_to_string(self.root.join("models").join(name).join(ALIASES)).unwrap_or_default();
        // An older ilk wrote the map alone.
        let plain = || serde_json::from_str(&text).ok().map(|current| Aliases { current, history: Vec::new() });
        serde_json::from_str(&text).ok().or_else(plain).unwrap_or_default()
    }

    /// The model that a new one is held against: the promoted one, else the newest; `None` before the first run.
    ///
    /// # Errors
    /// E0604 if the promoted one is gone.
    pub fn reference(&self, name: &str) -> Result<Option<ModelRef>> {
        if self.versions(name).is_empty() {
            return Ok(None);
        }
        let champion = self.aliases(name).current.contains_key(CHAMPION);
        self.find(&format!("{name}/@{}", if champion { CHAMPION } else { LATEST })).map(Some)
    }
}
