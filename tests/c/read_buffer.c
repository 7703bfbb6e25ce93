/* wskt_config_set_read_buffer: how much one read takes, and that a connection
   tells the same whatever it is. */
#include "support/cases.h"

#include <malloc.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* Behind a buffer there is room for the header of a message as large. */
enum { SPILL = 512, USUAL = 65536 };

static wskt_config *config_with(size_t read_buffer) {
    wskt_config *config = trusting_config();
    OK(wskt_config_set_read_buffer(config, read_buffer));
    return config;
}

static uint64_t received(const wskt_socket *socket) {
    struct wskt_stats stats;
    memset(&stats, 0, sizeof stats);
    stats.struct_size = sizeof stats;
    OK(wskt_socket_stats(socket, &stats));
    return stats.bytes_received;
}

/* -- how much ------------------------------------------------------------- */

/* Of these, a quarter is to be in the kernel before each of the first reads. */
enum { SMALL = 1000, SMALLS = 400, ALL = SMALLS * SMALL, THERE = ALL / 4 };

struct reader {
    const char *go;
    int fd;
    int awaited;
    uint64_t opened;
    uint64_t before;
    uint64_t most;
};

/* Waits until the kernel has that much. */
static void await_bytes(int fd, int bytes) {
    struct pollfd readable = {0};
    int one = 1;
    readable.fd = fd;
    readable.events = POLLIN;
    CHECK_INT(setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof bytes), 0);
    CHECK_INT(poll(&readable, 1, limit_ms()), 1);
    CHECK_INT(setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &one, sizeof one), 0);
}

static void measure_reads(struct party *party, const wskt_event *event) {
    struct reader *reader = party->data;
    uint64_t now = received(party->socket);
    if (event->type == WSKT_EVENT_OPEN) {
        signal_server(reader->go);
        reader->opened = now;
        await_bytes(reader->fd, THERE);
    } else if (now - reader->before > reader->most) {
        reader->most = now - reader->before;
    }
    if (now != reader->before && reader->awaited < 3 &&
        now - reader->opened + THERE < ALL) {
        reader->awaited += 1;
        await_bytes(reader->fd, THERE);
    }
    reader->before = now;
}

/* The most that one read has taken. */
static uint64_t largest_read(enum way way, const char *port_name,
                             size_t read_buffer, int size) {
    int count = ALL / size, window = 2 * THERE;
    wskt_config *config = config_with(read_buffer);
    struct reader reader = {0};
    struct party party;
    struct text script = {0}, go = {0};
    const char *id = new_id();
    char *url;
    text_add(&script, "wait $ID-go; repeat %d binn %d;"
                      "close 1000; expect-close; half-close",
             count, size);
    url = script_url(port_name, text_of(&script), id);
    text_add(&go, "%s-go", id);
    reader.go = text_of(&go);
    party_make(&party, way, NULL, url, config);
    reader.fd = connected_fd(port_name);
    /* A window as small as that of a new connection ends the wait before. */
    CHECK_INT(setsockopt(reader.fd, SOL_SOCKET, SO_RCVBUF, &window,
                         sizeof window),
              0);
    OK(wskt_socket_adopt_fd(party.socket, reader.fd));
    party.on_event = measure_reads;
    party.data = &reader;
    party_start(&party);
    party_drive(&party);
    CHECK_INT(party.messages, count);
    party_check_closed(&party);
    party_free(&party);
    wskt_config_free(config);
    text_free(&script);
    text_free(&go);
    free(url);
    return reader.most;
}

static void a_read_takes_as_much_as_was_set(void) {
    static const struct {
        size_t set;
        uint64_t least, most;
    } rows[] = {
        {4096, 4000, 4096 + SPILL},
        {20000, 19000, 20000 + SPILL},
        {USUAL, 64000, USUAL + SPILL},
        /* It grows by itself behind the first. */
        {0, USUAL + 10000, 8 * USUAL + SPILL},
        {1 << 20, THERE - SPILL, (1 << 20) + SPILL},
        {1 << 30, THERE - SPILL, (1 << 30) + SPILL},
    };
    static const char *const ports[] = {"ws", "wss"};
    size_t i, p;
    int way;
    for (way = 0; way < WAYS; way++) {
        for (p = 0; p < 2; p++) {
            for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
                uint64_t most = largest_read((enum way)way, ports[p],
                                             rows[i].set, SMALL);
                /* Records have headers of their own. */
                uint64_t least = p == 0 ? rows[i].least : rows[i].least / 10 * 9;
                if (most < least || most > rows[i].most) {
                    FAIL("%s %s: a read took %llu, and %zu were set",
                         way_name((enum way)way), ports[p],
                         (unsigned long long)most, rows[i].set);
                }
            }
        }
    }
}

