//! `ilk report`: render the report again from the newest run, in the project's own words and look as they are now.

use super::{Voice, config, look};
use crate::error::{Error, Result};
use crate::report::chart::{self, Placed, picture::Picture};
use crate::report::{Report, html, markdown};
use crate::segment::persona::in_own_words;
use crate::store::{Store, write_atomic};
use clap::{Args, ValueEnum};
use serde_json::json;

/// Arguments of `ilk report`.
#[derive(Debug, Args)]
pub struct ReportCommand {
    /// Show it in the browser
    #[arg(long)]
    open: bool,
    /// Where style and script are: in the page, or in files beside it, for servers with a strict content policy
    #[arg(long, value_enum, default_value_t = Assets::Inline)]
    assets: Assets,
    /// Also write every chart as a file, into the folder `charts`
    #[arg(long, value_enum, value_name = "KIND")]
    charts: Option<Kind>,
}

/// See [`html::Assets`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Assets {
    Inline,
    Split,
}

/// See [`Picture`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    Png,
    Svg,
}

impl ReportCommand {
    pub(crate) fn run(&self, store: &Store, voice: &Voice) -> Result<i32> {
        let _lock = store.lock()?;
        let folder = store.newest_report()?;
        let path = folder.join("report.json");
        let damaged = |e: String| {
            Error::new("E0603", format!("{} cannot be read: {e}", path.display())).help("run `ilk run` again")
        };
        let text = std::fs::read_to_string(&path).map_err(|e| damaged(e.to_string()))?;
        let mut report: Report = serde_json::from_str(&text).map_err(|e| damaged(e.to_string()))?;
        let config = config(store)?;
        report.look = look(&config, store)?;
        let personas = report.segments.iter_mut().map(|s| (s.id.clone(), &mut s.persona));
        voice.warn(&in_own_words(personas, &config.personas)?);
        let page = folder.join("report.html");
        match self.assets {
            Assets::Inline => write_atomic(&page, html::render(&report)?.as_bytes())?,
            Assets::Split => {
                for (name, text) in html::split(&report)? {
                    write_atomic(&folder.join(name), text.as_bytes())?;
                }
            }
        }
        write_atomic(&path, &super::run::pretty(&report))?;
        write_atomic(&folder.join("summary.md"), markdown::render(&report).as_bytes())?;
        voice.say(format!("Report   {}", page.display()));
        let mut charts = Vec::new();
        if let Some(kind) = self.charts {
            let kind = if kind == Kind::Svg { Picture::Svg } else { Picture::Png };
            for Placed { id, drawing, .. } in chart::all(&report)? {
                let file = folder.join("charts").join(format!("{id}.{}", kind.ending()));
                write_atomic(&file, &kind.of(&drawing, report.look.locale)?)?;
                charts.push(file.display().to_string());
            }
            voice.say(format!("Charts   {} files in {}", charts.len(), folder.join("charts").display()));
        }
        voice.document(&json!({ "report": page.display().to_string(), "model": report.model, "charts": charts }))?;
        if self.open {
            open::that_detached(&page).map_err(|e| {
                Error::new("E0612", format!("no browser could be opened: {e}"))
                    .help(format!("open {} yourself", page.display()))
            })?;
        }
        Ok(0)
    }
}
