//! Every number in a sentence of the page, computed again from `report.json`.

use crate::project::Project;
use serde_json::Value;

/// A number of a sentence as it must read: the value, and its decimals.
type Expected = (f64, i32);

/// The numbers of a sentence, in order. Those that are part of a name (`S01`) or of a date are none.
fn numbers(sentence: &str) -> Vec<f64> {
    let text: Vec<char> = sentence.chars().collect();
    let (mut found, mut at) = (Vec::new(), 0);
    while at < text.len() {
        if !text[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let start = at;
        let inside = |at: usize| {
            text[at].is_ascii_digit()
                || (matches!(text[at], ',' | '.') && text.get(at + 1).is_some_and(char::is_ascii_digit))
        };
        while at < text.len() && inside(at) {
            at += 1;
        }
        let before = start.checked_sub(1).map(|i| text[i]);
        let name = before.is_some_and(char::is_alphabetic);
        let date = text.get(at) == Some(&'-') || before == Some('-');
        if !name && !date {
            let number: String = text[start..at].iter().filter(|c| **c != ',').collect();
            let sign = if before == Some('−') { -1.0 } else { 1.0 };
            found.push(sign * number.parse::<f64>().unwrap());
        }
    }
    found
}

fn check(sentence: &str, expected: &[Expected]) {
    let found = numbers(sentence);
    assert_eq!(found.len(), expected.len(), "{sentence}\n{found:?}\n{expected:?}");
    for (found, (value, decimals)) in found.iter().zip(expected) {
        // Half of the last digit, and what a tie may be rounded to.
        let slack = 0.5 * 10_f64.powi(-decimals) + 1e-9;
        assert!((found - value).abs() <= slack, "{sentence}\n{found} and not {value}");
    }
}

/// The texts of all elements that begin with `open`, without tags.
fn texts(page: &str, open: &str) -> Vec<String> {
    let tag = open.trim_start_matches('<').split([' ', '>']).next().unwrap();
    let close = format!("</{tag}>");
    let plain = |html: &str| {
        let mut text = String::new();
        let mut inside = false;
        for c in html.chars() {
            match c {
                '<' => inside = true,
                '>' => inside = false,
                c if !inside => text.push(c),
                _ => {}
            }
        }
        text.replace("&lt;", "<").replace("&#x27;", "'").replace("&amp;", "&").trim().to_string()
    };
    page.split(open)
        .skip(1)
        .map(|rest| plain(rest.split(&close).next().unwrap().split_once('>').map_or("", |(_, t)| t)))
        .collect()
}

struct Facts(Value);

impl Facts {
    fn segments(&self) -> &Vec<Value> {
        self.0["segments"].as_array().unwrap()
    }

    /// The segment whose id is in a sentence, or whose name is, the longest first.
    fn named(&self, sentence: &str) -> &Value {
        let mut all: Vec<&Value> = self.segments().iter().collect();
        all.sort_by_key(|s| std::cmp::Reverse(s["persona"]["name"].as_str().unwrap().len()));
        let named = |key: &str| {
            all.iter().find(|s| {
                sentence.contains(if key == "id" { s["id"].as_str() } else { s["persona"]["name"].as_str() }.unwrap())
            })
        };
        named("id").or_else(|| named("name")).unwrap_or_else(|| panic!("nobody is named in: {sentence}"))
    }

    fn median(segment: &Value, feature: &str) -> f64 {
        let numbers = segment["profile"]["numbers"].as_array().unwrap();
        numbers.iter().find(|n| n["feature"] == feature).unwrap()["median"].as_f64().unwrap()
    }
}

/// Two significant digits.
fn rounded(value: f64) -> f64 {
    let unit = 10_f64.powi(value.abs().log10().floor() as i32 - 1);
    (value / unit).round() * unit
}

/// Money has pence below a hundred.
fn pence(value: f64) -> i32 {
    if value < 100.0 { 2 } else { 0 }
}

#[test]
fn every_number_of_a_sentence_is_in_the_facts() {
    let project = Project::new();
    project.ok(&["demo", "--out", ".", "-q"]);
    let page = project.text("reports/2026-Q1/report.html");
    let facts = Facts(serde_json::from_str(&project.text("reports/2026-Q1/report.json")).unwrap());
    let number = |value: &Value| value.as_f64().unwrap();
    let percent = |value: &Value| (number(value) * 100.0, 0);

    let summary = page.split("<section id=\"summary\">").nth(1).unwrap().split("<section").next().unwrap();
    let mut kinds = std::collections::BTreeSet::new();
    for sentence in texts(summary, "<li") {
        let (kind, expected) = if sentence.contains("of their revenue") {
            let profile = &facts.named(&sentence)["profile"];
            (1, vec![percent(&profile["share_customers"]), percent(&profile["share_revenue"])])
        } else if sentence.contains("of all customers' revenue") {
            let whales = &facts.0["coverage"]["whales"];
            let share = (number(&whales["share_customers"]) * 100.0, 1);
            (2, vec![(number(&whales["customers"]), 0), share, percent(&whales["share_revenue"])])
        } else if sentence.starts_with("The largest group") {
            let profile = &facts.named(&sentence)["profile"];
            let largest = facts.segments().iter().map(|s| number(&s["profile"]["customers"])).fold(0.0, f64::max);
            assert_eq!(number(&profile["customers"]), largest);
            (3, vec![(largest, 0), percent(&profile["share_customers"])])
        } else if sentence.starts_with("Worry about") {
            let segment = facts.named(&sentence);
            let quiet = (Facts::median(segment, "recency_days"), 0);
            (4, vec![(number(&segment["profile"]["customers"]), 0), quiet, (number(&segment["profile"]["revenue"]), 0)])
        } else {
            assert!(sentence.starts_with("Every group comes back"), "nobody recounts: {sentence}");
            assert!(facts.segments().iter().all(|s| number(&s["stability"]) >= 0.6));
            (5, Vec::new())
        };
        check(&sentence, &expected);
        kinds.insert(kind);
    }
    assert_eq!(kinds.len(), 5, "{kinds:?}");

    let verdict = &texts(&page, "<p class=\"verdict")[0];
    let sweep = facts.0["method"]["sweep"].as_array().unwrap();
    let beside = &sweep.iter().find(|c| c["chosen"] == true).unwrap()["beside"];
    let weakest = facts.segments().iter().map(|s| number(&s["stability"])).fold(1.0, f64::min);
    check(
        verdict,
        &[
            (number(&beside["silhouette"]), 2),
            (number(&beside["null_mean"]), 2),
            (number(&beside["p"]), 3),
            (weakest, 2),
            (1.0, 0),
        ],
    );

    let cards: Vec<&str> =
        page.split("<article class=\"card s").skip(1).map(|c| c.split("</article>").next().unwrap()).collect();
    assert_eq!(cards.len(), facts.segments().len());
    for (card, segment) in cards.iter().zip(facts.segments()) {
        let profile = &segment["profile"];
        let of = |feature: &str| Facts::median(segment, feature);
        let score = &profile["nps"][0];
        let nps = number(&score["score"]["nps"]);
        check(
            &texts(card, "<p class=\"facts")[0],
            &[
                (number(&profile["customers"]), 0),
                (number(&profile["share_customers"]) * 100.0, 1),
                (number(&profile["share_revenue"]) * 100.0, 1),
                (number(&segment["stability"]), 2),
                (nps, 0),
                (number(&score["score"]["error"]), 0),
                (number(&score["answers"]), 0),
                percent(&score["share_answered"]),
            ],
        );
        let rule = &texts(card, "<p class=\"rule")[0];
        let (_, worth) = rule.split_once("100 customers it names").unwrap();
        let worth: String = worth.replacen("the group's 100", "the group", 1);
        check(
            &worth,
            &[
                percent(&segment["rule"]["precision"]),
                percent(&segment["rule"]["recall"]),
                (number(&segment["rule"]["held_out"]), 0),
            ],
        );
        let typical = &texts(card, "<p class=\"typical")[0];
        let each = rounded(of("avg_order_value"));
        check(
            typical
                .split(", stage")
                .next()
                .unwrap()
                .split(", signup")
                .next()
                .unwrap()
                .split(", preferred")
                .next()
                .unwrap(),
            &[(rounded(of("orders")), 0), (each, pence(each)), (rounded(of("recency_days")), 0)],
        );
        let lead = &texts(card, "<p class=\"lead")[0];
        let orders = lead.split(';').next().unwrap();
        check(
            orders,
            &[(of("recency_days"), 0), (of("orders"), 0), (of("avg_order_value"), pence(of("avg_order_value")))],
        );
    }

    let captions = texts(&page, "<figcaption");
    let caption =
        |with: &str| captions.iter().find(|c| c.contains(with)).unwrap_or_else(|| panic!("no caption with {with}"));
    let concentration = &facts.0["concentration"];
    check(
        caption("bring 80 % of revenue"),
        &[percent(&concentration["bring_80"]), (80.0, 0), percent(&concentration["tenths"][0]["share_revenue"])],
    );
    let z = |s: &Value| {
        number(
            &s["profile"]["numbers"].as_array().unwrap().iter().find(|n| n["feature"] == "recency_days").unwrap()["z"],
        )
    };
    let stake: f64 = facts.segments().iter().filter(|s| z(s) > 0.3).map(|s| number(&s["profile"]["revenue"])).sum();
    check(caption("is with segments that have gone quiet"), &[(stake, 0)]);
    check(caption("There are orders in each of"), &[(facts.0["weeks"].as_array().unwrap().len() as f64, 0)]);
    let missing = facts.0["features"].as_array().unwrap().iter().map(|f| number(&f["missing"])).fold(0.0, f64::max);
    check(caption("is unknown of"), &[(missing * 100.0, 1)]);
    let explained = &facts.0["space"]["explained"];
    check(caption("of what sets customers apart"), &[((number(&explained[0]) + number(&explained[1])) * 100.0, 0)]);
    let by_revenue = &facts.segments()[0]["profile"];
    check(
        captions.iter().find(|c| c.contains("% of revenue") && c.contains(": ")).unwrap(),
        &[(number(&by_revenue["share_customers"]) * 100.0, 1), (number(&by_revenue["share_revenue"]) * 100.0, 1)],
    );
    check(caption("comes back when the analysis is repeated"), &[(weakest, 2)]);
}
