/* Reconnectors: which ends are followed by another try and after how long,
   what the program sees of it, what comes back unsent, and stopping and
   freeing one at any time; in every way of driving. */
#include "support/reconnecting.h"

/* -- which ends are followed by another try -------------------------------- */

static void close_it(struct run *run, wskt_socket *socket,
                     const wskt_event *event) {
    (void)run;
    if (event->type == WSKT_EVENT_OPEN) {
        OK(wskt_socket_close(socket, 1000, NULL, 0));
    }
}

static void abort_it(struct run *run, wskt_socket *socket,
                     const wskt_event *event) {
    (void)run;
    if (event->type == WSKT_EVENT_OPEN) {
        OK(wskt_socket_abort(socket));
    }
}

static void abort_waiting(struct run *run, wskt_socket *socket,
                          const wskt_event *event) {
    if (event->type == WSKT_EVENT_ATTEMPT && run->attempts == 2) {
        OK(wskt_socket_abort(socket));
    }
}

static void stop_in_close(struct run *run, wskt_socket *socket,
                          const wskt_event *event) {
    (void)socket;
    if (event->type == WSKT_EVENT_CLOSE) {
        OK(wskt_reconnector_stop(run->reconnector));
    }
}

struct row {
    const char *port;
    const char *script;
    void (*on_event)(struct run *run, wskt_socket *socket,
                     const wskt_event *event);
    const char *log;
    /* If that differs: how connect says so, and what it tells nobody. */
    const char *blocking;
};

/* OPEN and its close code, three times and over with the third. */
#define THRICE(code)                                              \
    "attempt\nopen\nclose " code "\nattempt after " code "\nopen\nclose " code \
    "\nattempt after " code "\nopen\nclose " code ", over\n"
#define NEVER                                                               \
    "attempt\nerror\nclose 1006\nattempt after 1006\nerror\nclose 1006\n"    \
    "attempt after 1006\nerror\nclose 1006, over\n"
#define NEVER_BLOCKING                                        \
    "attempt\nattempt after 1006\nattempt after 1006\n"       \
    "WSKT_ERR_CONNECT_FAILED\n"
#define ONCE(code) "attempt\nerror\nclose " code ", over\n"
#define ONCE_BLOCKING "attempt\nWSKT_ERR_CONNECT_FAILED\n"

static const struct row rows[] = {
    {"ws", "close 1001; expect-close; half-close", NULL, THRICE("1001"), NULL},
    {"wss", "close 1000; expect-close; half-close", NULL, THRICE("1000"), NULL},
    {"ws", "close; expect-close; half-close", NULL, THRICE("1005"), NULL},
    {"ws", "close 1008; expect-close; half-close", NULL,
     "attempt\nopen\nclose 1008, over\n", NULL},
    {"ws", "http 401", NULL, ONCE("1006"), ONCE_BLOCKING},
    {"wss", "http 403", NULL, ONCE("1006"), ONCE_BLOCKING},
    {"ws", "http 404", NULL, ONCE("1006"), ONCE_BLOCKING},
    {"ws", "http 302 header=Location:/", NULL, ONCE("1006"), ONCE_BLOCKING},
    {"ws", "http 429", NULL, NEVER, NEVER_BLOCKING},
    {"wss", "http 503", NULL, NEVER, NEVER_BLOCKING},
    {"refused", "", NULL, NEVER, NEVER_BLOCKING},
    {"wss_expired", "", NULL, ONCE("1015"), ONCE_BLOCKING},
    {"wss_untrusted", "", NULL, ONCE("1015"), ONCE_BLOCKING},
    {"ws", "answer-close; half-close", close_it,
     "attempt\nopen\nclose 1000, over\n", NULL},
    {"ws", "expect-fin", abort_it, "attempt\nopen\nerror\nclose 1006, over\n",
     NULL},
    {"ws", "close 1001; expect-close; half-close", stop_in_close,
     "attempt\nopen\nclose 1001\n", NULL},
    {"ws", "close 1001; expect-close; half-close", abort_waiting,
     "attempt\nopen\nclose 1001\nattempt after 1001\nerror\nclose 1006, "
     "over\n",
     "attempt\nopen\nclose 1001\nattempt after 1001\n"
     "WSKT_ERR_CONNECT_FAILED\n"},
};

