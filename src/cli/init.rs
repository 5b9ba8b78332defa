//! `ilk init`: look at files, propose a role for every column, write `ilk.toml` and its schema.

use super::{Voice, table};
use crate::config::{Config, FILE};
use crate::data::roles::{Proposal, propose};
use crate::data::schema::{Attribute, AttributeKind, DateSpec, Inputs, KindSpec, Treat};
use crate::error::{Error, Result};
use crate::store::{Store, write_atomic};
use clap::Args;
use std::fmt::Write as _;
use std::io::{BufRead, IsTerminal, Write as _};
use std::path::{Path, PathBuf};

/// Arguments of `ilk init`.
#[derive(Debug, Args)]
pub struct Init {
    /// The files: orders, customers, events, surveys
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    /// Take every default and ask nothing
    #[arg(short, long)]
    yes: bool,
    /// Currency of the amounts: an ISO code such as GBP
    #[arg(long, value_name = "CODE")]
    currency: Option<String>,
    /// Format of the dates, where day and month cannot be told apart
    #[arg(long, value_name = "FORMAT")]
    date_format: Option<String>,
    /// Lines above the header, in files that have a title there
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    skip: u32,
    /// Name of the project
    #[arg(long)]
    name: Option<String>,
}

const SCHEMA: &str = ".ilk/ilk.schema.json";

impl Init {
    pub(crate) fn run(&self, store: &Store, voice: &Voice) -> Result<i32> {
        let root = store.root();
        let paths: Vec<String> = self.files.iter().map(|f| seen_from(f, root)).collect();
        if !self.yes && !std::io::stdin().is_terminal() {
            return Err(Error::new("E0207", "init has questions and there is no terminal to ask them on")
                .help("add --yes to take every default (and --currency GBP to name the currency)"));
        }
        let mut proposal =
            propose(&paths, root, self.date_format.as_deref(), self.skip).map_err(|error| match error.code() {
                "E0113" => error.help("here: ilk init FILE --skip N"),
                "E0312" | "E0313" | "E0314" | "E0315" => error.help("here: ilk init FILE --date-format FORMAT"),
                _ => error,
            })?;
        for file in &proposal.files {
            voice.say(format!("{}   {}   → {}", file.path, file.facts, file.table));
            if file.table == "not used" || file.columns.is_empty() {
                continue;
            }
            let rows: Vec<Vec<String>> = file
                .columns
                .iter()
                .map(|g| {
                    vec![g.column.clone(), g.looks_like.clone(), g.role.clone(), g.why.clone(), g.sure.to_string()]
                })
                .collect();
            voice.say(table(&["COLUMN", "LOOKS LIKE", "ROLE", "WHY", "SURE"], &rows, &[]));
            voice.say("");
        }
        voice.warn(&proposal.warnings);
        let currency = self.questions(&mut proposal)?;
        let name = self.name.clone().unwrap_or_else(|| project_name(root, &paths));
        let text = config_text(&name, &currency, &proposal.inputs, &self.files.join(" "));
        // What is written must read: a mistake here is ours, and is better found now.
        Config::parse(&text, FILE)?;
        write_atomic(&root.join(SCHEMA), Config::schema().as_bytes())?;
        let path = root.join(FILE);
        let old = std::fs::read_to_string(&path).ok().filter(|old| old != &text);
        match &old {
            Some(old) => {
                let beside = root.join("ilk.toml.new");
                write_atomic(&beside, text.as_bytes())?;
                let diff = similar::TextDiff::from_lines(old.as_str(), text.as_str());
                voice.say(format!("{FILE} exists and was left as it is; wrote ilk.toml.new, which differs so:"));
                voice.say(diff.unified_diff().header("ilk.toml", "ilk.toml.new").to_string());
            }
            None => {
                write_atomic(&path, text.as_bytes())?;
                voice.say(format!(
                    "Wrote {} ({} lines, comments explain each choice)",
                    path.display(),
                    text.lines().count()
                ));
            }
        }
        voice.say(format!("Wrote {} (editor completion)", root.join(SCHEMA).display()));
        voice.document(&serde_json::json!({
            "config": path.display().to_string(),
            "columns": proposal.files.iter().map(|f| serde_json::json!({
                "path": f.path, "table": f.table,
                "columns": f.columns.iter().map(|c| serde_json::json!({
                    "column": c.column, "role": c.role, "why": c.why, "sure": c.sure })).collect::<Vec<_>>(),
            })).collect::<Vec<_>>(),
        }))?;
        let dir = if root == Path::new(".") { String::new() } else { format!(" --dir {}", root.display()) };
        voice.next(&[
            (format!("ilk run{dir}"), "build segments and the report"),
            (format!("ilk check --rejects{dir}"), "see every questionable row"),
        ]);
        Ok(0)
    }

