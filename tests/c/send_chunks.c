/* A message sent in chunks, in every way of driving, compressed and not. */
#include "support/ways.h"

#define ACCEPT "accept extensions=permessage-deflate;"

static void on_event(struct party *party, const wskt_event *event) {
    wskt_socket *socket = party->socket;
    if (event->type != WSKT_EVENT_OPEN) {
        return;
    }
    RESULT(wskt_socket_send_chunk(socket, "x", 1), WSKT_ERR_INVALID_STATE);
    CHECK(strstr(wskt_socket_error_text(socket), "send_begin") != NULL);
    RESULT(wskt_socket_send_end(socket), WSKT_ERR_INVALID_STATE);
    RESULT(wskt_socket_send_begin(socket, 3, 0), WSKT_ERR_INVALID_ARGUMENT);
    RESULT(wskt_socket_send_begin(socket, 1, 4), WSKT_ERR_INVALID_ARGUMENT);

    OK(wskt_socket_send_begin(socket, WSKT_MESSAGE_TEXT, 0));
    RESULT(wskt_socket_send_begin(socket, WSKT_MESSAGE_TEXT, 0),
           WSKT_ERR_INVALID_STATE);
    OK(wskt_socket_send_chunk(socket, "Hel\xc3", 4));
    RESULT(wskt_socket_send_text(socket, "other", 5), WSKT_ERR_INVALID_STATE);
    CHECK(strstr(wskt_socket_error_text(socket), "send_end") != NULL);
    RESULT(wskt_socket_send_end(socket), WSKT_ERR_INVALID_UTF8);
    RESULT(wskt_socket_send_chunk(socket, "lo", 2), WSKT_ERR_INVALID_UTF8);
    OK(wskt_socket_ping(socket, "between", 7));
    OK(wskt_socket_send_chunk(socket, NULL, 0));
    OK(wskt_socket_send_chunk(socket, "\xa4lo Hello Hello", 15));
    OK(wskt_socket_send_end(socket));

    OK(wskt_socket_send_begin(socket, WSKT_MESSAGE_BINARY, 0));
    OK(wskt_socket_send_end(socket));
    OK(wskt_socket_send_begin(socket, WSKT_MESSAGE_TEXT,
                              WSKT_SEND_UNCOMPRESSED));
    OK(wskt_socket_send_chunk(socket, "plain", 5));
    OK(wskt_socket_send_end(socket));
    OK(wskt_socket_send_text(socket, "whole", 5));
    OK(wskt_socket_send_begin(socket, WSKT_MESSAGE_TEXT, 0));
    OK(wskt_socket_send_chunk(socket, "never ended", 11));
    OK(wskt_socket_close(socket, 1000, NULL, 0));
    RESULT(wskt_socket_send_chunk(socket, "late", 4), WSKT_ERR_CLOSED);
    RESULT(wskt_socket_send_end(socket), WSKT_ERR_CLOSED);
}

static void chunks(enum way way, const char *port_name, bool compressed) {
    struct party party;
    struct report report;
    wskt_config *config = trusting_config();
    const char *id = new_id();
    struct text script = {0};
    char *url;
    text_add(&script, "%sexpect-text 'Hel%%C3%%A4lo Hello Hello';"
                      "expect-ping between; expect-bin; expect-text plain;"
                      "expect-text whole; answer-close; half-close",
             compressed ? ACCEPT : "");
    url = script_url(port_name, text_of(&script), id);
    party_make(&party, way, NULL, url, config);
    party.on_event = on_event;
    party_start(&party);
    party_drive(&party);
    party_check_closed(&party);
    CHECK(wskt_socket_close_event(party.socket)->was_clean);
    CHECK_INT(wskt_socket_buffered_amount(party.socket), 4);
    party_free(&party);
    get_report(&report, id);
    CHECK_STR(report.errors, "[]");
    if (compressed) {
        CHECK(text_like(text_of(&report.frames),
                        "text fin=0 rsv=4 *\nping \"between\"\n"
                        "continuation fin=0 *\ncontinuation \"\"\n"
                        "binary rsv=4 \"\\x00\"\ntext fin=0 \"plain\"\n"
                        "continuation \"\"\ntext \"whole\"\n"
                        "text fin=0 rsv=4 *\nclose 1000 \"\"\n"));
    } else {
        CHECK_STR(text_of(&report.frames),
                  "text fin=0 \"Hel\\xc3\"\nping \"between\"\n"
                  "continuation fin=0 \"\\xa4lo Hello Hello\"\n"
                  "continuation \"\"\nbinary \"\"\ntext fin=0 \"plain\"\n"
                  "continuation \"\"\ntext \"whole\"\n"
                  "text fin=0 \"never ended\"\nclose 1000 \"\"\n");
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
        chunks((enum way)way, "ws", false);
        chunks((enum way)way, "ws", true);
        chunks((enum way)way, "wss", true);
    }
    return end();
}
