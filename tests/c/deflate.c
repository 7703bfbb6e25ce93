/* permessage-deflate (RFC 7692): what comes compressed, what goes compressed,
   and every way to get it wrong. */
#include "support/scenario.h"

#define ACCEPT "accept extensions=permessage-deflate;"
#define ACCEPT_WITH(parameters) \
    "accept 'extensions=permessage-deflate%3B " parameters "';"
#define END "close 1000; expect-close; half-close"
#define CLOSED CLEAN("1000", "", "1000", "peer")

/* The examples of RFC 7692, section 7.2.3, and what they leave open. */
static const struct row received[] = {
    {.name = "one block",
     .script = ACCEPT "frame rsv=4 payload=f248cdc9c90700;" END,
     .log = OPEN "text/1 \"Hello\"\n" CLOSED},
    {.name = "in two frames",
     .script = ACCEPT "frame rsv=4 fin=0 payload=f248cd;"
                      "frame opcode=cont payload=c9c90700;" END,
     .log = OPEN "text/1 \"Hello\"\n" CLOSED},
    {.name = "in many frames, empty ones and a ping among them",
     .script = ACCEPT
     "frame rsv=4 fin=0; frame opcode=cont fin=0 payload=f2; ping 1;"
     "frame opcode=cont fin=0 payload=48cdc9; frame opcode=cont fin=0;"
     "frame opcode=cont fin=0 payload=c907; frame opcode=cont fin=0 payload=00;"
     "frame opcode=cont; expect-pong 1;" END,
     .log = OPEN "text/1 \"Hello\"\n" CLOSED},
    {.name = "the second message refers to the first",
     .script = ACCEPT "frame rsv=4 payload=f248cdc9c90700;"
                      "frame rsv=4 payload=f200110000;" END,
     .log = OPEN "text/1 \"Hello\"\ntext/1 \"Hello\"\n" CLOSED},
    {.name = "with a message between them that is not compressed",
     .script = ACCEPT "frame rsv=4 payload=f248cdc9c90700; text plain;"
                      "frame rsv=4 payload=f200110000;" END,
     .log = OPEN "text/1 \"Hello\"\ntext/1 \"plain\"\ntext/1 \"Hello\"\n" CLOSED},
    {.name = "a stored block",
     .script = ACCEPT "frame rsv=4 payload=000500faff48656c6c6f00;" END,
     .log = OPEN "text/1 \"Hello\"\n" CLOSED},
    {.name = "a final block, and life after it",
     .script = ACCEPT "frame rsv=4 payload=f348cdc9c9070000;"
                      "frame rsv=4 payload=f248cdc9c90700;"
                      "frame rsv=4 payload=f200110000;" END,
     .log = OPEN "text/1 \"Hello\"\ntext/1 \"Hello\"\ntext/1 \"Hello\"\n" CLOSED},
    {.name = "a final block and nothing behind it",
     .script = ACCEPT "frame rsv=4 payload=f348cdc9c90700;"
                      "frame rsv=4 payload=f248cdc9c90700;" END,
     .log = OPEN "text/1 \"Hello\"\ntext/1 \"Hello\"\n" CLOSED},
    {.name = "two final blocks in one message",
     .script = ACCEPT
     "frame rsv=4 payload=f348cdc9c90700f348cdc9c9070000;" END,
     .log = OPEN "text/1 \"HelloHello\"\n" CLOSED},
    {.name = "two blocks",
     .script = ACCEPT "frame rsv=4 payload=f24805000000ffffcac9c90700;" END,
     .log = OPEN "text/1 \"Hello\"\n" CLOSED},
    {.name = "empty messages",
     .script = ACCEPT "frame rsv=4 payload=00; frame rsv=4;"
                      "frame opcode=bin rsv=4 fin=0; frame opcode=cont;"
                      "frame rsv=4 payload=f248cdc9c90700;" END,
     .log = OPEN "text/1 \"\"\ntext/1 \"\"\nbinary/1 \"\"\ntext/1 \"Hello\"\n"
                 CLOSED},
    {.name = "long ones, both kinds",
     .script = ACCEPT "ztext pat:70000; zbin pat:300000; zbin fill:00:2000000;"
                      "ztext pat:70000;" END,
     .log = OPEN "text/1 <70000 bytes, *>\nbinary/1 <300000 bytes, *>\n"
                 "binary/1 <2000000 bytes, *>\ntext/1 <70000 bytes, *>\n" CLOSED},
    {.name = "each by itself, in a small window",
     .script = ACCEPT_WITH("server_no_context_takeover%3B "
                           "server_max_window_bits=9")
     "ztext pat:5000; zbin pat:9000; ztext pat:5000;" END,
     .log = OPEN "text/1 <5000 bytes, *>\nbinary/1 <9000 bytes, *>\n"
                 "text/1 <5000 bytes, *>\n" CLOSED},
    {.name = "a window of 8 bits",
     .script = ACCEPT_WITH("server_max_window_bits=8")
     "frame rsv=4 payload=f248cdc9c90700; frame rsv=4 payload=f200110000;" END,
     .log = OPEN "text/1 \"Hello\"\ntext/1 \"Hello\"\n" CLOSED},
    {.name = "at the limit",
     .script = ACCEPT "frame rsv=4 payload=4a4c1c05a360140c770000;" END,
     .config = "max 1000",
     .log = OPEN "text/1 <1000 bytes, *>\n" CLOSED},
};

