"""wskt.connect: blocking calls."""

import gc
import signal as signals
import threading
import unittest

import wskt
from support import CONFIG, LIMIT, MESSAGES, Test, report, script, signal, url


def connect(address, protocols=(), config=CONFIG):
    return wskt.connect(address, protocols, config, timeout=LIMIT)


class Echo(Test):
    def test_echo(self):
        for port in ("ws", "wss"):
            with connect(url(port)) as ws:
                self.assertEqual(ws.readyState, ws.OPEN)
                self.assertEqual(ws.url, url(port))
                for message in MESSAGES:
                    ws.send(message)
                    self.assertEqual(ws.recv(LIMIT), message)
                ws.send(bytearray(b"ab"))
                ws.send(memoryview(b"cd"))
                self.assertEqual([ws.recv(LIMIT), ws.recv(LIMIT)], [b"ab", b"cd"])
                ws.ping("still there?")
                ws.close(3999, "tschüß")
            self.assert_end(ws.close_event, 3999, "tschüß", True, "local")
            self.assertEqual((ws.readyState, ws.url), (ws.CLOSED, url(port)))
            self.assertEqual(ws.bufferedAmount, 0)

    def test_leaving_the_block_closes(self):
        with connect(url("ws")):
            pass
        with self.assertRaises(ZeroDivisionError), connect(url("ws")) as ws:
            raise ZeroDivisionError
        self.assertEqual(ws.readyState, ws.CLOSED)

    def test_subprotocol_and_answer(self):
        with connect(script("accept protocol=b header=X-A:1;echo-until-close"), ["a", "b"]) as ws:
            self.assertEqual((ws.protocol, ws.extensions, ws.response_status), ("b", "", 101))
            self.assertIn(("X-A", "1"), ws.response_headers)

    def test_threads_share_a_connection(self):
        with connect(url("ws")) as ws:
            sender = threading.Thread(target=lambda: [ws.send(str(n)) for n in range(500)])
            sender.start()
            self.assertEqual([ws.recv(LIMIT) for _ in range(500)], [str(n) for n in range(500)])
            sender.join()


    def test_compression(self):
        options = {"deflate_level": 9, "deflate_min_size": 0, "deflate_max_window_bits": (9, 9),
                   "deflate_no_context_takeover": (True, False)}
        settings = wskt.Config(**options)
        for config, offered in ((settings, True), (wskt.Config(deflate=False), False)):
            with wskt.connect(script("accept;echo-until-close"), (), config) as ws:
                self.assertEqual(ws.extensions, "")
            self.assertEqual("permessage-deflate" in report(ws.url), offered)
        del settings, config


class Endings(Test):
    def end_of(self, text):
        with connect(script(text)) as ws:
            messages = list(ws)
        return messages, ws.close_event

    def test_the_peer_closes(self):
        messages, end = self.end_of("text a;bin 01;close 4001 auf Wiedersehen;half-close")
        self.assertEqual(messages, ["a", b"\x01"])
        self.assert_end(end, 4001, "auf Wiedersehen", True, "peer")
        self.assertEqual(end.peer_code, 4001)
        self.assert_end(self.end_of("close;half-close")[1], 1005, "", True, "peer")

    def test_the_connection_is_lost(self):
        messages, end = self.end_of("text a;rst")
        self.assert_end(end, 1006, "", False, "lost")

    def test_a_bad_frame(self):
        _, end = self.end_of("frame rsv=7 payload=text:a;expect-close;half-close")
        self.assert_end(end, 1006, "", False, "protocol")

    def fails(self, address, kind=wskt.ConnectError, config=CONFIG):
        with self.assertRaises(kind) as caught:
            connect(address, config=config)
        self.assertIn(caught.exception.close_event.message, str(caught.exception))
        return caught.exception.close_event

    def test_it_does_not_come_about(self):
        self.assert_end(self.fails(url("refused")), 1006, "", False, "connect")
        self.assert_end(self.fails(url("wss_untrusted")), 1015, "", False, "tls")
        self.assert_end(self.fails(script("http 403 Forbidden")), 1006, "", False, "http")

    def test_it_takes_too_long(self):
        quick = wskt.Config(open_timeout=0.05)
        end = self.fails(url("blackhole"), wskt.TimeoutError, quick)
        self.assert_end(end, 1006, "", False, "timeout")
        with self.assertRaises(TimeoutError):
            wskt.connect(url("blackhole"), timeout=0.01)
        del quick

    def test_nothing_comes(self):
        with connect(url("ws")) as ws:
            for timeout in (0, 0.01):
                with self.assertRaises(TimeoutError):
                    ws.recv(timeout)

    def test_events_in_order(self):
        with connect(script("text a;text b;wait over;rst")) as ws:
            seen = [ws.recv_event(LIMIT) for _ in range(3)]
            signal("over")
            seen += [ws.recv_event(LIMIT) for _ in range(2)]
            with self.assertRaises(wskt.ClosedError):
                ws.recv_event()
        kinds = [event.type for event in seen]
        self.assertEqual(kinds, ["open", "message", "message", "error", "close"])
        self.assertEqual(seen[3].cause, "lost")
        self.assertTrue(all(event.target is ws for event in seen))

    def test_a_signal_interrupts(self):
        def interrupt(*_):
            raise KeyboardInterrupt

        before = signals.signal(signals.SIGUSR1, interrupt)
        main = threading.main_thread().ident
        timer = threading.Timer(0.05, signals.pthread_kill, [main, signals.SIGUSR1])
        try:
            with self.assertRaises(KeyboardInterrupt), connect(url("ws")) as ws:
                timer.start()
                ws.recv(LIMIT)
        finally:
            timer.join()
            signals.signal(signals.SIGUSR1, before)


