//! The assignments of everyone, as a database writes them: the columns that an assignment table has.

use super::{ASSIGNED, Distributed, FEATURES};
use crate::data::read::Tables;
use crate::engine::sql::{double, text};
use crate::error::Result;
use crate::features::preparation::Preparation;
use crate::pipeline::{Elder, Model};
use crate::segment::model::BORDERLINE;
use crate::segment::rfm_grid::scores::{Axis, Closed};
use crate::segment::rfm_grid::{Method, RfmGrid, Score};
use crate::segment::{LEADS, LEADS_NAME, UNCLUSTERED};
use std::collections::BTreeMap;

impl Distributed<'_> {
    /// The assignment of everyone as a query, with the columns that an assignment table has: those without an order come too. Where the database
    /// wrote those of the `elder` and they are still there, it says who was where before.
    ///
    /// # Errors
    /// E0223 where the database cannot assign as the model does.
    pub fn assignments(&self, model: &Model, tables: &Tables, elder: Option<&Elder>) -> Result<String> {
        self.assign(&model.prototypes)?;
        let dialect = self.database.dialect();
        let quote = |value: &str| text(value, dialect);
        let kind = dialect.text_type();
        let case = |of: &str, values: &[&str], otherwise: &str| {
            let cases: String =
                values.iter().enumerate().map(|(at, value)| format!(" WHEN {at} THEN {}", quote(value))).collect();
            format!("CASE {of}{cases} ELSE {otherwise} END")
        };
        let id: Vec<&str> = model.segments.iter().map(|segment| segment.id.as_str()).collect();
        let name: Vec<&str> = model.segments.iter().map(|segment| segment.name.as_str()).collect();
        let far = format!("c IS NULL OR sqrt(d) > {}", double(model.far));
        let margin = format!(
            "c2 IS NOT NULL AND (CASE WHEN d2 > {zero} THEN (sqrt(d2) - sqrt(d)) / sqrt(d2) ELSE {zero} END) < {}",
            double(BORDERLINE),
            zero = double(0.0)
        );
        let unseen = self.unseen(&model.preparation);
        let mut columns = vec![
            ("customer_id", "assigned.customer".to_string(), "customer".to_string()),
            (
                "segment_id",
                case("c", &id, &quote(UNCLUSTERED)),
                format!("CASE WHEN lead THEN {} ELSE {} END", quote(LEADS), quote(UNCLUSTERED)),
            ),
            (
                "segment_name",
                case("c", &name, "'Unclustered'"),
                format!("CASE WHEN lead THEN {} ELSE 'No order in the window' END", quote(LEADS_NAME)),
            ),
            ("distance", "sqrt(d)".into(), "CAST(NULL AS DOUBLE)".into()),
            (
                "fit",
                format!("CASE WHEN {far} OR {unseen} THEN 'far' WHEN {margin} THEN 'borderline' ELSE 'clear' END"),
                format!("CAST(NULL AS {kind})"),
            ),
            ("second_segment_id", case("c2", &id, &format!("CAST(NULL AS {kind})")), format!("CAST(NULL AS {kind})")),
        ];
        if let Some(grid) = &model.rfm
            && let Some(made) = self.rfm(grid)
        {
            let number = || "CAST(NULL AS DOUBLE)".to_string();
            let [r, f, m] = made;
            let names = rfm_names(grid, &quote);
            columns.push(("rfm_r", r, number()));
            columns.push(("rfm_f", f, number()));
            columns.push(("rfm_m", m, number()));
            columns.push(("rfm_segment", names, format!("CAST(NULL AS {kind})")));
        }
        let as_of = tables.as_of.map_or(format!("CAST(NULL AS {kind})"), |day| quote(&day.iso()));
        let version = quote(&format!("{}/{}", model.name, model.version));
        columns.push(("as_of", as_of.clone(), as_of));
        columns.push(("model_version", version.clone(), version));
        let mut own: Vec<String> = Vec::new();
        let mut outer: Vec<String> = Vec::new();
        for (name, value, _) in &columns {
            // The segment of the grid speaks of its scores.
            if *name == "rfm_segment" {
                outer.push(format!("{value} AS rfm_segment"));
            } else {
                own.push(format!("{value} AS {name}"));
                outer.push((*name).to_string());
            }
        }
        let mut query = format!(
            "SELECT {} FROM (SELECT {} FROM {ASSIGNED} AS assigned JOIN {FEATURES} AS told ON told.customer = assigned.customer) AS rows",
            outer.join(", "),
            own.join(", ")
        );
        if self.leads + self.lapsed > 0 {
            let rest: Vec<String> = columns.iter().map(|(name, _, value)| format!("{value} AS {name}")).collect();
            query = format!("{query} UNION ALL SELECT {} FROM customers_without_orders", rest.join(", "));
        }
        Ok(match elder.and_then(|elder| elder.written.as_deref()) {
            Some(folder) => self.since(folder, &query, tables),
            None => query,
        })
    }

    /// Assignments beside those in a folder: the segment before the present one, and since when it is the present one.
    fn since(&self, folder: &str, query: &str, tables: &Tables) -> String {
        let earlier = format!("parquet.`{folder}`");
        let has = |column: &str| self.database.query(&format!("SELECT {column} FROM {earlier} LIMIT 0")).is_ok();
        if !has("segment_id") {
            return query.to_string();
        }
        let kind = self.database.dialect().text_type();
        let own = |column: &str| format!("earlier.{column}");
        let none = || format!("CAST(NULL AS {kind})");
        // The first assignments of a project have nothing before them.
        let (previous, since) = if has("previous_segment_id") {
            (own("previous_segment_id"), own("segment_changed_at"))
        } else {
            (none(), none())
        };
        let today = tables.as_of.map_or_else(none, |day| text(&day.iso(), self.database.dialect()));
        let same = "coalesce(earlier.segment_id = present.segment_id, FALSE)";
        format!(
            "SELECT present.*, CASE WHEN {same} THEN {previous} ELSE earlier.segment_id END AS previous_segment_id, CASE WHEN {same} THEN {since} ELSE \
             {today} END AS segment_changed_at FROM ({query}) AS present LEFT JOIN {earlier} AS earlier ON earlier.customer_id = present.customer_id"
        )
    }

    /// Whether a customer has a level that training never saw.
    fn unseen(&self, preparation: &Preparation) -> String {
        let dialect = self.database.dialect();
        let mut any: Vec<String> = Vec::new();
        for (name, levels) in preparation.levels() {
            let Some(j) = self.features.iter().position(|f| f.name == name) else { continue };
            let listed: Vec<String> = levels.iter().map(|level| text(level, dialect)).collect();
            any.push(format!("coalesce(x{j} NOT IN ({}), FALSE)", listed.join(", ")));
        }
        if any.is_empty() { "FALSE".into() } else { any.join(" OR ") }
    }

    /// Scores of recency, frequency and money.
    fn rfm(&self, grid: &RfmGrid) -> Option<[String; 3]> {
        let place = |name: &str| self.features.iter().position(|f| f.name == name).map(|j| format!("x{j}"));
        let (recency, orders, revenue) = (place("recency_days")?, place("orders")?, place("revenue")?);
        let money = if grid.method == Method::Pymc {
            format!("({revenue} / nullif({orders}, {}))", double(0.0))
        } else {
            revenue
        };
        let mut known = format!("{recency} IS NOT NULL AND {orders} IS NOT NULL AND {money} IS NOT NULL");
        if grid.method == Method::Notebook {
            known = format!("{known} AND {money} > {}", double(0.0));
        }
        let score = |axis: &Axis, value: &str| {
            let mut cases = String::new();
            for (cut, score) in axis.cuts.iter().zip(&axis.scores) {
                let below = if axis.closed == Closed::Left { "<" } else { "<=" };
                cases.push_str(&format!(" WHEN {value} {below} {} THEN {score}", double(*cut)));
            }
            let last = axis.scores.last().copied().unwrap_or(1);
            let which = if cases.is_empty() { last.to_string() } else { format!("CASE{cases} ELSE {last} END") };
            format!("CAST(CASE WHEN {known} THEN {which} END AS DOUBLE)")
        };
        let [r, f, m] = &grid.axes;
        Some([score(r, &recency), score(f, &orders), score(m, &money)])
    }
}

/// The segment of the grid by its scores.
fn rfm_names(grid: &RfmGrid, quote: &dyn Fn(&str) -> String) -> String {
    let mut by_name: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for r in 1..=grid.bins {
        for f in 1..=grid.bins {
            for m in 1..=grid.bins {
                let score = Score { r, f, m };
                by_name.entry(grid.segment(score).to_string()).or_default().push(score.number().to_string());
            }
        }
    }
    let cases: String = by_name
        .iter()
        .map(|(name, scores)| {
            format!(" WHEN 100 * rfm_r + 10 * rfm_f + rfm_m IN ({}) THEN {}", scores.join(", "), quote(name))
        })
        .collect();
    format!("CASE{cases} END")
}
