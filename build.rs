//! Two jobs: the C header out of the sources in `src/ffi`, and the soname of
//! the shared library. `tests/header.rs` includes this file, to make the
//! header once more by the same code.

use std::error::Error;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// The header's sections in reading order, and the files they come from.
const SECTIONS: [(&str, &[&str]); 12] = [
    ("Version", &["version"]),
    ("Results", &["result"]),
    ("Close codes", &["close_code"]),
    ("Objects", &["handle"]),
    ("Events", &["event"]),
    ("Callbacks", &["callbacks"]),
    (
        "Configuration",
        &[
            "config",
            "config_request",
            "config_tls",
            "config_client",
            "config_proxy",
            "config_address",
            "config_time",
            "config_limits",
            "config_deflate",
        ],
    ),
    ("Loop", &["loop"]),
    (
        "Socket",
        &[
            "socket",
            "socket_handlers",
            "socket_drive",
            "socket_send",
            "socket_close",
            "socket_info",
            "socket_stats",
        ],
    ),
    ("Reconnector", &["reconnect"]),
    ("Close events of the program", &["close_event"]),
    ("Log", &["log"]),
];

const VERSION: [&str; 3] = [
    env!("CARGO_PKG_VERSION_MAJOR"),
    env!("CARGO_PKG_VERSION_MINOR"),
    env!("CARGO_PKG_VERSION_PATCH"),
];

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    for input in ["build.rs", "cbindgen.toml", "src/ffi", "include/wskt.h"] {
        tell(&format!("rerun-if-changed={input}"))?;
    }
    if let Some(text) = header(&root)? {
        fs::write(Path::new(&env::var("OUT_DIR")?).join("wskt.h"), &text)?;
        put(&root.join("include/wskt.h"), &text)?;
    }
    if let Some(soname) = soname(&env::var("CARGO_CFG_TARGET_OS")?) {
        tell(&format!("rustc-cdylib-link-arg=-Wl,-soname,{soname}"))?;
        // Threads of the library may run when a program unloads it with
        // dlclose: its code stays mapped.
        tell("rustc-cdylib-link-arg=-Wl,-z,nodelete")?;
    }
    Ok(())
}

fn tell(cargo: &str) -> io::Result<()> {
    writeln!(io::stdout(), "cargo::{cargo}")
}

/// Writes the header where it is committed, if it differs. A tree that cannot
/// be written to still builds; `tests/header.rs` finds a stale header there.
fn put(path: &Path, text: &str) -> io::Result<()> {
    if fs::read_to_string(path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    match fs::write(path, text) {
        Ok(()) => Ok(()),
        Err(error) => tell(&format!("warning={} is stale: {error}", path.display())),
    }
}

/// The name programs are linked to. While the major version is 0, the minor
/// one may break the ABI, so both are in it.
fn soname(os: &str) -> Option<String> {
    let [major, minor, _] = VERSION;
    let elf = !matches!(os, "macos" | "ios" | "tvos" | "watchos" | "visionos" | "windows" | "none");
    let version = if major == "0" { format!("0.{minor}") } else { major.to_owned() };
    elf.then(|| format!("libwskt.so.{version}"))
}

/// The text of the header; `None` if a source does not parse, which the
/// compiler will say better.
pub(crate) fn header(root: &Path) -> Result<Option<String>, Box<dyn Error>> {
    let mut config = cbindgen::Config::from_file(root.join("cbindgen.toml"))?;
    let preamble = config.header.take().unwrap_or_default();
    let includes = config.after_includes.take().unwrap_or_default();
    let mut text = format!("{}\n\n#ifndef WSKT_H\n#define WSKT_H\n\n", preamble.trim());
    write!(text, "{}\n\n{OPEN}", includes.trim())?;
    for (title, files) in SECTIONS {
        let rule = "-".repeat(72_usize.saturating_sub(title.len() + 1));
        write!(text, "\n/* {title} {rule} */\n")?;
        if title == "Version" {
            write!(text, "\n{}", version_macros()?)?;
        }
        for file in files {
            let source = root.join("src/ffi").join(file).with_extension("rs");
            match section(&config, &source) {
                Ok(part) => write!(text, "\n{part}\n")?,
                Err(cbindgen::Error::ParseSyntaxError { .. }) => return Ok(None),
                Err(error) => return Err(format!("{}: {error}", source.display()).into()),
            }
        }
    }
    write!(text, "\n{CLOSE}\n#endif /* WSKT_H */\n")?;
    Ok(Some(text))
}

const OPEN: &str = "#ifdef __cplusplus\nextern \"C\" {\n#endif\n";
const CLOSE: &str = "#ifdef __cplusplus\n}\n#endif\n";
/// The same as cbindgen writes it around each part's functions.
const INNER_OPEN: &str = "#ifdef __cplusplus\nextern \"C\" {\n#endif // __cplusplus\n";
const INNER_CLOSE: &str = "#ifdef __cplusplus\n}  // extern \"C\"\n#endif  // __cplusplus";

/// What cbindgen makes of one file, without the frame it puts around it.
fn section(config: &cbindgen::Config, source: &Path) -> Result<String, cbindgen::Error> {
    let builder = cbindgen::Builder::new().with_config(config.clone()).with_src(source);
    let mut text = Vec::new();
    builder.generate()?.write(&mut text);
    let text = String::from_utf8_lossy(&text).replace(INNER_OPEN, "").replace(INNER_CLOSE, "");
    let mut lines: Vec<String> = Vec::new();
    for line in text.trim().lines().map(str::trim_end) {
        // One empty line at most, where frames were taken out.
        if !line.is_empty() || lines.last().is_some_and(|last| !last.is_empty()) {
            lines.push(line.to_owned());
        }
        fold_comment(&mut lines);
    }
    Ok(lines.join("\n").trim_end().to_owned())
}

/// Makes one line of a comment that just ended, if it has one line of text.
fn fold_comment(lines: &mut Vec<String>) {
    let [.., first, text, last] = &lines[..] else {
        return;
    };
    let Some(text) = text.trim_start().strip_prefix("* ") else {
        return;
    };
    if first.trim() == "/**" && last.trim() == "*/" && first.len() + text.len() < 75 {
        let folded = format!("{first} {text} */");
        lines.truncate(lines.len() - 3);
        lines.push(folded);
    }
}

fn version_macros() -> Result<String, Box<dyn Error>> {
    let [major, minor, patch] = VERSION;
    let number = |part: &str| part.parse::<u32>();
    let combined = number(major)? << 16 | number(minor)? << 8 | number(patch)?;
    Ok(format!(
        "/**
 * The version of this header, three numbers and the same as text.
 */
#define WSKT_VERSION_MAJOR {major}
#define WSKT_VERSION_MINOR {minor}
#define WSKT_VERSION_PATCH {patch}
#define WSKT_VERSION_STRING \"{}\"

/**
 * The version of this header as one number: major, minor and patch level,
 * eight bits each. See wskt_version_number.
 */
#define WSKT_VERSION_NUMBER 0x{combined:06X}
",
        env!("CARGO_PKG_VERSION")
    ))
}
