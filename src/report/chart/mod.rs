//! Charts as SVG by plotters. One file per chart; colours, sizes and fonts are here and nowhere else.
//!
//! A chart states its finding as its title and gives its numbers as a table, so that a screen reader or a print in grey
//! loses nothing. Colours are sentinels: the page's style sheet maps them for dark mode.

pub mod alluvial;
pub mod at_stake;
pub mod channels;
pub mod fingerprint;
pub mod heatmap;
pub mod ladder;
pub mod missing;
pub mod pareto;
pub mod people;
pub mod picture;
pub mod position;
pub mod recency_frequency;
pub mod rfm_grid;
pub mod satisfaction;
pub mod season;
pub mod silhouettes;
pub mod size_value;
pub mod snake;
pub mod space;
pub mod stability;
pub mod sweep;
pub mod treemap;
pub mod weeks;

use super::Report;
use crate::error::{Error, Result};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontStyle, register_font};
use std::sync::Once;

/// A drawn chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drawing {
    /// The finding, in words.
    pub title: String,
    /// The SVG, ready to stand in a page.
    pub svg: String,
    /// Head of the data table.
    pub header: Vec<String>,
    /// Rows of the data table.
    pub rows: Vec<Vec<String>>,
}

/// A chart of the whole report; `None` where the data lack it.
pub struct Chart {
    /// Unique in the page.
    pub id: &'static str,
    /// The section of the page that it stands in.
    pub section: &'static str,
    /// What it is of, for those who look for it.
    pub heading: &'static str,
    /// Draws it.
    pub draw: fn(&Report, &str) -> Result<Option<Drawing>>,
}

/// The section of the charts on cards.
pub const CARD: &str = "card";

/// A drawn chart and its place in the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// Unique in the page.
    pub id: String,
    /// See [`Chart`]; [`CARD`] for those of one segment.
    pub section: &'static str,
    /// See [`Chart`]; none on a card.
    pub heading: &'static str,
    /// The chart.
    pub drawing: Drawing,
}

/// All of a report's charts; those of its segments last, in their order.
///
/// # Errors
/// E0070 if one cannot be drawn, which would be a defect.
pub fn all(report: &Report) -> Result<Vec<Placed>> {
    let mut placed = Vec::new();
    for Chart { id, section, heading, draw } in CHARTS {
        let place = |drawing| Placed { id: id.into(), section, heading, drawing };
        placed.extend(draw(report, id)?.map(place));
    }
    for (i, segment) in report.segments.iter().enumerate() {
        for CardChart { id, draw } in CARD_CHARTS {
            let id = format!("{id}-{}", segment.id);
            let drawing = draw(report, i, &id)?;
            placed.extend(drawing.map(|drawing| Placed { id, section: CARD, heading: "", drawing }));
        }
    }
    Ok(placed)
}

/// A chart of one segment, on its card; `None` where the data lack it.
pub struct CardChart {
    /// Unique on the card.
    pub id: &'static str,
    /// Draws it for the segment at this place.
    pub draw: fn(&Report, usize, &str) -> Result<Option<Drawing>>,
}

/// The charts of every card, in their order; the first is the wide one. To add one: a file, and a line here.
pub const CARD_CHARTS: [CardChart; 3] = [
    CardChart { id: "fingerprint", draw: fingerprint::draw },
    CardChart { id: "position", draw: position::draw },
    CardChart { id: "season", draw: season::draw },
];

/// Every chart of the report as a whole, in the order of its pages. To add one: a file, and a line here.
pub const CHARTS: [Chart; 19] = [
    Chart { id: "treemap", section: "summary", heading: "Everybody at a glance", draw: treemap::draw },
    Chart { id: "size-value", section: "summary", heading: "Size and value", draw: size_value::draw },
    Chart { id: "heatmap", section: "segments", heading: "What sets them apart", draw: heatmap::draw },
    Chart { id: "snake", section: "segments", heading: "The shape of each segment", draw: snake::draw },
    Chart {
        id: "recency-frequency",
        section: "segments",
        heading: "Recency-frequency map",
        draw: recency_frequency::draw,
    },
    Chart { id: "alluvial", section: "changes", heading: "Where they went", draw: alluvial::draw },
    Chart { id: "pareto", section: "money", heading: "How few bring most", draw: pareto::draw },
    Chart { id: "at-stake", section: "money", heading: "Revenue at stake", draw: at_stake::draw },
    Chart { id: "ladder", section: "stages", heading: "The engagement ladder", draw: ladder::draw },
    Chart { id: "channels", section: "stages", heading: "How they come", draw: channels::draw },
    Chart { id: "people", section: "people", heading: "Over- and under-represented", draw: people::draw },
    Chart { id: "satisfaction", section: "satisfaction", heading: "Who would recommend you", draw: satisfaction::draw },
    Chart { id: "rfm-grid", section: "rfm", heading: "Customers by recency and frequency", draw: rfm_grid::draw },
    Chart { id: "weeks", section: "quality", heading: "Orders by week", draw: weeks::draw },
    Chart { id: "missing", section: "quality", heading: "What is not known", draw: missing::draw },
    Chart { id: "sweep", section: "method", heading: "Why this number", draw: sweep::draw },
    Chart {
        id: "silhouettes",
        section: "method",
        heading: "How well customers sit in their segment",
        draw: silhouettes::draw,
    },
    Chart { id: "stability", section: "method", heading: "Whether segments come back", draw: stability::draw },
    Chart { id: "space", section: "method", heading: "Customers from the side that shows most", draw: space::draw },
];

