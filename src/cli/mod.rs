//! Talks to the person: arguments, progress, tables, messages. One file per command; nothing else prints.

// The one place that talks.
#![allow(clippy::print_stdout, clippy::print_stderr)]

pub mod assign;
pub mod check;
pub mod compare;
pub mod demo;
pub mod diagnostic;
mod elder;
mod engine;
pub mod explain;
pub mod features;
pub mod forget;
pub mod history;
pub mod init;
pub mod migrate;
pub mod progress;
pub mod promote;
pub mod report;
pub mod rfm;
pub mod run;
pub mod schema;
pub mod sweep;
pub mod verify;
pub mod why;

use crate::config::{Config, FILE};
use crate::error::{Diagnostic, Error, Result, Warning};
use crate::report::Look;
use crate::store::Store;
use clap::{Args, Parser, Subcommand};
use serde::Serialize;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;

/// Customer segments people can act on, from a raw CSV to named personas.
#[derive(Debug, Parser)]
#[command(name = "ilk", version, about, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// Folder of the project
    #[arg(long, global = true, default_value = ".", value_name = "DIR")]
    pub dir: PathBuf,
    /// Print one JSON document instead of text
    #[arg(long, global = true)]
    pub json: bool,
    /// Print nothing but errors
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Print more: every warning in full
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// Number of threads; results do not depend on it
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,
    /// Print without colours (so does NO_COLOR)
    #[arg(long, global = true)]
    pub no_color: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a demo shop and run everything on it
    Demo(demo::Demo),
    /// Look at files and write ilk.toml
    Init(init::Init),
    /// Read everything and say what is wrong and what was assumed
    Check(check::Check),
    /// Print the data dictionary: what each feature is, and what it is used for
    Features(features::Features),
    /// Build segments and the report
    Run(run::Run),
    /// Score customers with a saved model
    Assign(assign::Assign),
    /// Render the report again from the newest run
    Report(report::ReportCommand),
    /// Score recency, frequency and money, and name the segments of the classic grid
    Rfm(rfm::Rfm),
    /// Show the quality table over the number of segments, or over eps
    Sweep(sweep::Sweep),
    /// What changed between two models: customers, or the ruler
    Compare(compare::Compare),
    /// Who moved between segments from one day to another, both seen by one model
    Migrate(migrate::Migrate),
    /// Make a version the one that others score with
    Promote(promote::Promote),
    /// Make a version again and say whether it is identical, or what differs first
    Verify(verify::Verify),
    /// Take one customer out of everything that was written, and prove it
    Forget(forget::Forget),
    /// The life of every segment through the versions
    History(history::History),
    /// Why is this customer in that segment
    Why(why::Why),
    /// Print the JSON Schema of ilk.toml or report.json
    Schema(schema::Schema),
    /// The long form of an error or warning code
    Explain(explain::Explain),
}

/// How to speak to the person.
pub(crate) struct Voice {
    json: bool,
    quiet: bool,
    verbose: bool,
    colour: bool,
}

/// Runs a command and returns the exit status.
pub fn run(cli: &Cli) -> i32 {
    let global = &cli.global;
    if let Some(threads) = global.threads
        && let Some(status) = with_threads(threads)
    {
        return status;
    }
    let colour = !global.no_color
        && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
        && std::io::stderr().is_terminal();
    let voice = Voice { json: global.json, quiet: global.quiet, verbose: global.verbose, colour };
    let store = Store::new(&global.dir);
    let root = global.dir.clone();
    // Without a handler the default one ends the process all the same, only without a word.
    let _ = ctrlc::set_handler(move || {
        Store::new(&root).discard();
        #[cfg(feature = "spark")]
        if crate::engine::spark::interrupt() {
            eprintln!("Stopping: the engine was told. What it finished is kept; run again to go on.");
            std::process::exit(130);
        }
        eprintln!("Stopping: nothing was written. Run again to start over.");
        std::process::exit(130);
    });
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| dispatch(cli, &store, &voice)));
    let error = match outcome {
        Ok(Ok(status)) => return status,
        Ok(Err(error)) => error,
        Err(panic) => {
            let said =
                panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
            Error::new(
                "E0070",
                format!("this is a bug in ilk {}: {}", env!("CARGO_PKG_VERSION"), said.unwrap_or("no message")),
            )
            .note("note", "nothing was written")
            .help("please report it with the command you ran")
        }
    };
    voice.fail(&error);
    error.exit_code()
}

