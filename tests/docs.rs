//! README and docs against what they speak of: paths, tables, snippets.
#![allow(
    clippy::panic,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "tests fail by panicking"
)]

mod tools;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tools::{SHORT, fresh_dir, root, run};
use wskt::close_code;
use wskt::config::{Config, TlsVersion};
use wskt::reconnect::{Delays, MAX_TRIES};

const DOCUMENTS: [&str; 7] = [
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "CHANGELOG.md",
    "docs/ARCHITECTURE.md",
    "docs/ABI.md",
    "docs/RELIABILITY.md",
];

/// The documents, and the chapters of the guide.
fn documents() -> Vec<String> {
    let chapters = fs::read_dir(root().join("docs/guide")).expect("the guide");
    let names = chapters.map(|entry| entry.expect("an entry").file_name());
    let mut all: Vec<String> =
        names.map(|name| format!("docs/guide/{}", name.to_str().expect("UTF-8"))).collect();
    all.sort();
    assert!(all.len() >= 8, "{all:?}");
    all.extend(DOCUMENTS.map(String::from));
    all
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// A document without its code blocks.
fn prose(text: &str) -> String {
    let mut prose = String::new();
    let mut in_block = false;
    for line in text.lines() {
        if line.starts_with("```") {
            in_block = !in_block;
        } else if !in_block {
            prose.push_str(line);
            prose.push(' ');
        }
    }
    prose
}

/// What stands between single backticks, outside code blocks.
fn quoted(text: &str) -> Vec<String> {
    prose(text).split('`').skip(1).step_by(2).map(String::from).collect()
}

/// The code blocks of a language. What is marked "c foreign" or "cpp foreign"
/// is the code of another library.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut block: Option<String> = None;
    for line in text.lines() {
        match &mut block {
            None if line == format!("```{language}") => block = Some(String::new()),
            Some(_) if line == "```" => all.extend(block.take()),
            Some(block) => {
                block.push_str(line);
                block.push('\n');
            }
            None => {}
        }
    }
    all
}

/// The part of a document under a heading of the second level.
fn chapter<'a>(text: &'a str, title: &str) -> &'a str {
    let (_, rest) = text
        .split_once(&format!("\n## {title}\n"))
        .unwrap_or_else(|| panic!("there is no chapter {title:?}"));
    rest.split("\n## ").next().unwrap_or(rest)
}

/// The cells of a table's rows, without its head.
fn rows(chapter: &str) -> Vec<Vec<&str>> {
    let lines = chapter.lines().filter(|line| line.starts_with('|')).skip(2);
    lines.map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect()).collect()
}

/// The functions of the header in order, each with its comment.
fn functions() -> Vec<(String, String)> {
    let header = read("include/wskt.h");
    let mut all = Vec::new();
    for part in header.split("\nWSKT_API").skip(1) {
        let name = part.split('(').next().and_then(|head| {
            let name = head.rsplit([' ', '*', '\n']).next()?;
            name.starts_with("wskt_").then(|| name.to_owned())
        });
        let end = part.as_ptr() as usize - header.as_ptr() as usize;
        let before = header.get(..end).unwrap_or_default();
        let comment = before.rsplit("/**").next().unwrap_or_default();
        let words: Vec<&str> = comment.split_whitespace().filter(|word| *word != "*").collect();
        all.push((name.unwrap_or_else(|| panic!("no name in {part}")), words.join(" ")));
    }
    assert!(all.len() > 70, "{all:?}");
    all
}

