/* close-events.md, section 2, CONNECTING: close and abort return at once with
   ready state 2; the attempt is abandoned in whatever phase it is; open never
   comes, not even if the 101 is there already. */
#include "support/ways.h"

#include <poll.h>

static wskt_config *configs[2];

#define ENDED(cause, message)                                               \
    "error/3 " cause " \"" message "\"\nclose/3 1006 \"\" unclean peer=0 " \
    cause " \"" message "\"\n"
#define CLOSED_LOG ENDED("local", "closed by the program while connecting")
#define ABORTED_LOG ENDED("abort", "aborted by the program")
#define HIDDEN_LOG ENDED("unknown", "")

static void end_it(struct party *party, bool abort) {
    if (abort) {
        OK(wskt_socket_abort(party->socket));
    } else {
        OK(wskt_socket_close(party->socket, 1000, "x", 1));
    }
    CHECK(wskt_socket_ready_state(party->socket) >= WSKT_CLOSING);
}

static void judge(struct party *party, bool browser, bool abort,
                  const char *what) {
    const char *want = browser ? HIDDEN_LOG : abort ? ABORTED_LOG : CLOSED_LOG;
    if (!text_like(text_of(&party->log), want)) {
        FAIL("%s, %s: %s", what, party->name, text_of(&party->log));
    }
    party_check_closed(party);
}

/* -- from another thread, in each phase ----------------------------------- */

struct ender {
    struct party *party;
    bool abort;
};

static void *end_beside(void *argument) {
    struct ender *ender = argument;
    /* The phase has no event of its own; it lasts until this ends it. */
    pause_ms(20);
    end_it(ender->party, ender->abort);
    return NULL;
}

static void in_phase(const char *what, const char *url, enum way way,
                     bool browser, bool abort) {
    struct party party;
    struct ender ender;
    pthread_t thread;
    double before = now_ms();
    party_make(&party, way, NULL, url, configs[browser]);
    ender.party = &party;
    ender.abort = abort;
    CHECK_INT(pthread_create(&thread, NULL, end_beside, &ender), 0);
    party_start(&party);
    party_drive(&party);
    pthread_join(thread, NULL);
    judge(&party, browser, abort, what);
    CHECK(now_ms() - before < patient_ms(5000));
    party_free(&party);
}

static void in_every_phase(void) {
    char *dialing = path_url("full", "/");
    char *upgrading = script_url("ws", "none; expect-fin", new_id());
    struct text securing = {0};
    int way, kind;
    text_add(&securing, "wss://127.0.0.1:%d/", port("blackhole"));
    for (way = 0; way < WAYS; way++) {
        for (kind = 0; kind < 4; kind++) {
            bool browser = kind / 2 == 1, abort = kind % 2 == 1;
            in_phase("dialing", dialing, (enum way)way, browser, abort);
            in_phase("securing", text_of(&securing), (enum way)way, browser, abort);
            in_phase("upgrading", upgrading, (enum way)way, browser, abort);
        }
    }
    text_free(&securing);
    free(upgrading);
    free(dialing);
}

/* -- the 101 is in our kernel --------------------------------------------- */

/* Goes on for a moment; nothing may fire. */
static void step(struct party *party) {
    const wskt_event *event = NULL;
    struct pollfd poll_for;
    if (party->way == WAY_EMBEDDED) {
        poll_for.fd = wskt_loop_fd(party->loop);
        poll_for.events = POLLIN;
        poll(&poll_for, 1, 5);
        OK(wskt_loop_dispatch(party->loop));
    } else {
        RESULT(wskt_loop_next_event(party->loop, 5, &event), WSKT_ERR_TIMEOUT);
    }
}

struct marker {
    char name[64];
    bool reached;
    pthread_mutex_t mutex;
};

static void *await_mark(void *argument) {
    struct marker *marker = argument;
    wait_mark(marker->name);
    pthread_mutex_lock(&marker->mutex);
    marker->reached = true;
    pthread_mutex_unlock(&marker->mutex);
    return NULL;
}

static bool is_reached(struct marker *marker) {
    bool reached;
    pthread_mutex_lock(&marker->mutex);
    reached = marker->reached;
    pthread_mutex_unlock(&marker->mutex);
    return reached;
}

static void with_the_answer_waiting(enum way way, bool abort) {
    struct marker marker = {.reached = false};
    struct party party;
    const char *id = new_id();
    char name[64];
    pthread_t thread;
    char *url = script_url("ws",
                           "none; mark $ID-m; wait $ID-s; accept hold; text "
                           "early; close 1001 x; flush; mark $ID-n; drain",
                           id);
    pthread_mutex_init(&marker.mutex, NULL);
    snprintf(marker.name, sizeof marker.name, "%s-m", id);
    party_make(&party, way, NULL, url, configs[0]);
    party_start(&party);
    CHECK_INT(pthread_create(&thread, NULL, await_mark, &marker), 0);
    while (!is_reached(&marker)) {
        step(&party);
    }
    pthread_join(thread, NULL);
    snprintf(name, sizeof name, "%s-s", id);
    signal_server(name);
    snprintf(name, sizeof name, "%s-n", id);
    wait_mark(name);
    end_it(&party, abort);
    CHECK_INT(wskt_socket_ready_state(party.socket), WSKT_CLOSING);
    CHECK_INT(party.log.len, 0);
    party_drive(&party);
    judge(&party, false, abort, "the 101 is there");
    party_free(&party);
    pthread_mutex_destroy(&marker.mutex);
    free(url);
}

int main(void) {
    int i;
    begin();
    for (i = 0; i < 2; i++) {
        configs[i] = trusting_config();
        OK(wskt_config_set_browser_mode(configs[i], i == 1));
    }
    RUN(in_every_phase);
    now_testing("with_the_answer_waiting");
    for (i = 0; i < 2; i++) {
        with_the_answer_waiting(WAY_EMBEDDED, i == 1);
        with_the_answer_waiting(WAY_PULLED, i == 1);
    }
    wskt_config_free(configs[0]);
    wskt_config_free(configs[1]);
    return end();
}
