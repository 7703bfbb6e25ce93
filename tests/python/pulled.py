"""Pulled events, from Python by ctypes: no callback at all."""

from binding import *  # noqa: F403

LIMIT_MS = 30000


def pull(loop):
    event = POINTER(Event)()
    check(LIB.wskt_loop_next_event(loop, LIMIT_MS, ctypes.byref(event)))
    return whole(event)


class Client:
    def __init__(self, loop, config, port):
        self.log = []
        self.todo = list(MESSAGES)
        self.socket = new_socket(loop, config, port)
        check(LIB.wskt_socket_open(self.socket))

    def take(self, event):
        """One event; whether it was the last."""
        head = event if isinstance(event, Event) else event.head
        state = LIB.wskt_socket_ready_state(self.socket)
        if head.type == CLOSE:
            assert state == 3
            self.log.append((event.code, event.reason_text(), event.was_clean, event.cause))
            return True
        if head.type == ERROR:
            assert state == 3
            self.log.append(("error", event.cause))
            return False
        assert state == 1
        if head.type == MESSAGE:
            message = message_of(event)
            assert message == self.todo.pop(0), message
        self.log.append(head.type_name.decode())
        if self.todo:
            send(self.socket, self.todo[0])
        else:
            close(self.socket, 1001, "", want=ERR_INVALID_ACCESS)
            close(self.socket, 3999, "tschüß")
        return False


def main():
    config = new_config()
    loop = make(LIB.wskt_loop_new)
    clients = [Client(loop, config, port) for port in ("ws", "wss", "refused")]
    LIB.wskt_config_free(config)
    by_socket = {client.socket: client for client in clients}
    open_ones = len(clients)
    while open_ones:
        event = pull(loop)
        head = event if isinstance(event, Event) else event.head
        if by_socket[head.target].take(event):
            open_ones -= 1
    none = POINTER(Event)()
    check(LIB.wskt_loop_next_event(loop, 0, ctypes.byref(none)), ERR_TIMEOUT)
    for client in clients[:2]:
        assert client.log == ["open"] + ["message"] * len(MESSAGES) + [
            (3999, "tschüß", True, CAUSE_LOCAL)
        ], client.log
    assert clients[2].log == [
        ("error", CAUSE_CONNECT),
        (1006, "", False, CAUSE_CONNECT),
    ], clients[2].log
    for client in clients:
        LIB.wskt_socket_free(client.socket)
    check(LIB.wskt_loop_free(loop))
    assert LIB.wskt_handle_count() == 0
    print("pulled.py: all right with wskt", LIB.wskt_version_string().decode())


main()
