/* close-events.md, section 6: upgrades that fail, and those that are
   accepted though they look odd. */
#include "support/scenario.h"

#define HTTP(code, text)                                          \
    "error/3 http=" code " http \"HTTP " code " " text "\"\n"     \
    "close/3 1006 \"\" unclean peer=0 http \"HTTP " code " " text \
    "\"\n"
#define NOT_FOLLOWED " (redirects are not followed)"
/* No open; error; 1006; and no Close frame sent. */
#define REFUSED(named, with, why)                       \
    {                                                   \
        .name = named, .script = with,                  \
        .log = FAILED("handshake", why), .browser = HIDDEN, .frames = "" \
    }
/* The client may be gone before the server has sent the body. */
#define HTTP_ROW(named, with, code, text)                       \
    {                                                           \
        .name = named, .script = with, .log = HTTP(code, text), \
        .browser = HIDDEN, .frames = "", .flags = ANY_ERRORS    \
    }

static const struct row statuses[] = {
    HTTP_ROW("200", "http 200 body=hello", "200", "OK"),
    HTTP_ROW("401", "http 401 header=WWW-Authenticate:Basic", "401",
             "Unauthorized"),
    HTTP_ROW("403", "http 403 Keep out", "403", "Keep out"),
    HTTP_ROW("404", "http 404", "404", "Not Found"),
    HTTP_ROW("426", "http 426", "426", "Upgrade Required"),
    HTTP_ROW("500", "http 500", "500", "Internal Server Error"),
    HTTP_ROW("503", "http 503 keep", "503", "Service Unavailable"),
    HTTP_ROW("301", "http 301 header=Location:ws://127.0.0.1:1/", "301",
             "Moved Permanently" NOT_FOLLOWED),
    HTTP_ROW("302", "http 302 header=Location:/echo", "302",
             "Found" NOT_FOLLOWED),
    HTTP_ROW("307", "http 307 header=Location:/echo", "307",
             "Temporary Redirect" NOT_FOLLOWED),
    HTTP_ROW("308", "http 308 header=Location:/echo", "308",
             "Permanent Redirect" NOT_FOLLOWED),
    {.name = "no reason phrase",
     .script = "none; raw text:HTTP/1.1%20403%0D%0AContent-Length:%200%0D%0A%0D%0A",
     .log = "error/3 http=403 http \"HTTP 403\"\n"
            "close/3 1006 \"\" unclean peer=0 http \"HTTP 403\"\n",
     .browser = HIDDEN,
     .frames = "",
     .flags = ANY_ERRORS},
    {.name = "an empty reason phrase",
     .script = "none; raw text:HTTP/1.1%20403%20%0D%0AContent-Length:%200%0D%0A%0D%0A",
     .log = "error/3 http=403 http \"HTTP 403\"\n"
            "close/3 1006 \"\" unclean peer=0 http \"HTTP 403\"\n",
     .browser = HIDDEN,
     .frames = "",
     .flags = ANY_ERRORS},
    HTTP_ROW("403 in HTTP/1.0", "http 403 http10", "403", "Forbidden"),
    HTTP_ROW("403 without a length", "http 403 no-length body=x", "403",
             "Forbidden"),
};

