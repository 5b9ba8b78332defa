//! A segment lives through retrains: its id, name and colour stay, and what changed is told apart.

use crate::project::{Project, column};
use serde_json::Value;
use std::collections::BTreeMap;

fn json(project: &Project, file: &str) -> Value {
    serde_json::from_slice(&project.read(file)).unwrap()
}

/// Ids of the segments of a version with name and colour.
fn segments(project: &Project, version: &str) -> BTreeMap<String, (String, u64)> {
    let model = json(project, &format!("models/demo-shop/{version}/model.json"));
    let of = |segment: &Value| {
        let text = |key: &str| segment[key].as_str().unwrap().to_string();
        (text("id"), (text("name"), segment["colour"].as_u64().unwrap()))
    };
    model["segments"].as_array().unwrap().iter().map(of).collect()
}

fn events(project: &Project, version: &str) -> Vec<String> {
    let told = json(project, &format!("models/demo-shop/{version}/lineage.json"));
    let lives = told["lineage"]["lives"].as_array().unwrap();
    lives.iter().map(|life| life["event"].as_str().unwrap().to_string()).collect()
}

fn changed(project: &Project, version: &str) -> usize {
    project.text(&format!("models/demo-shop/{version}/changes.csv")).lines().count() - 1
}

/// The numbers of `1,333 of 5,440 who are in both changed segments: 685 moved themselves, of 145 the ruler moved, 503 by both`.
fn parts(said: &str) -> [usize; 5] {
    let line = said.lines().find(|line| line.starts_with("Customers ")).unwrap_or_else(|| panic!("{said}"));
    let plain = line.replace(',', "");
    let numbers: Vec<usize> = plain.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok()).collect();
    numbers.try_into().unwrap_or_else(|_| panic!("{line}"))
}

#[test]
fn on_the_same_data_nothing_changes_and_of_a_new_ruler_only_the_ruler_moves() {
    let project = Project::new();
    project.ok(&["demo", "--out", ".", "--customers", "2000", "-q"]);
    let first = segments(&project, "2026-Q1.1");
    assert!(!project.text("models/demo-shop/2026-Q1.1/assignments.csv").contains("previous_segment_id"));

    let again = project.ok(&["run"]);
    assert!(again.err.contains("6 segments beside those of 2026-Q1.1: 6 survived"), "{}", again.err);
    assert!(events(&project, "2026-Q1.2").iter().all(|event| event == "survived"));
    assert_eq!(segments(&project, "2026-Q1.2"), first);
    assert_eq!(changed(&project, "2026-Q1.2"), 0);
    let same = project.ok(&["compare", "2026-Q1.1", "2026-Q1.2"]);
    assert_eq!(parts(&same.out), [0, 2000, 0, 0, 0], "{}", same.out);
    assert!(same.out.contains("keep scoring") && same.out.contains("Gate         open"), "{}", same.out);

    project.edit("n_clusters = \"auto\"", "n_clusters = 4");
    project.ok(&["run", "-q"]);
    let forced = project.ilk(&["compare", "2026-Q1.1", "2026-Q1.3"]);
    let [all, customers, people, ruler, both] = parts(&forced.out);
    assert_eq!((customers, people, both, ruler), (2000, 0, 0, all), "{}", forced.out);
    assert!(all > 200, "{}", forced.out);
    // Everyone whose published segment is another one now, and nobody else.
    let published = |version: &str| {
        let text = project.text(&format!("models/demo-shop/{version}/assignments.csv"));
        column(&text, "customer_id").into_iter().zip(column(&text, "segment_id")).collect::<BTreeMap<_, _>>()
    };
    let (before, after) = (published("2026-Q1.2"), published("2026-Q1.3"));
    let changes = project.text("models/demo-shop/2026-Q1.3/changes.csv");
    let told: BTreeMap<String, String> =
        column(&changes, "customer_id").into_iter().zip(column(&changes, "previous_segment_id")).collect();
    let moved: BTreeMap<String, String> =
        before.iter().filter(|(id, segment)| after[*id] != **segment).map(|(id, s)| (id.clone(), s.clone())).collect();
    assert_eq!(told, moved);
    assert!(column(&changes, "segment_changed_at").iter().all(|day| day == "2026-03-31"));

    // Back to six: the ids that ended are not used again.
    project.edit("n_clusters = 4", "n_clusters = \"auto\"");
    project.ok(&["run", "-q"]);
    let last = segments(&project, "2026-Q1.4");
    let third = segments(&project, "2026-Q1.3");
    for id in last.keys().filter(|id| !third.contains_key(*id)) {
        assert!(!first.contains_key(id), "{id} is used again: {last:?}");
    }
    assert_eq!(last.values().map(|(name, _)| name).collect::<std::collections::BTreeSet<_>>().len(), last.len());
    let colours: std::collections::BTreeSet<u64> = last.values().map(|(_, colour)| *colour).collect();
    assert_eq!(colours.len(), last.len());

    // Held against the promoted model, the six are those of the beginning.
    let promoted = project.ok(&["promote", "2026-Q1.1"]);
    assert!(promoted.out.contains("@champion: 2026-Q1.1"), "{}", promoted.out);
    let run = project.ok(&["run"]);
    assert!(run.err.contains("beside those of 2026-Q1.1: 6 survived"), "{}", run.err);
    assert_eq!(segments(&project, "2026-Q1.5"), first);
    let moved = project.ok(&["promote", "2026-Q1.5"]);
    assert!(moved.out.contains("2026-Q1.1 → 2026-Q1.5") && moved.out.contains("Undo: ilk promote 2026-Q1.1"));
    let history = project.ok(&["history"]);
    assert!(history.out.contains("@champion: 2026-Q1.1 → 2026-Q1.5"), "{}", history.out);
    assert!(history.out.lines().filter(|line| line.trim_start().starts_with("S0")).count() >= last.len());
    assert_eq!(project.ilk(&["promote", "2026-Q9.1"]).status, 2);
    let challenger = project.ilk(&["compare", "@champion", "2026-Q1.3"]);
    assert!(challenger.status == 1 || challenger.out.contains("Gate         open"), "{}", challenger.out);
}

