/* Published flaws around the upgrade: requests into which something can be
   smuggled, credentials that reach a host they are not for, answers that are
   believed without proof. */
#include "support/cases.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

/* CVE-2026-1527 (undici): CR and LF in an option of the upgrade became header
   lines. Here every way in refuses them, and NUL cannot be passed: names end
   there. What a URL may carry is percent-encoded. */
static void undici_cve_2026_1527_crlf_injection(void) {
    static const char *const bad[] = {
        "a\r\nInjected: 1", "a\nInjected: 1", "a\rInjected: 1",
        "\r\n\r\nGET / HTTP/1.1",
    };
    struct report report;
    struct text url = {0};
    const char *id = new_id();
    char *base = script_url("ws", "answer-close; half-close", id);
    const wskt_event *event;
    wskt_config *config;
    wskt_socket *socket;
    size_t i;
    OK(wskt_config_new(&config));
    /* Tabs and line ends in a URL are dropped, as WHATWG URL says. */
    text_add(&url, "%s&x=\r\nInjected: 1\r\n\r\n%%0d%%0aInjected: 2", base);
    OK(wskt_socket_new(NULL, text_of(&url), config, &socket));
    for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        RESULT(wskt_config_add_header(config, "X-A", bad[i]),
               WSKT_ERR_INVALID_HEADER);
        RESULT(wskt_config_add_header(config, bad[i], "b"),
               WSKT_ERR_INVALID_HEADER);
        RESULT(wskt_socket_add_protocol(socket, bad[i]),
               WSKT_ERR_INVALID_PROTOCOL);
    }
    OK(wskt_socket_connect(socket, limit_ms()));
    OK(wskt_socket_close(socket, 1000, NULL, 0));
    while (wskt_socket_recv(socket, limit_ms(), &event) == WSKT_OK) {
    }
    wskt_socket_free(socket);
    get_report(&report, id);
    if (strstr(text_of(&report.headers), "Injected") != NULL) {
        FAIL("a header was injected:\n%s", text_of(&report.headers));
    }
    free_report(&report);
    wskt_config_free(config);
    text_free(&url);
    free(base);
}

/* The same by the user info of a URL: it is percent-decoded, so it must be
   encoded again before it stands in a header. */
static void undici_cve_2026_1527_crlf_in_user_info(void) {
    struct report report;
    struct text url = {0};
    const char *id = new_id();
    char *base = script_url("ws", "answer-close; half-close", id);
    wskt_socket *socket;
    const wskt_event *event;
    text_add(&url, "ws://a%%0d%%0aInjected: 1:p%%0d%%0a%%00@%s",
             base + strlen("ws://"));
    OK(wskt_socket_new(NULL, text_of(&url), NULL, &socket));
    OK(wskt_socket_connect(socket, limit_ms()));
    OK(wskt_socket_close(socket, 1000, NULL, 0));
    while (wskt_socket_recv(socket, limit_ms(), &event) == WSKT_OK) {
    }
    wskt_socket_free(socket);
    get_report(&report, id);
    CHECK(strstr(text_of(&report.headers), "Injected") == NULL);
    CHECK(strstr(text_of(&report.headers), "Authorization: Basic ") != NULL);
    free_report(&report);
    text_free(&url);
    free(base);
}

/* A listener that must never be connected to. */
static int listen_on(int *port_out) {
    struct sockaddr_in at;
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    memset(&at, 0, sizeof at);
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0);
    CHECK(listen(fd, 8) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)&at, &len) == 0);
    *port_out = ntohs(at.sin_port);
    return fd;
}

/* ws (fixed in 2022), IXWebSocket and tungstenite's connect(): Authorization
   and Cookie were sent on to wherever a redirect led, to ws: too. Redirects
   are not followed here, so nobody at all connects to the other host. */
static void redirects_keep_credentials(const char *port_name,
                                       const char *scheme) {
    static const int statuses[] = {301, 302, 303, 307, 308};
    wskt_config *config = trusting_config();
    int other;
    int fd = listen_on(&other);
    struct pollfd arrived = {0};
    size_t i;
    OK(wskt_config_add_header(config, "Authorization", "Bearer secret"));
    OK(wskt_config_add_header(config, "Cookie", "session=secret"));
    for (i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        char script[128];
        char log[200];
        snprintf(script, sizeof script,
                 "http %d header=Location:%s%%3A//127.0.0.1%%3A%d/", statuses[i],
                 scheme, other);
        snprintf(log, sizeof log,
                 "error/3 http=%d http \"*(redirects are not followed)\"\n"
                 "close/3 1006 *\n",
                 statuses[i]);
        expect_log(port_name, script, config, log);
    }
    arrived.fd = fd;
    arrived.events = POLLIN;
    CHECK_INT(poll(&arrived, 1, 0), 0);
    close(fd);
    wskt_config_free(config);
}

