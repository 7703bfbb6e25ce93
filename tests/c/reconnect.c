/* Reconnectors: which ends are followed by another try and after how long,
   what the program sees of it, what comes back unsent, and stopping and
   freeing one at any time; in every way of driving. */
#include "support/ways.h"

#include <poll.h>
#include <unistd.h>

struct run {
    enum way way;
    wskt_loop *loop;
    wskt_reconnector *reconnector;
    /* One line an event. */
    struct text log;
    void (*on_event)(struct run *run, wskt_socket *socket,
                     const wskt_event *event);
    void *data;
    int attempts, unsent, closes, destroyed;
    /* Of the last attempt. */
    double delay;
    bool freed, over;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
};

static const enum way all_ways[] = {WAY_THREAD, WAY_EMBEDDED, WAY_PULLED,
                                    WAY_LOOP_RUN, WAY_BLOCKING};
#define ALL_WAYS (sizeof all_ways / sizeof all_ways[0])

static void log_event(struct run *run, const wskt_event *event) {
    const wskt_attempt_event *attempt = (const wskt_attempt_event *)event;
    const wskt_unsent_event *unsent = (const wskt_unsent_event *)event;
    switch (event->type) {
    case WSKT_EVENT_ATTEMPT:
        CHECK_INT(event->struct_size, sizeof *attempt);
        CHECK_STR(event->type_name, "attempt");
        run->attempts += 1;
        CHECK_INT(attempt->number, run->attempts);
        CHECK((attempt->previous == NULL) == (run->attempts == 1));
        CHECK(run->attempts != 1 || attempt->delay_ms == 0);
        CHECK(wskt_reconnector_socket(run->reconnector) == event->target);
        CHECK_INT(wskt_socket_ready_state(event->target), WSKT_CONNECTING);
        run->delay = attempt->delay_ms;
        text_add(&run->log, "attempt");
        if (attempt->previous != NULL) {
            CHECK(attempt->previous->head.target != event->target);
            CHECK(attempt->previous ==
                  wskt_socket_close_event(attempt->previous->head.target));
            text_add(&run->log, " after %d", attempt->previous->code);
        }
        text_add(&run->log, "\n");
        break;
    case WSKT_EVENT_UNSENT:
        CHECK_INT(event->struct_size, sizeof *unsent);
        CHECK_STR(event->type_name, "unsent");
        CHECK_INT(wskt_socket_ready_state(event->target), WSKT_CLOSED);
        run->unsent += 1;
        break;
    case WSKT_EVENT_CLOSE:
        run->closes += 1;
        text_add(&run->log, "close %d%s\n", as_close(event)->code,
                 wskt_reconnector_is_over(run->reconnector) ? ", over" : "");
        break;
    default:
        text_add(&run->log, "%s\n", event->type_name);
    }
}

static void on_any(struct run *run, wskt_socket *socket,
                   const wskt_event *event) {
    bool last;
    CHECK(event->target == socket);
    /* A blocking socket is told of by connect itself. */
    log_event(run, event);
    last = event->type == WSKT_EVENT_CLOSE &&
           wskt_reconnector_is_over(run->reconnector);
    if (run->on_event != NULL) {
        run->on_event(run, socket, event);
    }
    last |= run->freed || (event->type == WSKT_EVENT_CLOSE &&
                           wskt_reconnector_is_over(run->reconnector));
    if (last) {
        pthread_mutex_lock(&run->mutex);
        run->over = true;
        pthread_cond_broadcast(&run->changed);
        pthread_mutex_unlock(&run->mutex);
    }
}

#define HANDLER(name, type)                                             \
    static void name(wskt_socket *socket, const type *event, void *data) { \
        on_any(data, socket, &event->head);                             \
    }
HANDLER(on_open, wskt_open_event)
HANDLER(on_message, wskt_message_event)
HANDLER(on_error, wskt_error_event)
HANDLER(on_close, wskt_close_event)
HANDLER(on_attempt, wskt_attempt_event)
HANDLER(on_unsent, wskt_unsent_event)

static void destroy(void *data) {
    struct run *run = data;
    run->destroyed += 1;
}

static wskt_socket *make_pattern(struct run *run, const char *url,
                                 const wskt_config *config) {
    wskt_socket *pattern;
    OK(wskt_socket_new(run->loop, url, config, &pattern));
    OK(wskt_socket_set_on_open(pattern, on_open));
    OK(wskt_socket_set_on_message(pattern, on_message));
    OK(wskt_socket_set_on_error(pattern, on_error));
    OK(wskt_socket_set_on_close(pattern, on_close));
    OK(wskt_socket_set_on_attempt(pattern, on_attempt));
    OK(wskt_socket_set_on_unsent(pattern, on_unsent));
    OK(wskt_socket_set_user_data(pattern, run, destroy));
    return pattern;
}

