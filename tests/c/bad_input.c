/* Bad input: each has its own result, whose text names what was wrong, and
   changes nothing. The proof is a normal exchange on the same socket. */
#include "support/ways.h"

/* 126 bytes: one too many for a ping; 124 are one too many for a reason. */
#define TEXT_126                                                      \
    "012345678901234567890123456789012345678901234567890123456789012" \
    "012345678901234567890123456789012345678901234567890123456789012"

static const char *const not_utf8[] = {
    "\xff",     "ok\x80",       "\xc3",         "\xc0\xaf",
    "\xe2\x82", "\xed\xa0\x80", "\xf4\x90\x80\x80",
};

/* A result whose text has `word` in it. */
static void named(int line, wskt_result got, wskt_result want,
                  const char *word) {
    check_result(__FILE__, line, "a call with bad input", got, want);
    if (strstr(wskt_result_text(got), word) == NULL) {
        fail_at(__FILE__, line, "\"%s\" does not say \"%s\"",
                wskt_result_text(got), word);
    }
}

/* A result that the socket remembers with a text of its own. */
static void refused(int line, wskt_socket *socket, wskt_result got,
                    wskt_result want, const char *word) {
    check_result(__FILE__, line, "a call with bad input", got, want);
    if (strstr(wskt_socket_error_text(socket), word) == NULL) {
        fail_at(__FILE__, line, "\"%s\" does not say \"%s\"",
                wskt_socket_error_text(socket), word);
    }
}

#define NAMED(call, want, word) named(__LINE__, call, want, word)
#define REFUSED(call, want, word) refused(__LINE__, socket, call, want, word)

/* A value that the configuration refuses with exactly this text. */
#define SAYS(call, want, text)                                 \
    do {                                                       \
        RESULT(call, want);                                    \
        CHECK_STR(wskt_config_error_text(config), text);       \
    } while (0)

/* Connects in the usual way and says hello. */
static void exchange(wskt_socket *socket) {
    const wskt_event *event;
    OK(wskt_socket_connect(socket, limit_ms()));
    OK(wskt_socket_send_text(socket, "hello", 5));
    OK(wskt_socket_recv(socket, limit_ms(), &event));
    CHECK_INT(event->type, WSKT_EVENT_OPEN);
    OK(wskt_socket_recv(socket, limit_ms(), &event));
    CHECK_INT(as_message(event)->len, 5);
    OK(wskt_socket_close(socket, 1000, "bye", 3));
    OK(wskt_socket_recv(socket, limit_ms(), &event));
    CHECK_STR(as_close(event)->reason, "bye");
    CHECK(as_close(event)->was_clean);
    wskt_socket_free(socket);
}

static void urls(void) {
    static const struct {
        const char *url;
        wskt_result want;
        const char *word;
    } bad[] = {
        {"", WSKT_ERR_INVALID_URL, "URL"},
        {"not a url", WSKT_ERR_INVALID_URL, "URL"},
        {"/path", WSKT_ERR_INVALID_URL, "URL"},
        {"//host/path", WSKT_ERR_INVALID_URL, "URL"},
        {"ws://", WSKT_ERR_INVALID_URL, "URL"},
        {"ws://a b/", WSKT_ERR_INVALID_URL, "URL"},
        {"ws://a:99999/", WSKT_ERR_INVALID_URL, "URL"},
        {"ws://a:b/", WSKT_ERR_INVALID_URL, "URL"},
        {"ws://[::1/", WSKT_ERR_INVALID_URL, "URL"},
        {"ftp://a.example/", WSKT_ERR_INVALID_SCHEME, "scheme"},
        {"file:///etc/passwd", WSKT_ERR_INVALID_SCHEME, "scheme"},
        {"wsss://a.example/", WSKT_ERR_INVALID_SCHEME, "scheme"},
        {"mailto:a@b.example", WSKT_ERR_INVALID_SCHEME, "scheme"},
        {"ftp://a.example/#f", WSKT_ERR_INVALID_SCHEME, "scheme"},
        {"ws://a.example/#f", WSKT_ERR_INVALID_FRAGMENT, "fragment"},
        {"ws://a.example/#", WSKT_ERR_INVALID_FRAGMENT, "fragment"},
        {"https://a.example/#f", WSKT_ERR_INVALID_FRAGMENT, "fragment"},
        {"ws://a.example/\xff", WSKT_ERR_INVALID_UTF8, "UTF-8"},
    };
    size_t before = wskt_handle_count();
    wskt_socket *socket = NULL;
    struct text url = {0};
    size_t i;
    for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        now_testing(bad[i].url);
        NAMED(wskt_socket_new(NULL, bad[i].url, NULL, &socket), bad[i].want,
              bad[i].word);
        CHECK(socket == NULL);
    }
    now_testing("urls");
    CHECK_INT(wskt_handle_count(), before);
    /* http and https are not bad: they are mapped. */
    OK(wskt_socket_new(NULL, "HTTPS://A.example:443", NULL, &socket));
    CHECK_STR(wskt_socket_url(socket, NULL), "wss://a.example/");
    wskt_socket_free(socket);
    text_add(&url, "http://127.0.0.1:%d/echo", port("ws"));
    OK(wskt_socket_new(NULL, text_of(&url), NULL, &socket));
    CHECK(strncmp(wskt_socket_url(socket, NULL), "ws://127.0.0.1:", 15) == 0);
    exchange(socket);
    text_free(&url);
}

