"""What the tests share: the scripted server of tests/support/server."""

import asyncio
import itertools
import os
import unittest
import urllib.parse
import urllib.request

import wskt
from wskt._native import LIB

# Sent one after the other; each comes back.
MESSAGES = ["Grüße, 世界 \U0001f30d", b"\x00\x01\xff", "", b"", "a\x00b", bytes(range(256)) * 300]

LIMIT = 30.0
CONFIG = wskt.Config(ca_file=os.environ["WSKT_CA"])
_ids = itertools.count()


def url(port, path="/echo"):
    scheme = "wss" if port.startswith("wss") else "ws"
    return f"{scheme}://localhost:{os.environ['WSKT_PORT_' + port.upper()]}{path}"


def script(text, port="ws"):
    """The URL that makes the server run a script."""
    return url(port, "/s/" + urllib.parse.quote(text, safe="") + f"?id=python{next(_ids)}")


def signal(name):
    """Lets the script that waits for `name` go on."""
    control = f"http://127.0.0.1:{os.environ['WSKT_PORT_WS']}/signal/{name}"
    urllib.request.urlopen(control, timeout=LIMIT).read()


def report(address):
    """What the server saw on the connection of a script."""
    name = address.rpartition("id=")[2]
    control = f"http://127.0.0.1:{os.environ['WSKT_PORT_WS']}/report/{name}?wait=20"
    return urllib.request.urlopen(control, timeout=LIMIT).read().decode()


class Test(unittest.TestCase):
    """Every test leaves no object of the library behind, but the shared
    configuration."""

    def tearDown(self):
        self.assertEqual(LIB.wskt_handle_count(), 1)

    def assert_end(self, event, code, reason, clean, cause):
        self.assertIsInstance(event, wskt.CloseEvent)
        got = (event.code, event.reason, event.wasClean, event.cause)
        self.assertEqual(got, (code, reason, clean, cause), event)
        self.assertIsInstance(event.message, str)
        self.assertTrue(clean or event.message)


def run(coroutine):
    """asyncio.run with a limit."""
    return asyncio.run(asyncio.wait_for(coroutine, LIMIT))
