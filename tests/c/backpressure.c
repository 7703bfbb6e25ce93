/* Backpressure both ways: a peer that does not read, and a program that does
   not want to. */
#include "support/ways.h"

#define CHUNK 65536

static wskt_config *marks(size_t low, size_t high) {
    wskt_config *config = trusting_config();
    OK(wskt_config_set_water_marks(config, low, high));
    return config;
}

/* -- a stalled server --------------------------------------------------- */

struct filler {
    unsigned char *bytes;
    int accepted;
    int refused;
    const char *id;
    bool resumed;
};

/* Sends until it is refused: nothing is queued by that, and a message before
   the mark may exceed it. */
static void fill(struct party *party, struct filler *filler) {
    wskt_result result;
    size_t before;
    do {
        before = wskt_socket_buffered_amount(party->socket);
        result = wskt_socket_send_binary(party->socket, filler->bytes, CHUNK);
        filler->accepted += result == WSKT_OK;
        CHECK(filler->accepted < 2000);
    } while (result == WSKT_OK);
    RESULT(result, WSKT_ERR_BUFFER_FULL);
    CHECK_INT(wskt_socket_buffered_amount(party->socket), before);
    CHECK(before >= 1 << 20);
    CHECK(strstr(wskt_socket_error_text(party->socket), "high-water") != NULL);
    /* Closing and getters still work; so does a ping's refusal. */
    RESULT(wskt_socket_ping(party->socket, "x", 1), WSKT_ERR_BUFFER_FULL);
    RESULT(wskt_socket_send_text(party->socket, "x", 1),
           WSKT_ERR_BUFFER_FULL);
    CHECK_INT(wskt_socket_buffered_amount(party->socket), before);
    filler->refused += 1;
}

static void fill_and_drain(struct party *party, const wskt_event *event) {
    struct filler *filler = party->data;
    if (event->type == WSKT_EVENT_OPEN) {
        fill(party, filler);
        filler->resumed = true;
        signal_server(filler->id);
    } else if (event->type == WSKT_EVENT_DRAIN) {
        CHECK(filler->resumed);
        CHECK(wskt_socket_buffered_amount(party->socket) <= 1 << 18);
        if (party->drains == 1) {
            OK(wskt_socket_send_binary(party->socket, filler->bytes, CHUNK));
            filler->accepted += 1;
            OK(wskt_socket_close(party->socket, 1000, NULL, 0));
        }
    }
}

/* The loop ways: BUFFER_FULL queues nothing, drain tells when to go on. */
static void full_and_drained(enum way way, const char *port_name) {
    struct filler filler = {0};
    struct party party;
    struct report report;
    struct text want = {0};
    wskt_config *config = marks(1 << 18, 1 << 20);
    char *url;
    int i;
    filler.id = new_id();
    filler.bytes = pattern_binary(CHUNK);
    url = script_url(port_name,
                     "rcvbuf 65536; stop-reading; wait $ID; resume-reading;"
                     "answer-close; half-close",
                     filler.id);
    party_make(&party, way, NULL, url, config);
    party.on_event = fill_and_drain;
    party.data = &filler;
    party_start(&party);
    party_drive(&party);
    CHECK_INT(filler.refused, 1);
    CHECK_INT(party.drains, 1);
    CHECK(wskt_socket_close_event(party.socket)->was_clean);
    CHECK_INT(wskt_socket_buffered_amount(party.socket), 0);
    get_report(&report, filler.id);
    for (i = 0; i < filler.accepted; i++) {
        text_add(&want, "binary %d\n", CHUNK);
    }
    text_add(&want, "close 1000 \"\"\n");
    CHECK_STR(text_of(&report.frames), text_of(&want));
    CHECK_STR(report.errors, "[]");
    free_report(&report);
    text_free(&want);
    party_free(&party);
    wskt_config_free(config);
    free(filler.bytes);
    free(url);
}

