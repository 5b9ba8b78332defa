//! Customers from the side that shows most: the first two principal axes, the middle of each segment, and what pulls where.

use super::{Anchor, Drawing, INK, MUTED, RULE, WIDTH, colour, fit, spread, svg};
use crate::error::Result;
use crate::report::Report;

/// Features named at most.
const PULLS: usize = 6;

/// Of which the compass shows so many.
const ARROWS: usize = 4;

/// Where the compass begins: above it are names.
const COMPASS_TOP: i32 = 300;

/// Draws the chart; `None` where customers differ in one way only.
pub fn draw(report: &Report, id: &str) -> Result<Option<Drawing>> {
    let Some(facts) = &report.space else { return Ok(None) };
    let (left, right, top, bottom) = (40, 620, 14, 440);
    let percent = |share: f64| format!("{:.0} %", share * 100.0);
    let shown = facts.explained[0] + facts.explained[1];
    let title = format!("This side shows {} of what sets customers apart; the rest is hidden", percent(shown));
    // The outermost hundredth would press everyone else together.
    let range = |of: fn(&crate::report::SpacePoint) -> f64| {
        let mut values: Vec<f64> = facts.points.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        let at = |p: f64| values[((values.len() - 1) as f64 * p) as usize];
        let (low, high) = (at(0.01), at(0.99));
        let margin = 0.08 * (high - low).max(1e-9);
        (low - margin, high + margin)
    };
    if facts.points.is_empty() {
        return Ok(None);
    }
    let (xs, ys) = (range(|p| p.x), range(|p| p.y));
    let place = |value: f64, (low, high): (f64, f64), from: i32, to: i32| {
        from + ((value - low) / (high - low) * f64::from(to - from)).round() as i32
    };
    let x = |value: f64| place(value, xs, left, right).clamp(left, right);
    let y = |value: f64| place(value, ys, bottom, top).clamp(top, bottom);
    let mut pulls: Vec<&(String, [f64; 2])> = facts.loadings.iter().collect();
    let length = |pull: &[f64; 2]| pull[0] * pull[0] + pull[1] * pull[1];
    pulls.sort_by(|a, b| length(&b.1).total_cmp(&length(&a.1)));
    pulls.truncate(PULLS);
    let description = "A sample of customers on the first two principal axes; numbered circles are the middles of segments. \
                       The table says what each axis is made of.";
    let drawn = svg(id, &title, description, (WIDTH, 480), |canvas| {
        canvas.line((left, bottom), (right, bottom), RULE)?;
        canvas.line((left, top), (left, bottom), RULE)?;
        for point in &facts.points {
            canvas.marker(x(point.x), y(point.y), 2, point.segment.map(|s| report.colour(s)))?;
        }
        let heights: Vec<i32> = facts.centres.iter().map(|centre| y(centre[1])).collect();
        for (i, (centre, label)) in facts.centres.iter().zip(spread(&heights, 18, (top, COMPASS_TOP - 20))).enumerate()
        {
            canvas.disc(x(centre[0]), y(centre[1]), 7, colour(Some(report.colour(i))))?;
            let Some(segment) = report.segments.get(i) else { continue };
            // Names stand in one column, tied to their middles by a line.
            canvas.line((x(centre[0]) + 7, y(centre[1])), (right + 14, label), colour(Some(report.colour(i))))?;
            let name = fit(&format!("{} {}", segment.id, segment.persona.name), 13, WIDTH as i32 - right - 22);
            canvas.text(right + 18, label, &name, 13, Anchor::Start, INK)?;
        }
        // A compass: where each of the strongest features pulls.
        let (cx, cy, reach) = (right + 60, COMPASS_TOP + 76, 52.0);
        canvas.text(right + 14, COMPASS_TOP, "what pulls where", 12, Anchor::Start, MUTED)?;
        let longest = pulls.first().map_or(1.0, |pull| length(&pull.1).sqrt());
        let ends: Vec<(i32, i32)> = (pulls.iter().take(ARROWS))
            .map(|(_, [a, b])| (cx + (a / longest * reach).round() as i32, cy - (b / longest * reach).round() as i32))
            .collect();
        let heights: Vec<i32> = ends.iter().map(|end| end.1).collect();
        for ((pull, end), label) in pulls.iter().zip(&ends).zip(spread(&heights, 17, (COMPASS_TOP + 24, bottom - 6))) {
            canvas.path(vec![(cx, cy), *end], INK, 2)?;
            canvas.line(*end, (cx + 64, label), RULE)?;
            canvas.text(cx + 68, label, &fit(&pull.0, 12, WIDTH as i32 - cx - 70), 12, Anchor::Start, INK)?;
        }
        canvas.text(
            (left + right) / 2,
            bottom + 20,
            &format!("first axis: {} of the differences", percent(facts.explained[0])),
            12,
            Anchor::Middle,
            MUTED,
        )?;
        canvas.text(left, bottom + 20, &format!("up: {}", percent(facts.explained[1])), 12, Anchor::Start, MUTED)
    })?;
    let rows =
        pulls.iter().map(|(label, [a, b])| vec![label.clone(), format!("{a:+.2}"), format!("{b:+.2}")]).collect();
    let header = ["Feature", "Part in the first axis (right)", "Part in the second (up)"].map(String::from).to_vec();
    Ok(Some(Drawing { title, svg: drawn, header, rows }))
}
