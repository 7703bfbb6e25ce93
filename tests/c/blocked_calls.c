/* One socket and several threads: sends beside a blocked recv, everything
   that ends a blocked call, and nothing that gets lost by it. */
#include "support/driven.h"
#include "support/ways.h"

#include <signal.h>

static const int delays[] = {0, 1, 15, 150};
enum { DELAYS = sizeof delays / sizeof delays[0] };

static void no_op(int number) {
    (void)number;
}

static void signal_server_for(const char *id, const char *what) {
    char name[64];
    snprintf(name, sizeof name, "%s-%s", id, what);
    signal_server(name);
}

/* One for all sockets: it loads the trusted certificates once. */
static wskt_config *config;

static wskt_socket *connected(const char *url) {
    const wskt_event *event;
    wskt_socket *socket;
    OK(wskt_socket_new(NULL, url, config, &socket));
    if (wskt_socket_connect(socket, limit_ms()) != WSKT_OK) {
        FAIL("%s: %s", url, wskt_socket_close_event(socket)->message);
    }
    OK(wskt_socket_recv(socket, limit_ms(), &event));
    CHECK_INT(event->type, WSKT_EVENT_OPEN);
    return socket;
}

static void close_and_free(wskt_socket *socket) {
    const wskt_event *event;
    wskt_result result;
    OK(wskt_socket_close(socket, 1000, NULL, 0));
    do {
        result = wskt_socket_recv(socket, limit_ms(), &event);
    } while (result == WSKT_ERR_INTERRUPTED);
    OK(result);
    CHECK_INT(event->type, WSKT_EVENT_CLOSE);
    CHECK(((const wskt_close_event *)event)->was_clean);
    wskt_socket_free(socket);
}

/* -- a thread that waits in recv ---------------------------------------- */

struct receiver {
    wskt_socket *socket;
    pthread_t thread;
    wskt_result result;
    wskt_event_type type;
    double returned;
    bool done;
    pthread_mutex_t mutex;
};

static void *receive(void *argument) {
    struct receiver *receiver = argument;
    const wskt_event *event = NULL;
    wskt_result result = recv_watched(receiver->socket, -1, &event);
    pthread_mutex_lock(&receiver->mutex);
    receiver->returned = now_ms();
    receiver->result = result;
    receiver->type = result == WSKT_OK ? event->type : 0;
    receiver->done = true;
    pthread_mutex_unlock(&receiver->mutex);
    return NULL;
}

static void start_receiver(struct receiver *receiver, wskt_socket *socket) {
    memset(receiver, 0, sizeof *receiver);
    pthread_mutex_init(&receiver->mutex, NULL);
    receiver->socket = socket;
    CHECK_INT(pthread_create(&receiver->thread, NULL, receive, receiver), 0);
    wait_driven(socket);
}

static bool is_done(struct receiver *receiver) {
    bool done;
    pthread_mutex_lock(&receiver->mutex);
    done = receiver->done;
    pthread_mutex_unlock(&receiver->mutex);
    return done;
}

static void join_receiver(struct receiver *receiver) {
    double until = now_ms() + limit_ms();
    while (!is_done(receiver)) {
        if (now_ms() > until) {
            FAIL("recv does not return");
        }
        pause_ms(1);
    }
    pthread_join(receiver->thread, NULL);
    pthread_mutex_destroy(&receiver->mutex);
}

/* The server answers nothing but our message, so recv can only return
   because that left while it was blocked. */
static void a_send_goes_out_at_once(const char *port_name) {
    char *url = path_url(port_name, "/echo");
    wskt_socket *socket = connected(url);
    double best = 1e9;
    int round;
    for (round = 0; round < 12; round++) {
        struct receiver receiver;
        double begun;
        start_receiver(&receiver, socket);
        pause_ms(delays[round % DELAYS]);
        begun = now_ms();
        OK(wskt_socket_send_text(socket, "now", 3));
        join_receiver(&receiver);
        OK(receiver.result);
        CHECK_INT(receiver.type, WSKT_EVENT_MESSAGE);
        best = receiver.returned - begun < best ? receiver.returned - begun : best;
        CHECK(receiver.returned - begun < patient_ms(5000));
    }
    /* Not with the next slice of a wait, which is some 100 ms. */
    CHECK(best < patient_ms(50));
    close_and_free(socket);
    free(url);
}

