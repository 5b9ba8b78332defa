//! What the columns of an undescribed file are, each with a reason that a person can check and how sure it is. For
//! `ilk init`; nothing else guesses.

mod attribute;
mod columns;
mod facts;
mod levels;
mod question;
mod specs;

use super::columns::{Sample, is_placeholder};
use super::dates::Day;
use super::frame::{collect, guard, texts};
use super::schema::{Attribute, AttributeKind, DateSpec, Formats, Inputs, Opening, Paths};
use super::source::Source;
use crate::error::{Error, Result, Warning};
use columns::{
    PERSON, category_column, customer_column, date_column, kind_column, money_columns, order_column, product_column,
    score_column,
};
use facts::Facts;
use polars::prelude::{DataType, NULL, lit, when};
use specs::{customers, events, orders, survey};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Rows that are looked at.
const ROWS: u32 = 50_000;

/// One column and what it seems to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guess {
    /// Column name.
    pub column: String,
    /// What its values look like.
    pub looks_like: String,
    /// The role proposed; `-` is none.
    pub role: String,
    /// Why.
    pub why: String,
    /// `high`, `medium` or `low`.
    pub sure: &'static str,
}

/// One file and what it seems to be.
#[derive(Debug, Clone)]
pub struct FileGuess {
    /// The path as given.
    pub path: String,
    /// Rows, delimiter and encoding, in words.
    pub facts: String,
    /// The table it becomes: `orders`, `customers`, `events`, `surveys`, `looked up` or `not used`.
    pub table: String,
    /// Its columns.
    pub columns: Vec<Guess>,
}

/// What a set of files seems to be.
#[derive(Debug, Clone)]
pub struct Proposal {
    /// One entry per file, in the order given.
    pub files: Vec<FileGuess>,
    /// The input section of a config.
    pub inputs: Inputs,
    /// Attributes that should not form segments though their names do not say so: column and reason.
    pub describe: BTreeMap<String, String>,
    /// The newest day of a table of customers, where no other table has dates: the day it speaks of, and its column.
    pub as_of: Option<(Day, String)>,
    /// What was fixed while reading.
    pub warnings: Vec<Warning>,
}

struct Scanned {
    path: String,
    stem: String,
    source: Source,
    rows: usize,
    facts: Vec<Facts>,
    skip: u32,
    /// Names of the columns of a file without a header.
    names: Vec<String>,
    table: &'static str,
    /// The earlier file of the same columns whose table this one belongs to.
    part_of: Option<usize>,
}

/// Reads the headers and a sample of each file and proposes what every column is. `paths` are relative to `base`; `skip` is
/// the number of lines above the header, for files that have a title there; `names` are the columns of files that have no
/// header.
///
/// # Errors
/// The E01 codes of unreadable files, and E0312, E0313 for dates that cannot be told without the user.
pub fn propose(
    paths: &[String],
    base: &Path,
    date_format: Option<&str>,
    skip: u32,
    names: &[String],
) -> Result<Proposal> {
    let mut scanned = Vec::new();
    let mut warnings = Vec::new();
    for path in paths {
        let scan = match scan(path, base, 0, &[]) {
            Err(error) if error.code() == "E0113" && skip > 0 => scan(path, base, skip, &[])?,
            Err(error) if error.code() == "E0111" && !names.is_empty() => scan(path, base, 0, names)?,
            other => other?,
        };
        warnings.extend(scan.source.warnings.iter().cloned());
        scanned.push(scan);
    }
    classify(&mut scanned);
    let mut proposal =
        Proposal { files: Vec::new(), inputs: Inputs::default(), describe: BTreeMap::new(), as_of: None, warnings };
    for i in 0..scanned.len() {
        let file = describe(&scanned, i, &mut proposal, date_format)?;
        proposal.files.push(file);
    }
    let inputs = &mut proposal.inputs;
    if inputs.orders.is_none() && inputs.customers.is_none() && inputs.events.is_empty() {
        let listed: Vec<String> = scanned[0].facts.iter().map(|f| f.name.clone()).collect();
        return Err(Error::new("E0207", format!("no column of {} names a customer or describes one", scanned[0].path))
            .note("seen", format!("columns: {}", listed.join(", ")))
            .help("name the columns `customer_id`, `order_date`, `amount`, or write ilk.toml by hand"));
    }
    if let (Some(orders), Some(customers)) = (&mut inputs.orders, &inputs.customers) {
        orders.attributes.retain(|column, _| !customers.attributes.contains_key(column));
    }
    if let (Some(_), Some(customers)) = (&inputs.orders, &inputs.customers) {
        for (column, attribute) in &customers.attributes {
            if matches!(attribute, Attribute::Full(spec) if spec.family.as_deref() == Some("rfm")) {
                let why = "orders tell it too: would count twice".to_string();
                proposal.describe.entry(column.clone()).or_insert(why);
            }
        }
    }
    let dated =
        inputs.orders.as_ref().is_some_and(|o| o.date.is_some()) || inputs.events.iter().any(|e| e.date.is_some());
    if dated {
        proposal.as_of = None;
    }
    Ok(proposal)
}

