//! Builds C programs against the shared library of this build and runs them
//! against the scripted server.
#![allow(dead_code, unreachable_pub, reason = "test support: each test uses a part of it")]

use crate::support::TestServer;
use crate::tools::{self, Done, LONG, root};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// A server, a directory with the library under its soname, and the objects
/// every program is linked with.
pub struct Harness {
    server: TestServer,
    dir: PathBuf,
    objects: Vec<PathBuf>,
}

/// libwskt.so of the profile this test was built in: beside the test itself,
/// or one directory up.
fn library() -> PathBuf {
    // That of tests/sanitize.sh, with ThreadSanitizer in it.
    if let Some(path) = std::env::var_os("WSKT_TEST_LIBRARY") {
        return path.into();
    }
    let test = std::env::current_exe().expect("the path of the test");
    let places = test.ancestors().skip(1).take(2).map(|dir| dir.join("libwskt.so"));
    places.into_iter().find(|path| path.exists()).expect("libwskt.so was built")
}

fn cc() -> Command {
    let mut cc = Command::new("cc");
    cc.current_dir(root())
        .args(["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-O1", "-g", "-pthread"])
        .arg("-Iinclude")
        .args(sanitizer_flags().split_whitespace());
    cc
}

/// What `tests/sanitize.sh` has the C side built with, beside the library.
fn sanitizer_flags() -> String {
    std::env::var("WSKT_CFLAGS").unwrap_or_default()
}

impl Harness {
    /// Library and server only, for programs that are not in C.
    pub fn without_c(name: &str) -> Harness {
        let dir = tools::fresh_dir(name);
        for link in ["libwskt.so.0.1", "libwskt.so"] {
            std::os::unix::fs::symlink(library(), dir.join(link)).expect("a link");
        }
        Harness { server: TestServer::start(), dir, objects: Vec::new() }
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The server.
    pub fn server(&self) -> &TestServer {
        &self.server
    }

    /// Prepares everything in a directory of this name.
    pub fn new(name: &str) -> Harness {
        let mut harness = Harness::without_c(name);
        let support = root().join("tests/c/support");
        let mut sources: Vec<PathBuf> = std::fs::read_dir(support)
            .expect("tests/c/support")
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| path.extension().is_some_and(|e| e == "c"))
            .collect();
        sources.sort();
        harness.objects = sources
            .iter()
            .map(|source| {
                let object =
                    harness.dir.join(source.file_name().expect("a name")).with_extension("o");
                tools::run(cc().arg("-c").arg(source).arg("-o").arg(&object), "", LONG).exited(0);
                object
            })
            .collect();
        harness
    }

    /// Compiles and links `tests/c/NAME.c`.
    pub fn build(&self, name: &str) -> PathBuf {
        let program = self.dir.join(name);
        let source = root().join("tests/c").join(name).with_extension("c");
        self.link(&mut cc(), &source, &program);
        program
    }

    /// Compiles and links any source with this compiler and its options.
    pub fn link(&self, compiler: &mut Command, source: &Path, program: &Path) {
        compiler.arg(source).args(&self.objects).arg("-L").arg(&self.dir);
        tools::run(compiler.arg("-lwskt").arg("-o").arg(program), "", LONG).exited(0);
    }

    /// A place for a program.
    pub fn place(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// A program that was built.
    pub fn program(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Where the server's certificates and keys are.
    pub fn certificates(&self) -> PathBuf {
        self.server.dir()
    }

    /// A command that finds library and server.
    pub fn command(&self, program: &Path, prefix: &[&str]) -> Command {
        let words: Vec<&Path> = prefix.iter().map(Path::new).chain([program]).collect();
        let (first, rest) = words.split_first().expect("the program at least");
        let mut command = Command::new(first);
        command.args(rest).env("LD_LIBRARY_PATH", &self.dir);
        for (name, port) in self.server.ports() {
            command.env(format!("WSKT_PORT_{}", name.to_uppercase()), port.to_string());
        }
        command
            .env("WSKT_CA", self.server.ca())
            .env("WSKT_DIR", self.server.dir())
            .env("WSKT_LIBRARY", self.dir.join("libwskt.so"))
            .env_remove("WSKT_SLOW");
        if !prefix.is_empty() || !sanitizer_flags().is_empty() {
            // Longer deadlines, and no system certificates: a tool takes
            // seconds to read them, and no test needs them, for each trusts
            // the server's CA by name.
            command
                .env("WSKT_SLOW", "1")
                .env("SSL_CERT_FILE", "/dev/null")
                .env("SSL_CERT_DIR", "/dev/null");
        }
        command
    }

    /// Builds and runs a program with a tool in front, or with none.
    pub fn run(&self, name: &str, prefix: &[&str], limit: Duration) -> Done {
        let program = self.build(name);
        tools::run(&mut self.command(&program, prefix), "", limit)
    }
}
