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
    {.name = "RST inside a header",
     .script = "text one; raw 81; wait $ID-s; rst",
     .client = "message signal $ID-s",
     .log = RST_LOG("text/1 \"one\"\n"),
     .browser = RST_BROWSER("text/1 \"one\"\n"),
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
    {.name = "FIN waits behind a pause, sending goes on",
     .script = "text one; wait $ID-p; fin; sleep 100; mark $ID-q;"
               "expect-text still; expect-fin",
     .client = "message1 pause; message1 signal $ID-p; beside mark $ID-q;"
               "beside text still; beside resume",
     .log = OPEN "text/1 \"one\"\n" FAILED("lost", FIN_MESSAGE),
     .browser = OPEN "text/1 \"one\"\n" LOST(FIN_MESSAGE),
     .frames = "text \"still\"\n"},
    {.name = "a TLS alert when open",
     .port = "wss",
     .script = "accept; tlsraw 15030300020228; expect-fin",
     .log = OPEN FAILED("lost", "the connection was lost: *"),
     .browser = OPEN LOST("the connection was lost: *"),
     .frames = "",
     .flags = WHOLE_ONLY | ANY_ERRORS},
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
    /* The TLS handshake is done, the 101 has not come. */
    {.name = "a TLS alert instead of an answer to the upgrade",
     .port = "wss",
     .script = "none; tlsraw 15030300020228; expect-fin",
     .log = TLS_LOG("*"),
     .browser = HIDDEN,
     .frames = "",
     .flags = WHOLE_ONLY | ANY_ERRORS},
    {.name = "an answer that is no TLS",
     .port = "tls_garbage",
     .log = TLS_LOG("*"),
     .browser = HIDDEN,
     .flags = NO_REPORT},
};

/* What a server says to a ClientHello, and how it ends. */
struct answer {
    const char *name;
    const char *bytes;
    size_t len;
    enum { STAYS, ENDS, RESETS } then;
    const char *message;
};

#define BYTES(literal) literal, sizeof literal - 1

static const struct answer answers[] = {
    {"a plain port", BYTES("HTTP/1.1 400 Bad Request\r\n\r\n"), STAYS,
     TLS_LOG("*wrong version number*")},
    {"FIN", BYTES(""), ENDS,
     TLS_LOG("the server closed the connection in the TLS handshake")},
    {"RST", BYTES(""), RESETS,
     "error/3* tls \"the connection was lost in the TLS handshake: *\"\n"
     "close/3 1015 \"\" unclean peer=0 tls \"the connection was lost in the "
     "TLS handshake: *\"\n"},
    {"a fatal alert", BYTES("\x15\x03\x03\x00\x02\x02\x28"), STAYS,
     TLS_LOG("*alert handshake failure*")},
};

struct listener {
    int fd;
    const struct answer *answer;
};

static void *answer_hello(void *argument) {
    const struct listener *listener = argument;
    const struct answer *answer = listener->answer;
    int fd = accept(listener->fd, NULL, NULL);
    char drop[2048];
    CHECK(fd >= 0);
    CHECK(recv(fd, drop, sizeof drop, 0) > 0);
    if (answer->len > 0) {
        CHECK(send(fd, answer->bytes, answer->len, MSG_NOSIGNAL) > 0);
    }
    if (answer->then == ENDS) {
        CHECK(shutdown(fd, SHUT_WR) == 0);
    } else if (answer->then == RESETS) {
        struct linger at_once = {1, 0};
        CHECK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once,
                         sizeof at_once) == 0);
        close(fd);
        return NULL;
    }
    while (recv(fd, drop, sizeof drop, 0) > 0) {
    }
    close(fd);
    return NULL;
}

static void inside_the_tls_handshake(const struct answer *answer, enum way way,
                                     bool browser) {
    struct party party;
    struct sockaddr_in at;
    socklen_t at_len = sizeof at;
    struct listener listener;
    pthread_t thread;
    char url[64];
    wskt_config *config = trusting_config();
    listener.fd = socket(AF_INET, SOCK_STREAM, 0);
    listener.answer = answer;
    CHECK(listener.fd >= 0);
    memset(&at, 0, sizeof at);
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(bind(listener.fd, (struct sockaddr *)&at, sizeof at) == 0);
    CHECK(listen(listener.fd, 1) == 0);
    CHECK(getsockname(listener.fd, (struct sockaddr *)&at, &at_len) == 0);
    CHECK_INT(pthread_create(&thread, NULL, answer_hello, &listener), 0);
    OK(wskt_config_set_browser_mode(config, browser));
    snprintf(url, sizeof url, "wss://127.0.0.1:%d/", ntohs(at.sin_port));
    party_make(&party, way, NULL, url, config);
    party_start(&party);
    party_drive(&party);
    if (!text_like(text_of(&party.log), browser ? HIDDEN : answer->message)) {
        FAIL("%s, %s: %s", answer->name, way_name(way), text_of(&party.log));
    }
    party_check_closed(&party);
    party_free(&party);
    wskt_config_free(config);
    pthread_join(thread, NULL);
    close(listener.fd);
}

/* Linux has no route to the broadcast address for TCP. */
static void an_address_that_cannot_be_reached(enum way way, bool browser) {
    struct party party;
    wskt_config *config = trusting_config();
    OK(wskt_config_set_browser_mode(config, browser));
    party_make(&party, way, NULL, "ws://255.255.255.255:9/", config);
    party_start(&party);
    party_drive(&party);
    if (!text_like(text_of(&party.log),
                   browser ? HIDDEN
                           : "error/3 os=* connect \"cannot connect to "
                             "255.255.255.255:9*\"\nclose/3 1006 \"\" unclean "
                             "peer=0 connect \"cannot connect to "
                             "255.255.255.255:9*\"\n")) {
        FAIL("%s: %s", way_name(way), text_of(&party.log));
    }
    party_check_closed(&party);
    party_free(&party);
    wskt_config_free(config);
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
    size_t i;
    begin();
    ROWS(lost);
    ROWS(never_open);
    now_testing("by hand");
    for (way = 0; way < WAYS; way++) {
        for (i = 0; i < sizeof answers / sizeof answers[0]; i++) {
            inside_the_tls_handshake(&answers[i], (enum way)way, false);
            inside_the_tls_handshake(&answers[i], (enum way)way, true);
        }
        an_address_that_cannot_be_reached((enum way)way, false);
        an_address_that_cannot_be_reached((enum way)way, true);
        a_name_that_does_not_resolve((enum way)way, false);
        a_name_that_does_not_resolve((enum way)way, true);
        a_name_that_resolves((enum way)way);
    }
    return rows_result();
}
