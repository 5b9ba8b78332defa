//! A drawing surface in whole pixels over plotters' SVG backend, and the text measurement it needs.
//!
//! The backend writes presentation attributes only and no accessible name, so [`svg`] rewrites the root element: a view
//! box that scales, `role="img"`, a title and a description with ids made from the chart's name.

use super::{INK, Marker, Shade};
use crate::error::{Error, Result};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::register_font;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::sync::LazyLock;

/// The family that plotters knows the embedded font by; the browser replaces it (see [`STACK`]).
const FAMILY: &str = "sans-serif";
/// What a reader's machine draws text with. DejaVu Sans is wider than every one of these, so measured text fits.
const STACK: &str = "system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif";
/// Text of figures, in pixels.
pub(super) const SIZE: i32 = 12;
/// Ascent plus descent of DejaVu Sans in em: the unit in which its metrics are asked for.
const LINE: f64 = 1.164;
/// plotters divides text sizes by this on the way into SVG.
const PLOTTERS_EM: f64 = 1.24;
/// The namespace a file needs and an inlined figure does not.
pub(super) const XMLNS: &str = " xmlns=\"http://www.w3.org/2000/svg\"";

/// DejaVu Sans (version 2.35), cut down to Latin, Greek, Cyrillic and signs without hinting; see `assets/`.
static REGULAR: &[u8] = include_bytes!("../../../assets/DejaVuSans.ttf");
static BOLD: &[u8] = include_bytes!("../../../assets/DejaVuSans-Bold.ttf");
static FONT: LazyLock<bool> = LazyLock::new(|| {
    register_font(FAMILY, FontStyle::Normal, REGULAR).is_ok() && register_font(FAMILY, FontStyle::Bold, BOLD).is_ok()
});

/// Where the point of a text lies in it; vertically it is always the middle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// How a text looks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Type {
    pub(super) size: i32,
    pub(super) bold: bool,
    pub(super) shade: Shade,
    pub(super) anchor: Anchor,
}

impl Type {
    /// Ordinary text, from its left edge.
    pub(super) const BODY: Type = Type { size: SIZE, bold: false, shade: INK, anchor: Anchor::Start };

    pub(super) const fn bold(self) -> Self {
        Self { bold: true, ..self }
    }

    pub(super) const fn size(self, size: i32) -> Self {
        Self { size, ..self }
    }

    pub(super) const fn shade(self, shade: Shade) -> Self {
        Self { shade, ..self }
    }

    pub(super) const fn anchor(self, anchor: Anchor) -> Self {
        Self { anchor, ..self }
    }

    fn style(self) -> FontStyle {
        if self.bold { FontStyle::Bold } else { FontStyle::Normal }
    }

    /// Width of `text` in pixels. Letters outside the embedded font count as one em, which no script exceeds by much.
    pub(super) fn width(self, text: &str) -> i32 {
        let (known, foreign): (String, String) = text.chars().partition(|&c| c < '\u{2600}');
        let font = FontDesc::new(FontFamily::SansSerif, f64::from(self.size) * LINE, self.style());
        let known = if *FONT { font.box_size(&known).map_or(0, |b| b.0 as i32) } else { 0 };
        known + foreign.chars().count() as i32 * self.size
    }

    /// `text`, cut with an ellipsis where it is wider than `width` pixels.
    pub(super) fn fit(self, text: &str, width: i32) -> String {
        if self.width(text) <= width {
            return text.to_string();
        }
        let mut kept: Vec<char> = text.chars().collect();
        loop {
            kept.pop();
            let cut = format!("{}…", kept.iter().collect::<String>().trim_end());
            if kept.is_empty() || self.width(&cut) <= width {
                return cut;
            }
        }
    }

    /// `text` broken at spaces into at most `lines` lines of at most `width` pixels; what is left over is cut.
    pub(super) fn wrap(self, text: &str, width: i32, lines: usize) -> Vec<String> {
        let mut out = vec![String::new()];
        for word in text.split_whitespace() {
            let last = out.len() - 1;
            let joined = if out[last].is_empty() { word.to_string() } else { format!("{} {word}", out[last]) };
            if out[last].is_empty() || self.width(&joined) <= width || out.len() == lines {
                out[last] = joined;
            } else {
                out.push(word.to_string());
            }
        }
        out.iter().map(|line| self.fit(line, width)).collect()
    }
}

/// The surface that a chart draws on.
pub(super) struct Canvas<'a>(DrawingArea<SVGBackend<'a>, Shift>);

