//! The classic RFM grid: scores of 1 to B for recency, frequency and money, and names for ranges of scores (Hughes 1994).
//! It stands beside the clusters: marketing knows it, and clusters must beat it.
//!
//! What is learned (the cut points) is frozen in [`RfmGrid`], which the model keeps: were they learned again each quarter,
//! the shares of the segments would be constant by construction, and every migration between them an artefact.

pub mod facts;
pub mod rules;
pub mod scores;

use crate::error::{Error, Result, Warning};
use crate::features::matrix::FeatureMatrix;
use rules::{RuleTable, Rules, TableName};
use schemars::JsonSchema;
use scores::{Axis, Better};
use serde::{Deserialize, Serialize};

/// The features that the grid is made of.
pub const FEATURES: [&str; 3] = ["recency_days", "orders", "revenue"];

/// How values become scores.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Bins of the average rank: equal customers share a score, whatever the order of rows.
    #[default]
    Rank,
    /// The R package rfm 0.3.0 (`R/utils.R`): quantiles plus one, bins closed on the left. The one that is added assumes
    /// whole numbers, so money with pence is cut one unit too high; for comparison with that package.
    RRfm,
    /// `rfm_segments` of pymc-marketing: quartiles by pandas, closed on the right, equal edges dropped; money is the mean
    /// per order. That package counts the orders of a day as one: name the date column as `order_id` for the same.
    Pymc,
    /// The recipe of many public notebooks: quintiles by pandas; frequency by `rank(method="first")` in the order of
    /// customer ids, so that equal customers can score differently; customers without revenue are left out. For comparison
    /// only. A later quarter is scored by the quintiles of the values, which treat equal customers alike.
    Notebook,
    /// Cut points that are given under `breaks`.
    Fixed,
}

/// Cut points of the method `fixed`. Whoever stands on a cut gets the better score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Breaks {
    /// Days since the last order: `[30, 90, 180, 365]` gives up to 30 days the best score.
    pub recency: Vec<f64>,
    /// Number of orders: `[2, 3, 5, 10]` gives 10 and more the best score.
    pub orders: Vec<f64>,
    /// Money.
    pub revenue: Vec<f64>,
}

/// The classic RFM grid, from ilk.toml.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RfmConfig {
    /// How values become scores: `rank`, `fixed`, or as other tools do it: `r_rfm`, `pymc`, `notebook`.
    pub method: Method,
    /// Number of scores per dimension, 2 to 9; without it 5, and 4 for `pymc`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bins: Option<u8>,
    /// Every cell must have exactly one name.
    pub partition: bool,
    /// The cut points of the method `fixed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub breaks: Option<Breaks>,
    /// `cells25`, `r_rfm_0_3`, `r_rfm_0_2`, `pymc`, or a list of `{ name, r, f, m }`, the first that matches wins; without it
    /// `cells25`, or the table of the tool that the method follows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rules: Option<Rules>,
}

/// The scores of one customer, 1 is worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Score {
    /// Recency.
    pub r: u8,
    /// Frequency.
    pub f: u8,
    /// Money.
    pub m: u8,
}

/// Cuts and names, frozen: scores any later customer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RfmGrid {
    /// How the cuts were found.
    pub method: Method,
    /// Number of scores per dimension.
    pub bins: u8,
    /// Days since the last order, orders, money.
    pub axes: [Axis; 3],
    /// The names.
    pub rules: RuleTable,
}

/// A grid and the scores of those it was learned from.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted {
    /// The grid.
    pub grid: RfmGrid,
    /// One per customer of the matrix, in its order; `None` for customers that have no place in the grid. What
    /// [`RfmGrid::scores`] returns for them, except for the frequency of the method `notebook`.
    pub scores: Vec<Option<Score>>,
    /// What the table leaves open, and bins that fell together.
    pub warnings: Vec<Warning>,
}

/// Recency, frequency and money of every customer, as a method sees them; `None` where it leaves the customer out.
type Values = Vec<Option<[f64; 3]>>;