#[test]
fn a_quarter_later_the_segments_are_the_same_ones() {
    let project = Project::new();
    project.ok(&["demo", "--out", ".", "--customers", "2000", "--data-only", "-q"]);
    let text = project.text("ilk.toml");
    let line = text.lines().find(|line| line.trim_start().starts_with("as_of")).unwrap_or_else(|| panic!("{text}"));
    project.edit(line, "as_of = \"2025-12-31\"");
    project.ok(&["run", "-q"]);
    project.edit("as_of = \"2025-12-31\"", line);
    let run = project.ok(&["run"]);
    let (before, after) = (segments(&project, "2025-Q4.1"), segments(&project, "2026-Q1.1"));
    let kept: Vec<&String> = after.keys().filter(|id| before.contains_key(*id)).collect();
    assert!(kept.len() >= 4, "{}", run.err);
    assert!(kept.iter().all(|id| before[*id].1 == after[*id].1), "{before:?} {after:?}");
    let events = events(&project, "2026-Q1.1");
    let goes_on = |event: &&String| ["survived", "drifted"].contains(&event.as_str());
    assert!(events.iter().filter(goes_on).count() >= 4, "{}", run.err);
    assert_eq!(before["S01"], after["S01"]);
    let page = project.text("reports/2026-Q1/report.html");
    assert!(page.contains("What became of the segments") && page.contains("beside those of 2025-Q4.1"));
    // Every number of its sentences is one of the facts, rounded.
    let facts = json(&project, "reports/2026-Q1/report.json");
    let lineage = &facts["lineage"];
    let section = page.split("What became of the segments").nth(1).unwrap().split("</ul>").next().unwrap();
    for life in lineage["lives"].as_array().unwrap().iter().filter(|life| life["event"] == "drifted") {
        let id = life["id"].as_str().unwrap();
        let overlap = (life["overlap"].as_f64().unwrap() * 100.0).round();
        let said = section.split("<li>").find(|said| said.starts_with(&format!("{id} "))).unwrap();
        assert!(said.contains(&format!(" {overlap:.0} % of those in either are in both.")), "{said}");
    }
    for end in lineage["ended"].as_array().unwrap().iter().filter(|end| end["event"] == "died") {
        let [then, now] = ["share_then", "share_now"].map(|share| (end[share].as_f64().unwrap() * 100.0).round());
        assert!(
            section.contains(&format!("held {then:.0} % of customers, and by its own measure holds {now:.0} % now"))
        );
    }
    let counted = |event: &str| lineage["lives"].as_array().unwrap().iter().filter(|l| l["event"] == event).count();
    assert!(section.contains(&format!("{} segments beside those of 2025-Q4.1: ", after.len())));
    for (event, word) in [("survived", "survived"), ("drifted", "drifted"), ("born", "new")] {
        let n = counted(event);
        assert!(n == 0 || section.contains(&format!("{n} {word}")), "{event} {n}\n{section}");
    }
    let compared = project.ilk(&["compare", "2025-Q4.1", "2026-Q1.1"]);
    let [all, customers, people, ruler, both] = parts(&compared.out);
    assert_eq!(people + ruler + both, all);
    assert!(people > 0 && customers > 1500, "{}", compared.out);
    assert!(changed(&project, "2026-Q1.1") > 0);
}