fn scan(path: &str, base: &Path, skip: u32, names: &[String]) -> Result<Scanned> {
    let written = Paths::One(path.to_string());
    let source = Source::open(
        Opening {
            table: path,
            section: "[input.orders]",
            path: &written,
            delimiter: None,
            encoding: None,
            skip,
            header: names.is_empty(),
            names,
        },
        base,
    )?;
    let columns: Vec<&str> = source.columns.iter().map(String::as_str).collect();
    let frame = source.sample(&columns, ROWS)?;
    let mut facts = Vec::new();
    for name in &columns {
        let typed_date = frame.column(name).is_ok_and(|c| c.dtype().is_temporal());
        facts.push(Facts::of(name, texts(&frame, name, path)?, typed_date));
    }
    let name = Path::new(path).file_name().map_or_else(|| path.to_string(), |n| n.to_string_lossy().into_owned());
    let stem: String = name.split('.').next().unwrap_or("table").to_lowercase().replace([' ', '-'], "_");
    let rows = frame.height();
    let names = names.to_vec();
    Ok(Scanned { path: path.into(), stem, rows, source, facts, skip, names, table: "not used", part_of: None })
}

fn classify(scanned: &mut [Scanned]) {
    for file in scanned.iter_mut() {
        let facts = &file.facts;
        let customer = customer_column(facts);
        let dated = date_column(facts).is_some();
        let (amount, quantity, price) = money_columns(facts);
        let money = amount.is_some() || (quantity.is_some() && price.is_some());
        let one_row_each = customer.is_some_and(|c| facts[c].is_unique());
        let described = order_column(facts).is_none() && facts.iter().filter(|f| f.named(&PERSON)).count() > 1;
        file.table = match customer {
            Some(_) if dated && kind_column(facts).is_some() && !money => "events",
            Some(_) if !money && is_survey(file) => "surveys",
            Some(_) if one_row_each && described => "customers",
            Some(_) if dated && (money || order_column(facts).is_some()) => "orders",
            Some(_) if one_row_each => "customers",
            Some(_) if money && order_column(facts).is_some() => "orders",
            Some(_) => "events",
            None => "not used",
        };
    }
    if scanned.iter().all(|f| f.table == "not used")
        && let [only] = scanned
    {
        only.table = "customers";
    }
    // Files of one table and the same columns are extracts of it.
    let names = |file: &Scanned| file.facts.iter().map(|f| f.name.clone()).collect::<BTreeSet<_>>();
    for i in 1..scanned.len() {
        let twin = |j: &usize| scanned[*j].table == scanned[i].table && names(&scanned[*j]) == names(&scanned[i]);
        scanned[i].part_of = (0..i).filter(|j| scanned[*j].part_of.is_none()).find(twin);
    }
    // A second table of a kind that can exist only once is left out rather than replacing the first.
    for kind in ["orders", "customers"] {
        let mut seen = false;
        for file in scanned.iter_mut().filter(|f| f.table == kind && f.part_of.is_none()) {
            if seen {
                file.table = "not used";
            }
            seen = true;
        }
    }
}

