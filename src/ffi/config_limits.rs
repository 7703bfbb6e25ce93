//! Limits for C.

use super::config::set;
use super::handle::wskt_config;
use super::result::wskt_result;

/// Limits the size of a received message, in bytes. 67108864 (64 MiB) if
/// never set.
///
/// It bounds what arrives and, of a compressed message, what that inflates to.
/// A larger one ends the connection before its memory is taken: the peer gets
/// a Close frame with code 1009; error, close with code 1006 and
/// WSKT_CAUSE_MESSAGE_TOO_BIG follow. Of a message in chunks it bounds each
/// chunk instead: see wskt_socket_set_message_chunks.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_INVALID_ARGUMENT: `bytes` is 0.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// RFC 6455, section 10.4. Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_config_set_max_message_size(
    config: *mut wskt_config,
    bytes: u64,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { set(config, "max_message_size", |config| config.set_max_message_size(bytes)) }
}

/// Limits the number of continuation frames in a received message. 131072 if
/// never set.
///
/// A message with more ends the connection as one that is too large does. So
/// does one in chunks.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_INVALID_ARGUMENT: `count` is 0.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// RFC 6455, section 10.4. Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_config_set_max_fragments(
    config: *mut wskt_config,
    count: u32,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { set(config, "max_fragments", |config| config.set_max_fragments(count)) }
}

/// Sets the size of the buffer that received bytes are read into, in bytes:
/// what one read takes from the kernel at most, ahead of what the program has
/// been told. Where messages of more than 16 KiB come in part, it is up to twice
/// as much.
///
/// 0, which it is if never set, leaves it to wskt: 65536, and twice as much behind
/// each read that has filled it, up to 524288 (512 KiB); not where messages are so
/// large that two do not fit. A socket without a loop gives back what it has grown
/// by when nothing has come for a tenth of a second.
///
/// With more than that, a flood takes still fewer system calls: with 16777216 (16
/// MiB), 64 KiB over loopback take 0.06 to 0.12 instead of 0.17 to 0.33. It seldom
/// takes less time, and it takes more when the buffer is larger than the CPU's
/// cache. With less, wskt_socket_pause leaves less in memory, and many sockets
/// without a loop take less.
///
/// The sockets of a loop share one buffer, as large as the largest that one of
/// them needs, and do not give it back; memory that nothing arrived in is not
/// touched, and where
/// the system refuses so much the buffer is smaller. Other sockets wait while
/// one's buffer is told. What wskt_socket_pause leaves in it, and a message that
/// has come in part, stays in memory: if that is more than 256 KiB, the socket
/// keeps the buffer itself, and the others get another. The kernel holds the
/// rest back. A message that is larger than the buffer is received into memory
/// of its own.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_INVALID_ARGUMENT: `bytes` is not in 4096 to 1073741824 (1 GiB), nor
///   0.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_config_set_read_buffer(
    config: *mut wskt_config,
    bytes: usize,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { set(config, "read_buffer", |config| config.set_read_buffer(bytes)) }
}

/// Sets the water marks of the send queue, in bytes. 1048576 and 4194304 (1
/// and 4 MiB) if never set.
///
/// A send is refused with WSKT_ERR_BUFFER_FULL while the queue stands at or
/// over `high`. One message may take it beyond: a message is never refused
/// for its own size. The drain event comes when the queue is back at or under
/// `low`.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_INVALID_ARGUMENT: `high` is 0, or `low` is above it.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_config_set_water_marks(
    config: *mut wskt_config,
    low: usize,
    high: usize,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { set(config, "water_marks", |config| config.set_water_marks(low, high)) }
}
