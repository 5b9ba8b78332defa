//! What the columns of an undescribed file are, each with a reason that a person can check and how sure it is. For
//! `ilk init`; nothing else guesses.

use super::columns::Sample;
use super::dates::looks_like_date;
use super::frame::texts;
use super::numbers::{NULL_WORDS, Writing, writing};
use super::schema::{
    Attribute, AttributeKind, CustomersSpec, DateSpec, EventsSpec, Formats, Inputs, Join, KindSpec, Opening,
    OrdersSpec, Paths, Returns, SurveySpec, Treat,
};
use super::source::Source;
use crate::error::{Error, Result, Warning};
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
    /// What was fixed while reading.
    pub warnings: Vec<Warning>,
}

/// What is known of one column's values.
struct Facts {
    name: String,
    plain: String,
    values: usize,
    missing: usize,
    distinct: BTreeSet<String>,
    numbers: usize,
    whole: usize,
    negative: usize,
    decimals: usize,
    dates: usize,
    typed_date: bool,
}

struct Scanned {
    path: String,
    stem: String,
    source: Source,
    rows: usize,
    facts: Vec<Facts>,
    table: &'static str,
}

impl Facts {
    fn of(name: &str, cells: &[Option<String>], typed_date: bool) -> Self {
        let plain: String = name.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
        let mut facts = Self {
            name: name.into(),
            plain,
            values: 0,
            missing: 0,
            distinct: BTreeSet::new(),
            numbers: 0,
            whole: 0,
            negative: 0,
            decimals: 0,
            dates: 0,
            typed_date,
        };
        for cell in cells {
            let text = cell.as_deref().unwrap_or("").trim();
            if NULL_WORDS.contains(&text) {
                facts.missing += 1;
                continue;
            }
            facts.values += 1;
            let bare: String = text.chars().filter(|c| !super::numbers::CURRENCY_SIGNS.contains(c)).collect();
            let bare = bare.trim();
            if writing(bare) != Writing::Not {
                facts.numbers += 1;
                facts.negative += usize::from(bare.starts_with(['-', '(']));
                match bare.rsplit_once(['.', ',']) {
                    Some((_, part)) if part.trim_end_matches('0').is_empty() => facts.whole += 1,
                    Some(_) => facts.decimals += 1,
                    None => facts.whole += 1,
                }
            } else if facts.dates * 10 >= facts.values.saturating_sub(1) * 5 && looks_like_date(text) {
                facts.dates += 1;
            }
            facts.distinct.insert(text.to_string());
        }
        facts
    }

    fn is_date(&self) -> bool {
        self.typed_date || (self.values > 0 && self.dates * 10 >= self.values * 9)
    }

    fn is_number(&self) -> bool {
        self.values > 0 && self.numbers * 100 >= self.values * 95
    }

    fn is_whole(&self) -> bool {
        self.is_number() && self.whole * 100 >= self.numbers * 99
    }

    fn is_unique(&self) -> bool {
        self.values > 1 && self.distinct.len() == self.values && self.missing == 0
    }

    fn named(&self, words: &[&str]) -> bool {
        words.iter().any(|w| self.plain.contains(w))
    }

    fn called(&self, words: &[&str]) -> bool {
        words.contains(&self.plain.as_str())
    }

    fn looks_like(&self) -> String {
        let blank = if self.missing > 0 {
            format!(", {} blank", super::read::percent(self.missing as f64 / (self.values + self.missing) as f64))
        } else {
            String::new()
        };
        if self.values == 0 {
            return "empty".into();
        }
        if self.is_date() {
            let first = self.distinct.first().map(String::as_str).unwrap_or_default();
            return format!("date like {first}{blank}");
        }
        if self.is_number() {
            let kind = if self.is_whole() { "whole number" } else { "number" };
            return format!("{kind}, {} distinct{blank}", self.distinct.len());
        }
        format!("text, {} distinct{blank}", self.distinct.len())
    }
}

