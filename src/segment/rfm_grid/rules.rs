//! Names for cells of the grid: rules over ranges of R, F and M, the first that matches wins. Tables are checked before they
//! are used, because most published ones hold rules that can never match and cells that nobody named.

use super::Score;
use crate::error::{Error, Result, Warning};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Scores from `low` to `high`, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Band {
    /// Lowest score.
    pub low: u8,
    /// Highest score.
    pub high: u8,
}

/// One rule. What is left out is not asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The segment. Several rules may name the same one.
    pub name: String,
    /// Recency scores, such as `5` or `"3-5"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r: Option<Band>,
    /// Frequency scores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub f: Option<Band>,
    /// Monetary scores. A table without any is a map of R and F.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub m: Option<Band>,
}

/// The tables that are built in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TableName {
    /// Ten segments on the 25 cells of R and F, each cell in exactly one.
    #[serde(rename = "cells25")]
    Cells25,
    /// The vignette of the R package rfm 0.3.0.
    #[serde(rename = "r_rfm_0_3")]
    RRfm03,
    /// The documentation and tests of the R package rfm 0.2.
    #[serde(rename = "r_rfm_0_2")]
    RRfm02,
    /// The default of pymc-marketing's `rfm_segments`, on quartiles.
    #[serde(rename = "pymc")]
    Pymc,
}

/// The rules of a project: a table by its name, or its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Rules {
    /// Built in.
    Named(TableName),
    /// The project's own, the first that matches wins.
    Own(Vec<Rule>),
}

/// A table of rules in use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleTable {
    /// `cells25`, …, or `own`.
    pub name: String,
    /// The first that matches wins.
    pub rules: Vec<Rule>,
    /// What customers are called whom no rule names.
    pub others: String,
    /// Whether every cell must have exactly one name.
    pub partition: bool,
}

/// What a table leaves open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RuleCheck {
    /// The table.
    pub table: String,
    /// What customers are called whom no rule names.
    pub others: String,
    /// Number of cells: B × B for a map of R and F, B × B × B with M.
    pub cells: usize,
    /// Cells that a rule names.
    pub named: usize,
    /// Cells that none does, as digits: `215` is R 2, F 1, M 5.
    pub uncovered: Vec<String>,
    /// Rules that can never match, because earlier ones take all their cells.
    pub unreachable: Vec<String>,
    /// Pairs of segments whose rules claim the same cells.
    pub overlaps: Vec<Overlap>,
}

/// Two segments that claim the same cells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Overlap {
    /// The one that gets them, being first.
    pub first: String,
    /// The other.
    pub second: String,
    /// The cells, as digits.
    pub cells: Vec<String>,
}

/// Cells listed in a message.
const LISTED: usize = 15;

impl Band {
    fn holds(self, score: u8) -> bool {
        (self.low..=self.high).contains(&score)
    }

    fn parse(text: &str) -> Option<Self> {
        let (low, high) = text.split_once('-').unwrap_or((text, text));
        let band = Self { low: low.trim().parse().ok()?, high: high.trim().parse().ok()? };
        (band.low <= band.high).then_some(band)
    }
}

impl Serialize for Band {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}-{}", self.low, self.high))
    }
}

impl<'de> Deserialize<'de> for Band {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Band;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a score or a range of scores such as \"3-5\"")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> std::result::Result<Band, E> {
                Band::parse(text).ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
            }
            fn visit_u64<E: serde::de::Error>(self, score: u64) -> std::result::Result<Band, E> {
                u8::try_from(score)
                    .map(|score| Band { low: score, high: score })
                    .map_err(|_| E::invalid_value(serde::de::Unexpected::Unsigned(score), &self))
            }
            fn visit_i64<E: serde::de::Error>(self, score: i64) -> std::result::Result<Band, E> {
                u8::try_from(score)
                    .map(|score| Band { low: score, high: score })
                    .map_err(|_| E::invalid_value(serde::de::Unexpected::Signed(score), &self))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for Band {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Band".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "anyOf": [{ "type": "integer" }, { "type": "string", "pattern": "^[1-9](-[1-9])?$" }] })
    }
}

