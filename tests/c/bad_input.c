/* Every kind of bad input is a result of its own, with a text that names it,
   and leaves the socket and its queue as they were: each test goes on to a
   normal exchange with the same socket. */
#include "support/support.h"

/* A word of the text that must be in what is told about the refusal. */
static void refused(const char *file, int line, wskt_socket *socket,
                    wskt_result got, wskt_result want, const char *word) {
    check_result(file, line, "the bad call", got, want);
    if (strstr(wskt_result_text(got), word) == NULL) {
        fail_at(file, line, "\"%s\" does not name \"%s\"",
                wskt_result_text(got), word);
    }
    if (socket != NULL &&
        strstr(wskt_socket_error_text(socket), word) == NULL) {
        fail_at(file, line, "the socket says \"%s\", without \"%s\"",
                wskt_socket_error_text(socket), word);
    }
}

#define REFUSED(socket, call, want, word) \
    refused(__FILE__, __LINE__, socket, (call), (want), (word))

/* The same where the result alone does not say what was wrong. */
#define SAYS(socket, call, want, words)                                        \
    do {                                                                       \
        RESULT(call, want);                                                    \
        if (strstr(wskt_socket_error_text(socket), words) == NULL)             \
            FAIL("the socket says \"%s\", without \"%s\"",                     \
                 wskt_socket_error_text(socket), words);                       \
    } while (0)

static wskt_socket *make_socket(const char *url) {
    wskt_socket *socket;
    OK(wskt_socket_new(NULL, url, NULL, &socket));
    return socket;
}

static const wskt_event *next(wskt_socket *socket, wskt_event_type type) {
    const wskt_event *event = NULL;
    OK(wskt_socket_recv(socket, limit_ms(), &event));
    CHECK_INT(event->type, type);
    return event;
}

/* A round trip, a clean close, and nothing else seen by the server. */
static void exchange_and_free(wskt_socket *socket, const char *id,
                              const char *frames) {
    const wskt_message_event *message;
    struct report report;
    struct text want = {0};
    OK(wskt_socket_send_text(socket, "hello", 5));
    message = (const wskt_message_event *)next(socket, WSKT_EVENT_MESSAGE);
    CHECK_INT(message->len, 5);
    CHECK(memcmp(message->data, "hello", 5) == 0);
    CHECK_INT(wskt_socket_buffered_amount(socket), 0);
    OK(wskt_socket_close(socket, 1000, "bye", 3));
    CHECK_INT(((const wskt_close_event *)next(socket, WSKT_EVENT_CLOSE))->code,
              1000);
    wskt_socket_free(socket);
    get_report(&report, id);
    text_add(&want, "%stext \"hello\"\nclose 1000 \"bye\"\n", frames);
    CHECK_STR(text_of(&report.frames), text_of(&want));
    CHECK_STR(report.errors, "[]");
    text_free(&want);
    free_report(&report);
}

static char *echo_url(const char *id) {
    return script_url("ws", "echo-until-close", id);
}

static void urls(void) {
    static const struct {
        const char *url;
        wskt_result want;
        const char *word;
    } rows[] = {
        {"", WSKT_ERR_INVALID_URL, "URL"},
        {"not a url", WSKT_ERR_INVALID_URL, "URL"},
        {"/relative", WSKT_ERR_INVALID_URL, "URL"},
        {"ws://", WSKT_ERR_INVALID_URL, "URL"},
        {"ws://[::1", WSKT_ERR_INVALID_URL, "URL"},
        {"ws://host:99999/", WSKT_ERR_INVALID_URL, "URL"},
        {"ws://a b/", WSKT_ERR_INVALID_URL, "URL"},
        {"ws://%00/", WSKT_ERR_INVALID_URL, "URL"},
        {"ftp://127.0.0.1/", WSKT_ERR_INVALID_SCHEME, "scheme"},
        {"file:///etc/passwd", WSKT_ERR_INVALID_SCHEME, "scheme"},
        {"javascript:alert(1)", WSKT_ERR_INVALID_SCHEME, "scheme"},
        {"wsx://127.0.0.1/", WSKT_ERR_INVALID_SCHEME, "scheme"},
        {"ws://127.0.0.1/#top", WSKT_ERR_INVALID_FRAGMENT, "fragment"},
        {"ws://127.0.0.1/#", WSKT_ERR_INVALID_FRAGMENT, "fragment"},
        {"ws://127.0.0.1/\xff", WSKT_ERR_INVALID_UTF8, "UTF-8"},
    };
    size_t i;
    for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        wskt_socket *socket = NULL;
        wskt_result got = wskt_socket_new(NULL, rows[i].url, NULL, &socket);
        if (got != rows[i].want) {
            FAIL("%s: %s", rows[i].url, wskt_result_name(got));
        }
        REFUSED(NULL, got, rows[i].want, rows[i].word);
        CHECK(socket == NULL);
    }
    CHECK_INT(wskt_handle_count(), 0);
}

