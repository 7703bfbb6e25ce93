/* The CloseEvent interface: constructor, legacy init, dispatch. */
#include "support/ways.h"

static wskt_close_event *make(const char *type, bool was_clean, uint16_t code,
                              const char *reason) {
    wskt_close_event *event = NULL;
    OK(wskt_close_event_new(type, was_clean, code, reason,
                            reason == NULL ? 0 : strlen(reason), &event));
    return event;
}

static void constructor_defaults(void) {
    wskt_close_event *event = make("close", false, 0, NULL);
    CHECK_INT(event->head.struct_size, sizeof *event);
    CHECK_INT(event->head.type, WSKT_EVENT_CLOSE);
    CHECK_STR(event->head.type_name, "close");
    CHECK(!event->head.bubbles && !event->head.cancelable);
    CHECK(!event->head.is_trusted);
    CHECK(event->head.target == NULL);
    CHECK(event->head.timestamp > 0 && event->head.timestamp <= now_ms() + 1);
    CHECK(!event->was_clean);
    CHECK_INT(event->code, 0);
    CHECK_STR(event->reason, "");
    CHECK_INT(event->reason_len, 0);
    CHECK_INT(event->peer_code, 0);
    CHECK_INT(event->cause, WSKT_CAUSE_UNKNOWN);
    CHECK_STR(event->message, "");
    CHECK_INT(event->message_len, 0);
    wskt_close_event_free(event);
}

/* Any code, any length of the reason, and U+0000 in it. */
static void constructor_takes_anything(void) {
    static const uint16_t codes[] = {0, 1, 999, 1005, 1006, 1015, 5000, 65535};
    char *reason = pattern_text(100000);
    wskt_close_event *event;
    size_t i;
    for (i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        event = make("anything", true, codes[i], reason);
        CHECK_STR(event->head.type_name, "anything");
        CHECK(event->was_clean);
        CHECK_INT(event->code, codes[i]);
        CHECK_INT(event->reason_len, 100000);
        CHECK_STR(event->reason, reason);
        CHECK(event->reason != reason);
        wskt_close_event_free(event);
    }
    OK(wskt_close_event_new("", false, 0, "a\0b", 3, &event));
    CHECK_STR(event->head.type_name, "");
    CHECK_INT(event->reason_len, 3);
    CHECK(memcmp(event->reason, "a\0b", 4) == 0);
    wskt_close_event_free(event);
    event = NULL;
    RESULT(wskt_close_event_new("close", false, 0, "\xff", 1, &event),
           WSKT_ERR_INVALID_UTF8);
    RESULT(wskt_close_event_new("\xff", false, 0, NULL, 0, &event),
           WSKT_ERR_INVALID_UTF8);
    CHECK(event == NULL);
    free(reason);
}

static void init_before_dispatch(void) {
    wskt_close_event *event = make("close", false, 1, "old");
    OK(wskt_close_event_init(event, "other", true, true, true, 4000, "new", 3));
    CHECK_STR(event->head.type_name, "other");
    CHECK(event->head.bubbles && event->head.cancelable && event->was_clean);
    CHECK(!event->head.is_trusted);
    CHECK_INT(event->code, 4000);
    CHECK_STR(event->reason, "new");
    OK(wskt_close_event_init(event, "close", false, false, false, 0, NULL, 0));
    CHECK_STR(event->head.type_name, "close");
    CHECK(!event->head.bubbles && !event->head.cancelable);
    CHECK_STR(event->reason, "");
    RESULT(wskt_close_event_init(event, "x", true, true, true, 9, "\xff", 1),
           WSKT_ERR_INVALID_UTF8);
    CHECK_STR(event->head.type_name, "close");
    wskt_close_event_free(event);
}

struct seen {
    int calls;
    struct text log;
    wskt_close_event *event;
    bool free_it;
};

static void on_close(wskt_socket *socket, const wskt_close_event *event,
                     void *user_data) {
    struct seen *seen = user_data;
    seen->calls += 1;
    CHECK(event->head.target == socket);
    CHECK_INT(event->head.type, WSKT_EVENT_CLOSE);
    text_add(&seen->log, "%s %d %u %s\n", event->head.type_name,
             (int)event->was_clean, (unsigned)event->code, event->reason);
    if (seen->event != NULL) {
        CHECK(event == seen->event && !event->head.is_trusted);
        /* It is being dispatched: init does nothing, again is refused. */
        OK(wskt_close_event_init(seen->event, "x", true, true, true, 1, "x",
                                 1));
        CHECK_STR(event->head.type_name, "close");
        RESULT(wskt_socket_dispatch_close_event(socket, seen->event),
               WSKT_ERR_INVALID_STATE);
        RESULT(wskt_socket_connect(socket, 0), WSKT_ERR_REENTRANT);
        if (seen->free_it) {
            wskt_close_event_free(seen->event);
            /* It stays until the handler returns. */
            CHECK_STR(event->head.type_name, "close");
        }
    }
}

