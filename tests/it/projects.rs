//! Whole projects: `ilk init --yes`, the edits that init itself names, `check` and `run`.

use crate::project::{Project, column};
use crate::real_data::{feature, gz, numbers};
use crate::shared;
use polars::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// Runs init and makes the edit of the currency that it names, then checks and runs.
fn made(project: &Project, files: &[std::path::PathBuf], name: &str) {
    let mut arguments = vec!["init"];
    arguments.extend(files.iter().map(|f| f.to_str().unwrap()));
    arguments.extend(["--yes", "--name", name]);
    let init = project.ok(&arguments);
    let (_, edits) = init.out.split_once("Before you run").unwrap_or_else(|| panic!("no edits in\n{}", init.out));
    assert!(edits.contains("currency = \"GBP\""), "{edits}");
    assert!(!edits.contains("as_of") && !edits.contains("order_id"), "{edits}");
    project.edit("currency = \"\"", "currency = \"GBP\"");
    project.ok(&["check"]);
    project.ok(&["run"]);
}

fn table(project: &Project, folder: &str) -> DataFrame {
    let bytes = project.read(&format!("{folder}/features.parquet"));
    ParquetReader::new(std::io::Cursor::new(bytes)).finish().unwrap()
}

fn values(frame: &DataFrame, name: &str) -> Vec<Option<f64>> {
    frame.column(name).unwrap().f64().unwrap().iter().collect()
}

fn sum(frame: &DataFrame, name: &str) -> f64 {
    values(frame, name).into_iter().flatten().sum()
}

/// How many customers have each level.
fn counts(frame: &DataFrame, name: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for level in frame.column(name).unwrap().str().unwrap().iter() {
        *counts.entry(level.unwrap_or("").to_string()).or_default() += 1;
    }
    counts
}

fn report(project: &Project, period: &str) -> serde_json::Value {
    serde_json::from_str(&project.text(&format!("reports/{period}/report.json"))).unwrap()
}

/// The feature of that name in a report.
fn facts<'a>(report: &'a serde_json::Value, name: &str) -> &'a serde_json::Value {
    report["features"].as_array().unwrap().iter().find(|f| f["name"] == name).unwrap_or_else(|| panic!("no {name}"))
}

/// Customers of everyone by level, in the order of the feature's levels.
fn in_order(report: &serde_json::Value, name: &str) -> Vec<(String, u64)> {
    let levels = report["everyone"]["levels"].as_array().unwrap();
    let of = |level: &serde_json::Value| {
        let found = levels.iter().find(|l| l["feature"] == name && l["level"] == *level).unwrap();
        (level.as_str().unwrap().to_string(), found["customers"].as_u64().unwrap())
    };
    facts(report, name)["scale"]["ordinal"].as_array().unwrap().iter().map(of).collect()
}

fn pairs(expected: &[(&str, u64)]) -> Vec<(String, u64)> {
    expected.iter().map(|(l, n)| ((*l).to_string(), *n)).collect()
}