static void mapped_schemes(void) {
    static const char *const rows[][2] = {
        {"http://127.0.0.1:81/x?y", "ws://127.0.0.1:81/x?y"},
        {"https://127.0.0.1/", "wss://127.0.0.1/"},
        {"HTTPS://LocalHost:443", "wss://localhost/"},
        {"ws://127.0.0.1:80", "ws://127.0.0.1/"},
    };
    size_t i;
    for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        wskt_socket *socket = make_socket(rows[i][0]);
        size_t len;
        CHECK_STR(wskt_socket_url(socket, &len), rows[i][1]);
        CHECK_INT(len, strlen(rows[i][1]));
        wskt_socket_free(socket);
    }
}

static void subprotocols(void) {
    const char *id = new_id();
    char *url = script_url("ws", "accept first-protocol; echo-until-close", id);
    wskt_socket *socket = make_socket(url);
    struct report report;
    free(url);
    OK(wskt_socket_add_protocol(socket, "chat"));
    REFUSED(socket, wskt_socket_add_protocol(socket, ""),
            WSKT_ERR_INVALID_PROTOCOL, "token");
    REFUSED(socket, wskt_socket_add_protocol(socket, "a b"),
            WSKT_ERR_INVALID_PROTOCOL, "token");
    REFUSED(socket, wskt_socket_add_protocol(socket, "a,b"),
            WSKT_ERR_INVALID_PROTOCOL, "token");
    REFUSED(socket, wskt_socket_add_protocol(socket, "a\r\nX: y"),
            WSKT_ERR_INVALID_PROTOCOL, "token");
    REFUSED(socket, wskt_socket_add_protocol(socket, "\xc3\xa9"),
            WSKT_ERR_INVALID_PROTOCOL, "token");
    REFUSED(NULL, wskt_socket_add_protocol(socket, "\xff"),
            WSKT_ERR_INVALID_UTF8, "UTF-8");
    REFUSED(socket, wskt_socket_add_protocol(socket, "chat"),
            WSKT_ERR_DUPLICATE_PROTOCOL, "already");
    OK(wskt_socket_connect(socket, limit_ms()));
    SAYS(socket, wskt_socket_add_protocol(socket, "late"), WSKT_ERR_INVALID_STATE,
         "before the socket is opened");
    next(socket, WSKT_EVENT_OPEN);
    CHECK_STR(wskt_socket_protocol(socket, NULL), "chat");
    exchange_and_free(socket, id, "");
    get_report(&report, id);
    CHECK(strstr(text_of(&report.headers),
                 "Sec-WebSocket-Protocol: chat\n") != NULL);
    free_report(&report);
}

static void headers(void) {
    static const char *const broken[][2] = {
        {"X-A", "a\r\nX-B: b"}, {"X-A", "a\nb"},   {"X-A", "a\rb"},
        {"X-A\r\n", "a"},       {"X A", "a"},      {"", "a"},
        {"X:A", "a"},           {"X-\xc3\xa9", "a"}, {"X-A", "a\x01"},
    };
    static const char *const owned[] = {
        "Host",          "UPGRADE",
        "connection",    "Sec-WebSocket-Key",
        "Sec-WebSocket-Version", "Sec-WebSocket-Protocol",
        "Sec-WebSocket-Extensions", "Content-Length",
        "Transfer-Encoding",
    };
    const char *id = new_id();
    char *url = echo_url(id);
    struct report report;
    wskt_config *config;
    wskt_socket *socket;
    size_t i;
    OK(wskt_config_new(&config));
    OK(wskt_config_add_header(config, "X-Good", "1"));
    for (i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        REFUSED(NULL,
                wskt_config_add_header(config, broken[i][0], broken[i][1]),
                WSKT_ERR_INVALID_HEADER, "header");
    }
    for (i = 0; i < sizeof owned / sizeof owned[0]; i++) {
        REFUSED(NULL, wskt_config_add_header(config, owned[i], "x"),
                WSKT_ERR_FORBIDDEN_HEADER, "handshake");
    }
    REFUSED(NULL, wskt_config_add_header(config, "X-A", "\xff"),
            WSKT_ERR_INVALID_UTF8, "UTF-8");
    OK(wskt_socket_new(NULL, url, config, &socket));
    wskt_config_free(config);
    OK(wskt_socket_connect(socket, limit_ms()));
    next(socket, WSKT_EVENT_OPEN);
    exchange_and_free(socket, id, "");
    get_report(&report, id);
    CHECK(strstr(text_of(&report.headers), "X-Good: 1\n") != NULL);
    CHECK(strstr(text_of(&report.headers), "X-A") == NULL);
    CHECK(strstr(text_of(&report.headers), "X-B") == NULL);
    free_report(&report);
    free(url);
}

