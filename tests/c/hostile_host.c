/* A host program that misbehaves: signals all the time, no descriptors left or
   very many, callbacks that never return or open fifty sockets, calls from
   exit handlers. */
#include "support/cases.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#define TALK "echo 3; close 1000; expect-close; half-close"
#define TALK_LOG                                                   \
    "open/1\ntext/1 \"a\"\ntext/1 \"b\"\ntext/1 \"c\"\nclose/3 1000 \"\" " \
    "clean peer=1000 peer \"\"\n"

static void send_three(struct party *party, const wskt_event *event) {
    if (event->type == WSKT_EVENT_OPEN) {
        OK(wskt_socket_send_text(party->socket, "a", 1));
        OK(wskt_socket_send_text(party->socket, "b", 1));
        OK(wskt_socket_send_text(party->socket, "c", 1));
    }
}

/* A whole conversation, driven in this way. */
static void talk(enum way way, const char *port_name) {
    struct party party;
    wskt_config *config = trusting_config();
    const char *id = new_id();
    char *url = script_url(port_name, TALK, id);
    party_make(&party, way, NULL, url, config);
    party.on_event = send_three;
    party_start(&party);
    party_drive(&party);
    party_check_closed(&party);
    CHECK_STR(text_of(&party.log), TALK_LOG);
    party_free(&party);
    wskt_config_free(config);
    free(url);
}

/* -- signals ------------------------------------------------------------ */

static volatile sig_atomic_t signals_seen;

static void on_signal(int number) {
    (void)number;
    signals_seen += 1;
}

/* Until this time a wait that a signal ends is begun again. */
static wskt_result patiently(wskt_result (*call)(wskt_socket *, int32_t),
                             wskt_socket *socket) {
    double until = now_ms() + limit_ms();
    wskt_result result;
    do {
        result = call(socket, limit_ms());
    } while (result == WSKT_ERR_INTERRUPTED && now_ms() < until);
    return result;
}

static const wskt_event *next(wskt_socket *socket) {
    const wskt_event *event = NULL;
    double until = now_ms() + limit_ms();
    wskt_result result;
    do {
        result = wskt_socket_recv(socket, limit_ms(), &event);
    } while (result == WSKT_ERR_INTERRUPTED && now_ms() < until);
    OK(result);
    return event;
}

/* A signal every millisecond, its handler without SA_RESTART: every wait ends
   with INTERRUPTED, nothing is lost, and all else does not notice. */
static void signals_all_the_time(void) {
    static char block[300000];
    struct sigaction action;
    struct itimerval every = {{0, 1000}, {0, 1000}};
    struct itimerval never = {{0, 0}, {0, 0}};
    const char *ports[] = {"ws", "wss"};
    wskt_config *config = trusting_config();
    size_t i;
    int j;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    for (i = 0; i < 2; i++) {
        char *url = path_url(ports[i], "/echo");
        wskt_socket *socket;
        OK(wskt_socket_new(NULL, url, config, &socket));
        CHECK(setitimer(ITIMER_REAL, &every, NULL) == 0);
        OK(patiently(wskt_socket_connect, socket));
        CHECK_INT(next(socket)->type, WSKT_EVENT_OPEN);
        for (j = 0; j < 30; j++) {
            wskt_result sent;
            do {
                sent = wskt_socket_send_binary(socket, block, sizeof block);
            } while (sent == WSKT_ERR_INTERRUPTED);
            OK(sent);
            CHECK_INT(as_message(next(socket))->len, sizeof block);
        }
        OK(wskt_socket_close(socket, 1000, NULL, 0));
        CHECK(as_close(next(socket))->was_clean);
        CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0);
        wskt_socket_free(socket);
        free(url);
    }
    CHECK(signals_seen > 0);
    wskt_config_free(config);
}

enum { BLOCKS = 8, BLOCK = 200000 };

static void send_a_block(wskt_socket *socket) {
    static const char block[BLOCK];
    wskt_result sent;
    do {
        sent = wskt_socket_send_binary(socket, block, sizeof block);
    } while (sent == WSKT_ERR_INTERRUPTED);
    OK(sent);
}

