//! `ilk init`: look at files, propose a role for every column, write `ilk.toml` and its schema.

use super::{Voice, table};
use crate::config::{Config, FILE};
use crate::data::roles::{Proposal, propose};
use crate::data::schema::{
    Attribute, AttributeKind, ColumnNames, DateSpec, EventsSpec, Flag, Inputs, Join, KindSpec, OrdersSpec, Paths,
    Question, QuestionKind, SurveySpec, Treat,
};
use crate::error::{Error, Result};
use crate::features::{Feature, Measure, Role, Unit};
use crate::pipeline::attribute_features;
use crate::store::{Store, write_atomic};
use clap::Args;
use std::collections::BTreeMap;
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
    /// The columns of a file that has no header, in their order: customer_id,order_date,amount
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    names: Vec<String>,
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
            propose(&paths, root, self.date_format.as_deref(), self.skip, &self.names).map_err(|error| match error
                .code()
            {
                "E0111" => {
                    error.help("here: ilk init FILE --names customer_id,order_date,amount (its columns in order)")
                }
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
        let draft = Draft::of(&proposal)?;
        let text = draft.text(&name, &currency, &self.files.join(" "));
        // What is written must read: a mistake here is ours, and is better found now.
        Config::parse(&text, FILE)?;
        let edits = draft.edits(&currency);
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
            "edits": edits.iter().map(|e| serde_json::json!({
                "section": e.section, "line": e.line, "why": e.why })).collect::<Vec<_>>(),
        }))?;
        if !edits.is_empty() {
            voice.say("\nBefore you run: what the files do not tell (each line replaces the one in ilk.toml)");
            let rows: Vec<Vec<String>> =
                edits.iter().map(|e| vec![e.section.to_string(), e.line.clone(), e.why.clone()]).collect();
            voice.say(table(&["SECTION", "LINE", "WHY"], &rows, &[]));
        }
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
        match &self.currency {
            Some(currency) => Ok(currency.clone()),
            None if proposal.inputs.orders.as_ref().is_some_and(OrdersSpec::has_money) => {
                ask("Currency of the amounts? (GBP, EUR, USD …; Enter for none)")
            }
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

fn kind_word(kind: AttributeKind) -> &'static str {
    match kind {
        AttributeKind::Number => "number",
        AttributeKind::Nominal => "nominal",
        AttributeKind::Binary => "binary",
        AttributeKind::BirthYear => "birth_year",
        AttributeKind::Date => "date",
    }
}

fn levels_text(levels: &[String]) -> String {
    format!("[{}]", levels.iter().map(|l| quoted(l)).collect::<Vec<_>>().join(", "))
}

/// A key of a TOML table: bare where it may be.
fn key(name: &str) -> String {
    let bare = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if bare { name.to_string() } else { quoted(name) }
}

fn path(paths: &Paths) -> String {
    match paths.list().as_slice() {
        [one] => quoted(one),
        many => levels_text(&many.iter().map(|p| (*p).to_string()).collect::<Vec<_>>()),
    }
}

fn flag_text(flag: &Flag) -> String {
    if flag.equals.is_empty() {
        format!("{{ column = {} }}", quoted(&flag.column))
    } else {
        format!("{{ column = {}, equals = {} }}", quoted(&flag.column), levels_text(&flag.equals))
    }
}

fn join_text(join: &Join, what: &str) -> String {
    format!("join        = {{ path = {}, on = {} }}   # where the {what} stands", path(&join.path), quoted(&join.on))
}

fn attribute_text(attribute: &Attribute) -> String {
    match attribute {
        Attribute::Kind(kind) => quoted(kind_word(*kind)),
        Attribute::Levels(levels) => levels_text(levels),
        Attribute::Full(spec) => {
            let mut parts = Vec::new();
            if spec.levels.is_empty() {
                parts.push(format!("kind = {}", quoted(kind_word(spec.kind))));
            } else {
                parts.push(format!("levels = {}", levels_text(&spec.levels)));
            }
            parts.extend(spec.family.iter().map(|f| format!("family = {}", quoted(f))));
            parts.extend(spec.unit.iter().map(|u| format!("unit = {}", quoted(u))));
            format!("{{ {} }}", parts.join(", "))
        }
    }
}