/// Rust sources under a directory, without tests, by path in the repository.
fn sources(dir: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut left = vec![PathBuf::from(dir)];
    while let Some(dir) = left.pop() {
        for entry in fs::read_dir(root().join(&dir)).expect("a directory") {
            let entry = entry.expect("an entry");
            let path = dir.join(entry.file_name());
            if entry.file_type().expect("its kind").is_dir() {
                left.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("tests.rs") {
                all.push(path.to_str().expect("UTF-8").to_owned());
            }
        }
    }
    all.sort();
    all
}

#[test]
fn every_path_named_exists() {
    let is_root = |name: &str| root().join(name).exists();
    for document in documents() {
        let text = read(&document);
        let mut paths = Vec::new();
        for word in quoted(&text) {
            let plain = word.chars().all(|c| c.is_ascii_alphanumeric() || "_-./".contains(c));
            let first = word.split('/').next().unwrap_or_default();
            let file = [".rs", ".md", ".toml", ".sh"].iter().any(|end| word.ends_with(end));
            if plain && (word.contains('/') && is_root(first) && !first.is_empty() || file) {
                paths.push(root().join(&word));
            }
        }
        for link in prose(&text).split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if !link.contains("://") {
                let folder = root().join(&document);
                paths.push(folder.parent().expect("a folder").join(link));
            }
        }
        assert!(document != "docs/ARCHITECTURE.md" || paths.len() > 30, "{paths:?}");
        for path in paths {
            // Built things are named, too.
            let built = path.starts_with(root().join("target"));
            assert!(built || path.exists(), "{document} names {}", path.display());
        }
    }
}

#[test]
fn the_map_of_modules_is_whole() {
    let named: BTreeSet<String> = quoted(&read("docs/ARCHITECTURE.md")).into_iter().collect();
    for source in sources("src") {
        let folders = Path::new(&source).ancestors().skip(1);
        let mut covers = folders.map(|folder| format!("{}/", folder.display()));
        let covered = named.contains(&source) || covers.any(|folder| named.contains(&folder));
        let is_list = source.ends_with("/mod.rs") && !named.contains(&source);
        assert!(covered || is_list, "docs/ARCHITECTURE.md does not tell what {source} is");
    }
}

/// `use` trees of tungstenite, as whole paths.
fn tungstenite_items(source: &str) -> Vec<String> {
    let shipped = source.split("#[cfg(test)]").next().unwrap_or_default();
    let mut all = Vec::new();
    for part in shipped.split("tungstenite::").skip(1) {
        let tree: String = part.chars().take_while(|c| !";()<".contains(*c)).collect();
        expand("tungstenite", tree.trim(), &mut all);
    }
    all
}

fn expand(before: &str, tree: &str, all: &mut Vec<String>) {
    match tree.split_once('{') {
        None => all.push(format!("{before}::{}", tree.trim())),
        Some((path, list)) => {
            let before = format!("{before}::{path}").trim_end_matches("::").to_owned();
            let list = list.rsplit_once('}').map_or(list, |(list, _)| list);
            // None of ours is nested deeper.
            assert!(!list.contains('{'), "{tree}");
            list.split(',').filter(|item| !item.trim().is_empty()).for_each(|item| {
                expand(&before, item.trim(), all);
            });
        }
    }
}

#[test]
fn tungstenite_items_are_listed_where_they_are() {
    let mut used: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for source in sources("src") {
        for item in tungstenite_items(&read(&source)) {
            used.entry(item).or_default().insert(source.clone());
        }
    }
    let architecture = read("docs/ARCHITECTURE.md");
    let listed: BTreeMap<String, BTreeSet<String>> =
        rows(chapter(&architecture, "What is used of tungstenite"))
            .into_iter()
            .filter(|row| row.first().is_some_and(|cell| cell.starts_with("`tungstenite::")))
            .map(|row| {
                let mut cells = row.iter().map(|cell| quoted(cell));
                let item = cells.next().unwrap_or_default().concat();
                (item, cells.next().unwrap_or_default().into_iter().collect())
            })
            .collect();
    assert_eq!(listed, used);
}

#[test]
fn the_program_of_the_readme_is_the_example() {
    let first = blocks(&read("README.md"), "c").into_iter().next();
    let example = read("examples-c/blocking.c");
    assert_eq!(first.as_deref(), Some(example.as_str()));
    assert!(example.lines().count() <= 32, "it should stay short");
}

