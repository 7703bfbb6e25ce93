/* The CloseEvent interface: the program's own close events, which it makes,
   fills and dispatches itself (close-events.md, invariants 3 and 4). */
#include "support/ways.h"

static wskt_close_event *make(const char *type, uint16_t code) {
    wskt_close_event *event = NULL;
    OK(wskt_close_event_new(type, true, code, "mine", 4, &event));
    return event;
}

/* -- without a socket --------------------------------------------------- */

static void defaults(void) {
    wskt_close_event *event = NULL;
    size_t before = wskt_handle_count();
    double now = now_ms();
    OK(wskt_close_event_new("close", false, 0, NULL, 0, &event));
    CHECK_INT(wskt_handle_count(), before + 1);
    CHECK_INT(event->head.struct_size, sizeof *event);
    CHECK_INT(event->head.type, WSKT_EVENT_CLOSE);
    CHECK_STR(event->head.type_name, "close");
    CHECK(!event->head.bubbles && !event->head.cancelable);
    CHECK(!event->head.is_trusted);
    CHECK(event->head.target == NULL);
    CHECK(event->head.timestamp >= now - 1);
    CHECK(event->head.timestamp <= now_ms() + 1);
    CHECK(!event->was_clean);
    CHECK_INT(event->code, 0);
    CHECK_STR(event->reason, "");
    CHECK_INT(event->reason_len, 0);
    CHECK_INT(event->peer_code, 0);
    CHECK_INT(event->cause, WSKT_CAUSE_UNKNOWN);
    CHECK_STR(event->message, "");
    CHECK_INT(event->message_len, 0);
    wskt_close_event_free(event);
    CHECK_INT(wskt_handle_count(), before);
}

static void any_content(void) {
    static const unsigned codes[] = {0, 1, 999, 1000, 1006, 2999, 5000, 65535};
    const size_t size = 100000;
    char *text = pattern_text(size);
    char type[] = "caf\xc3\xa9 type";
    char reason[] = "a\0b";
    wskt_close_event *event = NULL;
    size_t i;
    for (i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        event = make("close", (uint16_t)codes[i]);
        CHECK_INT(event->code, codes[i]);
        CHECK(event->was_clean);
        wskt_close_event_free(event);
    }
    OK(wskt_close_event_new(type, true, 1, text, size, &event));
    CHECK_INT(event->reason_len, size);
    CHECK_STR(event->reason, text);
    wskt_close_event_free(event);
    /* Copied, and U+0000 may be part of it. */
    OK(wskt_close_event_new(type, true, 1, reason, 3, &event));
    memset(type, 'x', sizeof type - 1);
    memset(reason, 'x', sizeof reason - 1);
    CHECK_STR(event->head.type_name, "caf\xc3\xa9 type");
    CHECK(memcmp(event->reason, "a\0b", 4) == 0);
    CHECK_INT(event->head.type, WSKT_EVENT_CLOSE);
    wskt_close_event_free(event);
    free(text);
}

static void refused(void) {
    wskt_close_event *event = NULL;
    RESULT(wskt_close_event_new("\xff", false, 0, NULL, 0, &event),
           WSKT_ERR_INVALID_UTF8);
    RESULT(wskt_close_event_new("close", false, 0, "\xff", 1, &event),
           WSKT_ERR_INVALID_UTF8);
    RESULT(wskt_close_event_new("close", false, 0, "x", SIZE_MAX, &event),
           WSKT_ERR_INVALID_ARGUMENT);
    CHECK(event == NULL);
    event = make("close", 1000);
    RESULT(wskt_close_event_init(event, "\xff", 1, 1, 0, 1, NULL, 0),
           WSKT_ERR_INVALID_UTF8);
    RESULT(wskt_close_event_init(event, "a", 1, 1, 0, 1, "\xff", 1),
           WSKT_ERR_INVALID_UTF8);
    RESULT(wskt_close_event_init(event, "a", 1, 1, 0, 1, "x", SIZE_MAX),
           WSKT_ERR_INVALID_ARGUMENT);
    CHECK_STR(event->head.type_name, "close");
    CHECK_STR(event->reason, "mine");
    CHECK(event->was_clean && !event->head.bubbles && event->code == 1000);
    wskt_close_event_free(event);
}

