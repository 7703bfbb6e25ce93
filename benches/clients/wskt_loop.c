/* The ways with a loop: callbacks on this thread, on the loop's own, or events
   pulled. All three do the same when an event comes. */
#define _GNU_SOURCE
#include "wskt_client.h"

#include <pthread.h>

static wskt_loop *loop;
static bool deflate;
/* What the workload asks for, looked up once and not with each message. */
static bool sends;
static bool receives;
static bool fans;
static wskt_socket **sockets;
static size_t opened;

/* The main thread waits here for what the loop's thread tells. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool finished;
static bool may_send;

static void tell(bool *what) {
    pthread_mutex_lock(&mutex);
    *what = true;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&mutex);
}

static void wait_for(bool *what) {
    pthread_mutex_lock(&mutex);
    while (!*what) {
        pthread_cond_wait(&changed, &mutex);
    }
    *what = false;
    pthread_mutex_unlock(&mutex);
}

static void start_next(void);

static void over(void) {
    bench_end(&bench);
    if (bench_is(&bench, "idle")) {
        exit(0);
    }
    for (size_t i = 0; i < opened; i++) {
        wskt_socket_close(sockets[i], WSKT_CLOSE_NORMAL, NULL, 0);
    }
    tell(&finished);
}

/* Sends until the queue is full; the drain event goes on. */
static void fill(wskt_socket *socket) {
    while (sent < bench.count) {
        wskt_result result = send_message(socket);
        if (result == WSKT_ERR_BUFFER_FULL) {
            return;
        }
        ok(result, "send");
        sent++;
    }
}

static void opened_one(wskt_socket *socket) {
    opened++;
    if (bench_is(&bench, "openclose")) {
        ok(wskt_socket_close(socket, WSKT_CLOSE_NORMAL, NULL, 0), "close");
        return;
    }
    if (opened < bench.connections) {
        start_next();
        return;
    }
    if (bench_is(&bench, "idle")) {
        over();
        return;
    }
    if (bench_is(&bench, "send")) {
        tell(&may_send);
        return;
    }
    if (deflate) {
        need_deflate(socket);
    }
    bench_begin(&bench);
    if (bench_is(&bench, "receive")) {
        ok(wskt_socket_send_binary(socket, "go", 2), "send");
    } else if (bench_is(&bench, "send-joined")) {
        fill(socket);
    } else if (deflate) {
        send_json(socket);
    } else {
        uint64_t window = bench_is(&bench, "pipeline") ? BENCH_WINDOW : 1;
        while (sent < window && sent < bench.count) {
            send_one(socket);
        }
    }
}

static void got_one(wskt_socket *socket, const wskt_message_event *message) {
    if (sends) {
        bench_check_sink(&bench, message->data, message->len);
        over();
        return;
    }
    if (deflate) {
        check_json(message);
    } else {
        bench_check(&bench, message->data, message->len);
    }
    done++;
    if (done == bench.count) {
        over();
    } else if (deflate) {
        send_json(socket);
    } else if (!receives && (sent < bench.count || fans)) {
        send_one(socket);
    }
}

static void closed_one(wskt_socket *socket, const wskt_close_event *event) {
    if (!event->was_clean) {
        bench_die("closed: %u %s", event->code, event->message);
    }
    if (bench_is(&bench, "openclose")) {
        wskt_socket_free(socket);
        done++;
        if (done < bench.count) {
            start_next();
        } else {
            opened = 0;
            over();
        }
    }
}

static void on_open(wskt_socket *socket, const wskt_open_event *event,
                    void *user_data) {
    (void)event;
    (void)user_data;
    opened_one(socket);
}

static void on_message(wskt_socket *socket, const wskt_message_event *event,
                       void *user_data) {
    (void)user_data;
    got_one(socket, event);
}

static void on_close(wskt_socket *socket, const wskt_close_event *event,
                     void *user_data) {
    (void)user_data;
    closed_one(socket, event);
}

static void on_drain(wskt_socket *socket, const wskt_drain_event *event,
                     void *user_data) {
    (void)event;
    (void)user_data;
    if (bench_is(&bench, "send")) {
        tell(&may_send);
    } else {
        fill(socket);
    }
}

static void start_next(void) {
    wskt_socket *socket = make_socket(loop);
    wskt_socket_set_on_open(socket, on_open);
    wskt_socket_set_on_message(socket, on_message);
    wskt_socket_set_on_close(socket, on_close);
    wskt_socket_set_on_drain(socket, on_drain);
    if (!bench_is(&bench, "openclose")) {
        sockets[opened] = socket;
    }
    ok(wskt_socket_open(socket), "wskt_socket_open");
}

static void pull(void) {
    while (!finished) {
        const wskt_event *event;
        ok(wskt_loop_next_event(loop, -1, &event), "wskt_loop_next_event");
        switch (event->type) {
        case WSKT_EVENT_OPEN:
            opened_one(event->target);
            break;
        case WSKT_EVENT_MESSAGE:
            got_one(event->target, (const wskt_message_event *)event);
            break;
        case WSKT_EVENT_DRAIN:
            fill(event->target);
            break;
        case WSKT_EVENT_CLOSE:
            closed_one(event->target, (const wskt_close_event *)event);
            break;
        default:
            bench_die("event %d", (int)event->type);
        }
    }
}

/* The main thread sends, one by one, on a socket that another one drives. */
static void send_from_outside(void) {
    wait_for(&may_send);
    bench_begin(&bench);
    while (sent < bench.count) {
        wskt_result result = send_message(sockets[0]);
        if (result == WSKT_ERR_BUFFER_FULL) {
            wait_for(&may_send);
        } else {
            ok(result, "send");
            sent++;
        }
    }
}

int looped(const char *way) {
    static const char *known[] = {"pingpong",  "pipeline", "receive",
                                  "deflate",   "fan",      "send-joined",
                                  "openclose", "idle"};
    bool found = false;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        found |= bench_is(&bench, known[i]);
    }
    found |= bench_is(&bench, "send") && strcmp(way, "thread") == 0;
    if (!found) {
        return BENCH_UNSUPPORTED;
    }
    deflate = bench_is(&bench, "deflate");
    sends = strncmp(bench.workload, "send", 4) == 0;
    receives = bench_is(&bench, "receive");
    fans = bench_is(&bench, "fan");
    if (bench_is(&bench, "idle")) {
        bench.connections = bench.count;
    }
    sockets = calloc(bench.connections, sizeof(wskt_socket *));
    ok(wskt_loop_new(&loop), "wskt_loop_new");
    if (bench_is(&bench, "idle") || bench_is(&bench, "openclose")) {
        bench.rss_began = bench_rss();
        bench_begin(&bench);
    }
    start_next();
    if (strcmp(way, "pulled") == 0) {
        pull();
    } else if (strcmp(way, "thread") == 0) {
        ok(wskt_loop_start(loop), "wskt_loop_start");
        if (bench_is(&bench, "send")) {
            send_from_outside();
        }
        wait_for(&finished);
    } else {
        ok(wskt_loop_run(loop), "wskt_loop_run");
    }
    return 0;
}
