//! wskt: the browser's WebSocket behind a C ABI.
//!
//! ```text
//!  C, C++, Python, Node, Lua, Go …
//!         │  include/wskt.h (generated)
//!  ffi/        entry points: check, convert, call, convert back
//!         │
//!  drive/      who turns the crank: blocking │ thread │ embedded │ pulled
//!         │
//!  engine      poller + waker + deadlines + connections
//!         │
//!  conn/       one connection: dial → TLS → upgrade → open → ending
//!         │
//!  protocol/   frames and messages: bytes in, items out
//!         │
//!  sys/        TCP, TLS over memory, clocks, wakers
//! ```
//!
//! `socket/` is the half of a connection that every thread may touch.
//! `docs/ARCHITECTURE.md` tells the rest. The C layer is the product; the
//! Rust items are public for the project's own tests and benches and promise
//! nothing.

#[doc(hidden)]
pub mod close_code;
#[doc(hidden)]
pub mod config;
mod conn;
mod deadline;
mod der;
#[doc(hidden)]
pub mod drive;
mod engine;
#[doc(hidden)]
pub mod error;
#[doc(hidden)]
pub mod event;
pub mod ffi;
#[doc(hidden)]
pub mod fuzzing;
mod helpers;
#[doc(hidden)]
pub mod log;
mod panics;
#[doc(hidden)]
pub mod protocol;
mod ready;
#[doc(hidden)]
pub mod reconnect;
mod request;
mod resolve;
#[doc(hidden)]
pub mod socket;
mod sync;
mod sys;
mod tag;
#[doc(hidden)]
pub mod text;
