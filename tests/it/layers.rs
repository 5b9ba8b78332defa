//! Who may import whom: a module imports only from lower layers, siblings never import each other, and each heavy
//! dependency has its home.

use std::path::{Path, PathBuf};

/// Modules from low to high; those in one entry are siblings.
const LAYERS: [&[&str]; 9] = [
    &["error"],
    &["data", "features", "shop"],
    &["cluster"],
    &["engine", "evidence"],
    &["segment"],
    &["report", "export"],
    &["config"],
    &["pipeline", "store"],
    &["cli"],
];

/// What may be imported beside its layer, with the reason.
const ALLOWED: [(&str, &str, &str); 1] = [("store", "config", "store names the file that config describes")];

/// Dependencies and where they live.
const HOMES: [(&str, &[&str]); 7] = [
    ("polars", &["data", "engine", "export"]),
    ("linfa_clustering", &["cluster"]),
    ("linfa_nn", &["cluster", "evidence"]),
    ("plotters", &["report"]),
    ("resvg", &["report"]),
    ("clap", &["cli", "main"]),
    ("indicatif", &["cli"]),
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|l| l.contains(&module))
}

/// The lines above the unit tests: those may use anything.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .take_while(|l| l.trim() != "#[cfg(test)]")
        .enumerate()
        .filter(|(_, l)| !l.trim_start().starts_with("//"))
}

#[test]
fn modules_import_only_from_lower_layers() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    assert!(files.len() > 40, "the sources were not found");
    let mut wrong = Vec::new();
    for file in files {
        let inside = file.strip_prefix(&root).unwrap();
        let module = inside.components().next().unwrap().as_os_str().to_string_lossy().replace(".rs", "");
        let text = std::fs::read_to_string(&file).unwrap();
        if module == "lib" {
            continue;
        }
        for (number, line) in code(&text) {
            let at = format!("{}:{}", inside.display(), number + 1);
            for part in line.split("crate::").skip(1) {
                let name: String = part.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                let (Some(own), Some(other)) = (layer(&module), layer(&name)) else { continue };
                let allowed = ALLOWED.iter().any(|(a, b, _)| *a == module && *b == name);
                if name != module && other >= own && !allowed {
                    wrong.push(format!("{at}: {module} may not import {name}"));
                }
            }
            for (dependency, homes) in HOMES {
                let used = line.contains(&format!("{dependency}::")) && !line.contains(&format!("::{dependency}::"));
                if used && !homes.contains(&module.as_str()) {
                    wrong.push(format!("{at}: {dependency} lives in {}", homes.join(", ")));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn unsafe_code_is_denied() {
    let manifest = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    assert!(manifest.contains("unsafe_code = \"deny\""));
}
