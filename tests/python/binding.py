"""The part of wskt.h that the tests use, by ctypes alone. It is read off the
header; no C compiler and no header parser is involved."""

import ctypes
import os
from ctypes import (
    CFUNCTYPE,
    POINTER,
    c_bool,
    c_char_p,
    c_double,
    c_int32,
    c_int64,
    c_size_t,
    c_uint16,
    c_void_p,
)

OK, ERR_INVALID_ACCESS, ERR_CLOSED, ERR_TIMEOUT = 0, -12, -17, -18
OPEN, MESSAGE, ERROR, CLOSE = 1, 2, 3, 4
TEXT, BINARY = 1, 2
CAUSE_LOCAL, CAUSE_CONNECT = 2, 5


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
    _fields_ = [
        ("head", Event),
        ("kind", c_int32),
        ("data", c_void_p),
        ("len", c_size_t),
    ]

    def payload(self):
        return ctypes.string_at(self.data, self.len)


class ErrorEvent(ctypes.Structure):
    _fields_ = [
        ("head", Event),
        ("cause", c_int32),
        ("os_error", c_int32),
        ("http_status", c_uint16),
        ("message", c_char_p),
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
        ("message", c_char_p),
        ("message_len", c_size_t),
    ]

    def reason_text(self):
        return ctypes.string_at(self.reason, self.reason_len).decode()


STRUCTS = {MESSAGE: MessageEvent, ERROR: ErrorEvent, CLOSE: CloseEvent}

Handler = CFUNCTYPE(None, c_void_p, POINTER(Event), c_void_p)


def whole(event):
    """The struct whose head `event` points to."""
    kind = STRUCTS.get(event.contents.type, Event)
    made = ctypes.cast(event, POINTER(kind)).contents
    assert event.contents.struct_size == ctypes.sizeof(kind), event.contents.type
    return made


def load():
    lib = ctypes.CDLL(os.environ["WSKT_LIBRARY"])
    handle, out = c_void_p, POINTER(c_void_p)
    signatures = {
        "wskt_version_string": (c_char_p,),
        "wskt_result_name": (c_char_p, c_int32),
        "wskt_handle_count": (c_size_t,),
        "wskt_config_new": (c_int32, out),
        "wskt_config_free": (None, handle),
        "wskt_config_add_ca_file": (c_int32, handle, c_char_p),
        "wskt_config_set_connect_timeout": (c_int32, handle, c_int64),
        "wskt_loop_new": (c_int32, out),
        "wskt_loop_free": (c_int32, handle),
        "wskt_loop_start": (c_int32, handle),
        "wskt_loop_stop": (c_int32, handle),
        "wskt_loop_next_event": (c_int32, handle, c_int32, POINTER(POINTER(Event))),
        "wskt_socket_new": (c_int32, handle, c_char_p, handle, out),
        "wskt_socket_free": (None, handle),
        "wskt_socket_open": (c_int32, handle),
        "wskt_socket_set_on_open": (c_int32, handle, Handler),
        "wskt_socket_set_on_message": (c_int32, handle, Handler),
        "wskt_socket_set_on_error": (c_int32, handle, Handler),
        "wskt_socket_set_on_close": (c_int32, handle, Handler),
        "wskt_socket_send_text": (c_int32, handle, c_char_p, c_size_t),
        "wskt_socket_send_binary": (c_int32, handle, c_char_p, c_size_t),
        "wskt_socket_close": (c_int32, handle, c_uint16, c_char_p, c_size_t),
        "wskt_socket_ready_state": (c_int32, handle),
        "wskt_socket_url": (c_char_p, handle, POINTER(c_size_t)),
    }
    for name, (result, *arguments) in signatures.items():
        function = getattr(lib, name)
        function.restype = result
        function.argtypes = arguments
    return lib


LIB = load()


def check(result, want=OK):
    assert result == want, LIB.wskt_result_name(result).decode()


def make(function, *arguments):
    """Calls a ..._new and returns the handle."""
    handle = c_void_p()
    check(function(*arguments, ctypes.byref(handle)))
    return handle.value


def new_config():
    config = make(LIB.wskt_config_new)
    check(LIB.wskt_config_add_ca_file(config, os.environ["WSKT_CA"].encode()))
    return config


def url(port, path):
    scheme = "wss" if port == "wss" else "ws"
    return f"{scheme}://127.0.0.1:{os.environ['WSKT_PORT_' + port.upper()]}{path}"


def new_socket(loop, config, port, path="/echo"):
    return make(LIB.wskt_socket_new, loop, url(port, path).encode(), config)


def send(socket, message):
    """Text as str, binary as bytes."""
    if isinstance(message, str):
        data = message.encode()
        check(LIB.wskt_socket_send_text(socket, data, len(data)))
    else:
        check(LIB.wskt_socket_send_binary(socket, message, len(message)))


def close(socket, code, reason, want=OK):
    data = reason.encode()
    check(LIB.wskt_socket_close(socket, code, data, len(data)), want)


def message_of(event):
    """What `send` was given."""
    data = event.payload()
    return data.decode() if event.kind == TEXT else data


# Sent one after the other; each comes back.
MESSAGES = ["Grüße, 世界 \U0001f30d", b"\x00\x01\xff", "", b"", "a\x00b", bytes(range(256)) * 300]
