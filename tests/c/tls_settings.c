/* What TLS offers and asks for: versions, the server's name, ALPN; and the
   server's certificate, which can be read from the socket. */
#include "support/ways.h"

/* Connects, is closed by the server, and has its TLS in the report; or the
   message of the failure. The answer is the caller's. */
static char *visit(enum way way, const char *url_text, const char *id,
                   wskt_config *config) {
    struct party party;
    char *told;
    party_make(&party, way, NULL, url_text, config);
    wskt_config_free(config);
    CHECK(wskt_socket_peer_certificate(party.socket, NULL) == NULL);
    party_start(&party);
    party_drive(&party);
    if (party.opens == 1) {
        struct report report;
        get_report(&report, id);
        told = strdup(report.tls);
        free_report(&report);
    } else {
        CHECK_INT(wskt_socket_close_event(party.socket)->code, 1015);
        CHECK_INT(wskt_socket_close_event(party.socket)->cause,
                  WSKT_CAUSE_TLS);
        told = strdup(wskt_socket_close_event(party.socket)->message);
    }
    party_check_closed(&party);
    party_free(&party);
    return told;
}

static void check(enum way way, const char *port_name, wskt_config *config,
                  const char *want) {
    const char *id = new_id();
    char *url = script_url(
        port_name, "close 1000; flush; expect-close; half-close", id);
    char *told = visit(way, url, id, config);
    if (!text_like(told, want)) {
        FAIL("%s, %s: %s, not %s", way_name(way), port_name, told, want);
    }
    free(told);
    free(url);
}

static wskt_config *versions(int min, int max) {
    wskt_config *config = trusting_config();
    OK(wskt_config_set_min_tls_version(config, min));
    OK(wskt_config_set_max_tls_version(config, max));
    return config;
}

static void all_versions(enum way way) {
    check(way, "wss", trusting_config(), "{\"version\":\"TLSv1.3\",*");
    check(way, "wss", versions(WSKT_TLS_1_2, WSKT_TLS_1_2),
          "{\"version\":\"TLSv1.2\",*");
    check(way, "wss", versions(WSKT_TLS_1_3, WSKT_TLS_1_3),
          "{\"version\":\"TLSv1.3\",*");
    check(way, "wss_tls12", trusting_config(), "{\"version\":\"TLSv1.2\",*");
    check(way, "wss_tls13", trusting_config(), "{\"version\":\"TLSv1.3\",*");
    check(way, "wss_tls12", versions(WSKT_TLS_1_3, WSKT_TLS_1_3),
          "*the server speaks no version of TLS that is allowed here");
    check(way, "wss_tls13", versions(WSKT_TLS_1_2, WSKT_TLS_1_2),
          "*the server speaks no version of TLS that is allowed here");
}

static void names(enum way way) {
    wskt_config *config = trusting_config();
    const char *id = new_id();
    char *told;
    struct text url = {0};
    /* An address is never sent. */
    check(way, "wss", config, "*\"server_name\":\"\",*");
    config = trusting_config();
    OK(wskt_config_set_tls_server_name(config, "localhost"));
    check(way, "wss", config, "*\"server_name\":\"localhost\",*");
    config = trusting_config();
    OK(wskt_config_set_tls_server_name(config, "LOCALhost."));
    check(way, "wss", config, "*\"server_name\":\"localhost\",*");
    config = trusting_config();
    OK(wskt_config_set_tls_server_name(config, "localhost"));
    OK(wskt_config_set_tls_sni(config, false));
    check(way, "wss", config, "*\"server_name\":\"\",*");
    /* The URL's own. */
    text_add(&url, "wss://localhost:%d/s/close%%201000;expect-close;half-close"
                   "?id=%s", port("wss"), id);
    told = visit(way, text_of(&url), id, trusting_config());
    CHECK(text_like(told, "*\"server_name\":\"localhost\",*"));
    free(told);
    text_free(&url);
}

static void alpn(enum way way) {
    wskt_config *config = trusting_config();
    check(way, "wss", config, "*\"alpn\":\"http/1.1\",*");
    config = trusting_config();
    OK(wskt_config_set_tls_alpn(config, false));
    check(way, "wss", config, "*\"alpn\":\"\",*");
}

/* -- the server's certificate ------------------------------------------- */

static void look(struct party *party, const wskt_event *event) {
    char *path = server_file("server.der");
    size_t want_len, len = 77;
    char *want = read_whole(path, &want_len);
    const void *der = wskt_socket_peer_certificate(party->socket, &len);
    CHECK(event->type != WSKT_EVENT_MESSAGE);
    CHECK(der != NULL);
    CHECK_INT(len, want_len);
    CHECK(memcmp(der, want, len) == 0);
    CHECK(wskt_socket_peer_certificate(party->socket, NULL) == der);
    free(want);
    free(path);
}

