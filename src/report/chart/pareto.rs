//! How few customers bring most of the revenue, and in which segments they are.

use super::{Anchor, Drawing, INK, MUTED, PALETTE, RULE, SOFT, WIDTH, colour, fit, svg};
use crate::error::Result;
use crate::report::Report;

/// Draws the chart; `None` without revenue.
pub fn draw(report: &Report, id: &str) -> Result<Option<Drawing>> {
    let Some(facts) = &report.concentration else { return Ok(None) };
    let percent = |share: f64| format!("{:.0} %", share * 100.0);
    let title = format!(
        "{} of customers bring 80 % of revenue; the best tenth brings {}",
        percent(facts.bring_80),
        percent(facts.tenths[0].share_revenue)
    );
    let (left, right, top, bottom) = (70, 600, 14, 250);
    // Returns can carry the curve above the whole.
    let most = facts.curve.iter().copied().fold(1.0, f64::max);
    let x = |share: f64| left + (share * f64::from(right - left)).round() as i32;
    let y = |share: f64| bottom - (share.max(0.0) / most * f64::from(bottom - top)).round() as i32;
    let description = "Share of revenue over share of customers, those who bring most first; below, the segments of each tenth of them.";
    let drawn = svg(id, &title, description, (WIDTH, 400), |canvas| {
        let steps = facts.curve.len() - 1;
        let curve: Vec<(i32, i32)> =
            facts.curve.iter().enumerate().map(|(i, share)| (x(i as f64 / steps as f64), y(*share))).collect();
        let mut area = curve.clone();
        area.extend([(right, bottom), (left, bottom)]);
        canvas.area(area, SOFT)?;
        for share in [0.0, 0.2, 0.4, 0.6, 0.8, 1.0] {
            canvas.line((left, y(share)), (right, y(share)), RULE)?;
            canvas.text(left - 8, y(share), &percent(share), 12, Anchor::End, MUTED)?;
        }
        canvas.path(curve, PALETTE[0], 2)?;
        let (at, height) = (x(facts.bring_80), y(0.8));
        canvas.line((at, height), (at, bottom), INK)?;
        canvas.marker(at, height, 5, Some(0))?;
        canvas.text(
            at + 12,
            height + 18,
            &format!("{} of customers", percent(facts.bring_80)),
            13,
            Anchor::Start,
            INK,
        )?;
        canvas.text(right + 20, top + 10, "share of revenue", 13, Anchor::Start, MUTED)?;
        let (upper, lower) = (bottom + 30, bottom + 110);
        canvas.text(
            left,
            bottom + 16,
            "segments of each tenth of customers, those who bring most first",
            12,
            Anchor::Start,
            MUTED,
        )?;
        for (i, tenth) in facts.tenths.iter().enumerate() {
            let (from, to) = (x(i as f64 / 10.0), x((i + 1) as f64 / 10.0) - 3);
            let mut done = 0.0;
            let nobody = 1.0 - tenth.segments.iter().sum::<f64>();
            let parts = tenth.segments.iter().copied().enumerate().map(|(s, share)| (Some(report.colour(s)), share));
            for (segment, share) in parts.chain(std::iter::once((None, nobody))) {
                let edge = |done: f64| upper + (done * f64::from(lower - upper)).round() as i32;
                let (start, end) = (edge(done), edge(done + share));
                if end > start {
                    canvas.rect(from, start, to - from, end - start, colour(segment))?;
                }
                done += share;
            }
            canvas.text((from + to) / 2, lower + 14, &percent(tenth.share_revenue), 12, Anchor::Middle, INK)?;
        }
        canvas.text(left, lower + 32, "share of revenue that each tenth brings", 12, Anchor::Start, MUTED)?;
        for (i, segment) in report.segments.iter().enumerate() {
            let at = top + 40 + i as i32 * 22;
            canvas.marker(right + 26, at, 6, Some(report.colour(i)))?;
            let name = fit(&format!("{} {}", segment.id, segment.persona.name), 13, WIDTH as i32 - right - 44);
            canvas.text(right + 40, at, &name, 13, Anchor::Start, INK)?;
        }
        Ok(())
    })?;
    let mut header = vec!["Tenth of customers".to_string(), "Share of revenue".into()];
    header.extend(report.segments.iter().map(|s| s.id.clone()));
    let row = |(i, tenth): (usize, &crate::segment::concentration::Tenth)| {
        let mut row = vec![format!("{}", i + 1), format!("{:.1} %", tenth.share_revenue * 100.0)];
        row.extend(tenth.segments.iter().map(|share| percent(*share)));
        row
    };
    Ok(Some(Drawing { title, svg: drawn, header, rows: facts.tenths.iter().enumerate().map(row).collect() }))
}
