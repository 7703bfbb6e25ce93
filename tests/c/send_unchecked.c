/* Text that the program vouches for: it is sent as it is, in every way of
   driving, whole and in chunks, compressed and not. */
#include "support/ways.h"

#define ACCEPT "accept extensions=permessage-deflate;"
#define TEXT WSKT_MESSAGE_TEXT
#define BINARY WSKT_MESSAGE_BINARY
#define VALID WSKT_SEND_VALID_UTF8
#define BOTH (WSKT_SEND_VALID_UTF8 | WSKT_SEND_UNCOMPRESSED)

/* Enough for the check of long text. */
#define LARGE 70000

static void whole(wskt_socket *socket) {
    char *large = malloc(LARGE);
    CHECK(large != NULL);
    memset(large, '\xa4', LARGE);
    OK(wskt_socket_send(socket, TEXT, "H\xc3\xa4llo Hello", 12, VALID));
    OK(wskt_socket_send(socket, TEXT, "bad \xff\xc3", 6, VALID));
    OK(wskt_socket_send(socket, TEXT, "\xed\xa0\x80", 3, BOTH));
    OK(wskt_socket_send(socket, TEXT, large, LARGE, VALID));
    OK(wskt_socket_send(socket, TEXT, NULL, 0, BOTH));
    OK(wskt_socket_send(socket, BINARY, "\xff\x01", 2, BOTH));
    OK(wskt_socket_send(socket, BINARY, "\xff\x02", 2, VALID));
    free(large);
}

static void in_chunks(wskt_socket *socket) {
    OK(wskt_socket_send_begin(socket, TEXT, VALID));
    OK(wskt_socket_send_chunk(socket, "a\xff", 2));
    OK(wskt_socket_send_chunk(socket, "\x80z\xe2\x82", 4));
    OK(wskt_socket_send_end(socket));
    OK(wskt_socket_send_begin(socket, TEXT, BOTH));
    OK(wskt_socket_send_chunk(socket, "\xc3", 1));
    OK(wskt_socket_send_end(socket));
    OK(wskt_socket_send_begin(socket, BINARY, BOTH));
    OK(wskt_socket_send_chunk(socket, "\xff\x03", 2));
    OK(wskt_socket_send_end(socket));
}

/* What was vouched for before is checked now. */
static void checked_as_ever(wskt_socket *socket) {
    RESULT(wskt_socket_send_text(socket, "bad \xff\xc3", 6),
           WSKT_ERR_INVALID_UTF8);
    RESULT(wskt_socket_send(socket, TEXT, "bad \xff\xc3", 6, 0),
           WSKT_ERR_INVALID_UTF8);
    RESULT(wskt_socket_send(socket, TEXT, "bad \xff\xc3", 6,
                            WSKT_SEND_UNCOMPRESSED), WSKT_ERR_INVALID_UTF8);
    OK(wskt_socket_send_begin(socket, TEXT, WSKT_SEND_UNCOMPRESSED));
    RESULT(wskt_socket_send_chunk(socket, "a\xff", 2), WSKT_ERR_INVALID_UTF8);
    OK(wskt_socket_send_chunk(socket, "\xc3", 1));
    RESULT(wskt_socket_send_end(socket), WSKT_ERR_INVALID_UTF8);
    OK(wskt_socket_send_chunk(socket, "\xa4", 1));
    OK(wskt_socket_send_end(socket));
}

static void unknown_flags(wskt_socket *socket) {
    static const uint32_t flags[] = {8, 9, 12, 0x80000000, 0x80000002,
                                     0xffffffff};
    static const int32_t kinds[] = {WSKT_MESSAGE_TEXT, WSKT_MESSAGE_BINARY};
    size_t i, k;
    for (i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        for (k = 0; k < 2; k++) {
            RESULT(wskt_socket_send(socket, kinds[k], "x", 1, flags[i]),
                   WSKT_ERR_INVALID_ARGUMENT);
            RESULT(wskt_socket_send_begin(socket, kinds[k], flags[i]),
                   WSKT_ERR_INVALID_ARGUMENT);
        }
    }
    RESULT(wskt_socket_send(socket, 3, "x", 1, BOTH),
           WSKT_ERR_INVALID_ARGUMENT);
    RESULT(wskt_socket_send_begin(socket, 0, VALID),
           WSKT_ERR_INVALID_ARGUMENT);
    RESULT(wskt_socket_send(socket, TEXT, NULL, 1, VALID), WSKT_ERR_NULL);
}

