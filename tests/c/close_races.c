/* Closing while something else goes on: both sides at once, beside a large
   send, and in random orders of calls that two threads make truly at once.
   WSKT_RACES is how many random runs, WSKT_SEED repeats their choices. */
#include "support/ways.h"

static wskt_config *config;

/* Loads the trusted certificates. Under valgrind that takes longer than the
   server waits for a ClientHello, so the first connection does not count. */
static void load_certificates(void) {
    char *url = path_url("wss", "/echo");
    wskt_socket *socket;
    OK(wskt_socket_new(NULL, url, config, &socket));
    (void)wskt_socket_connect(socket, limit_ms());
    wskt_socket_free(socket);
    free(url);
}

static void signal_for(const char *id) {
    char name[64];
    snprintf(name, sizeof name, "%s-go", id);
    signal_server(name);
}

static void judge(struct party *party, const char *want) {
    if (!text_like(text_of(&party->log), want)) {
        FAIL("%s: got\n%s\nwant\n%s", party->name, text_of(&party->log), want);
    }
}

/* -- both sides at once ------------------------------------------------- */

static void close_when_open(struct party *party, const wskt_event *event) {
    if (event->type == WSKT_EVENT_OPEN) {
        signal_for(party->data);
        OK(wskt_socket_close(party->socket, 3002, "client", 6));
    }
}

/* The server closes with its own code whether ours has come or not. */
static void both_at_once(const char *port_name, enum way way) {
    const char *id = new_id();
    char *url = script_url(port_name,
                           "accept; wait $ID-go; close 3001 server;"
                           "expect-close; half-close", id);
    struct party party;
    struct report report;
    party_make(&party, way, NULL, url, config);
    party.on_event = close_when_open;
    party.data = (void *)id;
    party_start(&party);
    party_drive(&party);
    judge(&party, "open/1\nclose/3 3001 \"server\" clean peer=3001 * \"\"\n");
    get_report(&report, id);
    /* One Close and no second one: ours, or the echo of theirs. */
    CHECK(strcmp(text_of(&report.frames), "close 3002 \"client\"\n") == 0 ||
          strcmp(text_of(&report.frames), "close 3001 \"server\"\n") == 0);
    CHECK_STR(report.errors, "[]");
    free_report(&report);
    party_check_closed(&party);
    party_free(&party);
    free(url);
}

/* -- beside a large send ------------------------------------------------ */

enum { LARGE = 16 << 20 };

struct large {
    struct party *party;
    wskt_result result;
};

static void *send_large(void *argument) {
    struct large *large = argument;
    unsigned char *bytes = pattern_binary(LARGE);
    double until = now_ms() + limit_ms();
    while (wskt_socket_ready_state(large->party->socket) == WSKT_CONNECTING) {
        CHECK(now_ms() < until);
        pause_ms(1);
    }
    large->result = wskt_socket_send_binary(large->party->socket, bytes, LARGE);
    free(bytes);
    return NULL;
}

/* Closes while the message stands in the queue, then lets the server read. */
static void *close_beside(void *argument) {
    struct party *party = ((struct large *)argument)->party;
    double until = now_ms() + limit_ms();
    while (wskt_socket_buffered_amount(party->socket) == 0) {
        CHECK(now_ms() < until);
        pause_ms(1);
    }
    OK(wskt_socket_close(party->socket, 3000, "bye", 3));
    CHECK_INT(wskt_socket_ready_state(party->socket), WSKT_CLOSING);
    RESULT(wskt_socket_send_text(party->socket, "no", 2), WSKT_ERR_CLOSED);
    signal_for(party->data);
    return NULL;
}

static void beside_a_large_send(const char *port_name, enum way way) {
    const char *id = new_id();
    char *url = script_url(port_name,
                           "rcvbuf 65536; stop-reading; wait $ID-go;"
                           "resume-reading; answer-close; half-close", id);
    struct party party;
    struct large large;
    struct report report;
    pthread_t sender, closer;
    party_make(&party, way, NULL, url, config);
    party.data = (void *)id;
    large.party = &party;
    CHECK_INT(pthread_create(&sender, NULL, send_large, &large), 0);
    CHECK_INT(pthread_create(&closer, NULL, close_beside, &large), 0);
    party_start(&party);
    party_drive(&party);
    pthread_join(sender, NULL);
    pthread_join(closer, NULL);
    OK(large.result);
    judge(&party, "open/1\nclose/3 3000 \"bye\" clean peer=3000 local \"\"\n");
    /* The two bytes that were refused. */
    CHECK_INT(wskt_socket_buffered_amount(party.socket), 2);
    get_report(&report, id);
    CHECK_STR(text_of(&report.frames), "binary 16777216\nclose 3000 \"bye\"\n");
    CHECK_STR(report.errors, "[]");
    free_report(&report);
    party_free(&party);
    free(url);
}

/* -- random orders ------------------------------------------------------ */

