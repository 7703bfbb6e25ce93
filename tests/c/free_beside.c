/* wskt_socket_free beside another thread: it waits for a running callback,
   ends a blocked send, and two callbacks that free each other's sockets do
   not wait for one another. */
#include "support/ways.h"

#include <dirent.h>
#include <unistd.h>

/* A point that two threads have to reach. */
struct meeting {
    int arrived;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
};

static void meeting_make(struct meeting *meeting) {
    pthread_condattr_t attributes;
    meeting->arrived = 0;
    pthread_mutex_init(&meeting->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&meeting->changed, &attributes);
    pthread_condattr_destroy(&attributes);
}

static void meeting_end(struct meeting *meeting) {
    pthread_mutex_destroy(&meeting->mutex);
    pthread_cond_destroy(&meeting->changed);
}

/* Counts this thread in, then waits for `least` in all. */
static void meet(struct meeting *meeting, int by, int least) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += limit_ms() / 1000;
    pthread_mutex_lock(&meeting->mutex);
    meeting->arrived += by;
    pthread_cond_broadcast(&meeting->changed);
    while (meeting->arrived < least) {
        if (pthread_cond_timedwait(&meeting->changed, &meeting->mutex, &until) != 0) {
            FAIL("the other thread does not come");
        }
    }
    pthread_mutex_unlock(&meeting->mutex);
}

/* -- a callback that runs ----------------------------------------------- */

struct running {
    struct party party;
    struct meeting begun;
    struct meeting state;
    /* Under /proc, and whether it calls free now. */
    char freeing[64];
    bool frees;
    bool ended;
    int destroyed;
};

static void destroy(void *user_data) {
    struct running *running = (struct running *)((struct party *)user_data)->data;
    pthread_mutex_lock(&running->state.mutex);
    running->destroyed += 1;
    CHECK_INT(running->destroyed, 1);
    CHECK(running->ended);
    pthread_cond_broadcast(&running->state.changed);
    pthread_mutex_unlock(&running->state.mutex);
}

/* Until the other thread sleeps inside its free: what would come next must not
   come any more. */
static void wait_for_free(struct running *running) {
    double until = now_ms() + limit_ms();
    char path[128];
    char state = '?';
    bool frees = false;
    snprintf(path, sizeof path, "/proc/%s/stat", running->freeing);
    while (!frees || state != 'S') {
        FILE *stat;
        CHECK(now_ms() < until);
        pause_ms(1);
        pthread_mutex_lock(&running->state.mutex);
        frees = running->frees;
        pthread_mutex_unlock(&running->state.mutex);
        stat = fopen(path, "r");
        CHECK(stat != NULL);
        CHECK_INT(fscanf(stat, "%*d (%*[^)]) %c", &state), 1);
        fclose(stat);
    }
}

static void in_callback(struct party *party, const wskt_event *event) {
    struct running *running = party->data;
    if (event->type != WSKT_EVENT_MESSAGE) {
        return;
    }
    meet(&running->begun, 1, 2);
    wait_for_free(running);
    /* Time for the free of the other thread to return too early. */
    pause_ms(30);
    CHECK(memcmp(as_message(event)->data, "one", 3) == 0);
    pthread_mutex_lock(&running->state.mutex);
    running->ended = true;
    pthread_mutex_unlock(&running->state.mutex);
    party_freed(party);
}

static void *free_beside(void *argument) {
    struct running *running = argument;
    wskt_socket *socket = running->party.socket;
    ssize_t len = readlink("/proc/thread-self", running->freeing,
                           sizeof running->freeing - 1);
    CHECK(len > 0);
    running->freeing[len] = '\0';
    meet(&running->begun, 1, 2);
    pthread_mutex_lock(&running->state.mutex);
    running->frees = true;
    pthread_mutex_unlock(&running->state.mutex);
    wskt_socket_free(socket);
    pthread_mutex_lock(&running->state.mutex);
    CHECK(running->ended);
    pthread_mutex_unlock(&running->state.mutex);
    return NULL;
}

