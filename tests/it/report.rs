//! What people see of features, blocks, protected attributes and those who never ordered, on real runs.

use crate::project::Project;
use ilk::cluster::prototypes::Assignment;
use ilk::export::parquet::read_features;
use ilk::pipeline::Model;
use serde_json::Value;
use std::collections::BTreeMap;

const MODEL: &str = "models/demo-shop/2026-Q1.1";

fn json(project: &Project, file: &str) -> Value {
    serde_json::from_slice(&project.read(file)).unwrap()
}

fn demo(customers: &str) -> Project {
    let project = Project::new();
    project.ok(&["demo", "--out", ".", "--customers", customers, "--data-only", "-q"]);
    project
}

#[test]
fn blocks_have_their_share_of_the_distance_in_the_saved_model() {
    let project = demo("3000");
    // Features of the project's own make a block more.
    let config = project.text("ilk.toml").replace(
        "\n[cluster]",
        "\n[[features.custom]]\nname = \"autumn_orders\"\nunit = \"count\"\nmeasure = { orders = { table = \"orders\", occasion = { from = \"09-01\", to = \"11-30\" } } }\n\n[cluster]",
    );
    project.write("ilk.toml", config);
    project.ok(&["run", "-q"]);
    let model = Model::from_json(&project.text(&format!("{MODEL}/model.json"))).unwrap();
    let matrix = read_features(&project.read(&format!("{MODEL}/features.parquet")), &model.features).unwrap();
    let space = model.preparation.transform(&matrix).unwrap();
    let assignments: Vec<Assignment> = model.assign(&matrix).unwrap();
    let n = matrix.len() as f64;

    // The expected squared distance of two random customers is twice the sum of the variances.
    let (mut variances, mut between) = (BTreeMap::new(), BTreeMap::new());
    for (column, values) in space.columns.iter().zip(space.values.columns()) {
        let mean = values.sum() / n;
        *variances.entry(column.family).or_insert(0.0) += values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
        let mut groups: BTreeMap<usize, (f64, f64)> = BTreeMap::new();
        for (value, assignment) in values.iter().zip(&assignments) {
            let group = groups.entry(assignment.cluster.unwrap()).or_default();
            *group = (group.0 + 1.0, group.1 + value);
        }
        *between.entry(column.family.word()).or_insert(0.0) +=
            groups.values().map(|(n, sum)| n * (sum / n - mean).powi(2)).sum::<f64>();
    }
    let total: f64 = variances.values().sum();
    let weights = model.preparation.weights();
    let families: Vec<&str> = weights.iter().map(|(family, _)| family.word()).collect();
    assert_eq!(families, ["rfm", "engagement", "demographic", "geographic", "custom"]);
    for (family, weight) in weights {
        let share = variances[&family] / total;
        assert!((share - weight).abs() < 1e-5, "{family:?}: {share} and not {weight}");
    }

    let total: f64 = between.values().sum();
    let metrics = json(&project, &format!("{MODEL}/metrics.json"));
    let told = metrics["between"].as_object().unwrap();
    assert_eq!(told.len(), between.len());
    for (family, squares) in &between {
        assert!((told[*family].as_f64().unwrap() - squares / total).abs() < 1e-9, "{family}");
    }
    let sum: f64 = told.values().map(|part| part.as_f64().unwrap()).sum();
    assert!((sum - 1.0).abs() < 1e-12, "{sum}");
}

#[test]
fn the_dictionary_needs_no_model() {
    let project = demo("500");
    let all: Value = serde_json::from_str(&project.ok(&["features", "--json"]).out).unwrap();
    assert!(!project.file("models").exists());
    project.ok(&["run", "-q"]);
    let report = json(&project, "reports/2026-Q1/report.json");
    let entries = all.as_array().unwrap();
    let features = report["features"].as_array().unwrap();
    assert_eq!(entries.len(), features.len());
    for (entry, feature) in entries.iter().zip(features) {
        for key in ["name", "label", "definition", "window", "source", "missing", "unit", "family"] {
            assert_eq!(entry[key], feature["dictionary"][key], "{key}");
            assert!(!entry[key].as_str().unwrap().is_empty(), "{key}");
        }
        assert_eq!((&entry["role"], &entry["protected"]), (&feature["role"], &feature["protected"]));
    }
    insta::assert_snapshot!("features", project.ok(&["features", "--family", "demographic"]).out);
    assert_eq!(project.ilk(&["features", "--family", "demography"]).status, 2);
}

