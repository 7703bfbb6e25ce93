/* The body of a refused upgrade: read however it is framed and however it
   comes, but only so much of it and only for so long; and an answer that is
   no HTTP is judged by its first bytes. */
#include "support/ways.h"

enum {
    KEPT = 65536,
    /* How long a refusal waits for its body, */
    WAIT = 1000,
    /* and what may pass on a busy machine. */
    SLACK = 1500,
    /* A loaded machine may be late; a library that waits is so every time. */
    TRIES = 5
};

struct refusal {
    const char *name;
    const char *script;
    const char *status;
    /* NULL: as many `x` as are kept. */
    const char *body;
    /* The body never ends; only the first bytes of it are told. */
    bool endless;
};

#define RAW_HEAD "none; hold; raw text:HTTP/1.1%20403%20Forbidden%0D%0A"
#define CHUNKED_HEAD RAW_HEAD "Transfer-Encoding:%20chunked%0D%0A%0D%0A; flush; "

static const struct refusal refusals[] = {
    {"a length", "http 403 body=hello", "403", "hello", false},
    {"a length, TCP left open", "http 403 keep body=hello", "403", "hello",
     false},
    {"a length, and more behind it", "http 403 length=3 body=hello", "403",
     "hel", false},
    {"a length, byte by byte", "http 403 keep drip=200 body=hello", "403",
     "hello", false},
    {"a success that is none", "http 200 keep body=hello", "200", "hello",
     false},
    {"a 1xx first",
     "none; hold; raw text:HTTP/1.1%20100%20Continue%0D%0A%0D%0A; "
     "http 403 keep body=hello",
     "403", "hello", false},
    {"chunks",
     CHUNKED_HEAD "raw text:5%0D%0Ahello%0D%0A; "
                  "raw text:6%3Bx=y%0D%0A%20world%0D%0A; "
                  "raw text:0%0D%0A%0D%0A; expect-fin",
     "403", "hello world", false},
    {"chunks in one segment",
     "http 403 keep no-length header=Transfer-Encoding:chunked "
     "body=5%0D%0Ahello%0D%0A6%0D%0A%20world%0D%0A0%0D%0A%0D%0A",
     "403", "hello world", false},
    {"chunks, byte by byte",
     "split 1; http 403 keep no-length header=Transfer-Encoding:chunked "
     "body=5%0D%0Ahello%0D%0A0%0D%0A%0D%0A",
     "403", "hello", false},
    {"chunks cut off",
     "http 403 no-length header=Transfer-Encoding:chunked "
     "body=5%0D%0Ahello%0D%0Aff%0D%0A%20wor",
     "403", "hello wor", false},
    {"chunks that are none",
     "http 403 keep no-length header=Transfer-Encoding:chunked "
     "body=5%0D%0Ahello%0D%0Awhat?",
     "403", "hello", false},
    {"until FIN", "http 403 no-length body=hello", "403", "hello", false},
    {"until FIN, in HTTP/1.0", "http 403 http10 no-length body=hello", "403",
     "hello", false},
    {"until RST",
     "none; raw text:HTTP/1.1%20403%20Forbidden%0D%0A%0D%0Ahello; sleep 100; "
     "rst",
     "403", "hello", false},
    {"FIN before its end", "http 403 length=100 body=hello", "403", "hello",
     false},
    {"as long as is kept", "http 403 keep body=fill:78:65536", "403", NULL,
     false},
    {"longer, with a length", "http 403 keep body=fill:78:200000", "403",
     NULL, false},
    {"longer, without a length", "http 403 no-length body=fill:78:200000",
     "403", NULL, false},
    {"longer, in a chunk",
     CHUNKED_HEAD "raw text:30d40%0D%0A; raw fill:78:200000", "403", NULL,
     false},
    {"none", "http 403 keep", "403", "", false},
    {"none by its status", "http 204 keep length=5", "204", "", false},
    {"none by its status either", "http 304 keep length=5", "304", "", false},
    {"withheld", "http 403 keep length=100 body=hello", "403", "hello", true},
    {"dripping",
     "none; raw text:HTTP/1.1%20403%20Forbidden%0D%0A"
     "Content-Length:%20200000%0D%0A%0D%0A; limit 3000; split 1 us=20000; "
     "raw fill:78:1000",
     "403", "xxxxxxxxxx", true},
};

/* From the error event on. */
struct seen {
    bool hidden;
    const char *status;
    const char *body;
    bool endless;
    int looks;
};

