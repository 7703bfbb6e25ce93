/* Random orders of calls on two threads and free at any moment among them,
   while the socket is driven in any way: whatever happens, the event log keeps
   the invariants. A lock of the program's own keeps every call in front of
   free; close_races.c has the same without one, and without free beside calls.
   WSKT_SEED repeats a run. */
#include "support/ways.h"

enum { ROUNDS = 3000, SLOW_ROUNDS = 300, CALLS = 6 };

/* Rounds in which the socket opened. */
static int opened;

struct random {
    uint64_t state;
};

static unsigned next_random(struct random *random, unsigned below) {
    random->state ^= random->state << 13;
    random->state ^= random->state >> 7;
    random->state ^= random->state << 17;
    return (unsigned)(random->state >> 33) % below;
}

struct race {
    struct party party;
    /* Guards the handle: free is the last call on it. */
    pthread_mutex_t mutex;
    bool freed;
    struct random seeds[2];
};

/* One call; false if the socket is gone. The handle must not be used after
   free, so the program holds a lock of its own, as any program must. */
static bool call_something(struct race *race, struct random *random) {
    wskt_socket *socket;
    unsigned which = next_random(random, 40);
    bool there;
    char text[] = "0123456789";
    pthread_mutex_lock(&race->mutex);
    there = !race->freed;
    socket = race->party.socket;
    if (there && which < 14) {
        wskt_socket_send_text(socket, text, next_random(random, 10));
    } else if (there && which < 18) {
        unsigned char *bytes = pattern_binary(100000);
        wskt_socket_send_binary(socket, bytes, next_random(random, 100000));
        free(bytes);
    } else if (there && which < 22) {
        RESULT(wskt_socket_close(socket, 3000, "x", 1), WSKT_OK);
    } else if (there && which < 25) {
        RESULT(wskt_socket_abort(socket), WSKT_OK);
    } else if (there && which < 28) {
        wskt_socket_pause(socket);
        wskt_socket_resume(socket);
    } else if (there && which < 31) {
        wskt_socket_resume(socket);
    } else if (there && which < 34) {
        wskt_socket_interrupt(socket);
    } else if (there && which < 36) {
        wskt_socket_ping(socket, text, 10);
    } else if (there && which < 39) {
        CHECK(wskt_socket_url(socket, NULL) != NULL);
        (void)wskt_socket_buffered_amount(socket);
        (void)wskt_socket_ready_state(socket);
        (void)wskt_socket_close_event(socket);
    }
    pthread_mutex_unlock(&race->mutex);
    return there;
}

static void *call_at_random(void *argument) {
    struct race *race = argument;
    int i;
    if (next_random(&race->seeds[1], 4) != 0) {
        party_await_open(&race->party);
    }
    for (i = 0; i < CALLS; i++) {
        if (!call_something(race, &race->seeds[1])) {
            break;
        }
    }
    /* Whatever came before, this ends it. */
    pthread_mutex_lock(&race->mutex);
    if (!race->freed) {
        RESULT(wskt_socket_close(race->party.socket, 1000, NULL, 0), WSKT_OK);
    }
    pthread_mutex_unlock(&race->mutex);
    return NULL;
}

/* The same from inside the events. The lock is not held by a thread that
   waits for a callback, so it can be taken here. */
static void on_event(struct party *party, const wskt_event *event) {
    struct race *race = party->data;
    (void)event;
    call_something(race, &race->seeds[0]);
}

static void run_round(uint64_t seed, const char *url) {
    struct race race;
    struct random random = {seed * 2654435761u + 88172645463325252u};
    enum way way;
    pthread_t thread;
    int i;
    memset(&race, 0, sizeof race);
    for (i = 0; i < 5; i++) {
        next_random(&random, 2);
    }
    way = (enum way)next_random(&random, WAYS);
    race.seeds[0].state = random.state ^ 0x5555;
    race.seeds[1].state = random.state ^ 0xaaaa;
    pthread_mutex_init(&race.mutex, NULL);
    party_make(&race.party, way, NULL, url, NULL);
    snprintf(race.party.name, sizeof race.party.name, "seed %llu, %s",
             (unsigned long long)seed, way_name(way));
    race.party.on_event = on_event;
    race.party.data = &race;
    CHECK_INT(pthread_create(&thread, NULL, call_at_random, &race), 0);
    /* The thread may have closed it already. */
    do {
        party_start(&race.party);
    } while (race.party.started == WSKT_ERR_INTERRUPTED);
    party_drive(&race.party);
    party_check_order(&race.party);
    opened += race.party.opens;
    /* Half of the sockets are freed while the other thread still calls. */
    if (seed % 2 == 0) {
        pthread_mutex_lock(&race.mutex);
        race.freed = true;
        wskt_socket_free(race.party.socket);
        race.party.socket = NULL;
        pthread_mutex_unlock(&race.mutex);
    }
    pthread_join(thread, NULL);
    party_free(&race.party);
    pthread_mutex_destroy(&race.mutex);
}

/* Freed in the middle, by another thread, without looking at events. */
static void *free_soon(void *argument) {
    struct race *race = argument;
    int i;
    if (next_random(&race->seeds[1], 4) != 0) {
        party_await_open(&race->party);
    }
    for (i = 0; i < CALLS; i++) {
        call_something(race, &race->seeds[1]);
    }
    pthread_mutex_lock(&race->mutex);
    race->freed = true;
    wskt_socket_free(race->party.socket);
    pthread_mutex_unlock(&race->mutex);
    return NULL;
}

static void run_free_round(uint64_t seed, const char *url) {
    struct race race;
    pthread_t thread;
    memset(&race, 0, sizeof race);
    race.seeds[0].state = seed * 77777 + 12345;
    race.seeds[1].state = seed * 99991 + 54321;
    pthread_mutex_init(&race.mutex, NULL);
    party_make(&race.party, WAY_THREAD, NULL, url, NULL);
    party_start(&race.party);
    CHECK_INT(pthread_create(&thread, NULL, free_soon, &race), 0);
    pthread_join(thread, NULL);
    race.party.socket = NULL;
    party_check_order(&race.party);
    opened += race.party.opens;
    party_free(&race.party);
    pthread_mutex_destroy(&race.mutex);
}

int main(void) {
    const char *given = getenv("WSKT_SEED");
    int rounds = is_slow() ? SLOW_ROUNDS : ROUNDS;
    char *url = path_url("ws", "/echo");
    int i;
    begin();
    if (given != NULL) {
        run_round(strtoull(given, NULL, 10), url);
        free(url);
        return end();
    }
    for (i = 0; i < rounds; i++) {
        if (i % 5 == 0) {
            run_free_round((uint64_t)i, url);
        } else {
            run_round((uint64_t)i, url);
        }
    }
    printf("%d of %d opened\n", opened, rounds);
    CHECK(opened > rounds / 2);
    free(url);
    return end();
}