/* From the first event on: of an open socket, of one whose upgrade or whose
   pin was refused. */
static void certificate(enum way way, const char *script, bool pinned) {
    struct party party;
    wskt_config *config = trusting_config();
    char *url = script_url("wss", script, new_id());
    if (pinned) {
        OK(wskt_config_add_pinned_public_key(
            config, "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="));
    }
    party_make(&party, way, NULL, url, config);
    wskt_config_free(config);
    party.on_event = look;
    party_start(&party);
    party_drive(&party);
    CHECK_INT(party.closes, 1);
    party_check_closed(&party);
    CHECK(wskt_socket_peer_certificate(party.socket, NULL) != NULL);
    party_free(&party);
    free(url);
}

static void no_certificate(void) {
    static const char *const port_names[] = {"ws", "wss_expired"};
    size_t i;
    for (i = 0; i < 2; i++) {
        char *url = script_url(port_names[i],
                               "close 1000; expect-close; half-close",
                               new_id());
        wskt_config *config = trusting_config();
        struct party party;
        size_t len = 77;
        party_make(&party, WAY_BLOCKING, NULL, url, config);
        wskt_config_free(config);
        party_start(&party);
        party_drive(&party);
        CHECK(wskt_socket_peer_certificate(party.socket, &len) == NULL);
        CHECK_INT(len, 77);
        party_free(&party);
        free(url);
    }
    CHECK(wskt_socket_peer_certificate(NULL, NULL) == NULL);
}

/* -- what is refused when it is set ------------------------------------- */

static void refused(wskt_config *config, wskt_result got, const char *text) {
    RESULT(got, WSKT_ERR_INVALID_ARGUMENT);
    CHECK_STR(wskt_config_error_text(config), text);
}

static void bad_input(void) {
    static const int numbers[] = {0, 1, 11, 14, -1, 0x303, INT32_MAX};
    static const char *const pins[] = {
        "",
        "sha256//",
        "sha256//AAAA",
        "sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "sha1//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA-=",
        " sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=;",
    };
    static const char *const hosts[] = {
        "", ".", " ", "a b", "a/b", "a:1", "[::1", "::1]", "a\r\nb", "1.2.3.4.5",
    };
    wskt_config *config = trusting_config();
    struct text text = {0};
    size_t i;
    for (i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        text_free(&text);
        text_add(&text, "min_tls_version: %d is not in wskt_tls_version",
                 numbers[i]);
        refused(config, wskt_config_set_min_tls_version(config, numbers[i]),
                text_of(&text));
        text_free(&text);
        text_add(&text, "max_tls_version: %d is not in wskt_tls_version",
                 numbers[i]);
        refused(config, wskt_config_set_max_tls_version(config, numbers[i]),
                text_of(&text));
    }
    OK(wskt_config_set_max_tls_version(config, WSKT_TLS_1_2));
    refused(config, wskt_config_set_min_tls_version(config, WSKT_TLS_1_3),
            "min_tls_version: it is above the maximum");
    OK(wskt_config_set_max_tls_version(config, WSKT_TLS_1_3));
    OK(wskt_config_set_min_tls_version(config, WSKT_TLS_1_3));
    refused(config, wskt_config_set_max_tls_version(config, WSKT_TLS_1_2),
            "max_tls_version: it is below the minimum");
    for (i = 0; i < sizeof pins / sizeof pins[0]; i++) {
        refused(config, wskt_config_add_pinned_public_key(config, pins[i]),
                "pinned_public_key: it is not sha256// and the base64 of 32 "
                "bytes");
    }
    for (i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        now_testing(hosts[i]);
        refused(config, wskt_config_set_tls_server_name(config, hosts[i]),
                "tls_server_name: it is neither a host name nor an IP address");
    }
    RESULT(wskt_config_set_tls_server_name(config, "\xff"),
           WSKT_ERR_INVALID_UTF8);
    RESULT(wskt_config_set_tls_server_name(config, NULL), WSKT_ERR_NULL);
    RESULT(wskt_config_add_pinned_public_key(config, NULL), WSKT_ERR_NULL);
    /* Nothing of that has changed anything but the version. */
    check(WAY_BLOCKING, "wss", config, "{\"version\":\"TLSv1.3\",*");
    text_free(&text);
}

int main(void) {
    int way;
    begin();
    for (way = 0; way < WAYS; way++) {
        enum way in = (enum way)way;
        now_testing(way_name(in));
        all_versions(in);
        names(in);
        alpn(in);
        certificate(in, "close 1000; expect-close; half-close", false);
        certificate(in, "http 403", false);
        certificate(in, "accept", true);
    }
    RUN(no_certificate);
    RUN(bad_input);
    return end();
}
