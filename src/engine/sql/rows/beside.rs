//! The tables beside the orders: events, surveys, customers.

use super::Reading;
use super::cells::{Cell, Columns, is_placeholder, quote, quoted};
use crate::data::ledger::Bucket;
use crate::data::read::PLACEHOLDER;
use crate::data::schema::{
    AttributeKind, CustomersSpec, DateSpec, EventsSpec, KindSpec, Question, QuestionKind, SurveySpec,
};
use crate::engine::sql::{Dialect, People, View, double};
use crate::error::{Error, Result};
use crate::features::Table;

const EVENTS: &str = "events";
const SURVEYS: &str = "surveys";
const PEOPLE: &str = "people";

impl Reading<'_> {
    /// Whether a customer is one of some who are nobody.
    pub(super) fn excluded(&self) -> String {
        let ids: Vec<String> = self.tables.excluded.iter().map(|id| quote(id)).collect();
        if ids.is_empty() { "FALSE".into() } else { format!("coalesce(customer IN ({}), FALSE)", ids.join(", ")) }
    }

    /// Of rows with the columns `refused`, `placeholder`, `day`, `customer` and `machine`: the bucket of each.
    fn bucket_of_row(&self) -> String {
        let (first, last) = self.window();
        let mut cases = vec![(Bucket::Refused, "refused".to_string()), (Bucket::Placeholder, "placeholder".into())];
        cases.extend(last.map(|last| (Bucket::AfterAsOf, format!("day > {last}"))));
        cases.extend(first.map(|first| (Bucket::OutsideWindow, format!("day <= {first}"))));
        cases.push((Bucket::Excluded, self.excluded()));
        cases.push((Bucket::NoCustomer, "customer IS NULL".into()));
        cases.push((Bucket::Machine, "machine".into()));
        Self::bucket(&cases)
    }

    /// All event tables as one.
    pub(super) fn events(&mut self, specs: &[EventsSpec]) -> Result<()> {
        let mut parts = Vec::new();
        for (at, spec) in specs.iter().enumerate() {
            parts.push(self.event_table(at, spec)?);
        }
        if parts.is_empty() {
            return Ok(());
        }
        if self.tables.as_of.is_none() {
            let mut last: Option<i32> = None;
            for part in &parts {
                let answer = self
                    .database
                    .query(&format!("SELECT CAST(max(day) AS BIGINT) FROM {part} WHERE NOT placeholder"))?;
                let day = answer.one_number(0)?;
                last = last.max((!day.is_nan()).then_some(day as i32));
            }
            self.tables.as_of = last.map(crate::data::dates::Day);
        }
        let bucket = self.bucket_of_row();
        let mut all = Vec::new();
        for (part, spec) in parts.iter().zip(specs) {
            let sorted = format!("{part}_sorted");
            self.database.view(&sorted, &format!("SELECT *, {bucket} AS bucket FROM {part}"))?;
            let buckets = self.buckets(&sorted, None)?;
            self.tables.ledger.extend(buckets.rows_of(&spec.name, false));
            all.push(format!(
                "SELECT customer, CAST(day AS INT) AS day, kind, channel FROM {sorted} WHERE bucket = {}",
                Bucket::Used as usize
            ));
        }
        self.database.view(EVENTS, &all.join(" UNION ALL "))?;
        let answer = self
            .database
            .query("SELECT kind, CAST(count(channel) AS BIGINT) FROM events GROUP BY kind ORDER BY kind")?;
        self.tables.kinds = answer.texts(0)?.iter().flatten().cloned().collect();
        let mut columns: Vec<String> = Vec::new();
        // A column that no table has says nothing.
        columns.extend((!self.tables.kinds.is_empty()).then(|| "kind".to_string()));
        columns.extend(answer.whole(1)?.iter().any(|n| *n > 0).then(|| "channel".to_string()));
        self.views.push(View { table: Table::Events, name: EVENTS.into(), columns });
        self.known.push((EVENTS.into(), "SELECT DISTINCT customer FROM events".into()));
        Ok(())
    }

    /// One event table, kept; returns its name.
    fn event_table(&mut self, number: usize, spec: &EventsSpec) -> Result<String> {
        let raw = self.open(&format!("raw_events_{number}"), spec.opening())?;
        let joined =
            spec.join_opening().map(|opening| self.open(&format!("raw_joined_{number}"), opening)).transpose()?;
        let mut warnings = Vec::new();
        let (mut own, mut other): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
        for (key, column) in spec.columns() {
            match &joined {
                Some(joined) if !raw.kinds.iter().any(|(name, _)| name == column) => {
                    joined.require(&[(key, column)])?;
                    other.push(column);
                }
                _ => {
                    raw.require(&[(key, column)])?;
                    own.push(column);
                }
            }
        }
        if let (Some(join), Some(joined)) = (&spec.join, &joined) {
            raw.require(&[("join.on", &join.on)])?;
            joined.require(&[("join.on", &join.on)])?;
            own.push(&join.on);
            other.push(&join.on);
        }
        let columns = raw.columns(&own)?;
        let others = joined.as_ref().map(|joined| joined.columns(&other)).transpose()?;
        let mut select =
            vec![format!("{} AS customer", columns.customer(&spec.customer_id, spec.id_rules(), &mut warnings)?)];
        let mut found: Vec<String> = Vec::new();
        let mut put = |column: &str, value: String, name: &str| {
            let list = if columns.has(column) { &mut select } else { &mut found };
            list.push(format!("{value} AS {}", quoted(name)));
        };
        fn of<'a, 'b>(columns: &'a Columns<'b>, others: Option<&'a Columns<'b>>, column: &str) -> &'a Columns<'b> {
            match others {
                Some(others) if !columns.has(column) => others,
                _ => columns,
            }
        }
        let mut flags: Vec<(String, String, &str)> = Vec::new();
        if let Some(date) = &spec.date {
            let column = date.column();
            let its = of(&columns, others.as_ref(), column);
            let of_own = columns.has(column);
            let detect = |column: &str| match (&joined, spec.join_opening()) {
                (Some(joined), Some(opening)) if !of_own => self.date_format(joined, &opening, column),
                _ => self.date_format(&raw, &spec.opening(), column),
            };
            let day = its.day(date, &detect, &mut warnings)?;
            self.tables.stated.extend(day.stated.map(|said| format!("{}: {said}", spec.name)));
            put(column, day.day.value, "day");
            put(column, quoted(column), &format!("as written: {column}"));
            flags.push(("undated".into(), column.into(), "not a date in the format of the column"));
            flags.push(("placeholder".into(), column.into(), PLACEHOLDER));
        }
        if let Some(column) = &spec.channel {
            put(column, of(&columns, others.as_ref(), column).level(column), "channel");
        }
        if let Some(flag) = &spec.machine {
            put(&flag.column, of(&columns, others.as_ref(), &flag.column).flag(flag), "machine");
        }
        if let KindSpec::Column { column } = &spec.kind {
            put(column, of(&columns, others.as_ref(), column).level(column), "kind");
        }
        let ragged = raw.ragged.map_or("FALSE".into(), |column| format!("{} IS NOT NULL", quoted(column)));
        select.push(format!("{ragged} AS ragged"));
        let mut query;
        if let (Some(join), Some(joined), Some(others)) = (&spec.join, &joined, &others) {
            select.push(format!("{} AS join_key", columns.level(&join.on)));
            let names: Vec<String> = found.iter().filter_map(|f| f.rsplit(" AS ").next().map(String::from)).collect();
            let least: Vec<String> = names.iter().map(|name| format!("min({name}) AS {name}")).collect();
            query = format!(
                "SELECT * FROM (SELECT {} FROM {}) AS own LEFT JOIN (SELECT join_key{} FROM (SELECT {}{} AS join_key FROM {}) AS other GROUP BY \
                 join_key) AS found USING (join_key)",
                select.join(", "),
                raw.view,
                least.iter().map(|least| format!(", {least}")).collect::<String>(),
                found.iter().map(|found| format!("{found}, ")).collect::<String>(),
                others.level(&join.on),
                joined.view
            );
        } else {
            query = format!("SELECT {} FROM {}", select.join(", "), raw.view);
        }
        let mut more: Vec<String> = Vec::new();
        if spec.date.is_none() {
            more.push("CAST(NULL AS INT) AS day".into());
        }
        if let KindSpec::Constant(kind) = &spec.kind {
            more.push(format!("{} AS kind", quote(kind)));
        }
        if spec.channel.is_none() {
            more.push("CAST(NULL AS STRING) AS channel".into());
        }
        if spec.machine.is_none() {
            more.push("FALSE AS machine".into());
        }
        query =
            format!("SELECT *{} FROM ({query}) AS cells", more.iter().map(|m| format!(", {m}")).collect::<String>());
        let undated = if spec.date.is_some() { "day IS NULL" } else { "FALSE" };
        let placeholder = if spec.date.is_some() { is_placeholder("day") } else { "FALSE".into() };
        query = format!(
            "SELECT *, ({undated}) AS undated, {placeholder} AS placeholder, (ragged OR {undated}) AS refused FROM ({query}) AS told"
        );
        self.tables.warnings.append(&mut warnings);
        let (told, kept) = (format!("events_told_{number}"), format!("events_read_{number}"));
        self.database.view(&told, &query)?;
        self.database.keep(
            &kept,
            &format!("SELECT customer, CAST(day AS INT) AS day, kind, channel, coalesce(machine, FALSE) AS machine, undated, ragged, placeholder, refused FROM {told}"),
        )?;
        flags.push(("ragged".into(), String::new(), "another number of fields than the header"));
        self.refuse([&kept, &told], "[[input.events]]", &flags)?;
        Ok(kept)
    }

    /// All surveys as one table: one row per customer and question asked.
    pub(super) fn surveys(&mut self, specs: &[SurveySpec]) -> Result<()> {
        let mut all = Vec::new();
        for (number, spec) in specs.iter().enumerate() {
            let raw = self.open(&format!("raw_survey_{number}"), spec.opening())?;
            raw.require(&spec.columns())?;
            let wanted: Vec<&str> = spec.columns().into_iter().map(|(_, c)| c).collect();
            let columns = raw.columns(&wanted)?;
            let mut warnings = Vec::new();
            let asked = spec.asked();
            if asked.is_empty() {
                return Err(Error::new("E0204", format!("the survey `{}` has no question", spec.name))
                    .help("score = \"nps\", or under [input.surveys.questions]: column = \"nps\", \"number\", \"choice\" or a list of levels"));
            }
            let mut select =
                vec![format!("{} AS customer", columns.customer(&spec.customer_id, spec.id_rules(), &mut warnings)?)];
            let mut flags: Vec<(String, String, &str)> = Vec::new();
            for (i, (column, question)) in asked.iter().enumerate() {
                if let Question::Kind(kind @ (QuestionKind::Nps | QuestionKind::Number)) = question {
                    let Cell { value, bad } = columns.number(column, None, &mut warnings)?;
                    let off = match kind {
                        QuestionKind::Nps => {
                            format!(" OR coalesce({value} < {} OR {value} > {}, FALSE)", double(0.0), double(10.0))
                        }
                        _ => String::new(),
                    };
                    select.push(format!("{value} AS answer_{i}, ({bad}{off}) AS flag_{i}"));
                    select.push(format!("{} AS {}", quoted(column), quoted(&format!("as written: {column}"))));
                    flags.push((format!("flag_{i}"), (*column).to_string(), "not a number of the scale"));
                } else {
                    select.push(format!("{} AS answer_{i}", columns.level(column)));
                }
            }
            match &spec.date {
                Some(date) => {
                    let detect = |column: &str| self.date_format(&raw, &spec.opening(), column);
                    let day = columns.day(date, &detect, &mut warnings)?;
                    self.tables.stated.extend(day.stated.map(|said| format!("{}: {said}", spec.name)));
                    let Cell { value, bad } = day.day;
                    // An answer without a date is an answer; what stands there and is no date is not.
                    select.push(format!(
                        "{value} AS day, coalesce({bad}, TRUE) AS undated, {} AS placeholder",
                        is_placeholder(&value)
                    ));
                    select.push(format!(
                        "{0} AS {1}",
                        quoted(date.column()),
                        quoted(&format!("as written: {}", date.column()))
                    ));
                    flags.push(("undated".into(), date.column().into(), "not a date in the format of the column"));
                    flags.push(("placeholder".into(), date.column().into(), PLACEHOLDER));
                }
                None => select.push("CAST(NULL AS INT) AS day, FALSE AS placeholder".into()),
            }
            let ragged = raw.ragged.map_or("FALSE".into(), |column| format!("{} IS NOT NULL", quoted(column)));
            select.push(format!("{ragged} AS ragged"));
            flags.push(("ragged".into(), String::new(), "another number of fields than the header"));
            self.tables.warnings.append(&mut warnings);
            let refused: Vec<&str> =
                flags.iter().filter(|(.., reason)| *reason != PLACEHOLDER).map(|(flag, ..)| flag.as_str()).collect();
            let (told, kept) = (format!("survey_told_{number}"), format!("survey_read_{number}"));
            self.database.view(
                &told,
                &format!(
                    "SELECT *, FALSE AS machine, ({}) AS refused FROM (SELECT {} FROM {}) AS cells",
                    refused.join(" OR "),
                    select.join(", "),
                    raw.view
                ),
            )?;
            let mut answers: Vec<String> = (0..asked.len()).map(|i| format!("answer_{i}")).collect();
            answers.extend(flags.iter().map(|(flag, ..)| flag.clone()));
            let bucket = self.bucket_of_row();
            self.database.keep(
                &kept,
                &format!(
                    "SELECT customer, CAST(day AS INT) AS day, {}, {bucket} AS bucket FROM {told}",
                    answers.join(", ")
                ),
            )?;
            self.refuse([&kept, &told], "[[input.surveys]]", &flags)?;
            let buckets = self.buckets(&kept, None)?;
            self.tables.ledger.extend(buckets.rows_of(&spec.name, false));
            let text = Dialect::Spark.text_type();
            for (i, (column, question)) in asked.iter().enumerate() {
                let numeric = matches!(question, Question::Kind(QuestionKind::Nps | QuestionKind::Number));
                let (score, answer) = if numeric {
                    (format!("answer_{i}"), format!("CAST(NULL AS {text})"))
                } else {
                    ("CAST(NULL AS DOUBLE)".into(), format!("answer_{i}"))
                };
                all.push(format!(
                    "SELECT customer, day, {} AS survey, {} AS question, {score} AS score, {answer} AS answer FROM {kept} WHERE bucket = {}",
                    quote(&spec.name),
                    quote(column),
                    Bucket::Used as usize
                ));
            }
        }
        if all.is_empty() {
            return Ok(());
        }
        self.database.view(SURVEYS, &all.join(" UNION ALL "))?;
        let columns = ["survey", "question", "score", "answer"].map(String::from).to_vec();
        self.views.push(View { table: Table::Surveys, name: SURVEYS.into(), columns });
        self.known.push((SURVEYS.into(), "SELECT DISTINCT customer FROM surveys".into()));
        Ok(())
    }

    /// The one-row-per-customer table, joined to what the order lines told.
    pub(super) fn customers(&mut self, spec: &CustomersSpec) -> Result<()> {
        let raw = self.open("raw_customers", spec.opening())?;
        raw.require(&spec.columns())?;
        let wanted: Vec<&str> = spec.columns().into_iter().map(|(_, c)| c).collect();
        let columns = raw.columns(&wanted)?;
        let Some(id) = &spec.customer_id else {
            return Err(Error::new("E0222", "the customers have no id, and rows of a Spark have no order")
                .why("the row number would be another one each time")
                .help("under [input.customers]: customer_id = \"…\""));
        };
        let mut warnings = Vec::new();
        let mut select = vec![format!("{} AS customer", columns.customer(id, spec.id_rules(), &mut warnings)?)];
        let mut flags: Vec<(String, String, &str)> = Vec::new();
        let mut attributes = Vec::new();
        for (i, (column, attribute)) in spec.attributes.iter().enumerate() {
            let (cell, number, reason) = match attribute.kind() {
                AttributeKind::Number | AttributeKind::BirthYear => {
                    (columns.number(column, spec.number.as_ref(), &mut warnings)?, true, "not a number")
                }
                AttributeKind::Date => {
                    let detect = |column: &str| self.date_format(&raw, &spec.opening(), column);
                    let day = columns.day(&DateSpec::Column(column.clone()), &detect, &mut warnings)?;
                    self.tables.stated.extend(day.stated.map(|said| format!("customers: {said}")));
                    // A placeholder says that no day is known.
                    let Cell { value, bad } = day.day;
                    let value =
                        format!("CAST(CASE WHEN {} THEN NULL ELSE {value} END AS DOUBLE)", is_placeholder(&value));
                    (Cell { value, bad }, true, "not a date in the format of the column")
                }
                AttributeKind::Nominal | AttributeKind::Binary => {
                    (Cell { value: columns.level(column), bad: "FALSE".into() }, false, "")
                }
            };
            select.push(format!("{} AS a{i}, coalesce({}, FALSE) AS bad{i}", cell.value, cell.bad));
            select.push(format!("{} AS {}", quoted(column), quoted(&format!("as written: {column}"))));
            flags.push((format!("bad{i}"), column.clone(), reason));
            attributes.push((column.clone(), number));
        }
        let newest = match (&spec.duplicates, spec.last_by().filter(|column| !column.is_empty())) {
            (None, _) => None,
            (Some(rule), None) => {
                return Err(Error::new("E0204", format!("`duplicates = \"{rule}\"`: expected `last by` and a column"))
                    .help("duplicates = \"last by updated_at\""));
            }
            (Some(_), Some(column)) => {
                // What holds no dates, a version number for instance, is compared as it stands.
                let detect = |column: &str| self.date_format(&raw, &spec.opening(), column);
                let day = columns.day(&DateSpec::Column(column.into()), &detect, &mut Vec::new());
                let day = day.map_or("CAST(NULL AS INT)".into(), |day| day.day.value);
                select.push(format!("{day} AS newest_day, CAST({} AS STRING) AS newest_text", quoted(column)));
                Some("newest_day DESC NULLS LAST, newest_text DESC NULLS LAST")
            }
        };
        let ragged = raw.ragged.map_or("FALSE".into(), |column| format!("{} IS NOT NULL", quoted(column)));
        select.push(format!("{ragged} AS ragged"));
        flags.push(("ragged".into(), String::new(), "another number of fields than the header"));
        let bad: Vec<&str> = flags.iter().map(|(flag, ..)| flag.as_str()).collect();
        self.tables.warnings.append(&mut warnings);
        self.database.view(
            "customers_told",
            &format!(
                "SELECT *, ({}) AS refused FROM (SELECT {} FROM {}) AS cells",
                bad.join(" OR "),
                select.join(", "),
                raw.view
            ),
        )?;
        let cases = [
            (Bucket::Refused, "refused".to_string()),
            (Bucket::NoCustomer, "customer IS NULL".into()),
            (Bucket::Excluded, self.excluded()),
        ];
        let places: Vec<String> = (0..attributes.len()).map(|at| format!("a{at}")).collect();
        let values: String = places.iter().map(|a| format!(", {a}")).collect();
        // Rows that say the same of a customer are one; with a rule the newest counts.
        let order = newest.unwrap_or("customer");
        let all: String = places.iter().map(|a| format!(", {a} NULLS FIRST")).collect();
        self.database.keep(
            "customers_read",
            &format!(
                "SELECT customer{values}, {}, bucket, place FROM (SELECT *, row_number() OVER (PARTITION BY customer, bucket ORDER BY {order}{all}) AS \
                 place FROM (SELECT *, {} AS bucket FROM customers_told) AS sorted) AS placed",
                bad.join(", "),
                Self::bucket(&cases)
            ),
        )?;
        self.refuse(["customers_read", "customers_told"], "[input.customers]", &flags)?;
        let used = Bucket::Used as usize;
        if newest.is_none() {
            let differing = self.database.query(&format!(
                "SELECT CAST(count(*) AS BIGINT) FROM (SELECT customer FROM (SELECT DISTINCT customer{values} FROM customers_read WHERE bucket = {used}) \
                 AS said GROUP BY customer HAVING count(*) > 1) AS differing"
            ))?;
            let n = differing.one(0)?;
            if n > 0 {
                return Err(Error::new(
                    "E0323",
                    match n {
                        1 => "1 customer stands in the customers table twice with different values".to_string(),
                        n => format!("{n} customers stand in the customers table twice with different values"),
                    },
                )
                .why("it cannot be told which of the values is true")
                .help("export one row per customer, or say which counts under [input.customers]: duplicates = \"last by COLUMN\""));
            }
        }
        let duplicate = if newest.is_some() {
            format!("CASE WHEN bucket = {used} AND place > 1 THEN {} ELSE bucket END", Bucket::Duplicate as usize)
        } else {
            "bucket".into()
        };
        self.database.view(
            "customers_sorted",
            &format!("SELECT customer{values}, place, {duplicate} AS bucket FROM customers_read"),
        )?;
        let buckets = self.buckets("customers_sorted", None)?;
        self.tables.ledger.extend(buckets.rows_of("customers", false));
        self.database.view(
            "customers_known",
            &format!("SELECT customer{values} FROM customers_sorted WHERE bucket = {used} AND place = 1"),
        )?;
        self.known.push(("customers".into(), "SELECT customer FROM customers_known".into()));
        self.beside(attributes)
    }

    /// What the customers table says wins over what order lines tell.
    fn beside(&mut self, mut attributes: Vec<(String, bool)>) -> Result<()> {
        let own: Vec<String> = (0..attributes.len()).map(|at| format!("known.a{at}")).collect();
        let Some(told) = self.people.take() else {
            let columns: Vec<String> = (0..attributes.len()).map(|at| format!(", a{at}")).collect();
            self.database.view(PEOPLE, &format!("SELECT customer{} FROM customers_known", columns.concat()))?;
            self.people = Some(People { name: PEOPLE.into(), attributes });
            return Ok(());
        };
        let mut columns: Vec<String> = own.iter().enumerate().map(|(at, own)| format!(", {own} AS a{at}")).collect();
        for (at, attribute) in told.attributes.iter().enumerate() {
            if !attributes.iter().any(|(name, _)| *name == attribute.0) {
                columns.push(format!(", told.a{at} AS a{}", attributes.len()));
                attributes.push(attribute.clone());
            }
        }
        self.database.view(
            PEOPLE,
            &format!(
                "SELECT coalesce(known.customer, told.customer) AS customer{} FROM customers_known AS known FULL OUTER JOIN {} AS told ON \
                 known.customer = told.customer",
                columns.concat(),
                told.name
            ),
        )?;
        self.people = Some(People { name: PEOPLE.into(), attributes });
        Ok(())
    }
}