class BadInput(Test):
    def test_values(self):
        for address, name in (
            ("ws:// x", "INVALID_URL"),
            ("ftp://x", "INVALID_SCHEME"),
            ("ws://x/#y", "INVALID_FRAGMENT"),
            ("ws://x\0y", "INVALID_URL"),
            ("ws://\udc00", "INVALID_UTF8"),
        ):
            with self.assertRaises(ValueError) as caught:
                wskt.connect(address)
            self.assertEqual(caught.exception.name, "WSKT_ERR_" + name)
            self.assertTrue(str(caught.exception).startswith(caught.exception.text))
        for protocols in ("", "a b", ["a", "a"], ["a\0"]):
            with self.assertRaises(wskt.ArgumentError):
                wskt.connect(url("ws"), protocols)

    def test_types(self):
        for arguments in ((5,), (None,), (b"ws://x",), ("ws://x", 5), ("ws://x", [b"a"]),
                          ("ws://x", (), "config")):
            with self.assertRaises(TypeError, msg=arguments):
                wskt.connect(*arguments)
        with self.assertRaises(TypeError):
            wskt.connect("ws://x", timeout="soon")

    def test_options(self):
        for options, text in (
            ({"open_timeout": -1}, "open_timeout: -1000 ms is not in"),
            ({"close_timeout": 1e12}, "close_timeout: "),
            ({"max_message_size": 0}, "max_message_size: "),
            ({"max_message_size": -1}, "max_message_size: -1"),
            ({"max_fragments": 2**32}, "max_fragments: 4294967296"),
            ({"read_buffer": 4095}, "read_buffer: 4095 is not in"),
            ({"read_buffer": -1}, "read_buffer: -1"),
            ({"water_marks": (2, 1)}, "water_marks: "),
            ({"deflate_level": 10}, "deflate_level: "),
            ({"deflate_min_size": -1}, "deflate_min_size: -1"),
            ({"deflate_max_window_bits": (8, 15)}, "deflate_max_window_bits: "),
            ({"headers": {"a b": "c"}}, "header"),
            ({"headers": [("Host", "c")]}, "header"),
            ({"headers": {"a": "b\0c"}}, "header"),
            ({"ca_pem": "nothing"}, "ca_pem"),
            ({"ca_file": "/nowhere"}, "ca_file"),
        ):
            with self.assertRaises((wskt.ArgumentError, wskt.SystemError)) as caught:
                wskt.Config(**options)
            self.assertIn(text, caught.exception.detail)
            self.assertTrue(str(caught.exception).startswith(caught.exception.text))
        for options in ({"open_timeout": "1"}, {"open_timeout": True}, {"water_marks": ("a", 2)},
                        {"max_fragments": 1.5}, {"read_buffer": "1"}, {"headers": {"a": 5}},
                        {"ca_pem": 5}, {"ca_file": 5}):
            with self.assertRaises(TypeError, msg=options):
                wskt.Config(**options)
        gc.collect()

    def test_calls(self):
        with connect(url("ws")) as ws:
            for call in (lambda: ws.send(5), lambda: ws.send(None), lambda: ws.ping(5),
                         lambda: ws.close("1000"), lambda: ws.close(1000, b"x"),
                         lambda: ws.close(1000.0), lambda: ws.recv("soon")):
                self.assertRaises(TypeError, call)
            for call, name in (
                (lambda: ws.close(1001), "INVALID_ACCESS"),
                (lambda: ws.close(0), "INVALID_ACCESS"),
                (lambda: ws.close(66536), "INVALID_ACCESS"),
                (lambda: ws.close(-1), "INVALID_ACCESS"),
                (lambda: ws.close(1000, "x" * 124), "SYNTAX"),
                (lambda: ws.close(1000, "\ud800"), "INVALID_UTF8"),
                (lambda: ws.close(None, "x"), "INVALID_ARGUMENT"),
                (lambda: ws.send("\ud800"), "INVALID_UTF8"),
                (lambda: ws.ping(b"x" * 126), "TOO_LARGE"),
                (lambda: ws.recv(-1), "INVALID_ARGUMENT"),
            ):
                with self.assertRaises(wskt.ArgumentError) as caught:
                    call()
                self.assertEqual(caught.exception.name, "WSKT_ERR_" + name)
            ws.send("unharmed")
            self.assertEqual(ws.recv(LIMIT), "unharmed")

    def test_a_freed_connection(self):
        ws = connect(url("ws"))
        ws.free()
        ws.free()
        for call in (lambda: ws.send("x"), lambda: ws.recv(), lambda: ws.ping(),
                     lambda: ws.recv_event(0)):
            self.assertRaises(wskt.ClosedError, call)
        ws.close()
        ws.abort()
        self.assertEqual((ws.readyState, ws.close_event), (ws.CLOSED, None))

    def test_freed_while_another_thread_waits(self):
        ws = connect(url("ws"))
        seen = []

        def wait():
            try:
                ws.wait_closed(LIMIT)
            except wskt.ClosedError as error:
                seen.append(error)

        waiting = threading.Thread(target=wait)
        waiting.start()
        while not ws._handle._calls and waiting.is_alive():
            pass
        ws._handle.free()
        waiting.join(LIMIT)
        self.assertFalse(waiting.is_alive())

    def test_a_forgotten_connection_is_freed(self):
        connect(url("ws"))
        gc.collect()


if __name__ == "__main__":
    unittest.main()
