//! Which features the tables of a project allow.

use crate::config::Config;
use crate::data::log::Field;
use crate::data::read::Tables;
use crate::data::schema::{Attribute, AttributeKind, OrdersSpec, Question, QuestionKind};
use crate::error::{Error, Result, Warning};
use crate::features::dictionary::{self, Entry};
use crate::features::{
    Family, Feature, Role, Unit, basket, custom, demographic, engagement, lifecycle, occasion, rfm, survey,
};
use std::collections::BTreeSet;

/// The features a project's tables allow, roles as the config says.
///
/// # Errors
/// E0203 for a role of a feature that does not exist, E0209 if nothing forms segments.
pub fn features(config: &Config, tables: &Tables) -> Result<Vec<Feature>> {
    let mut all = Vec::new();
    let dated = tables.as_of.is_some();
    if let Some(orders) = &config.input.orders {
        let revenue = orders.has_money();
        all.extend(rfm::features(rfm::Available {
            revenue,
            products: orders.product.is_some(),
            returns: tables.sales.has_returns,
        }));
        all.extend(basket::features(basket::Available {
            orders: orders.order_id.is_some(),
            units: orders.quantity.is_some(),
            categories: orders.category.is_some(),
            discounts: orders.discount.is_some() && revenue,
            channels: orders.channel.is_some(),
        }));
    }
    if let Some(events) = &tables.events {
        let kinds = engagement::recognise(&tables.kinds);
        let has = engagement::Available {
            orders: tables.orders.is_some(),
            channels: events.codes(&Field::Channel).is_some(),
        };
        all.extend(engagement::features(&kinds, has));
    }
    all.extend(attribute_features(config)?);
    all.extend(survey::features(&surveys(config, tables)));
    if let Some(orders) = &tables.orders {
        let spec = config.input.orders.as_ref();
        let has = occasion::Available {
            revenue: spec.is_some_and(OrdersSpec::has_money),
            // Dates without a time of day stand at midnight.
            hours: orders.hour.iter().any(|h| *h > 0),
            gifts: !orders.gift.is_empty(),
        };
        let usual = occasion::defaults();
        let named = if config.features.occasions.is_empty() { &usual } else { &config.features.occasions };
        all.extend(occasion::features(named, has));
    }
    all.retain(|f| dated || !f.measure.needs_days());
    all.extend(custom::features(&config.features.custom, &all)?);
    // A stage may be told by any feature, so it comes last.
    all.extend(lifecycle::features(&all, &config.features.lifecycle));
    for name in config.features.roles.keys() {
        if !all.iter().any(|f| &f.name == name) {
            let names: Vec<&str> = all.iter().map(|f| f.name.as_str()).collect();
            return Err(Error::new("E0203", format!("[features.roles] names `{name}`, and there is no such feature"))
                .help(format!("features here: {}", names.join(", "))));
        }
    }
    for feature in &mut all {
        if let Some(role) = config.features.roles.get(&feature.name) {
            feature.role = *role;
        }
    }
    if !all.iter().any(|f| f.role == Role::Form) {
        return Err(Error::new("E0209", "no feature is left that forms segments")
            .why("customers cannot be compared by nothing")
            .help("under [features.roles]: recency_days = \"form\""));
    }
    Ok(all)
}

/// The data dictionary: one line per feature, with the time the tables speak of.
pub fn dictionary(features: &[Feature], tables: &Tables) -> Vec<Entry> {
    let window = match (tables.as_of, tables.window_days) {
        (None, _) => "everything".to_string(),
        (Some(_), None) => "everything up to as_of".into(),
        (Some(_), Some(days)) => format!("the last {days} days"),
    };
    features.iter().map(|feature| dictionary::entry(feature, &window)).collect()
}

/// W0209 for every protected attribute that forms segments.
pub fn protected_in_use<'a>(forming: impl Iterator<Item = &'a Feature>) -> Vec<Warning> {
    forming
        .filter(|f| f.protected && f.role == Role::Form)
        .map(|f| {
            Warning::new(
                "W0209",
                format!("`{}` is a protected attribute and forms segments, because the config says so", f.name),
            )
            .why("people who buy alike may be treated differently for what they are")
            .help(format!("under [features.roles]: {} = \"describe\"", f.name))
        })
        .collect()
}

/// The features of the attributes that the config describes, with the roles that their names give them. One that is called
/// as what orders or events tell gets a number behind its name.
///
/// # Errors
/// E0204 for a family or unit that does not exist.
pub fn attribute_features(config: &Config) -> Result<Vec<Feature>> {
    let mut taken: BTreeSet<String> = told_by_rows(config).into_iter().map(|f| f.name).collect();
    let mut all = demographic::features(&attributes(config)?, &config.features.places);
    for feature in &mut all {
        let base = feature.name.clone();
        let mut n = 2;
        while !taken.insert(feature.name.clone()) {
            feature.name = format!("{base}_{n}");
            n += 1;
        }
        if feature.name != base {
            feature.label = format!("{} (as known)", feature.label);
        }
    }
    Ok(all)
}

