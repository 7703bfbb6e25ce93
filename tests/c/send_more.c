/* WSKT_SEND_MORE: messages wait for each other, leave in order, and none stays
   behind. */
#include "support/cases.h"

#define MORE WSKT_SEND_MORE
#define TEXT WSKT_MESSAGE_TEXT

/* What waits leaves before it is so much. */
enum { GATHERED = 65536 };

struct more {
    struct party party;
    wskt_config *config;
    char *url;
    const char *id;
};

static void send_more(wskt_socket *socket, const char *text) {
    OK(wskt_socket_send(socket, TEXT, text, strlen(text), MORE));
}

/* A run ends behind the first message. */
static void leave(struct party *party, const wskt_event *event) {
    if (event->type != WSKT_EVENT_MESSAGE) {
        return;
    }
    if (party->way == WAY_LOOP_RUN) {
        OK(wskt_loop_wake(party->loop));
    } else if (party->way == WAY_SOCKET_RUN) {
        OK(wskt_socket_interrupt(party->socket));
    }
}

/* Open, and outside every callback: what is sent there leaves at once without
   the flag. */
static void open_with(struct more *more, enum way way, const char *port_name,
                      const char *script, size_t high_water) {
    memset(more, 0, sizeof *more);
    more->config = trusting_config();
    OK(wskt_config_set_deflate_min_size(more->config, 1));
    OK(wskt_config_set_water_marks(more->config, 0, high_water));
    more->id = new_id();
    more->url = script_url(port_name, script, more->id);
    party_make(&more->party, way, NULL, more->url, more->config);
    more->party.on_event = leave;
    party_start(&more->party);
    if (way == WAY_THREAD) {
        party_await_open(&more->party);
    } else {
        party_drive_messages(&more->party, 1);
    }
}

static void open_more(struct more *more, enum way way, const char *port_name,
                      const char *script) {
    open_with(more, way, port_name, script, 4 << 20);
}

/* Drives to the end, and checks what the server got. */
static void end_more(struct more *more, const char *frames) {
    struct report report;
    party_drive(&more->party);
    party_check_closed(&more->party);
    CHECK_INT(wskt_socket_close_event(more->party.socket)->code, 1000);
    get_report(&report, more->id);
    if (!text_like(text_of(&report.frames), frames)) {
        FAIL("%s: the server got\n%s\nwanted\n%s", more->party.name,
             text_of(&report.frames), frames);
    }
    CHECK_STR(report.errors, "[]");
    free_report(&report);
    party_free(&more->party);
    wskt_config_free(more->config);
    free(more->url);
}

/* Nobody but this thread makes it leave. */
static bool is_ours(const struct more *more) {
    return more->party.way != WAY_THREAD;
}

#define HELLO "text hello;"
#define END "close 1000; expect-close; half-close"
#define BYE "close 1000 \"\"\n"

static void they_leave_with_the_next(enum way way, const char *port_name) {
    struct more more;
    size_t waiting;
    open_more(&more, way, port_name, HELLO "recvn 3;" END);
    send_more(more.party.socket, "one");
    send_more(more.party.socket, "two");
    waiting = wskt_socket_buffered_amount(more.party.socket);
    CHECK(waiting == 6 || !is_ours(&more));
    OK(wskt_socket_send_text(more.party.socket, "three", 5));
    CHECK(wskt_socket_buffered_amount(more.party.socket) == 0 ||
          !is_ours(&more));
    end_more(&more, "text \"one\"\ntext \"two\"\ntext \"three\"\n" BYE);
}

static void they_leave_when_events_are_waited_for(enum way way,
                                                  const char *port_name) {
    struct more more;
    open_more(&more, way, port_name, HELLO "recvn 2;" END);
    send_more(more.party.socket, "one");
    send_more(more.party.socket, "two");
    end_more(&more, "text \"one\"\ntext \"two\"\n" BYE);
}

