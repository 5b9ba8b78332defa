//! Whether segments come back: the mean overlap of each with the most alike of every resample, and where trust begins.

use super::{Anchor, Drawing, INK, MUTED, RULE, WIDTH, fit, svg};
use crate::error::Result;
use crate::report::{Report, SegmentFacts};

/// Draws the chart; `None` where stability was not computed.
pub fn draw(report: &Report, id: &str) -> Result<Option<Drawing>> {
    let known: Vec<(usize, &SegmentFacts, f64)> =
        report.segments.iter().enumerate().filter_map(|(i, s)| s.stability.map(|j| (i, s, j))).collect();
    let Some(weakest) = known.iter().min_by(|a, b| a.2.total_cmp(&b.2)) else { return Ok(None) };
    let title = if weakest.2 >= 0.85 {
        format!(
            "Every segment comes back when the analysis is repeated; {} the least ({:.2})",
            weakest.1.persona.name, weakest.2
        )
    } else {
        format!("{} come back least when the analysis is repeated ({:.2})", weakest.1.persona.name, weakest.2)
    };
    let (left, right, row) = (300, 820, 28);
    let x = |jaccard: f64| left + (jaccard.clamp(0.0, 1.0) * f64::from(right - left)).round() as i32;
    let height = 44 + known.len() as i32 * row;
    let description = "Mean Jaccard similarity over resamples: weak below 0.6, fair to 0.85, stable above.";
    let drawn = svg(id, &title, description, (WIDTH, height as u32), |canvas| {
        for (from, to, name) in [(0.0, 0.6, "weak"), (0.6, 0.85, "fair"), (0.85, 1.0, "stable")] {
            canvas.line((x(to), 24), (x(to), height - 20), RULE)?;
            canvas.text((x(from) + x(to)) / 2, 12, name, 12, Anchor::Middle, MUTED)?;
        }
        for value in [0.0, 0.6, 0.85, 1.0] {
            canvas.text(x(value), height - 10, &format!("{value}"), 12, Anchor::Middle, MUTED)?;
        }
        for (at, (segment, s, jaccard)) in known.iter().enumerate() {
            let y = 36 + at as i32 * row;
            canvas.text(
                left - 12,
                y,
                &fit(&format!("{}  {}", s.id, s.persona.name), 13, left - 16),
                13,
                Anchor::End,
                INK,
            )?;
            canvas.line((left, y), (x(*jaccard), y), RULE)?;
            canvas.marker(x(*jaccard), y, 6, Some(*segment))?;
            canvas.text(right + 20, y, &format!("{jaccard:.2}"), 13, Anchor::Start, INK)?;
        }
        Ok(())
    })?;
    let rows = known.iter().map(|(_, s, j)| vec![format!("{} {}", s.id, s.persona.name), format!("{j:.3}")]).collect();
    Ok(Some(Drawing { title, svg: drawn, header: vec!["Segment".into(), "Mean Jaccard similarity".into()], rows }))
}
