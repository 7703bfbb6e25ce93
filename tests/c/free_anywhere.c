/* wskt_socket_free in every phase, from every thread; what it waits for and
   what it does not; and the user data's destructor, once and last. */
#include "support/ways.h"

/* Counts under a lock, with a wait. */
struct counter {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int value;
};

static void counter_make(struct counter *counter) {
    pthread_mutex_init(&counter->mutex, NULL);
    pthread_cond_init(&counter->changed, NULL);
    counter->value = 0;
}

static void counter_free(struct counter *counter) {
    pthread_mutex_destroy(&counter->mutex);
    pthread_cond_destroy(&counter->changed);
}

static void count(struct counter *counter) {
    pthread_mutex_lock(&counter->mutex);
    counter->value += 1;
    pthread_cond_broadcast(&counter->changed);
    pthread_mutex_unlock(&counter->mutex);
}

static int value(struct counter *counter) {
    int now;
    pthread_mutex_lock(&counter->mutex);
    now = counter->value;
    pthread_mutex_unlock(&counter->mutex);
    return now;
}

/* The test runner bounds this wait. */
static void wait_for(struct counter *counter, int want) {
    pthread_mutex_lock(&counter->mutex);
    while (counter->value < want) {
        pthread_cond_wait(&counter->changed, &counter->mutex);
    }
    pthread_mutex_unlock(&counter->mutex);
}

static void destroy(void *user_data) {
    count(user_data);
}

/* -- phases ------------------------------------------------------------- */

enum phase {
    NEW,
    RESOLVING,
    DIALING,
    SECURING,
    UPGRADING,
    IS_OPEN,
    PAUSED,
    QUEUED,
    CLOSING,
    LINGERING,
    PHASES
};

static const char *const phase_names[PHASES] = {
    "new",  "resolving", "dialing", "securing", "upgrading",
    "open", "paused",    "queued",  "closing",  "lingering",
};

static char *phase_url(enum phase phase, const char *id) {
    struct text url = {0};
    switch (phase) {
        case RESOLVING:
            text_add(&url, "ws://localhost:%d/echo", port("ws"));
            return url.at;
        case DIALING:
            return path_url("full", "/");
        case SECURING:
            text_add(&url, "wss://127.0.0.1:%d/", port("blackhole"));
            return url.at;
        case UPGRADING:
            return script_url("ws", "none; mark $ID; drain", id);
        case LINGERING:
            return script_url("ws", "close 1001; expect-close; mark $ID; drain",
                              id);
        case QUEUED:
            return script_url("ws", "rcvbuf 16384; stop-reading; mark $ID",
                              id);
        default:
            return script_url("ws", "mark $ID; drain", id);
    }
}

/* Brings a socket of a loop to a phase and frees it there. */
static void free_in_phase(enum way way, enum phase phase) {
    struct counter destroyed;
    struct party party;
    const char *id = new_id();
    char *url = phase_url(phase, id);
    int turns;
    counter_make(&destroyed);
    party_make(&party, way, NULL, url, NULL);
    OK(wskt_socket_set_user_data(party.socket, &destroyed, destroy));
    OK(wskt_socket_set_on_open(party.socket, NULL));
    OK(wskt_socket_set_on_close(party.socket, NULL));
    OK(wskt_socket_set_on_error(party.socket, NULL));
    if (phase != NEW) {
        OK(wskt_socket_open(party.socket));
    }
    if (phase >= IS_OPEN && way == WAY_EMBEDDED) {
        while (wskt_socket_ready_state(party.socket) == WSKT_CONNECTING) {
            OK(wskt_loop_dispatch(party.loop));
        }
    } else if (way == WAY_EMBEDDED) {
        for (turns = 0; turns < 5; turns++) {
            OK(wskt_loop_dispatch(party.loop));
        }
    }
    if (phase == LINGERING && way == WAY_EMBEDDED) {
        while (wskt_socket_ready_state(party.socket) != WSKT_CLOSING) {
            OK(wskt_loop_dispatch(party.loop));
        }
    } else if (phase >= UPGRADING && way == WAY_THREAD) {
        wait_mark(id);
    }
    if (phase == PAUSED) {
        OK(wskt_socket_pause(party.socket));
    } else if (phase == QUEUED) {
        unsigned char *bytes = pattern_binary(8 << 20);
        wskt_result sent;
        /* The upgrade may still be on its way to a thread's socket. */
        do {
            sent = wskt_socket_send_binary(party.socket, bytes, 8 << 20);
        } while (sent == WSKT_ERR_INVALID_STATE);
        OK(sent);
        free(bytes);
    } else if (phase == CLOSING) {
        OK(wskt_socket_close(party.socket, 1000, NULL, 0));
    }
    wskt_socket_free(party.socket);
    party.socket = NULL;
    wait_for(&destroyed, 1);
    party_free(&party);
    CHECK_INT(value(&destroyed), 1);
    counter_free(&destroyed);
    free(url);
}

