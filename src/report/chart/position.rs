//! Where a segment stands in the RFM grid: a dot per cell of recency and frequency, as large as its share. Oriented as the grid is, best
//! at the top right.

use super::{Anchor, Drawing, INK, MUTED, RULE, colour, svg};
use crate::error::Result;
use crate::report::Report;

/// Rows of the table at most.
const ROWS: usize = 8;

/// Draws the place of one segment; `None` without a grid, or where every cell is too small to show.
pub fn draw(report: &Report, segment: usize, id: &str) -> Result<Option<Drawing>> {
    let (Some(grid), Some(facts)) = (&report.rfm, report.segments.get(segment)) else { return Ok(None) };
    let Some(counts) = report.positions.get(segment).filter(|counts| counts.len() == grid.cells.len()) else {
        return Ok(None);
    };
    let all = facts.profile.customers.max(1) as f64;
    let mut cells: Vec<(u8, u8, f64)> =
        grid.cells.iter().zip(counts).map(|(cell, count)| (cell.r, cell.f, *count as f64 / all)).collect();
    let largest = cells.iter().map(|cell| cell.2).fold(0.0, f64::max);
    if largest <= 0.0 {
        return Ok(None);
    }
    let percent = |share: f64| format!("{:.0} %", share * 100.0);
    let (left, top, step) = (62, 30, if grid.bins > 5 { 14 } else { 22 });
    let side = i32::from(grid.bins) * step;
    let title = format!("Where {} stand in the RFM grid", facts.persona.name);
    let description =
        "Rows are recency, columns frequency, best at the top right; the larger a dot, the more of the segment.";
    let drawn = svg(id, &title, description, ((left + side + 8) as u32, (top + side + 28) as u32), |canvas| {
        canvas.text(2, 10, "Place in the RFM grid", 13, Anchor::Start, INK)?;
        canvas.text(left - 8, top + step / 2, "recent", 12, Anchor::End, MUTED)?;
        canvas.text(left - 8, top + side - step / 2, "lapsed", 12, Anchor::End, MUTED)?;
        canvas.text(left, top + side + 14, "rare", 12, Anchor::Start, MUTED)?;
        canvas.text(left + side, top + side + 14, "often", 12, Anchor::End, MUTED)?;
        for (r, f, share) in &cells {
            let x = left + (i32::from(*f) - 1) * step + step / 2;
            let y = top + (i32::from(grid.bins) - i32::from(*r)) * step + step / 2;
            canvas.dot(x, y, 2, RULE)?;
            let radius = ((share / largest).sqrt() * f64::from(step / 2 - 1)).round() as i32;
            if *share > 0.0 {
                canvas.dot(x, y, radius.max(3), colour(Some(report.colour(segment))))?;
            }
        }
        Ok(())
    })?;
    cells.retain(|cell| cell.2 > 0.0);
    cells.sort_by(|a, b| b.2.total_cmp(&a.2));
    cells.truncate(ROWS);
    Ok(Some(Drawing {
        title,
        svg: drawn,
        header: vec!["Cell".into(), "Share of the segment".into()],
        rows: cells.into_iter().map(|(r, f, share)| vec![format!("R {r}, F {f}"), percent(share)]).collect(),
    }))
}