impl Method {
    /// Every method with its name in files.
    pub const ALL: [(&'static str, Method); 5] = [
        ("rank", Method::Rank),
        ("r_rfm", Method::RRfm),
        ("pymc", Method::Pymc),
        ("notebook", Method::Notebook),
        ("fixed", Method::Fixed),
    ];

    /// The method of that name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().find(|(name, _)| *name == text).map(|(_, method)| *method)
    }

    /// As written in files.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, method)| *method == self).map_or("", |(name, _)| name)
    }
}

impl Score {
    /// `100 R + 10 F + M`.
    pub fn number(self) -> u16 {
        100 * u16::from(self.r) + 10 * u16::from(self.f) + u16::from(self.m)
    }
}

impl RfmConfig {
    /// Number of scores per dimension.
    pub fn bins(&self) -> u8 {
        let broken = self.breaks.as_ref().map(|b| b.orders.len().saturating_add(1).min(99) as u8);
        self.bins.or(broken).unwrap_or(if self.method == Method::Pymc { 4 } else { 5 })
    }

    /// The rules in use.
    pub fn table(&self) -> RuleTable {
        match &self.rules {
            Some(Rules::Named(name)) => name.table(),
            Some(Rules::Own(rules)) => RuleTable {
                name: "own".into(),
                rules: rules.clone(),
                others: "Others".into(),
                partition: self.partition,
            },
            None => self.default_table().table(),
        }
    }

    fn default_table(&self) -> TableName {
        match self.method {
            Method::RRfm => TableName::RRfm03,
            Method::Pymc => TableName::Pymc,
            Method::Rank | Method::Notebook | Method::Fixed => TableName::Cells25,
        }
    }

    /// Checks everything that can be checked without data, the table of rules included.
    ///
    /// # Errors
    /// E0204 for bins, breaks or ranges that make no grid, E0208 for a table that must name every cell once and does not.
    pub fn check(&self) -> Result<()> {
        let bins = self.bins();
        if !(2..=9).contains(&bins) {
            return Err(Error::new("E0204", format!("[rfm] makes {bins} scores of each value: expected 2 to 9"))
                .help("bins = 5"));
        }
        self.check_breaks(bins)?;
        let named = match self.rules {
            Some(Rules::Named(name)) => Some(name),
            Some(Rules::Own(_)) => None,
            None => Some(self.default_table()),
        };
        if let Some(name) = named.filter(|name| name.bins() != bins) {
            return Err(Error::new(
                "E0204",
                format!("the rules `{}` speak of {} scores, and [rfm] makes {bins}", name.word(), name.bins()),
            )
            .help(format!("bins = {}, or rules of your own", name.bins())));
        }
        let table = self.table();
        if table.rules.is_empty() {
            return Err(Error::new("E0204", "`rules` under [rfm] lists no rule")
                .help("rules = [{ name = \"Best\", r = \"4-5\", f = \"4-5\" }]"));
        }
        for rule in &table.rules {
            let bands = [rule.r, rule.f, rule.m].into_iter().flatten();
            if let Some(band) = bands.into_iter().find(|band| band.low < 1 || band.high > bins || band.low > band.high)
            {
                return Err(Error::new(
                    "E0204",
                    format!(
                        "the rule `{}` asks for scores {}-{}: scores are 1 to {bins}",
                        rule.name, band.low, band.high
                    ),
                )
                .help(format!("\"1-{bins}\", or leave the range out")));
            }
            if rule.name.trim().is_empty() {
                return Err(Error::new("E0204", "a rule under [rfm] has no name").help("name = \"Champions\""));
            }
        }
        if table.partition || self.partition {
            table.check(bins).partition()?;
        }
        Ok(())
    }