/* -- a free that waits -------------------------------------------------- */

struct slow {
    struct counter entered;
    struct counter freeing;
    bool left;
};

static void slow_message(struct party *party, const wskt_event *event) {
    struct slow *slow = party->data;
    if (event->type == WSKT_EVENT_MESSAGE) {
        count(&slow->entered);
        wait_for(&slow->freeing, 1);
        /* The other thread is inside free now, or about to be. */
        pause_ms(50);
        slow->left = true;
    }
}

static void free_waits_for_a_callback(void) {
    struct party party;
    struct slow slow;
    char *url = script_url("ws", "repeat 100 text x; drain", new_id());
    counter_make(&slow.entered);
    counter_make(&slow.freeing);
    slow.left = false;
    party_make(&party, WAY_THREAD, NULL, url, NULL);
    party.on_event = slow_message;
    party.data = &slow;
    party_start(&party);
    wait_for(&slow.entered, 1);
    count(&slow.freeing);
    wskt_socket_free(party.socket);
    CHECK(slow.left);
    party.socket = NULL;
    CHECK_INT(value(&slow.entered), 1);
    CHECK_INT(party.closes, 0);
    party_free(&party);
    CHECK_INT(value(&slow.entered), 1);
    counter_free(&slow.entered);
    counter_free(&slow.freeing);
    free(url);
}

/* -- two loops ---------------------------------------------------------- */

struct pair {
    struct counter inside;
    struct counter destroyed;
    wskt_socket *sockets[2];
    wskt_loop *loops[2];
};

struct half {
    struct pair *pair;
    int which;
};

static void free_the_other(wskt_socket *socket,
                           const wskt_message_event *event,
                           void *user_data) {
    struct half *half = user_data;
    (void)event;
    CHECK(socket == half->pair->sockets[half->which]);
    count(&half->pair->inside);
    wait_for(&half->pair->inside, 2);
    /* Both are in callbacks now; neither free may wait for the other. */
    wskt_socket_free(half->pair->sockets[1 - half->which]);
}

static void count_half(void *user_data) {
    struct half *half = user_data;
    count(&half->pair->destroyed);
}

static void two_loops_free_each_others_sockets(void) {
    struct pair pair;
    struct half halves[2];
    char *url = script_url("ws", "text x; drain", new_id());
    int i;
    counter_make(&pair.inside);
    counter_make(&pair.destroyed);
    for (i = 0; i < 2; i++) {
        halves[i].pair = &pair;
        halves[i].which = i;
        OK(wskt_loop_new(&pair.loops[i]));
        OK(wskt_loop_start(pair.loops[i]));
        OK(wskt_socket_new(pair.loops[i], url, NULL, &pair.sockets[i]));
        OK(wskt_socket_set_user_data(pair.sockets[i], &halves[i],
                                     count_half));
        OK(wskt_socket_set_on_message(pair.sockets[i], free_the_other));
    }
    for (i = 0; i < 2; i++) {
        OK(wskt_socket_open(pair.sockets[i]));
    }
    wait_for(&pair.destroyed, 2);
    for (i = 0; i < 2; i++) {
        OK(wskt_loop_free(pair.loops[i]));
    }
    CHECK_INT(value(&pair.destroyed), 2);
    counter_free(&pair.inside);
    counter_free(&pair.destroyed);
    free(url);
}

/* -- the destructor ----------------------------------------------------- */

struct order {
    struct counter destroyed;
    int events_after;
};

static void note_event(struct order *order) {
    order->events_after += value(&order->destroyed);
}

static void order_on_message(wskt_socket *socket,
                             const wskt_message_event *event,
                             void *user_data) {
    (void)event;
    note_event(user_data);
    if (((struct order *)user_data)->events_after >= 0) {
        wskt_socket_free(socket);
        /* Inside the callback that still uses it. */
        CHECK_INT(value(&((struct order *)user_data)->destroyed), 0);
    }
}

