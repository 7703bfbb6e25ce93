/* close-events.md, section 5: endings without a Close frame. */
#include "support/scenario.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#define FIN_MESSAGE "the peer ended the connection without a Close frame"
#define RST_LOG(before)                                                    \
    OPEN before                                                            \
        "error/3 os=104 lost \"the connection was lost: *\"\n"              \
        "close/3 1006 \"\" unclean peer=0 lost \"the connection was lost: " \
        "*\"\n"
#define RST_BROWSER(before) OPEN before LOST("the connection was lost: *")
#define TLS_LOG(message) FAILURE("1015", "0", "tls", message)

static const struct row lost[] = {
    {.name = "FIN while idle",
     .script = "accept; fin; expect-fin",
     .log = OPEN FAILED("lost", FIN_MESSAGE),
     .browser = OPEN LOST(FIN_MESSAGE),
     .frames = "",
     .end = "fin"},
    {.name = "FIN inside a header",
     .script = "text one; raw 81; fin; expect-fin",
     .log = OPEN "text/1 \"one\"\n" FAILED("lost", FIN_MESSAGE),
     .browser = OPEN "text/1 \"one\"\n" LOST(FIN_MESSAGE),
     .frames = "",
     .end = "fin"},
    {.name = "FIN inside an extended length",
     .script = "accept; raw 827e01; fin; expect-fin",
     .log = OPEN FAILED("lost", FIN_MESSAGE),
     .browser = OPEN LOST(FIN_MESSAGE),
     .frames = ""},
    {.name = "FIN inside a frame",
     .script = "accept; raw 810561626364; fin; expect-fin",
     .log = OPEN FAILED("lost", FIN_MESSAGE),
     .browser = OPEN LOST(FIN_MESSAGE),
     .frames = ""},
    {.name = "FIN inside a fragmented message",
     .script = "frame fin=0 text=abc; fin; expect-fin",
     .log = OPEN FAILED("lost", FIN_MESSAGE),
     .browser = OPEN LOST(FIN_MESSAGE),
     .frames = ""},
    {.name = "FIN inside a large binary message",
     .script = "frame opcode=binary len=1000000 payload=pat:70000; fin",
     .log = OPEN FAILED("lost", FIN_MESSAGE),
     .browser = OPEN LOST(FIN_MESSAGE),
     .frames = "",
     .flags = WHOLE_ONLY},
    {.name = "RST while idle",
     .script = "mark $ID-m; wait $ID-s; rst",
     .client = "open signal $ID-s",
     .log = RST_LOG(""),
     .browser = RST_BROWSER(""),
     .frames = ""},
    {.name = "RST inside a frame",
     .script = "text one; raw 8105616263; wait $ID-s; rst",
     .client = "message signal $ID-s",
     .log = RST_LOG("text/1 \"one\"\n"),
     .browser = RST_BROWSER("text/1 \"one\"\n"),
     .frames = ""},
    {.name = "RST inside a fragmented message",
     .script = "text one; frame fin=0 text=abc; wait $ID-s; rst",
     .client = "message signal $ID-s",
     .log = RST_LOG("text/1 \"one\"\n"),
     .browser = RST_BROWSER("text/1 \"one\"\n"),
     .frames = ""},
    {.name = "the server's program ends: close_notify and FIN",
     .script = "accept; half-close; expect-fin",
     .log = OPEN FAILED("lost", FIN_MESSAGE),
     .browser = OPEN LOST(FIN_MESSAGE),
     .frames = ""},
    {.name = "FIN without close_notify after both Close frames",
     .script = "close 1001 x; expect-close 1001 x; fin",
     .log = OPEN CLEAN("1001", "x", "1001", "peer"),
     .frames = "close 1001 \"x\"\n"},
    {.name = "FIN without close_notify after our Close was answered",
     .script = "answer-close; fin",
     .client = "open close 3000 x",
     .log = OPEN CLEAN("3000", "x", "3000", "local"),
     .frames = "close 3000 \"x\"\n"},
    {.name = "abort when open",
     .script = "expect-fin",
     .client = "open abort",
     .log = OPEN FAILED("abort", "aborted by the program"),
     .frames = "",
     .flags = WHOLE_ONLY | ANY_ERRORS},
    {.name = "abort in the middle of messages",
     .script = "accept hold; text one; text two; text three; flush;"
               "expect-fin",
     .client = "message2 abort; message2 text no",
     .log = OPEN "text/1 \"one\"\ntext/1 \"two\"\n"
                 "  text = WSKT_ERR_CLOSED\n" FAILED(
                     "abort", "aborted by the program") BUFFERED("2"),
     .frames = "",
     .flags = ANY_ERRORS},
    {.name = "abort while our Close waits for its answer",
     .script = "expect-close 1000; expect-fin",
     .client = "open close 1000; open abort",
     .log = OPEN FAILED("abort", "aborted by the program"),
     .flags = WHOLE_ONLY | ANY_ERRORS},
};

