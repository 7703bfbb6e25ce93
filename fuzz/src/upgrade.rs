//! The answer to the upgrade request, in random pieces.

use super::input::Input;
use wskt::config::Config;
use wskt::fuzzing::{Upgraded, upgrade};

/// Its accept value is s3pPLMBiTxaQ9kYGzzhZRbK+xOo= (RFC 6455, 1.3).
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &[u8] = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// Settings, the lengths of the pieces, then the bytes of a server.
pub fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let settings = input.byte();
    let cuts = input.cuts();
    let wire = input.rest();
    let mut config = Config::default();
    config.request.allow_missing_protocol = settings & 1 != 0;
    config.browser_mode = settings & 2 != 0;
    let protocols: Vec<String> = ["chat", "superchat"]
        .into_iter()
        .take(usize::from(settings >> 2 & 3))
        .map(String::from)
        .collect();
    let whole = upgrade(KEY, &config, &protocols, [wire]);
    let pieces = super::judge::Pieces::new(wire, &cuts);
    let cut = upgrade(KEY, &config, &protocols, pieces.0.iter().map(Vec::as_slice));
    match (&whole, &cut) {
        // A head is refused by its first wrong byte, or once it is too large,
        // perhaps before its end is seen.
        (Upgraded::Failed(_), Upgraded::Failed(_)) => {}
        _ => assert_eq!(whole, cut, "in pieces of {cuts:?}"),
    }
    if let Upgraded::Open { protocol, rest } = whole {
        let head = &wire[..wire.len() - rest.len()];
        assert!(head.len() <= 64 << 10, "a head of {} bytes", head.len());
        assert!(head.windows(ACCEPT.len()).any(|part| part == ACCEPT), "no proof was asked for");
        assert!(wire.ends_with(&rest));
        match protocol {
            Some(name) => assert!(protocols.contains(&name), "{name}"),
            None => assert!(protocols.is_empty() || config.request.allow_missing_protocol),
        }
    }
}
