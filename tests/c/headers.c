/* The request's headers and the response's, and subprotocols. */
#include "support/ways.h"

static wskt_socket *ended(const char *url, wskt_config *config,
                          const char *const *protocols) {
    const wskt_event *event;
    wskt_socket *socket;
    OK(wskt_socket_new(NULL, url, config, &socket));
    while (protocols != NULL && *protocols != NULL) {
        OK(wskt_socket_add_protocol(socket, *protocols++));
    }
    wskt_socket_connect(socket, limit_ms());
    while (wskt_socket_recv(socket, limit_ms(), &event) == WSKT_OK) {
    }
    return socket;
}

/* In the order they were added, duplicates and spelling included. */
static void extra_headers(void) {
    static const char *const added[][2] = {
        {"X-First", "1"},        {"x-SECOND", "two words"},
        {"X-First", "again"},    {"Authorization", "Bearer abc"},
        {"Cookie", "a=b; c=d"},  {"Origin", "https://example.com"},
        {"X-Tab", "a\tb"},       {"X-Empty", ""},
        {"X-Utf8", "gr\xc3\xbc\xc3\x9f"},
    };
    const char *id = new_id();
    char *url = script_url("ws", "close 1000; expect-close; half-close", id);
    struct report report;
    wskt_config *config;
    wskt_socket *socket;
    const wskt_event *event;
    const char *at;
    size_t i;
    OK(wskt_config_new(&config));
    for (i = 0; i < sizeof added / sizeof added[0]; i++) {
        OK(wskt_config_add_header(config, added[i][0], added[i][1]));
    }
    OK(wskt_socket_new(NULL, url, config, &socket));
    /* Too late for this socket. */
    OK(wskt_config_add_header(config, "X-Late", "1"));
    wskt_config_free(config);
    OK(wskt_socket_connect(socket, limit_ms()));
    while (wskt_socket_recv(socket, limit_ms(), &event) == WSKT_OK) {
    }
    wskt_socket_free(socket);
    get_report(&report, id);
    at = text_of(&report.headers);
    for (i = 0; i < sizeof added / sizeof added[0]; i++) {
        struct text line = {0};
        /* The report is JSON: what JSON escapes comes back as a letter. */
        if (strchr(added[i][1], '\t') != NULL) {
            text_add(&line, "%s: ", added[i][0]);
        } else {
            text_add(&line, "%s: %s\n", added[i][0], added[i][1]);
        }
        at = strstr(at, text_of(&line));
        if (at == NULL) {
            FAIL("no %s behind the others in\n%s", text_of(&line),
                 text_of(&report.headers));
        }
        at += line.len;
        text_free(&line);
    }
    at = text_of(&report.headers);
    CHECK(strstr(at, "X-Late") == NULL);
    CHECK(strstr(at, "Host: 127.0.0.1:") != NULL);
    CHECK(strstr(at, "Upgrade: websocket\n") != NULL);
    CHECK(strstr(at, "Connection: Upgrade\n") != NULL);
    CHECK(strstr(at, "Sec-WebSocket-Version: 13\n") != NULL);
    CHECK(strstr(at, "Sec-WebSocket-Key: ") != NULL);
    CHECK(strstr(at, "Sec-WebSocket-Protocol") == NULL);
    CHECK(strstr(at, "Sec-WebSocket-Extensions") == NULL);
    CHECK_STR(report.errors, "[]");
    free_report(&report);
    free(url);
}

/* User info of the URL becomes Basic authorization, and leaves the target. */
static void user_info(void) {
    const char *id = new_id();
    struct text url = {0};
    struct report report;
    wskt_socket *socket;
    text_add(&url, "ws://user:pass%%20word@127.0.0.1:%d/s/close?id=%s",
             port("ws"), id);
    socket = ended(text_of(&url), NULL, NULL);
    wskt_socket_free(socket);
    get_report(&report, id);
    CHECK(strstr(text_of(&report.headers),
                 "Authorization: Basic dXNlcjpwYXNzIHdvcmQ=\n") != NULL);
    CHECK(strstr(report.json, "user:") == NULL);
    free_report(&report);
    text_free(&url);
}

static void check_response(wskt_socket *socket, unsigned status) {
    const char *name = NULL;
    const char *value = NULL;
    size_t len = 0, i, count, found = 0;
    CHECK_INT(wskt_socket_response_status(socket), status);
    CHECK_STR(wskt_socket_response_header(socket, "x-ONE", &len), "first");
    CHECK_INT(len, 5);
    CHECK_STR(wskt_socket_response_header(socket, "X-Two", NULL), "b c");
    CHECK(wskt_socket_response_header(socket, "X-Three", &len) == NULL);
    CHECK(wskt_socket_response_header(socket, "", NULL) == NULL);
    count = wskt_socket_response_header_count(socket);
    for (i = 0; i < count; i++) {
        OK(wskt_socket_response_header_at(socket, i, &name, &value));
        if (strcmp(name, "X-One") == 0) {
            CHECK_STR(value, found == 0 ? "first" : "second");
            found += 1;
        }
    }
    CHECK_INT(found, 2);
    RESULT(wskt_socket_response_header_at(socket, count, &name, &value),
           WSKT_ERR_INVALID_ARGUMENT);
    RESULT(wskt_socket_response_header_at(socket, SIZE_MAX, &name, &value),
           WSKT_ERR_INVALID_ARGUMENT);
}