static void destroy_order(void *user_data) {
    count(&((struct order *)user_data)->destroyed);
}

/* Freed in a callback: the destructor runs after it, once. */
static void destructor_comes_last(void) {
    struct order order = {0};
    wskt_socket *socket;
    wskt_loop *loop;
    char *url = script_url("ws", "repeat 10 text x; drain", new_id());
    counter_make(&order.destroyed);
    OK(wskt_loop_new(&loop));
    OK(wskt_loop_start(loop));
    OK(wskt_socket_new(loop, url, NULL, &socket));
    OK(wskt_socket_set_user_data(socket, &order, destroy_order));
    OK(wskt_socket_set_on_message(socket, order_on_message));
    OK(wskt_socket_open(socket));
    wait_for(&order.destroyed, 1);
    OK(wskt_loop_free(loop));
    CHECK_INT(value(&order.destroyed), 1);
    CHECK_INT(order.events_after, 0);
    counter_free(&order.destroyed);
    free(url);
}

/* New user data destroys the old, and NULL takes the last. */
static void destructor_of_replaced_data(void) {
    struct counter one, two;
    wskt_socket *socket;
    counter_make(&one);
    counter_make(&two);
    OK(wskt_socket_new(NULL, "ws://127.0.0.1:1/", NULL, &socket));
    OK(wskt_socket_set_user_data(socket, &one, destroy));
    CHECK(wskt_socket_user_data(socket) == &one);
    OK(wskt_socket_set_user_data(socket, &two, destroy));
    CHECK_INT(value(&one), 1);
    CHECK(wskt_socket_user_data(socket) == &two);
    wskt_socket_free(socket);
    CHECK_INT(value(&one), 1);
    CHECK_INT(value(&two), 1);
    counter_free(&one);
    counter_free(&two);
}

/* -- blocking calls of another thread ----------------------------------- */

struct blocked {
    wskt_socket *socket;
    wskt_result result;
    bool connects;
};

static void *block(void *argument) {
    struct blocked *blocked = argument;
    const wskt_event *event;
    if (blocked->connects) {
        blocked->result = wskt_socket_connect(blocked->socket, -1);
    } else {
        do {
            blocked->result = wskt_socket_recv(blocked->socket, -1, &event);
        } while (blocked->result == WSKT_OK);
    }
    return NULL;
}

static void free_ends_blocking_calls(void) {
    int connects;
    for (connects = 0; connects < 2; connects++) {
        struct blocked blocked = {0};
        const char *id = new_id();
        struct counter destroyed;
        pthread_t thread;
        char *url = script_url(
            "ws", connects ? "none; mark $ID; drain" : "mark $ID; drain", id);
        counter_make(&destroyed);
        OK(wskt_socket_new(NULL, url, NULL, &blocked.socket));
        OK(wskt_socket_set_user_data(blocked.socket, &destroyed, destroy));
        blocked.connects = connects == 1;
        if (!blocked.connects) {
            OK(wskt_socket_connect(blocked.socket, limit_ms()));
        }
        CHECK_INT(pthread_create(&thread, NULL, block, &blocked), 0);
        wait_mark(id);
        /* Long enough to be asleep in the kernel, most of the time. */
        pause_ms(150);
        wskt_socket_free(blocked.socket);
        pthread_join(thread, NULL);
        RESULT(blocked.result, WSKT_ERR_CLOSED);
        CHECK_INT(value(&destroyed), 1);
        counter_free(&destroyed);
        free(url);
    }
}

int main(void) {
    static char name[64];
    int phase;
    begin();
    for (phase = 0; phase < PHASES; phase++) {
        snprintf(name, sizeof name, "%s, embedded", phase_names[phase]);
        now_testing(name);
        free_in_phase(WAY_EMBEDDED, (enum phase)phase);
        snprintf(name, sizeof name, "%s, thread", phase_names[phase]);
        free_in_phase(WAY_THREAD, (enum phase)phase);
    }
    RUN(free_waits_for_a_callback);
    RUN(two_loops_free_each_others_sockets);
    RUN(destructor_comes_last);
    RUN(destructor_of_replaced_data);
    RUN(free_ends_blocking_calls);
    return end();
}
