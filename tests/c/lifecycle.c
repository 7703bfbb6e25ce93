/* The life of a socket and of a loop: what may be set when, who is asked to
   drive, what is left after the close event and after the loop. */
#include "support/ways.h"

#define FLOOD "/flood?n=3&size=5&kind=text"

/* Nothing fires before open: handlers can be set at leisure. */
static void no_event_before_open(void) {
    struct party party;
    char *url = path_url("ws", FLOOD);
    int way;
    for (way = 0; way < WAYS; way++) {
        party_make(&party, (enum way)way, NULL, url, NULL);
        if (way == WAY_EMBEDDED) {
            OK(wskt_loop_dispatch(party.loop));
        }
        CHECK_INT(party.log.len, 0);
        CHECK_INT(wskt_socket_ready_state(party.socket), WSKT_CONNECTING);
        CHECK_INT(wskt_socket_response_status(party.socket), 0);
        party_start(&party);
        OK(party.started);
        party_drive(&party);
        CHECK_STR(text_of(&party.log),
                  "open/1\ntext/1 \"abcde\"\ntext/1 \"abcde\"\n"
                  "text/1 \"abcde\"\nclose/3 1000 \"\" clean peer=1000 peer "
                  "\"\"\n");
        party_check_closed(&party);
        CHECK_INT(wskt_socket_response_status(party.socket), 101);
        RESULT(wskt_socket_open(party.socket), WSKT_ERR_INVALID_STATE);
        RESULT(wskt_socket_connect(party.socket, 0), WSKT_ERR_INVALID_STATE);
        party_free(&party);
    }
    free(url);
}

/* Handlers may be NULL: events nobody hears do no harm. */
static void handlers_are_optional(void) {
    char *url = path_url("ws", FLOOD);
    wskt_socket *socket;
    wskt_loop *loop;
    OK(wskt_loop_new(&loop));
    OK(wskt_socket_new(loop, url, NULL, &socket));
    OK(wskt_socket_open(socket));
    OK(wskt_loop_run(loop));
    CHECK_INT(wskt_socket_close_event(socket)->code, 1000);
    wskt_socket_free(socket);
    OK(wskt_loop_free(loop));
    free(url);
}

/* connect leaves the open event, and a failure's events, to recv. */
static void connect_uses_up_no_event(void) {
    char *url = path_url("refused", "/");
    const wskt_event *event = NULL;
    wskt_socket *socket;
    OK(wskt_socket_new(NULL, url, NULL, &socket));
    RESULT(wskt_socket_connect(socket, limit_ms()), WSKT_ERR_CONNECT_FAILED);
    CHECK_INT(wskt_socket_ready_state(socket), WSKT_CLOSED);
    CHECK_INT(wskt_socket_close_event(socket)->cause, WSKT_CAUSE_CONNECT);
    OK(wskt_socket_recv(socket, 0, &event));
    CHECK_INT(as_error(event)->cause, WSKT_CAUSE_CONNECT);
    OK(wskt_socket_recv(socket, 0, &event));
    CHECK_INT(as_close(event)->code, 1006);
    RESULT(wskt_socket_recv(socket, 0, &event), WSKT_ERR_CLOSED);
    wskt_socket_free(socket);
    free(url);
}

/* recv with 0 only looks, with a time waits that long. */
static void recv_timeouts(void) {
    const char *id = new_id();
    char *url = script_url("ws", "wait $ID; text x; answer-close; half-close", id);
    const wskt_event *event = NULL;
    wskt_socket *socket;
    double before;
    OK(wskt_socket_new(NULL, url, NULL, &socket));
    OK(wskt_socket_connect(socket, limit_ms()));
    OK(wskt_socket_recv(socket, 0, &event));
    CHECK_INT(event->type, WSKT_EVENT_OPEN);
    RESULT(wskt_socket_recv(socket, 0, &event), WSKT_ERR_TIMEOUT);
    before = now_ms();
    RESULT(wskt_socket_recv(socket, 30, &event), WSKT_ERR_TIMEOUT);
    CHECK(now_ms() - before >= 29);
    before = now_ms();
    RESULT(wskt_socket_recv(socket, 250, &event), WSKT_ERR_TIMEOUT);
    CHECK(now_ms() - before >= 249);
    signal_server(id);
    OK(wskt_socket_recv(socket, -1, &event));
    CHECK_INT(as_message(event)->len, 1);
    OK(wskt_socket_close(socket, 0, NULL, 0));
    CHECK_INT(wskt_socket_ready_state(socket), WSKT_CLOSING);
    OK(wskt_socket_recv(socket, -1, &event));
    CHECK_INT(as_close(event)->code, 1005);
    wskt_socket_free(socket);
    free(url);
}

