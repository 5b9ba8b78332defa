//! The shape of every segment: its means on the features that set segments apart most, as a line (parallel coordinates).

use super::{Anchor, Drawing, INK, MUTED, RULE, WIDTH, colour, fit, spread, svg};
use crate::error::Result;
use crate::features::{Role, Scale};
use crate::report::{FeatureFacts, Report};

/// Features at most: beyond, lines become a thicket.
const FEATURES: usize = 8;

/// Draws the chart; `None` with fewer than two segments or fewer than three numeric features that form them.
pub fn draw(report: &Report, id: &str) -> Result<Option<Drawing>> {
    let mut features: Vec<&FeatureFacts> = report
        .features
        .iter()
        .filter(|f| f.feature.role == Role::Form && f.feature.scale == Scale::Numeric && f.between.is_some())
        .collect();
    features.sort_by(|a, b| b.between.unwrap_or(0.0).total_cmp(&a.between.unwrap_or(0.0)));
    features.truncate(FEATURES);
    if features.len() < 3 || report.segments.len() < 2 {
        return Ok(None);
    }
    let z = |segment: usize, feature: &FeatureFacts| {
        let numbers = &report.segments[segment].profile.numbers;
        numbers.iter().find(|n| n.feature == feature.feature.name).map_or(0.0, |n| n.z)
    };
    let first = &features[0].feature.label;
    let title = format!("{first} tells the segments apart best, then {}", features[1].feature.label.to_lowercase());
    let (left, right, top, bottom) = (110, 640, 20, 300);
    let reach = (0..report.segments.len())
        .flat_map(|s| features.iter().map(move |f| (s, *f)))
        .map(|(s, f)| z(s, f).abs())
        .fold(1.0, f64::max);
    let x = |at: usize| left + (right - left) * at as i32 / (features.len() as i32 - 1);
    let y = |z: f64| (top + bottom) / 2 - (z / reach * f64::from(bottom - top) / 2.0).round() as i32;
    let description =
        "One line per segment over the features, those that tell segments apart best first; the middle is the average.";
    let drawn = svg(id, &title, description, (WIDTH, 350), |canvas| {
        for (at, feature) in features.iter().enumerate() {
            canvas.line((x(at), top), (x(at), bottom), RULE)?;
            // Labels of two lines' height by turns, so that none runs into the next.
            let label = fit(&feature.feature.label, 12, (right - left) * 2 / features.len() as i32);
            canvas.text(x(at), bottom + 18 + (at as i32 % 2) * 18, &label, 12, Anchor::Middle, INK)?;
        }
        canvas.line((left, y(0.0)), (right, y(0.0)), MUTED)?;
        canvas.text(left - 12, y(0.0), "average", 12, Anchor::End, MUTED)?;
        canvas.text(left - 12, top + 6, "far above", 12, Anchor::End, MUTED)?;
        canvas.text(left - 12, bottom - 6, "far below", 12, Anchor::End, MUTED)?;
        let last = features.len() - 1;
        let ends: Vec<i32> = (0..report.segments.len()).map(|s| y(z(s, features[last]))).collect();
        for ((s, segment), label) in report.segments.iter().enumerate().zip(spread(&ends, 17, (top, bottom))) {
            let line: Vec<(i32, i32)> = features.iter().enumerate().map(|(at, f)| (x(at), y(z(s, f)))).collect();
            canvas.path(line.clone(), colour(Some(report.colour(s))), 2)?;
            for (px, py) in line {
                canvas.marker(px, py, 4, Some(report.colour(s)))?;
            }
            canvas.line((right + 6, ends[s]), (right + 20, label), colour(Some(report.colour(s))))?;
            let text = fit(&format!("{} {}", segment.id, segment.persona.name), 13, WIDTH as i32 - right - 26);
            canvas.text(right + 24, label, &text, 13, Anchor::Start, INK)?;
        }
        Ok(())
    })?;
    let mut header = vec!["Standard deviations from the average".to_string()];
    header.extend(report.segments.iter().map(|s| format!("{} {}", s.id, s.persona.name)));
    let row = |feature: &&FeatureFacts| {
        let cells = (0..report.segments.len()).map(|s| format!("{:+.1}", z(s, feature)));
        std::iter::once(feature.feature.label.clone()).chain(cells).collect()
    };
    Ok(Some(Drawing { title, svg: drawn, header, rows: features.iter().map(row).collect() }))
}