fn dispatch(cli: &Cli, store: &Store, voice: &Voice) -> Result<i32> {
    match &cli.command {
        Command::Demo(command) => command.run(voice),
        Command::Init(command) => command.run(store, voice),
        Command::Check(command) => command.run(store, voice),
        Command::Features(command) => command.run(store, voice),
        Command::Run(command) => command.run(store, voice),
        Command::Assign(command) => command.run(store, voice),
        Command::Report(command) => command.run(store, voice),
        Command::Rfm(command) => command.run(store, voice),
        Command::Sweep(command) => command.run(store, voice),
        Command::Forget(command) => command.run(store, voice),
        Command::Verify(command) => command.run(store, voice),
        Command::Compare(command) => command.run(store, voice),
        Command::Migrate(command) => command.run(store, voice),
        Command::Promote(command) => command.run(store, voice),
        Command::History(command) => command.run(store, voice),
        Command::Why(command) => command.run(store, voice),
        Command::Schema(command) => command.run(voice),
        Command::Explain(command) => command.run(voice),
    }
}

/// polars and rayon read their number of threads from the environment when they start, so the process starts itself again
/// with it set. `None` when it is set already.
fn with_threads(threads: u16) -> Option<i32> {
    let wanted = threads.to_string();
    let keys = ["POLARS_MAX_THREADS", "RAYON_NUM_THREADS"];
    if keys.iter().all(|key| std::env::var(key).is_ok_and(|v| v == wanted)) {
        return None;
    }
    let program = std::env::current_exe().ok()?;
    let status = std::process::Command::new(program)
        .args(std::env::args_os().skip(1))
        .envs(keys.map(|key| (key, wanted.clone())))
        .status()
        .ok()?;
    Some(status.code().unwrap_or(130))
}

/// The project's config, own words for segments included.
pub(crate) fn config(store: &Store) -> Result<Config> {
    let mut config = Config::parse(&store.config_text()?, FILE)?;
    if let Some(personas) = store.personas_text()? {
        config.add_personas(&personas)?;
    }
    Ok(config)
}

/// How the project's report looks.
pub(crate) fn look(config: &Config, store: &Store) -> Result<Look> {
    let logo = config.report.logo.as_deref().map(|path| store.picture(path)).transpose()?;
    Ok(config.report.look(logo))
}

impl Voice {
    /// A line of the result.
    pub(crate) fn say(&self, text: impl AsRef<str>) {
        if !self.quiet && !self.json {
            // A closed pipe (`| head`) is the reader's choice, not a failure.
            let _ = writeln!(std::io::stdout(), "{}", text.as_ref());
        }
    }

    /// A result that is a document by itself.
    pub(crate) fn raw(&self, text: &str) {
        let _ = write!(std::io::stdout(), "{text}");
    }

    /// The result as JSON, where that was asked for.
    pub(crate) fn document<T: Serialize>(&self, value: &T) -> Result<()> {
        if self.json {
            let text = serde_json::to_string_pretty(value)
                .map_err(|e| Error::new("E0070", format!("the result cannot be written as JSON: {e}")))?;
            let _ = writeln!(std::io::stdout(), "{text}");
        }
        Ok(())
    }

    /// Warnings on the side: a line each, or in full with `-v`.
    pub(crate) fn warn(&self, warnings: &[Warning]) {
        if self.quiet {
            return;
        }
        for warning in warnings {
            if self.verbose {
                eprintln!("{}", diagnostic::render(warning, self.colour));
            } else {
                eprintln!("  ▲ {}  {}", warning.title, warning.code);
            }
        }
    }

    fn fail(&self, error: &Error) {
        if self.json {
            #[derive(Serialize)]
            struct Failure<'a> {
                error: &'a Diagnostic,
                exit_code: i32,
            }
            // The text on stderr says it all again if this cannot be written.
            let _ = self.document(&Failure { error: &error.0, exit_code: error.exit_code() });
        }
        eprintln!("{}", diagnostic::render(&error.0, self.colour));
    }

    /// At most three commands to go on with.
    pub(crate) fn next(&self, commands: &[(String, &str)]) {
        self.say("\nTry next");
        let width = commands.iter().map(|(c, _)| c.chars().count()).max().unwrap_or(0);
        for (command, what) in commands.iter().take(3) {
            self.say(format!("  {command:width$}   {what}"));
        }
    }
}

/// A table without lines, columns aligned; the numbers of `right` to the right.
pub(crate) fn table(header: &[&str], rows: &[Vec<String>], right: &[usize]) -> String {
    let mut table = comfy_table::Table::new();
    table.load_preset(comfy_table::presets::NOTHING);
    table.set_header(header.iter().map(|h| (*h).to_string()));
    for row in rows {
        table.add_row(row.clone());
    }
    for index in right {
        if let Some(column) = table.column_mut(*index) {
            column.set_cell_alignment(comfy_table::CellAlignment::Right);
        }
    }
    table.lines().map(|l| format!("  {}", l.trim_end())).collect::<Vec<_>>().join("\n")
}