static void config_numbers(void) {
    wskt_config *config;
    OK(wskt_config_new(&config));
#define OUT_OF_RANGE(call) \
    REFUSED(NULL, call, WSKT_ERR_INVALID_ARGUMENT, "argument")
    OUT_OF_RANGE(wskt_config_set_open_timeout(config, 0));
    OUT_OF_RANGE(wskt_config_set_open_timeout(config, -1));
    OUT_OF_RANGE(wskt_config_set_connect_timeout(config, (int64_t)1 << 31));
    OUT_OF_RANGE(wskt_config_set_tls_timeout(config, INT64_MIN));
    OUT_OF_RANGE(wskt_config_set_upgrade_timeout(config, 0));
    OUT_OF_RANGE(wskt_config_set_close_timeout(config, 0));
    OUT_OF_RANGE(wskt_config_set_linger_timeout(config, INT64_MAX));
    OUT_OF_RANGE(wskt_config_set_send_timeout(config, -1));
    OUT_OF_RANGE(wskt_config_set_max_message_size(config, 0));
    OUT_OF_RANGE(wskt_config_set_max_fragments(config, 0));
    OUT_OF_RANGE(wskt_config_set_water_marks(config, 2, 1));
    OUT_OF_RANGE(wskt_config_set_water_marks(config, 0, 0));
    OK(wskt_config_set_send_timeout(config, 0));
    OK(wskt_config_set_open_timeout(config, INT32_MAX));
    OK(wskt_config_set_water_marks(config, 0, 1));
    REFUSED(NULL, wskt_config_add_ca_pem(config, "nothing", 7),
            WSKT_ERR_INVALID_CERTIFICATE, "certificate");
    REFUSED(NULL, wskt_config_add_ca_file(config, "/nonexistent/ca.pem"),
            WSKT_ERR_IO, "operating system");
    REFUSED(NULL, wskt_config_add_ca_file(config, "/dev/null"),
            WSKT_ERR_INVALID_CERTIFICATE, "certificate");
    wskt_config_free(config);
}

/* All that an open socket refuses, then that it works. */
static void an_open_socket(void) {
    static const char bad[] = {'a', (char)0xff, 'b'};
    static const char cut[] = {'a', (char)0xe2, (char)0x82};
    char large[200];
    const wskt_event *event = NULL;
    const char *id = new_id();
    char *url = echo_url(id);
    wskt_socket *socket = make_socket(url);
    free(url);
    memset(large, 'x', sizeof large);
    SAYS(socket, wskt_socket_send_text(socket, "x", 1), WSKT_ERR_INVALID_STATE,
         "connecting");
    SAYS(socket, wskt_socket_send_binary(socket, "x", 1), WSKT_ERR_INVALID_STATE,
         "connecting");
    SAYS(socket, wskt_socket_ping(socket, "x", 1), WSKT_ERR_INVALID_STATE,
         "connecting");
    SAYS(socket, wskt_socket_recv(socket, 0, &event), WSKT_ERR_INVALID_STATE,
         "connect comes first");
    SAYS(socket, wskt_socket_run(socket), WSKT_ERR_INVALID_STATE,
         "connect comes first");
    REFUSED(NULL, wskt_socket_connect(socket, -2), WSKT_ERR_INVALID_ARGUMENT,
            "argument");
    CHECK_INT(wskt_socket_buffered_amount(socket), 0);
    CHECK_INT(wskt_socket_ready_state(socket), WSKT_CONNECTING);
    OK(wskt_socket_connect(socket, limit_ms()));
    next(socket, WSKT_EVENT_OPEN);
    REFUSED(socket, wskt_socket_send_text(socket, bad, sizeof bad),
            WSKT_ERR_INVALID_UTF8, "UTF-8");
    REFUSED(socket, wskt_socket_send_text(socket, cut, sizeof cut),
            WSKT_ERR_INVALID_UTF8, "UTF-8");
    REFUSED(socket, wskt_socket_ping(socket, large, 126), WSKT_ERR_TOO_LARGE,
            "125");
    REFUSED(socket, wskt_socket_close(socket, 1001, NULL, 0),
            WSKT_ERR_INVALID_ACCESS, "code");
    REFUSED(socket, wskt_socket_close(socket, 999, large, 124),
            WSKT_ERR_INVALID_ACCESS, "code");
    REFUSED(socket, wskt_socket_close(socket, 1000, large, 124),
            WSKT_ERR_SYNTAX, "123");
    REFUSED(socket, wskt_socket_close(socket, 1000, bad, sizeof bad),
            WSKT_ERR_INVALID_UTF8, "UTF-8");
    SAYS(socket, wskt_socket_close(socket, 0, "x", 1), WSKT_ERR_INVALID_ARGUMENT,
         "reason needs a close code");
    REFUSED(NULL, wskt_socket_send_binary(socket, "x", SIZE_MAX),
            WSKT_ERR_INVALID_ARGUMENT, "argument");
    REFUSED(NULL, wskt_socket_recv(socket, -2, &event),
            WSKT_ERR_INVALID_ARGUMENT, "argument");
    SAYS(socket, wskt_socket_open(socket), WSKT_ERR_INVALID_STATE,
         "opened, connected or closed before");
    SAYS(socket, wskt_socket_connect(socket, 0), WSKT_ERR_INVALID_STATE,
         "opened, connected or closed before");
    CHECK(event == NULL);
    CHECK_INT(wskt_socket_buffered_amount(socket), 0);
    CHECK_INT(wskt_socket_ready_state(socket), WSKT_OPEN);
    exchange_and_free(socket, id, "");
}

