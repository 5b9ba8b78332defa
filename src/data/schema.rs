//! Which tables and columns a project reads, in the user's own names. Part of the config, and saved in the model, so that
//! next year's files are read the same way.

use super::numbers::NumberFormat;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The tables of a project. All are optional, but something must say who the customers are.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Inputs {
    /// What was bought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orders: Option<OrdersSpec>,
    /// One row per customer: what is known of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customers: Option<CustomersSpec>,
    /// What customers did: visits, e-mails, redemptions. One table each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<EventsSpec>,
    /// What customers answered. One table each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub surveys: Vec<SurveySpec>,
    /// Ids that are nobody: a till, a test account. Their rows are left out of every table.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude_ids: Vec<String>,
}

/// One path or several; a path is a file, a folder or a glob.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Paths {
    /// One.
    One(String),
    /// Several, read as one table.
    Many(Vec<String>),
}

impl Inputs {
    /// The paths of all tables, as written.
    pub fn paths(&self) -> Vec<String> {
        let orders = self.orders.iter().map(|spec| &spec.path);
        let customers = self.customers.iter().map(|spec| &spec.path);
        let events = self.events.iter().map(|spec| &spec.path);
        let surveys = self.surveys.iter().map(|spec| &spec.path);
        let all = orders.chain(customers).chain(events).chain(surveys);
        all.flat_map(|paths| paths.list()).map(String::from).collect()
    }
}

impl Paths {
    /// The paths as written.
    pub fn list(&self) -> Vec<&str> {
        match self {
            Paths::One(path) => vec![path],
            Paths::Many(paths) => paths.iter().map(String::as_str).collect(),
        }
    }

    /// Adds a file to the table.
    pub(crate) fn push(&mut self, path: &str) {
        let mut all: Vec<String> = self.list().into_iter().map(str::to_owned).collect();
        all.push(path.into());
        *self = Paths::Many(all);
    }
}

/// A date column: its name, or its name and how its dates are written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, deny_unknown_fields)]
pub enum DateSpec {
    /// The format is detected; two possible readings are an error.
    Column(String),
    /// The format or the time zone is given.
    Format {
        /// Column name.
        column: String,
        /// One format, or several that are tried in order: chrono's letters (`%d/%m/%Y %H:%M`), `excel` for Excel's day
        /// numbers, `unix` or `unix_ms` for seconds or milliseconds since 1970. Detected without it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        format: Option<Formats>,
        /// Where the shop is, by its IANA name (`Europe/Paris`): times that carry a zone are counted on the day they have
        /// there. UTC without it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timezone: Option<String>,
    },
}

/// One date format or several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Formats {
    /// One.
    One(String),
    /// Several, tried in order.
    Many(Vec<String>),
}

impl DateSpec {
    /// The column.
    pub fn column(&self) -> &str {
        match self {
            DateSpec::Column(column) | DateSpec::Format { column, .. } => column,
        }
    }

    /// The formats, if given.
    pub fn formats(&self) -> Option<Vec<String>> {
        match self {
            DateSpec::Column(_) | DateSpec::Format { format: None, .. } => None,
            DateSpec::Format { format: Some(Formats::One(one)), .. } => Some(vec![one.clone()]),
            DateSpec::Format { format: Some(Formats::Many(many)), .. } => Some(many.clone()),
        }
    }

    /// The time zone, if given.
    pub fn timezone(&self) -> Option<&str> {
        match self {
            DateSpec::Column(_) => None,
            DateSpec::Format { timezone, .. } => timezone.as_deref(),
        }
    }
}

