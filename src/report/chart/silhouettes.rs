//! How well customers sit in their segment: the silhouettes of each, best first (Rousseeuw 1987, section 3).

use super::{Anchor, Drawing, INK, MUTED, RULE, WIDTH, colour, fit, svg};
use crate::error::Result;
use crate::report::Report;

/// Draws the chart; `None` with fewer than two segments.
pub fn draw(report: &Report, id: &str) -> Result<Option<Drawing>> {
    let widths = &report.widths;
    if widths.len() < 2 || widths.len() != report.segments.len() {
        return Ok(None);
    }
    let percent = |share: f64| format!("{:.0} %", share * 100.0);
    let worst = (0..widths.len())
        .max_by(|&a, &b| widths[a].nearer_to_another.total_cmp(&widths[b].nearer_to_another))
        .unwrap_or(0);
    let title = format!(
        "{}: {} lie nearer to another segment, the most of all",
        report.segments[worst].persona.name,
        percent(widths[worst].nearer_to_another)
    );
    let (left, right, row) = (300, 800, 54);
    let least = widths.iter().flat_map(|w| &w.quantiles).copied().fold(-0.1, f64::min);
    let most = widths.iter().flat_map(|w| &w.quantiles).copied().fold(0.3, f64::max);
    let x = |width: f64| left + ((width - least) / (most - least) * f64::from(right - left)).round() as i32;
    let height = 30 + widths.len() as i32 * row;
    let description = "One shape per segment, its customers from the best placed on top to the worst; left of zero they are nearer to another segment.";
    let drawn = svg(id, &title, description, (WIDTH, height as u32), |canvas| {
        for tenth in -10..=10 {
            let width = f64::from(tenth) / 10.0;
            if tenth % 2 == 0 && (least..=most).contains(&width) {
                canvas.line((x(width), 22), (x(width), height - 6), if tenth == 0 { MUTED } else { RULE })?;
                canvas.text(x(width), 10, &format!("{width:.1}"), 12, Anchor::Middle, MUTED)?;
            }
        }
        for (i, (segment, facts)) in report.segments.iter().zip(widths).enumerate() {
            let top = 28 + i as i32 * row;
            let inside = row - 12;
            canvas.text(
                left - 70,
                top + inside / 2,
                &fit(&format!("{}  {}", segment.id, segment.persona.name), 13, left - 80),
                13,
                Anchor::End,
                INK,
            )?;
            let last = facts.quantiles.len() as i32 - 1;
            let mut shape: Vec<(i32, i32)> = facts
                .quantiles
                .iter()
                .enumerate()
                .map(|(at, width)| (x(*width), top + inside * at as i32 / last))
                .collect();
            shape.extend([(x(0.0), top + inside), (x(0.0), top)]);
            canvas.area(shape, colour(Some(report.colour(i))))?;
            canvas.text(right + 12, top + inside / 2, &format!("mean {:.2}", facts.mean), 13, Anchor::Start, MUTED)?;
        }
        Ok(())
    })?;
    let rows = report.segments.iter().zip(widths).map(|(s, w)| {
        vec![
            format!("{} {}", s.id, s.persona.name),
            format!("{:.3}", w.mean),
            format!("{:.3}", w.quantiles[w.quantiles.len() / 2]),
            percent(w.nearer_to_another),
        ]
    });
    let header = ["Segment", "Mean silhouette", "Median", "Nearer to another"].map(String::from).to_vec();
    Ok(Some(Drawing { title, svg: drawn, header, rows: rows.collect() }))
}