/* Blocking: a send waits for the peer; one that times out accepted nothing. */
static void blocking_send_times_out(const char *port_name) {
    struct report report;
    struct text want = {0};
    const wskt_event *event;
    const char *id = new_id();
    unsigned char *bytes = pattern_binary(CHUNK);
    wskt_config *config = marks(1 << 18, 1 << 20);
    wskt_socket *socket;
    int accepted = 0, i;
    int timeout = is_slow() ? 500 : 200;
    wskt_result result;
    double before;
    size_t buffered;
    char *url = script_url(port_name,
                           "limit 300000; rcvbuf 65536; stop-reading; wait $ID;"
                           "resume-reading; answer-close; half-close",
                           id);
    OK(wskt_config_set_send_timeout(config, timeout));
    OK(wskt_socket_new(NULL, url, config, &socket));
    OK(wskt_socket_connect(socket, limit_ms()));
    OK(wskt_socket_recv(socket, limit_ms(), &event));
    do {
        before = now_ms();
        buffered = wskt_socket_buffered_amount(socket);
        result = wskt_socket_send_binary(socket, bytes, CHUNK);
        accepted += result == WSKT_OK;
        CHECK(accepted < 2000);
    } while (result == WSKT_OK);
    RESULT(result, WSKT_ERR_TIMEOUT);
    CHECK(now_ms() - before >= timeout - 2);
    CHECK(wskt_socket_buffered_amount(socket) <= buffered);
    CHECK_INT(wskt_socket_ready_state(socket), WSKT_OPEN);
    /* An interrupt ends such a wait, too, and accepts nothing. */
    OK(wskt_socket_interrupt(socket));
    RESULT(wskt_socket_send_binary(socket, bytes, CHUNK),
           WSKT_ERR_INTERRUPTED);
    signal_server(id);
    OK(wskt_socket_send_binary(socket, bytes, CHUNK));
    accepted += 1;
    OK(wskt_socket_close(socket, 1000, NULL, 0));
    do {
        OK(wskt_socket_recv(socket, limit_ms(), &event));
    } while (event->type == WSKT_EVENT_DRAIN);
    CHECK_INT(as_close(event)->code, 1000);
    CHECK(as_close(event)->was_clean);
    CHECK_INT(wskt_socket_buffered_amount(socket), 0);
    wskt_socket_free(socket);
    get_report(&report, id);
    for (i = 0; i < accepted; i++) {
        text_add(&want, "binary %d\n", CHUNK);
    }
    text_add(&want, "close 1000 \"\"\n");
    CHECK_STR(text_of(&report.frames), text_of(&want));
    free_report(&report);
    text_free(&want);
    wskt_config_free(config);
    free(bytes);
    free(url);
}

/* -- a server that takes its time ----------------------------------------- */

struct stuck {
    unsigned char *bytes;
    const char *id;
    char go_on[64];
};

#define STUCK (8 << 20)

static void send_and_listen(struct party *party, const wskt_event *event) {
    struct stuck *stuck = party->data;
    if (event->type == WSKT_EVENT_OPEN) {
        /* The pings lie there before the queue is stuck, and are read after. */
        signal_server(stuck->id);
        OK(wskt_socket_send_binary(party->socket, stuck->bytes, STUCK));
        CHECK(wskt_socket_buffered_amount(party->socket) > 0);
    } else if (event->type == WSKT_EVENT_MESSAGE && party->messages == 1) {
        CHECK(wskt_socket_buffered_amount(party->socket) > 0);
        signal_server(stuck->go_on);
    } else if (event->type == WSKT_EVENT_MESSAGE) {
        CHECK_INT(wskt_socket_buffered_amount(party->socket), 0);
        OK(wskt_socket_close(party->socket, 1000, NULL, 0));
    }
}

/* Whoever waits for messages waits for room, too: nothing comes from the
   server until it has the message and the pongs behind it. Of the pings that
   came meanwhile the first was queued at once, and the last is answered. */
static void queue_leaves_while_receiving(enum way way, const char *port_name) {
    struct stuck stuck;
    struct party party;
    struct report report;
    struct text want = {0};
    wskt_config *config = trusting_config();
    char *url;
    stuck.id = new_id();
    stuck.bytes = pattern_binary(STUCK);
    snprintf(stuck.go_on, sizeof stuck.go_on, "%s-2", stuck.id);
    url = script_url(port_name,
                     "limit 60000; rcvbuf 65536; stop-reading; wait $ID; hold;"
                     "ping first; repeat 20000 ping 0123456789; ping last;"
                     "text full; flush; wait $ID-2; resume-reading; recv;"
                     "expect-pong first; expect-pong last; text done; flush;"
                     "answer-close; half-close",
                     stuck.id);
    party_make(&party, way, NULL, url, config);
    party.on_event = send_and_listen;
    party.data = &stuck;
    party_start(&party);
    party_drive(&party);
    CHECK_INT(party.messages, 2);
    CHECK(wskt_socket_close_event(party.socket)->was_clean);
    get_report(&report, stuck.id);
    text_add(&want, "binary %d\npong \"first\"\npong \"last\"\n", STUCK);
    text_add(&want, "close 1000 \"\"\n");
    CHECK_STR(text_of(&report.frames), text_of(&want));
    CHECK_STR(report.errors, "[]");
    free_report(&report);
    text_free(&want);
    party_free(&party);
    wskt_config_free(config);
    free(stuck.bytes);
    free(url);
}