static void subprotocols(void) {
    static const char *const no_tokens[] = {
        "", " ", "a b", "a,b", "a;b", "a\"", "a/b", "a\r\nB: c", "\x7f",
        "caf\xc3\xa9",
    };
    wskt_socket *socket;
    struct report report;
    const char *id = new_id();
    char *url = script_url("ws", "accept first-protocol; echo-until-close", id);
    size_t i;
    OK(wskt_socket_new(NULL, url, NULL, &socket));
    OK(wskt_socket_add_protocol(socket, "chat.v1"));
    for (i = 0; i < sizeof no_tokens / sizeof no_tokens[0]; i++) {
        REFUSED(wskt_socket_add_protocol(socket, no_tokens[i]),
                WSKT_ERR_INVALID_PROTOCOL, "not a token");
    }
    REFUSED(wskt_socket_add_protocol(socket, "chat.v1"),
            WSKT_ERR_DUPLICATE_PROTOCOL, "already");
    REFUSED(wskt_socket_add_protocol(socket, "a\xff"), WSKT_ERR_INVALID_UTF8,
            "UTF-8");
    OK(wskt_socket_add_protocol(socket, "CHAT.v1"));
    OK(wskt_socket_connect(socket, limit_ms()));
    CHECK_STR(wskt_socket_protocol(socket, NULL), "chat.v1");
    REFUSED(wskt_socket_add_protocol(socket, "late"), WSKT_ERR_INVALID_STATE,
            "before the socket is opened");
    REFUSED(wskt_socket_connect(socket, limit_ms()), WSKT_ERR_INVALID_STATE,
            "before");
    OK(wskt_socket_close(socket, 1000, NULL, 0));
    OK(wskt_socket_run(socket));
    wskt_socket_free(socket);
    get_report(&report, id);
    CHECK(strstr(text_of(&report.headers),
                 "Sec-WebSocket-Protocol: chat.v1, CHAT.v1\n") != NULL);
    CHECK(strstr(text_of(&report.headers), "B: c") == NULL);
    CHECK_STR(report.errors, "[]");
    free_report(&report);
    free(url);
}

/* A NUL ends a name or a value in C, so that none can be in one; what decodes
   to one is in tests/c/proxies.c and tests/c/addresses.c, and the bindings and
   wskt.hpp refuse it before C would cut it off. */
