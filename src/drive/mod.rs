//! Who turns the crank. One engine and four ways: blocking calls, a thread of
//! the library's own, the caller's loop through one descriptor, and pulled
//! events.

pub(crate) mod blocking;
mod claim;
pub(crate) mod context;
mod embed;
mod event_loop;
mod pull;
pub(crate) mod sending;
mod thread;

pub(crate) use context::as_callback;
pub use context::in_callback;
pub use event_loop::Loop;
