//! The manual: a man page for every function, the HTML reference in a browser,
//! and both out of nothing but `include/wskt.h`.
#![cfg(target_os = "linux")]
#![allow(
    clippy::panic,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "tests fail by panicking"
)]

mod tools;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tools::{LONG, SHORT, fresh_dir, root, run};

fn make(kind: &str, out: &Path) {
    let mut command = Command::new(root().join("docs/manual/make.py"));
    run(command.arg(kind).arg(out), "", SHORT).exited(0);
}

/// The functions of the header.
fn functions() -> BTreeSet<String> {
    let header = fs::read_to_string(root().join("include/wskt.h")).expect("the header");
    let parts = header.split("\nWSKT_API").skip(1);
    let names = parts.map(|part| {
        let head = part.split('(').next().unwrap_or_default();
        head.rsplit([' ', '*', '\n']).next().unwrap_or_default().to_owned()
    });
    names.collect()
}

/// All pages in a directory of this name: two tests at once need two.
fn man_pages(name: &str) -> (PathBuf, Vec<PathBuf>) {
    let dir = fresh_dir(name);
    make("man", &dir);
    let pages = fs::read_dir(&dir).expect("pages").map(|page| page.unwrap().path()).collect();
    (dir, pages)
}

#[test]
fn every_function_has_a_man_page_without_fault() {
    let (dir, pages) = man_pages("man-whole");
    for name in functions() {
        let page = fs::read_to_string(dir.join(format!("{name}.3"))).expect(&name);
        for heading in
            [".SH NAME", ".SH SYNOPSIS", ".SH DESCRIPTION", ".SH HISTORY", ".SH SEE ALSO"]
        {
            assert!(page.contains(heading), "{name}: no {heading}");
        }
        let threads = page.contains(".SH THREADS AND CALLBACKS");
        assert!(threads, "{name}: no line says on which threads it is legal");
        let returns = page.contains("wskt_result \\") || page.contains("wskt_result wskt");
        let tells = page.contains(".SH RETURN VALUE");
        assert!(!returns || tells, "{name}: its results are not told");
    }
    assert!(pages.len() > functions().len() + 20);

    let mut lint = Command::new("mandoc");
    let done = run(lint.args(["-Tlint", "-Wwarning"]).args(&pages), "", LONG);
    assert_eq!((done.status, done.stdout.as_str()), (Some(0), ""), "{done:#?}");
}

#[test]
fn a_man_page_reads_as_the_header_does() {
    let (dir, _) = man_pages("man-one");
    let page = dir.join("wskt_socket_send_text.3");
    let done = run(Command::new("mandoc").arg("-Tascii").arg(page), "", SHORT).exited(0);
    // Bold and underlined letters are overstruck.
    let mut text = String::new();
    for c in done.stdout.chars() {
        if c == '\u{8}' {
            text.pop();
        } else {
            text.push(c);
        }
    }
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "wskt_socket_send_text - sends a text message",
        "#include <wskt.h> wskt_result wskt_socket_send_text(wskt_socket *socket, const char *text, size_t len);",
        "text is len bytes of UTF-8, copied before the call returns.",
        "WSKT_ERR_INVALID_UTF8 the text is not UTF-8.",
        "Any thread; legal in a callback.",
        "SEE ALSO wskt(3), ",
        "wskt_socket_buffered_amount(3), ",
    ] {
        assert!(words.contains(part), "{part:?} is not in\n{text}");
    }
}

/// The reference, and a page that shows it as narrow as a phone and asks it
/// some questions from inside.
fn reference() -> (PathBuf, PathBuf) {
    let dir = fresh_dir("reference");
    let page = dir.join("reference.html");
    make("html", &page);
    let text = fs::read_to_string(&page).expect("the page");
    let inside = dir.join("inside.html");
    fs::write(&inside, text.replace("</body>", &format!("<script>{PROBE}</script></body>")))
        .expect("a file");
    let phone = dir.join("phone.html");
    let frame = r#"<!DOCTYPE html><meta charset="utf-8"><p id="answer">none</p>
<iframe src="inside.html" width="360" height="640"></iframe>
<script>onmessage = (m) => { document.getElementById("answer").textContent = m.data; };</script>"#;
    fs::write(&phone, frame).expect("a file");
    (page, phone)
}

const PROBE: &str = r#"
"use strict";
const told = [];
const shown = (id) => document.getElementById(id).getClientRects().length > 0;
const type = (text) => { search.value = text; search.dispatchEvent(new Event("input")); };
const wide = () => document.documentElement.scrollWidth > innerWidth;
told.push(`width ${innerWidth}`, `wide ${wide()}`);
type("send_text buffer");
told.push(`send_text ${shown("wskt_socket_send_text")}`, `close ${shown("wskt_socket_close")}`);
type("wskt_socket_open");
search.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter" }));
told.push(`enter ${location.hash}`);
type("zyxwvut");
told.push(`none ${[...document.querySelectorAll("article")].every((a) => a.hidden)}`);
type("");
told.push(`all ${[...document.querySelectorAll("article")].every((a) => !a.hidden)}`);
told.push(`menu ${menu.getClientRects().length}`);
button.click();
told.push(`opened ${menu.getClientRects().length}`, `wide ${wide()}`);
const lost = [...document.querySelectorAll("a[href^='#']")].map((a) => a.getAttribute("href").slice(1));
told.push(`lost ${lost.filter((id) => !document.getElementById(id)).length}`);
parent.postMessage(told.join(", "), "*");
"#;

fn chromium(args: &[&str], page: &Path) -> String {
    let profile = fresh_dir("chromium-profile");
    let mut chromium = Command::new("chromium");
    chromium
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"])
        .args(["--disable-dev-shm-usage", "--virtual-time-budget=10000"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .args(args)
        .arg(format!("file://{}", page.display()));
    run(&mut chromium, "", LONG).exited(0).stdout
}

#[test]
fn the_reference_works_in_a_browser_and_on_a_phone() {
    let (page, phone) = reference();
    let text = fs::read_to_string(&page).expect("the page");
    for name in functions() {
        assert!(text.contains(&format!(r#"<article id="{name}""#)), "{name}");
    }
    assert!(!text.contains("http://") && !text.contains("@BODY@"), "it needs nothing else");

    let dom = chromium(&["--dump-dom"], &phone);
    let told = dom.split_once(r#"id="answer">"#).map(|(_, rest)| rest.split('<').next());
    assert_eq!(
        told.flatten(),
        Some(
            "width 360, wide false, send_text true, close false, \
             enter #wskt_socket_open, none true, all true, menu 0, opened 1, wide false, lost 0"
        ),
        "{dom}"
    );

    let picture = page.with_file_name("reference.png");
    let option = format!("--screenshot={}", picture.display());
    chromium(&["--window-size=1200,900", &option], &page);
    let png = fs::read(&picture).expect("the picture");
    // A page that shows nothing is a few kilobytes of white.
    assert!(png.starts_with(b"\x89PNG") && png.len() > 50_000, "{} bytes", png.len());
}
