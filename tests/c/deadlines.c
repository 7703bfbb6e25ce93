/* Every deadline ends what it is for, in its time and not before, in every
   way of driving. */
#include "support/ways.h"

/* The deadlines that pass, what they may take, and those that must not. */
enum { SHORT_MS = 200, MARGIN_MS = 8000 };

enum { ON_OPEN_NOTHING, ON_OPEN_CLOSE, ON_OPEN_FILL, ON_OPEN_FILL_AND_CLOSE };

struct row {
    const char *name;
    const char *scheme;
    const char *port;
    const char *script;
    wskt_result (*set)(wskt_config *config, int64_t ms);
    int on_open;
    const char *log;
};

#define TIMED_OUT(message)                  \
    "error/3 timeout \"" message "\"\n"      \
    "close/3 1006 \"\" unclean peer=0 timeout \"" message "\"\n"
#define NO_CONNECTION TIMED_OUT("no connection was established in time")
#define NO_TLS TIMED_OUT("the TLS handshake did not end in time")
#define NO_ANSWER TIMED_OUT("the server did not answer the upgrade in time")
#define NO_CLOSE TIMED_OUT("the peer did not answer the Close frame in time")
#define NO_BYTE TIMED_OUT("the peer took no byte before the send deadline")

/* 0 takes back each that can be off. */
static wskt_result set_and_turn_off(wskt_config *config, int64_t ms) {
    OK(wskt_config_set_send_timeout(config, ms));
    OK(wskt_config_set_idle_timeout(config, ms));
    OK(wskt_config_set_heartbeat(config, ms, ms));
    OK(wskt_config_set_send_timeout(config, 0));
    OK(wskt_config_set_idle_timeout(config, 0));
    return wskt_config_set_heartbeat(config, 0, 0);
}

/* The queue of "blackhole" is finite: it is for what nothing else can do. */
static const struct row rows[] = {
    {"connect", "ws", "full", NULL, wskt_config_set_connect_timeout,
     ON_OPEN_NOTHING, NO_CONNECTION},
    {"opening: connect", "ws", "full", NULL, wskt_config_set_open_timeout,
     ON_OPEN_NOTHING, NO_CONNECTION},
    {"TLS", "wss", "blackhole", NULL, wskt_config_set_tls_timeout,
     ON_OPEN_NOTHING, NO_TLS},
    {"upgrade", "ws", "ws", "none; expect-fin", wskt_config_set_upgrade_timeout,
     ON_OPEN_NOTHING, NO_ANSWER},
    {"opening: upgrade", "ws", "ws", "none; expect-fin",
     wskt_config_set_open_timeout, ON_OPEN_NOTHING, NO_ANSWER},
    {"upgrade over TLS", "wss", "wss", "none; expect-fin",
     wskt_config_set_upgrade_timeout, ON_OPEN_NOTHING, NO_ANSWER},
    {"an answer that drips", "ws", "ws", "accept drip=20000; expect-fin",
     wskt_config_set_upgrade_timeout, ON_OPEN_NOTHING, NO_ANSWER},
    {"Close never answered", "ws", "ws", "drain", wskt_config_set_close_timeout,
     ON_OPEN_CLOSE, "open/1\n" NO_CLOSE},
    {"Close never answered, wss", "wss", "wss", "drain",
     wskt_config_set_close_timeout, ON_OPEN_CLOSE, "open/1\n" NO_CLOSE},
    {"data for ever after our Close", "ws", "ws",
     "expect-close; forever textn 100000", wskt_config_set_close_timeout,
     ON_OPEN_CLOSE, "open/1\n" NO_CLOSE},
    {"FIN never sent after our Close", "ws", "ws", "answer-close; drain",
     wskt_config_set_linger_timeout, ON_OPEN_CLOSE,
     "open/1\nclose/3 3000 \"x\" clean peer=3000 local \"\"\n"},
    {"FIN never sent after our Close, wss", "wss", "wss",
     "answer-close; expect-fin", wskt_config_set_linger_timeout, ON_OPEN_CLOSE,
     "open/1\nclose/3 3000 \"x\" clean peer=3000 local \"\"\n"},
    {"FIN never sent after its Close", "ws", "ws",
     "close 1001 bye; expect-close; drain", wskt_config_set_linger_timeout,
     ON_OPEN_NOTHING,
     "open/1\nclose/3 1001 \"bye\" clean peer=1001 peer \"\"\n"},
    {"data for ever after both Closes", "ws", "ws",
     "answer-close; forever textn 100000", wskt_config_set_linger_timeout,
     ON_OPEN_CLOSE,
     "open/1\nclose/3 3000 \"x\" clean peer=3000 local \"\"\n"},
    {"TCP left open after a violation", "ws", "ws",
     "accept; raw f100; expect-close 1002; stop-reading", wskt_config_set_linger_timeout,
     ON_OPEN_NOTHING,
     "open/1\nerror/3 protocol \"*\"\n"
     "close/3 1006 \"\" unclean peer=0 protocol \"*\"\n"},
    {"the server stops reading", "ws", "ws", "rcvbuf 32768; stop-reading",
     wskt_config_set_send_timeout, ON_OPEN_FILL, "open/1\n" NO_BYTE},
    {"the server stops reading, wss", "wss", "wss", "rcvbuf 32768; stop-reading",
     wskt_config_set_send_timeout, ON_OPEN_FILL, "open/1\n" NO_BYTE},
    {"the Close stays queued", "ws", "ws", "rcvbuf 32768; stop-reading",
     wskt_config_set_send_timeout, ON_OPEN_FILL_AND_CLOSE, "open/1\n" NO_BYTE},
    {"none is on", "ws", "ws",
     "rcvbuf 32768; stop-reading; sleep 700; resume-reading; recv; "
     "close 1000 done; expect-close; half-close",
     set_and_turn_off, ON_OPEN_FILL,
     "open/1\ndrain/1\nclose/3 1000 \"done\" clean peer=1000 peer \"\"\n"},
};

