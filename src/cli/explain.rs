//! `ilk explain`: the long form of any error or warning code. One page per code, one line here.

use super::Voice;
use crate::error::{Error, Result};
use clap::Args;

/// Arguments of `ilk explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// Such as E0312
    code: String,
}

impl Explain {
    pub(crate) fn run(&self, voice: &Voice) -> Result<i32> {
        let Some(text) = page(&self.code) else {
            let error = Error::new("E0204", format!("there is no code `{}`", self.code));
            return Err(match closest(&self.code) {
                Some(near) => error.help(format!("did you mean {near}?")),
                None => error.help("codes look like E0312 or W0331"),
            });
        };
        voice.say(text.trim_end());
        voice.document(&serde_json::json!({ "code": self.code.to_uppercase(), "text": text }))?;
        Ok(0)
    }
}

/// The page of a code, in any case.
pub fn page(code: &str) -> Option<&'static str> {
    CODES.iter().find(|(known, _)| known.eq_ignore_ascii_case(code)).map(|(_, text)| *text)
}

/// The nearest code.
pub fn closest(code: &str) -> Option<&'static str> {
    let code = code.to_uppercase();
    CODES
        .iter()
        .map(|(known, _)| (strsim::jaro_winkler(&code, known), *known))
        .filter(|(score, _)| *score > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known)
}