#[test]
fn customer_personality_is_a_project() {
    let Some(path) = shared::path("customer_personality/marketing_campaign.csv.gz") else { return };
    let project = Project::new();
    made(&project, std::slice::from_ref(&path), "personality");
    let frame = table(&project, "models/personality/2014-Q2.1");
    assert_eq!(frame.height(), 2_240);

    let income: Vec<f64> = values(&frame, "income").into_iter().flatten().collect();
    assert_eq!(income.len(), 2_216);
    assert!((income.iter().sum::<f64>() / 2_216.0 - 52_247.25).abs() < 0.005);
    for (name, expected) in [
        ("mnt_wines", 680_816.0),
        ("mnt_fruits", 58_917.0),
        ("mnt_meat_products", 373_968.0),
        ("mnt_fish_products", 84_057.0),
        ("mnt_sweet_products", 60_621.0),
        ("mnt_gold_prods", 98_609.0),
    ] {
        assert_eq!(sum(&frame, name), expected, "{name}");
    }
    assert!((sum(&frame, "recency") / 2_240.0 - 49.109).abs() < 0.000_5);
    for (name, expected) in [
        ("accepted_cmp1", 144),
        ("accepted_cmp2", 30),
        ("accepted_cmp3", 163),
        ("accepted_cmp4", 167),
        ("accepted_cmp5", 163),
        ("complain", 21),
        ("response", 334),
    ] {
        assert_eq!(counts(&frame, name)["1"], expected, "{name}");
    }
    let marital = counts(&frame, "marital_status");
    let expected = [
        ("Married", 864),
        ("Together", 580),
        ("Single", 480),
        ("Divorced", 232),
        ("Widow", 77),
        ("Alone", 3),
        ("Absurd", 2),
        ("YOLO", 2),
    ];
    assert_eq!(marital, expected.iter().map(|(l, n)| ((*l).to_string(), *n)).collect());
    // The day of the table is that of its newest customer.
    let raw = gz(&path).trim_start_matches('\u{feff}').replace(';', ",");
    let born = numbers(&raw, "ID", "Year_Birth");
    let age = feature(&project, "models/personality/2014-Q2.1", "age");
    assert!(born.iter().all(|(id, year)| age[id] == 2014.0 - year));
    assert_eq!(born.values().copied().fold(f64::MAX, f64::min), 1893.0);

    let report = report(&project, "2014-Q2");
    let education = [("Basic", 54), ("2n Cycle", 203), ("Graduation", 1127), ("Master", 370), ("PhD", 486)];
    assert_eq!(in_order(&report, "education"), pairs(&education));
    for (name, family, role) in [
        ("mnt_wines", "rfm", "form"),
        ("recency", "rfm", "form"),
        ("num_web_visits_month", "engagement", "form"),
        ("accepted_cmp1", "engagement", "form"),
        ("income", "demographic", "form"),
        ("age", "demographic", "describe"),
        ("response", "demographic", "describe"),
        ("complain", "demographic", "describe"),
    ] {
        let facts = facts(&report, name);
        assert_eq!((facts["family"].as_str(), facts["role"].as_str()), (Some(family), Some(role)), "{name}");
    }
    assert!(project.text("ilk.toml").contains("# left out: Z_CostContact, Z_Revenue (the same for all)"));
    assert!(frame.column("z_revenue").is_err());
    for segment in report["segments"].as_array().unwrap() {
        let name = segment["persona"]["name"].as_str().unwrap().to_lowercase();
        assert!(!name.contains("mnt") && !name.contains("num "), "{name}");
    }
}

#[test]
fn hillstrom_is_a_project_without_ids() {
    let Some(path) = shared::path("hillstrom_email/hillstrom.csv.gz") else { return };
    let project = Project::new();
    made(&project, &[path], "hillstrom");
    let check = project.ok(&["check"]);
    assert!(check.err.contains("W0352") || check.out.contains("W0352"), "{}\n{}", check.out, check.err);
    let frame = table(&project, "models/hillstrom/undated.1");
    assert_eq!(frame.height(), 64_000);
    assert_eq!(frame.column("customer_id").unwrap().str().unwrap().get(0), Some("00001"));
    assert!((sum(&frame, "history") / 64_000.0 - 242.0857).abs() < 0.000_05);
    assert!((sum(&frame, "spend") - 67_258.13).abs() < 0.005);
    let channels = counts(&frame, "channel");
    assert_eq!((channels["Web"], channels["Phone"], channels["Multichannel"]), (28_217, 28_021, 7_762));
    assert_eq!((counts(&frame, "visit")["1"], counts(&frame, "conversion")["1"]), (9_394, 578));
    let groups = counts(&frame, "segment");
    assert_eq!((groups["Womens E-Mail"], groups["Mens E-Mail"], groups["No E-Mail"]), (21_387, 21_307, 21_306));

    let report = report(&project, "undated");
    for name in ["segment", "visit", "conversion", "spend", "history_segment", "zip_code"] {
        let facts = facts(&report, name);
        assert_eq!(facts["role"], "describe", "{name}");
        assert_eq!(facts["protected"], name == "zip_code", "{name}");
    }
    for name in ["recency", "history", "mens", "womens", "newbie", "channel"] {
        assert_eq!(facts(&report, name)["role"], "form", "{name}");
    }
    assert_eq!(in_order(&report, "history_segment")[6].0, "7) $1,000 +");
}