/* Behind a part of a large message there is room for another. */
static void it_takes_two_large_messages_at_most(void) {
    enum { LARGE = 30000, SET = 40000 };
    int way;
    for (way = 0; way < WAYS; way++) {
        uint64_t most = largest_read((enum way)way, "ws", SET, LARGE);
        if (most > 2 * (SET + SPILL)) {
            FAIL("%s: a read took %llu", way_name((enum way)way),
                 (unsigned long long)most);
        }
    }
}

/* -- several on a loop ---------------------------------------------------- */

enum { FLOODS = 4, SIZE = 60000, COUNT = 60 };

struct flood {
    struct party party;
    const unsigned char *pattern;
    int size;
};

static void check_message(struct party *party, const wskt_event *event) {
    const struct flood *flood = party->data;
    if (event->type == WSKT_EVENT_MESSAGE) {
        CHECK_INT(as_message(event)->len, flood->size);
        CHECK(memcmp(as_message(event)->data, flood->pattern,
                     (size_t)flood->size) == 0);
    }
}

/* Each finds its own bytes, whatever the others have left in the buffer. */
static void floods_share_a_loop(enum way way) {
    static const size_t sets[FLOODS] = {USUAL, 8 << 20, 4096, 300000};
    static const char *const ports[FLOODS] = {"ws", "ws", "ws", "wss"};
    unsigned char *pattern = pattern_binary(SIZE * FLOODS);
    struct flood floods[FLOODS];
    wskt_loop *loop;
    int i;
    OK(wskt_loop_new(&loop));
    if (way == WAY_THREAD) {
        OK(wskt_loop_start(loop));
    }
    for (i = 0; i < FLOODS; i++) {
        struct flood *flood = &floods[i];
        wskt_config *config = config_with(sets[i]);
        struct text path = {0};
        char *url;
        flood->size = SIZE * (i + 1);
        flood->pattern = pattern;
        text_add(&path, "/flood?n=%d&size=%d&kind=binary", COUNT, flood->size);
        url = path_url(ports[i], text_of(&path));
        party_make(&flood->party, way, loop, url, config);
        flood->party.on_event = check_message;
        flood->party.data = flood;
        wskt_config_free(config);
        text_free(&path);
        free(url);
    }
    for (i = 0; i < FLOODS; i++) {
        party_start(&floods[i].party);
    }
    for (i = 0; i < FLOODS; i++) {
        party_drive(&floods[i].party);
    }
    for (i = 0; i < FLOODS; i++) {
        CHECK_INT(floods[i].party.messages, COUNT);
        party_check_closed(&floods[i].party);
        party_free(&floods[i].party);
    }
    OK(wskt_loop_free(loop));
    free(pattern);
}

static void floods_with_different_buffers_share_a_loop(void) {
    static const enum way loops[] = {WAY_THREAD, WAY_EMBEDDED, WAY_PULLED,
                                     WAY_LOOP_RUN};
    size_t i;
    for (i = 0; i < sizeof loops / sizeof loops[0]; i++) {
        now_testing(way_name(loops[i]));
        floods_share_a_loop(loops[i]);
    }
}

/* -- text ----------------------------------------------------------------- */

/* The first ten of twenty bytes, no text. */
#define HALF_A_TEXT "text one; raw 8114ffffffffffffffffffff;"
#define REFUSED "expect-close 1007 ''; expect-fin"
#define NO_TEXT \
    OPEN "text/1 \"one\"\n" FAILS("protocol", "invalid UTF-8 in a text message")

/* Also where it waits in the buffer until it is whole. */
static void a_text_is_checked_as_it_comes(void) {
    static const size_t sets[] = {0, USUAL, USUAL + 1};
    size_t i;
    for (i = 0; i < sizeof sets / sizeof sets[0]; i++) {
        wskt_config *config = config_with(sets[i]);
        expect_log_and_frames("ws", HALF_A_TEXT REFUSED, config, NO_TEXT,
                              "close 1007 \"\"\n");
        expect_log_and_frames("ws", "text one; raw 8106c3a4; sleep 5; raw 41ff;" REFUSED,
                              config, NO_TEXT, "close 1007 \"\"\n");
        expect_log_and_frames("ws",
                              "text one; raw 8106c3; sleep 5; raw a441; sleep 5;"
                              "raw e282; sleep 5; raw ac; close 1000; expect-close;"
                              "half-close",
                              config,
                              OPEN "text/1 \"one\"\n"
                                   "text/1 \"\\xc3\\xa4A\\xe2\\x82\\xac\"\n"
                                   "close/3 1000 \"\" clean peer=1000 peer \"\"\n",
                              "close 1000 \"\"\n");
        wskt_config_free(config);
    }
}

/* -- chunks --------------------------------------------------------------- */

/* A message that waits in a wide buffer has not begun for who asks for chunks
   then; one that is put together has. */