#define BROKEN(named, frame, code, kind, why)                        \
    {                                                                \
        .name = named,                                               \
        .script = ACCEPT "ztext one; " frame                         \
                         "; expect-close " code " ''; expect-fin",   \
        .config = "max 1000",                                        \
        .log = OPEN "text/1 \"one\"\n" FAILED(kind, why),            \
        .frames = "close " code " \"\"\n", .end = "fin"              \
    }
#define RULE(named, frame, why) BROKEN(named, frame, "1002", "protocol", why)
#define DATA(named, frame) \
    RULE(named, frame, "compressed data that does not inflate")
#define TEXT(named, frame) \
    BROKEN(named, frame, "1007", "protocol", "invalid UTF-8 in a text message")
#define BIG(named, frame)                              \
    BROKEN(named, frame, "1009", "message_too_big",    \
           "message larger than the limit of 1000 bytes")

static const struct row broken[] = {
    RULE("RSV1 on a continuation",
         "frame rsv=4 fin=0 payload=f248cd;"
         "frame opcode=cont rsv=4 payload=c9c90700",
         "reserved bit set in a frame header: RSV1"),
    RULE("RSV1 on a ping", "frame opcode=ping rsv=4 payload=00",
         "reserved bit set in a frame header: RSV1"),
    RULE("RSV1 on a Close", "frame opcode=close rsv=4 payload=03e8",
         "reserved bit set in a frame header: RSV1"),
    RULE("RSV1 and RSV2", "frame rsv=6 payload=f248cdc9c90700",
         "reserved bit set in a frame header: RSV2"),
    DATA("a block type that does not exist", "frame rsv=4 payload=ff"),
    DATA("a reference to what never came",
         "frame opcode=bin rsv=4 payload=4a044d4a4c1ca82300"),
    DATA("a stored block with lengths that differ",
         "frame rsv=4 payload=0005000000"),
    DATA("an end inside a block", "frame rsv=4 payload=000500faff4865"),
    DATA("found inside an unfinished frame", "frame rsv=4 len=500 payload=ff"),
    TEXT("a lone byte", "frame rsv=4 payload=fa0f00"),
    TEXT("cut at the end of the message", "frame rsv=4 payload=4a7cd40400"),
    TEXT("inside an unfinished frame",
         "frame rsv=4 len=500 payload="
         "ecc1210100000002a0adfe1fa1370c40030000dc1b00"),
    TEXT("in front of a bomb",
         "frame rsv=4 payload=ecc1210100000002a0adfe1fa1370c40030000dc1b00"),
};

static const struct row too_big[] = {
    BIG("one byte more", "frame rsv=4 payload=4a4c1c05a360140c7b0000"),
    BIG("a bomb", "zbin fill:00:300000"),
    BIG("a frame of more than the limit",
        "frame rsv=4 len=1001 payload=f248"),
};

static const struct row not_agreed[] = {
    {.name = "RSV1 without permessage-deflate",
     .script = "frame rsv=4 payload=f248cdc9c90700; expect-close 1002 ''",
     .log = OPEN FAILED("protocol", "reserved bit set in a frame header: RSV1")},
    {.name = "sent as it is where nothing was agreed",
     .script = "expect-text rep; " END,
     .client = "open text rep",
     .config = "deflate-min 0",
     .log = OPEN CLOSED,
     .frames = "text \"rep\"\nclose 1000 \"\"\n"},
};

/* What we send; the server inflates it and holds it against the text. */
#define LONG "open text rep:a:300"
#define HAVE "expect-text fill:61:300;"

