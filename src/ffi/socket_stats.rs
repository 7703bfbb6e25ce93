//! A socket's counters for C.

use super::handle::{self, wskt_socket};
use super::result::wskt_result;
use crate::error::{Error, Result};
use crate::socket::{Socket, Stats};
use std::mem;
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

/// What a socket has sent and received, and how long opening took.
///
/// Everything counts from the open event on: neither the upgrade nor TLS is
/// in it. What is sent counts when it is accepted, `bytes_sent` when the
/// kernel has it. Durations are microseconds; 0 is a phase that did not take
/// place, or is not over.
///
/// A later version may add fields at the end.
///
/// Its function: wskt_socket_stats. Since: 0.1.0
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct wskt_stats {
    /// Set by the program to sizeof(wskt_stats) before the call; then how much
    /// of the struct was filled.
    pub struct_size: usize,
    /// Bytes of frames that the kernel took, headers included.
    pub bytes_sent: u64,
    /// Bytes of frames that came, headers included.
    pub bytes_received: u64,
    /// Frames, Close, Ping and Pong included, also those that wskt sends by
    /// itself.
    pub frames_sent: u64,
    /// Frames, Close, Ping and Pong included; of a message that is not whole
    /// yet, those before its last.
    pub frames_received: u64,
    /// Messages.
    pub messages_sent: u64,
    /// Messages.
    pub messages_received: u64,
    /// Bytes of messages as the program gave them.
    pub payload_sent: u64,
    /// Bytes of messages as the program gets them.
    pub payload_received: u64,
    /// The same after compression, as it goes out.
    pub wire_payload_sent: u64,
    /// The same before it is inflated, as it comes.
    pub wire_payload_received: u64,
    /// How long name resolution took.
    pub dns_us: u64,
    /// How long it took to establish the TCP connection.
    pub connect_us: u64,
    /// How long the TLS handshake with the server took.
    pub tls_us: u64,
    /// How long the upgrade took, from the request to the end of the answer.
    pub upgrade_us: u64,
    /// How long the proxy took, from TCP to its consent, TLS with it included.
    pub proxy_us: u64,
    /// How long the last ping that was answered took, as
    /// wskt_socket_round_trip_time has it; 0 before the first, then at least 1.
    pub round_trip_us: u64,
}

impl wskt_stats {
    fn new(stats: &Stats, struct_size: usize) -> Self {
        let us = |took: Duration| u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        Self {
            struct_size,
            bytes_sent: stats.bytes_sent,
            bytes_received: stats.bytes_received,
            frames_sent: stats.frames_sent,
            frames_received: stats.frames_received,
            messages_sent: stats.messages_sent,
            messages_received: stats.messages_received,
            payload_sent: stats.payload_sent,
            payload_received: stats.payload_received,
            wire_payload_sent: stats.wire_payload_sent,
            wire_payload_received: stats.wire_payload_received,
            dns_us: us(stats.dns),
            connect_us: us(stats.connect),
            tls_us: us(stats.tls),
            upgrade_us: us(stats.upgrade),
            proxy_us: us(stats.proxy),
            round_trip_us: stats.round_trip.map_or(0, |took| us(took).max(1)),
        }
    }
}

/// Fills a struct with the socket's counters.
///
/// The program sets `stats->struct_size` to sizeof(wskt_stats) first. A program
/// built for another version of wskt gets the fields that both know, and finds
/// in `struct_size` how many bytes these are. While another thread drives the
/// socket, each number is right for a moment of its own.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_INVALID_ARGUMENT: `stats->struct_size` has no room for a field.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_socket_stats(
    socket: *const wskt_socket,
    stats: *mut wskt_stats,
) -> wskt_result {
    // SAFETY: the caller promises a live handle, and a struct as large as it
    // says, or NULLs.
    unsafe { handle::with(socket, |socket| fill(socket, stats)) }
}

/// # Safety
/// `to` is NULL, or readable for its first field and writable for as many
/// bytes as that says.
unsafe fn fill(socket: &Arc<Socket>, to: *mut wskt_stats) -> Result<()> {
    if to.is_null() {
        return Err(Error::Null);
    }
    // SAFETY: not NULL, and its first field is readable by the caller's
    // promise.
    let room = unsafe { to.cast::<usize>().read() };
    let size = room.min(mem::size_of::<wskt_stats>());
    if size <= mem::size_of::<usize>() {
        return Err(Error::InvalidArgument);
    }
    let stats = wskt_stats::new(&socket.stats(), size);
    // SAFETY: `size` bytes are readable here and writable there; a struct of
    // our own cannot overlap the program's.
    unsafe { ptr::copy_nonoverlapping(ptr::from_ref(&stats).cast::<u8>(), to.cast(), size) };
    Ok(())
}
