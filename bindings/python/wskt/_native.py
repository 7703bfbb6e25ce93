"""wskt.h by ctypes: every struct, constant and function that this package
uses. tests/test_interface.py holds all of it against the C compiler."""

from __future__ import annotations

import ctypes
import os
from ctypes import POINTER, c_bool, c_char_p, c_double, c_int, c_int32, c_int64
from ctypes import c_size_t, c_uint16, c_uint32, c_uint64, c_void_p
from typing import Any

VERSION_NUMBER = 0x000100
SONAME = "libwskt.so.0.1"

OK = 0
ERR_INVALID_ARGUMENT = -2
ERR_INVALID_STATE = -3
ERR_INVALID_HEADER = -9
ERR_INVALID_ACCESS = -12
ERR_CLOSED = -17
ERR_TIMEOUT = -18
ERR_INTERRUPTED = -19
ERR_LOOP_GONE = -22
ERR_CONNECT_FAILED = -27

EVENT_OPEN, EVENT_MESSAGE, EVENT_ERROR, EVENT_CLOSE, EVENT_DRAIN = 1, 2, 3, 4, 5
EVENT_PING, EVENT_PONG = 6, 7
EVENT_MESSAGE_CHUNK, EVENT_ATTEMPT, EVENT_UNSENT = 8, 9, 10
MESSAGE_TEXT, MESSAGE_BINARY = 1, 2
CONNECTING, OPEN, CLOSING, CLOSED = 0, 1, 2, 3
TLS_1_2, TLS_1_3 = 12, 13


class Event(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("type", c_int32),
        ("bubbles", c_bool),
        ("cancelable", c_bool),
        ("is_trusted", c_bool),
        ("type_name", c_char_p),
        ("target", c_void_p),
        ("timestamp", c_double),
    ]


class MessageEvent(ctypes.Structure):
    """A wskt_unsent_event is the same."""

    _fields_ = [("head", Event), ("kind", c_int32), ("data", c_void_p), ("len", c_size_t)]


class ErrorEvent(ctypes.Structure):
    _fields_ = [
        ("head", Event),
        ("cause", c_int32),
        ("os_error", c_int32),
        ("http_status", c_uint16),
        ("message", c_void_p),
        ("message_len", c_size_t),
    ]


class CloseEvent(ctypes.Structure):
    _fields_ = [
        ("head", Event),
        ("was_clean", c_bool),
        ("code", c_uint16),
        ("reason", c_void_p),
        ("reason_len", c_size_t),
        ("peer_code", c_uint16),
        ("cause", c_int32),
        ("message", c_void_p),
        ("message_len", c_size_t),
    ]


class PingEvent(ctypes.Structure):
    """A wskt_pong_event is the same."""

    _fields_ = [("head", Event), ("data", c_void_p), ("len", c_size_t)]


class MessageChunkEvent(ctypes.Structure):
    _fields_ = [
        ("head", Event),
        ("kind", c_int32),
        ("first", c_bool),
        ("last", c_bool),
        ("data", c_void_p),
        ("len", c_size_t),
    ]


class AttemptEvent(ctypes.Structure):
    _fields_ = [
        ("head", Event),
        ("number", c_uint32),
        ("delay_ms", c_double),
        ("previous", POINTER(CloseEvent)),
    ]


class Stats(ctypes.Structure):
    _fields_ = [("struct_size", c_size_t)] + [
        (name, c_uint64)
        for name in (
            "bytes_sent", "bytes_received", "frames_sent", "frames_received",
            "messages_sent", "messages_received", "payload_sent", "payload_received",
            "wire_payload_sent", "wire_payload_received",
            "dns_us", "connect_us", "tls_us", "upgrade_us", "proxy_us", "round_trip_us",
        )
    ]


EventPointer = POINTER(Event)
_h, _out, _text, _len = c_void_p, POINTER(c_void_p), c_char_p, POINTER(c_size_t)

