/* What is sent between two pulls is gathered while more messages are at hand,
   and leaves with the last of them: nothing waits for a pull that never comes. */
#include "support/ways.h"

#define THREE "hold; text one; text two; text three; flush;"

static wskt_loop *the_loop;
static wskt_socket *the_socket;

static const wskt_event *pull(void) {
    const wskt_event *event;
    do {
        OK(wskt_loop_next_event(the_loop, limit_ms(), &event));
        CHECK(event->target == the_socket);
    } while (event->type == WSKT_EVENT_DRAIN);
    return event;
}

static void pull_text(const char *text) {
    const wskt_message_event *message = as_message(pull());
    CHECK_INT(message->len, strlen(text));
    CHECK(memcmp(message->data, text, message->len) == 0);
}

static void send_text(const char *text) {
    OK(wskt_socket_send_text(the_socket, text, strlen(text)));
}

static void open_on(const char *port_name, const char *script, const char *id,
                    const wskt_config *config) {
    char *url = script_url(port_name, script, id);
    OK(wskt_loop_new(&the_loop));
    OK(wskt_socket_new(the_loop, url, config, &the_socket));
    OK(wskt_socket_open(the_socket));
    CHECK_INT(pull()->type, WSKT_EVENT_OPEN);
    free(url);
}

static void finish(const char *id, const char *frames) {
    struct report report;
    if (the_socket != NULL) {
        wskt_socket_free(the_socket);
    }
    if (the_loop != NULL) {
        OK(wskt_loop_free(the_loop));
    }
    get_report(&report, id);
    CHECK_STR(text_of(&report.frames), frames);
    CHECK_STR(report.errors, "[]");
    free_report(&report);
}

/* The last pull sends what the others gathered, and no pull follows. */
static void with_the_last(const char *port_name, const wskt_config *config) {
    const char *id = new_id();
    struct text script = {0};
    text_add(&script, THREE "expect-text a; expect-text b; mark ab-%s;"
                            "expect-text c; mark c-%s; expect-fin", id, id);
    open_on(port_name, text_of(&script), id, config);
    text_free(&script);
    pull_text("one");
    send_text("a");
    CHECK_INT(wskt_socket_buffered_amount(the_socket), 1);
    pull_text("two");
    send_text("b");
    CHECK_INT(wskt_socket_buffered_amount(the_socket), 2);
    pull_text("three");
    CHECK_INT(wskt_socket_buffered_amount(the_socket), 0);
    text_add(&script, "ab-%s", id);
    wait_mark(text_of(&script));
    text_free(&script);
    /* Nothing is at hand: it leaves at once. */
    send_text("c");
    CHECK_INT(wskt_socket_buffered_amount(the_socket), 0);
    text_add(&script, "c-%s", id);
    wait_mark(text_of(&script));
    text_free(&script);
    finish(id, "text \"a\"\ntext \"b\"\ntext \"c\"\n");
}

static void *send_beside(void *argument) {
    (void)argument;
    send_text("beside");
    return NULL;
}

static void beside(void *(*run)(void *)) {
    pthread_t thread;
    CHECK_INT(pthread_create(&thread, NULL, run, NULL), 0);
    pthread_join(thread, NULL);
}

/* Another thread's message leaves at once, and takes along what waits. */
static void from_outside(const char *port_name, const wskt_config *config) {
    const char *id = new_id();
    open_on(port_name, THREE "expect-text a; expect-text beside; expect-fin",
            id, config);
    pull_text("one");
    send_text("a");
    beside(send_beside);
    CHECK_INT(wskt_socket_buffered_amount(the_socket), 0);
    finish(id, "text \"a\"\ntext \"beside\"\n");
}

static void *pull_beside(void *argument) {
    (void)argument;
    pull_text("two");
    send_text("b");
    return NULL;
}

/* Threads that pull by turns each gather; the last one sends it all. */
static void by_turns(const char *port_name, const wskt_config *config) {
    const char *id = new_id();
    open_on(port_name,
            "hold; text one; text two; text three; text four; flush;"
            "expect-text a; expect-text b; expect-text c; expect-fin",
            id, config);
    pull_text("one");
    send_text("a");
    beside(pull_beside);
    CHECK_INT(wskt_socket_buffered_amount(the_socket), 2);
    pull_text("three");
    send_text("c");
    CHECK_INT(wskt_socket_buffered_amount(the_socket), 3);
    pull_text("four");
    CHECK_INT(wskt_socket_buffered_amount(the_socket), 0);
    finish(id, "text \"a\"\ntext \"b\"\ntext \"c\"\n");
}

/* Messages of one read happened when they arrived, in their order; a pause
   between two pulls holds the next one back. */
