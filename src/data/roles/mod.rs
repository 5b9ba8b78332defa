//! What the columns of an undescribed file are, each with a reason that a person can check and how sure it is. For
//! `ilk init`; nothing else guesses.

mod attribute;
mod facts;
mod levels;
mod question;

use super::columns::{Sample, is_placeholder};
use super::dates::Day;
use super::frame::{collect, guard, texts};
use super::read::percent;
use super::schema::{
    Attribute, AttributeKind, ColumnNames, CustomersSpec, DateSpec, EventsSpec, Flag, Formats, Inputs, Join, KindSpec,
    Opening, OrdersSpec, Paths, Returns, SurveySpec, Treat,
};
use super::source::Source;
use crate::error::{Error, Result, Warning};
use facts::Facts;
use polars::prelude::{DataType, NULL, lit, when};
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

const PEOPLE: [&str; 9] =
    ["customer", "client", "household", "user", "member", "buyer", "shopper", "account", "patron"];
/// Words in the names of what is known of a person or a firm and never of an order.
const PERSON: [&str; 22] = [
    "signup",
    "register",
    "joined",
    "enrol",
    "lastseen",
    "lastorder",
    "lastpurchase",
    "firstorder",
    "birth",
    "education",
    "marital",
    "income",
    "gender",
    "household",
    "occupation",
    "jobtitle",
    "kidhome",
    "children",
    "tenure",
    "recency",
    "industry",
    "employees",
];
const ORDERS: [&str; 7] = ["order", "invoice", "basket", "transaction", "receipt", "bill", "checkout"];

fn customer_column(facts: &[Facts]) -> Option<usize> {
    let identifies = |f: &Facts| !f.is_date() && f.values > 0 && (!f.is_number() || f.is_whole());
    facts
        .iter()
        .position(|f| {
            identifies(f)
                && f.named(&PEOPLE)
                && (f.plain.ends_with("id")
                    || f.plain.ends_with("no")
                    || f.plain.ends_with("key")
                    || f.plain.ends_with("number"))
        })
        .or_else(|| facts.iter().position(|f| identifies(f) && f.called(&PEOPLE)))
        .or_else(|| {
            facts.iter().position(|f| {
                identifies(f)
                    && f.called(&["id", "masterid", "uid", "personid", "contactid", "email"])
                    && f.distinct.len() > 1
            })
        })
}

fn order_column(facts: &[Facts]) -> Option<usize> {
    facts.iter().position(|f| {
        !f.is_date()
            && f.named(&ORDERS)
            && (f.plain.ends_with("id") || f.plain.ends_with("no") || f.plain.ends_with("number") || f.called(&ORDERS))
    })
}

fn date_column(facts: &[Facts]) -> Option<usize> {
    let dates: Vec<usize> = (0..facts.len()).filter(|i| facts[*i].is_date()).collect();
    dates
        .iter()
        .copied()
        .find(|i| facts[*i].named(&["order", "invoice", "transaction", "purchase", "start", "event"]))
        .or_else(|| dates.first().copied())
}

fn product_column(facts: &[Facts]) -> Option<usize> {
    let named = |words: &[&str]| facts.iter().position(|f| f.called(words));
    named(&["productid", "stockcode", "sku", "itemid", "articleid", "productcode", "itemcode"])
        .or_else(|| named(&["product", "item", "article", "asin"]))
}

fn money_columns(facts: &[Facts]) -> (Option<usize>, Option<usize>, Option<usize>) {
    let number = |f: &Facts| f.is_number();
    let amount = facts
        .iter()
        .position(|f| {
            number(f)
                && f.called(&[
                    "amount",
                    "revenue",
                    "salesvalue",
                    "sales",
                    "total",
                    "ordertotal",
                    "totalprice",
                    "dollarvalue",
                    "spend",
                    "netamount",
                    "value",
                    "ordervalue",
                    "linetotal",
                    "turnover",
                ])
        })
        .or_else(|| {
            facts.iter().position(|f| number(f) && f.named(&["amount", "revenue", "dollarvalue", "salesvalue"]))
        });
    let quantity = facts.iter().position(|f| {
        number(f)
            && (f.called(&["quantity", "qty", "units", "pieces", "count", "items"])
                || f.named(&["quantity", "numberof"]))
    });
    let price = facts
        .iter()
        .position(|f| number(f) && f.called(&["unitprice", "price", "priceperunit", "itemprice", "productprice"]));
    (amount, quantity, price)
}

/// Names of the kind of a product, the likeliest first.
const CATEGORIES: [&str; 9] = [
    "category",
    "productcategory",
    "itemcategory",
    "categoryname",
    "productgroup",
    "producttype",
    "productline",
    "department",
    "subcategory",
];