# Result first, then the parameters.
FUNCTIONS: dict[str, tuple[Any, ...]] = {
    "wskt_version_string": (_text,),
    "wskt_version_number": (c_uint32,),
    "wskt_result_name": (_text, c_int32),
    "wskt_result_text": (_text, c_int32),
    "wskt_cause_name": (_text, c_int32),
    "wskt_close_code_name": (_text, c_uint16),
    "wskt_close_code_text": (_text, c_uint16),
    "wskt_handle_count": (c_size_t,),
    "wskt_config_new": (c_int32, _out),
    "wskt_config_free": (None, _h),
    "wskt_config_error_text": (_text, _h),
    "wskt_config_set_browser_mode": (c_int32, _h, c_bool),
    "wskt_config_set_ping_events": (c_int32, _h, c_bool),
    "wskt_config_add_header": (c_int32, _h, _text, _text),
    "wskt_config_set_origin": (c_int32, _h, _text),
    "wskt_config_set_user_agent": (c_int32, _h, _text),
    "wskt_config_set_cookie": (c_int32, _h, _text),
    "wskt_config_set_basic_authorization": (c_int32, _h, _text, _text),
    "wskt_config_set_bearer_authorization": (c_int32, _h, _text),
    "wskt_config_set_host": (c_int32, _h, _text),
    "wskt_config_set_allow_missing_protocol": (c_int32, _h, c_bool),
    "wskt_config_add_ca_file": (c_int32, _h, _text),
    "wskt_config_add_ca_pem": (c_int32, _h, _text, c_size_t),
    "wskt_config_set_system_roots": (c_int32, _h, c_bool),
    "wskt_config_add_pinned_public_key": (c_int32, _h, _text),
    "wskt_config_set_min_tls_version": (c_int32, _h, c_int32),
    "wskt_config_set_max_tls_version": (c_int32, _h, c_int32),
    "wskt_config_set_tls_server_name": (c_int32, _h, _text),
    "wskt_config_set_tls_sni": (c_int32, _h, c_bool),
    "wskt_config_set_tls_alpn": (c_int32, _h, c_bool),
    "wskt_config_set_danger_any_certificate": (c_int32, _h, c_bool),
    "wskt_config_set_danger_any_host_name": (c_int32, _h, c_bool),
    "wskt_config_set_client_certificate_file": (c_int32, _h, _text, _text),
    "wskt_config_set_client_certificate_pem": (c_int32, _h, _text, c_size_t, _text, c_size_t),
    "wskt_config_set_client_pkcs12_file": (c_int32, _h, _text, _text),
    "wskt_config_set_client_pkcs12": (c_int32, _h, _text, c_size_t, _text),
    "wskt_config_set_proxy": (c_int32, _h, _text),
    "wskt_config_set_no_proxy": (c_int32, _h, _text),
    "wskt_config_set_proxy_from_environment": (c_int32, _h),
    "wskt_config_add_connect_to": (c_int32, _h, _text, _text),
    "wskt_config_set_local_address": (c_int32, _h, _text),
    "wskt_config_set_interface": (c_int32, _h, _text),
    "wskt_config_set_unix_socket": (c_int32, _h, _text),
    "wskt_config_set_tcp_keepalive": (c_int32, _h, c_int64, c_int64, c_uint32),
    "wskt_config_set_open_timeout": (c_int32, _h, c_int64),
    "wskt_config_set_dns_timeout": (c_int32, _h, c_int64),
    "wskt_config_set_connect_timeout": (c_int32, _h, c_int64),
    "wskt_config_set_proxy_timeout": (c_int32, _h, c_int64),
    "wskt_config_set_tls_timeout": (c_int32, _h, c_int64),
    "wskt_config_set_upgrade_timeout": (c_int32, _h, c_int64),
    "wskt_config_set_close_timeout": (c_int32, _h, c_int64),
    "wskt_config_set_linger_timeout": (c_int32, _h, c_int64),
    "wskt_config_set_send_timeout": (c_int32, _h, c_int64),
    "wskt_config_set_idle_timeout": (c_int32, _h, c_int64),
    "wskt_config_set_heartbeat": (c_int32, _h, c_int64, c_int64),
    "wskt_config_set_max_message_size": (c_int32, _h, c_uint64),
    "wskt_config_set_max_fragments": (c_int32, _h, c_uint32),
    "wskt_config_set_read_buffer": (c_int32, _h, c_size_t),
    "wskt_config_set_water_marks": (c_int32, _h, c_size_t, c_size_t),
    "wskt_config_set_deflate": (c_int32, _h, c_bool),
    "wskt_config_set_deflate_no_context_takeover": (c_int32, _h, c_bool, c_bool),
    "wskt_config_set_deflate_max_window_bits": (c_int32, _h, c_int32, c_int32),
    "wskt_config_set_deflate_level": (c_int32, _h, c_int32),
    "wskt_config_set_deflate_min_size": (c_int32, _h, c_size_t),
    "wskt_loop_new": (c_int32, _out),
    "wskt_loop_free": (c_int32, _h),
    "wskt_loop_fd": (c_int, _h),
    "wskt_loop_next_event": (c_int32, _h, c_int32, POINTER(EventPointer)),
    "wskt_socket_new": (c_int32, _h, _text, _h, _out),
    "wskt_socket_free": (None, _h),
    "wskt_socket_add_protocol": (c_int32, _h, _text),
    "wskt_socket_set_message_chunks": (c_int32, _h, c_bool),
    "wskt_socket_set_user_data": (c_int32, _h, c_void_p, c_void_p),
    "wskt_socket_user_data": (c_void_p, _h),
    "wskt_socket_open": (c_int32, _h),
    "wskt_socket_connect": (c_int32, _h, c_int32),
    "wskt_socket_recv": (c_int32, _h, c_int32, POINTER(EventPointer)),
    "wskt_socket_send_text": (c_int32, _h, _text, c_size_t),
    "wskt_socket_send_binary": (c_int32, _h, _text, c_size_t),
    "wskt_socket_ping": (c_int32, _h, _text, c_size_t),
    "wskt_socket_close": (c_int32, _h, c_uint16, _text, c_size_t),
    "wskt_socket_abort": (c_int32, _h),
    "wskt_socket_pause": (c_int32, _h),
    "wskt_socket_resume": (c_int32, _h),
    "wskt_socket_ready_state": (c_int32, _h),
    "wskt_socket_buffered_amount": (c_size_t, _h),
    "wskt_socket_url": (_text, _h, _len),
    "wskt_socket_protocol": (_text, _h, _len),
    "wskt_socket_extensions": (_text, _h, _len),
    "wskt_socket_response_status": (c_uint16, _h),
    "wskt_socket_response_header_count": (c_size_t, _h),
    "wskt_socket_response_header_at": (
        c_int32, _h, c_size_t, POINTER(c_char_p), POINTER(c_char_p),
    ),
    "wskt_socket_response_body": (c_void_p, _h, _len),
    "wskt_socket_close_event": (POINTER(CloseEvent), _h),
    "wskt_socket_stats": (c_int32, _h, POINTER(Stats)),
    "wskt_reconnector_new": (c_int32, _h, _out),
    "wskt_reconnector_free": (None, _h),
    "wskt_reconnector_set_delays": (c_int32, _h, c_int64, c_int64),
    "wskt_reconnector_set_max_tries": (c_int32, _h, c_uint32),
    "wskt_reconnector_start": (c_int32, _h),
    "wskt_reconnector_connect": (c_int32, _h, c_int32, _out),
    "wskt_reconnector_stop": (c_int32, _h),
    "wskt_reconnector_is_over": (c_bool, _h),
    "wskt_reconnector_socket": (c_void_p, _h),
}


def load() -> Any:
    """libwskt: the file WSKT_LIBRARY names, or what the system finds."""
    path = os.environ.get("WSKT_LIBRARY") or SONAME
    try:
        lib = ctypes.CDLL(path)
    except OSError as error:
        raise ImportError(
            f"wskt: {path} cannot be loaded ({error}); install libwskt, "
            "or set WSKT_LIBRARY to the path of libwskt.so"
        ) from None
    for name, (result, *parameters) in FUNCTIONS.items():
        function = getattr(lib, name)
        function.restype = result
        function.argtypes = parameters
    have = lib.wskt_version_number()
    if have >> 8 != VERSION_NUMBER >> 8 or have < VERSION_NUMBER:
        version = lib.wskt_version_string().decode()
        raise ImportError(f"wskt: {path} is version {version}; this package needs {SONAME}")
    return lib


LIB = load()


def text_at(address: int | None, length: int) -> str:
    """UTF-8 that the library lends."""
    return ctypes.string_at(address, length).decode() if address else ""


def text_of(function: Any, handle: int) -> str:
    """What a getter such as wskt_socket_url gives."""
    text: bytes | None = function(handle, None)
    return text.decode() if text else ""
