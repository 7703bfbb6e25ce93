/* Bounded work: sockets that flood leave the others of their loop a turn, and
   what waits to be sent; a pause stops a flood where it is. */
#include "support/cases.h"

#include <poll.h>

/* Read before others get a turn, and the buffer of one read. */
#define BUDGET (512 << 10)
#define SPILL 512
/* So large a read buffer grows by itself. */
#define GROWN ((size_t)512 << 10)
#define BUFFER ((64 << 10) + SPILL)

/* -- turns ---------------------------------------------------------------- */

#define FLOODS 2
#define ROUNDS 5

struct fair {
    struct party quiet;
    struct party floods[FLOODS];
    /* The quiet socket's descriptor. */
    int fd;
    int rounds;
    /* Delivered by the floods, in all, and while a message of the quiet one
       lay in the kernel: now and at most. */
    size_t flooded;
    size_t behind;
    size_t worst;
};

static void count_flood(struct party *party, const wskt_event *event) {
    struct fair *fair = party->data;
    struct pollfd quiet;
    if (event->type != WSKT_EVENT_MESSAGE) {
        return;
    }
    quiet.fd = fair->fd;
    quiet.events = POLLIN;
    quiet.revents = 0;
    CHECK(poll(&quiet, 1, 0) >= 0);
    if (quiet.revents != 0) {
        fair->behind += as_message(event)->len;
    }
    fair->flooded += as_message(event)->len;
}

/* Round trips until the floods have brought a lot. */
static void count_quiet(struct party *party, const wskt_event *event) {
    struct fair *fair = party->data;
    if (event->type == WSKT_EVENT_MESSAGE) {
        fair->rounds += 1;
        if (fair->behind > fair->worst) {
            fair->worst = fair->behind;
        }
    } else if (event->type == WSKT_EVENT_CLOSE) {
        /* A run ends when no socket is left. */
        int i;
        for (i = 0; i < FLOODS; i++) {
            OK(wskt_socket_abort(fair->floods[i].socket));
        }
        return;
    } else if (event->type != WSKT_EVENT_OPEN) {
        return;
    }
    fair->behind = 0;
    if (fair->rounds < ROUNDS || fair->flooded < (size_t)(8 << 20)) {
        OK(wskt_socket_send_text(party->socket, "quiet", 5));
    } else {
        OK(wskt_socket_close(party->socket, 1000, NULL, 0));
    }
}

static void floods_leave_turns(enum way way, const char *port_name) {
    struct fair fair;
    wskt_config *config = trusting_config();
    wskt_loop *loop;
    char *url = path_url(port_name, "/echo");
    char *flood;
    int i;
    memset(&fair, 0, sizeof fair);
    flood = script_url(port_name, "forever binn 1000", new_id());
    OK(wskt_loop_new(&loop));
    if (way == WAY_THREAD) {
        OK(wskt_loop_start(loop));
    }
    fair.fd = connected_fd(port_name);
    party_make(&fair.quiet, way, loop, url, config);
    fair.quiet.on_event = count_quiet;
    fair.quiet.data = &fair;
    OK(wskt_socket_adopt_fd(fair.quiet.socket, fair.fd));
    for (i = 0; i < FLOODS; i++) {
        party_make(&fair.floods[i], way, loop, flood, config);
        fair.floods[i].on_event = count_flood;
        fair.floods[i].data = &fair;
        party_start(&fair.floods[i]);
    }
    party_start(&fair.quiet);
    party_drive(&fair.quiet);
    for (i = 0; i < FLOODS; i++) {
        party_drive(&fair.floods[i]);
    }
    CHECK(fair.rounds >= ROUNDS);
    /* It becomes readable right after a look at the kernel: each of the others
       has its turn, before the next look and after it. */
    if (fair.worst > (size_t)2 * FLOODS * (BUDGET + BUFFER)) {
        FAIL("%s: %zu bytes came before a message that was there",
             way_name(way), fair.worst);
    }
    for (i = 0; i < FLOODS; i++) {
        party_free(&fair.floods[i]);
    }
    party_free(&fair.quiet);
    wskt_loop_free(loop);
    wskt_config_free(config);
    free(flood);
    free(url);
}

static void a_flood_leaves_the_others_their_turns(void) {
    static const enum way loops[] = {WAY_THREAD, WAY_EMBEDDED, WAY_PULLED,
                                     WAY_LOOP_RUN};
    size_t i;
    for (i = 0; i < sizeof loops / sizeof loops[0]; i++) {
        floods_leave_turns(loops[i], "ws");
        floods_leave_turns(loops[i], "wss");
    }
}

/* -- a newcomer ------------------------------------------------------------ */

enum { ALONE = 100 };

/* Messages of the flood before its only neighbour is made, and while nobody has
   looked at that yet. */
struct newcomer {
    struct party flood;
    struct party quiet;
    int before;
    int meanwhile;
    bool seen;
};