static void free_waits_for_the_callback(const char *port_name, enum way way,
                                        const wskt_config *config) {
    struct running running;
    char *url = script_url(port_name,
                           "hold; accept; text one; text two; flush; expect-fin",
                           new_id());
    struct timespec until;
    pthread_t thread;
    memset(&running, 0, sizeof running);
    meeting_make(&running.begun);
    meeting_make(&running.state);
    party_make(&running.party, way, NULL, url, config);
    running.party.on_event = in_callback;
    running.party.data = &running;
    OK(wskt_socket_set_user_data(running.party.socket, &running.party, destroy));
    CHECK_INT(pthread_create(&thread, NULL, free_beside, &running), 0);
    party_start(&running.party);
    party_drive(&running.party);
    pthread_join(thread, NULL);
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += limit_ms() / 1000;
    pthread_mutex_lock(&running.state.mutex);
    while (running.destroyed == 0) {
        CHECK_INT(pthread_cond_timedwait(&running.state.changed,
                                         &running.state.mutex, &until), 0);
    }
    pthread_mutex_unlock(&running.state.mutex);
    CHECK_INT(running.party.messages, 1);
    CHECK_INT(running.party.closes + running.party.errors, 0);
    party_free(&running.party);
    meeting_end(&running.begun);
    meeting_end(&running.state);
    free(url);
}

/* -- two loops free each other's sockets -------------------------------- */

struct twin {
    wskt_loop *loop;
    wskt_socket *socket;
    struct twin *other;
    struct meeting *meeting;
    int messages;
    int later;
    int destroyed;
};

static void twin_destroy(void *user_data) {
    struct twin *twin = user_data;
    pthread_mutex_lock(&twin->meeting->mutex);
    twin->destroyed += 1;
    pthread_mutex_unlock(&twin->meeting->mutex);
    meet(twin->meeting, 1, 0);
}

static void twin_message(wskt_socket *socket, const wskt_message_event *event,
                         void *user_data) {
    struct twin *twin = user_data;
    CHECK(socket == event->head.target);
    pthread_mutex_lock(&twin->meeting->mutex);
    twin->messages += 1;
    pthread_mutex_unlock(&twin->meeting->mutex);
    meet(twin->meeting, 1, 2);
    wskt_socket_free(twin->other->socket);
    /* Its own may be freed already; the event is lent all the same. */
    CHECK(memcmp(event->data, "one", 3) == 0);
}

static void twin_later(wskt_socket *socket, const wskt_close_event *event,
                       void *user_data) {
    struct twin *twin = user_data;
    (void)socket;
    (void)event;
    pthread_mutex_lock(&twin->meeting->mutex);
    twin->later += 1;
    pthread_mutex_unlock(&twin->meeting->mutex);
}

static void twins_free_each_other(const char *port_name,
                                  const wskt_config *config) {
    struct twin twins[2];
    struct meeting meeting;
    int i;
    meeting_make(&meeting);
    memset(twins, 0, sizeof twins);
    for (i = 0; i < 2; i++) {
        char *url = script_url(port_name, "text one; expect-fin", new_id());
        twins[i].other = &twins[1 - i];
        twins[i].meeting = &meeting;
        OK(wskt_loop_new(&twins[i].loop));
        OK(wskt_loop_start(twins[i].loop));
        OK(wskt_socket_new(twins[i].loop, url, config, &twins[i].socket));
        OK(wskt_socket_set_user_data(twins[i].socket, &twins[i], twin_destroy));
        OK(wskt_socket_set_on_message(twins[i].socket, twin_message));
        OK(wskt_socket_set_on_close(twins[i].socket, twin_later));
        free(url);
    }
    for (i = 0; i < 2; i++) {
        OK(wskt_socket_open(twins[i].socket));
    }
    /* Two messages and two destructors. */
    meet(&meeting, 0, 4);
    for (i = 0; i < 2; i++) {
        OK(wskt_loop_free(twins[i].loop));
    }
    for (i = 0; i < 2; i++) {
        CHECK_INT(twins[i].messages, 1);
        CHECK_INT(twins[i].destroyed, 1);
        CHECK_INT(twins[i].later, 0);
    }
    meeting_end(&meeting);
}

