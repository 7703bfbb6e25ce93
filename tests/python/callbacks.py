"""Callbacks on the thread of a started loop, from Python by ctypes."""

import threading

from binding import *  # noqa: F403

LIMIT = 30


class Client:
    """Sends each message when the one before has come back, then closes."""

    def __init__(self, loop, config, port):
        self.log = []
        self.threads = set()
        self.failure = None
        self.todo = list(MESSAGES)
        self.closed = threading.Event()
        self.socket = new_socket(loop, config, port)
        # ctypes does not keep callbacks alive.
        self.handlers = [Handler(self.guarded(f)) for f in
                         (self.on_open, self.on_message, self.on_error, self.on_close)]
        setters = (LIB.wskt_socket_set_on_open, LIB.wskt_socket_set_on_message,
                   LIB.wskt_socket_set_on_error, LIB.wskt_socket_set_on_close)
        for setter, handler in zip(setters, self.handlers):
            check(setter(self.socket, handler))
        check(LIB.wskt_socket_open(self.socket))

    def guarded(self, handler):
        def call(socket, event, _user_data):
            try:
                assert socket == self.socket == event.contents.target
                assert event.contents.is_trusted
                self.threads.add(threading.get_ident())
                handler(whole(event))
            except BaseException as failure:  # it must not leave a callback
                self.failure = self.failure or failure
                self.closed.set()
        return call

    def on_open(self, _event):
        self.log.append("open")
        self.next()

    def on_message(self, event):
        message = message_of(event)
        assert message == self.todo.pop(0), message
        self.log.append("message")
        self.next()

    def next(self):
        if self.todo:
            send(self.socket, self.todo[0])
        else:
            close(self.socket, 1001, "", want=ERR_INVALID_ACCESS)
            close(self.socket, 3999, "tschüß")

    def on_error(self, event):
        assert LIB.wskt_socket_ready_state(self.socket) == 3
        self.log.append(("error", event.cause))

    def on_close(self, event):
        assert LIB.wskt_socket_ready_state(self.socket) == 3
        self.log.append((event.code, event.reason_text(), event.was_clean, event.cause))
        self.closed.set()

    def wait(self):
        assert self.closed.wait(LIMIT), self.log
        if self.failure:
            raise self.failure


def main():
    config = new_config()
    loop = make(LIB.wskt_loop_new)
    check(LIB.wskt_loop_start(loop))
    clients = [Client(loop, config, port) for port in ("ws", "wss", "refused")]
    for client in clients:
        client.wait()
    LIB.wskt_config_free(config)
    for client in clients[:2]:
        assert client.log == ["open"] + ["message"] * len(MESSAGES) + [
            (3999, "tschüß", True, CAUSE_LOCAL)
        ], client.log
    assert clients[2].log == [
        ("error", CAUSE_CONNECT),
        (1006, "", False, CAUSE_CONNECT),
    ], clients[2].log
    threads = set().union(*(client.threads for client in clients))
    assert len(threads) == 1 and threading.get_ident() not in threads, threads
    for client in clients:
        LIB.wskt_socket_free(client.socket)
    check(LIB.wskt_loop_free(loop))
    assert LIB.wskt_handle_count() == 0
    print("callbacks.py: all right with wskt", LIB.wskt_version_string().decode())


main()
