//! Where everything is computed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who reads, counts and assigns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EngineKind {
    /// polars and this machine.
    #[default]
    Polars,
    /// A Spark, by Spark Connect.
    Spark,
}

/// The engine of a project.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EngineConfig {
    /// `polars`, or `spark` where the rows do not fit one machine.
    pub kind: EngineKind,
    /// `sc://host:port` of the Spark, with `/;use_ssl=true` behind it for TLS; without it the environment variable SPARK_REMOTE. A token
    /// comes from the environment only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// A folder that every worker sees, for what is computed on the way: `s3a://bucket/folder`. Without it a folder of the project, for a
    /// Spark of this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub staging: Option<String>,
    /// A folder that every worker sees, where the assignments of everyone are written; without it `assignments` in the staging folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assignments: Option<String>,
    /// So many customers are looked at one by one, for what cannot be counted: how many segments there are, how sure they are, charts. Where
    /// there are more of them, or they have more than five million rows, a sample of two million rows at most.
    pub sample: usize,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self { kind: EngineKind::Polars, url: None, staging: None, assignments: None, sample: 50_000 }
    }
}

impl EngineConfig {
    /// Whether nothing was asked for.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
