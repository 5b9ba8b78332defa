//! The section of a config that a file seems to need.

use super::columns::{
    category_column, channel_column, customer_column, date_column, discount_columns, flag_column, kind_column,
    money_columns, order_column, product_column, score_column,
};
use super::facts::Facts;
use super::{Proposal, ROWS, Roles, Scanned, asked, attribute, categories_lookup, dated_lookup, format_of, reading};
use crate::data::frame::texts;
use crate::data::read::percent;
use crate::data::schema::{
    Attribute, AttributeKind, ColumnNames, CustomersSpec, DateSpec, EventsSpec, Join, KindSpec, OrdersSpec, Paths,
    Returns, SurveySpec, Treat,
};
use crate::error::Result;
use std::collections::BTreeMap;

pub(super) fn name_of(facts: &[Facts], column: Option<usize>) -> Option<String> {
    column.map(|i| facts[i].name.clone())
}

/// The date column of a file, its role set.
pub(super) fn dated(file: &Scanned, roles: &mut Roles, given: Option<&str>) -> Result<Option<DateSpec>> {
    let Some(d) = date_column(&file.facts) else { return Ok(None) };
    let (spec, proof) = format_of(file, d, given)?;
    roles.set(d, "date", proof, "high");
    Ok(Some(spec))
}

pub(super) fn orders(
    scanned: &[Scanned],
    file: &Scanned,
    roles: &mut Roles,
    given: Option<&str>,
) -> Result<OrdersSpec> {
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

pub(super) fn events(
    scanned: &[Scanned],
    file: &Scanned,
    roles: &mut Roles,
    given: Option<&str>,
) -> Result<EventsSpec> {
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

pub(super) fn survey(file: &Scanned, roles: &mut Roles, given: Option<&str>) -> Result<SurveySpec> {
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
pub(super) const ODD: f64 = 0.01;

pub(super) fn customers(file: &Scanned, roles: &mut Roles, proposal: &mut Proposal) -> Result<CustomersSpec> {
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
pub(super) fn singular(stem: &str) -> String {
    stem.strip_suffix('s').unwrap_or(stem).to_string()
}

/// The letter that order ids of negative lines start with, if there is one.
pub(super) fn returns_rule(file: &Scanned, order: usize, negative: Option<usize>) -> Option<Returns> {
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