static void headers(void) {
    static const char *const bad[][2] = {
        {"", "v"},       {"A B", "v"},  {"A:", "v"},       {"A\r\nB", "v"},
        {"A\n", "v"},    {"A\r", "v"},  {"caf\xc3\xa9", "v"},
        {"A", "v\r"},    {"A", "v\n"},  {"A", "\nB: c"},
        {"A", "v\r\nB: c"},
    };
    static const char *const owned[] = {
        "Host",
        "Upgrade",
        "upgrade",
        "Connection",
        "Content-Length",
        "Transfer-Encoding",
        "Expect",
        "Keep-Alive",
        "Proxy-Authenticate",
        "Proxy-Authorization",
        "Proxy-Connection",
        "TE",
        "Trailer",
        "Sec-WebSocket-Key",
        "Sec-WebSocket-Version",
        "Sec-WebSocket-Accept",
        "Sec-WebSocket-Protocol",
        "SEC-WEBSOCKET-EXTENSIONS",
        "Sec-WebSocket-Anything",
    };
    wskt_config *config;
    wskt_socket *socket;
    struct report report;
    const char *id = new_id();
    char *url = script_url("ws", "echo-until-close", id);
    const char *at;
    size_t i;
    OK(wskt_config_new(&config));
    OK(wskt_config_add_header(config, "X-Before", "1"));
    for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        NAMED(wskt_config_add_header(config, bad[i][0], bad[i][1]),
              WSKT_ERR_INVALID_HEADER, "CR, LF or NUL");
    }
    for (i = 0; i < sizeof owned / sizeof owned[0]; i++) {
        now_testing(owned[i]);
        NAMED(wskt_config_add_header(config, owned[i], "v"),
              WSKT_ERR_FORBIDDEN_HEADER, "handshake");
    }
    now_testing("headers");
    NAMED(wskt_config_add_header(config, "A\xff", "v"), WSKT_ERR_INVALID_UTF8,
          "UTF-8");
    NAMED(wskt_config_add_header(config, "A", "\xff"), WSKT_ERR_INVALID_UTF8,
          "UTF-8");
    OK(wskt_config_add_header(config, "X-After", "2"));
    OK(wskt_socket_new(NULL, url, config, &socket));
    wskt_config_free(config);
    exchange(socket);
    get_report(&report, id);
    at = strstr(text_of(&report.headers), "X-Before: 1\nX-After: 2\n");
    CHECK(at != NULL && strstr(at, "\nA: ") == NULL);
    CHECK(strstr(text_of(&report.headers), "B: c") == NULL);
    CHECK_STR(report.errors, "[]");
    free_report(&report);
    free(url);
}

/* A configuration tells which option it refused, and why. */
static void options_are_named(void) {
    wskt_config *config;
    char *text;
    OK(wskt_config_new(&config));
    CHECK_STR(wskt_config_error_text(config), "");
    OK(wskt_config_set_open_timeout(config, 1));
    CHECK_STR(wskt_config_error_text(config), "");
    SAYS(wskt_config_set_open_timeout(config, -1), WSKT_ERR_INVALID_ARGUMENT,
         "open_timeout: -1 ms is not in 1 to 2147483647 ms");
    SAYS(wskt_config_set_send_timeout(config, 2147483648),
         WSKT_ERR_INVALID_ARGUMENT,
         "send_timeout: 2147483648 ms is not in 0 to 2147483647 ms");
    SAYS(wskt_config_set_read_buffer(config, 4095), WSKT_ERR_INVALID_ARGUMENT,
         "read_buffer: 4095 is not in 4096 to 1073741824, nor 0");
    SAYS(wskt_config_set_water_marks(config, 2, 1), WSKT_ERR_INVALID_ARGUMENT,
         "water_marks: low (2) is above high (1)");
    SAYS(wskt_config_add_ca_file(config, "/no/such/file"), WSKT_ERR_IO,
         "ca_file: /no/such/file: No such file or directory (os error 2)");
    SAYS(wskt_config_add_header(config, NULL, "v"), WSKT_ERR_NULL,
         "header: a required pointer is NULL");
    SAYS(wskt_config_add_header(config, "Host", "v"),
         WSKT_ERR_FORBIDDEN_HEADER,
         "header: the header belongs to the opening handshake");
    /* What succeeds leaves it alone, and its text does not move. */
    text = strdup(wskt_config_error_text(config));
    OK(wskt_config_set_browser_mode(config, true));
    CHECK_STR(wskt_config_error_text(config), text);
    free(text);
    wskt_config_free(config);
}

typedef wskt_result (*timeout_fn)(wskt_config *config, int64_t ms);

