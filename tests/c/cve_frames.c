/* Published flaws of WebSocket clients in lengths, fragments and control
   frames, each by the name of who had it: what wskt does with the same bytes.
   The references are those of the advisories. */
#include "support/cases.h"

#define BIG "error/3 message_too_big \"message *\"\n" \
    "close/3 1006 \"\" unclean peer=0 message_too_big \"message *\"\n"

static wskt_config *limited(uint64_t bytes, uint32_t fragments) {
    wskt_config *config;
    OK(wskt_config_new(&config));
    if (bytes != 0) {
        OK(wskt_config_set_max_message_size(config, bytes));
    }
    if (fragments != 0) {
        OK(wskt_config_set_max_fragments(config, fragments));
    }
    return config;
}

/* RUSTSEC-2022-0035, CVE-2022-35922: websocket (Rust) allocated the length a
   frame declared. No limit is set here but the largest there can be. */
static void websocket_cve_2022_35922_declared_length(void) {
    wskt_config *config = limited(UINT64_MAX, 0);
    long before = peak_kib();
    expect_log("ws", "frame opcode=binary len=4611686018427387904 payload=00; "
                     "sleep 50; rst",
               config, OPEN "error/3 os=104 lost *\nclose/3 1006 *\n");
    expect_log("ws", "frame text=a len=4611686018427387904; sleep 50; rst",
               config, OPEN "error/3 os=104 lost *\nclose/3 1006 *\n");
    check_peak(before, 4096);
    wskt_config_free(config);
}

/* RUSTSEC-2020-0043: ws-rs let its buffer grow without limit. */
static void ws_rs_rustsec_2020_0043_slow_large_frame(void) {
    wskt_config *config = limited(100000, 0);
    long before = peak_kib();
    expect_log_and_frames(
        "ws", "split 900; frame opcode=binary len=100001 payload=pat:50000; "
              "expect-close 1009; expect-fin",
        config, OPEN BIG, "close 1009 \"\"\n");
    expect_log("ws", "split 900; frame opcode=binary fin=0 payload=pat:60000; "
                     "frame opcode=continuation payload=pat:40001; "
                     "expect-close 1009; expect-fin",
               config, OPEN BIG);
    check_peak(before, 4096);
    wskt_config_free(config);
}

/* CVE-2026-1528: undici crashed on 64-bit lengths. */
static void undici_cve_2026_1528_long_lengths(void) {
    static const char *const too_big[] = {"0020000000000000",
                                          "001fffffffffffff",
                                          "7fffffffffffffff"};
    static const char *const not_legal[] = {"8000000000000000",
                                            "ffffffffffffffff"};
    char script[128];
    size_t i;
    for (i = 0; i < sizeof too_big / sizeof too_big[0]; i++) {
        snprintf(script, sizeof script,
                 "accept; raw 827f%s; expect-close 1009; expect-fin", too_big[i]);
        expect_log("ws", script, NULL, OPEN BIG);
    }
    for (i = 0; i < sizeof not_legal / sizeof not_legal[0]; i++) {
        snprintf(script, sizeof script,
                 "accept; raw 827f%s; expect-close 1002; expect-fin", not_legal[i]);
        expect_log("ws", script, NULL,
                   OPEN FAILS("protocol", "frame length with the most "
                                          "significant bit set"));
    }
}

/* CVE-2020-27813: gorilla/websocket added lengths up until they overflowed,
   and looped. The same with no limit but the largest there can be. */
static void gorilla_cve_2020_27813_lengths_overflow(void) {
    wskt_config *config = limited(UINT64_MAX, 0);
    static const char script[] =
        "frame opcode=binary fin=0 payload=61; raw 007f7fffffffffffffff; "
        "raw 00; sleep 50; rst";
    expect_log("ws", "frame opcode=binary fin=0 payload=61; "
                     "raw 007f7fffffffffffffff; expect-close 1009; expect-fin",
               NULL, OPEN BIG);
    expect_log("ws", script, config, OPEN "error/3 os=104 lost *\nclose/3 *\n");
    wskt_config_free(config);
}

/* Mongoose, commit c8af7cdd of 2017: lengths near 2^32 and 2^64 overflowed
   with the header's own length, masked ones too. */
