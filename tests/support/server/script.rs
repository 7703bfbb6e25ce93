//! The grammar of scripts; `README.md` describes it.

use std::time::Duration;

use crate::answer::{Accept, Http, Key};
use crate::args::{Parsed, binary, close_body, micros, millis, name, number, rest, sized, string};
use crate::frame::{self, Make};
use crate::stream::End;
use crate::text;

/// One command with the text it came from.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) source: String,
    pub(crate) cmd: Cmd,
}

/// What `expect-close` asks of a Close frame's body.
#[derive(Debug, Clone)]
pub(crate) enum Body {
    Any,
    Code(u16),
    Exactly(Vec<u8>),
}

/// The commands.
#[derive(Debug, Clone)]
pub(crate) enum Cmd {
    Accept(Box<Accept>),
    Http(Box<Http>),
    Silent,
    /// Bytes as they are: `raw` and every frame.
    Write(Vec<u8>),
    /// A message to be compressed.
    Packed(u8, Vec<u8>),
    Hold,
    Flush,
    Split(usize, Duration),
    TlsSplit(usize, Duration),
    /// Bytes below TLS; nothing without it.
    TlsRaw(Vec<u8>),
    Repeat(u64, Box<Step>),
    Forever(Box<Step>),
    Receive(u64),
    ExpectMessage(u8, Vec<u8>),
    ExpectClose(Body),
    ExpectPing(Option<Vec<u8>>),
    ExpectPong(Option<Vec<u8>>),
    ExpectEnd(End),
    Echo(u64),
    EchoUntilClose,
    /// With the body to send, or the peer's own.
    AnswerClose(Option<Vec<u8>>),
    AutoPong(bool),
    Drain,
    StopReading,
    ResumeReading,
    Buffer {
        receive: bool,
        bytes: usize,
    },
    Limit(Duration),
    Sleep(Duration),
    Wait(String),
    Mark(String),
    Fin,
    HalfClose,
    CloseNotify,
    CloseTcp,
    Rst,
}

const SEND_MASK: [u8; 4] = [0x12, 0x34, 0x56, 0x78];

/// Parses a script, already percent-decoded once. An honest accept comes
/// first where the script leaves the answer out.
pub(crate) fn parse(script: &str) -> Parsed<Vec<Step>> {
    let mut steps = Vec::new();
    for (source, tokens) in tokens(script)? {
        let cmd = command(&tokens).map_err(|e| format!("{source}: {e}"))?;
        steps.push(Step { source, cmd });
    }
    let answers = |s: &Step| matches!(s.cmd, Cmd::Accept(_) | Cmd::Http(_) | Cmd::Silent);
    let bare = steps.first().is_some_and(|s| {
        let ends = matches!(
            s.cmd,
            Cmd::Fin | Cmd::Rst | Cmd::CloseTcp | Cmd::CloseNotify | Cmd::HalfClose
        );
        ends || s.source.split(' ').next() == Some("raw")
    });
    if !bare && !steps.iter().any(answers) {
        steps.insert(0, Step { source: "accept".into(), cmd: Cmd::Accept(Box::default()) });
    }
    Ok(steps)
}

type Tokens = Vec<(String, Vec<String>)>;

/// Splits into commands and their words. Between single quotes, blanks and
/// semicolons are plain characters.
fn tokens(script: &str) -> Parsed<Tokens> {
    let mut all = Tokens::new();
    let (mut source, mut words) = (String::new(), Vec::new());
    let (mut word, mut quoted) = (None::<String>, false);
    for c in script.chars().chain([';']) {
        match c {
            '\'' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            ' ' | ';' if !quoted => {
                words.extend(word.take());
                if c == ';' && !words.is_empty() {
                    all.push((source.trim().to_string(), std::mem::take(&mut words)));
                }
                if c == ';' {
                    source.clear();
                    continue;
                }
            }
            c => word.get_or_insert_default().push(c),
        }
        source.push(c);
    }
    if quoted {
        return Err("a quote is not closed".into());
    }
    Ok(all)
}

fn write(opcode: u8, payload: Vec<u8>) -> Parsed<Cmd> {
    Ok(Cmd::Write(frame::frame(opcode, &payload)))
}

fn step(words: &[String]) -> Parsed<Box<Step>> {
    Ok(Box::new(Step { source: words.join(" "), cmd: command(words)? }))
}

