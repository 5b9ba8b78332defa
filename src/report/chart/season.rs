//! When a segment buys: its orders by month, beside everyone's.

use super::{Anchor, Drawing, INK, MUTED, RULE, colour, svg};
use crate::error::Result;
use crate::report::{Report, SMALL_CELL};

/// Orders of a segment below which months are accidents.
const FEW: usize = 100;

/// Draws the months of one segment; `None` without months, or with too few customers or orders.
pub fn draw(report: &Report, segment: usize, id: &str) -> Result<Option<Drawing>> {
    let (Some(season), Some(facts)) = (&report.season, report.segments.get(segment)) else { return Ok(None) };
    let Some(orders) = season.segments.get(segment) else { return Ok(None) };
    let (own, all) = (orders.iter().sum::<usize>(), season.everyone.iter().sum::<usize>());
    if own < FEW || facts.profile.customers < SMALL_CELL {
        return Ok(None);
    }
    let here: Vec<f64> = orders.iter().map(|count| *count as f64 / own as f64).collect();
    let everyone: Vec<f64> = season.everyone.iter().map(|count| *count as f64 / all.max(1) as f64).collect();
    let most = here.iter().chain(&everyone).copied().fold(0.0, f64::max);
    let percent = |share: f64| format!("{:.0} %", share * 100.0);
    let (left, top, tall, step) = (4, 30, 110, 16);
    let width = left + step * here.len() as i32 + 4;
    let height = |share: f64| (share / most * f64::from(tall)).round() as i32;
    let title = format!("When {} order", facts.persona.name);
    let description = "Share of the orders in each month; the line is everyone's.";
    let (first, last) = (season.months.first().map_or("", |m| m), season.months.last().map_or("", |m| m));
    let drawn = svg(id, &title, description, (width as u32, (top + tall + 28) as u32), |canvas| {
        canvas.text(2, 10, "Orders by month (line: all)", 13, Anchor::Start, INK)?;
        canvas.line((left, top + tall), (width - 4, top + tall), RULE)?;
        for (at, (share, all)) in here.iter().zip(&everyone).enumerate() {
            let x = left + at as i32 * step;
            canvas.rect(
                x + 1,
                top + tall - height(*share),
                step - 4,
                height(*share),
                colour(Some(report.colour(segment))),
            )?;
            let y = top + tall - height(*all);
            canvas.path(vec![(x, y), (x + step - 1, y)], INK, 2)?;
        }
        canvas.text(left, top + tall + 14, first, 12, Anchor::Start, MUTED)?;
        canvas.text(width - 4, top + tall + 14, last, 12, Anchor::End, MUTED)
    })?;
    let rows = season.months.iter().zip(here.iter().zip(&everyone));
    Ok(Some(Drawing {
        title,
        svg: drawn,
        header: ["Month", "Here", "All"].map(String::from).to_vec(),
        rows: rows.map(|(month, (here, all))| vec![month.clone(), percent(*here), percent(*all)]).collect(),
    }))
}
