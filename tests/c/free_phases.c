/* wskt_socket_free in every phase and in every callback: no callback begins
   afterwards, the destructor of the user data runs once and last, and nothing
   stays behind. */
#include "support/driven.h"
#include "support/ways.h"

#include <poll.h>

/* A socket with what must hold for it. */
struct subject {
    wskt_socket *socket;
    wskt_loop *loop;
    enum way way;
    const char *what;
    /* Frees in the handler of this event; 0 is never. */
    wskt_event_type free_in;
    bool freed;
    bool inside;
    int events[6];
    int destroyed;
    const char *mark;
    int marked;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
};

/* One for all sockets: it loads the trusted certificates once. */
static wskt_config *config;

static void lock(struct subject *subject) {
    pthread_mutex_lock(&subject->mutex);
}

static void unlock(struct subject *subject) {
    pthread_cond_broadcast(&subject->changed);
    pthread_mutex_unlock(&subject->mutex);
}

/* Waits, locked, until `*count` is at least `least`. */
static void wait_for(struct subject *subject, const int *count, int least) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += limit_ms() / 1000;
    while (*count < least) {
        if (pthread_cond_timedwait(&subject->changed, &subject->mutex, &until) != 0) {
            FAIL("%s (%s): it does not happen", subject->what,
                 way_name(subject->way));
        }
    }
}

static void destroy(void *user_data) {
    struct subject *subject = user_data;
    lock(subject);
    CHECK(!subject->inside);
    subject->destroyed += 1;
    CHECK_INT(subject->destroyed, 1);
    unlock(subject);
}

static void free_subject(struct subject *subject) {
    wskt_socket *socket = subject->socket;
    wskt_socket_free(socket);
    lock(subject);
    subject->freed = true;
    unlock(subject);
}

static void handle(struct subject *subject, const wskt_event *event) {
    wskt_event_type type = event->type;
    lock(subject);
    CHECK(!subject->freed && !subject->inside && subject->destroyed == 0);
    CHECK(event->target == subject->socket);
    subject->inside = way_calls_back(subject->way);
    subject->events[type] += 1;
    unlock(subject);
    if (type == subject->free_in) {
        free_subject(subject);
        /* In a callback the event is lent on. */
        if (way_calls_back(subject->way)) {
            CHECK_INT(event->type, type);
            CHECK(type != WSKT_EVENT_MESSAGE ||
                  memcmp(((const wskt_message_event *)event)->data, "one", 3) == 0);
            CHECK(type != WSKT_EVENT_CLOSE ||
                  *((const wskt_close_event *)event)->message != '\0');
        }
    } else if (type == WSKT_EVENT_OPEN && subject->free_in == WSKT_EVENT_DRAIN) {
        OK(wskt_socket_send_text(subject->socket, "over the high mark", 18));
    }
    lock(subject);
    subject->inside = false;
    unlock(subject);
}

static void on_open(wskt_socket *socket, const wskt_open_event *event, void *user_data) {
    (void)socket;
    handle(user_data, &event->head);
}

static void on_message(wskt_socket *socket, const wskt_message_event *event, void *user_data) {
    (void)socket;
    handle(user_data, &event->head);
}

static void on_error(wskt_socket *socket, const wskt_error_event *event, void *user_data) {
    (void)socket;
    handle(user_data, &event->head);
}

static void on_close(wskt_socket *socket, const wskt_close_event *event, void *user_data) {
    (void)socket;
    handle(user_data, &event->head);
}

static void on_drain(wskt_socket *socket, const wskt_drain_event *event, void *user_data) {
    (void)socket;
    handle(user_data, &event->head);
}

/* -- making and driving ------------------------------------------------- */

