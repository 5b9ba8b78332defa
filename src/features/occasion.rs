//! When the customer buys: named days of the year, weekdays, times of day, gifts.

use super::{Family, Feature, Lines, Measure, Rows, Unit, capitalised};
use chrono::{Datelike, NaiveDate};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Days that come back every year.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, deny_unknown_fields)]
pub enum Occasion {
    /// From one day to another, both included; may cross the new year: `{ from = "12-26", to = "01-06" }`.
    Dates {
        /// Month and day.
        from: String,
        /// Month and day.
        to: String,
    },
    /// Days before and after Easter Sunday: `{ easter = [-14, 0] }`.
    Easter {
        /// First and last day, Easter Sunday is 0.
        easter: [i32; 2],
    },
    /// Days before and after the Friday that follows the fourth Thursday of November: `{ black_friday = [-4, 3] }`.
    BlackFriday {
        /// First and last day, the Friday is 0.
        black_friday: [i32; 2],
    },
}

/// The occasions of a project that names none.
pub fn defaults() -> BTreeMap<String, Occasion> {
    let dates = |from: &str, to: &str| Occasion::Dates { from: from.into(), to: to.into() };
    BTreeMap::from([
        ("valentines".to_string(), dates("02-01", "02-14")),
        ("easter".into(), Occasion::Easter { easter: [-14, 0] }),
        ("back_to_school".into(), dates("08-15", "09-15")),
        ("black_friday".into(), Occasion::BlackFriday { black_friday: [-4, 3] }),
        ("christmas".into(), dates("12-01", "12-24")),
    ])
}

impl Occasion {
    /// First and last day of the occasion that begins in `year`, as days since 1970-01-01; `None` for no day at all, such as
    /// 02-29 in most years.
    pub fn days(&self, year: i32) -> Option<(i32, i32)> {
        let around = |date: NaiveDate, span: [i32; 2]| {
            let day = date.to_epoch_days();
            (span[0] <= span[1]).then_some((day + span[0], day + span[1]))
        };
        match self {
            Occasion::Dates { from, to } => {
                let (first, last) = (month_day(from)?, month_day(to)?);
                let start = NaiveDate::from_ymd_opt(year, first.0, first.1)?;
                let end = NaiveDate::from_ymd_opt(if last < first { year + 1 } else { year }, last.0, last.1)?;
                Some((start.to_epoch_days(), end.to_epoch_days()))
            }
            Occasion::Easter { easter: span } => around(easter_sunday(year)?, *span),
            Occasion::BlackFriday { black_friday: span } => {
                let first = NaiveDate::from_ymd_opt(year, 11, 1)?;
                // Day of the month of the first Thursday, then three weeks and a day on.
                let thursday = (11 - first.weekday().number_from_monday()) % 7 + 1;
                around(NaiveDate::from_ymd_opt(year, 11, thursday + 22)?, *span)
            }
        }
    }

    /// Whether it names days at all.
    pub fn is_valid(&self) -> bool {
        // A leap year, so that 02-29 is a day.
        self.days(2024).is_some()
    }
}

fn month_day(text: &str) -> Option<(u32, u32)> {
    let (month, day) = text.split_once('-')?;
    Some((month.parse().ok()?, day.parse().ok()?))
}

/// Easter Sunday of the Gregorian calendar (Meeus 1991, Astronomical Algorithms, chapter 8).
fn easter_sunday(year: i32) -> Option<NaiveDate> {
    let a = year % 19;
    let (b, c) = (year / 100, year % 100);
    let (d, e) = (b / 4, b % 4);
    let f = (b + 8) / 25;
    let g = (b - f + 1) / 3;
    let h = (19 * a + b - d - g + 15) % 30;
    let (i, k) = (c / 4, c % 4);
    let l = (32 + 2 * e + 2 * i - h - k) % 7;
    let m = (a + 11 * h + 22 * l) / 451;
    let n = h + l - 7 * m + 114;
    NaiveDate::from_ymd_opt(year, u32::try_from(n / 31).ok()?, u32::try_from(n % 31 + 1).ok()?)
}

/// What orders tell of time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Available {
    /// Lines have money.
    pub revenue: bool,
    /// Dates have a time of day.
    pub hours: bool,
    /// Some lines are gifts.
    pub gifts: bool,
}

/// Parts of the day, by hours.
const DAYPARTS: [(&str, [u8; 2]); 4] =
    [("morning", [5, 12]), ("afternoon", [12, 18]), ("evening", [18, 23]), ("night", [23, 5])];