const PEOPLE: [&str; 9] =
    ["customer", "client", "household", "user", "member", "buyer", "shopper", "account", "patron"];
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

/// Reads the headers and a sample of each file and proposes what every column is. `paths` are relative to `base`.
///
/// # Errors
/// The E01 codes of unreadable files, and E0312, E0313 for dates that cannot be told without the user.
pub fn propose(paths: &[String], base: &Path, date_format: Option<&str>) -> Result<Proposal> {
    let mut scanned = Vec::new();
    let mut warnings = Vec::new();
    for path in paths {
        let scan = scan(path, base)?;
        warnings.extend(scan.source.warnings.iter().cloned());
        scanned.push(scan);
    }
    classify(&mut scanned);
    let mut inputs = Inputs::default();
    let mut files = Vec::new();
    for i in 0..scanned.len() {
        files.push(describe(&scanned, i, &mut inputs, date_format)?);
    }
    if inputs.orders.is_none() && inputs.customers.is_none() && inputs.events.is_empty() {
        let listed: Vec<String> = scanned[0].facts.iter().map(|f| f.name.clone()).collect();
        return Err(Error::new("E0207", format!("no column of {} names a customer or describes one", scanned[0].path))
            .note("seen", format!("columns: {}", listed.join(", ")))
            .help("name the columns `customer_id`, `order_date`, `amount`, or write ilk.toml by hand"));
    }
    if let (Some(orders), Some(customers)) = (&mut inputs.orders, &inputs.customers) {
        orders.attributes.retain(|column, _| !customers.attributes.contains_key(column));
    }
    Ok(Proposal { files, inputs, warnings })
}

fn scan(path: &str, base: &Path) -> Result<Scanned> {
    let written = Paths::One(path.to_string());
    let source = Source::open(
        Opening { table: path, section: "[input.orders]", path: &written, delimiter: None, encoding: None },
        base,
    )?;
    let columns: Vec<&str> = source.columns.iter().map(String::as_str).collect();
    let frame = source.sample(&columns, ROWS)?;
    let mut facts = Vec::new();
    for name in &columns {
        let typed_date = frame.column(name).is_ok_and(|c| c.dtype().is_temporal());
        facts.push(Facts::of(name, &texts(&frame, name, path)?, typed_date));
    }
    let name = Path::new(path).file_name().map_or_else(|| path.to_string(), |n| n.to_string_lossy().into_owned());
    let stem: String = name.split('.').next().unwrap_or("table").to_lowercase().replace([' ', '-'], "_");
    Ok(Scanned { path: path.into(), stem, rows: frame.height(), source, facts, table: "not used" })
}

