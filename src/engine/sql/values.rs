//! Features of what was observed, in natural units, once it is known what they learned from the population.

use super::{Dialect, Shape, divided, double, text};
use crate::data::read::{MONEY_SCALE, UNIT_SCALE};
use crate::engine::primitive::{DECAY_UNIT, Primitive, primitives, wanted};
use crate::features::rules::{Comparison, Condition, Rule};
use crate::features::smoothing::{GAP_STRENGTH, Learned};
use crate::features::{Feature, Measure, Named, Table};

/// Whether a feature holds levels.
pub fn is_level(measure: &Measure) -> bool {
    matches!(
        measure,
        Measure::MostOf(_)
            | Measure::Beyond { .. }
            | Measure::Level { .. }
            | Measure::Top { .. }
            | Measure::AnswerLevel { .. }
            | Measure::Chose { .. }
            | Measure::Response { .. }
            | Measure::Rules { .. }
    )
}

/// Writes features over a table that [`observed`](super::observed::observed) made.
pub struct Writer<'a> {
    features: &'a [Feature],
    wanted: Vec<Primitive>,
    shape: &'a Shape,
    dialect: Dialect,
}

impl<'a> Writer<'a> {
    /// Of the same features, shape and dialect as that table.
    pub fn new(features: &'a [Feature], shape: &'a Shape, dialect: Dialect) -> Self {
        Self { features, wanted: wanted(features), shape, dialect }
    }

    /// `customer`, and `x0`, `x1`, … for the features: a `DOUBLE`, or text for levels; NULL is missing.
    pub fn values(&self, learned: &Learned, observed: &str) -> String {
        let mut query = observed.to_string();
        let mut columns = vec!["customer".to_string()];
        for (j, feature) in self.features.iter().enumerate() {
            if !matches!(feature.measure, Measure::Rules { .. }) {
                columns.push(format!("{} AS x{j}", self.value(j, learned)));
            }
        }
        query = format!("SELECT {} FROM {query}", columns.join(", "));
        // A rule may speak of the level that another rule gave.
        for (j, feature) in self.features.iter().enumerate() {
            if let Measure::Rules { rules, otherwise } = &feature.measure {
                query = format!("SELECT *, {} AS x{j} FROM ({query}) AS told_{j}", self.by_rules(rules, otherwise));
            }
        }
        query
    }

    /// Hits and trials of a rate.
    pub fn rate(&self, feature: usize) -> Option<(String, String)> {
        let Measure::Rate { hits, trials } = &self.features[feature].measure else { return None };
        let (hits, trials) = (self.number(hits), self.number(trials));
        Some((format!("least({hits}, {trials})"), trials))
    }

    /// Days between the first and the last distinct day, and the number of gaps; NULL days without a row.
    pub fn gaps(&self, feature: usize) -> Option<(String, String)> {
        let Measure::Overdue(_) = &self.features[feature].measure else { return None };
        let p = self.places(&self.features[feature].measure);
        Some((format!("({} - {})", p[1], p[0]), format!("greatest({} - {}, {})", p[2], double(1.0), double(0.0))))
    }

    /// What is compared with a quantile.
    pub fn compared(&self, feature: usize) -> Option<String> {
        let Measure::Beyond { of, .. } = &self.features[feature].measure else { return None };
        Some(self.number(of))
    }

    fn value(&self, j: usize, learned: &Learned) -> String {
        let Feature { name, measure, .. } = &self.features[j];
        match measure {
            Measure::Rate { .. } => {
                let (hits, trials) = self.rate(j).unwrap_or_default();
                let Some(smoothing) = learned.rates.get(name) else { return double(f64::NAN) };
                let (worth, strength) = (double(smoothing.mean * smoothing.strength), double(smoothing.strength));
                format!("(({hits} + {worth}) / ({trials} + {strength}))")
            }
            Measure::Overdue(_) => {
                let (sum, count) = self.gaps(j).unwrap_or_default();
                let Some(mean) = learned.gaps.get(name) else { return double(f64::NAN) };
                let since = format!("({} - {})", self.as_of(), self.places(measure)[1]);
                let own = format!("(({sum} + {}) / ({count} + {}))", double(GAP_STRENGTH * mean), double(GAP_STRENGTH));
                divided(&since, &own)
            }
            Measure::Beyond { .. } => match learned.cuts.get(name) {
                Some(cut) => {
                    let value = self.compared(j).unwrap_or_default();
                    format!("CASE WHEN {value} > {} THEN 'yes' ELSE 'no' END", double(*cut))
                }
                None => "'no'".into(),
            },
            Measure::MostOf(named) => self.most_of(measure, named),
            measure if primitives(measure).is_empty() && is_level(measure) => format!("t{j}"),
            measure if primitives(measure).is_empty() => format!("n{j}"),
            measure => self.number(measure),
        }
    }

    fn as_of(&self) -> String {
        double(self.shape.as_of.map_or(f64::NAN, |day| f64::from(day.0)))
    }

