//! The shop's shop as CSV text. No field holds a comma or a quote, so none is quoted.

use super::personas::LAST_DAY;
use super::{Customer, Event, EventKind, OrderLine, Shop, Stamp, SurveyAnswer, Truth};
use chrono::{Days, NaiveDate};
use std::fmt::{self, Write};

/// File names and header lines, in the order in which files are written.
pub(super) const FILES: [(&str, &str); 5] = [
    ("orders.csv", "order_id,order_date,customer_id,product_id,category,quantity,unit_price\n"),
    ("customers.csv", "customer_id,age,gender,region,income_band,household_size,signup_channel\n"),
    ("events.csv", "customer_id,event_time,event_type,campaign\n"),
    ("surveys.csv", "customer_id,answered_on,nps\n"),
    ("truth.csv", "customer_id,persona,bayes_persona\n"),
];

/// Day 0.
const FIRST_DAY: NaiveDate = NaiveDate::from_ymd_opt(2024, 1, 1).expect("a date that exists");

const CATEGORIES: [&str; 8] =
    ["kitchen", "garden", "lighting", "textiles", "toys", "stationery", "decoration", "outdoor"];

/// Writes rows; keeps the text of every day, which is most of a row's cost.
pub(super) struct Writer {
    days: Vec<String>,
}

impl Writer {
    pub(super) fn new() -> Self {
        let day = |d| (FIRST_DAY + Days::new(d)).format("%Y-%m-%d").to_string();
        Self { days: (0..=LAST_DAY as u64).map(day).collect() }
    }

    /// The rows of one of [`FILES`], by its position there, appended to `out`.
    pub(super) fn rows(&self, file: usize, shop: &Shop, out: &mut String) {
        let written = match file {
            0 => shop.orders.iter().try_for_each(|row| self.order_line(row, out)),
            1 => shop.customers.iter().try_for_each(|row| customer(row, out)),
            2 => shop.events.iter().try_for_each(|row| self.event(row, out)),
            3 => shop.surveys.iter().try_for_each(|row| self.answer(row, out)),
            _ => shop.truth.iter().try_for_each(|row| truth(row, out)),
        };
        written.expect("a String takes any text");
    }

    fn stamp(&self, at: Stamp, out: &mut String) -> fmt::Result {
        let second = at.second();
        let (h, m, s) = (second / 3600, second / 60 % 60, second % 60);
        write!(out, "{} {h:02}:{m:02}:{s:02}", self.days[at.day() as usize])
    }

    fn order_line(&self, row: &OrderLine, out: &mut String) -> fmt::Result {
        write!(out, "{}{:07},", if row.is_return { "C" } else { "" }, row.order)?;
        self.stamp(row.at, out)?;
        out.push(',');
        if let Some(customer) = row.customer {
            id(customer, out)?;
        }
        // Neighbours in the price list are of different categories.
        let category = CATEGORIES[row.product as usize * 3 % CATEGORIES.len()];
        write!(out, ",P{:04},{category},", row.product)?;
        match row.quantity {
            Some(quantity) => write!(out, "{quantity}")?,
            None => out.push_str("n/a"),
        }
        writeln!(out, ",{}.{:02}", row.cents / 100, row.cents % 100)
    }

    fn event(&self, row: &Event, out: &mut String) -> fmt::Result {
        id(row.customer, out)?;
        out.push(',');
        self.stamp(row.at, out)?;
        write!(out, ",{},", row.kind.as_str())?;
        match row.kind {
            EventKind::Session | EventKind::CartAdd => out.push('\n'),
            // One newsletter a week.
            _ => writeln!(out, "news-{:03}", row.at.day() / 7 + 1)?,
        }
        Ok(())
    }

    fn answer(&self, row: &SurveyAnswer, out: &mut String) -> fmt::Result {
        id(row.customer, out)?;
        writeln!(out, ",{},{}", self.days[row.day as usize], row.nps)
    }
}

fn id(customer: u32, out: &mut String) -> fmt::Result {
    write!(out, "C{:06}", customer + 1)
}

fn customer(row: &Customer, out: &mut String) -> fmt::Result {
    let number = |n: Option<u32>| n.map_or_else(String::new, |n| n.to_string());
    let (age, household) = (number(row.age), number(row.household_size));
    id(row.customer, out)?;
    let Customer { gender, region, income_band, signup_channel, .. } = row;
    writeln!(out, ",{age},{gender},{region},{income_band},{household},{signup_channel}")
}

fn truth(row: &Truth, out: &mut String) -> fmt::Result {
    id(row.customer, out)?;
    writeln!(out, ",{},{}", row.persona, row.bayes_persona)
}