/* close() returns first, with ready state 2; events follow. */
static void close_while_connecting_in_place(void) {
    const char *id = new_id();
    char *url = script_url("ws", "none; expect-fin", id);
    struct party party;
    party_make(&party, WAY_EMBEDDED, NULL, url, NULL);
    party_start(&party);
    OK(wskt_socket_close(party.socket, 1000, NULL, 0));
    CHECK_INT(wskt_socket_ready_state(party.socket), WSKT_CLOSING);
    CHECK_INT(party.log.len, 0);
    party_drive(&party);
    CHECK_INT(party.opens, 0);
    CHECK_INT(party.errors, 1);
    CHECK_INT(as_close(&wskt_socket_close_event(party.socket)->head)->cause,
              WSKT_CAUSE_LOCAL);
    party_free(&party);
    free(url);
}

/* Ready state 2 as soon as the server's Close was seen. */
static void closing_after_the_peers_close(void) {
    const char *id = new_id();
    char *url = script_url("ws", "close 1001 x; wait $ID; half-close", id);
    struct party party;
    party_make(&party, WAY_EMBEDDED, NULL, url, NULL);
    party_start(&party);
    while (wskt_socket_ready_state(party.socket) != WSKT_CLOSING) {
        OK(wskt_loop_dispatch(party.loop));
        pause_ms(1);
    }
    CHECK_STR(text_of(&party.log), "open/1\n");
    RESULT(wskt_socket_send_text(party.socket, "x", 1), WSKT_ERR_CLOSED);
    signal_server(id);
    party_drive(&party);
    CHECK_INT(wskt_socket_close_event(party.socket)->code, 1001);
    party_free(&party);
    free(url);
}

/* -- loops -------------------------------------------------------------- */

/* stop leaves the sockets as they are; start goes on. */
static void stop_and_start(void) {
    struct party party;
    const char *id = new_id();
    char *url =
        script_url("ws", "text one; wait $ID; text two; answer-close; half-close", id);
    party_make(&party, WAY_THREAD, NULL, url, NULL);
    RESULT(wskt_loop_start(party.loop), WSKT_ERR_INVALID_STATE);
    party_start(&party);
    party_drive_messages(&party, 1);
    RESULT(wskt_loop_dispatch(party.loop), WSKT_ERR_INVALID_STATE);
    RESULT(wskt_loop_run(party.loop), WSKT_ERR_INVALID_STATE);
    OK(wskt_loop_stop(party.loop));
    OK(wskt_loop_stop(party.loop));
    CHECK_INT(wskt_socket_ready_state(party.socket), WSKT_OPEN);
    signal_server(id);
    OK(wskt_socket_send_text(party.socket, "while stopped", 13));
    CHECK_INT(party.messages, 1);
    OK(wskt_loop_start(party.loop));
    party_drive_messages(&party, 2);
    OK(wskt_socket_close(party.socket, 1000, NULL, 0));
    party_drive(&party);
    CHECK_INT(party.messages, 2);
    /* The same loop by hand, now that its thread is gone. */
    OK(wskt_loop_stop(party.loop));
    OK(wskt_loop_dispatch(party.loop));
    OK(wskt_loop_run(party.loop));
    party_free(&party);
    free(url);
}

/* stop comes back although another thread starts the loop again at once. */
enum { STARTS = 1000, SLOW_STARTS = 50 };

struct stopped {
    wskt_loop *loop;
    bool over;
};

static void *stop_often(void *argument) {
    struct stopped *stopped = argument;
    while (!__atomic_load_n(&stopped->over, __ATOMIC_SEQ_CST)) {
        OK(wskt_loop_stop(stopped->loop));
    }
    return NULL;
}

