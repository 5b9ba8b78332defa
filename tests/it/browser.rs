//! The report as a browser sees it: headless Chromium, with and without JavaScript.

use crate::project::Project;
use std::path::Path;
use std::process::{Command, Output};

/// Chromium's own errands, which have nothing to do with a page.
const OWN_ERRANDS: [&str; 3] = ["google.com/", "googleapis.com/", "gvt1.com/"];

fn chromium() -> Option<&'static str> {
    let found = ["chromium", "google-chrome", "chromium-browser"]
        .into_iter()
        .find(|name| Command::new(name).arg("--version").output().is_ok_and(|o| o.status.success()));
    if found.is_none() {
        assert!(std::env::var("ILK_REQUIRE_CHROMIUM").as_deref() != Ok("1"), "Chromium is required and absent");
        eprintln!("left out: Chromium is not installed (scripts/test installs it)");
    }
    found
}

fn browse(program: &str, home: &Path, page: &Path, arguments: &[&str]) -> Output {
    let profile = tempfile::tempdir_in(home).unwrap();
    Command::new(program)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"])
        .args([
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--enable-logging=stderr",
        ])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args(arguments)
        .arg(format!("file://{}", page.display()))
        .output()
        .unwrap()
}

#[test]
fn the_report_reads_the_same_without_javascript_and_asks_nobody_for_anything() {
    let Some(program) = chromium() else { return };
    let project = Project::new();
    project.ok(&["demo", "--out", ".", "--customers", "2000", "-q"]);
    let page = project.file("reports/2026-Q1/report.html");
    let log = project.file("net.json");

    let seen = browse(program, project.path(), &page, &["--dump-dom", &format!("--log-net-log={}", log.display())]);
    let dom = String::from_utf8_lossy(&seen.stdout).into_owned();
    let report: serde_json::Value = serde_json::from_str(&project.text("reports/2026-Q1/report.json")).unwrap();
    let segments = report["segments"].as_array().unwrap();
    assert!(segments.len() > 1);
    for segment in segments {
        let name = segment["persona"]["name"].as_str().unwrap();
        assert!(dom.contains(name), "{name} is not in the page");
    }
    let said = String::from_utf8_lossy(&seen.stderr).into_owned();
    assert!(!said.contains(":CONSOLE"), "{said}");

    let network = std::fs::read_to_string(&log).unwrap();
    assert!(network.contains("\"events\""), "no network log was written");
    for url in network.split("\"url\":\"").skip(1).filter_map(|rest| rest.split('"').next()) {
        let own = OWN_ERRANDS.iter().any(|errand| url.contains(errand));
        assert!(own || !url.starts_with("http"), "the page asked for {url}");
    }

    // Headless Chromium needs its own scripting to take a picture, so scripts are forbidden to the page instead.
    let text = std::fs::read_to_string(&page).unwrap();
    let policy = "<meta http-equiv=\"Content-Security-Policy\" content=\"script-src 'none'\"><title>";
    let forbidden = project.write("forbidden.html", text.replacen("<title>", policy, 1));
    let picture = |name: &str, page: &Path| {
        let path = project.file(name);
        let shot = format!("--screenshot={}", path.display());
        browse(program, project.path(), page, &["--window-size=1200,4000", &shot]);
        std::fs::read(&path).unwrap()
    };
    let (with, without) = (picture("with.png", &page), picture("without.png", &forbidden));
    assert!(with.len() > 50_000, "the page is almost empty: {} bytes of picture", with.len());
    assert!(with == without, "the page looks different without JavaScript");
}

/// Where axe-core is; scripts/test fetches it.
fn axe() -> Option<String> {
    let found = std::env::var("ILK_AXE").ok().filter(|path| Path::new(path).is_file());
    if found.is_none() {
        assert!(std::env::var("ILK_REQUIRE_CHROMIUM").as_deref() != Ok("1"), "axe-core is required and absent");
        eprintln!("left out: axe-core is not there (scripts/test fetches it)");
    }
    found
}

/// What is wrong with a page at both widths, light and dark: one line each.
fn measure(program: &str, folder: &Path) -> Vec<String> {
    let axe = axe().map_or("null".to_string(), |path| format!("\"{path}\""));
    let harness = folder.join("measure.html");
    std::fs::write(&harness, include_str!("measure.html").replace("= AXE;", &format!("= {axe};"))).unwrap();
    let mut wrong = Vec::new();
    for (name, scheme, ground) in [("light", "1", "rgb(255, 255, 255)"), ("dark", "0", "rgb(17, 24, 39)")] {
        let arguments = [
            "--allow-file-access-from-files",
            "--window-size=1500,1100",
            "--virtual-time-budget=60000",
            "--dump-dom",
            &format!("--blink-settings=preferredColorScheme={scheme}"),
        ];
        let seen = browse(program, folder, &harness, &arguments);
        let said = String::from_utf8_lossy(&seen.stderr).into_owned();
        if said.contains(":CONSOLE") {
            wrong.push(format!("{name}: {said}"));
        }
        let dom = String::from_utf8_lossy(&seen.stdout).into_owned();
        let results =
            dom.split("<pre id=\"results\">").nth(1).unwrap_or_else(|| panic!("nothing was measured:\n{dom}"));
        let text = results.split("</pre>").next().unwrap();
        let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
        let results: serde_json::Value = serde_json::from_str(&text).unwrap();
        let results = results.as_array().unwrap();
        assert_eq!(results.len(), 2);
        for result in results {
            assert_eq!(result["ground"], ground, "{name} was not shown");
            let lines = |of: &str| result[of].as_array().cloned().unwrap_or_default();
            let serious = lines("axe").into_iter().filter(|line| !line.as_str().unwrap().starts_with("minor"));
            wrong.extend(
                lines("found").into_iter().chain(serious).map(|line| format!("{name}, {}: {line}", result["width"])),
            );
        }
    }
    wrong
}

