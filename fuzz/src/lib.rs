//! What the fuzz targets do with their bytes. `tests/corpora.rs` includes this
//! file too and runs the committed inputs as ordinary tests, so each target
//! works under plain `cargo test`.
//!
//! A target panics when something is wrong; it never ignores a wrong result.

pub mod api;
pub mod chunks;
pub mod deflate;
pub mod frames;
pub mod input;
pub mod judge;
pub mod proxy;
pub mod request;
pub mod upgrade;
