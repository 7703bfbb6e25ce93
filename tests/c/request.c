/* The upgrade request: the URL as the standard reads it, the target untouched,
   headers that have setters, credentials, Host. */
#include "support/ways.h"

static void close_when_open(struct party *party, const wskt_event *event) {
    if (event->type == WSKT_EVENT_OPEN) {
        OK(wskt_socket_close(party->socket, 1000, NULL, 0));
    }
}

/* Connects and closes; the report is the caller's. Frees the configuration. */
static void visit(enum way way, const char *url, const char *id,
                  wskt_config *config, struct report *report) {
    struct party party;
    party_make(&party, way, NULL, url, config);
    wskt_config_free(config);
    party.on_event = close_when_open;
    party_start(&party);
    party_drive(&party);
    CHECK_INT(party.opens, 1);
    get_report(report, id);
    CHECK_STR(report->errors, "[]");
    party_free(&party);
}

static void check_in(const char *all, const char *part) {
    if (strstr(all, part) == NULL) {
        FAIL("there is no\n%s\nin\n%s", part, all);
    }
}

#define SCRIPT "/s/answer-close;half-close"

/* -- the URL ------------------------------------------------------------ */

static void urls(void) {
    static const char *const rows[][2] = {
        {"ws://example.com", "ws://example.com/"},
        {"WS://EXAMPLE.com:80/", "ws://example.com/"},
        {"wss://example.com:443/a/../b", "wss://example.com/b"},
        {"http://example.com:8080", "ws://example.com:8080/"},
        {"https://example.com?q", "wss://example.com/?q"},
        {"ws://example.com:443/", "ws://example.com:443/"},
        {"  ws://example.com/\n", "ws://example.com/"},
        {"ws://b\xc3\xbc" "cher.example/", "ws://xn--bcher-kva.example/"},
        {"ws://\xe4\xbe\x8b.example/", "ws://xn--fsq.example/"},
        {"ws://ex%61mple.com/", "ws://example.com/"},
        {"ws://0x7f.1/", "ws://127.0.0.1/"},
        {"ws://[0:0::1]:80/", "ws://[::1]/"},
        {"ws://[::ffff:1.2.3.4]/", "ws://[::ffff:102:304]/"},
        {"ws://example.com/\xc3\xa4 b", "ws://example.com/%C3%A4%20b"},
        {"ws://example.com/%c3%a4%2F", "ws://example.com/%c3%a4%2F"},
        {"ws://example.com/?a=b c&d='", "ws://example.com/?a=b%20c&d=%27"},
        {"ws://us%65r:p%20w@example.com/", "ws://us%65r:p%20w@example.com/"},
    };
    size_t i;
    for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        wskt_socket *socket;
        now_testing(rows[i][0]);
        OK(wskt_socket_new(NULL, rows[i][0], NULL, &socket));
        CHECK_STR(wskt_socket_url(socket, NULL), rows[i][1]);
        wskt_socket_free(socket);
    }
}

/* On the way: host, port and target as they were written. */
static void on_the_wire(enum way way, const char *host) {
    struct report report;
    struct text url = {0};
    struct text want = {0};
    const char *id = new_id();
    text_add(&url, "ws://%s:%d" SCRIPT "?id=%s&a=%%41%%2f/b?c'\xc3\xa9&;=+", host,
             port("ws"), id);
    visit(way, text_of(&url), id, NULL, &report);
    text_add(&want, "\"target\":\"" SCRIPT "?id=%s&a=%%41%%2f/b?c%%27%%C3%%A9&;=+\"",
             id);
    check_in(report.json, text_of(&want));
    text_free(&want);
    text_add(&want, "Host: %s:%d\n", host, port("ws"));
    check_in(text_of(&report.headers), text_of(&want));
    text_free(&want);
    text_free(&url);
    free_report(&report);
}

/* -- headers with setters ----------------------------------------------- */

static void headers(enum way way) {
    struct report report;
    const char *id = new_id();
    char *url = script_url("ws", "answer-close; half-close", id);
    wskt_config *config = trusting_config();
    OK(wskt_config_add_header(config, "X-A", "1"));
    OK(wskt_config_add_header(config, "cookie", "old=1"));
    OK(wskt_config_set_origin(config, "https://old.example"));
    OK(wskt_config_set_user_agent(config, "test/1 (a; b)"));
    OK(wskt_config_set_cookie(config, "a=b; c=d"));
    OK(wskt_config_set_origin(config, "https://example.com"));
    OK(wskt_config_set_bearer_authorization(config, "old"));
    OK(wskt_config_set_basic_authorization(config, "Aladdin", "open sesame"));
    OK(wskt_config_set_host(config, "other.example:99"));
    OK(wskt_config_add_header(config, "X-A", "2"));
    OK(wskt_config_add_header(config, "X-A", "1"));
    visit(way, url, id, config, &report);
    check_in(text_of(&report.headers), "Host: other.example:99\n");
    check_in(text_of(&report.headers),
             "X-A: 1\n"
             "User-Agent: test/1 (a; b)\n"
             "Cookie: a=b; c=d\n"
             "Origin: https://example.com\n"
             "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\n"
             "X-A: 2\n"
             "X-A: 1\n");
    CHECK(strstr(text_of(&report.headers), "old") == NULL);
    free_report(&report);
    free(url);
}