static void ends(void) {
    size_t i, way;
    for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (way = 0; way < ALL_WAYS; way++) {
            const struct row *row = &rows[i];
            char *url = script_url(row->port, row->script, new_id());
            wskt_config *config = trusting_config();
            struct text want = {0};
            struct run run;
            begin_run(&run, all_ways[way], url, config);
            wskt_config_free(config);
            run.on_event = row->on_event;
            drive(&run);
            text_add(&want, "%s", row->log);
            if (run.way == WAY_BLOCKING) {
                text_free(&want);
                if (row->blocking != NULL) {
                    text_add(&want, "%s", row->blocking);
                } else {
                    text_add(&want, "%sWSKT_ERR_CLOSED\n", row->log);
                }
            }
            if (strcmp(text_of(&run.log), text_of(&want)) != 0) {
                FAIL("%s %s, %s:\n%s", row->port, row->script,
                     way_name(run.way), text_of(&run.log));
            }
            text_free(&want);
            end_run(&run);
            free(url);
        }
    }
}

/* -- delays, and stopping while one passes --------------------------------- */

struct stopper {
    struct run *run;
    pthread_t thread;
    /* When stop was called. */
    double at;
};

static void *stop_soon(void *data) {
    struct stopper *stopper = data;
    pause_ms(30);
    stopper->at = now_ms();
    OK(wskt_reconnector_stop(stopper->run->reconnector));
    return NULL;
}

static void stop_second(struct run *run, wskt_socket *socket,
                        const wskt_event *event) {
    struct stopper *stopper = run->data;
    (void)socket;
    if (event->type == WSKT_EVENT_ATTEMPT && run->attempts == 2) {
        stopper->run = run;
        CHECK(pthread_create(&stopper->thread, NULL, stop_soon, stopper) == 0);
    }
}

/* From stop to the end, of a wait of MIN to MAX milliseconds. */
static double stop_waiting(enum way way, const char *script, double min,
                           double max) {
    char *url = script_url("ws", script, new_id());
    struct stopper stopper;
    struct run run;
    double took;
    begin_run(&run, way, url, NULL);
    OK(wskt_reconnector_set_delays(run.reconnector, 1000, 60000));
    run.on_event = stop_second;
    run.data = &stopper;
    drive(&run);
    took = now_ms() - stopper.at;
    CHECK(pthread_join(stopper.thread, NULL) == 0);
    CHECK_INT(run.attempts, 2);
    CHECK(run.delay >= min && run.delay <= max);
    if (way != WAY_BLOCKING) {
        CHECK_INT(run.closes, 2);
    }
    end_run(&run);
    free(url);
    return took;
}

static void stops_while_waiting(void) {
    size_t way;
    int try;
    for (way = 0; way < ALL_WAYS; way++) {
        double took = 1000;
        /* A loaded machine may be late; a library that waits is every time. */
        for (try = 0; try < 10 && took > 50; try++) {
            took = stop_waiting(all_ways[way],
                                "close 1013; expect-close; half-close", 30000,
                                60000);
        }
        if (took > 50 && !is_slow()) {
            FAIL("%s: %.0f ms from stop to the end", way_name(all_ways[way]),
                 took);
        }
    }
    stop_waiting(WAY_THREAD, "close 1012; expect-close; half-close", 5000,
                 30000);
}

static void stopped_before_it_began(void) {
    size_t way;
    for (way = 0; way < ALL_WAYS; way++) {
        wskt_socket *socket;
        struct run run;
        begin_run(&run, all_ways[way], "ws://127.0.0.1:1/", NULL);
        CHECK(!wskt_reconnector_is_over(run.reconnector));
        OK(wskt_reconnector_stop(run.reconnector));
        CHECK(wskt_reconnector_is_over(run.reconnector));
        if (run.way == WAY_BLOCKING) {
            RESULT(wskt_reconnector_connect(run.reconnector, 0, &socket),
                   WSKT_ERR_CLOSED);
        } else {
            RESULT(wskt_reconnector_start(run.reconnector), WSKT_ERR_CLOSED);
        }
        end_run(&run);
    }
}

