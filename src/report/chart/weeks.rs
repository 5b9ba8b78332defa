//! Orders by week: a week that is missing explains a trend that is none.

use super::{Anchor, Drawing, INK, MUTED, PALETTE, RULE, WIDTH, svg};
use crate::error::Result;
use crate::features::Unit;
use crate::report::{Report, WeekFacts};

/// Rows of the data table at most; beyond, months stand for weeks.
const ROWS: usize = 60;

/// Draws the chart; `None` with fewer than three weeks.
pub fn draw(report: &Report, id: &str) -> Result<Option<Drawing>> {
    let weeks = &report.weeks;
    if weeks.len() < 3 {
        return Ok(None);
    }
    let empty: Vec<&WeekFacts> = weeks.iter().filter(|week| week.orders == 0).collect();
    let title = match empty.len() {
        0 => format!("There are orders in each of {} weeks", weeks.len()),
        1 => format!("The week from {} has no orders", empty[0].from),
        n => format!("{n} of {} weeks have no orders, the first from {}", weeks.len(), empty[0].from),
    };
    let most = weeks.iter().map(|week| week.orders).max().unwrap_or(1).max(1);
    let (left, right, top, bottom) = (70, 880, 16, 150);
    let x = |at: usize| left + ((right - left) as i64 * at as i64 / weeks.len() as i64) as i32;
    let y = |orders: usize| bottom - (orders as f64 / most as f64 * f64::from(bottom - top)).round() as i32;
    let description = "Orders of known customers in each week; an empty week is marked below the line.";
    let drawn = svg(id, &title, description, (WIDTH, 196), |canvas| {
        canvas.text(left - 8, top, &Unit::Count.format(most as f64, ""), 12, Anchor::End, MUTED)?;
        canvas.text(left - 8, bottom, "0", 12, Anchor::End, MUTED)?;
        canvas.line((left, top), (right, top), RULE)?;
        for (at, week) in weeks.iter().enumerate() {
            let gap = i32::from(x(at + 1) - x(at) > 3);
            if week.orders > 0 {
                canvas.rect(
                    x(at),
                    y(week.orders),
                    (x(at + 1) - x(at) - gap).max(1),
                    bottom - y(week.orders),
                    PALETTE[5],
                )?;
            } else {
                canvas.marker(x(at), bottom + 8, 3, Some(1))?;
            }
        }
        canvas.line((left, bottom), (right, bottom), MUTED)?;
        // The first, the last, and what lies evenly between.
        let dates = 5.min(weeks.len());
        for tick in 0..dates {
            let at = (weeks.len() - 1) * tick / (dates - 1).max(1);
            let anchor = match tick {
                0 => Anchor::Start,
                _ if tick + 1 == dates => Anchor::End,
                _ => Anchor::Middle,
            };
            canvas.text(x(at).min(right), bottom + 26, &weeks[at].from, 12, anchor, INK)?;
        }
        Ok(())
    })?;
    let by_month = weeks.len() > ROWS;
    let mut rows: Vec<(String, usize)> = Vec::new();
    for week in weeks {
        let name = if by_month { week.from[..7].to_string() } else { week.from.clone() };
        match rows.last_mut() {
            Some((last, orders)) if *last == name => *orders += week.orders,
            _ => rows.push((name, week.orders)),
        }
    }
    let header = vec![if by_month { "Weeks that begin in" } else { "Week from" }.to_string(), "Orders".into()];
    let rows = rows.into_iter().map(|(name, orders)| vec![name, Unit::Count.format(orders as f64, "")]).collect();
    Ok(Some(Drawing { title, svg: drawn, header, rows }))
}