fn question_text(question: &Question) -> String {
    match question {
        Question::Kind(QuestionKind::Nps) => quoted("nps"),
        Question::Kind(QuestionKind::Number) => quoted("number"),
        Question::Kind(QuestionKind::Choice) => quoted("choice"),
        Question::Levels(levels) => levels_text(levels),
        Question::Options { separated_by } => format!("{{ separated_by = {} }}", quoted(separated_by)),
    }
}

/// How a file begins, where it does not begin with its header.
fn opening_text(skip: u32, names: &[String]) -> String {
    let mut text = String::new();
    if skip > 0 {
        let _ = writeln!(text, "skip        = {skip}   # lines above the header");
    }
    if !names.is_empty() {
        let _ = writeln!(text, "header      = false\nnames       = {}", levels_text(names));
    }
    text
}

/// Lines `key = value   # comment`, the values below each other.
fn aligned(lines: &[(String, String, String)], text: &mut String) {
    let width = lines.iter().map(|(key, ..)| key.chars().count()).max().unwrap_or(0);
    for (key, value, comment) in lines {
        let gap = if comment.is_empty() { "" } else { "   # " };
        let _ = writeln!(text, "{key:width$} = {value}{gap}{comment}");
    }
}

/// The column that a feature of an attribute is made of.
fn column_of(feature: &Feature) -> Option<&str> {
    match &feature.measure {
        Measure::Value { column }
        | Measure::Level { column }
        | Measure::Age { column }
        | Measure::DaysSince { column } => Some(column),
        _ => None,
    }
}

/// A change that a person may want to make, as a line to paste.
struct Edit {
    section: &'static str,
    line: String,
    why: String,
}

/// What is written, and what its attributes become.
struct Draft<'a> {
    proposal: &'a Proposal,
    features: Vec<Feature>,
}

impl<'a> Draft<'a> {
    fn of(proposal: &'a Proposal) -> Result<Self> {
        let config = Config { input: proposal.inputs.clone(), ..Config::default() };
        Ok(Self { proposal, features: attribute_features(&config)? })
    }

    /// Whether days since something and ages can be told.
    fn dated(&self) -> bool {
        let inputs = &self.proposal.inputs;
        self.proposal.as_of.is_some()
            || inputs.orders.as_ref().is_some_and(|o| o.date.is_some())
            || inputs.events.iter().any(|e| e.date.is_some())
    }

    /// Why the feature of a column describes and does not form.
    fn note(&self, column: &str) -> String {
        let Some(feature) = self.features.iter().find(|f| column_of(f) == Some(column)) else { return String::new() };
        if let Some(reason) = self.proposal.describe.get(column) {
            return reason.clone();
        }
        match (feature.protected, feature.role) {
            (true, _) => "protected: describes; forms only if named under [features.roles]".into(),
            (false, Role::Describe) => "an outcome: describes; forms only if named under [features.roles]".into(),
            (false, Role::Form) => String::new(),
        }
    }

    fn attributes(&self, attributes: &BTreeMap<String, Attribute>, text: &mut String) {
        // In the order of the file, as a person knows it.
        let columns = self.proposal.files.iter().flat_map(|f| &f.columns).map(|c| &c.column);
        let mut known: Vec<(&String, &Attribute)> = Vec::new();
        for column in columns {
            if let Some(found) = attributes.get_key_value(column)
                && !known.contains(&found)
            {
                known.push(found);
            }
        }
        let lines: Vec<_> = known.iter().map(|(c, a)| (key(c), attribute_text(a), self.note(c))).collect();
        aligned(&lines, text);
    }

