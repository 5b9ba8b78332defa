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
    assert!(!dom.contains("<script"));
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
