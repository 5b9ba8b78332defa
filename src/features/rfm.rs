//! Recency, frequency, money: what orders tell (Chen, Sain & Guo 2012; the definitions are those of the R package rfm and
//! of most marketing practice).
//!
//! Recency, the number of orders and the average order value form segments. Revenue is their product in spirit: beside the
//! number of orders it says the same twice (Online Retail: rank correlation 0.81 against 0.16 for the average order
//! value), so it describes. So do the rest: tenure and gaps restate the first two, and returns are few.

use super::{Family, Feature, Lines, Measure, Role, Rows, Scale, Unit};

/// What the orders of a project hold beside customers and orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Available {
    /// Lines have money.
    pub revenue: bool,
    /// Lines name a product.
    pub products: bool,
    /// Some line is a return.
    pub returns: bool,
}

/// The features of orders, in column order.
pub fn features(has: Available) -> Vec<Feature> {
    let feature = |name: &str, label: &str, unit, measure, role, low: &str, high: &str| Feature {
        name: name.into(),
        label: label.into(),
        family: Family::Rfm,
        unit,
        measure,
        scale: Scale::Numeric,
        role,
        low: low.into(),
        high: high.into(),
    };
    let sales = Rows::sales;
    let mut all = vec![
        feature(
            "recency_days",
            "Days since last order",
            Unit::Days,
            Measure::DaysSinceLast(sales()),
            Role::Form,
            "recent",
            "lapsed",
        ),
        feature("orders", "Orders", Unit::Count, Measure::Orders(sales()), Role::Form, "few orders", "frequent"),
    ];
    if has.revenue {
        all.push(feature(
            "revenue",
            "Revenue",
            Unit::Money,
            Measure::Amount(Rows::lines(Lines::Net)),
            Role::Describe,
            "low revenue",
            "high revenue",
        ));
        all.push(feature(
            "avg_order_value",
            "Average order value",
            Unit::Money,
            Measure::AmountPerOrder(Rows::lines(Lines::Net)),
            Role::Form,
            "small baskets",
            "big baskets",
        ));
    }
    all.push(feature(
        "tenure_days",
        "Days since first order",
        Unit::Days,
        Measure::DaysSinceFirst(sales()),
        Role::Describe,
        "new",
        "long-standing",
    ));
    all.push(feature(
        "interpurchase_days",
        "Days between orders",
        Unit::Days,
        Measure::MeanGap(sales()),
        Role::Describe,
        "close orders",
        "rare orders",
    ));
    if has.returns {
        all.push(feature(
            "return_rate",
            "Share of lines returned",
            Unit::Share,
            Measure::Rate { hits: Rows::lines(Lines::Returns), trials: Rows::lines(Lines::All) },
            Role::Describe,
            "few returns",
            "many returns",
        ));
    }
    if has.products {
        all.push(feature(
            "distinct_products",
            "Different products",
            Unit::Count,
            Measure::Products(sales()),
            Role::Describe,
            "narrow range",
            "wide range",
        ));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_what_the_orders_hold() {
        let names = |revenue, products, returns| {
            features(Available { revenue, products, returns }).iter().map(|f| f.name.clone()).collect::<Vec<_>>()
        };
        assert_eq!(
            names(true, true, true),
            [
                "recency_days",
                "orders",
                "revenue",
                "avg_order_value",
                "tenure_days",
                "interpurchase_days",
                "return_rate",
                "distinct_products"
            ]
        );
        assert_eq!(names(false, false, false), ["recency_days", "orders", "tenure_days", "interpurchase_days"]);
    }
}