/// The project of complete_journey, its files and its published features; `None` where they are absent.
pub(crate) fn complete_journey() -> Option<(Project, Vec<std::path::PathBuf>, std::path::PathBuf)> {
    let names = [
        "transactions.parquet",
        "campaigns.csv.gz",
        "campaign_descriptions.csv.gz",
        "coupon_redemptions.csv.gz",
        "demographics.csv.gz",
        "products.csv.gz",
    ];
    let paths: Vec<_> = names.iter().map(|n| shared::path(&format!("complete_journey/{n}"))).collect::<Option<_>>()?;
    let expected = shared::path("complete_journey/expected_household_features.csv")?;
    let project = Project::new();
    made(&project, &paths, "journey");
    Some((project, paths, expected))
}

#[test]
fn complete_journey_is_one_project() {
    let Some((project, paths, expected)) = complete_journey() else { return };
    let config = project.text("ilk.toml");
    assert!(config.contains("on = \"campaign_id\""), "{config}");
    assert!(config.contains("discount    = [\"retail_disc\", \"coupon_disc\", \"coupon_match_disc\"]"), "{config}");
    let folder = "models/journey/2018-Q1.1";
    let expected = std::fs::read_to_string(expected).unwrap();
    for (ours, theirs, slack) in
        [("recency_days", "recency_days", 0.0), ("orders", "frequency_baskets", 0.0), ("revenue", "monetary", 0.005)]
    {
        let made = feature(&project, folder, ours);
        for (id, value) in numbers(&expected, "household_id", theirs) {
            assert!((made[&id] - value).abs() <= slack + 1e-9, "{ours} of {id}: {} and {value}", made[&id]);
        }
    }

    // Discounts and categories once more, from the files themselves.
    let products = gz(&paths[5]);
    let category: BTreeMap<String, String> = column(&products, "product_id")
        .into_iter()
        .zip(column(&products, "product_category"))
        .filter(|(_, c)| !c.is_empty())
        .collect();
    let lines = ParquetReader::new(std::fs::File::open(&paths[0]).unwrap()).finish().unwrap();
    let whole = |name: &str| -> Vec<i64> { lines.column(name).unwrap().i64().unwrap().iter().flatten().collect() };
    let (households, bought) = (whole("household_id"), whole("product_id"));
    let money = ["sales_value", "retail_disc", "coupon_disc", "coupon_match_disc"].map(|name| values(&lines, name));
    let mut sums: BTreeMap<String, (f64, f64, BTreeSet<&str>)> = BTreeMap::new();
    for row in 0..households.len() {
        let entry = sums.entry(households[row].to_string()).or_default();
        entry.0 += money[0][row].unwrap();
        entry.1 += money[1..].iter().map(|m| m[row].unwrap().abs()).sum::<f64>();
        entry.2.extend(category.get(&bought[row].to_string()).map(String::as_str));
    }
    let share = feature(&project, folder, "discount_share");
    let distinct = feature(&project, folder, "distinct_categories");
    assert_eq!(sums.len(), 2_469);
    for (id, (paid, off, categories)) in &sums {
        assert!((share[id] - off / (paid + off)).abs() < 1e-6, "{id}: {}", share[id]);
        assert_eq!(distinct[id], categories.len() as f64, "{id}");
        assert!(distinct[id] > 0.0);
    }

    let report = report(&project, "2018-Q1");
    let income = [
        ("Under 15K", 61),
        ("15-24K", 74),
        ("25-34K", 77),
        ("35-49K", 172),
        ("50-74K", 192),
        ("75-99K", 96),
        ("100-124K", 34),
        ("125-149K", 38),
        ("150-174K", 30),
        ("175-199K", 11),
        ("200-249K", 5),
        ("250K+", 11),
    ];
    assert_eq!(in_order(&report, "income"), pairs(&income));
    let age = [("19-24", 46), ("25-34", 142), ("35-44", 194), ("45-54", 288), ("55-64", 59), ("65+", 72)];
    assert_eq!(in_order(&report, "age"), pairs(&age));
    assert_eq!(
        in_order(&report, "household_size"),
        pairs(&[("1", 255), ("2", 318), ("3", 109), ("4", 53), ("5+", 66)])
    );
    assert_eq!(in_order(&report, "kids_count"), pairs(&[("0", 513), ("1", 159), ("2", 60), ("3+", 69)]));
    let frame = table(&project, folder);
    // 801 households are described; the rest of the 2,469 is not.
    let home = counts(&frame, "home_ownership");
    assert_eq!((home["Homeowner"], home["Renter"], home[""]), (504, 42, 2_469 - 801 + 233));
    let marital = counts(&frame, "marital_status");
    assert_eq!((marital["Married"], marital["Unmarried"], marital[""]), (340, 324, 2_469 - 801 + 137));
}