/// Segment colours on a light page, in the order of ids; each has at least 3.2:1 against white.
pub const PALETTE: [RGBColor; 7] = [
    RGBColor(0x05, 0x37, 0x85),
    RGBColor(0x90, 0x58, 0x45),
    RGBColor(0x28, 0xa0, 0x77),
    RGBColor(0x63, 0x22, 0x40),
    RGBColor(0xa2, 0x86, 0x1d),
    RGBColor(0x1c, 0x6a, 0xb6),
    RGBColor(0x3e, 0x41, 0x00),
];

/// Customers in no segment.
pub const UNCLUSTERED: RGBColor = RGBColor(0x6b, 0x72, 0x80);
/// Text and marks.
pub const INK: RGBColor = RGBColor(0x1f, 0x29, 0x37);
/// Secondary text.
pub const MUTED: RGBColor = RGBColor(0x4b, 0x55, 0x63);
/// Lines behind the data.
pub const RULE: RGBColor = RGBColor(0xd1, 0xd5, 0xdb);
/// Areas behind text and lines.
pub const SOFT: RGBColor = RGBColor(0xea, 0xee, 0xf4);
/// One hue in five steps, for stages in an order; never remapped.
pub const RAMP: [RGBColor; 5] = [
    RGBColor(0xa9, 0xb4, 0xc4),
    RGBColor(0x86, 0xa6, 0xd3),
    RGBColor(0x4f, 0x86, 0xc6),
    RGBColor(0x25, 0x62, 0xa8),
    RGBColor(0x0b, 0x3d, 0x7c),
];
/// Text on coloured cells; never remapped, as the cells are not.
pub const ON_LIGHT: RGBColor = RGBColor(0x11, 0x11, 0x11);
/// See [`ON_LIGHT`].
pub const ON_DARK: RGBColor = RGBColor(0xfe, 0xfe, 0xfe);
/// Width of a full chart in pixels.
pub const WIDTH: u32 = 900;

/// The colour of a segment, by index; beyond seven hues repeat and the marker's shape tells them apart.
pub fn colour(segment: Option<usize>) -> RGBColor {
    segment.map_or(UNCLUSTERED, |s| PALETTE[s % PALETTE.len()])
}

/// Blue below, white at, orange above the average; `z` is clipped to ±2.
pub fn diverging(z: f64) -> RGBColor {
    let t = (z / 2.0).clamp(-1.0, 1.0);
    let (end, share) = if t < 0.0 { ((0x21, 0x66, 0xac), -t) } else { ((0xb3, 0x58, 0x06), t) };
    let mix = |to: i32| (247.0 + (f64::from(to) - 247.0) * share).round() as u8;
    RGBColor(mix(end.0), mix(end.1), mix(end.2))
}

/// Where text stands relative to its point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// It begins there.
    Start,
    /// It is centred there.
    Middle,
    /// It ends there.
    End,
}

/// A drawing surface in pixels.
pub struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, Shift>,
}

/// The fonts that text is measured with.
const SANS: &[u8] = include_bytes!("../../../assets/DejaVuSans.ttf");
const SANS_BOLD: &[u8] = include_bytes!("../../../assets/DejaVuSans-Bold.ttf");

static FONTS: Once = Once::new();

fn fonts() {
    // The fonts are ours and tested to register; without them text would only be placed by a guess of its width.
    FONTS.call_once(|| {
        let _ = register_font("sans-serif", FontStyle::Normal, SANS);
        let _ = register_font("sans-serif", FontStyle::Bold, SANS_BOLD);
    });
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::new("E0070", format!("a chart cannot be drawn: {error}"))
}