static void send_blocks(struct party *party, const wskt_event *event) {
    if (event->type == WSKT_EVENT_MESSAGE) {
        CHECK_INT(as_message(event)->len, BLOCK);
    }
    if (party->messages == BLOCKS) {
        OK(wskt_socket_close(party->socket, 1000, NULL, 0));
    } else if (event->type == WSKT_EVENT_OPEN ||
               event->type == WSKT_EVENT_MESSAGE) {
        send_a_block(party->socket);
    }
}

/* The same in every way of driving; where the library has a thread, that one
   gets the signals. */
static void signals_in_every_way(void) {
    static const char *const ports[] = {"ws", "wss"};
    struct sigaction action;
    struct itimerval every = {{0, 500}, {0, 500}};
    struct itimerval never = {{0, 0}, {0, 0}};
    wskt_config *config = trusting_config();
    sigset_t alarms;
    int at, way;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    sigemptyset(&alarms);
    sigaddset(&alarms, SIGALRM);
    for (way = 0; way < WAYS; way++) {
        for (at = 0; at < 2; at++) {
            char *url = path_url(ports[at], "/echo");
            struct party party;
            party_make(&party, (enum way)way, NULL, url, config);
            party.on_event = send_blocks;
            if (way == WAY_THREAD) {
                CHECK(pthread_sigmask(SIG_BLOCK, &alarms, NULL) == 0);
            }
            signals_seen = 0;
            CHECK(setitimer(ITIMER_REAL, &every, NULL) == 0);
            do {
                party_start(&party);
            } while (party.started == WSKT_ERR_INTERRUPTED);
            OK(party.started);
            party_drive(&party);
            CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0);
            CHECK(pthread_sigmask(SIG_UNBLOCK, &alarms, NULL) == 0);
            CHECK_INT(party.messages, BLOCKS);
            CHECK(wskt_socket_close_event(party.socket)->was_clean);
            CHECK(signals_seen > 0);
            party_check_closed(&party);
            party_free(&party);
            free(url);
        }
    }
    wskt_config_free(config);
}

/* -- descriptors -------------------------------------------------------- */

/* Descriptors with numbers over 1024, where select(2) would write elsewhere. */
static void descriptors_over_1024(void) {
    static int taken[1100];
    struct rlimit limit;
    int way;
    int i;
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    if (limit.rlim_cur < 1400) {
        limit.rlim_cur = 1400;
        CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    }
    for (i = 0; i < 1100; i++) {
        taken[i] = open("/dev/null", O_RDONLY);
        CHECK(taken[i] >= 0);
    }
    CHECK(taken[1099] > 1024);
    for (way = 0; way < WAYS; way++) {
        talk((enum way)way, "ws");
        talk((enum way)way, "wss");
    }
    for (i = 0; i < 1100; i++) {
        close(taken[i]);
    }
}

/* No descriptor left, at each point of making and connecting: a result or an
   event says so, nothing hangs, nothing is lost, and afterwards all works. */
static void no_descriptor_left(void) {
    struct rlimit limit;
    struct rlimit none;
    int before = count_fds();
    int spare;
    int refusals = 0;
    int loops;
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    for (loops = 0; loops < 2; loops++) {
        for (spare = 0; spare < 8; spare++) {
            char *url = path_url("ws", "/echo");
            wskt_loop *loop = NULL;
            wskt_socket *socket = NULL;
            const wskt_event *event = NULL;
            wskt_result result = WSKT_OK;
            none = limit;
            /* 0, 1, 2 and what is open now stay; `spare` more may come. */
            none.rlim_cur = (rlim_t)(before + spare);
            CHECK(setrlimit(RLIMIT_NOFILE, &none) == 0);
            if (loops == 1) {
                result = wskt_loop_new(&loop);
            }
            if (result == WSKT_OK) {
                OK(wskt_socket_new(loop, url, NULL, &socket));
                if (loop == NULL) {
                    result = wskt_socket_connect(socket, limit_ms());
                } else {
                    result = wskt_socket_open(socket);
                    if (result == WSKT_OK) {
                        OK(wskt_loop_next_event(loop, limit_ms(), &event));
                        if (event->type == WSKT_EVENT_ERROR) {
                            CHECK_INT(as_error(event)->os_error, EMFILE);
                            result = WSKT_ERR_CONNECT_FAILED;
                        }
                    }
                }
            }
            if (result != WSKT_OK) {
                if (result != WSKT_ERR_IO &&
                    result != WSKT_ERR_CONNECT_FAILED) {
                    FAIL("%d spare: %s", spare, wskt_result_name(result));
                }
                refusals += 1;
            }
            CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
            wskt_socket_free(socket);
            OK(wskt_loop_free(loop));
            free(url);
            CHECK_INT(count_fds(), before);
        }
    }
    CHECK(refusals > 0 && refusals < 16);
    talk(WAY_BLOCKING, "ws");
    talk(WAY_THREAD, "ws");
}

