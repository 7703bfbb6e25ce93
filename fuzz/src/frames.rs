//! Frames in random pieces, to us and to tungstenite.

use super::input::Input;
use super::judge;

/// The lengths of the pieces, then the bytes of a server.
pub fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let cuts = input.cuts();
    let wire = input.rest();
    if !wire.is_empty() {
        judge::compare(wire, &cuts, false);
    }
}