static void init_fills(wskt_close_event *event) {
    OK(wskt_close_event_init(event, "other", true, true, false, 4321, "new",
                             3));
}

static void init_before_dispatch(void) {
    wskt_close_event *event = make("close", 1000);
    init_fills(event);
    CHECK_STR(event->head.type_name, "other");
    CHECK(event->head.bubbles && event->head.cancelable);
    CHECK(!event->was_clean && !event->head.is_trusted);
    CHECK_INT(event->code, 4321);
    CHECK_STR(event->reason, "new");
    CHECK_INT(event->reason_len, 3);
    /* As often as one likes, even with its own text. */
    OK(wskt_close_event_init(event, event->reason, false, false, true, 1,
                             event->head.type_name, 5));
    CHECK_STR(event->head.type_name, "new");
    CHECK_STR(event->reason, "other");
    CHECK(!event->head.bubbles && event->was_clean);
    wskt_close_event_free(event);
}

/* -- dispatch ----------------------------------------------------------- */

static int heard;
static wskt_close_event *own;
static wskt_close_event *inner;

static void hear(wskt_socket *socket, const wskt_close_event *event,
                 void *user_data) {
    heard += 1;
    CHECK(event == own && user_data == &heard);
    CHECK(event->head.target == socket && !event->head.is_trusted);
    CHECK_INT(event->head.type, WSKT_EVENT_CLOSE);
    CHECK_INT(wskt_socket_ready_state(socket), WSKT_CONNECTING);
    CHECK(wskt_socket_close_event(socket) == NULL);
    RESULT(wskt_socket_dispatch_close_event(socket, own),
           WSKT_ERR_INVALID_STATE);
    init_fills(own);
    CHECK_INT(event->code, 4000);
    CHECK_STR(event->reason, "mine");
}

static void without_a_server(void) {
    wskt_socket *socket;
    double before;
    OK(wskt_socket_new(NULL, "ws://localhost/", NULL, &socket));
    OK(wskt_socket_set_user_data(socket, &heard, NULL));
    OK(wskt_socket_set_on_close(socket, hear));
    heard = 0;
    own = make("close", 4000);
    before = own->head.timestamp;
    OK(wskt_socket_dispatch_close_event(socket, own));
    CHECK_INT(heard, 1);
    CHECK(own->head.timestamp >= before && own->head.target == socket);
    /* No effect any more; dispatched again it is heard again. */
    init_fills(own);
    CHECK_STR(own->head.type_name, "close");
    CHECK(own->was_clean && !own->head.bubbles);
    OK(wskt_socket_dispatch_close_event(socket, own));
    CHECK_INT(heard, 2);
    wskt_close_event_free(own);
    /* Other types are not heard; without a handler it is dispatched too. */
    own = make("Close", 1);
    OK(wskt_socket_dispatch_close_event(socket, own));
    wskt_close_event_free(own);
    own = make("message", 1);
    OK(wskt_socket_dispatch_close_event(socket, own));
    wskt_close_event_free(own);
    OK(wskt_socket_set_on_close(socket, NULL));
    own = make("close", 4000);
    OK(wskt_socket_dispatch_close_event(socket, own));
    init_fills(own);
    CHECK_STR(own->head.type_name, "close");
    CHECK_INT(heard, 2);
    wskt_close_event_free(own);
    CHECK_INT(wskt_socket_ready_state(socket), WSKT_CONNECTING);
    CHECK(wskt_socket_close_event(socket) == NULL);
    wskt_socket_free(socket);
}