/// Orders, one row per order or per order line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OrdersSpec {
    /// Where they are.
    pub path: Paths,
    /// Field delimiter: `,` `;` `\t` `|`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<String>,
    /// Encoding, by its WHATWG label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    /// Lines above the header that are no data.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub skip: u32,
    /// Whether the first line names the columns.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub header: bool,
    /// Names of the columns, in the order of the file: instead of the header, or because there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// What the customer ids of this table start with and others do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strip_prefix: Option<String>,
    /// Length to which customer ids of digits are filled with zeros on the left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pad: Option<u32>,
    /// What is evened out in customer ids: `trim`, `upper`, `lower`, with commas between.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normalize: Option<String>,
    /// Who bought. Always text: leading zeros are safe. Blank is a guest.
    pub customer_id: String,
    /// Which order a line belongs to; without it each row is an order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_id: Option<String>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<DateSpec>,
    /// Money of the line. Wins over `quantity` × `unit_price`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<String>,
    /// Pieces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<String>,
    /// Money per piece.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_price: Option<String>,
    /// What was bought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// Which kind of thing was bought; with a join, a column of the joined table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Where it was bought: shop, web, phone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// Money taken off the line, one column or several that add up; the sign does not matter. The amount is what was paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discount: Option<ColumnNames>,
    /// Which lines are gifts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gift: Option<Flag>,
    /// Which lines are returns and what to do with them. Without a rule, lines below zero are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returns: Option<Returns>,
    /// A second table that holds the category, one row per product. A product that is not in it has no category.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub join: Option<Join>,
    /// What the lines tell of the customer: column name = kind. Of several values the most frequent counts, then the
    /// alphabetically first.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, Attribute>,
    /// How numbers are written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<NumberFormat>,
}

/// One column or several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ColumnNames {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl ColumnNames {
    /// The names.
    pub fn list(&self) -> Vec<&str> {
        match self {
            ColumnNames::One(name) => vec![name],
            ColumnNames::Many(names) => names.iter().map(String::as_str).collect(),
        }
    }
}

/// Rows told by the value of a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Flag {
    /// The column.
    pub column: String,
    /// The values that are meant, as text; without them `1`, `true`, `yes`, `y`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub equals: Vec<String>,
}

/// Which order lines are returns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Returns {
    /// The column that tells; without it, lines whose money or quantity is below zero are returns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// A value that starts so is a return.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_with: Option<String>,
    /// A value equal to one of these is a return.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub equals: Vec<String>,
    /// What becomes of them.
    #[serde(default)]
    pub treat: Treat,
}

/// What becomes of returned lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Treat {
    /// They reduce the money of their customer, and never count as orders.
    #[default]
    Net,
    /// They are left out.
    Drop,
    /// They count like any line.
    Keep,
}

/// One row per customer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CustomersSpec {
    /// Where they are.
    pub path: Paths,
    /// Field delimiter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<String>,
    /// Encoding, by its WHATWG label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    /// Lines above the header that are no data.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub skip: u32,
    /// Whether the first line names the columns.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub header: bool,
    /// Names of the columns, in the order of the file: instead of the header, or because there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// What the customer ids of this table start with and others do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strip_prefix: Option<String>,
    /// Length to which customer ids of digits are filled with zeros on the left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pad: Option<u32>,
    /// What is evened out in customer ids: `trim`, `upper`, `lower`, with commas between.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normalize: Option<String>,
    /// Who. Without it the row number is the id, and the order of rows matters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<String>,
    /// Which row counts where a customer has several: `last by COLUMN`, the one with the highest value there (text is
    /// compared as text, so dates need the year first).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duplicates: Option<String>,
    /// What is known of them: column name = kind.
    #[serde(default)]
    pub attributes: BTreeMap<String, Attribute>,
    /// How numbers are written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<NumberFormat>,
}

/// What an attribute is: a kind such as `"number"` or `"nominal"`, its levels from lowest to highest, or both with more:
/// `{ kind = "number", family = "rfm", unit = "money" }`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Attribute {
    /// A kind by name.
    Kind(AttributeKind),
    /// Levels with an order, lowest first.
    Levels(Vec<String>),
    /// A kind and where it belongs.
    Full(AttributeSpec),
}

/// An attribute described in full.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AttributeSpec {
    /// What its values are; `levels` wins.
    #[serde(default)]
    pub kind: AttributeKind,
    /// Levels with an order, lowest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub levels: Vec<String>,
    /// The family it belongs to, where its name does not tell: `rfm`, `engagement`, `geographic`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
    /// What it is measured in: `money`, `days`, `count`, `share`, `years`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
}

/// Kinds of attributes that need no list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttributeKind {
    /// A quantity.
    #[default]
    Number,
    /// Names without an order.
    Nominal,
    /// Yes or no, in any spelling with two values.
    Binary,
    /// A year of birth: becomes an age.
    BirthYear,
    /// A day: becomes the days from it to `as_of`.
    Date,
}

