//! Charts as files of their own, for slides: SVG with a white ground, or PNG by resvg.

use super::{Drawing, SANS, SANS_BOLD};
use crate::error::{Error, Result};
use crate::report::locale::Locale;
use resvg::{tiny_skia, usvg};
use std::sync::Arc;

/// Pixels of a PNG for one of the chart: sharp on a slide.
const SCALE: f32 = 2.0;

/// A chart as a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Picture {
    /// Scalable.
    Svg,
    /// Pixels, two for each of the page's.
    Png,
}

impl Picture {
    /// The ending of its file.
    pub fn ending(self) -> &'static str {
        match self {
            Picture::Svg => "svg",
            Picture::Png => "png",
        }
    }

    /// The bytes of its file, its numbers in the locale.
    ///
    /// # Errors
    /// E0070 if it cannot be made, which would be a defect.
    pub fn of(self, drawing: &Drawing, locale: Locale) -> Result<Vec<u8>> {
        let svg = locale.page(&alone(&drawing.svg));
        match self {
            Picture::Svg => Ok(svg.into_bytes()),
            Picture::Png => png(&svg),
        }
    }
}

/// A picture that stands alone: it says what it is, and has a ground.
fn alone(svg: &str) -> String {
    let named = svg.replacen("<svg ", "<svg xmlns=\"http://www.w3.org/2000/svg\" ", 1);
    // Behind everything, so right after the description.
    named.replacen("</desc>", "</desc><rect width=\"100%\" height=\"100%\" fill=\"#FFFFFF\"/>", 1)
}

fn png(svg: &str) -> Result<Vec<u8>> {
    let failed = |e: String| Error::new("E0070", format!("a chart cannot be made into a PNG: {e}"));
    let mut options = usvg::Options { font_family: "DejaVu Sans".into(), ..usvg::Options::default() };
    let fonts = Arc::make_mut(&mut options.fontdb);
    fonts.load_font_data(SANS.to_vec());
    fonts.load_font_data(SANS_BOLD.to_vec());
    fonts.set_sans_serif_family("DejaVu Sans");
    let tree = usvg::Tree::from_str(svg, &options).map_err(|e| failed(e.to_string()))?;
    let size = tree.size().to_int_size().scale_by(SCALE).ok_or_else(|| failed("it has no size".into()))?;
    let mut pixels =
        tiny_skia::Pixmap::new(size.width(), size.height()).ok_or_else(|| failed("it has no size".into()))?;
    resvg::render(&tree, tiny_skia::Transform::from_scale(SCALE, SCALE), &mut pixels.as_mut());
    pixels.encode_png().map_err(|e| failed(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::super::CHARTS;
    use super::*;
    use crate::report::sample::report;

    #[test]
    fn a_chart_becomes_a_file_of_either_kind() {
        let chart = &CHARTS[0];
        let drawing = (chart.draw)(&report(4), chart.id).expect("drawn").expect("a chart");
        let svg = String::from_utf8(Picture::Svg.of(&drawing, Locale::En).expect("SVG")).expect("text");
        assert!(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\"") && svg.contains("fill=\"#FFFFFF\"/>"));
        let png = Picture::Png.of(&drawing, Locale::En).expect("PNG");
        assert_eq!(png[..8], [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a]);
        let number = |at: usize| u32::from_be_bytes([png[at], png[at + 1], png[at + 2], png[at + 3]]);
        assert_eq!((number(16), number(20)), (1800, 600));
        assert_eq!(png, Picture::Png.of(&drawing, Locale::En).expect("the same PNG"));
        // Text is there: without a font the picture would be much the same without words.
        let bare = svg.split("<text").next().unwrap_or_default().to_string() + "</svg>";
        assert!(png_of(&bare).len() < png.len());
    }

    fn png_of(svg: &str) -> Vec<u8> {
        png(svg).expect("PNG")
    }
}
