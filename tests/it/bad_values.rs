//! The catalogue of bad inputs, continued: headers, ids, dates, copies and amounts. Each has its fixture, the whole message
//! as a snapshot, and, where the message offers a line to paste, the run after pasting it.

use crate::project::{Project, column, messages};
use std::fmt::Write as _;

const CONFIG: &str = "[project]\nname = \"shop\"\n[input.orders]\npath = \"orders.csv\"\ncustomer_id = \"customer_id\"\norder_id = \"order_id\"\ndate = \"order_date\"\namount = \"amount\"\n";
const HEADER: &str = "order_id,order_date,customer_id,amount\n";

fn day(i: usize) -> String {
    format!("2025-{:02}-{:02}", 1 + i % 12, 1 + i * 7 % 28)
}

fn id(i: usize) -> String {
    format!("{:05}", 300 + i * 37 % 80 * 211)
}

fn line(i: usize) -> String {
    format!("{i},{},{},{}.50", day(i), id(i), 10 + i * 13 % 90)
}

fn orders(line: impl Fn(usize) -> String) -> String {
    let mut text = HEADER.to_string();
    for i in 0..400 {
        text.push_str(&line(i));
        text.push('\n');
    }
    text
}

/// A project with these files.
fn project(config: &str, files: &[(&str, &[u8])]) -> Project {
    let project = Project::new();
    project.write("ilk.toml", config);
    for (name, bytes) in files {
        project.write(name, bytes);
    }
    project
}

/// The message a check stops with.
fn stops(project: &Project, code: &str, status: i32) -> String {
    let outcome = project.ilk(&["check"]);
    assert_eq!(outcome.status, status, "{}", outcome.err);
    let message = messages(&outcome.err, code);
    assert!(!message.is_empty(), "expected {code}:\n{}", outcome.err);
    message
}

/// The messages a check that goes on says of a code.
fn says(project: &Project, code: &str) -> String {
    let outcome = project.ok(&["check", "-v"]);
    let message = messages(&outcome.err, code);
    assert!(!message.is_empty(), "expected {code}:\n{}", outcome.err);
    message
}

/// Rows and money of a bucket.
fn bucket(project: &Project, table: &str, name: &str) -> (u64, f64) {
    let text = project.ok(&["check", "--json"]).out;
    let check: serde_json::Value = serde_json::from_str(&text).unwrap();
    let found = check["ledger"].as_array().unwrap().iter().find(|r| r["table"] == table && r["bucket"] == name);
    found.map_or((0, 0.0), |r| (r["rows"].as_u64().unwrap(), r["amount"].as_f64().unwrap_or(0.0)))
}

fn silent(project: &Project, code: &str) {
    let said = project.ok(&["check", "-v"]).err;
    assert!(messages(&said, code).is_empty(), "{said}");
}

#[test]
fn utf_16_is_converted_and_other_formats_are_named() {
    let mut bytes = vec![0xff, 0xfe];
    bytes.extend(orders(line).encode_utf16().flat_map(u16::to_le_bytes));
    insta::assert_snapshot!("utf_16", says(&project(CONFIG, &[("orders.csv", &bytes)]), "W0109"));
    let workbook = project(CONFIG, &[("orders.csv", b"PK\x03\x04 and more")]);
    insta::assert_snapshot!("workbook", stops(&workbook, "E0110", 3));
    let page = project(CONFIG, &[("orders.csv", b"<!DOCTYPE html><html><body>Please sign in</body></html>")]);
    insta::assert_snapshot!("web_page", stops(&page, "E0110", 3));
}