static void stop_beside_start(void) {
    struct stopped stopped = {NULL, false};
    pthread_t threads[2];
    int i, starts = is_slow() ? SLOW_STARTS : STARTS;
    OK(wskt_loop_new(&stopped.loop));
    for (i = 0; i < 2; i++) {
        CHECK_INT(pthread_create(&threads[i], NULL, stop_often, &stopped), 0);
    }
    while (starts > 0) {
        wskt_result result = wskt_loop_start(stopped.loop);
        CHECK(result == WSKT_OK || result == WSKT_ERR_INVALID_STATE);
        starts -= result == WSKT_OK;
    }
    __atomic_store_n(&stopped.over, true, __ATOMIC_SEQ_CST);
    for (i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
    OK(wskt_loop_free(stopped.loop));
}

static void stop_in_callback(struct party *party, const wskt_event *event) {
    if (event->type == WSKT_EVENT_MESSAGE && party->messages == 2) {
        OK(wskt_loop_stop(party->loop));
    }
}

/* run ends by stop in a callback, and goes on when called again. */
static void run_and_stop(void) {
    struct party party;
    char *url = path_url("ws", "/flood?n=5&size=5&kind=text");
    party_make(&party, WAY_LOOP_RUN, NULL, url, NULL);
    party.on_event = stop_in_callback;
    OK(wskt_loop_run(party.loop));
    party_start(&party);
    OK(wskt_loop_run(party.loop));
    CHECK(party.messages >= 2);
    party_drive(&party);
    CHECK_INT(party.messages, 5);
    CHECK_INT(wskt_socket_close_event(party.socket)->code, 1000);
    OK(wskt_loop_run(party.loop));
    party_free(&party);
    free(url);
}

static void *wake(void *argument) {
    OK(wskt_loop_wake(argument));
    return NULL;
}

/* wake ends the wait that runs, or the next one. */
static void wake_ends_waits(void) {
    const wskt_event *event = NULL;
    struct party party;
    pthread_t thread;
    const char *id = new_id();
    char *url = script_url("ws", "wait $ID; answer-close; half-close", id);
    party_make(&party, WAY_PULLED, NULL, url, NULL);
    RESULT(wskt_loop_next_event(party.loop, 0, &event), WSKT_ERR_TIMEOUT);
    OK(wskt_loop_wake(party.loop));
    RESULT(wskt_loop_next_event(party.loop, -1, &event), WSKT_ERR_INTERRUPTED);
    RESULT(wskt_loop_next_event(party.loop, 10, &event), WSKT_ERR_TIMEOUT);
    CHECK_INT(pthread_create(&thread, NULL, wake, party.loop), 0);
    RESULT(wskt_loop_next_event(party.loop, -1, &event), WSKT_ERR_INTERRUPTED);
    pthread_join(thread, NULL);
    party_start(&party);
    OK(wskt_loop_next_event(party.loop, limit_ms(), &event));
    CHECK_INT(event->type, WSKT_EVENT_OPEN);
    CHECK(event->target == party.socket);
    party_free(&party);
    free(url);

    url = script_url("ws", "wait $ID; answer-close; half-close", new_id());
    party_make(&party, WAY_LOOP_RUN, NULL, url, NULL);
    party_start(&party);
    OK(wskt_loop_wake(party.loop));
    RESULT(wskt_loop_run(party.loop), WSKT_ERR_INTERRUPTED);
    CHECK_INT(pthread_create(&thread, NULL, wake, party.loop), 0);
    RESULT(wskt_loop_run(party.loop), WSKT_ERR_INTERRUPTED);
    pthread_join(thread, NULL);
    party_free(&party);
    free(url);
}

/* Freeing the loop silences its sockets; their handles stay valid. */
static void loop_free_silences(void) {
    static const enum way ways[] = {WAY_THREAD, WAY_EMBEDDED, WAY_PULLED};
    size_t i;
    for (i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        struct party party;
        const char *id = new_id();
        char *url = script_url("ws", "text x; expect-fin", id);
        struct report report;
        size_t len;
        party_make(&party, ways[i], NULL, url, NULL);
        party_start(&party);
        party_drive_messages(&party, 1);
        OK(wskt_loop_free(party.loop));
        party.owns_loop = false;
        CHECK_INT(party.closes, 0);
        CHECK_INT(party.errors, 0);
        CHECK_INT(wskt_socket_ready_state(party.socket), WSKT_CLOSED);
        CHECK(wskt_socket_close_event(party.socket) == NULL);
        CHECK_STR(wskt_socket_url(party.socket, &len), url);
        CHECK_INT(wskt_socket_response_status(party.socket), 101);
        RESULT(wskt_socket_send_text(party.socket, "x", 1),
               WSKT_ERR_LOOP_GONE);
        RESULT(wskt_socket_ping(party.socket, "x", 1), WSKT_ERR_LOOP_GONE);
        RESULT(wskt_socket_close(party.socket, 1000, NULL, 0),
               WSKT_ERR_LOOP_GONE);
        RESULT(wskt_socket_abort(party.socket), WSKT_ERR_LOOP_GONE);
        RESULT(wskt_socket_pause(party.socket), WSKT_ERR_LOOP_GONE);
        RESULT(wskt_socket_resume(party.socket), WSKT_ERR_LOOP_GONE);
        RESULT(wskt_socket_open(party.socket), WSKT_ERR_LOOP_GONE);
        CHECK(*wskt_socket_error_text(party.socket) != '\0');
        party_free(&party);
        get_report(&report, id);
        CHECK_STR(text_of(&report.frames), "");
        free_report(&report);
        free(url);
    }
}

static void *run_until_gone(void *argument) {
    wskt_result result;
    do {
        result = wskt_loop_run(argument);
    } while (result == WSKT_ERR_INTERRUPTED);
    RESULT(result, WSKT_ERR_LOOP_GONE);
    return NULL;
}

/* Freed by another thread while it runs: run ends with LOOP_GONE. */
static void loop_free_ends_run(void) {
    struct party party;
    pthread_t thread;
    const char *id = new_id();
    char *url = script_url("ws", "mark $ID; expect-fin", id);
    party_make(&party, WAY_LOOP_RUN, NULL, url, NULL);
    party_start(&party);
    CHECK_INT(pthread_create(&thread, NULL, run_until_gone, party.loop), 0);
    wait_mark(id);
    OK(wskt_loop_free(party.loop));
    pthread_join(thread, NULL);
    party.owns_loop = false;
    CHECK_INT(party.closes, 0);
    party_free(&party);
    free(url);
}

/* Fd and timeout without work, and with a deadline. */
static void fd_and_timeout(void) {
    wskt_loop *loop;
    int fd;
    OK(wskt_loop_new(&loop));
    CHECK_INT(wskt_loop_timeout_ms(loop), -1);
    fd = wskt_loop_fd(loop);
    CHECK(fd >= 0);
    /* Asking for it may count as something to look at. */
    OK(wskt_loop_dispatch(loop));
    CHECK_INT(wskt_loop_timeout_ms(loop), -1);
    OK(wskt_loop_wake(loop));
    CHECK_INT(wskt_loop_timeout_ms(loop), 0);
    OK(wskt_loop_dispatch(loop));
    CHECK_INT(wskt_loop_fd(loop), fd);
    CHECK_INT(wskt_loop_timeout_ms(loop), -1);
    OK(wskt_loop_free(loop));
}

/* The default loop: one for the process, made when it is first needed. */
static void the_default_loop(void) {
    char *url = path_url("ws", FLOOD);
    wskt_socket *sockets[2];
    int i, threads;
    double until = now_ms() + limit_ms();
    for (i = 0; i < 2; i++) {
        OK(wskt_socket_new(NULL, url, NULL, &sockets[i]));
        OK(wskt_socket_open(sockets[i]));
        RESULT(wskt_socket_connect(sockets[i], 0), WSKT_ERR_INVALID_STATE);
        if (i == 0) {
            threads = count_threads();
        }
    }
    CHECK_INT(count_threads(), threads);
    for (i = 0; i < 2; i++) {
        while (wskt_socket_ready_state(sockets[i]) != WSKT_CLOSED) {
            CHECK(now_ms() < until);
            pause_ms(1);
        }
        CHECK_INT(wskt_socket_close_event(sockets[i])->code, 1000);
        wskt_socket_free(sockets[i]);
    }
    free(url);
}

int main(void) {
    /* It stays: it must be there before things are counted. */
    the_default_loop();
    begin();
    RUN(the_default_loop);
    RUN(no_event_before_open);
    RUN(handlers_are_optional);
    RUN(connect_uses_up_no_event);
    RUN(recv_timeouts);
    RUN(close_while_connecting_in_place);
    RUN(closing_after_the_peers_close);
    RUN(stop_and_start);
    RUN(stop_beside_start);
    RUN(run_and_stop);
    RUN(wake_ends_waits);
    RUN(loop_free_silences);
    RUN(loop_free_ends_run);
    RUN(fd_and_timeout);
    return end();
}
