//! `ilk report`: render the report again from the newest run.

use super::Voice;
use crate::error::{Error, Result};
use crate::report::{Report, html, markdown};
use crate::store::{Store, write_atomic};
use clap::Args;
use serde_json::json;

/// Arguments of `ilk report`.
#[derive(Debug, Args)]
pub struct ReportCommand {
    /// Show it in the browser
    #[arg(long)]
    open: bool,
}

impl ReportCommand {
    pub(crate) fn run(&self, store: &Store, voice: &Voice) -> Result<i32> {
        let folder = store.newest_report()?;
        let path = folder.join("report.json");
        let damaged = |e: String| {
            Error::new("E0603", format!("{} cannot be read: {e}", path.display())).help("run `ilk run` again")
        };
        let text = std::fs::read_to_string(&path).map_err(|e| damaged(e.to_string()))?;
        let report: Report = serde_json::from_str(&text).map_err(|e| damaged(e.to_string()))?;
        let page = folder.join("report.html");
        write_atomic(&page, html::render(&report)?.as_bytes())?;
        write_atomic(&folder.join("summary.md"), markdown::render(&report).as_bytes())?;
        voice.say(format!("Report   {}", page.display()));
        voice.document(&json!({ "report": page.display().to_string(), "model": report.model }))?;
        if self.open {
            open::that_detached(&page).map_err(|e| {
                Error::new("E0612", format!("no browser could be opened: {e}"))
                    .help(format!("open {} yourself", page.display()))
            })?;
        }
        Ok(0)
    }
}