static const char *const scripts[] = {
    NULL, /* the echo server */
    NULL,
    NULL,
    "text one; bin 000102; repeat 20 textn 3000; close 1001 bye; answer-close;"
    "half-close",
    "text one; ping x; textn 70000; fin",
    "textn 10; rst",
    "text one; raw ff00",
    "http 403",
};

struct race {
    struct party party;
    /* One generator for each thread. */
    uint64_t random[2];
    /* The lowest ready state each may still see. */
    int state[2];
    /* The driving thread has called close. */
    bool closed;
    /* The other thread has, when the log had so many messages. */
    bool closed_beside;
    int messages_then;
    /* Only the driving thread uses the socket now. */
    bool alone;
};

static unsigned draw(uint64_t *random, unsigned below) {
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return (unsigned)(*random >> 33) % below;
}

static void check_one_of(const char *what, wskt_result got, wskt_result a,
                         wskt_result b, wskt_result c) {
    if (got != WSKT_OK && got != a && got != b && got != c) {
        FAIL("%s gives %s", what, wskt_result_name(got));
    }
}

static void check_state(struct race *race, int who) {
    int state = (int)wskt_socket_ready_state(race->party.socket);
    CHECK(state >= race->state[who]);
    race->state[who] = state;
}

/* close or abort has returned on thread `who`. */
static void has_closed(struct race *race, int who) {
    race->state[who] = WSKT_CLOSING;
    if (who == 0) {
        race->closed = true;
        return;
    }
    pthread_mutex_lock(&race->party.mutex);
    if (!race->closed_beside) {
        race->closed_beside = true;
        race->messages_then = race->party.messages;
    }
    pthread_mutex_unlock(&race->party.mutex);
}

/* Any call there is, by thread `who`: 0 drives. */
static void call(struct race *race, int who) {
    static const char bytes[300000];
    wskt_socket *socket = race->party.socket;
    uint64_t *random = &race->random[who];
    wskt_result result;
    check_state(race, who);
    switch (draw(random, 16)) {
        case 0:
        case 1:
        case 2:
        case 3:
        case 4:
            result = wskt_socket_send_binary(
                socket, bytes, draw(random, 8) == 0 ? draw(random, 300000) : 9);
            check_one_of("send", result, WSKT_ERR_CLOSED,
                         WSKT_ERR_INVALID_STATE, WSKT_ERR_BUFFER_FULL);
            break;
        case 5:
            check_one_of("ping", wskt_socket_ping(socket, "ping", 4),
                         WSKT_ERR_CLOSED, WSKT_ERR_INVALID_STATE,
                         WSKT_ERR_BUFFER_FULL);
            break;
        case 6:
            OK(wskt_socket_close(socket, 1000, NULL, 0));
            has_closed(race, who);
            break;
        case 7:
            OK(wskt_socket_abort(socket));
            has_closed(race, who);
            break;
        case 8:
        case 9:
            result = wskt_socket_pause(socket);
            check_one_of("pause", result, WSKT_ERR_CLOSED, WSKT_OK, WSKT_OK);
            break;
        case 10:
        case 11:
        case 12:
            result = wskt_socket_resume(socket);
            check_one_of("resume", result, WSKT_ERR_CLOSED, WSKT_OK, WSKT_OK);
            break;
        case 13:
            RESULT(wskt_socket_interrupt(socket),
                   way_connects(race->party.way) ? WSKT_OK
                                                 : WSKT_ERR_INVALID_STATE);
            break;
        default:
            CHECK(wskt_socket_url(socket, NULL) != NULL);
            CHECK(wskt_socket_error_text(socket) != NULL);
            (void)wskt_socket_close_event(socket);
            break;
    }
    check_state(race, who);
}

static void on_event(struct party *party, const wskt_event *event) {
    struct race *race = party->data;
    bool alone;
    CHECK(event->type != WSKT_EVENT_MESSAGE || !race->closed);
    while (draw(&race->random[0], 3) != 0) {
        call(race, 0);
    }
    pthread_mutex_lock(&party->mutex);
    alone = race->alone;
    pthread_mutex_unlock(&party->mutex);
    if (alone && way_calls_back(party->way) && draw(&race->random[0], 4) == 0) {
        wskt_socket_free(party->socket);
        party_freed(party);
    }
}

/* The other thread, most often once the socket is open; its last call ends the
   socket in any case. Free is legal beside callbacks, not beside calls that use
   the socket. */
static void *call_beside(void *argument) {
    struct race *race = argument;
    struct party *party = &race->party;
    int left = (int)draw(&race->random[1], 12);
    if (draw(&race->random[1], 4) != 0) {
        party_await_open(party);
    }
    while (left-- > 0) {
        call(race, 1);
        if (draw(&race->random[1], 4) == 0) {
            party_await_event(party);
        }
    }
    if (party->loop != NULL && party->way != WAY_PULLED &&
        draw(&race->random[1], 4) == 0) {
        wskt_socket_free(party->socket);
        party_freed(party);
        OK(wskt_loop_wake(party->loop));
        return NULL;
    }
    OK(wskt_socket_close(party->socket, 3000, "end", 3));
    has_closed(race, 1);
    pthread_mutex_lock(&party->mutex);
    race->alone = true;
    pthread_mutex_unlock(&party->mutex);
    return NULL;
}