fn category_column(facts: &[Facts]) -> Option<usize> {
    let fits = |f: &Facts| !f.is_date() && (2..=5_000).contains(&f.distinct.len());
    CATEGORIES.iter().find_map(|name| facts.iter().position(|f| f.called(&[name]) && fits(f)))
}

fn channel_column(facts: &[Facts]) -> Option<usize> {
    facts.iter().position(|f| {
        f.called(&[
            "channel",
            "saleschannel",
            "orderchannel",
            "purchasechannel",
            "source",
            "medium",
            "platform",
            "device",
            "devicetype",
            "storetype",
            "touchpoint",
        ]) && (2..=30).contains(&f.distinct.len())
            && f.distinct.len() < f.values
    })
}

/// Columns of money that was taken off; shares and flags are none.
fn discount_columns(facts: &[Facts]) -> Vec<usize> {
    let money = |f: &Facts| {
        f.is_number()
            && (f.plain.ends_with("disc") || f.named(&["discount", "rebate", "markdown"]))
            && !f.named(&["discounted", "price", "percent", "pct", "rate", "code"])
            && !f.is_flag()
            && !(f.decimals > 0 && f.within(-1.0, 1.0))
            && f.range != (0.0, 0.0)
    };
    (0..facts.len()).filter(|i| money(&facts[*i])).collect()
}

/// The column that marks rows by yes and no and is named by one of the words.
fn flag_column(facts: &[Facts], words: &[&str]) -> Option<(usize, Flag)> {
    let at = facts.iter().position(|f| f.named(words) && f.is_flag())?;
    // `t` is the only yes that the reader does not know.
    let equals = facts[at].distinct.iter().filter(|v| v.eq_ignore_ascii_case("t")).cloned().collect();
    Some((at, Flag { column: facts[at].name.clone(), equals }))
}

fn kind_column(facts: &[Facts]) -> Option<usize> {
    facts.iter().position(|f| {
        f.called(&["eventtype", "event", "eventname", "kind", "action", "activity", "activitytype"])
            && f.distinct.len() <= 50
    })
}

