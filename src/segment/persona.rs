//! A segment described: its name and its words, by fixed templates from its profile.

use serde::{Deserialize, Serialize};

/// A name and one sentence, made from the profile by rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Persona {
    /// Unique within a report: `Loyal big spenders`.
    pub name: String,
    /// One sentence for the card.
    pub sentence: String,
    /// Two to four short traits, strongest first: `ordered 12 days ago (all: 61)`.
    pub traits: Vec<String>,
}
