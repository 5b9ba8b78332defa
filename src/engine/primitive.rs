//! The few aggregates that every measure is made of, so that an engine translates these and not every measure.

use crate::features::{Feature, Key, Lines, Measure, Rows, Table};

/// One aggregate over the rows of one customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Primitive {
    /// Which rows.
    pub rows: Rows,
    /// Which aggregate.
    pub aggregate: Aggregate,
}

/// The aggregates an engine must know. All but [`Aggregate::First`] and [`Aggregate::Last`] are whole numbers, so they are
/// exact in any order of rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Aggregate {
    /// Number of rows.
    Count,
    /// Distinct orders.
    Orders,
    /// Distinct days.
    Days,
    /// Sum of money, in minor units.
    Amount,
    /// Sum of pieces, in thousandths.
    Units,
    /// Sum of money taken off, in minor units.
    Discount,
    /// First day.
    First,
    /// Last day.
    Last,
    /// Sum of the squared days between successive distinct days.
    GapSquares,
    /// Number of distinct ones.
    Distinct(Key),
    /// Sum of the squared numbers of rows of each.
    Squares(Key),
    /// Number of rows of the most frequent one.
    Most(Key),
    /// Rows that have one at all.
    Having(Key),
    /// Sum of `round(2^20 2^(-age / half_life))` over rows, `age` in days up to `as_of`.
    Decayed(u32),
    /// Distinct days on which no row of the others stands.
    DaysWithout(Vec<Rows>),
}

/// What one row of age 0 counts in [`Aggregate::Decayed`].
pub const DECAY_UNIT: f64 = 1_048_576.0;

/// What is the same for all customers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Context {
    /// Days since 1970-01-01; `NaN` without dates.
    pub as_of: f64,
    /// How many days the events go back from `as_of`.
    pub reach: f64,
    /// Minor units per currency unit.
    pub money: f64,
    /// Thousandths per piece.
    pub units: f64,
}

fn one(rows: &Rows, aggregate: Aggregate) -> Primitive {
    Primitive { rows: rows.clone(), aggregate }
}

/// What a measure needs; empty for values that are looked up, not aggregated.
pub fn primitives(measure: &Measure) -> Vec<Primitive> {
    match measure {
        Measure::Count(rows) => vec![one(rows, Aggregate::Count)],
        Measure::Orders(rows) => vec![one(&orders_of(rows), Aggregate::Orders)],
        Measure::Distinct { rows, of } => vec![one(rows, Aggregate::Distinct(*of))],
        Measure::ActiveDays(rows) => vec![one(rows, Aggregate::Days)],
        Measure::DaysWithout { rows, unless } => vec![one(rows, Aggregate::DaysWithout(unless.clone()))],
        Measure::Amount(rows) => vec![one(rows, Aggregate::Amount)],
        Measure::Units(rows) => vec![one(rows, Aggregate::Units)],
        Measure::Discount(rows) => vec![one(rows, Aggregate::Discount)],
        Measure::DaysSinceLast(rows) => vec![one(rows, Aggregate::Last)],
        Measure::DaysSinceFirst(rows) => vec![one(rows, Aggregate::First)],
        Measure::DaysSpanned(rows) => vec![one(rows, Aggregate::First), one(rows, Aggregate::Last)],
        Measure::MeanGap(rows) | Measure::Overdue(rows) => {
            vec![one(rows, Aggregate::First), one(rows, Aggregate::Last), one(rows, Aggregate::Days)]
        }
        Measure::GapVariation(rows) => vec![
            one(rows, Aggregate::First),
            one(rows, Aggregate::Last),
            one(rows, Aggregate::Days),
            one(rows, Aggregate::GapSquares),
        ],
        Measure::Evenness { rows, over } => vec![
            one(rows, Aggregate::Having(*over)),
            one(rows, Aggregate::Squares(*over)),
            one(rows, Aggregate::Distinct(*over)),
        ],
        Measure::TopShare { rows, of } => vec![one(rows, Aggregate::Most(*of)), one(rows, Aggregate::Having(*of))],
        Measure::MostOf(named) => named.iter().map(|n| one(&n.rows, Aggregate::Count)).collect(),
        Measure::Decayed { rows, half_life } => {
            rows.iter().map(|w| one(&w.rows, Aggregate::Decayed(*half_life))).collect()
        }
        Measure::Sum(parts) => parts.iter().flat_map(primitives).collect(),
        Measure::Ratio { of: a, by: b }
        | Measure::Change { now: a, before: b }
        | Measure::Rate { hits: a, trials: b } => primitives(a).into_iter().chain(primitives(b)).collect(),
        Measure::Beyond { of, .. } => primitives(of),
        Measure::Top { .. }
        | Measure::Value { .. }
        | Measure::Level { .. }
        | Measure::Age { .. }
        | Measure::DaysSince { .. }
        | Measure::Distance { .. }
        | Measure::Answer { .. }
        | Measure::AnswerLevel { .. }
        | Measure::Chose { .. }
        | Measure::Response { .. }
        | Measure::Rules { .. } => Vec::new(),
    }
}