static const struct row sent[] = {
    {.name = "with context takeover, the second time shorter",
     .script = ACCEPT HAVE HAVE END,
     .client = LONG ";" LONG,
     .log = OPEN CLOSED,
     .frames = "text rsv=4 \"JL*\"\n"
               "text rsv=4 \"\\x1a*\"\nclose 1000 \"\"\n"},
    {.name = "without, as we asked",
     .script = ACCEPT HAVE HAVE END,
     .client = LONG ";" LONG,
     .config = "no-takeover 1 0",
     .log = OPEN CLOSED,
     .frames = "text rsv=4 \"JL*\"\n"
               "text rsv=4 \"JL*\"\nclose 1000 \"\"\n"},
    {.name = "without, as the server asked",
     .script = ACCEPT_WITH("client_no_context_takeover") HAVE HAVE END,
     .client = LONG ";" LONG,
     .log = OPEN CLOSED,
     .frames = "text rsv=4 \"JL*\"\n"
               "text rsv=4 \"JL*\"\nclose 1000 \"\"\n"},
    {.name = "a window of 8 bits: sent as they are",
     .script = ACCEPT_WITH("client_max_window_bits=8") HAVE END,
     .client = LONG,
     .log = OPEN CLOSED,
     .frames = "text 300\nclose 1000 \"\"\n"},
    {.name = "below the size from which on it pays",
     .script = ACCEPT "expect-text aaaaaaaa;" END,
     .client = "open text aaaaaaaa",
     .log = OPEN CLOSED,
     .frames = "text \"aaaaaaaa\"\nclose 1000 \"\"\n"},
    {.name = "however short, if so configured",
     .script = ACCEPT "expect-text aaaaaaaa; expect-text ''; expect-text '';"
               END,
     .client = "open text aaaaaaaa; open text rep:a:0; open text rep:a:0",
     .config = "deflate-min 0",
     .log = OPEN CLOSED,
     .frames = "text rsv=4 \"J*\"\ntext rsv=4 \"\\x00\"\n"
               "text rsv=4 \"\\x00\"\nclose 1000 \"\"\n"},
    {.name = "not at all, if the message says so",
     .script = ACCEPT HAVE HAVE HAVE END,
     .client = LONG "; open plain rep:a:300;" LONG,
     .log = OPEN CLOSED,
     .frames = "text rsv=4 \"*\"\ntext 300\ntext rsv=4 \"*\"\n"
               "close 1000 \"\"\n"},
    {.name = "echoed",
     .script = ACCEPT_WITH("server_max_window_bits=12%3B "
                           "client_max_window_bits=10")
     "echo 3;" END,
     .client = "open binary 100000; open text rep:x:500; open binary 70000",
     .log = OPEN "binary/1 <100000 bytes, *>\ntext/1 <500 bytes, *>\n"
                 "binary/1 <70000 bytes, *>\n" CLOSED},
    {.name = "nothing gained: sent as it is, where no later message needs it",
     .script = ACCEPT_WITH("client_no_context_takeover")
     "expect-text 'a\xc3\xa4" "8K'; expect-text ''; " HAVE END,
     .client = "open text a\xc3\xa4" "8K; open text rep:a:0;" LONG,
     .config = "deflate-min 0",
     .log = OPEN CLOSED,
     .frames = "text \"a\\xc3\\xa48K\"\ntext \"\"\ntext rsv=4 \"*\"\n"
               "close 1000 \"\"\n"},
};

/* -- attributes and arguments ------------------------------------------- */

static void check_offer(const char *want, const char *script, const char *agreed,
                        wskt_config *config) {
    const char *id = new_id();
    char *url = script_url("ws", script, id);
    wskt_socket *socket;
    const wskt_event *event;
    struct report report;
    OK(wskt_socket_new(NULL, url, config, &socket));
    CHECK_STR(wskt_socket_extensions(socket, NULL), "");
    OK(wskt_socket_connect(socket, limit_ms()));
    CHECK_STR(wskt_socket_extensions(socket, NULL), agreed);
    OK(wskt_socket_close(socket, 1000, NULL, 0));
    while (wskt_socket_recv(socket, limit_ms(), &event) == WSKT_OK) {
    }
    CHECK_STR(wskt_socket_extensions(socket, NULL), agreed);
    wskt_socket_free(socket);
    get_report(&report, id);
    if (want == NULL) {
        CHECK(strstr(text_of(&report.headers), "Extensions") == NULL);
    } else {
        struct text line = {0};
        text_add(&line, "Sec-WebSocket-Extensions: %s\n", want);
        if (strstr(text_of(&report.headers), text_of(&line)) == NULL) {
            FAIL("no %s in:\n%s", text_of(&line), text_of(&report.headers));
        }
        text_free(&line);
    }
    free_report(&report);
    free(url);
    wskt_config_free(config);
}