#[test]
fn a_file_without_a_header_is_read_with_names() {
    let text = orders(line).replacen(HEADER, "", 1);
    let project = project(CONFIG, &[("orders.csv", text.as_bytes())]);
    insta::assert_snapshot!("no_header", stops(&project, "E0111", 3));
    project.edit(
        "order_id = ",
        "header = false\nnames = [\"order_id\", \"order_date\", \"customer_id\", \"amount\"]\norder_id = ",
    );
    assert_eq!(bucket(&project, "orders", "used").0, 400);

    let fresh = Project::new();
    fresh.write("orders.csv", &text);
    let stopped = fresh.ilk(&["init", "orders.csv", "--yes"]);
    assert_eq!(stopped.status, 3);
    assert!(stopped.err.contains("ilk init FILE --names"), "{}", stopped.err);
    fresh.ok(&["init", "orders.csv", "--yes", "--names", "order_id,order_date,customer_id,amount"]);
    let config = fresh.text("ilk.toml");
    assert!(config.contains("header      = false\nnames       = [\"order_id\", \"order_date\""), "{config}");
    assert_eq!(bucket(&fresh, "orders", "used").0, 400);
}

#[test]
fn names_that_are_blank_or_twice_are_given_in_the_config() {
    let text = orders(line).replacen("order_id,", "order_date,", 1);
    let project = project(CONFIG, &[("orders.csv", text.as_bytes())]);
    insta::assert_snapshot!("twice", stops(&project, "E0112", 3));
    project.write("orders.csv", orders(line).replacen("order_id,", ",", 1));
    insta::assert_snapshot!("blank", stops(&project, "E0112", 3));
    project.edit("order_id = ", "names = [\"order_id\", \"order_date\", \"customer_id\"]\norder_id = ");
    insta::assert_snapshot!("too_few_names", stops(&project, "E0112", 3));
    project.edit("\"customer_id\"]", "\"customer_id\", \"amount\"]");
    assert_eq!(bucket(&project, "orders", "used").0, 400);
}

#[test]
fn title_lines_are_skipped_when_told() {
    let text = format!("Orders of the shop\n\nExported on Monday,,,\n{}", orders(line));
    let project = project(CONFIG, &[("orders.csv", text.as_bytes())]);
    insta::assert_snapshot!("title_lines", stops(&project, "E0113", 3));
    let before = project.text("ilk.toml");
    std::fs::remove_file(project.file("ilk.toml")).unwrap();
    let stopped = project.ilk(&["init", "orders.csv", "--yes"]);
    assert!(stopped.err.contains("--skip N"), "{}", stopped.err);
    project.ok(&["init", "orders.csv", "--yes", "--skip", "3"]);
    assert_eq!(bucket(&project, "orders", "used").0, 400);
    project.write("ilk.toml", before);
    project.edit("order_id = ", "skip = 3\norder_id = ");
    assert_eq!(bucket(&project, "orders", "used").0, 400);
    // Lines are still counted from the top of the file.
    project.write("orders.csv", text.replacen("0,2025-01-01,00300,10.50", "0,2025-01-01,00300,ten", 1));
    project.ok(&["check"]);
    assert_eq!(column(&project.text(".ilk/rejects.csv"), "line"), ["5"]);
}

#[test]
fn a_total_at_the_end_is_no_order() {
    let text = format!("{}TOTAL,,,21600.00\n", orders(line));
    let total = project(CONFIG, &[("orders.csv", text.as_bytes())]);
    insta::assert_snapshot!("total", says(&total, "W0114"));
    assert_eq!(bucket(&total, "orders", "total row"), (1, 21_600.0));
    // Without the word: no customer, no date, and the sum of all others.
    let sum: f64 = column(&orders(line), "amount").iter().map(|a| a.parse::<f64>().unwrap()).sum();
    total.write("orders.csv", format!("{},,,{sum:.2}\n", orders(line)));
    assert_eq!(bucket(&total, "orders", "total row"), (1, sum));
    total.write("orders.csv", format!("{},,,{:.2}\n", orders(line), sum - 1.0));
    assert_eq!((bucket(&total, "orders", "total row").0, bucket(&total, "orders", "refused").0), (0, 1));
}

const TWO: &str =
    "[input.customers]\npath = \"customers.csv\"\ncustomer_id = \"customer_id\"\nattributes = { age = \"number\" }\n";