    fn check_breaks(&self, bins: u8) -> Result<()> {
        let help = "breaks = { recency = [30, 90, 180, 365], orders = [2, 3, 5, 10], revenue = [50, 150, 500, 1500] }";
        let breaks = match (&self.breaks, self.method) {
            (None, Method::Fixed) => {
                return Err(Error::new("E0204", "`method = \"fixed\"` under [rfm] needs breaks").help(help));
            }
            (None, _) => return Ok(()),
            (Some(_), method) if method != Method::Fixed => {
                return Err(Error::new(
                    "E0204",
                    format!("[rfm] has breaks, and `method = \"{}\"` finds its own", method.word()),
                )
                .help("method = \"fixed\""));
            }
            (Some(breaks), _) => breaks,
        };
        for (name, cuts) in [("recency", &breaks.recency), ("orders", &breaks.orders), ("revenue", &breaks.revenue)] {
            let ascending = cuts.iter().all(|cut| cut.is_finite()) && cuts.windows(2).all(|pair| pair[0] < pair[1]);
            if !ascending || cuts.len() + 1 != usize::from(bins) {
                return Err(Error::new(
                    "E0204",
                    format!("the breaks of {name} do not cut into {bins} scores: expected {} rising numbers", bins - 1),
                )
                .help(help));
            }
        }
        Ok(())
    }
}

impl RfmGrid {
    /// Learns the cuts from the customers of the matrix and scores them. `None` where it lacks one of [`FEATURES`].
    pub fn fit(config: &RfmConfig, matrix: &FeatureMatrix) -> Option<Fitted> {
        let method = config.method;
        let bins = config.bins();
        let values = values(method, matrix)?;
        let mut warnings = Vec::new();
        let mut learn = |axis: usize, name: &str, better: Better, given: Option<&Vec<f64>>| {
            if let Some(cuts) = given {
                return Axis::fixed(name, cuts, better);
            }
            let mut sorted: Vec<f64> = values.iter().flatten().map(|v| v[axis]).collect();
            sorted.sort_by(f64::total_cmp);
            let (axis, left) = Axis::learn(method, name, &sorted, bins, better);
            if left < bins {
                warnings.push(
                    Warning::new(
                        "W0423",
                        format!("`{name}` falls into {left} of {bins} bins, so its best score is {left}"),
                    )
                    .why("many customers have the same value; rules that ask for higher scores name nobody")
                    .help("under [rfm]: method = \"rank\""),
                );
            }
            axis
        };
        let breaks = config.breaks.as_ref();
        let axes = [
            learn(0, "recency_days", Better::Lower, breaks.map(|b| &b.recency)),
            learn(1, "orders", Better::Higher, breaks.map(|b| &b.orders)),
            learn(2, money(method), Better::Higher, breaks.map(|b| &b.revenue)),
        ];
        let rules = config.table();
        warnings.extend(rules.check(bins).warning());
        let grid = Self { method, bins, axes, rules };
        let mut scores = grid.scores_of(&values);
        if method == Method::Notebook {
            // Rows are in the order of ids, and the sort keeps it among equals.
            let mut order: Vec<(usize, f64)> =
                values.iter().enumerate().filter_map(|(row, v)| v.map(|v| (row, v[1]))).collect();
            order.sort_by(|a, b| a.1.total_cmp(&b.1));
            let rows: Vec<usize> = order.into_iter().map(|(row, _)| row).collect();
            for (score, position) in scores.iter_mut().zip(scores::by_position(&rows, values.len(), bins)) {
                if let (Some(score), Some(f)) = (score, position) {
                    score.f = f;
                }
            }
        }
        Some(Fitted { grid, scores, warnings })
    }

    /// Scores every customer of the matrix with the frozen cuts, in its order. Nobody has a score where the matrix lacks one
    /// of [`FEATURES`].
    pub fn scores(&self, matrix: &FeatureMatrix) -> Vec<Option<Score>> {
        values(self.method, matrix).map_or_else(|| vec![None; matrix.len()], |values| self.scores_of(&values))
    }

    fn scores_of(&self, values: &Values) -> Vec<Option<Score>> {
        let [r, f, m] = &self.axes;
        values.iter().map(|v| v.map(|v| Score { r: r.score(v[0]), f: f.score(v[1]), m: m.score(v[2]) })).collect()
    }

