//! The revenue of segments that have gone quiet: what there is to lose, largest first.

use super::{Anchor, Drawing, INK, MUTED, RULE, WIDTH, colour, fit, svg};
use crate::error::Result;
use crate::features::Unit;
use crate::report::words::QUIET;
use crate::report::{Report, SegmentFacts};

/// The segments that have gone quiet and hold revenue, by that revenue.
fn quiet(report: &Report) -> Vec<(usize, &SegmentFacts, f64)> {
    let z = |s: &SegmentFacts| s.profile.numbers.iter().find(|n| n.feature == "recency_days").map_or(0.0, |n| n.z);
    let quiet = report.segments.iter().enumerate().filter(|(_, s)| z(s) > QUIET);
    let mut quiet: Vec<_> =
        quiet.filter_map(|(i, s)| s.profile.revenue.filter(|r| *r > 0.0).map(|revenue| (i, s, revenue))).collect();
    quiet.sort_by(|a, b| b.2.total_cmp(&a.2));
    quiet
}

/// Draws the chart; `None` where nobody has gone quiet.
pub fn draw(report: &Report, id: &str) -> Result<Option<Drawing>> {
    let bars = quiet(report);
    let Some(most) = bars.first().map(|bar| bar.2) else { return Ok(None) };
    let money = |value: f64| Unit::Money.format(value, &report.currency);
    let total: f64 = bars.iter().map(|bar| bar.2).sum();
    let title = format!("{} of past revenue is with segments that have gone quiet", money(total));
    let days = |s: &SegmentFacts| s.profile.numbers.iter().find(|n| n.feature == "recency_days").and_then(|n| n.median);
    let words = |s: &SegmentFacts, revenue: f64| {
        let quiet = days(s).map_or(String::new(), |d| format!(", quiet for {} days", Unit::Count.format(d, "")));
        format!("{}{quiet}", money(revenue))
    };
    let (left, bar) = (300, 330.0);
    let height = 16 + bars.len() as i32 * 34;
    let description: Vec<String> =
        bars.iter().map(|(_, s, r)| format!("{}: {}", s.persona.name, words(s, *r))).collect();
    let drawn = svg(id, &title, &description.join("; "), (WIDTH, height as u32), |canvas| {
        canvas.line((left, 4), (left, height - 8), RULE)?;
        for (i, (segment, s, revenue)) in bars.iter().enumerate() {
            let y = 8 + i as i32 * 34;
            canvas.marker(12, y + 10, 6, Some(*segment))?;
            canvas.text(
                26,
                y + 10,
                &fit(&format!("{}  {}", s.id, s.persona.name), 14, left - 36),
                14,
                Anchor::Start,
                INK,
            )?;
            let length = ((revenue / most * bar).round() as i32).max(1);
            canvas.rect(left, y, length, 20, colour(Some(report.colour(*segment))))?;
            canvas.text(left + length + 8, y + 10, &words(s, *revenue), 13, Anchor::Start, MUTED)?;
        }
        Ok(())
    })?;
    let rows = bars.iter().map(|(_, s, revenue)| {
        let quiet = days(s).map_or("–".into(), |d| Unit::Count.format(d, ""));
        vec![format!("{} {}", s.id, s.persona.name), money(*revenue), quiet]
    });
    let header = ["Segment", "Revenue", "Median days since last order"].map(String::from).to_vec();
    Ok(Some(Drawing { title, svg: drawn, header, rows: rows.collect() }))
}
