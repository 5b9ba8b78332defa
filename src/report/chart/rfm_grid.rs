//! The RFM grid: how many customers in each cell of recency and frequency, tinted by what the middle one spends. Best is at
//! the top right; cells of one segment lie close together.

use super::{Anchor, Drawing, INK, MUTED, ON_DARK, ON_LIGHT, RULE, WIDTH, short, svg};
use crate::error::Result;
use crate::features::Unit;
use crate::report::rfm::{few, finding};
use crate::report::{Report, SMALL_CELL};
use crate::segment::rfm_grid::facts::CellFacts;
use plotters::style::RGBColor;

/// Steps of the ramp: few enough to tell apart, and far enough for text to be readable on each.
const STEPS: i32 = 5;

/// From little to much money: the colour of a step, and of text on it.
fn tint(step: i32) -> (RGBColor, RGBColor) {
    let t = f64::from(step) / f64::from(STEPS - 1);
    let mix = |from: f64, to: f64| (from + (to - from) * t).round() as u8;
    let fill = RGBColor(mix(228.0, 10.0), mix(236.0, 56.0), mix(247.0, 140.0));
    (fill, if t > 0.6 { ON_DARK } else { ON_LIGHT })
}

/// How many there are in a cell, or that there are few.
fn customers(cell: &CellFacts) -> String {
    if (1..SMALL_CELL).contains(&cell.customers) {
        few(SMALL_CELL)
    } else {
        Unit::Count.format(cell.customers as f64, "")
    }
}

/// Draws the chart; `None` without a grid.
pub fn draw(report: &Report, id: &str) -> Result<Option<Drawing>> {
    let Some(facts) = &report.rfm else { return Ok(None) };
    let bins = i32::from(facts.bins);
    let money = |v: f64| Unit::Money.format(v, &report.currency);
    let medians = || facts.cells.iter().filter_map(|c| c.median_revenue);
    let low = medians().fold(f64::INFINITY, f64::min).max(0.0);
    let high = medians().fold(0.0, f64::max);
    // Logarithms, because spending is skewed: one cell of whales would leave all others pale.
    let step = |v: f64| {
        let span = high.ln_1p() - low.ln_1p();
        let t = if span > 0.0 { ((v.max(0.0).ln_1p() - low.ln_1p()) / span).clamp(0.0, 1.0) } else { 0.0 };
        (t * f64::from(STEPS - 1)).round() as i32
    };
    let cell = |r: i32, f: i32| facts.cells.iter().find(|c| (i32::from(c.r), i32::from(c.f)) == (r, f));
    let together =
        |a: &CellFacts, b: Option<&CellFacts>| b.is_some_and(|b| a.segment.is_some() && a.segment == b.segment);
    let (left, top) = (84, 10);
    let width = (WIDTH as i32 - left - 10) / bins;
    let row = if bins > 5 { 62 } else { 78 };
    let height = top + bins * row + 84;
    let by_money = facts.check.cells > facts.cells.len();
    let title = finding(facts);
    let description = "Rows are recency scores, columns frequency scores, best at the top right. A cell holds the number of \
                       customers and the median spend; darker is more money. Cells of one segment lie close together.";
    let drawn = svg(id, &title, description, (WIDTH, height as u32), |canvas| {
        for score in 1..=bins {
            let y = top + (bins - score) * row + row / 2;
            canvas.text(left - 12, y, &score.to_string(), 14, Anchor::End, INK)?;
            let x = left + (score - 1) * width + width / 2;
            canvas.text(x, top + bins * row + 14, &score.to_string(), 14, Anchor::Middle, INK)?;
        }
        canvas.text(4, top + 12, "recent", 12, Anchor::Start, MUTED)?;
        canvas.text(4, top + bins * row - 12, "lapsed", 12, Anchor::Start, MUTED)?;
        canvas.text(4, top + bins * row / 2, "recency", 13, Anchor::Start, INK)?;
        let axis = top + bins * row + 36;
        canvas.text(left, axis, "few orders", 12, Anchor::Start, MUTED)?;
        canvas.text(left + bins * width, axis, "many orders", 12, Anchor::End, MUTED)?;
        canvas.text(left + bins * width / 2, axis, "frequency", 13, Anchor::Middle, INK)?;
        for fact in &facts.cells {
            let (r, f) = (i32::from(fact.r), i32::from(fact.f));
            // A cell reaches almost to its neighbour of the same segment and keeps away from others.
            let gap = |r: i32, f: i32| if together(fact, cell(r, f)) { 1 } else { 4 };
            let (west, east, north, south) = (gap(r, f - 1), gap(r, f + 1), gap(r + 1, f), gap(r - 1, f));
            let (x, y) = (left + (f - 1) * width, top + (bins - r) * row);
            let (fill, ink) = fact.median_revenue.map_or((RULE, INK), |v| tint(step(v)));
            canvas.rect(x + west, y + north, width - west - east, row - north - south, fill)?;
            let middle = x + width / 2;
            let count = customers(fact);
            canvas.bold(middle, y + row * 24 / 78, &count, 18, Anchor::Middle, ink)?;
            if let Some(median) = fact.median_revenue {
                canvas.text(middle, y + row * 44 / 78, &money(median), 13, Anchor::Middle, ink)?;
            }
            if let Some(name) = &fact.segment {
                let shown = short(name, (width / 8).max(3) as usize);
                canvas.text(middle, y + row * 63 / 78, &shown, 12, Anchor::Middle, ink)?;
            }
        }
        let y = height - 16;
        for step in 0..STEPS {
            canvas.rect(left + step * 30, y - 6, 28, 12, tint(step).0)?;
        }
        let mut said =
            if high > 0.0 { format!("median spend, {} to {}", money(low), money(high)) } else { "no spend".into() };
        if by_money {
            said.push_str("; the name is that of most customers in the cell");
        }
        canvas.text(left + 158, y, &said, 12, Anchor::Start, MUTED)
    })?;
    let rows = facts
        .cells
        .iter()
        .rev()
        .map(|c| {
            vec![
                format!("R {} F {}", c.r, c.f),
                c.segment.clone().unwrap_or("–".into()),
                customers(c),
                c.median_revenue.map_or("–".into(), money),
            ]
        })
        .collect();
    let named = if by_money { "Segment of most" } else { "Segment" };
    let header = ["Cell", named, "Customers", "Median revenue"].map(String::from).to_vec();
    Ok(Some(Drawing { title, svg: drawn, header, rows }))
}