enum { ROW_COUNT = sizeof rows / sizeof rows[0] };

static wskt_config *patient_config(void) {
    wskt_config *config = trusting_config();
    OK(wskt_config_set_linger_timeout(config, limit_ms()));
    OK(wskt_config_set_close_timeout(config, limit_ms()));
    return config;
}

/* Loads the trusted certificates. Under valgrind that takes longer than the
   server waits for a ClientHello, so the first connection does not count. */
static void load_certificates(const wskt_config *config) {
    char *url = path_url("wss", "/echo");
    wskt_socket *socket;
    OK(wskt_socket_new(NULL, url, config, &socket));
    (void)wskt_socket_connect(socket, limit_ms());
    wskt_socket_free(socket);
    free(url);
}

static char *url_of(const struct row *row, const char *id) {
    struct text url = {0};
    if (row->script != NULL) {
        return script_url(row->port, row->script, id);
    }
    text_add(&url, "%s://127.0.0.1:%d/", row->scheme, port(row->port));
    return url.at;
}

struct run {
    const struct row *row;
    double begun;
};

/* Does what the row wants once the socket is open. */
static void on_event(struct party *party, const wskt_event *event) {
    struct run *run = party->data;
    const struct row *row = run->row;
    if (event->type != WSKT_EVENT_OPEN) {
        return;
    }
    /* Whatever comes next runs from here on. */
    run->begun = now_ms();
    if (row->on_open == ON_OPEN_FILL || row->on_open == ON_OPEN_FILL_AND_CLOSE) {
        size_t size = (size_t)12 << 20;
        unsigned char *bytes = pattern_binary(size);
        OK(wskt_socket_send_binary(party->socket, bytes, size));
        free(bytes);
    }
    if (row->on_open == ON_OPEN_CLOSE || row->on_open == ON_OPEN_FILL_AND_CLOSE) {
        OK(wskt_socket_close(party->socket, 3000, "x", 1));
    }
}

static void check_time(const char *name, double begun, int least, int most) {
    double took = now_ms() - begun;
    if (took < least - 1 || (took > least + most && !is_slow())) {
        FAIL("%s: it took %.0f ms, not %d", name, took, least);
    }
}