/// A shop that uses every column that init knows: 40 customers, 120 orders.
fn small_shop(project: &Project) -> Vec<std::path::PathBuf> {
    let mut orders = "order_id,customer_id,order_date,sku,amount,discount,discount_pct,channel,is_gift\n".to_string();
    let mut events = "customer_id,event_time,event_type,channel,is_bot\n".to_string();
    let mut answers = "customer_id,answered_on,nps,fair_price,q2,interests,favourite,comment\n".to_string();
    let agree = ["strongly disagree", "disagree", "neutral", "agree", "strongly agree"];
    for i in 0..120 {
        let (c, day) = (i % 40, i % 28 + 1);
        orders += &format!(
            "O{i},C{c:02},2024-0{}-{day:02},P{},{}.50,{}.25,0.{},{},{}\n",
            i % 6 + 1,
            i % 7,
            i % 11 + 3,
            i % 3,
            i % 5,
            ["web", "store", "phone"][i % 3],
            i % 2
        );
        events += &format!(
            "C{c:02},2024-05-{day:02},{},{},{}\n",
            ["session", "email_opened"][i % 2],
            ["web", "app"][i % 2],
            if i % 10 == 3 { "true" } else { "false" }
        );
        if i < 40 {
            answers += &format!(
                "C{c:02},2024-06-{day:02},{},{},{},{},{},\"words {i}\"\n",
                i % 11,
                agree[i % 5],
                i % 5 + 1,
                ["music;sport", "sport", "travel;music"][i % 3],
                ["red", "blue"][i % 2]
            );
        }
    }
    let products: String = (0..6).map(|p| format!("P{p},{}\n", ["shoes", "bags", "hats"][p % 3])).collect();
    vec![
        project.write("orders.csv", orders),
        project.write("events.csv", events),
        project.write("survey.csv", answers),
        project.write("products.csv", format!("sku,category\n{products}")),
    ]
}

#[test]
fn every_role_is_proposed_and_runs() {
    let project = Project::new();
    let files = small_shop(&project);
    made(&project, &files, "small");
    let config = project.text("ilk.toml");
    for line in [
        "category    = \"category\"",
        "join        = { path = \"products.csv\", on = \"sku\" }",
        "discount    = \"discount\"\n",
        "gift        = { column = \"is_gift\" }",
        "channel     = \"channel\"\ndiscount",
        "channel     = \"channel\"\nmachine     = { column = \"is_bot\" }",
        "[input.surveys.questions]",
        "fair_price = [\"strongly disagree\", \"disagree\", \"neutral\", \"agree\", \"strongly agree\"]",
        "favourite  = \"choice\"",
        "interests  = { separated_by = \";\" }",
        "nps        = \"nps\"",
        "q2         = [\"1\", \"2\", \"3\", \"4\", \"5\"]",
    ] {
        assert!(config.contains(line), "`{line}` is not in\n{config}");
    }
    assert!(!config.contains("comment "), "{config}");
    let frame = table(&project, "models/small/2024-Q2.1");
    for name in ["top_channel", "preferred_channel", "survey_interests_music", "gift_order_share", "discount_share"] {
        assert!(frame.column(name).is_ok(), "{name} is not in {:?}", frame.get_column_names());
    }
    let ledger = project.ok(&["check"]).out;
    assert!(ledger.contains("machine"), "{ledger}");
    // P6 stands in no row of the products, so it has no category.
    let kinds = feature(&project, "models/small/2024-Q2.1", "distinct_categories");
    assert!(kinds.values().all(|n| (1.0..=3.0).contains(n)), "{kinds:?}");

    // The model asks for the table of products again.
    let all =
        ["assign", "orders.csv", "events.csv", "survey.csv", "products.csv", "--model", "small", "--out", "a.csv"];
    project.ok(&all);
    assert_eq!(project.text("a.csv"), project.trained("small/2024-Q2.1"));
    let lacking =
        project.ilk(&["assign", "orders.csv", "events.csv", "survey.csv", "--model", "small", "--out", "b.csv"]);
    assert!(lacking.err.contains("orders (joined)"), "{}", lacking.err);

    // Keys that never meet are an error, not an empty feature.
    project.write("products.csv", "sku,category\nX1,shoes\n");
    let run = project.ilk(&["run"]);
    assert!(run.err.contains("E0206") && run.err.contains("`sku`"), "{}", run.err);
}

