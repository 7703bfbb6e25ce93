//! Proxies for C.

use super::boundary::{name, name_or_none};
use super::config::set;
use super::handle::wskt_config;
use super::result::wskt_result;
use crate::config::Config;
use std::ffi::c_char;

/// Sets the proxy that every connection goes through. None if never set.
///
/// `url` is NUL-terminated UTF-8, copied: SCHEME://USER:PASSWORD@HOST:PORT,
/// of which only HOST is needed. NULL sets none. The schemes:
/// - http: HTTP CONNECT; the port is 80 if none is given
/// - https: the same inside TLS with the proxy; 443
/// - socks5h: SOCKS 5; 1080. The proxy resolves the server's name.
/// - socks5: the same, but the name is resolved here, and the proxy is asked
///   for one address after the other until it reaches one
///
/// A URL without a scheme is an HTTP proxy's. User and password are
/// percent-decoded, are sent to this proxy and to nobody else, and do not
/// appear in the log. The proxy gets the server's host and port and nothing
/// of the upgrade request; but with socks5 it resolves the server's name. TLS
/// with the server runs inside the tunnel. An https proxy's certificate is
/// checked against the same roots as a server's.
///
/// A proxy that refuses gives WSKT_CAUSE_PROXY, with its HTTP status in the
/// error event if there is one. ws+unix URLs and adopted descriptors never go
/// through a proxy.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_INVALID_ARGUMENT: `url` is not such a URL, its user has a colon
///   in it (HTTP), user or password are empty or longer than 255 bytes
///   (SOCKS 5), or a Unix-domain socket is set.
/// - WSKT_ERR_INVALID_UTF8: `url` is not UTF-8.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// RFC 9110, section 9.3.6; RFC 1928; RFC 1929. Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_config_set_proxy(
    config: *mut wskt_config,
    url: *const c_char,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL, and a C string or NULL.
    unsafe { set(config, "proxy", |config| config.set_proxy(name_or_none(url)?)) }
}

/// Sets which servers are reached without the proxy. None if never set.
///
/// `list` is NUL-terminated UTF-8, copied: entries between commas or blanks.
/// An entry is a name, which stands for all its subdomains too (a leading
/// "." or "*." changes nothing), an address, a network as 10.0.0.0/8 or
/// fd00::/8, or "*" for all. A name or an address may have a port behind it.
/// It is compared with the host of the URL; names are not resolved for it.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_INVALID_ARGUMENT: an entry is malformed.
/// - WSKT_ERR_INVALID_UTF8: `list` is not UTF-8.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_config_set_no_proxy(
    config: *mut wskt_config,
    list: *const c_char,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL, and a C string.
    unsafe { set(config, "no_proxy", |config| config.set_no_proxy(name(list)?)) }
}

/// Takes proxies from the environment, as it is at this moment: a later
/// change of a variable changes nothing. It replaces what wskt_config_set_proxy
/// and wskt_config_set_no_proxy set before.
///
/// ws URLs go through http_proxy, wss URLs through https_proxy; what is not
/// set is taken from all_proxy. no_proxy has the exceptions. Each is looked up
/// in upper case if there is none in lower case, except http_proxy. A variable
/// that is empty counts as not set; the values are as for
/// wskt_config_set_proxy and wskt_config_set_no_proxy.
///
/// No other thread may change the environment meanwhile, as with getenv().
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_INVALID_ARGUMENT: a variable has no such value, and
///   wskt_config_error_text tells which; or a Unix-domain socket is set.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_config_set_proxy_from_environment(
    config: *mut wskt_config,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { set(config, "proxy_from_environment", Config::set_proxy_from_environment) }
}