/* Readable after a 101 and after a refusal; hidden by browser mode. */
static void response(void) {
    static const char *const scripts[] = {
        "accept header=X-One:first header=X-Two:b%20c header=X-One:second;"
        "close 1000; expect-close; half-close",
        "http 403 Keep out header=X-One:first header=X-Two:b%20c "
        "header=X-One:second body=no",
    };
    int i;
    for (i = 0; i < 2; i++) {
        wskt_config *config;
        wskt_socket *socket;
        char *url = script_url("ws", scripts[i], new_id());
        OK(wskt_config_new(&config));
        socket = ended(url, config, NULL);
        check_response(socket, i == 0 ? 101 : 403);
        CHECK_INT(wskt_socket_close_event(socket)->code, i == 0 ? 1000 : 1006);
        wskt_socket_free(socket);
        OK(wskt_config_set_browser_mode(config, true));
        socket = ended(url, config, NULL);
        if (i == 0) {
            check_response(socket, 101);
        } else {
            CHECK_INT(wskt_socket_response_status(socket), 0);
            CHECK_INT(wskt_socket_response_header_count(socket), 0);
            CHECK(wskt_socket_response_header(socket, "X-One", NULL) == NULL);
        }
        wskt_socket_free(socket);
        wskt_config_free(config);
        free(url);
    }
}

static void protocols(void) {
    static const char *const offered[] = {"chat.v2", "chat.v1", "Chat.v2",
                                          NULL};
    const char *id = new_id();
    char *url = script_url(
        "ws", "accept protocol=chat.v1; close 1000; expect-close; half-close",
        id);
    struct report report;
    size_t len;
    wskt_socket *socket = ended(url, NULL, offered);
    CHECK_STR(wskt_socket_protocol(socket, &len), "chat.v1");
    CHECK_INT(len, 7);
    CHECK_STR(wskt_socket_extensions(socket, &len), "");
    wskt_socket_free(socket);
    get_report(&report, id);
    CHECK(strstr(text_of(&report.headers),
                 "Sec-WebSocket-Protocol: chat.v2, chat.v1, Chat.v2\n") !=
          NULL);
    free_report(&report);
    free(url);
}

/* One configuration serves many sockets and may go before them. */
static void one_config_for_many(void) {
    wskt_config *config = trusting_config();
    wskt_socket *sockets[8];
    char *url = path_url("wss", "/flood?n=2&size=3");
    const wskt_event *event;
    int i, messages;
    OK(wskt_config_add_header(config, "X-Shared", "yes"));
    for (i = 0; i < 8; i++) {
        OK(wskt_socket_new(NULL, url, config, &sockets[i]));
    }
    wskt_config_free(config);
    for (i = 0; i < 8; i++) {
        OK(wskt_socket_connect(sockets[i], limit_ms()));
        messages = 0;
        while (wskt_socket_recv(sockets[i], limit_ms(), &event) == WSKT_OK) {
            messages += event->type == WSKT_EVENT_MESSAGE;
        }
        CHECK_INT(messages, 2);
        wskt_socket_free(sockets[i]);
    }
    free(url);
}

/* The CA as a buffer instead of a file. */
static void ca_from_memory(void) {
    char pem[20000];
    wskt_config *config;
    wskt_socket *socket;
    char *url = path_url("wss", "/flood?n=1&size=3");
    FILE *file = fopen(env("WSKT_CA"), "r");
    size_t len;
    CHECK(file != NULL);
    len = fread(pem, 1, sizeof pem, file);
    fclose(file);
    OK(wskt_config_new(&config));
    socket = ended(url, config, NULL);
    CHECK_INT(wskt_socket_close_event(socket)->code, 1015);
    wskt_socket_free(socket);
    OK(wskt_config_add_ca_pem(config, pem, len));
    socket = ended(url, config, NULL);
    CHECK_INT(wskt_socket_close_event(socket)->code, 1000);
    wskt_socket_free(socket);
    wskt_config_free(config);
    free(url);
}

int main(void) {
    begin();
    RUN(extra_headers);
    RUN(user_info);
    RUN(response);
    RUN(protocols);
    RUN(one_config_for_many);
    RUN(ca_from_memory);
    return end();
}
