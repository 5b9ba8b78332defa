//! Engagement: visits, e-mails and other events.
//!
//! Clicks, sessions and active days say that somebody acted. Opens are counted by machines too since mail clients fetch
//! pictures in advance (Apple Mail Privacy Protection, 2021), which lifts all rates alike more than it mixes customers up,
//! so the open rate still forms segments, smoothed, and one line under `[features.roles]` takes it out; opens that a column
//! marks as made by a machine never count.

use super::rules::{Conditions, Rule};
use super::{Family, Feature, Measure, Named, Rows, Scale, Table, Unit, Weighted, capitalised};

/// Which kinds of events a project has, by what they mean.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kinds {
    /// Visits.
    pub sessions: Vec<String>,
    /// Pages seen.
    pub pages: Vec<String>,
    /// Things put into the cart.
    pub cart_adds: Vec<String>,
    /// Orders placed, as events.
    pub purchases: Vec<String>,
    /// Files taken.
    pub downloads: Vec<String>,
    /// Demonstrations or calls asked for.
    pub demo_requests: Vec<String>,
    /// E-mails that were sent.
    pub emails_sent: Vec<String>,
    /// E-mails that were opened.
    pub emails_opened: Vec<String>,
    /// E-mails that were clicked.
    pub emails_clicked: Vec<String>,
    /// E-mails that were declined for the future.
    pub unsubscribes: Vec<String>,
    /// Contacts in social media.
    pub social: Vec<String>,
    /// Calls, tickets and chats with the service.
    pub support: Vec<String>,
    /// Everything else, each counted for itself.
    pub other: Vec<String>,
}

/// Sorts kinds of events by their common names.
pub fn recognise(kinds: &[String]) -> Kinds {
    let mut found = Kinds::default();
    for kind in kinds {
        let plain: String = kind.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
        let list = match plain.as_str() {
            "session" | "sessionstart" | "visit" | "webvisit" | "login" | "appopen" => &mut found.sessions,
            "pageview" | "page" | "view" | "productview" | "viewitem" | "screenview" => &mut found.pages,
            "cartadd" | "addtocart" | "cart" | "basketadd" | "addtobasket" => &mut found.cart_adds,
            "purchase" | "checkout" | "orderplaced" | "orderconfirmed" => &mut found.purchases,
            "download" | "filedownload" | "whitepaper" | "brochure" => &mut found.downloads,
            "demorequest" | "demo" | "requestdemo" | "callbackrequest" | "quoterequest" => &mut found.demo_requests,
            "emailsent" | "sent" | "delivered" | "emaildelivered" | "mailsent" | "send" => &mut found.emails_sent,
            "emailopened" | "opened" | "open" | "emailopen" | "mailopened" => &mut found.emails_opened,
            "emailclicked" | "clicked" | "click" | "emailclick" | "mailclicked" => &mut found.emails_clicked,
            "unsubscribe" | "unsubscribed" | "emailunsubscribed" | "optout" => &mut found.unsubscribes,
            "social" | "socialpost" | "like" | "share" | "follow" | "mention" | "comment" => &mut found.social,
            "support" | "supportticket" | "ticket" | "supportcall" | "chat" | "complaint" | "call" => {
                &mut found.support
            }
            _ => &mut found.other,
        };
        list.push(kind.clone());
    }
    found
}

/// What is known beside the kinds of events.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Available {
    /// There are orders, so a cart may end in one.
    pub orders: bool,
    /// Events name a channel.
    pub channels: bool,
}

/// Days of the window of active days ("L28").
const RECENT: u32 = 28;

/// Days after which an event counts half.
const HALF_LIFE: u32 = 30;

/// Days without any event after which a customer is dormant.
const DORMANT: u32 = 90;