static void they_leave_before_a_ping(enum way way, const char *port_name) {
    struct more more;
    open_more(&more, way, port_name, HELLO "recvn 1;" END);
    send_more(more.party.socket, "one");
    OK(wskt_socket_ping(more.party.socket, "p", 1));
    CHECK(wskt_socket_buffered_amount(more.party.socket) == 0 ||
          !is_ours(&more));
    end_more(&more, "text \"one\"\nping \"p\"\n" BYE);
}

static void they_leave_before_a_close(enum way way, const char *port_name) {
    struct more more;
    open_more(&more, way, port_name, HELLO "recvn 2; answer-close; half-close");
    send_more(more.party.socket, "one");
    send_more(more.party.socket, "two");
    OK(wskt_socket_close(more.party.socket, 1000, NULL, 0));
    end_more(&more, "text \"one\"\ntext \"two\"\n" BYE);
}

static void they_leave_before_a_message_in_chunks(enum way way,
                                                  const char *port_name) {
    struct more more;
    open_more(&more, way, port_name, HELLO "recvn 2;" END);
    send_more(more.party.socket, "one");
    RESULT(wskt_socket_send_begin(more.party.socket, TEXT, MORE),
           WSKT_ERR_INVALID_ARGUMENT);
    OK(wskt_socket_send_begin(more.party.socket, TEXT, 0));
    OK(wskt_socket_send_chunk(more.party.socket, "two", 3));
    CHECK(wskt_socket_buffered_amount(more.party.socket) == 0 ||
          !is_ours(&more));
    OK(wskt_socket_send_end(more.party.socket));
    end_more(&more, "text \"one\"\ntext fin=0 \"two\"\ncontinuation \"\"\n" BYE);
}

static void they_are_compressed_as_ever(enum way way, const char *port_name) {
    struct more more;
    open_more(&more, way, port_name,
              "accept extensions=permessage-deflate;" HELLO
              "expect-text one; expect-text two; expect-text three;" END);
    OK(wskt_socket_send(more.party.socket, TEXT, "one", 3, MORE));
    CHECK(wskt_socket_buffered_amount(more.party.socket) > 0 || !is_ours(&more));
    OK(wskt_socket_send(more.party.socket, TEXT, "two", 3,
                        MORE | WSKT_SEND_UNCOMPRESSED | WSKT_SEND_VALID_UTF8));
    OK(wskt_socket_send(more.party.socket, TEXT, "three", 5, 0));
    CHECK(wskt_socket_buffered_amount(more.party.socket) == 0 ||
          !is_ours(&more));
    end_more(&more, "text rsv=4 *\ntext \"two\"\ntext rsv=4 *\n" BYE);
}

/* The kernel has room for it: no send is refused because of what waits. */
static void they_do_not_fill_the_queue(enum way way, const char *port_name) {
    enum { HIGH_WATER = 20 };
    struct more more;
    open_with(&more, way, port_name, HELLO "recvn 4;" END, HIGH_WATER);
    send_more(more.party.socket, "0123456789");
    send_more(more.party.socket, "0123456789");
    CHECK(wskt_socket_buffered_amount(more.party.socket) == 0 ||
          !is_ours(&more));
    send_more(more.party.socket, "a message over the high-water mark");
    OK(wskt_socket_send_text(more.party.socket, "one", 3));
    end_more(&more, "text \"0123456789\"\ntext \"0123456789\"\n"
                    "text \"a message over the high-water mark\"\n"
                    "text \"one\"\n" BYE);
}