fn people(write: impl Fn(&str) -> String) -> String {
    let mut ids: Vec<String> = (0..400).map(id).collect();
    ids.sort();
    ids.dedup();
    let mut text = "customer_id,age,updated_at\n".to_string();
    for (i, id) in ids.iter().enumerate() {
        let _ = writeln!(text, "{},{},2025-01-{:02}", write(id), 20 + i % 50, 1 + i % 28);
    }
    text
}

#[test]
fn tables_whose_ids_never_match_are_told_the_line_that_joins_them() {
    let config = format!("{CONFIG}{TWO}");
    let customers = people(|id| format!("C-{id}"));
    let prefixed =
        project(&config, &[("orders.csv", orders(line).as_bytes()), ("customers.csv", customers.as_bytes())]);
    insta::assert_snapshot!("prefix", stops(&prefixed, "E0206", 2));
    prefixed.edit("attributes = ", "strip_prefix = \"C-\"\nattributes = ");
    silent(&prefixed, "W0355");

    // Five digits without zeros in front still match, so this is no error.
    let customers = people(|id| id.trim_start_matches('0').to_string());
    let bare = project(&config, &[("orders.csv", orders(line).as_bytes()), ("customers.csv", customers.as_bytes())]);
    insta::assert_snapshot!("zeros", says(&bare, "W0303"));
    bare.edit("attributes = ", "pad = 5\nattributes = ");
    silent(&bare, "W0303");
    silent(&bare, "W0355");
}

#[test]
fn ids_are_text_and_never_repaired_where_digits_are_lost() {
    let floats = orders(|i| line(i).replace(&id(i), &format!("{}.0", 17_000 + i % 80)));
    let floats = project(CONFIG, &[("orders.csv", floats.as_bytes())]);
    insta::assert_snapshot!("floats", says(&floats, "W0301"));
    floats.ok(&["run"]);
    assert!(column(&floats.text("models/shop/2025-Q4.1/assignments.csv"), "customer_id").contains(&"17079".into()));
    let lost = orders(|i| line(i).replace(&id(i), &format!("1.{:04}E+15", i % 80)));
    insta::assert_snapshot!("digits_lost", stops(&project(CONFIG, &[("orders.csv", lost.as_bytes())]), "E0302", 3));
}

#[test]
fn ids_that_differ_by_case_or_spaces_are_kept_apart_and_said() {
    let text = orders(|i| {
        let written = match i % 3 {
            0 => format!("ab{:02}", i % 40),
            1 => format!("AB{:02}", i % 40),
            _ => format!("AB{:02} ", i % 40),
        };
        line(i).replace(&id(i), &written)
    });
    let project = project(CONFIG, &[("orders.csv", text.as_bytes())]);
    insta::assert_snapshot!("case", says(&project, "W0304"));
    project.ok(&["run"]);
    assert_eq!(column(&project.text("models/shop/2025-Q4.1/assignments.csv"), "customer_id").len(), 120);
    project.edit("order_id = ", "normalize = \"trim,upper\"\norder_id = ");
    silent(&project, "W0304");
    project.ok(&["run"]);
    assert_eq!(column(&project.text("models/shop/2025-Q4.2/assignments.csv"), "customer_id").len(), 40);
    project.edit("\"trim,upper\"", "\"trim,bigger\"");
    insta::assert_snapshot!("normalize", stops(&project, "E0204", 2));
}