/* -- what ends a blocked recv ------------------------------------------- */

enum ending { BY_ABORT, BY_CLOSE, BY_FREE, BY_INTERRUPT, BY_SIGNAL };

static void end_recv(const char *port_name, enum ending ending, int delay) {
    char *url = path_url(port_name, "/echo");
    wskt_socket *socket = connected(url);
    struct receiver receiver;
    start_receiver(&receiver, socket);
    pause_ms(delay);
    switch (ending) {
        case BY_ABORT:
            OK(wskt_socket_abort(socket));
            break;
        case BY_CLOSE:
            OK(wskt_socket_close(socket, 1000, NULL, 0));
            break;
        case BY_FREE:
            wskt_socket_free(socket);
            break;
        case BY_INTERRUPT:
            OK(wskt_socket_interrupt(socket));
            break;
        case BY_SIGNAL:
            /* One that comes right before the wait is not noticed. */
            while (!is_done(&receiver)) {
                CHECK_INT(pthread_kill(receiver.thread, SIGUSR1), 0);
                pause_ms(1);
            }
            break;
    }
    join_receiver(&receiver);
    if (ending == BY_FREE) {
        RESULT(receiver.result, WSKT_ERR_CLOSED);
    } else if (ending == BY_ABORT || ending == BY_CLOSE) {
        OK(receiver.result);
        CHECK_INT(receiver.type, ending == BY_ABORT ? WSKT_EVENT_ERROR
                                                    : WSKT_EVENT_CLOSE);
        CHECK_INT(wskt_socket_close_event(socket)->cause,
                  ending == BY_ABORT ? WSKT_CAUSE_ABORT : WSKT_CAUSE_LOCAL);
        wskt_socket_free(socket);
    } else {
        RESULT(receiver.result, WSKT_ERR_INTERRUPTED);
        close_and_free(socket);
    }
    free(url);
}

static void a_blocked_recv_can_be_ended(const char *port_name) {
    int ending, i;
    for (ending = BY_ABORT; ending <= BY_SIGNAL; ending++) {
        for (i = 0; i < DELAYS; i++) {
            end_recv(port_name, (enum ending)ending, delays[i]);
        }
    }
}

/* A message that comes a byte at a time behind its header, each soon after the
   one before: its 20 s delay neither a limit nor an interrupt. */
static void a_message_that_trickles(const char *port_name) {
    char *url =
        script_url(port_name,
                   "text first; recv; raw 827e07d000; split 1 us=20000; repeat 1000 raw 0000;"
                   "drain",
                   new_id());
    wskt_socket *socket = connected(url);
    const wskt_event *event = NULL;
    struct receiver receiver;
    double begun;
    OK(wskt_socket_recv(socket, limit_ms(), &event));
    CHECK_INT(event->type, WSKT_EVENT_MESSAGE);
    OK(wskt_socket_send_text(socket, "go", 2));
    event = NULL;
    begun = now_ms();
    RESULT(wskt_socket_recv(socket, 500, &event), WSKT_ERR_TIMEOUT);
    CHECK(now_ms() - begun >= 500);
    CHECK(now_ms() - begun < 15000);
    start_receiver(&receiver, socket);
    pause_ms(300);
    begun = now_ms();
    OK(wskt_socket_interrupt(socket));
    join_receiver(&receiver);
    RESULT(receiver.result, WSKT_ERR_INTERRUPTED);
    CHECK(now_ms() - begun < 15000);
    CHECK(event == NULL);
    wskt_socket_free(socket);
    free(url);
}

static void *connect_blackhole(void *argument) {
    struct receiver *receiver = argument;
    receiver->result = wskt_socket_connect(receiver->socket, -1);
    return NULL;
}