/// Every code and its page.
pub const CODES: &[(&str, &str)] = &[
    ("E0070", include_str!("explain/E0070.md")),
    ("E0101", include_str!("explain/E0101.md")),
    ("E0102", include_str!("explain/E0102.md")),
    ("E0103", include_str!("explain/E0103.md")),
    ("E0104", include_str!("explain/E0104.md")),
    ("E0105", include_str!("explain/E0105.md")),
    ("E0106", include_str!("explain/E0106.md")),
    ("E0110", include_str!("explain/E0110.md")),
    ("E0111", include_str!("explain/E0111.md")),
    ("E0112", include_str!("explain/E0112.md")),
    ("E0113", include_str!("explain/E0113.md")),
    ("E0130", include_str!("explain/E0130.md")),
    ("E0131", include_str!("explain/E0131.md")),
    ("E0201", include_str!("explain/E0201.md")),
    ("E0202", include_str!("explain/E0202.md")),
    ("E0203", include_str!("explain/E0203.md")),
    ("E0204", include_str!("explain/E0204.md")),
    ("E0205", include_str!("explain/E0205.md")),
    ("E0206", include_str!("explain/E0206.md")),
    ("E0207", include_str!("explain/E0207.md")),
    ("E0208", include_str!("explain/E0208.md")),
    ("E0209", include_str!("explain/E0209.md")),
    ("E0210", include_str!("explain/E0210.md")),
    ("E0211", include_str!("explain/E0211.md")),
    ("E0212", include_str!("explain/E0212.md")),
    ("E0213", include_str!("explain/E0213.md")),
    ("E0221", include_str!("explain/E0221.md")),
    ("E0222", include_str!("explain/E0222.md")),
    ("E0223", include_str!("explain/E0223.md")),
    ("E0224", include_str!("explain/E0224.md")),
    ("E0302", include_str!("explain/E0302.md")),
    ("E0312", include_str!("explain/E0312.md")),
    ("E0313", include_str!("explain/E0313.md")),
    ("E0314", include_str!("explain/E0314.md")),
    ("E0315", include_str!("explain/E0315.md")),
    ("E0322", include_str!("explain/E0322.md")),
    ("E0323", include_str!("explain/E0323.md")),
    ("E0325", include_str!("explain/E0325.md")),
    ("E0331", include_str!("explain/E0331.md")),
    ("E0341", include_str!("explain/E0341.md")),
    ("E0343", include_str!("explain/E0343.md")),
    ("E0346", include_str!("explain/E0346.md")),
    ("E0347", include_str!("explain/E0347.md")),
    ("E0401", include_str!("explain/E0401.md")),
    ("E0403", include_str!("explain/E0403.md")),
    ("E0404", include_str!("explain/E0404.md")),
    ("E0411", include_str!("explain/E0411.md")),
    ("E0413", include_str!("explain/E0413.md")),
    ("E0499", include_str!("explain/E0499.md")),
    ("E0502", include_str!("explain/E0502.md")),
    ("E0503", include_str!("explain/E0503.md")),
    ("E0504", include_str!("explain/E0504.md")),
    ("E0601", include_str!("explain/E0601.md")),
    ("E0603", include_str!("explain/E0603.md")),
    ("E0604", include_str!("explain/E0604.md")),
    ("E0605", include_str!("explain/E0605.md")),
    ("E0611", include_str!("explain/E0611.md")),
    ("E0612", include_str!("explain/E0612.md")),
    ("E0613", include_str!("explain/E0613.md")),
    ("E0614", include_str!("explain/E0614.md")),
    ("E0615", include_str!("explain/E0615.md")),
    ("E0616", include_str!("explain/E0616.md")),
    ("E0620", include_str!("explain/E0620.md")),
    ("E0621", include_str!("explain/E0621.md")),
    ("E0701", include_str!("explain/E0701.md")),
    ("W0108", include_str!("explain/W0108.md")),
    ("W0109", include_str!("explain/W0109.md")),
    ("W0114", include_str!("explain/W0114.md")),
    ("W0206", include_str!("explain/W0206.md")),
    ("W0208", include_str!("explain/W0208.md")),
    ("W0209", include_str!("explain/W0209.md")),
    ("W0301", include_str!("explain/W0301.md")),
    ("W0303", include_str!("explain/W0303.md")),
    ("W0304", include_str!("explain/W0304.md")),
    ("W0315", include_str!("explain/W0315.md")),
    ("W0316", include_str!("explain/W0316.md")),
    ("W0317", include_str!("explain/W0317.md")),
    ("W0318", include_str!("explain/W0318.md")),
    ("W0319", include_str!("explain/W0319.md")),
    ("W0321", include_str!("explain/W0321.md")),
    ("W0324", include_str!("explain/W0324.md")),
    ("W0331", include_str!("explain/W0331.md")),
    ("W0332", include_str!("explain/W0332.md")),
    ("W0333", include_str!("explain/W0333.md")),
    ("W0341", include_str!("explain/W0341.md")),
    ("W0342", include_str!("explain/W0342.md")),
    ("W0344", include_str!("explain/W0344.md")),
    ("W0345", include_str!("explain/W0345.md")),
    ("W0347", include_str!("explain/W0347.md")),
    ("W0351", include_str!("explain/W0351.md")),
    ("W0352", include_str!("explain/W0352.md")),
    ("W0353", include_str!("explain/W0353.md")),
    ("W0354", include_str!("explain/W0354.md")),
    ("W0355", include_str!("explain/W0355.md")),
    ("W0356", include_str!("explain/W0356.md")),
    ("W0402", include_str!("explain/W0402.md")),
    ("W0403", include_str!("explain/W0403.md")),
    ("W0404", include_str!("explain/W0404.md")),
    ("W0405", include_str!("explain/W0405.md")),
    ("W0410", include_str!("explain/W0410.md")),
    ("W0412", include_str!("explain/W0412.md")),
    ("W0413", include_str!("explain/W0413.md")),
    ("W0421", include_str!("explain/W0421.md")),
    ("W0422", include_str!("explain/W0422.md")),
    ("W0423", include_str!("explain/W0423.md")),
    ("W0424", include_str!("explain/W0424.md")),
    ("W0425", include_str!("explain/W0425.md")),
    ("W0501", include_str!("explain/W0501.md")),
    ("W0504", include_str!("explain/W0504.md")),
    ("W0505", include_str!("explain/W0505.md")),
    ("W0617", include_str!("explain/W0617.md")),
    ("W0621", include_str!("explain/W0621.md")),
    ("W0622", include_str!("explain/W0622.md")),
    ("W0623", include_str!("explain/W0623.md")),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_complete_and_in_order() {
        assert!(CODES.windows(2).all(|w| w[0].0 < w[1].0));
        for (code, text) in CODES {
            assert!(text.starts_with(&format!("# {code}: ")), "{code}");
            assert!(text.contains("\n## Why it matters\n") && text.contains("\n## Fix\n"), "{code}");
            assert!(text.lines().count() >= 8, "{code}");
        }
    }

    #[test]
    fn codes_are_found_in_any_case_and_slips_are_met() {
        assert!(page("e0312").is_some_and(|t| t.starts_with("# E0312")));
        assert_eq!(closest("E312"), Some("E0312"));
        assert_eq!(page("E9999"), None);
    }
}