#[test]
fn dates_in_two_formats_or_as_numbers_are_never_guessed() {
    let text = orders(|i| {
        let (month, date) = (1 + i % 12, 1 + i * 7 % 28);
        if i % 5 == 0 { line(i).replace(&day(i), &format!("{date:02}/{month:02}/2025")) } else { line(i) }
    });
    let mixed = project(CONFIG, &[("orders.csv", text.as_bytes())]);
    insta::assert_snapshot!("two_formats", stops(&mixed, "E0313", 3));
    mixed.edit("date = \"order_date\"", "date = { column = \"order_date\", format = [\"%Y-%m-%d\", \"%d/%m/%Y\"] }");
    assert_eq!(bucket(&mixed, "orders", "used").0, 400);

    // 45,658 is 2025-01-01.
    let text = orders(|i| line(i).replace(&day(i), &format!("{}.25", 45_658 + i * 7 % 364)));
    let excel = project(CONFIG, &[("orders.csv", text.as_bytes())]);
    insta::assert_snapshot!("excel", stops(&excel, "E0314", 3));
    let before = excel.text("ilk.toml");
    std::fs::remove_file(excel.file("ilk.toml")).unwrap();
    let stopped = excel.ilk(&["init", "orders.csv", "--yes"]);
    assert!(stopped.err.contains("--date-format FORMAT"), "{}", stopped.err);
    excel.ok(&["init", "orders.csv", "--yes", "--date-format", "excel"]);
    assert_eq!(bucket(&excel, "orders", "used").0, 400);
    excel.write("ilk.toml", before);
    excel.edit("date = \"order_date\"", "date = { column = \"order_date\", format = \"excel\" }");
    excel.ok(&["run"]);
    let report: serde_json::Value = serde_json::from_str(&excel.text("reports/2025-Q4/report.json")).unwrap();
    assert_eq!(report["coverage"]["first_day"], "2025-01-01");
    assert_eq!(report["coverage"]["last_day"], "2025-12-24");
}

#[test]
fn seconds_milliseconds_and_zones_are_read_as_utc() {
    // 1,735,689,600 is 2025-01-01 00:00 UTC.
    let second = |i: usize| 1_735_689_600 + (i * 7 % 364) * 86_400 + 86_399;
    for (name, unit) in [("seconds", ""), ("milliseconds", "000")] {
        let text = orders(|i| line(i).replace(&day(i), &format!("{}{unit}", second(i))));
        let project = project(CONFIG, &[("orders.csv", text.as_bytes())]);
        insta::assert_snapshot!(name, says(&project, "W0315"));
        project.ok(&["run"]);
        let report: serde_json::Value = serde_json::from_str(&project.text("reports/2025-Q4/report.json")).unwrap();
        assert_eq!(report["coverage"]["last_day"], "2025-12-24");
    }
    // Half past midnight in Paris is the day before in UTC.
    let text = orders(|i| line(i).replace(&day(i), &format!("{}T00:30:00+01:00", day(i))));
    let project = project(CONFIG, &[("orders.csv", text.as_bytes())]);
    insta::assert_snapshot!("zone", says(&project, "W0315"));
    project.ok(&["run"]);
    let report: serde_json::Value = serde_json::from_str(&project.text("reports/2025-Q4/report.json")).unwrap();
    assert_eq!(report["coverage"]["first_day"], "2024-12-31");

    // With the shop's zone it is the shop's day; a `Z` says UTC as well.
    let in_paris = |text: &str| {
        let project = self::project(CONFIG, &[("orders.csv", text.as_bytes())]);
        project.edit("date = \"order_date\"", "date = { column = \"order_date\", timezone = \"Europe/Paris\" }");
        silent(&project, "W0315");
        project.ok(&["run"]);
        let report: serde_json::Value = serde_json::from_str(&project.text("reports/2025-Q4/report.json")).unwrap();
        report["coverage"]["first_day"].as_str().unwrap().to_string()
    };
    assert_eq!(in_paris(&text), "2025-01-01");
    let late = orders(|i| line(i).replace(&day(i), &format!("{}T23:30:00Z", day(i))));
    assert_eq!(in_paris(&late), "2025-01-02");
    let seconds = orders(|i| line(i).replace(&day(i), &second(i).to_string()));
    assert_eq!(in_paris(&seconds), "2025-01-02");
}