/* The connection is not there yet: connect waits for the upgrade. */
static void a_blocked_connect_can_be_ended(void) {
    static const wskt_result wanted[] = {WSKT_ERR_CONNECT_FAILED,
                                         WSKT_ERR_CONNECT_FAILED,
                                         WSKT_ERR_CLOSED, WSKT_ERR_INTERRUPTED};
    char *url = path_url("blackhole", "/");
    int ending;
    for (ending = BY_ABORT; ending <= BY_INTERRUPT; ending++) {
        struct receiver receiver = {0};
        OK(wskt_socket_new(NULL, url, NULL, &receiver.socket));
        CHECK_INT(pthread_create(&receiver.thread, NULL, connect_blackhole,
                                 &receiver), 0);
        wait_driven(receiver.socket);
        pause_ms(5);
        switch (ending) {
            case BY_ABORT:
                OK(wskt_socket_abort(receiver.socket));
                break;
            case BY_CLOSE:
                OK(wskt_socket_close(receiver.socket, 0, NULL, 0));
                break;
            case BY_FREE:
                wskt_socket_free(receiver.socket);
                break;
            default:
                OK(wskt_socket_interrupt(receiver.socket));
                break;
        }
        pthread_join(receiver.thread, NULL);
        RESULT(receiver.result, wanted[ending]);
        if (ending != BY_FREE) {
            wskt_socket_free(receiver.socket);
        }
    }
    free(url);
}

/* -- nothing is lost ---------------------------------------------------- */

/* One interrupt, before or in the wait; what comes then is there. */
static void the_next_recv_gets_it(const char *port_name, bool by_signal) {
    const char *id = new_id();
    char *url = script_url(port_name,
                           "wait $ID-a; text a; wait $ID-b; text b;"
                           "answer-close; half-close", id);
    wskt_socket *socket = connected(url);
    struct receiver receiver;
    const wskt_event *event;
    if (!by_signal) {
        OK(wskt_socket_interrupt(socket));
        OK(wskt_socket_interrupt(socket));
        RESULT(wskt_socket_recv(socket, -1, &event), WSKT_ERR_INTERRUPTED);
        RESULT(wskt_socket_recv(socket, 0, &event), WSKT_ERR_TIMEOUT);
    }
    start_receiver(&receiver, socket);
    while (!is_done(&receiver)) {
        if (by_signal) {
            CHECK_INT(pthread_kill(receiver.thread, SIGUSR1), 0);
        } else {
            OK(wskt_socket_interrupt(socket));
        }
        pause_ms(1);
    }
    join_receiver(&receiver);
    RESULT(receiver.result, WSKT_ERR_INTERRUPTED);
    signal_server_for(id, "a");
    while (wskt_socket_recv(socket, limit_ms(), &event) == WSKT_ERR_INTERRUPTED) {
        CHECK(!by_signal);
    }
    CHECK_INT(as_message(event)->len, 1);
    CHECK(memcmp(as_message(event)->data, "a", 1) == 0);
    signal_server_for(id, "b");
    OK(wskt_socket_recv(socket, limit_ms(), &event));
    CHECK(memcmp(as_message(event)->data, "b", 1) == 0);
    close_and_free(socket);
    free(url);
}

struct pest {
    wskt_socket *socket;
    wskt_loop *loop;
    pthread_t victim;
    const char *id;
    /* A wait was interrupted: the server may send, after which the pulled way
       need not wait at all. */
    bool felt;
    bool stop;
    pthread_mutex_t mutex;
};

static void *pester(void *argument) {
    struct pest *pest = argument;
    bool stop = false, felt = false, gone = false;
    int round;
    for (round = 0; !stop; round++) {
        if (round % 2 == 0) {
            CHECK_INT(pthread_kill(pest->victim, SIGUSR1), 0);
        } else if (pest->loop != NULL) {
            OK(wskt_loop_wake(pest->loop));
        } else {
            OK(wskt_socket_interrupt(pest->socket));
        }
        if (round >= 10 && felt && !gone) {
            signal_server_for(pest->id, "go");
            gone = true;
        }
        if (round % 64 == 0) {
            pause_ms(1);
        }
        pthread_mutex_lock(&pest->mutex);
        stop = pest->stop;
        felt = pest->felt;
        pthread_mutex_unlock(&pest->mutex);
    }
    return NULL;
}

