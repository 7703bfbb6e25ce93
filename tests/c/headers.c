/* What goes out with the upgrade request and what comes back with the answer:
   extra headers, subprotocols, credentials, status and response headers. */
#include "support/ways.h"

/* A request that is made, answered and over; the socket is closed. */
struct visit {
    struct party party;
    struct report report;
    const char *id;
};

static void close_when_open(struct party *party, const wskt_event *event) {
    if (event->type == WSKT_EVENT_OPEN) {
        OK(wskt_socket_close(party->socket, 1000, NULL, 0));
    }
}

static void visit_make(struct visit *visit, enum way way,
                       const char *port_name, const char *script,
                       wskt_config *config) {
    char *url;
    visit->id = new_id();
    url = script_url(port_name, script, visit->id);
    party_make(&visit->party, way, NULL, url, config);
    visit->party.on_event = close_when_open;
    free(url);
    wskt_config_free(config);
}

static void visit_go(struct visit *visit) {
    party_start(&visit->party);
    party_drive(&visit->party);
    party_check_closed(&visit->party);
    get_report(&visit->report, visit->id);
}

static void visit_end(struct visit *visit) {
    free_report(&visit->report);
    party_free(&visit->party);
}

/* Whether a line stands in the request. */
static bool asked(const struct visit *visit, const char *line) {
    struct text all = {0};
    struct text wanted = {0};
    bool found;
    text_add(&all, "\n%s", text_of(&visit->report.headers));
    text_add(&wanted, "\n%s\n", line);
    found = strstr(text_of(&all), text_of(&wanted)) != NULL;
    text_free(&all);
    text_free(&wanted);
    return found;
}

/* -- the request -------------------------------------------------------- */

static void extra_headers(enum way way) {
    static const char *const headers[][2] = {
        {"X-First", "1"},       {"x-SPELLED-so", "as it is"},
        {"X-First", "2"},       {"Origin", "https://example.com"},
        {"X-Empty", ""},        {"X-First", "1"},
        {"Cookie", "a=b; c=d"}, {"X-Utf8", "caf\xc3\xa9"},
        {"User-Agent", "test/1 (x; y)"},
    };
    struct visit visit;
    struct text want = {0};
    wskt_config *config = trusting_config();
    size_t i;
    for (i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        OK(wskt_config_add_header(config, headers[i][0], headers[i][1]));
        text_add(&want, "%s: %s\n", headers[i][0], headers[i][1]);
    }
    visit_make(&visit, way, "wss", "answer-close; half-close", config);
    visit_go(&visit);
    if (strstr(text_of(&visit.report.headers), text_of(&want)) == NULL) {
        FAIL("%s: the request has\n%snot\n%s", way_name(way),
             text_of(&visit.report.headers), text_of(&want));
    }
    CHECK_STR(visit.report.errors, "[]");
    text_free(&want);
    visit_end(&visit);
}

/* The configuration is taken when the socket is made. */
static void headers_of_the_moment(void) {
    struct visit first;
    struct visit second;
    wskt_config *config = trusting_config();
    char *url;
    OK(wskt_config_add_header(config, "X-One", "1"));
    first.id = new_id();
    url = script_url("ws", "answer-close; half-close", first.id);
    party_make(&first.party, WAY_BLOCKING, NULL, url, config);
    first.party.on_event = close_when_open;
    free(url);
    OK(wskt_config_add_header(config, "X-Two", "2"));
    visit_make(&second, WAY_BLOCKING, "ws", "answer-close; half-close",
               config);
    visit_go(&first);
    visit_go(&second);
    CHECK(asked(&first, "X-One: 1") && !asked(&first, "X-Two: 2"));
    CHECK(asked(&second, "X-One: 1") && asked(&second, "X-Two: 2"));
    visit_end(&first);
    visit_end(&second);
}

/* -- credentials -------------------------------------------------------- */

static const struct {
    const char *user_info;
    const char *header;
} credentials[] = {
    {"Aladdin:open%20sesame@",
     "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="},
    {"user:pass@", "Authorization: Basic dXNlcjpwYXNz"},
    {"user@", "Authorization: Basic dXNlcjo="},
    {":pass@", "Authorization: Basic OnBhc3M="},
    {"a%3Ab:%40@", "Authorization: Basic YTpiOkA="},
    {"t%C3%A9:%C3%A9@", "Authorization: Basic dMOpOsOp"},
};

