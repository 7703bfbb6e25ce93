"""wskt/_native.py against the header, as tests/bindings/interface.rs has it
from the C compiler."""

import ctypes
import json
import os
import unittest
from inspect import signature

from wskt import Config, errors
from wskt import _native as c

with open(os.environ["WSKT_INTERFACE"], encoding="utf-8") as file:
    HEADER = json.load(file)

STRUCTS = {
    "wskt_event": c.Event,
    "wskt_message_event": c.MessageEvent,
    "wskt_error_event": c.ErrorEvent,
    "wskt_close_event": c.CloseEvent,
    "wskt_ping_event": c.PingEvent,
    "wskt_pong_event": c.PingEvent,
    "wskt_message_chunk_event": c.MessageChunkEvent,
    "wskt_attempt_event": c.AttemptEvent,
    "wskt_unsent_event": c.MessageEvent,
    "wskt_stats": c.Stats,
}

SCALARS = {
    "void": None,
    "bool": ctypes.c_bool,
    "int": ctypes.c_int,
    "int32_t": ctypes.c_int32,
    "int64_t": ctypes.c_int64,
    "uint16_t": ctypes.c_uint16,
    "uint32_t": ctypes.c_uint32,
    "uint64_t": ctypes.c_uint64,
    "size_t": ctypes.c_size_t,
    "wskt_result": ctypes.c_int32,
    "wskt_ready_state": ctypes.c_int32,
    "wskt_destroy_fn": ctypes.c_void_p,
}


class Interface(unittest.TestCase):
    def test_structs(self):
        for name, struct in STRUCTS.items():
            fields = HEADER["structs"][name]["fields"]
            # The header may have grown at the end.
            self.assertGreaterEqual(HEADER["structs"][name]["size"], ctypes.sizeof(struct))
            for field, *_ in struct._fields_:
                ours = getattr(struct, field)
                self.assertEqual([ours.offset, ours.size], fields[field], (name, field))

    def test_constants(self):
        checked = 0
        for name, value in vars(c).items():
            if name.isupper() and isinstance(value, int):
                self.assertEqual(HEADER["constants"]["WSKT_" + name], value, name)
                checked += 1
        self.assertGreater(checked, 20)

    def test_functions(self):
        for name, ours in c.FUNCTIONS.items():
            header = HEADER["functions"][name]
            self.assertEqual(len(ours), len(header), name)
            for kind, text in zip(ours, header):
                if "*" in text:
                    self.assertEqual(ctypes.sizeof(kind), ctypes.sizeof(ctypes.c_void_p), name)
                else:
                    self.assertIs(kind, SCALARS[text], (name, text))

    def test_every_setter_has_an_option(self):
        for name in HEADER["functions"]:
            verb, _, option = name.replace("wskt_config_", "").partition("_")
            if name.startswith("wskt_config_") and verb in ("set", "add"):
                self.assertIn(name, c.FUNCTIONS)
                plural = {"header": "headers", "pinned_public_key": "pinned_public_keys"}
                self.assertIn(plural.get(option, option), signature(Config).parameters)

    def test_results_keep_their_text(self):
        for name, value in HEADER["constants"].items():
            if name.startswith("WSKT_ERR_"):
                error = errors.error(value)
                self.assertEqual(error.name, name)
                self.assertEqual(str(error), c.LIB.wskt_result_text(value).decode())
                self.assertIsInstance(error, errors.Error)
                # Each is one of Python's own errors as well.
                self.assertTrue([k for k in type(error).__mro__ if k.__module__ == "builtins"
                                 and k not in (Exception, BaseException, object)], name)
