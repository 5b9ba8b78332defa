//! Why this number: quality over k (or eps), one small panel per measure, the chosen one marked.

use super::{Anchor, Drawing, INK, MUTED, PALETTE, RULE, WIDTH, svg};
use crate::error::Result;
use crate::evidence::select::Candidate;
use crate::report::Report;

type Panel = (&'static str, fn(&Candidate) -> Option<f64>);

const PANELS: [Panel; 4] = [
    ("silhouette", |c| c.silhouette),
    ("stability", |c| c.stability),
    ("smallest segment, share", |c| Some(c.smallest)),
    ("unclustered, share", |c| Some(c.unclustered)),
];

/// Draws the chart; `None` when nothing was chosen between.
pub fn draw(report: &Report, id: &str) -> Result<Option<Drawing>> {
    let candidates = &report.method.sweep;
    if candidates.len() < 2 {
        return Ok(None);
    }
    let panels: Vec<Panel> =
        PANELS.into_iter().filter(|(_, value)| candidates.iter().any(|c| value(c).is_some_and(|v| v != 0.0))).collect();
    let over =
        if matches!(report.method.algorithm.as_str(), "dbscan" | "optics") { "eps" } else { "number of segments" };
    let chosen = candidates.iter().find(|c| c.chosen);
    let title = chosen
        .map_or_else(|| format!("Quality over {over}"), |c| format!("Quality over {over}; {} was chosen", c.value));
    let gap = 30;
    let width = (WIDTH as i32 - gap) / panels.len().max(1) as i32;
    let drawn =
        svg(id, &title, "One panel per measure; the vertical line marks the choice.", (WIDTH, 210), |canvas| {
            for (p, (name, value)) in panels.iter().enumerate() {
                let left = gap + p as i32 * width + 16;
                let right = gap + (p as i32 + 1) * width - 20;
                let x = |i: usize| left + (right - left) * i as i32 / (candidates.len() as i32 - 1).max(1);
                let top_value = candidates.iter().filter_map(value).fold(f64::MIN_POSITIVE, f64::max);
                let y = |v: f64| 160 - (v.max(0.0) / top_value * 120.0).round() as i32;
                canvas.text(left, 14, name, 13, Anchor::Start, INK)?;
                canvas.line((left, 160), (right, 160), RULE)?;
                canvas.text(left - 6, 40, &format!("{top_value:.2}"), 11, Anchor::End, MUTED)?;
                canvas.text(left - 6, 160, "0", 11, Anchor::End, MUTED)?;
                if let Some(i) = candidates.iter().position(|c| c.chosen) {
                    canvas.line((x(i), 28), (x(i), 160), MUTED)?;
                }
                let points: Vec<(i32, i32)> =
                    candidates.iter().enumerate().filter_map(|(i, c)| value(c).map(|v| (x(i), y(v)))).collect();
                canvas.path(points.clone(), PALETTE[0], 2)?;
                for (px, py) in points {
                    canvas.marker(px, py, 3, Some(0))?;
                }
                for (i, candidate) in candidates.iter().enumerate().step_by(if candidates.len() > 8 { 4 } else { 1 }) {
                    canvas.text(x(i), 174, &candidate.value.to_string(), 11, Anchor::Middle, MUTED)?;
                }
            }
            canvas.text(WIDTH as i32 / 2, 198, over, 12, Anchor::Middle, MUTED)
        })?;
    let show = |v: Option<f64>| v.map_or("–".to_string(), |v| format!("{v:.3}"));
    let mut header = vec![over.to_string()];
    header.extend(panels.iter().map(|p| p.0.to_string()));
    let rows = candidates
        .iter()
        .map(|c| std::iter::once(c.value.to_string()).chain(panels.iter().map(|(_, value)| show(value(c)))).collect())
        .collect();
    Ok(Some(Drawing { title, svg: drawn, header, rows }))
}
