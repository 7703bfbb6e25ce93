"""wskt through ctypes: the part of include/wskt.h that the two tests use.

Nothing is generated: what a person would write who reads the header."""

import ctypes
import os
from ctypes import (
    CFUNCTYPE, POINTER, Structure, byref, c_bool, c_char_p, c_double, c_int,
    c_int32, c_size_t, c_uint16, c_void_p, string_at,
)

OK, CLOSED, TIMEOUT = 0, -17, -18
OPEN, MESSAGE, ERROR, CLOSE, DRAIN = 1, 2, 3, 4, 5
TEXT, BINARY = 1, 2


class Event(Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("type", c_int),
        ("bubbles", c_bool),
        ("cancelable", c_bool),
        ("is_trusted", c_bool),
        ("type_name", c_char_p),
        ("target", c_void_p),
        ("timestamp", c_double),
    ]


class MessageEvent(Structure):
    _fields_ = [
        ("head", Event),
        ("kind", c_int),
        ("data", c_void_p),
        ("len", c_size_t),
    ]

    def bytes(self):
        return string_at(self.data, self.len)


class CloseEvent(Structure):
    _fields_ = [
        ("head", Event),
        ("was_clean", c_bool),
        ("code", c_uint16),
        ("reason", c_void_p),
        ("reason_len", c_size_t),
        ("peer_code", c_uint16),
        ("cause", c_int),
        ("message", c_void_p),
        ("message_len", c_size_t),
    ]

    def text(self):
        return string_at(self.reason, self.reason_len).decode()


ON_OPEN = CFUNCTYPE(None, c_void_p, POINTER(Event), c_void_p)
ON_MESSAGE = CFUNCTYPE(None, c_void_p, POINTER(MessageEvent), c_void_p)
ON_CLOSE = CFUNCTYPE(None, c_void_p, POINTER(CloseEvent), c_void_p)

lib = ctypes.CDLL(os.environ["WSKT_LIBRARY"])
SIGNATURES = {
    "wskt_result_name": (c_char_p, [c_int32]),
    "wskt_handle_count": (c_size_t, []),
    "wskt_config_new": (c_int, [POINTER(c_void_p)]),
    "wskt_config_free": (None, [c_void_p]),
    "wskt_config_add_ca_file": (c_int, [c_void_p, c_char_p]),
    "wskt_loop_new": (c_int, [POINTER(c_void_p)]),
    "wskt_loop_free": (c_int, [c_void_p]),
    "wskt_loop_start": (c_int, [c_void_p]),
    "wskt_loop_next_event": (c_int, [c_void_p, c_int32, POINTER(POINTER(Event))]),
    "wskt_socket_new": (c_int, [c_void_p, c_char_p, c_void_p, POINTER(c_void_p)]),
    "wskt_socket_free": (None, [c_void_p]),
    "wskt_socket_set_on_open": (c_int, [c_void_p, ON_OPEN]),
    "wskt_socket_set_on_message": (c_int, [c_void_p, ON_MESSAGE]),
    "wskt_socket_set_on_close": (c_int, [c_void_p, ON_CLOSE]),
    "wskt_socket_open": (c_int, [c_void_p]),
    "wskt_socket_send_text": (c_int, [c_void_p, c_char_p, c_size_t]),
    "wskt_socket_send_binary": (c_int, [c_void_p, c_char_p, c_size_t]),
    "wskt_socket_close": (c_int, [c_void_p, c_uint16, c_char_p, c_size_t]),
    "wskt_socket_ready_state": (c_int, [c_void_p]),
}
for name, (result, arguments) in SIGNATURES.items():
    function = getattr(lib, name)
    function.restype = result
    function.argtypes = arguments


def check(result):
    """The result must be WSKT_OK."""
    if result != OK:
        raise AssertionError(lib.wskt_result_name(result).decode())


def make(function, *arguments):
    """Calls a *_new function; the handle it gives."""
    handle = c_void_p()
    check(function(*arguments, byref(handle)))
    return handle


def config():
    """A configuration that trusts the test server."""
    made = make(lib.wskt_config_new)
    check(lib.wskt_config_add_ca_file(made, os.environ["WSKT_CA"].encode()))
    return made


def url(scheme):
    """The echo path of the test server."""
    port = os.environ["WSKT_PORT_" + scheme.upper()]
    return f"{scheme}://127.0.0.1:{port}/echo".encode()