#[test]
fn a_zone_is_one_that_exists_and_has_times_to_move() {
    let text = orders(|i| line(i).replace(&day(i), &format!("{}T00:30:00+01:00", day(i))));
    let project = project(CONFIG, &[("orders.csv", text.as_bytes())]);
    project.edit("date = \"order_date\"", "date = { column = \"order_date\", timezone = \"Paris\" }");
    assert!(stops(&project, "E0204", 2).contains("`Paris` is no time zone"));
    let local = self::project(CONFIG, &[("orders.csv", orders(line).as_bytes())]);
    local.edit("date = \"order_date\"", "date = { column = \"order_date\", timezone = \"Europe/Paris\" }");
    assert!(stops(&local, "E0204", 2).contains("carry no zone"));
}

#[test]
fn dates_that_cannot_be_are_kept_out() {
    let mut text = HEADER.to_string();
    for i in 0..2_000 {
        let _ = writeln!(text, "{}", line(i));
    }
    text.push_str("x1,2062-01-01,00300,10.00\n");
    let future = project(CONFIG, &[("orders.csv", text.as_bytes())]);
    insta::assert_snapshot!("future", says(&future, "W0316"));
    assert_eq!(bucket(&future, "orders", "after as_of"), (1, 10.0));
    let text = orders(|i| if i % 134 == 1 { line(i).replace(&day(i), "1900-01-01") } else { line(i) });
    let placeholder = project(CONFIG, &[("orders.csv", text.as_bytes())]);
    insta::assert_snapshot!("placeholder", says(&placeholder, "W0317"));
    assert_eq!(bucket(&placeholder, "orders", "placeholder date").0, 3);
    assert_eq!(column(&placeholder.text(".ilk/rejects.csv"), "value"), ["1900-01-01"; 3]);
    let text = orders(|i| if i % 5 == 1 { line(i).replace(&day(i), "9999-12-31") } else { line(i) });
    placeholder.write("orders.csv", text);
    insta::assert_snapshot!("placeholders", stops(&placeholder, "E0315", 3));
}

#[test]
fn a_quarter_that_is_not_over_and_a_stale_file_are_said() {
    let project =
        project(&format!("{CONFIG}[features]\nas_of = \"2026-04-03\"\n"), &[("orders.csv", orders(line).as_bytes())]);
    insta::assert_snapshot!("stale", says(&project, "W0319"));
    assert_eq!(project.ilk(&["check", "--strict"]).status, 1);
    project.edit("2026-04-03", "2025-10-20");
    insta::assert_snapshot!("partial", says(&project, "W0318"));
    project.edit("2025-10-20", "2025-09-30");
    silent(&project, "W0318");
}

#[test]
fn copies_are_said_and_can_be_left_out() {
    let text = orders(|i| if i % 40 == 7 { format!("{}\n{}", line(i), line(i)) } else { line(i) });
    let copies = project(CONFIG, &[("orders.csv", text.as_bytes())]);
    insta::assert_snapshot!("copies", says(&copies, "W0321"));
    let used = bucket(&copies, "orders", "used");
    assert_eq!(used.0, 410);
    copies.write("ilk.toml", format!("{CONFIG}[quality]\ndrop_exact_duplicates = true\n"));
    silent(&copies, "W0321");
    let dropped = bucket(&copies, "orders", "duplicate");
    assert_eq!(dropped.0, 10);
    let left = bucket(&copies, "orders", "used");
    assert_eq!((left.0, left.1 + dropped.1), (400, used.1));

    let gz = {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut packed, orders(line).as_bytes()).unwrap();
        packed.finish().unwrap()
    };
    let config = CONFIG.replace("\"orders.csv\"", "[\"orders.csv\", \"orders (1).csv\"]");
    let same =
        project(&config, &[("orders.csv", orders(line).as_bytes()), ("orders (1).csv", orders(line).as_bytes())]);
    insta::assert_snapshot!("same_file", stops(&same, "E0322", 3));
    let config = CONFIG.replace("\"orders.csv\"", "[\"orders.csv\", \"orders.csv.gz\"]");
    let packed = project(&config, &[("orders.csv", orders(line).as_bytes()), ("orders.csv.gz", &gz)]);
    insta::assert_snapshot!("same_packed", stops(&packed, "E0322", 3));
}