/* So much that it leaves by itself, again and again. */
static void no_more_waits_than_64_kib(enum way way, const char *port_name) {
    enum { SIZE = 1000, COUNT = 200 };
    char *letters = pattern_text(SIZE);
    struct text script = {0}, frames = {0};
    struct more more;
    int i;
    text_add(&script, HELLO "recvn %d;" END, COUNT);
    open_more(&more, way, port_name, text_of(&script));
    for (i = 0; i < COUNT; i++) {
        OK(wskt_socket_send(more.party.socket, TEXT, letters, SIZE, MORE));
        if (way == WAY_BLOCKING || way == WAY_SOCKET_RUN) {
            /* A blocking send has waited for the rest. */
            CHECK(wskt_socket_buffered_amount(more.party.socket) < GATHERED);
        }
        text_add(&frames, "text %d\n", SIZE);
    }
    text_add(&frames, BYE);
    end_more(&more, text_of(&frames));
    text_free(&script);
    text_free(&frames);
    free(letters);
}

/* Inside a callback the flag changes nothing: all leaves at its end. */
static void in_callback(struct party *party, const wskt_event *event) {
    if (event->type == WSKT_EVENT_MESSAGE) {
        send_more(party->socket, "one");
        OK(wskt_socket_send_text(party->socket, "two", 3));
        send_more(party->socket, "three");
    }
}

static void a_callback_may_say_so_too(enum way way, const char *port_name) {
    struct more more;
    memset(&more, 0, sizeof more);
    more.config = trusting_config();
    more.id = new_id();
    more.url = script_url(port_name, HELLO "recvn 3;" END, more.id);
    party_make(&more.party, way, NULL, more.url, more.config);
    more.party.on_event = in_callback;
    party_start(&more.party);
    end_more(&more, "text \"one\"\ntext \"two\"\ntext \"three\"\n" BYE);
}

static void *drive(void *data) {
    party_drive(data);
    return NULL;
}

/* They leave although nothing else happens, soon after the wait has begun and
   long after. */
static void they_leave_from_another_thread(enum way way,
                                           const char *port_name) {
    static const int delays_ms[] = {0, 150};
    size_t i;
    for (i = 0; i < sizeof delays_ms / sizeof delays_ms[0]; i++) {
        struct more more;
        pthread_t thread;
        open_more(&more, way, port_name, HELLO "recvn 2;" END);
        CHECK_INT(pthread_create(&thread, NULL, drive, &more.party), 0);
        pause_ms(delays_ms[i]);
        send_more(more.party.socket, "one");
        pause_ms(delays_ms[i]);
        send_more(more.party.socket, "two");
        CHECK_INT(pthread_join(thread, NULL), 0);
        end_more(&more, "text \"one\"\ntext \"two\"\n" BYE);
    }
}

static void every_way(void (*run)(enum way way, const char *port_name)) {
    int way;
    for (way = 0; way < WAYS; way++) {
        run((enum way)way, "ws");
        run((enum way)way, "wss");
    }
}

#define EVERY_WAY(name) \
    static void name##_in_every_way(void) { every_way(name); }

EVERY_WAY(they_leave_with_the_next)
EVERY_WAY(they_leave_when_events_are_waited_for)
EVERY_WAY(they_leave_before_a_ping)
EVERY_WAY(they_leave_before_a_close)
EVERY_WAY(they_leave_before_a_message_in_chunks)
EVERY_WAY(they_are_compressed_as_ever)
EVERY_WAY(they_do_not_fill_the_queue)
EVERY_WAY(they_leave_from_another_thread)
EVERY_WAY(no_more_waits_than_64_kib)
EVERY_WAY(a_callback_may_say_so_too)

int main(int argc, char **argv) {
    static const struct named_case cases[] = {
        CASE(a_callback_may_say_so_too_in_every_way),
        CASE(no_more_waits_than_64_kib_in_every_way),
        CASE(they_are_compressed_as_ever_in_every_way),
        CASE(they_do_not_fill_the_queue_in_every_way),
        CASE(they_leave_before_a_close_in_every_way),
        CASE(they_leave_before_a_message_in_chunks_in_every_way),
        CASE(they_leave_before_a_ping_in_every_way),
        CASE(they_leave_from_another_thread_in_every_way),
        CASE(they_leave_when_events_are_waited_for_in_every_way),
        CASE(they_leave_with_the_next_in_every_way),
    };
    return CASES(argc, argv, cases);
}
