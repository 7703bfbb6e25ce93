/* Many sockets for a long time: random messages over ws and wss in the four ways
   of driving, faults on the way, closes, aborts and frees, and another thread that
   meddles. Every byte must come back, no socket may fall silent, and after each
   round nothing is left.

       WSKT_SOAK_SECONDS   how long, all rounds together
       WSKT_SOAK_SOCKETS   how many at a time */
#include "support/support.h"
#include "support/heap.h"

#include <poll.h>

enum { MOST_SOCKETS = 1000, WINDOW = 6, LARGEST = 64 << 10, PIECE = 250 };
/* A dead peer is noticed after one and a half of it. */
static int dead_ms = 10000;

enum way { BLOCKING, THREAD, EMBEDDED, PULLED, WAYS };
enum ending { BY_CLOSE, BY_ABORT, BY_FREE };

static const char *const way_names[WAYS] = {"blocking", "thread", "embedded",
                                            "pulled"};
static const char *const slowing[] = {"none", "delay", "throttle", "cut"};
static const char *const breaking[] = {"reset", "half-close", "black-hole"};

/* One connection after the other, at one place. */
struct session {
    enum way way;
    bool tls;
    uint64_t seed;
    unsigned want, sent, got;
    enum ending ending;
    const char *fault;
    bool breaks;
    /* It is being used. */
    bool live;
    /* Closed, or freed by its own handler; by IS_OVER and SET_OVER. */
    bool over;
    double heard;
    /* Guards `socket`, which the meddler uses too. */
    pthread_mutex_t lock;
    wskt_socket *socket;
};

struct runner {
    enum way way;
    wskt_loop *loop;
    struct session *sessions;
    int count;
    uint64_t random;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
};

static wskt_config *config;
static struct session sessions[MOST_SOCKETS];
static int socket_count;
static double stop_at;
static bool meddle;
/* What was done. */
static long connections, messages, faults_met, clean, bytes;
/* The longest time a connection without a fault that breaks it heard nothing. */
static double silence;

#define SET_OVER(session) \
    __atomic_store_n(&(session)->over, true, __ATOMIC_RELEASE)
#define IS_OVER(session) __atomic_load_n(&(session)->over, __ATOMIC_ACQUIRE)
#define ADD(counter, n) __atomic_add_fetch(&(counter), n, __ATOMIC_RELAXED)

/* -- randomness --------------------------------------------------------- */