/* A connection that lasts begins a new row of tries. */
static void stop_fourth(struct run *run, wskt_socket *socket,
                        const wskt_event *event) {
    (void)socket;
    if (event->type == WSKT_EVENT_ATTEMPT && run->attempts > 1) {
        /* After 1013: half of the longest at least. */
        CHECK(run->delay >= 20 && run->delay <= 40);
    }
    if (event->type == WSKT_EVENT_OPEN && run->attempts == 4) {
        OK(wskt_reconnector_stop(run->reconnector));
    }
}

static void lasting_connections(void) {
    size_t way;
    for (way = 0; way < ALL_WAYS; way++) {
        char *url = script_url(
            "ws", "sleep 60; close 1013; expect-close; half-close", new_id());
        struct run run;
        double before = now_ms();
        begin_run(&run, all_ways[way], url, NULL);
        OK(wskt_reconnector_set_delays(run.reconnector, 1, 40));
        OK(wskt_reconnector_set_max_tries(run.reconnector, 1));
        run.on_event = stop_fourth;
        drive(&run);
        CHECK_INT(run.attempts, 4);
        CHECK(now_ms() - before >= 4 * 59 + 3 * 20);
        end_run(&run);
        free(url);
    }
}

/* -- what comes back ------------------------------------------------------- */

#define SIZE 40000

struct sending {
    char id[32];
    pthread_t thread;
    wskt_socket *socket;
    int accepted;
    /* The number of the first that came back, and of the next. */
    int first, next;
};

/* Once the kernel takes no more: ends it, and lets the server read. */
static void *end_when_full(void *data) {
    struct sending *sending = data;
    size_t before = 0, now;
    char mark[40];
    for (;;) {
        pause_ms(100);
        now = wskt_socket_buffered_amount(sending->socket);
        if (now > 0 && now == before) {
            break;
        }
        before = now;
    }
    OK(wskt_socket_abort(sending->socket));
    snprintf(mark, sizeof mark, "%s-t", sending->id);
    signal_server(mark);
    return NULL;
}

static void send_much(struct run *run, wskt_socket *socket,
                      const wskt_event *event) {
    struct sending *sending = run->data;
    const wskt_unsent_event *unsent = (const wskt_unsent_event *)event;
    if (event->type == WSKT_EVENT_OPEN) {
        unsigned char *data = calloc(1, 2 * SIZE);
        wskt_result result = WSKT_OK;
        CHECK(data != NULL);
        sending->socket = socket;
        sending->first = -1;
        OK(wskt_reconnector_stop(run->reconnector));
        CHECK(pthread_create(&sending->thread, NULL, end_when_full, sending) ==
              0);
        while (sending->accepted < 600) {
            int i = sending->accepted;
            data[0] = 'a';
            if (i % 3 == 2) {
                result =
                    wskt_socket_send_begin(socket, WSKT_MESSAGE_BINARY, 0);
                if (result == WSKT_OK) {
                    result = wskt_socket_send_chunk(socket, data, 5);
                }
                if (result == WSKT_OK) {
                    result = wskt_socket_send_chunk(socket, data + 5,
                                                    (size_t)(SIZE + i - 5));
                }
                if (result == WSKT_OK) {
                    result = wskt_socket_send_end(socket);
                }
            } else {
                result = wskt_socket_send_binary(socket, data,
                                                 (size_t)(SIZE + i));
            }
            if (result != WSKT_OK) {
                CHECK(result == WSKT_ERR_CLOSED);
                break;
            }
            sending->accepted += 1;
        }
        free(data);
    } else if (event->type == WSKT_EVENT_UNSENT) {
        int i = (int)unsent->len - SIZE;
        if (sending->first < 0) {
            sending->first = sending->next = i;
        }
        CHECK_INT(i, sending->next);
        CHECK_INT(unsent->kind, WSKT_MESSAGE_BINARY);
        CHECK_INT(*(const char *)unsent->data, 'a');
        sending->next += 1;
    }
}

