//! The C ABI: what `include/wskt.h` declares. The manual of every function is
//! its doc comment here, written for a reader of C; cbindgen carries it over.
//!
//! Four rules hold at this boundary:
//!
//! 1. An entry point converts, makes one call into the safe core, converts
//!    back. It decides nothing.
//! 2. Nothing that C can pass is trusted: a NULL, a length, a number out of
//!    range or text that is not UTF-8 is an ordinary result. What cannot be
//!    checked (a dangling pointer, a wrong length) is the caller's promise;
//!    debug builds catch freed and mistaken handles all the same
//!    (`quarantine.rs`). Where the caller vouches for its UTF-8, only the check
//!    is left out: nothing behind it takes the bytes for a `str`.
//! 3. No panic leaves: every body runs inside `boundary`, which turns one into
//!    `WSKT_ERR_PANIC` and poisons the socket it happened to.
//! 4. No lock of this layer is held while a function of the program runs.
//!
//! The two places with `unsafe` are this directory and `sys/`.
#![allow(unsafe_code, reason = "C callers pass raw pointers; this is where they are checked")]
#![expect(non_camel_case_types, reason = "these are C's types, and C spells them so")]
#![expect(
    clippy::missing_safety_doc,
    reason = "the comments are the C manual; what a C caller must keep to is in their prose, and \
              for every pointer in handle.rs and boundary.rs"
)]

mod boundary;
mod callbacks;
mod close_code;
mod close_event;
mod config;
mod config_address;
mod config_client;
mod config_deflate;
mod config_limits;
mod config_proxy;
mod config_request;
mod config_time;
mod config_tls;
mod event;
mod event_fill;
mod handle;
mod log;
mod r#loop;
#[cfg(test)]
mod panic_tests;
#[cfg(debug_assertions)]
mod quarantine;
mod reconnect;
mod result;
mod socket;
mod socket_close;
mod socket_drive;
mod socket_handlers;
mod socket_info;
mod socket_send;
mod socket_stats;
mod version;

pub use callbacks::*;
pub use close_code::*;
pub use close_event::*;
pub use config::*;
pub use config_address::*;
pub use config_client::*;
pub use config_deflate::*;
pub use config_limits::*;
pub use config_proxy::*;
pub use config_request::*;
pub use config_time::*;
pub use config_tls::*;
pub use event::*;
pub use handle::*;
pub use log::*;
pub use r#loop::*;
pub use reconnect::*;
pub use result::*;
pub use socket::*;
pub use socket_close::*;
pub use socket_drive::*;
pub use socket_handlers::*;
pub use socket_info::*;
pub use socket_send::*;
pub use socket_stats::*;
pub use version::*;
