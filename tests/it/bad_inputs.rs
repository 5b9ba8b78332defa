//! What people get wrong, each with its fixture, its code and its exit status, and the whole message as a snapshot.

use crate::project::{Project, column, messages};

const CONFIG: &str = "[project]\nname = \"shop\"\n[input.orders]\npath = \"orders.csv\"\ncustomer_id = \"customer_id\"\norder_id = \"order_id\"\ndate = \"order_date\"\namount = \"amount\"\n";

fn orders(n: usize, line: impl Fn(usize) -> String) -> String {
    let mut text = "order_id,order_date,customer_id,amount\n".to_string();
    for i in 0..n {
        text.push_str(&line(i));
        text.push('\n');
    }
    text
}

fn good(i: usize) -> String {
    format!("{i},2025-{:02}-{:02},C{:03},{}.50", 1 + i % 12, 1 + i * 7 % 28, i * i % 97 % 60, 10 + i * 13 % 90)
}

/// Runs with a config and an orders file; checks code and status and returns the message.
fn fails(config: &str, orders: impl AsRef<[u8]>, code: &str, status: i32) -> String {
    let project = Project::new();
    project.write("ilk.toml", config);
    project.write("orders.csv", orders);
    let outcome = project.ilk(&["run"]);
    let message = outcome.err.lines().skip_while(|l| !l.starts_with("error")).collect::<Vec<_>>().join("\n");
    assert!(message.starts_with(&format!("error[{code}]")), "expected {code}:\n{}", outcome.err);
    assert_eq!(outcome.status, status, "{message}");
    assert!(
        !project.file("models/shop").exists()
            || std::fs::read_dir(project.file("models/shop")).unwrap().next().is_none()
    );
    assert!(message.contains("help:"), "no help in\n{message}");
    assert!(ilk::cli::explain::page(code).is_some());
    message
}

/// Runs with a config and an orders file that are good enough; returns the whole messages of a code.
fn warns(config: &str, orders: impl AsRef<[u8]>, code: &str) -> String {
    let project = Project::new();
    project.write("ilk.toml", config);
    project.write("orders.csv", orders);
    let outcome = project.ok(&["run", "-v"]);
    let messages = messages(&outcome.err, code);
    assert!(!messages.is_empty(), "expected {code}:\n{}", outcome.err);
    messages
}

/// A small shop after its first run.
fn trained() -> Project {
    let project = Project::new();
    project.write("ilk.toml", CONFIG);
    project.write("orders.csv", orders(400, good));
    project.ok(&["run"]);
    project
}