static void check_body(wskt_socket *socket, const struct seen *seen) {
    size_t len = 99;
    const char *body = wskt_socket_response_body(socket, &len);
    CHECK(body != NULL);
    CHECK_INT(body[len], 0);
    CHECK(wskt_socket_response_body(socket, NULL) == (const void *)body);
    if (seen->hidden) {
        CHECK_INT(wskt_socket_response_status(socket), 0);
        CHECK_INT(wskt_socket_response_header_count(socket), 0);
        CHECK_STR(body, "");
        CHECK_INT(len, 0);
        return;
    }
    CHECK_INT(wskt_socket_response_status(socket), atoi(seen->status));
    if (seen->body == NULL) {
        CHECK_INT(len, KEPT);
        CHECK_INT(strspn(body, "x"), KEPT);
    } else if (seen->endless) {
        CHECK(len >= strlen(seen->body) && len < 100);
        CHECK(strncmp(body, seen->body, strlen(seen->body)) == 0);
    } else {
        CHECK_STR(body, seen->body);
        CHECK_INT(len, strlen(seen->body));
    }
}

static void look(struct party *party, const wskt_event *event) {
    struct seen *seen = party->data;
    CHECK(event->type == WSKT_EVENT_ERROR || event->type == WSKT_EVENT_CLOSE);
    check_body(party->socket, seen);
    seen->looks += 1;
}

/* A socket that fails; the answer is how long it took. */
static double fail_socket(enum way way, const char *url, wskt_config *config,
                          struct seen *seen, const char *log) {
    struct party party;
    double before, took;
    size_t len = 99;
    party_make(&party, way, NULL, url, config);
    CHECK_STR(wskt_socket_response_body(party.socket, &len), "");
    CHECK_INT(len, 0);
    party.on_event = look;
    party.data = seen;
    seen->looks = 0;
    before = now_ms();
    party_start(&party);
    if (way_connects(way)) {
        RESULT(party.started, WSKT_ERR_CONNECT_FAILED);
    }
    party_drive(&party);
    took = now_ms() - before;
    if (!text_like(text_of(&party.log), log)) {
        FAIL("%s: %s", party.name, text_of(&party.log));
    }
    CHECK_INT(seen->looks, 2);
    check_body(party.socket, seen);
    party_check_closed(&party);
    party_free(&party);
    return took;
}

#define HIDDEN_LOG           \
    "error/3 unknown \"\"\n" \
    "close/3 1006 \"\" unclean peer=0 unknown \"\"\n"

/* Without and with browser mode: loading certificates takes long. */
static wskt_config *configs[2];

static void run_refusal(const struct refusal *refusal, enum way way,
                        const char *port_name, bool browser) {
    char *url = script_url(port_name, refusal->script, new_id());
    struct text log = {0};
    struct seen seen;
    double took;
    bool waits = refusal->endless && !browser;
    seen.hidden = browser;
    seen.status = refusal->status;
    seen.body = refusal->body;
    seen.endless = refusal->endless;
    text_add(&log,
             "error/3 http=%s http \"HTTP %s *\"\n"
             "close/3 1006 \"\" unclean peer=0 http \"HTTP %s *\"\n",
             refusal->status, refusal->status, refusal->status);
    took = fail_socket(way, url, configs[browser], &seen,
                       browser ? HIDDEN_LOG : text_of(&log));
    if (took < (waits ? WAIT : 0) ||
        (took > patient_ms(waits ? WAIT + SLACK : WAIT) &&
         strcmp(port_name, "ws") == 0)) {
        FAIL("%s: it took %.0f ms", way_name(way), took);
    }
    text_free(&log);
    free(url);
}

/* The deadlines of opening end the waiting for the body, and are none of the
   refusal's reasons. */
static void other_deadlines(void) {
    static wskt_result (*const set[])(wskt_config *, int64_t) = {
        wskt_config_set_upgrade_timeout, wskt_config_set_open_timeout};
    int limit = patient_ms(1000);
    int way;
    for (way = 0; way < WAYS; way++) {
        char *url = script_url("ws", "http 403 keep length=100 body=hello",
                               new_id());
        struct seen seen = {false, "403", "hello", false, 0};
        wskt_config *config;
        double took;
        OK(wskt_config_new(&config));
        OK(set[way % 2](config, limit));
        took = fail_socket((enum way)way, url, config, &seen,
                           "error/3 http=403 http \"HTTP 403 Forbidden\"\n"
                           "close/3 1006 \"\" unclean peer=0 http \"HTTP 403 "
                           "Forbidden\"\n");
        CHECK(took <= limit + WAIT / 2);
        if (!is_slow()) {
            CHECK(took >= limit - 2);
        }
        wskt_config_free(config);
        free(url);
    }
}