static void settings(void) {
    static const struct {
        const char *name;
        timeout_fn set;
    } timeouts[] = {
        {"send_timeout", wskt_config_set_send_timeout},
        {"idle_timeout", wskt_config_set_idle_timeout},
        {"open_timeout", wskt_config_set_open_timeout},
        {"connect_timeout", wskt_config_set_connect_timeout},
        {"tls_timeout", wskt_config_set_tls_timeout},
        {"upgrade_timeout", wskt_config_set_upgrade_timeout},
        {"close_timeout", wskt_config_set_close_timeout},
        {"linger_timeout", wskt_config_set_linger_timeout},
        {"dns_timeout", wskt_config_set_dns_timeout},
        {"proxy_timeout", wskt_config_set_proxy_timeout},
    };
    static const int64_t bad[] = {-1, INT64_MIN, INT64_C(2147483648),
                                  INT64_MAX};
    static const size_t bad_buffers[] = {1, 4095, 1073741825, SIZE_MAX};
    const char *broken = "-----BEGIN CERTIFICATE-----\nMIIB\n"
                         "-----END CERTIFICATE-----\n";
    wskt_config *config = trusting_config();
    wskt_socket *socket;
    char *url = path_url("wss", "/echo");
    size_t i, j;
    for (i = 0; i < sizeof timeouts / sizeof timeouts[0]; i++) {
        for (j = 0; j < sizeof bad / sizeof bad[0]; j++) {
            struct text text = {0};
            NAMED(timeouts[i].set(config, bad[j]), WSKT_ERR_INVALID_ARGUMENT,
                  "range");
            text_add(&text, "%s: %lld ms is not in %d to 2147483647 ms",
                     timeouts[i].name, (long long)bad[j], i < 2 ? 0 : 1);
            CHECK_STR(wskt_config_error_text(config), text_of(&text));
            text_free(&text);
        }
        RESULT(timeouts[i].set(config, 0),
               i < 2 ? WSKT_OK : WSKT_ERR_INVALID_ARGUMENT);
        OK(timeouts[i].set(config, 2147483647));
    }
    NAMED(wskt_config_set_max_message_size(config, 0),
          WSKT_ERR_INVALID_ARGUMENT, "range");
    NAMED(wskt_config_set_max_fragments(config, 0), WSKT_ERR_INVALID_ARGUMENT,
          "range");
    for (i = 0; i < sizeof bad_buffers / sizeof bad_buffers[0]; i++) {
        NAMED(wskt_config_set_read_buffer(config, bad_buffers[i]),
              WSKT_ERR_INVALID_ARGUMENT, "range");
    }
    OK(wskt_config_set_read_buffer(config, 1073741824));
    OK(wskt_config_set_read_buffer(config, 0));
    OK(wskt_config_set_read_buffer(config, 4096));
    NAMED(wskt_config_set_water_marks(config, 0, 0),
          WSKT_ERR_INVALID_ARGUMENT, "contradicts");
    NAMED(wskt_config_set_water_marks(config, 2, 1),
          WSKT_ERR_INVALID_ARGUMENT, "contradicts");
    NAMED(wskt_config_add_ca_file(config, "/no/such/file"), WSKT_ERR_IO,
          "operating system");
    NAMED(wskt_config_add_ca_file(config, "/"), WSKT_ERR_IO,
          "operating system");
    NAMED(wskt_config_add_ca_file(config, "/\xff"), WSKT_ERR_INVALID_UTF8,
          "UTF-8");
    NAMED(wskt_config_add_ca_file(config, "/dev/null"),
          WSKT_ERR_INVALID_CERTIFICATE, "certificate");
    NAMED(wskt_config_add_ca_pem(config, "garbage", 7),
          WSKT_ERR_INVALID_CERTIFICATE, "certificate");
    NAMED(wskt_config_add_ca_pem(config, broken, strlen(broken)),
          WSKT_ERR_INVALID_CERTIFICATE, "certificate");
    NAMED(wskt_config_add_ca_pem(config, "x", SIZE_MAX),
          WSKT_ERR_INVALID_ARGUMENT, "range");
    NAMED(wskt_log_set(-1, NULL, NULL), WSKT_ERR_INVALID_ARGUMENT, "range");
    NAMED(wskt_log_set(6, NULL, NULL), WSKT_ERR_INVALID_ARGUMENT, "range");
    OK(wskt_socket_new(NULL, url, config, &socket));
    wskt_config_free(config);
    exchange(socket);
    free(url);
}

/* -- on a socket, in every state and way -------------------------------- */