static void user_info(size_t row) {
    struct visit visit;
    struct text url = {0};
    visit.id = new_id();
    text_add(&url, "ws://%s127.0.0.1:%d/s/answer-close;half-close?id=%s",
             credentials[row].user_info, port("ws"), visit.id);
    party_make(&visit.party, WAY_BLOCKING, NULL, text_of(&url), NULL);
    visit.party.on_event = close_when_open;
    visit_go(&visit);
    if (!asked(&visit, credentials[row].header)) {
        FAIL("%s gives\n%s", text_of(&url), text_of(&visit.report.headers));
    }
    CHECK(strchr(strstr(text_of(&visit.report.headers), "Host: "), '@') ==
          NULL);
    CHECK_STR(visit.report.errors, "[]");
    text_free(&url);
    visit_end(&visit);
}

static void no_user_info(void) {
    struct visit visit;
    visit_make(&visit, WAY_BLOCKING, "ws", "answer-close; half-close", NULL);
    visit_go(&visit);
    CHECK(strstr(text_of(&visit.report.headers), "uthorization") == NULL);
    CHECK(strstr(text_of(&visit.report.headers), "Sec-WebSocket-Protocol") ==
          NULL);
    visit_end(&visit);
}

/* -- subprotocols ------------------------------------------------------- */

static void offer(struct visit *visit) {
    OK(wskt_socket_add_protocol(visit->party.socket, "superchat"));
    OK(wskt_socket_add_protocol(visit->party.socket, "chat"));
    OK(wskt_socket_add_protocol(visit->party.socket, "v2.example.com"));
    CHECK_STR(wskt_socket_protocol(visit->party.socket, NULL), "");
}

static void a_subprotocol_is_picked(enum way way) {
    struct visit visit;
    size_t len = 0;
    visit_make(&visit, way, "ws",
               "accept protocol=chat; answer-close; half-close", NULL);
    offer(&visit);
    visit_go(&visit);
    CHECK(asked(&visit,
                "Sec-WebSocket-Protocol: superchat, chat, v2.example.com"));
    CHECK_INT(visit.party.opens, 1);
    CHECK_STR(wskt_socket_protocol(visit.party.socket, &len), "chat");
    CHECK_INT(len, 4);
    CHECK_STR(visit.report.errors, "[]");
    visit_end(&visit);
}

static void no_subprotocol_is_picked(enum way way, bool allowed) {
    struct visit visit;
    wskt_config *config = trusting_config();
    OK(wskt_config_set_allow_missing_protocol(config, allowed));
    visit_make(&visit, way, "ws", "accept; answer-close; half-close", config);
    offer(&visit);
    visit_go(&visit);
    CHECK_INT(visit.party.opens, allowed);
    CHECK_INT(visit.party.errors, !allowed);
    CHECK_STR(wskt_socket_protocol(visit.party.socket, NULL), "");
    if (!allowed) {
        const wskt_close_event *event =
            wskt_socket_close_event(visit.party.socket);
        CHECK_INT(event->cause, WSKT_CAUSE_HANDSHAKE);
        CHECK_INT(event->code, 1006);
        /* The answer itself can be read. */
        CHECK_INT(wskt_socket_response_status(visit.party.socket), 101);
    }
    visit_end(&visit);
}

/* -- the answer --------------------------------------------------------- */

static void check_header(wskt_socket *socket, const char *name,
                         const char *want) {
    size_t len = 77;
    const char *value = wskt_socket_response_header(socket, name, &len);
    CHECK_STR(value, want);
    CHECK_INT(len, strlen(want));
    /* Lent until the socket is freed. */
    CHECK(wskt_socket_response_header(socket, name, NULL) == value);
}

/* The answer has these headers in this order, among others. */
static void check_order(wskt_socket *socket, const char *want) {
    struct text all = {0};
    size_t count = wskt_socket_response_header_count(socket);
    const char *name = "n";
    const char *value = "v";
    size_t i;
    for (i = 0; i < count; i++) {
        OK(wskt_socket_response_header_at(socket, i, &name, &value));
        text_add(&all, "%s: %s\n", name, value);
    }
    if (strstr(text_of(&all), want) == NULL) {
        FAIL("the answer has\n%snot\n%s", text_of(&all), want);
    }
    text_free(&all);
    name = "n";
    RESULT(wskt_socket_response_header_at(socket, count, &name, &value),
           WSKT_ERR_INVALID_ARGUMENT);
    RESULT(wskt_socket_response_header_at(socket, SIZE_MAX, &name, &value),
           WSKT_ERR_INVALID_ARGUMENT);
    CHECK_STR(name, "n");
}

static void no_answer(wskt_socket *socket) {
    const char *name = "n";
    const char *value = "v";
    size_t len = 77;
    CHECK_INT(wskt_socket_response_status(socket), 0);
    CHECK_STR(wskt_socket_response_reason(socket, NULL), "");
    CHECK_INT(wskt_socket_response_header_count(socket), 0);
    CHECK(wskt_socket_response_header(socket, "Upgrade", &len) == NULL);
    CHECK_INT(len, 77);
    RESULT(wskt_socket_response_header_at(socket, 0, &name, &value),
           WSKT_ERR_INVALID_ARGUMENT);
}

