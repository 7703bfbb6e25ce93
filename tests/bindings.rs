//! The bindings of other languages, each by its own test runner, against the
//! library of this build and the scripted server. A language that this machine
//! does not have is named on standard error, whatever cargo captures.
#![cfg(target_os = "linux")]
#![allow(
    clippy::panic,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "tests fail by panicking"
)]

#[path = "c/harness.rs"]
mod harness;
#[path = "bindings/interface.rs"]
mod interface;
#[path = "bindings/readme.rs"]
mod readme;
mod support;
mod tools;

use harness::Harness;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tools::{Done, root, run};

/// Building and running all tests of one language on a loaded machine.
const LIMIT: Duration = Duration::from_secs(300);

/// One binding with all it is tested with.
struct Bench {
    harness: Harness,
    source: PathBuf,
    interface: PathBuf,
}

impl Bench {
    /// Says that a language is skipped, and why, if something is missing.
    fn new(language: &str, folder: &str, missing: Option<String>) -> Option<Bench> {
        if let Some(missing) = missing {
            // Not eprintln: that is shown only when a test fails.
            let _ = writeln!(
                std::io::stderr(),
                "\nbindings: {language} SKIPPED, {missing}; tests/bindings/setup.sh installs it"
            );
            return None;
        }
        let harness = Harness::without_c(&format!("binding-{folder}"));
        let interface = interface::write(harness.dir());
        Some(Bench { harness, source: root().join("bindings").join(folder), interface })
    }

    fn dir(&self) -> &Path {
        self.harness.dir()
    }

    fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = self.harness.command(program.as_ref(), &[]);
        command
            .current_dir(self.dir())
            .env("WSKT_INTERFACE", &self.interface)
            // The examples know no test's certificates.
            .env("SSL_CERT_FILE", self.harness.server().ca());
        command
    }

    #[track_caller]
    fn run(&self, command: &mut Command) -> Done {
        run(command, "", LIMIT).exited(0)
    }

    /// An example echoes, closes and prints the close event, on TLS too.
    fn echoes(&self, command: impl Fn() -> Command) {
        for scheme in ["ws", "wss"] {
            let url = self.harness.server().path_url(scheme, "/echo");
            let done = self.run(command().arg(url));
            let lines: Vec<&str> = done.stdout.lines().collect();
            let end = "closed: 1000 \"thanks\" (local)";
            assert_eq!(lines, ["hello", end], "{done:#?}");
        }
    }
}

/// The first of these commands that is not on this machine.
fn no_command(names: &[&str]) -> Option<String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = |name: &str| std::env::split_paths(&path).any(|dir| dir.join(name).exists());
    names.iter().find(|name| !found(name)).map(|name| format!("{name} is missing"))
}

/// A file or directory that tests/bindings/setup.sh makes.
fn no_file(path: &str) -> Option<String> {
    (!root().join(path).exists()).then(|| format!("{path} is missing"))
}

#[test]
fn python() {
    let missing = no_command(&["python3"]).or_else(|| no_file("build/wheels"));
    let Some(bench) = Bench::new("Python", "python", missing) else { return };
    let (venv, wheels) = (bench.dir().join("venv"), bench.dir().join("wheels"));
    let python = venv.join("bin/python");
    // The environment gets no pip of its own: that alone takes seconds.
    bench.run(bench.command("python3").args(["-m", "venv", "--without-pip"]).arg(&venv));
    let pip = |args: &[&str]| {
        let mut pip = bench.command("python3");
        pip.args(["-m", "pip", "--quiet", "--disable-pip-version-check", "--python"]);
        pip.arg(&python).args(args).args(["--no-index", "--find-links"]);
        pip.arg(root().join("build/wheels"));
        pip
    };
    bench.run(pip(&["wheel", "--no-deps"]).arg("--wheel-dir").arg(&wheels).arg(&bench.source));
    bench.run(pip(&["install", "wskt", "mypy"]).arg("--find-links").arg(&wheels));
    let tests = bench.source.join("tests");
    // -B: no __pycache__ in the repository.
    bench.run(bench.command(&python).args(["-B", "-m", "unittest", "discover", "-s"]).arg(&tests));
    bench.run(bench.command(&python).args(["-m", "mypy", "--strict", "-p", "wskt"]));

    // What the README calls pip and python3 are the environment's.
    let python3 = python.display();
    let commands = format!(
        "pip() {{ command python3 -m pip --quiet --python '{python3}' \"$@\"; }}\n\
         python3() {{ '{python3}' \"$@\"; }}\n"
    );
    let printed = readme::run(&bench, &commands, |shell| {
        shell.env("PIP_NO_INDEX", "1").env("PIP_FIND_LINKS", root().join("build/wheels"));
        shell.env("PIP_DISABLE_PIP_VERSION_CHECK", "1");
    });
    let [hello, event, rest @ ..] = printed.as_slice() else { panic!("{printed:?}") };
    assert!(hello == "hello" && event.contains("code=1000"), "{printed:?}");
    assert_eq!(rest, ["hello", "1000 thanks", "hello again"]);
    for example in ["echo.py", "echo_asyncio.py"] {
        bench.echoes(|| {
            let mut command = bench.command(&python);
            command.arg(bench.source.join("examples").join(example));
            command
        });
    }
}