static void make(struct subject *subject, const char *what, enum way way,
                 wskt_loop *loop, const char *url) {
    pthread_condattr_t attributes;
    memset(subject, 0, sizeof *subject);
    subject->what = what;
    subject->way = way;
    subject->loop = loop;
    pthread_mutex_init(&subject->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&subject->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    OK(wskt_socket_new(loop, url, config, &subject->socket));
    OK(wskt_socket_set_user_data(subject->socket, subject, destroy));
    OK(wskt_socket_set_on_open(subject->socket, on_open));
    OK(wskt_socket_set_on_message(subject->socket, on_message));
    OK(wskt_socket_set_on_error(subject->socket, on_error));
    OK(wskt_socket_set_on_close(subject->socket, on_close));
    OK(wskt_socket_set_on_drain(subject->socket, on_drain));
}

/* The socket is freed; waits for the destructor and for it alone. */
static void finish(struct subject *subject) {
    lock(subject);
    CHECK(subject->freed);
    wait_for(subject, &subject->destroyed, 1);
    unlock(subject);
    pthread_mutex_destroy(&subject->mutex);
    pthread_cond_destroy(&subject->changed);
}

static wskt_loop *new_loop(enum way way) {
    wskt_loop *loop = NULL;
    if (!way_connects(way)) {
        OK(wskt_loop_new(&loop));
        CHECK(wskt_loop_fd(loop) >= 0);
    }
    if (way == WAY_THREAD) {
        OK(wskt_loop_start(loop));
    }
    return loop;
}

static bool is_freed(struct subject *subject) {
    bool freed;
    lock(subject);
    freed = subject->freed;
    unlock(subject);
    return freed;
}

/* Lets the loop go on for one step of at most `ms`. */
static void step(struct subject *subject, int ms) {
    const wskt_event *event;
    if (subject->way == WAY_EMBEDDED) {
        struct pollfd poll_for;
        poll_for.fd = wskt_loop_fd(subject->loop);
        poll_for.events = POLLIN;
        poll(&poll_for, 1, ms);
        OK(wskt_loop_dispatch(subject->loop));
    } else if (wskt_loop_next_event(subject->loop, ms, &event) == WSKT_OK) {
        handle(subject, event);
    }
}

/* Drives until the socket is freed by a handler or another thread. */
static void *drive(void *argument) {
    struct subject *subject = argument;
    double until = now_ms() + limit_ms();
    const wskt_event *event;
    wskt_result result = WSKT_OK;
    if (way_connects(subject->way)) {
        result = wskt_socket_connect(subject->socket, -1);
    }
    switch (subject->way) {
        case WAY_SOCKET_RUN:
            if (result == WSKT_OK || result == WSKT_ERR_CONNECT_FAILED) {
                run_watched(subject->socket);
            }
            break;
        case WAY_BLOCKING:
            while (result == WSKT_OK || result == WSKT_ERR_CONNECT_FAILED) {
                result = recv_watched(subject->socket, -1, &event);
                if (result != WSKT_OK) {
                    break;
                }
                handle(subject, event);
                if (is_freed(subject)) {
                    return NULL;
                }
            }
            RESULT(result, WSKT_ERR_CLOSED);
            break;
        case WAY_LOOP_RUN:
            OK(wskt_loop_run(subject->loop));
            break;
        default:
            while (!is_freed(subject)) {
                CHECK(now_ms() < until);
                step(subject, 20);
            }
            break;
    }
    return NULL;
}

/* After free: what a loop does then is no callback any more. */
static void turn_once_more(struct subject *subject) {
    const wskt_event *event;
    if (subject->way == WAY_PULLED) {
        RESULT(wskt_loop_next_event(subject->loop, 0, &event), WSKT_ERR_TIMEOUT);
    } else if (subject->way == WAY_EMBEDDED) {
        OK(wskt_loop_dispatch(subject->loop));
    } else if (subject->way == WAY_LOOP_RUN) {
        OK(wskt_loop_run(subject->loop));
    }
}

/* -- each phase --------------------------------------------------------- */

struct phase {
    const char *name;
    const char *port;
    /* On the port; NULL connects to `/`. */
    const char *script;
    const char *host;
    /* It begins with the open event; close() is called then. */
    bool open;
    bool close;
    /* A mark the script reaches in this phase. */
    bool mark;
};

static const struct phase phases[] = {
    {"resolving", "full", NULL, "ws://localhost", false, false, false},
    {"resolving in vain", "ws", NULL, "ws://nowhere.invalid", false, false, false},
    {"connecting", "full", NULL, "ws://127.0.0.1", false, false, false},
    {"TLS", "blackhole", NULL, "wss://127.0.0.1", false, false, false},
    {"upgrade", "ws", "none; mark $ID-m; expect-fin", NULL, false, false, true},
    {"upgrade, wss", "wss", "none; mark $ID-m; expect-fin", NULL, false, false, true},
    {"open", "ws", "accept; drain", NULL, true, false, false},
    {"open, wss", "wss", "accept; drain", NULL, true, false, false},
    {"open, data coming", "ws", "repeat 100000 binn 1000", NULL, true, false, false},
    {"closing", "ws", "expect-close; mark $ID-m; drain", NULL, true, true, true},
    {"lingering", "ws", "answer-close; mark $ID-m; drain", NULL, true, true, true},
    {"lingering, wss", "wss", "answer-close; mark $ID-m; drain", NULL, true, true, true},
};

enum { PHASES = sizeof phases / sizeof phases[0] };

/* Whether recv comes back by itself in this phase: no other may begin once
   the socket is being freed. */
static bool suits(const struct phase *phase, enum way way) {
    return !way_connects(way) ||
           (strcmp(phase->name, "resolving in vain") != 0 &&
            (way != WAY_BLOCKING || strcmp(phase->name, "open, data coming") != 0));
}

static void *await_mark(void *argument) {
    struct subject *subject = argument;
    wait_mark(subject->mark);
    lock(subject);
    subject->marked = 1;
    unlock(subject);
    return NULL;
}

/* Drives on until the phase is there. */
static void reach(struct subject *subject, const int *count) {
    if (subject->way == WAY_EMBEDDED || subject->way == WAY_PULLED) {
        bool there;
        do {
            step(subject, 5);
            lock(subject);
            there = *count > 0;
            unlock(subject);
        } while (!there);
    } else {
        lock(subject);
        wait_for(subject, count, 1);
        unlock(subject);
    }
}

/* Also for the end of a thread that looks a name up: it has files open, which
   must not count as there at the beginning of the next phase. */
static void wait_for_quiet(const char *what, int threads, int fds) {
    double until = now_ms() + limit_ms();
    while (count_threads() != threads || count_fds() != fds) {
        if (now_ms() > until) {
            FAIL("%s: %d threads, not %d; %d descriptors, not %d", what,
                 count_threads(), threads, count_fds(), fds);
        }
        pause_ms(1);
    }
}

static void free_in_phase(const struct phase *phase, enum way way) {
    wskt_loop *loop = new_loop(way);
    const char *id = new_id();
    int threads = count_threads();
    int fds = count_fds();
    struct subject subject;
    struct text url = {0};
    pthread_t thread;
    bool threaded = way == WAY_LOOP_RUN || way_connects(way);
    char *made = NULL;
    char name[64];
    if (phase->script != NULL) {
        made = script_url(phase->port, phase->script, id);
        text_add(&url, "%s", made);
        free(made);
    } else {
        text_add(&url, "%s:%d/", phase->host, port(phase->port));
    }
    make(&subject, phase->name, way, loop, text_of(&url));
    text_free(&url);
    if (!way_connects(way)) {
        OK(wskt_socket_open(subject.socket));
    }
    if (threaded) {
        CHECK_INT(pthread_create(&thread, NULL, drive, &subject), 0);
    }
    if (phase->open) {
        reach(&subject, &subject.events[WSKT_EVENT_OPEN]);
    }
    if (phase->close) {
        OK(wskt_socket_close(subject.socket, 1000, NULL, 0));
    }
    if (phase->mark) {
        pthread_t helper;
        snprintf(name, sizeof name, "%s-m", id);
        subject.mark = name;
        CHECK_INT(pthread_create(&helper, NULL, await_mark, &subject), 0);
        reach(&subject, &subject.marked);
        pthread_join(helper, NULL);
    }
    if (way_connects(way)) {
        wait_driven(subject.socket);
    }
    /* There is nothing to see of the wait itself. */
    if (way == WAY_EMBEDDED || way == WAY_PULLED) {
        step(&subject, 5);
    } else {
        pause_ms(5);
    }
    free_subject(&subject);
    if (threaded) {
        pthread_join(thread, NULL);
    }
    turn_once_more(&subject);
    finish(&subject);
    wait_for_quiet(phase->name, threads, fds);
    OK(wskt_loop_free(loop));
}

/* One that was never opened. */
static void free_unopened(enum way way) {
    wskt_loop *loop = new_loop(way);
    struct subject subject;
    make(&subject, "unopened", way, loop, "ws://127.0.0.1:1/");
    free_subject(&subject);
    CHECK_INT(subject.destroyed, 1);
    finish(&subject);
    OK(wskt_loop_free(loop));
}

/* -- in each kind of callback ------------------------------------------- */

static void free_in_event(wskt_event_type type, const char *port_name, enum way way) {
    static const char *const scripts[] = {
        NULL,
        "hold; accept; text one; text two; flush; expect-fin",
        "hold; accept; text one; text two; close 1000; flush; expect-fin",
        "text one; text two; fin; expect-fin",
        "text one; text two; fin; expect-fin",
        "recvn 1; text one; expect-fin",
    };
    char *url = script_url(port_name, scripts[type], new_id());
    wskt_loop *loop = new_loop(way);
    int threads = count_threads();
    int fds = count_fds();
    struct subject subject;
    pthread_t thread;
    make(&subject, scripts[type], way, loop, url);
    subject.free_in = type;
    if (!way_connects(way)) {
        OK(wskt_socket_open(subject.socket));
    }
    if (way == WAY_THREAD) {
        lock(&subject);
        wait_for(&subject, &subject.destroyed, 1);
        unlock(&subject);
    } else {
        /* A thread that has waited keeps a descriptor while it lives. */
        CHECK_INT(pthread_create(&thread, NULL, drive, &subject), 0);
        pthread_join(thread, NULL);
    }
    turn_once_more(&subject);
    finish(&subject);
    CHECK_INT(subject.events[type], 1);
    CHECK_INT(subject.events[WSKT_EVENT_CLOSE], type == WSKT_EVENT_CLOSE);
    wait_for_quiet(scripts[type], threads, fds);
    OK(wskt_loop_free(loop));
    free(url);
}

/* ----------------------------------------------------------------------- */

static void *every_phase(void *argument) {
    enum way way = *(const enum way *)argument;
    size_t i;
    int type;
    free_unopened(way);
    for (i = 0; i < PHASES; i++) {
        if (suits(&phases[i], way)) {
            free_in_phase(&phases[i], way);
        }
    }
    for (type = WSKT_EVENT_OPEN; type <= WSKT_EVENT_DRAIN; type++) {
        free_in_event((wskt_event_type)type, "ws", way);
        free_in_event((wskt_event_type)type, "wss", way);
    }
    return NULL;
}

int main(void) {
    int i;
    begin();
    config = trusting_config();
    OK(wskt_config_set_water_marks(config, 0, 10));
    OK(wskt_config_set_linger_timeout(config, limit_ms()));
    for (i = 0; i < WAYS; i++) {
        enum way way = (enum way)i;
        pthread_t thread;
        /* On a thread of its own: what that leaves behind shows in `end`. */
        now_testing(way_name(way));
        CHECK_INT(pthread_create(&thread, NULL, every_phase, &way), 0);
        pthread_join(thread, NULL);
    }
    wskt_config_free(config);
    return end();
}
