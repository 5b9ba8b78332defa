//! Engagement: visits, e-mails and other events.
//!
//! Clicks, sessions and active days say that somebody acted. Opens are counted by machines too since mail clients fetch
//! pictures in advance (Apple Mail Privacy Protection, 2021), which lifts all rates alike more than it mixes customers up,
//! so the open rate still forms segments, smoothed, and one line under `[features.roles]` takes it out.

use super::{Family, Feature, Measure, Role, Rows, Scale, Unit};

/// Which kinds of events a project has, by what they mean.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kinds {
    /// Visits.
    pub sessions: Vec<String>,
    /// E-mails that were sent.
    pub emails_sent: Vec<String>,
    /// E-mails that were opened.
    pub emails_opened: Vec<String>,
    /// E-mails that were clicked.
    pub emails_clicked: Vec<String>,
    /// Everything else, each counted for itself.
    pub other: Vec<String>,
}

/// Sorts kinds of events by their common names.
pub fn recognise(kinds: &[String]) -> Kinds {
    let mut found = Kinds::default();
    for kind in kinds {
        let plain: String = kind.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
        let list = match plain.as_str() {
            "session" | "sessionstart" | "visit" | "pageview" | "webvisit" | "login" | "appopen" => &mut found.sessions,
            "emailsent" | "sent" | "delivered" | "emaildelivered" | "mailsent" | "send" => &mut found.emails_sent,
            "emailopened" | "opened" | "open" | "emailopen" | "mailopened" => &mut found.emails_opened,
            "emailclicked" | "clicked" | "click" | "emailclick" | "mailclicked" => &mut found.emails_clicked,
            _ => &mut found.other,
        };
        list.push(kind.clone());
    }
    found
}

/// The features of events, in column order. Where only kinds of unknown meaning exist, activity is any of them.
pub fn features(kinds: &Kinds) -> Vec<Feature> {
    let mut all = Vec::new();
    let mut add = |name: String, label: String, unit, measure, low: &str, high: &str| {
        all.push(Feature {
            name,
            label,
            family: Family::Engagement,
            unit,
            measure,
            scale: Scale::Numeric,
            role: Role::Form,
            low: low.into(),
            high: high.into(),
        });
    };
    let mut engaged: Vec<String> =
        [&kinds.sessions, &kinds.emails_opened, &kinds.emails_clicked].into_iter().flatten().cloned().collect();
    if engaged.is_empty() {
        engaged.clone_from(&kinds.other);
    }
    if !kinds.sessions.is_empty() {
        let rows = Rows::events(&kinds.sessions);
        add("sessions".into(), "Visits".into(), Unit::Count, Measure::Count(rows), "few visits", "many visits");
    }
    if !engaged.is_empty() {
        let rows = Rows::events(&engaged);
        add("active_days".into(), "Active days".into(), Unit::Count, Measure::ActiveDays(rows), "quiet", "active");
    }
    for (name, label, hits, low, high) in [
        ("email_open_rate", "Share of e-mails opened", &kinds.emails_opened, "seldom opens e-mails", "opens e-mails"),
        (
            "email_click_rate",
            "Share of e-mails clicked",
            &kinds.emails_clicked,
            "seldom clicks e-mails",
            "clicks e-mails",
        ),
    ] {
        if !hits.is_empty() && !kinds.emails_sent.is_empty() {
            let measure = Measure::Rate { hits: Rows::events(hits), trials: Rows::events(&kinds.emails_sent) };
            add(name.into(), label.into(), Unit::Share, measure, low, high);
        }
    }
    if !engaged.is_empty() {
        let rows = Rows::events(&engaged);
        add(
            "days_since_engagement".into(),
            "Days since last activity".into(),
            Unit::Days,
            Measure::DaysSinceLast(rows),
            "recently active",
            "long silent",
        );
    }
    for kind in &kinds.other {
        let words = kind.to_lowercase().replace(['_', '-'], " ");
        let name: String =
            kind.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        let mut letters = words.chars();
        let label = letters.next().map_or_else(String::new, |c| c.to_uppercase().chain(letters).collect());
        add(
            format!("{name}_count"),
            format!("{label} events"),
            Unit::Count,
            Measure::Count(Rows::events(&[kind])),
            &format!("few {words} events"),
            &format!("many {words} events"),
        );
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(kinds: &[&str]) -> Vec<String> {
        let kinds: Vec<String> = kinds.iter().map(|k| (*k).to_string()).collect();
        features(&recognise(&kinds)).into_iter().map(|f| f.name).collect()
    }

    #[test]
    fn common_kinds_are_recognised_and_others_counted() {
        assert_eq!(
            names(&["cart_add", "email_clicked", "email_opened", "email_sent", "session"]),
            [
                "sessions",
                "active_days",
                "email_open_rate",
                "email_click_rate",
                "days_since_engagement",
                "cart_add_count"
            ]
        );
    }

    #[test]
    fn unknown_kinds_alone_are_the_activity() {
        assert_eq!(names(&["coupon-redemption"]), ["active_days", "days_since_engagement", "coupon_redemption_count"]);
        assert!(names(&[]).is_empty());
    }

    #[test]
    fn a_rate_needs_what_it_is_a_share_of() {
        assert!(!names(&["email_opened"]).contains(&"email_open_rate".to_string()));
    }
}