fn score_column(facts: &[Facts]) -> Option<usize> {
    facts.iter().position(|f| {
        f.is_number() && (f.called(&["nps", "score", "rating", "answer", "satisfaction", "csat"]) || f.named(&["nps"]))
    })
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

fn name_of(facts: &[Facts], column: Option<usize>) -> Option<String> {
    column.map(|i| facts[i].name.clone())
}

/// The date column of a file, its role set.
fn dated(file: &Scanned, roles: &mut Roles, given: Option<&str>) -> Result<Option<DateSpec>> {
    let Some(d) = date_column(&file.facts) else { return Ok(None) };
    let (spec, proof) = format_of(file, d, given)?;
    roles.set(d, "date", proof, "high");
    Ok(Some(spec))
}

fn orders(scanned: &[Scanned], file: &Scanned, roles: &mut Roles, given: Option<&str>) -> Result<OrdersSpec> {
    let facts = &file.facts;
    let order = order_column(facts);
    if let Some(o) = order {
        let each = file.rows as f64 / facts[o].distinct.len().max(1) as f64;
        roles.set(o, "order id", format!("repeats {each:.1}× on average"), "high");
    }
    let date = dated(file, roles, given)?;
    let (amount, quantity, price) = money_columns(facts);
    if let Some(a) = amount {
        roles.set(a, "amount", "money of the line, by its name", "high");
    }
    if let Some(q) = quantity {
        roles.set(q, "quantity", format!("{} negative values", facts[q].negative), "high");
    }
    if let (None, Some(p)) = (amount, price) {
        let why = if quantity.is_some() { "quantity × price per line" } else { "money per row" };
        roles.set(p, "unit price", why, "high");
    }
    let product = product_column(facts);
    if let Some(p) = product {
        roles.set(p, "product", "many per order", "medium");
    }
    let mut category = name_of(facts, category_column(facts));
    let mut join = None;
    if let Some(c) = category_column(facts) {
        roles.set(c, "category", format!("{} kinds of things, by its name", facts[c].distinct.len()), "medium");
    } else if let Some((other, key, column)) = categories_lookup(scanned, file) {
        let other = &scanned[other];
        category = Some(other.facts[column].name.clone());
        if let Some(p) = product {
            let why = format!("many per order; finds {} in {}", other.facts[column].name, other.path);
            roles.set(p, "product, join key", why, "medium");
        }
        join = Some(Join { path: Paths::One(other.path.clone()), on: key });
    }
    let channel = channel_column(facts);
    if let Some(c) = channel {
        roles.set(c, "channel", format!("{} ways to buy, by its name", facts[c].distinct.len()), "medium");
    }
    let mut discount = Vec::new();
    if amount.is_some() || price.is_some() {
        for d in discount_columns(facts).into_iter().filter(|d| Some(*d) != amount) {
            roles.set(d, "discount", "money taken off the line, by its name", "medium");
            discount.push(facts[d].name.clone());
        }
    }
    let gift = flag_column(facts, &["gift"]);
    if let Some((g, _)) = &gift {
        roles.set(*g, "gift", "yes or no, by its name", "high");
    }
    let returns = order.and_then(|o| returns_rule(file, o, quantity.or(amount)));
    let mut attributes = BTreeMap::new();
    for (i, f) in facts.iter().enumerate() {
        let place = f.called(&["country", "region", "state", "city", "province"]);
        if place && !roles.has(i) && f.distinct.len() > 1 && f.distinct.len() <= 200 {
            attributes.insert(f.name.clone(), Attribute::Kind(AttributeKind::Nominal));
            roles.set(i, f.plain.clone(), "says where the customer is", "medium");
        }
    }
    Ok(OrdersSpec {
        path: Paths::One(file.path.clone()),
        delimiter: None,
        encoding: None,
        skip: file.skip,
        header: file.names.is_empty(),
        names: file.names.clone(),
        strip_prefix: None,
        pad: None,
        normalize: None,
        customer_id: name_of(facts, customer_column(facts)).unwrap_or_default(),
        order_id: name_of(facts, order),
        date,
        amount: name_of(facts, amount),
        quantity: name_of(facts, quantity),
        unit_price: if amount.is_none() { name_of(facts, price) } else { None },
        product: name_of(facts, product),
        category,
        channel: name_of(facts, channel),
        discount: match discount.as_slice() {
            [] => None,
            [one] => Some(ColumnNames::One(one.clone())),
            _ => Some(ColumnNames::Many(discount)),
        },
        gift: gift.map(|(_, flag)| flag),
        returns,
        join,
        attributes,
        number: None,
    })
}

fn events(scanned: &[Scanned], file: &Scanned, roles: &mut Roles, given: Option<&str>) -> Result<EventsSpec> {
    let facts = &file.facts;
    let mut date = dated(file, roles, given)?;
    let mut join = None;
    if date.is_none()
        && let Some((other, key, d)) = dated_lookup(scanned, file)
    {
        let (spec, _) = format_of(&scanned[other], d, given)?;
        let why = format!("finds {} in {}", spec.column(), scanned[other].path);
        if let Some(k) = facts.iter().position(|f| f.name == key) {
            roles.set(k, "join key", why, "medium");
        }
        date = Some(spec);
        join = Some(Join { path: Paths::One(scanned[other].path.clone()), on: key });
    }
    let kind = match kind_column(facts) {
        Some(k) => {
            let listed: Vec<&str> = facts[k].distinct.iter().take(3).map(String::as_str).collect();
            roles.set(k, "kind", format!("{}, …", listed.join(", ")), "high");
            KindSpec::Column { column: facts[k].name.clone() }
        }
        None => KindSpec::Constant(singular(&file.stem)),
    };
    let channel = channel_column(facts).filter(|c| !roles.has(*c));
    if let Some(c) = channel {
        roles.set(c, "channel", format!("{} ways to meet, by its name", facts[c].distinct.len()), "medium");
    }
    let machine = flag_column(facts, &["isbot", "botflag", "machine", "prefetch", "crawler", "automated"])
        .or_else(|| flag_column(facts, &["bot"]).filter(|(b, _)| facts[*b].called(&["bot"])));
    if let Some((m, _)) = &machine {
        roles.set(*m, "machine", "yes or no: rows that no person made are left out", "high");
    }
    Ok(EventsSpec {
        name: file.stem.clone(),
        path: Paths::One(file.path.clone()),
        delimiter: None,
        encoding: None,
        skip: file.skip,
        header: file.names.is_empty(),
        names: file.names.clone(),
        strip_prefix: None,
        pad: None,
        normalize: None,
        customer_id: name_of(facts, customer_column(facts)).unwrap_or_default(),
        date,
        kind,
        channel: name_of(facts, channel),
        machine: machine.map(|(_, flag)| flag),
        join,
    })
}

fn survey(file: &Scanned, roles: &mut Roles, given: Option<&str>) -> Result<SurveySpec> {
    let facts = &file.facts;
    let date = dated(file, roles, given)?;
    let asked = asked(facts);
    // One number is the score of a survey that is called after it; several questions are a table.
    let score = score_column(facts).filter(|s| facts[*s].numbers == facts[*s].values && asked.len() == 1);
    let mut questions = BTreeMap::new();
    let mut name = file.stem.clone();
    if let Some(s) = score {
        roles.set(s, "answer", "describes segments, never forms them", "high");
        name = facts[s].name.to_lowercase();
    } else {
        for (i, a) in asked {
            questions.insert(facts[i].name.clone(), a.question);
            roles.set(i, format!("question, {}", a.role), a.why, a.sure);
        }
    }
    Ok(SurveySpec {
        name,
        path: Paths::One(file.path.clone()),
        delimiter: None,
        encoding: None,
        skip: file.skip,
        header: file.names.is_empty(),
        names: file.names.clone(),
        strip_prefix: None,
        pad: None,
        normalize: None,
        customer_id: name_of(facts, customer_column(facts)).unwrap_or_default(),
        date,
        score: name_of(facts, score),
        questions,
    })
}

/// Share of the rows that may hold something else than what their columns are; a run stops above it.
const ODD: f64 = 0.01;

fn customers(file: &Scanned, roles: &mut Roles, proposal: &mut Proposal) -> Result<CustomersSpec> {
    let facts = &file.facts;
    let customer = customer_column(facts);
    let describe = attribute::describing(facts);
    let mut attributes = BTreeMap::new();
    // Rows with a value that does not fit are refused whole, so all columns share the limit.
    let mut odd = 0.0;
    for (i, f) in facts.iter().enumerate() {
        if Some(i) == customer {
            continue;
        }
        let told = attribute::attribute(f, file.rows);
        let Some(attribute) = told.attribute else {
            roles.set(i, told.role, told.why, told.sure);
            continue;
        };
        let (share, newest) = match reading(file, &f.name, attribute.kind()) {
            Ok(read) => read,
            Err(error) => {
                roles.set(i, "-", error.0.title, "-");
                continue;
            }
        };
        if odd + share > ODD {
            roles.set(i, "-", format!("{} cannot be read as {}: export them as blank", percent(share), told.role), "-");
            continue;
        }
        odd += share;
        if !f.named(&["birth", "end", "expir", "renew", "next", "due"]) {
            proposal.as_of = proposal.as_of.take().max(newest.map(|day| (day, f.name.clone())));
        }
        let mut role = told.role;
        let mut why = told.why;
        if let Some(reason) = describe.get(&i) {
            role.push_str("; describes");
            why.clone_from(reason);
            proposal.describe.insert(f.name.clone(), reason.clone());
        }
        roles.set(i, role, why, told.sure);
        attributes.insert(f.name.clone(), attribute);
    }
    Ok(CustomersSpec {
        path: Paths::One(file.path.clone()),
        delimiter: None,
        encoding: None,
        skip: file.skip,
        header: file.names.is_empty(),
        names: file.names.clone(),
        strip_prefix: None,
        pad: None,
        normalize: None,
        customer_id: name_of(facts, customer),
        duplicates: None,
        attributes,
        number: None,
    })
}

/// `coupon_redemptions` to `coupon_redemption`.
fn singular(stem: &str) -> String {
    stem.strip_suffix('s').unwrap_or(stem).to_string()
}

/// The letter that order ids of negative lines start with, if there is one.
fn returns_rule(file: &Scanned, order: usize, negative: Option<usize>) -> Option<Returns> {
    let negative = negative?;
    let names = [file.facts[order].name.as_str(), file.facts[negative].name.as_str()];
    let frame = file.source.sample(&names, ROWS).ok()?;
    let orders = texts(&frame, names[0], &file.path).ok()?;
    let numbers = texts(&frame, names[1], &file.path).ok()?;
    let mut letters: BTreeMap<char, (usize, usize)> = BTreeMap::new();
    let mut digits = 0;
    for (order, number) in orders.iter().zip(&numbers) {
        let Some(first) = order.as_deref().and_then(|o| o.trim().chars().next()) else { continue };
        if first.is_ascii_digit() {
            digits += 1;
            continue;
        }
        let entry = letters.entry(first).or_default();
        entry.0 += 1;
        entry.1 += usize::from(number.as_deref().is_some_and(|n| n.trim().starts_with('-')));
    }
    let (letter, _) = letters.into_iter().find(|(_, (n, below))| below * 10 >= n * 9 && n * 2 < digits)?;
    Some(Returns {
        column: Some(names[0].to_string()),
        starts_with: Some(letter.to_string()),
        equals: Vec::new(),
        treat: Treat::Net,
    })
}
