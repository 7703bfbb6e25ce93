/* Reconnectors: which ends are followed by another try, what the program sees
   of it, the blocking call, and calls that are refused; in every way of
   driving. */
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
    return end();
}