impl Attribute {
    /// Its kind; ordered levels are nominal to the reader.
    pub fn kind(&self) -> AttributeKind {
        match self {
            Attribute::Kind(kind) => *kind,
            Attribute::Levels(_) => AttributeKind::Nominal,
            Attribute::Full(spec) if !spec.levels.is_empty() => AttributeKind::Nominal,
            Attribute::Full(spec) => spec.kind,
        }
    }

    /// Its levels in order, if they have one.
    pub fn levels(&self) -> Option<&[String]> {
        match self {
            Attribute::Levels(levels) => Some(levels),
            Attribute::Full(spec) if !spec.levels.is_empty() => Some(&spec.levels),
            _ => None,
        }
    }
}

/// Events, one row each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventsSpec {
    /// Name of the table in messages and the ledger.
    pub name: String,
    /// Where they are.
    pub path: Paths,
    /// Field delimiter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<String>,
    /// Encoding, by its WHATWG label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    /// Lines above the header that are no data.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub skip: u32,
    /// Whether the first line names the columns.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub header: bool,
    /// Names of the columns, in the order of the file: instead of the header, or because there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// What the customer ids of this table start with and others do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strip_prefix: Option<String>,
    /// Length to which customer ids of digits are filled with zeros on the left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pad: Option<u32>,
    /// What is evened out in customer ids: `trim`, `upper`, `lower`, with commas between.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normalize: Option<String>,
    /// Who.
    pub customer_id: String,
    /// When; may be a column of the joined table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<DateSpec>,
    /// What: one kind for the whole table, or the column that names it.
    pub kind: KindSpec,
    /// Where: web, e-mail, phone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// Rows that no person made, such as opens by mail scanners: they are left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<Flag>,
    /// A second table that holds the date or the kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub join: Option<Join>,
}

/// The kind of an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum KindSpec {
    /// Every row is of this kind.
    Constant(String),
    /// The column that names it.
    Column {
        /// Column name.
        column: String,
    },
}

/// A look-up table: one row per key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Join {
    /// Where it is.
    pub path: Paths,
    /// The key, called the same in both tables.
    pub on: String,
}

/// Survey answers, one row each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SurveySpec {
    /// Name of the table.
    pub name: String,
    /// Where they are.
    pub path: Paths,
    /// Field delimiter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<String>,
    /// Encoding, by its WHATWG label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    /// Lines above the header that are no data.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub skip: u32,
    /// Whether the first line names the columns.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub header: bool,
    /// Names of the columns, in the order of the file: instead of the header, or because there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// What the customer ids of this table start with and others do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strip_prefix: Option<String>,
    /// Length to which customer ids of digits are filled with zeros on the left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pad: Option<u32>,
    /// What is evened out in customer ids: `trim`, `upper`, `lower`, with commas between.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normalize: Option<String>,
    /// Who.
    pub customer_id: String,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<DateSpec>,
    /// The number answered, where the survey has one question. Answers describe segments and form them only if
    /// `[features.roles]` says so; the newest counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<String>,
    /// The questions by column: what their answers are. A row without an answer was asked and did not answer; a customer
    /// without a row was not asked.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub questions: BTreeMap<String, Question>,
}

/// What the answers to a question are: a kind by name, or the levels of a Likert item from lowest to highest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Question {
    /// A kind by name.
    Kind(QuestionKind),
    /// Levels with an order, lowest first (a Likert item).
    Levels(Vec<String>),
    /// Any number of options in one cell.
    Options {
        /// What stands between them.
        separated_by: String,
    },
}

/// Kinds of questions that need no list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum QuestionKind {
    /// "Would you recommend us?", from 0 to 10.
    Nps,
    /// A number.
    Number,
    /// One of several options.
    Choice,
}

/// The part of a table's description that says how its file is opened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Opening<'a> {
    /// Name in messages: `orders`.
    pub(crate) table: &'a str,
    /// Where to paste a fix: `[input.orders]`.
    pub(crate) section: &'a str,
    /// The paths.
    pub(crate) path: &'a Paths,
    /// Field delimiter.
    pub(crate) delimiter: Option<&'a str>,
    /// Encoding.
    pub(crate) encoding: Option<&'a str>,
    /// Lines above the header.
    pub(crate) skip: u32,
    /// Whether there is a header.
    pub(crate) header: bool,
    /// Names of the columns; empty is those of the header.
    pub(crate) names: &'a [String],
}

