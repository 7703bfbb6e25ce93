"""Callbacks on the thread of a started loop, which the package itself does
without: that another language can take them all the same."""

import ctypes
import threading
from ctypes import CFUNCTYPE, c_int32, c_void_p

from support import LIMIT, MESSAGES, Test, url
from wskt import _native as c
from wskt.errors import check
from wskt.events import copy

Handler = CFUNCTYPE(None, c_void_p, c.EventPointer, c_void_p)


def made(function, *arguments):
    """Calls a ..._new and returns the handle."""
    handle = c_void_p()
    check(function(*arguments, ctypes.byref(handle)))
    return handle.value


class Client:
    """Sends each message when the one before has come back, then closes."""

    def __init__(self, loop, address):
        self.log, self.threads, self.todo = [], set(), list(MESSAGES)
        self.failure, self.closed = None, threading.Event()
        self.socket = made(c.LIB.wskt_socket_new, loop, address.encode(), None)
        # ctypes does not keep callbacks alive.
        self.handler = Handler(self.hear)
        for kind in ("open", "message", "error", "close"):
            setter = getattr(c.LIB, f"wskt_socket_set_on_{kind}")
            setter.restype, setter.argtypes = c_int32, [c_void_p, Handler]
            check(setter(self.socket, self.handler))
        check(c.LIB.wskt_socket_open(self.socket))

    def hear(self, socket, pointer, _user_data):
        try:
            assert socket == self.socket == pointer.contents.target
            self.threads.add(threading.get_ident())
            event = copy(pointer, self)
            self.log.append(event.type)
            if event.type in ("open", "message"):
                self.step(event)
        except BaseException as failure:  # it must not leave a callback
            self.failure = self.failure or failure
        if self.failure or event.type == "close":
            self.closed.set()

    def step(self, event):
        if event.type == "message":
            assert event.data == self.todo.pop(0)
        if not self.todo:
            check(c.LIB.wskt_socket_close(self.socket, 1000, None, 0))
        elif isinstance(self.todo[0], str):
            data = self.todo[0].encode()
            check(c.LIB.wskt_socket_send_text(self.socket, data, len(data)))
        else:
            check(c.LIB.wskt_socket_send_binary(self.socket, self.todo[0], len(self.todo[0])))


class Callbacks(Test):
    def test_callbacks_on_the_thread_of_a_loop(self):
        c.LIB.wskt_loop_start.argtypes = [c_void_p]
        loop = made(c.LIB.wskt_loop_new)
        check(c.LIB.wskt_loop_start(loop))
        clients = [Client(loop, url(port)) for port in ("ws", "ws", "refused")]
        for client in clients:
            self.assertTrue(client.closed.wait(LIMIT), client.log)
            self.assertIsNone(client.failure)
        for client in clients[:2]:
            self.assertEqual(client.log, ["open"] + ["message"] * len(MESSAGES) + ["close"])
        self.assertEqual(clients[2].log, ["error", "close"])
        threads = set().union(*(client.threads for client in clients))
        self.assertEqual(len(threads - {threading.get_ident()}), 1)
        self.assertEqual(len(threads), 1)
        for client in clients:
            c.LIB.wskt_socket_free(client.socket)
        check(c.LIB.wskt_loop_free(loop))
