//! Segments by features: the colour says how far from the average, the cell what the median customer does.

use super::{Anchor, Drawing, INK, MUTED, ON_DARK, ON_LIGHT, WIDTH, diverging, short, svg};
use crate::error::Result;
use crate::features::{Role, Scale, Unit};
use crate::report::words::telling;
use crate::report::{FeatureFacts, Report};

/// Features in the picture.
const ROWS: usize = 14;

/// Part of the variance between segments below which a feature that only describes is not worth a row.
const SEPARATES: f64 = 0.05;

/// Draws the chart; `None` without numeric features.
pub fn draw(report: &Report, id: &str) -> Result<Option<Drawing>> {
    let kept = telling(report, ROWS, ROWS, |f| {
        let between = f.between.unwrap_or(0.0);
        let numeric = f.feature.scale == Scale::Numeric && f.missing < 1.0;
        (numeric && (f.feature.role == Role::Form || between >= SEPARATES)).then_some(between)
    });
    // They stand in their own order.
    let numeric: Vec<&FeatureFacts> =
        report.features.iter().filter(|f| kept.iter().any(|k| k.feature.name == f.feature.name)).collect();
    if numeric.is_empty() || report.segments.is_empty() {
        return Ok(None);
    }
    let cell = |profile: &crate::segment::profile::Profile, feature: &str, unit: &Unit| {
        let facts = profile.numbers.iter().find(|n| n.feature == feature);
        let text = facts.and_then(|n| n.median).map_or("–".into(), |m| unit.format(m, &report.currency));
        (facts.map_or(0.0, |n| n.z), text)
    };
    let strongest = report
        .segments
        .iter()
        .flat_map(|s| s.profile.numbers.iter().map(move |n| (s, n)))
        .filter(|(_, n)| numeric.iter().any(|f| f.feature.name == n.feature))
        .max_by(|a, b| a.1.z.abs().total_cmp(&b.1.z.abs()));
    let title = strongest.map_or_else(
        || "How the segments differ".to_string(),
        |(s, n)| {
            let label = numeric.iter().find(|f| f.feature.name == n.feature).map_or("", |f| f.feature.label.as_str());
            let side = if n.z > 0.0 { "far above" } else { "far below" };
            format!("{} stands out most: {} {side} average", s.persona.name, label.to_lowercase())
        },
    );
    // Features down, segments across: labels of features are long, and segments are few.
    let (left, top, row) = (230, 46, 30);
    let across = report.segments.len() as i32;
    let width = (WIDTH as i32 - left - 10) / across;
    let height = top + numeric.len() as i32 * row + 34;
    let mut rows = Vec::new();
    for fact in &numeric {
        let mut line = vec![fact.feature.label.clone()];
        line.extend(report.segments.iter().map(|s| cell(&s.profile, &fact.feature.name, &fact.feature.unit).1));
        rows.push(line);
    }
    let description = "Median of each feature per segment; orange is above the average, blue below.";
    let drawn = svg(id, &title, description, (WIDTH, height as u32), |canvas| {
        for (i, segment) in report.segments.iter().enumerate() {
            let x = left + i as i32 * width + width / 2;
            canvas.bold(x, 14, &segment.id, 13, Anchor::Middle, INK)?;
            canvas.text(
                x,
                32,
                &short(&segment.persona.name, (width / 8).max(3) as usize),
                11,
                Anchor::Middle,
                MUTED,
            )?;
        }
        for (j, fact) in numeric.iter().enumerate() {
            let y = top + j as i32 * row;
            canvas.text(left - 10, y + row / 2, &short(&fact.feature.label, 28), 13, Anchor::End, INK)?;
            for (i, segment) in report.segments.iter().enumerate() {
                let (z, text) = cell(&segment.profile, &fact.feature.name, &fact.feature.unit);
                let fill = diverging(z);
                canvas.rect(left + i as i32 * width, y, width - 2, row - 2, fill)?;
                let ink = if z.abs() > 1.6 { ON_DARK } else { ON_LIGHT };
                canvas.text(
                    left + i as i32 * width + width / 2,
                    y + row / 2 - 1,
                    &short(&text, (width / 8).max(3) as usize),
                    13,
                    Anchor::Middle,
                    ink,
                )?;
            }
        }
        let y = height - 16;
        for (i, z) in [-2.0, -1.0, 0.0, 1.0, 2.0].into_iter().enumerate() {
            canvas.rect(left + i as i32 * 30, y - 6, 28, 12, diverging(z))?;
        }
        canvas.text(left - 10, y, "below average", 12, Anchor::End, MUTED)?;
        canvas.text(left + 158, y, "above average; the cell shows the median customer", 12, Anchor::Start, MUTED)
    })?;
    let mut header = vec!["Median".to_string()];
    header.extend(report.segments.iter().map(|s| format!("{} {}", s.id, s.persona.name)));
    Ok(Some(Drawing { title, svg: drawn, header, rows }))
}