/// The number of pages of a print, and their text is there.
fn print(program: &str, folder: &Path, page: &Path) -> usize {
    let file = folder.join("report.pdf");
    browse(program, folder, page, &["--no-pdf-header-footer", &format!("--print-to-pdf={}", file.display())]);
    let pdf = std::fs::read(&file).unwrap();
    assert!(pdf.starts_with(b"%PDF-"));
    let mark = b"/Type /Page\n";
    pdf.windows(mark.len()).filter(|window| window == mark).count()
}

fn looks_right(program: &str, project: &Project, folder: &str) {
    let folder = project.file(folder);
    assert_eq!(measure(program, &folder), Vec::<String>::new());
    let cards = std::fs::read_to_string(folder.join("report.html")).unwrap().matches("class=\"card ").count();
    let pages = print(program, &folder, &folder.join("report.html"));
    assert!((cards + 4..=cards + 40).contains(&pages), "{pages} pages for {cards} cards");
}

#[test]
fn what_is_wrong_with_a_page_is_found() {
    let Some(program) = chromium() else { return };
    let project = Project::new();
    let svg = |id: &str, inside: &str| {
        format!(
            "<figure id=\"{id}\"><div class=\"chart\"><svg viewBox=\"0 0 200 50\" width=\"200\" height=\"50\">{inside}</svg></div></figure>"
        )
    };
    let page = format!(
        "<!doctype html><html lang=\"en\"><title>x</title><style>body{{background:#fff;margin:0}}@media (prefers-color-scheme:dark){{body{{background:#111827}}}}</style>\
         <main><h1>x</h1><div style=\"width:2000px\">wide</div>{}{}{}<img src=\"data:image/gif;base64,R0lGODlhAQABAAAAACw=\"></main></html>",
        svg(
            "over",
            "<title>t</title><desc>d</desc><text x=\"5\" y=\"20\" fill=\"#000\">one</text><text x=\"15\" y=\"20\" fill=\"#000\">two</text>"
        ),
        svg("cut", "<title>t</title><desc>d</desc><text x=\"180\" y=\"20\">far too long</text>"),
        svg("mute", "<text x=\"5\" y=\"20\" fill=\"#999\">pale</text>"),
    );
    project.write("report.html", page);
    let wrong = measure(program, project.path()).join("\n");
    for said in [
        "the page is",
        "over: \\\"one\\\" runs into \\\"two\\\"",
        "cut: \\\"far too long\\\" is cut",
        "mute has no title",
        "mute has no desc",
        "mute has no data table",
        "mute: \\\"pale\\\" in",
        "critical: image-alt",
    ] {
        assert!(wrong.contains(said), "{said}\n{wrong}");
    }
}

#[test]
fn the_demos_report_looks_right() {
    let Some(program) = chromium() else { return };
    let project = Project::new();
    project.ok(&["demo", "--out", ".", "-q"]);
    assert!(project.read("reports/2026-Q1/report.html").len() < 1_000_000);
    looks_right(program, &project, "reports/2026-Q1");
    // In three files it looks the same, and a strict policy finds nothing to forbid.
    project.ok(&["report", "--assets", "split", "-q"]);
    let page = project.text("reports/2026-Q1/report.html");
    let policy = "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src file:; script-src file:\"><title>";
    let strict = project.write("reports/2026-Q1/strict.html", page.replacen("<title>", policy, 1));
    let seen = browse(program, project.path(), &strict, &["--dump-dom"]);
    let said = String::from_utf8_lossy(&seen.stderr).into_owned();
    assert!(!said.contains(":CONSOLE"), "{said}");
    let dom = String::from_utf8_lossy(&seen.stdout).into_owned();
    assert!(dom.contains("class=\"sort\""), "the script did not run");
    assert_eq!(measure(program, &project.file("reports/2026-Q1")), Vec::<String>::new());
}

#[test]
fn reports_of_real_customers_look_right() {
    let Some(program) = chromium() else { return };
    if let Some(project) = crate::real_data::online_retail() {
        looks_right(program, &project, "reports/2011-Q4");
    }
    if let Some((project, ..)) = crate::projects::complete_journey() {
        looks_right(program, &project, "reports/2018-Q1");
    }
}