/// The columns of a survey that ask something.
fn asked(facts: &[Facts]) -> Vec<(usize, question::Asked)> {
    let known = [customer_column(facts), date_column(facts)];
    (0..facts.len())
        .filter(|i| !known.contains(&Some(*i)))
        .filter_map(|i| Some((i, question::asked(&facts[i])?)))
        .collect()
}

/// Answers with a day, answers by the name of the file, or answers in most of the columns.
fn is_survey(file: &Scanned) -> bool {
    let asked = asked(&file.facts);
    let telling = asked.iter().filter(|(_, a)| a.telling).count();
    let rest = file.facts.iter().filter(|f| !f.is_date()).count().saturating_sub(1);
    let named = ["survey", "questionnaire", "feedback", "answers", "nps", "csat"].iter().any(|w| file.stem.contains(w));
    (date_column(&file.facts).is_some() && score_column(&file.facts).is_some())
        || (named && !asked.is_empty())
        || telling * 2 > rest
}

/// The share of rows whose value cannot be read as the kind, and of dates the newest.
fn reading(file: &Scanned, column: &str, kind: AttributeKind) -> Result<(f64, Option<Day>)> {
    let sample = Sample::of(&file.source, &[column])?;
    let rows = file.source.frame(&[column])?;
    let (bad, newest, rows) = match kind {
        AttributeKind::Date => {
            let parsed = sample.day(&DateSpec::Column(column.into()))?;
            let placeholder = is_placeholder(parsed.value.clone());
            let real = when(placeholder.clone()).then(lit(NULL)).otherwise(parsed.value.cast(DataType::Int32));
            (parsed.bad.or(placeholder), real.max(), rows.with_columns(parsed.once))
        }
        AttributeKind::Number | AttributeKind::BirthYear => {
            let parsed = sample.number(column, None)?;
            (parsed.bad, lit(NULL).cast(DataType::Int32), rows.limit(ROWS).with_columns(parsed.once))
        }
        AttributeKind::Nominal | AttributeKind::Binary => return Ok((0.0, None)),
    };
    let bad = bad.fill_null(false).cast(DataType::Float64).mean();
    let found = collect(rows.select([bad.alias("bad"), newest.alias("newest")]), &file.path)?;
    guard(&file.path, || {
        let share = found.column("bad")?.f64()?.get(0).unwrap_or(0.0);
        Ok((share, found.column("newest")?.i32()?.get(0).map(Day)))
    })
}

fn format_of(file: &Scanned, column: usize, given: Option<&str>) -> Result<(DateSpec, String)> {
    let name = file.facts[column].name.clone();
    if file.facts[column].typed_date {
        return Ok((DateSpec::Column(name), "a date in the file".into()));
    }
    if let Some(format) = given {
        let spec = written(name, format);
        return Ok((spec, "as you said".into()));
    }
    let (format, proof) = Sample::of(&file.source, &[&name])?.date_format(&name)?;
    Ok((written(name, &format), proof))
}

fn written(column: String, format: &str) -> DateSpec {
    DateSpec::Format { column, format: Some(Formats::One(format.into())), timezone: None }
}

/// The join that gives a table without dates its dates: another file without customers whose rows a shared key names once.
fn dated_lookup(scanned: &[Scanned], file: &Scanned) -> Option<(usize, String, usize)> {
    scanned.iter().enumerate().filter(|(_, other)| other.table == "not used").find_map(|(i, other)| {
        let date = date_column(&other.facts)?;
        let key = other.facts.iter().find(|f| f.is_unique() && file.facts.iter().any(|g| g.name == f.name))?;
        Some((i, key.name.clone(), date))
    })
}

/// The join that gives order lines their categories: a file without customers whose rows the product names once.
fn categories_lookup(scanned: &[Scanned], file: &Scanned) -> Option<(usize, String, usize)> {
    scanned.iter().enumerate().filter(|(_, other)| other.table == "not used").find_map(|(i, other)| {
        let category = category_column(&other.facts)?;
        let product = product_column(&file.facts)?;
        let key = other.facts.iter().find(|f| f.is_unique() && f.name == file.facts[product].name)?;
        Some((i, key.name.clone(), category))
    })
}