/// Languages of the README, each with the file that is its program.
const PROGRAMS: [(&str, &str); 6] = [
    ("c", "examples-c/echo.c"),
    ("cpp", "examples-c/echo.cpp"),
    ("python", "bindings/python/examples/echo.py"),
    ("js", "bindings/node/examples/echo.js"),
    ("lua", "bindings/lua/examples/echo.lua"),
    ("go", "bindings/go/examples/echo/main.go"),
];

#[test]
fn the_program_in_six_languages_is_the_examples() {
    let readme = read("README.md");
    let part = chapter(&readme, "One program in six languages");
    for (language, example) in PROGRAMS {
        let program = blocks(part, language).into_iter().next();
        assert_eq!(program, Some(read(example)), "{example}");
    }
}

/// What a snippet that is no whole file may take for granted.
const BEFORE: &str = "\
#define _POSIX_C_SOURCE 200809L
#include <poll.h>
#include <stdio.h>
#include <wskt.h>
extern int your_fd;
void your_work(void);
void snippet(wskt_loop *loop, wskt_socket *socket, const wskt_event *event);
void snippet(wskt_loop *loop, wskt_socket *socket, const wskt_event *event)
{
    (void)loop;
    (void)socket;
    (void)event;
";

#[test]
fn every_snippet_compiles() {
    let dir = fresh_dir("snippets");
    let mut count = 0;
    for document in documents() {
        let text = read(&document);
        let c = blocks(&text, "c").into_iter().map(|snippet| (snippet, "cc", "c99", "c"));
        let cpp = blocks(&text, "cpp").into_iter().map(|snippet| (snippet, "c++", "c++17", "cpp"));
        for (snippet, compiler, standard, extension) in c.chain(cpp) {
            count += 1;
            let whole = snippet.contains("#include");
            let text = if whole { snippet } else { format!("{BEFORE}{snippet}}}\n") };
            let file = dir.join(format!("{count}.{extension}"));
            fs::write(&file, &text).expect("a file");
            let mut cc = Command::new(compiler);
            cc.arg(format!("-std={standard}"))
                .args(["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only"])
                .arg("-I")
                .arg(root().join("include"))
                .arg(&file);
            let done = run(&mut cc, "", SHORT);
            assert_eq!(done.status, Some(0), "{document}:\n{text}\n{}", done.stderr);
        }
    }
    assert!(count >= 25, "{count}");
}

#[test]
fn the_close_code_table_is_the_librarys() {
    let readme = read("README.md");
    let table = rows(chapter(&readme, "Close codes"));
    let yes = |is: bool| if is { "yes" } else { "no" };
    let mut next: u32 = 0;
    for row in &table {
        let [codes, name, meaning, send, appear] = row.as_slice() else {
            panic!("{row:?}");
        };
        let (first, last) = codes.split_once('–').unwrap_or((codes, codes));
        let (first, last): (u16, u16) = (first.parse().unwrap(), last.parse().unwrap());
        assert_eq!(u32::from(first), next, "{row:?}");
        next = u32::from(last) + 1;
        for code in first..=last {
            let text = |text: &std::ffi::CStr| text.to_str().expect("UTF-8").to_owned();
            assert_eq!(name.trim_matches('`'), text(close_code::name(code)), "{code}");
            assert_eq!(*meaning, text(close_code::text(code)), "{code}");
            assert_eq!(*send, yes(close_code::may_send(code)), "{code}");
            assert_eq!(*appear, yes(close_code::may_appear(code)), "{code}");
        }
    }
    assert_eq!(next, 65536);
}

#[test]
fn the_call_table_names_every_function_once() {
    let readme = read("README.md");
    let header: BTreeMap<String, String> = functions().into_iter().collect();
    let mut seen = BTreeSet::new();
    for row in rows(chapter(&readme, "Calls, threads, callbacks")) {
        let [calls, threads, callback] = row.as_slice() else {
            panic!("{row:?}");
        };
        for name in quoted(calls) {
            let comment = header.get(&name).unwrap_or_else(|| panic!("{name} is not in wskt.h"));
            assert!(seen.insert(name.clone()), "{name} is there twice");
            let (one, never, own) = (
                comment.contains("one at a time; not in a callback."),
                comment.contains("not in a callback."),
                comment.contains("not in a callback of the loop's own sockets"),
            );
            let legal =
                comment.contains("legal in a callback") || comment.contains("legal in every");
            match *callback {
                "no" => assert!(never && !legal, "{name}: {comment}"),
                "yes" if *threads == "the driving one" => {
                    assert!(comment.contains("On the driving thread only"), "{name}: {comment}");
                }
                "yes" => assert!(legal && !never && !own, "{name}: {comment}"),
                _ => assert!(own && !legal, "{name}: {comment}"),
            }
            assert_eq!(threads.contains("one at a time"), one, "{name}: {comment}");
        }
    }
    let all: BTreeSet<String> = header.into_keys().collect();
    let missing: Vec<_> = all.difference(&seen).collect();
    assert!(missing.is_empty(), "not in the README's table: {missing:?}");
}

/// The word for an option that is not set, if it is not.
fn none_of<T>(option: Option<T>, word: &str) -> String {
    if option.is_none() { word.to_owned() } else { "set".to_owned() }
}

#[test]
fn the_defaults_are_the_librarys() {
    let config = Config::default();
    let seconds = |time: Duration| format!("{} s", time.as_secs());
    let mib = |bytes: u64| format!("{} MiB", bytes >> 20);
    let none = |is: bool| if is { "none".to_owned() } else { "some".to_owned() };
    let version = |version| match version {
        TlsVersion::Tls12 => "1.2".to_owned(),
        TlsVersion::Tls13 => "1.3".to_owned(),
    };
    let expected = [
        ("open_timeout", seconds(config.timeouts.open)),
        ("dns_timeout", seconds(config.timeouts.dns)),
        ("proxy_timeout", seconds(config.timeouts.proxy)),
        ("connect_timeout", seconds(config.timeouts.connect)),
        ("tls_timeout", seconds(config.timeouts.tls)),
        ("upgrade_timeout", seconds(config.timeouts.upgrade)),
        ("close_timeout", seconds(config.timeouts.close)),
        ("linger_timeout", seconds(config.timeouts.linger)),
        ("send_timeout", seconds(config.timeouts.send.expect("on"))),
        ("idle_timeout", none_of(config.timeouts.idle, "off")),
        ("heartbeat", none_of(config.timeouts.heartbeat, "off")),
        ("ping_events", config.ping_events.to_string()),
        ("max_message_size", mib(config.limits.max_message_size)),
        ("max_fragments", config.limits.max_fragments.to_string()),
        ("read_buffer", none_of(config.limits.read_buffer, "64 to 512 KiB")),
        (
            "water_marks",
            format!(
                "{}, {}",
                mib(config.limits.low_water as u64),
                mib(config.limits.high_water as u64)
            ),
        ),
        ("deflate", config.deflate.on.to_string()),
        ("deflate_no_context_takeover", {
            let offer = &config.deflate.offer;
            format!("{}, {}", offer.client_no_context_takeover, offer.server_no_context_takeover)
        }),
        ("deflate_max_window_bits", {
            let offer = &config.deflate.offer;
            format!("{}, {}", offer.client_max_window_bits, offer.server_max_window_bits)
        }),
        ("deflate_level", config.deflate.level.to_string()),
        ("deflate_min_size", format!("{} bytes", config.deflate.min_size)),
        ("origin", none(config.request.headers.is_empty())),
        ("user_agent", none(config.request.headers.is_empty())),
        ("cookie", none(config.request.headers.is_empty())),
        ("basic_authorization", "the URL's".to_owned()),
        ("bearer_authorization", none(config.request.headers.is_empty())),
        ("host", config.request.host.unwrap_or("the URL's".into())),
        ("system_roots", config.tls.system_roots.to_string()),
        ("min_tls_version", version(config.tls.min_version)),
        ("max_tls_version", version(config.tls.max_version)),
        ("tls_server_name", config.tls.server_name.unwrap_or("the URL's".into())),
        ("tls_sni", config.tls.sni.to_string()),
        ("tls_alpn", config.tls.alpn.to_string()),
        ("client_certificate_file", none(config.tls.client.is_none())),
        ("client_certificate_pem", none(config.tls.client.is_none())),
        ("client_pkcs12_file", none(config.tls.client.is_none())),
        ("client_pkcs12", none(config.tls.client.is_none())),
        ("danger_any_certificate", config.tls.danger_any_certificate.to_string()),
        ("danger_any_host_name", config.tls.danger_any_host_name.to_string()),
        ("allow_missing_protocol", config.request.allow_missing_protocol.to_string()),
        ("browser_mode", config.browser_mode.to_string()),
        ("proxy", none_of(config.proxies.pick(true, "a", 1), "none")),
        ("no_proxy", "none".to_owned()),
        ("proxy_from_environment", "not read".to_owned()),
        ("local_address", none_of(config.addresses.local, "any")),
        ("interface", none_of(config.addresses.interface.as_ref(), "any")),
        ("unix_socket", none_of(config.addresses.unix.as_ref(), "none")),
        ("tcp_keepalive", none_of(config.addresses.keepalive, "off")),
    ];
    let readme = read("README.md");
    let mut told: BTreeMap<String, String> = BTreeMap::new();
    for row in rows(chapter(&readme, "Limits and defaults")) {
        let names = row.first().map(|cell| quoted(cell)).unwrap_or_default();
        for name in names.into_iter().filter(|name| name.starts_with("wskt_")) {
            let value = row.get(1).copied().unwrap_or_default();
            told.insert(name, value.to_owned());
        }
    }
    let mut set = BTreeSet::new();
    for (name, value) in expected {
        let name = format!("wskt_config_set_{name}");
        assert_eq!(told.remove(&name), Some(value), "{name}");
        set.insert(name);
    }
    let Delays { first, max } = Delays::default();
    let delays = format!("{} s, {} s", first.as_secs(), max.as_secs());
    for (name, value) in [("set_delays", delays), ("set_max_tries", MAX_TRIES.to_string())] {
        let name = format!("wskt_reconnector_{name}");
        assert_eq!(told.remove(&name), Some(value), "{name}");
    }
    // Every option of the header has its row, and no row is of anything else.
    for (name, _) in functions() {
        if name.starts_with("wskt_config_add_") {
            assert_eq!(told.remove(&name).as_deref(), Some("none"), "{name}");
        }
        if name.starts_with("wskt_config_set_") {
            assert!(set.contains(&name), "{name} has no default in README");
        }
    }
    assert!(told.is_empty(), "{told:?}");
}

#[test]
fn the_list_of_symbols_is_the_headers() {
    let text = read("docs/ABI.md");
    let mut listed = BTreeMap::new();
    for line in text.lines().filter(|line| line.starts_with("| `wskt_")) {
        let mut cells = line.trim_matches('|').split(" | ").map(str::trim);
        let name = cells.next().unwrap_or_default().trim_matches('`').to_owned();
        let since = cells.next().unwrap_or_default().to_owned();
        assert_eq!(listed.insert(name, since), None, "{line}");
    }
    let declared: BTreeMap<String, String> = functions()
        .into_iter()
        .map(|(name, comment)| {
            let (_, since) = comment.rsplit_once("Since: ").unwrap_or_else(|| panic!("{name}"));
            (name, since.split_whitespace().next().unwrap_or_default().to_owned())
        })
        .collect();
    assert_eq!(listed, declared);
}

#[test]
fn the_changelog_knows_this_version() {
    let heading = concat!("\n## [", env!("CARGO_PKG_VERSION"), "] - ");
    assert!(read("CHANGELOG.md").contains(heading), "{heading}");
}