impl Canvas<'_> {
    /// A filled rectangle.
    pub fn rect(&self, x: i32, y: i32, width: i32, height: i32, colour: RGBColor) -> Result<()> {
        self.area.draw(&Rectangle::new([(x, y), (x + width, y + height)], colour.filled())).map_err(failed)
    }

    /// A straight line.
    pub fn line(&self, from: (i32, i32), to: (i32, i32), colour: RGBColor) -> Result<()> {
        self.path(vec![from, to], colour, 1)
    }

    /// A line through points.
    pub fn path(&self, points: Vec<(i32, i32)>, colour: RGBColor, width: u32) -> Result<()> {
        self.area.draw(&PathElement::new(points, colour.stroke_width(width))).map_err(failed)
    }

    /// A filled shape.
    pub fn area(&self, points: Vec<(i32, i32)>, colour: RGBColor) -> Result<()> {
        self.area.draw(&Polygon::new(points, colour.filled())).map_err(failed)
    }

    /// A filled shape that others show through.
    pub fn band(&self, points: Vec<(i32, i32)>, colour: RGBColor) -> Result<()> {
        self.area.draw(&Polygon::new(points, colour.mix(0.6).filled())).map_err(failed)
    }

    /// A filled circle.
    pub fn dot(&self, x: i32, y: i32, size: i32, colour: RGBColor) -> Result<()> {
        self.area.draw(&Circle::new((x, y), size, colour.filled())).map_err(failed)
    }

    /// A filled circle with a border of the page, which stands out among marks of its own colour.
    pub fn disc(&self, x: i32, y: i32, size: i32, colour: RGBColor) -> Result<()> {
        self.area.draw(&Circle::new((x, y), size + 2, ON_DARK.filled())).map_err(failed)?;
        self.dot(x, y, size, colour)
    }

    /// A marker; its shape changes with every round of the palette.
    pub fn marker(&self, x: i32, y: i32, size: i32, segment: Option<usize>) -> Result<()> {
        let colour = colour(segment);
        match segment.map(|s| s / PALETTE.len()) {
            None => self.area.draw(&Cross::new((x, y), size, colour.stroke_width(1))),
            Some(0) => self.area.draw(&Circle::new((x, y), size, colour.filled())),
            Some(1) => self.area.draw(&Rectangle::new([(x - size, y - size), (x + size, y + size)], colour.filled())),
            Some(_) => self.area.draw(&TriangleMarker::new((x, y), size + 1, colour.filled())),
        }
        .map_err(failed)
    }

    /// Text, centred on `y`.
    pub fn text(&self, x: i32, y: i32, text: &str, size: i32, anchor: Anchor, colour: RGBColor) -> Result<()> {
        self.styled(x, y, text, size, anchor, colour, FontStyle::Normal)
    }

    /// Bold text, centred on `y`.
    pub fn bold(&self, x: i32, y: i32, text: &str, size: i32, anchor: Anchor, colour: RGBColor) -> Result<()> {
        self.styled(x, y, text, size, anchor, colour, FontStyle::Bold)
    }

    #[allow(clippy::too_many_arguments)]
    fn styled(
        &self,
        x: i32,
        y: i32,
        text: &str,
        size: i32,
        anchor: Anchor,
        colour: RGBColor,
        style: FontStyle,
    ) -> Result<()> {
        let horizontal = match anchor {
            Anchor::Start => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::End => HPos::Right,
        };
        let style =
            ("sans-serif", size).into_font().style(style).color(&colour).pos(Pos::new(horizontal, VPos::Center));
        self.area.draw(&Text::new(text.to_string(), (x, y), style)).map_err(failed)
    }
}