/// Without the line of the stage, which holds a duration.
fn said(err: &str) -> String {
    err.lines().filter(|l| !l.trim_start().starts_with("1/1")).map(str::trim).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_path_typo_lists_what_is_there() {
    let config = CONFIG.replace("path = \"orders.csv\"", "path = \"orders.cvs\"");
    insta::assert_snapshot!(fails(&config, orders(50, good), "E0101", 2));
}

#[test]
fn empty_and_header_only_files_are_told_apart() {
    insta::assert_snapshot!("empty", fails(CONFIG, "", "E0102", 3));
    insta::assert_snapshot!("header_only", fails(CONFIG, orders(0, good), "E0103", 3));
}

#[test]
fn a_delimiter_that_does_not_split_is_named() {
    let config = CONFIG.replace("path =", "delimiter = \",\"\npath =");
    let text = orders(50, good).replace(',', ";");
    insta::assert_snapshot!(fails(&config, text, "E0104", 3));
}

#[test]
fn a_delimiter_that_is_not_stated_is_found() {
    let project = Project::new();
    project.write("ilk.toml", CONFIG);
    project.write("orders.csv", orders(400, good).replace(',', ";"));
    project.ok(&["run"]);
    assert!(project.text("models/shop/2025-Q4.1/manifest.json").contains("csv, `;`, UTF-8"));
}

#[test]
fn ragged_lines_are_kept_out_or_stop() {
    let some = |every: usize| {
        orders(400, move |i| if i % every == every - 1 { format!("{},extra", good(i)) } else { good(i) })
    };
    insta::assert_snapshot!("ragged_few", warns(CONFIG, some(200), "E0105"));
    insta::assert_snapshot!("ragged_many", fails(CONFIG, some(4), "E0105", 3));
}

#[test]
fn an_unclosed_quote_is_shown_where_it_opens() {
    let text = orders(50, |i| if i == 20 { format!("\"{}", good(i)) } else { good(i) });
    insta::assert_snapshot!(fails(CONFIG, text, "E0106", 3));
}

#[test]
fn a_byte_order_mark_is_no_part_of_a_name() {
    let project = Project::new();
    project.write("ilk.toml", CONFIG);
    project.write("orders.csv", format!("\u{feff}{}", orders(400, good)));
    // Fixed silently: the same words as without the mark.
    let marked = said(&project.ok(&["check"]).err);
    project.write("orders.csv", orders(400, good));
    assert_eq!(marked, said(&project.ok(&["check"]).err));
    insta::assert_snapshot!(marked);
}

#[test]
fn latin_1_is_converted_and_said() {
    let config =
        CONFIG.replace("amount = \"amount\"\n", "amount = \"amount\"\n[input.orders.attributes]\ncity = \"nominal\"\n");
    let mut bytes = b"order_id,order_date,customer_id,amount,city\n".to_vec();
    for i in 0..400 {
        bytes.extend(good(i).bytes());
        bytes.extend(if i % 2 == 0 { b",K\xf6ln\n".as_slice() } else { b",Bonn\n".as_slice() });
    }
    insta::assert_snapshot!(warns(&config, bytes, "W0108"));
}

#[test]
fn columns_keys_and_types_are_met_with_the_nearest() {
    insta::assert_snapshot!(
        "column",
        fails(
            &CONFIG
                .replace("\"customer_id\"", "\"CustomerId\"")
                .replace("customer_id = \"CustomerId\"", "customer_id = \"customr_id\""),
            orders(50, good),
            "E0201",
            2
        )
    );
    insta::assert_snapshot!("key", fails(&format!("{CONFIG}[cluster]\nn_cluster = 5\n"), orders(50, good), "E0203", 2));
    insta::assert_snapshot!(
        "type",
        fails(&format!("{CONFIG}[cluster]\nn_clusters = \"five\"\n"), orders(50, good), "E0204", 2)
    );
}

#[test]
fn rfm_rules_are_checked_before_anything_is_read() {
    // There is no such file, and nobody looks for it.
    let own = CONFIG.replace("orders.csv", "missing.csv")
        + "[rfm]\npartition = true\nrules = [\n  { name = \"Champions\", r = \"4-5\", f = \"4-5\" },\n  { name = \"Loyal\", f = \"3-5\" },\n]\n";
    insta::assert_snapshot!("partition", fails(&own, "", "E0208", 2));
    let few = CONFIG.replace("orders.csv", "missing.csv") + "[rfm]\nbins = 4\n";
    insta::assert_snapshot!("bins", fails(&few, "", "E0204", 2));
    let published = format!("{CONFIG}[rfm]\nrules = \"r_rfm_0_2\"\n");
    insta::assert_snapshot!("published", warns(&published, orders(400, good), "W0208"));
}

#[test]
fn an_rfm_grid_needs_all_three() {
    let project = Project::new();
    project.write("ilk.toml", CONFIG.replace("amount = \"amount\"\n", ""));
    project.write("orders.csv", orders(400, good));
    let outcome = project.ilk(&["rfm"]);
    assert_eq!(outcome.status, 2);
    insta::assert_snapshot!(outcome.err.lines().skip_while(|l| !l.starts_with("error")).collect::<Vec<_>>().join("\n"));
    // The clusters do without.
    project.ok(&["run"]);
    assert!(!project.text("models/shop/2025-Q4.1/assignments.csv").contains("rfm_"));
}

#[test]
fn somebody_must_form_segments() {
    let config = format!(
        "{CONFIG}[features.roles]\nrecency_days = \"describe\"\norders = \"describe\"\navg_order_value = \"describe\"\n"
    );
    insta::assert_snapshot!(fails(&config, orders(400, good), "E0209", 2));
}

#[test]
fn protected_attributes_and_segments_of_places_are_said() {
    let text = |column: &str, values: [&str; 3]| {
        let rows = orders(400, |i| format!("{},{}", good(i), values[(i * i % 97 % 60) % 3]));
        rows.replacen("amount\n", &format!("amount,{column}\n"), 1)
    };
    let attribute = |column: &str| format!("{CONFIG}attributes = {{ {column} = \"nominal\" }}\n");
    let config = format!("{}[features.roles]\ngender = \"form\"\n", attribute("gender"));
    insta::assert_snapshot!("protected", warns(&config, text("gender", ["f", "m", "d"]), "W0209"));
    let config = format!("{}[features.weights]\nrfm = 0.5\ngeographic = 5\n", attribute("city"));
    insta::assert_snapshot!("places", warns(&config, text("city", ["Bonn", "Ulm", "Hof"]), "W0424"));
}

#[test]
fn day_or_month_first_is_never_guessed() {
    let text = orders(50, |i| format!("{i},{:02}/{:02}/2025,C{i},10.00", 1 + i % 12, 1 + i * 5 % 12));
    insta::assert_snapshot!(fails(CONFIG, text, "E0312", 3));
}

#[test]
fn guests_are_counted_and_not_segmented() {
    let text =
        orders(400, |i| if i % 4 == 3 { good(i).replace(&format!("C{:03}", i * i % 97 % 60), "") } else { good(i) });
    insta::assert_snapshot!("guests", warns(CONFIG, text, "W0331"));
    let text =
        orders(400, |i| if i % 4 != 3 { good(i).replace(&format!("C{:03}", i * i % 97 % 60), "") } else { good(i) });
    insta::assert_snapshot!("mostly_guests", fails(CONFIG, text, "E0331", 3));
}

#[test]
fn decimal_commas_are_read_when_all_agree() {
    let text = orders(400, good).replace(",", ";").replace(".50", ",50");
    insta::assert_snapshot!("comma", warns(CONFIG, text, "W0341"));
    let text = orders(400, |i| {
        if i % 2 == 0 { good(i).replace(',', ";") } else { good(i).replace(',', ";").replace(".50", ",50") }
    });
    insta::assert_snapshot!(
        "mixed",
        fails(
            CONFIG,
            text.replace("order_id,order_date,customer_id,amount", "order_id;order_date;customer_id;amount"),
            "E0341",
            3
        )
    );
}

#[test]
fn lines_below_zero_are_returns_unless_said_otherwise() {
    let text = orders(400, |i| {
        if i % 10 == 9 { good(i).replace(&format!(",{}.50", 10 + i * 13 % 90), ",-12.00") } else { good(i) }
    });
    insta::assert_snapshot!(warns(CONFIG, text, "W0344"));
}

#[test]
fn infinite_amounts_never_reach_the_algorithm() {
    let text = orders(400, |i| {
        if i % 10 == 9 {
            good(i).replace(".50", "").replace(&format!(",{}", 10 + i * 13 % 90), ",inf")
        } else {
            good(i)
        }
    });
    insta::assert_snapshot!(fails(CONFIG, text, "E0346", 3));
}

#[test]
fn too_few_customers_and_none_that_differ_are_refused() {
    let config = format!("{CONFIG}[cluster]\nn_clusters = 5\n");
    insta::assert_snapshot!("few", fails(&config, orders(3, good), "E0401", 6));
    let same = orders(60, |i| format!("{i},2025-03-01,C{i:03},10.00"));
    insta::assert_snapshot!("same", fails(CONFIG, same, "E0403", 6));
    let config = format!("{CONFIG}attributes = {{ country = \"nominal\" }}\n");
    let text = orders(400, good).replace("\n", ",Malta\n").replacen(",Malta", ",country", 1);
    insta::assert_snapshot!("constant", warns(&config, text, "W0403"));
}

#[test]
fn an_eps_that_leaves_everybody_out_is_answered_with_the_knee() {
    let config = format!("{CONFIG}[cluster]\nalgorithm = \"dbscan\"\neps = 0.0001\nmin_samples = 30\n");
    let message = fails(
        &config,
        orders(2_000, |i| {
            format!(
                "{i},2025-{:02}-{:02},C{:04},{}.{:02}",
                1 + i % 12,
                1 + i * 7 % 28,
                i * 31 % 701,
                10 + i * 13 % 90,
                i % 100
            )
        }),
        "E0411",
        6,
    );
    insta::assert_snapshot!(message);
}

#[test]
fn models_from_elsewhere_are_not_trusted() {
    let project = trained();
    let folder = project.file("models/shop/2025-Q4.1");
    let text = project.text("models/shop/2025-Q4.1/model.json");
    let score = || project.ilk(&["assign", "orders.csv", "--model", "shop", "--out", "scored.csv"]);
    project.write("models/shop/2025-Q4.1/model.json", text.replacen("\"shop\"", "\"shap\"", 1));
    let outcome = score();
    assert_eq!(outcome.status, 4);
    insta::assert_snapshot!("edited", outcome.err);
    // A newer version wrote it, hash and all.
    let newer = text.replacen("\"format\": 1", "\"format\": 3", 1);
    std::fs::write(folder.join("model.json"), &newer).unwrap();
    let manifest = project.text("models/shop/2025-Q4.1/manifest.json");
    let manifest =
        manifest.replace(&blake3::hash(text.as_bytes()).to_hex().to_string(), &blake3::hash(newer.as_bytes()).to_hex());
    std::fs::write(folder.join("manifest.json"), manifest).unwrap();
    let outcome = score();
    assert_eq!(outcome.status, 4);
    insta::assert_snapshot!("newer", outcome.err);
    assert!(!project.file("scored.csv").exists());
    let outcome = project.ilk(&["assign", "orders.csv", "--model", "shop/@champoin", "--out", "scored.csv"]);
    assert_eq!(outcome.status, 2);
    insta::assert_snapshot!("alias", outcome.err);
}

#[test]
fn a_folder_that_cannot_be_written_is_said_before_reading() {
    let project = Project::new();
    project.write("ilk.toml", CONFIG);
    project.write("models", "a file stands here");
    let outcome = project.ilk(&["run"]);
    assert_eq!(outcome.status, 5);
    insta::assert_snapshot!(outcome.err);
}

#[test]
fn an_output_that_exists_is_kept() {
    let project = trained();
    project.write("scored.csv", "mine");
    let outcome = project.ilk(&["assign", "orders.csv", "--model", "shop", "--out", "scored.csv"]);
    assert_eq!(outcome.status, 2);
    insta::assert_snapshot!(outcome.err);
    assert_eq!(project.text("scored.csv"), "mine");
    project.ok(&["assign", "orders.csv", "--model", "shop", "--out", "scored.csv", "--replace"]);
    assert_ne!(project.text("scored.csv"), "mine");
}

#[test]
fn scoring_with_other_columns_names_them() {
    let project = trained();
    project.write("march.csv", orders(400, good).replace("customer_id", "CustomerID"));
    let outcome = project.ilk(&["assign", "march.csv", "--model", "shop", "--out", "s.csv"]);
    assert_eq!(outcome.status, 4);
    insta::assert_snapshot!(outcome.err);
    project.ok(&["assign", "march.csv", "--model", "shop", "--out", "s.csv", "--map", "customer_id=CustomerID"]);
    assert_eq!(project.text("s.csv"), project.trained("shop/2025-Q4.1"));
}

/// Customers with an age and a country, and their orders; trained.
fn with_people() -> Project {
    let project = Project::new();
    let config = format!(
        "{CONFIG}[input.customers]\npath = \"customers.csv\"\ncustomer_id = \"id\"\n[input.customers.attributes]\nage = \"number\"\ncountry = \"nominal\"\n"
    );
    project.write("ilk.toml", config);
    project.write("orders.csv", orders(400, good));
    project.write("customers.csv", people(|i| (20 + i % 50).to_string(), |i| ["France", "Spain"][i % 2].into()));
    project.ok(&["run"]);
    project
}

fn people(age: impl Fn(usize) -> String, country: impl Fn(usize) -> String) -> String {
    let line = |i: usize| format!("C{i:03},{},{}\n", age(i), country(i));
    format!("id,age,country\n{}", (0..60).map(line).collect::<String>())
}

#[test]
fn a_level_that_training_never_saw_is_placed_by_the_rest_and_marked_far() {
    let project = with_people();
    let known = |i: usize| (20 + i % 50).to_string();
    project.write("new.csv", people(known, |i| if i < 8 { "Malta".into() } else { ["France", "Spain"][i % 2].into() }));
    let score = |more: &[&str]| {
        project
            .ilk(&[&["assign", "orders.csv", "new.csv", "--model", "shop", "--out", "scored.csv", "-v"], more].concat())
    };
    let strict = score(&["--strict"]);
    assert_eq!(strict.status, 1, "{}", strict.err);
    assert!(strict.out.contains("Nothing was written") && !project.file("scored.csv").exists(), "{}", strict.out);
    let outcome = score(&[]);
    assert_eq!(outcome.status, 0, "{}", outcome.err);
    insta::assert_snapshot!("unseen_level", messages(&outcome.err, "W0501"));
    let text = project.text("scored.csv");
    let fits = column(&text, "customer_id").into_iter().zip(column(&text, "fit"));
    // One of the eight never ordered, and is in no segment.
    let of_malta: Vec<String> = fits.filter(|(id, _)| id < &"C008".to_string()).map(|(_, fit)| fit).collect();
    assert_eq!(of_malta, [vec!["far"; 7], vec![""]].concat());
}

#[test]
fn a_number_that_became_text_is_another_type() {
    let project = with_people();
    project.write("new.csv", people(|i| ["25-34", "35-44"][i % 2].into(), |_| "France".into()));
    let outcome = project.ilk(&["assign", "orders.csv", "new.csv", "--model", "shop", "--out", "scored.csv"]);
    assert_eq!(outcome.status, 4, "{}", outcome.err);
    insta::assert_snapshot!("type_changed", outcome.err);
    assert!(!project.file("scored.csv").exists());
}

#[test]
fn columns_more_and_in_another_order_change_nothing() {
    let project = with_people();
    let turned = |text: &str| {
        let line = |line: &str| format!("extra,{}\n", line.split(',').rev().collect::<Vec<_>>().join(","));
        text.lines().map(line).collect::<String>()
    };
    project.write("turned.csv", turned(&project.text("orders.csv")));
    project.write("people.csv", turned(&project.text("customers.csv")));
    project.ok(&["assign", "turned.csv", "people.csv", "--model", "shop", "--out", "s.csv"]);
    assert_eq!(project.text("s.csv"), project.trained("shop/2025-Q4.1"));
}

#[test]
fn other_customers_and_shorter_histories_are_said_when_scoring() {
    let project = trained();
    let score = |file: &str, more: &[&str]| {
        project.ilk(&[&["assign", file, "--model", "shop", "--out", "s.csv", "--replace", "-v"], more].concat())
    };
    let same = score("orders.csv", &["--strict"]);
    assert_eq!(same.status, 0, "{}{}", same.out, same.err);
    let dear =
        |i: usize| format!("{i},2025-{:02}-{:02},C{:03},{}", 1 + i % 12, 1 + i * 7 % 28, i * i % 97 % 60, 9_000 + i);
    project.write("dear.csv", orders(400, dear));
    let outcome = score("dear.csv", &[]);
    assert_eq!(outcome.status, 0, "{}", outcome.err);
    insta::assert_snapshot!("drift_when_scoring", messages(&outcome.err, "W0504"));
    assert_eq!(score("dear.csv", &["--strict"]).status, 1);
    let late = |i: usize| good(i).replacen("2025-", if i % 12 > 9 { "2025-" } else { "2019-" }, 1);
    let short: String =
        orders(400, late).lines().filter(|line| !line.contains("2019")).map(|l| format!("{l}\n")).collect();
    project.write("short.csv", short);
    let outcome = score("short.csv", &[]);
    insta::assert_snapshot!("short_history", messages(&outcome.err, "W0505"));
    assert_eq!(score("short.csv", &["--strict"]).status, 1);
}

#[test]
fn what_does_not_fit_into_memory_is_not_begun() {
    let project = Project::new();
    project.write("ilk.toml", CONFIG);
    // Eight terabytes that take no room on the disk.
    let file = std::fs::File::create(project.file("orders.csv")).unwrap();
    file.set_len(1 << 43).unwrap();
    let outcome = project.ilk(&["run"]);
    assert_eq!(outcome.status, 5, "{}", outcome.err);
    assert!(outcome.err.contains("error[E0614]: orders: about 17592.2 GB of memory needed, "), "{}", outcome.err);
    assert!(outcome.err.contains("= help: leave out the columns"), "{}", outcome.err);
}

#[test]
fn a_read_only_folder_is_said_at_once_and_stays_as_it_was() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;
    let project = Project::new();
    project.write("ilk.toml", CONFIG);
    project.write("orders.csv", orders(400, good));
    // Root may write anywhere, so the binary runs as nobody where the tests run as root.
    let binary = project.file("ilk-copy");
    std::fs::copy(env!("CARGO_BIN_EXE_ilk"), &binary).unwrap();
    let mode = |mode: u32| std::fs::set_permissions(project.path(), std::fs::Permissions::from_mode(mode)).unwrap();
    mode(0o555);
    let mut command = std::process::Command::new(&binary);
    command.arg("run").current_dir(project.path()).env("HOME", "/nonexistent");
    if std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap()) == 0 {
        command.uid(65_534).gid(65_534);
    }
    let output = command.output().unwrap();
    mode(0o755);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(5), "{said}");
    assert!(said.contains("E0612") && !said.contains("read  "), "{said}");
    let mut left: Vec<String> =
        std::fs::read_dir(project.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    left.sort();
    assert_eq!(left, ["ilk-copy", "ilk.toml", "orders.csv"]);
}