/* No need to wait for the end of what cannot become a response. */
static void garbage(void) {
    static const char *const scripts[] = {
        "none; raw 01; expect-fin",
        "none; raw text:SSH-2.0-x; expect-fin",
        "none; raw text:HTTP/2%20200; expect-fin",
        "none; raw text:%0D%0Ahello; expect-fin",
        "none; split 1; raw text:HTTP/1x; expect-fin",
        "none; raw text:HTTP/1.1%20103%20E%0D%0A%0D%0Ax; "
        "expect-fin",
    };
    size_t i;
    int way, browser;
    for (i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        for (way = 0; way < WAYS; way++) {
            int tries = TRIES;
            double took;
            browser = (way + (int)i) % 2;
            do {
                char *url = script_url(way % 3 == 0 ? "wss" : "ws", scripts[i],
                                       new_id());
                struct seen seen = {true, NULL, NULL, false, 0};
                took = fail_socket(
                    (enum way)way, url, configs[browser], &seen,
                    browser ? HIDDEN_LOG
                            : "error/3 handshake \"the response is not "
                              "HTTP\"\nclose/3 1006 \"\" unclean peer=0 "
                              "handshake \"the response is not HTTP\"\n");
                free(url);
            } while (took >= patient_ms(WAIT) && --tries > 0);
            CHECK(tries > 0);
        }
    }
}

/* A response that is good so far is waited for. */
static void no_garbage(void) {
    static const char *const scripts[] = {
        "accept drip=500; close 1000; expect-close; half-close",
        "none; raw 0d; sleep 20; raw 0a; accept; close 1000; expect-close; "
        "half-close",
        "none; raw 0a; sleep 20; accept; close 1000; expect-close; "
        "half-close",
    };
    size_t i;
    for (i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        char *url = script_url("ws", scripts[i], new_id());
        wskt_socket *socket;
        const wskt_event *event;
        size_t len = 99;
        OK(wskt_socket_new(NULL, url, NULL, &socket));
        OK(wskt_socket_connect(socket, limit_ms()));
        CHECK_INT(wskt_socket_response_status(socket), 101);
        CHECK_STR(wskt_socket_response_body(socket, &len), "");
        CHECK_INT(len, 0);
        while (wskt_socket_recv(socket, limit_ms(), &event) == WSKT_OK) {
        }
        CHECK_INT(wskt_socket_close_event(socket)->code, 1000);
        wskt_socket_free(socket);
        free(url);
    }
}

/* A refusal of an upgrade that was a 101 has no body. */
static void refused_101(void) {
    char *url = script_url("ws", "accept bad-accept; text hello", new_id());
    wskt_socket *socket;
    size_t len = 99;
    OK(wskt_socket_new(NULL, url, NULL, &socket));
    RESULT(wskt_socket_connect(socket, limit_ms()), WSKT_ERR_CONNECT_FAILED);
    CHECK_INT(wskt_socket_response_status(socket), 101);
    CHECK_STR(wskt_socket_response_body(socket, &len), "");
    CHECK_INT(len, 0);
    wskt_socket_free(socket);
    /* Browser mode hides even that. */
    OK(wskt_socket_new(NULL, url, configs[1], &socket));
    RESULT(wskt_socket_connect(socket, limit_ms()), WSKT_ERR_CONNECT_FAILED);
    CHECK_INT(wskt_socket_response_status(socket), 0);
    CHECK_INT(wskt_socket_response_header_count(socket), 0);
    wskt_socket_free(socket);
    free(url);
}

/* Whoever has enough of waiting for the body need not. */
static void given_up(void) {
    const char *id = new_id();
    char *url = script_url("ws", "http 403 keep length=100 body=hello; "
                                 "mark $ID-m; expect-fin",
                           id);
    char mark[64];
    wskt_loop *loop;
    wskt_socket *socket;
    OK(wskt_loop_new(&loop));
    OK(wskt_loop_start(loop));
    OK(wskt_socket_new(loop, url, NULL, &socket));
    OK(wskt_socket_open(socket));
    snprintf(mark, sizeof mark, "%s-m", id);
    wait_mark(mark);
    OK(wskt_socket_abort(socket));
    wskt_socket_free(socket);
    OK(wskt_loop_free(loop));
    free(url);
}

static void no_socket(void) {
    size_t len = 99;
    CHECK(wskt_socket_response_body(NULL, &len) == NULL);
    CHECK_INT(len, 0);
    CHECK(wskt_socket_response_body(NULL, NULL) == NULL);
}

int main(void) {
    size_t i;
    int way;
    begin();
    for (i = 0; i < 2; i++) {
        configs[i] = trusting_config();
        OK(wskt_config_set_browser_mode(configs[i], i == 1));
    }
    for (i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        now_testing(refusals[i].name);
        for (way = 0; way < WAYS; way++) {
            run_refusal(&refusals[i], (enum way)way, "ws", false);
            run_refusal(&refusals[i], (enum way)way, "ws", true);
            if (!refusals[i].endless) {
                run_refusal(&refusals[i], (enum way)way, "wss", false);
            }
        }
    }
    RUN(other_deadlines);
    RUN(garbage);
    RUN(no_garbage);
    RUN(refused_101);
    RUN(given_up);
    RUN(no_socket);
    wskt_config_free(configs[0]);
    wskt_config_free(configs[1]);
    return end();
}
