/* Every call that neither waits nor dispatches is legal in every callback,
   freeing the socket itself included; those that do say REENTRANT. */
#include "support/ways.h"

enum action {
    CLOSE,
    SEND,
    ABORT,
    PAUSE_RESUME,
    PAUSE_CLOSE,
    FREE_ITSELF,
    FREE_ANOTHER,
    WAIT,
    GET,
    CHANGE_HANDLERS,
    ACTIONS
};

static const char *const action_names[ACTIONS] = {
    "close",       "send",         "abort", "pause and resume",
    "pause, close", "free itself", "free another", "wait",
    "get", "change handlers",
};

struct test {
    enum action action;
    wskt_event_type in;
    struct party *other;
    int acted;
};

static bool is_ending(struct party *party) {
    return wskt_socket_ready_state(party->socket) >= WSKT_CLOSING;
}

static void expect(struct party *party, wskt_result got, wskt_result open) {
    RESULT(got, is_ending(party) ? WSKT_ERR_CLOSED : open);
}

/* At a high-water mark of 1 a send may find the queue full. */
static void expect_sent(struct party *party, wskt_result got) {
    if (got != WSKT_ERR_BUFFER_FULL) {
        expect(party, got, WSKT_OK);
    }
}

static void wait_everywhere(struct party *party) {
    const wskt_event *event = NULL;
    wskt_loop *loop;
    wskt_socket *socket;
    if (!way_calls_back(party->way)) {
        return;
    }
    RESULT(wskt_socket_connect(party->socket, 0), WSKT_ERR_REENTRANT);
    RESULT(wskt_socket_recv(party->socket, 0, &event), WSKT_ERR_REENTRANT);
    RESULT(wskt_socket_run(party->socket), WSKT_ERR_REENTRANT);
    if (party->loop != NULL) {
        RESULT(wskt_loop_run(party->loop), WSKT_ERR_REENTRANT);
        RESULT(wskt_loop_dispatch(party->loop), WSKT_ERR_REENTRANT);
        RESULT(wskt_loop_next_event(party->loop, 0, &event),
               WSKT_ERR_REENTRANT);
        RESULT(wskt_loop_free(party->loop), WSKT_ERR_REENTRANT);
    }
    /* Others' too: a callback must never wait. */
    OK(wskt_loop_new(&loop));
    RESULT(wskt_loop_run(loop), WSKT_ERR_REENTRANT);
    RESULT(wskt_loop_dispatch(loop), WSKT_ERR_REENTRANT);
    RESULT(wskt_loop_next_event(loop, 0, &event), WSKT_ERR_REENTRANT);
    OK(wskt_loop_wake(loop));
    OK(wskt_loop_start(loop));
    OK(wskt_loop_stop(loop));
    OK(wskt_loop_free(loop));
    OK(wskt_socket_new(NULL, "ws://127.0.0.1:1/", NULL, &socket));
    RESULT(wskt_socket_connect(socket, 0), WSKT_ERR_REENTRANT);
    wskt_socket_free(socket);
    CHECK(event == NULL);
}

static void get_everything(struct party *party) {
    wskt_socket *socket = party->socket;
    const char *name = NULL;
    const char *value = NULL;
    size_t len, i;
    CHECK(wskt_socket_buffered_amount(socket) < 100);
    CHECK(strstr(wskt_socket_url(socket, &len), "ws://127.0.0.1:") != NULL);
    CHECK_STR(wskt_socket_protocol(socket, &len), "");
    CHECK_STR(wskt_socket_extensions(socket, &len), "");
    CHECK_INT(wskt_socket_response_status(socket), 101);
    CHECK_STR(wskt_socket_response_header(socket, "upgrade", &len),
              "websocket");
    for (i = 0; i < wskt_socket_response_header_count(socket); i++) {
        OK(wskt_socket_response_header_at(socket, i, &name, &value));
    }
    CHECK(wskt_socket_user_data(socket) == party);
    CHECK((wskt_socket_close_event(socket) != NULL) ==
          (wskt_socket_ready_state(socket) == WSKT_CLOSED));
}