static void on_event(struct party *party, const wskt_event *event) {
    if (event->type == WSKT_EVENT_OPEN) {
        unknown_flags(party->socket);
        whole(party->socket);
        in_chunks(party->socket);
        checked_as_ever(party->socket);
        OK(wskt_socket_close(party->socket, 1000, NULL, 0));
    }
}

static void unchecked(enum way way, const char *port_name, bool compressed) {
    struct party party;
    struct report report;
    wskt_config *config = trusting_config();
    const char *id = new_id();
    struct text script = {0};
    char *url;
    text_add(&script, "%sexpect-text 'H%%C3%%A4llo Hello';"
                      "expect-text 'bad %%FF%%C3'; expect-text %%ED%%A0%%80;"
                      "expect-text fill:a4:%d; expect-text; expect-bin ff01;"
                      "expect-bin ff02; expect-text a%%FF%%80z%%E2%%82;"
                      "expect-text %%C3; expect-bin ff03; expect-text %%C3%%A4;"
                      "answer-close; half-close",
             compressed ? ACCEPT : "", LARGE);
    url = script_url(port_name, text_of(&script), id);
    OK(wskt_config_set_deflate_min_size(config, 1));
    party_make(&party, way, NULL, url, config);
    party.on_event = on_event;
    party_start(&party);
    party_drive(&party);
    party_check_closed(&party);
    CHECK_STR(text_of(&party.log),
              "open/1\nclose/3 1000 \"\" clean peer=1000 local \"\"\n");
    party_free(&party);
    get_report(&report, id);
    if (compressed) {
        CHECK_STR(report.errors, "[\"frame 2: text is not UTF-8\"]");
        CHECK(text_like(text_of(&report.frames),
                        "text rsv=4 *\ntext rsv=4 *\ntext \"\\xed\\xa0\\x80\"\n"
                        "text rsv=4 *\ntext \"\"\nbinary \"\\xff\\x01\"\n"
                        "binary rsv=4 *\ntext fin=0 rsv=4 *\n"
                        "continuation fin=0 *\ncontinuation *\n"
                        "text fin=0 \"\\xc3\"\ncontinuation \"\"\n"
                        "binary fin=0 \"\\xff\\x03\"\ncontinuation \"\"\n"
                        "text fin=0 \"\\xc3\"\ncontinuation fin=0 \"\\xa4\"\n"
                        "continuation \"\"\nclose 1000 \"\"\n"));
    } else {
        CHECK_STR(report.errors, "[\"frame 1: text is not UTF-8\","
                                 "\"frame 2: text is not UTF-8\","
                                 "\"frame 3: text is not UTF-8\"]");
        CHECK_STR(text_of(&report.frames),
                  "text \"H\\xc3\\xa4llo Hello\"\ntext \"bad \\xff\\xc3\"\n"
                  "text \"\\xed\\xa0\\x80\"\ntext 70000\ntext \"\"\n"
                  "binary \"\\xff\\x01\"\nbinary \"\\xff\\x02\"\n"
                  "text fin=0 \"a\\xff\"\n"
                  "continuation fin=0 \"\\x80z\\xe2\\x82\"\ncontinuation \"\"\n"
                  "text fin=0 \"\\xc3\"\ncontinuation \"\"\n"
                  "binary fin=0 \"\\xff\\x03\"\ncontinuation \"\"\n"
                  "text fin=0 \"\\xc3\"\ncontinuation fin=0 \"\\xa4\"\n"
                  "continuation \"\"\nclose 1000 \"\"\n");
    }
    free_report(&report);
    text_free(&script);
    free(url);
    wskt_config_free(config);
}

int main(void) {
    int way;
    begin();
    for (way = 0; way < WAYS; way++) {
        unchecked((enum way)way, "ws", false);
        unchecked((enum way)way, "ws", true);
        unchecked((enum way)way, "wss", true);
    }
    return end();
}