    /// The counts of a measure, as numbers.
    fn places(&self, measure: &Measure) -> Vec<String> {
        let place = |p: &Primitive| {
            let at = self.wanted.iter().position(|wanted| wanted == p).unwrap_or_default();
            format!("CAST(p{at} AS DOUBLE)")
        };
        primitives(measure).iter().map(place).collect()
    }

    /// As [`assemble`](crate::engine::primitive::assemble), operation by operation.
    fn number(&self, measure: &Measure) -> String {
        let p = self.places(measure);
        match measure {
            Measure::Amount(_) | Measure::Discount(_) => format!("({} / {})", p[0], double(MONEY_SCALE)),
            Measure::Units(_) => format!("({} / {})", p[0], double(UNIT_SCALE)),
            Measure::DaysSinceLast(rows) if rows.table == Table::Events => {
                format!("coalesce({} - {}, {})", self.as_of(), p[0], double(self.shape.reach + 1.0))
            }
            Measure::DaysSinceLast(_) | Measure::DaysSinceFirst(_) => format!("({} - {})", self.as_of(), p[0]),
            Measure::DaysSpanned(_) => format!("({} - {})", p[1], p[0]),
            Measure::MeanGap(_) => {
                let gaps = format!("({} - {})", p[2], double(1.0));
                format!(
                    "CASE WHEN {} >= {} THEN {} END",
                    p[2],
                    double(2.0),
                    divided(&format!("({} - {})", p[1], p[0]), &gaps)
                )
            }
            Measure::GapVariation(_) => {
                let gaps = format!("({} - {})", p[2], double(1.0));
                let mean = divided(&format!("({} - {})", p[1], p[0]), &gaps);
                let squares = format!("({} - {gaps} * {mean} * {mean})", p[3]);
                let variance = divided(&squares, &format!("({gaps} - {})", double(1.0)));
                let spread = format!("sqrt(greatest({variance}, {}))", double(0.0));
                format!("CASE WHEN {gaps} >= {} THEN {} END", double(2.0), divided(&spread, &mean))
            }
            Measure::Evenness { .. } => {
                let even = divided(&divided(&format!("({0} * {0})", p[0]), &p[1]), &p[2]);
                format!("CASE WHEN {} >= {} THEN {even} END", p[2], double(2.0))
            }
            Measure::TopShare { .. } => divided(&p[0], &p[1]),
            Measure::Decayed { rows, .. } => {
                let each: Vec<String> =
                    rows.iter().zip(&p).map(|(w, p)| format!("{} * {p}", double(w.weight))).collect();
                format!("(({}) / {})", each.join(" + "), double(DECAY_UNIT))
            }
            Measure::Sum(parts) => {
                let each: Vec<String> = parts.iter().map(|part| self.number(part)).collect();
                format!("({} + {})", double(0.0), each.join(" + "))
            }
            Measure::Ratio { of, by } => divided(&self.number(of), &self.number(by)),
            Measure::Change { now, before } => {
                let (now, before) = (self.number(now), self.number(before));
                divided(&format!("({now} - {before})"), &format!("(abs({now}) + abs({before}))"))
            }
            Measure::Beyond { of, .. } => self.number(of),
            _ => p.first().cloned().unwrap_or_else(|| double(f64::NAN)),
        }
    }

    fn most_of(&self, measure: &Measure, named: &[Named]) -> String {
        let p = self.places(measure);
        let mut cases = String::new();
        for (i, own) in p.iter().enumerate() {
            let mut beats = vec![format!("{own} > {}", double(0.0))];
            beats.extend(p[..i].iter().map(|earlier| format!("{own} > {earlier}")));
            beats.extend(p[i + 1..].iter().map(|later| format!("{own} >= {later}")));
            let level = text(&named[i].level, self.dialect);
            cases.push_str(&format!(" WHEN {} THEN {level}", beats.join(" AND ")));
        }
        format!("CASE{cases} END")
    }

    fn by_rules(&self, rules: &[Rule], otherwise: &str) -> String {
        let mut cases = String::new();
        for rule in rules {
            let all: Vec<String> = rule.when.0.iter().map(|condition| self.condition(condition)).collect();
            cases.push_str(&format!(" WHEN {} THEN {}", all.join(" AND "), text(&rule.level, self.dialect)));
        }
        let otherwise = text(otherwise, self.dialect);
        if cases.is_empty() { otherwise } else { format!("CASE{cases} ELSE {otherwise} END") }
    }

    fn condition(&self, condition: &Condition) -> String {
        let never = || "FALSE".to_string();
        let Some(j) = self.features.iter().position(|f| f.name == condition.feature) else { return never() };
        let sign = match condition.comparison {
            Comparison::AtLeast => ">=",
            Comparison::AtMost => "<=",
            Comparison::Above => ">",
            Comparison::Below => "<",
            Comparison::Is => "=",
            Comparison::IsNot => "<>",
        };
        let value = if is_level(&self.features[j].measure) {
            let exact = matches!(condition.comparison, Comparison::Is | Comparison::IsNot);
            exact.then(|| text(&condition.value, self.dialect))
        } else {
            condition.value.parse::<f64>().ok().filter(|v| v.is_finite()).map(double)
        };
        value.map_or_else(never, |value| format!("x{j} {sign} {value}"))
    }
}