#[test]
fn protected_attributes_form_segments_only_by_name_and_loudly() {
    let project = demo("2000");
    project.ok(&["run", "-q"]);
    let report = json(&project, "reports/2026-Q1/report.json");
    let protected = report["protected"].as_array().unwrap();
    assert_eq!(protected.iter().map(|p| &p["feature"]).collect::<Vec<_>>(), ["age", "gender"]);
    assert!(protected.iter().all(|p| p["forms"] == false));
    let before = protected[0]["told"]["number"]["eta_squared"].as_f64().unwrap();
    assert!(project.text("reports/2026-Q1/report.html").contains("None was used to form segments here."));
    assert_eq!(project.ilk(&["check", "-q"]).status, 0);
    assert!(!project.ok(&["check"]).err.contains("W0209"));

    let others = ["household_size", "income_band", "signup_channel"].map(|f| format!("{f} = \"describe\"\n")).concat();
    let config =
        format!("[features.roles]\nage = \"form\"\n{others}\n[features.weights]\ndemographic = 1\n\n[cluster]");
    project.edit("[cluster]", &config);
    let run = project.ok(&["run"]);
    let said = run.err.lines().find(|l| l.ends_with("W0209")).unwrap_or_default().trim();
    assert_eq!(said, "▲ `age` is a protected attribute and forms segments, because the config says so  W0209");
    assert!(ilk::cli::explain::page("W0209").is_some());
    let report = json(&project, "reports/2026-Q1/report.json");
    let age = &report["protected"][0];
    assert_eq!(age["forms"], true);
    assert!(age["told"]["number"]["eta_squared"].as_f64().unwrap() > before);
    assert!(project.text("reports/2026-Q1/report.html").contains("Used to form segments here: Age."));
    assert!(project.ok(&["check"]).err.contains("W0209"));
}

#[test]
fn who_never_ordered_is_a_row_of_every_table() {
    let project = demo("2000");
    let mut customers = project.text("customers.csv");
    let cells = customers.lines().next().unwrap().split(',').count();
    for i in 0..12 {
        customers.push_str(&format!("L{i:06}{}\n", ",".repeat(cells - 1)));
    }
    project.write("customers.csv", customers);
    let run = project.ok(&["run"]);
    let row: Vec<&str> = run.out.lines().find(|l| l.contains("leads")).unwrap().split_whitespace().collect();
    assert_eq!(row, ["leads", "Leads:", "known,", "no", "order", "yet", "12", "–", "–", "–", "–", "–"]);
    let summary = project.text("reports/2026-Q1/summary.md");
    assert!(summary.contains("| leads | Leads: known, no order yet | 12 | – | – | – | – | – |"), "{summary}");
    let page = project.text("reports/2026-Q1/report.html");
    assert!(page.contains("</span>leads</td><th scope=\"row\">Leads: known, no order yet</th><td class=\"n\">12</td>"));
    let customers = json(&project, "reports/2026-Q1/report.json")["coverage"]["customers"].as_u64().unwrap();
    assert_eq!(customers, 2_000);
}

#[test]
fn answers_and_stages_stand_beside_the_segments() {
    let project = demo("3000");
    project.ok(&["run", "-q"]);
    let report = json(&project, "reports/2026-Q1/report.json");
    let nps = |group: &Value| group["nps"][0]["answers"].as_u64().unwrap();
    let segments = report["segments"].as_array().unwrap();
    let answered: u64 = segments.iter().map(|s| nps(&s["profile"])).sum();
    assert_eq!(answered, nps(&report["everyone"]));
    assert!(answered > 100);
    let page = project.text("reports/2026-Q1/report.html");
    for section in ["stages", "satisfaction", "protected"] {
        assert_eq!(page.matches(&format!("<section id=\"{section}\">")).count(), 1, "{section}");
    }
    let whales = &report["coverage"]["whales"];
    assert_eq!(whales["customers"], 15);
    assert!(page.contains("15 customers (0.5 %) hold"), "{whales}");
}

