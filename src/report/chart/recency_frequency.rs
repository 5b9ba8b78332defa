//! The recency-frequency map: every dot a customer, newest at the right, most orders on top.

use super::{Anchor, Drawing, INK, MUTED, RULE, WIDTH, short, svg};
use crate::error::Result;
use crate::features::Unit;
use crate::report::Report;

/// Draws the chart; `None` without recency or orders.
pub fn draw(report: &Report, id: &str) -> Result<Option<Drawing>> {
    if report.map.is_empty() {
        return Ok(None);
    }
    let (left, top, bottom, right) = (70, 14, 420, 640);
    let most_days = report.map.iter().map(|p| p.recency).fold(1.0, f64::max);
    let most_orders = report.map.iter().map(|p| p.orders).fold(2.0, f64::max);
    // Logarithms, because the first days and the first orders tell most.
    let x = |days: f64| right - (days.max(0.0).ln_1p() / most_days.ln_1p() * f64::from(right - left)).round() as i32;
    let y =
        |orders: f64| bottom - (orders.max(1.0).ln() / most_orders.ln() * f64::from(bottom - top - 10)).round() as i32;
    let median = |segment: &crate::report::SegmentFacts, feature: &str| {
        segment.profile.numbers.iter().find(|n| n.feature == feature).and_then(|n| n.median)
    };
    let quiet = report
        .segments
        .iter()
        .filter_map(|s| median(s, "recency_days").map(|m| (s, m)))
        .max_by(|a, b| a.1.total_cmp(&b.1));
    let title = quiet.map_or_else(
        || "When customers last ordered, and how often".to_string(),
        |(s, days)| {
            format!("{} have been quiet longest: {} days in the middle", s.persona.name, Unit::Count.format(days, ""))
        },
    );
    let description = "Days since the last order against the number of orders; one mark per customer of a sample.";
    let rows: Vec<Vec<String>> = report
        .segments
        .iter()
        .map(|s| {
            let show = |f: &str| median(s, f).map_or("–".into(), |m| Unit::Count.format(m, ""));
            vec![format!("{} {}", s.id, s.persona.name), show("recency_days"), show("orders")]
        })
        .collect();
    let drawn = svg(id, &title, description, (WIDTH, 470), |canvas| {
        for days in [0.0, 7.0, 30.0, 90.0, 365.0, 1095.0] {
            if days <= most_days {
                canvas.line((x(days), top), (x(days), bottom), RULE)?;
                canvas.text(x(days), bottom + 16, &format!("{days}"), 12, Anchor::Middle, MUTED)?;
            }
        }
        for orders in [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 500.0] {
            if orders <= most_orders {
                canvas.line((left, y(orders)), (right, y(orders)), RULE)?;
                canvas.text(left - 8, y(orders), &format!("{orders}"), 12, Anchor::End, MUTED)?;
            }
        }
        canvas.text(
            (left + right) / 2,
            bottom + 38,
            "days since last order (recent at the right)",
            13,
            Anchor::Middle,
            INK,
        )?;
        canvas.text(4, 6, "orders", 13, Anchor::Start, INK)?;
        for (i, point) in report.map.iter().enumerate() {
            // Equal customers lie on one spot; a step of a few pixels by position shows that there are many.
            let (dx, dy) = ((i % 5) as i32 - 2, (i / 5 % 5) as i32 - 2);
            canvas.marker(x(point.recency) + dx, y(point.orders) + dy, 2, point.segment.map(|s| report.colour(s)))?;
        }
        for (i, segment) in report.segments.iter().enumerate() {
            let at = 30 + i as i32 * 24;
            canvas.marker(right + 26, at, 6, Some(report.colour(i)))?;
            canvas.text(
                right + 40,
                at,
                &short(&format!("{} {}", segment.id, segment.persona.name), 27),
                13,
                Anchor::Start,
                INK,
            )?;
        }
        if report.unclustered.is_some() {
            let at = 30 + report.segments.len() as i32 * 24;
            canvas.marker(right + 26, at, 5, None)?;
            canvas.text(right + 40, at, "Unclustered", 13, Anchor::Start, INK)?;
        }
        Ok(())
    })?;
    Ok(Some(Drawing {
        title,
        svg: drawn,
        header: vec!["Segment".into(), "Median days since last order".into(), "Median orders".into()],
        rows,
    }))
}
