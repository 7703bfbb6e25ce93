/* Published flaws of permessage-deflate (RFC 7692): bombs, windows that are
   none, and what comes after an error. */
#include "support/cases.h"

/* 64 KiB of zeros as a compressed message, 79 bytes; and with the end of its flush,
   which messages leave out: a part of one. */
#define MESSAGE \
    "ecc101010000008090feafee080a000000000000000000000000000000000000" \
    "0000000000000000000000000000000000000000000000000000000000000000" \
    "000000000000000000000000006a00"
#define ZEROS MESSAGE "0000ffff"
#define BIG                                              \
    OPEN "error/3 message_too_big \"message *\"\n"       \
         "close/3 1006 \"\" unclean peer=0 message_too_big \"message *\"\n"
#define AGREED "accept extensions=permessage-deflate; "

static wskt_config *limited(uint64_t bytes) {
    wskt_config *config;
    OK(wskt_config_new(&config));
    OK(wskt_config_set_max_message_size(config, bytes));
    return config;
}

/* CVE-2026-15709 (libsoup), CVE-2026-1526 (undici), CVE-2018-1000518 (python
   websockets), websocketpp#1191: one megabyte becomes a thousand. Here it ends
   at the limit, before its memory is taken, in one frame and in many. */
static void libsoup_cve_2026_15709_bomb_in_fragments(void) {
    wskt_config *config = limited(1 << 20);
    long before = peak_kib();
    double cpu = cpu_ms();
    expect_log_and_frames(
        "ws",
        AGREED "hold; frame opcode=binary fin=0 rsv=4 payload=" ZEROS "; "
               "repeat 16000 frame opcode=continuation fin=0 payload=" ZEROS
               "; flush; expect-close 1009; expect-fin",
        config, BIG, "close 1009 \"\"\n");
    check_peak(before, 8192);
    if (!is_slow()) {
        CHECK(cpu_ms() - cpu < 2000);
    }
    wskt_config_free(config);
}

static void undici_cve_2026_1526_bomb_in_a_frame(void) {
    wskt_config *config = limited(60000);
    long before = peak_kib();
    expect_log("ws",
               AGREED "frame opcode=binary rsv=4 payload=" ZEROS
                      "; expect-close 1009; expect-fin",
               config, BIG);
    expect_log("ws",
               AGREED "frame opcode=text rsv=4 payload=" ZEROS
                      "; expect-close 1009; expect-fin",
               config, BIG);
    check_peak(before, 8192);
    wskt_config_free(config);
}

/* CVE-2018-1000518: the limit was held against the compressed size. */
static void websockets_cve_2018_1000518_many_messages(void) {
    wskt_config *config = limited(65536);
    struct text log = {0};
    int i;
    /* Each of them is at the limit, and history goes from one to the next. */
    text_add(&log, OPEN);
    for (i = 0; i < 50; i++) {
        text_add(&log, "binary/1 <65536 bytes, *>\n");
    }
    text_add(&log, "close/3 1000 \"\" clean *\n");
    expect_log("ws",
               AGREED "repeat 50 frame opcode=binary rsv=4 payload=" MESSAGE
                      "; close 1000; expect-close 1000; half-close",
               config, text_of(&log));
    text_free(&log);
    wskt_config_free(config);
}

/* CVE-2026-2229 (undici): window sizes that are none crashed it. */
static void undici_cve_2026_2229_window_sizes(void) {
    static const char *const bad[] = {
        "server_max_window_bits=0",   "server_max_window_bits=7",
        "server_max_window_bits=16",  "server_max_window_bits=x",
        "server_max_window_bits=-1",  "server_max_window_bits=015",
        "server_max_window_bits=1e1", "server_max_window_bits",
        "server_max_window_bits=99999999999999999999",
        "client_max_window_bits=0",   "client_max_window_bits=7",
        "client_max_window_bits=16",  "client_max_window_bits=x",
        "client_max_window_bits",
        "server_max_window_bits=10%3B%20server_max_window_bits=10",
        "client_max_window_bits=10%3B%20client_max_window_bits=11",
        "server_no_context_takeover%3B%20server_no_context_takeover",
        "server_no_context_takeover=1", "unknown",
    };
    char script[200];
    size_t i;
    for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        snprintf(script, sizeof script,
                 "accept extensions=permessage-deflate%%3B%%20%s", bad[i]);
        expect_log("ws", script, NULL,
                   "error/3 handshake *\nclose/3 1006 *\n");
    }
}

/* GHSA-3wwx-pv8p-q78v (undici): data that does not inflate, after the limit
   had been passed, crashed it. One error, one close, and no more. */
static void undici_ghsa_3wwx_pv8p_q78v_error_after_error(void) {
    wskt_config *config = limited(60000);
    expect_log("ws",
               AGREED "hold; frame opcode=binary fin=0 rsv=4 payload=" ZEROS
                      "; frame opcode=continuation fin=0 payload=ffffffff; "
                      "frame opcode=continuation payload=ffffffff; "
                      "frame rsv=4 payload=ffffffff; flush; "
                      "expect-close 1009; expect-fin",
               config, BIG);
    expect_log("ws",
               AGREED "hold; frame opcode=binary rsv=4 payload=ffffffff; "
                      "frame opcode=binary rsv=4 payload=" ZEROS
                      "; frame rsv=4 payload=ffffffff; flush; "
                      "expect-close 1002; expect-fin",
               config, OPEN "error/3 protocol *\nclose/3 1006 *\n");
    wskt_config_free(config);
}

/* CVE-2025-1866 (libwebsockets), CVE-2022-37434 (zlib): streams that end or
   lie in the middle. Valgrind, AddressSanitizer and the fuzz target `deflate`
   watch for the rest. */
static void lws_cve_2025_1866_streams_that_lie(void) {
    static const char *const streams[] = {
        "00",         "01",           "02",       "03",         "04",
        "05",         "06",           "07",       "00000000",   "0000010000",
        "010500faff", "010500faff61", "4b04",     "ff",         "ed",
        "edc1",       "edfdffff",     "05e0ffff", "63000000ff", "4b4c044a",
    };
    char script[200];
    size_t i;
    for (i = 0; i < sizeof streams / sizeof streams[0]; i++) {
        snprintf(script, sizeof script,
                 AGREED "frame opcode=binary rsv=4 payload=%s; close 1000; "
                        "half-close",
                 streams[i]);
        /* What each means is zlib's; that it ends is ours. */
        expect_log("ws", script, NULL, OPEN "*/*\nclose/3 *\n");
    }
}

int main(int argc, char **argv) {
    static const struct named_case cases[] = {
        CASE(libsoup_cve_2026_15709_bomb_in_fragments),
        CASE(undici_cve_2026_1526_bomb_in_a_frame),
        CASE(websockets_cve_2018_1000518_many_messages),
        CASE(undici_cve_2026_2229_window_sizes),
        CASE(undici_ghsa_3wwx_pv8p_q78v_error_after_error),
        CASE(lws_cve_2025_1866_streams_that_lie),
    };
    return CASES(argc, argv, cases);
}
