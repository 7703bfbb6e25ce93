//! For tests that stand outside the library: running commands with a time
//! limit, and an installed copy to build programs against.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::panic,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "test support: each test uses a part of it and fails by panicking"
)]

use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// Enough for a program that talks to a server on this machine.
pub const SHORT: Duration = Duration::from_secs(60);
/// Enough for a build from nothing, OpenSSL included.
pub const LONG: Duration = Duration::from_secs(1800);

/// What a program left behind.
#[derive(Debug)]
pub struct Done {
    /// The exit status; `None` if a signal ended it.
    pub status: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Done {
    /// Panics unless the exit status was `status`.
    #[track_caller]
    pub fn exited(self, status: i32) -> Done {
        assert_eq!(self.status, Some(status), "{self:#?}");
        self
    }
}

/// A program that runs, in a process group of its own.
pub struct Running {
    child: Child,
    output: Receiver<(usize, Vec<u8>)>,
    what: String,
    deadline: Instant,
}

impl Running {
    /// Starts a program with pipes for all three streams.
    pub fn start(command: &mut Command, limit: Duration) -> Running {
        let what = format!("{command:?}");
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap_or_else(|e| panic!("{what} does not start: {e}"));
        let (tell, output) = channel();
        let streams: [Box<dyn Read + Send>; 2] = [
            Box::new(child.stdout.take().expect("a pipe")),
            Box::new(child.stderr.take().expect("a pipe")),
        ];
        for (which, mut stream) in streams.into_iter().enumerate() {
            let tell = tell.clone();
            std::thread::spawn(move || {
                let mut all = Vec::new();
                let _ = stream.read_to_end(&mut all);
                let _ = tell.send((which, all));
            });
        }
        Running { child, output, what, deadline: Instant::now() + limit }
    }

    /// Writes to standard input, which stays open.
    pub fn write(&mut self, text: &str) {
        let stdin = self.child.stdin.as_mut().expect("standard input is open");
        stdin.write_all(text.as_bytes()).expect("the program reads");
    }

    /// Ends standard input.
    pub fn end_input(&mut self) {
        drop(self.child.stdin.take());
    }

    /// Sends a signal, by name.
    pub fn signal(&self, name: &str) {
        self.kill(name, &self.child.id().to_string());
    }

    fn kill(&self, name: &str, whom: &str) {
        let status = Command::new("kill").args(["-s", name, "--", whom]).status();
        assert!(status.is_ok_and(|s| s.success()), "kill {whom}");
    }

    /// Waits for the end, without touching standard input.
    pub fn wait(mut self) -> Done {
        let mut streams = [String::new(), String::new()];
        for _ in 0..2 {
            let left = self.deadline.saturating_duration_since(Instant::now());
            match self.output.recv_timeout(left) {
                Ok((which, bytes)) => {
                    let slot = streams.get_mut(which).expect("one of two");
                    *slot = String::from_utf8_lossy(&bytes).into_owned();
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    self.kill("KILL", &format!("-{}", self.child.id()));
                    let _ = self.child.wait();
                    let rest: Vec<_> = self
                        .output
                        .try_iter()
                        .map(|(_, bytes)| String::from_utf8_lossy(&bytes).into_owned())
                        .collect();
                    panic!("{} took too long; {streams:#?} {rest:#?}", self.what);
                }
            }
        }
        let status = self.child.wait().expect("the program's status");
        let [stdout, stderr] = streams;
        Done { status: status.code(), stdout, stderr }
    }
}

/// Runs a program with this standard input.
pub fn run(command: &mut Command, input: &str, limit: Duration) -> Done {
    let mut running = Running::start(command, limit);
    // A program that ends early does not read it all.
    if let Some(stdin) = running.child.stdin.as_mut() {
        let _ = stdin.write_all(input.as_bytes());
    }
    running.end_input();
    running.wait()
}

/// The repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// `make` in the repository, building where this test was built.
pub fn make(args: &[&str]) -> Command {
    let mut make = Command::new("make");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("target");
    make.current_dir(root())
        .args(args)
        .env("CARGO_TARGET_DIR", target)
        // What "cargo test" and an outer make tell their children.
        .env_remove("MAKEFLAGS")
        .env_remove("MFLAGS")
        .env_remove("MAKELEVEL")
        .env_remove("CARGO_MAKEFLAGS");
    make
}

/// A directory of this test's own, empty.
pub fn fresh_dir(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).expect("a directory");
    dir
}

/// Builds the library as a release and installs it under `prefix`.
pub fn install(prefix: &Path) {
    let variable = format!("PREFIX={}", prefix.display());
    run(&mut make(&["all"]), "", LONG).exited(0);
    run(&mut make(&["install", &variable]), "", LONG).exited(0);
}

/// Lets a command find the copy installed under `prefix`, and run it.
pub fn with_prefix<'a>(command: &'a mut Command, prefix: &Path) -> &'a mut Command {
    command
        .env("PKG_CONFIG_PATH", prefix.join("lib/pkgconfig"))
        .env("LD_LIBRARY_PATH", prefix.join("lib"))
}