#[test]
fn a_report_is_rendered_again_in_the_projects_own_words_and_look() {
    let project = demo("2000");
    project.ok(&["run", "-q"]);
    let folder = "reports/2026-Q1";
    project.write("logo.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"9\" height=\"9\"/>");
    project.edit("[project]", "[report]\ntitle = \"Spring\"\nlogo = \"logo.svg\"\nowner = \"Data team\"\n\n[project]");
    project
        .write("personas.toml", "[S01]\nname = \"Our best\"\nline = \"They carry us.\"\n\n[S99]\nname = \"Ghosts\"\n");
    let said = project.ok(&["report", "--charts", "svg"]);
    assert!(said.err.contains("own words for S99: no such segment in this run  W0425"), "{}", said.err);
    for file in ["report.html", "summary.md", "report.json"] {
        assert!(project.text(&format!("{folder}/{file}")).contains("Our best"), "{file}");
    }
    // In an attribute a slash may be written as its number.
    let page = project.text(&format!("{folder}/report.html")).replace("&#x2f;", "/");
    for shown in
        ["They carry us.", "Spring: who your customers are", "src=\"data:image/svg+xml;base64,", "owner: Data team"]
    {
        assert!(page.contains(shown), "{shown}");
    }
    assert!(project.text(&format!("{folder}/charts/treemap.svg")).starts_with("<svg xmlns="));
    project.ok(&["report", "--charts", "png", "-q"]);
    assert!(project.read(&format!("{folder}/charts/fingerprint-S01.png")).starts_with(b"\x89PNG"));
    // A new run keeps the words, in the files for other programs too.
    project.ok(&["run", "-q"]);
    let assigned = project.text("models/demo-shop/2026-Q1.2/assignments.csv");
    assert!(assigned.contains(",Our best,"));

    let refused = |code: &str, said: &str| {
        let outcome = project.ilk(&["report"]);
        assert_eq!(outcome.status, 2, "{}", outcome.err);
        assert!(outcome.err.contains(code) && outcome.err.contains(said), "{}", outcome.err);
        assert!(ilk::cli::explain::page(code).is_some());
    };
    let other = json(&project, &format!("{folder}/report.json"))["segments"][1]["persona"]["name"].clone();
    project.write("personas.toml", format!("[S01]\nname = {other}\n"));
    refused("E0212", "S01 and S02 would both be called");
    project.write("personas.toml", "[S01]\nnam = \"x\"\n");
    refused("E0203", "personas.toml:2");
    project.write("personas.toml", "");
    project.edit("logo.svg", "logo.txt");
    refused("E0213", "is no picture by its ending");
    project.edit("logo.txt", "gone.png");
    refused("E0213", "cannot be read");
    project.edit("logo = \"gone.png\"", "accent = \"#FFD700\"");
    refused("E0204", "hard to read on white");
}

#[test]
fn the_schema_of_the_report_knows_what_is_in_it() {
    let project = demo("1000");
    project.ok(&["run", "-q"]);
    let schema: Value = serde_json::from_str(&project.ok(&["schema", "report"]).out).unwrap();
    let known = |of: &Value| of["properties"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let report = json(&project, "reports/2026-Q1/report.json");
    for key in report.as_object().unwrap().keys() {
        assert!(known(&schema).contains(key), "{key}");
    }
    for key in report["segments"][0].as_object().unwrap().keys() {
        assert!(known(&schema["definitions"]["SegmentFacts"]).contains(key), "{key}");
    }
    let config: Value = serde_json::from_str(&project.ok(&["schema", "config"]).out).unwrap();
    assert!(known(&config).contains(&"report".to_string()));
}
