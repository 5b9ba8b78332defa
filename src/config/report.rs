//! `[report]`: how the report looks.

use crate::error::{Error, Result};
use crate::report::Look;
use crate::report::locale::Locale;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the report looks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReportConfig {
    /// Stands for the project's name in the heading.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// A picture for the head of the page: PNG, JPEG, WebP or SVG, at most 100 KB; it becomes part of the page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logo: Option<String>,
    /// Colour of links and headings on a light page, `#RRGGBB`; at least 4.5 to 1 against white.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accent: Option<String>,
    /// Who answers for the segments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// How to reach them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
    /// How numbers are written: `en` 1,234.5, `de` 1.234,5, `fr` 1 234,5, `ch` 1’234.5. Words stay English.
    #[serde(skip_serializing_if = "Locale::is_english")]
    pub locale: Locale,
}

impl ReportConfig {
    /// The look of the page; `logo` as a `data:` address.
    pub fn look(&self, logo: Option<String>) -> Look {
        let Self { title, accent, owner, contact, locale, .. } = self.clone();
        Look { title, logo, accent, owner, contact, locale }
    }

    pub(super) fn check(&self) -> Result<()> {
        let Some(accent) = &self.accent else { return Ok(()) };
        let refuse = |what: String| Err(Error::new("E0204", what).help("accent = \"#053785\""));
        let digits = accent.strip_prefix('#').filter(|d| d.len() == 6 && d.bytes().all(|b| b.is_ascii_hexdigit()));
        let Some(rgb) = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()) else {
            return refuse(format!("`accent = \"{accent}\"`: expected a colour such as #053785"));
        };
        let contrast = 1.05 / (luminance(rgb) + 0.05);
        if contrast < 4.5 {
            return refuse(format!(
                "`accent = \"{accent}\"` is hard to read on white: {contrast:.1} to 1, and text needs 4.5 to 1"
            ));
        }
        Ok(())
    }
}

/// Relative luminance of an sRGB colour (WCAG 2.2).
fn luminance(rgb: u32) -> f64 {
    let part = |shift: u32| {
        let value = f64::from((rgb >> shift) & 0xff) / 255.0;
        if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * part(16) + 0.7152 * part(8) + 0.0722 * part(0)
}