#[test]
fn extracts_that_overlap_are_found_whatever_the_order_of_their_columns() {
    let dated = |from: usize, to: usize, swap: bool| {
        let mut text = if swap { "amount,order_id,order_date,customer_id\n".to_string() } else { HEADER.to_string() };
        for i in from..to {
            let date = format!("2025-{:02}-{:02}", 1 + i / 28, 1 + i % 28);
            let amount = format!("{}.00", 10 + i % 90);
            // Every tenth line is written twice: a real repeat within its extract.
            for _ in 0..1 + usize::from(i % 10 == 0) {
                let _ = if swap {
                    writeln!(text, "{amount},{i},{date},{}", id(i))
                } else {
                    writeln!(text, "{i},{date},{},{amount}", id(i))
                };
            }
        }
        text
    };
    let config = CONFIG.replace("\"orders.csv\"", "[\"first.csv\", \"second.csv\"]");
    for swap in [false, true] {
        let (first, second) = (dated(0, 200, false), dated(180, 330, swap));
        let project = project(&config, &[("first.csv", first.as_bytes()), ("second.csv", second.as_bytes())]);
        insta::assert_snapshot!("overlap", stops(&project, "E0325", 3));
        project.write("ilk.toml", format!("{config}[quality]\noverlap = \"first\"\n"));
        // 330 lines and the 33 repeats; the overlap is 20 lines and 2 repeats.
        assert_eq!(bucket(&project, "orders", "used").0, 363);
        assert_eq!(bucket(&project, "orders", "duplicate").0, 22);
        project.write("ilk.toml", format!("{config}[quality]\noverlap = \"keep\"\n"));
        assert_eq!(bucket(&project, "orders", "used").0, 385);
        project.write("ilk.toml", format!("{config}[quality]\ndrop_exact_duplicates = true\n"));
        assert_eq!(bucket(&project, "orders", "used").0, 330);
    }
    // Two shops sell on the same days; one line that is equal is chance.
    let shops = project(
        &config,
        &[
            ("first.csv", orders(line).as_bytes()),
            ("second.csv", orders(|i| if i == 5 { line(i) } else { format!("b{}", line(i)) }).as_bytes()),
        ],
    );
    assert_eq!(bucket(&shops, "orders", "used").0, 800);
}

/// The same table as Parquet.
fn parquet(text: &str) -> Vec<u8> {
    use polars::prelude::{CsvReader, ParquetWriter, SerReader};
    let mut frame = CsvReader::new(std::io::Cursor::new(text.as_bytes())).finish().unwrap();
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes).finish(&mut frame).unwrap();
    bytes
}

#[test]
fn copies_are_found_in_parquet_as_in_text() {
    let dated = |from: usize, to: usize| {
        let mut text = HEADER.to_string();
        for i in from..to {
            for _ in 0..1 + usize::from(i % 10 == 0) {
                let _ = writeln!(text, "{i},2025-{:02}-{:02},{},{}.00", 1 + i / 28, 1 + i % 28, id(i), 10 + i % 90);
            }
        }
        text
    };
    let config = CONFIG.replace("\"orders.csv\"", "[\"first.parquet\", \"second.parquet\"]");
    let (first, second) = (parquet(&dated(0, 200)), parquet(&dated(180, 330)));
    let project = project(&config, &[("first.parquet", &first), ("second.parquet", &second)]);
    let stopped = stops(&project, "E0325", 3);
    assert!(stopped.contains("share 22 rows of 2025-07-13 to 2025-08-04"), "{stopped}");
    project.write("ilk.toml", format!("{config}[quality]\noverlap = \"first\"\n"));
    assert_eq!((bucket(&project, "orders", "used").0, bucket(&project, "orders", "duplicate").0), (363, 22));
    project.write("ilk.toml", format!("{config}[quality]\noverlap = \"keep\"\n"));
    assert_eq!(bucket(&project, "orders", "used").0, 385);
    assert!(says(&project, "W0321").contains("55 identical lines kept"), "{}", says(&project, "W0321"));
    project.write("ilk.toml", format!("{config}[quality]\ndrop_exact_duplicates = true\n"));
    assert_eq!((bucket(&project, "orders", "used").0, bucket(&project, "orders", "duplicate").0), (330, 55));
    project.write("second.parquet", &first);
    assert!(!stops(&project, "E0322", 3).is_empty());
}

