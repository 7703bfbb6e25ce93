//! The ways a build system finds wskt: CMake, Meson, cargo-c's metadata, and the
//! Debian packages. Each is tested by a small program outside the tree.
#![cfg(target_os = "linux")]
#![allow(
    clippy::panic,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "tests fail by panicking"
)]

mod support;
mod tools;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use support::TestServer;
use tools::{Done, LONG, SHORT, fresh_dir, install, make, root, run, with_prefix};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A prefix with the library in it, installed once.
fn prefix() -> &'static Path {
    static PREFIX: OnceLock<PathBuf> = OnceLock::new();
    PREFIX.get_or_init(|| {
        let prefix = fresh_dir("packaging-prefix");
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

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.join(name), text).expect(name);
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const IN_C: &str = r#"
#include <stdio.h>
#include <wskt.h>

int main(int argc, char **argv)
{
    wskt_socket *socket;
    const wskt_event *event;

    if (argc != 2 || wskt_socket_new(NULL, argv[1], NULL, &socket) != WSKT_OK)
        return 2;
    if (wskt_socket_connect(socket, 30000) == WSKT_OK)
        wskt_socket_send_text(socket, "packed", 6);
    while (wskt_socket_recv(socket, 30000, &event) == WSKT_OK)
        if (event->type == WSKT_EVENT_MESSAGE)
            wskt_socket_close(socket, WSKT_CLOSE_NORMAL, NULL, 0);
    printf("%s %u\n", wskt_version_string(), wskt_socket_close_event(socket)->code);
    wskt_socket_free(socket);
    return 0;
}
"#;

const IN_CPP: &str = r#"
#include <iostream>
#include <wskt.hpp>

int main(int, char **argv)
{
    wskt::socket socket(argv[1]);
    socket.on_open([](wskt::socket_ref s) { s.send_text("packed"); });
    socket.on_message([](wskt::socket_ref s) { s.close(wskt::close_code::normal); });
    socket.connect();
    socket.run();
    std::cout << wskt::version_string() << ' '
              << static_cast<int>(socket.close_event()->code()) << '\n';
}
"#;

/// Runs a program of these against the server.
fn talks(mut command: Command, server: &TestServer, id: &str) {
    command.arg(server.url("ws", "expect-text packed;text back;answer-close;fin", id));
    let done = run(&mut command, "", SHORT).exited(0);
    assert_eq!(done.stdout, format!("{VERSION} 1000\n"), "{id}");
    let report = server.report(id);
    assert!(report.contains(r#""errors":[]"#), "{report}");
}

/// Whether the program wants the shared library at run time.
fn is_shared(program: &Path) -> bool {
    let done = run(Command::new("objdump").arg("-p").arg(program), "", SHORT).exited(0);
    done.stdout.contains("libwskt.so")
}

const CMAKE: &str = r#"
cmake_minimum_required(VERSION 3.13)
project(outside C CXX)
find_package(wskt @WANTED@ CONFIG REQUIRED)
find_package(wskt CONFIG REQUIRED)  # a second time does no harm
add_executable(shared main.c)
target_link_libraries(shared PRIVATE wskt::wskt)
add_executable(static main.c)
target_link_libraries(static PRIVATE wskt::static)
add_executable(plusplus main.cpp)
target_compile_features(plusplus PRIVATE cxx_std_17)
target_link_libraries(plusplus PRIVATE wskt::wskt)
"#;

fn cmake(outside: &Outside, wanted: &str, at: &Path) -> Done {
    outside.write("CMakeLists.txt", &CMAKE.replace("@WANTED@", wanted));
    let _ = fs::remove_dir_all(outside.0.join("build"));
    let mut cmake = Command::new("cmake");
    cmake.current_dir(&outside.0).args(["-S", ".", "-B", "build", "-Wno-dev"]);
    run(cmake.arg(format!("-DCMAKE_PREFIX_PATH={}", at.display())), "", SHORT)
}

#[test]
fn cmake_finds_both_targets() {
    let outside = Outside::new("cmake");
    outside.write("main.c", IN_C);
    outside.write("main.cpp", IN_CPP);

    // The next minor version has another soname while it is 0.x, an older one too.
    for wrong in ["99.0", "0.0.1"] {
        assert_ne!(cmake(&outside, wrong, prefix()).status, Some(0), "{wrong}");
    }
    // A prefix that was moved is still whole.
    let moved = outside.0.join("moved");
    run(Command::new("cp").arg("-a").arg(prefix()).arg(&moved), "", SHORT).exited(0);
    cmake(&outside, VERSION, &moved).exited(0);

    let mut build = Command::new("cmake");
    build.current_dir(&outside.0).args(["--build", "build", "--parallel", "2"]);
    run(&mut build, "", LONG).exited(0);
    let server = TestServer::start();
    for (name, shared) in [("shared", true), ("static", false), ("plusplus", true)] {
        let program = outside.0.join("build").join(name);
        assert_eq!(is_shared(&program), shared, "{name}");
        // CMake's own rpath leads to the library.
        talks(Command::new(program), &server, &format!("cmake-{name}"));
    }
}

const MESON: &str = r"
project('outside', 'c', 'cpp', default_options: ['cpp_std=c++17', 'warning_level=3', 'werror=true'])
executable('shared', 'main.c', dependencies: dependency('wskt', version: '>=@VERSION@'))
executable('static', 'main.c', dependencies: dependency('wskt-static'))
executable('plusplus', 'main.cpp', dependencies: dependency('wskt'))
";

#[test]
fn meson_finds_it_through_pkg_config() {
    let outside = Outside::new("meson");
    outside.write("main.c", IN_C);
    outside.write("main.cpp", IN_CPP);
    let project = MESON.replace("@VERSION@", VERSION);
    outside.write("meson.build", &project);
    for args in [vec!["setup", "build"], vec!["compile", "-C", "build"]] {
        let mut meson = Command::new("meson");
        meson.current_dir(&outside.0).args(args);
        run(with_prefix(&mut meson, prefix()), "", LONG).exited(0);
    }
    let server = TestServer::start();
    for (name, shared) in [("shared", true), ("static", false), ("plusplus", true)] {
        let program = outside.0.join("build").join(name);
        assert_eq!(is_shared(&program), shared, "{name}");
        let mut command = Command::new(program);
        talks(with(&mut command), &server, &format!("meson-{name}"));
    }
}

fn with(command: &mut Command) -> Command {
    with_at(command, prefix())
}

fn with_at(command: &mut Command, at: &Path) -> Command {
    with_prefix(command, at);
    std::mem::replace(command, Command::new("true"))
}

/// `make deb` into a directory of its own, once; the library's package and the
/// development package.
fn debs() -> (PathBuf, PathBuf) {
    static DEBS: OnceLock<(PathBuf, PathBuf)> = OnceLock::new();
    DEBS.get_or_init(make_debs).clone()
}

fn make_debs() -> (PathBuf, PathBuf) {
    // The library is built; what follows only packs.
    prefix();
    let out = fresh_dir("deb");
    let mut deb = make(&["deb", &format!("DEBS={}", out.display())]);
    run(deb.env("DEBEMAIL", "nobody@debian.org"), "", LONG).exited(0);
    let one = |start: &str| {
        let entries = fs::read_dir(&out).expect("the packages");
        let mut all: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        all.retain(|path| path.file_name().unwrap().to_str().unwrap().starts_with(start));
        assert_eq!(all.len(), 1, "{start}: {all:?}");
        all.remove(0)
    };
    let (major, minor) = (env!("CARGO_PKG_VERSION_MAJOR"), env!("CARGO_PKG_VERSION_MINOR"));
    let abi = if major == "0" { format!("0.{minor}") } else { major.to_owned() };
    (one(&format!("libwskt{abi}_{VERSION}-1_")), one(&format!("libwskt-dev_{VERSION}-1_")))
}

#[test]
fn debian_packages_are_whole() {
    let (library, dev) = debs();
    let mut lintian = Command::new("lintian");
    lintian.args(["--fail-on", "error", "--allow-root"]).args([&library, &dev]);
    run(&mut lintian, "", LONG).exited(0);

    // apt finds all they depend on.
    let mut apt = Command::new("apt-get");
    apt.args(["install", "--simulate", "-y"]).args([&library, &dev]);
    let done = run(&mut apt, "", LONG).exited(0);
    assert!(done.stdout.contains("Inst libwskt-dev"), "{done:#?}");

    // dpkg unpacks and configures them where nothing is: they have no scripts that
    // would need a shell.
    let clean = fresh_dir("deb-root");
    fs::create_dir_all(clean.join("var/lib/dpkg/updates")).expect("a directory");
    fs::create_dir_all(clean.join("var/lib/dpkg/info")).expect("a directory");
    fs::write(clean.join("var/lib/dpkg/status"), "").expect("a file");
    let mut dpkg = Command::new("dpkg");
    dpkg.arg(format!("--root={}", clean.display()))
        .args(["--force-not-root", "--force-depends", "--install"])
        .args([&library, &dev])
        // Where ldconfig and start-stop-daemon are.
        .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    run(&mut dpkg, "", LONG).exited(0);

    // A program that is built with what is there, and nothing else.
    let triplet =
        run(Command::new("dpkg-architecture").arg("-qDEB_HOST_MULTIARCH"), "", SHORT).exited(0);
    let lib = clean.join("usr/lib").join(triplet.stdout.trim());
    let outside = Outside::new("deb");
    outside.write("main.c", IN_C);
    let server = TestServer::start();
    // Only what is wskt's is taken from there: what openssl.pc says is the
    // system's.
    let flags = [
        (
            "shared",
            "$(pkg-config --cflags --libs wskt | sed \"s|-\\([IL]\\)/usr|-\\1$ROOT/usr|g\")",
        ),
        (
            "static",
            "-I$ROOT/usr/include $(pkg-config --libs wskt-static | sed \"s|/usr/lib|$ROOT&|\")",
        ),
    ];
    for (name, flags) in flags {
        let program = outside.0.join(name);
        let mut shell = Command::new("sh");
        shell
            .arg("-c")
            .arg(format!("cc -Wall -Werror main.c -o {name} {flags}"))
            .current_dir(&outside.0)
            .env("ROOT", &clean)
            // Or pkg-config leaves out what the compiler knows by itself.
            .env("PKG_CONFIG_ALLOW_SYSTEM_CFLAGS", "1")
            .env("PKG_CONFIG_ALLOW_SYSTEM_LIBS", "1")
            .env("PKG_CONFIG_PATH", lib.join("pkgconfig"));
        run(&mut shell, "", LONG).exited(0);
        assert_eq!(is_shared(&program), name == "shared");
        let mut command = Command::new(&program);
        command.env("LD_LIBRARY_PATH", &lib);
        talks(command, &server, &format!("deb-{name}"));
    }
    for file in ["usr/include/wskt.h", "usr/include/wskt.hpp", "usr/share/man/man3/wskt.3.gz"] {
        assert!(clean.join(file).is_file(), "{file}");
    }
    assert!(lib.join("cmake/wskt/wskt-config.cmake").is_file());
}

/// A root of Debian's with apt and a C compiler, and nothing of wskt; gone with
/// the value.
struct CleanRoot(PathBuf);

impl CleanRoot {
    /// Unpacks what tests/packaging/setup.sh has made; says so if it could not.
    fn new() -> Option<CleanRoot> {
        let tar = root().join("build/clean-root.tar");
        if !tar.exists() {
            // Not eprintln: that is shown only when a test fails.
            let _ = writeln!(
                std::io::stderr(),
                "\npackaging: the clean root SKIPPED, {} is missing; tests/packaging/setup.sh \
                 makes it",
                tar.display()
            );
            return None;
        }
        let clean = CleanRoot(fresh_dir("deb-clean-root"));
        let mut tar_command = clean.as_root("tar");
        tar_command.args(["--numeric-owner", "-xf"]).arg(tar).arg("-C").arg(&clean.0);
        run(&mut tar_command, "", LONG).exited(0);
        // As every system has it; a tar of a root has not.
        clean.write("etc/hosts", "127.0.0.1 localhost\n::1 localhost\n");
        Some(clean)
    }

    /// A command of this machine, as root.
    fn as_root(&self, program: &str) -> Command {
        let done = run(Command::new("id").arg("-u"), "", SHORT).exited(0);
        if done.stdout.trim() == "0" {
            return Command::new(program);
        }
        let mut sudo = Command::new("sudo");
        sudo.args(["-n", program]);
        sudo
    }

    fn write(&self, path: &str, text: &str) {
        let mut tee = self.as_root("tee");
        run(tee.arg(self.0.join(path)), text, SHORT).exited(0);
    }

    /// A command inside.
    fn command(&self, words: &[&str]) -> Command {
        let mut command = self.as_root("chroot");
        command.arg(&self.0).args(["env", "-i", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C"]);
        command.arg("PATH=/usr/sbin:/usr/bin:/sbin:/bin").args(words);
        command
    }

    #[track_caller]
    fn run(&self, words: &[&str]) -> Done {
        run(&mut self.command(words), "", LONG).exited(0)
    }
}

impl Drop for CleanRoot {
    fn drop(&mut self) {
        let _ = self.as_root("rm").arg("-rf").arg(&self.0).status();
    }
}

#[test]
fn apt_installs_the_packages_on_a_clean_root() {
    let Some(clean) = CleanRoot::new() else { return };
    let (library, dev) = debs();
    let mut copy = clean.as_root("cp");
    run(copy.args([&library, &dev]).arg(clean.0.join("tmp")), "", SHORT).exited(0);
    let name = |deb: &Path| format!("/tmp/{}", deb.file_name().unwrap().to_str().unwrap());
    let (library, dev) = (name(&library), name(&dev));

    // First the library alone, as for a program that was built elsewhere.
    let apt = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "-oDpkg::Use-Pty=0"];
    clean.run(&[&apt[..], &[&library]].concat());
    assert!(clean.run(&["ldconfig", "-p"]).stdout.contains("libwskt.so."), "ldconfig knows it");
    assert!(!clean.0.join("usr/include/wskt.h").exists());
    clean.run(&[&apt[..], &[&dev]].concat());

    clean.write("tmp/main.c", IN_C);
    let server = TestServer::start();
    for (name, package) in [("shared", "wskt"), ("static", "wskt-static")] {
        let build = format!(
            "cc -Wall -Werror /tmp/main.c -o /tmp/{name} $(pkg-config --cflags --libs {package})"
        );
        clean.run(&["sh", "-c", &build]);
        assert_eq!(is_shared(&clean.0.join("tmp").join(name)), name == "shared");
        talks(clean.command(&[&format!("/tmp/{name}")]), &server, &format!("apt-{name}"));
    }

    // What was installed can go again, and leaves nothing.
    let names = [library, dev].map(|deb| deb["/tmp/".len()..deb.find('_').unwrap()].to_owned());
    clean.run(&["apt-get", "purge", "-y", "-qq", &names[0], &names[1]]);
    let left = clean.run(&["sh", "-c", "find / -xdev -name '*wskt*' -not -path '/tmp/*'"]);
    assert_eq!(left.stdout, "");
}

/// A value of `[package.metadata.capi.TABLE]` in Cargo.toml.
fn capi(table: &str, key: &str) -> String {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("Cargo.toml");
    let (_, rest) = manifest
        .split_once(&format!("[package.metadata.capi.{table}]\n"))
        .unwrap_or_else(|| panic!("no table {table}"));
    let lines = rest.lines().take_while(|line| !line.starts_with('['));
    let found = lines.filter_map(|line| line.split_once(" = ")).find(|(name, _)| *name == key);
    found.unwrap_or_else(|| panic!("no {key} in {table}")).1.trim_matches('"').to_owned()
}

/// What it installs is what a small program outside the tree needs.
#[test]
fn cargo_c_installs_what_a_program_needs() {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let dirs = std::env::split_paths(&path).chain([root().join("build/cargo-c/bin")]);
    let Some(cargo_c) = dirs.map(|dir| dir.join("cargo-cinstall")).find(|file| file.exists())
    else {
        let _ = writeln!(
            std::io::stderr(),
            "\npackaging: cargo-c SKIPPED, cargo-cinstall is missing; \
             tests/packaging/setup.sh builds it"
        );
        return;
    };
    let at = fresh_dir("cargo-c-prefix");
    let mut cinstall = Command::new(cargo_c);
    cinstall.current_dir(root()).args(["cinstall", "--release", "--libdir=lib"]);
    cinstall.arg(format!("--prefix={}", at.display()));
    cinstall.env("CARGO_TARGET_DIR", fresh_dir("cargo-c-target"));
    run(&mut cinstall, "", LONG).exited(0);

    let outside = Outside::new("cargo-c");
    outside.write("main.c", IN_C);
    let mut shell = Command::new("sh");
    let build = "cc -Wall -Werror main.c -o shared $(pkg-config --cflags --libs wskt)";
    shell.args(["-c", build]).current_dir(&outside.0);
    run(with_prefix(&mut shell, &at), "", LONG).exited(0);
    let program = outside.0.join("shared");
    assert!(is_shared(&program));
    let server = TestServer::start();
    let mut command = Command::new(program);
    talks(with_at(&mut command, &at), &server, "cargo-c");
    for header in ["include/wskt.h", "include/wskt.hpp"] {
        let both = [root(), at.as_path()].map(|dir| fs::read(dir.join(header)).expect(header));
        assert!(both[0] == both[1], "{header}");
    }
    // The same name to link with, and the same to run with, as `make install` has.
    let soname = |dir: &Path| {
        let library = fs::canonicalize(dir.join("lib/libwskt.so")).expect("a library");
        let done = run(Command::new("objdump").arg("-p").arg(library), "", SHORT).exited(0);
        let line = done.stdout.lines().find(|line| line.contains("SONAME")).map(str::to_owned);
        line.expect("a soname")
    };
    assert_eq!(soname(&at), soname(prefix()));
}

/// What cargo-c reads is checked against what `make install` does.
#[test]
fn the_metadata_of_cargo_c_is_what_make_install_does() {
    let fields: usize = capi("library", "version_suffix_components").parse().expect("a number");
    let suffix: Vec<&str> = VERSION.split('.').take(fields).collect();
    let soname = format!("libwskt.so.{}", suffix.join("."));
    assert!(prefix().join("lib").join(soname).exists());
    assert_eq!(capi("header", "generation"), "false");
    assert_eq!(capi("header", "subdirectory"), "false");
    assert_eq!(capi("pkg_config", "name"), "wskt");
    let assets = capi("install.include", "asset");
    for header in ["include/wskt.h", "include/wskt.hpp"] {
        assert!(assets.contains(&format!("from = \"{header}\"")) && root().join(header).exists());
    }
}