static void begin_run(struct run *run, enum way way, const char *url,
                      const wskt_config *config) {
    memset(run, 0, sizeof *run);
    run->way = way;
    CHECK(pthread_mutex_init(&run->mutex, NULL) == 0);
    CHECK(pthread_cond_init(&run->changed, NULL) == 0);
    if (way != WAY_BLOCKING) {
        OK(wskt_loop_new(&run->loop));
    }
    OK(wskt_reconnector_new(make_pattern(run, url, config),
                            &run->reconnector));
    OK(wskt_reconnector_set_delays(run->reconnector, 1, 60000));
    OK(wskt_reconnector_set_max_tries(run->reconnector, 2));
}

/* Every socket in turn, until none opens any more. */
static void drive_blocking(struct run *run) {
    wskt_socket *socket;
    const wskt_event *event;
    wskt_result result;
    for (;;) {
        result = wskt_reconnector_connect(run->reconnector, limit_ms(), &socket);
        if (run->freed) {
            return;
        }
        if (result != WSKT_OK) {
            CHECK(result == WSKT_ERR_CONNECT_FAILED ||
                  result == WSKT_ERR_CLOSED);
            CHECK(wskt_reconnector_is_over(run->reconnector));
            text_add(&run->log, "%s\n", wskt_result_name(result));
            run->over = true;
            return;
        }
        CHECK(socket == wskt_reconnector_socket(run->reconnector));
        RESULT(wskt_reconnector_connect(run->reconnector, 0, &socket),
               WSKT_ERR_INVALID_STATE);
        while (!run->freed &&
               wskt_socket_recv(socket, limit_ms(), &event) == WSKT_OK) {
            on_any(run, socket, event);
        }
        if (run->freed) {
            return;
        }
    }
}

static void drive(struct run *run) {
    const wskt_event *event;
    double by = now_ms() + limit_ms();
    struct timespec until;
    if (run->way == WAY_BLOCKING) {
        drive_blocking(run);
        return;
    }
    OK(wskt_reconnector_start(run->reconnector));
    switch (run->way) {
    case WAY_THREAD:
        OK(wskt_loop_start(run->loop));
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += limit_ms() / 1000;
        pthread_mutex_lock(&run->mutex);
        while (!run->over &&
               pthread_cond_timedwait(&run->changed, &run->mutex, &until) == 0) {
        }
        pthread_mutex_unlock(&run->mutex);
        break;
    case WAY_EMBEDDED: {
        struct pollfd fd = {.fd = wskt_loop_fd(run->loop), .events = POLLIN};
        while (!run->over && now_ms() < by) {
            poll(&fd, 1, limit_ms());
            OK(wskt_loop_dispatch(run->loop));
        }
        break;
    }
    case WAY_PULLED:
        while (!run->over &&
               wskt_loop_next_event(run->loop, limit_ms(), &event) == WSKT_OK) {
            on_any(run, event->target, event);
        }
        break;
    default:
        OK(wskt_loop_run(run->loop));
    }
    if (!run->over) {
        FAIL("%s: not over: %s", way_name(run->way), text_of(&run->log));
    }
}

static void end_run(struct run *run) {
    if (run->loop != NULL && run->way == WAY_THREAD) {
        OK(wskt_loop_stop(run->loop));
    }
    if (!run->freed) {
        wskt_reconnector_free(run->reconnector);
    }
    if (run->loop != NULL) {
        OK(wskt_loop_free(run->loop));
    }
    CHECK_INT(run->destroyed, 1);
    pthread_mutex_destroy(&run->mutex);
    pthread_cond_destroy(&run->changed);
    text_free(&run->log);
}

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
    RESULT(wskt_socket_set_on_attempt(NULL, on_attempt), WSKT_ERR_NULL);
    RESULT(wskt_socket_set_on_unsent(NULL, on_unsent), WSKT_ERR_NULL);
    CHECK(!wskt_reconnector_is_over(NULL));
    CHECK(wskt_reconnector_socket(NULL) == NULL);
    wskt_reconnector_free(NULL);

    OK(wskt_socket_new(NULL, "ws://127.0.0.1:1/", NULL, &pattern));
    RESULT(wskt_reconnector_new(pattern, NULL), WSKT_ERR_NULL);
    OK(wskt_reconnector_new(pattern, &reconnector));
    CHECK_INT(wskt_handle_count(), handles + 1);
    RESULT(wskt_reconnector_set_delays(reconnector, 0, 1),
           WSKT_ERR_INVALID_ARGUMENT);
    RESULT(wskt_reconnector_set_delays(reconnector, -1, 1),
           WSKT_ERR_INVALID_ARGUMENT);
    RESULT(wskt_reconnector_set_delays(reconnector, 2, 1),
           WSKT_ERR_INVALID_ARGUMENT);
    RESULT(wskt_reconnector_set_delays(reconnector, 1, INT64_MAX),
           WSKT_ERR_INVALID_ARGUMENT);
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
    return end();
}
