//! Every family of features on a shop of two customers and a lead, each number computed by hand.

use crate::project::Project;
use ilk::config::Config;
use ilk::engine::Engine;
use ilk::engine::embedded::Embedded;
use ilk::features::matrix::{Column, FeatureMatrix};
use ilk::features::smoothing::Learned;
use ilk::pipeline;

const CONFIG: &str = r#"
[input.orders]
path = "orders.csv"
customer_id = "customer"
order_id = "order_id"
date = "when"
amount = "amount"
quantity = "qty"
product = "product"
category = "category"
channel = "channel"
discount = "disc"
gift = { column = "gift" }

[[input.events]]
name = "events"
path = "events.csv"
customer_id = "customer"
date = "at"
kind = { column = "kind" }
machine = { column = "bot" }

[[input.surveys]]
name = "club"
path = "club.csv"
customer_id = "customer"
date = "day"
[input.surveys.questions]
nps = "nps"
taste = ["disagree", "agree"]
likes = { separated_by = ";" }

[input.customers]
path = "customers.csv"
customer_id = "customer"
[input.customers.attributes]
born = "birth_year"
lat = "number"
lon = "number"
vip = "binary"
company_size = ["1-10", "11-50"]

[features]
as_of = "2025-03-31"
places = { london = [51.5, -0.12] }

[[features.custom]]
name = "wine_share"
unit = "share"
measure = { ratio = { of = { amount = { table = "orders", categories = ["wine"] } }, by = { amount = { table = "orders" } } } }
"#;

const ORDERS: &str = "order_id,when,customer,amount,qty,product,category,channel,disc,gift
1,2025-03-01 10:00:00,A,30.00,2,p1,wine,web,10.00,yes
1,2025-03-01 10:00:00,A,10.00,1,p2,cheese,web,0.00,no
2,2025-03-11 20:00:00,A,20.00,1,p1,wine,shop,0.00,no
3,2025-03-31 02:00:00,A,40.00,4,p3,wine,web,0.00,no
R2,2025-03-20 10:00:00,A,-20.00,-1,p1,wine,web,0.00,no
4,2024-12-10 13:00:00,B,50.00,1,p1,wine,web,0.00,no
";

const EVENTS: &str = "customer,at,kind,bot
A,2025-03-01 09:00:00,add_to_cart,0
A,2025-03-05 09:00:00,add_to_cart,0
A,2025-03-01 09:00:00,session,0
A,2025-03-31 09:00:00,session,0
A,2025-03-29 09:00:00,email_sent,0
A,2025-03-30 09:00:00,email_opened,1
L,2025-03-30 09:00:00,session,0
";

const CLUB: &str = "customer,day,nps,taste,likes
A,2025-03-10,9,agree,wine;cheese
A,2025-03-20,,,
B,2025-03-10,,,
";

const CUSTOMERS: &str = "customer,born,lat,lon,vip,company_size
A,1980,51.5,0.0,yes,1-10
B,1990,48.8566,2.3522,no,11-50
";

fn number(matrix: &FeatureMatrix, customer: usize, name: &str) -> f64 {
    matrix.numbers(name).unwrap_or_else(|| panic!("no number {name}"))[customer]
}

fn level<'a>(matrix: &'a FeatureMatrix, customer: usize, name: &str) -> Option<&'a str> {
    match &matrix.columns[matrix.position(name).unwrap_or_else(|| panic!("no feature {name}"))] {
        Column::Level(values) => values[customer].as_deref(),
        Column::Number(_) => panic!("{name} is a number"),
    }
}