static const struct row never_open[] = {
    {.name = "refused",
     .port = "refused",
     .log = "error/3 os=111 connect \"cannot connect to 127.0.0.1:*\"\n"
            "close/3 1006 \"\" unclean peer=0 connect \"cannot connect to "
            "127.0.0.1:*\"\n",
     .browser = HIDDEN,
     .flags = NO_REPORT},
    {.name = "connect timeout",
     .port = "full",
     .config = "connect-timeout 150",
     .log = FAILED("timeout", "no connection was established in time"),
     .browser = HIDDEN,
     .flags = NO_REPORT},
    {.name = "untrusted certificate",
     .port = "wss_untrusted",
     .log = TLS_LOG("*unable to get local issuer certificate*"),
     .browser = HIDDEN,
     .flags = NO_REPORT},
    {.name = "self-signed certificate",
     .port = "wss_self_signed",
     .log = TLS_LOG("*self*signed certificate*"),
     .browser = HIDDEN,
     .flags = NO_REPORT},
    {.name = "expired certificate",
     .port = "wss_expired",
     .log = TLS_LOG("certificate has expired"),
     .browser = HIDDEN,
     .flags = NO_REPORT},
    {.name = "a certificate that is not valid yet",
     .port = "wss_not_yet",
     .log = TLS_LOG("certificate is not yet valid"),
     .browser = HIDDEN,
     .flags = NO_REPORT},
    {.name = "wrong host name",
     .port = "wss_wrong_host",
     .log = TLS_LOG("*mismatch*"),
     .browser = HIDDEN,
     .flags = NO_REPORT},
    {.name = "an answer that is no TLS",
     .port = "tls_garbage",
     .log = TLS_LOG("*"),
     .browser = HIDDEN,
     .flags = NO_REPORT},
};

/* An HTTP server, as far as a ClientHello gets to know it. */
static void *answer_400(void *argument) {
    static const char answer[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
    int fd = accept(*(int *)argument, NULL, NULL);
    char drop[2048];
    CHECK(fd >= 0);
    CHECK(recv(fd, drop, sizeof drop, 0) > 0);
    CHECK(send(fd, answer, sizeof answer - 1, MSG_NOSIGNAL) > 0);
    while (recv(fd, drop, sizeof drop, 0) > 0) {
    }
    close(fd);
    return NULL;
}

static void tls_to_a_plain_port(enum way way, bool browser) {
    struct party party;
    struct sockaddr_in at;
    socklen_t at_len = sizeof at;
    pthread_t thread;
    char url[64];
    wskt_config *config = trusting_config();
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(listener >= 0);
    memset(&at, 0, sizeof at);
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(bind(listener, (struct sockaddr *)&at, sizeof at) == 0);
    CHECK(listen(listener, 1) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&at, &at_len) == 0);
    CHECK_INT(pthread_create(&thread, NULL, answer_400, &listener), 0);
    OK(wskt_config_set_browser_mode(config, browser));
    snprintf(url, sizeof url, "wss://127.0.0.1:%d/", ntohs(at.sin_port));
    party_make(&party, way, NULL, url, config);
    party_start(&party);
    party_drive(&party);
    if (!text_like(text_of(&party.log),
                   browser ? HIDDEN : TLS_LOG("*wrong version number*"))) {
        FAIL("%s: %s", way_name(way), text_of(&party.log));
    }
    party_check_closed(&party);
    party_free(&party);
    wskt_config_free(config);
    pthread_join(thread, NULL);
    close(listener);
}

/* Names under .invalid never resolve (RFC 6761). */
static void a_name_that_does_not_resolve(enum way way, bool browser) {
    struct party party;
    wskt_config *config = trusting_config();
    OK(wskt_config_set_browser_mode(config, browser));
    party_make(&party, way, NULL, "ws://nowhere.invalid/", config);
    party_start(&party);
    party_drive(&party);
    if (!text_like(text_of(&party.log),
                   browser ? HIDDEN
                           : "error/3* dns \"cannot resolve "
                             "nowhere.invalid*\"\nclose/3 1006 \"\" unclean "
                             "peer=0 dns \"cannot resolve "
                             "nowhere.invalid*\"\n")) {
        FAIL("%s: %s", way_name(way), text_of(&party.log));
    }
    party_check_closed(&party);
    party_free(&party);
    wskt_config_free(config);
}

/* A name resolves to both families; the server listens on both. */
static void a_name_that_resolves(enum way way) {
    struct party party;
    struct text url = {0};
    wskt_config *config = trusting_config();
    text_add(&url, "wss://localhost:%d/flood?n=1&size=5", port("wss"));
    party_make(&party, way, NULL, text_of(&url), config);
    party_start(&party);
    party_drive(&party);
    CHECK_INT(party.messages, 1);
    CHECK(wskt_socket_close_event(party.socket)->was_clean);
    party_free(&party);
    wskt_config_free(config);
    text_free(&url);
}

int main(void) {
    int way;
    begin();
    ROWS(lost);
    ROWS(never_open);
    now_testing("by hand");
    for (way = 0; way < WAYS; way++) {
        tls_to_a_plain_port((enum way)way, false);
        tls_to_a_plain_port((enum way)way, true);
        a_name_that_does_not_resolve((enum way)way, false);
        a_name_that_does_not_resolve((enum way)way, true);
        a_name_that_resolves((enum way)way);
    }
    return rows_result();
}