static void offers_and_the_attribute(void) {
    wskt_config *config = trusting_config();
    check_offer("permessage-deflate; client_max_window_bits",
                "answer-close; half-close", "", config);
    config = trusting_config();
    check_offer("permessage-deflate; client_max_window_bits",
                ACCEPT_WITH("client_max_window_bits=15") "answer-close; half-close",
                "permessage-deflate; client_max_window_bits=15", config);
    config = trusting_config();
    OK(wskt_config_set_deflate(config, false));
    check_offer(NULL, "answer-close; half-close", "", config);
    config = trusting_config();
    OK(wskt_config_set_deflate_no_context_takeover(config, true, true));
    OK(wskt_config_set_deflate_max_window_bits(config, 9, 8));
    check_offer("permessage-deflate; server_no_context_takeover; "
                "client_no_context_takeover; server_max_window_bits=8; "
                "client_max_window_bits=9",
                ACCEPT_WITH("server_no_context_takeover%3B "
                            "server_max_window_bits=8") "answer-close; half-close",
                "permessage-deflate; server_no_context_takeover; "
                "server_max_window_bits=8", config);
}

static void bad_arguments(void) {
    static const int32_t bits[][2] = {{8, 15}, {16, 15}, {15, 7}, {15, 16},
                                      {-1, 15}, {15, -1}, {271, 15}};
    static const int32_t levels[] = {0, 10, -1, 257};
    wskt_config *config = trusting_config();
    wskt_socket *socket;
    size_t i;
    for (i = 0; i < sizeof bits / sizeof bits[0]; i++) {
        RESULT(wskt_config_set_deflate_max_window_bits(config, bits[i][0],
                                                       bits[i][1]),
               WSKT_ERR_INVALID_ARGUMENT);
    }
    for (i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        RESULT(wskt_config_set_deflate_level(config, levels[i]),
               WSKT_ERR_INVALID_ARGUMENT);
    }
    for (i = 1; i <= 9; i++) {
        OK(wskt_config_set_deflate_level(config, (int32_t)i));
    }
    OK(wskt_socket_new(NULL, "ws://127.0.0.1:1/", config, &socket));
    RESULT(wskt_socket_send(socket, 0, "x", 1, 0), WSKT_ERR_INVALID_ARGUMENT);
    RESULT(wskt_socket_send(socket, 3, "x", 1, 0), WSKT_ERR_INVALID_ARGUMENT);
    RESULT(wskt_socket_send(socket, WSKT_MESSAGE_TEXT, "x", 1, 8),
           WSKT_ERR_INVALID_ARGUMENT);
    RESULT(wskt_socket_send(socket, WSKT_MESSAGE_TEXT, "\xff", 1, 0),
           WSKT_ERR_INVALID_UTF8);
    RESULT(wskt_socket_send(socket, WSKT_MESSAGE_TEXT, NULL, 1, 0),
           WSKT_ERR_NULL);
    RESULT(wskt_socket_send(socket, WSKT_MESSAGE_TEXT, "x", 1, 0),
           WSKT_ERR_INVALID_STATE);
    wskt_socket_free(socket);
    wskt_config_free(config);
}

/* -- refusals and the buffered amount ----------------------------------- */

#define HALF (4 << 20)

struct stalled {
    unsigned char *noise;
    char *text;
    const char *id;
    int step;
};

/* Fills the connection with what does not compress; the refused messages in
   between must leave no trace in the one that is accepted afterwards. */
static void fill_then_refuse(struct party *party, const wskt_event *event) {
    struct stalled *stalled = party->data;
    wskt_socket *socket = party->socket;
    size_t before;
    int i;
    if (event->type == WSKT_EVENT_OPEN) {
        CHECK_STR(wskt_socket_extensions(socket, NULL), "permessage-deflate");
        OK(wskt_socket_send_text(socket, stalled->text, 1000));
        CHECK(wskt_socket_buffered_amount(socket) == 1000 ||
              way_connects(party->way));
        OK(wskt_socket_send_binary(socket, stalled->noise, HALF));
        before = wskt_socket_buffered_amount(socket);
        CHECK(before > 0 && before <= HALF + 1000);
        for (i = 0; i < 3; i++) {
            stalled->text[500] = (char)('0' + i);
            RESULT(wskt_socket_send_text(socket, stalled->text, 1000),
                   WSKT_ERR_BUFFER_FULL);
            stalled->text[999] = '\xff';
            RESULT(wskt_socket_send_text(socket, stalled->text, 1000),
                   WSKT_ERR_INVALID_UTF8);
            stalled->text[999] = 'x';
        }
        CHECK_INT(wskt_socket_buffered_amount(socket), before);
        signal_server(stalled->id);
    } else if (event->type == WSKT_EVENT_DRAIN && party->drains == 1) {
        CHECK_INT(wskt_socket_buffered_amount(socket), 0);
        stalled->text[500] = 'y';
        OK(wskt_socket_send_text(socket, stalled->text, 1000));
        OK(wskt_socket_close(socket, 1000, NULL, 0));
    } else if (event->type == WSKT_EVENT_CLOSE) {
        CHECK(as_close(event)->was_clean);
        CHECK_INT(wskt_socket_buffered_amount(socket), 0);
    }
}

