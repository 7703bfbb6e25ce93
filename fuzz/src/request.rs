//! URL, headers and subprotocols: whatever is accepted makes one request, in
//! which nothing was smuggled.

use super::input::Input;
use wskt::config::Config;
use wskt::fuzzing::request;

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// Headers, subprotocols, then the URL.
pub fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let counts = input.byte();
    let mut config = Config::default();
    let mut text = || String::from_utf8_lossy(input.string()).into_owned();
    for _ in 0..counts & 3 {
        let (name, value) = (text(), text());
        // A refusal is an answer; what it refuses must not be in the request.
        let _ = config.add_header(&name, &value);
    }
    let protocols: Vec<String> = (0..counts >> 2 & 3).map(|_| text()).collect();
    let url = String::from_utf8_lossy(input.rest());
    let Ok(made) = request(&url, &config, &protocols, KEY) else { return };
    check(&made, &config);
}

fn check(made: &[u8], config: &Config) {
    let shown = String::from_utf8_lossy(made);
    let mut head = [httparse::EMPTY_HEADER; 32];
    let mut parsed = httparse::Request::new(&mut head);
    let status = parsed.parse(made).unwrap_or_else(|error| panic!("{error}: {shown}"));
    assert_eq!(status, httparse::Status::Complete(made.len()), "more than one request: {shown}");
    assert_eq!((parsed.method, parsed.version), (Some("GET"), Some(1)));
    let target = parsed.path.unwrap_or_default();
    assert!(target.starts_with('/') && target.bytes().all(|b| b.is_ascii_graphic()), "{shown}");
    let named = |name: &str| {
        parsed.headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name)).count()
    };
    for once in ["Host", "Connection", "Upgrade", "Sec-WebSocket-Key", "Sec-WebSocket-Version"] {
        assert_eq!(named(once), 1, "{once}: {shown}");
    }
    // Six of ours, the subprotocols, the user info of the URL, theirs.
    let most = 8 + config.request.headers.len();
    assert!(parsed.headers.len() <= most, "{} headers: {shown}", parsed.headers.len());
    assert_eq!(made.iter().filter(|byte| **byte == b'\n').count(), parsed.headers.len() + 2);
    assert!(!made.contains(&0), "{shown}");
}