/* What the runs came to: a test in which most never open would prove little. */
struct tally {
    pthread_mutex_t mutex;
    int runs, opened, heard, clean, freed;
};
static struct tally tally = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static void count_run(struct party *party) {
    pthread_mutex_lock(&tally.mutex);
    tally.runs += 1;
    tally.opened += party->opens;
    tally.heard += party->messages > 0;
    tally.clean += strstr(text_of(&party->log), " clean ") != NULL;
    tally.freed += party->socket == NULL;
    pthread_mutex_unlock(&tally.mutex);
}

static void run_once(uint64_t seed, enum way way) {
    struct race race;
    uint64_t random = seed * 0x9e3779b97f4a7c15u | 1;
    const char *script;
    const char *port_name;
    const wskt_event *event;
    wskt_result result;
    pthread_t thread;
    char *url;
    memset(&race, 0, sizeof race);
    while (draw(&random, 8) != 0) {
    }
    script = scripts[draw(&random, sizeof scripts / sizeof scripts[0])];
    port_name = draw(&random, 6) == 0 ? "wss" : "ws";
    url = script == NULL ? path_url(port_name, "/echo")
                         : script_url(port_name, script, new_id());
    race.random[0] = random ^ 0x5555;
    race.random[1] = random ^ 0xaaaa0000;
    party_make(&race.party, way, NULL, url, config);
    snprintf(race.party.name, sizeof race.party.name, "seed %llu, %s",
             (unsigned long long)seed, way_name(way));
    race.party.on_event = on_event;
    race.party.data = &race;
    if (!way_connects(way)) {
        party_start(&race.party);
    }
    CHECK_INT(pthread_create(&thread, NULL, call_beside, &race), 0);
    while (way_connects(way)) {
        party_start(&race.party);
        if (race.party.started != WSKT_ERR_INTERRUPTED) {
            break;
        }
    }
    party_drive(&race.party);
    pthread_join(thread, NULL);
    party_check_order(&race.party);
    count_run(&race.party);
    /* One that was being handed out may be counted late. */
    CHECK(!race.closed_beside ||
          race.party.messages <= race.messages_then + 1);
    /* An interrupt that ended no wait ends the next one. */
    while (way_connects(way) && race.party.socket != NULL &&
           (result = wskt_socket_recv(race.party.socket, 0, &event)) !=
               WSKT_ERR_CLOSED) {
        RESULT(result, WSKT_ERR_INTERRUPTED);
    }
    if (race.party.socket != NULL) {
        party_check_closed(&race.party);
    }
    party_free(&race.party);
    free(url);
}

struct runs {
    enum way way;
    int count;
    uint64_t seed;
};

static void *run_many(void *argument) {
    struct runs *runs = argument;
    int i;
    for (i = 0; i < runs->count; i++) {
        run_once(runs->seed + (uint64_t)i, runs->way);
    }
    return NULL;
}

static void random_orders(void) {
    const char *given = getenv("WSKT_SEED");
    const char *count = getenv("WSKT_RACES");
    int races = count != NULL ? atoi(count) : is_slow() ? 120 : 10000;
    uint64_t seed = given != NULL ? strtoull(given, NULL, 10)
                                  : (uint64_t)(now_ms() * 1000) * 1000;
    struct runs runs[WAYS];
    pthread_t threads[WAYS];
    int i;
    printf("%d random orders, WSKT_SEED=%llu\n", races, (unsigned long long)seed);
    for (i = 0; i < WAYS; i++) {
        runs[i].way = (enum way)i;
        runs[i].count = (races + WAYS - 1 - i) / WAYS;
        runs[i].seed = seed;
        CHECK_INT(pthread_create(&threads[i], NULL, run_many, &runs[i]), 0);
    }
    for (i = 0; i < WAYS; i++) {
        pthread_join(threads[i], NULL);
    }
    printf("%d runs: %d opened, %d heard messages, %d closed clean, %d were "
           "freed before the end\n",
           tally.runs, tally.opened, tally.heard, tally.clean, tally.freed);
    CHECK_INT(tally.runs, races);
    if (races >= 100) {
        /* With instruments in it, fewer come as far in their time. */
        int part = is_slow() ? 20 : 10;
        CHECK(tally.opened > races / 3);
        CHECK(tally.heard > races / part && tally.clean > races / part);
        CHECK(tally.freed > races / 20);
    }
}

int main(void) {
    static const char *const ports[] = {"ws", "wss"};
    int i, way, round;
    begin();
    config = trusting_config();
    load_certificates();
    for (i = 0; i < 2; i++) {
        for (way = 0; way < WAYS; way++) {
            now_testing("both_at_once");
            for (round = 0; round < (is_slow() ? 2 : 20); round++) {
                both_at_once(ports[i], (enum way)way);
            }
            now_testing("beside_a_large_send");
            beside_a_large_send(ports[i], (enum way)way);
        }
    }
    RUN(random_orders);
    wskt_config_free(config);
    return end();
}
