//! What ends up in somebody's library besides our own code: licences, sources
//! and doubles of the crates, as `deny.toml` has them for cargo-deny.
#![allow(
    clippy::panic,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "tests fail by panicking"
)]

mod tools;

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use tools::{SHORT, root, run};

/// The list in quotes behind `key = [` in deny.toml.
fn denied(key: &str) -> BTreeSet<String> {
    let text = std::fs::read_to_string(root().join("deny.toml")).expect("deny.toml");
    let (_, rest) = text.split_once(&format!("\n{key} = [")).expect("the key");
    let (list, _) = rest.split_once(']').expect("its end");
    list.split('"').skip(1).step_by(2).map(String::from).collect()
}

/// The crates that are linked in, with all features: name, version, licence.
fn linked() -> BTreeSet<(String, String, String)> {
    let mut tree = Command::new(env!("CARGO"));
    tree.current_dir(root())
        .args(["tree", "--locked", "--edges", "normal", "--all-features", "--prefix", "none"])
        .args(["--format", "{p}\t{l}"]);
    let listed = run(&mut tree, "", SHORT).exited(0).stdout;
    let crates = listed.lines().filter(|line| !line.contains("(proc-macro)")).map(|line| {
        let (package, licence) = line.split_once('\t').expect("a tab");
        let mut words = package.split(' ');
        let name = words.next().expect("a name").to_owned();
        let version = words.next().expect("a version").to_owned();
        (name, version, licence.trim_end_matches(" (*)").to_owned())
    });
    crates.collect()
}

#[test]
fn every_licence_is_allowed() {
    let allowed = denied("allow");
    assert!(allowed.len() > 3, "{allowed:?}");
    for (name, version, licence) in linked() {
        let plain = licence.replace(['(', ')'], "").replace('/', " OR ");
        let good = plain
            .split(" AND ")
            .all(|part| part.split(" OR ").any(|choice| allowed.contains(choice.trim())));
        assert!(good, "{name} {version}: {licence}");
    }
}

#[test]
fn no_crate_is_banned_or_there_twice() {
    let banned = denied("deny");
    // What procedural macros are made of runs while building only.
    let build_only = ["syn", "quote", "proc-macro2", "unicode-ident"];
    let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, version, _) in linked() {
        assert!(!banned.contains(&name), "{name}");
        versions.entry(name).or_default().insert(version);
    }
    for (name, versions) in versions {
        assert!(versions.len() == 1 || build_only.contains(&&*name), "{name}: {versions:?}");
    }
}

#[test]
fn every_crate_comes_from_the_registry() {
    for lock in ["Cargo.lock", "fuzz/Cargo.lock"] {
        let text = std::fs::read_to_string(root().join(lock)).expect("the lock file");
        for package in text.split("[[package]]").skip(1) {
            let name = package.split('"').nth(1).expect("a name");
            if name.starts_with("wskt") {
                continue;
            }
            assert!(
                package.contains("\"registry+https://github.com/rust-lang/crates.io-index\"")
                    && package.contains("checksum = "),
                "{lock}: {package}"
            );
        }
    }
}
