/* Several threads on one socket: sends go out while another thread waits in
   recv, that wait ends when asked to, nothing is lost, nothing mixed. */
#include "support/ways.h"

#include <signal.h>

static wskt_socket *connected(const char *port_name, const char *script,
                              const char *id) {
    char *url = script_url(port_name, script, id);
    wskt_config *config = trusting_config();
    const wskt_event *event;
    wskt_socket *socket;
    OK(wskt_socket_new(NULL, url, config, &socket));
    OK(wskt_socket_connect(socket, limit_ms()));
    OK(wskt_socket_recv(socket, limit_ms(), &event));
    CHECK_INT(event->type, WSKT_EVENT_OPEN);
    wskt_config_free(config);
    free(url);
    return socket;
}

/* Waits for the close event. */
static void finish(wskt_socket *socket) {
    const wskt_event *event;
    OK(wskt_socket_close(socket, 1000, NULL, 0));
    do {
        OK(wskt_socket_recv(socket, limit_ms(), &event));
    } while (event->type != WSKT_EVENT_CLOSE);
    CHECK_INT(((const wskt_close_event *)event)->code, 1000);
    wskt_socket_free(socket);
}

/* -- sends leave at once ------------------------------------------------ */

#define ROUNDS 15

struct late_sender {
    wskt_socket *socket;
    /* Given by the receiver before it waits. */
    int after_ms;
    double sent_at;
};

static void *send_late(void *argument) {
    struct late_sender *sender = argument;
    pause_ms(sender->after_ms);
    sender->sent_at = now_ms();
    OK(wskt_socket_send_text(sender->socket, "x", 1));
    return NULL;
}