/* What the server reads to its end, and what comes back, is all that was
   accepted, each message once: an abort leaves the kernel what it has. */
static void unsent_messages(void) {
    static const char *const ports[] = {"ws", "wss"};
    size_t which, way;
    for (which = 0; which < 2; which++) {
        for (way = 0; way < ALL_WAYS; way++) {
            struct sending sending = {.first = -1};
            const char *id = new_id();
            char *url = script_url(ports[which],
                                   "rcvbuf 65536; stop-reading; wait $ID-t; "
                                   "resume-reading; drain",
                                   id);
            wskt_config *config = trusting_config();
            struct report report;
            struct run run;
            struct text want = {0};
            int i;
            OK(wskt_config_set_water_marks(config, 1 << 26, 1 << 27));
            snprintf(sending.id, sizeof sending.id, "%s", id);
            begin_run(&run, all_ways[way], url, config);
            wskt_config_free(config);
            run.on_event = send_much;
            run.data = &sending;
            drive(&run);
            CHECK(pthread_join(sending.thread, NULL) == 0);
            get_report(&report, id);
            if (run.way == WAY_BLOCKING && run.unsent == 0) {
                /* The call that was blocked was in the middle of a message in
                   chunks, or its message has gone. */
                sending.first = sending.next = sending.accepted;
            } else if (run.unsent == 0 || sending.first <= 0) {
                FAIL("%s, %s: %d of %d came back from %d on:\n%s", ports[which],
                     way_name(run.way), run.unsent, sending.accepted,
                     sending.first, text_of(&run.log));
            }
            CHECK_INT(sending.next, sending.accepted);
            for (i = 0; i < sending.first; i++) {
                if (i % 3 == 2) {
                    text_add(&want,
                             "binary fin=0 \"a\\x00\\x00\\x00\\x00\"\n"
                             "continuation fin=0 %d\ncontinuation \"\"\n",
                             SIZE + i - 5);
                } else {
                    text_add(&want, "binary %d\n", SIZE + i);
                }
            }
            /* What follows is no end of a message. */
            if (strncmp(text_of(&report.frames), text_of(&want), want.len) !=
                    0 ||
                strstr(text_of(&report.frames) + want.len, "binary 4") !=
                    NULL ||
                strstr(text_of(&report.frames) + want.len,
                       "continuation \"\"") != NULL) {
                FAIL("%s, %s: %d came back from %d on; the server has %s",
                     ports[which], way_name(run.way), run.unsent, sending.first,
                     text_of(&report.frames));
            }
            text_free(&want);
            free_report(&report);
            end_run(&run);
            free(url);
        }
    }
}

/* -- freeing in callbacks -------------------------------------------------- */

static void free_it(struct run *run, wskt_socket *socket,
                    const wskt_event *event) {
    wskt_event_type when = *(wskt_event_type *)run->data;
    if (event->type == when && run->attempts == 2) {
        /* It is not the program's to free. */
        wskt_socket_free(socket);
        CHECK(wskt_socket_url(socket, NULL) != NULL);
        run->freed = true;
        wskt_reconnector_free(run->reconnector);
    }
}

static void free_it_unsent(struct run *run, wskt_socket *socket,
                           const wskt_event *event) {
    send_much(run, socket, event);
    if (event->type == WSKT_EVENT_UNSENT) {
        CHECK_INT(run->unsent, 1);
        run->freed = true;
        wskt_reconnector_free(run->reconnector);
    }
}

