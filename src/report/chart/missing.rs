//! What is not known of customers: features without a value, most first.

use super::{Anchor, Drawing, INK, MUTED, PALETTE, RULE, WIDTH, fit, svg};
use crate::error::Result;
use crate::report::{FeatureFacts, Report};

const ROWS: usize = 12;

/// Draws the chart; `None` where nothing is missing.
pub fn draw(report: &Report, id: &str) -> Result<Option<Drawing>> {
    let mut features: Vec<&FeatureFacts> = report.features.iter().filter(|f| f.missing > 0.0).collect();
    features.sort_by(|a, b| b.missing.total_cmp(&a.missing));
    let Some(first) = features.first() else { return Ok(None) };
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    let title = format!("{} is unknown of {} of customers", first.feature.label, percent(first.missing));
    let more = features.len().saturating_sub(ROWS);
    features.truncate(ROWS);
    let (left, length) = (330, 460.0);
    let height = 12 + features.len() as i32 * 24 + if more > 0 { 22 } else { 0 };
    let description: Vec<String> =
        features.iter().map(|f| format!("{}: {}", f.feature.label, percent(f.missing))).collect();
    let drawn = svg(id, &title, &description.join("; "), (WIDTH, height as u32), |canvas| {
        canvas.line((left, 4), (left, 6 + features.len() as i32 * 24), RULE)?;
        for (i, f) in features.iter().enumerate() {
            let y = 8 + i as i32 * 24;
            canvas.text(left - 10, y + 8, &fit(&f.feature.label, 13, left - 14), 13, Anchor::End, INK)?;
            let bar = ((f.missing * length).round() as i32).max(1);
            canvas.rect(left, y, bar, 16, PALETTE[5])?;
            canvas.text(left + bar + 8, y + 8, &percent(f.missing), 12, Anchor::Start, MUTED)?;
        }
        if more > 0 {
            canvas.text(
                left,
                height - 10,
                &format!("and {more} more, in the table of features"),
                12,
                Anchor::Start,
                MUTED,
            )?;
        }
        Ok(())
    })?;
    let rows = features.iter().map(|f| vec![f.feature.label.clone(), percent(f.missing)]).collect();
    Ok(Some(Drawing { title, svg: drawn, header: vec!["Feature".into(), "Unknown".into()], rows }))
}