static void hear_and_free(wskt_socket *socket, const wskt_close_event *event,
                          void *user_data) {
    (void)user_data;
    heard += 1;
    if (event == inner) {
        return;
    }
    /* Another event may be dispatched meanwhile. */
    OK(wskt_socket_dispatch_close_event(socket, inner));
    CHECK_INT(heard, 2);
    wskt_close_event_free(own);
    wskt_socket_free(socket);
    /* Both take effect when the handler returns. */
    CHECK_INT(event->code, 4000);
    CHECK_STR(event->reason, "mine");
}

static void freed_in_its_handler(void) {
    size_t before = wskt_handle_count();
    wskt_socket *socket;
    OK(wskt_socket_new(NULL, "ws://localhost/", NULL, &socket));
    OK(wskt_socket_set_on_close(socket, hear_and_free));
    heard = 0;
    own = make("close", 4000);
    inner = make("close", 4001);
    OK(wskt_socket_dispatch_close_event(socket, own));
    CHECK_INT(heard, 2);
    wskt_close_event_free(inner);
    CHECK_INT(wskt_handle_count(), before);
}

/* -- on connections ----------------------------------------------------- */

struct job {
    struct party party;
    int own_heard;
    int trusted_heard;
    /* What a thread that does not drive got. */
    wskt_result elsewhere;
};

/* Whoever wants to drive while the handler runs. */
static void *drive_elsewhere(void *data) {
    struct party *party = data;
    const wskt_event *event = NULL;
    switch (party->way) {
        case WAY_BLOCKING:
        case WAY_SOCKET_RUN:
            RESULT(wskt_socket_recv(party->socket, 0, &event), WSKT_ERR_IN_USE);
            break;
        case WAY_PULLED:
            RESULT(wskt_loop_next_event(party->loop, 0, &event),
                   WSKT_ERR_IN_USE);
            break;
        case WAY_EMBEDDED:
        case WAY_LOOP_RUN:
            RESULT(wskt_loop_dispatch(party->loop), WSKT_ERR_IN_USE);
            break;
        default:
            break;
    }
    return NULL;
}

/* No two callbacks of a socket run at once, dispatched ones included. */
static void nobody_else_drives(struct party *party) {
    pthread_t thread;
    if (wskt_socket_ready_state(party->socket) == WSKT_CONNECTING) {
        return;
    }
    CHECK_INT(pthread_create(&thread, NULL, drive_elsewhere, party), 0);
    CHECK_INT(pthread_join(thread, NULL), 0);
}

/* Replaces the party's close handler, which wants trusted events. */
static void on_close(wskt_socket *socket, const wskt_close_event *event,
                     void *user_data) {
    struct job *job = user_data;
    struct party *party = &job->party;
    CHECK(event->head.target == socket);
    if (!event->head.is_trusted) {
        job->own_heard += 1;
        CHECK_INT(event->code, 4000);
        nobody_else_drives(party);
        return;
    }
    CHECK(way_calls_back(party->way));
    job->trusted_heard += 1;
    CHECK_INT(event->code, 1000);
    pthread_mutex_lock(&party->mutex);
    party->over = true;
    pthread_cond_broadcast(&party->changed);
    pthread_mutex_unlock(&party->mutex);
}

static void *dispatch_elsewhere(void *data) {
    struct job *job = data;
    wskt_close_event *event = make("close", 4000);
    job->elsewhere =
        wskt_socket_dispatch_close_event(job->party.socket, event);
    CHECK((event->head.target != NULL) == (job->elsewhere == WSKT_OK));
    wskt_close_event_free(event);
    return NULL;
}

/* Dispatches here and from another thread. */
static void dispatch(struct job *job, wskt_result elsewhere) {
    wskt_socket *socket = job->party.socket;
    wskt_ready_state state = wskt_socket_ready_state(socket);
    wskt_close_event *event = make("close", 4000);
    int before = job->own_heard;
    pthread_t thread;
    OK(wskt_socket_dispatch_close_event(socket, event));
    CHECK_INT(job->own_heard, before + 1);
    CHECK(!event->head.is_trusted && event->head.target == socket);
    wskt_close_event_free(event);
    CHECK_INT(pthread_create(&thread, NULL, dispatch_elsewhere, job), 0);
    CHECK_INT(pthread_join(thread, NULL), 0);
    RESULT(job->elsewhere, elsewhere);
    CHECK_INT(job->own_heard, before + 1 + (elsewhere == WSKT_OK));
    CHECK_INT(wskt_socket_ready_state(socket), state);
}