static void a_message_that_waits_may_still_come_in_chunks(void) {
    static const size_t sets[] = {USUAL, 1 << 20};
    size_t i;
    for (i = 0; i < 2; i++) {
        wskt_config *config = config_with(sets[i]);
        struct text script = {0}, go = {0};
        const char *id = new_id();
        struct party party;
        const wskt_event *event;
        char *url;
        text_add(&script, "text one; raw 82056162; wait $ID-go; raw 636465;"
                          "text two; close 1000; expect-close; half-close");
        text_add(&go, "%s-go", id);
        url = script_url("ws", text_of(&script), id);
        party_make(&party, WAY_PULLED, NULL, url, config);
        party_start(&party);
        party_drive_messages(&party, 1);
        RESULT(wskt_loop_next_event(party.loop, 50, &event),
               WSKT_ERR_TIMEOUT);
        OK(wskt_socket_set_message_chunks(party.socket, true));
        signal_server(text_of(&go));
        party_drive(&party);
        CHECK_STR(text_of(&party.log),
                  OPEN "text/1 \"one\"\nbinary/1 \"abcde\"\n"
                       "text/1 \"two\"\nclose/3 1000 \"\" clean peer=1000 "
                       "peer \"\"\n");
        if ((party.chunks > 1) != (sets[i] > USUAL)) {
            FAIL("%d chunks with a buffer of %zu", party.chunks, sets[i]);
        }
        party_check_closed(&party);
        party_free(&party);
        wskt_config_free(config);
        text_free(&script);
        text_free(&go);
        free(url);
    }
}

/* -- little memory -------------------------------------------------------- */