static void run_row(const struct row *row, enum way way) {
    struct party party;
    wskt_config *config = patient_config();
    const char *id = new_id();
    char *url = url_of(row, id);
    struct run run;
    if (strcmp(row->scheme, "wss") == 0) {
        load_certificates(config);
    }
    OK(row->set(config, SHORT_MS));
    party_make(&party, way, NULL, url, config);
    snprintf(party.name, sizeof party.name, "%s (%s)", row->name, way_name(way));
    party.on_event = on_event;
    party.data = &run;
    run.row = row;
    run.begun = now_ms();
    party_start(&party);
    party_drive(&party);
    /* A blocking send of the row waits for as long once itself. */
    check_time(party.name, run.begun, SHORT_MS,
               patient_ms(MARGIN_MS) +
                   (row->on_open >= ON_OPEN_FILL ? SHORT_MS : 0));
    if (!text_like(text_of(&party.log), row->log)) {
        FAIL("%s: got\n%s\nwant\n%s", party.name, text_of(&party.log), row->log);
    }
    party_check_closed(&party);
    party_free(&party);
    wskt_config_free(config);
    free(url);
}

/* -- the time that connect itself is given ------------------------------ */

static void connect_gives_up(const char *scheme, const char *port_name) {
    wskt_config *config = patient_config();
    const wskt_event *event;
    const wskt_close_event *closed;
    wskt_socket *socket;
    char url[64];
    double begun = now_ms();
    snprintf(url, sizeof url, "%s://127.0.0.1:%d/", scheme, port(port_name));
    OK(wskt_socket_new(NULL, url, config, &socket));
    RESULT(wskt_socket_connect(socket, SHORT_MS), WSKT_ERR_TIMEOUT);
    check_time(port_name, begun, SHORT_MS, patient_ms(MARGIN_MS));
    CHECK_INT(wskt_socket_ready_state(socket), WSKT_CLOSED);
    closed = wskt_socket_close_event(socket);
    CHECK(closed != NULL);
    CHECK_INT(closed->cause, WSKT_CAUSE_TIMEOUT);
    CHECK_STR(closed->message,
              "no connection was established in the time connect was given");
    OK(wskt_socket_recv(socket, 0, &event));
    CHECK_INT(event->type, WSKT_EVENT_ERROR);
    CHECK_INT(((const wskt_error_event *)event)->cause, WSKT_CAUSE_TIMEOUT);
    OK(wskt_socket_recv(socket, 0, &event));
    CHECK_INT(event->type, WSKT_EVENT_CLOSE);
    CHECK_INT(((const wskt_close_event *)event)->code, WSKT_CLOSE_ABNORMAL);
    RESULT(wskt_socket_recv(socket, 0, &event), WSKT_ERR_CLOSED);
    RESULT(wskt_socket_connect(socket, SHORT_MS), WSKT_ERR_INVALID_STATE);
    wskt_socket_free(socket);
    wskt_config_free(config);
}

/* With no time at all it still only gives up; it does not hang or crash. */
static void connect_without_time(void) {
    wskt_config *config = patient_config();
    wskt_socket *socket;
    char url[64];
    snprintf(url, sizeof url, "ws://127.0.0.1:%d/", port("full"));
    OK(wskt_socket_new(NULL, url, config, &socket));
    RESULT(wskt_socket_connect(socket, 0), WSKT_ERR_TIMEOUT);
    CHECK_INT(wskt_socket_close_event(socket)->cause, WSKT_CAUSE_TIMEOUT);
    wskt_socket_free(socket);
    wskt_config_free(config);
}

/* -- deadlines that were met -------------------------------------------- */

/* Brings those back that would drive on. */
static void come_back(struct party *party, const wskt_event *event) {
    if (event->type == WSKT_EVENT_MESSAGE && party->way == WAY_SOCKET_RUN) {
        OK(wskt_socket_interrupt(party->socket));
    } else if (event->type == WSKT_EVENT_MESSAGE &&
               party->way == WAY_LOOP_RUN) {
        OK(wskt_loop_wake(party->loop));
    }
}

/* Opened in time: later the deadlines of opening mean nothing. The program
   lets them pass between two of its calls. */
static void not_after_it_opened(enum way way) {
    int deadline = patient_ms(400);
    struct party party;
    wskt_config *config = patient_config();
    const char *id = new_id();
    char *url = script_url("ws", "text one; wait $ID-go; text two; close 1000;"
                           "expect-close; fin",
                           id);
    char name[64];
    OK(wskt_config_set_open_timeout(config, deadline));
    OK(wskt_config_set_connect_timeout(config, deadline));
    OK(wskt_config_set_upgrade_timeout(config, deadline));
    OK(wskt_config_set_close_timeout(config, deadline));
    party_make(&party, way, NULL, url, config);
    party.on_event = come_back;
    party_start(&party);
    if (way_connects(way)) {
        OK(party.started);
        pause_ms(deadline + 50);
    }
    party_drive_messages(&party, 1);
    pause_ms(deadline + 50);
    snprintf(name, sizeof name, "%s-go", id);
    signal_server(name);
    party_drive(&party);
    if (!text_like(text_of(&party.log),
                   "open/1\ntext/1 \"one\"\ntext/1 \"two\"\n"
                   "close/3 1000 \"\" clean peer=1000 peer \"\"\n")) {
        FAIL("%s: %s", way_name(way), text_of(&party.log));
    }
    party_free(&party);
    wskt_config_free(config);
    free(url);
}

