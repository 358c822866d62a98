//! The code is held against ARCHITECTURE.md: imports, owners of crates, sizes and first lines of files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// No file is longer, so that each can be read at one sitting.
const LONGEST_FILE: usize = 400;

/// Names that say nothing of what lives there.
const DRAWERS: [&str; 8] = ["util", "utils", "helper", "helpers", "common", "misc", "types", "manager"];

struct Room {
    may_use: BTreeSet<String>,
    owns: BTreeSet<String>,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rooms() -> BTreeMap<String, Room> {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let table =
        text.split("<!-- rooms:begin -->").nth(1).unwrap().split("<!-- rooms:end -->").next().unwrap();
    let words =
        |cell: &str| -> BTreeSet<String> { cell.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
    table
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').collect();
            let name = words(cells[0]).into_iter().next().unwrap();
            (name, Room { may_use: words(cells[1]), owns: words(cells[2]) })
        })
        .collect()
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The room that a file belongs to; none for the crate's own two files.
fn room_of(file: &Path) -> Option<String> {
    let relative = file.strip_prefix(root().join("src")).unwrap();
    let first = relative.components().next().unwrap().as_os_str().to_str().unwrap();
    let name = first.trim_end_matches(".rs");
    (!matches!(name, "lib" | "main")).then(|| name.to_owned())
}

/// The code without comments and without its unit tests, which may look further.
fn code(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    let text = text.split("#[cfg(test)]\nmod").next().unwrap_or("").to_owned();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The names of the crate that a file's code uses, by `crate::` or by as many `super::` as lead out of its room.
fn used(relative: &Path, code: &str) -> Vec<String> {
    let word = |at: usize| -> String {
        code[at..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
    };
    let mut names = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        names.push(word(at + "crate::".len()));
    }
    // A `mod.rs` is its folder's module; any other file is a module of its own below it.
    let stem = relative.file_stem().unwrap();
    let depth = relative.components().count() - usize::from(stem == "mod");
    let mut at = 0;
    while let Some(found) = code[at..].find("super::") {
        at += found;
        let mut steps = 0;
        while code[at..].starts_with("super::") {
            at += "super::".len();
            steps += 1;
        }
        if steps >= depth {
            names.push(word(at));
        }
    }
    names
}

#[test]
fn imports_go_down_the_table() {
    let rooms = rooms();
    let mut wrong = Vec::new();
    for file in rust_files(&root().join("src")) {
        let Some(name) = room_of(&file) else { continue };
        let Some(room) = rooms.get(&name) else {
            wrong.push(format!("`{name}` is not in the table of ARCHITECTURE.md"));
            continue;
        };
        for used in used(file.strip_prefix(root().join("src")).unwrap(), &code(&file)) {
            let used = if used == "ContentHash" { "hash".to_owned() } else { used };
            if used != name && !room.may_use.contains(&used) {
                wrong.push(format!("{} uses `{used}`", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "against the table of ARCHITECTURE.md:\n{}", wrong.join("\n"));
}

#[test]
fn a_way_out_of_a_room_is_seen_however_it_is_spelt() {
    let found = |file: &str, code: &str| used(Path::new(file), code);
    assert_eq!(found("text/mod.rs", "use super::store::Store;"), ["store"]);
    assert_eq!(found("text/split.rs", "use super::span; use super::super::store;"), ["store"]);
    assert_eq!(
        found("cli/commands/runs.rs", "use super::super::job; use super::super::super::store;"),
        ["store"]
    );
    assert_eq!(found("hash.rs", "use super::store; use crate::text;"), ["text", "store"]);
    assert!(found("cli/commands/mod.rs", "pub(in super::super) use super::args;").is_empty());
}

#[test]
fn every_crate_has_one_owner() {
    let rooms = rooms();
    let owner: BTreeMap<&str, &str> = rooms
        .iter()
        .flat_map(|(name, room)| room.owns.iter().map(move |owned| (owned.as_str(), name.as_str())))
        .collect();
    let mut wrong = Vec::new();
    for file in rust_files(&root().join("src")) {
        let Some(name) = room_of(&file) else { continue };
        let code = code(&file);
        for (owned, owner) in &owner {
            let named = code
                .match_indices(&format!("{owned}::"))
                .any(|(at, _)| !code[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_'));
            if named && name != **owner {
                wrong.push(format!("{} names `{owned}`, which belongs to `{owner}`", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_says_what_it_is_and_can_be_read_at_one_sitting() {
    let mut wrong = Vec::new();
    let folders = ["src", "tests", "benches", "examples"];
    for file in folders
        .iter()
        .map(|folder| root().join(folder))
        .filter(|folder| folder.is_dir())
        .flat_map(|folder| rust_files(&folder))
    {
        let text = fs::read_to_string(&file).unwrap();
        let name = file.file_stem().unwrap().to_str().unwrap();
        let lines = text.lines().count();
        if !text.starts_with("//!") {
            wrong.push(format!("{} does not begin with //!", file.display()));
        }
        if lines > LONGEST_FILE {
            wrong.push(format!("{} has {lines} lines", file.display()));
        }
        if DRAWERS.contains(&name) {
            wrong.push(format!("{} is a drawer", file.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_test_file_is_part_of_the_test_binary() {
    let folder = root().join("tests/it");
    for file in rust_files(&folder) {
        let stem = file.file_stem().unwrap().to_str().unwrap();
        let parent = file.parent().unwrap();
        if stem == "main" || (stem == "mod" && parent == folder) {
            continue;
        }
        let (declared_in, name) = if stem == "mod" {
            (parent.parent().unwrap(), parent.file_name().unwrap().to_str().unwrap())
        } else {
            (parent, stem)
        };
        let door = if declared_in == folder { folder.join("main.rs") } else { declared_in.join("mod.rs") };
        let text = fs::read_to_string(door).unwrap();
        assert!(text.contains(&format!("mod {name};")), "{} is not declared", file.display());
    }
}