static uint64_t next(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static unsigned below(uint64_t *state, unsigned limit) {
    return (unsigned)(next(state) >> 33) % limit;
}

/* Message `index` of a session: the same whenever it is asked for. */
static size_t message(const struct session *session, unsigned index,
                      unsigned char *data, bool *is_text) {
    uint64_t state = (session->seed + index + 1) * 0x9e3779b97f4a7c15u | 1;
    size_t len, i;
    switch (below(&state, 10)) {
    case 0:
        len = below(&state, LARGEST);
        break;
    case 1:
    case 2:
    case 3:
        len = below(&state, 4096);
        break;
    default:
        len = below(&state, 200);
    }
    *is_text = below(&state, 2) == 0;
    for (i = 0; i + 8 <= len; i += 8) {
        uint64_t word = next(&state);
        memcpy(data + i, &word, 8);
    }
    for (; i < len; i++) {
        data[i] = (unsigned char)next(&state);
    }
    if (*is_text) {
        for (i = 0; i < len; i++) {
            data[i] = (unsigned char)('a' + data[i] % 26);
        }
    }
    return len;
}

/* -- one session -------------------------------------------------------- */

#define BAD(session, ...)                                                  \
    (fprintf(stderr, "soak: %s, %s, fault %s, %u of %u echoed, %u sent: ", \
             way_names[(session)->way], (session)->tls ? "wss" : "ws",     \
             (session)->fault, (session)->got, (session)->want,            \
             (session)->sent),                                             \
     FAIL(__VA_ARGS__))

static wskt_socket *take_socket(struct session *session) {
    wskt_socket *socket;
    pthread_mutex_lock(&session->lock);
    socket = session->socket;
    session->socket = NULL;
    pthread_mutex_unlock(&session->lock);
    return socket;
}

static void send_more(struct session *session) {
    unsigned char data[LARGEST];
    while (session->sent < session->want &&
           session->sent - session->got < WINDOW) {
        bool is_text;
        size_t len = message(session, session->sent, data, &is_text);
        wskt_result sent =
            is_text ? wskt_socket_send_text(session->socket, (char *)data, len)
                    : wskt_socket_send_binary(session->socket, data, len);
        if (sent == WSKT_ERR_CLOSED && session->breaks) {
            return;
        }
        if (sent == WSKT_ERR_INTERRUPTED || sent == WSKT_ERR_BUFFER_FULL ||
            (sent == WSKT_ERR_TIMEOUT && session->breaks)) {
            /* The next event tries again; heartbeats see to one. */
            return;
        }
        if (sent != WSKT_OK) {
            BAD(session, "a send returned %s", wskt_result_name(sent));
        }
        session->sent += 1;
    }
}

static void heard(struct session *session) {
    double now = now_ms(), last = session->heard;
    session->heard = now;
    if (!session->breaks && now - last > silence) {
        silence = now - last;
    }
}

static void on_message(struct session *session,
                       const wskt_message_event *event) {
    unsigned char data[LARGEST];
    bool is_text;
    size_t len = message(session, session->got, data, &is_text);
    if (session->got >= session->sent || event->len != len ||
        (event->kind == WSKT_MESSAGE_TEXT) != is_text ||
        memcmp(event->data, data, len) != 0) {
        BAD(session, "another message came back than was sent");
    }
    session->got += 1;
    ADD(messages, 1);
    ADD(bytes, (long)len);
    if (session->got == session->want) {
        switch (session->ending) {
        case BY_CLOSE:
            (void)wskt_socket_close(session->socket, 1000, "soaked", 6);
            break;
        case BY_ABORT:
            (void)wskt_socket_abort(session->socket);
            break;
        case BY_FREE:
            /* In its own callback, where there are callbacks. */
            wskt_socket_free(take_socket(session));
            SET_OVER(session);
        }
        return;
    }
    send_more(session);
}

static void on_close(struct session *session, const wskt_close_event *event) {
    bool by_us = session->got == session->want && session->ending == BY_ABORT;
    SET_OVER(session);
    if (event->was_clean) {
        if (event->code != 1000 || session->got != session->want) {
            BAD(session, "a clean close with %d", event->code);
        }
        ADD(clean, 1);
    } else if (session->breaks) {
        ADD(faults_met, 1);
    } else if (!by_us || event->cause != WSKT_CAUSE_ABORT) {
        BAD(session, "it ended with %d, %s", event->code, event->message);
    }
}

static void on_event(struct session *session, const wskt_event *event) {
    if (IS_OVER(session)) {
        BAD(session, "an event of type %s after the end", event->type_name);
    }
    heard(session);
    switch (event->type) {
    case WSKT_EVENT_OPEN:
        send_more(session);
        break;
    case WSKT_EVENT_MESSAGE:
        on_message(session, (const wskt_message_event *)event);
        break;
    case WSKT_EVENT_CLOSE:
        on_close(session, (const wskt_close_event *)event);
        break;
    case WSKT_EVENT_PONG:
        send_more(session);
        break;
    default:
        break;
    }
}

/* A callback: tells the runner of an end. */
static void call(void *user_data, const wskt_event *event) {
    struct session *session = user_data;
    on_event(session, event);
}

static void called_open(wskt_socket *socket, const wskt_open_event *event,
                        void *user_data) {
    (void)socket;
    call(user_data, &event->head);
}

static void called_message(wskt_socket *socket,
                           const wskt_message_event *event, void *user_data) {
    (void)socket;
    call(user_data, &event->head);
}

static void called_close(wskt_socket *socket, const wskt_close_event *event,
                         void *user_data) {
    (void)socket;
    call(user_data, &event->head);
}

static void called_pong(wskt_socket *socket, const wskt_pong_event *event,
                        void *user_data) {
    (void)socket;
    call(user_data, &event->head);
}

/* Makes the next connection of a place; most of them go through no fault. */
static void begin_session(struct runner *runner, struct session *session) {
    uint64_t *random = &runner->random;
    char url[128];
    int to = port(session->tls ? "wss" : "ws");
    unsigned dice = below(random, 10);
    wskt_socket *socket;
    session->seed = next(random);
    session->want = 1 + below(random, 150);
    session->sent = session->got = 0;
    session->over = false;
    session->breaks = dice < 3;
    session->fault = "none at all";
    session->ending = (enum ending)(dice < 8 ? 0 : below(random, 3));
    if (session->breaks) {
        /* Wherever that is: in the handshakes, in a message, or never. */
        session->fault = breaking[below(random, 3)];
        to = ask_proxy("make %d %s %u\n", to, session->fault,
                       below(random, below(random, 2) == 0 ? 4000 : 400000));
    } else if (dice < 6) {
        session->fault = slowing[below(random, 4)];
        to = ask_proxy("make %d %s 0\n", to, session->fault);
        /* Byte by byte and with pauses it is enough to see some. */
        session->want = session->want / 5 + 1;
    }
    snprintf(url, sizeof url, "%s://127.0.0.1:%d/echo",
             session->tls ? "wss" : "ws", to);
    OK(wskt_socket_new(runner->loop, url, config, &socket));
    OK(wskt_socket_set_user_data(socket, session, NULL));
    if (session->way == THREAD || session->way == EMBEDDED) {
        OK(wskt_socket_set_on_open(socket, called_open));
        OK(wskt_socket_set_on_message(socket, called_message));
        OK(wskt_socket_set_on_close(socket, called_close));
        OK(wskt_socket_set_on_pong(socket, called_pong));
    }
    session->heard = now_ms();
    pthread_mutex_lock(&session->lock);
    session->socket = socket;
    pthread_mutex_unlock(&session->lock);
    session->live = true;
    ADD(connections, 1);
    if (session->way != BLOCKING) {
        OK(wskt_socket_open(socket));
    }
}

/* Whether a place has ended its session for good. */
static bool go_on(struct runner *runner, struct session *session) {
    if (session->live && IS_OVER(session)) {
        wskt_socket *socket = take_socket(session);
        wskt_socket_free(socket);
        session->live = false;
    }
    if (!session->live && now_ms() < stop_at) {
        begin_session(runner, session);
    }
    if (session->live &&
        now_ms() - session->heard > dead_ms * 2 + patient_ms(15000)) {
        BAD(session, "nothing was heard for %.0f ms; it is in state %d",
            now_ms() - session->heard,
            wskt_socket_ready_state(session->socket));
    }
    return session->live;
}

/* -- the four ways ------------------------------------------------------ */

/* Whether any session of the runner lives. */
static bool tend(struct runner *runner) {
    bool any = false;
    for (int i = 0; i < runner->count; i++) {
        any |= go_on(runner, &runner->sessions[i]);
    }
    return any;
}

static void run_embedded(struct runner *runner) {
    struct pollfd watched = {wskt_loop_fd(runner->loop), POLLIN, 0};
    while (tend(runner)) {
        /* The descriptor alone must tell; the pause is for `tend`. */
        if (poll(&watched, 1, PIECE) > 0) {
            OK(wskt_loop_dispatch(runner->loop));
        }
    }
}

static void run_pulled(struct runner *runner) {
    while (tend(runner)) {
        for (int pulls = 0; pulls < 200; pulls++) {
            const wskt_event *event;
            wskt_result pulled =
                wskt_loop_next_event(runner->loop, PIECE, &event);
            if (pulled == WSKT_ERR_TIMEOUT) {
                break;
            }
            OK(pulled);
            on_event(wskt_socket_user_data(event->target), event);
        }
    }
}

static void run_thread(struct runner *runner) {
    OK(wskt_loop_start(runner->loop));
    while (tend(runner)) {
        pause_ms(5);
    }
    OK(wskt_loop_stop(runner->loop));
}

/* Each session on a thread of its own, which this is. */
static void run_blocking(struct runner *runner) {
    struct session *session = runner->sessions;
    while (go_on(runner, session)) {
        wskt_result done = wskt_socket_connect(session->socket, 30000);
        if (done != WSKT_OK && !session->breaks) {
            BAD(session, "connect returned %s", wskt_result_name(done));
        }
        while (!IS_OVER(session)) {
            const wskt_event *event;
            done = wskt_socket_recv(session->socket, PIECE, &event);
            if (done == WSKT_OK) {
                on_event(session, event);
            } else if (done != WSKT_ERR_TIMEOUT) {
                BAD(session, "recv returned %s", wskt_result_name(done));
            } else {
                (void)go_on(runner, session);
            }
        }
    }
}

static void *run(void *data) {
    struct runner *runner = data;
    if (runner->way != BLOCKING) {
        OK(wskt_loop_new(&runner->loop));
    }
    switch (runner->way) {
    case BLOCKING:
        run_blocking(runner);
        break;
    case THREAD:
        run_thread(runner);
        break;
    case EMBEDDED:
        run_embedded(runner);
        break;
    default:
        run_pulled(runner);
    }
    OK(wskt_loop_free(runner->loop));
    runner->loop = NULL;
    return NULL;
}

/* Pings, pauses and resumes whatever it finds. */
static void *meddler(void *data) {
    uint64_t random = 88172645463325252u;
    (void)data;
    while (__atomic_load_n(&meddle, __ATOMIC_ACQUIRE)) {
        struct session *session =
            &sessions[below(&random, (unsigned)socket_count)];
        pthread_mutex_lock(&session->lock);
        if (session->socket != NULL &&
            wskt_socket_ready_state(session->socket) == WSKT_OPEN) {
            if (below(&random, 2) == 0) {
                (void)wskt_socket_ping(session->socket, "meddler", 7);
            } else if (wskt_socket_pause(session->socket) == WSKT_OK) {
                (void)wskt_socket_resume(session->socket);
            }
        }
        pthread_mutex_unlock(&session->lock);
        pause_ms(2);
    }
    return NULL;
}

/* -- rounds ------------------------------------------------------------- */

static void one_round(uint64_t seed, double ms) {
    static struct runner runners[MOST_SOCKETS];
    static pthread_t threads[MOST_SOCKETS + 1];
    int count = 0, at = 0;
    stop_at = now_ms() + ms;
    __atomic_store_n(&meddle, true, __ATOMIC_RELEASE);
    while (at < socket_count) {
        struct runner *runner = &runners[count];
        /* A quarter for each way; blocking ones are alone. */
        int way = at * WAYS / socket_count;
        int many = way == BLOCKING ? 1 : 0;
        while (way != BLOCKING && at + many < socket_count &&
               (at + many) * WAYS / socket_count == way) {
            many += 1;
        }
        memset(runner, 0, sizeof *runner);
        runner->way = (enum way)way;
        runner->sessions = &sessions[at];
        runner->count = many;
        runner->random = seed * 6364136223846793005u + (uint64_t)at * 2 + 1;
        for (int i = 0; i < many; i++, at++) {
            sessions[at].way = runner->way;
            sessions[at].tls = at % 2 == 1;
        }
        CHECK(pthread_create(&threads[count], NULL, run, runner) == 0);
        count += 1;
    }
    CHECK(pthread_create(&threads[count], NULL, meddler, NULL) == 0);
    for (int i = 0; i < count; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    __atomic_store_n(&meddle, false, __ATOMIC_RELEASE);
    CHECK(pthread_join(threads[count], NULL) == 0);
}

static long resident_kib(void) {
    long pages = 0, all = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    CHECK(file != NULL && fscanf(file, "%ld %ld", &all, &pages) == 2);
    fclose(file);
    return pages * 4;
}

int main(void) {
    double seconds = atof(env("WSKT_SOAK_SECONDS"));
    int rounds = seconds < 60 ? 2 : 10;
    int threads, fds;
    long heap = 0, resident = 0;
    begin();
    socket_count = atoi(env("WSKT_SOAK_SOCKETS"));
    CHECK(socket_count >= WAYS && socket_count <= MOST_SOCKETS);
    for (int i = 0; i < socket_count; i++) {
        CHECK(pthread_mutex_init(&sessions[i].lock, NULL) == 0);
    }
    config = trusting_config();
    if (seconds < 60) {
        dead_ms = patient_ms(6000);
    }
    OK(wskt_config_set_heartbeat(config, dead_ms / 2, dead_ms));
    OK(wskt_config_set_ping_events(config, true));
    OK(wskt_config_set_open_timeout(config, dead_ms * 2));
    OK(wskt_config_set_close_timeout(config, dead_ms));
    threads = count_threads();
    fds = count_fds();
    for (int round = 0; round < rounds; round++) {
        double until;
        one_round((uint64_t)round + 1, seconds * 1000 / rounds);
        until = now_ms() + limit_ms();
        while (count_threads() != threads && now_ms() < until) {
            pause_ms(1);
        }
        printf("round %d: %ld connections, %ld clean, %ld broken off, %ld "
               "messages, %ld MB; longest silence %.0f ms; heap %ld KiB, "
               "resident %ld KiB, %d descriptors, %d threads\n",
               round + 1, connections, clean, faults_met, messages,
               bytes / 1000000, silence, heap_count() / 1024, resident_kib(),
               count_fds(), count_threads());
        fflush(stdout);
        CHECK_INT(count_threads(), threads);
        CHECK_INT(count_fds(), fds);
        CHECK_INT(wskt_handle_count(), 1);
        if (round == 0) {
            /* Caches are filled from here on. */
            heap = heap_count();
            resident = resident_kib();
        } else if (heap_count() > heap + (256 << 10)) {
            FAIL("%ld bytes more than after the first round",
                 heap_count() - heap);
        }
    }
    /* The allocator's own fragments differ. */
    CHECK(resident_kib() < resident + resident / 2 + (32 << 10));
    CHECK(messages > 0 && clean > 0 && faults_met > 0);
    wskt_config_free(config);
    return end();
}
