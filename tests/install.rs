//! `make install`, and programs outside the tree that know of the library
//! only what `pkg-config` tells.
#![allow(
    clippy::panic,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "tests fail by panicking"
)]

mod support;
mod tools;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use support::TestServer;
use tools::{Done, LONG, SHORT, fresh_dir, install, make, run, with_prefix};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// While the major version is 0, the minor one is part of the ABI's name.
fn soname() -> String {
    let (major, minor) = (env!("CARGO_PKG_VERSION_MAJOR"), env!("CARGO_PKG_VERSION_MINOR"));
    match major {
        "0" => format!("libwskt.so.0.{minor}"),
        _ => format!("libwskt.so.{major}"),
    }
}

/// A prefix with the library in it, installed once.
fn prefix() -> &'static Path {
    static PREFIX: OnceLock<PathBuf> = OnceLock::new();
    PREFIX.get_or_init(|| {
        let prefix = fresh_dir("install-prefix");
        install(&prefix);
        prefix
    })
}

/// A directory outside the repository, gone with the value.
struct Outside(PathBuf);

impl Outside {
    fn new(name: &str) -> Outside {
        let dir = std::env::temp_dir().join(format!("wskt-{name}-{}", std::process::id()));
        fs::create_dir_all(&dir).expect("a directory");
        Outside(dir)
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn pkg_config(args: &[&str]) -> String {
    let done = run(with_prefix(Command::new("pkg-config").args(args), prefix()), "", SHORT);
    done.exited(0).stdout.trim().to_owned()
}

/// The libraries a program or library needs at run time, and its soname.
fn dynamic_section(file: &Path) -> String {
    run(Command::new("objdump").arg("-p").arg(file), "", SHORT).exited(0).stdout
}

#[test]
fn files_and_links_are_where_they_belong() {
    // The library is built; what follows only copies.
    prefix();
    let stage = fresh_dir("install-stage");
    let destination = format!("DESTDIR={}", stage.display());
    let options = ["PREFIX=/opt/wskt", &destination];
    run(make(&["install"]).args(options), "", LONG).exited(0);

    let lib = stage.join("opt/wskt/lib");
    let full = format!("libwskt.so.{VERSION}");
    for file in [
        &full,
        "libwskt.a",
        "pkgconfig/wskt.pc",
        "pkgconfig/wskt-static.pc",
        "cmake/wskt/wskt-config.cmake",
        "../share/man/man3/wskt_socket_new.3",
    ] {
        let kind = fs::symlink_metadata(lib.join(file)).expect(file).file_type();
        assert!(kind.is_file(), "{file}");
    }
    let link = |name: &str| fs::read_link(lib.join(name)).expect(name);
    assert_eq!(link(&soname()), Path::new(&full));
    assert_eq!(link("libwskt.so"), Path::new(&soname()));
    for header in ["include/wskt.h", "include/wskt.hpp"] {
        assert_eq!(
            fs::read(stage.join("opt/wskt").join(header)).expect(header),
            fs::read(tools::root().join(header)).expect(header),
        );
    }

    let package = fs::read_to_string(lib.join("pkgconfig/wskt.pc")).expect("wskt.pc");
    for line in [
        "prefix=/opt/wskt".to_owned(),
        "libdir=${prefix}/lib".to_owned(),
        "includedir=${prefix}/include".to_owned(),
        format!("Version: {VERSION}"),
    ] {
        assert!(package.lines().any(|have| have == line), "{line:?} is not in\n{package}");
    }
    assert!(!package.contains('@') && !package.contains(&destination), "{package}");

    run(make(&["uninstall"]).args(options), "", SHORT).exited(0);
    let mut left = vec![stage.clone()];
    while let Some(dir) = left.pop() {
        for entry in fs::read_dir(dir).expect("a directory") {
            let path = entry.expect("an entry").path();
            assert!(path.is_dir(), "{} is left", path.display());
            left.push(path);
        }
    }
}

#[test]
fn the_soname_is_the_link() {
    let library = prefix().join("lib").join(format!("libwskt.so.{VERSION}"));
    let section = dynamic_section(&library);
    let found = section.lines().find(|line| line.contains("SONAME"));
    assert!(found.is_some_and(|line| line.trim_end().ends_with(&soname())), "{section}");
}

#[test]
fn pkg_config_knows_it() {
    for package in ["wskt", "wskt-static"] {
        assert_eq!(pkg_config(&["--modversion", package]), VERSION);
        let flags = pkg_config(&["--cflags", package]);
        assert!(flags.contains(&format!("-I{}", prefix().join("include").display())), "{flags}");
    }
    assert!(pkg_config(&["--libs", "wskt"]).ends_with("-lwskt"));
    let all = pkg_config(&["--static", "--libs", "wskt"]);
    assert!(all.contains("-lwskt") && all.contains("-lpthread"), "{all}");
    let archive = pkg_config(&["--libs", "wskt-static"]);
    assert!(archive.contains("/libwskt.a") && !archive.contains("-lwskt"), "{archive}");
}

const IN_C: &str = r#"
#include <stdio.h>
#include <string.h>
#include <wskt.h>

int main(int argc, char **argv)
{
    wskt_config *config;
    wskt_socket *socket;
    const wskt_event *event;

    if (argc != 3 || strcmp(wskt_version_string(), WSKT_VERSION_STRING) != 0)
        return 2;
    if (wskt_config_new(&config) != WSKT_OK || wskt_config_add_ca_file(config, argv[2]) != WSKT_OK)
        return 3;
    if (wskt_socket_new(NULL, argv[1], config, &socket) != WSKT_OK)
        return 4;
    wskt_config_free(config);
    if (wskt_socket_connect(socket, 30000) == WSKT_OK)
        wskt_socket_send_text(socket, "from C", 6);
    while (wskt_socket_recv(socket, 30000, &event) == WSKT_OK) {
        const wskt_message_event *message = (const wskt_message_event *)event;
        if (event->type != WSKT_EVENT_MESSAGE)
            continue;
        printf("%.*s\n", (int)message->len, (const char *)message->data);
        wskt_socket_close(socket, WSKT_CLOSE_NORMAL, NULL, 0);
    }
    printf("%u\n", wskt_socket_close_event(socket)->code);
    wskt_socket_free(socket);
    return wskt_handle_count() == 0 ? 0 : 5;
}
"#;

const IN_CPP: &str = r#"
#include <iostream>
#include <string>
#include <wskt.hpp>

int main(int argc, char **argv)
{
    if (argc != 3 || std::string(wskt::version_string()) != WSKT_VERSION_STRING)
        return 2;
    {
        wskt::config config;
        wskt::loop loop;
        config.add_ca_file(argv[2]);
        wskt::socket socket(loop, argv[1], config);
        socket.on_open([](wskt::socket_ref s) { s.send_text("from C++"); });
        socket.on_message([](wskt::socket_ref s, wskt::message_event m) {
            std::cout << m.text() << '\n';
            s.close(wskt::close_code::normal);
        });
        socket.on_close([](wskt::close_event end) {
            std::cout << static_cast<int>(end.code()) << '\n';
        });
        socket.open();
        loop.run();
    }
    return wskt::handle_count() == 0 ? 0 : 3;
}
"#;

/// How a program is linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Link {
    Shared,
    /// libwskt.a, everything else shared.
    Archive,
    /// The C library too.
    AllStatic,
}

/// Builds `source` outside the tree; `None` if the machine lacks what it
/// takes to link everything statically.
fn build(outside: &Outside, compiler: &str, source: &str, link: Link) -> Option<PathBuf> {
    let (file, std) = if compiler == "cc" { ("main.c", "c99") } else { ("main.cpp", "c++17") };
    let program = outside.0.join(format!("{compiler}-{link:?}"));
    fs::write(outside.0.join(file), source).expect("the source");
    let flags = match link {
        Link::Shared => "$(pkg-config --cflags --libs wskt)",
        Link::Archive => "$(pkg-config --cflags --libs wskt-static)",
        Link::AllStatic => "-static $(pkg-config --static --cflags --libs wskt)",
    };
    let line = format!(
        "{compiler} -std={std} -Wall -Wextra -Wpedantic {file} -o '{}' {flags}",
        program.display()
    );
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(&line).current_dir(&outside.0);
    let done = run(with_prefix(&mut shell, prefix()), "", LONG);
    if link == Link::AllStatic && done.status != Some(0) {
        let lacking = ["cannot find -l", "attempted static link of dynamic object"];
        assert!(lacking.iter().any(|text| done.stderr.contains(text)), "{line}: {done:#?}");
        return None;
    }
    done.exited(0);
    Some(program)
}

fn talk(program: &Path, link: Link, server: &TestServer, id: &str) -> Done {
    let mut command = Command::new(program);
    command.arg(server.url("wss", "echo 1;answer-close;fin", id)).arg(server.ca());
    if link == Link::Shared {
        command.env("LD_LIBRARY_PATH", prefix().join("lib"));
    }
    run(&mut command, "", SHORT)
}

#[test]
fn programs_outside_the_tree_link_and_run() {
    let server = TestServer::start();
    let outside = Outside::new("outside");
    for (compiler, source, says) in [("cc", IN_C, "from C"), ("c++", IN_CPP, "from C++")] {
        for link in [Link::Shared, Link::Archive, Link::AllStatic] {
            let id = format!("{compiler}-{link:?}");
            let Some(program) = build(&outside, compiler, source, link) else {
                // Some distributions have no static libraries; the test of
                // the archive has run all the same.
                assert_eq!(link, Link::AllStatic);
                continue;
            };
            let needed = dynamic_section(&program);
            assert_eq!(needed.contains(&soname()), link == Link::Shared, "{id}: {needed}");
            let done = talk(&program, link, &server, &id).exited(0);
            assert_eq!(done.stdout, format!("{says}\n1000\n"), "{id}");
            let report = server.report(&id);
            assert!(report.contains(r#""errors":[]"#), "{report}");
        }
    }
}