#[test]
fn of_a_customer_with_two_rows_the_newest_counts_when_told() {
    let text = format!("{}00300,77,2025-06-30\n00300,78,2025-06-29\n", people(str::to_owned));
    let config = format!("{CONFIG}{TWO}");
    let project = project(&config, &[("orders.csv", orders(line).as_bytes()), ("customers.csv", text.as_bytes())]);
    insta::assert_snapshot!("customer_twice", stops(&project, "E0323", 3));
    project.edit("attributes = ", "duplicates = \"last by updated_at\"\nattributes = ");
    assert_eq!(bucket(&project, "customers", "duplicate").0, 2);
    project.ok(&["run"]);
    let features = project.read("models/shop/2025-Q4.1/features.parquet");
    let frame = polars::prelude::SerReader::finish(<polars::prelude::ParquetReader<_> as polars::prelude::SerReader<
        _,
    >>::new(std::io::Cursor::new(features)))
    .unwrap();
    let at = frame.column("customer_id").unwrap().str().unwrap().iter().position(|id| id == Some("00300")).unwrap();
    assert_eq!(frame.column("age").unwrap().f64().unwrap().get(at), Some(77.0));
    project.edit("last by updated_at", "newest");
    insta::assert_snapshot!("duplicates_rule", stops(&project, "E0204", 2));
}

#[test]
fn words_for_nothing_are_counted_and_listed() {
    let text = orders(|i| match i % 50 {
        3 => line(i).replace(&id(i), "N/A"),
        4 => line(i).replace(&id(i), "null"),
        5 => line(i).replace(&id(i), "-"),
        _ => line(i),
    });
    insta::assert_snapshot!("words", says(&project(CONFIG, &[("orders.csv", text.as_bytes())]), "W0332"));
}

#[test]
fn one_id_with_most_of_the_rows_can_be_left_out() {
    let text = orders(|i| if i % 3 == 0 { line(i).replace(&id(i), "0") } else { line(i) });
    let project = project(CONFIG, &[("orders.csv", text.as_bytes())]);
    insta::assert_snapshot!("one_id", says(&project, "W0333"));
    project.write("ilk.toml", format!("[input]\nexclude_ids = [\"0\"]\n{CONFIG}"));
    silent(&project, "W0333");
    assert_eq!(bucket(&project, "orders", "excluded id").0, 134);
}

#[test]
fn signs_and_brackets_are_read_and_currencies_never_added() {
    let text = orders(|i| {
        let amount = format!("{}.50", 10 + i * 13 % 90);
        let written = if i % 40 == 9 { format!("(£{amount})") } else { format!("£{amount}") };
        format!("{i},{},{},{written}", day(i), id(i))
    });
    let signed = project(CONFIG, &[("orders.csv", text.as_bytes())]);
    insta::assert_snapshot!("brackets", says(&signed, "W0342"));
    let returned = bucket(&signed, "orders", "returned, counted against revenue");
    assert_eq!(returned.0, 10);
    assert!(returned.1 < 0.0);
    let text = text.replacen('£', "€", 60);
    signed.write("orders.csv", text);
    insta::assert_snapshot!("currencies", stops(&signed, "E0343", 3));
}

#[test]
fn a_point_among_decimal_commas_is_refused_not_read_a_hundred_times_too_large() {
    // Beyond the rows that are looked at to tell how numbers are written.
    let mut text = HEADER.replace(',', ";");
    for i in 0..10_400 {
        let line = format!("{i};{};{};{}", day(i), id(i), 10 + i * 13 % 90);
        let _ = writeln!(text, "{line}{}", if i >= 10_390 { ".50" } else { ",50" });
    }
    let project = project(CONFIG, &[("orders.csv", text.as_bytes())]);
    insta::assert_snapshot!("stray_point", says(&project, "E0341"));
    assert_eq!(bucket(&project, "orders", "refused").0, 10);
}

