//! What a binding's README says, done to the letter: its programs saved under the
//! names in their first lines, then its commands.

use crate::Bench;
use crate::tools::root;
use std::path::PathBuf;
use std::process::Command;

/// The fenced blocks of a document, each with its language.
fn blocks(text: &str) -> Vec<(&str, String)> {
    let mut all: Vec<(&str, String)> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        match line.strip_prefix("```") {
            Some(_) if inside => inside = false,
            Some(language) => {
                inside = true;
                all.push((language, String::new()));
            }
            None if inside => {
                let (_, block) = all.last_mut().expect("a block");
                block.push_str(line);
                block.push('\n');
            }
            None => {}
        }
    }
    all
}

/// Runs the README's commands in an empty directory, behind what `before` defines, with
/// this test's server in place of the one on the Internet; gives what they print.
#[track_caller]
pub(crate) fn run(bench: &Bench, before: &str, prepare: impl Fn(&mut Command)) -> Vec<String> {
    let readme = std::fs::read_to_string(bench.source.join("README.md")).expect("a README");
    let dir: PathBuf = bench.dir().join("readme");
    std::fs::create_dir(&dir).expect("a directory");
    let echo = bench.harness.server().path_url("wss", "/echo");
    let mut commands = before.to_owned();
    let mut programs = 0;
    for (language, block) in blocks(&readme) {
        let block = block
            .replace("wss://echo.websocket.org", &echo)
            .replace("/path/to/wskt", &root().display().to_string());
        if language == "sh" {
            commands.push_str(&block);
            continue;
        }
        let name = block.lines().next().and_then(|line| line.split_once(' ')).expect("a name").1;
        assert!(commands.contains(name) || name == "main.go", "no command runs {name}");
        std::fs::write(dir.join(name), &block).expect("a file");
        programs += 1;
    }
    assert!(programs > 0 && !commands.is_empty(), "{readme}");
    let mut shell = bench.command("sh");
    shell.args(["-e", "-c", &commands]).current_dir(&dir);
    prepare(&mut shell);
    bench.run(&mut shell).stdout.lines().map(String::from).collect()
}