/// The features of time, in column order.
pub fn features(occasions: &BTreeMap<String, Occasion>, has: Available) -> Vec<Feature> {
    let mut all = Vec::new();
    let mut share = |name: &str, label: &str, rows: &Rows| {
        let ratio = |of: Measure, by: Measure| Measure::Ratio { of: Box::new(of), by: Box::new(by) };
        let orders = ratio(Measure::Orders(rows.clone()), Measure::Orders(Rows::sales()));
        all.push(
            Feature::new(
                format!("{name}_order_share"),
                format!("Share of orders {label}"),
                Family::Occasion,
                Unit::Share,
                orders,
            )
            .words(format!("seldom buys {label}"), format!("buys {label}")),
        );
        if has.revenue {
            let net = Rows { lines: Lines::Sales, ..rows.clone() };
            let money = ratio(Measure::Amount(net), Measure::Amount(Rows::sales()));
            all.push(Feature::new(
                format!("{name}_revenue_share"),
                format!("Share of sales {label}"),
                Family::Occasion,
                Unit::Share,
                money,
            ));
        }
    };
    for (name, occasion) in occasions {
        let words = capitalised(&name.replace(['_', '-'], " "));
        share(name, &format!("at {words}"), &Rows { occasion: Some(occasion.clone()), ..Rows::sales() });
    }
    share("weekend", "on weekends", &Rows { weekdays: vec![6, 7], ..Rows::sales() });
    if has.hours {
        for (name, hours) in DAYPARTS {
            share(name, &format!("in the {name}"), &Rows { hours: Some(hours), ..Rows::sales() });
        }
    }
    if has.gifts {
        share("gift", "as gifts", &Rows { gifts: true, ..Rows::sales() });
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn iso(days: Option<(i32, i32)>) -> (String, String) {
        let text = |day: i32| NaiveDate::from_epoch_days(day).expect("a day").to_string();
        days.map(|(a, b)| (text(a), text(b))).expect("an occasion")
    }

    #[test]
    fn easter_moves_as_the_church_says() {
        let easter = Occasion::Easter { easter: [0, 0] };
        for (year, day) in [
            (1818, "1818-03-22"),
            (1943, "1943-04-25"),
            (2000, "2000-04-23"),
            (2011, "2011-04-24"),
            (2024, "2024-03-31"),
            (2026, "2026-04-05"),
        ] {
            assert_eq!(iso(easter.days(year)).0, day);
        }
    }

    #[test]
    fn black_friday_follows_thanksgiving() {
        let friday = Occasion::BlackFriday { black_friday: [0, 0] };
        for (year, day) in [
            (2018, "2018-11-23"),
            (2019, "2019-11-29"),
            (2024, "2024-11-29"),
            (2025, "2025-11-28"),
            (2026, "2026-11-27"),
        ] {
            assert_eq!(iso(friday.days(year)).0, day);
        }
    }

    #[test]
    fn dates_may_cross_the_new_year() {
        let days = Occasion::Dates { from: "12-26".into(), to: "01-06".into() };
        assert_eq!(iso(days.days(2025)), ("2025-12-26".into(), "2026-01-06".into()));
        assert!(!Occasion::Dates { from: "13-01".into(), to: "01-06".into() }.is_valid());
        assert!(defaults().values().all(Occasion::is_valid));
    }

    #[test]
    fn occasions_read_from_toml() {
        let read: BTreeMap<String, Occasion> = toml::from_str(
            "a = { from = \"12-01\", to = \"12-24\" }\nb = { easter = [-14, 0] }\nc = { black_friday = [-4, 3] }",
        )
        .expect("occasions");
        assert_eq!(read.len(), 3);
        assert_eq!(read["b"], Occasion::Easter { easter: [-14, 0] });
    }

    #[test]
    fn shares_of_orders_and_money() {
        let names: Vec<String> = features(&defaults(), Available { revenue: true, hours: true, gifts: true })
            .into_iter()
            .map(|f| f.name)
            .collect();
        for name in [
            "christmas_order_share",
            "christmas_revenue_share",
            "weekend_order_share",
            "evening_order_share",
            "gift_revenue_share",
        ] {
            assert!(names.iter().any(|n| n == name), "{name}");
        }
        assert_eq!(features(&BTreeMap::new(), Available::default()).len(), 1);
    }
}