fn classify(scanned: &mut [Scanned]) {
    for file in scanned.iter_mut() {
        let facts = &file.facts;
        let customer = customer_column(facts);
        let dated = date_column(facts).is_some();
        let (amount, quantity, price) = money_columns(facts);
        let money = amount.is_some() || (quantity.is_some() && price.is_some());
        let one_row_each = customer.is_some_and(|c| facts[c].is_unique());
        file.table = match customer {
            Some(_) if dated && kind_column(facts).is_some() && !money => "events",
            Some(_) if dated && score_column(facts).is_some() && !money => "surveys",
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
    // A second table of a kind that can exist only once is left out rather than replacing the first.
    for kind in ["orders", "customers"] {
        let mut seen = false;
        for file in scanned.iter_mut().filter(|f| f.table == kind) {
            if seen {
                file.table = "not used";
            }
            seen = true;
        }
    }
}

fn format_of(file: &Scanned, column: usize, given: Option<&str>) -> Result<(DateSpec, String)> {
    let name = file.facts[column].name.clone();
    if file.facts[column].typed_date {
        return Ok((DateSpec::Column(name), "a date in the file".into()));
    }
    if let Some(format) = given {
        let spec = DateSpec::Format { column: name, format: Formats::One(format.into()) };
        return Ok((spec, "as you said".into()));
    }
    let (format, proof) = Sample::of(&file.source, &[&name])?.date_format(&name)?;
    Ok((DateSpec::Format { column: name, format: Formats::One(format) }, proof))
}

/// The join that gives a table without dates its dates: another file without customers whose rows a shared key names once.
fn dated_lookup(scanned: &[Scanned], file: &Scanned) -> Option<(usize, String, usize)> {
    scanned.iter().enumerate().filter(|(_, other)| other.table == "not used").find_map(|(i, other)| {
        let date = date_column(&other.facts)?;
        let key = other.facts.iter().find(|f| f.is_unique() && file.facts.iter().any(|g| g.name == f.name))?;
        Some((i, key.name.clone(), date))
    })
}

#[allow(clippy::too_many_lines)] // One arm per kind of table; each is only a list of columns.
fn describe(scanned: &[Scanned], index: usize, inputs: &mut Inputs, given: Option<&str>) -> Result<FileGuess> {
    let file = &scanned[index];
    let facts = &file.facts;
    let mut roles: BTreeMap<usize, (String, String, &'static str)> = BTreeMap::new();
    let mut table = file.table.to_string();
    let path = Paths::One(file.path.clone());
    let customer = customer_column(facts);
    if let Some(c) = customer {
        let kept = if facts[c].distinct.iter().next().is_some_and(|v| v.ends_with(".0")) {
            ", read as whole numbers"
        } else {
            ""
        };
        roles.insert(
            c,
            ("customer id".into(), format!("{} distinct; kept as text{kept}", facts[c].distinct.len()), "high"),
        );
    }
    let name_of = |i: Option<usize>| i.map(|i| facts[i].name.clone());
    match file.table {
        "orders" => {
            let customer_id = name_of(customer).unwrap_or_default();
            let order = order_column(facts);
            if let Some(o) = order {
                let each = file.rows as f64 / facts[o].distinct.len().max(1) as f64;
                roles.insert(o, ("order id".into(), format!("repeats {each:.1}× on average"), "high"));
            }
            let date = date_column(facts).map(|d| format_of(file, d, given).map(|(s, p)| (d, s, p))).transpose()?;
            if let Some((d, _, proof)) = &date {
                roles.insert(*d, ("date".into(), proof.clone(), "high"));
            }
            let (amount, quantity, price) = money_columns(facts);
            if let Some(a) = amount {
                roles.insert(a, ("amount".into(), "money of the line, by its name".into(), "high"));
            }
            if let Some(q) = quantity {
                roles.insert(q, ("quantity".into(), format!("{} negative values", facts[q].negative), "high"));
            }
            if let (None, Some(p)) = (amount, price) {
                let why = if quantity.is_some() { "quantity × price per line" } else { "money per row" };
                roles.insert(p, ("unit price".into(), why.into(), "high"));
            }
            let product = product_column(facts);
            if let Some(p) = product {
                roles.insert(p, ("product".into(), "many per order".into(), "medium"));
            }
            let returns = order.and_then(|o| returns_rule(file, o, quantity.or(amount)));
            let mut attributes = BTreeMap::new();
            for (i, f) in facts.iter().enumerate() {
                let place = f.called(&["country", "region", "state", "city", "province"]);
                if place && !roles.contains_key(&i) && f.distinct.len() > 1 && f.distinct.len() <= 200 {
                    attributes.insert(f.name.clone(), Attribute::Kind(AttributeKind::Nominal));
                    roles.insert(i, (f.plain.clone(), "says where the customer is".into(), "medium"));
                }
            }
            inputs.orders = Some(OrdersSpec {
                path,
                delimiter: None,
                encoding: None,
                customer_id,
                order_id: name_of(order),
                date: date.map(|(_, spec, _)| spec),
                amount: name_of(amount),
                quantity: name_of(quantity),
                unit_price: if amount.is_none() { name_of(price) } else { None },
                product: name_of(product),
                category: None,
                channel: None,
                discount: None,
                gift: None,
                returns,
                join: None,
                attributes,
                number: None,
            });
        }
        "events" => {
            let date = date_column(facts).map(|d| format_of(file, d, given).map(|(s, p)| (d, s, p))).transpose()?;
            let kind = kind_column(facts);
            let (mut spec_date, mut join) = (None, None);
            match date {
                Some((d, spec, proof)) => {
                    roles.insert(d, ("date".into(), proof, "high"));
                    spec_date = Some(spec);
                }
                None => {
                    if let Some((other, key, d)) = dated_lookup(scanned, file) {
                        let (spec, _) = format_of(&scanned[other], d, given)?;
                        let why = format!("finds {} in {}", spec.column(), scanned[other].path);
                        if let Some(k) = facts.iter().position(|f| f.name == key) {
                            roles.insert(k, ("join key".into(), why, "medium"));
                        }
                        spec_date = Some(spec);
                        join = Some(Join { path: Paths::One(scanned[other].path.clone()), on: key });
                    }
                }
            }
            let kind = match kind {
                Some(k) => {
                    let listed: Vec<&str> = facts[k].distinct.iter().take(3).map(String::as_str).collect();
                    roles.insert(k, ("kind".into(), format!("{}, …", listed.join(", ")), "high"));
                    KindSpec::Column { column: facts[k].name.clone() }
                }
                None => KindSpec::Constant(singular(&file.stem)),
            };
            inputs.events.push(EventsSpec {
                name: file.stem.clone(),
                path,
                delimiter: None,
                encoding: None,
                customer_id: name_of(customer).unwrap_or_default(),
                date: spec_date,
                kind,
                channel: None,
                machine: None,
                join,
            });
        }
        "surveys" => {
            let date = date_column(facts).map(|d| format_of(file, d, given).map(|(s, p)| (d, s, p))).transpose()?;
            let score = score_column(facts);
            if let Some((d, _, proof)) = &date {
                roles.insert(*d, ("date".into(), proof.clone(), "high"));
            }
            if let Some(s) = score {
                roles.insert(s, ("answer".into(), "describes segments, never forms them".into(), "high"));
            }
            inputs.surveys.push(SurveySpec {
                name: score.map_or_else(|| file.stem.clone(), |s| facts[s].name.to_lowercase()),
                path,
                delimiter: None,
                encoding: None,
                customer_id: name_of(customer).unwrap_or_default(),
                date: date.map(|(_, spec, _)| spec),
                score: name_of(score),
                questions: BTreeMap::new(),
            });
        }
        "customers" => {
            let mut attributes = BTreeMap::new();
            for (i, f) in facts.iter().enumerate() {
                if Some(i) == customer {
                    continue;
                }
                let (kind, role, why, sure) = attribute(f, file.rows);
                if let Some(kind) = kind {
                    attributes.insert(f.name.clone(), kind);
                }
                roles.insert(i, (role.into(), why, sure));
            }
            inputs.customers = Some(CustomersSpec {
                path,
                delimiter: None,
                encoding: None,
                customer_id: name_of(customer),
                attributes,
                number: None,
            });
        }
        _ => {
            let looked_up = scanned.iter().any(|other| {
                other.table == "events"
                    && date_column(&other.facts).is_none()
                    && dated_lookup(scanned, other).is_some_and(|(i, ..)| i == index)
            });
            if looked_up {
                table = "looked up".into();
            }
        }
    }
    let columns = facts
        .iter()
        .enumerate()
        .map(|(i, f)| {
            let (role, why, sure) = roles.get(&i).cloned().unwrap_or(("-".into(), String::new(), "-"));
            Guess { column: f.name.clone(), looks_like: f.looks_like(), role, why, sure }
        })
        .collect();
    let input = file.source.inputs();
    let facts = format!("{} rows, {} columns, {}", file.source.rows(), file.facts.len(), input[0].format);
    Ok(FileGuess { path: file.path.clone(), facts, table, columns })
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

fn attribute(f: &Facts, rows: usize) -> (Option<Attribute>, &'static str, String, &'static str) {
    let distinct = f.distinct.len();
    if f.is_date() {
        return (None, "-", "a date is not compared".into(), "-");
    }
    if distinct < 2 {
        return (None, "-", "the same for all".into(), "high");
    }
    if let Some(levels) = ordered_levels(&f.distinct) {
        return (
            Some(Attribute::Levels(levels)),
            "ordered levels",
            "the numbers in the levels give the order".into(),
            "medium",
        );
    }
    if f.is_number() {
        if f.is_whole() && distinct <= 3 && rows > 20 {
            return (
                Some(Attribute::Kind(AttributeKind::Nominal)),
                "nominal",
                format!("only {distinct} whole numbers: a code"),
                "medium",
            );
        }
        if f.is_unique() && f.is_whole() && rows > 20 && f.named(&["id", "zip", "phone"]) {
            return (None, "-", "an id, not a quantity".into(), "medium");
        }
        return (Some(Attribute::Kind(AttributeKind::Number)), "number", "a quantity".into(), "high");
    }
    if distinct <= 50 && distinct * 2 <= f.values.max(4) {
        return (Some(Attribute::Kind(AttributeKind::Nominal)), "nominal", format!("{distinct} levels"), "high");
    }
    (None, "-", format!("{distinct} different texts: too many to compare"), "high")
}

/// Levels such as `19-24, 25-34, 65+` or `Under 15K, 15-24K` in the order of their numbers; `None` if they are not such.
fn ordered_levels(distinct: &BTreeSet<String>) -> Option<Vec<String>> {
    if !(3..=20).contains(&distinct.len()) || distinct.iter().all(|t| writing(t) != Writing::Not) {
        return None;
    }
    let mut keyed: Vec<(f64, &String)> = Vec::new();
    for text in distinct {
        let digits: String =
            text.chars().skip_while(|c| !c.is_ascii_digit()).take_while(|c| c.is_ascii_digit() || *c == '.').collect();
        let number: f64 = digits.parse().ok()?;
        let below = text.to_lowercase();
        let below = below.starts_with("under") || below.starts_with("less") || below.starts_with('<');
        keyed.push((if below { number - 0.5 } else { number }, text));
    }
    keyed.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(b.1)));
    let strictly = keyed.windows(2).all(|w| w[0].0 < w[1].0);
    strictly.then(|| keyed.into_iter().map(|(_, t)| t.clone()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(texts: &[&str]) -> BTreeSet<String> {
        texts.iter().map(|t| (*t).to_string()).collect()
    }

    #[test]
    fn levels_with_numbers_have_an_order() {
        assert_eq!(
            ordered_levels(&set(&["65+", "19-24", "25-34"])),
            Some(vec!["19-24".to_string(), "25-34".into(), "65+".into()])
        );
        assert_eq!(
            ordered_levels(&set(&["15-24K", "Under 15K", "25-34K"])),
            Some(vec!["Under 15K".to_string(), "15-24K".into(), "25-34K".into()])
        );
        assert_eq!(ordered_levels(&set(&["north", "south", "west"])), None);
        assert_eq!(ordered_levels(&set(&["1", "2", "3"])), None);
    }

    #[test]
    fn few_whole_numbers_are_a_code() {
        let cells: Vec<Option<String>> = (0..30).map(|i| Some((i % 2 + 1).to_string())).collect();
        let (kind, ..) = attribute(&Facts::of("Channel", &cells, false), 30);
        assert_eq!(kind, Some(Attribute::Kind(AttributeKind::Nominal)));
        let cells: Vec<Option<String>> = (0..30).map(|i| Some((i * 37).to_string())).collect();
        let (kind, ..) = attribute(&Facts::of("Fresh", &cells, false), 30);
        assert_eq!(kind, Some(Attribute::Kind(AttributeKind::Number)));
    }
}