/* With the first message that comes back: nothing is told after it. */
static void free_in_on_unsent(void) {
    static const char *const ports[] = {"ws", "wss"};
    size_t which, way;
    for (which = 0; which < 2; which++) {
        for (way = 0; way < ALL_WAYS; way++) {
            struct sending sending = {.first = -1};
            const char *id = new_id();
            char *url = script_url(ports[which],
                                   "rcvbuf 65536; stop-reading; wait $ID-t; "
                                   "resume-reading; drain",
                                   id);
            wskt_config *config = trusting_config();
            struct run run;
            OK(wskt_config_set_water_marks(config, 1 << 26, 1 << 27));
            snprintf(sending.id, sizeof sending.id, "%s", id);
            begin_run(&run, all_ways[way], url, config);
            wskt_config_free(config);
            run.on_event = free_it_unsent;
            run.data = &sending;
            drive(&run);
            CHECK(pthread_join(sending.thread, NULL) == 0);
            /* A call that is blocked may have nothing to give back. */
            if (!run.freed && run.way != WAY_BLOCKING) {
                FAIL("%s, %s: nothing came back:\n%s", ports[which],
                     way_name(run.way), text_of(&run.log));
            }
            CHECK_INT(run.closes, !run.freed);
            end_run(&run);
            free(url);
        }
    }
}

static void free_in_callbacks(void) {
    static const wskt_event_type whens[] = {
        WSKT_EVENT_ATTEMPT, WSKT_EVENT_OPEN, WSKT_EVENT_CLOSE};
    size_t i, way;
    for (i = 0; i < 3; i++) {
        for (way = 0; way < ALL_WAYS; way++) {
            wskt_event_type when = whens[i];
            char *url = script_url(
                "ws", "close 1001; expect-close; half-close", new_id());
            struct run run;
            begin_run(&run, all_ways[way], url, NULL);
            run.on_event = free_it;
            run.data = &when;
            drive(&run);
            end_run(&run);
            free(url);
        }
    }
}

/* -- connect --------------------------------------------------------------- */

static void count_attempt(wskt_socket *socket, const wskt_attempt_event *event,
                          void *data) {
    (void)socket;
    (void)event;
    *(int *)data += 1;
}

/* The timeout of connect ends the call and nothing else. */
static void connect_goes_on(void) {
    const char *id = new_id();
    char *url = script_url("ws", "none; wait $ID-s; accept; text hi; "
                                 "answer-close; half-close", id);
    char mark[40];
    wskt_reconnector *reconnector;
    wskt_socket *pattern, *socket = NULL;
    const wskt_event *event;
    int attempts = 0;
    OK(wskt_socket_new(NULL, url, NULL, &pattern));
    OK(wskt_socket_set_user_data(pattern, &attempts, NULL));
    OK(wskt_socket_set_on_attempt(pattern, count_attempt));
    OK(wskt_reconnector_new(pattern, &reconnector));
    CHECK(wskt_reconnector_socket(reconnector) == NULL);
    RESULT(wskt_reconnector_connect(reconnector, -2, &socket),
           WSKT_ERR_INVALID_ARGUMENT);
    RESULT(wskt_reconnector_connect(reconnector, 0, &socket), WSKT_ERR_TIMEOUT);
    RESULT(wskt_reconnector_connect(reconnector, 30, &socket),
           WSKT_ERR_TIMEOUT);
    CHECK(socket == NULL);
    snprintf(mark, sizeof mark, "%s-s", id);
    signal_server(mark);
    OK(wskt_reconnector_connect(reconnector, limit_ms(), &socket));
    CHECK_INT(attempts, 1);
    OK(wskt_socket_recv(socket, limit_ms(), &event));
    CHECK_INT(event->type, WSKT_EVENT_OPEN);
    OK(wskt_socket_recv(socket, limit_ms(), &event));
    CHECK_INT(event->type, WSKT_EVENT_MESSAGE);
    OK(wskt_socket_close(socket, 1000, NULL, 0));
    OK(wskt_socket_recv(socket, limit_ms(), &event));
    CHECK_INT(event->type, WSKT_EVENT_CLOSE);
    RESULT(wskt_socket_recv(socket, 0, &event), WSKT_ERR_CLOSED);
    RESULT(wskt_reconnector_connect(reconnector, -1, &socket),
           WSKT_ERR_CLOSED);
    wskt_reconnector_free(reconnector);
    free(url);
}

/* -- misuse ---------------------------------------------------------------- */