    /// Asks what cannot be inferred; `--yes` answers with the defaults.
    fn questions(&self, proposal: &mut Proposal) -> Result<String> {
        if self.yes {
            return Ok(self.currency.clone().unwrap_or_default());
        }
        if let Some(orders) = &mut proposal.inputs.orders
            && let Some(rule) = &orders.returns
        {
            let question = format!(
                "Lines whose {} starts with \"{}\" are below zero. Treat them as returns?  [Y/n]",
                rule.column.clone().unwrap_or_default(),
                rule.starts_with.clone().unwrap_or_default()
            );
            if ask(&question)?.to_lowercase().starts_with('n')
                && let Some(rule) = &mut orders.returns
            {
                rule.treat = Treat::Keep;
            }
        }
        let has_money = proposal.inputs.orders.as_ref().is_some_and(crate::data::schema::OrdersSpec::has_money);
        match &self.currency {
            Some(currency) => Ok(currency.clone()),
            None if has_money => ask("Currency of the amounts? (GBP, EUR, USD …; Enter for none)"),
            None => Ok(String::new()),
        }
    }
}

fn ask(question: &str) -> Result<String> {
    let failed = |e: std::io::Error| Error::new("E0207", format!("the answer cannot be read: {e}")).help("add --yes");
    let mut out = std::io::stdout();
    write!(out, "? {question} ").and_then(|()| out.flush()).map_err(failed)?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).map_err(failed)?;
    Ok(answer.trim().to_string())
}

/// The path as the config needs it: relative to the project's folder where the file lies inside, absolute otherwise.
fn seen_from(file: &str, root: &Path) -> String {
    let path = Path::new(file);
    let (Ok(full), Ok(root)) = (std::path::absolute(path), std::path::absolute(root)) else { return file.to_string() };
    full.strip_prefix(&root).map_or_else(|_| full.to_string_lossy().into_owned(), |p| p.to_string_lossy().into_owned())
}

/// The folder's name, or that of the first file, as a name for the models' folder.
fn project_name(root: &Path, files: &[String]) -> String {
    let folder = std::path::absolute(root).ok().and_then(|p| p.file_name().map(|n| n.to_string_lossy().into_owned()));
    let file = files
        .first()
        .map(|f| PathBuf::from(f).file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default());
    let raw = folder.or(file).unwrap_or_default();
    let stem = raw.split('.').find(|part| !part.is_empty()).unwrap_or("customers");
    let name: String =
        stem.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' }).collect();
    let name = name.trim_matches('-').to_string();
    if name.is_empty() { "customers".into() } else { name }
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_string()).to_string()
}

fn date_text(date: &DateSpec) -> String {
    match date.formats() {
        Some(formats) => format!("{{ column = {}, format = {} }}", quoted(date.column()), quoted(&formats[0])),
        None => quoted(date.column()),
    }
}

fn attribute_lines(attributes: &std::collections::BTreeMap<String, Attribute>, text: &mut String) {
    for (column, kind) in attributes {
        let value = match kind {
            Attribute::Kind(AttributeKind::Number) => "\"number\"".to_string(),
            Attribute::Kind(AttributeKind::Nominal) => "\"nominal\"".into(),
            Attribute::Levels(levels) => {
                format!("[{}]", levels.iter().map(|l| quoted(l)).collect::<Vec<_>>().join(", "))
            }
        };
        let _ = writeln!(text, "{} = {value}", quoted(column));
    }
}