#[test]
fn other_features_cannot_be_compared_and_that_is_said() {
    let project = Project::new();
    project.ok(&["demo", "--out", ".", "--customers", "2000", "-q"]);

    // Without events, which the first model needs.
    let text = project.text("ilk.toml");
    let (head, rest) = text.split_once("[[input.events]]").unwrap();
    let rest = rest.split_once("[input.customers]").unwrap().1;
    project.write("ilk.toml", format!("{head}[input.customers]{rest}"));
    let run = project.ok(&["run"]);
    assert!(run.err.contains("all new: they cannot be compared with 2026-Q1.1"), "{}", run.err);
    let (before, after) = (segments(&project, "2026-Q1.1"), segments(&project, "2026-Q1.2"));
    assert!(after.keys().all(|id| !before.contains_key(id)), "{before:?} {after:?}");
    let compared = project.ilk(&["compare", "2026-Q1.1", "2026-Q1.2"]);
    assert!(compared.out.contains("one model has features that the other lacks"), "{}", compared.out);
    assert_eq!(compared.status, 1, "{}", compared.out);
}

/// Written by version 0.1.0 and never to be written again: whoever has such a model can score with every later ilk.
#[test]
fn a_model_of_format_1_is_read_forever() {
    use ilk::data::schema::Paths;
    use ilk::pipeline::{Model, score};
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/fixtures");
    let text = std::fs::read_to_string(folder.join("model-format-1.json")).unwrap();
    let segments = std::fs::read_to_string(folder.join("model-format-1-segments.csv")).unwrap();
    let expected: Vec<(String, String)> =
        column(&segments, "customer_id").into_iter().zip(column(&segments, "segment_id")).collect();
    // As it was before segments had colours and remembered what their names come from.
    let mut older: Value = serde_json::from_str(&text).unwrap();
    for segment in older["segments"].as_array_mut().unwrap() {
        segment.as_object_mut().unwrap().retain(|key, _| key == "id" || key == "name");
    }
    for text in [text, older.to_string()] {
        let model = Model::from_json(&text).unwrap();
        let mut inputs = model.input.clone();
        inputs.orders.as_mut().unwrap().path = Paths::One("model-format-1-orders.csv".into());
        let scored = score(&model, &inputs, &folder, None, 0.0).unwrap();
        let segments = scored.assignments.iter().map(|a| model.segments[a.cluster.unwrap()].id.clone());
        let found: Vec<(String, String)> = scored.matrix.ids.iter().cloned().zip(segments).collect();
        assert_eq!(found, expected);
    }
}