/// The roles of a file's columns as they are found.
#[derive(Default)]
struct Roles(BTreeMap<usize, (String, String, &'static str)>);

impl Roles {
    fn set(&mut self, column: usize, role: impl Into<String>, why: impl Into<String>, sure: &'static str) {
        self.0.insert(column, (role.into(), why.into(), sure));
    }

    fn has(&self, column: usize) -> bool {
        self.0.contains_key(&column)
    }
}

fn describe(scanned: &[Scanned], index: usize, proposal: &mut Proposal, given: Option<&str>) -> Result<FileGuess> {
    let file = &scanned[index];
    let facts = &file.facts;
    let mut roles = Roles::default();
    let mut table = file.table.to_string();
    let input = file.source.inputs();
    let shape = format!("{} rows, {} columns, {}", file.source.rows(), file.facts.len(), input[0].format);
    if let Some(first) = file.part_of.filter(|_| file.table != "not used") {
        let before = |t: &str| scanned[..first].iter().filter(|f| f.table == t && f.part_of.is_none()).count();
        let inputs = &mut proposal.inputs;
        let paths = match file.table {
            "orders" => inputs.orders.as_mut().map(|t| &mut t.path),
            "customers" => inputs.customers.as_mut().map(|t| &mut t.path),
            "events" => inputs.events.get_mut(before("events")).map(|t| &mut t.path),
            _ => inputs.surveys.get_mut(before("surveys")).map(|t| &mut t.path),
        };
        if let Some(paths) = paths {
            paths.push(&file.path);
        }
        let table = format!("{table}, beside {}", scanned[first].path);
        return Ok(FileGuess { path: file.path.clone(), facts: shape, table, columns: Vec::new() });
    }
    if let Some(c) = customer_column(facts).filter(|_| file.table != "not used") {
        let kept = if facts[c].distinct.iter().next().is_some_and(|v| v.ends_with(".0")) {
            ", read as whole numbers"
        } else {
            ""
        };
        let why = format!("{} distinct; kept as text{kept}", facts[c].distinct.len());
        roles.set(c, "customer id", why, "high");
    }
    match file.table {
        "orders" => {
            let spec = orders(scanned, file, &mut roles, given)?;
            proposal.inputs.orders = Some(spec);
        }
        "events" => {
            let spec = events(scanned, file, &mut roles, given)?;
            proposal.inputs.events.push(spec);
        }
        "surveys" => {
            let spec = survey(file, &mut roles, given)?;
            proposal.inputs.surveys.push(spec);
        }
        "customers" => {
            let spec = customers(file, &mut roles, proposal)?;
            proposal.inputs.customers = Some(spec);
        }
        _ => {
            for other in scanned {
                let found = match other.table {
                    "events" if date_column(&other.facts).is_none() => dated_lookup(scanned, other),
                    "orders" if category_column(&other.facts).is_none() => categories_lookup(scanned, other),
                    _ => None,
                };
                let Some((_, key, column)) = found.filter(|(i, ..)| *i == index) else { continue };
                table = "looked up".into();
                if let Some(k) = facts.iter().position(|f| f.name == key) {
                    roles.set(k, "join key", format!("one row each; finds rows of {}", other.path), "high");
                }
                let role = if other.table == "events" { "date" } else { "category" };
                roles.set(column, role, format!("for {}", other.path), "medium");
            }
        }
    }
    let columns = facts
        .iter()
        .enumerate()
        .map(|(i, f)| {
            let (role, why, sure) = roles.0.get(&i).cloned().unwrap_or(("-".into(), String::new(), "-"));
            Guess { column: f.name.clone(), looks_like: f.looks_like(), role, why, sure }
        })
        .collect();
    Ok(FileGuess { path: file.path.clone(), facts: shape, table, columns })
}