fn command(words: &[String]) -> Parsed<Cmd> {
    let Some((verb, args)) = words.split_first() else {
        return Err("empty".into());
    };
    let one = || match args {
        [only] => Ok(only.as_str()),
        _ => Err(format!("{verb} takes one argument")),
    };
    let none = |cmd: Cmd| match args {
        [] => Ok(cmd),
        _ => Err(format!("{verb} takes no argument")),
    };
    let optional = || {
        if args.is_empty() { Ok(None) } else { rest(args).map(Some) }
    };
    let hex = || {
        if args.is_empty() { Ok(Vec::new()) } else { binary(one()?) }
    };
    let pieces = || match args {
        [n] => Ok((sized(n)?, Duration::ZERO)),
        [n, pause] => Ok((sized(n)?, micros(pause)?)),
        _ => Err(format!("{verb} takes a size and perhaps us=MICROSECONDS")),
    };
    let nested = || match args {
        [count, inner @ ..] if !inner.is_empty() => Ok((count, inner)),
        _ => Err(format!("{verb} takes a count and a command")),
    };
    match verb.as_str() {
        "accept" => Ok(Cmd::Accept(Box::new(accept(args)?))),
        "http" => Ok(Cmd::Http(Box::new(http(args)?))),
        "none" => none(Cmd::Silent),
        "raw" => Ok(Cmd::Write(binary(one()?)?)),
        "text" => write(frame::TEXT, rest(args)?),
        "bin" => write(frame::BINARY, hex()?),
        "textn" => write(frame::TEXT, text::text_pattern(sized(one()?)?)),
        "binn" => write(frame::BINARY, text::binary_pattern(sized(one()?)?)),
        "ztext" => Ok(Cmd::Packed(frame::TEXT, rest(args)?)),
        "zbin" => Ok(Cmd::Packed(frame::BINARY, hex()?)),
        "frame" => Ok(Cmd::Write(any_frame(args)?.bytes())),
        "ping" => write(frame::PING, rest(args)?),
        "pong" => write(frame::PONG, rest(args)?),
        "close" => write(frame::CLOSE, close_body(args)?),
        "closeraw" => write(frame::CLOSE, hex()?),
        "hold" => none(Cmd::Hold),
        "flush" => none(Cmd::Flush),
        "split" => pieces().map(|(n, pause)| Cmd::Split(n, pause)),
        "tlsraw" => Ok(Cmd::TlsRaw(binary(one()?)?)),
        "tlssplit" => pieces().map(|(n, pause)| Cmd::TlsSplit(n, pause)),
        "repeat" => nested().and_then(|(n, inner)| Ok(Cmd::Repeat(number(n)?, step(inner)?))),
        "forever" => Ok(Cmd::Forever(step(args)?)),
        "recv" => none(Cmd::Receive(1)),
        "recvn" => Ok(Cmd::Receive(number(one()?)?)),
        "expect-text" => Ok(Cmd::ExpectMessage(frame::TEXT, rest(args)?)),
        "expect-bin" => Ok(Cmd::ExpectMessage(frame::BINARY, hex()?)),
        "expect-close" => Ok(Cmd::ExpectClose(match args {
            [] => Body::Any,
            [word] if word == "empty" => Body::Exactly(Vec::new()),
            [code] => Body::Code(number(code)?),
            _ => Body::Exactly(close_body(args)?),
        })),
        "expect-ping" => optional().map(Cmd::ExpectPing),
        "expect-pong" => optional().map(Cmd::ExpectPong),
        "expect-fin" => none(Cmd::ExpectEnd(End::Fin)),
        "expect-rst" => none(Cmd::ExpectEnd(End::Rst)),
        "echo" => Ok(Cmd::Echo(number(one()?)?)),
        "echo-until-close" => none(Cmd::EchoUntilClose),
        "answer-close" => none(Cmd::AnswerClose(None)),
        "answer-close-as" => Ok(Cmd::AnswerClose(Some(close_body(args)?))),
        "auto-pong" => match args {
            [] => Ok(Cmd::AutoPong(true)),
            [word] if word == "off" => Ok(Cmd::AutoPong(false)),
            _ => Err("auto-pong takes nothing or off".into()),
        },
        "drain" => none(Cmd::Drain),
        "stop-reading" => none(Cmd::StopReading),
        "resume-reading" => none(Cmd::ResumeReading),
        "rcvbuf" => Ok(Cmd::Buffer { receive: true, bytes: sized(one()?)? }),
        "sndbuf" => Ok(Cmd::Buffer { receive: false, bytes: sized(one()?)? }),
        "limit" => Ok(Cmd::Limit(millis(one()?)?)),
        "sleep" => Ok(Cmd::Sleep(millis(one()?)?)),
        "wait" => Ok(Cmd::Wait(name(one()?))),
        "mark" => Ok(Cmd::Mark(name(one()?))),
        "fin" => none(Cmd::Fin),
        "half-close" => none(Cmd::HalfClose),
        "close-notify" => none(Cmd::CloseNotify),
        "close-tcp" => none(Cmd::CloseTcp),
        "rst" => none(Cmd::Rst),
        other => Err(format!("unknown command {other:?}")),
    }
}