static const struct row refused[] = {
    /* Judged by its first byte, perhaps before the others are sent. */
    {.name = "garbage",
     .script = "none; raw 0102030d0a0d0a; fin",
     .log = FAILED("handshake", "the response is not HTTP"),
     .browser = HIDDEN,
     .frames = "",
     .flags = ANY_ERRORS},
    REFUSED("FIN instead of an answer", "none; fin",
            "the server closed the connection without answering the "
            "upgrade"),
    REFUSED("cut off in the head", "accept cut=40; fin",
            "the server closed the connection inside the response head"),
    REFUSED("wrong accept", "accept bad-accept",
            "the response has the wrong Sec-WebSocket-Accept"),
    REFUSED("accept in another case",
            "accept accept=S3PPLMBITXAQ9KYGZZHZRBK+XOO=",
            "the response has the wrong Sec-WebSocket-Accept"),
    REFUSED("no accept", "accept no-accept",
            "the response has no Sec-WebSocket-Accept"),
    REFUSED("accept twice", "accept double-accept",
            "the response has Sec-WebSocket-Accept twice"),
    REFUSED("no Upgrade", "accept no-upgrade",
            "the response has no \\x22Upgrade: websocket\\x22"),
    REFUSED("another Upgrade", "accept upgrade=h2c",
            "the response has no \\x22Upgrade: websocket\\x22"),
    REFUSED("no Connection", "accept no-connection",
            "the response has no \\x22Connection: Upgrade\\x22"),
    REFUSED("another Connection", "accept connection=keep-alive",
            "the response has no \\x22Connection: Upgrade\\x22"),
    REFUSED("HTTP/1.0", "accept http10",
            "the server answered the upgrade with HTTP/1.0"),
    REFUSED("a subprotocol not asked for", "accept protocol=chat",
            "the server picked a subprotocol that was not offered: *"),
    REFUSED("an empty subprotocol", "accept protocol=",
            "the server picked a subprotocol that was not offered: *"),
    {.name = "an extension not asked for",
     .script = "accept extensions=permessage-deflate",
     .config = "deflate 0",
     .log = FAILED("handshake",
                   "the server picked an extension that was not offered: "
                   "\\x22permessage-deflate\\x22"),
     .browser = HIDDEN,
     .frames = ""},
    REFUSED("an unknown extension", "accept extensions=x-one%3B%20a=1",
            "the server picked an extension that was not offered: "
            "\\x22x-one\\x22"),
    REFUSED("two extension headers",
            "accept extensions=permessage-deflate "
            "extensions=permessage-deflate",
            "the server picked permessage-deflate twice"),
    REFUSED("a list with an extension twice",
            "accept extensions=permessage-deflate,permessage-deflate",
            "the server picked permessage-deflate twice"),
    REFUSED("an unknown parameter",
            "accept extensions=permessage-deflate%3Bcolour=red",
            "the server picked permessage-deflate with the unknown parameter "
            "\\x22colour\\x22"),
    REFUSED("a parameter twice",
            "accept extensions=permessage-deflate%3Bserver_max_window_bits=9"
            "%3Bserver_max_window_bits=9",
            "the server picked permessage-deflate with the parameter "
            "server_max_window_bits twice"),
    REFUSED("a window too small",
            "accept extensions=permessage-deflate%3Bserver_max_window_bits=7",
            "the server picked permessage-deflate with "
            "server_max_window_bits = \\x227\\x22, which is not in 8 to 15"),
    REFUSED("a window without a size",
            "accept extensions=permessage-deflate%3Bclient_max_window_bits",
            "the server picked permessage-deflate without a value for "
            "client_max_window_bits"),
    {.name = "server_no_context_takeover asked for and not given",
     .script = "accept extensions=permessage-deflate",
     .config = "no-takeover 0 1",
     .log = FAILED("handshake",
                   "the server picked permessage-deflate without "
                   "server_no_context_takeover, which was asked for"),
     .browser = HIDDEN,
     .frames = ""},
    {.name = "a larger window than asked for",
     .script = "accept extensions=permessage-deflate%3B"
               "server_max_window_bits=11",
     .config = "window-bits 15 10",
     .log = FAILED("handshake",
                   "the server picked permessage-deflate without "
                   "server_max_window_bits of 10 or less, which was asked "
                   "for"),
     .browser = HIDDEN,
     .frames = ""},
    {.name = "RST instead of an answer",
     .script = "none; rst",
     .log = "error/3 os=104 handshake \"the connection was lost during the "
            "upgrade: *\"\nclose/3 1006 \"\" unclean peer=0 handshake \"the "
            "connection was lost during the upgrade: *\"\n",
     .browser = HIDDEN,
     .frames = ""},
    {.name = "RST inside the head",
     .script = "accept cut=40; sleep 30; rst",
     .log = "error/3 os=104 handshake \"the connection was lost during the "
            "upgrade: *\"\nclose/3 1006 \"\" unclean peer=0 handshake \"the "
            "connection was lost during the upgrade: *\"\n",
     .browser = HIDDEN,
     .frames = ""},
    {.name = "no answer",
     .script = "none; expect-fin",
     .config = "upgrade-timeout 150",
     .log = FAILED("timeout",
                   "the server did not answer the upgrade in time"),
     .browser = HIDDEN,
     .frames = "",
     .flags = WHOLE_ONLY | ANY_ERRORS},
    {.name = "half an answer",
     .script = "accept cut=40; expect-fin",
     .config = "upgrade-timeout 150",
     .log = FAILED("timeout",
                   "the server did not answer the upgrade in time"),
     .browser = HIDDEN,
     .frames = "",
     .flags = WHOLE_ONLY | ANY_ERRORS},
    {.name = "1xx for ever",
     .script = "none; forever raw "
               "485454502f312e312031303320450d0a0d0a",
     .log = FAILED("handshake", "the response head is larger than 64 KiB"),
     .browser = HIDDEN,
     .frames = "",
     .flags = WHOLE_ONLY | ANY_ERRORS},
    {.name = "a head without end",
     .script = "accept bigheader=70000",
     .log = FAILED("handshake", "the response head is larger than 64 KiB"),
     .browser = HIDDEN,
     .frames = "",
     .flags = WHOLE_ONLY | ANY_ERRORS},
    {.name = "a header of 1 MiB",
     .script = "accept bigheader=1048576",
     .log = FAILED("handshake", "the response head is larger than 64 KiB"),
     .browser = HIDDEN,
     .frames = "",
     .flags = WHOLE_ONLY | ANY_ERRORS},
    {.name = "10000 headers",
     .script = "accept headers=10000",
     .log = FAILED("handshake", "the response head is larger than 64 KiB"),
     .browser = HIDDEN,
     .frames = "",
     .flags = WHOLE_ONLY | ANY_ERRORS},
    {.name = "too many headers",
     .script = "accept headers=300",
     .log = FAILED("handshake", "the response has more than 256 headers"),
     .browser = HIDDEN,
     .frames = "",
     .flags = WHOLE_ONLY | ANY_ERRORS},
};

