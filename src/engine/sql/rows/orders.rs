//! Order lines: the same columns, the same buckets, the same facts as the embedded reader makes of them.

use super::Reading;
use super::cells::{Cell, is_placeholder, quote, quoted, rounded};
use crate::data::dates::Day;
use crate::data::doubts;
use crate::data::ledger::Bucket;
use crate::data::orders::{MoneyFacts, guests, money_of, money_warnings, newest_of, no_order_id};
use crate::data::read::{MONEY_SCALE, PLACEHOLDER, Sales, UNIT_SCALE};
use crate::data::schema::{AttributeKind, ColumnNames, OrdersSpec, Treat};
use crate::engine::sql::{People, View, double};
use crate::error::{Error, Result};
use crate::features::Table;
use std::collections::BTreeMap;

/// The canonical table.
const ORDERS: &str = "orders";

impl Reading<'_> {
    pub(super) fn orders(&mut self, spec: &OrdersSpec) -> Result<()> {
        let raw = self.open("raw_orders", spec.opening())?;
        raw.require(&spec.columns())?;
        let wanted: Vec<&str> = spec.columns().into_iter().map(|(_, c)| c).collect();
        let columns = raw.columns(&wanted)?;
        let mut warnings = Vec::new();
        let mut select: Vec<(String, String)> = Vec::new();
        let mut flags: Vec<(String, String, &'static str)> = Vec::new();
        let mut put = |name: &str, value: String| select.push((name.to_string(), value));
        put("customer", columns.customer(&spec.customer_id, spec.id_rules(), &mut warnings)?);
        match &spec.order_id {
            // A line without an order id is an order of its own.
            Some(column) => put(
                "ord",
                format!(
                    "coalesce({}, concat('line ', CAST(monotonically_increasing_id() AS STRING)))",
                    columns.id(column, &mut warnings)?
                ),
            ),
            None => warnings.push(no_order_id()),
        }
        let mut bad: Vec<(String, String, &'static str)> = Vec::new();
        let mut placeholder = "FALSE".to_string();
        let mut dated = false;
        if let Some(date) = &spec.date {
            let detect = |column: &str| self.date_format(&raw, &spec.opening(), column);
            let found = columns.day(date, &detect, &mut warnings)?;
            self.tables.stated.extend(found.stated.map(|said| format!("orders: {said}")));
            dated = true;
            let Cell { value, bad: wrong } = found.day;
            bad.push((
                date.column().into(),
                format!("({wrong} OR {value} IS NULL)"),
                "not a date in the format of the column",
            ));
            placeholder = is_placeholder(&value);
            put("day", value);
            if let Some(hour) = found.hour {
                put("hour", hour);
            }
        } else {
            put("day", "CAST(NULL AS INT)".into());
        }
        let mut read = |name: &Option<String>| -> Result<Option<Cell>> {
            let Some(name) = name else { return Ok(None) };
            let Cell { value, bad } = columns.number(name, spec.number.as_ref(), &mut warnings)?;
            Ok(Some(Cell { bad: format!("({bad} OR {value} IS NULL)"), value }))
        };
        let amount = read(&spec.amount)?;
        let quantity = read(&spec.quantity)?;
        let unit_price = if amount.is_none() { read(&spec.unit_price)? } else { None };
        let mut discounts = Vec::new();
        for column in spec.discount.iter().flat_map(ColumnNames::list) {
            if let Some(Cell { value, .. }) = read(&Some(column.to_string()))? {
                discounts.push(format!("coalesce(abs({}), 0)", minor(&value)));
            }
        }
        let needed = if amount.is_none() { quantity.as_ref() } else { None };
        for (name, cell) in
            [(&spec.amount, amount.as_ref()), (&spec.quantity, needed), (&spec.unit_price, unit_price.as_ref())]
        {
            if let (Some(name), Some(cell)) = (name, cell) {
                bad.push((name.clone(), cell.bad.clone(), "not a number"));
            }
        }
        let of = |cell: &Option<Cell>| cell.as_ref().map(|cell| cell.value.clone());
        let times = |quantity: String, price: String| format!("({quantity} * {price})");
        let money = money_of(of(&amount), of(&quantity), of(&unit_price), times, &mut warnings);
        put("money", money.as_deref().map_or("CAST(0 AS BIGINT)".into(), minor));
        let below = match of(&quantity) {
            Some(quantity) => {
                put("pieces", quantity);
                format!("coalesce(money < 0 OR pieces < {}, FALSE)", double(0.0))
            }
            None => "coalesce(money < 0, FALSE)".into(),
        };
        let returned = match (spec.treat(), spec.returns.as_ref()) {
            (Treat::Keep, _) => "FALSE".to_string(),
            (_, Some(rule)) if rule.column.is_some() && (rule.starts_with.is_some() || !rule.equals.is_empty()) => {
                let text = format!("CAST({} AS STRING)", quoted(rule.column.as_deref().unwrap_or_default()));
                let mut any: Vec<String> =
                    rule.starts_with.iter().map(|start| format!("startswith({text}, {})", quote(start))).collect();
                let equals: Vec<String> = rule.equals.iter().map(|value| quote(value)).collect();
                any.extend((!equals.is_empty()).then(|| format!("{text} IN ({})", equals.join(", "))));
                put("by_rule", format!("coalesce({}, FALSE)", any.join(" OR ")));
                "by_rule".into()
            }
            _ => "below_zero".into(),
        };
        if let Some(quantity) = of(&quantity) {
            put("units", format!("coalesce({}, 0)", rounded(&format!("({quantity} * {})", double(UNIT_SCALE)))));
        }
        if spec.discount.is_some() {
            put("discount", if discounts.is_empty() { "0".into() } else { discounts.join(" + ") });
        }
        if let Some(flag) = &spec.gift {
            put("gift", columns.flag(flag));
        }
        if let Some(product) = &spec.product {
            put("product", columns.id(product, &mut warnings)?);
        }
        if let Some(channel) = &spec.channel {
            put("channel", columns.level(channel));
        }
        match (&spec.category, &spec.join) {
            (Some(_), Some(join)) => put("join_key", columns.id(&join.on, &mut warnings)?),
            (Some(category), None) => put("category", columns.level(category)),
            (None, Some(_)) => {
                return Err(Error::new("E0204", "the orders have a join and no category to find by it")
                    .help("under [input.orders]: category = \"…\", a column of the joined table"));
            }
            (None, None) => {}
        }
        for (at, column) in spec.attributes.keys().enumerate() {
            put(&format!("attribute_{at}"), columns.level(column));
        }
        put("ragged", raw.ragged.map_or("FALSE".into(), |column| format!("{} IS NOT NULL", quoted(column))));
        bad.insert(0, (String::new(), "ragged".into(), "another number of fields than the header"));
        let mut later: Vec<(String, String)> = Vec::new();
        for (at, (column, when, reason)) in bad.into_iter().enumerate() {
            let flag = format!("bad{at}");
            if column.is_empty() {
                later.push((flag.clone(), when));
            } else {
                put(&flag, format!("coalesce({when}, TRUE)"));
                put(&format!("as written: {column}"), quoted(&column));
            }
            flags.push((flag, column, reason));
        }
        if let Some(date) = &spec.date {
            put("placeholder", placeholder);
            flags.push(("placeholder".into(), date.column().into(), PLACEHOLDER));
        } else {
            put("placeholder", "FALSE".into());
        }
        let excluded = self.excluded();
        // Aliases stand for what is computed of the cells of a row; the next step speaks of them.
        let mut seen: Vec<&str> = Vec::new();
        let listed: Vec<String> = (select.iter())
            .filter(|(name, _)| {
                let new = !seen.contains(&name.as_str());
                seen.push(name);
                new
            })
            .map(|(name, value)| format!("{value} AS {}", quoted(name)))
            .collect();
        let mut query = format!("SELECT {} FROM {}", listed.join(", "), raw.view);
        if let (Some(category), Some(join), Some(opening)) = (&spec.category, &spec.join, spec.join_opening()) {
            let other = self.open("raw_categories", opening)?;
            other.require(&spec.joined_columns())?;
            let named = other.columns(&[join.on.as_str(), category.as_str()])?;
            let key = named.id(&join.on, &mut warnings)?;
            let level = named.level(category);
            // Of several rows of a key any would do; the least is always the same.
            query = format!(
                "SELECT cells.*, category FROM ({query}) AS cells LEFT JOIN (SELECT {key} AS join_key, min({level}) AS category FROM {} GROUP BY 1) \
                 AS categories USING (join_key)",
                other.view
            );
        }
        query = format!("SELECT *, {below} AS below_zero FROM ({query}) AS cells");
        query = format!("SELECT *, {returned} AS returned, {excluded} AS excluded FROM ({query}) AS signs");
        let turned = "(returned AND money > 0)";
        let later: Vec<String> = later.iter().map(|(flag, when)| format!(", {when} AS {flag}")).collect();
        query = format!(
            "SELECT *, coalesce({turned}, FALSE) AS turned, coalesce(CASE WHEN {turned} THEN -money ELSE money END, 0) AS amount{} FROM ({query}) AS told",
            later.concat()
        );
        self.tables.warnings.append(&mut warnings);
        self.database.view("orders_told", &query)?;
        let refused: Vec<&str> =
            flags.iter().filter(|(.., reason)| *reason != PLACEHOLDER).map(|(flag, ..)| flag.as_str()).collect();
        let mut kept = vec!["customer", "day", "amount", "turned", "returned", "below_zero", "excluded", "placeholder"];
        let optional = ["ord", "hour", "units", "discount", "gift", "product", "channel", "category"];
        let has =
            |name: &str| name == "category" && spec.category.is_some() || select.iter().any(|(own, _)| own == name);
        kept.extend(optional.into_iter().filter(|name| has(name)));
        let attributes: Vec<String> = (0..spec.attributes.len()).map(|at| format!("attribute_{at}")).collect();
        kept.extend(attributes.iter().map(String::as_str));
        kept.extend(flags.iter().map(|(flag, ..)| flag.as_str()).filter(|flag| *flag != "placeholder"));
        self.database.keep(
            "orders_read",
            &format!("SELECT {}, ({}) AS refused FROM orders_told", kept.join(", "), refused.join(" OR ")),
        )?;
        self.refuse(["orders_read", "orders_told"], "[input.orders]", &flags)?;
        self.sorted_out(spec, dated, has)
    }

    /// The rows that count, and what is known of the others.
    fn sorted_out(&mut self, spec: &OrdersSpec, dated: bool, has: impl Fn(&str) -> bool) -> Result<()> {
        if self.tables.as_of.is_none() && dated {
            let answer = self.database.query(
                "SELECT CAST(day AS BIGINT), CAST(count(*) AS BIGINT) FROM orders_read WHERE NOT refused AND NOT placeholder AND NOT returned AND \
                 day IS NOT NULL GROUP BY day",
            )?;
            let days: BTreeMap<i32, u64> =
                (answer.whole(0)?.into_iter()).zip(answer.whole(1)?).map(|(day, n)| (day as i32, n as u64)).collect();
            self.tables.as_of = newest_of(&days, &mut self.tables.warnings);
        }
        let (first, last) = self.window();
        let treat = spec.treat();
        let mut cases = vec![(Bucket::Refused, "refused".to_string()), (Bucket::Placeholder, "placeholder".into())];
        cases.extend(last.map(|last| (Bucket::AfterAsOf, format!("day > {last}"))));
        cases.extend(first.map(|first| (Bucket::OutsideWindow, format!("day <= {first}"))));
        if treat == Treat::Drop {
            cases.push((Bucket::ReturnLeftOut, "returned".into()));
        }
        cases.push((Bucket::Excluded, "excluded".into()));
        cases.push((Bucket::Guest, "customer IS NULL".into()));
        cases.push((Bucket::ReturnCounted, "returned".into()));
        self.database
            .view("orders_sorted", &format!("SELECT *, {} AS bucket FROM orders_read", Self::bucket(&cases)))?;
        let written = "CASE WHEN turned THEN -amount ELSE amount END";
        let buckets = self.buckets("orders_sorted", Some(written))?;
        self.tables.ledger.extend(buckets.rows_of("orders", spec.has_money()));
        let number = |bucket: Bucket| bucket as usize;
        let counted = [Bucket::Used, Bucket::Guest, Bucket::ReturnCounted, Bucket::ReturnLeftOut];
        let counted: Vec<String> = counted.iter().map(|bucket| number(*bucket).to_string()).collect();
        let (used, guest) = (number(Bucket::Used), number(Bucket::Guest));
        let answer = self.database.query(&format!(
            "SELECT CAST(count_if(bucket = {used} AND amount = 0) AS BIGINT), CAST(count_if(bucket IN ({all}) AND below_zero) AS BIGINT), \
             CAST(count_if(bucket IN ({all}) AND below_zero AND returned) AS BIGINT), CAST(count_if(bucket IN ({all}) AND turned) AS BIGINT), \
             CAST(coalesce(sum(CASE WHEN bucket = {guest} THEN amount ELSE 0 END), 0) AS BIGINT) FROM orders_sorted",
            all = counted.join(", ")
        ))?;
        let fact = |at: usize| answer.one(at).map(|n| n as u64);
        let facts = MoneyFacts { zero: fact(0)?, negative: fact(1)?, returns: fact(2)?, turned: fact(3)? };
        let guest_money = answer.one(4)?;
        guests(&buckets, &mut self.tables)?;
        if spec.has_money() {
            money_warnings(facts, treat, &mut self.tables);
        }
        let mut columns = vec!["customer", "CAST(day AS INT) AS day"];
        let own = ["hour", "amount", "units", "discount", "ord", "returned", "gift", "product", "category", "channel"];
        let own: Vec<&str> =
            own.into_iter().filter(|name| matches!(*name, "amount" | "returned") || has(name)).collect();
        columns.extend(&own);
        self.database.view(
            ORDERS,
            &format!(
                "SELECT {} FROM orders_sorted WHERE bucket IN ({used}, {})",
                columns.join(", "),
                number(Bucket::ReturnCounted)
            ),
        )?;
        self.views.push(View {
            table: Table::Orders,
            name: ORDERS.into(),
            columns: own.into_iter().map(String::from).collect(),
        });
        // Whoever ordered before the window began is no lead.
        let before = [Bucket::OutsideWindow, Bucket::ReturnLeftOut].map(|bucket| number(bucket).to_string());
        self.known.push((
            ORDERS.into(),
            format!(
                "SELECT DISTINCT customer FROM orders_sorted WHERE bucket IN ({used}, {}) OR (bucket IN ({}) AND customer IS NOT NULL AND NOT excluded)",
                number(Bucket::ReturnCounted),
                before.join(", ")
            ),
        ));
        self.tables.sales = self.sales(spec, guest_money)?;
        self.doubts(spec)?;
        self.attributes(spec)
    }

    fn sales(&self, spec: &OrdersSpec, guest_money: i64) -> Result<Sales> {
        let orders = if spec.order_id.is_some() {
            "SELECT CAST(count(*) AS BIGINT) FROM (SELECT DISTINCT customer, ord FROM orders WHERE NOT returned) AS distinct_orders"
        } else {
            "SELECT CAST(count(*) AS BIGINT) FROM orders WHERE NOT returned"
        };
        let orders = self.database.query(orders)?.one(0)?;
        let answer = self.database.query(
            "SELECT CAST(coalesce(sum(amount), 0) AS BIGINT), CAST(min(CASE WHEN NOT returned THEN day END) AS BIGINT), \
             CAST(max(CASE WHEN NOT returned THEN day END) AS BIGINT), CAST(count_if(returned) AS BIGINT) FROM orders",
        )?;
        let (first, last) = (answer.one_number(1)?, answer.one_number(2)?);
        let revenue = answer.one(0)?;
        let units = |minor: i64| minor as f64 / MONEY_SCALE;
        Ok(Sales {
            orders: orders as u64,
            revenue: spec.has_money().then(|| units(revenue)),
            guest_revenue: spec.has_money().then(|| units(guest_money)),
            days: (!first.is_nan()).then_some((Day(first as i32), Day(last as i32))),
            has_returns: answer.one(3)? > 0,
        })
    }

    /// What is unlikely about the orders that count.
    fn doubts(&mut self, spec: &OrdersSpec) -> Result<()> {
        doubts::period(&mut self.tables);
        let answer = self.database.query(
            "SELECT most.customer, CAST(-most.less AS BIGINT), CAST(lines AS BIGINT), CAST(ids AS BIGINT) FROM (SELECT min(named_struct('less', -n, \
             'customer', customer)) AS most, sum(n) AS lines, count(*) AS ids FROM (SELECT customer, count(*) AS n FROM orders GROUP BY customer) AS \
             counted) AS told",
        )?;
        let lines = answer.one(2)? as usize;
        if let Some(Some(id)) = answer.texts(0)?.first() {
            self.tables.warnings.extend(doubts::nobody(id, answer.one(1)? as usize, lines, answer.one(3)? as usize));
        }
        if spec.has_money() {
            let answer = self.database.query(
                "SELECT CAST(max(amount) AS BIGINT), CAST(coalesce(sum(CASE WHEN amount > 0 THEN amount END), 0) AS BIGINT) FROM orders",
            )?;
            self.tables.warnings.extend(doubts::slip(answer.one(0)?, answer.one(1)?, lines));
        }
        Ok(())
    }

    /// What order lines tell of their customer: of several values the most frequent, then the first by bytes.
    fn attributes(&mut self, spec: &OrdersSpec) -> Result<()> {
        let mut joins = String::new();
        let mut columns = String::new();
        let mut attributes = Vec::new();
        let used = format!("bucket IN ({}, {})", Bucket::Used as usize, Bucket::ReturnCounted as usize);
        for (at, (column, attribute)) in spec.attributes.iter().enumerate() {
            if matches!(attribute.kind(), AttributeKind::Number | AttributeKind::BirthYear | AttributeKind::Date) {
                return Err(Error::new(
                    "E0204",
                    format!("`{column}` cannot be a number among the attributes of order lines"),
                )
                .why("a customer has one row per order line, so a number would need a rule to combine them")
                .help(format!("{column} = \"nominal\", or move it to [input.customers.attributes]")));
            }
            let name = format!("attribute_{at}");
            joins.push_str(&format!(
                " LEFT JOIN (SELECT customer, {name} FROM (SELECT customer, {name}, row_number() OVER (PARTITION BY customer ORDER BY count(*) DESC, \
                 {name}) AS place FROM orders_sorted WHERE {used} AND {name} IS NOT NULL GROUP BY customer, {name}) AS ranked WHERE place = 1) AS told_{at} \
                 ON told_{at}.customer = everyone.customer"
            ));
            columns.push_str(&format!(", told_{at}.{name} AS a{at}"));
            attributes.push((column.clone(), false));
        }
        if attributes.is_empty() {
            return Ok(());
        }
        self.database.keep(
            "people_of_orders",
            &format!(
                "SELECT everyone.customer{columns} FROM (SELECT DISTINCT customer FROM orders) AS everyone{joins}"
            ),
        )?;
        self.people = Some(People { name: "people_of_orders".into(), attributes });
        Ok(())
    }
}

/// Money as whole ten-thousandths.
fn minor(money: &str) -> String {
    rounded(&format!("({money} * {})", double(MONEY_SCALE)))
}