    /// The segment of a score.
    pub fn segment(&self, score: Score) -> &str {
        self.rules.segment(score)
    }

    /// Whether a monetary score is among the upper (`high`) or lower (`low`) ones; `mid` is the middle of an odd number.
    pub fn value_tier(&self, score: Score) -> &'static str {
        match (2 * score.m).cmp(&(self.bins + 1)) {
            std::cmp::Ordering::Greater => "high",
            std::cmp::Ordering::Equal => "mid",
            std::cmp::Ordering::Less => "low",
        }
    }
}

/// What a method calls money.
fn money(method: Method) -> &'static str {
    if method == Method::Pymc { "revenue_per_order" } else { "revenue" }
}

fn values(method: Method, matrix: &FeatureMatrix) -> Option<Values> {
    let [recency, orders, revenue] = FEATURES.map(|name| matrix.numbers(name));
    let (recency, orders, revenue) = (recency?, orders?, revenue?);
    let row = |i: usize| {
        let money = if method == Method::Pymc { revenue[i] / orders[i] } else { revenue[i] };
        let known = ![recency[i], orders[i], money].iter().any(|v| v.is_nan());
        (known && (method != Method::Notebook || money > 0.0)).then_some([recency[i], orders[i], money])
    };
    Some((0..matrix.len()).map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::matrix::Column;
    use crate::features::rfm::{Available, features};
    use proptest::prelude::*;

    fn matrix(rows: &[(u16, u8, i32)]) -> FeatureMatrix {
        let all = features(Available { revenue: true, products: false, returns: false });
        let features = all.into_iter().filter(|f| FEATURES.contains(&f.name.as_str())).collect();
        let column = |of: &dyn Fn(&(u16, u8, i32)) -> f64| Column::Number(rows.iter().map(of).collect());
        FeatureMatrix {
            ids: (0..rows.len()).map(|i| format!("C{i:04}")).collect(),
            features,
            columns: vec![
                column(&|r| f64::from(r.0)),
                column(&|r| f64::from(r.1)),
                column(&|r| f64::from(r.2) / 100.0),
            ],
        }
    }

    fn config(method: Method) -> RfmConfig {
        let breaks = Breaks {
            recency: vec![30.0, 90.0, 180.0, 365.0],
            orders: vec![2.0, 3.0, 5.0, 10.0],
            revenue: vec![50.0, 100.0, 150.0, 1000.0],
        };
        RfmConfig { method, breaks: (method == Method::Fixed).then_some(breaks), ..RfmConfig::default() }
    }

    #[test]
    fn every_method_has_a_table_that_fits_it() {
        for (_, method) in Method::ALL {
            config(method).check().expect("a grid");
        }
    }

    #[test]
    fn what_makes_no_grid_is_refused() {
        let code = |config: RfmConfig| config.check().expect_err("an error").code().to_string();
        assert_eq!(code(RfmConfig { bins: Some(12), ..RfmConfig::default() }), "E0204");
        assert_eq!(code(RfmConfig { bins: Some(4), ..RfmConfig::default() }), "E0204");
        assert_eq!(code(RfmConfig { breaks: None, ..config(Method::Fixed) }), "E0204");
        assert_eq!(code(RfmConfig { method: Method::Rank, ..config(Method::Fixed) }), "E0204");
        let mut falling = config(Method::Fixed);
        falling.breaks.as_mut().expect("breaks").orders[0] = 4.0;
        assert_eq!(code(falling), "E0204");
        let own =
            |text: &str| RfmConfig { rules: Some(serde_json::from_str(text).expect("rules")), ..RfmConfig::default() };
        assert_eq!(code(own("[]")), "E0204");
        assert_eq!(code(own(r#"[{ "name": "Best", "r": "4-6" }]"#)), "E0204");
        assert_eq!(code(own(r#"[{ "name": " ", "r": 5 }]"#)), "E0204");
        let halves = own(r#"[{ "name": "New", "r": "3-5" }, { "name": "Old", "r": "1-3" }]"#);
        assert!(halves.check().is_ok());
        assert_eq!(code(RfmConfig { partition: true, ..halves }), "E0208");
    }

    #[test]
    fn notebooks_leave_out_who_brought_nothing_and_split_equals() {
        let made = matrix(&[(1, 1, 500), (2, 1, 400), (3, 1, 300), (4, 1, 200), (5, 1, 100), (6, 9, -5)]);
        let fitted = RfmGrid::fit(&config(Method::Notebook), &made).expect("a grid");
        let f: Vec<Option<u8>> = fitted.scores.iter().map(|s| s.map(|s| s.f)).collect();
        assert_eq!(f, [Some(1), Some(2), Some(3), Some(4), Some(5), None]);
        let later: Vec<Option<u8>> = fitted.grid.scores(&made).iter().map(|s| s.map(|s| s.f)).collect();
        assert_eq!(later, [Some(1), Some(1), Some(1), Some(1), Some(1), None]);
    }

    #[test]
    fn value_tiers_are_halves_around_a_middle() {
        let tiers = |bins| {
            let fitted = RfmGrid::fit(&config(Method::Rank), &matrix(&[(1, 1, 1)])).expect("a grid");
            let grid = RfmGrid { bins, ..fitted.grid };
            (1..=bins).map(|m| grid.value_tier(Score { r: 1, f: 1, m })).collect::<Vec<_>>()
        };
        assert_eq!(tiers(5), ["low", "low", "mid", "high", "high"]);
        assert_eq!(tiers(4), ["low", "low", "high", "high"]);
    }

    proptest! {
        #[test]
        fn scores_are_fair(
            rows in proptest::collection::vec((0u16..400, 1u8..12, -2_000i32..90_000), 1..120),
            later in (0u16..800, 1u8..40, -5_000i32..200_000),
            turn in 0usize..120,
        ) {
            let made = matrix(&rows);
            let mut turned = rows.clone();
            turned.rotate_left(turn % rows.len());
            for (name, method) in Method::ALL {
                let fitted = RfmGrid::fit(&config(method), &made).expect("a grid");
                let frozen = fitted.grid.scores(&made);
                let top = fitted.grid.bins;
                for (i, score) in fitted.scores.iter().enumerate() {
                    let Some(score) = score else {
                        prop_assert!(method == Method::Notebook && rows[i].2 <= 0, "{name}");
                        continue;
                    };
                    prop_assert!([score.r, score.f, score.m].iter().all(|s| (1..=top).contains(s)), "{name}");
                    for (j, other) in fitted.scores.iter().enumerate() {
                        let Some(other) = other else { continue };
                        // A better customer never scores worse; nor do equals differ.
                        let money = |k: usize| {
                            let orders = if method == Method::Pymc { f64::from(rows[k].1) } else { 1.0 };
                            f64::from(rows[k].2) / 100.0 / orders
                        };
                        prop_assert!(rows[i].0 < rows[j].0 || score.r <= other.r, "{name}");
                        prop_assert!(rows[i].1 > rows[j].1 || method == Method::Notebook || score.f <= other.f, "{name}");
                        prop_assert!(rows[i].1 >= rows[j].1 || score.f <= other.f, "{name}");
                        prop_assert!(money(i) > money(j) || score.m <= other.m, "{name}");
                    }
                }
                // What was frozen gives the training scores back, and the order of rows says nothing.
                if method != Method::Notebook {
                    prop_assert_eq!(&frozen, &fitted.scores, "{}", name);
                }
                let other = RfmGrid::fit(&config(method), &matrix(&turned)).expect("a grid");
                prop_assert_eq!(&other.grid, &fitted.grid, "{}", name);
                // A customer nobody has seen gets a score, and the model file brings it back.
                let text = serde_json::to_string(&fitted.grid).expect("JSON");
                let read: RfmGrid = serde_json::from_str(&text).expect("a grid");
                let newcomer = matrix(&[later]);
                prop_assert_eq!(read.scores(&newcomer), fitted.grid.scores(&newcomer), "{}", name);
            }
        }
    }
}