static void sees_it(wskt_log_level level, const char *line, size_t len,
                    void *user_data) {
    struct newcomer *newcomer = user_data;
    char text[256];
    (void)level;
    snprintf(text, sizeof text, "%.*s", (int)len, line);
    if (newcomer->before == ALONE && strstr(text, "connecting to") != NULL) {
        newcomer->seen = true;
    }
}

static void count_before(struct party *party, const wskt_event *event) {
    struct newcomer *newcomer = party->data;
    if (event->type != WSKT_EVENT_MESSAGE) {
        return;
    }
    if (newcomer->before < ALONE) {
        newcomer->before += 1;
        if (newcomer->before == ALONE) {
            party_start(&newcomer->quiet);
        }
    } else if (!newcomer->seen) {
        newcomer->meanwhile += 1;
    }
}

static void close_at_once(struct party *party, const wskt_event *event) {
    if (event->type == WSKT_EVENT_OPEN) {
        OK(wskt_socket_close(party->socket, 1000, NULL, 0));
    }
}

/* Pulled, so that nothing but events comes between: an only flood is let go on
   without a look at the kernel for long, but not once somebody has come. */
static void a_pulled_flood_leaves_a_newcomer_its_turn(void) {
    struct newcomer newcomer;
    wskt_loop *loop;
    char *url = path_url("ws", "/echo");
    char *flood = script_url("ws", "forever binn 1000", new_id());
    memset(&newcomer, 0, sizeof newcomer);
    OK(wskt_loop_new(&loop));
    OK(wskt_log_set(WSKT_LOG_DEBUG, sees_it, &newcomer));
    party_make(&newcomer.flood, WAY_PULLED, loop, flood, NULL);
    newcomer.flood.on_event = count_before;
    newcomer.flood.data = &newcomer;
    party_make(&newcomer.quiet, WAY_PULLED, loop, url, NULL);
    newcomer.quiet.on_event = close_at_once;
    party_start(&newcomer.flood);
    party_drive(&newcomer.quiet);
    OK(wskt_socket_abort(newcomer.flood.socket));
    party_drive(&newcomer.flood);
    OK(wskt_log_set(WSKT_LOG_OFF, NULL, NULL));
    /* No more than what is left of the turn that runs. */
    CHECK(newcomer.meanwhile * 1000 <= BUDGET + BUFFER);
    party_check_closed(&newcomer.quiet);
    party_free(&newcomer.quiet);
    party_free(&newcomer.flood);
    wskt_loop_free(loop);
    free(flood);
    free(url);
}

/* -- pause ---------------------------------------------------------------- */

#define SIZE 60000
#define FRAME (SIZE + 4)
#define PAUSES 4

struct pauser {
    struct party *party;
    unsigned char *pattern;
    pthread_t threads[PAUSES];
    int pauses;
    int every;
    uint64_t received;
    size_t read_buffer;
};

static uint64_t received(wskt_socket *socket) {
    struct wskt_stats stats;
    memset(&stats, 0, sizeof stats);
    stats.struct_size = sizeof stats;
    OK(wskt_socket_stats(socket, &stats));
    return stats.bytes_received;
}

static void *resume_later(void *argument) {
    struct pauser *pauser = argument;
    /* The server goes on sending all that while. */
    pause_ms(30);
    CHECK(received(pauser->party->socket) == pauser->received);
    OK(wskt_socket_resume(pauser->party->socket));
    return NULL;
}

static void pause_now_and_then(struct party *party, const wskt_event *event) {
    struct pauser *pauser = party->data;
    uint64_t delivered = (uint64_t)party->messages * FRAME;
    if (event->type != WSKT_EVENT_MESSAGE) {
        return;
    }
    CHECK_INT(as_message(event)->len, SIZE);
    CHECK(memcmp(as_message(event)->data, pauser->pattern, SIZE) == 0);
    if (party->messages % pauser->every != 0 || pauser->pauses == PAUSES) {
        return;
    }
    OK(wskt_socket_pause(party->socket));
    pauser->received = received(party->socket);
    if (pauser->received - delivered > pauser->read_buffer + SPILL) {
        FAIL("%s: %llu bytes were read ahead", way_name(party->way),
             (unsigned long long)(pauser->received - delivered));
    }
    CHECK_INT(pthread_create(&pauser->threads[pauser->pauses], NULL,
                             resume_later, pauser),
              0);
    pauser->pauses += 1;
}

/* WSKT_FLOOD_MIB=1024 makes it a gibibyte. */
static int flood_messages(void) {
    const char *mib = getenv("WSKT_FLOOD_MIB");
    int wanted = mib != NULL ? atoi(mib) : 12;
    CHECK(wanted > 0 && wanted <= 1 << 20);
    return (int)(((int64_t)wanted << 20) / SIZE);
}