#define UNOFFERED                                                          \
    "the server picked a subprotocol that was not offered: *"

static const struct row subprotocols[] = {
    {.name = "another subprotocol",
     .script = "accept protocol=other",
     .config = "protocol chat",
     .log = FAILED("handshake", UNOFFERED),
     .browser = HIDDEN,
     .frames = ""},
    {.name = "the subprotocol in another case",
     .script = "accept protocol=Chat",
     .config = "protocol chat",
     .log = FAILED("handshake", UNOFFERED),
     .browser = HIDDEN,
     .frames = ""},
    {.name = "a list of subprotocols",
     .script = "accept protocol=a,%20b",
     .config = "protocol a; protocol b",
     .log = FAILED("handshake", UNOFFERED),
     .browser = HIDDEN,
     .frames = ""},
    {.name = "an empty subprotocol where one was asked for",
     .script = "accept protocol=",
     .config = "protocol chat",
     .log = FAILED("handshake", UNOFFERED),
     .browser = HIDDEN,
     .frames = ""},
    {.name = "two subprotocol headers",
     .script = "accept protocol=a protocol=a",
     .config = "protocol a",
     .log = FAILED("handshake",
                   "the response has Sec-WebSocket-Protocol twice"),
     .browser = HIDDEN,
     .frames = ""},
    {.name = "a subprotocol asked for and none sent",
     .script = "accept",
     .config = "protocol chat",
     .log = FAILED("handshake",
                   "the server picked none of the subprotocols offered"),
     .browser = HIDDEN,
     .frames = ""},
    {.name = "the same, where that is allowed",
     .script = "close 1000; expect-close; half-close",
     .config = "protocol chat; missing",
     .log = OPEN CLEAN("1000", "", "1000", "peer"),
     .frames = "close 1000 \"\"\n"},
    {.name = "the second of two subprotocols",
     .script = "accept protocol=b; close 1000; expect-close; half-close",
     .config = "protocol a; protocol b",
     .log = OPEN CLEAN("1000", "", "1000", "peer"),
     .frames = "close 1000 \"\"\n"},
};

/* Behind each a clean end: it was accepted. */
#define ACCEPTED(named, options)                                        \
    {                                                                   \
        .name = named,                                                  \
        .script = "accept " options                                     \
                  "; close 1000 x; flush; expect-close 1000 x; half-close",    \
        .log = OPEN CLEAN("1000", "x", "1000", "peer"),                 \
        .frames = "close 1000 \"x\"\n", .end = "fin"                    \
    }

static const struct row accepted[] = {
    ACCEPTED("Connection: keep-alive, Upgrade",
             "connection=keep-alive,%20Upgrade"),
    ACCEPTED("Connection: upgrade", "connection=upgrade"),
    ACCEPTED("Upgrade: WebSocket", "upgrade=WebSocket"),
    ACCEPTED("Upgrade: WEBSOCKET", "upgrade=WEBSOCKET"),
    ACCEPTED("blanks around values", "blanks"),
    ACCEPTED("lower-case header names", "lower"),
    ACCEPTED("bare line feeds", "lf"),
    ACCEPTED("another reason phrase", "reason=Sure"),
    ACCEPTED("one 1xx first", "info=103"),
    ACCEPTED("three 1xx first", "info=100 info=102 info=103"),
    ACCEPTED("200 headers more", "headers=200"),
    ACCEPTED("a header of 60000 bytes", "bigheader=60000"),
    ACCEPTED("Connection folded",
             "connection=keep-alive,%0D%0A%20%20Upgrade"),
    ACCEPTED("a folded header", "header=X-Folded:a%0D%0A%09b"),
    ACCEPTED("an empty reason phrase", "reason="),
    ACCEPTED("no reason phrase", "no-reason"),
    ACCEPTED("byte by byte", "drip"),
    ACCEPTED("frames in the same segment", "hold"),
};

/* A redirect leads to no second connection. */
static void nothing_is_followed(enum way way) {
    static const int statuses_of_redirects[] = {301, 302, 303, 307, 308};
    size_t i;
    for (i = 0; i < 5; i++) {
        struct party party;
        struct text script = {0};
        char target[96], report[96];
        char *url;
        const char *id = new_id();
        snprintf(target, sizeof target, "/echo?id=%s-2", id);
        text_add(&script, "http %d header=Location:%s",
                 statuses_of_redirects[i], target);
        url = script_url("ws", text_of(&script), id);
        party_make(&party, way, NULL, url, NULL);
        party_start(&party);
        party_drive(&party);
        CHECK_INT(wskt_socket_close_event(party.socket)->code, 1006);
        party_free(&party);
        snprintf(report, sizeof report, "/report/%s-2?wait=0", id);
        CHECK_INT(control_status(report), 404);
        text_free(&script);
        free(url);
    }
}

int main(void) {
    int way;
    begin();
    ROWS(statuses);
    ROWS(refused);
    ROWS(subprotocols);
    ROWS(accepted);
    now_testing("nothing_is_followed");
    for (way = 0; way < WAYS; way++) {
        nothing_is_followed((enum way)way);
    }
    return rows_result();
}