/* -- a send that is blocked --------------------------------------------- */

struct blocked {
    wskt_socket *socket;
    struct meeting begun;
    wskt_result result;
};

/* Whether the other threads of this process sleep in the kernel. */
static bool the_others_sleep(void) {
    DIR *tasks = opendir("/proc/self/task");
    struct dirent *entry;
    bool sleep = true;
    CHECK(tasks != NULL);
    while ((entry = readdir(tasks)) != NULL) {
        char path[300], line[512] = "";
        const char *state;
        FILE *file;
        if (atol(entry->d_name) == 0 || atol(entry->d_name) == (long)getpid()) {
            continue;
        }
        snprintf(path, sizeof path, "/proc/self/task/%s/stat", entry->d_name);
        file = fopen(path, "r");
        if (file != NULL) {
            /* PID (NAME) STATE ... */
            state = fgets(line, sizeof line, file) ? strrchr(line, ')') : NULL;
            sleep = sleep && state != NULL && state[1] == ' ' && state[2] == 'S';
            fclose(file);
        }
    }
    closedir(tasks);
    return sleep;
}

static void *send_one(void *argument) {
    struct blocked *blocked = argument;
    meet(&blocked->begun, 1, 0);
    blocked->result = wskt_socket_send_text(blocked->socket, "more", 4);
    return NULL;
}

/* The queue stands over its mark and the server does not read. */
static void free_ends_a_send(const char *port_name, const wskt_config *config,
                             bool abort_only) {
    char *url = script_url(port_name, "rcvbuf 32768; stop-reading", new_id());
    size_t size = (size_t)24 << 20;
    unsigned char *bytes = pattern_binary(size);
    const wskt_event *event;
    struct blocked blocked;
    pthread_t thread;
    double until = now_ms() + limit_ms();
    meeting_make(&blocked.begun);
    OK(wskt_socket_new(NULL, url, config, &blocked.socket));
    OK(wskt_socket_connect(blocked.socket, limit_ms()));
    /* This one is not to wait until the kernel has taken everything. */
    OK(wskt_socket_interrupt(blocked.socket));
    OK(wskt_socket_send_binary(blocked.socket, bytes, size));
    CHECK(wskt_socket_buffered_amount(blocked.socket) > 4 << 20);
    RESULT(wskt_socket_recv(blocked.socket, 0, &event), WSKT_ERR_INTERRUPTED);
    CHECK_INT(pthread_create(&thread, NULL, send_one, &blocked), 0);
    meet(&blocked.begun, 0, 1);
    while (!the_others_sleep()) {
        CHECK(now_ms() < until);
        pause_ms(1);
    }
    if (abort_only) {
        OK(wskt_socket_abort(blocked.socket));
    } else {
        wskt_socket_free(blocked.socket);
    }
    until = now_ms() + patient_ms(5000);
    pthread_join(thread, NULL);
    CHECK(now_ms() < until);
    RESULT(blocked.result, WSKT_ERR_CLOSED);
    if (abort_only) {
        wskt_socket_free(blocked.socket);
    }
    meeting_end(&blocked.begun);
    free(bytes);
    free(url);
}

int main(void) {
    static const char *const ports[] = {"ws", "wss"};
    wskt_config *config;
    int i, way, round;
    begin();
    config = trusting_config();
    for (i = 0; i < 2; i++) {
        now_testing("free_waits_for_the_callback");
        for (way = 0; way < WAYS; way++) {
            if (way_calls_back((enum way)way)) {
                free_waits_for_the_callback(ports[i], (enum way)way, config);
            }
        }
        now_testing("twins_free_each_other");
        for (round = 0; round < (is_slow() ? 5 : 100); round++) {
            twins_free_each_other(ports[i], config);
        }
        now_testing("free_ends_a_send");
        free_ends_a_send(ports[i], config, false);
        free_ends_a_send(ports[i], config, true);
    }
    wskt_config_free(config);
    return end();
}