/// The features of events, in column order. Where only kinds of unknown meaning exist, activity is any of them.
pub fn features(kinds: &Kinds, has: Available) -> Vec<Feature> {
    let mut all: Vec<Feature> = Vec::new();
    let feature = |name: &str, label: &str, unit: Unit, measure: Measure| {
        Feature::new(name, label, Family::Engagement, unit, measure)
    };
    let together = |lists: &[&Vec<String>]| lists.iter().flat_map(|l| l.iter().cloned()).collect::<Vec<_>>();
    let acted = {
        let known = together(&[
            &kinds.sessions,
            &kinds.pages,
            &kinds.cart_adds,
            &kinds.downloads,
            &kinds.demo_requests,
            &kinds.emails_clicked,
            &kinds.social,
        ]);
        if known.is_empty() { kinds.other.clone() } else { known }
    };
    let mut engaged = together(&[&kinds.sessions, &kinds.emails_opened, &kinds.emails_clicked]);
    if engaged.is_empty() {
        engaged.clone_from(&acted);
    }
    if !kinds.sessions.is_empty() {
        all.push(
            feature("sessions", "Visits", Unit::Count, Measure::Count(Rows::events(&kinds.sessions)))
                .forms()
                .words("few visits", "many visits"),
        );
    }
    if !kinds.pages.is_empty() {
        all.push(
            feature("page_views", "Pages seen", Unit::Count, Measure::Count(Rows::events(&kinds.pages)))
                .words("few pages", "many pages"),
        );
    }
    if !engaged.is_empty() {
        all.push(
            feature("active_days", "Active days", Unit::Count, Measure::ActiveDays(Rows::events(&engaged)))
                .forms()
                .words("quiet", "active"),
        );
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
            all.push(
                feature(name, label, Unit::Share, rate(Rows::events(hits), Rows::events(&kinds.emails_sent)))
                    .forms()
                    .words(low, high),
            );
        }
    }
    if !engaged.is_empty() {
        all.push(
            feature(
                "days_since_engagement",
                "Days since last activity",
                Unit::Days,
                Measure::DaysSinceLast(Rows::events(&engaged)),
            )
            .forms()
            .words("recently active", "long silent"),
        );
    }
    for (name, label, list, forms) in [
        ("cart_adds", "Things put into the cart", &kinds.cart_adds, true),
        ("downloads", "Downloads", &kinds.downloads, true),
        ("demo_requests", "Demo requests", &kinds.demo_requests, true),
        ("social_contacts", "Contacts in social media", &kinds.social, false),
        ("support_contacts", "Contacts with the service", &kinds.support, false),
    ] {
        if !list.is_empty() {
            let words = label.to_lowercase();
            let made = feature(name, label, Unit::Count, Measure::Count(Rows::events(list)))
                .words(format!("few {words}"), format!("many {words}"));
            all.push(if forms { made.forms() } else { made });
        }
    }
    for kind in &kinds.other {
        let words = kind.to_lowercase().replace(['_', '-'], " ");
        let name: String =
            kind.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        all.push(
            feature(
                &format!("{name}_count"),
                &format!("{} events", capitalised(&words)),
                Unit::Count,
                Measure::Count(Rows::events(&[kind])),
            )
            .forms()
            .words(format!("few {words} events"), format!("many {words} events")),
        );
    }
    if !kinds.cart_adds.is_empty() && (has.orders || !kinds.purchases.is_empty()) {
        let carts = Rows::events(&kinds.cart_adds);
        let mut bought = Vec::new();
        if has.orders {
            bought.push(Rows::sales());
        }
        if !kinds.purchases.is_empty() {
            bought.push(Rows::events(&kinds.purchases));
        }
        let measure = Measure::Rate {
            hits: Box::new(Measure::DaysWithout { rows: carts.clone(), unless: bought }),
            trials: Box::new(Measure::ActiveDays(carts)),
        };
        all.push(
            feature("cart_abandonment", "Share of days with a cart and no order", Unit::Share, measure)
                .words("fills carts and buys", "leaves carts behind"),
        );
    }
    if !acted.is_empty() {
        all.push(
            feature(
                "active_days_28",
                "Active days of the last 28",
                Unit::Count,
                Measure::ActiveDays(Rows::events(&acted).last(RECENT)),
            )
            .words("quiet lately", "active lately"),
        );
        let weights = [
            (&kinds.sessions, 1.0),
            (&kinds.pages, 0.2),
            (&kinds.cart_adds, 2.0),
            (&kinds.downloads, 3.0),
            (&kinds.demo_requests, 5.0),
            (&kinds.emails_opened, 0.5),
            (&kinds.emails_clicked, 2.0),
            (&kinds.social, 1.0),
            (&kinds.other, 1.0),
        ];
        let rows = weights
            .iter()
            .filter(|(list, _)| !list.is_empty())
            .map(|(list, weight)| Weighted { rows: Rows::events(list), weight: *weight })
            .collect();
        all.push(
            feature(
                "engagement_score",
                "Engagement score",
                Unit::Number,
                Measure::Decayed { rows, half_life: HALF_LIFE },
            )
            .words("little engaged", "engaged"),
        );
        // Counts, not days since: where the events begin less than that long ago, nobody would be dormant.
        all.push(feature(
            "actions_90d",
            "Actions, last 90 days",
            Unit::Count,
            Measure::Count(Rows::events(&acted).last(DORMANT)),
        ));
        all.push(feature(
            "events_90d",
            "Events, last 90 days",
            Unit::Count,
            Measure::Count(Rows::of(Table::Events).last(DORMANT)),
        ));
        all.push(ladder());
    }
    let ways = [
        ("web", together(&[&kinds.sessions, &kinds.pages, &kinds.cart_adds, &kinds.downloads, &kinds.demo_requests])),
        ("e-mail", together(&[&kinds.emails_opened, &kinds.emails_clicked])),
        ("social", kinds.social.clone()),
        ("service", kinds.support.clone()),
    ];
    let ways: Vec<Named> = ways
        .into_iter()
        .filter(|(_, list)| !list.is_empty())
        .map(|(level, list)| Named { level: level.into(), rows: Rows::events(&list) })
        .collect();
    if has.channels {
        let measure = Measure::Top { rows: Rows::of(Table::Events), of: super::Key::Channel };
        all.push(feature("preferred_channel", "Preferred channel", Unit::Level, measure).levels(Scale::Nominal));
    } else if ways.len() > 1 {
        all.push(
            feature("preferred_channel", "Preferred channel", Unit::Level, Measure::MostOf(ways))
                .levels(Scale::Nominal),
        );
    }
    if !kinds.emails_sent.is_empty() {
        all.push(
            feature(
                "contacts_28d",
                "E-mails sent in the last 28 days",
                Unit::Count,
                Measure::Count(Rows::events(&kinds.emails_sent).last(RECENT)),
            )
            .words("seldom contacted", "often contacted"),
        );
    }
    if !kinds.unsubscribes.is_empty() {
        all.push(feature(
            "unsubscribes",
            "Times unsubscribed",
            Unit::Count,
            Measure::Count(Rows::events(&kinds.unsubscribes)),
        ));
    }
    all
}

