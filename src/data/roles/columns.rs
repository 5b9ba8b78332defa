//! Which column of a file plays which part.

use super::facts::Facts;
use crate::data::schema::Flag;

pub(super) const PEOPLE: [&str; 9] =
    ["customer", "client", "household", "user", "member", "buyer", "shopper", "account", "patron"];
/// Words in the names of what is known of a person or a firm and never of an order.
pub(super) const PERSON: [&str; 22] = [
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
pub(super) const ORDERS: [&str; 7] = ["order", "invoice", "basket", "transaction", "receipt", "bill", "checkout"];

pub(super) fn customer_column(facts: &[Facts]) -> Option<usize> {
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

pub(super) fn order_column(facts: &[Facts]) -> Option<usize> {
    facts.iter().position(|f| {
        !f.is_date()
            && f.named(&ORDERS)
            && (f.plain.ends_with("id") || f.plain.ends_with("no") || f.plain.ends_with("number") || f.called(&ORDERS))
    })
}

pub(super) fn date_column(facts: &[Facts]) -> Option<usize> {
    let dates: Vec<usize> = (0..facts.len()).filter(|i| facts[*i].is_date()).collect();
    dates
        .iter()
        .copied()
        .find(|i| facts[*i].named(&["order", "invoice", "transaction", "purchase", "start", "event"]))
        .or_else(|| dates.first().copied())
}

pub(super) fn product_column(facts: &[Facts]) -> Option<usize> {
    let named = |words: &[&str]| facts.iter().position(|f| f.called(words));
    named(&["productid", "stockcode", "sku", "itemid", "articleid", "productcode", "itemcode"])
        .or_else(|| named(&["product", "item", "article", "asin"]))
}

pub(super) fn money_columns(facts: &[Facts]) -> (Option<usize>, Option<usize>, Option<usize>) {
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
pub(super) const CATEGORIES: [&str; 9] = [
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

pub(super) fn category_column(facts: &[Facts]) -> Option<usize> {
    let fits = |f: &Facts| !f.is_date() && (2..=5_000).contains(&f.distinct.len());
    CATEGORIES.iter().find_map(|name| facts.iter().position(|f| f.called(&[name]) && fits(f)))
}

pub(super) fn channel_column(facts: &[Facts]) -> Option<usize> {
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
pub(super) fn discount_columns(facts: &[Facts]) -> Vec<usize> {
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
pub(super) fn flag_column(facts: &[Facts], words: &[&str]) -> Option<(usize, Flag)> {
    let at = facts.iter().position(|f| f.named(words) && f.is_flag())?;
    // `t` is the only yes that the reader does not know.
    let equals = facts[at].distinct.iter().filter(|v| v.eq_ignore_ascii_case("t")).cloned().collect();
    Some((at, Flag { column: facts[at].name.clone(), equals }))
}

pub(super) fn kind_column(facts: &[Facts]) -> Option<usize> {
    facts.iter().position(|f| {
        f.called(&["eventtype", "event", "eventname", "kind", "action", "activity", "activitytype"])
            && f.distinct.len() <= 50
    })
}

pub(super) fn score_column(facts: &[Facts]) -> Option<usize> {
    facts.iter().position(|f| {
        f.is_number() && (f.called(&["nps", "score", "rating", "answer", "satisfaction", "csat"]) || f.named(&["nps"]))
    })
}