/* Data queued before close(): the send deadline runs, not the close one. */
static void send_deadline(struct party *party, const wskt_event *event) {
    if (event->type == WSKT_EVENT_OPEN) {
        unsigned char *bytes = pattern_binary(16 << 20);
        OK(wskt_socket_send_binary(party->socket, bytes, 16 << 20));
        if (party->data != NULL) {
            OK(wskt_socket_close(party->socket, 1000, NULL, 0));
        }
        free(bytes);
    }
}

static void send_deadline_ends_it(enum way way, bool close) {
    struct party party;
    wskt_config *config = trusting_config();
    char *url = script_url("ws", "rcvbuf 65536; stop-reading; mark $ID", new_id());
    OK(wskt_config_set_send_timeout(config, 200));
    party_make(&party, way, NULL, url, config);
    party.on_event = send_deadline;
    party.data = close ? &party : NULL;
    party_start(&party);
    party_drive(&party);
    CHECK_STR(text_of(&party.log),
              "open/1\n"
              "error/3 timeout \"the peer took no byte before the send "
              "deadline\"\n"
              "close/3 1006 \"\" unclean peer=0 timeout \"the peer took no "
              "byte before the send deadline\"\n");
    CHECK(wskt_socket_buffered_amount(party.socket) > 1 << 20);
    party_free(&party);
    wskt_config_free(config);
    free(url);
}

/* -- buffered_amount ---------------------------------------------------- */

/* It counts payload without framing, and inside a callback does not fall
   through that callback's own sends. */
static void count_payload(struct party *party, const wskt_event *event) {
    wskt_socket *socket = party->socket;
    if (event->type != WSKT_EVENT_OPEN) {
        return;
    }
    CHECK_INT(wskt_socket_buffered_amount(socket), 0);
    OK(wskt_socket_send_text(socket, "hello", 5));
    if (way_calls_back(party->way)) {
        CHECK_INT(wskt_socket_buffered_amount(socket), 5);
    } else {
        CHECK_INT(wskt_socket_buffered_amount(socket), 0);
    }
    OK(wskt_socket_ping(socket, "ping", 4));
    OK(wskt_socket_send_binary(socket, "abc", 3));
    if (way_calls_back(party->way)) {
        unsigned char *bytes = pattern_binary(100000);
        CHECK_INT(wskt_socket_buffered_amount(socket), 8);
        /* Past 64 KiB it is offered to the kernel; the amount stays. */
        OK(wskt_socket_send_binary(socket, bytes, 100000));
        CHECK_INT(wskt_socket_buffered_amount(socket), 100008);
        free(bytes);
    }
    OK(wskt_socket_close(socket, 1000, NULL, 0));
    RESULT(wskt_socket_send_text(socket, "1234", 4), WSKT_ERR_CLOSED);
    CHECK_INT(wskt_socket_buffered_amount(socket),
              way_calls_back(party->way) ? 100012 : 4);
}

static void buffered_amount(enum way way, const char *port_name) {
    struct party party;
    wskt_config *config = trusting_config();
    char *url = path_url(port_name, "/sink");
    party_make(&party, way, NULL, url, config);
    wskt_config_free(config);
    party.on_event = count_payload;
    party_start(&party);
    party_drive(&party);
    CHECK_INT(wskt_socket_buffered_amount(party.socket), 4);
    CHECK_INT(party.drains, 0);
    party_free(&party);
    free(url);
}

/* -- pause and resume --------------------------------------------------- */

struct pauser {
    struct party *party;
    pthread_t thread;
    bool resumes;
    bool started;
    const char *id;
    int at_pause;
};