static void misuse(void) {
    static const int64_t delays[][2] = {
        {0, 1},         {-1, 1},        {2, 1},
        {1, INT64_MAX}, {1, 1LL << 31}, {INT64_MIN, INT64_MIN},
    };
    size_t i;
    wskt_reconnector *reconnector = NULL, *other = NULL;
    wskt_socket *pattern, *socket = NULL;
    wskt_loop *loop;
    size_t handles = wskt_handle_count();
    RESULT(wskt_reconnector_new(NULL, &reconnector), WSKT_ERR_NULL);
    RESULT(wskt_reconnector_set_delays(NULL, 1, 1), WSKT_ERR_NULL);
    RESULT(wskt_reconnector_set_max_tries(NULL, 1), WSKT_ERR_NULL);
    RESULT(wskt_reconnector_start(NULL), WSKT_ERR_NULL);
    RESULT(wskt_reconnector_stop(NULL), WSKT_ERR_NULL);
    RESULT(wskt_reconnector_connect(NULL, 0, &socket), WSKT_ERR_NULL);
    RESULT(wskt_socket_set_on_attempt(NULL, NULL), WSKT_ERR_NULL);
    RESULT(wskt_socket_set_on_unsent(NULL, NULL), WSKT_ERR_NULL);
    CHECK(!wskt_reconnector_is_over(NULL));
    CHECK(wskt_reconnector_socket(NULL) == NULL);
    wskt_reconnector_free(NULL);

    OK(wskt_socket_new(NULL, "ws://127.0.0.1:1/", NULL, &pattern));
    RESULT(wskt_reconnector_new(pattern, NULL), WSKT_ERR_NULL);
    OK(wskt_reconnector_new(pattern, &reconnector));
    CHECK_INT(wskt_handle_count(), handles + 1);
    for (i = 0; i < sizeof delays / sizeof delays[0]; i++) {
        wskt_result got = wskt_reconnector_set_delays(reconnector, delays[i][0],
                                                      delays[i][1]);
        RESULT(got, WSKT_ERR_INVALID_DELAYS);
        CHECK(text_like(wskt_result_text(got), "delays: *2147483647 ms*"));
    }
    RESULT(wskt_reconnector_connect(reconnector, 0, NULL), WSKT_ERR_NULL);
    wskt_reconnector_free(reconnector);
    CHECK_INT(wskt_handle_count(), handles);

    OK(wskt_loop_new(&loop));
    OK(wskt_socket_new(loop, "ws://127.0.0.1:1/", NULL, &pattern));
    OK(wskt_socket_abort(pattern));
    RESULT(wskt_reconnector_new(pattern, &reconnector),
           WSKT_ERR_INVALID_STATE);
    wskt_socket_free(pattern);
    OK(wskt_socket_new(loop, "ws://127.0.0.1:1/", NULL, &pattern));
    OK(wskt_reconnector_new(pattern, &reconnector));
    RESULT(wskt_reconnector_connect(reconnector, 0, &socket),
           WSKT_ERR_INVALID_STATE);
    OK(wskt_reconnector_start(reconnector));
    RESULT(wskt_reconnector_start(reconnector), WSKT_ERR_INVALID_STATE);
    socket = wskt_reconnector_socket(reconnector);
    RESULT(wskt_reconnector_new(socket, &other), WSKT_ERR_INVALID_ARGUMENT);
    RESULT(wskt_socket_open(socket), WSKT_ERR_INVALID_STATE);
    wskt_reconnector_free(reconnector);

    OK(wskt_socket_new(loop, "ws://127.0.0.1:1/", NULL, &pattern));
    OK(wskt_reconnector_new(pattern, &reconnector));
    OK(wskt_reconnector_start(reconnector));
    OK(wskt_loop_free(loop));
    OK(wskt_reconnector_stop(reconnector));
    wskt_reconnector_free(reconnector);
}

int main(void) {
    begin();
    RUN(misuse);
    RUN(ends);
    RUN(connect_goes_on);
    RUN(stopped_before_it_began);
    RUN(lasting_connections);
    RUN(stops_while_waiting);
    RUN(unsent_messages);
    RUN(free_in_callbacks);
    RUN(free_in_on_unsent);
    return end();
}