#[cfg(test)]
mod tests {
    use super::super::super::sample::{no_revenue, report};
    use super::*;

    fn luminance(c: RGBColor) -> f64 {
        let part = |v: u8| {
            let v = f64::from(v) / 255.0;
            if v <= 0.040_45 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * part(c.0) + 0.7152 * part(c.1) + 0.0722 * part(c.2)
    }

    #[test]
    fn a_few_people_are_only_that() {
        let mut report = report(3);
        let grid = report.rfm.as_mut().expect("a grid");
        (grid.cells[0].customers, grid.segments[0].customers) = (9, 3);
        report.rfm = report.rfm.map(|grid| grid.without_few(SMALL_CELL));
        let drawing = draw(&report, "x").expect("drawn").expect("a chart");
        let cell = drawing.rows.iter().find(|row| row[0] == "R 1 F 1").expect("the cell");
        assert_eq!((cell[2].as_str(), cell[3].as_str()), ("< 10", "–"));
        assert!(drawing.svg.contains("&lt; 10"));
        let rows = crate::report::rfm::segment_rows(report.rfm.as_ref().expect("a grid"), "GBP", SMALL_CELL);
        assert!(rows[0][1] == "< 10" && rows[0][2..].iter().all(|cell| cell == "–"), "{rows:?}");
        assert!(rows[1][1] != "< 10");
    }

    #[test]
    fn text_is_readable_on_every_tint() {
        for step in 0..STEPS {
            let (fill, ink) = tint(step);
            let (a, b) = (luminance(fill), luminance(ink));
            let contrast = (a.max(b) + 0.05) / (a.min(b) + 0.05);
            assert!(contrast >= 4.5, "{step}: {contrast}");
        }
    }

    #[test]
    fn best_is_at_the_top_right() {
        let drawing = draw(&report(3), "rfm-grid").expect("a chart").expect("a grid");
        assert_eq!(drawing.rows[0][..2], ["R 5 F 5".to_string(), "Champions".into()]);
        assert_eq!(drawing.rows.len(), 25);
        assert!(drawing.title.starts_with("Champions: "), "{}", drawing.title);
        assert_eq!(draw(&no_revenue(), "rfm-grid").expect("no error"), None);
    }
}