static void bad_arguments(wskt_socket *socket) {
    static const unsigned codes[] = {1,    999,  1001, 1004, 1005, 1006,
                                     1015, 1016, 2999, 5000, 65535};
    size_t i;
    for (i = 0; i < sizeof not_utf8 / sizeof not_utf8[0]; i++) {
        const char *text = not_utf8[i];
        REFUSED(wskt_socket_send_text(socket, text, strlen(text)),
                WSKT_ERR_INVALID_UTF8, "UTF-8");
        REFUSED(wskt_socket_close(socket, 1000, text, strlen(text)),
                WSKT_ERR_INVALID_UTF8, "UTF-8");
    }
    REFUSED(wskt_socket_ping(socket, TEXT_126, 126), WSKT_ERR_TOO_LARGE,
            "125");
    for (i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        uint16_t code = (uint16_t)codes[i];
        REFUSED(wskt_socket_close(socket, code, NULL, 0),
                WSKT_ERR_INVALID_ACCESS, "3000-4999");
        /* The code is checked before the reason. */
        REFUSED(wskt_socket_close(socket, code, TEXT_126, 124),
                WSKT_ERR_INVALID_ACCESS, "3000-4999");
    }
    REFUSED(wskt_socket_close(socket, 1000, TEXT_126, 124), WSKT_ERR_SYNTAX,
            "123");
    REFUSED(wskt_socket_close(socket, 0, "x", 1), WSKT_ERR_INVALID_ARGUMENT,
            "needs a close code");
    REFUSED(wskt_socket_open(socket), WSKT_ERR_INVALID_STATE, "before");
    REFUSED(wskt_socket_add_protocol(socket, "x"), WSKT_ERR_INVALID_STATE,
            "before the socket is opened");
}

/* Lengths and times no buffer and no wait can have. */
static void impossible_numbers(wskt_socket *socket) {
    const wskt_event *event = NULL;
    REFUSED(wskt_socket_send_text(socket, "x", SIZE_MAX),
            WSKT_ERR_INVALID_ARGUMENT, "range");
    OK(wskt_socket_pause(socket));
    OK(wskt_socket_resume(socket));
    RESULT(wskt_socket_send_binary(socket, "x", SIZE_MAX),
           WSKT_ERR_INVALID_ARGUMENT);
    RESULT(wskt_socket_ping(socket, "x", SIZE_MAX),
           WSKT_ERR_INVALID_ARGUMENT);
    RESULT(wskt_socket_close(socket, 1000, "x", SIZE_MAX),
           WSKT_ERR_INVALID_ARGUMENT);
    RESULT(wskt_socket_connect(socket, -2), WSKT_ERR_INVALID_ARGUMENT);
    REFUSED(wskt_socket_open(socket), WSKT_ERR_INVALID_STATE, "before");
    REFUSED(wskt_socket_recv(socket, -2, &event), WSKT_ERR_INVALID_ARGUMENT,
            "range");
    CHECK(event == NULL);
}

/* One thread at a time: wskt_socket_error_text tells about the last call. */
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

static void try_everything(struct party *party, const wskt_event *event) {
    wskt_socket *socket = party->socket;
    size_t amount = wskt_socket_buffered_amount(socket);
    wskt_ready_state state = wskt_socket_ready_state(socket);
    bad_arguments(socket);
    CHECK_INT(wskt_socket_buffered_amount(socket), amount);
    CHECK_INT(wskt_socket_ready_state(socket), state);
    if (event->type == WSKT_EVENT_OPEN) {
        OK(wskt_socket_send_text(socket, "hello", 5));
    } else if (party->messages == 1) {
        /* Lets a call that drives without end come back. */
        if (party->way == WAY_LOOP_RUN) {
            OK(wskt_loop_wake(party->loop));
        } else if (party->way == WAY_SOCKET_RUN) {
            OK(wskt_socket_interrupt(socket));
        }
    } else if (party->messages == 2 && party->closes == 0) {
        OK(wskt_socket_close(socket, 1000, "bye", 3));
        CHECK_INT(wskt_socket_ready_state(socket), WSKT_CLOSING);
        bad_arguments(socket);
        amount = wskt_socket_buffered_amount(socket);
        REFUSED(wskt_socket_send_text(socket, "1234", 4), WSKT_ERR_CLOSED,
                "closing or closed");
        REFUSED(wskt_socket_send_binary(socket, "12", 2), WSKT_ERR_CLOSED,
                "closing or closed");
        REFUSED(wskt_socket_ping(socket, "12", 2), WSKT_ERR_CLOSED,
                "closing or closed");
        CHECK_INT(wskt_socket_buffered_amount(socket), amount + 6);
    }
}