static void act(struct party *party, struct test *test) {
    wskt_socket *socket = party->socket;
    switch (test->action) {
        case CLOSE:
            OK(wskt_socket_close(socket, 3000, "in callback", 11));
            break;
        case SEND:
            expect_sent(party, wskt_socket_send_text(socket, "a", 1));
            expect_sent(party, wskt_socket_send_binary(socket, "b", 1));
            expect_sent(party, wskt_socket_ping(socket, "c", 1));
            break;
        case ABORT:
            OK(wskt_socket_abort(socket));
            CHECK(is_ending(party));
            break;
        case PAUSE_RESUME:
            expect(party, wskt_socket_pause(socket), WSKT_OK);
            expect(party, wskt_socket_pause(socket), WSKT_OK);
            expect(party, wskt_socket_resume(socket), WSKT_OK);
            expect(party, wskt_socket_resume(socket), WSKT_OK);
            break;
        case PAUSE_CLOSE:
            expect(party, wskt_socket_pause(socket), WSKT_OK);
            OK(wskt_socket_close(socket, 0, NULL, 0));
            break;
        case FREE_ITSELF:
            wskt_socket_free(socket);
            party_freed(party);
            break;
        case FREE_ANOTHER:
            wskt_socket_free(test->other->socket);
            party_freed(test->other);
            break;
        case WAIT:
            wait_everywhere(party);
            break;
        case GET:
            get_everything(party);
            break;
        default:
            OK(wskt_socket_set_on_drain(socket, NULL));
            OK(wskt_socket_set_user_data(socket, party, NULL));
            break;
    }
}

static void on_event(struct party *party, const wskt_event *event) {
    struct test *test = party->data;
    wskt_event_type type = event->type;
    if (type == WSKT_EVENT_OPEN) {
        /* At the high-water mark of 1: a drain event is owed. */
        OK(wskt_socket_send_binary(party->socket, "x", 1));
    }
    if (type == test->in && test->acted++ == 0) {
        act(party, test);
    }
    if (type == WSKT_EVENT_MESSAGE && party->socket != NULL) {
        OK(wskt_socket_close(party->socket, 1000, NULL, 0));
    }
}

static void run_one(enum way way, enum action action, wskt_event_type in) {
    struct party party;
    struct party other;
    struct test test = {0};
    wskt_config *config;
    wskt_loop *loop = NULL;
    /* An error ends the one, our close the other. */
    char *url = script_url(
        "ws", in == WSKT_EVENT_ERROR ? "recv; fin" : "echo-until-close",
        new_id());
    char *other_url = script_url("ws", "text x", new_id());
    char name[128];
    snprintf(name, sizeof name, "%s in event %d, %s", action_names[action],
             (int)in, way_name(way));
    now_testing(name);
    OK(wskt_config_new(&config));
    OK(wskt_config_set_water_marks(config, 0, 1));
    test.action = action;
    test.in = in;
    test.other = &other;
    if (!way_connects(way)) {
        OK(wskt_loop_new(&loop));
        if (way == WAY_THREAD) {
            OK(wskt_loop_start(loop));
        }
    }
    if (action == FREE_ANOTHER) {
        party_make(&other, way, loop, other_url, NULL);
        party_start(&other);
        if (way != WAY_LOOP_RUN && way != WAY_SOCKET_RUN) {
            party_drive_messages(&other, 1);
        }
    }
    party_make(&party, way, loop, url, config);
    snprintf(party.name, sizeof party.name, "%s", name);
    party.on_event = on_event;
    party.data = &test;
    party_start(&party);
    party_drive(&party);
    CHECK_INT(party.opens, 1);
    CHECK(test.acted >= 1);
    if (action == FREE_ITSELF) {
        CHECK_INT(party.closes, in == WSKT_EVENT_CLOSE);
    } else {
        CHECK_INT(party.closes, 1);
    }
    if (action == FREE_ANOTHER) {
        CHECK_INT(other.closes, 0);
        party_free(&other);
    }
    party_free(&party);
    if (loop != NULL) {
        OK(wskt_loop_free(loop));
    }
    wskt_config_free(config);
    free(url);
    free(other_url);
}

int main(void) {
    static const wskt_event_type kinds[] = {
        WSKT_EVENT_OPEN,  WSKT_EVENT_MESSAGE, WSKT_EVENT_ERROR,
        WSKT_EVENT_CLOSE, WSKT_EVENT_DRAIN,
    };
    int way, action;
    size_t kind;
    begin();
    for (way = 0; way < WAYS; way++) {
        for (action = 0; action < ACTIONS; action++) {
            for (kind = 0; kind < sizeof kinds / sizeof kinds[0]; kind++) {
                run_one((enum way)way, (enum action)action, kinds[kind]);
            }
        }
    }
    return end();
}