/// Draws on a fresh canvas and returns SVG for a page: scalable, named and described, without what a page needs not.
pub fn svg(
    id: &str,
    title: &str,
    description: &str,
    (width, height): (u32, u32),
    draw: impl FnOnce(&Canvas<'_>) -> Result<()>,
) -> Result<String> {
    fonts();
    let mut text = String::new();
    {
        let canvas = Canvas { area: SVGBackend::with_string(&mut text, (width, height)).into_drawing_area() };
        draw(&canvas)?;
        canvas.area.present().map_err(failed)?;
    }
    let start = text.find('>').map_or(0, |i| i + 1);
    Ok(format!(
        "<svg role=\"img\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" aria-labelledby=\"{id}-t {id}-d\"><title id=\"{id}-t\">{}</title><desc id=\"{id}-d\">{}</desc>{}",
        escape(title),
        escape(description),
        text[start..].replace('\n', "")
    ))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// How many pixels wide a text is.
pub fn text_width(text: &str, size: i32) -> i32 {
    fonts();
    let font = ("sans-serif", size).into_font();
    font.box_size(text).map_or(text.chars().count() as i32 * size * 6 / 10, |(width, _)| width as i32)
}

/// The text cut to so many pixels.
pub fn fit(text: &str, size: i32, room: i32) -> String {
    let mut characters = text.chars().count();
    let mut cut = text.to_string();
    while text_width(&cut, size) > room && characters > 1 {
        characters -= 1;
        cut = short(text, characters);
    }
    cut
}

/// Heights near to those wanted, in their order, no two nearer than `apart`, inside the limits as far as there is room.
pub fn spread(wanted: &[i32], apart: i32, (top, bottom): (i32, i32)) -> Vec<i32> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by_key(|&i| (wanted[i], i));
    let mut placed = wanted.to_vec();
    let mut floor = top;
    for &i in &order {
        placed[i] = placed[i].max(floor);
        floor = placed[i] + apart;
    }
    let mut ceiling = bottom;
    for &i in order.iter().rev() {
        placed[i] = placed[i].min(ceiling);
        ceiling = placed[i] - apart;
    }
    placed
}

/// The text cut to so many characters.
pub fn short(text: &str, characters: usize) -> String {
    if text.chars().count() <= characters {
        return text.to_string();
    }
    let mut cut: String = text.chars().take(characters.saturating_sub(1)).collect();
    cut.truncate(cut.trim_end().len());
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fonts_register() {
        for (style, bytes) in [(FontStyle::Normal, SANS), (FontStyle::Bold, SANS_BOLD)] {
            assert!(register_font("probe", style, bytes).is_ok());
        }
    }

    #[test]
    fn drawings_are_named_and_escape_what_users_write() {
        let made = svg("x", "<b>", "1 & 2", (100, 50), |c| c.text(5, 5, "a<b", 12, Anchor::Start, INK)).expect("SVG");
        assert!(made.contains("<title id=\"x-t\">&lt;b&gt;</title>") && made.contains("1 &amp; 2"));
        assert!(made.contains("a&lt;b") && !made.contains("a<b") && !made.contains("http"));
    }

    #[test]
    fn every_chart_is_drawn_as_before() {
        let drawn = all(&crate::report::sample::everything()).expect("charts");
        let card = CARD_CHARTS.iter().map(|chart| format!("{}-S01", chart.id));
        for id in CHARTS.iter().map(|chart| chart.id.to_string()).chain(card) {
            assert!(drawn.iter().any(|placed| placed.id == id), "{id} has nothing to show");
        }
        let shown = |placed: &&Placed| placed.section != CARD || placed.id.ends_with("-S01");
        for Placed { id, drawing, .. } in drawn.iter().filter(shown) {
            let rows: Vec<String> = drawing.rows.iter().map(|row| row.join(" | ")).collect();
            // A sample of marks is enough to see them move.
            let parts: Vec<&str> = drawing.svg.split_inclusive('>').collect();
            let shown: String = parts.iter().take(120).map(|part| format!("{part}\n")).collect();
            let facts = format!("{}\n{}\n{}", drawing.title, drawing.header.join(" | "), rows.join("\n"));
            insta::assert_snapshot!(id.replace('-', "_"), format!("{facts}\n{} parts\n{shown}", parts.len()));
        }
    }

    #[test]
    fn the_script_knows_the_colours() {
        let script = include_str!("../script.js");
        for colour in PALETTE {
            let hex = format!("\"#{:02X}{:02X}{:02X}\"", colour.0, colour.1, colour.2);
            assert!(script.contains(&hex), "{hex}");
        }
    }

    #[test]
    fn texts_fit_and_labels_keep_apart() {
        let cut = fit("A rather long name of a segment", 13, 120);
        assert!(cut.ends_with('…') && text_width(&cut, 13) <= 120 && text_width(&cut, 13) > 90, "{cut}");
        assert_eq!(fit("short", 13, 120), "short");
        assert_eq!(spread(&[50, 52, 10], 10, (0, 100)), [50, 60, 10]);
        assert_eq!(spread(&[95, 96, 97], 10, (0, 100)), [80, 90, 100]);
        assert_eq!(spread(&[], 10, (0, 100)), Vec::<i32>::new());
    }

    #[test]
    fn the_average_is_neutral_and_the_ends_are_not() {
        assert_eq!(diverging(0.0), RGBColor(247, 247, 247));
        assert_eq!(diverging(-9.0), RGBColor(0x21, 0x66, 0xac));
        assert_eq!(diverging(2.0), RGBColor(0xb3, 0x58, 0x06));
    }
}
