//! Whether the tables speak of the same customers, and who never bought.

use super::Reading;
use crate::data::read::percent;
use crate::error::{Error, Result, Warning};

impl Reading<'_> {
    /// How many known customers never ordered, and how many ordered and have no sale in the window; 0 without orders.
    pub(super) fn match_keys(&mut self) -> Result<(u64, u64)> {
        let Some((_, ordered)) = self.known.iter().find(|(table, _)| table == "orders") else { return Ok((0, 0)) };
        self.database.keep("customers_ordered", ordered)?;
        let mut others = Vec::new();
        for (table, ids) in self.known.iter().filter(|(table, _)| table != "orders") {
            let answer = self.database.query(&format!(
                "SELECT CAST(count(*) AS BIGINT), CAST(count(ordered.customer) AS BIGINT), min(ids.customer), (SELECT min(customer) FROM \
                 customers_ordered) FROM ({ids}) AS ids LEFT JOIN customers_ordered AS ordered ON ordered.customer = ids.customer"
            ))?;
            let (all, hits) = (answer.one(0)?, answer.one(1)?);
            if all == 0 {
                continue;
            }
            let example =
                |at: usize| Ok::<String, Error>(answer.texts(at)?.first().cloned().flatten().unwrap_or_default());
            if hits == 0 {
                return Err(Error::new("E0206", format!("none of the {all} customers of {table} appear in orders"))
                    .note("seen", format!("ids look like `{}` in {table} and `{}` in orders", example(2)?, example(3)?))
                    .why("nothing in one table could be joined to the other")
                    .help("check customer_id of both tables; the ids must be written the same way"));
            }
            if hits * 2 < all {
                self.tables.warnings.push(
                    Warning::new(
                        "W0206",
                        format!(
                            "only {hits} of {all} customers of {table} appear in orders ({})",
                            percent(hits as f64 / all as f64)
                        ),
                    )
                    .why("the others get no features of it")
                    .help("if they should, compare how customer_id is written in both tables"),
                );
            }
            others.push(ids.clone());
        }
        let known: Vec<String> =
            std::iter::once("SELECT customer FROM customers_ordered".to_string()).chain(others).collect();
        self.database.keep(
            "customers_without_orders",
            &format!(
                "SELECT known.customer AS customer, ordered.customer IS NULL AS lead FROM ({}) AS known LEFT JOIN customers_ordered AS ordered ON \
                 ordered.customer = known.customer LEFT ANTI JOIN (SELECT DISTINCT customer FROM orders WHERE NOT returned) AS buyers ON \
                 buyers.customer = known.customer",
                known.join(" UNION ")
            ),
        )?;
        let answer = self.database.query(
            "SELECT CAST(count_if(lead) AS BIGINT), CAST(count_if(NOT lead) AS BIGINT) FROM customers_without_orders",
        )?;
        let (leads, lapsed) = (answer.one(0)? as u64, answer.one(1)? as u64);
        self.tables.warnings.extend(crate::data::read::without_orders(leads, lapsed));
        Ok((leads, lapsed))
    }
}