static void on_event(struct party *party, const wskt_event *event) {
    pthread_mutex_lock(&turn);
    try_everything(party, event);
    pthread_mutex_unlock(&turn);
}

static void in_every_state(enum way way, const char *port_name) {
    struct party party;
    struct report report;
    wskt_config *config = trusting_config();
    const char *id = new_id();
    char *url = script_url(port_name, "echo-until-close", id);
    wskt_socket *socket;
    party_make(&party, way, NULL, url, config);
    wskt_config_free(config);
    party.on_event = on_event;
    socket = party.socket;
    REFUSED(wskt_socket_send_text(socket, "early", 5), WSKT_ERR_INVALID_STATE,
            "connecting");
    REFUSED(wskt_socket_send_binary(socket, "early", 5),
            WSKT_ERR_INVALID_STATE, "connecting");
    REFUSED(wskt_socket_ping(socket, "early", 5), WSKT_ERR_INVALID_STATE,
            "connecting");
    CHECK_INT(wskt_socket_buffered_amount(socket), 0);
    party_start(&party);
    OK(party.started);
    party_drive_messages(&party, 1);
    pthread_mutex_lock(&turn);
    bad_arguments(socket);
    impossible_numbers(socket);
    pthread_mutex_unlock(&turn);
    CHECK_INT(wskt_socket_ready_state(socket), WSKT_OPEN);
    CHECK_INT(wskt_socket_buffered_amount(socket), 0);
    OK(wskt_socket_send_text(socket, "again", 5));
    party_drive(&party);
    CHECK_STR(text_of(&party.log),
              "open/1\ntext/1 \"hello\"\ntext/1 \"again\"\n"
              "close/3 1000 \"bye\" clean peer=1000 local \"\"\n");
    bad_arguments(socket);
    party_check_closed(&party);
    get_report(&report, id);
    CHECK_STR(text_of(&report.frames),
              "text \"hello\"\ntext \"again\"\nclose 1000 \"bye\"\n");
    CHECK_STR(report.errors, "[]");
    free_report(&report);
    party_free(&party);
    free(url);
}

/* With bytes in the queue, which stand still because nothing drives. */
static void with_a_full_queue(void) {
    const size_t size = 12u << 20;
    struct party party;
    struct report report;
    const char *id = new_id();
    char *url = script_url("ws",
                           "rcvbuf 65536; text go; wait $ID-s; recv;"
                           "answer-close; half-close",
                           id);
    char *text = pattern_text(size);
    wskt_socket *socket;
    size_t amount;
    party_make(&party, WAY_EMBEDDED, NULL, url, NULL);
    socket = party.socket;
    party_start(&party);
    party_drive_messages(&party, 1);
    OK(wskt_socket_send_text(socket, text, size));
    amount = wskt_socket_buffered_amount(socket);
    CHECK(amount > 4u << 20);
    bad_arguments(socket);
    REFUSED(wskt_socket_send_text(socket, "more", 4), WSKT_ERR_BUFFER_FULL,
            "high-water");
    REFUSED(wskt_socket_send_binary(socket, "more", 4), WSKT_ERR_BUFFER_FULL,
            "high-water");
    CHECK_INT(wskt_socket_buffered_amount(socket), amount);
    CHECK_INT(wskt_socket_ready_state(socket), WSKT_OPEN);
    free(control("/signal/%s-s", id));
    OK(wskt_socket_close(socket, 1000, "bye", 3));
    party_drive(&party);
    CHECK(wskt_socket_close_event(socket)->was_clean);
    party_check_closed(&party);
    get_report(&report, id);
    CHECK_STR(text_of(&report.frames), "text 12582912\nclose 1000 \"bye\"\n");
    CHECK_STR(report.errors, "[]");
    free_report(&report);
    party_free(&party);
    free(text);
    free(url);
}

int main(void) {
    int way;
    begin();
    RUN(urls);
    RUN(subprotocols);
    RUN(headers);
    RUN(options_are_named);
    RUN(settings);
    RUN(with_a_full_queue);
    for (way = 0; way < WAYS; way++) {
        now_testing(way_name((enum way)way));
        in_every_state((enum way)way, "ws");
        in_every_state((enum way)way, "wss");
    }
    return end();
}