/// What the measures of all features need, each once; those of the same rows stand together, so that these are selected once.
pub fn wanted(features: &[Feature]) -> Vec<Primitive> {
    let all: Vec<Primitive> = features.iter().flat_map(|feature| primitives(&feature.measure)).collect();
    let mut wanted: Vec<Primitive> = Vec::new();
    for primitive in &all {
        if !wanted.contains(primitive) {
            wanted.push(primitive.clone());
        }
    }
    wanted.sort_by_key(|primitive| all.iter().position(|other| other.rows == primitive.rows));
    wanted
}

/// A return takes money away and is no order.
fn orders_of(rows: &Rows) -> Rows {
    match rows.lines {
        Lines::Net => Rows { lines: Lines::Sales, ..rows.clone() },
        _ => rows.clone(),
    }
}

/// The numbers of a measure that aggregates. `columns` are the places of its primitives, in the order of [`primitives`];
/// `value` gives a place of one customer: days since 1970-01-01, minor units, counts; `NaN` for no row where that is not 0.
pub fn assemble(
    measure: &Measure,
    customers: usize,
    context: &Context,
    columns: &[usize],
    value: &dyn Fn(usize, usize) -> f64,
) -> Vec<f64> {
    type OfOne<'a> = &'a dyn Fn(&dyn Fn(usize) -> f64) -> f64;
    let each =
        |f: OfOne| -> Vec<f64> { (0..customers).map(|customer| f(&|i: usize| value(columns[i], customer))).collect() };
    let both = |a: &Measure, b: &Measure, f: &dyn Fn(f64, f64) -> f64| -> Vec<f64> {
        let (own, other) = columns.split_at(primitives(a).len());
        let a = assemble(a, customers, context, own, value);
        let b = assemble(b, customers, context, other, value);
        a.into_iter().zip(b).map(|(a, b)| f(a, b)).collect()
    };
    match measure {
        Measure::Amount(_) | Measure::Discount(_) => each(&|p| p(0) / context.money),
        Measure::Units(_) => each(&|p| p(0) / context.units),
        // Whoever never came last came before the events begin: one day more than they reach back.
        Measure::DaysSinceLast(rows) if rows.table == Table::Events => each(&|p| {
            let last = p(0);
            if last.is_nan() { context.reach + 1.0 } else { context.as_of - last }
        }),
        Measure::DaysSinceLast(_) | Measure::DaysSinceFirst(_) => each(&|p| context.as_of - p(0)),
        Measure::DaysSpanned(_) => each(&|p| p(1) - p(0)),
        Measure::MeanGap(_) => each(&|p| if p(2) >= 2.0 { (p(1) - p(0)) / (p(2) - 1.0) } else { f64::NAN }),
        Measure::GapVariation(_) => each(&|p| {
            let gaps = p(2) - 1.0;
            if gaps < 2.0 {
                return f64::NAN;
            }
            let mean = (p(1) - p(0)) / gaps;
            // The sample's standard deviation.
            let variance = ((p(3) - gaps * mean * mean) / (gaps - 1.0)).max(0.0);
            variance.sqrt() / mean
        }),
        Measure::Evenness { .. } => each(&|p| if p(2) >= 2.0 { p(0) * p(0) / p(1) / p(2) } else { f64::NAN }),
        Measure::TopShare { .. } => each(&|p| if p(1) > 0.0 { p(0) / p(1) } else { f64::NAN }),
        Measure::Decayed { rows, .. } => {
            each(&|p| rows.iter().enumerate().map(|(i, w)| w.weight * p(i)).sum::<f64>() / DECAY_UNIT)
        }
        Measure::Sum(parts) => {
            let mut sum = vec![0.0; customers];
            let mut rest = columns;
            for part in parts {
                let (own, after) = rest.split_at(primitives(part).len());
                rest = after;
                for (sum, value) in sum.iter_mut().zip(assemble(part, customers, context, own, value)) {
                    *sum += value;
                }
            }
            sum
        }
        Measure::Ratio { of, by } => both(of, by, &|a, b| if b == 0.0 { f64::NAN } else { a / b }),
        Measure::Change { now, before } => both(now, before, &|now, before| {
            // Returns can make money negative: then the change is told by the sizes.
            let size = now.abs() + before.abs();
            if size == 0.0 { f64::NAN } else { (now - before) / size }
        }),
        Measure::Beyond { of, .. } => assemble(of, customers, context, columns, value),
        _ => each(&|p| p(0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTEXT: Context = Context { as_of: 50.0, reach: 30.0, money: 10_000.0, units: 1_000.0 };

    /// The values of one customer, by primitive in the order the measure names them.
    fn with(measure: &Measure, values: &[f64]) -> f64 {
        let columns: Vec<usize> = (0..primitives(measure).len()).collect();
        assert_eq!(columns.len(), values.len());
        assemble(measure, 1, &CONTEXT, &columns, &|at, _| values[at])[0]
    }

    #[test]
    fn a_gap_needs_two_days_and_its_variation_three() {
        let gap = Measure::MeanGap(Rows::sales());
        assert!(with(&gap, &[10.0, 10.0, 1.0]).is_nan());
        assert_eq!(with(&gap, &[10.0, 40.0, 4.0]), 10.0);
        let variation = Measure::GapVariation(Rows::sales());
        assert!(with(&variation, &[10.0, 20.0, 2.0, 100.0]).is_nan());
        // Gaps 10 and 30: mean 20, deviation sqrt(200).
        assert!((with(&variation, &[0.0, 40.0, 3.0, 1000.0]) - 200f64.sqrt() / 20.0).abs() < 1e-12);
        assert_eq!(with(&variation, &[0.0, 20.0, 3.0, 200.0]), 0.0);
    }

    #[test]
    fn money_per_order_divides_by_sales_only() {
        let net = Rows::lines(Lines::Net);
        let each = Measure::Ratio { of: Box::new(Measure::Amount(net.clone())), by: Box::new(Measure::Orders(net)) };
        assert_eq!(primitives(&each)[1].rows.lines, Lines::Sales);
        assert_eq!(with(&each, &[300_000.0, 2.0]), 15.0);
        assert!(with(&each, &[5.0, 0.0]).is_nan());
    }

    #[test]
    fn whoever_never_engaged_lies_beyond_everyone_who_did() {
        let since = Measure::DaysSinceLast(Rows::events(&["session"]));
        assert_eq!(with(&since, &[f64::NAN]), 31.0);
        assert_eq!(with(&since, &[40.0]), 10.0);
    }

    #[test]
    fn change_lies_between_minus_one_and_one() {
        let orders = |rows| Box::new(Measure::Orders(rows));
        let change = Measure::Change { now: orders(Rows::sales().last(90)), before: orders(Rows::sales().before(90)) };
        assert_eq!(with(&change, &[3.0, 1.0]), 0.5);
        assert_eq!(with(&change, &[0.0, 2.0]), -1.0);
        assert!(with(&change, &[0.0, 0.0]).is_nan());
    }

    #[test]
    fn evenness_is_one_when_all_are_as_frequent() {
        let even = Measure::Evenness { rows: Rows::sales(), over: Key::Category };
        assert_eq!(with(&even, &[6.0, 12.0, 3.0]), 1.0);
        // 4, 1, 1 of six: 36 / 18 / 3.
        assert!((with(&even, &[6.0, 18.0, 3.0]) - 2.0 / 3.0).abs() < 1e-12);
        assert!(with(&even, &[6.0, 36.0, 1.0]).is_nan());
    }
}