/* -- callbacks ---------------------------------------------------------- */

enum { MANY = 50 };

struct crowd {
    wskt_socket *sockets[MANY];
    char *url;
    wskt_loop *loop;
    int closed;
};

static void count_close(wskt_socket *socket, const wskt_close_event *event,
                        void *user_data) {
    struct crowd *crowd = user_data;
    (void)socket;
    CHECK(event->was_clean);
    crowd->closed += 1;
}

static void open_fifty(struct party *party, const wskt_event *event) {
    struct crowd *crowd = party->data;
    int i;
    if (event->type != WSKT_EVENT_OPEN) {
        return;
    }
    for (i = 0; i < MANY; i++) {
        OK(wskt_socket_new(party->loop, crowd->url, NULL, &crowd->sockets[i]));
        OK(wskt_socket_set_user_data(crowd->sockets[i], crowd, NULL));
        OK(wskt_socket_set_on_close(crowd->sockets[i], count_close));
        OK(wskt_socket_open(crowd->sockets[i]));
    }
}

static void fifty_sockets_in_a_callback(void) {
    struct crowd crowd;
    struct party party;
    int i;
    char *url = script_url("ws", "close 1000; expect-close; half-close",
                           new_id());
    memset(&crowd, 0, sizeof crowd);
    crowd.url = script_url("ws", "close 1000; expect-close; half-close",
                           new_id());
    /* run returns once every socket of the loop is closed. */
    party_make(&party, WAY_LOOP_RUN, NULL, url, NULL);
    party.on_event = open_fifty;
    party.data = &crowd;
    party_start(&party);
    party_drive(&party);
    while (crowd.closed < MANY) {
        wskt_result ran = wskt_loop_run(party.loop);
        CHECK(ran == WSKT_OK || ran == WSKT_ERR_INTERRUPTED);
    }
    CHECK_INT(crowd.closed, MANY);
    for (i = 0; i < MANY; i++) {
        wskt_socket_free(crowd.sockets[i]);
    }
    party_free(&party);
    free(crowd.url);
    free(url);
}

struct stuck {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool inside;
    bool released;
};

static void never_return(wskt_socket *socket, const wskt_open_event *event,
                         void *user_data) {
    struct stuck *stuck = user_data;
    (void)socket;
    (void)event;
    pthread_mutex_lock(&stuck->mutex);
    stuck->inside = true;
    pthread_cond_broadcast(&stuck->changed);
    while (!stuck->released) {
        pthread_cond_wait(&stuck->changed, &stuck->mutex);
    }
    pthread_mutex_unlock(&stuck->mutex);
}

/* While a callback does not return, every call on its socket and its loop that
   does not wait for it answers at once, and other loops go on. */
