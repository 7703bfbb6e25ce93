"""Every option does what it says: seen by the server, or in how it ends."""

import json
import os
import ssl
import unittest
from unittest import mock

import wskt
from support import LIMIT, Test, report, script, url

DIR, CA = os.environ["WSKT_DIR"], os.environ["WSKT_CA"]


def file(name, mode="r"):
    with open(os.path.join(DIR, name), mode) as opened:
        return opened.read()


def port(name):
    return os.environ["WSKT_PORT_" + name.upper()]


class Options(Test):
    def echoes(self, address, **options):
        """The connection comes about; what the server saw if it was a script."""
        config = wskt.Config(**options)
        with wskt.connect(address, (), config, timeout=LIMIT) as ws:
            ws.send("there?")
            self.assertEqual(ws.recv(LIMIT), "there?")
        del config
        return json.loads(report(ws.url)) if "id=" in ws.url else None

    def fails(self, cause, address, **options):
        config = wskt.Config(**options)
        kind = wskt.TimeoutError if cause == "timeout" else wskt.ConnectError
        with self.assertRaises(kind) as caught:
            wskt.connect(address, (), config, timeout=LIMIT)
        self.assertEqual(caught.exception.close_event.cause, cause)
        caught.exception.close_event = None
        del config

    def test_the_request(self):
        echo = "accept;echo-until-close"
        seen = self.echoes(
            script(echo), headers=[("X-A", "1"), ("X-A", "2")], origin="https://example.com",
            user_agent="me/1", cookie="a=b", host="other.example:1",
            basic_authorization=("us", "er"), allow_missing_protocol=True)
        headers = seen["request"]["headers"]
        for pair in (["X-A", "1"], ["X-A", "2"], ["Origin", "https://example.com"],
                     ["User-Agent", "me/1"], ["Cookie", "a=b"], ["Host", "other.example:1"],
                     ["Authorization", "Basic dXM6ZXI="]):
            self.assertIn(pair, headers)
        seen = self.echoes(script(echo), bearer_authorization="t0ken")
        self.assertIn(["Authorization", "Bearer t0ken"], seen["request"]["headers"])

    def test_whom_tls_trusts(self):
        # The environment names the server's CA as the system's.
        self.echoes(url("wss"))
        self.fails("tls", url("wss"), system_roots=False)
        self.echoes(url("wss"), system_roots=False, ca_pem=file("ca.pem"))
        self.fails("tls", url("wss_untrusted"))
        self.echoes(url("wss_untrusted"), ca_file=os.path.join(DIR, "other-ca.pem"))
        self.echoes(url("wss_untrusted"), danger_any_certificate=True)
        self.fails("tls", url("wss_wrong_host"))
        self.echoes(url("wss_wrong_host"), danger_any_host_name=True)
        self.echoes(url("wss_wrong_host"), tls_server_name="other.example")
        pins = [file("other-pin").strip(), file("pin").strip()]
        self.echoes(url("wss"), pinned_public_keys=pins)
        self.fails("tls", url("wss"), pinned_public_keys=pins[:1])

    def test_what_tls_offers(self):
        self.fails("tls", url("wss_tls12"), min_tls_version=ssl.TLSVersion.TLSv1_3)
        self.fails("tls", url("wss_tls13"), max_tls_version=ssl.TLSVersion.TLSv1_2)
        address = script("accept;echo-until-close", "wss")
        seen = self.echoes(address)["tls"]
        self.assertEqual((seen["server_name"], seen["alpn"]), ("localhost", "http/1.1"))
        address = script("accept;echo-until-close", "wss")
        seen = self.echoes(address, tls_sni=False, tls_alpn=False)["tls"]
        self.assertEqual((seen["server_name"], seen["alpn"]), ("", ""))

    def test_our_certificate(self):
        password = "correct horse"
        self.fails("tls", url("wss_client_tls12"))
        for option, value in (
            ("client_certificate_file", (f"{DIR}/client.pem", f"{DIR}/client.key")),
            ("client_certificate_pem", (file("client.pem"), file("client.key"))),
            ("client_pkcs12_file", (f"{DIR}/client.p12", password)),
            ("client_pkcs12", (file("client.p12", "rb"), password)),
        ):
            self.echoes(url("wss_client_tls13"), **{option: value})
        for value, name in (((file("client.p12", "rb"), "wrong"), "WRONG_PASSWORD"),
                            ((b"nothing", password), "INVALID_CERTIFICATE")):
            with self.assertRaises(wskt.ArgumentError) as caught:
                wskt.Config(client_pkcs12=value)
            self.assertEqual(caught.exception.name, "WSKT_ERR_" + name)

    def test_proxies(self):
        seen = f"http://python-proxy:@localhost:{port('ws')}"
        self.echoes(url("ws"), proxy=seen)
        told = json.loads(report("?id=python-proxy"))
        self.assertEqual(told["request"]["target"], f"localhost:{port('ws')}")
        nowhere = f"http://localhost:{port('refused')}"
        self.fails("connect", url("ws"), proxy=nowhere)
        self.echoes(url("ws"), proxy=nowhere, no_proxy="localhost")
        with mock.patch.dict(os.environ, {"all_proxy": nowhere, "no_proxy": ""}):
            self.fails("connect", url("ws"), proxy_from_environment=True)
            self.echoes(url("ws"), proxy_from_environment=False)
            self.echoes(url("ws"), proxy_from_environment=True, proxy=seen)
        self.fails("timeout", url("ws"), proxy=f"http://localhost:{port('blackhole')}",
                   proxy_timeout=0.05)

    def test_addresses(self):
        there = f"localhost:{port('ws')}"
        self.echoes("ws://nowhere.invalid:81/echo", connect_to={"nowhere.invalid:81": there})
        self.echoes("ws://nowhere.invalid/echo", unix_socket=f"{DIR}/ws.sock")
        self.echoes(url("ws"), local_address="127.0.0.1", interface="lo",
                    tcp_keepalive=(10, 5, 3))
        self.fails("connect", url("ws"), local_address="192.0.2.1")
        self.fails("connect", url("ws"), interface="nowhere0")

    def test_read_buffer(self):
        for size in (4096, 1 << 20):
            config, data = wskt.Config(read_buffer=size, deflate=False), b"x" * 100_000
            with wskt.connect(url("ws"), (), config, timeout=LIMIT) as ws:
                for _ in range(3):
                    ws.send(data)
                self.assertEqual([ws.recv(LIMIT) for _ in range(3)], [data] * 3)
        del config

    def test_time(self):
        for phase in ("open", "dns", "connect", "proxy", "tls", "upgrade", "close", "linger",
                      "send", "idle"):
            with self.assertRaises(wskt.ArgumentError) as caught:
                wskt.Config(**{f"{phase}_timeout": -1})
            self.assertIn(f"{phase}_timeout: -1000 ms", str(caught.exception))
        config = wskt.Config(idle_timeout=0.05)
        with wskt.connect(script("accept;drain"), (), config, timeout=LIMIT) as ws:
            self.assert_end(ws.wait_closed(LIMIT), 1006, "", False, "timeout")
        config = wskt.Config(heartbeat=(0.02, LIMIT))
        answer = "expect-ping;expect-ping;close;half-close"
        with wskt.connect(script(answer), (), config, timeout=LIMIT) as ws:
            self.assert_end(ws.wait_closed(LIMIT), 1005, "", True, "peer")
        del config

    def test_pings(self):
        config = wskt.Config(ping_events=True)
        pings = "ping hi;expect-pong hi;pong oh;close;half-close"
        with wskt.connect(script(pings), (), config, timeout=LIMIT) as ws:
            seen = [ws.recv_event(LIMIT) for _ in range(4)]
        self.assertEqual([event.type for event in seen], ["open", "ping", "pong", "close"])
        self.assertIsInstance(seen[1], wskt.PingEvent)
        self.assertIsInstance(seen[2], wskt.PongEvent)
        self.assertEqual([seen[1].data, seen[2].data], [b"hi", b"oh"])
        del config

    def test_what_is_refused(self):
        for options, text in (
            ({"origin": "a\nb"}, "origin"),
            ({"cookie": "a\0b"}, "cookie has a NUL in it"),
            ({"basic_authorization": ("a:b", "c")}, "basic_authorization"),
            ({"bearer_authorization": "a b"}, "bearer_authorization"),
            ({"host": "a b"}, "host"),
            ({"pinned_public_keys": ["md5//"]}, "pinned_public_key"),
            ({"min_tls_version": 5}, "min_tls_version"),
            ({"tls_server_name": "a b"}, "tls_server_name"),
            ({"client_certificate_file": ("/nowhere", "/nowhere")}, "client_certificate"),
            ({"client_certificate_pem": ("nothing", "nothing")}, "client_certificate"),
            ({"proxy": "ftp://x"}, "proxy"),
            ({"no_proxy": "a/b"}, "no_proxy"),
            ({"connect_to": {"a": "b"}}, "connect_to"),
            ({"local_address": "localhost"}, "local_address"),
            ({"interface": "x" * 16}, "interface"),
            ({"unix_socket": ""}, "unix_socket"),
            ({"tcp_keepalive": (0, 1, 1)}, "tcp_keepalive"),
            ({"heartbeat": (1, -1)}, "heartbeat"),
        ):
            with self.assertRaises((wskt.ArgumentError, wskt.SystemError), msg=options) as caught:
                wskt.Config(**options)
            self.assertIn(text, caught.exception.detail)
            self.assertTrue(str(caught.exception).startswith(caught.exception.text))
        for options in (
            {"origin": 5}, {"basic_authorization": "user"}, {"basic_authorization": ("a",)},
            {"system_roots": 1}, {"pinned_public_keys": "sha256//"}, {"pinned_public_keys": 5},
            {"min_tls_version": "1.2"}, {"client_pkcs12": ("text", "")}, {"connect_to": ["ab"]},
            {"client_certificate_file": (5, 5)}, {"tcp_keepalive": (1, 1)}, {"heartbeat": 5},
            {"heartbeat": ("a", 1)}, {"proxy": b"http://x"}, {"unix_socket": b"x"},
            {"proxy_from_environment": "yes"}, {"ping_events": 1},
        ):
            with self.assertRaises(TypeError, msg=options):
                wskt.Config(**options)


