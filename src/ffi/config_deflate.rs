//! What a configuration says about permessage-deflate, for C.

use super::config::set;
use super::handle::wskt_config;
use super::result::wskt_result;
use crate::config::Config;

/// Sets whether permessage-deflate, the compression of messages, is offered
/// to the server. True if never set.
///
/// The offer is that of browsers, `permessage-deflate;
/// client_max_window_bits`, unless the functions that follow change it. The
/// server decides; wskt_socket_extensions tells. An answer with an unknown,
/// repeated or unfit parameter, or with any other extension, fails the
/// connection with WSKT_CAUSE_HANDSHAKE, and the message names it.
///
/// A connection takes the memory for compressing with the first message that
/// it compresses, some 370 KiB, and that for decompressing with the first
/// compressed message that comes, some 50 KiB, and keeps them until it ends.
/// wskt_config_set_deflate_no_context_takeover avoids that.
///
/// What a message inflates to counts against the limit of
/// wskt_config_set_max_message_size while it inflates.
///
/// Where secrets and text that an attacker chooses are sent in one message,
/// its compressed length can betray the secret to whoever watches the line;
/// wskt_socket_send can send such a message as it is.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// RFC 7692, section 7. Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_config_set_deflate(
    config: *mut wskt_config,
    on: bool,
) -> wskt_result {
    let change = |config: &mut Config| {
        config.deflate.on = on;
        Ok(())
    };
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { set(config, "deflate", change) }
}

/// Sets whether each message is compressed by itself, without what the ones
/// before have taught: `client` for the messages we send, `server` for those
/// that come. False and false if never set.
///
/// Messages get longer and connections get lighter: nothing is kept between
/// two messages. Each thread that sends or receives such messages keeps one
/// state of each kind for all its connections.
///
/// `client` needs no consent, though it is offered. A server that answers
/// without `server_no_context_takeover` where that was asked for fails the
/// connection.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// RFC 7692, section 7.1.1. Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_config_set_deflate_no_context_takeover(
    config: *mut wskt_config,
    client: bool,
    server: bool,
) -> wskt_result {
    let change = |config: &mut Config| {
        config.deflate.offer.client_no_context_takeover = client;
        config.deflate.offer.server_no_context_takeover = server;
        Ok(())
    };
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { set(config, "deflate_no_context_takeover", change) }
}

/// Limits the windows of compression: `client` the one our messages are
/// compressed with, `server` the one that is needed for those that come. They
/// are powers of two: 15 is 32 KiB. 15 and 15 if never set.
///
/// A smaller window takes less memory and compresses less. The server may ask
/// for a smaller `client` window and gets it; for one of 8 bits, which zlib
/// cannot make, our messages are sent as they are. A `server` below 15 is
/// asked for, and a server that answers without it, or with more, fails the
/// connection.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_INVALID_ARGUMENT: `client` is not in 9 to 15, or `server` is not
///   in 8 to 15.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// RFC 7692, section 7.1.2. Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_config_set_deflate_max_window_bits(
    config: *mut wskt_config,
    client: i32,
    server: i32,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL.
    unsafe {
        set(config, "deflate_max_window_bits", |config| {
            config.set_deflate_max_window_bits(client, server)
        })
    }
}

/// Sets how hard our messages are compressed, from 1, the fastest, to 9, the
/// smallest. 6 if never set, as zlib has it.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_INVALID_ARGUMENT: `level` is not in 1 to 9.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_config_set_deflate_level(
    config: *mut wskt_config,
    level: i32,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { set(config, "deflate_level", |config| config.set_deflate_level(level)) }
}

/// Sets the size in bytes from which on a message is compressed. 128 if never
/// set: below, there is little to gain. 0 compresses every message.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_config_set_deflate_min_size(
    config: *mut wskt_config,
    bytes: usize,
) -> wskt_result {
    let change = |config: &mut Config| {
        config.deflate.min_size = bytes;
        Ok(())
    };
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { set(config, "deflate_min_size", change) }
}