static void ws_2022_redirect_to_another_host(void) {
    redirects_keep_credentials("ws", "ws");
}

static void ixwebsocket_redirect_from_wss_to_ws(void) {
    redirects_keep_credentials("wss", "ws");
}

/* Mongoose, commit cdc439bc of 2025, and libcurl: Sec-WebSocket-Accept was
   never looked at. */
static void mongoose_cdc439bc_accept_is_checked(void) {
    expect_log("ws", "accept bad-accept", NULL,
               FAILS("handshake",
                     "the response has the wrong Sec-WebSocket-Accept"));
    expect_log("ws", "accept no-accept", NULL,
               FAILS("handshake", "the response has no Sec-WebSocket-Accept"));
    expect_log("ws", "accept double-accept", NULL,
               FAILS("handshake",
                     "the response has Sec-WebSocket-Accept twice"));
}

/* CVE-2025-11677 (libwebsockets): memory used after it was freed when an
   upgrade was given up. The socket is freed, aborted and closed with the head
   half there; valgrind and AddressSanitizer watch this one. */
static void lws_cve_2025_11677_abort_inside_the_upgrade(void) {
    static const char *const cuts[] = {"1", "40", "100"};
    size_t i;
    int end;
    for (i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        for (end = 0; end < 3; end++) {
            struct text script = {0};
            const char *id = new_id();
            char *url;
            wskt_loop *loop;
            wskt_socket *socket;
            text_add(&script, "accept cut=%s; mark $ID; expect-fin", cuts[i]);
            url = script_url("ws", text_of(&script), id);
            OK(wskt_loop_new(&loop));
            OK(wskt_socket_new(loop, url, NULL, &socket));
            OK(wskt_socket_open(socket));
            OK(wskt_loop_start(loop));
            wait_mark(id);
            if (end == 0) {
                OK(wskt_socket_abort(socket));
            } else if (end == 1) {
                OK(wskt_socket_close(socket, 0, NULL, 0));
            }
            wskt_socket_free(socket);
            OK(wskt_loop_free(loop));
            text_free(&script);
            free(url);
        }
    }
}

/* libwebsockets, commit 746d77f31 (no number): memory of a closed client used
   again. The socket is freed inside each of its events; valgrind and
   AddressSanitizer watch this one. */
static wskt_event_type free_in;

static void free_itself(struct party *party, const wskt_event *event) {
    if (event->type == free_in) {
        wskt_socket *socket = party->socket;
        party_freed(party);
        OK(wskt_socket_close(socket, 0, NULL, 0));
        wskt_socket_free(socket);
    }
}

static void lws_746d77f31_freed_in_each_callback(void) {
    static const wskt_event_type types[] = {
        WSKT_EVENT_OPEN, WSKT_EVENT_MESSAGE, WSKT_EVENT_ERROR,
        WSKT_EVENT_CLOSE};
    size_t i;
    for (i = 0; i < sizeof types / sizeof types[0]; i++) {
        struct party party;
        const char *id = new_id();
        char *url = script_url("ws", "text one; text two; rst", id);
        free_in = types[i];
        party_make(&party, WAY_LOOP_RUN, NULL, url, NULL);
        party.on_event = free_itself;
        party_start(&party);
        party_drive(&party);
        party_free(&party);
        free(url);
    }
}

int main(int argc, char **argv) {
    static const struct named_case cases[] = {
        CASE(undici_cve_2026_1527_crlf_injection),
        CASE(undici_cve_2026_1527_crlf_in_user_info),
        CASE(ws_2022_redirect_to_another_host),
        CASE(ixwebsocket_redirect_from_wss_to_ws),
        CASE(mongoose_cdc439bc_accept_is_checked),
        CASE(lws_cve_2025_11677_abort_inside_the_upgrade),
        CASE(lws_746d77f31_freed_in_each_callback),
    };
    return CASES(argc, argv, cases);
}
