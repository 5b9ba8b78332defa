//! `ilk schema`: what a file may hold, for editors and for programs that read the report.

use super::Voice;
use crate::config::Config;
use crate::error::Result;
use crate::report::Report;
use clap::{Args, ValueEnum};

/// Arguments of `ilk schema`.
#[derive(Debug, Args)]
pub struct Schema {
    /// Of which file
    #[arg(value_enum)]
    of: Of,
}

/// A file with a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Of {
    /// ilk.toml
    Config,
    /// report.json
    Report,
}

impl Schema {
    pub(crate) fn run(&self, voice: &Voice) -> Result<i32> {
        let text = match self.of {
            Of::Config => Config::schema(),
            Of::Report => Report::schema(),
        };
        // It is JSON already, whether that was asked for or not.
        voice.raw(&text);
        Ok(0)
    }
}
