//! The few aggregates that every measure is made of, so that an engine translates seven sums and not every measure.

use crate::features::matrix::ObservedColumn;
use crate::features::{Feature, Lines, Measure, Rows, Table};

/// One aggregate over the rows of one customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Primitive {
    /// Which rows.
    pub rows: Rows,
    /// Which aggregate.
    pub aggregate: Aggregate,
}

/// The aggregates an engine must know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregate {
    /// Number of rows.
    Count,
    /// Distinct orders.
    Orders,
    /// Distinct products.
    Products,
    /// Distinct days.
    Days,
    /// Sum of money, in minor units.
    Amount,
    /// First day.
    First,
    /// Last day.
    Last,
}

/// What a measure needs. `None` for values that are looked up, not aggregated.
pub fn primitives(measure: &Measure) -> Option<Vec<Primitive>> {
    let one = |rows: &Rows, aggregate| Primitive { rows: rows.clone(), aggregate };
    Some(match measure {
        Measure::Count(rows) => vec![one(rows, Aggregate::Count)],
        Measure::Orders(rows) => vec![one(rows, Aggregate::Orders)],
        Measure::Products(rows) => vec![one(rows, Aggregate::Products)],
        Measure::ActiveDays(rows) => vec![one(rows, Aggregate::Days)],
        Measure::Amount(rows) => vec![one(rows, Aggregate::Amount)],
        // A return takes money away and is no order.
        Measure::AmountPerOrder(rows) => {
            let sales = Rows { lines: Lines::Sales, ..rows.clone() };
            vec![one(rows, Aggregate::Amount), one(&sales, Aggregate::Orders)]
        }
        Measure::DaysSinceLast(rows) => vec![one(rows, Aggregate::Last)],
        Measure::DaysSinceFirst(rows) => vec![one(rows, Aggregate::First)],
        Measure::MeanGap(rows) => {
            vec![one(rows, Aggregate::First), one(rows, Aggregate::Last), one(rows, Aggregate::Days)]
        }
        Measure::Rate { hits, trials } => vec![one(hits, Aggregate::Count), one(trials, Aggregate::Count)],
        Measure::Value { .. } | Measure::Level { .. } | Measure::LatestAnswer { .. } => return None,
    })
}

/// Puts a measure together from its primitives, each with one value per customer (days since 1970-01-01, minor units,
/// counts; `NaN` for no row). `as_of` is a day since 1970-01-01; `reach` is the number of days the events go back.
pub fn assemble(feature: &Feature, parts: &[Vec<f64>], as_of: f64, reach: f64, money_scale: f64) -> ObservedColumn {
    let zero = |v: f64| if v.is_nan() { 0.0 } else { v };
    let map = |f: &dyn Fn(f64) -> f64| ObservedColumn::Number(parts[0].iter().map(|v| f(*v)).collect());
    match &feature.measure {
        Measure::Amount(_) => map(&|v| zero(v) / money_scale),
        Measure::AmountPerOrder(_) => ObservedColumn::Number(
            parts[0]
                .iter()
                .zip(&parts[1])
                .map(|(money, orders)| if zero(*orders) > 0.0 { zero(*money) / money_scale / orders } else { f64::NAN })
                .collect(),
        ),
        // Whoever never came last came before the events begin: one day more than they reach back.
        Measure::DaysSinceLast(rows) if rows.table == Table::Events => {
            map(&|v| if v.is_nan() { reach + 1.0 } else { as_of - v })
        }
        Measure::DaysSinceLast(_) | Measure::DaysSinceFirst(_) => map(&|v| as_of - v),
        Measure::MeanGap(_) => ObservedColumn::Number(
            (0..parts[0].len())
                .map(|i| if parts[2][i] >= 2.0 { (parts[1][i] - parts[0][i]) / (parts[2][i] - 1.0) } else { f64::NAN })
                .collect(),
        ),
        Measure::Rate { .. } => ObservedColumn::Counts {
            hits: parts[0].iter().zip(&parts[1]).map(|(h, t)| zero(*h).min(zero(*t))).collect(),
            trials: parts[1].iter().map(|t| zero(*t)).collect(),
        },
        _ => map(&zero),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::{Family, Role, Scale, Unit};

    fn feature(measure: Measure) -> Feature {
        Feature {
            name: "f".into(),
            label: "F".into(),
            family: Family::Rfm,
            unit: Unit::Number,
            measure,
            scale: Scale::Numeric,
            role: Role::Form,
            low: String::new(),
            high: String::new(),
        }
    }

    #[test]
    fn a_gap_needs_two_days() {
        let gap = feature(Measure::MeanGap(Rows::sales()));
        let column = assemble(&gap, &[vec![10.0, 10.0], vec![10.0, 40.0], vec![1.0, 4.0]], 50.0, 0.0, 1.0);
        let ObservedColumn::Number(values) = column else { panic!("numbers") };
        assert!(values[0].is_nan());
        assert_eq!(values[1], 10.0);
    }

    #[test]
    fn money_per_order_divides_by_sales_only() {
        let measure = Measure::AmountPerOrder(Rows::lines(Lines::Net));
        let parts = primitives(&measure).expect("primitives");
        assert_eq!(parts[1].rows.lines, Lines::Sales);
        let column = assemble(&feature(measure), &[vec![300_000.0, 5.0], vec![2.0, f64::NAN]], 0.0, 0.0, 10_000.0);
        let ObservedColumn::Number(values) = column else { panic!("numbers") };
        assert_eq!(values[0], 15.0);
        assert!(values[1].is_nan());
    }

    #[test]
    fn whoever_never_engaged_lies_beyond_everyone_who_did() {
        let since = feature(Measure::DaysSinceLast(Rows::events(&["session"])));
        let column = assemble(&since, &[vec![f64::NAN, 90.0]], 100.0, 30.0, 1.0);
        assert_eq!(column, ObservedColumn::Number(vec![31.0, 10.0]));
    }
}