static void refused_sends_leave_no_trace(enum way way) {
    struct stalled stalled = {0};
    struct party party;
    struct report report;
    wskt_config *config = trusting_config();
    struct text script = {0};
    uint32_t random = 12345;
    char *url;
    int i;
    OK(wskt_config_set_water_marks(config, 0, 2000));
    stalled.id = new_id();
    stalled.noise = malloc(HALF);
    CHECK(stalled.noise != NULL);
    for (i = 0; i < HALF; i++) {
        random = random * 1664525u + 1013904223u;
        stalled.noise[i] = (unsigned char)(random >> 24);
    }
    stalled.text = pattern_text(1000);
    text_add(&script, ACCEPT "stop-reading; wait %s; resume-reading; recvn 3;"
                             "answer-close; half-close", stalled.id);
    url = script_url("ws", text_of(&script), stalled.id);
    party_make(&party, way, NULL, url, config);
    party.on_event = fill_then_refuse;
    party.data = &stalled;
    party_start(&party);
    party_drive(&party);
    party_check_closed(&party);
    CHECK_INT(party.drains, 1);
    party_free(&party);
    get_report(&report, stalled.id);
    CHECK_STR(report.errors, "[]");
    CHECK(text_like(text_of(&report.frames),
                    "text rsv=4 *\nbinary rsv=4 *\ntext rsv=4 *\n"
                    "close 1000 \"\"\n"));
    free_report(&report);
    text_free(&script);
    free(url);
    free(stalled.noise);
    free(stalled.text);
    wskt_config_free(config);
}

/* -- many threads ------------------------------------------------------- */

static void *send_many(void *socket) {
    char text[400];
    int i;
    memset(text, 'm', sizeof text);
    for (i = 0; i < 200; i++) {
        text[i] = (char)('a' + i % 26);
        OK(i % 7 == 0 ? wskt_socket_send(socket, WSKT_MESSAGE_TEXT, text, 400,
                                         WSKT_SEND_UNCOMPRESSED)
                      : wskt_socket_send_text(socket, text, 400));
    }
    return NULL;
}

/* What is compressed first leaves first, or the server cannot inflate it. */
static void threads_keep_the_order(void) {
    pthread_t threads[4];
    const wskt_event *event;
    const char *id = new_id();
    wskt_config *config = trusting_config();
    char *url = script_url("ws", ACCEPT "echo 800; close 1000; expect-close;"
                                        "half-close", id);
    struct report report;
    wskt_socket *socket;
    int i, messages = 0;
    OK(wskt_socket_new(NULL, url, config, &socket));
    OK(wskt_socket_connect(socket, limit_ms()));
    for (i = 0; i < 4; i++) {
        CHECK_INT(pthread_create(&threads[i], NULL, send_many, socket), 0);
    }
    while (wskt_socket_recv(socket, limit_ms(), &event) == WSKT_OK) {
        if (event->type == WSKT_EVENT_MESSAGE) {
            CHECK_INT(as_message(event)->len, 400);
            messages += 1;
        }
    }
    for (i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    CHECK_INT(messages, 800);
    CHECK(wskt_socket_close_event(socket)->was_clean);
    wskt_socket_free(socket);
    get_report(&report, id);
    CHECK_STR(report.errors, "[]");
    free_report(&report);
    free(url);
    wskt_config_free(config);
}

static void refusals_in_every_way(void) {
    refused_sends_leave_no_trace(WAY_THREAD);
    refused_sends_leave_no_trace(WAY_EMBEDDED);
}

int main(void) {
    begin();
    ROWS(received);
    ROWS(broken);
    ROWS(too_big);
    ROWS(not_agreed);
    ROWS(sent);
    rows_in_chunks = true;
    ROWS(received);
    ROWS(broken);
    rows_in_chunks = false;
    RUN(offers_and_the_attribute);
    RUN(bad_arguments);
    RUN(refusals_in_every_way);
    RUN(threads_keep_the_order);
    return rows_result();
}