    /// The columns of the customers that are left out, by the reason.
    fn left_out(&self, text: &mut String) {
        let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
        for guess in self.proposal.files.iter().filter(|f| f.table == "customers").flat_map(|f| &f.columns) {
            if guess.role != "-" {
                continue;
            }
            match reasons.iter_mut().find(|(why, _)| *why == guess.why) {
                Some((_, columns)) => columns.push(&guess.column),
                None => reasons.push((&guess.why, vec![&guess.column])),
            }
        }
        for (why, columns) in reasons {
            let _ = writeln!(text, "# left out: {} ({why})", columns.join(", "));
        }
    }

    /// Roles that the names alone would not give: feature, reason.
    fn roles(&self) -> Vec<(&str, &str)> {
        self.features
            .iter()
            .filter(|f| f.role == Role::Form && (self.dated() || !f.measure.needs_days()))
            .filter_map(|f| Some((f.name.as_str(), self.proposal.describe.get(column_of(f)?)?.as_str())))
            .collect()
    }

    /// What cannot be told from the files.
    fn edits(&self, currency: &str) -> Vec<Edit> {
        let mut edits = Vec::new();
        let orders = self.proposal.inputs.orders.as_ref();
        let money = orders.is_some_and(OrdersSpec::has_money) || self.features.iter().any(|f| f.unit == Unit::Money);
        if money && currency.is_empty() {
            let why = "amounts are shown without a currency".to_string();
            edits.push(Edit { section: "[project]", line: "currency = \"GBP\"".into(), why });
        }
        if orders.is_some_and(|o| o.order_id.is_none()) {
            let why = "without an order id each row is an order".to_string();
            edits.push(Edit { section: "[input.orders]", line: "order_id = \"…\"".into(), why });
        }
        let undated: Vec<&str> =
            self.features.iter().filter(|f| f.measure.needs_days()).filter_map(column_of).collect();
        if !self.dated() && !undated.is_empty() {
            let why = format!("no date tells the day of the table: {} needs one", undated.join(", "));
            edits.push(Edit { section: "[features]", line: "as_of = \"2024-12-31\"".into(), why });
        }
        edits
    }

    /// The config with a comment for each choice.
    fn text(&self, name: &str, currency: &str, files: &str) -> String {
        let inputs: &Inputs = &self.proposal.inputs;
        let mut text = format!("#:schema {SCHEMA}\n");
        let _ = writeln!(text, "# Made by `ilk init {files}`. Every line can be deleted to get the default.");
        let _ = writeln!(text, "\n[project]\nname     = {}", quoted(name));
        let _ = writeln!(
            text,
            "currency = {}                 # an ISO code such as \"GBP\"; empty for none",
            quoted(currency)
        );
        if let Some(orders) = &inputs.orders {
            orders_text(orders, &mut text);
            if !orders.attributes.is_empty() {
                text.push_str("\n[input.orders.attributes]        # of several values the most frequent counts\n");
                self.attributes(&orders.attributes, &mut text);
            }
        }
        inputs.events.iter().for_each(|events| events_text(events, &mut text));
        inputs.surveys.iter().for_each(|survey| survey_text(survey, &mut text));
        if let Some(customers) = &inputs.customers {
            let _ = writeln!(text, "\n[input.customers]\npath        = {}", path(&customers.path));
            text.push_str(&opening_text(customers.skip, &customers.names));
            match &customers.customer_id {
                Some(column) => {
                    let _ = writeln!(text, "customer_id = {}", quoted(column));
                }
                None => text.push_str("# customer_id = \"…\"             # without it the row number is the id\n"),
            }
            text.push_str(
                "\n[input.customers.attributes]     # number, nominal, binary, birth_year, date, or the levels from lowest to highest\n",
            );
            self.attributes(&customers.attributes, &mut text);
            self.left_out(&mut text);
        }
        text.push_str("\n[features]\n");
        match &self.proposal.as_of {
            Some((day, column)) => {
                let day = quoted(&day.iso());
                let _ = writeln!(text, "as_of  = {day}             # the newest `{column}`; ages and days count to it");
            }
            None => text.push_str(
                "as_of  = \"auto\"                   # the day of the newest order; or a day, so that reruns agree\n",
            ),
        }
        text.push_str("window = \"all\"                    # or \"365d\"\n");
        let roles = self.roles();
        if !roles.is_empty() {
            text.push_str("\n[features.roles]                  # these describe segments and do not form them\n");
            let lines: Vec<_> = roles.iter().map(|(f, why)| (key(f), quoted("describe"), (*why).to_string())).collect();
            aligned(&lines, &mut text);
        }
        text.push_str(
            "\n[cluster]\nalgorithm  = \"kmeans\"             # gaussian_mixture, ward, kprototypes, dbscan, hdbscan, optics, auto\nn_clusters = \"auto\"               # or a number\nseed       = 42\n\n[quality]\nmax_rejected = \"1%\"               # stop above this share of unreadable rows\n",
        );
        text
    }
}