impl<'de> Deserialize<'de> for Rules {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Rules;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("one of the tables ")?;
                f.write_str(&TableName::ALL.map(|(name, _)| name).join(", "))?;
                f.write_str(", or a list of rules")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> std::result::Result<Rules, E> {
                TableName::parse(text)
                    .map(Rules::Named)
                    .ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut list: A) -> std::result::Result<Rules, A::Error> {
                let mut rules = Vec::new();
                while let Some(rule) = list.next_element()? {
                    rules.push(rule);
                }
                Ok(Rules::Own(rules))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for Rules {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Rules".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let name = generator.subschema_for::<TableName>();
        let own = generator.subschema_for::<Vec<Rule>>();
        schemars::json_schema!({ "anyOf": [name, own] })
    }
}

impl TableName {
    /// Every table with its name in files.
    pub const ALL: [(&'static str, TableName); 4] = [
        ("cells25", TableName::Cells25),
        ("r_rfm_0_3", TableName::RRfm03),
        ("r_rfm_0_2", TableName::RRfm02),
        ("pymc", TableName::Pymc),
    ];

    /// The table of that name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().find(|(name, _)| *name == text).map(|(_, table)| *table)
    }

    /// As written in files.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, table)| *table == self).map_or("", |(name, _)| name)
    }

    /// The number of scores its rules speak of.
    pub fn bins(self) -> u8 {
        if self == TableName::Pymc { 4 } else { 5 }
    }

    /// The rules.
    pub fn table(self) -> RuleTable {
        let rules = match self {
            TableName::Cells25 => CELLS_25.iter().map(|(name, r, f)| rule(name, *r, *f, None)).collect(),
            TableName::RRfm03 => R_RFM_0_3.iter().map(|(name, r, f, m)| rule(name, *r, *f, Some(*m))).collect(),
            TableName::RRfm02 => R_RFM_0_2.iter().map(|(name, r, f, m)| rule(name, *r, *f, Some(*m))).collect(),
            TableName::Pymc => PYMC
                .iter()
                .flat_map(|(name, cells)| cells.iter().map(move |cell| (name, [cell / 100, cell / 10 % 10, cell % 10])))
                .map(|(name, cell)| {
                    let [r, f, m] = cell.map(|score| (score as u8, score as u8));
                    rule(name, r, f, Some(m))
                })
                .collect(),
        };
        let others = if self == TableName::Pymc { "Other" } else { "Others" };
        RuleTable { name: self.word().into(), rules, others: others.into(), partition: self == TableName::Cells25 }
    }
}

fn rule(name: &str, r: (u8, u8), f: (u8, u8), m: Option<(u8, u8)>) -> Rule {
    let band = |(low, high)| Some(Band { low, high });
    Rule { name: name.into(), r: band(r), f: band(f), m: m.and_then(band) }
}

