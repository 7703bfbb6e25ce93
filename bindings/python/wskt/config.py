"""How to connect."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable, Mapping
from typing import Any, Optional, Union

from . import _native as c
from .errors import check, error

_INT_MAX = 2**31 - 1
_SIZE_MAX = 2 ** (8 * ctypes.sizeof(ctypes.c_size_t)) - 1

Headers = Union[Mapping[str, str], Iterable[tuple[str, str]]]
Path = Union[str, "os.PathLike[str]"]


def name_bytes(what: str, text: object, refusal: int) -> bytes:
    """A name for C: text without NUL. What is no UTF-8 the library refuses."""
    if not isinstance(text, str):
        raise TypeError(f"{what} must be str, not {type(text).__name__}")
    if "\0" in text:
        raise error(refusal, f"{what} has a NUL in it")
    return text.encode("utf-8", "surrogatepass")


def milliseconds(what: str, seconds: object) -> int:
    """Seconds, as everywhere in Python, for C."""
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise TypeError(f"{what} must be a number of seconds, not {type(seconds).__name__}")
    if not -1e15 < seconds < 1e15:
        raise error(c.ERR_INVALID_ARGUMENT, f"{what}: {seconds} s")
    # What is above 0 stays above 0: 0 has a meaning of its own.
    return max(round(seconds * 1000), 1) if seconds > 0 else round(seconds * 1000)


def whole(what: str, number: object, limit: int) -> int:
    """A number that fits its C type."""
    if isinstance(number, bool) or not isinstance(number, int):
        raise TypeError(f"{what} must be int, not {type(number).__name__}")
    if not 0 <= number <= limit:
        raise error(c.ERR_INVALID_ARGUMENT, f"{what}: {number}")
    return number


class Config:
    """Options for any number of sockets; a value that is refused raises.

    Times are seconds. What is left out has the library's default. Changing
    nothing later: make another one.

    - open_timeout: all of opening; connect_timeout: DNS and TCP; tls_timeout;
      upgrade_timeout; close_timeout: the peer's answer to our Close;
      linger_timeout: its FIN after that; send_timeout: the peer takes no byte
      (0 is off)
    - max_message_size in bytes, max_fragments, water_marks (low, high) in bytes
    - headers of the upgrade request, a mapping or pairs
    - ca_file, ca_pem: certificates to trust besides the system's
    - deflate: whether compression is offered; deflate_level 1 to 9;
      deflate_min_size in bytes; deflate_max_window_bits and
      deflate_no_context_takeover, each for (our messages, the server's)
    - allow_missing_protocol, browser_mode
    """

    def __init__(
        self,
        *,
        open_timeout: Optional[float] = None,
        connect_timeout: Optional[float] = None,
        tls_timeout: Optional[float] = None,
        upgrade_timeout: Optional[float] = None,
        close_timeout: Optional[float] = None,
        linger_timeout: Optional[float] = None,
        send_timeout: Optional[float] = None,
        max_message_size: Optional[int] = None,
        max_fragments: Optional[int] = None,
        water_marks: Optional[tuple[int, int]] = None,
        headers: Headers = (),
        ca_file: Optional[Path] = None,
        ca_pem: Union[str, bytes, None] = None,
        deflate: bool = True,
        deflate_level: Optional[int] = None,
        deflate_min_size: Optional[int] = None,
        deflate_max_window_bits: Optional[tuple[int, int]] = None,
        deflate_no_context_takeover: Optional[tuple[bool, bool]] = None,
        allow_missing_protocol: bool = False,
        browser_mode: bool = False,
    ) -> None:
        handle = ctypes.c_void_p()
        check(c.LIB.wskt_config_new(ctypes.byref(handle)))
        self._handle: Optional[int] = handle.value
        times = {
            "open_timeout": open_timeout,
            "connect_timeout": connect_timeout,
            "tls_timeout": tls_timeout,
            "upgrade_timeout": upgrade_timeout,
            "close_timeout": close_timeout,
            "linger_timeout": linger_timeout,
            "send_timeout": send_timeout,
        }
        for name, seconds in times.items():
            if seconds is not None:
                self._call(f"set_{name}", milliseconds(name, seconds))
        if max_message_size is not None:
            size = whole("max_message_size", max_message_size, 2**64 - 1)
            self._call("set_max_message_size", size)
        if max_fragments is not None:
            self._call("set_max_fragments", whole("max_fragments", max_fragments, 2**32 - 1))
        if water_marks is not None:
            low, high = (whole("water_marks", mark, _SIZE_MAX) for mark in water_marks)
            self._call("set_water_marks", low, high)
        self._call("set_deflate", bool(deflate))
        if deflate_level is not None:
            self._call("set_deflate_level", whole("deflate_level", deflate_level, _INT_MAX))
        if deflate_min_size is not None:
            size = whole("deflate_min_size", deflate_min_size, _SIZE_MAX)
            self._call("set_deflate_min_size", size)
        if deflate_max_window_bits is not None:
            bits = (whole("deflate_max_window_bits", n, _INT_MAX) for n in deflate_max_window_bits)
            self._call("set_deflate_max_window_bits", *bits)
        if deflate_no_context_takeover is not None:
            ours, theirs = deflate_no_context_takeover
            self._call("set_deflate_no_context_takeover", bool(ours), bool(theirs))
        for name, value in headers.items() if isinstance(headers, Mapping) else headers:
            self._call(
                "add_header",
                name_bytes("a header's name", name, c.ERR_INVALID_HEADER),
                name_bytes("a header's value", value, c.ERR_INVALID_HEADER),
            )
        if ca_file is not None:
            path = name_bytes("ca_file", os.fspath(ca_file), c.ERR_INVALID_ARGUMENT)
            self._call("add_ca_file", path)
        if ca_pem is not None:
            pem = ca_pem.encode() if isinstance(ca_pem, str) else ca_pem
            if not isinstance(pem, bytes):
                raise TypeError(f"ca_pem must be str or bytes, not {type(pem).__name__}")
            self._call("add_ca_pem", pem, len(pem))
        self._call("set_allow_missing_protocol", bool(allow_missing_protocol))
        self._call("set_browser_mode", bool(browser_mode))

    def _call(self, setter: str, *values: Any) -> None:
        result = getattr(c.LIB, f"wskt_config_{setter}")(self._handle, *values)
        if result != c.OK:
            check(result, c.LIB.wskt_config_error_text(self._handle).decode())

    def __del__(self) -> None:
        handle, self._handle = getattr(self, "_handle", None), None
        if handle:
            c.LIB.wskt_config_free(handle)