fn orders_text(orders: &OrdersSpec, text: &mut String) {
    let mut line = |l: String| {
        text.push_str(&l);
        text.push('\n');
    };
    line("\n[input.orders]".into());
    line(format!(
        "path        = {}   # csv, csv.gz, parquet, arrow; a folder or a glob also works",
        path(&orders.path)
    ));
    for opening in opening_text(orders.skip, &orders.names).lines() {
        line(opening.to_string());
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
        ("category   ", &orders.category),
    ] {
        if let Some(column) = column {
            line(format!("{key} = {}", quoted(column)));
        }
    }
    if let Some(join) = &orders.join {
        line(join_text(join, "category"));
    }
    if let Some(column) = &orders.channel {
        line(format!("channel     = {}", quoted(column)));
    }
    match &orders.discount {
        Some(ColumnNames::One(column)) => line(format!("discount    = {}", quoted(column))),
        Some(ColumnNames::Many(columns)) => line(format!("discount    = {}   # added up", levels_text(columns))),
        None => {}
    }
    if let Some(flag) = &orders.gift {
        line(format!("gift        = {}", flag_text(flag)));
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
}

fn events_text(events: &EventsSpec, text: &mut String) {
    let mut line = |l: String| {
        text.push_str(&l);
        text.push('\n');
    };
    line("\n[[input.events]]".into());
    line(format!("name        = {}", quoted(&events.name)));
    line(format!("path        = {}", path(&events.path)));
    for opening in opening_text(events.skip, &events.names).lines() {
        line(opening.to_string());
    }
    line(format!("customer_id = {}", quoted(&events.customer_id)));
    match &events.kind {
        KindSpec::Constant(kind) => line(format!("kind        = {}   # every row is one", quoted(kind))),
        KindSpec::Column { column } => line(format!("kind        = {{ column = {} }}", quoted(column))),
    }
    if let Some(date) = &events.date {
        line(format!("date        = {}", date_text(date)));
    }
    if let Some(column) = &events.channel {
        line(format!("channel     = {}", quoted(column)));
    }
    if let Some(flag) = &events.machine {
        line(format!("machine     = {}   # made by no person: left out", flag_text(flag)));
    }
    if let Some(join) = &events.join {
        line(join_text(join, "date"));
    }
}

fn survey_text(survey: &SurveySpec, text: &mut String) {
    let mut line = |l: String| {
        text.push_str(&l);
        text.push('\n');
    };
    line("\n[[input.surveys]]                # answers describe segments and never form them".into());
    line(format!("name        = {}", quoted(&survey.name)));
    line(format!("path        = {}", path(&survey.path)));
    for opening in opening_text(survey.skip, &survey.names).lines() {
        line(opening.to_string());
    }
    line(format!("customer_id = {}", quoted(&survey.customer_id)));
    if let Some(date) = &survey.date {
        line(format!("date        = {}", date_text(date)));
    }
    if let Some(score) = &survey.score {
        line(format!("score       = {}", quoted(score)));
    }
    if !survey.questions.is_empty() {
        line(
            "\n[input.surveys.questions]        # nps, number, choice, levels from lowest to highest, or options"
                .into(),
        );
        let lines: Vec<_> = survey.questions.iter().map(|(c, q)| (key(c), question_text(q), String::new())).collect();
        aligned(&lines, text);
    }
}
