//! What lies in the basket: how much, how varied, how cheap. Describes segments; breadth grows with the number of orders, so
//! evenness and shares are what compares customers.

use super::{Family, Feature, Key, Lines, Measure, Rows, Scale, Unit};

/// What the order lines hold beside money.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Available {
    /// Lines belong to orders, so an order has a number of lines.
    pub orders: bool,
    /// Pieces.
    pub units: bool,
    /// Categories.
    pub categories: bool,
    /// Money taken off.
    pub discounts: bool,
    /// Channels.
    pub channels: bool,
}

/// The features of baskets, in column order.
pub fn features(has: Available) -> Vec<Feature> {
    let sales = Rows::sales;
    let feature = |name: &str, label: &str, unit: Unit, measure: Measure| {
        Feature::new(name, label, Family::Basket, unit, measure)
    };
    let per_order = |of: Measure| Measure::Ratio { of: Box::new(of), by: Box::new(Measure::Orders(sales())) };
    let mut all = Vec::new();
    if has.orders {
        all.push(
            feature("lines_per_order", "Lines per order", Unit::Count, per_order(Measure::Count(sales())))
                .words("few things at once", "many things at once"),
        );
    }
    if has.units {
        all.push(
            feature("units_per_order", "Pieces per order", Unit::Count, per_order(Measure::Units(sales())))
                .words("few pieces", "many pieces"),
        );
    }
    if has.categories {
        let of = Key::Category;
        all.push(
            feature(
                "distinct_categories",
                "Different categories",
                Unit::Count,
                Measure::Distinct { rows: sales(), of },
            )
            .words("few categories", "many categories"),
        );
        all.push(
            feature(
                "category_evenness",
                "Evenness over categories",
                Unit::Share,
                Measure::Evenness { rows: sales(), over: of },
            )
            .words("one-sided", "evenly spread"),
        );
        all.push(
            feature(
                "top_category_share",
                "Share of the favourite category",
                Unit::Share,
                Measure::TopShare { rows: sales(), of },
            )
            .words("no favourite", "one favourite"),
        );
        all.push(
            feature("top_category", "Favourite category", Unit::Level, Measure::Top { rows: sales(), of })
                .levels(Scale::Nominal),
        );
    }
    if has.discounts {
        // Of what the lines would have cost: the amount is what was paid.
        let list_price = Measure::Sum(vec![Measure::Amount(Rows::lines(Lines::Sales)), Measure::Discount(sales())]);
        let share = Measure::Ratio { of: Box::new(Measure::Discount(sales())), by: Box::new(list_price) };
        all.push(
            feature("discount_share", "Share of the list price taken off", Unit::Share, share)
                .words("pays full price", "buys reduced"),
        );
    }
    if has.channels {
        all.push(
            feature("top_channel", "Usual channel", Unit::Level, Measure::Top { rows: sales(), of: Key::Channel })
                .levels(Scale::Nominal),
        );
    }
    all
}

#[cfg(test)]
mod tests {
    use super::super::Role;
    use super::*;

    #[test]
    fn baskets_describe_what_their_lines_hold() {
        assert!(features(Available::default()).is_empty());
        let has = Available { orders: true, units: true, categories: true, discounts: true, channels: true };
        let all = features(has);
        assert!(all.iter().all(|f| f.role == Role::Describe && f.family == Family::Basket));
        let names: Vec<&str> = all.iter().map(|f| f.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "lines_per_order",
                "units_per_order",
                "distinct_categories",
                "category_evenness",
                "top_category_share",
                "top_category",
                "discount_share",
                "top_channel"
            ]
        );
    }
}