fn any_frame(args: &[String]) -> Parsed<Make> {
    let mut make = Make::new(frame::TEXT, Vec::new());
    for arg in args {
        let (key, value) =
            arg.split_once('=').ok_or_else(|| format!("{arg:?} is not KEY=VALUE"))?;
        let flag = || match value {
            "0" => Ok(false),
            "1" => Ok(true),
            _ => Err(format!("{key} is 0 or 1")),
        };
        match key {
            "opcode" => make.opcode = frame::opcode_number(value).ok_or("no such opcode")?,
            "fin" => make.fin = flag()?,
            "rsv" => make.rsv = number(value).ok().filter(|n| *n < 8).ok_or("rsv is 0 to 7")?,
            "masked" => make.mask = flag()?.then_some(SEND_MASK),
            "mask" => {
                let key = text::unhex(value).and_then(|k| k.try_into().ok());
                make.mask = Some(key.ok_or("mask is 8 hex digits")?);
            }
            "len" => make.len = Some(number(value)?),
            "payload" => make.payload = binary(value)?,
            "text" => make.payload = string(value)?,
            "lenform" => {
                let form = number(value).ok().filter(|n| [7, 16, 64].contains(n));
                make.form = Some(form.ok_or("lenform is 7, 16 or 64")?);
            }
            _ => return Err(format!("unknown key {key:?}")),
        }
    }
    let len = make.len.unwrap_or(make.payload.len() as u64);
    match make.form {
        Some(7) if len > 125 => Err("too long for lenform=7".into()),
        Some(16) if len > 0xffff => Err("too long for lenform=16".into()),
        _ => Ok(make),
    }
}

fn header(value: &str) -> Parsed<(Vec<u8>, Vec<u8>)> {
    let (name, value) = value.split_once(':').ok_or("header is Name:Value")?;
    Ok((string(name)?, string(value)?))
}

fn accept(args: &[String]) -> Parsed<Accept> {
    let mut accept = Accept::default();
    for arg in args {
        let (key, value) = match arg.split_once('=') {
            Some((key, value)) => (key, Some(value)),
            None => (arg.as_str(), None),
        };
        match (key, value) {
            ("protocol", Some(v)) => accept.protocols.push(string(v)?),
            ("first-protocol", None) => accept.first_protocol = true,
            ("extensions", Some(v)) => accept.extensions.push(string(v)?),
            ("header", Some(v)) => accept.headers.push(header(v)?),
            ("headers", Some(v)) => accept.extra = sized(v)?,
            ("bigheader", Some(v)) => accept.big = sized(v)?,
            ("upgrade", Some(v)) => accept.upgrade = Some(string(v)?),
            ("connection", Some(v)) => accept.connection = Some(string(v)?),
            ("reason", Some(v)) => accept.reason = Some(string(v)?),
            ("no-reason", None) => accept.reason = None,
            ("no-upgrade", None) => accept.upgrade = None,
            ("no-connection", None) => accept.connection = None,
            ("bad-accept", None) => accept.key = Key::Bad,
            ("no-accept", None) => accept.key = Key::Missing,
            ("double-accept", None) => accept.key = Key::Double,
            ("accept", Some(v)) => accept.key = Key::Other(string(v)?),
            ("http10", None) => accept.http10 = true,
            ("lower", None) => accept.lower = true,
            ("blanks", None) => accept.blanks = true,
            ("lf", None) => accept.lf = true,
            ("info", Some(v)) => accept.info.push(number(v)?),
            ("cut", Some(v)) => accept.cut = Some(sized(v)?),
            ("drip", None) => accept.drip = Some(Duration::ZERO),
            ("drip", Some(v)) => accept.drip = Some(Duration::from_micros(number(v)?)),
            ("hold", None) => accept.hold = true,
            _ => return Err(format!("unknown option {arg:?}")),
        }
    }
    Ok(accept)
}

fn http(args: &[String]) -> Parsed<Http> {
    let Some((status, args)) = args.split_first() else {
        return Err("http takes a status".into());
    };
    let mut http = Http { status: number(status)?, ..Http::default() };
    let mut reason = Vec::new();
    for arg in args {
        match arg.split_once('=') {
            Some(("header", v)) => http.headers.push(header(v)?),
            Some(("body", v)) => http.body = string(v)?,
            Some(("length", v)) => http.length = Some(Some(number(v)?)),
            Some(("drip", v)) => http.drip = Some(Duration::from_micros(number(v)?)),
            _ if arg == "drip" => http.drip = Some(Duration::ZERO),
            _ if arg == "no-length" => http.length = Some(None),
            _ if arg == "keep" => http.keep = true,
            _ if arg == "http10" => http.http10 = true,
            _ => reason.push(arg.clone()),
        }
    }
    if !reason.is_empty() {
        http.reason = Some(rest(&reason)?);
    }
    Ok(http)
}