/// The config with a comment for each choice.
fn config_text(name: &str, currency: &str, inputs: &Inputs, files: &str) -> String {
    let mut text = String::new();
    let mut line = |l: String| {
        text.push_str(&l);
        text.push('\n');
    };
    line(format!("#:schema {SCHEMA}"));
    line(format!("# Made by `ilk init {files}`. Every line can be deleted to get the default."));
    line("\n[project]".into());
    line(format!("name     = {}", quoted(name)));
    line(format!("currency = {}                 # an ISO code such as \"GBP\"; empty for none", quoted(currency)));
    let path = |paths: &crate::data::schema::Paths| match paths.list().as_slice() {
        [one] => quoted(one),
        many => format!("[{}]", many.iter().map(|p| quoted(p)).collect::<Vec<_>>().join(", ")),
    };
    if let Some(orders) = &inputs.orders {
        line("\n[input.orders]".into());
        line(format!(
            "path        = {}   # csv, csv.gz, parquet, arrow; a folder or a glob also works",
            path(&orders.path)
        ));
        if orders.skip > 0 {
            line(format!("skip        = {}   # lines above the header", orders.skip));
        }
        line(format!(
            "customer_id = {}   # always text: leading zeros are safe; blank is a guest",
            quoted(&orders.customer_id)
        ));
        match &orders.order_id {
            Some(column) => line(format!("order_id    = {}", quoted(column))),
            None => line("# order_id  = \"…\"               # without it each row is an order".into()),
        }
        if let Some(date) = &orders.date {
            line(format!("date        = {}", date_text(date)));
        }
        for (key, column) in [
            ("amount     ", &orders.amount),
            ("quantity   ", &orders.quantity),
            ("unit_price ", &orders.unit_price),
            ("product    ", &orders.product),
        ] {
            if let Some(column) = column {
                line(format!("{key} = {}", quoted(column)));
            }
        }
        if let Some(rule) = &orders.returns {
            let treat = match rule.treat {
                Treat::Net => "net",
                Treat::Drop => "drop",
                Treat::Keep => "keep",
            };
            line(format!(
                "returns     = {{ column = {}, starts_with = {}, treat = \"{treat}\" }}   # net: count against revenue; drop; keep",
                quoted(rule.column.as_deref().unwrap_or_default()),
                quoted(rule.starts_with.as_deref().unwrap_or_default())
            ));
        }
        if !orders.attributes.is_empty() {
            line("\n[input.orders.attributes]        # of several values the most frequent counts".into());
            attribute_lines(&orders.attributes, &mut text);
        }
    }
    let mut line = |l: String| {
        text.push_str(&l);
        text.push('\n');
    };
    for events in &inputs.events {
        line("\n[[input.events]]".into());
        line(format!("name        = {}", quoted(&events.name)));
        line(format!("path        = {}", path(&events.path)));
        if events.skip > 0 {
            line(format!("skip        = {}", events.skip));
        }
        line(format!("customer_id = {}", quoted(&events.customer_id)));
        match &events.kind {
            KindSpec::Constant(kind) => line(format!("kind        = {}   # every row is one", quoted(kind))),
            KindSpec::Column { column } => line(format!("kind        = {{ column = {} }}", quoted(column))),
        }
        if let Some(date) = &events.date {
            line(format!("date        = {}", date_text(date)));
        }
        if let Some(join) = &events.join {
            line(format!(
                "join        = {{ path = {}, on = {} }}   # where the date stands",
                path(&join.path),
                quoted(&join.on)
            ));
        }
    }
    for survey in &inputs.surveys {
        line("\n[[input.surveys]]                # answers describe segments and never form them".into());
        line(format!("name        = {}", quoted(&survey.name)));
        line(format!("path        = {}", path(&survey.path)));
        if survey.skip > 0 {
            line(format!("skip        = {}", survey.skip));
        }
        line(format!("customer_id = {}", quoted(&survey.customer_id)));
        if let Some(date) = &survey.date {
            line(format!("date        = {}", date_text(date)));
        }
        line(format!("score       = {}", quoted(&survey.score)));
    }
    if let Some(customers) = &inputs.customers {
        line("\n[input.customers]".into());
        line(format!("path        = {}", path(&customers.path)));
        if customers.skip > 0 {
            line(format!("skip        = {}", customers.skip));
        }
        match &customers.customer_id {
            Some(column) => line(format!("customer_id = {}", quoted(column))),
            None => line("# customer_id = \"…\"             # without it the row number is the id".into()),
        }
        line(
            "\n[input.customers.attributes]     # \"number\", \"nominal\", or the levels from lowest to highest".into(),
        );
        attribute_lines(&customers.attributes, &mut text);
    }
    text.push_str(
        "\n[features]\nas_of  = \"auto\"                   # the day of the newest order; or a day, so that reruns agree\nwindow = \"all\"                    # or \"365d\"\n\n[cluster]\nalgorithm  = \"kmeans\"             # or \"dbscan\"\nn_clusters = \"auto\"               # or a number\nseed       = 42\n\n[quality]\nmax_rejected = \"1%\"               # stop above this share of unreadable rows\n",
    );
    text
}