#[test]
fn every_family_counts_what_it_says() {
    let project = Project::new();
    for (name, text) in
        [("orders.csv", ORDERS), ("events.csv", EVENTS), ("club.csv", CLUB), ("customers.csv", CUSTOMERS)]
    {
        project.write(name, text);
    }
    let config = Config::parse(CONFIG, "ilk.toml").unwrap();
    let tables = pipeline::tables(&config, project.path()).unwrap();
    assert_eq!((tables.leads.as_slice(), tables.lapsed.len()), (["L".to_string()].as_slice(), 0));
    let events = |bucket: &str| tables.ledger.iter().find(|r| r.table == "events" && r.bucket == bucket).unwrap().rows;
    assert_eq!((events("read"), events("used"), events("made by a machine")), (7, 6, 1));
    let features = pipeline::features(&config, &tables).unwrap();
    let observed = Embedded.observe(&tables, &features).unwrap();
    let matrix = Learned::fit(&observed, &features).unwrap().resolve(observed, features).unwrap();
    assert_eq!(matrix.ids, ["A", "B"]);

    // Of A: ordered on 1, 11 and 31 March; 100 sold, 20 brought back, 10 taken off.
    let decayed = 1.0 + 0.5 + 2.0 * (0.5 + (-26.0f64 / 30.0).exp2());
    let north = 0.12f64.to_radians() * 51.5f64.to_radians().cos() * 6_371.008_8;
    for (name, wanted) in [
        ("recency_days", 0.0),
        ("orders", 3.0),
        ("revenue", 80.0),
        ("avg_order_value", 80.0 / 3.0),
        ("tenure_days", 30.0),
        ("interpurchase_days", 15.0),
        ("gap_variation", 50f64.sqrt() / 15.0),
        ("overdue_ratio", 0.0),
        ("distinct_products", 3.0),
        ("orders_28d", 2.0),
        ("revenue_28d", 40.0),
        ("orders_trend", 1.0),
        ("lines_per_order", 4.0 / 3.0),
        ("units_per_order", 8.0 / 3.0),
        ("distinct_categories", 2.0),
        ("category_evenness", 0.8),
        ("top_category_share", 0.75),
        ("discount_share", 10.0 / 110.0),
        ("weekend_order_share", 1.0 / 3.0),
        ("weekend_revenue_share", 0.4),
        ("morning_order_share", 1.0 / 3.0),
        ("evening_order_share", 1.0 / 3.0),
        ("night_revenue_share", 0.4),
        ("christmas_order_share", 0.0),
        ("gift_order_share", 1.0 / 3.0),
        ("gift_revenue_share", 0.3),
        ("sessions", 2.0),
        ("cart_adds", 2.0),
        ("active_days_28", 2.0),
        ("actions_90d", 4.0),
        ("events_90d", 5.0),
        ("engagement_score", decayed),
        ("contacts_28d", 1.0),
        ("age", 45.0),
        ("distance_km", north),
        ("club_nps_answer", 9.0),
        ("wine_share", 0.9),
    ] {
        let made = number(&matrix, 0, name);
        assert!((made - wanted).abs() < 1e-4, "{name}: {made}, not {wanted}");
    }
    for (name, wanted) in [
        ("top_category", Some("wine")),
        ("top_channel", Some("web")),
        ("engagement_ladder", Some("browsing")),
        ("vip", Some("yes")),
        ("company_size", Some("1-10")),
        ("club_taste", Some("agree")),
        ("club_likes_wine", Some("yes")),
        ("club_likes_cheese", Some("yes")),
        ("club_response", Some("answered")),
        ("lifecycle_stage", Some("repeat")),
    ] {
        assert_eq!(level(&matrix, 0, name), wanted, "{name}");
    }
    // Of B: one order, 111 days ago, at Christmas; asked, and silent.
    assert_eq!(number(&matrix, 1, "recency_days"), 111.0);
    assert_eq!(number(&matrix, 1, "christmas_order_share"), 1.0);
    assert_eq!(number(&matrix, 1, "afternoon_order_share"), 1.0);
    assert_eq!(number(&matrix, 1, "overdue_ratio"), 111.0 / 15.0);
    assert_eq!(number(&matrix, 1, "orders_trend"), -1.0);
    assert!(number(&matrix, 1, "interpurchase_days").is_nan() && number(&matrix, 1, "category_evenness").is_nan());
    assert!(number(&matrix, 1, "club_nps_answer").is_nan());
    assert_eq!(level(&matrix, 1, "club_response"), Some("did not answer"));
    assert_eq!(level(&matrix, 1, "engagement_ladder"), Some("dormant"));
    assert_eq!(level(&matrix, 1, "lifecycle_stage"), Some("new"));
    // The one day with a cart and no order of A, smoothed: the population's share is 1 of 2, worth 20 days.
    assert_eq!(number(&matrix, 0, "cart_abandonment"), (1.0 + 0.5 * 20.0) / (2.0 + 20.0));
    // A share of sales by weight of the whole: paid prices only.
    assert_eq!(number(&matrix, 1, "discount_share"), 0.0);
}

#[test]
fn the_query_of_the_features_names_what_each_is_made_of() {
    let project = Project::new();
    project.ok(&["demo", "--out", ".", "--customers", "300", "--data-only", "-q"]);
    let dictionary = project.ok(&["features", "--json"]);
    let dictionary: Vec<serde_json::Value> = serde_json::from_str(&dictionary.out).unwrap();
    for dialect in ["spark", "duckdb"] {
        let query = project.ok(&["features", "--sql", dialect]).out;
        for feature in &dictionary {
            let line = format!("\n-- {}: ", feature["name"].as_str().unwrap());
            assert!(query.contains(&line), "{line}");
        }
        assert!(query.contains("\n-- revenue: p") && query.contains("\n-- region: looked up, not counted"), "{query}");
        // Nobody needs a table that nothing is counted in.
        assert!(query.contains("\n-- reads orders(customer, day, hour, ") && !query.contains("surveys"), "{query}");
        assert!(query.contains("\nWITH ") && query.contains("FROM population\nLEFT JOIN "), "{query}");
    }
}