/// Every feature that orders and events may tell, whatever they hold.
fn told_by_rows(config: &Config) -> Vec<Feature> {
    let mut all = Vec::new();
    if config.input.orders.is_some() {
        all.extend(rfm::features(rfm::Available { revenue: true, products: true, returns: true }));
        let (orders, units, categories, discounts, channels) = (true, true, true, true, true);
        all.extend(basket::features(basket::Available { orders, units, categories, discounts, channels }));
    }
    if !config.input.events.is_empty() {
        let kinds = [
            "session",
            "page_view",
            "cart_add",
            "download",
            "demo_request",
            "email_sent",
            "email_opened",
            "email_clicked",
            "unsubscribe",
            "social",
            "support",
        ];
        let kinds = engagement::recognise(&kinds.map(String::from));
        all.extend(engagement::features(&kinds, engagement::Available { orders: true, channels: true }));
    }
    all
}

/// The attributes of order lines and customers, as the config describes them.
fn attributes(config: &Config) -> Result<Vec<demographic::Attribute>> {
    let mut attributes = Vec::new();
    for told in
        [config.input.orders.as_ref().map(|o| &o.attributes), config.input.customers.as_ref().map(|c| &c.attributes)]
    {
        for (column, attribute) in told.into_iter().flatten() {
            let kind = match (attribute.levels(), attribute.kind()) {
                (Some(levels), _) => demographic::AttributeKind::Ordinal(levels.to_vec()),
                (None, AttributeKind::Number) => demographic::AttributeKind::Number,
                (None, AttributeKind::Nominal) => demographic::AttributeKind::Nominal,
                (None, AttributeKind::Binary) => demographic::AttributeKind::Binary,
                (None, AttributeKind::BirthYear) => demographic::AttributeKind::BirthYear,
                (None, AttributeKind::Date) => demographic::AttributeKind::Date,
            };
            let (mut family, mut unit) = (None, None);
            if let Attribute::Full(spec) = attribute {
                family = spec.family.as_deref().map(|f| family_called(column, f)).transpose()?;
                unit = spec.unit.as_deref().map(|u| unit_called(column, u)).transpose()?;
            }
            attributes.push(demographic::Attribute { column: column.clone(), kind, family, unit });
        }
    }
    Ok(attributes)
}

fn family_called(column: &str, name: &str) -> Result<Family> {
    Family::ALL.into_iter().find(|f| f.word() == name).ok_or_else(|| {
        let known: Vec<&str> = Family::ALL.iter().map(|f| f.word()).collect();
        Error::new("E0204", format!("`{column}`: there is no family `{name}`"))
            .help(format!("family = one of {}", known.join(", ")))
    })
}

fn unit_called(column: &str, name: &str) -> Result<Unit> {
    match name {
        "money" => Ok(Unit::Money),
        "days" => Ok(Unit::Days),
        "years" => Ok(Unit::Years),
        "count" => Ok(Unit::Count),
        "share" => Ok(Unit::Share),
        "number" => Ok(Unit::Number),
        _ => Err(Error::new("E0204", format!("`{column}`: there is no unit `{name}`"))
            .help("unit = one of money, days, years, count, share, number")),
    }
}

/// The surveys with what their answers are; the options of a question are those that anybody chose.
fn surveys(config: &Config, tables: &Tables) -> Vec<survey::Survey> {
    let Some(log) = &tables.surveys else { return Vec::new() };
    let text = |field: &Field, row: usize| log.codes(field).and_then(|c| c.text(row));
    config
        .input
        .surveys
        .iter()
        .map(|spec| {
            let of = |row: &usize| text(&Field::Survey, *row) == Some(spec.name.as_str());
            let questions = spec
                .asked()
                .into_iter()
                .map(|(column, question)| {
                    let answers = match question {
                        Question::Kind(QuestionKind::Nps) => survey::Answers::Nps,
                        Question::Kind(QuestionKind::Number) => survey::Answers::Number,
                        Question::Kind(QuestionKind::Choice) => survey::Answers::Choice,
                        Question::Levels(levels) => survey::Answers::Levels(levels),
                        Question::Options { separated_by } => {
                            let options: BTreeSet<String> = (0..log.len())
                                .filter(of)
                                .filter(|row| text(&Field::Question, *row) == Some(column))
                                .filter_map(|row| text(&Field::Answer, row))
                                .flat_map(|cell| cell.split(separated_by.as_str()).map(|o| o.trim().to_string()))
                                .filter(|option| !option.is_empty())
                                .collect();
                            survey::Answers::Options { separated_by, options: options.into_iter().collect() }
                        }
                    };
                    (column.to_string(), answers)
                })
                .collect();
            let silent = (0..log.len()).filter(of).any(|row| {
                text(&Field::Answer, row).is_none() && log.score.get(row).is_none_or(|score| score.is_nan())
            });
            survey::Survey { name: spec.name.clone(), questions, silent }
        })
        .collect()
}
