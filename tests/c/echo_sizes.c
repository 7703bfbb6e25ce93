/* Messages of every length where a header or a buffer ends, both kinds, both
   ways, byte for byte; and a server that sends single bytes. */
#include "support/ways.h"

static const size_t sizes[] = {
    0,      1,       2,       3,       4,       5,       7,       8,
    15,     16,      17,      63,      64,      65,      124,     125,
    126,    127,     128,     129,     1000,    4091,    4096,    4100,
    16383,  16384,   16385,   65525,   65526,   65527,   65528,   65529,
    65530,  65531,   65532,   65533,   65534,   65535,   65536,   65537,
    65540,  65546,   65550,   100000,  131072,  262143,  262144,  262145,
    1 << 20, (1 << 20) + 1, 4 << 20, 16 << 20,
};

#define SIZES ((int)(sizeof sizes / sizeof sizes[0]))

struct echo {
    int next;
    int count;
    bool text;
    void *bytes;
};

static void send_next(struct party *party, struct echo *echo) {
    size_t size = sizes[echo->next];
    if (echo->next == echo->count) {
        OK(wskt_socket_close(party->socket, 1000, NULL, 0));
        return;
    }
    if (echo->text) {
        OK(wskt_socket_send_text(party->socket, echo->bytes, size));
    } else {
        OK(wskt_socket_send_binary(party->socket, echo->bytes, size));
    }
}

static void on_event(struct party *party, const wskt_event *event) {
    struct echo *echo = party->data;
    if (event->type == WSKT_EVENT_MESSAGE) {
        const wskt_message_event *message = as_message(event);
        CHECK_INT(message->kind,
                  echo->text ? WSKT_MESSAGE_TEXT : WSKT_MESSAGE_BINARY);
        CHECK_INT(message->len, sizes[echo->next]);
        CHECK(message->len == 0 ||
              memcmp(message->data, echo->bytes, message->len) == 0);
        echo->next += 1;
        send_next(party, echo);
    } else if (event->type == WSKT_EVENT_OPEN) {
        send_next(party, echo);
    }
}

static void run_echo(enum way way, const char *port_name, const char *path,
                     bool text, int count) {
    struct echo echo = {0};
    struct party party;
    wskt_config *config = trusting_config();
    size_t largest = sizes[count - 1];
    char *url = path == NULL ? path_url(port_name, "/echo")
                             : script_url(port_name, path, new_id());
    echo.text = text;
    echo.count = count;
    echo.bytes = text ? (void *)pattern_text(largest)
                      : (void *)pattern_binary(largest);
    party_make(&party, way, NULL, url, config);
    party.on_event = on_event;
    party.data = &echo;
    party_start(&party);
    party_drive(&party);
    if (echo.next != count) {
        FAIL("%s %s: %d of %d:\n%s", way_name(way), port_name, echo.next,
             count, text_of(&party.log));
    }
    CHECK(wskt_socket_close_event(party.socket)->was_clean);
    party_free(&party);
    wskt_config_free(config);
    free(echo.bytes);
    free(url);
}

/* The longest text of four-byte characters, cut anywhere by the server. */
static void characters(enum way way) {
    static const unsigned char poop[] = {0xf0, 0x9f, 0x92, 0xa9};
    struct party party;
    const char *id = new_id();
    char *url = script_url("ws",
                           "split 3; text %F0%9F%92%A9%F0%9F%92%A9;"
                           "frame fin=0 payload=f09f; frame opcode=cont "
                           "payload=92a9; close 1000; expect-close;"
                           "half-close",
                           id);
    struct text want = {0};
    party_make(&party, way, NULL, url, NULL);
    party_start(&party);
    party_drive(&party);
    text_add(&want, "open/1\ntext/1 \"\\xf0\\x9f\\x92\\xa9\\xf0\\x9f\\x92"
                    "\\xa9\"\ntext/1 ");
    text_quote(&want, poop, sizeof poop);
    text_add(&want, "\nclose/3 1000 \"\" clean peer=1000 peer \"\"\n");
    CHECK_STR(text_of(&party.log), text_of(&want));
    text_free(&want);
    party_free(&party);
    free(url);
}

int main(void) {
    /* Under valgrind a megabyte must do. */
    int all = is_slow() ? SIZES - 4 : SIZES;
    /* Single bytes up to 1000, and pieces of 777 bytes up to 262145. */
    int single = 21, pieces = SIZES - 4;
    int way, text;
    begin();
    for (way = 0; way < WAYS; way++) {
        now_testing(way_name((enum way)way));
        for (text = 0; text < 2; text++) {
            run_echo((enum way)way, "ws", NULL, text == 1, all);
            run_echo((enum way)way, "wss", NULL, text == 1, all);
            run_echo((enum way)way, "ws", "split 1; echo-until-close",
                     text == 1, single);
            run_echo((enum way)way, "wss", "split 1; echo-until-close",
                     text == 1, single);
            run_echo((enum way)way, "ws", "split 777; echo-until-close",
                     text == 1, pieces);
            run_echo((enum way)way, "wss", "tlssplit 777; echo-until-close",
                     text == 1, pieces);
        }
        characters((enum way)way);
    }
    return end();
}
