/* Every deadline passes when nobody answers, not before and not much later,
   and the event says what was waited for. */
#include "support/ways.h"

struct stall {
    const char *name;
    /* A script on `ws`, or a port where nothing answers. */
    const char *script;
    const char *port;
    bool tls;
    wskt_result (*set)(wskt_config *config, int64_t ms);
    const char *message;
    /* close() in on_open. */
    bool closes;
};

static const struct stall stalls[] = {
    {"connect", NULL, "full", false, wskt_config_set_connect_timeout,
     "no connection was established in time", false},
    {"open, while connecting", NULL, "full", false,
     wskt_config_set_open_timeout, "no connection was established in time",
     false},
    {"TLS", NULL, "blackhole", true, wskt_config_set_tls_timeout,
     "the TLS handshake did not end in time", false},
    {"open, in TLS", NULL, "blackhole", true, wskt_config_set_open_timeout,
     "the TLS handshake did not end in time", false},
    {"upgrade", NULL, "blackhole", false, wskt_config_set_upgrade_timeout,
     "the server did not answer the upgrade in time", false},
    {"open, in the upgrade", "none; expect-fin", NULL, false,
     wskt_config_set_open_timeout,
     "the server did not answer the upgrade in time", false},
    {"close", "expect-close; expect-fin", NULL, false,
     wskt_config_set_close_timeout,
     "the peer did not answer the Close frame in time", true},
};

/* TLS begins within that. */
#define SHORT patient_ms(200)

static void close_it(struct party *party, const wskt_event *event) {
    if (event->type == WSKT_EVENT_OPEN) {
        OK(wskt_socket_close(party->socket, 1000, NULL, 0));
    }
}

static void run_stall(enum way way, const struct stall *stall) {
    struct party party;
    struct text url = {0};
    struct text want = {0};
    double before, took;
    wskt_config *config;
    if (stall->script != NULL) {
        char *made = script_url("ws", stall->script, new_id());
        text_add(&url, "%s", made);
        free(made);
    } else {
        text_add(&url, "%s://127.0.0.1:%d/", stall->tls ? "wss" : "ws",
                 port(stall->port));
    }
    OK(wskt_config_new(&config));
    OK(stall->set(config, SHORT));
    party_make(&party, way, NULL, text_of(&url), config);
    party.on_event = stall->closes ? close_it : NULL;
    before = now_ms();
    party_start(&party);
    if (way_connects(way) && !stall->closes) {
        RESULT(party.started, WSKT_ERR_TIMEOUT);
    }
    party_drive(&party);
    took = now_ms() - before;
    if (stall->closes) {
        text_add(&want, "open/1\n");
    }
    text_add(&want,
             "error/3 timeout \"%s\"\nclose/3 1006 \"\" unclean peer=0 "
             "timeout \"%s\"\n",
             stall->message, stall->message);
    if (strcmp(text_of(&party.log), text_of(&want)) != 0) {
        FAIL("%s, %s: %s", stall->name, way_name(way), text_of(&party.log));
    }
    if (took < SHORT - 2 || took > SHORT + patient_ms(2000)) {
        FAIL("%s, %s: it took %.0f ms", stall->name, way_name(way), took);
    }
    party_check_closed(&party);
    party_free(&party);
    wskt_config_free(config);
    text_free(&url);
    text_free(&want);
}

/* The handshake is complete; only TCP is left open. */
static void linger(enum way way) {
    struct party party;
    double before, took;
    wskt_config *config;
    char *url =
        script_url("ws", "close 1001 x; expect-close; expect-fin", new_id());
    OK(wskt_config_new(&config));
    OK(wskt_config_set_linger_timeout(config, SHORT));
    before = now_ms();
    party_make(&party, way, NULL, url, config);
    party_start(&party);
    party_drive(&party);
    took = now_ms() - before;
    CHECK_STR(text_of(&party.log),
              "open/1\nclose/3 1001 \"x\" clean peer=1001 peer \"\"\n");
    CHECK(took >= SHORT - 2 && took <= SHORT + patient_ms(2000));
    party_free(&party);
    wskt_config_free(config);
    free(url);
}