type Flat = (&'static str, (u8, u8), (u8, u8));
type Solid = (&'static str, (u8, u8), (u8, u8), (u8, u8));

/// The map that most public RFM code uses, best first. A partition: the order decides nothing.
const CELLS_25: [Flat; 10] = [
    ("Champions", (5, 5), (4, 5)),
    ("Loyal", (3, 4), (4, 5)),
    ("Potential loyalists", (4, 5), (2, 3)),
    ("New", (5, 5), (1, 1)),
    ("Promising", (4, 4), (1, 1)),
    ("Need attention", (3, 3), (3, 3)),
    ("About to sleep", (3, 3), (1, 2)),
    ("At risk", (1, 2), (3, 4)),
    ("Can't lose", (1, 2), (5, 5)),
    ("Hibernating", (1, 2), (1, 2)),
];

/// Vignette of the R package rfm 0.3.0; its order decides.
const R_RFM_0_3: [Solid; 10] = [
    ("Champions", (5, 5), (5, 5), (5, 5)),
    ("Potential Loyalist", (3, 5), (3, 5), (2, 5)),
    ("Loyal Customers", (2, 4), (2, 4), (2, 4)),
    ("Promising", (3, 4), (1, 3), (3, 5)),
    ("New Customers", (4, 5), (1, 3), (1, 5)),
    ("Can't Lose Them", (1, 2), (3, 4), (4, 5)),
    ("At Risk", (1, 2), (2, 5), (4, 5)),
    ("Need Attention", (1, 3), (3, 5), (3, 5)),
    ("About To Sleep", (2, 3), (1, 3), (1, 4)),
    ("Lost", (1, 1), (1, 5), (1, 5)),
];

/// Documentation and tests of the R package rfm 0.2; its order decides.
const R_RFM_0_2: [Solid; 10] = [
    ("Champions", (4, 5), (4, 5), (4, 5)),
    ("Loyal Customers", (2, 5), (3, 5), (3, 5)),
    ("Potential Loyalist", (3, 5), (1, 3), (1, 3)),
    ("New Customers", (4, 5), (1, 1), (1, 1)),
    ("Promising", (3, 4), (1, 1), (1, 1)),
    ("Need Attention", (2, 3), (2, 3), (2, 3)),
    ("About To Sleep", (2, 3), (1, 2), (1, 2)),
    ("At Risk", (1, 2), (2, 5), (2, 5)),
    ("Can't Lose Them", (1, 1), (4, 5), (4, 5)),
    ("Lost", (1, 2), (1, 2), (1, 2)),
];

/// The default of pymc-marketing: cells of quartile scores, none claimed twice.
const PYMC: [(&str, &[u16]); 5] = [
    ("Premium Customer", &[333, 334, 343, 344, 433, 434, 443, 444]),
    ("Repeat Customer", &[143, 232, 233, 234, 243, 244, 332]),
    ("Top Spender", &[124, 133, 134, 144, 224, 313, 314, 323, 324, 413, 414, 423, 424]),
    ("At Risk Customer", &[122, 123, 132, 212, 214, 222, 223, 312, 322, 412, 422]),
    ("Inactive Customer", &[111, 112, 113, 114, 211, 311, 411]),
];

impl Rule {
    fn matches(&self, score: Score) -> bool {
        [(self.r, score.r), (self.f, score.f), (self.m, score.m)]
            .into_iter()
            .all(|(band, score)| band.is_none_or(|band| band.holds(score)))
    }
}

impl RuleTable {
    /// Whether M decides a name, or only R and F.
    pub fn uses_money(&self) -> bool {
        self.rules.iter().any(|rule| rule.m.is_some())
    }

    /// The segment of a score: the first rule that matches, or [`RuleTable::others`].
    pub fn segment(&self, score: Score) -> &str {
        self.rules.iter().find(|rule| rule.matches(score)).map_or(&self.others, |rule| &rule.name)
    }

    /// Every name once, in the order of the table.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for rule in &self.rules {
            if !names.contains(&rule.name.as_str()) {
                names.push(&rule.name);
            }
        }
        names
    }

    /// Goes through every cell of `bins` scores.
    pub fn check(&self, bins: u8) -> RuleCheck {
        let flat = !self.uses_money();
        let digits = |s: Score| if flat { format!("{}{}", s.r, s.f) } else { s.number().to_string() };
        let mut check = RuleCheck {
            table: self.name.clone(),
            others: self.others.clone(),
            cells: 0,
            named: 0,
            uncovered: Vec::new(),
            unreachable: Vec::new(),
            overlaps: Vec::new(),
        };
        let mut reached = vec![false; self.rules.len()];
        for r in 1..=bins {
            for f in 1..=bins {
                for m in 1..=if flat { 1 } else { bins } {
                    let score = Score { r, f, m };
                    check.cells += 1;
                    let mut claims = (0..self.rules.len()).filter(|i| self.rules[*i].matches(score));
                    let Some(winner) = claims.next() else {
                        check.uncovered.push(digits(score));
                        continue;
                    };
                    check.named += 1;
                    reached[winner] = true;
                    for other in claims {
                        check.claim(&self.rules[winner].name, &self.rules[other].name, digits(score));
                    }
                }
            }
        }
        let never = self.rules.iter().zip(reached).filter(|(_, reached)| !reached).map(|(rule, _)| rule.name.clone());
        check.unreachable = never.collect();
        check
    }
}

impl RuleCheck {
    fn claim(&mut self, first: &str, second: &str, cell: String) {
        if first == second {
            return;
        }
        match self.overlaps.iter_mut().find(|o| o.first == first && o.second == second) {
            // Two rules of one segment may claim the same cell.
            Some(overlap) if overlap.cells.last() == Some(&cell) => {}
            Some(overlap) => overlap.cells.push(cell),
            None => self.overlaps.push(Overlap { first: first.into(), second: second.into(), cells: vec![cell] }),
        }
    }

