//! Whatever happens to a run, the last complete version loads and the next run needs no cleaning.

use crate::project::Project;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

fn small_shop() -> Project {
    let project = Project::new();
    project.ok(&["demo", "--out", ".", "--customers", "600", "-q"]);
    project
}

fn versions(project: &Project) -> Vec<String> {
    let entries = std::fs::read_dir(project.file("models/demo-shop")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    let mut found: Vec<String> = names.filter(|name| name.starts_with("2026")).collect();
    found.sort();
    found
}

fn left_behind(project: &Project) -> usize {
    ["models/demo-shop", "reports"]
        .iter()
        .flat_map(|folder| std::fs::read_dir(project.file(folder)).unwrap())
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with(".tmp"))
        .count()
}

fn started(project: &Project, arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_ilk"))
        .args(arguments)
        .current_dir(project.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// More kills by `ILK_KILLS=200`.
#[test]
fn killed_at_any_moment_the_last_complete_version_loads() {
    let kills: u32 = std::env::var("ILK_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(12);
    let project = small_shop();
    let begun = Instant::now();
    project.ok(&["run", "-q"]);
    let (whole, mut landed, mut history) = (begun.elapsed(), 0, 0);
    for kill in 0..kills {
        let before = versions(&project).len();
        // Mostly while it writes, which is the end of a run.
        let part = (f64::from(kill) + 0.5) / f64::from(kills);
        let mut run = started(&project, &["run", "-q"]);
        std::thread::sleep(whole.mul_f64(part.sqrt()));
        run.kill().unwrap();
        run.wait().unwrap();
        landed += versions(&project).len() - before;
        // What an interrupted replacement must not lose: every report of before.
        let reports = project.file("reports/2026-Q1/history");
        let kept = std::fs::read_dir(&reports).map_or(0, Iterator::count);
        assert!(kept >= history, "{kept} reports in history, {history} before");
        history = kept;
        // The newest by its alias, and every version that is there.
        project.ok(&["why", "C000001", "-q"]);
        project.ok(&["history", "-q"]);
        project.ok(&["report", "-q"]);
        let mut promotion = started(&project, &["promote", "2026-Q1.1"]);
        std::thread::sleep(Duration::from_millis(u64::from(kill % 20)));
        promotion.kill().unwrap();
        promotion.wait().unwrap();
        project.ok(&["history", "-q"]);
    }
    println!("{kills} kills, {landed} of them after the version was complete");
    project.ok(&["run", "-q"]);
    assert_eq!(left_behind(&project), 0);
    project.ok(&["promote", "2026-Q1.1", "-q"]);
    project.ok(&["why", "C000001", "--model", "demo-shop/@champion", "-q"]);
}

#[test]
fn a_full_disk_is_said_and_leaves_all_as_it_was() {
    let project = small_shop();
    let before = versions(&project);
    // A limit of 20 KB per file stands for a full disk: writing fails in the middle of a file.
    let script = "trap '' XFSZ; ulimit -f 40; exec \"$0\" run -q";
    let output = Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_ilk")])
        .current_dir(project.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("E0611") && said.contains("earlier versions are as they were"), "{said}");
    assert_eq!(output.status.code(), Some(5), "{said}");
    assert_eq!(versions(&project), before);
    assert_eq!(left_behind(&project), 0);
    project.ok(&["why", "C000001", "-q"]);
    project.ok(&["run", "-q"]);
}

#[test]
fn a_second_run_is_told_who_holds_the_project() {
    let project = small_shop();
    let _ = std::fs::remove_file(project.file(".ilk/lock"));
    let mut first = started(&project, &["run", "-q"]);
    let begun = Instant::now();
    while !std::fs::read_to_string(project.file(".ilk/lock")).is_ok_and(|text| text.contains("UTC")) {
        assert!(begun.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(2));
    }
    let second = project.ilk(&["run"]);
    assert_eq!(second.status, 5, "{}", second.err);
    let holder = format!("E0613]: another run (pid {}, since ", first.id());
    assert!(second.err.contains(&holder), "{}", second.err);
    let mut waiting = started(&project, &["run", "-q", "--wait"]);
    assert!(first.wait().unwrap().success());
    assert!(waiting.wait().unwrap().success());
    // What the kill of another left is said and counts for nothing.
    let before = versions(&project);
    std::fs::create_dir(project.file("models/demo-shop/.tmp-1")).unwrap();
    let next = project.ok(&["run"]);
    assert!(next.err.contains("an unfinished run was found and removed: nothing of it counts  W0617"), "{}", next.err);
    assert_eq!(versions(&project).len(), before.len() + 1);
    assert_eq!(left_behind(&project), 0);
}
