/* The blocking way: connect, send, recv. */
#define _GNU_SOURCE
#include "wskt_client.h"

static const wskt_message_event *next(wskt_socket *socket,
                                      wskt_event_type type) {
    const wskt_event *event;
    ok(wskt_socket_recv(socket, -1, &event), "wskt_socket_recv");
    if (event->type != type) {
        bench_die("event %d", (int)event->type);
    }
    return (const wskt_message_event *)event;
}

static void finish(wskt_socket *socket) {
    ok(wskt_socket_close(socket, WSKT_CLOSE_NORMAL, NULL, 0), "close");
    next(socket, WSKT_EVENT_CLOSE);
    wskt_socket_free(socket);
}

static wskt_socket *connected(void) {
    wskt_socket *socket = make_socket(NULL);
    ok(wskt_socket_connect(socket, 30000), "wskt_socket_connect");
    next(socket, WSKT_EVENT_OPEN);
    return socket;
}

static void blocking_echoes(wskt_socket *socket, uint64_t window) {
    bench_begin(&bench);
    while (sent < window && sent < bench.count) {
        send_one(socket);
    }
    for (; done < bench.count; done++) {
        const wskt_message_event *message = next(socket, WSKT_EVENT_MESSAGE);
        bench_check(&bench, message->data, message->len);
        if (sent < bench.count) {
            send_one(socket);
        }
    }
    bench_end(&bench);
}

static void blocking_receive(wskt_socket *socket) {
    bench_begin(&bench);
    ok(wskt_socket_send_binary(socket, "go", 2), "send");
    for (; done < bench.count; done++) {
        const wskt_message_event *message = next(socket, WSKT_EVENT_MESSAGE);
        bench_check(&bench, message->data, message->len);
    }
    bench_end(&bench);
}

static void blocking_send(wskt_socket *socket) {
    const wskt_message_event *message;
    bench_begin(&bench);
    while (sent < bench.count) {
        send_one(socket);
    }
    message = next(socket, WSKT_EVENT_MESSAGE);
    bench_end(&bench);
    bench_check_sink(&bench, message->data, message->len);
}

static void blocking_deflate(wskt_socket *socket) {
    need_deflate(socket);
    bench_begin(&bench);
    for (; done < bench.count; done++) {
        send_json(socket);
        check_json(next(socket, WSKT_EVENT_MESSAGE));
    }
    bench_end(&bench);
}

int blocking(void) {
    wskt_socket *socket;
    if (bench_is(&bench, "openclose")) {
        bench_begin(&bench);
        for (uint64_t i = 0; i < bench.count; i++) {
            finish(connected());
        }
        bench_end(&bench);
        return 0;
    }
    if (bench_is(&bench, "idle")) {
        bench.rss_began = bench_rss();
        bench_begin(&bench);
        for (uint64_t i = 0; i < bench.count; i++) {
            connected();
        }
        bench_end(&bench);
        return 0;
    }
    socket = connected();
    if (bench_is(&bench, "pingpong")) {
        blocking_echoes(socket, 1);
    } else if (bench_is(&bench, "pipeline")) {
        blocking_echoes(socket, BENCH_WINDOW);
    } else if (bench_is(&bench, "receive")) {
        blocking_receive(socket);
    } else if (bench_is(&bench, "send") || bench_is(&bench, "send-joined")) {
        blocking_send(socket);
    } else if (bench_is(&bench, "deflate")) {
        blocking_deflate(socket);
    } else {
        return BENCH_UNSUPPORTED;
    }
    finish(socket);
    return 0;
}