    /// The result in one sentence.
    pub fn words(&self) -> String {
        let mut text = if self.uncovered.is_empty() {
            format!("Table {}: every one of the {} cells has a name", self.table, self.cells)
        } else {
            format!(
                "Table {}: {} of {} cells have a name, {} are `{}`",
                self.table,
                self.named,
                self.cells,
                self.uncovered.len(),
                self.others
            )
        };
        if self.unreachable.is_empty() {
            text.push_str(", and every rule can match.");
        } else {
            text.push_str(&format!("; {} can never match.", self.unreachable.join(", ")));
        }
        text
    }

    /// For tables whose order decides: what they leave open. `None` when nothing is.
    pub fn warning(&self) -> Option<Warning> {
        if self.uncovered.is_empty() && self.unreachable.is_empty() {
            return None;
        }
        let mut said = Vec::new();
        if !self.unreachable.is_empty() {
            said.push(format!(
                "{} {} of the table {} can never match ({})",
                self.unreachable.len(),
                if self.unreachable.len() == 1 { "rule" } else { "rules" },
                self.table,
                self.unreachable.join(", ")
            ));
        }
        if !self.uncovered.is_empty() {
            let of = if self.unreachable.is_empty() { format!(" of the table {}", self.table) } else { String::new() };
            said.push(format!(
                "{} of {} cells{of} belong to no rule and are called {}",
                self.uncovered.len(),
                self.cells,
                self.others
            ));
        }
        let mut warning = Warning::new("W0208", said.join("; "))
            .why("customers there have no name, or one that an earlier rule took from the rule that was meant");
        if !self.uncovered.is_empty() {
            warning = warning.note("cells", listed(&self.uncovered));
        }
        Some(warning.help("under [rfm]: rules = \"cells25\", or a table of your own with partition = true"))
    }

    /// For tables whose cells must have exactly one name each.
    ///
    /// # Errors
    /// E0208 with the cells that two rules claim or that none does.
    pub fn partition(&self) -> Result<()> {
        let Some(first) = self.overlaps.first() else {
            if self.uncovered.is_empty() {
                return Ok(());
            }
            return Err(partition_error(&format!(
                "{} of {} cells belong to no rule",
                self.uncovered.len(),
                self.cells
            ))
            .note("cells", listed(&self.uncovered)));
        };
        let mut title = format!("`{}` and `{}` both claim {}", first.first, first.second, spelled(&first.cells[0]));
        let claimed: usize = self.overlaps.iter().map(|o| o.cells.len()).sum();
        if claimed > 1 {
            title.push_str(&format!(" and {} more", claimed - 1));
        }
        if !self.uncovered.is_empty() {
            title.push_str(&format!("; {} of {} cells belong to no rule", self.uncovered.len(), self.cells));
        }
        let mut error = partition_error(&title);
        for overlap in &self.overlaps {
            error = error.note("both", format!("{} and {}: {}", overlap.first, overlap.second, listed(&overlap.cells)));
        }
        Err(if self.uncovered.is_empty() { error } else { error.note("no rule", listed(&self.uncovered)) })
    }
}

fn partition_error(title: &str) -> Error {
    Error::new("E0208", title)
        .why("a customer must have exactly one name, whichever order the rules are read in")
        .help("change the ranges under [rfm], or let the first rule that matches win: partition = false")
}

/// `R5 F5`, `R2 F1 M5`.
fn spelled(cell: &str) -> String {
    cell.chars().zip("RFM".chars()).map(|(score, axis)| format!("{axis}{score}")).collect::<Vec<_>>().join(" ")
}