static void mongoose_c8af7cdd_length_and_header_overflow(void) {
    expect_log("ws", "accept; raw 827f00000000ffffffff; expect-close 1009; expect-fin",
               NULL, OPEN BIG);
    expect_log("ws", "accept; raw 827f00000000fffffff6; expect-close 1009; expect-fin",
               NULL, OPEN BIG);
    expect_log("ws", "accept; raw 82ffffffffffffffffff01020304; expect-close 1002; "
                     "expect-fin",
               NULL, OPEN "error/3 protocol *\nclose/3 1006 *\n");
}

/* CVE-2026-15711: libsoup took control frames of any size. */
static void libsoup_cve_2026_15711_large_control_frames(void) {
    static const char *const opcodes[] = {"ping", "pong", "close"};
    static const char *const sizes[] = {"126", "65536"};
    char script[128];
    size_t i;
    size_t j;
    for (i = 0; i < 3; i++) {
        for (j = 0; j < 2; j++) {
            snprintf(script, sizeof script,
                     "frame opcode=%s payload=pat:%s; expect-close 1002; "
                     "expect-fin",
                     opcodes[i], sizes[j]);
            expect_log("ws", script, NULL,
                       OPEN FAILS("protocol",
                                  "control frame of more than 125 bytes"));
        }
    }
}

/* CVE-2026-0716: libsoup read behind its buffer when no maximum was set and a
   frame was cut off. Valgrind and AddressSanitizer watch this one. */
static void libsoup_cve_2026_0716_truncated_frames(void) {
    static const char *const cut[] = {
        "81", "817e", "817e01", "817e0100", "817f", "817f00000000",
        "817f0000000000010000", "8105", "810561626364", "897d61", "88",
        "8802", "880203",
    };
    wskt_config *config = limited(UINT64_MAX, UINT32_MAX);
    char script[128];
    size_t i;
    for (i = 0; i < sizeof cut / sizeof cut[0]; i++) {
        snprintf(script, sizeof script, "text a; raw %s; half-close", cut[i]);
        expect_log("ws", script, config,
                   OPEN "text/1 \"a\"\nerror/3 lost *\nclose/3 1006 *\n");
    }
    wskt_config_free(config);
}

/* CVE-2025-32049 (libsoup), CVE-2026-9675 (undici), GHSA-frh3-6pv6-rc8j
   (Bandit): the limit held for one frame and not for their sum. */
static void libsoup_cve_2025_32049_sum_of_fragments(void) {
    wskt_config *config = limited(1000, 0);
    expect_log_and_frames(
        "ws", "frame opcode=binary fin=0 payload=pat:900; "
              "frame opcode=continuation fin=0 payload=pat:100; "
              "frame opcode=continuation fin=0 payload=00; "
              "expect-close 1009; expect-fin",
        config, OPEN BIG, "close 1009 \"\"\n");
    wskt_config_free(config);
}

static void undici_cve_2026_9675_many_fragments(void) {
    wskt_config *config = limited(100000, 0);
    expect_log("ws", "hold; frame fin=0 text=a; "
                     "repeat 1000 frame opcode=continuation fin=0 "
                     "payload=fill:61:100; flush; "
                     "expect-close 1009; expect-fin",
               config, OPEN BIG);
    wskt_config_free(config);
}

static void bandit_ghsa_frh3_6pv6_rc8j_text_fragments(void) {
    wskt_config *config = limited(10, 0);
    expect_log("ws", "frame fin=0 text=12345; "
                     "frame opcode=continuation text=678901; "
                     "expect-close 1009; expect-fin",
               config, OPEN BIG);
    wskt_config_free(config);
}

/* CVE-2018-21035 (Qt), CVE-2016-10542 (ws), CVE-2016-10544 (uWebSockets): no
   limit, or one of 2 GiB, unless the program set one. */
static void qt_cve_2018_21035_limit_by_default(void) {
    expect_log("ws", "frame opcode=binary len=67108865 payload=00; "
                     "expect-close 1009; expect-fin",
               NULL, OPEN BIG);
}