class Statistics(Test):
    def test_stats(self):
        config = wskt.Config(ca_file=CA, deflate=False)
        with wskt.connect(url("wss"), (), config, timeout=LIMIT) as ws:
            self.assertEqual(ws.stats.round_trip_time, 0.0)
            ws.ping()
            for data in ("x" * 10, b"y" * 1000):
                ws.send(data)
                ws.recv(LIMIT)
            stats = ws.stats
        self.assertEqual((stats.messages_sent, stats.messages_received), (2, 2))
        self.assertEqual((stats.payload_sent, stats.payload_received), (1010, 1010))
        self.assertEqual((stats.wire_payload_sent, stats.wire_payload_received), (1010, 1010))
        # Six and eight bytes of head; the server masks nothing. The ping is empty.
        self.assertEqual((stats.bytes_sent, stats.bytes_received), (1030, 1018))
        self.assertEqual((stats.frames_sent, stats.frames_received), (3, 3))
        self.assertTrue(all(0 < t < LIMIT for t in
                            (stats.connect_time, stats.tls_time, stats.upgrade_time,
                             stats.round_trip_time)), stats)
        self.assertEqual(stats.proxy_time, 0.0)
        # And after the end, with the Close frames.
        self.assertEqual((ws.stats.frames_sent, ws.stats.frames_received), (4, 4))
        config = wskt.Config(proxy=f"http://localhost:{port('ws')}")
        with wskt.connect(url("ws"), (), config, timeout=LIMIT) as ws:
            self.assertTrue(0 < ws.stats.proxy_time < LIMIT)
        del config


if __name__ == "__main__":
    unittest.main()