/// How the customer ids of one table are evened out, so that tables can be joined.
#[derive(Debug, Clone, Copy)]
pub(crate) struct IdRules<'a> {
    /// Removed from the start.
    pub(crate) strip_prefix: Option<&'a str>,
    /// Length to which digits are filled with zeros.
    pub(crate) pad: Option<u32>,
    /// `trim`, `upper`, `lower`.
    pub(crate) normalize: Option<&'a str>,
}

fn is_zero(n: &u32) -> bool {
    *n == 0
}

fn yes() -> bool {
    true
}

fn is_true(value: &bool) -> bool {
    *value
}

impl OrdersSpec {
    /// How its customer ids are evened out.
    pub(crate) fn id_rules(&self) -> IdRules<'_> {
        IdRules { strip_prefix: self.strip_prefix.as_deref(), pad: self.pad, normalize: self.normalize.as_deref() }
    }

    pub(crate) fn opening(&self) -> Opening<'_> {
        Opening {
            table: "orders",
            section: "[input.orders]",
            path: &self.path,
            delimiter: self.delimiter.as_deref(),
            encoding: self.encoding.as_deref(),
            skip: self.skip,
            header: self.header,
            names: &self.names,
        }
    }

    /// Whether a line has money.
    pub fn has_money(&self) -> bool {
        self.amount.is_some() || self.unit_price.is_some()
    }

    /// What becomes of returned lines.
    pub fn treat(&self) -> Treat {
        self.returns.as_ref().map_or(Treat::Net, |r| r.treat)
    }

    pub(crate) fn join_opening(&self) -> Option<Opening<'_>> {
        self.join.as_ref().map(|join| Opening {
            table: "orders",
            section: "[input.orders]",
            path: &join.path,
            delimiter: None,
            encoding: None,
            skip: 0,
            header: true,
            names: &[],
        })
    }

    /// The columns it needs, with the key that names each; those of the joined table are [`OrdersSpec::joined_columns`].
    pub fn columns(&self) -> Vec<(&'static str, &str)> {
        let mut columns = vec![("customer_id", self.customer_id.as_str())];
        columns.extend(self.order_id.as_deref().map(|c| ("order_id", c)));
        columns.extend(self.date.as_ref().map(|d| ("date", d.column())));
        columns.extend(self.amount.as_deref().map(|c| ("amount", c)));
        columns.extend(self.quantity.as_deref().map(|c| ("quantity", c)));
        columns.extend(self.unit_price.as_deref().map(|c| ("unit_price", c)));
        columns.extend(self.product.as_deref().map(|c| ("product", c)));
        match &self.join {
            Some(join) => columns.push(("join.on", join.on.as_str())),
            None => columns.extend(self.category.as_deref().map(|c| ("category", c))),
        }
        columns.extend(self.channel.as_deref().map(|c| ("channel", c)));
        columns.extend(self.discount.iter().flat_map(ColumnNames::list).map(|c| ("discount", c)));
        columns.extend(self.gift.as_ref().map(|f| ("gift.column", f.column.as_str())));
        columns.extend(self.returns.as_ref().and_then(|r| r.column.as_deref()).map(|c| ("returns.column", c)));
        columns.extend(self.attributes.keys().map(|c| ("attributes", c.as_str())));
        columns
    }

    /// The columns it needs of the joined table, with the key that names each; none without a join.
    pub fn joined_columns(&self) -> Vec<(&'static str, &str)> {
        let Some(join) = &self.join else { return Vec::new() };
        let mut columns = vec![("join.on", join.on.as_str())];
        columns.extend(self.category.as_deref().map(|c| ("category", c)));
        columns
    }
}