fn listed(cells: &[String]) -> String {
    let shown: Vec<String> = cells.iter().take(LISTED).map(|cell| spelled(cell)).collect();
    let rest = cells.len().saturating_sub(LISTED);
    if rest == 0 { shown.join(", ") } else { format!("{} and {rest} more", shown.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn our_map_is_a_partition_of_ten_segments() {
        let table = TableName::Cells25.table();
        let check = table.check(5);
        assert_eq!((check.cells, check.named, check.overlaps.len(), check.unreachable.len()), (25, 25, 0, 0));
        assert!(check.partition().is_ok() && check.warning().is_none());
        assert_eq!(table.names().len(), 10);
        let sizes = table.names().into_iter().map(|name| {
            let cells = (1..=5).flat_map(|r| (1..=5).map(move |f| Score { r, f, m: 1 }));
            cells.filter(|s| table.segment(*s) == name).count()
        });
        assert_eq!(sizes.collect::<Vec<_>>(), [2, 4, 4, 1, 1, 1, 2, 4, 2, 4]);
    }

    #[test]
    fn published_tables_hold_what_is_known_of_them() {
        let check = TableName::RRfm03.table().check(5);
        assert_eq!(check.unreachable, Vec::<String>::new());
        let open = ["215", "241", "251", "252", "341", "351", "441", "451", "541", "551"];
        assert_eq!(
            (check.cells, check.named, check.uncovered.as_slice()),
            (125, 115, open.map(String::from).as_slice())
        );
        let check = TableName::RRfm02.table().check(5);
        assert_eq!(check.unreachable, ["New Customers", "Promising", "Can't Lose Them"]);
        assert_eq!((check.cells, check.uncovered.len()), (125, 36));
        assert!(check.warning().is_some_and(|w| w.title.contains("36 of 125 cells")));
        let check = TableName::Pymc.table().check(4);
        assert_eq!((check.cells, check.named, check.unreachable.len(), check.overlaps.len()), (64, 46, 0, 0));
    }

    #[test]
    fn what_a_partition_must_not_do_is_named_with_its_cells() {
        let own = |rules: Vec<Rule>| RuleTable { name: "own".into(), rules, others: "Others".into(), partition: true };
        let error = own(vec![rule("Champions", (5, 5), (5, 5), None), rule("Loyal", (1, 5), (2, 5), None)])
            .check(5)
            .partition()
            .expect_err("an error");
        assert_eq!(error.code(), "E0208");
        assert_eq!(error.0.title, "`Champions` and `Loyal` both claim R5 F5; 5 of 25 cells belong to no rule");
        assert_eq!(error.0.notes.last().map(|n| n.text.as_str()), Some("R1 F1, R2 F1, R3 F1, R4 F1, R5 F1"));
        let error = own(vec![rule("All but one", (2, 5), (1, 5), None)]).check(5).partition().expect_err("an error");
        assert_eq!(error.0.title, "5 of 25 cells belong to no rule");
    }

    #[test]
    fn bands_are_scores_or_ranges() {
        let read = |text: &str| serde_json::from_str::<Band>(text).map_err(|e| e.to_string());
        assert_eq!(read("\"3-5\""), Ok(Band { low: 3, high: 5 }));
        assert_eq!(read("4"), Ok(Band { low: 4, high: 4 }));
        assert!(read("\"5-3\"").is_err() && read("\"few\"").is_err() && read("-1").is_err());
    }

    proptest! {
        #[test]
        fn every_cell_has_exactly_one_name(
            bands in proptest::collection::vec(((1u8..=5, 1u8..=5), (1u8..=5, 1u8..=5), proptest::option::of((1u8..=5, 1u8..=5))), 1..6)
        ) {
            let ordered = |(a, b): (u8, u8)| (a.min(b), a.max(b));
            let rules: Vec<Rule> = bands
                .into_iter()
                .enumerate()
                .map(|(i, (r, f, m))| rule(&format!("S{i}"), ordered(r), ordered(f), m.map(ordered)))
                .collect();
            let table = RuleTable { name: "own".into(), rules, others: "Others".into(), partition: false };
            let check = table.check(5);
            let mut named = 0;
            for (r, f, m) in (1..=5).flat_map(|r| (1..=5).flat_map(move |f| (1..=5).map(move |m| (r, f, m)))) {
                let score = Score { r, f, m };
                let name = table.segment(score);
                named += usize::from(name != "Others");
                let open = check.uncovered.contains(&score.number().to_string()) || check.uncovered.contains(&format!("{r}{f}"));
                prop_assert_eq!(open, name == "Others");
                // The first that matches and no other.
                let first = table.rules.iter().find(|rule| rule.matches(score)).map_or("Others", |rule| rule.name.as_str());
                prop_assert_eq!(name, first);
                prop_assert!(name == "Others" || !check.unreachable.iter().any(|u| u == name));
            }
            prop_assert_eq!(check.named, if table.uses_money() { named } else { named / 5 });
            prop_assert_eq!(check.cells, check.named + check.uncovered.len());
            if check.partition().is_ok() {
                let mut turned = table.clone();
                turned.rules.reverse();
                prop_assert_eq!(turned.segment(Score { r: 3, f: 3, m: 3 }), table.segment(Score { r: 3, f: 3, m: 3 }));
            }
        }
    }
}