#[test]
fn a_version_made_again_is_identical_or_the_first_difference_is_named() {
    let project = Project::new();
    project.ok(&["demo", "--out", ".", "--customers", "1000", "-q"]);
    project.ok(&["run", "-q"]);
    for version in ["2026-Q1.1", "2026-Q1.2"] {
        let same = project.ok(&["verify", version, "--threads", "1"]);
        assert!(same.out.starts_with("identical: ") && !same.out.contains("note"), "{}", same.out);
    }
    // The rows in another order, and in two files.
    let orders = project.text("orders.csv");
    let (header, rows) = orders.split_once('\n').unwrap();
    let mut lines: Vec<&str> = rows.lines().collect();
    lines.reverse();
    let (first, second) = lines.split_at(lines.len() / 3);
    project.write("orders.csv", format!("{header}\n{}\n", first.join("\n")));
    project.write("orders-2.csv", format!("{header}\n{}\n", second.join("\n")));
    let config = "models/demo-shop/2026-Q1.1/config.toml";
    assert!(project.text(config).contains("path = \"orders.csv\""));
    let missing = project.ilk(&["verify", "2026-Q1.1"]);
    assert!(
        missing.status == 1 && missing.out.starts_with("differs: input: orders.csv, from which: "),
        "{}",
        missing.out
    );
    lines.rotate_left(17);
    project.write("orders.csv", format!("{header}\n{}\n", lines.join("\n")));
    let same = project.ok(&["verify", "2026-Q1.2"]);
    assert!(same.out.contains("note: orders.csv is not the file of then, with the same content"), "{}", same.out);
    project.write("orders.csv", &orders);

    let tampered = |file: &str, change: &dyn Fn(&str) -> String, said: &str| {
        let before = project.read(file);
        match String::from_utf8(before.clone()) {
            Ok(text) => project.write(file, change(&text)),
            Err(_) => project.write(file, [&before[..], b"x"].concat()),
        };
        let found = project.ilk(&["verify", "2026-Q1.2"]);
        assert!(found.status == 1 && found.out.contains(said), "{file}: {}{}", found.out, found.err);
        project.write(file, before);
    };
    let last_gone = |text: &str| text.trim_end().rsplit_once('\n').unwrap().0.to_string() + "\n";
    let folder = |file: &str| format!("models/demo-shop/2026-Q1.2/{file}");
    let other = |text: &str| text.replace("demo-shop", "demo-shup");
    for file in
        ["model.json", "config.toml", "lineage.json", "assignments.parquet", "features.parquet", "assignments.csv"]
    {
        let change: &dyn Fn(&str) -> String =
            if file == "lineage.json" { &|text| text.replace("survived", "drifted") } else { &other };
        tampered(&folder(file), change, &format!("differs: {file} of demo-shop/2026-Q1.2 does not match its hash"));
    }
    tampered("orders.csv", &last_gone, "differs: input: orders.csv, from which: feature ");
    tampered("events.csv", &last_gone, "differs: input: events.csv, from which: feature ");
    let older = |text: &str| text.replacen(",50,", ",51,", 1);
    tampered("customers.csv", &older, "differs: input: customers.csv, from which: feature age: 1 customers");
    tampered("surveys.csv", &last_gone, "differs: input: surveys.csv, from which: feature ");
    let without = |text: &str| text.lines().filter(|l| !l.contains("C000001")).collect::<Vec<_>>().join("\n");
    tampered("orders.csv", &without, "customers: 999 now, 1000 then, such as C000001");
    project.ok(&["verify"]);
}

#[test]
fn a_customer_is_forgotten_everywhere_and_that_is_proved() {
    let project = Project::new();
    project.ok(&["demo", "--out", ".", "--customers", "600", "-q"]);
    project.edit("n_clusters = \"auto\"", "n_clusters = 3");
    project.ok(&["run", "-q"]);
    let mentions = |file: &str| project.text(file).lines().filter(|line| line.starts_with("C000007,")).count();
    let all = |file: &str| project.text(file).lines().count();
    let file = "models/demo-shop/2026-Q1.1/assignments.csv";
    assert_eq!((mentions(file), all(file)), (1, 601));
    let forgot = project.ok(&["forget", "C000007"]);
    assert!(forgot.out.contains("of 2 versions") && forgot.out.contains("Proof: none of the "), "{}", forgot.out);
    assert!(forgot.out.contains("orders.csv"), "{}", forgot.out);
    for version in ["2026-Q1.1", "2026-Q1.2"] {
        let file = format!("models/demo-shop/{version}/assignments.csv");
        assert_eq!((mentions(&file), all(&file)), (0, 600));
        let gone = project.ilk(&["why", "C000007", "--model", &format!("demo-shop/{version}")]);
        assert!(gone.status != 0 && gone.err.contains("E0504"), "{}", gone.err);
        project.ok(&["why", "C000008", "--model", &format!("demo-shop/{version}")]);
    }
    let again = project.ilk(&["forget", "C000007"]);
    assert!(again.status != 0 && again.err.contains("E0504"), "{}", again.err);
    // A file that was put there by hand is found.
    project.write("reports/2026-Q1/notes.txt", "call C000008 back");
    let left = project.ilk(&["forget", "C000008"]);
    assert!(left.err.contains("E0616") && left.err.contains("notes.txt"), "{}", left.err);
    project.ok(&["run", "-q"]);
}

/// The same rows as Parquet, with the types that are read from them.
fn as_parquet(csv: &[u8]) -> Vec<u8> {
    use polars::prelude::{CsvReadOptions, ParquetWriter, SerReader};
    let options = CsvReadOptions::default().with_infer_schema_length(None);
    let mut frame = options.into_reader_with_file_handle(std::io::Cursor::new(csv.to_vec())).finish().unwrap();
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes).finish(&mut frame).unwrap();
    bytes
}