static void on_event(struct party *party, const wskt_event *event) {
    struct job *job = (struct job *)party;
    if (event->type == WSKT_EVENT_CLOSE) {
        job->trusted_heard += 1;
        CHECK(!way_calls_back(party->way));
        return;
    }
    CHECK(wskt_socket_close_event(party->socket) == NULL);
    dispatch(job, way_calls_back(party->way) ? WSKT_ERR_WRONG_THREAD
                                             : WSKT_OK);
    if (event->type == WSKT_EVENT_OPEN) {
        OK(wskt_socket_send_text(party->socket, "on", 2));
    } else {
        OK(wskt_socket_close(party->socket, 1000, "bye", 3));
        /* NO STATE CHANGES: not even of a socket that is closing. */
        dispatch(job, way_calls_back(party->way) ? WSKT_ERR_WRONG_THREAD
                                                 : WSKT_OK);
    }
}

static void on_a_connection(enum way way, const char *port_name) {
    struct job job;
    struct party *party = &job.party;
    wskt_config *config = trusting_config();
    const wskt_close_event *last;
    wskt_close_event *event;
    char *url = path_url(port_name, "/echo");
    memset(&job, 0, sizeof job);
    party_make(party, way, NULL, url, config);
    wskt_config_free(config);
    free(url);
    party->on_event = on_event;
    OK(wskt_socket_set_on_close(party->socket, on_close));
    OK(wskt_socket_set_user_data(party->socket, &job, NULL));
    /* Nothing drives it yet: legal on any thread. */
    dispatch(&job, WSKT_OK);
    party_start(party);
    OK(party->started);
    if (way == WAY_THREAD) {
        event = make("close", 4000);
        RESULT(wskt_socket_dispatch_close_event(party->socket, event),
               WSKT_ERR_WRONG_THREAD);
        CHECK(event->head.target == NULL);
        /* It was not dispatched and can still be filled. */
        init_fills(event);
        CHECK_INT(event->code, 4321);
        wskt_close_event_free(event);
    }
    party_drive(party);
    CHECK_INT(job.trusted_heard, 1);
    CHECK_INT(party->messages, 1);
    last = wskt_socket_close_event(party->socket);
    CHECK(last->head.is_trusted && last->was_clean);
    /* The library's own event: init does nothing, dispatch refuses it. */
    init_fills((wskt_close_event *)last);
    RESULT(wskt_socket_dispatch_close_event(party->socket,
                                            (wskt_close_event *)last),
           WSKT_ERR_INVALID_ARGUMENT);
    wskt_close_event_free((wskt_close_event *)last);
    CHECK_INT(last->code, 1000);
    CHECK_STR(last->reason, "bye");
    CHECK_STR(last->head.type_name, "close");
    CHECK_INT(job.trusted_heard, 1);
    if (way == WAY_THREAD) {
        OK(wskt_loop_stop(party->loop));
    }
    dispatch(&job, WSKT_OK);
    if (party->loop != NULL) {
        event = make("close", 4000);
        OK(wskt_loop_free(party->loop));
        party->owns_loop = false;
        RESULT(wskt_socket_dispatch_close_event(party->socket, event),
               WSKT_ERR_LOOP_GONE);
        wskt_close_event_free(event);
    }
    party_free(party);
}

int main(void) {
    int way;
    begin();
    RUN(defaults);
    RUN(any_content);
    RUN(refused);
    RUN(init_before_dispatch);
    RUN(without_a_server);
    RUN(freed_in_its_handler);
    for (way = 0; way < WAYS; way++) {
        now_testing(way_name((enum way)way));
        on_a_connection((enum way)way, "ws");
        on_a_connection((enum way)way, "wss");
    }
    return end();
}