#[test]
fn node() {
    let missing = no_command(&["node"]).or_else(|| no_file("bindings/node/node_modules"));
    let Some(bench) = Bench::new("Node.js", "node", missing) else { return };
    let mut tests = bench.command("node");
    tests.current_dir(&bench.source).arg("--test");
    for name in ["interface", "websocket", "options", "process", "reconnector"] {
        tests.arg(format!("test/{name}.test.js"));
    }
    bench.run(&mut tests);
    // npm has koffi in its cache: tests/bindings/setup.sh installed it.
    let printed = readme::run(&bench, "", |shell| {
        shell.env("npm_config_prefer_offline", "true");
        shell.env("npm_config_audit", "false").env("npm_config_fund", "false");
        shell.env("npm_config_loglevel", "silent");
    });
    assert_eq!(printed, ["hello", "1000 thanks true"]);
    bench.echoes(|| {
        let mut command = bench.command("node");
        command.arg(bench.source.join("examples/echo.js"));
        command
    });
}

#[test]
fn lua() {
    let Some(bench) = Bench::new("Lua", "lua", no_command(&["luajit"])) else { return };
    let luajit = |script: &str| {
        let mut command = bench.command("luajit");
        command.arg(bench.source.join(script));
        command.env("LUA_PATH", format!("{}/?.lua;;", bench.source.display()));
        command
    };
    bench.run(&mut luajit("test/all.lua"));
    let printed = readme::run(&bench, "", |_| ());
    assert_eq!(printed, ["hello\ttext", "1000\tthanks", "hello"]);
    bench.echoes(|| luajit("examples/echo.lua"));
}

#[test]
fn go() {
    let missing = no_command(&["go", "pkg-config"]);
    let Some(bench) = Bench::new("Go", "go", missing) else { return };
    let dir = bench.dir().display();
    let prefix = format!("{dir}/pkgconfig");
    std::fs::create_dir(&prefix).expect("a directory");
    let package = std::fs::read_to_string(root().join("wskt.pc.in")).expect("wskt.pc.in");
    let package = package
        .replace("@LIBDIR@", &dir.to_string())
        .replace("@INCLUDEDIR@", &root().join("include").display().to_string())
        .replace("@VERSION@", env!("CARGO_PKG_VERSION"))
        .replace("@PREFIX@", "")
        .replace("@STATIC_REQUIRES@", "")
        .replace("@STATIC_LIBS@", "");
    std::fs::write(format!("{prefix}/wskt.pc"), package).expect("a file");
    let settings = |command: &mut Command| {
        // Nothing is downloaded, and what is compiled stays for the next time.
        command.env("GOFLAGS", "-mod=mod").env("GOPROXY", "off").env("PKG_CONFIG_PATH", &prefix);
        command.env("GOCACHE", root().join("build/go"));
    };
    let go = |args: &[&str]| {
        let mut command = bench.command("go");
        command.current_dir(&bench.source).args(args);
        settings(&mut command);
        command
    };
    let echo = bench.dir().join("echo");
    bench.run(go(&["build", "-o"]).arg(&echo).arg("./examples/echo"));
    bench.run(&mut go(&["test", "-count=1", "."]));
    assert_eq!(readme::run(&bench, "", settings), ["1 hello <nil>", "1000 thanks"]);
    bench.echoes(|| bench.command(&echo));
}

#[test]
fn ruby() {
    let found = || Command::new("ruby").args(["-e", "require 'ffi'; require 'minitest'"]).status();
    let missing = no_command(&["ruby"])
        .or_else(|| (!found().is_ok_and(|s| s.success())).then(|| "a gem is missing".to_owned()));
    let Some(bench) = Bench::new("Ruby", "ruby", missing) else { return };
    let ruby = |script: &str| {
        let mut command = bench.command("ruby");
        command.arg("-w").arg("-I").arg(bench.source.join("lib")).arg(bench.source.join(script));
        command
    };
    for name in ["interface", "socket", "options", "reconnector"] {
        bench.run(&mut ruby(&format!("test/{name}_test.rb")));
    }
    let gems = bench.dir().join("gems");
    let printed = readme::run(&bench, "", |shell| {
        shell.env("GEM_HOME", &gems);
    });
    let after = printed.iter().skip_while(|line| *line != "hello").collect::<Vec<_>>();
    assert_eq!(after, ["hello", "1000", "\"thanks\""], "{printed:?}");
    bench.echoes(|| ruby("examples/echo.rb"));
}

#[test]
fn java() {
    const JNA: &str = "/usr/share/java/jna.jar";
    let missing = no_command(&["javac"]).or_else(|| no_file(JNA));
    let Some(bench) = Bench::new("Java", "java", missing) else { return };
    let classes = bench.dir().join("classes");
    let path = format!("{}:{JNA}", classes.display());
    let mut javac = bench.command("javac");
    javac.args(["-Xlint:all", "-Werror", "-encoding", "UTF-8", "-cp", JNA, "-d"]).arg(&classes);
    for folder in ["src/wskt", "test/wskt", "examples"] {
        let folder = std::fs::read_dir(bench.source.join(folder)).expect("a directory");
        javac.args(folder.map(|entry| entry.expect("an entry").path()));
    }
    bench.run(&mut javac);
    let java = |class: &str| {
        let mut command = bench.command("java");
        command.args(["-cp", &path, class]);
        command
    };
    bench.run(&mut java("wskt.Tests"));
    let printed = readme::run(&bench, "", |_| ());
    assert_eq!(printed, ["hello", "1000 thanks", "hello", "1000"]);
    for example in ["Echo", "EchoListener"] {
        bench.echoes(|| java(example));
    }
}
