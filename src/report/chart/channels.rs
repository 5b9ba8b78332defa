//! Through which channel each segment comes: a dot per segment and channel, its area the share.

use super::{Anchor, Drawing, INK, MUTED, WIDTH, colour, fit, svg};
use crate::error::Result;
use crate::features::preparation::UNKNOWN;
use crate::report::{Report, SMALL_CELL};

/// The features that tell a channel, the first that the data have.
const FEATURES: [&str; 2] = ["preferred_channel", "top_channel"];

/// Channels at most, the most used ones.
const CHANNELS: usize = 5;

/// Draws the chart; `None` where no channel is known, or only one.
pub fn draw(report: &Report, id: &str) -> Result<Option<Drawing>> {
    let known = |name: &&&str| report.features.iter().any(|f| f.feature.name == ***name);
    let Some(feature) = FEATURES.iter().find(known) else { return Ok(None) };
    let mut channels: Vec<(&str, f64)> = (report.everyone.levels.iter())
        .filter(|l| l.feature == *feature && l.level != UNKNOWN && l.customers >= SMALL_CELL)
        .map(|l| (l.level.as_str(), l.share))
        .collect();
    channels.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(b.0)));
    channels.truncate(CHANNELS);
    if channels.len() < 2 {
        return Ok(None);
    }
    let share = |segment: usize, channel: &str| {
        let mut levels = report.segments[segment].profile.levels.iter();
        levels.find(|l| l.feature == *feature && l.level == channel && l.customers >= SMALL_CELL).map(|l| l.share)
    };
    let cells = || (0..report.segments.len()).flat_map(|s| channels.iter().map(move |(c, all)| (s, *c, *all)));
    let apart = |&(s, c, all): &(usize, &str, f64)| share(s, c).map_or(0.0, |own| (own - all).abs());
    let Some((s, channel, all)) = cells().max_by(|a, b| apart(a).total_cmp(&apart(b))) else { return Ok(None) };
    let percent = |share: f64| format!("{:.0} %", share * 100.0);
    let name = |s: usize| report.segments[s].persona.name.as_str();
    let own = share(s, channel).map_or_else(|| "fewer than ten people".into(), percent);
    let title = format!("{}: {own} come mostly by {channel}, {} of all", name(s), percent(all));
    let (left, top, row) = (250, 34, 44);
    let column = (WIDTH as i32 - left - 10) / channels.len() as i32;
    let height = top + row * report.segments.len() as i32 + 6;
    let description = "The larger a dot, the larger the share of the segment that uses the channel most.";
    let drawn = svg(id, &title, description, (WIDTH, height as u32), |canvas| {
        for (at, (channel, _)) in channels.iter().enumerate() {
            let x = left + at as i32 * column + 20;
            canvas.text(x, 12, &fit(channel, 13, column - 30), 13, Anchor::Start, MUTED)?;
        }
        for s in 0..report.segments.len() {
            let y = top + s as i32 * row + row / 2;
            canvas.text(4, y, &fit(name(s), 13, left - 20), 13, Anchor::Start, INK)?;
            for (at, (channel, _)) in channels.iter().enumerate() {
                let x = left + at as i32 * column + 20;
                let Some(share) = share(s, channel) else {
                    canvas.text(x + 24, y, "–", 13, Anchor::Start, MUTED)?;
                    continue;
                };
                canvas.dot(x, y, (share.sqrt() * 19.0).round() as i32, colour(Some(report.colour(s))))?;
                canvas.text(x + 24, y, &percent(share), 13, Anchor::Start, INK)?;
            }
        }
        Ok(())
    })?;
    let shown = |s: usize| channels.iter().map(move |(c, _)| share(s, c).map_or("–".into(), percent));
    Ok(Some(Drawing {
        title,
        svg: drawn,
        header: std::iter::once("Segment".to_string()).chain(channels.iter().map(|(c, _)| (*c).to_string())).collect(),
        rows: (0..report.segments.len())
            .map(|s| std::iter::once(name(s).to_string()).chain(shown(s)).collect())
            .collect(),
    }))
}