#[test]
fn what_init_cannot_tell_it_names() {
    let project = Project::new();
    let rows: String =
        (0..40).map(|i| format!("{i},{},{},{}\n", 1950 + i, ["a", "b", "c"][i % 3], 100 + i * 7)).collect();
    project.write("people.csv", format!("id,yob,club,points\n{rows}"));
    let init = project.ok(&["init", "people.csv", "--yes", "--name", "people"]);
    let (_, edits) = init.out.split_once("Before you run").unwrap();
    assert!(edits.contains("as_of = \"2024-12-31\"") && edits.contains("yob"), "{edits}");
    project.ok(&["run"]);
    project.edit("as_of  = \"auto\"", "as_of  = \"2024-12-31\"");
    project.ok(&["run"]);
    let age = feature(&project, "models/people/2024-Q4.1", "age");
    assert_eq!(age["0"], 74.0);
}

#[test]
fn what_cannot_be_read_is_left_out_and_said() {
    let project = Project::new();
    let mut people = "id,signup,last_seen,price,points,plan,revenue\n".to_string();
    for i in 0..60 {
        let (day, month) = (i % 12 + 1, i % 9 + 1);
        people += &format!(
            "C{i},0{month}/{day:02}/2023,{},{},{},{},{}\n",
            if i % 3 == 0 { "1900-01-01".to_string() } else { format!("2023-0{month}-{day:02}") },
            if i % 2 == 0 { format!("\"{i},50\"") } else { format!("{i}.25") },
            if i % 20 == 7 { "many".to_string() } else { (i * 3).to_string() },
            ["free", "paid", "trial"][i % 3],
            i * 10
        );
    }
    project.write("people.csv", people);
    let init = project.ok(&["init", "people.csv", "--yes", "--name", "people", "--currency", "GBP"]);
    let config = project.text("ilk.toml");
    for column in ["signup", "last_seen", "price"] {
        assert!(config.lines().any(|l| l.starts_with("# left out") && l.contains(column)), "{column}:\n{config}");
    }
    assert!(init.out.contains("day-first or month-first"), "{}", init.out);
    assert!(init.out.contains("cannot be read as date"), "{}", init.out);
    assert!(config.contains("plan"), "{config}");
    project.ok(&["run"]);
}

#[test]
fn what_orders_tell_too_describes_under_a_name_of_its_own() {
    let project = Project::new();
    let orders: String = (0..400)
        .map(|i| format!("{i},2025-{:02}-{:02},C{:02},{}.50\n", i % 12 + 1, i % 28 + 1, i % 60, i * 13 % 90 + 5))
        .collect();
    let people: String = (0..60).map(|i| format!("C{i:02},{},{},{}\n", i * 37, i % 9, i * i)).collect();
    project.write("orders.csv", format!("order_id,order_date,customer_id,amount\n{orders}"));
    project.write("customers.csv", format!("customer_id,revenue,orders,income\n{people}"));
    made(&project, &[project.file("orders.csv"), project.file("customers.csv")], "twice");
    let config = project.text("ilk.toml");
    for name in ["orders_2 ", "revenue_2"] {
        assert!(config.contains(&format!("{name} = \"describe\"   # orders tell it too")), "{name}:\n{config}");
    }
    let report = report(&project, "2025-Q4");
    assert_eq!(facts(&report, "orders")["role"], "form");
    assert_eq!(facts(&report, "orders_2")["label"], "Orders (as known)");
}