#[test]
fn absurd_amounts_and_a_change_of_unit_are_doubted() {
    let text = orders(|i| if i == 200 { format!("{i},{},{},9000.00", day(i), id(i)) } else { line(i) });
    insta::assert_snapshot!("outlier", says(&project(CONFIG, &[("orders.csv", text.as_bytes())]), "W0345"));
    let text = orders(|i| if i % 12 >= 6 { line(i).replace(".50", "50") } else { line(i) });
    let cents = project(CONFIG, &[("orders.csv", text.as_bytes())]);
    insta::assert_snapshot!("cents", says(&cents, "W0347"));
    cents.write("orders.csv", orders(line));
    silent(&cents, "W0347");
    silent(&cents, "W0345");
}

#[test]
fn small_bases_few_kinds_of_customers_and_twins_among_features_are_said() {
    let run = |config: &str, files: &[(&str, &[u8])], code: &str| {
        let outcome = project(config, files).ilk(&["run", "-v"]);
        let said = messages(&outcome.err, code);
        assert!(!said.is_empty(), "expected {code}:\n{}", outcome.err);
        (outcome.status, said)
    };
    let (status, said) = run(CONFIG, &[("orders.csv", orders(line).as_bytes())], "W0402");
    assert_eq!(status, 0);
    insta::assert_snapshot!("small_base", said);

    let mut four = HEADER.to_string();
    for i in 0..200 {
        let _ = writeln!(four, "{i},2025-0{}-01,C{i:03},{}.00", 1 + i % 4, 10 * (1 + i % 4));
    }
    let (status, said) =
        run(&format!("{CONFIG}[cluster]\nn_clusters = 5\n"), &[("orders.csv", four.as_bytes())], "E0404");
    assert_eq!(status, 6);
    insta::assert_snapshot!("few_kinds", said);

    let mut twins = "customer_id,points,score\n".to_string();
    for i in 0..80 {
        let _ = writeln!(twins, "{:05},{},{}", 300 + i * 211, i * 7 % 83, i * 7 % 83 * 2);
    }
    let config = format!("{CONFIG}{TWO}").replace("age = \"number\"", "points = \"number\", score = \"number\"");
    let (status, said) =
        run(&config, &[("orders.csv", orders(line).as_bytes()), ("customers.csv", twins.as_bytes())], "W0405");
    assert_eq!(status, 0);
    insta::assert_snapshot!("twins", said);
}

/// What is wrong, with its place, why it matters, and a line to paste; never long; and a page for each code.
#[test]
fn every_message_follows_the_pattern() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/snapshots");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        let text = text.splitn(3, "---\n").nth(2).unwrap();
        let heads: Vec<usize> = text
            .lines()
            .enumerate()
            .filter(|(_, l)| l.starts_with("error[") || l.starts_with("warning["))
            .map(|(i, _)| i)
            .collect();
        let lines: Vec<&str> = text.lines().collect();
        for (n, start) in heads.iter().enumerate() {
            let end = heads.get(n + 1).copied().unwrap_or(lines.len());
            let message = &lines[*start..end];
            let code = message[0].split(['[', ']']).nth(1).unwrap();
            let whole = message.join("\n");
            assert!(message.len() <= 12, "{name}: {} lines\n{whole}", message.len());
            assert!(whole.contains("= help: "), "{name}: no help\n{whole}");
            assert!(whole.contains(&format!("= more: ilk explain {code}")), "{name}\n{whole}");
            assert!(ilk::cli::explain::page(code).is_some(), "{name}: {code} has no page");
            seen += 1;
        }
    }
    assert!(seen >= 60, "{seen} messages");
}
