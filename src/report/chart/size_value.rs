//! Share of customers and share of revenue, side by side: length is read exactly where area is not.

use super::{Anchor, Drawing, INK, MUTED, RULE, WIDTH, colour, short, svg};
use crate::error::Result;
use crate::report::Report;

/// Draws the chart; without revenue, customers only.
pub fn draw(report: &Report, id: &str) -> Result<Option<Drawing>> {
    if report.segments.is_empty() {
        return Ok(None);
    }
    let mut rows: Vec<(String, Option<usize>, f64, Option<f64>)> = report
        .segments
        .iter()
        .enumerate()
        .map(|(i, s)| {
            (
                format!("{}  {}", s.id, s.persona.name),
                Some(report.colour(i)),
                s.profile.share_customers,
                s.profile.share_revenue,
            )
        })
        .collect();
    if let Some(rest) = &report.unclustered {
        rows.push(("Unclustered".into(), None, rest.share_customers, rest.share_revenue));
    }
    let has_revenue = rows.iter().any(|r| r.3.is_some());
    let largest = rows.iter().flat_map(|r| [r.2, r.3.unwrap_or(0.0)]).fold(0.01, f64::max);
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    let title = match report
        .segments
        .iter()
        .max_by(|a, b| a.profile.share_revenue.unwrap_or(0.0).total_cmp(&b.profile.share_revenue.unwrap_or(0.0)))
    {
        Some(top) if has_revenue => format!(
            "{}: {} of customers, {} of revenue",
            top.persona.name,
            percent(top.profile.share_customers),
            percent(top.profile.share_revenue.unwrap_or(0.0))
        ),
        _ => "How large the segments are".into(),
    };
    let step = if has_revenue { 46 } else { 30 };
    let (left, bar) = (300, 500.0);
    let height = 40 + rows.len() as i32 * step;
    let description: Vec<String> = rows.iter().map(|r| format!("{}: {} of customers", r.0, percent(r.2))).collect();
    let drawn = svg(id, &title, &description.join("; "), (WIDTH, height as u32), |canvas| {
        canvas.line((left, 6), (left, height - 30), RULE)?;
        for (i, (name, segment, customers, revenue)) in rows.iter().enumerate() {
            let y = 10 + i as i32 * step;
            let middle = y + if has_revenue { 18 } else { 10 };
            canvas.marker(12, middle, 6, *segment)?;
            canvas.text(26, middle, &short(name, 36), 14, Anchor::Start, INK)?;
            let length = |share: f64| ((share / largest * bar).round() as i32).max(1);
            canvas.rect(left, y + 2, length(*customers), 15, super::UNCLUSTERED)?;
            canvas.text(left + length(*customers) + 6, y + 10, &percent(*customers), 13, Anchor::Start, MUTED)?;
            if let Some(revenue) = revenue {
                let share = revenue.max(0.0);
                canvas.rect(left, y + 19, length(share), 15, colour(*segment))?;
                canvas.text(left + length(share) + 6, y + 27, &percent(*revenue), 13, Anchor::Start, INK)?;
            }
        }
        canvas.rect(left, height - 20, 14, 12, super::UNCLUSTERED)?;
        canvas.text(left + 20, height - 14, "share of customers", 12, Anchor::Start, MUTED)?;
        if has_revenue {
            canvas.rect(left + 170, height - 20, 14, 12, colour(Some(0)))?;
            canvas.text(left + 190, height - 14, "share of revenue (segment's colour)", 12, Anchor::Start, MUTED)?;
        }
        Ok(())
    })?;
    Ok(Some(Drawing {
        title,
        svg: drawn,
        header: vec!["Segment".into(), "Customers".into(), "Revenue".into()],
        rows: rows.into_iter().map(|(n, _, c, r)| vec![n, percent(c), r.map_or("–".into(), percent)]).collect(),
    }))
}
