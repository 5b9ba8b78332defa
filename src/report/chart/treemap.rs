//! Everybody at a glance: the larger the cell, the more revenue (or customers, where there is none). Beside it stand the exact bars.

use super::{Anchor, Drawing, INK, MUTED, SOFT, WIDTH, colour, svg, text_width};
use crate::error::Result;
use crate::features::Unit;
use crate::report::Report;

const HEIGHT: i32 = 300;

/// Pixels between cells.
const GAP: i32 = 4;

/// A rectangle in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Cell {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

/// Cells of these areas in a rectangle, as square as they come (squarified treemap: Bruls, Huizing & van Wijk 2000). `areas` descend and fill it.
fn squarify(areas: &[f64], mut left: Cell) -> Vec<Cell> {
    let mut cells = Vec::with_capacity(areas.len());
    let mut at = 0;
    while at < areas.len() {
        let side = left.width.min(left.height);
        // The worst ratio of sides in a row of these cells along the shorter side.
        let worst = |row: &[f64]| {
            let sum: f64 = row.iter().sum();
            let thick = sum / side;
            row.iter().map(|area| (thick * thick / area).max(area / (thick * thick))).fold(1.0, f64::max)
        };
        let mut end = at + 1;
        while end < areas.len() && worst(&areas[at..=end]) <= worst(&areas[at..end]) {
            end += 1;
        }
        let thick = areas[at..end].iter().sum::<f64>() / side;
        let mut along = 0.0;
        for area in &areas[at..end] {
            let length = area / thick;
            cells.push(if left.width >= left.height {
                Cell { x: left.x, y: left.y + along, width: thick, height: length }
            } else {
                Cell { x: left.x + along, y: left.y, width: length, height: thick }
            });
            along += length;
        }
        if left.width >= left.height {
            left = Cell { x: left.x + thick, width: left.width - thick, ..left };
        } else {
            left = Cell { y: left.y + thick, height: left.height - thick, ..left };
        }
        at = end;
    }
    cells
}

/// Draws the chart; `None` with fewer than two segments.
pub fn draw(report: &Report, id: &str) -> Result<Option<Drawing>> {
    let has_revenue = report.everyone.share_revenue.is_some();
    let groups = report
        .segments
        .iter()
        .enumerate()
        .map(|(i, s)| (Some(report.colour(i)), s.id.as_str(), s.persona.name.as_str(), &s.profile));
    let rest = report.unclustered.iter().map(|profile| (None, "–", "Unclustered", profile));
    let mut cells: Vec<_> = groups
        .chain(rest)
        .map(|(segment, id, name, profile)| {
            let share = profile.share_revenue.filter(|_| has_revenue).unwrap_or(profile.share_customers);
            (segment, id, name, profile, share)
        })
        .filter(|cell| cell.4 > 0.0)
        .collect();
    if cells.len() < 2 {
        return Ok(None);
    }
    cells.sort_by(|a, b| b.4.total_cmp(&a.4));
    let total: f64 = cells.iter().map(|cell| cell.4).sum();
    let whole = f64::from(WIDTH) * f64::from(HEIGHT);
    let areas: Vec<f64> = cells.iter().map(|cell| cell.4 / total * whole).collect();
    let places = squarify(&areas, Cell { x: 0.0, y: 0.0, width: f64::from(WIDTH), height: f64::from(HEIGHT) });
    let of = if has_revenue { "revenue" } else { "customers" };
    let title = if cells[0].4 >= 0.5 * total {
        format!("{} are more than half of {of}", cells[0].2)
    } else if cells[0].4 + cells[1].4 >= 0.5 * total {
        format!("{} and {} are more than half of {of}", cells[0].2, cells[1].2)
    } else {
        format!("{} are the largest part of {of}", cells[0].2)
    };
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    let worth = |profile: &crate::segment::profile::Profile| {
        let customers = format!("{} customers", Unit::Count.format(profile.customers as f64, ""));
        profile
            .revenue
            .map_or(customers.clone(), |r| format!("{} · {customers}", Unit::Money.format(r, &report.currency)))
    };
    let description: Vec<String> = cells.iter().map(|cell| format!("{}: {}", cell.2, percent(cell.4))).collect();
    let drawn = svg(id, &title, &description.join("; "), (WIDTH, HEIGHT as u32), |canvas| {
        for ((segment, id, name, profile, share), place) in cells.iter().zip(&places) {
            let (x, y) = (place.x.round() as i32, place.y.round() as i32);
            let width = (place.x + place.width).round() as i32 - x - GAP;
            let height = (place.y + place.height).round() as i32 - y - GAP;
            if width < 4 || height < 4 {
                continue;
            }
            canvas.rect(x, y, width, height, SOFT)?;
            canvas.rect(x, y, width, 6.min(height), colour(*segment))?;
            let room = width - 20;
            let lines = [
                (format!("{id}  {}", percent(*share)), 15, true),
                ((*name).to_string(), 14, false),
                (worth(profile), 12, false),
            ];
            for (line, (text, size, bold)) in lines.into_iter().enumerate() {
                let at = y + 24 + line as i32 * 21;
                if at + 9 > y + height || room < 30 {
                    break;
                }
                // What does not fit is left to the bars and the table; the id always does.
                let whole = text_width(&text, size) <= room;
                let text = match (whole, bold) {
                    (true, _) => text,
                    (false, true) => (*id).to_string(),
                    (false, false) => break,
                };
                if bold {
                    canvas.bold(x + 10, at, &text, size, Anchor::Start, INK)?;
                } else {
                    canvas.text(x + 10, at, &text, size, Anchor::Start, if line == 1 { INK } else { MUTED })?;
                }
            }
        }
        Ok(())
    })?;
    let rows =
        cells.iter().map(|cell| vec![format!("{} {}", cell.1, cell.2), percent(cell.4), worth(cell.3)]).collect();
    Ok(Some(Drawing {
        title,
        svg: drawn,
        header: vec!["Segment".into(), format!("Share of {of}"), "Worth".into()],
        rows,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_those_of_the_paper() {
        // Bruls, Huizing & van Wijk (2000), figure 3: areas 6 6 4 3 2 2 1 in 6 × 4.
        let whole = Cell { x: 0.0, y: 0.0, width: 6.0, height: 4.0 };
        let cells = squarify(&[6.0, 6.0, 4.0, 3.0, 2.0, 2.0, 1.0], whole);
        let close = |a: f64, b: f64| (a - b).abs() < 1e-9;
        assert!(close(cells[0].width, 3.0) && close(cells[0].height, 2.0), "{cells:?}");
        assert!(close(cells[2].width, 4.0 / (7.0 / 3.0)) && close(cells[2].height, 7.0 / 3.0), "{cells:?}");
        let covered: f64 = cells.iter().map(|cell| cell.width * cell.height).sum();
        assert!(close(covered, 24.0));
    }
}