static void paused_between(const char *port_name, const wskt_config *config) {
    const char *id = new_id();
    const wskt_event *event = NULL;
    double last = 0;
    int i;
    open_on(port_name, "hold; repeat 5 text x; flush; expect-fin", id, config);
    for (i = 0; i < 5; i++) {
        OK(wskt_socket_pause(the_socket));
        CHECK_INT(wskt_loop_next_event(the_loop, 0, &event), WSKT_ERR_TIMEOUT);
        OK(wskt_socket_resume(the_socket));
        event = pull();
        CHECK_INT(event->type, WSKT_EVENT_MESSAGE);
        CHECK(event->timestamp >= last && event->timestamp <= now_ms());
        last = event->timestamp;
    }
    finish(id, "");
}

/* A pong waits for no pull. */
static void pong_between(const char *port_name, const wskt_config *config) {
    const char *id = new_id();
    open_on(port_name, "hold; text one; ping p; text two; text three; flush;"
                       "expect-text a; expect-pong p; expect-fin",
            id, config);
    pull_text("one");
    send_text("a");
    pull_text("two");
    CHECK_INT(wskt_socket_buffered_amount(the_socket), 0);
    finish(id, "text \"a\"\npong \"p\"\n");
}

/* What is behind the last message is none: nothing waits for the call that
   deals with it. */
static void behind_the_last(const char *port_name, const wskt_config *config,
                            const char *frame) {
    const char *id = new_id();
    struct text script = {0};
    text_add(&script, "hold; text one; %s; flush; expect-text a; mark a-%s;"
                      "expect-fin", frame, id);
    open_on(port_name, text_of(&script), id, config);
    text_free(&script);
    pull_text("one");
    send_text("a");
    CHECK_INT(wskt_socket_buffered_amount(the_socket), 0);
    text_add(&script, "a-%s", id);
    wait_mark(text_of(&script));
    text_free(&script);
    finish(id, "text \"a\"\n");
}

/* Who closes or frees in between loses nothing. */
static void freed_between(const char *port_name, const wskt_config *config,
                          int what) {
    const char *id = new_id();
    open_on(port_name, THREE "expect-text a; expect-fin", id, config);
    pull_text("one");
    send_text("a");
    if (what == 0) {
        wskt_socket_free(the_socket);
        the_socket = NULL;
    } else if (what == 1) {
        OK(wskt_loop_free(the_loop));
        the_loop = NULL;
    } else {
        OK(wskt_socket_close(the_socket, 1000, NULL, 0));
        CHECK_INT(wskt_socket_buffered_amount(the_socket), 0);
    }
    finish(id, what == 2 ? "text \"a\"\nclose 1000 \"\"\n" : "text \"a\"\n");
}

/* The water marks see what waits, and the kernel gets it before a refusal. */
static void at_the_mark(const char *port_name) {
    const char *id = new_id();
    wskt_config *config = trusting_config();
    OK(wskt_config_set_water_marks(config, 1, 8));
    open_on(port_name, THREE "expect-text 12345678; expect-text 9; expect-fin",
            id, config);
    pull_text("one");
    send_text("12345678");
    CHECK_INT(wskt_socket_buffered_amount(the_socket), 8);
    send_text("9");
    pull_text("two");
    pull_text("three");
    finish(id, "text \"12345678\"\ntext \"9\"\n");
    wskt_config_free(config);
}

/* So it is with the chunks of a message. */
static void chunks_at_the_mark(const char *port_name) {
    const char *id = new_id();
    wskt_config *config = trusting_config();
    OK(wskt_config_set_water_marks(config, 1, 8));
    open_on(port_name, THREE "expect-text 123456789; expect-fin", id, config);
    pull_text("one");
    OK(wskt_socket_send_begin(the_socket, WSKT_MESSAGE_TEXT, 0));
    OK(wskt_socket_send_chunk(the_socket, "12345678", 8));
    CHECK_INT(wskt_socket_buffered_amount(the_socket), 8);
    OK(wskt_socket_send_chunk(the_socket, "9", 1));
    OK(wskt_socket_send_end(the_socket));
    pull_text("two");
    pull_text("three");
    finish(id, "text fin=0 \"12345678\"\ncontinuation fin=0 \"9\"\n"
               "continuation \"\"\n");
    wskt_config_free(config);
}

int main(void) {
    const char *ports[] = {"ws", "wss"};
    wskt_config *config;
    size_t i;
    int what;
    begin();
    config = trusting_config();
    for (i = 0; i < sizeof ports / sizeof *ports; i++) {
        now_testing("with_the_last");
        with_the_last(ports[i], config);
        now_testing("from_outside");
        from_outside(ports[i], config);
        now_testing("by_turns");
        by_turns(ports[i], config);
        now_testing("paused_between");
        paused_between(ports[i], config);
        now_testing("pong_between");
        pong_between(ports[i], config);
        now_testing("behind_the_last");
        behind_the_last(ports[i], config, "ping p");
        behind_the_last(ports[i], config, "close 1000 bye");
        now_testing("freed_between");
        for (what = 0; what < 3; what++) {
            freed_between(ports[i], config, what);
        }
        now_testing("at_the_mark");
        at_the_mark(ports[i]);
        now_testing("chunks_at_the_mark");
        chunks_at_the_mark(ports[i]);
    }
    wskt_config_free(config);
    return end();
}
