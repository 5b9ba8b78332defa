//! A persona's signature: bars from the average line, at most six features.

use super::{Anchor, Drawing, INK, MUTED, RULE, diverging, short, svg};
use crate::error::Result;
use crate::features::{Role, Scale};
use crate::report::Report;

/// Bars at most.
const BARS: usize = 6;

/// Draws the fingerprint of one segment; `None` without numeric features that form segments.
pub fn draw(report: &Report, segment: usize, id: &str) -> Result<Option<Drawing>> {
    let Some(facts) = report.segments.get(segment) else { return Ok(None) };
    let mut bars: Vec<(&str, f64)> = report
        .features
        .iter()
        .filter(|f| f.feature.role == Role::Form && f.feature.scale == Scale::Numeric)
        .filter_map(|f| {
            let found = facts.profile.numbers.iter().find(|n| n.feature == f.feature.name)?;
            Some((f.feature.label.as_str(), found.z))
        })
        .collect();
    bars.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
    bars.truncate(BARS);
    if bars.is_empty() {
        return Ok(None);
    }
    let word = |z: f64| match z {
        z if z >= 1.0 => "far above average",
        z if z >= 0.3 => "above average",
        z if z <= -1.0 => "far below average",
        z if z <= -0.3 => "below average",
        _ => "about average",
    };
    let title = format!("What sets {} apart", facts.persona.name);
    let description: Vec<String> = bars.iter().map(|(label, z)| format!("{label}: {}", word(*z))).collect();
    let (width, row, middle) = (460, 26, 320);
    let height = bars.len() as i32 * row + 26;
    let drawn = svg(id, &title, &description.join("; "), (width, height as u32), |canvas| {
        canvas.line((middle, 4), (middle, height - 22), RULE)?;
        for (i, (label, z)) in bars.iter().enumerate() {
            let y = 4 + i as i32 * row;
            canvas.text(180, y + row / 2, &short(label, 24), 13, Anchor::End, INK)?;
            let length = (z.clamp(-2.0, 2.0) / 2.0 * 125.0).round() as i32;
            // A bar near zero would be invisible in the neutral colour, so colours start at a third.
            let fill = diverging(if *z < 0.0 { z.min(-0.7) } else { z.max(0.7) });
            canvas.rect(middle + length.min(0), y + 5, length.abs().max(1), row - 10, fill)?;
        }
        canvas.text(middle, height - 10, "average", 12, Anchor::Middle, MUTED)
    })?;
    Ok(Some(Drawing {
        title,
        svg: drawn,
        header: vec!["Feature".into(), "Against the average".into()],
        rows: bars.iter().map(|(label, z)| vec![(*label).to_string(), word(*z).to_string()]).collect(),
    }))
}