/* What is set goes before what the URL says. */
static void bearer(enum way way) {
    struct report report;
    struct text url = {0};
    const char *id = new_id();
    wskt_config *config = trusting_config();
    OK(wskt_config_set_bearer_authorization(config, "mF_9.B5f-4.1JqM=="));
    text_add(&url, "ws://user:pass@127.0.0.1:%d" SCRIPT "?id=%s", port("ws"), id);
    visit(way, text_of(&url), id, config, &report);
    check_in(text_of(&report.headers), "Authorization: Bearer mF_9.B5f-4.1JqM==\n");
    CHECK(strstr(text_of(&report.headers), "Basic") == NULL);
    free_report(&report);
    text_free(&url);
}

static void unusual_credentials(void) {
    static const char *const rows[][3] = {
        {"", "", "Basic Og=="},
        {"user", "", "Basic dXNlcjo="},
        {"", "a:b", "Basic OmE6Yg=="},
        {"t\xc3\xa9", "\xc3\xa9 ", "Basic dMOpOsOpIA=="},
    };
    size_t i;
    for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct report report;
        const char *id = new_id();
        char *url = script_url("ws", "answer-close; half-close", id);
        wskt_config *config = trusting_config();
        OK(wskt_config_set_basic_authorization(config, rows[i][0], rows[i][1]));
        visit(WAY_BLOCKING, url, id, config, &report);
        check_in(text_of(&report.headers), rows[i][2]);
        free_report(&report);
        free(url);
    }
}

/* -- what is refused when it is set ------------------------------------- */

static void refused(wskt_config *config, wskt_result got, wskt_result want,
                    const char *text) {
    if (got != want || !text_like(wskt_config_error_text(config), text)) {
        FAIL("%s, \"%s\"; not %s, \"%s\"", wskt_result_name(got),
             wskt_config_error_text(config), wskt_result_name(want), text);
    }
}

static void bad_input(void) {
    static const struct {
        const char *option;
        wskt_result (*set)(wskt_config *, const char *);
    } setters[] = {
        {"origin", wskt_config_set_origin},
        {"user_agent", wskt_config_set_user_agent},
        {"cookie", wskt_config_set_cookie},
        {"bearer_authorization", wskt_config_set_bearer_authorization},
        {"host", wskt_config_set_host},
    };
    static const char *const tokens[] = {"", "=", "a b", "a,b", "a\"", "a=b",
                                         "caf\xc3\xa9"};
    static const char *const hosts[] = {
        "",     " ",   "a b",  "a/b", "a/",  "a?b",   "a#b", "u@a",
        "a:b",  "a:99999", "[::1", "::1", "a\\b", "a\tb", "caf\xc3\xa9",
    };
    struct report report;
    const char *id = new_id();
    char *url = script_url("ws", "answer-close; half-close", id);
    wskt_config *config = trusting_config();
    struct text text = {0};
    size_t i, j;
    OK(wskt_config_set_cookie(config, "kept=1"));
    for (i = 0; i < sizeof setters / sizeof setters[0]; i++) {
        static const char *const values[] = {"a\r\nB: c", "a\n", "\r", "\x7f"};
        wskt_result want = i < 3 ? WSKT_ERR_INVALID_HEADER
                                 : WSKT_ERR_INVALID_ARGUMENT;
        text_free(&text);
        text_add(&text, "%s: *", setters[i].option);
        for (j = 0; j < sizeof values / sizeof values[0]; j++) {
            refused(config, setters[i].set(config, values[j]), want,
                    text_of(&text));
        }
        refused(config, setters[i].set(config, "\xff"), WSKT_ERR_INVALID_UTF8,
                text_of(&text));
        RESULT(setters[i].set(config, NULL), WSKT_ERR_NULL);
        RESULT(setters[i].set(NULL, "x"), WSKT_ERR_NULL);
    }
    for (i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
        refused(config, wskt_config_set_bearer_authorization(config, tokens[i]),
                WSKT_ERR_INVALID_ARGUMENT,
                "bearer_authorization: it is no token of RFC 6750");
    }
    for (i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        now_testing(hosts[i]);
        refused(config, wskt_config_set_host(config, hosts[i]),
                WSKT_ERR_INVALID_ARGUMENT,
                "host: it is not a host, or a host and a port");
    }
    refused(config, wskt_config_set_basic_authorization(config, "a:b", "c"),
            WSKT_ERR_INVALID_ARGUMENT,
            "basic_authorization: there is a colon in the user's name");
    refused(config, wskt_config_set_basic_authorization(config, "a", "b\n"),
            WSKT_ERR_INVALID_ARGUMENT,
            "basic_authorization: there is a control character in it");
    RESULT(wskt_config_set_basic_authorization(config, NULL, "b"), WSKT_ERR_NULL);
    RESULT(wskt_config_set_basic_authorization(config, "a", NULL), WSKT_ERR_NULL);
    RESULT(wskt_config_set_basic_authorization(NULL, "a", "b"), WSKT_ERR_NULL);
    refused(config, wskt_config_add_header(config, "Host", "x"),
            WSKT_ERR_FORBIDDEN_HEADER, "header: *handshake");
    visit(WAY_BLOCKING, url, id, config, &report);
    check_in(text_of(&report.headers), "Cookie: kept=1\n");
    CHECK(strstr(text_of(&report.headers), "Authorization") == NULL);
    text_free(&text);
    free_report(&report);
    free(url);
}

int main(void) {
    int way;
    begin();
    RUN(urls);
    for (way = 0; way < WAYS; way++) {
        enum way in = (enum way)way;
        now_testing(way_name(in));
        on_the_wire(in, "127.0.0.1");
        on_the_wire(in, "[::1]");
        on_the_wire(in, "localhost");
        headers(in);
        bearer(in);
    }
    RUN(unusual_credentials);
    RUN(bad_input);
    return end();
}