#[test]
fn one_file_ten_files_and_parquet_are_identical() {
    let project = Project::new();
    project.ok(&["demo", "--out", ".", "--customers", "500", "--data-only", "-q"]);
    project.edit("path        = \"orders.csv\"", "path        = \"orders*\"");
    project.ok(&["run", "-q"]);
    let orders = project.text("orders.csv");
    let (header, rows) = orders.split_once('\n').unwrap();
    std::fs::remove_file(project.file("orders.csv")).unwrap();
    let lines: Vec<&str> = rows.lines().collect();
    for (number, part) in lines.chunks(lines.len().div_ceil(10)).enumerate() {
        project.write(&format!("orders-{number}.csv"), format!("{header}\n{}\n", part.join("\n")));
    }
    let ten = project.ok(&["verify"]);
    assert!(
        ten.out.starts_with("identical: ") && ten.out.contains("orders-9.csv is not the file of then"),
        "{}",
        ten.out
    );
    (0..10).for_each(|number| std::fs::remove_file(project.file(&format!("orders-{number}.csv"))).unwrap());
    project.write("orders.parquet", as_parquet(orders.as_bytes()));
    let packed = project.ok(&["verify", "--threads", "1"]);
    assert!(
        packed.out.starts_with("identical: ") && packed.out.contains("orders.parquet is not the"),
        "{}",
        packed.out
    );
}

#[test]
fn who_moved_is_told_by_one_model_and_as_scoring_both_days_would() {
    let project = Project::new();
    project.ok(&["demo", "--out", ".", "--customers", "2000", "-q"]);
    for window in ["all", "365d"] {
        if window != "all" {
            project.edit("window = \"all\"", "window = \"365d\"");
        }
        let run = project.ok(&["run"]);
        assert!(
            run.err.contains("look back") && run.err.contains("went to another segment; a year before"),
            "{}",
            run.err
        );
        // Read again up to that day, by another way than the one that is held against it.
        let mut on = BTreeMap::new();
        for day in ["2025-12-31", "2026-03-31"] {
            project.ok(&[
                "assign",
                "orders.csv",
                "customers.csv",
                "events.csv",
                "surveys.csv",
                "--model",
                "demo-shop/@latest",
                "--as-of",
                day,
                "--out",
                "day.csv",
                "--replace",
                "-q",
            ]);
            let text = project.text("day.csv");
            let segments = column(&text, "customer_id").into_iter().zip(column(&text, "segment_id"));
            on.insert(day, segments.filter(|(_, segment)| segment.starts_with('S')).collect::<BTreeMap<_, _>>());
        }
        let (then, now) = (&on["2025-12-31"], &on["2026-03-31"]);
        project.ok(&["migrate", "--out", "moves.csv", "--replace", "-q"]);
        let moves = project.text("moves.csv");
        let told = column(&moves, "customer_id").into_iter();
        let told = told.zip(column(&moves, "segment_then").into_iter().zip(column(&moves, "segment_now")));
        let told: BTreeMap<String, (String, String)> = told.collect();
        let all: std::collections::BTreeSet<&String> = then.keys().chain(now.keys()).collect();
        let of = |day: &BTreeMap<String, String>, id: &String| day.get(id).cloned().unwrap_or_default();
        let expected: BTreeMap<String, (String, String)> =
            all.into_iter().map(|id| (id.clone(), (of(then, id), of(now, id)))).collect();
        assert_eq!(told, expected);
        // The report tells the same, but for flows of fewer than ten.
        let report = json(&project, "reports/2026-Q1/report.json");
        let last = &report["migration"]["last"];
        let changed = expected.values().filter(|(a, b)| !a.is_empty() && !b.is_empty() && a != b).count();
        assert_eq!(last["changed"].as_u64().unwrap() as usize, changed);
        assert!(last["chance"].as_f64().unwrap() < 0.05, "{last}");
        for flow in last["flows"].as_array().unwrap() {
            let place = |key: &str| flow[key].as_str().unwrap_or_default().to_string();
            let pair = (place("from"), place("to"));
            let count = expected.values().filter(|moved| **moved == pair).count();
            assert!(count >= 10 && flow["customers"].as_u64().unwrap() as usize == count, "{flow}");
        }
        assert!(!report["migration"]["year_before"].is_null());
        assert_eq!(report["migration"]["cumulative"], window == "all");
    }
    let page = project.text("reports/2026-Q1/report.html");
    assert!(page.contains("id=\"alluvial\"") && page.contains("Whether the model before still fits"));
    let early = project.ilk(&["migrate", "2000-01-01", "2026-03-31"]);
    assert!(early.err.contains("E0401") && early.err.contains("nobody had ordered by 2000-01-01"), "{}", early.err);
    let turned = project.ilk(&["migrate", "2026-03-31", "2025-12-31"]);
    assert!(turned.status == 2 && turned.err.contains("help: ilk migrate 2025-12-31 2026-03-31"), "{}", turned.err);
}