fn rate(hits: Rows, trials: Rows) -> Measure {
    Measure::Rate { hits: Box::new(Measure::Count(hits)), trials: Box::new(Measure::Count(trials)) }
}

/// Dormant (no event for 90 days) < passive (mail only) < browsing < active (4 of 28 days) < power (12 of 28 days).
fn ladder() -> Feature {
    let rule = |level: &str, when: &str| Conditions::parse(when).ok().map(|when| Rule { level: level.into(), when });
    let rules = [
        rule("power", "active_days_28 >= 12"),
        rule("active", "active_days_28 >= 4"),
        rule("browsing", "actions_90d >= 1"),
        rule("passive", "events_90d >= 1"),
    ];
    let levels = ["dormant", "passive", "browsing", "active", "power"].map(String::from).to_vec();
    let measure = Measure::Rules { rules: rules.into_iter().flatten().collect(), otherwise: "dormant".into() };
    Feature::new("engagement_ladder", "Engagement", Family::Engagement, Unit::Level, measure)
        .levels(Scale::Ordinal(levels))
}

#[cfg(test)]
mod tests {
    use super::super::Role;
    use super::*;

    fn made(kinds: &[&str], has: Available) -> Vec<Feature> {
        let kinds: Vec<String> = kinds.iter().map(|k| (*k).to_string()).collect();
        features(&recognise(&kinds), has)
    }

    fn forming(kinds: &[&str]) -> Vec<String> {
        let all = made(kinds, Available::default());
        all.into_iter().filter(|f| f.role == Role::Form).map(|f| f.name).collect()
    }

    #[test]
    fn common_kinds_are_recognised_and_others_counted() {
        assert_eq!(
            forming(&["cart_add", "email_clicked", "email_opened", "email_sent", "session", "wishlist"]),
            [
                "sessions",
                "active_days",
                "email_open_rate",
                "email_click_rate",
                "days_since_engagement",
                "cart_adds",
                "wishlist_count"
            ]
        );
    }

    #[test]
    fn unknown_kinds_alone_are_the_activity() {
        assert_eq!(
            forming(&["coupon-redemption"]),
            ["active_days", "days_since_engagement", "coupon_redemption_count"]
        );
        assert!(forming(&[]).is_empty());
    }

    #[test]
    fn a_rate_needs_what_it_is_a_share_of() {
        assert!(!forming(&["email_opened"]).contains(&"email_open_rate".to_string()));
        let names = |has| made(&["add_to_cart"], has).into_iter().map(|f| f.name).collect::<Vec<_>>();
        assert!(!names(Available::default()).contains(&"cart_abandonment".to_string()));
        assert!(names(Available { orders: true, channels: false }).contains(&"cart_abandonment".to_string()));
    }

    #[test]
    fn the_ladder_has_its_rules_and_comes_after_what_they_compare() {
        let all = made(&["session", "email_sent"], Available::default());
        let at = |name: &str| all.iter().position(|f| f.name == name).expect("a feature");
        let ladder = &all[at("engagement_ladder")];
        let Measure::Rules { rules, .. } = &ladder.measure else { panic!("rules") };
        assert_eq!(rules.len(), 4);
        for condition in rules.iter().flat_map(|r| &r.when.0) {
            assert!(at(&condition.feature) < at("engagement_ladder"));
        }
    }
}