static void callback_that_does_not_return(void) {
    struct stuck stuck = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER,
                          false, false};
    char *url = path_url("ws", "/echo");
    wskt_loop *loop;
    wskt_socket *socket;
    wskt_socket *other;
    double begun;
    OK(wskt_loop_new(&loop));
    OK(wskt_socket_new(loop, url, NULL, &socket));
    OK(wskt_socket_set_user_data(socket, &stuck, NULL));
    OK(wskt_socket_set_on_open(socket, never_return));
    OK(wskt_socket_open(socket));
    OK(wskt_loop_start(loop));
    pthread_mutex_lock(&stuck.mutex);
    while (!stuck.inside) {
        pthread_cond_wait(&stuck.changed, &stuck.mutex);
    }
    pthread_mutex_unlock(&stuck.mutex);
    begun = now_ms();
    OK(wskt_socket_send_text(socket, "x", 1));
    OK(wskt_socket_ping(socket, NULL, 0));
    OK(wskt_socket_pause(socket));
    OK(wskt_socket_resume(socket));
    CHECK_INT(wskt_socket_ready_state(socket), WSKT_OPEN);
    OK(wskt_socket_set_on_message(socket, NULL));
    OK(wskt_loop_wake(loop));
    CHECK(wskt_loop_fd(loop) >= 0);
    OK(wskt_socket_new(loop, url, NULL, &other));
    OK(wskt_socket_open(other));
    OK(wskt_socket_abort(other));
    wskt_socket_free(other);
    OK(wskt_socket_close(socket, 1000, NULL, 0));
    OK(wskt_socket_abort(socket));
    CHECK(now_ms() - begun < limit_ms());
    talk(WAY_THREAD, "ws");
    talk(WAY_BLOCKING, "ws");
    pthread_mutex_lock(&stuck.mutex);
    stuck.released = true;
    pthread_cond_broadcast(&stuck.changed);
    pthread_mutex_unlock(&stuck.mutex);
    wskt_socket_free(socket);
    OK(wskt_loop_free(loop));
    free(url);
}

/* The peer is gone while we send: no SIGPIPE, whose default ends us. */
static void no_sigpipe(void) {
    const char *ports[] = {"ws", "wss"};
    wskt_config *config = trusting_config();
    size_t i;
    int j;
    for (i = 0; i < 2; i++) {
        const char *id = new_id();
        char *url = script_url(ports[i], "accept; close-tcp", id);
        wskt_socket *socket;
        OK(wskt_socket_new(NULL, url, config, &socket));
        OK(wskt_socket_connect(socket, limit_ms()));
        for (j = 0; j < 200; j++) {
            wskt_result sent = wskt_socket_send_text(socket, "x", 1);
            CHECK(sent == WSKT_OK || sent == WSKT_ERR_CLOSED);
        }
        wskt_socket_free(socket);
        free(url);
    }
    wskt_config_free(config);
}

/* -- the end of the process --------------------------------------------- */

static wskt_loop *late_loop;
static wskt_socket *late_socket;
static char *late_url;

/* Runs when main is over; threads of the library still run. */
static void at_exit(void) {
    const wskt_event *event;
    wskt_socket *socket;
    wskt_loop *loop;
    OK(wskt_socket_send_text(late_socket, "late", 4));
    OK(wskt_socket_close(late_socket, 1000, NULL, 0));
    wskt_socket_free(late_socket);
    OK(wskt_loop_free(late_loop));
    OK(wskt_loop_new(&loop));
    RESULT(wskt_loop_next_event(loop, 0, &event), WSKT_ERR_TIMEOUT);
    OK(wskt_loop_free(loop));
    OK(wskt_socket_new(NULL, late_url, NULL, &socket));
    OK(wskt_socket_connect(socket, limit_ms()));
    OK(wskt_socket_recv(socket, limit_ms(), &event));
    CHECK_INT(event->type, WSKT_EVENT_OPEN);
    wskt_socket_free(socket);
    free(late_url);
}

/* The process ends by exit, in the handler's way, with sockets open and the
   default loop running. */
static void exit_handlers(void) {
    wskt_socket *on_default;
    CHECK(atexit(at_exit) == 0);
    OK(wskt_loop_new(&late_loop));
    late_url = path_url("ws", "/echo");
    OK(wskt_socket_new(late_loop, late_url, NULL, &late_socket));
    OK(wskt_socket_open(late_socket));
    OK(wskt_loop_start(late_loop));
    while (wskt_socket_ready_state(late_socket) == WSKT_CONNECTING) {
        pause_ms(1);
    }
    OK(wskt_socket_new(NULL, late_url, NULL, &on_default));
    OK(wskt_socket_open(on_default));
    exit(0);
}

int main(int argc, char **argv) {
    static const struct named_case cases[] = {
        CASE(signals_all_the_time),
        CASE(signals_in_every_way),
        CASE(descriptors_over_1024),
        CASE(no_descriptor_left),
        CASE(fifty_sockets_in_a_callback),
        CASE(callback_that_does_not_return),
        CASE(no_sigpipe),
        CASE(exit_handlers),
    };
    return CASES(argc, argv, cases);
}