static void check_101(wskt_socket *socket) {
    CHECK_INT(wskt_socket_response_status(socket), 101);
    check_header(socket, "X-A", "1");
    check_header(socket, "x-a", "1");
    check_header(socket, "X-MIDDLE", "between");
    check_header(socket, "upgrade", "websocket");
    check_order(socket, "X-A: 1\nX-Middle: between\nx-a: 2\nX-Empty: \n"
                        "X-Folded: a b c\n");
    CHECK_STR(wskt_socket_response_reason(socket, NULL), "Switching Protocols");
    CHECK(wskt_socket_response_header(socket, "X-B", NULL) == NULL);
    CHECK(wskt_socket_response_header(socket, "", NULL) == NULL);
    CHECK(wskt_socket_response_header(socket, "\xff", NULL) == NULL);
}

static void look_at_101(struct party *party, const wskt_event *event) {
    check_101(party->socket);
    close_when_open(party, event);
}

static void after_101(enum way way, const char *port_name) {
    struct visit visit;
    visit_make(&visit, way, port_name,
               "accept header=X-A:1 header=X-Middle:between header=x-a:2 "
               "header=X-Empty: header=X-Folded:a%0D%0A%20b%20%0D%0A%09%20c; "
               "answer-close; half-close",
               trusting_config());
    visit.party.on_event = look_at_101;
    no_answer(visit.party.socket);
    visit_go(&visit);
    CHECK_INT(visit.party.opens, 1);
    check_101(visit.party.socket);
    visit_end(&visit);
}

static void check_403(wskt_socket *socket) {
    size_t len = 77;
    CHECK_INT(wskt_socket_response_status(socket), 403);
    CHECK_STR(wskt_socket_response_reason(socket, &len), "Forbidden");
    CHECK_INT(len, 9);
    check_header(socket, "x-why", "not you");
    check_order(socket, "X-Why: not you\nX-Why: never\n");
}

static void look_at_403(struct party *party, const wskt_event *event) {
    CHECK(event->type != WSKT_EVENT_OPEN);
    if (event->type == WSKT_EVENT_ERROR) {
        CHECK_INT(as_error(event)->http_status, 403);
        CHECK_INT(as_error(event)->cause, WSKT_CAUSE_HTTP);
    } else {
        CHECK_INT(as_close(event)->cause, WSKT_CAUSE_HTTP);
    }
    check_403(party->socket);
}

static const char refusal[] =
    "http 403 Forbidden body=no header=X-Why:not%20you header=X-Why:never";

static void after_403(enum way way, const char *port_name) {
    struct visit visit;
    visit_make(&visit, way, port_name, refusal, trusting_config());
    visit.party.on_event = look_at_403;
    visit_go(&visit);
    CHECK_INT(visit.party.errors, 1);
    check_403(visit.party.socket);
    visit_end(&visit);
}

/* In browser mode a refusal is hidden, an acceptance is not. */
static void in_browser_mode(enum way way) {
    struct visit visit;
    wskt_config *config = trusting_config();
    OK(wskt_config_set_browser_mode(config, true));
    visit_make(&visit, way, "ws", refusal, config);
    visit_go(&visit);
    CHECK_INT(visit.party.errors, 1);
    no_answer(visit.party.socket);
    visit_end(&visit);
    config = trusting_config();
    OK(wskt_config_set_browser_mode(config, true));
    visit_make(&visit, way, "ws",
               "accept header=X-A:1; answer-close; half-close", config);
    visit_go(&visit);
    CHECK_INT(visit.party.opens, 1);
    check_header(visit.party.socket, "X-A", "1");
    visit_end(&visit);
}

int main(void) {
    size_t row;
    int way;
    begin();
    RUN(headers_of_the_moment);
    for (row = 0; row < sizeof credentials / sizeof credentials[0]; row++) {
        now_testing(credentials[row].user_info);
        user_info(row);
    }
    RUN(no_user_info);
    for (way = 0; way < WAYS; way++) {
        enum way in = (enum way)way;
        now_testing(way_name(in));
        extra_headers(in);
        a_subprotocol_is_picked(in);
        no_subprotocol_is_picked(in, false);
        no_subprotocol_is_picked(in, true);
        after_101(in, "ws");
        after_101(in, "wss");
        after_403(in, "ws");
        after_403(in, "wss");
        in_browser_mode(in);
    }
    return end();
}