static void feel(struct pest *pest) {
    pthread_mutex_lock(&pest->mutex);
    pest->felt = true;
    pthread_mutex_unlock(&pest->mutex);
}

/* Interrupts and signals without end while messages stream in. */
static void nothing_is_lost(const char *port_name, bool pulled) {
    int count = is_slow() ? 300 : 3000;
    struct text script = {0};
    struct pest pest = {0};
    const wskt_event *event = NULL;
    pthread_t thread;
    wskt_result result;
    char *url;
    int messages = 0, interrupted = 0;
    pest.id = new_id();
    text_add(&script,
             "wait $ID-go; repeat %d binn 700; close 1000; expect-close;"
             "half-close", count);
    url = script_url(port_name, text_of(&script), pest.id);
    pthread_mutex_init(&pest.mutex, NULL);
    pest.victim = pthread_self();
    if (pulled) {
        OK(wskt_loop_new(&pest.loop));
        OK(wskt_socket_new(pest.loop, url, config, &pest.socket));
        OK(wskt_socket_open(pest.socket));
    } else {
        OK(wskt_socket_new(NULL, url, config, &pest.socket));
    }
    CHECK_INT(pthread_create(&thread, NULL, pester, &pest), 0);
    while (!pulled && (result = wskt_socket_connect(
                           pest.socket, limit_ms())) != WSKT_OK) {
        RESULT(result, WSKT_ERR_INTERRUPTED);
        interrupted += 1;
        feel(&pest);
    }
    do {
        result = pulled ? wskt_loop_next_event(pest.loop, limit_ms(), &event)
                        : wskt_socket_recv(pest.socket, limit_ms(), &event);
        if (result == WSKT_ERR_INTERRUPTED) {
            interrupted += 1;
            feel(&pest);
            continue;
        }
        OK(result);
        messages += event->type == WSKT_EVENT_MESSAGE;
        CHECK(event->type != WSKT_EVENT_MESSAGE || as_message(event)->len == 700);
    } while (event == NULL || event->type != WSKT_EVENT_CLOSE);
    pthread_mutex_lock(&pest.mutex);
    pest.stop = true;
    pthread_mutex_unlock(&pest.mutex);
    pthread_join(thread, NULL);
    CHECK_INT(messages, count);
    CHECK(interrupted > 0);
    CHECK(as_close(event)->was_clean);
    wskt_socket_free(pest.socket);
    OK(wskt_loop_free(pest.loop));
    pthread_mutex_destroy(&pest.mutex);
    text_free(&script);
    free(url);
}

int main(void) {
    static const char *const ports[] = {"ws", "wss"};
    struct sigaction action;
    int i;
    memset(&action, 0, sizeof action);
    action.sa_handler = no_op;
    sigemptyset(&action.sa_mask);
    CHECK_INT(sigaction(SIGUSR1, &action, NULL), 0);
    begin();
    config = trusting_config();
    RUN(a_blocked_connect_can_be_ended);
    for (i = 0; i < 2; i++) {
        now_testing("a_send_goes_out_at_once");
        a_send_goes_out_at_once(ports[i]);
        now_testing("a_blocked_recv_can_be_ended");
        a_blocked_recv_can_be_ended(ports[i]);
        now_testing("a_message_that_trickles");
        a_message_that_trickles(ports[i]);
        now_testing("the_next_recv_gets_it");
        the_next_recv_gets_it(ports[i], false);
        the_next_recv_gets_it(ports[i], true);
        now_testing("nothing_is_lost");
        nothing_is_lost(ports[i], false);
        nothing_is_lost(ports[i], true);
    }
    wskt_config_free(config);
    return end();
}