/* The peer stood still and went on in time, and it was a send that found
   out: no recv may end the socket for it afterwards. */
static void a_send_deadline_that_was_met(void) {
    int deadline = patient_ms(1000);
    size_t size = (size_t)8 << 20;
    unsigned char *bytes = pattern_binary(size);
    wskt_config *config = patient_config();
    const char *id = new_id();
    char *url = script_url("ws",
                           "rcvbuf 32768; stop-reading; wait $ID-go;"
                           "resume-reading; recvn 2; text got; answer-close;"
                           "fin",
                           id);
    const wskt_event *event;
    wskt_socket *socket;
    double begun;
    char name[64];
    OK(wskt_config_set_send_timeout(config, deadline));
    OK(wskt_socket_new(NULL, url, config, &socket));
    OK(wskt_socket_connect(socket, limit_ms()));
    OK(wskt_socket_recv(socket, limit_ms(), &event));
    OK(wskt_socket_pause(socket));
    snprintf(name, sizeof name, "%s-go", id);
    begun = now_ms();
    OK(wskt_socket_interrupt(socket)); /* the send must not wait it out */
    OK(wskt_socket_send_binary(socket, bytes, size));
    CHECK(wskt_socket_buffered_amount(socket) > 0);
    RESULT(wskt_socket_recv(socket, 0, &event), WSKT_ERR_INTERRUPTED);
    RESULT(wskt_socket_recv(socket, 0, &event), WSKT_ERR_TIMEOUT);
    signal_server(name);
    OK(wskt_socket_send_text(socket, "more", 4));
    while (wskt_socket_buffered_amount(socket) > 0) {
        CHECK(now_ms() < begun + limit_ms());
        OK(wskt_socket_ping(socket, NULL, 0));
    }
    OK(wskt_socket_resume(socket));
    while (now_ms() < begun + deadline + 100) {
        pause_ms(20);
    }
    OK(wskt_socket_recv(socket, limit_ms(), &event));
    CHECK_INT(event->type, WSKT_EVENT_DRAIN);
    OK(wskt_socket_recv(socket, limit_ms(), &event));
    CHECK_INT(event->type, WSKT_EVENT_MESSAGE);
    OK(wskt_socket_close(socket, 1000, NULL, 0));
    OK(wskt_socket_recv(socket, limit_ms(), &event));
    CHECK_INT(event->type, WSKT_EVENT_CLOSE);
    CHECK(((const wskt_close_event *)event)->was_clean);
    wskt_socket_free(socket);
    wskt_config_free(config);
    free(bytes);
    free(url);
}

static void *run_way(void *argument) {
    enum way way = *(const enum way *)argument;
    size_t i;
    for (i = 0; i < ROW_COUNT; i++) {
        if (!is_slow() || way == WAY_THREAD || rows[i].scheme[2] == '\0') {
            run_row(&rows[i], way);
        }
    }
    not_after_it_opened(way);
    return NULL;
}

static void every_way(void) {
    enum way ways[WAYS];
    pthread_t threads[WAYS];
    int i;
    for (i = 0; i < WAYS; i++) {
        ways[i] = (enum way)i;
        CHECK_INT(pthread_create(&threads[i], NULL, run_way, &ways[i]), 0);
        if (is_slow()) {
            pthread_join(threads[i], NULL);
        }
    }
    for (i = 0; i < WAYS && !is_slow(); i++) {
        pthread_join(threads[i], NULL);
    }
}

int main(void) {
    begin();
    RUN(every_way);
    now_testing("connect_gives_up");
    connect_gives_up("ws", "full");
    connect_gives_up("wss", "blackhole");
    RUN(connect_without_time);
    RUN(a_send_deadline_that_was_met);
    return end();
}