static uint64_t address_space(void) {
    unsigned long long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    CHECK(file != NULL && fscanf(file, "%llu", &pages) == 1);
    fclose(file);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Bytes that malloc has given and not got back. */
static size_t heap(void) {
#ifdef __GLIBC__
    struct mallinfo2 now = mallinfo2();
    return now.uordblks + now.hblkhd;
#else
    return 0;
#endif
}

/* Messages before and behind a silence, and the most that is kept in it of what was
   taken since the connection was opened. */
enum { HALVES = 2000, KEPT = 250 << 10 };

/* A socket of its own calls has grown its buffer. When nothing comes for a while it
   gives that back, and grows again. */
static void what_a_buffer_has_grown_by_is_given_back(void) {
    static const char *const ports[] = {"ws", "wss"};
    enum { HALF = HALVES };
    size_t p, i;
    for (p = 0; p < 2; p++) {
        wskt_config *config = trusting_config();
        struct text script = {0}, go[2] = {{0}, {0}};
        const char *id = new_id();
        wskt_socket *socket;
        const wskt_event *event;
        size_t opened;
        char *url;
        text_add(&script, "wait $ID-0; repeat %d binn 1000; wait $ID-1;"
                          "repeat %d binn 1000; close 1000; expect-close; half-close",
                 HALF, HALF);
        url = script_url(ports[p], text_of(&script), id);
        OK(wskt_socket_new(NULL, url, config, &socket));
        OK(wskt_socket_connect(socket, limit_ms()));
        OK(wskt_socket_recv(socket, limit_ms(), &event));
        CHECK_INT(event->type, WSKT_EVENT_OPEN);
        opened = heap();
        for (i = 0; i < 2; i++) {
            int messages;
            text_add(&go[i], "%s-%d", id, (int)i);
            signal_server(text_of(&go[i]));
            for (messages = 0; messages < HALF; messages++) {
                OK(wskt_socket_recv(socket, limit_ms(), &event));
                CHECK_INT(event->type, WSKT_EVENT_MESSAGE);
                CHECK_INT(as_message(event)->len, 1000);
            }
            if (i == 0) {
                /* Longer than a call waits without looking around. */
                RESULT(wskt_socket_recv(socket, 500, &event), WSKT_ERR_TIMEOUT);
                if (heap() > opened + KEPT) {
                    FAIL("%s: %zu bytes are kept", ports[p], heap() - opened);
                }
            }
        }
        OK(wskt_socket_recv(socket, limit_ms(), &event));
        CHECK_INT(event->type, WSKT_EVENT_CLOSE);
        wskt_socket_free(socket);
        wskt_config_free(config);
        text_free(&script);
        text_free(&go[0]);
        text_free(&go[1]);
        free(url);
    }
}

/* A record that comes in part has filled nothing. */
static void parts_of_records_do_not_grow_it(void) {
    enum { RECORDS = 20, RECORD = 15000 };
    wskt_config *config = trusting_config();
    struct text script = {0};
    const wskt_event *event;
    wskt_socket *socket;
    size_t opened;
    char *url;
    int i;
    text_add(&script, "tlssplit 3000 us=1000; repeat %d binn %d;"
                      "close 1000; expect-close; half-close",
             RECORDS, RECORD);
    url = script_url("wss", text_of(&script), new_id());
    OK(wskt_socket_new(NULL, url, config, &socket));
    OK(wskt_socket_connect(socket, limit_ms()));
    OK(wskt_socket_recv(socket, limit_ms(), &event));
    CHECK_INT(event->type, WSKT_EVENT_OPEN);
    opened = heap();
    for (i = 0; i < RECORDS; i++) {
        OK(wskt_socket_recv(socket, limit_ms(), &event));
        CHECK_INT(event->type, WSKT_EVENT_MESSAGE);
        CHECK_INT(as_message(event)->len, RECORD);
        if (heap() > opened + KEPT) {
            FAIL("%zu bytes were taken", heap() - opened);
        }
    }
    OK(wskt_socket_recv(socket, limit_ms(), &event));
    CHECK_INT(event->type, WSKT_EVENT_CLOSE);
    wskt_socket_free(socket);
    wskt_config_free(config);
    text_free(&script);
    free(url);
}

struct run {
    int messages;
    size_t opened;
    const char *port;
};

static void on_open_of_run(wskt_socket *socket, const wskt_open_event *event,
                           void *user_data) {
    struct run *run = user_data;
    (void)socket;
    (void)event;
    run->opened = heap();
}

static void on_message_of_run(wskt_socket *socket, const wskt_message_event *event,
                              void *user_data) {
    struct run *run = user_data;
    (void)socket;
    CHECK_INT(event->len, 1000);
    run->messages += 1;
    /* The first behind the silence: it has not grown again. */
    if (run->messages == HALVES + 1 && heap() > run->opened + KEPT) {
        FAIL("%s: %zu bytes are kept", run->port, heap() - run->opened);
    }
}

/* The same in a run, which waits in another way. */
static void a_run_gives_it_back_too(void) {
    static const char *const ports[] = {"ws", "wss"};
    size_t p;
    for (p = 0; p < 2; p++) {
        wskt_config *config = trusting_config();
        struct text script = {0};
        struct run run = {0};
        wskt_socket *socket;
        char *url;
        text_add(&script, "repeat %d binn 1000; sleep 500; repeat %d binn 1000;"
                          "close 1000; expect-close; half-close",
                 HALVES, HALVES);
        url = script_url(ports[p], text_of(&script), new_id());
        run.port = ports[p];
        OK(wskt_socket_new(NULL, url, config, &socket));
        OK(wskt_socket_set_user_data(socket, &run, NULL));
        OK(wskt_socket_set_on_open(socket, on_open_of_run));
        OK(wskt_socket_set_on_message(socket, on_message_of_run));
        OK(wskt_socket_connect(socket, limit_ms()));
        OK(wskt_socket_run(socket));
        CHECK_INT(run.messages, 2 * HALVES);
        wskt_socket_free(socket);
        wskt_config_free(config);
        text_free(&script);
        free(url);
    }
}

/* The system refuses the buffer: a smaller one does. */
static void a_buffer_that_cannot_be_had_is_smaller(void) {
    wskt_config *config = config_with(1 << 30);
    const struct rlimit none = {RLIM_INFINITY, RLIM_INFINITY};
    struct rlimit little = none;
    static const char *const ports[] = {"ws", "wss"};
    size_t p;
    int way;
    /* Tools and sanitizers need an address space of their own. */
    for (way = is_slow() ? WAYS : 0; way < WAYS; way++) {
        for (p = 0; p < 2; p++) {
            struct party party;
            char *url = path_url(ports[p], "/flood?n=20&size=200000&kind=binary");
            party_make(&party, (enum way)way, NULL, url, config);
            little.rlim_cur = address_space() + (300 << 20);
            CHECK_INT(setrlimit(RLIMIT_AS, &little), 0);
            party_start(&party);
            party_drive(&party);
            CHECK_INT(setrlimit(RLIMIT_AS, &none), 0);
            CHECK_INT(party.messages, 20);
            party_check_closed(&party);
            party_free(&party);
            free(url);
        }
    }
    wskt_config_free(config);
}

int main(int argc, char **argv) {
    static const struct named_case cases[] = {
        CASE(a_buffer_that_cannot_be_had_is_smaller),
        CASE(a_message_that_waits_may_still_come_in_chunks),
        CASE(a_read_takes_as_much_as_was_set),
        CASE(a_text_is_checked_as_it_comes),
        CASE(what_a_buffer_has_grown_by_is_given_back),
        CASE(a_run_gives_it_back_too),
        CASE(parts_of_records_do_not_grow_it),
        CASE(it_takes_two_large_messages_at_most),
        CASE(floods_with_different_buffers_share_a_loop),
    };
    return CASES(argc, argv, cases);
}