impl Canvas<'_> {
    pub(super) fn rect(&self, (x, y): (i32, i32), (width, height): (i32, i32), shade: Shade) -> Result<()> {
        if width <= 0 || height <= 0 {
            return Ok(());
        }
        self.0.draw(&Rectangle::new([(x, y), (x + width, y + height)], shade.rgb().filled())).map_err(failed)
    }

    pub(super) fn path(&self, points: Vec<(i32, i32)>, shade: Shade, stroke: u32) -> Result<()> {
        self.0.draw(&PathElement::new(points, shade.rgb().stroke_width(stroke))).map_err(failed)
    }

    pub(super) fn line(&self, from: (i32, i32), to: (i32, i32), shade: Shade) -> Result<()> {
        self.path(vec![from, to], shade, 1)
    }

    pub(super) fn ring(&self, at: (i32, i32), radius: i32, shade: Shade) -> Result<()> {
        self.0.draw(&Circle::new(at, radius, shade.rgb().stroke_width(2))).map_err(failed)
    }

    pub(super) fn text(&self, at: (i32, i32), text: &str, look: Type) -> Result<()> {
        let position = match look.anchor {
            Anchor::Start => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::End => HPos::Right,
        };
        let font = FontDesc::new(FontFamily::SansSerif, f64::from(look.size) * PLOTTERS_EM, look.style());
        let style = TextStyle::from(font).color(&look.shade.rgb()).pos(Pos::new(position, VPos::Center));
        self.0.draw(&Text::new(text.to_string(), at, style)).map_err(failed)
    }

    /// Several lines of text, centred on `y`.
    pub(super) fn lines(&self, (x, y): (i32, i32), lines: &[String], look: Type) -> Result<()> {
        let step = look.size + 3;
        let top = y - step * (lines.len() as i32 - 1) / 2;
        lines.iter().zip(0..).try_for_each(|(line, i)| self.text((x, top + i * step), line, look))
    }

    /// A filled sign of about `2 × radius` pixels; `alpha` below 1 lets others shine through.
    pub(super) fn marker(&self, at: (i32, i32), radius: i32, (marker, shade): (Marker, Shade), alpha: f64) -> Result<()> {
        let style = shade.rgb().mix(alpha).filled();
        match marker.corners(radius) {
            None => self.0.draw(&Circle::new(at, radius, style)),
            Some(corners) => {
                let points: Vec<_> = corners.iter().map(|(x, y)| (at.0 + x, at.1 + y)).collect();
                self.0.draw(&Polygon::new(points, style))
            }
        }
        .map_err(failed)
    }
}

/// Draws a picture of `size` pixels and gives it a name for those who do not see it. The result is a complete SVG file.
pub(super) fn svg(
    name: &str,
    (width, height): (i32, i32),
    title: &str,
    description: &str,
    draw: impl FnOnce(&Canvas<'_>) -> Result<()>,
) -> Result<String> {
    if !*FONT {
        return Err(Error::new("E0901", "the font that ilk carries cannot be read").help("install ilk again"));
    }
    let mut drawn = String::new();
    {
        let area = SVGBackend::with_string(&mut drawn, (width as u32, height as u32)).into_drawing_area();
        let canvas = Canvas(area);
        draw(&canvas)?;
        canvas.0.present().map_err(failed)?;
    }
    // Text is escaped by the backend, so none of these can stand in it.
    let body = drawn.split_once(">\n").map_or("", |(_, body)| body);
    let body = body
        .replace(" font-family=\"sans-serif\"", "")
        .replace(" opacity=\"1\"", "")
        .replace(" stroke=\"none\" stroke-width=\"1\"", "")
        .replace(" stroke=\"none\"", "");
    Ok(format!(
        "<svg{XMLNS} role=\"img\" aria-labelledby=\"{name}-title {name}-desc\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" font-family=\"{STACK}\">\n<title id=\"{name}-title\">{}</title>\n\
         <desc id=\"{name}-desc\">{}</desc>\n{body}",
        escape(title),
        escape(description),
    ))
}

/// Text as it may stand between tags.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn failed<E: std::error::Error + Send + Sync>(error: DrawingAreaErrorKind<E>) -> Error {
    Error::new("E0901", format!("a chart could not be drawn: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wider_text_measures_wider_and_is_cut_to_fit() {
        let look = Type::BODY;
        assert!(look.width("Loyal") < look.width("Loyal big spenders"));
        assert!(look.width("Loyal") < look.bold().width("Loyal"));
        assert_eq!(look.width("客客"), 2 * SIZE);
        let cut = look.fit("Customers who have been quiet for a very long time", 90);
        assert!(cut.ends_with('…') && look.width(&cut) <= 90, "{cut}");
        let lines = look.wrap("Customers who have been quiet for a very long time", 90, 2);
        assert_eq!(lines.len(), 2);
        assert!(lines.iter().all(|l| look.width(l) <= 90), "{lines:?}");
    }

    #[test]
    fn a_figure_has_a_name_and_whole_font_sizes() {
        let drawn = svg("probe", (200, 100), "A < B", "two & three", |c| {
            (10..20).try_for_each(|size| c.text((10, 10), "<script>", Type::BODY.size(size)))
        })
        .expect("drawn");
        assert!(drawn.starts_with("<svg xmlns"));
        assert!(drawn.contains("aria-labelledby=\"probe-title probe-desc\""));
        assert!(drawn.contains("A &lt; B") && drawn.contains("two &amp; three"));
        assert!(!drawn.contains("<script"));
        for size in 10..20 {
            assert!(drawn.contains(&format!("font-size=\"{size}\"")), "size {size} is not written as a whole number");
        }
    }
}
