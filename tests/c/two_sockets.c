/* Sockets of one loop never mix: different servers, sizes, moments and ends,
   all driven together. */
#include "support/ways.h"

#define SOCKETS 12

/* Message i of socket n is this byte, so many times. */
static unsigned char byte_of(int n) {
    return (unsigned char)(17 * n + 3);
}

static void expect_own(struct party *party, const wskt_event *event) {
    int n = *(const int *)party->data;
    if (event->type == WSKT_EVENT_MESSAGE) {
        const wskt_message_event *message = as_message(event);
        const unsigned char *bytes = message->data;
        size_t i;
        CHECK_INT(message->len, n * 7001 + 1);
        for (i = 0; i < message->len; i++) {
            CHECK_INT(bytes[i], byte_of(n));
        }
        /* What is sent back must reach this server and no other. */
        OK(wskt_socket_send_binary(party->socket, bytes, 1));
    }
}

static void drive_all(struct party *parties) {
    int i;
    for (i = 0; i < SOCKETS; i++) {
        party_drive(&parties[i]);
    }
}

static void together(enum way way, const char *port_name) {
    struct party parties[SOCKETS];
    const char *ids[SOCKETS];
    int numbers[SOCKETS];
    wskt_config *config = trusting_config();
    wskt_loop *loop = NULL;
    int i;
    if (!way_connects(way)) {
        OK(wskt_loop_new(&loop));
        if (way == WAY_THREAD) {
            OK(wskt_loop_start(loop));
        }
    }
    for (i = 0; i < SOCKETS; i++) {
        struct text script = {0};
        char *url;
        numbers[i] = i;
        ids[i] = new_id();
        text_add(&script,
                 "split %d; repeat 5 bin fill:%02x:%d; repeat 5 recv;"
                 "close %d s%d; expect-close; half-close",
                 i % 3 == 0 ? 0 : 997 * i, byte_of(i), i * 7001 + 1, 4000 + i,
                 i);
        url = script_url(port_name, text_of(&script), ids[i]);
        text_free(&script);
        party_make(&parties[i], way, loop, url, config);
        parties[i].on_event = expect_own;
        parties[i].data = &numbers[i];
        free(url);
    }
    for (i = 0; i < SOCKETS; i++) {
        party_start(&parties[i]);
    }
    drive_all(parties);
    for (i = 0; i < SOCKETS; i++) {
        struct text want = {0};
        struct report report;
        int k;
        char reason[8];
        const wskt_close_event *event =
            wskt_socket_close_event(parties[i].socket);
        CHECK_INT(parties[i].messages, 5);
        CHECK_INT(event->code, 4000 + i);
        snprintf(reason, sizeof reason, "s%d", i);
        CHECK_STR(event->reason, reason);
        CHECK(event->was_clean);
        get_report(&report, ids[i]);
        for (k = 0; k < 5; k++) {
            unsigned char byte = byte_of(i);
            text_add(&want, "binary ");
            text_quote(&want, &byte, 1);
            text_add(&want, "\n");
        }
        text_add(&want, "close %d \"s%d\"\n", 4000 + i, i);
        CHECK_STR(text_of(&report.frames), text_of(&want));
        CHECK_STR(report.errors, "[]");
        free_report(&report);
        text_free(&want);
        party_free(&parties[i]);
    }
    if (loop != NULL) {
        OK(wskt_loop_free(loop));
    }
    wskt_config_free(config);
}

int main(void) {
    int way;
    begin();
    for (way = 0; way < WAYS; way++) {
        now_testing(way_name((enum way)way));
        together((enum way)way, "ws");
        together((enum way)way, "wss");
    }
    return end();
}
