/* Published flaws: floods that make a client loop, grow or burn time. */
#include "support/cases.h"

/* CVE-2025-5399 (curl 8.13 to 8.14.0): answering a ping while the send buffer
   was full looped for ever. The server reads nothing, so a large message stands in the
   queue; then a ping comes. Every call returns in time. */
static void curl_cve_2025_5399_ping_while_send_is_stuck(void) {
    static char block[16 << 20];
    const char *id = new_id();
    char *url = script_url("ws", "rcvbuf 16384; stop-reading; wait $ID; "
                                 "ping stuck; text behind; wait $ID-2; rst",
                           id);
    char second[64];
    wskt_socket *socket;
    const wskt_event *event;
    double cpu;
    int i;
    OK(wskt_socket_new(NULL, url, NULL, &socket));
    OK(wskt_socket_connect(socket, limit_ms()));
    OK(wskt_socket_recv(socket, limit_ms(), &event));
    /* More than the kernel takes: the rest is queued. */
    OK(wskt_socket_send_binary(socket, block, sizeof block));
    CHECK(wskt_socket_buffered_amount(socket) > 0);
    cpu = cpu_ms();
    signal_server(id);
    OK(wskt_socket_recv(socket, limit_ms(), &event));
    CHECK_INT(event->type, WSKT_EVENT_MESSAGE);
    CHECK_INT(as_message(event)->len, 6);
    for (i = 0; i < 50; i++) {
        RESULT(wskt_socket_recv(socket, 2, &event), WSKT_ERR_TIMEOUT);
    }
    if (!is_slow()) {
        CHECK(cpu_ms() - cpu < 500);
    }
    snprintf(second, sizeof second, "%s-2", id);
    signal_server(second);
    wskt_socket_free(socket);
    free(url);
}

/* CVE-2026-11586 (curl 8.16 to 8.20): pongs queued without limit for a peer
   that sends pings and reads nothing. One million pings, nothing read. */
static void curl_cve_2026_11586_million_pings(void) {
    const char *id = new_id();
    char *url = script_url("ws", "rcvbuf 65536; stop-reading; hold; "
                                 "repeat 1000000 ping 0123456789; "
                                 "text done; flush; wait $ID; rst",
                           id);
    long before = peak_kib();
    wskt_socket *socket;
    const wskt_event *event;
    OK(wskt_socket_new(NULL, url, NULL, &socket));
    OK(wskt_socket_connect(socket, limit_ms()));
    OK(wskt_socket_recv(socket, limit_ms(), &event));
    /* The server takes its time to make so many. */
    OK(wskt_socket_recv(socket, -1, &event));
    if (event->type != WSKT_EVENT_MESSAGE) {
        wskt_socket_recv(socket, -1, &event);
        FAIL("%s", wskt_socket_close_event(socket)->message);
    }
    check_peak(before, 4096);
    signal_server(id);
    wskt_socket_free(socket);
    free(url);
}

/* RUSTSEC-2023-0065, CVE-2023-43669 (tungstenite before 0.20.1): a large
   response head, byte by byte, took quadratic time. */
static void tungstenite_cve_2023_43669_dripping_head(void) {
    long before = peak_kib();
    double cpu = cpu_ms();
    expect_log("ws", "accept bigheader=1000000 drip=0", NULL,
               FAILS("handshake", "the response head is larger than 64 KiB"));
    check_peak(before, 4096);
    if (!is_slow()) {
        /* Two connections of 64 Ki reads each. */
        CHECK(cpu_ms() - cpu < 4000);
    }
}

/* CVE-2024-37890: ws crashed on more headers than it counted. */
static void ws_cve_2024_37890_ten_thousand_headers(void) {
    expect_log("ws", "accept headers=10000", NULL,
               "error/3 handshake \"the response * than *\"\nclose/3 1006 *\n");
}

/* CVE-2021-32640 (ws): a regular expression on Sec-WebSocket-Protocol that
   took exponential time; and ws 3.3.1 of 2017: the parser of extensions. */
static void ws_cve_2021_32640_long_header_values(void) {
    static const char *const scripts[] = {
        "accept bigheader=60000 header=Sec-WebSocket-Protocol:%s",
        "accept header=Sec-WebSocket-Protocol:%s",
        "accept header=Sec-WebSocket-Extensions:%s",
        "accept header=Connection:%s; close 1000; expect-close; half-close",
    };
    static const char *const letters[] = {"a", ",", "%2520", "%253B", "%2522"};
    double cpu = cpu_ms();
    size_t i;
    size_t j;
    for (i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        for (j = 0; j < sizeof letters / sizeof letters[0]; j++) {
            struct text value = {0};
            struct text script = {0};
            int k;
            for (k = 0; k < 2000; k++) {
                text_add(&value, "%s", letters[j]);
            }
            text_add(&value, "%%2521");
            text_add(&script, scripts[i], text_of(&value));
            expect_log("ws", text_of(&script), NULL,
                       i == 3 ? "open/1\nclose/3 1000 *\n" : "error/3 handshake *\nclose/3 1006 *\n");
            text_free(&script);
            text_free(&value);
        }
    }
    if (!is_slow()) {
        CHECK(cpu_ms() - cpu < 3000);
    }
}

static void ws_3_3_1_extension_parser(void) {
    static const char *const values[] = {
        "%2C%2Cx%2C%2C",
        "constructor",
        "__proto__%3B%20a=1",
        "permessage-deflate%3B%20__proto__=1",
        "%22%3B%5C%22%5C",
        "x%3B%20a=%22b",
    };
    char script[160];
    size_t i;
    for (i = 0; i < sizeof values / sizeof values[0]; i++) {
        snprintf(script, sizeof script, "accept extensions=%s", values[i]);
        expect_log("ws", script, NULL,
                   "error/3 handshake *\nclose/3 1006 *\n");
    }
}

int main(int argc, char **argv) {
    static const struct named_case cases[] = {
        CASE(curl_cve_2025_5399_ping_while_send_is_stuck),
        CASE(curl_cve_2026_11586_million_pings),
        CASE(tungstenite_cve_2023_43669_dripping_head),
        CASE(ws_cve_2024_37890_ten_thousand_headers),
        CASE(ws_cve_2021_32640_long_header_values),
        CASE(ws_3_3_1_extension_parser),
    };
    return CASES(argc, argv, cases);
}