static int by_size(const void *a, const void *b) {
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

/* The receiver sleeps in the kernel, in its first 100 ms or later, when a
   second thread sends: the echo must come in no time. */
static void send_goes_out_at_once(const char *port_name) {
    wskt_socket *socket = connected(port_name, "echo-until-close", new_id());
    double took[ROUNDS];
    int i;
    for (i = 0; i < ROUNDS; i++) {
        struct late_sender sender = {0};
        const wskt_event *event;
        pthread_t thread;
        sender.socket = socket;
        sender.after_ms = i % 3 == 0 ? 150 : 20;
        CHECK_INT(pthread_create(&thread, NULL, send_late, &sender), 0);
        OK(wskt_socket_recv(socket, limit_ms(), &event));
        took[i] = now_ms();
        CHECK_INT(as_message(event)->len, 1);
        pthread_join(thread, NULL);
        took[i] -= sender.sent_at;
    }
    qsort(took, ROUNDS, sizeof took[0], by_size);
    if (took[ROUNDS / 2] > patient_ms(30)) {
        FAIL("half of the round trips took more than %.1f ms",
             took[ROUNDS / 2]);
    }
    finish(socket);
}

static void send_goes_out_over_ws(void) {
    send_goes_out_at_once("ws");
}

static void send_goes_out_over_wss(void) {
    send_goes_out_at_once("wss");
}

/* -- what ends a wait --------------------------------------------------- */

struct ender {
    wskt_socket *socket;
    wskt_result (*end)(wskt_socket *socket);
    int after_ms;
};

static void *end_wait(void *argument) {
    struct ender *ender = argument;
    pause_ms(ender->after_ms);
    OK(ender->end(ender->socket));
    return NULL;
}

static wskt_result abort_it(wskt_socket *socket) {
    return wskt_socket_abort(socket);
}

static wskt_result interrupt_it(wskt_socket *socket) {
    return wskt_socket_interrupt(socket);
}

static wskt_result close_it(wskt_socket *socket) {
    return wskt_socket_close(socket, 3333, "other thread", 12);
}

static void abort_ends_recv(void) {
    int i;
    for (i = 0; i < 4; i++) {
        const wskt_event *event;
        pthread_t thread;
        struct ender ender = {NULL, abort_it, i % 2 == 0 ? 10 : 150};
        ender.socket =
            connected(i < 2 ? "ws" : "wss", "expect-fin", new_id());
        CHECK_INT(pthread_create(&thread, NULL, end_wait, &ender), 0);
        OK(wskt_socket_recv(ender.socket, -1, &event));
        CHECK_INT(as_error(event)->cause, WSKT_CAUSE_ABORT);
        OK(wskt_socket_recv(ender.socket, -1, &event));
        CHECK_INT(as_close(event)->code, 1006);
        RESULT(wskt_socket_recv(ender.socket, -1, &event), WSKT_ERR_CLOSED);
        pthread_join(thread, NULL);
        wskt_socket_free(ender.socket);
    }
}

static void close_ends_recv(void) {
    int i;
    for (i = 0; i < 4; i++) {
        const wskt_event *event;
        pthread_t thread;
        struct ender ender = {NULL, close_it, i % 2 == 0 ? 10 : 150};
        ender.socket = connected(i < 2 ? "ws" : "wss", "echo-until-close",
                                 new_id());
        CHECK_INT(pthread_create(&thread, NULL, end_wait, &ender), 0);
        OK(wskt_socket_recv(ender.socket, -1, &event));
        CHECK_INT(as_close(event)->code, 3333);
        CHECK(as_close(event)->was_clean);
        pthread_join(thread, NULL);
        wskt_socket_free(ender.socket);
    }
}

/* The socket stays usable; before a wait it ends the next one. */
static void interrupt_ends_recv(void) {
    int i;
    for (i = 0; i < 4; i++) {
        const wskt_event *event = NULL;
        pthread_t thread;
        struct ender ender = {NULL, interrupt_it, i % 2 == 0 ? 10 : 150};
        ender.socket = connected(i < 2 ? "ws" : "wss", "echo-until-close",
                                 new_id());
        CHECK_INT(pthread_create(&thread, NULL, end_wait, &ender), 0);
        RESULT(wskt_socket_recv(ender.socket, -1, &event),
               WSKT_ERR_INTERRUPTED);
        pthread_join(thread, NULL);
        OK(wskt_socket_interrupt(ender.socket));
        RESULT(wskt_socket_recv(ender.socket, -1, &event),
               WSKT_ERR_INTERRUPTED);
        RESULT(wskt_socket_recv(ender.socket, 10, &event), WSKT_ERR_TIMEOUT);
        CHECK(event == NULL);
        OK(wskt_socket_send_text(ender.socket, "x", 1));
        OK(wskt_socket_recv(ender.socket, limit_ms(), &event));
        CHECK_INT(as_message(event)->len, 1);
        finish(ender.socket);
    }
}

/* An interrupted connect goes on when called again. */
static void interrupt_ends_connect(void) {
    const char *id = new_id();
    char *url = script_url(
        "ws", "none; wait $ID; accept; answer-close; half-close", id);
    struct ender ender = {NULL, interrupt_it, 10};
    const wskt_event *event;
    pthread_t thread;
    OK(wskt_socket_new(NULL, url, NULL, &ender.socket));
    CHECK_INT(pthread_create(&thread, NULL, end_wait, &ender), 0);
    RESULT(wskt_socket_connect(ender.socket, -1), WSKT_ERR_INTERRUPTED);
    pthread_join(thread, NULL);
    CHECK_INT(wskt_socket_ready_state(ender.socket), WSKT_CONNECTING);
    signal_server(id);
    OK(wskt_socket_connect(ender.socket, -1));
    OK(wskt_socket_recv(ender.socket, -1, &event));
    CHECK_INT(event->type, WSKT_EVENT_OPEN);
    finish(ender.socket);
    free(url);
}

/* -- signals ------------------------------------------------------------ */

static void ignore(int number) {
    (void)number;
}

struct rain {
    pthread_t on;
    pthread_mutex_t mutex;
    bool stop;
};

static bool stopped(struct rain *rain) {
    bool stop;
    pthread_mutex_lock(&rain->mutex);
    stop = rain->stop;
    pthread_mutex_unlock(&rain->mutex);
    return stop;
}

static void *send_signals(void *argument) {
    struct rain *rain = argument;
    while (!stopped(rain)) {
        pthread_kill(rain->on, SIGUSR1);
        pause_ms(1);
    }
    return NULL;
}

/* Signals all the time: each message still comes once, in order. */
static void signals_lose_nothing(const char *port_name) {
    wskt_socket *socket = connected(
        port_name, "split 3 us=50; repeat 400 textn 10; answer-close; half-close",
        new_id());
    struct rain rain = {0};
    pthread_t thread;
    const wskt_event *event;
    int messages = 0;
    rain.on = pthread_self();
    pthread_mutex_init(&rain.mutex, NULL);
    CHECK_INT(pthread_create(&thread, NULL, send_signals, &rain), 0);
    while (messages < 400) {
        wskt_result result = wskt_socket_recv(socket, limit_ms(), &event);
        if (result == WSKT_ERR_INTERRUPTED) {
            continue;
        }
        OK(result);
        CHECK_INT(as_message(event)->len, 10);
        CHECK(memcmp(as_message(event)->data, "abcdefghij", 10) == 0);
        messages += 1;
    }
    /* Nothing comes any more, but signals do. */
    RESULT(wskt_socket_recv(socket, -1, &event), WSKT_ERR_INTERRUPTED);
    pthread_mutex_lock(&rain.mutex);
    rain.stop = true;
    pthread_mutex_unlock(&rain.mutex);
    pthread_join(thread, NULL);
    pthread_mutex_destroy(&rain.mutex);
    finish(socket);
}

static void signals_over_ws(void) {
    signals_lose_nothing("ws");
}

static void signals_over_wss(void) {
    signals_lose_nothing("wss");
}

/* -- four senders, one receiver ----------------------------------------- */

#define SENDERS 4
#define EACH 250

struct sender {
    wskt_socket *socket;
    int number;
};

static size_t size_of(int sender, int i) {
    return 8 + (size_t)((sender * 7919 + i * 104729) % (i % 50 == 0 ? 70000 : 700));
}

static void *send_many(void *argument) {
    struct sender *sender = argument;
    unsigned char *bytes = malloc(70100);
    int i;
    for (i = 0; i < EACH; i++) {
        size_t size = size_of(sender->number, i);
        wskt_result result;
        memset(bytes, sender->number * 50 + i % 50, size);
        bytes[0] = (unsigned char)sender->number;
        bytes[1] = (unsigned char)(i & 0xff);
        bytes[2] = (unsigned char)(i >> 8);
        while ((result = wskt_socket_send_binary(sender->socket, bytes,
                                                 size)) ==
               WSKT_ERR_BUFFER_FULL) {
            pause_ms(1);
        }
        OK(result);
    }
    free(bytes);
    return NULL;
}

/* What each sender is at. */
static void judge(int *next, const wskt_message_event *message) {
    const unsigned char *bytes = message->data;
    int number, i;
    size_t at;
    CHECK(message->kind == WSKT_MESSAGE_BINARY && message->len >= 8);
    number = bytes[0];
    CHECK(number < SENDERS);
    i = bytes[1] | bytes[2] << 8;
    CHECK_INT(i, next[number]);
    CHECK_INT(message->len, size_of(number, i));
    for (at = 3; at < message->len; at++) {
        CHECK_INT(bytes[at], number * 50 + i % 50);
    }
    next[number] += 1;
}

static void receive(struct party *party, const wskt_event *event) {
    if (event->type == WSKT_EVENT_MESSAGE) {
        judge(party->data, as_message(event));
        /* The log of a thousand messages is of no use. */
        text_free(&party->log);
        if (party->messages == SENDERS * EACH) {
            OK(wskt_socket_close(party->socket, 1000, NULL, 0));
        }
    }
}

static void four_senders(enum way way, const char *port_name) {
    struct sender senders[SENDERS];
    pthread_t threads[SENDERS];
    int next[SENDERS] = {0};
    struct party party;
    wskt_config *config = trusting_config();
    char *url = path_url(port_name, "/echo");
    double until = now_ms() + limit_ms();
    int i;
    party_make(&party, way, NULL, url, config);
    party.on_event = receive;
    party.data = next;
    party_start(&party);
    /* Sends are legal from OPEN on. */
    while (wskt_socket_ready_state(party.socket) == WSKT_CONNECTING) {
        CHECK(now_ms() < until);
        if (way == WAY_EMBEDDED) {
            OK(wskt_loop_dispatch(party.loop));
        } else if (way == WAY_PULLED) {
            const wskt_event *event;
            OK(wskt_loop_next_event(party.loop, limit_ms(), &event));
        } else {
            pause_ms(1);
        }
    }
    for (i = 0; i < SENDERS; i++) {
        senders[i].socket = party.socket;
        senders[i].number = i;
        CHECK_INT(pthread_create(&threads[i], NULL, send_many, &senders[i]),
                  0);
    }
    party_drive(&party);
    for (i = 0; i < SENDERS; i++) {
        pthread_join(threads[i], NULL);
        CHECK_INT(next[i], EACH);
    }
    CHECK_INT(wskt_socket_close_event(party.socket)->code, 1000);
    party_free(&party);
    wskt_config_free(config);
    free(url);
}

static void four_senders_everywhere(void) {
    static const enum way ways[] = {WAY_BLOCKING, WAY_THREAD, WAY_EMBEDDED,
                                    WAY_PULLED, WAY_SOCKET_RUN};
    size_t i;
    for (i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        four_senders(ways[i], "ws");
        four_senders(ways[i], "wss");
    }
}

/* -- close during a large send ------------------------------------------ */

static void *close_when_queued(void *argument) {
    double until = now_ms() + limit_ms();
    while (wskt_socket_buffered_amount(argument) == 0) {
        CHECK(now_ms() < until);
    }
    OK(wskt_socket_close(argument, 1000, "midway", 6));
    return NULL;
}

/* What was accepted before the close still arrives, then the Close. */
static void close_during_a_large_send(void) {
    const char *id = new_id();
    wskt_socket *socket = connected(
        "ws", "rcvbuf 65536; recv; answer-close; half-close", id);
    unsigned char *bytes = pattern_binary(16 << 20);
    const wskt_event *event;
    struct report report;
    pthread_t thread;
    CHECK_INT(pthread_create(&thread, NULL, close_when_queued, socket), 0);
    OK(wskt_socket_send_binary(socket, bytes, 16 << 20));
    pthread_join(thread, NULL);
    RESULT(wskt_socket_send_text(socket, "late", 4), WSKT_ERR_CLOSED);
    do {
        OK(wskt_socket_recv(socket, limit_ms(), &event));
    } while (event->type == WSKT_EVENT_DRAIN);
    CHECK_INT(as_close(event)->code, 1000);
    CHECK(as_close(event)->was_clean);
    wskt_socket_free(socket);
    get_report(&report, id);
    CHECK_STR(text_of(&report.frames),
              "binary 16777216\nclose 1000 \"midway\"\n");
    CHECK_STR(report.errors, "[]");
    free_report(&report);
    free(bytes);
}

/* -- one driver at a time ----------------------------------------------- */

static void *receive_to_the_end(void *argument) {
    const wskt_event *event;
    wskt_result result;
    /* The other thread may have been the first, for a moment. */
    do {
        result = wskt_socket_recv(argument, -1, &event);
    } while (result == WSKT_OK || result == WSKT_ERR_IN_USE);
    RESULT(result, WSKT_ERR_CLOSED);
    return NULL;
}

static void two_receivers_are_refused(void) {
    const char *id = new_id();
    wskt_socket *socket =
        connected("ws", "expect-text go; mark $ID; answer-close; half-close", id);
    const wskt_event *event;
    pthread_t thread;
    wskt_result result;
    double until = now_ms() + limit_ms();
    CHECK_INT(pthread_create(&thread, NULL, receive_to_the_end, socket), 0);
    /* Until the other thread is in its call. */
    while ((result = wskt_socket_recv(socket, 0, &event)) ==
           WSKT_ERR_TIMEOUT) {
        CHECK(now_ms() < until);
        pause_ms(1);
    }
    RESULT(result, WSKT_ERR_IN_USE);
    RESULT(wskt_socket_run(socket), WSKT_ERR_IN_USE);
    OK(wskt_socket_send_text(socket, "go", 2));
    wait_mark(id);
    OK(wskt_socket_close(socket, 1000, NULL, 0));
    pthread_join(thread, NULL);
    CHECK_INT(wskt_socket_close_event(socket)->code, 1000);
    wskt_socket_free(socket);
}

int main(void) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = ignore;
    sigaction(SIGUSR1, &action, NULL);
    begin();
    RUN(send_goes_out_over_ws);
    RUN(send_goes_out_over_wss);
    RUN(abort_ends_recv);
    RUN(close_ends_recv);
    RUN(interrupt_ends_recv);
    RUN(interrupt_ends_connect);
    RUN(signals_over_ws);
    RUN(signals_over_wss);
    RUN(four_senders_everywhere);
    RUN(close_during_a_large_send);
    RUN(two_receivers_are_refused);
    return end();
}