/* A socket of a loop refuses the blocking way and a second open. */
static void ways_mixed(void) {
    const char *id = new_id();
    char *url = echo_url(id);
    const wskt_event *event = NULL;
    wskt_socket *socket;
    wskt_loop *loop;
    OK(wskt_loop_new(&loop));
    OK(wskt_socket_new(loop, url, NULL, &socket));
    SAYS(socket, wskt_socket_connect(socket, 0), WSKT_ERR_INVALID_STATE,
         "on a loop");
    SAYS(socket, wskt_socket_interrupt(socket), WSKT_ERR_INVALID_STATE,
         "has a loop");
    OK(wskt_socket_open(socket));
    SAYS(socket, wskt_socket_open(socket), WSKT_ERR_INVALID_STATE,
         "opened, connected or closed before");
    SAYS(socket, wskt_socket_connect(socket, 0), WSKT_ERR_INVALID_STATE,
         "on a loop");
    SAYS(socket, wskt_socket_recv(socket, 0, &event), WSKT_ERR_INVALID_STATE,
         "on a loop");
    SAYS(socket, wskt_socket_run(socket), WSKT_ERR_INVALID_STATE,
         "on a loop");
    RESULT(wskt_loop_next_event(loop, -2, &event), WSKT_ERR_INVALID_ARGUMENT);
    OK(wskt_loop_next_event(loop, limit_ms(), &event));
    CHECK_INT(event->type, WSKT_EVENT_OPEN);
    /* Events of this loop are pulled: callbacks are another way. */
    RESULT(wskt_loop_dispatch(loop), WSKT_ERR_INVALID_STATE);
    RESULT(wskt_loop_run(loop), WSKT_ERR_INVALID_STATE);
    RESULT(wskt_loop_start(loop), WSKT_ERR_INVALID_STATE);
    OK(wskt_socket_send_text(socket, "hello", 5));
    OK(wskt_loop_next_event(loop, limit_ms(), &event));
    CHECK_INT(event->type, WSKT_EVENT_MESSAGE);
    OK(wskt_socket_close(socket, 1000, NULL, 0));
    OK(wskt_loop_next_event(loop, limit_ms(), &event));
    CHECK_INT(event->type, WSKT_EVENT_CLOSE);
    wskt_socket_free(socket);
    OK(wskt_loop_free(loop));
    free(url);
}

static void after_the_loop(void) {
    wskt_socket *socket;
    wskt_loop *loop;
    OK(wskt_loop_new(&loop));
    OK(wskt_socket_new(loop, "ws://127.0.0.1:1/", NULL, &socket));
    OK(wskt_loop_free(loop));
#define GONE(call) REFUSED(socket, call, WSKT_ERR_LOOP_GONE, "loop")
    GONE(wskt_socket_open(socket));
    GONE(wskt_socket_add_protocol(socket, "chat"));
    GONE(wskt_socket_send_text(socket, "x", 1));
    GONE(wskt_socket_close(socket, 1000, NULL, 0));
    GONE(wskt_socket_abort(socket));
    GONE(wskt_socket_pause(socket));
    REFUSED(socket, wskt_socket_close(socket, 1001, NULL, 0),
            WSKT_ERR_INVALID_ACCESS, "code");
    CHECK_STR(wskt_socket_url(socket, NULL), "ws://127.0.0.1:1/");
    wskt_socket_free(socket);
}

static void log_levels(void) {
    RESULT(wskt_log_set(6, NULL, NULL), WSKT_ERR_INVALID_ARGUMENT);
    RESULT(wskt_log_set(-1, NULL, NULL), WSKT_ERR_INVALID_ARGUMENT);
}

int main(void) {
    begin();
    RUN(urls);
    RUN(mapped_schemes);
    RUN(subprotocols);
    RUN(headers);
    RUN(config_numbers);
    RUN(an_open_socket);
    RUN(ways_mixed);
    RUN(after_the_loop);
    RUN(log_levels);
    return end();
}
