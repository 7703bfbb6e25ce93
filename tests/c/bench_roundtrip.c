/* Round trips of 32 bytes, one after the other, and how long each takes.

       bench_roundtrip ws|wss COUNT [loop]

   by blocking calls, or in callbacks inside wskt_loop_run. Without arguments
   a short run of all that. */
#include "support/support.h"

enum { SIZE = 32 };

struct trip {
    long done;
    long count;
    char payload[SIZE];
};

static void send_one(struct trip *trip, wskt_socket *socket) {
    memset(trip->payload, 'a' + (int)(trip->done % 26), SIZE);
    OK(wskt_socket_send_text(socket, trip->payload, SIZE));
}

static void check_one(const struct trip *trip, const wskt_message_event *event) {
    CHECK_INT(event->kind, WSKT_MESSAGE_TEXT);
    CHECK_INT(event->len, SIZE);
    CHECK(memcmp(event->data, trip->payload, SIZE) == 0);
}

/* -- blocking calls ----------------------------------------------------- */

static const wskt_event *next(wskt_socket *socket, wskt_event_type type) {
    const wskt_event *event;
    OK(wskt_socket_recv(socket, limit_ms(), &event));
    CHECK_INT(event->type, type);
    return event;
}

static void by_calls(wskt_socket *socket, struct trip *trip) {
    OK(wskt_socket_connect(socket, limit_ms()));
    next(socket, WSKT_EVENT_OPEN);
    for (; trip->done < trip->count; trip->done++) {
        const wskt_event *event;
        send_one(trip, socket);
        event = next(socket, WSKT_EVENT_MESSAGE);
        check_one(trip, (const wskt_message_event *)event);
    }
    OK(wskt_socket_close(socket, WSKT_CLOSE_NORMAL, NULL, 0));
    next(socket, WSKT_EVENT_CLOSE);
}

/* -- a loop ------------------------------------------------------------- */

static void on_open(wskt_socket *socket, const wskt_open_event *event,
                    void *user_data) {
    (void)event;
    send_one(user_data, socket);
}

static void on_message(wskt_socket *socket, const wskt_message_event *event,
                       void *user_data) {
    struct trip *trip = user_data;
    check_one(trip, event);
    trip->done += 1;
    if (trip->done < trip->count) {
        send_one(trip, socket);
    } else {
        OK(wskt_socket_close(socket, WSKT_CLOSE_NORMAL, NULL, 0));
    }
}

static void by_loop(wskt_loop *loop, wskt_socket *socket, struct trip *trip) {
    OK(wskt_socket_set_user_data(socket, trip, NULL));
    OK(wskt_socket_set_on_open(socket, on_open));
    OK(wskt_socket_set_on_message(socket, on_message));
    OK(wskt_socket_open(socket));
    OK(wskt_loop_run(loop));
}

/* ----------------------------------------------------------------------- */

static void bench(const char *port_name, long count, bool looped) {
    char *url = path_url(port_name, "/echo");
    struct trip trip = {0};
    wskt_config *config = trusting_config();
    wskt_loop *loop = NULL;
    wskt_socket *socket;
    double begun;
    trip.count = count;
    if (looped) {
        OK(wskt_loop_new(&loop));
    }
    OK(wskt_socket_new(loop, url, config, &socket));
    wskt_config_free(config);
    begun = now_ms();
    if (looped) {
        by_loop(loop, socket, &trip);
    } else {
        by_calls(socket, &trip);
    }
    CHECK_INT(trip.done, count);
    CHECK(wskt_socket_close_event(socket)->was_clean);
    printf("%ld round trips to %s%s: %.1f us each\n", count,
           wskt_socket_url(socket, NULL), looped ? " in a loop" : "",
           (now_ms() - begun) * 1e3 / (double)count);
    wskt_socket_free(socket);
    OK(wskt_loop_free(loop));
    free(url);
}

int main(int argc, char **argv) {
    begin();
    if (argc >= 3) {
        bench(argv[1], atol(argv[2]),
              argc > 3 && strcmp(argv[3], "loop") == 0);
    } else {
        bench("ws", 500, false);
        bench("ws", 500, true);
        bench("wss", 500, false);
        bench("wss", 500, true);
    }
    return end();
}
