"""How to connect."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Callable, Optional, Union

from . import _native as c
from .errors import check, error

if TYPE_CHECKING:
    from ssl import TLSVersion

_INT_MAX = 2**31 - 1
_SIZE_MAX = 2 ** (8 * ctypes.sizeof(ctypes.c_size_t)) - 1

Pairs = Union[Mapping[str, str], Iterable[tuple[str, str]]]
Path = Union[str, "os.PathLike[str]"]
Pem = Union[str, bytes]


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


# What an option's value is for C, as the arguments it becomes.
_Convert = Callable[[str, Any], tuple[Any, ...]]


def _int(limit: int) -> _Convert:
    return lambda what, value: (whole(what, value, limit),)


def _time(what: str, value: Any) -> tuple[Any, ...]:
    return (milliseconds(what, value),)


def _flag(what: str, value: Any) -> tuple[Any, ...]:
    if not isinstance(value, bool):
        raise TypeError(f"{what} must be bool, not {type(value).__name__}")
    return (value,)


def _text(what: str, value: Any) -> tuple[Any, ...]:
    return (name_bytes(what, value, c.ERR_INVALID_ARGUMENT),)


def _header(what: str, value: Any) -> tuple[Any, ...]:
    return (name_bytes(what, value, c.ERR_INVALID_HEADER),)


def _path(what: str, value: Any) -> tuple[Any, ...]:
    return _text(what, os.fspath(value))


def _pem(what: str, value: Any) -> tuple[Any, ...]:
    data = value.encode() if isinstance(value, str) else value
    if not isinstance(data, bytes):
        raise TypeError(f"{what} must be str or bytes, not {type(value).__name__}")
    return data, len(data)


def _archive(what: str, value: Any) -> tuple[Any, ...]:
    if not isinstance(value, bytes):
        raise TypeError(f"{what} must be bytes, not {type(value).__name__}")
    return value, len(value)


def _tls_version(what: str, value: Any) -> tuple[Any, ...]:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{what} must be an ssl.TLSVersion, not {type(value).__name__}")
    # What is not known here the library refuses.
    return ({0x0303: c.TLS_1_2, 0x0304: c.TLS_1_3}.get(int(value), -1),)


_BYTES = _int(_SIZE_MAX)

# Each option: one converter for its value, or one for each of its values.
_OPTIONS: dict[str, tuple[_Convert, ...]] = {
    "headers": (_header, _header),
    "origin": (_header,),
    "user_agent": (_header,),
    "cookie": (_header,),
    "basic_authorization": (_text, _text),
    "bearer_authorization": (_text,),
    "host": (_text,),
    "allow_missing_protocol": (_flag,),
    "ca_file": (_path,),
    "ca_pem": (_pem,),
    "system_roots": (_flag,),
    "pinned_public_keys": (_text,),
    "min_tls_version": (_tls_version,),
    "max_tls_version": (_tls_version,),
    "tls_server_name": (_text,),
    "tls_sni": (_flag,),
    "tls_alpn": (_flag,),
    "danger_any_certificate": (_flag,),
    "danger_any_host_name": (_flag,),
    "client_certificate_file": (_path, _path),
    "client_certificate_pem": (_pem, _pem),
    "client_pkcs12_file": (_path, _text),
    "client_pkcs12": (_archive, _text),
    "proxy_from_environment": (),
    "proxy": (_text,),
    "no_proxy": (_text,),
    "connect_to": (_text, _text),
    "local_address": (_text,),
    "interface": (_text,),
    "unix_socket": (_path,),
    "tcp_keepalive": (_time, _time, _int(2**32 - 1)),
    "idle_timeout": (_time,),
    "heartbeat": (_time, _time),
    "max_message_size": (_int(2**64 - 1),),
    "max_fragments": (_int(2**32 - 1),),
    "read_buffer": (_BYTES,),
    "water_marks": (_BYTES, _BYTES),
    "deflate": (_flag,),
    "deflate_level": (_int(_INT_MAX),),
    "deflate_min_size": (_BYTES,),
    "deflate_max_window_bits": (_int(_INT_MAX), _int(_INT_MAX)),
    "deflate_no_context_takeover": (_flag, _flag),
    "ping_events": (_flag,),
    "browser_mode": (_flag,),
}
for _phase in ("open", "dns", "connect", "proxy", "tls", "upgrade", "close", "linger", "send"):
    _OPTIONS[f"{_phase}_timeout"] = (_time,)

# Those that take any number of values, and what adds one.
_MANY = {
    "headers": "add_header",
    "pinned_public_keys": "add_pinned_public_key",
    "connect_to": "add_connect_to",
}
_ONE = {"ca_file": "add_ca_file", "ca_pem": "add_ca_pem"}


class Config:
    """Options for any number of sockets; a value that is refused raises.

    Times are seconds. What is left out has the library's default. Changing
    nothing later: make another one. The man page of `wskt_config_set_NAME`
    has all there is to say about each.

    - the request: headers, a mapping or pairs; origin; user_agent; cookie;
      basic_authorization (user, password); bearer_authorization; host;
      allow_missing_protocol
    - TLS: ca_file and ca_pem, certificates to trust besides the system's;
      system_roots; pinned_public_keys ("sha256//…"); min_tls_version and
      max_tls_version, each an ssl.TLSVersion; tls_server_name; tls_sni;
      tls_alpn; danger_any_certificate; danger_any_host_name
    - our certificate: client_certificate_file and client_certificate_pem
      (certificate, key); client_pkcs12_file and client_pkcs12 (archive, password)
    - the way: proxy; no_proxy; proxy_from_environment; connect_to, a mapping
      or pairs of "host:port"; local_address; interface; unix_socket;
      tcp_keepalive (idle, interval, count)
    - time: open_timeout, all of opening, and of it dns_timeout,
      connect_timeout, proxy_timeout, tls_timeout, upgrade_timeout;
      close_timeout: the peer's answer to our Close; linger_timeout: its FIN
      after that; send_timeout: the peer takes no byte, and idle_timeout: it
      sends none (0 is off); heartbeat (interval, timeout)
    - limits: max_message_size in bytes, max_fragments, read_buffer in bytes,
      water_marks (low, high) in bytes
    - compression: deflate, whether it is offered; deflate_level 1 to 9;
      deflate_min_size in bytes; deflate_max_window_bits and
      deflate_no_context_takeover, each for (our messages, the server's)
    - ping_events: whether pings and pongs of the peer are events; browser_mode
    """

    def __init__(
        self,
        *,
        headers: Optional[Pairs] = None,
        origin: Optional[str] = None,
        user_agent: Optional[str] = None,
        cookie: Optional[str] = None,
        basic_authorization: Optional[tuple[str, str]] = None,
        bearer_authorization: Optional[str] = None,
        host: Optional[str] = None,
        allow_missing_protocol: Optional[bool] = None,
        ca_file: Optional[Path] = None,
        ca_pem: Optional[Pem] = None,
        system_roots: Optional[bool] = None,
        pinned_public_keys: Optional[Iterable[str]] = None,
        min_tls_version: Optional[TLSVersion] = None,
        max_tls_version: Optional[TLSVersion] = None,
        tls_server_name: Optional[str] = None,
        tls_sni: Optional[bool] = None,
        tls_alpn: Optional[bool] = None,
        danger_any_certificate: Optional[bool] = None,
        danger_any_host_name: Optional[bool] = None,
        client_certificate_file: Optional[tuple[Path, Path]] = None,
        client_certificate_pem: Optional[tuple[Pem, Pem]] = None,
        client_pkcs12_file: Optional[tuple[Path, str]] = None,
        client_pkcs12: Optional[tuple[bytes, str]] = None,
        proxy_from_environment: Optional[bool] = None,
        proxy: Optional[str] = None,
        no_proxy: Optional[str] = None,
        connect_to: Optional[Pairs] = None,
        local_address: Optional[str] = None,
        interface: Optional[str] = None,
        unix_socket: Optional[Path] = None,
        tcp_keepalive: Optional[tuple[float, float, int]] = None,
        open_timeout: Optional[float] = None,
        dns_timeout: Optional[float] = None,
        connect_timeout: Optional[float] = None,
        proxy_timeout: Optional[float] = None,
        tls_timeout: Optional[float] = None,
        upgrade_timeout: Optional[float] = None,
        close_timeout: Optional[float] = None,
        linger_timeout: Optional[float] = None,
        send_timeout: Optional[float] = None,
        idle_timeout: Optional[float] = None,
        heartbeat: Optional[tuple[float, float]] = None,
        max_message_size: Optional[int] = None,
        max_fragments: Optional[int] = None,
        read_buffer: Optional[int] = None,
        water_marks: Optional[tuple[int, int]] = None,
        deflate: Optional[bool] = None,
        deflate_level: Optional[int] = None,
        deflate_min_size: Optional[int] = None,
        deflate_max_window_bits: Optional[tuple[int, int]] = None,
        deflate_no_context_takeover: Optional[tuple[bool, bool]] = None,
        ping_events: Optional[bool] = None,
        browser_mode: Optional[bool] = None,
    ) -> None:
        # In this order: the environment's proxies come before those given.
        given = {name: value for name, value in locals().items() if name != "self"}
        handle = ctypes.c_void_p()
        check(c.LIB.wskt_config_new(ctypes.byref(handle)))
        self._handle: Optional[int] = handle.value
        for name, value in given.items():
            if value is not None:
                self._set(name, value)

    def _set(self, name: str, value: Any) -> None:
        converters = _OPTIONS[name]
        if name == "proxy_from_environment":
            if _flag(name, value)[0]:
                self._call("set_proxy_from_environment")
        elif name in _MANY:
            if isinstance(value, (str, bytes)):
                raise TypeError(f"{name} must be a collection, not {type(value).__name__}")
            for item in value.items() if isinstance(value, Mapping) else value:
                self._call(_MANY[name], *_arguments(name, converters, item))
        else:
            self._call(_ONE.get(name, f"set_{name}"), *_arguments(name, converters, value))

    def _call(self, setter: str, *values: Any) -> None:
        result = getattr(c.LIB, f"wskt_config_{setter}")(self._handle, *values)
        if result != c.OK:
            check(result, c.LIB.wskt_config_error_text(self._handle).decode())

    def __del__(self) -> None:
        handle, self._handle = getattr(self, "_handle", None), None
        if handle:
            c.LIB.wskt_config_free(handle)


def _arguments(name: str, converters: tuple[_Convert, ...], value: Any) -> list[Any]:
    values = [value]
    if len(converters) > 1:
        if not isinstance(value, (tuple, list)) or len(value) != len(converters):
            raise TypeError(f"{name} must be {len(converters)} values, not {value!r}")
        values = list(value)
    return [arg for to_c, one in zip(converters, values) for arg in to_c(name, one)]
