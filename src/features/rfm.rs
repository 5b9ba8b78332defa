//! Recency, frequency, money: what orders tell (Chen, Sain & Guo 2012; the definitions are those of the R package rfm and
//! of most marketing practice).
//!
//! Recency, the number of orders and the average order value form segments. Revenue is their product in spirit: beside the
//! number of orders it says the same twice (Online Retail: rank correlation 0.81 against 0.16 for the average order
//! value), so it describes. Windows and trends describe too: they repeat recency.

use super::{Family, Feature, Key, Lines, Measure, Rows, Scale, Unit};

/// What the orders of a project hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Available {
    /// Lines have money.
    pub revenue: bool,
    /// Lines name a product.
    pub products: bool,
    /// Some lines are returns.
    pub returns: bool,
}

/// Days of the windows beside the project's own.
const WINDOWS: [u32; 3] = [28, 90, 365];

/// Days of a trend: these against as many before.
const TREND: u32 = 90;

/// Customers beyond this quantile of revenue are whales: one in two hundred.
const WHALE: f64 = 0.995;

/// What lifetime models read of a customer (Fader, Hardie & Lee 2005): x, t_x, T and the mean of a repeat day.
pub const LIFETIME: [&str; 4] = ["repeat_days", "first_to_last_days", "repeat_day_value", "tenure_days"];

/// The features of orders, in column order.
pub fn features(has: Available) -> Vec<Feature> {
    let sales = Rows::sales;
    let net = || Rows::lines(Lines::Net);
    let feature =
        |name: &str, label: &str, unit: Unit, measure: Measure| Feature::new(name, label, Family::Rfm, unit, measure);
    let mut all = vec![
        feature("recency_days", "Days since last order", Unit::Days, Measure::DaysSinceLast(sales()))
            .forms()
            .words("recent", "lapsed"),
        feature("orders", "Orders", Unit::Count, Measure::Orders(sales())).forms().words("few orders", "many orders"),
    ];
    if has.revenue {
        let each = Measure::Ratio { of: Box::new(Measure::Amount(net())), by: Box::new(Measure::Orders(sales())) };
        all.push(
            feature("revenue", "Revenue", Unit::Money, Measure::Amount(net())).words("low revenue", "high revenue"),
        );
        all.push(
            feature("avg_order_value", "Average order value", Unit::Money, each)
                .forms()
                .words("small baskets", "big baskets"),
        );
    }
    all.push(
        feature("tenure_days", "Days since first order", Unit::Days, Measure::DaysSinceFirst(sales()))
            .words("new", "long-standing"),
    );
    all.push(
        feature("interpurchase_days", "Days between orders", Unit::Days, Measure::MeanGap(sales()))
            .words("buys often", "buys seldom"),
    );
    all.push(
        feature("repeat_days", "Days with a repeat order", Unit::Count, Measure::ActiveDays(sales().repeat()))
            .words("bought once", "came back often"),
    );
    all.push(
        feature("first_to_last_days", "Days from first to last order", Unit::Days, Measure::DaysSpanned(sales()))
            .words("short history", "long history"),
    );
    if has.revenue {
        let each = Measure::Ratio {
            of: Box::new(Measure::Amount(net().repeat())),
            by: Box::new(Measure::ActiveDays(sales().repeat())),
        };
        all.push(
            feature("repeat_day_value", "Revenue per day with a repeat order", Unit::Money, each)
                .words("small repeat orders", "big repeat orders"),
        );
    }
    if has.returns {
        let rate = Measure::Rate {
            hits: Box::new(Measure::Count(Rows::lines(Lines::Returns))),
            trials: Box::new(Measure::Count(Rows::lines(Lines::All))),
        };
        all.push(
            feature("return_rate", "Share of lines returned", Unit::Share, rate).words("few returns", "many returns"),
        );
    }
    if has.products {
        all.push(
            feature(
                "distinct_products",
                "Different products",
                Unit::Count,
                Measure::Distinct { rows: sales(), of: Key::Product },
            )
            .words("narrow range", "wide range"),
        );
    }
    all.push(
        feature("overdue_ratio", "Quiet by own rhythm", Unit::Number, Measure::Overdue(sales()))
            .words("on time", "overdue"),
    );
    all.push(
        feature("gap_variation", "Irregularity of orders", Unit::Number, Measure::GapVariation(sales()))
            .words("regular", "irregular"),
    );
    for days in WINDOWS {
        all.push(feature(
            &format!("orders_{days}d"),
            &format!("Orders in the last {days} days"),
            Unit::Count,
            Measure::Orders(sales().last(days)),
        ));
        if has.revenue {
            all.push(feature(
                &format!("revenue_{days}d"),
                &format!("Revenue of the last {days} days"),
                Unit::Money,
                Measure::Amount(net().last(days)),
            ));
        }
    }
    let change = |now, before| Measure::Change { now: Box::new(now), before: Box::new(before) };
    all.push(
        feature(
            "orders_trend",
            "Change in orders, last 90 days",
            Unit::Change,
            change(Measure::Orders(sales().last(TREND)), Measure::Orders(sales().before(TREND))),
        )
        .words("buying less", "buying more"),
    );
    if has.revenue {
        all.push(
            feature(
                "revenue_trend",
                "Change in revenue, last 90 days",
                Unit::Change,
                change(Measure::Amount(sales().last(TREND)), Measure::Amount(sales().before(TREND))),
            )
            .words("spending less", "spending more"),
        );
        let whale = Measure::Beyond { of: Box::new(Measure::Amount(net())), quantile: WHALE };
        all.push(feature("whale", "Among the top 0.5 % by revenue", Unit::Level, whale).levels(Scale::Binary));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::super::Role;
    use super::*;

    #[test]
    fn names_follow_what_the_orders_hold() {
        let names = |revenue, products, returns| {
            features(Available { revenue, products, returns }).iter().map(|f| f.name.clone()).collect::<Vec<_>>()
        };
        let all = names(true, true, true);
        for name in [
            "recency_days",
            "orders",
            "revenue",
            "avg_order_value",
            "tenure_days",
            "interpurchase_days",
            "repeat_days",
            "first_to_last_days",
            "repeat_day_value",
            "return_rate",
            "distinct_products",
            "overdue_ratio",
            "gap_variation",
            "orders_28d",
            "revenue_365d",
            "orders_trend",
            "revenue_trend",
            "whale",
        ] {
            assert!(all.iter().any(|n| n == name), "{name}");
        }
        let bare = names(false, false, false);
        assert!(!bare.iter().any(|n| n.contains("revenue") || n == "whale" || n == "return_rate"), "{bare:?}");
    }

    #[test]
    fn recency_frequency_and_order_value_form_segments() {
        let forming: Vec<String> = features(Available { revenue: true, products: true, returns: true })
            .into_iter()
            .filter(|f| f.role == Role::Form)
            .map(|f| f.name)
            .collect();
        assert_eq!(forming, ["recency_days", "orders", "avg_order_value"]);
    }
}