static void paused_flood(enum way way, const char *port_name,
                         size_t read_buffer) {
    struct pauser pauser = {0};
    struct party party;
    struct text path = {0};
    wskt_config *config = trusting_config();
    int messages = flood_messages(), i;
    long before = peak_kib();
    char *url;
    text_add(&path, "/flood?n=%d&size=%d&kind=binary", messages, SIZE);
    url = path_url(port_name, text_of(&path));
    OK(wskt_config_set_read_buffer(config, read_buffer));
    if (read_buffer == 0) {
        read_buffer = GROWN;
    }
    party_make(&party, way, NULL, url, config);
    pauser.read_buffer = read_buffer;
    pauser.party = &party;
    pauser.pattern = pattern_binary(SIZE);
    pauser.every = messages / (PAUSES + 1);
    party.on_event = pause_now_and_then;
    party.data = &pauser;
    party_start(&party);
    party_drive(&party);
    for (i = 0; i < pauser.pauses; i++) {
        pthread_join(pauser.threads[i], NULL);
    }
    CHECK_INT(pauser.pauses, PAUSES);
    CHECK_INT(party.messages, messages);
    CHECK_INT(wskt_socket_close_event(party.socket)->code, 1000);
    CHECK(wskt_socket_close_event(party.socket)->was_clean);
    CHECK(received(party.socket) == (uint64_t)messages * FRAME + 4);
    /* What is kept over a pause, and a buffer for others. */
    check_peak(before, 8192 + 2 * (long)(read_buffer >> 10));
    party_free(&party);
    wskt_config_free(config);
    free(pauser.pattern);
    text_free(&path);
    free(url);
}

static void a_pause_stops_a_flood_and_loses_nothing(void) {
    int way;
    for (way = 0; way < WAYS; way++) {
        paused_flood((enum way)way, "ws", 0);
        paused_flood((enum way)way, "wss", 0);
        paused_flood((enum way)way, "ws", 64 << 10);
        paused_flood((enum way)way, "wss", 64 << 10);
        paused_flood((enum way)way, "ws", 4 << 10);
        paused_flood((enum way)way, "ws", 2 << 20);
        paused_flood((enum way)way, "wss", 2 << 20);
    }
}

/* -- what waits to be sent ------------------------------------------------ */

enum { AHEAD = 200 };

/* The peer reads again, and has sent so much that a blocking program has
   always something to take: what it had queued leaves all the same. */
static void send_against(const char *port_name) {
    size_t size = (size_t)16 << 20;
    unsigned char *bytes = pattern_binary(size);
    wskt_config *config = trusting_config();
    const char *id = new_id();
    char *url = script_url(port_name,
                           "rcvbuf 32768; stop-reading; wait $ID-go;"
                           "repeat 200 binn 5000; mark $ID-ahead;"
                           "resume-reading; recv; expect-fin",
                           id);
    struct text name = {0};
    struct pollfd room = {0};
    const wskt_event *event;
    wskt_socket *socket;
    int taken = 0;
    OK(wskt_socket_new(NULL, url, config, &socket));
    room.fd = connected_fd(port_name);
    room.events = POLLOUT;
    OK(wskt_socket_adopt_fd(socket, room.fd));
    OK(wskt_socket_connect(socket, limit_ms()));
    OK(wskt_socket_recv(socket, limit_ms(), &event));
    OK(wskt_socket_interrupt(socket)); /* the send must not wait */
    OK(wskt_socket_send_binary(socket, bytes, size));
    CHECK(wskt_socket_buffered_amount(socket) > 0);
    RESULT(wskt_socket_recv(socket, 0, &event), WSKT_ERR_INTERRUPTED);
    text_add(&name, "%s-go", id);
    signal_server(text_of(&name));
    text_free(&name);
    text_add(&name, "%s-ahead", id);
    wait_mark(text_of(&name));
    text_free(&name);
    while (wskt_socket_buffered_amount(socket) > 0) {
        CHECK_INT(poll(&room, 1, limit_ms()), 1);
        OK(wskt_socket_recv(socket, limit_ms(), &event));
        taken += event->type == WSKT_EVENT_MESSAGE;
        if (taken == AHEAD) {
            FAIL("%zu bytes still wait", wskt_socket_buffered_amount(socket));
        }
    }
    wskt_socket_free(socket);
    wskt_config_free(config);
    free(bytes);
    free(url);
}

static void a_flood_leaves_room_to_send(void) {
    send_against("ws");
    send_against("wss");
}

int main(int argc, char **argv) {
    static const struct named_case cases[] = {
        CASE(a_flood_leaves_room_to_send),
        CASE(a_flood_leaves_the_others_their_turns),
        CASE(a_pause_stops_a_flood_and_loses_nothing),
        CASE(a_pulled_flood_leaves_a_newcomer_its_turn),
    };
    return CASES(argc, argv, cases);
}