/* The call's own limit ends the socket as well. */
static void connect_has_a_limit(void) {
    static const char *const ports[] = {"blackhole", "full"};
    int i;
    for (i = 0; i < 2; i++) {
        char *url = path_url(ports[i], "/");
        const wskt_event *event;
        wskt_socket *socket;
        double before = now_ms();
        OK(wskt_socket_new(NULL, url, NULL, &socket));
        RESULT(wskt_socket_connect(socket, SHORT), WSKT_ERR_TIMEOUT);
        CHECK(now_ms() - before >= SHORT - 2);
        CHECK_INT(wskt_socket_ready_state(socket), WSKT_CLOSED);
        CHECK_INT(wskt_socket_close_event(socket)->cause, WSKT_CAUSE_TIMEOUT);
        OK(wskt_socket_recv(socket, 0, &event));
        CHECK_INT(as_error(event)->cause, WSKT_CAUSE_TIMEOUT);
        OK(wskt_socket_recv(socket, 0, &event));
        CHECK_INT(as_close(event)->code, 1006);
        RESULT(wskt_socket_connect(socket, SHORT), WSKT_ERR_INVALID_STATE);
        wskt_socket_free(socket);
        free(url);
    }
}

/* 0 only looks: a connection cannot be there at once. */
static void connect_without_time(void) {
    char *url = path_url("blackhole", "/");
    wskt_socket *socket;
    OK(wskt_socket_new(NULL, url, NULL, &socket));
    RESULT(wskt_socket_connect(socket, 0), WSKT_ERR_TIMEOUT);
    wskt_socket_free(socket);
    free(url);
}

/* Between blocking calls no deadline passes; the next call finds it due. */
static void deadlines_pass_inside_calls_only(void) {
    const wskt_event *event;
    wskt_socket *socket;
    wskt_config *config;
    char *url = script_url("ws", "expect-close; expect-fin", new_id());
    OK(wskt_config_new(&config));
    OK(wskt_config_set_close_timeout(config, 50));
    OK(wskt_socket_new(NULL, url, config, &socket));
    OK(wskt_socket_connect(socket, limit_ms()));
    OK(wskt_socket_recv(socket, limit_ms(), &event));
    OK(wskt_socket_close(socket, 1000, NULL, 0));
    pause_ms(100);
    CHECK_INT(wskt_socket_ready_state(socket), WSKT_CLOSING);
    /* A call that only looks may be the one that starts the clock. */
    if (wskt_socket_recv(socket, 0, &event) == WSKT_ERR_TIMEOUT) {
        OK(wskt_socket_recv(socket, 0, &event));
    }
    CHECK_INT(as_error(event)->cause, WSKT_CAUSE_TIMEOUT);
    CHECK_INT(wskt_socket_ready_state(socket), WSKT_CLOSED);
    wskt_socket_free(socket);
    wskt_config_free(config);
    free(url);
}

/* What a host reads from timeout_ms fits the deadline. */
static void timeout_ms_tells_the_deadline(void) {
    struct party party;
    wskt_config *config;
    char *url = path_url("blackhole", "/");
    int32_t left;
    OK(wskt_config_new(&config));
    OK(wskt_config_set_upgrade_timeout(config, 10000));
    party_make(&party, WAY_EMBEDDED, NULL, url, config);
    CHECK_INT(wskt_loop_timeout_ms(party.loop), -1);
    party_start(&party);
    CHECK_INT(wskt_loop_timeout_ms(party.loop), 0);
    OK(wskt_loop_dispatch(party.loop));
    while ((left = wskt_loop_timeout_ms(party.loop)) == 0) {
        OK(wskt_loop_dispatch(party.loop));
    }
    CHECK(left > 0 && left <= 30000);
    party_free(&party);
    wskt_config_free(config);
    free(url);
}

int main(void) {
    int way;
    size_t i;
    /* Reading the system's certificates takes time, and none is needed. */
    setenv("SSL_CERT_FILE", "/dev/null", 1);
    setenv("SSL_CERT_DIR", "/dev/null", 1);
    begin();
    for (i = 0; i < sizeof stalls / sizeof stalls[0]; i++) {
        now_testing(stalls[i].name);
        for (way = 0; way < WAYS; way++) {
            run_stall((enum way)way, &stalls[i]);
        }
    }
    now_testing("linger");
    for (way = 0; way < WAYS; way++) {
        linger((enum way)way);
    }
    RUN(connect_has_a_limit);
    RUN(connect_without_time);
    RUN(deadlines_pass_inside_calls_only);
    RUN(timeout_ms_tells_the_deadline);
    return end();
}