static void dispatch_without_a_server(void) {
    struct seen seen = {0};
    wskt_close_event *event = make("close", true, 4321, "made up");
    wskt_socket *socket;
    OK(wskt_socket_new(NULL, "ws://127.0.0.1:1/", NULL, &socket));
    OK(wskt_socket_dispatch_close_event(socket, event));
    OK(wskt_socket_set_user_data(socket, &seen, NULL));
    OK(wskt_socket_set_on_close(socket, on_close));
    seen.event = event;
    OK(wskt_socket_dispatch_close_event(socket, event));
    CHECK_STR(text_of(&seen.log), "close 1 4321 made up\n");
    /* No state has changed. */
    CHECK_INT(wskt_socket_ready_state(socket), WSKT_CONNECTING);
    CHECK(wskt_socket_close_event(socket) == NULL);
    /* Dispatched: the legacy init does nothing any more. */
    OK(wskt_close_event_init(event, "x", true, true, true, 1, "x", 1));
    CHECK_STR(event->head.type_name, "close");
    CHECK_INT(event->code, 4321);
    CHECK(!event->head.bubbles);
    /* The same event again. */
    OK(wskt_socket_dispatch_close_event(socket, event));
    CHECK_INT(seen.calls, 2);
    wskt_close_event_free(event);
    /* Another type is not heard by close handlers. */
    seen.event = NULL;
    event = make("open", true, 1, "");
    OK(wskt_socket_dispatch_close_event(socket, event));
    CHECK_INT(seen.calls, 2);
    wskt_close_event_free(event);
    /* Freed by its own handler. */
    seen.event = make("close", false, 1, "last");
    seen.free_it = true;
    OK(wskt_socket_dispatch_close_event(socket, seen.event));
    CHECK_INT(seen.calls, 3);
    wskt_socket_free(socket);
    text_free(&seen.log);
}

/* A made-up event in the middle of a connection changes nothing about it. */
static void made_up(struct party *party, const wskt_event *event) {
    wskt_close_event *mine;
    if (event->type != WSKT_EVENT_MESSAGE) {
        return;
    }
    OK(wskt_socket_set_on_close(party->socket, on_close));
    OK(wskt_socket_set_user_data(party->socket, party->data, NULL));
    mine = make("close", true, 1234, "not really");
    OK(wskt_socket_dispatch_close_event(party->socket, mine));
    wskt_close_event_free(mine);
    CHECK_INT(wskt_socket_ready_state(party->socket), WSKT_OPEN);
    CHECK(wskt_socket_close_event(party->socket) == NULL);
    OK(wskt_socket_send_text(party->socket, "still here", 10));
    party->over = true;
}

static void dispatch_while_open(void) {
    int way;
    for (way = 0; way < WAYS; way++) {
        struct seen seen = {0};
        struct party party;
        const char *id = new_id();
        char *url = script_url(
            "ws", "text x; expect-text 'still here'; mark $ID; expect-fin", id);
        struct report report;
        /* These only return when the socket has closed. */
        if (way == WAY_LOOP_RUN || way == WAY_SOCKET_RUN) {
            free(url);
            continue;
        }
        party_make(&party, (enum way)way, NULL, url, NULL);
        party.on_event = made_up;
        party.data = &seen;
        party_start(&party);
        party_drive(&party);
        CHECK_INT(seen.calls, 1);
        CHECK_STR(text_of(&seen.log), "close 1 1234 not really\n");
        wait_mark(id);
        party_free(&party);
        get_report(&report, id);
        CHECK_STR(text_of(&report.frames), "text \"still here\"\n");
        free_report(&report);
        text_free(&seen.log);
        free(url);
    }
}

/* Another thread drives the socket: it is the wrong one. */
static void wrong_thread(void) {
    struct party party;
    wskt_close_event *event = make("close", true, 1000, "");
    wskt_close_event *trusted;
    char *url = script_url("ws", "text x; answer-close; half-close", new_id());
    party_make(&party, WAY_THREAD, NULL, url, NULL);
    party_start(&party);
    party_drive_messages(&party, 1);
    RESULT(wskt_socket_dispatch_close_event(party.socket, event),
           WSKT_ERR_WRONG_THREAD);
    CHECK_INT(party.closes, 0);
    OK(wskt_socket_close(party.socket, 1000, NULL, 0));
    party_drive(&party);
    /* An event of the library cannot be changed or dispatched. */
    trusted = (wskt_close_event *)(uintptr_t)wskt_socket_close_event(party.socket);
    CHECK(trusted->head.is_trusted);
    OK(wskt_close_event_init(trusted, "x", true, true, true, 1, "x", 1));
    CHECK_INT(trusted->code, 1000);
    CHECK_STR(trusted->head.type_name, "close");
    OK(wskt_loop_stop(party.loop));
    RESULT(wskt_socket_dispatch_close_event(party.socket, trusted),
           WSKT_ERR_INVALID_ARGUMENT);
    wskt_close_event_free(trusted);
    CHECK_INT(wskt_socket_close_event(party.socket)->code, 1000);
    wskt_close_event_free(event);
    party_free(&party);
    free(url);
}

int main(void) {
    begin();
    RUN(constructor_defaults);
    RUN(constructor_takes_anything);
    RUN(init_before_dispatch);
    RUN(dispatch_without_a_server);
    RUN(dispatch_while_open);
    RUN(wrong_thread);
    return end();
}