impl CustomersSpec {
    /// How its customer ids are evened out.
    pub(crate) fn id_rules(&self) -> IdRules<'_> {
        IdRules { strip_prefix: self.strip_prefix.as_deref(), pad: self.pad, normalize: self.normalize.as_deref() }
    }

    pub(crate) fn opening(&self) -> Opening<'_> {
        Opening {
            table: "customers",
            section: "[input.customers]",
            path: &self.path,
            delimiter: self.delimiter.as_deref(),
            encoding: self.encoding.as_deref(),
            skip: self.skip,
            header: self.header,
            names: &self.names,
        }
    }

    /// The column whose highest value names the row that counts.
    pub(crate) fn last_by(&self) -> Option<&str> {
        self.duplicates.as_deref().and_then(|rule| rule.trim().strip_prefix("last by ")).map(str::trim)
    }

    /// The columns it needs, with the key that names each.
    pub fn columns(&self) -> Vec<(&'static str, &str)> {
        let mut columns: Vec<_> = self.customer_id.as_deref().map(|c| ("customer_id", c)).into_iter().collect();
        columns.extend(self.last_by().map(|c| ("duplicates", c)));
        columns.extend(self.attributes.keys().map(|c| ("attributes", c.as_str())));
        columns
    }
}

impl EventsSpec {
    /// How its customer ids are evened out.
    pub(crate) fn id_rules(&self) -> IdRules<'_> {
        IdRules { strip_prefix: self.strip_prefix.as_deref(), pad: self.pad, normalize: self.normalize.as_deref() }
    }

    pub(crate) fn opening(&self) -> Opening<'_> {
        Opening {
            table: &self.name,
            section: "[[input.events]]",
            path: &self.path,
            delimiter: self.delimiter.as_deref(),
            encoding: self.encoding.as_deref(),
            skip: self.skip,
            header: self.header,
            names: &self.names,
        }
    }

    pub(crate) fn join_opening(&self) -> Option<Opening<'_>> {
        self.join.as_ref().map(|join| Opening {
            table: &self.name,
            section: "[[input.events]]",
            path: &join.path,
            delimiter: None,
            encoding: None,
            skip: 0,
            header: true,
            names: &[],
        })
    }

    /// The columns it needs, with the key that names each. With a join, date and kind may be in either table.
    pub fn columns(&self) -> Vec<(&'static str, &str)> {
        let mut columns = vec![("customer_id", self.customer_id.as_str())];
        columns.extend(self.date.as_ref().map(|d| ("date", d.column())));
        if let KindSpec::Column { column } = &self.kind {
            columns.push(("kind", column));
        }
        columns.extend(self.channel.as_deref().map(|c| ("channel", c)));
        columns.extend(self.machine.as_ref().map(|f| ("machine.column", f.column.as_str())));
        columns
    }
}

impl SurveySpec {
    /// How its customer ids are evened out.
    pub(crate) fn id_rules(&self) -> IdRules<'_> {
        IdRules { strip_prefix: self.strip_prefix.as_deref(), pad: self.pad, normalize: self.normalize.as_deref() }
    }

    pub(crate) fn opening(&self) -> Opening<'_> {
        Opening {
            table: &self.name,
            section: "[[input.surveys]]",
            path: &self.path,
            delimiter: self.delimiter.as_deref(),
            encoding: self.encoding.as_deref(),
            skip: self.skip,
            header: self.header,
            names: &self.names,
        }
    }

    /// The columns it needs, with the key that names each.
    pub fn columns(&self) -> Vec<(&'static str, &str)> {
        let mut columns = vec![("customer_id", self.customer_id.as_str())];
        columns.extend(self.score.as_deref().map(|c| ("score", c)));
        columns.extend(self.questions.keys().map(|c| ("questions", c.as_str())));
        columns.extend(self.date.as_ref().map(|d| ("date", d.column())));
        columns
    }

    /// The questions by column, `score` included: a score of a survey called after NPS is one.
    pub fn asked(&self) -> Vec<(&str, Question)> {
        let mut asked: Vec<(&str, Question)> = Vec::new();
        if let Some(score) = &self.score {
            let nps = [score, &self.name].iter().any(|t| t.to_lowercase().contains("nps"));
            asked.push((score, Question::Kind(if nps { QuestionKind::Nps } else { QuestionKind::Number })));
        }
        asked.extend(self.questions.iter().map(|(c, q)| (c.as_str(), q.clone())));
        asked
    }
}