static void *resume_later(void *argument) {
    struct pauser *pauser = argument;
    int now;
    /* The server goes on sending all that while. */
    pause_ms(100);
    pthread_mutex_lock(&pauser->party->mutex);
    now = pauser->party->messages;
    pthread_mutex_unlock(&pauser->party->mutex);
    CHECK_INT(now, pauser->at_pause);
    if (pauser->resumes) {
        OK(wskt_socket_resume(pauser->party->socket));
    } else {
        OK(wskt_socket_close(pauser->party->socket, 1000, NULL, 0));
    }
    return NULL;
}

static void pause_once(struct party *party, const wskt_event *event) {
    struct pauser *pauser = party->data;
    if (event->type == WSKT_EVENT_MESSAGE && party->messages == 2) {
        OK(wskt_socket_pause(party->socket));
        pauser->at_pause = 2;
        pauser->started = true;
        CHECK_INT(
            pthread_create(&pauser->thread, NULL, resume_later, pauser), 0);
    }
}

/* Called in a callback, that message is the last until resume; close() ends
   a pause, and what comes in is discarded up to the peer's Close. */
static void pause_and_resume(enum way way, bool resumes, bool tls) {
    struct pauser pauser = {0};
    struct party party;
    wskt_config *config = trusting_config();
    char *url = script_url(
        tls ? "wss" : "ws",
        resumes ? "repeat 2000 textn 1000; close 1000; expect-close;"
                  "half-close"
                : "repeat 100 textn 1000; answer-close; half-close",
        new_id());
    party_make(&party, way, NULL, url, config);
    pauser.party = &party;
    pauser.resumes = resumes;
    party.on_event = pause_once;
    party.data = &pauser;
    party_start(&party);
    party_drive(&party);
    pthread_join(pauser.thread, NULL);
    CHECK_INT(party.messages, resumes ? 2000 : 2);
    CHECK_INT(wskt_socket_close_event(party.socket)->code, 1000);
    CHECK(wskt_socket_close_event(party.socket)->was_clean);
    party_free(&party);
    wskt_config_free(config);
    free(url);
}

/* TCP pushes back: a paused reader stops the server. */
static void pause_stops_the_server(void) {
    struct party party;
    const char *id = new_id();
    char *url = script_url(
        "ws", "sndbuf 65536; limit 400; repeat 40 binn 1000000", id);
    struct report report;
    party_make(&party, WAY_THREAD, NULL, url, NULL);
    OK(wskt_socket_pause(party.socket));
    party_start(&party);
    get_report(&report, id);
    if (strstr(report.errors, "binn 1000000: ") == NULL) {
        FAIL("the server could send it all: %s", report.errors);
    }
    CHECK_INT(party.messages, 0);
    OK(wskt_socket_abort(party.socket));
    party_drive(&party);
    party_free(&party);
    free_report(&report);
    free(url);
}

int main(void) {
    static const enum way loops[] = {WAY_THREAD, WAY_EMBEDDED, WAY_PULLED,
                                     WAY_LOOP_RUN};
    size_t i;
    int way;
    begin();
    now_testing("full_and_drained");
    for (i = 0; i < sizeof loops / sizeof loops[0]; i++) {
        full_and_drained(loops[i], "ws");
        full_and_drained(loops[i], "wss");
    }
    /* Its callbacks must not wait, so they are refused as well. */
    full_and_drained(WAY_SOCKET_RUN, "ws");
    now_testing("blocking_send_times_out");
    blocking_send_times_out("ws");
    blocking_send_times_out("wss");
    for (way = 0; way < WAYS; way++) {
        now_testing("queue_leaves_while_receiving");
        queue_leaves_while_receiving((enum way)way, "ws");
        queue_leaves_while_receiving((enum way)way, "wss");
        now_testing("send_deadline_ends_it");
        send_deadline_ends_it((enum way)way, true);
        send_deadline_ends_it((enum way)way, false);
        now_testing("buffered_amount");
        buffered_amount((enum way)way, "ws");
        buffered_amount((enum way)way, "wss");
        now_testing("pause_and_resume");
        pause_and_resume((enum way)way, true, false);
        pause_and_resume((enum way)way, true, true);
        pause_and_resume((enum way)way, false, false);
        pause_and_resume((enum way)way, false, true);
    }
    RUN(pause_stops_the_server);
    return end();
}