/* CVE-2026-12151 (undici), CVE-2026-48779 and GHSA-96hv-2xvq-fx4p (ws): a
   flood of tiny or empty fragments. By default they are counted; a program
   that lifts the limit still pays no memory for empty ones. */
static void undici_cve_2026_12151_empty_fragments(void) {
    wskt_config *config = limited(UINT64_MAX, UINT32_MAX);
    long before = peak_kib();
    double cpu = cpu_ms();
    expect_log("ws", "hold; frame opcode=binary fin=0; "
                     "repeat 140000 frame opcode=continuation fin=0; flush; "
                     "expect-close 1009; expect-fin",
               NULL, OPEN BIG);
    expect_log("ws", "hold; frame opcode=binary fin=0; "
                     "repeat 1000000 frame opcode=continuation fin=0; "
                     "frame opcode=continuation payload=61; close 1000; "
                     "flush; expect-close 1000; half-close",
               config,
               OPEN "binary/1 \"a\"\nclose/3 1000 \"\" clean *\n");
    check_peak(before, 4096);
    if (!is_slow()) {
        CHECK(cpu_ms() - cpu < 5000);
    }
    wskt_config_free(config);
}

static void ws_cve_2026_48779_tiny_fragments(void) {
    wskt_config *config = limited(200000, UINT32_MAX);
    long before = peak_kib();
    expect_log("ws", "hold; frame opcode=binary fin=0; "
                     "repeat 300000 frame opcode=continuation fin=0 "
                     "payload=61; flush; expect-close 1009; expect-fin",
               config, OPEN BIG);
    check_peak(before, 4096);
    wskt_config_free(config);
}

/* CVE-2026-45736: ws sent uninitialised memory behind short reasons. Every
   length is compared at the server, and valgrind watches what is written. */
static void ws_cve_2026_45736_reasons_of_every_length(void) {
    char reason[124];
    size_t len;
    for (len = 0; len <= 123; len++) {
        struct report report;
        struct text want = {0};
        const wskt_event *event;
        wskt_socket *socket;
        const char *id = new_id();
        char *url = script_url("ws", "answer-close; half-close", id);
        memset(reason, 0, sizeof reason);
        memset(reason, 'a' + (int)(len % 26), len);
        OK(wskt_socket_new(NULL, url, NULL, &socket));
        OK(wskt_socket_connect(socket, limit_ms()));
        OK(wskt_socket_close(socket, 3000, reason, len));
        OK(wskt_socket_recv(socket, limit_ms(), &event));
        CHECK_INT(event->type, WSKT_EVENT_OPEN);
        OK(wskt_socket_recv(socket, limit_ms(), &event));
        CHECK_INT(as_close(event)->reason_len, len);
        CHECK_STR(as_close(event)->reason, reason);
        wskt_socket_free(socket);
        get_report(&report, id);
        text_add(&want, "close 3000 ");
        text_quote(&want, reason, len);
        text_add(&want, "\n");
        CHECK_STR(text_of(&report.frames), text_of(&want));
        CHECK_STR(report.errors, "[]");
        free_report(&report);
        text_free(&want);
        free(url);
    }
}

int main(int argc, char **argv) {
    static const struct named_case cases[] = {
        CASE(websocket_cve_2022_35922_declared_length),
        CASE(ws_rs_rustsec_2020_0043_slow_large_frame),
        CASE(undici_cve_2026_1528_long_lengths),
        CASE(gorilla_cve_2020_27813_lengths_overflow),
        CASE(mongoose_c8af7cdd_length_and_header_overflow),
        CASE(libsoup_cve_2026_15711_large_control_frames),
        CASE(libsoup_cve_2026_0716_truncated_frames),
        CASE(libsoup_cve_2025_32049_sum_of_fragments),
        CASE(undici_cve_2026_9675_many_fragments),
        CASE(bandit_ghsa_frh3_6pv6_rc8j_text_fragments),
        CASE(qt_cve_2018_21035_limit_by_default),
        CASE(undici_cve_2026_12151_empty_fragments),
        CASE(ws_cve_2026_48779_tiny_fragments),
        CASE(ws_cve_2026_45736_reasons_of_every_length),
    };
    return CASES(argc, argv, cases);
}
